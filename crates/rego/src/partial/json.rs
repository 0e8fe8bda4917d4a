//! Residuals as OPA's `/v1/compile` gives them: `queries` are bodies, `support` are modules, both in the JSON form of OPA's syntax
//! tree.
//!
//! A body is an array of expressions, `{"index": 0, "terms": ..., "negated": true, "with": [...]}`; `terms` is one term, or an array of
//! an operator and its operands, or an object for `every`. A term is `{"type": ..., "value": ...}`.

use std::sync::Arc;

use stele_types::Value;

use super::Residual;
use super::print::Names;
use super::term::{
    Callee, Collects, Kind, Replacement, Statement, SupportBranch, SupportRule, Target, Term, TermRef,
    TermRoot, TermWith,
};

impl Residual {
    /// `{"queries": [BODY...], "support": [MODULE...]}`; either is left out when there are none.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let writer = Writer { names: &self.names };
        let mut members = Vec::new();
        if !self.queries.is_empty() {
            let queries = self.queries.iter().map(|query| writer.body(query));
            members.push(("queries", Value::array(queries)));
        }
        let packages = self.support_packages();
        if !packages.is_empty() {
            let modules = packages.iter().map(|package| {
                let names = std::iter::once("data").chain(package.path.iter().map(AsRef::as_ref));
                let rules = package.rules.iter().map(|(name, rule)| writer.rule(name, rule));
                object([
                    ("package", object([("path", path(names))])),
                    ("rules", Value::array(rules)),
                ])
            });
            members.push(("support", Value::array(modules)));
        }
        object(members)
    }
}

struct Writer<'a> {
    names: &'a Names,
}

