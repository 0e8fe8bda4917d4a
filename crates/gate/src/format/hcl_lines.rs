//! Lines of HCL that are none: between brackets, in parentheses and in `for` expressions a line break means no more than a space. The parser takes it
//! for the end of an expression in the keys, values and collections of `for`, so what it can't read it is given once more without such breaks.
//!
//! Only bytes are replaced, each by a space, so that every place stays what it was.
//! See <https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#for-expressions>.

use std::cmp::Ordering;

/// The text with spaces for the line breaks (and for the comments, which end with one) that mean nothing.
pub(super) fn without_breaks(text: &str) -> Option<String> {
    let mut scan = Scan {
        text: text.as_bytes(),
        out: text.as_bytes().to_vec(),
        at: 0,
        open: Vec::new(),
    };
    while let Some(byte) = scan.peek(0) {
        scan.step(byte);
    }
    String::from_utf8(scan.out).ok()
}

/// Where each object begins whose keys the parser compares with each other, and how many keys it may have.
pub(super) fn objects(text: &str) -> Vec<(usize, usize)> {
    let mut scan = Scan {
        text: text.as_bytes(),
        out: Vec::new(),
        at: 0,
        open: Vec::new(),
    };
    let mut open: Vec<Bracket> = Vec::new();
    let mut found = Vec::new();
    let mut before = b'\n';
    while let Some(byte) = scan.peek(0) {
        let (at, depth) = (scan.at, scan.open.len());
        let is_quoted = scan.open.last() == Some(&Open::Quotes);
        scan.step(byte);
        match scan.open.len().cmp(&depth) {
            Ordering::Greater => {
                // In a body, a brace behind a word or a label begins a block; anywhere else there are expressions.
                let in_body = open.last().is_none_or(|around| around.is_body);
                let is_behind = before.is_ascii_alphanumeric() || matches!(before, b'"' | b'_' | b'-');
                open.push(Bracket {
                    at,
                    keys: 0,
                    is_brace: byte == b'{',
                    is_body: byte == b'{' && in_body && is_behind,
                });
            }
            Ordering::Less => found.extend(open.pop()),
            Ordering::Equal => {
                let is_compared = matches!(before, b'=' | b'!' | b'<' | b'>') || scan.peek(0) == Some(b'=');
                let is_sign = matches!(byte, b'=' | b':') && !is_compared;
                let is_key = is_sign && !is_quoted && scan.at == at.saturating_add(1);
                if let Some(around) = open.last_mut().filter(|_| is_key) {
                    around.keys = around.keys.saturating_add(1);
                }
            }
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    found.extend(open);
    let objects = found.into_iter().filter(|found| found.is_brace && !found.is_body);
    objects.map(|found| (found.at, found.keys)).collect()
}

/// A bracket, brace or quotes, as it was opened.
struct Bracket {
    at: usize,
    /// How many signs that follow keys stand in it.
    keys: usize,
    is_brace: bool,
    is_body: bool,
}

/// The text with quotes around the key at an offset, where spaces make room for them: to the parser that is another key.
pub(super) fn quote(text: &str, at: usize) -> Option<String> {
    let behind = text.get(at..)?;
    let length = behind
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        .count();
    let (start, end) = (at.checked_sub(1)?, at.saturating_add(length));
    let room = [start, end].map(|at| text.as_bytes().get(at) == Some(&b' '));
    if length == 0 || room != [true, true] {
        return None;
    }
    let mut out = text.to_owned();
    out.replace_range(start..at, "\"");
    out.replace_range(end..end.saturating_add(1), "\"");
    Some(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// A body or an object: line breaks separate.
    Lines,
    /// Parentheses, brackets, `for`, `${`: line breaks are spaces.
    Spaces,
    /// A quoted text.
    Quotes,
}

struct Scan<'t> {
    text: &'t [u8],
    out: Vec<u8>,
    at: usize,
    open: Vec<Open>,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at.saturating_add(ahead)).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn forward(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn blank(&mut self, bytes: usize) {
        let end = self.at.saturating_add(bytes).min(self.text.len());
        if let Some(part) = self.out.get_mut(self.at..end) {
            part.fill(b' ');
        }
        self.at = end;
    }

    fn spaces(&self) -> bool {
        self.open.last() == Some(&Open::Spaces)
    }

    fn step(&mut self, byte: u8) {
        if self.open.last() == Some(&Open::Quotes) {
            return self.quoted(byte);
        }
        let comment = comment(self.rest());
        if comment > 0 {
            return if self.spaces() {
                self.blank(comment)
            } else {
                self.forward(comment)
            };
        }
        match byte {
            b'"' => self.open.push(Open::Quotes),
            b'(' | b'[' => self.open.push(Open::Spaces),
            b'{' if is_for(self.text.get(self.at.saturating_add(1)..).unwrap_or_default()) => {
                self.open.push(Open::Spaces)
            }
            b'{' => self.open.push(Open::Lines),
            b')' | b']' | b'}' => {
                self.open.pop();
            }
            b'<' if self.peek(1) == Some(b'<') => {
                let heredoc = heredoc(self.rest());
                return self.forward(heredoc.max(1));
            }
            b'\n' | b'\r' if self.spaces() => return self.blank(1),
            _ => {}
        }
        self.forward(1);
    }

    fn quoted(&mut self, byte: u8) {
        match (byte, self.peek(1), self.peek(2)) {
            (b'\\', Some(_), _) => self.forward(2),
            (b'$', Some(b'$'), Some(b'{')) | (b'%', Some(b'%'), Some(b'{')) => self.forward(3),
            (b'$' | b'%', Some(b'{'), _) => {
                self.open.push(Open::Spaces);
                self.forward(2);
            }
            (b'"', _, _) => {
                self.open.pop();
                self.forward(1);
            }
            _ => self.forward(1),
        }
    }
}

/// How long the comment is that a text begins with, without the line break that ends it.
fn comment(text: &[u8]) -> usize {
    if text.starts_with(b"/*") {
        let end = text.windows(2).skip(2).position(|two| two == b"*/");
        return end.map_or(text.len(), |end| end.saturating_add(4));
    }
    if text.starts_with(b"#") || text.starts_with(b"//") {
        return text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    }
    0
}

/// Whether what stands behind a brace is a `for` expression.
fn is_for(mut text: &[u8]) -> bool {
    loop {
        text = text.trim_ascii_start();
        let comment = comment(text);
        if comment == 0 {
            break;
        }
        text = text.get(comment..).unwrap_or_default();
    }
    let behind = text.strip_prefix(b"for").map(|behind| behind.first());
    matches!(behind, Some(Some(byte)) if byte.is_ascii_whitespace() || matches!(byte, b'#' | b'/'))
}

/// How long the heredoc is that a text begins with, with the line break behind its end, without which it has none; 0 if it is none.
fn heredoc(text: &[u8]) -> usize {
    let mark = text.get(2..).unwrap_or_default();
    let mark = mark.strip_prefix(b"-").unwrap_or(mark);
    let behind = text.len().saturating_sub(mark.len());
    let mut lines = mark.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let before = behind.saturating_add(first.len());
    let mark = first.trim_ascii();
    if mark.is_empty()
        || !mark
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    {
        return 0;
    }
    let mut length = before;
    for line in lines {
        if line.trim_ascii() == mark {
            return length.saturating_add(line.len());
        }
        length = length.saturating_add(line.len());
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(text: &str, expected: &str) {
        let found = without_breaks(text).unwrap();
        assert_eq!(found.len(), text.len(), "places must not move");
        assert_eq!(found, expected);
    }

    #[test]
    fn breaks_in_for_expressions_are_spaces() {
        becomes(
            "a = {\n  for k in x : k =>\n  1\n}\nb = 2\n",
            "a = {   for k in x : k =>   1 }\nb = 2\n",
        );
        becomes(
            "a = {\r\n  for k in x : k =>\r\n  1\r\n}\r\n",
            "a = {    for k in x : k =>    1  }\r\n",
        );
        becomes(
            "a = { # é\n for k in x :\n k => v }",
            "a = {       for k in x :  k => v }",
        );
        becomes("a = [\n 1, /*\n*/ 2\n]\n", "a = [  1,       2 ]\n");
    }

    /// The lines behind each of them were counted: four megabytes took minutes.
    #[test]
    fn what_begins_no_heredoc_is_looked_at_once() {
        let text = "x = 1 <<! \n".repeat(380_000);
        becomes(&text, &text);
    }

    #[test]
    fn objects_are_told_from_blocks() {
        let of = |text: &str| -> Vec<(String, usize)> {
            let found = objects(text).into_iter();
            found
                .map(|(at, keys)| (text[at..].chars().take(4).collect(), keys))
                .collect()
        };
        let one = |begin: &str, keys| vec![(begin.to_owned(), keys)];
        assert_eq!(of("a = { b = 1, c : 2\n\"d=\" = x == 1 }\n"), one("{ b ", 3));
        assert_eq!(of("r \"x\" {\n  a = 1\n  b {\n    c = 2\n  }\n}\n"), []);
        assert_eq!(
            of("r \"x\" {\n  a = [for x in { b = 1 } : x]\n}\n"),
            one("{ b ", 1)
        );
        assert_eq!(of("a = { # {\n for k in x :\n k => v }"), one("{ # ", 2));
        assert_eq!(
            of("a = \"${ { b = 1 } }\"\nc = <<E\n{ d = 1\nE\n"),
            one("{ b ", 1)
        );
        assert_eq!(of("a = {b = 1"), one("{b =", 1), "without an end");
    }

    #[test]
    fn breaks_that_separate_stay() {
        for text in [
            "a = {\n  b = 1 # c\n  d = 2\n}\n",
            "a = {\n  form = 1\n  b = 2\n}\n",
            "r \"x\" {\n  a = 1\n}\n",
            "a = \"{ for\n\"\n",
            "a = \"$${ for\n\\\"\n\"\n",
        ] {
            becomes(text, text);
        }
        becomes(
            "a = { for k in x : k => {\n  b = 1\n  c = 2\n}\n}",
            "a = { for k in x : k => {\n  b = 1\n  c = 2\n} }",
        );
        becomes(
            "a = [<<-E\n  b\n  c # d\n  E\n,\n1]\n",
            "a = [<<-E\n  b\n  c # d\n  E\n, 1]\n",
        );
    }
}
