//! Loading a bundle for decisions only, without ever holding the parsed data document.

use std::collections::BTreeSet;

use stele_types::{Digest, Value, sha256};

use super::{Files, LoadError, LoadLimits, Manifest, PolicySet, archive, assemble, data};
use crate::bundle::data_digest;
use crate::engine::PreparedPolicy;
use crate::engine::stream::{self, StreamError};
use crate::policy;
use crate::problem::{Problem, Problems};

/// Data files from this size are converted piece by piece.
const BIG: usize = 1 << 20;

/// What a decision point needs of a bundle.
#[derive(Debug, Clone)]
pub struct DecisionBundle {
    /// Modules and policies; its data document is left empty.
    pub set: PolicySet,
    /// Sources and data, ready for engines.
    pub prepared: PreparedPolicy,
    /// SHA-256 of the canonical encoding of the data document.
    pub data_digest: Digest,
}

/// Loads a bundle for decisions: the data document exists only in the form the interpreter works on.
///
/// # Errors
///
/// As [`super::load_bundle`]; besides, [`LoadError::Data`] when the document can't be given to the interpreter or encoded.
pub fn load_for_decisions(bytes: &[u8]) -> Result<DecisionBundle, LoadError> {
    let mut files = archive::read(bytes, &LoadLimits::default())?;
    let manifest = archive::manifest(&mut files)?;
    let only_data = files
        .entries
        .keys()
        .filter(|path| !path.ends_with(".rego"))
        .eq(["data.json"]);
    let big = files
        .entries
        .get("data.json")
        .is_some_and(|bytes| bytes.len() >= BIG);
    if only_data && big {
        streamed(files, manifest)
    } else {
        whole(assemble(files, manifest)?)
    }
}

fn whole(set: PolicySet) -> Result<DecisionBundle, LoadError> {
    let failed = |reason: String| LoadError::Data { reason };
    let prepared = set.prepare().map_err(|error| failed(error.to_string()))?;
    let data_digest = data_digest(set.data()).map_err(|error| failed(error.to_string()))?;
    Ok(DecisionBundle {
        set: set.without_data(),
        prepared,
        data_digest,
    })
}

fn streamed(mut files: Files, manifest: Option<Manifest>) -> Result<DecisionBundle, LoadError> {
    let bytes = files.entries.remove("data.json").unwrap_or_default();
    let converted = std::str::from_utf8(&bytes)
        .map_err(|_| StreamError::Json)
        .and_then(stream::convert);
    let (document, encoded) = match converted {
        Ok(converted) => converted,
        Err(StreamError::Json) => {
            // The whole parser knows the place; if it finds nothing wrong, it shall load the document.
            files.entries.insert("data.json".to_owned(), bytes);
            return whole(assemble(files, manifest)?);
        }
        Err(StreamError::Encode(error)) => {
            return Err(LoadError::Data {
                reason: error.to_string(),
            });
        }
        Err(StreamError::Convert(error)) => {
            return Err(LoadError::Data {
                reason: error.to_string(),
            });
        }
    };
    drop(bytes);
    let data_digest = sha256(&[&encoded]);
    drop(encoded);
    let set = assemble(files, manifest)?;
    let mut problems = Vec::new();
    if document.as_object().is_err() {
        problems.push(Problem::of_file(
            "data",
            "data.json",
            "the document must be an object",
        ));
    } else {
        data::check_conflicts(set.modules(), &data::Base::Converted(&document), &mut problems);
    }
    Problems::none_of(problems)?;
    let modules = || set.modules().iter().filter(|module| !module.is_test());
    let rules: BTreeSet<Vec<String>> = modules()
        .flat_map(|module| policy::rule_paths(&module.package, &module.ast))
        .collect();
    let sources = modules().map(|module| (module.path.as_str(), module.text()));
    let prepared = PreparedPolicy::of_converted(sources, document, rules);
    debug_assert!(set.data() == &Value::object([]), "no other data file");
    Ok(DecisionBundle {
        set,
        prepared,
        data_digest,
    })
}
