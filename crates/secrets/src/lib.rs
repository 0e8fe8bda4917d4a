//! Finds credentials in bytes, files, archives and Git history.
//!
//! The core does no I/O and never reads a clock: [`RuleSet`] holds what to look for, [`Scanner`] finds it in bytes, and [`Allowlist`] and
//! [`Baseline`] say what is known. [`source`] walks directories, archives and repositories and runs the scanner over them in parallel.
//!
//! ```
//! let scanner = stele_secrets::Scanner::new(stele_secrets::RuleSet::built_in()?)?;
//! let hits = scanner.scan(b"nothing to see here");
//! assert!(hits.is_empty());
//! # Ok::<(), stele_secrets::Error>(())
//! ```
//!
//! A pass over bytes goes in this order: one Aho-Corasick automaton over every rule's keywords; a rule's regular expression on the few bytes
//! around its keyword; the bytes left and right of the match; placeholders, entropy and checksum; then the same again inside base64,
//! hexadecimal and percent-encoded runs. What is found leaves this crate redacted only ([`Finding`]).

mod allow;
mod baseline;
mod check;
mod engine;
mod entropy;
mod error;
mod finding;
mod inline;
mod layer;
mod place;
mod rule;
pub mod sarif;
pub mod source;

pub use allow::{AllowReport, Allowlist, Entry};
pub use baseline::Baseline;
pub use check::{Check, account_of_access_key, base62_crc32, grafana_crc32, routable_crc32};
pub use engine::{Hit, MAX_DEPTH, Scanner};
pub use error::Error;
pub use finding::{CommitInfo, Finding, Problem, ProblemKind, redact};
pub use inline::Directive;
pub use layer::Layer;
pub use rule::{Rule, RuleSet, Severity};
