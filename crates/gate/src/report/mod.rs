//! Writing down what was found.

use crate::run::Outcome;

mod annotations;
mod junit;
mod sarif;
mod tables;
mod text;

pub use annotations::{github, gitlab};
pub use junit::junit;
pub use sarif::{SARIF_SCHEMA, sarif, sarif_run, sarif_uri, security_severity};
pub use tables::{html, markdown};
pub use text::{many, printable, summary, text};

/// The findings and failures as one JSON document: that of [`Outcome`].
#[must_use]
pub fn json(outcome: &Outcome) -> String {
    serde_json::to_string_pretty(outcome).unwrap_or_default()
}

/// The word for a finding that fails, warns, or is on trial or excepted.
pub(crate) fn level(finding: &crate::Finding) -> &'static str {
    use stele_types::Enforcement;
    if finding.exception.is_some() {
        return "note";
    }
    match finding.enforcement {
        Enforcement::Deny => "error",
        Enforcement::Warn => "warning",
        Enforcement::DryRun => "note",
    }
}

/// Which modules show it, if several do.
pub(crate) fn roots(finding: &crate::Finding) -> Option<String> {
    let several = !finding.roots.is_empty();
    several.then(|| format!("in what {} call", finding.roots.join(", ")))
}

/// The message, and below it which modules show it, how to mend it and why it is excepted.
pub(crate) fn message(finding: &crate::Finding) -> String {
    let exempt = finding.exception.as_ref().map(ToString::to_string);
    let roots = roots(finding);
    let more = roots.iter().chain(&finding.remediation).chain(&exempt);
    more.fold(finding.message.clone(), |text, line| format!("{text}\n{line}"))
}
