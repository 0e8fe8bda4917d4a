//! Does a set of modules compile? Names, safety, recursion, conflicts and types, over all packages and tests together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stele_rego::Schemas;
use stele_rego::ast::Module;

use crate::load::PolicySet;
use crate::problem::Problem;

/// What keeps the modules from compiling, with each source line; nothing if they do. Schemas say what the input and base data are.
#[must_use]
pub fn check(set: &PolicySet, schemas: &Arc<Schemas>) -> Vec<Problem> {
    let trees: Vec<Module> = set.modules().iter().map(|module| module.ast.clone()).collect();
    let mut options = crate::compile_options();
    options.schemas = Arc::clone(schemas);
    let found = stele_rego::check(&trees, &options).err().unwrap_or_default();
    found
        .iter()
        .map(|diagnostic| {
            let module = set
                .modules()
                .iter()
                .find(|module| *module.ast.source.name() == diagnostic.file);
            let text = module.map_or("", |module| module.ast.source.text());
            Problem::of_diagnostic(diagnostic, text)
        })
        .collect()
}

/// Why schemas can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A file or directory can't be read.
    #[error("can't read {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no JSON.
    #[error("{} is no JSON", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A directory has no schema in it.
    #[error("there is no .json file in {}", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
}

/// Reads schemas, as `opa check --schema` does: a file is the schema of `input`, and `DIR/a/b.json` is `schema.a.b` in annotations.
///
/// # Errors
/// What can't be read, and a directory without schemas.
pub fn load_schemas(path: &Path) -> Result<Schemas, SchemaError> {
    let mut schemas = Schemas::new();
    if !path.is_dir() {
        schemas.insert::<&str>(&[], read(path)?);
        return Ok(schemas);
    }
    directory(path, &mut Vec::new(), &mut schemas)?;
    if schemas.is_empty() {
        return Err(SchemaError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(schemas)
}

/// Directories below this depth are not looked into, so that links in a circle end.
const DEEPEST: usize = 32;

fn directory(path: &Path, names: &mut Vec<String>, schemas: &mut Schemas) -> Result<(), SchemaError> {
    let io = |source| SchemaError::Io {
        path: path.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(path).map_err(io)? {
        let at = entry.map_err(io)?.path();
        let Some(name) = at.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        names.push(name.to_owned());
        if at.is_dir() {
            if names.len() < DEEPEST {
                directory(&at, names, schemas)?;
            }
        } else if at.extension().is_some_and(|extension| extension == "json") {
            schemas.insert(names, read(&at)?);
        }
        names.pop();
    }
    Ok(())
}

fn read(path: &Path) -> Result<serde_json::Value, SchemaError> {
    let bytes = std::fs::read(path).map_err(|source| SchemaError::Io {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| SchemaError::Json {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn problems_show_their_line() {
        let set = testing::set(&[
            ("a.rego", "package a\n\np := upper(q)\n\nq := 1\n"),
            ("b.rego", "package b\n\np := data.a.q.x\n"),
        ]);
        let found = check(&set, &Arc::default());
        let lines: Vec<(&str, u32)> = found
            .iter()
            .map(|problem| (problem.file.as_str(), problem.line))
            .collect();
        assert_eq!(lines, [("a.rego", 3), ("b.rego", 3)]);
        assert!(
            found[0].rendered.contains("p := upper(q)"),
            "{}",
            found[0].rendered
        );
    }

    #[test]
    fn schemas_come_from_a_file_or_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(matches!(load_schemas(dir.path()), Err(SchemaError::Empty { .. })));
        write("input.json", r#"{"type": "object"}"#);
        write("acl/users.json", "{}");
        write("README.md", "none");
        let schemas = load_schemas(dir.path()).unwrap();
        assert_eq!(
            schemas.names().collect::<Vec<_>>(),
            ["schema.acl.users", "schema.input"]
        );
        let one = load_schemas(&dir.path().join("input.json")).unwrap();
        assert_eq!(one.names().collect::<Vec<_>>(), ["schema"]);
        write("broken.json", "{");
        let error = load_schemas(dir.path()).unwrap_err().to_string();
        assert!(error.contains("broken.json is no JSON"), "{error}");
        assert!(load_schemas(&dir.path().join("missing")).is_err());
    }
}
