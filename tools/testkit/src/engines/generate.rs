//! Policies and inputs made up by chance, well typed, and small enough to read.
//!
//! Each rule comes from a seed of its own and uses rules before it, so that a failing policy shrinks by leaving rules out.
//! Numbers stay small integers: engines that compute in floating point are exact on those. Types are right by construction
//! (the input may lack any field), so what is undefined is undefined for a reason that all engines share.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use stele_types::{EntryPoint, Value};

use super::{Case, Chance, Module, Policy as Asked, mentions};

/// A policy and an input.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The seeds that it was made from: one a rule, and the input's.
    pub seeds: (Vec<u64>, u64),
    /// The policy, in package `gen`.
    pub policy: Arc<Asked>,
    /// The input.
    pub input: Value,
}

impl Generated {
    /// Makes the policy and input of these seeds.
    #[must_use]
    pub fn from_seeds(rules: &[u64], input: u64) -> Self {
        let mut policy = Policy::default();
        for (n, seed) in rules.iter().enumerate() {
            policy.rule(n, &mut Chance(*seed));
        }
        let name = "gen.rego".to_owned();
        let text = format!("package gen\n\nimport rego.v1\n{}", policy.text);
        Self {
            seeds: (rules.to_vec(), input),
            policy: Asked::new(vec![Module { name, text }], policy.queries, Value::object([])),
            input: input_document(&mut Chance(input)),
        }
    }

    /// The same policy with another input.
    #[must_use]
    pub fn with_input(&self, input: u64) -> Self {
        Self {
            seeds: (self.seeds.0.clone(), input),
            policy: Arc::clone(&self.policy),
            input: input_document(&mut Chance(input)),
        }
    }

    /// One case for each rule.
    pub fn cases(&self) -> impl Iterator<Item = Case> + '_ {
        self.policy.entry_points().iter().map(|entry_point| Case {
            policy: Arc::clone(&self.policy),
            entry_point: entry_point.clone(),
            input: Some(self.input.clone()),
        })
    }
}

/// Any policy of up to `rules` rules, with an input.
pub fn policies(rules: usize) -> impl Strategy<Value = Generated> {
    (prop::collection::vec(any::<u64>(), 1..=rules), any::<u64>())
        .prop_map(|(rules, input)| Generated::from_seeds(&rules, input))
}

/// Types of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Int,
    Str,
    Bool,
    /// Array of integers.
    Ints,
    /// Array of strings.
    Strs,
    /// Set of integers.
    IntSet,
    /// Set of strings.
    StrSet,
    /// Object of integers under strings.
    Map,
}

const SCALARS: [Type; 3] = [Type::Int, Type::Str, Type::Bool];
const COLLECTIONS: [Type; 5] = [Type::Ints, Type::Strs, Type::IntSet, Type::StrSet, Type::Map];
const WORDS: [&str; 7] = ["", "a", "b", "ab", "ba", "a-b", "B"];

impl Type {
    /// The type of a collection's keys and elements.
    fn elements(self) -> Option<(Self, Self)> {
        match self {
            Self::Ints => Some((Self::Int, Self::Int)),
            Self::Strs => Some((Self::Int, Self::Str)),
            Self::IntSet => Some((Self::Int, Self::Int)),
            Self::StrSet => Some((Self::Str, Self::Str)),
            Self::Map => Some((Self::Str, Self::Int)),
            Self::Int | Self::Str | Self::Bool => None,
        }
    }

    /// The field of the input that has this type.
    fn field(self) -> &'static str {
        match self {
            Self::Int => "input.n",
            Self::Str => "input.s",
            Self::Bool => "input.b",
            Self::Ints => "input.xs",
            Self::Strs => "input.ss",
            Self::IntSet => "{i | some i in input.xs}",
            Self::StrSet => "{i | some i in input.ss}",
            Self::Map => "input.o",
        }
    }
}

fn pick_type(chance: &mut Chance, types: &[Type]) -> Type {
    types.get(chance.below(types.len())).copied().unwrap_or(Type::Int)
}

/// The policy so far.
#[derive(Default)]
struct Policy {
    text: String,
    /// Rules that can be queried.
    queries: Vec<EntryPoint>,
    /// References to rules that have a value of a type.
    values: Vec<(String, Type)>,
    /// Functions of one integer or string: name, argument, result.
    functions: Vec<(String, Type, Type)>,
}

