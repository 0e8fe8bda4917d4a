//! One package.

use super::address::plain;
use super::hash::Hash;
use super::licence::Licence;
use super::purl::{Ecosystem, Purl};
use super::text::{Invalid, Name, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a package is needed for. The first that holds counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// At run time; also where the lock file does not say.
    #[default]
    Required,
    /// At run time, where it can be had or a feature wants it.
    Optional,
    /// To build and test only.
    Development,
}

impl Scope {
    /// CycloneDX's word.
    #[must_use]
    pub fn cyclonedx(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Development => "excluded",
        }
    }
}

/// Where a file says that a package is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file's path with `/`, below what was scanned.
    pub file: String,
    /// The line, from 1, where the format has lines.
    pub line: Option<u32>,
    /// The digest of the layer of a container image that brought the file.
    pub layer: Option<String>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}

/// What a distribution built a package from: its advisories name that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourcePackage {
    /// The source package.
    pub name: Name,
    /// Its version, which may differ from the package's.
    pub version: Version,
}

/// A package that something is made of.
///
/// INVARIANT: `purl` is made of `ecosystem`, `name` and `version`, and perhaps a distribution and qualifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    ecosystem: Ecosystem,
    name: Name,
    version: Option<Version>,
    purl: Purl,
    /// The range that is asked for where no version is pinned, as it is written.
    pub requirement: Option<String>,
    /// All apply that the package names; usually one expression.
    pub licences: BTreeSet<Licence>,
    /// Digests of what the registry delivers. Packages with several files (wheels) have one for each.
    pub hashes: BTreeSet<Hash>,
    /// Where it was found.
    pub locations: BTreeSet<Location>,
    /// What it is needed for.
    pub scope: Scope,
    /// What it needs itself.
    pub dependencies: BTreeSet<Purl>,
    /// What a distribution built it from.
    pub source: Option<SourcePackage>,
    /// What else is known, by a name with a namespace (`stele:go:h1`).
    pub properties: BTreeMap<String, String>,
}

impl Component {
    /// A package; without a version where none is pinned.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for what is no name or version of the ecosystem.
    pub fn new(ecosystem: Ecosystem, name: &str, version: Option<&str>) -> Result<Self, Invalid> {
        Self::qualified(ecosystem, None, name, version, &[])
    }

    /// A package of a distribution, or one whose package URL has qualifiers.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for what is no name, version or qualifier.
    pub fn qualified(
        ecosystem: Ecosystem,
        namespace: Option<&str>,
        name: &str,
        version: Option<&str>,
        qualifiers: &[(&str, &str)],
    ) -> Result<Self, Invalid> {
        let name = Name::new(name)?;
        let version = version.map(Version::new).transpose()?;
        let purl = Purl::new(ecosystem, namespace, &name, version.as_ref(), qualifiers)?;
        Ok(Self {
            ecosystem,
            name,
            version,
            purl,
            requirement: None,
            licences: BTreeSet::new(),
            hashes: BTreeSet::new(),
            locations: BTreeSet::new(),
            scope: Scope::default(),
            dependencies: BTreeSet::new(),
            source: None,
            properties: BTreeMap::new(),
        })
    }

    /// Who names and numbers it.
    #[must_use]
    pub fn ecosystem(&self) -> Ecosystem {
        self.ecosystem
    }

    /// Its name as the ecosystem writes it.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its version; `None` where none is pinned.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// Its package URL, which identifies it.
    #[must_use]
    pub fn purl(&self) -> &Purl {
        &self.purl
    }

    pub(crate) fn found_at(mut self, location: Location) -> Self {
        self.locations.insert(location);
        self
    }

    /// Texts that are taken as they are written may be addresses.
    pub(crate) fn forget_credentials(&mut self) {
        for text in self.requirement.iter_mut().chain(self.properties.values_mut()) {
            *text = plain(text).into_owned();
        }
    }

    /// Adds what another finding of the same package knows. The order of findings does not matter.
    pub(crate) fn absorb(&mut self, other: Self) {
        // Package URLs fold case where names don't.
        self.name = self.name.clone().min(other.name);
        self.scope = self.scope.min(other.scope);
        self.requirement = self.requirement.take().max(other.requirement);
        self.source = self.source.take().max(other.source);
        self.licences.extend(other.licences);
        self.hashes.extend(other.hashes);
        self.locations.extend(other.locations);
        self.dependencies.extend(other.dependencies);
        for (key, value) in other.properties {
            let kept = self.properties.entry(key).or_default();
            *kept = std::mem::take(kept).max(value);
        }
    }
}
