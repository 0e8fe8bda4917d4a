//! The line of a deployment: contracts are replaced, never changed, and what the earlier ones hold goes on (`docs/contracts.md`, Succession).

use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use stele_types::{BlockNumber, Digest, EvmAddress, LeafIndex, NodeAddress, Timestamp, TreeSize};

use super::governance::{CHALLENGE, Governance, LEDGER, NODES};
use super::nodes::address;
use super::omission::Omission;
use super::timestamp;
use crate::contracts::Artifact;
use crate::contracts::abi::challenge::Challenge as Abi;
use crate::contracts::abi::nodes::NodeRegistry;
use crate::error::ChainError;

/// Contracts of one line that are looked at: far more than anybody replaces, and an end where an endpoint makes them up.
const LONGEST: usize = 64;

/// An anchor whose tree has a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covering {
    /// The ledger contract that holds it.
    pub ledger: EvmAddress,
    /// Its number there, of the node's anchors.
    pub anchor: u64,
    /// Leaves of its tree.
    pub size: TreeSize,
}

/// Which way a line is followed.
#[derive(Clone, Copy)]
enum Way {
    Back,
    Ahead,
}

fn evm(address: Address) -> EvmAddress {
    NodeAddress(address.into_array())
}

impl Governance {
    /// The contracts `Challenge` before this deployment's, newest first: each with the rest of this deployment, whose ledger answers claims in them.
    pub async fn earlier_challenges(&self) -> Result<Vec<Self>, ChainError> {
        self.challenges(Way::Back).await
    }

    /// Those after it, oldest first: they open claims by receipts of this deployment's ledger, and take its anchors for answers.
    pub async fn later_challenges(&self) -> Result<Vec<Self>, ChainError> {
        self.challenges(Way::Ahead).await
    }

    async fn challenges(&self, way: Way) -> Result<Vec<Self>, ChainError> {
        let line = self.follow(CHALLENGE, self.deployment.challenge, way).await?;
        Ok(line
            .into_iter()
            .map(|challenge| {
                let mut other = self.clone();
                other.deployment.challenge = challenge;
                other
            })
            .collect())
    }

    /// The newest block that the chain itself calls final, and how to ask for what it says; `None` where the chain calls none final, or none since the
    /// deployment.
    pub(super) async fn final_block(&self) -> Result<Option<(BlockNumber, BlockId)>, ChainError> {
        let block = self.client.finalized().await?;
        let block = block.filter(|(number, _)| *number >= self.deployment.block);
        // By its hash (EIP-1898): two endpoints behind one address may differ in what they have.
        Ok(block.map(|(number, hash)| (number, BlockId::hash_canonical(hash))))
    }

    /// Whether this deployment's `Challenge` was replaced and has no open claim against a node: then it never has one again. True only if both were so at
    /// one block that the chain itself calls final: what a later block says may be replaced by one with a claim in it. So it is false where the chain
    /// calls none final, or none since the deployment.
    pub async fn claims_are_over(&self, node: NodeAddress) -> Result<bool, ChainError> {
        let Some((_, block)) = self.final_block().await? else {
            return Ok(false);
        };
        let court = self.deployment.challenge;
        let replaced = NodeRegistry::successorCall {};
        if self
            .client
            .view_at(block, CHALLENGE, court, &replaced)
            .await?
            .is_zero()
        {
            return Ok(false);
        }
        let open = Abi::openOmissionsCall {
            node: address(node),
            offset: U256::ZERO,
            limit: U256::ONE,
        };
        Ok(self
            .client
            .view_at(block, CHALLENGE, court, &open)
            .await?
            .is_empty())
    }

