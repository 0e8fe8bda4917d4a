//! Each keyword, with the errors and their order in OPA's library.

use super::{errors, invalid};

#[test]
fn keywords_have_values_of_their_types() {
    for (schema, why) in [
        (r#"{"pattern": "("}"#, "pattern must be a valid regex"),
        (r#"{"pattern": "(?!a)"}"#, "pattern must be a valid regex"),
        (
            r#"{"pattern": 1}"#,
            "Invalid type. Expected: string, given: pattern",
        ),
        (
            r#"{"format": 1}"#,
            "Invalid type. Expected: string, given: format",
        ),
        (r#"{"$ref": 1}"#, "Invalid type. Expected: string, given: $ref"),
        (r#"{"$id": 1}"#, "Invalid type. Expected: string, given: $id"),
        (r#"{"$schema": 1}"#, "$schema must be of type string"),
        (r#"{"patternProperties": {"(": {}}}"#, "Invalid regex pattern '('"),
        (r#"{"dependencies": 1}"#, "dependencies must be of type object"),
        (
            r#"{"dependencies": {"a": [1]}}"#,
            "Dependency must be of type Schema Or Array Of Strings",
        ),
        (
            r#"{"multipleOf": 0}"#,
            "multipleOf must be strictly greater than 0",
        ),
        (
            r#"{"multipleOf": "1"}"#,
            "Invalid type. Expected: Number, given: multipleOf",
        ),
        (
            r#"{"exclusiveMinimum": true}"#,
            "exclusiveMinimum cannot be used without minimum",
        ),
        (
            r#"{"exclusiveMaximum": "1"}"#,
            "Invalid type. Expected: boolean/number, given: exclusiveMaximum",
        ),
        (r#"{"allOf": {}}"#, "allOf must be of an array"),
        (r#"{"anyOf": [1]}"#, "Expected: Valid Schema, given: Invalid JSON"),
        (r#"{"not": 1}"#, "not must be of an object"),
        (r#"{"if": 1}"#, "if must be of an object"),
        (
            r#"{"definitions": 1}"#,
            "Invalid type. Expected: Array Of Schemas, given: definitions",
        ),
        (
            r#"{"additionalItems": 1}"#,
            "Invalid type. Expected: boolean/Valid Schema, given: additionalItems",
        ),
        (
            r#"{"items": [1]}"#,
            "Invalid type. Expected: Valid Schema/Array Of Schemas, given: items",
        ),
        (
            r#"{"$schema": "http://json-schema.org/draft-04/schema#", "items": true}"#,
            "Expected: Valid Schema, given: Invalid JSON",
        ),
        (
            r#"{"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": 1}"#,
            "Invalid type. Expected: boolean, given: exclusiveMinimum",
        ),
        (
            r#"{"$schema": "http://json-schema.org/draft-07/schema#", "minimum": 1, "exclusiveMinimum": true}"#,
            "Invalid type. Expected: number, given: exclusiveMinimum",
        ),
    ] {
        invalid(schema, why);
    }
}

#[test]
fn numbers_and_texts_are_bounded() {
    errors("[0.3]", r#"{"items": {"multipleOf": 0.1}}"#, &[]);
    errors(
        "[7]",
        r#"{"items": {"multipleOf": 5}}"#,
        &[("0", "multiple_of", "Must be a multiple of 5")],
    );
    errors(
        "[5]",
        r#"{"items": {"exclusiveMinimum": 5, "exclusiveMaximum": 5}}"#,
        &[
            ("0", "number_lt", "Must be less than 5"),
            ("0", "number_gt", "Must be greater than 5"),
        ],
    );
    errors(
        "[5]",
        r#"{"items": {"minimum": 5, "exclusiveMinimum": true}}"#,
        &[("0", "number_gt", "Must be greater than 5")],
    );
    errors(
        "[5]",
        r#"{"items": {"minimum": 2000000, "exclusiveMinimum": false}}"#,
        &[("0", "number_gte", "Must be greater than or equal to 2e+06")],
    );
    errors(
        r#"["Ab", "ab"]"#,
        r#"{"items": {"pattern": "^[a-z]+$"}}"#,
        &[("0", "pattern", "Does not match pattern '^[a-z]+$'")],
    );
    errors(
        "{}",
        r#"{"minProperties": 1}"#,
        &[(
            "(Root)",
            "array_min_properties",
            "Must have at least 1 properties",
        )],
    );
}

#[test]
fn arrays_are_checked_by_place_and_content() {
    let listed = r#"{"items": [{"type": "string"}, {"type": "null"}], "additionalItems": false}"#;
    errors(r#"["a"]"#, listed, &[]);
    errors(
        r#"["a", null, 1, 2]"#,
        listed,
        &[(
            "(Root)",
            "array_no_additional_items",
            "No additional items allowed on array",
        )],
    );
    errors(
        r#"["a", 1]"#,
        r#"{"items": [{}], "additionalItems": {"type": "null"}}"#,
        &[(
            "1",
            "invalid_type",
            "Invalid type. Expected: null, given: integer",
        )],
    );
    errors("[1]", r#"{"items": [], "additionalItems": false}"#, &[]);
    let contains = r#"{"contains": {"const": 1}}"#;
    errors("[2, 1]", contains, &[]);
    errors(
        "[]",
        contains,
        &[("(Root)", "contains", "At least one of the items must match")],
    );
    errors(
        "[2]",
        contains,
        &[
            ("(Root)", "contains", "At least one of the items must match"),
            ("0", "const", "0 does not match: 1"),
        ],
    );
    errors(
        "[]",
        r#"{"$schema": "http://json-schema.org/draft-04/schema", "contains": 1, "const": 2}"#,
        &[],
    );
}

#[test]
fn objects_are_checked_by_name() {
    let schema = r#"{"properties": {"a": {}}, "patternProperties": {"^x": {"type": "null"}},
        "additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 2}}"#;
    errors(r#"{"a": 1, "x": null, "b": "c"}"#, schema, &[]);
    errors(
        r#"{"bcd": 1, "x1": 2}"#,
        schema,
        &[
            (
                "bcd",
                "invalid_type",
                "Invalid type. Expected: string, given: integer",
            ),
            (
                "x1",
                "invalid_type",
                "Invalid type. Expected: null, given: integer",
            ),
            (
                "(Root)",
                "invalid_property_name",
                "Property name of \"bcd\" does not match",
            ),
            (
                "(Root)",
                "string_lte",
                "String length must be less than or equal to 2",
            ),
        ],
    );
    let dependencies = r#"{"dependencies": {"a": ["b", "c"], "d": {"required": ["e"]}}}"#;
    errors("{}", dependencies, &[]);
    errors(r#"{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}"#, dependencies, &[]);
    errors(
        r#"{"a": 1, "b": 1, "d": 1}"#,
        dependencies,
        &[
            ("(Root)", "missing_dependency", "Has a dependency on c"),
            ("(Root)", "required", "e is required"),
        ],
    );
}

#[test]
fn schemas_are_combined() {
    let any = r#"{"items": {"anyOf": [{"type": "object", "required": ["a"]}, {"type": "string"}]}}"#;
    errors(r#"["x", {"a": 1}]"#, any, &[]);
    // The errors are those of the alternative that fits best.
    let at_least = "Must validate at least one schema (anyOf)";
    let wanted = [
        ("0", "number_any_of", at_least),
        ("0", "required", "a is required"),
    ];
    errors("[{}]", any, &wanted);
    let one = r#"{"items": {"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}}"#;
    errors("[2, 3, 9]", one, &[]);
    let only = (
        "0",
        "number_one_of",
        "Must validate one and only one schema (oneOf)",
    );
    errors("[6]", one, &[only]);
    errors(
        "[5]",
        one,
        &[only, ("0", "multiple_of", "Must be a multiple of 2")],
    );
    errors(
        "[1]",
        r#"{"allOf": [{"minItems": 2}, {"maxItems": 2}]}"#,
        &[
            ("(Root)", "array_min_items", "Array must have at least 2 items"),
            ("(Root)", "number_all_of", "Must validate all the schemas (allOf)"),
        ],
    );
    errors(
        "[1]",
        r#"{"not": {"minItems": 1}}"#,
        &[("(Root)", "number_not", "Must not validate the schema (not)")],
    );
    let condition =
        r#"{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}"#;
    errors(r#"{"a": 1, "b": 1}"#, condition, &[]);
    errors(r#"{"c": 1}"#, condition, &[]);
    let then = "Must validate \"then\" as \"if\" was valid";
    let otherwise = "Must validate \"else\" as \"if\" was not valid";
    for (document, kind, why, missing) in [
        (r#"{"a": 1}"#, "condition_then", then, "b is required"),
        ("{}", "condition_else", otherwise, "c is required"),
    ] {
        let wanted = [("(Root)", kind, why), ("(Root)", "required", missing)];
        errors(document, condition, &wanted);
    }
    let older = r#"{"$schema": "http://json-schema.org/draft-06/schema#", "if": {}, "then": false}"#;
    errors("{}", older, &[]);
}
