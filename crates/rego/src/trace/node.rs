//! What events are about, as text and as OPA's syntax tree in JSON.

use serde_json::{Value as Json, json};
use stele_types::Value;

use super::event::{Event, Locals, Node, Op, Seen};
use super::map::{Branch, Location, Map, PointKind, RuleHead, get};
use crate::builtins::{self, rego_text};
use crate::compile::hir::{
    Comprehension, ComprehensionHead, Expr, Function, Literal, LiteralKind, Ref, Root, Var, With, WithTarget,
    WithValue,
};
use crate::source::Span;

impl Map {
    /// Where the thing that an event is about stands.
    #[must_use]
    pub fn location(&self, node: Node) -> Location {
        match node {
            Node::Body(body) => {
                let span = get(&self.bodies, body).map_or(Span::default(), |body| body.span);
                let head = self.rule(node).map(|rule| rule.span);
                self.at(body, head.filter(|_| self.is_first_branch(body)).unwrap_or(span))
            }
            Node::Expression(number) => match get(&self.expressions, number) {
                Some(expression) => self.at(expression.body, expression.literal.span),
                None => self.at(u32::MAX, Span::default()),
            },
        }
    }

    fn is_first_branch(&self, body: u32) -> bool {
        self.rule(Node::Body(body)).is_some_and(|rule| rule.branch == 0)
    }

    /// The rule whose body it is.
    #[must_use]
    pub fn rule(&self, node: Node) -> Option<&RuleHead> {
        let Node::Body(body) = node else { return None };
        get(&self.bodies, body).filter(|body| body.outermost)?;
        self.branch_of(body)?.rule.as_ref()
    }

    /// The text as OPA shows it in a trace: a rule's path, or expressions after the compiler has taken them apart.
    #[must_use]
    pub fn text(&self, node: Node) -> String {
        if let Some(rule) = self.rule(node) {
            return rule.path.to_string();
        }
        match node {
            Node::Body(body) => {
                let Some((branch, entry)) = self.branch_of(body).zip(get(&self.bodies, body)) else {
                    return String::new();
                };
                let writer = Writer { branch };
                let parts = entry.literals.iter().map(|literal| writer.literal(literal));
                parts.collect::<Vec<_>>().join("; ")
            }
            Node::Expression(number) => {
                let expression = get(&self.expressions, number);
                let found = expression.and_then(|found| Some((self.branch_of(found.body)?, found)));
                found.map_or_else(String::new, |(branch, found)| {
                    Writer { branch }.literal(&found.literal)
                })
            }
        }
    }

    /// The statement as it was written, of which an expression is a part; and where it begins.
    #[must_use]
    pub fn statement(&self, expression: u32) -> Option<(&str, Location)> {
        let found = get(&self.expressions, expression)?;
        let span = found.literal.statement.unwrap_or(found.literal.span);
        Some((self.slice(found.body, span), self.at(found.body, span)))
    }

