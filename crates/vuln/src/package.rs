//! Packages to look up.

use crate::ecosystem::{Distro, Home};
use crate::matching::Candidate;
use crate::order::Order;
use packageurl::PackageUrl;
use std::ops::Range;
use std::str::FromStr as _;
use stele_sbom::{Component, Ecosystem};

/// Where a file says that a package is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file with `/`, as a person would name it from here; behind `!/` what is in an image.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// Bytes of the file, where that is what is known; start and end.
    pub bytes: Option<(usize, usize)>,
}

impl Place {
    /// Bytes of a file.
    pub(crate) fn of_bytes(file: &str, range: &Range<usize>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            bytes: Some((range.start, range.end)),
        }
    }
}

/// An installed or wanted package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its package URL, or where none is known its name.
    pub purl: String,
    /// Who names and numbers it; [`Ecosystem::Generic`]: nobody who is known.
    pub ecosystem: Ecosystem,
    /// Its name as the ecosystem writes it.
    pub name: String,
    /// Its version; of RPM with the epoch.
    pub version: Option<String>,
    /// What a distribution built it from, with the version of that.
    pub source: Option<(String, String)>,
    /// The distribution that it belongs to.
    pub distro: Option<Distro>,
    /// Where it was found.
    pub places: Vec<Place>,
}

fn ecosystem_of(kind: &str) -> Ecosystem {
    match kind {
        "apk" => Ecosystem::Alpine,
        "cargo" => Ecosystem::Cargo,
        "composer" => Ecosystem::Composer,
        "deb" => Ecosystem::Debian,
        "gem" => Ecosystem::RubyGems,
        "golang" => Ecosystem::Go,
        "maven" => Ecosystem::Maven,
        "npm" => Ecosystem::Npm,
        "nuget" => Ecosystem::NuGet,
        "pypi" => Ecosystem::PyPi,
        "rpm" => Ecosystem::Rpm,
        _ => Ecosystem::Generic,
    }
}

/// What the name of a gem's platform begins with: <https://docs.ruby-lang.org/en/master/Gem/Platform.html>.
const PLATFORMS: [&str; 18] = [
    "aarch64",
    "arm",
    "dalvik",
    "darwin",
    "dotnet",
    "java",
    "jruby",
    "linux",
    "mingw",
    "mswin",
    "powerpc",
    "ppc",
    "riscv64",
    "s390x",
    "universal",
    "wasm",
    "x64",
    "x86",
];

/// A version without what is none of it: Go's `go1.23.0`, the platform of a gem (`1.13.0-x86_64-linux`).
fn plain(ecosystem: Ecosystem, version: &str) -> &str {
    match ecosystem {
        Ecosystem::Go => match version.strip_prefix("go") {
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => number,
            _ => version,
        },
        Ecosystem::RubyGems => match version.split_once('-') {
            Some((number, platform)) if PLATFORMS.iter().any(|known| platform.starts_with(known)) => number,
            _ => version,
        },
        _ => version,
    }
}

/// The source package in a package URL's `upstream`: `openssl@3.0.1-1`, and of RPM `openssl-3.0.7-1.el9.src.rpm`. `version`: the package's own.
fn upstream(ecosystem: Ecosystem, text: &str, version: Option<&str>) -> Option<(String, String)> {
    let (name, version) = if ecosystem == Ecosystem::Rpm {
        let whole = text.strip_suffix(".rpm")?;
        let whole = whole
            .strip_suffix(".src")
            .or_else(|| whole.strip_suffix(".nosrc"))?;
        let (rest, _release) = whole.rsplit_once('-')?;
        let (name, _version) = rest.rsplit_once('-')?;
        (name, whole.strip_prefix(name)?.strip_prefix('-')?)
    } else {
        text.split_once('@').or(version.map(|version| (text, version)))?
    };
    Some((name.to_owned(), version.to_owned()))
}

impl Package {
    /// Of an inventory that was made here. `below` is what files are below, with `/` or `!/` at its end.
    #[must_use]
    pub fn of_component(component: &Component, below: &str) -> Self {
        let place = |location: &stele_sbom::Location| Place {
            file: format!("{below}{}", location.file),
            line: location.line,
            bytes: None,
        };
        let version = component.version().map(|version| version.as_str().to_owned());
        let parsed = Self::of_purl(component.purl().as_str(), version.as_deref());
        let source = component.source.as_ref();
        Self {
            purl: component.purl().as_str().to_owned(),
            ecosystem: component.ecosystem(),
            name: component.name().as_str().to_owned(),
            version: parsed.as_ref().map_or(version, |parsed| parsed.version.clone()),
            source: source.map(|source| {
                (
                    source.name.as_str().to_owned(),
                    source.version.as_str().to_owned(),
                )
            }),
            distro: parsed.and_then(|parsed| parsed.distro),
            places: component.locations.iter().map(place).collect(),
        }
    }

