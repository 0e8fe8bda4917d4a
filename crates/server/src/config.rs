//! The server's configuration: every key, its unit and its default.
//!
//! The command line tool merges file, environment and flags into this struct; the server only checks it.
//! Unknown keys are errors, so a misspelt limit never silently stays at its default.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use stele_types::Digest;

use crate::error::ServerError;

/// Everything the HTTP surface and its background tasks can be told.
///
/// Durations are in milliseconds, sizes in bytes, unless the name says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address to listen on. Default `127.0.0.1:8181` (OPA's port, loopback only); port 0 takes any free port.
    pub listen: SocketAddr,
    /// Worker threads, each with its own runtime and engines. Default 0: one per core.
    pub workers: usize,
    /// Path that `POST /` decides. Default `system/main`, as OPA's.
    pub default_decision: String,
    /// Labels written into every decision record. Default empty.
    pub labels: BTreeMap<String, String>,
    /// Limits of one request.
    pub limits: LimitsConfig,
    /// Connections and their time limits.
    pub connections: ConnectionConfig,
    /// Compression of answers.
    pub gzip: GzipConfig,
    /// Anchoring of checkpoints on the chain.
    pub anchor: AnchorConfig,
    /// Signed promises that decisions will be in the log.
    pub receipts: ReceiptConfig,
    /// Following of the registry contract.
    pub registry: RegistryConfig,
    /// What decisions may ask of other hosts (`http.send`, `net.lookup_ip_addr`).
    pub nd_builtins: NdConfig,
    /// Who may read records.
    pub records: RecordsConfig,
    /// Who may erase records over HTTP.
    pub admin: AdminConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8181),
            workers: 0,
            default_decision: "system/main".to_owned(),
            labels: BTreeMap::new(),
            limits: LimitsConfig::default(),
            connections: ConnectionConfig::default(),
            gzip: GzipConfig::default(),
            anchor: AnchorConfig::default(),
            receipts: ReceiptConfig::default(),
            registry: RegistryConfig::default(),
            nd_builtins: NdConfig::default(),
            records: RecordsConfig::default(),
            admin: AdminConfig::default(),
        }
    }
}

/// Limits of one request; each has its own error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Bytes of a request body, after decompression. Default 4 MiB. Beyond it: 413.
    pub body_bytes: usize,
    /// Nesting depth of a JSON document. Default 128. Beyond it: 400.
    pub json_depth: usize,
    /// Milliseconds one evaluation may take. Default 1,000. Beyond it: 500 with `eval_time_limit_error`.
    pub eval_ms: u64,
    /// Work units that one evaluation may take; the same on every machine. Default 50,000,000.
    /// Beyond it: 500 with `eval_instruction_limit_error`.
    pub eval_instructions: u32,
    /// Bytes that one evaluation may hold, its input and result included. Default 128 MiB. Beyond it: 500 with
    /// `eval_memory_limit_error`.
    pub eval_memory_bytes: u64,
    /// Policies that one request above several of them may evaluate. Default 64. Beyond it: 400.
    pub fan_out: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body_bytes: 4 << 20,
            json_depth: 128,
            eval_ms: 1_000,
            eval_instructions: 50_000_000,
            eval_memory_bytes: 128 << 20,
            fan_out: 64,
        }
    }
}

impl LimitsConfig {
    /// The time limit as a duration.
    #[must_use]
    pub fn eval_time(&self) -> Duration {
        Duration::from_millis(self.eval_ms)
    }
}

/// Connections and their time limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionConfig {
    /// Open connections at once; further ones wait in the listen queue. Default 4,096.
    pub max: usize,
    /// Milliseconds a client may take to send its request head, and that an idle connection is kept. Default 30,000.
    pub header_ms: u64,
    /// Milliseconds a client may take to send its body, and to take any part of an answer. Default 30,000. Beyond it: 408, and for answers the connection ends.
    pub body_ms: u64,
    /// Milliseconds a shutdown waits for requests under way. Default 10,000.
    pub drain_ms: u64,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            max: 4_096,
            header_ms: 30_000,
            body_ms: 30_000,
            drain_ms: 10_000,
        }
    }
}

/// Compression of answers, for clients that accept gzip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GzipConfig {
    /// Answers shorter than this are sent as they are. Default 1,024 bytes, as OPA's.
    pub min_bytes: usize,
    /// zlib level, 0 to 9. Default 6.
    pub level: u32,
}

impl Default for GzipConfig {
    fn default() -> Self {
        Self {
            min_bytes: 1_024,
            level: 6,
        }
    }
}

