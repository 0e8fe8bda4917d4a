//! Packages of a bill of materials that somebody else may have written: CycloneDX and SPDX, JSON.

use crate::package::{Package, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use stele_gate::Failure;
use stele_gate::format::Document;
use stele_gate::source::{Input, Origin, Source};
use stele_sbom::Ecosystem;
use stele_sbom::report::{SOURCE_PROPERTY, SOURCE_REFERENCE};
use stele_types::{InputKind, Value};

/// Why a file is no bill of materials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// It can't be read.
    #[error("{0}")]
    Unreadable(Failure),
    /// It is something else.
    #[error("{0} is neither a CycloneDX nor an SPDX document in JSON")]
    Other(String),
}

/// Reads a bill of materials: the document, and the packages in it with their places.
///
/// # Errors
///
/// [`BillError`].
pub fn read_bill(path: &Path, name: &str) -> Result<(serde_json::Value, Vec<Package>), BillError> {
    let source = Source {
        name: name.to_owned(),
        origin: Origin::File(path.to_owned()),
        kind: None,
        configuration: None,
    };
    let input = source.read().map_err(BillError::Unreadable)?;
    let other = || BillError::Other(name.to_owned());
    let [(_, kind, document)] = input.documents.as_slice() else {
        return Err(other());
    };
    let packages = match kind {
        InputKind::Cyclonedx => cyclonedx(&input, document),
        InputKind::Spdx => spdx(&input, document),
        _ => return Err(other()),
    };
    let packages = once(packages);
    let text = input.text.trim_start_matches('\u{feff}');
    let whole = serde_json::from_str(text).map_err(|_| other())?;
    Ok((whole, packages))
}

/// Each package once, by its package URL, with all its places.
fn once(packages: Vec<Package>) -> Vec<Package> {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut out: Vec<Package> = Vec::new();
    for package in packages {
        let earlier = known.get(&package.purl).and_then(|number| out.get_mut(*number));
        match earlier {
            Some(earlier) if earlier.version == package.version => {
                earlier.source = earlier.source.take().or(package.source);
                earlier.places.extend(package.places);
            }
            _ => {
                known.insert(package.purl.clone(), out.len());
                out.push(package);
            }
        }
    }
    out
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).unwrap_or_default()
}

fn index(number: usize) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A package by its package URL, or by its name where it has none.
fn package(purl: Option<&str>, name: &str, version: Option<&str>, place: Place) -> Package {
    let mut package = purl
        .and_then(|purl| Package::of_purl(purl, version))
        .unwrap_or_else(|| Package {
            purl: name.to_owned(),
            ecosystem: Ecosystem::Generic,
            name: name.to_owned(),
            version: version.map(str::to_owned),
            source: None,
            distro: None,
            places: Vec::new(),
        });
    package.places.push(place);
    package
}

/// Also components within components.
fn cyclonedx(input: &Input, document: &Document) -> Vec<Package> {
    let whole = document.reading(&input.text).whole();
    let mut out = Vec::new();
    let mut open = vec![(Vec::new(), whole.as_ref())];
    while let Some((path, above)) = open.pop() {
        for (number, component) in items(above, "components").iter().enumerate() {
            let mut path = path.clone();
            path.extend([Value::string("components"), index(number)]);
            let purl = text(component, "purl");
            if purl.is_some() || !is_no_package(component) {
                let place = Place::of_bytes(&input.name, &document.locate(&input.text, &path));
                let name = text(component, "name").unwrap_or("a component without name");
                let mut found = package(purl, name, text(component, "version"), place);
                found.source = source(component).or(found.source);
                out.push(found);
            }
            open.push((path, component));
        }
    }
    out
}

/// What CycloneDX lists besides packages: files, the system as a whole, and lock files as Trivy has them.
fn is_no_package(component: &Value) -> bool {
    let mut properties = items(component, "properties").iter();
    match text(component, "type") {
        Some("file" | "operating-system") => true,
        Some("application") => {
            properties.any(|property| text(property, "name") == Some("aquasecurity:trivy:Class"))
        }
        _ => false,
    }
}

/// What `stele sbom` says of the source package.
fn source(component: &Value) -> Option<(String, String)> {
    let mut properties = items(component, "properties").iter();
    let own = properties.find(|property| text(property, "name") == Some(SOURCE_PROPERTY))?;
    name_and_version(text(own, "value")?)
}

fn name_and_version(text: &str) -> Option<(String, String)> {
    let (name, version) = text.rsplit_once('@')?;
    Some((name.to_owned(), version.to_owned()))
}

fn spdx(input: &Input, document: &Document) -> Vec<Package> {
    let whole = document.reading(&input.text).whole();
    let relationships = items(&whole, "relationships").iter();
    let described: BTreeSet<&str> = relationships
        .filter(|relationship| text(relationship, "relationshipType") == Some("DESCRIBES"))
        .filter_map(|relationship| text(relationship, "relatedSpdxElement"))
        .collect();
    let mut out = Vec::new();
    for (number, item) in items(&whole, "packages").iter().enumerate() {
        let reference = |kind: &str| {
            let references = items(item, "externalRefs").iter();
            let mut named = references.filter(|reference| text(reference, "referenceType") == Some(kind));
            named.find_map(|reference| text(reference, "referenceLocator"))
        };
        let purl = reference("purl");
        // What the document is about is no package of it, nor is the system as a whole.
        let is_subject = text(item, "SPDXID").is_some_and(|id| described.contains(id));
        let purpose = text(item, "primaryPackagePurpose");
        if purl.is_none() && (is_subject || matches!(purpose, Some("FILE" | "OPERATING-SYSTEM"))) {
            continue;
        }
        let path = [Value::string("packages"), index(number)];
        let place = Place::of_bytes(&input.name, &document.locate(&input.text, &path));
        let version = text(item, "versionInfo").filter(|version| *version != "NOASSERTION");
        let name = text(item, "name").unwrap_or("a package without name");
        let mut found = package(purl, name, version, place);
        let source = reference(SOURCE_REFERENCE).and_then(name_and_version);
        found.source = source.or(found.source);
        out.push(found);
    }
    out
}
