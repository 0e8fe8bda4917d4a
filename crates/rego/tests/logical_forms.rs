//! Forms around `and`, `or` and `not` that OPA refuses, and chains of many operands.
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

fn module(imports: &str, rules: &str) -> String {
    format!("package a\n\n{imports}\n{rules}\n")
}

/// What is underlined, with message and hint.
fn errors(imports: &str, rules: &str) -> Vec<(String, String)> {
    let text = module(imports, rules);
    let found = parse(&SourceFile::new("a.rego", text.as_str()))
        .and_then(|module| stele_rego::check(&[module], &CompileOptions::default()))
        .expect_err(rules);
    let shown = |found: &Diagnostic| {
        let help = found.help.as_deref().unwrap_or_default();
        (
            text[found.span.range()].to_owned(),
            format!("{}; {help}", found.message),
        )
    };
    found.iter().map(shown).collect()
}

fn refused(imports: &str, body: &str, span: &str, what: &str) {
    let found = errors(imports, &format!("p if {{\n\t{body}\n}}"));
    let fits = |(at, message): &(String, String)| at == span && message.contains(what);
    assert!(found.iter().any(fits), "{body}: {found:?}");
}

fn answer(rules: &str, input: &str) -> Option<Value> {
    let text = module(IMPORTS, rules);
    let module =
        parse(&SourceFile::new("a.rego", text.as_str())).unwrap_or_else(|e| panic!("{}", e[0].render(&text)));
    let plan = compile(
        &[module],
        &[EntryPoint::new("a/p").unwrap()],
        &CompileOptions::default(),
    )
    .unwrap_or_else(|e| panic!("{}", e[0].render(&text)));
    let program = Program::new(&plan).unwrap();
    let data = program.data(&Value::object([])).unwrap();
    let request = Request::new("a/p", Input::Json(input.as_bytes()));
    Worker::default()
        .evaluate(&program, &data, &request)
        .unwrap()
        .to_value()
}

#[test]
fn operands_do_not_start_with_the_braces_of_a_value() {
    for value in [
        "{1, 2}",
        "{\"a\": 1}",
        "{k: v | some k, v in input}",
        "{x | some x in input}",
        "{\"a\": 1}[_]",
        "{\"a\": 1}.a",
        "{1} & {2} == input.x",
        "{1} == input.x",
        "{} == input.x",
        "{1} = input.x",
    ] {
        for (body, what) in [
            (format!("{value} and input.z"), "an operand can't start"),
            (format!("{value} or input.z"), "an operand can't start"),
            (format!("input.z and {value}"), "an operand can't start"),
            (format!("input.z or {value} or input.y"), "an operand can't start"),
            (format!("not {value}"), "what `not` negates can't start"),
        ] {
            refused(IMPORTS, &body, value, what);
            let prefix = if body.starts_with("not") { "not " } else { "" };
            refused(IMPORTS, &body, value, &format!("write `{prefix}({value})`"));
        }
    }
    for body in ["{} and input.z", "input.z or {}", "not {}"] {
        refused(IMPORTS, body, "{}", "this body is empty");
    }
    // Without the import, the braces behind `not` are a set.
    let module = module(
        "import future.keywords.and",
        "p if { input.x; not {1} & {2} == {1} and true }",
    );
    assert!(parse(&SourceFile::new("a.rego", module)).is_ok());
}

#[test]
fn what_could_be_a_comprehension_or_a_union_is_neither() {
    for body in [
        "{input.a | input.b} or input.c",
        "input.c and {input.a | input.b; true}",
        "not {input.a | input.b}",
    ] {
        let found = errors(IMPORTS, &format!("p if {{\n\t{body}\n}}"));
        assert!(
            found[0].1.contains("comprehension or a union"),
            "{body}: {found:?}"
        );
    }
    let rules = "p if {\n\t{ (input.a | input.b) == {1} } or false\n\tnot { (input.a | input.b) == {2} }\n}";
    assert!(parse(&SourceFile::new("a.rego", module(IMPORTS, rules))).is_ok());
}

