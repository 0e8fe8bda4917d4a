//! JSON: read at once, and once more, step by step, where a place is wanted.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use stele_types::{Value, json};

use super::{Document, FormatError, Places};
use crate::node::{Entry, Node, index};

/// The greatest document, in bytes.
const MAX_BYTES: usize = 1 << 30;

pub(super) fn read(text: &str) -> Result<Document, FormatError> {
    let limits = json::Limits {
        max_bytes: MAX_BYTES,
        ..json::Limits::default()
    };
    // A byte order mark says nothing here.
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.len().saturating_sub(body.len());
    let value = json::parse(body.as_bytes(), &limits).map_err(|error| FormatError {
        offset: Some(error.offset.saturating_add(start)),
        message: format!("not JSON: {}", error.kind),
    })?;
    Ok(Document {
        value,
        places: Places::Json(start..text.len()),
    })
}

/// Where a path leads, from the document in a range of the text on.
pub(super) fn locate(text: &str, range: &Range<usize>, path: &[Value]) -> Range<usize> {
    let Some(whole) = text.get(range.clone()) else {
        return range.clone();
    };
    let Ok(mut at) = serde_json::from_str::<&RawValue>(whole) else {
        return range.clone();
    };
    let mut key: Option<&RawValue> = None;
    for (depth, step) in path.iter().enumerate() {
        let Some((found_key, value)) = member(at, step) else {
            // What is missing from a value is shown at the value's key.
            return place(text, key.unwrap_or(at));
        };
        let last = depth.saturating_add(1) == path.len();
        let is_whole = value.get().starts_with(['{', '[']);
        match found_key {
            Some(found) if last && is_whole => return place(text, found),
            _ => (at, key) = (value, found_key),
        }
    }
    place(text, at)
}

/// The document with all places, which are those of a text that it stands in from a byte on.
pub(super) fn node(text: &str, base: usize) -> Result<Node, FormatError> {
    // It says what is wrong, and where.
    read(text)?;
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let whole: &RawValue = serde_json::from_str(body).map_err(|error| FormatError {
        offset: None,
        message: format!("not JSON: {error}"),
    })?;
    tree(text, base, whole).ok_or_else(|| FormatError::at(0, "not JSON"))
}

fn tree(text: &str, base: usize, raw: &RawValue) -> Option<Node> {
    let moved = |part: &RawValue| {
        let range = place(text, part);
        range.start.saturating_add(base)..range.end.saturating_add(base)
    };
    let range = moved(raw);
    let content = raw.get();
    if content.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(content).ok()?;
        let items = items.into_iter().map(|item| tree(text, base, item));
        return Some(Node::array(range, items.collect::<Option<_>>()?));
    }
    if content.starts_with('{') {
        let mut entries: Vec<Entry> = Vec::new();
        let mut reader = serde_json::Deserializer::from_str(content);
        for (key, value) in reader.deserialize_map(Members).ok()? {
            let name: String = serde_json::from_str(key.get()).ok()?;
            entries.push(Entry {
                key: name,
                key_range: moved(key),
                value: tree(text, base, value)?,
            });
        }
        // The last of equal keys counts, as when a document is read.
        let mut seen = std::collections::HashSet::new();
        entries.reverse();
        entries.retain(|entry| seen.insert(entry.key.clone()));
        entries.reverse();
        return Some(Node::object(range, entries));
    }
    let limits = json::Limits::default();
    let value = json::parse(content.as_bytes(), &limits).ok()?;
    Some(Node::scalar(range, value))
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de RawValue, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::new();
        while let Some(member) = map.next_entry()? {
            out.push(member);
        }
        Ok(out)
    }
}

/// The bytes of each item of a member that is an array.
pub(super) fn items(text: &str, range: &Range<usize>, name: &str) -> Option<Vec<Range<usize>>> {
    let whole: &RawValue = serde_json::from_str(text.get(range.clone())?).ok()?;
    let (_, list) = member(whole, &Value::string(name))?;
    let items: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    Some(items.into_iter().map(|item| place(text, item)).collect())
}

/// The bytes of a part of the text.
fn place(text: &str, part: &RawValue) -> Range<usize> {
    let offset = (part.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    offset..offset.saturating_add(part.get().len())
}

/// The member under a key or index, with the key as it is written.
fn member<'t>(at: &'t RawValue, step: &Value) -> Option<(Option<&'t RawValue>, &'t RawValue)> {
    let mut reader = serde_json::Deserializer::from_str(at.get());
    match step.as_str() {
        Some(key) => reader.deserialize_map(Member(key)).ok()?,
        None => reader.deserialize_seq(Item(index(step)?)).ok()?,
    }
}

struct Member<'k>(&'k str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<(Option<&'de RawValue>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<&RawValue>()? {
            let name: Option<Cow<'_, str>> = serde_json::from_str(key.get()).ok();
            // The last of equal keys counts, as when the document was read.
            if name.is_some_and(|name| name == self.0) {
                found = Some((Some(key), map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Item(usize);

impl<'de> Visitor<'de> for Item {
    type Value = Option<(Option<&'de RawValue>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = items.next_element::<&RawValue>()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found.map(|item| (None, item)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, path: &[Value]) -> String {
        let document = read(text).unwrap();
        text[document.locate(text, path)].to_owned()
    }

    #[test]
    fn paths_lead_to_the_bytes_of_values() {
        let text = "\u{feff} {\"a\": [1, {\"b\\n\": \"x\"}],\n \"c\": {\"d\": null}, \"a2\": [[2, 3]]}";
        assert_eq!(at(text, &["a".into(), 0.into()]), "1");
        assert_eq!(at(text, &["a".into(), 1.into(), "b\n".into()]), "\"x\"");
        assert_eq!(at(text, &["c".into(), "d".into()]), "null");
        assert_eq!(at(text, &["a2".into(), 0.into(), 1.into()]), "3");
        assert_eq!(at(text, &["c".into()]), "\"c\"", "the key of a whole object");
        assert_eq!(at(text, &["c".into(), "e".into()]), "\"c\"", "missing from c");
        assert_eq!(at(text, &["a".into(), 1.into(), "z".into()]), "{\"b\\n\": \"x\"}");
        assert_eq!(at(text, &["a".into(), 7.into()]), "\"a\"");
        assert_eq!(at("[]", &["x".into()]), "[]");
        assert_eq!(at("{\"k\": 1, \"k\": 2}", &["k".into()]), "2");
    }

    #[test]
    fn errors_say_where() {
        let error = read("{\"a\": tru}").unwrap_err();
        assert!(
            error.offset.is_some_and(|offset| (6..10).contains(&offset)),
            "{error:?}"
        );
    }
}
