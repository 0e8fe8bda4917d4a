//! Anchors: which of our checkpoints the chain has accepted, kept so that proofs can be made without asking the chain.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use stele_types::TreeSize;

use super::scan::read_error;
use super::store::{Store, replace_file_durably};
use super::{LedgerError, sealed};
use crate::checkpoint::SignedCheckpoint;
use crate::note::VerifierKey;
use crate::proof::Anchor;

pub(crate) const DIR: &str = "anchors";

/// A checkpoint and where the chain accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAnchor {
    /// The signed checkpoint that was anchored.
    pub checkpoint: String,
    /// Where and when.
    pub anchor: Anchor,
}

/// The file of the anchor of this tree size.
pub(crate) fn path(size: u64) -> String {
    format!("{DIR}/{size:020}.json")
}

/// Sizes that have a stored anchor.
pub(crate) fn list(store: &dyn Store) -> Result<BTreeSet<u64>, LedgerError> {
    let names = store.list(DIR).map_err(read_error(DIR))?;
    Ok(names
        .iter()
        .filter_map(|name| {
            name.strip_suffix(".json")
                .filter(|digits| digits.len() == 20)?
                .parse()
                .ok()
        })
        .collect())
}

/// Checks that an anchor is of a checkpoint of this log.
pub(crate) fn check(stored: &StoredAnchor, key: &VerifierKey) -> Result<SignedCheckpoint, String> {
    let signed = SignedCheckpoint::open(&stored.checkpoint, key).map_err(|error| error.to_string())?;
    if signed.checkpoint.size != stored.anchor.size {
        return Err("its size is not that of its checkpoint".to_owned());
    }
    if signed.checkpoint.root != stored.anchor.root {
        return Err("its root is not that of its checkpoint".to_owned());
    }
    Ok(signed)
}

pub(crate) fn read(store: &dyn Store, size: TreeSize) -> Result<StoredAnchor, LedgerError> {
    let path = path(size.get());
    let corrupt = |problem: String| LedgerError::Corrupt {
        file: path.clone(),
        offset: 0,
        problem,
        mend: "remove the file and store the anchor again from the chain's events",
    };
    let bytes = store
        .read(&path)
        .map_err(read_error(&path))?
        .ok_or_else(|| corrupt("it is missing".to_owned()))?;
    sealed::decode(&bytes).map_err(|error| corrupt(error.to_string()))
}

pub(crate) fn write(store: &dyn Store, stored: &StoredAnchor) -> Result<(), LedgerError> {
    let path = path(stored.anchor.size.get());
    let bytes = sealed::encode(stored).map_err(|error| LedgerError::Anchor {
        problem: error.to_string(),
    })?;
    replace_file_durably(store, &path, &bytes).map_err(|source| LedgerError::io("write", &path, source))
}
