//! The JSON syntax of configurations. Source: <https://developer.hashicorp.com/terraform/language/syntax/json>.
//!
//! A nested block is written as an object, several as a list of objects, and an attribute that is a map looks the same: which it is, only the provider's
//! schema says. Without it, names and keys decide, so that the same module has the same plan in either syntax.

use std::ops::Range;

use hcl_edit::template::Template;
use stele_types::Value;

use super::config::{Attr, Block, Body, Expr};
use crate::format::FormatError;
use crate::node::{Entry, Node, NodeKind};

/// How many levels of names blocks have.
const LABELS: [(&str, usize); 8] = [
    ("resource", 2),
    ("data", 2),
    ("module", 1),
    ("variable", 1),
    ("output", 1),
    ("provider", 1),
    ("locals", 0),
    ("terraform", 0),
];

/// Blocks whose bodies have blocks.
const WITH_BLOCKS: [&str; 3] = ["resource", "data", "provider"];

/// Blocks that say something to Terraform and nothing of the resource.
const IGNORED: [&str; 3] = ["connection", "lifecycle", "provisioner"];

/// A key that is a comment wherever a body is.
const COMMENT: &str = "//";

/// Attributes that are maps, whatever their keys look like.
const MAPS: [&str; 34] = [
    "annotations",
    "app_settings",
    "attributes",
    "binary_data",
    "config",
    "data",
    "default_arguments",
    "environment_variables",
    "headers",
    "keepers",
    "labels",
    "limits",
    "match_labels",
    "node_labels",
    "node_selector",
    "options",
    "parameters",
    "properties",
    "query_parameters",
    "request_models",
    "request_parameters",
    "request_templates",
    "requests",
    "resource_labels",
    "response_models",
    "response_parameters",
    "response_templates",
    "string_data",
    "tags",
    "tags_all",
    "triggers",
    "user_labels",
    "variables",
    "volume_tags",
];

/// Resources whose attributes are objects of their own, not blocks.
const WITHOUT_BLOCKS: [&str; 4] = ["awscc_", "azapi_", "kubernetes_manifest", "terraform_data"];

/// Reads a file whose node has the places of the joined text.
pub(super) fn of_json(document: Node) -> Result<Body, FormatError> {
    let mut out = Body::default();
    let at = document.range.start;
    let NodeKind::Object(entries) = document.kind else {
        return Err(FormatError::at(at, "a Terraform file in JSON is an object"));
    };
    for entry in entries {
        if let Some((kind, labels)) = LABELS.iter().find(|(kind, _)| *kind == entry.key) {
            blocks(
                kind,
                *labels,
                &mut Vec::new(),
                entry.key_range,
                entry.value,
                &mut out.blocks,
            )?;
        }
    }
    Ok(out)
}

/// The attributes of a file of values.
pub(super) fn values_of_json(document: Node) -> Vec<Attr> {
    let literal = |entry: Entry| Attr {
        name: entry.key,
        name_range: entry.key_range,
        expr: Expr::Literal(entry.value),
    };
    match document.kind {
        NodeKind::Object(entries) => entries.into_iter().map(literal).collect(),
        _ => Vec::new(),
    }
}

fn blocks(
    kind: &str,
    levels: usize,
    labels: &mut Vec<String>,
    range: Range<usize>,
    value: Node,
    out: &mut Vec<Block>,
) -> Result<(), FormatError> {
    match value.kind {
        NodeKind::Array(items) => {
            for item in items {
                blocks(kind, levels, labels, range.clone(), item, out)?;
            }
        }
        NodeKind::Object(entries) if labels.len() == levels => {
            let body = if WITH_BLOCKS.contains(&kind) {
                let of = labels.first().map_or("", String::as_str);
                Syntax { of }.outer_body(entries)?
            } else {
                let said = entries.into_iter().filter(|entry| entry.key != COMMENT);
                let attrs = said.map(|entry| attr(entry, kind != "variable"));
                Body::new(attrs.collect(), Vec::new())
            };
            out.push(Block::new(kind.to_owned(), labels.clone(), range, body));
        }
        NodeKind::Object(entries) => {
            for entry in entries.into_iter().filter(|entry| entry.key != COMMENT) {
                labels.push(entry.key);
                blocks(kind, levels, labels, entry.key_range, entry.value, out)?;
                labels.pop();
            }
        }
        NodeKind::Scalar(_) | NodeKind::Set(_) | NodeKind::Open(_) | NodeKind::Unknown => {}
    }
    Ok(())
}

