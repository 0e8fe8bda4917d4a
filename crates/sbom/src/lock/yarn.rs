//! `yarn.lock`: version 1's own format, and the YAML of later ones.
//!
//! Sources: <https://classic.yarnpkg.com/en/docs/yarn-lock>, <https://yarnpkg.com/advanced/lexicon#lockfile>. Which packages a project needs itself, and which
//! only to develop, stands in the `package.json` beside the file.

use super::draft::{Draft, Node};
use super::yaml::{self, Pairs};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, HashAlgorithm, Scope};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What `package.json` asks for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Manifest {
    dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
    dev_dependencies: BTreeMap<String, String>,
    workspaces: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    fn beside(file: &File<'_>, path: &str) -> Self {
        let text = super::beside(file, path);
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    fn wanted(&self) -> impl Iterator<Item = (&String, &String, Scope)> {
        let with = |scope| move |(name, range)| (name, range, scope);
        let required = self.dependencies.iter().map(with(Scope::Required));
        let optional = self.optional_dependencies.iter().map(with(Scope::Optional));
        required
            .chain(optional)
            .chain(self.dev_dependencies.iter().map(with(Scope::Development)))
    }
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    if file.text.lines().any(|line| line.trim_end() == "__metadata:") {
        berry(file)
    } else {
        classic(file)
    }
}

/// One entry of version 1.
#[derive(Default)]
struct Entry<'t> {
    line: u32,
    patterns: Vec<&'t str>,
    fields: HashMap<&'t str, &'t str>,
    needs: Vec<(&'t str, &'t str)>,
}

fn classic(file: &File<'_>) -> Result<Draft, Failure> {
    let entries = entries(file)?;
    let mut draft = Draft::default();
    let mut index: HashMap<&str, Node> = HashMap::new();
    let mut nodes = Vec::new();
    for entry in &entries {
        let node = classic_node(file, entry, &mut draft);
        nodes.push(node);
        if let Some(node) = node {
            index.extend(entry.patterns.iter().map(|pattern| (*pattern, node)));
        }
    }
    let find = |name: &str, range: &str| index.get(format!("{name}@{range}").as_str()).copied();
    let manifest = Manifest::beside(file, "package.json");
    let patterns = entries.iter().flat_map(|entry| &entry.patterns);
    let names: BTreeSet<&str> = patterns.map(|pattern| super::npm_split(pattern).0).collect();
    let mut missing = BTreeSet::new();
    for (entry, node) in entries.iter().zip(&nodes) {
        for (name, range) in &entry.needs {
            if let (Some(from), Some(to)) = (node, find(name, range)) {
                draft.need(*from, to);
            }
            // A `resolutions` puts another range in its place, and workspaces are not in the file.
            if !names.contains(name) && manifest.workspaces.is_none() {
                missing.insert(*name);
            }
        }
    }
    draft.lacks(file, "package", &missing);
    for (name, range, scope) in manifest.wanted() {
        if let Some(node) = find(name, range) {
            draft.direct(node, scope);
        }
    }
    draft.spread_scopes();
    Ok(draft)
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// Two words, either of which may be quoted.
fn pair(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (key, value) = match line.strip_prefix('"') {
        Some(rest) => rest.split_once('"')?,
        None => line.split_once(' ')?,
    };
    Some((key, unquoted(value)))
}

fn entries<'t>(file: &File<'t>) -> Result<Vec<Entry<'t>>, Failure> {
    let mut entries: Vec<Entry<'t>> = Vec::new();
    let mut inside = "";
    for (number, line) in (1_u32..).zip(file.text.lines()) {
        let indent = line.len().saturating_sub(line.trim_start().len());
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        if indent == 0 {
            let Some(patterns) = line.trim_end().strip_suffix(':') else {
                return Err(Failure::at(
                    number,
                    "is no entry of a yarn.lock: it has to end with a colon",
                ));
            };
            entries.push(Entry {
                line: number,
                patterns: patterns.split(", ").map(unquoted).collect(),
                ..Entry::default()
            });
            inside = "";
            continue;
        }
        let Some(entry) = entries.last_mut() else {
            return Err(Failure::at(number, "belongs to no entry"));
        };
        if let (2, Some(section)) = (indent, line.trim().strip_suffix(':')) {
            inside = section;
        } else if let Some((key, value)) = pair(line) {
            if indent == 2 {
                entry.fields.insert(key, value);
            } else if ["dependencies", "optionalDependencies"].contains(&inside) {
                entry.needs.push((key, value));
            }
        } else {
            return Err(Failure::at(number, "is no key with a value"));
        }
    }
    Ok(entries)
}

