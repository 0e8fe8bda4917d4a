//! Every row of the threat model names a test, and the test is there.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::path::Path;

/// Names of all tests in the Rust files below a folder: functions with an attribute that makes them one, and the cases of `on_every_chain!`.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("node_modules") {
                tests(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let marked = ["#[test]", "#[tokio::test"]
                .into_iter()
                .flat_map(|mark| text.split(mark).skip(1));
            found.extend(marked.filter_map(|rest| {
                let (_, rest) = rest.split_once("fn ")?;
                rest.split_once('(').map(|(name, _)| name.to_owned())
            }));
            let cases = text
                .split("\non_every_chain! {")
                .skip(1)
                .filter_map(|rest| rest.split_once("\n}"));
            for (cases, _) in cases {
                found.extend(
                    cases
                        .split([',', ';'])
                        .map(|case| case.rsplit(':').next().unwrap_or(case).trim().to_owned()),
                );
            }
        }
    }
}

#[test]
fn every_row_names_a_test_that_exists_or_says_that_there_is_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut known = BTreeSet::new();
    for folder in ["crates", "tools", "examples"] {
        tests(&root.join(folder), &mut known);
    }
    let page = std::fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
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
