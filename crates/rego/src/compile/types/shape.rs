//! Types of values: which kinds a term may have, and what is known of the parts.
//!
//! A type is an upper bound. It may allow values that never occur; it never leaves one out. So what can't happen by the types can't
//! happen at all.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A set of kinds, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

/// Names by bit, as messages and the table of builtins have them.
const NAMES: [&str; 7] = ["null", "boolean", "number", "string", "array", "object", "set"];

impl Kinds {
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(1 << 1);
    pub(crate) const NUMBER: Self = Self(1 << 2);
    pub(crate) const STRING: Self = Self(1 << 3);
    pub(crate) const ARRAY: Self = Self(1 << 4);
    pub(crate) const OBJECT: Self = Self(1 << 5);
    pub(crate) const SET: Self = Self(1 << 6);
    /// What has no parts.
    pub(crate) const SCALAR: Self = Self(Self::NULL.0 | Self::BOOLEAN.0 | Self::NUMBER.0 | Self::STRING.0);
    /// What can be gone through.
    pub(crate) const COLLECTION: Self = Self(Self::ARRAY.0 | Self::OBJECT.0 | Self::SET.0);
    pub(crate) const ALL: Self = Self(0x7f);
    pub(crate) const NONE: Self = Self(0);

    /// The kinds that a declaration of the table of builtins names, `number|set`; any kind for a name that is none.
    pub(crate) fn declared(text: &str) -> Self {
        text.split('|').fold(Self::NONE, |found, name| {
            match NAMES.iter().position(|known| *known == name) {
                Some(bit) => found.or(Self(
                    1_u8.checked_shl(u32::try_from(bit).unwrap_or(0)).unwrap_or(0),
                )),
                None => Self::ALL,
            }
        })
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// `a number`, `an array or a set`.
    pub(crate) fn describe(self) -> String {
        if self == Self::ALL {
            return "any value".to_owned();
        }
        let names: Vec<String> = NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & 1_u8.checked_shl(u32::try_from(*bit).unwrap_or(0)).unwrap_or(0) != 0)
            .map(|(_, name)| match *name {
                "null" => "null".to_owned(),
                "array" | "object" => format!("an {name}"),
                _ => format!("a {name}"),
            })
            .collect();
        match names.split_last() {
            None => "nothing".to_owned(),
            Some((only, [])) => only.clone(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        }
    }
}

/// The type of a term. Parts that are `None` although their kind is possible may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) kinds: Kinds,
    items: Option<Box<Items>>,
    fields: Option<Box<Fields>>,
    members: Option<Box<Type>>,
}

/// What the items of an array may be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Items {
    /// The first ones, by position. There may be fewer.
    first: Vec<Type>,
    /// Those after; nothing if there are none.
    rest: Type,
}

/// What the fields of an object may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    /// By name. Any of them may be absent.
    pub(crate) named: BTreeMap<Arc<str>, Type>,
    /// Keys and values of the others; nothing if there are none.
    pub(crate) others: Option<(Type, Type)>,
}

/// More parts than this are not told apart: types must stay small beside the policies they come from.
const MOST_PARTS: usize = 64;
/// Types that rules and terms have are made shallower until they have no more parts than this, with the parts of parts.
const MOST_TYPES: usize = 512;
/// Parts of parts that lie deeper are not looked at.
const DEEPEST: usize = 8;

impl Type {
    pub(crate) const fn of(kinds: Kinds) -> Self {
        Self {
            kinds,
            items: None,
            fields: None,
            members: None,
        }
    }

    pub(crate) const fn any() -> Self {
        Self::of(Kinds::ALL)
    }

    /// The type of what has no value.
    pub(crate) const fn nothing() -> Self {
        Self::of(Kinds::NONE)
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.kinds.is_none()
    }

