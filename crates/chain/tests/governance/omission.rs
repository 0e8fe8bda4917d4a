//! `Challenge`: claims that a decision which a receipt promises is not in the log.

use std::time::Duration;

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol_types::{SolCall as _, SolEvent as _};
use stele_chain::ChainError;
use stele_chain::client::{
    Account, ChallengeClaim, DeployConfig, Deployment, Governance, NodeRegistration, OmissionMove,
    OmissionStatus, OmissionTerms,
};
use stele_chain::contracts::Role;
use stele_chain::contracts::abi::challenge::{Challenge as Abi, Omission as Types};
use stele_types::receipt::{FORMAT, Place, Promise, Receipt, Signature};
use stele_types::{ChainId, Digest, EvmAddress, Leaf, LeafIndex, NodeAddress, Salt, TreeSize, sha256};

use crate::chain::Chain;
use crate::court::{Court, GreedyChallenger, now, word};
use crate::merkle::{consistency, inclusion, leaf_hash, leaves, root};
use crate::world::{World, account, lacks_role, pass, refused};

/// Seconds that a node has to answer in these cases.
const WINDOW: u64 = 5;
const DEPOSIT: u64 = 700;

pub(crate) async fn court(chain: Chain) -> Court {
    court_with(chain, |_| {}).await
}

async fn court_with(chain: Chain, change: impl FnOnce(&mut OmissionTerms)) -> Court {
    let mut terms = OmissionTerms {
        max_merge_delay: Duration::from_secs(600),
        window: Duration::from_secs(WINDOW),
        grace: Duration::from_secs(86_400),
        deposit: u128::from(DEPOSIT),
    };
    change(&mut terms);
    court_under(chain, terms, DeployConfig::default().challenge_tolerance).await
}

/// The shortest terms that leave time for a claim: old keys are worth nothing after six seconds.
async fn short_court(chain: Chain) -> Court {
    let terms = OmissionTerms {
        max_merge_delay: Duration::from_secs(2),
        window: Duration::from_secs(3),
        grace: Duration::from_secs(6),
        deposit: u128::from(DEPOSIT),
    };
    let tolerance = Duration::from_secs(1);
    assert_eq!(terms.grace, terms.least_grace(tolerance));
    court_under(chain, terms, tolerance).await
}

async fn court_under(chain: Chain, terms: OmissionTerms, tolerance: Duration) -> Court {
    let court = Court::with(chain, |config| {
        config.omission = terms;
        config.challenge_tolerance = tolerance;
    })
    .await;
    let world = &court.world;
    for who in [&world.stranger, &world.suspender] {
        world.chain.pay(&who.address(), U256::from(100 * DEPOSIT)).await;
    }
    court
}

/// A leaf of the node that nobody has logged.
pub(crate) fn unlogged(court: &Court, text: &str) -> Leaf {
    court.decision(text.as_bytes(), sha256(&[b"truth"])).leaf()
}

fn place(deployment: &Deployment) -> (ChainId, EvmAddress) {
    (deployment.chain_id, NodeAddress(deployment.ledger.into_array()))
}

/// A receipt that the node's operator signs for a leaf, in a batch of five.
fn receipt(
    deployment: &Deployment,
    operator: &Account,
    leaf: Leaf,
    issued_at: u64,
    merge_delay: u64,
) -> Receipt {
    let mut batch = leaves(77, 5);
    batch[3] = leaf_hash(&leaf.to_bytes());
    let (chain_id, ledger) = place(deployment);
    let promise = Promise {
        chain_id,
        ledger,
        node: leaf.node,
        root: root(&batch),
        size: TreeSize::new(5),
        issued_at,
        merge_delay,
    };
    Receipt {
        format: FORMAT.to_owned(),
        chain_id,
        ledger,
        node: leaf.node,
        decision_id: leaf.decision_id,
        issued_at,
        merge_delay,
        batch: Place {
            size: TreeSize::new(5),
            index: LeafIndex::new(3),
            path: inclusion(3, &batch),
        },
        signature: operator.sign_digest(&promise.digest()).unwrap(),
        leaf,
        input_salt: Salt([0x5a; 32]),
    }
}

/// A receipt of the node that has been due for a while.
pub(crate) fn due(court: &Court, leaf: Leaf) -> Receipt {
    let world = &court.world;
    receipt(world.deployment(), &world.node, leaf, now() - 100, 60)
}

fn hash(receipt: &Receipt) -> Digest {
    leaf_hash(&receipt.leaf.to_bytes())
}

pub(crate) async fn claim(court: &Court, receipt: &Receipt) -> Result<OmissionMove, ChainError> {
    court
        .world
        .gov
        .claim_omission(&court.world.stranger, receipt)
        .await
}

