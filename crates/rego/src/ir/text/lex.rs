//! Splits the text form into tokens.

use super::{ParseError, ParseErrorKind};

/// A token. Strings keep their quotes and escapes: they are JSON strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or keyword, with an optional prefix sign and digits: `Dot`, `source`, `%2`, `s0`, `-5`, `@0:4:2`.
    Word(&'a str),
    /// A JSON string, quotes included.
    Text(&'a str),
    /// One of `{ } [ ] =`.
    Punct(char),
    /// The end of the text.
    End,
}

impl Token<'_> {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(text) | Self::Text(text) => format!("`{text}`"),
            Self::Punct(sign) => format!("`{sign}`"),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

/// The text that is left, and where it starts.
pub(super) struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// An error at the start of the rest of the text.
    pub(super) fn error(&self, kind: ParseErrorKind) -> ParseError {
        let done = self.text.strip_suffix(self.rest).unwrap_or(self.text);
        let line = done.matches('\n').count().saturating_add(1);
        let column = done
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            .saturating_add(1);
        ParseError {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            kind,
        }
    }

    /// Skips white space and comments.
    pub(super) fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix('#') else {
                return;
            };
            self.rest = comment
                .find('\n')
                .and_then(|end| comment.get(end..))
                .unwrap_or_default();
        }
    }

    /// Reads the next token; errors point at its start.
    pub(super) fn next(&mut self) -> Result<Token<'a>, ParseError> {
        self.skip();
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token::End);
        };
        let length = match first {
            '{' | '}' | '[' | ']' | '=' => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                return Ok(Token::Punct(first));
            }
            '"' => string_length(self.rest),
            _ => self
                .rest
                .find(|c: char| c.is_whitespace() || "{}[]=\"#".contains(c))
                .or(Some(self.rest.len())),
        };
        let Some((token, rest)) = length.and_then(|length| self.rest.split_at_checked(length)) else {
            return Err(self.error(ParseErrorKind::Json("a string without its end".to_owned())));
        };
        self.rest = rest;
        Ok(if first == '"' {
            Token::Text(token)
        } else {
            Token::Word(token)
        })
    }

    /// Reads the next JSON value, whatever it is.
    pub(super) fn json(&mut self) -> Result<serde_json::Value, ParseError> {
        self.skip();
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter();
        match values.next() {
            Some(Ok(value)) => {
                self.rest = self.rest.get(values.byte_offset()..).unwrap_or_default();
                Ok(value)
            }
            Some(Err(error)) => Err(self.error(ParseErrorKind::Json(error.to_string()))),
            None => Err(self.error(ParseErrorKind::Json("nothing follows".to_owned()))),
        }
    }

    /// The rest of the text, to return to.
    pub(super) fn mark(&self) -> &'a str {
        self.rest
    }

    /// Returns to a mark.
    pub(super) fn back(&mut self, mark: &'a str) {
        self.rest = mark;
    }
}

/// The bytes from an opening quote to its closing one, both included.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at.checked_add(1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}
