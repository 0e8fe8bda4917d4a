//! JSON straight from the heap, the same bytes as [`stele_types::json`] writes.

use std::io::Write as _;

use stele_types::json::write_string;

use super::{Heap, Kind, Space, Val};

impl Heap<'_> {
    /// Appends compact JSON: keys sorted, sets as arrays. Undefined is nothing at all.
    pub fn write_json(&self, val: Val, out: &mut Vec<u8>) {
        match val.kind() {
            Kind::Undefined => {}
            Kind::Null => out.extend_from_slice(b"null"),
            Kind::False => out.extend_from_slice(b"false"),
            Kind::True => out.extend_from_slice(b"true"),
            Kind::Int => integer(val.as_int().unwrap_or_default(), out),
            Kind::Number => {
                if let Some(number) = self.number(val) {
                    // Writing to memory does not fail.
                    let _ = write!(out, "{number}");
                }
            }
            Kind::String => self.string(val, out),
            Kind::Array | Kind::Set => {
                out.push(b'[');
                for (at, part) in self.parts(val).iter().enumerate() {
                    if at != 0 {
                        out.push(b',');
                    }
                    self.write_json(*part, out);
                }
                out.push(b']');
            }
            Kind::Object => self.object(val, out),
        }
    }

    #[inline]
    fn string(&self, val: Val, out: &mut Vec<u8>) {
        let scratch = val.space() == Space::Scratch;
        match scratch.then(|| self.scratch.quoted(val)).flatten() {
            Some(quoted) => out.extend_from_slice(quoted),
            None => write_string(self.text(val), out),
        }
    }

    fn object(&self, val: Val, out: &mut Vec<u8>) {
        if !val.is_known() && !self.has_text_keys(val) {
            // Keys that are no strings become their JSON text, which may change the order.
            if let Some(value) = self.to_value(val) {
                stele_types::json::write(&value, out);
            }
            return;
        }
        out.push(b'{');
        for (at, pair) in self.pairs(val).enumerate() {
            let [key, value] = pair else { continue };
            if at != 0 {
                out.push(b',');
            }
            self.string(*key, out);
            out.push(b':');
            self.write_json(*value, out);
        }
        out.push(b'}');
    }
}

fn integer(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut left = value.unsigned_abs();
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.wrapping_add(u8::try_from(left % 10).unwrap_or_default());
        left /= 10;
        start = start.wrapping_sub(1);
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}
