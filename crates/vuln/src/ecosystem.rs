//! Ecosystems as OSV names them, and packages' names in them.
//!
//! <https://ossf.github.io/osv-schema/#defined-ecosystems>

use crate::order::Order;
use stele_sbom::Ecosystem;

/// The ecosystems that packages are matched in: OSV's name, the order of versions, and how names are told apart.
const KNOWN: &[(&str, Order, Names)] = &[
    ("AlmaLinux", Order::Rpm, Names::Exact),
    ("Alpine", Order::Alpine, Names::Exact),
    ("Azure Linux", Order::Rpm, Names::Exact),
    ("Chainguard", Order::Alpine, Names::Exact),
    ("Debian", Order::Debian, Names::Exact),
    ("Go", Order::Semver, Names::Lower),
    ("Mageia", Order::Rpm, Names::Exact),
    ("Maven", Order::Maven, Names::Exact),
    ("NuGet", Order::NuGet, Names::Lower),
    ("Packagist", Order::Composer, Names::Lower),
    ("Photon OS", Order::Rpm, Names::Exact),
    ("PyPI", Order::Pep440, Names::Python),
    ("Red Hat", Order::Rpm, Names::Exact),
    ("Rocky Linux", Order::Rpm, Names::Exact),
    ("RubyGems", Order::RubyGems, Names::Exact),
    ("SUSE", Order::Rpm, Names::Exact),
    ("Ubuntu", Order::Debian, Names::Exact),
    ("Wolfi", Order::Alpine, Names::Exact),
    ("crates.io", Order::Semver, Names::Cargo),
    // Package URLs have its names in lower case, older packages don't.
    ("npm", Order::Semver, Names::Lower),
    ("openEuler", Order::Rpm, Names::Exact),
    ("openSUSE", Order::Rpm, Names::Exact),
];

/// Distributions without releases: what they have is the newest.
const UNRELEASED: [&str; 2] = ["Chainguard", "Wolfi"];

/// When two names are one package's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// When they are the same.
    Exact,
    /// Whatever their case.
    Lower,
    /// PEP 503: whatever their case, and `-`, `_` and `.` are the same.
    Python,
    /// Whatever their case, and `-` and `_` are the same: crates.io takes no second such crate.
    Cargo,
}

impl Names {
    fn normal(self, name: &str) -> String {
        match self {
            Self::Exact => name.to_owned(),
            Self::Lower => name.to_lowercase(),
            Self::Cargo => name.to_lowercase().replace('_', "-"),
            Self::Python => {
                let lower = name.to_lowercase();
                let parts = lower.split(['-', '_', '.']).filter(|part| !part.is_empty());
                parts.collect::<Vec<_>>().join("-")
            }
        }
    }
}

/// An ecosystem that is known here.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// OSV's name, without a release.
    pub name: &'static str,
    /// The order of its versions.
    pub order: Order,
    names: Names,
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Known {
    /// By OSV's name, without a release.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = KNOWN.iter().find(|(known, ..)| *known == name);
        found.map(|(name, order, names)| Self {
            name,
            order: *order,
            names: *names,
        })
    }

    /// Reads `Debian:12`: the ecosystem, and the release behind the colon, or nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, &str)> {
        let (name, release) = text.split_once(':').unwrap_or((text, ""));
        Some((Self::named(name)?, release))
    }

    /// A package's name as all its spellings have it in common.
    #[must_use]
    pub fn normal(self, name: &str) -> String {
        self.names.normal(name)
    }
}

/// Releases that package URLs name by their code names: `distro=jessie`, with the `ID` and `VERSION_ID` that are meant.
/// <https://www.debian.org/releases/>, <https://wiki.ubuntu.com/Releases>.
const CODE_NAMES: &[(&str, &str, &str)] = &[
    ("wheezy", "debian", "7"),
    ("jessie", "debian", "8"),
    ("stretch", "debian", "9"),
    ("buster", "debian", "10"),
    ("bullseye", "debian", "11"),
    ("bookworm", "debian", "12"),
    ("trixie", "debian", "13"),
    ("forky", "debian", "14"),
    ("duke", "debian", "15"),
    ("trusty", "ubuntu", "14.04"),
    ("xenial", "ubuntu", "16.04"),
    ("bionic", "ubuntu", "18.04"),
    ("focal", "ubuntu", "20.04"),
    ("jammy", "ubuntu", "22.04"),
    ("noble", "ubuntu", "24.04"),
    ("oracular", "ubuntu", "24.10"),
    ("plucky", "ubuntu", "25.04"),
    ("questing", "ubuntu", "25.10"),
    ("resolute", "ubuntu", "26.04"),
];

/// A distribution's release as its `os-release` has it: `debian` and `12`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distro {
    /// `ID`.
    pub id: String,
    /// `VERSION_ID`; empty where there is none.
    pub version: String,
}

