//! Policies and inputs made up by chance, of any shape and with types that do not fit.
//!
//! Where [`super::generate`] stays with what every engine must give a value for, this reaches for the rest of the language: partial rules of
//! several levels, functions with patterns, `with` on documents and functions, references into nothing, builtins on values they don't
//! take. Half of the policies import `and` and `or`, most of these `not` as well. Types fit most of the time, by the builtins' own declarations, so that values get far. Recursion can't arise: a rule uses only
//! rules before it. Each statement has a line of its own, which is what [`super::shrink`] takes out.

mod document;
mod expression;
mod logical;
mod statement;

use std::sync::Arc;

use stele_types::{EntryPoint, Value};

use super::{Case, Chance, Module, Policy};

/// A policy and inputs to ask about it.
#[derive(Debug, Clone)]
pub struct Wild {
    /// The policy, in package `gen` and perhaps `lib`.
    pub policy: Arc<Policy>,
    /// The inputs.
    pub inputs: Vec<Option<Value>>,
}

impl Wild {
    /// Makes the policy and inputs of this seed.
    #[must_use]
    pub fn from_seed(seed: u64, inputs: usize) -> Self {
        Self::of_language(seed, inputs, true)
    }

    /// Makes them with `and`, `or` and `not { ... }` in half of the policies, or in none.
    #[must_use]
    pub fn of_language(seed: u64, inputs: usize, logical: bool) -> Self {
        let mut chance = Chance(seed);
        let exotic = chance.one_in(4);
        let mut writer = Writer::new(chance, exotic);
        // Of a source of its own: what has no such keywords is made of a seed as it always was.
        let imports = if logical {
            writer.keywords(&mut Chance(seed.rotate_left(32) ^ 0x6f72))
        } else {
            String::new()
        };
        let rules = writer.chance.below(7).saturating_add(2);
        // The first rules may be in a package of their own, which the others see as a document.
        let shared = writer.chance.below(rules);
        for number in 0..rules {
            if number == shared && number > 0 {
                writer.leave_package();
            }
            writer.rule(number);
        }
        let lib = writer.lib.take();
        let data = document::data(&mut writer.chance);
        let inputs = (0..inputs).map(|_| document::input(&mut writer.chance)).collect();
        let module = |package: &str, text: &str| Module {
            name: format!("{package}.rego"),
            text: format!("package {package}\n{imports}{text}"),
        };
        let mut modules = vec![module("gen", &writer.text)];
        modules.extend(lib.map(|text| module("lib", &text)));
        Self {
            policy: Policy::new(modules, writer.queries, data),
            inputs,
        }
    }

    /// One case for each rule and input.
    pub fn cases(&self) -> impl Iterator<Item = Case> + '_ {
        self.inputs.iter().flat_map(|input| {
            self.policy.entry_points().iter().map(|entry_point| Case {
                policy: Arc::clone(&self.policy),
                entry_point: entry_point.clone(),
                input: input.clone(),
            })
        })
    }
}

/// What an expression should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Any,
    Number,
    String,
    Bool,
    Array,
    Object,
    Set,
}

impl Want {
    /// Reads a type of the table of builtins; one of several alternatives.
    fn of_declaration(text: &str, chance: &mut Chance) -> Self {
        let alternatives: Vec<&str> = text.split('|').collect();
        match chance.word(&alternatives) {
            "number" => Self::Number,
            "string" => Self::String,
            "boolean" => Self::Bool,
            "array" => Self::Array,
            "object" => Self::Object,
            "set" => Self::Set,
            _ => Self::Any,
        }
    }

    fn any(chance: &mut Chance) -> Self {
        const ALL: [Want; 9] = [
            Want::Any,
            Want::Any,
            Want::Number,
            Want::String,
            Want::Bool,
            Want::Array,
            Want::Object,
            Want::Set,
            Want::String,
        ];
        ALL.get(chance.below(ALL.len())).copied().unwrap_or(Self::Any)
    }

    fn collection(chance: &mut Chance) -> Self {
        match chance.below(7) {
            0 | 1 => Self::Array,
            2 | 3 => Self::Object,
            4 => Self::Set,
            _ => Self::Any,
        }
    }
}

