//! What the main actions cost. The figures in `docs/contracts.md` come from here:
//! `cargo test -p stele-chain --test governance gas -- --nocapture`.

use alloy::primitives::U256;
use alloy::sol_types::SolCall as _;
use stele_chain::client::{Call, ChallengeClaim, ChallengeVerdict, Receipt};
use stele_chain::contracts::Role;
use stele_chain::contracts::abi::ledger::DecisionLedger;
use stele_types::{
    DecisionId, Digest, EntryPoint, Leaf, LeafIndex, Salt, Timestamp, TreeSize, Value, commit, encoding,
    sha256,
};

use crate::chain::Chain;
use crate::compiled::{Compiled, document};
use crate::court::{at, now, word};
use crate::large::LargeTree;
use crate::merkle::{consistency, leaf_hash, leaves, root};
use crate::world::{World, account, policy};

/// Prints a figure and checks it against its bound.
pub(crate) fn within(action: &str, gas: u64, bound: u64) {
    eprintln!("gas | {action} | {gas}");
    assert!(gas <= bound, "{action} costs {gas} gas, more than {bound}");
}

fn used(receipt: &Receipt) -> u64 {
    receipt.gas_used.get()
}

pub(crate) async fn the_main_actions_stay_affordable(chain: Chain) {
    let world = World::new(chain).await;
    let gov = &world.gov;
    let first = world.deployment().block.get();
    for (index, (contract, bound)) in [
        ("NodeRegistry", 3_000_000),
        ("DecisionLedger", 3_500_000),
        ("PolicyRegistry", 5_000_000),
        ("Challenge", 5_500_000),
        ("Enforcer", 3_000_000),
        ("Dispute", 2_500_000),
    ]
    .into_iter()
    .enumerate()
    {
        let gas = world.chain.gas_of_block(first + index as u64).await;
        within(&format!("deploy {contract}"), gas, bound);
    }
    let mut ids = Vec::new();
    for name in ["v1", "v2"] {
        let request = world.request(name).await;
        let before = world.client.head().await.unwrap();
        let id = gov.propose(&world.author, &request).await.unwrap();
        let gas = world.chain.gas_of_block(before.get() + 1).await;
        within(&format!("propose {name}"), gas, 500_000);
        let first = gov.approve(&world.security, id, Role::Security).await.unwrap();
        within(&format!("approve {name}, first"), used(&first), 170_000);
        let second = gov.approve(&world.platform, id, Role::Platform).await.unwrap();
        within(
            &format!("approve {name}, second (time lock starts)"),
            used(&second),
            180_000,
        );
        if name == "v2" {
            let canary = gov.start_canary(&world.author, id, 10).await.unwrap();
            within("start canary", used(&canary), 100_000);
        }
        let activated = gov.activate(&world.author, id).await.unwrap();
        within(&format!("activate {name}"), used(&activated), 240_000);
        ids.push(id);
    }
    let rolled_back = gov.rollback(&world.responder, &policy(), ids[1]).await.unwrap();
    within("rollback", used(&rolled_back), 180_000);

    let registered = world.client.head().await.unwrap();
    world.register(&world.node).await;
    within(
        "register node",
        world.chain.gas_of_block(registered.get() + 1).await,
        350_000,
    );

    let log = leaves(1, 1025);
    let mut old = 0;
    for size in [1, 2, 3, 64, 1000, 1024, 1025] {
        let proof = if old == 0 {
            Vec::new()
        } else {
            consistency(old, &log[..size])
        };
        let tree = root(&log[..size]);
        let anchored = gov
            .anchor(&world.node, TreeSize::new(size as u64), tree, &proof)
            .await
            .unwrap();
        let gas = anchored.gas_used.unwrap().get();
        // 21,000 for a transaction, four fresh slots, an event; then call data and two hashes a proof node at most.
        let bound = 140_000 + 2_000 * proof.len() as u64;
        within(
            &format!("anchor {old} to {size}, proof of {}", proof.len()),
            gas,
            bound,
        );
        old = size;
    }
}

