//! Schemas from their JSON. The messages, and the order in which errors are looked for, are those of OPA's library.

use stele_types::Value;

use super::keywords::{
    Map, Read, SCHEMA, bounds, certain, choices, draft, get, invalid, limit, list, multiple, object, pattern,
    required, text, types, unique, wrong,
};
use super::refs::Document;
use super::{Combined, Compiled, Dependency, Draft, Fault, Items, MAX_DEPTH, Rules, Schema, unsupported};
use crate::builtins::Session;

/// What a schema is charged for, in elements.
const ELEMENTS: usize = 16;

/// Reads a schema and what it refers to.
pub(super) fn schema(session: &mut Session<'_>, value: &Value) -> Read<Compiled> {
    let draft = match value {
        Value::Bool(_) => Draft::Mixed,
        Value::Object(map) => draft(map)?,
        _ => return invalid("schema is invalid"),
    };
    let mut reader = Reader {
        session,
        draft,
        document: Document::new(value)?,
        left: Vec::new(),
        depth: 0,
    };
    let root = reader.schema(value)?;
    let mut targets = Vec::new();
    // What they refer to comes behind them.
    let mut next = 0_usize;
    while let Some(value) = reader.left.get(next).copied() {
        targets.push(reader.schema(value)?);
        next = next.saturating_add(1);
    }
    Ok(Compiled { root, targets })
}

struct Reader<'s, 'b, 'v> {
    session: &'s mut Session<'b>,
    draft: Draft,
    document: Document<'v>,
    /// What references mean, in the order of their places.
    left: Vec<&'v Value>,
    depth: usize,
}

impl<'v> Reader<'_, '_, 'v> {
    fn schema(&mut self, value: &'v Value) -> Read<Schema> {
        self.session
            .elements(ELEMENTS)
            .map_err(|limit| Fault::Stop(limit.into()))?;
        let map = match value {
            Value::Bool(always) if self.draft >= Draft::Six => return Ok(Schema::Always(*always)),
            Value::Object(map) => map,
            _ => return invalid(format!("Expected: {SCHEMA}, given: Invalid JSON")),
        };
        if self.depth >= MAX_DEPTH {
            return Err(Fault::Stop(unsupported("a JSON schema nested too deeply")));
        }
        self.depth = self.depth.saturating_add(1);
        let schema = self.keywords(map);
        self.depth = self.depth.saturating_sub(1);
        schema
    }

    fn keywords(&mut self, map: &'v Map) -> Read<Schema> {
        let renamed = self.draft >= Draft::Six && !(self.draft == Draft::Mixed && get(map, "id").is_some());
        text(map, if renamed { "$id" } else { "id" })?;
        match get(map, "definitions") {
            None => {}
            Some(Value::Object(definitions)) => {
                for definition in definitions.values() {
                    if !matches!(definition, Value::Bool(_) | Value::Object(_)) {
                        return wrong("Array Of Schemas", "definitions");
                    }
                    self.schema(definition)?;
                }
            }
            Some(_) => return wrong("Array Of Schemas", "definitions"),
        }
        text(map, "title")?;
        text(map, "description")?;
        if let Some(reference) = text(map, "$ref")? {
            // Whatever stands beside a reference is passed over.
            let (place, unread) = self.document.find(reference)?;
            self.left.extend(unread);
            return Ok(Schema::Reference(place));
        }
        let mut rules = Rules {
            types: types(map)?,
            ..Rules::default()
        };
        self.members(map, &mut rules)?;
        self.elements(map, &mut rules)?;
        self.values(map, &mut rules)?;
        rules.combined = self.combined(map)?;
        Ok(Schema::Rules(Box::new(rules)))
    }

    /// A schema as the value of a keyword.
    fn part(&mut self, map: &'v Map, keyword: &str, expected: &str, given: &str) -> Read<Option<Schema>> {
        match get(map, keyword) {
            None => Ok(None),
            Some(inner @ (Value::Bool(_) | Value::Object(_))) => self.schema(inner).map(Some),
            Some(_) => wrong(expected, given),
        }
    }

    /// A schema, or a boolean in any version.
    fn additional(&mut self, map: &'v Map, keyword: &str) -> Read<Option<Schema>> {
        match get(map, keyword) {
            Some(Value::Bool(always)) => Ok(Some(Schema::Always(*always))),
            _ => self.part(map, keyword, &format!("boolean/{SCHEMA}"), keyword),
        }
    }

