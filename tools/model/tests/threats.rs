//! Every row of the threat model names a test, and the test is there.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Names of all tests in the Rust files below a folder.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("node_modules") {
                tests(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(marked(&text));
            found.extend(on_every_chain(&text));
        }
    }
}

/// Functions below an attribute that makes them tests.
fn marked(text: &str) -> Vec<String> {
    let (mut found, mut marked) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            continue;
        }
        let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        found.extend(name.filter(|_| marked).map(|(name, _)| name.to_owned()));
        marked = false;
    }
    found
}

/// Cases of the contracts' tests, of which a macro makes one test for each chain.
fn on_every_chain(text: &str) -> Vec<String> {
    let list = text
        .split("\non_every_chain! {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next());
    let words = list.into_iter().flat_map(str::split_whitespace);
    words
        .filter(|word| !word.ends_with(':'))
        .map(|word| word.trim_end_matches([',', ';']).to_owned())
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for folder in ["crates", "tools", "examples"] {
        tests(&root().join(folder), &mut known);
    }
    assert!(known.contains("every_row_names_a_test_that_exists_or_says_that_there_is_none"));
    assert!(!known.contains("known"), "a function is no test");
    known
}

#[test]
fn every_attack_on_a_challenge_names_a_test_that_exists() {
    let (known, page) = (
        known(),
        std::fs::read_to_string(root().join("docs/challenge.md")).unwrap(),
    );
    let rows = page.split("\n## Tests").nth(1).unwrap().lines();
    let rows = Vec::from_iter(rows.filter(|line| line.starts_with("| ")).skip(1));
    assert!(rows.len() > 20, "the table of attacks is gone");
    for row in rows {
        let cell = row.trim_matches('|').rsplit(" | ").next().unwrap();
        let names = cell
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| !name.ends_with(".rs"));
        let names = Vec::from_iter(names);
        assert!(!names.is_empty(), "{row}");
        for name in names {
            assert!(known.contains(name), "there is no test {name}");
        }
    }
}

#[test]
fn every_row_names_a_test_that_exists_or_says_that_there_is_none() {
    let known = known();
    let page = std::fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let attacks = page.split("## Attacks").nth(1).unwrap();
    let rows: Vec<_> = attacks
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    assert!(rows.len() > 20, "the table of attacks is gone");
    let mut wrong = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let test = cells.last().unwrap();
        let names: Vec<_> = test.split('`').skip(1).step_by(2).collect();
        wrong.extend(
            names
                .iter()
                .filter(|name| !known.contains(**name))
                .map(|name| format!("there is no test {name}")),
        );
        if cells.len() != 6 || (names.is_empty() && !test.contains("*not yet*")) {
            wrong.push(format!("not a whole row, or one without a test: {row}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
