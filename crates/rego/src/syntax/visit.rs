//! Walking the syntax tree.
//!
//! Implement [`Visitor`], override what interests you, and call the `walk_*` function inside to go on below.

use super::ast::{
    Body, Call, Comprehension, Head, HeadKind, Literal, LiteralKind, Module, Ref, Rule, Segment,
    TemplatePart, Term, TermKind, With,
};

/// Callbacks for each sort of node. The defaults walk on.
pub trait Visitor {
    /// A rule.
    fn rule(&mut self, rule: &Rule) {
        walk_rule(self, rule);
    }
    /// A rule's head.
    fn head(&mut self, head: &Head) {
        walk_head(self, head);
    }
    /// A body: of a rule, an `else`, a comprehension, an `every`, or an operand in braces.
    fn body(&mut self, body: &Body) {
        walk_body(self, body);
    }
    /// A statement.
    fn literal(&mut self, literal: &Literal) {
        walk_literal(self, literal);
    }
    /// A `with` modifier.
    fn with(&mut self, with: &With) {
        walk_with(self, with);
    }
    /// A term.
    fn term(&mut self, term: &Term) {
        walk_term(self, term);
    }
    /// A reference with at least one segment, where it is read. Heads, `with` targets and called functions are not passed here.
    fn reference(&mut self, reference: &Ref) {
        walk_ref(self, reference);
    }
    /// A call; its function's name is not passed to [`Visitor::reference`].
    fn call(&mut self, call: &Call) {
        for arg in &call.args {
            self.term(arg);
        }
    }
}

/// Walks all rules of a module.
pub fn walk_module<V: Visitor + ?Sized>(visitor: &mut V, module: &Module) {
    for rule in &module.rules {
        visitor.rule(rule);
    }
}

/// Walks a rule's head, body and `else` branches.
pub fn walk_rule<V: Visitor + ?Sized>(visitor: &mut V, rule: &Rule) {
    visitor.head(&rule.head);
    if let Some(body) = &rule.body {
        visitor.body(body);
    }
    for branch in &rule.elses {
        if let Some(value) = &branch.value {
            visitor.term(value);
        }
        if let Some(body) = &branch.body {
            visitor.body(body);
        }
    }
}

/// Walks a head's path, parameters and value.
pub fn walk_head<V: Visitor + ?Sized>(visitor: &mut V, head: &Head) {
    walk_segments(visitor, &head.reference.path);
    for arg in head.args.iter().flatten() {
        visitor.term(arg);
    }
    match &head.kind {
        HeadKind::Value(Some(term)) | HeadKind::Contains(term) => visitor.term(term),
        HeadKind::Value(None) => {}
    }
}

/// Walks the statements of a body.
pub fn walk_body<V: Visitor + ?Sized>(visitor: &mut V, body: &Body) {
    for literal in &body.literals {
        visitor.literal(literal);
    }
}

/// Walks the parts of a statement and its modifiers.
pub fn walk_literal<V: Visitor + ?Sized>(visitor: &mut V, literal: &Literal) {
    match &literal.kind {
        LiteralKind::Term(term) => visitor.term(term),
        LiteralKind::Assign(left, right) | LiteralKind::Unify(left, right) => {
            visitor.term(left);
            visitor.term(right);
        }
        LiteralKind::Not(inner) => visitor.literal(inner),
        LiteralKind::Logical(inner) => {
            for operand in &inner.operands {
                visitor.literal(operand);
            }
        }
        LiteralKind::Group(body) => visitor.body(body),
        LiteralKind::Some(_) => {}
        LiteralKind::SomeIn {
            key,
            value,
            collection,
        } => {
            for term in key.iter().chain([value, collection]) {
                visitor.term(term);
            }
        }
        LiteralKind::Every { domain, body, .. } => {
            visitor.term(domain);
            visitor.body(body);
        }
    }
    for with in &literal.with {
        visitor.with(with);
    }
}

/// Walks a modifier's target segments and value.
pub fn walk_with<V: Visitor + ?Sized>(visitor: &mut V, with: &With) {
    walk_segments(visitor, &with.target.path);
    visitor.term(&with.value);
}

/// Walks the terms inside a term.
pub fn walk_term<V: Visitor + ?Sized>(visitor: &mut V, term: &Term) {
    match &term.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) | TermKind::Var(_) => {
        }
        TermKind::Template(parts) => {
            for part in parts {
                if let TemplatePart::Term(term, with) = part {
                    visitor.term(term);
                    for modifier in with {
                        visitor.with(modifier);
                    }
                }
            }
        }
        TermKind::Ref(reference) => visitor.reference(reference),
        TermKind::Select(base, segments) => {
            visitor.term(base);
            walk_segments(visitor, segments);
        }
        TermKind::Call(call) => visitor.call(call),
        TermKind::Infix(_, sides) => {
            visitor.term(&sides.0);
            visitor.term(&sides.1);
        }
        TermKind::Membership(membership) => {
            for term in membership
                .key
                .iter()
                .chain([&membership.value, &membership.collection])
            {
                visitor.term(term);
            }
        }
        TermKind::Array(terms) | TermKind::Set(terms) => {
            for term in terms {
                visitor.term(term);
            }
        }
        TermKind::Object(pairs) => {
            for (key, value) in pairs {
                visitor.term(key);
                visitor.term(value);
            }
        }
        TermKind::ArrayComprehension(inner) | TermKind::SetComprehension(inner) => {
            walk_comprehension(visitor, inner)
        }
        TermKind::ObjectComprehension(inner) => {
            visitor.term(&inner.key);
            visitor.term(&inner.value);
            visitor.body(&inner.body);
        }
    }
}

fn walk_comprehension<V: Visitor + ?Sized>(visitor: &mut V, comprehension: &Comprehension) {
    visitor.term(&comprehension.head);
    visitor.body(&comprehension.body);
}

/// Walks the terms in a reference's brackets.
pub fn walk_ref<V: Visitor + ?Sized>(visitor: &mut V, reference: &Ref) {
    walk_segments(visitor, &reference.path);
}

/// Walks the terms in brackets.
pub fn walk_segments<V: Visitor + ?Sized>(visitor: &mut V, segments: &[Segment]) {
    for segment in segments {
        if let Segment::Bracket(term) = segment {
            visitor.term(term);
        }
    }
}
