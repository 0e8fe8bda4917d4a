//! Erasure of one decision's input and salt (GDPR article 17), without breaking any proof.
//!
//! The stored record is overwritten in place, padded with spaces, so nothing moves and the old bytes are really gone from
//! the file. What will be written is first made durable as an intent; a crash at any point is completed at the next start.
//! The log itself gets a leaf and record that say which decision was erased, when and why.

use serde::{Deserialize, Serialize};
use stele_types::{
    DecisionId, DecisionRecord, Digest, EntryPoint, Leaf, LeafIndex, NodeAddress, PolicyId, PolicyVersion,
    Salt, Timestamp, Value, sha256,
};

use super::frame::{BATCH_HEADER, BatchHeader, FILE_HEADER, Reader, checksum, encode_entry, read_entry};
use super::scan::read_error;
use super::segments::{Place, StoredEntry, record_path};
use super::store::{Store, replace_file_durably};
use super::{LedgerError, sealed};

pub(crate) const INTENT_PATH: &str = "erase.intent";

/// The policy id under which the log records its own acts.
pub const LEDGER_POLICY: &str = "stele/ledger";
/// The entry point of erasure records.
pub const ERASURE_PATH: &str = "stele/ledger/erasure";

/// Who erases what, when and why. Ids and salts come from the caller's generator, the time from its clock.
#[derive(Debug, Clone)]
pub struct ErasureRequest {
    /// Id of the erasure's own record.
    pub erasure_id: DecisionId,
    /// When.
    pub time: Timestamp,
    /// The node whose log it is.
    pub node: NodeAddress,
    /// Why, for instance the reference of the data subject's request. Becomes public with the record; no personal data.
    pub reason: String,
    /// Salt of the erasure record's input.
    pub input_salt: Salt,
    /// Salt of the erasure record's details.
    pub detail_salt: Salt,
}

/// What became of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// Input and salt are gone; the log says so at this index.
    Done {
        /// Index of the erasure record.
        recorded_at: LeafIndex,
    },
    /// They were gone already; nothing was changed.
    Already,
}

/// Bytes to put into a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    path: String,
    offset: u64,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
}

/// What has to be completed after a crash.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Intent {
    pub(crate) patches: Vec<Patch>,
    /// The encoded entry of the erasure record.
    #[serde(with = "hex::serde")]
    pub(crate) entry: Vec<u8>,
    pub(crate) erasure_id: DecisionId,
}

/// True when input and salt are gone.
pub(crate) fn is_erased(record: &DecisionRecord) -> bool {
    record.input.is_none()
        && record.input_salt.is_none()
        && record.erased.iter().any(|pointer| pointer == "/input")
}

/// The record and leaf that tell of an erasure.
pub(crate) fn erasure_record(
    target: &DecisionRecord,
    index: LeafIndex,
    request: &ErasureRequest,
) -> Result<(DecisionRecord, Leaf), LedgerError> {
    let mut record = DecisionRecord::new(
        request.erasure_id,
        request.time,
        request.node,
        PolicyId::new(LEDGER_POLICY)?,
        PolicyVersion(Digest::ZERO),
        EntryPoint::new(ERASURE_PATH)?,
        sha256(&[b""]),
        request.input_salt,
        request.detail_salt,
    );
    record.input = Some(Value::object([
        ("decision_id".into(), target.decision_id.to_string().into()),
        ("index".into(), Value::Number(index.get().into())),
        ("reason".into(), request.reason.as_str().into()),
    ]));
    record.result = Some(Value::Bool(true));
    let leaf = record.leaf()?;
    Ok((record, leaf))
}

/// Date and entry of an erasure record, dated no earlier than the latest entry of the log. An erasure must not be refused because a clock was
/// set back, and one that was held up, by a full disk or a crash, is recorded late.
pub(crate) fn not_before(
    entry: Vec<u8>,
    latest: Option<Timestamp>,
) -> Result<(Timestamp, Vec<u8>), LedgerError> {
    let Some(raw) = read_entry(&mut Reader(&entry), 0) else {
        return Err(LedgerError::Corrupt {
            file: INTENT_PATH.to_owned(),
            offset: 0,
            problem: "it holds no entry".to_owned(),
            mend: "restore the file from a copy of the same log, or remove it and erase the decision again",
        });
    };
    let mut record = DecisionRecord::from_json(raw.record)?;
    match latest.filter(|latest| record.timestamp < *latest) {
        None => Ok((record.timestamp, entry)),
        Some(latest) => {
            record.timestamp = latest;
            Ok((latest, encode_entry(&record.leaf()?, &record.to_json()?)))
        }
    }
}