impl Writer<'_> {
    fn body(&self, body: &[Statement]) -> Value {
        Value::array(
            body.iter()
                .enumerate()
                .map(|(index, statement)| self.expression(index, statement)),
        )
    }

    fn expression(&self, index: usize, statement: &Statement) -> Value {
        let (negated, inner) = match &statement.kind {
            Kind::Not(inner) => (true, inner.as_ref()),
            _ => (false, statement),
        };
        let index = Value::from(i64::try_from(index).unwrap_or(i64::MAX));
        let mut members = vec![("index", index), ("terms", self.terms(&inner.kind))];
        if negated {
            members.push(("negated", Value::Bool(true)));
        }
        if !statement.with.is_empty() {
            let with = statement.with.iter().map(|with| self.with(with));
            members.push(("with", Value::array(with)));
        }
        object(members)
    }

    fn with(&self, with: &TermWith) -> Value {
        let document = |root: &str, path: &[Arc<str>]| {
            reference(
                std::iter::once(variable(root))
                    .chain(path.iter().map(|name| text(name)))
                    .collect(),
            )
        };
        let target = match &with.target {
            Target::Input(path) => document("input", path),
            Target::Data(path) => document("data", path),
            Target::Function(function) => callee(function),
        };
        let value = match &with.value {
            Replacement::Term(term) => self.term(term),
            Replacement::Function(function) => callee(function),
        };
        object([("target", target), ("value", value)])
    }

    fn terms(&self, kind: &Kind) -> Value {
        let call = |name: &str, args: &[&Term]| {
            let operator = callee(&Callee::Builtin(Arc::from(name)));
            Value::array(std::iter::once(operator).chain(args.iter().map(|arg| self.term(arg))))
        };
        match kind {
            Kind::Test(term) => self.term(term),
            Kind::Unify(a, b) => call("eq", &[a, b]),
            Kind::NotEqual(a, b) => call("neq", &[a, b]),
            Kind::Call { function, args, out } => {
                let operands = args.iter().chain(out).map(|arg| self.term(arg));
                Value::array(std::iter::once(callee(function)).chain(operands))
            }
            // `not not` does not arise: what is negated twice has a rule of its own.
            Kind::Not(inner) => self.terms(&inner.kind),
            Kind::Every {
                key,
                value,
                domain,
                body,
            } => object([
                ("domain", self.term(domain)),
                ("key", variable(self.names.of(*key))),
                ("value", variable(self.names.of(*value))),
                ("body", self.body(body)),
            ]),
        }
    }

    fn term(&self, term: &Term) -> Value {
        match term {
            Term::Const(value) => constant(value),
            Term::Var(var) => variable(self.names.of(*var)),
            Term::Ref(inner) => self.reference(inner),
            Term::Array(terms) => typed("array", Value::array(terms.iter().map(|term| self.term(term)))),
            Term::Set(terms) => typed("set", Value::array(terms.iter().map(|term| self.term(term)))),
            Term::Object(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| Value::array([self.term(key), self.term(value)]));
                typed("object", Value::array(pairs))
            }
            Term::Comprehension(inner) => {
                let body = ("body", self.body(&inner.body));
                let mut head = inner.head.iter().map(|term| self.term(term));
                let first = head.next().unwrap_or_default();
                match (inner.collects, head.next()) {
                    (Collects::Object, Some(second)) => typed(
                        "objectcomprehension",
                        object([("key", first), ("value", second), body]),
                    ),
                    (Collects::Set, _) => typed("setcomprehension", object([("term", first), body])),
                    _ => typed("arraycomprehension", object([("term", first), body])),
                }
            }
        }
    }

    fn reference(&self, inner: &TermRef) -> Value {
        let root = match inner.root {
            TermRoot::Input => variable("input"),
            TermRoot::Data => variable("data"),
            TermRoot::Var(var) => variable(self.names.of(var)),
        };
        let parts = inner.path.iter().map(|part| self.term(part));
        reference(std::iter::once(root).chain(parts).collect())
    }

    fn rule(&self, name: &[Arc<str>], rule: &SupportRule) -> Value {
        self.branch(name, rule, &rule.branches)
    }

    /// A rule from one of its branches on; the branches after it are its `else`.
    fn branch(&self, name: &[Arc<str>], rule: &SupportRule, branches: &[SupportBranch]) -> Value {
        let Some((branch, rest)) = branches.split_first() else {
            return Value::Null;
        };
        let mut members = Vec::new();
        if rule.default {
            members.push(("default", Value::Bool(true)));
        }
        members.push(("head", self.head(name, rule, branch)));
        let body = if branch.body.is_empty() {
            self.body(&[Kind::Test(Term::boolean(true)).into()])
        } else {
            self.body(&branch.body)
        };
        members.push(("body", body));
        if !rest.is_empty() {
            members.push(("else", self.branch(name, rule, rest)));
        }
        object(members)
    }

    fn head(&self, name: &[Arc<str>], rule: &SupportRule, branch: &SupportBranch) -> Value {
        let first = name.first().map_or("", AsRef::as_ref);
        let names = name.iter().skip(1).map(|name| text(name));
        let suffix = rule.suffix.iter().map(|part| self.term(part));
        let parts: Vec<Value> = std::iter::once(variable(first))
            .chain(names)
            .chain(suffix)
            .collect();
        let mut members = Vec::new();
        if parts.len() == 1 {
            members.push(("name", Value::string(first)));
        }
        if let Some(args) = &rule.args {
            let args = args.iter().map(|arg| variable(self.names.of(*arg)));
            members.push(("args", Value::array(args)));
        }
        if rule.contains {
            members.push(("key", self.term(&branch.value)));
        } else {
            members.push(("value", self.term(&branch.value)));
            members.push(("assign", Value::Bool(true)));
        }
        members.push(("ref", Value::array(parts)));
        object(members)
    }
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::object(
        members
            .into_iter()
            .map(|(name, value)| (Value::string(name), value)),
    )
}

fn typed(name: &str, value: Value) -> Value {
    object([("type", Value::string(name)), ("value", value)])
}

fn variable(name: &str) -> Value {
    typed("var", Value::string(name))
}

fn text(name: &str) -> Value {
    typed("string", Value::string(name))
}

fn reference(parts: Vec<Value>) -> Value {
    typed("ref", Value::array(parts))
}

/// The parts of a constant reference: a variable, then names.
fn path<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let part = |(index, name): (usize, &str)| if index == 0 { variable(name) } else { text(name) };
    Value::array(names.enumerate().map(part))
}

fn callee(function: &Callee) -> Value {
    let parts = match function {
        Callee::Builtin(name) => path(name.split('.')),
        Callee::Rule(names) => path(std::iter::once("data").chain(names.iter().map(AsRef::as_ref))),
    };
    typed("ref", parts)
}

fn constant(value: &Value) -> Value {
    match value {
        Value::Null => typed("null", Value::Null),
        Value::Bool(_) => typed("boolean", value.clone()),
        Value::Number(_) => typed("number", value.clone()),
        Value::String(_) => typed("string", value.clone()),
        Value::Array(items) => typed("array", Value::array(items.iter().map(constant))),
        Value::Set(items) => typed("set", Value::array(items.iter().map(constant))),
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| Value::array([constant(key), constant(value)]));
            typed("object", Value::array(pairs))
        }
    }
}
