//! `DecisionLedger` and the Merkle library.

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolCall;
use stele_chain::ChainError;
use stele_chain::client::{Account, Anchored, ChainClient};
use stele_types::{Digest, LeafIndex, TreeSize};

use crate::chain::Chain;
use crate::merkle::{consistency, inclusion, leaf_hash, leaves, node_hash, root};
use crate::world::{World, account, refused};

alloy::sol!(RFC6962Probe, "../../contracts/artifacts/test/RFC6962Probe.json");

struct Probe {
    client: ChainClient,
    address: Address,
}

impl Probe {
    async fn new(chain: &Chain) -> Self {
        let client = chain.client().await;
        let payer = account("payer");
        chain.fund(payer.address()).await;
        let artifact: serde_json::Value = serde_json::from_str(include_str!(
            "../../../../contracts/artifacts/test/RFC6962Probe.json"
        ))
        .unwrap();
        let code = hex::decode(artifact["bytecode"].as_str().unwrap().trim_start_matches("0x")).unwrap();
        let address = client
            .deploy_policy_contract(&payer, &code)
            .await
            .unwrap()
            .address;
        Self { client, address }
    }

    async fn ask<C: SolCall>(&self, call: C) -> C::Return {
        self.client
            .view("RFC6962Probe", self.address, &call)
            .await
            .unwrap()
    }

    async fn consistent(&self, old: (usize, Digest), new: (usize, Digest), proof: &[Digest]) -> bool {
        self.ask(RFC6962Probe::verifyConsistencyCall {
            oldSize: old.0 as u64,
            oldRoot: word(old.1),
            newSize: new.0 as u64,
            newRoot: word(new.1),
            proof: words(proof),
        })
        .await
    }

    async fn included(&self, tree: (usize, Digest), index: usize, leaf: Digest, proof: &[Digest]) -> bool {
        self.ask(RFC6962Probe::verifyInclusionCall {
            root: word(tree.1),
            size: tree.0 as u64,
            index: index as u64,
            leaf: word(leaf),
            proof: words(proof),
        })
        .await
    }
}

pub(crate) fn word(digest: Digest) -> B256 {
    B256::from(digest.0)
}

fn words(digests: &[Digest]) -> Vec<B256> {
    digests.iter().copied().map(word).collect()
}

/// Proofs that must not be accepted in place of a good one.
fn spoilt(proof: &[Digest]) -> Vec<Vec<Digest>> {
    let mut all = vec![
        [proof, &[Digest([3; 32])]].concat(),
        [&[Digest([3; 32])], proof].concat(),
    ];
    for index in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped[index].0[31] ^= 1;
        all.push(flipped);
        let mut shorter = proof.to_vec();
        shorter.remove(index);
        all.push(shorter);
    }
    if proof.len() > 1 && proof[0] != proof[1] {
        let mut swapped = proof.to_vec();
        swapped.swap(0, 1);
        all.push(swapped);
    }
    all
}

