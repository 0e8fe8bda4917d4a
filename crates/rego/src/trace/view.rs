//! What explanations look up about an event.

use stele_types::Value;

use super::event::{Event, Node};
use super::map::{Location, Map, PointKind, RuleHead, get};
use super::node::Writer;
use crate::compile::hir::{Expr, LiteralKind};

impl Map {
    /// All rules that were compiled, with the place of each: one for each branch.
    pub fn rules(&self) -> impl Iterator<Item = (&RuleHead, Location)> {
        let bodies = (0_u32..).zip(&self.bodies).filter(|(_, body)| body.outermost);
        bodies.filter_map(|(number, _)| {
            let node = Node::Body(number);
            Some((self.rule(node)?, self.location(node)))
        })
    }

    /// Whether a rule's body has no expressions.
    #[must_use]
    pub fn is_constant(&self, node: Node) -> bool {
        let Node::Body(body) = node else { return false };
        get(&self.bodies, body).is_some_and(|body| body.literals.is_empty())
    }

    /// The arguments of a call, from the event that enters the function's body.
    #[must_use]
    pub fn arguments(&self, event: &Event) -> Vec<Value> {
        let params = self.branch_at(event.node).map(|branch| branch.params.as_slice());
        let params = params.unwrap_or_default().iter();
        let value = |var| event.locals.iter().find(|(other, _)| other == var);
        params
            .map(|var| value(var).map_or(Value::Null, |(_, value)| value.clone()))
            .collect()
    }

    /// The place of an expression in its body, from 0, in the order of evaluation.
    #[must_use]
    pub fn position(&self, expression: u32) -> u32 {
        get(&self.expressions, expression).map_or(0, |expression| expression.index)
    }

    /// What the parts of the statement at which an event failed came to: calls and references, as they were written. A part that
    /// iterates has several values, one that is undefined has none.
    #[must_use]
    pub fn operands(&self, event: &Event) -> Vec<(String, Vec<Value>)> {
        let Node::Expression(number) = event.node else {
            return Vec::new();
        };
        let Some((failed, branch)) = get(&self.expressions, number).zip(self.branch_at(event.node)) else {
            return Vec::new();
        };
        let statement = failed.literal.statement.unwrap_or(failed.literal.span);
        let mut out: Vec<(String, Vec<Value>)> = Vec::new();
        let mut add =
            |text: String, value: Option<Value>| match out.iter_mut().find(|(other, _)| *other == text) {
                Some((_, values)) => values.extend(value),
                None => out.push((text, value.into_iter().collect())),
            };
        for (var, value) in event.locals.iter() {
            let info = usize::try_from(var.0).ok().and_then(|var| branch.vars.get(var));
            let own = info.filter(|info| {
                let (inside, made) = (
                    info.span.start >= statement.start && info.span.end <= statement.end,
                    info.name.is_empty(),
                );
                made && inside && info.span != statement && info.span.start < info.span.end
            });
            if let Some(info) = own {
                add(self.slice(failed.body, info.span).to_owned(), Some(value.clone()));
            }
        }
        let writer = Writer { branch };
        for seen in &event.terms {
            let Some(PointKind::Term(expression, reference)) =
                get(&self.points, seen.point).map(|point| &point.kind)
            else {
                continue;
            };
            let same = get(&self.expressions, *expression).is_some_and(|expression| {
                expression.literal.statement.unwrap_or(expression.literal.span) == statement
                    && !moves(&expression.literal.kind, branch)
            });
            if same {
                add(writer.reference(reference), seen.value.clone());
            }
        }
        // A reference that led to nothing was not seen.
        match &failed.literal.kind {
            LiteralKind::Unify(Expr::Var(var), Expr::Ref(_)) if moves(&failed.literal.kind, branch) => {
                let info = usize::try_from(var.0).ok().and_then(|var| branch.vars.get(var));
                let text = info.map(|info| self.slice(failed.body, info.span).to_owned());
                text.into_iter().for_each(|text| add(text, None));
            }
            LiteralKind::Test(Expr::Ref(reference)) => add(writer.reference(reference), None),
            LiteralKind::Equal(a, b) | LiteralKind::Unify(a, b) | LiteralKind::NotEqual(a, b) => {
                for term in [a, b] {
                    if let Expr::Ref(reference) = term {
                        add(writer.reference(reference), None);
                    }
                }
            }
            _ => {}
        }
        out
    }
}

/// Whether a statement only gives a reference a name of the compiler's.
fn moves(kind: &LiteralKind, branch: &super::map::Branch) -> bool {
    let LiteralKind::Unify(Expr::Var(var), Expr::Ref(_)) = kind else {
        return false;
    };
    let info = usize::try_from(var.0).ok().and_then(|var| branch.vars.get(var));
    info.is_some_and(|info| info.name.is_empty())
}
