//! Impure builtins in decisions: what answers them. Their calls go into the record.

use std::time::Duration;

use rand::{CryptoRng, RngExt as _};
use stele_policy::nd::{Local, NdBuiltins, NdError, is_remote};
use stele_types::{Timestamp, Value};

use crate::clock::Clock;
use crate::snapshot::{NodeContext, PolicyInForce};

/// Answers the builtins that reach out of the process: `http.send` and `net.lookup_ip_addr`. One for all threads.
pub trait NdHost: Send + Sync {
    /// Answers one call; blocks until there is an answer or the time is over.
    ///
    /// # Errors
    /// [`NdError`].
    fn call(&self, name: &'static str, args: &[Value], bounds: NdBounds) -> Result<Value, NdError>;
}

/// What a call must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NdBounds {
    /// The time of the decision.
    pub time: Timestamp,
    /// How long the decision may still take; [`NdError::Deadline`] afterwards.
    pub left: Option<Duration>,
}

/// What answers in one decision.
pub(crate) struct Answers<'d> {
    local: Local,
    host: Option<&'d dyn NdHost>,
    clock: &'d dyn Clock,
    /// When the evaluation began, on the clock that never goes back.
    begun: Duration,
    /// What it had to keep to when it began.
    bounds: NdBounds,
}

impl<'d> Answers<'d> {
    /// What answers a policy's impure builtins from now on; nothing when it calls none.
    pub(crate) fn of(
        policy: &PolicyInForce,
        node: &NodeContext,
        host: Option<&'d dyn NdHost>,
        clock: &'d dyn Clock,
        bounds: NdBounds,
        random: &mut impl CryptoRng,
    ) -> Option<Self> {
        policy.compiled.is_impure().then(|| Self {
            local: Local {
                seed: random.random(),
                runtime: runtime(node),
            },
            host,
            clock,
            begun: clock.monotonic(),
            bounds,
        })
    }
}

impl NdBuiltins for Answers<'_> {
    fn call(&self, name: &'static str, args: &[Value]) -> Result<Value, NdError> {
        if !is_remote(name) {
            return self.local.call(name, args);
        }
        let host = self.host.ok_or_else(|| {
            NdError::Refused(
                "no host may be asked: list those that may in `server.nd_builtins.allow_net`".to_owned(),
            )
        })?;
        let spent = self.clock.monotonic().saturating_sub(self.begun);
        let left = self.bounds.left.map(|left| left.saturating_sub(spent));
        if left == Some(Duration::ZERO) {
            return Err(NdError::Deadline);
        }
        host.call(name, args, NdBounds { left, ..self.bounds })
    }
}

/// What `opa.runtime()` says: the operator's labels and the version. Environment and keys are left out: they would go into the record.
fn runtime(node: &NodeContext) -> Value {
    let labels = node
        .labels
        .iter()
        .map(|(name, value)| (Value::string(name), Value::string(value)));
    let config = Value::object([("labels".into(), Value::object(labels))]);
    Value::object([
        ("config".into(), config),
        ("env".into(), Value::object([])),
        ("version".into(), env!("CARGO_PKG_VERSION").into()),
    ])
}
