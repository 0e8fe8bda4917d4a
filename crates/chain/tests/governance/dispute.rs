//! `Dispute`: leaves settled by the word of a quorum of verifiers.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall as _, SolEvent as _};
use stele_chain::ChainError;
use stele_chain::client::{
    Account, Call, ChallengeClaim, ChallengeVerdict, DeployConfig, Deployment, DisputeOutcome, DisputeProof,
    Disputed, Governance, NodeRegistration, NodeStatus, OutcomeSignature, Quorum,
};
use stele_chain::contracts::Role;
use stele_chain::contracts::abi::challenge::Challenge;
use stele_chain::contracts::abi::dispute::Dispute as Abi;
use stele_chain::contracts::abi::dispute::VerifierSet::Signature;
use stele_types::{ChainId, Digest, LeafIndex, PolicyVersion, TreeSize, sha256};

use crate::chain::Chain;
use crate::court::{Court, GreedyChallenger, at, now, word};
use crate::merkle::{leaf_hash, leaves, root};
use crate::world::{account, lacks_role, refused};

/// A result that the policy never gives.
const LIE: Digest = Digest([0xbb; 32]);

/// What the policy gives on `INPUT`.
fn truth() -> Digest {
    sha256(&[b"truth"])
}

const INPUT: &[u8] = b"etruth";

/// A court with three verifiers, of whom two must sign.
struct Bench {
    court: Court,
    verifiers: [Account; 3],
}

impl Bench {
    async fn new(chain: Chain) -> Self {
        Self::with(chain, |_| {}).await
    }

    async fn with(chain: Chain, change: impl FnOnce(&mut DeployConfig)) -> Self {
        let verifiers = ["first verifier", "second verifier", "third verifier"].map(account);
        let court = Court::with(chain, |config| {
            let grants = verifiers
                .iter()
                .map(|verifier| (Role::Verifier, verifier.address()));
            config.grants.extend(grants);
            // Anchors of these small logs need nobody; disputes do.
            config.quorum = Quorum {
                threshold: TreeSize::new(1_000),
                signatures: 2,
            };
            change(config);
        })
        .await;
        Self { court, verifiers }
    }

    fn gov(&self) -> &Governance {
        &self.court.world.gov
    }

    fn challenger(&self) -> Address {
        self.court.world.stranger.address()
    }

    /// An anchored decision that records `result`.
    async fn recorded(&self, result: Digest) -> ChallengeClaim {
        self.court.anchored(&self.court.decision(INPUT, result)).await
    }

    fn outcome(&self, claim: &ChallengeClaim, computed: Digest) -> DisputeOutcome {
        DisputeOutcome {
            leaf: claim.leaf,
            computed,
            challenger: self.challenger(),
        }
    }

    /// The signatures of some of the verifiers.
    fn signed(&self, outcome: &DisputeOutcome, by: &[usize]) -> Vec<OutcomeSignature> {
        by.iter()
            .map(|who| self.sign(&self.verifiers[*who], outcome))
            .collect()
    }

    fn sign(&self, who: &Account, outcome: &DisputeOutcome) -> OutcomeSignature {
        self.gov().sign_outcome(who, outcome).unwrap()
    }

    async fn dispute(
        &self,
        claim: &ChallengeClaim,
        outcome: &DisputeOutcome,
        signatures: &[OutcomeSignature],
    ) -> Result<Disputed, ChainError> {
        let who = &self.court.world.stranger;
        self.gov().dispute(who, outcome, &proof(claim), signatures).await
    }

    /// The whole way: the first two verifiers find `computed`.
    async fn settle(&self, claim: &ChallengeClaim, computed: Digest) -> Result<Disputed, ChainError> {
        let outcome = self.outcome(claim, computed);
        self.dispute(claim, &outcome, &self.signed(&outcome, &[0, 1]))
            .await
    }

    async fn settled(&self, claim: &ChallengeClaim) -> Option<bool> {
        self.gov()
            .settled(leaf_hash(&claim.leaf.to_bytes()))
            .await
            .unwrap()
    }

    /// Sends a call of `Dispute` as it stands.
    async fn send(&self, who: &Account, call: &Abi::disputeCall) -> Result<(), ChainError> {
        let call = Call {
            contract: "Dispute".to_owned(),
            to: Some(self.gov().deployment().dispute),
            data: call.abi_encode().into(),
        };
        self.court.world.client.send(who, &call).await.map(|_| ())
    }
}

