//! The roles of governance, as `contracts/src/Roles.sol` defines them.

use alloy::primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// A role that an account can hold in a governance contract. On chain a role is keccak256 of its name, and zero for
/// [`Role::Admin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Grants roles, changes settings, registers nodes, names the successor.
    Admin,
    /// Proposes versions of policies.
    Author,
    /// Approves for security.
    Security,
    /// Approves for the platform.
    Platform,
    /// Approves for compliance.
    Compliance,
    /// Rolls back at once.
    Responder,
    /// Suspends nodes.
    Suspender,
    /// Signs checkpoints for the ledger's quorum, and outcomes of disputes.
    Verifier,
    /// Settles leaves in `Challenge` by the word of verifiers: the contract `Dispute`.
    Arbiter,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 9] = [
        Self::Admin,
        Self::Author,
        Self::Security,
        Self::Platform,
        Self::Compliance,
        Self::Responder,
        Self::Suspender,
        Self::Verifier,
        Self::Arbiter,
    ];

    /// The roles whose holders approve proposals.
    pub const APPROVERS: [Self; 3] = [Self::Security, Self::Platform, Self::Compliance];

    /// The role's name on chain.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Author => "AUTHOR",
            Self::Security => "SECURITY",
            Self::Platform => "PLATFORM",
            Self::Compliance => "COMPLIANCE",
            Self::Responder => "RESPONDER",
            Self::Suspender => "SUSPENDER",
            Self::Verifier => "VERIFIER",
            Self::Arbiter => "ARBITER",
        }
    }

    /// The role's identifier on chain.
    pub fn id(self) -> B256 {
        match self {
            Self::Admin => B256::ZERO,
            other => keccak256(other.name()),
        }
    }

    /// The role with an identifier.
    pub fn from_id(id: B256) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    /// Takes the name in upper or lower case.
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a role; the roles are admin, author, security, platform, compliance, responder, suspender and verifier"
)]
pub struct UnknownRole(pub String);
