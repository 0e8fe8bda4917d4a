//! A document with the place of every value in its text.

use std::ops::Range;

use stele_types::Value;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// What it is.
    pub kind: NodeKind,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// A string, number, boolean or null.
    Scalar(Value),
    /// A list.
    Array(Vec<Node>),
    /// A list whose elements have no numbers, each there once.
    Set(Vec<Node>),
    /// A mapping, in the order of the text.
    Object(Vec<Entry>),
    /// A mapping that has more members than these: what they are only running tells.
    Open(Vec<Entry>),
    /// Something that only running what the text describes would tell.
    Unknown,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_range: Range<usize>,
    /// What it is given.
    pub value: Node,
}

impl Entry {
    /// A key that stands where its value does.
    pub(crate) fn new(key: &str, value: Node) -> Self {
        Self {
            key: key.to_owned(),
            key_range: value.range.clone(),
            value,
        }
    }
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes of the value; if it is missing, of the key (or else the value) that it is missing from.
    pub range: Range<usize>,
    /// How many steps of the path there are.
    pub found: usize,
}

impl Node {
    /// A string, number, boolean or null.
    #[must_use]
    pub fn scalar(range: Range<usize>, value: Value) -> Self {
        let kind = NodeKind::Scalar(value);
        Self { range, kind }
    }

    /// A mapping that stands in one place.
    pub(crate) fn object(range: Range<usize>, entries: Vec<Entry>) -> Self {
        let kind = NodeKind::Object(entries);
        Self { range, kind }
    }

    /// A list that stands in one place.
    pub(crate) fn array(range: Range<usize>, items: Vec<Self>) -> Self {
        let kind = NodeKind::Array(items);
        Self { range, kind }
    }

    /// The value without places. Of mappings, unknown members are left out; elsewhere they are null, as in Terraform's plans.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Unknown => Value::Null,
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::Array(items) | NodeKind::Set(items) => Value::array(items.iter().map(Self::to_value)),
            NodeKind::Object(entries) | NodeKind::Open(entries) => {
                let pair = |entry: &Entry| (Value::string(&entry.key), entry.value.to_value());
                let known = entries
                    .iter()
                    .filter(|entry| entry.value.kind != NodeKind::Unknown);
                Value::object(known.map(pair))
            }
        }
    }

    /// The member of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            NodeKind::Object(entries) | NodeKind::Open(entries) => {
                entries.iter().find(|entry| entry.key == key)
            }
            _ => None,
        }
    }

    /// What a path (keys and indexes) leads to.
    pub(crate) fn at(&self, path: &[Value]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match &node.kind {
            NodeKind::Object(_) | NodeKind::Open(_) => node.get(step.as_str()?),
            NodeKind::Array(items) | NodeKind::Set(items) => items.get(index(step)?),
            NodeKind::Scalar(_) | NodeKind::Unknown => None,
        })
    }

    /// The string that it is.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(value) => value.as_str(),
            _ => None,
        }
    }

    /// Where a path (keys and indexes) leads.
    #[must_use]
    pub fn place(&self, path: &[Value]) -> Place {
        let (mut at, mut key_range) = (self, None);
        for (found, step) in path.iter().enumerate() {
            let next = match &at.kind {
                NodeKind::Object(_) | NodeKind::Open(_) => step.as_str().and_then(|key| at.entry(key)),
                NodeKind::Array(items) | NodeKind::Set(items) => {
                    if let Some(item) = index(step).and_then(|index| items.get(index)) {
                        (at, key_range) = (item, None);
                        continue;
                    }
                    None
                }
                NodeKind::Scalar(_) | NodeKind::Unknown => None,
            };
            match next {
                Some(entry) => (at, key_range) = (&entry.value, Some(entry.key_range.clone())),
                None => {
                    return Place {
                        range: key_range.unwrap_or_else(|| at.range.clone()),
                        found,
                    };
                }
            }
        }
        // Of a whole mapping or list the key says more than its first line.
        let range = match (&at.kind, key_range) {
            (NodeKind::Array(_) | NodeKind::Set(_) | NodeKind::Object(_) | NodeKind::Open(_), Some(key)) => {
                key
            }
            _ => at.range.clone(),
        };
        Place {
            range,
            found: path.len(),
        }
    }
}

/// An array index.
pub(crate) fn index(step: &Value) -> Option<usize> {
    match step {
        Value::Number(number) => usize::try_from(number.to_i64()?).ok(),
        _ => None,
    }
}

/// Of entries with one key the last, where the first stood.
pub(crate) fn last_of_equal(entries: Vec<Entry>) -> Vec<Entry> {
    let mut places = std::collections::HashMap::with_capacity(entries.len());
    let mut out: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        let at = *places.entry(entry.key.clone()).or_insert(out.len());
        match out.get_mut(at) {
            Some(there) => *there = entry,
            None => out.push(entry),
        }
    }
    out
}
