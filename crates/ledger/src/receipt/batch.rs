//! Making receipts: a tree over the leaves of a batch.

use std::io::Write as _;
use std::sync::Arc;

use stele_types::receipt::{Domain, FORMAT, Place, Promise, Receipt, Signature};
use stele_types::{ChainId, Digest, EvmAddress, Leaf, LeafIndex, NodeAddress, Salt, TreeSize};

use crate::tree::node_hash;

/// Why a batch or a receipt of it can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// A batch is made of one leaf at least.
    #[error("a batch has at least one leaf")]
    Empty,
    /// There is no such leaf in the batch.
    #[error("the batch has no leaf {index}")]
    NoSuchLeaf {
        /// The leaf asked for.
        index: usize,
    },
}

/// Decisions that are promised with one signature.
#[derive(Debug, Clone)]
pub struct Batch {
    promise: Promise,
    /// Hashes from the leaves up; a node without a right sibling is itself its parent, as RFC 6962 has it.
    rows: Vec<Vec<Digest>>,
}

impl Batch {
    /// A batch of leaf hashes. Sign its [`Promise::digest`], then make the receipts.
    pub fn new(
        (chain_id, ledger): (ChainId, EvmAddress),
        node: NodeAddress,
        (issued_at, merge_delay): (u64, u64),
        leaves: Vec<Digest>,
    ) -> Result<Self, BatchError> {
        let size = TreeSize::new(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
        let mut rows = vec![leaves];
        while let Some(row) = rows.last().filter(|row| row.len() > 1) {
            let parent = |pair: &[Digest]| match pair {
                [left, right] => Some(node_hash(left, right)),
                [alone] => Some(*alone),
                _ => None,
            };
            let above = row.chunks(2).filter_map(parent).collect();
            rows.push(above);
        }
        let root = rows.last().and_then(|row| row.first());
        let root = *root.ok_or(BatchError::Empty)?;
        Ok(Self {
            promise: Promise {
                chain_id,
                ledger,
                node,
                root,
                size,
                issued_at,
                merge_delay,
            },
            rows,
        })
    }

    /// What is to be signed.
    pub const fn promise(&self) -> &Promise {
        &self.promise
    }

    /// The receipt of the leaf at a place of the batch, from 0.
    pub fn receipt(
        &self,
        index: usize,
        leaf: Leaf,
        input_salt: Salt,
        signature: Signature,
    ) -> Result<Receipt, BatchError> {
        if self.rows.first().is_none_or(|row| index >= row.len()) {
            return Err(BatchError::NoSuchLeaf { index });
        }
        let promise = &self.promise;
        Ok(Receipt {
            format: FORMAT.to_owned(),
            chain_id: promise.chain_id,
            ledger: promise.ledger,
            node: promise.node,
            decision_id: leaf.decision_id,
            issued_at: promise.issued_at,
            merge_delay: promise.merge_delay,
            batch: Place {
                size: promise.size,
                index: LeafIndex::new(u64::try_from(index).unwrap_or(u64::MAX)),
                path: self.path(index).copied().collect(),
            },
            signature,
            leaf,
            input_salt,
        })
    }

    /// The hashes beside the way from a leaf to the root, from the leaf up.
    fn path(&self, index: usize) -> impl Iterator<Item = &Digest> {
        let mut place = index;
        self.rows.iter().filter_map(move |row| {
            let beside = row.get(place ^ 1);
            place >>= 1;
            beside
        })
    }

    /// The batch with its signature, to write receipts from. `preamble` is that of the same chain, ledger and node.
    pub fn signed(self, preamble: Arc<Preamble>, signature: Signature) -> SignedBatch {
        let Promise {
            size,
            issued_at,
            merge_delay,
            ..
        } = self.promise;
        let dates = format!(
            "\",\"issued_at\":{issued_at},\"merge_delay\":{merge_delay},\"batch\":{{\"size\":{},\"index\":",
            size.get()
        );
        let mut seal = b"]},\"signature\":\"".to_vec();
        push_hex(&mut seal, &signature.0);
        seal.extend_from_slice(b"\",\"leaf\":\"");
        SignedBatch {
            rows: self,
            preamble,
            dates: dates.into_bytes(),
            seal,
        }
    }
}

/// What all receipts of a node begin with, and the domain in which all are signed: made once.
#[derive(Debug)]
pub struct Preamble {
    domain: Domain,
    text: Vec<u8>,
}

impl Preamble {
    /// For the receipts of a node, anchored in a ledger of a chain.
    pub fn new((chain_id, ledger): (ChainId, EvmAddress), node: NodeAddress) -> Self {
        let text = format!(
            "{{\"format\":\"{FORMAT}\",\"chain_id\":{},\"ledger\":\"{ledger}\",\"node\":\"{node}\",\"decision_id\":\"",
            chain_id.get()
        );
        Self {
            domain: Domain::new(chain_id, ledger),
            text: text.into_bytes(),
        }
    }

    /// [`Promise::digest`] of a promise of the same chain and ledger.
    pub fn digest(&self, promise: &Promise) -> Digest {
        promise.digest_in(&self.domain)
    }
}

/// A batch with its signature. Writes receipts as [`Receipt::to_json`] does, with what they share written before.
#[derive(Debug)]
pub struct SignedBatch {
    rows: Batch,
    preamble: Arc<Preamble>,
    /// From the decision's id to the place in the batch.
    dates: Vec<u8>,
    /// From the path to the leaf.
    seal: Vec<u8>,
}

impl SignedBatch {
    /// Adds the receipt of the leaf at a place of the batch, from 0, to `out`: compact JSON. Nothing is added on an error.
    pub fn write(
        &self,
        index: usize,
        leaf: &Leaf,
        input_salt: &Salt,
        out: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        if self.rows.rows.first().is_none_or(|row| index >= row.len()) {
            return Err(BatchError::NoSuchLeaf { index });
        }
        let leaf_bytes = leaf.to_bytes();
        let path = self.rows.rows.len().saturating_mul(PATH_ENTRY);
        out.reserve(path.saturating_add(WITHOUT_PATH));
        out.extend_from_slice(&self.preamble.text);
        // Writing to memory does not fail.
        let _ = write!(out, "{}", leaf.decision_id);
        out.extend_from_slice(&self.dates);
        let _ = write!(out, "{index}");
        out.extend_from_slice(b",\"path\":[");
        for (level, hash) in self.rows.path(index).enumerate() {
            out.extend_from_slice(if level == 0 { b"\"".as_slice() } else { b",\"" });
            push_hex(out, &hash.0);
            out.push(b'"');
        }
        out.extend_from_slice(&self.seal);
        push_hex(out, &leaf_bytes);
        out.extend_from_slice(b"\",\"input_salt\":\"");
        push_hex(out, &input_salt.0);
        out.extend_from_slice(b"\"}");
        Ok(())
    }
}

/// Bytes of one hash of a path in JSON, with quotes and comma.
const PATH_ENTRY: usize = 67;
/// Room for a receipt without its path.
const WITHOUT_PATH: usize = 1_280;

/// Adds lower-case hex.
fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start.saturating_add(bytes.len().saturating_mul(2)), 0);
    if let Some(place) = out.get_mut(start..) {
        // As long as it must be.
        let _ = const_hex::encode_to_slice(bytes, place);
    }
}