/// Variables in reach, and a supply of new names.
#[derive(Default, Clone)]
struct Scope {
    variables: Vec<(String, Type)>,
    names: usize,
    /// Only expressions that have a value. OPA moves references and calls out of a negated expression, so that what is undefined
    /// in them is outside of the `not`; the regorus interpreter leaves them inside (open-policy-agent/opa#8387).
    total: bool,
}

impl Scope {
    fn fresh(&mut self) -> String {
        self.names = self.names.saturating_add(1);
        format!("x{}", self.names)
    }
}

impl Policy {
    fn rule(&mut self, number: usize, chance: &mut Chance) {
        match chance.below(6) {
            0 => self.function(number, chance),
            1 => self.partial_set(number, chance),
            2 => self.partial_object(number, chance),
            _ => self.complete(number, chance),
        }
    }

    /// A complete rule: one to three bodies, perhaps an `else`, perhaps a default. Bodies may conflict.
    fn complete(&mut self, number: usize, chance: &mut Chance) {
        let ty = if chance.one_in(3) {
            pick_type(chance, &COLLECTIONS)
        } else {
            pick_type(chance, &SCALARS)
        };
        let name = format!("r{number}");
        if SCALARS.contains(&ty) && chance.one_in(2) {
            let value = literal(ty, chance);
            let _ = writeln!(self.text, "\ndefault {name} := {value}");
        }
        for _ in 0..=chance.below(2) {
            let mut scope = Scope::default();
            let body = self.body(&mut scope, chance);
            let value = self.expression(ty, &scope, 2, chance);
            // In the body: regorus drops the whole rule, or fails, when its head is undefined once.
            let head = scope.fresh();
            let _ = write!(
                self.text,
                "\n{name} := {head} if {{\n{body}\t{head} := {value}\n}}"
            );
            if chance.one_in(4) {
                let mut scope = Scope::default();
                let body = self.body(&mut scope, chance);
                let value = self.expression(ty, &scope, 1, chance);
                let _ = write!(self.text, " else := {value} if {{\n{body}}}");
            }
            self.text.push('\n');
        }
        self.values.push((name.clone(), ty));
        self.queries.extend(EntryPoint::new(&format!("gen/{name}")));
    }

    fn partial_set(&mut self, number: usize, chance: &mut Chance) {
        let (ty, element) = if chance.one_in(2) {
            (Type::IntSet, Type::Int)
        } else {
            (Type::StrSet, Type::Str)
        };
        let name = format!("s{number}");
        for _ in 0..=chance.below(2) {
            let mut scope = Scope::default();
            let body = self.body(&mut scope, chance);
            let value = self.expression(element, &scope, 2, chance);
            let head = scope.fresh();
            let _ = writeln!(
                self.text,
                "\n{name} contains {head} if {{\n{body}\t{head} := {value}\n}}"
            );
        }
        self.values.push((name.clone(), ty));
        self.queries.extend(EntryPoint::new(&format!("gen/{name}")));
    }

    /// A partial object, which may have two values for one key.
    fn partial_object(&mut self, number: usize, chance: &mut Chance) {
        let name = format!("o{number}");
        for _ in 0..=chance.below(2) {
            let mut scope = Scope::default();
            let body = self.body(&mut scope, chance);
            let key = scope.fresh();
            let key_value = self.expression(Type::Str, &scope, 1, chance);
            let value_name = scope.fresh();
            let value = self.expression(Type::Int, &scope, 1, chance);
            let _ = writeln!(
                self.text,
                "\n{name}[{key}] := {value_name} if {{\n{body}\t{key} := {key_value}\n\t{value_name} := {value}\n}}"
            );
        }
        self.values.push((name.clone(), Type::Map));
        self.queries.extend(EntryPoint::new(&format!("gen/{name}")));
    }

    fn function(&mut self, number: usize, chance: &mut Chance) {
        let argument = pick_type(chance, &[Type::Int, Type::Str]);
        let result = pick_type(chance, &SCALARS);
        let name = format!("f{number}");
        let mut scope = Scope::default();
        scope.variables.push(("p".to_owned(), argument));
        let body = self.body(&mut scope, chance);
        let value = self.expression(result, &scope, 2, chance);
        let _ = writeln!(self.text, "\n{name}(p) := {value} if {{\n{body}}}");
        self.functions.push((name, argument, result));
    }

