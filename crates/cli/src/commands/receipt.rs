//! `stele receipt`: what a node has promised.

mod check;
mod terms;

use crate::config::Sources;
use crate::exit::Verdict;
pub(super) use check::seconds;

use anyhow::{Context, Result, bail};
use std::path::Path;
use stele_types::Receipt;
use stele_types::receipt::MAX_RECEIPT_BYTES;

/// What is done with receipts.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Check a receipt: signature, path, input; with --log whether its decision is there, with --rpc what the chain says. Exit code 1 when it is
    /// worth nothing, or was not kept
    Check(check::Args),
    /// Show what the chain subjects claims of omission to, or change it as an admin
    Terms(terms::Args),
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    match command {
        Command::Check(args) => check::run(sources, &args),
        Command::Terms(args) => terms::run(sources, &args),
    }
}

/// Largest answer that is looked through for its receipt.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Reads a receipt: by itself, or as the only one in a decision's answer.
pub(super) fn read(path: &Path) -> Result<Receipt> {
    let name = path.display();
    let length = std::fs::metadata(path)
        .with_context(|| format!("can't read {name}"))?
        .len();
    if length > MAX_ANSWER_BYTES {
        bail!("{name} has {length} bytes: it is neither a receipt nor an answer with one");
    }
    let bytes = std::fs::read(path).with_context(|| format!("can't read {name}"))?;
    // Only an answer has this member; receipts refuse what they don't know.
    let answer: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let Some(receipts) = answer.as_ref().and_then(|answer| answer.get("receipts")) else {
        if bytes.len() > MAX_RECEIPT_BYTES {
            bail!(
                "{name} has {length} bytes and no member `receipts`: it is neither a receipt nor an answer with one"
            );
        }
        return Receipt::from_json(&bytes).with_context(|| name.to_string());
    };
    match receipts.as_array().map(Vec::as_slice) {
        Some([one]) => Receipt::from_json(&serde_json::to_vec(one)?).with_context(|| name.to_string()),
        Some(several) => bail!(
            "the answer in {name} has {} receipts; write the one you mean to a file of its own",
            several.len()
        ),
        None => bail!("`receipts` in {name} is no array"),
    }
}
