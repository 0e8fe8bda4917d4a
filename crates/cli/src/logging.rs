//! The log of the commands that run on: to standard error, as the configuration says.

use crate::config::{LogConfig, LogFormat};
use crate::exit::EnvironmentContext;
use anyhow::Result;

/// Starts logging.
pub(crate) fn start(config: &LogConfig) -> Result<()> {
    let filter = &config.filter;
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("log.filter `{filter}`: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // The library reports a line that it can't write by a macro that panics when standard error takes nothing, as on a full disk.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder
            .with_ansi(
                std::env::var_os("NO_COLOR").is_none()
                    && std::io::IsTerminal::is_terminal(&std::io::stderr()),
            )
            .try_init(),
    };
    started.environment("can't start logging")
}
