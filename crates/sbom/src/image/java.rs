//! Java archives: `pom.properties` of Maven, else the file's name; archives within them, too.

use super::{Found, packages};
use crate::model::{Component, Ecosystem};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Archives in archives: an application in an enterprise application, with libraries.
const MAX_DEPTH: usize = 3;
/// Entries of one archive.
const MAX_ENTRIES: usize = 200_000;
/// Bytes that an archive, with all in it, may unpack to as far as it is unpacked.
const MAX_UNPACKED: u64 = 512 * 1024 * 1024;

/// Bytes of a bundle's or module's name that is kept.
const MAX_NAME: usize = 1024;

pub(super) fn is_archive(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    [".jar", ".war", ".ear"].iter().any(|end| lower.ends_with(end))
}

pub(super) fn read(path: &str, bytes: &[u8]) -> Found {
    let mut found = Found::default();
    let mut budget = MAX_UNPACKED;
    let place = Place {
        path,
        within: String::new(),
        depth: 0,
    };
    if let Err(message) = archive(&place, bytes, &mut budget, &mut found) {
        found.problem(message);
    }
    found
}

/// Where an archive lies.
struct Place<'p> {
    path: &'p str,
    /// What its notes begin with.
    within: String,
    depth: usize,
}

fn archive(place: &Place<'_>, bytes: &[u8], budget: &mut u64, found: &mut Found) -> Result<(), String> {
    if place.depth > MAX_DEPTH {
        return Err(format!("lies in more than {MAX_DEPTH} archives: not looked into"));
    }
    let damaged = |error: zip::result::ZipError| format!("is damaged: {error}");
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if zip.len() > MAX_ENTRIES {
        return Err(format!("has more than {MAX_ENTRIES} entries"));
    }
    let names: Result<Vec<String>, _> = zip.file_names().map(|name| name.map(Into::into)).collect();
    let mut names = names.map_err(damaged)?;
    names.sort();
    let mut is_named = false;
    for name in &names {
        if name.starts_with("META-INF/maven/") && name.ends_with("/pom.properties") {
            let text = member(&mut zip, name, budget)?;
            maven(&String::from_utf8_lossy(&text), found);
            is_named = true;
        } else if is_archive(name) {
            let bytes = member(&mut zip, name, budget)?;
            let inner = Place {
                path: name,
                within: format!("{name} in it "),
                depth: place.depth.saturating_add(1),
            };
            if let Err(message) = archive(&inner, &bytes, budget, found) {
                found.problem(format!("{}{message}", inner.within));
            }
        }
    }
    if !is_named {
        let manifest = names.iter().find(|name| *name == "META-INF/MANIFEST.MF");
        let text = manifest.map(|name| member(&mut zip, name, budget)).transpose()?;
        by_file_name(place, &String::from_utf8_lossy(&text.unwrap_or_default()), found);
    }
    Ok(())
}

fn member(zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str, budget: &mut u64) -> Result<Vec<u8>, String> {
    let file = zip
        .by_name(name)
        .map_err(|error| format!("is damaged: {error}"))?;
    let mut bytes = Vec::new();
    file.take(budget.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| format!("is damaged: {error}"))?;
    *budget = budget
        .checked_sub(bytes.len() as u64)
        .ok_or_else(|| format!("unpacks to more than {MAX_UNPACKED} bytes"))?;
    Ok(bytes)
}

fn maven(text: &str, found: &mut Found) {
    let pairs: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with(['#', '!']))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect();
    let value = |key: &str| pairs.get(key).copied().unwrap_or_default();
    let name = format!("{}:{}", value("groupId"), value("artifactId"));
    found.add(Component::new(Ecosystem::Maven, &name, Some(value("version"))));
}

/// A field of a manifest's main section, without parameters.
fn field<'m>(main: &'m str, key: &str) -> Option<&'m str> {
    let line = main
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))?;
    Some(line.split(';').next().unwrap_or(line).trim()).filter(|value| !value.is_empty())
}

