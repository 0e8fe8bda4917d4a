//! Java properties: an object of texts, as conftest reads them, but for `${key}`, which stays as it is.
//! Source: the description of `java.util.Properties.load`.

use stele_types::Value;

use super::FormatError;
use super::lines::{Line, lines};
use crate::node::{Entry, Node};

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let mut rest = lines(text);
    while let Some(line) = rest.next() {
        let content = line.from(line.text.len().saturating_sub(line.text.trim_start().len()));
        if content.text.is_empty() || content.text.starts_with(['#', '!']) {
            continue;
        }
        let key_end = end_of_key(content.text);
        let key = content.to(key_end);
        let behind = content.from(key_end);
        let value = behind.text.trim_start_matches([' ', '\t', '\u{c}']);
        let value = value.strip_prefix(['=', ':']).unwrap_or(value);
        let value = value.trim_start_matches([' ', '\t', '\u{c}']);
        let value = behind.from(behind.text.len().saturating_sub(value.len()));
        let mut raw = value.text.to_owned();
        let mut end = value.range().end;
        // Each line says for itself whether it goes on.
        let mut last = value.text;
        while continues(last) {
            raw.pop();
            let Some(next) = rest.next() else { break };
            let more = next.from(next.text.len().saturating_sub(next.text.trim_start().len()));
            raw.push_str(more.text);
            last = more.text;
            end = more.range().end;
        }
        let entry = Entry {
            key: unescaped(key)?,
            key_range: key.range(),
            value: Node::scalar(
                value.start..end,
                Value::string(&unescaped(Line { text: &raw, ..value })?),
            ),
        };
        let at = *places.entry(entry.key.clone()).or_insert(entries.len());
        match entries.get_mut(at) {
            Some(there) => *there = entry,
            None => entries.push(entry),
        }
    }
    Ok(Node::object(0..text.len(), entries))
}

/// Whether an odd number of backslashes ends it.
fn continues(text: &str) -> bool {
    let slashes = text.len().saturating_sub(text.trim_end_matches('\\').len());
    !slashes.is_multiple_of(2)
}

fn end_of_key(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if !escaped && matches!(letter, '=' | ':' | ' ' | '\t' | '\u{c}') {
            return at;
        }
        escaped = letter == '\\' && !escaped;
    }
    text.len()
}

fn unescaped(line: Line<'_>) -> Result<String, FormatError> {
    let mut out = String::new();
    // UTF-16: what lies beyond the first plane takes two escapes.
    let mut units: Vec<u16> = Vec::new();
    let mut letters = line.text.chars();
    let wrong = || FormatError::at(line.start, "`\\u` has four hexadecimal digits, of a character");
    let flush = |units: &mut Vec<u16>, out: &mut String| {
        let text = String::from_utf16(units).map_err(|_| wrong())?;
        units.clear();
        out.push_str(&text);
        Ok::<_, FormatError>(())
    };
    while let Some(letter) = letters.next() {
        let next = if letter == '\\' { letters.next() } else { None };
        if next == Some('u') {
            let digits: String = letters.by_ref().take(4).collect();
            let unit = u16::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| digits.len() == 4);
            units.push(unit.ok_or_else(wrong)?);
            continue;
        }
        flush(&mut units, &mut out)?;
        match next {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('f') => out.push('\u{c}'),
            Some(other) => out.push(other),
            None if letter == '\\' => {}
            None => out.push(letter),
        }
    }
    flush(&mut units, &mut out)?;
    Ok(out)
}
