//! Three readers of one format: `stele verify`, the Python script and the web page take and refuse the same files, however these are spoilt.
//!
//! `MUTANTS=all` tries every change of every proof; without it a part of them, the same in every run.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "tests may panic; what was tried is printed; lists of what to try are long"
)]

#[path = "verify_agreement/mutants.rs"]
mod mutants;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/pointers.rs"]
mod pointers;
mod support;

use mutants::{Mutant, crafted, mutants, spelled};
use peers::Peer;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use stele_ledger::proof::ProofBundle;
use support::workspace;

fn elsewhere(name: &str) -> PathBuf {
    workspace().join("examples/verify-elsewhere").join(name)
}

/// What `stele verify` does without a chain.
fn stele_accepts(key: &str, text: &[u8]) -> bool {
    let bundle = ProofBundle::from_json(text);
    bundle.is_ok_and(|bundle| stele_ledger::verify(&bundle, &key.parse().unwrap()).is_ok())
}

fn python_accepts(python: &Peer, key: &Path, files: &[PathBuf]) -> Vec<bool> {
    let script = elsewhere("verify.py");
    files
        .chunks(500)
        .flat_map(|files| {
            let mut args = vec![script.to_str().unwrap(), key.to_str().unwrap()];
            args.extend(files.iter().map(|file| file.to_str().unwrap()));
            let said = python.ok(&args);
            let said: Vec<bool> = said
                .lines()
                .map(|line| match line {
                    "VERIFIED" => true,
                    "FAILED" => false,
                    other => panic!("{other}"),
                })
                .collect();
            assert_eq!(said.len(), files.len());
            said
        })
        .collect()
}

fn page_accepts(browser: &Peer, key: &Path, files: &[PathBuf]) -> Vec<bool> {
    let page = elsewhere("index.html");
    files
        .chunks(500)
        .flat_map(|files| {
            let mut args = vec![page.to_str().unwrap(), key.to_str().unwrap()];
            args.extend(files.iter().map(|file| file.to_str().unwrap()));
            let said = browser.ok(&args);
            let verdict = |line: &str| {
                let said: serde_json::Value = serde_json::from_str(line).unwrap();
                match said["verdict"].as_str().unwrap() {
                    "verified" => true,
                    "refused" => false,
                    other => panic!("{other}"),
                }
            };
            let said: Vec<bool> = said.lines().map(verdict).collect();
            assert_eq!(said.len(), files.len());
            said
        })
        .collect()
}

#[test]
fn what_one_reader_of_proofs_refuses_all_refuse() {
    let (Some(python), Some(browser)) = (Peer::python("verify_many.py", "hashlib"), Peer::browser()) else {
        return;
    };
    let (key, mut tried) = mutants();
    tried.extend(crafted());
    let must_hold = spelled();
    let every = if std::env::var("MUTANTS").is_ok_and(|all| all == "all") {
        1
    } else {
        61
    };
    // What is known to be read differently by careless readers is tried always.
    let mut number = 0;
    tried.retain(|mutant| {
        number += 1;
        mutant.always || number % every == 0
    });
    let holding = must_hold.len();
    tried.extend(must_hold);
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("node.vkey");
    std::fs::write(&key_file, &key).unwrap();
    let files: Vec<PathBuf> = tried
        .iter()
        .enumerate()
        .map(|(number, mutant)| {
            let file = dir.path().join(format!("{number}.json"));
            std::fs::write(&file, &mutant.text).unwrap();
            file
        })
        .collect();
    let ours: Vec<bool> = tried
        .iter()
        .map(|mutant| stele_accepts(&key, &mutant.text))
        .collect();
    let said = BTreeMap::from([
        ("python", python_accepts(&python, &key_file, &files)),
        ("page", page_accepts(&browser, &key_file, &files)),
    ]);
    let (mut differ, mut accepted) = (Vec::new(), 0);
    for (at, Mutant { what, .. }) in tried.iter().enumerate() {
        accepted += usize::from(ours[at]);
        for (who, said) in &said {
            if said[at] != ours[at] {
                differ.push(format!("{what}: stele {}, {who} {}", ours[at], said[at]));
            }
        }
        if at >= tried.len() - holding && !ours[at] {
            differ.push(format!("{what}: refused"));
        }
    }
    println!("{} files, {accepted} accepted", tried.len());
    assert!(
        differ.is_empty(),
        "{} differences:\n{}",
        differ.len(),
        differ.join("\n")
    );
    assert!(tried.len() > 400 && accepted >= holding && accepted < tried.len() / 4);
}
