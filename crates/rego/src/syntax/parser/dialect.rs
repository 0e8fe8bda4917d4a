//! Keywords that are names until a module imports them: four in v0, and two that v1 does not have either.

use std::collections::BTreeSet;
use std::sync::Arc;

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
    for path in imports(source, tokens) {
        match path.iter().map(AsRef::as_ref).collect::<Vec<_>>().as_slice() {
            ["rego", "v1", ..] => return false,
            ["future", "keywords"] => known.extend(IMPORTED.map(|(word, _)| word)),
            ["future", "keywords", name, ..] => {
                known.extend(
                    IMPORTED
                        .map(|(word, _)| word)
                        .into_iter()
                        .filter(|word| word == name),
                );
                known.extend((*name == "every").then_some("in"));
            }
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

/// The path of every import: `a.b["c"]`, as far as it is one.
fn imports(source: &SourceFile, tokens: &[Token]) -> Vec<Vec<Arc<str>>> {
    let starts = tokens.iter().enumerate();
    starts
        .filter(|(_, token)| token.tok == Tok::Keyword(Keyword::Import))
        .map(|(at, _)| path(source, tokens.get(at.saturating_add(1)..).unwrap_or_default()))
        .collect()
}

/// The names of the path at the start of the tokens.
fn path(source: &SourceFile, tokens: &[Token]) -> Vec<Arc<str>> {
    let Some((root, mut rest)) = tokens.split_first() else {
        return Vec::new();
    };
    let mut names = vec![source.slice(root.span).into()];
    loop {
        match rest {
            [dot, name, after @ ..] if dot.tok == Tok::Dot && !dot.spaced => {
                names.push(source.slice(name.span).into());
                rest = after;
            }
            [open, name, _, after @ ..] if open.tok == Tok::LBracket && !open.spaced => {
                let Tok::String(name) = &name.tok else {
                    return names;
                };
                names.push(name.clone());
                rest = after;
            }
            _ => return names,
        }
    }
}

/// Makes keywords of the names that a module imports as such; gives what is imported.
pub(super) fn future_keywords(source: &SourceFile, tokens: &mut [Token]) -> FutureKeywords {
    let all = imports(source, tokens).iter().fold(source.future(), |all, path| {
        let names: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        all.with(FutureKeywords::imported(&names))
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
