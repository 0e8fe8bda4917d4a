//! `Challenge`.

use std::time::Duration;

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol_types::{SolCall as _, SolEvent as _, SolValue as _};
use stele_chain::client::{ChallengeClaim, ChallengeVerdict, Deployment, Governance, NodeStatus};
use stele_chain::contracts::Role;
use stele_chain::contracts::abi::challenge::Challenge as Abi;
use stele_types::{ChainId, Digest, LeafIndex, Salt, TreeSize, Value, encoding, sha256};

use crate::chain::Chain;
use crate::court::{Court, GreedyChallenger, at, now, word};
use crate::merkle::{leaves, root};
use crate::world::{account, lacks_role, policy, refused};

/// A result that the policy never gives.
const LIE: Digest = Digest([0xbb; 32]);

/// The claim in the contract's own type.
fn on_chain(deployment: &Deployment, claim: &ChallengeClaim) -> Abi::Claim {
    Abi::Claim {
        chainId: U256::from(deployment.chain_id.get()),
        leaf: Bytes::copy_from_slice(&claim.leaf.to_bytes()),
        index: claim.index.get(),
        anchor: U256::from(claim.anchor),
        inclusion: claim.inclusion.iter().map(|hash| word(*hash)).collect(),
        registry: deployment.registry,
        policyId: word(policy().chain_id()),
        activation: U256::from(claim.activation),
        inputSalt: B256::from(claim.input_salt.0),
        input: claim.input.clone().into(),
        data: claim.data.clone().into(),
    }
}

pub(crate) async fn a_lie_is_refuted_and_its_node_suspended(chain: Chain) {
    let court = Court::new(chain).await;
    let world = &court.world;
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    assert_eq!(court.settled(&claim).await, None);
    let challenged = court.challenge(&claim).await.unwrap();
    let truth = ChallengeVerdict::Refuted {
        computed: sha256(&[b"truth"]),
        conflict: false,
        result: b"truth".to_vec(),
    };
    assert_eq!(challenged.verdict, truth);
    assert_eq!(court.settled(&claim).await, Some(true));
    let node = world.gov.node(world.node.node_address()).await.unwrap().unwrap();
    assert_eq!(node.status, NodeStatus::Suspended);

    // Its later anchors are refused.
    let log = leaves(9, 40);
    let anchor = world
        .gov
        .anchor(&world.node, TreeSize::new(40), root(&log), &[])
        .await;
    refused(anchor, "NodeNotActive");

    // When an admin has reinstated it, the same leaf does not suspend it again.
    world
        .gov
        .reinstate_node(&world.admin, world.node.node_address())
        .await
        .unwrap();
    let refusal = refused(court.challenge(&claim).await, "AlreadySettled");
    assert_eq!(refusal.revert().unwrap().arg("verdict"), Some("Refuted"));
    assert!(court.node_is_active().await);
}

pub(crate) async fn an_honest_decision_is_upheld_and_only_once(chain: Chain) {
    let court = Court::new(chain).await;
    let time = at(now());
    let context = Value::object([(
        Value::from("time_ns"),
        Value::from(i64::try_from(time.as_nanos()).unwrap()),
    )]);
    let context = encoding::encode(&context).unwrap();
    // The result; an undefined one; one made of the data document; one made of the context.
    let honest: [(&[u8], &[u8]); 4] = [
        (b"etruth", b"truth"),
        (b"u", b""),
        (b"d", &[7, 7]),
        (b"x", &context),
    ];
    for (input, result) in honest {
        let mut decision = court.decision(input, sha256(&[result]));
        decision.time = time;
        let claim = court.anchored(&decision).await;
        let challenged = court.challenge(&claim).await.unwrap();
        assert_eq!(challenged.verdict, ChallengeVerdict::Upheld);
        assert_eq!(court.settled(&claim).await, Some(false));
        let refusal = refused(court.challenge(&claim).await, "AlreadySettled");
        assert_eq!(refusal.revert().unwrap().arg("verdict"), Some("Upheld"));
    }
    assert!(court.node_is_active().await);
}

