//! Plays each lie and prints how it was caught; exits with 1 when one was not.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use stele_tampered_node::{Outcome, play};

/// Runs an honest node and dishonest ones on one chain, and shows each lie caught.
#[derive(Parser)]
#[command(name = "tampered-node")]
struct Args {
    /// The `stele` program. Default: the one beside this program.
    #[arg(long)]
    stele: Option<PathBuf>,
}

fn print(outcome: &Outcome) -> Result<()> {
    let Outcome {
        lie,
        did,
        noticed_by,
        check,
        evidence,
        active,
        afterwards,
    } = outcome;
    let status = if *active { "active" } else { "suspended" };
    let text = format!(
        "{lie}\n  did         {did}\n  noticed by  {noticed_by}\n  check       {check}\n  evidence    {evidence}\n  node        {status}: {afterwards}\n\n"
    );
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("can't write to standard output")
}

#[tokio::main]
async fn main() -> Result<()> {
    let stele = match Args::parse().stele {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("stele"),
    };
    ensure!(
        stele.is_file(),
        "there is no program {}: build it (`cargo build -p stele`), or name it with --stele",
        stele.display()
    );
    play(&stele, print).await
}
