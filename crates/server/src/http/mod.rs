//! What every endpoint shares: errors in OPA's shape, bodies in and out, parameters, the route table.

mod body;
mod error;
mod params;
mod reply;
mod table;

pub(crate) use body::read_body;
pub use error::{ApiError, ErrorItem, Location};
pub(crate) use params::{Params, decode_segments};
pub(crate) use reply::{Reply, accepts_gzip};
pub use table::{Endpoint, ROUTES, Route};
pub(crate) use table::{Matched, find};