pub(crate) async fn contradictions_count_and_failures_do_not(chain: Chain) {
    let court = Court::new(chain).await;
    // Other errors, all gas, an answer that no ABI encodes, a write: nothing follows for the node.
    for input in [b"f", b"g", b"p", b"w"] {
        for result in [LIE, sha256(&[b""])] {
            let claim = court.anchored(&court.decision(input, result)).await;
            refused(court.challenge(&claim).await, "NotExecutable");
            assert_eq!(court.settled(&claim).await, None);
        }
    }
    // A leaf that records a failure claims nothing, whatever the policy says.
    for input in [b"etruth".as_slice(), b"c", b"f"] {
        let claim = court
            .anchored(&court.decision(input, stele_types::NO_ANSWER))
            .await;
        refused(court.challenge(&claim).await, "NoAnswerRecorded");
    }
    assert!(court.node_is_active().await);
    // A result where the policy contradicts itself is a lie.
    let claim = court.anchored(&court.decision(b"c", sha256(&[b""]))).await;
    let challenged = court.challenge(&claim).await.unwrap();
    let conflict = ChallengeVerdict::Refuted {
        computed: stele_types::NO_ANSWER,
        conflict: true,
        result: Vec::new(),
    };
    assert_eq!(challenged.verdict, conflict);
    assert!(!court.node_is_active().await);
}

/// EIP-150 keeps 1/64 of the gas from a callee: what a challenger might use to have a re-execution fail and the challenge go on.
pub(crate) async fn no_gas_limit_turns_an_honest_decision_into_a_lie(chain: Chain) {
    let court = Court::new(chain).await;
    let world = &court.world;
    let who = &world.stranger;
    // The evaluation takes millions of gas, so 1/64 of them suffices to suspend a node.
    let claim = court
        .anchored(&court.decision(b"ltruth", sha256(&[b"truth"])))
        .await;
    let secret = [0xcc; 32];
    let commitment = world.gov.challenge_commitment(who.address(), &claim, &secret);
    world.gov.commit_challenge(who, commitment).await.unwrap();
    let call = Abi::challengeCall {
        claim: on_chain(world.deployment(), &claim),
        secret: B256::from(secret),
    };
    let (mut upheld, mut failed) = (0, 0);
    for step in 0..100 {
        let gas = 400_000 + step * 100_000;
        let answer = world
            .chain
            .call_with_gas(
                who.address(),
                world.deployment().challenge,
                call.abi_encode(),
                gas,
            )
            .await;
        match answer {
            Some(output) => {
                assert_eq!(
                    Abi::challengeCall::abi_decode_returns(&output).unwrap(),
                    1,
                    "not upheld with {gas} gas"
                );
                upheld += 1;
            }
            None => failed += 1,
        }
    }
    assert!(
        upheld > 10 && failed > 10,
        "both ends were tried: {upheld} upheld, {failed} failed"
    );
    // And in a transaction.
    let challenged = world.gov.challenge(who, &claim, &secret).await.unwrap();
    assert_eq!(challenged.verdict, ChallengeVerdict::Upheld);
}

