//! The embedded store: one redb file, which an import replaces as a whole.
//!
//! ```text
//! vuln/
//!   lock           held by an import
//!   osv.redb       the data in force
//!   osv.sum        their digest, which is checked whenever they are opened
//!   osv.redb.new   what an import is writing, or left behind when it was cut off
//! ```
//!
//! An import writes a new file, syncs it, and renames it over the old one. Until then the old data are in force, whatever happens; who has them open keeps them.

mod data;
mod sum;
mod write;

use crate::ecosystem::Known;
use crate::osv::{Advisory, Affected};
use data::FORMAT;
use redb::backends::FileBackend;
use redb::{Database, ReadOnlyDatabase, ReadableDatabase, StorageBackend, TableDefinition};
use std::fs::File;
use std::path::{Path, PathBuf};
use write::Kept;

pub use data::{DataInfo, ImportInfo};

pub(crate) use data::days_between;
pub(crate) use write::{Taken, Writer};

const FILE: &str = "osv.redb";
const NEW_FILE: &str = "osv.redb.new";
const LOCK_FILE: &str = "lock";
/// Bytes of the file that are kept in memory.
const CACHE: usize = 256 << 20;

/// `info`: [`DataInfo`] as JSON.
const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
/// By id: [`Kept`] as JSON.
const ADVISORIES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("advisories");
/// By ecosystem, normal name and advisory: a list of [`Affected`] as JSON.
const AFFECTED: TableDefinition<'static, (&str, &str, &str), &[u8]> = TableDefinition::new("affected");
/// By CVE: the day on which it was listed as exploited.
const EXPLOITED: TableDefinition<'static, &str, &str> = TableDefinition::new("exploited");
/// By id of a record that was taken back: when that was, as RFC 3339.
const WITHDRAWN: TableDefinition<'static, &str, &str> = TableDefinition::new("withdrawn");

/// SHA-256 over all entries, in their order.
type Contents = [u8; 32];

/// Why the store can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database can't be read or written.
    #[error("{path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// What is in it is not what was written.
    #[error("{path} is damaged ({what}): import the data again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        what: String,
    },
    /// A later program wrote it.
    #[error("{path} has format {found}; this program knows {FORMAT}: import the data again")]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Another import is under way.
    #[error("another import is writing to {0}; wait for it")]
    Busy(PathBuf),
}

impl StoreError {
    fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path: path.clone(),
            source,
        }
    }

    fn database<E: Into<redb::Error>>(path: &Path) -> impl Fn(E) -> Self {
        let path = path.to_owned();
        move |source| Self::Database {
            path: path.clone(),
            source: Box::new(source.into()),
        }
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path, what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged {
        path: path.to_owned(),
        what: format!("{what}: {error}"),
    })
}

/// Replaces the data in a directory by what `fill` writes and says of it. Whatever fails, and whenever, the old data stay in force.
///
/// # Errors
///
/// [`StoreError`], and those of `fill`.
pub(crate) fn replace<T, E: From<StoreError>>(
    dir: &Path,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(DataInfo, T), E>,
) -> Result<T, E> {
    replace_over(dir, |file| file, fill)
}

fn replace_over<B: StorageBackend, T, E: From<StoreError>>(
    dir: &Path,
    over: impl FnOnce(FileBackend) -> B,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(DataInfo, T), E>,
) -> Result<T, E> {
    std::fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
    let lock_path = dir.join(LOCK_FILE);
    let lock = File::create(&lock_path).map_err(StoreError::io(&lock_path))?;
    lock.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => StoreError::Busy(dir.to_owned()),
        std::fs::TryLockError::Error(source) => StoreError::io(&lock_path)(source),
    })?;
    let new = dir.join(NEW_FILE);
    // Read back before it counts: a disk may fail even while the file is closed.
    let written = write(&new, over, fill).and_then(|(contents, out)| {
        if Store::open_file(&new)?.contents()? != contents {
            return Err(StoreError::Damaged {
                path: new.clone(),
                what: "what is read back is not what was written".to_owned(),
            }
            .into());
        }
        Ok(out)
    });
    if written.is_err() {
        // Nobody reads it, and the next import truncates it.
        let _ = std::fs::remove_file(&new);
    }
    let out = written?;
    let failed = StoreError::io(&new);
    File::open(&new)
        .and_then(|file| file.sync_all())
        .map_err(&failed)?;
    let digest = sum::of_file(&new)?;
    let mut either = sum::listed(dir)?;
    either.insert(digest.clone());
    sum::list(dir, &either)?;
    std::fs::rename(&new, dir.join(FILE)).map_err(&failed)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    sum::list(dir, &[digest].into())?;
    Ok(out)
}

