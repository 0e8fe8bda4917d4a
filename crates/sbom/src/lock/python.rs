//! What the readers for Python share: names, and what a `pyproject.toml` asks for.

use super::File;
use crate::model::Scope;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A name as PyPI compares it: <https://packaging.python.org/en/latest/specifications/name-normalization/>.
pub(super) fn normal(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            other => out.extend(other.to_lowercase()),
        }
    }
    out
}

/// The name at the beginning of a requirement: <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>.
pub(super) fn name_of(requirement: &str) -> &str {
    let text = requirement.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    project: Project,
    tool: Tool,
    #[serde(rename = "dependency-groups")]
    groups: BTreeMap<String, Vec<toml::Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Project {
    dependencies: Vec<String>,
    #[serde(rename = "optional-dependencies")]
    optional: BTreeMap<String, Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tool {
    poetry: Poetry,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Poetry {
    dependencies: toml::Table,
    #[serde(rename = "dev-dependencies")]
    development: toml::Table,
    group: BTreeMap<String, Group>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    dependencies: toml::Table,
}

/// What the `pyproject.toml` beside a lock file asks for, by normal names.
pub(super) fn wanted(file: &File<'_>) -> Vec<(String, Scope)> {
    let text = super::beside(file, "pyproject.toml").unwrap_or_default();
    let manifest: Manifest = toml::from_str(&text).unwrap_or_default();
    let mut wanted = Vec::new();
    let mut add =
        |names: Vec<&str>, scope| wanted.extend(names.into_iter().map(|name| (normal(name), scope)));
    let texts =
        |list: &[String]| -> Vec<String> { list.iter().map(|text| name_of(text).to_owned()).collect() };
    let required = texts(&manifest.project.dependencies);
    add(required.iter().map(String::as_str).collect(), Scope::Required);
    for list in manifest.project.optional.values() {
        add(texts(list).iter().map(String::as_str).collect(), Scope::Optional);
    }
    for list in manifest.groups.values() {
        let names = list.iter().filter_map(toml::Value::as_str).map(name_of);
        add(names.collect(), Scope::Development);
    }
    let poetry = &manifest.tool.poetry;
    let names = |table: &'_ toml::Table| -> Vec<String> { table.keys().cloned().collect() };
    add(
        names(&poetry.dependencies).iter().map(String::as_str).collect(),
        Scope::Required,
    );
    add(
        names(&poetry.development).iter().map(String::as_str).collect(),
        Scope::Development,
    );
    for group in poetry.group.values() {
        add(
            names(&group.dependencies).iter().map(String::as_str).collect(),
            Scope::Development,
        );
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(normal("Zope.._-Interface"), "zope-interface");
        assert_eq!(name_of(" requests[socks]>=2 ; x"), "requests");
        assert_eq!(name_of("a.b_c@ https://x"), "a.b_c");
    }
}
