use proptest::prelude::*;
use stele_types::Severity;

use super::*;
use crate::baseline::tests::finding;

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

/// A finding at a path, with a fix.
fn found(path: &str, fix: &str) -> Finding {
    let path = value(path);
    Finding {
        fix: of(None, Some(&value(fix)), path.as_array().unwrap(), 0),
        ..finding("p", "r", Severity::Low)
    }
}

fn fixed(name: &str, text: &str, findings: &[Finding]) -> Result<(Option<Fixed>, Vec<String>), String> {
    let source = Source {
        name: name.to_owned(),
        origin: Origin::Text(text.to_owned()),
        kind: None,
        configuration: None,
    };
    apply(&source, &findings.iter().collect::<Vec<_>>())
}

#[track_caller]
fn becomes(name: &str, text: &str, findings: &[Finding], expected: &str) {
    let (fixed, left) = fixed(name, text, findings).unwrap();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(fixed.unwrap().text, expected);
}

#[track_caller]
fn is_left(name: &str, text: &str, findings: &[Finding], reason: &str) {
    let said = match fixed(name, text, findings) {
        Ok((fixed, left)) => {
            assert_eq!(fixed, None);
            left.join("\n")
        }
        Err(problem) => problem,
    };
    assert!(said.contains(reason), "{said}");
}

const READ_ONLY: &str = r#"{"at": ["security", "readOnly"], "value": true}"#;
const POD: &str = "spec:\n  containers:\n  - name: one # first\n    image: x\n    # behind\n  - name: two\n    security:\n      user: 1 # who\n";

