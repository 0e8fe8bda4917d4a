//! The intermediate representation: OPA's own, as written by `opa build -t plan` in `plan.json`.
//!
//! A [`Policy`] has a static segment (string constants, builtins, file names), *plans* (one per entry point) and
//! *functions* (one per rule). Plans and functions are lists of blocks of statements over numbered locals. The meaning
//! of each statement is documented on [`StmtKind`]; [`crate::eval`] executes it.
//!
//! Reading and writing follow OPA's JSON exactly (`serde`), with two liberties on reading: `null` stands for an empty
//! list, as Go writes it, and unknown fields of a statement are ignored.
//!
//! A plan must pass [`verify()`] before it is executed or compiled; [`crate::eval::Evaluator::new`] sees to it.

mod access;
mod json;
mod stmt;
pub mod text;
mod verify;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use access::Access;
pub use stmt::{Stmt, StmtKind};
pub use verify::{MAX_LOCALS, MAX_NESTING, Place, Unit, VerifyError, VerifyErrorKind, verify};

/// The local that holds the `input` document (undefined when there is none).
pub const INPUT: Local = Local(0);
/// The local that holds the `data` document.
pub const DATA: Local = Local(1);
/// The first local that a plan may use for its own values.
pub const FIRST_FREE: Local = Local(2);

/// A compiled policy: everything that evaluation needs apart from data, input and context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// String constants, builtins and file names that statements refer to by index or name.
    pub static_: Static,
    /// Entry points.
    pub plans: Vec<Plan>,
    /// Rules and user functions. A function calls only functions that are defined in this list.
    pub funcs: Vec<Func>,
}

/// The static data segment of a [`Policy`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Static {
    /// String constants; [`StringIndex`] and the `index` of [`StmtKind::MakeNumberRef`] point here.
    pub strings: Vec<String>,
    /// The builtin functions that the policy calls, each once.
    pub builtin_funcs: Vec<BuiltinFunc>,
    /// Names of the source files; [`Location::file`] points here.
    pub files: Vec<String>,
}

/// A builtin function that the policy calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltinFunc {
    /// Name as called, `json.filter`.
    pub name: String,
    /// OPA's type declaration: `{"type": "function", "args": [TYPE...], "result": TYPE}`, kept as it was read. Evaluation
    /// uses the number of arguments only.
    pub decl: serde_json::Value,
}

impl BuiltinFunc {
    /// The number of declared arguments; `None` when the declaration has no list of them.
    #[must_use]
    pub fn arity(&self) -> Option<usize> {
        match self.decl.get("args") {
            Some(serde_json::Value::Array(args)) => Some(args.len()),
            // `opa.runtime`, `time.now_ns`: Go omits the empty list.
            None | Some(serde_json::Value::Null) if self.decl.get("type").is_some() => Some(0),
            _ => None,
        }
    }

    /// True when the declaration allows more arguments than listed (`"variadic"`), as for `internal.print`'s kin.
    #[must_use]
    pub fn is_variadic(&self) -> bool {
        self.decl.get("variadic").is_some_and(|v| !v.is_null())
    }
}

/// An entry point: blocks that add the results to the result set with [`StmtKind::ResultSetAdd`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Path of the entry point, `kubernetes/admission/deny`.
    pub name: String,
    /// Blocks, executed in order.
    pub blocks: Vec<Block>,
}

/// A rule or user function. By convention parameters 0 and 1 are the input and data documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Func {
    /// Unique name that [`StmtKind::Call`] uses, `g0.data.kubernetes.admission.deny`.
    pub name: String,
    /// Path that [`StmtKind::CallDynamic`] uses: `["g0", "kubernetes", "admission", "deny"]`.
    pub path: Vec<String>,
    /// Locals that receive the arguments.
    pub params: Vec<Local>,
    /// Local that holds the result (read by the function's own [`StmtKind::ReturnLocal`]).
    pub return_: Local,
    /// Blocks, executed in order until one returns.
    pub blocks: Vec<Block>,
}

/// A sequence of statements. Execution leaves the block at the first undefined statement, at a break that aims further
/// out, at a return, or at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Statements in order.
    #[serde(deserialize_with = "json::null_is_empty")]
    pub stmts: Vec<Stmt>,
}

/// A variable of a plan or function. Frames are separate: locals of different functions never alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Local(pub u32);

/// An index into [`Static::strings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StringIndex(pub u32);

/// An argument of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Operand {
    /// The value of a local.
    Local(Local),
    /// A boolean constant.
    Bool(bool),
    /// A string constant.
    StringIndex(StringIndex),
}

impl Operand {
    /// The local that the operand reads, if it reads one.
    #[must_use]
    pub fn local(self) -> Option<Local> {
        match self {
            Self::Local(local) => Some(local),
            Self::Bool(_) | Self::StringIndex(_) => None,
        }
    }
}

/// Where in the source a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Location {
    /// Index into [`Static::files`].
    pub file: u32,
    /// Line, from 1.
    pub row: u32,
    /// Column in bytes, from 1.
    pub col: u32,
    /// Line of the last character; 0 when the plan does not say.
    pub end_row: u32,
    /// Column in bytes after the last character, from 1; 0 when the plan does not say.
    pub end_col: u32,
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Display for StringIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(local) => local.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::StringIndex(index) => index.fmt(f),
        }
    }
}

impl Policy {
    /// The constant at `index`.
    #[must_use]
    pub fn string(&self, index: StringIndex) -> Option<&str> {
        self.static_
            .strings
            .get(usize::try_from(index.0).ok()?)
            .map(String::as_str)
    }

    /// The name of the file that `location` points into.
    #[must_use]
    pub fn file(&self, location: Location) -> Option<&str> {
        self.static_
            .files
            .get(usize::try_from(location.file).ok()?)
            .map(String::as_str)
    }

    /// The plan of an entry point.
    #[must_use]
    pub fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name)
    }

    /// The function with this name.
    #[must_use]
    pub fn func(&self, name: &str) -> Option<&Func> {
        self.funcs.iter().find(|func| func.name == name)
    }
}