/// Statement, what is underlined, and what is said of it.
const NO_OPERANDS: &[(&str, &str, &str)] = &[
    (
        "every x in input.a { x } or input.b",
        "or",
        "`some`, `every` and `with` stand inside",
    ),
    (
        "input.b or every x in input.a { x }",
        "every",
        "put it into braces",
    ),
    (
        "input.b and every x in input.a { x }",
        "every",
        "put it into braces",
    ),
    (
        "(every x in input.a { x } with input as {})",
        "every x in input.a { x } with input as {}",
        "put it into braces",
    ),
    ("input.b or (input.a; input.c)", ";", "expected `)`"),
    ("input.b or ()", ")", "expected an expression"),
    ("input.b or (x := 1)", ":=", "compare with `==`"),
    ("input.b and (input.a = 1)", "=", "compare with `==`"),
    ("(input.a or input.b) == 1", "or", "have no value"),
    ("input.a or or input.b", "or", "joins two statements"),
    (
        "({ input.a } with input as {}) or input.b",
        "with",
        "behind the statements of the body",
    ),
    (
        "not ({ input.a; input.b } with input as {})",
        "with",
        "behind the statements of the body",
    ),
    (
        "(input.a with input as {})",
        "(input.a with input as {})",
        "drop the parentheses",
    ),
    (
        "((input.a with input as {})) or input.b",
        "(input.a with input as {})",
        "drop the parentheses",
    ),
    (
        "(input.a or input.b with input as {}) with data.x as 1",
        "with",
        "all of them behind",
    ),
    ("print(input.a) or input.b", "print(input.a)", "`print` alone"),
    (
        "input.b and { print(1); print(2) }",
        "{ print(1); print(2) }",
        "`print` alone",
    ),
    (
        "input.a or not x := 1",
        "x := 1",
        "a negated statement can't declare",
    ),
    (
        "not x := 1; x == 1",
        "x := 1",
        "a negated statement can't declare",
    ),
];

#[test]
fn statements_that_are_no_operands_are_refused() {
    for (body, span, what) in NO_OPERANDS {
        refused(IMPORTS, body, span, what);
    }
    refused(
        "",
        "not x := 1; x == 1",
        "x := 1",
        "a negated statement can't declare",
    );
    for body in [
        "input.a or (not input.b)",
        "(input.a with input as {}) or input.b",
        "input.a or (input.b with input as {})",
        "((input.a with input as {}) or input.b)",
        "not (input.a with input as {}) with input as 1",
        "input.a or (input.b or input.c with input as {}) with data.x as 1",
        "input.a or input.b == 1 and {every x in input.c { x }}",
        "(({1}) with input as {}) and input.a",
        "input.a or(input.b)",
        "input.a\n\tor(input.b)",
    ] {
        let text = module(IMPORTS, &format!("p if {{\n\t{body}\n}}"));
        assert!(parse(&SourceFile::new("a.rego", text)).is_ok(), "{body}");
    }
}

/// Imports, rules, what is underlined, and what is said of it.
const EXPLAINED: &[(&str, &str, &str, &str)] = &[
    (
        IMPORTS,
        "or := 1",
        "or",
        "below `import future.keywords.or`, `or` joins two statements and can't be a name",
    ),
    (
        IMPORTS,
        "default and := 1",
        "and",
        "below `import future.keywords.and`, `and` joins",
    ),
    (IMPORTS, "f(or) := 1", "or", "below `import future.keywords.or`"),
    (
        IMPORTS,
        "p if { or := 1 }",
        "or",
        "below `import future.keywords.or`",
    ),
    (
        IMPORTS,
        "p if { some and in input.a; and }",
        "and",
        "below `import future.keywords.and`",
    ),
    (
        IMPORTS,
        "p if { every or in input.a { or } }",
        "or",
        "below `import future.keywords.or`",
    ),
    (
        IMPORTS,
        "p := x if { x := or }",
        "or",
        "below `import future.keywords.or`",
    ),
    (IMPORTS, "p := input.a or input.b", "or", "have no value"),
    (
        IMPORTS,
        "p if { input.a } or input.b",
        "or",
        "write `p if { { a; b } or c }`",
    ),
    (
        "",
        "p if { input.a or input.b }",
        "or",
        "below `import future.keywords.or`",
    ),
    (
        "",
        "p if input.a or input.b",
        "input",
        "below `import future.keywords.or`",
    ),
    (
        "",
        "p := input.a and input.b",
        "input",
        "below `import future.keywords.and`",
    ),
    (
        "",
        "p if { input.a\n\tor input.b }",
        "input",
        "below `import future.keywords.or`",
    ),
    (
        "",
        "p if { input.a\n\tor\n\tinput.b }",
        "or",
        "below `import future.keywords.and` and",
    ),
    (
        "",
        "p if { {input.a} or input.b }",
        "or",
        "below `import future.keywords.or`",
    ),
    (
        "",
        "p if { (input.a or input.b) }",
        "or",
        "below `import future.keywords.or`",
    ),
    (
        "",
        "p := [x | some x in input; x or true]",
        "or",
        "below `import future.keywords.or`",
    ),
    (
        "",
        "p if { not { input.a; input.b } }",
        ";",
        "below `import future.keywords.not`",
    ),
    (
        "import future.keywords.or",
        "p if { not (input.a or input.b) }",
        "or",
        "below `import future.keywords.not`",
    ),
];

