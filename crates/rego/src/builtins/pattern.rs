//! Compiled patterns that are charged for what a search in a long text may cost.
//!
//! A search looks at each character of a text once, if its automaton fits in memory, and else at each state of the pattern for each
//! character. Most patterns are small enough, with the texts they meet, that nobody need know. For the others the states are counted, and an automaton
//! of our own tells whether the pattern is one of the costly ones, before the costly search is begun.

use std::sync::{Arc, OnceLock};

use regex::{Captures, Regex};
use regex_automata::Input;
use regex_automata::hybrid::{dfa, regex as lazy};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::syntax;

use super::BuiltinError;
use crate::eval::{Budget, LimitKind};

type Result<T> = std::result::Result<T, LimitKind>;

/// The largest compiled pattern, in bytes.
const LARGEST: usize = 4 << 20;
/// States times bytes of text of searches that are not charged: below a millisecond each.
const FREE: u64 = 1 << 18;
/// States times bytes of text from which on a search may take long: some ten milliseconds.
const LONG: u64 = 1 << 22;
/// States times bytes an instruction, of a search with an automaton (as a power of two).
const LIGHT_SHIFT: u32 = 12;
/// The same of one that looks at each state.
const HEAVY_SHIFT: u32 = 2;
/// Memory of an automaton of ours, in bytes; it is emptied a few times before the automaton gives up.
const AUTOMATON: usize = 1 << 20;
/// Bytes of an automaton an instruction (as a power of two).
const MADE_SHIFT: u32 = 4;
/// Bytes of text that a state of the automaton must be good for, or it gives up.
const BYTES_A_STATE: usize = 1_000;

/// Texts longer than this are searched with a look at the time between matches, in bytes.
const LONG_TEXT: usize = 16_384;

/// A compiled pattern. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    compiled: Regex,
    /// In the syntax of the crate `regex`.
    text: String,
    /// No more states than this.
    most: u64,
    states: OnceLock<u64>,
    automaton: OnceLock<Option<Box<lazy::Regex>>>,
}

/// A match: where it begins and ends.
type Found = (usize, usize);

/// An automaton to search with, which is made while it is used; none where the pattern's own will do, or it gave up.
type Automaton<'p> = Option<Lazy<'p>>;

struct Lazy<'p> {
    automaton: &'p lazy::Regex,
    cache: lazy::Cache,
    /// Bytes of the cache that were charged.
    charged: usize,
}

impl<'p> Lazy<'p> {
    fn new(automaton: &'p lazy::Regex) -> Self {
        let cache = automaton.create_cache();
        let charged = cache.memory_usage();
        Self {
            automaton,
            cache,
            charged,
        }
    }

    /// Charges for what was made of the automaton.
    fn charge(&mut self, budget: &mut Budget<'_>) -> Result<()> {
        let size = self.cache.memory_usage();
        let made = size.saturating_sub(self.charged);
        self.charged = size;
        budget.work(u64::try_from(made).unwrap_or(u64::MAX) >> MADE_SHIFT)
    }
}

type Outcome = std::result::Result<(), BuiltinError>;

impl Pattern {
    /// Compiles a pattern in the syntax of the crate `regex`.
    pub(crate) fn new(text: &str) -> std::result::Result<Self, regex::Error> {
        let compiled = regex::RegexBuilder::new(text).size_limit(LARGEST).build()?;
        Ok(Self(Arc::new(Inner {
            compiled,
            text: text.to_owned(),
            most: most_states(text),
            states: OnceLock::new(),
            automaton: OnceLock::new(),
        })))
    }

    /// The pattern itself, if searches in texts of this length are so small that nothing is charged.
    #[inline]
    pub(crate) fn free(&self, length: usize) -> Option<&Regex> {
        (self.work(length) < FREE).then_some(&self.0.compiled)
    }

    /// How many groups the pattern has, the whole match included.
    pub(crate) fn groups(&self) -> usize {
        self.0.compiled.captures_len()
    }

    /// States times bytes; an estimate when that is small.
    #[inline]
    fn work(&self, length: usize) -> u64 {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let most = self.0.most.saturating_mul(length);
        if most < FREE {
            return most;
        }
        self.states().saturating_mul(length)
    }

