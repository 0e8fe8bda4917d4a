//! `stele receipt check`.

use crate::chain::{ChainArgs, block_on};
use crate::commands::challenge::governance;
use crate::commands::decide::read_input;
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::home::Home;
use crate::output::{self, Format};
use crate::record::Records;
use alloy_primitives::Address;
use anyhow::{Result, bail};
use serde::Serialize;
use std::path::PathBuf;
use stele_chain::client::{Governance, OmissionStatus, OmissionTerms};
use stele_ledger::proof::InclusionProof;
use stele_ledger::receipt::{self, Checked};
use stele_ledger::tree::verify;
use stele_types::{EvmAddress, Receipt, Timestamp};

/// Seconds that a node's clock may be ahead of ours before we say so.
const CLOCKS: u64 = 60;

/// Check a receipt.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The receipt, or the answer that has it
    file: PathBuf,
    /// The input that was sent, or the request's body {"input": ...}; - is standard input. Without it nobody knows what the decision is about
    #[arg(short, long, value_name = "FILE", conflicts_with = "no_input")]
    input: Option<PathBuf>,
    /// No input was sent
    #[arg(long)]
    no_input: bool,
    /// Who signs for the node, if it is no longer the node's own address
    #[arg(long, value_name = "ADDRESS")]
    operator: Option<Address>,
    /// Whether the decision is in this node's log: its URL, or its data directory
    #[arg(long, value_name = "URL|DIRECTORY")]
    log: Option<String>,
    /// Address of the contract Challenge you trust [default: that of the data directory's deployment]
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    contract: Option<Address>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    chain: ChainArgs,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    holds: bool,
    decision_id: stele_types::DecisionId,
    node: EvmAddress,
    signer: EvmAddress,
    leaf_hash: stele_types::Digest,
    /// Seconds since 1970.
    issued_at: u64,
    /// Seconds since 1970.
    due: u64,
    /// Whether the leaf commits to the input; absent when none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<InLog>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<OnChain>,
    /// Why it does not hold.
    problems: Vec<String>,
    /// What else there is to say.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct InLog {
    included: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    anchored: bool,
}

#[derive(Serialize)]
struct OnChain {
    /// Whether the signer acts or acted for the node.
    signer_known: bool,
    /// When the signer was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<Timestamp>,
    active: bool,
    /// What became of a claim that the decision is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<OmissionStatus>,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let receipt = super::read(&args.file)?;
    let checked = match receipt::check(&receipt) {
        Ok(checked) => checked,
        Err(error) => return refuse(args.format, &error.to_string()),
    };
    let mut report = Report {
        holds: true,
        decision_id: receipt.decision_id,
        node: receipt.node,
        signer: checked.signer,
        leaf_hash: checked.leaf_hash,
        issued_at: receipt.issued_at,
        due: receipt.due(),
        input: None,
        log: None,
        chain: None,
        problems: Vec::new(),
        notes: Vec::new(),
    };
    let now = crate::node::now().as_nanos() / 1_000_000_000;
    if receipt.issued_at > now.saturating_add(CLOCKS) {
        report.notes.push(format!(
            "it is dated {} s ahead of this machine's clock: don't trust an answer whose receipt is not dated now",
            receipt.issued_at.saturating_sub(now)
        ));
    }
    input(args, &receipt, &mut report)?;
    let proof = match &args.log {
        Some(log) => Some(in_log(log, &receipt, &checked, &mut report)?),
        None => None,
    };
    if args.chain.rpc.is_some() {
        let config = sources.load()?;
        let home = Home::at(&config.data_dir);
        block_on(async {
            let (governance, _session) = governance(&config, &home, args.contract, &args.chain).await?;
            on_chain(
                &governance,
                &receipt,
                &checked,
                proof.flatten().as_ref(),
                now,
                &mut report,
            )
            .await
        })?;
    } else {
        signer(args, &receipt, &checked, &mut report);
        if report.log.as_ref().is_some_and(|log| log.anchored) {
            report
                .notes
                .push("that the decision is anchored is the log's word: only --rpc confirms it".to_owned());
        }
    }
    overdue(now, &mut report);
    report.holds = report.problems.is_empty();
    print(args.format, &report, now)?;
    Ok(if report.holds {
        Verdict::Pass
    } else {
        Verdict::Fail
    })
}

fn refuse(format: Format, reason: &str) -> Result<Verdict> {
    match format {
        Format::Json => output::json(&serde_json::json!({"holds": false, "problems": [reason]}))?,
        Format::Text => output::line(format!("WORTH NOTHING: {reason}")),
    }
    Ok(Verdict::Fail)
}

