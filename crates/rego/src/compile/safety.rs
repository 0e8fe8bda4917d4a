//! Orders the statements of bodies so that every local is bound before it is needed, and finds those that nothing binds.
//!
//! A statement may run when every local in it is bound, or is bound by the statement itself: by a reference that iterates,
//! by unification, or by the result of a call. Closures need every outer local that they mention.

use std::collections::{BTreeSet, HashMap};

use super::hir::{
    Branch, Comprehension, ComprehensionHead, Expr, Literal, LiteralKind, Root, Var, VarInfo, WithValue,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::SourceFile;

/// A set of locals.
type Set = BTreeSet<Var>;

/// The bound locals, from the outermost body to the innermost, so that a closure costs what it binds and not what is bound around it.
struct Bound {
    /// Whether each local is bound.
    is: Vec<bool>,
    /// Those that are, in the order in which they were bound.
    order: Vec<Var>,
}

impl Bound {
    fn contains(&self, var: &Var) -> bool {
        self.is.get(var.0 as usize).copied().unwrap_or_default()
    }

    fn extend(&mut self, vars: impl IntoIterator<Item = Var>) {
        for var in vars {
            if let Some(is) = self.is.get_mut(var.0 as usize)
                && !*is
            {
                *is = true;
                self.order.push(var);
            }
        }
    }

    /// Forgets what was bound since there were so many.
    fn back_to(&mut self, count: usize) {
        for var in self.order.drain(count.min(self.order.len())..) {
            if let Some(is) = self.is.get_mut(var.0 as usize) {
                *is = false;
            }
        }
    }
}

/// Statements that wait for locals. One is looked at again only when a local of it was bound, so that chains written backwards cost what those written forwards do.
#[derive(Default)]
struct Queue {
    /// Those to look at, by their position: what a statement sets free is looked at in the same round if it stands behind it, else in the next.
    now: BTreeSet<usize>,
    next: BTreeSet<usize>,
    /// By the local that they wait for.
    waiting: HashMap<Var, Vec<usize>>,
    /// Those that were put there: what they wait for grows no more.
    known: BTreeSet<usize>,
}

impl Queue {
    fn new(count: usize) -> Self {
        Self {
            now: (0..count).collect(),
            ..Self::default()
        }
    }

    fn take(&mut self) -> Option<usize> {
        if self.now.is_empty() {
            self.now = std::mem::take(&mut self.next);
        }
        self.now.pop_first()
    }

    fn wait(&mut self, position: usize, literal: &Literal, bound: &Bound) {
        if self.known.insert(position) {
            for var in literal.var_set().into_iter().filter(|var| !bound.contains(var)) {
                self.waiting.entry(var).or_default().push(position);
            }
        }
    }

    fn bound(&mut self, position: usize, var: Var) {
        for other in self.waiting.remove(&var).unwrap_or_default() {
            let round = if other > position {
                &mut self.now
            } else {
                &mut self.next
            };
            round.insert(other);
        }
    }
}

/// Orders a branch, closures included.
pub(crate) fn order(branch: &mut Branch, source: &SourceFile, diagnostics: &mut Vec<Diagnostic>) {
    let mut checker = Checker {
        vars: &branch.vars,
        source,
        diagnostics,
        reported: BTreeSet::new(),
    };
    let mut bound = Bound {
        is: vec![false; branch.vars.len()],
        order: Vec::new(),
    };
    bound.extend(branch.params.iter().copied());
    checker.body(&mut branch.body, &mut bound);
    for term in branch.suffix.iter_mut().chain([&mut branch.value]) {
        checker.head(term, &mut bound);
    }
}

struct Checker<'a> {
    vars: &'a [VarInfo],
    source: &'a SourceFile,
    diagnostics: &'a mut Vec<Diagnostic>,
    reported: BTreeSet<Var>,
}

