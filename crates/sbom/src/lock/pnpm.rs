//! `pnpm-lock.yaml`, versions 6 to 9, of one document or several. Format: <https://github.com/pnpm/spec/tree/master/lockfile>.
//!
//! Version 9 has what a package is under `packages`, and what it needs under `snapshots`, once for each set of peers; sets of peers are
//! folded into one package here.

use super::draft::{Draft, Node};
use super::yaml::{self, Pairs};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, Scope};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    lockfile_version: String,
    #[serde(default)]
    importers: BTreeMap<String, Importer>,
    // Without workspaces, version 6 has the only importer's members here.
    #[serde(default)]
    dependencies: BTreeMap<String, Wanted>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Wanted>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Wanted>,
    #[serde(default)]
    packages: Pairs<Package>,
    #[serde(default)]
    snapshots: BTreeMap<String, Option<Snapshot>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Importer {
    dependencies: BTreeMap<String, Wanted>,
    dev_dependencies: BTreeMap<String, Wanted>,
    optional_dependencies: BTreeMap<String, Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(default)]
    resolution: Resolution,
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Resolution {
    integrity: Option<String>,
    tarball: Option<String>,
    repo: Option<String>,
    commit: Option<String>,
    directory: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Snapshot {
    dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
}

/// Without the slash of version 6 and the set of peers.
fn key(text: &str) -> &str {
    let plain = text.split_once('(').map_or(text, |(plain, _)| plain);
    plain.trim_start_matches('/')
}

/// The package that a name with a version, or a whole key (of an alias, an address), stands for.
fn find(index: &HashMap<String, Node>, name: &str, version: &str) -> Option<Node> {
    let version = key(version);
    let named = index.get(&format!("{name}@{version}"));
    named.or_else(|| index.get(version)).copied()
}

/// The version that a line says, before the rest is looked at: in others it has another shape.
fn other_version(text: &str) -> Option<&str> {
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("lockfileVersion:"));
    let version = lines.next()?.trim().trim_matches(['\'', '"']);
    let major = version.split('.').next().unwrap_or_default();
    (!["6", "7", "9"].contains(&major)).then_some(version)
}

/// Since version 11 pnpm writes a document before that of the project: itself, and what configures it.
pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    if let Some(version) = other_version(file.text) {
        return Err(Failure::new(format!(
            "is of version {version}; versions 6, 7 and 9 are read: let a current pnpm write it anew"
        )));
    }
    let locks: Vec<Lock> = yaml::documents(file)?;
    if locks.is_empty() {
        return Err(Failure::new("says nothing: it is empty or cut".to_owned()));
    }
    let mut draft = Draft::default();
    for lock in locks {
        add(file, lock, &mut draft);
    }
    draft.spread_scopes();
    Ok(draft)
}

fn add(file: &File<'_>, lock: Lock, draft: &mut Draft) {
    let major = lock.lockfile_version.split('.').next().unwrap_or_default();
    let mut index = HashMap::new();
    for (line, id, package) in &lock.packages.0 {
        if let Some(node) = node(file, *line, key(id), package, draft) {
            index.insert(key(id).to_owned(), node);
        }
    }
    let mut missing = BTreeSet::new();
    for (_, id, package) in &lock.packages.0 {
        let needs = package.dependencies.iter().chain(&package.optional_dependencies);
        link(draft, &index, id, needs, &mut missing);
    }
    for (id, snapshot) in &lock.snapshots {
        if let Some(snapshot) = snapshot {
            let needs = snapshot
                .dependencies
                .iter()
                .chain(&snapshot.optional_dependencies);
            link(draft, &index, id, needs, &mut missing);
        }
    }
    if major == "9" {
        // Each package has one.
        let snapshots: BTreeSet<&str> = lock.snapshots.keys().map(|id| key(id)).collect();
        let ids = lock.packages.0.iter().map(|(_, id, _)| key(id));
        let without = ids.filter(|id| !snapshots.contains(id)).collect();
        draft.lacks(file, "snapshot of", &without);
    }
    let own = Importer {
        dependencies: lock.dependencies,
        dev_dependencies: lock.dev_dependencies,
        optional_dependencies: lock.optional_dependencies,
    };
    for importer in lock.importers.values().chain([&own]) {
        for (wanted, scope) in [
            (&importer.dependencies, Scope::Required),
            (&importer.optional_dependencies, Scope::Optional),
            (&importer.dev_dependencies, Scope::Development),
        ] {
            for (name, wanted) in wanted {
                match find(&index, name, &wanted.version) {
                    Some(node) => draft.direct(node, scope),
                    None => missing.extend(lacking(name, &wanted.version)),
                }
            }
        }
    }
    draft.lacks(file, "package", &missing);
}

fn link<'l>(
    draft: &mut Draft,
    index: &HashMap<String, Node>,
    id: &str,
    needs: impl Iterator<Item = (&'l String, &'l String)>,
    missing: &mut BTreeSet<&'l str>,
) {
    let from = index.get(key(id));
    for (name, version) in needs {
        match (from, find(index, name, version)) {
            (Some(from), Some(to)) => draft.need(*from, to),
            (_, Some(_)) => {}
            (_, None) => missing.extend(lacking(name, version)),
        }
    }
}

