//! Modules with the values that they are called with, and the bounds of the whole.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

use stele_types::Value;

use super::config::{Attr, Block, Body, Module};
use super::eval::{Frame, Scope, number_of, text_of, truth, unknown};
use super::load::{Loader, plain};
use super::types;
use crate::format::MAX_DEPTH;
use crate::node::{Entry, Node, NodeKind};

/// Values that one module and those that it calls may come to, intermediate ones included.
const MAX_STEPS: usize = 1_000_000;
/// Text of them, in bytes.
const MAX_TEXT: usize = 64 << 20;
/// Expressions in expressions, through references.
const MAX_LEVELS: usize = 400;
/// Modules in modules.
const MAX_CALLS: usize = 16;
/// What an instance of a module counts for among the values.
const INSTANCE: usize = 16;
/// Instances of one resource or module.
const MAX_INSTANCES: usize = 1_024;

/// What an evaluation may cost.
#[derive(Debug, Default)]
pub(super) struct Budget {
    steps: Cell<usize>,
    text: Cell<usize>,
    level: Cell<usize>,
    /// Where the expression is that was begun last.
    at: Cell<usize>,
    /// What was too much, with the place.
    pub(super) exceeded: RefCell<Option<(usize, String)>>,
}

/// One level of evaluation; left when it is dropped.
#[derive(Debug)]
pub(super) struct Level<'b>(&'b Budget);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.level.set(self.0.level.get().saturating_sub(1));
    }
}

impl Budget {
    /// Begins an expression; `None`: there is nothing left for it.
    pub(super) fn enter(&self, at: usize) -> Option<Level<'_>> {
        self.at.set(at);
        let level = self.level.get().saturating_add(1);
        if level > MAX_LEVELS {
            let message = format!("expressions refer to each other more than {MAX_LEVELS} levels deep");
            self.exceed(at, message);
            return None;
        }
        let is_left = self.charge(1) && self.charge_text(0);
        is_left.then(|| {
            self.level.set(level);
            Level(self)
        })
    }

    pub(super) fn exceed(&self, at: usize, message: String) {
        let mut exceeded = self.exceeded.borrow_mut();
        exceeded.get_or_insert((at, message));
    }

    pub(super) fn charge(&self, steps: usize) -> bool {
        self.steps.set(self.steps.get().saturating_add(steps));
        let fits = self.steps.get() <= MAX_STEPS;
        if !fits {
            let message = format!("evaluating this module takes more than {MAX_STEPS} values");
            self.exceed(self.at.get(), message);
        }
        fits
    }

    pub(super) fn charge_text(&self, bytes: usize) -> bool {
        self.text.set(self.text.get().saturating_add(bytes));
        let fits = self.text.get() <= MAX_TEXT;
        if !fits {
            let message = format!("the texts of this module come to more than {MAX_TEXT} bytes");
            self.exceed(self.at.get(), message);
        }
        fits
    }

    /// What it costs to look for one of so many members.
    pub(super) fn charge_search(&self, among: usize) {
        self.charge(among / 256);
    }

    /// What a copy of a value costs.
    pub(super) fn charge_node(&self, node: &Node) {
        self.charge(size(node));
    }
}

fn size(node: &Node) -> usize {
    let below: usize = match &node.kind {
        NodeKind::Scalar(_) | NodeKind::Unknown => 0,
        NodeKind::Array(items) | NodeKind::Set(items) => items.iter().map(size).sum(),
        NodeKind::Object(entries) | NodeKind::Open(entries) => {
            entries.iter().map(|entry| size(&entry.value)).sum()
        }
    };
    below.saturating_add(1)
}

/// Whether a value has more levels than documents may have.
fn is_too_deep(node: &Node, left: usize) -> bool {
    let Some(below) = left.checked_sub(1) else {
        return true;
    };
    match &node.kind {
        NodeKind::Scalar(_) | NodeKind::Unknown => false,
        NodeKind::Array(items) | NodeKind::Set(items) => items.iter().any(|item| is_too_deep(item, below)),
        NodeKind::Object(entries) | NodeKind::Open(entries) => {
            entries.iter().any(|entry| is_too_deep(&entry.value, below))
        }
    }
}

