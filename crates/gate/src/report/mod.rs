//! Writing down what was found.

use crate::run::Outcome;

mod annotations;
mod junit;
mod sarif;
mod tables;
mod text;

pub use annotations::{github, gitlab};
pub use junit::junit;
pub use sarif::{SARIF_SCHEMA, sarif};
pub use tables::{html, markdown};
pub use text::{printable, summary, text};

/// The findings and failures as one JSON document: that of [`Outcome`].
#[must_use]
pub fn json(outcome: &Outcome) -> String {
    serde_json::to_string_pretty(outcome).unwrap_or_default()
}

/// The word for a finding that fails, warns or is on trial.
pub(crate) fn level(finding: &crate::Finding) -> &'static str {
    use stele_types::Enforcement;
    match finding.enforcement {
        Enforcement::Deny => "error",
        Enforcement::Warn => "warning",
        Enforcement::DryRun => "note",
    }
}
