//! From and to the values of everybody else.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use stele_types::{Number, Value};

use super::names::{self, Names};
use super::region::Full;
use super::{Heap, Kind, Region, Val};

/// Puts a value into a region; `look_up` finds the constant that equals a text.
///
/// # Errors
/// When the region is full.
pub(crate) fn from_value(value: &Value, region: &mut Region, constants: &Constants<'_>) -> Result<Val, Full> {
    Converter {
        region,
        constants,
        stack: Vec::new(),
        seen: None,
    }
    .value(value)
}

/// The program's constants, to recognise them in what comes from outside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constants<'a> {
    pub(crate) names: &'a Names,
    pub(crate) region: &'a Region,
}

impl Constants<'_> {
    /// The constant that equals `text`; none does when it is too long to be [recognised](Self::recognises).
    #[inline]
    pub(crate) fn find(&self, text: &str) -> Option<Val> {
        if self.recognises(text) {
            self.names.find(text.as_bytes(), self.region)
        } else {
            None
        }
    }

    /// Whether a text of this length is looked up, so that the string is known.
    pub(crate) const fn recognises(&self, text: &str) -> bool {
        text.len() <= names::LONGEST
    }

    /// A string in `region`, or the constant that equals it.
    pub(crate) fn string(&self, text: &str, region: &mut Region) -> Result<Val, Full> {
        if let Some(constant) = self.find(text) {
            return Ok(constant);
        }
        let start = region.text.len();
        region.text.push_str(text);
        region.string_from(start, self.recognises(text))
    }
}

/// Puts a document that will stay into a region of its own: equal strings and numbers are kept once, and no more memory is
/// held than needed.
///
/// # Errors
/// When the region is full.
pub(crate) fn load_value(
    document: &Value,
    region: &mut Region,
    constants: &Constants<'_>,
) -> Result<Val, Full> {
    let root = Converter {
        region,
        constants,
        stack: Vec::new(),
        seen: Some(Seen::default()),
    }
    .value(document)?;
    region.shrink(0);
    Ok(root)
}

/// What a document that will stay has had so far: equal strings and numbers are kept once.
#[derive(Debug, Default)]
pub(super) struct Seen<'v> {
    texts: HashMap<Cow<'v, str>, Val, RandomState>,
    numbers: HashMap<Cow<'v, Number>, Val, RandomState>,
}

impl<'v> Seen<'v> {
    /// The string, put into the region when it is new.
    pub(super) fn string(
        &mut self,
        text: Cow<'v, str>,
        region: &mut Region,
        constants: &Constants<'_>,
    ) -> Result<Val, Full> {
        if let Some(known) = self.texts.get(&text) {
            return Ok(*known);
        }
        let val = constants.string(&text, region)?;
        self.texts.insert(text, val);
        Ok(val)
    }

    pub(super) fn number(&mut self, number: Cow<'v, Number>, region: &mut Region) -> Val {
        if let Some(small) = number.to_i64().and_then(Val::small) {
            return small;
        }
        if let Some(known) = self.numbers.get(&number) {
            return *known;
        }
        let val = region.number(number.clone().into_owned());
        self.numbers.insert(number, val);
        val
    }
}

struct Converter<'a, 'v> {
    region: &'a mut Region,
    constants: &'a Constants<'a>,
    stack: Vec<Val>,
    seen: Option<Seen<'v>>,
}

impl<'v> Converter<'_, 'v> {
    fn value(&mut self, value: &'v Value) -> Result<Val, Full> {
        Ok(match value {
            Value::Null => Val::NULL,
            Value::Bool(value) => Val::bool(*value),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text)?,
            Value::Array(items) => self.collection(Kind::Array, items.iter())?,
            Value::Set(items) => self.collection(Kind::Set, items.iter())?,
            Value::Object(map) => {
                self.collection(Kind::Object, map.iter().flat_map(|(key, value)| [key, value]))?
            }
        })
    }

    fn number(&mut self, number: &'v Number) -> Val {
        match &mut self.seen {
            Some(seen) => seen.number(Cow::Borrowed(number), self.region),
            None => self.region.number(number.clone()),
        }
    }

    fn string(&mut self, text: &'v str) -> Result<Val, Full> {
        match &mut self.seen {
            Some(seen) => seen.string(Cow::Borrowed(text), self.region, self.constants),
            None => self.constants.string(text, self.region),
        }
    }

    fn collection(&mut self, kind: Kind, parts: impl Iterator<Item = &'v Value>) -> Result<Val, Full> {
        let start = self.stack.len();
        for part in parts {
            let part = self.value(part)?;
            self.stack.push(part);
        }
        let made = self
            .region
            .collection(kind, self.stack.get(start..).unwrap_or_default());
        self.stack.truncate(start);
        Ok(match self.seen {
            Some(_) => self.region.index_last(made, self.constants.region),
            None => made,
        })
    }
}

impl Heap<'_> {
    /// The value as everybody else sees it; `None` when it is undefined.
    #[must_use]
    pub fn to_value(&self, val: Val) -> Option<Value> {
        Some(match val.kind() {
            Kind::Undefined => return None,
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Int | Kind::Number => Value::Number(
                self.number(val)
                    .map_or(Number::ZERO, std::borrow::Cow::into_owned),
            ),
            Kind::String => Value::string(self.text(val)),
            Kind::Array => Value::array(self.parts(val).iter().filter_map(|part| self.to_value(*part))),
            Kind::Set => Value::set(self.parts(val).iter().filter_map(|part| self.to_value(*part))),
            Kind::Object => Value::object(self.pairs(val).filter_map(|pair| {
                let [key, value] = pair else { return None };
                Some((self.to_value(*key)?, self.to_value(*value)?))
            })),
        })
    }
}
