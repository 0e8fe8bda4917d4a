//! An inventory as a document. The same inventory gives the same bytes: there is no clock and no chance in them.

mod cyclonedx;
mod spdx;

use crate::model::{Component, Inventory};
use aws_lc_rs::digest;
use jiff::Timestamp;

/// The formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// CycloneDX 1.6, JSON.
    #[default]
    CycloneDx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// What a component's source package is called in documents: the name of a property (CycloneDX), and the type of an external reference (SPDX). Its value is `name@version`.
pub const SOURCE_PROPERTY: &str = "stele:source";
/// See [`SOURCE_PROPERTY`].
pub const SOURCE_REFERENCE: &str = "stele-source";

/// What a document says of its making.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    /// The version of this program.
    pub tool_version: &'a str,
    /// When it was made; it is up to the caller whether that is said.
    pub created: Option<Timestamp>,
}

/// Writes an inventory down, with a line break at the end.
///
/// # Errors
///
/// None for what this crate made; JSON's writer may fail in principle.
pub fn write(
    inventory: &Inventory,
    format: Format,
    making: &Making<'_>,
) -> Result<String, serde_json::Error> {
    let mut text = match format {
        Format::CycloneDx => cyclonedx::write(inventory, making)?,
        Format::Spdx => spdx::write(inventory, making)?,
    };
    text.push('\n');
    Ok(text)
}

/// Seconds, as both formats want it.
fn time(created: Timestamp) -> String {
    created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The source package that a distribution built a component from, as `name@version`.
fn source(component: &Component) -> Option<String> {
    let source = component.source.as_ref()?;
    Some(format!("{}@{}", source.name, source.version))
}

/// A UUID of version 8 (RFC 9562, section 5.8): the first bits of the SHA-256 of what the document says.
fn uuid(content: &str) -> String {
    let digest = digest::digest(&digest::SHA256, content.as_bytes());
    let mut bytes: Vec<u8> = digest.as_ref().iter().copied().take(16).collect();
    for (at, mask, bits) in [(6, 0x0F, 0x80), (8, 0x3F, 0x80)] {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = *byte & mask | bits;
        }
    }
    let hex = hex::encode(bytes);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Ecosystem, Hash, HashAlgorithm, Licence, Location, Name, Scope, SourcePackage, Subject, SubjectKind,
        Version,
    };

    /// Of everything that the formats can say a little.
    fn inventory() -> Inventory {
        let mut inventory = Inventory::new(Subject {
            kind: SubjectKind::Container,
            name: "shop:1 é".to_owned(),
            version: Some("sha256:00".to_owned()),
        });
        let mut a = Component::new(Ecosystem::Npm, "@s/a", Some("1.0.0")).unwrap();
        a.licences.extend(
            [Licence::parse("MIT"), Licence::parse("Own words")]
                .into_iter()
                .flatten(),
        );
        a.hashes
            .extend(Hash::from_hex(HashAlgorithm::Sha1, &"01".repeat(20)));
        a.locations.insert(Location {
            file: "package-lock.json".to_owned(),
            line: Some(7),
            layer: Some("sha256:11".to_owned()),
        });
        let mut b = Component::new(Ecosystem::Debian, "b", None).unwrap();
        b.requirement = Some(">=2".to_owned());
        b.scope = Scope::Development;
        b.source = Some(SourcePackage {
            name: Name::new("src").unwrap(),
            version: Version::new("1").unwrap(),
        });
        a.dependencies.insert(b.purl().clone());
        inventory.add_direct(b.purl().clone());
        inventory.add(a);
        inventory.add(b);
        inventory
    }

    /// Whoever changes these changes what others may have signed.
    #[test]
    fn documents_are_pinned() {
        let making = Making {
            tool_version: "0.0.0",
            created: Some(Timestamp::from_second(1_700_000_000).unwrap()),
        };
        let value = |format| -> serde_json::Value {
            serde_json::from_str(&write(&inventory(), format, &making).unwrap()).unwrap()
        };
        insta::assert_json_snapshot!("cyclonedx", value(Format::CycloneDx));
        insta::assert_json_snapshot!("spdx", value(Format::Spdx));
    }

    #[test]
    fn identifiers_come_from_content() {
        let id = uuid("a");
        assert_eq!(id, "ca978112-ca1b-8dca-bac2-31b39a23dc4d");
        assert_ne!(id, uuid("b"));
    }
}
