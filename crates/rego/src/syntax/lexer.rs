//! Text to tokens. Never fails: what is no token is reported and becomes [`Tok::Bad`].

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};
use crate::syntax::token::{Comment, Keyword, Tok, Token};

mod string;

/// Everything the lexer found.
pub(crate) struct Lexed {
    /// The tokens; the last is [`Tok::Eof`].
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Where the lexer is with respect to interpolated strings.
#[derive(Clone, Copy)]
enum Mode {
    /// Inside the text of an interpolated string with this quote.
    Text { quote: char, start: u32 },
    /// Inside an interpolated expression, this many plain braces deep.
    Expr { braces: u32 },
}

/// Deepest nesting of interpolated strings in each other.
const MAX_TEMPLATES: usize = 32;

/// Splits a file into tokens.
pub(crate) fn lex(source: &SourceFile) -> Lexed {
    let mut lexer = Lexer {
        source,
        text: source.text(),
        position: 0,
        modes: Vec::new(),
        newline: true,
        spaced: true,
        out: Lexed {
            tokens: Vec::new(),
            comments: Vec::new(),
            diagnostics: Vec::new(),
        },
    };
    lexer.run();
    lexer.out
}

struct Lexer<'a> {
    source: &'a SourceFile,
    text: &'a str,
    /// Byte offset of the next character; always on a character boundary.
    position: usize,
    modes: Vec<Mode>,
    newline: bool,
    spaced: bool,
    out: Lexed,
}