fn proof(claim: &ChallengeClaim) -> DisputeProof {
    DisputeProof {
        index: claim.index,
        anchor: claim.anchor,
        inclusion: claim.inclusion.clone(),
    }
}

/// The call with these words as signatures.
fn call(
    claim: &ChallengeClaim,
    outcome: &DisputeOutcome,
    signatures: &[OutcomeSignature],
) -> Abi::disputeCall {
    let mut sorted = signatures.to_vec();
    sorted.sort_by_key(|signature| signature.signer);
    let signatures = sorted.iter().map(|signed| {
        let mut s = B256::from_slice(&signed.signature[32..64]);
        s[0] |= (signed.signature[64] - 27) << 7;
        let r = B256::from_slice(&signed.signature[..32]);
        Signature { r, yParityAndS: s }
    });
    Abi::disputeCall {
        decision: Abi::Decision {
            leaf: Bytes::copy_from_slice(&outcome.leaf.to_bytes()),
            index: claim.index.get(),
            anchor: U256::from(claim.anchor),
            inclusion: claim.inclusion.iter().map(|hash| word(*hash)).collect(),
        },
        computed: word(outcome.computed),
        challenger: outcome.challenger,
        signatures: signatures.collect(),
    }
}

pub(crate) async fn a_quorum_refutes_a_lie_without_its_input(chain: Chain) {
    let bench = Bench::new(chain).await;
    let world = &bench.court.world;
    let node = world.node.node_address();
    let claim = bench.recorded(LIE).await;
    assert_eq!(bench.settled(&claim).await, None);
    let outcome = bench.outcome(&claim, truth());
    let digest = Abi::outcomeDigestCall {
        outcome: Abi::Outcome {
            node: world.node.address(),
            leafHash: word(leaf_hash(&claim.leaf.to_bytes())),
            version: word(claim.leaf.policy_version.0),
            verdict: 2,
            computed: word(truth()),
            challenger: bench.challenger(),
        },
    };
    let dispute = world.deployment().dispute;
    let digest = world.client.view("Dispute", dispute, &digest).await.unwrap();
    assert_eq!(
        bench.gov().outcome_digest(&outcome),
        digest,
        "EIP-712 here and on chain"
    );

    let signatures = bench.signed(&outcome, &[2, 0]);
    let before = world.client.head().await.unwrap();
    let disputed = bench.dispute(&claim, &outcome, &signatures).await.unwrap();
    assert!(disputed.refuted);
    let mut expected = [0, 2].map(|who| bench.verifiers[who].address());
    expected.sort();
    assert_eq!(disputed.verifiers, expected);
    assert_eq!(bench.settled(&claim).await, Some(true));
    assert_eq!(
        bench.court.settled(&claim).await,
        Some(true),
        "Challenge knows it too"
    );
    let status = world.gov.node(node).await.unwrap().unwrap().status;
    assert_eq!(status, NodeStatus::Suspended);
    // The evidence.
    let logs = world.chain.logs(dispute, before.get() + 1).await;
    let event = logs
        .iter()
        .find_map(|log| Abi::DisputeRefuted::decode_log(&log.inner).ok());
    let event = event.unwrap().data;
    assert_eq!(event.leaf.as_ref(), claim.leaf.to_bytes());
    assert_eq!(
        (event.computed, event.verifiers),
        (word(truth()), expected.to_vec())
    );

    // Its later anchors are refused.
    let log = leaves(9, 40);
    let anchor = world
        .gov
        .anchor(&world.node, TreeSize::new(40), root(&log), &[])
        .await;
    refused(anchor, "NodeNotActive");
    // When an admin has reinstated it, the same leaf does not suspend it again, here or there.
    world.gov.reinstate_node(&world.admin, node).await.unwrap();
    let refusal = refused(
        bench.dispute(&claim, &outcome, &signatures).await,
        "AlreadySettled",
    );
    assert_eq!(refusal.revert().unwrap().arg("verdict"), Some("Refuted"));
    refused(bench.court.challenge(&claim).await, "AlreadySettled");
    assert!(bench.court.node_is_active().await);
}

