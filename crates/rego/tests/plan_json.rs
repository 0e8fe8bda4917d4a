//! OPA's own plans survive our readers and writers, and our verifier accepts every one of them. Our plans are valid under the schema
//! that OPA publishes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

use std::io::{BufRead as _, BufReader};

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use stele_rego::ir::{Policy, text, verify};
use stele_rego::{CompileOptions, SourceFile, compile_query, parse, parse_query};

#[path = "support/plan_schema.rs"]
mod plan_schema;

#[test]
fn every_plan_of_opa_round_trips() {
    let file = std::fs::File::open(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/opa-v1-plans.jsonl.gz"
    ))
    .unwrap();
    let mut count = 0;
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let case: Json = serde_json::from_str(&line.unwrap()).unwrap();
        let mut plan = case["plan"].clone();
        let policy: Policy =
            serde_json::from_value(plan.clone()).unwrap_or_else(|e| panic!("{}: {e}", case["note"]));
        let text = serde_json::to_string(&policy).unwrap();
        nulls_to_empty(&mut plan);
        add_new_fields(&mut plan);
        assert_eq!(
            serde_json::from_str::<Json>(&text).unwrap(),
            plan,
            "{}",
            case["note"]
        );
        assert_eq!(
            serde_json::from_str::<Policy>(&text).unwrap(),
            policy,
            "{}",
            case["note"]
        );
        verify(&policy).unwrap_or_else(|e| panic!("{}: {e}\n{}", case["note"], text::print(&policy)));
        let printed = text::print(&policy);
        assert_eq!(
            text::parse(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}")),
            policy
        );
        count += 1;
    }
    assert_eq!(count, 1033);
}

/// Go writes an empty list as null in some places; we always write `[]`. No other null occurs in a plan.
fn nulls_to_empty(json: &mut Json) {
    match json {
        Json::Null => *json = Json::Array(Vec::new()),
        Json::Array(items) => items.iter_mut().for_each(nulls_to_empty),
        Json::Object(fields) => fields.values_mut().for_each(nulls_to_empty),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// The fields that OPA writes since these plans were made: where statements end (0 means unknown), and `index` beside `Index`.
fn add_new_fields(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(add_new_fields),
        Json::Object(fields) => {
            if fields.contains_key("row") {
                fields.insert("end_row".to_owned(), 0.into());
                fields.insert("end_col".to_owned(), 0.into());
            }
            if let Some(index) = fields.get("Index").cloned() {
                fields.insert("index".to_owned(), index);
            }
            fields.values_mut().for_each(add_new_fields);
        }
        _ => {}
    }
}

#[test]
fn plans_of_ours_are_valid_under_the_published_schema() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/opa-v1.jsonl");
    let mut planned = 0;
    let mut statements = std::collections::BTreeSet::new();
    for line in std::fs::read_to_string(cases).unwrap().lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let modules: Option<Vec<_>> = case["modules"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|text| parse(&SourceFile::new("module.rego", text.as_str()?)).ok())
            .collect();
        let source = SourceFile::new("query", case["query"].as_str().unwrap());
        let (Some(modules), Ok(query)) = (modules, parse_query(&source)) else {
            continue;
        };
        let Ok(plan) = compile_query(&modules, &source, &query, &CompileOptions::default()) else {
            continue;
        };
        let plan = serde_json::to_value(&plan).unwrap();
        plan_schema::check(&plan, &mut statements)
            .unwrap_or_else(|error| panic!("{}: {error}", case["note"]));
        planned += 1;
    }
    assert!(planned > 900, "{planned} plans");
    assert!(statements.len() > 28, "only {statements:?} occurred");
}

#[test]
fn the_schema_refuses_what_the_published_one_refuses() {
    let stmt = |stmt: &str| {
        let plan = format!(
            r#"{{"static": {{"strings": []}}, "funcs": {{"funcs": null}},
                "plans": {{"plans": [{{"name": "p", "blocks": [{{"stmts": [{stmt}]}}]}}]}}}}"#
        );
        plan_schema::check(&serde_json::from_str(&plan).unwrap(), &mut Default::default())
    };
    let at = r#""file": 0, "row": 1, "col": 1, "end_row": 1, "end_col": 2"#;
    assert_eq!(
        stmt(&format!(r#"{{"type": "NopStmt", "stmt": {{{at}}}}}"#)),
        Ok(())
    );
    for (bad, why) in [
        (
            r#"{"type": "NopStmt", "stmt": {"file": 0, "row": 1, "col": 1}}"#.to_owned(),
            "lacks `end_row`",
        ),
        (
            format!(r#"{{"type": "NopStmt", "stmt": {{"more": 1, {at}}}}}"#),
            "has `more`",
        ),
        (
            format!(r#"{{"type": "LenStmt", "stmt": {{"target": 1, "source": 1, {at}}}}}"#),
            "source",
        ),
        (format!(r#"{{"type": "JumpStmt", "stmt": {{{at}}}}}"#), "JumpStmt"),
        (
            format!(r#"{{"type": "MakeNumberRefStmt", "stmt": {{"Index": 1, "target": 1, {at}}}}}"#),
            "lacks `index`",
        ),
    ] {
        let error = stmt(&bad).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}
