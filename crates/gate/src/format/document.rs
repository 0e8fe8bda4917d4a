//! Documents: what they say, and where.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use stele_policy::InputDocument;
use stele_types::Value;

use super::{json, terraform};
use crate::node::{Node, NodeKind};

/// Kubernetes lists in Kubernetes lists.
const MAX_LISTS: usize = 8;

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    content: Content,
    places: Places,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq)]
enum Content {
    /// All of it.
    Read(Value),
    /// It is JSON, which stands in these bytes of the text: a value takes ten times as much memory, and a plan may have a hundred megabytes. The outline
    /// tells its kind.
    Json { range: Range<usize>, outline: Value },
}

/// How places are found.
#[derive(Debug, Clone, PartialEq)]
enum Places {
    /// They are known.
    Known(Node),
    /// JSON is read again when a place is wanted: there may be millions of values, and few places are.
    Json(Range<usize>, json::Index),
    /// A plan's, and those of the configuration that it was made from.
    Plan(Box<Places>, terraform::Sources),
}

impl Places {
    fn locate(&self, reading: Reading<'_>, path: &[Value]) -> Range<usize> {
        match self {
            Self::Known(node) => node.place(path).range,
            Self::Json(range, index) => json::locate(reading.text, range, path, index),
            Self::Plan(plan, sources) => {
                let found = sources.locate(reading, path);
                found.unwrap_or_else(|| plan.locate(reading, path))
            }
        }
    }

    /// Where members of JSON have been found to stand.
    fn index(&self) -> Option<&json::Index> {
        match self {
            Self::Known(_) => None,
            Self::Json(_, index) => Some(index),
            Self::Plan(plan, _) => plan.index(),
        }
    }
}

/// A document and the text that it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    document: &'a Document,
    text: &'a str,
}

impl<'a> Reading<'a> {
    /// The value that a path leads to.
    #[must_use]
    pub fn at(self, path: &[Value]) -> Option<Cow<'a, Value>> {
        match &self.document.content {
            Content::Read(value) => {
                let found = path.iter().try_fold(value, |value, step| value.index(step));
                found.map(Cow::Borrowed)
            }
            Content::Json { range, .. } => json::value(self.json(range, path)?).map(Cow::Owned),
        }
    }

    /// Whether a path leads to a value.
    pub(crate) fn has(self, path: &[Value]) -> bool {
        match &self.document.content {
            Content::Read(_) => self.at(path).is_some(),
            Content::Json { range, .. } => self.json(range, path).is_some(),
        }
    }

    /// The string that a path leads to.
    pub(crate) fn string(self, path: &[Value]) -> Option<String> {
        // What is no string may be long.
        if let Content::Json { range, .. } = &self.document.content
            && !self.json(range, path)?.starts_with('"')
        {
            return None;
        }
        self.at(path)?.as_str().map(str::to_owned)
    }

    /// Everything.
    #[must_use]
    pub fn whole(self) -> Cow<'a, Value> {
        // What was read once is read again.
        self.at(&[]).unwrap_or_default()
    }

    /// Adds it to a text, as JSON.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match &self.document.content {
            Content::Json { range, .. } => {
                out.extend_from_slice(self.text.get(range.clone()).unwrap_or("null").as_bytes());
            }
            Content::Read(value) => out.extend(stele_types::json::to_vec(value)),
        }
    }

    /// For asking about it.
    pub(crate) fn input(self) -> InputDocument<'a> {
        match &self.document.content {
            Content::Json { range, .. } => json::input(self.text, range),
            Content::Read(value) => InputDocument::Value(value),
        }
    }

    /// The part of the JSON in a range of the text that a path leads to.
    fn json(self, range: &Range<usize>, path: &[Value]) -> Option<&'a str> {
        json::at(self.text, range, path, self.document.places.index()?)
    }
}

impl Document {
    pub(super) fn of_node(node: Node) -> Self {
        Self {
            content: Content::Read(node.to_value()),
            places: Places::Known(node),
        }
    }

    /// JSON that stands in these bytes of a text, and what tells its kind.
    pub(super) fn of_json(range: Range<usize>, outline: Value) -> Self {
        Self {
            places: Places::Json(range.clone(), json::Index::default()),
            content: Content::Json { range, outline },
        }
    }

    #[cfg(test)]
    pub(super) fn index(&self) -> Option<&json::Index> {
        self.places.index()
    }

    /// What it says in its text.
    #[must_use]
    pub fn reading<'a>(&'a self, text: &'a str) -> Reading<'a> {
        Reading { document: self, text }
    }

    /// What it says, or as much of it as tells its kind: objects on the first [`json::LEVELS`] levels, without arrays.
    pub(crate) fn outline(&self) -> &Value {
        match &self.content {
            Content::Read(value) | Content::Json { outline: value, .. } => value,
        }
    }

    /// The same with all that it says, which takes memory.
    #[cfg(test)]
    pub(crate) fn read(self, text: &str) -> Self {
        let content = Content::Read(self.reading(text).whole().into_owned());
        Self { content, ..self }
    }

    /// The bytes of the value that a path leads to; if it is missing, of the key or value that it is missing from.
    #[must_use]
    pub fn locate(&self, text: &str, path: &[Value]) -> Range<usize> {
        self.places.locate(self.reading(text), path)
    }

