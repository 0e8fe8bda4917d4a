//! Loading policies: from a directory or from an OPA bundle, to a checked [`PolicySet`].
//!
//! A directory is read recursively in sorted order; hidden files and directories are skipped, symbolic links must stay inside. Files ending in
//! `.rego` are modules; `data.json`, `data.yaml` and `data.yml` are placed in the data document by their directory, as OPA places
//! them; everything else is ignored. All problems of all files are reported at once.

use std::collections::BTreeMap;
#[cfg(feature = "regorus")]
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stele_rego::ast::Module;
use stele_rego::trace::Map;
use stele_rego::{RegoVersion, Schemas, SourceFile, Span};
use stele_types::{PolicyId, Value};

use crate::engine::{CompiledPolicy, EngineError, Place, WatchedEngine};
#[cfg(feature = "regorus")]
use crate::engine::{ConvertError, PreparedPolicy};
use crate::policy::{self, Policy};
use crate::problem::{Problem, Problems};

mod archive;
mod data;
mod dir;
mod extend;
mod lean;
mod loose;
#[cfg(test)]
mod tests;
mod version;

pub use lean::{DecisionBundle, load_for_decisions};
pub use loose::Documents;
use version::Versions;
pub(crate) use version::literal as literal_glob;

/// Bounds of what is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadLimits {
    /// Bytes of one file, unpacked.
    pub file_bytes: u64,
    /// Bytes of all files together, unpacked.
    pub total_bytes: u64,
    /// Number of files.
    pub files: usize,
}

impl Default for LoadLimits {
    /// 128 MiB a file, 512 MiB together, 20,000 files.
    fn default() -> Self {
        Self {
            file_bytes: 128 << 20,
            total_bytes: 512 << 20,
            files: 20_000,
        }
    }
}

/// Why nothing was loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or directory can't be read.
    #[error("can't read {}: {source}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A symbolic link leads out of the directory that is loaded.
    #[error("{} is a symbolic link that leads out of {}; copy the file instead", path.display(), root.display())]
    LinkOutside {
        /// The link.
        path: PathBuf,
        /// The directory that is loaded.
        root: PathBuf,
    },
    /// A file name is not UTF-8.
    #[error("the file name {} is not UTF-8; rename it", path.display())]
    FileName {
        /// The file.
        path: PathBuf,
    },
    /// The archive is no gzipped tar, or it is damaged.
    #[error("the bundle can't be unpacked: {reason}")]
    Archive {
        /// What is wrong.
        reason: String,
    },
    /// An entry's name would leave the directory it is unpacked to, or names it in an odd way.
    #[error("the bundle's entry {name:?} is refused: {reason}")]
    EntryName {
        /// The entry.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More, or bigger, than [`LoadLimits`] allows.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit, in bytes or files.
        limit: u64,
    },
    /// The modules can't be compiled for decisions.
    #[error("the policy can't be compiled: {0}")]
    Compile(EngineError),
    /// The data document can't be held, or has no canonical encoding.
    #[error("the data document can't be used: {reason}")]
    Data {
        /// What is wrong with it.
        reason: String,
    },
    /// The files were read, but something in them is wrong.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

/// One module.
#[derive(Debug, Clone)]
pub struct PolicyModule {
    /// Its path relative to what was loaded, with `/`.
    pub path: String,
    /// Its package's path below `data`.
    pub package: Vec<String>,
    /// The parsed text; `ast.source` holds the text itself.
    pub ast: Module,
}

impl PolicyModule {
    /// A module that was parsed from the file `path`.
    #[must_use]
    pub fn new(path: impl Into<String>, ast: Module) -> Self {
        let package = ast.package.path.iter();
        Self {
            path: path.into(),
            package: package.map(|ident| ident.name.to_string()).collect(),
            ast,
        }
    }

    /// Whether the module holds tests: its file ends in `_test.rego`, or its package in `_test`. Test modules never enter a bundle.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.path.ends_with("_test.rego") || self.package.last().is_some_and(|name| name.ends_with("_test"))
    }

    /// Where a span of this module starts.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let at = self.ast.source.line_column(span.start);
        Place {
            file: self.path.clone(),
            line: at.line,
            column: at.column,
        }
    }

    /// The version of the language that it is written in.
    #[must_use]
    pub fn version(&self) -> RegoVersion {
        self.ast.source.version()
    }

    /// The text.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::from(self.ast.source.text())
    }
}

