//! Import of OSV data: directories, archives as OSV publishes them for each ecosystem, single files.
//!
//! Everything is bounded. A record that can't be used is noted, and the rest is taken; an archive or directory that can't be read, goes beyond the bounds, or has more
//! files that can't be used than others, ends the import, and the old data stay.

mod source;

use crate::osv::{Record, RecordError};
use crate::store::{self, DataInfo, ImportInfo, Store, StoreError, Taken, Writer};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bounds on what is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one record, unpacked. The largest that are known have some millions.
    pub record: u64,
    /// Bytes of all, unpacked.
    pub total: u64,
    /// Files and entries of archives.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record: 32 << 20,
            total: 32 << 30,
            entries: 4_000_000,
        }
    }
}

/// How to import.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Keep what is there; of records with the same id the newer one counts, and of two that are as new the one that says more, else the one that was read last.
    pub add: bool,
    /// The time.
    pub now: Timestamp,
    /// Bounds.
    pub limits: Limits,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store can't be written, or the old data not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refuses.
    #[error("{path}: can't be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no archive that can be read.
    #[error("{path}: no ZIP archive that can be read: {message}")]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// There is more than may be read.
    #[error("{path}: with this there are more than {limit} {what}; nothing was imported")]
    TooMuch {
        /// Where the bound was reached.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// There was no record.
    #[error(
        "there is no OSV record for an ecosystem that is matched here (files read: {read}, of which {bad} can't be used); the data that were there stay in force{first}"
    )]
    Nothing {
        /// How many files were read.
        read: u64,
        /// How many can't be used.
        bad: u64,
        /// The first of those.
        first: String,
    },
    /// It is no good.
    #[error(
        "most files can't be used ({bad} of {read}), so that none is taken; the data that were there stay in force{first}"
    )]
    MostlyBad {
        /// How many files were read.
        read: u64,
        /// How many can't be used.
        bad: u64,
        /// The first of those.
        first: String,
    },
}

impl ImportError {
    /// Whether it is the environment's fault rather than the input's.
    #[must_use]
    pub const fn is_environment(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Io { .. })
    }
}

/// A file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The file; in an archive `all.zip!/GHSA-1.json`.
    pub file: String,
    /// Why.
    pub message: String,
}

/// Files that can't be used are listed up to this number, and counted beyond.
const LISTED: usize = 100;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Files and entries that were read.
    pub read: u64,
    /// Records that were taken.
    pub taken: u64,
    /// Records of which there was a newer one, or the same.
    pub known: u64,
    /// Records of which there was one that is as new and says more, which stays.
    pub less: u64,
    /// Records that were taken back.
    pub withdrawn: u64,
    /// Records about ecosystems that nothing here can match.
    pub foreign: u64,
    /// Files that are neither JSON nor archives, and were passed over.
    pub passed_over: u64,
    /// Files that can't be used, and directories that are too deep.
    pub bad: u64,
    /// Records of which a part can't be used; they count among the others too.
    pub partial: u64,
    /// Entries of catalogues of what is exploited.
    pub exploited: u64,
    /// The first that can't be used, whole or in part.
    pub listed: Vec<Bad>,
    /// What is in the store now.
    pub info: DataInfo,
}

impl Imported {
    fn bad(&mut self, file: String, message: impl ToString) {
        self.bad = self.bad.saturating_add(1);
        self.list(file, message);
    }

    fn list(&mut self, file: String, message: impl ToString) {
        if self.listed.len() < LISTED {
            let message = message.to_string();
            self.listed.push(Bad { file, message });
        }
    }
}

/// Imports files into the store of a directory, in place of what is there. `progress` is told how many files were read.
///
/// # Errors
///
/// [`ImportError`]; the old data stay in force then.
pub fn import(
    dir: &Path,
    paths: &[PathBuf],
    options: &Options,
    progress: &dyn Fn(u64),
) -> Result<Imported, ImportError> {
    store::replace(dir, |writer| {
        // Opened here, where no other import can replace it.
        if let Some(old) = options.add.then(|| Store::open(dir)).transpose()?.flatten() {
            writer.copy(&old)?;
        }
        let mut run = Run {
            writer,
            out: Imported::default(),
            newest: BTreeMap::new(),
            catalogues: 0,
            options,
            bytes: 0,
            entries: 0,
            progress,
        };
        for path in paths {
            source::read(path, &mut run)?;
        }
        run.finish(paths)
    })
}

/// An import that is under way.
struct Run<'r, 'w> {
    writer: &'r mut Writer<'w>,
    out: Imported,
    /// When the newest record of each ecosystem changed, of those that are kept and not of the future.
    newest: BTreeMap<String, Timestamp>,
    /// Catalogues of what is exploited.
    catalogues: u64,
    options: &'r Options,
    bytes: u64,
    entries: u64,
    progress: &'r dyn Fn(u64),
}

