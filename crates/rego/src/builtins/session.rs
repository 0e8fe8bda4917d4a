//! What builtins share during one evaluation.

use std::collections::HashMap;

use stele_types::{Timestamp, Value};

use super::pattern::Pattern;
use super::{BuiltinError, Refusal, failed, shallow_size};
use crate::eval::{Budget, Context, LimitKind};

/// The most compiled patterns kept.
const PATTERNS: usize = 256;
/// Compiled patterns by their translated text.
pub(crate) type Patterns = HashMap<String, Pattern>;

/// The context of an evaluation, its budget, and its compiled patterns.
#[derive(Debug)]
pub struct Session<'a> {
    /// What contextual builtins see.
    pub context: Context<'a>,
    /// What is left of the limits.
    pub budget: Budget<'a>,
    /// Compiled patterns by their translated text.
    patterns: Patterns,
}

impl<'a> Session<'a> {
    /// A new session.
    #[must_use]
    pub fn new(context: Context<'a>, budget: Budget<'a>) -> Self {
        Self {
            context,
            budget,
            patterns: Patterns::new(),
        }
    }

    /// A new session that already knows some patterns.
    pub(crate) fn with_patterns(context: Context<'a>, budget: Budget<'a>, patterns: Patterns) -> Self {
        Self {
            context,
            budget,
            patterns,
        }
    }

    /// The patterns, for the next session.
    pub(crate) fn into_patterns(self) -> Patterns {
        self.patterns
    }

    /// The time of the decision.
    pub(super) fn time(&self) -> Result<Timestamp, Refusal> {
        self.context.time.ok_or(Refusal::NoTime)
    }

    /// Charges for a call with these arguments: one instruction for each 256 bytes of them.
    pub(crate) fn spend(&mut self, args: &[Value]) -> Result<(), LimitKind> {
        let bytes = args.iter().map(shallow_size).fold(0_u64, u64::saturating_add);
        self.budget.work(bytes >> 8)
    }

    /// Charges for making `count` elements.
    pub(super) fn elements(&mut self, count: usize) -> Result<(), LimitKind> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.budget.work(count)?;
        self.budget.allocate(count.saturating_mul(32))
    }

    /// Charges for making `count` bytes of text.
    pub(super) fn bytes(&mut self, count: usize) -> Result<(), LimitKind> {
        charge(&mut self.budget, count)
    }

    /// The compiled form of a pattern in the syntax of the `regex` crate.
    pub(super) fn pattern(&mut self, translated: &str) -> Result<Pattern, BuiltinError> {
        if let Some(known) = self.patterns.get(translated) {
            return Ok(known.clone());
        }
        let pattern =
            Pattern::new(translated).map_err(|error| failed(format!("error parsing regexp: {error}")))?;
        // A few bytes of pattern may be megabytes when they are compiled.
        self.budget.look()?;
        if self.patterns.len() >= PATTERNS {
            self.patterns.clear();
        }
        self.patterns.insert(translated.to_owned(), pattern.clone());
        Ok(pattern)
    }

    /// Whether a text has a match of a pattern in the syntax of the `regex` crate.
    pub(super) fn matches(&mut self, translated: &str, text: &str) -> Result<bool, BuiltinError> {
        let pattern = self.pattern(translated)?;
        Ok(pattern.is_match(&mut self.budget, text)?)
    }
}

/// Charges for making `count` bytes of text.
pub(super) fn charge(budget: &mut Budget<'_>, count: usize) -> Result<(), LimitKind> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    budget.work(count >> 8)?;
    budget.allocate(count)
}