/// A rule or function that was written.
#[derive(Debug, Clone)]
struct Known {
    /// As it is called where rules are written now.
    name: String,
    /// Its path below `data`, with dots.
    path: String,
    /// The number of arguments of a function.
    arity: Option<usize>,
    want: Want,
}

/// Variables in reach.
#[derive(Debug, Clone, Default)]
struct Scope {
    variables: Vec<(String, Want)>,
}

impl Scope {
    fn add(&mut self, name: &str, want: Want) {
        self.variables.push((name.to_owned(), want));
    }
}

struct Writer {
    chance: Chance,
    /// Whether any pure builtin is called, or only those that contracts take with any arguments.
    exotic: bool,
    /// The keywords that are imported.
    keywords: logical::Keywords,
    text: String,
    /// The rules of package `lib`, once they are complete.
    lib: Option<String>,
    known: Vec<Known>,
    queries: Vec<EntryPoint>,
    /// Names given so far.
    names: usize,
}

impl Writer {
    fn new(chance: Chance, exotic: bool) -> Self {
        Self {
            chance,
            exotic,
            keywords: logical::Keywords::default(),
            text: String::new(),
            lib: None,
            known: Vec::new(),
            queries: Vec::new(),
            names: 0,
        }
    }

    fn fresh(&mut self) -> String {
        self.names = self.names.saturating_add(1);
        format!("v{}", self.names)
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Goes on in package `gen`; what was written is package `lib`.
    fn leave_package(&mut self) {
        self.lib = Some(std::mem::take(&mut self.text));
        let moved = |path: &str| path.replacen("gen", "lib", 1);
        for known in &mut self.known {
            known.path = moved(&known.path);
            known.name = format!("data.{}", known.path);
        }
        let queries = self
            .queries
            .iter()
            .map(|query| EntryPoint::new(&moved(query.as_str())));
        let package = EntryPoint::new("lib");
        self.queries = queries.chain([package]).flatten().collect();
        // A package of functions has no document of its own.
        if self.known.iter().all(|known| known.arity.is_some()) {
            self.queries.clear();
        }
    }

    fn rule(&mut self, number: usize) {
        self.text.push('\n');
        let want = Want::any(&mut self.chance);
        let (name, arity, want) = match self.chance.below(12) {
            0..=2 => self.function(&format!("f{number}"), want),
            3 | 4 => self.partial_set(&format!("s{number}")),
            5 | 6 => self.partial_object(&format!("o{number}")),
            7 => self.deep(&format!("d{number}")),
            _ => self.complete(&format!("r{number}"), want),
        };
        if arity.is_none() {
            self.queries.extend(EntryPoint::new(&format!("gen/{name}")));
        }
        let path = format!("gen.{name}");
        self.known.push(Known {
            name,
            path,
            arity,
            want,
        });
    }

    /// Definitions of one rule.
    fn definitions(&mut self) -> usize {
        match self.chance.below(5) {
            0..=2 => 1,
            3 => 2,
            _ => 3,
        }
    }

    fn complete(&mut self, name: &str, want: Want) -> (String, Option<usize>, Want) {
        if self.chance.one_in(3) {
            let value = self.literal(want);
            self.line(&format!("default {name} := {value}\n"));
        }
        // A value that does not depend on the definition makes conflicts rare.
        let constant = self.chance.one_in(2).then(|| self.literal(want));
        for _ in 0..self.definitions() {
            let mut scope = Scope::default();
            if self.chance.one_in(8) {
                let value = self.expression(want, &scope, 2);
                self.line(&format!("{name} := {value}\n"));
                continue;
            }
            let body = self.body(&mut scope, 2);
            let value = match &constant {
                Some(value) => value.clone(),
                None => self.expression(want, &scope, 2),
            };
            if want == Want::Bool && self.chance.one_in(2) {
                self.line(&format!("{name} if {{"));
            } else {
                self.line(&format!("{name} := {value} if {{"));
            }
            self.text.push_str(&body);
            self.elses(want, &Scope::default());
            self.line("}\n");
        }
        (name.to_owned(), None, want)
    }

    /// Any number of `else` branches, each but the last with its body.
    fn elses(&mut self, want: Want, outer: &Scope) {
        while self.chance.one_in(4) {
            let mut scope = outer.clone();
            let body = self.body(&mut scope, 1);
            let value = self.expression(want, &scope, 1);
            self.line(&format!("}} else := {value} if {{"));
            self.text.push_str(&body);
        }
    }

    fn partial_set(&mut self, name: &str) -> (String, Option<usize>, Want) {
        for _ in 0..self.definitions() {
            let mut scope = Scope::default();
            let body = self.body(&mut scope, 2);
            let value = self.expression(Want::Any, &scope, 2);
            self.line(&format!("{name} contains {value} if {{"));
            self.text.push_str(&body);
            self.line("}\n");
        }
        (name.to_owned(), None, Want::Set)
    }

    fn partial_object(&mut self, name: &str) -> (String, Option<usize>, Want) {
        for _ in 0..self.definitions() {
            let mut scope = Scope::default();
            let body = self.body(&mut scope, 2);
            let key = self.expression(Want::String, &scope, 1);
            let value = self.expression(Want::Any, &scope, 1);
            self.line(&format!("{name}[{key}] := {value} if {{"));
            self.text.push_str(&body);
            self.line("}\n");
        }
        (name.to_owned(), None, Want::Object)
    }

    /// Rules with references of several parts for their heads. The forms do not mix, so that no rule lies inside of another's value.
    fn deep(&mut self, name: &str) -> (String, Option<usize>, Want) {
        let form = self.chance.below(3);
        for n in 0..self.definitions() {
            let mut scope = Scope::default();
            let body = self.body(&mut scope, 2);
            let (one, two) = (
                self.expression(Want::String, &scope, 1),
                self.expression(Want::String, &scope, 1),
            );
            let value = self.expression(Want::Any, &scope, 1);
            let head = match form {
                0 => format!("{name}[{one}][{two}] := {value}"),
                1 => format!("{name}[{one}] contains {value}"),
                _ => format!("{name}.p{n}[{one}] := {value}"),
            };
            self.line(&format!("{head} if {{"));
            self.text.push_str(&body);
            self.line("}\n");
        }
        (name.to_owned(), None, Want::Object)
    }

    fn function(&mut self, name: &str, want: Want) -> (String, Option<usize>, Want) {
        let arity = self.chance.below(2).saturating_add(1);
        if self.chance.one_in(5) {
            let value = self.literal(want);
            let ignored = vec!["_"; arity].join(", ");
            self.line(&format!("default {name}({ignored}) := {value}\n"));
        }
        let constant = self.chance.one_in(2).then(|| self.literal(want));
        for _ in 0..self.definitions() {
            let mut scope = Scope::default();
            let parameters: Vec<String> = (0..arity).map(|_| self.parameter(&mut scope)).collect();
            let parameters = parameters.join(", ");
            let outer = scope.clone();
            let body = self.body(&mut scope, 2);
            let value = match &constant {
                Some(value) => value.clone(),
                None => self.expression(want, &scope, 2),
            };
            if want == Want::Bool && self.chance.one_in(2) {
                self.line(&format!("{name}({parameters}) if {{"));
            } else {
                self.line(&format!("{name}({parameters}) := {value} if {{"));
            }
            self.text.push_str(&body);
            self.elses(want, &outer);
            self.line("}\n");
        }
        (name.to_owned(), Some(arity), want)
    }

    /// A function's parameter: most often a variable.
    fn parameter(&mut self, scope: &mut Scope) -> String {
        match self.chance.below(10) {
            0 => self.literal(Want::Any),
            1 => {
                let (one, two) = (self.fresh(), self.fresh());
                scope.add(&one, Want::Any);
                scope.add(&two, Want::Any);
                format!("[{one}, {two}]")
            }
            2 => {
                let one = self.fresh();
                scope.add(&one, Want::Any);
                format!("{{\"a\": {one}}}")
            }
            3 => "_".to_owned(),
            _ => {
                let one = self.fresh();
                scope.add(&one, Want::Any);
                one
            }
        }
    }
}

#[cfg(test)]
mod tests;
