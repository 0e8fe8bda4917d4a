//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
//! Format: <https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json>.
//!
//! Versions 2 and 3 list packages by the directory that they are installed in; version 1 nests them. Either way a package that needs another gets
//! the one in the nearest `node_modules` above it, as Node.js resolves it.

use super::draft::{Draft, Node};
use super::json::{self, Members};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, Licence, Scope};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

/// Version 1 nests packages; npm itself makes no deeper trees than file systems take.
const MAX_DEPTH: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock<'t> {
    lockfile_version: Option<u32>,
    #[serde(borrow, default)]
    packages: Option<Members<'t>>,
    #[serde(borrow, default)]
    dependencies: Option<Members<'t>>,
}

/// An entry of either form.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<serde_json::Value>,
    integrity: Option<String>,
    link: bool,
    dev: bool,
    optional: bool,
    dev_optional: bool,
    license: Option<serde_json::Value>,
    requires: Option<serde_json::Value>,
    dependencies: Option<serde_json::Value>,
    optional_dependencies: BTreeMap<String, String>,
    peer_dependencies: BTreeMap<String, String>,
    dev_dependencies: BTreeMap<String, String>,
}

/// What one directory holds.
struct Place {
    path: String,
    entry: Entry,
    node: Option<Node>,
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Lock<'_> = json::document(file)?;
    let mut draft = Draft::default();
    let mut places = Vec::new();
    match (lock.packages, lock.dependencies) {
        _ if lock.lockfile_version.is_some_and(|version| version > 3) => {
            return Err(Failure::new("is of a version above 3, which is not known"));
        }
        (Some(packages), _) => {
            for (path, raw) in packages {
                place(file, path, raw, &mut draft, &mut places);
            }
        }
        (None, Some(dependencies)) => {
            nested(file, "", dependencies, &mut draft, &mut places, 0)?;
            places.push(root_beside(file));
        }
        (None, None) => {}
    }
    let index: HashMap<&str, usize> = places
        .iter()
        .enumerate()
        .map(|(number, place)| (place.path.as_str(), number))
        .collect();
    for place in &places {
        for (name, scope) in place.entry.needs() {
            let found = resolve(&index, &places, &place.path, &name);
            match (place.node, found) {
                (Some(from), Some(to)) => draft.need(from, to),
                // The project itself, or a workspace of it.
                (None, Some(to)) => draft.direct(to, scope),
                // Optional packages and peers need not be there.
                (_, None) => {}
            }
        }
    }
    Ok(draft)
}

/// Version 1 does not say what the project needs itself; the file beside it does.
fn root_beside(file: &File<'_>) -> Place {
    let text = super::beside(file, "package.json");
    Place {
        path: String::new(),
        entry: text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default(),
        node: None,
    }
}

fn place(file: &File<'_>, path: String, raw: &RawValue, draft: &mut Draft, places: &mut Vec<Place>) {
    let (line, entry) = json::value::<Entry>(file, raw);
    let entry = match entry {
        Ok(entry) => entry,
        Err(message) => return draft.problem(line, format!("{path:?} is {message}")),
    };
    let installed = path.rsplit_once("node_modules/").map(|(_, name)| name.to_owned());
    let node = installed
        .filter(|_| !entry.link)
        .and_then(|name| node(file, line, &name, &entry, draft));
    places.push(Place { path, entry, node });
}

