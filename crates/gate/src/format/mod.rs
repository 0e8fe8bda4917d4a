//! Formats: from text to documents.

use crate::node::{Node, NodeKind};

mod dockerfile;
mod document;
mod dotenv;
mod hcl;
mod hcl_lines;
#[cfg(test)]
mod hostile;
mod ini;
mod json;
mod jsonc;
mod lines;
mod nginx;
mod properties;
pub(crate) mod terraform;
mod toml;
mod xml;
mod yaml;
mod yaml_quoted;

pub use document::{Document, Reading};
pub(crate) use hcl::parse as parse_hcl;
pub(crate) use json::combined;
pub use yaml::Dialect;

/// Deeper documents are refused.
pub(crate) const MAX_DEPTH: usize = 128;

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON, also with comments and trailing commas.
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

/// Whether a text is a Dockerfile: its first instruction is in capitals one of the two that may be, or it can be read as one.
pub(crate) fn is_dockerfile(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let word = first.and_then(|line| line.split_whitespace().next());
    let word = word.unwrap_or_default();
    let may_be = word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("arg");
    may_be && (word == word.to_uppercase() || dockerfile::read(text).is_ok())
}

/// Whether a text is a configuration of nginx: it can be read as one and has one of its blocks.
pub(crate) fn is_nginx(text: &str) -> bool {
    const BLOCKS: [&str; 7] = [
        "events", "http", "location", "mail", "server", "stream", "upstream",
    ];
    let has_block = |node: &Node| {
        let name = node.get("directive").and_then(Node::as_str);
        node.get("block").is_some() && name.is_some_and(|name| BLOCKS.contains(&name))
    };
    // What has no block is spared the reading.
    let read = text.contains('{').then(|| nginx::read(text).ok()).flatten();
    read.is_some_and(|node| matches!(&node.kind, NodeKind::Array(items) if items.iter().any(has_block)))
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

/// Reads all documents of a text. Empty documents are left out.
///
/// # Errors
///
/// [`FormatError`] for the first thing that is wrong.
pub fn read(format: Format, text: &str, dialect: Dialect) -> Result<Vec<Document>, FormatError> {
    if let Some(limit) = longest(format).filter(|limit| text.len() > *limit) {
        let message = format!("has {} bytes; {limit} is the limit of this format", text.len());
        return Err(FormatError {
            offset: None,
            message,
        });
    }
    Ok(match format {
        Format::Json => vec![read_json(text)?],
        Format::Yaml => documents(yaml_quoted::read(text, dialect)?),
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

/// The longest text of a format whose values are not counted, in bytes: they may take fifty times as much memory.
fn longest(format: Format) -> Option<usize> {
    match format {
        Format::Toml | Format::Ini | Format::Dotenv | Format::Properties => Some(64 << 20),
        Format::Dockerfile => Some(16 << 20),
        // These count values, or are bounded where they are read.
        Format::Json | Format::Yaml | Format::Hcl | Format::Xml | Format::Nginx => None,
    }
}

fn read_json(text: &str) -> Result<Document, FormatError> {
    json::read(text).or_else(|error| match jsonc::plain(text) {
        Some(plain) => json::node(&plain, 0).map(Document::of_node),
        None => Err(error),
    })
}

fn documents(nodes: Vec<Node>) -> Vec<Document> {
    nodes.into_iter().map(Document::of_node).collect()
}
