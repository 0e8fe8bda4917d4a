//! What the node registry last said of this node.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether the node registry counts this node, and when it last said so.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<Option<Word>>);

#[derive(Debug, Clone, Copy)]
struct Word {
    active: bool,
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
    /// The registry was not heard for too long.
    #[error(
        "this node signs no receipts at the moment: the node registry, which may have suspended it, has not answered for {} s",
        .0.as_secs()
    )]
    Unheard(Duration),
    /// The registry was never heard.
    #[error("this node signs no receipts yet: the node registry has not answered since the start")]
    NeverHeard,
}

impl Standing {
    /// Takes the registry's word. True when it differs from the one before; the first differs when the node is not counted.
    pub(crate) fn hear(&self, active: bool, at: Instant) -> bool {
        let mut word = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = word.replace(Word { active, heard: at });
        before.is_none_or(|before| before.active) != active
    }

    /// Whether the registry's last word is that it does not count the node.
    pub(crate) fn suspended(&self) -> bool {
        self.word().is_some_and(|word| !word.active)
    }

    /// Whether the registry counts the node, by a word no older than `limit`.
    ///
    /// # Errors
    /// [`Doubt`].
    pub(crate) fn assured(&self, now: Instant, limit: Duration) -> Result<(), Doubt> {
        let word = self.word().ok_or(Doubt::NeverHeard)?;
        if !word.active {
            return Err(Doubt::NotCounted);
        }
        let age = now.saturating_duration_since(word.heard);
        if age > limit {
            return Err(Doubt::Unheard(age));
        }
        Ok(())
    }

    fn word(&self) -> Option<Word> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_word_assures() {
        let (standing, start, limit) = (Standing::default(), Instant::now(), Duration::from_secs(300));
        assert_eq!(standing.assured(start, limit), Err(Doubt::NeverHeard));
        assert!(!standing.suspended());
        assert!(!standing.hear(true, start), "as expected");
        assert_eq!(standing.assured(start + limit, limit), Ok(()));
        let late = start + limit + Duration::from_secs(1);
        assert_eq!(
            standing.assured(late, limit),
            Err(Doubt::Unheard(Duration::from_secs(301)))
        );
        assert!(standing.hear(false, late));
        assert!(!standing.hear(false, late), "told once");
        assert!(standing.suspended());
        // However old: a suspension ends by the registry's word only.
        assert_eq!(standing.assured(late + limit * 2, limit), Err(Doubt::NotCounted));
        assert!(standing.hear(true, late));
        assert_eq!(standing.assured(late, limit), Ok(()));
    }

    #[test]
    fn a_node_that_starts_suspended_says_so() {
        let standing = Standing::default();
        assert!(standing.hear(false, Instant::now()));
    }
}
