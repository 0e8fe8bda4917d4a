//! The canonical value encoding straight from the heap, the same bytes as [`stele_types::encoding`] makes.

use stele_types::encoding::{self, EncodeError, MAX_DEPTH, tag};

use super::{Heap, Kind, Val};

/// 10^18.
const ONE: i128 = 1_000_000_000_000_000_000;
/// Bytes of text that are copied at once, whether all of them are wanted or not.
const BLOCK: usize = 32;
/// Tag and length of a string.
const HEAD: usize = 5;
/// A string's head and a block of text.
const HEADED: usize = HEAD + BLOCK;
/// The least that the output grows by, in bytes.
const GROWTH: usize = 4_096;

impl Heap<'_> {
    /// Appends the canonical bytes of a value; nothing for undefined.
    ///
    /// # Errors
    /// When the value is nested too deeply or needs more than 4 GiB.
    pub fn encode(&self, val: Val, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        let end = self.write(val, out, start, Form::Exact);
        // Leaves the output as it was where there is no encoding.
        out.truncate(*end.as_ref().unwrap_or(&start));
        end.map(drop)
    }

    /// Writes the canonical bytes of a value over whatever `out` holds, and gives their number. There may be more bytes behind them, of no meaning: memory that
    /// is used again need not be emptied first.
    ///
    /// # Errors
    /// As [`Heap::encode`].
    pub fn encode_over(&self, val: Val, out: &mut Vec<u8>) -> Result<usize, EncodeError> {
        self.write(val, out, 0, Form::Exact)
    }

    /// As [`Heap::encode_over`], of a value's [JSON projection](stele_types::Value::to_json_projection).
    ///
    /// # Errors
    /// As [`Heap::encode`].
    pub fn encode_projected_over(&self, val: Val, out: &mut Vec<u8>) -> Result<usize, EncodeError> {
        self.write(val, out, 0, Form::Projected)
    }

    /// Writes from `start` on. Where it ends.
    fn write(&self, val: Val, out: &mut Vec<u8>, start: usize, form: Form) -> Result<usize, EncodeError> {
        let mut encoder = Encoder {
            heap: self,
            out,
            form,
            stop: None,
        };
        let end = encoder.value(val, start, 0);
        match encoder.stop {
            None => Ok(end),
            Some(Stop::Encode(error)) => Err(error),
            // Keys that are no strings become their JSON text, which may change the order, and make two keys one.
            Some(Stop::Key) => {
                out.truncate(start);
                if let Some(value) = self.to_value(val) {
                    encoding::encode_into(&value.json_projection(), out)?;
                }
                Ok(out.len())
            }
        }
    }
}

/// What is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The value itself.
    Exact,
    /// What JSON has in its place.
    Projected,
}

/// Why there is no encoding.
enum Stop {
    Encode(EncodeError),
    /// A key is no string, and JSON is wanted.
    Key,
}

/// Where an encoding that was stopped is: behind everything.
const NOWHERE: usize = usize::MAX;

/// Writes into an output that is longer than what is written, which costs less than to append. The position goes from function to function in
/// registers, which is why failure is one too: [`NOWHERE`], with the reason in `stop`.
struct Encoder<'e> {
    heap: &'e Heap<'e>,
    out: &'e mut Vec<u8>,
    form: Form,
    stop: Option<Stop>,
}

