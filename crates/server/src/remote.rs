//! Decisions of policies that ask other hosts: on blocking threads, so that a worker's other requests do not wait with them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use stele_pdp::{Answer, Attributes, Decider, Failure, Input, NdHost, Request};
use stele_policy::Limits;
use stele_policy::engine::JsonInput;
use stele_types::{Value, json};
use tokio::sync::Semaphore;

use crate::clock::SystemClock;
use crate::http::ApiError;
use crate::shared::Shared;
use crate::worker::Worker;

/// Who decides them.
pub(crate) struct Remote {
    pub(crate) host: Arc<dyn NdHost>,
    /// One for each decision that may be under way.
    places: Arc<Semaphore>,
    /// Deciders that nobody uses, the last one used last.
    idle: Mutex<Vec<Decider>>,
}

impl Remote {
    /// At most `concurrent` decisions at once.
    pub(crate) fn new(host: Arc<dyn NdHost>, concurrent: usize) -> Self {
        Self {
            host,
            places: Arc::new(Semaphore::new(concurrent.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Decider>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many deciders are kept for the next request. Each holds the snapshot that it last decided on.
const KEPT: usize = 8;

/// Decides a request where it may wait.
///
/// # Errors
/// When the server is stopping. The decision's own failure is inside.
pub(crate) async fn decide(
    worker: &Worker,
    remote: &Remote,
    request: &Request<'_>,
) -> Result<Result<Answer, Failure>, ApiError> {
    let stopping = || ApiError::internal("the decision could not be made: the server is stopping");
    // Held until the thread has ended, even if the client is gone before.
    let queued = Instant::now();
    let place = Arc::clone(&remote.places).acquire_owned().await;
    let place = place.map_err(|_| stopping())?;
    let shared = Arc::clone(&worker.shared);
    let mut owned = Owned::of(request);
    owned.waited = owned.waited.saturating_add(queued.elapsed());
    let mut random = StdRng::from_rng(&mut *worker.random.borrow_mut());
    let work = move || {
        let outcome = match &shared.remote {
            None => None,
            Some(remote) => {
                let known = remote.idle().pop();
                let mut decider = known.unwrap_or_else(|| decider(&shared, remote));
                let outcome = decider.decide(&owned.request(), &mut random);
                let mut idle = remote.idle();
                if idle.len() < KEPT {
                    idle.push(decider);
                }
                Some(outcome)
            }
        };
        drop(place);
        outcome
    };
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.ok().flatten().ok_or_else(stopping)
}

fn decider(shared: &Shared, remote: &Remote) -> Decider {
    let clock = Box::new(SystemClock::new());
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