fn classic_node(file: &File<'_>, entry: &Entry<'_>, draft: &mut Draft) -> Option<Node> {
    let pattern = entry.patterns.first()?;
    let (name, range) = super::npm_split(pattern);
    // An alias: `name@npm:real@range`.
    let name = range
        .strip_prefix("npm:")
        .map_or(name, |real| super::npm_split(real).0);
    if range.starts_with("file:") || range.starts_with("link:") {
        return None;
    }
    let resolved = entry.fields.get("resolved").copied().unwrap_or_default();
    // Yarn puts the SHA-1 of a tarball behind its address.
    let (address, mark) = resolved.split_once('#').unwrap_or((resolved, ""));
    let is_git = address.starts_with("git") || address.ends_with(".git");
    let (key, place) = super::npm_place(name, if is_git { resolved } else { address });
    let version = entry.fields.get("version").copied();
    let component = Component::qualified(Ecosystem::Npm, None, name, version, &[(key, &place)]);
    let component = component.map(|component| component.found_at(file.at(entry.line)));
    let node = draft.try_add(entry.line, component)?;
    match entry.fields.get("integrity") {
        Some(integrity) => draft.integrity(node, entry.line, Some(Hash::from_integrity(integrity))),
        None if mark.len() == 40 && !is_git => {
            draft.hash(node, entry.line, Hash::from_hex(HashAlgorithm::Sha1, mark));
        }
        None => {}
    }
    Some(node)
}

/// One entry of later versions.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resolved {
    version: Option<String>,
    resolution: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
    link_type: Option<String>,
}

fn berry(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Pairs<Resolved> = yaml::document(file)?;
    let mut draft = Draft::default();
    let mut index: HashMap<&str, Node> = HashMap::new();
    let mut nodes = Vec::new();
    for (line, key, entry) in &lock.0 {
        let node = berry_node(file, *line, key, entry, &mut draft);
        nodes.push(node);
        if let Some(node) = node {
            index.extend(key.split(", ").map(|descriptor| (descriptor, node)));
        }
    }
    let find = |name: &str, range: &str| {
        let plain = index.get(format!("{name}@{range}").as_str());
        plain
            .or_else(|| index.get(format!("{name}@npm:{range}").as_str()))
            .copied()
    };
    let keys = lock.0.iter().flat_map(|(_, key, _)| key.split(", "));
    let names: BTreeSet<&str> = keys.map(|descriptor| super::npm_split(descriptor).0).collect();
    let mut missing = BTreeSet::new();
    for ((_, _, entry), node) in lock.0.iter().zip(&nodes) {
        let own = entry
            .resolution
            .as_deref()
            .and_then(|text| text.split_once("@workspace:"));
        let manifest = match (node, own) {
            (None, Some((_, path))) => Manifest::beside(file, &format!("{path}/package.json")),
            _ => Manifest::default(),
        };
        for (name, range) in &entry.dependencies {
            if !names.contains(name.as_str()) {
                missing.insert(name.as_str());
            }
            match (node, find(name, range)) {
                (Some(from), Some(to)) => draft.need(*from, to),
                (None, Some(to)) => {
                    let scope = manifest.wanted().find(|(wanted, _, _)| *wanted == name);
                    draft.direct(to, scope.map_or(Scope::Required, |(_, _, scope)| scope));
                }
                (_, None) => {}
            }
        }
    }
    draft.lacks(file, "package", &missing);
    draft.spread_scopes();
    Ok(draft)
}

