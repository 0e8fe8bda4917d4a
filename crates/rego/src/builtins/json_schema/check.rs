//! Documents against schemas, with errors in OPA's form and order.

use std::collections::{BTreeMap, HashMap};

use stele_types::{Number, Value};

use super::super::encoding::go_json;
use super::{BuiltinError, Rules, Schema, Session, unsupported};

/// The errors of `document`, empty if it matches.
pub(super) fn check(
    session: &mut Session<'_>,
    schema: &Schema,
    document: &Value,
) -> Result<Vec<Value>, BuiltinError> {
    let mut checker = Checker {
        session,
        errors: Vec::new(),
        place: Vec::new(),
    };
    checker.check(schema, document)?;
    Ok(checker.errors)
}

/// Numbers whose text and whose equality don't change on the way through 64-bit floating point.
pub(super) fn is_certain(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.len() <= 15
                && !text.contains(['e', 'E'])
                && !text.trim_start_matches('-').starts_with("0.00000")
        }
        Value::Array(items) => items.iter().all(is_certain),
        Value::Object(map) => map.values().all(is_certain),
        _ => true,
    }
}

struct Checker<'s, 'b> {
    session: &'s mut Session<'b>,
    errors: Vec<Value>,
    place: Vec<String>,
}

type Checked = Result<(), BuiltinError>;

impl Checker<'_, '_> {
    fn field(&self) -> String {
        if self.place.is_empty() {
            "(root)".to_owned()
        } else {
            self.place.join(".")
        }
    }

    fn error(&mut self, kind: &str, description: String) -> Checked {
        let field = self.field();
        let text = format!("{field}: {description}");
        self.session.bytes(text.len().saturating_mul(2))?;
        self.errors.push(Value::object([
            (Value::string("error"), Value::from(text)),
            (Value::string("type"), Value::string(kind)),
            (Value::string("field"), Value::from(field)),
            (Value::string("desc"), Value::from(description)),
        ]));
        Ok(())
    }

