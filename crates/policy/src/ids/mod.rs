//! Which ids the rules of a policy can give to what they find, as far as their source tells.
//!
//! The ids are followed back from the entries of the rules: through variables, functions and what they are called with on the way, other rules, comprehensions,
//! tables and the data document, to the texts that they are made of. What is looked up in a table is taken to be any text of that table, so that nothing
//! is left out; what comes out of the input, or out of a builtin whose result nobody knows, may be any text at all.

mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use stele_rego::ast::{Call, HeadKind, InfixOp, Rule, Segment, Term, TermKind};
use stele_rego::builtins;
use stele_types::Value;

use crate::load::{PolicyModule, PolicySet};
use crate::policy::Policy;
use crate::refs;
use scope::{Origin, Scope};

/// What ids rules can give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// These texts; some may be none (of a table that ids are looked up in, all texts).
    pub texts: BTreeSet<String>,
    /// Texts that begin with the first and end in the second: `sprintf("own/%s", [name])` gives `("own/", "")`.
    pub made: BTreeSet<(String, String)>,
}

/// Of a data document, or of a policy, no more is looked at.
const MAX_TEXTS: usize = 100_000;

/// Finds the ids that the policies of a set give.
pub struct Finder<'a>(Search<'a>);

impl<'a> Finder<'a> {
    /// Of a set; its tests are left out.
    #[must_use]
    pub fn new(set: &'a PolicySet) -> Self {
        let modules = set.modules().iter().filter(|module| !module.is_test());
        Self(Search::new(modules.collect(), set.data()))
    }

    /// The ids that the rules with these names give in the policy.
    pub fn ids(&mut self, policy: &Policy, rules: &[&str]) -> Ids {
        let Self(search) = self;
        for name in rules {
            let path = policy.package.iter().cloned();
            let path: Vec<String> = path.chain(name.split('.').map(str::to_owned)).collect();
            search.rules_at(&path, Wanted::Entry);
        }
        while let Some(task) = search.open.pop() {
            search.step(&task);
            if search.seen.len() > MAX_TEXTS || search.ids.texts.len() > MAX_TEXTS {
                search.any();
                search.open.clear();
            }
        }
        search.seen.clear();
        search.calls.clear();
        std::mem::take(&mut search.ids)
    }
}

/// What is asked of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    /// The ids of the entries that it is or holds.
    Entry,
    /// The texts that it is or holds.
    Text,
}

/// A rule, by the numbers of its module and in that.
type RuleAt = (usize, usize);

struct Task {
    at: RuleAt,
    term: Rc<Term>,
    wanted: Wanted,
}

/// The calls of a function.
#[derive(Default)]
struct Calls {
    /// The arguments, with the rules that they stand in.
    found: Vec<(RuleAt, Vec<Term>)>,
    /// The arguments that are asked for, from 0.
    wanted: BTreeSet<(usize, Wanted)>,
}

struct Search<'a> {
    modules: Vec<&'a PolicyModule>,
    data: &'a Value,
    /// By their paths.
    rules: BTreeMap<Vec<String>, Vec<RuleAt>>,
    scopes: BTreeMap<RuleAt, Rc<Scope>>,
    /// By the functions' paths.
    calls: BTreeMap<Vec<String>, Calls>,
    seen: BTreeSet<(usize, u32, u32, Wanted)>,
    open: Vec<Task>,
    ids: Ids,
}

impl<'a> Search<'a> {
    fn new(modules: Vec<&'a PolicyModule>, data: &'a Value) -> Self {
        let mut rules: BTreeMap<Vec<String>, Vec<RuleAt>> = BTreeMap::new();
        for (number, module) in modules.iter().enumerate() {
            for (index, rule) in module.ast.rules.iter().enumerate() {
                let path = refs::full_path(module, rule);
                rules.entry(path).or_default().push((number, index));
            }
        }
        Self {
            modules,
            data,
            rules,
            scopes: BTreeMap::new(),
            calls: BTreeMap::new(),
            seen: BTreeSet::new(),
            open: Vec::new(),
            ids: Ids::default(),
        }
    }

    fn rule(&self, (module, rule): RuleAt) -> Option<(&'a PolicyModule, &'a Rule)> {
        let module = *self.modules.get(module)?;
        Some((module, module.ast.rules.get(rule)?))
    }

