//! The lies, one node each. A lie that is not caught as it should be is an error.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use stele_chain::ChainError;
use stele_chain::client::{Account, DisputeOutcome, DisputeProof, MisdatingEvidence, OmissionStatus};
use stele_ledger::tree::leaf_hash;
use stele_ledger::{Ledger, ProofBundle, receipt::Batch};
use stele_types::{DecisionRecord, NodeAddress, Receipt, Timestamp, TreeSize};

use crate::Outcome;
use crate::honest::{World, eventually, field};
use crate::liar::{Liar, entry, now};
use crate::serve::Shown;

/// How many there are.
pub const COUNT: usize = 7;

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// Plays one.
///
/// # Errors
///
/// When the environment fails, or the lie is not caught as it should be.
pub async fn play(world: &World, number: usize) -> Result<Outcome> {
    match number {
        0 => alter(world).await,
        1 => omit(world).await,
        2 => rewrite(world).await,
        3 => roll_back(world).await,
        4 => fork(world).await,
        5 => backdate(world).await,
        6 => alter_privately(world).await,
        _ => bail!("there is no lie {number}"),
    }
}

/// Logs records and returns nothing: a log knows its size.
fn write(log: &Ledger, records: impl IntoIterator<Item = DecisionRecord>) -> Result<()> {
    for record in records {
        log.append_and_wait(record)?;
    }
    Ok(())
}

fn transaction(answer: &str) -> Result<String> {
    let answer: Value = serde_json::from_str(answer)?;
    let verdict = field(&answer, "verdict").as_str().context("no verdict")?;
    let transaction = field(&answer, "transaction").as_str().context("no transaction")?;
    Ok(format!("event {verdict}, transaction {transaction}"))
}

fn refusal<T>(answer: Result<T, ChainError>, expected: &str) -> Result<String> {
    match answer {
        Ok(_) => bail!("the chain should have answered {expected}"),
        Err(error) if error.is_revert(expected) => Ok(format!("revert {expected}")),
        Err(error) => Err(error).context(format!("the chain should have answered {expected}")),
    }
}

/// A decision that records another answer than the policy gives.
fn lie(world: &World, liar: &Liar) -> Result<DecisionRecord> {
    let mut record = liar.decision(&world.denied, now()?);
    record.result.clone_from(&world.allowed.record.result);
    record.violations.clear();
    Ok(record)
}

/// Records another answer than the policy gives.
async fn alter(world: &World) -> Result<Outcome> {
    let liar = Liar::register(world).await?;
    let log = liar.log("log")?;
    let lie = lie(world, &liar)?;
    let id = lie.decision_id;
    write(&log, [lie])?;
    liar.anchor(world, &log).await??;
    let proof = log.prove(&id)?;
    let answer = world.challenge("altered", &proof)?.exits(1)?;
    // What is looked for after a private challenge is found after this one.
    ensure!(
        opened(world, &proof, &answer)? == (true, true),
        "a public challenge shows salt and input"
    );
    // From now on its anchors are refused.
    write(&log, [liar.decision(&world.allowed, now()?)])?;
    refusal(liar.anchor(world, &log).await?, "NodeNotActive")?;
    Ok(Outcome {
        lie: "altered",
        did: format!("logged that a privileged pod was allowed (decision {id})"),
        noticed_by: "anyone with the proof: stele challenge",
        check: "Challenge.challenge: the chain re-executes the policy",
        evidence: transaction(&answer)?,
        active: liar.is_active(world).await?,
        afterwards: "its next anchor reverts: NodeNotActive",
    })
}

