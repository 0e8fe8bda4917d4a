//! Licences as SPDX expressions.

use spdx::{Expression, ParseMode};

/// Bytes of a licence's name that are kept; longer ones are whole licence texts.
const MAX_BYTES: usize = 512;

/// Bytes of an expression. Distributions write down a licence for every file of a package.
const MAX_EXPRESSION: usize = 16 * 1024;

/// A text as an expression, corrected if that makes it one.
fn expression(line: &str) -> Option<String> {
    let deprecated = ParseMode {
        allow_deprecated: true,
        ..ParseMode::STRICT
    };
    let is_one = |text: &str| Expression::parse_mode(text, deprecated).is_ok();
    if is_one(line) {
        return Some(line.to_owned());
    }
    let corrected = Expression::canonicalize(line).ok().flatten();
    corrected.filter(|text| is_one(text))
}

/// What a package says it is licensed under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Licence {
    /// An SPDX expression.
    ///
    /// INVARIANT: it parses against SPDX's list, deprecated identifiers included.
    Expression(String),
    /// Words that are none, as they were found (`Other/Proprietary`), in one line.
    Named(String),
}

impl Licence {
    /// Reads what a package says; `None` if it says nothing. Common misspellings of identifiers (`Apache 2`, `MIT/BSD-3-Clause`) become the identifiers.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            return None;
        }
        if line.len() <= MAX_EXPRESSION
            && let Some(expression) = expression(&line)
        {
            return Some(Self::Expression(expression));
        }
        let mut end = line.len().min(MAX_BYTES);
        while !line.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let kept: String = line.get(..end)?.chars().filter(|c| !c.is_control()).collect();
        Some(Self::Named(kept))
    }

    /// Whether a text is one identifier of SPDX's list, and no expression of several.
    pub(crate) fn is_identifier(text: &str) -> bool {
        spdx::license_id(text).is_some_and(|id| id.name == text)
    }

    /// The expression, or the words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Expression(text) | Self::Named(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_words() {
        let expression = |text: &str| Some(Licence::Expression(text.to_owned()));
        assert_eq!(Licence::parse("MIT"), expression("MIT"));
        assert_eq!(
            Licence::parse("(MIT OR  Apache-2.0 WITH LLVM-exception)"),
            expression("(MIT OR Apache-2.0 WITH LLVM-exception)")
        );
        assert_eq!(Licence::parse("MIT/Apache-2.0"), expression("MIT OR Apache-2.0"));
        assert_eq!(Licence::parse("GPL-2.0"), expression("GPL-2.0"));
        assert_eq!(
            Licence::parse("SEE LICENSE IN x\n"),
            Some(Licence::Named("SEE LICENSE IN x".to_owned()))
        );
        assert_eq!(Licence::parse(" \n"), None);
    }

    #[test]
    fn whole_texts_are_cut_between_characters() {
        let licence = Licence::parse(&"é ".repeat(1000)).unwrap();
        assert!(licence.as_str().len() <= MAX_BYTES);
    }
}
