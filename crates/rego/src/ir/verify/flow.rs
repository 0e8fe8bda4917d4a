//! Follows every path through a plan or function: which locals are set where, where breaks lead, where returns are missing.

use super::{Unit, VerifyError, VerifyErrorKind, located, unlocated};
use crate::ir::{Block, DATA, Func, INPUT, Local, Plan, Policy, Stmt, StmtKind};

/// The locals that are set on every path to a point. `None` in place of a set: no path leads there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Set(Vec<u64>);

impl Set {
    fn position(local: Local) -> (usize, u64) {
        let word = usize::try_from(local.0 / u64::BITS).unwrap_or(usize::MAX);
        (word, 1_u64 << (local.0 % u64::BITS))
    }

    fn insert(&mut self, local: Local) {
        let (word, bit) = Self::position(local);
        if self.0.len() <= word {
            self.0.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= bit;
        }
    }

    fn contains(&self, local: Local) -> bool {
        let (word, bit) = Self::position(local);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn intersect(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (bits, others) in self.0.iter_mut().zip(&other.0) {
            *bits &= others;
        }
    }
}

/// Joins another path into `at`.
fn join(at: &mut Option<Set>, other: Option<Set>) {
    match (at.as_mut(), other) {
        (Some(set), Some(other)) => set.intersect(&other),
        (None, other) => *at = other,
        (Some(_), None) => {}
    }
}

/// One walk through a plan or function.
struct Flow<'a> {
    policy: &'a Policy,
    unit: &'a Unit,
    /// For each enclosing block, outermost first: the join of all paths that leave it early.
    exits: Vec<Option<Set>>,
}

pub(super) fn plan(policy: &Policy, unit: &Unit, plan: &Plan) -> Result<(), VerifyError> {
    let mut set = Set::default();
    set.insert(INPUT);
    set.insert(DATA);
    let mut flow = Flow {
        policy,
        unit,
        exits: Vec::new(),
    };
    flow.blocks(&plan.blocks, Some(set))?;
    Ok(())
}

pub(super) fn func(policy: &Policy, unit: &Unit, func: &Func) -> Result<(), VerifyError> {
    let mut set = Set::default();
    func.params.iter().for_each(|param| set.insert(*param));
    // The result is undefined until something sets it.
    set.insert(func.return_);
    let mut flow = Flow {
        policy,
        unit,
        exits: Vec::new(),
    };
    match flow.blocks(&func.blocks, Some(set))? {
        Some(_) => Err(unlocated(unit.clone(), VerifyErrorKind::MissingReturn)),
        None => Ok(()),
    }
}

impl Flow<'_> {
    /// Blocks in order: leaving one early leads to the next.
    fn blocks(&mut self, blocks: &[Block], mut set: Option<Set>) -> Result<Option<Set>, VerifyError> {
        for block in blocks {
            let (end, exit) = self.block(block, set)?;
            set = end;
            join(&mut set, exit);
        }
        Ok(set)
    }

    /// One block: the state at its end, and the state where it is left early.
    fn block(
        &mut self,
        block: &Block,
        mut set: Option<Set>,
    ) -> Result<(Option<Set>, Option<Set>), VerifyError> {
        self.exits.push(None);
        for stmt in &block.stmts {
            // What follows a break or return is dead; it can't do harm.
            let Some(before) = set else { break };
            set = self.stmt(stmt, before)?;
        }
        let exit = self.exits.pop().flatten();
        Ok((set, exit))
    }

    fn stmt(&mut self, stmt: &Stmt, mut set: Set) -> Result<Option<Set>, VerifyError> {
        let access = stmt.kind.access();
        if let Some(unset) = access.reads.iter().find(|local| !set.contains(**local)) {
            return Err(self.error(stmt, VerifyErrorKind::UnsetLocal(unset.0)));
        }
        if stmt.kind.can_be_undefined() {
            self.leave(0, set.clone());
        }
        match &stmt.kind {
            StmtKind::Break { index } => {
                self.leave(usize::try_from(*index).unwrap_or(usize::MAX), set);
                return Ok(None);
            }
            StmtKind::ReturnLocal { .. } => return Ok(None),
            // A function that exists but is undefined: see `StmtKind::CallDynamic`.
            StmtKind::CallDynamic { .. } => self.leave(2, set.clone()),
            StmtKind::Block { blocks } => return self.blocks(blocks, Some(set)),
            StmtKind::Scan {
                key, value, block, ..
            } => {
                let mut inner = set.clone();
                inner.insert(*key);
                inner.insert(*value);
                self.block(block, Some(inner))?;
                return Ok(Some(set));
            }
            StmtKind::Not { block } => {
                // Running to the end makes the statement undefined, which `leave` above accounts for: the state there has
                // more locals set than the one before the block.
                let (_, exit) = self.block(block, Some(set))?;
                return Ok(exit);
            }
            StmtKind::With { block, .. } => {
                let (end, _) = self.block(block, Some(set))?;
                return Ok(end);
            }
            _ => {}
        }
        access.writes.iter().for_each(|local| set.insert(*local));
        Ok(Some(set))
    }

    /// Notes that execution may leave `index + 1` blocks here. [`super::leaves`] has checked that there are as many.
    fn leave(&mut self, index: usize, set: Set) {
        if let Some(exit) = self.exits.iter_mut().rev().nth(index) {
            join(exit, Some(set));
        }
    }

    fn error(&self, stmt: &Stmt, kind: VerifyErrorKind) -> VerifyError {
        located(self.policy, self.unit, stmt, kind)
    }
}