pub(crate) async fn an_upheld_decision_is_disputed_once(chain: Chain) {
    let bench = Bench::with(chain, |config| config.challenge_reward = U256::from(1000)).await;
    let world = &bench.court.world;
    world
        .chain
        .pay(&world.deployment().challenge, U256::from(1000))
        .await;
    let claim = bench.recorded(truth()).await;
    let disputed = bench.settle(&claim, truth()).await.unwrap();
    assert!(!disputed.refuted);
    assert_eq!(bench.settled(&claim).await, Some(false));
    for computed in [truth(), LIE] {
        let refusal = refused(bench.settle(&claim, computed).await, "AlreadySettled");
        assert_eq!(refusal.revert().unwrap().arg("verdict"), Some("Upheld"));
    }
    assert_eq!(
        world.gov.challenge_credit(bench.challenger()).await.unwrap(),
        U256::ZERO
    );
    assert!(bench.court.node_is_active().await);
}

pub(crate) async fn what_the_chain_executed_counts_more_than_verifiers(chain: Chain) {
    let bench = Bench::new(chain).await;
    let world = &bench.court.world;
    // Verifiers that lie can't refute what the chain upheld.
    let honest = bench.recorded(truth()).await;
    bench.court.challenge(&honest).await.unwrap();
    refused(bench.settle(&honest, LIE).await, "AlreadySettled");
    assert!(bench.court.node_is_active().await);
    // And they can't shield a lie from it.
    let lie = bench.recorded(LIE).await;
    assert!(!bench.settle(&lie, LIE).await.unwrap().refuted);
    assert_eq!(bench.court.settled(&lie).await, None);
    let challenged = bench.court.challenge(&lie).await.unwrap();
    assert!(matches!(challenged.verdict, ChallengeVerdict::Refuted { .. }));
    assert_eq!(bench.settled(&lie).await, Some(true));
    // Nobody else settles leaves in Challenge.
    let call = Challenge::refuteByQuorumCall {
        leafHash: B256::repeat_byte(7),
        node: world.node.address(),
        challenger: world.stranger.address(),
    };
    for who in [
        &world.stranger,
        &world.admin,
        &world.suspender,
        &bench.verifiers[0],
    ] {
        world.chain.fund(who.address()).await;
        let sent = bench.court.send(who, world.deployment().challenge, &call).await;
        lacks_role(sent, Role::Arbiter, who.address());
    }
}

