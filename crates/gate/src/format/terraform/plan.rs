//! The document: what `terraform show -json` gives for a plan that creates everything.
//! Source of the shape: <https://developer.hashicorp.com/terraform/internals/json-format>.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use stele_types::Value;

use super::config::{Block, Body, Expr};
use super::configuration;
use super::defaults;
use super::eval::{Frame, Scope, truth, unknown};
use super::world::{Instance, Repetition, World};
use crate::node::{Entry, Node, NodeKind};

/// Arguments of every resource that say something to Terraform and nothing of the resource.
const META: [&str; 5] = ["count", "depends_on", "for_each", "lifecycle", "provider"];
/// Blocks likewise.
const META_BLOCKS: [&str; 3] = ["connection", "lifecycle", "provisioner"];
/// More resources of one module and those that it calls are not checked.
const MAX_RESOURCES: usize = 20_000;

pub(super) fn document(world: &World, root: &Rc<Instance>) -> Node {
    let mut changes = Vec::new();
    instances(world, root, &mut changes);
    let text = |text: &str| Node::scalar(0..0, Value::string(text));
    Node::object(
        0..0,
        vec![
            Entry::new("format_version", text("1.2")),
            Entry::new("variables", variables(world, root)),
            Entry::new("resource_changes", Node::array(0..0, changes)),
            Entry::new("configuration", configuration::document(world, root)),
        ],
    )
}

fn variables(world: &World, root: &Instance) -> Node {
    let entry = |(name, block): (&String, &Block)| {
        let value = root.variable(world, name)?;
        let member = Entry::new("value", value.as_ref().clone());
        Some(Entry {
            key: name.clone(),
            key_range: block.range.clone(),
            value: Node::object(block.range.clone(), vec![member]),
        })
    };
    Node::object(0..0, root.module.variables.iter().filter_map(entry).collect())
}

/// The resources of a module and of those that it calls.
fn instances(world: &World, instance: &Rc<Instance>, out: &mut Vec<Node>) {
    let blocks = instance.module.resources.iter().map(|found| ("managed", found));
    let data = instance.module.data.iter().map(|found| ("data", found));
    for (mode, ((kind, name), block)) in blocks.chain(data) {
        for repetition in instance.repetitions(world, &block.body).iter() {
            if out.len() >= MAX_RESOURCES {
                let message =
                    format!("modules make more than {MAX_RESOURCES} resources; the rest was not checked");
                world.budget.exceed(block.range.start, message);
                return;
            }
            let resource = Resource {
                world,
                instance,
                mode,
                kind,
                name,
                block,
                repetition,
            };
            out.push(resource.change());
        }
    }
    for call in instance.module.calls.keys() {
        for (_, child) in instance
            .children(world, call)
            .iter()
            .flat_map(|children| children.iter())
        {
            instances(world, child, out);
        }
    }
}

struct Resource<'a> {
    world: &'a World,
    instance: &'a Instance,
    mode: &'a str,
    kind: &'a str,
    name: &'a str,
    block: &'a Block,
    repetition: &'a Repetition,
}

impl Resource<'_> {
    fn change(&self) -> Node {
        let range = &self.block.range;
        let text = |text: &str| Node::scalar(range.clone(), Value::string(text));
        let frame = self.repetition.frame();
        let scope = Scope::new(self.world, self.instance, frame.as_ref());
        let (mut after, unknown) = body(&scope, &self.block.body, range.clone(), &META, &META_BLOCKS);
        let action = if self.mode == "data" { "read" } else { "create" };
        if self.mode == "managed" {
            defaults::fill(self.kind, &mut after);
        }
        let change = Node::object(
            range.clone(),
            vec![
                Entry::new("actions", Node::array(range.clone(), vec![text(action)])),
                Entry::new("before", Node::scalar(range.clone(), Value::Null)),
                Entry::new("after_unknown", unknown),
                Entry::new("after_sensitive", Node::object(range.clone(), Vec::new())),
                Entry {
                    key: "after".to_owned(),
                    key_range: range.clone(),
                    value: after,
                },
            ],
        );
        let mut entries = vec![Entry::new("address", text(&self.address()))];
        if !self.instance.address.is_empty() {
            entries.push(Entry::new("module_address", text(&self.instance.address)));
        }
        entries.push(Entry::new("mode", text(self.mode)));
        entries.push(Entry::new("type", text(self.kind)));
        entries.push(Entry::new("name", text(self.name)));
        if let Some(index) = &self.repetition.index {
            entries.push(Entry::new("index", Node::scalar(range.clone(), index.clone())));
        }
        entries.push(Entry::new("change", change));
        Node::object(range.clone(), entries)
    }

    fn address(&self) -> String {
        let dot = if self.instance.address.is_empty() { "" } else { "." };
        let data = if self.mode == "data" { "data." } else { "" };
        let Self { kind, name, .. } = self;
        let suffix = self.repetition.suffix();
        format!("{}{dot}{data}{kind}.{name}{suffix}", self.instance.address)
    }
}

