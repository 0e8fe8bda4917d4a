//! Whether a version is affected: <https://ossf.github.io/osv-schema/#evaluation>.
//!
//! What can't be decided, because a version is none of its ecosystem's order, counts as affected, and says why: who can decide it writes that down as VEX.

use crate::order::{NoVersion, Order, Version};
use crate::osv::{Affected, Event};

/// Whether what is installed is affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    No,
    Yes,
    /// It may be.
    Undecided(String),
}

/// A version that is installed, or might be.
pub(crate) struct Candidate<'c> {
    text: &'c str,
    order: Order,
    /// Epochs count for nothing, here and in what it is compared with.
    epochless: bool,
    version: Result<Version, NoVersion>,
}

/// An event whose version can be compared; `Introduced(None)` is from the first version on.
enum Bound {
    Introduced(Option<Version>),
    Fixed(Version),
    /// With the candidate as it is compared with it.
    LastAffected(Version, Option<Version>),
}

impl Bound {
    const fn version(&self) -> Option<&Version> {
        match self {
            Self::Introduced(version) => version.as_ref(),
            Self::Fixed(version) | Self::LastAffected(version, _) => Some(version),
        }
    }
}

impl<'c> Candidate<'c> {
    pub(crate) fn new(order: Order, text: &'c str) -> Self {
        Self {
            text,
            order,
            epochless: false,
            version: order.parse(text),
        }
    }

    /// Of a source package, whose epoch nobody wrote down (RPM's `SOURCERPM` has none).
    pub(crate) fn without_epoch(order: Order, text: &'c str) -> Self {
        let text = after_epoch(text);
        Self {
            epochless: true,
            ..Self::new(order, text)
        }
    }

    /// Another version, compared in the same way.
    fn instead<'o>(&self, text: &'o str) -> Candidate<'o> {
        if self.epochless {
            Candidate::without_epoch(self.order, text)
        } else {
            Candidate::new(self.order, text)
        }
    }

    /// The version.
    pub(crate) const fn text(&self) -> &'c str {
        self.text
    }

    pub(crate) const fn is_epochless(&self) -> bool {
        self.epochless
    }

    /// A version that it is compared with.
    fn other(&self, text: &str) -> Result<Version, NoVersion> {
        self.order
            .parse(if self.epochless { after_epoch(text) } else { text })
    }

    /// The worst that any of the entries says.
    pub(crate) fn judge<'a>(&self, entries: impl IntoIterator<Item = &'a Affected>) -> Judgement {
        let mut out = Judgement::No;
        for affected in entries {
            match self.judge_one(affected) {
                Judgement::Yes => return Judgement::Yes,
                Judgement::No => {}
                undecided => out = undecided,
            }
        }
        out
    }

    fn judge_one(&self, affected: &Affected) -> Judgement {
        let listed = affected
            .versions
            .iter()
            .any(|version| version == self.text || self.order.as_precise_as(self.text, version) == version);
        let same = || {
            // Distributions write a version in one way, and list thousands beside their ranges.
            let one_way = matches!(self.order, Order::Debian | Order::Alpine | Order::Rpm);
            let Ok(own) = &self.version else { return false };
            if one_way && !affected.ranges.is_empty() {
                return false;
            }
            let parsed = |text: &String| self.other(text).ok();
            affected
                .versions
                .iter()
                .filter_map(parsed)
                .any(|version| version == *own)
        };
        if listed || same() {
            return Judgement::Yes;
        }
        if affected.ranges.is_empty() {
            return match &self.version {
                _ if affected.versions.is_empty() && affected.git == 0 => {
                    Judgement::Undecided("the advisory says nothing of versions".to_owned())
                }
                // It may be one of those that are listed, under another name.
                Err(error) if !affected.versions.is_empty() => Judgement::Undecided(error.to_string()),
                _ => Judgement::No,
            };
        }
        let mut out = Judgement::No;
        for range in &affected.ranges {
            let opens = range.iter().any(|event| matches!(event, Event::Introduced(_)));
            match self.within(range) {
                Ok(true) if opens => return Judgement::Yes,
                Ok(true) => {
                    out = Judgement::Undecided("the advisory does not say since which version".to_owned());
                }
                Ok(false) => {}
                Err(error) => out = Judgement::Undecided(error.to_string()),
            }
        }
        out
    }

    fn bound(&self, event: &Event) -> Result<Bound, NoVersion> {
        Ok(match event {
            Event::Introduced(text) if text == "0" => Bound::Introduced(None),
            Event::Introduced(text) => Bound::Introduced(Some(self.other(text)?)),
            Event::LastAffected(text) => {
                let own = self.order.as_precise_as(self.text, text);
                Bound::LastAffected(self.other(text)?, self.order.parse(own).ok())
            }
            Event::Fixed(text) | Event::Limit(text) => Bound::Fixed(self.other(text)?),
        })
    }

    /// A range that never opens is open from the first version on.
    fn within(&self, range: &[Event]) -> Result<bool, NoVersion> {
        let (mut bounds, mut limits) = (Vec::new(), Vec::new());
        for event in range {
            match event {
                Event::Limit(text) if text == "*" => {}
                Event::Limit(text) => limits.push(self.other(text)?),
                event => bounds.push(self.bound(event)?),
            }
        }
        if !bounds.iter().any(|bound| matches!(bound, Bound::Introduced(_))) {
            bounds.push(Bound::Introduced(None));
        }
        // All versions are, whatever this one is.
        if let ([Bound::Introduced(None)], []) = (bounds.as_slice(), limits.as_slice()) {
            return Ok(true);
        }
        let own = self.version.as_ref().map_err(Clone::clone)?;
        bounds.sort_by(|left, right| left.version().cmp(&right.version()));
        let mut inside = false;
        for bound in &bounds {
            match bound {
                Bound::Introduced(from) if from.as_ref().is_none_or(|from| own >= from) => inside = true,
                Bound::Fixed(from) if own >= from => inside = false,
                Bound::LastAffected(last, cut) if cut.as_ref().unwrap_or(own) > last => inside = false,
                _ => {}
            }
        }
        Ok(inside && (limits.is_empty() || limits.iter().any(|limit| own < limit)))
    }
}