pub(crate) async fn the_library_agrees_with_rfc_6962(chain: Chain) {
    const MAX: usize = 17;
    let probe = Probe::new(&chain).await;
    let data = b"a leaf".to_vec();
    assert_eq!(
        probe
            .ask(RFC6962Probe::leafHashCall {
                data: data.clone().into()
            })
            .await,
        word(leaf_hash(&data))
    );
    let (a, b) = (Digest([1; 32]), Digest([2; 32]));
    let call = RFC6962Probe::nodeHashCall {
        left: word(a),
        right: word(b),
    };
    assert_eq!(probe.ask(call).await, word(node_hash(a, b)));

    let log = leaves(0, MAX);
    for size in 1..=MAX {
        let tree = (size, root(&log[..size]));
        for old in 1..=size {
            let before = (old, root(&log[..old]));
            let proof = consistency(old, &log[..size]);
            assert!(probe.consistent(before, tree, &proof).await, "{old} to {size}");
        }
        for index in 0..size {
            let proof = inclusion(index, &log[..size]);
            assert!(
                probe.included(tree, index, log[index], &proof).await,
                "{index} in {size}"
            );
        }
    }
    // Hashes alone do not tell a short proof from a whole one: the sizes have to fit too.
    let four = root(&log[..4]);
    let x = Digest([5; 32]);
    assert!(probe.consistent((4, four), (8, node_hash(four, x)), &[x]).await);
    assert!(
        !probe.consistent((4, four), (16, node_hash(four, x)), &[x]).await,
        "a lower tree's root"
    );
    assert!(
        !probe.included((1, log[0]), 1, log[0], &[]).await,
        "beyond a tree of one leaf"
    );
    assert!(
        !probe.included((0, log[0]), 0, log[0], &[]).await,
        "in an empty tree"
    );
    // A few shapes in full: complete trees, one more and one fewer than complete, ragged ones.
    for (old, size) in [
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 7),
        (4, 8),
        (6, 8),
        (7, 8),
        (5, 9),
        (8, 15),
        (13, 17),
    ] {
        let (before, tree) = ((old, root(&log[..old])), (size, root(&log[..size])));
        let proof = consistency(old, &log[..size]);
        for bad in spoilt(&proof) {
            assert!(
                !probe.consistent(before, tree, &bad).await,
                "{old} to {size} with a spoilt proof"
            );
        }
        assert!(
            !probe.consistent((old, tree.1), tree, &proof).await,
            "another old root"
        );
        assert!(
            !probe.consistent(before, (size, before.1), &proof).await,
            "another new root"
        );
        assert!(!probe.consistent(tree, before, &proof).await, "backwards");
        assert!(
            !probe.consistent((0, before.1), tree, &proof).await,
            "from nothing"
        );
        assert!(
            !probe
                .consistent((u64::MAX as usize, before.1), (u64::MAX as usize, tree.1), &[])
                .await
        );
        let proof = inclusion(old, &log[..size]);
        for bad in spoilt(&proof) {
            assert!(
                !probe.included(tree, old, log[old], &bad).await,
                "{old} in {size} with a spoilt proof"
            );
        }
        assert!(
            !probe.included(tree, old - 1, log[old], &proof).await,
            "another place"
        );
        assert!(
            !probe.included(tree, size, log[old], &proof).await,
            "beyond the tree"
        );
        assert!(
            !probe.included(tree, old, log[old - 1], &proof).await,
            "another leaf"
        );
    }
}

/// Anchors the first `size` leaves of a log whose first `old` leaves are anchored.
pub(crate) async fn anchor(
    world: &World,
    operator: &Account,
    log: &[Digest],
    old: usize,
    size: usize,
) -> Result<Anchored, ChainError> {
    let proof = if old == 0 || old >= size {
        Vec::new()
    } else {
        consistency(old, &log[..size])
    };
    world
        .gov
        .anchor(operator, TreeSize::new(size as u64), root(&log[..size]), &proof)
        .await
}

pub(crate) async fn a_growing_log_is_anchored(chain: Chain) {
    let world = World::new(chain).await;
    world.register(&world.node).await;
    let node = world.node.node_address();
    assert_eq!(world.gov.anchor_of(node).await.unwrap(), None);
    let log = leaves(1, 100);
    let sizes = [1, 2, 3, 4, 7, 8, 9, 31, 32, 64, 65, 100];
    let mut old = 0;
    for (index, size) in sizes.into_iter().enumerate() {
        let anchored = anchor(&world, &world.node, &log, old, size).await.unwrap();
        assert_eq!(
            (anchored.index, anchored.anchor.size),
            (index as u64, TreeSize::new(size as u64))
        );
        assert!(anchored.gas_used.is_some());
        let last = world.gov.anchor_of(node).await.unwrap().unwrap();
        assert_eq!(last, anchored.anchor);
        assert_eq!(last.root, root(&log[..size]));
        let found = world.gov.anchor_at(node, index as u64).await.unwrap();
        assert_eq!(
            (found.anchor, found.transaction),
            (anchored.anchor, anchored.transaction)
        );
        old = size;
    }
    assert_eq!(world.gov.anchor_count(node).await.unwrap(), sizes.len() as u64);
    refused(
        world.gov.anchor_at(node, sizes.len() as u64).await,
        "NoSuchAnchor",
    );
    for leaf in 0..100_u64 {
        let covering = world
            .gov
            .anchor_covering(node, LeafIndex::new(leaf))
            .await
            .unwrap()
            .unwrap();
        let expected = sizes.iter().position(|size| *size as u64 > leaf).unwrap();
        assert_eq!(covering.index, expected as u64, "first anchor with leaf {leaf}");
    }
    assert!(
        world
            .gov
            .anchor_covering(node, LeafIndex::new(100))
            .await
            .unwrap()
            .is_none()
    );
}

