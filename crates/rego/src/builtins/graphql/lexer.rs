//! Text to tokens.
//!
//! A token that can't be read is of kind [`Kind::Invalid`]; the parser reports where, as OPA's does.

use super::ast::Pos;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Invalid,
    Eof,
    Bang,
    Dollar,
    Amp,
    ParenL,
    ParenR,
    Spread,
    Colon,
    Equals,
    At,
    BracketL,
    BracketR,
    BraceL,
    BraceR,
    Pipe,
    Name,
    Int,
    Float,
    String,
    BlockString,
    Comment,
}

impl Kind {
    /// How messages call it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Invalid => "<Invalid>",
            Self::Eof => "<EOF>",
            Self::Bang => "!",
            Self::Dollar => "$",
            Self::Amp => "&",
            Self::ParenL => "(",
            Self::ParenR => ")",
            Self::Spread => "...",
            Self::Colon => ":",
            Self::Equals => "=",
            Self::At => "@",
            Self::BracketL => "[",
            Self::BracketR => "]",
            Self::BraceL => "{",
            Self::BraceR => "}",
            Self::Pipe => "|",
            Self::Name => "Name",
            Self::Int => "Int",
            Self::Float => "Float",
            Self::String => "String",
            Self::BlockString => "BlockString",
            Self::Comment => "Comment",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Of names, literals and comments.
    pub(super) value: String,
    pub(super) pos: Pos,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.text())?;
        if self.value.is_empty() {
            return Ok(());
        }
        write!(f, " {:?}", self.value)
    }
}

