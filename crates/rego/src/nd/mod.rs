//! Impure builtins: asked of a host, remembered for the length of an evaluation, recorded, and replayed.
//!
//! An evaluation is given [`NdCalls`] in its [`Context`](crate::eval::Context). The first call of a builtin with some arguments goes to the host
//! ([`NdBuiltins`]), every further one gets what the first got, as in OPA. Afterwards [`NdCalls::into_cache`] has all calls as OPA's
//! `nd_builtin_cache`. A cache is a host itself: evaluating again with it gives the same decision, and a call that it does not have is
//! an error ([`NdError::NotRecorded`]).
//!
//! ```
//! use stele_rego::nd::{Local, NdBuiltins, NdCalls};
//! use stele_types::Value;
//!
//! let local = Local { seed: [7; 32], runtime: Value::object([]) };
//! let calls = NdCalls::new(&local);
//! let drawn = calls.call("rand.intn", &["dice".into(), 6.into()])?;
//! assert_eq!(calls.call("rand.intn", &["dice".into(), 6.into()])?, drawn);
//!
//! let cache = calls.into_cache();
//! let replay = NdCalls::new(&cache);
//! assert_eq!(replay.call("rand.intn", &["dice".into(), 6.into()])?, drawn);
//! assert!(replay.call("rand.intn", &["dice".into(), 7.into()]).is_err());
//! # Ok::<(), stele_rego::nd::NdError>(())
//! ```

mod cache;
mod local;

#[cfg(test)]
mod tests;

use std::cell::RefCell;

use stele_types::Value;
use thiserror::Error;

use crate::builtins::{self, Purity};

pub use cache::{NdCache, NdCacheError};
pub use local::Local;

/// What the request object of `http.send` may say, as in OPA.
pub const HTTP_SEND_PARAMETERS: &[&str] = &[
    "body",
    "cache",
    "cache_ignored_headers",
    "caching_mode",
    "enable_redirect",
    "force_cache",
    "force_cache_duration_seconds",
    "force_json_decode",
    "force_yaml_decode",
    "headers",
    "max_retry_attempts",
    "method",
    "raise_error",
    "raw_body",
    "timeout",
    "tls_ca_cert",
    "tls_ca_cert_env_variable",
    "tls_ca_cert_file",
    "tls_client_cert",
    "tls_client_cert_env_variable",
    "tls_client_cert_file",
    "tls_client_key",
    "tls_client_key_env_variable",
    "tls_client_key_file",
    "tls_insecure_skip_verify",
    "tls_server_name",
    "tls_use_system_certs",
    "url",
];

/// What answers impure builtins.
pub trait NdBuiltins {
    /// Answers one call. The number and the types of the arguments are those that the table of builtins declares.
    ///
    /// # Errors
    /// [`NdError`].
    fn call(&self, name: &'static str, args: &[Value]) -> Result<Value, NdError>;
}

/// Why a call of an impure builtin has no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NdError {
    /// It failed in a way that policies meet: the call is undefined, or an error where builtins are strict. Recorded, and replayed as the same.
    #[error("{0}")]
    Failed(String),
    /// The host does not execute it. Ends the evaluation.
    #[error("{0}")]
    Refused(String),
    /// The cache that answers has no such call. Ends the evaluation.
    #[error("the recorded nd_builtin_cache has no call with the arguments {args}")]
    NotRecorded {
        /// The arguments as a JSON array.
        args: String,
    },
    /// The time of the whole evaluation was over while it ran. Ends the evaluation.
    #[error("the deadline has passed")]
    Deadline,
}

/// The calls of one evaluation: asks the host once for each, and keeps what it said.
pub struct NdCalls<'h> {
    host: &'h dyn NdBuiltins,
    known: RefCell<NdCache>,
}

impl<'h> NdCalls<'h> {
    /// No calls yet.
    #[must_use]
    pub fn new(host: &'h dyn NdBuiltins) -> Self {
        Self {
            host,
            known: RefCell::default(),
        }
    }

    /// Answers one call. What comes back is what a replay gives: without sets, but for builtins that return one.
    ///
    /// # Errors
    /// [`NdError`].
    pub fn call(&self, name: &'static str, args: &[Value]) -> Result<Value, NdError> {
        let key = cache::key(args);
        if let Some(known) = self.known.borrow().get(name, &key) {
            return known;
        }
        // Not borrowed while the host works: it may itself evaluate.
        let answer = match self.host.call(name, args) {
            Ok(value) => Ok(cache::restored(name, value.to_json_projection())),
            Err(NdError::Failed(message)) => Err(message),
            Err(other) => return Err(other),
        };
        self.known.borrow_mut().put(name, key, answer.clone());
        answer.map_err(NdError::Failed)
    }

    /// All calls so far.
    #[must_use]
    pub fn into_cache(self) -> NdCache {
        self.known.into_inner()
    }
}

impl std::fmt::Debug for NdCalls<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NdCalls")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

/// Whether a builtin's result depends on more than arguments and the decision's time.
#[must_use]
pub fn is_impure(name: &str) -> bool {
    builtins::find(name).is_some_and(|builtin| builtin.purity == Purity::Impure)
}

/// Whether a builtin reaches out of the process, and so may take as long as it likes.
#[must_use]
pub fn is_remote(name: &str) -> bool {
    matches!(name, "http.send" | "net.lookup_ip_addr")
}