async fn status(court: &Court, receipt: &Receipt) -> Option<OmissionStatus> {
    let claim = court.world.gov.omission(hash(receipt)).await.unwrap();
    claim.map(|claim| claim.status)
}

pub(crate) async fn settle(court: &Court, receipt: &Receipt) -> Result<bool, ChainError> {
    let settled = court
        .world
        .gov
        .settle_omission(&court.world.stranger, receipt)
        .await;
    settled.map(|(omitted, _)| omitted)
}

/// Answers with the proof in a claim that would challenge the leaf.
async fn answer(court: &Court, proof: &ChallengeClaim) -> Result<OmissionMove, ChainError> {
    let world = &court.world;
    let leaf = leaf_hash(&proof.leaf.to_bytes());
    let place = (proof.anchor, proof.index);
    world
        .gov
        .answer_omission(&world.node, leaf, place, &proof.inclusion)
        .await
}

async fn credit(court: &Court, who: &Account) -> U256 {
    court.world.gov.challenge_credit(who.address()).await.unwrap()
}

pub(crate) async fn an_omitted_decision_suspends_its_node(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let promised = due(&court, unlogged(&court, "one"));
    assert_eq!(status(&court, &promised).await, None);
    claim(&court, &promised).await.unwrap();
    assert_eq!(status(&court, &promised).await, Some(OmissionStatus::Open));
    let open = world.gov.open_omissions(world.node.node_address()).await.unwrap();
    assert_eq!((open.len(), open[0].decision_id), (1, promised.decision_id));
    // The node may answer; nobody can settle before, and not with a receipt that does not hold afterwards.
    refused(settle(&court, &promised).await, "WindowOpen");
    pass(WINDOW + 2).await;
    let deployment = world.deployment();
    let forged = receipt(deployment, &world.stranger, promised.leaf, now() - 90, 60);
    refused(settle(&court, &forged).await, "NotSignedByNode");
    let mut elsewhere = on_chain(&promised);
    elsewhere.chainId += U256::from(1);
    let call = Abi::settleOmissionCall { receipt: elsewhere };
    let challenge = deployment.challenge;
    refused(court.send(&world.suspender, challenge, &call).await, "WrongChain");
    assert!(court.node_is_active().await);
    assert_eq!(credit(&court, &world.stranger).await, U256::ZERO);
    let call = Abi::settleOmissionCall {
        receipt: on_chain(&promised),
    };
    let sent = court
        .send(&world.suspender, world.deployment().challenge, &call)
        .await
        .unwrap();
    // The event has all that anybody needs to check it again.
    let event = sent
        .logs
        .iter()
        .find_map(|log| Abi::Omitted::decode_log(&log.inner).ok());
    let event = event.unwrap();
    assert_eq!(event.receipt.leaf.to_vec(), promised.leaf.to_bytes());
    assert_eq!(event.receipt.signature.to_vec(), promised.signature.0);
    assert_eq!(event.claimant, world.stranger.address());
    assert!(!court.node_is_active().await);
    assert_eq!(status(&court, &promised).await, Some(OmissionStatus::Omitted));
    assert!(
        world
            .gov
            .open_omissions(world.node.node_address())
            .await
            .unwrap()
            .is_empty()
    );
    // The deposit goes back to who paid it.
    assert_eq!(credit(&court, &world.stranger).await, U256::from(DEPOSIT));
    refused(
        world
            .gov
            .anchor(&world.node, TreeSize::new(40), root(&leaves(9, 40)), &[])
            .await,
        "NodeNotActive",
    );
    // One omission suspends once.
    world
        .gov
        .reinstate_node(&world.admin, world.node.node_address())
        .await
        .unwrap();
    let again = refused(claim(&court, &promised).await, "AlreadyClaimed");
    assert_eq!(again.revert().unwrap().arg("status"), Some("Omitted"));
    refused(settle(&court, &promised).await, "NoOpenClaim");
    assert!(court.node_is_active().await);
}

/// The liar claims first, with a receipt that nobody else has; whoever holds one of the same decision settles all the same.
pub(crate) async fn any_receipt_of_a_claimed_decision_settles(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let own = due(&court, unlogged(&court, "one"));
    let held = receipt(world.deployment(), &world.node, own.leaf, now() - 90, 60);
    claim(&court, &own).await.unwrap();
    refused(claim(&court, &held).await, "AlreadyClaimed");
    pass(WINDOW + 2).await;
    assert!(settle(&court, &held).await.unwrap());
    assert!(!court.node_is_active().await);
    assert_eq!(status(&court, &own).await, Some(OmissionStatus::Omitted));
}

