//! Changes of the input that would turn an expression of a trace around: one that held would not, or the other way.
//!
//! A value is traced back to the input in two ways: by the references of the body that led to it, and, where it came by way of a
//! rule or a parameter, by looking for it in the input. Both only suggest; whoever uses a change evaluates again.

use std::collections::{BTreeMap, BTreeSet};

use stele_types::{Number, Value};

use super::event::{Event, Locals, Node, Op};
use super::map::{Map, get};
use super::recorder::Trace;
use crate::compile::hir::{Expr, Function, Literal, LiteralKind, Ref, Root, Var};

/// One change of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// Puts a value at a path of keys and indexes. What is missing on the way becomes an object; an index one past the end of an array
    /// appends to it.
    Set(Vec<Value>, Value),
    /// Removes what is at a path.
    Remove(Vec<Value>),
}

/// At most this many places of a value are looked at.
const MAX_PLACES: usize = 8;
/// At most this many members of a collection are tried.
const MAX_MEMBERS: usize = 8;
/// At most this many values of a rule are kept.
const MAX_VALUES: usize = 64;

/// A path of keys and indexes.
type Path = Vec<Value>;

/// Changes that may turn an expression around, the gentlest first: other values, then removals of values, then of members of arrays. None
/// replaces or removes more than `weight` scalars at once.
#[must_use]
pub fn edits(map: &Map, trace: &Trace, input: &Value, weight: usize) -> Vec<Edit> {
    let mut finder = Finder {
        input,
        weight,
        rules: rule_values(map, trace),
        found: [Vec::new(), Vec::new(), Vec::new()],
        seen: BTreeSet::new(),
    };
    for event in &trace.events {
        finder.event(map, event);
    }
    finder.found.into_iter().flatten().collect()
}

/// What each rule was found to be, by its path.
fn rule_values(map: &Map, trace: &Trace) -> BTreeMap<String, Vec<Value>> {
    let mut out: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in trace.events.iter().filter(|event| event.op == Op::Exit) {
        if let (Some(rule), Some(value)) = (map.rule(event.node), &event.value) {
            let values = out.entry(rule.path.to_string()).or_default();
            if values.len() < MAX_VALUES && !values.contains(value) {
                values.push(value.clone());
            }
        }
    }
    out
}

struct Finder<'a> {
    input: &'a Value,
    weight: usize,
    rules: BTreeMap<String, Vec<Value>>,
    /// By how gentle they are.
    found: [Vec<Edit>; 3],
    seen: BTreeSet<Edit>,
}

/// A body as far as it was evaluated.
struct Scene<'a> {
    literals: &'a [Literal],
    locals: &'a Locals,
}

impl<'a> Scene<'a> {
    fn value(&self, term: &'a Expr) -> Option<Value> {
        Some(match term {
            Expr::Null => Value::Null,
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Number(text) => Value::Number(Number::parse(text).ok()?),
            Expr::String(text) => Value::String(text.clone()),
            Expr::Var(var) => self.local(*var)?.clone(),
            Expr::Array(terms) => Value::array(self.values(terms)?),
            Expr::Set(terms) => Value::set(self.values(terms)?),
            Expr::Object(pairs) => {
                let pair = |(key, value): &'a (Expr, Expr)| Some((self.value(key)?, self.value(value)?));
                Value::object(pairs.iter().map(pair).collect::<Option<Vec<_>>>()?)
            }
            Expr::Ref(_) | Expr::Comprehension(_) => return None,
        })
    }

    fn values(&self, terms: &'a [Expr]) -> Option<Vec<Value>> {
        terms.iter().map(|term| self.value(term)).collect()
    }

    fn local(&self, var: Var) -> Option<&'a Value> {
        let found = self.locals.iter().find(|(other, _)| *other == var);
        found.map(|(_, value)| value)
    }

    /// The statement that gives a variable its value.
    fn definition(&self, var: Var) -> Option<&'a LiteralKind> {
        let defines = |kind: &LiteralKind| match kind {
            LiteralKind::Unify(Expr::Var(a), Expr::Var(b)) => *a == var || *b == var,
            LiteralKind::Unify(Expr::Var(other), _) | LiteralKind::Unify(_, Expr::Var(other)) => {
                *other == var
            }
            LiteralKind::Call {
                out: Some(Expr::Var(other)),
                ..
            } => *other == var,
            _ => false,
        };
        self.literals
            .iter()
            .map(|literal| &literal.kind)
            .find(|kind| defines(kind))
    }

    /// What a variable that has no value yet is compared with further on.
    fn wanted(&self, var: Var) -> Vec<Value> {
        let mut out = Vec::new();
        for literal in self.literals {
            match &literal.kind {
                LiteralKind::Equal(Expr::Var(other), term) | LiteralKind::Equal(term, Expr::Var(other))
                    if *other == var =>
                {
                    out.extend(self.value(term));
                }
                LiteralKind::Call {
                    function: Function::Builtin(name),
                    args,
                    out: None,
                } => {
                    let place = args
                        .iter()
                        .position(|arg| matches!(arg, Expr::Var(other) if *other == var));
                    let other = place.and_then(|place| args.get(usize::from(place == 0)));
                    if let (Some(place), Some(value)) = (place, other.and_then(|other| self.value(other))) {
                        out.extend(satisfying(name, place, &value, None));
                    }
                }
                LiteralKind::Test(Expr::Var(other)) if *other == var => out.push(Value::Bool(true)),
                _ => {}
            }
        }
        out
    }
}

