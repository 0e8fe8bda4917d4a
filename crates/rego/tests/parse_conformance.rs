//! Every module of the conformance cases, and every policy of the repository, parses.
#![allow(missing_docs, clippy::expect_used, reason = "tests may panic")]

use stele_rego::{SourceFile, parse};

fn cases() -> Vec<serde_json::Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/opa-v1.jsonl");
    let text = std::fs::read_to_string(path).expect("the cases are in the repository");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect()
}

#[test]
fn all_conformance_modules_parse() {
    let mut failures = Vec::new();
    let mut modules = 0;
    for case in cases() {
        for module in case["modules"].as_array().into_iter().flatten() {
            let text = module.as_str().expect("modules are texts");
            let file = SourceFile::new(case["note"].as_str().expect("a note"), text);
            modules += 1;
            if let Err(errors) = parse(&file) {
                failures.extend(errors.iter().map(|error| error.render(text)));
            }
        }
    }
    assert!(modules > 1000);
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

fn rego_files(dir: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
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
fn the_starter_library_parses() {
    let mut files = Vec::new();
    rego_files(
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies")),
        &mut files,
    );
    assert!(files.len() > 8);
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable policy");
        let source = SourceFile::new(file.display().to_string(), text.as_str());
        let module = parse(&source).unwrap_or_else(|errors| {
            let errors: Vec<String> = errors.iter().map(|error| error.render(&text)).collect();
            unreachable!("{}", errors.join("\n"))
        });
        assert!(!module.rules.is_empty());
    }
}
