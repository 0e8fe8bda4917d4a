//! The quorum of verifiers: who counts, and what counts as a signature.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall;
use stele_chain::ChainError;
use stele_chain::client::{Account, Call, CheckpointSignature, Deployment, Governance, Quorum, Receipt};
use stele_chain::contracts::Role;
use stele_chain::contracts::abi::ledger::DecisionLedger;
use stele_chain::contracts::abi::ledger::VerifierSet::Signature;
use stele_types::{Digest, TreeSize};

use crate::chain::Chain;
use crate::court::word;
use crate::ledger::anchor;
use crate::merkle::{consistency, leaves, root};
use crate::world::{World, account, creation, lacks_role, refused};

/// The order of secp256k1.
const ORDER: U256 =
    alloy::primitives::uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

/// A signature as the contract takes it (EIP-2098).
fn compact(signed: &CheckpointSignature) -> [B256; 2] {
    let bytes = &signed.signature;
    let mut s = B256::from_slice(&bytes[32..64]);
    s[0] |= (bytes[64] - 27) << 7;
    [B256::from_slice(&bytes[..32]), s]
}

/// Anchors with these very words as signatures.
async fn send_raw(
    world: &World,
    (size, root): (u64, Digest),
    proof: &[Digest],
    signatures: Vec<[B256; 2]>,
) -> Result<Receipt, ChainError> {
    let signature = |[r, word]: [B256; 2]| Signature { r, yParityAndS: word };
    let call = DecisionLedger::anchorWithQuorumCall {
        size,
        root: word(root),
        proof: proof.iter().copied().map(word).collect(),
        signatures: signatures.into_iter().map(signature).collect(),
    };
    let call = Call {
        contract: "DecisionLedger".to_owned(),
        to: Some(world.deployment().ledger),
        data: call.abi_encode().into(),
    };
    world.client.send(&world.node, &call).await
}

