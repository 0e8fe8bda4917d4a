//! JSON Schema as types: what `type`, `properties`, `additionalProperties`, `items`, `enum`, `const`, `$ref`, `allOf`, `anyOf` and `oneOf` say.
//! Everything else in a schema only narrows what these allow, so it is not needed for an upper bound.
//!
//! As in OPA, an object whose `properties` are listed has no others unless `additionalProperties` says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::shape::{Fields, Kinds, Type};

/// Schemas by name, as annotations refer to them: `schema.input`, `schema.acl.users`.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    by_name: BTreeMap<String, Arc<Json>>,
}

impl Schemas {
    /// No schemas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a schema as `schema.SEGMENTS`; without segments it is `schema` itself, which holds for `input` everywhere.
    pub fn insert<S: AsRef<str>>(&mut self, segments: &[S], schema: Json) {
        let mut name = String::from("schema");
        for segment in segments {
            name.push('.');
            name.push_str(segment.as_ref());
        }
        self.by_name.insert(name, Arc::new(schema));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.by_name.get(name).map(Arc::as_ref)
    }
}

/// References may be recursive, and types are not.
const DEEPEST: usize = 12;

/// The type that a schema allows. What is no schema allows everything.
pub(super) fn type_of(schema: &Json) -> Type {
    Reader { root: schema }.read(schema, DEEPEST)
}

struct Reader<'a> {
    root: &'a Json,
}

impl Reader<'_> {
    fn read(&self, schema: &Json, depth: usize) -> Type {
        let Some(depth) = depth.checked_sub(1) else {
            return Type::any();
        };
        let schema = match schema {
            Json::Bool(false) => return Type::nothing(),
            Json::Object(schema) => schema,
            _ => return Type::any(),
        };
        if let Some(Json::String(reference)) = schema.get("$ref") {
            let found = reference.strip_prefix('#').and_then(|at| self.root.pointer(at));
            return found.map_or(Type::any(), |found| self.read(found, depth));
        }
        if let Some(value) = schema.get("const") {
            return constant(value);
        }
        if let Some(Json::Array(values)) = schema.get("enum") {
            return values
                .iter()
                .map(constant)
                .reduce(Type::or)
                .unwrap_or(Type::any());
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Json::Array(choices)) = schema.get(key) {
                let choices = choices.iter().map(|choice| self.read(choice, depth));
                return choices.reduce(Type::or).unwrap_or(Type::any());
            }
        }
        if let Some(Json::Array(parts)) = schema.get("allOf") {
            return self.all_of(schema, parts, depth);
        }
        self.plain(schema, depth)
    }

    /// The objects of all parts as one; anything when parts are no objects.
    fn all_of(&self, schema: &Map<String, Json>, parts: &[Json], depth: usize) -> Type {
        let mut named = BTreeMap::new();
        let own = self.plain(schema, depth);
        let parts = parts.iter().map(|part| self.read(part, depth));
        for part in std::iter::once(own).chain(parts) {
            let Some(names) = part.known_fields() else {
                continue;
            };
            named.extend(names.into_iter().map(|name| (name.clone(), part.field(&name))));
        }
        if named.is_empty() {
            return Type::any();
        }
        Type::object(Fields { named, others: None })
    }

    fn plain(&self, schema: &Map<String, Json>, depth: usize) -> Type {
        let names: Vec<&str> = match schema.get("type") {
            Some(Json::String(name)) => vec![name],
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
            _ if schema.contains_key("properties") => vec!["object"],
            _ if schema.contains_key("items") => vec!["array"],
            _ => return Type::any(),
        };
        let each = names.into_iter().map(|name| match name {
            "null" => Type::of(Kinds::NULL),
            "boolean" => Type::of(Kinds::BOOLEAN),
            "number" | "integer" => Type::of(Kinds::NUMBER),
            "string" => Type::of(Kinds::STRING),
            "array" => self.array(schema, depth),
            "object" => self.object(schema, depth),
            _ => Type::any(),
        });
        each.reduce(Type::or).unwrap_or(Type::any())
    }

    fn array(&self, schema: &Map<String, Json>, depth: usize) -> Type {
        match schema.get("items") {
            Some(items @ Json::Object(_)) => Type::list(self.read(items, depth)),
            _ => Type::of(Kinds::ARRAY),
        }
    }

    fn object(&self, schema: &Map<String, Json>, depth: usize) -> Type {
        let properties = match schema.get("properties") {
            Some(Json::Object(properties)) => Some(properties),
            _ => None,
        };
        let others = match schema.get("additionalProperties") {
            Some(Json::Bool(false)) => None,
            Some(others) => Some(self.read(others, depth)),
            None if properties.is_some() => None,
            None => return Type::of(Kinds::OBJECT),
        };
        if schema.contains_key("patternProperties") {
            return Type::of(Kinds::OBJECT);
        }
        Type::object(Fields {
            named: properties
                .into_iter()
                .flatten()
                .map(|(name, schema)| (Arc::from(name.as_str()), self.read(schema, depth)))
                .collect(),
            others: others.map(|value| (Type::of(Kinds::STRING), value)),
        })
    }
}

/// The type of one value of an `enum`.
fn constant(value: &Json) -> Type {
    Type::of(match value {
        Json::Null => Kinds::NULL,
        Json::Bool(_) => Kinds::BOOLEAN,
        Json::Number(_) => Kinds::NUMBER,
        Json::String(_) => Kinds::STRING,
        Json::Array(_) => Kinds::ARRAY,
        Json::Object(_) => Kinds::OBJECT,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_upper_bounds() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "tags": {"type": "array", "items": {"type": ["string", "null"]}},
                "owner": {"$ref": "#/$defs/owner"},
                "level": {"enum": [1, "high"]},
                "free": {"type": "object"},
                "either": {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
                "open": {"properties": {"a": {"type": "number"}}, "additionalProperties": {"type": "string"}},
            },
            "$defs": {"owner": {"type": "object", "properties": {"next": {"$ref": "#/$defs/owner"}}}},
        });
        let input = type_of(&schema);
        assert_eq!(input.field("name"), Type::of(Kinds::STRING));
        assert!(input.field("nome").is_nothing());
        assert_eq!(input.field("tags").values().kinds, Kinds::STRING.or(Kinds::NULL));
        assert_eq!(input.field("level").kinds, Kinds::STRING.or(Kinds::NUMBER));
        assert_eq!(input.field("free").field("x"), Type::any());
        assert_eq!(input.field("either").kinds, Kinds::NUMBER.or(Kinds::BOOLEAN));
        assert_eq!(input.field("open").field("b"), Type::of(Kinds::STRING));
        assert!(!input.field("owner").field("next").field("next").is_nothing());
        assert!(input.field("owner").field("name").is_nothing());
    }

    #[test]
    fn all_parts_of_an_object_count() {
        let schema = json!({"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "null"}}}]});
        let input = type_of(&schema);
        assert_eq!(input.field("a"), Type::of(Kinds::STRING));
        assert_eq!(input.field("b"), Type::of(Kinds::NULL));
        assert_eq!(type_of(&json!({"allOf": [{"minLength": 1}]})), Type::any());
    }
}
