//! What expressions come to, as far as the text alone tells.
//!
//! A value that needs Terraform to run (attributes that a provider computes, variables without a value) is unknown, and so is what is computed from it. The place of
//! a value is the expression that stands where it is used. Source of the rules: <https://developer.hashicorp.com/terraform/language/expressions>.

use std::ops::Range;
use std::rc::Rc;

use hcl_edit::Span;
use hcl_edit::expr::{
    BinaryOperator, Conditional, Expression, ForExpr, Object, ObjectKey, Traversal, UnaryOperator,
};
use hcl_edit::template::{Directive, Element, Strip, Template};
use stele_types::{Number, Value};

use super::config::{Attr, Expr, shift};
use super::functions;
use super::json_syntax;
use super::refs;
use super::types;
use super::world::{Instance, World};
use crate::format::hcl;
use crate::node::{Entry, Node, NodeKind, last_of_equal};

/// Where the text of an expression is.
#[derive(Debug, Clone)]
pub(super) enum Site {
    /// In a file that begins at this byte of the joined text.
    Base(usize),
    /// In a string of the JSON syntax.
    Fixed(Range<usize>),
}

/// Names that expressions have beside those of the module: `each`, `count`, those of `for` and `dynamic`.
#[derive(Debug, Clone)]
pub(super) struct Frame<'a> {
    pub(super) name: &'a str,
    pub(super) value: Rc<Node>,
    pub(super) next: Option<&'a Frame<'a>>,
}