/// The other valid form of an ECDSA signature.
fn malleable(signature: &CheckpointSignature) -> CheckpointSignature {
    let mut bytes = signature.signature.to_vec();
    let s = U256::from_be_slice(&bytes[32..64]);
    bytes[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
    bytes[64] = 27 + 28 - bytes[64];
    CheckpointSignature {
        signer: signature.signer,
        signature: bytes.into(),
    }
}

pub(crate) async fn a_quorum_needs_distinct_verifiers(chain: Chain) {
    let [first, second, third] = ["first verifier", "second verifier", "third verifier"].map(account);
    let verifiers = [first.address(), second.address()];
    let world = World::with(chain, |config| {
        config.quorum = Quorum {
            threshold: TreeSize::new(10),
            signatures: 2,
        };
        config
            .grants
            .extend(verifiers.map(|verifier| (Role::Verifier, verifier)));
    })
    .await;
    world.register(&world.node).await;
    let node = world.node.node_address();
    let log = leaves(1, 20);
    // Small trees need none.
    anchor(&world, &world.node, &log, 0, 10).await.unwrap();
    let refusal = refused(anchor(&world, &world.node, &log, 10, 11).await, "QuorumNeeded");
    assert_eq!(refusal.revert().unwrap().arg("needed"), Some("2"));

    let (size, tree) = (TreeSize::new(11), root(&log[..11]));
    let proof = consistency(10, &log[..11]);
    let sign = |verifier: &Account| world.gov.sign_checkpoint(verifier, node, size, tree).unwrap();
    let call = stele_chain::contracts::abi::ledger::DecisionLedger::checkpointDigestCall {
        node: world.node.address(),
        size: 11,
        root: word(tree),
    };
    let digest = world
        .client
        .view("DecisionLedger", world.deployment().ledger, &call)
        .await
        .unwrap();
    assert_eq!(
        world.gov.checkpoint_digest(node, size, tree),
        digest,
        "EIP-712 here and on chain"
    );

    let (one, two) = (sign(&first), sign(&second));
    let send = |signatures: Vec<_>| {
        let (world, proof) = (&world, &proof);
        async move {
            world
                .gov
                .anchor_with_quorum(&world.node, size, tree, proof, &signatures)
                .await
        }
    };
    refused(send(vec![one.clone()]).await, "QuorumNeeded");
    refused(send(vec![one.clone(), one.clone()]).await, "SignersNotAscending");
    refused(send(vec![one.clone(), sign(&third)]).await, "NotAVerifier");
    refused(send(vec![one.clone(), sign(&world.node)]).await, "NotAVerifier");
    let other_tree = world
        .gov
        .sign_checkpoint(&second, node, size, root(&log[..12]))
        .unwrap();
    refused(send(vec![one.clone(), other_tree]).await, "NotAVerifier");
    // The client refuses what is no signature, and one in its other form (n - s, other v).
    let mut garbage = two.clone();
    for bytes in [vec![0xff; 65], vec![1; 64], malleable(&two).signature.to_vec()] {
        garbage.signature = bytes.into();
        let error = send(vec![one.clone(), garbage.clone()]).await.unwrap_err();
        assert!(matches!(error, ChainError::Signing { .. }), "{error}");
    }
    // So does the contract, whose signatures have no room for most of them.
    let [first_word, second_word] = [&one, &two].map(compact);
    let order = if one.signer < two.signer { [0, 1] } else { [1, 0] };
    let raw = |spoilt: [B256; 2]| {
        let both = [[first_word, second_word][order[0]], spoilt];
        send_raw(&world, (11, tree), &proof, both.to_vec())
    };
    let last = [first_word, second_word][order[1]];
    let high_s = B256::from(U256::MAX >> 1);
    let half_order = B256::from((ORDER >> 1) + U256::from(1));
    for spoilt in [
        [last[0], high_s],
        [last[0], half_order],
        [last[0], B256::ZERO],
        [B256::ZERO, last[1]],
        [B256::repeat_byte(0xff), last[1]],
    ] {
        refused(raw(spoilt).await, "BadSignature");
    }
    // With the other parity it is somebody's, but no verifier's.
    let flipped = U256::from_be_bytes(last[1].0) ^ (U256::from(1) << 255);
    let error = raw([last[0], B256::from(flipped)]).await.unwrap_err();
    let name = error.revert().unwrap().error.clone();
    assert!(
        ["NotAVerifier", "SignersNotAscending"].contains(&name.as_str()),
        "{name}"
    );
    // One made for another ledger.
    let elsewhere = Deployment {
        ledger: world.deployment().registry,
        ..world.deployment().clone()
    };
    let elsewhere = Governance::new(world.client.clone(), elsewhere);
    let foreign = elsewhere.sign_checkpoint(&second, node, size, tree).unwrap();
    refused(send(vec![one.clone(), foreign]).await, "NotAVerifier");
    // A node that is made verifier still can't vouch for itself.
    world
        .gov
        .grant_role(&world.admin, Role::Verifier, world.node.address())
        .await
        .unwrap();
    refused(send(vec![one.clone(), sign(&world.node)]).await, "NotAVerifier");

    // Nor does one whose role is gone count, until it is back.
    let gov = &world.gov;
    gov.revoke_role(&world.admin, Role::Verifier, second.address())
        .await
        .unwrap();
    refused(send(vec![one.clone(), two.clone()]).await, "NotAVerifier");
    gov.grant_role(&world.admin, Role::Verifier, second.address())
        .await
        .unwrap();
    send(vec![one, two]).await.unwrap();
    assert_eq!(world.gov.anchor_of(node).await.unwrap().unwrap().size, size);
    lacks_role(
        world
            .gov
            .set_quorum(
                &world.stranger,
                Quorum {
                    threshold: size,
                    signatures: 0,
                },
            )
            .await,
        Role::Admin,
        world.stranger.address(),
    );
    world
        .gov
        .set_quorum(
            &world.admin,
            Quorum {
                threshold: size,
                signatures: 0,
            },
        )
        .await
        .unwrap();
    anchor(&world, &world.node, &log, 11, 20).await.unwrap();
}

/// Neither the node's own address, nor any operator it ever had, nor the present one; another node's do.
pub(crate) async fn nobody_who_ever_acted_for_a_node_vouches_for_it(chain: Chain) {
    let operators = ["second operator", "third operator", "fourth operator"].map(account);
    let foreign = account("operator of another node");
    let world = World::with(chain, |config| {
        let verifiers = operators.iter().chain([&foreign]).map(Account::address);
        config
            .grants
            .extend(verifiers.map(|verifier| (Role::Verifier, verifier)));
    })
    .await;
    let gov = &world.gov;
    let node = world.node.node_address();
    gov.grant_role(&world.admin, Role::Verifier, world.node.address())
        .await
        .unwrap();
    world.register(&world.node).await;
    world.register(&foreign).await;
    let log = leaves(1, 8);
    let mut line = vec![&world.node];
    for (size, operator) in (1_usize..).zip(&operators) {
        world.chain.fund(operator.address()).await;
        gov.rotate_operator(&world.admin, node, operator.address())
            .await
            .unwrap();
        line.push(operator);
        let (count, tree) = (TreeSize::new(size as u64), root(&log[..size]));
        let proof = if size == 1 {
            Vec::new()
        } else {
            consistency(size - 1, &log[..size])
        };
        let sign = |who: &Account| gov.sign_checkpoint(who, node, count, tree).unwrap();
        for own in &line {
            assert!(!gov.counts_as_verifier(own.address(), node).await.unwrap());
            let refusal = gov
                .anchor_with_quorum(operator, count, tree, &proof, &[sign(own), sign(&foreign)])
                .await;
            let refusal = refused(refusal, "NotAVerifier");
            assert_eq!(
                refusal.revert().unwrap().arg("signer"),
                Some(own.address().to_checksum(None).as_str())
            );
        }
        // One who will act for the node still counts, and so does another node's operator.
        let mut others = vec![sign(&foreign)];
        others.extend(operators.get(size).map(sign));
        for other in &others {
            assert!(gov.counts_as_verifier(other.signer, node).await.unwrap());
        }
        gov.anchor_with_quorum(operator, count, tree, &proof, &others)
            .await
            .unwrap();
    }
}

alloy::sol!(
    VerifierSetProbe,
    "../../contracts/artifacts/test/VerifierSetProbe.json"
);

/// 1,228 accounts and a STOP are 24,561 bytes; one more would be above EIP-170.
pub(crate) async fn the_set_of_verifiers_is_bounded_by_what_code_holds(chain: Chain) {
    let world = World::new(chain).await;
    let artifact: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../contracts/artifacts/test/VerifierSetProbe.json"
    ))
    .unwrap();
    let code = hex::decode(artifact["bytecode"].as_str().unwrap().trim_start_matches("0x")).unwrap();
    let deploy = async |code: &[u8]| {
        let deployed = world.client.deploy_policy_contract(&world.author, code).await;
        deployed.unwrap().address
    };
    let probe = deploy(&code).await;
    let member = |number: u64| Address::left_padding_from(&number.to_be_bytes());
    let insert = async |members: u64| {
        let mut kept = vec![0];
        kept.extend((1..=members).flat_map(|number| member(number).to_vec()));
        let store = deploy(&creation(&kept)).await;
        let call = VerifierSetProbe::insertCall {
            store,
            account: member(members + 1),
        };
        let inserted = world.client.view("DecisionLedger", probe, &call).await;
        kept.extend(member(members + 1).to_vec());
        (inserted, kept)
    };
    let (inserted, expected) = insert(1_227).await;
    assert_eq!(inserted.unwrap().to_vec(), expected);
    let refusal = refused(insert(1_228).await.0, "TooManyVerifiers");
    assert_eq!(refusal.revert().unwrap().arg("max"), Some("1228"));
}

