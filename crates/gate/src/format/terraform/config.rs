//! What a module directory says, from HCL or from its JSON syntax.

use std::collections::BTreeMap;
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Body as HclBody, Structure};
use hcl_edit::template::Template;
use stele_types::Value;

use crate::format::{FormatError, hcl};
use crate::node::{Entry, Node, NodeKind};

/// Something to evaluate. All ranges are those of the text that the files are joined to.
#[derive(Debug)]
pub(super) enum Expr {
    /// In a file whose text begins at this byte.
    Hcl(Box<Expression>, usize),
    /// A string of the JSON syntax, which is a template.
    Template(Template, Range<usize>),
    /// A list of the JSON syntax.
    Array(Vec<Expr>, Range<usize>),
    /// An object of the JSON syntax.
    Object(Body, Range<usize>),
    /// What is said already.
    Literal(Node),
}

/// A key with what it is set to.
#[derive(Debug)]
pub(super) struct Attr {
    pub(super) name: String,
    pub(super) name_range: Range<usize>,
    pub(super) expr: Expr,
}

/// A block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: String,
    pub(super) labels: Vec<String>,
    /// From its type to its last label.
    pub(super) range: Range<usize>,
    pub(super) body: Body,
}

/// What stands between braces.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) attrs: Vec<Attr>,
    pub(super) blocks: Vec<Block>,
}

impl Body {
    /// Whether blocks of this type stand in it, `dynamic` ones too.
    pub(super) fn has_block(&self, kind: &str) -> bool {
        let is = |block: &Block| {
            block.kind == kind
                || block.kind == "dynamic" && block.labels.first().is_some_and(|made| made == kind)
        };
        self.blocks.iter().any(is)
    }

    pub(super) fn attr(&self, name: &str) -> Option<&Attr> {
        self.attrs.iter().find(|attr| attr.name == name)
    }
}

/// The blocks of a directory.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) variables: BTreeMap<String, Block>,
    pub(super) locals: BTreeMap<String, Attr>,
    pub(super) outputs: BTreeMap<String, Block>,
    /// By type and name.
    pub(super) resources: BTreeMap<(String, String), Block>,
    pub(super) data: BTreeMap<(String, String), Block>,
    pub(super) calls: BTreeMap<String, Block>,
    pub(super) providers: Vec<Block>,
    /// Values of variables from files, the last of equal names.
    pub(super) values: BTreeMap<String, Attr>,
    /// The directory below the root module's, `.` for that itself.
    pub(super) path: String,
}

impl Module {
    /// Takes a file's blocks. A file that overrides sets attributes of the blocks that others have, and replaces their nested blocks.
    pub(super) fn add(&mut self, body: Body, overrides: bool, problems: &mut Vec<(usize, String)>) {
        for mut block in body.blocks {
            let mut labels = std::mem::take(&mut block.labels).into_iter();
            let kind = block.kind.clone();
            let label = labels.next();
            let twice = match (kind.as_str(), label) {
                ("variable", Some(name)) => put(&mut self.variables, name, block, overrides),
                ("output", Some(name)) => put(&mut self.outputs, name, block, overrides),
                ("module", Some(name)) => put(&mut self.calls, name, block, overrides),
                ("resource", Some(first)) => {
                    let key = (first, labels.next().unwrap_or_default());
                    put(&mut self.resources, key, block, overrides)
                }
                ("data", Some(first)) => {
                    let key = (first, labels.next().unwrap_or_default());
                    put(&mut self.data, key, block, overrides)
                }
                ("provider", Some(name)) => {
                    block.labels.push(name);
                    self.providers.push(block);
                    None
                }
                ("locals", _) => {
                    for attr in block.body.attrs {
                        let at = attr.name_range.start;
                        let name = attr.name.clone();
                        if self.locals.insert(name.clone(), attr).is_some() && !overrides {
                            problems.push((at, format!("local.{name} is defined twice")));
                        }
                    }
                    None
                }
                _ => None,
            };
            if let Some(at) = twice {
                problems.push((at, format!("this {kind} is defined twice")));
            }
        }
    }
}

/// Adds a block, or overrides the one that is there. Where there must not be one, gives the place.
fn put<K: Ord>(blocks: &mut BTreeMap<K, Block>, key: K, block: Block, overrides: bool) -> Option<usize> {
    let Some(there) = blocks.get_mut(&key) else {
        blocks.insert(key, block);
        return None;
    };
    if !overrides {
        return Some(block.range.start);
    }
    for attr in block.body.attrs {
        there.body.attrs.retain(|other| other.name != attr.name);
        there.body.attrs.push(attr);
    }
    for nested in &block.body.blocks {
        there.body.blocks.retain(|other| other.kind != nested.kind);
    }
    there.body.blocks.extend(block.body.blocks);
    None
}

/// Reads a file that begins at a byte of the joined text.
pub(super) fn parse(text: &str, base: usize) -> Result<Body, FormatError> {
    Ok(body(hcl::parse(text)?, base))
}

