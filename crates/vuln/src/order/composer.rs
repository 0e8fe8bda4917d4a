//! Composer's order: at most four numbers, a stability with numbers of its own, and `dev` behind.

use super::digits::{Digits, digits, span};

/// The derived order is Composer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stability {
    Dev,
    Alpha,
    Beta,
    Candidate,
    Stable,
    Patch,
}

/// What stands behind the stability: `dev` is less than nothing, and a number is more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Behind {
    Dev,
    End,
    Number(Digits),
}

/// What a version is compared by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// INVARIANT: four.
    numbers: Vec<Digits>,
    stability: Stability,
    /// INVARIANT: ends in `Dev` or `End`.
    behind: Vec<Behind>,
}

impl Key {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let plain = lower.split(['+', '#']).next().unwrap_or_default().trim();
        let plain = plain.strip_prefix('v').unwrap_or(plain);
        let (main, dev) = match plain.strip_suffix("dev") {
            Some(main) => (main.trim_end_matches(['-', '.', '_']), true),
            None => (plain, false),
        };
        let (front, rest) = span(main, |c| c.is_ascii_digit() || ".x*".contains(c));
        let numbers = numbers(front.trim_end_matches('.'), dev)?;
        let (word, rest) = span(rest.trim_start_matches(['-', '_', '.']), |c| {
            c.is_ascii_alphabetic()
        });
        let stability = match word {
            "" if dev => Stability::Dev,
            "" | "stable" => Stability::Stable,
            "alpha" | "a" => Stability::Alpha,
            "beta" | "b" => Stability::Beta,
            "rc" => Stability::Candidate,
            "patch" | "pl" | "p" => Stability::Patch,
            _ => return None,
        };
        let mut behind = counted(rest)?;
        behind.push(if dev { Behind::Dev } else { Behind::End });
        Some(Self {
            numbers,
            stability,
            behind,
        })
    }
}

/// Of a branch (`1.x-dev`) the missing numbers are higher than any.
fn numbers(text: &str, dev: bool) -> Option<Vec<Digits>> {
    let number = |part: &str| match part {
        "x" | "*" if dev => Some(Digits::new("9999999")),
        part => Digits::strict(part),
    };
    let mut numbers: Vec<Digits> = text.split('.').map(number).collect::<Option<_>>()?;
    if numbers.len() > 4 {
        return None;
    }
    let branch = text.ends_with(['x', '*']);
    numbers.resize(4, Digits::new(if branch { "9999999" } else { "0" }));
    Some(numbers)
}

/// `1.2` behind `beta`.
fn counted(text: &str) -> Option<Vec<Behind>> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (number, behind) = digits(rest.strip_prefix(['.', '-']).unwrap_or(rest));
        out.push(Behind::Number(Digits::strict(number)?));
        rest = behind;
    }
    Some(out)
}
