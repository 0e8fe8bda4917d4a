//! Alpine's order: numbers, a letter, suffixes, a commit, the package's revision.

use super::digits::{Digits, digits, span};

/// A token; the derived order says which comes first where two versions part. Of numbers behind the first those with a zero in front come before all others, and are
/// compared as texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Before(Early),
    End,
    Revision(Digits),
    Commit(String),
    SuffixNumber(Digits),
    After(Late),
    Letter(char),
    Fraction(String),
    Number(Digits),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Early {
    Alpha,
    Beta,
    Pre,
    Candidate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Late {
    Cvs,
    Svn,
    Git,
    Hg,
    Patch,
}

/// What a version is compared by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<Token>);

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, mut rest) = digits(text);
        let mut tokens = vec![Token::Number(Digits::strict(first)?)];
        while let Some(behind) = rest.strip_prefix('.') {
            let (number, after) = digits(behind);
            tokens.push(match Digits::strict(number)? {
                _ if number.starts_with('0') => Token::Fraction(number.to_owned()),
                number => Token::Number(number),
            });
            rest = after;
        }
        if let Some(letter) = rest.chars().next().filter(char::is_ascii_lowercase) {
            tokens.push(Token::Letter(letter));
            rest = rest.strip_prefix(letter).unwrap_or_default();
        }
        while let Some(behind) = rest.strip_prefix('_') {
            let (word, after) = span(behind, |c| c.is_ascii_lowercase());
            let (number, after) = digits(after);
            tokens.push(suffix(word)?);
            if !number.is_empty() {
                tokens.push(Token::SuffixNumber(Digits::new(number)));
            }
            rest = after;
        }
        if let Some(behind) = rest.strip_prefix('~') {
            let (commit, after) = span(behind, |c| c.is_ascii_hexdigit());
            tokens.push(Token::Commit(commit.to_owned()));
            rest = after;
        }
        if let Some(revision) = rest.strip_prefix("-r") {
            tokens.push(Token::Revision(Digits::strict(revision)?));
            rest = "";
        }
        tokens.push(Token::End);
        rest.is_empty().then_some(Self(tokens))
    }
}

fn suffix(word: &str) -> Option<Token> {
    Some(match word {
        "alpha" => Token::Before(Early::Alpha),
        "beta" => Token::Before(Early::Beta),
        "pre" => Token::Before(Early::Pre),
        "rc" => Token::Before(Early::Candidate),
        "cvs" => Token::After(Late::Cvs),
        "svn" => Token::After(Late::Svn),
        "git" => Token::After(Late::Git),
        "hg" => Token::After(Late::Hg),
        "p" => Token::After(Late::Patch),
        _ => return None,
    })
}
