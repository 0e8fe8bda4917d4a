//! Reading JSON (RFC 8259), bounded in size and depth, with exact numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Number, NumberError, Value};

/// What a document may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest document, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of arrays and objects; a scalar has depth 0.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 64 MiB, depth 128 (which is what the value encoding can hold).
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            max_depth: 128,
        }
    }
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// Longer than [`Limits::max_bytes`].
    #[error("the document has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than [`Limits::max_depth`].
    #[error("nesting is deeper than the limit of {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("the document is not valid UTF-8")]
    Utf8,
    /// Something else was expected here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The document ends in the middle of a value.
    #[error("unexpected end of the document, expected {0}")]
    UnexpectedEnd(&'static str),
    /// A control character within a string.
    #[error("control characters must be escaped in strings")]
    ControlCharacter,
    /// An escape that JSON does not know.
    #[error("unknown escape sequence")]
    BadEscape,
    /// Half of a UTF-16 surrogate pair.
    #[error("a \\u escape is an unpaired surrogate, which no Unicode text contains")]
    LoneSurrogate,
    /// Not a number, or one with too many digits.
    #[error(transparent)]
    Number(NumberError),
    /// An object has a key twice, where that is refused.
    #[error("an object has the key `{0}` more than once")]
    Repeated(String),
    /// Something follows the value.
    #[error("unexpected content after the end of the value")]
    Trailing,
}

/// Why a document can't be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column} (byte {offset}): {kind}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Byte offset of the culprit, from 0.
    pub offset: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

impl JsonError {
    fn at(bytes: &[u8], offset: usize, kind: JsonErrorKind) -> Self {
        let before = bytes.get(..offset).unwrap_or(bytes);
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at.saturating_add(1));
        let column = before
            .get(line_start..)
            .map_or(0, |text| text.iter().filter(|b| **b & 0xc0 != 0x80).count())
            .saturating_add(1);
        let line = before.iter().filter(|b| **b == b'\n').count().saturating_add(1);
        Self {
            kind,
            offset,
            line,
            column,
        }
    }
}

/// Reads one JSON document.
///
/// Numbers are exact. Of equal keys the last wins, as in Go's decoder and so in OPA. Unlike Go's, invalid UTF-8 and
/// unpaired surrogates are errors rather than replaced, because two different inputs must never become one value.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    read(bytes, limits, None, false)
}

/// Reads one JSON document as [`parse`] does, and refuses one in which an object has a key more than once: where readers differ in which of them counts.
pub fn parse_unique(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    read(bytes, limits, None, true)
}

/// Reads one JSON document as [`parse`] does, with the same errors, and keeps little of it: objects on the first `levels` levels, the document's own being
/// the first, with what in them is no collection. Arrays are there and empty, and so are objects below.
pub fn outline(bytes: &[u8], limits: &Limits, levels: usize) -> Result<Value, JsonError> {
    read(bytes, limits, Some(levels), false)
}

fn read(bytes: &[u8], limits: &Limits, levels: Option<usize>, unique: bool) -> Result<Value, JsonError> {
    if bytes.len() > limits.max_bytes {
        let kind = JsonErrorKind::TooLarge {
            size: bytes.len(),
            limit: limits.max_bytes,
        };
        return Err(JsonError {
            kind,
            offset: limits.max_bytes,
            line: 1,
            column: 1,
        });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError::at(bytes, error.valid_up_to(), JsonErrorKind::Utf8))?;
    let mut parser = Parser {
        text,
        bytes,
        at: 0,
        limits,
        levels,
        unique,
    };
    parser
        .document()
        .map_err(|kind| JsonError::at(bytes, parser.at, kind))
}

/// A key that is there more than once, cut to 80 characters.
fn repeated(pairs: &[(Value, Value)]) -> Option<String> {
    let mut keys: Vec<&str> = pairs.iter().filter_map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    let pairs = keys.iter().zip(keys.iter().skip(1));
    let (twice, _) = pairs.into_iter().find(|(one, other)| one == other)?;
    Some(twice.chars().take(80).collect())
}

/// INVARIANT: `at <= bytes.len()`, and `at` is the offset to blame when a method returns an error.
struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: &'a Limits,
    /// On how many levels objects are kept with what is in them; `None`: everything is kept.
    levels: Option<usize>,
    /// Whether a key that an object has twice is an error.
    unique: bool,
}

type Parsed<T> = Result<T, JsonErrorKind>;

