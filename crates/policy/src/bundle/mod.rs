//! Reproducible OPA bundles: one per policy, identified by the SHA-256 digest of its bytes.
//!
//! A bundle holds `.manifest`, `data.json` and the modules of the policy's package and of every package it reaches through references; no
//! tests. A module's path in the bundle follows its package (`kubernetes/admission/pods.rego`), not the directory it was loaded from, so the
//! digest does not depend on where the sources lie. Only base data that some included module refers to (or that lies below the policy's
//! package) is included. Line endings and every other byte of a module are kept as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stele_rego::RegoVersion;
#[cfg(feature = "regorus")]
use stele_rego::SourceFile;
use stele_types::{Digest, EntryPoint, PolicyId, PolicyVersion, Value, encoding, json, sha256};

#[cfg(feature = "regorus")]
use crate::engine::{ConvertError, PreparedPolicy};
use crate::load::{self, PolicyModule, PolicySet};
#[cfg(feature = "regorus")]
use crate::policy;
use crate::policy::Policy;
use crate::refs;

mod archive;
mod packed;
#[cfg(test)]
mod tests;

pub use packed::Packed;

/// A policy packed with everything it needs.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The gzipped tar.
    pub bytes: Vec<u8>,
    /// The policy's version: SHA-256 of `bytes`.
    pub digest: PolicyVersion,
    /// SHA-256 of the canonical encoding of the bundle's data document.
    pub data_digest: Digest,
    /// The policy it is a bundle of.
    pub policy: Policy,
    /// The data document.
    pub data: Value,
    /// The modules, sorted by path.
    pub modules: Vec<Placed>,
    /// Paths of all rules.
    #[cfg(feature = "regorus")]
    rules: BTreeSet<Vec<String>>,
}

/// A module as the bundle holds it.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Its path in the bundle.
    pub path: String,
    /// Its text, unchanged.
    pub text: Arc<str>,
    /// The language that the manifest says it is in.
    pub version: RegoVersion,
}

/// Why a bundle can't be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The set has no such policy.
    #[error("there is no policy `{id}`")]
    UnknownPolicy {
        /// The id asked for.
        id: PolicyId,
    },
    /// A path does not fit a tar header.
    #[error("the path {path:?} does not fit into a bundle: {reason}")]
    Path {
        /// The path in the bundle.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value of the data document has no canonical encoding.
    #[error("the data document can't be encoded: {reason}")]
    Data {
        /// What is wrong with it.
        reason: String,
    },
}

/// Builds the bundle of the policy `id`.
///
/// # Errors
///
/// [`BundleError`] when there is no such policy, a path is too long for a tar header, or the data can't be encoded.
pub fn build(set: &PolicySet, id: &PolicyId) -> Result<Bundle, BundleError> {
    let policy = set
        .policy(id)
        .ok_or_else(|| BundleError::UnknownPolicy { id: id.clone() })?;
    let included = closure(set, policy);
    let wanted = data_paths(&included, policy);
    let data = data_subset(set.data(), &wanted);
    let roots = roots(&included, &data, &wanted);
    let modules = place(&included);
    let data_bytes = json::to_vec(&data);
    let manifest = json::to_vec(&manifest(policy, &roots, &modules, &data_bytes));
    let entries = [
        (".manifest", manifest.as_slice()),
        ("data.json", data_bytes.as_slice()),
    ];
    let modules_bytes = modules
        .iter()
        .map(|module| (module.path.as_str(), module.text.as_bytes()));
    let bytes = archive::gzip(&archive::tar(entries.into_iter().chain(modules_bytes))?);
    Ok(Bundle {
        digest: PolicyVersion::of_bundle(&bytes),
        data_digest: data_digest(&data)?,
        bytes,
        policy: policy.clone(),
        data,
        modules,
        #[cfg(feature = "regorus")]
        rules: included
            .iter()
            .flat_map(|module| policy::rule_paths(&module.package, &module.ast))
            .collect(),
    })
}

/// SHA-256 of the canonical encoding of a data document, as it enters leaves.
///
/// # Errors
///
/// [`BundleError::Data`] when the document has no canonical encoding.
pub fn data_digest(data: &Value) -> Result<Digest, BundleError> {
    let bytes = encoding::encode(data).map_err(|error| BundleError::Data {
        reason: error.to_string(),
    })?;
    Ok(sha256(&[&bytes]))
}