fn body(source: HclBody, base: usize) -> Body {
    let mut out = Body::default();
    for structure in source {
        match structure {
            Structure::Attribute(attribute) => out.attrs.push(Attr {
                name: attribute.key.to_string(),
                name_range: shift(attribute.key.span(), base),
                expr: Expr::Hcl(Box::new(attribute.value), base),
            }),
            Structure::Block(block) => out.blocks.push(Block {
                kind: block.ident.to_string(),
                labels: block
                    .labels
                    .iter()
                    .map(|label| label.as_str().to_owned())
                    .collect(),
                range: shift(Some(hcl::header(&block)), base),
                body: body(block.body, base),
            }),
        }
    }
    out
}

pub(super) fn shift(range: Option<Range<usize>>, base: usize) -> Range<usize> {
    let range = range.unwrap_or_default();
    range.start.saturating_add(base)..range.end.saturating_add(base)
}

/// How many levels of names the blocks of the JSON syntax have.
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

/// Reads a file of the JSON syntax, whose node has the places of the joined text.
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

/// The attributes of a file of values in JSON.
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
        NodeKind::Object(entries) if labels.len() == levels => out.push(Block {
            kind: kind.to_owned(),
            labels: labels.clone(),
            range,
            body: {
                // A key `//` is a comment.
                let entries = entries.into_iter().filter(|entry| entry.key != "//");
                if DYNAMIC_IN.contains(&kind) {
                    json_body(entries.collect())?
                } else {
                    let attrs = entries.map(|entry| json_attr(entry, kind != "variable"));
                    Body {
                        attrs: attrs.collect(),
                        blocks: Vec::new(),
                    }
                }
            },
        }),
        NodeKind::Object(entries) => {
            for entry in entries {
                labels.push(entry.key);
                blocks(kind, levels, labels, entry.key_range, entry.value, out)?;
                labels.pop();
            }
        }
        NodeKind::Scalar(_) | NodeKind::Set(_) | NodeKind::Open(_) | NodeKind::Unknown => {}
    }
    Ok(())
}

/// Blocks whose bodies may have dynamic ones.
const DYNAMIC_IN: [&str; 3] = ["resource", "data", "provider"];

/// A body that can have nothing of that name but blocks.
fn json_body(entries: Vec<Entry>) -> Result<Body, FormatError> {
    let wrong = |entry: &&Entry| entry.key == "dynamic" && !is_dynamic(&entry.value);
    match entries.iter().find(wrong) {
        Some(entry) => Err(FormatError::at(
            entry.key_range.start,
            "`dynamic` has a member for each type of block, an object (or a list of objects) with `for_each` and `content`",
        )),
        None => Ok(inner_body(entries)),
    }
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

/// The blocks of something that [`is_dynamic`].
fn dynamic_blocks(types: Node, out: &mut Vec<Block>) {
    for entry in into_objects(types).into_iter().flatten() {
        for members in into_objects(entry.value) {
            let (content, attrs): (Vec<Entry>, Vec<Entry>) =
                members.into_iter().partition(|member| member.key == "content");
            let content = content.into_iter().flat_map(|content| {
                let block = |entries: Vec<Entry>| Block {
                    kind: content.key.clone(),
                    labels: Vec::new(),
                    range: content.key_range.clone(),
                    body: inner_body(entries),
                };
                into_objects(content.value)
                    .into_iter()
                    .map(block)
                    .collect::<Vec<_>>()
            });
            out.push(Block {
                kind: "dynamic".to_owned(),
                labels: vec![entry.key.clone()],
                range: entry.key_range.clone(),
                body: Body {
                    blocks: content.collect(),
                    attrs: attrs.into_iter().map(|attr| json_attr(attr, true)).collect(),
                },
            });
        }
    }
}

fn into_objects(node: Node) -> Vec<Vec<Entry>> {
    match node.kind {
        NodeKind::Object(entries) => vec![entries],
        NodeKind::Array(items) => items.into_iter().flat_map(into_objects).collect(),
        NodeKind::Scalar(_) | NodeKind::Set(_) | NodeKind::Open(_) | NodeKind::Unknown => Vec::new(),
    }
}

/// A body or an object: `dynamic` stands for blocks in it where it has their shape.
fn inner_body(entries: Vec<Entry>) -> Body {
    let mut out = Body::default();
    for entry in entries {
        if entry.key == "dynamic" && is_dynamic(&entry.value) {
            dynamic_blocks(entry.value, &mut out.blocks);
        } else {
            out.attrs.push(json_attr(entry, true));
        }
    }
    out
}

fn json_attr(entry: Entry, templates: bool) -> Attr {
    Attr {
        name: entry.key,
        name_range: entry.key_range,
        expr: if templates {
            json_expr(entry.value)
        } else {
            Expr::Literal(entry.value)
        },
    }
}

fn json_expr(node: Node) -> Expr {
    let range = node.range.clone();
    match node.kind {
        NodeKind::Array(items) => Expr::Array(items.into_iter().map(json_expr).collect(), range),
        NodeKind::Object(entries) => Expr::Object(inner_body(entries), range),
        NodeKind::Scalar(Value::String(text)) if text.contains("${") || text.contains("%{") => {
            match text.parse::<Template>() {
                Ok(template) => Expr::Template(template, range),
                Err(_) => Expr::Literal(Node {
                    range,
                    kind: NodeKind::Unknown,
                }),
            }
        }
        kind => Expr::Literal(Node { range, kind }),
    }
}
