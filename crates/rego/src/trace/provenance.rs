//! Which parts of the input a rule's value came from.
//!
//! A word of the machine stands for one value as long as an evaluation lasts, and what a policy finds in its input is not copied. So a
//! container that a rule looks into, however it came there (a variable, another rule's value, a function's argument), is
//! the input's own, and its path is known. While a traced program runs, [`Provenance`] takes down which keys each expression
//! looked up in which container; when the body gives a value, what leads from the input to there is its [`Derivation`].
//! Where a rule only hands on what another rule made (`warn contains finding if some finding in findings`), the reasons are the other's. What a function
//! read before it gave a scalar or nothing at all (`tf.off(change, "encrypted")`, an empty list) its caller read; of functions that give other collections nobody
//! knows which part was read for what.

mod paths;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use stele_types::Value;

use super::event::Node;
use super::map::{Map, PointKind, get};
use crate::compile::hir::{Expr, Function, Literal, LiteralKind, Var};
use crate::source::Span;
use crate::syntax::ast::push_segment;
use crate::vm::value::{Heap, Val};
use crate::vm::{Outcome, Passed, Probe};
use paths::{Paths, is_container};

/// About as many bytes may the values that are kept have together.
const MAX_BYTES: u64 = 256 << 20;
/// A value that this many rules have handed on is not followed further.
const MAX_HANDS: usize = 16;

/// Takes down what the values of some rules were derived from.
#[derive(Debug)]
pub struct Provenance<'m> {
    map: &'m Map,
    /// The paths of the rules whose values are wanted, `data.a.deny`.
    rules: HashSet<String>,
    /// How many derivations are kept.
    limit: usize,
    /// Bytes that values may still have together.
    left: u64,
    dropped: u64,
    frames: Vec<Frame>,
    found: Vec<Found>,
    /// Collections that other rules made as parts of theirs.
    made: Vec<Found>,
}

/// A value of a rule, and what was read for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The rule's path, `data.a.deny`.
    pub rule: String,
    /// The value: of a partial set the element, of a partial object the value of the key.
    pub value: Value,
    /// In the order in which they were read; what only leads to another one is left out.
    pub reads: Vec<Read>,
    /// The place of the last statement that says something of values, and does not only name them: what comes after it makes the value.
    pub decided: Option<usize>,
}

/// A part of the input that a statement read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Keys and indexes from the input down. The last may be missing in the input.
    pub path: Vec<Value>,
    /// The place of the statement in its body, from 0.
    pub statement: usize,
}

impl Derivation {
    /// What was read last before it was decided that there is a value, several parts if one statement read them; what was read last at all if
    /// nothing was decided.
    #[must_use]
    pub fn reasons(&self) -> Vec<&Read> {
        of_last(&self.reads, self.decided)
    }
}

fn of_last(reads: &[Read], decided: Option<usize>) -> Vec<&Read> {
    let before = |read: &&Read| decided.is_some_and(|decided| read.statement <= decided);
    let places = reads.iter().filter(before).map(|read| read.statement);
    let last = places
        .max()
        .or_else(|| reads.iter().map(|read| read.statement).max());
    reads.iter().filter(|read| Some(read.statement) == last).collect()
}

/// Who made a value first.
type Makers<'a> = BTreeMap<&'a Value, &'a Found>;

/// A body that is being evaluated, with what its points reported since they were passed last.
#[derive(Debug)]
struct Frame {
    body: u32,
    depth: usize,
    passed: Vec<Passing>,
}

#[derive(Clone, Debug)]
struct Passing {
    point: u32,
    expression: u32,
    looked: Vec<Look>,
    /// Bodies of functions that held since then.
    called: Vec<Rc<Called>>,
}

/// What a function did.
#[derive(Debug)]
struct Called {
    body: u32,
    passed: Vec<Passing>,
}