pub(crate) async fn claims_that_do_not_hold_together_are_refused(chain: Chain) {
    let court = Court::new(chain).await;
    let world = &court.world;
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    type Change = fn(&mut ChallengeClaim);
    let changes: [(&str, Change); 10] = [
        ("NotIncluded", |c| c.index = LeafIndex::new(c.index.get() + 1)),
        ("NotIncluded", |c| c.index = LeafIndex::new(u64::MAX)),
        ("NotIncluded", |c| c.inclusion[0].0[0] ^= 1),
        ("NotIncluded", |c| {
            c.inclusion.pop();
        }),
        ("NotIncluded", |c| c.inclusion.push(Digest([0; 32]))),
        ("NoSuchAnchor", |c| c.anchor += 1),
        ("WrongInput", |c| c.input_salt = Salt([0; 32])),
        ("WrongInput", |c| c.input.push(0)),
        ("WrongData", |c| c.data.clear()),
        // Another result than the anchored one: the leaf is another.
        ("NotIncluded", |c| c.leaf.result_digest = sha256(&[b"truth"])),
    ];
    for (error, change) in changes {
        let mut spoilt = claim.clone();
        change(&mut spoilt);
        refused(court.challenge(&spoilt).await, error);
    }

    // A claim made for another chain.
    let elsewhere = Deployment {
        chain_id: ChainId::new(1),
        ..world.deployment().clone()
    };
    let foreign = on_chain(&elsewhere, &claim);
    // Its bytes are no leaf: too short, and padding that is not zero.
    let mut short = on_chain(world.deployment(), &claim);
    short.leaf = Bytes::copy_from_slice(&short.leaf[..287]);
    let mut padded = on_chain(world.deployment(), &claim);
    let mut bytes = padded.leaf.to_vec();
    bytes[0] = 1;
    padded.leaf = bytes.into();
    // A registry that says what somebody wants it to.
    let mut registry = on_chain(world.deployment(), &claim);
    registry.registry = world.deployment().nodes;
    let secret = B256::repeat_byte(0xdd);
    for (error, claim) in [
        ("WrongChain", foreign),
        ("NotALeaf", short),
        ("NotALeaf", padded),
        ("ForeignRegistry", registry),
    ] {
        let challenge = world.deployment().challenge;
        let view = Abi::commitmentOfCall {
            challenger: world.stranger.address(),
            claim: claim.clone(),
            secret,
        };
        let commitment = world.client.view("Challenge", challenge, &view).await.unwrap();
        world
            .gov
            .commit_challenge(&world.stranger, commitment)
            .await
            .unwrap();
        let call = Abi::challengeCall { claim, secret };
        refused(court.send(&world.stranger, challenge, &call).await, error);
    }
    assert_eq!(court.settled(&claim).await, None);
    assert!(court.node_is_active().await);
}

pub(crate) async fn only_a_version_in_force_is_judged_by(chain: Chain) {
    let court = Court::with(chain, |config| {
        config.challenge_tolerance = Duration::from_secs(60)
    })
    .await;
    let world = &court.world;
    let began = world.gov.history(&policy()).await.unwrap()[0].time;
    court.activate("v2").await;
    let ended = world.gov.history(&policy()).await.unwrap()[1].time;
    let seconds = |time: stele_types::Timestamp| time.as_nanos() / 1_000_000_000;
    let (began, ended) = (seconds(began), seconds(ended));

    // Within the tolerance a decision under v1 is judged by v1, though v2 is in force by now.
    for (result, time) in [(0_u8, began - 30), (1, ended + 30)] {
        let mut decision = court.decision(&[b"e", &[result][..]].concat(), sha256(&[&[result]]));
        decision.time = at(time);
        let claim = court.anchored(&decision).await;
        assert_eq!(
            court.challenge(&claim).await.unwrap().verdict,
            ChallengeVerdict::Upheld
        );
    }
    for time in [0, began - 1000, ended + 1000, u64::MAX / 2_000_000_000] {
        let mut decision = court.decision(b"etruth", LIE);
        decision.time = at(time);
        let claim = court.anchored(&decision).await;
        refused(court.challenge(&claim).await, "NotInForce");
    }
    // The wrong activation, one that is not there, and a policy that is not there.
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    for activation in [1, 2, u64::MAX] {
        let wrong = ChallengeClaim {
            activation,
            ..claim.clone()
        };
        refused(court.challenge(&wrong).await, "WrongVersion");
    }
    let mut wrong = claim.clone();
    wrong.policy = stele_types::PolicyId::new("other/policy").unwrap();
    refused(court.challenge(&wrong).await, "WrongVersion");
    // A version that never came into force, and none at all (what decisions without a policy record).
    let mut decision = court.decision(b"etruth", LIE);
    decision.version = "v3";
    let claim = court.anchored(&decision).await;
    refused(court.challenge(&claim).await, "WrongVersion");
    let mut none = claim.clone();
    none.activation = 7;
    refused(court.challenge(&none).await, "WrongVersion");
    assert!(court.node_is_active().await);
}

