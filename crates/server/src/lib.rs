//! HTTP surfaces, metrics, background tasks; the only place that wires decision point, log and chain.
//!
//! [`Server::start`] opens the port and returns a [`Handle`]. One thread per core answers requests, each with its own runtime and its own
//! engines, so that cores share nothing on the way of a decision but the log's queue; one control thread accepts connections, follows the
//! registry and anchors checkpoints. The HTTP interface is described in `docs/http-api.md` and at `/openapi.json`.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

mod blocking;
mod chain;
mod clock;
pub mod config;
mod connection;
mod decide;
mod error;
mod health;
mod http;
mod listen;
mod log;
mod metrics;
mod nd;
mod patient;
mod receipts;
mod remote;
mod routes;
mod server;
mod shared;
mod standing;
mod tasks;
mod worker;

pub use chain::{ChainLink, ChainProblem, Counted, GovernanceLink, InForce, OpenOmission, Pending};
pub use clock::{ClockProblem, DecisionClock, WallClock, system_clock};
pub use config::ServerConfig;
pub use error::ServerError;
pub use http::{ApiError, Endpoint, ErrorItem, Location, ROUTES, Route};
pub use log::{DecisionLog, LogStats};
pub use nd::Outside;
pub use receipts::{ReceiptAuthority, SignDigest};
pub use routes::openapi_document;
pub use server::{Deps, Handle, Server};
pub use tasks::{AnchorView, BundleStore};