/// Where an expression is evaluated.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    pub(super) world: &'a World,
    pub(super) instance: &'a Instance,
    pub(super) site: Site,
    pub(super) frame: Option<&'a Frame<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(world: &'a World, instance: &'a Instance, frame: Option<&'a Frame<'a>>) -> Self {
        Self {
            world,
            instance,
            site: Site::Base(0),
            frame,
        }
    }

    /// What an attribute comes to.
    pub(super) fn value(&self, expr: &Expr) -> Node {
        let at = |site| Scope { site, ..self.clone() };
        match expr {
            Expr::Hcl(expression, base) => at(Site::Base(*base)).eval(expression),
            Expr::Template(template, range) => {
                at(Site::Fixed(range.clone())).template(template, range.clone())
            }
            Expr::Literal(node) => {
                self.world.budget.charge_node(node);
                node.clone()
            }
            Expr::Array(items, range) => {
                Node::array(range.clone(), items.iter().map(|item| self.value(item)).collect())
            }
            Expr::Object(members, range) => self.written_object(members, range.clone()),
        }
    }

    /// An object of the JSON syntax.
    fn written_object(&self, members: &[Attr], range: Range<usize>) -> Node {
        let mut entries: Vec<Entry> = Vec::with_capacity(members.len());
        for member in members {
            let key = match json_syntax::template(&member.name) {
                None => Some(member.name.clone()),
                // It was read for that.
                Some(_) if !self.world.budget.charge_text(member.name.len()) => None,
                Some(template) => template.ok().and_then(|template| {
                    let key_range = member.name_range.clone();
                    let site = Site::Fixed(key_range.clone());
                    let scope = Scope { site, ..self.clone() };
                    text_of(&scope.template(&template, key_range))
                }),
            };
            // As of an object in HCL.
            let Some(key) = key else { return unknown(range) };
            entries.push(Entry {
                key,
                key_range: member.name_range.clone(),
                value: self.value(&member.expr),
            });
        }
        Node::object(range, last_of_equal(entries))
    }

    pub(super) fn range(&self, of: &impl Span) -> Range<usize> {
        match &self.site {
            Site::Base(base) => shift(of.span(), *base),
            Site::Fixed(range) => range.clone(),
        }
    }

    fn within<'b>(&self, frame: &'b Frame<'b>) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope {
            world: self.world,
            instance: self.instance,
            site: self.site.clone(),
            frame: Some(frame),
        }
    }

    /// Asks with more names.
    pub(super) fn with_names(
        &self,
        names: &[(&str, Rc<Node>)],
        ask: &dyn Fn(&Scope<'_>) -> Node,
    ) -> Option<Node> {
        let Some(((name, value), rest)) = names.split_first() else {
            return Some(ask(self));
        };
        let frame = Frame {
            name,
            value: value.clone(),
            next: self.frame,
        };
        self.within(&frame).with_names(rest, ask)
    }

    pub(super) fn eval(&self, expression: &Expression) -> Node {
        let range = self.range(expression);
        let Some(_level) = self.world.budget.enter(range.start) else {
            return unknown(range);
        };
        let known = |value| Node::scalar(range.clone(), value);
        match expression {
            Expression::Null(_) => known(Value::Null),
            Expression::Bool(value) => known(Value::Bool(*value.value())),
            Expression::Number(value) => {
                hcl::number(&value.value().to_string()).map_or_else(|| unknown(range.clone()), known)
            }
            Expression::String(value) => known(Value::string(value.value())),
            Expression::Array(items) => {
                Node::array(range, items.iter().map(|item| self.eval(item)).collect())
            }
            Expression::Object(object) => self.object(object, range),
            Expression::StringTemplate(template) => self.elements(template.iter(), range),
            Expression::HeredocTemplate(heredoc) => self.template(&heredoc.template, range),
            Expression::Parenthesis(inner) => self.eval(inner.inner()),
            Expression::Variable(name) => {
                let found = refs::root(self, name.as_str(), &[], range.clone()).0;
                self.settle(found.as_ref().clone(), &range)
            }
            Expression::Conditional(conditional) => self.conditional(conditional, range),
            Expression::FuncCall(call) => functions::call(self, call, range),
            Expression::Traversal(traversal) => self.traversal(traversal, range),
            Expression::UnaryOp(operation) => {
                let value = self.eval(&operation.expr);
                unary(*operation.operator.value(), &value).map_or_else(|| unknown(range.clone()), known)
            }
            Expression::BinaryOp(operation) => {
                let left = self.eval(&operation.lhs_expr);
                let right = self.eval(&operation.rhs_expr);
                let exact = || {
                    types::is_exact(self, &operation.lhs_expr) && types::is_exact(self, &operation.rhs_expr)
                };
                let found = match operation.operator.value() {
                    BinaryOperator::Eq => types::same(&left, &right, &exact).map(Value::from),
                    BinaryOperator::NotEq => types::same(&left, &right, &exact).map(|same| (!same).into()),
                    operator => binary(*operator, &left, &right),
                };
                found.map_or_else(|| unknown(range.clone()), known)
            }
            Expression::ForExpr(each) => self.for_expression(each, range),
        }
    }

    fn object(&self, object: &Object, range: Range<usize>) -> Node {
        let mut entries: Vec<Entry> = Vec::with_capacity(object.len());
        for (key, value) in object {
            let key_range = self.range(key);
            let name = match key {
                ObjectKey::Ident(ident) => Some(ident.to_string()),
                ObjectKey::Expression(expression) => text_of(&self.eval(expression)),
            };
            // Whichever member it is, what others say may not count.
            let Some(key) = name else { return unknown(range) };
            let entry = Entry {
                key,
                key_range,
                value: self.eval(value.expr()),
            };
            entries.push(entry);
        }
        Node::object(range, last_of_equal(entries))
    }

    fn conditional(&self, conditional: &Conditional, range: Range<usize>) -> Node {
        match truth(&self.eval(&conditional.cond_expr)) {
            Some(true) => types::alike(
                self.eval(&conditional.true_expr),
                &self.eval(&conditional.false_expr),
            ),
            Some(false) => types::alike(
                self.eval(&conditional.false_expr),
                &self.eval(&conditional.true_expr),
            ),
            None => unknown(range),
        }
    }

    fn traversal(&self, traversal: &Traversal, range: Range<usize>) -> Node {
        let operators: Vec<_> = traversal
            .operators
            .iter()
            .map(|operator| operator.value())
            .collect();
        let (found, taken) = match &traversal.expr {
            Expression::Variable(name) => refs::root(self, name.as_str(), &operators, range.clone()),
            other => (Rc::new(self.eval(other)), 0),
        };
        let rest = operators.get(taken..).unwrap_or_default();
        let found = refs::follow(self, &found, rest, &range);
        self.settle(found, &range)
    }

    /// The value at the place where it is used.
    pub(super) fn settle(&self, mut node: Node, range: &Range<usize>) -> Node {
        self.world.budget.charge_node(&node);
        place(&mut node, range);
        node
    }

    fn for_expression(&self, each: &ForExpr, range: Range<usize>) -> Node {
        let collection = self.eval(&each.intro.collection_expr);
        let Some(pairs) = pairs(&collection) else {
            return unknown(range);
        };
        let mut items: Vec<(Option<String>, Node)> = Vec::new();
        for (key, value) in pairs {
            let of_value = Frame {
                name: each.intro.value_var.as_str(),
                value: Rc::new(value),
                next: self.frame,
            };
            let of_key = each.intro.key_var.as_ref().map(|name| Frame {
                name: name.as_str(),
                value: Rc::new(key.clone()),
                next: Some(&of_value),
            });
            let scope = self.within(of_key.as_ref().unwrap_or(&of_value));
            match each.cond.as_ref().map(|cond| truth(&scope.eval(&cond.expr))) {
                Some(None) => return unknown(range),
                Some(Some(false)) => continue,
                _ => {}
            }
            let name = each.key_expr.as_ref().map(|key| text_of(&scope.eval(key)));
            if name == Some(None) {
                return unknown(range);
            }
            items.push((name.flatten(), scope.eval(&each.value_expr)));
        }
        if each.key_expr.is_none() {
            let items = items.into_iter().map(|(_, value)| value).collect();
            return types::list_of(range, items, types::is_partial(&collection));
        }
        // How many one key has is not known.
        if each.grouping && types::is_partial(&collection) {
            return unknown(range);
        }
        let entries = items
            .into_iter()
            .filter_map(|(name, value)| Some(Entry::new(&name?, value)));
        let entries = if each.grouping {
            grouped(entries)
        } else {
            last_of_equal(entries.collect())
        };
        Node::object(range, entries)
    }

    pub(super) fn template(&self, template: &Template, range: Range<usize>) -> Node {
        self.elements(template.iter(), range)
    }

    /// A template of one expression is the expression's value; any other is text.
    fn elements<'e>(&self, elements: impl Iterator<Item = &'e Element>, range: Range<usize>) -> Node {
        let elements: Vec<&Element> = elements.collect();
        if let [Element::Interpolation(only)] = elements.as_slice() {
            return self.eval(&only.expr);
        }
        match self.text(&elements, (false, false)) {
            Some(text) if self.world.budget.charge_text(text.len()) => {
                Node::scalar(range, Value::string(&text))
            }
            _ => unknown(range),
        }
    }

    /// The text of a template; `outer`: whether the marker before it and the one behind it strip.
    fn text(&self, elements: &[&Element], outer: (bool, bool)) -> Option<String> {
        let mut out = String::new();
        let mut strip_start = outer.0;
        for (at, element) in elements.iter().enumerate() {
            let next = at.checked_add(1).and_then(|next| elements.get(next));
            let strip_end = next.map_or(outer.1, |next| marks(next).0.strip_start());
            let piece = match element {
                Element::Literal(text) => stripped(text.value(), strip_start, strip_end)?.to_owned(),
                Element::Interpolation(inner) => text_of(&self.eval(&inner.expr))?,
                Element::Directive(directive) => self.directive(directive)?,
            };
            strip_start = marks(element).1.strip_end();
            out.push_str(&piece);
            if !self.world.budget.charge_text(piece.len()) {
                return None;
            }
        }
        Some(out)
    }

    fn directive(&self, directive: &Directive) -> Option<String> {
        let all = |scope: &Scope<'_>, template: &Template, start: Strip, end: Strip| {
            let outer = (start.strip_end(), end.strip_start());
            scope.text(&template.iter().collect::<Vec<_>>(), outer)
        };
        match directive {
            Directive::If(choice) => {
                let (first, last) = (&choice.if_expr, choice.endif_expr.strip);
                let other = choice.else_expr.as_ref();
                match (truth(&self.eval(&first.cond_expr))?, other) {
                    (true, other) => all(
                        self,
                        &first.template,
                        first.strip,
                        other.map_or(last, |other| other.strip),
                    ),
                    (false, Some(other)) => all(self, &other.template, other.strip, last),
                    (false, None) => Some(String::new()),
                }
            }
            Directive::For(each) => {
                let last = each.endfor_expr.strip;
                let each = &each.for_expr;
                let collection = self.eval(&each.collection_expr);
                if types::is_partial(&collection) {
                    return None;
                }
                let mut out = String::new();
                for (key, value) in pairs(&collection)? {
                    let of_value = Frame {
                        name: each.value_var.as_str(),
                        value: Rc::new(value),
                        next: self.frame,
                    };
                    let of_key = each.key_var.as_ref().map(|name| Frame {
                        name: name.as_str(),
                        value: Rc::new(key.clone()),
                        next: Some(&of_value),
                    });
                    let scope = self.within(of_key.as_ref().unwrap_or(&of_value));
                    out.push_str(&all(&scope, &each.template, each.strip, last)?);
                }
                Some(out)
            }
        }
    }
}

