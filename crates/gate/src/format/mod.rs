//! Formats: from text to documents.

use std::ops::Range;

use stele_types::Value;

use crate::node::Node;

mod dockerfile;
mod json;
mod toml;
mod yaml;

pub use yaml::Dialect;

/// Deeper documents are refused.
pub(crate) const MAX_DEPTH: usize = 128;

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
    Json(Range<usize>),
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
        match &self.places {
            Places::Known(node) => node.place(path).range,
            Places::Json(range) => json::locate(text, range, path),
        }
    }

    /// The items of a list member as documents of their own, unless one of them is no mapping.
    #[must_use]
    pub(crate) fn items(&self, text: &str, member: &str) -> Option<Vec<Self>> {
        let items = self.value.get(member)?.as_array()?;
        let split = |(index, item): (usize, &Value)| {
            item.as_object()?;
            let path = [member.into(), Value::from(i64::try_from(index).ok()?)];
            let places = match &self.places {
                Places::Known(node) => match &node.get(member)?.kind {
                    crate::node::NodeKind::Array(nodes) => Places::Known(nodes.get(index)?.clone()),
                    _ => return None,
                },
                Places::Json(range) => Places::Json(json::locate(text, range, &path)),
            };
            Some(Self {
                value: item.clone(),
                places,
            })
        };
        items.iter().enumerate().map(split).collect()
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
    })
}

fn documents(nodes: Vec<Node>) -> Vec<Document> {
    nodes.into_iter().map(Document::of_node).collect()
}
