//! Java archives: `pom.properties` of Maven, else the manifest; archives within them, too.

use super::Found;
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

pub(super) fn is_archive(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    [".jar", ".war", ".ear"].iter().any(|end| lower.ends_with(end))
}

pub(super) fn read(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    let mut budget = MAX_UNPACKED;
    if let Err(message) = archive(bytes, 0, &mut budget, &mut found) {
        found.problem(message);
    }
    found
}

fn archive(bytes: &[u8], depth: usize, budget: &mut u64, found: &mut Found) -> Result<(), String> {
    if depth > MAX_DEPTH {
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
    let properties = |name: &String| name.starts_with("META-INF/maven/") && name.ends_with("/pom.properties");
    let has_properties = names.iter().any(properties);
    for name in &names {
        if properties(name) {
            let text = member(&mut zip, name, budget)?;
            maven(&String::from_utf8_lossy(&text), found);
        } else if name == "META-INF/MANIFEST.MF" && !has_properties {
            let text = member(&mut zip, name, budget)?;
            manifest(&String::from_utf8_lossy(&text), found);
        } else if is_archive(name) {
            let inner = member(&mut zip, name, budget)?;
            if let Err(message) = archive(&inner, depth.saturating_add(1), budget, found) {
                found.problem(format!("{name} in it {message}"));
            }
        }
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

/// Not every archive was built with Maven; OSGi's names have the form of a group with an artifact.
fn manifest(text: &str, found: &mut Found) {
    // A line that begins with a space goes on with the one before.
    let unfolded = text.replace("\r\n", "\n").replace("\n ", "");
    let main = unfolded.split("\n\n").next().unwrap_or_default();
    let value = |key: &str| {
        let line = main
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        line.map(|line| line.split(';').next().unwrap_or(line).trim())
    };
    let name = value("Bundle-SymbolicName").or_else(|| value("Automatic-Module-Name"));
    let version = value("Bundle-Version").or_else(|| value("Implementation-Version"));
    if let (Some((group, artifact)), Some(version)) = (name.and_then(|name| name.rsplit_once('.')), version) {
        found.add(Component::new(
            Ecosystem::Maven,
            &format!("{group}:{artifact}"),
            Some(version),
        ));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
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
        let found = read(&outer);
        let purls: Vec<_> = found
            .components
            .iter()
            .map(|component| component.purl().as_str())
            .collect();
        assert_eq!(purls, ["pkg:maven/g/a@1.0", "pkg:maven/org.x/lib@2.0"]);
        assert_eq!(found.problems.len(), 1);
        for end in 0..outer.len() {
            let _ = read(&outer[..end]);
        }
    }

    #[test]
    fn too_deep_is_said() {
        let mut nested = jar(&[]);
        for _ in 0..6 {
            nested = jar(&[("x.jar", &nested)]);
        }
        assert_eq!(read(&nested).problems.len(), 1);
    }
}
