//! JSON (RFC 8259) straight into a region, bounded in size and depth, with exact numbers.
//!
//! Accepts and refuses what [`stele_types::json::parse`] accepts and refuses. An input that is refused is read again by
//! that parser, which then says what is wrong and where; so there is one set of error messages.

use stele_types::json::{JsonError, JsonErrorKind, Limits};
use stele_types::{Number, json};

use super::convert::Constants;
use super::{Kind, Region, Val, scan};

/// Why an input can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON, or exceeds a limit.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It has more than 4 GiB of text.
    #[error(transparent)]
    Full(#[from] super::Full),
}

/// Reads one document into `region`, which must be one that `constants` belong to.
///
/// # Errors
/// [`ParseError`].
pub(crate) fn parse(
    bytes: &[u8],
    limits: &Limits,
    region: &mut Region,
    constants: &Constants<'_>,
    stack: &mut Vec<Val>,
) -> Result<Val, ParseError> {
    let too_large = bytes.len() > limits.max_bytes;
    let text = if too_large {
        None
    } else {
        std::str::from_utf8(bytes).ok()
    };
    let Some(text) = text else {
        return Err(explain(bytes, limits).into());
    };
    stack.clear();
    let mut parser = Parser {
        text,
        bytes,
        at: 0,
        max_depth: limits.max_depth,
        region,
        constants,
        stack,
    };
    match parser.document() {
        Ok(val) => Ok(val),
        Err(Stop::Full) => Err(super::Full.into()),
        Err(Stop::Malformed) => Err(explain(bytes, limits).into()),
    }
}

/// What the other parser says about a document that this one refuses.
fn explain(bytes: &[u8], limits: &Limits) -> JsonError {
    json::parse(bytes, limits).err().unwrap_or(JsonError {
        kind: JsonErrorKind::Expected("a value"),
        offset: 0,
        line: 1,
        column: 1,
    })
}

enum Stop {
    Malformed,
    Full,
}

