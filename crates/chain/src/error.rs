//! What can go wrong between Stele and a chain.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use stele_types::{BlockNumber, ChainId, NodeAddress, PolicyId};

use crate::client::KeyError;
use crate::contracts::{ArtifactError, Revert};

/// An error of the chain client. The message says what happened and, where something can be done about it, what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The endpoint is not a URL the client can use.
    #[error("{endpoint:?} is not a chain endpoint: {reason}; give a URL such as http://127.0.0.1:8545")]
    BadEndpoint {
        /// As given.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
    /// The node did not answer, after all retries.
    #[error("the chain at {endpoint} can't be reached ({operation}, {attempts} attempts): {reason}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// The JSON-RPC method or what it was for.
        operation: &'static str,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// The node answered with an error that is not a revert.
    #[error("the chain at {endpoint} refused {operation}: {message} (code {code})")]
    Rpc {
        /// The endpoint.
        endpoint: String,
        /// The JSON-RPC method or what it was for.
        operation: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The node's message.
        message: String,
    },
    /// The node's answer makes no sense.
    #[error("the chain at {endpoint} answered {operation} with something unusable: {reason}")]
    BadAnswer {
        /// The endpoint.
        endpoint: String,
        /// The JSON-RPC method or what it was for.
        operation: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint serves another chain than the one expected.
    #[error(
        "{endpoint} serves chain {actual}, but chain {expected} is expected; point the client at the right node, or use \
         another data directory for this chain"
    )]
    WrongChain {
        /// The endpoint.
        endpoint: String,
        /// What the caller expects.
        expected: ChainId,
        /// What the node serves.
        actual: ChainId,
    },
    /// The chain runs an older hard fork than contracts are compiled for.
    #[error(
        "the chain at {endpoint} does not execute what Stele's contracts are made of: {reason}; it must run the hard fork Cancun (March 2024) \
         or a later one, with the instructions PUSH0 and MCOPY and the SHA-256 precompile"
    )]
    OldHardFork {
        /// The endpoint.
        endpoint: String,
        /// What the probe came to.
        reason: String,
    },
    /// A contract refused the call or the transaction.
    #[error("{0}")]
    Reverted(Box<Revert>),
    /// The account can't pay for its transaction.
    #[error(
        "account {account} can't pay for the transaction: {message}; send it some of the chain's currency"
    )]
    InsufficientFunds {
        /// The sender.
        account: Address,
        /// The node's message.
        message: String,
    },
    /// The transaction was sent, but not confirmed in time. It may still be.
    #[error(
        "transaction {transaction} was not confirmed within {waited:?} ({replacements} replacements with higher fees); it may \
         still be included"
    )]
    NotConfirmed {
        /// The last hash it was sent under.
        transaction: B256,
        /// How long the client waited.
        waited: Duration,
        /// How often it was replaced.
        replacements: u32,
    },
    /// Another transaction of the same account was included with the nonce, and so it went each time ours was sent again.
    #[error(
        "transaction {transaction} of {account} was overtaken by another one with nonce {nonce}: does another process use this \
         key?"
    )]
    NonceTaken {
        /// Our transaction.
        transaction: B256,
        /// The sender.
        account: Address,
        /// The nonce.
        nonce: u64,
    },
    /// The node accepts no nonce the client tries.
    #[error(
        "the node at {endpoint} rejects the nonces of {account}: {message}; does another process use this key?"
    )]
    NonceUnsettled {
        /// The endpoint.
        endpoint: String,
        /// The sender.
        account: Address,
        /// The node's last message.
        message: String,
    },
    /// There is no code, or other code, where a governance contract should be.
    #[error(
        "the code at {address} on chain {chain_id} is not the {contract} of this version of Stele; check the deployment's \
         addresses and the endpoint"
    )]
    NotOurContract {
        /// The contract expected there.
        contract: String,
        /// Where.
        address: Address,
        /// On which chain.
        chain_id: ChainId,
    },
    /// A creation transaction left no contract.
    #[error(
        "transaction {transaction} should have created {contract}, but there is no contract address in its receipt"
    )]
    NotCreated {
        /// What it should have created.
        contract: String,
        /// The transaction.
        transaction: B256,
    },
    /// A contract `Challenge` would tolerate less than the one that it replaces.
    #[error(
        "nothing was deployed: the new contract Challenge would tolerate dates that fall by {given} s, and the one that it replaces, at {contract}, tolerates {least} s. \
         Nodes whose logs keep to the old tolerance would be convicted by the new one; deploy with a tolerance (`challenge_tolerance`) of at least {least} s, or without a \
         predecessor, for new nodes with empty logs"
    )]
    ToleranceLowered {
        /// The contract to be replaced.
        contract: Address,
        /// The tolerance asked for, in seconds.
        given: u64,
        /// The one in force, in seconds.
        least: u64,
    },
    /// The policy's version has no proposal.
    #[error("policy {policy} has no proposal of version {version}")]
    NoProposal {
        /// The policy.
        policy: PolicyId,
        /// The version (bundle digest).
        version: stele_types::PolicyVersion,
    },
    /// The policy has no active version.
    #[error("policy {policy} has no active version")]
    NothingActive {
        /// The policy.
        policy: PolicyId,
    },
    /// The account does not act for any registered node.
    #[error("account {operator} acts for no registered node; an admin has to register it first")]
    NotANode {
        /// The account.
        operator: Address,
    },
    /// The anchor is on the chain but its event is not.
    #[error("the chain has an anchor of node {node} in block {block}, but not the event that belongs to it")]
    EventMissing {
        /// The node.
        node: NodeAddress,
        /// Where the event should be.
        block: BlockNumber,
    },
    /// A challenge's transaction went through, but its event is not there.
    #[error(
        "the challenge's transaction {transaction} settled nothing: it has no event of the contract Challenge"
    )]
    NotSettled {
        /// The transaction.
        transaction: B256,
    },
    /// What stands on the chain can't be used.
    #[error("the {contract} at {address} holds something unusable: {reason}")]
    BadState {
        /// The contract.
        contract: &'static str,
        /// Where.
        address: Address,
        /// What is wrong.
        reason: String,
    },
    /// A signing key can't be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing failed.
    #[error("can't sign as {account}: {reason}")]
    Signing {
        /// The signer.
        account: Address,
        /// Why.
        reason: String,
    },
    /// This build is broken.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

impl ChainError {
    /// The decoded revert, when a contract refused.
    pub fn revert(&self) -> Option<&Revert> {
        match self {
            Self::Reverted(revert) => Some(revert),
            _ => None,
        }
    }

    /// Whether a contract refused with the custom error of this name.
    pub fn is_revert(&self, error: &str) -> bool {
        self.revert().is_some_and(|revert| revert.error == error)
    }

    /// Whether it may help to try again later without changing anything: the node is away or slow.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::NotConfirmed { .. } | Self::NonceUnsettled { .. }
        )
    }
}