/// A version without Debian's or RPM's epoch.
fn after_epoch(text: &str) -> &str {
    match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => text,
    }
}

/// The least version above `installed` that mends all of `advisories`: each is what one advisory says of the package.
pub(crate) fn fix(installed: &Candidate<'_>, advisories: &[&[Affected]]) -> Option<String> {
    let own = installed.version.as_ref().ok()?;
    let events = advisories
        .iter()
        .copied()
        .flatten()
        .flat_map(|affected| &affected.ranges)
        .flatten();
    let mut fixes: Vec<(Version, &str)> = events
        .filter_map(|event| match event {
            Event::Fixed(text) => Some((installed.other(text).ok()?, text.as_str())),
            _ => None,
        })
        .filter(|(version, _)| version > own)
        .collect();
    fixes.sort();
    let mends = |text: &str| {
        let candidate = installed.instead(text);
        let mut all = advisories.iter();
        all.all(|affected| candidate.judge(affected.iter()) == Judgement::No)
    };
    let least = fixes.into_iter().find(|(_, text)| mends(text));
    least.map(|(_, text)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(text: &str) -> Event {
        let (kind, version) = text.split_once(' ').unwrap();
        let version = version.to_owned();
        match kind {
            "introduced" => Event::Introduced(version),
            "fixed" => Event::Fixed(version),
            "last" => Event::LastAffected(version),
            "limit" => Event::Limit(version),
            other => panic!("{other}"),
        }
    }

    fn affected(events: &[&str]) -> Affected {
        Affected {
            ranges: vec![events.iter().map(|text| event(text)).collect()],
            ..Affected::default()
        }
    }

    fn judge(version: &str, affected: &Affected) -> Judgement {
        Candidate::new(Order::Semver, version).judge([affected])
    }

    #[test]
    fn events_open_and_close() {
        let twice = affected(&["fixed 2.3.0", "introduced 0", "fixed 1.2.0", "introduced 2.0.0"]);
        for (version, is) in [
            ("0.0.1", true),
            ("1.1.9", true),
            ("1.2.0", false),
            ("2.0.0-rc.1", false),
            ("2.0.0", true),
            ("2.2.9", true),
            ("2.3.0", false),
            ("9.0.0", false),
        ] {
            assert_eq!(judge(version, &twice) == Judgement::Yes, is, "{version}");
        }
        let last = affected(&["introduced 1.0.0", "last 1.5.0"]);
        assert_eq!(judge("1.5.0", &last), Judgement::Yes);
        assert_eq!(judge("1.5.1", &last), Judgement::No);
        let limited = affected(&["introduced 0", "limit 2.0.0"]);
        assert_eq!(judge("1.9.9", &limited), Judgement::Yes);
        assert_eq!(judge("2.0.0", &limited), Judgement::No);
        assert_eq!(
            judge("1.0.0", &affected(&["introduced 1.0.0", "fixed 1.0.0"])),
            Judgement::No
        );
    }

    #[test]
    fn listed_versions_are_affected_however_they_are_written() {
        let listed = Affected {
            versions: vec!["1.0".into()],
            ..Affected::default()
        };
        let python = Candidate::new(Order::Pep440, "1.0.0");
        assert_eq!(python.judge([&listed]), Judgement::Yes);
        assert_eq!(
            Candidate::new(Order::Pep440, "1.0.1").judge([&listed]),
            Judgement::No
        );
        assert!(matches!(
            judge("1", &Affected::default()),
            Judgement::Undecided(_)
        ));
        // What is no version may be any of those that are listed.
        assert!(matches!(judge("main", &listed), Judgement::Undecided(why) if why.contains("main")));
        let commits = Affected {
            git: 1,
            ..Affected::default()
        };
        assert_eq!(judge("1.0.0", &commits), Judgement::No);
    }

    #[test]
    fn what_has_no_order_is_undecided_unless_all_are_affected() {
        let some = affected(&["introduced 0", "fixed 1.0.0"]);
        assert!(matches!(judge("main", &some), Judgement::Undecided(why) if why.contains("main")));
        assert_eq!(judge("main", &affected(&["introduced 0"])), Judgement::Yes);
        let odd = affected(&["introduced 0", "fixed soon"]);
        assert!(matches!(judge("1.0.0", &odd), Judgement::Undecided(why) if why.contains("soon")));
    }

    #[test]
    fn a_range_that_never_opens_may_be_open_from_the_first_version() {
        for events in [&[][..], &["fixed 2.0.0"], &["last 1.9.0"], &["limit 2.0.0"]] {
            let judged = judge("1.0.0", &affected(events));
            assert!(matches!(judged, Judgement::Undecided(_)), "{events:?}");
        }
        assert_eq!(judge("2.0.0", &affected(&["fixed 2.0.0"])), Judgement::No);
    }

    #[test]
    fn what_a_last_affected_version_leaves_out_counts_for_nothing() {
        for (order, version, bound, is) in [
            (Order::Pep440, "2.0.0+cu118", "2.0.0", true),
            (Order::Pep440, "2.0.0+cu118", "2.0.0+cu117", false),
            (Order::Pep440, "2.0.1+cu118", "2.0.0", false),
            (Order::Alpine, "1.36.1-r2", "1.36.1", true),
            (Order::Alpine, "1.36.1-r2", "1.36.1-r1", false),
            (Order::Debian, "1:2.0-3", "1:2.0", true),
            (Order::Debian, "1:2.0-3", "2.0", false),
            (Order::Rpm, "2.0-3.el9", "2.0", true),
            (Order::Rpm, "2.0-3.el9", "2.0-2.el9", false),
        ] {
            let last = Affected {
                ranges: vec![vec![
                    Event::Introduced("0".into()),
                    Event::LastAffected(bound.into()),
                ]],
                ..Affected::default()
            };
            let listed = Affected {
                versions: vec![bound.into()],
                ..Affected::default()
            };
            for affected in [&last, &listed] {
                let judged = Candidate::new(order, version).judge([affected]);
                let is = is && (order != Order::Debian || bound.contains(':'));
                assert_eq!(judged == Judgement::Yes, is, "{version} {bound} {affected:?}");
            }
        }
    }

    #[test]
    fn epochs_count_for_nothing_where_a_source_package_has_none() {
        let fixed = affected(&["introduced 0", "fixed 4:5.32.1-480.el9"]);
        let judge = |candidate: Candidate<'_>| candidate.judge([&fixed]);
        assert_eq!(
            judge(Candidate::without_epoch(Order::Rpm, "5.32.1-480.el9")),
            Judgement::No
        );
        let old = Candidate::without_epoch(Order::Rpm, "5.32.1-479.el9");
        assert_eq!(
            fix(&old, &[std::slice::from_ref(&fixed)]).as_deref(),
            Some("4:5.32.1-480.el9")
        );
        assert_eq!(judge(old), Judgement::Yes);
        assert_eq!(
            judge(Candidate::new(Order::Rpm, "5.32.1-480.el9")),
            Judgement::Yes
        );
    }

    #[test]
    fn a_fix_mends_all_and_is_the_least() {
        let one = [affected(&[
            "introduced 0",
            "fixed 1.2.0",
            "introduced 2.0.0",
            "fixed 2.1.0",
        ])];
        let other = [affected(&["introduced 1.0.0", "fixed 1.3.0"])];
        let fix = |version: &str, all: &[&[Affected]]| fix(&Candidate::new(Order::Semver, version), all);
        assert_eq!(fix("1.1.0", &[&one]).as_deref(), Some("1.2.0"));
        assert_eq!(fix("1.1.0", &[&one, &other]).as_deref(), Some("1.3.0"));
        assert_eq!(fix("2.0.5", &[&one]).as_deref(), Some("2.1.0"));
        assert_eq!(fix("1.1.0", &[&[affected(&["introduced 0"])]]), None);
        assert_eq!(fix("main", &[&one]), None);
    }

    proptest! {
        /// The order of events in a record means nothing where no two are at the same version.
        #[test]
        fn events_may_stand_in_any_order(version in 0u8..40, cuts in proptest::collection::btree_set(1u8..40, 1..6), seed in any::<u64>()) {
            let events: Vec<String> = cuts.iter().enumerate().map(|(at, cut)| {
                let kind = if at % 2 == 0 { "introduced" } else { "fixed" };
                format!("{kind} {cut}.0.0")
            }).collect();
            let mut mixed: Vec<&str> = events.iter().map(String::as_str).collect();
            let length = mixed.len();
            mixed.rotate_left(seed as usize % length);
            let expected = cuts.iter().filter(|cut| **cut <= version).count() % 2 == 1;
            let judged = judge(&format!("{version}.0.0"), &affected(&mixed));
            prop_assert_eq!(judged == Judgement::Yes, expected);
        }
    }
}
