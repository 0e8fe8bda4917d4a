//! Rules of the support modules: those that were not inlined, evaluated partially.

use super::keep::Mode;
use super::state::{Env, Frame, State};
use super::term::{SupportBranch, SupportRule, Term};
use super::{Partial, Result, propagate};
use crate::compile::hir::{Branch, Literal, LiteralKind, Path, Rule};
use crate::compile::tree::{Group, GroupId, Kind};

/// A group of which a support module has a version.
struct Version<'g> {
    group: &'g Group,
    path: Path,
    mode: Mode,
}

impl<'a> Partial<'a> {
    /// Makes the rules of all groups that are referred to, and of those that they refer to.
    pub(super) fn finish_support(&mut self) -> Result<()> {
        loop {
            if let Some(id) = self.queue.pop_front() {
                self.support(id, Mode::Plain)?;
            } else if let Some(id) = self.whole_queue.pop_front() {
                self.support(id, Mode::Whole)?;
            } else {
                self.base_documents();
                return Ok(());
            }
        }
    }

    fn support(&mut self, id: GroupId, mode: Mode) -> Result<()> {
        let checked = self.checked;
        let Some(group) = checked.tree.groups.get(id) else {
            return Ok(());
        };
        let path = match mode {
            Mode::Plain => self.support_reference(id, group),
            Mode::Whole => super::whole::whole_path(&group.path),
        };
        let version = Version { group, path, mode };
        let first = self.rules.len();
        let rules = || group.rules.iter().filter_map(|id| checked.rules.get(id));
        let function = matches!(group.kind, Kind::Function(_));
        if mode == Mode::Plain && !self.deps.group(id) && !function {
            return self.known_support(&version);
        }
        for rule in rules() {
            match (mode, rule.branches.as_slice()) {
                (Mode::Plain, [branch]) => self.split(&version, rule, branch)?,
                (Mode::Plain, _) => self.chain(&version, rule)?,
                (Mode::Whole, _) => self.copy(&version, rule)?,
            }
        }
        if let Some(rule) = group.default.and_then(|id| checked.rules.get(&id)) {
            self.default(&version, rule)?;
        }
        let open =
            self.rules.iter().skip(first).any(|rule| {
                rule.path == version.path && (group.kind != Kind::Object || !constant(&rule.suffix))
            });
        if group.kind != Kind::Complete && !open {
            self.placeholder(&version);
        }
        Ok(())
    }

    fn known_support(&mut self, version: &Version<'a>) -> Result<()> {
        let frame = Frame {
            branch: self.query,
            file: self.query_file,
        };
        if let Some(value) = self.known_document(frame, &version.group.path)? {
            let value = Term::Const(value);
            self.add(version, false, Vec::new(), None, false, vec![(value, Vec::new())]);
        }
        Ok(())
    }

    /// A rule that never holds, so that there is a set, an object or a function.
    fn placeholder(&mut self, version: &Version<'a>) {
        let never = vec![(Term::boolean(true), vec![super::term::Statement::never()])];
        let (suffix, args, contains) = match version.group.kind {
            Kind::Complete => return,
            Kind::Set => (Vec::new(), None, true),
            Kind::Function(arity) => (
                Vec::new(),
                Some((0..arity).map(|_| self.unnamed()).collect()),
                false,
            ),
            Kind::Object => (vec![nowhere()], None, false),
        };
        self.add(version, false, suffix, args, contains, never);
    }

    fn add(
        &mut self,
        version: &Version<'a>,
        default: bool,
        suffix: Vec<Term>,
        args: Option<Vec<u32>>,
        contains: bool,
        branches: Vec<(Term, Vec<super::term::Statement>)>,
    ) {
        let mut rule = SupportRule {
            default,
            path: version.path.clone(),
            suffix,
            args,
            contains,
            branches: branches
                .into_iter()
                .map(|(value, body)| SupportBranch { value, body })
                .collect(),
        };
        propagate::simplify_rule(&mut rule);
        if self.known_rules.insert(rule.clone()) {
            self.rules.push(rule);
        }
    }

    /// The variables of a rule's parameters, and what its locals stand for.
    fn enter(&mut self, version: &Version<'a>, rule: &'a Rule) -> Option<Vec<u32>> {
        let Kind::Function(_) = version.group.kind else {
            return None;
        };
        let branch = rule.branches.first()?;
        let frame = Frame {
            branch,
            file: rule.file,
        };
        let params = branch.params.iter();
        Some(params.map(|var| self.fresh(frame, Some(*var))).collect())
    }

    /// A rule without `else`: one rule for each way through it.
    fn split(&mut self, version: &Version<'a>, rule: &'a Rule, branch: &'a Branch) -> Result<()> {
        let contains = contains(version.group, rule);
        let args = self.enter(version, rule);
        let frame = Frame {
            branch,
            file: rule.file,
        };
        let start = State {
            env: environment(branch, args.as_deref()),
            ..State::default()
        };
        for way in self.body(frame, &branch.body, vec![start])? {
            for (way, mut terms) in self.heads(frame, branch, way)? {
                let Some(value) = terms.pop() else { continue };
                self.add(
                    version,
                    false,
                    terms,
                    args.clone(),
                    contains,
                    vec![(value, way.out)],
                );
            }
        }
        Ok(())
    }