pub(crate) async fn a_quorum_of_seven_is_affordable(chain: Chain) {
    let verifiers: Vec<_> = (0..7)
        .map(|number| account(&format!("verifier {number}")))
        .collect();
    let world = World::with(chain, |config| {
        let grants = verifiers
            .iter()
            .map(|verifier| (Role::Verifier, verifier.address()));
        config.grants.extend(grants);
    })
    .await;
    world.register(&world.node).await;
    let (gov, node) = (&world.gov, world.node.node_address());
    let log = leaves(1, 129);
    let mut operator = world.node.clone();
    let mut gas = Vec::new();
    let mut old = 0;
    // From a power of two to the next size the proofs are of one length, so nothing but the signatures makes the difference.
    for (size, signed) in [8, 16, 32, 64, 128]
        .into_iter()
        .flat_map(|size| [(size, false), (size + 1, size > 8)])
    {
        // The first quorum is for the node's own address, each later one for another operator.
        if signed && size > 17 {
            operator = account(&format!("operator since {size} leaves"));
            world.chain.fund(operator.address()).await;
            gov.rotate_operator(&world.admin, node, operator.address())
                .await
                .unwrap();
        }
        let proof = if old == 0 {
            Vec::new()
        } else {
            consistency(old, &log[..size])
        };
        let (tree, count) = (root(&log[..size]), TreeSize::new(size as u64));
        let sign = |verifier| gov.sign_checkpoint(verifier, node, count, tree).unwrap();
        let signatures: Vec<_> = verifiers.iter().filter(|_| signed).map(sign).collect();
        let anchored = gov
            .anchor_with_quorum(&operator, count, tree, &proof, &signatures)
            .await
            .unwrap();
        gas.push(anchored.gas_used.unwrap().get());
        old = size;
    }
    within("anchor 16 to 17 with 7 signatures", gas[3], 190_000);
    let check = |signed: usize| gas[signed] - gas[1];
    within(
        "of this the quorum of 7 signatures, call data included",
        check(3),
        45_000,
    );
    // What the check would cost in a transaction of its own.
    for (signed, replaced, bound) in [
        (3, "never", 66_000),
        (5, "once", 66_000),
        (7, "twice", 71_000),
        (9, "three times", 75_000),
    ] {
        let action = format!("quorum of 7 and the 21,000 of a transaction, operator replaced {replaced}");
        within(&action, check(signed) + 21_000, bound);
    }
}

/// A million leaves, and as many as a tree of height 20 has.
const MILLION: u64 = 1_000_000;
const HEIGHT_20: u64 = 1 << 20;

pub(crate) async fn logs_of_a_million_decisions_stay_affordable(chain: Chain) {
    let world = World::new(chain).await;
    world.register(&world.node).await;
    let gov = &world.gov;
    let mut tree = LargeTree::new(None);
    // From every size of the log whose consistency proof is as long as it can be, and a usual one.
    for (old, new) in [
        (MILLION - 1, MILLION),
        (MILLION + 1, HEIGHT_20 - 1),
        (HEIGHT_20 - 1, HEIGHT_20),
    ] {
        if gov
            .anchor_of(world.node.node_address())
            .await
            .unwrap()
            .map(|anchor| anchor.size.get())
            != Some(old)
        {
            let before = gov.anchor_of(world.node.node_address()).await.unwrap();
            let proof = before.map_or_else(Vec::new, |anchor| tree.consistency(anchor.size.get(), old));
            let root = tree.root(old);
            gov.anchor(&world.node, TreeSize::new(old), root, &proof)
                .await
                .unwrap();
        }
        let proof = tree.consistency(old, new);
        let root = tree.root(new);
        let anchored = gov
            .anchor(&world.node, TreeSize::new(new), root, &proof)
            .await
            .unwrap();
        let action = format!("anchor {old} to {new}, proof of {}", proof.len());
        within(&action, anchored.gas_used.unwrap().get(), 150_000);
    }
    let index = HEIGHT_20 / 3;
    let call = DecisionLedger::verifyInclusionCall {
        node: world.node.address(),
        index: U256::from(gov.anchor_count(world.node.node_address()).await.unwrap() - 1),
        leafIndex: index,
        leaf: word(tree.inclusion(1, 2)[0]),
        proof: tree.inclusion(index, HEIGHT_20).into_iter().map(word).collect(),
    };
    assert!(
        world
            .client
            .view("DecisionLedger", world.deployment().ledger, &call)
            .await
            .unwrap()
    );
    let call = Call {
        contract: "DecisionLedger".to_owned(),
        to: Some(world.deployment().ledger),
        data: call.abi_encode().into(),
    };
    let receipt = world.client.send(&world.stranger, &call).await.unwrap();
    within("inclusion at depth 20, whole transaction", used(&receipt), 54_000);
    challenges_of_the_k8s_workload(&world).await;
}