pub(crate) async fn only_distinct_verifiers_make_a_quorum(chain: Chain) {
    let bench = Bench::new(chain).await;
    let (gov, world) = (bench.gov(), &bench.court.world);
    let claim = bench.recorded(LIE).await;
    let outcome = bench.outcome(&claim, truth());
    let [one, two] = [0, 1].map(|who| bench.sign(&bench.verifiers[who], &outcome));
    let try_it = |signatures: Vec<OutcomeSignature>| {
        let call = call(&claim, &outcome, &signatures);
        let bench = &bench;
        async move { bench.send(&bench.court.world.stranger, &call).await }
    };
    refused(try_it(vec![]).await, "QuorumNeeded");
    refused(try_it(vec![one.clone()]).await, "QuorumNeeded");
    refused(
        try_it(vec![one.clone(), one.clone()]).await,
        "SignersNotAscending",
    );
    let stranger = bench.sign(&world.stranger, &outcome);
    refused(try_it(vec![one.clone(), stranger]).await, "NotAVerifier");
    // Its other form can't be written down; what is near it is nobody's signature.
    let mut words = call(&claim, &outcome, &[one.clone(), two.clone()]);
    words.signatures[1].yParityAndS = B256::from(U256::MAX >> 1);
    refused(bench.send(&world.stranger, &words).await, "BadSignature");
    words.signatures[1].r = B256::ZERO;
    refused(bench.send(&world.stranger, &words).await, "BadSignature");
    let mut malleable = two.clone();
    let mut bytes = two.signature.to_vec();
    let order =
        alloy::primitives::uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
    let s = order - U256::from_be_slice(&bytes[32..64]);
    bytes[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    bytes[64] = 27 + 28 - bytes[64];
    malleable.signature = bytes.into();
    let error = bench
        .dispute(&claim, &outcome, &[one.clone(), malleable])
        .await
        .unwrap_err();
    assert!(matches!(error, ChainError::Signing { .. }), "{error}");

    // A node that is its own verifier, by its own account or by one that acts or acted for it.
    let node = world.node.node_address();
    let operator = account("second operator");
    world.chain.fund(operator.address()).await;
    for own in [world.node.address(), operator.address()] {
        gov.grant_role(&world.admin, Role::Verifier, own).await.unwrap();
    }
    refused(
        try_it(vec![one.clone(), bench.sign(&world.node, &outcome)]).await,
        "NotAVerifier",
    );
    gov.rotate_operator(&world.node, node, operator.address())
        .await
        .unwrap();
    for own in [&world.node, &operator] {
        refused(
            try_it(vec![one.clone(), bench.sign(own, &outcome)]).await,
            "NotAVerifier",
        );
    }

    // The set and the quorum are those of this moment.
    gov.revoke_role(&world.admin, Role::Verifier, two.signer)
        .await
        .unwrap();
    refused(try_it(vec![one.clone(), two.clone()]).await, "NotAVerifier");
    gov.grant_role(&world.admin, Role::Verifier, two.signer)
        .await
        .unwrap();
    let quorum = |signatures| Quorum {
        threshold: TreeSize::new(1_000),
        signatures,
    };
    gov.set_quorum(&world.admin, quorum(3)).await.unwrap();
    refused(try_it(vec![one.clone(), two.clone()]).await, "QuorumNeeded");
    gov.set_quorum(&world.admin, quorum(0)).await.unwrap();
    refused(try_it(vec![one.clone(), two.clone()]).await, "NoQuorum");
    gov.set_quorum(&world.admin, quorum(2)).await.unwrap();
    assert_eq!(bench.settled(&claim).await, None);
    try_it(vec![one, two]).await.unwrap();
    assert!(!bench.court.node_is_active().await);
}

/// Each second verifier signed for something else than what is sent.
pub(crate) async fn signatures_count_for_one_outcome_only(chain: Chain) {
    let bench = Bench::new(chain).await;
    let (gov, world) = (bench.gov(), &bench.court.world);
    let claim = bench.recorded(LIE).await;
    let outcome = bench.outcome(&claim, truth());
    let one = bench.sign(&bench.verifiers[0], &outcome);
    let mut version = outcome;
    version.leaf.policy_version = PolicyVersion::of_bundle(b"another");
    let mut node = outcome;
    node.leaf.node = world.stranger.node_address();
    let elsewhere = [
        // A verifier that disagrees: about the result, or about what it means.
        DisputeOutcome {
            computed: Digest([0xcc; 32]),
            ..outcome
        },
        DisputeOutcome {
            computed: LIE,
            ..outcome
        },
        DisputeOutcome {
            challenger: world.admin.address(),
            ..outcome
        },
        version,
        node,
    ];
    let mut others: Vec<OutcomeSignature> = elsewhere
        .iter()
        .map(|other| bench.sign(&bench.verifiers[1], other))
        .collect();
    for other in [
        Deployment {
            chain_id: ChainId::new(999),
            ..gov.deployment().clone()
        },
        Deployment {
            dispute: gov.deployment().challenge,
            ..gov.deployment().clone()
        },
    ] {
        let other = Governance::new(world.client.clone(), other);
        others.push(other.sign_outcome(&bench.verifiers[1], &outcome).unwrap());
    }
    for other in others {
        let error = bench
            .dispute(&claim, &outcome, &[one.clone(), other])
            .await
            .unwrap_err();
        let refusals = ["NotAVerifier", "SignersNotAscending"];
        assert!(refusals.iter().any(|name| error.is_revert(name)), "{error}");
    }
    // A leaf of another version than the one that is anchored is not in the log.
    let signatures = bench.signed(&version, &[0, 1]);
    refused(bench.dispute(&claim, &version, &signatures).await, "NotIncluded");
    assert!(bench.court.node_is_active().await);
}

pub(crate) async fn evidence_that_does_not_hold_is_refused_in_disputes(chain: Chain) {
    let bench = Bench::new(chain).await;
    let world = &bench.court.world;
    let claim = bench.recorded(LIE).await;
    let outcome = bench.outcome(&claim, truth());
    let signatures = bench.signed(&outcome, &[0, 1]);
    let good = call(&claim, &outcome, &signatures);
    type Spoil = fn(&mut Abi::disputeCall);
    let cases: [(&str, Spoil); 8] = [
        ("NotALeaf", |call| {
            call.decision.leaf = call.decision.leaf.slice(..287)
        }),
        ("NotALeaf", |call| {
            let mut leaf = call.decision.leaf.to_vec();
            leaf[0] = 1;
            call.decision.leaf = leaf.into();
        }),
        ("NotIncluded", |call| call.decision.index += 1),
        ("NotIncluded", |call| call.decision.inclusion[0][31] ^= 1),
        ("NotIncluded", |call| call.decision.inclusion = Vec::new()),
        ("NotIncluded", |call| call.decision.inclusion.push(B256::ZERO)),
        ("NotIncluded", |call| {
            let mut leaf = call.decision.leaf.to_vec();
            leaf[287] ^= 1;
            call.decision.leaf = leaf.into();
        }),
        ("NoSuchAnchor", |call| call.decision.anchor = U256::from(99)),
    ];
    for (error, spoil) in cases {
        let mut bad = good.clone();
        spoil(&mut bad);
        refused(bench.send(&world.stranger, &bad).await, error);
    }
    // A failed evaluation claims nothing.
    let failed = bench.recorded(stele_types::NO_ANSWER).await;
    refused(bench.settle(&failed, truth()).await, "NoAnswerRecorded");
    // Nodes that are not active are left alone: suspended ones, and those that never were.
    let node = world.node.node_address();
    world
        .gov
        .suspend_node(&world.suspender, node, "retired")
        .await
        .unwrap();
    refused(bench.send(&world.stranger, &good).await, "NodeNotActive");
    let mut unknown = bench.court.decision(INPUT, LIE);
    unknown.node = world.stranger.node_address();
    let unknown = ChallengeClaim {
        leaf: unknown.leaf(),
        ..claim.clone()
    };
    refused(bench.settle(&unknown, truth()).await, "NodeNotActive");
    world.gov.reinstate_node(&world.admin, node).await.unwrap();
    assert_eq!(bench.settled(&claim).await, None);
    bench.send(&world.stranger, &good).await.unwrap();
}

pub(crate) async fn the_reward_is_the_challengers_whoever_sends(chain: Chain) {
    let bench = Bench::with(chain, |config| config.challenge_reward = U256::from(1000)).await;
    let (gov, world) = (bench.gov(), &bench.court.world);
    world
        .chain
        .pay(&world.deployment().challenge, U256::from(5000))
        .await;
    let thief = account("thief");
    world.chain.fund(thief.address()).await;
    let claim = bench.recorded(LIE).await;
    let outcome = bench.outcome(&claim, truth());
    let signatures = bench.signed(&outcome, &[0, 1]);
    let seen = call(&claim, &outcome, &signatures);
    let mut own = seen.clone();
    own.challenger = thief.address();
    let error = bench.send(&thief, &own).await.unwrap_err();
    assert!(
        error.is_revert("NotAVerifier") || error.is_revert("SignersNotAscending"),
        "{error}"
    );
    bench.send(&thief, &seen).await.unwrap();
    assert_eq!(gov.challenge_credit(thief.address()).await.unwrap(), U256::ZERO);
    assert_eq!(
        gov.challenge_credit(bench.challenger()).await.unwrap(),
        U256::from(1000)
    );
    refused(
        bench.dispute(&claim, &outcome, &signatures).await,
        "AlreadySettled",
    );

    // A challenger that withdraws again while it is paid.
    gov.reinstate_node(&world.admin, world.node.node_address())
        .await
        .unwrap();
    let contract = bench.court.greedy().await;
    let claim = bench.recorded(Digest([0xdd; 32])).await;
    let outcome = DisputeOutcome {
        challenger: contract,
        ..bench.outcome(&claim, truth())
    };
    bench
        .dispute(&claim, &outcome, &bench.signed(&outcome, &[0, 1]))
        .await
        .unwrap();
    let who = &world.stranger;
    let again = GreedyChallenger::withdrawCall { again: true };
    refused(bench.court.send(who, contract, &again).await, "PaymentFailed");
    let once = GreedyChallenger::withdrawCall { again: false };
    bench.court.send(who, contract, &once).await.unwrap();
    assert_eq!(world.client.balance(contract).await.unwrap(), U256::from(1000));
}

pub(crate) async fn disputes_outlive_a_succession(chain: Chain) {
    let bench = Bench::new(chain).await;
    let world = &bench.court.world;
    let claim = bench.recorded(LIE).await;
    let mut grants = vec![(Role::Admin, world.admin.address())];
    grants.extend(
        bench
            .verifiers
            .iter()
            .skip(1)
            .map(|who| (Role::Verifier, who.address())),
    );
    let config = DeployConfig {
        grants,
        quorum: world.gov.quorum().await.unwrap(),
        predecessor: Some(world.deployment().clone()),
        ..DeployConfig::default()
    };
    let next = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    world.gov.supersede(&world.admin, &next).await.unwrap();
    next.check(&world.client).await.unwrap();
    let new = Governance::new(world.client.clone(), next.clone());
    let node = world.node.node_address();
    let registration = NodeRegistration {
        node,
        log_key: [7; 32],
        name: "stele.test/log".to_owned(),
        uri: String::new(),
    };
    new.register_node(&world.admin, &registration).await.unwrap();
    let last = world.gov.anchor_of(node).await.unwrap().unwrap();
    new.anchor(&world.node, last.size, last.root, &[]).await.unwrap();

    // What was signed for the old contract, and the old verifiers, count there only.
    let outcome = bench.outcome(&claim, truth());
    let who = &world.stranger;
    let old = bench.signed(&outcome, &[1, 2]);
    let error = new
        .dispute(who, &outcome, &proof(&claim), &old)
        .await
        .unwrap_err();
    assert!(
        error.is_revert("NotAVerifier") || error.is_revert("SignersNotAscending"),
        "{error}"
    );
    let sign = |who: usize| new.sign_outcome(&bench.verifiers[who], &outcome).unwrap();
    let sent = new
        .dispute(who, &outcome, &proof(&claim), &[sign(0), sign(1)])
        .await;
    refused(sent, "NotAVerifier");
    // The decision was made under the old registry; the new ledger has its tree.
    let sent = new
        .dispute(who, &outcome, &proof(&claim), &[sign(1), sign(2)])
        .await;
    assert!(sent.unwrap().refuted);
    assert!(!new.is_active_node(node).await.unwrap());
    assert!(bench.court.node_is_active().await, "the old court judges its own");

    // Whoever knows a trusted Challenge finds the Dispute that may settle its leaves.
    let found = Deployment::of_challenge(&world.client, next.challenge)
        .await
        .unwrap();
    assert_eq!(found.dispute, next.dispute);
    let arbiter = Role::Arbiter;
    new.revoke_role(&world.admin, arbiter, next.dispute)
        .await
        .unwrap();
    let found = Deployment::of_challenge(&world.client, next.challenge)
        .await
        .unwrap();
    assert_eq!(found.dispute, Address::ZERO);
}

pub(crate) async fn disputes_need_little_gas(chain: Chain) {
    let verifiers: Vec<_> = (0..7)
        .map(|number| account(&format!("verifier {number}")))
        .collect();
    let bench = Bench::with(chain, |config| {
        config
            .grants
            .extend(verifiers.iter().map(|who| (Role::Verifier, who.address())));
        config.quorum.signatures = 7;
    })
    .await;
    let world = &bench.court.world;
    const HEIGHT_20: u64 = 1 << 20;
    for (word, result) in [("upheld", truth()), ("refuted", LIE)] {
        let node = account(word);
        world.chain.fund(node.address()).await;
        world.register(&node).await;
        let mut decision = bench.court.decision(INPUT, result);
        (decision.node, decision.time) = (node.node_address(), at(now()));
        let leaf = decision.leaf();
        let index = HEIGHT_20 / 3;
        let mut tree = crate::large::LargeTree::new(Some((index, leaf_hash(&leaf.to_bytes()))));
        let size = TreeSize::new(HEIGHT_20);
        let outcome = DisputeOutcome {
            leaf,
            computed: truth(),
            challenger: bench.challenger(),
        };
        let gov = bench.gov();
        gov.set_quorum(
            &world.admin,
            Quorum {
                threshold: size,
                signatures: 7,
            },
        )
        .await
        .unwrap();
        gov.anchor(&node, size, tree.root(HEIGHT_20), &[]).await.unwrap();
        let proof = DisputeProof {
            index: LeafIndex::new(index),
            anchor: 0,
            inclusion: tree.inclusion(index, HEIGHT_20),
        };
        let signatures: Vec<_> = verifiers.iter().map(|who| bench.sign(who, &outcome)).collect();
        let disputed = gov
            .dispute(&world.stranger, &outcome, &proof, &signatures)
            .await
            .unwrap();
        assert_eq!(disputed.refuted, word == "refuted");
        let action = format!("dispute at depth 20, 7 signatures, {word}");
        crate::gas::within(&action, disputed.gas_used.get(), 400_000);
    }
}
