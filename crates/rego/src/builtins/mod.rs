//! The builtin functions of Rego: one table of what there is, and what each does.
//!
//! [`TABLE`] is the single truth about builtins: resolver, lint, evaluator and contract compiler all ask it. Behaviour is
//! OPA's, except where `docs/` lists a divergence; arithmetic is exact (see the module `numbers`).

mod aggregates;
mod args;
mod aws;
mod base64;
mod cidr;
mod collections;
mod crypto;
mod docs;
mod encoding;
mod format;
mod glob;
mod globs_intersect;
mod graph;
mod graphql;
mod impure;
mod json_patch;
mod json_paths;
mod json_schema;
mod jwt;
mod numbers;
mod objects;
mod parse_module;
mod pattern;
mod pki;
mod regex;
mod regex_syntax;
mod semver;
mod session;
mod strings;
mod subset;
mod table;
mod template;
mod text;
mod time;
mod time_layout;
mod types;
mod units;
mod uri;
mod urlquery;
mod urls;
mod uuid;
mod x509;
mod x509_chain;
mod yaml;

#[cfg(test)]
mod opa_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod x509_tests;

use std::collections::HashMap;
use std::sync::OnceLock;

use stele_types::{NumberError, Value};
use thiserror::Error;

use crate::eval::LimitKind;
use crate::nd::NdError;

pub use docs::{Documentation, documentation};
pub use glob::{glob_pattern, glob_regex};
pub(crate) use pattern::Pattern;
pub(crate) use pki::scheme::hmac_sha256;
pub use regex_syntax::go_regex;
pub(crate) use session::Patterns;
pub use session::Session;
pub use table::TABLE;
pub(crate) use text::{plain as plain_text, quote as quoted, rego as rego_text};

/// What the result of a builtin depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purity {
    /// On the arguments only. May be compiled to a contract.
    Pure,
    /// Also on the decision's context (its time), which is recorded: a contract gets it as an argument.
    Contextual,
    /// On the outside world or on chance. Refused for contracts.
    Impure,
}

/// Why an engine does not execute a builtin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    /// The result depends on the outside world or on chance.
    #[error("it depends on more than the input, the data and the time of the decision")]
    Impure,
    /// The result depends on the time, and the evaluation has none.
    #[error("the evaluation has no time")]
    NoTime,
    /// Not written yet.
    #[error("it is not implemented")]
    Unimplemented,
    /// This use of it is not supported.
    #[error("this use is not supported: {0}")]
    Unsupported(&'static str),
    /// No table of builtins lists it.
    #[error("it is not a known builtin")]
    Unknown,
}

/// Executes a builtin. The number of arguments has been checked.
pub type Function = fn(&mut Session<'_>, &[Value]) -> Result<Value, BuiltinError>;

/// How a builtin is executed.
#[derive(Clone, Copy)]
pub enum Body {
    /// By this function.
    Function(Function),
    /// Not at all.
    Refused(Refusal),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Function(_) => f.write_str("Function"),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

/// A builtin function.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Name as called, `json.filter`; operators by their function name, `plus`.
    pub name: &'static str,
    /// Types of the arguments, in the notation of [`Builtin::decl`].
    pub args: &'static [&'static str],
    /// Type of the result.
    pub result: &'static str,
    /// What the result depends on.
    pub purity: Purity,
    /// How it is executed.
    pub body: Body,
    /// The call yields several results: `walk(x, [path, value])` goes over them.
    pub relation: bool,
}

impl Builtin {
    /// The number of arguments.
    #[must_use]
    pub fn arity(&self) -> usize {
        self.args.len()
    }

    /// Why it is not executed, if it is not.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self.body {
            Body::Refused(refusal) => Some(refusal),
            Body::Function(_) => None,
        }
    }

    /// The declaration in OPA's form: `{"type": "function", "args": [TYPE...], "result": TYPE}`.
    ///
    /// The table writes types as `any`, `null`, `boolean`, `number`, `string`, `array`, `object`, `set`, or several of them
    /// with `|` between. Element types are not declared.
    #[must_use]
    pub fn decl(&self) -> serde_json::Value {
        let args: Vec<serde_json::Value> = self.args.iter().map(|text| type_decl(text)).collect();
        serde_json::json!({ "type": "function", "args": args, "result": type_decl(self.result) })
    }
}

fn type_decl(text: &str) -> serde_json::Value {
    if text.contains('|') {
        let of: Vec<serde_json::Value> = text.split('|').map(type_decl).collect();
        return serde_json::json!({ "type": "any", "of": of });
    }
    let any = || serde_json::json!({ "type": "any" });
    match text {
        "array" => serde_json::json!({ "type": "array", "dynamic": any() }),
        "object" => serde_json::json!({ "type": "object", "dynamic": { "key": any(), "value": any() } }),
        "set" => serde_json::json!({ "type": "set", "of": any() }),
        _ => serde_json::json!({ "type": text }),
    }
}

/// The builtin with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Builtin> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Builtin>> = OnceLock::new();
    BY_NAME
        .get_or_init(|| TABLE.iter().map(|builtin| (builtin.name, builtin)).collect())
        .get(name)
        .copied()
}

/// An argument of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("operand {operand} must be {expected} but got {found}")]
pub struct TypeError {
    /// Which operand, from 1.
    pub operand: usize,
    /// What it must be.
    pub expected: &'static str,
    /// The name of the type it has.
    pub found: &'static str,
}

/// Why a call of a builtin has no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuiltinError {
    /// The builtin is not defined for these arguments, which is no error: `max([])`.
    #[error("undefined")]
    Undefined,
    /// An argument of the wrong type.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// An argument of the right type that is not acceptable for another reason.
    #[error("{0}")]
    Operand(String),
    /// The builtin failed: bad syntax in an argument, division by zero and so on.
    #[error("{0}")]
    Failed(String),
    /// A limit of the evaluation was reached. Never turned into undefined.
    #[error(transparent)]
    Limit(#[from] LimitKind),
    /// This use of the builtin is not supported. Never turned into undefined.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The host does not answer an impure builtin. Never turned into undefined.
    #[error(transparent)]
    Host(NdError),
}

impl From<NdError> for BuiltinError {
    fn from(error: NdError) -> Self {
        match error {
            NdError::Failed(message) => Self::Failed(message),
            NdError::Deadline => Self::Limit(LimitKind::Deadline),
            other => Self::Host(other),
        }
    }
}

impl From<NumberError> for BuiltinError {
    fn from(error: NumberError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// An argument that is not acceptable.
fn bad_operand(message: impl Into<String>) -> BuiltinError {
    BuiltinError::Operand(message.into())
}

/// An ordinary failure.
fn failed(message: impl Into<String>) -> BuiltinError {
    BuiltinError::Failed(message.into())
}

/// Bytes that the outermost level of `value` takes, approximately.
pub(crate) fn shallow_size(value: &Value) -> u64 {
    let size = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.len().saturating_mul(16),
        Value::Set(items) => items.len().saturating_mul(32),
        Value::Object(map) => map.len().saturating_mul(48),
    };
    u64::try_from(size).unwrap_or(u64::MAX).saturating_add(16)
}
