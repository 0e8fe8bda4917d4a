//! The points of a traced plan: see [`crate::trace`].

use std::sync::Arc;

use super::builder::Builder;
use crate::compile::hir::{self, Literal, Ref, Var, VarInfo};
use crate::compile::tree::{Group, Kind, ref_text};
use crate::ir::{Operand, StmtKind};
use crate::source::Span;
use crate::trace::{Body, Branch, Expression, POINT, PointKind, RuleHead};

/// Where in the source the builder is, as far as traces tell it.
#[derive(Clone, Default)]
pub(crate) struct Tracing {
    /// What the rules of the function at hand have in common.
    head: Option<RuleHead>,
    branch: Option<u32>,
    body: Option<u32>,
    expression: Option<u32>,
}

impl Builder<'_, '_> {
    fn is_traced(&self) -> bool {
        self.planner.trace.is_some()
    }

    /// The rules of a group follow.
    pub(crate) fn trace_group(&mut self, group: &Group) {
        if !self.is_traced() {
            return;
        }
        self.tracing.head = Some(RuleHead {
            path: Arc::from(ref_text(&group.path)),
            span: Span::default(),
            branch: 0,
            function: matches!(group.kind, Kind::Function(_)),
            complete: matches!(group.kind, Kind::Complete | Kind::Function(_)),
            default: false,
            last: false,
        });
    }

    /// The branches of a rule follow.
    pub(crate) fn trace_rule(&mut self, span: Span, default: bool) {
        if let Some(head) = &mut self.tracing.head {
            head.span = span;
            head.default = default;
            head.branch = 0;
        }
    }

    /// The body of a branch begins.
    pub(crate) fn enter_branch(&mut self, branch: &hir::Branch) -> Tracing {
        let outer = self.tracing.clone();
        if !self.is_traced() {
            return outer;
        }
        let rule = outer.head.clone().map(|head| RuleHead {
            last: self.settled.is_some(),
            ..head
        });
        if let Some(head) = &mut self.tracing.head {
            head.branch = head.branch.saturating_add(1);
        }
        let next = self.tracing.clone();
        self.begin(Some(self.file), branch.vars.clone(), branch.params.clone(), rule);
        self.enter_body(&branch.body, branch.span, true);
        next
    }

    fn begin(&mut self, file: Option<usize>, vars: Vec<VarInfo>, params: Vec<Var>, rule: Option<RuleHead>) {
        if let Some(map) = self.planner.trace.as_deref_mut() {
            self.tracing.branch = Some(map.branch(Branch {
                file,
                vars,
                params,
                rule,
            }));
            self.tracing.body = None;
        }
    }

    /// The query for an entry point begins: it has one expression, which no source contains.
    pub(crate) fn enter_entry_point(&mut self, path: &[hir::Expr]) -> Option<Literal> {
        if !self.is_traced() {
            return None;
        }
        let wildcard = VarInfo {
            name: Arc::from("_"),
            span: Span::default(),
        };
        let reference = Ref {
            root: hir::Root::Data,
            path: path.to_vec(),
        };
        let literal = Literal {
            kind: hir::LiteralKind::Unify(hir::Expr::Ref(Box::new(reference)), hir::Expr::Var(Var(0))),
            with: Vec::new(),
            span: Span::default(),
            statement: None,
            negated: false,
        };
        self.begin(None, vec![wildcard], Vec::new(), None);
        self.enter_body(std::slice::from_ref(&literal), Span::default(), true);
        Some(literal)
    }

    /// A body begins. What is returned goes to [`Self::exit_body`].
    pub(crate) fn enter_body(&mut self, literals: &[Literal], span: Span, outermost: bool) -> Tracing {
        let outer = self.tracing.clone();
        let (Some(map), Some(branch)) = (self.planner.trace.as_deref_mut(), outer.branch) else {
            return outer;
        };
        let body = map.body(Body {
            branch,
            parent: outer.body,
            outermost,
            literals: literals.to_vec(),
            span,
        });
        self.tracing.body = Some(body);
        self.tracing.expression = None;
        self.point(PointKind::Enter(body), true, &[]);
        outer
    }

    /// All expressions of the body held, and its value is known, if it has one.
    pub(crate) fn exit_body(&mut self, outer: Tracing, value: Option<Operand>) {
        if let Some(body) = self.tracing.body {
            self.point(PointKind::Exit(body), false, value.as_slice());
        }
        self.tracing = outer;
    }

    /// An expression begins.
    pub(crate) fn eval_point(&mut self, literal: &Literal, index: usize) {
        let (Some(map), Some(body)) = (self.planner.trace.as_deref_mut(), self.tracing.body) else {
            return;
        };
        let expression = map.expression(Expression {
            body,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            literal: literal.clone(),
        });
        self.tracing.expression = Some(expression);
        self.point(PointKind::Eval(expression), false, &[]);
    }

    /// The expression held.
    pub(crate) fn held_point(&mut self) {
        if let Some(expression) = self.tracing.expression.take() {
            self.point(PointKind::Held(expression), true, &[]);
        }
    }

    /// A reference in the expression has this value.
    pub(crate) fn term_point(&mut self, reference: &Ref, value: Operand) {
        if let Some(expression) = self.tracing.expression {
            self.point(PointKind::Term(expression, reference.clone()), false, &[value]);
        }
    }

    /// The expression looks up a key in a value, or iterates the value: then it has found what is below the key.
    pub(crate) fn step_point(&mut self, source: Operand, key: Operand, found: Option<Operand>) {
        if let Some(expression) = self.tracing.expression {
            let mut values = vec![source, key];
            values.extend(found);
            self.point(PointKind::Step(expression), false, &values);
        }
    }

    /// `trace(message)` was called.
    pub(crate) fn note_point(&mut self, message: Option<&Operand>) {
        if let (Some(expression), Some(message)) = (self.tracing.expression, message) {
            self.point(PointKind::Note(expression), false, &[*message]);
        }
    }

    /// A point: a call with its number, the variables that have a value, if they are wanted, and further values.
    fn point(&mut self, kind: PointKind, with_vars: bool, values: &[Operand]) {
        let mut vars: Vec<(Var, Operand)> = Vec::new();
        if with_vars {
            vars.extend(self.env.iter().map(|(var, operand)| (*var, *operand)));
            vars.sort_by_key(|(var, _)| *var);
        }
        let names = vars.iter().map(|(var, _)| *var).collect();
        let Some(number) = self
            .planner
            .trace
            .as_deref_mut()
            .map(|map| map.point(kind, names))
        else {
            return;
        };
        let mut args = vec![self.string(&number.to_string())];
        args.extend(
            vars.into_iter()
                .map(|(_, operand)| operand)
                .chain(values.iter().copied()),
        );
        let result = self.local();
        self.emit(StmtKind::Call {
            func: POINT.to_owned(),
            args,
            result,
        });
    }
}
