//! YAML, with the places of its events.
//!
//! Aliases stand for what they name, at the place where it is written; merge keys (`<<`) are merged, as everybody who deploys such files does. The short
//! tags of CloudFormation become the functions that they abbreviate; other local tags are left out.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use stele_types::{Number, Value};

use super::{FormatError, MAX_DEPTH};
use crate::node::{Entry, Node, NodeKind};

/// What plain scalars mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// As YAML 1.2's core schema has it.
    #[default]
    Core,
    /// As Kubernetes reads them: `yes` and `off` are booleans, `0644` is octal.
    Kubernetes,
}

/// More values are refused, those that aliases repeat included.
const MAX_NODES: usize = 4_000_000;

/// The functions of CloudFormation that have a short tag, apart from `Ref` and `Condition`.
/// See <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>.
const FUNCTIONS: [&str; 18] = [
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "Transform",
];

pub(super) fn read(text: &str, dialect: Dialect) -> Result<Vec<Node>, FormatError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        dialect,
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::DocumentStart(..), _) => reader.anchors.clear(),
            (Event::StreamStart | Event::DocumentEnd, _) => {}
            (event, span) => {
                let document = reader.node(event, &span, 0)?;
                if document.kind != NodeKind::Scalar(Value::Null) {
                    documents.push(document);
                }
            }
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    dialect: Dialect,
    /// What anchors name, and how many values that is.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

type Read<T> = Result<T, FormatError>;

impl<'t> Reader<'t> {
    /// The next event that is no comment.
    fn next(&mut self) -> Read<(Event<'t>, Span)> {
        loop {
            match self.parser.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => {
                    return Err(FormatError {
                        offset: error.marker().byte_offset(),
                        message: format!("not YAML: {}", error.info()),
                    });
                }
                None => {
                    return Err(FormatError {
                        offset: None,
                        message: "not YAML: it ends within a document".to_owned(),
                    });
                }
            }
        }
    }

    fn count(&mut self, nodes: usize, at: &Range<usize>) -> Read<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, aliases written out");
            return Err(FormatError::at(at.start, message));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Read<Node> {
        let range = range(span);
        if depth > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(FormatError::at(range.start, message));
        }
        self.count(1, &range)?;
        let before = self.nodes;
        let (node, anchor, tag) = match event {
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(FormatError::at(
                        range.start,
                        "an alias of a value that contains it",
                    ));
                };
                self.count(size, &range)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref(), self.dialect)
                    .map_err(|message| FormatError::at(range.start, message))?;
                (Node::scalar(range, value), anchor, tag)
            }
            Event::SequenceStart(_, anchor, tag) => (self.sequence(range, depth)?, anchor, tag),
            Event::MappingStart(_, anchor, tag) => (self.mapping(range, depth)?, anchor, tag),
            _ => return Err(FormatError::at(range.start, "not YAML: a value is missing")),
        };
        let node = match tag.as_deref().and_then(function) {
            Some(name) => called(name, node),
            None => node,
        };
        if anchor > 0 {
            let size = self.nodes.saturating_sub(before).saturating_add(1);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn sequence(&mut self, start: Range<usize>, depth: usize) -> Read<Node> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let range = start.start..range(&span).end.max(start.end);
                let kind = NodeKind::Array(items);
                return Ok(Node { range, kind });
            }
            items.push(self.node(event, &span, depth.saturating_add(1))?);
        }
    }

    fn mapping(&mut self, start: Range<usize>, depth: usize) -> Read<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let range = start.start..range(&span).end.max(start.end);
                merge(&mut entries, &places, merged)?;
                let kind = NodeKind::Object(entries);
                return Ok(Node { range, kind });
            }
            let key_range = range(&span);
            let plain_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.key(event, &key_range)?;
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth.saturating_add(1))?;
            if plain_merge {
                merged.push(value);
                continue;
            }
            if places.insert(key.clone(), entries.len()).is_some() {
                let message = format!("the key `{key}` stands twice in one mapping");
                return Err(FormatError::at(key_range.start, message));
            }
            entries.push(Entry {
                key,
                key_range,
                value,
            });
        }
    }

    /// A key; those that are no strings stay as they are written.
    fn key(&mut self, event: Event<'t>, at: &Range<usize>) -> Read<String> {
        match event {
            Event::Scalar(text, ..) => Ok(text.into_owned()),
            Event::Alias(id) => match self.anchors.get(&id).map(|(node, _)| &node.kind) {
                Some(NodeKind::Scalar(value)) => Ok(value
                    .as_str()
                    .map_or_else(|| stele_types::json::to_string(value), str::to_owned)),
                _ => Err(FormatError::at(at.start, "a key must be a scalar")),
            },
            _ => Err(FormatError::at(at.start, "a key must be a scalar")),
        }
    }
}

