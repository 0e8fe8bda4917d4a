//! Schemas from their JSON. The messages, and the order in which errors are looked for, are those of OPA's library.

use std::collections::BTreeMap;

use stele_types::{Number, Value};

use super::check::is_certain;
use super::{Bounds, Fault, MAX_DEPTH, Rules, Schema, unsupported};
use crate::builtins::Session;

const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "number", "null", "object", "string",
];

/// Keywords that are not covered.
const REFUSED: [&str; 22] = [
    "$id",
    "$ref",
    "additionalItems",
    "allOf",
    "anyOf",
    "contains",
    "definitions",
    "dependencies",
    "else",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "id",
    "if",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "propertyNames",
    "then",
    "$defs",
];

/// The versions of JSON Schema in which the covered keywords mean what they mean without a version.
const VERSIONS: [&str; 2] = [
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
];

type Read<T> = Result<T, Fault>;
type Map = BTreeMap<Value, Value>;

fn invalid<T>(why: impl Into<String>) -> Read<T> {
    Err(Fault::Invalid(why.into()))
}

/// Reads a schema.
pub(super) fn schema(session: &mut Session<'_>, value: &Value) -> Read<Schema> {
    Reader { session, depth: 0 }.schema(value)
}

struct Reader<'s, 'b> {
    session: &'s mut Session<'b>,
    depth: usize,
}

impl Reader<'_, '_> {
    fn schema(&mut self, value: &Value) -> Read<Schema> {
        self.session
            .elements(1)
            .map_err(|limit| Fault::Stop(limit.into()))?;
        let map = match value {
            Value::Bool(always) => return Ok(Schema::Always(*always)),
            Value::Object(map) => map,
            _ => return invalid("Expected: schema, given: Invalid JSON"),
        };
        let known = |keyword: &&str| map.contains_key(&Value::string(keyword));
        if REFUSED.iter().any(known) {
            return Err(Fault::Stop(unsupported("a JSON schema with this keyword")));
        }
        if let Some(version) = get(map, "$schema")
            && !version
                .as_str()
                .is_some_and(|version| VERSIONS.contains(&version))
        {
            return Err(Fault::Stop(unsupported("a JSON schema of this version")));
        }
        if self.depth >= MAX_DEPTH {
            return Err(Fault::Stop(unsupported("a JSON schema nested too deeply")));
        }
        self.depth = self.depth.saturating_add(1);
        let rules = self.rules(map);
        self.depth = self.depth.saturating_sub(1);
        Ok(Schema::Rules(Box::new(rules?)))
    }

    fn rules(&mut self, map: &Map) -> Read<Rules> {
        for keyword in ["title", "description"] {
            if get(map, keyword).is_some_and(|text| text.as_str().is_none()) {
                return invalid(format!("Invalid type. Expected: string, given: {keyword}"));
            }
        }
        let mut rules = Rules {
            types: get(map, "type").map(types).transpose()?.unwrap_or_default(),
            ..Rules::default()
        };
        match get(map, "properties") {
            None => {}
            Some(Value::Object(properties)) => {
                for (name, property) in properties.iter() {
                    let property = self.schema(property)?;
                    rules
                        .properties
                        .insert(name.as_str().unwrap_or_default().to_owned(), property);
                }
            }
            Some(_) => return invalid("properties must be of type object"),
        }
        rules.additional = match get(map, "additionalProperties") {
            None => None,
            Some(inner @ (Value::Bool(_) | Value::Object(_))) => Some(self.schema(inner)?),
            Some(_) => return invalid("Invalid type. Expected: boolean/schema, given: additionalProperties"),
        };
        rules.items = match get(map, "items") {
            None => None,
            Some(Value::Array(_)) => {
                return Err(Fault::Stop(unsupported("a JSON schema with a list of items")));
            }
            Some(inner @ (Value::Bool(_) | Value::Object(_))) => Some(self.schema(inner)?),
            Some(_) => return invalid("Invalid type. Expected: schema/array of schemas, given: items"),
        };
        rules.minimum = number(map, "minimum")?;
        rules.maximum = number(map, "maximum")?;
        rules.length = bounds(
            map,
            "minLength",
            "maxLength",
            Some("minLength cannot be greater than maxLength"),
        )?;
        let crossed = "minProperties cannot be greater than maxProperties";
        rules.members = bounds(map, "minProperties", "maxProperties", Some(crossed))?;
        rules.required = required(map)?;
        rules.elements = bounds(map, "minItems", "maxItems", None)?;
        rules.unique = match get(map, "uniqueItems") {
            None => false,
            Some(Value::Bool(unique)) => *unique,
            Some(_) => return invalid("uniqueItems must be of a boolean"),
        };
        rules.constant = get(map, "const").map(certain).transpose()?;
        rules.choices = choices(map)?;
        Ok(rules)
    }
}

