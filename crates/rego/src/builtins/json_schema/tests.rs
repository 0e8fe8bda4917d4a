#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "test code"
)]

mod formats;
mod generated;
mod keywords;
mod references;

use stele_types::{Value, json};

use crate::builtins::{BuiltinError, Function, Session};
use crate::eval::{Budget, Context, Limits};

fn call(function: Function, args: &[&str]) -> Result<String, BuiltinError> {
    call_within(Limits::default(), function, args)
}

fn call_within(limits: Limits<'_>, function: Function, args: &[&str]) -> Result<String, BuiltinError> {
    let args: Vec<Value> = args
        .iter()
        .map(|arg| json::parse(arg.as_bytes(), &json::Limits::default()).unwrap())
        .collect();
    let mut session = Session::new(Context::default(), Budget::new(limits));
    function(&mut session, &args).map(|value| json::to_string(&value))
}

#[track_caller]
fn invalid(schema: &str, why: &str) {
    let wanted = format!(
        "[false,{}]",
        json::to_string(&Value::from(format!("jsonschema: {why}")))
    );
    assert_eq!(call(super::verify_schema, &[schema]), Ok(wanted), "{schema}");
    assert_eq!(
        call(super::match_schema, &["{}", schema]),
        Err(BuiltinError::Failed(why.to_owned())),
        "{schema}"
    );
}

/// The fields, kinds and descriptions of the errors.
#[track_caller]
fn errors(document: &str, schema: &str, wanted: &[(&str, &str, &str)]) {
    let errors: Vec<Value> = wanted
        .iter()
        .map(|(field, kind, desc)| {
            Value::object([
                (Value::string("field"), Value::string(field)),
                (Value::string("type"), Value::string(kind)),
                (Value::string("desc"), Value::string(desc)),
                (Value::string("error"), Value::from(format!("{field}: {desc}"))),
            ])
        })
        .collect();
    let wanted = Value::array([Value::from(wanted.is_empty()), Value::array(errors)]);
    assert_eq!(
        call(super::match_schema, &[document, schema]),
        Ok(json::to_string(&wanted)),
        "{schema}"
    );
}

#[test]
fn schemas_are_checked() {
    for schema in [
        "{}",
        r#""{\"type\": \"object\"}""#,
        r#"{"type": ["string", "null"], "x-own": 1, "$schema": "http://json-schema.org/draft-07/schema#"}"#,
    ] {
        assert_eq!(
            call(super::verify_schema, &[schema]),
            Ok("[true,null]".to_owned())
        );
    }
    let types = "Expected valid values are:[array boolean integer number null object string]";
    invalid(
        r#"{"type": "x"}"#,
        &format!("has a primitive type that is NOT VALID -- given: /x/ {types}"),
    );
    invalid(r#"{"type": ["null", "null"]}"#, "null type is duplicated");
    invalid(
        r#"{"type": 1}"#,
        "Invalid type. Expected: type, given: string/Array Of Strings",
    );
    invalid(
        r#"{"properties": {"a": 1}}"#,
        "Expected: Valid Schema, given: Invalid JSON",
    );
    invalid(r#"{"required": ["a", "a"]}"#, "required items must be unique");
    invalid(
        r#"{"minLength": -1}"#,
        "minLength must be greater than or equal to 0",
    );
    invalid(
        r#"{"minLength": 3, "maxLength": 2}"#,
        "minLength cannot be greater than maxLength",
    );
    invalid(r#"{"title": 1}"#, "Invalid type. Expected: string, given: title");
    invalid("\"{\"", "invalid JSON string");
    invalid("1", "wrong type, expected string or object");
    invalid("[]", "schema is invalid");
    invalid("\"1\"", "schema is invalid");
}

#[test]
fn documents_are_matched() {
    let schema = r#"{"type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"type": "integer", "minimum": 2, "maximum": 4}, "b": {"items": {"type": "string", "minLength": 2}},
                       "c": {"enum": ["x", 1, null]}, "d": {"const": true}, "e": {"maxItems": 1, "uniqueItems": true}}}"#;
    errors(
        r#"{"a": 3, "b": ["xy"], "c": 1, "d": true, "e": []}"#,
        schema,
        &[],
    );
    errors("{}", schema, &[("(Root)", "required", "a is required")]);
    errors(
        r#"{"a": "x"}"#,
        schema,
        &[(
            "a",
            "invalid_type",
            "Invalid type. Expected: integer, given: string",
        )],
    );
    errors(
        r#"{"a": 2.5}"#,
        schema,
        &[(
            "a",
            "invalid_type",
            "Invalid type. Expected: integer, given: number",
        )],
    );
    errors(
        r#"{"a": 1}"#,
        schema,
        &[("a", "number_gte", "Must be greater than or equal to 2")],
    );
    errors(
        r#"{"a": 5}"#,
        schema,
        &[("a", "number_lte", "Must be less than or equal to 4")],
    );
    errors(
        r#"{"a": 3, "b": ["x"], "z": 1}"#,
        schema,
        &[
            (
                "(Root)",
                "additional_property_not_allowed",
                "Additional property z is not allowed",
            ),
            (
                "b.0",
                "string_gte",
                "String length must be greater than or equal to 2",
            ),
        ],
    );
    errors(
        r#"{"a": 3, "c": 2}"#,
        schema,
        &[("c", "enum", "c must be one of the following: \"x\", 1, null")],
    );
    errors(
        r#"{"a": 3, "d": 1}"#,
        schema,
        &[("d", "const", "d does not match: true")],
    );
    errors(
        r#"{"a": 3, "e": [1, 1]}"#,
        schema,
        &[
            ("e", "array_max_items", "Array must have at most 1 items"),
            ("e", "unique", "array items[0,1] must be unique"),
        ],
    );
    errors(
        "[]",
        schema,
        &[(
            "(Root)",
            "invalid_type",
            "Invalid type. Expected: object, given: array",
        )],
    );
    errors(
        r#"{"q": 1}"#,
        r#"{"properties": {"q": false}}"#,
        &[("q", "false", "False always fails validation")],
    );
}

#[test]
fn the_rest_is_refused() {
    for schema in [
        r#"{"enum": [12345678901234567890]}"#,
        r#"{"enum": []}"#,
        r#"{"$schema": "urn:some:version"}"#,
        r#"{"$ref": "http://example.com/other.json"}"#,
        r#"{"$ref": "other.json#/definitions/a"}"#,
        r##"{"$ref": "#name"}"##,
        r##"{"definitions": {"a": {"$id": "b.json"}}, "items": {"$ref": "#/definitions/a"}}"##,
        r#"{"pattern": "\\Bx"}"#,
    ] {
        let result = call(super::verify_schema, &[schema]);
        assert!(
            matches!(result, Err(BuiltinError::Refused(_))),
            "{schema}: {result:?}"
        );
    }
    let mut deep = Value::object([]);
    for _ in 0..300 {
        deep = Value::object([(Value::string("items"), deep)]);
    }
    let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
    let result = super::verify_schema(&mut session, &[deep]);
    assert!(matches!(result, Err(BuiltinError::Refused(_))));
}
