use std::cell::Cell;

use super::*;
use crate::testing;

const POLICY: &str = "package a\n\ndefault allow := false\n\nallow if {\n\tinput.user == \"root\"\n\tinput.x > data.limit\n}\n\nnever if {\n\tinput.nothing\n}\n";
const TESTS: &str = r#"package a_test

import data.a

test_pass if data.a.allow with input as {"user": "root", "x": 5} with data.limit as 3

test_fail if {
	x := 1
	print("x", x)
	x == 2
	x == 3
}

test_false := false

test_mock if {
	r := http.send({}) with http.send as reply
	r.status == 200
}

reply(_) := {"status": 200}

test_impure if http.send({}).x

todo_test_later if false

test_cases[name] if {
	some name, x in {"one": 1, "two": 2}
	x > 0
}

test_conflict := 1

test_conflict := 2
"#;

fn report(files: &[(&str, &str)], options: &TestOptions) -> TestReport {
    let tick = Cell::new(Duration::ZERO);
    let clock = || {
        tick.set(tick.get() + Duration::from_micros(1500));
        tick.get()
    };
    run(&testing::set(files), Vec::new(), options, &clock).unwrap()
}

fn example() -> TestReport {
    let options = TestOptions {
        coverage: true,
        ..TestOptions::default()
    };
    report(&[("a.rego", POLICY), ("a_test.rego", TESTS)], &options)
}

fn outcome<'a>(report: &'a TestReport, name: &str) -> &'a Outcome {
    &report
        .results
        .iter()
        .find(|result| result.name == name)
        .unwrap()
        .outcome
}

#[test]
fn outcomes() {
    let report = example();
    let names: Vec<&str> = report.results.iter().map(|result| result.name.as_str()).collect();
    let order = [
        "test_pass",
        "test_fail",
        "test_false",
        "test_mock",
        "test_impure",
        "todo_test_later",
        "test_cases",
        "test_conflict",
    ];
    assert_eq!(names, order, "in source order, each name once");
    for name in ["test_pass", "test_mock", "test_cases"] {
        assert_eq!(outcome(&report, name), &Outcome::Pass, "{name}");
    }
    assert_eq!(outcome(&report, "todo_test_later"), &Outcome::Skipped);
    let Outcome::Fail { at: Some(line) } = outcome(&report, "test_fail") else {
        panic!("no line")
    };
    assert_eq!(
        (line.place.to_string().as_str(), line.text.as_str()),
        ("a_test.rego:10:2", "x == 2")
    );
    assert_eq!(outcome(&report, "test_false"), &Outcome::Fail { at: None });
    assert!(matches!(
        outcome(&report, "test_impure"),
        Outcome::Error(EngineError::ImpureBuiltin { .. })
    ));
    assert!(matches!(
        outcome(&report, "test_conflict"),
        Outcome::Error(EngineError::Conflict { .. })
    ));
    assert!(!report.passed());
    assert_eq!(report.results[0].package, "data.a_test");
    assert_eq!(report.results[0].duration, Duration::from_micros(1500));
}

#[test]
fn text_is_like_opas() {
    let text = example().to_text(false);
    let expected_start = "a_test.rego:\ndata.a_test.test_fail: FAIL (1.5ms)\n  a_test.rego:10:2: x == 2\n    x: 1\n\n  a_test.rego:9: x 1\n\ndata.a_test.test_false: FAIL (1.5ms)\n";
    assert!(text.starts_with(expected_start), "{text}");
    assert!(text.contains("data.a_test.todo_test_later: SKIPPED\n"), "{text}");
    assert!(
        text.ends_with(&format!(
            "{}\nPASS: 3/7\nFAIL: 2/7\nERROR: 2/7\nSKIPPED: 1\n",
            "-".repeat(80)
        )),
        "{text}"
    );
    assert!(!text.contains("test_pass"));
    assert!(
        example()
            .to_text(true)
            .contains("data.a_test.test_pass: PASS (1.5ms)\n")
    );
}