fn get<'m>(map: &'m Map, keyword: &str) -> Option<&'m Value> {
    map.get(&Value::string(keyword))
}

fn types(value: &Value) -> Read<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let listed = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(items) => items.as_slice(),
        _ => return invalid("Invalid type. Expected: string/array of strings, given: type"),
    };
    for item in listed {
        let Some(name) = item.as_str() else {
            return invalid("Invalid type. Expected: string/array of strings, given: type");
        };
        if !TYPES.contains(&name) {
            let valid = TYPES.join(" ");
            return invalid(format!(
                "has a primitive type that is NOT VALID -- given: /{name}/ Expected valid values are:[{valid}]"
            ));
        }
        if found.iter().any(|known| known == name) {
            return invalid(format!("{name} type is duplicated"));
        }
        found.push(name.to_owned());
    }
    Ok(found)
}

fn number(map: &Map, keyword: &str) -> Read<Option<Number>> {
    match get(map, keyword) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.clone())),
        Some(_) => invalid(format!("{keyword} must be of a number")),
    }
}

fn bounds(map: &Map, min: &str, max: &str, crossed: Option<&str>) -> Read<Bounds> {
    let bound = |keyword: &str| match get(map, keyword) {
        None => Ok(None),
        Some(value) => match value.as_number().and_then(Number::to_i64) {
            None => invalid(format!("{keyword} must be of an integer")),
            Some(bound) if bound < 0 => invalid(format!("{keyword} must be greater than or equal to 0")),
            Some(bound) => Ok(Some(bound)),
        },
    };
    let bounds = Bounds {
        min: bound(min)?,
        max: bound(max)?,
    };
    match (bounds.min, bounds.max, crossed) {
        (Some(min), Some(max), Some(why)) if min > max => invalid(why),
        _ => Ok(bounds),
    }
}

fn required(map: &Map) -> Read<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let listed = match get(map, "required") {
        None => return Ok(found),
        Some(Value::Array(items)) => items,
        Some(_) => return invalid("required must be of an array"),
    };
    for item in listed.iter() {
        let Some(name) = item.as_str() else {
            return invalid("required items must be string");
        };
        if found.iter().any(|known| known == name) {
            return invalid("required items must be unique");
        }
        found.push(name.to_owned());
    }
    Ok(found)
}

fn choices(map: &Map) -> Read<Vec<Value>> {
    let mut found: Vec<Value> = Vec::new();
    let listed = match get(map, "enum") {
        None => return Ok(found),
        Some(Value::Array(items)) => items,
        Some(_) => return invalid("enum must be of an array"),
    };
    for item in listed.iter() {
        let item = certain(item)?;
        if found.contains(&item) {
            return invalid("enum items must be unique");
        }
        found.push(item);
    }
    Ok(found)
}

/// OPA compares such values by way of 64-bit floating point numbers.
fn certain(value: &Value) -> Read<Value> {
    if is_certain(value) {
        Ok(value.clone())
    } else {
        Err(Fault::Stop(unsupported(
            "a JSON schema with a number of this size",
        )))
    }
}
