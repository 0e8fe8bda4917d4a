//! What a condition says about what it looks at, as far as constants tell: the means to see that two can't both hold.

use std::collections::{BTreeMap, BTreeSet};

use stele_rego::Span;
use stele_rego::ast::{InfixOp, Literal, LiteralKind, Module, Ref, Segment, Term, TermKind};
use stele_rego::builtins;
use stele_types::Value;

use super::fold::{Folder, declared, pattern};

/// A test of a subject against constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// It is one of these.
    In(BTreeSet<Value>),
    /// It is not this.
    Not(Value),
    /// It comes before this, or is it where the flag says so.
    Below(Value, bool),
    /// It comes behind this, or is it where the flag says so.
    Above(Value, bool),
}

impl Test {
    fn compare(op: InfixOp, value: Value) -> Option<Self> {
        Some(match op {
            InfixOp::Equal => Self::In([value].into()),
            InfixOp::NotEqual => Self::Not(value),
            InfixOp::Less => Self::Below(value, false),
            InfixOp::LessEqual => Self::Below(value, true),
            InfixOp::Greater => Self::Above(value, false),
            InfixOp::GreaterEqual => Self::Above(value, true),
            _ => return None,
        })
    }

    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::In(values) => values.contains(value),
            Self::Not(other) => value != other,
            Self::Below(bound, included) => value < bound || (*included && value == bound),
            Self::Above(bound, included) => value > bound || (*included && value == bound),
        }
    }

    /// Whether no value passes both.
    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::In(values), test) | (test, Self::In(values)) => {
                !values.iter().any(|value| test.accepts(value))
            }
            (Self::Below(upper, a), Self::Above(lower, b))
            | (Self::Above(lower, b), Self::Below(upper, a)) => {
                upper < lower || (upper == lower && !(*a && *b))
            }
            _ => false,
        }
    }

    /// Whether every value that passes this one passes the other.
    fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::In(values), test) => values.iter().all(|value| test.accepts(value)),
            (Self::Not(value), Self::Not(other)) => value == other,
            (Self::Below(bound, included), Self::Below(other, more)) => {
                bound < other || (bound == other && (*more || !included))
            }
            (Self::Above(bound, included), Self::Above(other, more)) => {
                bound > other || (bound == other && (*more || !included))
            }
            (Self::Below(..) | Self::Above(..), Self::Not(value)) => !self.accepts(value),
            _ => false,
        }
    }
}

/// A subject passes a test, or does not (because it fails it, or is undefined).
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// The text of what is looked at, the same for the same thing in all definitions of a rule.
    subject: String,
    /// It means the same outside the body: no local of the body is in it.
    closed: bool,
    positive: bool,
    test: Test,
    /// The statement that says it.
    pub(super) span: Span,
}

impl Fact {
    /// Whether the two can't hold together.
    fn contradicts(&self, other: &Self) -> bool {
        self.subject == other.subject
            && match (self.positive, other.positive) {
                (true, true) => self.test.excludes(&other.test),
                (true, false) => self.test.implies(&other.test),
                (false, true) => other.test.implies(&self.test),
                (false, false) => false,
            }
    }

    /// The opposite: what holds where a condition that consists of this fact alone does not.
    pub(super) fn opposite(&self) -> Self {
        Self {
            positive: !self.positive,
            ..self.clone()
        }
    }

    /// An equality with constants on the input or on a parameter: an index can use it.
    pub(super) fn is_indexable(&self) -> bool {
        let given = self.subject.starts_with("input[") || self.subject.starts_with('#');
        given && self.closed && self.positive && matches!(self.test, Test::In(_))
    }
}

/// Two facts of different definitions that can't hold together.
pub(super) fn exclusive(one: &[Fact], other: &[Fact]) -> bool {
    one.iter().filter(|fact| fact.closed).any(|fact| {
        other
            .iter()
            .any(|against| against.closed && fact.contradicts(against))
    })
}

/// Two facts of one body that can't hold together: the later one, and the one that it contradicts.
pub(super) fn contradiction(facts: &[Fact]) -> Option<(&Fact, &Fact)> {
    facts.iter().enumerate().find_map(|(index, fact)| {
        let before = facts.iter().take(index).find(|before| before.contradicts(fact))?;
        Some((fact, before))
    })
}

