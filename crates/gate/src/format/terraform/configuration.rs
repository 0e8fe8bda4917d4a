//! `configuration`: what is written, with the names that expressions refer to.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::visit::{Visit, visit_expr, visit_traversal};
use stele_types::Value;

use super::config::{Attr, Block, Body, Expr, shift};
use super::eval::{Scope, is_known};
use super::json_syntax;
use super::world::{Instance, World};
use crate::node::{Entry, Node, NodeKind, last_of_equal};

pub(super) fn document(world: &World, root: &Rc<Instance>) -> Node {
    let providers = root.module.providers.iter().map(|block| {
        let name = block.labels.first().map_or("", String::as_str);
        let alias = block
            .body
            .attr("alias")
            .and_then(|attr| super::eval::text_of(&Scope::new(world, root, None).value(&attr.expr)));
        let key = alias.map_or_else(|| name.to_owned(), |alias| format!("{name}.{alias}"));
        let entries = vec![
            text("name", &block.range, name),
            expressions(
                &Scope::new(world, root, None),
                &block.body,
                &block.range,
                &["alias"],
            ),
        ];
        named(&key, &block.range, entries)
    });
    let providers = Node::object(0..0, last_of_equal(providers.collect()));
    Node::object(
        0..0,
        vec![
            Entry::new("provider_config", providers),
            Entry::new("root_module", module(world, root)),
        ],
    )
}

fn module(world: &World, instance: &Rc<Instance>) -> Node {
    let scope = Scope::new(world, instance, None);
    let managed = instance
        .module
        .resources
        .iter()
        .map(|found| ("managed", "", found));
    let data = instance.module.data.iter().map(|found| ("data", "data.", found));
    let resource = |(mode, prefix, ((kind, name), block)): (&str, &str, (&(String, String), &Block))| {
        resource(&scope, (mode, prefix), (kind, name), block)
    };
    let resources = managed.chain(data).map(resource).collect();
    let variables = instance.module.variables.iter().map(|(name, block)| {
        let stated = ["default", "description", "sensitive"]
            .into_iter()
            .filter_map(|key| {
                let attr = block.body.attr(key)?;
                Some(keyed(attr, scope.value(&attr.expr)))
            });
        named(name, &block.range, stated.collect())
    });
    let outputs = instance.module.outputs.iter().map(|(name, block)| {
        let value = block
            .body
            .attr("value")
            .map(|attr| keyed_as("expression", attr, stated(&scope, &attr.expr)));
        let sensitive = block
            .body
            .attr("sensitive")
            .map(|attr| keyed(attr, scope.value(&attr.expr)));
        named(name, &block.range, value.into_iter().chain(sensitive).collect())
    });
    let calls = instance
        .module
        .calls
        .iter()
        .map(|(name, block)| call(world, instance, name, block));
    Node::object(
        0..0,
        vec![
            Entry::new("resources", Node::array(0..0, resources)),
            Entry::new("variables", Node::object(0..0, variables.collect())),
            Entry::new("outputs", Node::object(0..0, outputs.collect())),
            Entry::new("module_calls", Node::object(0..0, calls.collect())),
        ],
    )
}

fn resource(
    scope: &Scope<'_>,
    (mode, prefix): (&str, &str),
    (kind, name): (&str, &str),
    block: &Block,
) -> Node {
    let range = &block.range;
    let mut entries = vec![
        text("address", range, &format!("{prefix}{kind}.{name}")),
        text("mode", range, mode),
        text("type", range, kind),
        text("name", range, name),
        expressions(
            scope,
            &block.body,
            range,
            &["count", "for_each", "depends_on", "provider"],
        ),
    ];
    for (attr, key) in [("count", "count_expression"), ("for_each", "for_each_expression")] {
        if let Some(attr) = block.body.attr(attr) {
            entries.push(keyed_as(key, attr, stated(scope, &attr.expr)));
        }
    }
    Node::object(range.clone(), entries)
}

fn call(world: &World, instance: &Rc<Instance>, name: &str, block: &Block) -> Entry {
    let scope = Scope::new(world, instance, None);
    let mut entries: Vec<Entry> = Vec::new();
    for (attr, key) in [("source", "source"), ("version", "version_constraint")] {
        if let Some(attr) = block.body.attr(attr) {
            entries.push(keyed_as(key, attr, scope.value(&attr.expr)));
        }
    }
    let apart = [
        "source",
        "version",
        "providers",
        "count",
        "for_each",
        "depends_on",
    ];
    entries.push(expressions(&scope, &block.body, &block.range, &apart));
    let children = instance.children(world, name);
    if let Some((_, child)) = children.as_ref().and_then(|children| children.first()) {
        entries.push(Entry::new("module", module(world, child)));
    }
    named(name, &block.range, entries)
}

