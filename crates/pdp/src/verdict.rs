//! What a policy's document means, in one word.
//!
//! Rego gives documents; enforcement needs a word. The conventional names carry it: `deny` and `violation` hold findings that
//! refuse, `warn` holds findings that don't, `allow` must be true. A package's document is judged by all of them together.
//! Any other document is data, not a decision: [`Verdict::Undetermined`].
//!
//! *Enforcement* (of the policy, or of a single rule) lowers what a refusal does: `warn` and `dryrun` never refuse. The document
//! itself is never changed by it.

use serde::{Deserialize, Serialize};
use stele_policy::Policy;
use stele_policy::violations::violations;
use stele_types::{Enforcement, EntryPoint, Value, Violation};

/// The word for a decision; the `decision` label of metrics and records. Later members are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The document is none of the conventional ones, or there is none.
    Undetermined,
    /// Nothing stands against it.
    Allow,
    /// Something does, but the policy is only being tried out.
    DryRun,
    /// Something does; the caller may proceed.
    Warn,
    /// Refused.
    Deny,
}

impl Verdict {
    /// The word in labels and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undetermined => "undetermined",
            Self::Allow => "allow",
            Self::DryRun => "dryrun",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Enforcement> for Verdict {
    fn from(enforcement: Enforcement) -> Self {
        match enforcement {
            Enforcement::DryRun => Self::DryRun,
            Enforcement::Warn => Self::Warn,
            Enforcement::Deny => Self::Deny,
        }
    }
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The word.
    pub verdict: Verdict,
    /// The findings, in document order (`deny`, `violation`, `warn`).
    pub violations: Vec<Violation>,
}

impl Judgement {
    /// No document, or one that is no decision.
    pub(crate) fn undetermined() -> Self {
        Self {
            verdict: Verdict::Undetermined,
            violations: Vec::new(),
        }
    }
}

/// Documents whose entries refuse.
const REFUSING: [&str; 2] = ["deny", "violation"];
/// The document whose entries don't.
const WARNING: &str = "warn";
/// The document that must be true.
const ALLOWING: &str = "allow";

/// Judges the value of an entry point (`None`: undefined): the policy's package, or one of its rules.
#[must_use]
pub fn judge(policy: &Policy, entry_point: &EntryPoint, value: Option<&Value>) -> Judgement {
    if entry_point.as_str() == policy.id.as_str() {
        return package(policy, entry_point, value);
    }
    let rule = entry_point.rule();
    if rule != ALLOWING && rule != WARNING && !REFUSING.contains(&rule) {
        return Judgement::undetermined();
    }
    let violations = violations(policy, entry_point, value);
    let worst = worst_of(policy, rule, &violations);
    Judgement {
        verdict: worst.unwrap_or(Verdict::Allow),
        violations,
    }
}

fn package(policy: &Policy, entry_point: &EntryPoint, value: Option<&Value>) -> Judgement {
    let member = |name: &str| value.and_then(|value| value.get(name));
    let has_allow = member(ALLOWING).is_some() || policy.rules_named(ALLOWING).next().is_some();
    let speaks = has_allow
        || REFUSING
            .iter()
            .chain([&WARNING])
            .any(|name| member(name).is_some());
    if !speaks {
        return Judgement::undetermined();
    }
    let found = REFUSING.iter().chain([&WARNING]).filter_map(|name| {
        let entry_point = policy.id.entry_point(name).ok()?;
        let found = violations(policy, &entry_point, Some(member(name)?));
        worst_of(policy, name, &found)
    });
    // A policy that defines `allow` allows only by saying so, whatever else it finds.
    let refused = has_allow && member(ALLOWING) != Some(&Value::Bool(true));
    let worst = found.chain(refused.then(|| policy.enforcement().into())).max();
    Judgement {
        verdict: worst.unwrap_or(Verdict::Allow),
        violations: violations(policy, entry_point, value),
    }
}

/// The worst enforcement among the findings of one rule.
fn worst_of(policy: &Policy, rule: &str, found: &[Violation]) -> Option<Verdict> {
    let cap = if rule == WARNING {
        Enforcement::Warn
    } else {
        Enforcement::Deny
    };
    found
        .iter()
        .map(|violation| enforcement(policy, &violation.rule).min(cap).into())
        .max()
}

/// The enforcement of the rule that a finding names, else the policy's.
fn enforcement(policy: &Policy, rule: &str) -> Enforcement {
    let by_id = policy.rule_by_id(rule).and_then(|rule| rule.custom.enforcement);
    by_id.unwrap_or_else(|| policy.enforcement())
}

#[cfg(test)]
mod tests;