/// Writes a file, and gives the digest of its contents.
fn write<B: StorageBackend, T, E: From<StoreError>>(
    path: &Path,
    over: impl FnOnce(FileBackend) -> B,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(DataInfo, T), E>,
) -> Result<(Contents, T), E> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(StoreError::io(path))?;
    let backend = FileBackend::new(file).map_err(StoreError::database(path))?;
    let mut builder = redb::Builder::new();
    let database: Database = builder
        .set_cache_size(CACHE)
        .create_with_backend(over(backend))
        .map_err(StoreError::database(path))?;
    let transaction = database.begin_write().map_err(StoreError::database(path))?;
    let mut writer = Writer::new(&transaction, path)?;
    let (info, out) = fill(&mut writer)?;
    let bytes = writer.json(&info)?;
    let contents = writer.contents()?;
    drop(writer);
    let mut meta = transaction.open_table(META).map_err(StoreError::database(path))?;
    meta.insert("info", bytes.as_slice())
        .map_err(StoreError::database(path))?;
    drop(meta);
    transaction.commit().map_err(StoreError::database(path))?;
    Ok((contents, out))
}

/// The data in force, to be read by any number of programs at once.
pub struct Store {
    path: PathBuf,
    database: ReadOnlyDatabase,
    info: DataInfo,
}

impl Store {
    /// Opens the data of a directory; `None` if none were ever imported.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they can't be read, or are not what was written.
    pub fn open(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        match std::fs::metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&path)(error)),
        }
        sum::check(dir)?;
        Self::open_file(&path).map(Some)
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        let database = redb::Builder::new()
            .set_cache_size(CACHE)
            .open_read_only(path)
            .map_err(StoreError::database(path))?;
        let read = database.begin_read().map_err(StoreError::database(path))?;
        let meta = read.open_table(META).map_err(StoreError::database(path))?;
        let value = meta.get("info").map_err(StoreError::database(path))?;
        let info: DataInfo = match value {
            Some(value) => read_json(path, "info", value.value())?,
            None => {
                return Err(StoreError::Damaged {
                    path: path.to_owned(),
                    what: "it says nothing of itself".to_owned(),
                });
            }
        };
        if info.format != FORMAT {
            let found = info.format;
            return Err(StoreError::Format {
                path: path.to_owned(),
                found,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            database,
            info,
        })
    }

    /// The digest of all that is in it.
    fn contents(&self) -> Result<Contents, StoreError> {
        let read = self
            .database
            .begin_read()
            .map_err(StoreError::database(&self.path))?;
        let failed = StoreError::database(&self.path);
        let contents = write::contents(
            &read.open_table(ADVISORIES).map_err(&failed)?,
            &read.open_table(AFFECTED).map_err(&failed)?,
            [
                &read.open_table(EXPLOITED).map_err(&failed)?,
                &read.open_table(WITHDRAWN).map_err(&failed)?,
            ],
        );
        contents.map_err(StoreError::database(&self.path))
    }

    /// What is in it.
    #[must_use]
    pub const fn info(&self) -> &DataInfo {
        &self.info
    }

    /// What advisories say of a package, by the name that all its spellings have in common.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn about(&self, ecosystem: Known, name: &str) -> Result<Vec<(Advisory, Vec<Affected>)>, StoreError> {
        let failed = StoreError::database::<redb::StorageError>(&self.path);
        let read = self
            .database
            .begin_read()
            .map_err(StoreError::database(&self.path))?;
        let affected = read
            .open_table(AFFECTED)
            .map_err(StoreError::database(&self.path))?;
        let advisories = read
            .open_table(ADVISORIES)
            .map_err(StoreError::database(&self.path))?;
        let mut out = Vec::new();
        for entry in affected.range((ecosystem.name, name, "")..).map_err(&failed)? {
            let (key, value) = entry.map_err(&failed)?;
            let (of, package, id) = key.value();
            if (of, package) != (ecosystem.name, name) {
                break;
            }
            let value = read_json(&self.path, id, value.value())?;
            let advisory = advisories.get(id).map_err(&failed)?;
            let advisory = advisory.ok_or_else(|| StoreError::Damaged {
                path: self.path.clone(),
                what: format!("{id} is missing"),
            })?;
            let kept: Kept = read_json(&self.path, id, advisory.value())?;
            out.push((kept.advisory, value));
        }
        Ok(out)
    }

    /// The day since which one of these is known to be exploited.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn exploited<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Result<Option<String>, StoreError> {
        let read = self
            .database
            .begin_read()
            .map_err(StoreError::database(&self.path))?;
        let table = read
            .open_table(EXPLOITED)
            .map_err(StoreError::database(&self.path))?;
        for id in ids {
            let day = table.get(id).map_err(StoreError::database(&self.path))?;
            if let Some(day) = day {
                return Ok(Some(day.value().to_owned()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
