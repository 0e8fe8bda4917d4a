//! Which fixes of a file can be applied, where not all can.

use std::collections::BTreeSet;

use super::{Change, Draft, Planned, verify};
use crate::source::Source;

/// More texts are not tried: each is read as a whole.
const MAX_TRIES: usize = 64;

/// The places among `planned` of those that can be applied together, as many as are found in a bounded number of tries; `None` if there are none.
pub(super) fn fitting(
    source: &Source,
    before: &str,
    nothing: &Draft,
    planned: &[Planned<'_>],
) -> Option<BTreeSet<usize>> {
    let mut search = Search {
        tries: 0,
        kept: BTreeSet::new(),
        fits: &|places| {
            let mut draft = nothing.clone();
            let chosen = planned.iter().enumerate().filter(|(at, _)| places.contains(at));
            chosen.for_each(|(_, fix)| draft.take_all(fix.fix, &fix.changes));
            verify(source, &draft.text(before), &draft.expected).is_ok()
        },
    };
    search.add(&groups(planned));
    Some(search.kept).filter(|kept| !kept.is_empty())
}

struct Search<'s> {
    tries: usize,
    kept: BTreeSet<usize>,
    fits: &'s dyn Fn(&BTreeSet<usize>) -> bool,
}

impl Search<'_> {
    /// Adds what fits to what is kept: all of these groups, or of each half what does.
    fn add(&mut self, groups: &[BTreeSet<usize>]) {
        if groups.is_empty() || self.tries >= MAX_TRIES {
            return;
        }
        self.tries = self.tries.saturating_add(1);
        let mut all = self.kept.clone();
        all.extend(groups.iter().flatten());
        if (self.fits)(&all) {
            self.kept = all;
        } else if groups.len() > 1 {
            let (first, second) = groups.split_at(groups.len() / 2);
            self.add(first);
            self.add(second);
        }
    }
}

/// Fixes that write in one place belong together: what an alias shares is right for all who share it, or for none.
fn groups(planned: &[Planned<'_>]) -> Vec<BTreeSet<usize>> {
    let mut groups: Vec<(BTreeSet<usize>, BTreeSet<usize>)> = Vec::new();
    for (at, fix) in planned.iter().enumerate() {
        let start = |change: &Change| match change {
            Change::Replace(span, _) => span.start,
            Change::Add(_, _, place) => place.offset,
        };
        let mut own = (
            fix.changes.iter().map(start).collect::<BTreeSet<_>>(),
            BTreeSet::from([at]),
        );
        let (same, others): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|(starts, _)| !starts.is_disjoint(&own.0));
        for (starts, places) in same {
            own.0.extend(starts);
            own.1.extend(places);
        }
        groups = others;
        groups.push(own);
    }
    groups.into_iter().map(|(_, places)| places).collect()
}
