//! The connection: endpoint, chain id, retries, reads.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::network::{Ethereum, TransactionBuilder as _};
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{Provider as _, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{BlockId, BlockNumberOrTag, TransactionRequest};
use alloy::sol_types::SolCall;
use alloy::transports::http::Http;
use alloy::transports::{BoxTransport, IntoBoxTransport, RpcError, TransportError, TransportErrorKind};
use stele_types::{BlockNumber, ChainId};

use crate::contracts::Revert;
use crate::error::ChainError;

/// Where the chain is.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// A node that speaks JSON-RPC over HTTP or HTTPS.
    Url(url::Url),
    /// A node in this process.
    InProcess(BoxTransport),
}

impl Endpoint {
    /// The endpoint with a URL.
    pub fn parse(text: &str) -> Result<Self, ChainError> {
        let bad = |reason: String| ChainError::BadEndpoint {
            endpoint: text.to_owned(),
            reason,
        };
        let url = url::Url::parse(text).map_err(|error| bad(error.to_string()))?;
        match url.scheme() {
            "http" | "https" => Ok(Self::Url(url)),
            other => Err(bad(format!("scheme {other} is not supported"))),
        }
    }

    /// The endpoint of a transport to a node in this process.
    pub fn in_process(transport: impl IntoBoxTransport) -> Self {
        Self::InProcess(transport.into_box_transport())
    }

    /// For messages: scheme, host and port. User, password, path and query may hold secrets.
    fn name(&self) -> String {
        match self {
            Self::Url(url) => url.origin().ascii_serialization(),
            Self::InProcess(_) => "the embedded node".to_owned(),
        }
    }
}

/// How the client behaves. The defaults suit the embedded node and development nodes.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Refuse to talk to another chain than this one.
    pub chain_id: Option<ChainId>,
    /// How many blocks, counting the one that includes it, make a transaction final for us. Default and minimum 1.
    /// Views need the state of the block this deep. A node in this process has one producer and never reorganises, so
    /// there it is always 1.
    pub confirmations: u64,
    /// How long to wait for these confirmations. Default 2 minutes.
    pub receipt_timeout: Duration,
    /// Longest pause between two looks for a receipt; the first ones follow quicker. Default 500 ms.
    pub poll_interval: Duration,
    /// After how long an unincluded transaction is replaced by one with 12.5 % higher fees. Default 15 s.
    pub stuck_after: Duration,
    /// The most wei per unit of gas the client will offer, if limited.
    pub max_fee_per_gas: Option<u128>,
    /// How often a request is tried when the node can't be reached. Default 5.
    pub attempts: u32,
    /// Pause before the second attempt; doubles each time, up to 5 s. Default 100 ms.
    pub backoff: Duration,
    /// How long one HTTP request may take. Default 30 s.
    pub request_timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            chain_id: None,
            confirmations: 1,
            receipt_timeout: Duration::from_secs(120),
            poll_interval: Duration::from_millis(500),
            stuck_after: Duration::from_secs(15),
            max_fee_per_gas: None,
            attempts: 5,
            backoff: Duration::from_millis(100),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// `MCOPY(0, 0, 0)`, then returns what the SHA-256 precompile says of no bytes, with `PUSH0` for every zero.
const CANCUN_PROBE: [u8; 18] = [
    0x5f, 0x5f, 0x5f, 0x5e, 0x60, 32, 0x5f, 0x5f, 0x5f, 0x60, 2, 0x5a, 0xfa, 0x50, 0x60, 32, 0x5f, 0xf3,
];

const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// The next nonce of an account, once known. Held while a transaction is being submitted.
pub(super) type NonceSlot = Arc<tokio::sync::Mutex<Option<u64>>>;

/// A connection to one chain. Cheap to clone; clones share the accounts' nonces.
#[derive(Clone)]
pub struct ChainClient {
    pub(super) provider: RootProvider<Ethereum>,
    pub(super) options: ClientOptions,
    endpoint: Arc<str>,
    chain_id: ChainId,
    nonces: Arc<Mutex<HashMap<Address, NonceSlot>>>,
}

impl std::fmt::Debug for ChainClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainClient")
            .field("endpoint", &self.endpoint)
            .field("chain_id", &self.chain_id)
            .finish_non_exhaustive()
    }
}

impl ChainClient {
    /// Connects and learns the chain id; fails when the node can't be reached or serves another chain than
    /// [`ClientOptions::chain_id`].
    pub async fn connect(endpoint: Endpoint, mut options: ClientOptions) -> Result<Self, ChainError> {
        let name = endpoint.name();
        let rpc = match endpoint {
            Endpoint::InProcess(transport) => {
                options.confirmations = 1;
                RpcClient::new(transport, true)
            }
            Endpoint::Url(url) => {
                let bad = |error: reqwest::Error| ChainError::BadEndpoint {
                    endpoint: name.clone(),
                    reason: error.to_string(),
                };
                let http = reqwest::Client::builder()
                    .timeout(options.request_timeout)
                    .connect_timeout(options.request_timeout.min(Duration::from_secs(10)))
                    .build()
                    .map_err(bad)?;
                RpcClient::new(Http::with_client(http, url), false)
            }
        };
        let mut client = Self {
            provider: RootProvider::new(rpc),
            options,
            endpoint: name.into(),
            chain_id: ChainId::new(0),
            nonces: Arc::default(),
        };
        let actual = client
            .retry("eth_chainId", || async { client.provider.get_chain_id().await })
            .await?;
        client.chain_id = ChainId::new(actual);
        match client.options.chain_id {
            Some(expected) if expected != client.chain_id => Err(ChainError::WrongChain {
                endpoint: client.endpoint.to_string(),
                expected,
                actual: client.chain_id,
            }),
            _ => Ok(client),
        }
    }

