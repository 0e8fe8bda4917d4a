//! CycloneDX 1.6: <https://cyclonedx.org/docs/1.6/json/>.

use super::Making;
use crate::model::{Component, Inventory, Licence, Location, SubjectKind};
use serde_json::{Map, Value, json};

/// The subject's reference; package URLs, which are the others', begin with `pkg:`.
const SUBJECT: &str = "subject";

pub(super) fn write(inventory: &Inventory, making: &Making<'_>) -> Result<String, serde_json::Error> {
    let mut document = document(inventory, making);
    let id = super::uuid(&serde_json_canonicalizer::to_string(&document)?);
    document.insert("serialNumber".to_owned(), format!("urn:uuid:{id}").into());
    if let Some(created) = making.created
        && let Some(Value::Object(metadata)) = document.get_mut("metadata")
    {
        metadata.insert("timestamp".to_owned(), super::time(created).into());
    }
    serde_json::to_string_pretty(&document)
}

/// All but serial number and time.
fn document(inventory: &Inventory, making: &Making<'_>) -> Map<String, Value> {
    let components: Vec<Value> = inventory.components().map(component).collect();
    let mut dependencies = vec![json!({"ref": SUBJECT, "dependsOn": inventory.direct()})];
    dependencies.extend(inventory.components().map(|component| {
        // Only what is in the document may be referred to.
        let needs = component
            .dependencies
            .iter()
            .filter(|purl| inventory.get(purl).is_some());
        json!({"ref": component.purl(), "dependsOn": needs.collect::<Vec<_>>()})
    }));
    let mut document = Map::new();
    let members = [
        ("bomFormat", json!("CycloneDX")),
        ("specVersion", json!("1.6")),
        ("version", json!(1)),
        ("metadata", metadata(inventory, making)),
        ("components", components.into()),
        ("dependencies", dependencies.into()),
    ];
    for (key, value) in members {
        document.insert(key.to_owned(), value);
    }
    if !inventory.problems.is_empty() {
        let incomplete = json!([{"aggregate": "incomplete", "assemblies": [SUBJECT]}]);
        document.insert("compositions".to_owned(), incomplete);
    }
    document
}

fn metadata(inventory: &Inventory, making: &Making<'_>) -> Value {
    let subject = &inventory.subject;
    let kind = match subject.kind {
        SubjectKind::Application => "application",
        SubjectKind::Container => "container",
    };
    let mut component = json!({"type": kind, "bom-ref": SUBJECT, "name": subject.name});
    if let (Some(version), Value::Object(members)) = (&subject.version, &mut component) {
        members.insert("version".to_owned(), version.as_str().into());
    }
    let tool = json!({"type": "application", "name": "stele", "version": making.tool_version});
    json!({"tools": {"components": [tool]}, "component": component})
}

fn component(component: &Component) -> Value {
    let mut members = Map::new();
    let mut set = |key: &str, value: Value| members.insert(key.to_owned(), value);
    set("type", "library".into());
    set("bom-ref", component.purl().as_str().into());
    let (group, name) = group_and_name(component);
    if let Some(group) = group {
        set("group", group.into());
    }
    set("name", name.into());
    if let Some(version) = component.version() {
        set("version", version.as_str().into());
    }
    set("scope", component.scope.cyclonedx().into());
    set("purl", component.purl().as_str().into());
    if !component.hashes.is_empty() {
        let hashes = component.hashes.iter();
        let hashes = hashes.map(|hash| json!({"alg": hash.algorithm().name(), "content": hash.hex()}));
        set("hashes", hashes.collect());
    }
    if !component.licences.is_empty() {
        set("licenses", licences(component));
    }
    if !component.locations.is_empty() {
        let occurrences = component.locations.iter().map(occurrence);
        set(
            "evidence",
            json!({"occurrences": occurrences.collect::<Vec<_>>()}),
        );
    }
    let properties = properties(component);
    if !properties.is_empty() {
        set("properties", properties.into());
    }
    Value::Object(members)
}

/// `@scope/name` and its like in two parts, as the package URL has them.
fn group_and_name(component: &Component) -> (Option<&str>, &str) {
    let name = component.name().as_str();
    match component.ecosystem().split(name) {
        Ok(parts) => parts,
        Err(_) => (None, name),
    }
}

/// One expression, or else a list: the schema takes no mixture.
fn licences(component: &Component) -> Value {
    let expressions: Vec<&str> = component
        .licences
        .iter()
        .filter_map(|licence| match licence {
            Licence::Expression(text) => Some(text.as_str()),
            Licence::Named(_) => None,
        })
        .collect();
    if let ([only], 1) = (expressions.as_slice(), component.licences.len()) {
        return json!([{"expression": only}]);
    }
    let entry = |licence: &Licence| match licence {
        Licence::Expression(text) if Licence::is_identifier(text) => json!({"license": {"id": text}}),
        Licence::Expression(text) | Licence::Named(text) => json!({"license": {"name": text}}),
    };
    component.licences.iter().map(entry).collect()
}

fn occurrence(location: &Location) -> Value {
    let mut value = json!({"location": location.file});
    if let Value::Object(members) = &mut value {
        if let Some(line) = location.line {
            members.insert("line".to_owned(), line.into());
        }
        if let Some(layer) = &location.layer {
            members.insert("additionalContext".to_owned(), format!("layer {layer}").into());
        }
    }
    value
}

fn properties(component: &Component) -> Vec<Value> {
    let own = [
        ("stele:requirement", component.requirement.clone()),
        (super::SOURCE_PROPERTY, super::source(component)),
    ];
    let own = own
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let others = component.properties.clone().into_iter();
    let property = |(name, value): (String, String)| json!({"name": name, "value": value});
    own.chain(others).map(property).collect()
}
