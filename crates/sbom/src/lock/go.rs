//! `go.mod` with the `go.sum` beside it, and `go.sum` alone. Format: <https://go.dev/ref/mod>.
//!
//! Since Go 1.17 a `go.mod` lists every module that a build can need; what an older one leaves out is taken from `go.sum`, which may list more than is used.

use super::draft::Draft;
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Scope};
use std::collections::BTreeMap;

/// The first minor version of Go 1 whose `go.mod` is complete.
const COMPLETE: u32 = 17;

/// `go.sum`: module and version, to line and hash of its content.
type Sums<'t> = BTreeMap<(&'t str, &'t str), (u32, &'t str)>;

fn sums(text: &str) -> Result<Sums<'_>, Failure> {
    let mut sums = Sums::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [] => {}
            [module, version, hash] => {
                // The hash of a go.mod alone does not mean that the module is used.
                if !version.ends_with("/go.mod") {
                    sums.insert((module, version), (number, hash));
                }
            }
            _ => {
                return Err(Failure::at(
                    number,
                    "is no line of a go.sum: module, version and hash are expected",
                ));
            }
        }
    }
    Ok(sums)
}

/// `go.sum` counts by itself only where there is no `go.mod` that reads it.
pub(super) fn sum(file: &File<'_>) -> Result<Draft, Failure> {
    let mut draft = Draft::default();
    let sums = sums(file.text)?;
    if super::beside(file, "go.mod").is_none() {
        for ((module, version), (line, hash)) in sums {
            add(file, line, module, version, Some(hash), &mut draft);
        }
    }
    Ok(draft)
}

fn add(
    file: &File<'_>,
    line: u32,
    module: &str,
    version: &str,
    hash: Option<&str>,
    draft: &mut Draft,
) -> Option<usize> {
    let component = Component::new(Ecosystem::Go, module, Some(version));
    let node = draft.try_add(line, component.map(|component| component.found_at(file.at(line))))?;
    if let (Some(hash), Some(component)) = (hash, draft.node_mut(node)) {
        // A hash over the hashes of files, which is none of what a proxy delivers.
        component
            .properties
            .insert("stele:go:h1".to_owned(), hash.to_owned());
    }
    Some(node)
}

/// A module, and its version where one is named.
type Named<'t> = (&'t str, Option<&'t str>);

#[derive(Default)]
struct Module<'t> {
    minor: Option<u32>,
    required: Vec<(u32, &'t str, &'t str, bool)>,
    replaced: BTreeMap<Named<'t>, Named<'t>>,
}

fn module(text: &str) -> Result<Module<'_>, Failure> {
    let mut module = Module::default();
    let (mut block, mut opened) = ("", 0);
    for (number, line) in (1_u32..).zip(text.lines()) {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let mut words: Vec<&str> = code
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '`']))
            .collect();
        let Some(first) = words.first().copied() else {
            continue;
        };
        if first == ")" {
            block = "";
            continue;
        }
        let verb = if block.is_empty() { words.remove(0) } else { block };
        if words.first() == Some(&"(") {
            (block, opened) = (verb, number);
            continue;
        }
        match (verb, words.as_slice()) {
            ("go", [version]) => {
                module.minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok())
            }
            ("require", [path, version]) => {
                module
                    .required
                    .push((number, path, version, comment.trim().starts_with("indirect")));
            }
            ("require", _) => {
                return Err(Failure::at(
                    number,
                    "a module and its version are expected after require",
                ));
            }
            ("replace", [from, "=>", to @ ..]) => replace(&mut module, (from, None), to),
            ("replace", [from, version, "=>", to @ ..]) => replace(&mut module, (from, Some(version)), to),
            ("replace", _) => {
                return Err(Failure::at(
                    number,
                    "a replacement is written MODULE [VERSION] => MODULE [VERSION]",
                ));
            }
            ("module" | "exclude" | "retract" | "toolchain" | "tool" | "godebug" | "ignore", _) => {}
            (other, _) => {
                return Err(Failure::at(
                    number,
                    format!("{other:?} is no directive of a go.mod"),
                ));
            }
        }
    }
    if block.is_empty() {
        return Ok(module);
    }
    Err(Failure::at(
        opened,
        format!("`{block} (` has no end: the file is cut"),
    ))
}

fn replace<'t>(module: &mut Module<'t>, from: Named<'t>, to: &[&'t str]) {
    if let Some(path) = to.first() {
        module.replaced.insert(from, (path, to.get(1).copied()));
    }
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let module = module(file.text)?;
    let text = super::beside(file, "go.sum").unwrap_or_default();
    // A damaged go.sum is reported where it is read itself.
    let sums = sums(&text).unwrap_or_default();
    let mut draft = Draft::default();
    for (line, path, version, indirect) in &module.required {
        let replaced = module
            .replaced
            .get(&(*path, Some(*version)))
            .or_else(|| module.replaced.get(&(*path, None)));
        let (path, version) = match replaced {
            // A directory of the project's own.
            Some((_, None)) => continue,
            Some((path, Some(version))) => (*path, *version),
            None => (*path, *version),
        };
        let hash = sums.get(&(path, version)).map(|(_, hash)| *hash);
        let node = add(file, *line, path, version, hash, &mut draft);
        if let (Some(node), false) = (node, indirect) {
            draft.direct(node, Scope::Required);
        }
    }
    if module.minor.is_none_or(|minor| minor < COMPLETE) {
        let path = super::path_beside(file.path, "go.sum").unwrap_or_default();
        for ((module, version), (line, hash)) in &sums {
            let beside = File {
                path: &path,
                text: &text,
                lines: super::Lines::new(""),
                tree: file.tree,
            };
            add(&beside, *line, module, version, Some(hash), &mut draft);
        }
    }
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, inventory, problems, purls};

    const MOD: &str = "module example.org/app

go 1.21

require (
	github.com/a/b v1.0.0
	example.org/own v0.0.0
	golang.org/x/text v0.3.0 // indirect
)

require example.org/old v1.0.0
replace example.org/old v1.0.0 => example.org/fork v1.1.0
replace example.org/own => ../own
";
    const SUM: &str = "github.com/a/b v1.0.0 h1:abc=\ngithub.com/a/b v1.0.0/go.mod h1:def=\nexample.org/unused v1.0.0 h1:x=\n";

    #[test]
    fn modules_replacements_and_sums() {
        let found = inventory(&[("go.mod", MOD), ("go.sum", SUM)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:golang/example.org/fork@v1.1.0",
                "pkg:golang/github.com/a/b@v1.0.0",
                "pkg:golang/golang.org/x/text@v0.3.0",
            ]
        );
        let module = component(&found, "github.com/a/b");
        assert_eq!(module.properties["stele:go:h1"], "h1:abc=");
        assert_eq!(module.locations.iter().next().unwrap().to_string(), "go.mod:6");
    }

    #[test]
    fn an_old_go_mod_is_completed_by_go_sum_and_go_sum_may_stand_alone() {
        let old = MOD.replace("1.21", "1.16");
        assert_eq!(inventory(&[("go.mod", &old), ("go.sum", SUM)]).len(), 4);
        assert_eq!(inventory(&[("go.sum", SUM)]).len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (path, text) in [
            ("go.mod", "module x\nrequire a\n"),
            ("go.mod", "module x\nreqire a v1\n"),
            ("go.mod", "module x\nrequire (\n\ta v1.0.0\n"),
            ("go.sum", "a v1 h1:x\nb\n"),
        ] {
            let found = problems(&inventory(&[(path, text)]));
            assert!(found[0].starts_with(&format!("{path}:2: ")), "{found:?}");
        }
    }
}
