//! Readable residuals: variables that only stand for something else give way to it.
//!
//! What may be moved: a constant or another variable anywhere; a reference only to where it is evaluated in the same
//! circumstances, that is not into closures, negations or under `with`, and only if it stays somewhere, because a body holds only
//! if its references are defined.

use std::collections::BTreeSet;

use stele_types::Value;

use super::term::{Conjunction, Kind, RVar, Replacement, Statement, SupportRule, Term, TermRef, TermRoot};

/// Simplifies a body; `heads` are the terms made of its variables. The `kept` variables have a meaning outside of both.
pub(super) fn simplify(body: &mut Conjunction, heads: &mut [Term], kept: &dyn Fn(RVar) -> bool) {
    Pass { kept, heads }.run(body);
}

/// Simplifies a rule of a support module.
pub(super) fn simplify_rule(rule: &mut SupportRule) {
    let alternatives = rule.branches.len() > 1;
    let args: BTreeSet<RVar> = rule.args.iter().flatten().copied().collect();
    let mut kept = args.clone();
    if alternatives {
        for term in &rule.suffix {
            term.vars(&mut |var| {
                kept.insert(var);
            });
        }
    }
    let mut nothing = Vec::new();
    let suffix = if alternatives {
        &mut nothing
    } else {
        &mut rule.suffix
    };
    for branch in &mut rule.branches {
        let mut heads: Vec<Term> = suffix.clone();
        heads.push(branch.value.clone());
        simplify(&mut branch.body, &mut heads, &|var| kept.contains(&var));
        if let Some(value) = heads.pop() {
            branch.value = value;
        }
        *suffix = heads;
    }
}

struct Pass<'a> {
    kept: &'a dyn Fn(RVar) -> bool,
    heads: &'a mut [Term],
}

/// What to put in for a variable.
enum Move {
    /// It may stand anywhere.
    Anywhere(RVar, Term),
    /// It may stand where the body itself evaluates it.
    Here(RVar, TermRef),
}

impl Pass<'_> {
    fn run(&mut self, body: &mut Conjunction) {
        // What is put in can make earlier statements movable: until nothing changes.
        loop {
            let before = body.len();
            self.pass(body);
            if body.len() == before {
                break;
            }
        }
        // Constants on the right, as people write them.
        for statement in body {
            if let Kind::Unify(a @ Term::Const(_), b) = &mut statement.kind {
                std::mem::swap(a, b);
            }
        }
    }

    fn pass(&mut self, body: &mut Conjunction) {
        let mut at = 0;
        while at < body.len() {
            let found = body
                .get(at)
                .and_then(|statement| self.movable(statement, at, body));
            match found {
                Some(Move::Anywhere(var, term)) => {
                    body.remove(at);
                    for statement in body.iter_mut() {
                        everywhere(statement, var, &term);
                    }
                    for head in self.heads.iter_mut() {
                        replace(head, var, &term, true);
                    }
                }
                Some(Move::Here(var, reference)) => {
                    body.remove(at);
                    let term = Term::Ref(Box::new(reference));
                    for statement in body.iter_mut().filter(|statement| is_here(statement)) {
                        for part in statement.terms_mut() {
                            replace(part, var, &term, false);
                        }
                    }
                }
                None => at = at.saturating_add(1),
            }
        }
    }

    fn movable(&self, statement: &Statement, at: usize, body: &[Statement]) -> Option<Move> {
        if !statement.with.is_empty() {
            return None;
        }
        let Kind::Unify(a, b) = &statement.kind else {
            return None;
        };
        let (var, other) = match (a, b) {
            (Term::Var(var), other) if !(self.kept)(*var) => (*var, other),
            (other, Term::Var(var)) if !(self.kept)(*var) => (*var, other),
            _ => return None,
        };
        let composite = matches!(other, Term::Const(Value::Array(_) | Value::Object(_)));
        match other {
            // As a pattern's counterpart it would say something else: see `Partial::apart`.
            Term::Const(_)
                if composite
                    && body
                        .iter()
                        .enumerate()
                        .any(|(index, other)| index != at && matched(other, var)) =>
            {
                None
            }
            Term::Var(same) if *same != var => Some(Move::Anywhere(var, other.clone())),
            Term::Const(_) if self.may_be_constant(var, body) => Some(Move::Anywhere(var, other.clone())),
            Term::Ref(reference) => self.may_move(var, reference, at, body),
            _ => None,
        }
    }

    /// A constant can't be the root of a reference, nor be what `every`'s variable stands for.
    fn may_be_constant(&self, var: RVar, body: &[Statement]) -> bool {
        !body.iter().any(|statement| roots_statement(statement, var))
            && !self.heads.iter().any(|head| roots(head, var))
    }

    fn may_move(&self, var: RVar, reference: &TermRef, at: usize, body: &[Statement]) -> Option<Move> {
        let mut own = false;
        Term::Ref(Box::new(reference.clone())).vars(&mut |found| own |= found == var);
        let mut used_by_head = false;
        for head in self.heads.iter() {
            head.vars(&mut |found| used_by_head |= found == var);
        }
        let (mut here, mut elsewhere) = (0_usize, 0_usize);
        let others = body.iter().enumerate().filter(|(index, _)| *index != at);
        for (_, other) in others {
            let mut count = 0_usize;
            other.vars(&mut |found| count = count.saturating_add(usize::from(found == var)));
            if is_here(other) && !closures(other) {
                here = here.saturating_add(count);
            } else {
                elsewhere = elsewhere.saturating_add(count);
            }
        }
        // Where it would bind variables it must stay the only place that does.
        let moves = !own && !used_by_head && elsewhere == 0 && here > 0;
        moves.then(|| Move::Here(var, reference.clone()))
    }
}

