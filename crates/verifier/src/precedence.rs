//! Who asked about a decision first. The outcome that a verifier signs names its challenger, who earns the reward, and so does the transaction
//! that brings it to the chain, which others see before it is executed. Whoever asks about the same decision then would race the first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
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
pub(crate) struct Precedence(Mutex<HashMap<Digest, (EvmAddress, Instant)>>);

impl Precedence {
    /// Whether this challenger may be answered now.
    pub(crate) fn check(&self, leaf: &Digest, challenger: EvmAddress, now: Instant) -> Result<(), Declined> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(leaf)
            .map_or(Ok(()), |first| may(*first, challenger, now))
    }

    /// The same, and it is the first if nobody was.
    pub(crate) fn take(&self, leaf: Digest, challenger: EvmAddress, now: Instant) -> Result<(), Declined> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = held.get(&leaf) {
            return may(*first, challenger, now);
        }
        if held.len() >= MOST {
            held.retain(|_, (_, since)| now.saturating_duration_since(*since) < REMEMBERED);
        }
        if held.len() < MOST {
            held.insert(leaf, (challenger, now));
        }
        Ok(())
    }
}

fn may((first, since): (EvmAddress, Instant), challenger: EvmAddress, now: Instant) -> Result<(), Declined> {
    let left = FIRST.saturating_sub(now.saturating_duration_since(since));
    if first == challenger || left.is_zero() {
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

    #[test]
    fn the_first_is_alone_for_a_while_and_never_again() {
        let (precedence, start) = (Precedence::default(), Instant::now());
        let (leaf, first, second) = (Digest([1; 32]), NodeAddress([1; 20]), NodeAddress([2; 20]));
        let at = |seconds| start + Duration::from_secs(seconds);
        precedence.check(&leaf, second, start).unwrap();
        precedence.take(leaf, first, start).unwrap();
        precedence.take(leaf, first, at(300)).unwrap();
        for refused in [
            precedence.take(leaf, second, at(300)),
            precedence.check(&leaf, second, at(300)),
        ] {
            assert!(matches!(refused, Err(Declined::Bound { seconds: 301 })));
        }
        precedence.take(Digest([2; 32]), second, at(300)).unwrap();
        // Asking again gained the first no time, and nobody is first again.
        for (who, seconds) in [(second, 600), (first, 601), (second, 602), (first, 86_000)] {
            precedence.take(leaf, who, at(seconds)).unwrap();
        }
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
            precedence.take(leaf(number), first, start).unwrap();
        }
        assert!(precedence.take(leaf(0), second, start).is_err());
        precedence.take(leaf(most), second, start).unwrap();
        let later = start + REMEMBERED;
        precedence.take(leaf(most), first, later).unwrap();
        assert!(
            precedence.take(leaf(most), second, later).is_err(),
            "there is room again"
        );
    }
}
