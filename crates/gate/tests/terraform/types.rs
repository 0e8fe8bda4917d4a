//! Sets, declared types and the space around directives: where a known value would be a wrong one.

use crate::{after, module, value};

#[test]
fn elements_of_sets_are_their_own_keys() {
    let cases = [
        ("[for k, v in toset([\"22\"]) : k]", "[\"22\"]"),
        ("[for k, v in [\"22\"] : k]", "[0]"),
        ("[for k, v in tolist(toset([\"22\"])) : k]", "[0]"),
        (
            "[for k, v in setunion([\"22\"], [\"80\"]) : k]",
            "[\"22\",\"80\"]",
        ),
        ("[for k, v in true ? [\"22\"] : toset([\"80\"]) : k]", "[\"22\"]"),
        ("\"%{ for k, v in toset([\"22\"]) }${k}%{ endfor }\"", "\"22\""),
        ("toset([22, \"22\"])", "[\"22\"]"),
        ("toset([\"a\"])[0]", "unknown"),
        ("length(toset([1, 1]))", "1"),
        ("flatten([toset([1]), 2])", "[1,2]"),
        ("[for k, v in distinct([\"b\", \"a\", \"b\"]) : k]", "[0,1]"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
    let of = |variable: &str, each: &str| {
        let text = format!(
            "{variable}\nresource \"a\" \"r\" {{\n  dynamic \"ingress\" {{\n    for_each = {each}\n    content {{\n      from_port = ingress.key\n    }}\n  }}\n}}\n"
        );
        after(&module(&[("main.tf", &text)])).0
    };
    let expected = r#"{"ingress":[{"from_port":"22"}]}"#;
    assert_eq!(of("", "toset([\"22\"])"), expected);
    let variable = "variable \"p\" {\n  type = set(string)\n  default = [22, \"22\"]\n}";
    assert_eq!(of(variable, "var.p"), expected);
}

/// What an expression comes to with a variable `v` of this type and default.
fn typed(kind: &str, default: &str, expression: &str) -> String {
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!("  type = {kind}\n")
    };
    let text = format!(
        "variable \"v\" {{\n{kind}  default = {default}\n}}\nresource \"t\" \"r\" {{\n  a = {expression}\n}}\n"
    );
    let input = module(&[("main.tf", &text)]);
    assert_eq!(input.failures, [], "{text}");
    let (after, unknown) = after(&input);
    if unknown == r#"{"a":true}"# {
        return "unknown".to_owned();
    }
    after
}

#[test]
fn variables_have_the_type_that_they_are_declared_with() {
    let open = "var.v == \"true\" ? \"public-read\" : \"private\"";
    let rules = "object({ port = number, open = optional(bool, \"true\"), note = optional(string) })";
    let cases = [
        ("string", "true", open, r#"{"a":"public-read"}"#),
        ("bool", "\"true\"", "var.v == true", r#"{"a":true}"#),
        ("number", "\"22\"", "var.v == 22", r#"{"a":true}"#),
        ("number", "\"22\"", "var.v == \"22\"", r#"{"a":false}"#),
        ("", "true", open, "unknown"),
        ("any", "true", open, "unknown"),
        ("number", "\"x\"", "var.v", "unknown"),
        ("list(string)", "[22, true]", "var.v", r#"{"a":["22","true"]}"#),
        ("list(any)", "[22, \"x\"]", "var.v", r#"{"a":["22","x"]}"#),
        ("list(number)", "[\"22\"]", "contains(var.v, 22)", r#"{"a":true}"#),
        (
            "set(number)",
            "[\"2\", 1, 2]",
            "[for k, v in var.v : k]",
            r#"{"a":[1,2]}"#,
        ),
        ("map(bool)", "{ x = \"true\" }", "var.v", r#"{"a":{"x":true}}"#),
        (
            "tuple([string, number])",
            "[1, \"1\"]",
            "var.v",
            r#"{"a":["1",1]}"#,
        ),
        (
            rules,
            "{ port = \"22\", other = 1 }",
            "var.v",
            r#"{"a":{"note":null,"open":true,"port":22}}"#,
        ),
        ("map(number)", "[1]", "var.v", "unknown"),
        ("string", "null", "var.v == null", r#"{"a":true}"#),
    ];
    for (kind, default, expression, expected) in cases {
        assert_eq!(
            typed(kind, default, expression),
            expected,
            "{kind} {default} {expression}"
        );
    }
}

#[test]
fn types_of_the_json_syntax_count_too() {
    let text = r#"{"variable": {"v": {"type": "list(string)", "default": [true]}},
"resource": {"a": {"r": {"acl": "${var.v[0] == \"true\" ? \"public\" : \"private\"}"}}}}"#;
    let input = module(&[("main.tf.json", text)]);
    assert_eq!(after(&input).0, r#"{"acl":"public"}"#);
}

#[test]
fn equality_is_told_where_the_types_are_and_only_there() {
    let cases = [
        ("\"1\" == 1", "false"),
        ("(true ? 1 : \"x\") == \"1\"", "true"),
        ("[1, var.u] == [2, 1]", "false"),
        ("[1, var.u] == [1, 1]", "unknown"),
        ("[1] == [\"1\"]", "false"),
        ("[1] == [1]", "true"),
        ("tolist([1]) == [1]", "unknown"),
        ("element([1], 0) == \"1\"", "unknown"),
        ("element([1], 0) != 1", "false"),
        ("contains([22], \"22\")", "unknown"),
        ("contains([22, var.u], 22)", "true"),
        ("null == \"x\"", "false"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn markers_strip_the_space_beside_them() {
    let cases = [
        ("\"%{ if true ~} x %{~ endif }\"", "\"x\""),
        ("\"a %{~ if false }x%{ else ~} y %{~ endif ~} b\"", "\"ayb\""),
        ("\"a %{~ if true } x %{~ else }y%{ endif }\"", "\"a x\""),
        ("\"%{ for x in [1, 2] ~} ${x} %{~ endfor }\"", "\"12\""),
        ("\"a ${~ \"b\" ~} c\"", "\"abc\""),
        ("\" ${\" b \"} ${~ 1}\"", "\"  b 1\""),
        ("\"x${\" b \" ~} ${1}\"", "\"x b 1\""),
        ("<<E\n%{ if true ~}\nprivate\n%{~ endif ~}\nE\n", "\"private\""),
        ("<<E\n%{ if true ~}\n  private\n%{ endif ~}\nE\n", "unknown"),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}
