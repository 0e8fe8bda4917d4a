//! `composer.lock`. Format: <https://getcomposer.org/doc/01-basic-usage.md#commit-your-composer-lock-file-to-version-control>.

use super::draft::{Draft, Node};
use super::{Failure, File, json, lines};
use crate::model::{Component, Ecosystem, Hash, HashAlgorithm, Licence, Scope};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lock<'t> {
    #[serde(borrow, default)]
    packages: Vec<&'t RawValue>,
    #[serde(borrow, default)]
    packages_dev: Option<Vec<&'t RawValue>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    dist: Option<Source>,
    /// Composer writes an empty table as a list.
    #[serde(default)]
    require: serde_json::Value,
    #[serde(default)]
    license: serde_json::Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    r#type: String,
    url: String,
    reference: Option<String>,
    shasum: Option<String>,
}

/// What `composer.json` asks for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Manifest {
    require: BTreeMap<String, String>,
    require_dev: BTreeMap<String, String>,
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Lock<'_> = json::document(file)?;
    let mut draft = Draft::default();
    let mut index: HashMap<String, Node> = HashMap::new();
    let mut needs = Vec::new();
    let development = lock
        .packages_dev
        .unwrap_or_default()
        .into_iter()
        .map(|raw| (raw, Scope::Development));
    for (raw, scope) in lock
        .packages
        .into_iter()
        .map(|raw| (raw, Scope::Required))
        .chain(development)
    {
        let (line, package) = json::value::<Package>(file, raw);
        let package = match package {
            Ok(package) => package,
            Err(message) => {
                draft.problem(line, format!("a package is {message}"));
                continue;
            }
        };
        let line = name_line(file, raw).unwrap_or(line);
        if let Some(node) = node(file, line, &package, scope, &mut draft) {
            index.insert(package.name.to_lowercase(), node);
            let names = package.require.as_object().into_iter().flatten();
            needs.extend(names.map(|(name, _)| (node, name.to_lowercase())));
        }
    }
    for (from, name) in needs {
        if let Some(to) = index.get(&name) {
            draft.need(from, *to);
        }
    }
    let text = super::beside(file, "composer.json").unwrap_or_default();
    let manifest: Manifest = serde_json::from_str(&text).unwrap_or_default();
    for (names, scope) in [
        (manifest.require, Scope::Required),
        (manifest.require_dev, Scope::Development),
    ] {
        for name in names.keys() {
            if let Some(node) = index.get(&name.to_lowercase()) {
                draft.direct(*node, scope);
            }
        }
    }
    Ok(draft)
}

/// The line of a package's name, not of the bracket before it.
fn name_line(file: &File<'_>, raw: &RawValue) -> Option<u32> {
    #[derive(Deserialize)]
    struct Named<'t> {
        #[serde(borrow)]
        name: &'t RawValue,
    }
    let named: Named<'_> = serde_json::from_str(raw.get()).ok()?;
    Some(file.lines.of(lines::offset_in(file.text, named.name.get())))
}

fn node(file: &File<'_>, line: u32, package: &Package, scope: Scope, draft: &mut Draft) -> Option<Node> {
    if package.dist.as_ref().is_some_and(|dist| dist.r#type == "path") {
        return None;
    }
    // A branch names no content; the commit does.
    let source = package
        .source
        .as_ref()
        .filter(|_| package.version.starts_with("dev-"));
    let git = source.map(|source| {
        let reference = source.reference.as_deref().unwrap_or_default();
        format!("{}+{}@{reference}", source.r#type, source.url)
    });
    let qualifiers = [("vcs_url", git.as_deref().unwrap_or_default())];
    let component = Component::qualified(
        Ecosystem::Composer,
        None,
        &package.name,
        Some(&package.version),
        &qualifiers,
    );
    let node = draft.try_add(line, component.map(|component| component.found_at(file.at(line))))?;
    let digest = package.dist.as_ref().and_then(|dist| dist.shasum.as_deref());
    if let Some(digest) = digest.filter(|digest| !digest.is_empty()) {
        draft.hash(node, line, Hash::from_hex(HashAlgorithm::Sha1, digest));
    }
    let component = draft.node_mut(node)?;
    component.scope = scope;
    component.licences.extend(licence(&package.license));
    Some(node)
}

/// One, or several of which one may be chosen.
pub(crate) fn licence(value: &serde_json::Value) -> Option<Licence> {
    let list = value.as_array().into_iter().flatten();
    let all: Vec<&str> = list
        .chain([value])
        .filter_map(serde_json::Value::as_str)
        .collect();
    Licence::parse(&all.join(" OR "))
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, inventory, needs, problems, purls};
    use crate::model::Scope;

    #[test]
    fn packages_licences_and_branches() {
        let text = r#"{"packages": [
{"name": "A/b", "version": "v1.0.0", "require": {"php": ">=8", "c/d": "^2"}, "license": ["MIT", "GPL-3.0-only"],
 "dist": {"type": "zip", "url": "https://x", "shasum": "0101010101010101010101010101010101010101"}},
{"name": "bad", "version": "1"},
{"name": "own/x", "version": "1", "dist": {"type": "path", "url": "../x"}}],
"packages-dev": [
{
"name": "c/d", "version": "dev-feature/y", "require": [],
"source": {"type": "git", "url": "https://example.org/d.git", "reference": "abc"}}]}"#;
        let found = inventory(&[("composer.lock", text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:composer/a/b@v1.0.0",
                "pkg:composer/c/d@dev-feature%2Fy?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fd.git%40abc",
            ]
        );
        assert_eq!(needs(&found, "a/b").len(), 1);
        let first = component(&found, "a/b");
        assert_eq!(
            first.licences.iter().next().unwrap().as_str(),
            "MIT OR GPL-3.0-only"
        );
        let second = component(&found, "c/d");
        assert_eq!(second.scope, Scope::Development);
        assert_eq!(second.locations.iter().next().unwrap().line, Some(8));
        let found = problems(&found);
        assert!(
            found[0].starts_with(
                "composer.lock:4: a package is left out: \"bad\" is no name of the form vendor/name"
            ),
            "{found:?}"
        );
    }
}
