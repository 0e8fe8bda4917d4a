//! The compiled contracts, as committed in `contracts/artifacts/`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use alloy::json_abi::JsonAbi;
use alloy::primitives::Bytes;
use serde::Deserialize;

/// An artifact in the binary can't be read: the build is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the artifact of {contract} in this build can't be read: {reason}")]
pub struct ArtifactError {
    /// The contract.
    pub contract: &'static str,
    /// What the parser says.
    pub reason: String,
}

/// A compiled contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The contract's name in the source.
    pub contract_name: String,
    /// The interface.
    pub abi: JsonAbi,
    /// What custom errors mean in words, by signature.
    pub notices: BTreeMap<String, String>,
    /// Code that creates the contract; constructor arguments are appended to it.
    pub bytecode: Bytes,
    /// Runtime code, with zeros where the constructor fills in immutable values.
    pub deployed_bytecode: Bytes,
    /// Where those values are.
    pub immutable_references: Vec<ByteRange>,
}

/// A range of bytes in runtime code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ByteRange {
    /// First byte.
    pub start: usize,
    /// Number of bytes.
    pub length: usize,
}

static POLICY_REGISTRY: LazyLock<Result<Artifact, ArtifactError>> = LazyLock::new(|| {
    parse(
        "PolicyRegistry",
        include_str!("../../../../contracts/artifacts/PolicyRegistry.json"),
    )
});
static NODE_REGISTRY: LazyLock<Result<Artifact, ArtifactError>> = LazyLock::new(|| {
    parse(
        "NodeRegistry",
        include_str!("../../../../contracts/artifacts/NodeRegistry.json"),
    )
});
static DECISION_LEDGER: LazyLock<Result<Artifact, ArtifactError>> = LazyLock::new(|| {
    parse(
        "DecisionLedger",
        include_str!("../../../../contracts/artifacts/DecisionLedger.json"),
    )
});

static CHALLENGE: LazyLock<Result<Artifact, ArtifactError>> = LazyLock::new(|| {
    parse(
        "Challenge",
        include_str!("../../../../contracts/artifacts/Challenge.json"),
    )
});
static DISPUTE: LazyLock<Result<Artifact, ArtifactError>> = LazyLock::new(|| {
    parse(
        "Dispute",
        include_str!("../../../../contracts/artifacts/Dispute.json"),
    )
});
static ENFORCER: LazyLock<Result<Artifact, ArtifactError>> = LazyLock::new(|| {
    parse(
        "Enforcer",
        include_str!("../../../../contracts/artifacts/Enforcer.json"),
    )
});

fn parse(contract: &'static str, text: &str) -> Result<Artifact, ArtifactError> {
    serde_json::from_str(text).map_err(|error| ArtifactError {
        contract,
        reason: error.to_string(),
    })
}

impl Artifact {
    /// The artifact of `PolicyRegistry`.
    pub fn policy_registry() -> Result<&'static Self, ArtifactError> {
        POLICY_REGISTRY.as_ref().map_err(Clone::clone)
    }

    /// The artifact of `NodeRegistry`.
    pub fn node_registry() -> Result<&'static Self, ArtifactError> {
        NODE_REGISTRY.as_ref().map_err(Clone::clone)
    }

    /// The artifact of `DecisionLedger`.
    pub fn decision_ledger() -> Result<&'static Self, ArtifactError> {
        DECISION_LEDGER.as_ref().map_err(Clone::clone)
    }

    /// The artifact of `Challenge`.
    pub fn challenge() -> Result<&'static Self, ArtifactError> {
        CHALLENGE.as_ref().map_err(Clone::clone)
    }

    /// The artifact of `Dispute`.
    pub fn dispute() -> Result<&'static Self, ArtifactError> {
        DISPUTE.as_ref().map_err(Clone::clone)
    }

    /// The artifact of `Enforcer`.
    pub fn enforcer() -> Result<&'static Self, ArtifactError> {
        ENFORCER.as_ref().map_err(Clone::clone)
    }

    /// The artifacts of all governance contracts.
    pub fn all() -> Result<[&'static Self; 6], ArtifactError> {
        Ok([
            Self::policy_registry()?,
            Self::node_registry()?,
            Self::decision_ledger()?,
            Self::challenge()?,
            Self::enforcer()?,
            Self::dispute()?,
        ])
    }

    /// Whether `code` is this contract's runtime code, whatever values its constructor filled in.
    pub fn matches(&self, code: &[u8]) -> bool {
        if code.len() != self.deployed_bytecode.len() {
            return false;
        }
        let mut masked = code.to_vec();
        for range in &self.immutable_references {
            let end = range.start.saturating_add(range.length);
            let Some(bytes) = masked.get_mut(range.start..end) else {
                return false;
            };
            bytes.fill(0);
        }
        masked == self.deployed_bytecode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_parse_and_explain_every_error_of_ours() {
        for artifact in Artifact::all().unwrap() {
            assert!(artifact.bytecode.len() > artifact.deployed_bytecode.len());
            for error in artifact.abi.errors() {
                let inherited = ["AccessControl", "ECDSA", "InvalidShortString", "StringTooLong"];
                if !inherited.iter().any(|name| error.name.starts_with(name)) {
                    let signature = error.signature();
                    assert!(
                        artifact.notices.contains_key(&signature),
                        "{signature} has no @notice"
                    );
                }
            }
        }
    }

    #[test]
    fn code_matches_with_any_immutable_values_and_nothing_else() {
        let artifact = Artifact::decision_ledger().unwrap();
        let mut code = artifact.deployed_bytecode.to_vec();
        assert!(artifact.matches(&code));
        let range = artifact.immutable_references[0];
        code[range.start] = 0xff;
        assert!(artifact.matches(&code), "an immutable value may be anything");
        code[0] ^= 1;
        assert!(!artifact.matches(&code), "code may not");
        assert!(!artifact.matches(&[]));
    }
}
