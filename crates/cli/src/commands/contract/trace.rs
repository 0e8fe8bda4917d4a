//! `stele contract trace`: a recorded decision or a transaction of the chain, run again in an EVM here, line by line.

mod decision;
mod print;
mod tracer;
mod transaction;

use std::path::PathBuf;

use alloy_primitives::B256;
use anyhow::Result;
use stele_types::PolicyId;

use crate::chain::ChainArgs;
use crate::config::Sources;
use crate::exit::Verdict;
use crate::output::Format;
use crate::sources::VersionArgs;

/// Run a recorded decision or a transaction again.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decision id, `latest` for the newest decision, or the hash of a transaction (0x and 64 digits)
    target: String,
    /// Directory, bundle, module or plan.json that the transaction's contract was built from [default: the node's bundles]
    #[arg(long, value_name = "PATH")]
    source: Option<PathBuf>,
    /// Which policy of the source
    #[arg(long, value_name = "ID", requires = "source")]
    policy: Option<PolicyId>,
    /// Show this many lines at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10_000)]
    limit: usize,
    #[command(flatten)]
    rego: VersionArgs,
    #[command(flatten)]
    chain: ChainArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    if args.target.starts_with("0x") {
        let hash: B256 = args.target.parse().map_err(|_| {
            anyhow::anyhow!(
                "`{}` is no hash of a transaction: that is 0x and 64 hexadecimal digits",
                args.target
            )
        })?;
        return transaction::run(sources, args, hash);
    }
    decision::run(sources, args)
}