/// A text in Rego v1, for the interpreter, which gets nothing else. What can't be rewritten goes there as it is, and is refused.
#[cfg(feature = "regorus")]
pub(crate) fn v1_text(source: &SourceFile) -> Arc<str> {
    match source.version() {
        RegoVersion::V0 => {
            stele_rego::format::format(source).map_or_else(|_| source.text().into(), Arc::from)
        }
        RegoVersion::V1 => source.text().into(),
    }
}

/// What a bundle's manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The bundle's revision, free text.
    pub revision: String,
    /// The paths that the bundle owns; `[""]` is everything.
    pub roots: Vec<String>,
    /// The language of its modules; without one, of whoever reads them.
    pub rego_version: Option<RegoVersion>,
    /// The language of the modules whose path, `/a/b.rego`, a glob matches; sorted, the first that matches counts.
    pub file_rego_versions: BTreeMap<String, RegoVersion>,
    /// Free metadata.
    pub metadata: Option<Value>,
}

/// Parsed modules, base data and the policies in them.
#[derive(Debug, Clone)]
pub struct PolicySet {
    modules: Vec<PolicyModule>,
    data: Value,
    policies: BTreeMap<PolicyId, Policy>,
    manifest: Option<Manifest>,
}

impl PolicySet {
    /// The modules, sorted by path.
    #[must_use]
    pub fn modules(&self) -> &[PolicyModule] {
        &self.modules
    }

    /// The base data document, an object.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// The policies, by id.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    /// The policy with this id.
    #[must_use]
    pub fn policy(&self, id: &PolicyId) -> Option<&Policy> {
        self.policies.get(id)
    }

    /// The set without its data document. A decision point keeps the prepared document and has no use for a second one.
    #[must_use]
    pub fn without_data(mut self) -> Self {
        self.data = Value::object([]);
        self
    }

    /// The manifest, if this came from a bundle that has one.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Compiles all modules but the tests, with all data, for decisions.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] when the modules can't be compiled.
    pub fn compile(&self) -> Result<CompiledPolicy, EngineError> {
        self.compile_modules(self.modules.iter().filter(|module| !module.is_test()))
    }

    /// Compiles all modules, tests included, but those of the files in `without`, for an evaluation that is watched; see [`WatchedEngine`].
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] when the compiler refuses a module.
    pub(crate) fn watch_tests<T>(
        &self,
        without: &BTreeMap<String, T>,
        (traced, schemas): (bool, &Arc<Schemas>),
    ) -> Result<(WatchedEngine, Map), EngineError> {
        let modules = || {
            let modules = self.modules.iter();
            modules.filter(|module| !without.contains_key(&module.path))
        };
        let rules = modules().flat_map(|module| policy::rule_paths(&module.package, &module.ast));
        let asts: Vec<_> = modules().map(|module| module.ast.clone()).collect();
        WatchedEngine::new(&asts, &self.data, rules.collect(), (traced, schemas))
    }

    fn compile_modules<'a>(
        &'a self,
        modules: impl Iterator<Item = &'a PolicyModule> + Clone,
    ) -> Result<CompiledPolicy, EngineError> {
        let rules = modules
            .clone()
            .flat_map(|module| policy::rule_paths(&module.package, &module.ast));
        let rules = rules.collect();
        let asts: Vec<_> = modules.map(|module| module.ast.clone()).collect();
        CompiledPolicy::new(&asts, &self.data, rules)
    }

    /// Prepares all modules but the tests, with all data, for the interpreter.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when the data holds a number that the interpreter can't hold exactly.
    #[cfg(feature = "regorus")]
    pub fn prepare(&self) -> Result<PreparedPolicy, ConvertError> {
        self.prepare_modules(self.modules.iter().filter(|module| !module.is_test()))
    }

    /// Prepares all modules, tests included.
    ///
    /// # Errors
    ///
    /// As [`PolicySet::prepare`].
    #[cfg(feature = "regorus")]
    pub fn prepare_with_tests(&self) -> Result<PreparedPolicy, ConvertError> {
        self.prepare_modules(self.modules.iter())
    }

    #[cfg(feature = "regorus")]
    fn prepare_modules<'a>(
        &'a self,
        modules: impl Iterator<Item = &'a PolicyModule> + Clone,
    ) -> Result<PreparedPolicy, ConvertError> {
        let rules = modules
            .clone()
            .flat_map(|module| policy::rule_paths(&module.package, &module.ast))
            .collect::<BTreeSet<_>>();
        PreparedPolicy::new(
            modules.map(|module| (module.path.as_str(), v1_text(&module.ast.source))),
            &self.data,
            rules,
        )
    }
}

