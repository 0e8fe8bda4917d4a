use std::sync::Arc;

use serde_json::json;

use super::Schemas;
use crate::compile::{CompileOptions, check, compile_query};
use crate::source::SourceFile;
use crate::syntax::{parse, parse_query};

/// The messages of the type check of one module, each with its line, `3: message; help`.
fn messages_with(text: &str, schemas: Schemas) -> Vec<String> {
    let source = SourceFile::new("a.rego", format!("package a\n{text}"));
    let module = parse(&source).expect("it parses");
    let options = CompileOptions {
        schemas: Arc::new(schemas),
        ..CompileOptions::default()
    };
    let found = check(&[module], &options).err().unwrap_or_default();
    found
        .iter()
        .map(|found| {
            assert_eq!(found.code.as_str(), "type", "{found}");
            format!(
                "{}: {}; {}",
                found.line.saturating_sub(1),
                found.message,
                found.help.as_deref().unwrap_or("")
            )
        })
        .collect()
}

fn messages(text: &str) -> Vec<String> {
    messages_with(text, Schemas::new())
}

#[test]
fn arguments_of_builtins() {
    assert_eq!(
        messages("p := upper(3)"),
        ["1: `upper` takes a string as its first argument, and gets a number; the call never has a value"]
    );
    assert_eq!(
        messages("q := {1, 2}\nr := q\np := concat(\",\", \"a\") if count(r) > 1"),
        [
            "3: `concat` takes an array or a set as its second argument, and gets a string; the call never has a value"
        ]
    );
    assert_eq!(
        messages("f(x) := sprintf(\"%v\", [x])\np := f(1) + 1"),
        ["2: `+` takes a number as its first argument, and gets a string; the call never has a value"]
    );
    assert_eq!(
        messages("default p := \"none\"\np := 1 if input.x\nq := p + 1"),
        [""; 0]
    );
    assert_eq!(messages("p := x if { some x in [1, \"a\"]; x + 1 > 1 }"), [""; 0]);
    assert_eq!(
        messages("p := {1} - {2}\nq := count(p)\nr := 3 - 1\ns := r + 1"),
        [""; 0]
    );
    assert_eq!(
        messages("p := y if { some x in [\"a\", \"b\"]; y := x + 1 }"),
        ["1: `+` takes a number as its first argument, and gets a string; the call never has a value"]
    );
}

#[test]
fn comparisons() {
    let never = "compare values of one type, or remove the statement";
    assert_eq!(
        messages("p if count(input.x) == \"1\""),
        [format!("1: a number is never equal to a string; {never}")]
    );
    assert_eq!(
        messages("q contains 1\np if { q = [x]; x == 1 }"),
        [format!("2: an array is never equal to a set; {never}")]
    );
    assert_eq!(
        messages("p if { every k, v in {\"a\": 1} { k == v } }"),
        [format!("1: a string is never equal to a number; {never}")]
    );
    assert_eq!(messages("p if { x := input.x; x == 1; x == \"a\" }"), [""; 0]);
    assert_eq!(messages("p if 1 != \"a\""), [""; 0]);
    assert_eq!(
        messages("p if { x := [y | some y in input.xs; upper(y) == 2]; count(x) > 0 }"),
        [format!("1: a string is never equal to a number; {never}")]
    );
}

/// As OPA refuses them.
#[test]
fn parts_of_arguments() {
    let never = "the call never has a value";
    for (rule, argument, builtin, parts) in [
        ("p := union({\"a\"})", "first", "union", "a set"),
        ("p := concat(\",\", [1])", "second", "concat", "a string"),
        (
            "p := concat(\",\", [x | some x in [1]; x + 1 == 2])",
            "second",
            "concat",
            "a string",
        ),
        ("p := sum([1, \"a\"])", "first", "sum", "a number"),
        ("p := object.union_n([2])", "first", "object.union_n", "an object"),
        (
            "p := json.remove({}, [1])",
            "second",
            "json.remove",
            "a string or an array",
        ),
    ] {
        let message =
            format!("1: every part of the {argument} argument of `{builtin}` must be {parts}; {never}");
        assert_eq!(messages(rule), [message], "{rule}");
    }
    for rule in [
        "p := union({input.a})",
        "p := union({x | some x in input})",
        "p := concat(\",\", [])",
        "p := sum([1, input.x])",
        "p := sum([x | some x in [1, \"a\"]])",
        "p := json.remove({}, [[\"a\", 1], \"a/b\"])",
    ] {
        assert_eq!(messages(rule), [""; 0], "{rule}");
    }
    assert_eq!(
        messages("p := json.is_valid(1)"),
        [format!(
            "1: `json.is_valid` takes a string as its first argument, and gets a number; {never}"
        )]
    );
}