impl Checker<'_> {
    /// Orders a body; adds what it binds to `bound`.
    fn body(&mut self, body: &mut Vec<Literal>, bound: &mut Bound) {
        let mut waiting: Vec<Option<Literal>> = body.drain(..).map(Some).collect();
        let mut queue = Queue::new(waiting.len());
        while let Some(position) = queue.take() {
            let Some(slot) = waiting.get_mut(position) else {
                continue;
            };
            let Some(mut literal) = slot.take() else { continue };
            match binds(&literal, bound) {
                Some(new) => {
                    self.closures(&mut literal, bound);
                    new.iter().for_each(|var| queue.bound(position, *var));
                    bound.extend(new);
                    body.push(literal);
                }
                None => {
                    queue.wait(position, &literal, bound);
                    *slot = Some(literal);
                }
            }
        }
        let mut waiting: Vec<Literal> = waiting.into_iter().flatten().collect();
        if !waiting.is_empty() {
            self.unsafe_vars(&waiting, bound);
            // Reported: taken as bound, so that each is reported once.
            for literal in &waiting {
                bound.extend(literal.var_set());
            }
            body.append(&mut waiting);
        }
    }

    fn unsafe_vars(&mut self, waiting: &[Literal], bound: &mut Bound) {
        // A local that some waiting statement could bind is not the cause, unless nothing else is.
        let all: Set = waiting
            .iter()
            .flat_map(Literal::var_set)
            .filter(|var| !bound.contains(var))
            .collect();
        let before = bound.order.len();
        let mut queue = Queue::new(waiting.len());
        while let Some(position) = queue.take() {
            let Some(literal) = waiting.get(position) else {
                continue;
            };
            queue.wait(position, literal, bound);
            let new = could_bind(literal, bound);
            bound.extend(new.iter().copied());
            new.into_iter().for_each(|var| queue.bound(position, var));
        }
        let reach = &*bound;
        let mut causes: Vec<Var> = all
            .iter()
            .copied()
            .filter(|var| !reach.contains(var) && self.named(*var))
            .collect();
        if causes.is_empty() {
            causes = all.iter().copied().filter(|var| self.named(*var)).collect();
        }
        if causes.is_empty() {
            causes = all.into_iter().take(1).collect();
        }
        bound.back_to(before);
        for var in causes {
            self.report(var);
        }
    }

    fn named(&self, var: Var) -> bool {
        self.vars
            .get(var.0 as usize)
            .is_some_and(|info| !info.name.is_empty())
    }

    fn report(&mut self, var: Var) {
        let Some(info) = self.vars.get(var.0 as usize) else {
            return;
        };
        if !self.reported.insert(var) {
            return;
        }
        let (message, help) = match info.name.as_ref() {
            "" => (
                "this expression depends on itself".to_owned(),
                "split it over several statements",
            ),
            "_" => (
                "the wildcard `_` is not bound here".to_owned(),
                "negated statements and operands can't iterate; write a rule for the statement, or put it into braces below an import of `future.keywords`",
            ),
            "and" | "or" => (
                format!("the variable `{}` is not bound", info.name),
                "`and` and `or` join statements below `import future.keywords.and` and `import future.keywords.or`",
            ),
            name => (
                format!("the variable `{name}` is not bound"),
                "give it a value with `:=` or `some ... in`, or name a rule or import of this name",
            ),
        };
        self.diagnostics
            .push(Diagnostic::new(self.source, info.span, Code::UnsafeVar, message).with_help(help));
    }

    fn head(&mut self, term: &mut Expr, bound: &mut Bound) {
        let mut missing = Vec::new();
        term.vars(&mut |var| {
            if !bound.contains(&var) {
                missing.push(var);
            }
        });
        for var in missing {
            self.report(var);
        }
        term.closures_mut(&mut |closure| self.closure(closure, bound));
    }

    fn closures(&mut self, literal: &mut Literal, bound: &mut Bound) {
        for term in literal.terms_mut() {
            term.closures_mut(&mut |closure| self.closure(closure, bound));
        }
        let before = bound.order.len();
        match &mut literal.kind {
            LiteralKind::Every { key, value, body, .. } => {
                bound.extend([*key, *value]);
                self.body(body, bound);
            }
            LiteralKind::Not { body, .. } => self.body(body, bound),
            _ => {}
        }
        bound.back_to(before);
    }

    fn closure(&mut self, closure: &mut Comprehension, bound: &mut Bound) {
        let before = bound.order.len();
        self.body(&mut closure.body, bound);
        match &mut closure.head {
            ComprehensionHead::Array(term) | ComprehensionHead::Set(term) => self.head(term, bound),
            ComprehensionHead::Object(key, value) => {
                self.head(key, bound);
                self.head(value, bound);
            }
        }
        bound.back_to(before);
    }
}

