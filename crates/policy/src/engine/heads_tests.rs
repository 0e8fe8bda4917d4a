//! Rewritten heads: what the interpreter decides, against our own evaluator.

use super::heads::rewrite;
use super::*;
use crate::testing::{self, json};

/// Policies with heads that are undefined for some of `INPUT`; all ask for `data.p.r`.
const BODIES: &[&str] = &[
    "r contains sprintf(\"%s\", [c.name]) if some c in input.cs",
    "r contains sprintf(\"%s\", [c.name]) if { some c in input.cs }",
    "r contains {\"id\": c.name} if some c in input.cs",
    "r contains {\"id\": c.name, \"n\": c.n} if {\n\tsome c in input.cs\n\tc.n > 0 # why\n}",
    "r contains c.name if {\n\tsome c in input.cs\n}\n\nr contains \"other\" if true",
    "r contains input.missing",
    "r contains input.cs[_].name",
    "r contains [c.name, c.n] if some c in input.cs",
    "r contains upper(\n\tc.name, # a name\n) if some c in input.cs",
    "r contains concat(`\n`, [c.name, \"x\"]) if some c in input.cs",
    "r contains count([x |\n\tsome x in c.list\n\tx > 1\n]) if some c in input.cs",
    "r[c.name] := c.n if some c in input.cs",
    "r[c.name] contains c.n if some c in input.cs",
    "r[c.name].n := c.n if some c in input.cs",
    "r[lower(c.name)] := c.n if some c in input.cs",
    "r := input.missing",
    "r := input.missing.x if true",
    "r := {\"a\": input.missing}",
    "default r := 7\n\nr := input.missing if input.cs",
    "r := input.missing if input.cs\n\nr := 3 if input.cs",
    "r := input.missing if { input.cs } else := 4",
    "r := input.missing if { input.cs } else := input.cs[0].name if { true }",
    "r := 1 if { input.missing } else := input.missing if { input.cs } else := 5",
    "r := 1 if { input.missing } else := input.missing",
    "f(x) := x.name\n\nr contains y if { some c in input.cs; y := f(c) }",
    "f(x) := upper(x.name) if x.n > 0\n\nr contains f(c) if some c in input.cs",
    "f(x) := x.name if { x.n > 0 } else := \"none\"\n\nr contains f(c) if some c in input.cs",
    "f(x) if not x.name\n\nr contains f(c) if some c in input.cs",
    "q := input.missing\n\nr contains q if input.cs\n\nr contains 1",
    "q := input.missing\n\nr := [q, 1] if input.cs",
    "r := [c.name | some c in input.cs]",
    "r := {c.name | some c in input.cs}",
    "r := {\"m\": [upper(c.name) | some c in input.cs]}",
    "r := {c.name: c.n | some c in input.cs}",
    "r contains [x.name | some x in input.cs; x.n == c.n] if some c in input.cs",
    "r := c.name if { some c in input.cs; c.n == 1 }",
    "r := x if { x := input.one with input.one as 1 }",
    "r := input.one + 1 if input.one == 1 with input.one as 1",
    "r contains c.name if { some c in input.cs; every x in input.cs { x.list } }",
    "r contains x if { c := input.cs[_]; x := c.name }",
    "r := false if input.cs",
    "r := input.no if input.cs",
    "r contains 0 - c.n if some c in input.cs",
    "r contains c.n > 1 if some c in input.cs",
];

const INPUT: &str = r#"{"no": false, "cs": [
    {"name": "a", "n": 1, "list": [1, 2, 3]}, {"n": 2, "list": []}, {"name": "B", "list": [5]}, {"name": "c", "n": 3, "list": [4]}
]}"#;

fn both(body: &str, input: &str) -> [Result<Option<String>, EngineError>; 2] {
    let text = format!("package p\n\nimport rego.v1\n\n{body}\n");
    let set = testing::set(&[("p.rego", &text)]);
    let path = DataPath::parse("p/r").unwrap();
    let modules: Vec<_> = set.modules().iter().map(|module| module.ast.clone()).collect();
    let input = json(input);
    let request = EvalRequest::new(&path, Some(&input));
    let answer = |engine: &mut dyn Engine| {
        let outcome = engine.evaluate(&request)?;
        Ok(outcome
            .value
            .map(|value| stele_types::json::to_string(&value.to_json_projection())))
    };
    let mut interpreter =
        RegorusEngine::new(&set.prepare().unwrap()).unwrap_or_else(|e| panic!("{body}: {e}"));
    let data = json("{}");
    let mut ours = SteleEngine::new(&modules, std::slice::from_ref(&path), &data)
        .unwrap_or_else(|e| panic!("{body}: {e}"));
    [answer(&mut interpreter), answer(&mut ours)]
}

#[test]
fn undefined_heads_are_only_undefined() {
    let mut wrong = Vec::new();
    for body in BODIES {
        let [interpreter, ours] = both(body, INPUT);
        let same = match (&interpreter, &ours) {
            (Ok(left), Ok(right)) => left == right,
            (left, right) => left.is_err() && right.is_err(),
        };
        if !same {
            wrong.push(format!("{body}\n  decides {interpreter:?}\n  exactly {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_nameless_container_hides_no_denial() {
    for body in &BODIES[..3] {
        let [interpreter, _] = both(body, INPUT);
        let value = interpreter.unwrap().unwrap();
        assert!(
            value.contains("\"a\"") && value.contains("\"c\""),
            "{body}: {value}"
        );
    }
}

#[test]
fn negation_is_the_interpreters() {
    let body = "pinned(x) if contains(x, \"@\")\n\nr if not pinned(input.reference)";
    assert_eq!(
        both(body, "{}"),
        [Ok(Some("true".into())), Ok(Some("true".into()))]
    );
}

#[test]
fn lines_stay_and_plain_heads_are_left_alone() {
    for body in BODIES {
        let text: std::sync::Arc<str> = format!("package p\n\n{body}\n\nlast := 1\n").into();
        let new = rewrite("p.rego", &text).unwrap();
        let line = |text: &str| text[..text.find("last :=").unwrap()].lines().count();
        assert_eq!(line(&new), line(&text), "{new}");
        assert_eq!(new.lines().last(), Some("last := 1"));
    }
    let plain: std::sync::Arc<str> = "package p\n\nr contains {\"m\": x} if some x in input.xs\n".into();
    assert!(std::sync::Arc::ptr_eq(
        &plain,
        &rewrite("p.rego", &plain).unwrap()
    ));
}

/// Rows D2 and D7 of `docs/opa-divergences.md`: the interpreter fails where OPA goes on. When one gives a value, take its row out.
#[test]
fn what_else_differs_fails_closed() {
    let [interpreter, ours] = both("r contains x if some x in input.n", r#"{"n": 4}"#);
    assert!(
        matches!(interpreter, Err(EngineError::Builtin { .. })),
        "{interpreter:?}"
    );
    assert!(ours.is_ok(), "{ours:?}");
}
