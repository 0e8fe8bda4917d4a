//! Proof bundles: everything a stranger needs to check one decision offline. Normative: `docs/formats/proof.md`.

mod form;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use stele_types::{
    BlockNumber, ChainId, DecisionRecord, Digest, EvmAddress, Leaf, LeafError, LeafIndex, NodeAddress,
    RecordCheck, RecordError, TreeSize,
};

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::note::VerifierKey;
use crate::tree::leaf_hash;
use crate::tree::verify::{self as tree_verify, ProofError};

/// Longest proof file accepted, in bytes.
pub const MAX_PROOF_BYTES: usize = 256 << 20;

/// Value of [`ProofBundle::format`].
pub const FORMAT: &str = "stele-proof-v1";

/// Where and when the chain accepted a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The chain.
    pub chain_id: ChainId,
    /// Address of the ledger contract.
    pub contract: EvmAddress,
    /// The node whose log it is.
    pub node: NodeAddress,
    /// The transaction that anchored it.
    pub tx_hash: Digest,
    /// The block of that transaction.
    pub block_number: BlockNumber,
    /// Hash of that block.
    pub block_hash: Digest,
    /// Anchored tree size.
    pub size: TreeSize,
    /// Anchored root.
    pub root: Digest,
}

/// One decision and its proof: the content of `proof.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofBundle {
    /// [`FORMAT`].
    pub format: String,
    /// The decision as stored, possibly masked or erased in part.
    pub record: DecisionRecord,
    /// What the log commits to; 576 hex digits in JSON.
    #[serde(serialize_with = "write_leaf", deserialize_with = "read_leaf")]
    pub leaf: Leaf,
    /// Position of the leaf.
    pub index: LeafIndex,
    /// RFC 6962 audit path in the checkpoint's tree, from the leaf up.
    pub inclusion: Vec<Digest>,
    /// The signed checkpoint (C2SP `tlog-checkpoint`).
    pub checkpoint: String,
    /// The anchor of that very checkpoint, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
}

/// That a decision is in the log, without its record: nothing in it that the log's public tiles don't have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// What the log commits to; 576 hex digits in JSON.
    #[serde(serialize_with = "write_leaf", deserialize_with = "read_leaf")]
    pub leaf: Leaf,
    /// Position of the leaf.
    pub index: LeafIndex,
    /// RFC 6962 audit path in the checkpoint's tree, from the leaf up.
    pub inclusion: Vec<Digest>,
    /// The signed checkpoint (C2SP `tlog-checkpoint`).
    pub checkpoint: String,
    /// The anchor of that very checkpoint, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
}

impl InclusionProof {
    /// The proof with the decision's record.
    pub fn with_record(self, record: DecisionRecord) -> ProofBundle {
        ProofBundle {
            format: FORMAT.to_owned(),
            record,
            leaf: self.leaf,
            index: self.index,
            inclusion: self.inclusion,
            checkpoint: self.checkpoint,
            anchor: self.anchor,
        }
    }
}

fn write_leaf<S: Serializer>(leaf: &Leaf, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(leaf.to_bytes()))
}

fn read_leaf<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(de::Error::custom(
            "the leaf is not in lower-case hexadecimal digits",
        ));
    }
    let bytes = hex::decode(text.as_ref()).map_err(de::Error::custom)?;
    Leaf::from_bytes(&bytes).map_err(|error: LeafError| de::Error::custom(error))
}

/// Why a proof does not hold, or can't be read.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Not a proof bundle.
    #[error("not a proof bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// Not JSON, or an object in it has a member twice.
    #[error("not a proof bundle: {0}")]
    Text(#[from] stele_types::json::JsonError),
    /// JSON that reads as a proof, but not what a node writes for one.
    #[error(
        "not a proof bundle as it is written: {place} is left out, empty or null where it must not be, or in another form than docs/formats/proof.md gives"
    )]
    Form {
        /// Where, as a JSON pointer.
        place: String,
    },
    /// Larger than [`MAX_PROOF_BYTES`].
    #[error("the file has {size} bytes; a proof has at most {MAX_PROOF_BYTES}")]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// A format this version does not know.
    #[error("the proof has format `{found}`; this program reads `{FORMAT}`")]
    Format {
        /// The format found.
        found: String,
    },
    /// The checkpoint is not this log's.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The leaf is not in the tree.
    #[error("the leaf is not in the signed tree: {0}")]
    Inclusion(#[from] ProofError),
    /// The record can't be compared with the leaf.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The record is not what the leaf commits to.
    #[error("the record is not the one that was logged: {} differ", differing.join(", "))]
    RecordDiffers {
        /// Names of the fields or groups of fields.
        differing: Vec<&'static str>,
    },
    /// The log belongs to another node.
    #[error("the leaf names node {leaf}, but the log is `{origin}`")]
    Node {
        /// The leaf's node.
        leaf: NodeAddress,
        /// The log's origin.
        origin: String,
    },
    /// The anchor is of something else.
    #[error("the anchor does not fit: its {field} differs from the {of}'s")]
    Anchor {
        /// The field that differs.
        field: &'static str,
        /// What it differs from.
        of: &'static str,
    },
}

