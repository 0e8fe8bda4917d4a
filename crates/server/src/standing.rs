//! What the chain last said of this node.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stele_types::{Digest, TreeSize};

use crate::chain::Counted;

/// Whether the chain counts this node, and when it last said so.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    word: Mutex<Option<Word>>,
    /// The anchor that the log was last found to continue.
    continued: Mutex<Option<(TreeSize, Digest)>>,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    counted: Counted,
    heard: Instant,
}

/// Why a promise would bind nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Doubt {
    /// The registry does not count the node.
    #[error(
        "this node signs no receipts: the node registry does not count it, because it is suspended or retired, and nobody would hold it to them"
    )]
    NotCounted,
    /// Its ledger or registry was replaced.
    #[error(
        "this node signs no receipts: its ledger or node registry on the chain was replaced, and it could not anchor what it promised; restart it with the \
         new deployment"
    )]
    Superseded,
    /// Another key acts for the node.
    #[error(
        "this node signs no receipts: its key no longer acts for it in the node registry, and receipts by it would soon be worth nothing; restart it with \
         the operator's key"
    )]
    Replaced,
    /// Its log lacks what is anchored.
    #[error(
        "this node signs no receipts: the chain holds an anchor for more decisions than its log has, so it could not anchor what it promised; the log was \
         restored from an old copy, or another process uses the node's key"
    )]
    Behind,
    /// Its log is not the one that is anchored.
    #[error(
        "this node signs no receipts: the chain holds an anchor that its log does not continue, so it could not anchor what it promised; the log was \
         restored from an old copy and went on, or another process uses the node's key"
    )]
    Diverged,
    /// The registry was not heard for too long.
    #[error(
        "this node signs no receipts at the moment: for {} s the node registry, which may have suspended it, has not answered, or its log could not be \
         held against the newest anchor",
        .0.as_secs()
    )]
    Unheard(Duration),
    /// The registry was never heard.
    #[error(
        "this node signs no receipts yet: since the start the node registry has not answered, or its log could not be held against the newest anchor"
    )]
    NeverHeard,
}

impl Standing {
    /// Takes the chain's word. True when it differs from the one before; the first differs when the node is not counted.
    pub(crate) fn hear(&self, counted: Counted, at: Instant) -> bool {
        let mut word = locked(&self.word);
        let before = word.replace(Word { counted, heard: at });
        before.map_or(Counted::Yes, |before| before.counted) != counted
    }

    /// Whether the registry's last word is that it does not count the node.
    pub(crate) fn suspended(&self) -> bool {
        self.is(Counted::Suspended)
    }

    /// Whether the chain's last word is that the node has contracts, or a key, that were replaced.
    pub(crate) fn outdated(&self) -> bool {
        self.is(Counted::Superseded) || self.is(Counted::Replaced)
    }

    /// Whether the chain's last word is that it holds an anchor for more decisions than the log has.
    pub(crate) fn behind(&self) -> bool {
        self.is(Counted::Ahead)
    }

    /// Whether the chain's last word is that it holds an anchor that the log does not continue.
    pub(crate) fn diverged(&self) -> bool {
        self.is(Counted::Diverged)
    }

    /// Why the node can't anchor, if so, in words.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match self.word()?.counted {
            Counted::Yes => None,
            Counted::Suspended => Some("the node registry does not count this node (suspended or retired)"),
            Counted::Superseded => {
                Some("ledger or node registry were replaced: restart the node with the new deployment")
            }
            Counted::Replaced => {
                Some("the node's key no longer acts for it: restart it with the operator's key")
            }
            Counted::Ahead => Some(
                "the chain holds an anchor for more decisions than the log has: restore the whole log, and look for another process with the node's key",
            ),
            Counted::Diverged => Some(
                "the chain holds an anchor that the log does not continue: restore the log that was anchored, and look for another process with the node's key",
            ),
        }
    }

    fn is(&self, counted: Counted) -> bool {
        self.word().is_some_and(|word| word.counted == counted)
    }

    /// Whether the registry counts the node, by a word no older than `limit`.
    ///
    /// # Errors
    /// [`Doubt`].
    pub(crate) fn assured(&self, now: Instant, limit: Duration) -> Result<(), Doubt> {
        let word = self.word().ok_or(Doubt::NeverHeard)?;
        match word.counted {
            Counted::Yes => {}
            Counted::Suspended => return Err(Doubt::NotCounted),
            Counted::Superseded => return Err(Doubt::Superseded),
            Counted::Replaced => return Err(Doubt::Replaced),
            Counted::Ahead => return Err(Doubt::Behind),
            Counted::Diverged => return Err(Doubt::Diverged),
        }
        let age = now.saturating_duration_since(word.heard);
        if age > limit {
            return Err(Doubt::Unheard(age));
        }
        Ok(())
    }

    fn word(&self) -> Option<Word> {
        *locked(&self.word)
    }

    /// Whether the log was found to continue this very anchor.
    pub(crate) fn continues(&self, anchor: (TreeSize, Digest)) -> bool {
        *locked(&self.continued) == Some(anchor)
    }

    /// Remembers that the log continues an anchor.
    pub(crate) fn found_to_continue(&self, anchor: (TreeSize, Digest)) {
        *locked(&self.continued) = Some(anchor);
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_word_assures() {
        let (standing, start, limit) = (Standing::default(), Instant::now(), Duration::from_secs(300));
        assert_eq!(standing.assured(start, limit), Err(Doubt::NeverHeard));
        assert!(!standing.suspended());
        assert!(!standing.hear(Counted::Yes, start), "as expected");
        assert_eq!(standing.assured(start + limit, limit), Ok(()));
        let late = start + limit + Duration::from_secs(1);
        assert_eq!(
            standing.assured(late, limit),
            Err(Doubt::Unheard(Duration::from_secs(301)))
        );
        assert!(standing.hear(Counted::Suspended, late));
        assert!(!standing.hear(Counted::Suspended, late), "told once");
        assert!(standing.suspended());
        // However old: a suspension ends by the registry's word only.
        assert_eq!(standing.assured(late + limit * 2, limit), Err(Doubt::NotCounted));
        assert!(standing.hear(Counted::Yes, late));
        assert_eq!(standing.assured(late, limit), Ok(()));
    }

    #[test]
    fn replaced_contracts_and_keys_are_no_suspension_and_assure_nothing() {
        let (standing, now, limit) = (Standing::default(), Instant::now(), Duration::from_secs(300));
        assert_eq!(standing.problem(), None);
        for (word, doubt) in [
            (Counted::Superseded, Doubt::Superseded),
            (Counted::Replaced, Doubt::Replaced),
        ] {
            assert!(standing.hear(word, now) && !standing.hear(word, now));
            assert_eq!(standing.assured(now, limit), Err(doubt));
            assert!(standing.outdated() && !standing.suspended() && standing.problem().is_some());
        }
    }

    #[test]
    fn a_node_that_starts_suspended_says_so() {
        let standing = Standing::default();
        assert!(standing.hear(Counted::Suspended, Instant::now()));
    }
}
