//! JSON: read at once, and once more, step by step, where a place is wanted.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use stele_policy::InputDocument;
use stele_types::{Value, json};

use super::{Document, FormatError};
use crate::node::{Entry, Node, index};

/// The greatest document, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// On how many levels of objects there may be something that tells a document's kind: `Resources`, the resource, its `Type`.
pub(super) const LEVELS: usize = 3;

fn limits() -> json::Limits {
    json::Limits {
        max_bytes: MAX_BYTES,
        ..json::Limits::default()
    }
}

pub(super) fn read(text: &str) -> Result<Document, FormatError> {
    // A byte order mark says nothing here.
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = text.len().saturating_sub(body.len());
    let outline = json::outline(body.as_bytes(), &limits(), LEVELS).map_err(|error| FormatError {
        offset: Some(error.offset.saturating_add(start)),
        message: format!("not JSON: {}", error.kind),
    })?;
    Ok(Document::of_json(start..text.len(), outline))
}

/// An object that stands in a range of a text that was read; `None`: no object does.
pub(super) fn part(text: &str, range: Range<usize>) -> Option<Document> {
    let part = text.get(range.clone()).filter(|part| part.starts_with('{'))?;
    let outline = json::outline(part.as_bytes(), &limits(), LEVELS).ok()?;
    Some(Document::of_json(range, outline))
}

/// A list of documents that was put together, each with its path.
pub(crate) fn combined(text: &[u8]) -> InputDocument<'_> {
    let limits = limits();
    let max_depth = limits.max_depth.saturating_add(2);
    let limits = json::Limits { max_depth, ..limits };
    InputDocument::Json { text, limits }
}

/// The document in a range of a text that was read.
pub(super) fn input<'t>(text: &'t str, range: &Range<usize>) -> InputDocument<'t> {
    InputDocument::Json {
        text: text.as_bytes().get(range.clone()).unwrap_or_default(),
        limits: limits(),
    }
}

/// The value of a part of a text that was read.
pub(super) fn value(part: &str) -> Option<Value> {
    json::parse(part.as_bytes(), &limits()).ok()
}

/// The part of the text that a path leads to, from the document in a range of it on.
pub(super) fn at<'t>(text: &'t str, range: &Range<usize>, path: &[Value], known: &Index) -> Option<&'t str> {
    let whole = text.get(range.clone())?.trim();
    let next = |at, step: &Value| known.member(text, at, step).map(|(_, found)| found);
    path.iter().try_fold(whole, next)
}

/// Smaller containers are read again where a place in them is wanted.
const LARGE: usize = 16 << 10;

/// Where the members of large containers are, found once: whatever number of places is wanted, the document is read a few times.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Index(RefCell<HashMap<usize, Arc<Members>>>);

/// The places of a container's members.
#[derive(Debug, PartialEq)]
enum Members {
    Object(HashMap<String, (Range<usize>, Range<usize>)>),
    Array(Vec<Range<usize>>),
}

impl Index {
    /// The member under a key or index, with the key as it is written.
    fn member<'t>(&self, text: &'t str, at: &'t str, step: &Value) -> Option<(Option<&'t str>, &'t str)> {
        if at.len() < LARGE {
            return member(at, step);
        }
        let start = place(text, at).start;
        let known = self.0.borrow().get(&start).cloned();
        let members = match known {
            Some(members) => members,
            None => {
                let members = Arc::new(members(text, at)?);
                self.0.borrow_mut().insert(start, members.clone());
                members
            }
        };
        match members.as_ref() {
            Members::Object(members) => {
                let (key, value) = members.get(step.as_str()?)?;
                Some((text.get(key.clone()), text.get(value.clone())?))
            }
            Members::Array(items) => Some((None, text.get(items.get(index(step)?)?.clone())?)),
        }
    }
}

fn members(text: &str, at: &str) -> Option<Members> {
    let range = |part: &RawValue| place(text, part.get());
    if at.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(at).ok()?;
        return Some(Members::Array(items.into_iter().map(range).collect()));
    }
    let mut reader = serde_json::Deserializer::from_str(at);
    let mut out = HashMap::new();
    for (key, value) in reader.deserialize_map(Pairs).ok()? {
        // The last of equal keys counts, as when the document was read.
        out.insert(serde_json::from_str(key.get()).ok()?, (range(key), range(value)));
    }
    Some(Members::Object(out))
}

/// Where a path leads, from the document in a range of the text on.
pub(super) fn locate(text: &str, range: &Range<usize>, path: &[Value], known: &Index) -> Range<usize> {
    let Some(whole) = text.get(range.clone()) else {
        return range.clone();
    };
    let mut at = whole.trim();
    let mut key: Option<&str> = None;
    for (depth, step) in path.iter().enumerate() {
        let Some((found_key, value)) = known.member(text, at, step) else {
            // What is missing from a value is shown at the value's key.
            return place(text, key.unwrap_or(at));
        };
        let last = depth.saturating_add(1) == path.len();
        let is_whole = value.starts_with(['{', '[']);
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
        let range = place(text, part.get());
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
        for (key, value) in reader.deserialize_map(Pairs).ok()? {
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
    Some(Node::scalar(range, value(content)?))
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
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
    let (_, list) = member(text.get(range.clone())?, &Value::string(name))?;
    let items: Vec<&RawValue> = serde_json::from_str(list).ok()?;
    Some(items.into_iter().map(|item| place(text, item.get())).collect())
}

/// The bytes of a part of the text.
pub(super) fn place(text: &str, part: &str) -> Range<usize> {
    let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    offset..offset.saturating_add(part.len())
}

/// The member under a key or index, with the key as it is written.
fn member<'t>(at: &'t str, step: &Value) -> Option<(Option<&'t str>, &'t str)> {
    let mut reader = serde_json::Deserializer::from_str(at);
    let (key, value) = match step.as_str() {
        Some(key) => reader.deserialize_map(Member(key)).ok()?,
        None => reader.deserialize_seq(Item(index(step)?)).ok()?,
    }?;
    Some((key.map(RawValue::get), value.get()))
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
    fn large_containers_are_read_once_and_say_the_same() {
        let item = |n: usize| format!("{{\"n\": {n}, \"pad\": \"{}\"}}", "x".repeat(50));
        let items: Vec<String> = (0..2_000).map(item).collect();
        let text = format!(
            " {{\"a\": [{}], \"a\\u0062\": 1, \"z\": {{}}}} ",
            items.join(", ")
        );
        assert!(text.len() > 4 * LARGE);
        let document = read(&text).unwrap();
        for n in [0, 1, 1_999] {
            let path = ["a".into(), Value::from(n), "n".into()];
            assert_eq!(text[document.locate(&text, &path)], n.to_string());
        }
        let at = |path: &[Value]| &text[document.locate(&text, path)];
        assert_eq!(at(&["ab".into()]), "1");
        assert_eq!(at(&["z".into()]), "\"z\"");
        assert_eq!(at(&["a".into(), 2_000.into()]), "\"a\"");
        assert_eq!(at(&["q".into()]), text.trim());
        assert_eq!(document.index().unwrap().0.borrow().len(), 2);
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
