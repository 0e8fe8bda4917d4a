//! Omissions: holding a node to the receipts it signed.

use std::time::Duration;

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol_types::SolEvent as _;
use serde::Serialize;
use stele_types::{
    DecisionId, Digest, EvmAddress, Gas, LeafIndex, NodeAddress, Receipt as Promised, Timestamp, Uuid,
};
use tokio::task::JoinSet;

use super::connection::ChainClient;
use super::governance::{CHALLENGE, Governance, NODES};
use super::keys::Account;
use super::nodes::address;
use super::send::{Call, Receipt};
use super::{PAGE, timestamp};
use crate::contracts::abi::challenge::{Challenge as Abi, Omission as Types};
use crate::contracts::abi::nodes::NodeRegistry;
use crate::error::ChainError;

/// What claims of omission are subject to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OmissionTerms {
    /// A node's promise counts at most so long; whole seconds.
    pub max_merge_delay: Duration,
    /// How long a node has to answer a claim; whole seconds.
    pub window: Duration,
    /// How long receipts of an operator count after it was replaced; whole seconds. At least [`Self::least_grace`].
    pub grace: Duration,
    /// Wei that a claim takes. They go to whoever answers, or back when nobody does.
    pub deposit: u128,
}

impl Default for OmissionTerms {
    /// An hour to merge, an hour to answer, 30 days for replaced operators, and no deposit: right where gas is free. Elsewhere
    /// [`ChainClient::suggested_deposit`] says what an answer costs.
    fn default() -> Self {
        Self {
            max_merge_delay: Duration::from_secs(3_600),
            window: Duration::from_secs(3_600),
            grace: Duration::from_secs(30 * 86_400),
            deposit: 0,
        }
    }
}

impl OmissionTerms {
    /// The shortest grace that the contract takes beside these terms: an operator's last promise may be dated `tolerance` ahead, fall due the
    /// longest delay after that, and is then claimed within the window.
    #[must_use]
    pub const fn least_grace(&self, tolerance: Duration) -> Duration {
        tolerance
            .saturating_add(self.max_merge_delay)
            .saturating_add(self.window)
    }

    pub(super) fn on_chain(&self) -> Types::OmissionTerms {
        Types::OmissionTerms {
            maxMergeDelay: self.max_merge_delay.as_secs(),
            window: self.window.as_secs(),
            grace: self.grace.as_secs(),
            deposit: self.deposit,
        }
    }
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OmissionStatus {
    /// The node may answer.
    Open,
    /// The decision was shown to be in the log.
    Answered,
    /// It was not, and the node was suspended.
    Omitted,
}

/// A claim that a decision is not in its node's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Omission {
    /// The decision's leaf hash.
    pub leaf_hash: Digest,
    /// The decision.
    pub decision_id: DecisionId,
    /// The node.
    pub node: NodeAddress,
    /// What became of it.
    pub status: OmissionStatus,
    /// Until when the node must answer.
    pub deadline: Timestamp,
    /// Who claimed.
    pub claimant: EvmAddress,
    /// Wei that the claim took.
    pub deposit: u128,
}

/// A transaction about a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OmissionMove {
    /// The transaction.
    pub transaction: B256,
    /// What it cost.
    pub gas_used: Gas,
}

impl From<&Receipt> for OmissionMove {
    fn from(receipt: &Receipt) -> Self {
        Self {
            transaction: receipt.transaction,
            gas_used: receipt.gas_used,
        }
    }
}

/// What an answer uses, with a proof of 40 hashes; measured by the test `receipts_and_answers_stay_affordable`.
const ANSWER_GAS: u128 = 150_000;
/// How many times the present price of gas a deposit should cover.
const DEPOSIT_FACTOR: u128 = 10;
/// Claims that are read at the same time.
const AT_ONCE: usize = 32;

