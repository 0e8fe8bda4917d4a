//! `stele verify`: a proof against a public key, and if asked against the chain.

use crate::chain::block_on;
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output::{self, Format};
use alloy_primitives::Address;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use stele_chain::client::{Anchored, ChainClient, ClientOptions, Deployment, Endpoint, Governance};
use stele_ledger::VerifierKey;
use stele_ledger::proof::{self, Anchor, ProofBundle, Report};
use stele_types::{Part, RecordCheck};

/// Verify a proof.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The proof, as `stele prove` writes it
    proof: PathBuf,
    /// The node's public key, or a file that holds it [default: that of the data directory]
    #[arg(long, value_name = "VKEY|FILE")]
    key: Option<String>,
    /// Also ask this node whether the chain holds the anchor
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// Address of the ledger contract you trust [default: that of the data directory's deployment]
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    ledger: Option<Address>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let bytes = std::fs::read(&args.proof).with_context(|| format!("can't read {}", args.proof.display()))?;
    let bundle = ProofBundle::from_json(&bytes).with_context(|| args.proof.display().to_string())?;
    let key = key(sources, args.key.as_deref())?;
    let report = match proof::verify(&bundle, &key) {
        Ok(report) => report,
        Err(error) => return refuse(args.format, &error.to_string()),
    };
    let on_chain = match (&args.rpc, &report.anchor) {
        (None, _) => None,
        (Some(_), None) => {
            return refuse(
                args.format,
                "the proof has no anchor yet: the chain can't confirm it",
            );
        }
        (Some(url), Some(anchor)) => {
            let trusted = trusted_ledger(sources, args.ledger)?;
            match block_on(ask_chain(url, trusted, anchor))? {
                Ok(block) => Some(block),
                Err(difference) => return refuse(args.format, &difference),
            }
        }
    };
    print(args.format, &bundle, &report, on_chain)?;
    Ok(Verdict::Pass)
}

/// The key from the flag, or the one of the data directory.
fn key(sources: &Sources, given: Option<&str>) -> Result<VerifierKey> {
    let text = match given {
        Some(file) if Path::new(file).exists() => {
            let text = std::fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
            return text
                .trim()
                .parse()
                .with_context(|| format!("{file} holds no public key of a node"));
        }
        Some(text) => text.into(),
        None => {
            let path = sources.home()?.vkey();
            match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(_) => bail!(
                    "whose key? {} does not exist; give the node's public key with --key (it stands in the node's keys/node.vkey)",
                    path.display()
                ),
            }
        }
    };
    text.trim()
        .parse::<VerifierKey>()
        .with_context(|| format!("`{}` is neither a file nor a public key of a node", text.trim()))
}

/// The contract to ask. The proof's own word does not count: whoever forges a proof can deploy a contract that agrees with it.
fn trusted_ledger(sources: &Sources, given: Option<Address>) -> Result<Address> {
    if let Some(address) = given {
        return Ok(address);
    }
    let home = sources.home()?;
    let deployment: Option<Deployment> = home.read(&home.deployment())?;
    deployment.map(|deployment| deployment.ledger).with_context(|| {
        format!(
            "which ledger contract do you trust? {} has no deployment; give the contract's address with --ledger",
            home.root().display()
        )
    })
}

fn refuse(format: Format, reason: &str) -> Result<Verdict> {
    match format {
        Format::Json => output::json(&serde_json::json!({"verified": false, "reason": reason}))?,
        Format::Text => output::line(format!("NOT VERIFIED: {reason}")),
    }
    Ok(Verdict::Fail)
}

