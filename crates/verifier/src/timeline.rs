//! Which version was in force when, as the registry has it.

use std::collections::HashMap;

use stele_chain::client::{ActiveVersion, Governance};
use stele_types::{EntryPoint, PolicyId, PolicyVersion, Timestamp};

use crate::error::VerifierError;

/// One version's time in force, in seconds since 1970.
#[derive(Debug, Clone)]
struct Span {
    version: PolicyVersion,
    from: u64,
    until: Option<u64>,
    uri: String,
}

/// The registry's history. Times are compared with the tolerance of the contract `Challenge`: clocks differ, and a decision point learns of
/// a new version a little later than the chain.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    epoch: Option<u64>,
    tolerance: u64,
    policies: HashMap<PolicyId, Vec<Span>>,
    /// The time of the newest block of the view that this was read from, and of no later one.
    seen_until: Option<Timestamp>,
}

impl Timeline {
    /// Reads the registry if anything came into force since the last look.
    ///
    /// # Errors
    /// [`VerifierError::Chain`].
    pub async fn refresh(&mut self, governance: &Governance) -> Result<(), VerifierError> {
        // First: what comes into force while the rest is read is then beyond it.
        self.seen_until = Some(governance.client().seen_until().await?);
        let epoch = governance.epoch().await?;
        if self.epoch == Some(epoch) {
            return Ok(());
        }
        let mut policies = HashMap::new();
        for summary in governance.policies().await? {
            let history = governance.history(&summary.policy).await?;
            policies.insert(summary.policy, spans(&history));
        }
        self.tolerance = governance.challenge_tolerance().await?;
        self.policies = policies;
        self.epoch = Some(epoch);
        Ok(())
    }

    /// The time of the newest block that this was read from.
    pub(crate) const fn seen_until(&self) -> Option<Timestamp> {
        self.seen_until
    }

    /// Whether this history says anything of what was in force at a time. A view of the chain that ends before it may lack the very activation that the
    /// node went by, and must accuse nobody.
    pub(crate) fn reaches(&self, time: Timestamp) -> bool {
        self.seen_until
            .is_none_or(|seen| seen.as_seconds() >= time.as_seconds())
    }

    /// Seconds by which the contract `Challenge` lets times differ.
    pub(crate) const fn tolerance(&self) -> u64 {
        self.tolerance
    }

    /// Whether the registry ever had a version in force, of any policy.
    pub fn has(&self, version: PolicyVersion) -> bool {
        let mut all = self.policies.values().flatten();
        all.any(|span| span.version == version)
    }

    /// Where the registry says that a version's bundle is found; empty when it says nothing.
    pub fn uri(&self, version: PolicyVersion) -> &str {
        let mut all = self.policies.values().flatten();
        all.find(|span| span.version == version)
            .map_or("", |span| span.uri.as_str())
    }

    /// Versions in force since ever.
    #[cfg(test)]
    pub(crate) fn always(versions: impl IntoIterator<Item = (PolicyId, PolicyVersion)>) -> Self {
        let since_ever = |(policy, version)| {
            let span = Span {
                version,
                from: 0,
                until: None,
                uri: String::new(),
            };
            (policy, vec![span])
        };
        Self {
            policies: versions.into_iter().map(since_ever).collect(),
            ..Self::default()
        }
    }

    /// The same, as read from a chain whose newest block has this time.
    #[cfg(test)]
    pub(crate) fn ending(self, seen_until: Timestamp) -> Self {
        Self {
            seen_until: Some(seen_until),
            ..self
        }
    }

    /// Checks that a version of the policy was in force at a time, give or take the tolerance.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn was_in_force(
        &self,
        policy: &PolicyId,
        version: PolicyVersion,
        time: Timestamp,
    ) -> Result<(), String> {
        let time = time.as_seconds();
        let spans = self.policies.get(policy).map_or(&[][..], Vec::as_slice);
        let fits = |span: &Span| {
            span.version == version
                && time.saturating_add(self.tolerance) >= span.from
                && span
                    .until
                    .is_none_or(|until| time <= until.saturating_add(self.tolerance))
        };
        if spans.iter().any(fits) {
            return Ok(());
        }
        Err(if spans.iter().any(|span| span.version == version) {
            format!("version {version} of {policy} was not in force at the decision's time")
        } else {
            format!("the registry never had version {version} of {policy} in force")
        })
    }

    /// The policy that was to decide at a path, the longest one in force there, beyond doubt: for as long as the tolerance before and after the time.
    pub fn covering(&self, path: &EntryPoint, time: Timestamp) -> Option<&PolicyId> {
        let time = time.as_seconds();
        let certain = |spans: &[Span]| {
            spans.iter().any(|span| {
                time >= span.from.saturating_add(self.tolerance)
                    && span
                        .until
                        .is_none_or(|until| time.saturating_add(self.tolerance) <= until)
            })
        };
        let at = |policy: &PolicyId| {
            let rest = path.as_str().strip_prefix(policy.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let all = self.policies.iter();
        all.filter(|(policy, spans)| at(policy) && certain(spans))
            .map(|(policy, _)| policy)
            .max_by_key(|policy| policy.as_str().len())
    }
}

fn spans(history: &[ActiveVersion]) -> Vec<Span> {
    let ends = history.iter().skip(1).map(|next| Some(next.time.as_seconds()));
    let entries = history.iter().zip(ends.chain([None]));
    entries
        .map(|(entry, until)| Span {
            version: entry.version,
            from: entry.time.as_seconds(),
            until,
            uri: entry.uri.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use stele_types::Digest;

    use super::*;

    #[test]
    fn the_tolerance_helps_the_node_and_never_accuses_it() {
        let policy: PolicyId = "a/b".parse().unwrap();
        let at_block = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let version = |byte| PolicyVersion(Digest([byte; 32]));
        let span = |byte, from, until| Span {
            version: version(byte),
            from,
            until,
            uri: String::new(),
        };
        let timeline = Timeline {
            epoch: Some(2),
            tolerance: 10,
            seen_until: Some(at_block(500)),
            policies: [(policy.clone(), vec![span(1, 100, Some(200)), span(2, 200, None)])].into(),
        };
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        for (byte, time, fits) in [
            (1, 89, false),
            (1, 90, true),
            (1, 210, true),
            (1, 211, false),
            (2, 189, false),
            (2, 190, true),
            (2, 9_999, true),
            (3, 150, false),
        ] {
            let found = timeline.was_in_force(&policy, version(byte), at(time));
            assert_eq!(found.is_ok(), fits, "{byte} at {time}");
        }
        // Within the second of the last block that was seen, and not beyond.
        assert!(timeline.reaches(Timestamp(500_999_999_999)) && !timeline.reaches(at(501)));
        assert!(
            Timeline::default().reaches(at(501)),
            "without a chain nothing lags"
        );
        assert!(timeline.has(version(1)) && !timeline.has(version(3)));
        let path = |text: &str| EntryPoint::new(text).unwrap();
        assert_eq!(timeline.covering(&path("a/b/deny"), at(120)), Some(&policy));
        assert_eq!(timeline.covering(&path("a/b"), at(9_999)), Some(&policy));
        assert_eq!(timeline.covering(&path("a/bc"), at(120)), None);
        assert_eq!(
            timeline.covering(&path("a/b"), at(105)),
            None,
            "within the tolerance"
        );
    }
}
