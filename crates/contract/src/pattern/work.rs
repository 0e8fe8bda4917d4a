//! Work that building automata takes, counted so that a policy is refused at the same pattern on every machine.

use super::PatternError;

/// Work that the patterns of one policy may take together, in entries of rows that are looked at: some seconds of a slow processor. A
/// pattern such as `AKIA[0-9A-Z]{16}` takes less than a hundredth of it.
pub(crate) const WORK: u64 = 64_000_000;

/// Work of a pattern that has more states than are looked at. Their number is bounded, so that this is as much as the most take.
const UNFINISHED: u64 = WORK / 16;

/// What is left of the work that the patterns of a policy may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    left: u64,
}

impl Default for Work {
    fn default() -> Self {
        Self { left: WORK }
    }
}

impl Work {
    /// Work in entries.
    #[cfg(test)]
    pub(crate) fn new(left: u64) -> Self {
        Self { left }
    }

    /// Entries that may still be looked at.
    #[cfg(test)]
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Whether there is nothing left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Takes the work of a pattern whose automaton nobody saw the end of.
    pub(crate) fn take_unfinished(&mut self) {
        self.left = self.left.saturating_sub(UNFINISHED);
    }

    /// Takes the work of `rows` rows of `columns` entries each; an error, and nothing left, if it is more than there is.
    pub(crate) fn take(&mut self, rows: usize, columns: usize) -> Result<(), PatternError> {
        let wanted = u64::try_from(rows.saturating_mul(columns)).unwrap_or(u64::MAX);
        match self.left.checked_sub(wanted) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(PatternError::TooDear)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends() {
        let mut work = Work::new(10);
        assert_eq!(work.take(2, 4), Ok(()));
        assert_eq!((work.left(), work.is_spent()), (2, false));
        assert_eq!(work.take(3, 1), Err(PatternError::TooDear));
        assert!(work.is_spent());
        assert_eq!(work.take(usize::MAX, usize::MAX), Err(PatternError::TooDear));
    }
}
