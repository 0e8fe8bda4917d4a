//! What a module directory says, from HCL; [`json_syntax`](super::json_syntax) reads its JSON syntax.

use std::collections::BTreeMap;
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Body as HclBody, Structure};
use hcl_edit::template::Template;

use crate::format::{FormatError, hcl};
use crate::node::Node;

/// Something to evaluate. All ranges are those of the text that the files are joined to.
#[derive(Debug)]
pub(super) enum Expr {
    /// In a file whose text begins at this byte.
    Hcl(Box<Expression>, usize),
    /// A string of the JSON syntax, which is a template.
    Template(Template, Range<usize>),
    /// A list of the JSON syntax.
    Array(Vec<Expr>, Range<usize>),
    /// An object of the JSON syntax that is a value; its keys are templates too.
    Object(Vec<Attr>, Range<usize>),
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