    fn push(&mut self, at: RuleAt, term: Rc<Term>, wanted: Wanted) {
        let key = (at.0, term.span.start, term.span.end, wanted);
        if self.seen.insert(key) {
            self.open.push(Task { at, term, wanted });
        }
    }

    fn push_all<'t>(&mut self, at: RuleAt, terms: impl IntoIterator<Item = &'t Term>, wanted: Wanted) {
        for term in terms {
            self.push(at, Rc::new(term.clone()), wanted);
        }
    }

    /// Any text at all.
    fn any(&mut self) {
        self.ids.made.insert(Default::default());
    }

    fn text(&mut self, text: &str, wanted: Wanted) {
        if wanted == Wanted::Text {
            self.ids.texts.insert(text.to_owned());
        }
    }

    /// A text of which some pieces (`None`) are not known.
    fn pieces(&mut self, pieces: &[Option<&str>], wanted: Wanted) {
        if wanted == Wanted::Entry {
            return;
        }
        let known = |piece: &&Option<&str>| piece.is_some();
        let prefix: String = pieces.iter().take_while(known).flatten().copied().collect();
        if pieces.iter().all(Option::is_some) {
            self.ids.texts.insert(prefix);
            return;
        }
        let mut suffix: Vec<&str> = pieces.iter().rev().take_while(known).flatten().copied().collect();
        suffix.reverse();
        self.ids.made.insert((prefix, suffix.concat()));
    }

    fn step(&mut self, task: &Task) {
        let Task { at, term, wanted } = task;
        let (at, wanted) = (*at, *wanted);
        match &term.kind {
            TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) => {}
            TermKind::Membership(_) => {}
            TermKind::String(text) => self.text(text, wanted),
            TermKind::Template(parts) => {
                self.pieces(&parts.iter().map(format::piece).collect::<Vec<_>>(), wanted);
            }
            TermKind::Var(name) => self.name(at, name, &[], wanted),
            TermKind::Ref(reference) => self.name(at, &reference.root.name, &reference.path, wanted),
            TermKind::Select(base, _) => self.push_all(at, [base.as_ref()], wanted),
            TermKind::Call(call) => self.call(at, call, wanted),
            // Of sets. What else they give are numbers and booleans.
            TermKind::Infix(InfixOp::Or | InfixOp::And | InfixOp::Minus, sides) => {
                self.push_all(at, [&sides.0, &sides.1], wanted);
            }
            TermKind::Infix(..) => {}
            TermKind::Array(items) | TermKind::Set(items) => self.push_all(at, items, wanted),
            TermKind::Object(members) => self.object(at, members, wanted),
            TermKind::ArrayComprehension(inner) | TermKind::SetComprehension(inner) => {
                self.push_all(at, [&inner.head], wanted);
            }
            TermKind::ObjectComprehension(inner) => {
                self.object(at, &[(inner.key.clone(), inner.value.clone())], wanted);
            }
        }
    }

    fn object(&mut self, at: RuleAt, members: &[(Term, Term)], wanted: Wanted) {
        if wanted == Wanted::Text {
            let all = members.iter().flat_map(|(key, value)| [key, value]);
            self.push_all(at, all, wanted);
            return;
        }
        let of = |names: &[&str]| {
            let named = |(key, _): &&(Term, Term)| matches!(&key.kind, TermKind::String(key) if names.contains(&key.as_ref()));
            members
                .iter()
                .filter(named)
                .map(|(_, value)| value.clone())
                .collect::<Vec<_>>()
        };
        let ids = of(&["id"]);
        self.push_all(at, &ids, Wanted::Text);
        if ids.is_empty() && of(&MEMBERS).is_empty() {
            // No entry, nor what becomes one by a union, but perhaps a collection of such.
            self.push_all(at, members.iter().map(|(_, value)| value), wanted);
        } else {
            let computed = |(key, _): &&(Term, Term)| !matches!(key.kind, TermKind::String(_));
            let computed = members.iter().filter(computed).map(|(_, value)| value);
            self.push_all(at, computed, Wanted::Text);
        }
    }

    /// What a name stands for in a rule: a variable, a rule, what is imported, `input` or `data`.
    fn name(&mut self, at: RuleAt, root: &str, path: &[Segment], wanted: Wanted) {
        let Some((module, rule)) = self.rule(at) else {
            return;
        };
        let scope = self.scopes.get(&at).cloned();
        let scope =
            scope.unwrap_or_else(|| Rc::new(Scope::of(module, rule, &|path| self.rules.contains_key(path))));
        self.scopes.insert(at, Rc::clone(&scope));
        if scope.replaces {
            self.any();
        }
        for origin in scope.origins(root) {
            match origin {
                Origin::Term(term) => self.push(at, Rc::clone(term), wanted),
                Origin::Argument(index) => self.arguments(at, *index, wanted),
                Origin::Anything => self.any(),
            }
        }
        // Behind a variable there may be a rule of the same name, as in `table[current]`; if there is none, nothing is found.
        match refs::data_path(module, root, path) {
            Some(path) => self.data_at(&path, wanted),
            None => self.any(),
        }
    }

    /// What a function is called with, where its values are followed back from: that others call it otherwise says nothing of this policy.
    fn arguments(&mut self, at: RuleAt, index: usize, wanted: Wanted) {
        let Some((module, rule)) = self.rule(at) else {
            return;
        };
        let path = refs::full_path(module, rule);
        let calls = self.calls.entry(path).or_default();
        if calls.wanted.insert((index, wanted)) {
            let found = calls.found.iter();
            let found: Vec<(RuleAt, Term)> = found
                .filter_map(|(from, arguments)| Some((*from, arguments.get(index)?.clone())))
                .collect();
            for (from, argument) in found {
                self.push(from, Rc::new(argument), wanted);
            }
        }
    }

    /// The value of a function that a rule calls.
    fn called(&mut self, from: RuleAt, path: &[String], arguments: &[Term], wanted: Wanted) {
        let calls = self.calls.entry(path.to_vec()).or_default();
        calls.found.push((from, arguments.to_vec()));
        let asked: Vec<(usize, Wanted)> = calls.wanted.iter().copied().collect();
        for (index, wanted) in asked {
            self.push_all(from, arguments.get(index), wanted);
        }
        self.rules_at(path, wanted);
    }

    /// Rules and documents at, above or below a path below `data`.
    fn data_at(&mut self, path: &[String], wanted: Wanted) {
        if path.is_empty() {
            self.any();
            return;
        }
        for length in 1..path.len() {
            let above = path.get(..length).unwrap_or_default().to_vec();
            self.rules_at(&above, wanted);
        }
        let below: Vec<Vec<String>> = self
            .rules
            .range(path.to_vec()..)
            .map(|(found, _)| found.clone())
            .take_while(|found| found.starts_with(path))
            .collect();
        for path in below {
            self.rules_at(&path, wanted);
        }
        let document = path.iter().try_fold(self.data, |at, key| at.get(key));
        if let Some(document) = document {
            self.document(document);
        }
    }

    /// All texts of a document: of those that stand elsewhere than under `id` none is the id of an entry, but they do no harm.
    fn document(&mut self, value: &Value) {
        if self.ids.texts.len() > MAX_TEXTS {
            return;
        }
        match value {
            Value::String(_) => {
                self.ids.texts.extend(value.as_str().map(str::to_owned));
            }
            Value::Array(items) => items.iter().for_each(|item| self.document(item)),
            Value::Set(items) => items.iter().for_each(|item| self.document(item)),
            Value::Object(members) => {
                for (key, value) in members.iter() {
                    self.document(key);
                    self.document(value);
                }
            }
            _ => {}
        }
    }

    /// The values of the rules with exactly this path.
    fn rules_at(&mut self, path: &[String], wanted: Wanted) {
        for at in self.rules.get(path).cloned().unwrap_or_default() {
            let Some((_, rule)) = self.rule(at) else { continue };
            let value = match &rule.head.kind {
                HeadKind::Value(value) => value.as_ref(),
                HeadKind::Contains(member) => Some(member),
            };
            let elses = rule.elses.iter().filter_map(|branch| branch.value.as_ref());
            self.push_all(at, elses.chain(value), wanted);
            for segment in &rule.head.reference.path {
                match segment {
                    Segment::Bracket(key) if wanted == Wanted::Text => self.push_all(at, [key], wanted),
                    Segment::Bracket(_) => {}
                    Segment::Dot(name) => self.text(&name.name, wanted),
                }
            }
        }
    }

    fn call(&mut self, at: RuleAt, call: &Call, wanted: Wanted) {
        let Some((module, _)) = self.rule(at) else { return };
        let path = refs::data_path(module, &call.function.root.name, &call.function.path);
        if let Some(path) = path.filter(|path| self.rules.contains_key(path)) {
            self.called(at, &path, &call.args, wanted);
            return;
        }
        let name = call.function.dotted().unwrap_or_default();
        match (name.as_str(), call.args.as_slice()) {
            ("sprintf", [format, arguments]) => match format::pieces(format, arguments) {
                Some(pieces) => self.pieces(&pieces, wanted),
                None => self.pieces(&[None], wanted),
            },
            ("concat", [separator, parts]) => match format::joined(separator, parts) {
                Some(pieces) => self.pieces(&pieces, wanted),
                None => self.pieces(&[None], wanted),
            },
            (name, arguments) => {
                if let Some((_, given)) = SELECTING.iter().find(|(found, _)| *found == name) {
                    self.push_all(at, given.iter().filter_map(|index| arguments.get(*index)), wanted);
                    return;
                }
                match builtins::find(name).map(|builtin| builtin.result) {
                    Some("boolean" | "number" | "null") => {}
                    Some("string") => self.pieces(&[None], wanted),
                    _ => self.any(),
                }
            }
        }
    }
}

