//! Package databases of distributions, and packages of languages that are installed.

use super::distro::Distro;
use super::{Found, rpm};
use crate::model::{Component, Ecosystem, Licence, Name, Purl, SourcePackage, Version};
use serde::Deserialize;
use std::collections::HashMap;

const DPKG: &str = "var/lib/dpkg/status";
/// Images without a shell keep one file for each package.
const DPKG_PARTS: &str = "var/lib/dpkg/status.d/";
const APK: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// What tells that a file is one of those below.
enum Kind {
    Release,
    Dpkg,
    Apk,
    Rpm,
    Npm,
    Python,
    Gem,
    Php,
}

fn kind(path: &str) -> Option<Kind> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parts = path.starts_with(DPKG_PARTS) && !name.ends_with(".md5sums");
    Some(match name {
        _ if RELEASE.contains(&path) => Kind::Release,
        _ if path == DPKG || parts => Kind::Dpkg,
        _ if APK.contains(&path) => Kind::Apk,
        _ if rpm::is_database(path) => Kind::Rpm,
        "package.json" if is_node_package(directory) => Kind::Npm,
        "METADATA" if directory.ends_with(".dist-info") => Kind::Python,
        "PKG-INFO" if directory.ends_with(".egg-info") => Kind::Python,
        _ if name.ends_with(".egg-info") => Kind::Python,
        "installed.json" if directory.ends_with("vendor/composer") => Kind::Php,
        _ if name.ends_with(".gemspec") && is_gem_directory(directory) => Kind::Gem,
        _ => return None,
    })
}

pub(super) fn is_known(path: &str) -> bool {
    kind(path).is_some()
}

/// `default` holds the gems that come with Ruby itself.
fn is_gem_directory(directory: &str) -> bool {
    directory
        .strip_suffix("/default")
        .unwrap_or(directory)
        .ends_with("specifications")
}

/// `.../node_modules/name`, or with a scope.
fn is_node_package(directory: &str) -> bool {
    let mut parts = directory.rsplit('/');
    let (_, above) = (parts.next(), parts.next().unwrap_or_default());
    above == "node_modules" || above.starts_with('@') && parts.next() == Some("node_modules")
}

pub(super) fn read(path: &str, bytes: &[u8], distro: &Distro) -> Found {
    let mut found = Found::default();
    let text = || String::from_utf8_lossy(bytes);
    match kind(path) {
        Some(Kind::Dpkg) => dpkg(&text(), distro, &mut found),
        Some(Kind::Apk) => apk(&text(), distro, &mut found),
        Some(Kind::Rpm) => rpm::read(path, bytes, distro, &mut found),
        Some(Kind::Npm) => npm(bytes, &mut found),
        Some(Kind::Python) => python(&text(), &mut found),
        Some(Kind::Gem) => gem(path, &mut found),
        Some(Kind::Php) => php(bytes, &mut found),
        Some(Kind::Release) | None => {}
    }
    found
}

/// The members of a paragraph of `Key: value` lines; those that go on are joined.
fn paragraph(text: &str) -> HashMap<&str, String> {
    let mut fields: HashMap<&str, String> = HashMap::new();
    let mut last = "";
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = fields.get_mut(last) {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((key, value)) = line.split_once(':') {
            fields.entry(key).or_insert_with(|| value.trim().to_owned());
            last = key;
        }
    }
    fields
}

fn source(name: &str, version: &str) -> Option<SourcePackage> {
    Some(SourcePackage {
        name: Name::new(name).ok()?,
        version: Version::new(version).ok()?,
    })
}

/// Adds what every component needs, from names that it asks for and names that others provide.
pub(super) fn link(found: &mut Found, wanted: Vec<Vec<String>>, provided: &HashMap<String, Purl>) {
    for (component, wanted) in found.components.iter_mut().zip(wanted) {
        let needs = wanted.iter().filter_map(|name| provided.get(name).cloned());
        component.dependencies.extend(needs);
        let own = component.purl().clone();
        component.dependencies.remove(&own);
    }
}

