//! Queries, as `eval`, `policy bench` and the REPL ask them: loaded, rewritten so that each statement gives its value, run on an engine.

pub(crate) mod capture;
pub(crate) mod engine;
pub(crate) mod evm;
pub(crate) mod failure;
#[cfg(feature = "regorus")]
mod interpreter;
pub(crate) mod load;
pub(crate) mod metrics;

pub(crate) use capture::Query;
pub(crate) use engine::{EngineName, Prepared, Row, Settings, SettingsArgs};
pub(crate) use failure::Failure;