    /// The variables of an event that have names, and their values.
    #[must_use]
    pub fn locals<'e>(&self, event: &'e Event) -> Vec<(String, &'e Value)> {
        let Some(branch) = self.branch_at(event.node) else {
            return Vec::new();
        };
        let named = |var: Var| {
            let info = branch.vars.get(usize::try_from(var.0).ok()?)?;
            let written = !info.name.is_empty() && &*info.name != "_" && !info.name.starts_with('$');
            written.then(|| info.name.to_string())
        };
        let locals: &Locals = &event.locals;
        let named = locals
            .iter()
            .filter_map(|(var, value)| Some((named(*var)?, value)));
        named.collect()
    }

    /// What the references in an expression that failed led to, or those of a body that ended; `None` is undefined. One that
    /// iterates has a value for each element.
    #[must_use]
    pub fn references(&self, event: &Event) -> Vec<(String, Option<Value>)> {
        let Some(branch) = self.branch_at(event.node) else {
            return Vec::new();
        };
        let writer = Writer { branch };
        let shown = |seen: &Seen| match &get(&self.points, seen.point)?.kind {
            PointKind::Term(_, reference) => Some((writer.reference(reference), seen.value.clone())),
            _ => None,
        };
        event.terms.iter().filter_map(shown).collect()
    }

    pub(crate) fn branch_at(&self, node: Node) -> Option<&Branch> {
        match node {
            Node::Body(body) => self.branch_of(body),
            Node::Expression(number) => self.branch_of(get(&self.expressions, number)?.body),
        }
    }

    /// The event as OPA's `explanation` has it: `op`, `query_id`, `parent_id`, `type`, `node`, `locals` and `message`; and where
    /// it stands, as `location`.
    #[must_use]
    pub fn to_json(&self, event: &Event) -> Json {
        let kind = match event.node {
            Node::Expression(_) => "expr",
            Node::Body(_) if self.rule(event.node).is_some() => "rule",
            Node::Body(_) => "body",
        };
        let locals: Vec<Json> = self
            .locals(event)
            .into_iter()
            .map(|(name, value)| json!({"key": {"type": "var", "value": name}, "value": value_term(value)}))
            .collect();
        let location = self.location(event.node);
        let mut out = json!({
            "op": event.op.name().to_lowercase(),
            "query_id": event.query_id,
            "parent_id": event.parent_id,
            "type": kind,
            "node": self.tree(event.node),
            "locals": locals,
            "location": {"file": location.file, "row": location.row, "col": location.col},
        });
        if let (Some(message), Some(fields)) = (self.message(event), out.as_object_mut()) {
            fields.insert("message".to_owned(), message.into());
        }
        out
    }

    /// What an event says beside its node.
    #[must_use]
    pub fn message(&self, event: &Event) -> Option<String> {
        if event.op == Op::Exit && self.rule(event.node).is_some_and(|rule| rule.last) {
            return Some("early".to_owned());
        }
        event.message.clone()
    }

    fn tree(&self, node: Node) -> Json {
        let Some(branch) = self.branch_at(node) else {
            return Json::Null;
        };
        let writer = Writer { branch };
        match node {
            Node::Expression(number) => get(&self.expressions, number).map_or(Json::Null, |found| {
                writer.expression(&found.literal, found.index as usize)
            }),
            Node::Body(body) => {
                let literals = get(&self.bodies, body).map(|body| body.literals.as_slice());
                let body = writer.body(literals.unwrap_or_default());
                match self.rule(node) {
                    Some(rule) => head_tree(rule, &body),
                    None => body,
                }
            }
        }
    }
}

/// A rule as OPA's syntax tree has it; its head is only named.
fn head_tree(rule: &RuleHead, body: &Json) -> Json {
    let steps: Vec<Json> = rule
        .path
        .split('.')
        .enumerate()
        .map(|(index, step)| json!({"type": if index == 0 { "var" } else { "string" }, "value": step}))
        .collect();
    let name = rule.path.rsplit('.').next().unwrap_or_default();
    json!({"default": rule.default, "head": {"name": name, "ref": steps}, "body": body})
}

/// A value as OPA's syntax tree has it.
fn value_term(value: &Value) -> Json {
    let list = |items: Vec<Json>| Json::Array(items);
    match value {
        Value::Null => json!({"type": "null", "value": {}}),
        Value::Bool(value) => json!({"type": "boolean", "value": value}),
        Value::Number(number) => json!({"type": "number", "value": number_json(&number.to_string())}),
        Value::String(text) => json!({"type": "string", "value": &**text}),
        Value::Array(items) => {
            json!({"type": "array", "value": list(items.iter().map(value_term).collect())})
        }
        Value::Set(items) => json!({"type": "set", "value": list(items.iter().map(value_term).collect())}),
        Value::Object(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(key, value)| json!([value_term(key), value_term(value)]));
            json!({"type": "object", "value": list(pairs.collect())})
        }
    }
}

fn number_json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Writes terms of one branch.
pub(crate) struct Writer<'a> {
    pub(crate) branch: &'a Branch,
}