#[test]
fn a_key_goes_behind_the_last_of_its_mapping() {
    let one = found(r#"["spec", "containers", 0]"#, READ_ONLY);
    let expected = POD.replace(
        "    image: x\n",
        "    image: x\n    security:\n      readOnly: true\n",
    );
    becomes("a.yaml", POD, std::slice::from_ref(&one), &expected);
    // What a finding shows may be on the way already, or all of it.
    for path in [
        r#"["spec", "containers", 1]"#,
        r#"["spec", "containers", 1, "security"]"#,
        r#"["spec", "containers", 1, "security", "readOnly"]"#,
    ] {
        let two = found(path, READ_ONLY);
        let both = expected.clone() + "      readOnly: true\n";
        becomes("a.yaml", POD, &[one.clone(), two], &both);
    }
}

#[test]
fn what_is_added_in_one_place_is_added_once() {
    let at = r#"["spec", "containers", 1]"#;
    let fixes = [
        r#"{"at": ["security", "drop"], "value": ["ALL"]}"#,
        r#"{"at": ["security", "profile", "type"], "value": "Default"}"#,
        r#"{"at": ["tag"], "value": "yes"}"#,
        READ_ONLY,
        READ_ONLY,
    ];
    let findings = fixes.map(|fix| found(at, fix));
    let added = "      drop: [\"ALL\"]\n      profile:\n        type: Default\n      readOnly: true\n    tag: \"yes\"\n";
    becomes("a.yaml", POD, &findings, &format!("{POD}{added}"));
    let (fixed, _) = fixed("a.yaml", POD, &findings).unwrap();
    assert_eq!(fixed.unwrap().edits, 4);
    // Two that contradict each other: the first wins.
    let other = found(at, r#"{"at": ["security", "readOnly"], "value": false}"#);
    let deeper = found(at, r#"{"at": ["security", "readOnly", "deep"], "value": 1}"#);
    let (fixed, left) = self::fixed("a.yaml", POD, &[findings[3].clone(), other, deeper]).unwrap();
    assert!(fixed.unwrap().text.ends_with("      readOnly: true\n"));
    assert!(left.len() == 2 && left[0].contains("overlaps"), "{left:?}");
}

#[test]
fn it_is_written_as_its_surroundings_are() {
    let a = |fix: &str| [found("[]", fix)];
    let one = r#"{"at": ["b"], "value": 1}"#;
    becomes("a.yaml", "a: 0", &a(one), "a: 0\nb: 1");
    becomes(
        "a.yaml",
        "a: 0\r\nc: 2 # x\r\n",
        &a(one),
        "a: 0\r\nc: 2 # x\r\nb: 1\r\n",
    );
    becomes(
        "a.yaml",
        "a: |\n  text\n\n# end\n",
        &a(one),
        "a: |\n  text\nb: 1\n\n# end\n",
    );
    becomes(
        "a.yaml",
        "a:\n- [1,\n   2]\n",
        &a(one),
        "a:\n- [1,\n   2]\nb: 1\n",
    );
    becomes("a.yaml", "a:\n", &a(one), "a:\nb: 1\n");
    // Behind what can be followed: an alias's own text can't.
    becomes("a.yaml", "a: &x 0\nc: *x\n", &a(one), "a: &x 0\nb: 1\nc: *x\n");
    becomes("a.yaml", "{a: 0}\n", &a(one), "{a: 0, b: 1}\n");
    becomes("a.yaml", "{a: 0, }\n", &a(one), "{a: 0, b: 1, }\n");
    becomes(
        "a.yaml",
        "x: {}\n",
        &a(r#"{"at": ["x", "b"], "value": {"c d": ["e"]}}"#),
        "x: {b: {\"c d\": [\"e\"]}}\n",
    );
    becomes("a.json", "{\"a\":0}", &a(one), "{\"a\":0, \"b\": 1}");
    becomes(
        "a.json",
        "{\n  \"a\": {\n    \"c\": 0\n  }\n}\n",
        &a(one),
        "{\n  \"a\": {\n    \"c\": 0\n  },\n  \"b\": 1\n}\n",
    );
    becomes(
        "a.json",
        "{}\n",
        &a(r#"{"at": ["b", "c"], "value": null}"#),
        "{\"b\": {\"c\": null}}\n",
    );
    // Beside a value that is replaced.
    let both = r#"[{"path": ["a"], "value": 5}, {"path": ["b"], "value": 1}]"#;
    becomes("a.yaml", "a: 0 # zero\n", &a(both), "a: 5 # zero\nb: 1\n");
}

#[test]
fn what_is_empty_becomes_a_mapping() {
    let fix = [found("[]", READ_ONLY)];
    for (text, expected) in [
        ("a: 0\nsecurity:\n", "a: 0\nsecurity:\n  readOnly: true\n"),
        (
            "security: # none\na: 0\n",
            "security: # none\n  readOnly: true\na: 0\n",
        ),
        (
            "security:\r\na: 0\r\n",
            "security:\r\n  readOnly: true\r\na: 0\r\n",
        ),
        ("a: 0\nsecurity: ~\n", "a: 0\nsecurity: {readOnly: true}\n"),
        (
            "a: 0\nsecurity: null # x\n",
            "a: 0\nsecurity: {readOnly: true} # x\n",
        ),
        ("{a: 0, security: }\n", "{a: 0, security: {readOnly: true} }\n"),
        ("security: {}\n", "security: {readOnly: true}\n"),
    ] {
        becomes("a.yaml", text, &fix, expected);
    }
    let json = r#"{"security": null}"#;
    becomes("a.json", json, &fix, r#"{"security": {"readOnly": true}}"#);
    // Two keys of one, and what hangs on an anchor has no place.
    let two = [
        fix[0].clone(),
        found("[]", r#"{"at": ["security", "user"], "value": 1}"#),
    ];
    becomes(
        "a.yaml",
        "security:\n",
        &two,
        "security:\n  readOnly: true\n  user: 1\n",
    );
    for text in [
        "security: &x\nb: *x\n",
        "security: !!null null\n",
        "security: &y null\n",
        "security: !!null\n  ~\n",
        "{a: 0, security: !!null null}\n",
        "{security: &y ~, b: *y}\n",
    ] {
        is_left("a.yaml", text, &fix, "empty or null; write `{}`");
    }
}

#[test]
fn what_an_alias_shares_is_mended_once_or_not_at_all() {
    let of = |key: &str| found(&format!("[\"{key}\"]"), READ_ONLY);
    let shared = "b: {security: &x {user: 1}}\nc: {security: *x}\n";
    let mended = shared.replace("user: 1", "user: 1, readOnly: true");
    becomes("a.yaml", shared, &[of("b"), of("c")], &mended);
    is_left("a.yaml", shared, &[of("b")], "share a value by an alias");
    is_left("a.yaml", shared, &[of("c")], "share a value by an alias");
}

#[test]
fn one_alias_does_not_keep_the_rest_from_being_fixed() {
    let of = |key: &str| found(&format!("[\"{key}\"]"), READ_ONLY);
    let mut text = "b: {security: &x {user: 1}}\nc: {security: *x}\n".to_owned();
    let mut findings = vec![of("c")];
    let mut expected = text.clone();
    for number in 0..40 {
        text.push_str(&format!("k{number}: {{security: {{user: 2}}}}\n"));
        expected.push_str(&format!("k{number}: {{security: {{user: 2, readOnly: true}}}}\n"));
        findings.push(of(&format!("k{number}")));
    }
    // Two that share another one, and both have the finding: in one place, however far they are from each other.
    text.push_str("d: {security: &y {user: 3}}\ne: {security: *y}\n");
    expected.push_str("d: {security: &y {user: 3, readOnly: true}}\ne: {security: *y}\n");
    findings.insert(0, of("e"));
    findings.push(of("d"));
    let (fixed, left) = fixed("a.yaml", &text, &findings).unwrap();
    assert_eq!(fixed.unwrap().text, expected);
    assert!(left.len() == 1 && left[0].contains("by an alias"), "{left:?}");
}

#[test]
fn parts_of_large_documents_have_their_own_places() {
    let item = r#"{"name": "x", "security": {"user": 1}}"#;
    let items = vec![item; 1000].join(",\n  ");
    let text = format!("\n{{\"items\": [\n  {items}\n]}}\n");
    let findings: Vec<Finding> = (0..1000)
        .map(|number| found(&format!("[\"items\", {number}]"), READ_ONLY))
        .collect();
    let mended = item.replace("1}", "1, \"readOnly\": true}");
    becomes("a.json", &text, &findings, &text.replace(item, &mended));
}

#[test]
fn what_would_say_more_or_has_no_place_is_left() {
    let b = |path: &str| [found(path, r#"{"at": ["b"], "value": 1}"#)];
    is_left("a.toml", "a = 0\n", &b("[]"), "YAML and JSON only");
    is_left("a.yaml", "- 1\n", &b("[]"), "no mapping");
    is_left(
        "a.yaml",
        "a: &x\n  c: 0\nd: *x\n",
        &b(r#"["d"]"#),
        "would say something else",
    );
    is_left(
        "a.yaml",
        "a: &x {c: 0}\nd: {<<: *x}\n",
        &b(r#"["d"]"#),
        "has no place for it",
    );
    let item = [found("[]", r#"{"path": ["a", 3, "b"], "value": 1}"#)];
    is_left(
        "a.yaml",
        "a: [1]\n",
        &item,
        "nothing is there that it could be added to",
    );
}

fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i32>().prop_map(Into::into),
        "[a-z:# \"{]{0,4}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = "[a-d]{1,2}|[:# -]{1,3}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// All mappings of a document.
fn mappings(
    value: &serde_json::Value,
    path: &mut Vec<serde_json::Value>,
    out: &mut Vec<Vec<serde_json::Value>>,
) {
    let mut into = |step: serde_json::Value, value: &serde_json::Value| {
        path.push(step);
        mappings(value, path, out);
        path.pop();
    };
    match value {
        serde_json::Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| into(at.into(), item));
        }
        serde_json::Value::Object(members) => {
            members
                .iter()
                .for_each(|(key, member)| into(key.clone().into(), member));
            out.push(path.clone());
        }
        // What is empty becomes one.
        serde_json::Value::Null if !path.is_empty() => out.push(path.clone()),
        _ => {}
    }
}

proptest! {
    /// A text is taken only if it says what it should, so it is enough that one comes out.
    #[test]
    fn every_mapping_takes_keys(document in document(), pretty: bool, deep: bool) {
        let mut all = Vec::new();
        mappings(&document, &mut Vec::new(), &mut all);
        let key = if deep { r#"["new", "deep"]"# } else { r#"["new"]"# };
        let fix = format!(r#"{{"at": {key}, "value": "x: y"}}"#);
        let findings: Vec<Finding> = all.into_iter()
            .map(|path| found(&serde_json::Value::from(path).to_string(), &fix))
            .collect();
        let json = if pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() };
        let yaml = serde_saphyr::to_string(&document).unwrap();
        for (name, text) in [("a.json", &json), ("a.yaml", &json), ("a.yaml", &yaml)] {
            let (fixed, left) = fixed(name, text, &findings).unwrap();
            prop_assert_eq!(left.len(), 0);
            prop_assert_eq!(fixed.is_some(), !findings.is_empty());
        }
    }
}
