//! The client itself.

use alloy::primitives::{Address, U256};
use stele_chain::ChainError;
use stele_chain::client::{ChainClient, ClientOptions, RegistryEvent};
use stele_chain::contracts::Role;
use stele_types::{BlockNumber, ChainId, EntryPoint};

use crate::chain::Chain;
use crate::world::{World, account, creation, policy, refused, version};

pub(crate) async fn deployments_are_checked(chain: Chain) {
    let world = World::new(chain).await;
    world.deployment().check(&world.client).await.unwrap();
    let text = serde_json::to_string(world.deployment()).unwrap();
    assert_eq!(
        &serde_json::from_str::<stele_chain::client::Deployment>(&text).unwrap(),
        world.deployment()
    );

    let mut swapped = world.deployment().clone();
    std::mem::swap(&mut swapped.registry, &mut swapped.nodes);
    let error = swapped.check(&world.client).await.unwrap_err();
    assert!(matches!(error, ChainError::NotOurContract { .. }), "{error}");
    let mut gone = world.deployment().clone();
    gone.ledger = Address::repeat_byte(0x77);
    let error = gone.check(&world.client).await.unwrap_err();
    assert!(
        matches!(&error, ChainError::NotOurContract { contract, .. } if contract == "DecisionLedger"),
        "{error}"
    );
    let mut elsewhere = world.deployment().clone();
    elsewhere.chain_id = ChainId::new(1);
    let error = elsewhere.check(&world.client).await.unwrap_err();
    assert!(matches!(error, ChainError::WrongChain { .. }), "{error}");

    // A ledger of ours, but of another deployment.
    let config = stele_chain::client::DeployConfig {
        grants: vec![(Role::Admin, world.admin.address())],
        ..Default::default()
    };
    let other = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    let mut mixed = world.deployment().clone();
    mixed.ledger = other.ledger;
    let error = mixed.check(&world.client).await.unwrap_err();
    assert!(matches!(error, ChainError::BadState { .. }), "{error}");
}

pub(crate) async fn another_chain_is_refused(chain: Chain) {
    let client = chain.client().await;
    let expected = ChainId::new(client.chain_id().get() + 1);
    let options = ClientOptions {
        chain_id: Some(expected),
        ..ClientOptions::default()
    };
    let error = ChainClient::connect(chain.endpoint.clone(), options)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ChainError::WrongChain { expected: e, actual, .. } if e == expected && actual == client.chain_id()),
        "{error}"
    );
    let options = ClientOptions {
        chain_id: Some(client.chain_id()),
        ..ClientOptions::default()
    };
    ChainClient::connect(chain.endpoint.clone(), options)
        .await
        .unwrap();
}

pub(crate) async fn one_account_sends_many_transactions_at_once(chain: Chain) {
    let world = World::new(chain).await;
    let nodes: Vec<_> = (0..16).map(|index| account(&format!("node {index}"))).collect();
    let world = std::sync::Arc::new(world);
    let sends: Vec<_> = nodes
        .iter()
        .cloned()
        .map(|node| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move { world.register(&node).await })
        })
        .collect();
    // Another client with the same key gets in between: its nonces collide, and it sorts that out.
    let other = world.chain.client().await;
    let gov = stele_chain::client::Governance::new(other, world.deployment().clone());
    for name in ["x", "y", "z"] {
        gov.grant_role(&world.admin, Role::Author, account(name).address())
            .await
            .unwrap();
    }
    for send in sends {
        send.await.unwrap();
    }
    assert_eq!(world.gov.nodes().await.unwrap().len(), nodes.len());
}

