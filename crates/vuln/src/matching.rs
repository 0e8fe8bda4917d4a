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
    version: Result<Version, NoVersion>,
}

/// An event whose version can be compared; `Introduced(None)` is from the first version on.
enum Bound {
    Introduced(Option<Version>),
    Fixed(Version),
    LastAffected(Version),
}

impl Bound {
    const fn version(&self) -> Option<&Version> {
        match self {
            Self::Introduced(version) => version.as_ref(),
            Self::Fixed(version) | Self::LastAffected(version) => Some(version),
        }
    }
}

impl<'c> Candidate<'c> {
    pub(crate) fn new(order: Order, text: &'c str) -> Self {
        Self {
            text,
            order,
            version: order.parse(text),
        }
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
        let listed = affected.versions.iter().any(|version| version == self.text);
        let same = || {
            // Distributions write a version in one way, and list thousands beside their ranges.
            let one_way = matches!(self.order, Order::Debian | Order::Alpine | Order::Rpm);
            let Ok(own) = &self.version else { return false };
            if one_way && !affected.ranges.is_empty() {
                return false;
            }
            let parsed = |text: &String| self.order.parse(text).ok();
            affected
                .versions
                .iter()
                .filter_map(parsed)
                .any(|version| version == *own)
        };
        if listed || same() {
            return Judgement::Yes;
        }
        // A package without versions and ranges is affected as a whole.
        if affected.versions.is_empty() && affected.ranges.is_empty() && affected.git == 0 {
            return Judgement::Yes;
        }
        let mut out = Judgement::No;
        for range in &affected.ranges {
            match self.within(range) {
                Ok(true) => return Judgement::Yes,
                Ok(false) => {}
                Err(error) => out = Judgement::Undecided(error.to_string()),
            }
        }
        out
    }

    fn within(&self, range: &[Event]) -> Result<bool, NoVersion> {
        let (mut bounds, mut limits) = (Vec::new(), Vec::new());
        for event in range {
            match event {
                Event::Introduced(text) if text == "0" => bounds.push(Bound::Introduced(None)),
                Event::Introduced(text) => bounds.push(Bound::Introduced(Some(self.order.parse(text)?))),
                Event::Fixed(text) => bounds.push(Bound::Fixed(self.order.parse(text)?)),
                Event::LastAffected(text) => bounds.push(Bound::LastAffected(self.order.parse(text)?)),
                Event::Limit(text) if text == "*" => {}
                Event::Limit(text) => limits.push(self.order.parse(text)?),
            }
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
                Bound::LastAffected(last) if own > last => inside = false,
                _ => {}
            }
        }
        Ok(inside && (limits.is_empty() || limits.iter().any(|limit| own < limit)))
    }
}

/// The least version above `installed` that mends all of `advisories`: each is what one advisory says of the package.
pub(crate) fn fix(order: Order, installed: &str, advisories: &[&[Affected]]) -> Option<String> {
    let own = order.parse(installed).ok()?;
    let events = advisories
        .iter()
        .copied()
        .flatten()
        .flat_map(|affected| &affected.ranges)
        .flatten();
    let mut fixes: Vec<(Version, &str)> = events
        .filter_map(|event| match event {
            Event::Fixed(text) => Some((order.parse(text).ok()?, text.as_str())),
            _ => None,
        })
        .filter(|(version, _)| *version > own)
        .collect();
    fixes.sort();
    let mends = |text: &str| {
        let candidate = Candidate::new(order, text);
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
        assert_eq!(judge("1", &Affected::default()), Judgement::Yes);
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
    fn a_fix_mends_all_and_is_the_least() {
        let one = [affected(&[
            "introduced 0",
            "fixed 1.2.0",
            "introduced 2.0.0",
            "fixed 2.1.0",
        ])];
        let other = [affected(&["introduced 1.0.0", "fixed 1.3.0"])];
        let fix = |version: &str, all: &[&[Affected]]| fix(Order::Semver, version, all);
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
