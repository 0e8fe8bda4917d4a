//! Why a decision, or a snapshot, could not be made.

use std::time::Duration;

use stele_policy::engine::{EngineError, InputError, Place};
use stele_types::{IdError, PolicyId};

use crate::decider::MASK;

/// Why there is no decision. None of these is ever turned into an answer, whatever a policy's enforcement.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The engine gave no answer.
    #[error("policy {policy}: {source}")]
    Evaluation {
        /// The policy that was asked.
        policy: PolicyId,
        /// What the engine said.
        source: EngineError,
    },
    /// The engine broke; it was discarded.
    #[error(
        "policy {policy}: the engine failed internally ({message}); this is a defect, please report it with the policy and the input"
    )]
    EnginePanicked {
        /// The policy that was asked.
        policy: PolicyId,
        /// What it said when it broke.
        message: String,
    },
    /// The chain has not confirmed the snapshot for too long, and the policy fails closed.
    #[error(
        "policy {policy} fails closed: the registry has not been confirmed for {} s (limit {} s); check the chain endpoint",
        age.as_secs(), limit.as_secs()
    )]
    Stale {
        /// The policy that was asked.
        policy: PolicyId,
        /// Since the last confirmation.
        age: Duration,
        /// What is allowed.
        limit: Duration,
    },
    /// The policy's metadata has `require_challengeable`, and no contract could re-execute the decision.
    #[error(
        "policy {policy} decides only what its contract can re-execute (require_challengeable): {reason}"
    )]
    NotChallengeable {
        /// The policy that was asked.
        policy: PolicyId,
        /// Why it could not.
        reason: &'static str,
    },
    /// The policy should be in force, and is not at hand.
    #[error("{}", missing_text(policy))]
    Missing {
        /// Its id; empty when it is not known yet what should be in force.
        policy: String,
    },
    /// The path covers more policies than one request may evaluate.
    #[error(
        "the path covers {policies} policies; one request may ask at most {limit}: name a policy, or raise `server.limits.fan_out`"
    )]
    FanOut {
        /// Policies below the path.
        policies: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A path segment can't be part of an entry point, so no leaf could name it.
    #[error("the path can't be decided: {0}")]
    Path(#[from] IdError),
    /// There is no input that could be decided on.
    #[error("malformed input document: {0}")]
    Input(InputError),
    /// A defect of this crate.
    #[error("internal error in the decision point: {message}; please report it")]
    Internal {
        /// What was found.
        message: String,
    },
    /// The policy that says what must not be logged failed, so nothing may be logged.
    #[error("the log mask `data.{}` failed, so the decision is withheld: {message}", MASK.join("."))]
    Mask {
        /// What went wrong.
        message: String,
    },
}

impl DecideError {
    /// A short machine-readable code, for error bodies and metrics. Evaluation errors carry OPA's codes where OPA has one.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Evaluation { source, .. } => engine_code(source),
            Self::EnginePanicked { .. } | Self::Internal { .. } => "eval_internal_error",
            Self::Stale { .. } => "snapshot_stale",
            Self::NotChallengeable { .. } => "not_challengeable",
            Self::Missing { .. } => "policy_unavailable",
            Self::FanOut { .. } => "fan_out_limit",
            Self::Path(_) | Self::Input(_) => "invalid_parameter",
            Self::Mask { .. } => "mask_error",
        }
    }

    /// The policy it is about, if it is about one.
    #[must_use]
    pub fn policy(&self) -> Option<&PolicyId> {
        match self {
            Self::Evaluation { policy, .. }
            | Self::EnginePanicked { policy, .. }
            | Self::NotChallengeable { policy, .. }
            | Self::Stale { policy, .. } => Some(policy),
            Self::Missing { .. }
            | Self::FanOut { .. }
            | Self::Path(_)
            | Self::Input(_)
            | Self::Internal { .. }
            | Self::Mask { .. } => None,
        }
    }

    /// Where in the policy's source it happened, if the engine knows.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        let Self::Evaluation { source, .. } = self else {
            return None;
        };
        match source {
            EngineError::Conflict { place, .. }
            | EngineError::Builtin { place, .. }
            | EngineError::ImpureBuiltin { place, .. }
            | EngineError::NdBuiltin { place, .. }
            | EngineError::UnknownFunction { place, .. }
            | EngineError::Refused { place, .. } => place.as_ref(),
            _ => None,
        }
    }
}

fn missing_text(policy: &str) -> String {
    if policy.is_empty() {
        return "it is not known yet which policies are in force: the registry has not been read; check the chain endpoint".to_owned();
    }
    format!("policy {policy} should be in force, but its bundle is not at hand; GET /v1/registry says why")
}

pub(crate) fn engine_code(error: &EngineError) -> &'static str {
    match error {
        EngineError::Conflict { .. } => "eval_conflict_error",
        EngineError::Builtin { .. }
        | EngineError::ImpureBuiltin { .. }
        | EngineError::NdBuiltin { .. }
        | EngineError::UnknownFunction { .. } => "eval_builtin_error",
        EngineError::TimeLimit { .. } => "eval_time_limit_error",
        EngineError::InstructionLimit { .. } => "eval_instruction_limit_error",
        EngineError::MemoryLimit { .. } => "eval_memory_limit_error",
        EngineError::DepthLimit { .. } => "eval_depth_limit_error",
        EngineError::Convert(_) => "eval_type_error",
        _ => "eval_internal_error",
    }
}

/// Why a bundle can't be put in force.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are not those that were governed.
    #[error("bundle of {policy}: its digest is {found}, the registry says {wanted}; fetch the bundle again")]
    Digest {
        /// The policy.
        policy: PolicyId,
        /// What the registry says.
        wanted: stele_types::PolicyVersion,
        /// What the bytes are.
        found: stele_types::PolicyVersion,
    },
    /// The bundle can't be loaded.
    #[error("bundle of {policy}: {message}")]
    Load {
        /// The policy.
        policy: PolicyId,
        /// What the loader said.
        message: String,
    },
    /// The bundle is of another policy.
    #[error("bundle of {policy}: it holds no such policy (it holds: {})", found.join(", "))]
    Content {
        /// The policy that was wanted.
        policy: PolicyId,
        /// The policies that it holds.
        found: Vec<String>,
    },
    /// Two policies with one id.
    #[error("policy {0} is in the snapshot twice")]
    Duplicate(PolicyId),
}
