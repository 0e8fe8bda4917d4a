//! Documents of policies: walking into one, and making one of several.

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_types::Value;

/// Walks into a document along path segments: an object by text key, an array by decimal index, a set by text member.
pub(super) fn walk<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |here, segment| match here {
        Value::Object(_) => here.get(segment),
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
        Value::Set(members) => members.get(&Value::string(segment)),
        _ => None,
    })
}

/// Documents of several policies under construction as one.
#[derive(Default)]
pub(super) struct Tree {
    members: BTreeMap<Value, Value>,
    below: BTreeMap<String, Tree>,
}

impl Tree {
    pub(super) fn put(&mut self, path: &[&str], document: &Value) {
        match path.split_first() {
            Some((first, rest)) => self
                .below
                .entry((*first).to_owned())
                .or_default()
                .put(rest, document),
            None => {
                if let Value::Object(entries) = document {
                    self.members
                        .extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
            }
        }
    }

    pub(super) fn into_value(self) -> Value {
        let mut members = self.members;
        members.extend(
            self.below
                .into_iter()
                .map(|(name, tree)| (Value::string(&name), tree.into_value())),
        );
        Value::Object(Arc::new(members))
    }
}
