//! The order of `RubyGems`: words come before numbers, and behind the end stand zeros.

use super::digits::{Digits, digits, span};
use super::padded;
use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Word(String),
    Number(Digits),
}

/// What a version is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<Segment>);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        padded(&self.0, &other.0, &Segment::Number(Digits::default()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(fits) {
            return None;
        }
        // A hyphen begins what comes before the release.
        let dotted = text.replace('-', ".pre.");
        let mut segments = Vec::new();
        for part in dotted.split('.') {
            let mut rest = part;
            if rest.is_empty() {
                return None;
            }
            while !rest.is_empty() {
                let (number, behind) = digits(rest);
                let (word, behind_word) = span(rest, |c| c.is_ascii_alphabetic());
                let is_word = number.is_empty();
                if is_word && !segments.iter().any(|s| matches!(s, Segment::Word(_))) {
                    trim(&mut segments);
                }
                segments.push(if is_word {
                    Segment::Word(word.to_owned())
                } else {
                    Segment::Number(Digits::new(number))
                });
                rest = if is_word { behind_word } else { behind };
            }
        }
        trim(&mut segments);
        Some(Self(segments))
    }
}

/// Zeros at the end, and before the first word, mean nothing.
fn trim(segments: &mut Vec<Segment>) {
    let is_zero = |segment: &Segment| matches!(segment, Segment::Number(number) if number.is_zero());
    while segments.last().is_some_and(is_zero) {
        segments.pop();
    }
}