impl Passing {
    /// All that was looked up, by functions too.
    fn looked<'a>(&'a self, see: &mut dyn FnMut(&'a Look)) {
        self.looked.iter().for_each(&mut *see);
        let called = self.called.iter().flat_map(|called| &called.passed);
        called.for_each(|passing| passing.looked(see));
    }
}

impl Passing {
    /// Keeps only look-ups that found nothing.
    fn keep_nothing(&mut self) {
        self.looked.retain(|look| look.nothing);
        for called in &mut self.called {
            let mut passed = called.passed.clone();
            passed.iter_mut().for_each(Self::keep_nothing);
            *called = Rc::new(Called {
                body: called.body,
                passed,
            });
        }
    }
}

/// A key that was looked up.
#[derive(Clone, Debug)]
struct Look {
    source: Val,
    key: Val,
    found: Val,
    /// What is looked up in what was found, where that is written down: `object.get(x, ["a", "b"], 1)`.
    below: Vec<Value>,
    /// What is looked for among the elements of what was found: `"a" in x`.
    element: Option<Element>,
    /// It found nothing, or nothing in what it found: why a collection made of that is empty.
    nothing: bool,
}

#[derive(Clone, Debug)]
enum Element {
    Constant(Value),
    Variable(Val),
}

#[derive(Debug)]
struct Found {
    body: u32,
    /// Taken when the body gave it: the words of what is being built are used again.
    value: Value,
    passed: Vec<Passing>,
}

