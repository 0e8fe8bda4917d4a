//! The embedded node's directory: restart, locks, other chains, damage, and death.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops by panicking"
)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::{B256, U256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use common::{Probe, account, inside, options, riches, signer};
use stele_chain::node::{Node, NodeError};

const CHILD_DIR: &str = "STELE_TEST_CHAIN_DIR";

#[tokio::test(flavor = "multi_thread")]
async fn restart_keeps_blocks_state_and_logs() {
    let dir = tempfile::tempdir().unwrap();
    let (address, head, stored) = {
        let node = Node::open(dir.path(), options()).unwrap();
        let provider = inside(&node);
        let probe = Probe::deploy(provider.clone(), U256::from(1)).await.unwrap();
        let stored = probe
            .store(U256::from(4), U256::from(44))
            .send()
            .await
            .unwrap()
            .get_receipt()
            .await
            .unwrap();
        (*probe.address(), node.head().unwrap(), stored)
    };
    // Dropped, not closed: there is nothing to close.
    let node = reopen(dir.path());
    assert_eq!(node.head().unwrap(), head);
    let provider = inside(&node);
    let probe = Probe::new(address, provider.clone());
    assert_eq!(probe.values(U256::from(4)).call().await.unwrap(), U256::from(44));
    let again = provider
        .get_transaction_receipt(stored.transaction_hash)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again, stored);
    assert_eq!(provider.get_transaction_count(account(0)).await.unwrap(), 2);
    let next = probe
        .store(U256::from(5), U256::from(5))
        .send()
        .await
        .unwrap()
        .get_receipt()
        .await
        .unwrap();
    assert_eq!(next.block_number, Some(head.number + 1));
    node.check().unwrap();
}

/// Opens a store that was just let go. The provider's tasks hold the node for a moment after they are dropped; and a process that another
/// test has forked holds every lock of this one until it executes.
fn open_when_free(
    open: impl Fn() -> Result<std::sync::Arc<Node>, NodeError>,
) -> Result<std::sync::Arc<Node>, NodeError> {
    let start = Instant::now();
    loop {
        match open() {
            Err(NodeError::InUse { .. }) if start.elapsed() < Duration::from_secs(60) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

fn reopen(dir: &Path) -> std::sync::Arc<Node> {
    open_when_free(|| Node::open(dir, options())).unwrap()
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let error = Node::open(dir.path(), options()).unwrap_err();
    assert!(matches!(error, NodeError::InUse { .. }), "{error}");
    assert!(
        error.to_string().contains(&dir.path().display().to_string()),
        "{error}"
    );
    drop(node);
    reopen(dir.path());
}

#[test]
fn another_chain_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    drop(Node::open(dir.path(), options()).unwrap());
    let mut other = options();
    other.chain_id = 5;
    let error = open_when_free(|| Node::open(dir.path(), other.clone())).unwrap_err();
    assert!(
        matches!(
            error,
            NodeError::OtherChainId {
                found: 359_966,
                expected: 5,
                ..
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("359966") && text.contains("chain id 5"), "{text}");
    let error = open_when_free(|| Node::open(dir.path(), options().with_balance(account(9), U256::from(1))))
        .unwrap_err();
    let NodeError::OtherGenesis { found, expected, .. } = error else {
        panic!("{error}")
    };
    assert_ne!(found, expected);
    // The limits of a run are no part of the chain's identity.
    let mut changed = options();
    changed.block_gas_limit = 90_000_000;
    changed.base_fee = 3;
    let node = open_when_free(|| Node::open(dir.path(), changed.clone())).unwrap();
    assert_eq!(node.head().unwrap().number, 0);
    drop(node);
    let mut adopted = options();
    adopted.chain_id = 5;
    assert_eq!(
        open_when_free(|| Node::open_existing(dir.path(), adopted.clone()))
            .unwrap()
            .chain_id(),
        359_966
    );
    let empty = tempfile::tempdir().unwrap();
    let error = Node::open_existing(empty.path(), options()).unwrap_err();
    assert!(matches!(error, NodeError::NoChain { .. }), "{error}");
    assert_eq!(
        std::fs::read_dir(empty.path()).unwrap().count(),
        0,
        "looking leaves nothing behind"
    );
}

#[test]
fn an_interrupted_creation_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("chain.redb.new"), b"half a file").unwrap();
    Node::open(dir.path(), options()).unwrap();
    assert!(!dir.path().join("chain.redb.new").exists());
}

/// Damage anywhere in the file is an error or is found by the check; it never panics and never passes for a chain.
#[test]
fn damage_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    drop(Node::open(dir.path(), options()).unwrap());
    let file = dir.path().join("chain.redb");
    let intact = std::fs::read(&file).unwrap();
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("not a store".into(), b"this is not a store".to_vec()),
        ("empty".into(), Vec::new()),
        ("zeroes".into(), vec![0; intact.len()]),
    ];
    let used: Vec<usize> = (0..intact.len())
        .filter(|position| !matches!(intact[*position], 0 | 0xff))
        .collect();
    let flip = |position: usize| {
        let mut bytes = intact.clone();
        bytes[position] ^= 0xff;
        bytes
    };
    for position in used.iter().step_by(used.len() / 150) {
        cases.push((format!("flip at {position}"), flip(*position)));
    }
    // The balances: in the accounts and in the leaves of the trie.
    let needle = riches().to_be_bytes_trimmed_vec();
    for (position, _) in intact
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle)
    {
        cases.push((format!("balance at {position}"), flip(position + 1)));
    }
    assert!(
        cases
            .iter()
            .filter(|(what, _)| what.starts_with("balance"))
            .count()
            >= 8
    );
    for part in 1..8 {
        cases.push((
            format!("cut to {part}/8"),
            intact[..intact.len() * part / 8].to_vec(),
        ));
    }
    let mut unused = 0;
    for (what, bytes) in cases {
        std::fs::write(&file, &bytes).unwrap();
        match open_when_free(|| Node::open(dir.path(), options())).map(|node| node.check()) {
            Err(NodeError::Corrupt { .. }) | Ok(Err(NodeError::Corrupt { .. })) => {}
            // Two numbers stand alone: the format and the chain id.
            Err(NodeError::Format { .. } | NodeError::OtherChainId { .. }) if what.starts_with("flip") => {}
            // A flip may hit a page that is not in use.
            Ok(Ok(_)) if what.starts_with("flip") => unused += 1,
            other => panic!("{what}: {other:?}"),
        }
    }
    assert!(unused < 100, "{unused} flips found no page of the chain");
}

