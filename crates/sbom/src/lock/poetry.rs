//! `poetry.lock` (versions 1 and 2) and `pdm.lock`, which share their form.
//!
//! Sources: <https://python-poetry.org/docs/basic-usage/>, <https://pdm-project.org/en/latest/usage/lockfile/>.

use super::draft::{Draft, Node};
use super::python::{name_of, normal, wanted};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, Scope};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use toml::Spanned;

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
    metadata: Option<Metadata>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    /// Where version 1 keeps the hashes.
    files: BTreeMap<String, Vec<Artifact>>,
}

#[derive(Deserialize)]
struct Package {
    name: Spanned<String>,
    version: String,
    #[serde(default)]
    optional: bool,
    category: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    files: Vec<Artifact>,
    #[serde(default)]
    dependencies: Needs,
    source: Option<Source>,
    path: Option<String>,
}

/// Poetry has a table of names, PDM a list of requirements.
#[derive(Deserialize)]
#[serde(untagged)]
enum Needs {
    Table(toml::Table),
    List(Vec<String>),
}

impl Default for Needs {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Deserialize)]
struct Artifact {
    hash: String,
}

#[derive(Deserialize)]
struct Source {
    r#type: Option<String>,
    #[serde(default)]
    url: String,
    #[serde(default)]
    resolved_reference: String,
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Lock = super::toml_document(file)?;
    let mut draft = Draft::default();
    if lock.metadata.is_none() {
        let last = u32::try_from(file.text.lines().count()).unwrap_or(u32::MAX);
        draft.problem(
            last.max(1),
            "has no table `metadata`, which its tool writes: the file is cut",
        );
    }
    let metadata = lock.metadata.unwrap_or_default();
    let mut index: HashMap<String, Vec<Node>> = HashMap::new();
    let mut nodes = Vec::new();
    for package in &lock.package {
        let node = node(file, &metadata, package, &mut draft);
        nodes.push(node);
        let name = normal(package.name.get_ref());
        index.entry(name).or_default().extend(node);
    }
    for (package, node) in lock.package.iter().zip(&nodes) {
        let names: Vec<String> = match &package.dependencies {
            Needs::Table(table) => table.keys().map(|name| normal(name)).collect(),
            Needs::List(list) => list.iter().map(|text| normal(name_of(text))).collect(),
        };
        for (from, name) in node
            .iter()
            .flat_map(|node| names.iter().map(move |name| (*node, name)))
        {
            // Several versions of a package are for several platforms.
            for to in index.get(name).into_iter().flatten() {
                draft.need(from, *to);
            }
        }
    }
    for (name, scope) in wanted(file) {
        for node in index.get(&name).into_iter().flatten() {
            draft.direct(*node, scope);
        }
    }
    let says_itself = |package: &Package| package.category.is_some() || !package.groups.is_empty();
    if !lock.package.iter().any(says_itself) {
        draft.spread_scopes();
    }
    Ok(draft)
}

fn scope(package: &Package) -> Scope {
    let runtime = |group: &String| group == "main" || group == "default";
    if package.category.as_deref() == Some("dev")
        || !package.groups.is_empty() && !package.groups.iter().any(runtime)
    {
        Scope::Development
    } else if package.optional {
        Scope::Optional
    } else {
        Scope::Required
    }
}

fn node(file: &File<'_>, metadata: &Metadata, package: &Package, draft: &mut Draft) -> Option<Node> {
    let at = file.place(package.name.span().start);
    let line = at.line.unwrap_or(1);
    let kind = package
        .source
        .as_ref()
        .and_then(|source| source.r#type.as_deref());
    let qualifier = match (&package.source, kind) {
        (_, Some("directory" | "file")) => return None,
        (Some(source), Some("git")) => (
            "vcs_url",
            format!("git+{}@{}", source.url, source.resolved_reference),
        ),
        (Some(source), Some("url")) => ("download_url", source.url.clone()),
        (Some(source), Some(_)) => ("repository_url", source.url.clone()),
        _ if package.path.is_some() => return None,
        _ => ("repository_url", String::new()),
    };
    let name = package.name.get_ref();
    let component = Component::qualified(
        Ecosystem::PyPi,
        None,
        name,
        Some(&package.version),
        &[(qualifier.0, &qualifier.1)],
    );
    let node = draft.try_add(line, component.map(|component| component.found_at(at)))?;
    let old = metadata.files.get(name).into_iter().flatten();
    for artifact in package.files.iter().chain(old) {
        draft.hash(node, line, Hash::from_prefixed(&artifact.hash));
    }
    draft.node_mut(node)?.scope = scope(package);
    Some(node)
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, hashes, inventory, needs, problems, purls};
    use crate::model::Scope;

    fn package(name: &str, version: &str, more: &str) -> String {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{more}\n\
             [[package.files]]\nfile = \"x.whl\"\nhash = \"sha256:{}\"\n",
            "ab".repeat(32)
        )
    }

    #[test]
    fn scopes_come_from_the_project_where_the_file_has_none() {
        let text = package("A.b", "1.0", "[package.dependencies]\nC_d = \">=1\"\n")
            + &package("c-d", "2.0", "")
            + &package("t", "3.0", "[package.dependencies]\nc-d = \"*\"\n");
        let manifest =
            "[tool.poetry.dependencies]\na-b = \"*\"\n[tool.poetry.group.dev.dependencies]\nt = \"*\"\n";
        let found = inventory(&[("poetry.lock", &text), ("pyproject.toml", manifest)]);
        assert_eq!(
            purls(&found),
            ["pkg:pypi/a.b@1.0", "pkg:pypi/c-d@2.0", "pkg:pypi/t@3.0"]
        );
        assert_eq!(needs(&found, "a.b"), ["pkg:pypi/c-d@2.0"]);
        assert_eq!(component(&found, "c-d").scope, Scope::Required);
        assert_eq!(component(&found, "t@").scope, Scope::Development);
        assert_eq!(hashes(&found, "t@"), [format!("SHA-256:{}", "ab".repeat(32))]);
    }

    #[test]
    fn groups_sources_and_pdm() {
        let source = "groups = [\"dev\"]\n[package.source]\ntype = \"git\"\nurl = \"https://example.org/g\"\nresolved_reference = \"abc\"";
        let text =
            package("g", "1", source) + &package("m", "1", "groups = [\"main\", \"dev\"]\noptional = true");
        let found = inventory(&[("poetry.lock", &text)]);
        assert_eq!(component(&found, "g").scope, Scope::Development);
        assert_eq!(component(&found, "m").scope, Scope::Optional);
        assert_eq!(
            component(&found, "g").purl().as_str(),
            "pkg:pypi/g@1?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fg%40abc"
        );
        let pdm = package(
            "a",
            "1",
            "groups = [\"default\"]\ndependencies = [\"b>=1; python_version > '3'\"]",
        ) + &package("b", "2", "");
        let found = inventory(&[("pdm.lock", &pdm)]);
        assert_eq!(needs(&found, "a@"), ["pkg:pypi/b@2"]);
    }

    #[test]
    fn a_file_without_its_last_table_is_cut() {
        let cut = package("a", "1.0", "");
        let found = inventory(&[("poetry.lock", &cut)]);
        assert_eq!(purls(&found), ["pkg:pypi/a@1.0"]);
        assert_eq!(
            problems(&found),
            ["poetry.lock:7: has no table `metadata`, which its tool writes: the file is cut"]
        );
        let whole = format!("{cut}\n[metadata]\nlock-version = \"2.1\"\n");
        assert_eq!(problems(&inventory(&[("poetry.lock", &whole)])), [""; 0]);
    }
}
