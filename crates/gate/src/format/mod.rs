//! Formats: from text to documents.

use std::ops::Range;

use stele_types::Value;

use crate::node::{Node, NodeKind};

mod dockerfile;
mod dotenv;
mod hcl;
mod ini;
mod json;
mod lines;
mod nginx;
mod properties;
pub(crate) mod terraform;
mod toml;
mod xml;
mod yaml;

pub use yaml::Dialect;

/// Deeper documents are refused.
pub(crate) const MAX_DEPTH: usize = 128;
/// Kubernetes lists in Kubernetes lists.
const MAX_LISTS: usize = 8;

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML 1.2, any number of documents.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// A Dockerfile.
    Dockerfile,
    /// HCL.
    Hcl,
    /// INI.
    Ini,
    /// Variables of an environment.
    Dotenv,
    /// Java properties.
    Properties,
    /// XML.
    Xml,
    /// Configuration of nginx.
    Nginx,
}

/// Why a text can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormatError {
    /// The byte at which it was noticed; the whole text if there is none.
    pub offset: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl FormatError {
    fn at(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset: Some(offset),
            message: message.into(),
        }
    }
}

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its value, without places.
    pub value: Value,
    places: Places,
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
    fn locate(&self, text: &str, value: &Value, path: &[Value]) -> Range<usize> {
        match self {
            Self::Known(node) => node.place(path).range,
            Self::Json(range, index) => json::locate(text, range, path, index),
            Self::Plan(plan, sources) => {
                let found = sources.locate(value, path);
                found.unwrap_or_else(|| plan.locate(text, value, path))
            }
        }
    }
}

impl Document {
    fn of_node(node: Node) -> Self {
        Self {
            value: node.to_value(),
            places: Places::Known(node),
        }
    }

    /// The bytes of the value that a path leads to; if it is missing, of the key or value that it is missing from.
    #[must_use]
    pub fn locate(&self, text: &str, path: &[Value]) -> Range<usize> {
        self.places.locate(text, &self.value, path)
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
            value: self.value,
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
        self.collect_objects(text, 0, &mut out)?;
        Ok(out)
    }

    fn collect_objects(self, text: &str, depth: usize, out: &mut Vec<Self>) -> Result<(), String> {
        let Some(items) = self.value.get("items").and_then(Value::as_array) else {
            out.push(self);
            return Ok(());
        };
        if depth > MAX_LISTS {
            return Err(format!("lists in lists, more than {MAX_LISTS} deep"));
        }
        let kind = self.value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let places = self.item_places(text, items.len());
        let of_list = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        let inherited = of_list.map(|kind| (Value::string(kind), self.value.get("apiVersion").cloned()));
        for (index, (item, places)) in items.iter().zip(places).enumerate() {
            let Some(members) = item.as_object() else {
                return Err(format!("item {index} of the {kind} is no object"));
            };
            let value = match &inherited {
                Some((kind, version)) if item.get("kind").is_none() && item.get("apiVersion").is_none() => {
                    let mut members = members.clone();
                    members.insert("kind".into(), kind.clone());
                    members.extend(version.clone().map(|version| ("apiVersion".into(), version)));
                    Value::object(members)
                }
                _ => item.clone(),
            };
            Self { value, places }.collect_objects(text, depth.saturating_add(1), out)?;
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

/// Reads all documents of a text. Empty documents are left out.
///
/// # Errors
///
/// [`FormatError`] for the first thing that is wrong.
pub fn read(format: Format, text: &str, dialect: Dialect) -> Result<Vec<Document>, FormatError> {
    Ok(match format {
        Format::Json => vec![json::read(text)?],
        Format::Yaml => documents(yaml::read(text, dialect)?),
        Format::Toml => documents(vec![toml::read(text)?]),
        Format::Dockerfile => documents(vec![dockerfile::read(text)?]),
        Format::Hcl => documents(vec![hcl::read(text)?]),
        Format::Ini => documents(vec![ini::read(text)?]),
        Format::Dotenv => documents(vec![dotenv::read(text)?]),
        Format::Properties => documents(vec![properties::read(text)?]),
        Format::Xml => documents(vec![xml::read(text)?]),
        Format::Nginx => documents(vec![nginx::read(text)?]),
    })
}

fn documents(nodes: Vec<Node>) -> Vec<Document> {
    nodes.into_iter().map(Document::of_node).collect()
}