/// The files found, by relative path. Both loaders fill one.
#[derive(Debug, Default)]
pub(crate) struct Files {
    entries: BTreeMap<String, Vec<u8>>,
    total: u64,
}

impl Files {
    /// Takes one file, within the limits.
    pub(crate) fn put(&mut self, path: String, bytes: Vec<u8>, limits: &LoadLimits) -> Result<(), LoadError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let too_large = |what: String, limit: u64| Err(LoadError::TooLarge { what, limit });
        if size > limits.file_bytes {
            return too_large(format!("the file {path}"), limits.file_bytes);
        }
        self.total = self.total.saturating_add(size);
        if self.total > limits.total_bytes {
            return too_large("the size of all files together".to_owned(), limits.total_bytes);
        }
        if self.entries.len() >= limits.files {
            let limit = u64::try_from(limits.files).unwrap_or(u64::MAX);
            return too_large("the number of files".to_owned(), limit);
        }
        self.entries.insert(path, bytes);
        Ok(())
    }
}

/// Whether a file of this name matters to a policy set.
#[must_use]
pub fn is_wanted(name: &str) -> bool {
    name.ends_with(".rego") || is_data(name)
}

fn is_data(name: &str) -> bool {
    matches!(name, "data.json" | "data.yaml" | "data.yml")
}

/// Loads a directory, a bundle file (`.tar.gz`, `.tgz`) or a single module (`.rego`).
///
/// # Errors
///
/// [`LoadError::Invalid`] holds every problem of every file; the others are about reading.
pub fn load_path(path: &Path) -> Result<PolicySet, LoadError> {
    load_path_as(path, RegoVersion::V1)
}

/// As [`load_path`], for modules in a version of the language that a bundle's manifest may overrule.
///
/// # Errors
///
/// See [`load_path`].
pub fn load_path_as(path: &Path, version: RegoVersion) -> Result<PolicySet, LoadError> {
    let (set, problems) = load_path_lenient(path, version)?;
    Problems::none_of(problems)?;
    Ok(set)
}

/// As [`load_path_as`], but keeps what is sound: the modules that parse and the data that merges, with the problems of the rest. For tools that
/// should say as much as they can in one run (tests, lint); never for decisions.
///
/// # Errors
///
/// Only those of reading.
pub fn load_path_lenient(path: &Path, version: RegoVersion) -> Result<(PolicySet, Vec<Problem>), LoadError> {
    let (files, manifest) = read_path(path)?;
    Ok(assemble_lenient(files, manifest, version))
}

fn read_path(path: &Path) -> Result<(Files, Option<Manifest>), LoadError> {
    let limits = LoadLimits::default();
    if path.is_dir() {
        return Ok((dir::read(path, &limits)?, None));
    }
    let bytes = std::fs::read(path).map_err(|source| LoadError::Io {
        path: path.to_owned(),
        source,
    })?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if name.ends_with(".rego") {
        let mut files = Files::default();
        files.put(name.to_owned(), bytes, &limits)?;
        return Ok((files, None));
    }
    let mut files = archive::read(&bytes, &limits)?;
    let manifest = archive::manifest(&mut files)?;
    Ok((files, manifest))
}

/// Loads a directory with the default limits.
///
/// # Errors
///
/// See [`load_path`].
pub fn load_dir(root: &Path) -> Result<PolicySet, LoadError> {
    assemble(dir::read(root, &LoadLimits::default())?, None)
}