    /// The terms of a head: the suffix, then the value.
    fn heads(
        &mut self,
        frame: Frame<'a>,
        branch: &'a Branch,
        state: State,
    ) -> Result<Vec<(State, Vec<Term>)>> {
        if state.dead {
            // Nothing comes of it, whatever the head is.
            let keys = branch.suffix.iter().map(|_| nowhere());
            // Rules that all have one constant settle their document at the first that holds; this one must not join them.
            let value = self
                .closed(&branch.value, &State::default())
                .filter(|_| branch.value.scalar().is_some())
                .unwrap_or_else(|| Term::array(Vec::new()));
            let terms = keys.chain([value]).collect();
            return Ok(vec![(state, terms)]);
        }
        let mut out = vec![(state, Vec::new())];
        for term in branch.suffix.iter().chain([&branch.value]) {
            let mut next = Vec::new();
            for (state, terms) in out {
                for (state, term) in self.term(frame, term, state, &super::groups::Demand::Any)? {
                    let mut terms = terms.clone();
                    terms.push(term);
                    next.push((state, terms));
                }
            }
            out = next;
        }
        Ok(out)
    }

    /// A rule with `else`: each branch stays one, so that their order keeps its meaning.
    fn chain(&mut self, version: &Version<'a>, rule: &'a Rule) -> Result<()> {
        let args = self.enter(version, rule);
        let mut branches = Vec::new();
        let mut suffix = Vec::new();
        for (index, branch) in rule.branches.iter().enumerate() {
            let frame = Frame {
                branch,
                file: rule.file,
            };
            let env = environment(branch, args.as_deref());
            let start = State {
                env: env.clone(),
                ..State::default()
            };
            let mut ways = Vec::new();
            for way in self.body(frame, &branch.body, vec![start])? {
                ways.extend(self.heads(frame, branch, way)?);
            }
            let last = ways.iter().any(|(way, _)| way.out.is_empty());
            if ways.len() > 1 {
                let (terms, body) = self.kept_branch(frame, branch, env, version.mode)?;
                ways = vec![(
                    State {
                        out: body,
                        ..State::default()
                    },
                    terms,
                )];
            }
            let Some((way, mut terms)) = ways.pop() else {
                continue;
            };
            let Some(value) = terms.pop() else { continue };
            if index == 0 || suffix.is_empty() {
                suffix = terms;
            }
            branches.push((value, way.out));
            if last {
                break;
            }
        }
        if !branches.is_empty() {
            self.add(version, false, suffix, args, rule.contains, branches);
        }
        Ok(())
    }

    fn kept_branch(
        &mut self,
        frame: Frame<'a>,
        branch: &'a Branch,
        env: Env,
        mode: Mode,
    ) -> Result<(Vec<Term>, Vec<super::term::Statement>)> {
        let mut state = State {
            env,
            ..State::default()
        };
        let mut body = Vec::new();
        self.keep_body(frame, &branch.body, mode, &mut state, &mut body)?;
        let mut terms = Vec::new();
        for term in branch.suffix.iter().chain([&branch.value]) {
            terms.push(self.keep_term(frame, term, mode, &mut state, &mut body)?);
        }
        Ok((terms, body))
    }

    /// A rule as it stands.
    fn copy(&mut self, version: &Version<'a>, rule: &'a Rule) -> Result<()> {
        let args = self.enter(version, rule);
        let mut branches = Vec::new();
        let mut suffix = None;
        for branch in &rule.branches {
            let frame = Frame {
                branch,
                file: rule.file,
            };
            let env = environment(branch, args.as_deref());
            let (mut terms, body) = self.kept_branch(frame, branch, env, version.mode)?;
            let Some(value) = terms.pop() else { continue };
            suffix.get_or_insert(terms);
            branches.push((value, body));
        }
        let contains = contains(version.group, rule);
        self.add(
            version,
            false,
            suffix.unwrap_or_default(),
            args,
            contains,
            branches,
        );
        Ok(())
    }

    /// A default: its value is a constant, or has comprehensions, which stand in the value again.
    fn default(&mut self, version: &Version<'a>, rule: &'a Rule) -> Result<()> {
        let Some(branch) = rule.branches.first() else {
            return Ok(());
        };
        let args = self.enter(version, rule);
        let frame = Frame {
            branch,
            file: rule.file,
        };
        let mut state = State {
            env: environment(branch, args.as_deref()),
            ..State::default()
        };
        for literal in &branch.body {
            match literal {
                Literal {
                    kind: LiteralKind::Unify(crate::compile::hir::Expr::Var(var), value),
                    ..
                } => {
                    let mut out = Vec::new();
                    let value = self.keep_term(frame, value, version.mode, &mut state, &mut out)?;
                    state.env.insert(*var, value);
                }
                _ => return Err(self.unsupported("the value of a default depends on unknowns")),
            }
        }
        let mut out = Vec::new();
        let value = self.keep_term(frame, &branch.value, version.mode, &mut state, &mut out)?;
        self.add(version, true, Vec::new(), args, false, vec![(value, Vec::new())]);
        Ok(())
    }

    fn unnamed(&mut self) -> u32 {
        let frame = Frame {
            branch: self.query,
            file: self.query_file,
        };
        self.fresh(frame, None)
    }
}

fn environment(branch: &Branch, args: Option<&[u32]>) -> Env {
    let args = args.unwrap_or(&[]).iter().map(|var| Term::Var(*var));
    branch.params.iter().copied().zip(args).collect()
}

/// A key for what never holds: no name, so that it makes its path an open one.
const fn nowhere() -> Term {
    Term::Const(stele_types::Value::Null)
}

/// Whether a rule gives members of a set.
fn contains(group: &Group, rule: &Rule) -> bool {
    match group.kind {
        Kind::Set => true,
        Kind::Object => rule.contains,
        Kind::Complete | Kind::Function(_) => false,
    }
}

/// Whether a path goes on with a name: it would have a document of its own then.
fn constant(suffix: &[Term]) -> bool {
    matches!(suffix.first(), Some(Term::Const(stele_types::Value::String(_))))
}
