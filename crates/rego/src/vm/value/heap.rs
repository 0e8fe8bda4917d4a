//! Looking at values, whichever region they are in.

use std::borrow::Cow;
use std::cmp::Ordering;

use stele_types::Number;

use super::{Kind, Meter, Region, Space, Val};

/// The three regions of one evaluation.
#[derive(Debug)]
pub struct Heap<'r> {
    pub(crate) consts: &'r Region,
    pub(crate) data: &'r Region,
    /// The worker's own.
    pub(crate) scratch: &'r mut Region,
    /// Counts what is compared.
    pub(crate) meter: Meter<'r>,
}

/// The elements of an object: keys in order with their values.
pub(crate) type Pairs<'a> = std::slice::ChunksExact<'a, Val>;

impl Heap<'_> {
    fn region(&self, val: Val) -> &Region {
        match val.space() {
            Space::Consts => self.consts,
            Space::Data => self.data,
            Space::Scratch | Space::Building => self.scratch,
        }
    }

    /// The text of a string; empty for anything else.
    #[must_use]
    pub fn text(&self, val: Val) -> &str {
        if val.kind() == Kind::String {
            self.region(val).text_of(val)
        } else {
            ""
        }
    }

    /// The length of a string's text in bytes, and the bytes of its region from where the text begins. There may be more of them, of no meaning.
    #[inline]
    pub(super) fn text_from(&self, val: Val) -> (usize, &[u8]) {
        self.region(val).text_from(val)
    }

    /// Whether all keys of an object are strings.
    pub(super) fn has_text_keys(&self, val: Val) -> bool {
        let mut keys = self.parts(val).iter().step_by(2);
        keys.all(|key| key.kind() == Kind::String)
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self, val: Val) -> Option<&str> {
        (val.kind() == Kind::String).then(|| self.region(val).text_of(val))
    }

    /// The elements of an array, the members of a set in order, or the keys and values of an object in turn; empty for
    /// anything else.
    #[must_use]
    pub fn parts(&self, val: Val) -> &[Val] {
        match val.kind() {
            Kind::Array | Kind::Object | Kind::Set if !val.is_building() => self.region(val).parts_of(val),
            _ => &[],
        }
    }

    /// The pairs of an object, sorted by key.
    pub(crate) fn pairs(&self, val: Val) -> Pairs<'_> {
        let parts = if val.kind() == Kind::Object {
            self.parts(val)
        } else {
            &[]
        };
        parts.chunks_exact(2)
    }

    /// A number, exactly.
    #[must_use]
    pub fn number(&self, val: Val) -> Option<Cow<'_, Number>> {
        match val.kind() {
            Kind::Int => val.as_int().map(|value| Cow::Owned(Number::from(value))),
            Kind::Number => self.region(val).number_of(val).map(Cow::Borrowed),
            _ => None,
        }
    }

    /// The number of elements of an array or object, of members of a set, or of characters of a string.
    #[must_use]
    pub fn length(&self, val: Val) -> Option<usize> {
        match val.kind() {
            Kind::String => Some(self.text(val).chars().count()),
            Kind::Array | Kind::Set => Some(self.parts(val).len()),
            Kind::Object => Some(self.parts(val).len() >> 1),
            _ => None,
        }
    }

    /// Whether two values are equal; undefined equals only itself.
    #[must_use]
    pub fn eq(&self, a: Val, b: Val) -> bool {
        if a == b {
            return true;
        }
        if a.kind() != b.kind() {
            return false;
        }
        match a.kind() {
            Kind::String => !a.surely_differ(b) && self.same_text(a, b),
            Kind::Number => self.number(a) == self.number(b),
            Kind::Array | Kind::Object | Kind::Set => {
                let (a, b) = (self.parts(a), self.parts(b));
                a.len() == b.len() && self.eq_parts(a, b)
            }
            // All others are equal only if their words are.
            _ => false,
        }
    }

    /// Whether two strings have the same text.
    #[inline]
    fn same_text(&self, a: Val, b: Val) -> bool {
        let short = !a.is_long() && !b.is_long();
        if short && a.short_length() != b.short_length() {
            return false;
        }
        self.region(a).bytes_of(a) == self.region(b).bytes_of(b)
    }

    fn eq_parts(&self, a: &[Val], b: &[Val]) -> bool {
        let differ = a.iter().zip(b).position(|(a, b)| !self.eq(*a, *b));
        self.meter.pass(differ.unwrap_or(a.len())) && differ.is_none()
    }

    /// Rego's total order: null, booleans, numbers, strings, arrays, objects, sets.
    #[must_use]
    pub fn cmp(&self, a: Val, b: Val) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        match (a.kind(), b.kind()) {
            (Kind::Int, Kind::Int) => a.as_int().cmp(&b.as_int()),
            (Kind::Int | Kind::Number, Kind::Int | Kind::Number) => self.number(a).cmp(&self.number(b)),
            // The order of UTF-8 is that of its bytes.
            (Kind::String, Kind::String) => self.region(a).bytes_of(a).cmp(self.region(b).bytes_of(b)),
            (a_kind, b_kind) if a_kind != b_kind => a_kind.cmp(&b_kind),
            // Elements first, then length; an object's elements are its keys and values in turn.
            _ => self.cmp_parts(self.parts(a), self.parts(b)),
        }
    }

    fn cmp_parts(&self, a: &[Val], b: &[Val]) -> Ordering {
        let mut seen = 0_usize;
        let mut orders = a.iter().zip(b).map(|(a, b)| {
            seen = seen.wrapping_add(1);
            self.cmp(*a, *b)
        });
        let order = orders.find(|order| order.is_ne());
        if !self.meter.pass(seen) {
            // Of no meaning, but an end for whoever is comparing what holds this.
            return Ordering::Less;
        }
        order.unwrap_or_else(|| a.len().cmp(&b.len()))
    }

    /// What stands under `key`: an object's value, an array's element, or a set's own member; undefined when there is none.
    #[must_use]
    pub fn index(&self, source: Val, key: Val) -> Val {
        match source.kind() {
            Kind::Object => self.field(source, key),
            Kind::Array => {
                let element = key.as_int().and_then(|index| usize::try_from(index).ok());
                element
                    .and_then(|index| self.parts(source).get(index).copied())
                    .unwrap_or(Val::UNDEFINED)
            }
            Kind::Set => {
                let members = self.parts(source);
                if members.contains(&key) || members.binary_search_by(|member| self.cmp(*member, key)).is_ok()
                {
                    key
                } else {
                    Val::UNDEFINED
                }
            }
            _ => Val::UNDEFINED,
        }
    }

    /// The value under the key of an object that is this text.
    #[must_use]
    pub fn field_by_text(&self, source: Val, text: &str) -> Val {
        if source.kind() != Kind::Object {
            return Val::UNDEFINED;
        }
        let (pairs, _) = self.parts(source).as_chunks::<2>();
        let found = pairs.binary_search_by(|[key, _]| match key.kind() {
            Kind::String => self.text(*key).cmp(text),
            other => other.cmp(&Kind::String),
        });
        let pair = found.ok().and_then(|at| pairs.get(at));
        pair.map_or(Val::UNDEFINED, |[_, value]| *value)
    }

    /// What stands under a key that is text, in an array at an index that is written as text, or the member of a set that is text.
    #[must_use]
    pub fn step(&self, source: Val, text: &str) -> Val {
        match source.kind() {
            Kind::Object => self.field_by_text(source, text),
            Kind::Array => {
                let canonical =
                    text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
                let index = text.parse::<usize>().ok().filter(|_| canonical);
                index
                    .and_then(|index| self.parts(source).get(index).copied())
                    .unwrap_or(Val::UNDEFINED)
            }
            Kind::Set => {
                let members = self.parts(source).iter();
                let mut equal = members.filter(|member| self.as_text(**member) == Some(text));
                equal.next().copied().unwrap_or(Val::UNDEFINED)
            }
            _ => Val::UNDEFINED,
        }
    }

    /// The name of a value's type, as `type_name` gives it.
    #[must_use]
    pub fn type_name(&self, val: Val) -> &'static str {
        match val.kind() {
            Kind::Undefined => "undefined",
            Kind::Null => "null",
            Kind::False | Kind::True => "boolean",
            Kind::Int | Kind::Number => "number",
            Kind::String => "string",
            Kind::Array => "array",
            Kind::Object => "object",
            Kind::Set => "set",
        }
    }

    /// The value under a key of an object.
    fn field(&self, source: Val, key: Val) -> Val {
        /// Up to this many keys are compared in turn, as words.
        const FEW: usize = 16;
        if source.is_indexed() {
            let text = (key.kind() == Kind::String).then(|| self.region(key).bytes_of(key));
            return text.map_or(Val::UNDEFINED, |text| {
                self.region(source).find(source, text, self.consts)
            });
        }
        let parts = self.parts(source);
        let found = |at: usize| parts.get(at.wrapping_add(1)).copied().unwrap_or(Val::UNDEFINED);
        if parts.len() <= FEW << 1 {
            if let Some(pair) = parts.chunks_exact(2).position(|pair| pair.first() == Some(&key)) {
                return found(pair << 1);
            }
            // A constant that is not there as a word is not there at all, if all keys were looked up.
            if source.is_known() && key.is_known() && key.space() == Space::Consts {
                return Val::UNDEFINED;
            }
        }
        let (mut low, mut high) = (0, parts.len() >> 1);
        while low < high {
            let middle = low.wrapping_add(high) >> 1;
            let Some(have) = parts.get(middle << 1) else {
                break;
            };
            match self.cmp(*have, key) {
                Ordering::Equal => return found(middle << 1),
                Ordering::Less => low = middle.wrapping_add(1),
                Ordering::Greater => high = middle,
            }
        }
        Val::UNDEFINED
    }

    /// Sorts pairs by key; of equal keys the last stays.
    pub(crate) fn sort_pairs(&self, pairs: &mut Vec<Val>) {
        let sorted = |pairs: &[Val]| {
            let keys = || pairs.iter().step_by(2);
            keys().zip(keys().skip(1)).all(|(a, b)| self.cmp(*a, *b).is_lt())
        };
        if sorted(pairs) {
            return;
        }
        let mut list: Vec<(Val, Val)> = pairs
            .chunks_exact(2)
            .filter_map(|pair| Some((*pair.first()?, *pair.last()?)))
            .collect();
        // Stable, so of equal keys the last one stands last.
        self.sort_by_key(&mut list, |pair| pair.0);
        pairs.clear();
        for (at, (key, value)) in list.iter().enumerate() {
            let next = list.get(at.wrapping_add(1));
            if next.is_none_or(|(other, _)| !self.eq(*other, *key)) {
                pairs.extend([*key, *value]);
            }
        }
    }

    /// Sorts members and drops repeated ones.
    pub(crate) fn sort_members(&self, members: &mut Vec<Val>) {
        self.sort_by_key(members, |member| member);
        members.dedup_by(|a, b| self.eq(*a, *b));
    }
}
