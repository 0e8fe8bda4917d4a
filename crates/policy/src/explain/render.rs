//! Explanations as text.

use stele_types::{Value, json};

use super::{DefinitionExplanation, Explanation, Instance, Outcome, RuleExplanation};

/// Values longer than this are cut, in characters.
const MAX_VALUE: usize = 160;

impl Explanation {
    /// The explanation for a terminal: each rule with its definitions, how they ended, and with which values.
    #[must_use]
    pub fn to_text(&self) -> String {
        let result = self.result.as_ref().map_or_else(|| "undefined".to_owned(), show);
        let mut out = format!("{} = {result}\n", self.entry_point);
        out.push_str(&format!(
            "evaluated again with the same result by the engine `{}`",
            self.engine
        ));
        if let Some(refusal) = &self.refusal {
            out.push_str(&format!(
                "; our own compiler refuses the policy ({refusal}), so calls of functions are not shown"
            ));
        }
        out.push('\n');
        for rule in &self.rules {
            out.push('\n');
            rule.render(&mut out);
        }
        out
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
            Outcome::Unknown(_) => "unknown",
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
            Outcome::Unknown(reason) => out.push_str(&format!(": {reason}\n")),
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
    let text = json::to_string(value);
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!(
            "{}... ({} bytes)",
            text.get(..end).unwrap_or_default(),
            text.len()
        ),
        None => text,
    }
}
