//! The constants of a program.

use std::collections::HashMap;

use stele_types::{Number, Value};

use crate::vm::code::{Constants, Src};
use crate::vm::value::{Kind, Names, Region, Space, Val, hash_text};

/// Constants being collected, each once.
pub(super) struct Pool {
    region: Region,
    names: Names,
    values: Vec<Val>,
    index: HashMap<Val, u32>,
    numbers: HashMap<Number, Val>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            region: Region::new(Space::Consts),
            names: Names::default(),
            values: Vec::new(),
            index: HashMap::new(),
            numbers: HashMap::new(),
        }
    }
}

impl Pool {
    fn add(&mut self, val: Val) -> Src {
        let next = super::pc(self.values.len());
        let index = *self.index.entry(val).or_insert(next);
        if index == next {
            self.values.push(val);
        }
        Src::constant(index)
    }

    /// The value of a constant.
    pub(super) fn value(&self, source: Src) -> Option<Val> {
        let index = source.split().ok()?;
        self.values.get(index as usize).copied()
    }

    pub(super) fn null(&mut self) -> Src {
        self.add(Val::NULL)
    }

    pub(super) fn bool(&mut self, value: bool) -> Src {
        self.add(Val::bool(value))
    }

    pub(super) fn string(&mut self, text: &str) -> Src {
        let val = self.string_word(text);
        self.add(val)
    }

    fn string_word(&mut self, text: &str) -> Val {
        let hash = hash_text(text);
        match self.names.find_hashed(hash, text.as_bytes(), &self.region) {
            Some(known) => known,
            None => {
                // A plan has far less than 4 GiB of text: it was read from JSON of limited size.
                let val = self.region.constant(text).unwrap_or(Val::UNDEFINED);
                self.names.insert(text, val, hash);
                val
            }
        }
    }

    pub(super) fn number(&mut self, number: Number) -> Src {
        let val = self.number_word(&number);
        self.add(val)
    }

    fn number_word(&mut self, number: &Number) -> Val {
        let region = &mut self.region;
        *self
            .numbers
            .entry(number.clone())
            .or_insert_with(|| region.number(number.clone()))
    }

    /// A value of any kind.
    pub(super) fn literal(&mut self, value: &Value) -> Src {
        let val = self.word(value);
        self.add(val)
    }

    fn word(&mut self, value: &Value) -> Val {
        let (kind, parts): (Kind, Vec<Val>) = match value {
            Value::Null => return Val::NULL,
            Value::Bool(value) => return Val::bool(*value),
            Value::Number(number) => return self.number_word(number),
            Value::String(text) => return self.string_word(text),
            Value::Array(items) => (Kind::Array, items.iter().map(|item| self.word(item)).collect()),
            // Both are sorted as sets and objects of the VM are.
            Value::Set(items) => (Kind::Set, items.iter().map(|item| self.word(item)).collect()),
            Value::Object(map) => {
                let pairs = map.iter().flat_map(|(key, value)| [key, value]);
                (Kind::Object, pairs.map(|part| self.word(part)).collect())
            }
        };
        self.region.collection(kind, &parts)
    }

    pub(super) fn empty(&mut self, kind: Kind) -> Src {
        let val = self.region.collection(kind, &[]);
        self.add(val)
    }

    pub(super) fn finish(self) -> (Constants, Vec<Val>) {
        let constants = Constants {
            region: self.region,
            names: self.names,
        };
        (constants, self.values)
    }
}
