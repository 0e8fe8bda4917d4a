//! House rules that no lint checks: which crate may depend on which, where tokio may appear, and how long a file may grow.

use crate::shell::{cargo, output, root};
use anyhow::{Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Our crates from the bottom up; a crate may depend only on crates named before it.
const LAYERS: &[&str] = &[
    "stele-types",
    "stele-rego",
    "stele-contract",
    "stele-policy",
    "stele-lsp",
    "stele-gate",
    "stele-secrets",
    "stele-sbom",
    "stele-vuln",
    "stele-ledger",
    "stele-chain",
    "stele-pdp",
    "stele-verifier",
    "stele-server",
    "stele",
];

/// Who may depend on tokio directly.
const ASYNC: &[&str] = &["stele-chain", "stele-verifier", "stele-server", "stele"];

/// Lines a source file may have, its tests not counted: "about 600" of docs/architecture.md, with room for its comments.
const MAX_LINES: usize = 650;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    optional: bool,
}

/// Fails with every breach found.
pub(crate) fn run() -> Result<()> {
    let text = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let mut breaches = direction(&serde_json::from_str(&text)?);
    breaches.extend(long_files()?);
    if !breaches.is_empty() {
        bail!("house rules:\n  {}", breaches.join("\n  "));
    }
    Ok(())
}

fn direction(metadata: &Metadata) -> Vec<String> {
    let rank: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .map(|(rank, name)| (*name, rank))
        .collect();
    let mut breaches = Vec::new();
    for package in &metadata.packages {
        let Some(own) = rank.get(package.name.as_str()) else {
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|d| d.kind.as_deref() != Some("dev"))
        {
            if rank
                .get(dependency.name.as_str())
                .is_some_and(|other| other >= own)
            {
                breaches.push(format!(
                    "{} must not depend on {}: dependencies point down only",
                    package.name, dependency.name
                ));
            }
            if dependency.name == "tokio" && !ASYNC.contains(&package.name.as_str()) {
                breaches.push(format!(
                    "{} must not depend on tokio: only {} may",
                    package.name,
                    ASYNC.join(", ")
                ));
            }
            if dependency.name == "regorus" && !dependency.optional {
                breaches.push(format!(
                    "{} must not depend on regorus outside its tests: it is an oracle, behind a feature",
                    package.name
                ));
            }
            if dependency.name == "stele-testkit" {
                breaches.push(format!(
                    "{} must not depend on the test kit outside its tests",
                    package.name
                ));
            }
        }
    }
    breaches
}

fn long_files() -> Result<Vec<String>> {
    let mut files = Vec::new();
    for folder in ["crates", "tools", "contracts/src"] {
        let folder = root().join(folder);
        if folder.is_dir() {
            collect(&folder, &mut files)?;
        }
    }
    let mut breaches = Vec::new();
    for file in files {
        let lines = code_lines(&std::fs::read_to_string(&file)?);
        if lines > MAX_LINES {
            let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            breaches.push(format!(
                "{name} has {lines} lines without tests; {MAX_LINES} is the limit: split it"
            ));
        }
    }
    Ok(breaches)
}

/// Lines up to an in-file test module.
fn code_lines(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.is_dir() {
            if !["tests", "benches", "target", "node_modules", "data"].contains(&name.as_str()) {
                collect(&path, files)?;
            }
        } else if (name.ends_with(".rs") && name != "tests.rs") || name.ends_with(".sol") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).into(),
                kind: kind.map(Into::into),
                optional: false,
            })
            .collect();
        Package {
            name: name.into(),
            dependencies,
        }
    }

    #[test]
    fn the_workspace_keeps_the_house_rules() {
        run().unwrap();
    }

    #[test]
    fn an_upward_dependency_is_a_breach() {
        let metadata = Metadata {
            packages: vec![package("stele-types", &[("stele-rego", None)])],
        };
        assert_eq!(
            direction(&metadata),
            ["stele-types must not depend on stele-rego: dependencies point down only"]
        );
    }

    #[test]
    fn dev_dependencies_may_point_anywhere() {
        let metadata = Metadata {
            packages: vec![package("stele-types", &[("stele", Some("dev"))])],
        };
        assert!(direction(&metadata).is_empty());
    }

    #[test]
    fn the_interpreter_is_an_oracle_only() {
        let mut metadata = Metadata {
            packages: vec![package(
                "stele-policy",
                &[("regorus", None), ("regorus", Some("dev"))],
            )],
        };
        assert_eq!(direction(&metadata).len(), 1);
        metadata.packages[0].dependencies[0].optional = true;
        assert!(direction(&metadata).is_empty());
    }

    #[test]
    fn tokio_and_the_test_kit_stay_where_they_belong() {
        let metadata = Metadata {
            packages: vec![package("stele-pdp", &[("tokio", None), ("stele-testkit", None)])],
        };
        assert_eq!(direction(&metadata).len(), 2);
    }

    #[test]
    fn tests_at_the_end_of_a_file_do_not_count() {
        assert_eq!(code_lines("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    }
}
