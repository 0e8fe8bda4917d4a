//! The embedded node against other people's tools: ethers.js, cast, and anvil as a second node.
//! A tool that is not installed is skipped with a word on it; where `STELE_PEERS_REQUIRED` is set, as in CI, that is a failure.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops by panicking"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::eip7702::Authorization;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, TxKind, U256, hex, keccak256};
use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{AccessList, AccessListItem, TransactionReceipt};
use alloy::signers::SignerSync;
use common::{Probe, account, options, riches, signer};
use stele_chain::node::{DEV_CHAIN_ID, Node, NodeServer};
use stele_testkit::peers;

async fn served() -> (tempfile::TempDir, Arc<Node>, NodeServer) {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let server = NodeServer::start(Arc::clone(&node), ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    (dir, node, server)
}

async fn run(command: Command) -> Output {
    let mut command = command;
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn here(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(relative)
}

fn key(index: u8) -> String {
    hex::encode_prefixed(signer(index).to_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn ethers_drives_the_node() {
    let Some(ethers) = peers::installed("node_modules/ethers", "ethers.js") else {
        return;
    };
    let (_dir, node, server) = served().await;
    let mut command = Command::new("node");
    command
        .arg(here("js/ethers.js"))
        .args([server.url(), key(0)])
        .arg(here("data/Probe.json"));
    command.env("NODE_PATH", ethers.parent().unwrap());
    let output = run(command).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.trim() == "ok",
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    node.check().unwrap();
}

/// The `cast` program pointed at a node.
struct Cast {
    program: PathBuf,
    url: String,
}

impl Cast {
    /// Standard output and standard error of one command.
    async fn call(&self, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new(&self.program);
        command
            .args(&arguments[..1])
            .args(["--rpc-url", &self.url])
            .args(&arguments[1..]);
        let output = run(command).await;
        let text = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        (text, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Standard output of a command that must succeed.
    async fn ok(&self, arguments: &[&str]) -> String {
        let (text, error) = self.call(arguments).await;
        assert!(!text.is_empty(), "cast {arguments:?}: {error}");
        text
    }

    async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(arguments).await).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cast_drives_the_node() {
    let Some(program) = peers::foundry("cast") else {
        return;
    };
    let (_dir, node, server) = served().await;
    let (cast, from) = (
        Cast {
            program,
            url: server.url(),
        },
        key(0),
    );
    assert_eq!(cast.ok(&["chain-id"]).await, DEV_CHAIN_ID.to_string());
    assert!(cast.ok(&["client"]).await.starts_with("stele/"));
    let code = format!(
        "{}{}",
        Probe::BYTECODE,
        hex::encode(U256::from(5).to_be_bytes::<32>())
    );
    let made = cast
        .json(&["send", "--private-key", &from, "--json", "--create", &code])
        .await;
    let probe = account(0).create(0).to_string();
    assert_eq!(
        made["contractAddress"].as_str().unwrap().to_lowercase(),
        probe.to_lowercase()
    );
    cast.ok(&[
        "send",
        "--private-key",
        &from,
        &probe,
        "store(uint256,uint256)",
        "3",
        "33",
    ])
    .await;
    cast.ok(&[
        "send",
        "--private-key",
        &from,
        "--legacy",
        &probe,
        "store(uint256,uint256)",
        "4",
        "44",
    ])
    .await;
    assert_eq!(
        cast.ok(&["call", &probe, "values(uint256)(uint256)", "4"]).await,
        "44"
    );
    let (_, error) = cast.call(&["call", &probe, "failText()"]).await;
    assert!(error.contains("no way"), "{error}");
    let tx = made["transactionHash"].as_str().unwrap();
    assert!(cast.ok(&["receipt", tx, "--json"]).await.contains(tx));
    cast_reads(&cast, &node, &probe).await;
    node.check().unwrap();
}

/// After three transactions of account 0, two of which stored something in the probe.
async fn cast_reads(cast: &Cast, node: &Node, probe: &str) {
    let event = "Stored(address indexed,uint256 indexed,uint256)";
    let logs = cast.json(&["logs", "--from-block", "0", "--json", event]).await;
    assert_eq!(logs.as_array().unwrap().len(), 2);
    assert_eq!(cast.ok(&["block-number"]).await, "3");
    let block = cast.json(&["block", "latest", "--json", "--full"]).await;
    assert_eq!(
        block["hash"].as_str().unwrap(),
        node.head().unwrap().hash.to_string()
    );
    assert_eq!(cast.ok(&["nonce", &account(0).to_string()]).await, "3");
    assert_eq!(
        cast.ok(&["balance", &account(1).to_string()]).await,
        riches().to_string()
    );
    let estimate: u64 = cast
        .ok(&["estimate", probe, "store(uint256,uint256)", "5", "55"])
        .await
        .parse()
        .unwrap();
    assert!((40_000..60_000).contains(&estimate), "{estimate}");
    let code = cast.ok(&["code", probe]).await;
    assert_eq!(
        cast.ok(&["codesize", probe]).await,
        ((code.len() - 2) / 2).to_string()
    );
    assert!(cast.ok(&["storage", probe, "0"]).await.starts_with("0x"));
    assert!(cast.ok(&["proof", probe, "0"]).await.contains("storageHash"));
    assert_eq!(cast.ok(&["gas-price"]).await, "0");
    assert_eq!(cast.ok(&["base-fee"]).await, "0");
}

/// An anvil process that dies with the test.
struct Anvil {
    process: Child,
    url: String,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn anvil() -> Option<Anvil> {
    let program = peers::foundry("anvil")?;
    let mut process = Command::new(program)
        .args([
            "--port",
            "0",
            "--accounts",
            "0",
            "--hardfork",
            "prague",
            "--gas-limit",
            "60000000",
        ])
        .args([
            "--block-base-fee-per-gas",
            "0",
            "--chain-id",
            &DEV_CHAIN_ID.to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = lines.find_map(|line| line.unwrap().strip_prefix("Listening on ").map(str::to_owned));
    // Keep reading, or anvil blocks when the pipe is full.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Anvil {
        process,
        url: format!("http://{}", address.unwrap()),
    })
}

/// Signed transactions of account 0 with rising nonces, in every envelope type.
#[derive(Default)]
struct Script {
    raw: Vec<Vec<u8>>,
}

impl Script {
    fn nonce(&self) -> u64 {
        self.raw.len() as u64
    }

    fn sign<T: SignableTransaction<alloy::primitives::Signature>>(&mut self, tx: T)
    where
        TxEnvelope: From<alloy::consensus::Signed<T>>,
    {
        let signature = signer(0).sign_hash_sync(&tx.signature_hash()).unwrap();
        self.raw
            .push(TxEnvelope::from(tx.into_signed(signature)).encoded_2718());
    }

    fn dynamic(&mut self, to: TxKind, value: u64, gas_limit: u64, input: impl Into<Bytes>) {
        self.sign(TxEip1559 {
            chain_id: DEV_CHAIN_ID,
            nonce: self.nonce(),
            gas_limit,
            max_fee_per_gas: 10,
            max_priority_fee_per_gas: 0,
            to,
            value: U256::from(value),
            access_list: AccessList::default(),
            input: input.into(),
        });
    }

    fn legacy(&mut self, to: TxKind, value: u64, input: impl Into<Bytes>) {
        self.sign(TxLegacy {
            chain_id: Some(DEV_CHAIN_ID),
            nonce: self.nonce(),
            gas_price: 10,
            gas_limit: 3_000_000,
            to,
            value: U256::from(value),
            input: input.into(),
        });
    }

    fn listed(&mut self, to: Address, slots: &[U256], input: Bytes) {
        let storage_keys = slots.iter().map(|slot| (*slot).into()).collect();
        self.sign(TxEip2930 {
            chain_id: DEV_CHAIN_ID,
            nonce: self.nonce(),
            gas_price: 10,
            gas_limit: 3_000_000,
            to: to.into(),
            value: U256::ZERO,
            access_list: AccessList(vec![AccessListItem {
                address: to,
                storage_keys,
            }]),
            input,
        });
    }

    fn delegating(&mut self, authority: u8, target: Address, to: Address, input: Bytes) {
        let authorization = Authorization {
            chain_id: U256::from(DEV_CHAIN_ID),
            address: target,
            nonce: 0,
        };
        let signature = signer(authority)
            .sign_hash_sync(&authorization.signature_hash())
            .unwrap();
        self.sign(TxEip7702 {
            chain_id: DEV_CHAIN_ID,
            nonce: self.nonce(),
            gas_limit: 3_000_000,
            max_fee_per_gas: 10,
            max_priority_fee_per_gas: 0,
            to,
            value: U256::ZERO,
            access_list: AccessList::default(),
            authorization_list: vec![authorization.into_signed(signature)],
            input,
        });
    }
}

impl Script {
    /// Creations that fail, and one at the very limit.
    fn creations(&mut self, probe: Vec<u8>) {
        self.dynamic(TxKind::Create, 0, 1_000_000, hex!("5f5ffd").to_vec()); // init code reverts
        self.dynamic(TxKind::Create, 0, 1_000_000, hex!("60ef5f5360015ff3").to_vec()); // code must not begin with ef
        self.dynamic(TxKind::Create, 0, 20_000_000, hex!("6160015ff3").to_vec()); // 24,577 bytes of code: over EIP-170
        self.dynamic(TxKind::Create, 0, 20_000_000, hex!("6160005ff3").to_vec()); // 24,576 bytes: allowed
        self.legacy(TxKind::Create, 0, probe);
    }

    fn precompiles(&mut self) {
        let n = |value: u64| U256::from(value);
        for (precompile, input) in [
            (1_u8, vec![7; 128]), // ecrecover of nonsense
            (2, b"abc".to_vec()), // sha256
            (3, b"abc".to_vec()), // ripemd160
            (4, vec![1; 200]),    // identity
            (
                5,
                [n(1), n(1), n(2), n(3), n(5)]
                    .map(|word| word.to_be_bytes::<32>())
                    .concat(),
            ), // modexp, odd lengths
            (8, Vec::new()),      // empty pairing
            (9, vec![0; 213]),    // blake2f, no rounds
            (11, vec![0; 256]),   // BLS12-381 addition (Prague)
        ] {
            let to = Address::with_last_byte(precompile);
            self.dynamic(TxKind::Call(to), 0, 500_000, input);
        }
    }
}

fn script() -> Script {
    let provider: RootProvider = ProviderBuilder::default().connect_mocked_client(Default::default());
    let mut script = Script::default();
    let address = account(0).create(0);
    let (probe, to) = (Probe::new(address, provider), TxKind::Call(address));
    let n = |value: u64| U256::from(value);
    let create = [Probe::BYTECODE.to_vec(), n(5).to_be_bytes::<32>().to_vec()].concat();
    script.dynamic(TxKind::Create, 3, 5_000_000, create.clone());
    script.dynamic(to, 0, 100_000, probe.store(n(1), n(11)).calldata().clone());
    script.legacy(to, 0, probe.store(n(1), n(12)).calldata().clone());
    script.listed(address, &[n(1), n(2)], probe.store(n(1), n(0)).calldata().clone());
    script.dynamic(
        to,
        0,
        3_000_000,
        probe.storeMany(n(0), n(40), n(7)).calldata().clone(),
    );
    script.dynamic(
        to,
        0,
        3_000_000,
        probe.storeMany(n(0), n(40), n(0)).calldata().clone(),
    );
    script.dynamic(
        to,
        0,
        300_000,
        probe.storeMany(n(0), n(40), n(7)).calldata().clone(),
    ); // out of gas
    for call in [
        probe.failText().calldata().clone(),
        probe.failCustom(n(1)).calldata().clone(),
        probe.failPanic(n(0)).calldata().clone(),
        probe.failEmpty().calldata().clone(),
        probe.failInvalid().calldata().clone(),
        probe.failAfterWork(n(3)).calldata().clone(),
        probe.burn(n(200)).calldata().clone(),
        probe.cancun(Bytes::from(vec![0xab; 1_000])).calldata().clone(),
        Bytes::from_static(&[1, 2, 3, 4, 5]), // no such function
    ] {
        script.dynamic(to, 0, 1_000_000, call);
    }
    script.dynamic(to, 9, 1_000_000, probe.makeChild().calldata().clone());
    script.dynamic(to, 4, 1_000_000, probe.makeAndEnd(account(3)).calldata().clone());
    script.dynamic(to, 0, 1_000_000, probe.endChild(account(2)).calldata().clone());
    script.dynamic(to, 0, 1_000_000, probe.endChild(account(2)).calldata().clone());
    script.dynamic(to, 1, 50_000, Bytes::new()); // plain payment to a contract
    script.dynamic(TxKind::Call(account(1)), 1, 21_000, Bytes::new());
    script.dynamic(TxKind::Call(Address::repeat_byte(0x99)), 1, 21_000, Bytes::new()); // a new account
    script.dynamic(TxKind::Call(account(1)), 0, 200_000, vec![1; 3_000]); // EIP-7623: the data floor binds
    script.creations(create);
    script.precompiles();
    script.delegating(
        2,
        address,
        account(2),
        probe.store(n(6), n(66)).calldata().clone(),
    );
    script.dynamic(
        TxKind::Call(account(2)),
        0,
        500_000,
        probe.storeMany(n(1), n(5), n(2)).calldata().clone(),
    );
    script
}

async fn play(client: RpcClient, script: &Script) -> (Vec<TransactionReceipt>, RootProvider) {
    let provider = RootProvider::new(client);
    let mut receipts = Vec::new();
    for raw in &script.raw {
        let hash = *provider.send_raw_transaction(raw).await.unwrap().tx_hash();
        // Anvil makes its block a moment later.
        let receipt = loop {
            match provider.get_transaction_receipt(hash).await.unwrap() {
                Some(receipt) => break receipt,
                None => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
            }
        };
        receipts.push(receipt);
    }
    (receipts, provider)
}

/// The slots that the script's contracts use: the first plain ones, and those of the mapping in slot 0.
fn slots() -> impl Iterator<Item = U256> {
    let mapped = |key: U256| keccak256([key.to_be_bytes::<32>(), [0; 32]].concat()).into();
    let keys = (0..45).map(U256::from).chain([U256::MAX]);
    (0..4).map(U256::from).chain(keys.map(mapped))
}

/// The same signed transactions on anvil and on the embedded node: same receipts, same storage.
#[tokio::test(flavor = "multi_thread")]
async fn anvil_gives_the_same_receipts() {
    let Some(anvil) = anvil() else { return };
    let (_dir, node, server) = served().await;
    let there = RpcClient::new_http(anvil.url.parse().unwrap());
    for index in 0..4 {
        let parameters = (account(index), riches());
        there
            .request::<_, ()>("anvil_setBalance", parameters)
            .await
            .unwrap();
    }
    let script = script();
    let (theirs, their_provider) = play(there, &script).await;
    let (ours, our_provider) = play(RpcClient::new_http(server.url().parse().unwrap()), &script).await;
    assert_eq!(ours.len(), script.raw.len());
    for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours.status(), theirs.status(), "status of transaction {index}");
        assert_eq!(ours.gas_used, theirs.gas_used, "gas of transaction {index}");
        assert_eq!(
            ours.contract_address, theirs.contract_address,
            "transaction {index}"
        );
        assert_eq!(ours.transaction_hash, theirs.transaction_hash);
        let logs = |receipt: &TransactionReceipt| {
            receipt
                .logs()
                .iter()
                .map(|log| log.inner.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(logs(ours), logs(theirs), "logs of transaction {index}");
        assert_eq!(ours.inner.logs_bloom(), theirs.inner.logs_bloom());
    }
    assert!(
        ours.iter().any(|receipt| !receipt.status())
            && ours.iter().filter(|receipt| receipt.status()).count() > 20
    );
    let contracts = ours.iter().filter_map(|receipt| receipt.contract_address);
    for address in contracts.chain([account(0), account(1), account(2), account(3)]) {
        let (ours, theirs) = (
            our_provider.get_proof(address, vec![]).await.unwrap(),
            their_provider.get_proof(address, vec![]).await.unwrap(),
        );
        assert_eq!(
            (ours.nonce, ours.balance),
            (theirs.nonce, theirs.balance),
            "{address}"
        );
        // Slot by slot: once a slot was cleared, the storage root that anvil reports is not that of the slots left.
        for slot in slots() {
            let (ours, theirs) = (
                our_provider.get_storage_at(address, slot).await.unwrap(),
                their_provider.get_storage_at(address, slot).await.unwrap(),
            );
            assert_eq!(ours, theirs, "slot {slot} of {address}");
        }
        let code = our_provider.get_code_at(address).await.unwrap();
        assert_eq!(code, their_provider.get_code_at(address).await.unwrap());
    }
    node.check().unwrap();
}

/// What a call is answered when it fails: the same code, text and data as anvil's.
#[tokio::test(flavor = "multi_thread")]
async fn anvil_gives_the_same_revert_data() {
    let Some(anvil) = anvil() else { return };
    let (_dir, _node, server) = served().await;
    let mut answers = Vec::new();
    for url in [&anvil.url, &server.url()] {
        let client = RpcClient::new_http(url.parse().unwrap());
        let _: Result<(), _> = client.request("anvil_setBalance", (account(0), riches())).await;
        let provider = common::with_wallet(client);
        let probe = Probe::deploy(provider.clone(), U256::from(5)).await.unwrap();
        let mut seen = Vec::new();
        for call in [
            probe.failText().into_transaction_request(),
            probe.failCustom(U256::from(3)).into_transaction_request(),
            probe.failPanic(U256::ZERO).into_transaction_request(),
            probe.failEmpty().into_transaction_request(),
        ] {
            let call = call.with_from(account(1));
            let error = provider.call(call.clone()).await.unwrap_err();
            let payload = error.as_error_resp().unwrap();
            seen.push((payload.code, payload.as_revert_data()));
            let error = provider.estimate_gas(call).await.unwrap_err();
            seen.push((3, error.as_error_resp().unwrap().as_revert_data()));
        }
        answers.push(seen);
    }
    assert_eq!(answers[0], answers[1]);
}