#[test]
fn parts_that_are_compared() {
    let never = "compare values of one type, or remove the statement";
    for (rule, kind) in [
        ("p if [1] == [\"a\"]", "an array"),
        (
            "p if { xs := [x | x := 1]; ys := [y | y := \"a\"]; xs == ys }",
            "an array",
        ),
        (
            "p if { x := {\"a\": 1}; y := {\"a\": \"b\"}; x == y }",
            "an object",
        ),
        ("p if { x := {1}; y := {\"a\"}; x == y }", "a set"),
    ] {
        assert_eq!(
            messages(rule),
            [format!("1: {kind} is never equal to {kind}; {never}")],
            "{rule}"
        );
    }
    for rule in [
        "p if [1, input.x] == [input.y, \"a\"]",
        "p if { xs := [x | some x in [1, \"a\"]]; xs == [\"a\"] }",
        "p if { x := {\"a\": 1}; y := {input.k: 1}; x == y }",
        "p if set() == {1}",
        "p if [] == [x | x := 1]",
    ] {
        assert_eq!(messages(rule), [""; 0], "{rule}");
    }
}

#[test]
fn what_has_no_parts_is_not_gone_through() {
    let help = "references go into arrays, objects and sets";
    for rule in [
        "p if { x := \"a\"; x[_] }",
        "p if { x := json.marshal(1); some y in x }",
        "p if { x := 7; x[i] }",
    ] {
        let found = messages(rule);
        assert_eq!(found.len(), 1, "{rule}: {found:?}");
        assert!(found[0].ends_with(help), "{found:?}");
    }
    assert_eq!(messages("p if some x in input.xs"), [""; 0]);
    assert_eq!(
        messages("q := 1\np if not data.a[0].b"),
        [
            "2: data.a has no such part: it is a package, and gets a number for a name; packages have names, which are strings"
        ]
    );
}

/// OPA finds more: types of parameters by their patterns, and of variables by the builtins that take them (D48).
#[test]
fn what_is_not_inferred() {
    for rule in [
        "f([x, 1]) := x\np := f(\"a\")",
        "p if { x := input.x; startswith(x, \"a\"); x + 1 == 2 }",
        "p if [1] == [1, 2]",
    ] {
        assert_eq!(messages(rule), [""; 0], "{rule}");
    }
}

#[test]
fn references() {
    assert_eq!(
        messages("q := {\"a\": 1, \"b\": {\"c\": 2}}\np if q.b.d == 2"),
        ["2: `data.a.q.b` has no `d`: it is an object; it has `c`"]
    );
    assert_eq!(
        messages("p if { x := 3; x.y }"),
        ["1: `x` has no `y`: it is a number; references go into arrays, objects and sets"]
    );
    assert_eq!(
        messages("q[x] := y if some x, y in input.m\np if q.anything.below"),
        [""; 0]
    );
    assert_eq!(messages("q.x.y := 1\np if q.x.y == 1\nr if data.a.s.t"), [""; 0]);
    assert_eq!(
        messages("p := [x | x := [][_]]\nq if { some i; p[i] == 1 }"),
        [""; 0]
    );
    assert_eq!(
        messages("q.x[y] := 1 if some y in [\"a\"]\np if q.x.a.b"),
        ["2: `data.a.q.x.a` has no `b`: it is a number; references go into arrays, objects and sets"]
    );
}

#[test]
fn what_with_replaces_may_be_anything() {
    let rules = "q := 1\nf(x) := 1\n";
    assert_eq!(
        messages(&format!("{rules}p if q == \"a\" with data.a.q as \"a\"")),
        [""; 0]
    );
    assert_eq!(
        messages(&format!("{rules}p if f(1) == \"a\" with f as \"a\"")),
        [""; 0]
    );
    assert_eq!(
        messages(&format!("{rules}p if upper(1) == \"a\" with upper as f")),
        [""; 0]
    );
    assert_eq!(
        messages(&format!("{rules}p if q == \"a\" with input.x as \"a\"")).len(),
        1
    );
}

