//! The places of a JSON document.
#![allow(unreachable_pub, reason = "each test file has a copy")]

use serde_json::Value;

/// A JSON pointer to each member and element, a collection before what is in it.
pub fn pointers(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(items) => (0..)
            .zip(items)
            .map(|(n, item): (u32, _)| (n.to_string(), item))
            .collect(),
        _ => return,
    };
    for (name, child) in children {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        found.push(pointer.clone());
        walk(child, &pointer, found);
    }
}
