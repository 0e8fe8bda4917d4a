//! What builtins share during one evaluation.

use std::collections::HashMap;

use stele_types::{Timestamp, Value};

use super::{BuiltinError, Refusal, failed, shallow_size};
use crate::eval::{Budget, Context, LimitKind};

/// The most compiled patterns kept.
const PATTERNS: usize = 256;
/// The largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 4 << 20;

/// Compiled patterns by their translated text.
pub(crate) type Patterns = HashMap<String, regex::Regex>;

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
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.budget.work(count >> 8)?;
        self.budget.allocate(count)
    }

    /// The compiled form of a pattern in the syntax of the `regex` crate.
    pub(super) fn pattern(&mut self, translated: &str) -> Result<regex::Regex, BuiltinError> {
        if let Some(known) = self.patterns.get(translated) {
            // Clones share the program.
            return Ok(known.clone());
        }
        let pattern = regex::RegexBuilder::new(translated)
            .size_limit(PATTERN_BYTES)
            .build()
            .map_err(|error| failed(format!("error parsing regexp: {error}")))?;
        if self.patterns.len() >= PATTERNS {
            self.patterns.clear();
        }
        self.patterns.insert(translated.to_owned(), pattern.clone());
        Ok(pattern)
    }
}