impl Bundle {
    /// Prepares the bundle for evaluation, without packing and unpacking it.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when the data holds a number that the interpreter can't hold exactly.
    #[cfg(feature = "regorus")]
    pub fn prepare(&self) -> Result<PreparedPolicy, ConvertError> {
        let modules = self.modules.iter().map(|module| {
            let source = SourceFile::new(module.path.as_str(), Arc::clone(&module.text));
            let text = load::v1_text(&source.with_version(module.version));
            (module.path.as_str(), text)
        });
        PreparedPolicy::new(modules, &self.data, self.rules.clone())
    }
}

/// The modules of the policy's package and of all that they reach, without tests, in order of package and path.
pub(crate) fn closure<'a>(set: &'a PolicySet, policy: &Policy) -> Vec<&'a PolicyModule> {
    let candidates: Vec<&PolicyModule> = set.modules().iter().filter(|module| !module.is_test()).collect();
    let mut packages = BTreeSet::from([policy.package.clone()]);
    let mut waiting = vec![policy.package.clone()];
    while let Some(package) = waiting.pop() {
        for module in candidates.iter().filter(|module| module.package == package) {
            for reference in refs::data_references(&module.ast) {
                for other in candidates
                    .iter()
                    .filter(|other| refs::related(&other.package, &reference))
                {
                    if packages.insert(other.package.clone()) {
                        waiting.push(other.package.clone());
                    }
                }
            }
        }
    }
    candidates
        .into_iter()
        .filter(|module| packages.contains(&module.package))
        .collect()
}

/// The paths of base data that the modules refer to, and the policy's package.
fn data_paths(modules: &[&PolicyModule], policy: &Policy) -> BTreeSet<Vec<String>> {
    let mut wanted: BTreeSet<Vec<String>> = modules
        .iter()
        .flat_map(|module| refs::data_references(&module.ast))
        .collect();
    wanted.insert(policy.package.clone());
    wanted
}

/// The base data along these paths.
fn data_subset(data: &Value, wanted: &BTreeSet<Vec<String>>) -> Value {
    let wanted: Vec<&[String]> = wanted.iter().map(Vec::as_slice).collect();
    prune(data, &wanted).unwrap_or_else(|| Value::object([]))
}

/// The part of `value` along `paths`; a path that ends here takes everything below.
fn prune(value: &Value, paths: &[&[String]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    let Value::Object(entries) = value else {
        // The path goes on inside an array (or into nothing): keep it whole.
        return (!paths.is_empty()).then(|| value.clone());
    };
    let mut below: BTreeMap<&str, Vec<&[String]>> = BTreeMap::new();
    for path in paths {
        if let Some((first, rest)) = path.split_first() {
            below.entry(first).or_default().push(rest);
        }
    }
    let kept: BTreeMap<Value, Value> = below
        .iter()
        .filter_map(|(key, rest)| {
            let key = Value::from(*key);
            let item = prune(entries.get(&key)?, rest)?;
            Some((key, item))
        })
        .collect();
    (!kept.is_empty()).then(|| Value::Object(Arc::new(kept)))
}

/// Gives every module its path in the bundle: its package's path, and its file's name. Files of one package with the same name get numbers, in
/// the order of their contents, so that the outcome does not depend on the directories they came from.
fn place(modules: &[&PolicyModule]) -> Vec<Placed> {
    let mut by_package: BTreeMap<String, Vec<(&str, &PolicyModule)>> = BTreeMap::new();
    for module in modules {
        let directory: Vec<String> = module.package.iter().map(|name| path_segment(name)).collect();
        let name = module.path.rsplit('/').next().unwrap_or_default();
        by_package
            .entry(directory.join("/"))
            .or_default()
            .push((name, module));
    }
    let mut out = BTreeMap::new();
    for (directory, mut files) in by_package {
        files.sort_by_key(|(name, module)| (*name, module.ast.source.text(), module.version()));
        let mut taken: BTreeSet<String> = files.iter().map(|(name, ..)| (*name).to_owned()).collect();
        let mut previous: Option<&str> = None;
        for (name, module) in files {
            let name = if previous == Some(name) {
                free_name(name, &mut taken)
            } else {
                previous = Some(name);
                name.to_owned()
            };
            out.insert(format!("{directory}/{name}"), (module.text(), module.version()));
        }
    }
    out.into_iter()
        .map(|(path, (text, version))| Placed { path, text, version })
        .collect()
}

fn free_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let stem = name.strip_suffix(".rego").unwrap_or(name);
    let free = (2u32..)
        .map(|number| format!("{stem}-{number}.rego"))
        .find(|name| !taken.contains(name));
    let free = free.unwrap_or_default();
    taken.insert(free.clone());
    free
}

