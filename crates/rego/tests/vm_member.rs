//! An input that is a member of a larger document, read in one go, against the same input on its own.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use stele_rego::vm::value::ParseError;
use stele_rego::vm::{Input, Program, Request, VmError, Worker};
use stele_rego::{CompileOptions, SourceFile};
use stele_types::{EntryPoint, Value, json};

fn program() -> Program {
    let source = SourceFile::new("a.rego", "package a\n\np := {\"seen\": input}\n");
    let module = stele_rego::parse(&source).unwrap();
    let entry_points = [EntryPoint::new("a/p").unwrap()];
    Program::new(&stele_rego::compile(&[module], &entry_points, &CompileOptions::default()).unwrap()).unwrap()
}

fn ask(input: Input<'_>) -> Result<Option<Value>, VmError> {
    let program = program();
    let data = program.data(&Value::object([])).unwrap();
    let mut worker = Worker::default();
    let outcome = worker.evaluate(&program, &data, &Request::new("a/p", input))?;
    Ok(outcome.to_value())
}

fn member(json: &str) -> Result<Option<Value>, VmError> {
    ask(Input::JsonMember {
        json: json.as_bytes(),
        name: "input",
    })
}

#[test]
fn the_member_is_the_input() {
    let seen = |input: &str| ask(Input::Json(input.as_bytes())).unwrap();
    let undefined = ask(Input::Undefined).unwrap();
    assert_eq!(undefined, None);
    assert_eq!(member(r#"{"input": {"a": [1]}}"#).unwrap(), seen(r#"{"a": [1]}"#));
    assert_eq!(
        member(r#"{"b": 1, "input": null, "z": 2}"#).unwrap(),
        seen("null")
    );
    assert_eq!(member(r#"{"inp\u0075t": 7}"#).unwrap(), seen("7"));
    assert_eq!(member(r#"{"input": 1, "input": 2}"#).unwrap(), seen("2"));
    for without in ["{}", "null", r#"{"Input": 1, "input ": 2}"#] {
        assert_eq!(member(without).unwrap(), undefined, "{without}");
    }
    for other in ["[]", "7", "\"input\"", "true"] {
        assert_eq!(
            member(other),
            Err(VmError::Input(ParseError::NotAnObject)),
            "{other}"
        );
    }
    assert!(matches!(member(r#"{"input": }"#), Err(VmError::Input(_))));
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::array),
            prop::collection::vec(("[a-z]{0,3}|input".prop_map(Value::from), inner), 0..4)
                .prop_map(Value::object),
        ]
    })
}

proptest! {
    #[test]
    fn as_looking_it_up_in_the_value(document in document()) {
        let text = json::to_string(&document);
        let expected = match &document {
            Value::Null => Some(None),
            Value::Object(_) => Some(document.get("input")),
            _ => None,
        };
        match expected {
            Some(input) => {
                let alone = ask(input.map_or(Input::Undefined, Input::Value));
                prop_assert_eq!(member(&text), alone);
            }
            None => prop_assert_eq!(member(&text), Err(VmError::Input(ParseError::NotAnObject))),
        }
    }
}