impl Writer<'_> {
    fn name(&self, var: Var) -> String {
        let index = usize::try_from(var.0).unwrap_or(usize::MAX);
        match self.branch.vars.get(index).map(|info| &*info.name) {
            None | Some("") => format!("__local{}__", var.0),
            Some(name) if name.starts_with('$') => "_".to_owned(),
            Some(name) => name.to_owned(),
        }
    }

    pub(crate) fn literal(&self, literal: &Literal) -> String {
        let mut out = match &literal.kind {
            LiteralKind::Test(term) => self.term(term),
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) => {
                format!("{} = {}", self.term(a), self.term(b))
            }
            LiteralKind::NotEqual(a, b) => format!("{} != {}", self.term(a), self.term(b)),
            LiteralKind::Call { function, args, out } => self.call(function, args, out.as_ref()),
            LiteralKind::Not { body, .. } => self.negation(body),
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
                ..
            } => {
                let (key, value) = (self.name(*key), self.name(*value));
                format!(
                    "every {key}, {value} in {} {{ {} }}",
                    self.term(domain),
                    self.statements(body)
                )
            }
        };
        for with in &literal.with {
            out.push_str(&format!(
                " with {} as {}",
                target(&with.target),
                self.replacement(&with.value)
            ));
        }
        out
    }

    /// `not ...`; what is negated twice, as operands of `and` and `or` are, is shown as it stands.
    fn negation(&self, body: &[Literal]) -> String {
        let twice = |literal: &Literal| match &literal.kind {
            LiteralKind::Not { body, .. } if literal.with.is_empty() => Some(self.group(body)),
            _ => None,
        };
        let operands: Option<Vec<String>> = body.iter().map(twice).collect();
        match operands {
            Some(operands) => operands.join(" or "),
            None => format!("not {}", self.group(body)),
        }
    }

    fn group(&self, body: &[Literal]) -> String {
        match body {
            [only] => self.literal(only),
            _ => format!("{{ {} }}", self.statements(body)),
        }
    }

    fn statements(&self, body: &[Literal]) -> String {
        let parts: Vec<String> = body.iter().map(|literal| self.literal(literal)).collect();
        parts.join("; ")
    }

    fn call(&self, function: &Function, args: &[Expr], out: Option<&Expr>) -> String {
        let name = function_name(function);
        let mut args: Vec<String> = args.iter().map(|arg| self.term(arg)).collect();
        let infix = match function {
            Function::Builtin(name) => infix(name),
            Function::Rule(_) => None,
        };
        match (infix, args.as_slice(), out) {
            (Some(sign), [a, b], None) => format!("{a} {sign} {b}"),
            (Some(sign), [a, b], Some(out)) => format!("{} = {a} {sign} {b}", self.term(out)),
            _ => {
                args.extend(out.map(|out| self.term(out)));
                format!("{name}({})", args.join(", "))
            }
        }
    }

    pub(crate) fn term(&self, term: &Expr) -> String {
        let list = |terms: &[Expr]| {
            terms
                .iter()
                .map(|term| self.term(term))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match term {
            Expr::Null => "null".to_owned(),
            Expr::Bool(value) => value.to_string(),
            Expr::Number(text) => text.to_string(),
            Expr::String(text) => builtins::quoted(text),
            Expr::Var(var) => self.name(*var),
            Expr::Ref(reference) => self.reference(reference),
            Expr::Array(terms) => format!("[{}]", list(terms)),
            Expr::Set(terms) if terms.is_empty() => "set()".to_owned(),
            Expr::Set(terms) => format!("{{{}}}", list(terms)),
            Expr::Object(pairs) => {
                let pair = |(key, value): &(Expr, Expr)| format!("{}: {}", self.term(key), self.term(value));
                format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            Expr::Comprehension(inner) => self.comprehension(inner),
        }
    }

    fn comprehension(&self, inner: &Comprehension) -> String {
        let body = self.statements(&inner.body);
        match &inner.head {
            ComprehensionHead::Array(term) => format!("[{} | {body}]", self.term(term)),
            ComprehensionHead::Set(term) => format!("{{{} | {body}}}", self.term(term)),
            ComprehensionHead::Object(key, value) => {
                format!("{{{}: {} | {body}}}", self.term(key), self.term(value))
            }
        }
    }

    pub(crate) fn reference(&self, reference: &Ref) -> String {
        let mut out = match reference.root {
            Root::Data => "data".to_owned(),
            Root::Input => "input".to_owned(),
            Root::Var(var) => self.name(var),
        };
        for part in &reference.path {
            match part {
                Expr::String(name) if is_name(name) => out.push_str(&format!(".{name}")),
                other => out.push_str(&format!("[{}]", self.term(other))),
            }
        }
        out
    }

    fn replacement(&self, value: &WithValue) -> String {
        match value {
            WithValue::Value(term) => self.term(term),
            WithValue::Function(function) => function_name(function),
        }
    }

    // OPA's syntax tree.

    fn body(&self, literals: &[Literal]) -> Json {
        let expressions = literals.iter().enumerate();
        expressions
            .map(|(index, literal)| self.expression(literal, index))
            .collect()
    }

    fn expression(&self, literal: &Literal, index: usize) -> Json {
        let operator = |name: &str, args: &[&Expr]| {
            let mut terms = vec![path_tree("var", name)];
            terms.extend(args.iter().map(|arg| self.tree(arg)));
            Json::Array(terms)
        };
        let (negated, terms) = match &literal.kind {
            LiteralKind::Test(term) => (false, self.tree(term)),
            LiteralKind::Unify(a, b) | LiteralKind::Equal(a, b) => (false, operator("eq", &[a, b])),
            LiteralKind::NotEqual(a, b) => (false, operator("neq", &[a, b])),
            LiteralKind::Call { function, args, out } => {
                let name = function_name(function);
                let args: Vec<&Expr> = args.iter().chain(out).collect();
                (false, operator(&name, &args))
            }
            LiteralKind::Not { body, .. } => {
                let inner = body.last().map(|last| self.expression(last, index));
                let terms = inner.and_then(|mut inner| inner.get_mut("terms").map(Json::take));
                (true, terms.unwrap_or(Json::Null))
            }
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
                ..
            } => (
                false,
                json!({
                    "key": {"type": "var", "value": self.name(*key)},
                    "value": {"type": "var", "value": self.name(*value)},
                    "domain": self.tree(domain),
                    "body": self.body(body),
                }),
            ),
        };
        let mut out = json!({"index": index, "terms": terms});
        if let Some(fields) = out.as_object_mut() {
            if negated {
                fields.insert("negated".to_owned(), true.into());
            }
            if !literal.with.is_empty() {
                let with = literal.with.iter().map(|with| self.with(with)).collect();
                fields.insert("with".to_owned(), with);
            }
        }
        out
    }

    fn with(&self, with: &With) -> Json {
        let value = match &with.value {
            WithValue::Value(term) => self.tree(term),
            WithValue::Function(function) => path_tree("var", &function_name(function)),
        };
        json!({"target": path_tree("var", &target(&with.target)), "value": value})
    }

    fn tree(&self, term: &Expr) -> Json {
        let trees = |terms: &[Expr]| terms.iter().map(|term| self.tree(term)).collect::<Json>();
        match term {
            Expr::Null => json!({"type": "null", "value": {}}),
            Expr::Bool(value) => json!({"type": "boolean", "value": value}),
            Expr::Number(text) => json!({"type": "number", "value": number_json(text)}),
            Expr::String(text) => json!({"type": "string", "value": &**text}),
            Expr::Var(var) => json!({"type": "var", "value": self.name(*var)}),
            Expr::Ref(reference) => {
                let root = match reference.root {
                    Root::Data => "data".to_owned(),
                    Root::Input => "input".to_owned(),
                    Root::Var(var) => self.name(var),
                };
                let mut steps = vec![json!({"type": "var", "value": root})];
                steps.extend(reference.path.iter().map(|part| self.tree(part)));
                json!({"type": "ref", "value": steps})
            }
            Expr::Array(terms) => json!({"type": "array", "value": trees(terms)}),
            Expr::Set(terms) => json!({"type": "set", "value": trees(terms)}),
            Expr::Object(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| json!([self.tree(key), self.tree(value)]));
                json!({"type": "object", "value": pairs.collect::<Json>()})
            }
            Expr::Comprehension(inner) => {
                let body = self.body(&inner.body);
                match &inner.head {
                    ComprehensionHead::Array(term) => {
                        json!({"type": "arraycomprehension", "value": {"term": self.tree(term), "body": body}})
                    }
                    ComprehensionHead::Set(term) => {
                        json!({"type": "setcomprehension", "value": {"term": self.tree(term), "body": body}})
                    }
                    ComprehensionHead::Object(key, value) => json!({
                        "type": "objectcomprehension",
                        "value": {"key": self.tree(key), "value": self.tree(value), "body": body},
                    }),
                }
            }
        }
    }
}