/// The first and the last marker of what is no literal.
fn marks(element: &Element) -> (Strip, Strip) {
    match element {
        Element::Literal(_) => (Strip::None, Strip::None),
        Element::Interpolation(inner) => (inner.strip, inner.strip),
        Element::Directive(directive) => match &**directive {
            Directive::If(choice) => (choice.if_expr.strip, choice.endif_expr.strip),
            Directive::For(each) => (each.for_expr.strip, each.endfor_expr.strip),
        },
    }
}

/// A literal without the space that a marker beside it strips. How far that goes over the lines of a heredoc is not understood here: then `None`.
fn stripped(text: &str, start: bool, end: bool) -> Option<&str> {
    let mut rest = text;
    if start {
        rest = rest.trim_start();
        let cut = text.get(..text.len().saturating_sub(rest.len()))?;
        if cut.find('\n').is_some_and(|at| at.saturating_add(1) < cut.len()) {
            return None;
        }
    }
    if end {
        let kept = rest.trim_end();
        let cut = rest.get(kept.len()..)?;
        if cut.find('\n').is_some_and(|at| at.saturating_add(1) < cut.len()) {
            return None;
        }
        rest = kept;
    }
    Some(rest)
}

pub(super) fn unknown(range: Range<usize>) -> Node {
    let kind = NodeKind::Unknown;
    Node { range, kind }
}