/// What a statement binds if it may run now.
fn binds(literal: &Literal, bound: &Bound) -> Option<Set> {
    let mut out = Set::new();
    let with_bound = literal.with.iter().all(|with| match &with.value {
        WithValue::Value(value) => is_bound(value, bound, &out),
        WithValue::Function(_) => true,
    });
    if !with_bound {
        return None;
    }
    collect(literal, bound, &mut out);
    if literal.negated {
        out.retain(|var| own_result(literal) == Some(*var));
    }
    let mut all = true;
    literal.vars(&mut |var| all &= bound.contains(&var) || out.contains(&var));
    all.then_some(out)
}

/// The local that a statement moved out of another one sets.
fn own_result(literal: &Literal) -> Option<Var> {
    match &literal.kind {
        LiteralKind::Unify(Expr::Var(var), _)
        | LiteralKind::Call {
            out: Some(Expr::Var(var)),
            ..
        } => Some(*var),
        _ => None,
    }
}

/// What a statement might bind if the rest of it were bound; for finding the cause of an error.
fn could_bind(literal: &Literal, bound: &Bound) -> Set {
    let mut out = Set::new();
    collect(literal, bound, &mut out);
    if let Some(var) = own_result(literal) {
        out.insert(var);
    }
    out
}

/// Adds the locals that a statement binds.
fn collect(literal: &Literal, bound: &Bound, out: &mut Set) {
    match &literal.kind {
        LiteralKind::Test(term) => iterated(term, bound, out),
        LiteralKind::Equal(a, b) => {
            iterated(a, bound, out);
            iterated(b, bound, out);
        }
        LiteralKind::Unify(a, b) => {
            // Twice, because what one side binds may let the other iterate.
            for _ in 0..2 {
                iterated(a, bound, out);
                iterated(b, bound, out);
                unified(a, b, bound, out);
            }
        }
        LiteralKind::Call {
            args,
            out: Some(result),
            ..
        } => {
            if args.iter().all(|arg| is_bound(arg, bound, out)) {
                iterated(result, bound, out);
                pattern(result, out);
            }
        }
        LiteralKind::NotEqual(..)
        | LiteralKind::Call { out: None, .. }
        | LiteralKind::Not { .. }
        | LiteralKind::Every { .. } => {}
    }
}

fn is_bound(term: &Expr, bound: &Bound, out: &Set) -> bool {
    let mut all = true;
    term.vars(&mut |var| all &= bound.contains(&var) || out.contains(&var));
    all
}

/// The locals in the path of a reference whose root is bound: iteration binds them.
fn iterated(term: &Expr, bound: &Bound, out: &mut Set) {
    match term {
        Expr::Ref(reference) => {
            let rooted = match reference.root {
                Root::Data | Root::Input => true,
                Root::Var(var) => bound.contains(&var) || out.contains(&var),
            };
            if rooted {
                reference.path.iter().for_each(|part| pattern(part, out));
            }
        }
        Expr::Array(terms) => terms.iter().for_each(|term| iterated(term, bound, out)),
        Expr::Object(pairs) => pairs.iter().for_each(|(_, value)| iterated(value, bound, out)),
        _ => {}
    }
}

/// The locals that matching a known value binds.
fn pattern(term: &Expr, out: &mut Set) {
    match term {
        Expr::Var(var) => {
            out.insert(*var);
        }
        Expr::Array(terms) => terms.iter().for_each(|term| pattern(term, out)),
        Expr::Object(pairs) => pairs.iter().for_each(|(_, value)| pattern(value, out)),
        _ => {}
    }
}

fn unified(a: &Expr, b: &Expr, bound: &Bound, out: &mut Set) {
    match (a, b) {
        (Expr::Array(left), Expr::Array(right)) if left.len() == right.len() => {
            for (a, b) in left.iter().zip(right) {
                iterated(a, bound, out);
                iterated(b, bound, out);
                unified(a, b, bound, out);
            }
        }
        (Expr::Object(left), Expr::Object(right)) => {
            for (key, a) in left {
                if let Some((_, b)) = right.iter().find(|(other, _)| same_key(key, other)) {
                    unified(a, b, bound, out);
                }
            }
        }
        _ => {
            if is_bound(a, bound, out) {
                pattern(b, out);
            }
            if is_bound(b, bound, out) {
                pattern(a, out);
            }
        }
    }
}

/// Whether two keys are certainly equal: the same constant, or the same local.
pub(crate) fn same_key(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::String(a), Expr::String(b)) | (Expr::Number(a), Expr::Number(b)) => a == b,
        (Expr::Bool(a), Expr::Bool(b)) => a == b,
        (Expr::Null, Expr::Null) => true,
        (Expr::Var(a), Expr::Var(b)) => a == b,
        _ => false,
    }
}
