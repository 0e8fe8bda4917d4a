//! Blocks that are written as rules for blocks, and variables that modules give to each other.

use crate::{after, messages, module, place};

#[test]
fn dynamic_blocks_that_nobody_can_count_hide_no_others() {
    let text = "variable \"u\" {}\nresource \"a\" \"r\" {\n  ingress {\n    port = 22\n  }\n  dynamic \"ingress\" {\n    for_each = var.u\n    content {\n      port  = ingress.value\n      cidrs = [\"0.0.0.0/0\"]\n    }\n  }\n  ingress {\n    port = 80\n  }\n}\n";
    let input = module(&[("main.tf", text)]);
    assert_eq!(input.failures, []);
    let (after, unknown) = after(&input);
    assert_eq!(
        after,
        r#"{"ingress":[{"port":22},{"cidrs":["0.0.0.0/0"]},{"port":80}]}"#
    );
    assert_eq!(unknown, r#"{"ingress":[{},true,{}]}"#);
    assert_eq!(
        place(
            &input,
            &[
                "resource_changes",
                "0",
                "change",
                "after",
                "ingress",
                "1",
                "cidrs",
                "0"
            ]
        ),
        "main.tf:10:16"
    );
}

#[test]
fn dynamic_blocks_of_the_json_syntax_are_blocks() {
    let json =
        |body: &str| format!(r#"{{"variable": {{"u": {{}}}}, "resource": {{"a": {{"r": {{{body}}}}}}}}}"#);
    let port = r#"{"for_each": ["${20 + 2}", 80], "content": {"port": "${ingress.value}"}}"#;
    let named = r#"{"for_each": {"k": 1}, "iterator": "it", "content": [{"k": "${it.key}"}]}"#;
    let cases = [
        (
            format!(r#""dynamic": {{"ingress": {port}}}"#),
            r#"{"ingress":[{"port":22},{"port":80}]}"#,
            r#"{"ingress":[{},{}]}"#,
        ),
        (
            format!(r#""ingress": {{"port": 1}}, "dynamic": [{{"ingress": [{port}, {named}]}}]"#),
            r#"{"ingress":[{"port":1},{"port":22},{"port":80},{"k":"k"}]}"#,
            r#"{"ingress":[{},{},{},{}]}"#,
        ),
        (
            format!(
                r#""rule": {{"dynamic": {{"ingress": {port}}}}}, "dynamic": {{"x": {{"for_each": "${{var.u}}", "content": {{"dynamic": {{"y": {named}}}}}}}}}"#
            ),
            r#"{"rule":[{"ingress":[{"port":22},{"port":80}]}],"x":[{"y":[{"k":"k"}]}]}"#,
            r#"{"rule":[{"ingress":[{},{}]}],"x":[true]}"#,
        ),
        (
            r#""tags": {"dynamic": "x"}"#.to_owned(),
            r#"{"tags":{"dynamic":"x"}}"#,
            r#"{"tags":{}}"#,
        ),
    ];
    for (body, expected, unknown) in cases {
        let input = module(&[("main.tf.json", &json(&body))]);
        assert_eq!(input.failures, [], "{body}");
        assert_eq!(after(&input), (expected.to_owned(), unknown.to_owned()), "{body}");
    }
    let wrong = module(&[("main.tf.json", &json(r#""dynamic": {"ingress": "${var.u}"}"#))]);
    let messages = messages(&wrong);
    assert!(
        messages.len() == 1
            && messages[0].starts_with("main.tf.json:1:")
            && messages[0].contains("`dynamic` has a member"),
        "{messages:?}"
    );
    let halved = module(&[("main.tf", "resource \"a\" \"r\" {\n  dynamic \"x\" {}\n}\n")]);
    assert!(halved.failures[0].message.contains("no `for_each`"));
}

#[test]
fn null_does_not_replace_the_default_of_a_variable_that_may_not_be_null() {
    let variable = "variable \"v\" {\n  default = \"public-read\"\n  nullable = false\n}\n";
    let nullable = variable.replace("false", "true");
    let unknown = variable.replace("default = \"public-read\"\n", "");
    let resource = "resource \"a\" \"r\" {\n  acl = var.v\n}\n";
    let cases = [
        (variable, "v = null", r#"{"acl":"public-read"}"#),
        (variable, "v = \"x\"", r#"{"acl":"x"}"#),
        (&nullable, "v = null", r#"{"acl":null}"#),
        (&unknown, "v = null", "{}"),
    ];
    for (variable, values, expected) in cases {
        let text = format!("{variable}{resource}");
        let input = module(&[("main.tf", &text), ("terraform.tfvars", values)]);
        assert_eq!(after(&input).0, expected, "{variable} {values}");
        let call = format!("variable \"u\" {{}}\nmodule \"m\" {{\n  source = \"./m\"\n  {values}\n}}\n");
        let called = module(&[("main.tf", &call), ("m/main.tf", &text)]);
        assert_eq!(after(&called).0, expected, "{variable} {values}");
        let call = call.replace(values, "v = var.u");
        let called = module(&[("main.tf", &call), ("m/main.tf", &text)]);
        assert_eq!(after(&called).0, "{}", "unknown is not null");
    }
}
