//! JSON (RFC 8259) straight into a region, bounded in size and depth, with exact numbers.
//!
//! Accepts and refuses what [`stele_types::json::parse`] accepts and refuses. An input that is refused is read again by
//! that parser, which then says what is wrong and where; so there is one set of error messages.

mod objects;

use std::borrow::Cow;

use stele_types::json::{JsonError, JsonErrorKind, Limits};
use stele_types::{Number, json};

use super::convert::{Constants, Seen};
use super::names::LONGEST;
use super::shapes::Shapes;
use super::{Kind, Region, Space, Val};

/// Why an input can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON, or exceeds a limit.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It has more than 4 GiB of text.
    #[error(transparent)]
    Full(#[from] super::Full),
    /// It takes more memory than the evaluation may.
    #[error("the input takes more memory than the {0} bytes that an evaluation may hold")]
    Memory(u64),
    /// It should be a member of an object, and the text is JSON, but of no object.
    #[error("the document that should hold the input is no object")]
    NotAnObject,
}

/// What a parser keeps from one document to the next.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    stack: Vec<Val>,
    shapes: Shapes,
    pairs: Vec<(Val, Val, u16)>,
    places: Vec<u16>,
    /// An object of the last document had a key more than once.
    repeats: bool,
}

impl Reader {
    /// Forgets what it has learned from one program's constants.
    pub(crate) fn forget(&mut self) {
        self.shapes.clear();
    }

    /// Whether an object of the last document had a key more than once.
    pub(crate) const fn repeats(&self) -> bool {
        self.repeats
    }

    /// Gives back memory.
    pub(crate) fn shrink(&mut self) {
        self.stack = Vec::new();
        self.pairs = Vec::new();
    }
}

/// Reads one document into `region`, a scratch region, looking strings up among the `constants`, always the same
/// ones until [`Reader::forget`]. The region and the parts of open collections may take `memory` bytes.
///
/// # Errors
/// [`ParseError`].
pub(crate) fn parse(
    bytes: &[u8],
    (limits, memory): (&Limits, u64),
    region: &mut Region,
    constants: &Constants<'_>,
    reader: &mut Reader,
) -> Result<Val, ParseError> {
    let Some(text) = text_of(bytes, limits) else {
        return Err(explain(bytes, limits).into());
    };
    let base = region.text.len();
    // Offsets of texts are 32 bits.
    if base.saturating_add(bytes.len()) > u32::MAX as usize {
        return Err(super::Full.into());
    }
    if bytes.len() as u64 > memory {
        return Err(ParseError::Memory(memory));
    }
    // Strings without escapes are places in the document itself.
    region.text.push_str(text);
    region.document = base..region.text.len();
    reader.stack.clear();
    reader.repeats = false;
    reader.shapes.begin();
    Parser {
        text,
        bytes,
        base,
        stop: None,
        max_depth: limits.max_depth,
        memory,
        parts: PARTS,
        words: PARTS,
        region,
        constants,
        seen: None,
        common: true,
        reader,
    }
    .finish(limits)
}

/// Reads a document that will stay into a region of its own: equal strings and numbers are kept once, and no more memory is held
/// than needed.
///
/// # Errors
/// [`ParseError`].
pub(crate) fn load(
    bytes: &[u8],
    limits: &Limits,
    region: &mut Region,
    constants: &Constants<'_>,
) -> Result<Val, ParseError> {
    let Some(text) = text_of(bytes, limits) else {
        return Err(explain(bytes, limits).into());
    };
    let root = Parser {
        text,
        bytes,
        base: 0,
        stop: None,
        max_depth: limits.max_depth,
        memory: u64::MAX,
        parts: PARTS,
        words: PARTS,
        region,
        constants,
        seen: Some(Seen::default()),
        common: false,
        reader: &mut Reader::default(),
    }
    .finish(limits)?;
    region.shrink(0);
    Ok(root)
}

/// The document, if it is small enough and UTF-8.
fn text_of<'b>(bytes: &'b [u8], limits: &Limits) -> Option<&'b str> {
    if bytes.len() > limits.max_bytes {
        return None;
    }
    std::str::from_utf8(bytes).ok()
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
    Memory,
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Where the document begins in the region's text.
    base: usize,
    /// Why it ended.
    stop: Option<Stop>,
    max_depth: usize,
    /// Bytes that may be held.
    memory: u64,
    /// How many parts of open collections there may be before the bytes are looked at.
    parts: usize,
    /// How many words of the region.
    words: usize,
    region: &'a mut Region,
    constants: &'a Constants<'a>,
    /// Of a document that will stay.
    seen: Option<Seen<'a>>,
    /// Of one that will not: strings are places in its text.
    common: bool,
    /// Its stack has the parts of the collections that are open.
    reader: &'a mut Reader,
}