impl ChainClient {
    /// Wei that a claim of omission should take on this chain: ten times what an answer costs at the present price of gas, so that the answerer is
    /// paid when gas gets dearer, and claims without a reason cost more than they harm. Zero where gas is free.
    pub async fn suggested_deposit(&self) -> Result<u128, ChainError> {
        let price = self.gas_price().await?;
        Ok(price.saturating_mul(ANSWER_GAS.saturating_mul(DEPOSIT_FACTOR)))
    }
}

impl Governance {
    /// The terms of claims.
    pub async fn omission_terms(&self) -> Result<OmissionTerms, ChainError> {
        let terms = self.view_omissions(&Abi::omissionTermsCall {}).await?;
        Ok(OmissionTerms {
            max_merge_delay: Duration::from_secs(terms.maxMergeDelay),
            window: Duration::from_secs(terms.window),
            grace: Duration::from_secs(terms.grace),
            deposit: terms.deposit,
        })
    }

    /// Changes the terms of later claims. Signed by an admin.
    pub async fn set_omission_terms(
        &self,
        admin: &Account,
        terms: &OmissionTerms,
    ) -> Result<Receipt, ChainError> {
        let call = Abi::setOmissionTermsCall {
            terms_: terms.on_chain(),
        };
        self.transact(admin, CHALLENGE, self.deployment.challenge, &call)
            .await
    }

    /// Claims that a decision is not in its node's log though its receipt is due. Takes the deposit of the terms in force.
    pub async fn claim_omission(
        &self,
        claimant: &Account,
        receipt: &Promised,
    ) -> Result<OmissionMove, ChainError> {
        let deposit = self.omission_terms().await?.deposit;
        let call = Abi::claimOmissionCall {
            receipt: on_chain(receipt),
        };
        let sent = self.send_valued(claimant, &call, U256::from(deposit)).await?;
        Ok(OmissionMove::from(&sent))
    }

    /// Shows that a claimed decision is in its node's log: at `index` of the tree of the node's anchor with number `anchor` in this
    /// deployment's ledger. Whoever does earns the deposit.
    pub async fn answer_omission(
        &self,
        answerer: &Account,
        leaf_hash: Digest,
        place: (u64, LeafIndex),
        inclusion: &[Digest],
    ) -> Result<OmissionMove, ChainError> {
        let ledger = NodeAddress(self.deployment.ledger.into_array());
        self.answer_omission_from(answerer, leaf_hash, ledger, place, inclusion)
            .await
    }

    /// The same with an anchor in a ledger before this deployment's, or after it.
    pub async fn answer_omission_from(
        &self,
        answerer: &Account,
        leaf_hash: Digest,
        ledger: EvmAddress,
        (anchor, index): (u64, LeafIndex),
        inclusion: &[Digest],
    ) -> Result<OmissionMove, ChainError> {
        let call = Abi::answerOmissionCall {
            leafHash: B256::from(leaf_hash.0),
            anchors: address(ledger),
            index: index.get(),
            anchor: U256::from(anchor),
            inclusion: inclusion.iter().map(|hash| B256::from(hash.0)).collect(),
        };
        let sent = self
            .transact(answerer, CHALLENGE, self.deployment.challenge, &call)
            .await?;
        Ok(OmissionMove::from(&sent))
    }

    /// Ends a claim that was not answered in time. True: the node was suspended; false: it was not active, and the claim was dropped.
    pub async fn settle_omission(
        &self,
        settler: &Account,
        receipt: &Promised,
    ) -> Result<(bool, OmissionMove), ChainError> {
        let call = Abi::settleOmissionCall {
            receipt: on_chain(receipt),
        };
        let sent = self
            .transact(settler, CHALLENGE, self.deployment.challenge, &call)
            .await?;
        let omitted = sent
            .logs
            .iter()
            .any(|log| Abi::Omitted::decode_log(&log.inner).is_ok());
        Ok((omitted, OmissionMove::from(&sent)))
    }

