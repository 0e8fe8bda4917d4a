//! `stele challenge --receipt`: claims that a promised decision is not in its node's log, and settles the claim.

use super::{Args, consent, failed, governance, logged};
use crate::commands::receipt;
use crate::config::Sources;
use crate::exit::Verdict;
use crate::home::Home;
use crate::output::{self, Format};
use crate::{chain::block_on, keys};
use anyhow::{Context, Result, bail};
use std::path::Path;
use stele_chain::client::{Account, Governance, Omission, OmissionStatus, OmissionTerms};
use stele_chain::contracts::Role;
use stele_ledger::receipt::{Checked, check};
use stele_types::{Receipt, Timestamp};

pub(super) fn run(sources: &Sources, args: &Args, path: &Path) -> Result<Verdict> {
    let promised = receipt::read(path)?;
    let checked = check(&promised).context("the receipt is worth nothing")?;
    let config = sources.load()?;
    let home = Home::at(&config.data_dir);
    block_on(async {
        let (governance, _session) = governance(&config, &home, args.contract, &args.chain).await?;
        let claim = governance.omission(checked.leaf_hash).await.map_err(failed)?;
        let account = || keys::role_account(&home, Role::Responder, args.key.as_deref());
        match claim {
            Some(claim) if claim.status != OmissionStatus::Open => decided(args.format, &claim),
            Some(claim) if args.settle => {
                settle(args.format, &governance, &account()?, &promised, &claim).await
            }
            Some(claim) => {
                said(
                    args.format,
                    "open",
                    &claim,
                    false,
                    &how_to_settle(path, claim.deadline),
                )?;
                Ok(Verdict::Pass)
            }
            None if args.settle => {
                bail!("nobody has claimed that this decision is missing; claim it first, without --settle")
            }
            None => {
                let terms = may_be_claimed(&governance, &promised, &checked).await?;
                let logged = logged::look(&governance, args.log.as_deref(), &promised, &checked).await?;
                disclose(&governance, &promised, &terms);
                output::note(format!("\n{logged}"));
                consent(args.yes)?;
                governance
                    .claim_omission(&account()?, &promised)
                    .await
                    .map_err(failed)?;
                let claim = governance.omission(checked.leaf_hash).await.map_err(failed)?;
                let claim = claim.context("the chain forgot the claim: it was reorganised; try again")?;
                said(
                    args.format,
                    "claimed",
                    &claim,
                    false,
                    &how_to_settle(path, claim.deadline),
                )?;
                Ok(Verdict::Pass)
            }
        }
    })
}

fn how_to_settle(path: &Path, deadline: Timestamp) -> String {
    format!(
        "the node has until {deadline} to show it in its log; afterwards: stele challenge --receipt {} --settle",
        path.display()
    )
}

/// What the contract would refuse is refused here, before anything is public.
async fn may_be_claimed(
    governance: &Governance,
    promised: &Receipt,
    checked: &Checked,
) -> Result<OmissionTerms> {
    let deployment = governance.deployment();
    if promised.chain_id != deployment.chain_id {
        bail!(
            "the receipt is about chain {}; the one asked is {}",
            promised.chain_id,
            deployment.chain_id
        );
    }
    let node = promised.node;
    if !governance.is_active_node(node).await.map_err(failed)? {
        bail!("node {node} is not active: it was never registered, or is suspended already");
    }
    if !governance
        .ledgers()
        .await
        .map_err(failed)?
        .contains(&promised.ledger)
    {
        bail!(
            "the receipt is about the ledger {}, which is neither {} nor one that came before or after it",
            promised.ledger,
            deployment.ledger
        );
    }
    let terms = governance.omission_terms().await.map_err(failed)?;
    let now = crate::node::now().as_nanos() / 1_000_000_000;
    let term = governance.operator_term_in_line(checked.signer, node);
    match term.await.map_err(failed)? {
        None => bail!(
            "the receipt is signed by {}, who never acted for node {node}: it is forged or altered",
            checked.signer
        ),
        Some(Some(replaced)) => {
            let end = replaced.as_seconds().saturating_add(terms.grace.as_secs());
            if now > end {
                bail!(
                    "the receipt is signed by {}, who was replaced as the node's operator at {replaced}: its receipts counted until {} only",
                    checked.signer,
                    receipt::seconds(end)
                );
            }
        }
        Some(None) => {}
    }
    let claimed = governance.omission_in_line(checked.leaf_hash);
    if let Some((contract, _)) = claimed.await.map_err(failed)? {
        bail!(
            "the decision was claimed before, in the contract {contract}: --rpc and --contract {contract} show and settle that claim"
        );
    }
    let delay = promised.merge_delay.min(terms.max_merge_delay.as_secs());
    let due = promised.issued_at.saturating_add(delay);
    let tolerance = governance.challenge_tolerance().await.map_err(failed)?;
    if promised.issued_at <= now.saturating_add(tolerance) && now <= due {
        bail!(
            "the decision need not be in the log before {}, in {} s",
            receipt::seconds(due),
            due.saturating_sub(now).saturating_add(1)
        );
    }
    Ok(terms)
}