impl From<super::Full> for Stop {
    fn from(_: super::Full) -> Self {
        Self::Full
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    max_depth: usize,
    region: &'a mut Region,
    constants: &'a Constants<'a>,
    /// Parts of the collections that are open.
    stack: &'a mut Vec<Val>,
}

type Parsed<T> = Result<T, Stop>;

impl<'a> Parser<'a> {
    fn document(&mut self) -> Parsed<Val> {
        let val = self.value(0)?;
        self.skip_space();
        if self.at < self.bytes.len() {
            return Err(Stop::Malformed);
        }
        Ok(val)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at = self.at.wrapping_add(1);
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Val> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Val::TRUE),
            Some(b'f') => self.word(b"false", Val::FALSE),
            Some(b'n') => self.word(b"null", Val::NULL),
            _ => Err(Stop::Malformed),
        }
    }

    fn word(&mut self, word: &'static [u8], val: Val) -> Parsed<Val> {
        let end = self.at.wrapping_add(word.len());
        if self.bytes.get(self.at..end) != Some(word) {
            return Err(Stop::Malformed);
        }
        self.at = end;
        Ok(val)
    }

    fn number(&mut self) -> Parsed<Val> {
        if let Some(val) = self.plain_integer() {
            return Ok(val);
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let end = self.at.wrapping_add(length);
        let text = self.text.get(self.at..end).unwrap_or_default();
        let number = Number::parse(text).map_err(|_| Stop::Malformed)?;
        self.at = end;
        Ok(self.region.number(number))
    }

    /// An integer of up to 17 digits, which a word holds.
    fn plain_integer(&mut self) -> Option<Val> {
        let negative = self.peek() == Some(b'-');
        let start = self.at.wrapping_add(usize::from(negative));
        let digits = self.bytes.get(start..)?;
        let mut value = 0_i64;
        let mut count = 0_usize;
        while let Some(digit @ b'0'..=b'9') = digits.get(count) {
            value = value
                .wrapping_mul(10)
                .wrapping_add(i64::from(digit.wrapping_sub(b'0')));
            count = count.wrapping_add(1);
            if count > 17 {
                return None;
            }
        }
        let leading_zero = count > 1 && digits.first() == Some(&b'0');
        if count == 0 || leading_zero || matches!(digits.get(count), Some(b'.' | b'e' | b'E' | b'-' | b'+')) {
            return None;
        }
        self.at = start.wrapping_add(count);
        Val::small(if negative { value.wrapping_neg() } else { value })
    }

    fn enter(&mut self, depth: usize) -> Parsed<usize> {
        if depth >= self.max_depth {
            return Err(Stop::Malformed);
        }
        self.at = self.at.wrapping_add(1);
        self.skip_space();
        Ok(depth.wrapping_add(1))
    }

    fn array(&mut self, depth: usize) -> Parsed<Val> {
        let inner = self.enter(depth)?;
        let start = self.stack.len();
        if self.peek() == Some(b']') {
            self.at = self.at.wrapping_add(1);
            return Ok(self.region.collection(Kind::Array, &[]));
        }
        loop {
            let item = self.value(inner)?;
            self.stack.push(item);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at = self.at.wrapping_add(1),
                Some(b']') => break,
                _ => return Err(Stop::Malformed),
            }
        }
        self.at = self.at.wrapping_add(1);
        let made = self
            .region
            .collection(Kind::Array, self.stack.get(start..).unwrap_or_default());
        self.stack.truncate(start);
        Ok(made)
    }

    fn object(&mut self, depth: usize) -> Parsed<Val> {
        let inner = self.enter(depth)?;
        let start = self.stack.len();
        if self.peek() == Some(b'}') {
            self.at = self.at.wrapping_add(1);
            return Ok(self.region.collection(Kind::Object, &[]));
        }
        let mut sorted = true;
        let mut before: Option<Val> = None;
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(Stop::Malformed);
            }
            let key = self.string()?;
            sorted = sorted && before.is_none_or(|before| self.text_of(before) < self.text_of(key));
            before = Some(key);
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(Stop::Malformed);
            }
            self.at = self.at.wrapping_add(1);
            self.stack.push(key);
            let value = self.value(inner)?;
            self.stack.push(value);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at = self.at.wrapping_add(1),
                Some(b'}') => break,
                _ => return Err(Stop::Malformed),
            }
        }
        self.at = self.at.wrapping_add(1);
        if !sorted {
            self.sort(start);
        }
        let made = self
            .region
            .collection(Kind::Object, self.stack.get(start..).unwrap_or_default());
        self.stack.truncate(start);
        Ok(made)
    }

    fn text_of(&self, val: Val) -> &str {
        if matches!(val.space(), super::Space::Consts) {
            self.constants.region.text_of(val)
        } else {
            self.region.text_of(val)
        }
    }

    /// Sorts the pairs from `start` on by key; of equal keys the last stays.
    fn sort(&mut self, start: usize) {
        let mut pairs: Vec<(Val, Val)> = self
            .stack
            .drain(start..)
            .as_slice()
            .chunks_exact(2)
            .filter_map(|pair| Some((*pair.first()?, *pair.last()?)))
            .collect();
        // Stable, so of equal keys the last one stands last.
        pairs.sort_by(|a, b| self.text_of(a.0).cmp(self.text_of(b.0)));
        for (at, (key, value)) in pairs.iter().enumerate() {
            let next = pairs.get(at.wrapping_add(1));
            if next.is_none_or(|(other, _)| self.text_of(*other) != self.text_of(*key)) {
                self.stack.extend([*key, *value]);
            }
        }
    }

    /// Moves to the next byte that ends or interrupts a run of plain characters, and returns the run.
    fn plain_run(&mut self) -> &'a str {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        self.at = start.wrapping_add(scan::plain(rest));
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn string(&mut self) -> Parsed<Val> {
        self.at = self.at.wrapping_add(1);
        let run = self.plain_run();
        if self.peek() == Some(b'"') {
            self.at = self.at.wrapping_add(1);
            return Ok(self.constants.string(run, self.region)?);
        }
        let mut out = run.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at = self.at.wrapping_add(1);
                    return Ok(self.constants.string(&out, self.region)?);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(Stop::Malformed),
            }
            out.push_str(self.plain_run());
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let next = self.bytes.get(self.at.wrapping_add(1)).copied();
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
            _ => return Err(Stop::Malformed),
        };
        self.at = self.at.wrapping_add(2);
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Parsed<char> {
        let first = self.code_unit(self.at)?;
        if let Some(scalar) = char::from_u32(u32::from(first)) {
            self.at = self.at.wrapping_add(6);
            return Ok(scalar);
        }
        let low = self.at.wrapping_add(6);
        if self.bytes.get(low..low.wrapping_add(2)) != Some(br"\u") {
            return Err(Stop::Malformed);
        }
        let second = self.code_unit(low)?;
        let scalar = char::decode_utf16([first, second])
            .next()
            .and_then(Result::ok)
            .ok_or(Stop::Malformed)?;
        self.at = self.at.wrapping_add(12);
        Ok(scalar)
    }

    /// The four hex digits after the `\u` at this offset.
    fn code_unit(&self, at: usize) -> Parsed<u16> {
        let digits = self
            .bytes
            .get(at.wrapping_add(2)..at.wrapping_add(6))
            .ok_or(Stop::Malformed)?;
        digits.iter().try_fold(0_u16, |value, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(Stop::Malformed)?;
            Ok(value
                .wrapping_mul(16)
                .wrapping_add(u16::try_from(digit).unwrap_or_default()))
        })
    }
}
