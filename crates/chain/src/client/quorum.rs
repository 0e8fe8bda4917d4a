//! The quorum of verifiers: how many must sign, and who signed.

use alloy::primitives::{Address, Signature};
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

    /// Whether the ledger counts an account's signatures.
    pub async fn is_verifier(&self, account: Address) -> Result<bool, ChainError> {
        let call = Abi::hasRoleCall {
            role: Role::Verifier.id(),
            account,
        };
        self.client.view(LEDGER, self.deployment.ledger, &call).await
    }

    /// Who signed a checkpoint for this ledger: r, s and v, 65 bytes. `None` for bytes that are no such signature.
    pub fn checkpoint_signer(
        &self,
        node: NodeAddress,
        size: TreeSize,
        root: Digest,
        signature: &[u8],
    ) -> Option<Address> {
        let digest = self.checkpoint_digest(node, size, root);
        let signature = Signature::from_raw(signature).ok()?;
        signature.recover_address_from_prehash(&digest).ok()
    }
}
