//! The embedded store: one redb file, which an import replaces as a whole.
//!
//! ```text
//! vuln/
//!   lock           held by an import
//!   osv.redb       the data in force
//!   osv.redb.new   what an import is writing, or left behind when it was cut off
//! ```
//!
//! An import writes a new file, syncs it, and renames it over the old one. Until then the old data are in force, whatever happens; who has them open keeps them.

use crate::ecosystem::Known;
use crate::osv::{Advisory, Affected, Record};
use jiff::Timestamp;
use redb::backends::FileBackend;
use redb::{
    Database, ReadOnlyDatabase, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition,
    WriteTransaction,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Version of the file's format.
const FORMAT: u32 = 1;
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

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportInfo {
    /// What was read.
    pub sources: Vec<String>,
    /// When the data were made: the newest record's time, or the import's if that is earlier.
    pub made: Timestamp,
    /// When they were imported.
    pub imported: Timestamp,
    /// Records that were taken.
    pub records: u64,
}

/// What is in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    format: u32,
    /// Imports whose data are in force.
    pub imports: Vec<ImportInfo>,
    /// How many advisories there are.
    pub advisories: u64,
    /// Advisories by ecosystem.
    pub ecosystems: BTreeMap<String, u64>,
    /// Releases that there are advisories for, by ecosystem; the empty one stands for all.
    #[serde(default)]
    pub releases: BTreeMap<String, BTreeSet<String>>,
    /// Vulnerabilities that are listed as exploited.
    pub exploited: u64,
}

impl DataInfo {
    /// When the oldest of the data were made.
    #[must_use]
    pub fn made(&self) -> Option<Timestamp> {
        self.imports.iter().map(|import| import.made).min()
    }

    /// Whole days since the oldest of the data were made.
    #[must_use]
    pub fn age_days(&self, now: Timestamp) -> Option<i64> {
        Some(days_between(self.made()?, now))
    }
}

/// Whole days between two times, none if the second is not later.
pub(crate) fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    let seconds = to.as_second().saturating_sub(from.as_second());
    seconds.max(0) / 86_400
}

/// An advisory with the packages that it is filed under.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    advisory: Advisory,
    packages: Vec<(String, String)>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    New,
    /// There is one with the same id that is as new.
    Known,
    Withdrawn,
    /// It is about no package that could be matched.
    Foreign,
}

/// Writes the new data.
pub(crate) struct Writer<'t> {
    path: &'t Path,
    advisories: Table<'t, &'static str, &'static [u8]>,
    affected: Table<'t, (&'static str, &'static str, &'static str), &'static [u8]>,
    exploited: Table<'t, &'static str, &'static str>,
    withdrawn: BTreeMap<String, Timestamp>,
    info: DataInfo,
}

impl<'t> Writer<'t> {
    fn new(transaction: &'t WriteTransaction, path: &'t Path) -> Result<Self, StoreError> {
        let failed = StoreError::database(path);
        Ok(Self {
            path,
            advisories: transaction.open_table(ADVISORIES).map_err(&failed)?,
            affected: transaction.open_table(AFFECTED).map_err(&failed)?,
            exploited: transaction.open_table(EXPLOITED).map_err(&failed)?,
            withdrawn: BTreeMap::new(),
            info: DataInfo {
                format: FORMAT,
                ..DataInfo::default()
            },
        })
    }

    /// Takes over all that another store has.
    pub(crate) fn copy(&mut self, old: &Store) -> Result<(), StoreError> {
        let failed = StoreError::database(self.path);
        let theirs = StoreError::database(&old.path);
        let read = old
            .database
            .begin_read()
            .map_err(StoreError::database(&old.path))?;
        let table = read
            .open_table(ADVISORIES)
            .map_err(StoreError::database(&old.path))?;
        for entry in table.iter().map_err(&theirs)? {
            let (id, value) = entry.map_err(&theirs)?;
            self.advisories
                .insert(id.value(), value.value())
                .map_err(&failed)?;
        }
        let table = read
            .open_table(AFFECTED)
            .map_err(StoreError::database(&old.path))?;
        for entry in table.iter().map_err(&theirs)? {
            let (key, value) = entry.map_err(&theirs)?;
            self.affected
                .insert(key.value(), value.value())
                .map_err(&failed)?;
        }
        let table = read
            .open_table(EXPLOITED)
            .map_err(StoreError::database(&old.path))?;
        for entry in table.iter().map_err(&theirs)? {
            let (id, day) = entry.map_err(&theirs)?;
            self.exploited.insert(id.value(), day.value()).map_err(&failed)?;
        }
        self.info = old.info.clone();
        Ok(())
    }

