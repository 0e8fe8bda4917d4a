//! What stands in the registry for a policy that can't become a contract.

use alloy::primitives::{B256, keccak256};
use stele_types::Digest;

/// What the contract reverts with, as the argument of `Unsupported`.
const REASON: &[u8] = b"no contract";

/// A contract that answers every call with the revert `Unsupported("no contract")`. The registry needs some contract for each version; this
/// one says that the policy has none, so that it can be governed and decided by, but neither challenged nor enforced on chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusingContract {
    /// Creation code.
    pub creation: Vec<u8>,
    /// keccak256 of the runtime code: tells everybody that a version has no contract.
    pub code_hash: Digest,
}

impl RefusingContract {
    /// The contract; always the same.
    #[must_use]
    pub fn new() -> Self {
        let selector = keccak256(b"Unsupported(bytes32)");
        let mut runtime = vec![0x63]; // PUSH4 selector
        runtime.extend(selector.iter().take(4));
        runtime.extend([0x60, 0xe0, 0x1b, 0x5f, 0x52]); // PUSH1 224, SHL, PUSH0, MSTORE
        runtime.push(0x7f); // PUSH32 reason
        runtime.extend(B256::right_padding_from(REASON));
        // PUSH1 4, MSTORE, PUSH1 36, PUSH0, REVERT
        runtime.extend([0x60, 4, 0x52, 0x60, 36, 0x5f, 0xfd]);
        let length = u8::try_from(runtime.len()).unwrap_or(u8::MAX);
        // PUSH1 length, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN: nine bytes before the runtime code.
        let mut creation = vec![0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3];
        creation.extend(&runtime);
        Self {
            creation,
            code_hash: Digest(keccak256(&runtime).0),
        }
    }
}

impl Default for RefusingContract {
    fn default() -> Self {
        Self::new()
    }
}
