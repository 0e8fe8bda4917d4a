//! A policy ready to be evaluated: sources and data, shared by all engines built from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_types::Value;

use super::convert::{Interner, to_regorus};
use super::second_opinion::Sources;
use super::{ConvertError, DataPath, EngineError, heads};

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
    /// For the second opinion.
    pub(super) parsed: Sources,
}

impl PreparedPolicy {
    /// Prepares modules (`path`, `text`), the document `data` and the set of rule paths (package and static head) below `data`.
    pub(crate) fn new<'a>(
        modules: impl IntoIterator<Item = (&'a str, Arc<str>)>,
        data: &Value,
        rules: BTreeSet<Vec<String>>,
    ) -> Result<Self, ConvertError> {
        let data = to_regorus(data, &mut Interner::sharing())?;
        let sources = modules
            .into_iter()
            .map(|(path, text)| Source {
                path: Arc::from(path),
                rewritten: heads::rewrite(path, &text),
                text,
            })
            .collect();
        Ok(Self {
            sources,
            data,
            rules,
            parsed: Sources::default(),
        })
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
