//! Formatting keeps the tree and the comments of every module there is, and formats it once and for all.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

use std::path::{Path, PathBuf};

use stele_rego::format::{self, FormatError, tree};
use stele_rego::{SourceFile, parse};

/// Formats, and checks the promises again without relying on `format` for them.
fn check(name: &str, text: &str) -> String {
    let source = SourceFile::new(name, text);
    let out = match format::format(&source) {
        Ok(out) => out,
        Err(FormatError::Syntax(errors)) => panic!("{}", errors[0].render(text)),
        Err(error) => panic!("{error}"),
    };
    let formatted = SourceFile::new(name, out.as_str());
    let (before, after) = (
        parse(&source).expect("it was formatted"),
        parse(&formatted).expect("a formatted module parses"),
    );
    assert_eq!(tree::outline(&before), tree::outline(&after), "{name}\n{out}");
    assert_eq!(
        tree::comment_texts(&before),
        tree::comment_texts(&after),
        "{name}\n{out}"
    );
    let again = format::format(&formatted).expect("a formatted module can be formatted");
    assert_eq!(again, out, "{name} is not formatted for good");
    out
}

#[test]
fn all_conformance_modules_keep_their_trees() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/opa-v1.jsonl");
    let cases = std::fs::read_to_string(path).expect("the cases are in the repository");
    let mut modules = 0;
    let mut unchanged = 0;
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        for module in case["modules"].as_array().into_iter().flatten() {
            let text = module.as_str().expect("modules are texts");
            let out = check(case["note"].as_str().expect("a note"), text);
            modules += 1;
            unchanged += usize::from(out == text);
        }
    }
    assert!(modules > 1000, "{modules}");
    // OPA's project keeps most of its cases as `opa fmt` lays them out: those must not change.
    assert!(unchanged >= 1182, "{unchanged} of {modules}");
}

fn rego_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            rego_files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rego") {
            out.push(path);
        }
    }
}

#[test]
fn the_policies_of_the_repository_are_formatted() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut files = Vec::new();
    for folder in ["policies", "examples"] {
        rego_files(&root.join(folder), &mut files);
    }
    assert!(files.len() > 8);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable policy");
        assert_eq!(check(&file.display().to_string(), &text), text);
    }
}

/// A formatter that drops or changes something must be noticed: the outline tells such modules apart.
#[test]
fn the_outline_sees_every_difference() {
    let base = "p := [x, 1 + 2] if { not x with input as {\"a\": `b`} } else := $\"c{d}\"";
    let outline = |text: &str| {
        let source = SourceFile::new("t.rego", format!("package a\n{text}"));
        tree::outline(&parse(&source).expect("a module"))
    };
    let of_base = outline(base);
    for (old, new) in [
        ("p", "q"),
        ("[x, 1 + 2]", "[x, 1 - 2]"),
        ("[x, 1 + 2]", "{x, 1 + 2}"),
        ("[x, 1 + 2]", "[1 + 2, x]"),
        ("not x", "x"),
        ("input", "input.b"),
        ("`b`", "`c`"),
        ("\"a\"", "a"),
        (" with input as {\"a\": `b`}", ""),
        ("else := $\"c{d}\"", ""),
        ("c{d}", "c{e}"),
        ("c{d}", "c{d} "),
    ] {
        assert!(base.contains(old));
        assert_ne!(of_base, outline(&base.replacen(old, new, 1)), "{old} -> {new}");
    }
    assert_eq!(
        of_base,
        outline(&base.replace("[x, 1 + 2]", "[\nx,\n((1) + 2)\n,]"))
    );
}
