//! Changes that allow: each that is reported allows, and none that is smaller.

use std::sync::Arc;

use proptest::prelude::*;
use stele_rego::trace::{Recorder, edits};
use stele_types::{Timestamp, json};

use super::*;
use crate::bundle;
use crate::engine::{DataPath, Engine as _, EvalRequest, Limits, VmEngine, WatchedEngine};
use crate::testing;
use crate::{load, policy};

/// The value of an entry point, by what decides.
fn decided(set: &PolicySet, entry_point: &EntryPoint, input: &Value) -> Option<Value> {
    let mut engine = VmEngine::new(&set.compile().unwrap());
    let path = DataPath::from(entry_point);
    let request = EvalRequest {
        context: EvalContext::at(Timestamp::from_nanos(0)),
        limits: Limits::unbounded(),
        ..EvalRequest::new(&path, Some(input))
    };
    engine.evaluate(&request).unwrap().value
}

fn explained(set: &PolicySet, id: &str, rule: &str, input: &Value, search: SearchLimits) -> Explanation {
    let policy = PolicyId::new(id).unwrap();
    let entry_point = EntryPoint::new(&format!("{id}{rule}")).unwrap();
    let recorded = decided(set, &entry_point, input);
    let request = ExplainRequest {
        policy: &policy,
        entry_point: &entry_point,
        input: Some(input),
        context: EvalContext::at(Timestamp::from_nanos(0)),
        recorded: recorded.as_ref(),
        search: Some(search),
    };
    explain(set, &request).unwrap()
}

fn allows(set: &PolicySet, id: &str, rule: &str, input: &Value) -> bool {
    let policy = set.policy(&PolicyId::new(id).unwrap()).unwrap();
    let entry_point = EntryPoint::new(&format!("{id}{rule}")).unwrap();
    let objections = change::Objections {
        policy,
        entry_point: &entry_point,
    };
    objections.count(decided(set, &entry_point, input).as_ref()) == Some(0)
}

/// The patch that was found, which must allow, and of which nothing can be left out.
fn found(set: &PolicySet, id: &str, rule: &str, input: &Value) -> (Vec<String>, bool) {
    let explanation = explained(set, id, rule, input, SearchLimits::default());
    let Some(Change::Found { patch, smallest, .. }) = explanation.change else {
        panic!("{id}{rule}: {:?}", explanation.change);
    };
    let changed = apply(input, &patch).unwrap();
    assert!(allows(set, id, rule, &changed), "{patch:?}");
    for index in 0..patch.len() {
        let mut shorter = patch.clone();
        shorter.remove(index);
        let without = apply(input, &shorter);
        assert!(
            without.is_none_or(|input| !allows(set, id, rule, &input)),
            "{index} of {patch:?} is not needed"
        );
    }
    (patch.iter().map(ToString::to_string).collect(), smallest)
}

const HEAD: &str = "# METADATA\n# custom:\n#   id: a\npackage a\n\n";

fn one(rules: &str) -> PolicySet {
    testing::set(&[("a.rego", &format!("{HEAD}{rules}"))])
}

fn change_of(rules: &str, rule: &str, input: &str) -> (Vec<String>, bool) {
    found(&one(rules), "a", rule, &testing::json(input))
}