/// The same about an input that must not become public: verifiers re-execute it, and the chain takes the word of two of them.
async fn alter_privately(world: &World) -> Result<Outcome> {
    let liar = Liar::register(world).await?;
    let log = liar.log("log")?;
    let lie = lie(world, &liar)?;
    let id = lie.decision_id;
    write(&log, [lie])?;
    liar.anchor(world, &log).await??;
    let proof = log.prove(&id)?;
    let (_shown, url) = Shown::start(Arc::clone(&log))?;
    let address = liar.address().to_string();
    let verifiers = [world.verifier(&address, &url)?, world.verifier(&address, &url)?];
    world.admit(&verifiers, 2)?;
    let (one, _) = verifiers.split_at(1);
    let alone = world.dispute("alone", &proof, one)?;
    let refused = alone.code == 2 && alone.err.contains("2 verifiers must agree, and 1 are named");
    ensure!(refused && liar.is_active(world).await?, "{alone:?}");
    for verifier in one {
        alone_at_the_contract(world, &proof, &verifier.signer).await?;
    }
    ensure!(liar.is_active(world).await?, "one verifier suspended the node");
    let answer = world.dispute("privately", &proof, &verifiers)?.exits(1)?;
    let (salt, input) = opened(world, &proof, &answer)?;
    ensure!(!salt, "the salt became public");
    ensure!(!input, "the input became public");
    Ok(Outcome {
        lie: "altered, in private",
        did: format!(
            "logged that a privileged pod was allowed (decision {id}), whose input must not become public"
        ),
        noticed_by: "who has the proof, before verifiers: stele challenge --private",
        check: "Dispute.dispute: two verifiers re-execute the policy and sign; digests become public, no input",
        evidence: transaction(&answer)?,
        active: liar.is_active(world).await?,
        afterwards: "its anchors revert: NodeNotActive",
    })
}

/// The word of one verifier, which is right, is sent past the program: the contract itself refuses it.
async fn alone_at_the_contract(world: &World, proof: &ProofBundle, verifier: &Account) -> Result<()> {
    let governance = &world.governance;
    let anchor = proof.anchor.as_ref().context("not anchored")?;
    let number = governance
        .anchor_number(proof.leaf.node, anchor.size, anchor.root)
        .await?;
    let outcome = DisputeOutcome {
        leaf: proof.leaf,
        computed: world.denied.leaf.result_digest,
        challenger: world.stranger.address(),
    };
    let shown = DisputeProof {
        index: proof.index,
        anchor: number.context("not anchored")?,
        inclusion: proof.inclusion.clone(),
    };
    let signature = governance.sign_outcome(verifier, &outcome)?;
    let answer = governance
        .dispute(&world.stranger, &outcome, &shown, &[signature])
        .await;
    refusal(answer, "QuorumNeeded").map(drop)
}

/// Whether what a challenge's transaction made public opens the leaf: its salt, its input. The leaf itself is what is judged.
fn opened(world: &World, proof: &ProofBundle, answer: &str) -> Result<(bool, bool)> {
    let answer: Value = serde_json::from_str(answer)?;
    let transaction = field(&answer, "transaction").as_str().context("no transaction")?;
    let published = world.published(transaction)?;
    let holds = |bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        published.contains(&hex)
    };
    let salt = proof.record.input_salt.context("the record has no input salt")?;
    ensure!(holds(&proof.leaf.to_bytes()), "the leaf is what is judged");
    Ok((holds(&salt.0), holds(b"privileged")))
}

