//! Counts of what engines answered.

use std::collections::BTreeMap;
use std::fmt;

use super::{Agreement, Answer, ErrorKind, Outcome, pairs};

/// Answers of one engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// How many were values.
    pub values: u64,
    /// How many were undefined.
    pub undefined: u64,
    /// How many were errors, by kind.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// How many were refusals, by reason.
    pub refusals: BTreeMap<String, u64>,
}

impl Answers {
    /// Answers of any kind.
    #[must_use]
    pub fn total(&self) -> u64 {
        let errors = self.errors.values().fold(0, |sum: u64, n| sum.saturating_add(*n));
        [self.undefined, errors, self.refused()]
            .iter()
            .fold(self.values, |sum, n| sum.saturating_add(*n))
    }

    /// Refusals of any reason.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refusals.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Errors of a kind.
    #[must_use]
    pub fn errors_of(&self, kind: ErrorKind) -> u64 {
        self.errors.get(&kind).copied().unwrap_or(0)
    }
}

/// Counts over many cases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases.
    pub cases: u64,
    /// By engine.
    pub engines: BTreeMap<&'static str, Answers>,
    /// Comparisons of two engines of which neither refused, by their names.
    pub compared: BTreeMap<(&'static str, &'static str), u64>,
}

fn add(count: &mut u64, n: u64) {
    *count = count.saturating_add(n);
}

impl Tally {
    /// Counts the answers to one case.
    pub fn count(&mut self, answers: &[Answer]) {
        add(&mut self.cases, 1);
        for answer in answers {
            let counts = self.engines.entry(answer.engine).or_default();
            match &answer.outcome {
                Outcome::Value(_) => add(&mut counts.values, 1),
                Outcome::Undefined => add(&mut counts.undefined, 1),
                Outcome::Error(kind, _) => add(counts.errors.entry(*kind).or_default(), 1),
                Outcome::Refused(reason) => add(counts.refusals.entry(reason.clone()).or_default(), 1),
            }
        }
        for (a, b) in pairs(answers) {
            if a.compare(b) == Agreement::Same {
                add(self.compared.entry((a.engine, b.engine)).or_default(), 1);
            }
        }
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        add(&mut self.cases, other.cases);
        for (engine, counts) in &other.engines {
            let own = self.engines.entry(engine).or_default();
            add(&mut own.values, counts.values);
            add(&mut own.undefined, counts.undefined);
            for (kind, n) in &counts.errors {
                add(own.errors.entry(*kind).or_default(), *n);
            }
            for (reason, n) in &counts.refusals {
                add(own.refusals.entry(reason.clone()).or_default(), *n);
            }
        }
        for (engines, n) in &other.compared {
            add(self.compared.entry(*engines).or_default(), *n);
        }
    }

    /// Comparisons of all pairs.
    #[must_use]
    pub fn comparisons(&self) -> u64 {
        self.compared.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The engine's answers.
    #[must_use]
    pub fn of(&self, engine: &str) -> Answers {
        self.engines.get(engine).cloned().unwrap_or_default()
    }
}

/// At most this many reasons of refusals are printed for an engine.
const REASONS: usize = 12;

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cases, {} comparisons", self.cases, self.comparisons())?;
        for (engine, counts) in &self.engines {
            write!(
                f,
                "  {engine}: {} values, {} undefined",
                counts.values, counts.undefined
            )?;
            for (kind, n) in &counts.errors {
                write!(f, ", {n} errors ({kind:?})")?;
            }
            writeln!(f, ", {} refused", counts.refused())?;
            let mut reasons: Vec<_> = counts.refusals.iter().collect();
            reasons.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
            for (reason, n) in reasons.iter().take(REASONS) {
                writeln!(f, "    {n} {reason}")?;
            }
            if let Some(more) = reasons.len().checked_sub(REASONS).filter(|more| *more > 0) {
                writeln!(f, "    {more} more reasons")?;
            }
        }
        for ((a, b), n) in &self.compared {
            writeln!(f, "  {a} = {b}: {n}")?;
        }
        Ok(())
    }
}
