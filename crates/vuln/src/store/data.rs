//! What is in the store, in figures.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the file's format.
pub(super) const FORMAT: u32 = 2;

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportInfo {
    /// What was read.
    pub sources: Vec<String>,
    /// When it was imported.
    pub imported: Timestamp,
    /// Records that were taken.
    pub records: u64,
    /// Files that can't be used, and records of which a part can't.
    pub bad: u64,
}

/// What is in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    pub(super) format: u32,
    /// Imports whose data are in force; of those of the same files the last.
    pub imports: Vec<ImportInfo>,
    /// How many advisories there are.
    pub advisories: u64,
    /// Advisories by ecosystem.
    pub ecosystems: BTreeMap<String, u64>,
    /// When the newest record of each ecosystem changed. An ecosystem whose records are all of the future has none.
    pub newest: BTreeMap<String, Timestamp>,
    /// Advisories by ecosystem and release; the empty release is that of ecosystems without releases, and of records that name none.
    pub releases: BTreeMap<String, BTreeMap<String, u64>>,
    /// Vulnerabilities that are listed as exploited.
    pub exploited: u64,
}

impl DataInfo {
    /// When the data of the oldest of these ecosystems were made, and which that is; of all, if there are data for none of these. `None` in place of the time: nobody
    /// knows.
    #[must_use]
    pub fn oldest<'e>(
        &self,
        ecosystems: impl IntoIterator<Item = &'e str>,
    ) -> Option<(&str, Option<Timestamp>)> {
        let asked = ecosystems.into_iter();
        let asked = asked.filter_map(|name| self.ecosystems.get_key_value(name));
        let oldest = asked.map(|(name, _)| self.made_of(name)).min_by_key(by_age);
        oldest.or_else(|| {
            let all = self.ecosystems.keys();
            all.map(|name| self.made_of(name)).min_by_key(by_age)
        })
    }

    fn made_of<'i>(&'i self, name: &'i str) -> (&'i str, Option<Timestamp>) {
        (name, self.newest.get(name).copied())
    }

    /// When the oldest of the data were made, if that is known.
    #[must_use]
    pub fn made(&self) -> Option<Timestamp> {
        self.oldest([])?.1
    }

    /// Whole days since the oldest of the data were made.
    #[must_use]
    pub fn age_days(&self, now: Timestamp) -> Option<i64> {
        Some(days_between(self.made()?, now))
    }

    /// Whole days since the data of each ecosystem were made; none where that is not known.
    #[must_use]
    pub fn ages(&self, now: Timestamp) -> BTreeMap<&str, Option<i64>> {
        let ages = self.ecosystems.keys().map(|name| {
            let (name, made) = self.made_of(name);
            (name, made.map(|made| days_between(made, now)))
        });
        ages.collect()
    }

    /// Files that could not be used, and records of which a part couldn't, in all imports.
    #[must_use]
    pub fn bad(&self) -> u64 {
        let bad = self.imports.iter().map(|import| import.bad);
        bad.fold(0, u64::saturating_add)
    }
}

/// What is not known is the oldest.
fn by_age((_, made): &(&str, Option<Timestamp>)) -> Option<Timestamp> {
    *made
}

/// Whole days between two times, none if the second is not later.
pub(crate) fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    let seconds = to.as_second().saturating_sub(from.as_second());
    seconds.max(0) / 86_400
}
