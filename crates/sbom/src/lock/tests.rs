//! What the readers' tests share, and what holds for all of them.

use super::*;
use crate::model::{Component, SubjectKind};
use crate::tree::Memory;

pub(crate) fn inventory(files: &[(&str, &str)]) -> Inventory {
    let subject = Subject {
        kind: SubjectKind::Application,
        name: "test".to_owned(),
        version: None,
    };
    scan(&Memory::of(files), subject)
}

pub(crate) fn purls(inventory: &Inventory) -> Vec<String> {
    inventory
        .components()
        .map(|component| component.purl().to_string())
        .collect()
}

/// The first component whose package URL has this after its type.
pub(crate) fn component<'i>(inventory: &'i Inventory, name: &str) -> &'i Component {
    let fits = |component: &&Component| {
        let purl = component.purl().as_str();
        purl.split_once('/')
            .is_some_and(|(_, rest)| rest.starts_with(name))
    };
    inventory
        .components()
        .find(fits)
        .unwrap_or_else(|| panic!("no {name} in {:?}", purls(inventory)))
}

pub(crate) fn needs(inventory: &Inventory, name: &str) -> Vec<String> {
    let found = component(inventory, name);
    found.dependencies.iter().map(ToString::to_string).collect()
}

pub(crate) fn hashes(inventory: &Inventory, name: &str) -> Vec<String> {
    let found = component(inventory, name);
    found.hashes.iter().map(ToString::to_string).collect()
}

pub(crate) fn problems(inventory: &Inventory) -> Vec<String> {
    inventory.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_bad_file_does_not_stop_the_rest() {
    let good = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://example.org/\"\n";
    let found = inventory(&[("a/Cargo.lock", "["), ("b/Cargo.lock", good)]);
    assert_eq!(
        purls(&found),
        ["pkg:cargo/a@1.0.0?repository_url=https:%2F%2Fexample.org%2F"]
    );
    assert_eq!(problems(&found).len(), 1);
    assert_eq!(found.files.len(), 2);
}
