//! Keywords that are names until a module imports them: four in v0, and two that v1 does not have either.

use std::collections::BTreeSet;

use crate::source::{FutureKeywords, SourceFile};
use crate::syntax::token::{Keyword, Tok, Token};

/// The keywords that `import future.keywords` brings.
const IMPORTED: [(&str, Keyword); 4] = [
    ("if", Keyword::If),
    ("in", Keyword::In),
    ("contains", Keyword::Contains),
    ("every", Keyword::Every),
];

/// Makes names of the keywords that a v0 module does not import. False when `import rego.v1` makes it a v1 module.
pub(super) fn old_names(source: &SourceFile, tokens: &mut [Token]) -> bool {
    let mut known = BTreeSet::new();
    for words in imports(source, tokens) {
        match words.as_slice() {
            ["rego", ".", "v1", ..] => return false,
            ["future", ".", "keywords", ".", "every", ..] => known.extend(["every", "in"]),
            ["future", ".", "keywords", ".", word, ..] => known.extend([*word]),
            ["future", ".", "keywords", ..] => known.extend(IMPORTED.map(|(word, _)| word)),
            _ => {}
        }
    }
    for token in tokens {
        let unknown =
            |(word, keyword): &(&str, Keyword)| token.tok == Tok::Keyword(*keyword) && !known.contains(word);
        if IMPORTED.iter().any(unknown) {
            token.tok = Tok::Ident;
        }
    }
    true
}

/// The first words of every import.
fn imports<'a>(source: &'a SourceFile, tokens: &[Token]) -> Vec<Vec<&'a str>> {
    let starts = tokens.iter().enumerate();
    starts
        .filter(|(_, token)| token.tok == Tok::Keyword(Keyword::Import))
        .map(|(at, _)| {
            tokens
                .iter()
                .skip(at.saturating_add(1))
                .take(5)
                .take_while(|token| !token.first_column)
                .map(|token| source.slice(token.span))
                .collect()
        })
        .collect()
}

/// Makes keywords of the names that a module imports as such; gives what is imported.
pub(super) fn future_keywords(source: &SourceFile, tokens: &mut [Token]) -> FutureKeywords {
    let all = imports(source, tokens)
        .iter()
        .fold(source.future(), |all, words| {
            let names: Vec<&str> = words
                .iter()
                .copied()
                .filter(|word| *word != ".")
                .take(3)
                .collect();
            let whole = words.get(3).is_none_or(|word| *word != ".");
            let names = if whole {
                names.get(..2).unwrap_or(&names)
            } else {
                &names
            };
            all.with(FutureKeywords::imported(names))
        });
    for token in tokens {
        if token.tok != Tok::Ident {
            continue;
        }
        match source.slice(token.span) {
            "and" if all.and => token.tok = Tok::Keyword(Keyword::And),
            "or" if all.or => token.tok = Tok::Keyword(Keyword::Or),
            _ => {}
        }
    }
    all
}