fn input(args: &Args, receipt: &Receipt, report: &mut Report) -> Result<()> {
    let value = match (&args.input, args.no_input) {
        (Some(path), _) => Some(read_input(path)?),
        (None, true) => None,
        (None, false) => {
            report.notes.push(
                "the input was not compared: only with --input (or --no-input) a receipt is about what you asked".to_owned(),
            );
            return Ok(());
        }
    };
    let opens = receipt.opens_to(value.as_ref())?;
    report.input = Some(opens);
    if !opens {
        report
            .problems
            .push("the decision is about another input than this one".to_owned());
    }
    Ok(())
}

/// Without the chain: the node's own address, or who is said to have replaced it.
fn signer(args: &Args, receipt: &Receipt, checked: &Checked, report: &mut Report) {
    let expected = args.operator.map_or(receipt.node, |operator| {
        stele_types::NodeAddress(operator.into_array())
    });
    if checked.signer != expected {
        report.problems.push(format!(
            "it is signed by {}, not by {expected}: forged, altered, or the node's operator was replaced (then give --operator, or ask the chain \
             with --rpc)",
            checked.signer
        ));
    }
}

/// Looks the decision up, and returns its proof if there is one.
fn in_log(
    log: &str,
    receipt: &Receipt,
    checked: &Checked,
    report: &mut Report,
) -> Result<Option<InclusionProof>> {
    let records = if log.starts_with("http://") || log.starts_with("https://") {
        Records::at_url(log)?
    } else if log.is_empty() || log.contains("://") {
        bail!("--log takes an http or https URL, or a data directory, and not `{log}`");
    } else {
        Records::of(&Home::at(log.as_ref()))?
    };
    let found = records.find_inclusion(receipt.decision_id)?;
    let Some(proof) = found else {
        report.log = Some(InLog {
            included: false,
            index: None,
            anchored: false,
        });
        return Ok(None);
    };
    if proof.leaf != receipt.leaf {
        report
            .problems
            .push("the log has another leaf under this decision's id than the receipt promises".to_owned());
        return Ok(None);
    }
    let anchor = proof.anchor.as_ref();
    if let Some(anchor) = anchor
        && let Err(error) = verify::inclusion(
            &checked.leaf_hash,
            proof.index,
            anchor.size,
            &proof.inclusion,
            &anchor.root,
        )
    {
        bail!("the log's proof does not hold: {error}");
    }
    if anchor.is_none() {
        report.notes.push(
            "that the decision is in the log is the log's word: no anchored tree has it yet, and until then it can still be left out".to_owned(),
        );
    }
    report.log = Some(InLog {
        included: true,
        index: Some(proof.index.get()),
        anchored: anchor.is_some(),
    });
    Ok(Some(proof))
}

/// What should be in the log by now. Said last, because the chain has a word about when that is.
fn overdue(now: u64, report: &mut Report) {
    let Some(log) = report.log.as_ref().filter(|_| now > report.due) else {
        return;
    };
    if !log.included {
        report.problems.push(
            "its decision is not in the log, and the delay has passed: `stele challenge --receipt` holds the node to it".to_owned(),
        );
    } else if !log.anchored {
        report
            .problems
            .push("its decision is in the log but in no anchored tree, and the delay has passed".to_owned());
    }
}

async fn on_chain(
    governance: &Governance,
    receipt: &Receipt,
    checked: &Checked,
    proof: Option<&InclusionProof>,
    now: u64,
    report: &mut Report,
) -> Result<()> {
    ledger(governance, receipt, report).await?;
    let terms = governance.omission_terms().await.environment("the chain")?;
    report.due = due_on_chain(receipt, &terms);
    let tolerance = governance.challenge_tolerance().await.environment("the chain")?;
    if receipt.issued_at > now.saturating_add(tolerance) {
        report.notes.push(format!(
            "it is dated further ahead than the contract's tolerance of {tolerance} s, so it counts as issued when it is claimed: claim now, with \
             `stele challenge --receipt`"
        ));
    }
    let term = governance
        .operator_term_in_line(checked.signer, receipt.node)
        .await
        .environment("the chain")?;
    if term.is_none() {
        report.problems.push(format!(
            "it is signed by {}, who never acted for node {}: forged or altered",
            checked.signer, receipt.node
        ));
    }
    let replaced = term.flatten();
    if let Some(replaced) = replaced {
        retired(replaced, &terms, now, report);
    }
    if let Some(anchor) = proof.and_then(|proof| proof.anchor.as_ref()) {
        let held = governance
            .anchored_in_line(receipt.node, anchor.size, anchor.root)
            .await;
        if held.environment("the chain")?.is_none() {
            report
                .problems
                .push("the chain does not hold the anchor that the log names".to_owned());
        }
    }
    let claim = governance
        .omission_in_line(checked.leaf_hash)
        .await
        .environment("the chain")?;
    let claim = claim.map(|(contract, claim)| {
        if contract.0 != governance.deployment().challenge.into_array() {
            report.notes.push(format!(
                "the claim is in the contract {contract}, which was replaced since: give --contract {contract} to settle it"
            ));
        }
        claim.status
    });
    if claim == Some(OmissionStatus::Omitted) {
        report
            .problems
            .push("the node did not keep it, and was suspended for that".to_owned());
    }
    let active = governance
        .is_active_node(receipt.node)
        .await
        .environment("the chain")?;
    if !active {
        report
            .notes
            .push("the node is not active: it anchors nothing, and nobody can claim against it, until an admin reinstates it".to_owned());
    }
    report.chain = Some(OnChain {
        signer_known: term.is_some(),
        replaced,
        active,
        claim,
    });
    Ok(())
}

