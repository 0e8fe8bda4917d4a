//! RPM's order: runs of letters and of digits; what stands between them only parts them, but for `~` and `^`.

use super::digits::{Digits, digits, span};

/// The derived order is RPM's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Tilde,
    End,
    Caret,
    Word(String),
    Number(Digits),
}

/// What a version is compared by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    epoch: Digits,
    version: Vec<Segment>,
    release: Vec<Segment>,
}

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (Digits::strict(epoch)?, rest),
            None => (Digits::default(), text),
        };
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (!version.is_empty()).then(|| Self {
            epoch,
            version: segments(version),
            release: segments(release),
        })
    }
}

fn segments(text: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '0'..='9' => {
                let (number, behind) = digits(rest);
                out.push(Segment::Number(Digits::new(number)));
                behind
            }
            'a'..='z' | 'A'..='Z' => {
                let (word, behind) = span(rest, |c| c.is_ascii_alphabetic());
                out.push(Segment::Word(word.to_owned()));
                behind
            }
            other => {
                out.extend(match other {
                    '~' => Some(Segment::Tilde),
                    '^' => Some(Segment::Caret),
                    _ => None,
                });
                rest.strip_prefix(other).unwrap_or_default()
            }
        };
    }
    out.push(Segment::End);
    out
}