impl Distro {
    /// Of a package URL: its namespace, and the qualifier `distro` (`debian-12`, `opensuse-leap-15.5`, `jessie`). Where the qualifier names no distribution that is known here, the
    /// namespace does.
    pub(crate) fn of_purl(namespace: &str, qualifier: &str) -> Self {
        let qualifier = qualifier.to_lowercase();
        let (id, last) = qualifier.rsplit_once('-').unwrap_or(("", &qualifier));
        let named = CODE_NAMES
            .iter()
            .find(|(name, of, _)| *name == last && (id.is_empty() || id == *of));
        if let Some((_, id, version)) = named {
            return Self::new(id, version);
        }
        let stated = if last.starts_with(|c: char| c.is_ascii_digit()) {
            Self::new(id, last)
        } else {
            Self::new(&qualifier, "")
        };
        let by_namespace = Self::new(&namespace.to_lowercase(), &stated.version);
        if stated.id.is_empty() || stated.ecosystem().is_none() && by_namespace.ecosystem().is_some() {
            return by_namespace;
        }
        stated
    }

    fn new(id: &str, version: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: version.to_owned(),
        }
    }

    fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }

    /// The ecosystem, by the `ID` of os-release(5).
    fn ecosystem(&self) -> Option<Known> {
        Known::named(match self.id.as_str() {
            "almalinux" | "alma" => "AlmaLinux",
            "alpine" => "Alpine",
            "azurelinux" | "mariner" | "cbl-mariner" => "Azure Linux",
            "chainguard" => "Chainguard",
            "debian" => "Debian",
            "mageia" => "Mageia",
            "openeuler" => "openEuler",
            "photon" => "Photon OS",
            "rhel" | "redhat" => "Red Hat",
            "rocky" | "rockylinux" => "Rocky Linux",
            "sles" | "sled" => "SUSE",
            "ubuntu" => "Ubuntu",
            "wolfi" => "Wolfi",
            id if id.starts_with("opensuse") => "openSUSE",
            _ => return None,
        })
    }

    /// Whether OSV's name of a release, behind the colon, is this release. What names none is for all.
    fn is(&self, ecosystem: Known, release: &str) -> bool {
        if release.is_empty() {
            return true;
        }
        let has = |wanted: &str| !wanted.is_empty() && release.split(':').any(|part| part == wanted);
        match ecosystem.name {
            // `22.04:LTS`, `Pro:16.04:LTS`. FIPS, real-time and others are products of their own, with versions of their own.
            "Ubuntu" => {
                let plain = release.strip_prefix("Pro:").unwrap_or(release);
                let plain = plain.strip_suffix(":LTS").unwrap_or(plain);
                !self.version.is_empty() && plain == self.version
            }
            "openEuler" => release.split(['-', ':']).next() == Some(self.version.as_str()),
            "Alpine" => {
                let mut parts = self.version.split(['.', '_']);
                let minor = (parts.next(), parts.next());
                matches!(minor, (Some(major), Some(minor)) if has(&format!("v{major}.{minor}")))
            }
            // `enterprise_linux:9::appstream`.
            "Red Hat" => release.starts_with("enterprise_linux:") && has(self.major()),
            // `Linux Enterprise Server 15 SP5` for 15.5.
            "SUSE" => {
                let (major, pack) = self.version.split_once('.').unwrap_or((&self.version, "0"));
                let end = match pack {
                    "0" => format!(" {major}"),
                    pack => format!(" {major} SP{pack}"),
                };
                // The longer support is for whoever still runs the release.
                release.trim_end_matches("-LTSS").ends_with(&end)
            }
            "openSUSE" => {
                release.eq_ignore_ascii_case("tumbleweed") && self.id.ends_with("tumbleweed")
                    || release.ends_with(&format!(" {}", self.version))
            }
            "Photon OS" => has(&self.version),
            _ => has(self.major()),
        }
    }
}

/// Where advisories about a package are looked for.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) ecosystem: Known,
    distro: Option<Distro>,
}

impl Home {
    /// `None` where OSV knows nobody who names such packages.
    pub(crate) fn of(ecosystem: Ecosystem, distro: Option<&Distro>) -> Option<Self> {
        let of_distro = matches!(ecosystem, Ecosystem::Alpine | Ecosystem::Debian | Ecosystem::Rpm);
        if of_distro {
            return Some(Self {
                ecosystem: distro?.ecosystem()?,
                distro: distro.cloned(),
            });
        }
        Some(Self {
            ecosystem: Known::named(ecosystem.osv_name()?)?,
            distro: None,
        })
    }

    /// What is to be imported for it: `npm`, `Debian 12`.
    pub(crate) fn label(&self) -> String {
        match &self.distro {
            Some(distro) if !distro.version.is_empty() => {
                format!("{} {}", self.ecosystem.name, distro.version)
            }
            Some(_) => format!("{} without a release", self.ecosystem.name),
            None => self.ecosystem.name.to_owned(),
        }
    }

