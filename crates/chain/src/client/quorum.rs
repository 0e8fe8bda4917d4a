//! The quorum of verifiers: how many must sign, and who signed.

use alloy::primitives::{Address, B256, Signature, U256};
use stele_types::{Digest, NodeAddress, TreeSize};

use super::Quorum;
use super::governance::{Governance, LEDGER};
use crate::contracts::Role;
use crate::contracts::abi::ledger::DecisionLedger as Abi;
use crate::error::ChainError;

impl Governance {
    /// The ledger's quorum in force.
    pub async fn quorum(&self) -> Result<Quorum, ChainError> {
        let held = self
            .client
            .view(LEDGER, self.deployment.ledger, &Abi::quorumCall {})
            .await?;
        Ok(Quorum {
            threshold: TreeSize::new(held.threshold),
            signatures: held.signatures,
        })
    }

    /// Whether an account is one of the ledger's verifiers.
    pub async fn is_verifier(&self, account: Address) -> Result<bool, ChainError> {
        let call = Abi::hasRoleCall {
            role: Role::Verifier.id(),
            account,
        };
        self.client.view(LEDGER, self.deployment.ledger, &call).await
    }

    /// Whether the ledger counts an account's signatures over a node's checkpoints: a verifier that neither acts nor acted for the node.
    pub async fn counts_as_verifier(&self, account: Address, node: NodeAddress) -> Result<bool, ChainError> {
        if !self.is_verifier(account).await? {
            return Ok(false);
        }
        let account = NodeAddress(account.into_array());
        let term = self.operator_term(account).await?;
        Ok(account != node && term.is_none_or(|(of, _)| of != node))
    }

    /// Who signed a checkpoint for this ledger: r, s and v, 65 bytes. `None` for bytes that are no such signature, and for one in its second
    /// form (s above half of the order), which the contract refuses.
    pub fn checkpoint_signer(
        &self,
        node: NodeAddress,
        size: TreeSize,
        root: Digest,
        signature: &[u8],
    ) -> Option<Address> {
        let digest = self.checkpoint_digest(node, size, root);
        recover(digest, signature)
    }
}

/// Who signed a digest: r, s and v, 65 bytes. `None` for anything that the contracts refuse.
pub(super) fn recover(digest: B256, signature: &[u8]) -> Option<Address> {
    compact(signature)?;
    let signature = Signature::from_raw(signature).ok()?;
    signature.recover_address_from_prehash(&digest).ok()
}

/// The compact form (EIP-2098) of r, s and v: r, and s with the parity of the point's y as its highest bit. `None` for bytes that are no
/// such signature, and for one in its second form.
pub(super) fn compact(signature: &[u8]) -> Option<[B256; 2]> {
    let signature: &[u8; 65] = signature.try_into().ok()?;
    let parsed = Signature::from_raw(signature).ok()?;
    if parsed.normalize_s().is_some() {
        return None;
    }
    let parity = U256::from(parsed.v()).wrapping_shl(255);
    Some([B256::from(parsed.r()), B256::from(parsed.s() | parity)])
}

/// The error for what [`compact`] refuses.
pub(super) fn not_compact(account: Address) -> ChainError {
    let reason = "the signature is not 65 bytes with an s in the lower half of the order and a v of 27 or 28";
    ChainError::Signing {
        account,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use alloy::signers::SignerSync as _;

    use super::*;
    use crate::client::Account;

    #[test]
    fn signatures_have_one_form_each() {
        const ORDER: U256 =
            alloy::primitives::uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
        for seed in 1..20 {
            let account = Account::from_key(&[seed; 32]).unwrap();
            let digest = B256::from([seed; 32]);
            let signed = account.signer().sign_hash_sync(&digest).unwrap();
            let bytes = signed.as_bytes();
            assert_eq!(recover(digest, &bytes), Some(account.address()));
            let [r, word] = compact(&bytes).unwrap();
            assert_eq!((r.as_slice(), &word[1..]), (&bytes[..32], &bytes[33..64]));
            assert_eq!(word[0], bytes[32] | if bytes[64] == 28 { 0x80 } else { 0 });
            let other = Signature::new(signed.r(), ORDER - signed.s(), !signed.v()).as_bytes();
            assert_eq!(compact(&other), None);
            assert_eq!(recover(digest, &other), None);
            assert_eq!(compact(&bytes[..64]), None);
        }
    }
}
