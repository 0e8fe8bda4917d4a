//! Where in the input the containers are that a policy looked into.

use std::collections::{HashMap, HashSet};

use stele_types::Value;

use super::{Element, Look};
use crate::vm::value::{Heap, Kind, Val};

/// A container below this many others is not looked for.
const MAX_DEPTH: usize = 512;

pub(super) fn is_container(val: Val) -> bool {
    matches!(val.kind(), Kind::Array | Kind::Object | Kind::Set)
}

/// Where in the input containers are.
pub(super) struct Paths(HashMap<Val, Vec<Value>>);

impl Paths {
    /// Looks for these containers.
    pub(super) fn new(heap: &Heap<'_>, input: Val, wanted: HashSet<Val>) -> Self {
        let mut search = Search {
            heap,
            wanted: wanted.into_iter().filter(|val| is_container(*val)).collect(),
            found: HashMap::new(),
            path: Vec::new(),
        };
        search.visit(input);
        Self(search.found)
    }

    /// The path that a look-up went to, if it began or ended in a container of the input.
    pub(super) fn of(&self, heap: &Heap<'_>, look: &Look) -> Option<Vec<Value>> {
        let below = || {
            let mut path = self.0.get(&look.source)?.clone();
            path.push(heap.to_value(look.key)?);
            Some(path)
        };
        let whole = || {
            let mut path = self.0.get(&look.found)?.clone();
            path.extend_from_slice(&look.below);
            path.extend(
                look.element
                    .as_ref()
                    .and_then(|element| found_at(heap, look.found, element)),
            );
            Some(path)
        };
        below().or_else(whole)
    }
}

/// The index or key of a scalar in a collection.
fn found_at(heap: &Heap<'_>, collection: Val, element: &Element) -> Option<Value> {
    let wanted = match element {
        Element::Constant(value) => value.clone(),
        Element::Variable(val) if is_container(*val) => return None,
        Element::Variable(val) => heap.to_value(*val)?,
    };
    let is_wanted = |val: Val| !is_container(val) && heap.to_value(val).as_ref() == Some(&wanted);
    match collection.kind() {
        Kind::Array => {
            let index = heap.parts(collection).iter().position(|item| is_wanted(*item))?;
            Some(Value::from(i64::try_from(index).ok()?))
        }
        Kind::Object => heap.pairs(collection).find_map(|pair| match *pair {
            [key, item] if is_wanted(item) => heap.to_value(key),
            _ => None,
        }),
        _ => None,
    }
}

struct Search<'h> {
    heap: &'h Heap<'h>,
    wanted: HashSet<Val>,
    found: HashMap<Val, Vec<Value>>,
    /// The words of the keys that lead to where the search is.
    path: Vec<Step>,
}

#[derive(Clone, Copy)]
enum Step {
    Index(usize),
    Key(Val),
}

impl Search<'_> {
    fn visit(&mut self, val: Val) {
        if self.wanted.is_empty() || self.path.len() > MAX_DEPTH {
            return;
        }
        if self.wanted.remove(&val) {
            let heap = self.heap;
            let step = |step: &Step| match step {
                Step::Index(index) => Some(Value::from(i64::try_from(*index).ok()?)),
                Step::Key(key) => heap.to_value(*key),
            };
            let path: Option<Vec<Value>> = self.path.iter().map(step).collect();
            self.found.extend(path.map(|path| (val, path)));
        }
        let heap = self.heap;
        match val.kind() {
            Kind::Array => {
                for (index, item) in heap.parts(val).iter().enumerate() {
                    self.descend(Step::Index(index), *item);
                }
            }
            Kind::Object => {
                for pair in heap.pairs(val) {
                    if let [key, item] = *pair {
                        self.descend(Step::Key(key), item);
                    }
                }
            }
            _ => {}
        }
    }

    fn descend(&mut self, step: Step, val: Val) {
        if matches!(val.kind(), Kind::Array | Kind::Object) {
            self.path.push(step);
            self.visit(val);
            self.path.pop();
        }
    }
}
