//! Terms: computing them, and matching patterns against them.

use super::Plan;
use super::builder::Builder;
use crate::compile::hir::{Expr, Ref, Root, Var};
use crate::compile::safety::same_key;
use crate::diagnostic::Code;
use crate::ir::{INPUT, Operand, StmtKind};

impl Builder<'_, '_> {
    /// Computes a term. Unbound locals in the path of a reference are bound by iteration.
    pub(crate) fn operand(&mut self, term: &Expr) -> Plan<Operand> {
        Ok(match term {
            Expr::Null => {
                let target = self.local();
                self.emit(StmtKind::MakeNull { target });
                Operand::Local(target)
            }
            Expr::Bool(value) => Operand::Bool(*value),
            Expr::Number(text) => self.number(text),
            Expr::String(text) => self.string(text),
            Expr::Var(var) => self.bound(*var)?,
            Expr::Ref(reference) => {
                let value = self.reference(reference)?;
                self.term_point(reference, value);
                value
            }
            Expr::Array(terms) => self.array(terms)?,
            Expr::Set(terms) => {
                let target = self.local();
                self.emit(StmtKind::MakeSet { target });
                for term in terms {
                    let value = self.operand(term)?;
                    self.emit(StmtKind::SetAdd { value, set: target });
                }
                Operand::Local(target)
            }
            Expr::Object(pairs) => self.object(pairs)?,
            Expr::Comprehension(comprehension) => self.comprehension(comprehension)?,
        })
    }

    fn array(&mut self, terms: &[Expr]) -> Plan<Operand> {
        let target = self.local();
        let capacity = u32::try_from(terms.len()).unwrap_or(u32::MAX);
        self.emit(StmtKind::MakeArray { capacity, target });
        for term in terms {
            let value = self.operand(term)?;
            self.emit(StmtKind::ArrayAppend { value, array: target });
        }
        Ok(Operand::Local(target))
    }

    fn object(&mut self, pairs: &[(Expr, Expr)]) -> Plan<Operand> {
        let target = self.local();
        self.emit(StmtKind::MakeObject { target });
        for (key, value) in pairs {
            let (key, value) = (self.operand(key)?, self.operand(value)?);
            self.emit(StmtKind::ObjectInsert {
                key,
                value,
                object: target,
            });
        }
        Ok(Operand::Local(target))
    }

    fn bound(&mut self, var: Var) -> Plan<Operand> {
        match self.env.get(&var) {
            Some(operand) => Ok(*operand),
            None => {
                let help = "bind the variables of this statement in statements above it";
                Err(self.fail(
                    Code::Unsupported,
                    "this statement can't be planned: a variable in it has no value yet",
                    help,
                ))
            }
        }
    }

    fn reference(&mut self, reference: &Ref) -> Plan<Operand> {
        match reference.root {
            Root::Data => self.data_reference(&reference.path),
            Root::Var(var) => {
                let root = self.bound(var)?;
                self.steps(root, &reference.path)
            }
            Root::Input if reference.path.is_empty() => {
                // A copy: `with` may change the local.
                self.emit(StmtKind::IsDefined { source: INPUT });
                let target = self.local();
                self.emit(StmtKind::AssignVar {
                    source: Operand::Local(INPUT),
                    target,
                });
                Ok(Operand::Local(target))
            }
            Root::Input => self.steps(Operand::Local(INPUT), &reference.path),
        }
    }

    /// Looks up or iterates the parts of a path, from a value on.
    pub(crate) fn steps(&mut self, mut at: Operand, path: &[Expr]) -> Plan<Operand> {
        for part in path {
            if self.is_open(part) {
                let source = self.in_local(at);
                let (key, value) = self.open_scan(source)?;
                let (source, key, value) =
                    (Operand::Local(source), Operand::Local(key), Operand::Local(value));
                self.step_point(source, key, Some(value));
                self.matches(part, key)?;
                at = value;
            } else {
                let key = self.operand(part)?;
                // Before it is looked up: that something is missing can be what a rule finds.
                self.step_point(at, key, None);
                at = self.dot(at, key);
            }
        }
        Ok(at)
    }

    /// Whether a term has a local that is not bound yet.
    pub(crate) fn is_open(&self, term: &Expr) -> bool {
        let mut open = false;
        term.vars(&mut |var| open |= !self.env.contains_key(&var));
        open
    }

