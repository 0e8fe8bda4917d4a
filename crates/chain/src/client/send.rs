//! Transactions: nonces, fees, signing, waiting, replacing what is stuck.

use std::time::Duration;

use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder as _, TransactionBuilder as _};
use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::providers::Provider as _;
use alloy::rpc::types::{BlockNumberOrTag, Log, TransactionReceipt, TransactionRequest};
use stele_types::{BlockNumber, Gas};
use tokio::time::Instant;

use super::connection::ChainClient;
use super::keys::Account;
use crate::contracts::Revert;
use crate::error::ChainError;

/// What a transaction does.
#[derive(Debug, Clone)]
pub struct Call {
    /// The contract's name, for messages.
    pub contract: String,
    /// The contract, or `None` to create one.
    pub to: Option<Address>,
    /// Call data, or creation code.
    pub data: Bytes,
}

/// A transaction that succeeded and has its confirmations.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The transaction's hash.
    pub transaction: B256,
    /// The block that includes it.
    pub block: BlockNumber,
    /// The hash of that block.
    pub block_hash: B256,
    /// Gas it used.
    pub gas_used: Gas,
    /// The contract it created, if it did.
    pub created: Option<Address>,
    /// The events it emitted.
    pub logs: Vec<Log>,
}

/// How many nonces are tried before giving up.
const NONCE_ATTEMPTS: u32 = 5;
/// First pause between two looks for a receipt; doubles up to the configured interval.
const FIRST_POLL: Duration = Duration::from_millis(5);

/// What a transaction offers for gas, in wei per unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fees {
    Legacy { price: u128 },
    Dynamic { max: u128, tip: u128 },
}

impl Fees {
    /// Room for the base fee to double, and a tip of one gwei.
    const fn without_history(base: u128) -> Self {
        const TIP: u128 = 1_000_000_000;
        Self::Dynamic {
            max: base.saturating_mul(2).saturating_add(TIP),
            tip: TIP,
        }
    }

    /// At least an eighth more than before, which is what nodes ask of a replacement (geth: 10 %). Where gas is free it
    /// stays free: there the transaction is only handed in again.
    fn bumped(self) -> Self {
        if matches!(self, Self::Legacy { price: 0 } | Self::Dynamic { max: 0, .. }) {
            return self;
        }
        let more = |fee: u128| fee.saturating_add(fee.div_ceil(8)).saturating_add(1);
        match self {
            Self::Legacy { price } => Self::Legacy { price: more(price) },
            Self::Dynamic { max, tip } => Self::Dynamic {
                max: more(max),
                tip: more(tip),
            },
        }
    }

    /// The greater of each part.
    fn at_least(self, floor: Self) -> Self {
        match (self, floor) {
            (Self::Legacy { price }, Self::Legacy { price: least }) => Self::Legacy {
                price: price.max(least),
            },
            (
                Self::Dynamic { max, tip },
                Self::Dynamic {
                    max: least,
                    tip: least_tip,
                },
            ) => Self::Dynamic {
                max: max.max(least),
                tip: tip.max(least_tip),
            },
            _ => floor,
        }
    }

    fn capped(self, cap: Option<u128>) -> Self {
        let Some(cap) = cap else { return self };
        match self {
            Self::Legacy { price } => Self::Legacy {
                price: price.min(cap),
            },
            Self::Dynamic { max, tip } => Self::Dynamic {
                max: max.min(cap),
                tip: tip.min(cap),
            },
        }
    }

    fn apply(self, request: TransactionRequest) -> TransactionRequest {
        match self {
            Self::Legacy { price } => request.with_gas_price(price),
            Self::Dynamic { max, tip } => request
                .with_max_fee_per_gas(max)
                .with_max_priority_fee_per_gas(tip),
        }
    }
}

/// A transaction under way, with all hashes it was sent under.
struct Pending {
    request: TransactionRequest,
    nonce: u64,
    fees: Fees,
    hashes: Vec<B256>,
    replacements: u32,
    /// Seen once that another transaction has taken the nonce.
    overtaken: bool,
}

