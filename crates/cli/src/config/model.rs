//! The configuration's keys and their defaults. `docs/configuration.md` lists them.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use stele_server::ServerConfig;
use stele_verifier::VerifierConfig;

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Data directory. Default `.stele`.
    pub data_dir: PathBuf,
    /// Policy sources that `up` bootstraps from. Default `policies`; when it does not exist, the starter library in the program.
    pub policies: PathBuf,
    /// Logging.
    pub log: LogConfig,
    /// The chain.
    pub chain: ChainConfig,
    /// The decision log's storage.
    pub ledger: LedgerConfig,
    /// The decision point's server.
    pub server: ServerConfig,
    /// The verifier.
    pub verifier: VerifierConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: ".stele".into(),
            policies: "policies".into(),
            log: LogConfig::default(),
            chain: ChainConfig::default(),
            ledger: LedgerConfig::default(),
            server: ServerConfig::default(),
            verifier: VerifierConfig::default(),
        }
    }
}

/// Logging.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// What is logged, as `tracing` filters say it. Default `warn,stele::print=info`: warnings, and what policies print.
    pub filter: String,
    /// `text` (default) or `json`.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "warn,stele::print=info".into(),
            format: LogFormat::Text,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ChainConfig {
    /// JSON-RPC URL of an Ethereum node. Default empty: the embedded chain.
    pub rpc: String,
    /// Where the embedded chain serves JSON-RPC. Default `127.0.0.1:8545`.
    pub listen: SocketAddr,
    /// How many blocks, counting the one that includes it, make a transaction final. Default 0, which means 1: the embedded chain has no reorganisations.
    pub confirmations: u64,
}

impl Default for ChainConfig {
    fn default() -> Self {
        Self {
            rpc: String::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8545)),
            confirmations: 0,
        }
    }
}

/// The decision log's storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LedgerConfig {
    /// Microseconds that a group commit waits for company beyond what came in while the last one ran. Default 0.
    pub linger_us: u64,
    /// Decisions in one group at most. Default 512.
    pub max_batch: usize,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            linger_us: 0,
            max_batch: 512,
        }
    }
}
