//! `stele policy test`.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may panic")]

mod support;

use support::Site;

#[test]
fn tests_of_policies_see_the_time() {
    let site = Site::new();
    let module = "package t_test\n\n# 2026-01-01\ntest_now if time.now_ns() > 1767225600000000000\n\n\
        test_mocked if time.now_ns() == 7 with time.now_ns as 7\n";
    std::fs::write(site.path().join("t_test.rego"), module).unwrap();
    site.run(&["policy", "test", "."]).exits(0);
}