impl<'m> Provenance<'m> {
    /// Watches for values of these rules (`["a", "deny"]` is `data.a.deny`) and keeps up to `limit` of them.
    #[must_use]
    pub fn new<'r>(map: &'m Map, rules: impl IntoIterator<Item = &'r [String]>, limit: usize) -> Self {
        let text = |path: &[String]| {
            // As the compiler writes them down.
            let mut out = String::from("data");
            path.iter().for_each(|name| push_segment(&mut out, name));
            out
        };
        Self {
            map,
            rules: rules.into_iter().map(text).collect(),
            limit,
            left: MAX_BYTES,
            dropped: 0,
            frames: Vec::new(),
            found: Vec::new(),
            made: Vec::new(),
        }
    }

    /// How many values there were beyond the limit.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What was found in the evaluation that this is the outcome of.
    #[must_use]
    pub fn derivations(&self, outcome: &Outcome<'_>) -> Vec<Derivation> {
        let heap = outcome.heap();
        let paths = Paths::new(heap, outcome.input(), self.wanted());
        let made = self.made.iter().rev();
        let makers: Makers<'_> = made.map(|made| (&made.value, made)).collect();
        let derivation = |found: &Found| {
            let (reads, decided) = self.reasons(found, (heap, &paths, &makers), 0);
            Some(Derivation {
                rule: self.map.rule(Node::Body(found.body))?.path.to_string(),
                value: found.value.clone(),
                reads,
                decided,
            })
        };
        self.found.iter().filter_map(derivation).collect()
    }

    fn wanted(&self) -> HashSet<Val> {
        let found = self.found.iter().chain(&self.made);
        let mut wanted = HashSet::new();
        for passing in found.flat_map(|found| &found.passed) {
            passing.looked(&mut |look| wanted.extend([look.source, look.found]));
        }
        wanted
    }

    /// What was read for a value, by its rule and by those that made what the rule hands on; and which statement decided.
    fn reasons(
        &self,
        found: &Found,
        (heap, paths, makers): (&Heap<'_>, &Paths, &Makers<'_>),
        hands: usize,
    ) -> (Vec<Read>, Option<usize>) {
        let statements = self.statements(found.body);
        let mut reads = self.reads(found.body, &found.passed, &statements, (heap, paths));
        let maker = makers.get(&found.value).copied();
        let maker = maker.filter(|maker| hands < MAX_HANDS && maker.body != found.body);
        let Some(maker) = maker else {
            let decided = self.decided(found.body, &statements, &reads);
            return (reads, decided);
        };
        // Why it is handed on is not why it was made.
        let (more, decided) = self.reasons(maker, (heap, paths, makers), hands.saturating_add(1));
        let after = |statement: usize| statement.saturating_add(statements.len());
        reads.extend(more.into_iter().map(|read| Read {
            statement: after(read.statement),
            ..read
        }));
        (reads, decided.map(after))
    }

    fn reads(
        &self,
        body: u32,
        passed: &[Passing],
        statements: &[(Span, bool)],
        (heap, paths): (&Heap<'_>, &Paths),
    ) -> Vec<Read> {
        let mut reads: Vec<Read> = Vec::new();
        for passing in passed {
            let Some(statement) = self.statement_of(body, passing.expression, statements) else {
                continue;
            };
            let looked = passing.looked.iter().filter_map(|look| paths.of(heap, look));
            let called = passing.called.iter().flat_map(|called| {
                let statements = self.statements(called.body);
                let reads = self.reads(called.body, &called.passed, &statements, (heap, paths));
                let decided = self.decided(called.body, &statements, &reads);
                let reasons = of_last(&reads, decided).into_iter();
                reasons.map(|read| read.path.clone()).collect::<Vec<_>>()
            });
            for path in looked.chain(called) {
                // A step further is the same reference.
                let same = |read: &Read| read.statement == statement;
                if reads
                    .iter()
                    .any(|read| same(read) && read.path.starts_with(&path))
                {
                    continue;
                }
                reads.retain(|read| !same(read) || !path.starts_with(&read.path));
                reads.push(Read { path, statement });
            }
        }
        reads
    }

    /// The statements of a body as they were written, and whether each can fail on what it reads.
    fn statements(&self, body: u32) -> Vec<(Span, bool)> {
        let mut out: Vec<(Span, bool)> = Vec::new();
        for literal in get(&self.map.bodies, body).map_or(&[][..], |body| &body.literals) {
            let span = literal.statement.unwrap_or(literal.span);
            match out.iter_mut().find(|(other, _)| *other == span) {
                Some((_, condition)) => *condition |= is_condition(literal),
                None => out.push((span, is_condition(literal))),
            }
        }
        out
    }

    /// The place of the last statement that is a condition. One that reads nothing itself is about variables (`floats(image)`): then it is that of the last
    /// statement that named one of these and read something for it, unless what was read since lies within that.
    fn decided(&self, body: u32, statements: &[(Span, bool)], reads: &[Read]) -> Option<usize> {
        let last = statements.iter().rposition(|(_, condition)| *condition)?;
        let has_reads = |place: usize| reads.iter().any(|read| read.statement == place);
        let place_of = |literal: &Literal| {
            let span = literal.statement.unwrap_or(literal.span);
            statements.iter().position(|(other, _)| *other == span)
        };
        let literals = get(&self.map.bodies, body).map_or(&[][..], |body| &body.literals);
        let of = |place: usize| {
            literals
                .iter()
                .filter(move |literal| place_of(literal) == Some(place))
        };
        let mut wanted: BTreeSet<Var> = of(last).flat_map(Literal::var_set).collect();
        let mut place = last;
        while !has_reads(place) {
            // From behind, so that each is looked at once.
            let named = |place: &usize| of(*place).any(|literal| names(literal, &wanted));
            let Some(before) = (0..place).rev().find(named) else {
                return Some(last);
            };
            place = before;
            wanted.extend(of(place).flat_map(Literal::var_set));
        }
        let since = of_last(reads, Some(last));
        let at_place = |read: &&Read| read.statement == place;
        let is_within = |read: &&Read| {
            let mut there = reads.iter().filter(at_place);
            there.any(|outer| read.path.starts_with(&outer.path))
        };
        Some(if since.iter().all(is_within) { last } else { place })
    }

    /// The statement of the outermost body that an expression belongs to.
    fn statement_of(&self, body: u32, expression: u32, statements: &[(Span, bool)]) -> Option<usize> {
        let expression = get(&self.map.expressions, expression)?;
        let span = expression.literal.statement.unwrap_or(expression.literal.span);
        let own = statements.iter().position(|(other, _)| *other == span);
        // What stands in a closure is a part of the statement around it.
        let around = || {
            let inside =
                |(_, (other, _)): &(usize, &(Span, bool))| other.start <= span.start && span.end <= other.end;
            let closure = expression.body != body;
            let found = statements.iter().enumerate().find(inside);
            found.filter(|_| closure).map(|(index, _)| index)
        };
        own.or_else(around)
    }

    fn frame(&mut self, depth: usize) -> Option<&mut Frame> {
        while self.frames.last().is_some_and(|frame| frame.depth > depth) {
            self.frames.pop();
        }
        self.frames.last_mut().filter(|frame| frame.depth == depth)
    }

    fn enter(&mut self, body: u32, depth: usize) {
        if get(&self.map.bodies, body).is_none_or(|body| !body.outermost) {
            return;
        }
        while self.frames.last().is_some_and(|frame| frame.depth >= depth) {
            self.frames.pop();
        }
        self.frames.push(Frame {
            body,
            depth,
            passed: Vec::new(),
        });
    }

    fn step(&mut self, expression: u32, passed: &Passed<'_>, looked: Vec<Look>) {
        let point = passed.point;
        if let Some(frame) = self.frame(passed.depth) {
            // Whoever comes here again has gone back, and what was read after it belongs to another attempt.
            if let Some(again) = frame.passed.iter().position(|other| other.point == point) {
                frame.passed.truncate(again);
            }
            frame.passed.push(Passing {
                point,
                expression,
                looked,
                called: Vec::new(),
            });
        }
    }

    /// A function's body held: what it read belongs to where its caller stands; where it `gave_none` of several, what was not there.
    fn leave(&mut self, body: u32, depth: usize, gave_none: bool) {
        let frame = self.frame(depth).filter(|frame| frame.body == body);
        let Some(mut passed) = frame.map(|frame| frame.passed.clone()) else {
            return;
        };
        if gave_none {
            passed.iter_mut().for_each(Passing::keep_nothing);
        }
        let caller = self.frames.iter_mut().rev().find(|frame| frame.depth < depth);
        if let Some(at) = caller.and_then(|caller| caller.passed.last_mut())
            && at.called.iter().all(|called| called.body != body)
        {
            at.called.push(Rc::new(Called { body, passed }));
        }
    }

    /// The variables that a call was given.
    fn arguments(&self, expression: u32, passed: &Passed<'_>) -> Vec<Look> {
        let literal = get(&self.map.expressions, expression).map(|expression| &expression.literal.kind);
        let Some(LiteralKind::Call { function, args, .. }) = literal else {
            return Vec::new();
        };
        let vars = get(&self.map.points, passed.point).map_or(&[][..], |point| &point.vars);
        let given = vars.iter().zip(passed.values).filter_map(|(var, found)| {
            let is_var = |arg: &Expr| matches!(arg, Expr::Var(other) if other == var);
            Some((args.iter().position(is_var)?, *found))
        });
        let whole = |(place, found)| Look {
            source: Val::UNDEFINED,
            key: Val::UNDEFINED,
            found,
            below: if place == 0 {
                member(function, args)
            } else {
                Vec::new()
            },
            element: match (function, args.as_slice()) {
                (Function::Builtin(name), [element, _]) if place == 1 && &**name == "internal.member_2" => {
                    let of_var = |var| vars.iter().zip(passed.values).find(|(other, _)| *other == var);
                    match element {
                        Expr::Var(var) => of_var(var).map(|(_, value)| Element::Variable(*value)),
                        other => constant(other).map(Element::Constant),
                    }
                }
                _ => None,
            },
            nothing: passed.is_empty(found),
        };
        given.map(whole).collect()
    }

    fn exit(&mut self, body: u32, passed: &Passed<'_>) {
        let Some(rule) = self.map.rule(Node::Body(body)) else {
            return;
        };
        let wanted = self.rules.contains(&*rule.path);
        let value = passed.values.first().copied().unwrap_or(Val::UNDEFINED);
        let gave_none = passed.is_empty(value);
        if rule.function && (!is_container(value) || gave_none) {
            return self.leave(body, passed.depth, gave_none);
        }
        // What a rule gives as a whole is not among what others hand on.
        let made = !rule.complete && is_container(value) && self.made.len() < self.limit;
        let mut left = self.left;
        let Some(frame) = self
            .frame(passed.depth)
            .filter(|frame| frame.body == body && (wanted || made))
        else {
            return;
        };
        let Some(value) = passed.value(value, &mut left) else {
            return;
        };
        let found = Found {
            body,
            value,
            passed: frame.passed.clone(),
        };
        self.left = left;
        if wanted && self.found.len() < self.limit {
            self.found.push(found);
        } else if wanted {
            self.dropped = self.dropped.saturating_add(1);
        } else {
            self.made.push(found);
        }
    }
}

