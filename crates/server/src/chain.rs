//! What the background tasks ask of the chain.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use stele_types::{Digest, NodeAddress, PolicyId, PolicyVersion, TreeSize};

/// A future without a name.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, ChainProblem>> + Send + 'a>>;

/// Why the chain gave no answer, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChainProblem(pub String);

/// A policy version that the registry holds in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The policy.
    pub policy: PolicyId,
    /// The bundle's digest.
    pub version: PolicyVersion,
    /// The policy's contract.
    pub contract: NodeAddress,
    /// Keccak-256 of the contract's runtime code.
    pub code_hash: Digest,
}

/// A checkpoint that the ledger contract has accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Leaves that it covers.
    pub size: TreeSize,
    /// Root of the tree of that size.
    pub root: Digest,
    /// Block that holds it.
    pub block: u64,
    /// Transaction that brought it, `0x` and hexadecimal.
    pub transaction: String,
    /// The ledger contract, `0x` and hexadecimal.
    pub contract: String,
    /// The chain's id.
    pub chain_id: u64,
}

/// One deployment of the governance contracts, seen by one node.
pub trait ChainLink: Send + Sync {
    /// Grows whenever something comes into force; cheap to ask.
    fn epoch(&self) -> Pending<'_, u64>;

    /// All versions in force.
    fn in_force(&self) -> Pending<'_, Vec<InForce>>;

    /// The node's newest anchor: size and root.
    fn last_anchor(&self) -> Pending<'_, Option<(TreeSize, Digest)>>;

    /// Anchors a tree; `proof` is the consistency proof from the newest anchor. Repeating it is harmless.
    fn anchor(&self, size: TreeSize, root: Digest, proof: Vec<Digest>) -> Pending<'_, Accepted>;
}