    /// An array of exactly these.
    pub(crate) fn tuple(items: Vec<Self>) -> Self {
        if items.len() > MOST_PARTS {
            return Self::list(items.into_iter().reduce(Self::or).unwrap_or(Self::nothing()));
        }
        Self::of(Kinds::ARRAY).with_items(items, Self::nothing())
    }

    /// An array of any length.
    pub(crate) fn list(item: Self) -> Self {
        Self::of(Kinds::ARRAY).with_items(Vec::new(), item)
    }

    fn with_items(mut self, first: Vec<Self>, rest: Self) -> Self {
        self.items = Some(Box::new(Items { first, rest }));
        self
    }

    pub(crate) fn set(member: Self) -> Self {
        Self {
            members: Some(Box::new(member)),
            ..Self::of(Kinds::SET)
        }
    }

    pub(crate) fn object(fields: Fields) -> Self {
        let fields = if fields.named.len() > MOST_PARTS {
            let strings = Self::of(Kinds::STRING);
            let named = fields.named.into_values().map(|value| (strings.clone(), value));
            Fields {
                named: BTreeMap::new(),
                others: named.chain(fields.others).reduce(either),
            }
        } else {
            fields
        };
        Self {
            fields: Some(Box::new(fields)),
            ..Self::of(Kinds::OBJECT)
        }
    }

    /// The names of an object's fields, when it can't have others.
    pub(crate) fn known_fields(&self) -> Option<Vec<Arc<str>>> {
        let fields = self.fields.as_deref()?;
        (self.kinds == Kinds::OBJECT && fields.others.is_none())
            .then(|| fields.named.keys().cloned().collect())
    }

    /// What is of one type or of the other.
    pub(crate) fn or(self, other: Self) -> Self {
        let items = merged(
            Kinds::ARRAY,
            (self.kinds, self.items),
            (other.kinds, other.items),
            Items::or,
        );
        let fields = merged(
            Kinds::OBJECT,
            (self.kinds, self.fields),
            (other.kinds, other.fields),
            Fields::or,
        );
        let members = merged(
            Kinds::SET,
            (self.kinds, self.members),
            (other.kinds, other.members),
            Self::or,
        );
        Self {
            kinds: self.kinds.or(other.kinds),
            items,
            fields,
            members,
        }
    }