fn nested(
    file: &File<'_>,
    above: &str,
    members: Members<'_>,
    draft: &mut Draft,
    places: &mut Vec<Place>,
    depth: usize,
) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        return Err(Failure::new(format!("nests packages more than {MAX_DEPTH} deep")));
    }
    for (name, raw) in members {
        let path = if above.is_empty() {
            format!("node_modules/{name}")
        } else {
            format!("{above}/node_modules/{name}")
        };
        let inner: Option<Inner<'_>> = serde_json::from_str(raw.get()).ok();
        place(file, path.clone(), raw, draft, places);
        if let Some(members) = inner.and_then(|inner| inner.dependencies) {
            nested(file, &path, members, draft, places, depth.saturating_add(1))?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Inner<'t> {
    #[serde(borrow, default)]
    dependencies: Option<Members<'t>>,
}

fn node(file: &File<'_>, line: u32, name: &str, entry: &Entry, draft: &mut Draft) -> Option<Node> {
    let version = entry.version.as_deref().unwrap_or_default();
    // An alias (`npm:other@1`) is installed under another name.
    let alias = version
        .strip_prefix("npm:")
        .and_then(|text| text.rsplit_once('@'));
    let resolved = entry
        .resolved
        .as_ref()
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let (name, version) = alias.unwrap_or((entry.name.as_deref().unwrap_or(name), version));
    if version.starts_with("file:") || resolved.starts_with("file:") && !resolved.ends_with(".tgz") {
        return None;
    }
    // Version 1 has the place of what is not in a registry for a version.
    let (version, place) =
        if version.contains("://") || version.starts_with("git+") || version.starts_with("github:") {
            (None, version)
        } else {
            (Some(version).filter(|version| !version.is_empty()), resolved)
        };
    let (key, place) = super::npm_place(name, place);
    let component = Component::qualified(Ecosystem::Npm, None, name, version, &[(key, &place)]);
    let node = draft.try_add(line, component.map(|component| component.found_at(file.at(line))))?;
    draft.integrity(node, line, entry.integrity.as_deref().map(Hash::from_integrity));
    let component = draft.node_mut(node)?;
    component.scope = match entry {
        Entry { dev: true, .. } => Scope::Development,
        Entry { optional: true, .. }
        | Entry {
            dev_optional: true, ..
        } => Scope::Optional,
        _ => Scope::Required,
    };
    component.licences.extend(licence(entry.license.as_ref()));
    Some(node)
}

/// `"MIT"`, or the old form `{"type": "MIT"}`.
pub(crate) fn licence(value: Option<&serde_json::Value>) -> Option<Licence> {
    let value = value?;
    let text = value.as_str().or_else(|| value.get("type")?.as_str())?;
    Licence::parse(text)
}

impl Entry {
    /// The names of what it needs, and what for.
    fn needs(&self) -> Vec<(String, Scope)> {
        let keys = |value: &Option<serde_json::Value>| -> Vec<String> {
            let members = value.as_ref().and_then(serde_json::Value::as_object);
            // In version 1, what stands inside is a member here; what is needed is in `requires`.
            let plain = members
                .into_iter()
                .flatten()
                .filter(|(_, value)| value.is_string());
            plain.map(|(name, _)| name.clone()).collect()
        };
        let mut needs = Vec::new();
        let required = keys(&self.dependencies).into_iter().chain(keys(&self.requires));
        needs.extend(required.map(|name| (name, Scope::Required)));
        let optional = self
            .optional_dependencies
            .keys()
            .chain(self.peer_dependencies.keys());
        needs.extend(optional.map(|name| (name.clone(), Scope::Optional)));
        needs.extend(
            self.dev_dependencies
                .keys()
                .map(|name| (name.clone(), Scope::Development)),
        );
        needs
    }
}

/// The package that a directory's package gets for a name: the nearest above it.
fn resolve(index: &HashMap<&str, usize>, places: &[Place], from: &str, name: &str) -> Option<Node> {
    let mut directory = from;
    loop {
        let candidate = if directory.is_empty() {
            format!("node_modules/{name}")
        } else {
            format!("{directory}/node_modules/{name}")
        };
        if let Some(place) = index
            .get(candidate.as_str())
            .and_then(|number| places.get(*number))
        {
            return place.node;
        }
        if directory.is_empty() {
            return None;
        }
        directory = directory.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, inventory, needs, problems, purls};
    use crate::model::Scope;

    const INTEGRITY: &str = "sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn lock(version: u32, packages: &str) -> String {
        format!("{{\n\"lockfileVersion\": {version},\n\"packages\": {{\n{packages}\n}}}}")
    }

    #[test]
    fn packages_are_resolved_as_node_resolves_them() {
        let text = lock(
            3,
            &format!(
                r#""": {{"name": "app", "dependencies": {{"a": "^1", "ui": "*"}}, "devDependencies": {{"t": "1"}}}},
"node_modules/a": {{"version": "1.0.0", "integrity": "{INTEGRITY}", "license": "MIT", "dependencies": {{"@s/b": "2", "none": "1"}}}},
"node_modules/a/node_modules/@s/b": {{"version": "2.0.0", "peerDependencies": {{"t": "*"}}}},
"node_modules/@s/b": {{"version": "1.0.0", "optional": true}},
"node_modules/t": {{"version": "3.0.0", "dev": true, "resolved": "git+ssh://git@example.org/t.git#abc"}},
"node_modules/x": {{"name": "real", "version": "4.0.0", "resolved": "https://npm.example.org/real/-/real-4.0.0.tgz"}},
"node_modules/ui": {{"resolved": "packages/ui", "link": true}},
"packages/ui": {{"version": "0.0.1", "dependencies": {{"x": "npm:real@4"}}}}"#
            ),
        );
        let found = inventory(&[("package-lock.json", &text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:npm/%40s/b@1.0.0",
                "pkg:npm/%40s/b@2.0.0",
                "pkg:npm/a@1.0.0",
                "pkg:npm/real@4.0.0?repository_url=https:%2F%2Fnpm.example.org",
                "pkg:npm/t@3.0.0?vcs_url=git%2Bssh:%2F%2Fgit%40example.org%2Ft.git%40abc",
            ]
        );
        assert_eq!(needs(&found, "a@"), ["pkg:npm/%40s/b@2.0.0"]);
        assert_eq!(needs(&found, "%40s/b@2").len(), 1);
        let a = component(&found, "a@");
        assert_eq!(a.licences.iter().next().unwrap().as_str(), "MIT");
        assert_eq!(a.hashes.iter().next().unwrap().hex(), "01".repeat(20));
        assert_eq!(
            a.locations.iter().next().unwrap().to_string(),
            "package-lock.json:5"
        );
        assert_eq!(component(&found, "t@").scope, Scope::Development);
        assert_eq!(component(&found, "%40s/b@1").scope, Scope::Optional);
        assert!(problems(&found).is_empty(), "{:?}", found.problems);
        let direct: Vec<_> = found
            .direct()
            .iter()
            .map(|purl| purl.as_str().to_owned())
            .collect();
        assert!(direct.contains(&"pkg:npm/a@1.0.0".to_owned()), "{direct:?}");
        assert!(!direct.contains(&"pkg:npm/%40s/b@2.0.0".to_owned()), "{direct:?}");
    }

    #[test]
    fn the_nearest_package_above_is_taken_at_every_level() {
        let text = lock(
            3,
            r#""node_modules/a": {"version": "1.0.0", "dependencies": {"b": "*"}},
"node_modules/a/node_modules/b": {"version": "1.0.0", "dependencies": {"c": "*", "d": "*"}},
"node_modules/a/node_modules/c": {"version": "2.0.0"},
"node_modules/c": {"version": "1.0.0"},
"node_modules/d": {"version": "1.0.0"}"#,
        );
        let found = inventory(&[("package-lock.json", &text)]);
        assert_eq!(needs(&found, "b@"), ["pkg:npm/c@2.0.0", "pkg:npm/d@1.0.0"]);
    }

    #[test]
    fn an_archive_on_disk_is_a_package_and_a_directory_is_none() {
        let text = lock(
            3,
            r#""node_modules/packed": {"version": "1.0.0", "resolved": "file:vendor/packed-1.0.0.tgz"},
"node_modules/beside": {"version": "1.0.0", "resolved": "file:../beside"}"#,
        );
        let found = purls(&inventory(&[("package-lock.json", &text)]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("pkg:npm/packed@1.0.0"), "{found:?}");
    }

    #[test]
    fn version_1_nests_packages() {
        let text = format!(
            r#"{{"lockfileVersion": 1, "dependencies": {{
"a": {{"version": "1.0.0", "integrity": "{INTEGRITY}", "requires": {{"b": "^2"}},
  "dependencies": {{"b": {{"version": "2.0.0"}}}}}},
"b": {{"version": "1.0.0", "dev": true}},
"g": {{"version": "git+https://example.org/g.git#abc"}}}}}}"#
        );
        let manifest = r#"{"dependencies": {"a": "1"}, "devDependencies": {"b": "1"}}"#;
        let found = inventory(&[("npm-shrinkwrap.json", &text), ("package.json", manifest)]);
        assert_eq!(needs(&found, "a@"), ["pkg:npm/b@2.0.0"]);
        assert_eq!(component(&found, "b@1").scope, Scope::Development);
        assert_eq!(
            component(&found, "g").purl().as_str(),
            "pkg:npm/g?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fg.git%40abc"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let text = lock(
            3,
            "\"node_modules/a\": {\"version\": 1},\n\"node_modules/b\": {\"version\": \"1\", \"integrity\": \"sha512-x\"}",
        );
        let found = problems(&inventory(&[("package-lock.json", &text)]));
        assert!(
            found[0].starts_with("package-lock.json:4: \"node_modules/a\" is not as expected"),
            "{found:?}"
        );
        assert_eq!(found[1], "package-lock.json:5: \"x\" is no SHA-512 digest");
        let found = problems(&inventory(&[("package-lock.json", "{\n\"packages\": [}")]));
        assert!(
            found[0].starts_with("package-lock.json:2: not as expected"),
            "{found:?}"
        );
        assert_eq!(
            problems(&inventory(&[("package-lock.json", "{\"lockfileVersion\": 4}")])).len(),
            1
        );
    }
}