/// A local of a body: another name for something, or a choice that the body makes.
enum Local {
    Alias(String, bool),
    Choice,
}

/// The names that mean the same in all of a module (rules, imports, `input`, `data`), each with a text that means the same in the
/// whole package.
pub(super) type Globals = BTreeMap<String, String>;

/// The names of a module. `rules` are those of its package.
pub(super) fn globals<'r>(module: &Module, rules: impl Iterator<Item = &'r str>) -> Globals {
    let mut out: Globals = ["input", "data"]
        .into_iter()
        .chain(rules)
        .map(|name| (name.to_owned(), name.to_owned()))
        .collect();
    for import in &module.imports {
        let Some((name, (root, path))) = import.name().zip(import.path.split_first()) else {
            continue;
        };
        let path: String = path.iter().map(|part| format!("[{:?}]", part.name)).collect();
        out.insert(name.name.to_string(), format!("{}{path}", root.name));
    }
    out
}

/// What the names of a body mean.
struct Names<'a> {
    globals: &'a Globals,
    folder: &'a Folder<'a>,
    locals: BTreeMap<String, Local>,
}

/// The facts that the parameters and the statements of a body state.
pub(super) fn facts(
    args: &[Term],
    literals: &[Literal],
    globals: &Globals,
    folder: &Folder<'_>,
) -> Vec<Fact> {
    let mut names = Names {
        globals,
        folder,
        locals: BTreeMap::new(),
    };
    for literal in literals {
        for name in declared(literal) {
            names.locals.insert(name, Local::Choice);
        }
    }
    let mut out = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        let subject = format!("#{index}");
        if let TermKind::Var(name) = &arg.kind {
            if !arg.is_wildcard() {
                names.locals.insert(name.to_string(), Local::Alias(subject, true));
            }
            continue;
        }
        if let Some(value) = folder.fold(arg) {
            out.push(Fact {
                subject,
                closed: true,
                positive: true,
                test: Test::In([value].into()),
                span: arg.span,
            });
        }
        let mut parts = Vec::new();
        pattern(arg, &mut parts);
        for part in parts {
            names.locals.insert(part, Local::Choice);
        }
    }
    for literal in literals {
        names.alias(literal);
    }
    for literal in literals.iter().filter(|literal| literal.with.is_empty()) {
        out.extend(names.fact(literal));
    }
    out
}

