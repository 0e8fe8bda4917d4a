//! Keys that are missing: where they go in YAML and JSON, and how they are written there, so that everything else, comments too, stays as it is.

use stele_types::{InputKind, Value, json};

use super::written;
use crate::format::Format;
use crate::node::{Entry, Node, NodeKind};

/// Where members are added to a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The byte that they are written before.
    pub(super) offset: usize,
    /// How many bytes are written over: an explicit null, which becomes a mapping.
    pub(super) replaces: usize,
    style: Style,
    kind: InputKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Style {
    /// On lines of their own behind this many spaces, ended as the file's lines are.
    Block { indent: usize, end: &'static str },
    /// In braces, behind this: the comma and space that separate members here.
    Flow { before: String, json: bool },
    /// With braces of their own, behind this: there is no mapping yet.
    Braces { before: &'static str, json: bool },
}

/// Finds the place behind the last member of a mapping.
pub(super) fn place(
    text: &str,
    format: Format,
    kind: InputKind,
    mapping: &Node,
    parent: Option<(&Node, &Value)>,
) -> Result<Place, &'static str> {
    let entries = match &mapping.kind {
        NodeKind::Object(entries) => entries,
        NodeKind::Scalar(Value::Null) => {
            let found = empty(text, format, mapping, parent).ok_or(
                "what it is missing from is empty or null; write `{}` there, or remove its key, and check again",
            );
            return found.map(|(offset, replaces, style)| Place {
                offset,
                replaces,
                style,
                kind,
            });
        }
        _ => return Err("what it is missing from is no mapping"),
    };
    // What `<<` merges stands elsewhere.
    let own = entries
        .iter()
        .filter(|entry| mapping.range.contains(&entry.key_range.start));
    let own: Vec<&Entry> = own.collect();
    let (offset, style) = match format {
        Format::Json | Format::Yaml if is_flow(text, mapping) => {
            flow(text, format == Format::Json, mapping, &own)
        }
        Format::Yaml => own.iter().rev().find_map(|entry| block(text, &own, entry)),
        _ => return Err("keys are added to YAML and JSON only"),
    }
    .ok_or("what it is missing from has no place for it")?;
    Ok(Place {
        offset,
        replaces: 0,
        style,
        kind,
    })
}

/// Where nothing is, or null, under a key of `parent`: what is written over, and how.
fn empty(
    text: &str,
    format: Format,
    null: &Node,
    parent: Option<(&Node, &Value)>,
) -> Option<(usize, usize, Style)> {
    let json = match format {
        Format::Json => true,
        Format::Yaml => false,
        _ => return None,
    };
    let written = text.get(null.range.clone())?;
    // What a tag or an anchor belongs to is more than nothing.
    let before = text.get(..null.range.start)?.trim_end();
    let mut words = before.rsplit(|letter: char| letter.is_whitespace() || "[{,".contains(letter));
    if !json && words.next().is_some_and(|word| word.starts_with(['!', '&'])) {
        return None;
    }
    if ["~", "null", "Null", "NULL"].contains(&written) {
        let style = Style::Braces { before: "", json };
        return Some((null.range.start, written.len(), style));
    }
    let (parent, key) = parent?;
    let NodeKind::Object(entries) = &parent.kind else {
        return None;
    };
    let entry = entries
        .iter()
        .find(|entry| Some(entry.key.as_str()) == key.as_str())?;
    // What `<<` merges stands elsewhere.
    let key = Some(entry.key_range.clone()).filter(|key| parent.range.contains(&key.start))?;
    let behind = text.get(key.end..)?;
    let colon = behind
        .find(':')
        .filter(|at| behind.get(..*at).is_some_and(|gap| gap.trim().is_empty()))?;
    let offset = key.end.checked_add(colon)?.checked_add(1)?;
    if is_flow(text, parent) {
        return Some((offset, 0, Style::Braces { before: " ", json }));
    }
    let line = text.get(..key.start)?.rsplit('\n').next()?;
    let rest = text.get(offset..)?.split('\n').next()?;
    let end = if rest.ends_with('\r') { "\r\n" } else { "\n" };
    let free = rest.trim();
    (free.is_empty() || free.starts_with('#')).then(|| {
        let indent = line
            .trim_start_matches('\u{feff}')
            .chars()
            .count()
            .saturating_add(2);
        let offset = offset.saturating_add(rest.trim_end_matches('\r').len());
        (offset, 0, Style::Block { indent, end })
    })
}

fn is_flow(text: &str, node: &Node) -> bool {
    let rest = text.get(node.range.start..);
    rest.is_some_and(|rest| rest.starts_with(['{', '[']))
}

fn flow(text: &str, json: bool, mapping: &Node, own: &[&Entry]) -> Option<(usize, Style)> {
    let start = mapping.range.start.saturating_add(1);
    let Some(last) = own.last() else {
        let before = String::new();
        let is_empty = text.get(start..)?.trim_start().starts_with('}');
        return is_empty.then_some((start, Style::Flow { before, json }));
    };
    let ahead = text.get(..last.key_range.start)?;
    let gap = ahead.get(ahead.trim_end().len()..)?;
    let gap = if gap.contains('\n') { gap } else { " " };
    let before = format!(",{gap}");
    Some((end_of(text, last), Style::Flow { before, json }))
}

/// Behind an entry, if its line ends there.
fn block(text: &str, own: &[&Entry], entry: &Entry) -> Option<(usize, Style)> {
    let before = text.get(..own.first()?.key_range.start)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    let indent = line.trim_start_matches('\u{feff}').chars().count();
    let ended = text.get(..end_of(text, entry))?.trim_end().len();
    let rest = text.get(ended..)?.split('\n').next().unwrap_or_default();
    let end = if rest.ends_with('\r') { "\r\n" } else { "\n" };
    let behind = rest.trim_end_matches('\r');
    let free = behind.trim_start();
    (free.is_empty() || free.starts_with('#')).then(|| {
        let offset = ended.saturating_add(behind.len());
        (offset, Style::Block { indent, end })
    })
}

/// Where an entry's text ends. What an alias stands for is not its text.
fn end_of(text: &str, entry: &Entry) -> usize {
    let behind = text.get(entry.key_range.end..).unwrap_or_default();
    let colon = behind.find(':').map_or(0, |at| at.saturating_add(1));
    let key = entry.key_range.end;
    end_of_value(text, &entry.value, key).max(key.saturating_add(colon))
}

fn end_of_value(text: &str, node: &Node, behind: usize) -> usize {
    if node.range.start < behind {
        return behind;
    }
    let last = match &node.kind {
        _ if is_flow(text, node) => None,
        NodeKind::Array(items) | NodeKind::Set(items) => {
            let last = items.last();
            last.map(|item| end_of_value(text, item, node.range.start))
        }
        NodeKind::Object(entries) | NodeKind::Open(entries) => {
            entries.last().map(|entry| end_of(text, entry))
        }
        NodeKind::Scalar(_) | NodeKind::Unknown => None,
    };
    last.unwrap_or(node.range.end)
}

impl Place {
    /// The text for these members.
    pub(super) fn render(&self, members: &Value) -> String {
        let pairs = members.as_object().into_iter().flatten();
        let pairs = pairs.filter_map(|(key, value)| Some((key.as_str()?, value)));
        match &self.style {
            Style::Block { indent, end } => {
                let mut out = String::new();
                pairs.for_each(|(key, value)| self.lines(&mut out, key, value, *indent, end));
                out
            }
            Style::Flow { before, json } => {
                let pairs = self.pairs(pairs, *json);
                if before.is_empty() {
                    return pairs.join(", ");
                }
                pairs.iter().map(|pair| format!("{before}{pair}")).collect()
            }
            Style::Braces { before, json } => {
                format!("{before}{{{}}}", self.pairs(pairs, *json).join(", "))
            }
        }
    }

    fn pairs<'v>(&self, pairs: impl Iterator<Item = (&'v str, &'v Value)>, json: bool) -> Vec<String> {
        let word = |key: &str| if json { quoted(key) } else { self.word(key) };
        pairs
            .map(|(key, value)| format!("{}: {}", word(key), flowing(value)))
            .collect()
    }

    fn lines(&self, out: &mut String, key: &str, value: &Value, indent: usize, end: &str) {
        let start = " ".repeat(indent);
        out.push_str(&format!("{end}{start}{}:", self.word(key)));
        match value.as_object().filter(|members| !members.is_empty()) {
            None => {
                let text = value.as_str().map(|text| self.word(text));
                out.push(' ');
                out.push_str(&text.unwrap_or_else(|| flowing(value)));
            }
            Some(members) => {
                for (key, value) in members {
                    let key = key.as_str().unwrap_or_default();
                    self.lines(out, key, value, indent.saturating_add(2), end);
                }
            }
        }
    }

    fn word(&self, text: &str) -> String {
        written(&Value::string(text), self.kind, "")
    }
}

fn quoted(text: &str) -> String {
    json::to_string(&Value::string(text))
}

/// JSON on one line, with spaces.
fn flowing(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flowing).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let pair = |(key, value): (&Value, &Value)| {
                let key = key.as_str().unwrap_or_default();
                format!("{}: {}", quoted(key), flowing(value))
            };
            let pairs: Vec<String> = members.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        _ => json::to_string(value),
    }
}
