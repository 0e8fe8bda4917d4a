//! Filling a new store.

use super::data::FORMAT;
use super::{
    ADVISORIES, AFFECTED, Contents, DataInfo, EXPLOITED, ImportInfo, Store, StoreError, WITHDRAWN, read_json,
};
use crate::osv::{Advisory, Affected, Record};
use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use redb::{ReadableDatabase as _, ReadableTable, StorageError, Table, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// An advisory with the packages that it is filed under.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(flatten)]
    pub(super) advisory: Advisory,
    packages: Vec<(String, String)>,
    /// Ecosystems and their releases.
    releases: BTreeSet<(String, String)>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    New,
    /// There is one with the same id that is newer, or says the same.
    Known,
    /// There is one with the same id that is as new, and says more.
    Less,
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
    withdrawn: Table<'t, &'static str, &'static str>,
    info: DataInfo,
}

impl<'t> Writer<'t> {
    pub(super) fn new(transaction: &'t WriteTransaction, path: &'t Path) -> Result<Self, StoreError> {
        let failed = StoreError::database(path);
        Ok(Self {
            path,
            advisories: transaction.open_table(ADVISORIES).map_err(&failed)?,
            affected: transaction.open_table(AFFECTED).map_err(&failed)?,
            exploited: transaction.open_table(EXPLOITED).map_err(&failed)?,
            withdrawn: transaction.open_table(WITHDRAWN).map_err(&failed)?,
            info: DataInfo {
                format: FORMAT,
                ..DataInfo::default()
            },
        })
    }

    /// Takes over all that another store has.
    pub(crate) fn copy(&mut self, old: &Store) -> Result<(), StoreError> {
        let written = StoreError::database(self.path);
        let theirs = StoreError::database(&old.path);
        let failed = StoreError::database(&old.path);
        let read = old
            .database
            .begin_read()
            .map_err(StoreError::database(&old.path))?;
        for entry in read
            .open_table(ADVISORIES)
            .map_err(&failed)?
            .iter()
            .map_err(&theirs)?
        {
            let (id, value) = entry.map_err(&theirs)?;
            self.advisories
                .insert(id.value(), value.value())
                .map_err(&written)?;
        }
        for entry in read
            .open_table(AFFECTED)
            .map_err(&failed)?
            .iter()
            .map_err(&theirs)?
        {
            let (key, value) = entry.map_err(&theirs)?;
            self.affected
                .insert(key.value(), value.value())
                .map_err(&written)?;
        }
        for (definition, table) in [(EXPLOITED, &mut self.exploited), (WITHDRAWN, &mut self.withdrawn)] {
            for entry in read
                .open_table(definition)
                .map_err(&failed)?
                .iter()
                .map_err(&theirs)?
            {
                let (id, value) = entry.map_err(&theirs)?;
                table.insert(id.value(), value.value()).map_err(&written)?;
            }
        }
        self.info = old.info.clone();
        Ok(())
    }

    /// Files a record, unless there is one with its id that is newer. Of two that are as new, and differ, the one that takes back counts, then the one that says more
    /// ([`Self::says_less`]), else the one that was read last. Not every copy of a database keeps the times: those of Go's own repository are all zero, which orders nothing,
    /// so that a record of the year one that was taken back and is there again is in force again.
    pub(crate) fn take(&mut self, record: &Record) -> Result<Taken, StoreError> {
        let Record { advisory, .. } = record;
        if self
            .withdrawn_at(&advisory.id)?
            .is_some_and(|since| since > advisory.modified || since == advisory.modified && is_dated(since))
        {
            return Ok(Taken::Withdrawn);
        }
        if let Some(known) = self.kept(&advisory.id)? {
            let is_older = known.advisory.modified > advisory.modified;
            if is_older || !record.withdrawn && self.says(&known, record)? {
                return Ok(Taken::Known);
            }
            let is_as_new = known.advisory.modified == advisory.modified;
            if is_as_new && !record.withdrawn && self.says_less(&known, record)? {
                return Ok(Taken::Less);
            }
            self.remove(&known)?;
        }
        let failed = StoreError::database(self.path);
        if record.withdrawn {
            let since = advisory.modified.to_string();
            self.withdrawn
                .insert(advisory.id.as_str(), since.as_str())
                .map_err(&failed)?;
            return Ok(Taken::Withdrawn);
        }
        self.withdrawn.remove(advisory.id.as_str()).map_err(&failed)?;
        if record.affected.is_empty() {
            return Ok(Taken::Foreign);
        }
        self.file(record)?;
        Ok(Taken::New)
    }

    fn file(&mut self, record: &Record) -> Result<(), StoreError> {
        let Record { advisory, .. } = record;
        let failed = StoreError::database(self.path);
        let packages = record.affected.keys();
        let packages = packages.map(|(ecosystem, name)| ((*ecosystem).to_owned(), name.clone()));
        let mut kept = Kept {
            advisory: advisory.clone(),
            packages: packages.collect(),
            releases: BTreeSet::new(),
        };
        for ((ecosystem, name), affected) in &record.affected {
            let releases = affected.iter().map(|affected| affected.release.clone());
            kept.releases
                .extend(releases.map(|release| ((*ecosystem).to_owned(), release)));
            let value = self.json(affected)?;
            self.affected
                .insert(
                    (*ecosystem, name.as_str(), advisory.id.as_str()),
                    value.as_slice(),
                )
                .map_err(&failed)?;
        }
        let value = self.json(&kept)?;
        self.advisories
            .insert(advisory.id.as_str(), value.as_slice())
            .map_err(&failed)?;
        self.count(&kept, |count| count.saturating_add(1));
        Ok(())
    }

