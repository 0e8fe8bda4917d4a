//! The chains that the cases run on.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use alloy::eips::eip2718::Encodable2718 as _;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder as _, TransactionBuilder as _};
use alloy::primitives::{Address, U256};
use alloy::providers::{Provider as _, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use stele_chain::client::{ChainClient, ClientOptions, Endpoint};
use stele_chain::node::transport::NodeTransport;
use stele_chain::node::{self, Node, NodeOptions, NodeServer};

/// A fresh chain, stopped and removed when dropped.
pub(crate) struct Chain {
    pub endpoint: Endpoint,
    provider: RootProvider,
    purse: Purse,
    _guard: Box<dyn Send + Sync>,
}

/// How test accounts come by money.
#[derive(PartialEq, Eq)]
enum Purse {
    /// anvil gives what it is asked for.
    Anvil,
    /// Gas costs nothing on an embedded development chain.
    Free,
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Chain {
    /// A fresh embedded node with its files in a directory of its own, reached inside this process.
    pub(crate) async fn embedded() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options =
            NodeOptions::dev(node::system_clock()).with_balance(purse().address(), U256::from(1_000_000));
        let node = Node::open(dir.path(), options).unwrap();
        let transport = NodeTransport::new(node);
        Some(Self {
            endpoint: Endpoint::in_process(transport.clone()),
            provider: RootProvider::new(RpcClient::new(transport, true)),
            purse: Purse::Free,
            _guard: Box::new(dir),
        })
    }

    /// A fresh embedded node, reached over HTTP.
    pub(crate) async fn served() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::open(dir.path(), NodeOptions::dev(node::system_clock())).unwrap();
        let server = NodeServer::start(node, "127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let url = server.url();
        Self {
            endpoint: Endpoint::parse(&url).unwrap(),
            provider: RootProvider::new(RpcClient::new_http(url.parse().unwrap())),
            purse: Purse::Free,
            _guard: Box::new((dir, server)),
        }
    }

    /// A fresh anvil that mines at once, or `None`, where it is not installed.
    pub(crate) async fn anvil() -> Option<Self> {
        Self::anvil_with(&[]).await
    }

    /// [`Self::anvil`] with more arguments.
    pub(crate) async fn anvil_with(arguments: &[&str]) -> Option<Self> {
        Self::start_anvil("cancun", arguments).await
    }

    /// A fresh anvil that runs a hard fork.
    pub(crate) async fn anvil_at(hard_fork: &str) -> Option<Self> {
        Self::start_anvil(hard_fork, &[]).await
    }

    async fn start_anvil(hard_fork: &str, arguments: &[&str]) -> Option<Self> {
        let program = stele_testkit::peers::foundry("anvil")?;
        let mut child = Command::new(&program)
            .args([
                "--port",
                "0",
                "--host",
                "127.0.0.1",
                "--accounts",
                "1",
                "--hardfork",
                hard_fork,
            ])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {}: {error}", program.display()));
        let output = BufReader::new(child.stdout.take().unwrap());
        let guard = KillOnDrop(child);
        let mut lines = output.lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned))
            .expect("anvil says where it listens");
        // Keep reading, or anvil would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{address}");
        let provider = RootProvider::new(RpcClient::new_http(url.parse().unwrap()));
        Some(Self {
            endpoint: Endpoint::parse(&url).unwrap(),
            provider,
            purse: Purse::Anvil,
            _guard: Box::new(guard),
        })
    }

    /// A client with short pauses.
    pub(crate) async fn client(&self) -> ChainClient {
        ChainClient::connect(self.endpoint.clone(), ClientOptions::default())
            .await
            .unwrap()
    }

    /// A method that only anvil has.
    pub(crate) async fn anvil_rpc(
        &self,
        method: &'static str,
        parameters: serde_json::Value,
    ) -> serde_json::Value {
        assert!(self.purse == Purse::Anvil, "{method} needs anvil");
        self.provider
            .raw_request(method.into(), parameters)
            .await
            .unwrap()
    }

    /// The gas used by a block.
    pub(crate) async fn gas_of_block(&self, number: u64) -> u64 {
        self.provider
            .get_block_by_number(number.into())
            .await
            .unwrap()
            .unwrap()
            .header
            .gas_used
    }

    /// What a contract logged from a block on.
    pub(crate) async fn logs(&self, contract: Address, from: u64) -> Vec<alloy::rpc::types::Log> {
        let filter = alloy::rpc::types::Filter::new()
            .address(contract)
            .from_block(from);
        self.provider.get_logs(&filter).await.unwrap()
    }

    /// Whether gas costs money here.
    pub(crate) fn charges(&self) -> bool {
        self.purse == Purse::Anvil
    }

    /// Makes the account rich.
    pub(crate) async fn fund(&self, account: Address) {
        self.set_balance(account, U256::from(10).pow(U256::from(21)))
            .await;
    }

    /// Sends wei to a contract.
    pub(crate) async fn pay(&self, to: &Address, wei: U256) {
        if self.charges() {
            let balance = self.provider.get_balance(*to).await.unwrap();
            return self.set_balance(*to, balance + wei).await;
        }
        let nonce = self
            .provider
            .get_transaction_count(purse().address())
            .await
            .unwrap();
        let transaction = TransactionRequest::default()
            .with_to(*to)
            .with_value(wei)
            .with_nonce(nonce)
            .with_chain_id(self.provider.get_chain_id().await.unwrap())
            .with_gas_limit(100_000)
            .with_max_fee_per_gas(0)
            .with_max_priority_fee_per_gas(0)
            .build(&EthereumWallet::from(purse()))
            .await
            .unwrap();
        let sent = self
            .provider
            .send_raw_transaction(&transaction.encoded_2718())
            .await
            .unwrap();
        assert!(
            sent.get_receipt().await.unwrap().status(),
            "the payment went through"
        );
    }

    /// What a call with a limit of gas returns; `None` when it fails.
    pub(crate) async fn call_with_gas(
        &self,
        from: Address,
        to: Address,
        data: Vec<u8>,
        gas: u64,
    ) -> Option<Vec<u8>> {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(to)
            .with_input(data)
            .with_gas_limit(gas);
        self.provider
            .call(request)
            .await
            .ok()
            .map(|output| output.to_vec())
    }

    /// Gives the account exactly this much.
    pub(crate) async fn set_balance(&self, account: Address, wei: U256) {
        if self.charges() {
            self.anvil_rpc("anvil_setBalance", serde_json::json!([account, wei]))
                .await;
        }
    }
}

/// Who pays on an embedded chain.
fn purse() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[0x77; 32]).unwrap()
}
