//! A new deployment takes over from the old one.

use stele_chain::client::{DeployConfig, Governance};
use stele_chain::contracts::Role;
use stele_types::TreeSize;

use crate::chain::Chain;
use crate::merkle::{consistency, leaf_hash, leaves, root};
use crate::world::{World, lacks_role, policy, refused};

fn successor_config(world: &World) -> DeployConfig {
    DeployConfig {
        grants: vec![
            (Role::Admin, world.admin.address()),
            (Role::Author, world.author.address()),
            (Role::Suspender, world.suspender.address()),
        ],
        predecessor: Some(world.deployment().clone()),
        ..DeployConfig::default()
    }
}

pub(crate) async fn a_successor_takes_over_and_logs_go_on(chain: Chain) {
    let world = World::new(chain).await;
    world.activated("v1").await;
    world.register(&world.node).await;
    let node = world.node.node_address();
    let log = leaves(1, 30);
    world
        .gov
        .anchor(&world.node, TreeSize::new(10), root(&log[..10]), &[])
        .await
        .unwrap();

    let deployment = world
        .client
        .deploy_governance(&world.admin, &successor_config(&world))
        .await
        .unwrap();
    deployment.check(&world.client).await.unwrap();
    let old = world.gov.clone();
    let world = World {
        gov: Governance::new(world.client.clone(), deployment.clone()),
        ..world
    };
    world.register(&world.node).await;
    // Not in force yet: the node can't keep two logs.
    let proof = consistency(10, &log[..20]);
    let twenty = TreeSize::new(20);
    refused(
        world
            .gov
            .anchor(&world.node, twenty, root(&log[..20]), &proof)
            .await,
        "PredecessorInForce",
    );
    let stranger = &world.stranger;
    lacks_role(
        old.supersede(stranger, &deployment).await,
        Role::Admin,
        stranger.address(),
    );
    old.supersede(&world.admin, &deployment).await.unwrap();

    // The old contracts refuse new business, but can still be read, and a node can still be suspended there.
    let refusal = refused(
        old.propose(&world.author, &world.request("v2").await).await,
        "Superseded",
    );
    let successor = deployment.registry.to_checksum(None);
    assert_eq!(
        refusal.revert().unwrap().arg("successor"),
        Some(successor.as_str())
    );
    refused(
        old.anchor(&world.node, twenty, root(&log[..20]), &proof).await,
        "Superseded",
    );
    refused(old.supersede(&world.admin, &deployment).await, "Superseded");
    assert!(old.active(&policy()).await.unwrap().is_some());
    old.suspend_node(&world.suspender, node, "late discovery")
        .await
        .unwrap();

    // The new ledger goes on where the old one stopped, and nowhere else.
    assert_eq!(
        world.gov.anchor_of(node).await.unwrap().unwrap().size,
        TreeSize::new(10)
    );
    assert_eq!(world.gov.anchor_count(node).await.unwrap(), 0);
    let mut rewritten = log.clone();
    rewritten[3] = leaf_hash(b"rewritten");
    let forged = consistency(10, &rewritten[..20]);
    refused(
        world
            .gov
            .anchor(&world.node, twenty, root(&rewritten[..20]), &forged)
            .await,
        "Inconsistent",
    );
    refused(
        world
            .gov
            .anchor(&world.node, TreeSize::new(5), root(&log[..5]), &[])
            .await,
        "SizeFell",
    );
    let taken_over = world
        .gov
        .anchor(&world.node, TreeSize::new(10), root(&log[..10]), &[])
        .await
        .unwrap();
    assert_eq!(taken_over.index, 0);
    world
        .gov
        .anchor(&world.node, twenty, root(&log[..20]), &proof)
        .await
        .unwrap();
    assert_eq!(world.gov.anchor_count(node).await.unwrap(), 2);
}

pub(crate) async fn only_a_contract_that_names_it_can_succeed(chain: Chain) {
    let world = World::new(chain).await;
    let mut config = successor_config(&world);
    config.predecessor = None;
    let unrelated = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    refused(
        world.gov.supersede(&world.admin, &unrelated).await,
        "NotASuccessor",
    );
    let mut nowhere = world.deployment().clone();
    nowhere.registry = world.stranger.address();
    refused(world.gov.supersede(&world.admin, &nowhere).await, "NotASuccessor");
    nowhere = world.deployment().clone();
    nowhere.nodes = world.stranger.address();
    config.predecessor = Some(nowhere);
    refused(
        world.client.deploy_governance(&world.admin, &config).await,
        "PredecessorWithoutCode",
    );
}