/// What was established.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The log.
    pub origin: String,
    /// Position of the decision in it.
    pub index: LeafIndex,
    /// Size of the signed tree.
    pub size: TreeSize,
    /// Root of the signed tree.
    pub root: Digest,
    /// Hash of the leaf.
    pub leaf_hash: Digest,
    /// Which parts of the record were compared; masked or erased parts can't be.
    pub record: RecordCheck,
    /// The claimed anchor. That the chain really holds it can only be checked on the chain.
    pub anchor: Option<Anchor>,
}

impl ProofBundle {
    /// Reads `proof.json`: only what [`Self::to_json`] writes, but for white space, the order of members and escapes, so that every reader of the
    /// format takes the same files.
    pub fn from_json(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(VerifyError::TooLarge { size: bytes.len() });
        }
        let bundle = serde_json::from_slice(bytes)?;
        form::check(bytes, &bundle)?;
        Ok(bundle)
    }

    /// The content of `proof.json`, indented.
    pub fn to_json(&self) -> Result<Vec<u8>, VerifyError> {
        let mut out = serde_json::to_vec_pretty(self)?;
        out.push(b'\n');
        Ok(out)
    }
}

/// Checks a proof with nothing but the log's public key.
///
/// In order: the checkpoint's signature and origin; that the leaf is in the signed tree; that the record is what the leaf
/// commits to; that log, node and anchor belong together. The anchor itself is a claim until it is compared with the chain.
pub fn verify(bundle: &ProofBundle, key: &VerifierKey) -> Result<Report, VerifyError> {
    if bundle.format != FORMAT {
        return Err(VerifyError::Format {
            found: bundle.format.chars().take(80).collect(),
        });
    }
    let signed = SignedCheckpoint::open(&bundle.checkpoint, key)?.checkpoint;
    let hash = leaf_hash(&bundle.leaf.to_bytes());
    tree_verify::inclusion(&hash, bundle.index, signed.size, &bundle.inclusion, &signed.root)?;
    let record = bundle.record.check(&bundle.leaf)?;
    if !record.is_consistent() {
        return Err(VerifyError::RecordDiffers {
            differing: differing(&record),
        });
    }
    // Only origins of the default form say whose log it is.
    let named = signed
        .origin
        .strip_prefix("stele/")
        .and_then(|rest| rest.parse::<NodeAddress>().ok());
    if named.is_some_and(|node| node != bundle.leaf.node) {
        return Err(VerifyError::Node {
            leaf: bundle.leaf.node,
            origin: signed.origin,
        });
    }
    if let Some(anchor) = &bundle.anchor {
        let fits = [
            ("size", "checkpoint", anchor.size == signed.size),
            ("root", "checkpoint", anchor.root == signed.root),
            ("node", "leaf", anchor.node == bundle.leaf.node),
        ];
        if let Some((field, of, _)) = fits.into_iter().find(|(_, _, fits)| !fits) {
            return Err(VerifyError::Anchor { field, of });
        }
    }
    Ok(Report {
        origin: signed.origin,
        index: bundle.index,
        size: signed.size,
        root: signed.root,
        leaf_hash: hash,
        record,
        anchor: bundle.anchor.clone(),
    })
}

fn differing(check: &RecordCheck) -> Vec<&'static str> {
    let parts = [
        ("input", check.input),
        ("result", check.result),
        ("details", check.detail),
    ];
    let parts = parts
        .into_iter()
        .filter(|(_, part)| *part == stele_types::Part::Differs);
    check
        .differing
        .iter()
        .copied()
        .chain(parts.map(|(name, _)| name))
        .collect()
}
