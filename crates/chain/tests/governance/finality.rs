//! What is read on a chain whose newest blocks may still be replaced. Needs anvil, which replaces them on command.

use serde_json::json;
use stele_chain::client::Governance;

use crate::chain::Chain;
use crate::court::Court;
use crate::omission::{claim, court, due, settle, succeeded, unlogged};

/// Until the newest block is final: anvil calls final what is two epochs old.
const EPOCHS: u64 = 65;

impl Court {
    /// Takes back so many blocks with all that was in them, and goes on with a client that has not seen them.
    async fn take_back(&mut self, blocks: u64) {
        let world = &mut self.world;
        world.chain.anvil_rpc("anvil_reorg", json!([blocks, []])).await;
        world
            .chain
            .anvil_rpc("anvil_dropAllTransactions", json!([]))
            .await;
        world.client = world.chain.client().await;
        world.gov = Governance::new(world.client.clone(), world.deployment().clone());
    }

    async fn claims_are_over(&self) -> bool {
        let node = self.world.node.node_address();
        self.world.gov.claims_are_over(node).await.unwrap()
    }

    async fn finalize(&self) {
        self.world.chain.anvil_rpc("anvil_mine", json!([EPOCHS])).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_are_over_only_in_blocks_that_are_final() {
    let Some(chain) = Chain::anvil().await else { return };
    let mut court = court(chain).await;
    let node = court.world.node.node_address();
    let promised = due(&court, unlogged(&court, "promised"));
    let before = court.world.client.head().await.unwrap().get();
    succeeded(&court.world).await;
    assert!(court.world.gov.open_omissions(node).await.unwrap().is_empty());
    assert!(!court.claims_are_over().await, "its block may be replaced");

    // It is, by one before which there was a claim.
    let after = court.world.client.head().await.unwrap().get();
    court.take_back(after - before).await;
    claim(&court, &promised).await.unwrap();
    succeeded(&court.world).await;
    court.finalize().await;
    assert!(!court.claims_are_over().await, "a claim is open");
    assert_eq!(court.world.gov.open_omissions(node).await.unwrap().len(), 1);
    crate::world::pass(6).await;
    settle(&court, &promised).await.unwrap();
    assert!(
        !court.claims_are_over().await,
        "the end of the claim is not final"
    );
    court.finalize().await;
    assert!(court.claims_are_over().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_chain_says_what_is_final() {
    let embedded = Chain::embedded().await.unwrap().client().await;
    let genesis = embedded.finalized().await.unwrap().unwrap();
    assert_eq!(genesis.0, embedded.head().await.unwrap());
    let Some(chain) = Chain::anvil().await else { return };
    let client = chain.client().await;
    chain.anvil_rpc("anvil_mine", json!([EPOCHS])).await;
    let (number, hash) = client.finalized().await.unwrap().unwrap();
    assert!(number < client.head().await.unwrap(), "{number} {hash}");
}