/// What is needed and not in the file, unless it is a directory, which need not be there.
fn lacking<'l>(name: &'l str, version: &str) -> Option<&'l str> {
    let own = ["link:", "file:", "workspace:", "portal:"];
    let is_own = own.iter().any(|scheme| version.starts_with(scheme)) || version.contains("@file:");
    (!is_own).then_some(name)
}

fn node(file: &File<'_>, line: u32, id: &str, package: &Package, draft: &mut Draft) -> Option<Node> {
    let resolution = &package.resolution;
    if resolution.directory.is_some() || id.contains("@file:") || id.starts_with("file:") {
        return None;
    }
    let (own_name, reference) = super::npm_split(id);
    let is_address = reference.contains([':', '/']);
    // Version 6 has an address alone as key, and the name beside it.
    let name = package
        .name
        .as_deref()
        .or_else(|| Some(own_name).filter(|_| !reference.is_empty()));
    let Some(name) = name else {
        draft.problem(line, format!("{id} is left out: it has no name"));
        return None;
    };
    let version = package
        .version
        .as_deref()
        .or_else(|| Some(reference).filter(|_| !is_address && !reference.is_empty()));
    let place = match (&resolution.repo, &resolution.commit, &resolution.tarball) {
        (Some(repo), Some(commit), _) => {
            let scheme = if repo.starts_with("git+") { "" } else { "git+" };
            format!("{scheme}{repo}#{commit}")
        }
        (_, _, Some(tarball)) => tarball.clone(),
        _ if is_address => reference.to_owned(),
        _ => String::new(),
    };
    let (place_key, place) = super::npm_place(name, &place);
    let component = Component::qualified(Ecosystem::Npm, None, name, version, &[(place_key, &place)]);
    let node = draft.try_add(line, component.map(|component| component.found_at(file.at(line))))?;
    draft.integrity(
        node,
        line,
        resolution.integrity.as_deref().map(Hash::from_integrity),
    );
    Some(node)
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, hashes, inventory, needs, problems, purls};
    use crate::model::Scope;

    const V9: &str = "lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      '@s/a':
        specifier: ^1.0.0
        version: 1.0.0(b@2.0.0)
      alias:
        specifier: npm:real@1
        version: real@1.10
    devDependencies:
      t:
        specifier: '*'
        version: 3.0.0
      own:
        specifier: workspace:*
        version: link:packages/own
packages:
  '@s/a@1.0.0':
    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}
  b@2.0.0:
    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}
  g@https://codeload.github.com/x/g/tar.gz/abc:
    resolution: {tarball: https://codeload.github.com/x/g/tar.gz/abc}
    version: 0.1.0
  real@1.10:
    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}
  t@3.0.0:
    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}
snapshots:
  '@s/a@1.0.0(b@2.0.0)':
    dependencies:
      b: 2.0.0
  b@2.0.0: {}
  g@https://codeload.github.com/x/g/tar.gz/abc: {}
  real@1.10: {}
  t@3.0.0:
    dependencies:
      b: 2.0.0
      g: https://codeload.github.com/x/g/tar.gz/abc
";

    #[test]
    fn version_9() {
        let found = inventory(&[("pnpm-lock.yaml", V9)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:npm/%40s/a@1.0.0",
                "pkg:npm/b@2.0.0",
                "pkg:npm/g@0.1.0?download_url=https:%2F%2Fcodeload.github.com%2Fx%2Fg%2Ftar.gz%2Fabc",
                "pkg:npm/real@1.10",
                "pkg:npm/t@3.0.0",
            ]
        );
        assert_eq!(needs(&found, "%40s/a"), ["pkg:npm/b@2.0.0"]);
        assert_eq!(hashes(&found, "b@")[0], format!("SHA-1:{}", "01".repeat(20)));
        assert_eq!(component(&found, "b@").scope, Scope::Required);
        assert_eq!(component(&found, "g@").scope, Scope::Development);
        assert_eq!(
            component(&found, "b@").locations.iter().next().unwrap().line,
            Some(21)
        );
        assert!(problems(&found).is_empty(), "{:?}", found.problems);
    }

    #[test]
    fn a_file_that_lacks_what_is_needed_is_cut() {
        let lines: Vec<&str> = V9.lines().collect();
        let told = |number: usize| {
            let cut: String = lines
                .iter()
                .take(number)
                .map(|line| format!("{line}\n"))
                .collect();
            problems(&inventory(&[("pnpm-lock.yaml", &cut)])).join("\n")
        };
        assert!(
            told(18).contains("has no package @s/a and 2 more"),
            "{}",
            told(18)
        );
        assert!(
            told(22).contains("has no package alias and 1 more"),
            "{}",
            told(22)
        );
        // Before each snapshot, and in the last one.
        for (number, first) in [
            (28, "@s/a@1.0.0 and 4"),
            (32, "b@2.0.0 and 3"),
            (33, "b@2.0.0 and 3"),
            (34, "g@"),
            (35, "real@"),
        ] {
            let what = format!("has no snapshot of {first}");
            assert!(told(number).contains(&what), "{number}: {}", told(number));
        }
        assert_eq!(
            told(36),
            "pnpm-lock.yaml:36: has no snapshot of t@3.0.0, which others in it need: the file is cut"
        );
        let old = "lockfileVersion: '6.0'\npackages:\n  /a@1.0.0:\n    dependencies:\n      b: 2.0.0\n      c: link:../c\n";
        let found = inventory(&[("pnpm-lock.yaml", old)]);
        assert_eq!(purls(&found), ["pkg:npm/a@1.0.0"]);
        assert_eq!(
            problems(&found),
            ["pnpm-lock.yaml:6: has no package b, which others in it need: the file is cut"]
        );
    }

    #[test]
    fn version_6_without_importers() {
        let text = "lockfileVersion: '6.0'
dependencies:
  a:
    specifier: 1
    version: 1.0.0(b@2.0.0)
packages:
  /a@1.0.0(b@2.0.0):
    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}
    dependencies:
      b: 2.0.0
    dev: false
  /b@2.0.0:
    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}
    dev: true
