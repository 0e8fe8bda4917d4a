//! The verifier's configuration: every key, its unit and its default. `docs/configuration.md` lists them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::VerifierError;

/// What a verifier can be told. Relative paths are relative to where it is started; unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifierConfig {
    /// Address to listen on. Default `127.0.0.1:8282`; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Name of the cosigner, best a URL without its scheme. Default empty: `stele-verifier/<account>`.
    pub name: String,
    /// Directory of the state. Default empty: `verifier` in the data directory.
    pub state: PathBuf,
    /// Key file of the Ed25519 key that cosigns. Default empty: `keys/cosigner.key` in the data directory, made when missing.
    pub cosigner_key: PathBuf,
    /// Key file of the account that signs for the ledger contract. Default empty: `keys/verifier.key` in the data directory, made when missing.
    pub account_key: PathBuf,
    /// Directory with bundles by digest (`<sha256>.tar.gz`), asked before the registry's address and the node. Default empty: `bundles` in
    /// the data directory.
    pub bundles: PathBuf,
    /// Share of the decisions that is re-executed, 0 to 1. Default 1. Which ones they are, nobody else can tell beforehand.
    pub sample: f64,
    /// Whether the ledger contract gets signatures for logs whose decisions this verifier does not re-execute (`records = false`, or a sample of 0).
    /// Default false: it cosigns those as a witness, and its signature for the contract says that decisions were looked at.
    pub sign_unchecked: bool,
    /// Whether decisions whose input was masked or erased keep a log from being cosigned. Default false.
    pub refuse_withheld: bool,
    /// Milliseconds between two looks at a log. Default 1,000.
    pub poll_ms: u64,
    /// Milliseconds that a request for a cosignature waits until its checkpoint is verified. Default 8,000. Beyond it: 503.
    pub wait_ms: u64,
    /// URL that is sent each accusation (`POST`, JSON). Default empty: none.
    pub webhook: String,
    /// Whether the chain is asked which versions were in force and what is anchored. Default true; a mere witness does without.
    pub chain: bool,
    /// Whether a wrong decision is challenged on chain, once it is anchored. **That publishes its input.** Default false.
    pub challenge: bool,
    /// Key file of the account that challenges, and pays. Default empty: the verifier's own account.
    pub challenge_key: PathBuf,
    /// Who may have decisions re-executed for a dispute.
    pub disputes: DisputesConfig,
    /// The logs that are followed.
    pub logs: Vec<FollowedLog>,
}

/// Who may ask for the outcome of a dispute, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DisputesConfig {
    /// SHA-256 of each bearer token that is admitted, in hex, so that the tokens themselves stand nowhere. Default none: no disputes.
    pub tokens: Vec<String>,
    /// Disputes that each token may bring in a minute, at once or spread. Default 10.
    pub per_minute: u32,
    /// Largest request in bytes; what is larger is 413. Default 4 MiB.
    pub max_bytes: usize,
}

impl Default for DisputesConfig {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            per_minute: 10,
            max_bytes: 4 << 20,
        }
    }
}

/// One node's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowedLog {
    /// The node's address, as its leaves name it.
    pub node: String,
    /// Where its log is served. Default empty: where the node registry says.
    #[serde(default)]
    pub url: String,
    /// The log's public key (`node.vkey`). Default empty: the newest one in the node registry.
    #[serde(default)]
    pub key: String,
    /// Whether this verifier may see the records. Default true; without them it checks consistency and nothing else.
    #[serde(default = "yes")]
    pub records: bool,
    /// File with the token that the node wants of whoever asks for records. Default empty: none.
    #[serde(default)]
    pub token_file: PathBuf,
}

impl FollowedLog {
    /// A node's log with its records, where it serves; the registry's word where the URL is empty.
    pub fn new(node: &str, url: &str) -> Self {
        Self {
            node: node.to_owned(),
            url: url.to_owned(),
            key: String::new(),
            records: true,
            token_file: PathBuf::new(),
        }
    }
}

fn yes() -> bool {
    true
}

impl Default for VerifierConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8282)),
            name: String::new(),
            state: PathBuf::new(),
            cosigner_key: PathBuf::new(),
            account_key: PathBuf::new(),
            bundles: PathBuf::new(),
            sample: 1.0,
            sign_unchecked: false,
            refuse_withheld: false,
            poll_ms: 1_000,
            wait_ms: 8_000,
            webhook: String::new(),
            chain: true,
            challenge: false,
            challenge_key: PathBuf::new(),
            disputes: DisputesConfig::default(),
            logs: Vec::new(),
        }
    }
}