impl<'a> Parser<'a> {
    fn document(&mut self) -> Parsed<Value> {
        let value = self.value(0)?;
        self.skip_space();
        if self.at < self.bytes.len() {
            Err(JsonErrorKind::Trailing)
        } else {
            Ok(value)
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.bytes.len());
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.advance(1);
        }
    }

    fn expected(&self, what: &'static str) -> JsonErrorKind {
        if self.at < self.bytes.len() {
            JsonErrorKind::Expected(what)
        } else {
            JsonErrorKind::UnexpectedEnd(what)
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Value> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Parsed<Value> {
        if !self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        {
            return Err(self.expected("`true`, `false` or `null`"));
        }
        self.advance(word.len());
        Ok(value)
    }

    fn number(&mut self) -> Parsed<Value> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let end = self.at.saturating_add(length);
        let text = self.text.get(self.at..end).unwrap_or_default();
        let number = Number::parse(text).map_err(JsonErrorKind::Number)?;
        self.at = end;
        Ok(Value::Number(number))
    }

    fn enter(&mut self, depth: usize) -> Parsed<usize> {
        if depth >= self.limits.max_depth {
            return Err(JsonErrorKind::TooDeep {
                limit: self.limits.max_depth,
            });
        }
        self.advance(1);
        self.skip_space();
        Ok(depth.saturating_add(1))
    }

    fn array(&mut self, depth: usize) -> Parsed<Value> {
        let inner = self.enter(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.advance(1);
            return Ok(Value::from(items));
        }
        loop {
            let item = self.value(inner)?;
            if self.levels.is_none() {
                items.push(item);
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.advance(1),
                Some(b']') => break,
                _ => return Err(self.expected("`,` or `]`")),
            }
        }
        self.advance(1);
        Ok(Value::from(items))
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        let inner = self.enter(depth)?;
        let mut pairs = Vec::new();
        if self.peek() == Some(b'}') {
            self.advance(1);
            return Ok(Value::from(BTreeMap::new()));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let key = Value::String(self.string()?);
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.expected("`:`"));
            }
            self.advance(1);
            let value = self.value(inner)?;
            if self.levels.is_none_or(|levels| depth < levels) {
                pairs.push((key, value));
            }
            self.skip_space();
            match self.peek() {
                Some(b',') => self.advance(1),
                Some(b'}') => break,
                _ => return Err(self.expected("`,` or `}`")),
            }
        }
        self.advance(1);
        if self.unique
            && let Some(key) = repeated(&pairs)
        {
            return Err(JsonErrorKind::Repeated(key));
        }
        // Collecting sorts once and builds the tree in bulk; of equal keys the last one stays.
        Ok(Value::Object(Arc::new(pairs.into_iter().collect())))
    }

    /// Moves to the next byte that ends or interrupts a run of plain characters, and returns the run.
    fn plain_run(&mut self) -> &'a str {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|b| *b == b'"' || *b == b'\\' || *b < 0x20)
            .unwrap_or(rest.len());
        self.advance(length);
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn string(&mut self) -> Parsed<Arc<str>> {
        self.advance(1);
        let run = self.plain_run();
        if self.peek() == Some(b'"') {
            self.advance(1);
            return Ok(run.into());
        }
        let mut out = run.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(out.into());
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(JsonErrorKind::ControlCharacter),
                None => return Err(JsonErrorKind::UnexpectedEnd("the end of a string")),
            }
            out.push_str(self.plain_run());
        }
    }

    /// One escape sequence; leaves the position on its backslash when it is wrong.
    fn escape(&mut self) -> Parsed<char> {
        let next = self.bytes.get(self.at.saturating_add(1)).copied();
        let plain = match next {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) => return Err(JsonErrorKind::BadEscape),
            None => return Err(JsonErrorKind::UnexpectedEnd("an escape sequence")),
        };
        self.advance(2);
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Parsed<char> {
        let first = self.code_unit(self.at)?;
        if let Some(scalar) = char::from_u32(first) {
            self.advance(6);
            return Ok(scalar);
        }
        let low_at = self.at.saturating_add(6);
        if self.bytes.get(low_at..low_at.saturating_add(2)) != Some(br"\u") || first >= 0xdc00 {
            return Err(JsonErrorKind::LoneSurrogate);
        }
        let second = self.code_unit(low_at)?;
        let scalar = char::decode_utf16(
            [first, second]
                .into_iter()
                .map(|unit| u16::try_from(unit).unwrap_or(u16::MAX)),
        )
        .next()
        .and_then(Result::ok)
        .ok_or(JsonErrorKind::LoneSurrogate)?;
        self.advance(12);
        Ok(scalar)
    }

    /// The four hex digits after the `\u` at this offset.
    fn code_unit(&self, at: usize) -> Parsed<u32> {
        let digits = self.bytes.get(at.saturating_add(2)..at.saturating_add(6));
        let digits = digits.ok_or(JsonErrorKind::UnexpectedEnd("four hexadecimal digits"))?;
        digits.iter().try_fold(0u32, |value, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(JsonErrorKind::BadEscape)?;
            Ok(value.wrapping_mul(16).wrapping_add(digit))
        })
    }
}