    fn check(&mut self, schema: &Schema, value: &Value) -> Checked {
        self.session.budget.work(1)?;
        let rules = match schema {
            Schema::Always(true) => return Ok(()),
            Schema::Always(false) => return self.error("false", "False always fails validation".to_owned()),
            Schema::Rules(rules) => rules,
        };
        let given = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_integer() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) | Value::Set(_) => "object",
        };
        let fits = |name: &String| name == given || (name == "number" && given == "integer");
        if !rules.types.is_empty() && !rules.types.iter().any(fits) {
            let expected = match rules.types.as_slice() {
                [one] => one.clone(),
                several => format!("[{}]", several.join(",")),
            };
            return self.error(
                "invalid_type",
                format!("Invalid type. Expected: {expected}, given: {given}"),
            );
        }
        match value {
            Value::Number(number) => {
                self.number(rules, number)?;
                self.common(rules, value)
            }
            Value::String(text) => {
                self.common(rules, value)?;
                self.string(rules, text)
            }
            Value::Array(items) => {
                self.array(rules, items)?;
                self.common(rules, value)
            }
            Value::Object(map) => {
                self.object(rules, map)?;
                self.common(rules, value)?;
                for (name, property) in &rules.properties {
                    if let Some(value) = map.get(&Value::string(name)) {
                        self.below(name, property, value)?;
                    }
                }
                Ok(())
            }
            _ => self.common(rules, value),
        }
    }

    fn below(&mut self, name: &str, schema: &Schema, value: &Value) -> Checked {
        self.place.push(name.to_owned());
        let result = self.check(schema, value);
        self.place.pop();
        result
    }

    fn common(&mut self, rules: &Rules, value: &Value) -> Checked {
        if rules.constant.is_none() && rules.choices.is_empty() {
            return Ok(());
        }
        if !is_certain(value) {
            return Err(unsupported("a document with a number of this size"));
        }
        if let Some(constant) = rules.constant.as_ref().filter(|constant| *constant != value) {
            let description = format!("{} does not match: {}", self.field(), go_json(constant));
            self.error("const", description)?;
        }
        if !rules.choices.is_empty() && !rules.choices.contains(value) {
            let choices: Vec<String> = rules.choices.iter().map(go_json).collect();
            let description = format!(
                "{} must be one of the following: {}",
                self.field(),
                choices.join(", ")
            );
            self.error("enum", description)?;
        }
        Ok(())
    }

    fn number(&mut self, rules: &Rules, number: &Number) -> Checked {
        if let Some(max) = rules.maximum.as_ref().filter(|max| number > *max) {
            self.error(
                "number_lte",
                format!("Must be less than or equal to {}", bound(max)?),
            )?;
        }
        if let Some(min) = rules.minimum.as_ref().filter(|min| number < *min) {
            self.error(
                "number_gte",
                format!("Must be greater than or equal to {}", bound(min)?),
            )?;
        }
        Ok(())
    }

    fn string(&mut self, rules: &Rules, text: &str) -> Checked {
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(min) = rules.length.min.filter(|min| length < *min) {
            self.error(
                "string_gte",
                format!("String length must be greater than or equal to {min}"),
            )?;
        }
        if let Some(max) = rules.length.max.filter(|max| length > *max) {
            self.error(
                "string_lte",
                format!("String length must be less than or equal to {max}"),
            )?;
        }
        Ok(())
    }

    fn array(&mut self, rules: &Rules, items: &[Value]) -> Checked {
        if let Some(schema) = &rules.items {
            for (index, item) in items.iter().enumerate() {
                self.below(&index.to_string(), schema, item)?;
            }
        }
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if let Some(min) = rules.elements.min.filter(|min| count < *min) {
            self.error("array_min_items", format!("Array must have at least {min} items"))?;
        }
        if let Some(max) = rules.elements.max.filter(|max| count > *max) {
            self.error("array_max_items", format!("Array must have at most {max} items"))?;
        }
        if rules.unique {
            let mut seen: HashMap<&Value, usize> = HashMap::new();
            for (index, item) in items.iter().enumerate() {
                if !is_certain(item) {
                    return Err(unsupported("a document with a number of this size"));
                }
                if let Some(before) = seen.insert(item, index) {
                    self.error("unique", format!("array items[{before},{index}] must be unique"))?;
                }
            }
        }
        Ok(())
    }

    fn object(&mut self, rules: &Rules, map: &BTreeMap<Value, Value>) -> Checked {
        let count = i64::try_from(map.len()).unwrap_or(i64::MAX);
        if let Some(min) = rules.members.min.filter(|min| count < *min) {
            self.error(
                "array_min_properties",
                format!("Must have at least {min} properties"),
            )?;
        }
        if let Some(max) = rules.members.max.filter(|max| count > *max) {
            self.error(
                "array_max_properties",
                format!("Must have at most {max} properties"),
            )?;
        }
        for name in &rules.required {
            if !map.contains_key(&Value::string(name)) {
                self.error("required", format!("{name} is required"))?;
            }
        }
        let Some(additional) = &rules.additional else {
            return Ok(());
        };
        for (name, value) in map {
            let name = name.as_str().unwrap_or_default();
            if rules.properties.contains_key(name) {
                continue;
            }
            match additional {
                Schema::Always(true) => {}
                Schema::Always(false) => self.error(
                    "additional_property_not_allowed",
                    format!("Additional property {name} is not allowed"),
                )?,
                Schema::Rules(_) => self.below(name, additional, value)?,
            }
        }
        Ok(())
    }
}

/// A bound as Go prints it; of a number for which that is not certain there is no text.
fn bound(number: &Number) -> Result<String, BuiltinError> {
    match number.to_i64() {
        Some(number) if number.unsigned_abs() < 1_000_000 => Ok(number.to_string()),
        _ => Err(unsupported("the message about a bound of this size")),
    }
}