/// Compares the anchor with the ledger contract. The inner error says how the chain differs.
async fn ask_chain(url: &str, ledger: Address, anchor: &Anchor) -> Result<Result<u64, String>> {
    if anchor.contract.0 != ledger.into_array() {
        return Ok(Err(format!(
            "the proof names the ledger contract {}, the trusted one is {ledger}",
            anchor.contract
        )));
    }
    let options = ClientOptions {
        chain_id: Some(anchor.chain_id),
        ..ClientOptions::default()
    };
    let client = match ChainClient::connect(Endpoint::parse(url)?, options).await {
        Ok(client) => client,
        Err(error @ stele_chain::ChainError::WrongChain { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error).environment("the chain"),
    };
    // Only the ledger is asked; it stands in for the contracts that are not.
    let deployment = Deployment {
        chain_id: anchor.chain_id,
        registry: ledger,
        nodes: ledger,
        ledger,
        challenge: ledger,
        enforcer: ledger,
        dispute: ledger,
        block: stele_types::BlockNumber::ZERO,
    };
    let Some(last) = anchor.size.last_index() else {
        return Ok(Err("the anchor is of an empty log".into()));
    };
    let held = match Governance::new(client, deployment)
        .anchor_covering(anchor.node, last)
        .await
    {
        Ok(held) => held,
        Err(error) if error.is_temporary() => return Err(error).environment("the chain"),
        Err(error) => return Ok(Err(format!("the chain does not hold the anchor: {error}"))),
    };
    Ok(match held {
        Some(held) if held.anchor.size == anchor.size => compare(anchor, &held),
        _ => Err(format!(
            "the chain holds no anchor of node {} at size {}",
            anchor.node,
            anchor.size.get()
        )),
    })
}

/// Everything that the proof claims of its anchor against what the chain holds at that size; the block that holds it.
fn compare(claimed: &Anchor, held: &Anchored) -> Result<u64, String> {
    let block = held.anchor.block;
    let hash = |digest: &stele_types::Digest| format!("0x{digest}");
    let parts = [
        ("root", hash(&claimed.root), hash(&held.anchor.root)),
        ("block", claimed.block_number.to_string(), block.to_string()),
        (
            "block hash",
            hash(&claimed.block_hash),
            held.block_hash.to_string(),
        ),
        (
            "transaction",
            hash(&claimed.tx_hash),
            held.transaction.to_string(),
        ),
    ];
    match parts.iter().find(|(_, claimed, held)| claimed != held) {
        None => Ok(block.get()),
        Some((what, said, held)) => Err(format!(
            "the chain holds {what} {held} at size {}, the proof says {said}",
            claimed.size.get(),
        )),
    }
}

fn print(format: Format, bundle: &ProofBundle, report: &Report, block: Option<u64>) -> Result<()> {
    if format == Format::Json {
        return output::json(
            &serde_json::json!({"verified": true, "report": report, "confirmed_in_block": block}),
        );
    }
    output::line("VERIFIED");
    output::line(format!(
        "  decision    {} on {}",
        bundle.record.decision_id, bundle.record.path
    ));
    output::line(format!(
        "  policy      {} version {}",
        bundle.record.policy_id, bundle.record.policy_version
    ));
    output::line(format!(
        "  log         {}, leaf {} of {}",
        report.origin,
        report.index.get(),
        report.size.get()
    ));
    output::line(format!("  compared    {}", compared(&report.record)));
    match (&report.anchor, block) {
        (Some(anchor), Some(block)) => output::line(format!(
            "  anchor      held by chain {} since block {block}",
            anchor.chain_id
        )),
        (Some(anchor), None) => output::line(format!(
            "  anchor      claimed: block {} of chain {}; check it with --rpc",
            anchor.block_number.get(),
            anchor.chain_id
        )),
        (None, _) => output::line("  anchor      none yet"),
    }
    Ok(())
}

/// Which parts of the record were compared with the leaf, in words.
fn compared(check: &RecordCheck) -> String {
    let parts = [
        ("input", check.input),
        ("result", check.result),
        ("details", check.detail),
    ];
    let names = |wanted: Part| {
        let names: Vec<_> = parts
            .iter()
            .filter(|(_, part)| *part == wanted)
            .map(|(name, _)| *name)
            .collect();
        names.join(", ")
    };
    let withheld = names(Part::Withheld);
    let matching = names(Part::Matches);
    if withheld.is_empty() {
        matching
    } else {
        format!("{matching} (masked or erased: {withheld})")
    }
}
