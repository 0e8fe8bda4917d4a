//! Generated schemas: a document made to satisfy one validates, and a change of it that breaks one rule doesn't.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::{match_schema, verify_schema};
use super::call;

/// A schema, a document that satisfies it, and one that doesn't, which is never null.
#[derive(Clone, Debug)]
struct Case {
    schema: Json,
    good: Json,
    bad: Json,
}

fn leaf() -> impl Strategy<Value = Case> {
    prop_oneof![
        (-50_i64..50, 0_i64..20, 0_i64..20).prop_map(|(low, more, extra)| Case {
            schema: json!({"type": "integer", "minimum": low, "exclusiveMaximum": low + more + 1}),
            good: json!(low + more),
            bad: json!(low + more + 1 + extra),
        }),
        (1_i64..9, -9_i64..9).prop_map(|(of, times)| Case {
            schema: json!({"multipleOf": of}),
            good: json!(of * times),
            bad: json!((of * times) as f64 + 0.5),
        }),
        "[a-z]{1,6}".prop_map(|text| Case {
            schema: json!({"type": "string", "pattern": "^[a-z]+$", "maxLength": text.len()}),
            bad: json!(format!("{text}x")),
            good: json!(text),
        }),
        (2000_u32..2100, 1_u32..13).prop_map(|(year, month)| Case {
            schema: json!({"format": "date"}),
            good: json!(format!("{year}-{month:02}-28")),
            bad: json!(format!("{year}-{month:02}-32")),
        }),
        vec(any::<bool>(), 1..4).prop_map(|list| Case {
            schema: json!({"enum": [list, null]}),
            good: json!(list),
            bad: json!({"a": list}),
        }),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0_usize..3).prop_map(|(case, more)| {
                let mut items = vec![case.good.clone(); more + 1];
                let good = json!(items);
                items.push(case.bad);
                Case {
                    schema: json!({"type": "array", "items": case.schema, "contains": case.schema}),
                    good,
                    bad: json!(items),
                }
            }),
            vec(inner.clone(), 1..4).prop_map(|cases| {
                let schemas: Vec<&Json> = cases.iter().map(|case| &case.schema).collect();
                let mut items: Vec<&Json> = cases.iter().map(|case| &case.good).collect();
                let good = json!(items);
                items.push(&Json::Bool(true));
                Case {
                    schema: json!({"items": schemas, "additionalItems": false}),
                    bad: json!(items),
                    good,
                }
            }),
            (inner.clone(), inner.clone(), 0_usize..4).prop_map(|(a, b, how)| {
                let bad = match how {
                    0 => json!({"a": a.good}),
                    1 => json!({"a": a.good, "xb": b.good, "c": 1}),
                    2 => json!({"a": a.bad, "xb": b.good}),
                    _ => json!({"a": a.good, "xb": b.bad}),
                };
                Case {
                    schema: json!({
                        "properties": {"a": a.schema}, "patternProperties": {"^x": b.schema}, "dependencies": {"a": ["xb"]},
                        "additionalProperties": false,
                    }),
                    good: json!({"a": a.good, "xb": b.good}),
                    bad,
                }
            }),
            (inner.clone(), 0_usize..5).prop_map(|(case, how)| Case {
                schema: match how {
                    0 => json!({"anyOf": [{"type": "null"}, case.schema]}),
                    1 => json!({"oneOf": [{"type": "null"}, case.schema]}),
                    2 => json!({"allOf": [{"not": {"type": "null"}}, case.schema]}),
                    3 => json!({"if": {"type": "null"}, "else": case.schema}),
                    _ => json!({"not": {"not": case.schema}}),
                },
                ..case
            }),
        ]
    })
}

/// What a schema says of a document.
fn verdict(schema: &Json, document: &Json) -> bool {
    // A document that is text by itself would be read as JSON.
    let schema = json!({"$defs": {"one": schema}, "items": {"$ref": "#/$defs/one"}}).to_string();
    let answer = call(match_schema, &[&json!([document]).to_string(), &schema]).unwrap();
    assert_eq!(call(verify_schema, &[&schema]), Ok("[true,null]".to_owned()));
    assert!(
        answer.starts_with("[true,[]]") || answer.starts_with("[false,[{"),
        "{answer}"
    );
    answer.starts_with("[true")
}

proptest! {
    #[test]
    fn documents_made_for_a_schema_match_and_broken_ones_do_not(case in cases()) {
        prop_assert!(verdict(&case.schema, &case.good));
        prop_assert!(!verdict(&case.schema, &case.bad));
    }
}
