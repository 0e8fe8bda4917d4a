//! From leaves to what others may see: tiles, then the signed checkpoint that covers them.
//!
//! Only durable leaves are ever signed, and a checkpoint is made durable after all tiles it covers; so neither a crash nor
//! a lost write can make the log contradict a checkpoint that someone holds.

use std::sync::PoisonError;

use super::scan::read_error;
use super::store::{Store, replace_file_durably};
use super::tiles::{self, StoredTiles};
use super::{CHECKPOINT_PATH, LedgerError, Shared, locked};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::note::VerifierKey;
use crate::tree;

/// The checkpoint on disk, if there is one.
pub(crate) fn read_checkpoint(
    store: &dyn Store,
    key: &VerifierKey,
) -> Result<Option<SignedCheckpoint>, LedgerError> {
    let Some(bytes) = store.read(CHECKPOINT_PATH).map_err(read_error(CHECKPOINT_PATH))? else {
        return Ok(None);
    };
    let note = String::from_utf8_lossy(&bytes);
    SignedCheckpoint::open(&note, key)
        .map(Some)
        .map_err(|source| LedgerError::Checkpoint {
            file: CHECKPOINT_PATH.to_owned(),
            source,
        })
}

/// Serves the newest checkpoint with more signatures, if it still is the one that the note carries; otherwise nothing happens.
pub(crate) fn serve_cosigned(shared: &Shared, note: &str) -> Result<(), LedgerError> {
    let wrong = |source| LedgerError::Checkpoint {
        file: CHECKPOINT_PATH.to_owned(),
        source,
    };
    let signed = SignedCheckpoint::open(note, shared.key.verifier()).map_err(wrong)?;
    let _one_at_a_time = shared.publishing.lock().unwrap_or_else(PoisonError::into_inner);
    let mut published = locked(&shared.published);
    if published.as_ref().map(|published| &published.checkpoint) != Some(&signed.checkpoint) {
        return Ok(());
    }
    replace_file_durably(shared.store.as_ref(), CHECKPOINT_PATH, note.as_bytes())
        .map_err(|source| LedgerError::io("write", CHECKPOINT_PATH, source))?;
    *published = Some(signed);
    Ok(())
}

/// Publishes what is durable but not yet signed, and returns the checkpoint that is current then.
pub(crate) fn publish(shared: &Shared) -> Result<SignedCheckpoint, LedgerError> {
    let _one_at_a_time = shared.publishing.lock().unwrap_or_else(PoisonError::into_inner);
    let store = shared.store.as_ref();
    let (size, root, full, partial) = {
        let rows = locked(&shared.rows);
        if let Some(current) = locked(&shared.published).clone()
            && current.checkpoint.size == rows.size()
        {
            return Ok(current);
        }
        let root = tree::root(&StoredTiles::new(store, &*rows), rows.size())?;
        (rows.size(), root, rows.full_tiles(), rows.partial_tiles())
    };
    tiles::write(store, &full)?;
    tiles::write(store, &partial)?;
    let origin = shared.key.verifier().name().to_owned();
    let checkpoint = Checkpoint {
        origin,
        size,
        root,
        extensions: Vec::new(),
    };
    let wrong = |source| LedgerError::Checkpoint {
        file: CHECKPOINT_PATH.to_owned(),
        source,
    };
    let signed = checkpoint.sign(&shared.key).map_err(wrong)?;
    replace_file_durably(store, CHECKPOINT_PATH, signed.note.as_bytes())
        .map_err(|source| LedgerError::io("write", CHECKPOINT_PATH, source))?;
    locked(&shared.rows).forget(size);
    *locked(&shared.published) = Some(signed.clone());
    tiles::remove_partial_forms(store, &full)?;
    Ok(signed)
}