/// What is read.
#[derive(Clone, Copy)]
struct Syntax<'a> {
    /// The type of the resource, or the provider.
    of: &'a str,
}

impl Syntax<'_> {
    /// A body that can have nothing of the name `dynamic` but blocks.
    fn outer_body(self, entries: Vec<Entry>) -> Result<Body, FormatError> {
        let wrong = |entry: &&Entry| entry.key == "dynamic" && !is_dynamic(&entry.value);
        match entries.iter().find(wrong) {
            Some(entry) => Err(FormatError::at(
                entry.key_range.start,
                "`dynamic` has a member for each type of block, an object (or a list of objects) with `for_each` and `content`",
            )),
            None => {
                let said = entries.into_iter();
                let said = said.filter(|entry| !IGNORED.contains(&entry.key.as_str()));
                Ok(self.body(said.collect()))
            }
        }
    }

    /// A body: `dynamic` stands for blocks in it where it has their shape.
    fn body(self, entries: Vec<Entry>) -> Body {
        let mut out = Body::default();
        for entry in entries.into_iter().filter(|entry| entry.key != COMMENT) {
            if entry.key == "dynamic" && is_dynamic(&entry.value) {
                self.dynamic_blocks(entry.value, &mut out.blocks);
            } else if entry.key != "for_each" && self.is_blocks(&entry) {
                self.nested_blocks(entry, &mut out.blocks);
            } else {
                out.attrs.push(attr(entry, true));
            }
        }
        out
    }

    /// Whether an entry is a block, or some of one type.
    fn is_blocks(self, entry: &Entry) -> bool {
        let without = WITHOUT_BLOCKS.iter().any(|kind| self.of.starts_with(kind));
        let found = objects(&entry.value).filter(|found| !found.is_empty() && !without);
        found.is_some_and(|found| {
            let mut members = found.into_iter().flatten();
            let all_are_arguments = members.clone().all(|member| is_argument(&member.key));
            // Maps of what is no text or number are rare, and have blocks' names rarely.
            let all_are_plain = members.all(|member| matches!(member.value.kind, NodeKind::Scalar(_)));
            all_are_arguments && !(self.is_map(&entry.key) && all_are_plain)
        })
    }

    /// Whether an attribute of this name is a map, as far as the name tells.
    fn is_map(self, name: &str) -> bool {
        let of_kubernetes = self.of.starts_with("kubernetes_");
        match name {
            "metadata" => !of_kubernetes,
            "selector" => self.of.starts_with("kubernetes_service"),
            _ => MAPS.contains(&name),
        }
    }

    fn nested_blocks(self, entry: Entry, out: &mut Vec<Block>) {
        let is_list = matches!(entry.value.kind, NodeKind::Array(_));
        for (range, entries) in into_objects(entry.value) {
            let range = if is_list { range } else { entry.key_range.clone() };
            out.push(Block::new(
                entry.key.clone(),
                Vec::new(),
                range,
                self.body(entries),
            ));
        }
    }

    /// The blocks of something that [`is_dynamic`].
    fn dynamic_blocks(self, types: Node, out: &mut Vec<Block>) {
        for entry in into_objects(types).into_iter().flat_map(|(_, entries)| entries) {
            for (_, members) in into_objects(entry.value) {
                let (content, attrs): (Vec<Entry>, Vec<Entry>) =
                    members.into_iter().partition(|member| member.key == "content");
                let content = content.into_iter().flat_map(|content| {
                    let block = |(_, entries): (Range<usize>, Vec<Entry>)| {
                        let (kind, range) = (content.key.clone(), content.key_range.clone());
                        Block::new(kind, Vec::new(), range, self.body(entries))
                    };
                    into_objects(content.value)
                        .into_iter()
                        .map(block)
                        .collect::<Vec<_>>()
                });
                let attrs = attrs.into_iter().map(|member| attr(member, true));
                out.push(Block::new(
                    "dynamic".to_owned(),
                    vec![entry.key.clone()],
                    entry.key_range.clone(),
                    Body::new(attrs.collect(), content.collect()),
                ));
            }
        }
    }
}

