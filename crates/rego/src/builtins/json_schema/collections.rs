//! What schemas say of arrays and objects.

use std::collections::{BTreeMap, HashMap};

use stele_types::Value;

use super::check::{Checked, Checker};
use super::numbers::is_certain;
use super::{Items, Rules, Schema, unsupported};

impl Checker<'_, '_, '_> {
    pub(super) fn array(&mut self, rules: &Rules, items: &[Value]) -> Checked {
        match &rules.items {
            Items::Any => {}
            Items::Each(schema) => {
                for (index, item) in items.iter().enumerate() {
                    self.below(&index.to_string(), schema, item)?;
                }
            }
            Items::Listed(schemas, rest) => self.listed(schemas, rest.as_ref(), items)?,
        }
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if let Some(min) = rules.elements.min.filter(|min| count < *min) {
            self.error("array_min_items", format!("Array must have at least {min} items"))?;
        }
        if let Some(max) = rules.elements.max.filter(|max| count > *max) {
            self.error("array_max_items", format!("Array must have at most {max} items"))?;
        }
        if rules.unique {
            self.unique(items)?;
        }
        if let Some(schema) = &rules.contains {
            self.contains(schema, items)?;
        }
        self.point();
        Ok(())
    }

    fn listed(&mut self, schemas: &[Schema], rest: Option<&Schema>, items: &[Value]) -> Checked {
        for (index, item) in items.iter().enumerate() {
            let Some(schema) = schemas.get(index).or(rest) else {
                break;
            };
            match schema {
                _ if schemas.is_empty() => break,
                // Said once, of the array.
                Schema::Always(false) if index >= schemas.len() => {
                    let why = "No additional items allowed on array";
                    return self.error("array_no_additional_items", why.to_owned());
                }
                Schema::Always(true) if index >= schemas.len() => break,
                schema => self.below(&index.to_string(), schema, item)?,
            }
        }
        Ok(())
    }

    fn unique(&mut self, items: &[Value]) -> Checked {
        let mut seen: HashMap<&Value, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            if !is_certain(item) {
                return Err(unsupported("a document with a number of this size"));
            }
            if let Some(before) = seen.insert(item, index) {
                self.error("unique", format!("array items[{before},{index}] must be unique"))?;
            }
        }
        Ok(())
    }

    fn contains(&mut self, schema: &Schema, items: &[Value]) -> Checked {
        let mut best = None;
        for (index, item) in items.iter().enumerate() {
            self.place.push(index.to_string());
            let outcome = self.apart(schema, item);
            self.place.pop();
            let outcome = outcome?;
            if outcome.is_valid() {
                return Ok(());
            }
            super::combine::better(&mut best, outcome);
        }
        self.error("contains", "At least one of the items must match".to_owned())?;
        if let Some(best) = best {
            self.merge(best);
        }
        Ok(())
    }

    pub(super) fn object(&mut self, rules: &Rules, map: &BTreeMap<Value, Value>) -> Checked {
        let count = i64::try_from(map.len()).unwrap_or(i64::MAX);
        if let Some(min) = rules.members.min.filter(|min| count < *min) {
            let why = format!("Must have at least {min} properties");
            self.error("array_min_properties", why)?;
        }
        if let Some(max) = rules.members.max.filter(|max| count > *max) {
            let why = format!("Must have at most {max} properties");
            self.error("array_max_properties", why)?;
        }
        for name in &rules.required {
            if map.contains_key(&Value::string(name)) {
                self.point();
            } else {
                self.error("required", format!("{name} is required"))?;
            }
        }
        for (name, value) in map {
            self.member(rules, name.as_str().unwrap_or_default(), value)?;
        }
        if let Some(schema) = &rules.names {
            for key in map.keys() {
                let outcome = self.apart(schema, key)?;
                if !outcome.is_valid() {
                    let name = key.as_str().unwrap_or_default();
                    let why = format!("Property name of \"{name}\" does not match");
                    self.error("invalid_property_name", why)?;
                    self.merge(outcome);
                }
            }
        }
        self.point();
        Ok(())
    }

    /// `patternProperties` and `additionalProperties`
    fn member(&mut self, rules: &Rules, name: &str, value: &Value) -> Checked {
        let mut matched = false;
        for (pattern, schema) in &rules.patterns {
            if self.matches(pattern, name)? {
                matched = true;
                self.below(name, schema, value)?;
            }
        }
        if matched {
            self.point();
            return Ok(());
        }
        match &rules.additional {
            None | Some(Schema::Always(true)) => Ok(()),
            Some(_) if rules.properties.contains_key(name) => Ok(()),
            Some(Schema::Always(false)) => self.error(
                "additional_property_not_allowed",
                format!("Additional property {name} is not allowed"),
            ),
            Some(schema) => self.below(name, schema, value),
        }
    }
}