    /// As [`Self::is_open`], for patterns: what references would iterate does not count.
    fn is_pattern(&self, term: &Expr) -> bool {
        match term {
            Expr::Var(var) => !self.env.contains_key(var),
            Expr::Array(terms) => terms.iter().any(|term| self.is_pattern(term)),
            Expr::Object(pairs) => pairs.iter().any(|(_, value)| self.is_pattern(value)),
            _ => false,
        }
    }

    /// `a = b`.
    pub(crate) fn unify(&mut self, a: &Expr, b: &Expr) -> Plan<()> {
        match (self.is_pattern(a), self.is_pattern(b)) {
            (true, true) => self.unify_patterns(a, b),
            (_, false) => {
                let value = self.operand(b)?;
                self.matches(a, value)
            }
            (false, true) => {
                let value = self.operand(a)?;
                self.matches(b, value)
            }
        }
    }

    /// Both sides have parts that the other side binds.
    fn unify_patterns(&mut self, a: &Expr, b: &Expr) -> Plan<()> {
        let pairs: Vec<(&Expr, &Expr)> = match (a, b) {
            (Expr::Array(left), Expr::Array(right)) => {
                if left.len() != right.len() {
                    self.never();
                    self.bind_all(a);
                    self.bind_all(b);
                    return Ok(());
                }
                left.iter().zip(right).collect()
            }
            (Expr::Object(left), Expr::Object(right)) if left.len() == right.len() => {
                let found: Option<Vec<_>> = left
                    .iter()
                    .map(|(key, a)| {
                        right
                            .iter()
                            .find(|(other, _)| same_key(key, other))
                            .map(|(_, b)| (a, b))
                    })
                    .collect();
                match found {
                    Some(pairs) => pairs,
                    None => return Err(self.two_patterns()),
                }
            }
            _ => return Err(self.two_patterns()),
        };
        let mut waiting = pairs;
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut later = Vec::new();
            for (a, b) in waiting {
                if self.is_pattern(a) && self.is_pattern(b) && !(nested(a) && nested(b)) {
                    later.push((a, b));
                } else {
                    self.unify(a, b)?;
                }
            }
            if later.len() == before {
                return Err(self.two_patterns());
            }
            waiting = later;
        }
        Ok(())
    }

    fn two_patterns(&mut self) -> super::Failed {
        let help = "compare the parts one by one";
        self.fail(
            Code::Unsupported,
            "both sides of this unification have unbound parts",
            help,
        )
    }

    /// Gives every unbound local of an unreachable pattern some value, so that what follows can be planned.
    fn bind_all(&mut self, term: &Expr) {
        let mut vars = Vec::new();
        term.vars(&mut |var| vars.push(var));
        for var in vars {
            self.env.entry(var).or_insert(Operand::Bool(false));
        }
    }

    /// Matches a pattern against a value.
    pub(crate) fn matches(&mut self, pattern: &Expr, value: Operand) -> Plan<()> {
        match pattern {
            Expr::Var(var) if !self.env.contains_key(var) => {
                self.env.insert(*var, value);
                Ok(())
            }
            Expr::Array(terms) if self.is_pattern(pattern) => {
                self.emit(StmtKind::IsArray { source: value });
                self.has_length(value, terms.len());
                for (index, term) in terms.iter().enumerate() {
                    let key = self.integer(index);
                    let element = self.dot(value, key);
                    self.matches(term, element)?;
                }
                Ok(())
            }
            Expr::Object(pairs) if self.is_pattern(pattern) => {
                self.emit(StmtKind::IsObject { source: value });
                self.has_length(value, pairs.len());
                for (key, term) in pairs {
                    let key = self.operand(key)?;
                    let element = self.dot(value, key);
                    self.matches(term, element)?;
                }
                Ok(())
            }
            _ => {
                let a = self.operand(pattern)?;
                self.emit(StmtKind::Equal { a, b: value });
                Ok(())
            }
        }
    }

    fn has_length(&mut self, source: Operand, length: usize) {
        let target = self.local();
        self.emit(StmtKind::Len { source, target });
        let b = self.integer(length);
        self.emit(StmtKind::Equal {
            a: Operand::Local(target),
            b,
        });
    }
}

/// Whether a term has parts that can be unified one by one.
const fn nested(term: &Expr) -> bool {
    matches!(term, Expr::Array(_) | Expr::Object(_))
}
