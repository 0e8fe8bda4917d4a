//! Ecosystems, and package URLs by the [purl specification](https://github.com/package-url/purl-spec).

use super::address;
use super::text::{Invalid, Name, Version};
use packageurl::PackageUrl;
use serde::Serialize;
use std::fmt;
use std::str::FromStr as _;

/// Who names and numbers a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Alpine's packages.
    Alpine,
    /// crates.io and other registries of Cargo.
    Cargo,
    /// Packagist (PHP).
    Composer,
    /// Debian's packages, and those of its descendants.
    Debian,
    /// Nobody who is known: what is only found by a file's name.
    Generic,
    /// Go modules.
    Go,
    /// Maven's repositories: `group:artifact`.
    Maven,
    /// npm.
    Npm,
    /// NuGet (.NET).
    NuGet,
    /// PyPI.
    PyPi,
    /// RPM packages.
    Rpm,
    /// RubyGems.
    RubyGems,
}

impl Ecosystem {
    /// The type in package URLs.
    #[must_use]
    pub fn purl_type(self) -> &'static str {
        match self {
            Self::Alpine => "apk",
            Self::Cargo => "cargo",
            Self::Composer => "composer",
            Self::Debian => "deb",
            Self::Generic => "generic",
            Self::Go => "golang",
            Self::Maven => "maven",
            Self::Npm => "npm",
            Self::NuGet => "nuget",
            Self::PyPi => "pypi",
            Self::Rpm => "rpm",
            Self::RubyGems => "gem",
        }
    }

    /// The name in OSV's records; a distribution's release follows it after a colon there (`Debian:12`). RPM's distributions have
    /// names of their own, and [`Self::Generic`] is nobody's, so there is none. See <https://ossf.github.io/osv-schema/#defined-ecosystems>.
    #[must_use]
    pub fn osv_name(self) -> Option<&'static str> {
        Some(match self {
            Self::Alpine => "Alpine",
            Self::Cargo => "crates.io",
            Self::Composer => "Packagist",
            Self::Debian => "Debian",
            Self::Go => "Go",
            Self::Maven => "Maven",
            Self::Npm => "npm",
            Self::NuGet => "NuGet",
            Self::PyPi => "PyPI",
            Self::Generic | Self::Rpm => return None,
            Self::RubyGems => "RubyGems",
        })
    }

    /// Namespace and name of a package URL.
    pub(crate) fn split(self, name: &str) -> Result<(Option<&str>, &str), Invalid> {
        let form = |form| Invalid::Form {
            text: name.to_owned(),
            form,
        };
        let both = |parts, expected| match parts {
            Some((left, right)) if !str::is_empty(left) && !str::is_empty(right) => Ok((Some(left), right)),
            _ => Err(form(expected)),
        };
        match self {
            Self::Npm if name.starts_with('@') => both(name.split_once('/'), "@scope/name"),
            Self::Composer => both(name.split_once('/'), "vendor/name"),
            Self::Maven => both(name.split_once(':'), "group:artifact"),
            // A standard library or a module without a host has one part.
            Self::Go => Ok(name
                .rsplit_once('/')
                .map_or((None, name), |(left, right)| (Some(left), right))),
            _ => Ok((None, name)),
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.purl_type())
    }
}

/// A package URL.
///
/// INVARIANT: valid, and in the specification's canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Purl(String);

impl Purl {
    /// Of a package. Qualifiers are pairs of key and value (`arch`, `distro`, `vcs_url`); empty values are left out, and so are
    /// the credentials of addresses.
    /// `namespace` is a distribution's id (`debian`), for the ecosystems that need one.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the name does not have its ecosystem's form, or a qualifier's key is none.
    pub fn new(
        ecosystem: Ecosystem,
        namespace: Option<&str>,
        name: &Name,
        version: Option<&Version>,
        qualifiers: &[(&str, &str)],
    ) -> Result<Self, Invalid> {
        let (own, plain) = ecosystem.split(name.as_str())?;
        let invalid = |error: packageurl::Error| Invalid::Purl(error.to_string());
        let mut purl = PackageUrl::new(ecosystem.purl_type(), plain).map_err(invalid)?;
        if let Some(namespace) = own.or(namespace) {
            purl.with_namespace(namespace).map_err(invalid)?;
        }
        if let Some(version) = version {
            purl.with_version(version.as_str()).map_err(invalid)?;
        }
        for (key, value) in qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
            purl.add_qualifier(*key, address::plain(value)).map_err(invalid)?;
        }
        purl.validate().map_err(invalid)?;
        Ok(Self(written(&purl)))
    }

    /// Reads one that somebody else wrote, into canonical form.
    ///
    /// # Errors
    ///
    /// [`Invalid::Purl`] if it is none.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let purl = PackageUrl::from_str(text).map_err(|error| Invalid::Purl(error.to_string()))?;
        Ok(Self(written(&purl)))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its qualifiers, which tell which of a package's files is meant.
    pub(crate) fn without_qualifiers(&self) -> &str {
        // Every other `?` is encoded.
        self.0.split('?').next().unwrap_or_default()
    }

    /// The value of a qualifier.
    #[must_use]
    pub fn qualifier(&self, key: &str) -> Option<String> {
        let purl = PackageUrl::from_str(&self.0).ok()?;
        purl.qualifiers().get(key).map(|value| value.to_string())
    }
}

