//! Checkpoints, proofs and anchors of the log, and the files it serves.

use stele_types::{DecisionId, Digest, Leaf, LeafIndex, TreeSize};

use super::scan::read_error;
use super::tiles::{self, StoredTiles};
use super::{CHECKPOINT_PATH, Ledger, LedgerError, StoredAnchor, anchors, locked, publish};
use crate::checkpoint::SignedCheckpoint;
use crate::proof::{Anchor, InclusionProof, ProofBundle};
use crate::tile::TileId;
use crate::tree::{self, TreeError, leaf_hash, verify};

/// A file to serve as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// MIME type.
    pub content_type: &'static str,
    /// HTTP `Cache-Control`: full tiles never change and stay. Partial ones never change either, but go when the full one is there, so
    /// they are worth keeping only for as long as somebody reads with one checkpoint. The checkpoint changes.
    pub cache_control: &'static str,
}

impl Ledger {
    /// Publishes everything durable and returns the checkpoint that covers it.
    pub fn publish(&self) -> Result<SignedCheckpoint, LedgerError> {
        publish::publish(self.shared())
    }

    /// The last published checkpoint; publishes when there is none yet.
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, LedgerError> {
        let current = locked(&self.shared().published).clone();
        match current {
            Some(current) => Ok(current),
            None => self.publish(),
        }
    }

    /// Serves the newest checkpoint with the signatures of a note, if it still is the one that the note carries.
    pub fn serve_cosigned(&self, note: &str) -> Result<(), LedgerError> {
        publish::serve_cosigned(self.shared(), note)
    }

    /// Root of the tree of the first `size` decisions.
    pub fn root(&self, size: TreeSize) -> Result<Digest, LedgerError> {
        let all = self.size();
        if size > all {
            return Err(LedgerError::NoSuchSize {
                old: size,
                new: size,
                size: all,
            });
        }
        tree::root(&self.hashes(), size)
    }

    /// Audit path of a decision in the tree of the first `size` decisions, from the leaf up.
    pub fn inclusion_proof(&self, index: LeafIndex, size: TreeSize) -> Result<Vec<Digest>, LedgerError> {
        let all = self.size();
        if size > all {
            return Err(LedgerError::NoSuchSize {
                old: size,
                new: size,
                size: all,
            });
        }
        tree::inclusion_proof(&self.hashes(), index, size).map_err(from_tree(all))
    }

    /// Proof that the tree of the first `old` decisions is a prefix of that of the first `new`; what the ledger contract
    /// asks for with an anchor.
    pub fn consistency_proof(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Digest>, LedgerError> {
        let all = self.size();
        if new > all {
            return Err(LedgerError::NoSuchSize { old, new, size: all });
        }
        tree::consistency_proof(&self.hashes(), old, new).map_err(from_tree(all))
    }

    fn hashes(&self) -> StoredTiles<'_, &std::sync::Mutex<tree::TileRows>> {
        StoredTiles::new(self.shared().store.as_ref(), &self.shared().rows)
    }

    /// The proof bundle of a decision: against the oldest anchor that covers it, or else against the current checkpoint.
    ///
    /// The bundle is verified before it is returned, so damage on disk never leaves as a false proof.
    pub fn prove(&self, id: &DecisionId) -> Result<ProofBundle, LedgerError> {
        let entry = self.record(id)?;
        let covering = match self.covering(entry.index)? {
            Some(covering) => covering,
            None => (self.publish()?.note, None),
        };
        let bundle = self
            .inclusion_of(entry.leaf, entry.index, covering)?
            .with_record(entry.record);
        crate::proof::verify(&bundle, self.verifier()).map_err(|error| unprovable(id, &error))?;
        Ok(bundle)
    }

    /// That a decision is in the log, against the same checkpoint as [`Self::prove`], without its record. Verified before it is returned. Anybody may
    /// ask for it, so it publishes nothing.
    ///
    /// # Errors
    /// [`LedgerError::NotPublished`] while no checkpoint covers it.
    pub fn prove_inclusion(&self, id: &DecisionId) -> Result<InclusionProof, LedgerError> {
        let index = self
            .index_of(id)?
            .ok_or(LedgerError::UnknownDecision { id: *id })?;
        let covering = self
            .covering(index)?
            .ok_or(LedgerError::NotPublished { id: *id })?;
        let (leaf, _) = self.raw_entry(index)?;
        let proof = self.inclusion_of(leaf, index, covering)?;
        let signed = SignedCheckpoint::open(&proof.checkpoint, self.verifier());
        let signed = signed.map_err(|error| unprovable(id, &error))?.checkpoint;
        let hash = leaf_hash(&proof.leaf.to_bytes());
        verify::inclusion(&hash, proof.index, signed.size, &proof.inclusion, &signed.root)
            .map_err(|error| unprovable(id, &error))?;
        Ok(proof)
    }

