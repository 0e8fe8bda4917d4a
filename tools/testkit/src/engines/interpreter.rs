//! The regorus interpreter, which makes decisions for now.

use stele_types::{Number, Value};

use super::{Case, Engine, ErrorKind, Outcome};

/// Evaluates with the regorus interpreter (never its RVM, which drops rule conflicts).
#[derive(Debug, Default)]
pub struct InterpreterEngine;

impl Engine for InterpreterEngine {
    fn name(&self) -> &'static str {
        "regorus interpreter"
    }

    fn evaluate(&mut self, case: &Case) -> Outcome {
        let mut engine = regorus::Engine::new();
        for module in case.modules.iter() {
            if let Err(error) = engine.add_policy(module.name.clone(), module.text.clone()) {
                return Outcome::Error(ErrorKind::Policy, error.to_string());
            }
        }
        let input = match case.input.as_ref().map(export).transpose() {
            Ok(input) => input.unwrap_or(regorus::Value::Undefined),
            Err(refusal) => return refusal,
        };
        engine.set_input(input);
        let added = match export(&case.data) {
            Ok(data) => engine.add_data(data),
            Err(refusal) => return refusal,
        };
        if let Err(error) = added {
            return Outcome::Error(ErrorKind::Policy, error.to_string());
        }
        match engine.eval_rule(case.entry_point.rego_ref()) {
            Ok(regorus::Value::Undefined) => Outcome::Undefined,
            Ok(value) => match import(&value) {
                Some(value) => Outcome::Value(value),
                None => Outcome::Refused("a number that is not exact".to_owned()),
            },
            Err(error) => failure(&error.to_string()),
        }
    }
}

/// regorus has one type of error; what it means is in its text, which ends with the message.
///
/// Its scheduler overlooks uses of variables inside of `every` and then finds them unsafe while it evaluates: a refusal, since the
/// policy is fine.
fn failure(message: &str) -> Outcome {
    let contains = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if contains(&[" is unsafe", "used before definition"]) {
        return Outcome::Refused(message.to_owned());
    }
    let kind = if contains(&["rule conflicts with rule", "multiple outputs", "value for key"]) {
        ErrorKind::Conflict
    } else {
        ErrorKind::Other
    };
    Outcome::Error(kind, message.to_owned())
}

/// A value for regorus, by way of JSON text.
fn export(value: &Value) -> Result<regorus::Value, Outcome> {
    if !value.is_json() {
        return Err(Outcome::Refused("an input that is not JSON".to_owned()));
    }
    let text = stele_types::json::to_string(value);
    regorus::Value::from_json_str(&text).map_err(|error| Outcome::Refused(error.to_string()))
}

/// A value from regorus; `None` if it holds a number that is not an integer, since regorus computes those in floating point.
fn import(value: &regorus::Value) -> Option<Value> {
    Some(match value {
        regorus::Value::Null => Value::Null,
        regorus::Value::Bool(value) => Value::Bool(*value),
        regorus::Value::Number(_) => {
            let number = Number::parse(&value.to_json_str().ok()?).ok()?;
            Value::Number(Some(number).filter(Number::is_integer)?)
        }
        regorus::Value::String(text) => Value::string(text),
        regorus::Value::Array(items) => Value::array(items.iter().map(import).collect::<Option<Vec<_>>>()?),
        regorus::Value::Set(items) => Value::set(items.iter().map(import).collect::<Option<Vec<_>>>()?),
        regorus::Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| Some((import(key)?, import(value)?)));
            Value::object(pairs.collect::<Option<Vec<_>>>()?)
        }
        regorus::Value::Undefined => return None,
    })
}