";
        let found = inventory(&[("pnpm-lock.yaml", text)]);
        assert_eq!(purls(&found), ["pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0"]);
        assert_eq!(needs(&found, "a@"), ["pkg:npm/b@2.0.0"]);
    }

    #[test]
    fn addresses_are_none_of_the_name() {
        let text = "lockfileVersion: '9.0'
packages:
  '@s/g@git+ssh://git@git.example/s/g.git#abc':
    resolution: {commit: abc, repo: git+ssh://git@git.example/s/g.git, type: git}
    version: 1.0.0
  g@git+https://git.example/g.git#abc:
    resolution: {commit: abc, repo: https://git.example/g.git, type: git}
    version: 0.1.0
  h@git@git.example:x/h.git#abc:
    resolution: {commit: abc, repo: 'git@git.example:x/h.git', type: git}
  t@3.0.0:
    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}
  git.example/nameless/abc:
    resolution: {tarball: https://git.example/nameless/abc}
snapshots:
  '@s/g@git+ssh://git@git.example/s/g.git#abc': {}
  g@git+https://git.example/g.git#abc: {}
  h@git@git.example:x/h.git#abc: {}
  t@3.0.0:
    dependencies:
      g: git+https://git.example/g.git#abc
  git.example/nameless/abc: {}
";
        let found = inventory(&[("pnpm-lock.yaml", text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:npm/%40s/g@1.0.0?vcs_url=git%2Bssh:%2F%2Fgit%40git.example%2Fs%2Fg.git%40abc",
                "pkg:npm/g@0.1.0?vcs_url=git%2Bhttps:%2F%2Fgit.example%2Fg.git%40abc",
                "pkg:npm/h?vcs_url=git%2Bgit%40git.example:x%2Fh.git%40abc",
                "pkg:npm/t@3.0.0",
            ]
        );
        assert_eq!(needs(&found, "t@").len(), 1);
        let found = problems(&found);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("it has no name"), "{found:?}");
    }

    #[test]
    fn a_file_may_have_a_document_for_pnpm_itself() {
        let own = "---\nlockfileVersion: '9.0'\nimporters:\n  .:\n    configDependencies: {}\n    packageManagerDependencies:\n      pnpm:\n        specifier: 11.0.0\n        \
            version: 11.0.0\npackages:\n  pnpm@11.0.0:\n    resolution: {integrity: sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE=}\nsnapshots:\n  pnpm@11.0.0: {}\n---\n";
        let both = format!("{own}{V9}");
        let found = inventory(&[("pnpm-lock.yaml", &both)]);
        assert!(problems(&found).is_empty(), "{:?}", problems(&found));
        let mut expected = purls(&inventory(&[("pnpm-lock.yaml", V9)]));
        expected.push("pkg:npm/pnpm@11.0.0".to_owned());
        expected.sort();
        let mut all = purls(&found);
        all.sort();
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let old = problems(&inventory(&[(
            "pnpm-lock.yaml",
            "lockfileVersion: 5.4\n\ndependencies:\n  left-pad: 1.3.0\n",
        )]));
        assert!(old[0].contains("is of version 5.4"), "{old:?}");
        let empty = problems(&inventory(&[("pnpm-lock.yaml", "---\n")]));
        assert!(empty[0].contains("says nothing"), "{empty:?}");
        let broken = problems(&inventory(&[(
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\npackages: [a\n",
        )]));
        assert!(broken[0].starts_with("pnpm-lock.yaml:"), "{broken:?}");
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nlockfileVersion: ['9']\n";
        assert_eq!(problems(&inventory(&[("pnpm-lock.yaml", bomb)])).len(), 1);
    }
}
