//! Paths below `input` and `data` that are known to lead somewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_policy::metadata;
use stele_rego::ast::Module;
use stele_types::Value;

use crate::names::{Target, import_target};
use crate::view::{View, package_path};

/// The most levels and the most keys of one object that are taken from data.
const MAX_DEPTH: usize = 12;
const MAX_KEYS: usize = 500;

/// Names, with what is below them.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) children: BTreeMap<String, Tree>,
    /// What stands there: `string` from a schema, `rule`, `package`.
    pub(crate) detail: Option<String>,
}

impl Tree {
    fn put<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) -> &mut Self {
        path.into_iter().fold(self, |tree, name| {
            tree.children.entry(name.to_owned()).or_default()
        })
    }

    pub(crate) fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter()
            .try_fold(self, |tree, name| tree.children.get(name))
    }

    fn put_value(&mut self, value: &Value, depth: usize) {
        let Value::Object(entries) = value else { return };
        if depth >= MAX_DEPTH {
            return;
        }
        for (key, value) in entries.iter().take(MAX_KEYS) {
            if let Some(name) = key.as_str() {
                let child = self.put([name]);
                child.detail.get_or_insert_with(|| value.type_name().to_owned());
                child.put_value(value, depth.saturating_add(1));
            }
        }
    }

    /// The properties that a JSON schema declares.
    fn put_schema(&mut self, schema: &serde_json::Value, depth: usize) {
        let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) else {
            return;
        };
        if depth >= MAX_DEPTH {
            return;
        }
        for (name, property) in properties.iter().take(MAX_KEYS) {
            let child = self.put([name.as_str()]);
            if let Some(kind) = property.get("type").and_then(serde_json::Value::as_str) {
                child.detail = Some(kind.to_owned());
            }
            child.put_schema(property, depth.saturating_add(1));
        }
    }
}

/// What is below `input`, as far as the files of the package look at it and their schemas declare it.
pub(crate) fn input(view: &View, module: &Module, cursor: usize) -> Tree {
    let mut tree = Tree::default();
    for (document, other) in view.package_modules(module) {
        let here = Arc::ptr_eq(document, &view.document);
        for found in view.names(other).occurrences {
            // What is being written is no knowledge.
            let typed = here && found.span.range().contains(&cursor.saturating_sub(1));
            if let Target::Input(path) = &found.target
                && !typed
            {
                tree.put(path.iter().map(AsRef::as_ref));
            }
        }
        schemas(view, other, "input", &mut tree);
    }
    // What is broken now was whole a moment ago.
    for (document, sound) in view.set.documents.iter().zip(&view.set.sound) {
        let past = sound.as_ref().filter(|_| !document.is_sound());
        let Some(past) = past.filter(|past| package_path(past) == package_path(module)) else {
            continue;
        };
        for found in view.names(past).occurrences {
            if let Target::Input(path) = &found.target {
                tree.put(path.iter().map(AsRef::as_ref));
            }
        }
    }
    tree
}

/// What is below `data`: packages, rules, documents, and what the files of the package look at.
pub(crate) fn data(view: &View, module: &Module) -> Tree {
    let mut tree = Tree::default();
    for (_, other) in view.set.modules() {
        let path = package_path(other);
        let package = tree.put(path.iter().map(AsRef::as_ref));
        package.detail = Some("package".to_owned());
        for rule in &other.rules {
            let path = rule.head.constant_path();
            let what = if rule.head.args.is_some() {
                "function"
            } else {
                "rule"
            };
            package.put(path.iter().map(AsRef::as_ref)).detail = Some(what.to_owned());
        }
    }
    tree.put_value(&view.set.data.value, 0);
    for (_, other) in view.package_modules(module) {
        schemas(view, other, "data", &mut tree);
    }
    tree
}

/// What the `schemas` annotations of a module declare below `root`.
fn schemas(view: &View, module: &Module, root: &str, tree: &mut Tree) {
    for block in &module.annotations {
        for (path, schema) in metadata::schemas(block) {
            let mut parts = path.split('.');
            if parts.next() != Some(root) {
                continue;
            }
            let schema = match schema {
                metadata::SchemaRef::Inline(schema) => Some(schema),
                metadata::SchemaRef::File(path) => read_schema(view, &path),
            };
            if let Some(schema) = schema {
                tree.put(parts).put_schema(&schema, 0);
            }
        }
    }
}

/// `schema.a.b` is the file `schemas/a/b.json` below the root.
fn read_schema(view: &View, path: &[String]) -> Option<serde_json::Value> {
    let root = view.set.root.as_ref()?;
    let (name, directories) = path.split_last()?;
    let plain = |part: &String| !part.is_empty() && !part.contains(['/', '\\']) && part != "..";
    if !path.iter().all(plain) {
        return None;
    }
    let mut file = root.join("schemas");
    file.extend(directories);
    file.push(format!("{name}.json"));
    let bytes = std::fs::read(file).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The names and constant parts of a path, with an import at its start replaced by what it imports.
pub(crate) fn resolved(module: &Module, parts: &[String]) -> Option<(bool, Vec<String>)> {
    let (root, rest) = parts.split_first()?;
    let import = module
        .imports
        .iter()
        .find(|import| import.name().is_some_and(|name| name.name.as_ref() == root));
    let start = match import {
        Some(import) => import_target(import)?,
        None if root == "data" => Target::Data(Vec::new()),
        None if root == "input" => Target::Input(Vec::new()),
        None => return None,
    };
    let (is_input, path) = match start {
        Target::Input(path) => (true, path),
        Target::Data(path) => (false, path),
        _ => return None,
    };
    let path = path.iter().map(ToString::to_string).chain(rest.iter().cloned());
    Some((is_input, path.collect()))
}
