//! `docs/configuration.md` lists every key, with its default and its variable, and no other.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use std::collections::BTreeSet;
use support::{Site, workspace};

fn rows(prefix: &str, value: &serde_json::Value, found: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().unwrap() {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        // Labels are a table of the operator's own keys.
        if value.is_object() && key != "server.labels" {
            rows(&key, value, found);
        } else {
            let variable = format!("STELE_{}", key.to_uppercase().replace('.', "_"));
            found.insert(format!("| `{key}` | `{value}` | `{variable}` |"));
        }
    }
}

#[test]
fn every_key_is_documented_with_its_default_and_its_variable() {
    let shown = Site::new().run(&["config", "show", "--format", "json"]).exits(0);
    let mut expected = BTreeSet::new();
    rows("", &serde_json::from_str(&shown).unwrap(), &mut expected);
    let text = std::fs::read_to_string(workspace().join("docs/configuration.md")).unwrap();
    let documented: BTreeSet<String> = text
        .lines()
        .filter(|line| line.contains("| `STELE_"))
        .map(|line| {
            let cells: Vec<_> = line.split(" | ").take(3).collect();
            format!("{} |", cells.join(" | "))
        })
        .collect();
    assert_eq!(documented, expected);
}