/// Everything that an evaluation shares.
#[derive(Debug)]
pub(super) struct World {
    pub(super) loader: RefCell<Loader>,
    pub(super) budget: Budget,
    /// Places that can't be what they say.
    problems: RefCell<BTreeMap<usize, String>>,
    /// Patterns that were compiled.
    pub(super) patterns: RefCell<HashMap<String, Option<regex::Regex>>>,
}

impl World {
    pub(super) fn new(loader: Loader) -> Self {
        Self {
            loader: RefCell::new(loader),
            budget: Budget::default(),
            problems: RefCell::default(),
            patterns: RefCell::default(),
        }
    }

    pub(super) fn problem(&self, at: usize, message: String) {
        self.problems.borrow_mut().entry(at).or_insert(message);
    }

    /// Ends the evaluation: the text, and what went wrong.
    pub(super) fn finish(self) -> Loader {
        let mut loader = self.loader.into_inner();
        let problems = self.problems.into_inner().into_iter();
        // That much was left out is said whatever else is.
        loader.report(self.budget.exceeded.into_inner().into_iter().collect());
        loader.report(problems.collect());
        loader
    }
}

/// One of the resources or modules that a block stands for.
#[derive(Debug, Clone)]
pub(super) struct Repetition {
    /// Its key or number.
    pub(super) index: Option<Value>,
    /// `each` or `count` with its value.
    pub(super) frame: Option<(&'static str, Rc<Node>)>,
}

impl Repetition {
    /// `[0]`, `["a"]`, or nothing.
    pub(super) fn suffix(&self) -> String {
        let index = self.index.as_ref();
        index.map_or_else(String::new, |index| {
            format!("[{}]", stele_types::json::to_string(index))
        })
    }

    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        self.frame.as_ref().map(|(name, value)| Frame {
            name,
            value: value.clone(),
            next: None,
        })
    }
}

/// What a call comes to: each instance with the value that it is for.
type Children = Rc<Vec<(Repetition, Rc<Instance>)>>;

type Memo<T> = RefCell<HashMap<String, Option<T>>>;

/// A module as it is called in one place.
#[derive(Debug)]
pub(super) struct Instance {
    me: Weak<Self>,
    pub(super) module: Rc<Module>,
    /// `module.a["b"]` with those around it; empty for the root module.
    pub(super) address: String,
    depth: usize,
    /// Who calls it, by which name, and with which `each` or `count`.
    caller: Option<(Weak<Instance>, String, Repetition)>,
    /// Where it is, from the root module's directory.
    directory: PathBuf,
    variables: Memo<Rc<Node>>,
    locals: Memo<Rc<Node>>,
    attributes: Memo<Rc<Node>>,
    children: Memo<Children>,
    /// By where `count` or `for_each` stands.
    repeated: RefCell<HashMap<usize, Rc<Vec<Repetition>>>>,
}

/// Looks up what is computed once; what is needed for itself is reported and unknown.
fn once<T: Clone>(
    memo: &Memo<T>,
    name: &str,
    compute: impl FnOnce() -> Option<T>,
    cycle: impl FnOnce(),
) -> Option<T> {
    if let Some(found) = memo.borrow().get(name) {
        if found.is_none() {
            cycle();
        }
        return found.clone();
    }
    memo.borrow_mut().insert(name.to_owned(), None);
    let found = compute();
    match &found {
        Some(_) => memo.borrow_mut().insert(name.to_owned(), found.clone()),
        None => memo.borrow_mut().remove(name),
    };
    found
}

impl Instance {
    pub(super) fn root(module: Rc<Module>) -> Rc<Self> {
        Self::new(module, String::new(), 0, None, PathBuf::new())
    }