/// A package segment as a directory name: what is neither letter, digit, `_`, `-` nor `.` becomes `%XX`.
fn path_segment(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && !out.is_empty()) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

/// OPA's manifest, with what a decision point and the registry want to know about the policy.
fn manifest(policy: &Policy, roots: &BTreeSet<String>, placed: &[Placed], data_bytes: &[u8]) -> Value {
    let text = |value: &str| Value::from(value);
    let list = |items: Vec<Value>| Value::array(items);
    let optional = |value: Option<&String>| value.map_or(Value::Null, |value| Value::from(value.as_str()));
    let entry_points = policy
        .entry_points
        .iter()
        .map(|path: &EntryPoint| text(path.as_str()))
        .collect();
    let controls = policy
        .custom
        .controls
        .iter()
        .map(|control| text(control))
        .collect();
    let stele = object([
        ("controls", list(controls)),
        ("enforcement", text(policy.enforcement().as_str())),
        ("entrypoints", list(entry_points)),
        ("format", Value::from(1)),
        ("owner", optional(policy.custom.owner.as_ref())),
        ("policy", text(policy.id.as_str())),
        ("severity", text(policy.severity().as_str())),
        ("title", optional(policy.title.as_ref())),
    ]);
    let roots = roots.iter().map(|root| text(root)).collect();
    let mut manifest = vec![
        ("metadata", object([("stele", stele)])),
        ("revision", text(&revision(placed, data_bytes))),
        ("roots", list(roots)),
    ];
    manifest.extend(versions(placed));
    Value::object(manifest.into_iter().map(|(key, value)| (Value::from(key), value)))
}

/// `rego_version`, and `file_rego_versions` for modules in another: v1 unless all are in v0.
fn versions(placed: &[Placed]) -> Vec<(&'static str, Value)> {
    let is_old = |module: &&Placed| module.version == RegoVersion::V0;
    let old = placed.iter().filter(is_old).count();
    if old > 0 && old == placed.len() {
        return vec![("rego_version", Value::from(0))];
    }
    let mut out = vec![("rego_version", Value::from(1))];
    if old > 0 {
        let paths = placed.iter().filter(is_old);
        let entries = paths.map(|module| (load::literal_glob(&module.path).into(), Value::from(0)));
        out.push(("file_rego_versions", Value::object(entries)));
    }
    out
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::object(entries.map(|(key, value)| (Value::from(key), value)))
}

/// The revision names the contents: SHA-256 over path, length and bytes of each module and the data.
fn revision(modules: &[Placed], data: &[u8]) -> String {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let files = modules
        .iter()
        .map(|module| (module.path.as_str(), module.text.as_bytes()));
    for (path, bytes) in files.chain([("data.json", data)]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        parts.push([path.as_bytes(), &[0], &length.to_be_bytes(), bytes].concat());
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    format!("sha256:{}", sha256(&parts))
}

/// The paths that the bundle owns: its packages and the places of its data, without those below others.
fn roots(modules: &[&PolicyModule], data: &Value, wanted: &BTreeSet<Vec<String>>) -> BTreeSet<String> {
    let mut paths: BTreeSet<Vec<String>> = modules.iter().map(|module| module.package.clone()).collect();
    paths.extend(wanted.iter().filter_map(|path| reach(data, path)));
    let mut kept: Vec<Vec<String>> = Vec::new();
    for path in paths {
        // Sorted order puts a path before everything below it.
        if !kept.iter().any(|above| path.starts_with(above)) {
            kept.push(path);
        }
    }
    kept.into_iter().map(|path| path.join("/")).collect()
}

/// How far `path` leads into `data`: to its end or to the first value that is no object; `None` when there is nothing.
fn reach(data: &Value, path: &[String]) -> Option<Vec<String>> {
    let mut here = data;
    for (length, step) in path.iter().enumerate() {
        if here.as_object().is_none() {
            return path.get(..length).map(<[String]>::to_vec);
        }
        here = here.get(step)?;
    }
    // Empty data needs no root.
    let empty = here.as_object().is_some_and(BTreeMap::is_empty);
    (!empty).then(|| path.to_vec())
}