/// The canonical form. A slash in a version (`dev-feature/x`) is encoded, or it would be read as part of the name; the library leaves it.
fn written(purl: &PackageUrl<'_>) -> String {
    let text = purl.to_string();
    // Every other `@` and `?` is encoded.
    let Some((name, rest)) = text.split_once('@') else {
        return text;
    };
    let (version, qualifiers) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    format!("{name}@{}{qualifiers}", version.replace('/', "%2F"))
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn purl(ecosystem: Ecosystem, name: &str, version: &str, qualifiers: &[(&str, &str)]) -> String {
        let version = Version::new(version).unwrap();
        Purl::new(
            ecosystem,
            None,
            &Name::new(name).unwrap(),
            Some(&version),
            qualifiers,
        )
        .unwrap()
        .to_string()
    }

    #[test]
    fn names_are_split_as_the_specification_says() {
        use Ecosystem::{Cargo, Composer, Go, Maven, Npm, PyPi};
        assert_eq!(purl(Cargo, "serde", "1.0.1", &[]), "pkg:cargo/serde@1.0.1");
        assert_eq!(
            purl(Npm, "@Angular/core", "1.2.3", &[]),
            "pkg:npm/%40Angular/core@1.2.3"
        );
        assert_eq!(
            purl(PyPi, "Typing_Extensions", "4", &[]),
            "pkg:pypi/typing-extensions@4"
        );
        assert_eq!(purl(Maven, "org.a:b", "1", &[]), "pkg:maven/org.a/b@1");
        assert_eq!(
            purl(Composer, "A/B", "dev-x/y", &[]),
            "pkg:composer/a/b@dev-x%2Fy"
        );
        assert_eq!(
            purl(Go, "github.com/Masterminds/semver/v3", "v3.1.0", &[]),
            "pkg:golang/github.com/masterminds/semver/v3@v3.1.0"
        );
        assert_eq!(
            purl(Cargo, "a", "1", &[("vcs_url", "git+https://x/y"), ("empty", "")]),
            "pkg:cargo/a@1?vcs_url=git%2Bhttps:%2F%2Fx%2Fy"
        );
    }

    #[test]
    fn a_name_without_its_parts_is_refused() {
        for (ecosystem, name) in [
            (Ecosystem::Maven, "artifact"),
            (Ecosystem::Composer, "name"),
            (Ecosystem::Npm, "@scope"),
            (Ecosystem::Npm, "@scope/"),
        ] {
            let name = Name::new(name).unwrap();
            assert!(Purl::new(ecosystem, None, &name, None, &[]).is_err(), "{name}");
        }
    }

    #[test]
    fn qualifiers_are_read_back() {
        let purl = Purl::parse("pkg:deb/debian/curl@1?distro=debian-12&arch=amd64").unwrap();
        assert_eq!(purl.as_str(), "pkg:deb/debian/curl@1?arch=amd64&distro=debian-12");
        assert_eq!(purl.qualifier("distro").as_deref(), Some("debian-12"));
        assert_eq!(purl.qualifier("none"), None);
        assert!(Purl::parse("cargo/serde").is_err());
    }

    proptest! {
        /// What is written is read back as itself.
        #[test]
        fn package_urls_are_canonical(name in "[a-zA-Z0-9._@+~-]{1,20}", version in "[!-~]{1,12}") {
            let name = Name::new(&name).unwrap();
            let version = Version::new(&version).unwrap();
            let purl = Purl::new(Ecosystem::Cargo, None, &name, Some(&version), &[]).unwrap();
            prop_assert_eq!(Purl::parse(purl.as_str()).unwrap(), purl);
        }
    }
}