/// What a body comes to, and where it is unknown: both have the same members.
struct Made {
    after: Vec<Entry>,
    unknown: Vec<Entry>,
    places: HashMap<String, usize>,
}

impl Made {
    fn new(after: Vec<Entry>) -> Self {
        let names = after.iter().map(|entry| entry.key.clone());
        Self {
            places: names.zip(0..).collect(),
            unknown: after.iter().map(unknown_entry).collect(),
            after,
        }
    }

    /// Adds a block to those of its type, with what of it is unknown.
    fn add_block(&mut self, kind: &str, range: &Range<usize>, after: Node, unknown: Node) {
        let at = match self.places.get(kind) {
            Some(at) => *at,
            None => {
                self.places.insert(kind.to_owned(), self.after.len());
                self.after.len()
            }
        };
        push_block(&mut self.unknown, at, kind, range, unknown);
        push_block(&mut self.after, at, kind, range, after);
    }

    /// The values, and the places of what is unknown.
    fn finish(self, range: Range<usize>) -> (Node, Node) {
        let flags = self.unknown.into_iter();
        let flags = flags.filter(|entry| truth(&entry.value) != Some(false)).collect();
        (
            Node::object(range.clone(), self.after),
            Node::object(range, flags),
        )
    }
}

fn push_block(entries: &mut Vec<Entry>, at: usize, kind: &str, range: &Range<usize>, value: Node) {
    match entries.get_mut(at) {
        Some(entry) => match &mut entry.value.kind {
            NodeKind::Array(blocks) => blocks.push(value),
            // An expression.
            _ => {
                let first = std::mem::replace(&mut entry.value, unknown(range.clone()));
                entry.value = Node::array(first.range.clone(), vec![first, value]);
            }
        },
        None => entries.push(Entry {
            key: kind.to_owned(),
            key_range: range.clone(),
            value: Node::array(range.clone(), vec![value]),
        }),
    }
}

/// The values of a resource's body. What it leaves out the provider may say, in its blocks too; how many blocks a `dynamic` one makes may be unknown.
pub(super) fn resource_values(scope: &Scope<'_>, body: &Body, range: Range<usize>) -> Node {
    let (mut values, flags) = self::body(scope, body, range, &META, &META_BLOCKS);
    let flags = match &flags.kind {
        NodeKind::Object(flags) => flags.as_slice(),
        _ => &[],
    };
    let flags: HashMap<&str, &NodeKind> = flags
        .iter()
        .map(|flag| (flag.key.as_str(), &flag.value.kind))
        .collect();
    if let NodeKind::Object(entries) = &mut values.kind {
        for entry in entries {
            let is_counted = match flags.get(entry.key.as_str()) {
                Some(NodeKind::Array(flags)) => flags.iter().all(|flag| truth(flag) != Some(true)),
                _ => true,
            };
            match (body.has_block(&entry.key), is_counted) {
                (true, true) => open(&mut entry.value),
                (true, false) => entry.value.kind = NodeKind::Unknown,
                (false, _) => {}
            }
        }
    }
    open_one(&mut values);
    values
}

/// Makes mappings such that have more members than are known.
fn open(node: &mut Node) {
    match &mut node.kind {
        NodeKind::Array(items) | NodeKind::Set(items) => items.iter_mut().for_each(open),
        NodeKind::Object(entries) => entries.iter_mut().for_each(|entry| open(&mut entry.value)),
        NodeKind::Scalar(_) | NodeKind::Open(_) | NodeKind::Unknown => {}
    }
    open_one(node);
}

