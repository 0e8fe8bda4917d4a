//! A dishonest node: a registered key, and logs that it writes as it likes.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use stele_chain::ChainError;
use stele_chain::client::{Account, Anchored, NodeRegistration};
use stele_ledger::{Anchor, Ledger, Options, ProofBundle, SigningKey, StoredAnchor, default_origin};
use stele_types::{DecisionId, DecisionRecord, Digest, LeafIndex, NodeAddress, Salt, Timestamp, TreeSize};
use tempfile::TempDir;

use crate::honest::World;

/// A node that an admin has registered in good faith.
pub struct Liar {
    /// Acts for it.
    pub account: Account,
    key: [u8; 32],
    dir: TempDir,
}

impl Liar {
    /// A node with new keys, registered.
    ///
    /// # Errors
    ///
    /// When the chain refuses it.
    pub async fn register(world: &World) -> Result<Self> {
        let liar = Self {
            account: Account::from_key(&rand::random())?,
            key: rand::random(),
            dir: tempfile::tempdir()?,
        };
        let registration = NodeRegistration {
            node: liar.address(),
            log_key: *liar.signing_key()?.verifier().public_key(),
            name: default_origin(&liar.address()),
            uri: String::new(),
        };
        world
            .governance
            .register_node(&world.admin, &registration)
            .await?;
        Ok(liar)
    }

    /// Its address.
    pub fn address(&self) -> NodeAddress {
        self.account.node_address()
    }

    fn signing_key(&self) -> Result<SigningKey> {
        Ok(SigningKey::from_seed(
            &default_origin(&self.address()),
            &self.key,
        )?)
    }

    /// One of its logs. All of them are signed with the same key.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn log(&self, name: &str) -> Result<Arc<Ledger>> {
        let place: &Path = self.dir.path();
        // An honest log would not take what is dated back.
        let options = Options {
            max_disorder: None,
            ..Options::default()
        };
        let ledger = Ledger::open(&place.join(name), self.signing_key()?, options)?;
        Ok(Arc::new(ledger))
    }

    /// A decision in its own name, otherwise as an honest node made it, at a time.
    pub fn decision(&self, like: &ProofBundle, time: Timestamp) -> DecisionRecord {
        let mut record = like.record.clone();
        record.node = self.address();
        record.timestamp = time;
        record.decision_id = DecisionId::from_time_and_random(time, &rand::random());
        record.input_salt = Some(Salt(rand::random()));
        record.detail_salt = Salt(rand::random());
        record
    }

    /// Anchors all of a log, with the consistency proof that this log gives from what the chain holds.
    ///
    /// # Errors
    ///
    /// What the chain answers when it refuses.
    pub async fn anchor(&self, world: &World, log: &Ledger) -> Result<Result<Anchored, ChainError>> {
        let checkpoint = log.publish()?;
        let (size, root) = (log.size(), log.root(log.size())?);
        let held = world.governance.anchor_of(self.address()).await?;
        let proof: Vec<Digest> = match held {
            Some(held) if held.size < size => log.consistency_proof(held.size, size)?,
            _ => Vec::new(),
        };
        let anchored = match world.governance.anchor(&self.account, size, root, &proof).await {
            Ok(anchored) => anchored,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let deployment = world.governance.deployment();
        log.store_anchor(&StoredAnchor {
            checkpoint: checkpoint.note,
            anchor: Anchor {
                chain_id: deployment.chain_id,
                contract: NodeAddress(deployment.ledger.into_array()),
                node: self.address(),
                tx_hash: Digest(anchored.transaction.0),
                block_number: anchored.anchor.block,
                block_hash: Digest(anchored.block_hash.0),
                size: anchored.anchor.size,
                root: anchored.anchor.root,
            },
        })?;
        Ok(Ok(anchored))
    }

    /// Whether the registry lets it anchor.
    ///
    /// # Errors
    ///
    /// When the chain is away.
    pub async fn is_active(&self, world: &World) -> Result<bool> {
        Ok(world.governance.is_active_node(self.address()).await?)
    }
}

/// The leaf of a place of a log, with its inclusion proof in the tree of `size` leaves.
///
/// # Errors
///
/// When there is none.
pub fn entry(log: &Ledger, index: u64, size: TreeSize) -> Result<stele_chain::client::LogEntry> {
    let index = LeafIndex::new(index);
    let entry = log.entry(index)?;
    Ok(stele_chain::client::LogEntry {
        leaf: entry.leaf,
        index,
        inclusion: log.inclusion_proof(index, size)?,
    })
}

/// Now.
///
/// # Errors
///
/// When the clock shows a time before 1970.
pub fn now() -> Result<Timestamp> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let nanos = u64::try_from(since.as_nanos()).context("the clock is beyond the year 2554")?;
    Ok(Timestamp::from_nanos(nanos))
}
