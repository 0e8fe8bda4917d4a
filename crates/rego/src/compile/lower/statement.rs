//! Statements.

use super::{Lowerer, plain};
use crate::compile::hir::{Expr, Function, Literal, LiteralKind, Ref, Root};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{self, InfixOp, Term, TermKind};

impl Lowerer<'_, '_> {
    /// Lowers a statement to one or more.
    pub(super) fn literal(&mut self, literal: &ast::Literal, out: &mut Vec<Literal>) {
        let statement = literal.span;
        let with = self.modifiers(&literal.with, out);
        let mut made = Vec::new();
        self.literal_kind(&literal.kind, literal.span, &mut made);
        for mut literal in made {
            literal.with.extend(with.iter().cloned());
            literal.statement.get_or_insert(statement);
            out.push(literal);
        }
    }

    pub(super) fn literal_kind(&mut self, kind: &ast::LiteralKind, span: Span, out: &mut Vec<Literal>) {
        match kind {
            ast::LiteralKind::Term(term) => self.test(term, out),
            ast::LiteralKind::Assign(left, right) => self.assign(left, right, span, out),
            ast::LiteralKind::Unify(left, right) => self.unify(left, right, span, out),
            ast::LiteralKind::Not(inner) => self.negation(inner, span, out),
            ast::LiteralKind::Logical(inner) => self.logical(inner, span, out),
            ast::LiteralKind::Group(body) => self.group(body, span, out),
            ast::LiteralKind::Some(names) => names.iter().for_each(|name| {
                self.declare_used(name);
            }),
            ast::LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => {
                self.some_in(key.as_ref(), value, collection, span, out);
            }
            ast::LiteralKind::Every {
                key,
                value,
                domain,
                body,
            } => {
                let domain = self.operand_var(domain, out);
                let start = self.next_var();
                self.enter(&[], &[]);
                let key = match key {
                    Some(key) => self.declare_used(key),
                    None => self.fresh(span),
                };
                let value = self.declare_used(value);
                self.add_candidates(&body.literals, &[]);
                let mut literals = Vec::new();
                self.body(body, &mut literals);
                self.leave();
                let owned = start..self.next_var();
                out.push(plain(
                    LiteralKind::Every {
                        key,
                        value,
                        domain: Expr::Var(domain),
                        body: literals,
                        owned,
                    },
                    span,
                ));
            }
        }
    }

    /// A term as a statement.
    fn test(&mut self, term: &Term, out: &mut Vec<Literal>) {
        let span = term.span;
        let kind = match &term.kind {
            TermKind::Infix(InfixOp::Equal, sides) => {
                let (a, b) = (self.top(&sides.0, out), self.top(&sides.1, out));
                LiteralKind::Equal(a, b)
            }
            TermKind::Infix(InfixOp::NotEqual, sides) => {
                let (a, b) = (self.operand(&sides.0, out), self.operand(&sides.1, out));
                LiteralKind::NotEqual(a, b)
            }
            TermKind::Call(call) => match self.call(call, span, true, out) {
                Some((function, args, result)) => LiteralKind::Call {
                    function,
                    args,
                    out: result,
                },
                None => LiteralKind::Test(Expr::Bool(true)),
            },
            _ if is_call(term) => {
                let (function, args) = self.operation(term, out);
                LiteralKind::Call {
                    function,
                    args,
                    out: None,
                }
            }
            _ => LiteralKind::Test(self.top(term, out)),
        };
        out.push(plain(kind, span));
    }

    fn assign(&mut self, left: &Term, right: &Term, span: Span, out: &mut Vec<Literal>) {
        if !matches!(
            left.kind,
            TermKind::Var(_) | TermKind::Array(_) | TermKind::Object(_)
        ) {
            let help = "declare a name, or compare with `==`";
            self.report_help(
                left.span,
                Code::Redeclared,
                "nothing can be assigned to this",
                help,
            );
        }
        if is_call(right) {
            let (function, args) = self.operation(right, out);
            let left = self.pattern(left, false, out);
            return out.push(plain(
                LiteralKind::Call {
                    function,
                    args,
                    out: Some(left),
                },
                span,
            ));
        }
        let right = self.top(right, out);
        let left = self.pattern(left, false, out);
        out.push(plain(LiteralKind::Unify(left, right), span));
    }

    fn unify(&mut self, left: &Term, right: &Term, span: Span, out: &mut Vec<Literal>) {
        let (called, other) = match (is_call(left), is_call(right)) {
            (_, true) => (right, left),
            (true, false) => (left, right),
            (false, false) => {
                let (a, b) = (self.top(left, out), self.top(right, out));
                return out.push(plain(LiteralKind::Unify(a, b), span));
            }
        };
        let other = self.top(other, out);
        let (function, args) = self.operation(called, out);
        out.push(plain(
            LiteralKind::Call {
                function,
                args,
                out: Some(other),
            },
            span,
        ));
    }

    fn some_in(
        &mut self,
        key: Option<&Term>,
        value: &Term,
        collection: &Term,
        span: Span,
        out: &mut Vec<Literal>,
    ) {
        let base = self.operand_var(collection, out);
        let key = match key {
            Some(key) => self.pattern(key, true, out),
            None => Expr::Var(self.fresh(span)),
        };
        let value = self.pattern(value, true, out);
        let element = Ref {
            root: Root::Var(base),
            path: vec![key],
        };
        out.push(plain(
            LiteralKind::Unify(value, Expr::Ref(Box::new(element))),
            span,
        ));
    }

    /// An operator or call: what is called, and with what.
    pub(super) fn operation(&mut self, term: &Term, out: &mut Vec<Literal>) -> (Function, Vec<Expr>) {
        match &term.kind {
            TermKind::Call(call) => match self.call(call, term.span, false, out) {
                Some((function, args, _)) => (function, args),
                // Reported, or erased: any value will do.
                None => (
                    Function::Builtin("internal.member_2".into()),
                    vec![Expr::Null, Expr::Array(Vec::new())],
                ),
            },
            TermKind::Infix(op, sides) => {
                let args = vec![self.operand(&sides.0, out), self.operand(&sides.1, out)];
                (Function::Builtin(op.builtin().into()), args)
            }
            TermKind::Membership(m) => {
                let name = if m.key.is_some() {
                    "internal.member_3"
                } else {
                    "internal.member_2"
                };
                let terms = m.key.iter().chain([&m.value, &m.collection]);
                let args = terms.map(|term| self.operand(term, out)).collect();
                (Function::Builtin(name.into()), args)
            }
            TermKind::Template(parts) => {
                let parts = self.template(parts, out);
                (
                    Function::Builtin("internal.template_string".into()),
                    vec![Expr::Array(parts)],
                )
            }
            _ => (
                Function::Builtin("internal.member_2".into()),
                vec![Expr::Null, Expr::Array(Vec::new())],
            ),
        }
    }
}

/// Whether a term is evaluated by calling something.
pub(super) const fn is_call(term: &Term) -> bool {
    matches!(
        term.kind,
        TermKind::Call(_) | TermKind::Infix(..) | TermKind::Membership(_) | TermKind::Template(_)
    )
}
