//! `--exceptions`: which file, and what it says of what was found.

use crate::repository;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use stele_gate::evidence::CheckedFile;
use stele_gate::exception::{self, Exceptions};
use stele_gate::{Names, Outcome, report};
use stele_types::sha256;

/// Exceptions with the directory that their globs of files start from.
pub(crate) struct Loaded {
    exceptions: Exceptions,
    root: PathBuf,
    /// It was named, not found.
    named: bool,
    /// The file.
    pub(crate) file: CheckedFile,
}

/// Reads the named file, or of each path those of the root of its repository; each once.
pub(crate) fn load(named: Option<&Path>, paths: &[PathBuf]) -> Result<Vec<Loaded>> {
    if let Some(named) = named {
        return Ok(vec![read(named, true)?]);
    }
    let mut found: Vec<PathBuf> = Vec::new();
    let mut nested = BTreeSet::new();
    for path in paths {
        let here = Path::new(".");
        let start = if path == Path::new("-") { here } else { path };
        let file = of(start, &mut nested);
        if let Some(file) = file.filter(|file| !found.iter().any(|known| repository::same(known, file))) {
            found.push(file);
        }
    }
    for path in nested {
        crate::output::note(format!(
            "{} is not taken: exceptions stand in the root of the repository, or where --exceptions says",
            report::printable(&path.display().to_string())
        ));
    }
    let loaded: Vec<Loaded> = found
        .iter()
        .map(|file| read(file, false))
        .collect::<Result<_>>()?;
    for Loaded { file, .. } in &loaded {
        crate::output::note(report::printable(&format!(
            "exceptions are those of {}",
            file.path
        )));
    }
    Ok(loaded)
}

fn read(path: &Path, named: bool) -> Result<Loaded> {
    let text = repository::read(path)?;
    let whole = path
        .canonicalize()
        .with_context(|| format!("can't read {}", path.display()))?;
    let root = whole.parent().unwrap_or(&whole).to_owned();
    // Shown as a person would name it from here.
    let here = Path::new(".").canonicalize().unwrap_or_default();
    let shown = whole.strip_prefix(here).unwrap_or(path).display().to_string();
    let exceptions = Exceptions::parse(&shown, &text, repository::today())?;
    let file = CheckedFile {
        path: shown,
        sha256: sha256(&[text.as_bytes()]),
    };
    Ok(Loaded {
        exceptions,
        root,
        named,
        file,
    })
}

/// The file of a repository's root: a nested one is reviewed by whoever reviews that directory, and added to those that are not taken. Elsewhere that of
/// the path, or of the current directory.
fn of(start: &Path, not_taken: &mut BTreeSet<PathBuf>) -> Option<PathBuf> {
    let mut own = |path: &Path| {
        let nearest = repository::find_above(path, exception::FILE_NAME);
        let Some(root) = repository::root(path) else {
            return nearest;
        };
        let file = root.join(exception::FILE_NAME);
        not_taken.extend(nearest.filter(|nearest| *nearest != file));
        file.is_file().then_some(file)
    };
    let elsewhere = repository::root(start).is_none();
    own(start).or_else(|| own(Path::new(".")).filter(|_| elsewhere))
}

impl Loaded {
    /// Marks what is excepted, and takes down what excepts nothing. `whole`: every file below the paths was checked. `names`: those of all that was asked.
    pub(crate) fn apply(&self, outcome: &mut Outcome, paths: &[PathBuf], whole: bool, names: Option<&Names>) {
        let whole = whole && paths.iter().any(|path| repository::same(path, &self.root));
        let path_of = |name: &str| {
            let path = repository::path_below(&self.root, name);
            // Of what lies elsewhere only a file that was named may speak. Standard input lies nowhere.
            let below = || {
                Path::new(name)
                    .canonicalize()
                    .is_ok_and(|path| path.starts_with(&self.root))
            };
            (self.named || name == "-" || below()).then_some(path)
        };
        let idle = self
            .exceptions
            .apply(&mut outcome.findings, &path_of, whole, names);
        for idle in &idle {
            crate::output::note(report::printable(&format!("{}: {idle}", idle.exempt.place)));
        }
        outcome.exceptions.extend(idle);
    }
}