/// Whether nothing in it is unknown.
pub(super) fn is_known(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Unknown | NodeKind::Open(_) => false,
        NodeKind::Scalar(_) => true,
        NodeKind::Array(items) | NodeKind::Set(items) => items.iter().all(is_known),
        NodeKind::Object(entries) => entries.iter().all(|entry| is_known(&entry.value)),
    }
}

/// The value, if all of it is known.
pub(super) fn known(node: &Node) -> Option<Value> {
    is_known(node).then(|| node.to_value())
}

pub(super) fn truth(node: &Node) -> Option<bool> {
    match &node.kind {
        NodeKind::Scalar(Value::Bool(value)) => Some(*value),
        NodeKind::Scalar(Value::String(text)) if &**text == "true" => Some(true),
        NodeKind::Scalar(Value::String(text)) if &**text == "false" => Some(false),
        _ => None,
    }
}

/// A scalar as text.
pub(super) fn text_of(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Scalar(Value::String(text)) => Some(text.to_string()),
        NodeKind::Scalar(Value::Number(number)) => Some(number.to_string()),
        NodeKind::Scalar(Value::Bool(value)) => Some(value.to_string()),
        _ => None,
    }
}

/// A scalar as a number.
pub(super) fn number_of(node: &Node) -> Option<Number> {
    match &node.kind {
        NodeKind::Scalar(Value::Number(number)) => Some(number.clone()),
        NodeKind::Scalar(Value::String(text)) => Number::parse(text).ok(),
        _ => None,
    }
}

