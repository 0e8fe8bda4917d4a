//! `uv.lock`. Format: <https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile>.

use super::draft::{Draft, Node};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, Scope};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use toml::Spanned;

#[derive(Deserialize)]
struct Lock {
    version: u32,
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: Spanned<String>,
    version: Option<String>,
    #[serde(default)]
    source: BTreeMap<String, toml::Value>,
    #[serde(default)]
    dependencies: Vec<Need>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Need>>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<Need>>,
    sdist: Option<Artifact>,
    #[serde(default)]
    wheels: Vec<Artifact>,
}

#[derive(Deserialize)]
struct Need {
    name: String,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Artifact {
    hash: Option<String>,
}

impl Package {
    /// Whether it is the project's own.
    fn is_local(&self) -> bool {
        ["virtual", "editable", "directory", "path"]
            .iter()
            .any(|kind| self.source.contains_key(*kind))
    }
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Lock = super::toml_document(file)?;
    if lock.version != 1 {
        return Err(Failure::new(format!(
            "is of version {}; version 1 is known",
            lock.version
        )));
    }
    let mut draft = Draft::default();
    let mut index: HashMap<&str, Vec<(Option<&str>, Node)>> = HashMap::new();
    let mut nodes = Vec::new();
    for package in &lock.package {
        let node = if package.is_local() {
            None
        } else {
            node(file, package, &mut draft)
        };
        nodes.push(node);
        let known = index.entry(package.name.get_ref()).or_default();
        known.extend(node.map(|node| (package.version.as_deref(), node)));
    }
    for (package, node) in lock.package.iter().zip(&nodes) {
        let optional = package
            .optional_dependencies
            .values()
            .flatten()
            .map(|need| (need, Scope::Optional));
        let development = package
            .dev_dependencies
            .values()
            .flatten()
            .map(|need| (need, Scope::Development));
        let required = package.dependencies.iter().map(|need| (need, Scope::Required));
        for (need, scope) in required.chain(optional).chain(development) {
            let version = need.version.as_deref();
            let candidates = index.get(need.name.as_str()).into_iter().flatten();
            for (_, to) in candidates.filter(|(own, _)| version.is_none() || *own == version) {
                match node {
                    Some(from) => draft.need(*from, *to),
                    None => draft.direct(*to, scope),
                }
            }
        }
    }
    draft.spread_scopes();
    Ok(draft)
}

fn node(file: &File<'_>, package: &Package, draft: &mut Draft) -> Option<Node> {
    let at = file.place(package.name.span().start);
    let line = at.line.unwrap_or(1);
    let source = |kind: &str| package.source.get(kind).and_then(toml::Value::as_str);
    let qualifier = if let Some(git) = source("git") {
        ("vcs_url", format!("git+{}", git.replacen('#', "@", 1)))
    } else if let Some(url) = source("url") {
        ("download_url", url.to_owned())
    } else {
        let registry = source("registry").filter(|url| !url.starts_with("https://pypi.org/"));
        ("repository_url", registry.unwrap_or_default().to_owned())
    };
    let component = Component::qualified(
        Ecosystem::PyPi,
        None,
        package.name.get_ref(),
        package.version.as_deref(),
        &[(qualifier.0, &qualifier.1)],
    );
    let node = draft.try_add(line, component.map(|component| component.found_at(at)))?;
    for artifact in package.sdist.iter().chain(&package.wheels) {
        if let Some(hash) = &artifact.hash {
            draft.hash(node, line, Hash::from_prefixed(hash));
        }
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, hashes, inventory, needs, problems, purls};
    use crate::model::Scope;

    #[test]
    fn packages_sources_and_scopes() {
        let text = format!(
            r#"version = 1
[[package]]
name = "app"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [{{ name = "a" }}, {{ name = "n", version = "2.0" }}]
[package.dev-dependencies]
dev = [{{ name = "t" }}]
[[package]]
name = "a"
version = "1.0"
source = {{ registry = "https://pypi.org/simple" }}
dependencies = [{{ name = "n", version = "2.0", marker = "python_version > '3'" }}]
sdist = {{ url = "https://x/a.tar.gz", hash = "sha256:{0}", size = 1 }}
[[package]]
name = "n"
version = "1.0"
source = {{ registry = "https://pypi.org/simple" }}
[[package]]
name = "n"
version = "2.0"
source = {{ registry = "https://own.example.org/simple" }}
[[package]]
name = "t"
version = "3.0"
source = {{ git = "https://example.org/t?rev=main#abc" }}
dependencies = [{{ name = "n", version = "1.0" }}]
"#,
            "cd".repeat(32)
        );
        let found = inventory(&[("uv.lock", &text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:pypi/a@1.0",
                "pkg:pypi/n@1.0",
                "pkg:pypi/n@2.0?repository_url=https:%2F%2Fown.example.org%2Fsimple",
                "pkg:pypi/t@3.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Ft%3Frev%3Dmain%40abc",
            ]
        );
        assert_eq!(needs(&found, "a@").len(), 1);
        assert_eq!(hashes(&found, "a@"), [format!("SHA-256:{}", "cd".repeat(32))]);
        assert_eq!(component(&found, "n@1").scope, Scope::Development);
        assert_eq!(component(&found, "n@2").scope, Scope::Required);
        assert_eq!(problems(&inventory(&[("uv.lock", "version = 2\n")])).len(), 1);
    }
}
