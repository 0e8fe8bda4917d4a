//! XML, as conftest reads it: an element without attributes and elements is its text, any other an object of its elements, of its attributes as `-name` and of its text as
//! `#content`; elements of one name are a list. Names are local: prefixes of namespaces are left out. All values are text.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use roxmltree::{Document, ParsingOptions};
use stele_types::Value;

use super::{FormatError, MAX_DEPTH};
use crate::node::{Entry, Node, NodeKind};

/// More elements, attributes and texts are refused.
const MAX_NODES: u32 = 4_000_000;

/// More attributes of one element are refused.
const MAX_ATTRIBUTES: usize = 256;

/// More prefixes of namespaces are refused.
const MAX_PREFIXES: usize = 64;

/// More entities are refused.
const MAX_ENTITIES: usize = 256;

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    check_depth(text)?;
    check_names(text)?;
    let options = ParsingOptions {
        // Entities are bounded by the parser, and none is fetched.
        allow_dtd: true,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let at = error.pos();
        let line = text
            .split_inclusive('\n')
            .take(usize_of(at.row).saturating_sub(1));
        let line: usize = line.map(str::len).sum();
        let column = text
            .get(line..)
            .unwrap_or_default()
            .chars()
            .take(usize_of(at.col).saturating_sub(1));
        let column: usize = column.map(char::len_utf8).sum();
        FormatError::at(
            line.saturating_add(column).min(text.len()),
            format!("not XML: {error}"),
        )
    })?;
    let root = document.root_element();
    let entry = entry(root, element(root, 0)?);
    Ok(Node::object(0..text.len(), vec![entry]))
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The parser has one level of its own stack for each of the text's: too many are refused before. Counted are the ends that are missing, whatever comments
/// and texts hold, so this may only count too many levels.
fn check_depth(text: &str) -> Result<(), FormatError> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    // The end of a tag that was found is that of all that begin before it.
    let mut end = 0usize;
    for (at, _) in text.match_indices('<') {
        match bytes.get(at.saturating_add(1)) {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                if end < at {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let next = rest.iter().position(|byte| *byte == b'>');
                    end = at.saturating_add(next.unwrap_or(rest.len()));
                }
                let is_empty = bytes.get(end).is_some() && bytes.get(end.saturating_sub(1)) == Some(&b'/');
                if !is_empty {
                    depth = depth.saturating_add(1);
                }
            }
        }
        if depth > MAX_DEPTH.saturating_mul(8) {
            return Err(FormatError::at(
                at,
                format!("nested more than {MAX_DEPTH} levels deep"),
            ));
        }
    }
    Ok(())
}

/// The parser compares each attribute with those of its element before it, each name with all namespaces, and looks through all entities for each that is
/// used: more of them are refused before.
fn check_names(text: &str) -> Result<(), FormatError> {
    let mut prefixes: HashSet<&str> = HashSet::new();
    let mut entities = 0usize;
    let mut at = 0usize;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('<')) {
        let start = at.saturating_add(found);
        let rest = text.get(start..).unwrap_or_default();
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        let skipped = skipped.iter().find(|(begin, _)| rest.starts_with(begin));
        if let Some((_, end)) = skipped {
            let length = rest.find(end).unwrap_or(rest.len());
            at = start.saturating_add(length.max(1));
            continue;
        }
        let tag = tag(rest);
        at = start.saturating_add(tag.len().max(1));
        entities = entities.saturating_add(usize::from(tag.starts_with("<!ENTITY")));
        // Values are left in: those of entities may hold tags.
        let names = tag.matches('=').count();
        if names > MAX_ATTRIBUTES
            && (tag.starts_with("<!") || attributes(tag, &mut prefixes) > MAX_ATTRIBUTES)
        {
            let message = format!("an element with more than {MAX_ATTRIBUTES} attributes");
            return Err(FormatError::at(start, message));
        }
        if tag.contains("xmlns") {
            attributes(tag, &mut prefixes);
        }
        if prefixes.len() > MAX_PREFIXES || entities > MAX_ENTITIES {
            let message =
                format!("more than {MAX_PREFIXES} prefixes of namespaces or {MAX_ENTITIES} entities");
            return Err(FormatError::at(start, message));
        }
    }
    Ok(())
}