    /// Whether a value may be of both types. As in OPA, the parts must fit too, although two arrays of any length may both be empty.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        if self.is_nothing() || other.is_nothing() {
            return true;
        }
        let (left, right) = (self.kinds, other.kinds);
        let both = |kind: Kinds| left.meets(kind) && right.meets(kind);
        left.and(right).meets(Kinds::SCALAR)
            || (both(Kinds::ARRAY) && parts_meet(&self.items, &other.items, Items::meets))
            || (both(Kinds::OBJECT) && parts_meet(&self.fields, &other.fields, Fields::meets))
            || (both(Kinds::SET) && parts_meet(&self.members, &other.members, Self::meets))
    }

    /// Whether a value of this type may be of these kinds and have nothing but parts of the others. What is empty has such parts, unless
    /// the type says that it has others.
    pub(crate) fn may_have(&self, kinds: Kinds, parts: Kinds) -> bool {
        let kinds = self.kinds.and(kinds);
        let fits = |part: &Self| part.is_nothing() || part.kinds.meets(parts);
        let items = |items: &Items| items.first.iter().chain([&items.rest]).all(fits);
        let fields = |fields: &Fields| {
            let others = fields.others.iter().map(|(_, value)| value);
            fields.named.values().chain(others).all(fits)
        };
        kinds.meets(Kinds::SCALAR)
            || (kinds.meets(Kinds::ARRAY) && self.items.as_deref().is_none_or(items))
            || (kinds.meets(Kinds::OBJECT) && self.fields.as_deref().is_none_or(fields))
            || (kinds.meets(Kinds::SET) && self.members.as_deref().is_none_or(fits))
    }

    /// What `x[key]` may be for a constant name.
    pub(crate) fn field(&self, name: &str) -> Self {
        let mut found = Self::nothing();
        if self.kinds.has(Kinds::OBJECT) {
            found = found.or(match self.fields.as_deref() {
                None => Self::any(),
                Some(fields) => match fields.named.get(name) {
                    Some(named) => named.clone(),
                    None => fields
                        .others
                        .as_ref()
                        .filter(|(key, _)| key.kinds.has(Kinds::STRING))
                        .map_or(Self::nothing(), |(_, value)| value.clone()),
                },
            });
        }
        if self.may_hold(&Self::of(Kinds::STRING)) {
            found = found.or(Self::of(Kinds::STRING));
        }
        found
    }

    /// What `x[key]` may be for a key of this type.
    pub(crate) fn at(&self, key: &Self) -> Self {
        let mut found = Self::nothing();
        if self.kinds.has(Kinds::ARRAY) && key.kinds.has(Kinds::NUMBER) {
            found = found.or(self.items.as_deref().map_or(Self::any(), Items::all));
        }
        if self.kinds.has(Kinds::OBJECT) {
            found = found.or(self
                .fields
                .as_deref()
                .map_or(Self::any(), |fields| fields.values(key)));
        }
        if self.may_hold(key) {
            // The value of a member is the member.
            let narrower = self
                .members
                .as_deref()
                .filter(|members| key.kinds.has(members.kinds));
            found = found.or(narrower.unwrap_or(key).clone());
        }
        found
    }

    /// What `x[n]` may be for a constant position.
    pub(crate) fn item(&self, position: Option<usize>) -> Self {
        let number = Self::of(Kinds::NUMBER);
        let Some(position) = position.filter(|_| self.kinds == Kinds::ARRAY) else {
            return self.at(&number);
        };
        match self.items.as_deref() {
            None => Self::any(),
            Some(items) => items.first.get(position).unwrap_or(&items.rest).clone(),
        }
    }

    /// Whether it may be a set that has such a member.
    fn may_hold(&self, member: &Self) -> bool {
        let members = || {
            self.members
                .as_deref()
                .is_none_or(|members| members.kinds.meets(member.kinds))
        };
        self.kinds.has(Kinds::SET) && members()
    }

    /// The keys that iteration gives.
    pub(crate) fn keys(&self) -> Self {
        let mut found = Self::nothing();
        if self.kinds.has(Kinds::ARRAY) {
            found = found.or(Self::of(Kinds::NUMBER));
        }
        if self.kinds.has(Kinds::OBJECT) {
            found = found.or(match self.fields.as_deref() {
                None => Self::any(),
                Some(fields) => {
                    let named = (!fields.named.is_empty()).then(|| Self::of(Kinds::STRING));
                    let others = fields.others.as_ref().map(|(key, _)| key.clone());
                    named.into_iter().chain(others).fold(Self::nothing(), Self::or)
                }
            });
        }
        if self.kinds.has(Kinds::SET) {
            found = found.or(self.members.as_deref().cloned().unwrap_or(Self::any()));
        }
        found
    }

    /// The values that iteration gives.
    pub(crate) fn values(&self) -> Self {
        self.at(&Self::any())
    }

    /// The type without what lies too deep, and small: what is made of such types can't grow without end.
    pub(crate) fn shallow(self) -> Self {
        let mut depth = DEEPEST;
        let mut found = self.cut(depth);
        while depth > 1 && found.size() > MOST_TYPES {
            depth = depth.saturating_sub(1);
            found = found.cut(depth);
        }
        found
    }

    /// How many types there are in it.
    fn size(&self) -> usize {
        let items = self
            .items
            .iter()
            .flat_map(|items| items.first.iter().chain([&items.rest]));
        let named = self.fields.iter().flat_map(|fields| fields.named.values());
        let others = self.fields.iter().flat_map(|fields| &fields.others);
        let others = others.flat_map(|(key, value)| [key, value]);
        let members = self.members.iter().map(Box::as_ref);
        let parts = items.chain(named).chain(others).chain(members);
        parts.map(Self::size).fold(1, usize::saturating_add)
    }

    fn cut(self, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else {
            return Self::of(self.kinds);
        };
        Self {
            kinds: self.kinds,
            items: self.items.map(|items| {
                Box::new(Items {
                    first: items.first.into_iter().map(|item| item.cut(depth)).collect(),
                    rest: items.rest.cut(depth),
                })
            }),
            fields: self.fields.map(|fields| {
                let named = fields
                    .named
                    .into_iter()
                    .map(|(name, value)| (name, value.cut(depth)));
                Box::new(Fields {
                    named: named.collect(),
                    others: fields
                        .others
                        .map(|(key, value)| (key.cut(depth), value.cut(depth))),
                })
            }),
            members: self.members.map(|members| Box::new(members.cut(depth))),
        }
    }
}

