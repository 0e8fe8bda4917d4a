//! Making and checking receipts: a node's signed promise that a decision will be in its log. Normative: `docs/formats/receipt.md`.
//!
//! Signing is batched: one signature covers the RFC 6962 root over the leaf hashes of a batch, and each receipt carries the
//! path of its own leaf. A batch is made by [`Batch`]; whoever holds a receipt checks it with [`check`].

mod batch;
mod signature;
#[cfg(test)]
mod tests;

use stele_types::receipt::{Place, Promise, Receipt, ReceiptError};
use stele_types::{Digest, EvmAddress};

pub use batch::{Batch, BatchError, Preamble, SignedBatch};
pub use signature::{SignatureError, signer_of};

use crate::tree::leaf_hash;
use crate::tree::verify::{ProofError, root_of_inclusion};

/// Why a receipt is worth nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Its fields do not hold together.
    #[error(transparent)]
    Fields(#[from] ReceiptError),
    /// The path does not lead anywhere.
    #[error("the path does not fit the batch: {0}")]
    Path(#[from] ProofError),
    /// Nobody can have made the signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// What a receipt that holds together says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Who signed. Equal to the receipt's node, unless the node's operator was replaced: then only the chain knows whether the signer acted
    /// for the node. A receipt that was forged or altered anywhere else gives an account that nobody has.
    pub signer: EvmAddress,
    /// RFC 6962 leaf hash: what will be found in the log.
    pub leaf_hash: Digest,
    /// What was signed.
    pub promise: Promise,
}

/// Checks all that can be checked without the chain and the input: the fields, the path, and that the signature can be somebody's. Compare
/// [`Checked::signer`] with who may sign for the node, and the input with [`Receipt::opens_to`].
pub fn check(receipt: &Receipt) -> Result<Checked, CheckError> {
    receipt.check_fields()?;
    let leaf_hash = leaf_hash(&receipt.leaf.to_bytes());
    let Place { size, index, path } = &receipt.batch;
    let promise = Promise {
        chain_id: receipt.chain_id,
        ledger: receipt.ledger,
        node: receipt.node,
        root: root_of_inclusion(&leaf_hash, *index, *size, path)?,
        size: *size,
        issued_at: receipt.issued_at,
        merge_delay: receipt.merge_delay,
    };
    Ok(Checked {
        signer: signer_of(&receipt.signature, &promise.digest())?,
        leaf_hash,
        promise,
    })
}