impl Finder<'_> {
    fn event(&mut self, map: &Map, event: &Event) {
        let (body, failed) = match (event.op, event.node) {
            (Op::Exit, Node::Body(body)) => (body, None),
            (Op::Fail, Node::Expression(number)) => match get(&map.expressions, number) {
                Some(expression) => (expression.body, Some(&expression.literal)),
                None => return,
            },
            _ => return,
        };
        let Some(literals) = get(&map.bodies, body).map(|body| body.literals.as_slice()) else {
            return;
        };
        let locals: &Locals = &event.locals;
        let scene = Scene { literals, locals };
        match failed {
            Some(literal) => self.literal(&scene, &literal.kind, false),
            None => literals
                .iter()
                .for_each(|literal| self.literal(&scene, &literal.kind, true)),
        }
    }

    /// Changes that may make a statement that held fail, or the other way.
    fn literal(&mut self, scene: &Scene<'_>, kind: &LiteralKind, held: bool) {
        match kind {
            LiteralKind::Test(term) => {
                for path in self.places(scene, term, 0) {
                    self.set(&path, Value::Bool(!held));
                    if held {
                        self.remove(&path);
                    }
                }
            }
            LiteralKind::Equal(a, b) => self.compared(scene, a, b, held),
            LiteralKind::Unify(a, b) if !held => match (a, b) {
                (Expr::Var(var), Expr::Ref(_)) if scene.local(*var).is_none() => {
                    for path in self.places(scene, b, 0) {
                        for value in scene.wanted(*var) {
                            self.set(&path, value);
                        }
                    }
                }
                _ => self.compared(scene, a, b, false),
            },
            // What a reference led to, it no longer leads to when that is gone.
            LiteralKind::Unify(Expr::Var(var), term @ Expr::Ref(_)) => {
                let value = scene.local(*var);
                for path in self.places(scene, term, 0) {
                    if at(self.input, &path) == value {
                        self.remove(&path);
                    }
                }
            }
            LiteralKind::Unify(..) => {}
            LiteralKind::NotEqual(a, b) => self.compared(scene, a, b, !held),
            LiteralKind::Call {
                function: Function::Builtin(name),
                args,
                out: None,
            } => self.called(scene, name, args, held),
            // What functions, negations and closures are made of has events of its own.
            LiteralKind::Call { .. } | LiteralKind::Not { .. } | LiteralKind::Every { .. } => {}
        }
    }

    /// Changes by which two terms that are equal differ, or the other way.
    fn compared(&mut self, scene: &Scene<'_>, a: &Expr, b: &Expr, equal: bool) {
        for (term, other) in [(a, b), (b, a)] {
            let value = scene.value(other).or_else(|| self.reached(scene, other));
            for path in self.places(scene, term, 0) {
                match (&value, equal) {
                    (Some(Value::Bool(value)), true) => {
                        self.set(&path, Value::Bool(!value));
                        self.remove(&path);
                    }
                    (_, true) => self.remove(&path),
                    (Some(value), false) => self.set(&path, value.clone()),
                    (None, false) => {}
                }
            }
        }
    }

    /// The value of a reference into the input.
    fn reached(&self, scene: &Scene<'_>, term: &Expr) -> Option<Value> {
        let path = self.places(scene, term, 0).into_iter().next()?;
        at(self.input, &path).cloned()
    }

    /// Changes that turn the answer of a builtin around.
    fn called(&mut self, scene: &Scene<'_>, name: &str, args: &[Expr], held: bool) {
        for (place, arg) in args.iter().take(2).enumerate() {
            let other = args
                .get(usize::from(place == 0))
                .and_then(|other| scene.value(other));
            let own = scene.value(arg);
            for path in self.places(scene, arg, 0) {
                let Some(other) = &other else { continue };
                let values = if held {
                    avoiding(name, place, other)
                } else {
                    satisfying(name, place, other, own.as_ref())
                };
                for value in values {
                    self.set(&path, value);
                }
                if name == "internal.member_2" && place == 1 {
                    self.member(&path, other, held);
                } else if held {
                    self.remove(&path);
                }
            }
        }
    }

    /// Takes a member out of an array of the input, or adds it.
    fn member(&mut self, path: &Path, member: &Value, held: bool) {
        let Some(Value::Array(items)) = at(self.input, path) else {
            return;
        };
        let place = if held {
            items.iter().position(|item| item == member)
        } else {
            Some(items.len())
        };
        let Some(place) = place.and_then(|place| i64::try_from(place).ok()) else {
            return;
        };
        let mut path = path.clone();
        path.push(Value::from(place));
        if held {
            self.remove(&path);
        } else {
            self.set(&path, member.clone());
        }
    }

    // Places in the input.

    /// Where in the input a term's value is, or would be.
    fn places(&self, scene: &Scene<'_>, term: &Expr, depth: usize) -> Vec<Path> {
        if depth > 8 {
            return Vec::new();
        }
        match term {
            Expr::Ref(reference) => self.reference(scene, reference, depth),
            Expr::Var(var) => match scene.definition(*var) {
                Some(LiteralKind::Unify(a, b)) => {
                    let other = if matches!(a, Expr::Var(own) if own == var) {
                        b
                    } else {
                        a
                    };
                    let mut found = self.places(scene, other, depth.saturating_add(1));
                    // A reference that iterates is at one place for each element; this is the one with the value.
                    if let Some(value) = scene.local(*var) {
                        found.retain(|path| at(self.input, path).is_none_or(|found| found == value));
                        // It came by way of a rule.
                        if found.is_empty() {
                            found = self.occurrences(value);
                        }
                    }
                    found
                }
                Some(LiteralKind::Call { function, args, .. }) => self.through(scene, function, args, depth),
                _ => scene
                    .local(*var)
                    .map_or_else(Vec::new, |value| self.occurrences(value)),
            },
            _ => Vec::new(),
        }
    }

    /// Where the value that a builtin looked up or changed comes from.
    fn through(&self, scene: &Scene<'_>, function: &Function, args: &[Expr], depth: usize) -> Vec<Path> {
        let Function::Builtin(name) = function else {
            return Vec::new();
        };
        let Some(first) = args.first() else {
            return Vec::new();
        };
        let mut found = match name.as_ref() {
            "object.get" | "lower" | "upper" | "trim_space" | "to_number" => {
                self.places(scene, first, depth.saturating_add(1))
            }
            _ => Vec::new(),
        };
        if name.as_ref() == "object.get" {
            let key = args.get(1).and_then(|key| scene.value(key));
            let steps = match key {
                Some(Value::Array(steps)) => steps.to_vec(),
                key => key.into_iter().collect(),
            };
            found
                .iter_mut()
                .for_each(|path| path.extend(steps.iter().cloned()));
        }
        found
    }

    fn reference(&self, scene: &Scene<'_>, reference: &Ref, depth: usize) -> Vec<Path> {
        let (roots, rest): (Vec<Path>, &[Expr]) = match reference.root {
            Root::Input => (vec![Vec::new()], &reference.path),
            Root::Var(var) => (
                self.places(scene, &Expr::Var(var), depth.saturating_add(1)),
                &reference.path,
            ),
            Root::Data => {
                let mut name = "data".to_owned();
                let mut found = None;
                for (index, part) in reference.path.iter().enumerate() {
                    let Expr::String(step) = part else { break };
                    name = format!("{name}.{step}");
                    if let Some(values) = self.rules.get(&name) {
                        found = Some((values, index.saturating_add(1)));
                    }
                }
                let Some((values, taken)) = found else {
                    return Vec::new();
                };
                let places = values.iter().flat_map(|value| self.occurrences(value)).collect();
                (places, reference.path.get(taken..).unwrap_or_default())
            }
        };
        let mut paths = roots;
        for part in rest {
            paths = match scene.value(part) {
                Some(key) => paths
                    .into_iter()
                    .map(|mut path| {
                        path.push(key.clone());
                        path
                    })
                    .collect(),
                None => paths.iter().flat_map(|path| self.elements(path)).collect(),
            };
        }
        paths.truncate(MAX_PLACES.saturating_mul(MAX_PLACES));
        paths
    }

    fn elements(&self, path: &Path) -> Vec<Path> {
        let keys: Vec<Value> = match at(self.input, path) {
            Some(Value::Array(items)) => (0_i64..)
                .zip(items.iter())
                .map(|(index, _)| Value::from(index))
                .collect(),
            Some(Value::Object(pairs)) => pairs.keys().cloned().collect(),
            _ => Vec::new(),
        };
        let extend = |key| {
            let mut path = path.clone();
            path.push(key);
            path
        };
        keys.into_iter().take(MAX_VALUES).map(extend).collect()
    }

    /// Where a value is in the input. Of `true`, `false` and `null` that says nothing.
    fn occurrences(&self, value: &Value) -> Vec<Path> {
        let mut out = Vec::new();
        if !matches!(value, Value::Bool(_) | Value::Null) {
            search(self.input, value, &mut Vec::new(), &mut out);
        }
        out
    }

    // Findings.

    fn set(&mut self, path: &Path, value: Value) {
        if !path.is_empty() && value.is_json() && at(self.input, path) != Some(&value) {
            self.keep(0, Edit::Set(path.clone(), value));
        }
    }

    fn remove(&mut self, path: &Path) {
        for length in (1..=path.len()).rev() {
            let Some(above) = path.get(..length) else { continue };
            let in_array = matches!(above.last(), Some(Value::Number(_)));
            if at(self.input, above).is_some() && (length == path.len() || in_array) {
                self.keep(if in_array { 2 } else { 1 }, Edit::Remove(above.to_vec()));
            }
        }
    }

    fn keep(&mut self, rank: usize, edit: Edit) {
        let path = match &edit {
            Edit::Set(path, _) | Edit::Remove(path) => path,
        };
        let light = at(self.input, path).is_none_or(|lost| scalars(lost, self.weight).is_some());
        if light
            && self.seen.insert(edit.clone())
            && let Some(list) = self.found.get_mut(rank)
        {
            list.push(edit);
        }
    }
}

