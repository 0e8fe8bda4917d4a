//! String literals and their escapes (JSON's, RFC 8259 section 7).

use super::{Lexer, Span, Tok};

impl Lexer<'_> {
    /// A `"..."` string.
    pub(super) fn quoted(&mut self, start: u32) {
        self.bump();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.bump();
                    self.push(Tok::String(text.into()), start);
                    return;
                }
                None | Some('\n') => {
                    let span = Span::new(start, self.offset());
                    let help = "close it with \", or write a multi-line string between backquotes";
                    self.error(span, "this string has no end on its line", Some(help));
                    self.push(Tok::Bad, start);
                    return;
                }
                Some('\\') => self.escape(&mut text),
                Some(c) => {
                    let at = self.offset();
                    self.bump();
                    // Those of ASCII; DEL and those beyond are characters to OPA.
                    if c < ' ' && c != '\t' && c != '\r' {
                        let span = Span::new(at, self.offset());
                        self.error(
                            span,
                            "control characters in strings must be escaped",
                            Some("write it as \\u00.."),
                        );
                    }
                    text.push(c);
                }
            }
        }
    }

    /// A `` `...` `` string: nothing is an escape, and carriage returns stay, as in OPA (and unlike Go).
    pub(super) fn raw(&mut self, start: u32) {
        self.bump();
        let Some(length) = self.rest().find('`') else {
            let span = Span::new(start, start.saturating_add(1));
            self.error(span, "this raw string has no end", Some("close it with `"));
            self.position = self.text.len();
            self.push(Tok::Bad, start);
            return;
        };
        let text = self.rest().get(..length).unwrap_or("").into();
        self.position = self.position.saturating_add(length).saturating_add(1);
        self.push(Tok::String(text), start);
    }

    /// Decodes one escape, reporting what is none.
    pub(super) fn escape(&mut self, out: &mut String) {
        let start = self.offset();
        self.bump();
        let Some(c) = self.peek().filter(|c| *c != '\n') else {
            self.error(Span::new(start, self.offset()), "unfinished escape", None);
            return;
        };
        self.bump();
        let plain = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let decoded = self.unicode_escape(start);
                out.push(decoded);
                return;
            }
            _ => {
                let span = Span::new(start, self.offset());
                let help =
                    "escapes are those of JSON; for a regular expression use a raw string between backquotes";
                self.error(
                    span,
                    format!("unknown escape `\\{}`", c.escape_debug()),
                    Some(help),
                );
                return;
            }
        };
        out.push(plain);
    }

    /// What follows `\u`: four hexadecimal digits, or two such escapes that make a surrogate pair. A lone surrogate becomes U+FFFD, as in Go.
    fn unicode_escape(&mut self, start: u32) -> char {
        let Some(first) = self.hex4() else {
            let span = Span::new(start, self.offset());
            self.error(span, "`\\u` needs four hexadecimal digits", None);
            return char::REPLACEMENT_CHARACTER;
        };
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let back = self.position;
            self.bump();
            self.bump();
            if let Some(second @ 0xdc00..0xe000) = self.hex4() {
                let code = (u32::from(first) & 0x3ff) << 10 | (u32::from(second) & 0x3ff);
                return char::from_u32(code.saturating_add(0x1_0000)).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.position = back;
        }
        char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Option<u16> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let value = u16::from_str_radix(digits, 16).ok()?;
        self.position = self.position.saturating_add(4);
        Some(value)
    }
}
