//! Why an evaluation has no answer.

use std::sync::Arc;

use thiserror::Error;

use super::limits::LimitKind;
use crate::builtins::{BuiltinError, Refusal};
use crate::nd::NdError;

/// A place in the policy's source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct At {
    /// File as named in the plan; empty if the plan does not name it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub row: u32,
    /// Column in bytes, from 1.
    pub col: u32,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.row, self.col)
    }
}

/// Why an evaluation has no answer. Undefined is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The policy has no such entry point.
    #[error("there is no entry point `{0}`")]
    UnknownEntryPoint(String),
    /// A complete rule or function has two values.
    #[error("{at}: complete rules must not produce multiple outputs")]
    Conflict {
        /// The rule that gave the second value.
        at: At,
    },
    /// An object rule or comprehension has two values for one key.
    #[error("{at}: object keys must be unique")]
    ObjectConflict {
        /// The rule or comprehension that gave the second value.
        at: At,
    },
    /// A builtin failed, and [`super::Options::strict_builtin_errors`] is set.
    #[error("{at}: {name}: {error}")]
    Builtin {
        /// The builtin.
        name: &'static str,
        /// Where it was called.
        at: At,
        /// What it said.
        error: BuiltinError,
    },
    /// A builtin that this engine does not execute was reached.
    #[error("{at}: {name}: {refusal}")]
    Refused {
        /// The builtin.
        name: String,
        /// Where it was called.
        at: At,
        /// Why not.
        refusal: Refusal,
    },
    /// The host did not answer an impure builtin.
    #[error("{at}: {name}: {error}")]
    Host {
        /// The builtin.
        name: String,
        /// Where it was called.
        at: At,
        /// Why not.
        error: NdError,
    },
    /// A limit was reached.
    #[error("{at}: {limit}")]
    Limit {
        /// Where.
        at: At,
        /// Which.
        limit: LimitKind,
    },
    /// A statement met a value of another type than it can work on; no plan made by a correct compiler does this.
    #[error("{at}: {statement} can't work on a {found}")]
    Malformed {
        /// The statement's name in JSON.
        statement: &'static str,
        /// Where.
        at: At,
        /// The type that was found.
        found: &'static str,
    },
}

impl EvalError {
    /// OPA's code for errors that OPA has too.
    #[must_use]
    pub fn opa_code(&self) -> Option<&'static str> {
        match self {
            Self::Conflict { .. } | Self::ObjectConflict { .. } => Some("eval_conflict_error"),
            Self::Builtin {
                error: BuiltinError::Type(_) | BuiltinError::Operand(_),
                ..
            } => Some("eval_type_error"),
            Self::Builtin { .. } => Some("eval_builtin_error"),
            Self::Limit {
                limit: LimitKind::Deadline,
                ..
            } => Some("eval_cancel_error"),
            _ => None,
        }
    }

    /// Where the error happened.
    #[must_use]
    pub fn at(&self) -> Option<&At> {
        match self {
            Self::UnknownEntryPoint(_) => None,
            Self::Conflict { at }
            | Self::ObjectConflict { at }
            | Self::Builtin { at, .. }
            | Self::Refused { at, .. }
            | Self::Host { at, .. }
            | Self::Limit { at, .. }
            | Self::Malformed { at, .. } => Some(at),
        }
    }
}