    fn members(&mut self, map: &'v Map, rules: &mut Rules) -> Read<()> {
        for (name, property) in object(map, "properties")?.into_iter().flatten() {
            let property = self.schema(property)?;
            rules
                .properties
                .insert(name.as_str().unwrap_or_default().to_owned(), property);
        }
        rules.additional = self.additional(map, "additionalProperties")?;
        match get(map, "patternProperties") {
            None => {}
            Some(Value::Object(patterns)) => {
                for (name, property) in patterns.iter() {
                    let name = name.as_str().unwrap_or_default();
                    let name = pattern(self.session, name, || format!("Invalid regex pattern '{name}'"))?;
                    let property = self.schema(property)?;
                    rules.patterns.push((name, property));
                }
            }
            Some(_) => return wrong(SCHEMA, "patternProperties"),
        }
        if self.draft >= Draft::Six {
            // The message names the other keyword.
            rules.names = self.part(map, "propertyNames", SCHEMA, "patternProperties")?;
        }
        for (name, dependency) in object(map, "dependencies")?.into_iter().flatten() {
            let wrong = || Fault::Invalid("Dependency must be of type Schema Or Array Of Strings".to_owned());
            let dependency = match dependency {
                Value::Array(names) => {
                    let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                    Dependency::Names(names.collect::<Option<_>>().ok_or_else(wrong)?)
                }
                Value::Bool(_) | Value::Object(_) => Dependency::Schema(self.schema(dependency)?),
                _ => return Err(wrong()),
            };
            let name = name.as_str().unwrap_or_default().to_owned();
            rules.dependencies.insert(name, dependency);
        }
        Ok(())
    }

    fn elements(&mut self, map: &'v Map, rules: &mut Rules) -> Read<()> {
        let wanted = format!("{SCHEMA}/Array Of Schemas");
        rules.items = match get(map, "items") {
            Some(Value::Array(listed)) => {
                let mut schemas = Vec::with_capacity(listed.len());
                for item in listed.iter() {
                    if !matches!(item, Value::Bool(_) | Value::Object(_)) {
                        return wrong(&wanted, "items");
                    }
                    schemas.push(self.schema(item)?);
                }
                Items::Listed(schemas, None)
            }
            _ => match self.part(map, "items", &wanted, "items")? {
                Some(schema) => Items::Each(schema),
                None => Items::Any,
            },
        };
        let additional = self.additional(map, "additionalItems")?;
        if let Items::Listed(_, rest) = &mut rules.items {
            *rest = additional;
        }
        Ok(())
    }

    fn values(&mut self, map: &'v Map, rules: &mut Rules) -> Read<()> {
        rules.multiple = multiple(map)?;
        (rules.minimum, rules.above) = limit(map, self.draft, "minimum", "exclusiveMinimum")?;
        (rules.maximum, rules.below) = limit(map, self.draft, "maximum", "exclusiveMaximum")?;
        rules.length = bounds(map, "minLength", "maxLength", true)?;
        if let Some(expression) = text(map, "pattern")? {
            let why = || "pattern must be a valid regex".to_owned();
            rules.pattern = Some(pattern(self.session, expression, why)?);
        }
        rules.format = text(map, "format")?
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
        rules.members = bounds(map, "minProperties", "maxProperties", true)?;
        rules.required = required(map)?;
        rules.elements = bounds(map, "minItems", "maxItems", false)?;
        rules.unique = unique(map)?;
        if self.draft >= Draft::Six {
            rules.contains = get(map, "contains").map(|inner| self.schema(inner)).transpose()?;
            rules.constant = get(map, "const").map(certain).transpose()?;
        }
        rules.choices = choices(map)?;
        Ok(())
    }

    fn combined(&mut self, map: &'v Map) -> Read<Combined> {
        let mut several = |keyword: &str| -> Read<Vec<Schema>> {
            let listed = list(map, keyword)?;
            listed.iter().map(|inner| self.schema(inner)).collect()
        };
        let (one, any, all) = (several("oneOf")?, several("anyOf")?, several("allOf")?);
        let mut single = |keyword: &str| match get(map, keyword) {
            None => Ok(None),
            Some(inner @ (Value::Bool(_) | Value::Object(_))) => self.schema(inner).map(Some),
            Some(_) => invalid(format!("{keyword} must be of an object")),
        };
        let mut combined = Combined {
            any,
            one,
            all,
            not: single("not")?,
            ..Combined::default()
        };
        if self.draft >= Draft::Seven {
            let mut single = |keyword: &str| match get(map, keyword) {
                None => Ok(None),
                Some(inner @ (Value::Bool(_) | Value::Object(_))) => self.schema(inner).map(Some),
                Some(_) => invalid(format!("{keyword} must be of an object")),
            };
            combined.when = single("if")?;
            combined.then = single("then")?;
            combined.otherwise = single("else")?;
        }
        Ok(combined)
    }
}
