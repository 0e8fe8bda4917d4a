//! What the main actions cost. The figures in `docs/contracts.md` come from here:
//! `cargo test -p stele-chain --test governance gas -- --nocapture`.

use stele_chain::client::Receipt;
use stele_chain::contracts::Role;
use stele_types::TreeSize;

use crate::chain::Chain;
use crate::merkle::{consistency, leaves, root};
use crate::world::{World, policy};

/// Prints a figure and checks it against its bound.
fn within(action: &str, gas: u64, bound: u64) {
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
        ("Challenge", 3_500_000),
        ("Enforcer", 3_000_000),
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