/// The store that signatures are checked against has exactly the holders of the role, sorted, after every change.
pub(crate) async fn the_store_of_verifiers_follows_the_role(chain: Chain) {
    let world = World::new(chain).await;
    let ledger = world.deployment().ledger;
    let verifiers: Vec<Address> = (0..6)
        .map(|number| account(&format!("verifier {number}")).address())
        .collect();
    let mut held = std::collections::BTreeSet::new();
    let steps = [0_usize, 1, 2, 3, 2, 4, 0, 5, 2, 5, 3, 1, 4, 2, 1];
    for step in steps {
        let verifier = verifiers[step];
        if held.remove(&verifier) {
            let call = DecisionLedger::revokeRoleCall {
                role: Role::Verifier.id(),
                account: verifier,
            };
            send(&world, &world.admin, &call).await.unwrap();
        } else {
            held.insert(verifier);
            // The second time changes nothing.
            for _ in 0..2 {
                let call = DecisionLedger::grantRoleCall {
                    role: Role::Verifier.id(),
                    account: verifier,
                };
                send(&world, &world.admin, &call).await.unwrap();
            }
        }
        let kept = world
            .client
            .view("DecisionLedger", ledger, &DecisionLedger::verifiersCall {})
            .await
            .unwrap();
        let expected: Vec<u8> = held.iter().flat_map(|account| account.to_vec()).collect();
        if expected.is_empty() {
            assert_eq!(kept.store, Address::ZERO);
            continue;
        }
        let code = world.client.code(kept.store).await.unwrap();
        assert_eq!(code[0], 0, "STOP: nobody runs it");
        assert_eq!(code[1..], expected, "{step}");
    }
    // Giving the role up counts too.
    let world_node = &world.node;
    let role = Role::Verifier.id();
    let grant = DecisionLedger::grantRoleCall {
        role,
        account: world_node.address(),
    };
    send(&world, &world.admin, &grant).await.unwrap();
    let renounce = DecisionLedger::renounceRoleCall {
        role,
        callerConfirmation: world_node.address(),
    };
    send(&world, world_node, &renounce).await.unwrap();
    let call = DecisionLedger::verifiersCall {};
    let kept = world.client.view("DecisionLedger", ledger, &call).await.unwrap();
    let code = world.client.code(kept.store).await.unwrap();
    assert!(
        !code[1..]
            .chunks(20)
            .any(|member| member == world_node.address().as_slice())
    );
}

async fn send(world: &World, who: &Account, call: &impl SolCall) -> Result<Receipt, ChainError> {
    let call = Call {
        contract: "DecisionLedger".to_owned(),
        to: Some(world.deployment().ledger),
        data: call.abi_encode().into(),
    };
    world.client.send(who, &call).await
}