/// Whether a variable is a part of something that is unified.
fn matched(statement: &Statement, var: RVar) -> bool {
    let mut found = false;
    match &statement.kind {
        Kind::Unify(a, b) => {
            for term in [a, b] {
                term.vars(&mut |other| found |= other == var);
            }
        }
        Kind::Call { out: Some(out), .. } => out.vars(&mut |other| found |= other == var),
        Kind::Test(_) | Kind::NotEqual(..) | Kind::Call { .. } => {}
        Kind::Not(inner) => return matched(inner, var),
        Kind::Every { body, .. } => found = body.iter().any(|inner| matched(inner, var)),
    }
    // Bodies of comprehensions may unify it too.
    found || closures(statement)
}

/// Whether what a statement says is evaluated by the body itself, in its own circumstances.
fn is_here(statement: &Statement) -> bool {
    statement.with.is_empty() && !matches!(statement.kind, Kind::Not(_) | Kind::Every { .. })
}

fn closures(statement: &Statement) -> bool {
    fn inside(term: &Term) -> bool {
        match term {
            Term::Comprehension(_) => true,
            Term::Array(terms) | Term::Set(terms) => terms.iter().any(inside),
            Term::Object(pairs) => pairs.iter().any(|(key, value)| inside(key) || inside(value)),
            Term::Const(_) | Term::Var(_) | Term::Ref(_) => false,
        }
    }
    match &statement.kind {
        Kind::Test(term) => inside(term),
        Kind::Unify(a, b) | Kind::NotEqual(a, b) => inside(a) || inside(b),
        Kind::Call { args, out, .. } => args.iter().chain(out).any(inside),
        Kind::Not(_) | Kind::Every { .. } => true,
    }
}

/// Whether a variable is the root of a reference, or declared, somewhere in a statement.
fn roots_statement(statement: &Statement, var: RVar) -> bool {
    let modifiers = statement.with.iter().any(|with| match &with.value {
        Replacement::Term(term) => roots(term, var),
        Replacement::Function(_) => false,
    });
    modifiers
        || match &statement.kind {
            Kind::Test(term) => roots(term, var),
            Kind::Unify(a, b) | Kind::NotEqual(a, b) => roots(a, var) || roots(b, var),
            Kind::Call { args, out, .. } => args.iter().chain(out).any(|term| roots(term, var)),
            Kind::Not(inner) => roots_statement(inner, var),
            Kind::Every {
                key,
                value,
                domain,
                body,
            } => {
                *key == var
                    || *value == var
                    || roots(domain, var)
                    || body.iter().any(|statement| roots_statement(statement, var))
            }
        }
}

fn roots(term: &Term, var: RVar) -> bool {
    match term {
        Term::Const(_) | Term::Var(_) => false,
        Term::Ref(reference) => {
            reference.root == TermRoot::Var(var) || reference.path.iter().any(|part| roots(part, var))
        }
        Term::Array(terms) | Term::Set(terms) => terms.iter().any(|term| roots(term, var)),
        Term::Object(pairs) => pairs
            .iter()
            .any(|(key, value)| roots(key, var) || roots(value, var)),
        Term::Comprehension(inner) => {
            inner.head.iter().any(|term| roots(term, var))
                || inner.body.iter().any(|statement| roots_statement(statement, var))
        }
    }
}

/// Puts a term in for a variable everywhere in a statement.
fn everywhere(statement: &mut Statement, var: RVar, term: &Term) {
    for with in &mut statement.with {
        if let Replacement::Term(value) = &mut with.value {
            replace(value, var, term, true);
        }
    }
    match &mut statement.kind {
        Kind::Not(inner) => everywhere(inner, var, term),
        Kind::Every { domain, body, .. } => {
            replace(domain, var, term, true);
            body.iter_mut()
                .for_each(|statement| everywhere(statement, var, term));
        }
        _ => statement
            .terms_mut()
            .into_iter()
            .for_each(|part| replace(part, var, term, true)),
    }
}

fn replace(at: &mut Term, var: RVar, term: &Term, closures: bool) {
    match at {
        Term::Var(found) if *found == var => *at = term.clone(),
        Term::Ref(reference) => {
            for part in &mut reference.path {
                replace(part, var, term, closures);
            }
            if reference.root != TermRoot::Var(var) {
                return;
            }
            match term {
                Term::Var(other) => reference.root = TermRoot::Var(*other),
                Term::Ref(above) => {
                    let mut path = above.path.clone();
                    path.append(&mut reference.path);
                    **reference = TermRef {
                        root: above.root,
                        path,
                    };
                }
                _ => {}
            }
        }
        Term::Comprehension(inner) => {
            if closures {
                inner
                    .head
                    .iter_mut()
                    .for_each(|part| replace(part, var, term, true));
                inner
                    .body
                    .iter_mut()
                    .for_each(|statement| everywhere(statement, var, term));
            }
        }
        _ => {
            for part in at.parts_mut() {
                replace(part, var, term, closures);
            }
            // Collections of constants are constants.
            let folded = match at {
                Term::Array(terms) => Some(Term::array(std::mem::take(terms))),
                Term::Set(terms) => Some(Term::set(std::mem::take(terms))),
                Term::Object(pairs) => Some(Term::object(std::mem::take(pairs))),
                _ => None,
            };
            if let Some(folded) = folded {
                *at = folded;
            }
        }
    }
}
