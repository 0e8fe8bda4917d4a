//! The endpoints, one family per file.

mod audit;
mod compile;
mod data;
mod decisions;
mod explanation;
mod health;
mod log;
mod openapi;
mod policies;
mod query;
mod records;
mod refused;
mod registry;
mod status;

pub use openapi::document as openapi_document;

use crate::http::{ApiError, Endpoint, Reply};
use crate::worker::{Call, Worker};

/// Calls the endpoint.
pub(crate) async fn dispatch(
    worker: &Worker,
    endpoint: Endpoint,
    call: &Call<'_>,
) -> Result<Reply, ApiError> {
    match endpoint {
        Endpoint::DataPost => data::post(worker, call).await,
        Endpoint::DataGet => data::get(worker, call).await,
        Endpoint::DataV0 => data::webhook(worker, call).await,
        Endpoint::Default => data::default(worker, call).await,
        Endpoint::Refused => Err(refused::mutation(call)),
        Endpoint::Policies => policies::all(worker, call),
        Endpoint::Policy => policies::one(worker, call),
        Endpoint::QueryGet => query::get(worker, call).await,
        Endpoint::QueryPost => query::post(worker, call).await,
        Endpoint::Compile => compile::post(worker, call).await,
        Endpoint::Config => status::config(worker, call),
        Endpoint::Status => status::status(worker, call).await,
        Endpoint::Health => health::health(worker, call),
        Endpoint::HealthLive => Ok(health::live()),
        Endpoint::HealthReady => health::ready(worker),
        Endpoint::Metrics => status::metrics(worker).await,
        Endpoint::OpenApi => openapi::serve(call),
        Endpoint::Checkpoint => log::checkpoint(worker).await,
        Endpoint::Anchored => log::anchored(worker).await,
        Endpoint::Tile => log::tile(worker, call).await,
        Endpoint::Decisions => decisions::list(worker, call).await,
        Endpoint::Decision => decisions::one(worker, call).await,
        Endpoint::Proof => decisions::proof(worker, call).await,
        Endpoint::Inclusion => decisions::inclusion(worker, call).await,
        Endpoint::Explain => decisions::explain(worker, call).await,
        Endpoint::Erase => decisions::erase(worker, call).await,
        Endpoint::Fsck => audit::fsck(worker, call).await,
        Endpoint::Records => records::range(worker, call).await,
        Endpoint::Bundle => records::bundle(worker, call).await,
        Endpoint::Registry => registry::in_force(worker, call),
    }
}
