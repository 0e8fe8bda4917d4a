//! The node registry.

use alloy::primitives::{Address, B256};
use serde::Serialize;
use stele_types::{BlockNumber, NodeAddress, Timestamp};

use super::governance::Governance;
use super::keys::Account;
use super::send::Receipt;
use super::{PAGE, timestamp};
use crate::contracts::abi::nodes::NodeRegistry as Abi;
use crate::error::ChainError;

/// What it takes to register a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRegistration {
    /// The address that names the node for good, and its first operator: the account that sends its anchors.
    pub node: NodeAddress,
    /// The Ed25519 public key that its checkpoints are signed with.
    pub log_key: [u8; 32],
    /// The origin line of its checkpoints, which is the name of its key.
    pub name: String,
    /// Where it serves; may be empty.
    pub uri: String,
}

/// Whether a node may anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeStatus {
    /// It may.
    Active,
    /// It was suspended.
    Suspended,
}

/// A registered node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeInfo {
    /// The address that names it.
    pub node: NodeAddress,
    /// Whether it may anchor.
    pub status: NodeStatus,
    /// The account that sends its transactions now.
    pub operator: Address,
    /// The origin of its checkpoints.
    pub name: String,
    /// Where it serves.
    pub uri: String,
    /// When it was registered.
    pub registered: (BlockNumber, Timestamp),
}

/// One of a node's log keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    /// The Ed25519 public key.
    pub key: [u8; 32],
    /// When it came into force, until the next one did.
    pub from: (BlockNumber, Timestamp),
}

impl Governance {
    /// Registers a node. Signed by an admin.
    pub async fn register_node(
        &self,
        admin: &Account,
        registration: &NodeRegistration,
    ) -> Result<Receipt, ChainError> {
        let call = Abi::registerCall {
            node: address(registration.node),
            key: B256::from(registration.log_key),
            name: registration.name.clone(),
            uri: registration.uri.clone(),
        };
        self.send_nodes(admin, &call).await
    }

    /// Suspends a node. Signed by a suspender.
    pub async fn suspend_node(
        &self,
        suspender: &Account,
        node: NodeAddress,
        reason: &str,
    ) -> Result<Receipt, ChainError> {
        let call = Abi::suspendCall {
            node: address(node),
            reason: reason.to_owned(),
        };
        self.send_nodes(suspender, &call).await
    }

    /// Reinstates a suspended node. Signed by an admin.
    pub async fn reinstate_node(&self, admin: &Account, node: NodeAddress) -> Result<Receipt, ChainError> {
        self.send_nodes(admin, &Abi::reinstateCall { node: address(node) })
            .await
    }

    /// Replaces a node's log key. Signed by its operator or an admin.
    pub async fn rotate_log_key(
        &self,
        signer: &Account,
        node: NodeAddress,
        key: [u8; 32],
    ) -> Result<Receipt, ChainError> {
        let call = Abi::rotateKeyCall {
            node: address(node),
            key: B256::from(key),
        };
        self.send_nodes(signer, &call).await
    }

    /// Replaces the account that acts for a node. Signed by its operator or an admin.
    pub async fn rotate_operator(
        &self,
        signer: &Account,
        node: NodeAddress,
        operator: Address,
    ) -> Result<Receipt, ChainError> {
        self.send_nodes(
            signer,
            &Abi::rotateOperatorCall {
                node: address(node),
                operator,
            },
        )
        .await
    }

    /// Whether the node is registered and not suspended.
    pub async fn is_active_node(&self, node: NodeAddress) -> Result<bool, ChainError> {
        self.view_nodes(&Abi::isActiveCall { node: address(node) }).await
    }

    /// The node that an account acts for.
    pub async fn node_of(&self, operator: Address) -> Result<Option<NodeAddress>, ChainError> {
        let found = self.view_nodes(&Abi::nodeOfCall { operator }).await?;
        Ok((!found.node.is_zero()).then_some(NodeAddress(found.node.into_array())))
    }

    /// A node's entry, if it is registered.
    pub async fn node(&self, node: NodeAddress) -> Result<Option<NodeInfo>, ChainError> {
        let entry = self
            .view_nodes(&Abi::nodeInfoCall { node: address(node) })
            .await?;
        let status = match entry.status {
            0 => return Ok(None),
            1 => NodeStatus::Active,
            2 => NodeStatus::Suspended,
            other => {
                return Err(ChainError::BadState {
                    contract: super::governance::NODES,
                    address: self.deployment.nodes,
                    reason: format!("node {node} has the unknown status {other}"),
                });
            }
        };
        Ok(Some(NodeInfo {
            node,
            status,
            operator: entry.operator,
            name: entry.name,
            uri: entry.uri,
            registered: (
                BlockNumber::new(entry.registeredBlock),
                timestamp(entry.registeredAt),
            ),
        }))
    }

    /// All registered nodes, in order of registration.
    pub async fn nodes(&self) -> Result<Vec<NodeInfo>, ChainError> {
        let mut nodes = Vec::new();
        loop {
            let call = Abi::nodeListCall {
                offset: alloy::primitives::U256::from(nodes.len()),
                limit: alloy::primitives::U256::from(PAGE),
            };
            let page = self.view_nodes(&call).await?;
            let last = page.len() < PAGE;
            for address in page {
                nodes.extend(self.node(NodeAddress(address.into_array())).await?);
            }
            if last {
                return Ok(nodes);
            }
        }
    }

    /// A node's log keys, oldest first; the last one is in force.
    pub async fn log_keys(&self, node: NodeAddress) -> Result<Vec<LogKey>, ChainError> {
        let keys = self.view_nodes(&Abi::keysOfCall { node: address(node) }).await?;
        let convert = |key: Abi::LogKey| LogKey {
            key: key.key.0,
            from: (BlockNumber::new(key.fromBlock), timestamp(key.fromTime)),
        };
        Ok(keys.into_iter().map(convert).collect())
    }
}

pub(super) fn address(node: NodeAddress) -> Address {
    Address::from(node.0)
}