#[test]
fn json_has_opas_shape() {
    let json = example().to_json();
    let items = json.as_array().unwrap();
    assert_eq!(
        items[0],
        testing::json(
            r#"{"location": {"file": "a_test.rego", "row": 5, "col": 1}, "package": "data.a_test", "name": "test_pass", "duration": 1500000}"#
        )
    );
    assert_eq!(items[1].get("fail"), Some(&Value::Bool(true)));
    assert_eq!(
        items[1].get("output").unwrap().as_str(),
        Some("a_test.rego:9: x 1")
    );
    assert_eq!(items[5].get("skip"), Some(&Value::Bool(true)));
    assert_eq!(
        items[4].get("error").unwrap().get("code").unwrap().as_str(),
        Some("eval_error")
    );
}

#[test]
fn junit_counts_and_names() {
    let xml = example().to_junit().unwrap();
    assert!(
        xml.contains(r#"tests="8" skipped="1" failures="2" errors="2""#),
        "{xml}"
    );
    assert!(
        xml.contains(r#"<testcase name="test_pass" classname="data.a_test" time="0.002">"#)
            || xml.contains(r#"name="test_pass""#),
        "{xml}"
    );
    assert!(xml.contains("a_test.rego:10:2: x == 2"), "{xml}");
}

#[test]
fn the_filter_matches_full_names() {
    let options = TestOptions {
        filter: Some(regex::Regex::new("a_test.test_(pass|mock)$").unwrap()),
        ..TestOptions::default()
    };
    let report = report(&[("a.rego", POLICY), ("a_test.rego", TESTS)], &options);
    assert_eq!(report.results.len(), 2);
    assert!(report.passed());
    assert!(report.coverage.is_none());
    assert_eq!(report.to_text(false), "PASS: 2/2\n");
}

#[test]
fn coverage_counts_lines_of_policies_only() {
    let coverage = example().coverage.unwrap();
    assert_eq!(coverage.files.keys().collect::<Vec<_>>(), ["a.rego"]);
    let file = &coverage.files["a.rego"];
    assert!(file.covered.is_superset(&[6, 7].into()), "{file:?}");
    assert!(file.not_covered.contains(&11), "{file:?}");
    let (covered, all) = coverage.lines();
    assert!(covered > 0 && covered < all);
    assert!(
        coverage.reaches(50.0) && !coverage.reaches(100.0),
        "{}",
        coverage.percent()
    );
    assert!(coverage.to_text().contains("missed: "), "{}", coverage.to_text());
    let json = coverage.to_json();
    assert_eq!(
        json.get("covered_lines"),
        Some(&Value::from(i64::try_from(covered).unwrap()))
    );
    let missed = json
        .get("files")
        .unwrap()
        .get("a.rego")
        .unwrap()
        .get("not_covered")
        .unwrap();
    assert!(
        missed
            .as_array()
            .unwrap()
            .contains(&testing::json(r#"{"start": {"row": 10}, "end": {"row": 11}}"#)),
        "{missed:?}"
    );
}

#[test]
fn a_file_without_any_test_counts_as_missed() {
    let options = TestOptions {
        coverage: true,
        ..TestOptions::default()
    };
    let report = report(
        &[("a.rego", "package a\n\np := 1\n\nq if {\n\tinput.x\n}\n")],
        &options,
    );
    let coverage = report.coverage.unwrap();
    assert_eq!(coverage.files["a.rego"].not_covered, [3, 5, 6].into());
    assert!(coverage.percent() < 0.1);
}

#[test]
fn a_bad_file_does_not_hide_the_tests_of_others() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bad.rego"), "package bad\n\np := \n").unwrap();
    std::fs::write(
        dir.path().join("a_test.rego"),
        "package a_test\n\ntest_ok if true\n",
    )
    .unwrap();
    let (set, problems) = crate::load::load_path_lenient(dir.path(), stele_rego::RegoVersion::V1).unwrap();
    let report = run(&set, problems, &TestOptions::default(), &|| Duration::ZERO).unwrap();
    assert_eq!(outcome(&report, "test_ok"), &Outcome::Pass);
    assert!(!report.passed());
    assert!(
        report.to_text(false).contains("bad.rego"),
        "{}",
        report.to_text(false)
    );
    assert!(report.to_junit().unwrap().contains("bad.rego"));
    assert_eq!(report.to_json().as_array().unwrap().len(), 2);
}

#[test]
fn a_file_that_the_interpreter_refuses_does_not_hide_others() {
    let files = [
        (
            "bad_test.rego",
            "package bad_test\n\ntest_unsafe if {\n\tx == y\n}\n",
        ),
        ("good_test.rego", "package good_test\n\ntest_ok if true\n"),
    ];
    let report = report(&files, &TestOptions::default());
    assert!(matches!(
        outcome(&report, "test_unsafe"),
        Outcome::Error(EngineError::Refused { .. })
    ));
    assert_eq!(outcome(&report, "test_ok"), &Outcome::Pass);
    assert_eq!(report.problems.len(), 1);
}

/// As OPA 1.9 has it.
#[test]
fn a_test_passes_only_with_all_of_its_cases() {
    const CASES: &str = r#"package c_test

cases := {"one": 1, "two": 2}

test_all[name] if {
	some name, x in cases
	x < 3
}

test_one[name] if {
	some name, x in cases
	x == 1
}

test_indexed[name] if {
	x := cases[name]
	not x == 1
}

test_nested[a][b] if {
	some a in ["p", "q"]
	some b in ["r", "s"]
	concat("", [a, b]) != "ps"
}

test_dotted[name].x if {
	some name, x in cases
	x == 1
}

test_before[name] if {
	some x in [1, 2]
	x == 2
	name := "two"
}

test_twice[name] if {
	some name in ["a", "b"]
	some x in [1, 2]
	x == 2
}

test_call[upper(name)] if {
	some name, x in cases
	x == 1
}

test_reference[case.note] if {
	some case in [{"note": "good", "x": 1}, {"note": "bad", "x": 2}]
	case.x == 1
}

test_or[name] if {
	some name, x in cases
	x == 1
}

test_or[other] if {
	some other, x in cases
	x == 2
}
"#;
    let report = report(&[("c_test.rego", CASES)], &TestOptions::default());
    let failed: Vec<String> = report
        .results
        .iter()
        .filter_map(|result| match &result.outcome {
            Outcome::Fail { at: Some(line) } => {
                Some(format!("{} {} {:?}", result.name, line.text, line.values))
            }
            Outcome::Pass => None,
            other => Some(format!("{} {other:?}", result.name)),
        })
        .collect();
    assert_eq!(
        failed,
        [
            r#"test_one x == 1 [("x", Some(2)), ("name", Some("two"))]"#,
            r#"test_indexed not x == 1 [("x", Some(1)), ("name", Some("one"))]"#,
            r#"test_nested concat("", [a, b]) != "ps" [("a", Some("p")), ("b", Some("s"))]"#,
            r#"test_dotted x == 1 [("x", Some(2)), ("name", Some("two"))]"#,
            r#"test_call x == 1 [("x", Some(2)), ("upper(name)", Some("TWO"))]"#,
            r#"test_reference case.x == 1 [("case", Some({"note": "bad", "x": 2})), ("case.x", Some(2)), ("case.note", Some("bad"))]"#,
        ]
    );
}

/// The shape of OPA 1.9.
#[test]
fn reports_have_the_cases() {
    const CASES: &str = r#"package c_test

test_nested[a][b] := ok if {
	some a, bs in {"u": {"p": 1, "q": 2}, "v": {"r": 1}}
	some b, c in bs
	ok := c == 1
}

test_gone[n] if {
	some n in ["a", 7]
	n == "a"
}

test_plain if true
"#;
    let report = report(&[("c_test.rego", CASES)], &TestOptions::default());
    let json = report.to_json();
    let results = json.as_array().unwrap();
    let sub_results = |index: usize| results[index].get("sub_results").map(Value::to_string);
    assert_eq!(
        sub_results(0).unwrap(),
        r#"{"u":{"fail":true,"name":"u","sub_results":{"p":{"name":"p"},"q":{"fail":true,"name":"q"}}},"v":{"name":"v","sub_results":{"r":{"name":"r"}}}}"#
    );
    assert_eq!(
        sub_results(1).unwrap(),
        r#"{"7":{"fail":true,"name":"7"},"a":{"name":"a"}}"#
    );
    assert_eq!(sub_results(2), None);
    let text = report.to_text(false);
    assert!(
        text.contains("\n  u: FAIL\n    p: PASS\n    q: FAIL\n  v: PASS\n    r: PASS\n"),
        "{text}"
    );
}