/// The parts of a kind in a union: known only where each side that may be of that kind knows them.
fn merged<T>(
    kind: Kinds,
    (left, one): (Kinds, Option<Box<T>>),
    (right, other): (Kinds, Option<Box<T>>),
    merge: impl FnOnce(T, T) -> T,
) -> Option<Box<T>> {
    match (left.has(kind), right.has(kind)) {
        (true, false) => one,
        (false, true) => other,
        (true, true) => Some(Box::new(merge(*one?, *other?))),
        (false, false) => None,
    }
}

fn either(one: (Type, Type), other: (Type, Type)) -> (Type, Type) {
    (one.0.or(other.0), one.1.or(other.1))
}

/// Whether parts may be the same; those that are not known may be anything.
fn parts_meet<T>(one: &Option<Box<T>>, other: &Option<Box<T>>, meets: impl FnOnce(&T, &T) -> bool) -> bool {
    match (one.as_deref(), other.as_deref()) {
        (Some(one), Some(other)) => meets(one, other),
        _ => true,
    }
}

impl Items {
    /// Whether arrays may be equal, by the items that both know. Their lengths are not compared.
    fn meets(&self, other: &Self) -> bool {
        let longer = self.first.len().max(other.first.len());
        let at = |items: &Self, position: usize| items.first.get(position).unwrap_or(&items.rest).clone();
        (0..=longer).all(|position| at(self, position).meets(&at(other, position)))
    }

    fn all(&self) -> Type {
        self.first.iter().cloned().fold(self.rest.clone(), Type::or)
    }

    fn or(self, other: Self) -> Self {
        let shorter = self.first.len().min(other.first.len());
        let mut rest = self.rest.or(other.rest);
        let mut first = Vec::new();
        let mut others = other.first.into_iter();
        for (position, item) in self.first.into_iter().enumerate() {
            match others.next() {
                Some(other) if position < shorter => first.push(item.or(other)),
                _ => rest = rest.or(item),
            }
        }
        Self {
            first,
            rest: others.fold(rest, Type::or),
        }
    }
}

impl Fields {
    /// Whether objects may be equal, by the fields that both name.
    fn meets(&self, other: &Self) -> bool {
        let named =
            |(name, value): (&Arc<str>, &Type)| other.named.get(name).is_none_or(|known| value.meets(known));
        let others = || match (&self.others, &other.others) {
            (Some((_, one)), Some((_, other))) => one.meets(other),
            _ => true,
        };
        self.named.iter().all(named) && others()
    }

    /// The values under keys of this type.
    fn values(&self, key: &Type) -> Type {
        let named = self.named.values().filter(|_| key.kinds.has(Kinds::STRING));
        let others = self.others.iter().filter(|(known, _)| known.meets(key));
        named
            .chain(others.map(|(_, value)| value))
            .cloned()
            .fold(Type::nothing(), Type::or)
    }