#[test]
fn schemas_say_what_the_input_is() {
    let mut schemas = Schemas::new();
    schemas.insert(
        &["pod"],
        json!({"type": "object", "properties": {"name": {"type": "string"}, "ports": {"type": "array", "items": {"type": "number"}}}}),
    );
    let text = "# METADATA\n# schemas:\n# - input: schema.pod\np if input.nmae == \"a\"\nq if input.nmae";
    assert_eq!(
        messages_with(text, schemas.clone()),
        ["4: `input` has no `nmae`: it is an object; it has `name`, `ports`"]
    );
    // Without any schemas, names of schemas are not looked up.
    assert_eq!(messages(text), [""; 0]);
    let text = "# METADATA\n# schemas:\n# - input: schema[\"pot\"]\np if input.name";
    let found = messages_with(text, schemas.clone());
    assert!(
        found[0].contains("there is no schema `schema[\"pot\"]`; there are schema.pod"),
        "{found:?}"
    );
    let text = "# METADATA\n# scope: document\n# schemas:\n# - data.pods: {\"type\": \"array\", \"items\": {\"type\": \"string\"}}\np if data.pods[_] == 1\np if data.pods[0] == \"a\"";
    assert_eq!(messages(text).len(), 1);
    let text = "# METADATA\n# schemas:\n# - input: schema.pod\n# - input.ports: {\"type\": \"string\"}\np if { upper(input.ports) == input.name; input.name == 1 }";
    assert_eq!(
        messages_with(text, schemas.clone()),
        ["5: a string is never equal to a number; compare values of one type, or remove the statement"]
    );
    assert_eq!(
        messages_with(
            "p if input.name == 1 with input as {\"name\": 1}",
            schemas.clone()
        ),
        [""; 0]
    );
    let mut whole = Schemas::new();
    whole.insert::<&str>(
        &[],
        json!({"type": "object", "properties": {"name": {"type": "string"}}}),
    );
    assert_eq!(messages_with("p if input.name == 1", whole.clone()).len(), 1);
    assert_eq!(
        messages_with("p if input.name == 1 with input as {\"name\": 1}", whole).len(),
        0
    );
    let text = "# METADATA\n# schemas: nonsense\np := 1";
    assert!(messages(text)[0].contains("`schemas` must be a list"));
}

#[test]
fn another_input_is_not_what_the_schemas_say() {
    let mut schemas = Schemas::new();
    schemas.insert::<&str>(
        &[],
        json!({"type": "object", "properties": {"name": {"type": "string"}}}),
    );
    let rules = "name := input.name\nagain := name\nf(x) := input.name\n\
        pair := [1, again]\nfixed := 1\nall contains again\n";
    let found = |body: &str| messages_with(&format!("{rules}p if {{ {body} }}"), schemas.clone());
    for held in [
        "name == 1",
        "again == 1",
        "f(2) == 1",
        "pair[1] == 1",
        "1 == [x | x := again][0]",
        "upper(again) == \"A\"",
        "every n in all { n == 1 }",
    ] {
        assert_eq!(
            found(&format!("{held} with input as {{\"name\": 1}}")),
            [""; 0],
            "{held}"
        );
        let strict = found(held);
        assert_eq!(
            strict.len(),
            usize::from(!held.starts_with("upper")),
            "{held}: {strict:?}"
        );
    }
    // The schema still holds for the rules themselves, and what has nothing to do with the input stays known.
    assert_eq!(found("fixed == \"a\" with input as {}").len(), 1);
    assert_eq!(found("name == 1; again == \"b\" with input.name as 1").len(), 1);
    assert_eq!(found("not name == 1 with input.name as 2"), [""; 0]);
}

#[test]
fn the_package_s_schemas_hold_for_its_rules() {
    let source = SourceFile::new(
        "a.rego",
        "# METADATA\n# scope: subpackages\n# schemas:\n# - input: {\"type\": \"string\"}\npackage a\n\nx := 1",
    );
    let below = SourceFile::new("b.rego", "package a.b\np if input == 1");
    let beside = SourceFile::new("c.rego", "package c\np if input == 1");
    let modules = [&source, &below, &beside].map(|source| parse(source).expect("it parses"));
    let found = check(&modules, &CompileOptions::default()).expect_err("one rule is wrong");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].file.as_ref(), "b.rego");
}

#[test]
fn queries_are_checked_and_the_check_can_be_switched_off() {
    let source = SourceFile::new("query", "x := upper(data.a.n)");
    let module = parse(&SourceFile::new("a.rego", "package a\nn := 1")).expect("it parses");
    let query = parse_query(&source).expect("it parses");
    let mut options = CompileOptions::default();
    let found =
        compile_query(std::slice::from_ref(&module), &source, &query, &options).expect_err("ill typed");
    assert_eq!(found[0].line, 1);
    options.check_types = false;
    assert!(compile_query(&[module], &source, &query, &options).is_ok());
}