/// A tag or a declaration; that of a type of documents up to its inner declarations.
fn tag(text: &str) -> &str {
    let is_document = text.starts_with("<!DOCTYPE");
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            (None, b'>') => return text.get(..at).unwrap_or(text),
            (None, b'[') if is_document => return text.get(..at).unwrap_or(text),
            _ => {}
        }
    }
    text
}

/// How many attributes a tag has; the prefixes that they declare are added.
fn attributes<'t>(tag: &'t str, prefixes: &mut HashSet<&'t str>) -> usize {
    let (mut count, mut quote, mut start) = (0usize, None, 0usize);
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => {
                quote = None;
                start = at.saturating_add(1);
            }
            (None, b'=') => {
                count = count.saturating_add(1);
                let name = tag.get(start..at).unwrap_or_default().trim();
                let name = name.rsplit(char::is_whitespace).next().unwrap_or_default();
                prefixes.extend(name.strip_prefix("xmlns"));
            }
            _ => {}
        }
    }
    count
}

/// An element under its name, whose place is that of the name.
fn entry(of: roxmltree::Node<'_, '_>, value: Node) -> Entry {
    Entry {
        key: of.tag_name().name().to_owned(),
        key_range: name_range(of),
        value,
    }
}

fn name_range(of: roxmltree::Node<'_, '_>) -> Range<usize> {
    let text = of.document().input_text();
    let start = of.range().start.saturating_add(1);
    let tag = text.get(start..).unwrap_or_default();
    let length = tag.find(|letter: char| letter.is_whitespace() || matches!(letter, '>' | '/'));
    start..start.saturating_add(length.unwrap_or(tag.len()))
}

fn element(of: roxmltree::Node<'_, '_>, depth: usize) -> Result<Node, FormatError> {
    let range = of.range();
    if depth > MAX_DEPTH {
        let message = format!("nested more than {MAX_DEPTH} levels deep");
        return Err(FormatError::at(range.start, message));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for attribute in of.attributes() {
        entries.push(Entry {
            key: format!("-{}", attribute.name()),
            key_range: attribute.range_qname(),
            value: Node::scalar(attribute.range_value(), Value::string(attribute.value())),
        });
    }
    let content = content(of);
    let names = entries.iter().map(|entry| entry.key.clone());
    let mut places: HashMap<String, usize> = names.zip(0..).collect();
    for child in of.children().filter(roxmltree::Node::is_element) {
        let value = element(child, depth.saturating_add(1))?;
        add(&mut entries, &mut places, entry(child, value));
    }
    let (text, place) = content;
    let text = Node::scalar(place.unwrap_or_else(|| name_range(of)), Value::string(&text));
    if entries.is_empty() {
        return Ok(text);
    }
    if text.as_str() != Some("") {
        entries.push(Entry::new("#content", text));
    }
    Ok(Node::object(range, entries))
}

/// The texts of an element, and where the first of them stands.
fn content(of: roxmltree::Node<'_, '_>) -> (String, Option<Range<usize>>) {
    let mut out = String::new();
    let mut place = None;
    for child in of.children().filter(roxmltree::Node::is_text) {
        let text = child.text().unwrap_or_default();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(trimmed);
        let range = child.range();
        let source = of.document().input_text().get(range.clone()).unwrap_or_default();
        let lead = source.len().saturating_sub(source.trim_start().len());
        let start = range.start.saturating_add(lead);
        place.get_or_insert(start..start.saturating_add(source.trim().len()));
    }
    (out, place)
}

/// The second of a name makes a list of them.
fn add(entries: &mut Vec<Entry>, places: &mut HashMap<String, usize>, new: Entry) {
    let place = places.entry(new.key.clone()).or_insert(entries.len());
    let Some(there) = entries.get_mut(*place) else {
        entries.push(new);
        return;
    };
    // An element is no array, so this is a list already.
    if let NodeKind::Array(items) = &mut there.value.kind {
        items.push(new.value);
        return;
    }
    let range = there.value.range.clone();
    let first = std::mem::replace(&mut there.value, Node::array(range, Vec::new()));
    there.value.kind = NodeKind::Array(vec![first, new.value]);
}
