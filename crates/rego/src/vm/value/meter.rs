//! What comparing values costs.
//!
//! A value may hold another many times over for a word each, and so may the value it is compared with: a comparison can
//! take time without bound in little memory. Whatever goes through two collections side by side, or hashes one, says here how
//! many parts it has seen. Sixteen of them cost an instruction, and from time to time the limits are looked at.
//!
//! A comparison that is stopped has no answer. It ends at once with whatever it has, and so do all that follow; the
//! machine sees at its next look that the meter is stopped, and the evaluation fails.

use std::cell::Cell;

use crate::eval::{Budget, LimitKind, Limits};

/// Parts to an instruction.
const PARTS: u64 = 16;
/// Parts between two looks at the limits.
const QUANTUM: u64 = PARTS * Limits::DEADLINE_INTERVAL;

/// Counts the parts of collections that are compared.
pub(crate) struct Meter<'r> {
    /// Parts seen since the last settlement.
    seen: Cell<u64>,
    /// How many there may be before the limits are looked at.
    next: Cell<u64>,
    /// How many there may be before the next settlement.
    most: Cell<u64>,
    deadline: Option<&'r dyn Fn() -> bool>,
    stopped: Cell<Option<LimitKind>>,
}

impl Default for Meter<'_> {
    /// Without limits.
    fn default() -> Self {
        Self {
            seen: Cell::new(0),
            next: Cell::new(u64::MAX),
            most: Cell::new(u64::MAX),
            deadline: None,
            stopped: Cell::new(None),
        }
    }
}

impl std::fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter")
            .field("seen", &self.seen)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

impl<'r> Meter<'r> {
    /// With the limits of an evaluation.
    pub(crate) fn new(limits: &Limits<'r>) -> Self {
        let most = limits.instructions.saturating_mul(PARTS);
        Self {
            seen: Cell::new(0),
            next: Cell::new(most.min(QUANTUM)),
            most: Cell::new(most),
            deadline: limits.deadline,
            stopped: Cell::new(None),
        }
    }

    /// Notes that so many parts were seen; false when the comparison must end.
    #[inline]
    pub(super) fn pass(&self, parts: usize) -> bool {
        let seen = self.seen.get().saturating_add(parts as u64);
        self.seen.set(seen);
        seen < self.next.get() || self.look(seen)
    }

    #[cold]
    fn look(&self, seen: u64) -> bool {
        if self.stopped.get().is_none() {
            if seen >= self.most.get() {
                self.stopped.set(Some(LimitKind::Instructions));
            } else if self.deadline.is_some_and(|over| over()) {
                self.stopped.set(Some(LimitKind::Deadline));
            } else {
                self.next.set(seen.saturating_add(QUANTUM).min(self.most.get()));
                return true;
            }
            self.next.set(0);
        }
        false
    }

    /// The limit that has stopped comparisons.
    pub(crate) fn stopped(&self) -> Option<LimitKind> {
        self.stopped.get()
    }

    /// Charges for what was seen since the last time.
    ///
    /// # Errors
    /// When a limit is reached, or was reached while comparing.
    pub(crate) fn settle(&self, budget: &mut Budget<'_>) -> Result<(), LimitKind> {
        if let Some(limit) = self.stopped.get() {
            return Err(limit);
        }
        let seen = self.seen.get();
        if seen >= PARTS {
            budget.work(seen / PARTS)?;
        }
        self.seen.set(seen % PARTS);
        let most = budget.left().saturating_mul(PARTS);
        self.most.set(most);
        self.next.set(most.min(QUANTUM));
        Ok(())
    }
}
