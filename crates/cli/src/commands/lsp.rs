//! `stele lsp`: the language server on standard input and output.

use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::logging;
use anyhow::Result;
use stele_lsp::Exit;

/// Start the language server for editors.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Does nothing: standard input and output are used anyway, but many editors ask for them
    #[arg(long)]
    stdio: bool,
}

pub(crate) fn run(sources: &Sources, Args { stdio: _ }: &Args) -> Result<Verdict> {
    logging::start(&sources.load()?.log)?;
    let exit = stele_lsp::serve(std::io::stdin(), std::io::stdout().lock())
        .environment("can't write to standard output")?;
    Ok(match exit {
        Exit::Orderly => Verdict::Pass,
        Exit::Abrupt => Verdict::Fail,
    })
}