/// A value and where it ends. The position goes from function to function in registers, which is why failure is a value too:
/// [`Val::BLANK`], with the reason in [`Parser::stop`].
type Parsed = (Val, usize);

/// Where a failed parse is: behind everything, so that nothing more is found.
const NOWHERE: usize = usize::MAX;

/// Words, or parts of open collections, between two looks at the memory.
const PARTS: usize = 1 << 10;

impl<'a> Parser<'a> {
    fn finish(mut self, limits: &Limits) -> Result<Val, ParseError> {
        let val = self.document();
        match self.stop {
            None => Ok(val),
            Some(Stop::Full) => Err(super::Full.into()),
            Some(Stop::Memory) => Err(ParseError::Memory(self.memory)),
            Some(Stop::Malformed) => Err(explain(self.bytes, limits).into()),
        }
    }

    fn document(&mut self) -> Val {
        let (val, at) = self.value(0, 0, 0);
        if self.stop.is_none() && self.skip_space(at) < self.bytes.len() {
            return self.malformed().0;
        }
        val
    }

    #[cold]
    fn malformed(&mut self) -> Parsed {
        self.stop.get_or_insert(Stop::Malformed);
        (Val::BLANK, NOWHERE)
    }

    /// Whether more is held than may be: looked at after every so many words, parts of open collections, and at numbers that no word
    /// holds.
    fn over(&self) -> bool {
        let parts = self.reader.stack.len().saturating_mul(size_of::<Val>());
        self.region.bytes().saturating_add(parts) as u64 > self.memory
    }

    #[cold]
    fn memory(&mut self) -> Parsed {
        self.stop.get_or_insert(Stop::Memory);
        (Val::BLANK, NOWHERE)
    }

    /// There are many more words, or parts of open collections.
    #[cold]
    fn many(&mut self) -> bool {
        self.parts = self.reader.stack.len().saturating_add(PARTS);
        self.words = self.region.words.len().saturating_add(PARTS);
        self.over()
    }

    #[cold]
    fn full(&mut self) -> Parsed {
        self.stop = Some(Stop::Full);
        (Val::BLANK, NOWHERE)
    }

    #[inline]
    fn peek(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    #[inline]
    fn skip_space(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek(at) {
            at = at.wrapping_add(1);
        }
        at
    }

    /// The value that begins here; space may come before it. `by` is the step that led here: it knows how an object has begun here.
    #[inline(always)]
    fn value(&mut self, at: usize, depth: usize, by: usize) -> Parsed {
        match self.peek(at) {
            Some(b'"') => self.string(at),
            Some(b'{') => self.object(at, depth, by),
            Some(b'[') => self.array(at, depth, by),
            _ => self.other(at, depth, by),
        }
    }

    /// As [`Parser::value`], of what is no string and no collection, or has space before it.
    #[inline(never)]
    fn other(&mut self, at: usize, depth: usize, by: usize) -> Parsed {
        match self.peek(at) {
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b't') => self.word(at, b"true", Val::TRUE),
            Some(b'f') => self.word(at, b"false", Val::FALSE),
            Some(b'n') => self.word(at, b"null", Val::NULL),
            Some(b' ' | b'\n' | b'\r' | b'\t') => {
                let at = self.skip_space(at);
                self.value(at, depth, by)
            }
            _ => self.malformed(),
        }
    }

    fn word(&mut self, at: usize, word: &'static [u8], val: Val) -> Parsed {
        let end = at.wrapping_add(word.len());
        if self.bytes.get(at..end) != Some(word) {
            return self.malformed();
        }
        (val, end)
    }

