//! The fuzz targets on damaged copies of real files. The number of copies can be raised: `FUZZ_COPIES=1000000 cargo test --release ...`.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use stele_rego::{CompileOptions, SourceFile, compile_query, parse, parse_query};
use stele_testkit::engines::Chance;
use stele_testkit::fuzz;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn files(dir: &Path, ending: &str, out: &mut Vec<Vec<u8>>) {
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .expect("a readable directory")
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, ending, out);
        } else if path.to_string_lossy().ends_with(ending) {
            out.push(std::fs::read(path).expect("a readable file"));
        }
    }
}

/// The modules of OPA's conformance cases and of the starter library.
fn modules() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    files(&root().join("policies"), ".rego", &mut out);
    let cases =
        std::fs::read_to_string(root().join("crates/rego/tests/data/opa-v1.jsonl")).expect("the cases");
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let texts = case["modules"].as_array().into_iter().flatten();
        out.extend(texts.filter_map(|text| Some(text.as_str()?.as_bytes().to_vec())));
    }
    out
}

/// Plans of those modules, small ones.
fn plans() -> Vec<Vec<u8>> {
    let query_source = SourceFile::new("query", "x = data");
    let query = parse_query(&query_source).expect("a query");
    let plan = |text: &Vec<u8>| {
        let source = SourceFile::new("m.rego", std::str::from_utf8(text).ok()?);
        let module = parse(&source).ok()?;
        let plan = compile_query(&[module], &query_source, &query, &CompileOptions::default()).ok()?;
        Some(serde_json::to_vec(&plan).expect("a plan is JSON"))
    };
    modules()
        .iter()
        .filter_map(plan)
        .filter(|plan| plan.len() < 12_000)
        .collect()
}

/// A copy with some damage: bytes changed, cut out, doubled, or taken from another file.
fn damaged(chance: &mut Chance, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[chance.below(corpus.len())].clone();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(24)).min(bytes.len());
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            3 => {
                let other = &corpus[chance.below(corpus.len())];
                let from = chance.below(other.len() + 1);
                let piece = other[from..(from + chance.below(48)).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            4 => {
                const PIECES: [&str; 24] = [
                    "_",
                    "[",
                    "]",
                    "{",
                    "}",
                    "(",
                    ")",
                    ":=",
                    "=",
                    "not ",
                    "some x in ",
                    "every x in ",
                    " with input as ",
                    "\"",
                    "`",
                    "0",
                    "-1",
                    "1e9",
                    "null",
                    "x",
                    "input",
                    "data",
                    "\n",
                    "\u{e9}",
                ];
                bytes.splice(at..at, chance.word(&PIECES).bytes());
            }
            _ if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(1 << chance.below(8)),
            _ => {}
        }
    }
    bytes
}

/// A copy of a plan that is still JSON: numbers changed, items of lists dropped, doubled or swapped.
fn mangled(chance: &mut Chance, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut plan = serde_json::from_slice(&corpus[chance.below(corpus.len())]).expect("the corpus is JSON");
    for _ in 0..=chance.below(3) {
        let mut steps = chance.below(400);
        mangle(chance, &mut plan, &mut steps);
    }
    serde_json::to_vec(&plan).expect("JSON")
}

/// Walks `steps` values down and along, and changes the one where it stops.
fn mangle(chance: &mut Chance, json: &mut serde_json::Value, steps: &mut usize) {
    use serde_json::Value as Json;
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                if !["row", "col", "end_row", "end_col", "decl"].contains(&name.as_str()) {
                    mangle(chance, value, steps);
                }
            }
        }
        Json::Array(items) => {
            if *steps < items.len() && chance.one_in(3) {
                let (one, other) = (chance.below(items.len()), chance.below(items.len()));
                match chance.below(3) {
                    0 => drop(items.remove(one)),
                    1 => items.insert(other, items[one].clone()),
                    _ => items.swap(one, other),
                }
                *steps = usize::MAX;
            }
            items.iter_mut().for_each(|item| mangle(chance, item, steps));
        }
        Json::Number(number) => {
            if *steps == 0 {
                *number = chance.below(12).into();
            }
            *steps = steps.wrapping_sub(1);
        }
        _ => {}
    }
}

fn run(target: fn(&[u8]), corpus: &[Vec<u8>], copies: u64, damaged: fn(&mut Chance, &[Vec<u8>]) -> Vec<u8>) {
    assert!(!corpus.is_empty());
    let copies = std::env::var("FUZZ_COPIES").map_or(copies, |count| count.parse().expect("a number"));
    let seed = std::env::var("FUZZ_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    for whole in corpus {
        target(whole);
    }
    for number in 0..copies {
        let bytes = damaged(&mut Chance(Chance(seed + number).advance()), corpus);
        if catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err() {
            panic!(
                "FUZZ_SEED={} FUZZ_COPIES=1 shows it again:\n{}",
                seed + number,
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}

#[test]
fn damaged_modules() {
    run(fuzz::source, &modules(), 3_000, damaged);
}

#[test]
fn damaged_plans() {
    let plans = plans();
    run(fuzz::plan, &plans, 1_000, damaged);
    run(fuzz::plan, &plans, 3_000, mangled);
}

#[test]
fn damaged_inputs() {
    let mut corpus = Vec::new();
    files(&root().join("examples"), ".json", &mut corpus);
    corpus.retain(|file| file.len() < 8_000);
    run(fuzz::input, &corpus, 10_000, damaged);
}

#[test]
fn policies_from_bytes() {
    let mut chance = Chance(7);
    let corpus: Vec<Vec<u8>> = (0..64)
        .map(|n| {
            let mut bytes = chance.advance().to_le_bytes().to_vec();
            bytes.extend(format!("{{\"a\": [{n}, {{\"b\": \"x\"}}], \"c\": null}}").into_bytes());
            bytes
        })
        .collect();
    run(fuzz::policy, &corpus, 500, damaged);
}
