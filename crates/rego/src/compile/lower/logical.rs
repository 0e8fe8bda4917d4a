//! `not`, `and`, `or`: statements about whether others hold. All become negations of bodies, which bind nothing outside and hold at most
//! once: `a or b` is `not { not a; not b }`, and an operand that must hold is `not { not a }`. What need not be looked at is not.

use super::{Lowerer, plain};
use crate::compile::Negation;
use crate::compile::hir::{Literal, LiteralKind};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{self, Logical, LogicalOp, Term, TermKind};

impl Lowerer<'_, '_> {
    pub(super) fn negation(&mut self, inner: &ast::Literal, span: Span, out: &mut Vec<Literal>) {
        let simple = !matches!(
            inner.kind,
            ast::LiteralKind::Logical(_) | ast::LiteralKind::Group(_)
        );
        if self.env.negation == Negation::Whole || !simple || !inner.with.is_empty() {
            let failed = self.fails(inner, span, "a negated statement");
            return out.push(failed);
        }
        self.binds_nothing(inner, "a negated statement");
        let start = self.next_var();
        let mut made = Vec::new();
        self.literal_kind(&inner.kind, span, &mut made);
        let last = made.pop();
        for literal in &mut made {
            literal.negated = true;
        }
        out.append(&mut made);
        let body = last.into_iter().collect();
        out.push(plain(
            LiteralKind::Not {
                body,
                owned: start..start,
            },
            span,
        ));
    }

    pub(super) fn logical(&mut self, logical: &Logical, span: Span, out: &mut Vec<Literal>) {
        for operand in &logical.operands {
            if self.only_prints(operand) {
                let help = "`print` always succeeds: put it beside a statement that can fail, `{ print(x); p(x) }`, or before this one";
                self.report_help(
                    operand.span,
                    Code::Syntax,
                    "an operand can't consist of `print` alone",
                    help,
                );
            }
        }
        match logical.op {
            LogicalOp::And => {
                for operand in &logical.operands {
                    let held = self.holds(operand, operand.span, "an operand of `and`");
                    out.push(held);
                }
            }
            LogicalOp::Or => {
                let start = self.next_var();
                let body = logical
                    .operands
                    .iter()
                    .map(|operand| self.fails(operand, operand.span, "an operand of `or`"))
                    .collect();
                let owned = start..self.next_var();
                out.push(plain(LiteralKind::Not { body, owned }, span));
            }
        }
    }

    /// A body in braces that is no operand.
    pub(super) fn group(&mut self, body: &ast::Body, span: Span, out: &mut Vec<Literal>) {
        let literal = ast::Literal {
            span,
            kind: ast::LiteralKind::Group(body.clone()),
            with: Vec::new(),
        };
        let held = self.holds(&literal, span, "a body");
        out.push(held);
    }

    /// The statement that holds where `operand` does, once.
    fn holds(&mut self, operand: &ast::Literal, span: Span, what: &str) -> Literal {
        let start = self.next_var();
        let body = vec![self.fails(operand, span, what)];
        let owned = start..self.next_var();
        plain(LiteralKind::Not { body, owned }, span)
    }

    /// The statement that holds where `operand` does not.
    fn fails(&mut self, operand: &ast::Literal, span: Span, what: &str) -> Literal {
        let start = self.next_var();
        let mut body = Vec::new();
        match &operand.kind {
            ast::LiteralKind::Group(group) if operand.with.is_empty() => {
                self.enter(&group.literals, &[]);
                self.body(group, &mut body);
                self.leave();
            }
            kind => {
                self.binds_nothing(operand, what);
                if operand.with.is_empty() {
                    self.literal_kind(kind, span, &mut body);
                } else {
                    self.literal(operand, &mut body);
                }
                for literal in &mut body {
                    literal.negated = true;
                }
            }
        }
        let owned = start..self.next_var();
        plain(LiteralKind::Not { body, owned }, span)
    }

    fn only_prints(&mut self, operand: &ast::Literal) -> bool {
        match &operand.kind {
            ast::LiteralKind::Term(Term {
                kind: TermKind::Call(call),
                ..
            }) => {
                call.function.dotted().as_deref() == Some("print")
                    && self.function_path(&call.function).is_none()
            }
            ast::LiteralKind::Group(body) => body.literals.iter().all(|literal| self.only_prints(literal)),
            _ => false,
        }
    }

    fn binds_nothing(&mut self, operand: &ast::Literal, what: &str) {
        if matches!(
            operand.kind,
            ast::LiteralKind::Assign(..) | ast::LiteralKind::Some(_) | ast::LiteralKind::SomeIn { .. }
        ) {
            let help = "put it into braces, below an import of `future.keywords`, and use the variable in there; or declare it before";
            let message = format!("{what} can't declare variables");
            self.report_help(operand.span, Code::Redeclared, message, help);
        }
    }
}
