//! Chains that take their time, forget, or are away: what the client does then. Needs anvil, which mines on command.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use stele_chain::ChainError;
use stele_chain::client::{
    Account, ChainClient, ClientOptions, DeployConfig, Endpoint, Governance, NodeRegistration,
};
use stele_chain::contracts::Role;

use crate::chain::Chain;
use crate::world::account;

/// Governance deployed while anvil mines at once; the client under test has the options.
async fn governed(chain: &Chain, options: ClientOptions) -> (Governance, Account) {
    let admin = account("admin");
    chain.fund(admin.address()).await;
    let config = DeployConfig {
        grants: vec![(Role::Admin, admin.address())],
        ..DeployConfig::default()
    };
    let deployment = chain
        .client()
        .await
        .deploy_governance(&admin, &config)
        .await
        .unwrap();
    let client = ChainClient::connect(chain.endpoint.clone(), options)
        .await
        .unwrap();
    (Governance::new(client, deployment), admin)
}

fn quick() -> ClientOptions {
    ClientOptions {
        poll_interval: Duration::from_millis(50),
        stuck_after: Duration::from_millis(300),
        ..ClientOptions::default()
    }
}

fn registration(name: &str) -> NodeRegistration {
    NodeRegistration {
        node: account(name).node_address(),
        log_key: [7; 32],
        name: "stele.test/log".to_owned(),
        uri: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_transaction_is_replaced_until_it_is_included() {
    let Some(chain) = Chain::anvil().await else { return };
    let (gov, admin) = governed(&chain, quick()).await;
    chain.anvil_rpc("evm_setAutomine", json!([false])).await;
    let sending = tokio::spawn({
        let (gov, admin) = (gov.clone(), admin.clone());
        async move { gov.register_node(&admin, &registration("a")).await }
    });
    let mut prices = Vec::new();
    while prices.len() < 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let pool = chain.anvil_rpc("txpool_content", json!([])).await;
        let pending: Vec<_> = pool["pending"]
            .as_object()
            .into_iter()
            .flat_map(|senders| senders.values())
            .flat_map(|by_nonce| {
                by_nonce
                    .as_object()
                    .unwrap()
                    .values()
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(
            pending.len() <= 1,
            "a replacement takes the place of what it replaces"
        );
        if let Some(transaction) = pending.first() {
            let hex = transaction["maxFeePerGas"].as_str().unwrap();
            let price = u128::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap();
            if prices.last() != Some(&price) {
                prices.push(price);
            }
        }
    }
    assert!(
        prices.windows(2).all(|pair| pair[1] * 8 >= pair[0] * 9),
        "at least 12.5 % more: {prices:?}"
    );
    chain.anvil_rpc("evm_setAutomine", json!([true])).await;
    chain.anvil_rpc("anvil_mine", json!([1])).await;
    sending.await.unwrap().unwrap();
    assert_eq!(gov.nodes().await.unwrap().len(), 1);
    // The nonces go on without a gap.
    gov.register_node(&admin, &registration("b")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_never_included_is_given_up_and_can_be_repeated() {
    let Some(chain) = Chain::anvil().await else { return };
    let options = ClientOptions {
        receipt_timeout: Duration::from_millis(900),
        ..quick()
    };
    let (gov, admin) = governed(&chain, options).await;
    chain.anvil_rpc("evm_setAutomine", json!([false])).await;
    let error = gov.register_node(&admin, &registration("a")).await.unwrap_err();
    assert!(
        matches!(
            error,
            ChainError::NotConfirmed {
                replacements: 1..,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_temporary());
    // The node loses it; afterwards the account is not stuck behind the gap.
    chain.anvil_rpc("anvil_dropAllTransactions", json!([])).await;
    chain.anvil_rpc("evm_setAutomine", json!([true])).await;
    gov.register_node(&admin, &registration("a")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_nonce_another_process_takes_is_sent_again() {
    let Some(chain) = Chain::anvil().await else { return };
    let options = ClientOptions {
        stuck_after: Duration::from_secs(1),
        ..quick()
    };
    let (gov, admin) = governed(&chain, options).await;
    chain.anvil_rpc("evm_setAutomine", json!([false])).await;
    let register = |gov: Governance, name: &'static str| {
        let admin = admin.clone();
        tokio::spawn(async move { gov.register_node(&admin, &registration(name)).await })
    };
    let ours = register(gov.clone(), "ours");
    while chain.anvil_rpc("txpool_status", json!([])).await["pending"] != "0x1" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The node forgets ours, and another process with the same key comes first.
    chain.anvil_rpc("anvil_dropAllTransactions", json!([])).await;
    chain.anvil_rpc("evm_setAutomine", json!([true])).await;
    let other = Governance::new(chain.client().await, gov.deployment().clone());
    register(other, "theirs").await.unwrap().unwrap();
    ours.await.unwrap().unwrap();
    // Theirs is first unless this machine is so busy that ours was handed in again before it.
    let nodes: BTreeSet<_> = gov
        .nodes()
        .await
        .unwrap()
        .into_iter()
        .map(|node| node.node)
        .collect();
    let both = ["ours", "theirs"].map(|name| account(name).node_address());
    assert_eq!(nodes, BTreeSet::from(both));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_already_did_is_not_done_twice() {
    let Some(chain) = Chain::anvil().await else { return };
    let (gov, admin) = governed(&chain, quick()).await;
    chain.anvil_rpc("evm_setAutomine", json!([false])).await;
    let ours = tokio::spawn({
        let (gov, admin) = (gov.clone(), admin.clone());
        async move { gov.register_node(&admin, &registration("one")).await }
    });
    while chain.anvil_rpc("txpool_status", json!([])).await["pending"] != "0x1" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The node forgets ours, and another process with the same key does the same thing.
    chain.anvil_rpc("anvil_dropAllTransactions", json!([])).await;
    chain.anvil_rpc("evm_setAutomine", json!([true])).await;
    let other = Governance::new(chain.client().await, gov.deployment().clone());
    // Either may come first; the other one finds it done. Another URI, because equal bytes would be one transaction.
    let registration = NodeRegistration {
        uri: "http://127.0.0.1:9181".to_owned(),
        ..registration("one")
    };
    let theirs = other.register_node(&admin, &registration).await;
    let ours = ours.await.unwrap();
    assert!(ours.is_ok() != theirs.is_ok(), "{ours:?} {theirs:?}");
    let refusal = ours.err().or(theirs.err()).unwrap();
    assert!(refusal.revert().is_some(), "{refusal}");
    assert_eq!(gov.nodes().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmations_are_awaited_and_views_stay_that_deep() {
    let Some(chain) = Chain::anvil().await else { return };
    let (gov, admin) = governed(
        &chain,
        ClientOptions {
            confirmations: 3,
            ..quick()
        },
    )
    .await;
    chain.anvil_rpc("anvil_mine", json!([2])).await;
    let sending = tokio::spawn({
        let (gov, admin) = (gov.clone(), admin.clone());
        async move { gov.register_node(&admin, &registration("a")).await }
    });
    let shallow = chain.client().await;
    let shallow = Governance::new(shallow, gov.deployment().clone());
    while shallow.nodes().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!sending.is_finished(), "one confirmation is not three");
    assert!(
        gov.nodes().await.unwrap().is_empty(),
        "what is not final is not seen"
    );
    chain.anvil_rpc("anvil_mine", json!([2])).await;
    let receipt = sending.await.unwrap().unwrap();
    assert_eq!(gov.client().confirmed_head().await.unwrap(), Some(receipt.block));
    assert_eq!(gov.nodes().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_lost_in_a_reorganisation_is_sent_again() {
    let Some(chain) = Chain::anvil().await else { return };
    let (gov, admin) = governed(
        &chain,
        ClientOptions {
            confirmations: 3,
            ..quick()
        },
    )
    .await;
    chain.anvil_rpc("anvil_mine", json!([2])).await;
    let sending = tokio::spawn({
        let (gov, admin) = (gov.clone(), admin.clone());
        async move { gov.register_node(&admin, &registration("a")).await }
    });
    let shallow = Governance::new(chain.client().await, gov.deployment().clone());
    while shallow.nodes().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The block is replaced by an empty one.
    chain.anvil_rpc("anvil_reorg", json!([1, []])).await;
    chain.anvil_rpc("anvil_dropAllTransactions", json!([])).await;
    while shallow.nodes().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    chain.anvil_rpc("anvil_mine", json!([2])).await;
    sending.await.unwrap().unwrap();
    assert_eq!(gov.nodes().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_is_away_or_nonsense_is_named() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let options = ClientOptions {
        attempts: 3,
        backoff: Duration::from_millis(5),
        ..ClientOptions::default()
    };
    let endpoint = Endpoint::parse(&format!(
        "http://user:secret@127.0.0.1:{port}/secret?token=secret"
    ))
    .unwrap();
    let error = ChainClient::connect(endpoint, options).await.unwrap_err();
    assert!(
        matches!(error, ChainError::Unreachable { attempts: 3, .. }),
        "{error}"
    );
    assert!(error.is_temporary());
    let text = error.to_string();
    assert!(text.contains(&format!("http://127.0.0.1:{port}")), "{text}");
    assert!(text.contains("refused"), "says why: {text}");
    assert!(!text.contains("secret"), "leaks nothing: {text}");

    for nonsense in [
        "",
        "8545",
        "localhost:8545",
        "ws://127.0.0.1:8545",
        "file:///tmp/x",
    ] {
        let error = Endpoint::parse(nonsense).unwrap_err();
        assert!(
            matches!(error, ChainError::BadEndpoint { .. }),
            "{nonsense}: {error}"
        );
    }
}
