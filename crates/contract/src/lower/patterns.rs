//! The automata of a policy's literal patterns: each is tried once, and all of them take one budget of work.

use crate::Options;
use crate::pattern::{self, PatternError, Search, Table, Work};
use std::collections::BTreeMap;

/// Automata that were built, and why others have none.
#[derive(Default)]
pub(super) struct Patterns {
    regexes: BTreeMap<String, Result<Table, PatternError>>,
    globs: BTreeMap<(Vec<String>, String), Result<Table, PatternError>>,
    searches: BTreeMap<String, Result<Search, PatternError>>,
    work: Work,
    /// Bytes of all tables.
    bytes: usize,
}

impl Patterns {
    /// The automaton that tells whether a text has a match.
    pub(super) fn regex(&mut self, pattern: &str, options: &Options) -> Result<Table, PatternError> {
        if let Some(known) = self.regexes.get(pattern) {
            return known.clone();
        }
        let built = self.built(options, |limit, work| pattern::regex(pattern, limit, work));
        self.count(built.as_ref().map(|table| &table.bytes));
        self.regexes.insert(pattern.to_owned(), built.clone());
        built
    }

    /// The automaton of a glob.
    pub(super) fn glob(
        &mut self,
        pattern: &str,
        separators: Vec<String>,
        options: &Options,
    ) -> Result<Table, PatternError> {
        let key = (separators, pattern.to_owned());
        if let Some(known) = self.globs.get(&key) {
            return known.clone();
        }
        let built = self.built(options, |limit, work| pattern::glob(pattern, &key.0, limit, work));
        self.count(built.as_ref().map(|table| &table.bytes));
        self.globs.insert(key, built.clone());
        built
    }

    /// The automaton that finds matches.
    pub(super) fn search(&mut self, pattern: &str, options: &Options) -> Result<Search, PatternError> {
        if let Some(known) = self.searches.get(pattern) {
            return known.clone();
        }
        let built = self.built(options, |limit, work| pattern::search(pattern, limit, work));
        self.count(built.as_ref().map(|table| &table.bytes));
        self.searches.insert(pattern.to_owned(), built.clone());
        built
    }

    /// Looks at a pattern, unless those before it are more than any contract holds.
    fn built<T>(
        &mut self,
        options: &Options,
        build: impl FnOnce(usize, &mut Work) -> Result<T, PatternError>,
    ) -> Result<T, PatternError> {
        if self.work.is_spent() || self.bytes > options.max_code_size {
            return Err(PatternError::NotRead);
        }
        build(options.max_pattern_size, &mut self.work)
    }

    fn count(&mut self, built: Result<&Vec<u8>, &PatternError>) {
        let bytes = built.map_or(0, Vec::len);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::WORK;

    #[test]
    fn each_pattern_is_tried_once() {
        let mut patterns = Patterns::default();
        let options = Options::default();
        let dear = "[^a]*a[^b]{300}";
        for pattern in ["a+b", dear, "("] {
            let first = patterns.regex(pattern, &options);
            let left = patterns.work.clone();
            assert_eq!(patterns.regex(pattern, &options), first);
            assert_eq!(patterns.work, left);
            let first = patterns.search(pattern, &options);
            let left = patterns.work.clone();
            assert_eq!(patterns.search(pattern, &options), first);
            assert_eq!(patterns.work, left);
        }
        assert!(matches!(
            patterns.regex(dear, &options),
            Err(PatternError::TooBig { .. })
        ));
        let glob = |patterns: &mut Patterns| patterns.glob("a*b", vec![".".to_owned()], &options);
        let first = glob(&mut patterns);
        let left = patterns.work.clone();
        assert_eq!((glob(&mut patterns), &patterns.work), (first, &left));
    }

    #[test]
    fn dear_patterns_end_the_budget_of_the_policy() {
        let options = Options::default();
        let mut patterns = Patterns::default();
        let dear = |number: usize| format!("(a|b)*a(a|b){{10}}c{{{number}}}");
        // Tables that are built in full and too large in the end.
        let first = patterns.search(&dear(1), &options);
        assert!(matches!(first, Err(PatternError::TooBig { size: Some(_), .. })));
        let one = WORK - patterns.work.left();
        patterns.work = Work::new(one * 3);
        let errors: Vec<PatternError> = (2..42)
            .map(|number| patterns.search(&dear(number), &options).unwrap_err())
            .collect();
        let tried = errors.iter().filter(|error| **error != PatternError::NotRead);
        assert!((2..=4).contains(&tried.count()), "{errors:?}");
        assert!(errors.contains(&PatternError::TooDear));
        assert_eq!(errors.last(), Some(&PatternError::NotRead));
        assert!(patterns.work.is_spent());
        // What is known is known still; what is cheap is not looked at either.
        assert_eq!(patterns.search(&dear(1), &options), first);
        assert_eq!(patterns.regex("a", &options), Err(PatternError::NotRead));
    }
}
