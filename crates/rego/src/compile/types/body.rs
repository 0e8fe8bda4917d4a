//! The types of the locals of one body, and what can't be by them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Groups;
use super::annotations::{self, Known};
use super::parts;
use super::shape::{Fields, Kinds, Type};
use crate::builtins;
use crate::compile::hir::{
    Branch, Comprehension, ComprehensionHead, Expr, Function, Literal, LiteralKind, Ref, Root, Var, VarInfo,
    WithTarget, WithValue,
};
use crate::compile::tree::{Tree, ref_text};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};
use crate::syntax::ast::push_segment;

/// A part of a reference.
pub(super) enum Key {
    Name(Arc<str>),
    Of(Type),
}

/// What `with` replaces around a statement.
#[derive(Clone, Copy, Default)]
struct Replaced {
    /// Rules or functions: documents and results may then be anything.
    rules: bool,
    input: bool,
}

pub(super) struct Body<'a> {
    tree: &'a Tree,
    groups: &'a Groups,
    documents: &'a [Known],
    branch: &'a Branch,
    source: &'a SourceFile,
    diagnostics: &'a mut Vec<Diagnostic>,
    vars: HashMap<Var, Type>,
    replaced: Replaced,
    /// The statement that is looked at.
    span: Span,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        tree: &'a Tree,
        groups: &'a Groups,
        documents: &'a [Known],
        branch: &'a Branch,
        source: &'a SourceFile,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let params = branch.params.iter().map(|var| (*var, Type::any())).collect();
        Self {
            tree,
            groups,
            documents,
            branch,
            source,
            diagnostics,
            vars: params,
            replaced: Replaced::default(),
            span: branch.span,
        }
    }

    /// The same where something has replaced the input.
    pub(super) fn with_any_input(mut self) -> Self {
        self.replaced.input = true;
        self
    }

    /// Goes through the body; the types of the keys after the rule's own path, and of the value.
    pub(super) fn branch(&mut self) -> (Vec<Key>, Type) {
        let branch = self.branch;
        self.literals(&branch.body);
        self.span = branch.span;
        let keys = branch.suffix.iter().map(|part| self.key(part)).collect();
        (keys, self.term(&branch.value))
    }

    fn literals(&mut self, body: &[Literal]) {
        for literal in body {
            self.literal(literal);
        }
    }

    fn literal(&mut self, literal: &Literal) {
        let before = (self.replaced, self.span);
        self.span = literal.span;
        for with in &literal.with {
            if let WithValue::Value(value) = &with.value {
                self.term(value);
            }
        }
        for with in &literal.with {
            match with.target {
                WithTarget::Input(_) => self.replaced.input = true,
                WithTarget::Data(_) | WithTarget::Function(_) => self.replaced.rules = true,
            }
        }
        match &literal.kind {
            LiteralKind::Test(term) => drop(self.term(term)),
            LiteralKind::Unify(a, b) => self.unify(a, b),
            LiteralKind::Equal(a, b) => {
                let (left, right) = (self.term(a), self.term(b));
                self.compare(&left, &right);
            }
            LiteralKind::NotEqual(a, b) => {
                self.term(a);
                self.term(b);
            }
            LiteralKind::Call { function, args, out } => {
                if out.as_ref().is_some_and(|out| self.is_nameless(out)) {
                    self.compared(function, args);
                }
                let result = self.call(function, args);
                if let Some(out) = out {
                    self.assign(out, &result);
                }
            }
            LiteralKind::Not { body, .. } => self.literals(body),
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
                ..
            } => {
                let domain = self.term(domain);
                self.vars.insert(*key, domain.keys());
                self.vars.insert(*value, domain.values());
                self.literals(body);
            }
        }
        (self.replaced, self.span) = before;
    }

    /// Whether a term is a variable that no source can name. A query that shows the values of its statements puts them into such ones, so
    /// that nobody but the reader has use for `false`.
    fn is_nameless(&self, term: &Expr) -> bool {
        let Expr::Var(var) = term else { return false };
        let info = self.branch.vars.get(var.0 as usize);
        info.is_some_and(|info| info.name.starts_with('$'))
    }

    /// Checks a comparison that stands as a call, as [`LiteralKind::Equal`] is.
    fn compared(&mut self, function: &Function, args: &[Expr]) {
        if let (Function::Builtin(name), [a, b]) = (function, args)
            && **name == *"equal"
        {
            let (left, right) = (self.term(a), self.term(b));
            self.compare(&left, &right);
        }
    }

    // Unification.

    fn unify(&mut self, a: &Expr, b: &Expr) {
        if self.is_bound(a) {
            let left = self.term(a);
            self.assign(b, &left);
        } else {
            let right = self.term(b);
            self.assign(a, &right);
        }
    }

    /// Whether nothing in a term waits for its value.
    fn is_bound(&self, term: &Expr) -> bool {
        match term {
            Expr::Var(var) => self.vars.contains_key(var),
            Expr::Array(terms) | Expr::Set(terms) => terms.iter().all(|term| self.is_bound(term)),
            Expr::Object(pairs) => pairs.iter().all(|(_, value)| self.is_bound(value)),
            _ => true,
        }
    }

    /// Unifies a term with a value of the type given: locals without a value get it.
    fn assign(&mut self, pattern: &Expr, value: &Type) {
        match pattern {
            Expr::Var(var) if !self.vars.contains_key(var) => {
                self.vars.insert(*var, value.clone());
            }
            Expr::Array(terms) if !self.is_bound(pattern) => {
                self.compare(&Type::of(Kinds::ARRAY), value);
                for (position, term) in terms.iter().enumerate() {
                    let item = value.item(Some(position));
                    self.assign(term, &or_any(item));
                }
            }
            Expr::Object(pairs) if !self.is_bound(pattern) => {
                self.compare(&Type::of(Kinds::OBJECT), value);
                for (key, term) in pairs {
                    let field = match key {
                        Expr::String(name) => value.field(name),
                        _ => Type::any(),
                    };
                    self.assign(term, &or_any(field));
                }
            }
            _ => {
                let known = self.term(pattern);
                self.compare(&known, value);
            }
        }
    }

    fn compare(&mut self, left: &Type, right: &Type) {
        if left.meets(right) {
            return;
        }
        let message = format!(
            "{} is never equal to {}",
            left.kinds.describe(),
            right.kinds.describe()
        );
        self.report(message, "compare values of one type, or remove the statement");
    }

    fn report(&mut self, message: String, help: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::new(self.source, self.span, Code::Type, message).with_help(help));
    }

    // Terms.

    fn term(&mut self, term: &Expr) -> Type {
        match term {
            Expr::Null => Type::of(Kinds::NULL),
            Expr::Bool(_) => Type::of(Kinds::BOOLEAN),
            Expr::Number(_) => Type::of(Kinds::NUMBER),
            Expr::String(_) => Type::of(Kinds::STRING),
            Expr::Var(var) => self.vars.get(var).cloned().unwrap_or(Type::any()),
            Expr::Ref(reference) => self.reference(reference),
            Expr::Array(terms) => Type::tuple(terms.iter().map(|term| self.term(term)).collect()).shallow(),
            Expr::Set(terms) => {
                let members = terms.iter().map(|term| self.term(term));
                Type::set(members.fold(Type::nothing(), Type::or)).shallow()
            }
            Expr::Object(pairs) => self.object(pairs).shallow(),
            Expr::Comprehension(inner) => self.comprehension(inner).shallow(),
        }
    }

    fn object(&mut self, pairs: &[(Expr, Expr)]) -> Type {
        let mut named: BTreeMap<Arc<str>, Type> = BTreeMap::new();
        let mut others: Option<(Type, Type)> = None;
        for (key, value) in pairs {
            let value = self.term(value);
            match key {
                Expr::String(name) => {
                    named.insert(name.clone(), value);
                }
                key => {
                    let key = self.term(key);
                    others = Some(match others {
                        Some((keys, values)) => (keys.or(key), values.or(value)),
                        None => (key, value),
                    });
                }
            }
        }
        Type::object(Fields { named, others })
    }

    fn comprehension(&mut self, inner: &Comprehension) -> Type {
        let span = self.span;
        self.literals(&inner.body);
        self.span = span;
        match &inner.head {
            ComprehensionHead::Array(item) => Type::list(self.term(item)),
            ComprehensionHead::Set(member) => Type::set(self.term(member)),
            ComprehensionHead::Object(key, value) => {
                let pair = (self.term(key), self.term(value));
                Type::object(Fields {
                    named: BTreeMap::new(),
                    others: Some(pair),
                })
            }
        }
    }

    fn key(&mut self, part: &Expr) -> Key {
        match part {
            Expr::String(name) => Key::Name(name.clone()),
            part => Key::Of(self.term(part)),
        }
    }

    // References.

    fn reference(&mut self, reference: &Ref) -> Type {
        let names: Vec<Arc<str>> = reference
            .path
            .iter()
            .map_while(|part| match part {
                Expr::String(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        let (mut at, covered) = match reference.root {
            Root::Var(var) => (self.vars.get(&var).cloned().unwrap_or(Type::any()), 0),
            Root::Input if self.replaced.input => (Type::any(), 0),
            Root::Input => annotations::find(self.documents, Root::Input, &names).unwrap_or((Type::any(), 0)),
            Root::Data => self.document(&names),
        };
        if reference.root == Root::Data && covered == 0 && !self.replaced.rules {
            self.package_key(reference, &names);
        }
        for (position, part) in reference.path.iter().enumerate().skip(covered) {
            at = self.step(&at, part, reference, position);
        }
        at
    }

    /// Reports a constant key of a package that is no name.
    fn package_key(&mut self, reference: &Ref, names: &[Arc<str>]) {
        let Some(key @ (Expr::Number(_) | Expr::Bool(_) | Expr::Null)) = reference.path.get(names.len())
        else {
            return;
        };
        if names.is_empty() || self.tree.node(names).is_none_or(|node| node.group.is_some()) {
            return;
        }
        let kind = self.term(key).kinds.describe();
        let message = format!(
            "{} has no such part: it is a package, and gets {kind} for a name",
            ref_text(names)
        );
        self.report(message, "packages have names, which are strings");
    }

    /// The type of the longest part of a path below `data` of which something is known, and its length.
    fn document(&self, names: &[Arc<str>]) -> (Type, usize) {
        if self.replaced.rules {
            return (Type::any(), 0);
        }
        for length in 1..=names.len() {
            let Some(path) = names.get(..length) else { break };
            let rule = self.tree.node(path).and_then(|node| node.group);
            if let Some(group) = rule {
                return (self.groups.get(group, self.replaced.input), length);
            }
        }
        // A package's document holds base data too.
        let above_rules = self.tree.node(names).is_some();
        let found = annotations::find(self.documents, Root::Data, names);
        found.filter(|_| !above_rules).unwrap_or((Type::any(), 0))
    }

    fn step(&mut self, at: &Type, part: &Expr, reference: &Ref, position: usize) -> Type {
        let found = match part {
            Expr::String(name) => at.field(name),
            Expr::Number(text) => at.item(text.parse().ok()),
            Expr::Var(var) if !self.vars.contains_key(var) => {
                self.vars.insert(*var, or_any(at.keys()));
                if at.is_nothing() || at.kinds.meets(Kinds::COLLECTION) {
                    // What is iterated may be empty, and then nothing is wrong.
                    return or_any(at.values());
                }
                Type::nothing()
            }
            part => {
                let key = self.term(part);
                if key.is_nothing() {
                    return Type::any();
                }
                at.at(&key)
            }
        };
        if at.is_nothing() || !found.is_nothing() {
            return or_any(found);
        }
        let what = self.text(reference, position);
        let message = match part {
            Expr::String(name) => format!("{what} has no `{name}`: it is {}", at.kinds.describe()),
            _ => format!("{what} has no such part: it is {}", at.kinds.describe()),
        };
        let help = match at.known_fields() {
            Some(names) if names.is_empty() => "it is always empty".to_owned(),
            Some(names) => format!("it has {}", quoted(&names)),
            None => "references go into arrays, objects and sets".to_owned(),
        };
        self.report(message, help);
        Type::any()
    }

    /// A reference up to a position, for messages.
    fn text(&self, reference: &Ref, position: usize) -> String {
        let path = reference.path.get(..position).unwrap_or_default();
        let names: Vec<Arc<str>> = path
            .iter()
            .map(|part| match part {
                Expr::String(name) | Expr::Number(name) => name.clone(),
                _ => Arc::from("_"),
            })
            .collect();
        let mut text = match reference.root {
            Root::Data => return format!("`{}`", ref_text(&names)),
            Root::Input => "input".to_owned(),
            Root::Var(var) => match self.branch.vars.get(var.0 as usize) {
                Some(VarInfo { name, .. }) if !name.is_empty() => name.to_string(),
                _ => return "this value".to_owned(),
            },
        };
        for name in &names {
            push_segment(&mut text, name);
        }
        format!("`{text}`")
    }

    // Calls.

    fn call(&mut self, function: &Function, args: &[Expr]) -> Type {
        let types: Vec<Type> = args.iter().map(|arg| self.term(arg)).collect();
        match function {
            Function::Rule(path) => match self.tree.function(path) {
                Some((group, _)) if !self.replaced.rules => self.groups.get(group, self.replaced.input),
                _ => Type::any(),
            },
            Function::Builtin(_) if self.replaced.rules => Type::any(),
            Function::Builtin(name) => self.builtin(name, &types),
        }
    }

    fn builtin(&mut self, name: &str, args: &[Type]) -> Type {
        let Some(builtin) = builtins::find(name) else {
            return Type::any();
        };
        for (position, (arg, declared)) in args.iter().zip(builtin.args).enumerate() {
            let wanted = Kinds::declared(declared);
            if arg.is_nothing() {
                continue;
            }
            let ordinal = ORDINALS.get(position).unwrap_or(&"next");
            let message = if !arg.kinds.meets(wanted) {
                let (wanted, got) = (wanted.describe(), arg.kinds.describe());
                format!(
                    "{} takes {wanted} as its {ordinal} argument, and gets {got}",
                    spoken(name)
                )
            } else if let Some(parts) =
                parts::wanted(name, position).filter(|parts| !arg.may_have(wanted, *parts))
            {
                let parts = parts.describe();
                format!(
                    "every part of the {ordinal} argument of {} must be {parts}",
                    spoken(name)
                )
            } else {
                continue;
            };
            self.report(message, "the call never has a value");
            return Type::any();
        }
        let result = Type::of(Kinds::declared(builtin.result));
        match (name, args) {
            // `-` gives what it takes. As in OPA, a number less a set is an error of evaluation.
            ("minus", [left, right]) if !left.kinds.meets(Kinds::SET) || !right.kinds.meets(Kinds::SET) => {
                let numbers = left.kinds.meets(Kinds::NUMBER) && right.kinds.meets(Kinds::NUMBER);
                if numbers {
                    return Type::of(Kinds::NUMBER);
                }
                Type::any()
            }
            _ if builtin.relation => Type::any(),
            _ => result,
        }
    }
}

const ORDINALS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];

/// Operators as they are written.
fn spoken(name: &str) -> String {
    let operator = match name {
        "plus" => "+",
        "minus" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        "and" => "&",
        "or" => "|",
        name => name,
    };
    format!("`{operator}`")
}

fn quoted(names: &[Arc<str>]) -> String {
    const MOST: usize = 8;
    let mut shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    if names.len() > MOST {
        shown.push("others".to_owned());
    }
    shown.join(", ")
}

/// After a report, or where nothing follows, everything goes: one mistake is reported once.
fn or_any(found: Type) -> Type {
    if found.is_nothing() { Type::any() } else { found }
}
