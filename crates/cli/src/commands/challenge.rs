//! `stele challenge`: has the chain re-execute a recorded decision. What that publishes is shown before, and agreed to.

mod dates;
mod evidence;
mod logged;
mod omission;
mod private;
mod subject;

use crate::chain::{ChainArgs, Session, block_on, connect};
use crate::config::{Config, Sources};
use crate::exit::{EnvironmentContext, Verdict};
use crate::home::Home;
use crate::keys;
use crate::output::{self, Format};
use crate::record::Records;
use alloy_primitives::Address;
use anyhow::{Context, Result, bail};
use evidence::Evidence;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;
use stele_chain::ChainError;
use stele_chain::client::{
    Account, ChallengeClaim, ChallengeVerdict, Challenged, Deployment, Endpoint, Governance,
};
use stele_chain::contracts::Role;
use stele_ledger::proof::ProofBundle;
use subject::Subject;

/// Have the chain re-execute a recorded decision, or hold a node to a receipt.
///
/// The decision's input and its policy's data become public on the chain, for ever: they are shown first, and nothing is sent without
/// consent. Exit code 0: the chain upholds the decision. 1: it is refuted, and its node suspended. 2: it can't be challenged, or
/// consent is missing. 3: the chain can't be reached.
///
/// With --private the input stays private: verifiers (--verifier) re-execute the decision under their own access and sign what they find, and
/// the contract takes the word of a quorum of them. Digests become public, and who signed.
///
/// With --receipt the chain asks the node to show that the promised decision is in its log; the input stays private. Whether the log has it already, so
/// that a claim would only cost the deposit, is looked up and said first. Once the node's time is over,
/// --settle ends it: exit code 1 when the node is suspended, 0 when it had answered.
///
/// With --dates nothing becomes public that is not. Exit code 1: the dates are refuted, and the node suspended. 2: they are in order, or not both in one anchored tree.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decision id of the own node, or `latest`
    #[arg(required_unless_present_any = ["proof", "receipt", "dates"], conflicts_with_all = ["proof", "receipt", "dates"])]
    id: Option<String>,
    /// A proof instead, anyone's, as `stele prove` writes it
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// A receipt whose decision is not in the node's log: the receipt, or the answer that has it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["proof", "bundle"])]
    receipt: Option<PathBuf>,
    /// Two proofs of one node whose dates contradict their order in the log: the node is suspended
    #[arg(long, value_name = "FILE", num_args = 2, conflicts_with_all = ["proof", "receipt", "bundle"])]
    dates: Option<Vec<PathBuf>>,
    /// Where the node serves its log: for --receipt, to see whether the decision is there already, and for --dates with proofs that lead to different anchors
    /// [default: where the registry says]
    #[arg(long, value_name = "URL", conflicts_with_all = ["id", "proof"])]
    log: Option<String>,
    /// End a claim about the receipt that the node has not answered in time
    #[arg(long, requires = "receipt")]
    settle: bool,
    /// The bundle of the decision's policy version, for its data [default: the data directory's bundle store]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Address of the contract Challenge you trust [default: that of the data directory's deployment]
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    contract: Option<Address>,
    /// Have verifiers re-execute the decision instead of the chain: its input is not published
    #[arg(long, conflicts_with_all = ["receipt", "bundle"], requires = "verifiers")]
    private: bool,
    /// A verifier to ask; can be repeated, and as many as the ledger's quorum must agree
    #[arg(long = "verifier", id = "verifiers", value_name = "URL", requires = "private")]
    verifiers: Vec<String>,
    /// File with the token that the verifiers know; one for all of them, or one for each, in their order
    #[arg(long, value_name = "FILE", requires = "private")]
    verifier_token: Vec<PathBuf>,
    /// Send the record, with its input, to the verifiers: for those that may not read it at the node
    #[arg(long, requires = "private")]
    send_record: bool,
    /// Key file of the account that challenges, and pays [default: the data directory's responder]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Wait until the decision is anchored on the chain, for at most so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, conflicts_with = "proof")]
    wait: u64,
    /// Publish without asking
    #[arg(long)]
    yes: bool,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    if let Some(receipt) = &args.receipt {
        return omission::run(sources, args, receipt);
    }
    if let Some(proofs) = &args.dates {
        return dates::run(sources, args, proofs);
    }
    let bundle = proof(sources, args)?;
    if args.private {
        return private::run(sources, args, &bundle);
    }
    let config = sources.load()?;
    let home = Home::at(&config.data_dir);
    let evidence = Evidence::gather(&bundle, &home, args.bundle.as_deref())?;
    block_on(async {
        let (governance, _session) = governance(&config, &home, args.contract, &args.chain).await?;
        if let Some(refuted) = governance
            .challenged(evidence.subject.leaf_hash)
            .await
            .map_err(failed)?
        {
            return before(args.format, &evidence.subject, refuted);
        }
        let (claim, expected) = evidence.prepare(&governance).await?;
        evidence.disclose(&governance, &expected);
        consent(args.yes)?;
        let account = keys::role_account(&home, Role::Responder, args.key.as_deref())?;
        let challenged = challenge(&governance, &account, &claim).await?;
        settled(args.format, &evidence, &challenged)
    })
}