/// Keys and values of a collection, as `for` takes them.
pub(super) fn pairs(node: &Node) -> Option<Vec<(Node, Node)>> {
    match &node.kind {
        NodeKind::Array(items) => {
            let pair = |(index, item): (usize, &Node)| {
                let key = Value::from(i64::try_from(index).ok()?);
                Some((Node::scalar(item.range.clone(), key), item.clone()))
            };
            items.iter().enumerate().map(pair).collect()
        }
        NodeKind::Set(items) => Some(items.iter().map(|item| (item.clone(), item.clone())).collect()),
        NodeKind::Object(entries) => {
            let mut entries: Vec<&Entry> = entries.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            let pair = |entry: &Entry| {
                let key = Node::scalar(entry.key_range.clone(), Value::string(&entry.key));
                (key, entry.value.clone())
            };
            Some(entries.into_iter().map(pair).collect())
        }
        _ => None,
    }
}

fn grouped(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for entry in entries {
        let at = *places.entry(entry.key.clone()).or_insert(out.len());
        match out.get_mut(at).map(|there| &mut there.value.kind) {
            Some(NodeKind::Array(items)) => items.push(entry.value),
            _ => {
                let range = entry.value.range.clone();
                out.push(Entry {
                    value: Node::array(range, vec![entry.value]),
                    ..Entry::new(&entry.key, unknown(entry.key_range))
                });
            }
        }
    }
    out
}

fn place(node: &mut Node, range: &Range<usize>) {
    node.range = range.clone();
    match &mut node.kind {
        NodeKind::Array(items) | NodeKind::Set(items) => {
            items.iter_mut().for_each(|item| place(item, range));
        }
        NodeKind::Object(entries) | NodeKind::Open(entries) => entries.iter_mut().for_each(|entry| {
            entry.key_range = range.clone();
            place(&mut entry.value, range);
        }),
        NodeKind::Scalar(_) | NodeKind::Unknown => {}
    }
}

fn unary(operator: UnaryOperator, value: &Node) -> Option<Value> {
    Some(match operator {
        UnaryOperator::Neg => Value::Number(number_of(value)?.neg()),
        UnaryOperator::Not => Value::Bool(!truth(value)?),
    })
}

fn binary(operator: BinaryOperator, left: &Node, right: &Node) -> Option<Value> {
    use BinaryOperator as Op;
    let numbers = || Some((number_of(left)?, number_of(right)?));
    let compared = || numbers().map(|(left, right)| left.cmp(&right));
    let computed = |result: Result<Number, _>| result.ok().map(Value::Number);
    match operator {
        Op::And => match (truth(left), truth(right)) {
            (Some(false), _) | (_, Some(false)) => Some(false.into()),
            (left, right) => Some((left? && right?).into()),
        },
        Op::Or => match (truth(left), truth(right)) {
            (Some(true), _) | (_, Some(true)) => Some(true.into()),
            (left, right) => Some((left? || right?).into()),
        },
        Op::Eq | Op::NotEq => None,
        Op::Less => Some(compared()?.is_lt().into()),
        Op::LessEq => Some(compared()?.is_le().into()),
        Op::Greater => Some(compared()?.is_gt().into()),
        Op::GreaterEq => Some(compared()?.is_ge().into()),
        Op::Plus => numbers().and_then(|(left, right)| computed(left.add(&right))),
        Op::Minus => numbers().and_then(|(left, right)| computed(left.sub(&right))),
        Op::Mul => numbers().and_then(|(left, right)| computed(left.mul(&right))),
        Op::Div => numbers().and_then(|(left, right)| computed(left.div(&right))),
        Op::Mod => numbers().and_then(|(left, right)| computed(left.rem(&right))),
    }
}
