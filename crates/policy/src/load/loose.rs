//! Loading for one query, as `opa eval -d` and `-b` load: any number of files, directories and bundles, put together.
//!
//! Nothing is asked of the modules but that they parse: metadata, ids and tests mean nothing here.

use std::fs;
use std::path::{Path, PathBuf};

use stele_rego::RegoVersion;
use stele_rego::ast::Module;
use stele_types::Value;

use super::{Files, LoadError, LoadLimits, PolicyModule, Versions, archive, data, dir, is_wanted, parse};
#[cfg(feature = "regorus")]
use crate::engine::{ConvertError, PreparedPolicy};
#[cfg(feature = "regorus")]
use crate::policy;
use crate::problem::Problems;

/// Modules and data without the demands that a [`super::PolicySet`] makes.
#[derive(Debug, Clone)]
pub struct Documents {
    modules: Vec<PolicyModule>,
    data: Value,
}

impl Default for Documents {
    /// No module, and an empty object as data.
    fn default() -> Self {
        Self {
            modules: Vec::new(),
            data: Value::object([]),
        }
    }
}

impl Documents {
    /// Loads what `-d` and `-b` name.
    ///
    /// A data path is a file or a directory, all of whose `.rego`, `.json`, `.yaml` and `.yml` files are read; a document's place
    /// in `data` is its directory below the path. `PREFIX:PATH`, `users.internal:users.json`, puts documents below a place. A
    /// bundle is an archive or a directory, in which only `data.json`, `data.yaml` and `data.yml` are documents.
    ///
    /// # Errors
    ///
    /// As [`super::load_path`].
    pub fn load(data: &[PathBuf], bundles: &[PathBuf]) -> Result<Self, LoadError> {
        Self::load_as(data, bundles, RegoVersion::V1)
    }

    /// As [`Self::load`], for modules in a version of the language that a bundle's manifest may overrule.
    ///
    /// # Errors
    ///
    /// As [`super::load_path`].
    pub fn load_as(data: &[PathBuf], bundles: &[PathBuf], version: RegoVersion) -> Result<Self, LoadError> {
        let mut files = Vec::new();
        for path in data {
            let (prefix, path) = split_prefix(path);
            let before = files.len();
            read_data(&path, version, &mut files)?;
            for file in files.iter_mut().skip(before) {
                file.relative.insert_str(0, &prefix);
            }
        }
        for path in bundles {
            read_bundle(path, version, &mut files)?;
        }
        Self::assemble(files)
    }

    /// The modules, in the order they were named.
    #[must_use]
    pub fn modules(&self) -> &[PolicyModule] {
        &self.modules
    }

    /// The syntax trees, for the compiler.
    #[must_use]
    pub fn trees(&self) -> Vec<Module> {
        self.modules.iter().map(|module| module.ast.clone()).collect()
    }

    /// The data document, an object.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.data
    }

    /// Adds a module that was made elsewhere, or replaces the one of the same path.
    pub fn put_module(&mut self, path: &str, ast: Module) {
        self.modules.retain(|module| module.path != path);
        self.modules.push(PolicyModule::new(path, ast));
    }

    /// Both together: a module replaces the one of the same path.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] when both fill one place of the data, or a document stands where a rule does.
    pub fn merged(&self, other: Self) -> Result<Self, LoadError> {
        let mut problems = Vec::new();
        let mut documents = data::Documents::default();
        documents.add(&self.data, &mut problems);
        documents.add(&other.data, &mut problems);
        let mut merged = Self {
            modules: self.modules.clone(),
            data: documents.finish(),
        };
        for module in other.modules {
            merged.put_module(&module.path, module.ast);
        }
        data::check_conflicts(&merged.modules, &data::Base::Parsed(&merged.data), &mut problems);
        Problems::none_of(problems)?;
        Ok(merged)
    }

    /// The same for the interpreter that serves as an oracle.
    ///
    /// # Errors
    ///
    /// [`ConvertError`] when the data holds a number that the interpreter can't hold exactly.
    #[cfg(feature = "regorus")]
    pub fn prepare(&self) -> Result<PreparedPolicy, ConvertError> {
        let rules = self
            .modules
            .iter()
            .flat_map(|module| policy::rule_paths(&module.package, &module.ast))
            .collect();
        let sources = self
            .modules
            .iter()
            .map(|module| (module.path.as_str(), super::v1_text(&module.ast.source)));
        PreparedPolicy::new(sources, &self.data, rules)
    }

    fn assemble(files: Vec<Named>) -> Result<Self, LoadError> {
        let mut problems = Vec::new();
        let mut documents = data::Documents::default();
        let mut modules = Vec::new();
        for file in files {
            if file.relative.ends_with(".rego") {
                modules.extend(parse(file.shown, file.bytes, file.version, &mut problems));
            } else {
                documents.place(&file.relative, &file.bytes, &mut problems);
            }
        }
        let data = documents.finish();
        data::check_conflicts(&modules, &data::Base::Parsed(&data), &mut problems);
        Problems::none_of(problems)?;
        Ok(Self { modules, data })
    }
}

