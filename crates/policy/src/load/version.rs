//! In which version of Rego each module of a bundle is written.

use regex::RegexSet;
use stele_rego::RegoVersion;
use stele_rego::builtins::glob_regex;

use super::Manifest;

/// The versions of a bundle's modules.
pub(super) struct Versions {
    patterns: RegexSet,
    /// For each pattern.
    matched: Vec<RegoVersion>,
    others: RegoVersion,
}

impl Versions {
    /// As a manifest says; `default` where it says nothing.
    pub(super) fn new(manifest: Option<&Manifest>, default: RegoVersion) -> Self {
        let files = manifest.map(|manifest| &manifest.file_rego_versions);
        let others = manifest.and_then(|manifest| manifest.rego_version);
        let globs = files.into_iter().flatten();
        // A manifest whose globs can't be used is refused when it is read.
        let patterns = compiled(globs.clone().map(|(glob, _)| glob.as_str())).unwrap_or_default();
        Self {
            matched: globs.map(|(_, version)| *version).collect(),
            patterns,
            others: others.unwrap_or(default),
        }
    }

    /// The version of the module at a path below the bundle's root.
    pub(super) fn of(&self, path: &str) -> RegoVersion {
        let matches = self.patterns.matches(&format!("/{path}"));
        let first = matches.iter().next();
        first
            .and_then(|index| self.matched.get(index))
            .copied()
            .unwrap_or(self.others)
    }
}

/// Globs over paths, in which `*` stands for slashes too, as OPA reads them.
///
/// # Errors
/// What is wrong with them.
pub(super) fn compiled<'a>(globs: impl Iterator<Item = &'a str>) -> Result<RegexSet, String> {
    let patterns = globs
        .map(|glob| glob_regex(glob).map_err(|error| format!("{glob:?}: {error}")))
        .collect::<Result<Vec<_>, _>>()?;
    RegexSet::new(patterns).map_err(|error| error.to_string())
}

/// The version of a number in a manifest.
pub(super) fn of_number(number: u64) -> Option<RegoVersion> {
    match number {
        0 => Some(RegoVersion::V0),
        1 => Some(RegoVersion::V1),
        _ => None,
    }
}

/// A path as a glob that matches nothing else.
pub(crate) fn literal(path: &str) -> String {
    let mut out = String::from("/");
    for c in path.chars() {
        if matches!(c, '*' | '?' | '\\' | '[' | ']' | '{' | '}') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(globs: &[(&str, RegoVersion)], path: &str) -> RegoVersion {
        let manifest = Manifest {
            rego_version: Some(RegoVersion::V0),
            file_rego_versions: globs.iter().map(|(glob, of)| ((*glob).to_owned(), *of)).collect(),
            ..Manifest::default()
        };
        Versions::new(Some(&manifest), RegoVersion::V1).of(path)
    }

    #[test]
    fn the_first_glob_that_matches_counts() {
        use RegoVersion::{V0, V1};
        assert_eq!(of(&[], "a.rego"), V0);
        assert_eq!(Versions::new(None, V1).of("a.rego"), V1);
        assert_eq!(of(&[("/a.rego", V1)], "a.rego"), V1);
        assert_eq!(of(&[("/a.rego", V1)], "b/a.rego"), V0);
        assert_eq!(of(&[("*/a.rego", V1)], "b/c/a.rego"), V1);
        assert_eq!(of(&[("/b/*.rego", V1)], "b/c/a.rego"), V1, "as OPA has it");
        assert_eq!(
            of(&[("/b/*", V0), ("*/c/*", V1)], "b/c/a.rego"),
            V1,
            "`*` sorts before `/`"
        );
        assert_eq!(of(&[("/b/[c-d].rego", V1)], "b/d.rego"), V1);
    }

    #[test]
    fn a_literal_matches_itself_alone() {
        for path in ["a/b.rego", "a-b/*.rego", "a[1]{2,3}!?.rego", "a,b\\c.rego"] {
            assert_eq!(
                of(&[(&literal(path), RegoVersion::V1)], path),
                RegoVersion::V1,
                "{path}"
            );
            assert_eq!(
                of(&[(&literal(path), RegoVersion::V1)], "a-b/c.rego"),
                RegoVersion::V0
            );
        }
    }
}