    fn states(&self) -> u64 {
        *self.0.states.get_or_init(|| {
            let nfa = NFA::compiler().configure(thompson_config()).build(&self.0.text);
            let count = nfa.map(|nfa| nfa.states().len());
            count.map_or(self.0.most, |count| u64::try_from(count).unwrap_or(u64::MAX))
        })
    }

    /// Whether the text has a match.
    pub(crate) fn is_match(&self, budget: &mut Budget<'_>, text: &str) -> Result<bool> {
        if let Some(free) = self.free(text.len()) {
            return Ok(free.is_match(text));
        }
        let Some(mut lazy) = self.begin(budget, text)? else {
            return Ok(self.0.compiled.is_match(text));
        };
        let input = Input::new(text).earliest(true);
        let cache = lazy.cache.as_parts_mut().0;
        let found = lazy.automaton.forward().try_search_fwd(cache, &input);
        lazy.charge(budget)?;
        match found {
            Ok(found) => Ok(found.is_some()),
            Err(_) => {
                self.heavy(budget, text.len())?;
                Ok(self.0.compiled.is_match(text))
            }
        }
    }

    /// Charges for a search through the text. The automaton to try first, if the search may take long.
    fn begin(&self, budget: &mut Budget<'_>, text: &str) -> Result<Automaton<'_>> {
        let work = self.work(text.len());
        if work < FREE {
            return Ok(None);
        }
        budget.work(work >> LIGHT_SHIFT)?;
        if work < LONG {
            return Ok(None);
        }
        let Some(automaton) = self.automaton() else {
            self.heavy(budget, text.len())?;
            return Ok(None);
        };
        Ok(Some(Lazy::new(automaton)))
    }

    /// Charges for a search that looks at each state for each of so many bytes.
    fn heavy(&self, budget: &mut Budget<'_>, length: usize) -> Result<()> {
        budget.work(self.work(length) >> HEAVY_SHIFT)
    }

    fn automaton(&self) -> Option<&lazy::Regex> {
        let made = self.0.automaton.get_or_init(|| {
            lazy::Builder::new()
                .syntax(syntax::Config::default())
                .thompson(thompson_config())
                .dfa(
                    dfa::Config::new()
                        .cache_capacity(AUTOMATON)
                        // Of a large pattern as much as there must be.
                        .skip_cache_capacity_check(true)
                        .minimum_cache_clear_count(Some(2))
                        .minimum_bytes_per_state(Some(BYTES_A_STATE)),
                )
                .build(&self.0.text)
                .ok()
                .map(Box::new)
        });
        made.as_deref()
    }

    /// Calls `each` with the matches of a text, from the left, none within another, until it says `false`.
    pub(crate) fn matches(
        &self,
        budget: &mut Budget<'_>,
        text: &str,
        each: impl FnMut(Found) -> bool,
    ) -> Outcome {
        let automaton = self.begin(budget, text)?;
        self.matches_by(automaton, budget, text, each)
    }

    fn matches_by(
        &self,
        mut automaton: Automaton<'_>,
        budget: &mut Budget<'_>,
        text: &str,
        mut each: impl FnMut(Found) -> bool,
    ) -> Outcome {
        let find = |budget: &mut Budget<'_>, at: usize| {
            let found = self.find(budget, text, at, &mut automaton)?;
            Ok(found.map(|found| (found, ())))
        };
        iterate(budget, text, find, |_, found, ()| Ok(each(found)))
    }