/// What a node makes of a transaction handed in.
enum Submission {
    Accepted,
    StaleNonce(String),
    Underpriced(String),
}

impl ChainClient {
    /// Sends a transaction and waits until it has its confirmations. A revert is an error, found before sending
    /// whenever possible. Calls of one account may run at the same time: their nonces are handed out in turn.
    ///
    /// Another process with the same key may take a transaction's nonce, even after the node accepted ours: a pool keeps
    /// the better paid of two. Ours can't be included any more then, so it is sent again with another nonce; the call is
    /// tried against the state of that moment first, so what the other process already did is refused as a revert.
    ///
    /// When this fails with [`ChainError::NotConfirmed`] or [`ChainError::Unreachable`] the transaction may still be
    /// included later: look at the contract before sending it again.
    pub async fn send(&self, account: &Account, call: &Call) -> Result<Receipt, ChainError> {
        self.send_value(account, call, U256::ZERO).await
    }

    /// [`Self::send`] with wei that go with the call.
    pub async fn send_value(&self, account: &Account, call: &Call, wei: U256) -> Result<Receipt, ChainError> {
        for _ in 1..NONCE_ATTEMPTS {
            match self.send_once(account, call, wei).await {
                Err(ChainError::NonceTaken { nonce, .. }) => {
                    tracing::info!(account = %account.address(), nonce, "another process took the nonce: sending again");
                }
                result => return result,
            }
        }
        self.send_once(account, call, wei).await
    }

    async fn send_once(&self, account: &Account, call: &Call, wei: U256) -> Result<Receipt, ChainError> {
        let mut request = request(account, call).with_value(wei);
        request.set_chain_id(self.chain_id().get());
        let gas = self
            .retry_for(&call.contract, "eth_estimateGas", || async {
                // At the pending block, because that has the present time: time locks depend on it.
                self.provider.estimate_gas(request.clone()).pending().await
            })
            .await
            .map_err(|error| funds_error(account.address(), error))?;
        // A quarter more: state may change before inclusion (a longer list, a colder slot).
        request.set_gas_limit(gas.saturating_add(gas.div_ceil(4)));
        let fees = self.fees().await?.capped(self.options.max_fee_per_gas);
        let pending = self.submit(account, request, fees).await?;
        tracing::debug!(contract = call.contract, transaction = ?pending.hashes.last(), nonce = pending.nonce, "sent");
        self.wait(account, call, pending).await
    }

    /// The most that a unit of gas would be paid now; zero on a chain whose gas is free.
    pub(super) async fn gas_price(&self) -> Result<u128, ChainError> {
        Ok(match self.fees().await? {
            Fees::Legacy { price } => price,
            Fees::Dynamic { max, .. } => max,
        })
    }