    fn number(&mut self, at: usize) -> Parsed {
        if let Some(parsed) = self.plain_integer(at) {
            return parsed;
        }
        let rest = self.bytes.get(at..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let end = at.wrapping_add(length);
        let text = self.text.get(at..end).unwrap_or_default();
        let Ok(number) = Number::parse(text) else {
            return self.malformed();
        };
        let val = match &mut self.seen {
            None => self.region.number(number),
            Some(seen) => seen.number(Cow::Owned(number), self.region),
        };
        if self.over() {
            return self.memory();
        }
        (val, end)
    }

    /// An integer of up to 17 digits, which a word holds.
    fn plain_integer(&self, at: usize) -> Option<Parsed> {
        let negative = self.peek(at) == Some(b'-');
        let start = at.wrapping_add(usize::from(negative));
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
        let val = Val::small(if negative { value.wrapping_neg() } else { value })?;
        Some((val, start.wrapping_add(count)))
    }

    #[inline(never)]
    fn array(&mut self, at: usize, depth: usize, by: usize) -> Parsed {
        if depth >= self.max_depth {
            return self.malformed();
        }
        let mut at = self.skip_space(at.wrapping_add(1));
        if self.peek(at) == Some(b']') {
            return (self.region.collection(Kind::Array, &[]), at.wrapping_add(1));
        }
        let start = self.reader.stack.len();
        loop {
            let (item, end) = self.value(at, depth.wrapping_add(1), by);
            self.reader.stack.push(item);
            if self.reader.stack.len() >= self.parts && self.many() {
                return self.memory();
            }
            at = self.skip_space(end);
            match self.peek(at) {
                Some(b',') => at = at.wrapping_add(1),
                Some(b']') => break,
                _ => return self.malformed(),
            }
        }
        let parts = self.reader.stack.get(start..).unwrap_or_default();
        let made = self.region.collection(Kind::Array, parts);
        self.reader.stack.truncate(start);
        if self.region.words.len() >= self.words && self.many() {
            return self.memory();
        }
        (made, at.wrapping_add(1))
    }

    /// The run of plain characters that begins here.
    fn plain_run(&self, at: usize) -> &'a str {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let end = at.wrapping_add(json::plain_run(rest));
        self.text.get(at..end).unwrap_or_default()
    }

    #[inline(always)]
    fn string(&mut self, at: usize) -> Parsed {
        let start = at.wrapping_add(1);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length = json::plain_run(rest);
        let Some((run, [b'"', ..])) = rest.split_at_checked(length) else {
            return self.uncommon_string(start);
        };
        if !self.common || length > LONGEST || self.constants.names.may_have(run) {
            return self.uncommon_string(start);
        }
        let after = start.wrapping_add(length).wrapping_add(1);
        // The document's offsets have been found to fit.
        let offset = self.base.wrapping_add(start) as u32;
        (Val::string(Space::Scratch, offset, length as u64, true), after)
    }

    /// As [`Parser::string`], of one with escapes, one that is long, may be a constant, or is in a document that stays.
    #[inline(never)]
    fn uncommon_string(&mut self, start: usize) -> Parsed {
        let run = self.plain_run(start);
        let end = start.wrapping_add(run.len());
        if self.peek(end) != Some(b'"') {
            return self.escaped(run, end);
        }
        let made = match &mut self.seen {
            None => Ok(self.constants.find(run).unwrap_or_else(|| {
                let known = self.constants.recognises(run);
                self.region.place(self.base.wrapping_add(start), run.len(), known)
            })),
            Some(seen) => seen.string(Cow::Borrowed(run), self.region, self.constants),
        };
        match made {
            Ok(val) => (val, end.wrapping_add(1)),
            Err(super::Full) => self.full(),
        }
    }

    /// A string with escapes; `run` is what comes before the first of them.
    #[cold]
    fn escaped(&mut self, run: &str, mut at: usize) -> Parsed {
        let mut out = run.to_owned();
        loop {
            match self.peek(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    let Some((char, end)) = self.escape(at) else {
                        return self.malformed();
                    };
                    out.push(char);
                    at = end;
                }
                _ => return self.malformed(),
            }
            let run = self.plain_run(at);
            out.push_str(run);
            at = at.wrapping_add(run.len());
        }
        let made = match &mut self.seen {
            None => self.constants.string(&out, self.region),
            Some(seen) => seen.string(Cow::Owned(out), self.region, self.constants),
        };
        match made {
            Ok(val) => (val, at.wrapping_add(1)),
            Err(super::Full) => self.full(),
        }
    }

    /// The character of the escape that begins here, and where it ends.
    fn escape(&self, at: usize) -> Option<(char, usize)> {
        let plain = match self.peek(at.wrapping_add(1))? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(at),
            _ => return None,
        };
        Some((plain, at.wrapping_add(2)))
    }

    fn unicode_escape(&self, at: usize) -> Option<(char, usize)> {
        let first = self.code_unit(at)?;
        if let Some(scalar) = char::from_u32(u32::from(first)) {
            return Some((scalar, at.wrapping_add(6)));
        }
        let low = at.wrapping_add(6);
        if self.bytes.get(low..low.wrapping_add(2)) != Some(br"\u") {
            return None;
        }
        let second = self.code_unit(low)?;
        let scalar = char::decode_utf16([first, second]).next()?.ok()?;
        Some((scalar, at.wrapping_add(12)))
    }

    /// The four hex digits after the `\u` at this offset.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.bytes.get(at.wrapping_add(2)..at.wrapping_add(6))?;
        digits.iter().try_fold(0_u16, |value, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(value.wrapping_mul(16).wrapping_add(u16::try_from(digit).ok()?))
        })
    }
}