    fn new(
        module: Rc<Module>,
        address: String,
        depth: usize,
        caller: Option<(Weak<Instance>, String, Repetition)>,
        directory: PathBuf,
    ) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            me: me.clone(),
            module,
            address,
            depth,
            caller,
            directory,
            variables: Memo::default(),
            locals: Memo::default(),
            attributes: Memo::default(),
            children: Memo::default(),
            repeated: RefCell::default(),
        })
    }

    pub(super) fn variable(&self, world: &World, name: &str) -> Option<Rc<Node>> {
        let block = self.module.variables.get(name)?;
        let cycle = || world.problem(block.range.start, format!("var.{name} depends on itself"));
        once(
            &self.variables,
            name,
            || self.typed(world, name, &block.body),
            cycle,
        )
    }

    /// What a variable is given, as the type that it is declared with.
    fn typed(&self, world: &World, name: &str, declared: &Body) -> Option<Rc<Node>> {
        let value = self.given(world, name, declared)?;
        let scope = Scope::new(world, self, None);
        match declared.attr("type").and_then(|attr| types::written(&attr.expr)) {
            Some((expression, site)) => {
                world.budget.charge_node(&value);
                Some(Rc::new(types::convert(
                    &Scope { site, ..scope },
                    &value,
                    &expression,
                )))
            }
            None => Some(value),
        }
    }

    fn given(&self, world: &World, name: &str, declared: &Body) -> Option<Rc<Node>> {
        if let Some((caller, call, repetition)) = &self.caller {
            let caller = caller.upgrade()?;
            let call = caller.module.calls.get(call)?;
            if let Some(attr) = call.body.attr(name) {
                let frame = repetition.frame();
                let value = evaluated(&Scope::new(world, &caller, frame.as_ref()), attr);
                return self.unless_null(world, declared, value);
            }
        }
        let value = self.module.values.get(name).filter(|_| self.caller.is_none());
        let own = |attr| evaluated(&Scope::new(world, self, None), attr);
        match value {
            Some(attr) => self.unless_null(world, declared, own(attr)),
            None => declared.attr("default").map(own),
        }
    }

    /// What a variable is given, or its default if that is null and may not be.
    fn unless_null(&self, world: &World, declared: &Body, value: Rc<Node>) -> Option<Rc<Node>> {
        let scope = Scope::new(world, self, None);
        let nullable = declared.attr("nullable").map(|attr| scope.value(&attr.expr));
        match nullable.map(|nullable| truth(&nullable)) {
            None | Some(Some(true)) => Some(value),
            _ if value.kind != NodeKind::Scalar(Value::Null) => Some(value),
            Some(Some(false)) => declared.attr("default").map(|attr| evaluated(&scope, attr)),
            Some(None) => None,
        }
    }

    pub(super) fn local(&self, world: &World, name: &str) -> Option<Rc<Node>> {
        let attr = self.module.locals.get(name)?;
        let cycle = || world.problem(attr.name_range.start, format!("local.{name} depends on itself"));
        let compute = || Some(evaluated(&Scope::new(world, self, None), attr));
        once(&self.locals, name, compute, cycle)
    }

    /// An attribute of a resource, if the configuration says what it is.
    pub(super) fn attribute(
        &self,
        world: &World,
        mode: &str,
        (kind, name): (&str, &str),
        attr: &str,
    ) -> Option<Rc<Node>> {
        let block = self.blocks(mode).get(&(kind.to_owned(), name.to_owned()))?;
        let body = &block.body;
        if body.attr("count").is_some() || body.attr("for_each").is_some() {
            return None;
        }
        let Some(attr) = body.attr(attr) else {
            // A nested block, which is a list to expressions.
            if !body.has_block(attr) {
                return None;
            }
            let whole = self.resource(world, mode, (kind, name), None)?;
            return whole.get(attr).cloned().map(Rc::new);
        };
        let address = format!("{mode}.{kind}.{name}.{}", attr.name);
        let cycle = || world.problem(attr.name_range.start, "depends on itself".to_owned());
        let compute = || Some(evaluated(&Scope::new(world, self, None), attr));
        once(&self.attributes, &address, compute, cycle)
    }

    /// A resource, as far as the configuration says what it is: an object; with `count` a list of such, with `for_each` an object of them, or with a key
    /// the one that it names.
    pub(super) fn resource(
        &self,
        world: &World,
        mode: &str,
        (kind, name): (&str, &str),
        key: Option<&str>,
    ) -> Option<Rc<Node>> {
        let block = self.blocks(mode).get(&(kind.to_owned(), name.to_owned()))?;
        let cycle = || world.problem(block.range.start, "depends on itself".to_owned());
        let compute = || self.instances(world, block, key);
        let address = format!("{mode}.{kind}.{name}[{}]", key.unwrap_or("*"));
        once(&self.attributes, &address, compute, cycle)
    }

    fn instances(&self, world: &World, block: &Block, key: Option<&str>) -> Option<Rc<Node>> {
        let mut entries = Vec::new();
        for repetition in self.repetitions(world, &block.body).iter() {
            let own = match (&repetition.index, &repetition.frame) {
                (Some(Value::String(key)), _) => Some(key.to_string()),
                (Some(index), _) => Some(index.to_string()),
                (None, None) => None,
                // Nobody knows which there are.
                (None, Some(_)) if key.is_none() => return None,
                (None, Some(_)) => continue,
            };
            if key.is_some() && own.as_deref() != key {
                continue;
            }
            let frame = repetition.frame();
            let scope = Scope::new(world, self, frame.as_ref());
            let value = super::plan::resource_values(&scope, &block.body, block.range.clone());
            if is_too_deep(&value, MAX_DEPTH / 2) {
                let message = format!("it is nested more than {} levels deep", MAX_DEPTH / 2);
                world.problem(block.range.start, message);
                return None;
            }
            match own {
                Some(own) if key.is_none() => entries.push(Entry::new(&own, value)),
                _ => return Some(Rc::new(value)),
            }
        }
        if key.is_some() {
            return None;
        }
        let range = block.range.clone();
        Some(Rc::new(if block.body.attr("count").is_some() {
            Node::array(range, entries.into_iter().map(|entry| entry.value).collect())
        } else {
            Node::object(range, entries)
        }))
    }

    /// Whether a resource says anything of an attribute or of a block that is called so.
    pub(super) fn says(&self, mode: &str, (kind, name): (&str, &str), attr: &str) -> bool {
        let block = self.blocks(mode).get(&(kind.to_owned(), name.to_owned()));
        block.is_some_and(|block| block.body.attr(attr).is_some() || block.body.has_block(attr))
    }

    fn blocks(&self, mode: &str) -> &BTreeMap<(String, String), Block> {
        if mode == "data" {
            &self.module.data
        } else {
            &self.module.resources
        }
    }

    /// What a module that this one calls gives out.
    pub(super) fn output(
        &self,
        world: &World,
        call: &str,
        key: Option<&Node>,
        output: &str,
    ) -> Option<Rc<Node>> {
        let children = self.children(world, call)?;
        let wanted = key.map(text_of);
        let is_wanted = |(repetition, _): &&(Repetition, Rc<Instance>)| match (&wanted, &repetition.index) {
            (None, None) => true,
            (Some(Some(key)), Some(Value::String(index))) => **index == **key,
            (Some(Some(key)), Some(index)) => index.to_string() == *key,
            _ => false,
        };
        let (_, child) = children.iter().find(is_wanted)?;
        let attr = child.module.outputs.get(output)?.body.attr("value")?;
        Some(evaluated(&Scope::new(world, child, None), attr))
    }

    /// The modules that a block calls. Those that are not in the repository are not there.
    pub(super) fn children(&self, world: &World, call: &str) -> Option<Children> {
        let block = self.module.calls.get(call)?;
        let cycle = || world.problem(block.range.start, format!("module.{call} depends on itself"));
        let compute = || self.call(world, call, &block.body, block.range.start);
        once(&self.children, call, compute, cycle)
    }

    fn call(&self, world: &World, call: &str, body: &Body, at: usize) -> Option<Children> {
        let scope = Scope::new(world, self, None);
        let source = text_of(&scope.value(&body.attr("source")?.expr))?;
        if !source.starts_with("./") && !source.starts_with("../") {
            return None;
        }
        if self.depth >= MAX_CALLS {
            world.problem(at, format!("modules call modules, more than {MAX_CALLS} deep"));
            return None;
        }
        let directory = plain(&self.directory.join(Path::new(&source)));
        let loaded = world.loader.borrow_mut().load(&directory);
        let module = loaded
            .map_err(|error| world.problem(at, format!("the module {source} {error}")))
            .ok()?;
        let repetitions = self.repetitions(world, body);
        // Modules in modules multiply.
        if !world.budget.charge(repetitions.len().saturating_mul(INSTANCE)) {
            return None;
        }
        let child = |repetition: &Repetition| {
            let dot = if self.address.is_empty() { "" } else { "." };
            let address = format!("{}{dot}module.{call}{}", self.address, repetition.suffix());
            let caller = Some((self.me.clone(), call.to_owned(), repetition.clone()));
            let depth = self.depth.saturating_add(1);
            (
                repetition.clone(),
                Self::new(module.clone(), address, depth, caller, directory.clone()),
            )
        };
        Some(Rc::new(repetitions.iter().map(child).collect()))
    }

    /// What `count` or `for_each` make of a block. What they come to is not always known; then it is taken for one.
    pub(super) fn repetitions(&self, world: &World, body: &Body) -> Rc<Vec<Repetition>> {
        let once = |frame| vec![Repetition { index: None, frame }];
        let (attr, name) = match (body.attr("count"), body.attr("for_each")) {
            (Some(attr), _) => (attr, "count"),
            (None, Some(attr)) => (attr, "each"),
            (None, None) => return Rc::new(once(None)),
        };
        // All that refer to one of them ask.
        let at = attr.name_range.start;
        if let Some(found) = self.repeated.borrow().get(&at) {
            return found.clone();
        }
        let found = self.repeat(world, attr, name);
        let found = Rc::new(found.unwrap_or_else(|range| once(Some((name, Rc::new(unknown(range)))))));
        self.repeated.borrow_mut().insert(at, found.clone());
        found
    }

    /// What `count` or `each` come to; otherwise where what nobody knows stands.
    fn repeat(&self, world: &World, attr: &Attr, name: &str) -> Result<Vec<Repetition>, Range<usize>> {
        let scope = Scope::new(world, self, None);
        let value = scope.value(&attr.expr);
        let found = if name == "count" {
            counted(&value)
        } else {
            keyed(&value)
        };
        let Some(mut found) = found else {
            return Err(value.range);
        };
        if found.len() > MAX_INSTANCES {
            let message =
                format!("{name} makes more than {MAX_INSTANCES} instances; the rest was not checked");
            world.problem(attr.name_range.start, message);
            found.truncate(MAX_INSTANCES);
        }
        Ok(found)
    }
}

