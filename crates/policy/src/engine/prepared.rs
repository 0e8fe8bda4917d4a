//! A policy ready to be evaluated: sources and data, shared by all engines built from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_types::Value;

use super::convert::{Interner, to_regorus};
use super::second_opinion::Sources;
use super::{ConvertError, DataPath, EngineError, heads};

/// Whether engines share the data document or keep a copy each.
///
/// regorus counts references: reading a value from data clones an `Arc`, and when threads share it they fight for the
/// counter's cache line. A copy per engine avoids that, and costs the document's size once per thread. So small documents are copied and large ones
/// shared: in a large document two threads seldom touch the same value at the same moment, and its memory matters more.
/// `docs/policy-authoring.md` has the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataSharing {
    /// Copy documents of up to [`PreparedPolicy::COPY_LIMIT`] bytes, share bigger ones.
    #[default]
    Automatic,
    /// One document for all engines.
    Shared,
    /// One document per engine.
    PerEngine,
}

/// One module's text as it goes to the interpreter.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The file name that errors show.
    pub(super) path: Arc<str>,
    /// The Rego text.
    pub(super) text: Arc<str>,
    /// The text as the interpreter gets it, or why it gets none.
    pub(super) rewritten: Result<Arc<str>, EngineError>,
}

/// Sources and data of a policy, checked and converted once. `Send + Sync`; build a [`super::RegorusEngine`] per thread from it.
#[derive(Debug, Clone)]
pub struct PreparedPolicy {
    pub(super) sources: Vec<Source>,
    pub(super) data: regorus::Value,
    pub(super) rules: BTreeSet<Vec<String>>,
    sharing: DataSharing,
    data_bytes: usize,
    /// For the second opinion.
    pub(super) parsed: Sources,
}

impl PreparedPolicy {
    /// Documents of at most this size (an estimate of their size in memory, in bytes) are copied for each engine.
    pub const COPY_LIMIT: usize = 512 * 1024;

    /// Prepares modules (`path`, `text`), the document `data` and the set of rule paths (package and static head) below `data`.
    pub(crate) fn new<'a>(
        modules: impl IntoIterator<Item = (&'a str, Arc<str>)>,
        data: &Value,
        rules: BTreeSet<Vec<String>>,
    ) -> Result<Self, ConvertError> {
        Ok(Self::of_converted(
            modules,
            to_regorus(data, &mut Interner::sharing())?,
            rules,
        ))
    }

    /// As [`PreparedPolicy::new`], of a document that is converted already.
    pub(crate) fn of_converted<'a>(
        modules: impl IntoIterator<Item = (&'a str, Arc<str>)>,
        data: regorus::Value,
        rules: BTreeSet<Vec<String>>,
    ) -> Self {
        let data_bytes = size_of_document(&data);
        let sources = modules
            .into_iter()
            .map(|(path, text)| Source {
                path: Arc::from(path),
                rewritten: heads::rewrite(path, &text),
                text,
            })
            .collect();
        Self {
            sources,
            data,
            rules,
            sharing: DataSharing::default(),
            data_bytes,
            parsed: Sources::default(),
        }
    }

    /// Chooses whether engines share the data.
    #[must_use]
    pub fn with_sharing(mut self, sharing: DataSharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// The data document's size in memory, estimated, in bytes.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.data_bytes
    }

    /// The same policy without the module of this file.
    pub(crate) fn without(mut self, file: &str) -> Self {
        self.sources.retain(|source| &*source.path != file);
        self.parsed = Sources::default();
        self
    }

    /// The document for one more engine.
    pub(super) fn data_for_engine(&self) -> regorus::Value {
        let copy = match self.sharing {
            DataSharing::Automatic => self.data_bytes <= Self::COPY_LIMIT,
            DataSharing::Shared => false,
            DataSharing::PerEngine => true,
        };
        if copy {
            deep_copy(&self.data)
        } else {
            self.data.clone()
        }
    }

    /// What `path` names.
    pub(super) fn resolve(&self, path: &DataPath) -> Target {
        let segments = path.segments();
        for length in (1..=segments.len()).rev() {
            let (head, tail) = path.split_at(length);
            if self.rules.contains(head.segments()) {
                return Target::Rule {
                    rule: head,
                    tail: tail.to_vec(),
                };
            }
        }
        let covers_rules = self
            .rules
            .range(segments.to_vec()..)
            .next()
            .is_some_and(|rule| rule.starts_with(segments));
        if covers_rules {
            Target::Prefix
        } else {
            Target::Base
        }
    }
}

/// What a data path stands for in a policy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A rule and a place inside its value.
    Rule {
        /// The rule's own path.
        rule: DataPath,
        /// The steps inside.
        tail: Vec<String>,
    },
    /// A package, or something that several rules stand below.
    Prefix,
    /// Nothing but base data (or nothing at all).
    Base,
}

/// An estimate in bytes: a slot per value, and each string once per place it stands.
fn size_of_document(value: &regorus::Value) -> usize {
    let slot = size_of::<regorus::Value>();
    let below: usize = match value {
        regorus::Value::String(text) => text.len().saturating_add(16),
        regorus::Value::Array(items) => items.iter().map(size_of_document).fold(16, usize::saturating_add),
        regorus::Value::Object(entries) => entries
            .iter()
            .map(|(key, item)| size_of_document(key).saturating_add(size_of_document(item)))
            .fold(16, usize::saturating_add),
        regorus::Value::Set(members) => members
            .iter()
            .map(size_of_document)
            .fold(16, usize::saturating_add),
        _ => 0,
    };
    slot.saturating_add(below)
}

/// A copy that shares no reference count with `value`.
fn deep_copy(value: &regorus::Value) -> regorus::Value {
    match value {
        regorus::Value::String(text) => regorus::Value::String(Arc::from(&**text)),
        regorus::Value::Array(items) => regorus::Value::from(items.iter().map(deep_copy).collect::<Vec<_>>()),
        regorus::Value::Object(entries) => regorus::Value::from(
            entries
                .iter()
                .map(|(key, item)| (deep_copy(key), deep_copy(item)))
                .collect::<std::collections::BTreeMap<_, _>>(),
        ),
        regorus::Value::Set(members) => {
            regorus::Value::from(members.iter().map(deep_copy).collect::<BTreeSet<_>>())
        }
        scalar => scalar.clone(),
    }
}
