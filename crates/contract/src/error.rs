//! What can go wrong while compiling.

use crate::asm::{AsmError, MAX_HEIGHT};
use crate::codegen::CodegenError;
use crate::lir::{ParseError, VerifyError};
use std::fmt;

/// A construct that cannot be compiled: the policy is refused rather than compiled wrongly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The plan or function, as named in the plan; empty when the whole policy is meant.
    pub func: String,
    /// Source file, empty when unknown.
    pub file: String,
    /// Line, from 1; 0 when unknown.
    pub row: u32,
    /// Column, from 1; 0 when unknown.
    pub col: u32,
    /// The construct: a builtin's name, a statement, a limit.
    pub construct: String,
    /// Why.
    pub reason: Reason,
}

/// Why a construct is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// No back-end support.
    #[error("not supported in contracts")]
    Unsupported,
    /// The builtin reads the world; contracts are pure.
    #[error("impure: its result is not determined by input and data")]
    Impure,
    /// An argument must be a literal.
    #[error("argument {0} must be a literal")]
    NotLiteral(usize),
    /// A literal pattern that does not compile.
    #[error("bad pattern: {0}")]
    BadPattern(String),
    /// A pattern whose automaton is too big for a contract.
    #[error("the pattern's automaton takes {} bytes, at most {limit} are allowed", size_or_more(*.size, *.limit))]
    PatternTooBig {
        /// Bytes needed; `None` if nobody knows how much more than `limit` they are.
        size: Option<usize>,
        /// Bytes allowed.
        limit: usize,
    },
    /// A pattern with which those of the policy take more work than they may together.
    #[error(
        "with this pattern, building those of the policy takes more than {limit} steps; repeat less in it, or split the policy"
    )]
    PatternsTooDear {
        /// Entries of tables and sets that may be looked at.
        limit: u64,
    },
    /// A pattern behind others that no contract holds.
    #[error("not looked at, because the patterns before it are more than a contract holds; mend those first")]
    PatternNotRead,
    /// A number without an exact fixed-point form.
    #[error("the number has no exact form with 18 fractional digits in 256 bits")]
    Number,
    /// The plan breaks a rule of the intermediate representation.
    #[error("invalid plan: {0}")]
    InvalidPlan(String),
    /// The plan has no entry point of this name; those that it has, some of many.
    #[error("no such entry point; there are: {0}")]
    NoEntryPoint(String),
    /// The contract is larger than the chain allows.
    #[error("the contract has {size} bytes, the limit is {limit} (EIP-170); split the policy")]
    CodeSize {
        /// Size of the runtime code.
        size: usize,
        /// `Options::max_code_size`.
        limit: usize,
    },
    /// An expression or a call with too many words.
    #[error("a function has {height} words on the stack, at most {limit} are allowed")]
    StackHeight {
        /// Words needed.
        height: usize,
        /// Words allowed.
        limit: usize,
    },
    /// A defect of the compiler, caught by one of its verifiers.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A size, or that it is more than the limit.
fn size_or_more(size: Option<usize>, limit: usize) -> String {
    size.map_or_else(|| format!("more than {limit}"), |size| size.to_string())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:{}:{}: ", self.file, self.row, self.col)?;
        }
        write!(f, "{}: {}", self.construct, self.reason)?;
        if !self.func.is_empty() {
            write!(f, " (in {})", self.func)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// A refusal of the whole policy.
    pub(crate) fn whole(construct: &str, reason: Reason) -> Self {
        let (func, file) = (String::new(), String::new());
        Self {
            func,
            file,
            row: 0,
            col: 0,
            construct: construct.to_owned(),
            reason,
        }
    }
}

/// A failed internal check becomes a refusal: no contract is made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InternalError {
    #[error("runtime library, {0}")]
    Parse(#[from] ParseError),
    #[error("low-level IR, {0}")]
    Verify(#[from] VerifyError),
    #[error("code generation, {0}")]
    Codegen(#[from] CodegenError),
    #[error("assembly, {0}")]
    Asm(#[from] AsmError),
}

impl From<InternalError> for Vec<Refusal> {
    fn from(error: InternalError) -> Self {
        let reason = match error {
            InternalError::Asm(AsmError::TooHigh { height, .. }) => Reason::StackHeight {
                height,
                limit: MAX_HEIGHT,
            },
            InternalError::Asm(AsmError::TooLong(size)) => Reason::CodeSize {
                size,
                limit: crate::EIP170_LIMIT,
            },
            other => Reason::Internal(other.to_string()),
        };
        vec![Refusal::whole("policy", reason)]
    }
}