pub(crate) async fn nodes_that_are_not_active_are_left_alone(chain: Chain) {
    let court = Court::new(chain).await;
    let world = &court.world;
    // A leaf in the node's log that names a stranger as its node.
    let mut decision = court.decision(b"etruth", LIE);
    decision.node = account("never registered").node_address();
    let claim = court.anchored(&decision).await;
    refused(court.challenge(&claim).await, "NodeNotActive");
    // One that names another registered node, whose anchors do not contain it.
    world.register(&world.suspender).await;
    decision.node = world.suspender.node_address();
    let claim = court.anchored(&decision).await;
    refused(court.challenge(&claim).await, "NoSuchAnchor");
    // A node that is suspended already.
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    let node = world.node.node_address();
    world
        .gov
        .suspend_node(&world.suspender, node, "retired")
        .await
        .unwrap();
    refused(court.challenge(&claim).await, "NodeNotActive");
    assert_eq!(court.settled(&claim).await, None);
    // Once it is back, its lie is still one.
    world.gov.reinstate_node(&world.admin, node).await.unwrap();
    court.challenge(&claim).await.unwrap();
    assert!(!court.node_is_active().await);
    // Without the role the contract can't suspend, and settles nothing.
    world.gov.reinstate_node(&world.admin, node).await.unwrap();
    let claim = court.anchored(&court.decision(b"emore", LIE)).await;
    let challenge = world.deployment().challenge;
    assert!(world.gov.challenges_enabled().await.unwrap());
    world
        .gov
        .revoke_role(&world.admin, Role::Suspender, challenge)
        .await
        .unwrap();
    assert!(!world.gov.challenges_enabled().await.unwrap());
    refused(court.challenge(&claim).await, "AccessControlUnauthorizedAccount");
    assert_eq!(court.settled(&claim).await, None);
}

pub(crate) async fn nobody_can_take_a_challenge_over(chain: Chain) {
    let court = Court::with(chain, |config| config.challenge_reward = U256::from(1000)).await;
    let world = &court.world;
    let (finder, thief) = (&world.stranger, &world.suspender);
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    let secret = [0xee; 32];
    let commitment = world.gov.challenge_commitment(finder.address(), &claim, &secret);
    let view = Abi::commitmentOfCall {
        challenger: finder.address(),
        claim: on_chain(world.deployment(), &claim),
        secret: B256::from(secret),
    };
    let challenge = world.deployment().challenge;
    let there = world.client.view("Challenge", challenge, &view).await.unwrap();
    assert_eq!(commitment, there, "the commitment here and on chain");

    refused(world.gov.challenge(finder, &claim, &secret).await, "NotCommitted");
    let receipt = world.gov.commit_challenge(finder, commitment).await.unwrap();
    assert!(Abi::Committed::decode_log(&receipt.logs[0].inner).is_ok());
    // The thief sees the commitment, and later the claim with its secret: neither helps, nor does it harm to commit once more.
    let again = world.gov.commit_challenge(thief, commitment).await.unwrap();
    assert!(again.logs.is_empty());
    refused(world.gov.challenge(thief, &claim, &secret).await, "NotCommitted");
    // A commitment counts from the next block on: who learns the claim from a pending transaction comes too late.
    let contract = court.greedy().await;
    let rush = GreedyChallenger::rushCall {
        claim: on_chain_of(world.deployment(), &claim),
        secret: B256::from(secret),
    };
    refused(court.send(thief, contract, &rush).await, "NotCommitted");
    world.gov.challenge(finder, &claim, &secret).await.unwrap();
    assert!(!court.node_is_active().await);
}

