//! `$ref`: within the document, around in circles, and nowhere.

use super::super::{match_schema, verify_schema};
use super::{call, call_within, errors, invalid};
use crate::builtins::BuiltinError;
use crate::eval::Limits;

#[test]
fn references_mean_parts_of_the_document() {
    for schema in [
        r##"{"definitions": {"a/b": {"type": "string"}}, "items": {"$ref": "#/definitions/a~1b"}}"##,
        r##"{"$defs": {"a b": {"type": "string"}}, "items": {"$ref": "#/$defs/a%20b"}}"##,
        r##"{"$id": "https://example.com/a.json", "$defs": {"s": {"type": "string"}},
            "items": {"$ref": "https://example.com/a.json#/$defs/s"}}"##,
        r##"{"$defs": {"s": {"$ref": "#/$defs/t"}, "t": {"type": "string"}}, "items": {"$ref": "#/$defs/s", "type": "null"}}"##,
        r##"{"x": [{"type": "string"}], "items": {"$ref": "#/x/0"}}"##,
    ] {
        let why = "Invalid type. Expected: string, given: integer";
        errors(r#"["a", 1]"#, schema, &[("1", "invalid_type", why)]);
    }
}

#[test]
fn references_go_down_with_the_document() {
    let tree = r##"{"type": "object", "additionalProperties": {"$ref": "#"}}"##;
    errors(r#"{"a": {"b": {}}, "c": {}}"#, tree, &[]);
    let why = "Invalid type. Expected: object, given: integer";
    errors(r#"{"a": {"b": 1}}"#, tree, &[("a.b", "invalid_type", why)]);
}

#[test]
fn references_to_nothing_are_errors() {
    for (schema, why) in [
        (r##"{"$ref": "#/fail"}"##, "Object has no key 'fail'"),
        (r##"{"a": [], "$ref": "#/a/b"}"##, "Invalid array index 'b'"),
        (
            r##"{"a": [], "$ref": "#/a/3"}"##,
            "Out of bound array[0,3] index '0'",
        ),
        (r##"{"a": 1, "$ref": "#/a/b"}"##, "Invalid token reference 'b'"),
    ] {
        invalid(schema, why);
    }
}

#[test]
fn circles_end() {
    for schema in [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#"}]}"##,
        r##"{"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}"##,
    ] {
        assert_eq!(call(verify_schema, &[schema]), Ok("[true,null]".to_owned()));
        let result = call(match_schema, &["{}", schema]);
        assert!(matches!(result, Err(BuiltinError::Refused(_))), "{schema}");
    }
    // Every level asks twice for the one below it.
    let wide = r##"{"items": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}"##;
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    let limits = Limits {
        instructions: 100_000,
        ..Limits::default()
    };
    let result = call_within(limits, match_schema, &[&deep, wide]);
    assert!(matches!(result, Err(BuiltinError::Limit(_))), "{result:?}");
}