/// A dotted name as a reference.
fn path_tree(root: &str, name: &str) -> Json {
    let steps = name
        .split('.')
        .enumerate()
        .map(|(index, step)| json!({"type": if index == 0 { root } else { "string" }, "value": step}));
    json!({"type": "ref", "value": steps.collect::<Json>()})
}

fn function_name(function: &Function) -> String {
    match function {
        Function::Builtin(name) => name.to_string(),
        Function::Rule(path) => path
            .iter()
            .fold("data".to_owned(), |name, step| format!("{name}.{step}")),
    }
}

fn target(target: &WithTarget) -> String {
    let join = |root: &str, path: &[std::sync::Arc<str>]| {
        path.iter()
            .fold(root.to_owned(), |name, step| format!("{name}.{step}"))
    };
    match target {
        WithTarget::Input(path) => join("input", path),
        WithTarget::Data(path) => join("data", path),
        WithTarget::Function(function) => function_name(function),
    }
}

fn infix(name: &str) -> Option<&'static str> {
    Some(match name {
        "equal" => "==",
        "neq" => "!=",
        "lt" => "<",
        "lte" => "<=",
        "gt" => ">",
        "gte" => ">=",
        "plus" => "+",
        "minus" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        "and" => "&",
        "or" => "|",
        "internal.member_2" => "in",
        _ => return None,
    })
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic());
    first && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// A value in Rego syntax, for people.
#[must_use]
pub fn show(value: &Value) -> String {
    rego_text(value)
}