pub(super) struct Lexer<'a> {
    /// What is left.
    rest: &'a str,
    line: u32,
    /// Characters read on this line.
    column: i64,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            line: 1,
            column: 0,
        }
    }

    fn first(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes one character, whatever it is, on the same line.
    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let taken = chars.next()?;
        self.rest = chars.as_str();
        self.column = self.column.saturating_add(1);
        Some(taken)
    }

    fn accept(&mut self, wanted: &[char]) -> Option<char> {
        let next = self.first().filter(|next| wanted.contains(next))?;
        self.bump();
        Some(next)
    }

    fn new_line(&mut self) {
        self.line = self.line.saturating_add(1);
        self.column = 0;
    }

    fn skip_space(&mut self) {
        while let Some(next) = self.first() {
            match next {
                '\t' | ' ' | ',' | '\u{feff}' => {
                    self.bump();
                }
                '\n' | '\r' => {
                    self.bump();
                    self.new_line();
                    if next == '\r' && self.first() == Some('\n') {
                        // OPA's parser counts it as a character of the new line.
                        self.bump();
                    }
                }
                _ => return,
            }
        }
    }

    fn pos(&self) -> Pos {
        Pos {
            line: self.line,
            column: self.column.saturating_add(1),
        }
    }

    fn invalid(&self) -> Token {
        Token {
            kind: Kind::Invalid,
            value: String::new(),
            pos: self.pos(),
        }
    }

    /// The next token, [`Kind::Eof`] at the end.
    pub(super) fn read(&mut self) -> Token {
        self.skip_space();
        let pos = self.pos();
        let start = self.rest;
        let token = |kind, value: &str| Token {
            kind,
            value: value.to_owned(),
            pos,
        };
        let Some(next) = self.first() else {
            return token(Kind::Eof, "");
        };
        if let Some(kind) = punctuator(start) {
            for _ in 0..kind.text().len() {
                self.bump();
            }
            return token(kind, "");
        }
        match next {
            '#' => {
                let end = start
                    .find(|c: char| c <= '\u{1f}' && c != '\t')
                    .unwrap_or(start.len());
                token(Kind::Comment, self.take(end))
            }
            '_' | 'a'..='z' | 'A'..='Z' => {
                let end = start
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(start.len());
                token(Kind::Name, self.take(end))
            }
            '-' | '0'..='9' => match self.number() {
                Some(kind) => {
                    let length = start.len().saturating_sub(self.rest.len());
                    token(kind, start.get(..length).unwrap_or_default())
                }
                None => self.invalid(),
            },
            '"' if start.starts_with("\"\"\"") => self.block_string(),
            '"' => self.string(pos),
            _ => self.invalid(),
        }
    }

    /// Takes `length` bytes, which end between two characters and hold no end of line.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        let count = i64::try_from(taken.chars().count()).unwrap_or(i64::MAX);
        self.column = self.column.saturating_add(count);
        taken
    }

    fn digits(&mut self) -> bool {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len());
        !self.take(end).is_empty()
    }

    fn number(&mut self) -> Option<Kind> {
        let mut kind = Kind::Int;
        self.accept(&['-']);
        if self.accept(&['0']).is_some() {
            if self.first().is_some_and(|next| next.is_ascii_digit()) {
                return None;
            }
        } else if !self.digits() {
            return None;
        }
        if self.accept(&['.']).is_some() {
            kind = Kind::Float;
            if !self.digits() {
                return None;
            }
        }
        if self.accept(&['e', 'E']).is_some() {
            kind = Kind::Float;
            self.accept(&['-', '+']);
            if !self.digits() {
                return None;
            }
        }
        Some(kind)
    }

    fn string(&mut self, mut pos: Pos) -> Token {
        // OPA's parser gives the place after the quote.
        pos.column = pos.column.saturating_add(1);
        self.bump();
        let mut value = String::new();
        while let Some(next) = self.first() {
            match next {
                '"' => {
                    self.bump();
                    return Token {
                        kind: Kind::String,
                        value,
                        pos,
                    };
                }
                '\\' => match self.escape() {
                    Some(escaped) => value.push(escaped),
                    None => {
                        self.bump();
                        return self.invalid();
                    }
                },
                '\t' | ' '.. => {
                    value.push(next);
                    self.bump();
                }
                _ => break,
            }
        }
        self.invalid()
    }

    /// Takes an escape sequence, if it is one.
    fn escape(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        chars.next();
        let (length, value) = match chars.next()? {
            'u' => {
                let digits = self.rest.get(2..6)?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) || self.rest.len() <= 6 {
                    return None;
                }
                let code = u32::from_str_radix(digits, 16).ok()?;
                (6, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            'b' => (2, '\u{8}'),
            'f' => (2, '\u{c}'),
            'n' => (2, '\n'),
            'r' => (2, '\r'),
            't' => (2, '\t'),
            same @ ('"' | '/' | '\\') => (2, same),
            _ => return None,
        };
        self.take(length);
        Some(value)
    }

    fn block_string(&mut self) -> Token {
        let start = self.column.saturating_add(3);
        self.take(3);
        let mut raw = String::new();
        // Characters before the current line, counted from the start of the first.
        let mut before = 0_i64;
        while let Some(next) = self.first() {
            let quotes = self
                .rest
                .len()
                .saturating_sub(self.rest.trim_start_matches('"').len());
            if quotes >= 3 {
                raw.extend(std::iter::repeat_n('"', quotes.saturating_sub(3)));
                let pos = Pos {
                    line: self.line,
                    column: start.saturating_sub(before).saturating_add(1),
                };
                self.take(quotes);
                let value = block_value(&raw);
                let kind = Kind::BlockString;
                return Token { kind, value, pos };
            }
            if self.rest.starts_with("\\\"\"\"") {
                raw.push_str("\"\"\"");
                self.take(4);
                continue;
            }
            match next {
                '\n' | '\r' => {
                    self.bump();
                    if next == '\r' && self.first() == Some('\n') {
                        self.bump();
                    }
                    before = before.saturating_add(self.column);
                    self.new_line();
                    raw.push('\n');
                }
                '\t' | ' '.. => {
                    raw.push(next);
                    self.bump();
                }
                _ => break,
            }
        }
        self.invalid()
    }
}

