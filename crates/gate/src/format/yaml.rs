//! YAML, with the places of its events.
//!
//! Aliases stand for what they name, at the place where it is written; merge keys (`<<`) are merged, as everybody who deploys such files does. The short
//! tags of CloudFormation become the functions that they abbreviate in its templates; other local tags are left out.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

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
    /// As Kubernetes reads them: `yes` and `off` are booleans, `0644` is octal, `8_0` is a number, and local tags say nothing.
    Kubernetes,
    /// Short tags are the functions of CloudFormation that they abbreviate.
    Cloudformation,
}

/// A text with more values is refused.
const MAX_NODES: usize = 16_000_000;

/// What aliases may repeat in a small file. In a large one they may repeat as much as it says itself: only a bomb repeats more.
const MAX_REPEATED: Size = Size {
    values: 400_000,
    bytes: 64 << 20,
};

/// As many times what a file says is kept of what its anchors name, which may stand within each other.
const MAX_KEPT: usize = 4;

/// How much something is.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    /// Of texts and keys.
    bytes: usize,
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_add(other.values),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            values: self.values.saturating_sub(before.values),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }

    fn times(self, factor: usize) -> Self {
        Self {
            values: self.values.saturating_mul(factor),
            bytes: self.bytes.saturating_mul(factor),
        }
    }

    /// Whether it is more than another one, and more than a small file may have.
    fn is_beyond(self, other: Self) -> bool {
        self.values > other.values.max(MAX_REPEATED.values)
            || self.bytes > other.bytes.max(MAX_REPEATED.bytes)
    }
}

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
        said: Size::default(),
        repeated: Size::default(),
        kept: Size::default(),
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
    anchors: HashMap<usize, Anchor>,
    /// What the text says itself.
    said: Size,
    /// What aliases said again.
    repeated: Size,
    /// What is kept for aliases.
    kept: Size,
}

/// What an anchor names.
#[derive(Clone)]
struct Anchor {
    node: Rc<Node>,
    size: Size,
    /// How many levels.
    height: usize,
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

    /// Takes down that the text says something itself.
    fn say(&mut self, values: usize, bytes: usize, at: &Range<usize>) -> Read<()> {
        self.said = self.said.plus(Size { values, bytes });
        if self.said.values > MAX_NODES {
            let message = format!("more than {MAX_NODES} values");
            return Err(FormatError::at(at.start, message));
        }
        Ok(())
    }

    /// Takes down that an alias repeats something.
    fn repeat(&mut self, size: Size, at: &Range<usize>) -> Read<()> {
        self.repeated = self.repeated.plus(size);
        if self.repeated.is_beyond(self.said) {
            let Size { values, bytes } = MAX_REPEATED;
            let message = format!(
                "its aliases repeat more than {values} values or {bytes} bytes, and more than it says itself: it may be a bomb"
            );
            return Err(FormatError::at(at.start, message));
        }
        Ok(())
    }