/// How many scalars of `left` are left once those of a value are taken away; `None` if it has more.
fn scalars(value: &Value, left: usize) -> Option<usize> {
    match value {
        Value::Array(items) => items.iter().try_fold(left, |left, item| scalars(item, left)),
        Value::Set(items) => items.iter().try_fold(left, |left, item| scalars(item, left)),
        Value::Object(pairs) => pairs.values().try_fold(left, |left, value| scalars(value, left)),
        _ => left.checked_sub(1),
    }
}

/// What is at a path.
fn at<'v>(document: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(document, |found, key| found.index(key))
}

fn search(document: &Value, wanted: &Value, path: &mut Path, out: &mut Vec<Path>) {
    if out.len() >= MAX_PLACES {
        return;
    }
    if document == wanted {
        out.push(path.clone());
        return;
    }
    let pairs: Vec<(Value, &Value)> = match document {
        Value::Array(items) => (0_i64..)
            .zip(items.iter())
            .map(|(index, item)| (Value::from(index), item))
            .collect(),
        Value::Object(pairs) => pairs.iter().map(|(key, value)| (key.clone(), value)).collect(),
        _ => return,
    };
    for (key, value) in pairs {
        path.push(key);
        search(value, wanted, path, out);
        path.pop();
    }
}

/// Values of the argument at `place` under which a builtin holds, given the other argument.
fn satisfying(name: &str, place: usize, other: &Value, own: Option<&Value>) -> Vec<Value> {
    let first = place == 0;
    match (name, other) {
        ("lt", Value::Number(n)) => nearby(n, if first { -1 } else { 1 }),
        ("gt", Value::Number(n)) => nearby(n, if first { 1 } else { -1 }),
        ("lte" | "gte" | "equal", _) => vec![other.clone()],
        ("internal.member_2", Value::Array(items)) if first => {
            items.iter().take(MAX_MEMBERS).cloned().collect()
        }
        ("internal.member_2", Value::Set(items)) if first => {
            items.iter().take(MAX_MEMBERS).cloned().collect()
        }
        ("internal.member_2", Value::Object(pairs)) if first => {
            pairs.values().take(MAX_MEMBERS).cloned().collect()
        }
        ("startswith", Value::String(prefix)) if first => {
            let own = own.and_then(Value::as_str).unwrap_or_default();
            vec![Value::from(format!("{prefix}{own}").as_str())]
        }
        ("endswith", Value::String(suffix)) if first => {
            let own = own.and_then(Value::as_str).unwrap_or_default();
            vec![Value::from(format!("{own}{suffix}").as_str())]
        }
        ("contains", Value::String(_)) if first => vec![other.clone()],
        _ => Vec::new(),
    }
}

/// Values of the argument at `place` under which a builtin does not hold, given the other argument.
fn avoiding(name: &str, place: usize, other: &Value) -> Vec<Value> {
    let opposite = match name {
        "lt" => "gte",
        "lte" => "gt",
        "gt" => "lte",
        "gte" => "lt",
        _ => return Vec::new(),
    };
    satisfying(opposite, place, other, None)
}

/// The next integer above or below.
fn nearby(number: &Number, step: i64) -> Vec<Value> {
    let from = if step > 0 { number.floor() } else { number.ceil() };
    let whole = from.to_i64().and_then(|whole| whole.checked_add(step));
    whole.map(Value::from).into_iter().collect()
}