/// What has to be overwritten so that the entry at this place loses its record's input and salt.
pub(crate) fn patches(
    store: &dyn Store,
    place: &Place,
    entry: &StoredEntry,
    mut record: DecisionRecord,
) -> Result<Vec<Patch>, LedgerError> {
    record.withhold_nd_builtin_cache()?;
    record.input = None;
    record.input_salt = None;
    if !record.erased.iter().any(|pointer| pointer == "/input") {
        record.erased.push("/input".to_owned());
    }
    let mut json = record.to_json()?;
    let path = record_path(place.first);
    let corrupt = |problem: &str| LedgerError::Corrupt {
        file: path.clone(),
        offset: place.offset,
        problem: problem.to_owned(),
        mend: "run fsck, and restore the file from a copy of the same log",
    };
    // The salt alone takes more room than the note of the erasure, so this fits whenever there was a salt.
    if json.len() > entry.record.len() {
        return Err(corrupt("the erased record is longer than the whole one was"));
    }
    json.resize(entry.record.len(), b' ');
    let leaf = Leaf::from_bytes(&entry.leaf).map_err(|error| corrupt(&error.to_string()))?;
    let encoded = encode_entry(&leaf, &json);
    let (batch_at, header, mut payload) = batch_around(store, &path, place.offset)?;
    let payload_at = batch_at.saturating_add(u64::try_from(BATCH_HEADER).unwrap_or_default());
    let start = usize::try_from(place.offset.saturating_sub(payload_at)).unwrap_or(usize::MAX);
    payload
        .get_mut(start..start.saturating_add(encoded.len()))
        .ok_or_else(|| corrupt("the entry reaches beyond its batch"))?
        .copy_from_slice(&encoded);
    let header = BatchHeader {
        payload_sum: checksum(&payload),
        ..header
    };
    Ok(vec![
        Patch {
            path: path.clone(),
            offset: place.offset,
            bytes: encoded,
        },
        Patch {
            path,
            offset: batch_at,
            bytes: header.to_bytes(),
        },
    ])
}

/// Offset, header and payload of the batch that holds this offset.
fn batch_around(
    store: &dyn Store,
    path: &str,
    offset: u64,
) -> Result<(u64, BatchHeader, Vec<u8>), LedgerError> {
    let mut at = u64::try_from(FILE_HEADER).unwrap_or_default();
    loop {
        let bytes = store.read_at(path, at, BATCH_HEADER).map_err(read_error(path))?;
        let payload_at = at.saturating_add(u64::try_from(BATCH_HEADER).unwrap_or_default());
        let Some(header) = BatchHeader::read(&bytes) else {
            return Err(LedgerError::Corrupt {
                file: path.to_owned(),
                offset: at,
                problem: "the header of a batch is damaged".to_owned(),
                mend: "run fsck, and restore the file from a copy of the same log",
            });
        };
        let end = payload_at.saturating_add(u64::try_from(header.payload).unwrap_or(u64::MAX));
        if offset < end {
            let payload = store
                .read_at(path, payload_at, header.payload)
                .map_err(read_error(path))?;
            return Ok((at, header, payload));
        }
        at = end;
    }
}

pub(crate) fn write_intent(store: &dyn Store, intent: &Intent) -> Result<(), LedgerError> {
    let fail = |source| LedgerError::io("write", INTENT_PATH, source);
    let bytes = sealed::encode(intent).map_err(|error| fail(std::io::Error::other(error)))?;
    replace_file_durably(store, INTENT_PATH, &bytes).map_err(fail)
}

pub(crate) fn read_intent(store: &dyn Store) -> Result<Option<Intent>, LedgerError> {
    let Some(bytes) = store.read(INTENT_PATH).map_err(read_error(INTENT_PATH))? else {
        return Ok(None);
    };
    sealed::decode(&bytes).map(Some).map_err(|error| LedgerError::Corrupt {
        file: INTENT_PATH.to_owned(),
        offset: 0,
        problem: error.to_string(),
        mend: "an erasure was interrupted and its plan is damaged; remove the file, run fsck, and erase again",
    })
}

/// Overwrites what the patches say; may be repeated.
pub(crate) fn apply(store: &dyn Store, patches: &[Patch]) -> Result<(), LedgerError> {
    for patch in patches {
        let fail = |source| LedgerError::io("overwrite a record in", &patch.path, source);
        store
            .write_at(&patch.path, patch.offset, &patch.bytes)
            .map_err(fail)?;
    }
    for patch in patches {
        store
            .sync(&patch.path)
            .map_err(|source| LedgerError::io("sync", &patch.path, source))?;
    }
    Ok(())
}

/// At start, before any record file is read: completes overwriting that a crash interrupted.
pub(crate) fn apply_pending_patches(store: &dyn Store) -> Result<(), LedgerError> {
    match read_intent(store)? {
        Some(intent) => apply(store, &intent.patches),
        None => Ok(()),
    }
}

pub(crate) fn remove_intent(store: &dyn Store) -> Result<(), LedgerError> {
    let fail = |source| LedgerError::io("remove", INTENT_PATH, source);
    store.remove(INTENT_PATH).map_err(fail)?;
    store.sync_dir("").map_err(fail)
}