pub(crate) async fn a_rewritten_log_can_not_be_anchored(chain: Chain) {
    let world = World::new(chain).await;
    world.register(&world.node).await;
    let log = leaves(1, 40);
    let mut rewritten = log.clone();
    rewritten[5] = leaf_hash(b"something more convenient");
    refused(
        world
            .gov
            .anchor(&world.node, TreeSize::ZERO, root(&[]), &[])
            .await,
        "EmptyTree",
    );
    refused(
        world
            .gov
            .anchor(&world.node, TreeSize::new(10), root(&log[..10]), &[Digest::ZERO])
            .await,
        "Inconsistent",
    );
    anchor(&world, &world.node, &log, 0, 20).await.unwrap();

    // The rewritten log with its own proof, with the honest log's proof, with none, with garbage.
    let size = TreeSize::new(40);
    for proof in [
        consistency(20, &rewritten),
        consistency(20, &log),
        Vec::new(),
        vec![Digest([9; 32]); 6],
    ] {
        refused(
            world
                .gov
                .anchor(&world.node, size, root(&rewritten), &proof)
                .await,
            "Inconsistent",
        );
    }
    // At the same size, and shorter, even if honest.
    let same = TreeSize::new(20);
    refused(
        world
            .gov
            .anchor(&world.node, same, root(&rewritten[..20]), &[])
            .await,
        "RootChanged",
    );
    refused(
        world
            .gov
            .anchor(&world.node, TreeSize::new(19), root(&log[..19]), &[])
            .await,
        "SizeFell",
    );
    // The honest log with a spoilt proof.
    let proof = consistency(20, &log);
    for bad in spoilt(&proof) {
        refused(
            world.gov.anchor(&world.node, size, root(&log), &bad).await,
            "Inconsistent",
        );
    }
    refused(
        world
            .gov
            .anchor(&world.node, size, root(&log), &vec![Digest([9; 32]); 200])
            .await,
        "Inconsistent",
    );
    // Nothing of that left a trace, and the honest log goes on.
    assert_eq!(
        world.gov.anchor_count(world.node.node_address()).await.unwrap(),
        1
    );
    anchor(&world, &world.node, &log, 20, 40).await.unwrap();
}

