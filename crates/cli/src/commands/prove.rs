//! `stele prove`.

use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output;
use crate::record::Records;
use anyhow::Result;
use std::path::PathBuf;

/// Write the proof of one decision.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decision id, or `latest`
    id: String,
    /// Where to write the proof [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Wait until the decision is anchored on the chain, for at most so many seconds; 0 does not wait
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let records = Records::open(sources)?;
    let id = records.resolve(&args.id)?;
    let bundle = records.proof_when_anchored(id, std::time::Duration::from_secs(args.wait))?;
    if bundle.anchor.is_none() {
        output::note(
            "the decision is in the log but not anchored yet: the proof holds offline, the chain can't confirm it",
        );
    }
    let bytes = bundle.to_json()?;
    match &args.output {
        Some(path) => {
            crate::home::write_atomically(path, &bytes)
                .environment(format!("can't write {}", path.display()))?;
            output::note(format!("wrote {}", path.display()));
        }
        None => output::line(String::from_utf8_lossy(&bytes).trim_end()),
    }
    Ok(Verdict::Pass)
}
