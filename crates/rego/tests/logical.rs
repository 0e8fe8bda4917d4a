//! What `and`, `or` and `not` over bodies refuse, and what the imports of keywords change.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

use stele_rego::format::format;
use stele_rego::vm::{Input, Program, Request, Worker};
use stele_rego::{CompileOptions, Diagnostic, SourceFile, compile, parse};
use stele_types::{EntryPoint, Value};

const IMPORTS: &str = "import future.keywords.and\nimport future.keywords.not\nimport future.keywords.or\n";

fn checked(text: &str) -> Result<(), Vec<Diagnostic>> {
    let module = parse(&SourceFile::new("a.rego", text))?;
    stele_rego::check(&[module], &CompileOptions::default())
}

/// What is underlined, and said of it.
fn errors(imports: &str, body: &str) -> Vec<(String, String)> {
    let text = format!("package a\n\n{imports}\np if {{\n\t{body}\n}}\n");
    let found = checked(&text).expect_err(body);
    let shown = |found: &Diagnostic| {
        let span = text.get(found.span.range()).unwrap().to_owned();
        (
            span,
            format!("{} {}", found.message, found.help.as_deref().unwrap_or_default()),
        )
    };
    found.iter().map(shown).collect()
}

fn answer(imports: &str, rules: &str, input: &str) -> Option<Value> {
    let text = format!("package a\n\n{imports}\n{rules}\n");
    let module =
        parse(&SourceFile::new("a.rego", text.as_str())).unwrap_or_else(|e| panic!("{}", e[0].render(&text)));
    let entry_points = [EntryPoint::new("a/p").unwrap()];
    let plan = compile(&[module], &entry_points, &CompileOptions::default())
        .unwrap_or_else(|e| panic!("{}", e[0].render(&text)));
    let program = Program::new(&plan).unwrap();
    let data = program.data(&Value::object([])).unwrap();
    let mut worker = Worker::default();
    let request = Request::new("a/p", Input::Json(input.as_bytes()));
    worker.evaluate(&program, &data, &request).unwrap().to_value()
}

#[test]
fn operands_bind_nothing_outside() {
    for (body, span, what) in [
        (
            "x := 1 or input.b",
            "x := 1",
            "an operand of `or` can't declare variables",
        ),
        (
            "input.a and x := input.b",
            "x := input.b",
            "an operand of `and` can't declare variables",
        ),
        (
            "not x := input.b",
            "x := input.b",
            "a negated statement can't declare variables",
        ),
        (
            "not { not a := 1 }",
            "a := 1",
            "a negated statement can't declare variables",
        ),
        (
            "input.a or some x in input.b",
            "some x in input.b",
            "an operand of `or` can't declare variables",
        ),
        ("x = 1 or input.b", "x", "the variable `x` is not bound"),
        ("{x := 1} and x == 1", "x", "the variable `x` is not bound"),
        ("input[x] or input.b", "x", "the variable `x` is not bound"),
        ("input.b or input.a[_]", "_", "the wildcard `_` is not bound here"),
        ("not input.a[_]", "_", "the wildcard `_` is not bound here"),
        (
            "{ a := 1 } or { b := 2 }; a == b",
            "a",
            "the variable `a` is not bound",
        ),
    ] {
        let found = errors(IMPORTS, body);
        assert!(
            found
                .iter()
                .any(|(at, message)| at == span && message.starts_with(what)),
            "{body}: {found:?}"
        );
    }
}

#[test]
fn what_is_no_statement_is_refused_with_a_hint() {
    for (body, span, hint) in [
        ("x := (input.a or input.b)", "or", "have no value"),
        ("count(input.a or input.b)", "or", "have no value"),
        ("every x in (input.a or input.b) { x }", "or", "have no value"),
        (
            "input.a with input as {} or input.b",
            "or",
            "(p with input as x) or q",
        ),
        (
            "input.a or input.b with input as {} or input.c",
            "or",
            "(p with input as x) or q",
        ),
        (
            "some x in input.a or input.b",
            "or",
            "{ some x in xs; p(x) } or q",
        ),
    ] {
        let found = errors(IMPORTS, body);
        assert!(
            found
                .iter()
                .any(|(at, message)| at == span && message.contains(hint)),
            "{body}: {found:?}"
        );
    }
    let without = errors("", "input.a or input.b");
    assert!(without[0].1.contains("import future.keywords.or"), "{without:?}");
    // Without the import, parentheses behind `not` hold an expression.
    let grouped = errors("import future.keywords.or", "not (input.a or input.b)");
    assert_eq!(grouped[0].0, "or", "{grouped:?}");
}

