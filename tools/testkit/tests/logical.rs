#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]
//! What `and`, `or` and `not` with bodies mean among everything else of the language, by hand: each policy has the answer that OPA's
//! reference gives, on all engines that run our plans, the traced machine and contracts among them.

use stele_testkit::engines::{Case, Module, Outcome, Policy, differential, own};
use stele_types::{EntryPoint, Value, json};

const HEADER: &str =
    "package gen\n\nimport future.keywords.and\nimport future.keywords.not\nimport future.keywords.or\n";

fn case(rules: &str, input: &str) -> Case {
    let entry_point = EntryPoint::new("gen/r").unwrap();
    let module = Module {
        name: "gen.rego".to_owned(),
        text: format!("{HEADER}\n{rules}\n"),
    };
    let data = json::parse(
        br#"{"roles": {"ann": ["dev"], "bob": []}}"#,
        &json::Limits::default(),
    )
    .unwrap();
    Case {
        policy: Policy::new(vec![module], vec![entry_point.clone()], data),
        entry_point,
        input: Some(json::parse(input.as_bytes(), &json::Limits::default()).unwrap()),
    }
}

/// The answers of all engines, which must be `want`, in JSON; `undefined`, or `conflict`.
fn holds(rules: &str, input: &str, want: &str) {
    let answers = differential(&mut own(), &case(rules, input))
        .unwrap_or_else(|mismatch| panic!("{rules}\n{input}\n{mismatch}"));
    assert!(answers.len() >= 4, "{rules}");
    for answer in answers {
        let found = match &answer.outcome {
            Outcome::Value(value) => json::to_string(value),
            Outcome::Undefined => "undefined".to_owned(),
            Outcome::Error(kind, _) => format!("{kind:?}").to_lowercase(),
            Outcome::Refused(why) => panic!("{} {rules}: {why}", answer.engine),
        };
        assert_eq!(found, want, "{} of {input}\n{rules}", answer.engine);
    }
}