fn berry_node(file: &File<'_>, line: u32, key: &str, entry: &Resolved, draft: &mut Draft) -> Option<Node> {
    if key == "__metadata" || entry.link_type.as_deref() == Some("soft") {
        return None;
    }
    let resolution = entry.resolution.as_deref().unwrap_or_default();
    let (name, locator) = super::npm_split(resolution);
    // A patched package is the one that the patch is for.
    let place = if locator.starts_with("npm:") || locator.starts_with("patch:") {
        ("vcs_url", String::new())
    } else {
        super::npm_place(name, &locator.replace("#commit=", "#"))
    };
    let version = entry.version.as_deref();
    let component = Component::qualified(Ecosystem::Npm, None, name, version, &[(place.0, &place.1)]);
    draft.try_add(line, component.map(|component| component.found_at(file.at(line))))
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, hashes, inventory, needs, problems, purls};
    use crate::model::Scope;

    #[test]
    fn version_1() {
        let text = "# yarn lockfile v1

\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":
  version \"1.1.0\"
  resolved \"https://registry.yarnpkg.com/@s/a/-/a-1.1.0.tgz#0101010101010101010101010101010101010101\"
  dependencies:
    b \"^2.0.0\"

alias@npm:real@^3:
  version \"3.0.0\"
  resolved \"https://registry.npmjs.org/real/-/real-3.0.0.tgz#0101010101010101010101010101010101010101\"
  integrity sha1-AgICAgICAgICAgICAgICAgICAgI=

b@^2.0.0:
  version \"2.0.0\"
  resolved \"git+https://example.org/b.git#abc\"
";
        let manifest = r#"{"dependencies": {"alias": "npm:real@^3"}, "devDependencies": {"@s/a": "^1.0.0"}}"#;
        let found = inventory(&[("yarn.lock", text), ("package.json", manifest)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:npm/%40s/a@1.1.0",
                "pkg:npm/b@2.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fb.git%40abc",
                "pkg:npm/real@3.0.0",
            ]
        );
        assert_eq!(needs(&found, "%40s/a").len(), 1);
        assert_eq!(hashes(&found, "%40s/a"), [format!("SHA-1:{}", "01".repeat(20))]);
        assert_eq!(hashes(&found, "real"), [format!("SHA-1:{}", "02".repeat(20))]);
        assert_eq!(component(&found, "b@").scope, Scope::Development);
        assert_eq!(component(&found, "real").scope, Scope::Required);
        assert_eq!(
            component(&found, "real").locations.iter().next().unwrap().line,
            Some(9)
        );
    }

    #[test]
    fn addresses_with_an_at_are_none_of_the_name() {
        let text = "# yarn lockfile v1

\"@s/a@npm:@t/real@^1.0.0\":
  version \"1.0.0\"

\"bar@https://u@h.example/bar.tgz\":
  version \"2.0.0\"
  resolved \"https://u@h.example/bar.tgz\"

\"foo@git+ssh://git@github.com/x/foo.git#v1\":
  version \"1.1.0\"
  resolved \"git+ssh://git@github.com/x/foo.git#abc\"

latest@npm:plain:
  version \"3.0.0\"
";
        assert_eq!(
            purls(&inventory(&[("yarn.lock", text)])),
            [
                "pkg:npm/%40t/real@1.0.0",
                "pkg:npm/bar@2.0.0?download_url=https:%2F%2Fh.example%2Fbar.tgz",
                "pkg:npm/foo@1.1.0?vcs_url=git%2Bssh:%2F%2Fgit%40github.com%2Fx%2Ffoo.git%40abc",
                "pkg:npm/plain@3.0.0",
            ]
        );
    }

    #[test]
    fn later_versions() {
        let text = "__metadata:
  version: 8
  cacheKey: 10c0

\"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0\":
  version: 1.1.0
  resolution: \"@s/a@npm:1.1.0\"
  dependencies:
    b: \"npm:^2.0.0\"
  checksum: 10c0/ab
  languageName: node
  linkType: hard

\"app@workspace:.\":
  version: 0.0.0-use.local
  resolution: \"app@workspace:.\"
  dependencies:
    \"@s/a\": \"npm:^1.0.0\"
  languageName: unknown
  linkType: soft

\"b@npm:^2.0.0\":
  version: 2.10
  resolution: \"b@npm:2.10\"
  languageName: node
  linkType: hard
";
        let manifest = r#"{"devDependencies": {"@s/a": "^1.0.0"}}"#;
        let found = inventory(&[("x/yarn.lock", text), ("x/package.json", manifest)]);
        assert_eq!(purls(&found), ["pkg:npm/%40s/a@1.1.0", "pkg:npm/b@2.10"]);
        assert_eq!(needs(&found, "%40s/a"), ["pkg:npm/b@2.10"]);
        assert_eq!(component(&found, "b@").scope, Scope::Development);
        assert_eq!(
            component(&found, "b@").locations.iter().next().unwrap().line,
            Some(22)
        );
    }

    #[test]
    fn a_file_that_lacks_what_its_packages_need_is_cut() {
        let classic = "# yarn lockfile v1\n\na@^1:\n  version \"1.0.0\"\n  dependencies:\n    b \"^2\"\n    \"@s/c\" \"^3\"\n";
        let message = "yarn.lock:7: has no package @s/c and 1 more, which others in it need: the file is cut";
        let found = inventory(&[("yarn.lock", classic)]);
        assert_eq!(purls(&found), ["pkg:npm/a@1.0.0"]);
        assert_eq!(problems(&found), [message]);
        let whole =
            format!("{classic}\nb@2.0.1:\n  version \"2.0.1\"\n\n\"@s/c@^3\":\n  version \"3.0.0\"\n");
        assert_eq!(problems(&inventory(&[("yarn.lock", &whole)])), [""; 0]);
        let workspaces = r#"{"workspaces": ["packages/*"]}"#;
        let found = inventory(&[("yarn.lock", classic), ("package.json", workspaces)]);
        assert_eq!(problems(&found), [""; 0]);

        let berry = "__metadata:\n  version: 8\n\n\"app@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"app@workspace:.\"\n  dependencies:\n    b: \"npm:^2\"\n  linkType: soft\n";
        let found = problems(&inventory(&[("yarn.lock", berry)]));
        assert_eq!(
            found,
            ["yarn.lock:9: has no package b, which others in it need: the file is cut"]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let found = problems(&inventory(&[("yarn.lock", "# yarn lockfile v1\n\na@1\n")]));
        assert!(found[0].starts_with("yarn.lock:3: "), "{found:?}");
        let found = problems(&inventory(&[("yarn.lock", "__metadata:\n  version: [\n")]));
        assert_eq!(found.len(), 1);
    }
}
