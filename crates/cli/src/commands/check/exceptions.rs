//! `--exceptions`: which file, and what it says of what was found.

use crate::repository;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use stele_gate::exception::{self, Exceptions};
use stele_gate::{Outcome, report};

/// Exceptions with the directory that their globs of files start from.
pub(super) struct Loaded {
    exceptions: Exceptions,
    root: PathBuf,
}

/// Reads the named file, or the nearest one of the usual name above what is checked.
pub(super) fn load(named: Option<&Path>, paths: &[PathBuf]) -> Result<Option<Loaded>> {
    let start = paths
        .iter()
        .map(PathBuf::as_path)
        .find(|path| *path != Path::new("-"));
    let start = start.unwrap_or(Path::new("."));
    let found = || {
        let here = Path::new(exception::FILE_NAME);
        let above = repository::find_above(start, exception::FILE_NAME);
        above.or_else(|| here.is_file().then(|| here.to_owned()))
    };
    let Some(path) = named.map(Path::to_owned).or_else(found) else {
        return Ok(None);
    };
    let text = repository::read(&path)?;
    let whole = path
        .canonicalize()
        .with_context(|| format!("can't read {}", path.display()))?;
    let root = whole.parent().unwrap_or(&whole).to_owned();
    // Shown as a person would name it from here.
    let here = Path::new(".").canonicalize().unwrap_or_default();
    let shown = whole.strip_prefix(here).unwrap_or(&path).display().to_string();
    let exceptions = Exceptions::parse(&shown, &text, repository::today())?;
    Ok(Some(Loaded { exceptions, root }))
}

impl Loaded {
    /// Marks what is excepted, and takes down what excepts nothing. `whole`: every file below the paths was checked.
    pub(super) fn apply(&self, outcome: &mut Outcome, paths: &[PathBuf], whole: bool) {
        let whole = whole && paths.iter().any(|path| repository::same(path, &self.root));
        let path_of = |name: &str| repository::path_below(&self.root, name);
        outcome.exceptions = self.exceptions.apply(&mut outcome.findings, &path_of, whole);
        for idle in &outcome.exceptions {
            crate::output::note(report::printable(&format!("{}: {idle}", idle.exempt.place)));
        }
    }
}