impl Probe for Provenance<'_> {
    fn point(&mut self, passed: &Passed<'_>) {
        let map = self.map;
        let Some(point) = get(&map.points, passed.point) else {
            return;
        };
        match point.kind {
            PointKind::Enter(body) => self.enter(body, passed.depth),
            PointKind::Eval(expression) => self.step(expression, passed, Vec::new()),
            PointKind::Step(expression) => {
                let at = |index: usize| passed.values.get(index).copied();
                let [source, key] = [0, 1].map(|index| at(index).unwrap_or(Val::UNDEFINED));
                let there = at(2).unwrap_or_else(|| passed.index(source, key));
                let look = Look {
                    source,
                    key,
                    found: at(2).unwrap_or(Val::UNDEFINED),
                    below: Vec::new(),
                    element: None,
                    nothing: !there.is_defined() || passed.is_empty(there),
                };
                self.step(expression, passed, vec![look]);
            }
            PointKind::Held(expression) => {
                let looked = self.arguments(expression, passed);
                self.step(expression, passed, looked);
            }
            PointKind::Exit(body) => self.exit(body, passed),
            PointKind::Term(..) | PointKind::Note(_) => {}
        }
    }
}

/// Whether a statement says something of its values, or only gives them names.
fn is_condition(literal: &Literal) -> bool {
    let is_var = |term: &Expr| matches!(term, Expr::Var(_));
    match &literal.kind {
        LiteralKind::Unify(a, b) => !is_var(a) && !is_var(b),
        LiteralKind::Call { out, .. } => !out.as_ref().is_some_and(is_var),
        _ => true,
    }
}

/// Whether a statement gives its value to one of these variables.
fn names(literal: &Literal, wanted: &BTreeSet<Var>) -> bool {
    let is_wanted = |term: &Expr| matches!(term, Expr::Var(var) if wanted.contains(var));
    match &literal.kind {
        LiteralKind::Unify(a, b) => is_wanted(a) || is_wanted(b),
        LiteralKind::Call { out, .. } => out.as_ref().is_some_and(is_wanted),
        _ => false,
    }
}

fn constant(term: &Expr) -> Option<Value> {
    match term {
        Expr::String(text) => Some(Value::string(text)),
        _ => None,
    }
}

/// The path that a call of `object.get` names with constants.
fn member(function: &Function, args: &[Expr]) -> Vec<Value> {
    let path = match (function, args) {
        (Function::Builtin(name), [_, Expr::Array(path), _]) if &**name == "object.get" => {
            path.iter().map(constant).collect()
        }
        (Function::Builtin(name), [_, key, _]) if &**name == "object.get" => {
            constant(key).map(|key| vec![key])
        }
        _ => None,
    };
    path.unwrap_or_default()
}

#[cfg(test)]
#[path = "provenance_tests.rs"]
mod tests;
