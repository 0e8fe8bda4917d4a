//! Conditions that are decided before anything is evaluated: always true, always false, or contradicting each other.

use stele_rego::Span;
use stele_rego::ast::{Body, Literal, LiteralKind, LogicalOp, Rule, Term, TermKind};
use stele_rego::syntax::visit::{self, Visitor};
use stele_types::Value;

use super::facts::{Globals, contradiction, facts};
use super::fold::Folder;
use super::{ALWAYS_FALSE, ALWAYS_TRUE, LintRule, Sink};
use crate::load::PolicyModule;

/// Checks every body of a module.
pub(super) fn check(module: &PolicyModule, globals: &Globals, sink: &mut Sink) {
    let mut checker = Checker {
        module,
        globals,
        folder: Folder::new(globals),
        args: Vec::new(),
        sink,
    };
    for rule in &module.ast.rules {
        checker.rule(rule);
    }
}

struct Checker<'a> {
    module: &'a PolicyModule,
    globals: &'a Globals,
    folder: Folder<'a>,
    /// The parameters of the rule at hand; empty inside its inner bodies, which know them as any other outer name.
    args: Vec<Term>,
    sink: &'a mut Sink,
}

impl Checker<'_> {
    fn put(&mut self, rule: LintRule, span: Span, message: String) {
        let fix = if rule.id == ALWAYS_TRUE.id {
            "remove it, or compare with what was meant"
        } else {
            "correct it; if the definition is not wanted, remove all of it"
        };
        self.sink.put(rule, self.module, span, message, fix);
    }

    fn shown(&self, span: Span) -> String {
        let text: Vec<&str> = self.module.ast.source.slice(span).split_whitespace().collect();
        let text = text.join(" ");
        match text.char_indices().nth(60) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or("")),
            None => text,
        }
    }

    fn statement(&mut self, literal: &Literal, alone: bool) {
        let Some(holds) = verdict(&self.folder, literal) else {
            return;
        };
        // `p if true` is how one writes that there is no condition.
        if holds && alone && is_plain_true(literal) {
            return;
        }
        let rule = if holds { ALWAYS_TRUE } else { ALWAYS_FALSE };
        let word = if holds { "true" } else { "false" };
        let message = format!("`{}` is always {word}", self.shown(literal.span));
        self.put(rule, literal.span, message);
    }
}

impl Visitor for Checker<'_> {
    fn rule(&mut self, rule: &Rule) {
        let args = rule.head.args.clone().unwrap_or_default();
        let names = args.iter().flat_map(|arg| {
            let mut names = Vec::new();
            super::fold::pattern(arg, &mut names);
            names
        });
        self.folder.enter_names(names);
        self.args = args;
        visit::walk_rule(self, rule);
        self.folder.leave();
    }

    fn body(&mut self, body: &Body) {
        self.folder.enter(&body.literals);
        for literal in &body.literals {
            self.statement(literal, body.literals.len() == 1);
        }
        let known = facts(&self.args, &body.literals, self.globals, &self.folder);
        if let Some((later, earlier)) = contradiction(&known) {
            let line = self.module.ast.source.line(earlier.span.start);
            let message = format!(
                "`{}` can't hold together with `{}` on line {line}",
                self.shown(later.span),
                self.shown(earlier.span)
            );
            let span = later.span;
            self.put(ALWAYS_FALSE, span, message);
        }
        let args = std::mem::take(&mut self.args);
        visit::walk_body(self, body);
        self.args = args;
        self.folder.leave();
    }

    fn literal(&mut self, literal: &Literal) {
        if let LiteralKind::Every { key, value, .. } = &literal.kind {
            let names = key.iter().chain([value]).map(|name| name.name.to_string());
            self.folder.enter_names(names.collect::<Vec<_>>().into_iter());
            visit::walk_literal(self, literal);
            self.folder.leave();
        } else {
            visit::walk_literal(self, literal);
        }
    }
}

fn is_plain_true(literal: &Literal) -> bool {
    matches!(&literal.kind, LiteralKind::Term(term) if matches!(term.kind, TermKind::Bool(true)))
}

/// Whether the statement holds, if that depends on nothing.
fn verdict(folder: &Folder<'_>, literal: &Literal) -> Option<bool> {
    match &literal.kind {
        LiteralKind::Term(term) => match folder.fold(term) {
            Some(value) => Some(value != Value::Bool(false)),
            None => never_differs(term),
        },
        LiteralKind::Unify(left, right) => Some(folder.fold(left)? == folder.fold(right)?),
        LiteralKind::Not(inner) => verdict(folder, inner).map(|holds| !holds),
        LiteralKind::Logical(inner) => {
            let decides = inner.op == LogicalOp::Or;
            let mut certain = true;
            for operand in &inner.operands {
                match verdict(folder, operand) {
                    Some(holds) if holds == decides => return Some(holds),
                    Some(_) => {}
                    None => certain = false,
                }
            }
            certain.then_some(!decides)
        }
        LiteralKind::Group(_) => None,
        LiteralKind::SomeIn { collection, .. } => is_empty(&folder.fold(collection)?).then_some(false),
        LiteralKind::Every { domain, .. } => is_empty(&folder.fold(domain)?).then_some(true),
        LiteralKind::Assign(..) | LiteralKind::Some(_) => None,
    }
}

/// `x != x`, `x < x` and `x > x` never hold for a name or reference that is the same on both sides.
fn never_differs(term: &Term) -> Option<bool> {
    use stele_rego::ast::InfixOp;
    let TermKind::Infix(InfixOp::NotEqual | InfixOp::Less | InfixOp::Greater, sides) = &term.kind else {
        return None;
    };
    let same = match (&sides.0.kind, &sides.1.kind) {
        (TermKind::Var(left), TermKind::Var(right)) => left == right && left.as_ref() != "_",
        (TermKind::Ref(left), TermKind::Ref(right)) => {
            left.constant().is_some_and(|path| Some(path) == right.constant())
        }
        _ => false,
    };
    same.then_some(false)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Set(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