    /// Whether data of an OSV release are data about this one. What names no release is about all, but says nothing of whether there are data for each.
    pub(crate) fn covered_by(&self, release: &str) -> bool {
        let whole = self.distro.is_none() || UNRELEASED.contains(&self.ecosystem.name);
        whole || !release.is_empty() && self.is(release)
    }

    /// Whether an advisory for a release is about this one.
    pub(crate) fn is(&self, release: &str) -> bool {
        let distro = self.distro.as_ref();
        distro.is_none_or(|distro| distro.is(self.ecosystem, release))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_as_their_registries_have_it() {
        for (ecosystem, one, other) in [
            ("PyPI", "Typing_.Extensions", "typing-extensions"),
            ("NuGet", "Newtonsoft.Json", "newtonsoft.json"),
            ("crates.io", "Serde_JSON", "serde-json"),
            (
                "Go",
                "github.com/Masterminds/semver",
                "github.com/masterminds/semver",
            ),
            ("Packagist", "Symfony/Yaml", "symfony/yaml"),
            ("npm", "JSONStream", "jsonstream"),
        ] {
            let known = Known::named(ecosystem).unwrap();
            assert_eq!(known.normal(one), known.normal(other), "{ecosystem}");
        }
        let maven = Known::named("Maven").unwrap();
        assert_ne!(maven.normal("a:B"), maven.normal("a:b"));
        assert!(Known::parse("Hex").is_none());
        assert_eq!(Known::parse("Debian:12").unwrap().1, "12");
    }

    #[test]
    fn releases_are_those_of_the_image() {
        for (qualifier, ecosystem, release, is) in [
            ("debian-12", "Debian", "12", true),
            ("debian-12", "Debian", "11", false),
            ("debian-12.5", "Debian", "12", true),
            ("ubuntu-22.04", "Ubuntu", "22.04:LTS", true),
            ("ubuntu-16.04", "Ubuntu", "Pro:16.04:LTS", true),
            ("ubuntu-22.04", "Ubuntu", "24.04:LTS", false),
            ("ubuntu-22.04", "Ubuntu", "Pro:FIPS-updates:22.04:LTS", false),
            ("ubuntu-22.04", "Ubuntu", "22.04:LTS:for:NVIDIA", false),
            ("ubuntu-24.10", "Ubuntu", "24.10", true),
            ("sles-15.4", "SUSE", "Linux Enterprise Server 15 SP4-LTSS", true),
            ("sles-15.5", "SUSE", "Linux Enterprise Server 15 SP4-LTSS", false),
            ("alma-9.3", "AlmaLinux", "9", true),
            ("cbl-mariner-2.0", "Azure Linux", "2", true),
            ("jessie", "Debian", "8", true),
            ("debian-bookworm", "Debian", "12", true),
            ("jammy", "Ubuntu", "22.04:LTS", true),
            ("resolute", "Ubuntu", "26.04:LTS", true),
            ("alpine-3.19.1", "Alpine", "v3.19", true),
            ("alpine-3.19.1", "Alpine", "v3.1", false),
            ("rocky-9.3", "Rocky Linux", "9", true),
            ("almalinux-8.9", "AlmaLinux", "9", false),
            ("rhel-9.2", "Red Hat", "enterprise_linux:9::baseos", true),
            ("rhel-9.2", "Red Hat", "rhel_eus:9.2::baseos", false),
            ("sles-15.5", "SUSE", "Linux Enterprise Server 15 SP5", true),
            ("sles-15.5", "SUSE", "Linux Enterprise Server 15 SP4", false),
            ("opensuse-leap-15.5", "openSUSE", "Leap 15.5", true),
            ("opensuse-tumbleweed", "openSUSE", "Tumbleweed", true),
            ("openeuler-24.03", "openEuler", "24.03-LTS", true),
            ("wolfi-20230201", "Wolfi", "", true),
        ] {
            let distro = Distro::of_purl("", qualifier);
            let known = distro.ecosystem().unwrap();
            assert_eq!(known.name, ecosystem, "{qualifier}");
            assert_eq!(distro.is(known, release), is, "{qualifier} {release}");
        }
        for (namespace, qualifier, id, version) in [
            ("rocky", "el-9.3", "rocky", "9.3"),
            ("debian", "12", "debian", "12"),
            ("debian", "", "debian", ""),
            ("fedora", "fedora-40", "fedora", "40"),
            ("debian", "ubuntu-22.04", "ubuntu", "22.04"),
        ] {
            let found = Distro::of_purl(namespace, qualifier);
            assert_eq!(found, Distro::new(id, version), "{namespace} {qualifier}");
        }
        assert!(Home::of(Ecosystem::Rpm, Some(&Distro::of_purl("fedora", "fedora-40"))).is_none());
        assert!(Home::of(Ecosystem::Generic, None).is_none());
    }
}