    /// Whether this deployment's ledger or node registry was replaced: then it takes no anchors, or what it says of nodes no longer counts.
    pub async fn superseded(&self) -> Result<bool, ChainError> {
        for (contract, address) in [(LEDGER, self.deployment.ledger), (NODES, self.deployment.nodes)] {
            let call = NodeRegistry::successorCall {};
            if !self.client.view(contract, address, &call).await?.is_zero() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The ledgers whose receipts and anchors this deployment's `Challenge` takes: its own first, then those before it, newest first, then those
    /// that replaced it.
    pub async fn ledgers(&self) -> Result<Vec<EvmAddress>, ChainError> {
        let own = self.deployment.ledger;
        let mut line = vec![own];
        line.extend(self.follow(LEDGER, own, Way::Back).await?);
        line.extend(self.follow(LEDGER, own, Way::Ahead).await?);
        Ok(line.into_iter().map(evm).collect())
    }

    /// The node's first anchor with a leaf, in this deployment's ledger, or, where that has none yet, in the newest before it that has one: the log
    /// may not have grown since.
    pub async fn covering_in_line(
        &self,
        node: NodeAddress,
        leaf: LeafIndex,
    ) -> Result<Option<Covering>, ChainError> {
        let own = self.deployment.ledger;
        if let Some(found) = self.covering_at(own, node, leaf).await? {
            return Ok(Some(found));
        }
        for ledger in self.follow(LEDGER, own, Way::Back).await? {
            if let Some(found) = self.covering_at(ledger, node, leaf).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The ledger of the line that holds this tree as an anchor of the node.
    pub async fn anchored_in_line(
        &self,
        node: NodeAddress,
        size: TreeSize,
        root: Digest,
    ) -> Result<Option<EvmAddress>, ChainError> {
        for ledger in self.ledgers().await? {
            let held = self.with_ledger(address(ledger));
            if held.anchor_number(node, size, root).await?.is_some() {
                return Ok(Some(ledger));
            }
        }
        Ok(None)
    }

    /// Whether an account acts or acted for the node in this deployment's node registry or one before it, and when it was replaced: as the contract
    /// `Challenge` sees it, where registering the node in a later registry replaces the operator that an earlier one has.
    pub async fn operator_term_in_line(
        &self,
        operator: EvmAddress,
        node: NodeAddress,
    ) -> Result<Option<Option<Timestamp>>, ChainError> {
        let own = self.deployment.nodes;
        let mut line = vec![own];
        line.extend(self.follow(NODES, own, Way::Back).await?);
        let mut replaced = None;
        for registry in line {
            let call = NodeRegistry::operatorTermCall {
                operator: address(operator),
            };
            let term = self.client.view(NODES, registry, &call).await?;
            if term.node == address(node) {
                return Ok(Some(match term.until {
                    0 => replaced,
                    until => Some(timestamp(until)),
                }));
            }
            let call = NodeRegistry::registeredAtCall { node: address(node) };
            let registered = self.client.view(NODES, registry, &call).await?;
            if registered != 0 {
                replaced = Some(timestamp(registered));
            }
        }
        Ok(None)
    }

    /// The claim about a leaf in this deployment's `Challenge`, else in one before it, with the contract that has it.
    pub async fn omission_in_line(
        &self,
        leaf_hash: Digest,
    ) -> Result<Option<(EvmAddress, Omission)>, ChainError> {
        let here = |governance: &Self| evm(governance.deployment.challenge);
        if let Some(claim) = self.omission(leaf_hash).await? {
            return Ok(Some((here(self), claim)));
        }
        for earlier in self.earlier_challenges().await? {
            if let Some(claim) = earlier.omission(leaf_hash).await? {
                return Ok(Some((here(&earlier), claim)));
            }
        }
        Ok(None)
    }

    async fn covering_at(
        &self,
        ledger: Address,
        node: NodeAddress,
        leaf: LeafIndex,
    ) -> Result<Option<Covering>, ChainError> {
        let found = self.with_ledger(ledger).covering(node, leaf).await?;
        Ok(found.map(|(anchor, size)| Covering {
            ledger: evm(ledger),
            anchor,
            size,
        }))
    }

    fn with_ledger(&self, ledger: Address) -> Self {
        let mut other = self.clone();
        other.deployment.ledger = ledger;
        other
    }

    /// Whether the code at this deployment's `Challenge` is one that this version knows: a line may lead to any.
    pub async fn challenge_is_known(&self) -> Result<bool, ChainError> {
        let code = self.client.code(self.deployment.challenge).await?;
        Ok(Artifact::challenge()?.matches(&code))
    }

    /// The contracts before or after one, in the order in which they are met, each once. After one: as far as each names the one before it.
    async fn follow(
        &self,
        contract: &'static str,
        from: Address,
        way: Way,
    ) -> Result<Vec<Address>, ChainError> {
        let (mut line, mut at) = (Vec::new(), from);
        while line.len() < LONGEST {
            // All of them inherit `Governed`.
            at = match way {
                Way::Back => {
                    let call = NodeRegistry::predecessorCall {};
                    self.client.view(contract, at, &call).await?
                }
                Way::Ahead => {
                    let call = NodeRegistry::successorCall {};
                    match self.client.view(contract, at, &call).await {
                        // One of another kind, which need not know what replaces it: as far as anybody can tell, nothing does.
                        Err(ChainError::Reverted(_) | ChainError::BadAnswer { .. }) if at != from => break,
                        next => next?,
                    }
                }
            };
            if at.is_zero() || at == from || line.contains(&at) {
                break;
            }
            if matches!(way, Way::Ahead) {
                let call = NodeRegistry::predecessorCall {};
                let before = line.last().copied().unwrap_or(from);
                // Ours name their successor only if it names them. Whatever does not is of no line.
                if self.client.view(contract, at, &call).await? != before {
                    break;
                }
            }
            line.push(at);
        }
        Ok(line)
    }
}
