//! A reader of Rego terms (JSON plus sets), enough for the conformance cases' inputs.

#![allow(unreachable_pub, reason = "test module")]

use stele_types::{Number, Value};

/// Reads one ground term.
pub fn parse(text: &str) -> Option<Value> {
    let mut p = Parser { rest: text };
    let value = p.value()?;
    p.space();
    p.rest.is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Value> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("set()", Value::set([])),
        ] {
            if self.eat(word) {
                return Some(value);
            }
        }
        if self.eat("[") {
            return self.items("]").map(Value::array);
        }
        if self.eat("{") {
            return self.braces();
        }
        self.space();
        if self.rest.starts_with('"') {
            return self.string();
        }
        let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_number(c)).unwrap_or(self.rest.len());
        let number = Number::parse(&self.rest[..end]).ok()?;
        self.rest = &self.rest[end..];
        Some(Value::Number(number))
    }

    fn string(&mut self) -> Option<Value> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let found = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            found
        })?;
        let (text, rest) = self.rest.split_at(end.0 + 1);
        self.rest = rest;
        stele_types::json::parse(text.as_bytes(), &stele_types::json::Limits::default()).ok()
    }

    fn items(&mut self, close: &str) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value()?);
            self.eat(",");
        }
        Some(items)
    }

    fn braces(&mut self) -> Option<Value> {
        if self.eat("}") {
            return Some(Value::object([]));
        }
        let first = self.value()?;
        if !self.eat(":") {
            self.eat(",");
            let rest = self.items("}")?;
            return Some(Value::set(std::iter::once(first).chain(rest)));
        }
        let mut pairs = vec![(first, self.value()?)];
        while !self.eat("}") {
            self.eat(",");
            if self.eat("}") {
                break;
            }
            let key = self.value()?;
            if !self.eat(":") {
                return None;
            }
            pairs.push((key, self.value()?));
        }
        Some(Value::object(pairs))
    }
}
