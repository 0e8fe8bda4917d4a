//! From a plan back to the configuration that it was made from.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use stele_types::Value;

use crate::format::{Document, Reading};
use crate::node::Node;

/// Where the resources of a configuration are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sources(Arc<Found>);

#[derive(Debug, PartialEq)]
struct Found {
    node: Node,
    /// Numbers of resources, by address and by address without keys and indexes.
    addresses: HashMap<String, i64>,
    /// The byte at which the configuration's text begins.
    base: usize,
}

impl Sources {
    /// Of a module's document, whose text begins at a byte.
    pub(crate) fn new(document: Document, base: usize) -> Self {
        let changes = document
            .outline()
            .get("resource_changes")
            .and_then(Value::as_array);
        let mut addresses = HashMap::new();
        for (change, index) in changes.unwrap_or_default().iter().zip(0i64..) {
            if let Some(address) = change.get("address").and_then(Value::as_str) {
                addresses.insert(address.to_owned(), index);
                addresses.entry(without_keys(address)).or_insert(index);
            }
        }
        Self(Arc::new(Found {
            node: document.into_node(),
            addresses,
            base,
        }))
    }

    /// Where what a path of the plan leads to is written; `None`: nowhere in these files.
    pub(crate) fn locate(&self, plan: Reading<'_>, path: &[Value]) -> Option<Range<usize>> {
        let (address, rest) = resource(plan, path)?;
        let known = &self.0.addresses;
        let index = known
            .get(&address)
            .or_else(|| known.get(&without_keys(&address)))?;
        let mut there = vec![
            "resource_changes".into(),
            Value::from(*index),
            "change".into(),
            "after".into(),
        ];
        let steps: Vec<&str> = rest.iter().take(2).filter_map(Value::as_str).collect();
        let skipped = match steps.as_slice() {
            ["change", "after" | "before" | "after_unknown"] => Some(2),
            ["values" | "expressions", ..] => Some(1),
            _ => None,
        };
        there.extend_from_slice(
            skipped
                .and_then(|skipped| rest.get(skipped..))
                .unwrap_or_default(),
        );
        let range = self.0.node.place(&there).range;
        Some(range.start.saturating_add(self.0.base)..range.end.saturating_add(self.0.base))
    }
}

/// The address of the innermost resource on a path, and the path from there.
fn resource<'p>(plan: Reading<'_>, path: &'p [Value]) -> Option<(String, &'p [Value])> {
    (1..=path.len()).rev().find_map(|depth| {
        let (above, below) = path.split_at_checked(depth)?;
        let member = |key: &str| [above, &[key.into()]].concat();
        // Modules have addresses too; resources have a type.
        let address = plan.string(&member("address"))?;
        plan.has(&member("type")).then_some((address, below))
    })
}

/// `module.a["b"].c.d[0]` as `module.a.c.d`.
fn without_keys(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    let mut in_key = false;
    let mut in_text = false;
    let mut escaped = false;
    for letter in address.chars() {
        match letter {
            '"' if in_key && !escaped => in_text = !in_text,
            '[' if !in_text => in_key = true,
            ']' if !in_text => in_key = false,
            other if !in_key => out.push(other),
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    out
}