/// When checkpoints are anchored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnchorConfig {
    /// Whether to anchor at all. Default true.
    pub enabled: bool,
    /// Milliseconds after which a grown log is anchored. Default 10,000.
    pub interval_ms: u64,
    /// New leaves after which the log is anchored without waiting for the interval. Default 4,096.
    pub leaves: u64,
    /// Verifiers that are asked to sign each checkpoint that is anchored. Default none.
    pub verifiers: Vec<AskedVerifier>,
    /// Milliseconds that a verifier may take. Default 10,000. Those that are slower, or gone, hold nothing up as long as the others are
    /// a quorum.
    pub verifier_ms: u64,
    /// First wait after a failure; doubles up to `retry_max_ms`. Default 1,000.
    pub retry_ms: u64,
    /// Longest wait between attempts. Default 60,000.
    pub retry_max_ms: u64,
}

/// A verifier that a node asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedVerifier {
    /// Where it serves.
    pub url: String,
    /// Its cosigner's key (`stele verifier keys`).
    pub key: String,
}

impl Default for AnchorConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_ms: 10_000,
            leaves: 4_096,
            verifiers: Vec::new(),
            verifier_ms: 10_000,
            retry_ms: 1_000,
            retry_max_ms: 60_000,
        }
    }
}

/// What callers are promised who ask for receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiptConfig {
    /// Whether receipts are signed for callers who ask. Needs anchoring. Default true.
    pub enabled: bool,
    /// Seconds within which a promised decision will be in an anchored tree. Default 300; longer than `anchor.interval_ms`, and at most what
    /// the contract `Challenge` allows (an hour by default). A decision that is not there in time can cost the node its registration.
    pub merge_delay_s: u64,
    /// Milliseconds between two looks for claims that a promised decision is missing; they are answered by themselves. Default 5,000.
    pub poll_ms: u64,
}

impl Default for ReceiptConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            merge_delay_s: 300,
            poll_ms: 5_000,
        }
    }
}

/// How the registry contract is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Milliseconds between two looks at the registry. Default 2,000.
    pub poll_ms: u64,
    /// Milliseconds after which a snapshot that the chain has not confirmed is stale. Default 300,000.
    pub stale_ms: u64,
    /// Policies that keep deciding when the snapshot is stale; all others refuse (503). Default none.
    pub fail_open: Vec<String>,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            poll_ms: 2_000,
            stale_ms: 300_000,
            fail_open: Vec::new(),
        }
    }
}

/// What decisions may ask of other hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NdConfig {
    /// Hosts that `http.send` and `net.lookup_ip_addr` may ask: `api.example.com`, for one port `api.example.com:8443`. An address that is
    /// listed may be asked whatever network it is in. Default none: decisions that need another host fail.
    pub allow_net: Vec<String>,
    /// Networks that are not public and that names may lead to all the same: `10.20.0.0/16`. Default none.
    pub allow_private: Vec<String>,
    /// Milliseconds that one attempt of `http.send` may take where it gives no `timeout`. Default 5,000. A decision's own time limit ends it
    /// in any case.
    pub timeout_ms: u64,
    /// Bytes of a response's body. Default 1 MiB. Beyond it the call fails.
    pub response_bytes: usize,
    /// Bytes of the responses kept for later decisions (`cache`, `force_cache`). Default 16 MiB; 0 keeps none.
    pub cache_bytes: usize,
    /// Decisions that may ask other hosts at once, each on a thread of its own; further ones wait. Default 64.
    pub concurrent: usize,
    /// Requests that may wait for that; further ones are refused with 503 `remote_busy`. Default 1,024.
    pub waiting: usize,
    /// Milliseconds that a request may wait for that before it is refused with 503 `remote_busy`. Default 2,000.
    pub waiting_ms: u64,
    /// Directory of the files that `tls_ca_cert_file`, `tls_client_cert_file` and `tls_client_key_file` name. Default empty: none.
    pub tls_dir: PathBuf,
    /// Whether `tls_insecure_skip_verify` is allowed. Default false.
    pub allow_insecure_tls: bool,
}

impl Default for NdConfig {
    fn default() -> Self {
        Self {
            allow_net: Vec::new(),
            allow_private: Vec::new(),
            timeout_ms: 5_000,
            response_bytes: 1 << 20,
            cache_bytes: 16 << 20,
            concurrent: 64,
            waiting: 1_024,
            waiting_ms: 2_000,
            tls_dir: PathBuf::new(),
            allow_insecure_tls: false,
        }
    }
}

/// Who may read records (`GET /v1/records`, `GET /v1/decisions` and below): verifiers, who re-execute decisions, and auditors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordsConfig {
    /// SHA-256 of each bearer token that is admitted, in hex, so that the tokens themselves stand nowhere. Default none: loopback peers only.
    pub tokens: Vec<String>,
}

