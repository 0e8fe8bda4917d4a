//! Statements and bodies.

use crate::engines::mentions;

use super::{Known, Scope, Want, Writer};

impl Writer {
    /// One to four statements, each on a line.
    pub(super) fn body(&mut self, scope: &mut Scope, depth: usize) -> String {
        let mut out = String::new();
        for _ in 0..=self.chance.below(3) {
            let statement = self.statement(scope, depth);
            out.push('\t');
            // A line that starts with a bracket may go on with the line before.
            if statement.starts_with(['[', '{', '(', '-']) {
                out.push_str("true; ");
            }
            out.push_str(&statement);
            out.push('\n');
        }
        out
    }

    pub(super) fn statement(&mut self, scope: &mut Scope, depth: usize) -> String {
        if let Some(statement) = self.logical(scope, depth) {
            return statement;
        }
        match self.chance.below(14) {
            0..=3 => self.binding(scope, depth),
            4 => self.assignment(scope, depth),
            5 => self.destructuring(scope, depth),
            6 => self.every(scope, depth),
            7 => {
                // A wildcard must be bound outside of a negation.
                let condition = self.single(scope, depth);
                format!("not {condition}")
            }
            8 => {
                let before = scope.clone();
                let statement = if self.chance.one_in(2) {
                    self.assignment(scope, depth)
                } else {
                    self.condition(scope, depth)
                };
                self.with(&statement, &before)
            }
            9 => {
                let (path, value) = (self.fresh(), self.fresh());
                let of = self.reference(scope);
                scope.add(&path, Want::Array);
                scope.add(&value, Want::Any);
                format!("walk({of}, [{path}, {value}])")
            }
            _ => self.condition(scope, depth),
        }
    }

    /// A statement that goes over a collection.
    pub(super) fn binding(&mut self, scope: &mut Scope, depth: usize) -> String {
        let of = Want::collection(&mut self.chance);
        let (key, value) = (self.fresh(), self.fresh());
        if self.chance.one_in(4) {
            let reference = self.reference(scope);
            scope.add(&key, Want::Any);
            scope.add(&value, Want::Any);
            return format!("some {key}; {value} := {reference}[{key}]");
        }
        let source = if self.chance.one_in(2) {
            self.reference(scope)
        } else {
            self.expression(of, scope, depth)
        };
        scope.add(&value, Want::Any);
        if self.chance.one_in(2) {
            return format!("some {value} in {source}");
        }
        scope.add(
            &key,
            if of == Want::Array {
                Want::Number
            } else {
                Want::String
            },
        );
        format!("some {key}, {value} in {source}")
    }

    fn assignment(&mut self, scope: &mut Scope, depth: usize) -> String {
        let want = Want::any(&mut self.chance);
        let value = self.expression(want, scope, depth);
        let name = self.fresh();
        scope.add(&name, want);
        format!("{name} := {value}")
    }

    /// Takes a value apart.
    fn destructuring(&mut self, scope: &mut Scope, depth: usize) -> String {
        let (one, two) = (self.fresh(), self.fresh());
        let array = self.chance.one_in(2);
        let of = if array { Want::Array } else { Want::Object };
        // By way of a variable, since patterns of literals must match before anything is evaluated.
        let (given, value) = (self.expression(of, scope, depth), self.fresh());
        let first = format!("{value} := {given}");
        scope.add(&value, of);
        scope.add(&one, Want::Any);
        if !array {
            return format!("{first}; {{\"a\": {one}}} = {value}");
        }
        match self.chance.below(3) {
            0 => format!("{first}; [{one}, _] = {value}"),
            1 => {
                let given = self.literal(Want::Any);
                format!("{first}; {value} = [{given}, {one}]")
            }
            _ => {
                scope.add(&two, Want::Any);
                format!("{first}; [{one}, {two}] = {value}")
            }
        }
    }

    fn every(&mut self, scope: &Scope, depth: usize) -> String {
        let of = Want::collection(&mut self.chance);
        let source = self.expression(of, scope, depth.saturating_sub(1));
        let mut inner = scope.clone();
        let (key, value) = (self.fresh(), self.fresh());
        inner.add(&value, Want::Any);
        let both = self.chance.one_in(2);
        if both {
            inner.add(&key, Want::Any);
        }
        let condition = self.condition(&inner, depth);
        // Nothing may be declared in vain.
        let name = |name: String| {
            if mentions(&condition, &name) {
                name
            } else {
                "_".to_owned()
            }
        };
        let names = if both {
            format!("{}, {}", name(key), name(value))
        } else {
            name(value)
        };
        format!("every {names} in {source} {{ {condition} }}")
    }

    pub(super) fn condition(&mut self, scope: &Scope, depth: usize) -> String {
        let depth = depth.saturating_sub(1);
        match self.chance.below(6) {
            0 => self.expression(Want::Bool, scope, depth.saturating_add(1)),
            1 => self.reference(scope),
            2 => {
                let of = Want::collection(&mut self.chance);
                let left = self.expression(Want::Any, scope, depth);
                format!("{left} in {}", self.expression(of, scope, depth))
            }
            _ => {
                let want = Want::any(&mut self.chance);
                let left = self.expression(want, scope, depth);
                let operator = self.chance.word(&["==", "!=", "<", "<=", ">", ">=", "!="]);
                format!("{left} {operator} {}", self.expression(want, scope, depth))
            }
        }
    }

    /// The statement with documents or functions replaced, once or twice.
    pub(super) fn with(&mut self, statement: &str, scope: &Scope) -> String {
        let mut out = statement.to_owned();
        for _ in 0..=self.chance.below(2) {
            let (target, value) = self.replacement(scope);
            out.push_str(&format!(" with {target} as {value}"));
        }
        out
    }

    fn replacement(&mut self, scope: &Scope) -> (String, String) {
        let known: Vec<Known> = self.known.clone();
        let one = known.get(self.chance.below(known.len()));
        match (self.chance.below(8), one) {
            (
                0,
                Some(Known {
                    name, arity: None, ..
                }),
            ) => (format!("data.gen.{name}"), self.literal(Want::Any)),
            (0 | 1, Some(function)) if function.arity.is_some() => {
                // By one that was there before, and so does not call it.
                let earlier = known.iter().take_while(|other| other.name != function.name);
                let fitting: Vec<&str> = earlier
                    .filter(|other| other.arity == function.arity)
                    .map(|other| other.name.as_str())
                    .collect();
                let by = match self.chance.pick(&fitting) {
                    Some(name) => name.to_owned(),
                    None => self.literal(function.want),
                };
                (function.name.clone(), by)
            }
            (2, _) => ("count".to_owned(), self.literal(Want::Number)),
            (3, _) => {
                let path = self
                    .chance
                    .word(&["data.base", "data.base.a", "data.base.b.c"])
                    .to_owned();
                (path, self.expression(Want::Object, scope, 1))
            }
            (4 | 5, _) => {
                let path = self
                    .chance
                    .word(&["input.a", "input.b", "input.a.b", "input[\"x-y\"].c"])
                    .to_owned();
                (path, self.expression(Want::Any, scope, 1))
            }
            _ => ("input".to_owned(), self.expression(Want::Object, scope, 1)),
        }
    }
}
