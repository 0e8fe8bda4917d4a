//! OPA's own plans survive our readers and writers, and our verifier accepts every one of them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use stele_rego::ir::{Policy, text, verify};
use stele_rego::{CompileOptions, SourceFile, compile_query, parse, parse_query};

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

/// What stands where in plans, for each kind of statement, and for each kind of object around statements.
type Shapes = BTreeMap<String, Shape>;

#[derive(Default)]
struct Shape {
    objects: u64,
    /// For each field how many of the objects have it, and the types of its values.
    fields: BTreeMap<String, (u64, BTreeSet<&'static str>)>,
}

fn collect(kind: &str, json: &Json, shapes: &mut Shapes) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| collect(kind, item, shapes)),
        // The declarations' types nest as they like; they are compared as a whole with the builtins' own table elsewhere.
        Json::Object(_) if kind == "decl" => {}
        Json::Object(fields) => {
            let kind = match fields.get("type").and_then(Json::as_str) {
                Some(name) => name.to_owned(),
                None => kind.to_owned(),
            };
            shapes.entry(kind.clone()).or_default().objects += 1;
            for (name, value) in fields {
                let shape = shapes.entry(kind.clone()).or_default();
                let field = shape.fields.entry(name.clone()).or_default();
                field.0 += 1;
                field.1.insert(type_of(value));
                let inner = if name == "stmt" { &kind } else { name };
                collect(inner, value, shapes);
            }
        }
        _ => {}
    }
}

fn type_of(json: &Json) -> &'static str {
    match json {
        Json::Null | Json::Array(_) => "array",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Object(_) => "object",
    }
}

#[test]
fn plans_of_ours_have_the_fields_that_plans_of_opa_have() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
    let mut theirs = Shapes::new();
    let file = std::fs::File::open(format!("{data}/opa-v1-plans.jsonl.gz")).unwrap();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let case: Json = serde_json::from_str(&line.unwrap()).unwrap();
        collect("policy", &case["plan"], &mut theirs);
    }
    let mut planned = 0;
    for line in std::fs::read_to_string(format!("{data}/opa-v1.jsonl"))
        .unwrap()
        .lines()
    {
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
        let mut ours = Shapes::new();
        collect("policy", &serde_json::to_value(&plan).unwrap(), &mut ours);
        for (kind, shape) in &ours {
            let known = theirs
                .get(kind)
                .unwrap_or_else(|| panic!("{}: OPA's plans have no {kind}", case["note"]));
            for (name, (_, types)) in &shape.fields {
                let field = known
                    .fields
                    .get(name)
                    .unwrap_or_else(|| panic!("{kind} has no {name}"));
                assert!(
                    types.is_subset(&field.1),
                    "{}: {kind}.{name}: {types:?}",
                    case["note"]
                );
            }
            // What OPA always writes we always write.
            for (name, (count, _)) in &known.fields {
                let ours = shape.fields.get(name).map_or(0, |field| field.0);
                assert!(
                    *count < known.objects || ours == shape.objects,
                    "{}: {kind} lacks {name}",
                    case["note"]
                );
            }
        }
        planned += 1;
    }
    assert!(planned > 900, "{planned} plans");
}
