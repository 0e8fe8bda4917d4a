//! Reads a ground Rego term: JSON, and sets.

use stele_types::{Number, Value};

/// The value of `text`, which must be a term without variables.
pub(crate) fn parse(text: &str) -> Value {
    let mut parser = Parser { rest: text };
    let value = parser.value();
    assert!(parser.peek().is_none(), "trailing text: {}", parser.rest);
    value
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn eat(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(text) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn value(&mut self) -> Value {
        match self.peek().expect("a term") {
            '[' => {
                self.eat("[");
                Value::Array(self.items("]").into())
            }
            '{' => self.braces(),
            '"' => {
                let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
                let text = values.next().unwrap().unwrap();
                self.rest = &self.rest[values.byte_offset()..];
                Value::from(text)
            }
            _ if self.eat("set()") => Value::set([]),
            _ if self.eat("null") => Value::Null,
            _ if self.eat("true") => Value::Bool(true),
            _ if self.eat("false") => Value::Bool(false),
            _ => {
                let end = self
                    .rest
                    .find(|c: char| !"+-.0123456789eE".contains(c))
                    .unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at(end);
                self.rest = rest;
                Value::Number(Number::parse(number).unwrap())
            }
        }
    }

    fn items(&mut self, close: &str) -> Vec<Value> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value());
            self.eat(",");
        }
        items
    }

    fn braces(&mut self) -> Value {
        self.eat("{");
        if self.eat("}") {
            return Value::object([]);
        }
        let first = self.value();
        if !self.eat(":") {
            self.eat(",");
            return Value::set([vec![first], self.items("}")].concat());
        }
        let mut pairs = vec![(first, self.value())];
        self.eat(",");
        while !self.eat("}") {
            let key = self.value();
            assert!(self.eat(":"), "a colon");
            pairs.push((key, self.value()));
            self.eat(",");
        }
        Value::object(pairs)
    }
}
