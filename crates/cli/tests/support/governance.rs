//! The contracts of a site's node, as their admin has them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses part of it")]

use stele_chain::client::{
    Account, ChainClient, ClientOptions, DeployConfig, Deployment, Endpoint, Governance, NodeRegistration,
};
use stele_chain::contracts::{Artifact, Role};

use crate::support::{Node, Site};

fn deployment(site: &Site) -> Deployment {
    let text = std::fs::read(site.data().join("deployment.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Runs something with the contracts of a node, as its admin.
pub fn as_admin<T>(site: &Site, node: &Node, work: impl AsyncFnOnce(&Governance, &Account) -> T) -> T {
    let admin = Account::from_file(&site.data().join("keys/admin.key")).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let endpoint = Endpoint::parse(&node.rpc()).unwrap();
        let client = ChainClient::connect(endpoint, ClientOptions::default())
            .await
            .unwrap();
        work(&Governance::new(client, deployment(site)), &admin).await
    })
}

/// Replaces the contracts by some whose `Challenge` tolerates less, which takes other means than ours: the site's node goes on with the old ones.
pub fn replace_by_less_tolerant(site: &Site, node: &Node, tolerance: u64) {
    as_admin(site, node, async |old, admin| {
        let config = DeployConfig {
            grants: vec![(Role::Admin, admin.address())],
            predecessor: Some(old.deployment().clone()),
            ..DeployConfig::default()
        };
        let next = old.client().deploy_governance(admin, &config).await.unwrap();
        let word = |bytes: &[u8]| [&vec![0; 32 - bytes.len()], bytes].concat();
        let number = |value: u64| word(&value.to_be_bytes());
        let arguments = [
            // One grant, behind the ten words of the arguments.
            number(10 * 32),
            word(old.deployment().challenge.as_slice()),
            word(next.ledger.as_slice()),
            word(next.registry.as_slice()),
            number(tolerance),
            // Reward; longest merge delay, window, grace, deposit.
            number(0),
            number(60),
            number(60),
            number(86_400),
            number(0),
            number(1),
            word(Role::Admin.id().as_slice()),
            word(admin.address().as_slice()),
        ];
        let code = [&Artifact::challenge().unwrap().bytecode[..], &arguments.concat()].concat();
        let challenge = old.client().deploy_policy_contract(admin, &code).await.unwrap();
        let next = Deployment {
            challenge: challenge.address,
            ..next
        };
        old.supersede(admin, &next).await.unwrap();
    });
}

/// Replaces the contracts, registers the node in them, and hands them to the site: those that were there before.
pub fn replace(site: &Site, node: &Node) -> Deployment {
    let before = deployment(site);
    let next = as_admin(site, node, async |old, admin| {
        let config = DeployConfig {
            grants: vec![(Role::Admin, admin.address())],
            predecessor: Some(old.deployment().clone()),
            ..DeployConfig::default()
        };
        let next = old.client().deploy_governance(admin, &config).await.unwrap();
        old.supersede(admin, &next).await.unwrap();
        let operator = Account::from_file(&site.data().join("keys/node.key")).unwrap();
        let registration = NodeRegistration {
            node: operator.node_address(),
            log_key: [7; 32],
            name: "stele.test/log".to_owned(),
            uri: String::new(),
        };
        let new = Governance::new(old.client().clone(), next.clone());
        new.register_node(admin, &registration).await.unwrap();
        next
    });
    let text = serde_json::to_vec(&next).unwrap();
    std::fs::write(site.data().join("deployment.json"), text).unwrap();
    before
}
