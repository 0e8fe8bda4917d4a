//! OPA's own plans survive our readers and writers, and our verifier accepts every one of them.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::io::{BufRead as _, BufReader};

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use stele_rego::ir::{Policy, text, verify};

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