    /// As [`Pattern::matches`], with the groups.
    pub(crate) fn captures<'t>(
        &self,
        budget: &mut Budget<'_>,
        text: &'t str,
        each: impl FnMut(&mut Budget<'_>, Found, &Captures<'t>) -> std::result::Result<bool, BuiltinError>,
    ) -> Outcome {
        let automaton = self.begin(budget, text)?;
        self.captures_by(automaton, budget, text, each)
    }

    fn captures_by<'t>(
        &self,
        mut automaton: Automaton<'_>,
        budget: &mut Budget<'_>,
        text: &'t str,
        mut each: impl FnMut(&mut Budget<'_>, Found, &Captures<'t>) -> std::result::Result<bool, BuiltinError>,
    ) -> Outcome {
        let find = |budget: &mut Budget<'_>, mut at: usize| {
            if automaton.is_some() {
                let Some((start, end)) = self.find(budget, text, at, &mut automaton)? else {
                    return Ok(None);
                };
                let length = end.saturating_sub(start);
                if self.work(length) >= FREE {
                    // Which groups there are is found state by state.
                    self.heavy(budget, length)?;
                }
                at = start;
            }
            let captures = self.0.compiled.captures_at(text, at);
            Ok(captures.and_then(|captures| {
                let whole = captures.get(0)?;
                Some(((whole.start(), whole.end()), captures))
            }))
        };
        iterate(budget, text, find, |budget, found, captures| {
            each(budget, found, &captures)
        })
    }

    /// The next match at a position or behind it.
    fn find(
        &self,
        budget: &mut Budget<'_>,
        text: &str,
        at: usize,
        automaton: &mut Automaton<'_>,
    ) -> Result<Option<Found>> {
        if let Some(lazy) = automaton {
            let input = Input::new(text).span(at..text.len());
            let found = lazy.automaton.try_search(&mut lazy.cache, &input);
            lazy.charge(budget)?;
            if let Ok(found) = found {
                return Ok(found.map(|found| (found.start(), found.end())));
            }
            // It gave up, and so will the pattern's own from here on.
            *automaton = None;
            self.heavy(budget, text.len().saturating_sub(at))?;
        }
        let found = self.0.compiled.find_at(text, at);
        Ok(found.map(|found| (found.start(), found.end())))
    }
}

