//! The starter library, through everything that an author uses: it loads, its tests pass, lint has no complaint, and its policies build.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::path::PathBuf;
use std::time::Duration;

use stele_policy::engine::{Engine, EvalRequest, RegorusEngine, SteleEngine};
use stele_policy::lint::{self, Level, LintOptions};
use stele_policy::load::{self, PolicySet};
use stele_policy::test_runner::{self, TestOptions};
use stele_policy::{DataPath, bundle};

fn library() -> PolicySet {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let library = load::load_path(&root).unwrap_or_else(|error| panic!("{error}"));
    assert!(library.policies().count() > 40, "policies are gone");
    library
}

#[test]
fn its_tests_pass() {
    let options = TestOptions {
        coverage: true,
        ..TestOptions::default()
    };
    let report = test_runner::run(&library(), Vec::new(), &options, &|| Duration::ZERO).unwrap();
    assert!(report.passed(), "{}", report.to_text(false));
    assert!(report.results.len() > 400);
    assert!(report.coverage.unwrap().percent() > 80.0);
}

#[test]
fn lint_has_no_complaint() {
    let found = lint::lint(&library(), &[], &LintOptions::default());
    let bad: Vec<_> = found
        .into_iter()
        .filter(|finding| finding.severity >= Level::Warning)
        .collect();
    assert!(bad.is_empty(), "{}", lint::to_text(&bad));
}

#[test]
fn every_policy_builds_the_same_bundle_from_its_bundle() {
    let set = library();
    for policy in set.policies() {
        let first = bundle::build(&set, &policy.id).unwrap();
        let again = bundle::build(&load::load_bundle(&first.bytes).unwrap(), &policy.id).unwrap();
        assert_eq!(first.digest, again.digest, "{}", policy.id);
    }
}

/// Without an input every engine must say the same of every entry point.
#[test]
fn both_engines_agree_on_an_absent_input() {
    let set = library();
    for policy in set.policies() {
        let bundle = load::load_bundle(&bundle::build(&set, &policy.id).unwrap().bytes).unwrap();
        let paths: Vec<DataPath> = policy.entry_points.iter().map(DataPath::from).collect();
        let asts: Vec<_> = bundle.modules().iter().map(|module| module.ast.clone()).collect();
        let mut ours = SteleEngine::new(&asts, &paths, bundle.data()).unwrap();
        let mut theirs = RegorusEngine::new(&bundle.prepare().unwrap()).unwrap();
        for path in &paths {
            let request = EvalRequest::new(path, None);
            assert_eq!(ours.evaluate(&request), theirs.evaluate(&request), "{path}");
        }
    }
}