/// Where the decision is to be anchored: in a ledger whose receipts the contract takes, or the receipt is worth nothing here.
async fn ledger(governance: &Governance, receipt: &Receipt, report: &mut Report) -> Result<()> {
    let deployment = governance.deployment();
    let named = format!(
        "it promises an anchor in the ledger {} of chain {}",
        receipt.ledger, receipt.chain_id
    );
    let own = stele_types::NodeAddress(deployment.ledger.into_array());
    if receipt.chain_id != deployment.chain_id {
        let text = format!("{named}; the one asked is chain {}", deployment.chain_id);
        report.problems.push(text);
    } else if receipt.ledger != own {
        let line = governance.ledgers().await.environment("the chain")?;
        if line.contains(&receipt.ledger) {
            report.notes.push(format!(
                "{named}, which is of one line with {own}: contracts were replaced, and the promise holds"
            ));
        } else {
            report.problems.push(format!(
                "{named}, which is neither {own} nor one that came before or after it: the contract takes no claim about it"
            ));
        }
    }
    Ok(())
}

/// When the decision must be in the log: the node's own delay counts at most as long as the chain's.
fn due_on_chain(receipt: &Receipt, terms: &OmissionTerms) -> u64 {
    let delay = receipt.merge_delay.min(terms.max_merge_delay.as_secs());
    receipt.issued_at.saturating_add(delay)
}

/// A receipt by somebody who was replaced longer ago than the grace is worth nothing any more.
fn retired(replaced: Timestamp, terms: &OmissionTerms, now: u64, report: &mut Report) {
    let end = (replaced.as_nanos() / 1_000_000_000).saturating_add(terms.grace.as_secs());
    let what = format!("its signer was replaced as the node's operator at {replaced}, and its receipts");
    if now > end {
        report
            .problems
            .push(format!("{what} counted until {} only", seconds(end)));
    } else {
        report.notes.push(format!(
            "{what} count until {}: nobody can claim by them later",
            seconds(end)
        ));
    }
}

fn print(format: Format, report: &Report, now: u64) -> Result<()> {
    if format == Format::Json {
        return output::json(report);
    }
    let mut lines = vec![
        ("decision", report.decision_id.to_string()),
        ("node", report.node.to_string()),
        ("signed by", report.signer.to_string()),
        ("issued", seconds(report.issued_at)),
        ("due", due(report.due, now)),
    ];
    if let Some(matches) = report.input {
        let text = if matches {
            "the one that was given"
        } else {
            "ANOTHER one"
        };
        lines.push(("input", text.to_owned()));
    }
    if let Some(log) = &report.log {
        let text = match (log.index, log.anchored) {
            (Some(index), true) if report.chain.is_some() => format!("leaf {index}, anchored"),
            (Some(index), true) => format!("leaf {index}, anchored, as the log says"),
            (Some(index), false) => format!("leaf {index}, not anchored yet"),
            (None, _) => "NOT THERE".to_owned(),
        };
        lines.push(("log", text));
    }
    if let Some(chain) = &report.chain {
        let node = if chain.active { "active" } else { "NOT ACTIVE" };
        let claim = match chain.claim {
            None => "no claim",
            Some(OmissionStatus::Open) => "claimed missing, open",
            Some(OmissionStatus::Answered) => "claimed missing, and shown to be in the log",
            Some(OmissionStatus::Omitted) => "OMITTED",
        };
        lines.push(("chain", format!("node {node}, {claim}")));
    }
    output::line(if report.holds {
        "the receipt holds"
    } else {
        "THE RECEIPT DOES NOT HOLD"
    });
    for (name, value) in lines {
        output::line(format!("  {name:<10} {value}"));
    }
    for problem in &report.problems {
        output::line(format!("  problem    {problem}"));
    }
    for note in &report.notes {
        output::note(format!("note: {note}"));
    }
    Ok(())
}

/// Seconds since 1970 as a time.
pub(crate) fn seconds(seconds: u64) -> String {
    Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000)).to_string()
}

fn due(due: u64, now: u64) -> String {
    let left = due.saturating_sub(now);
    if left > 0 {
        format!("{}, in {left} s", seconds(due))
    } else {
        format!("{}, {} s ago", seconds(due), now.saturating_sub(due))
    }
}
