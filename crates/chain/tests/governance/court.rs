//! A world with a node, its log and a policy that does what its input says (`contracts/test/StubPolicy.sol`).

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolConstructor;
use stele_chain::ChainError;
use stele_chain::client::{
    Account, ChallengeClaim, Challenged, DeployConfig, Governance, ProposalId, ProposalRequest,
};
use stele_chain::contracts::Role;
use stele_types::{
    DecisionId, Digest, EntryPoint, Leaf, LeafIndex, NodeAddress, Salt, Timestamp, TreeSize, commit, sha256,
};

use crate::chain::Chain;
use crate::merkle::{inclusion, leaf_hash, leaves, root};
use crate::world::{World, policy, version};

alloy::sol!(StubPolicy, "../../contracts/artifacts/test/StubPolicy.json");
alloy::sol!(
    GreedyChallenger,
    "../../contracts/artifacts/test/GreedyChallenger.json"
);

pub(crate) const SALT: Salt = Salt([0x5a; 32]);

/// The creation code in a test artifact.
pub(crate) fn bytecode(artifact: &str) -> Vec<u8> {
    let artifact: serde_json::Value = serde_json::from_str(artifact).unwrap();
    hex::decode(artifact["bytecode"].as_str().unwrap().trim_start_matches("0x")).unwrap()
}

/// What a decision is about; the leaf follows from it.
#[derive(Clone)]
pub(crate) struct Decision {
    pub node: NodeAddress,
    pub version: &'static str,
    pub time: Timestamp,
    pub input: Vec<u8>,
    pub data: Vec<u8>,
    pub result: Digest,
}

impl Decision {
    pub(crate) fn leaf(&self) -> Leaf {
        Leaf {
            decision_id: DecisionId::from_time_and_random(self.time, &[7; 10]),
            time: self.time,
            node: self.node,
            policy_version: version(self.version),
            entry_point: EntryPoint::new("kubernetes/admission/deny").unwrap().hash(),
            input_commitment: commit(&SALT, &self.input),
            data_digest: sha256(&[&self.data]),
            result_digest: self.result,
            detail_commitment: Digest([0xdd; 32]),
        }
    }
}

/// Now, on the clock that the chains read.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000 + 123_456_789)
}

pub(crate) struct Court {
    pub world: World,
    /// The leaf hashes that are anchored.
    log: std::sync::Mutex<Vec<Digest>>,
}

static SECRETS: AtomicU8 = AtomicU8::new(1);

impl Court {
    /// A registered node and the version `v1` in force.
    pub(crate) async fn new(chain: Chain) -> Self {
        Self::with(chain, |_| {}).await
    }

    pub(crate) async fn with(chain: Chain, change: impl FnOnce(&mut DeployConfig)) -> Self {
        let world = World::with(chain, change).await;
        world.register(&world.node).await;
        let court = Self {
            world,
            log: std::sync::Mutex::new(leaves(9, 5)),
        };
        court.activate("v1").await;
        court
    }

    /// Puts a version with the stub as its contract in force.
    pub(crate) async fn activate(&self, name: &str) -> ProposalId {
        let world = &self.world;
        let contract = self
            .create(&bytecode(include_str!(
                "../../../../contracts/artifacts/test/StubPolicy.json"
            )))
            .await;
        let request = ProposalRequest {
            policy: policy(),
            version: version(name),
            contract,
            code_hash: world.client.code_hash(contract).await.unwrap(),
            uri: String::new(),
        };
        let id = world.gov.propose(&world.author, &request).await.unwrap();
        for (account, role) in [
            (&world.security, Role::Security),
            (&world.platform, Role::Platform),
        ] {
            world.gov.approve(account, id, role).await.unwrap();
        }
        world.gov.activate(&world.author, id).await.unwrap();
        id
    }

    pub(crate) async fn create(&self, code: &[u8]) -> Address {
        let payer = &self.world.author;
        self.world
            .client
            .deploy_policy_contract(payer, code)
            .await
            .unwrap()
            .address
    }