/// Format: deb-control(5), dpkg-query(1).
fn dpkg(text: &str, distro: &Distro, found: &mut Found) {
    let mut wanted = Vec::new();
    let mut provided = HashMap::new();
    let text = text.replace("\r\n", "\n");
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let fields = paragraph(block);
        let field = |key: &str| fields.get(key).map(String::as_str).unwrap_or_default();
        // `want flag state`. Removed packages keep their configuration, and stay in the file; in every other state programs are on disk.
        let state = field("Status").rsplit(' ').next().unwrap_or_default();
        if ["not-installed", "config-files"].contains(&state) {
            continue;
        }
        let (name, version) = (field("Package"), field("Version"));
        let namespace = distro.id.as_deref().unwrap_or("debian");
        let qualifiers = [("arch", field("Architecture")), ("distro", &distro.qualifier())];
        let component = Component::qualified(
            Ecosystem::Debian,
            Some(namespace),
            name,
            Some(version),
            &qualifiers,
        );
        let mut component = match component {
            Ok(component) => component,
            Err(error) => {
                found.problem(format!("a package is left out: {error}"));
                continue;
            }
        };
        let (source_name, source_version) = match field("Source").split_once(" (") {
            Some((name, version)) => (name, version.trim_end_matches(')')),
            None if field("Source").is_empty() => (name, version),
            None => (field("Source"), version),
        };
        if state == "half-installed" {
            found.incomplete(format!(
                "{name} is half installed: some of its files may be missing"
            ));
        }
        provided.insert(name.to_owned(), component.purl().clone());
        for other in names_of(field("Provides")) {
            provided.entry(other).or_insert_with(|| component.purl().clone());
        }
        let mut needs = names_of(field("Pre-Depends"));
        needs.extend(names_of(field("Depends")));
        wanted.push(needs);
        component.source = source(source_name, source_version);
        found.components.push(component);
    }
    link(found, wanted, &provided);
}

/// `a (>= 1), b:any | c`: each name; alternatives that are not installed are not found later.
fn names_of(list: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim()
            .split([' ', '(', ':'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    list.split([',', '|'])
        .map(name)
        .filter(|name| !name.is_empty())
        .collect()
}

/// Format: <https://wiki.alpinelinux.org/wiki/Apk_spec>.
fn apk(text: &str, distro: &Distro, found: &mut Found) {
    let mut wanted = Vec::new();
    let mut provided = HashMap::new();
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let mut fields: HashMap<&str, &str> = HashMap::new();
        for (key, value) in block.lines().filter_map(|line| line.split_once(':')) {
            fields.entry(key).or_insert(value);
        }
        let field = |key: &str| fields.get(key).copied().unwrap_or_default();
        let namespace = distro.id.as_deref().unwrap_or("alpine");
        let qualifiers = [("arch", field("A")), ("distro", &distro.qualifier())];
        let (name, version) = (field("P"), field("V"));
        let component = Component::qualified(
            Ecosystem::Alpine,
            Some(namespace),
            name,
            Some(version),
            &qualifiers,
        );
        let mut component = match component {
            Ok(component) => component,
            Err(error) => {
                found.problem(format!("a package is left out: {error}"));
                continue;
            }
        };
        component.licences.extend(Licence::parse(field("L")));
        component.source = source(if field("o").is_empty() { name } else { field("o") }, version);
        // The digest is of the package's control part, not of the whole file.
        if let Some(digest) = field("C").strip_prefix("Q1") {
            component
                .properties
                .insert("stele:apk:checksum".to_owned(), format!("Q1{digest}"));
        }
        provided.insert(name.to_owned(), component.purl().clone());
        for other in apk_names(field("p")) {
            provided.entry(other).or_insert_with(|| component.purl().clone());
        }
        wanted.push(apk_names(field("D")));
        found.components.push(component);
    }
    link(found, wanted, &provided);
}

/// `so:libc.so=1 b>2 !c`: names without versions and conflicts.
fn apk_names(list: &str) -> Vec<String> {
    let words = list.split_whitespace().filter(|word| !word.starts_with('!'));
    words
        .map(|word| word.split(['=', '<', '>', '~']).next().unwrap_or(word).to_owned())
        .collect()
}

#[derive(Deserialize)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    license: Option<serde_json::Value>,
}