fn evaluated(scope: &Scope<'_>, attr: &Attr) -> Rc<Node> {
    let value = scope.value(&attr.expr);
    if is_too_deep(&value, MAX_DEPTH / 2) {
        let message = format!(
            "`{}` is nested more than {} levels deep",
            attr.name,
            MAX_DEPTH / 2
        );
        scope.world.problem(attr.name_range.start, message);
        return Rc::new(unknown(value.range));
    }
    Rc::new(value)
}

fn counted(value: &Node) -> Option<Vec<Repetition>> {
    let count = number_of(value)?.to_i64().filter(|count| *count >= 0)?;
    // One more than is allowed tells that there are too many.
    let most = i64::try_from(MAX_INSTANCES.saturating_add(1)).unwrap_or(i64::MAX);
    let one = |index: i64| {
        let index = Value::from(index);
        let member = Entry::new("index", Node::scalar(value.range.clone(), index.clone()));
        Repetition {
            index: Some(index),
            frame: Some(("count", Rc::new(Node::object(value.range.clone(), vec![member])))),
        }
    };
    Some((0..count.min(most)).map(one).collect())
}

fn keyed(value: &Node) -> Option<Vec<Repetition>> {
    let mut others = None;
    let mut pairs: Vec<(String, &Node)> = match &value.kind {
        NodeKind::Object(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), &entry.value))
            .collect(),
        NodeKind::Array(items) | NodeKind::Set(items) => {
            let (known, unknown): (Vec<&Node>, Vec<&Node>) =
                items.iter().partition(|item| item.kind != NodeKind::Unknown);
            others = unknown.first().map(|item| Repetition {
                index: None,
                frame: Some(("each", Rc::new(Node::clone(item)))),
            });
            let keys = known.into_iter().map(|item| Some((text_of(item)?, item)));
            keys.collect::<Option<_>>()?
        }
        _ => return None,
    };
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.dedup_by(|a, b| a.0 == b.0);
    pairs.truncate(MAX_INSTANCES.saturating_add(1));
    let one = |(key, item): (String, &Node)| {
        let key = Value::string(&key);
        let members = vec![
            Entry::new("key", Node::scalar(item.range.clone(), key.clone())),
            Entry::new("value", item.clone()),
        ];
        Repetition {
            index: Some(key),
            frame: Some(("each", Rc::new(Node::object(item.range.clone(), members)))),
        }
    };
    // Whatever those are that nobody knows, one stands for them.
    Some(pairs.into_iter().map(one).chain(others).collect())
}
