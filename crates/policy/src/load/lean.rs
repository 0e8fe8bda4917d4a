//! Loading a bundle for decisions only, without ever holding the parsed data document.

use std::collections::BTreeSet;

use stele_rego::ast::Module;
use stele_rego::vm::value::{Kind, ParseError};
use stele_types::{Digest, Value, json, sha256};

use super::{Files, LoadError, LoadLimits, Manifest, PolicySet, archive, assemble, data};
use crate::engine::{CompiledPolicy, program};
use crate::policy;
use crate::problem::{Problem, Problems};

/// Data files from this size are never held in parsed form.
const BIG: usize = 1 << 20;

/// What a decision point needs of a bundle.
#[derive(Debug, Clone)]
pub struct DecisionBundle {
    /// Modules and policies; its data document is left empty.
    pub set: PolicySet,
    /// The program and its data.
    pub compiled: CompiledPolicy,
    /// SHA-256 of the canonical encoding of the data document.
    pub data_digest: Digest,
}

/// Loads a bundle for decisions: the data document exists only in the form that decisions read.
///
/// # Errors
///
/// As [`super::load_bundle`]; besides, [`LoadError::Compile`] when the modules can't be compiled and [`LoadError::Data`] when the
/// document can't be held or encoded.
pub fn load_for_decisions(bytes: &[u8]) -> Result<DecisionBundle, LoadError> {
    let mut files = archive::read(bytes, &LoadLimits::default())?;
    let manifest = archive::manifest(&mut files)?;
    let only_data = files
        .entries
        .keys()
        .filter(|path| !path.ends_with(".rego"))
        .eq(["data.json"]);
    let is_big = files
        .entries
        .get("data.json")
        .is_some_and(|bytes| bytes.len() >= BIG);
    if only_data && is_big {
        big(files, manifest)
    } else {
        whole(assemble(files, manifest)?)
    }
}

fn whole(set: PolicySet) -> Result<DecisionBundle, LoadError> {
    let (modules, rules) = parts(&set);
    let compiled = CompiledPolicy::new(&modules, set.data(), rules).map_err(LoadError::Compile)?;
    Ok(DecisionBundle {
        data_digest: digest(&compiled)?,
        set: set.without_data(),
        compiled,
    })
}

/// As [`whole`], with the document read straight into the form that decisions use.
fn big(mut files: Files, manifest: Option<Manifest>) -> Result<DecisionBundle, LoadError> {
    const FILE: &str = "data.json";
    let bytes = files.entries.remove(FILE).unwrap_or_default();
    let set = assemble(files, manifest)?;
    debug_assert!(set.data() == &Value::object([]), "no other data file");
    let (modules, rules) = parts(&set);
    let program = program(&modules, &rules).map_err(LoadError::Compile)?;
    let document = match program.data_from_json(&bytes, &json::Limits::default()) {
        Ok(document) => document,
        Err(ParseError::Json(error)) => {
            return Err(Problems::from(data::no_json(FILE, &bytes, &error)).into());
        }
        Err(error) => {
            return Err(LoadError::Data {
                reason: error.to_string(),
            });
        }
    };
    drop(bytes);
    let mut problems = Vec::new();
    if document.kind::<&str>(&[]) == Kind::Object {
        data::check_conflicts(set.modules(), &data::Base::Loaded(&document), &mut problems);
    } else {
        let message = "the document must be an object";
        problems.push(Problem::of_file("data", FILE, message));
    }
    Problems::none_of(problems)?;
    let compiled = CompiledPolicy::of_parts(program, document, rules);
    Ok(DecisionBundle {
        data_digest: digest(&compiled)?,
        set,
        compiled,
    })
}

/// The modules that decide, and the paths of their rules.
fn parts(set: &PolicySet) -> (Vec<Module>, BTreeSet<Vec<String>>) {
    let modules = || set.modules().iter().filter(|module| !module.is_test());
    let rules = modules().flat_map(|module| policy::rule_paths(&module.package, &module.ast));
    (
        modules().map(|module| module.ast.clone()).collect(),
        rules.collect(),
    )
}

fn digest(compiled: &CompiledPolicy) -> Result<Digest, LoadError> {
    let mut bytes = Vec::new();
    let encoded = compiled.data().encode(&mut bytes);
    encoded.map_err(|error| LoadError::Data {
        reason: error.to_string(),
    })?;
    Ok(sha256(&[&bytes]))
}
