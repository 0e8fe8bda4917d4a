//! SPDX 2.3, JSON: <https://spdx.github.io/spdx-spec/v2.3/>.

use super::Making;
use crate::model::{Component, HashAlgorithm, Inventory, Licence, Purl, Scope, SubjectKind};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const SUBJECT: &str = "SPDXRef-Subject";
const NONE: &str = "NOASSERTION";

pub(super) fn write(inventory: &Inventory, making: &Making<'_>) -> Result<String, serde_json::Error> {
    let mut document = document(inventory);
    let id = super::uuid(&serde_json_canonicalizer::to_string(&document)?);
    // The address that SPDX gives documents whose makers have none; it only has to be unique.
    let name = document_name(&inventory.subject.name);
    document.insert(
        "documentNamespace".to_owned(),
        format!("https://spdx.org/spdxdocs/stele-{name}-{id}").into(),
    );
    // A document has to have a time; without one that is asked for it is the first there is.
    let created = super::time(making.created.unwrap_or(Timestamp::UNIX_EPOCH));
    let tool = format!("Tool: stele-{}", making.tool_version);
    document.insert(
        "creationInfo".to_owned(),
        json!({"created": created, "creators": [tool]}),
    );
    serde_json::to_string_pretty(&document)
}

/// What may stand in an address.
fn document_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    name.chars().map(plain).collect()
}

/// All but namespace, tool and time.
fn document(inventory: &Inventory) -> Map<String, Value> {
    let mut named = BTreeMap::new();
    let mut packages = vec![subject(inventory)];
    packages.extend(
        inventory
            .components()
            .map(|component| package(component, &mut named)),
    );
    let mut document = Map::new();
    let members = [
        ("spdxVersion", json!("SPDX-2.3")),
        ("dataLicense", json!("CC0-1.0")),
        ("SPDXID", json!(DOCUMENT)),
        ("name", json!(inventory.subject.name)),
        ("packages", packages.into()),
        ("relationships", relationships(inventory).into()),
    ];
    for (key, value) in members {
        document.insert(key.to_owned(), value);
    }
    if !inventory.problems.is_empty() {
        let comment = "Not complete: files could not be read in full.";
        document.insert("comment".to_owned(), comment.into());
    }
    if !named.is_empty() {
        let info =
            |(id, text): (String, String)| json!({"licenseId": id, "name": text, "extractedText": text});
        let infos: Vec<Value> = named.into_iter().map(info).collect();
        document.insert("hasExtractedLicensingInfos".to_owned(), infos.into());
    }
    document
}

fn id(purl: &Purl) -> String {
    let uuid = super::uuid(purl.as_str());
    format!("SPDXRef-Package-{uuid}")
}

fn subject(inventory: &Inventory) -> Value {
    let subject = &inventory.subject;
    let purpose = match subject.kind {
        SubjectKind::Application => "APPLICATION",
        SubjectKind::Container => "CONTAINER",
    };
    let mut package = json!({
        "SPDXID": SUBJECT,
        "name": subject.name,
        "downloadLocation": NONE,
        "filesAnalyzed": false,
        "licenseConcluded": NONE,
        "licenseDeclared": NONE,
        "copyrightText": NONE,
        "primaryPackagePurpose": purpose,
    });
    if let (Some(version), Value::Object(members)) = (&subject.version, &mut package) {
        members.insert("versionInfo".to_owned(), version.as_str().into());
    }
    package
}

fn reference(category: &str, kind: &str, locator: &str) -> Value {
    json!({"referenceCategory": category, "referenceType": kind, "referenceLocator": locator})
}

fn package(component: &Component, named: &mut BTreeMap<String, String>) -> Value {
    let purl = component.purl().as_str();
    let mut references = vec![reference("PACKAGE-MANAGER", "purl", purl)];
    let source = super::source(component);
    references.extend(source.map(|source| reference("OTHER", super::SOURCE_REFERENCE, &source)));
    let mut package = json!({
        "SPDXID": id(component.purl()),
        "name": component.name(),
        "downloadLocation": NONE,
        "filesAnalyzed": false,
        "licenseConcluded": NONE,
        "licenseDeclared": licence(&component.licences, named),
        "copyrightText": NONE,
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": references,
    });
    let Value::Object(members) = &mut package else {
        return package;
    };
    if let Some(version) = component.version() {
        members.insert("versionInfo".to_owned(), version.as_str().into());
    }
    if !component.hashes.is_empty() {
        let checksum = |hash: &crate::model::Hash| json!({"algorithm": algorithm(hash.algorithm()), "checksumValue": hash.hex()});
        let checksums: Vec<Value> = component.hashes.iter().map(checksum).collect();
        members.insert("checksums".to_owned(), checksums.into());
    }
    if !component.locations.is_empty() {
        let places: Vec<String> = component.locations.iter().map(ToString::to_string).collect();
        let info = format!("found in {}", places.join(", "));
        members.insert("sourceInfo".to_owned(), info.into());
    }
    if let Some(requirement) = &component.requirement {
        let comment = format!("not pinned: {requirement} is asked for");
        members.insert("comment".to_owned(), comment.into());
    }
    package
}

fn algorithm(algorithm: HashAlgorithm) -> String {
    algorithm.name().replace('-', "")
}

/// One expression of all, with names for what is none.
fn licence(licences: &BTreeSet<Licence>, named: &mut BTreeMap<String, String>) -> String {
    let mut parts = Vec::new();
    for licence in licences {
        parts.push(match licence {
            Licence::Expression(text) => text.clone(),
            Licence::Named(text) => {
                let id = format!("LicenseRef-{}", super::uuid(text));
                named.insert(id.clone(), text.clone());
                id
            }
        });
    }
    match parts.as_slice() {
        [] => NONE.to_owned(),
        [only] => only.clone(),
        several => {
            let bracketed: Vec<String> = several.iter().map(|part| format!("({part})")).collect();
            bracketed.join(" AND ")
        }
    }
}

fn relationships(inventory: &Inventory) -> Vec<Value> {
    let relation = |from: &str, kind: &str, to: &str| json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to});
    let mut relations = vec![relation(DOCUMENT, "DESCRIBES", SUBJECT)];
    for purl in inventory.direct() {
        let scope = inventory
            .get(purl)
            .map(|component| component.scope)
            .unwrap_or_default();
        let package = id(purl);
        relations.push(match scope {
            Scope::Required => relation(SUBJECT, "DEPENDS_ON", &package),
            Scope::Optional => relation(&package, "OPTIONAL_DEPENDENCY_OF", SUBJECT),
            Scope::Development => relation(&package, "DEV_DEPENDENCY_OF", SUBJECT),
        });
    }
    for component in inventory.components() {
        let from = id(component.purl());
        let needs = component
            .dependencies
            .iter()
            .filter(|purl| inventory.get(purl).is_some());
        relations.extend(needs.map(|purl| relation(&from, "DEPENDS_ON", &id(purl))));
    }
    relations
}