    /// The checkpoint to prove a decision against: that of the oldest anchor which covers it, else the current one. None when that does not.
    fn covering(&self, index: LeafIndex) -> Result<Option<(String, Option<Anchor>)>, LedgerError> {
        if let Some(stored) = self.anchor_covering(index)? {
            return Ok(Some((stored.checkpoint, Some(stored.anchor))));
        }
        let current = locked(&self.shared().published).clone();
        let covers = current.filter(|current| current.checkpoint.size.contains(index));
        Ok(covers.map(|current| (current.note, None)))
    }

    fn inclusion_of(
        &self,
        leaf: Leaf,
        index: LeafIndex,
        (checkpoint, anchor): (String, Option<Anchor>),
    ) -> Result<InclusionProof, LedgerError> {
        let wrong = |source| LedgerError::Checkpoint {
            file: CHECKPOINT_PATH.to_owned(),
            source,
        };
        let size = SignedCheckpoint::open(&checkpoint, self.verifier())
            .map_err(wrong)?
            .checkpoint
            .size;
        Ok(InclusionProof {
            inclusion: self.inclusion_proof(index, size)?,
            leaf,
            index,
            checkpoint,
            anchor,
        })
    }

    /// Stores where the chain accepted one of this log's checkpoints. Replaces an anchor of the same size.
    pub fn store_anchor(&self, stored: &StoredAnchor) -> Result<(), LedgerError> {
        let signed =
            anchors::check(stored, self.verifier()).map_err(|problem| LedgerError::Anchor { problem })?;
        if self.root(signed.checkpoint.size)? != signed.checkpoint.root {
            return Err(LedgerError::Anchor {
                problem: "its root is not that of the log at its size".to_owned(),
            });
        }
        anchors::write(self.shared().store.as_ref(), stored)?;
        locked(&self.shared().anchors).insert(stored.anchor.size.get());
        Ok(())
    }

    /// The anchor with the largest tree.
    pub fn latest_anchor(&self) -> Result<Option<StoredAnchor>, LedgerError> {
        let size = locked(&self.shared().anchors).last().copied();
        size.map(|size| self.anchor(TreeSize::new(size))).transpose()
    }

    /// The anchor with the smallest tree that holds this leaf: the oldest evidence of it.
    pub fn anchor_covering(&self, index: LeafIndex) -> Result<Option<StoredAnchor>, LedgerError> {
        let size = locked(&self.shared().anchors)
            .range(index.tree_size().get()..)
            .next()
            .copied();
        size.map(|size| self.anchor(TreeSize::new(size))).transpose()
    }

    /// Sizes of all stored anchors, smallest first.
    pub fn anchor_sizes(&self) -> Vec<TreeSize> {
        locked(&self.shared().anchors)
            .iter()
            .copied()
            .map(TreeSize::new)
            .collect()
    }

    /// The stored anchor of this tree size.
    pub fn anchor(&self, size: TreeSize) -> Result<StoredAnchor, LedgerError> {
        anchors::read(self.shared().store.as_ref(), size)
    }

    /// The file to serve under this URL path (`/checkpoint`, `/tile/...`); `None` when there is none.
    ///
    /// Only the names of the C2SP specification resolve, so no other file of the log can be reached.
    pub fn static_file(&self, url_path: &str) -> Result<Option<StaticFile>, LedgerError> {
        let name = url_path.trim_start_matches('/');
        let (path, content_type, cache_control) = if name == "checkpoint" {
            (
                CHECKPOINT_PATH.to_owned(),
                "text/plain; charset=utf-8",
                "no-cache",
            )
        } else {
            let Ok(tile) = name.parse::<TileId>() else {
                return Ok(None);
            };
            (
                tiles::path(&tile),
                "application/octet-stream",
                if tile.width.is_none() {
                    "public, max-age=31536000, immutable"
                } else {
                    "public, max-age=60"
                },
            )
        };
        let bytes = self.shared().store.read(&path).map_err(read_error(&path))?;
        Ok(bytes.map(|bytes| StaticFile {
            bytes,
            content_type,
            cache_control,
        }))
    }
}

fn unprovable(id: &DecisionId, error: &dyn std::error::Error) -> LedgerError {
    LedgerError::Corrupt {
        file: "records".to_owned(),
        offset: 0,
        problem: format!("decision {id} can't be proven: {error}"),
        mend: "run fsck to find the damaged file, and restore it from a copy of the same log",
    }
}

fn from_tree(all: TreeSize) -> impl Fn(TreeError<LedgerError>) -> LedgerError {
    move |error| match error {
        TreeError::NoSuchLeaf { index, size } => LedgerError::NoSuchLeaf { index, size },
        TreeError::NotOlder { old, new } => LedgerError::NoSuchSize { old, new, size: all },
        TreeError::Source(error) => error,
    }
}
