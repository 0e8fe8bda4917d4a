//! Debian's order: what is no number and what is one by turns, `~` before the end, letters before the rest.

use super::digits::{Digits, digits, span};

/// Pairs of what is no number, by the weights of its characters and 0 for its end, and a number; the last pair is empty.
type Part = Vec<(Vec<u32>, Digits)>;

/// What a version is compared by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    epoch: Digits,
    upstream: Part,
    revision: Part,
}

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return None;
        }
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (Digits::strict(epoch)?, rest),
            None => (Digits::default(), text),
        };
        // None is revision 0.
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        (!upstream.is_empty()).then(|| Self {
            epoch,
            upstream: part(upstream),
            revision: part(if revision.is_empty() { "0" } else { revision }),
        })
    }
}

fn part(text: &str) -> Part {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        let (word, behind) = span(rest, |c| !c.is_ascii_digit());
        let (number, behind) = digits(behind);
        let mut weights: Vec<u32> = word.chars().map(weight).collect();
        weights.push(END);
        out.push((weights, Digits::new(number)));
        if rest.is_empty() {
            return out;
        }
        rest = behind;
    }
}

const END: u32 = 1;

/// `~`, the end, letters, all others.
fn weight(c: char) -> u32 {
    let code = u32::from(c).saturating_add(END);
    match c {
        '~' => 0,
        c if c.is_ascii_alphabetic() => code,
        _ => code.saturating_add(256),
    }
}