    /// Keeps what an anchor names.
    fn keep(&mut self, anchor: usize, size: Size, node: &Node) -> Read<()> {
        self.kept = self.kept.plus(size);
        if self.kept.is_beyond(self.said.plus(self.repeated).times(MAX_KEPT)) {
            let message = "too many anchors stand within each other";
            return Err(FormatError::at(node.range.start, message));
        }
        let anchored = Anchor {
            size,
            height: height(node),
            node: Rc::new(node.clone()),
        };
        self.anchors.insert(anchor, anchored);
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Read<Node> {
        let range = range(span);
        self.check_depth(depth, &range)?;
        let before = self.said.plus(self.repeated);
        let (node, anchor, tag) = match event {
            Event::Alias(id) => return self.alias(id, &range, depth),
            Event::Scalar(text, style, anchor, tag) => {
                self.say(1, text.len(), &range)?;
                let value = scalar(&text, style, tag.as_deref(), self.dialect)
                    .map_err(|message| FormatError::at(range.start, message))?;
                (Node::scalar(range, value), anchor, tag)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.say(1, 0, &range)?;
                (self.sequence(range, depth)?, anchor, tag)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.say(1, 0, &range)?;
                (self.mapping(range, depth)?, anchor, tag)
            }
            _ => return Err(FormatError::at(range.start, "not YAML: a value is missing")),
        };
        let tag = tag.as_deref().filter(|_| self.dialect == Dialect::Cloudformation);
        let node = match tag.and_then(function) {
            Some(name) => called(name, node),
            None => node,
        };
        if anchor > 0 {
            let size = self.said.plus(self.repeated).since(before);
            self.keep(anchor, size, &node)?;
        }
        Ok(node)
    }

    fn check_depth(&self, depth: usize, at: &Range<usize>) -> Read<()> {
        if depth > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(FormatError::at(at.start, message));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: &Range<usize>, depth: usize) -> Read<Node> {
        let Some(anchor) = self.anchors.get(&id).cloned() else {
            return Err(FormatError::at(at.start, "an alias of a value that contains it"));
        };
        self.check_depth(depth.saturating_add(anchor.height), at)?;
        self.repeat(anchor.size, at)?;
        Ok(anchor.node.as_ref().clone())
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
            let is_merge = is_merge(&event);
            let key = self.key(event, &key_range)?;
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth.saturating_add(1))?;
            if is_merge {
                self.check_merge(&entries, &merged, &value, &key_range)?;
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

    /// Programs disagree about what counts where a merge stands behind a key that it sets too, and where there are two merges.
    fn check_merge(&self, entries: &[Entry], merged: &[Node], value: &Node, at: &Range<usize>) -> Read<()> {
        if !merged.is_empty() {
            return Err(FormatError::at(
                at.start,
                "`<<` stands twice in one mapping; give it a list",
            ));
        }
        let sources = match &value.kind {
            NodeKind::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let members = sources.iter().filter_map(|source| match &source.kind {
            NodeKind::Object(members) => Some(members.iter()),
            _ => None,
        });
        let merged: HashSet<&str> = members.flatten().map(|member| member.key.as_str()).collect();
        let set_before = entries.iter().find(|entry| merged.contains(entry.key.as_str()));
        match set_before {
            Some(entry) => {
                let message = format!(
                    "`<<` stands behind the key `{}`, which it sets too; put it first",
                    entry.key
                );
                Err(FormatError::at(at.start, message))
            }
            None => Ok(()),
        }
    }

    /// A key; those that are no strings stay as they are written.
    fn key(&mut self, event: Event<'t>, at: &Range<usize>) -> Read<String> {
        match event {
            Event::Scalar(text, ..) => {
                self.say(0, text.len(), at)?;
                Ok(text.into_owned())
            }
            Event::Alias(id) => {
                let Some(anchor) = self.anchors.get(&id).cloned() else {
                    return Err(FormatError::at(at.start, "a key must be a scalar"));
                };
                let NodeKind::Scalar(value) = &anchor.node.kind else {
                    return Err(FormatError::at(at.start, "a key must be a scalar"));
                };
                self.repeat(anchor.size, at)?;
                let text = value.as_str().map(str::to_owned);
                Ok(text.unwrap_or_else(|| stele_types::json::to_string(value)))
            }
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

fn is_merge(event: &Event<'_>) -> bool {
    let Event::Scalar(text, style, _, tag) = event else {
        return false;
    };
    let tagged = |tag: &Tag| tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == "merge";
    match tag {
        Some(tag) => tagged(tag),
        None => text == "<<" && *style == ScalarStyle::Plain,
    }
}

/// How many levels of collections a value has.
fn height(node: &Node) -> usize {
    let below = match &node.kind {
        NodeKind::Scalar(_) | NodeKind::Unknown => return 0,
        NodeKind::Array(items) | NodeKind::Set(items) => items.iter().map(height).max(),
        NodeKind::Object(entries) | NodeKind::Open(entries) => {
            entries.iter().map(|entry| height(&entry.value)).max()
        }
    };
    below.unwrap_or_default().saturating_add(1)
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
        None if tag.is_some_and(is_binary) && dialect == Dialect::Kubernetes => return binary(text),
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

fn is_binary(tag: &Tag) -> bool {
    tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == "binary"
}

/// Kubernetes takes what is encoded for the text.
fn binary(text: &str) -> Result<Value, String> {
    use base64::Engine as _;
    let packed: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(packed)
        .map_err(|error| format!("!!binary is not base64: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "!!binary is not UTF-8".to_owned())?;
    Ok(Value::string(&text))
}

fn word(text: &str, dialect: Dialect) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    if dialect != Dialect::Kubernetes {
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
    let kubernetes = dialect == Dialect::Kubernetes;
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", text.get(1..)?),
        b'+' => ("", text.get(1..)?),
        _ => ("", text),
    };
    // There, underscores divide the digits of whatever begins as a number does.
    let undivided = digits.replace('_', "");
    let begins = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'));
    let digits = if kubernetes && begins {
        undivided.as_str()
    } else {
        digits
    };
    let based = |digits: &str, radix: u32| {
        let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        let value = plain.then(|| num_bigint::BigUint::parse_bytes(digits.as_bytes(), radix))??;
        Some(format!("{sign}{value}"))
    };
    let prefixed = |lower: &str, upper: &str| {
        let upper = digits.strip_prefix(upper).filter(|_| kubernetes);
        digits.strip_prefix(lower).or(upper)
    };
    if let Some(hex) = prefixed("0x", "0X") {
        return based(hex, 16);
    }
    if let Some(octal) = prefixed("0o", "0O") {
        return based(octal, 8);
    }
    if kubernetes {
        if let Some(binary) = prefixed("0b", "0B") {
            return based(binary, 2);
        }
        let rest = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
        if let Some(octal) = rest.and_then(|rest| based(rest, 8)) {
            return Some(octal);
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