/// Not a test by itself: the process that [`killed_at_any_moment`] kills.
#[test]
fn child_that_writes_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let node = Node::open(&dir, options()).unwrap();
        let client = stele_chain::node::transport::client(&node);
        let provider = ProviderBuilder::new().wallet(signer(0)).connect_client(client);
        loop {
            let to = TransactionRequest::default()
                .with_to(account(7))
                .with_value(U256::from(1));
            let receipt = provider
                .send_transaction(to)
                .await
                .unwrap()
                .get_receipt()
                .await
                .unwrap();
            let mut out = std::io::stdout().lock();
            writeln!(out, "\nacknowledged {}", receipt.transaction_hash).unwrap();
            out.flush().unwrap();
        }
    });
}

/// SIGKILL at varying moments, many times over one directory: nothing acknowledged is lost, and the store opens.
#[test]
fn killed_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<B256> = Vec::new();
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_killed", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            let seen = lines.map_while(Result::ok).filter_map(|line| {
                line.strip_prefix("acknowledged ")
                    .map(|hash| hash.parse::<B256>().unwrap())
            });
            seen.collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(30 + 37 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(reader.join().unwrap());
        let node = Node::open(dir.path(), options()).unwrap();
        node.check().unwrap();
        let head = usize::try_from(node.head().unwrap().number).unwrap();
        assert!(
            head >= acknowledged.len(),
            "round {round}: {head} blocks, {} acknowledged",
            acknowledged.len()
        );
        for hash in &acknowledged {
            let request = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"eth_getTransactionReceipt","params":["{hash}"]}}"#
            );
            let answer = String::from_utf8(node.handle(request.as_bytes())).unwrap();
            assert!(
                answer.contains(r#""status":"0x1""#),
                "round {round}: {hash} is lost: {answer}"
            );
        }
    }
    assert!(
        acknowledged.len() > 20,
        "the child works between its deaths: {}",
        acknowledged.len()
    );
}
