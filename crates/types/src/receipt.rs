//! Receipts: a node's signed promise that a decision will be in its log. Normative: `docs/formats/receipt.md`.
//!
//! Here is their form; `stele_ledger::receipt` makes and checks them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::record::input_commitment;
use crate::{
    ChainId, DecisionId, Digest, EvmAddress, Leaf, LeafError, LeafIndex, NodeAddress, RecordError, Salt,
    TreeSize, Value, keccak256,
};

/// Longest receipt accepted, in bytes. One from a batch of 2^32 decisions, indented, has under 6,000.
pub const MAX_RECEIPT_BYTES: usize = 16 << 10;

/// Value of [`Receipt::format`].
pub const FORMAT: &str = "stele-receipt-v1";

/// Numbers in a receipt are at most this, so that every JSON reader has them exact.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The EIP-712 type of the domain.
const DOMAIN_TYPE: &[u8] =
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
/// The EIP-712 type of what is signed.
const PROMISE_TYPE: &[u8] =
    b"Receipt(address node,bytes32 root,uint64 size,uint64 issuedAt,uint64 mergeDelay)";

/// What a node promises for a batch of decisions: all that it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// The chain that holds the node to it.
    pub chain_id: ChainId,
    /// The ledger contract in which the log is anchored.
    pub ledger: EvmAddress,
    /// The node.
    pub node: NodeAddress,
    /// RFC 6962 root over the leaf hashes of the batch.
    pub root: Digest,
    /// Leaves in the batch.
    pub size: TreeSize,
    /// When it was made, in seconds since 1970.
    pub issued_at: u64,
    /// Within how many seconds the decisions will be in an anchored tree.
    pub merge_delay: u64,
}

impl Promise {
    /// What is signed: the EIP-712 digest, domain `Stele Receipt`, version `1`, the chain and the ledger.
    pub fn digest(&self) -> Digest {
        self.digest_in(&Domain::new(self.chain_id, self.ledger))
    }

    /// The same, for whoever signs often; `domain` is that of this chain and ledger.
    pub fn digest_in(&self, domain: &Domain) -> Digest {
        let promise = keccak256(
            &[
                domain.promise_type.0,
                address(&self.node),
                self.root.0,
                number(self.size.get()),
                number(self.issued_at),
                number(self.merge_delay),
            ]
            .concat(),
        );
        keccak256(&[b"\x19\x01".as_slice(), &domain.separator.0, &promise.0].concat())
    }
}

/// The EIP-712 domain of the receipts that are anchored in one ledger.
#[derive(Debug, Clone, Copy)]
pub struct Domain {
    separator: Digest,
    promise_type: Digest,
}

impl Domain {
    /// That of a ledger on a chain.
    pub fn new(chain_id: ChainId, ledger: EvmAddress) -> Self {
        let separator = keccak256(
            &[
                keccak256(DOMAIN_TYPE).0,
                keccak256(b"Stele Receipt").0,
                keccak256(b"1").0,
                number(chain_id.get()),
                address(&ledger),
            ]
            .concat(),
        );
        Self {
            separator,
            promise_type: keccak256(PROMISE_TYPE),
        }
    }
}

/// A number as an ABI word.
fn number(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    let (_, low) = word.split_at_mut(24);
    low.copy_from_slice(&value.to_be_bytes());
    word
}

/// An address as an ABI word.
fn address(address: &EvmAddress) -> [u8; 32] {
    let mut word = [0; 32];
    let (_, low) = word.split_at_mut(12);
    low.copy_from_slice(&address.0);
    word
}

/// A leaf's place in the batch that was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Leaves in the batch.
    pub size: TreeSize,
    /// The leaf's place, from 0.
    pub index: LeafIndex,
    /// RFC 6962 audit path from the leaf up.
    pub path: Vec<Digest>,
}

/// A receipt: what the caller of a decision gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`FORMAT`].
    pub format: String,
    /// The chain that holds the node to it.
    pub chain_id: ChainId,
    /// The ledger contract in which the log is anchored.
    pub ledger: EvmAddress,
    /// The node; the leaf's.
    pub node: NodeAddress,
    /// The decision; the leaf's.
    pub decision_id: DecisionId,
    /// When it was issued, in seconds since 1970.
    pub issued_at: u64,
    /// Within how many seconds the decision will be in an anchored tree.
    pub merge_delay: u64,
    /// Where the leaf stands in the batch.
    pub batch: Place,
    /// Signature of the node's operator over the batch.
    pub signature: Signature,
    /// What the log will commit to; 576 hex digits in JSON.
    #[serde(serialize_with = "write_leaf", deserialize_with = "read_leaf")]
    pub leaf: Leaf,
    /// Opens the leaf's input commitment.
    pub input_salt: Salt,
}

