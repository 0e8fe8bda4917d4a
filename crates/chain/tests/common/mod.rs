//! What the tests of the embedded node share.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::RpcClient;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol;
use stele_chain::node::{Clock, Node, NodeOptions};

sol!(
    #[sol(rpc)]
    Probe,
    "tests/data/Probe.json"
);

/// 1000 ether.
pub(crate) fn riches() -> U256 {
    U256::from(10).pow(U256::from(21))
}

/// Account `index` of the tests: a fixed key, so that runs repeat exactly.
pub(crate) fn signer(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[index.saturating_add(1); 32]).unwrap()
}

/// A clock that only the test moves.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = Arc::clone(&self.0);
        Arc::new(move || time.load(Ordering::SeqCst))
    }
}

/// 2026-01-01.
pub(crate) const START: u64 = 1_767_225_600;

/// Options with a fixed clock and four funded accounts.
pub(crate) fn options() -> NodeOptions {
    options_at(&TestClock::at(START))
}

pub(crate) fn options_at(clock: &TestClock) -> NodeOptions {
    let options = NodeOptions::dev(clock.clock());
    (0..4).fold(options, |options, index| {
        options.with_balance(signer(index).address(), riches())
    })
}

/// A provider with a wallet of the four accounts; the first one pays by default.
pub(crate) fn with_wallet(client: RpcClient) -> DynProvider {
    let mut wallet = EthereumWallet::from(signer(0));
    for index in 1..4 {
        wallet.register_signer(signer(index));
    }
    ProviderBuilder::new()
        .wallet(wallet)
        .connect_client(client)
        .erased()
}

/// A provider through the in-process transport.
pub(crate) fn inside(node: &Arc<Node>) -> DynProvider {
    with_wallet(stele_chain::node::transport::client(node))
}

pub(crate) fn account(index: u8) -> Address {
    signer(index).address()
}

/// Code and message of the error object that a request was answered with.
pub(crate) trait Answer {
    fn answer(&self) -> (i64, String);
}

impl Answer for alloy::transports::TransportError {
    fn answer(&self) -> (i64, String) {
        let payload = self
            .as_error_resp()
            .unwrap_or_else(|| panic!("no error object: {self}"));
        (payload.code, payload.message.to_string())
    }
}

impl Answer for alloy::contract::Error {
    fn answer(&self) -> (i64, String) {
        match self {
            Self::TransportError(error) => error.answer(),
            other => panic!("no error object: {other}"),
        }
    }
}
