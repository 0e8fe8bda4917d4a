//! What an evaluation may cost, and the account of what it has cost so far.

use thiserror::Error;

/// Limits of one evaluation.
///
/// The evaluator reads no clock: a deadline is a closure that says whether it has passed, asked every
/// [`Limits::DEADLINE_INTERVAL`] instructions.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Statements executed, plus one for each element scanned and for each 16 elements or 256 bytes given to a builtin. A search with a pattern
    /// in a long text costs one for each 4,096 products of a state and a byte; for each 4, where no automaton can be made of the pattern.
    pub instructions: u64,
    /// Depth of nested blocks and calls. The evaluator needs up to about 2 KiB of stack for each.
    pub depth: u32,
    /// Bytes of values made by builtins, approximately, over the whole evaluation. Bounds what few instructions can build.
    pub memory: u64,
    /// Says whether the time is over.
    pub deadline: Option<&'a dyn Fn() -> bool>,
}

impl Limits<'_> {
    /// How many instructions pass between two looks at the deadline.
    pub const DEADLINE_INTERVAL: u64 = 1_024;
}

impl Default for Limits<'_> {
    /// 100 million instructions, depth 512, 256 MiB, no deadline.
    fn default() -> Self {
        Self {
            instructions: 100_000_000,
            depth: 512,
            memory: 256 << 20,
            deadline: None,
        }
    }
}

impl std::fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits")
            .field("instructions", &self.instructions)
            .field("depth", &self.depth)
            .field("memory", &self.memory)
            .field("deadline", &self.deadline.is_some())
            .finish()
    }
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum LimitKind {
    /// [`Limits::instructions`].
    #[error("the limit of instructions is reached")]
    Instructions,
    /// [`Limits::depth`].
    #[error("the limit of nested calls and blocks is reached")]
    Depth,
    /// [`Limits::memory`].
    #[error("the limit of memory is reached")]
    Memory,
    /// [`Limits::deadline`].
    #[error("the deadline has passed")]
    Deadline,
}

/// What is left of the [`Limits`].
#[derive(Debug)]
pub struct Budget<'a> {
    limits: Limits<'a>,
    instructions: u64,
    memory: u64,
    /// Instructions until the next look at the deadline.
    until_deadline: u64,
}

impl<'a> Budget<'a> {
    /// A full budget.
    #[must_use]
    pub fn new(limits: Limits<'a>) -> Self {
        Self {
            instructions: limits.instructions,
            memory: limits.memory,
            // Asked at once, so that a deadline in the past stops even a short evaluation.
            until_deadline: 0,
            limits,
        }
    }

    /// Spends `count` instructions.
    ///
    /// # Errors
    /// When fewer are left, or when the deadline has passed.
    pub fn work(&mut self, count: u64) -> Result<(), LimitKind> {
        self.instructions = self
            .instructions
            .checked_sub(count)
            .ok_or(LimitKind::Instructions)?;
        match self.until_deadline.checked_sub(count) {
            Some(left) if left > 0 => self.until_deadline = left,
            _ => {
                self.until_deadline = Limits::DEADLINE_INTERVAL;
                if self.limits.deadline.is_some_and(|over| over()) {
                    return Err(LimitKind::Deadline);
                }
            }
        }
        Ok(())
    }

    /// Looks at the deadline, between things that take long and are not instructions.
    ///
    /// # Errors
    /// When the deadline has passed.
    pub(crate) fn look(&mut self) -> Result<(), LimitKind> {
        self.until_deadline = 0;
        self.work(0)
    }

    /// Spends up to `most` instructions at once and says how many; looks at the deadline.
    ///
    /// # Errors
    /// When none are left, or when the deadline has passed.
    pub(crate) fn grant(&mut self, most: u64) -> Result<u64, LimitKind> {
        let granted = most.min(self.instructions);
        if granted == 0 {
            return Err(LimitKind::Instructions);
        }
        self.work(granted)?;
        Ok(granted)
    }

    /// Spends `bytes` of memory.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn allocate(&mut self, bytes: u64) -> Result<(), LimitKind> {
        self.memory = self.memory.checked_sub(bytes).ok_or(LimitKind::Memory)?;
        Ok(())
    }

    /// The depth allowed.
    pub(super) fn depth(&self) -> u32 {
        self.limits.depth
    }

    /// Instructions that are left.
    pub(crate) fn left(&self) -> u64 {
        self.instructions
    }

    /// Instructions spent so far.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.limits.instructions.saturating_sub(self.instructions)
    }
}
