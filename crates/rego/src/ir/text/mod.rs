//! The text form of a policy: what people read in tests, in bug reports and in `--emit ir`.
//!
//! ```text
//! strings {
//!   s0 "result"
//! }
//! builtins {
//!   "count" {"args":[{"type":"any"}],"result":{"type":"number"},"type":"function"}
//! }
//! files {
//!   f0 "admission.rego"
//! }
//! plan "kubernetes/admission/deny" [
//!   {
//!     Call func="g0.data.kubernetes.admission.deny" args=[%0 %1] result=%2 @0:1:1
//!   }
//! ]
//! func "g0.data.kubernetes.admission.deny" path=["g0" "kubernetes" "admission" "deny"] params=[%0 %1] return=%2 [
//!   {
//!     ReturnLocal source=%2 @0:3:1
//!   }
//! ]
//! ```
//!
//! A statement is its name in JSON without `Stmt`, its fields in OPA's order, and `@FILE:ROW:COL`. `%2` is a local, `s0` a string
//! constant, `#` starts a comment that runs to the end of the line (the printer puts the text of string constants there).
//! [`print()`] and [`parse()`] are inverse to each other on every policy.

mod lex;
mod parse;
mod print;

use thiserror::Error;

pub use parse::parse;
pub use print::print;

pub(super) use parse::Parser;
pub(super) use print::Printer;

/// Why a text is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Something else was needed here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the grammar needs.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The name of a statement that does not exist.
    #[error("there is no statement `{0}`")]
    UnknownStatement(String),
    /// A number that does not fit its field.
    #[error("the number {0} is out of range")]
    NumberRange(String),
    /// A string constant or declaration that is not valid JSON.
    #[error("invalid JSON: {0}")]
    Json(String),
    /// The indices of strings and files count up from 0.
    #[error("expected the index {expected}, found {found}")]
    Index {
        /// The next index.
        expected: u32,
        /// The index in the text.
        found: u32,
    },
    /// Blocks nested deeper than [`super::MAX_NESTING`].
    #[error("blocks are nested deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
}