/// Loads an OPA bundle (gzipped tar) with the default limits.
///
/// # Errors
///
/// See [`load_path`]; besides [`LoadError::Archive`] and [`LoadError::EntryName`].
pub fn load_bundle(bytes: &[u8]) -> Result<PolicySet, LoadError> {
    load_bundle_within(bytes, &LoadLimits::default())
}

/// Loads an OPA bundle within `limits`.
///
/// # Errors
///
/// See [`load_bundle`].
pub fn load_bundle_within(bytes: &[u8], limits: &LoadLimits) -> Result<PolicySet, LoadError> {
    let mut files = archive::read(bytes, limits)?;
    let manifest = archive::manifest(&mut files)?;
    assemble(files, manifest)
}

/// Loads files held in memory: pairs of relative path and contents. Paths are not checked; this is for tests and tools that generate policies.
///
/// # Errors
///
/// See [`load_path`].
pub fn load_files<I, P, B>(files: I) -> Result<PolicySet, LoadError>
where
    I: IntoIterator<Item = (P, B)>,
    P: Into<String>,
    B: Into<Vec<u8>>,
{
    let mut out = Files::default();
    for (path, bytes) in files {
        let path = path.into();
        if is_wanted(path.rsplit('/').next().unwrap_or_default()) {
            out.put(path, bytes.into(), &LoadLimits::default())?;
        }
    }
    assemble(out, None)
}

/// Parses, places and checks.
fn assemble(files: Files, manifest: Option<Manifest>) -> Result<PolicySet, LoadError> {
    let (set, problems) = assemble_lenient(files, manifest, RegoVersion::V1);
    Problems::none_of(problems)?;
    Ok(set)
}

fn assemble_lenient(
    files: Files,
    manifest: Option<Manifest>,
    version: RegoVersion,
) -> (PolicySet, Vec<Problem>) {
    let versions = Versions::new(manifest.as_ref(), version);
    let (sources, documents): (Vec<_>, Vec<_>) = files
        .entries
        .into_iter()
        .partition(|(path, _)| path.ends_with(".rego"));
    let (data, mut problems) = place_documents(documents);
    let modules: Vec<PolicyModule> = sources
        .into_iter()
        .filter_map(|(path, bytes)| {
            let version = versions.of(&path);
            parse(path, bytes, version, &mut problems)
        })
        .collect();
    let mut set = from_modules(modules, data, &mut problems);
    set.manifest = manifest;
    (set, problems)
}

/// Puts together what was parsed elsewhere; what is wrong with it goes to `problems`. For tools that keep modules parsed.
#[must_use]
pub fn from_modules(mut modules: Vec<PolicyModule>, data: Value, problems: &mut Vec<Problem>) -> PolicySet {
    modules.sort_by(|a, b| a.path.cmp(&b.path));
    let metadata = policy::collect(&modules, problems);
    let policies = policy::policies(&modules, &metadata, problems);
    data::check_conflicts(&modules, &data::Base::Parsed(&data), problems);
    PolicySet {
        modules,
        data,
        policies,
        manifest: None,
    }
}

/// Parses and merges data files, pairs of path and contents: what could be merged, and what is wrong with the rest.
#[must_use]
pub fn place_documents(files: Vec<(String, Vec<u8>)>) -> (Value, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut documents = data::Documents::default();
    for (path, bytes) in files {
        documents.place(&path, &bytes, &mut problems);
    }
    (documents.finish(), problems)
}

fn parse(
    path: String,
    bytes: Vec<u8>,
    version: RegoVersion,
    problems: &mut Vec<Problem>,
) -> Option<PolicyModule> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            problems.push(Problem::of_file(
                "encoding",
                &path,
                format!("the file is not UTF-8 (byte {at})"),
            ));
            return None;
        }
    };
    let source = SourceFile::new(path.as_str(), text).with_version(version);
    match stele_rego::parse(&source) {
        Ok(ast) => Some(PolicyModule::new(path, ast)),
        Err(diagnostics) => {
            problems.extend(
                diagnostics
                    .iter()
                    .map(|found| Problem::of_diagnostic(found, source.text())),
            );
            None
        }
    }
}