/// Who may change the ledger over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// Whether `POST /v1/decisions/{id}/erase` is served at all, and then to loopback peers only. Default true.
    pub erase: bool,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { erase: true }
    }
}

impl ServerConfig {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`ServerError::Config`] naming the key, what it holds and what it must hold.
    pub fn check(&self) -> Result<(), ServerError> {
        let positive: [(&'static str, u128); 19] = [
            ("limits.body_bytes", self.limits.body_bytes as u128),
            ("limits.json_depth", self.limits.json_depth as u128),
            ("limits.eval_ms", u128::from(self.limits.eval_ms)),
            (
                "limits.eval_instructions",
                u128::from(self.limits.eval_instructions),
            ),
            (
                "limits.eval_memory_bytes",
                u128::from(self.limits.eval_memory_bytes),
            ),
            ("limits.fan_out", self.limits.fan_out as u128),
            ("connections.max", self.connections.max as u128),
            ("connections.header_ms", u128::from(self.connections.header_ms)),
            ("connections.body_ms", u128::from(self.connections.body_ms)),
            ("anchor.interval_ms", u128::from(self.anchor.interval_ms)),
            ("anchor.leaves", u128::from(self.anchor.leaves)),
            ("anchor.verifier_ms", u128::from(self.anchor.verifier_ms)),
            ("anchor.retry_ms", u128::from(self.anchor.retry_ms)),
            ("receipts.merge_delay_s", u128::from(self.receipts.merge_delay_s)),
            ("receipts.poll_ms", u128::from(self.receipts.poll_ms)),
            ("registry.poll_ms", u128::from(self.registry.poll_ms)),
            ("nd_builtins.timeout_ms", u128::from(self.nd_builtins.timeout_ms)),
            (
                "nd_builtins.response_bytes",
                self.nd_builtins.response_bytes as u128,
            ),
            ("nd_builtins.concurrent", self.nd_builtins.concurrent as u128),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(ServerError::Config {
                key,
                message: "must be greater than 0".to_owned(),
            });
        }
        if self.gzip.level > 9 {
            return Err(ServerError::Config {
                key: "gzip.level",
                message: format!("is {}, must be 0 to 9", self.gzip.level),
            });
        }
        if self.anchor.retry_max_ms < self.anchor.retry_ms {
            return Err(ServerError::Config {
                key: "anchor.retry_max_ms",
                message: format!("is below anchor.retry_ms ({})", self.anchor.retry_ms),
            });
        }
        if let Some(token) = self
            .records
            .tokens
            .iter()
            .find(|token| token.parse::<Digest>().is_err())
        {
            return Err(ServerError::Config {
                key: "records.tokens",
                message: format!("has `{token}`, must be the SHA-256 of a token: 64 hex digits"),
            });
        }
        let promised = u128::from(self.receipts.merge_delay_s).saturating_mul(1_000);
        if self.receipts.enabled && self.anchor.enabled && promised <= u128::from(self.anchor.interval_ms) {
            return Err(ServerError::Config {
                key: "receipts.merge_delay_s",
                message: format!(
                    "is {} s; it must be longer than anchor.interval_ms ({}), or no promise can be kept",
                    self.receipts.merge_delay_s, self.anchor.interval_ms
                ),
            });
        }
        if self.workers > 1_024 {
            return Err(ServerError::Config {
                key: "workers",
                message: format!("is {}, must be at most 1,024", self.workers),
            });
        }
        Ok(())
    }

    /// The number of worker threads to start.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        if self.workers > 0 {
            return self.workers;
        }
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_their_own_check_and_survive_a_round_trip() {
        let config = ServerConfig::default();
        config.check().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ServerConfig>(&text).unwrap(), config);
    }

    #[test]
    fn unknown_keys_are_errors_at_every_level() {
        for text in [
            r#"{"lisen": "127.0.0.1:1"}"#,
            r#"{"limits": {"bodybytes": 1}}"#,
            r#"{"gzip": {"min": 1}}"#,
        ] {
            let error = serde_json::from_str::<ServerConfig>(text)
                .unwrap_err()
                .to_string();
            assert!(error.contains("unknown field"), "{text}: {error}");
        }
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        let mut config = ServerConfig::default();
        config.limits.body_bytes = 0;
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("limits.body_bytes")
        );
        config = ServerConfig::default();
        config.gzip.level = 10;
        assert!(config.check().unwrap_err().to_string().contains("gzip.level"));
        config = ServerConfig::default();
        config.receipts.merge_delay_s = 10;
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("receipts.merge_delay_s")
        );
        config = ServerConfig::default();
        config.anchor.retry_max_ms = 1;
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("anchor.retry_max_ms")
        );
    }
}
