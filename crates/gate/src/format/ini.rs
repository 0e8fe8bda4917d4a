//! INI files, as conftest reads them: an object of sections, each an object of its keys.
//!
//! `key = value` or `key: value`; `;` and `#` begin comments, behind a value after a space; a backslash at the end of a line continues it; quotes around a value are no part of
//! it. Numbers, `true` and `false` are what they look like. Keys before the first section are in `DEFAULT`, where conftest has none.

use std::collections::HashMap;
use std::ops::Range;

use stele_types::{Number, Value};

use super::FormatError;
use super::lines::{Line, lines};
use crate::node::{Entry, Node, last_of_equal};

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let mut sections = Sections::default();
    let mut section = "DEFAULT".to_owned();
    let mut place = 0..0;
    let mut rest = lines(text);
    while let Some(line) = rest.next() {
        let content = line.trimmed();
        if content.text.is_empty() || content.text.starts_with(['#', ';']) {
            continue;
        }
        if let Some(inner) = content.text.strip_prefix('[') {
            let Some(end) = inner.rfind(']') else {
                return Err(FormatError::at(content.start, "a section's name ends with `]`"));
            };
            section = inner.get(..end).unwrap_or_default().trim().to_owned();
            place = content.range();
            sections.at(&section, &place);
            continue;
        }
        let Some((key, value)) = content.split(&['=', ':']) else {
            return Err(FormatError::at(
                content.start,
                "neither `key = value` nor `[section]`",
            ));
        };
        let (value, range) = value_of(value.trimmed(), &mut rest);
        let entry = Entry {
            key: key.trimmed().text.trim_matches('"').to_owned(),
            key_range: key.trimmed().range(),
            value: Node::scalar(range, value),
        };
        if let Some(keys) = sections.at(&section, &place) {
            keys.push(entry);
        }
    }
    Ok(Node::object(0..text.len(), sections.into_entries()))
}

/// The keys of each section, in the order of the sections.
#[derive(Default)]
struct Sections {
    found: Vec<(String, Range<usize>, Vec<Entry>)>,
    places: HashMap<String, usize>,
}

impl Sections {
    /// The keys of a section, which is made where there is none.
    fn at(&mut self, name: &str, range: &Range<usize>) -> Option<&mut Vec<Entry>> {
        let place = *self.places.entry(name.to_owned()).or_insert(self.found.len());
        if place == self.found.len() {
            self.found.push((name.to_owned(), range.clone(), Vec::new()));
        }
        self.found.get_mut(place).map(|(_, _, keys)| keys)
    }

    fn into_entries(self) -> Vec<Entry> {
        let section = |(name, range, keys): (String, Range<usize>, Vec<Entry>)| {
            Entry::new(&name, Node::object(range, last_of_equal(keys)))
        };
        self.found.into_iter().map(section).collect()
    }
}

fn value_of<'t>(first: Line<'t>, rest: &mut impl Iterator<Item = Line<'t>>) -> (Value, Range<usize>) {
    for quote in ["\"\"\"", "\"", "'", "`"] {
        let inner = first.text.strip_prefix(quote);
        if let Some((inner, _)) = inner.and_then(|inner| inner.split_once(quote)) {
            return (Value::string(inner), first.range());
        }
    }
    let mut text = without_comment(first.text).to_owned();
    let mut range = first.start..first.start.saturating_add(text.len());
    while text.ends_with('\\') {
        let Some(next) = rest.next() else { break };
        let more = without_comment(next.trimmed().text);
        range.end = next.trimmed().start.saturating_add(more.len());
        text.pop();
        text.push_str(more);
    }
    let number = text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    let number = number.then(|| Number::parse(&text).ok()).flatten();
    let value = match (text.as_str(), number) {
        (_, Some(number)) => Value::Number(number),
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        _ => Value::string(&text),
    };
    (value, range)
}

fn without_comment(text: &str) -> &str {
    let comment = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|start| text.find(start))
        .min();
    comment
        .map_or(text, |at| text.get(..at).unwrap_or_default())
        .trim_end()
}