fn open_one(node: &mut Node) {
    let kind = std::mem::replace(&mut node.kind, NodeKind::Unknown);
    node.kind = match kind {
        NodeKind::Object(entries) => NodeKind::Open(entries),
        kind => kind,
    };
}

/// Arguments and nested blocks, and where they are unknown. Whether a type of block can stand once or often only its provider knows: each is a list.
fn body(
    scope: &Scope<'_>,
    body: &Body,
    range: Range<usize>,
    meta: &[&str],
    meta_blocks: &[&str],
) -> (Node, Node) {
    let attrs = body
        .attrs
        .iter()
        .filter(|attr| !meta.contains(&attr.name.as_str()));
    let entry = |attr: &super::config::Attr| Entry {
        key: attr.name.clone(),
        key_range: attr.name_range.clone(),
        value: scope.value(&attr.expr),
    };
    let after: Vec<Entry> = attrs.map(entry).collect();
    let mut made = Made::new(after);
    for block in &body.blocks {
        if meta_blocks.contains(&block.kind.as_str()) {
            continue;
        }
        match (block.kind.as_str(), block.labels.first()) {
            ("dynamic", Some(kind)) => dynamic(scope, kind, block, &mut made),
            (kind, _) => {
                let (value, flags) = self::body(scope, &block.body, block.range.clone(), &[], &[]);
                made.add_block(kind, &block.range, value, flags);
            }
        }
    }
    made.finish(range)
}

/// `dynamic "x" { for_each, iterator, content }`.
fn dynamic(scope: &Scope<'_>, kind: &str, block: &Block, made: &mut Made) {
    let collection = block.body.attr("for_each").map(|attr| scope.value(&attr.expr));
    let content = block.body.blocks.iter().find(|inner| inner.kind == "content");
    let (Some(collection), Some(content)) = (collection, content) else {
        let message = format!("the dynamic block of {kind} has no `for_each` or no `content`");
        return scope.world.problem(block.range.start, message);
    };
    let iterator = block.body.attr("iterator").map(|attr| match &attr.expr {
        Expr::Hcl(expression, _) => expression.as_variable().map(ToString::to_string),
        Expr::Literal(name) => name.as_str().map(str::to_owned),
        _ => None,
    });
    // A name that nothing has, if it is not understood.
    let iterator = iterator.map_or_else(|| kind.to_owned(), Option::unwrap_or_default);
    let range = block.range.clone();
    let found = super::eval::pairs(&collection);
    let is_certain = found.is_some();
    // Nobody knows how many there are: what one of them would say is there, and marked as unknown.
    let pairs = found.unwrap_or_else(|| vec![(unknown(range.clone()), unknown(range.clone()))]);
    for (key, value) in pairs {
        // An element of a set that nobody knows may be one of the others.
        let is_certain = is_certain && key.kind != NodeKind::Unknown;
        let members = vec![Entry::new("key", key), Entry::new("value", value)];
        let frame = Frame {
            name: &iterator,
            value: Rc::new(Node::object(range.clone(), members)),
            next: scope.frame,
        };
        let inner = Scope::new(scope.world, scope.instance, Some(&frame));
        let (value, flags) = body(&inner, &content.body, range.clone(), &[], &[]);
        let flags = if is_certain {
            flags
        } else {
            Node::scalar(range.clone(), Value::Bool(true))
        };
        made.add_block(kind, &range, value, flags);
    }
}

fn unknown_entry(entry: &Entry) -> Entry {
    Entry {
        key: entry.key.clone(),
        key_range: entry.key_range.clone(),
        value: unknown_parts(&entry.value),
    }
}

/// True where something is unknown; containers that hold nothing unknown are there and empty, as Terraform writes it.
fn unknown_parts(node: &Node) -> Node {
    let range = node.range.clone();
    let flag = |value: bool| Node::scalar(range.clone(), Value::Bool(value));
    match &node.kind {
        NodeKind::Unknown | NodeKind::Open(_) => flag(true),
        NodeKind::Scalar(_) => flag(false),
        NodeKind::Array(items) | NodeKind::Set(items) => {
            Node::array(range, items.iter().map(unknown_parts).collect())
        }
        NodeKind::Object(entries) => {
            let entries = entries.iter().map(unknown_entry);
            let kept = entries.filter(|entry| truth(&entry.value) != Some(false));
            Node::object(range, kept.collect())
        }
    }
}
