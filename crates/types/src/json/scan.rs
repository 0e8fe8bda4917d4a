//! Finding the end of a plain run of a JSON string, eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes come before the first quote, backslash or control character: what a JSON string holds as it is.
#[must_use]
#[inline]
pub fn plain_run(bytes: &[u8]) -> usize {
    let mut chunks = bytes.chunks_exact(8);
    let mut done = 0_usize;
    for chunk in &mut chunks {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        let special = equals(word, b'"') | equals(word, b'\\') | below_space(word);
        if special != 0 {
            // Borrows of the subtraction go to higher bytes only, so the lowest mark is right.
            return done.wrapping_add((special.trailing_zeros() >> 3) as usize);
        }
        done = done.wrapping_add(8);
    }
    let rest = chunks.remainder();
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    done.wrapping_add(end.unwrap_or(rest.len()))
}

/// Marks bytes that are zero after the subtraction of `byte`.
fn equals(word: u64, byte: u8) -> u64 {
    let difference = word ^ ONES.wrapping_mul(u64::from(byte));
    difference.wrapping_sub(ONES) & !difference & HIGHS
}

/// Marks bytes below `0x20`.
fn below_space(word: u64) -> u64 {
    word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word & HIGHS
}