fn expressions(scope: &Scope<'_>, body: &Body, range: &Range<usize>, apart: &[&str]) -> Entry {
    let value = body_expressions(scope, body, range, apart);
    Entry {
        key: "expressions".to_owned(),
        key_range: range.clone(),
        value,
    }
}

fn body_expressions(scope: &Scope<'_>, body: &Body, range: &Range<usize>, apart: &[&str]) -> Node {
    let attrs = body
        .attrs
        .iter()
        .filter(|attr| !apart.contains(&attr.name.as_str()));
    let mut entries: Vec<Entry> = attrs.map(|attr| keyed(attr, stated(scope, &attr.expr))).collect();
    let names = entries.iter().map(|entry| entry.key.clone());
    let mut places: HashMap<String, usize> = names.zip(0..).collect();
    for block in &body.blocks {
        if ["connection", "dynamic", "lifecycle", "provisioner"].contains(&block.kind.as_str()) {
            continue;
        }
        let value = body_expressions(scope, &block.body, &block.range, &[]);
        let at = *places.entry(block.kind.clone()).or_insert(entries.len());
        match entries.get_mut(at).map(|entry| &mut entry.value.kind) {
            Some(NodeKind::Array(blocks)) => blocks.push(value),
            Some(_) => {}
            None => entries.push(Entry {
                key: block.kind.clone(),
                key_range: block.range.clone(),
                value: Node::array(block.range.clone(), vec![value]),
            }),
        }
    }
    Node::object(range.clone(), entries)
}

/// `{"constant_value": ...}` or `{"references": [...]}`.
fn stated(scope: &Scope<'_>, expr: &Expr) -> Node {
    let mut names = Names::default();
    names.add(expr);
    let range = match expr {
        Expr::Hcl(expression, base) => shift(expression.span(), *base),
        Expr::Template(_, range) | Expr::Array(_, range) | Expr::Object(_, range) => range.clone(),
        Expr::Literal(node) => node.range.clone(),
    };
    if names.0.is_empty() {
        let value = scope.value(expr);
        let known = is_known(&value).then(|| Entry::new("constant_value", value));
        return Node::object(range, known.into_iter().collect());
    }
    let name = |name: &String| Node::scalar(range.clone(), Value::string(name));
    let references = Node::array(range.clone(), names.0.iter().map(name).collect());
    Node::object(range, vec![Entry::new("references", references)])
}

/// What expressions refer to: each reference, and the object that it is an attribute of.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn add(&mut self, expr: &Expr) {
        match expr {
            Expr::Hcl(expression, _) => self.visit_expr(expression),
            Expr::Template(template, _) => self.visit_template(template),
            Expr::Array(items, _) => items.iter().for_each(|item| self.add(item)),
            Expr::Object(members, _) => members.iter().for_each(|member| {
                if let Some(Ok(key)) = json_syntax::template(&member.name) {
                    self.visit_template(&key);
                }
                self.add(&member.expr);
            }),
            Expr::Literal(_) => {}
        }
    }
}

impl Visit for Names {
    fn visit_traversal(&mut self, node: &Traversal) {
        if let Expression::Variable(root) = &node.expr {
            let mut name = root.to_string();
            let mut parts = 1usize;
            // Two names make an object: a resource, a variable; of a data source three.
            let object = if root.as_str() == "data" { 3 } else { 2 };
            for operator in &node.operators {
                let TraversalOperator::GetAttr(attr) = operator.value() else {
                    break;
                };
                name.push('.');
                name.push_str(attr.as_str());
                parts = parts.saturating_add(1);
                if parts >= object {
                    self.0.insert(name.clone());
                }
            }
        }
        visit_traversal(self, node);
    }

    fn visit_expr(&mut self, node: &Expression) {
        visit_expr(self, node);
    }
}

fn text(key: &str, range: &Range<usize>, text: &str) -> Entry {
    Entry::new(key, Node::scalar(range.clone(), Value::string(text)))
}

fn named(key: &str, range: &Range<usize>, entries: Vec<Entry>) -> Entry {
    Entry {
        key: key.to_owned(),
        key_range: range.clone(),
        value: Node::object(range.clone(), entries),
    }
}

fn keyed(attr: &Attr, value: Node) -> Entry {
    keyed_as(&attr.name, attr, value)
}

fn keyed_as(key: &str, attr: &Attr, value: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        key_range: attr.name_range.clone(),
        value,
    }
}