    /// The chain's id.
    pub const fn chain_id(&self) -> ChainId {
        self.chain_id
    }

    /// The endpoint, for messages.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The options.
    pub const fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// The number of the newest block.
    pub async fn head(&self) -> Result<BlockNumber, ChainError> {
        let head = self
            .retry("eth_blockNumber", || async {
                self.provider.get_block_number().await
            })
            .await?;
        Ok(BlockNumber::new(head))
    }

    /// The number of the newest block that is final for us; `None` while the chain is shorter than the confirmations.
    pub async fn confirmed_head(&self) -> Result<Option<BlockNumber>, ChainError> {
        Ok(self
            .head()
            .await?
            .checked_sub(self.confirmations().saturating_sub(1)))
    }

    /// Number and hash of the newest block that the chain itself calls final, whatever confirmations we ask for; `None` where it knows no such block,
    /// as on chains without a finality of their own.
    pub async fn finalized(&self) -> Result<Option<(BlockNumber, B256)>, ChainError> {
        let asked = self
            .retry("eth_getBlockByNumber", || async {
                self.provider
                    .get_block_by_number(BlockNumberOrTag::Finalized)
                    .await
            })
            .await;
        match asked {
            Ok(block) => Ok(block.map(|block| (BlockNumber::new(block.header.number), block.header.hash))),
            // How endpoints say that they don't know the tag, or have no such block yet.
            Err(ChainError::Rpc { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The time of the newest block that is final for us: how far what this endpoint shows reaches. 0 while the chain is shorter than the
    /// confirmations.
    pub async fn seen_until(&self) -> Result<stele_types::Timestamp, ChainError> {
        let Some(number) = self.confirmed_head().await? else {
            return Ok(stele_types::Timestamp(0));
        };
        let block = self
            .retry("eth_getBlockByNumber", || async {
                let tag = BlockNumberOrTag::Number(number.get());
                self.provider.get_block_by_number(tag).await
            })
            .await?;
        Ok(super::timestamp(block.map_or(0, |block| block.header.timestamp)))
    }

    /// What the account owns, in wei.
    pub async fn balance(&self, account: Address) -> Result<alloy::primitives::U256, ChainError> {
        self.retry("eth_getBalance", || async {
            self.provider.get_balance(account).await
        })
        .await
    }

    /// The code at an address; empty when there is none.
    pub async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.retry("eth_getCode", || async {
            self.provider.get_code_at(address).await
        })
        .await
    }

    /// Calls a view function of `contract` (a name for messages) at the newest block that is final for us.
    pub async fn view<C: SolCall>(
        &self,
        contract: &str,
        to: Address,
        call: &C,
    ) -> Result<C::Return, ChainError> {
        let block = if self.confirmations() == 1 {
            BlockNumberOrTag::Latest
        } else {
            let head = self.confirmed_head().await?.unwrap_or_default();
            BlockNumberOrTag::Number(head.get())
        };
        self.view_at(block.into(), contract, to, call).await
    }

    /// The same at a block: what several calls at one block give was true at one time. Fails where the endpoint has no such block (yet), or keeps
    /// its state no longer: the embedded node keeps only the newest.
    pub(super) async fn view_at<C: SolCall>(
        &self,
        block: BlockId,
        contract: &str,
        to: Address,
        call: &C,
    ) -> Result<C::Return, ChainError> {
        let output = self
            .call_raw(contract, to, call.abi_encode().into(), block)
            .await?;
        C::abi_decode_returns(&output).map_err(|error| ChainError::BadAnswer {
            endpoint: self.endpoint.to_string(),
            operation: C::SIGNATURE,
            reason: if output.is_empty() {
                format!("there is no {contract} at {to}")
            } else {
                format!("{contract} at {to}: {error}")
            },
        })
    }

    /// `eth_call`, with reverts decoded.
    pub(super) async fn call_raw(
        &self,
        contract: &str,
        to: Address,
        data: Bytes,
        block: BlockId,
    ) -> Result<Bytes, ChainError> {
        let request = TransactionRequest::default().with_to(to).with_input(data);
        let call = || async { self.provider.call(request.clone()).block(block).await };
        self.retry_for(contract, "eth_call", call).await
    }

    /// Fails unless the chain has the instructions and the precompile that contracts need: runs a few instructions as the creation of a
    /// contract that is never made.
    pub async fn require_cancun(&self) -> Result<(), ChainError> {
        let old = |reason: String| ChainError::OldHardFork {
            endpoint: self.endpoint.to_string(),
            reason,
        };
        let request = TransactionRequest::default()
            .with_kind(alloy::primitives::TxKind::Create)
            .with_input(Bytes::from_static(&CANCUN_PROBE));
        let call = || async { self.provider.call(request.clone()).await };
        match self.retry("eth_call", call).await {
            Ok(output) if output.as_ref() == stele_types::sha256(&[]).0.as_slice() => Ok(()),
            Ok(output) => Err(old(format!("its SHA-256 of nothing is {output}"))),
            // Too many requests, or no such method: says nothing about the fork.
            Err(
                error @ ChainError::Rpc {
                    code: -32005 | -32601,
                    ..
                },
            ) => Err(error),
            Err(ChainError::Rpc { message, .. }) => Err(old(message)),
            Err(ChainError::Reverted(revert)) => Err(old(revert.to_string())),
            Err(other) => Err(other),
        }
    }

    pub(super) fn confirmations(&self) -> u64 {
        self.options.confirmations.max(1)
    }

    /// The account's nonce slot.
    pub(super) fn nonce_slot(&self, account: Address) -> NonceSlot {
        // A poisoned map is still a map: nothing is left half-done in it.
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(nonces.entry(account).or_default())
    }

    /// Runs a request, again with backoff while the node can't be reached.
    pub(super) async fn retry<T, F, R>(&self, operation: &'static str, request: F) -> Result<T, ChainError>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, TransportError>>,
    {
        self.retry_for("the node", operation, request).await
    }

    /// [`Self::retry`] for a request that a contract may revert.
    pub(super) async fn retry_for<T, F, R>(
        &self,
        contract: &str,
        operation: &'static str,
        request: F,
    ) -> Result<T, ChainError>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, TransportError>>,
    {
        let mut attempts = 0_u32;
        let mut pause = self.options.backoff;
        loop {
            attempts = attempts.saturating_add(1);
            let error = match request().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if !is_transient(&error) {
                return Err(self.classify(contract, operation, error));
            }
            if attempts >= self.options.attempts.max(1) {
                let endpoint = self.endpoint.to_string();
                return Err(ChainError::Unreachable {
                    endpoint,
                    operation,
                    attempts,
                    reason: causes(&error),
                });
            }
            tracing::debug!(
                operation,
                attempts,
                error = causes(&error),
                "chain request failed, trying again"
            );
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(MAX_BACKOFF);
        }
    }

    fn classify(&self, contract: &str, operation: &'static str, error: TransportError) -> ChainError {
        let endpoint = self.endpoint.to_string();
        if let Some(data) = revert_data(&error) {
            return ChainError::Reverted(Box::new(Revert::decode(contract, &data)));
        }
        match error {
            RpcError::ErrorResp(payload) => ChainError::Rpc {
                endpoint,
                operation,
                code: payload.code,
                message: payload.message.into_owned(),
            },
            RpcError::Transport(_) => ChainError::Unreachable {
                endpoint,
                operation,
                attempts: 1,
                reason: causes(&error),
            },
            other => ChainError::BadAnswer {
                endpoint,
                operation,
                reason: other.to_string(),
            },
        }
    }
}

/// The data of a revert. Nodes agree on neither code nor wording: geth and anvil use code 3 and a message that
/// contains "revert"; a revert without data may come with no data field at all.
fn revert_data(error: &TransportError) -> Option<Bytes> {
    let payload = error.as_error_resp()?;
    let reverted = payload.code == 3 || payload.message.to_ascii_lowercase().contains("revert");
    reverted.then(|| payload.as_revert_data().unwrap_or_default())
}

/// Whether the same request may succeed a moment later.
fn is_transient(error: &TransportError) -> bool {
    match error {
        RpcError::Transport(TransportErrorKind::HttpError(http)) => {
            http.status >= 500 || http.status == 429 || http.status == 408
        }
        RpcError::Transport(kind) => !kind.is_non_retryable(),
        // -32005: request limit exceeded (EIP-1474).
        RpcError::ErrorResp(payload) => payload.code == -32005,
        _ => false,
    }
}

/// Longest description of a transport error: a proxy may answer with a whole page.
const MAX_REASON: usize = 500;

/// A transport error and its causes in one line: its own message alone hides why. Leaves out the URL, whose path and
/// query may hold secrets.
fn causes(error: &TransportError) -> String {
    let mut text = match error {
        RpcError::Transport(TransportErrorKind::Custom(inner)) => {
            let mut parts = Vec::new();
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(inner.as_ref());
            while let Some(error) = cause {
                match error.downcast_ref::<reqwest::Error>() {
                    Some(http) if http.is_timeout() => parts.push("no answer in time".to_owned()),
                    Some(_) => parts.push("the request failed".to_owned()),
                    None => parts.push(error.to_string()),
                }
                cause = error.source();
            }
            parts.join(": ")
        }
        other => other.to_string(),
    };
    if let Some((end, _)) = text.char_indices().nth(MAX_REASON) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}
