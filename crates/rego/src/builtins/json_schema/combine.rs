//! Several schemas for one value: `anyOf`, `oneOf`, `allOf`, `not`, `dependencies`, `if`.

use stele_types::Value;

use super::check::{Checked, Checker, Outcome};
use super::{Combined, Dependency, Rules, Schema};

/// Keeps the outcome of the schema that fits best, the first of them.
pub(super) fn better(best: &mut Option<Outcome>, outcome: Outcome) {
    if best.as_ref().is_none_or(|known| outcome.score > known.score) {
        *best = Some(outcome);
    }
}

impl Checker<'_, '_, '_> {
    pub(super) fn combined(&mut self, rules: &Rules, value: &Value) -> Checked {
        let combined = &rules.combined;
        self.any(combined, value)?;
        self.one(combined, value)?;
        if !combined.all.is_empty() {
            let mut valid = true;
            for schema in &combined.all {
                let outcome = self.apart(schema, value)?;
                valid &= outcome.is_valid();
                self.merge(outcome);
            }
            if !valid {
                self.error(
                    "number_all_of",
                    "Must validate all the schemas (allOf)".to_owned(),
                )?;
            }
        }
        if let Some(schema) = &combined.not
            && self.apart(schema, value)?.is_valid()
        {
            self.error("number_not", "Must not validate the schema (not)".to_owned())?;
        }
        self.dependencies(rules, value)?;
        self.condition(combined, value)?;
        self.point();
        Ok(())
    }

    fn any(&mut self, combined: &Combined, value: &Value) -> Checked {
        let mut best = None;
        for schema in &combined.any {
            let outcome = self.apart(schema, value)?;
            if outcome.is_valid() {
                return Ok(());
            }
            better(&mut best, outcome);
        }
        if let Some(best) = best {
            let why = "Must validate at least one schema (anyOf)";
            self.error("number_any_of", why.to_owned())?;
            self.merge(best);
        }
        Ok(())
    }

    fn one(&mut self, combined: &Combined, value: &Value) -> Checked {
        let (mut best, mut valid) = (None, 0_usize);
        for schema in &combined.one {
            let outcome = self.apart(schema, value)?;
            if outcome.is_valid() {
                valid = valid.saturating_add(1);
            } else {
                better(&mut best, outcome);
            }
        }
        if valid != 1 && !combined.one.is_empty() {
            let why = "Must validate one and only one schema (oneOf)";
            self.error("number_one_of", why.to_owned())?;
            if let Some(best) = best.filter(|_| valid == 0) {
                self.merge(best);
            }
        }
        Ok(())
    }

    fn dependencies(&mut self, rules: &Rules, value: &Value) -> Checked {
        let Value::Object(map) = value else { return Ok(()) };
        for (name, dependency) in &rules.dependencies {
            if !map.contains_key(&Value::string(name)) {
                continue;
            }
            match dependency {
                Dependency::Names(names) => {
                    for name in names {
                        if !map.contains_key(&Value::string(name)) {
                            self.error("missing_dependency", format!("Has a dependency on {name}"))?;
                        }
                    }
                }
                Dependency::Schema(schema) => self.check(schema, value)?,
            }
        }
        Ok(())
    }

    fn condition(&mut self, combined: &Combined, value: &Value) -> Checked {
        let Some(when) = &combined.when else { return Ok(()) };
        let (schema, kind, why): (&Option<Schema>, _, _) = if self.apart(when, value)?.is_valid() {
            let why = "Must validate \"then\" as \"if\" was valid";
            (&combined.then, "condition_then", why)
        } else {
            let why = "Must validate \"else\" as \"if\" was not valid";
            (&combined.otherwise, "condition_else", why)
        };
        let Some(schema) = schema else { return Ok(()) };
        let outcome = self.apart(schema, value)?;
        if !outcome.is_valid() {
            self.error(kind, why.to_owned())?;
            self.merge(outcome);
        }
        Ok(())
    }
}
