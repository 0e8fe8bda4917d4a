//! Tokens of the text form.

use super::ParseError;
use alloy_primitives::U256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name: letters, digits, `_`, `.`.
    Name(String),
    /// `'label`.
    Label(String),
    /// `@symbol`.
    Symbol(String),
    /// `$CONSTANT`.
    Named(String),
    /// A number, or a short text left-aligned in a word.
    Word(U256),
    /// `( ) { } , =` and `->` (as `>`).
    Punct(char),
}

pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) line: usize,
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':')
}

/// Splits a text into tokens; `//` starts a comment.
pub(super) fn lex(text: &str) -> Result<Vec<Spanned>, ParseError> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_number = number.saturating_add(1);
        let mut rest = line.split("//").next().unwrap_or("").trim_start();
        while let Some(first) = rest.chars().next() {
            let (token, left) = next(rest, first).ok_or_else(|| ParseError {
                line: line_number,
                message: format!("bad token at `{rest}`"),
            })?;
            tokens.push(Spanned {
                token,
                line: line_number,
            });
            rest = left.trim_start();
        }
    }
    Ok(tokens)
}

fn next(rest: &str, first: char) -> Option<(Token, &str)> {
    if let Some(left) = rest.strip_prefix("->") {
        return Some((Token::Punct('>'), left));
    }
    if matches!(first, '(' | ')' | '{' | '}' | ',' | '=') {
        return Some((Token::Punct(first), rest.get(1..)?));
    }
    if first == '"' {
        let (text, left) = rest.get(1..)?.split_once('"')?;
        return Some((Token::Word(text_word(text)?), left));
    }
    let sigil = matches!(first, '\'' | '@' | '$');
    let body = rest.get(usize::from(sigil)..)?;
    let end = body.find(|c| !is_name(c)).unwrap_or(body.len());
    let (name, left) = body.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    let token = match first {
        '\'' => Token::Label(name.to_owned()),
        '@' => Token::Symbol(name.to_owned()),
        '$' => Token::Named(name.to_owned()),
        '0'..='9' => Token::Word(name.parse().ok()?),
        _ => Token::Name(name.to_owned()),
    };
    Some((token, left))
}

/// A text of at most 32 bytes, left-aligned.
fn text_word(text: &str) -> Option<U256> {
    let mut word = [0_u8; 32];
    word.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(U256::from_be_bytes(word))
}