/// The claim in the type of the other contract's bindings.
fn on_chain_of(deployment: &Deployment, claim: &ChallengeClaim) -> crate::court::Challenge::Claim {
    let bytes = on_chain(deployment, claim).abi_encode();
    crate::court::Challenge::Claim::abi_decode(&bytes).unwrap()
}

pub(crate) async fn calling_back_gains_nothing(chain: Chain) {
    let court = Court::with(chain, |config| config.challenge_reward = U256::from(1000)).await;
    let world = &court.world;
    let challenge = world.deployment().challenge;
    // The policy calls back into the challenge with a call that anyone may make; it runs under STATICCALL, so that fails.
    let commit = Abi::commitCall {
        commitment: B256::repeat_byte(0xab),
    };
    let mut decision = court.decision(b"r", sha256(&[&[1]]));
    decision.data = [challenge.as_slice(), &commit.abi_encode()].concat();
    let claim = court.anchored(&decision).await;
    assert_eq!(
        court.challenge(&claim).await.unwrap().verdict,
        ChallengeVerdict::Upheld
    );

    // A challenger that withdraws again while it is paid.
    court.fund_rewards(U256::from(5000)).await;
    let contract = court.greedy().await;
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    let secret = [0xef; 32];
    let commitment = world.gov.challenge_commitment(contract, &claim, &secret);
    let who = &world.stranger;
    court
        .send(who, contract, &GreedyChallenger::commitCall { commitment })
        .await
        .unwrap();
    let call = GreedyChallenger::challengeCall {
        claim: on_chain_of(world.deployment(), &claim),
        secret: B256::from(secret),
    };
    court.send(who, contract, &call).await.unwrap();
    assert_eq!(
        world.gov.challenge_credit(contract).await.unwrap(),
        U256::from(1000)
    );
    let again = court
        .send(who, contract, &GreedyChallenger::withdrawCall { again: true })
        .await;
    refused(again, "PaymentFailed");
    court
        .send(who, contract, &GreedyChallenger::withdrawCall { again: false })
        .await
        .unwrap();
    assert_eq!(world.client.balance(contract).await.unwrap(), U256::from(1000));
    assert_eq!(world.client.balance(challenge).await.unwrap(), U256::from(4000));
}

pub(crate) async fn rewards_are_paid_as_far_as_there_is_money(chain: Chain) {
    let court = Court::with(chain, |config| config.challenge_reward = U256::from(1000)).await;
    let world = &court.world;
    let gov = &world.gov;
    let node = world.node.node_address();
    let finder = world.stranger.address();
    assert_eq!(gov.challenge_reward().await.unwrap(), U256::from(1000));
    refused(gov.withdraw_reward(&world.stranger).await, "NothingToWithdraw");
    for (paid_in, credit) in [(0_u64, 0_u64), (1500, 1000), (0, 1500), (100, 1600)] {
        court.fund_rewards(U256::from(paid_in)).await;
        let claim = court
            .anchored(&court.decision(&[b"e", &credit.to_be_bytes()[..]].concat(), LIE))
            .await;
        court.challenge(&claim).await.unwrap();
        assert_eq!(gov.challenge_credit(finder).await.unwrap(), U256::from(credit));
        gov.reinstate_node(&world.admin, node).await.unwrap();
    }
    // An upheld decision earns nothing.
    let claim = court
        .anchored(&court.decision(b"etruth", sha256(&[b"truth"])))
        .await;
    court.challenge(&claim).await.unwrap();
    assert_eq!(gov.challenge_credit(finder).await.unwrap(), U256::from(1600));
    gov.withdraw_reward(&world.stranger).await.unwrap();
    assert_eq!(gov.challenge_credit(finder).await.unwrap(), U256::ZERO);
    let challenge = world.deployment().challenge;
    assert_eq!(world.client.balance(challenge).await.unwrap(), U256::ZERO);

    let call = Abi::setRewardCall {
        reward_: U256::from(5),
    };
    lacks_role(
        court.send(&world.stranger, challenge, &call).await,
        Role::Admin,
        finder,
    );
    court.send(&world.admin, challenge, &call).await.unwrap();
    assert_eq!(gov.challenge_reward().await.unwrap(), U256::from(5));
}