    /// Counts an advisory in or out.
    fn count(&mut self, kept: &Kept, step: impl Fn(u64) -> u64) {
        let info = &mut self.info;
        info.advisories = step(info.advisories);
        let ecosystems: BTreeSet<&String> = kept.releases.iter().map(|(ecosystem, _)| ecosystem).collect();
        for ecosystem in ecosystems {
            let count = info.ecosystems.entry(ecosystem.clone()).or_default();
            *count = step(*count);
        }
        for (ecosystem, release) in &kept.releases {
            let releases = info.releases.entry(ecosystem.clone()).or_default();
            let count = releases.entry(release.clone()).or_default();
            *count = step(*count);
        }
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

    /// Whether what is kept is what a record says.
    fn says(&self, kept: &Kept, record: &Record) -> Result<bool, StoreError> {
        if kept.advisory != record.advisory || kept.packages.len() != record.affected.len() {
            return Ok(false);
        }
        for ((ecosystem, name), affected) in &record.affected {
            let key = (*ecosystem, name.as_str(), kept.advisory.id.as_str());
            let value = self.affected.get(key).map_err(StoreError::database(self.path))?;
            let new = self.json(affected)?;
            if value.is_none_or(|value| value.value() != new) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a record leaves out what is kept: a package, the versions of one in a release, or, where a part of it can't be read, another name.
    fn says_less(&self, kept: &Kept, record: &Record) -> Result<bool, StoreError> {
        let Record { advisory, .. } = record;
        let known = &kept.advisory;
        let names = known.aliases.iter().chain(&known.upstream);
        let mut lost =
            names.filter(|name| !advisory.aliases.contains(name) && !advisory.upstream.contains(name));
        if !record.problems.is_empty() && lost.next().is_some() {
            return Ok(true);
        }
        for (ecosystem, name) in &kept.packages {
            let about = |(key, _): &(&(&'static str, String), _)| key.0 == ecosystem && key.1 == *name;
            let Some((_, new)) = record.affected.iter().find(about) else {
                return Ok(true);
            };
            let key = (ecosystem.as_str(), name.as_str(), known.id.as_str());
            let value = self.affected.get(key).map_err(StoreError::database(self.path))?;
            let old: Option<Vec<Affected>> = value
                .map(|value| read_json(self.path, &known.id, value.value()))
                .transpose()?;
            let is_missing = |old: &Affected| {
                let same = |new: &Affected| new.release == old.release && new.is_about_versions();
                old.is_about_versions() && !new.iter().any(same)
            };
            if old.iter().flatten().any(is_missing) {
                return Ok(true);
            }
        }
        Ok(false)
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
        self.count(kept, |count| count.saturating_sub(1));
        Ok(())
    }

    /// How many advisories there are by now.
    pub(crate) const fn advisories(&self) -> u64 {
        self.info.advisories
    }

    /// Says what was imported. `newest`: when the newest of its records changed, by ecosystem.
    pub(crate) fn finish(&mut self, import: ImportInfo, newest: BTreeMap<String, Timestamp>) -> DataInfo {
        let info = &mut self.info;
        info.imports.retain(|earlier| earlier.sources != import.sources);
        info.imports.push(import);
        for (ecosystem, made) in newest {
            let known = info.newest.entry(ecosystem).or_insert(made);
            *known = made.max(*known);
        }
        info.ecosystems.retain(|_, count| *count > 0);
        for releases in info.releases.values_mut() {
            releases.retain(|_, count| *count > 0);
        }
        info.releases.retain(|_, releases| !releases.is_empty());
        let ecosystems = &info.ecosystems;
        info.newest.retain(|name, _| ecosystems.contains_key(name));
        info.clone()
    }

    /// The digest of all that was written.
    pub(super) fn contents(&self) -> Result<Contents, StoreError> {
        contents(
            &self.advisories,
            &self.affected,
            [&self.exploited, &self.withdrawn],
        )
        .map_err(StoreError::database(self.path))
    }

    fn withdrawn_at(&self, id: &str) -> Result<Option<Timestamp>, StoreError> {
        let value = self.withdrawn.get(id).map_err(StoreError::database(self.path))?;
        let since = value.map(|value| value.value().parse()).transpose();
        since.map_err(|error| StoreError::Damaged {
            path: self.path.to_owned(),
            what: format!("{id}: {error}"),
        })
    }

    pub(super) fn json(&self, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(value).map_err(|error| StoreError::Damaged {
            path: self.path.to_owned(),
            what: error.to_string(),
        })
    }
}

/// Whether a time is one that somebody wrote, not the zero of a language.
fn is_dated(time: Timestamp) -> bool {
    time > Timestamp::UNIX_EPOCH
}

/// SHA-256 over the entries of all tables, each part with its length before it.
pub(super) fn contents(
    advisories: &impl ReadableTable<&'static str, &'static [u8]>,
    affected: &impl ReadableTable<(&'static str, &'static str, &'static str), &'static [u8]>,
    texts: [&impl ReadableTable<&'static str, &'static str>; 2],
) -> Result<Contents, StorageError> {
    let mut context = Context::new(&SHA256);
    let mut add = |parts: &[&[u8]]| {
        for part in parts {
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
    };
    for entry in advisories.iter()? {
        let (id, value) = entry?;
        add(&[id.value().as_bytes(), value.value()]);
    }
    for entry in affected.iter()? {
        let (key, value) = entry?;
        let (ecosystem, name, id) = key.value();
        add(&[
            ecosystem.as_bytes(),
            name.as_bytes(),
            id.as_bytes(),
            value.value(),
        ]);
    }
    for table in texts {
        for entry in table.iter()? {
            let (id, value) = entry?;
            add(&[id.value().as_bytes(), value.value().as_bytes()]);
        }
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Ok(out)
}