#[test]
fn a_keyword_as_name_or_without_import_is_explained() {
    for (imports, rules, span, what) in EXPLAINED {
        let found = errors(imports, rules);
        let fits = |(at, message): &(String, String)| at == span && message.contains(what);
        assert!(found.iter().any(fits), "{rules}: {found:?}");
    }
}

fn chain(count: usize, keyword: &str, last: &str) -> String {
    let mut operands: Vec<String> = (0..count).map(|n| format!("input.x == {n}")).collect();
    operands.push(last.to_owned());
    operands.join(&format!(" {keyword} "))
}

#[test]
fn chains_have_as_many_operands_as_they_like() {
    let rules = format!("p if {}", chain(3000, "or", "input.y"));
    assert_eq!(answer(&rules, r#"{"x": 2999}"#), Some(Value::Bool(true)));
    assert_eq!(answer(&rules, r#"{"x": 3000}"#), None);
    assert_eq!(answer(&rules, r#"{"x": 3000, "y": 1}"#), Some(Value::Bool(true)));
    let rules = format!("p if {}", chain(3000, "and", "input.y").replace("==", "!="));
    assert_eq!(answer(&rules, r#"{"x": 3000, "y": 1}"#), Some(Value::Bool(true)));
    assert_eq!(answer(&rules, r#"{"x": 2999, "y": 1}"#), None);
    let pairs: Vec<_> = (0..1000)
        .map(|n| format!("input.x == {n} and input.y != {n}"))
        .collect();
    let rules = format!("p if not ({})", pairs.join(" or "));
    assert_eq!(answer(&rules, r#"{"x": 999, "y": 0}"#), None);
    assert_eq!(answer(&rules, r#"{"x": 999, "y": 999}"#), Some(Value::Bool(true)));
    let text = module(IMPORTS, &rules);
    let formatted = format(&SourceFile::new("a.rego", text.as_str())).unwrap();
    assert_eq!(formatted.trim_end(), text.trim_end());
}

#[test]
fn parentheses_on_the_left_of_a_chain_change_nothing() {
    let text = module(
        IMPORTS,
        "p if ((input.a or input.b) or input.c) and input.d\n\nq if (input.a and input.b) and input.c or input.d\n",
    );
    let formatted = format(&SourceFile::new("a.rego", text)).unwrap();
    assert!(
        formatted.contains("p if (input.a or input.b or input.c) and input.d\n"),
        "{formatted}"
    );
    assert!(
        formatted.contains("q if input.a and input.b and input.c or input.d\n"),
        "{formatted}"
    );
    let lines = module(
        IMPORTS,
        "p if {\n\tinput.a or # one, for\n\t\tinput.b or\n\t\t# three\n\t\tinput.c\n}",
    );
    assert_eq!(
        format(&SourceFile::new("a.rego", lines.as_str()))
            .unwrap()
            .trim_end(),
        lines.trim_end()
    );
}
