//! `packages.lock.json`. Format: <https://learn.microsoft.com/en-us/nuget/consume-packages/package-references-in-project-files#locking-dependencies>.

use super::draft::{Draft, Node};
use super::json::{self, Members};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, HashAlgorithm, Scope};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
struct Lock<'t> {
    version: u32,
    #[serde(borrow, default)]
    dependencies: BTreeMap<String, Members<'t>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    r#type: String,
    requested: Option<String>,
    resolved: Option<String>,
    content_hash: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Lock<'_> = json::document(file)?;
    if lock.version > 2 {
        return Err(Failure::new(format!(
            "is of version {}; versions 1 and 2 are known",
            lock.version
        )));
    }
    let mut draft = Draft::default();
    for members in lock.dependencies.into_values() {
        framework(file, members, &mut draft);
    }
    Ok(draft)
}

/// The packages for one target framework; others may have other versions.
fn framework(file: &File<'_>, members: Members<'_>, draft: &mut Draft) {
    let mut nodes: HashMap<String, Node> = HashMap::new();
    let mut needs = Vec::new();
    for (name, raw) in members {
        let (line, package) = json::value::<Package>(file, raw);
        let package = match package {
            Ok(package) => package,
            Err(message) => {
                draft.problem(line, format!("{name:?} is {message}"));
                continue;
            }
        };
        // Another project of the solution is no package; what it needs is the solution's.
        let node = if package.r#type == "Project" {
            None
        } else {
            node(file, line, &name, &package, draft)
        };
        if let Some(node) = node {
            nodes.insert(name.to_lowercase(), node);
        }
        needs.push((node, package.dependencies));
    }
    for (from, names) in needs {
        for name in names.keys() {
            match (from, nodes.get(&name.to_lowercase())) {
                (Some(from), Some(to)) => draft.need(from, *to),
                (None, Some(to)) => draft.direct(*to, Scope::Required),
                (_, None) => {}
            }
        }
    }
}

fn node(file: &File<'_>, line: u32, name: &str, package: &Package, draft: &mut Draft) -> Option<Node> {
    let component = Component::new(Ecosystem::NuGet, name, package.resolved.as_deref());
    let node = draft.try_add(line, component.map(|component| component.found_at(file.at(line))))?;
    if let Some(hash) = &package.content_hash {
        draft.hash(node, line, Hash::from_base64(HashAlgorithm::Sha512, hash));
    }
    if package.r#type == "Direct" {
        draft.direct(node, Scope::Required);
    }
    if package.resolved.is_none() {
        draft.node_mut(node)?.requirement.clone_from(&package.requested);
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{hashes, inventory, needs, problems, purls};
    use base64::Engine as _;

    #[test]
    fn frameworks_have_their_own_versions() {
        let hash = base64::engine::general_purpose::STANDARD.encode([7; 64]);
        let text = format!(
            r#"{{"version": 1, "dependencies": {{
"net8.0": {{
"A.B": {{"type": "Direct", "requested": "[1.0, )", "resolved": "1.0.0", "contentHash": "{hash}", "dependencies": {{"c": "2.0.0"}}}},
"C": {{"type": "Transitive", "resolved": "2.0.0", "contentHash": "{hash}"}},
"own": {{"type": "Project", "dependencies": {{"C": "[2.0.0, )"}}}},
"bad": {{"type": 1}}}},
"net472": {{"C": {{"type": "Direct", "resolved": "1.9.0", "contentHash": "{hash}"}}}}}}}}"#
        );
        let found = inventory(&[("packages.lock.json", &text)]);
        assert_eq!(
            purls(&found),
            ["pkg:nuget/A.B@1.0.0", "pkg:nuget/C@1.9.0", "pkg:nuget/C@2.0.0"]
        );
        assert_eq!(needs(&found, "A.B"), ["pkg:nuget/C@2.0.0"]);
        assert_eq!(hashes(&found, "A.B"), [format!("SHA-512:{}", "07".repeat(64))]);
        assert!(problems(&found)[0].starts_with("packages.lock.json:6: \"bad\" is"));
        assert_eq!(found.direct().len(), 3);
    }
}
