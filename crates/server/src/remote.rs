//! Decisions of policies that ask other hosts: on blocking threads, so that a worker's other requests do not wait with them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use stele_pdp::{Attributes, Decider, Input, NdHost, Request};
use stele_policy::Limits;
use stele_policy::engine::JsonInput;
use stele_types::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::NdConfig;
use crate::decide::{Handed, Wanted};
use crate::http::ApiError;
use crate::shared::Shared;
use crate::worker::Worker;

/// Who decides them.
pub(crate) struct Remote {
    pub(crate) host: Arc<dyn NdHost>,
    /// One for each decision that may be under way.
    places: Arc<Semaphore>,
    /// One for each request that may wait for a place.
    queue: Semaphore,
    /// How long a request may wait for a place.
    patience: Duration,
    /// Deciders that nobody uses, the last one used last.
    idle: Mutex<Vec<Decider>>,
}

impl Remote {
    /// At most so many decisions at once, and so many requests waiting.
    pub(crate) fn new(host: Arc<dyn NdHost>, config: &NdConfig) -> Self {
        Self {
            host,
            places: Arc::new(Semaphore::new(config.concurrent.min(Semaphore::MAX_PERMITS))),
            queue: Semaphore::new(config.waiting.min(Semaphore::MAX_PERMITS)),
            patience: Duration::from_millis(config.waiting_ms),
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Decider>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, at once or after a while. A caller that goes away while it waits was decided nothing.
    async fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let busy = || {
            ApiError::unavailable(
                "remote_busy",
                "too many decisions wait for other hosts; ask again later, or raise `server.nd_builtins.concurrent`, `waiting` or `waiting_ms`",
            )
        };
        let _waits = self.queue.try_acquire().map_err(|_| busy())?;
        let place = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout(self.patience, place).await;
        place.map_err(|_| busy())?.map_err(|_| stopping())
    }
}

/// How many deciders are kept for the next request. Each holds the snapshot that it last decided on.
const KEPT: usize = 8;

fn stopping() -> ApiError {
    ApiError::internal("the decision could not be made: the server is stopping")
}

/// Decides a request where it may wait. Once it has begun it goes on to its end, evidence and counts included, whether anybody still
/// waits for the answer or not: hosts have been asked.
///
/// # Errors
/// When there is no place, or the server is stopping. The decision's own failure is inside.
pub(crate) async fn decide(
    worker: &Worker,
    remote: &Remote,
    request: &Request<'_>,
    wanted: Wanted,
) -> Result<Handed, ApiError> {
    let queued = Instant::now();
    // Held until the thread has ended, even if the client is gone before.
    let place = remote.place().await?;
    let (shared, metrics) = (Arc::clone(&worker.shared), Arc::clone(&worker.metrics));
    let mut owned = Owned::of(request);
    owned.waited = owned.waited.saturating_add(queued.elapsed());
    let mut random = StdRng::from_rng(&mut *worker.random.borrow_mut());
    let work = move || {
        let handed = shared.remote.as_ref().map(|remote| {
            let known = remote.idle().pop();
            let mut decider = known.unwrap_or_else(|| decider(&shared, remote));
            let outcome = decider.decide(&owned.request(), &mut random);
            let mut idle = remote.idle();
            if idle.len() < KEPT {
                idle.push(decider);
            }
            drop(idle);
            Handed::over(&shared.log, &metrics, outcome, wanted)
        });
        drop(place);
        handed
    };
    let handed = tokio::task::spawn_blocking(work).await;
    handed.ok().flatten().ok_or_else(stopping)
}

fn decider(shared: &Shared, remote: &Remote) -> Decider {
    let clock = Box::new(shared.clock.clone());
    Decider::new(Arc::clone(&shared.snapshots), shared.node.clone(), clock)
        .with_host(Some(Arc::clone(&remote.host)))
}

/// A request that outlives the connection it came on.
struct Owned {
    path: Vec<String>,
    input: OwnedInput,
    strict: bool,
    limits: Limits,
    fan_out: usize,
    requested_by: Option<String>,
    actor: Option<String>,
    resource: Option<String>,
    enforcement_point: Option<String>,
    trace_id: Option<String>,
    span_id: Option<String>,
    waited: Duration,
}

enum OwnedInput {
    Value(Option<Value>),
    Json {
        text: Vec<u8>,
        member: Option<String>,
        limits: json::Limits,
    },
}

impl Owned {
    fn of(request: &Request<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let attributes = &request.attributes;
        Self {
            path: request.path.to_vec(),
            input: match &request.input {
                Input::Value(value) => OwnedInput::Value(value.cloned()),
                Input::Json(json) => OwnedInput::Json {
                    text: json.text.to_vec(),
                    member: owned(json.member),
                    limits: json.limits,
                },
            },
            strict: request.strict_builtin_errors,
            limits: request.limits,
            fan_out: request.fan_out,
            requested_by: owned(attributes.requested_by),
            actor: owned(attributes.actor),
            resource: owned(attributes.resource),
            enforcement_point: owned(attributes.enforcement_point),
            trace_id: owned(attributes.trace_id),
            span_id: owned(attributes.span_id),
            waited: attributes.waited,
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            path: &self.path,
            input: match &self.input {
                OwnedInput::Value(value) => Input::Value(value.as_ref()),
                OwnedInput::Json { text, member, limits } => Input::Json(JsonInput {
                    text,
                    member: member.as_deref(),
                    limits: *limits,
                }),
            },
            strict_builtin_errors: self.strict,
            limits: self.limits,
            fan_out: self.fan_out,
            attributes: Attributes {
                requested_by: self.requested_by.as_deref(),
                actor: self.actor.as_deref(),
                resource: self.resource.as_deref(),
                enforcement_point: self.enforcement_point.as_deref(),
                trace_id: self.trace_id.as_deref(),
                span_id: self.span_id.as_deref(),
                waited: self.waited,
            },
        }
    }
}