impl VerifierConfig {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`VerifierError::Config`] naming the key, what it holds and what it must hold.
    pub fn check(&self) -> Result<(), VerifierError> {
        let wrong = |key: &str, message: String| {
            Err(VerifierError::Config {
                key: key.to_owned(),
                message,
            })
        };
        if !(0.0..=1.0).contains(&self.sample) {
            return wrong("sample", format!("is {}, must be 0 to 1", self.sample));
        }
        if self.poll_ms == 0 {
            return wrong("poll_ms", "must be greater than 0".to_owned());
        }
        if self.challenge && !self.chain {
            return wrong("challenge", "needs verifier.chain".to_owned());
        }
        let disputes = &self.disputes;
        if let Some(token) = disputes
            .tokens
            .iter()
            .find(|token| token.parse::<stele_types::Digest>().is_err())
        {
            return wrong(
                "disputes.tokens",
                format!("has `{token}`, must be the SHA-256 of a token: 64 hex digits"),
            );
        }
        if !disputes.tokens.is_empty() && !self.chain {
            return wrong("disputes.tokens", "needs verifier.chain".to_owned());
        }
        if disputes.per_minute == 0 || disputes.per_minute > 60_000 {
            return wrong(
                "disputes.per_minute",
                format!("is {}, must be 1 to 60000", disputes.per_minute),
            );
        }
        if self.logs.is_empty() {
            return wrong("logs", "names no log to follow (docs/verifiers.md)".to_owned());
        }
        if !self.webhook.is_empty() && url::Url::parse(&self.webhook).is_err() {
            return wrong("webhook", format!("is `{}`, which is no URL", self.webhook));
        }
        let mut nodes = std::collections::BTreeSet::new();
        for (number, log) in self.logs.iter().enumerate() {
            match log.node.parse::<stele_types::NodeAddress>() {
                // As addresses: their spelling has room for upper and lower case.
                Ok(node) if nodes.insert(node) => {}
                Ok(node) => return wrong("logs", format!("names node {node} twice")),
                Err(error) => {
                    return wrong(
                        &format!("logs[{number}].node"),
                        format!("is `{}`: {error}", log.node),
                    );
                }
            }
        }
        Ok(())
    }

    /// The pause between two looks.
    pub const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_name_their_key() {
        let log = FollowedLog::new("0x0101010101010101010101010101010101010101", "");
        let good = VerifierConfig {
            logs: vec![log.clone()],
            ..VerifierConfig::default()
        };
        good.check().unwrap();
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<VerifierConfig>(&text).unwrap(), good);
        assert!(serde_json::from_str::<VerifierConfig>(r#"{"sampel": 1}"#).is_err());
        let upper = FollowedLog::new("0xABABABABABABABABABABABABABABABABABABABAB", "");
        let lower = FollowedLog::new(&upper.node.to_lowercase(), "");
        let twice = vec![log.clone(), log.clone()];
        let foreign = vec![FollowedLog {
            node: "me".to_owned(),
            ..log
        }];
        type Spoil = fn(&mut VerifierConfig);
        let cases: [(&str, Spoil); 7] = [
            ("verifier.disputes.tokens has", |config| {
                config.disputes.tokens.push("secret".to_owned());
            }),
            ("verifier.disputes.tokens needs", |config| {
                config.disputes.tokens.push("ab".repeat(32));
                config.chain = false;
            }),
            ("verifier.disputes.per_minute", |config| {
                config.disputes.per_minute = 0
            }),
            ("verifier.sample", |config| config.sample = 1.5),
            ("verifier.poll_ms", |config| config.poll_ms = 0),
            ("verifier.webhook", |config| config.webhook = "there".to_owned()),
            ("verifier.logs", |config| config.logs.clear()),
        ];
        for (key, spoil) in cases {
            let mut config = good.clone();
            spoil(&mut config);
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(key), "{error}");
        }
        for (key, logs) in [
            ("verifier.logs names", twice),
            ("verifier.logs names", vec![upper, lower]),
            ("verifier.logs[0].node", foreign),
        ] {
            let config = VerifierConfig { logs, ..good.clone() };
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(key), "{error}");
        }
    }
}
