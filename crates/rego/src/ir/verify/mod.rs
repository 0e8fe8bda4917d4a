//! Checks that a policy is well formed, so that evaluator and compilers can rely on it.
//!
//! What holds after [`verify`]:
//!
//! * indices of strings, files and locals are in range, numbers parse, and nesting and frames are bounded;
//! * names of plans, functions and builtins are unique, and every call names one of them with the right number of arguments;
//! * no function calls itself, directly or through others (dynamic calls count as calls of all functions they may reach);
//! * every break ends inside its plan or function, and none leaves a `Scan` from within (executors disagree on what that means);
//! * a local is read only where every path has set or reset it; a function returns on every path, a plan never does.
//!
//! A local that was set may still be *undefined*: that is a value of the language, not an error.

mod calls;
mod flow;

use std::collections::HashSet;

use thiserror::Error;

use super::{Block, Func, Location, Plan, Policy, Stmt, StmtKind};
use calls::Calls;

/// The deepest nesting of blocks.
pub const MAX_NESTING: usize = 128;

/// The most locals in a frame.
pub const MAX_LOCALS: u32 = 65_536;

/// A plan or a function.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unit {
    /// The static segment, or the policy as a whole.
    #[error("the policy")]
    Policy,
    /// The plan with this name.
    #[error("plan `{0}`")]
    Plan(String),
    /// The function with this name.
    #[error("function `{0}`")]
    Func(String),
}

/// Where in a policy something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The plan or function.
    pub unit: Unit,
    /// The statement's name in JSON, `DotStmt`.
    pub statement: Option<&'static str>,
    /// The source location of the statement.
    pub location: Option<Location>,
    /// The name of the file of `location`, if the policy has it.
    pub file: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.unit.fmt(f)?;
        if let (Some(statement), Some(location)) = (self.statement, self.location) {
            let file = self.file.as_deref().unwrap_or("?");
            write!(f, ", {statement} at {file}:{}:{}", location.row, location.col)?;
        }
        Ok(())
    }
}

/// A policy that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {kind}")]
pub struct VerifyError {
    /// Where.
    pub place: Box<Place>,
    /// What is wrong.
    pub kind: VerifyErrorKind,
}

/// What can be wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyErrorKind {
    /// Two plans, functions or builtins with one name.
    #[error("the name `{0}` is used twice")]
    DuplicateName(String),
    /// Two functions with one path.
    #[error("the path {0:?} is used twice")]
    DuplicatePath(Vec<String>),
    /// A builtin whose declaration does not list its arguments.
    #[error("the declaration of the builtin `{0}` has no argument list")]
    BuiltinDeclaration(String),
    /// An index outside of the string constants.
    #[error("string constant {index} does not exist; there are {count}")]
    StringIndex {
        /// The index.
        index: u32,
        /// How many constants there are.
        count: usize,
    },
    /// A location in a file that is not listed.
    #[error("file {index} does not exist; there are {count}")]
    FileIndex {
        /// The index.
        index: u32,
        /// How many files there are.
        count: usize,
    },
    /// A number constant that is not a number.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// A break that leaves its plan or function.
    #[error("the statement leaves {blocks} blocks, and only {depth} surround it")]
    BreakDepth {
        /// How many blocks it leaves.
        blocks: usize,
        /// How many there are.
        depth: usize,
    },
    /// A break that leaves a scan before its last element.
    #[error(
        "the statement leaves a scan from within, which executors of this representation do not agree on"
    )]
    BreakLeavesScan,
    /// Blocks nested too deep.
    #[error("blocks are nested deeper than {MAX_NESTING}")]
    Nesting,
    /// A frame with too many locals.
    #[error("local {0} is beyond the limit of {MAX_LOCALS} locals")]
    TooManyLocals(u32),
    /// A local that some path leaves unset.
    #[error("local {0} is not set on every path to here")]
    UnsetLocal(u32),
    /// A call of something that does not exist.
    #[error("there is no function or builtin `{0}`")]
    UnknownFunction(String),
    /// A call with the wrong number of arguments.
    #[error("`{func}` takes {arity} arguments, the call has {args}")]
    Arity {
        /// What is called.
        func: String,
        /// How many arguments it takes.
        arity: usize,
        /// How many the call has.
        args: usize,
    },
    /// A function that takes one local twice.
    #[error("the parameters are not distinct")]
    Parameters,
    /// A function that may call itself.
    #[error("the function may call itself: {}", .0.join(" -> "))]
    Recursion(Vec<String>),
    /// A path through a function that does not return.
    #[error("the end can be reached without a return")]
    MissingReturn,
    /// A return in a plan.
    #[error("a plan does not return")]
    ReturnInPlan,
    /// A result added to the result set outside of a plan.
    #[error("only a plan adds to the result set")]
    ResultInFunction,
}