impl Lexer<'_> {
    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.bump();
        }
        self.byte_order_marks();
        loop {
            if let Some(Mode::Text { quote, start }) = self.modes.last().copied() {
                self.template_text(quote, start);
                continue;
            }
            self.skip_blank();
            let start = self.offset();
            let Some(c) = self.peek() else { break };
            self.token(c, start);
        }
        let end = self.offset();
        if !self.modes.is_empty() {
            self.error(
                Span::new(end, end),
                "this file ends inside an interpolated string",
                None,
            );
        }
        self.push(Tok::Eof, end);
    }

    /// A byte-order mark anywhere but at the beginning is invisible, in texts and comments too: two names or texts that look the
    /// same would not be.
    fn byte_order_marks(&mut self) {
        let found: Vec<usize> = self
            .rest()
            .match_indices('\u{feff}')
            .map(|(at, _)| at.saturating_add(self.position))
            .collect();
        for at in found {
            let end = at.saturating_add('\u{feff}'.len_utf8());
            let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
            self.error(
                Span::new(place(at), place(end)),
                "a byte-order mark may only begin a file",
                Some("delete it, or write `\\ufeff` in a string"),
            );
        }
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.position).unwrap_or(u32::MAX)
    }

    fn rest(&self) -> &str {
        self.text.get(self.position..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position = self.position.saturating_add(c.len_utf8());
        Some(c)
    }

    fn eat(&mut self, expected: char) -> bool {
        if self.peek() == Some(expected) {
            self.bump();
            return true;
        }
        false
    }

    fn error(&mut self, span: Span, message: impl Into<String>, help: Option<&str>) {
        let mut diagnostic = Diagnostic::new(self.source, span, Code::Syntax, message);
        diagnostic.help = help.map(str::to_owned);
        self.out.diagnostics.push(diagnostic);
    }

    fn push(&mut self, tok: Tok, start: u32) {
        let before = (start as usize)
            .checked_sub(1)
            .and_then(|at| self.text.as_bytes().get(at));
        let token = Token {
            tok,
            span: Span::new(start, self.offset()),
            newline: self.newline,
            spaced: self.spaced,
            first_column: before.is_none_or(|byte| *byte == b'\n'),
        };
        self.newline = false;
        self.spaced = false;
        self.out.tokens.push(token);
    }

    fn skip_blank(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                '\n' => {
                    self.newline = true;
                    self.bump();
                }
                ' ' | '\t' | '\r' => {
                    self.bump();
                }
                '#' => self.comment(),
                _ => return,
            }
            self.spaced = true;
        }
    }

    fn comment(&mut self) {
        let start = self.offset();
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.position = self.position.saturating_add(length);
        let mut end = self.offset();
        if self.source.slice(Span::new(start, end)).ends_with('\r') {
            end = end.saturating_sub(1);
        }
        self.out.comments.push(Comment {
            span: Span::new(start, end),
        });
    }

    fn token(&mut self, c: char, start: u32) {
        match c {
            'a'..='z' | 'A'..='Z' | '_' => self.word(start),
            '0'..='9' => self.number(start),
            '"' => self.quoted(start),
            '`' => self.raw(start),
            '$' => self.template_start(start),
            _ => self.symbol(c, start),
        }
    }

    fn word(&mut self, start: u32) {
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.bump();
        }
        let text = self.source.slice(Span::new(start, self.offset()));
        let tok = Keyword::from_text(text).map_or(Tok::Ident, Tok::Keyword);
        self.push(tok, start);
    }

    fn digits(&mut self) -> usize {
        let from = self.position;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.bump();
        }
        self.position.saturating_sub(from)
    }

    fn number(&mut self, start: u32) {
        let leading_zero = self.peek() == Some('0');
        let whole = self.digits();
        let mut good = !(leading_zero && whole > 1);
        if self.peek() == Some('.') && self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) {
            self.bump();
            self.digits();
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.bump();
            if matches!(self.peek(), Some('+' | '-')) {
                self.bump();
            }
            good &= self.digits() > 0;
        }
        if self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            good = false;
            while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                self.bump();
            }
        }
        let span = Span::new(start, self.offset());
        if !good {
            let text = self.source.slice(span).to_owned();
            self.error(
                span,
                format!("`{text}` is not a number"),
                Some("numbers are written as in JSON: 12, 0.5, 1e6"),
            );
        }
        self.push(if good { Tok::Number } else { Tok::Bad }, start);
    }

    fn symbol(&mut self, c: char, start: u32) {
        self.bump();
        let tok = match c {
            '{' => {
                if let Some(Mode::Expr { braces }) = self.modes.last_mut() {
                    *braces = braces.saturating_add(1);
                }
                Tok::LBrace
            }
            '}' => self.closing_brace(),
            '[' => Tok::LBracket,
            ']' => Tok::RBracket,
            '(' => Tok::LParen,
            ')' => Tok::RParen,
            ',' => Tok::Comma,
            ';' => Tok::Semicolon,
            '.' => Tok::Dot,
            '+' => Tok::Plus,
            '-' => Tok::Minus,
            '*' => Tok::Star,
            '/' => Tok::Slash,
            '%' => Tok::Percent,
            '|' => Tok::Pipe,
            '&' => Tok::Amp,
            ':' if self.eat('=') => Tok::Assign,
            ':' => Tok::Colon,
            '=' if self.eat('=') => Tok::Eq,
            '=' => Tok::Unify,
            '<' if self.eat('=') => Tok::Le,
            '<' => Tok::Lt,
            '>' if self.eat('=') => Tok::Ge,
            '>' => Tok::Gt,
            '!' if self.eat('=') => Tok::Ne,
            other => {
                self.bad_character(other, start);
                Tok::Bad
            }
        };
        self.push(tok, start);
    }

    fn bad_character(&mut self, c: char, start: u32) {
        if c == '\'' {
            self.skip_single_quoted();
            let span = Span::new(start, self.offset());
            let help = Some("strings are written in double quotes");
            return self.error(span, "single quotes don't make a string", help);
        }
        if c == '\u{feff}' {
            // Reported already.
            return;
        }
        let help = match c {
            '!' => Some("write `not` for negation, `!=` for inequality"),
            '\u{201c}' | '\u{201d}' => Some("these are typographic quotes; write \""),
            _ => None,
        };
        let span = Span::new(start, self.offset());
        self.error(span, format!("unexpected character `{}`", c.escape_debug()), help);
    }

    /// Skips to the closing single quote, if there is one on the line.
    fn skip_single_quoted(&mut self) {
        let line = self.rest().lines().next().unwrap_or("");
        if let Some(length) = line.find('\'') {
            self.position = self.position.saturating_add(length).saturating_add(1);
        }
    }

    fn closing_brace(&mut self) -> Tok {
        match self.modes.last_mut() {
            Some(Mode::Expr { braces: 0 }) => {
                self.modes.pop();
                Tok::TemplateClose
            }
            Some(Mode::Expr { braces }) => {
                *braces = braces.saturating_sub(1);
                Tok::RBrace
            }
            _ => Tok::RBrace,
        }
    }

    fn template_start(&mut self, start: u32) {
        self.bump();
        match self.peek() {
            Some(quote @ ('"' | '`')) => {
                self.bump();
                if self.modes.len() >= MAX_TEMPLATES.saturating_mul(2) {
                    let span = Span::new(start, self.offset());
                    let message = "interpolated strings nest too deeply";
                    self.out
                        .diagnostics
                        .push(Diagnostic::new(self.source, span, Code::TooComplex, message));
                    self.position = self.text.len();
                    self.modes.clear();
                    self.push(Tok::Bad, start);
                    return;
                }
                self.push(Tok::TemplateStart, start);
                self.modes.push(Mode::Text { quote, start });
            }
            _ => {
                self.bad_character('$', start);
                self.push(Tok::Bad, start);
            }
        }
    }

    /// Lexes the text of an interpolated string up to its end or its next `{`.
    fn template_text(&mut self, quote: char, start: u32) {
        let text_start = self.offset();
        let mut text = String::new();
        loop {
            let at = self.offset();
            match self.peek() {
                None => {
                    self.modes.clear();
                    self.error(
                        Span::new(start, start.saturating_add(2)),
                        "this string has no end",
                        None,
                    );
                    self.push_text(&mut text, text_start);
                    self.push(Tok::Bad, at);
                    return;
                }
                Some('\n') if quote == '"' => {
                    self.modes.pop();
                    self.error(Span::new(start, at), "this string has no end on its line", None);
                    self.push_text(&mut text, text_start);
                    self.push(Tok::Bad, at);
                    return;
                }
                Some('{') => {
                    self.push_text(&mut text, text_start);
                    self.bump();
                    self.push(Tok::TemplateOpen, at);
                    self.modes.push(Mode::Expr { braces: 0 });
                    return;
                }
                Some(c) if c == quote => {
                    self.push_text(&mut text, text_start);
                    self.bump();
                    self.modes.pop();
                    self.push(Tok::TemplateEnd, at);
                    return;
                }
                Some('\\') if self.rest().starts_with("\\{") => {
                    self.bump();
                    self.bump();
                    text.push('{');
                }
                Some('\\') if quote == '"' => self.escape(&mut text),
                Some(c) => {
                    self.bump();
                    text.push(c);
                }
            }
        }
    }

    fn push_text(&mut self, text: &mut String, start: u32) {
        if !text.is_empty() {
            let text: Arc<str> = std::mem::take(text).into();
            self.push(Tok::TemplateText(text), start);
        }
    }
}