    /// Up to three statements.
    fn body(&self, scope: &mut Scope, chance: &mut Chance) -> String {
        let lines: Vec<String> = (0..=chance.below(3))
            .map(|_| self.statement(scope, chance))
            .collect();
        // Semicolons, since a line that starts with a bracket might go on with the line before.
        format!("\t{}\n", lines.join(";\n\t"))
    }

    fn statement(&self, scope: &mut Scope, chance: &mut Chance) -> String {
        match chance.below(8) {
            0 => {
                let collection = pick_type(chance, &COLLECTIONS);
                let source = self.expression(collection, scope, 1, chance);
                let (key, element) = collection.elements().unwrap_or((Type::Int, Type::Int));
                let value = scope.fresh();
                if chance.one_in(2) {
                    scope.variables.push((value.clone(), element));
                    return format!("some {value} in {source}");
                }
                let index = scope.fresh();
                scope.variables.push((index.clone(), key));
                scope.variables.push((value.clone(), element));
                format!("some {index}, {value} in {source}")
            }
            1 => {
                let ty = if chance.one_in(3) {
                    pick_type(chance, &COLLECTIONS)
                } else {
                    pick_type(chance, &SCALARS)
                };
                let value = self.expression(ty, scope, 2, chance);
                let name = scope.fresh();
                scope.variables.push((name.clone(), ty));
                format!("{name} := {value}")
            }
            2 => {
                let collection = pick_type(chance, &COLLECTIONS);
                let source = self.expression(collection, scope, 1, chance);
                let mut inner = scope.clone();
                let name = inner.fresh();
                let (_, element) = collection.elements().unwrap_or((Type::Int, Type::Int));
                inner.variables.push((name.clone(), element));
                let condition = self.condition(&inner, chance);
                scope.names = inner.names;
                // Nothing may be declared in vain.
                let name = if mentions(&condition, &name) {
                    name.as_str()
                } else {
                    "_"
                };
                format!("every {name} in {source} {{ {condition} }}")
            }
            3 => self.negation(scope, chance),
            _ => self.condition(scope, chance),
        }
    }

    /// `not` before a reference, which may be undefined, or before an expression that has a value.
    fn negation(&self, scope: &Scope, chance: &mut Chance) -> String {
        let rules: Vec<&str> = self.values.iter().map(|(name, _)| name.as_str()).collect();
        if chance.one_in(3) {
            return format!("not {}", chance.pick(&rules).unwrap_or("input.b"));
        }
        let scope = Scope {
            total: true,
            ..scope.clone()
        };
        format!("not {}", self.condition(&scope, chance))
    }

    /// An expression that holds or does not.
    fn condition(&self, scope: &Scope, chance: &mut Chance) -> String {
        match chance.below(4) {
            0 => {
                let collection = pick_type(chance, &COLLECTIONS);
                let (_, element) = collection.elements().unwrap_or((Type::Int, Type::Int));
                let item = self.expression(element, scope, 1, chance);
                format!("{item} in {}", self.expression(collection, scope, 1, chance))
            }
            1 => self.expression(Type::Bool, scope, 2, chance),
            _ => {
                let ty = pick_type(chance, &[Type::Int, Type::Str, Type::Ints, Type::StrSet]);
                let operator = chance.pick(&["==", "!=", "<", "<=", ">", ">="]).unwrap_or("==");
                let left = self.expression(ty, scope, 1, chance);
                format!("{left} {operator} {}", self.expression(ty, scope, 1, chance))
            }
        }
    }

