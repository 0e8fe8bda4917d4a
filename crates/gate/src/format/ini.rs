//! INI files, as conftest reads them: an object of sections, each an object of its keys.
//!
//! `key = value` or `key: value`; `;` and `#` begin comments, behind a value after a space; a backslash at the end of a line continues it; quotes around a value are no part of
//! it. Numbers, `true` and `false` are what they look like. Keys before the first section are in `DEFAULT`, where conftest has none.

use std::ops::Range;

use stele_types::{Number, Value};

use super::FormatError;
use super::lines::{Line, lines};
use crate::node::{Entry, Node, NodeKind};

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let mut sections: Vec<Entry> = Vec::new();
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
            at(&mut sections, &section, &place);
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
        let keys = at(&mut sections, &section, &place);
        keys.retain(|other| other.key != entry.key);
        keys.push(entry);
    }
    Ok(Node::object(0..text.len(), sections))
}

/// The keys of a section, which is made where there is none.
fn at<'s>(sections: &'s mut Vec<Entry>, name: &str, range: &Range<usize>) -> &'s mut Vec<Entry> {
    let found = sections.iter().position(|section| section.key == name);
    let index = found.unwrap_or(sections.len());
    if found.is_none() {
        sections.push(Entry::new(name, Node::object(range.clone(), Vec::new())));
    }
    #[expect(clippy::indexing_slicing, reason = "it was found or pushed just now")]
    let section = &mut sections[index].value.kind;
    if !matches!(section, NodeKind::Object(_)) {
        *section = NodeKind::Object(Vec::new());
    }
    let NodeKind::Object(keys) = section else {
        unreachable!("it was made an object just now")
    };
    keys
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
    while let Some(begun) = text.strip_suffix('\\') {
        let Some(next) = rest.next() else { break };
        let more = without_comment(next.trimmed().text);
        range.end = next.trimmed().start.saturating_add(more.len());
        text = format!("{begun}{more}");
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