/// Whether a name can be that of an argument, or stands for a comment or blocks: providers know no others.
fn is_argument(name: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter == b'_';
    let starts = name.bytes().next().is_some_and(is_letter);
    name == COMMENT
        || starts
            && name
                .bytes()
                .all(|letter| is_letter(letter) || letter.is_ascii_digit())
}

/// An object, or the objects of a list of nothing else.
fn objects(node: &Node) -> Option<Vec<&[Entry]>> {
    fn one(node: &Node) -> Option<&[Entry]> {
        match &node.kind {
            NodeKind::Object(entries) => Some(entries),
            _ => None,
        }
    }
    match &node.kind {
        NodeKind::Array(items) => items.iter().map(one).collect(),
        _ => Some(vec![one(node)?]),
    }
}

/// Whether it has the shape `{type: {for_each, content}}`, with a list in the place of any object.
fn is_dynamic(node: &Node) -> bool {
    let is_block = |entries: &[Entry]| {
        let of = |key: &str| entries.iter().find(|entry| entry.key == key);
        let content = of("content").and_then(|content| objects(&content.value));
        of("for_each").is_some() && content.is_some_and(|content| content.len() == 1)
    };
    let is_type =
        |entry: &Entry| objects(&entry.value).is_some_and(|blocks| blocks.into_iter().all(is_block));
    objects(node).is_some_and(|types| types.into_iter().flatten().all(is_type))
}

fn into_objects(node: Node) -> Vec<(Range<usize>, Vec<Entry>)> {
    match node.kind {
        NodeKind::Object(entries) => vec![(node.range, entries)],
        NodeKind::Array(items) => items.into_iter().flat_map(into_objects).collect(),
        NodeKind::Scalar(_) | NodeKind::Set(_) | NodeKind::Open(_) | NodeKind::Unknown => Vec::new(),
    }
}

fn attr(entry: Entry, templates: bool) -> Attr {
    Attr {
        name: entry.key,
        name_range: entry.key_range,
        expr: if templates {
            expr(entry.value)
        } else {
            Expr::Literal(entry.value)
        },
    }
}

/// The template that a text is, `None` if it is none; an error if it is no template that can be read.
pub(super) fn template(text: &str) -> Option<Result<Template, ()>> {
    let is_template = text.contains("${") || text.contains("%{");
    is_template.then(|| text.parse::<Template>().map_err(|_| ()))
}

/// Where templates stand that can't be read: what they say is unknown.
pub(super) fn unreadable(body: &Body) -> Vec<usize> {
    let mut out = Vec::new();
    let mut bodies = vec![body];
    while let Some(body) = bodies.pop() {
        bodies.extend(body.blocks.iter().map(|block| &block.body));
        let mut open: Vec<&Expr> = body.attrs.iter().map(|attr| &attr.expr).collect();
        while let Some(expr) = open.pop() {
            match expr {
                Expr::Array(items, _) => open.extend(items),
                Expr::Object(members, _) => {
                    let keys = members.iter();
                    let broken = keys.filter(|member| matches!(template(&member.name), Some(Err(()))));
                    out.extend(broken.map(|member| member.name_range.start));
                    open.extend(members.iter().map(|member| &member.expr));
                }
                Expr::Literal(node) if node.kind == NodeKind::Unknown => out.push(node.range.start),
                Expr::Literal(_) | Expr::Hcl(..) | Expr::Template(..) => {}
            }
        }
    }
    out.sort_unstable();
    out
}

fn expr(node: Node) -> Expr {
    let range = node.range.clone();
    match node.kind {
        NodeKind::Array(items) => Expr::Array(items.into_iter().map(expr).collect(), range),
        NodeKind::Object(entries) => {
            let attrs = entries.into_iter().map(|entry| attr(entry, true));
            Expr::Object(attrs.collect(), range)
        }
        NodeKind::Scalar(Value::String(text)) => match template(&text) {
            Some(Ok(template)) => Expr::Template(template, range),
            Some(Err(())) => Expr::Literal(Node {
                range,
                kind: NodeKind::Unknown,
            }),
            None => Expr::Literal(Node::scalar(range, Value::String(text))),
        },
        kind => Expr::Literal(Node { range, kind }),
    }
}
