//! Documents against schemas, with errors in OPA's form and order.

use stele_types::{Number, Value};

use super::super::encoding::go_json;
use super::numbers::{bound, is_certain, is_multiple};
use super::{BuiltinError, Compiled, Pattern, Rules, Schema, Session, formats, unsupported};

/// The deepest nesting of schemas and values while a document is checked.
const DEEPEST: usize = 400;

/// The errors of `document`, empty if it matches.
pub(super) fn check(
    session: &mut Session<'_>,
    schema: &Compiled,
    document: &Value,
) -> Result<Vec<Value>, BuiltinError> {
    let mut checker = Checker {
        session,
        targets: &schema.targets,
        outcome: Outcome::default(),
        place: Vec::new(),
        depth: 0,
        followed: Vec::new(),
    };
    checker.check(&schema.root, document)?;
    Ok(checker.outcome.errors)
}

/// What came of checking a value.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    errors: Vec<Value>,
    /// How well the value fits, by which OPA's library finds the alternative whose errors it tells.
    pub(super) score: i64,
}

impl Outcome {
    pub(super) fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

pub(super) struct Checker<'s, 'b, 'c> {
    session: &'s mut Session<'b>,
    targets: &'c [Schema],
    outcome: Outcome,
    pub(super) place: Vec<String>,
    depth: usize,
    /// References that are being followed: their places and the values that they are followed for.
    followed: Vec<(usize, *const Value)>,
}

pub(super) type Checked = Result<(), BuiltinError>;

impl Checker<'_, '_, '_> {
    fn field(&self) -> String {
        if self.place.is_empty() {
            "(Root)".to_owned()
        } else {
            self.place.join(".")
        }
    }

    pub(super) fn error(&mut self, kind: &str, description: String) -> Checked {
        let field = self.field();
        let text = format!("{field}: {description}");
        self.session.bytes(text.len().saturating_mul(2))?;
        self.outcome.score = self.outcome.score.saturating_sub(2);
        self.outcome.errors.push(Value::object([
            (Value::string("error"), Value::from(text)),
            (Value::string("type"), Value::string(kind)),
            (Value::string("field"), Value::from(field)),
            (Value::string("desc"), Value::from(description)),
        ]));
        Ok(())
    }

    /// The value fits in one more way.
    pub(super) fn point(&mut self) {
        self.outcome.score = self.outcome.score.saturating_add(1);
    }

    /// Checks a value by itself.
    pub(super) fn apart(&mut self, schema: &Schema, value: &Value) -> Result<Outcome, BuiltinError> {
        let before = std::mem::take(&mut self.outcome);
        let result = self.check(schema, value);
        let outcome = std::mem::replace(&mut self.outcome, before);
        result.map(|()| outcome)
    }

    pub(super) fn merge(&mut self, outcome: Outcome) {
        self.outcome.errors.extend(outcome.errors);
        self.outcome.score = self.outcome.score.saturating_add(outcome.score);
    }

    pub(super) fn check(&mut self, schema: &Schema, value: &Value) -> Checked {
        self.session.budget.work(1)?;
        if self.depth >= DEEPEST {
            return Err(unsupported("a document that is checked to this depth"));
        }
        self.depth = self.depth.saturating_add(1);
        let result = match schema {
            Schema::Always(true) => Ok(()),
            Schema::Always(false) => self.error("false", "False always fails validation".to_owned()),
            Schema::Reference(place) => self.follow(*place, value),
            Schema::Rules(rules) => self.rules(rules, value),
        };
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn follow(&mut self, place: usize, value: &Value) -> Checked {
        let Some(schema) = self.targets.get(place) else {
            return Ok(());
        };
        let step = (place, std::ptr::from_ref(value));
        if self.followed.contains(&step) {
            // OPA's library never ends here.
            return Err(unsupported(
                "a JSON schema whose references lead back to themselves",
            ));
        }
        self.followed.push(step);
        let result = self.check(schema, value);
        self.followed.pop();
        result
    }

    fn rules(&mut self, rules: &Rules, value: &Value) -> Checked {
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
        self.combined(rules, value)?;
        match value {
            Value::Number(number) => {
                self.number(rules, number)?;
                self.common(rules, value)?;
            }
            Value::String(text) => {
                self.common(rules, value)?;
                self.string(rules, text)?;
            }
            Value::Array(items) => {
                self.array(rules, items)?;
                self.common(rules, value)?;
            }
            Value::Object(map) => {
                self.object(rules, map)?;
                self.common(rules, value)?;
                for (name, property) in &rules.properties {
                    if let Some(value) = map.get(&Value::string(name)) {
                        self.below(name, property, value)?;
                    }
                }
            }
            _ => self.common(rules, value)?,
        }
        self.point();
        Ok(())
    }

    pub(super) fn below(&mut self, name: &str, schema: &Schema, value: &Value) -> Checked {
        self.place.push(name.to_owned());
        let result = self.check(schema, value);
        self.place.pop();
        result
    }

    /// Whether text has a match.
    pub(super) fn matches(&mut self, pattern: &Pattern, text: &str) -> Result<bool, BuiltinError> {
        let bytes = text.len().saturating_add(pattern.translated.len());
        self.session
            .budget
            .work(u64::try_from(bytes >> 4).unwrap_or(u64::MAX))?;
        self.session.matches(&pattern.translated, text)
    }

    fn common(&mut self, rules: &Rules, value: &Value) -> Checked {
        self.point();
        if rules.constant.is_some() || !rules.choices.is_empty() {
            self.listed_values(rules, value)?;
        }
        if let (Some(format), Value::String(text)) = (&rules.format, value)
            && !formats::holds(self.session, format, text)?
        {
            self.error("format", format!("Does not match format '{format}'"))?;
        }
        Ok(())
    }

    fn listed_values(&mut self, rules: &Rules, value: &Value) -> Checked {
        if !is_certain(value) {
            return Err(unsupported("a document with a number of this size"));
        }
        let choices = u64::try_from(rules.choices.len()).unwrap_or(u64::MAX);
        self.session.budget.work(choices)?;
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
        self.point();
        if let Some(of) = &rules.multiple
            && !is_multiple(number, of)?
        {
            self.error("multiple_of", format!("Must be a multiple of {}", bound(of)?))?;
        }
        if let Some(max) = rules.maximum.as_ref().filter(|max| number > *max) {
            let why = format!("Must be less than or equal to {}", bound(max)?);
            self.error("number_lte", why)?;
        }
        if let Some(max) = rules.below.as_ref().filter(|max| number >= *max) {
            self.error("number_lt", format!("Must be less than {}", bound(max)?))?;
        }
        if let Some(min) = rules.minimum.as_ref().filter(|min| number < *min) {
            let why = format!("Must be greater than or equal to {}", bound(min)?);
            self.error("number_gte", why)?;
        }
        if let Some(min) = rules.above.as_ref().filter(|min| number <= *min) {
            self.error("number_gt", format!("Must be greater than {}", bound(min)?))?;
        }
        Ok(())
    }

    fn string(&mut self, rules: &Rules, text: &str) -> Checked {
        self.point();
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(min) = rules.length.min.filter(|min| length < *min) {
            let why = format!("String length must be greater than or equal to {min}");
            self.error("string_gte", why)?;
        }
        if let Some(max) = rules.length.max.filter(|max| length > *max) {
            let why = format!("String length must be less than or equal to {max}");
            self.error("string_lte", why)?;
        }
        if let Some(pattern) = &rules.pattern
            && !self.matches(pattern, text)?
        {
            self.error("pattern", format!("Does not match pattern '{}'", pattern.text))?;
        }
        Ok(())
    }
}