pub(crate) async fn an_honest_node_answers_and_stays_active(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let proof = court
        .anchored(&court.decision(b"etruth", sha256(&[b"truth"])))
        .await;
    let promised = due(&court, proof.leaf);
    refused(answer(&court, &proof).await, "NoOpenClaim");
    claim(&court, &promised).await.unwrap();
    // Late is not too late while nobody has settled.
    pass(WINDOW + 2).await;
    answer(&court, &proof).await.unwrap();
    assert_eq!(status(&court, &promised).await, Some(OmissionStatus::Answered));
    assert!(court.node_is_active().await);
    // Who answers is paid for it, once; and the same decision can't be claimed again.
    assert_eq!(credit(&court, &world.node).await, U256::from(DEPOSIT));
    assert_eq!(credit(&court, &world.stranger).await, U256::ZERO);
    let twice = refused(answer(&court, &proof).await, "NoOpenClaim");
    assert_eq!(twice.revert().unwrap().arg("status"), Some("Answered"));
    refused(settle(&court, &promised).await, "NoOpenClaim");
    let again = receipt(world.deployment(), &world.node, proof.leaf, now() - 300, 1);
    refused(claim(&court, &again).await, "AlreadyClaimed");
    let before = world.client.balance(world.node.address()).await.unwrap();
    world.gov.withdraw_reward(&world.node).await.unwrap();
    assert!(
        world
            .client
            .balance(world.deployment().challenge)
            .await
            .unwrap()
            .is_zero()
    );
    if !world.chain.charges() {
        let after = world.client.balance(world.node.address()).await.unwrap();
        assert_eq!(after - before, U256::from(DEPOSIT));
    }
}

pub(crate) async fn receipts_that_do_not_hold_are_refused(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let promised = due(&court, unlogged(&court, "one"));
    type Change = fn(&mut Types::Receipt);
    let changes: [(&str, Change); 17] = [
        ("WrongChain", |r| r.chainId += U256::from(1)),
        ("WrongChain", |r| r.chainId = U256::MAX),
        ("ForeignLedger", |r| r.ledger = account("x").address()),
        ("NotSignedByNode", |r| r.issuedAt += 1),
        ("NotSignedByNode", |r| r.mergeDelay -= 1),
        // Another size for which the path has the right length, another place, another path.
        ("NotSignedByNode", |r| r.size = 6),
        ("NotSignedByNode", |r| r.index = 2),
        ("NotSignedByNode", |r| r.path[0].0[0] ^= 1),
        ("BrokenReceipt", |r| r.index = 5),
        ("BrokenReceipt", |r| r.size = 0),
        ("BrokenReceipt", |r| r.path.truncate(1)),
        ("BrokenReceipt", |r| r.path.push(B256::ZERO)),
        // Another decision than the signed one, and none.
        ("NotSignedByNode", |r| changed(&mut r.leaf, 287)),
        ("NotALeaf", |r| changed(&mut r.leaf, 0)),
        ("NotALeaf", |r| r.leaf = Bytes::copy_from_slice(&r.leaf[..287])),
        ("BadReceiptSignature", |r| {
            r.signature = Bytes::copy_from_slice(&r.signature[..64])
        }),
        // What makes `ecrecover` answer with the zero address.
        ("BadReceiptSignature", |r| r.signature = vec![0; 65].into()),
    ];
    for (error, change) in changes {
        let mut spoilt = on_chain(&promised);
        change(&mut spoilt);
        refused(claim_raw(&court, spoilt, DEPOSIT).await, error);
    }
    // The other form of the same signature: n - s with the other parity.
    let mut other = on_chain(&promised);
    other.signature = malleated(&promised.signature).into();
    refused(claim_raw(&court, other, DEPOSIT).await, "BadReceiptSignature");
    // Somebody else's signature.
    let forged = receipt(
        world.deployment(),
        &world.stranger,
        promised.leaf,
        now() - 100,
        60,
    );
    let refusal = refused(claim(&court, &forged).await, "NotSignedByNode");
    let signer = world.stranger.address().to_checksum(None);
    assert_eq!(refusal.revert().unwrap().arg("signer"), Some(signer.as_str()));
    // Another node's operator can't sign for this one.
    world.register(&world.suspender).await;
    let forged = receipt(
        world.deployment(),
        &world.suspender,
        promised.leaf,
        now() - 100,
        60,
    );
    refused(claim(&court, &forged).await, "NotSignedByNode");
    // More or less than the deposit.
    for wei in [0, DEPOSIT - 1, DEPOSIT + 1] {
        refused(claim_raw(&court, on_chain(&promised), wei).await, "WrongDeposit");
    }
    assert_eq!(status(&court, &promised).await, None);
    claim(&court, &promised).await.unwrap();
    refused(claim(&court, &promised).await, "AlreadyClaimed");
    assert_eq!(
        world.client.balance(world.deployment().challenge).await.unwrap(),
        U256::from(DEPOSIT),
        "what was refused took no deposit"
    );
}

