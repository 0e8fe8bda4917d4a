//! `stele lsp`: the language server on standard input and output.

use crate::exit::{EnvironmentContext, Verdict};
use anyhow::Result;
use stele_lsp::Exit;

/// Start the language server for editors, on standard input and output; docs/editor.md says how to set up yours.
///
/// Exit code 0 when the client shut it down, 1 when the client went away without. Its log goes to standard error.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Use standard input and output; there is no other way, and many editors say so
    #[arg(long)]
    stdio: bool,
    /// What to log, as `RUST_LOG` has it
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    log: String,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let _ = args.stdio;
    let filter = tracing_subscriber::EnvFilter::try_new(&args.log)
        .map_err(|error| anyhow::anyhow!("--log `{}`: {error}", args.log))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init()
        .environment("can't start logging")?;
    let exit = stele_lsp::serve(std::io::stdin(), std::io::stdout().lock())
        .environment("can't write to standard output")?;
    Ok(match exit {
        Exit::Orderly => Verdict::Pass,
        Exit::Abrupt => Verdict::Fail,
    })
}