/// What entries have beside `id`.
const MEMBERS: [&str; 9] = [
    "controls",
    "details",
    "fix",
    "message",
    "msg",
    "path",
    "remediation",
    "resource",
    "severity",
];

/// Builtins that give what they are given, or parts of it, and the arguments that they give that of, from 0.
const SELECTING: [(&str, &[usize]); 17] = [
    ("array.concat", &[0, 1]),
    ("array.flatten", &[0]),
    ("array.reverse", &[0]),
    ("array.slice", &[0]),
    ("intersection", &[0]),
    ("json.filter", &[0]),
    ("json.remove", &[0]),
    ("max", &[0]),
    ("min", &[0]),
    ("object.filter", &[0]),
    ("object.get", &[0, 2]),
    ("object.keys", &[0]),
    ("object.remove", &[0]),
    ("object.union", &[0, 1]),
    ("object.union_n", &[0]),
    ("sort", &[0]),
    ("union", &[0]),
];

/// Texts that builtins make of pieces; `None` in them is not known.
mod format {
    use stele_rego::ast::{TemplatePart, Term, TermKind};

    fn constant(term: &Term) -> Option<&str> {
        match &term.kind {
            TermKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Of an interpolated string.
    pub(super) fn piece(part: &TemplatePart) -> Option<&str> {
        match part {
            TemplatePart::Text(text) => Some(text),
            TemplatePart::Term(..) => None,
        }
    }

    /// Of `sprintf`. What stands behind a verb other than `%s`, `%v` and `%d` is not looked at.
    pub(super) fn pieces<'t>(format: &'t Term, arguments: &'t Term) -> Option<Vec<Option<&'t str>>> {
        let mut rest = constant(format)?;
        let mut arguments = match &arguments.kind {
            TermKind::Array(items) => items.iter(),
            _ => [].iter(),
        };
        let mut out = Vec::new();
        while let Some((before, behind)) = rest.split_once('%') {
            out.push(Some(before));
            let argument = arguments.next().and_then(constant);
            match behind.chars().next() {
                Some('s' | 'v') => out.push(argument),
                Some('d') => out.push(None),
                _ => {
                    out.push(None);
                    return Some(out);
                }
            }
            rest = behind.get(1..).unwrap_or_default();
        }
        out.push(Some(rest));
        Some(out)
    }

    /// Of `concat` with a list.
    pub(super) fn joined<'t>(separator: &'t Term, parts: &'t Term) -> Option<Vec<Option<&'t str>>> {
        let TermKind::Array(parts) = &parts.kind else {
            return None;
        };
        let separator = Some(constant(separator)?);
        let mut out = Vec::new();
        for part in parts {
            if !out.is_empty() {
                out.push(separator);
            }
            out.push(constant(part));
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests;