/// Goes through matches as the crate `regex` does.
fn iterate<T>(
    budget: &mut Budget<'_>,
    text: &str,
    mut find: impl FnMut(&mut Budget<'_>, usize) -> Result<Option<(Found, T)>>,
    mut each: impl FnMut(&mut Budget<'_>, Found, T) -> std::result::Result<bool, BuiltinError>,
) -> Outcome {
    let (mut at, mut last) = (0, None);
    while let Some(((start, end), found)) = find(budget, at)? {
        if start == end && last == Some(end) {
            // An empty match right behind another is none.
            let next = text.get(at..).and_then(|rest| rest.chars().next());
            let Some(next) = next else { break };
            at = at.saturating_add(next.len_utf8());
            continue;
        }
        if !each(budget, (start, end), found)? {
            break;
        }
        (at, last) = (end, Some(end));
        // Each match may have been looked for up to the end of the text.
        if text.len() > LONG_TEXT {
            budget.look()?;
        }
    }
    Ok(())
}

fn thompson_config() -> thompson::Config {
    thompson::Config::new().nfa_size_limit(Some(LARGEST))
}

/// No pattern of this text has more states: a character is at most some states, a class of Unicode hundreds, and repetitions in one another
/// multiply to 1,000 at most.
fn most_states(text: &str) -> u64 {
    let classes = if text.contains("\\p") || text.contains("\\P") {
        1_024
    } else {
        16
    };
    let repeats = if text.contains('{') { 1_000 } else { 1 };
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    length.saturating_mul(classes).saturating_mul(repeats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtins::go_regex;
    use crate::eval::Limits;

    fn budget(instructions: u64) -> Budget<'static> {
        Budget::new(Limits {
            instructions,
            ..Limits::default()
        })
    }

    #[test]
    fn automaton_and_pattern_find_the_same() {
        const PATTERNS: [&str; 20] = [
            "", "a", "a*", "a*?", "b|", "|b", "a+b?", "(a)|(b)", "(a*)(b*)", "^a", "a$", "(?m)^", "(?m)$",
            r"\b", "é*", "(é|)a", ".", "[^a]*", "ab|a", "x*",
        ];
        const PIECES: [&str; 8] = ["a", "b", "ab", "é", " ", "\n", "aa", "日"];
        let mut state = 1_u64;
        let mut draw = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 40).unwrap()
        };
        for round in 0..4_000 {
            let pattern = Pattern::new(&go_regex(PATTERNS[round % PATTERNS.len()]).unwrap()).unwrap();
            let text: String = (0..draw() % 8).map(|_| PIECES[draw() % PIECES.len()]).collect();
            let plain = &pattern.0.compiled;
            let wanted: Vec<Found> = plain
                .find_iter(&text)
                .map(|found| (found.start(), found.end()))
                .collect();
            let wanted_groups: Vec<String> = plain
                .captures_iter(&text)
                .map(|groups| format!("{groups:?}"))
                .collect();
            let with = |lazy: bool| {
                let automaton = pattern.automaton().unwrap();
                lazy.then(|| Lazy::new(automaton))
            };
            for lazy in [false, true] {
                let mut budget = budget(1_000_000);
                let mut found = Vec::new();
                pattern
                    .matches_by(with(lazy), &mut budget, &text, |at| {
                        found.push(at);
                        true
                    })
                    .unwrap();
                assert_eq!(found, wanted, "{plain} {text:?}");
                let mut groups = Vec::new();
                pattern
                    .captures_by(with(lazy), &mut budget, &text, |_, _, captures| {
                        groups.push(format!("{captures:?}"));
                        Ok(true)
                    })
                    .unwrap();
                assert_eq!(groups, wanted_groups, "{plain} {text:?}");
            }
        }
    }

    /// A pattern that no automaton of any size is made for, and a text for it.
    fn costly() -> (Pattern, String) {
        let pattern = Pattern::new(&format!("[ab]*a{}c", "[ab]".repeat(1_000))).unwrap();
        let mut state = 1_u64;
        let draw = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if state >> 63 == 0 { 'a' } else { 'b' }
        };
        (pattern, (0..20_000).map(draw).collect())
    }

    #[test]
    fn states_times_text_are_charged() {
        let (pattern, text) = costly();
        for most in [100_000, 1_000_000] {
            assert_eq!(
                pattern.is_match(&mut budget(most), &text),
                Err(LimitKind::Instructions)
            );
            let stopped = Err(BuiltinError::Limit(LimitKind::Instructions));
            assert_eq!(pattern.matches(&mut budget(most), &text, |_| true), stopped);
            assert_eq!(
                pattern.captures(&mut budget(most), &text, |_, _, _| Ok(true)),
                stopped
            );
        }
        let mut enough = budget(10_000_000);
        assert_eq!(pattern.is_match(&mut enough, &text), Ok(false));
        assert!(enough.spent() > 1_000_000, "{}", enough.spent());
    }

    #[test]
    fn usual_patterns_are_free_and_long_ones_cheap() {
        for (pattern, text, most) in [
            ("^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$", "a".repeat(63), 0),
            (
                r"^arn:aws:iam::\d{12}:role/[\w+=,.@-]{1,64}$",
                "arn:aws:iam::123456789012:role/x".to_owned(),
                0,
            ),
            (r"\pL+", "é".repeat(100), 0),
            (
                "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
                "a".repeat(100_000),
                10_000,
            ),
            ("x[0-9]+y", "x0123456789 ".repeat(100_000), 10_000),
        ] {
            let pattern = Pattern::new(&go_regex(pattern).unwrap()).unwrap();
            let mut budget = budget(1_000_000);
            assert_eq!(
                pattern.is_match(&mut budget, &text),
                Ok(pattern.0.compiled.is_match(&text))
            );
            assert!(budget.spent() <= most, "{}: {}", pattern.0.text, budget.spent());
        }
    }

    #[test]
    fn time_is_looked_at_between_matches() {
        let asked = std::cell::Cell::new(0);
        let over = || {
            asked.set(asked.get() + 1);
            asked.get() > 5
        };
        let limits = Limits {
            deadline: Some(&over),
            ..Limits::default()
        };
        // Each match is looked for up to the end.
        let pattern = Pattern::new(".*[^A-Z]|[A-Z]").unwrap();
        let text = "A".repeat(20_000);
        let mut matches = 0;
        let stopped = pattern.matches(&mut Budget::new(limits), &text, |_| {
            matches += 1;
            true
        });
        assert_eq!(stopped, Err(BuiltinError::Limit(LimitKind::Deadline)));
        assert!(matches < 6, "{matches}");
    }
}