/// A file that was read.
struct Named {
    /// Its path below what was named.
    relative: String,
    /// The path to show.
    shown: String,
    bytes: Vec<u8>,
    /// The language, if it is a module.
    version: RegoVersion,
}

/// `users.internal:users.json` to `users/internal/` and the path; a `file://` before the path is dropped, as OPA does.
fn split_prefix(path: &Path) -> (String, PathBuf) {
    let Some(text) = path.to_str() else {
        return (String::new(), path.to_owned());
    };
    let plain = |text: &str| PathBuf::from(text.strip_prefix("file://").unwrap_or(text));
    if text.starts_with("file://") || path.exists() {
        return (String::new(), plain(text));
    }
    match text.split_once(':') {
        Some((prefix, rest)) if !prefix.is_empty() && !prefix.contains('/') => {
            (format!("{}/", prefix.replace('.', "/")), plain(rest))
        }
        _ => (String::new(), path.to_owned()),
    }
}

fn read_data(path: &Path, version: RegoVersion, out: &mut Vec<Named>) -> Result<(), LoadError> {
    let limits = LoadLimits::default();
    let plain = Versions::new(None, version);
    if path.is_dir() {
        let files = dir::read_where(path, &limits, is_document)?;
        below(path, files, &plain, out);
        return Ok(());
    }
    let bytes = read_file(path)?;
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(LoadError::FileName {
            path: path.to_owned(),
        });
    };
    if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        return unpacked(path, &bytes, version, out);
    }
    // A name without a known ending is read as YAML, which JSON is too.
    let mut files = Files::default();
    files.put(name.to_owned(), bytes, &limits)?;
    let before = out.len();
    below(path, files, &plain, out);
    for file in out.iter_mut().skip(before) {
        file.shown = path.display().to_string();
    }
    Ok(())
}

fn read_bundle(path: &Path, version: RegoVersion, out: &mut Vec<Named>) -> Result<(), LoadError> {
    let limits = LoadLimits::default();
    if !path.is_dir() {
        return unpacked(path, &read_file(path)?, version, out);
    }
    let mut files = dir::read_where(path, &limits, is_wanted)?;
    let manifest = path.join(archive::MANIFEST);
    if manifest.is_file() {
        files.put(archive::MANIFEST.to_owned(), read_file(&manifest)?, &limits)?;
    }
    bundle(path, files, version, out)
}

fn unpacked(path: &Path, bytes: &[u8], version: RegoVersion, out: &mut Vec<Named>) -> Result<(), LoadError> {
    let files = archive::read(bytes, &LoadLimits::default()).map_err(|error| match error {
        // There may be several.
        LoadError::Archive { reason } => LoadError::Archive {
            reason: format!("{reason} (in {})", path.display()),
        },
        other => other,
    })?;
    bundle(path, files, version, out)
}

/// Of a bundle's manifest nothing matters to a query but the versions of the modules; sound it must be as a whole.
fn bundle(
    path: &Path,
    mut files: Files,
    version: RegoVersion,
    out: &mut Vec<Named>,
) -> Result<(), LoadError> {
    let manifest = archive::manifest(&mut files)?;
    below(path, files, &Versions::new(manifest.as_ref(), version), out);
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|source| LoadError::Io {
        path: path.to_owned(),
        source,
    })
}

fn below(root: &Path, files: Files, versions: &Versions, out: &mut Vec<Named>) {
    out.extend(files.entries.into_iter().map(|(relative, bytes)| Named {
        shown: root.join(&relative).display().to_string(),
        version: versions.of(&relative),
        relative,
        bytes,
    }));
}

fn is_document(name: &str) -> bool {
    [".rego", ".json", ".yaml", ".yml"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn documents_stand_where_their_directories_say() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "top.json", r#"{"a": 1}"#);
        write(root.path(), "x/y/any.yaml", "b: 2");
        write(root.path(), "x/rule.rego", "package p\n\nq := 1");
        let loaded = Documents::load(&[root.path().to_owned()], &[]).unwrap();
        assert_eq!(
            stele_types::json::to_string(loaded.data()),
            r#"{"a":1,"x":{"y":{"b":2}}}"#
        );
        assert_eq!(loaded.modules().len(), 1);
        let bundle = Documents::load(&[], &[root.path().to_owned()]).unwrap();
        assert_eq!(stele_types::json::to_string(bundle.data()), "{}");
    }

    #[test]
    fn a_prefix_puts_a_document_below_a_place() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "users.json", r#"{"bob": 1}"#);
        let path = format!("company.users:{}", root.path().join("users.json").display());
        let loaded = Documents::load(&[path.into()], &[]).unwrap();
        assert_eq!(
            stele_types::json::to_string(loaded.data()),
            r#"{"company":{"users":{"bob":1}}}"#
        );
    }

    #[test]
    fn two_documents_of_one_place_are_a_problem() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a.json", r#"{"x": 1}"#);
        write(root.path(), "b.json", r#"{"x": 2}"#);
        let error = Documents::load(&[root.path().to_owned()], &[]).unwrap_err();
        assert!(matches!(error, LoadError::Invalid(_)), "{error}");
    }
}
