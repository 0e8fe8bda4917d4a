//! The record files: which there are, where an entry lies in them, appending and rotating.

use std::collections::HashMap;

use stele_types::{DecisionId, LeafIndex, Timestamp, TreeSize};

use super::frame::{ENTRY_OVERHEAD, FILE_HEADER, Reader, file_header, read_entry};
use super::index::{self, IndexHeader};
use super::scan::{Walk, read_error, walk};
use super::store::{Store, replace_file_durably};
use super::{LedgerError, RECORDS_DIR};

/// The record file whose first entry has this index. Sorts by name as by index.
pub(crate) fn record_path(first: u64) -> String {
    format!("{RECORDS_DIR}/{first:020}.rec")
}

/// The index of that file.
pub(crate) fn index_path(first: u64) -> String {
    format!("{RECORDS_DIR}/{first:020}.idx")
}

/// First indexes of the record files that are there, in order.
pub(crate) fn list(store: &dyn Store) -> Result<Vec<u64>, LedgerError> {
    let names = store.list(RECORDS_DIR).map_err(read_error(RECORDS_DIR))?;
    let mut firsts: Vec<u64> = names
        .iter()
        .filter_map(|name| {
            name.strip_suffix(".rec")
                .filter(|digits| digits.len() == 20)?
                .parse()
                .ok()
        })
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Offset in its record file and decision id of an entry.
pub(crate) type Located = (u64, [u8; 16]);

/// The file that is appended to.
#[derive(Debug, Default)]
pub(crate) struct Active {
    pub(crate) first: u64,
    /// Bytes that are whole and synced.
    pub(crate) length: u64,
    /// Offset and id of each entry.
    pub(crate) entries: Vec<Located>,
    numbers: HashMap<[u8; 16], u32>,
}

impl Active {
    pub(crate) fn new(first: u64, length: u64) -> Self {
        Self {
            first,
            length,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, offset: u64, id: [u8; 16]) {
        self.numbers
            .insert(id, u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        self.entries.push((offset, id));
    }

    pub(crate) fn next_index(&self) -> u64 {
        self.first
            .saturating_add(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }
}

/// All record files. INVARIANT: `finished` is sorted and without gaps, and `active` follows it.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    pub(crate) finished: Vec<IndexHeader>,
    pub(crate) active: Active,
}

/// Where an entry lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// First index of its file.
    pub(crate) first: u64,
    /// Its offset in the file.
    pub(crate) offset: u64,
}

/// A stored entry, as bytes.
#[derive(Debug, Clone)]
pub(crate) struct StoredEntry {
    pub(crate) leaf: [u8; stele_types::LEAF_BYTES],
    pub(crate) record: Vec<u8>,
}

impl Segments {
    /// Number of entries in all files.
    pub(crate) fn size(&self) -> TreeSize {
        TreeSize::new(self.active.next_index())
    }

    /// Where the entry with this index lies.
    pub(crate) fn locate(&self, store: &dyn Store, index: LeafIndex) -> Result<Place, LedgerError> {
        let missing = LedgerError::NoSuchLeaf {
            index,
            size: self.size(),
        };
        let index = index.get();
        if let Some(number) = index.checked_sub(self.active.first) {
            let number = usize::try_from(number).map_err(|_| missing.clone())?;
            let (offset, _) = self.active.entries.get(number).ok_or(missing)?;
            return Ok(Place {
                first: self.active.first,
                offset: *offset,
            });
        }
        let after = self.finished.partition_point(|file| file.first <= index);
        let file = after
            .checked_sub(1)
            .and_then(|at| self.finished.get(at))
            .ok_or(missing)?;
        let path = index_path(file.first);
        let number = index.saturating_sub(file.first);
        let offset = index::entry_offset(store, &path, number).map_err(read_error(&path))?;
        Ok(Place {
            first: file.first,
            offset,
        })
    }

    /// Index of the decision with this id: the last one, should there be several.
    pub(crate) fn find(&self, store: &dyn Store, id: &DecisionId) -> Result<Option<LeafIndex>, LedgerError> {
        let id = id.as_bytes();
        if let Some(number) = self.active.numbers.get(id) {
            return Ok(Some(LeafIndex::new(
                self.active.first.saturating_add(u64::from(*number)),
            )));
        }
        for file in self.finished.iter().rev() {
            let path = index_path(file.first);
            if let Some(number) = index::find(store, &path, file, id).map_err(read_error(&path))? {
                return Ok(Some(LeafIndex::new(file.first.saturating_add(number))));
            }
        }
        Ok(None)
    }
}

/// Reads the entry at a place and checks its checksum.
pub(crate) fn read_at(store: &dyn Store, place: &Place) -> Result<StoredEntry, LedgerError> {
    let path = record_path(place.first);
    let corrupt = || LedgerError::Corrupt {
        file: path.clone(),
        offset: place.offset,
        problem: "the entry is damaged".to_owned(),
        mend: "run fsck, and restore the file from a copy of the same log",
    };
    let length = store.read_at(&path, place.offset, 4).map_err(read_error(&path))?;
    let length = Reader(&length)
        .u32()
        .and_then(|length| usize::try_from(length).ok())
        .ok_or_else(corrupt)?;
    let total = length.checked_add(ENTRY_OVERHEAD).ok_or_else(corrupt)?;
    // A damaged length must not make us allocate gigabytes.
    let file_length = store.len(&path).map_err(read_error(&path))?.unwrap_or_default();
    let end = place
        .offset
        .saturating_add(u64::try_from(total).unwrap_or(u64::MAX));
    if end > file_length {
        return Err(corrupt());
    }
    let bytes = store
        .read_at(&path, place.offset, total)
        .map_err(read_error(&path))?;
    let entry = read_entry(&mut Reader(&bytes), 0).ok_or_else(corrupt)?;
    Ok(StoredEntry {
        leaf: *entry.leaf,
        record: entry.record.to_vec(),
    })
}

/// The id within an encoded leaf: the lower half of its first word.
pub(crate) fn id_of(leaf: &[u8]) -> [u8; 16] {
    leaf.get(16..32)
        .and_then(|id| id.try_into().ok())
        .unwrap_or_default()
}

/// The time within an encoded leaf: its second word.
pub(crate) fn time_of(leaf: &[u8]) -> Timestamp {
    let nanos = leaf.get(56..64).and_then(|nanos| nanos.try_into().ok());
    Timestamp(nanos.map_or(0, u64::from_be_bytes))
}

/// Makes the empty record file that starts at `first`, durably; harmless when it is there already and empty.
pub(crate) fn create(store: &dyn Store, first: u64) -> Result<Active, LedgerError> {
    let path = record_path(first);
    let fail = |source| LedgerError::io("make", &path, source);
    let header = file_header(first);
    store.write_at(&path, 0, &header).map_err(fail)?;
    store
        .truncate(&path, u64::try_from(header.len()).unwrap_or_default())
        .map_err(fail)?;
    store.sync(&path).map_err(fail)?;
    store.sync_dir(RECORDS_DIR).map_err(fail)?;
    let length = u64::try_from(FILE_HEADER).unwrap_or_default();
    Ok(Active {
        first,
        length,
        ..Active::default()
    })
}

/// Writes the index of a record file from its entries.
pub(crate) fn write_index(
    store: &dyn Store,
    first: u64,
    length: u64,
    entries: &[Located],
) -> Result<IndexHeader, LedgerError> {
    let (header, bytes) = index::encode(first, length, entries);
    let path = index_path(first);
    replace_file_durably(store, &path, &bytes).map_err(|source| LedgerError::io("write", &path, source))?;
    Ok(header)
}

/// What a record file holds.
pub(crate) struct Contents {
    /// Offset and id of every entry.
    pub(crate) entries: Vec<Located>,
    /// The latest date of an entry; 0 without entries.
    pub(crate) latest: Timestamp,
    /// How the walk ended.
    pub(crate) walk: Walk,
}

/// Reads a whole record file.
pub(crate) fn read_entries(store: &dyn Store, first: u64, length: u64) -> Result<Contents, LedgerError> {
    let mut entries = Vec::new();
    let mut latest = Timestamp(0);
    let walk = walk(store, &record_path(first), first, length, |_, offset, entry| {
        entries.push((offset, id_of(entry.leaf)));
        latest = latest.max(time_of(entry.leaf));
        Ok(())
    })?;
    Ok(Contents {
        entries,
        latest,
        walk,
    })
}
