//! Records against their leaves, on all cores: by far the most of what a check computes, and no record depends on another.

use stele_types::{DecisionRecord, LEAF_BYTES, Leaf, RecordCheck};

use crate::storage::erase::{ERASURE_PATH, is_erased};
use crate::storage::frame::RawEntry;

/// Bytes of records that are held at a time.
const HELD: usize = 32 << 20;
/// Records from which on a thread is worth its start.
const WORTH: usize = 64;

/// An entry that was read and not compared yet.
pub(super) struct Held {
    pub(super) index: u64,
    /// Of the entry in its file, in bytes.
    pub(super) offset: u64,
    pub(super) leaf: [u8; LEAF_BYTES],
    record: Vec<u8>,
}

/// What became of comparing one.
#[derive(Default)]
pub(super) struct Compared {
    /// What is wrong.
    pub(super) problem: Option<String>,
    pub(super) erased: bool,
    /// The decision that this record says was erased.
    pub(super) erasure_of: Option<u64>,
}

/// Entries in the order of the log, held until there are enough to be worth all cores.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<Held>,
    bytes: usize,
}

impl Batch {
    pub(super) fn push(&mut self, index: u64, offset: u64, entry: &RawEntry<'_>) {
        self.bytes = self.bytes.saturating_add(entry.record.len());
        self.entries.push(Held {
            index,
            offset,
            leaf: *entry.leaf,
            record: entry.record.to_vec(),
        });
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= HELD
    }

    /// Compares all entries and forgets them; what became of each, in order.
    pub(super) fn compare(&mut self) -> Vec<(Held, Compared)> {
        self.bytes = 0;
        let entries = std::mem::take(&mut self.entries);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let each = entries.len().div_ceil(cores).max(WORTH);
        let compared: Vec<Compared> = std::thread::scope(|scope| {
            let parts: Vec<_> = entries
                .chunks(each)
                .map(|part| scope.spawn(move || part.iter().map(compare).collect::<Vec<_>>()))
                .collect();
            let parts = parts.into_iter().zip(entries.chunks(each));
            parts
                .flat_map(|(thread, part)| thread.join().unwrap_or_else(|_| broken(part.len())))
                .collect()
        });
        entries.into_iter().zip(compared).collect()
    }
}

/// A comparison that panicked has found nothing out.
fn broken(count: usize) -> Vec<Compared> {
    let broken = || Compared {
        problem: Some("the check itself failed; this is a defect, please report it".to_owned()),
        ..Compared::default()
    };
    std::iter::repeat_with(broken).take(count).collect()
}

fn compare(held: &Held) -> Compared {
    let mut compared = Compared::default();
    compared.problem = against_leaf(held, &mut compared).err();
    compared
}

fn against_leaf(held: &Held, compared: &mut Compared) -> Result<(), String> {
    let leaf = Leaf::from_bytes(&held.leaf).map_err(|error| error.to_string())?;
    let record = DecisionRecord::from_json(&held.record).map_err(|error| error.to_string())?;
    compared.erased = is_erased(&record);
    if record.path.as_str() == ERASURE_PATH {
        let target = record.input.as_ref().and_then(|input| input.get("index"));
        let target = target.and_then(stele_types::Value::as_number);
        compared.erasure_of = target.and_then(stele_types::Number::to_u64);
    }
    let check: RecordCheck = record.check(&leaf).map_err(|error| error.to_string())?;
    if check.is_consistent() {
        return Ok(());
    }
    let shown = serde_json::to_value(&check).map_or_else(|_| String::new(), |json| json.to_string());
    Err(format!("the record is not what its leaf commits to: {shown}"))
}
