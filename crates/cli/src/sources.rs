//! Where policies come from: a directory, a bundle, or the starter library in the program.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stele_policy::check;
use stele_policy::load::{self, LoadError, PolicySet};
use stele_policy::{Problem, Problems};
use stele_rego::{RegoVersion, Schemas};

mod library {
    include!(concat!(env!("OUT_DIR"), "/library.rs"));
}

/// What types are checked against.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// JSON Schema of the input, or a directory of schemas that annotations name (DIR/a/b.json is schema.a.b)
    #[arg(short, long, value_name = "PATH")]
    schema: Option<PathBuf>,
}

impl SchemaArgs {
    /// The schemas; none without the flag.
    pub(crate) fn read(&self) -> Result<Arc<Schemas>> {
        let schemas = self.schema.as_deref().map(check::load_schemas).transpose();
        Ok(Arc::new(schemas.context("--schema")?.unwrap_or_default()))
    }

    /// Checks modules against the schemas; without the flag, whoever compiles them finds what is wrong.
    pub(crate) fn check(&self, path: &Path, set: &PolicySet) -> Result<()> {
        if self.schema.is_none() {
            return Ok(());
        }
        let problems = check::check(set, &self.read()?);
        Problems::none_of(problems).map_err(|problems| described(path, problems.into()))
    }
}

/// In which version of Rego modules are written.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct VersionArgs {
    /// Read Rego v0, as OPA before 1.0; a module that imports rego.v1 is in v1, and a bundle's manifest overrules this
    #[arg(long)]
    v0_compatible: bool,
}

impl VersionArgs {
    pub(crate) fn version(self) -> RegoVersion {
        if self.v0_compatible {
            RegoVersion::V0
        } else {
            RegoVersion::V1
        }
    }
}

/// Loads a directory, a bundle or a module.
pub(crate) fn load(path: &Path, version: VersionArgs) -> Result<PolicySet> {
    load::load_path_as(path, version.version()).map_err(|error| described(path, error))
}

/// A loading error with every problem's source line.
pub(crate) fn described(path: &Path, error: LoadError) -> anyhow::Error {
    let text = match error {
        LoadError::Invalid(problems) => problems.render(),
        other => other.to_string(),
    };
    anyhow::anyhow!(
        "can't load policies from {}:\n{}",
        path.display(),
        text.trim_end()
    )
}

/// As [`load`], but keeps what is sound, with what is wrong with the rest.
pub(crate) fn load_lenient(path: &Path, version: VersionArgs) -> Result<(PolicySet, Vec<Problem>)> {
    load::load_path_lenient(path, version.version()).map_err(|error| described(path, error))
}

/// Loads the configured directory when it exists, the starter library otherwise; the second part says which.
pub(crate) fn load_or_starter(path: &Path, version: VersionArgs) -> Result<(PolicySet, String)> {
    if path.is_dir() {
        return Ok((load(path, version)?, path.display().to_string()));
    }
    let set = load::load_files(library::FILES.iter().map(|(path, text)| (*path, *text)))
        .context("the starter library in this program does not load")?;
    Ok((set, "the starter library".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_library_has_at_least_a_hundred_and_twenty_rules() {
        let (set, name) = load_or_starter(Path::new("/no/such/directory"), VersionArgs::default()).unwrap();
        assert_eq!(name, "the starter library");
        assert!(set.policies().count() >= 30);
        let rules = set
            .policies()
            .flat_map(|policy| &policy.rules)
            .filter(|rule| rule.custom.id.is_some())
            .count();
        assert!(rules >= 120, "{rules} rules");
    }

    #[test]
    fn every_rule_of_the_starter_library_is_mapped_to_controls() {
        let (set, _) = load_or_starter(Path::new("/no/such/directory"), VersionArgs::default()).unwrap();
        for rule in set
            .policies()
            .flat_map(|policy| &policy.rules)
            .filter(|rule| rule.custom.id.is_some())
        {
            assert!(!rule.custom.controls.is_empty(), "{} has no controls", rule.place);
            assert!(
                rule.custom.remediation.is_some(),
                "{} has no remediation",
                rule.place
            );
        }
    }
}