fn npm(bytes: &[u8], found: &mut Found) {
    let package: Package = match serde_json::from_slice(bytes) {
        Ok(package) => package,
        Err(error) => return found.problem(format!("not as expected: {error}")),
    };
    // Directories within a package have such files without names.
    let (Some(name), Some(version)) = (package.name, package.version) else {
        return;
    };
    let component = Component::new(Ecosystem::Npm, &name, Some(&version));
    found.add(component.map(|mut component| {
        component
            .licences
            .extend(crate::lock::npm_licence(package.license.as_ref()));
        component
    }));
}

/// Format: <https://packaging.python.org/en/latest/specifications/core-metadata/>.
fn python(text: &str, found: &mut Found) {
    let text = text.replace("\r\n", "\n");
    let fields = paragraph(text.split("\n\n").next().unwrap_or_default());
    let field = |key: &str| fields.get(key).map(String::as_str);
    let component = Component::new(
        Ecosystem::PyPi,
        field("Name").unwrap_or_default(),
        field("Version"),
    );
    found.add(component.map(|mut component| {
        let licence = field("License-Expression").or_else(|| field("License"));
        component.licences.extend(licence.and_then(Licence::parse));
        component
    }));
}

/// `name-version`, in which a version begins with a digit.
pub(super) fn name_and_version(text: &str) -> Option<(&str, &str)> {
    let mut parts = text
        .match_indices('-')
        .filter_map(|(at, _)| Some((text.get(..at)?, text.get(at..)?.strip_prefix('-')?)));
    parts.find(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// `name-version[-platform].gemspec`: the file itself is a program.
fn gem(path: &str, found: &mut Found) {
    let name = path
        .rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_end_matches(".gemspec");
    let Some((name, version)) = name_and_version(name) else {
        return;
    };
    let (version, platform) = version.split_once('-').unwrap_or((version, ""));
    found.add(Component::qualified(
        Ecosystem::RubyGems,
        None,
        name,
        Some(version),
        &[("platform", platform)],
    ));
}

/// What Composer installed: a list, since version 2 within an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Installed {
    Object { packages: Vec<Package> },
    List(Vec<Package>),
}

fn php(bytes: &[u8], found: &mut Found) {
    let packages = match serde_json::from_slice(bytes) {
        Ok(Installed::Object { packages } | Installed::List(packages)) => packages,
        Err(error) => return found.problem(format!("not as expected: {error}")),
    };
    for package in packages {
        let name = package.name.unwrap_or_default();
        let component = Component::new(Ecosystem::Composer, &name, package.version.as_deref());
        found.add(component.map(|mut component| {
            component
                .licences
                .extend(package.license.as_ref().and_then(crate::lock::composer_licence));
            component
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::distro::tests::distro;
    use super::*;

    fn of(path: &str, text: &str, release: &str) -> Found {
        assert!(is_known(path), "{path}");
        read(path, text.as_bytes(), &distro(release))
    }

    fn purls(found: &Found) -> Vec<&str> {
        found
            .components
            .iter()
            .map(|component| component.purl().as_str())
            .collect()
    }

    #[test]
    fn debian() {
        let text = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: 2.36-9+deb12u4\n\
             Description: x\n more\n\nPackage: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10\nDepends: libc6 (>= 2.34), gone | web:any\n\n\
             Package: old\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: nginx\nVersion: 1\nProvides: web\nStatus: hold ok installed\n\nPackage: bad\nStatus: install ok installed\nVersion: 1 2\n";
        let found = of("var/lib/dpkg/status", text, "ID=debian\nVERSION_ID=\"12\"\n");
        assert_eq!(
            purls(&found),
            [
                "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12",
                "pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12",
                "pkg:deb/debian/nginx@1?distro=debian-12",
            ]
        );
        let source = found.components[0].source.as_ref().unwrap();
        assert_eq!(
            (source.name.as_str(), source.version.as_str()),
            ("glibc", "2.36-9")
        );
        assert_eq!(found.components[1].dependencies.len(), 2);
        assert_eq!(found.problems.len(), 1);
        let part = of(
            "var/lib/dpkg/status.d/base",
            "Package: base-files\nVersion: 12.4\n",
            "",
        );
        assert_eq!(purls(&part), ["pkg:deb/debian/base-files@12.4"]);
    }

    #[test]
    fn debian_states_in_which_files_are_on_disk() {
        let state = |state: &str| format!("Package: {state}\nStatus: install ok {state}\nVersion: 1\n");
        let states = [
            "not-installed",
            "config-files",
            "half-installed",
            "unpacked",
            "half-configured",
            "triggers-awaited",
            "triggers-pending",
            "installed",
        ];
        let text = states.map(state).join("\n");
        let found = of("var/lib/dpkg/status", &text, "");
        let names: Vec<_> = found
            .components
            .iter()
            .map(|component| component.name().as_str())
            .collect();
        assert_eq!(names, states[2..]);
        assert_eq!(found.problems.len(), 1);
        assert_eq!(found.problems[0].0, crate::model::ProblemKind::Incomplete);
        assert!(
            found.problems[0].1.starts_with("half-installed"),
            "{:?}",
            found.problems
        );
    }

    #[test]
    fn alpine() {
        let text = "C:Q1AQEBAQEBAQEBAQEBAQEBAQEBAQE=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\np:so:libc.musl-x86_64.so.1=1\n\n\
             P:busybox\nV:1.36.1-r29\nA:x86_64\nL:GPL-2.0-only\nD:so:libc.musl-x86_64.so.1 !x\n\n";
        let found = of("lib/apk/db/installed", text, "ID=alpine\nVERSION_ID=3.20.1\n");
        assert_eq!(
            purls(&found),
            [
                "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1",
                "pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1",
            ]
        );
        assert_eq!(found.components[1].dependencies.len(), 1);
    }

    #[test]
    fn languages() {
        let npm = of(
            "app/node_modules/@s/a/package.json",
            r#"{"name": "@s/a", "version": "1.0.0", "license": {"type": "MIT"}}"#,
            "",
        );
        assert_eq!(purls(&npm), ["pkg:npm/%40s/a@1.0.0"]);
        assert_eq!(npm.components[0].licences.len(), 1);
        assert!(!is_known("app/package.json"));
        assert!(!is_known("node_modules/a/lib/package.json"));
        assert_eq!(of("node_modules/a/package.json", "{", "").problems.len(), 1);
        let metadata = "Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 2.0\nLicense: BSD\n\nName: not this\n";
        let path = "usr/lib/python3/site-packages/foo_bar-2.0.dist-info/METADATA";
        assert_eq!(purls(&of(path, metadata, "")), ["pkg:pypi/foo-bar@2.0"]);
        let list = r#"[{"name": "v/x", "version": "1.0", "license": ["MIT", "ISC"]}, {"name": "bad", "version": "1"}]"#;
        for text in [list.to_owned(), format!("{{\"packages\": {list}}}")] {
            let php = of("srv/vendor/composer/installed.json", &text, "");
            assert_eq!(purls(&php), ["pkg:composer/v/x@1.0"]);
            assert_eq!(
                php.components[0].licences.iter().next().unwrap().as_str(),
                "MIT OR ISC"
            );
            assert_eq!(php.problems.len(), 1);
        }
        let path = "usr/lib/ruby/specifications/net-http-0.4.1-x86_64-linux.gemspec";
        assert_eq!(
            purls(&of(path, "", "")),
            ["pkg:gem/net-http@0.4.1?platform=x86_64-linux"]
        );
        let path = "usr/lib/ruby/gems/3.3.0/specifications/default/json-2.7.1.gemspec";
        assert_eq!(purls(&of(path, "", "")), ["pkg:gem/json@2.7.1"]);
        assert!(!is_known("src/default/json-2.7.1.gemspec"));
    }
}