impl Court {
    /// Gives the contract money to pay rewards from.
    async fn fund_rewards(&self, wei: U256) {
        if !wei.is_zero() {
            self.world
                .chain
                .pay(&self.world.deployment().challenge, wei)
                .await;
        }
    }
}

pub(crate) async fn decisions_from_before_a_succession_are_still_judged(chain: Chain) {
    let court = Court::new(chain).await;
    let world = &court.world;
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    let config = stele_chain::client::DeployConfig {
        grants: vec![(Role::Admin, world.admin.address())],
        predecessor: Some(world.deployment().clone()),
        ..Default::default()
    };
    let next = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    world.gov.supersede(&world.admin, &next).await.unwrap();
    // The node goes on in the new ledger, which takes its last tree over; the version was put in force by the old registry.
    let new = Governance::new(world.client.clone(), next.clone());
    let last = world
        .gov
        .anchor_of(world.node.node_address())
        .await
        .unwrap()
        .unwrap();
    let registration = stele_chain::client::NodeRegistration {
        node: world.node.node_address(),
        log_key: [7; 32],
        name: "stele.test/log".to_owned(),
        uri: String::new(),
    };
    new.register_node(&world.admin, &registration).await.unwrap();
    let proof: &[Digest] = &[];
    new.anchor(&world.node, last.size, last.root, proof)
        .await
        .unwrap();

    let old = Deployment {
        registry: world.deployment().registry,
        ..next.clone()
    };
    let judge = |registry: &Deployment, secret: u8| {
        let (claim, secret) = (on_chain(registry, &claim), B256::repeat_byte(secret));
        let (court, new, next) = (&court, &new, &next);
        async move {
            let who = &court.world.stranger;
            let view = Abi::commitmentOfCall {
                challenger: who.address(),
                claim: claim.clone(),
                secret,
            };
            let commitment = court.world.client.view("Challenge", next.challenge, &view).await;
            new.commit_challenge(who, commitment.unwrap()).await.unwrap();
            court
                .send(who, next.challenge, &Abi::challengeCall { claim, secret })
                .await
        }
    };
    refused(judge(&next, 1).await, "WrongVersion");
    judge(&old, 2).await.unwrap();
    assert!(!new.is_active_node(world.node.node_address()).await.unwrap());
    // The old court judges its own ledger only, and the node is still active there.
    assert!(court.node_is_active().await);
}

/// Blocks come once a second, as on other people's chains: the two steps of a challenge go into two of them.
pub(crate) async fn a_challenge_spans_two_blocks() {
    let Some(chain) = Chain::anvil().await else { return };
    let court = Court::new(chain).await;
    let world = &court.world;
    let claim = court.anchored(&court.decision(b"etruth", LIE)).await;
    world
        .chain
        .anvil_rpc("evm_setIntervalMining", serde_json::json!([1]))
        .await;
    let before = world.client.head().await.unwrap();
    let challenged = world
        .gov
        .commit_and_challenge(&world.stranger, &claim, &[0x31; 32])
        .await
        .unwrap();
    assert!(matches!(challenged.verdict, ChallengeVerdict::Refuted { .. }));
    assert!(world.client.head().await.unwrap().get() >= before.get() + 2);
    // Whoever trusts the address of a Challenge finds everything else from there.
    let deployment = world.deployment();
    let found = Deployment::of_challenge(&world.client, deployment.challenge)
        .await
        .unwrap();
    assert_eq!(
        (found.ledger, found.registry, found.nodes),
        (deployment.ledger, deployment.registry, deployment.nodes)
    );
    let error = Deployment::of_challenge(&world.client, deployment.ledger)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("is not the Challenge"), "{error}");
}