    /// Of a package URL, and a version for one that has none. `None` if it is no package URL.
    #[must_use]
    pub fn of_purl(text: &str, version: Option<&str>) -> Option<Self> {
        let purl = PackageUrl::from_str(text).ok()?;
        let qualifier = |key: &str| purl.qualifiers().get(key).map(ToString::to_string);
        let ecosystem = ecosystem_of(purl.ty());
        let namespace = purl.namespace().unwrap_or_default();
        let name = match (ecosystem, namespace) {
            (_, "") => purl.name().to_owned(),
            (Ecosystem::Npm | Ecosystem::Composer | Ecosystem::Go, namespace) => {
                format!("{namespace}/{}", purl.name())
            }
            (Ecosystem::Maven, namespace) => format!("{namespace}:{}", purl.name()),
            _ => purl.name().to_owned(),
        };
        let version = purl.version().or(version);
        let mut version = version.map(|version| plain(ecosystem, version).to_owned());
        if let (Ecosystem::Rpm, Some(plain), Some(epoch)) = (ecosystem, &version, qualifier("epoch"))
            && !plain.contains(':')
        {
            version = Some(format!("{epoch}:{plain}"));
        }
        let of_distro = matches!(ecosystem, Ecosystem::Alpine | Ecosystem::Debian | Ecosystem::Rpm);
        let distro = of_distro.then(|| Distro::of_purl(namespace, &qualifier("distro").unwrap_or_default()));
        // What other tools say of the source.
        let source = qualifier("upstream").and_then(|text| upstream(ecosystem, &text, version.as_deref()));
        Some(Self {
            purl: text.to_owned(),
            ecosystem,
            name,
            version,
            source,
            distro,
            places: Vec::new(),
        })
    }

    pub(crate) fn home(&self) -> Option<Home> {
        Home::of(self.ecosystem, self.distro.as_ref())
    }

    /// Names to look up, each with the version that its advisories number by. Debian's are about source packages; Alpine's and RPM's about either.
    pub(crate) fn names(&self, order: Order) -> Vec<(&str, Candidate<'_>)> {
        let version = self.version.as_deref().unwrap_or_default();
        let own = (self.name.as_str(), Candidate::new(order, version));
        match (&self.source, order) {
            (Some((name, version)), Order::Debian) => vec![(name, Candidate::new(order, version))],
            (Some((name, version)), Order::Alpine) if *name != self.name => {
                vec![own, (name, Candidate::new(order, version))]
            }
            (Some((name, version)), Order::Rpm) if *name != self.name => {
                vec![own, (name, Candidate::without_epoch(order, version))]
            }
            _ => vec![own],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_become_names_of_their_ecosystems() {
        for (purl, name, version) in [
            ("pkg:npm/%40s/a@1.0.0", "@s/a", "1.0.0"),
            ("pkg:maven/org.a/b@1", "org.a:b", "1"),
            ("pkg:golang/github.com/a/b@v1.2.3", "github.com/a/b", "v1.2.3"),
            ("pkg:composer/v/x@2", "v/x", "2"),
            (
                "pkg:deb/debian/curl@8.0-1?arch=amd64&distro=debian-12",
                "curl",
                "8.0-1",
            ),
            (
                "pkg:rpm/rocky/bash@5.1-6.el9?distro=rocky-9.3&epoch=1",
                "bash",
                "1:5.1-6.el9",
            ),
        ] {
            let package = Package::of_purl(purl, None).unwrap();
            assert_eq!(
                (package.name.as_str(), package.version.as_deref()),
                (name, Some(version))
            );
        }
        for (purl, version) in [
            ("pkg:golang/stdlib@go1.23.0", "1.23.0"),
            ("pkg:golang/a.b/c@gopher", "gopher"),
            ("pkg:gem/nokogiri@1.13.0-java", "1.13.0"),
            ("pkg:gem/nokogiri@1.13.0-x86_64-linux-gnu", "1.13.0"),
            ("pkg:gem/nokogiri@1.13.0-rc1", "1.13.0-rc1"),
        ] {
            let package = Package::of_purl(purl, None).unwrap();
            assert_eq!(package.version.as_deref(), Some(version), "{purl}");
        }
        assert!(Package::of_purl("curl", None).is_none());
        let deb = "pkg:deb/debian/libcurl4@8.0-1?distro=debian-12&upstream=curl@8.0-2";
        let package = Package::of_purl(deb, None).unwrap();
        assert_eq!(names(&package, Order::Debian), [("curl", "8.0-2")]);
        assert_eq!(package.distro.unwrap().version, "12");
    }

    fn names(package: &Package, order: Order) -> Vec<(&str, &str)> {
        let names = package.names(order).into_iter();
        names.map(|(name, candidate)| (name, candidate.text())).collect()
    }

    #[test]
    fn the_source_of_an_rpm_is_looked_up_with_its_own_version() {
        let libs = "pkg:rpm/rocky/openssl-libs@3.0.7-1.el9?distro=rocky-9.3&epoch=1&upstream=openssl-fips-3.0.8-2.el9.src.rpm";
        let package = Package::of_purl(libs, None).unwrap();
        assert_eq!(
            names(&package, Order::Rpm),
            [("openssl-libs", "1:3.0.7-1.el9"), ("openssl-fips", "3.0.8-2.el9")]
        );
        for odd in ["openssl", "openssl-1.src.rpm", ".src.rpm", "-"] {
            let package = Package::of_purl(&format!("pkg:rpm/rocky/x@1-1?upstream={odd}"), None);
            assert_eq!(package.unwrap().source, None, "{odd}");
        }
    }
}
