//! What the caller's thread does for a decision, so that the writer's thread only copies bytes.

use stele_types::{DecisionRecord, Leaf, Rendered, Value};

use super::LedgerError;
use super::frame::{ENTRY_OVERHEAD, begin_entry, encode_entry, end_entry};
use crate::mask;

/// Bytes that the note of an erasure adds to a record at most: `"erased":["/input"],`.
const ERASURE_ROOM: usize = 20;
/// Bytes that take the place of a record's `nd_builtin_cache` then: `"nd_builtin_cache_commitment":"` and 64 digits, and
/// `,"/nd_builtin_cache"` in `erased`.
const ERASURE_ROOM_ND: usize = 120;

/// Bytes to begin with for an entry beside its documents; most need no more.
const RECORD_ROOM: usize = 6 << 10;

/// A decision ready to be written: its leaf, and its record masked and encoded.
#[derive(Debug, Clone)]
pub struct Prepared {
    leaf: Leaf,
    bytes: Vec<u8>,
}

impl Prepared {
    /// Computes the leaf of the whole record, then applies the mask (the result of `data.system.log.mask`, if there is
    /// one) and encodes what remains. Nothing else of the record ever reaches the disk.
    pub fn new(mut record: DecisionRecord, mask: Option<&Value>) -> Result<Self, LedgerError> {
        let leaf = record.leaf()?;
        if let Some(mask) = mask {
            mask::apply(&mut record, &mask::parse(mask)?)?;
        }
        let mut json = record.to_json()?;
        json.resize(json.len().saturating_add(room(&record)), b' ');
        let bytes = encode_entry(&leaf, &json);
        Ok(Self { leaf, bytes })
    }

    /// The same of a record whose documents stand beside it. Nothing of them is masked.
    pub fn rendered(record: &DecisionRecord, documents: &Rendered) -> Result<Self, LedgerError> {
        let leaf = record.leaf_with(documents)?;
        let texts = [&documents.input, &documents.result].map(|text| text.as_ref().map_or(0, Vec::len));
        let room = texts
            .iter()
            .fold(RECORD_ROOM, |sum, length| sum.saturating_add(*length));
        let mut bytes = Vec::with_capacity(room);
        begin_entry(&leaf, &mut bytes);
        record.write_json_with(documents, &mut bytes)?;
        bytes.resize(bytes.len().saturating_add(self::room(record)), b' ');
        end_entry(&mut bytes);
        Ok(Self { leaf, bytes })
    }

    /// The decision's leaf.
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The record's size when it exceeds the limit.
    pub(crate) fn excess(&self, limit: usize) -> Option<usize> {
        let size = self.bytes.len().saturating_sub(ENTRY_OVERHEAD);
        (size > limit).then_some(size)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Bytes that an erasure may need beyond what it takes away, because it writes in place.
fn room(record: &DecisionRecord) -> usize {
    // Where there is a salt, its going makes room for the note.
    let note = if record.input_salt.is_none() {
        ERASURE_ROOM
    } else {
        0
    };
    let cache = if record.nd_builtin_cache.is_some() {
        ERASURE_ROOM_ND
    } else {
        0
    };
    usize::saturating_add(note, cache)
}
