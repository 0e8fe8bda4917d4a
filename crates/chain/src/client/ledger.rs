//! The ledger: anchoring a log's checkpoints.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider as _;
use alloy::rpc::types::{Filter, Log};
use alloy::signers::SignerSync as _;
use alloy::sol_types::{Eip712Domain, SolEvent as _, SolStruct as _};
use serde::Serialize;
use stele_types::{BlockNumber, Digest, Gas, LeafIndex, NodeAddress, Timestamp, TreeSize};

use super::governance::{Governance, LEDGER};
use super::keys::Account;
use super::nodes::address;
use super::quorum::{compact, not_compact};
use super::send::Receipt;
use super::timestamp;
use crate::contracts::abi::ledger::DecisionLedger as Abi;
use crate::contracts::abi::ledger::VerifierSet::Signature;
use crate::error::ChainError;

/// A checkpoint that the ledger accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Anchor {
    /// Whose log.
    pub node: NodeAddress,
    /// How many leaves the tree has.
    pub size: TreeSize,
    /// Its RFC 6962 root.
    pub root: Digest,
    /// In which block it was anchored.
    pub block: BlockNumber,
    /// When, to the second.
    pub time: Timestamp,
}

/// An anchor with the transaction that made it: all that a proof bundle needs to point at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Anchored {
    /// The anchor.
    pub anchor: Anchor,
    /// Its number among the node's anchors in this ledger, from 0.
    pub index: u64,
    /// The transaction.
    pub transaction: B256,
    /// Hash of the block that holds it.
    pub block_hash: B256,
    /// The gas used by this call; `None` when the anchor was on the chain already and nothing was sent.
    pub gas_used: Option<Gas>,
}

/// A verifier's signature over a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointSignature {
    /// Who signed.
    pub signer: Address,
    /// r, s and v: 65 bytes.
    pub signature: Bytes,
}

alloy::sol! {
    /// What verifiers sign: the EIP-712 type `DecisionLedger.CHECKPOINT_TYPEHASH` names.
    #[allow(missing_docs, reason = "the fields speak for themselves")]
    struct Checkpoint {
        address node;
        uint64 size;
        bytes32 root;
    }
}

impl Governance {
    /// Anchors a tree of the operator's node. `proof` is the RFC 6962 consistency proof from the node's last anchor;
    /// empty for the first. Safe to repeat: when this very tree is the last anchor already, for instance because the
    /// process stopped after sending it, that anchor is returned and nothing is sent.
    pub async fn anchor(
        &self,
        operator: &Account,
        size: TreeSize,
        root: Digest,
        proof: &[Digest],
    ) -> Result<Anchored, ChainError> {
        self.anchor_with_quorum(operator, size, root, proof, &[]).await
    }

    /// [`Self::anchor`] with verifiers' signatures, in any order.
    pub async fn anchor_with_quorum(
        &self,
        operator: &Account,
        size: TreeSize,
        root: Digest,
        proof: &[Digest],
        signatures: &[CheckpointSignature],
    ) -> Result<Anchored, ChainError> {
        let operator_address = operator.address();
        let node = self.node_of(operator_address).await?;
        let node = node.ok_or(ChainError::NotANode {
            operator: operator_address,
        })?;
        if let Some(anchored) = self.last_if_equal(node, size, root).await? {
            return Ok(anchored);
        }
        let root_word = B256::from(root.0);
        let proof = proof.iter().map(|hash| B256::from(hash.0)).collect();
        let receipt = if signatures.is_empty() {
            let call = Abi::anchorCall {
                size: size.get(),
                root: root_word,
                proof,
            };
            self.send_ledger(operator, &call).await?
        } else {
            let mut sorted: Vec<&CheckpointSignature> = signatures.iter().collect();
            sorted.sort_by_key(|signature| signature.signer);
            let signatures = sorted.into_iter().map(compact_of).collect::<Result<_, _>>()?;
            let call = Abi::anchorWithQuorumCall {
                size: size.get(),
                root: root_word,
                proof,
                signatures,
            };
            self.send_ledger(operator, &call).await?
        };
        self.anchored_by(node, size, root, &receipt).await
    }