impl Encoder<'_> {
    #[inline(always)]
    fn value(&mut self, val: Val, at: usize, depth: usize) -> usize {
        match val.kind() {
            Kind::String => self.string(val, at),
            Kind::Array | Kind::Object | Kind::Set => self.container(val, at, depth),
            _ => self.scalar(val, at),
        }
    }

    #[cold]
    fn stop(&mut self, stop: Stop) -> usize {
        self.stop = Some(stop);
        NOWHERE
    }

    /// Makes room up to a position.
    #[inline(always)]
    fn room(&mut self, end: usize) {
        if end > self.out.len() {
            self.grow(end);
        }
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        // The encoding of a document is often twice its JSON.
        let usual = self.heap.scratch.document.len().saturating_mul(2);
        let twice = self.out.len().saturating_mul(2);
        self.out.resize(twice.max(end).max(usual).max(GROWTH), 0);
    }

    /// Puts bytes where there is room for them.
    #[inline(always)]
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) -> usize {
        let end = at.wrapping_add(N);
        if let Some(slot) = self.out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *slot = bytes;
        }
        end
    }

    #[inline(never)]
    fn scalar(&mut self, val: Val, at: usize) -> usize {
        self.room(at.saturating_add(33));
        match val.kind() {
            Kind::Null => self.put(at, [tag::NULL]),
            Kind::False => self.put(at, [tag::FALSE]),
            Kind::True => self.put(at, [tag::TRUE]),
            Kind::Int => self.put(at, integer(val.as_int().unwrap_or_default())),
            Kind::Number => self.number(val, at),
            _ => at,
        }
    }

    #[inline(always)]
    fn string(&mut self, val: Val, at: usize) -> usize {
        let (length, rest) = self.heap.text_from(val);
        let slot = self.out.get_mut(at..).unwrap_or_default();
        match (rest.first_chunk::<BLOCK>(), slot.first_chunk_mut::<HEADED>()) {
            // What is behind the text is written over, or cut off.
            (Some(block), Some(slot)) if length <= BLOCK => {
                let (head, body) = slot.split_at_mut(HEAD);
                head.copy_from_slice(&[tag::STRING, 0, 0, 0, length as u8]);
                body.copy_from_slice(block);
                at.wrapping_add(length).wrapping_add(HEAD)
            }
            _ => self.any_string(val, at),
        }
    }

    #[inline(never)]
    fn any_string(&mut self, val: Val, at: usize) -> usize {
        let heap = self.heap;
        let (length, rest) = heap.text_from(val);
        let (Ok(size), Some(text)) = (u32::try_from(length), rest.get(..length)) else {
            return self.stop(Stop::Encode(EncodeError::TooLarge));
        };
        // So that there is room for a whole block the next time.
        self.room(at.saturating_add(length).saturating_add(HEADED));
        let [a, b, c, d] = size.to_be_bytes();
        let start = self.put(at, [tag::STRING, a, b, c, d]);
        self.copy(text, start)
    }

    /// Copies bytes to where there is room for them.
    fn copy(&mut self, bytes: &[u8], at: usize) -> usize {
        let end = at.saturating_add(bytes.len());
        if let Some(slot) = self.out.get_mut(at..end) {
            slot.copy_from_slice(bytes);
        }
        end
    }

    /// A number that no word holds.
    #[cold]
    fn number(&mut self, val: Val, at: usize) -> usize {
        let Some(number) = self.heap.number(val) else {
            return at;
        };
        match encoding::encode(&number.into_owned().into()) {
            Ok(bytes) => {
                self.room(at.saturating_add(bytes.len()));
                self.copy(&bytes, at)
            }
            Err(error) => self.stop(Stop::Encode(error)),
        }
    }

    /// Tag, body size, count, one offset a part, parts. Sizes and offsets are filled in behind.
    #[inline(never)]
    fn container(&mut self, val: Val, start: usize, depth: usize) -> usize {
        let heap = self.heap;
        let parts = heap.parts(val);
        let (tag, count) = match val.kind() {
            Kind::Object => (tag::OBJECT, parts.len() >> 1),
            Kind::Set if self.form == Form::Exact => (tag::SET, parts.len()),
            _ => (tag::ARRAY, parts.len()),
        };
        let below = depth.wrapping_add(1);
        if below > MAX_DEPTH && !parts.is_empty() {
            return self.stop(Stop::Encode(EncodeError::TooDeep));
        }
        if self.form == Form::Projected && tag == tag::OBJECT && !val.is_known() && !heap.has_text_keys(val) {
            return self.stop(Stop::Key);
        }
        let Ok(count) = u32::try_from(count) else {
            return self.stop(Stop::Encode(EncodeError::TooLarge));
        };
        let table = parts.len().saturating_mul(4);
        self.room(start.saturating_add(table).saturating_add(9));
        let [a, b, c, d] = count.to_be_bytes();
        let mut slot = self.put(start, [tag, 0, 0, 0, 0, a, b, c, d]);
        let mut at = slot.saturating_add(table);
        for part in parts {
            slot = self.put(slot, size(start, at));
            at = self.value(*part, at, below);
            if at == NOWHERE {
                return NOWHERE;
            }
        }
        // No offset is larger than this.
        if u32::try_from(at.wrapping_sub(start)).is_err() {
            return self.stop(Stop::Encode(EncodeError::TooLarge));
        }
        // The size counts what follows the size field: everything but the tag and the field itself.
        self.put(start.wrapping_add(1), size(start.wrapping_add(5), at));
        at
    }
}

/// The bytes between two positions. What does not fit is noticed at the end of the container.
#[inline(always)]
fn size(from: usize, to: usize) -> [u8; 4] {
    (to.wrapping_sub(from) as u32).to_be_bytes()
}

/// Tag, sign and magnitude: 60 bits times 60 bits.
fn integer(value: i64) -> [u8; 33] {
    let word = i128::from(value).wrapping_mul(ONE).to_be_bytes();
    let mut out = if value < 0 { [0xff; 33] } else { [0; 33] };
    let [first, rest @ ..] = &mut out;
    *first = tag::NUMBER;
    if let Some(low) = rest.last_chunk_mut() {
        *low = word;
    }
    out
}
