//! `Cargo.lock`, versions 1 to 4. Format: <https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html> and Cargo's `resolver/encode.rs`.
//!
//! Packages without a source are the project's own: they are no components, and what they need is direct.

use super::draft::{Draft, Node};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, HashAlgorithm, Scope};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use toml::Spanned;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
const SPARSE: &str = "sparse+https://index.crates.io/";

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    version: u32,
    #[serde(default)]
    package: Vec<Package>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Package {
    name: Spanned<String>,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// How a dependency names a package: with as much as makes it unique.
type Key<'l> = (&'l str, Option<&'l str>, Option<&'l str>);

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Lock = super::toml_document(file)?;
    if lock.version > 4 {
        return Err(Failure::new(format!(
            "is of version {}; versions up to 4 are known",
            lock.version
        )));
    }
    let mut draft = Draft::default();
    let mut nodes: Vec<Option<Node>> = Vec::new();
    for package in &lock.package {
        nodes.push(match package.source {
            Some(_) => node(file, &lock, package, &mut draft),
            None => None,
        });
    }
    let index = index(&lock.package);
    for (package, node) in lock.package.iter().zip(&nodes) {
        for dependency in &package.dependencies {
            let Some(found) = index.get(&key(dependency)) else {
                let line = file.lines.of(package.name.span().start);
                draft.problem(line, format!("{dependency:?} is needed, and not in the file"));
                continue;
            };
            let Some(needed) = nodes.get(*found).copied().flatten() else {
                continue;
            };
            match (node, &package.source) {
                (Some(node), _) => draft.need(*node, needed),
                (None, None) => draft.direct(needed, Scope::Required),
                (None, Some(_)) => {}
            }
        }
    }
    Ok(draft)
}

fn key(dependency: &str) -> Key<'_> {
    let mut parts = dependency.splitn(3, ' ');
    let name = parts.next().unwrap_or(dependency);
    let version = parts.next();
    let source = parts
        .next()
        .map(|source| source.trim_start_matches('(').trim_end_matches(')'));
    (name, version, source)
}

/// Every way to name a package; where several fit, the file says more.
fn index(packages: &[Package]) -> HashMap<Key<'_>, usize> {
    let mut index = HashMap::new();
    for (number, package) in packages.iter().enumerate() {
        let (name, version) = (package.name.get_ref().as_str(), package.version.as_str());
        let source = package.source.as_deref();
        index.insert((name, None, None), number);
        index.insert((name, Some(version), None), number);
        index.insert((name, Some(version), source), number);
        // A source of Git is named without the commit.
        let plain = source.and_then(|source| source.split_once('#'));
        index.insert((name, Some(version), plain.map(|(plain, _)| plain)), number);
    }
    index
}

fn node(file: &File<'_>, lock: &Lock, package: &Package, draft: &mut Draft) -> Option<Node> {
    let at = file.place(package.name.span().start);
    let line = at.line.unwrap_or(1);
    let source = package.source.as_deref().unwrap_or_default();
    let qualifier = if source.starts_with("git+") {
        ("vcs_url", source.replacen('#', "@", 1))
    } else if source == REGISTRY || source == SPARSE {
        ("repository_url", String::new())
    } else {
        let plain = source.split_once('+').map_or(source, |(_, url)| url);
        ("repository_url", plain.to_owned())
    };
    let name = package.name.get_ref();
    let component = Component::qualified(
        Ecosystem::Cargo,
        None,
        name,
        Some(&package.version),
        &[(qualifier.0, &qualifier.1)],
    );
    let node = draft.try_add(line, component.map(|component| component.found_at(at)))?;
    // Version 1 keeps the checksums apart.
    let old = format!("checksum {name} {} ({source})", package.version);
    let checksum = package.checksum.as_ref().or_else(|| lock.metadata.get(&old));
    if let Some(checksum) = checksum.filter(|text| *text != "<none>") {
        draft.hash(node, line, Hash::from_hex(HashAlgorithm::Sha256, checksum));
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{hashes, inventory, needs, problems, purls};

    const LOCK: &str = r#"version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = [
 "log 0.4.1",
 "tool",
]

[[package]]
name = "log"
version = "0.3.9"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
dependencies = ["log 0.4.1"]

[[package]]
name = "log"
version = "0.4.1"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "tool"
version = "1.0.0"
source = "git+https://example.org/tool?branch=main#0123abc"
dependencies = ["log 0.3.9 (registry+https://github.com/rust-lang/crates.io-index)"]
"#;

    #[test]
    fn packages_sources_and_dependencies() {
        let found = inventory(&[("sub/Cargo.lock", LOCK)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:cargo/log@0.3.9",
                "pkg:cargo/log@0.4.1",
                "pkg:cargo/tool@1.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Ftool%3Fbranch%3Dmain%400123abc",
            ]
        );
        assert_eq!(needs(&found, "log@0.3.9"), ["pkg:cargo/log@0.4.1"]);
        assert_eq!(needs(&found, "tool"), ["pkg:cargo/log@0.3.9"]);
        assert_eq!(
            hashes(&found, "log@0.3.9"),
            [format!("SHA-256:{}", "a".repeat(64))]
        );
        let direct: Vec<_> = found.direct().into_iter().map(|purl| purl.as_str()).collect();
        assert_eq!(direct.len(), 2, "{direct:?}");
        let lines: Vec<_> = found
            .components()
            .flat_map(|component| &component.locations)
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            ["sub/Cargo.lock:12", "sub/Cargo.lock:19", "sub/Cargo.lock:24"]
        );
        assert!(found.problems.is_empty(), "{:?}", found.problems);
    }

    #[test]
    fn version_1_keeps_checksums_apart() {
        let text = format!(
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"{0}\"\n[metadata]\n\"checksum a 1.0.0 ({0})\" = \"{1}\"\n",
            super::REGISTRY,
            "b".repeat(64)
        );
        let found = inventory(&[("Cargo.lock", &text)]);
        assert_eq!(hashes(&found, "a@1.0.0"), [format!("SHA-256:{}", "b".repeat(64))]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let damaged = LOCK.replace("\"tool\",", "\"gone\",").replace("\"aaaa", "\"xaaa");
        assert_eq!(
            problems(&inventory(&[("Cargo.lock", &damaged)])),
            [
                "Cargo.lock:4: \"gone\" is needed, and not in the file".to_owned(),
                format!("Cargo.lock:12: \"x{}\" is no SHA-256 digest", "a".repeat(63)),
            ]
        );
        assert_eq!(
            problems(&inventory(&[("Cargo.lock", "version = 5\n")])),
            ["Cargo.lock: is of version 5; versions up to 4 are known"]
        );
        let text = problems(&inventory(&[(
            "Cargo.lock",
            "version = 4\n[[package]]\nname = \n",
        )]))
        .join("\n");
        assert!(text.starts_with("Cargo.lock:3: not TOML:"), "{text}");
    }
}
