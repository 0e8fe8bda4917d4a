//! Rego v0: four of the keywords are names until a module imports them.

use std::collections::BTreeSet;

use crate::source::SourceFile;
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
    for (at, token) in tokens.iter().enumerate() {
        if token.tok != Tok::Keyword(Keyword::Import) {
            continue;
        }
        let words: Vec<&str> = tokens
            .iter()
            .skip(at.saturating_add(1))
            .take(5)
            .take_while(|token| !token.first_column)
            .map(|token| source.slice(token.span))
            .collect();
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
