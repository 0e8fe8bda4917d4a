//! A new deployment takes over from the old one.

use std::time::Duration;

use alloy::primitives::{Address, U256, keccak256};
use alloy::sol_types::SolConstructor as _;
use stele_chain::ChainError;
use stele_chain::client::{DeployConfig, Deployment, Governance};
use stele_chain::contracts::abi::challenge::{Challenge, Governed, Omission};
use stele_chain::contracts::{Artifact, Role};
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

/// A `Challenge` after the world's that nobody should deploy: [`stele_chain::client::ChainClient::deploy_governance`] refuses to.
async fn less_tolerant(world: &World, next: &Deployment, tolerance: u64) -> Deployment {
    let arguments = Challenge::constructorCall {
        grants: vec![Governed::Grant {
            role: Role::Admin.id(),
            account: world.admin.address(),
        }],
        predecessor_: world.deployment().challenge,
        ledger_: next.ledger,
        registry_: next.registry,
        tolerance_: tolerance,
        reward_: U256::ZERO,
        terms_: Omission::OmissionTerms {
            maxMergeDelay: 60,
            window: 60,
            grace: 86_400,
            deposit: 0,
        },
    };
    let code = [
        &Artifact::challenge().unwrap().bytecode[..],
        &arguments.abi_encode(),
    ]
    .concat();
    let raw = world.client.deploy_policy_contract(&world.admin, &code).await;
    Deployment {
        challenge: raw.unwrap().address,
        ..next.clone()
    }
}

pub(crate) async fn a_successor_tolerates_no_less(chain: Chain) {
    let world = World::with(chain, |config| {
        config.challenge_tolerance = Duration::from_secs(600)
    })
    .await;
    let mut config = successor_config(&world);
    config.challenge_tolerance = Duration::from_secs(599);
    let before = world.client.head().await.unwrap();
    let refused = world.client.deploy_governance(&world.admin, &config).await;
    let error = refused.unwrap_err();
    assert!(
        matches!(
            &error,
            ChainError::ToleranceLowered { contract, given: 599, least: 600 } if *contract == world.deployment().challenge
        ),
        "{error}"
    );
    let said = error.to_string();
    for word in ["nothing was deployed", "599 s", "at least 600 s"] {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(world.client.head().await.unwrap(), before, "nothing was sent");
    // Without a predecessor there are no logs that go on.
    config.predecessor = None;
    world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();

    // As much, or more, is taken. Whoever deploys by other means is found out.
    config.predecessor = Some(world.deployment().clone());
    config.challenge_tolerance = Duration::from_secs(600);
    let next = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    assert_eq!(world.gov.least_tolerance().await.unwrap(), 600);
    let next = less_tolerant(&world, &next, 60).await;
    world.gov.supersede(&world.admin, &next).await.unwrap();
    assert_eq!(world.gov.challenge_tolerance().await.unwrap(), 600);
    assert_eq!(world.gov.least_tolerance().await.unwrap(), 60);
}

/// A contract of the line that has nothing in common with `Challenge` but its predecessor, and no successor: it says so, or reverts when it is asked, or
/// ends without a word.
async fn stranger_after(world: &World, predecessor: Address, successor: &[u8]) -> Address {
    let selector = |name: &str| keccak256(name)[..4].to_vec();
    let runtime = [
        // The selector: to 0x1b for the first, to 0x37 for the second, or a revert.
        &[0x5f, 0x35, 0x60, 0xe0, 0x1c, 0x80, 0x63][..],
        &selector("predecessor()"),
        &[0x14, 0x60, 0x1b, 0x57, 0x63],
        &selector("successor()"),
        &[0x14, 0x60, 0x37, 0x57, 0x5f, 0x5f, 0xfd, 0x5b, 0x73],
        predecessor.as_slice(),
        &[0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3, 0x5b],
        successor,
    ]
    .concat();
    let length = u8::try_from(runtime.len()).unwrap();
    let code = [
        &[0x60, length, 0x80, 0x60, 0x09, 0x5f, 0x39, 0x5f, 0xf3][..],
        &runtime,
    ]
    .concat();
    let made = world.client.deploy_policy_contract(&world.admin, &code).await;
    made.unwrap().address
}

const NO_SUCCESSOR: &[u8] = &[0x5f, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
const REVERT: &[u8] = &[0x5f, 0x5f, 0xfd];
const STOP: &[u8] = &[0x00];

pub(crate) async fn a_successor_of_another_kind_is_asked_for_no_tolerance(chain: Chain) {
    let world = World::new(chain).await;
    let config = successor_config(&world);
    let next = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    let next = Deployment {
        challenge: stranger_after(&world, world.deployment().challenge, NO_SUCCESSOR).await,
        ..next
    };
    world.gov.supersede(&world.admin, &next).await.unwrap();
    assert_eq!(world.gov.later_challenges().await.unwrap().len(), 1);
    let own = world.gov.challenge_tolerance().await.unwrap();
    assert_eq!(world.gov.least_tolerance().await.unwrap(), own);
}

/// The line ends with it. A start that asks for what came later, as a node's does, must not fail for good.
pub(crate) async fn a_successor_that_knows_of_none_ends_the_line(chain: Chain) {
    let world = World::new(chain).await;
    let config = successor_config(&world);
    let deployed = world.client.deploy_governance(&world.admin, &config).await;
    let next = Deployment {
        challenge: stranger_after(&world, world.deployment().challenge, REVERT).await,
        ledger: stranger_after(&world, world.deployment().ledger, STOP).await,
        ..deployed.unwrap()
    };
    world.gov.supersede(&world.admin, &next).await.unwrap();
    let later = world.gov.later_challenges().await.unwrap();
    let later: Vec<Address> = later.iter().map(|later| later.deployment().challenge).collect();
    assert_eq!(later, [next.challenge]);
    assert_eq!(world.gov.ledgers().await.unwrap().len(), 2);
    let own = world.gov.challenge_tolerance().await.unwrap();
    assert_eq!(world.gov.least_tolerance().await.unwrap(), own);
}
