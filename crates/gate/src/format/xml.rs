//! XML, as conftest reads it: an element without attributes and elements is its text, any other an object of its elements, of its attributes as `-name` and of its text as
//! `#content`; elements of one name are a list. Names are local: prefixes of namespaces are left out. All values are text.

use std::ops::Range;

use roxmltree::{Document, ParsingOptions};
use stele_types::Value;

use super::{FormatError, MAX_DEPTH};
use crate::node::{Entry, Node, NodeKind};

/// More elements, attributes and texts are refused.
const MAX_NODES: u32 = 4_000_000;

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    check_depth(text)?;
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
    for (at, _) in text.match_indices('<') {
        let behind = bytes.get(at.saturating_add(1));
        match behind {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                let end = text.get(at..).and_then(|rest| rest.find('>'));
                let last = end.and_then(|end| bytes.get(at.saturating_add(end).saturating_sub(1)));
                if last != Some(&b'/') {
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
    for child in of.children().filter(roxmltree::Node::is_element) {
        let value = element(child, depth.saturating_add(1))?;
        add(&mut entries, entry(child, value));
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
fn add(entries: &mut Vec<Entry>, new: Entry) {
    let Some(there) = entries.iter_mut().rev().find(|entry| entry.key == new.key) else {
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