    /// An expression of a type, at most `depth` deep.
    fn expression(&self, ty: Type, scope: &Scope, depth: usize, chance: &mut Chance) -> String {
        let variables: Vec<&str> = scope
            .variables
            .iter()
            .filter(|(_, other)| *other == ty)
            .map(|(name, _)| name.as_str())
            .collect();
        let rules: Vec<&str> = self
            .values
            .iter()
            .filter(|(_, other)| *other == ty)
            .map(|(name, _)| name.as_str())
            .collect();
        match chance.below(if depth == 0 { 5 } else { 10 }) {
            0 => literal(ty, chance),
            1 | 5 if scope.total => literal(ty, chance),
            1 => ty.field().to_owned(),
            2 if !rules.is_empty() && !scope.total => chance.pick(&rules).unwrap_or_default().to_owned(),
            2..=4 if !variables.is_empty() => chance.pick(&variables).unwrap_or_default().to_owned(),
            2..=4 => literal(ty, chance),
            5 => self.call(ty, scope, depth.saturating_sub(1), chance),
            _ => self.operation(ty, scope, depth.saturating_sub(1), chance),
        }
    }

    /// A call of a function that gives the type; a literal if there is none.
    fn call(&self, ty: Type, scope: &Scope, depth: usize, chance: &mut Chance) -> String {
        let fitting: Vec<&(String, Type, Type)> = self
            .functions
            .iter()
            .filter(|(_, _, result)| *result == ty)
            .collect();
        match chance.pick(&fitting) {
            Some((name, argument, _)) => {
                format!("{name}({})", self.expression(*argument, scope, depth, chance))
            }
            None => literal(ty, chance),
        }
    }

    fn operation(&self, ty: Type, scope: &Scope, depth: usize, chance: &mut Chance) -> String {
        let of = |ty: Type, chance: &mut Chance| self.expression(ty, scope, depth, chance);
        match ty {
            Type::Int => match chance.below(7) {
                0 => format!("({} + {})", of(Type::Int, chance), of(Type::Int, chance)),
                1 => format!("({} - {})", of(Type::Int, chance), of(Type::Int, chance)),
                2 => format!("({} * {})", of(Type::Int, chance), of(Type::Int, chance)),
                3 => format!(
                    "({} % {})",
                    of(Type::Int, chance),
                    1_usize.saturating_add(chance.below(5))
                ),
                4 => format!("sum({})", of(Type::Ints, chance)),
                5 if !scope.total => format!("max({})", of(Type::IntSet, chance)),
                _ => {
                    let counted = pick_type(chance, &[Type::Ints, Type::StrSet, Type::Map, Type::Str]);
                    format!("count({})", of(counted, chance))
                }
            },
            Type::Str => match chance.below(6) {
                0 => format!("concat({}, {})", of(Type::Str, chance), of(Type::Strs, chance)),
                1 => format!("upper({})", of(Type::Str, chance)),
                2 => format!(
                    "trim_prefix({}, {})",
                    of(Type::Str, chance),
                    of(Type::Str, chance)
                ),
                3 => format!(
                    "replace({}, \"a\", {})",
                    of(Type::Str, chance),
                    of(Type::Str, chance)
                ),
                4 => format!("substring({}, 0, {})", of(Type::Str, chance), chance.below(3)),
                // Not negative: regorus writes `--1` for `%d` of -1.
                _ => {
                    format!(
                        "sprintf(\"%s/%d\", [{}, count({})])",
                        of(Type::Str, chance),
                        of(Type::Str, chance)
                    )
                }
            },
            Type::Bool => match chance.below(4) {
                0 => format!("startswith({}, {})", of(Type::Str, chance), of(Type::Str, chance)),
                1 => format!("contains({}, {})", of(Type::Str, chance), of(Type::Str, chance)),
                2 => format!("endswith({}, {})", of(Type::Str, chance), of(Type::Str, chance)),
                _ => format!("is_string({})", of(Type::Str, chance)),
            },
            _ => self.collection_operation(ty, scope, depth, chance),
        }
    }

