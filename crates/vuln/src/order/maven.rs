//! Maven's order. Where its specification leaves a choice, that is taken which makes the order total: `.qualifier` is `-qualifier`, and nothing of worth stands before either.

use super::digits::{Digits, digits, span};
use super::padded;
use std::cmp::Ordering;

/// A token with what stands before it. The derived order is the specification's: qualifiers, numbers behind a hyphen, numbers behind a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Qualifier(Qualifier),
    Behind(Digits),
    Dotted(Digits),
}

/// The known ones come first, in this order; `Release` is also what is missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Qualifier {
    Alpha,
    Beta,
    Milestone,
    Candidate,
    Snapshot,
    Release,
    ServicePack,
    Other(String),
}

const PAD: Token = Token::Qualifier(Qualifier::Release);

/// What a version is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<Token>);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        padded(&self.0, &other.0, &PAD)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let mut tokens: Vec<Token> = Vec::new();
        let (mut rest, mut hyphen) = (lower.as_str(), false);
        loop {
            let (number, behind) = digits(rest);
            let (word, behind_word) = span(rest, |c| !c.is_ascii_digit() && c != '.' && c != '-');
            let after = if number.is_empty() { behind_word } else { behind };
            let token = if word.is_empty() {
                // An empty token is 0.
                let number = Digits::new(number);
                if hyphen {
                    Token::Behind(number)
                } else {
                    Token::Dotted(number)
                }
            } else {
                let short = after.starts_with(|c: char| c.is_ascii_digit());
                Token::Qualifier(qualifier(word, short))
            };
            let is_word = matches!(token, Token::Qualifier(_));
            // A change between digits and letters is a hyphen.
            if hyphen || is_word {
                trim(&mut tokens);
            }
            tokens.push(token);
            let mut characters = after.chars();
            match characters.next() {
                None => break,
                Some('.') => (rest, hyphen) = (characters.as_str(), false),
                Some('-') => (rest, hyphen) = (characters.as_str(), true),
                Some(_) => (rest, hyphen) = (after, true),
            }
        }
        trim(&mut tokens);
        Some(Self(tokens))
    }
}

/// `alpha`, `beta` and `milestone` may be short before a digit.
fn qualifier(word: &str, before_digit: bool) -> Qualifier {
    match word {
        "alpha" => Qualifier::Alpha,
        "a" if before_digit => Qualifier::Alpha,
        "beta" => Qualifier::Beta,
        "b" if before_digit => Qualifier::Beta,
        "milestone" => Qualifier::Milestone,
        "m" if before_digit => Qualifier::Milestone,
        "rc" | "cr" => Qualifier::Candidate,
        "snapshot" => Qualifier::Snapshot,
        "final" | "ga" | "release" => Qualifier::Release,
        "sp" => Qualifier::ServicePack,
        other => Qualifier::Other(other.to_owned()),
    }
}

/// Takes away what is worth nothing at the end.
fn trim(tokens: &mut Vec<Token>) {
    let is_null = |token: &Token| match token {
        Token::Qualifier(qualifier) => *qualifier == Qualifier::Release,
        Token::Behind(number) | Token::Dotted(number) => number.is_zero(),
    };
    // The first number stays: before it there is nothing.
    while tokens.len() > 1 && tokens.last().is_some_and(is_null) {
        tokens.pop();
    }
}