/// The decision's proof: the own node's, or a file.
fn proof(sources: &Sources, args: &Args) -> Result<ProofBundle> {
    if let Some(path) = &args.proof {
        let bytes = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        return ProofBundle::from_json(&bytes).with_context(|| path.display().to_string());
    }
    let records = Records::open(sources)?;
    let id = records.resolve(args.id.as_deref().unwrap_or("latest"))?;
    records.proof_when_anchored(id, Duration::from_secs(args.wait))
}

/// The contracts to ask: those of the data directory, or those that a trusted `Challenge` belongs to.
///
/// The session holds the embedded chain open, if there is one.
pub(super) async fn governance(
    config: &Config,
    home: &Home,
    contract: Option<Address>,
    chain: &ChainArgs,
) -> Result<(Governance, Option<Session>)> {
    if let Some(contract) = contract {
        let url = chain.rpc.as_deref().unwrap_or_default();
        let client = connect(Endpoint::parse(url)?, config, None).await?;
        let deployment = Deployment::of_challenge(&client, contract)
            .await
            .map_err(failed)?;
        return Ok((Governance::new(client, deployment), None));
    }
    let session = Session::reach(config, home, chain).await?;
    Ok((session.governance.clone(), Some(session)))
}

/// What a contract refuses is the input's fault; what the chain does not answer is the environment's.
fn failed(error: ChainError) -> anyhow::Error {
    match error {
        ChainError::Reverted(_) | ChainError::NotOurContract { .. } => error.into(),
        other => Err::<(), _>(other)
            .environment("the chain")
            .err()
            .unwrap_or_else(|| anyhow::anyhow!("the chain")),
    }
}

/// Asks whoever sits at the terminal. Where nobody does, only `--yes` is consent.
fn consent(yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "nothing was sent: publishing needs consent; add --yes when what is shown above may become public"
        );
    }
    output::note("Publish this and challenge? Type `yes`:");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("can't read the answer")?;
    if answer.trim() != "yes" {
        bail!("nothing was sent");
    }
    Ok(())
}

async fn challenge(governance: &Governance, account: &Account, claim: &ChallengeClaim) -> Result<Challenged> {
    let mut secret = zeroize::Zeroizing::new([0_u8; 32]);
    rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut *secret)
        .environment("the system has no randomness")?;
    governance
        .commit_and_challenge(account, claim, &secret)
        .await
        .map_err(failed)
}

/// The leaf was settled by an earlier challenge.
fn before(format: Format, subject: &Subject, refuted: bool) -> Result<Verdict> {
    let word = if refuted { "refuted" } else { "upheld" };
    match format {
        Format::Json => output::json(&serde_json::json!({
            "verdict": word,
            "decision_id": subject.record.decision_id,
            "node": subject.leaf.node,
            "leaf_hash": subject.leaf_hash,
            "before": true,
        }))?,
        Format::Text => output::line(format!(
            "{word} before: decision {} of node {}; nothing was sent",
            subject.record.decision_id, subject.leaf.node
        )),
    }
    Ok(verdict(refuted))
}

fn settled(format: Format, evidence: &Evidence, challenged: &Challenged) -> Result<Verdict> {
    let refuted = matches!(challenged.verdict, ChallengeVerdict::Refuted { .. });
    match format {
        Format::Json => {
            let answer = with_subject(serde_json::to_value(challenged)?, &evidence.subject)?;
            output::json(&answer)?;
        }
        Format::Text => output::line(evidence.verdict_text(challenged)),
    }
    Ok(verdict(refuted))
}

/// Adds to an answer what it is about.
fn with_subject(mut answer: serde_json::Value, subject: &Subject) -> Result<serde_json::Value> {
    let more = [
        ("decision_id", serde_json::to_value(subject.record.decision_id)?),
        ("node", serde_json::to_value(subject.leaf.node)?),
        ("leaf_hash", serde_json::to_value(subject.leaf_hash)?),
        ("before", false.into()),
    ];
    if let Some(answer) = answer.as_object_mut() {
        answer.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(answer)
}

fn verdict(refuted: bool) -> Verdict {
    if refuted { Verdict::Fail } else { Verdict::Pass }
}