pub(crate) async fn only_active_nodes_anchor(chain: Chain) {
    let world = World::new(chain).await;
    let log = leaves(1, 10);
    let unregistered = anchor(&world, &world.stranger, &log, 0, 4).await.unwrap_err();
    assert!(
        matches!(unregistered, ChainError::NotANode { .. }),
        "{unregistered}"
    );
    world.register(&world.node).await;
    anchor(&world, &world.node, &log, 0, 4).await.unwrap();
    world
        .gov
        .suspend_node(&world.suspender, world.node.node_address(), "challenged")
        .await
        .unwrap();
    let refusal = refused(anchor(&world, &world.node, &log, 4, 8).await, "NodeNotActive");
    assert_eq!(refusal.revert().unwrap().arg("status"), Some("Suspended"));
    world
        .gov
        .reinstate_node(&world.admin, world.node.node_address())
        .await
        .unwrap();
    anchor(&world, &world.node, &log, 4, 8).await.unwrap();

    // Another node has a log of its own; a new operator continues the node's log, the old one does not.
    let other = account("other node");
    world.chain.fund(other.address()).await;
    world.register(&other).await;
    anchor(&world, &other, &leaves(2, 3), 0, 3).await.unwrap();
    let operator = account("second operator");
    world.chain.fund(operator.address()).await;
    world
        .gov
        .rotate_operator(&world.node, world.node.node_address(), operator.address())
        .await
        .unwrap();
    let old = anchor(&world, &world.node, &log, 8, 10).await.unwrap_err();
    assert!(matches!(old, ChainError::NotANode { .. }), "{old}");
    let anchored = anchor(&world, &operator, &log, 8, 10).await.unwrap();
    assert_eq!(anchored.anchor.node, world.node.node_address());

    // The contract itself refuses strangers, whatever the client checks first.
    let call = stele_chain::contracts::abi::ledger::DecisionLedger::anchorCall {
        size: 1,
        root: word(log[0]),
        proof: Vec::new(),
    };
    let call = stele_chain::client::Call {
        contract: "DecisionLedger".to_owned(),
        to: Some(world.deployment().ledger),
        data: call.abi_encode().into(),
    };
    let refusal = refused(world.client.send(&world.stranger, &call).await, "NodeNotActive");
    assert_eq!(refusal.revert().unwrap().arg("status"), Some("None"));
}

pub(crate) async fn repeating_an_anchor_changes_nothing(chain: Chain) {
    let world = World::new(chain).await;
    world.register(&world.node).await;
    let log = leaves(1, 10);
    let first = anchor(&world, &world.node, &log, 0, 10).await.unwrap();
    // A client that starts anew recognises its anchor and sends nothing.
    let nonce = world
        .client
        .transaction_count(world.node.address())
        .await
        .unwrap();
    let restarted = World {
        client: world.chain.client().await,
        ..world
    };
    let again = anchor(&restarted, &restarted.node, &log, 0, 10).await.unwrap();
    assert_eq!(
        (again.anchor, again.index, again.transaction),
        (first.anchor, 0, first.transaction)
    );
    assert_eq!(again.gas_used, None);
    assert_eq!(
        restarted
            .client
            .transaction_count(restarted.node.address())
            .await
            .unwrap(),
        nonce
    );
    // Two that race: both succeed, one anchor stands.
    let log = leaves(1, 12);
    let (a, b) = tokio::join!(
        anchor(&restarted, &restarted.node, &log, 10, 12),
        anchor(&restarted, &restarted.node, &log, 10, 12)
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(
        (a.anchor, a.index, a.transaction),
        (b.anchor, b.index, b.transaction)
    );
    assert_eq!(
        restarted
            .gov
            .anchor_count(restarted.node.node_address())
            .await
            .unwrap(),
        2
    );
}

pub(crate) async fn leaves_are_proven_against_anchors(chain: Chain) {
    let world = World::new(chain).await;
    world.register(&world.node).await;
    let node = world.node.node_address();
    let log = leaves(1, 21);
    anchor(&world, &world.node, &log, 0, 13).await.unwrap();
    anchor(&world, &world.node, &log, 13, 21).await.unwrap();
    for (index, size) in [(0, 13), (1, 21)] {
        for leaf in [0, 5, 12] {
            let proof = inclusion(leaf, &log[..size]);
            let at = LeafIndex::new(leaf as u64);
            assert!(
                world
                    .gov
                    .verify_inclusion(node, index, at, log[leaf], &proof)
                    .await
                    .unwrap()
            );
            assert!(
                !world
                    .gov
                    .verify_inclusion(node, index, at, log[leaf + 1], &proof)
                    .await
                    .unwrap()
            );
            assert!(
                !world
                    .gov
                    .verify_inclusion(node, 1 - index, at, log[leaf], &proof)
                    .await
                    .unwrap()
            );
        }
    }
    refused(
        world
            .gov
            .verify_inclusion(node, 2, LeafIndex::new(0), log[0], &[])
            .await,
        "NoSuchAnchor",
    );
}
