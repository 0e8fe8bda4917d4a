//! The order of versions, by ecosystem: each from what its makers publish.
//!
//! A [`Version`] is a key that the order is plain to see from: the derived order of its parts is the ecosystem's. So every order here is total, which
//! the tests hold it to.

mod alpine;
mod composer;
mod debian;
mod digits;
mod gem;
mod maven;
mod nuget;
mod rpm;
mod semantic;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

/// Bytes of a version. The longest that are known have some hundreds.
const MAX_BYTES: usize = 1024;

/// Who says which version is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// Semantic Versioning 2.0.0: <https://semver.org/>. npm, crates.io; Go with its `v`.
    Semver,
    /// Python: <https://packaging.python.org/en/latest/specifications/version-specifiers/>.
    Pep440,
    /// Maven: <https://maven.apache.org/pom.html#version-order-specification>.
    Maven,
    /// NuGet: <https://learn.microsoft.com/en-us/nuget/concepts/package-versioning>.
    NuGet,
    /// `RubyGems`: <https://docs.ruby-lang.org/en/master/Gem/Version.html>.
    RubyGems,
    /// Composer: <https://getcomposer.org/doc/articles/versions.md>.
    Composer,
    /// Debian Policy, 5.6.12: <https://www.debian.org/doc/debian-policy/ch-controlfields.html#version>.
    Debian,
    /// apk-package(5): <https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/doc/apk-package.5.scd>.
    Alpine,
    /// rpm-version(7): <https://rpm.org/docs/latest/man/rpm-version.7>.
    Rpm,
}

/// A text that is no version of its ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no version as {form}")]
pub struct NoVersion {
    /// As it was found, cut.
    pub text: String,
    /// Whose versions were expected.
    pub form: &'static str,
}

/// A version that can be compared with others of the same [`Order`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Of [`Order::Semver`].
    Semver(semver::Version),
    /// Of [`Order::Pep440`].
    Pep440(pep440_rs::Version),
    /// Of [`Order::Maven`].
    Maven(maven::Key),
    /// Of [`Order::NuGet`].
    NuGet(nuget::Key),
    /// Of [`Order::RubyGems`].
    RubyGems(gem::Key),
    /// Of [`Order::Composer`].
    Composer(composer::Key),
    /// Of [`Order::Debian`].
    Debian(debian::Key),
    /// Of [`Order::Alpine`].
    Alpine(alpine::Key),
    /// Of [`Order::Rpm`].
    Rpm(rpm::Key),
}

impl Order {
    /// Reads a version.
    ///
    /// # Errors
    ///
    /// [`NoVersion`] if the ecosystem can't order it.
    pub fn parse(self, text: &str) -> Result<Version, NoVersion> {
        let plain = text.trim();
        let fits = !plain.is_empty() && plain.len() <= MAX_BYTES;
        let parsed = fits.then(|| self.parsed(plain)).flatten();
        parsed.ok_or_else(|| NoVersion {
            text: text.chars().take(100).collect(),
            form: self.form(),
        })
    }

    /// A version without what another one does not have: Python's local label, the packager's release (Alpine, Debian, RPM).
    pub(crate) fn as_precise_as<'t>(self, text: &'t str, other: &str) -> &'t str {
        let mark = match self {
            Self::Pep440 => "+",
            Self::Alpine => "-r",
            Self::Debian | Self::Rpm => "-",
            _ => return text,
        };
        match text.rsplit_once(mark) {
            Some((whole, _)) if !other.contains(mark) => whole,
            _ => text,
        }
    }

    fn parsed(self, text: &str) -> Option<Version> {
        match self {
            Self::Semver => semantic::parse(text).map(Version::Semver),
            Self::Pep440 => text.parse().ok().map(Version::Pep440),
            Self::Maven => maven::Key::parse(text).map(Version::Maven),
            Self::NuGet => nuget::Key::parse(text).map(Version::NuGet),
            Self::RubyGems => gem::Key::parse(text).map(Version::RubyGems),
            Self::Composer => composer::Key::parse(text).map(Version::Composer),
            Self::Debian => debian::Key::parse(text).map(Version::Debian),
            Self::Alpine => alpine::Key::parse(text).map(Version::Alpine),
            Self::Rpm => rpm::Key::parse(text).map(Version::Rpm),
        }
    }

    /// Whose versions these are.
    const fn form(self) -> &'static str {
        match self {
            Self::Semver => "Semantic Versioning has them (1.2.3, 1.2.3-rc.1)",
            Self::Pep440 => "Python has them (PEP 440: 1.2, 1.2rc1)",
            Self::Maven => "Maven has them",
            Self::NuGet => "NuGet has them (1.2.3.4, 1.2.3-beta.1)",
            Self::RubyGems => "RubyGems has them (1.2.3, 1.2.3.rc1)",
            Self::Composer => "Composer has them (1.2.3, 1.2.3-beta1, 1.x-dev)",
            Self::Debian => "Debian has them (1:1.2.3-4)",
            Self::Alpine => "Alpine has them (1.2.3-r0)",
            Self::Rpm => "RPM has them (1:1.2.3-4.el9)",
        }
    }
}

/// Compares lists part by part; behind the end of the shorter one stands `pad`.
fn padded<T: Ord>(left: &[T], right: &[T], pad: &T) -> Ordering {
    let longest = left.len().max(right.len());
    let at = |list: &[T], index: usize| -> Ordering {
        list.get(index)
            .unwrap_or(pad)
            .cmp(right.get(index).unwrap_or(pad))
    };
    (0..longest)
        .map(|index| at(left, index))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