/// Not every archive was built with Maven. The names of bundles and modules are no coordinates: neither tells the group under which an archive
/// is published. So an artifact of an unknown group is what the file's name tells, `artifact-version`.
fn by_file_name(place: &Place<'_>, manifest: &str, found: &mut Found) {
    // A line that begins with a space goes on with the one before.
    let unfolded = manifest.replace("\r\n", "\n").replace("\n ", "");
    let main = unfolded.split("\n\n").next().unwrap_or_default();
    let file = place.path.rsplit('/').next().unwrap_or(place.path);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let versions: Vec<&str> = ["Implementation-Version", "Bundle-Version"]
        .into_iter()
        .filter_map(|key| field(main, key))
        .collect();
    // An artifact's own name may have a number in it: log4j-1.2-api.
    let confirmed = versions
        .iter()
        .find_map(|version| Some((stem.strip_suffix(version)?.strip_suffix('-')?, *version)));
    let unnumbered = || versions.first().map(|version| (stem, *version));
    let within = &place.within;
    let named = confirmed
        .or_else(|| packages::name_and_version(stem))
        .or_else(unnumbered);
    let Some((artifact, version)) = named.filter(|(artifact, _)| !artifact.is_empty()) else {
        return found.incomplete(format!(
            "{within}tells no package: it has no pom.properties, and neither its name nor its manifest tells a version"
        ));
    };
    let component = Component::new(Ecosystem::Generic, artifact, Some(version));
    found.add(component.map(|mut component| {
        for key in ["Bundle-SymbolicName", "Automatic-Module-Name"] {
            if let Some(value) = field(main, key).filter(|value| value.len() <= MAX_NAME) {
                let property = format!("stele:java:{}", key.to_ascii_lowercase());
                component.properties.insert(property, value.to_owned());
            }
        }
        component
    }));
    found.incomplete(format!(
        "{within}has no pom.properties: {artifact} {version} is listed without its group, which is unknown"
    ));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::ProblemKind;
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;

    pub(in crate::image) fn jar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn purls(found: &Found) -> Vec<&str> {
        let components = found.components.iter();
        components.map(|component| component.purl().as_str()).collect()
    }

    #[test]
    fn archives_in_archives() {
        let inner = jar(&[(
            "META-INF/maven/g/a/pom.properties",
            b"#c\ngroupId=g\nartifactId=a\nversion=1.0\n",
        )]);
        let osgi = jar(&[(
            "META-INF/MANIFEST.MF",
            b"Bundle-SymbolicName: org.x.li\r\n b;singleton:=true\r\nBundle-Version: 2.0\r\n",
        )]);
        let outer = jar(&[
            ("BOOT-INF/lib/a.jar", &inner),
            ("BOOT-INF/lib/b.jar", &osgi),
            ("c.jar", b"junk"),
        ]);
        let found = read("app.jar", &outer);
        assert_eq!(purls(&found), ["pkg:maven/g/a@1.0", "pkg:generic/b@2.0"]);
        assert_eq!(
            found.components[1].properties["stele:java:bundle-symbolicname"],
            "org.x.lib"
        );
        let beginnings = [
            (
                ProblemKind::Incomplete,
                "BOOT-INF/lib/b.jar in it has no pom.properties",
            ),
            (ProblemKind::Input, "c.jar in it is damaged"),
            (ProblemKind::Incomplete, "tells no package"),
        ];
        assert_eq!(found.problems.len(), 3, "{:?}", found.problems);
        for ((kind, message), (expected, beginning)) in found.problems.iter().zip(beginnings) {
            assert!(*kind == expected && message.starts_with(beginning), "{message}");
        }
        for end in 0..outer.len() {
            let _ = read("app.jar", &outer[..end]);
        }
    }

    #[test]
    fn names_of_modules_are_no_coordinates() {
        let of = |path, manifest: &str| {
            let bytes = jar(&[("META-INF/MANIFEST.MF", manifest.as_bytes())]);
            let found = read(path, &bytes);
            assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
            assert_eq!(found.problems[0].0, ProblemKind::Incomplete);
            purls(&found).join(" ")
        };
        let spring = "Automatic-Module-Name: spring.beans\nImplementation-Version: 5.3.1\n";
        assert_eq!(
            of("lib/spring-beans-5.3.1.jar", spring),
            "pkg:generic/spring-beans@5.3.1"
        );
        assert_eq!(
            of("lib/spring-beans.jar", spring),
            "pkg:generic/spring-beans@5.3.1"
        );
        assert_eq!(of("guava-31.1-jre.jar", ""), "pkg:generic/guava@31.1-jre");
        let bridge = "Bundle-Version: 2.17.1\n";
        assert_eq!(
            of("log4j-1.2-api-2.17.1.jar", bridge),
            "pkg:generic/log4j-1.2-api@2.17.1"
        );
        assert_eq!(of("app.war", "Manifest-Version: 1.0\n"), "");
    }

    #[test]
    fn too_deep_is_said() {
        let mut nested = jar(&[]);
        for _ in 0..6 {
            nested = jar(&[("x.jar", &nested)]);
        }
        let problems = read("x.jar", &nested).problems;
        let inputs = problems.iter().filter(|(kind, _)| *kind == ProblemKind::Input);
        assert_eq!(inputs.count(), 1, "{problems:?}");
    }
}