impl Names<'_> {
    /// Learns what `name := term` names. Statements are taken in order; what is used before it is named stays a choice.
    fn alias(&mut self, literal: &Literal) {
        if let LiteralKind::Assign(left, right) = &literal.kind
            && literal.with.is_empty()
            && let TermKind::Var(name) = &left.kind
            && let Some((text, closed)) = self.subject(right)
        {
            self.locals.insert(name.to_string(), Local::Alias(text, closed));
        }
    }

    fn fact(&self, literal: &Literal) -> Option<Fact> {
        match &literal.kind {
            LiteralKind::Term(term) => self.tested(term, literal.span),
            LiteralKind::Unify(left, right) => self.compared(InfixOp::Equal, left, right, literal.span),
            LiteralKind::Not(inner) if inner.with.is_empty() => {
                let fact = self.fact(inner)?;
                fact.positive.then(|| Fact {
                    span: literal.span,
                    ..fact.opposite()
                })
            }
            _ => None,
        }
    }

    /// A term as a statement: an operator's result, or anything that is not `false`.
    fn tested(&self, term: &Term, span: Span) -> Option<Fact> {
        match &term.kind {
            TermKind::Infix(op, sides) if op.precedence() == InfixOp::Equal.precedence() => {
                return self.compared(*op, &sides.0, &sides.1, span);
            }
            TermKind::Membership(inner) if inner.key.is_none() => {
                if let Some(collection) = self.folder.fold(&inner.collection) {
                    let values = match collection {
                        Value::Array(items) => items.iter().cloned().collect(),
                        Value::Set(items) => items.iter().cloned().collect(),
                        Value::Object(map) => map.values().cloned().collect(),
                        _ => return None,
                    };
                    return self.about(&inner.value, Test::In(values), span);
                }
            }
            _ => {}
        }
        self.about(term, Test::Not(Value::Bool(false)), span)
    }

    fn compared(&self, op: InfixOp, left: &Term, right: &Term, span: Span) -> Option<Fact> {
        let turned = match op {
            InfixOp::Less => InfixOp::Greater,
            InfixOp::LessEqual => InfixOp::GreaterEqual,
            InfixOp::Greater => InfixOp::Less,
            InfixOp::GreaterEqual => InfixOp::LessEqual,
            same => same,
        };
        match (self.folder.fold(left), self.folder.fold(right)) {
            (None, Some(value)) => self.about(left, Test::compare(op, value)?, span),
            (Some(value), None) => self.about(right, Test::compare(turned, value)?, span),
            (Some(_), Some(_)) => None,
            (None, None) => {
                let (left, a) = self.subject(left)?;
                let (right, b) = self.subject(right)?;
                Some(Fact {
                    subject: format!("({left} {} {right})", op.symbol()),
                    closed: a && b,
                    positive: true,
                    test: Test::Not(Value::Bool(false)),
                    span,
                })
            }
        }
    }

    fn about(&self, term: &Term, test: Test, span: Span) -> Option<Fact> {
        let (subject, closed) = self.subject(term)?;
        Some(Fact {
            subject,
            closed,
            positive: true,
            test,
            span,
        })
    }

    /// A text for what a term looks at, and whether it is the same outside the body. None where one text could mean two things.
    fn subject(&self, term: &Term) -> Option<(String, bool)> {
        if let Some(value) = self.folder.fold(term) {
            return Some((format!("{value:?}"), true));
        }
        match &term.kind {
            TermKind::Var(_) if term.is_wildcard() => None,
            TermKind::Var(name) => Some(self.named(name)),
            TermKind::Ref(reference) => self.reference(reference),
            TermKind::Infix(op, sides) => {
                let (left, a) = self.subject(&sides.0)?;
                let (right, b) = self.subject(&sides.1)?;
                Some((format!("({left} {} {right})", op.symbol()), a && b))
            }
            TermKind::Membership(inner) => {
                let key = inner.key.as_ref().map(|key| self.subject(key));
                let (key, a) = match key {
                    Some(key) => key?,
                    None => (String::new(), true),
                };
                let (value, b) = self.subject(&inner.value)?;
                let (collection, c) = self.subject(&inner.collection)?;
                Some((format!("({key}, {value} in {collection})"), a && b && c))
            }
            TermKind::Call(call) => {
                let name = call.function.dotted();
                // `walk` has many values.
                if name
                    .and_then(|name| builtins::find(&name))
                    .is_some_and(|builtin| builtin.relation)
                {
                    return None;
                }
                let (function, mut closed) = self.reference(&call.function)?;
                let mut args = Vec::new();
                for arg in &call.args {
                    let (text, same) = self.subject(arg)?;
                    closed &= same;
                    args.push(text);
                }
                Some((format!("{function}({})", args.join(", ")), closed))
            }
            TermKind::Array(items) => {
                let mut closed = true;
                let mut texts = Vec::new();
                for item in items {
                    let (text, same) = self.subject(item)?;
                    closed &= same;
                    texts.push(text);
                }
                Some((format!("[{}]", texts.join(", ")), closed))
            }
            _ => None,
        }
    }

    fn named(&self, name: &str) -> (String, bool) {
        match self.locals.get(name) {
            Some(Local::Alias(text, closed)) => (text.clone(), *closed),
            Some(Local::Choice) => (format!("~{name}"), false),
            None => match self.globals.get(name) {
                Some(text) => (text.clone(), true),
                None => (format!("~{name}"), false),
            },
        }
    }

    fn reference(&self, reference: &Ref) -> Option<(String, bool)> {
        let root = reference.root.name.as_ref();
        let builtin = reference
            .dotted()
            .is_some_and(|name| builtins::find(&name).is_some());
        let (mut text, mut closed) = match self.named(root) {
            (_, false) if builtin => (root.to_owned(), true),
            named => named,
        };
        for segment in &reference.path {
            match (segment.as_str(), segment) {
                (Some(name), _) => text.push_str(&format!("[{name:?}]")),
                (None, Segment::Bracket(term)) => {
                    let (inside, same) = self.subject(term)?;
                    closed &= same;
                    text.push_str(&format!("[{inside}]"));
                }
                (None, Segment::Dot(_)) => return None,
            }
        }
        Some((text, closed))
    }
}