    /// The node's last anchor, in this ledger or a predecessor.
    pub async fn anchor_of(&self, node: NodeAddress) -> Result<Option<Anchor>, ChainError> {
        let held = self
            .view_ledger(&Abi::anchorOfCall { node: address(node) })
            .await?;
        Ok((held.size != 0).then(|| anchor(node, &held)))
    }

    /// How many anchors of the node this ledger holds.
    pub async fn anchor_count(&self, node: NodeAddress) -> Result<u64, ChainError> {
        let count = self
            .view_ledger(&Abi::anchorCountCall { node: address(node) })
            .await?;
        Ok(count.saturating_to())
    }

    /// The node's anchor with a number, from 0.
    pub async fn anchor_at(&self, node: NodeAddress, index: u64) -> Result<Anchored, ChainError> {
        let call = Abi::anchorAtCall {
            node: address(node),
            index: U256::from(index),
        };
        let held = self.view_ledger(&call).await?;
        self.with_transaction(anchor(node, &held)).await
    }

    /// The node's first anchor in this ledger whose tree contains a leaf; `None` while there is none.
    pub async fn anchor_covering(
        &self,
        node: NodeAddress,
        leaf: LeafIndex,
    ) -> Result<Option<Anchored>, ChainError> {
        let call = Abi::anchorCoveringCall {
            node: address(node),
            leafIndex: leaf.get(),
        };
        let found = self.view_ledger(&call).await?;
        if !found.found {
            return Ok(None);
        }
        self.with_transaction(anchor(node, &found.first)).await.map(Some)
    }

    /// Number and size of the node's first anchor in this ledger whose tree contains a leaf: what [`Self::anchor_covering`] finds, without the
    /// transaction, and so without the chain's old events.
    pub async fn covering(
        &self,
        node: NodeAddress,
        leaf: LeafIndex,
    ) -> Result<Option<(u64, TreeSize)>, ChainError> {
        let call = Abi::anchorCoveringCall {
            node: address(node),
            leafIndex: leaf.get(),
        };
        let found = self.view_ledger(&call).await?;
        let covering = (found.index.saturating_to(), TreeSize::new(found.first.size));
        Ok(found.found.then_some(covering))
    }

    /// Whether a leaf hash stands at `leaf_index` of the tree that the node's anchor `index` commits to, as the
    /// contract sees it.
    pub async fn verify_inclusion(
        &self,
        node: NodeAddress,
        index: u64,
        leaf_index: LeafIndex,
        leaf_hash: Digest,
        proof: &[Digest],
    ) -> Result<bool, ChainError> {
        let call = Abi::verifyInclusionCall {
            node: address(node),
            index: U256::from(index),
            leafIndex: leaf_index.get(),
            leaf: B256::from(leaf_hash.0),
            proof: proof.iter().map(|hash| B256::from(hash.0)).collect(),
        };
        self.view_ledger(&call).await
    }

    /// Sets the ledger's quorum. Signed by an admin.
    pub async fn set_quorum(&self, admin: &Account, quorum: super::Quorum) -> Result<Receipt, ChainError> {
        let quorum_ = Abi::Quorum {
            threshold: quorum.threshold.get(),
            signatures: quorum.signatures,
        };
        self.send_ledger(admin, &Abi::setQuorumCall { quorum_ }).await
    }

    /// The EIP-712 digest that verifiers sign for a checkpoint of this ledger.
    pub fn checkpoint_digest(&self, node: NodeAddress, size: TreeSize, root: Digest) -> B256 {
        let domain = Eip712Domain::new(
            Some("Stele DecisionLedger".into()),
            Some("1".into()),
            Some(U256::from(self.deployment.chain_id.get())),
            Some(self.deployment.ledger),
            None,
        );
        let checkpoint = Checkpoint {
            node: address(node),
            size: size.get(),
            root: B256::from(root.0),
        };
        checkpoint.eip712_signing_hash(&domain)
    }