pub(crate) async fn policy_contracts_are_called_and_their_reverts_decoded(chain: Chain) {
    let world = World::new(chain).await;
    // Answers with its fourth argument word by word: mstore(0, 32); mstore(32, 1); mstore8(64, 0x2a); return(0, 96).
    let answer = [
        0x60, 0x20, 0x5f, 0x52, 0x60, 0x01, 0x60, 0x20, 0x52, 0x60, 0x2a, 0x60, 0x40, 0x53, 0x60, 0x60, 0x5f,
        0xf3,
    ];
    let contract = world
        .client
        .deploy_policy_contract(&world.author, &creation(&answer))
        .await
        .unwrap();
    assert_eq!(
        world.client.code(contract.address).await.unwrap().to_vec(),
        answer
    );
    let entry_point = EntryPoint::new("kubernetes/admission/deny").unwrap();
    let result = world
        .client
        .call_policy(contract.address, &entry_point, b"i", b"d", b"", None)
        .await
        .unwrap();
    assert_eq!(result, [0x2a]);
    let before = BlockNumber::new(contract.block.get() - 1);
    let early = world
        .client
        .call_policy(contract.address, &entry_point, b"i", b"d", b"", Some(before))
        .await;
    // There was no contract then; a node that keeps no old state can't say even that.
    assert!(
        matches!(early, Err(ChainError::BadAnswer { .. } | ChainError::Rpc { .. })),
        "{early:?}"
    );

    // Reverts with the selector of Conflict(): mstore(0, selector << 224); revert(0, 4).
    let selector = &alloy::primitives::keccak256("Conflict()")[..4];
    let revert = [
        &[0x63],
        selector,
        &[0x60, 0xe0, 0x1b, 0x5f, 0x52, 0x60, 0x04, 0x5f, 0xfd],
    ]
    .concat();
    let contract = world
        .client
        .deploy_policy_contract(&world.author, &creation(&revert))
        .await
        .unwrap();
    let error = world
        .client
        .call_policy(contract.address, &entry_point, b"i", b"d", b"", None)
        .await;
    let refusal = refused(error, "Conflict");
    assert!(
        refusal.to_string().contains("policy contract refused the call"),
        "{refusal}"
    );
    // Reverts with nothing.
    let contract = world
        .client
        .deploy_policy_contract(&world.author, &creation(&[0x5f, 0x5f, 0xfd]))
        .await
        .unwrap();
    let error = world
        .client
        .call_policy(contract.address, &entry_point, b"i", b"d", b"", None)
        .await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .ends_with("refused the call without giving a reason")
    );
}

pub(crate) async fn events_are_followed_without_gaps(chain: Chain) {
    let world = World::new(chain).await;
    let page = world.gov.registry_events(BlockNumber::ZERO).await.unwrap();
    assert!(page.events.iter().all(|(_, event)| {
        matches!(
            event,
            RegistryEvent::RoleChanged { granted: true, .. } | RegistryEvent::SettingsChanged { .. }
        )
    }));
    assert_eq!(page.events.len(), 7);
    let empty = world.gov.registry_events(page.next_block).await.unwrap();
    assert_eq!((empty.events.len(), empty.next_block), (0, page.next_block));

    let id = world.activated("v1").await;
    let page = world.gov.registry_events(page.next_block).await.unwrap();
    let events: Vec<_> = page.events.iter().map(|(_, event)| event.clone()).collect();
    let id_on_chain = policy().chain_id();
    assert_eq!(
        events[0],
        RegistryEvent::PolicyAdded {
            policy: id_on_chain,
            path: policy().to_string()
        }
    );
    let proposed = RegistryEvent::Proposed {
        policy: id_on_chain,
        version: version("v1"),
        proposal: id,
        author: world.author.address(),
    };
    assert_eq!(events[1], proposed);
    assert!(matches!(
        events[2],
        RegistryEvent::Approved {
            role: Some(Role::Security),
            ..
        }
    ));
    assert!(matches!(
        events[3],
        RegistryEvent::Approved {
            role: Some(Role::Platform),
            ..
        }
    ));
    assert!(matches!(events[4], RegistryEvent::Unlocking { proposal, .. } if proposal == id));
    assert!(
        matches!(&events[5], RegistryEvent::Activated { epoch: 1, version: v, .. } if *v == version("v1"))
    );
    assert_eq!(events.len(), 6);
    assert!(
        page.events
            .windows(2)
            .all(|pair| { (pair[0].0.block, pair[0].0.log_index) < (pair[1].0.block, pair[1].0.log_index) })
    );
}

pub(crate) async fn an_empty_purse_and_a_missing_contract_are_named(chain: Chain) {
    let world = World::new(chain).await;
    let mut elsewhere = world.deployment().clone();
    elsewhere.registry = Address::repeat_byte(0x77);
    let gov = stele_chain::client::Governance::new(world.client.clone(), elsewhere);
    let error = gov.epoch().await.unwrap_err().to_string();
    assert!(error.contains("there is no PolicyRegistry at 0x7777"), "{error}");
    if world.chain.charges() {
        let poor = account("poor");
        world.chain.set_balance(poor.address(), U256::from(1)).await;
        let error = world
            .client
            .deploy_policy_contract(&poor, &creation(&[0]))
            .await
            .unwrap_err();
        assert!(matches!(error, ChainError::InsufficientFunds { .. }), "{error}");
    }
}