/// Checks `policy`.
///
/// # Errors
/// The first violation found, with its place.
pub fn verify(policy: &Policy) -> Result<(), VerifyError> {
    Verifier {
        policy,
        calls: Calls::new(policy),
    }
    .policy()
}

/// What the checks look things up in.
struct Verifier<'a> {
    policy: &'a Policy,
    calls: Calls<'a>,
}

/// Adds the place to an error found in `stmt`.
fn located(policy: &Policy, unit: &Unit, stmt: &Stmt, kind: VerifyErrorKind) -> VerifyError {
    let place = Place {
        unit: unit.clone(),
        statement: Some(stmt.kind.name()),
        location: Some(stmt.location),
        file: policy.file(stmt.location).map(str::to_owned),
    };
    VerifyError {
        place: Box::new(place),
        kind,
    }
}

/// An error that concerns a unit as a whole.
fn unlocated(unit: Unit, kind: VerifyErrorKind) -> VerifyError {
    let place = Place {
        unit,
        statement: None,
        location: None,
        file: None,
    };
    VerifyError {
        place: Box::new(place),
        kind,
    }
}

impl Verifier<'_> {
    fn policy(&self) -> Result<(), VerifyError> {
        self.names().map_err(|kind| unlocated(Unit::Policy, kind))?;
        for plan in &self.policy.plans {
            self.plan(plan)?;
        }
        for func in &self.policy.funcs {
            self.func(func)?;
        }
        match self.calls.cycle() {
            Some(cycle) => Err(unlocated(
                Unit::Func(cycle.first().cloned().unwrap_or_default()),
                VerifyErrorKind::Recursion(cycle),
            )),
            None => Ok(()),
        }
    }

    fn names(&self) -> Result<(), VerifyErrorKind> {
        let mut plans = HashSet::new();
        let mut callees = HashSet::new();
        let mut paths = HashSet::new();
        for plan in &self.policy.plans {
            if !plans.insert(&plan.name) {
                return Err(VerifyErrorKind::DuplicateName(plan.name.clone()));
            }
        }
        for builtin in &self.policy.static_.builtin_funcs {
            if !callees.insert(&builtin.name) {
                return Err(VerifyErrorKind::DuplicateName(builtin.name.clone()));
            }
            if builtin.arity().is_none() {
                return Err(VerifyErrorKind::BuiltinDeclaration(builtin.name.clone()));
            }
        }
        for func in &self.policy.funcs {
            if !callees.insert(&func.name) {
                return Err(VerifyErrorKind::DuplicateName(func.name.clone()));
            }
            if !func.path.is_empty() && !paths.insert(&func.path) {
                return Err(VerifyErrorKind::DuplicatePath(func.path.clone()));
            }
        }
        Ok(())
    }

    fn plan(&self, plan: &Plan) -> Result<(), VerifyError> {
        let unit = Unit::Plan(plan.name.clone());
        self.blocks(&unit, &plan.blocks, &mut Vec::new(), false)?;
        flow::plan(self.policy, &unit, plan)
    }

    fn func(&self, func: &Func) -> Result<(), VerifyError> {
        let unit = Unit::Func(func.name.clone());
        let mut seen = HashSet::new();
        if !func.params.iter().all(|param| seen.insert(param)) {
            return Err(unlocated(unit, VerifyErrorKind::Parameters));
        }
        for local in func.params.iter().chain([&func.return_]) {
            if local.0 >= MAX_LOCALS {
                return Err(unlocated(unit, VerifyErrorKind::TooManyLocals(local.0)));
            }
        }
        self.blocks(&unit, &func.blocks, &mut Vec::new(), false)?;
        flow::func(self.policy, &unit, func)
    }

    /// Checks the statements of sibling blocks. `scans` has an entry for each block around them: is it the body of a scan?
    fn blocks(
        &self,
        unit: &Unit,
        blocks: &[Block],
        scans: &mut Vec<bool>,
        scan: bool,
    ) -> Result<(), VerifyError> {
        scans.push(scan);
        for stmt in blocks.iter().flat_map(|block| &block.stmts) {
            let check = self.stmt(unit, stmt).and_then(|()| leaves(&stmt.kind, scans));
            check.map_err(|kind| located(self.policy, unit, stmt, kind))?;
            let nested = stmt.kind.nested();
            if nested.is_empty() {
                continue;
            }
            if scans.len() >= MAX_NESTING {
                return Err(located(self.policy, unit, stmt, VerifyErrorKind::Nesting));
            }
            self.blocks(unit, nested, scans, matches!(stmt.kind, StmtKind::Scan { .. }))?;
        }
        scans.pop();
        Ok(())
    }

    /// The checks that need no flow: indices, names, arities.
    fn stmt(&self, unit: &Unit, stmt: &Stmt) -> Result<(), VerifyErrorKind> {
        let files = self.policy.static_.files.len();
        let index = stmt.location.file;
        // OPA leaves 0:0:0 on statements that it makes up.
        if stmt.location != Location::default() && !in_range(index, files) {
            return Err(VerifyErrorKind::FileIndex { index, count: files });
        }
        let access = stmt.kind.access();
        for local in access.reads.iter().chain(&access.writes) {
            if local.0 >= MAX_LOCALS {
                return Err(VerifyErrorKind::TooManyLocals(local.0));
            }
        }
        for index in &access.strings {
            self.string(index.0)?;
        }
        match &stmt.kind {
            StmtKind::MakeNumberRef { index, .. } => {
                let text = self.string(*index)?;
                match stele_types::Number::parse(text) {
                    Ok(_) => Ok(()),
                    Err(_) => Err(VerifyErrorKind::NotANumber(text.to_owned())),
                }
            }
            StmtKind::With { path, .. } => path.iter().try_for_each(|index| self.string(*index).map(|_| ())),
            StmtKind::Call { func, args, .. } => self.calls.check(func, args.len()),
            StmtKind::CallDynamic { args, path, .. } => self.calls.check_dynamic(path, args.len()),
            StmtKind::ReturnLocal { .. } if matches!(unit, Unit::Plan(_)) => {
                Err(VerifyErrorKind::ReturnInPlan)
            }
            StmtKind::ResultSetAdd { .. } if !matches!(unit, Unit::Plan(_)) => {
                Err(VerifyErrorKind::ResultInFunction)
            }
            _ => Ok(()),
        }
    }

    fn string(&self, index: u32) -> Result<&str, VerifyErrorKind> {
        self.policy
            .string(super::StringIndex(index))
            .ok_or(VerifyErrorKind::StringIndex {
                index,
                count: self.policy.static_.strings.len(),
            })
    }
}

fn in_range(index: u32, count: usize) -> bool {
    usize::try_from(index).is_ok_and(|index| index < count)
}

/// Checks that a statement leaves no more blocks than there are, and no scan from within.
fn leaves(kind: &StmtKind, scans: &[bool]) -> Result<(), VerifyErrorKind> {
    let blocks = match kind {
        StmtKind::Break { index } => usize::try_from(*index).unwrap_or(usize::MAX).saturating_add(1),
        StmtKind::CallDynamic { .. } => 3,
        _ => return Ok(()),
    };
    let Some(around) = scans.len().checked_sub(blocks) else {
        return Err(VerifyErrorKind::BreakDepth {
            blocks,
            depth: scans.len(),
        });
    };
    // Leaving just the body of a scan goes on with its next element.
    if scans.iter().skip(around.saturating_add(1)).any(|scan| *scan) {
        return Err(VerifyErrorKind::BreakLeavesScan);
    }
    Ok(())
}