/// CISA's catalogue: <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exploited {
    #[serde(rename = "catalogVersion")]
    _version: String,
    vulnerabilities: Vec<ExploitedEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExploitedEntry {
    #[serde(rename = "cveID")]
    id: String,
    date_added: jiff::civil::Date,
}

impl Run<'_, '_> {
    /// Counts a file or entry against the bounds.
    fn count(&mut self, path: &Path) -> Result<(), ImportError> {
        self.entries = self.entries.saturating_add(1);
        let limit = self.options.limits.entries;
        if self.entries > limit {
            return Err(too_much(path, "files", limit));
        }
        Ok(())
    }

    /// Counts unpacked bytes against the bounds.
    fn spend(&mut self, path: &Path, bytes: u64) -> Result<(), ImportError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let limit = self.options.limits.total;
        if self.bytes > limit {
            return Err(too_much(path, "bytes", limit));
        }
        Ok(())
    }

    /// Takes one file's bytes.
    fn take(&mut self, name: String, bytes: &[u8]) -> Result<(), ImportError> {
        self.out.read = self.out.read.saturating_add(1);
        if self.out.read.is_multiple_of(256) {
            (self.progress)(self.out.read);
        }
        match Record::parse(bytes) {
            Ok(record) => self.file(name, &record)?,
            Err(RecordError::Shape(_)) if self.exploited(bytes)? => {}
            Err(error) => self.out.bad(name, error),
        }
        Ok(())
    }

    fn file(&mut self, name: String, record: &Record) -> Result<(), ImportError> {
        let out = &mut self.out;
        let taken = self.writer.take(record)?;
        let counter = match taken {
            Taken::New => &mut out.taken,
            Taken::Known => &mut out.known,
            Taken::Less => &mut out.less,
            Taken::Withdrawn => &mut out.withdrawn,
            Taken::Foreign => &mut out.foreign,
        };
        *counter = counter.saturating_add(1);
        if !record.problems.is_empty() {
            out.partial = out.partial.saturating_add(1);
            out.list(name.clone(), record.problems.join("; "));
        }
        if taken == Taken::Less {
            let id = &record.advisory.id;
            out.list(
                name,
                format!("{id} is not taken: the record that is there is as new, and names packages, versions or other names that this one leaves out; import without --add to have this one"),
            );
        }
        let modified = record.advisory.modified;
        if matches!(taken, Taken::New | Taken::Known) && modified <= self.options.now {
            for (ecosystem, _) in record.affected.keys() {
                let newest = self.newest.entry((*ecosystem).to_owned()).or_insert(modified);
                *newest = modified.max(*newest);
            }
        }
        Ok(())
    }

    /// Takes a catalogue of what is exploited; false if it is none.
    fn exploited(&mut self, bytes: &[u8]) -> Result<bool, ImportError> {
        let Ok(catalogue) = serde_json::from_slice::<Exploited>(bytes) else {
            return Ok(false);
        };
        for entry in catalogue.vulnerabilities {
            self.writer.exploited(&entry.id, &entry.date_added.to_string())?;
            self.out.exploited = self.out.exploited.saturating_add(1);
        }
        self.catalogues = self.catalogues.saturating_add(1);
        Ok(true)
    }

    fn finish(self, paths: &[PathBuf]) -> Result<(DataInfo, Imported), ImportError> {
        let Self {
            writer,
            mut out,
            newest,
            catalogues,
            options,
            ..
        } = self;
        let usable = [
            out.taken,
            out.known,
            out.less,
            out.withdrawn,
            out.foreign,
            catalogues,
        ];
        let usable = usable.into_iter().fold(0, u64::saturating_add);
        let (read, bad) = (out.read, out.bad);
        let first = out.listed.first();
        let first = first.map_or_else(String::new, |bad| format!("; {}: {}", bad.file, bad.message));
        if usable == 0 || writer.advisories() == 0 {
            return Err(ImportError::Nothing { read, bad, first });
        }
        if bad > usable {
            return Err(ImportError::MostlyBad { read, bad, first });
        }
        let import = ImportInfo {
            sources: paths.iter().map(|path| path.display().to_string()).collect(),
            imported: options.now,
            records: out.taken,
            bad: bad.saturating_add(out.partial),
        };
        let info = writer.finish(import, newest);
        out.info.clone_from(&info);
        Ok((info, out))
    }
}

fn too_much(path: &Path, what: &'static str, limit: u64) -> ImportError {
    ImportError::TooMuch {
        path: path.to_owned(),
        what,
        limit,
    }
}

#[cfg(test)]
mod tests;