fn changed(bytes: &mut Bytes, at: usize) {
    let mut copy = bytes.to_vec();
    copy[at] ^= 1;
    *bytes = copy.into();
}

/// The order of the curve minus s, and the other parity.
fn malleated(signature: &Signature) -> Vec<u8> {
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        .parse()
        .unwrap();
    let s = U256::from_be_slice(&signature.0[32..64]);
    let mut bytes = signature.0.to_vec();
    bytes[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
    bytes[64] = 27 + 28 - bytes[64];
    bytes
}

fn on_chain(receipt: &Receipt) -> Types::Receipt {
    Types::Receipt {
        chainId: U256::from(receipt.chain_id.get()),
        ledger: receipt.ledger.0.into(),
        issuedAt: receipt.issued_at,
        mergeDelay: receipt.merge_delay,
        size: receipt.batch.size.get(),
        index: receipt.batch.index.get(),
        path: receipt.batch.path.iter().map(|hash| word(*hash)).collect(),
        signature: Bytes::copy_from_slice(&receipt.signature.0),
        leaf: Bytes::copy_from_slice(&receipt.leaf.to_bytes()),
    }
}

async fn claim_raw(court: &Court, receipt: Types::Receipt, wei: u64) -> Result<(), ChainError> {
    let call = stele_chain::client::Call {
        contract: "Challenge".to_owned(),
        to: Some(court.world.deployment().challenge),
        data: Abi::claimOmissionCall { receipt }.abi_encode().into(),
    };
    let world = &court.world;
    let sent = world
        .client
        .send_value(&world.stranger, &call, U256::from(wei))
        .await;
    sent.map(|_| ())
}

pub(crate) async fn answers_prove_that_very_leaf_in_that_log(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let omitted = due(&court, unlogged(&court, "omitted"));
    claim(&court, &omitted).await.unwrap();
    // Another leaf's proof, at its own place and elsewhere.
    let proof = court
        .anchored(&court.decision(b"etruth", sha256(&[b"truth"])))
        .await;
    for index in [proof.index.get(), proof.index.get() + 1, 0, u64::MAX] {
        let answered = world
            .gov
            .answer_omission(
                &world.node,
                hash(&omitted),
                (proof.anchor, LeafIndex::new(index)),
                &proof.inclusion,
            )
            .await;
        refused(answered, "NotIncluded");
    }
    let answered = world
        .gov
        .answer_omission(&world.node, hash(&omitted), (proof.anchor + 1, proof.index), &[])
        .await;
    refused(answered, "NoSuchAnchor");
    // An inner node of the tree instead of a leaf: the path would fit a smaller tree.
    let inner = world
        .gov
        .answer_omission(
            &world.node,
            hash(&omitted),
            (proof.anchor, proof.index),
            &proof.inclusion[1..],
        )
        .await;
    refused(inner, "NotIncluded");
    // Another node's log does contain it: that does not help.
    world.register(&world.suspender).await;
    let mut other = leaves(3, 4);
    other[2] = hash(&omitted);
    world
        .gov
        .anchor(&world.suspender, TreeSize::new(4), root(&other), &[])
        .await
        .unwrap();
    let answered = world
        .gov
        .answer_omission(
            &world.suspender,
            hash(&omitted),
            (0, LeafIndex::new(2)),
            &inclusion(2, &other),
        )
        .await;
    refused(answered, "NotIncluded");
    // A contract that says whatever somebody wants is not asked.
    let call = Abi::answerOmissionCall {
        leafHash: word(hash(&omitted)),
        anchors: world.deployment().nodes,
        index: 2,
        anchor: U256::ZERO,
        inclusion: Vec::new(),
    };
    let challenge = world.deployment().challenge;
    refused(court.send(&world.node, challenge, &call).await, "ForeignLedger");
    pass(WINDOW + 1).await;
    assert!(settle(&court, &omitted).await.unwrap());
    assert!(!court.node_is_active().await);
}

pub(crate) async fn nodes_that_can_not_answer_are_left_alone(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let node = world.node.node_address();
    // A node that was never registered.
    let unknown = account("never registered");
    let mut leaf = unlogged(&court, "one");
    leaf.node = unknown.node_address();
    let stray = receipt(world.deployment(), &unknown, leaf, now() - 100, 60);
    refused(claim(&court, &stray).await, "NodeNotActive");
    // One that is suspended can't anchor: nothing is claimed, and what was claimed is dropped, for its deposit.
    let promised = due(&court, unlogged(&court, "two"));
    let later = due(&court, unlogged(&court, "three"));
    claim(&court, &promised).await.unwrap();
    world
        .gov
        .suspend_node(&world.suspender, node, "maintenance")
        .await
        .unwrap();
    refused(claim(&court, &later).await, "NodeNotActive");
    assert!(!settle(&court, &promised).await.unwrap(), "dropped");
    assert_eq!(status(&court, &promised).await, None);
    assert_eq!(credit(&court, &world.stranger).await, U256::from(DEPOSIT));
    refused(settle(&court, &promised).await, "NoOpenClaim");
    // A claim that the suspension outlasts: once the node is back it has the whole window again.
    world.gov.reinstate_node(&world.admin, node).await.unwrap();
    claim(&court, &promised).await.unwrap();
    world
        .gov
        .suspend_node(&world.suspender, node, "maintenance")
        .await
        .unwrap();
    pass(WINDOW + 1).await;
    world.gov.reinstate_node(&world.admin, node).await.unwrap();
    refused(settle(&court, &promised).await, "WindowOpen");
    pass(WINDOW + 2).await;
    assert!(settle(&court, &promised).await.unwrap());
    assert!(!court.node_is_active().await);
}

pub(crate) async fn replaced_operators_answer_for_what_they_signed(chain: Chain) {
    let court = short_court(chain).await;
    let world = &court.world;
    let node = world.node.node_address();
    let fresh = account("second operator");
    world.chain.fund(fresh.address()).await;
    let term = |who: &Account| {
        let who = who.node_address();
        async move { world.gov.operator_term(who).await.unwrap() }
    };
    assert_eq!(term(&world.node).await, Some((node, None)));
    assert_eq!(term(&fresh).await, None);
    let signed_before = receipt(
        world.deployment(),
        &world.node,
        unlogged(&court, "before"),
        now() - 100,
        60,
    );
    let late = receipt(
        world.deployment(),
        &world.node,
        unlogged(&court, "late"),
        now() - 100,
        60,
    );
    world
        .gov
        .rotate_operator(&world.node, node, fresh.address())
        .await
        .unwrap();
    let (of, until) = term(&world.node).await.unwrap();
    assert_eq!((of, until.is_some()), (node, true));
    assert_eq!(term(&fresh).await, Some((node, None)));
    claim(&court, &signed_before).await.unwrap();
    let signed_after = receipt(
        world.deployment(),
        &fresh,
        unlogged(&court, "after"),
        now() - 100,
        60,
    );
    claim(&court, &signed_after).await.unwrap();
    // After the grace an old key is worth nothing, to its owner and to a thief.
    pass(8).await;
    refused(claim(&court, &late).await, "SignerRetired");
    // The old operator can't answer for the node any more by anchoring, but what it promised counts.
    assert!(settle(&court, &signed_before).await.unwrap());
    assert!(!court.node_is_active().await);
}

pub(crate) async fn nodes_can_not_choose_their_time(chain: Chain) {
    let court = court_with(chain, |terms| terms.max_merge_delay = Duration::from_secs(100)).await;
    let world = &court.world;
    let deployment = world.deployment();
    let signed =
        |name: &str, issued, delay| receipt(deployment, &world.node, unlogged(&court, name), issued, delay);
    // Not due: by its own delay, by the chain's, and dated a little ahead, as by a fast clock.
    for (name, issued, delay) in [
        ("a", now() - 10, 60),
        ("b", now() - 40, 1_000_000),
        ("c", now() + 60, 0),
    ] {
        refused(claim(&court, &signed(name, issued, delay)).await, "NotDue");
    }
    // The longest delay there is counts as the chain's.
    let endless = signed("d", now() - 200, u64::MAX);
    claim(&court, &endless).await.unwrap();
    // Dated far in the future: it exists, so it was issued by now, and is due when the delay has passed from here.
    let mut deadlines = Vec::new();
    for (name, issued, delay) in [("e", u64::MAX, u64::MAX), ("f", now() + 1_000_000, 3)] {
        let promised = signed(name, issued, delay);
        claim(&court, &promised).await.unwrap();
        let claimed = world.gov.omission(hash(&promised)).await.unwrap().unwrap();
        deadlines.push(claimed.deadline.as_nanos() / 1_000_000_000);
    }
    let left = |deadline: u64| deadline.saturating_sub(now());
    assert!((60..=100 + WINDOW).contains(&left(deadlines[0])), "{deadlines:?}");
    assert!(left(deadlines[1]) <= 3 + WINDOW, "{deadlines:?}");
    // Dated at the beginning of time: long due.
    claim(&court, &signed("g", 0, 0)).await.unwrap();
    pass(WINDOW + 5).await;
    assert!(settle(&court, &endless).await.unwrap());
}

pub(crate) async fn claims_without_a_reason_pay_the_node(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let gov = &world.gov;
    let mut proofs = Vec::new();
    for number in 0..5_u8 {
        let decision = court.decision(&[b'e', number], sha256(&[&[number]]));
        proofs.push(court.anchored(&decision).await);
    }
    for proof in &proofs {
        claim(&court, &due(&court, proof.leaf)).await.unwrap();
    }
    let open = gov.open_omissions(world.node.node_address()).await.unwrap();
    assert_eq!(open.len(), 5);
    // In another order than they came: whichever is closed, the others stay open.
    for (closed, place) in [2, 4, 0, 3, 1].into_iter().enumerate() {
        answer(&court, &proofs[place]).await.unwrap();
        let open = gov.open_omissions(world.node.node_address()).await.unwrap();
        assert_eq!(open.len(), 4 - closed);
        let hash = leaf_hash(&proofs[place].leaf.to_bytes());
        assert!(open.iter().all(|claim| claim.leaf_hash != hash));
    }
    assert_eq!(credit(&court, &world.node).await, U256::from(5 * DEPOSIT));
    assert!(court.node_is_active().await);
    // Deposits are nobody's reward: a refutation finds nothing to be paid from.
    let promised = due(&court, unlogged(&court, "open"));
    claim(&court, &promised).await.unwrap();
    let call = Abi::setRewardCall {
        reward_: U256::from(1_000_000),
    };
    let challenge = world.deployment().challenge;
    court.send(&world.admin, challenge, &call).await.unwrap();
    let lie = court
        .anchored(&court.decision(b"etruth", Digest([0xbb; 32])))
        .await;
    court.challenge(&lie).await.unwrap();
    assert_eq!(credit(&court, &world.stranger).await, U256::ZERO);
    gov.withdraw_reward(&world.node).await.unwrap();
    assert_eq!(
        world.client.balance(challenge).await.unwrap(),
        U256::from(DEPOSIT)
    );
    assert!(
        !settle(&court, &promised).await.unwrap(),
        "dropped: the node is suspended"
    );
    gov.withdraw_reward(&world.stranger).await.unwrap();
    assert!(world.client.balance(challenge).await.unwrap().is_zero());
}

/// Nobody is called while a claim is closed; a contract that calls back when it is paid gets nothing twice.
pub(crate) async fn calling_back_when_paid_gains_nothing(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let challenge = world.deployment().challenge;
    let contract = court.greedy().await;
    let proof = court
        .anchored(&court.decision(b"etruth", sha256(&[b"truth"])))
        .await;
    claim(&court, &due(&court, proof.leaf)).await.unwrap();
    claim(&court, &due(&court, unlogged(&court, "other")))
        .await
        .unwrap();
    let answer = crate::court::GreedyChallenger::answerCall {
        leafHash: word(leaf_hash(&proof.leaf.to_bytes())),
        anchors: world.deployment().ledger,
        index: proof.index.get(),
        anchor: U256::from(proof.anchor),
        inclusion: proof.inclusion.iter().map(|hash| word(*hash)).collect(),
    };
    court.send(&world.stranger, contract, &answer).await.unwrap();
    let withdraw = |again| GreedyChallenger::withdrawCall { again };
    let twice = court.send(&world.stranger, contract, &withdraw(true)).await;
    refused(twice, "PaymentFailed");
    court
        .send(&world.stranger, contract, &withdraw(false))
        .await
        .unwrap();
    assert_eq!(world.client.balance(contract).await.unwrap(), U256::from(DEPOSIT));
    assert_eq!(
        world.client.balance(challenge).await.unwrap(),
        U256::from(DEPOSIT)
    );
}

/// Without its role the contract can't suspend; then it gives deposits back instead of keeping them for ever.
pub(crate) async fn a_court_without_its_role_gives_deposits_back(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let (gov, challenge) = (&world.gov, world.deployment().challenge);
    let promised = due(&court, unlogged(&court, "one"));
    claim(&court, &promised).await.unwrap();
    gov.revoke_role(&world.admin, Role::Suspender, challenge)
        .await
        .unwrap();
    pass(WINDOW + 1).await;
    assert!(!settle(&court, &promised).await.unwrap(), "dropped");
    assert_eq!(credit(&court, &world.stranger).await, U256::from(DEPOSIT));
    assert!(court.node_is_active().await);
    // Once it has the role again, the same omission is claimed and punished.
    gov.enable_challenges(&world.admin).await.unwrap();
    claim(&court, &promised).await.unwrap();
    pass(WINDOW + 1).await;
    assert!(settle(&court, &promised).await.unwrap(), "omitted");
    assert!(!court.node_is_active().await);
}

pub(crate) async fn terms_are_set_by_admins_within_bounds(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let gov = &world.gov;
    let terms = gov.omission_terms().await.unwrap();
    assert_eq!(
        (terms.window, terms.deposit),
        (Duration::from_secs(WINDOW), DEPOSIT.into())
    );
    lacks_role(
        gov.set_omission_terms(&world.stranger, &terms).await,
        Role::Admin,
        world.stranger.address(),
    );
    let year = Duration::from_secs(365 * 86_400 + 1);
    type Change = fn(&mut OmissionTerms, Duration);
    let bad: [Change; 5] = [
        |t, _| t.window = Duration::ZERO,
        |t, _| t.max_merge_delay = Duration::ZERO,
        |t, long| t.window = long,
        |t, long| t.max_merge_delay = long,
        |t, long| t.grace = long,
    ];
    for change in bad {
        let mut bad = terms;
        change(&mut bad, year);
        refused(gov.set_omission_terms(&world.admin, &bad).await, "BadTerms");
    }
    // A promise that is made a moment before its operator is replaced must live to be claimed.
    let tolerance = Duration::from_secs(gov.challenge_tolerance().await.unwrap());
    let least = OmissionTerms {
        grace: terms.least_grace(tolerance),
        ..terms
    };
    let second = Duration::from_secs(1);
    let short: [fn(&mut OmissionTerms, Duration); 4] = [
        |t, _| t.grace = Duration::ZERO,
        |t, by| t.grace -= by,
        |t, by| t.window += by,
        |t, by| t.max_merge_delay += by,
    ];
    for change in short {
        let mut bad = least;
        change(&mut bad, second);
        refused(gov.set_omission_terms(&world.admin, &bad).await, "GraceTooShort");
    }
    gov.set_omission_terms(&world.admin, &least).await.unwrap();
    // A window that was opened stays as long as it was, and its deposit is what was paid.
    let promised = due(&court, unlogged(&court, "one"));
    claim(&court, &promised).await.unwrap();
    let before = gov.omission(hash(&promised)).await.unwrap();
    let changed = OmissionTerms {
        window: Duration::from_secs(1),
        deposit: 1,
        ..terms
    };
    gov.set_omission_terms(&world.admin, &changed).await.unwrap();
    assert_eq!(gov.omission_terms().await.unwrap(), changed);
    assert_eq!(gov.omission(hash(&promised)).await.unwrap(), before);
    pass(WINDOW + 1).await;
    assert!(settle(&court, &promised).await.unwrap());
    assert_eq!(credit(&court, &world.stranger).await, U256::from(DEPOSIT));
    let suggested = world.client.suggested_deposit().await.unwrap();
    assert_eq!(suggested > 0, world.chain.charges(), "{suggested}");
}

pub(crate) async fn promises_outlive_a_succession(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let node = world.node.node_address();
    let answered = court
        .anchored(&court.decision(b"etruth", sha256(&[b"truth"])))
        .await;
    // Claimed in the old contract, and merged only later.
    let merged = due(&court, unlogged(&court, "merged later"));
    let hashes = [court.hashes(), vec![hash(&merged)]].concat();
    claim(&court, &merged).await.unwrap();
    let next = succeeded(world).await;
    let new = Governance::new(world.client.clone(), next.clone());
    // The old contract opens no claims any more, also not for whoever it is still right.
    let promised = due(&court, unlogged(&court, "never"));
    refused(claim(&court, &promised).await, "Superseded");
    // The node goes on in the new ledger, where the old claim is answered from.
    let last = world.gov.anchor_of(node).await.unwrap().unwrap();
    let proof = consistency(usize::try_from(last.size.get()).unwrap(), &hashes);
    let size = TreeSize::new(hashes.len() as u64);
    new.anchor(&world.node, size, root(&hashes), &proof)
        .await
        .unwrap();
    let index = hashes.len() - 1;
    let call = Abi::answerOmissionCall {
        leafHash: word(hash(&merged)),
        anchors: next.ledger,
        index: index as u64,
        anchor: U256::ZERO,
        inclusion: inclusion(index, &hashes).into_iter().map(word).collect(),
    };
    let old = world.deployment().challenge;
    court.send(&world.node, old, &call).await.unwrap();
    assert_eq!(status(&court, &merged).await, Some(OmissionStatus::Answered));
    assert!(court.node_is_active().await);

    // What was promised under the old ledger is held against the node in the new contract.
    new.claim_omission(&world.stranger, &promised).await.unwrap();
    new.claim_omission(&world.stranger, &due(&court, answered.leaf))
        .await
        .unwrap();
    // A proof against an anchor of the old ledger is as good as ever.
    let call = Abi::answerOmissionCall {
        leafHash: word(leaf_hash(&answered.leaf.to_bytes())),
        anchors: world.deployment().ledger,
        index: answered.index.get(),
        anchor: U256::from(answered.anchor),
        inclusion: answered.inclusion.iter().map(|hash| word(*hash)).collect(),
    };
    court.send(&world.node, next.challenge, &call).await.unwrap();
    pass(WINDOW + 1).await;
    let (omitted, _) = new.settle_omission(&world.stranger, &promised).await.unwrap();
    assert!(omitted);
    assert!(!new.is_active_node(node).await.unwrap());
}

/// Who operated the node in the old registry, and not in the new one, was replaced when the node was registered there.
pub(crate) async fn a_succession_retires_operators(chain: Chain) {
    let court = short_court(chain).await;
    let world = &court.world;
    let node = world.node.node_address();
    let fresh = account("second operator");
    let rotated = world.gov.rotate_operator(&world.node, node, fresh.address());
    rotated.await.unwrap();
    let signed =
        |who: &Account, name: &str| receipt(world.deployment(), who, unlogged(&court, name), now() - 100, 60);
    let next = succeeded(world).await;
    let new = Governance::new(world.client.clone(), next);
    new.claim_omission(&world.stranger, &signed(&fresh, "early"))
        .await
        .unwrap();
    pass(8).await;
    let late = signed(&fresh, "late");
    refused(new.claim_omission(&world.stranger, &late).await, "SignerRetired");
    // Registering made the node's own address its operator again.
    let own = signed(&world.node, "own");
    new.claim_omission(&world.stranger, &own).await.unwrap();
    assert!(new.is_active_node(node).await.unwrap());
}

/// New contracts in force, with the node registered.
pub(crate) async fn succeeded(world: &World) -> Deployment {
    let tolerance = world.gov.challenge_tolerance().await.unwrap();
    let config = DeployConfig {
        grants: vec![(Role::Admin, world.admin.address())],
        predecessor: Some(world.deployment().clone()),
        challenge_tolerance: Duration::from_secs(tolerance),
        omission: world.gov.omission_terms().await.unwrap(),
        ..Default::default()
    };
    let next = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    world.gov.supersede(&world.admin, &next).await.unwrap();
    let registration = NodeRegistration {
        node: world.node.node_address(),
        log_key: [7; 32],
        name: "stele.test/log".to_owned(),
        uri: String::new(),
    };
    let new = Governance::new(world.client.clone(), next.clone());
    new.register_node(&world.admin, &registration).await.unwrap();
    next
}

/// What a claim, its answer in a log of a million decisions, and its settlement cost; the deposit stands on the answer's figure.
pub(crate) async fn receipts_and_answers_stay_affordable(chain: Chain) {
    let court = court(chain).await;
    let world = &court.world;
    let node = &world.suspender;
    world.register(node).await;
    let mut leaf = unlogged(&court, "deep");
    leaf.node = node.node_address();
    let (size, index) = (1 << 20, 333_333);
    let mut tree = crate::large::LargeTree::new(Some((index, leaf_hash(&leaf.to_bytes()))));
    world
        .gov
        .anchor(node, TreeSize::new(size), tree.root(size), &[])
        .await
        .unwrap();
    let promised = receipt(world.deployment(), node, leaf, now() - 100, 60);
    let within = |action: &str, moved: &OmissionMove, bound: u64| {
        eprintln!("gas | {action} | {}", moved.gas_used.get());
        assert!(
            moved.gas_used.get() <= bound,
            "{action}: {}",
            moved.gas_used.get()
        );
    };
    let claimed = world
        .gov
        .claim_omission(&world.stranger, &promised)
        .await
        .unwrap();
    within("claim an omission", &claimed, 280_000);
    let inclusion = tree.inclusion(index, size);
    assert_eq!(inclusion.len(), 20);
    let place = (0, LeafIndex::new(index));
    let answered = world
        .gov
        .answer_omission(node, hash(&promised), place, &inclusion)
        .await
        .unwrap();
    within("answer, depth 20", &answered, 130_000);
    let omitted = due(&court, unlogged(&court, "omitted"));
    claim(&court, &omitted).await.unwrap();
    pass(WINDOW + 1).await;
    let (_, settled) = world
        .gov
        .settle_omission(&world.stranger, &omitted)
        .await
        .unwrap();
    within("settle an omission", &settled, 150_000);
}
