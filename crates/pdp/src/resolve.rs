//! From a path in a URL to the policies that answer it.

use crate::snapshot::Snapshot;

/// Which policies stand at, above or below a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// The path lies at or below this policy (the longest one that fits); `depth` segments name the policy.
    Within {
        /// Index into the snapshot.
        index: usize,
        /// Segments of the path that are the policy's own.
        depth: usize,
    },
    /// These policies, in order of their ids, lie below the path. Never empty.
    Above(Vec<usize>),
    /// No policy in force has anything to do with the path.
    Nothing,
}

/// Finds the policies for a path: the longest policy id that is a prefix of it, otherwise all that lie below it.
///
/// A policy below another one (`a/b` under `a`) wins for every path at or below itself, and is not part of its parent's
/// document: each policy is its own bundle.
pub(crate) fn resolve<S: AsRef<str>>(snapshot: &Snapshot, path: &[S]) -> Resolved {
    let mut longest: Option<(usize, usize)> = None;
    let mut below = Vec::new();
    for (index, policy) in snapshot.policies().iter().enumerate() {
        let mut wanted = policy.id().segments();
        let mut given = path.iter().map(AsRef::as_ref);
        let mut depth = 0_usize;
        let relation = loop {
            match (wanted.next(), given.next()) {
                (None, _) => break Relation::Prefix,
                (Some(_), None) => break Relation::Below,
                (Some(wanted), Some(given)) if wanted == given => depth = depth.saturating_add(1),
                _ => break Relation::Apart,
            }
        };
        match relation {
            Relation::Prefix if longest.is_none_or(|(_, best)| depth > best) => {
                longest = Some((index, depth))
            }
            Relation::Below => below.push(index),
            Relation::Prefix | Relation::Apart => {}
        }
    }
    match longest {
        Some((index, depth)) => Resolved::Within { index, depth },
        None if below.is_empty() => Resolved::Nothing,
        None => Resolved::Above(below),
    }
}

enum Relation {
    Prefix,
    Below,
    Apart,
}