    /// The value that a path leads to, with the places of everything in it; none where those are in other files.
    pub(crate) fn node(&self, text: &str, path: &[Value]) -> Option<Node> {
        match &self.places {
            Places::Known(node) => node.at(path).cloned(),
            // Only that part is read: a document has as many of them as there are keys to add.
            Places::Json(range, index) => {
                let part = json::at(text, range, path, index)?;
                json::node(part, json::place(text, part).start).ok()
            }
            Places::Plan(..) => None,
        }
    }

    /// All values with their places; of JSON, whose places are not known, none.
    pub(crate) fn into_node(self) -> Node {
        match self.places {
            Places::Known(node) => node,
            _ => Node::object(0..0, Vec::new()),
        }
    }

    /// The same with the places of the configuration that a plan was made from.
    pub(crate) fn with_sources(self, sources: terraform::Sources) -> Self {
        Self {
            content: self.content,
            places: Places::Plan(Box::new(self.places), sources),
        }
    }

    /// The Kubernetes objects that kubectl makes of it: of whatever has `items`, those, and of lists in lists theirs. An item that does not say what it
    /// is is what the list says. What is called no list is an object itself, too.
    ///
    /// # Errors
    ///
    /// An item that is no mapping, and lists that are too deep.
    pub(crate) fn objects(self, text: &str) -> Result<Vec<Self>, String> {
        let mut out = Vec::new();
        self.collect(text, 0, &mut out)?;
        Ok(out)
    }

    fn collect(self, text: &str, depth: usize, out: &mut Vec<Self>) -> Result<(), String> {
        match &self.content {
            Content::Json { range, .. } => {
                let range = range.clone();
                self.collect_json(text, &range, depth, out)
            }
            Content::Read(_) => self.collect_objects(text, depth, out),
        }
    }

    /// The same of JSON: items stay text, too.
    fn collect_json(
        self,
        text: &str,
        range: &Range<usize>,
        depth: usize,
        out: &mut Vec<Self>,
    ) -> Result<(), String> {
        let Some(items) = json::items(text, range, "items") else {
            out.push(self);
            return Ok(());
        };
        if depth > MAX_LISTS {
            return Err(too_deep());
        }
        let word = |key: &str| self.outline().get(key).and_then(Value::as_str);
        let kind = word("kind").unwrap_or_default().to_owned();
        let inherited = inherited(&kind, self.outline());
        for (index, range) in items.into_iter().enumerate() {
            let item = json::part(text, range).ok_or_else(|| no_object(index, &kind))?;
            let named = ["kind", "apiVersion"].map(|key| item.reading(text).has(&[key.into()]));
            let item = match &inherited {
                Some(inherited) if named == [false, false] => {
                    let value = item.reading(text).whole().into_owned();
                    let members = value.as_object().ok_or_else(|| no_object(index, &kind))?;
                    let content = Content::Read(with_kind(members, inherited));
                    Self { content, ..item }
                }
                _ => item,
            };
            item.collect(text, depth.saturating_add(1), out)?;
        }
        if !kind.ends_with("List") {
            out.push(self);
        }
        Ok(())
    }

    fn collect_objects(self, text: &str, depth: usize, out: &mut Vec<Self>) -> Result<(), String> {
        let value = self.outline();
        let Some(items) = value.get("items").and_then(Value::as_array) else {
            out.push(self);
            return Ok(());
        };
        if depth > MAX_LISTS {
            return Err(too_deep());
        }
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let places = self.item_places(text, items.len());
        let inherited = inherited(kind, value);
        for (index, (item, places)) in items.iter().zip(places).enumerate() {
            let Some(members) = item.as_object() else {
                return Err(no_object(index, kind));
            };
            let value = match &inherited {
                Some(inherited) if item.get("kind").is_none() && item.get("apiVersion").is_none() => {
                    with_kind(members, inherited)
                }
                _ => item.clone(),
            };
            let content = Content::Read(value);
            Self { content, places }.collect(text, depth.saturating_add(1), out)?;
        }
        if !kind.ends_with("List") {
            out.push(self);
        }
        Ok(())
    }

    /// The places of the items, found in one pass.
    fn item_places(&self, text: &str, count: usize) -> Vec<Places> {
        let whole = || vec![self.places.clone(); count];
        match &self.places {
            Places::Known(node) => match node.get("items").map(|items| &items.kind) {
                Some(NodeKind::Array(nodes)) => nodes.iter().cloned().map(Places::Known).collect(),
                _ => whole(),
            },
            Places::Plan(..) => whole(),
            Places::Json(range, _) => {
                let ranges = json::items(text, range, "items");
                let found = ranges.filter(|ranges| ranges.len() == count);
                found.map_or_else(whole, |ranges| {
                    let places = |range| Places::Json(range, json::Index::default());
                    ranges.into_iter().map(places).collect()
                })
            }
        }
    }
}

/// What the items of `PodList` are, which need not say it: kind and version.
type Inherited = (Value, Option<Value>);

fn inherited(kind: &str, list: &Value) -> Option<Inherited> {
    let of_list = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
    of_list.map(|kind| (Value::string(kind), list.get("apiVersion").cloned()))
}

fn with_kind(members: &BTreeMap<Value, Value>, (kind, version): &Inherited) -> Value {
    let mut members = members.clone();
    members.insert("kind".into(), kind.clone());
    members.extend(version.clone().map(|version| ("apiVersion".into(), version)));
    Value::object(members)
}

fn too_deep() -> String {
    format!("lists in lists, more than {MAX_LISTS} deep")
}

fn no_object(index: usize, kind: &str) -> String {
    format!("item {index} of the {kind} is no object")
}