    fn collection_operation(&self, ty: Type, scope: &Scope, depth: usize, chance: &mut Chance) -> String {
        let of = |ty: Type, chance: &mut Chance| self.expression(ty, scope, depth, chance);
        match ty {
            Type::Ints => match chance.below(3) {
                0 => format!("[{}, {}]", of(Type::Int, chance), of(Type::Int, chance)),
                1 => format!(
                    "array.concat({}, {})",
                    of(Type::Ints, chance),
                    of(Type::Ints, chance)
                ),
                _ => self.comprehension(('[', ']'), Type::Int, scope, depth, chance),
            },
            Type::Strs => match chance.below(3) {
                0 => format!("[{}, {}]", of(Type::Str, chance), of(Type::Str, chance)),
                1 => format!("split({}, \"a\")", of(Type::Str, chance)),
                _ => self.comprehension(('[', ']'), Type::Str, scope, depth, chance),
            },
            Type::IntSet => match chance.below(3) {
                0 => format!("({} | {})", of(Type::IntSet, chance), of(Type::IntSet, chance)),
                1 => format!("({} - {})", of(Type::IntSet, chance), of(Type::IntSet, chance)),
                _ => self.comprehension(('{', '}'), Type::Int, scope, depth, chance),
            },
            Type::StrSet => match chance.below(3) {
                0 => format!("({} & {})", of(Type::StrSet, chance), of(Type::StrSet, chance)),
                1 => format!("object.keys({})", of(Type::Map, chance)),
                _ => self.comprehension(('{', '}'), Type::Str, scope, depth, chance),
            },
            _ => match chance.below(3) {
                0 => format!(
                    "{{\"k\": {}, {}: 1}}",
                    of(Type::Int, chance),
                    of(Type::Str, chance)
                ),
                1 => format!(
                    "object.union({}, {})",
                    of(Type::Map, chance),
                    of(Type::Map, chance)
                ),
                _ => format!(
                    "object.remove({}, [{}])",
                    of(Type::Map, chance),
                    of(Type::Str, chance)
                ),
            },
        }
    }

    fn comprehension(
        &self,
        (open, close): (char, char),
        element: Type,
        scope: &Scope,
        depth: usize,
        chance: &mut Chance,
    ) -> String {
        let mut inner = scope.clone();
        // Names inside of a comprehension must not meet names that the body gives later.
        inner.names = inner.names.saturating_add(100);
        let collection = pick_type(chance, &COLLECTIONS);
        let source = self.expression(collection, &inner, depth, chance);
        let (_, item) = collection.elements().unwrap_or((Type::Int, Type::Int));
        let name = inner.fresh();
        inner.variables.push((name.clone(), item));
        let condition = self.condition(&inner, chance);
        let head = self.expression(element, &inner, depth, chance);
        format!("{open}{head} | some {name} in {source}; {condition}{close}")
    }
}

fn literal(ty: Type, chance: &mut Chance) -> String {
    let word = |chance: &mut Chance| chance.pick(&WORDS).unwrap_or_default();
    match ty {
        // In brackets, since a minus at the start of a line goes on with the line before.
        Type::Int => match small(chance) {
            value if value < 0 => format!("({value})"),
            value => value.to_string(),
        },
        Type::Str => format!("\"{}\"", word(chance)),
        Type::Bool => chance.one_in(2).to_string(),
        Type::Ints => format!("[{}, {}]", small(chance), small(chance)),
        Type::Strs => format!("[\"{}\", \"{}\"]", word(chance), word(chance)),
        Type::IntSet => format!("{{{}, {}}}", small(chance), small(chance).saturating_add(9)),
        Type::StrSet => format!("{{\"{}\", \"z\"}}", word(chance)),
        Type::Map => format!(
            "{{\"{}\": {}, \"z\": {}}}",
            word(chance),
            small(chance),
            small(chance)
        ),
    }
}

fn small(chance: &mut Chance) -> i64 {
    i64::try_from(chance.below(9)).unwrap_or(0).saturating_sub(2)
}

/// An input that has most of its fields.
fn input_document(chance: &mut Chance) -> Value {
    let word = |chance: &mut Chance| Value::from(chance.pick(&WORDS).unwrap_or_default());
    let mut fields: Vec<(Value, Value)> = Vec::new();
    for name in ["n", "s", "b", "xs", "ss", "o"] {
        if chance.one_in(6) {
            continue;
        }
        let count = chance.below(4);
        let value = match name {
            "n" => small(chance).into(),
            "s" => word(chance),
            "b" => chance.one_in(2).into(),
            "xs" => Value::array((0..count).map(|_| small(chance).into())),
            "ss" => Value::array((0..count).map(|_| word(chance))),
            _ => Value::object((0..count).map(|_| (word(chance), small(chance).into()))),
        };
        fields.push((name.into(), value));
    }
    Value::object(fields)
}