#[test]
fn one_value_is_set_or_removed() {
    let cases = [
        (r#"allow if input.user == "root""#, "{}", r#"add /user = "root""#),
        (
            r#"allow if input.user == "root""#,
            r#"{"user": "bob"}"#,
            r#"set /user = "root""#,
        ),
        ("allow if input.level > 5", r#"{"level": 2}"#, "set /level = 6"),
        ("allow if 5 >= input.level", r#"{"level": 7.5}"#, "set /level = 5"),
        (
            "allow if not input.banned",
            r#"{"banned": true}"#,
            "set /banned = false",
        ),
        ("allow if input.a.b.c", r#"{"a": {}}"#, r#"add /a/b = {"c":true}"#),
        (
            r#"allow if input.role in {"admin", "owner"}"#,
            r#"{"role": "x"}"#,
            r#"set /role = "admin""#,
        ),
        (
            r#"allow if "admin" in input.roles"#,
            r#"{"roles": ["x"]}"#,
            r#"add /roles/- = "admin""#,
        ),
        (
            r#"allow if startswith(input.image, "corp/")"#,
            r#"{"image": "x"}"#,
            r#"set /image = "corp/x""#,
        ),
        (
            "allow if trusted(input.n)\n\ntrusted(n) if n < 3",
            r#"{"n": 30}"#,
            "set /n = 2",
        ),
        (
            r#"allow if object.get(input, "mfa", false) == true"#,
            "{}",
            "add /mfa = true",
        ),
        (
            r#"allow if lower(input.method) == "get""#,
            r#"{"method": "PUT"}"#,
            r#"set /method = "get""#,
        ),
    ];
    for (rules, input, change) in cases {
        assert_eq!(
            change_of(rules, "/allow", input),
            (vec![change.to_owned()], true),
            "{rules}"
        );
    }
}

#[test]
fn denials_are_resolved_where_their_values_come_from() {
    let rules = "deny contains c.name if {\n\tsome c in containers\n\tc.privileged == true\n}\n\ncontainers contains c if some c in input.spec.containers\n";
    let input = r#"{"spec": {"containers": [{"name": "a"}, {"name": "b", "privileged": true}]}}"#;
    let set = vec!["set /spec/containers/1/privileged = false".to_owned()];
    assert_eq!(change_of(rules, "/deny", input), (set.clone(), true));
    assert_eq!(change_of(rules, "", input), (set, true), "the package as a whole");
}

#[test]
fn several_changes_are_found_and_none_too_many() {
    let rules = "allow if {\n\tinput.user == \"root\"\n\tinput.level > 5\n}\n";
    let (patch, smallest) = change_of(rules, "/allow", r#"{"user": "bob", "level": 1}"#);
    assert_eq!(patch, ["set /user = \"root\"", "set /level = 6"]);
    assert!(smallest, "every single change was tried");
    let rules = "deny contains f if {\n\tsome f in [\"a\", \"b\", \"c\", \"d\"]\n\tinput[f] == true\n}\n";
    let (mut patch, _) = change_of(rules, "/deny", r#"{"a": true, "b": true, "c": true, "d": true}"#);
    patch.sort();
    assert_eq!(
        patch,
        [
            "set /a = false",
            "set /b = false",
            "set /c = false",
            "set /d = false"
        ]
    );
}

#[test]
fn what_no_change_of_the_input_allows_is_said_to_be_so() {
    let explanation = |rules: &str, rule: &str, input: &str| {
        explained(
            &one(rules),
            "a",
            rule,
            &testing::json(input),
            SearchLimits::default(),
        )
    };
    let never = explanation("allow if data.never\n\ndeny contains 1", "/deny", r#"{"x": 1}"#);
    assert_eq!(
        never.change,
        Some(Change::NotFound {
            within: 10,
            evaluations: 0
        })
    );
    assert!(
        never
            .to_text()
            .contains("no change of the input that would allow was found within 10 operations"),
        "{}",
        never.to_text()
    );
    let allowed = explanation("allow if input.x", "/allow", r#"{"x": true}"#);
    assert_eq!(allowed.change, None, "there is nothing to allow");
    let other = explanation("limit := 3 if input.x", "/limit", r#"{"x": false}"#);
    assert_eq!(other.change, None, "it neither permits nor denies");
}

#[test]
fn the_search_keeps_to_its_bounds() {
    let rules = "deny contains f if {\n\tsome f in [\"a\", \"b\", \"c\"]\n\tinput[f] == true\n}\n";
    let input = testing::json(r#"{"a": true, "b": true, "c": true}"#);
    let limits = SearchLimits {
        changes: 2,
        evaluations: 1_000,
        ..SearchLimits::default()
    };
    let explanation = explained(&one(rules), "a", "/deny", &input, limits);
    assert!(
        matches!(explanation.change, Some(Change::NotFound { within: 2, .. })),
        "{:?}",
        explanation.change
    );
    let limits = SearchLimits {
        changes: 9,
        evaluations: 2,
        ..SearchLimits::default()
    };
    let explanation = explained(&one(rules), "a", "/deny", &input, limits);
    assert_eq!(
        explanation.change,
        Some(Change::NotFound {
            within: 9,
            evaluations: 2
        })
    );
}

/// Each example of the starter library that is denied, with the policy it is an example of.
#[test]
fn denied_examples_of_the_starter_library_are_allowed_after_their_changes() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let set = load::load_path(&root.join("policies")).unwrap();
    let cases = [
        ("http/authz", "http/delete-foreign-document.json"),
        ("kubernetes/admission", "kubernetes/pod-privileged.json"),
        ("serverless/functions", "serverless/template-bad.json"),
        ("supply_chain/image", "supply_chain/images-bad.json"),
        ("terraform/aws", "terraform/plan.json"),
    ];
    for (id, example) in cases {
        let text = std::fs::read(root.join("examples").join(example)).unwrap();
        let document = json::parse(&text, &json::Limits::default()).unwrap();
        let input = document.get("input").cloned().unwrap_or(document);
        assert!(!allows(&set, id, "", &input), "{example} is denied");
        let bundle =
            load::load_bundle(&bundle::build(&set, &PolicyId::new(id).unwrap()).unwrap().bytes).unwrap();
        let (patch, _) = found(&bundle, id, "", &input);
        println!("{example}: {patch:#?}");
        assert!(!patch.is_empty());
    }
    // A header's text, which the policy takes apart, is nothing that the search could make up.
    let text = std::fs::read(root.join("examples/web/bad.json")).unwrap();
    let document = json::parse(&text, &json::Limits::default()).unwrap();
    let input = document.get("input").unwrap();
    let explanation = explained(&set, "web/headers", "", input, SearchLimits::default());
    assert!(
        matches!(explanation.change, Some(Change::NotFound { .. })),
        "{:?}",
        explanation.change
    );
}

/// All inputs that single changes make, by the trace of an input.
fn single_changes(set: &PolicySet, rule: &str, input: &Value, weight: usize) -> Vec<Value> {
    let modules = set.modules();
    let asts: Vec<_> = modules.iter().map(|module| module.ast.clone()).collect();
    let rules = modules
        .iter()
        .flat_map(|module| policy::rule_paths(&module.package, &module.ast));
    let (mut engine, map) =
        WatchedEngine::new(&asts, set.data(), rules.collect(), (true, &Arc::default())).unwrap();
    let path = DataPath::from(&EntryPoint::new(&format!("a{rule}")).unwrap());
    let mut recorder = Recorder::new(&map, 100_000);
    engine
        .evaluate(&EvalRequest::new(&path, Some(input)), &mut recorder)
        .unwrap();
    edits(&map, &recorder.finish(), input, weight)
        .iter()
        .filter_map(|edit| Some(patch::made(input, edit)?.1))
        .collect()
}

/// A condition on one field of the input, and how it can be written.
fn condition() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["a", "b", "c"]);
    (field, 0_u8..7, 0_i64..4).prop_map(|(field, kind, number)| match kind {
        0 => format!("input.{field} == {number}"),
        1 => format!("input.{field} > {number}"),
        2 => format!("input.{field} != {number}"),
        3 => format!("not input.{field} == {number}"),
        4 => format!("input.{field} in [{number}, 9]"),
        5 => format!("some x in input.list; x > {number}"),
        _ => format!("f(input.{field}, {number})"),
    })
}

fn rules() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::collection::vec(condition(), 1..4), 1..3).prop_map(|bodies| {
        let mut text = "f(x, y) if x <= y\n".to_owned();
        for body in bodies {
            text.push_str(&format!(
                "\nallow if {{\n\t{}\n}}\n",
                body.join("\n\t").replace("; ", "\n\t")
            ));
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What is reported allows; and where it is said to be the smallest, no single change allows if it has more than one operation,
    /// and no pair of changes if it has more than two.
    #[test]
    fn reported_changes_allow_and_no_smaller_ones_do(
        text in rules(),
        input in prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), 0_i64..4, 0..4),
        list in prop::collection::vec(0_i64..4, 0..3),
    ) {
        // A variable may be declared once in a body.
        prop_assume!(text.split("allow").all(|body| body.matches("some x").count() < 2));
        let set = one(&text);
        let mut fields: Vec<(Value, Value)> = input.iter().map(|(key, value)| (Value::from(*key), Value::from(*value))).collect();
        fields.push((Value::from("list"), Value::array(list.iter().copied().map(Value::from))));
        let input = Value::object(fields);
        prop_assume!(!allows(&set, "a", "/allow", &input));
        let limits = SearchLimits { changes: 3, evaluations: 2_000, ..SearchLimits::default() };
        let explanation = explained(&set, "a", "/allow", &input, limits);
        if let Some(Change::Found { patch, smallest, .. }) = explanation.change {
            let changed = apply(&input, &patch).unwrap();
            prop_assert!(allows(&set, "a", "/allow", &changed), "{:?}", patch);
            let singles = single_changes(&set, "/allow", &input, 4);
            if smallest && patch.len() > 1 {
                for single in &singles {
                    prop_assert!(!allows(&set, "a", "/allow", single));
                }
            }
            if smallest && patch.len() > 2 {
                for pair in singles.iter().flat_map(|single| single_changes(&set, "/allow", single, 4)) {
                    prop_assert!(!allows(&set, "a", "/allow", &pair));
                }
            }
        }
    }
}
