//! Who asked about a decision first. The outcome that a verifier signs names its challenger, who earns the reward, and so does the transaction
//! that brings it to the chain, which others see before it is executed. Whoever asks about the same decision then would race the first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stele_types::{Digest, EvmAddress};

use crate::dispute::Declined;

/// How long the first has for its transaction. Afterwards everybody is answered, so that nobody shields a lie by asking first and doing nothing.
const FIRST: Duration = Duration::from_secs(600);
/// How long it is remembered that a decision had a first challenger, so that it does not become the first again.
const REMEMBERED: Duration = Duration::from_secs(86_400);
/// Decisions that are remembered. Beyond that nobody is first: refusing would shield a lie.
const MOST: usize = 65_536;

/// The first challengers of decisions, by leaf hash. Kept in memory only: after a restart the next to ask is the first.
#[derive(Debug, Default)]
pub(crate) struct Precedence(Mutex<HashMap<Digest, First>>);

#[derive(Debug, Clone, Copy)]
struct First {
    challenger: EvmAddress,
    since: Instant,
    /// Its requests that are being judged.
    pending: usize,
    /// Whether it was given an outcome.
    answered: bool,
}

impl Precedence {
    /// A decision's place, for a request that has just come: re-executing takes seconds, and who comes meanwhile is not the first. It is free again
    /// when the place is dropped without an outcome.
    ///
    /// # Errors
    /// [`Declined::Bound`] while it is another's.
    pub(crate) fn reserve(
        &self,
        leaf: Digest,
        challenger: EvmAddress,
        now: Instant,
    ) -> Result<Place<'_>, Declined> {
        let mut held = self.held();
        if let Some(first) = held.get_mut(&leaf) {
            may(first, challenger, now)?;
            let own = first.challenger == challenger;
            if own {
                first.pending = first.pending.saturating_add(1);
            }
            return Ok(self.place(own.then_some(leaf)));
        }
        if held.len() >= MOST {
            held.retain(|_, first| {
                first.pending > 0 || now.saturating_duration_since(first.since) < REMEMBERED
            });
        }
        if held.len() >= MOST {
            return Ok(self.place(None));
        }
        let first = First {
            challenger,
            since: now,
            pending: 1,
            answered: false,
        };
        held.insert(leaf, first);
        Ok(self.place(Some(leaf)))
    }

    fn place(&self, leaf: Option<Digest>) -> Place<'_> {
        Place {
            precedence: self,
            leaf,
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Digest, First>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's hold on a decision.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    precedence: &'a Precedence,
    /// Absent when it holds nothing.
    leaf: Option<Digest>,
}

impl Place<'_> {
    /// The challenger is given an outcome, and its time begins.
    pub(crate) fn keep(self, now: Instant) {
        let Some(leaf) = self.leaf else { return };
        if let Some(first) = self.precedence.held().get_mut(&leaf)
            && !first.answered
        {
            (first.answered, first.since) = (true, now);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(leaf) = self.leaf else { return };
        let mut held = self.precedence.held();
        let Some(first) = held.get_mut(&leaf) else { return };
        first.pending = first.pending.saturating_sub(1);
        if first.pending == 0 && !first.answered {
            held.remove(&leaf);
        }
    }
}

fn may(first: &First, challenger: EvmAddress, now: Instant) -> Result<(), Declined> {
    let left = FIRST.saturating_sub(now.saturating_duration_since(first.since));
    if first.challenger == challenger || left.is_zero() {
        return Ok(());
    }
    Err(Declined::Bound {
        seconds: left.as_secs().saturating_add(1),
    })
}

#[cfg(test)]
mod tests {
    use stele_types::NodeAddress;

    use super::*;

    /// Asks, and is answered.
    fn take(precedence: &Precedence, leaf: Digest, who: EvmAddress, now: Instant) -> Result<(), Declined> {
        precedence.reserve(leaf, who, now).map(|place| place.keep(now))
    }

    #[test]
    fn the_first_is_alone_for_a_while_and_never_again() {
        let (precedence, start) = (Precedence::default(), Instant::now());
        let (leaf, first, second) = (Digest([1; 32]), NodeAddress([1; 20]), NodeAddress([2; 20]));
        let at = |seconds| start + Duration::from_secs(seconds);
        take(&precedence, leaf, first, start).unwrap();
        take(&precedence, leaf, first, at(300)).unwrap();
        let refused = take(&precedence, leaf, second, at(300));
        assert!(matches!(refused, Err(Declined::Bound { seconds: 301 })));
        take(&precedence, Digest([2; 32]), second, at(300)).unwrap();
        // Asking again gained the first no time, and nobody is first again.
        for (who, seconds) in [(second, 600), (first, 601), (second, 602), (first, 86_000)] {
            take(&precedence, leaf, who, at(seconds)).unwrap();
        }
    }

    #[test]
    fn a_request_holds_its_decision_from_its_arrival_until_it_is_declined() {
        let (precedence, start) = (Precedence::default(), Instant::now());
        let (leaf, first, second) = (Digest([1; 32]), NodeAddress([1; 20]), NodeAddress([2; 20]));
        let judged = precedence.reserve(leaf, first, start).unwrap();
        assert!(precedence.reserve(leaf, second, start).is_err());
        // Twice the same: it is held until neither can be answered any more.
        let again = precedence.reserve(leaf, first, start).unwrap();
        drop(judged);
        assert!(precedence.reserve(leaf, second, start).is_err());
        drop(again);
        let (one, other) = (
            precedence.reserve(leaf, second, start).unwrap(),
            precedence.reserve(leaf, second, start).unwrap(),
        );
        one.keep(start);
        drop(other);
        assert!(
            precedence.reserve(leaf, first, start).is_err(),
            "who has an outcome stays the first"
        );
    }

    #[test]
    fn a_full_memory_refuses_nobody() {
        let (precedence, start) = (Precedence::default(), Instant::now());
        let leaf = |number: u32| {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            Digest(hash)
        };
        let (first, second) = (NodeAddress([1; 20]), NodeAddress([2; 20]));
        let most = u32::try_from(MOST).unwrap();
        for number in 0..=most {
            take(&precedence, leaf(number), first, start).unwrap();
        }
        assert!(take(&precedence, leaf(0), second, start).is_err());
        take(&precedence, leaf(most), second, start).unwrap();
        let later = start + REMEMBERED;
        take(&precedence, leaf(most), first, later).unwrap();
        assert!(
            take(&precedence, leaf(most), second, later).is_err(),
            "there is room again"
        );
    }
}
