//! `regex.globs_match`: do two simple patterns have a common match?
//!
//! A pattern is a sequence of characters, `.`, classes such as `[a-z0]`, each with an optional `+` or `*`; `\` takes the next
//! character as it is.

use std::collections::HashSet;

use stele_types::Value;

use super::args::string;
use super::{BuiltinError, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// Ranges of characters, both ends included.
type Chars = Vec<(char, char)>;

struct Token {
    chars: Chars,
    repeat: bool,
    optional: bool,
}

pub(super) fn matches(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (tokens(string(args, 0)?)?, tokens(string(args, 1)?)?);
    session.elements(
        a.len()
            .saturating_add(1)
            .saturating_mul(b.len().saturating_add(1)),
    )?;
    Ok(intersect(&a, &b).into())
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let set = match c {
            '+' | '*' => {
                let last = tokens.last_mut().filter(|last| !last.repeat);
                let last =
                    last.ok_or_else(|| failed(format!("'{c}' repeats nothing: the input is invalid")))?;
                last.repeat = true;
                last.optional = c == '*';
                continue;
            }
            '.' => vec![('\0', char::MAX)],
            '[' => class(&mut chars)?,
            ']' => {
                return Err(failed(
                    "set-close ']' with no preceding '[': the input is invalid",
                ));
            }
            '\\' => {
                let literal = chars
                    .next()
                    .ok_or_else(|| failed("nothing follows a backslash"))?;
                vec![(literal, literal)]
            }
            literal => vec![(literal, literal)],
        };
        tokens.push(Token {
            chars: set,
            repeat: false,
            optional: false,
        });
    }
    Ok(tokens)
}

fn class(chars: &mut std::str::Chars<'_>) -> Result<Chars> {
    let open = || failed("a set is not closed: the input is invalid");
    let mut set: Chars = Vec::new();
    let mut range = false;
    loop {
        let c = match chars.next().ok_or_else(open)? {
            ']' if range => return Err(failed("a range has no end: the input is invalid")),
            ']' => return Ok(set),
            '-' if !set.is_empty() && !range => {
                range = true;
                continue;
            }
            '\\' => chars.next().ok_or_else(open)?,
            other => other,
        };
        match set.last_mut() {
            Some(last) if range => {
                if c < last.0 {
                    return Err(failed("a range runs backwards: the input is invalid"));
                }
                last.1 = c;
                range = false;
            }
            _ => set.push((c, c)),
        }
    }
}

fn overlap(a: &Chars, b: &Chars) -> bool {
    a.iter()
        .any(|(a_low, a_high)| b.iter().any(|(b_low, b_high)| a_low <= b_high && b_low <= a_high))
}

/// Walks the product of the two automata. A common match has at least one character, unless both patterns are empty.
fn intersect(a: &[Token], b: &[Token]) -> bool {
    let mut seen = HashSet::new();
    let mut queue = vec![(0_usize, 0_usize, a.is_empty() && b.is_empty())];
    while let Some((at_a, at_b, some)) = queue.pop() {
        if !seen.insert((at_a, at_b, some)) {
            continue;
        }
        if at_a == a.len() && at_b == b.len() && some {
            return true;
        }
        let (token_a, token_b) = (a.get(at_a), b.get(at_b));
        let (next_a, next_b) = (at_a.saturating_add(1), at_b.saturating_add(1));
        if token_a.is_some_and(|token| token.optional) {
            queue.push((next_a, at_b, some));
        }
        if token_b.is_some_and(|token| token.optional) {
            queue.push((at_a, next_b, some));
        }
        let (Some(token_a), Some(token_b)) = (token_a, token_b) else {
            continue;
        };
        if overlap(&token_a.chars, &token_b.chars) {
            queue.push((next_a, next_b, true));
            if token_a.repeat {
                queue.push((at_a, next_b, true));
            }
            if token_b.repeat {
                queue.push((next_a, at_b, true));
            }
        }
    }
    false
}
