//! `stele config show`.

use crate::config::Sources;
use crate::exit::Verdict;
use crate::output::{self, Format};
use anyhow::Result;

/// The configuration in effect.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print every key with the value in effect
    Show {
        /// Output format: text is TOML
        #[arg(long, default_value = "text")]
        format: Format,
    },
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    let Command::Show { format } = command;
    let config = sources.load()?;
    match format {
        Format::Text => output::line(toml::to_string(&config)?.trim_end()),
        Format::Json => output::json(&config)?,
    }
    Ok(Verdict::Pass)
}
