//! Finding the end of a plain run of a JSON string, eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes come before the first quote, backslash or control character: what a JSON string holds as it is.
#[must_use]
#[inline]
pub fn plain_run(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut done = 0_usize;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let special = special(u64::from_le_bytes(*chunk));
        if special != 0 {
            // Borrows of a subtraction go to higher bytes only, so the lowest mark is right.
            return done.wrapping_add((special.trailing_zeros() >> 3) as usize);
        }
        done = done.wrapping_add(8);
        rest = after;
    }
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    done.wrapping_add(end.unwrap_or(rest.len()))
}

/// Marks quotes, backslashes and bytes below `0x20` by their highest bit.
#[inline]
const fn special(word: u64) -> u64 {
    let quote = (word ^ ONES.wrapping_mul(b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ ONES.wrapping_mul(b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES.wrapping_mul(0x20));
    // Below 0x80 a subtraction reaches the highest bit only where it goes below zero; the bytes from there on are none of these.
    (quote | backslash | control) & !word & HIGHS
}