    /// What to offer: nothing on a chain whose gas is free, the node's estimate elsewhere.
    async fn fees(&self) -> Result<Fees, ChainError> {
        let latest = BlockNumberOrTag::Latest;
        let block = self
            .retry("eth_getBlockByNumber", || async {
                self.provider.get_block_by_number(latest).await
            })
            .await?;
        match block.and_then(|block| block.header.base_fee_per_gas) {
            // A chain without EIP-1559.
            None => {
                let price = self
                    .retry("eth_gasPrice", || async { self.provider.get_gas_price().await })
                    .await?;
                Ok(Fees::Legacy { price })
            }
            // Accounts need not own anything there, so even one wei would be too much. Under the rules of EIP-1559 a
            // base fee above zero never falls to zero: it is a chain made so.
            Some(0) => Ok(Fees::Dynamic { max: 0, tip: 0 }),
            Some(base) => {
                let estimate = self
                    .retry("eth_feeHistory", || async {
                        self.provider.estimate_eip1559_fees().await
                    })
                    .await;
                match estimate {
                    Ok(fees) => Ok(Fees::Dynamic {
                        max: fees.max_fee_per_gas,
                        tip: fees.max_priority_fee_per_gas,
                    }),
                    // A node without fee history.
                    Err(ChainError::Rpc { .. }) => Ok(Fees::without_history(u128::from(base))),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Signs with the next nonce and hands the transaction in.
    async fn submit(
        &self,
        account: &Account,
        request: TransactionRequest,
        fees: Fees,
    ) -> Result<Pending, ChainError> {
        let slot = self.nonce_slot(account.address());
        let mut next = slot.lock().await;
        let mut message = String::new();
        for _ in 0..NONCE_ATTEMPTS {
            let nonce = match *next {
                Some(nonce) => nonce,
                None => {
                    self.transaction_count_at(account.address(), BlockNumberOrTag::Pending)
                        .await?
                }
            };
            // Until the node has taken it, the next nonce is not known: an error must not leave a gap.
            *next = None;
            let signed = sign(account, &request, nonce, fees).await?;
            match self.hand_in(account, &signed).await? {
                Submission::Accepted => {
                    *next = nonce.checked_add(1);
                    let hashes = vec![*signed.tx_hash()];
                    return Ok(Pending {
                        request,
                        nonce,
                        fees,
                        hashes,
                        replacements: 0,
                        overtaken: false,
                    });
                }
                // Another process uses the key, or our own count was stale: ask the node again.
                Submission::StaleNonce(text) | Submission::Underpriced(text) => message = text,
            }
            tokio::time::sleep(self.options.backoff).await;
        }
        let endpoint = self.endpoint().to_owned();
        Err(ChainError::NonceUnsettled {
            endpoint,
            account: account.address(),
            message,
        })
    }

    /// `eth_sendRawTransaction`. Repeating it with the same bytes is harmless: the node knows them by their hash.
    async fn hand_in(&self, account: &Account, signed: &TxEnvelope) -> Result<Submission, ChainError> {
        let raw = signed.encoded_2718();
        let sent = self
            .retry("eth_sendRawTransaction", || async {
                self.provider.send_raw_transaction(&raw).await.map(drop)
            })
            .await;
        let error = match sent {
            Ok(()) => return Ok(Submission::Accepted),
            Err(error) => error,
        };
        let ChainError::Rpc { message, .. } = &error else {
            return Err(error);
        };
        let text = message.to_ascii_lowercase();
        // The wording of geth, anvil, Besu and Nethermind.
        if text.contains("already known")
            || text.contains("already imported")
            || text.contains("known transaction")
        {
            return Ok(Submission::Accepted);
        }
        if text.contains("nonce too low") || text.contains("nonce below") || text.contains("oldnonce") {
            // A retry of ours may have been included already: then it is ours, and known.
            if self.receipt(*signed.tx_hash()).await?.is_some() {
                return Ok(Submission::Accepted);
            }
            return Ok(Submission::StaleNonce(message.clone()));
        }
        // A node that keeps no queue refuses what comes early: our count ran ahead of its own.
        if text.contains("nonce too high") || text.contains("nonce gap") {
            return Ok(Submission::StaleNonce(message.clone()));
        }
        if text.contains("underpriced") {
            return Ok(Submission::Underpriced(message.clone()));
        }
        Err(funds_error(account.address(), error))
    }

    async fn wait(
        &self,
        account: &Account,
        call: &Call,
        mut pending: Pending,
    ) -> Result<Receipt, ChainError> {
        let started = Instant::now();
        let mut last_sent = started;
        let mut poll = FIRST_POLL.min(self.options.poll_interval);
        loop {
            let included = self.find_receipt(&pending).await?;
            if let Some(receipt) = &included
                && self.is_confirmed(receipt).await?
            {
                return self.outcome(account, call, receipt).await;
            }
            if started.elapsed() >= self.options.receipt_timeout {
                return self.give_up(account, &pending, started.elapsed()).await;
            }
            if included.is_none() && last_sent.elapsed() >= self.options.stuck_after {
                self.replace(account, &mut pending).await?;
                last_sent = Instant::now();
            }
            tokio::time::sleep(poll).await;
            poll = poll.saturating_mul(2).min(self.options.poll_interval);
        }
    }

    /// Sends the transaction again with higher fees, unless another one has taken its nonce.
    async fn replace(&self, account: &Account, pending: &mut Pending) -> Result<(), ChainError> {
        if self.transaction_count(account.address()).await? > pending.nonce {
            // Ours may have been included since we last looked. Behind a load balancer one node may count it while
            // another has no receipt yet, so only the second time this is certain; and before its block is confirmed a
            // reorganisation may still bring ours back.
            if !pending.overtaken
                || self.confirmed_count(account.address()).await? <= pending.nonce
                || self.find_receipt(pending).await?.is_some()
            {
                pending.overtaken = true;
                return Ok(());
            }
            // The node knows best how the account goes on.
            *self.nonce_slot(account.address()).lock().await = None;
            let transaction = pending.hashes.last().copied().unwrap_or_default();
            return Err(ChainError::NonceTaken {
                transaction,
                account: account.address(),
                nonce: pending.nonce,
            });
        }
        let fees = pending
            .fees
            .bumped()
            .at_least(self.fees().await?)
            .capped(self.options.max_fee_per_gas);
        let signed = sign(account, &pending.request, pending.nonce, fees).await?;
        match self.hand_in(account, &signed).await? {
            Submission::Accepted => {
                tracing::info!(transaction = %signed.tx_hash(), nonce = pending.nonce, ?fees, "replaced a stuck transaction");
                if !pending.hashes.contains(signed.tx_hash()) {
                    pending.hashes.push(*signed.tx_hash());
                    pending.replacements = pending.replacements.saturating_add(1);
                }
                pending.fees = fees;
            }
            // The node wants more still: the next replacement starts from here. Under a cap that can't help.
            Submission::Underpriced(_) => pending.fees = fees,
            // Something with this nonce was included; the next look tells what.
            Submission::StaleNonce(_) => {}
        }
        Ok(())
    }

    async fn give_up(
        &self,
        account: &Account,
        pending: &Pending,
        waited: Duration,
    ) -> Result<Receipt, ChainError> {
        // The node may have dropped the transaction; the next one must not queue behind a gap.
        *self.nonce_slot(account.address()).lock().await = None;
        Err(ChainError::NotConfirmed {
            transaction: pending.hashes.last().copied().unwrap_or_default(),
            waited,
            replacements: pending.replacements,
        })
    }

    async fn find_receipt(&self, pending: &Pending) -> Result<Option<TransactionReceipt>, ChainError> {
        for hash in pending.hashes.iter().rev() {
            if let Some(receipt) = self.receipt(*hash).await? {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    async fn is_confirmed(&self, receipt: &TransactionReceipt) -> Result<bool, ChainError> {
        let Some(block) = receipt.block_number else {
            return Ok(false);
        };
        if self.confirmations() == 1 {
            return Ok(true);
        }
        let confirmed = self.confirmed_head().await?;
        Ok(confirmed.is_some_and(|confirmed| confirmed.get() >= block))
    }

    /// Turns the receipt into a result; asks for the reason when the transaction failed.
    async fn outcome(
        &self,
        account: &Account,
        call: &Call,
        receipt: &TransactionReceipt,
    ) -> Result<Receipt, ChainError> {
        let block = receipt.block_number.unwrap_or_default();
        if receipt.status() {
            return Ok(Receipt {
                transaction: receipt.transaction_hash,
                block: BlockNumber::new(block),
                block_hash: receipt.block_hash.unwrap_or_default(),
                gas_used: Gas::new(receipt.gas_used),
                created: receipt.contract_address,
                logs: receipt.logs().to_vec(),
            });
        }
        // No node can replay a transaction at its very place in the block without tracing: the block's own time and the
        // state after it come close, the state before it comes second.
        let request = request(account, call);
        for number in [block, block.saturating_sub(1)] {
            let at = BlockNumberOrTag::Number(number);
            let replay = self
                .retry_for(&call.contract, "eth_call", || async {
                    self.provider.call(request.clone()).block(at.into()).await
                })
                .await;
            if let Err(error @ ChainError::Reverted(_)) = replay {
                return Err(error);
            }
        }
        Err(ChainError::Reverted(Box::new(Revert::decode(
            &call.contract,
            &[],
        ))))
    }

    async fn receipt(&self, hash: B256) -> Result<Option<TransactionReceipt>, ChainError> {
        self.retry("eth_getTransactionReceipt", || async {
            self.provider.get_transaction_receipt(hash).await
        })
        .await
    }

    /// How many transactions of an account are on the chain.
    pub async fn transaction_count(&self, account: Address) -> Result<u64, ChainError> {
        self.transaction_count_at(account, BlockNumberOrTag::Latest).await
    }

    /// How many transactions of an account have their confirmations.
    async fn confirmed_count(&self, account: Address) -> Result<u64, ChainError> {
        if self.confirmations() == 1 {
            return self.transaction_count(account).await;
        }
        match self.confirmed_head().await? {
            Some(block) => self.transaction_count_at(account, block.get().into()).await,
            None => Ok(0),
        }
    }

    async fn transaction_count_at(
        &self,
        account: Address,
        block: BlockNumberOrTag,
    ) -> Result<u64, ChainError> {
        self.retry("eth_getTransactionCount", || async {
            self.provider
                .get_transaction_count(account)
                .block_id(block.into())
                .await
        })
        .await
    }
}

fn request(account: &Account, call: &Call) -> TransactionRequest {
    let mut request = TransactionRequest::default()
        .with_from(account.address())
        .with_input(call.data.clone());
    request.to = Some(call.to.map_or(TxKind::Create, TxKind::Call));
    request
}

async fn sign(
    account: &Account,
    request: &TransactionRequest,
    nonce: u64,
    fees: Fees,
) -> Result<TxEnvelope, ChainError> {
    let wallet = EthereumWallet::new(account.signer().clone());
    let request = fees.apply(request.clone().with_nonce(nonce));
    request.build(&wallet).await.map_err(|error| ChainError::Signing {
        account: account.address(),
        reason: error.to_string(),
    })
}

/// Nodes report an empty purse as an ordinary error; only the words tell.
fn funds_error(account: Address, error: ChainError) -> ChainError {
    match error {
        ChainError::Rpc { message, .. } if message.to_ascii_lowercase().contains("insufficient funds") => {
            ChainError::InsufficientFunds { account, message }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_offers_at_least_an_eighth_more() {
        for fee in [1, 7, 8, 1_000_000_007_u128] {
            let Fees::Dynamic { max, tip } = (Fees::Dynamic { max: fee, tip: fee }).bumped() else {
                unreachable!()
            };
            assert!(max * 8 >= fee * 9 && max > fee && tip == max);
        }
        let bumped = Fees::Dynamic { max: 8, tip: 0 }.bumped();
        assert_eq!(
            bumped,
            Fees::Dynamic { max: 10, tip: 1 },
            "a replacement needs a higher tip too"
        );
        let free = Fees::Dynamic { max: 0, tip: 0 };
        assert_eq!(free.bumped(), free);
        assert_eq!(
            Fees::Legacy { price: u128::MAX }.bumped(),
            Fees::Legacy { price: u128::MAX }
        );
    }

    #[test]
    fn fees_respect_floor_and_cap() {
        let fees = Fees::Dynamic { max: 10, tip: 5 };
        assert_eq!(
            fees.at_least(Fees::Dynamic { max: 7, tip: 6 }),
            Fees::Dynamic { max: 10, tip: 6 }
        );
        assert_eq!(fees.capped(Some(4)), Fees::Dynamic { max: 4, tip: 4 });
        assert_eq!(fees.capped(None), fees);
    }
}
