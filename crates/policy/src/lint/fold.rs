//! Constant folding: the value of a term that depends on nothing.

use std::collections::BTreeMap;

use stele_rego::ast::{Literal, LiteralKind, Module, Segment, Term, TermKind};
use stele_rego::builtins::{self, Body as Code, Purity, Session};
use stele_rego::eval::{Budget, Context, Limits};
use stele_types::{Number, Value};

use super::facts::Globals;

/// What a fold may cost: constants in policies are small.
const INSTRUCTIONS: u64 = 10_000;
/// What a fold may make, in bytes.
const MEMORY: u64 = 1 << 20;

/// The constants of nested scopes.
pub(super) struct Folder<'a> {
    /// First names that are no builtins here.
    globals: &'a Globals,
    /// From the outermost scope to the innermost: each local, with its value if it is constant.
    scopes: Vec<BTreeMap<String, Option<Value>>>,
    /// Whether references into locals have values.
    references: bool,
}

/// The value of a term in a module where these locals are known; none where it depends on anything else.
pub(crate) fn value_of<'v>(
    module: &Module,
    term: &Term,
    locals: impl Iterator<Item = (&'v str, &'v Value)>,
) -> Option<Value> {
    let imports = module.imports.iter().filter_map(|import| import.name());
    let globals: Globals = imports
        .map(|name| (name.name.to_string(), name.name.to_string()))
        .collect();
    let known = locals.map(|(name, value)| (name.to_owned(), Some(value.clone())));
    let folder = Folder {
        globals: &globals,
        scopes: vec![known.collect()],
        references: true,
    };
    folder.fold(term)
}

impl<'a> Folder<'a> {
    pub(super) const fn new(globals: &'a Globals) -> Self {
        Self {
            globals,
            scopes: Vec::new(),
            references: false,
        }
    }

    /// Enters a body: its `:=` of constants are known in all of it, whatever their order.
    pub(super) fn enter(&mut self, literals: &[Literal]) {
        let mut scope = BTreeMap::new();
        for literal in literals {
            for name in declared(literal) {
                scope.insert(name, None);
            }
        }
        self.scopes.push(scope);
        // A constant may be made of others; each round finds those that the last one made possible.
        for _ in literals {
            let mut found = false;
            for literal in literals {
                if let LiteralKind::Assign(left, right) = &literal.kind
                    && let TermKind::Var(name) = &left.kind
                    && self.local(name) == Some(&None)
                    && let Some(value) = self.fold(right)
                    && let Some(scope) = self.scopes.last_mut()
                {
                    scope.insert(name.to_string(), Some(value));
                    found = true;
                }
            }
            if !found {
                break;
            }
        }
    }

    /// Enters a scope with names that have no known value.
    pub(super) fn enter_names(&mut self, names: impl Iterator<Item = String>) {
        self.scopes.push(names.map(|name| (name, None)).collect());
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    fn local(&self, name: &str) -> Option<&Option<Value>> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name))
    }

    /// The term's value, if it is constant and defined.
    pub(super) fn fold(&self, term: &Term) -> Option<Value> {
        match &term.kind {
            TermKind::Null => Some(Value::Null),
            TermKind::Bool(value) => Some(Value::Bool(*value)),
            TermKind::Number(text) => Number::parse(text).ok().map(Value::Number),
            TermKind::String(text) => Some(Value::string(text)),
            TermKind::Var(name) => self.local(name)?.clone(),
            TermKind::Array(items) => Some(Value::array(self.all(items)?)),
            TermKind::Set(items) => Some(Value::set(self.all(items)?)),
            TermKind::Object(pairs) => {
                let pairs: Option<Vec<(Value, Value)>> = pairs
                    .iter()
                    .map(|(key, value)| Some((self.fold(key)?, self.fold(value)?)))
                    .collect();
                Some(Value::object(pairs?))
            }
            TermKind::Infix(op, sides) => call(op.builtin(), &[self.fold(&sides.0)?, self.fold(&sides.1)?]),
            TermKind::Membership(inner) => {
                let (value, collection) = (self.fold(&inner.value)?, self.fold(&inner.collection)?);
                match &inner.key {
                    Some(key) => call("internal.member_3", &[self.fold(key)?, value, collection]),
                    None => call("internal.member_2", &[value, collection]),
                }
            }
            TermKind::Call(inner) => {
                let root = inner.function.root.name.as_ref();
                if self.globals.contains_key(root) || self.local(root).is_some() {
                    return None;
                }
                call(&inner.function.dotted()?, &self.all(&inner.args)?)
            }
            TermKind::Ref(reference) if self.references => {
                let root = self.local(&reference.root.name)?.clone()?;
                reference.path.iter().try_fold(root, |at, segment| {
                    let key = match segment {
                        Segment::Dot(name) => Value::string(&name.name),
                        Segment::Bracket(term) => self.fold(term)?,
                    };
                    at.index(&key).cloned()
                })
            }
            TermKind::Template(_)
            | TermKind::Ref(_)
            | TermKind::Select(..)
            | TermKind::ArrayComprehension(_)
            | TermKind::SetComprehension(_)
            | TermKind::ObjectComprehension(_) => None,
        }
    }

    fn all(&self, terms: &[Term]) -> Option<Vec<Value>> {
        terms.iter().map(|term| self.fold(term)).collect()
    }
}

/// Calls a builtin whose result depends on its arguments only; nothing if it has none for these.
fn call(name: &str, args: &[Value]) -> Option<Value> {
    let builtin = builtins::find(name)?;
    let Code::Function(function) = builtin.body else {
        return None;
    };
    if builtin.purity != Purity::Pure || builtin.relation || builtin.arity() != args.len() {
        return None;
    }
    let limits = Limits {
        instructions: INSTRUCTIONS,
        memory: MEMORY,
        ..Limits::default()
    };
    let mut session = Session::new(Context::default(), Budget::new(limits));
    function(&mut session, args).ok()
}

/// The locals that a statement introduces into its body.
pub(super) fn declared(literal: &Literal) -> Vec<String> {
    let mut names = Vec::new();
    match &literal.kind {
        LiteralKind::Assign(left, _) => pattern(left, &mut names),
        LiteralKind::Some(idents) => names.extend(idents.iter().map(|ident| ident.name.to_string())),
        LiteralKind::SomeIn { key, value, .. } => {
            for term in key.iter().chain([value]) {
                pattern(term, &mut names);
            }
        }
        _ => {}
    }
    names
}

/// The variables of a pattern, without looking into references and calls.
pub(super) fn pattern(term: &Term, names: &mut Vec<String>) {
    match &term.kind {
        TermKind::Var(name) if !term.is_wildcard() => names.push(name.to_string()),
        TermKind::Array(items) => items.iter().for_each(|item| pattern(item, names)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| pattern(value, names)),
        _ => {}
    }
}