fn punctuator(text: &str) -> Option<Kind> {
    Some(match text.chars().next()? {
        '!' => Kind::Bang,
        '$' => Kind::Dollar,
        '&' => Kind::Amp,
        '(' => Kind::ParenL,
        ')' => Kind::ParenR,
        '.' if text.starts_with("...") => Kind::Spread,
        ':' => Kind::Colon,
        '=' => Kind::Equals,
        '@' => Kind::At,
        '[' => Kind::BracketL,
        ']' => Kind::BracketR,
        '{' => Kind::BraceL,
        '}' => Kind::BraceR,
        '|' => Kind::Pipe,
        _ => return None,
    })
}

/// The value of a block string: without the common indentation and without blank lines at both ends.
///
/// As in OPA's parser, the first line counts for the common indentation, but keeps its own.
fn block_value(raw: &str) -> String {
    let indent = |line: &str| line.find(|c| c != ' ' && c != '\t');
    let mut lines: Vec<&str> = raw.split('\n').collect();
    if let Some(common) = lines.iter().filter_map(|line| indent(line)).min() {
        for line in lines.iter_mut().skip(1) {
            *line = line.get(common..).unwrap_or_default();
        }
    }
    let blank = |line: &&str| indent(line).is_none();
    let start = lines.iter().take_while(|line| blank(line)).count();
    let kept = lines.get(start..).unwrap_or_default();
    let trailing = kept.iter().rev().take_while(|line| blank(line)).count();
    let end = kept.len().saturating_sub(trailing);
    kept.get(..end).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(Kind, String)> {
        let mut lexer = Lexer::new(text);
        let mut found = Vec::new();
        loop {
            let token = lexer.read();
            let end = matches!(token.kind, Kind::Eof | Kind::Invalid);
            found.push((token.kind, token.value));
            if end {
                return found;
            }
        }
    }

    fn one(text: &str) -> (Kind, String) {
        tokens(text).remove(0)
    }

    #[test]
    fn numbers() {
        for (text, kind) in [
            ("0", Kind::Int),
            ("-12", Kind::Int),
            ("1.5", Kind::Float),
            ("1e9", Kind::Float),
            ("-0.1E-3", Kind::Float),
        ] {
            assert_eq!(one(text), (kind, text.to_owned()));
        }
        for text in ["01", "-", "1.", "1e", "1.e1", "-a"] {
            assert_eq!(one(text).0, Kind::Invalid, "{text}");
        }
    }

    #[test]
    fn strings_and_their_escapes() {
        assert_eq!(one(r#""a\n\"\u00e9\ud800 ""#).1, "a\n\"\u{e9}\u{fffd} ");
        assert_eq!(one(r#""""#), (Kind::String, String::new()));
        for text in [
            r#""a"#,
            "\"a\nb\"",
            r#""\x""#,
            r#""\u12""#,
            r#""\u12g4 ""#,
            "\"\u{1}\"",
            r#""\"#,
        ] {
            assert_eq!(one(text).0, Kind::Invalid, "{text}");
        }
    }

    #[test]
    fn block_strings_lose_their_indentation() {
        assert_eq!(one("\"\"\"\n    a\n      b\n\n  \"\"\"").1, "a\n  b");
        assert_eq!(one(r#""""a\"""b""""#).1, "a\"\"\"b");
        assert_eq!(one(r#""""say "hi"""""#).1, "say \"hi\"");
        assert_eq!(one("\"\"\"\r").0, Kind::Invalid);
        assert_eq!(one("\"\"\"a\"\"").0, Kind::Invalid);
    }

    #[test]
    fn places_count_characters() {
        let mut lexer = Lexer::new("a \u{a0a}");
        lexer.read();
        assert_eq!(lexer.read().pos, Pos { line: 1, column: 3 });
        let mut lexer = Lexer::new("\n  # c\n  name");
        assert_eq!(lexer.read().value, "# c");
        assert_eq!(lexer.read().pos, Pos { line: 3, column: 3 });
    }
}