/// Why a receipt can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("not a receipt: {0}")]
    Json(#[from] serde_json::Error),
    /// Larger than [`MAX_RECEIPT_BYTES`].
    #[error("the receipt has {size} bytes; a receipt has at most {MAX_RECEIPT_BYTES}")]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// A format this version does not know.
    #[error("the receipt has format `{found}`; this program reads `{FORMAT}`")]
    Format {
        /// The format found.
        found: String,
    },
    /// A field is written in another way than receipts have it.
    #[error("the receipt's fields are not in their one form (lower-case hex, EIP-55 addresses)")]
    NotCanonical,
    /// A number is too large.
    #[error("`{field}` is {found}; it must be at most 2^53 - 1")]
    Number {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: u64,
    },
    /// A field contradicts the leaf.
    #[error("`{field}` is not the leaf's")]
    Contradicts {
        /// The field.
        field: &'static str,
    },
}

impl Receipt {
    /// Reads a receipt. Refuses what is larger than any receipt, unknown fields, fields in another form than the one they are written in, and
    /// fields that contradict the leaf.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReceiptError> {
        if bytes.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLarge { size: bytes.len() });
        }
        let document: serde_json::Value = serde_json::from_slice(bytes)?;
        if let Some(found) = document.get("format").and_then(serde_json::Value::as_str)
            && found != FORMAT
        {
            return Err(ReceiptError::Format {
                found: found.chars().take(80).collect(),
            });
        }
        // From the text, because a document keeps only the last of two fields of the same name.
        let receipt: Self = serde_json::from_slice(bytes)?;
        if serde_json::to_value(&receipt)? != document {
            return Err(ReceiptError::NotCanonical);
        }
        receipt.check_fields()?;
        Ok(receipt)
    }

    /// The receipt as compact JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, ReceiptError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Checks what the types can't say. Readers have done it already.
    pub fn check_fields(&self) -> Result<(), ReceiptError> {
        if self.format != FORMAT {
            return Err(ReceiptError::Format {
                found: self.format.chars().take(80).collect(),
            });
        }
        for (field, found) in [
            ("chain_id", self.chain_id.get()),
            ("issued_at", self.issued_at),
            ("merge_delay", self.merge_delay),
            ("batch.size", self.batch.size.get()),
        ] {
            if found > MAX_NUMBER {
                return Err(ReceiptError::Number { field, found });
            }
        }
        if self.node != self.leaf.node {
            return Err(ReceiptError::Contradicts { field: "node" });
        }
        if self.decision_id != self.leaf.decision_id {
            return Err(ReceiptError::Contradicts { field: "decision_id" });
        }
        Ok(())
    }

    /// Whether the leaf commits to this input; `None` is undefined.
    ///
    /// # Errors
    /// When the input can't be encoded at all.
    pub fn opens_to(&self, input: Option<&Value>) -> Result<bool, RecordError> {
        Ok(input_commitment(&self.input_salt, input)? == self.leaf.input_commitment)
    }

    /// When the decision must be in an anchored tree, in seconds since 1970.
    pub const fn due(&self) -> u64 {
        self.issued_at.saturating_add(self.merge_delay)
    }
}

/// r, s and v (27 or 28) of a secp256k1 signature: 65 bytes. In JSON 130 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 65]);

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = [0; 130];
        hex::encode_to_slice(self.0, &mut buffer).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(&buffer).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let mut bytes = [0; 65];
        hex::decode_to_slice(text.as_ref(), &mut bytes)
            .map_err(|_| de::Error::custom("a signature has 130 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

fn write_leaf<S: Serializer>(leaf: &Leaf, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(leaf.to_bytes()))
}

fn read_leaf<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    let bytes = hex::decode(text.as_ref()).map_err(de::Error::custom)?;
    Leaf::from_bytes(&bytes).map_err(|error: LeafError| de::Error::custom(error))
}
