//! `stele policy test`.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may panic")]

mod support;

use support::{Site, workspace};

#[test]
fn tests_of_policies_see_the_time() {
    let site = Site::new();
    let module = "package t_test\n\n# 2026-01-01\ntest_now if time.now_ns() > 1767225600000000000\n\n\
        test_mocked if time.now_ns() == 7 with time.now_ns as 7\n";
    std::fs::write(site.path().join("t_test.rego"), module).unwrap();
    site.run(&["policy", "test", "."]).exits(0);
}

#[test]
fn the_policies_of_the_examples_are_tested_and_clean() {
    let site = Site::new();
    let dir = workspace().join("examples/on-chain");
    let dir = dir.to_str().unwrap();
    let tested = site.run(&["policy", "test", dir]).exits(0);
    assert!(tested.contains("PASS: 5/5"), "{tested}");
    site.run(&["policy", "lint", dir]).exits(0);
    site.run(&["policy", "fmt", "--list", "--fail", dir]).exits(0);
}