    /// A contract that challenges.
    pub(crate) async fn greedy(&self) -> Address {
        let arguments = GreedyChallenger::constructorCall {
            target: self.world.deployment().challenge,
        };
        let artifact = include_str!("../../../../contracts/artifacts/test/GreedyChallenger.json");
        let code = [bytecode(artifact), arguments.abi_encode()].concat();
        self.create(&code).await
    }

    /// A decision of the node under `v1`, now, whose policy does as `input` says.
    pub(crate) fn decision(&self, input: &[u8], result: Digest) -> Decision {
        Decision {
            node: self.world.node.node_address(),
            version: "v1",
            time: at(now()),
            input: input.to_vec(),
            data: vec![7, 7],
            result,
        }
    }

    /// Logs and anchors a decision, and returns the claim that challenges it.
    pub(crate) async fn anchored(&self, decision: &Decision) -> ChallengeClaim {
        let gov = &self.world.gov;
        let leaf = decision.leaf();
        let (index, hashes, proof) = {
            let mut log = self.log.lock().unwrap();
            let old = log.len();
            let index = old;
            log.push(leaf_hash(&leaf.to_bytes()));
            log.extend(leaves(old as u8, 3));
            (index, log.clone(), old)
        };
        let before = gov.anchor_of(self.world.node.node_address()).await.unwrap();
        let consistency = if before.is_some() {
            crate::merkle::consistency(proof, &hashes)
        } else {
            Vec::new()
        };
        let size = TreeSize::new(hashes.len() as u64);
        let anchored = gov
            .anchor(&self.world.node, size, root(&hashes), &consistency)
            .await
            .unwrap();
        ChallengeClaim {
            leaf,
            index: LeafIndex::new(index as u64),
            anchor: anchored.index,
            inclusion: inclusion(index, &hashes),
            policy: policy(),
            activation: 0,
            input_salt: SALT,
            input: decision.input.clone(),
            data: decision.data.clone(),
        }
    }

    /// The leaf hashes that are anchored.
    pub(crate) fn hashes(&self) -> Vec<Digest> {
        self.log.lock().unwrap().clone()
    }

    /// Commits, and challenges.
    pub(crate) async fn challenge(&self, claim: &ChallengeClaim) -> Result<Challenged, ChainError> {
        self.challenge_as(&self.world.gov, &self.world.stranger, claim)
            .await
    }

    pub(crate) async fn challenge_as(
        &self,
        gov: &Governance,
        who: &Account,
        claim: &ChallengeClaim,
    ) -> Result<Challenged, ChainError> {
        // A commitment is made once, so each try has a secret of its own.
        let secret = [SECRETS.fetch_add(1, Ordering::Relaxed); 32];
        let commitment = gov.challenge_commitment(who.address(), claim, &secret);
        gov.commit_challenge(who, commitment).await?;
        gov.challenge(who, claim, &secret).await
    }

    pub(crate) async fn node_is_active(&self) -> bool {
        let node = self.world.node.node_address();
        self.world.gov.is_active_node(node).await.unwrap()
    }

    /// What became of the claim's leaf.
    pub(crate) async fn settled(&self, claim: &ChallengeClaim) -> Option<bool> {
        let hash = leaf_hash(&claim.leaf.to_bytes());
        self.world.gov.challenged(hash).await.unwrap()
    }

    /// Sends a raw call.
    pub(crate) async fn send(
        &self,
        who: &Account,
        to: Address,
        call: &impl alloy::sol_types::SolCall,
    ) -> Result<stele_chain::client::Receipt, ChainError> {
        let call = stele_chain::client::Call {
            contract: "Challenge".to_owned(),
            to: Some(to),
            data: call.abi_encode().into(),
        };
        self.world.client.send(who, &call).await
    }
}

pub(crate) fn word(digest: Digest) -> B256 {
    B256::from(digest.0)
}