    /// Signs a checkpoint as a verifier.
    pub fn sign_checkpoint(
        &self,
        verifier: &Account,
        node: NodeAddress,
        size: TreeSize,
        root: Digest,
    ) -> Result<CheckpointSignature, ChainError> {
        let digest = self.checkpoint_digest(node, size, root);
        let signer = verifier.address();
        let signature = verifier
            .signer()
            .sign_hash_sync(&digest)
            .map_err(|error| ChainError::Signing {
                account: signer,
                reason: error.to_string(),
            })?;
        Ok(CheckpointSignature {
            signer,
            signature: signature.as_bytes().into(),
        })
    }

    async fn last_if_equal(
        &self,
        node: NodeAddress,
        size: TreeSize,
        root: Digest,
    ) -> Result<Option<Anchored>, ChainError> {
        // Without an anchor of its own, this ledger answers with a predecessor's.
        if self.anchor_count(node).await? == 0 {
            return Ok(None);
        }
        match self.anchor_of(node).await? {
            Some(last) if last.size == size && last.root == root => {
                self.with_transaction(last).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What a successful transaction anchored. It has no event when the tree was anchored by another one meanwhile.
    async fn anchored_by(
        &self,
        node: NodeAddress,
        size: TreeSize,
        root: Digest,
        receipt: &Receipt,
    ) -> Result<Anchored, ChainError> {
        if let Some((log, event)) = anchored_events(&receipt.logs, node, size).next() {
            let time = match log.block_timestamp {
                Some(seconds) => timestamp(seconds),
                None => {
                    self.anchor_at(node, event.index.saturating_to())
                        .await?
                        .anchor
                        .time
                }
            };
            return Ok(Anchored {
                anchor: Anchor {
                    node,
                    size,
                    root,
                    block: receipt.block,
                    time,
                },
                index: event.index.saturating_to(),
                transaction: receipt.transaction,
                block_hash: receipt.block_hash,
                gas_used: Some(receipt.gas_used),
            });
        }
        let earlier = self.last_if_equal(node, size, root).await?;
        earlier.ok_or(ChainError::EventMissing {
            node,
            block: receipt.block,
        })
    }

    /// Finds the transaction and the number of an anchor by its event. The number is not asked for by a call of its own: another anchor may come
    /// in between.
    async fn with_transaction(&self, anchor: Anchor) -> Result<Anchored, ChainError> {
        let filter = Filter::new()
            .address(self.deployment.ledger)
            .event_signature(Abi::Anchored::SIGNATURE_HASH)
            .topic1(address(anchor.node))
            .select(anchor.block.get());
        let logs = self
            .client
            .retry_for(LEDGER, "eth_getLogs", || async {
                self.client.provider.get_logs(&filter).await
            })
            .await?;
        let place = anchored_events(&logs, anchor.node, anchor.size)
            .find_map(|(log, event)| Some((log.transaction_hash?, log.block_hash?, event.index)));
        let (transaction, block_hash, index) = place.ok_or(ChainError::EventMissing {
            node: anchor.node,
            block: anchor.block,
        })?;
        Ok(Anchored {
            anchor,
            index: index.saturating_to(),
            transaction,
            block_hash,
            gas_used: None,
        })
    }
}

/// A signature as the contract takes it.
fn compact_of(signed: &CheckpointSignature) -> Result<Signature, ChainError> {
    let compact = compact(&signed.signature).ok_or_else(|| not_compact(signed.signer))?;
    let [r, y_parity_and_s] = compact;
    Ok(Signature {
        r,
        yParityAndS: y_parity_and_s,
    })
}

fn anchored_events(
    logs: &[Log],
    node: NodeAddress,
    size: TreeSize,
) -> impl Iterator<Item = (&Log, Abi::Anchored)> {
    logs.iter().filter_map(move |log| {
        let event = Abi::Anchored::decode_log(&log.inner).ok()?.data;
        (event.node == address(node) && event.size == size.get()).then_some((log, event))
    })
}

fn anchor(node: NodeAddress, held: &Abi::Anchor) -> Anchor {
    Anchor {
        node,
        size: TreeSize::new(held.size),
        root: Digest(held.root.0),
        block: BlockNumber::new(held.blockNumber),
        time: timestamp(held.time),
    }
}
