//! What a policy found wrong.

use serde::{Deserialize, Serialize};

use crate::PolicyId;

macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ }) => {
        impl $name {
            /// Every member, lowest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in metadata, JSON and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::violation::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::violation::UnknownWord { word: text.to_owned(), allowed: &[$($word),+] }),
                }
            }
        }
    };
}

pub(crate) use words;

/// A word that is not in the list of those allowed in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {}", allowed.join(", "))]
pub struct UnknownWord {
    /// The offending word.
    pub word: String,
    /// The words that would do.
    pub allowed: &'static [&'static str],
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth fixing in the ordinary course.
    #[default]
    Medium,
    /// Fix before release.
    High,
    /// Stop everything.
    Critical,
}

words!(Severity { Low => "low", Medium => "medium", High => "high", Critical => "critical" });

/// What an enforcement point does with a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// Recorded only; the caller sees no difference.
    DryRun,
    /// Reported to the caller, who may proceed.
    Warn,
    /// Refused.
    #[default]
    Deny,
}

words!(Enforcement { DryRun => "dryrun", Warn => "warn", Deny => "deny" });

/// One denied or warned finding of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// The policy that found it.
    pub policy_id: PolicyId,
    /// The rule within the policy, for instance `deny` or a rule id such as `K8S-PSS-001`.
    pub rule: String,
    /// For people: what is wrong, with the offending values.
    pub message: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it was found on, for instance `Pod/default/web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// How to mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Controls that the rule implements, as `framework:control`, for instance `nist-800-53-r5:AC-6`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_through_text_and_json() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse::<Severity>().unwrap(), *severity);
            assert_eq!(
                serde_json::to_string(severity).unwrap(),
                format!("\"{severity}\"")
            );
        }
        for enforcement in Enforcement::ALL {
            assert_eq!(enforcement.as_str().parse::<Enforcement>().unwrap(), *enforcement);
            assert_eq!(
                serde_json::to_string(enforcement).unwrap(),
                format!("\"{enforcement}\"")
            );
        }
        let error = "urgent".parse::<Severity>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`urgent` is not one of low, medium, high, critical"
        );
        assert!(Severity::Low < Severity::Critical && Enforcement::DryRun < Enforcement::Deny);
    }
}