/// The workload of the load tests: an admission review of a pod with three containers, and its seven denials.
async fn challenges_of_the_k8s_workload(world: &World) {
    let compiled = Compiled::from_path("tools/load/k8s/policies", "kubernetes/admission");
    compiled.activate(world).await;
    let input = document("tools/load/k8s/input.json", None);
    let entry = EntryPoint::new("kubernetes/admission/deny").unwrap();
    let contract = world.gov.active(&compiled.id).await.unwrap().unwrap().contract;
    let context = encoding::encode(&Value::object([])).unwrap();
    let result = world
        .client
        .call_policy(contract, &entry, &input, &compiled.data, &context, None)
        .await
        .unwrap();
    let truth = sha256(&[&result]);
    for (outcome, recorded) in [("upheld", truth), ("refuted", Digest([0xbb; 32]))] {
        let node = crate::world::account(outcome);
        world.chain.fund(node.address()).await;
        world.register(&node).await;
        let time: Timestamp = at(now());
        let leaf = Leaf {
            decision_id: DecisionId::from_time_and_random(time, &[7; 10]),
            time,
            node: node.node_address(),
            policy_version: compiled.version,
            entry_point: entry.hash(),
            input_commitment: commit(&Salt([0x5a; 32]), &input),
            data_digest: sha256(&[&compiled.data]),
            result_digest: recorded,
            detail_commitment: Digest([0xdd; 32]),
        };
        let index = HEIGHT_20 / 3;
        let mut tree = LargeTree::new(Some((index, leaf_hash(&leaf.to_bytes()))));
        let (root, inclusion) = (tree.root(HEIGHT_20), tree.inclusion(index, HEIGHT_20));
        world
            .gov
            .anchor(&node, TreeSize::new(HEIGHT_20), root, &[])
            .await
            .unwrap();
        let claim = ChallengeClaim {
            leaf,
            index: LeafIndex::new(index),
            anchor: 0,
            inclusion,
            policy: compiled.id.clone(),
            activation: 0,
            input_salt: Salt([0x5a; 32]),
            input: input.clone(),
            data: compiled.data.clone(),
        };
        let secret = [3; 32];
        let commitment = world
            .gov
            .challenge_commitment(world.stranger.address(), &claim, &secret);
        let committed = world
            .gov
            .commit_challenge(&world.stranger, commitment)
            .await
            .unwrap();
        within("commit to a challenge", used(&committed), 50_000);
        let challenged = world
            .gov
            .challenge(&world.stranger, &claim, &secret)
            .await
            .unwrap();
        assert_eq!(challenged.verdict == ChallengeVerdict::Upheld, recorded == truth);
        let action = format!(
            "challenge of k8s at depth 20, {} bytes of input, {outcome}",
            input.len()
        );
        within(&action, challenged.gas_used.get(), 3_000_000);
    }
}