/// Adds what `<<` names and the mapping itself does not have; the first of several wins.
fn merge(entries: &mut Vec<Entry>, places: &HashMap<String, usize>, merged: Vec<Node>) -> Read<()> {
    let mut added: HashMap<String, ()> = HashMap::new();
    for node in merged {
        let at = node.range.start;
        let sources = match node.kind {
            NodeKind::Array(items) => items.into_iter().map(|item| item.kind).collect(),
            other => vec![other],
        };
        for source in sources {
            let NodeKind::Object(members) = source else {
                return Err(FormatError::at(at, "`<<` merges mappings only"));
            };
            for member in members {
                if !places.contains_key(&member.key) && added.insert(member.key.clone(), ()).is_none() {
                    entries.push(member);
                }
            }
        }
    }
    Ok(())
}

fn range(span: &Span) -> Range<usize> {
    span.byte_range().unwrap_or_default()
}

/// The name of the function that a short tag of CloudFormation calls.
fn function(tag: &Tag) -> Option<String> {
    if tag.handle() != "!" {
        return None;
    }
    match tag.suffix() {
        name @ ("Ref" | "Condition") => Some(name.to_owned()),
        name => FUNCTIONS.contains(&name).then(|| format!("Fn::{name}")),
    }
}

fn called(name: String, mut argument: Node) -> Node {
    let range = argument.range.clone();
    // `!GetAtt resource.attribute` is short for a list.
    if name == "Fn::GetAtt"
        && let Some((resource, attribute)) = argument.as_str().and_then(|text| text.split_once('.'))
    {
        let parts = [resource, attribute].map(|part| Node::scalar(range.clone(), Value::string(part)));
        argument = Node {
            range: range.clone(),
            kind: NodeKind::Array(parts.into()),
        };
    }
    let entry = Entry {
        key: name,
        key_range: range.clone(),
        value: argument,
    };
    Node {
        range,
        kind: NodeKind::Object(vec![entry]),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, dialect: Dialect) -> Result<Value, String> {
    match tag.and_then(Tag::core_suffix) {
        Some("str") => return Ok(Value::string(text)),
        None if style != ScalarStyle::Plain || tag.is_some() => return Ok(Value::string(text)),
        _ => {}
    }
    if let Some(word) = word(text, dialect) {
        return Ok(word);
    }
    let Some(number) = number(text, dialect) else {
        return Ok(Value::string(text));
    };
    let parsed = Number::parse(&number).map_err(|error| format!("the number {text} can't be read: {error}"));
    parsed.map(Value::Number)
}

fn word(text: &str, dialect: Dialect) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    if dialect == Dialect::Core {
        return None;
    }
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// A number as JSON writes it. What JSON can't say (infinity, none) stays text.
fn number(text: &str, dialect: Dialect) -> Option<String> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let sign = if negative { "-" } else { "" };
    let based = |digits: &str, radix: u32| {
        let digits = digits.replace('_', "");
        u64::from_str_radix(&digits, radix)
            .ok()
            .filter(|_| !digits.starts_with('+'))
            .map(|value| format!("{sign}{value}"))
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        return based(hex, 16);
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return based(octal, 8);
    }
    if dialect == Dialect::Kubernetes {
        if let Some(binary) = digits.strip_prefix("0b") {
            return based(binary, 2);
        }
        let rest = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
        if let Some(octal) = rest.filter(|rest| rest.bytes().all(|byte| matches!(byte, b'0'..=b'7' | b'_'))) {
            return based(octal, 8);
        }
    }
    decimal(digits).map(|digits| format!("{sign}{digits}"))
}

/// `[0-9]+ (. [0-9]*)?` or `. [0-9]+`, and an exponent.
fn decimal(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
    let is_number = all_digits(whole)
        && all_digits(fraction.unwrap_or_default())
        && !(whole.is_empty() && fraction.unwrap_or_default().is_empty())
        && power.is_none_or(|power| !power.is_empty() && all_digits(power));
    if !is_number {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let mut out = if whole.is_empty() {
        "0".to_owned()
    } else {
        whole.to_owned()
    };
    if let Some(fraction) = fraction.filter(|fraction| !fraction.is_empty()) {
        out.push('.');
        out.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        out.push('e');
        out.push_str(exponent);
    }
    Some(out)
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