    /// Files a record, unless there is one with its id that is as new.
    pub(crate) fn take(&mut self, record: &Record) -> Result<Taken, StoreError> {
        let Record { advisory, .. } = record;
        let since = self.withdrawn.get(&advisory.id);
        if since.is_some_and(|since| *since >= advisory.modified) {
            return Ok(Taken::Withdrawn);
        }
        let known = self.kept(&advisory.id)?;
        if let Some(known) = known {
            if known.advisory.modified >= advisory.modified {
                return Ok(Taken::Known);
            }
            self.remove(&known)?;
        }
        if record.withdrawn {
            self.withdrawn.insert(advisory.id.clone(), advisory.modified);
            return Ok(Taken::Withdrawn);
        }
        if record.affected.is_empty() {
            return Ok(Taken::Foreign);
        }
        let failed = StoreError::database(self.path);
        let packages = record.affected.keys();
        let packages: Vec<(String, String)> = packages
            .map(|(eco, name)| ((*eco).to_owned(), name.clone()))
            .collect();
        let ecosystems: BTreeSet<&str> = record.affected.keys().map(|(ecosystem, _)| *ecosystem).collect();
        for ecosystem in ecosystems {
            let count = self.info.ecosystems.entry(ecosystem.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        self.info.advisories = self.info.advisories.saturating_add(1);
        for ((ecosystem, name), affected) in &record.affected {
            let releases = self.info.releases.entry((*ecosystem).to_owned()).or_default();
            releases.extend(affected.iter().map(|affected| affected.release.clone()));
            let value = self.json(affected)?;
            self.affected
                .insert(
                    (*ecosystem, name.as_str(), advisory.id.as_str()),
                    value.as_slice(),
                )
                .map_err(&failed)?;
        }
        let kept = Kept {
            advisory: advisory.clone(),
            packages,
        };
        let value = self.json(&kept)?;
        self.advisories
            .insert(advisory.id.as_str(), value.as_slice())
            .map_err(&failed)?;
        Ok(Taken::New)
    }

    /// Notes that a vulnerability is exploited, since a day.
    pub(crate) fn exploited(&mut self, id: &str, day: &str) -> Result<(), StoreError> {
        let failed = StoreError::database(self.path);
        let before = self.exploited.insert(id, day).map_err(failed)?.is_some();
        if !before {
            self.info.exploited = self.info.exploited.saturating_add(1);
        }
        Ok(())
    }

    fn kept(&self, id: &str) -> Result<Option<Kept>, StoreError> {
        let value = self.advisories.get(id).map_err(StoreError::database(self.path))?;
        value
            .map(|value| read_json(self.path, id, value.value()))
            .transpose()
    }

    fn remove(&mut self, kept: &Kept) -> Result<(), StoreError> {
        let failed = StoreError::database(self.path);
        let id = kept.advisory.id.as_str();
        self.advisories.remove(id).map_err(&failed)?;
        for (ecosystem, name) in &kept.packages {
            self.affected
                .remove((ecosystem.as_str(), name.as_str(), id))
                .map_err(&failed)?;
        }
        let ecosystems: BTreeSet<&String> = kept.packages.iter().map(|(ecosystem, _)| ecosystem).collect();
        for ecosystem in ecosystems {
            let count = self.info.ecosystems.entry(ecosystem.clone()).or_default();
            *count = count.saturating_sub(1);
        }
        self.info.advisories = self.info.advisories.saturating_sub(1);
        Ok(())
    }

    /// How many advisories there are by now.
    pub(crate) const fn advisories(&self) -> u64 {
        self.info.advisories
    }

    /// Says what was imported.
    pub(crate) fn finish(&mut self, import: ImportInfo) -> DataInfo {
        self.info.imports.push(import);
        self.info.ecosystems.retain(|_, count| *count > 0);
        let ecosystems = &self.info.ecosystems;
        self.info.releases.retain(|name, _| ecosystems.contains_key(name));
        self.info.clone()
    }

    fn json(&self, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(value).map_err(|error| StoreError::Damaged {
            path: self.path.to_owned(),
            what: error.to_string(),
        })
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
    let written = write(&new, over, fill).and_then(|out| {
        Store::open_file(&new)?;
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
    std::fs::rename(&new, dir.join(FILE)).map_err(&failed)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    Ok(out)
}

fn write<B: StorageBackend, T, E: From<StoreError>>(
    path: &Path,
    over: impl FnOnce(FileBackend) -> B,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(DataInfo, T), E>,
) -> Result<T, E> {
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
    drop(writer);
    let mut meta = transaction.open_table(META).map_err(StoreError::database(path))?;
    meta.insert("info", bytes.as_slice())
        .map_err(StoreError::database(path))?;
    drop(meta);
    transaction.commit().map_err(StoreError::database(path))?;
    Ok(out)
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
    /// [`StoreError`] if they can't be read.
    pub fn open(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        match std::fs::metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&path)(error)),
        }
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
mod tests {
    use super::*;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A disk that fails from its nth change on.
    #[derive(Debug)]
    struct Failing {
        disk: FileBackend,
        left: Arc<AtomicUsize>,
    }

    impl Failing {
        fn step(&self) -> io::Result<()> {
            let left = self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            left.map(drop).map_err(|_| io::Error::other("the disk is gone"))
        }
    }

    impl StorageBackend for Failing {
        fn len(&self) -> io::Result<u64> {
            self.disk.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.disk.read(offset, out)
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.step()?;
            self.disk.set_len(len)
        }
        fn sync_data(&self) -> io::Result<()> {
            self.step()?;
            self.disk.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.step()?;
            self.disk.write(offset, data)
        }
    }

    fn record(id: &str, modified: &str, extra: &str) -> Record {
        let text = format!(
            r#"{{"id": "{id}", "modified": "{modified}" {extra}, "affected": [{{"package": {{"ecosystem": "npm", "name": "a"}}, "versions": ["1.0.0"]}}]}}"#
        );
        Record::parse(text.as_bytes()).unwrap()
    }

    fn info() -> ImportInfo {
        ImportInfo {
            sources: vec![],
            made: Timestamp::UNIX_EPOCH,
            imported: Timestamp::UNIX_EPOCH,
            records: 1,
        }
    }

    fn fill(records: &[Record]) -> impl Fn(&mut Writer<'_>) -> Result<(DataInfo, ()), StoreError> {
        move |writer| {
            for record in records {
                writer.take(record)?;
            }
            Ok((writer.finish(info()), ()))
        }
    }

    fn ids(dir: &Path) -> Vec<String> {
        let store = Store::open(dir).unwrap().unwrap();
        let found = store.about(Known::named("npm").unwrap(), "a").unwrap();
        found.into_iter().map(|(advisory, _)| advisory.id).collect()
    }

    #[test]
    fn a_disk_that_fails_at_any_write_leaves_the_old_data() {
        let dir = tempfile::tempdir().unwrap();
        let old = [record("OLD", "2026-01-01T00:00:00Z", "")];
        let new = [record("NEW", "2026-01-01T00:00:00Z", "")];
        replace(dir.path(), fill(&old)).unwrap();
        let mut failures = 0;
        loop {
            let left = Arc::new(AtomicUsize::new(failures));
            let over = |disk| Failing { disk, left };
            match replace_over(dir.path(), over, fill(&new)) {
                Ok(()) => break,
                Err(StoreError::Database { .. }) => failures += 1,
                Err(other) => panic!("{other}"),
            }
            assert_eq!(ids(dir.path()), ["OLD"], "after {failures} changes");
        }
        assert!(failures > 3, "{failures}");
        assert_eq!(ids(dir.path()), ["NEW"]);
    }

    #[test]
    fn what_a_killed_import_left_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        replace(dir.path(), fill(&[record("OLD", "2026-01-01T00:00:00Z", "")])).unwrap();
        std::fs::write(dir.path().join(NEW_FILE), "half").unwrap();
        assert_eq!(ids(dir.path()), ["OLD"]);
        let reader = Store::open(dir.path()).unwrap().unwrap();
        replace(dir.path(), fill(&[record("NEW", "2026-01-01T00:00:00Z", "")])).unwrap();
        assert_eq!(ids(dir.path()), ["NEW"]);
        // Who was reading goes on with what was there.
        assert_eq!(
            reader.about(Known::named("npm").unwrap(), "a").unwrap()[0].0.id,
            "OLD"
        );
    }

    #[test]
    fn one_import_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let inner = |_: &mut Writer<'_>| -> Result<(DataInfo, ()), StoreError> {
            let error = replace(dir.path(), fill(&[])).unwrap_err();
            assert!(matches!(error, StoreError::Busy(_)), "{error}");
            Err(error)
        };
        assert!(replace(dir.path(), inner).is_err());
        assert!(Store::open(dir.path()).unwrap().is_none());
    }

    #[test]
    fn the_newer_record_counts_whatever_the_order() {
        let [old, new, gone] = [
            record("A", "2026-01-01T00:00:00Z", ""),
            record("A", "2026-01-02T00:00:00Z", r#", "summary": "new""#),
            record(
                "A",
                "2026-01-03T00:00:00Z",
                r#", "withdrawn": "2026-01-03T00:00:00Z""#,
            ),
        ];
        let dir = tempfile::tempdir().unwrap();
        for order in [[&old, &new], [&new, &old]] {
            replace(dir.path(), fill(&order.map(Clone::clone))).unwrap();
            let store = Store::open(dir.path()).unwrap().unwrap();
            let found = store.about(Known::named("npm").unwrap(), "a").unwrap();
            assert_eq!((found.len(), found[0].0.summary.as_str()), (1, "new"));
            assert_eq!((store.info().advisories, store.info().ecosystems["npm"]), (1, 1));
        }
        for order in [[&new, &gone, &old], [&gone, &old, &new]] {
            replace(dir.path(), fill(&order.map(Clone::clone))).unwrap();
            assert!(ids(dir.path()).is_empty());
        }
    }
}