#[test]
fn an_import_makes_not_negate_all_of_its_statement() {
    let rule = "p if not input.x + input.y == input.z";
    assert_eq!(answer("", rule, "{}"), None);
    let whole = answer("import future.keywords.not", rule, "{}");
    assert_eq!(whole, Some(Value::Bool(true)));
    let whole = answer("import future.keywords", rule, r#"{"x": 1, "y": 2, "z": 3}"#);
    assert_eq!(whole, None);
}

#[test]
fn an_expression_branches_nothing() {
    let rules = "s := {\"do\", \"re\", \"mi\"}\np := [x | some x in s; count(x) > 1 or count(x) < 3; true and {some y in s; y != x}]";
    let answer = answer(IMPORTS, rules, "{}").unwrap();
    assert_eq!(answer.as_array().unwrap().len(), 3);
}

#[test]
fn names_are_names_where_nothing_is_imported() {
    let rules = "or := 1\nand(x) := x\np := and(or)";
    assert_eq!(answer("", rules, "{}"), Some(Value::from(1_i64)));
    // The builtins keep their names, and so do members.
    let rules = "p := or({1}, and({2}, {2})) if input.or.and or\n\tinput.x";
    let answer = answer(IMPORTS, rules, r#"{"or": {"and": 1}}"#).unwrap();
    assert_eq!(answer, Value::set([Value::from(1_i64), Value::from(2_i64)]));
}

#[test]
fn layout_is_kept_where_it_says_something() {
    let text = "package a\n\nimport rego.v1\nimport future.keywords.or\nimport future.keywords.and\nimport future.keywords.not\nimport future.keywords.in\n\np if {\n  ((input.a or   input.b)) and ( not {input.c ; input.d} )\n  input.a or # first\n     {\n  some x in input.xs; x > 1\n  }\n  not (input.a or input.b)\n  input.a or (input.b or input.c)\n  (input.a with input as {}) and input.b with input.c as 1\n}\n";
    let formatted = format(&SourceFile::new("a.rego", text)).unwrap();
    let wanted = "package a\n\nimport future.keywords.and\nimport future.keywords.not\nimport future.keywords.or\nimport rego.v1\n\np if {\n\t(input.a or input.b) and not { input.c; input.d }\n\tinput.a or # first\n\t\t{\n\t\t\tsome x in input.xs\n\t\t\tx > 1\n\t\t}\n\tnot (input.a or input.b)\n\tinput.a or (input.b or input.c)\n\t(input.a with input as {}) and input.b with input.c as 1\n}\n";
    assert_eq!(formatted, wanted);
}

#[test]
fn what_newer_interpreters_read_otherwise_is_as_documented() {
    assert_eq!(
        answer("", "p := x if { x := y; x = 7 }", "{}"),
        Some(Value::from(7_i64))
    );
    let found = checked(
        "package a\n\np[x].b := 1 if { some x in [1]; not p[x].c }\np[x].c := 2 if { some x in [1]; input.q }\n",
    );
    assert!(found.unwrap_err()[0].message.contains("depends on itself"));
}

#[test]
fn braces_are_a_body_only_where_a_keyword_joins_them() {
    let input = r#"{"b": false}"#;
    let rule = "p if { {input.b} with input as {\"b\": false} }";
    for imports in ["", "import future.keywords", IMPORTS] {
        assert_eq!(answer(imports, rule, input), Some(Value::Bool(true)), "{imports}");
        let set = answer(imports, "p if { {1, 2} with input as {} }", "{}");
        assert_eq!(set, Some(Value::Bool(true)), "{imports}");
    }
    let body =
        "p if { {input.a with input as {\"a\": 1}; input.b with input as {\"b\": false}} or {input.b} }";
    assert_eq!(answer(IMPORTS, body, input), None);
    assert_eq!(answer(IMPORTS, body, r#"{"b": 1}"#), Some(Value::Bool(true)));
}

#[test]
fn an_import_in_brackets_brings_one_keyword() {
    for import in [
        "import future.keywords[\"in\"]",
        "import future[\"keywords\"].in",
        "import future.keywords.not",
    ] {
        assert_eq!(
            answer(import, "or := 1\nand := 2\np := or", "{}"),
            Some(Value::from(1_i64)),
            "{import}"
        );
    }
    let rule = "p if false or {true}";
    for import in ["import future.keywords[\"or\"]", "import future[\"keywords\"]"] {
        assert_eq!(answer(import, rule, "{}"), Some(Value::Bool(true)), "{import}");
    }
}

#[test]
fn formatting_keeps_sets_from_being_bodies() {
    let same = |statement: &str| {
        let text = format!("package a\n\n{IMPORTS}\np if {statement}\n");
        let formatted = format(&SourceFile::new("a.rego", text.as_str()))
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert_eq!(formatted, text);
    };
    for statement in [
        "({}) and input.a",
        "not ({false})",
        "input.a and ({false})",
        "input.a and ({x | x := input.b})",
        "input.a or ({1, 2} & {2} == input.b)",
        "not ({1} == {1})",
        "({1} == input.x) or input.b",
        "({\"a\": 1}.a == 1) and input.a",
        "({1}) = input.b and input.a",
        "({false}) and input.a or not ({1})",
        "(({1}) with input as {}) and input.a",
        "input.a or not (({1}) with input as {})",
    ] {
        same(statement);
    }
    // Nothing needs parentheses where braces can't be a body.
    same("{\n\t{1} == input.x\n}");
    let text = "package a\n\np if not {1} == {2}\n";
    assert_eq!(format(&SourceFile::new("a.rego", text)).unwrap(), text);
}
