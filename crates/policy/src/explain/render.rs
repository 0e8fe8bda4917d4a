//! Explanations as text.

use serde_json::{Value as Json, json};
use stele_types::Value;

use super::{Change, DefinitionExplanation, Explanation, Instance, Outcome, RuleExplanation};

/// Values longer than this are cut, in characters.
const MAX_VALUE: usize = 160;

impl Explanation {
    /// The explanation for a terminal: each rule with its definitions, how they ended, and with which values.
    #[must_use]
    pub fn to_text(&self) -> String {
        let result = self.result.as_ref().map_or_else(|| "undefined".to_owned(), show);
        let mut out = format!("{} = {result}\n", self.entry_point);
        out.push_str("evaluated again with the same result\n");
        for rule in &self.rules {
            out.push('\n');
            rule.render(&mut out);
        }
        if let Some(change) = &self.change {
            out.push('\n');
            change.render(&mut out);
        }
        out
    }

    /// The explanation as one JSON document; values as JSON has them, the change as a JSON Patch.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "policy_id": self.policy,
            "path": self.entry_point,
            "result": self.result.as_ref().map(Value::to_json_projection),
            "rules": self.rules.iter().map(RuleExplanation::to_json).collect::<Json>(),
            "change": self.change.as_ref().map(Change::to_json),
        })
    }
}

impl Change {
    fn render(&self, out: &mut String) {
        match self {
            Self::Found {
                patch,
                result,
                smallest,
            } => {
                let count = patch.len();
                let what = match (count, smallest) {
                    (1, _) => "this change of the input would allow".to_owned(),
                    (_, true) => format!("these {count} changes of the input would allow, and no fewer of their size"),
                    (_, false) => format!("these {count} changes of the input would allow, and none of them can be left out"),
                };
                out.push_str(&format!("{what}:\n"));
                for operation in patch {
                    out.push_str(&format!("  {operation}\n"));
                }
                let result = result.as_ref().map_or_else(|| "undefined".to_owned(), show);
                out.push_str(&format!("evaluated again with them: {result}\n"));
            }
            Self::NotFound {
                within,
                evaluations,
            } => out.push_str(&format!(
                "no change of the input that would allow was found within {within} operations ({evaluations} inputs were tried)\n"
            )),
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Found {
                patch,
                result,
                smallest,
            } => json!({
                "patch": patch,
                "result": result.as_ref().map(Value::to_json_projection),
                "smallest": smallest,
            }),
            Self::NotFound { within, evaluations } => {
                json!({"none_within": within, "evaluations": evaluations})
            }
        }
    }
}

impl RuleExplanation {
    fn to_json(&self) -> Json {
        let args = self
            .args
            .as_ref()
            .map(|args| args.iter().map(Value::to_json_projection).collect::<Vec<_>>());
        json!({
            "name": self.name,
            "args": args,
            "definitions": self.definitions.iter().map(DefinitionExplanation::to_json).collect::<Json>(),
        })
    }
}

impl DefinitionExplanation {
    fn to_json(&self) -> Json {
        let mut out = json!({"location": self.place, "text": self.source});
        let more = match &self.outcome {
            Outcome::Held(instances) => json!({"outcome": "held", "with": Instance::list(instances)}),
            Outcome::Default(value) => json!({"outcome": "default", "value": value.to_json_projection()}),
            Outcome::NotNeeded => json!({"outcome": "not_needed"}),
            Outcome::Failed { at, source, with } => json!({
                "outcome": "failed",
                "at": {"location": at, "text": source},
                "with": Instance::list(with),
            }),
        };
        if let (Some(fields), Json::Object(more)) = (out.as_object_mut(), more) {
            fields.extend(more);
        }
        out
    }
}

impl Instance {
    fn list(instances: &[Self]) -> Json {
        let one = |instance: &Self| {
            let locals = instance
                .locals
                .iter()
                .map(|(name, value)| (name.clone(), json!(value.to_json_projection())));
            let operand = |(text, values): &(String, Vec<Value>)| {
                let values: Vec<Value> = values.iter().map(Value::to_json_projection).collect();
                json!({"text": text, "values": values})
            };
            json!({
                "locals": locals.collect::<serde_json::Map<String, Json>>(),
                "operands": instance.operands.iter().map(operand).collect::<Json>(),
                "value": instance.value.as_ref().map(Value::to_json_projection),
            })
        };
        instances.iter().map(one).collect()
    }
}

impl RuleExplanation {
    fn render(&self, out: &mut String) {
        out.push_str(&self.name);
        if let Some(args) = &self.args {
            let args: Vec<String> = args.iter().map(show).collect();
            out.push_str(&format!("({})", args.join(", ")));
        }
        out.push('\n');
        for definition in &self.definitions {
            definition.render(out);
        }
    }
}

impl DefinitionExplanation {
    fn render(&self, out: &mut String) {
        let word = match &self.outcome {
            Outcome::Held(_) => "held",
            Outcome::Default(_) => "default, nothing else held",
            Outcome::NotNeeded => "not needed",
            Outcome::Failed { .. } => "failed",
        };
        out.push_str(&format!("  {}  {}\n    {word}", self.place, self.source));
        match &self.outcome {
            Outcome::Held(instances) => {
                out.push('\n');
                instances.iter().for_each(|instance| instance.render(out));
            }
            Outcome::Default(value) => out.push_str(&format!(": {}\n", show(value))),
            Outcome::NotNeeded => out.push('\n'),
            Outcome::Failed { at, source, with } => {
                out.push_str(&format!(" at {at}: {source}\n"));
                with.iter().for_each(|instance| instance.render(out));
            }
        }
    }
}

impl Instance {
    fn render(&self, out: &mut String) {
        let mut parts: Vec<String> = self
            .locals
            .iter()
            .map(|(name, value)| format!("{name} = {}", show(value)))
            .collect();
        for (text, values) in self
            .operands
            .iter()
            .filter(|(text, _)| !self.locals.contains_key(text))
        {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            parts.push(match values.as_slice() {
                [] => format!("{text} is undefined"),
                [value] => format!("{text} = {}", show(value)),
                values => format!("{text} = each of {}", show(&Value::array(values.iter().cloned()))),
            });
        }
        if let Some(value) = &self.value {
            parts.push(format!("gives {}", show(value)));
        }
        if !parts.is_empty() {
            out.push_str(&format!("      {}\n", parts.join("\n      ")));
        }
    }
}

/// JSON, cut when it is long.
fn show(value: &Value) -> String {
    let text = stele_types::json::to_string(value);
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!(
            "{}... ({} bytes)",
            text.get(..end).unwrap_or_default(),
            text.len()
        ),
        None => text,
    }
}
