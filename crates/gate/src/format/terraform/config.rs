//! What a module directory says, from HCL; [`json_syntax`](super::json_syntax) reads its JSON syntax.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
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
    /// How many files override what is around it up to the one that it is from: 0 if it is from none of those.
    layer: u32,
}

impl Block {
    pub(super) fn new(kind: String, labels: Vec<String>, range: Range<usize>, body: Body) -> Self {
        Self {
            kind,
            labels,
            range,
            body,
            layer: 0,
        }
    }

    /// The type of the blocks that it is, or makes.
    fn made(&self) -> &str {
        let made = self.labels.first().filter(|_| self.kind == "dynamic");
        made.unwrap_or(&self.kind)
    }
}

/// What stands between braces.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) attrs: Vec<Attr>,
    pub(super) blocks: Vec<Block>,
    /// Where attributes are, of many.
    places: OnceCell<HashMap<String, usize>>,
    /// Of which types the blocks are.
    kinds: OnceCell<HashSet<String>>,
    /// How many files override it.
    layers: u32,
}

/// Among so many, one is found faster without a table.
const FEW: usize = 16;

impl Body {
    pub(super) fn new(attrs: Vec<Attr>, blocks: Vec<Block>) -> Self {
        Self {
            attrs,
            blocks,
            ..Self::default()
        }
    }

    /// Whether blocks of this type stand in it, `dynamic` ones too.
    pub(super) fn has_block(&self, kind: &str) -> bool {
        let made = self.blocks.iter().map(Block::made);
        let kinds = self.kinds.get_or_init(|| made.map(str::to_owned).collect());
        kinds.contains(kind)
    }

    pub(super) fn attr(&self, name: &str) -> Option<&Attr> {
        if self.attrs.len() <= FEW {
            return self.attrs.iter().find(|attr| attr.name == name);
        }
        self.attrs.get(*self.places().get(name)?)
    }

    fn places(&self) -> &HashMap<String, usize> {
        let names = self.attrs.iter().zip(0usize..);
        self.places
            .get_or_init(|| names.map(|(attr, at)| (attr.name.clone(), at)).collect())
    }

    /// Takes what a file says that overrides it: attributes in the place of its own, and blocks.
    fn take(&mut self, other: Self) {
        self.places();
        for attr in other.attrs {
            let next = self.attrs.len();
            let places = self.places.get_mut();
            let at = places.map_or(next, |places| *places.entry(attr.name.clone()).or_insert(next));
            match self.attrs.get_mut(at) {
                Some(there) => *there = attr,
                None => self.attrs.push(attr),
            }
        }
        self.layers = self.layers.saturating_add(1);
        let layer = self.layers;
        let blocks = other.blocks.into_iter();
        self.blocks.extend(blocks.map(|block| Block { layer, ..block }));
    }

    /// Of each type of blocks, leaves those of the last file that has any.
    fn settle(&mut self) {
        if self.layers == 0 {
            return;
        }
        let mut last: HashMap<String, u32> = HashMap::new();
        for block in &self.blocks {
            // They are in the order of the files.
            last.insert(block.made().to_owned(), block.layer);
        }
        self.blocks
            .retain(|block| last.get(block.made()) == Some(&block.layer));
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
    /// Has the last of the files that override each other count.
    pub(super) fn settle(&mut self) {
        let blocks = self.variables.values_mut().chain(self.outputs.values_mut());
        let blocks = blocks.chain(self.calls.values_mut());
        let blocks = blocks
            .chain(self.resources.values_mut())
            .chain(self.data.values_mut());
        blocks.for_each(|block| block.body.settle());
    }

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
    there.body.take(block.body);
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
            Structure::Block(block) => {
                let labels = block.labels.iter().map(|label| label.as_str().to_owned());
                let (labels, range) = (labels.collect(), shift(Some(hcl::header(&block)), base));
                let inner = body(block.body, base);
                out.blocks
                    .push(Block::new(block.ident.to_string(), labels, range, inner));
            }
        }
    }
    out
}

pub(super) fn shift(range: Option<Range<usize>>, base: usize) -> Range<usize> {
    let range = range.unwrap_or_default();
    range.start.saturating_add(base)..range.end.saturating_add(base)
}
