//! A trace for people and for programs.

use anyhow::Result;
use serde_json::{Map, Value as Json, json};
use stele_types::Value;
use stele_types::json as value_json;

use super::tracer::{Event, Line};
use crate::output::{self, Format};

/// Longest value in the text form, in characters.
const MAX_VALUE: usize = 160;

/// What was traced.
pub(super) struct Report {
    /// Labels and texts that say what ran.
    pub(super) subject: Vec<(&'static str, String)>,
    /// The answer; none is undefined, or an answer that is no value.
    pub(super) result: Option<Value>,
    /// Why there is no answer.
    pub(super) error: Option<String>,
    /// What it used, if it came to an end.
    pub(super) gas: Option<u64>,
    /// How it compares with what is on record.
    pub(super) recorded: String,
    pub(super) events: Vec<Event>,
    /// Events that were not kept.
    pub(super) dropped: u64,
    /// How many events to show.
    pub(super) limit: usize,
}

/// A value in one line.
pub(super) fn value(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "undefined".to_owned();
    };
    let text = value_json::to_string(value);
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Report {
    /// Prints the trace; `facts` are the members of the JSON form that say what ran.
    pub(super) fn print(&self, format: Format, facts: Json) -> Result<()> {
        match format {
            Format::Json => output::json(&self.json(facts)),
            Format::Text => {
                self.text();
                Ok(())
            }
        }
    }

    fn hidden(&self) -> u64 {
        let beyond = self.events.len().saturating_sub(self.limit);
        self.dropped
            .saturating_add(u64::try_from(beyond).unwrap_or(u64::MAX))
    }

    fn json(&self, facts: Json) -> Json {
        let mut document = match facts {
            Json::Object(members) => members,
            _ => Map::new(),
        };
        document.insert("result".to_owned(), optional(self.result.as_ref()));
        document.insert("error".to_owned(), json!(self.error));
        document.insert("gas".to_owned(), json!(self.gas));
        let events: Vec<Json> = self.events.iter().take(self.limit).map(event).collect();
        document.insert("events".to_owned(), Json::Array(events));
        document.insert("events_left_out".to_owned(), json!(self.hidden()));
        Json::Object(document)
    }

    fn text(&self) {
        for (label, text) in &self.subject {
            output::line(format!("{label:<12} {text}"));
        }
        let answer = match &self.error {
            Some(error) => format!("error: {error}"),
            None => value(self.result.as_ref()),
        };
        output::line(format!("{:<12} {answer}", "answer"));
        output::line(format!("{:<12} {}", "recorded", self.recorded));
        if let Some(gas) = self.gas {
            output::line(format!("{:<12} {gas}", "gas"));
        }
        output::line("");
        self.events.iter().take(self.limit).for_each(print_event);
        let hidden = self.hidden();
        if hidden > 0 {
            output::line(format!("... and {hidden} more; --limit shows more"));
        }
    }
}

fn print_event(event: &Event) {
    match event {
        Event::Contract {
            address,
            known,
            depth,
            ..
        } => {
            let name = known
                .as_ref()
                .map_or("of unknown source", |known| known.name.as_str());
            output::line(format!("{}contract {address}: {name}", indent(*depth)));
        }
        Event::Enter { rule, depth } => output::line(format!("{}> {rule}", indent(*depth))),
        Event::Exit {
            rule,
            value: result,
            depth,
        } => {
            output::line(format!("{}< {rule} = {}", indent(*depth), value(result.as_ref())));
        }
        Event::Line(line) => print_line(line),
    }
}

fn print_line(line: &Line) {
    let indent = indent(line.depth);
    let place = format!("{}:{}", line.place.file, line.place.row);
    let end = if line.undefined { "    (undefined)" } else { "" };
    output::line(format!(
        "{indent}{place}: {}{end}    [{} gas]",
        line.text().unwrap_or_default(),
        line.gas
    ));
    for (name, bound) in &line.values {
        output::line(format!("{indent}    {name} = {}", value(bound.as_ref())));
    }
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

/// A value in the JSON form; undefined is null, which members called `defined` tell from Rego's null.
fn optional(value: Option<&Value>) -> Json {
    value
        .and_then(|value| serde_json::from_str(&value_json::to_string(value)).ok())
        .unwrap_or_default()
}

fn event(event: &Event) -> Json {
    match event {
        Event::Contract {
            address,
            code_hash,
            known,
            depth,
        } => json!({
            "event": "contract",
            "address": address,
            "code_hash": code_hash,
            "policy": known.as_ref().map(|known| known.name.as_str()),
            "version": known.as_ref().and_then(|known| known.version.map(|version| version.to_string())),
            "depth": depth,
        }),
        Event::Enter { rule, depth } => json!({ "event": "enter", "rule": rule, "depth": depth }),
        Event::Exit { rule, value, depth } => json!({
            "event": "exit",
            "rule": rule,
            "depth": depth,
            "defined": value.is_some(),
            "value": optional(value.as_ref()),
        }),
        Event::Line(line) => json!({
            "event": "line",
            "file": line.place.file,
            "row": line.place.row,
            "text": line.text(),
            "depth": line.depth,
            "undefined": line.undefined,
            "gas": line.gas,
            "values": line.values.iter().map(|(name, bound)| json!({
                "expression": name,
                "defined": bound.is_some(),
                "value": optional(bound.as_ref()),
            })).collect::<Vec<_>>(),
        }),
    }
}
