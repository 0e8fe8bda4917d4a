use super::*;
use crate::testing;

const LIB: &str = r#"package lib.found

of(id, message) := {"id": id, "msg": message}
"#;

/// The ids of a policy `own/x`, texts first, what is made of pieces as `PREFIX*SUFFIX`.
fn ids(body: &str) -> Vec<String> {
    let text =
        format!("# METADATA\n# custom:\n#   id: own/x\npackage own.x\n\nimport data.lib.found\n\n{body}\n");
    let data = r#"{"config": {"ids": {"s3": "own/x/from-data"}}}"#;
    let files = [("x.rego", text.as_str()), ("lib.rego", LIB), ("data.json", data)];
    let set = testing::set(&files);
    let policy = set.policies().next().unwrap();
    let Ids { texts, made } = Finder::new(&set).ids(policy, &["deny"]);
    let made = made
        .into_iter()
        .map(|(prefix, suffix)| format!("{prefix}*{suffix}"));
    texts.into_iter().chain(made).collect()
}

#[test]
fn constants_are_followed_through_functions_variables_and_rules() {
    for body in [
        r#"deny contains {"id": "own/x/a", "msg": input.m, "resource": input.r}"#,
        r#"deny contains found.of("own/x/a", input.m)"#,
        r#"deny contains finding if { finding := found.of("own/x/a", sprintf("%s", [input.m])) }"#,
        r#"deny contains outer("own/x/a")
outer(name) := found.of(name, input.m)"#,
        "deny contains finding if some finding in all_findings\nall_findings contains {\"id\": id, \"msg\": input.m} if id := \"own/x/a\"",
        r#"deny := [finding | some name in input.names; finding := {"id": "own/x/a", "msg": name}]"#,
        r#"deny := {"id": id, "msg": "m"} if { id := object.get({"a": "own/x/a"}, input.key, "own/x/a") }"#,
        r#"deny contains finding if { found.of("own/x/a", "m", finding) }"#,
        r#"deny contains object.union({"path": input.path}, {"id": "own/x/a", "msg": input.m})"#,
        r#"deny[name] := {"id": "own/x/a", "msg": name} if some name in input.names"#,
    ] {
        let ids = ids(body);
        assert!(ids.contains(&"own/x/a".to_owned()), "{body}: {ids:?}");
        assert!(ids.iter().all(|id| !id.contains('*')), "{body}: {ids:?}");
    }
    // Messages are no ids, whatever they are made of.
    assert_eq!(ids(r#"deny contains sprintf("%s", [input.m])"#), [""; 0]);
    assert_eq!(
        ids(r#"deny contains {"msg": input.m, "details": input}"#),
        [""; 0]
    );
}

#[test]
fn tables_are_gone_through() {
    for body in [
        "checks := [{\"id\": \"own/x/a\", \"key\": \"k\"}]\ndeny contains {\"id\": check.id, \"msg\": \"m\"} if { some check in checks; input[check.key] }",
        "checks := {\"own/x/a\": \"k\"}\ndeny contains {\"id\": id, \"msg\": \"m\"} if { some id, key in checks; input[key] }",
        "checks := {\"own/x/a\": \"k\"}\ndeny contains {\"id\": id, \"msg\": \"m\"} if input[checks[id]]",
        "checks[\"own/x/a\"] := \"k\"\ndeny contains {\"id\": id, \"msg\": \"m\"} if input[checks[id]]",
        "checks := {\"k\": \"own/x/a\"}\ndeny contains {\"id\": checks[input.key], \"msg\": \"m\"}",
        "checks := {\"k\": [\"own/x/a\"]}\nkey := \"k\"\ndeny contains {\"id\": checks[key][0], \"msg\": \"m\"}",
    ] {
        let ids = ids(body);
        assert!(ids.contains(&"own/x/a".to_owned()), "{body}: {ids:?}");
        assert!(ids.iter().all(|id| !id.contains('*')), "{body}: {ids:?}");
    }
    let body = r#"deny contains {"id": data.config.ids[input.kind], "msg": "m"}"#;
    assert_eq!(ids(body), ["own/x/from-data", "s3"]);
    let body = r#"deny contains {"id": id, "msg": "m"} if some id in data.config.ids"#;
    assert_eq!(ids(body), ["own/x/from-data", "s3"]);
}

#[test]
fn texts_that_are_made_keep_their_beginnings_and_ends() {
    for (expression, expected) in [
        (r#"sprintf("own/x/%s", [input.name])"#, "own/x/*"),
        (r#"sprintf("own/%s/%d-open", ["x", input.port])"#, "own/x/*-open"),
        (r#"sprintf("%s/%s", ["own/x", "a"])"#, "own/x/a"),
        (r#"sprintf("%5s%%", ["own"])"#, "*"),
        (r#"sprintf(input.format, [])"#, "*"),
        (r#"concat("/", ["own", "x", input.name])"#, "own/x/*"),
        (r#"concat("/", input.parts)"#, "*"),
        (r#"$"own/x/{input.name}-end""#, "own/x/*-end"),
        (r#"lower("own/x/A")"#, "*"),
        ("input.id", "*"),
        (r#"data[input.at]"#, "*"),
        (r#"json.unmarshal(input.text).id"#, "*"),
        ("count(input)", ""),
    ] {
        let found = ids(&format!(r#"deny contains {{"id": {expression}, "msg": "m"}}"#));
        let expected: &[&str] = if expected.is_empty() { &[] } else { &[expected] };
        assert_eq!(found, expected, "{expression}");
    }
}

#[test]
fn what_comes_out_of_the_input_may_have_any_id() {
    for body in [
        "deny contains finding if some finding in input.findings",
        "deny contains finding if walk(input, [_, finding])",
        "deny := json.unmarshal(input.text)",
        "deny contains finding if { finding := all_findings with data.config as input.config }\nall_findings := {\"msg\": \"m\"}",
    ] {
        assert!(ids(body).contains(&"*".to_owned()), "{body}");
    }
}