    fn or(self, other: Self) -> Self {
        let mut named = self.named;
        for (name, value) in other.named {
            let value = match named.remove(&name) {
                Some(known) => known.or(value),
                None => value,
            };
            named.insert(name, value);
        }
        let others = [self.others, other.others].into_iter().flatten().reduce(either);
        // A named field that one side has among its others may be either.
        if let Some((_, value)) = others.as_ref().filter(|(key, _)| key.kinds.has(Kinds::STRING)) {
            named = named
                .into_iter()
                .map(|(name, known)| (name, known.or(value.clone())))
                .collect();
        }
        match Type::object(Self { named, others }).fields {
            Some(fields) => *fields,
            None => Self {
                named: BTreeMap::new(),
                others: Some((Type::any(), Type::any())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &[(&str, Type)], others: Option<(Type, Type)>) -> Type {
        Type::object(Fields {
            named: fields
                .iter()
                .map(|(name, value)| (Arc::from(*name), value.clone()))
                .collect(),
            others,
        })
    }

    #[test]
    fn kinds_have_names() {
        assert_eq!(Kinds::declared("number|set"), Kinds::NUMBER.or(Kinds::SET));
        assert_eq!(Kinds::declared("any"), Kinds::ALL);
        assert_eq!(
            Kinds::declared("array|object|set").describe(),
            "an array, an object or a set"
        );
        assert_eq!(Kinds::NULL.describe(), "null");
    }

    #[test]
    fn a_union_forgets_nothing_that_one_side_allows() {
        let number = Type::of(Kinds::NUMBER);
        let text = Type::of(Kinds::STRING);
        let one = object(&[("a", number.clone())], None);
        let other = object(&[("b", text.clone())], None);
        let both = one.clone().or(other);
        assert_eq!(both.field("a"), number);
        assert_eq!(both.field("b"), text);
        assert!(both.field("c").is_nothing());
        assert_eq!(one.clone().or(Type::of(Kinds::OBJECT)).field("c"), Type::any());
        let open = object(&[], Some((text.clone(), text.clone())));
        assert_eq!(one.or(open).field("a"), number.clone().or(text.clone()));
        let pair = Type::tuple(vec![number.clone(), text.clone()]);
        let longer = pair.clone().or(Type::tuple(vec![
            number.clone(),
            text.clone(),
            Type::of(Kinds::NULL),
        ]));
        assert_eq!(pair.item(Some(1)), text);
        assert!(pair.item(Some(2)).is_nothing());
        assert_eq!(longer.item(Some(0)), number);
        assert_eq!(longer.item(Some(7)), Type::of(Kinds::NULL));
        let set = Type::set(number.clone()).or(pair);
        assert_eq!(set.values(), number.clone().or(text));
        assert!(set.field("a").is_nothing());
        assert_eq!(set.item(Some(1)).kinds, Kinds::NUMBER.or(Kinds::STRING));
    }

    #[test]
    fn large_and_deep_types_are_cut() {
        let wide: Vec<(String, Type)> = (0..100)
            .map(|n| (format!("f{n}"), Type::of(Kinds::NUMBER)))
            .collect();
        let wide: Vec<(&str, Type)> = wide
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        assert_eq!(object(&wide, None).field("unknown"), Type::of(Kinds::NUMBER));
        let deep = (0..20)
            .fold(Type::of(Kinds::NULL), |inner, _| Type::tuple(vec![inner]))
            .shallow();
        let wide_and_deep = (0..8).fold(Type::of(Kinds::NULL), |inner, _| {
            let fields: Vec<(String, Type)> = (0..20).map(|n| (format!("f{n}"), inner.clone())).collect();
            let fields: Vec<(&str, Type)> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect();
            object(&fields, None).shallow()
        });
        assert!(wide_and_deep.size() <= MOST_TYPES);
        assert!(wide_and_deep.field("g").is_nothing());
        let bottom = (0..10).fold(deep, |outer, _| outer.item(Some(0)));
        assert_eq!(bottom, Type::any());
    }
}