    /// The claim about a leaf, if there is one.
    pub async fn omission(&self, leaf_hash: Digest) -> Result<Option<Omission>, ChainError> {
        let call = Abi::omissionOfCall {
            leafHash: B256::from(leaf_hash.0),
        };
        let claimed = self.view_omissions(&call).await?;
        let status = match claimed.status {
            1 => OmissionStatus::Open,
            2 => OmissionStatus::Answered,
            3 => OmissionStatus::Omitted,
            _ => return Ok(None),
        };
        Ok(Some(Omission {
            leaf_hash,
            decision_id: DecisionId(Uuid::from_u128(claimed.decisionId)),
            node: NodeAddress(claimed.node.into_array()),
            status,
            deadline: timestamp(claimed.deadline),
            claimant: NodeAddress(claimed.claimant.into_array()),
            deposit: claimed.deposit,
        }))
    }

    /// The open claims against a node, in no order. Those that could be read: an error only if none could, since the others must be answered
    /// all the same.
    pub async fn open_omissions(&self, node: NodeAddress) -> Result<Vec<Omission>, ChainError> {
        let mut open = Vec::new();
        match self.list_omissions(node, &mut open).await {
            Err(error) if open.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, read = open.len(), "not all open claims of omission could be read");
            }
            Ok(()) => {}
        }
        Ok(open)
    }

    /// Adds the open claims against a node, and goes on after a claim that can't be read; the first error.
    async fn list_omissions(&self, node: NodeAddress, open: &mut Vec<Omission>) -> Result<(), ChainError> {
        let mut problem = Ok(());
        let mut offset = 0_usize;
        loop {
            let call = Abi::openOmissionsCall {
                node: address(node),
                offset: U256::from(offset),
                limit: U256::from(PAGE),
            };
            let page = self.view_omissions(&call).await?;
            for some in page.chunks(AT_ONCE) {
                let mut reads = JoinSet::new();
                for hash in some {
                    let (governance, hash) = (self.clone(), Digest(hash.0));
                    reads.spawn(async move { governance.omission(hash).await });
                }
                for claim in reads.join_all().await {
                    match claim {
                        // One that was closed since the page was read is no longer open.
                        Ok(claim) => open.extend(claim.filter(|claim| claim.status == OmissionStatus::Open)),
                        Err(error) => problem = problem.and(Err(error)),
                    }
                }
            }
            if page.len() < PAGE {
                return problem;
            }
            offset = offset.saturating_add(page.len());
        }
    }

    /// The node that an account acts or acted for, and when it was replaced.
    pub async fn operator_term(
        &self,
        operator: EvmAddress,
    ) -> Result<Option<(NodeAddress, Option<Timestamp>)>, ChainError> {
        let call = NodeRegistry::operatorTermCall {
            operator: address(operator),
        };
        let term = self.client.view(NODES, self.deployment.nodes, &call).await?;
        let until = (term.until != 0).then(|| timestamp(term.until));
        Ok((!term.node.is_zero()).then(|| (NodeAddress(term.node.into_array()), until)))
    }

    async fn view_omissions<C: alloy::sol_types::SolCall>(&self, call: &C) -> Result<C::Return, ChainError> {
        self.client.view(CHALLENGE, self.deployment.challenge, call).await
    }

    async fn send_valued<C: alloy::sol_types::SolCall>(
        &self,
        account: &Account,
        call: &C,
        value: U256,
    ) -> Result<Receipt, ChainError> {
        let call = Call {
            contract: CHALLENGE.to_owned(),
            to: Some(self.deployment.challenge),
            data: call.abi_encode().into(),
        };
        self.client.send_value(account, &call, value).await
    }
}

/// A receipt in the contract's own type.
fn on_chain(receipt: &Promised) -> Types::Receipt {
    Types::Receipt {
        chainId: U256::from(receipt.chain_id.get()),
        ledger: address(receipt.ledger),
        issuedAt: receipt.issued_at,
        mergeDelay: receipt.merge_delay,
        size: receipt.batch.size.get(),
        index: receipt.batch.index.get(),
        path: receipt.batch.path.iter().map(|hash| B256::from(hash.0)).collect(),
        signature: Bytes::copy_from_slice(&receipt.signature.0),
        leaf: Bytes::copy_from_slice(&receipt.leaf.to_bytes()),
    }
}