/// Promises a decision and does not log it.
async fn omit(world: &World) -> Result<Outcome> {
    let liar = Liar::register(world).await?;
    let log = liar.log("log")?;
    let record = liar.decision(&world.denied, now()?);
    let receipt = promise(world, &liar, &record)?;
    let hash = leaf_hash(&receipt.leaf.to_bytes());
    // What it does log and anchor: something else.
    write(&log, [liar.decision(&world.allowed, now()?)])?;
    liar.anchor(world, &log).await??;

    let governance = &world.governance;
    // Claimed when the promise is due, settled when the window has passed; before, the chain says so.
    while let Err(error) = governance.claim_omission(&world.stranger, &receipt).await {
        ensure!(error.is_revert("NotDue"), "{error}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let settled = loop {
        match governance.settle_omission(&world.stranger, &receipt).await {
            Ok((omitted, settled)) => {
                ensure!(omitted, "the claim was dropped");
                break settled;
            }
            Err(error) => ensure!(error.is_revert("WindowOpen"), "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let omission = governance.omission(hash).await?;
    ensure!(omission.is_some_and(|claim| claim.status == OmissionStatus::Omitted));
    Ok(Outcome {
        lie: "omitted",
        did: format!(
            "signed a receipt for decision {} and did not log it",
            receipt.decision_id
        ),
        noticed_by: "the holder of the receipt",
        check: "Challenge.claimOmission, no answer within the window, settleOmission",
        evidence: format!("event omitted, transaction {}", settled.transaction),
        active: liar.is_active(world).await?,
        afterwards: "its anchors revert: NodeNotActive",
    })
}

fn promise(world: &World, liar: &Liar, record: &DecisionRecord) -> Result<Receipt> {
    let leaf = record.leaf()?;
    let deployment = world.governance.deployment();
    let place = (deployment.chain_id, NodeAddress(deployment.ledger.into_array()));
    let issued_at = now()?.as_nanos() / 1_000_000_000;
    let hashes = vec![leaf_hash(&leaf.to_bytes())];
    let batch = Batch::new(place, liar.address(), (issued_at, 1), hashes)?;
    let signature = liar.account.sign_digest(&batch.promise().digest())?;
    let salt = record.input_salt.context("the record has no input salt")?;
    Ok(batch.receipt(0, leaf, salt, signature)?)
}

/// Rewrites a decision that is anchored.
async fn rewrite(world: &World) -> Result<Outcome> {
    let liar = Liar::register(world).await?;
    let (first, second) = (liar.log("first")?, liar.log("second")?);
    let original = liar.decision(&world.denied, now()?);
    let id = original.decision_id;
    write(&first, [original])?;
    liar.anchor(world, &first).await??;
    let shown: ProofBundle = first.prove(&id)?;
    write(
        &second,
        [
            liar.decision(&world.allowed, now()?),
            liar.decision(&world.allowed, now()?),
        ],
    )?;
    let evidence = refusal(liar.anchor(world, &second).await?, "Inconsistent")?;
    // What the chain holds still proves what was decided.
    let anchor = shown.anchor.as_ref().context("not anchored")?;
    let held = world
        .governance
        .anchor_of(liar.address())
        .await?
        .context("no anchor")?;
    ensure!((held.size, held.root) == (anchor.size, anchor.root));
    Ok(Outcome {
        lie: "rewritten",
        did: format!("replaced the anchored decision {id} and anchored the new log"),
        noticed_by: "the chain",
        check: "DecisionLedger.anchor: the RFC 6962 consistency proof",
        evidence,
        active: liar.is_active(world).await?,
        afterwards: "it can't anchor anything that does not extend what it hid; the old proof holds",
    })
}

/// Goes back to a shorter log.
async fn roll_back(world: &World) -> Result<Outcome> {
    let liar = Liar::register(world).await?;
    let (long, short) = (liar.log("long")?, liar.log("short")?);
    let first = liar.decision(&world.allowed, now()?);
    write(&short, [first.clone()])?;
    write(&long, [first, liar.decision(&world.denied, now()?)])?;
    liar.anchor(world, &long).await??;
    let evidence = refusal(liar.anchor(world, &short).await?, "SizeFell")?;
    Ok(Outcome {
        lie: "rolled back",
        did: "cut an anchored decision off its log and anchored the rest".to_owned(),
        noticed_by: "the chain",
        check: "DecisionLedger.anchor: a tree never shrinks",
        evidence,
        active: liar.is_active(world).await?,
        afterwards: "it can't anchor before its log has the decision again",
    })
}

/// Shows one log to a verifier and another one later, before anything is anchored.
async fn fork(world: &World) -> Result<Outcome> {
    let liar = Liar::register(world).await?;
    let (one, other) = (liar.log("one")?, liar.log("other")?);
    write(&one, [liar.decision(&world.denied, now()?)])?;
    write(
        &other,
        [
            liar.decision(&world.allowed, now()?),
            liar.decision(&world.allowed, now()?),
        ],
    )?;
    for log in [&one, &other] {
        log.publish()?;
    }
    let (shown, url) = Shown::start(Arc::clone(&one))?;
    let address = liar.address().to_string();
    let verifier = world.verifier(&address, &url)?;
    eventually("the verifier has seen the first log", || {
        let status = verifier.status(&address)?;
        ensure!(field(&status, "refused").is_null(), "{status}");
        Ok((*field(&status, "verified") == 1).then_some(()))
    })
    .await?;
    shown.show(other);
    let refused = eventually("the verifier sees the fork", || {
        let refused = field(&verifier.status(&address)?, "refused").clone();
        Ok((!refused.is_null()).then_some(refused))
    })
    .await?;
    ensure!(*field(&refused, "accusation") == "fork", "{refused}");
    // The honest log beside it is verified and nobody accuses it.
    let honest = world.denied.leaf.node.to_string();
    eventually("the verifier has re-executed the honest log", || {
        let status = verifier.status(&honest)?;
        ensure!(field(&status, "refused").is_null(), "{status}");
        Ok((*field(field(&status, "decisions"), "agrees") == 2).then_some(()))
    })
    .await?;
    Ok(Outcome {
        lie: "forked",
        did: "showed a verifier one log, and then another one that it had signed too".to_owned(),
        noticed_by: "a verifier: stele verifier",
        check: "each signed tree must extend the one verified last",
        evidence: "accusation fork, with both signed checkpoints".to_owned(),
        active: liar.is_active(world).await?,
        afterwards: "the verifier signs nothing of it any more; with a quorum it can't anchor",
    })
}

/// Dates a decision a day back.
async fn backdate(world: &World) -> Result<Outcome> {
    let liar = Liar::register(world).await?;
    let log = liar.log("log")?;
    let time = now()?;
    let yesterday = Timestamp::from_nanos(time.as_nanos().saturating_sub(DAY_NS));
    let late = liar.decision(&world.denied, yesterday);
    let id = late.decision_id;
    write(&log, [liar.decision(&world.allowed, time), late])?;
    let anchored = liar.anchor(world, &log).await??;
    // A challenge can't judge it: no version was in force then.
    let answer = world.challenge("backdated", &log.prove(&id)?)?;
    ensure!(answer.code == 2, "{answer:?}");
    let size = TreeSize::new(2);
    let evidence = MisdatingEvidence {
        node: liar.address(),
        anchor: anchored.index,
        first: entry(&log, 0, size)?,
        second: entry(&log, 1, size)?,
    };
    let refuted = world.governance.refute_date(&world.stranger, &evidence).await?;
    Ok(Outcome {
        lie: "backdated",
        did: format!("dated decision {id} a day back, behind one of today"),
        noticed_by: "anyone who reads the log",
        check: "Challenge.refuteDate: a log is in the order of its clock",
        evidence: format!("event misdated, transaction {}", refuted.transaction),
        active: liar.is_active(world).await?,
        afterwards: "its anchors revert: NodeNotActive",
    })
}

/// Does to the honest node what caught the others.
///
/// # Errors
///
/// When the environment fails, or the honest node suffers from it.
pub async fn honest(world: &World) -> Result<Outcome> {
    let answer = world.challenge("honest", &world.denied)?.exits(0)?;
    let node = world.denied.leaf.node;
    let anchor = world.denied.anchor.as_ref().context("not anchored")?;
    let number = world
        .governance
        .anchor_number(node, anchor.size, anchor.root)
        .await?
        .context("not anchored")?;
    let own = stele_chain::client::LogEntry {
        leaf: world.denied.leaf,
        index: world.denied.index,
        inclusion: world.denied.inclusion.clone(),
    };
    // The only pair that a single proof gives: the decision with itself.
    let evidence = MisdatingEvidence {
        node,
        anchor: number,
        first: own.clone(),
        second: own,
    };
    let dates = world.governance.refute_date(&world.stranger, &evidence).await;
    refusal(dates, "NotLater")?;
    Ok(Outcome {
        lie: "honest",
        did: "logged what the policy says, when it said it".to_owned(),
        noticed_by: "nobody",
        check: "a challenge upholds it, and its dates can't be refuted: NotLater",
        evidence: transaction(&answer)?,
        active: world.governance.is_active_node(node).await?,
        afterwards: "it goes on, and this decision can't be challenged again",
    })
}