/// Rules, input and answer.
const OPERANDS: &[(&str, &str, &str)] = &[
    ("r if input.a or input.b", "{}", "undefined"),
    ("r if input.a or input.b", r#"{"a": false, "b": null}"#, "true"),
    ("r if input.a and input.b", r#"{"a": 0, "b": ""}"#, "true"),
    ("r if input.a and input.b", r#"{"a": 0, "b": false}"#, "undefined"),
    ("r if input.a and input.b or input.c", r#"{"c": 1}"#, "true"),
    (
        "r if input.a and (input.b or input.c)",
        r#"{"c": 1}"#,
        "undefined",
    ),
    ("r if not input.a and input.b", r#"{"b": 1}"#, "true"),
    ("r if not (input.a and input.b)", r#"{"a": 1}"#, "true"),
    ("r if not (input.a or input.b)", r#"{"b": 1}"#, "undefined"),
    ("r if not (not (not input.a))", "{}", "true"),
    (
        "r if input.a.b.c or input.a == {\"b\": 1}",
        r#"{"a": {"b": 1}}"#,
        "true",
    ),
    // What fails with an error of a builtin is undefined.
    ("r if 1 / input.z == 1 or true", r#"{"z": 0}"#, "true"),
    ("r if not 1 / input.z == 1", r#"{"z": 0}"#, "true"),
    ("r if not { x := 1 / input.z; x == 1 }", r#"{"z": 0}"#, "true"),
];

#[test]
fn operands_fail_when_false_or_undefined() {
    for (rules, input, want) in OPERANDS {
        holds(rules, input, want);
    }
}

/// Rules, input and answer.
const BODIES: &[(&str, &str, &str)] = &[
    ("r := x if { x := 1; { x := 2; x == 2 } and x == 1 }", "{}", "1"),
    ("r := x if { x := 1; not { x := 2; x == 3 } }", "{}", "1"),
    ("r := x if { x = 1; { x = 1 } or false }", "{}", "1"),
    ("r := x if { x = 1; not { x = 2 } }", "{}", "1"),
    (
        "r := x if { not { y := x; y > 2 }; x = input.a }",
        r#"{"a": 2}"#,
        "2",
    ),
    (
        "r := x if { some x; { y := x; y > 2 } or x == 0; input.a[_] = x }",
        r#"{"a": [0, 1]}"#,
        "0",
    ),
    (
        "r := [x | some x in input.a; { some y in input.a; y > x } or x == 3]",
        r#"{"a": [1, 2, 3, 3]}"#,
        "[1,2,3,3]",
    ),
    (
        "r := [x, y] if { [x, y] := input.a; { [y, x] := input.a; x > y } or x == y }",
        r#"{"a": [1, 2]}"#,
        "[1,2]",
    ),
    (
        "r contains x if { some x in input.a; not { some y in input.a; y < x } }",
        r#"{"a": [3, 1, 2]}"#,
        "[1]",
    ),
    (
        "r if { some x in input.a; not { not { x == input.a[_]; x > 2 } } }",
        r#"{"a": [1, 3]}"#,
        "true",
    ),
    (
        "r if { { some i; input.a[i] == i } and not { some i; input.a[i] > i } }",
        r#"{"a": [0, 0]}"#,
        "true",
    ),
    (
        "r := {k: v | some k, v in input; { v > 1; v < 4 } or { v == 9 }}",
        r#"{"a": 1, "b": 3, "c": 9}"#,
        r#"{"b":3,"c":9}"#,
    ),
];

#[test]
fn bodies_keep_their_variables() {
    for (rules, input, want) in BODIES {
        holds(rules, input, want);
    }
}

#[test]
fn a_statement_holds_once() {
    for (rules, input, want) in [
        (
            "r := [1 | { some x in input.a; x > 0 } or { some x in input.a; x > 1 }]",
            r#"{"a": [1, 2, 3]}"#,
            "[1]",
        ),
        (
            "r := [x | some x in input.a; x > 0 or x > 1]",
            r#"{"a": [1, 2]}"#,
            "[1,2]",
        ),
        (
            "r := count([1 | { input.a[_] } and { input.a[_] }])",
            r#"{"a": [1, 2]}"#,
            "1",
        ),
        (
            "f(x) := 1 if { x > 1 } and true\nf(x) := 2 if { x > 5 } or false\nr := f(input.a)",
            r#"{"a": 3}"#,
            "1",
        ),
        (
            "f(x) := 1 if x > 1 or x < 0\nf(x) := 2 if x > 5 or x == 1\nr := f(input.a)",
            r#"{"a": 7}"#,
            "conflict",
        ),
    ] {
        let rules = rules.replace(" if { x > 1 } and true", " if {\n\t{ x > 1 } and true\n}");
        let rules = rules.replace(" if { x > 5 } or false", " if {\n\t{ x > 5 } or false\n}");
        holds(&rules, input, want);
    }
}

/// Rules, input and answer.
const MODIFIERS: &[(&str, &str, &str)] = &[
    ("r if input.a or input.b with input as {\"b\": 1}", "{}", "true"),
    ("r if input.a or (input.b with input as {\"b\": 1})", "{}", "true"),
    (
        "r if (input.a with input as {\"a\": 1}) and input.a",
        "{}",
        "undefined",
    ),
    (
        "r if not (input.a with input as {}) and input.a",
        r#"{"a": 1}"#,
        "true",
    ),
    (
        "r if not input.a and input.b with input as {\"b\": 1}",
        r#"{"a": 1}"#,
        "true",
    ),
    (
        "q if input.x\nr if (q or false with input.x as true) and not q",
        "{}",
        "true",
    ),
    (
        "q := input.x\nr if not { q == 1 with input.x as 1; q == 2 }",
        r#"{"x": 2}"#,
        "undefined",
    ),
    (
        "f(x) := x\nr if { f(1) == 2 or f(1) == 3 with f as 3 }",
        "{}",
        "true",
    ),
    (
        "r if { count(input.a) == 9 and input.b with count as 9 }",
        r#"{"a": [], "b": 1}"#,
        "true",
    ),
    (
        "r if { not { some role in data.roles[input.who]; role == \"dev\" } with data.roles.bob as [\"dev\"] }",
        r#"{"who": "bob"}"#,
        "undefined",
    ),
    (
        "r if { x := input.a; { input.a == x with input.a as 5 } or false }",
        r#"{"a": 5}"#,
        "true",
    ),
    (
        "r := x if { x := 3; (input == x with input as x) and input != x }",
        "4",
        "3",
    ),
];

#[test]
fn modifiers_are_about_what_they_follow() {
    for (rules, input, want) in MODIFIERS {
        holds(rules, input, want);
    }
}

/// Rules, input and answer.
const FORMS: &[(&str, &str, &str)] = &[
    (
        "default r := 7\nr := 1 if input.a and input.b",
        r#"{"a": 1}"#,
        "7",
    ),
    (
        "r := 1 if input.a or input.b\nelse := 2 if not (input.c or input.d)\nelse := 3",
        "{}",
        "2",
    ),
    (
        "r := 1 if input.a or input.b\nelse := 2 if not (input.c or input.d)\nelse := 3",
        r#"{"d": 1}"#,
        "3",
    ),
    (
        "r if every x in input.a { x > 1 or x == 0 }",
        r#"{"a": [0, 2]}"#,
        "true",
    ),
    (
        "r if every x in input.a { not { x > 1; x < 3 } }",
        r#"{"a": [0, 2]}"#,
        "undefined",
    ),
    (
        "r if { { every x in input.a { x > 1 } } or { every x in input.a { x < 1 } } }",
        r#"{"a": [0, -1]}"#,
        "true",
    ),
    (
        "r if not { every x in input.a { x > 1 } }",
        r#"{"a": [0]}"#,
        "true",
    ),
    (
        "r contains x if { some x in input.a; x in {1, 2} or x in input.b and x != 4 }",
        r#"{"a": [1, 3, 4], "b": [3, 4]}"#,
        "[1,3]",
    ),
    (
        "r[k] := v if { some k, v in input; v == 1 or k == \"z\" }",
        r#"{"a": 1, "b": 2, "z": 3}"#,
        r#"{"a":1,"z":3}"#,
    ),
    (
        "r[a].b contains c if { some a, c in input; a == \"x\" or c == 2 }",
        r#"{"x": 1, "y": 2, "z": 3}"#,
        r#"{"x":{"b":[1]},"y":{"b":[2]}}"#,
    ),
    ("f(x) if x > 1 or not x\nr := [f(1), f(2)]", "{}", "undefined"),
    ("f(x) if x > 1 or x == 1\nr := [f(1), f(2)]", "{}", "[true,true]"),
    (
        "default f(_) := false\nf(x) if not { some y in input.a; y == x }\nr := [f(1), f(2)]",
        r#"{"a": [1]}"#,
        "[false,true]",
    ),
    ("q if r or true\nr if input.a", "{}", "undefined"),
    (
        "p contains 1 if input.a\np contains 2\nr if { p[1] or p[3] or p[2]; not p[4] and not { p[5]; true } }",
        "{}",
        "true",
    ),
    ("r := $\"{x}\" if { x := 1; x == 2 or x == 1 }", "{}", "\"1\""),
    (
        "r := {x | some x in input.a; (x | {9}) == {9} or not { 1 in x }}",
        r#"{"a": []}"#,
        "[]",
    ),
    (
        "r if ({1} & input.s == {1}) or ({} == input.o) and not ({2} == {3})",
        r#"{"s": 1, "o": {}}"#,
        "true",
    ),
    (
        "r if { walk(input, [p, v]); v == 3 and count(p) == 2 or v == 99 }",
        r#"{"a": {"b": 3}}"#,
        "true",
    ),
    (
        "r := object.get(input, \"a\", 1) if input.a == 5 or not input.a",
        "{}",
        "1",
    ),
];

#[test]
fn they_fit_into_every_other_form() {
    for (rules, input, want) in FORMS {
        holds(rules, input, want);
    }
}

#[test]
fn long_chains_answer_on_all_engines() {
    let chain = |keyword: &str, operator: &str, count: usize| {
        let operands: Vec<String> = (0..count).map(|n| format!("input.x {operator} {n}")).collect();
        format!("r if {}", operands.join(&format!(" {keyword} ")))
    };
    holds(&chain("or", "==", 150), r#"{"x": 149}"#, "true");
    holds(&chain("or", "==", 150), r#"{"x": 150}"#, "undefined");
    holds(&chain("and", "!=", 150), r#"{"x": 149}"#, "undefined");
    // Thousands are too much code for a contract, which says so.
    for answer in differential(&mut own(), &case(&chain("or", "==", 2000), r#"{"x": 1999}"#)).unwrap() {
        match answer.outcome {
            Outcome::Value(value) => assert_eq!(value, Value::Bool(true)),
            Outcome::Refused(why) => assert_eq!(why, "more than 24576 bytes of code", "{}", answer.engine),
            other => panic!("{}: {other:?}", answer.engine),
        }
    }
}
