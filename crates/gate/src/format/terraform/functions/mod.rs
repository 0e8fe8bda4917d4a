//! The functions of Terraform's language that depend on nothing but their arguments, and `file`.
//!
//! Those that are missing (time, random, hashes of files) give something unknown. Source: <https://developer.hashicorp.com/terraform/language/functions>.

mod collections;
mod text;

use std::ops::Range;

use hcl_edit::expr::FuncCall;
use stele_types::{Value, json};

use super::eval::{Scope, is_known, known, text_of, unknown};
use crate::node::{Entry, Node, NodeKind};

/// The longest file that `file` reads, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// A byte of text counts as much as so many of an argument.
const READ: usize = 16;

/// What a call has to work with.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) args: Vec<Node>,
    /// Where the call stands.
    pub(super) range: Range<usize>,
    pub(super) scope: &'a Scope<'a>,
}

impl Call<'_> {
    pub(super) fn arg(&self, index: usize) -> Option<&Node> {
        self.args.get(index)
    }

    pub(super) fn text(&self, index: usize) -> Option<String> {
        text_of(self.arg(index)?)
    }

    pub(super) fn items(&self, index: usize) -> Option<&[Node]> {
        match &self.arg(index)?.kind {
            NodeKind::Array(items) | NodeKind::Set(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn entries(&self, index: usize) -> Option<&[Entry]> {
        match &self.arg(index)?.kind {
            NodeKind::Object(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn integer(&self, index: usize) -> Option<i64> {
        super::eval::number_of(self.arg(index)?)?.to_i64()
    }

    pub(super) fn scalar(&self, value: impl Into<Value>) -> Node {
        Node::scalar(self.range.clone(), value.into())
    }

    pub(super) fn array(&self, items: Vec<Node>) -> Node {
        Node::array(self.range.clone(), items)
    }

    /// A list with the elements of the arguments; if one of those is a set that is known in part only, their order is not known.
    fn ordered(&self, items: Vec<Node>) -> Node {
        let is_partial = self.args.iter().any(super::types::is_partial);
        super::types::list_of(self.range.clone(), items, is_partial)
    }

    pub(super) fn object(&self, entries: Vec<Entry>) -> Node {
        Node::object(self.range.clone(), entries)
    }

    /// A value that has no places of its own.
    pub(super) fn node(&self, value: &Value) -> Node {
        let range = self.range.clone();
        match value {
            Value::Array(items) => self.array(items.iter().map(|item| self.node(item)).collect()),
            Value::Object(members) => {
                let entry = |(key, value): (&Value, &Value)| {
                    let key = key.as_str().map_or_else(|| json::to_string(key), str::to_owned);
                    Entry::new(&key, self.node(value))
                };
                self.object(members.iter().map(entry).collect())
            }
            other => Node::scalar(range, other.clone()),
        }
    }
}

/// What a call comes to.
pub(super) fn call(scope: &Scope<'_>, call: &FuncCall, range: Range<usize>) -> Node {
    let name = call.name.name.as_str();
    if call.name.is_namespaced() {
        return unknown(range);
    }
    match name {
        // The first argument that is something; what is unknown may be.
        "try" => {
            let mut values = call.args.iter().map(|arg| scope.eval(arg));
            let first = values.next();
            return first.unwrap_or_else(|| unknown(range));
        }
        "can" => return unknown(range),
        _ => {}
    }
    let mut args: Vec<Node> = call.args.iter().map(|arg| scope.eval(arg)).collect();
    if call.args.expand_final() {
        let last = args.pop().filter(|last| !super::types::is_partial(last));
        match last.map(|last| last.kind) {
            Some(NodeKind::Array(items) | NodeKind::Set(items)) => args.extend(items),
            _ => return unknown(range),
        }
    }
    let call = Call {
        args,
        range: range.clone(),
        scope,
    };
    // Reading them may cost as much as making them.
    let read = call.args.iter().map(|arg| arg.as_str().map_or(0, str::len));
    let read = read.fold(0, usize::saturating_add) / READ;
    if !scope.world.budget.charge_text(read) {
        return unknown(range);
    }
    let found = collections::call(name, &call)
        .or_else(|| text::call(name, &call))
        .or_else(|| encoded(name, &call));
    let found = found.unwrap_or_else(|| unknown(range));
    scope.world.budget.charge_node(&found);
    let length = text_of(&found).map_or(0, |text| text.len());
    scope.world.budget.charge_text(length);
    found
}

fn encoded(name: &str, call: &Call<'_>) -> Option<Node> {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    Some(match name {
        "jsonencode" => call.scalar(json::to_string(&known(call.arg(0)?)?)),
        "jsondecode" => {
            let limits = json::Limits {
                max_depth: 64,
                ..json::Limits::default()
            };
            call.node(&json::parse(call.text(0)?.as_bytes(), &limits).ok()?)
        }
        "base64encode" => call.scalar(base64.encode(call.text(0)?)),
        "base64decode" => call.scalar(String::from_utf8(base64.decode(call.text(0)?).ok()?).ok()?),
        "sensitive" | "nonsensitive" | "ephemeralasnull" => call.arg(0)?.clone(),
        "tostring" => call.scalar(call.text(0)?),
        "tonumber" => call.scalar(super::eval::number_of(call.arg(0)?)?),
        "tobool" => call.scalar(super::eval::truth(call.arg(0)?)?),
        "file" => {
            let path = call.text(0)?;
            let loader = call.scope.world.loader.borrow();
            call.scalar(loader.text_below(&path, MAX_FILE)?)
        }
        "fileexists" => {
            read_file(call, &call.text(0)?)?;
            call.scalar(true)
        }
        "templatefile" => templated(call)?,
        _ => return None,
    })
}

/// A file of which the result is not the text.
fn read_file(call: &Call<'_>, path: &str) -> Option<String> {
    let world = call.scope.world;
    let text = world.loader.borrow().text_below(path, MAX_FILE)?;
    world.budget.charge_text(text.len()).then_some(text)
}

fn templated(call: &Call<'_>) -> Option<Node> {
    let text = read_file(call, &call.text(0)?)?;
    let template: hcl_edit::template::Template = text.parse().ok()?;
    let vars = call.entries(1)?;
    let frames = vars
        .iter()
        .map(|entry| (entry.key.as_str(), std::rc::Rc::new(entry.value.clone())));
    let frames: Vec<_> = frames.collect();
    call.scope
        .with_names(&frames, &|scope| scope.template(&template, call.range.clone()))
}

/// Whether all of a call's arguments are known.
pub(super) fn all_known(call: &Call<'_>) -> bool {
    call.args.iter().all(is_known)
}