fn disclose(governance: &Governance, promised: &Receipt, terms: &OmissionTerms) {
    let deployment = governance.deployment();
    output::note(format!(
        "A claim publishes the following on chain {} (contract {}), for ever. The input and its salt stay with you:\n",
        deployment.chain_id, deployment.challenge
    ));
    let leaf = &promised.leaf;
    for (name, value) in [
        ("decision", leaf.decision_id.to_string()),
        ("time", leaf.time.to_string()),
        ("node", leaf.node.to_string()),
        ("version", leaf.policy_version.to_string()),
        ("result", format!("SHA-256 {}", leaf.result_digest)),
        ("input", format!("its commitment {}", leaf.input_commitment)),
        (
            "receipt",
            format!(
                "issued {}, with its signature",
                receipt::seconds(promised.issued_at)
            ),
        ),
    ] {
        output::note(format!("  {name:<10} {value}"));
    }
    output::note(format!(
        "\nIt takes a deposit of {} wei. The node has {} s to show that the decision is in its log: then the deposit is the answerer's. Otherwise the \
         node is suspended, and you get it back.",
        terms.deposit,
        terms.window.as_secs()
    ));
}

async fn settle(
    format: Format,
    governance: &Governance,
    account: &Account,
    promised: &Receipt,
    claim: &Omission,
) -> Result<Verdict> {
    let (omitted, _) = governance
        .settle_omission(account, promised)
        .await
        .map_err(failed)?;
    if omitted {
        said(
            format,
            "omitted",
            claim,
            false,
            "the node is suspended, and the deposit can be withdrawn",
        )?;
        return Ok(Verdict::Fail);
    }
    said(
        format,
        "dropped",
        claim,
        false,
        "the node is not active, and can't answer; the deposit can be withdrawn, and the claim be made again once the node is back",
    )?;
    Ok(Verdict::Pass)
}

/// A claim that was decided before.
fn decided(format: Format, claim: &Omission) -> Result<Verdict> {
    match claim.status {
        OmissionStatus::Omitted => {
            said(
                format,
                "omitted",
                claim,
                true,
                "the node was suspended for it; nothing was sent",
            )?;
            Ok(Verdict::Fail)
        }
        _ => {
            said(
                format,
                "answered",
                claim,
                true,
                "the decision is in the node's log; nothing was sent",
            )?;
            Ok(Verdict::Pass)
        }
    }
}

fn said(format: Format, outcome: &str, claim: &Omission, before: bool, text: &str) -> Result<()> {
    match format {
        Format::Json => output::json(&serde_json::json!({
            "outcome": outcome,
            "before": before,
            "decision_id": claim.decision_id,
            "node": claim.node,
            "leaf_hash": claim.leaf_hash,
            "deadline": claim.deadline,
            "deposit": claim.deposit.to_string(),
        })),
        Format::Text => {
            let when = if before { " before" } else { "" };
            output::line(format!(
                "{outcome}{when}: decision {} of node {}; {text}",
                claim.decision_id, claim.node
            ));
            Ok(())
        }
    }
}
