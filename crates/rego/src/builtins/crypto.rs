//! Hashes and MACs. All results are lower-case hex.

use aws_lc_rs::{constant_time, digest, hmac};
use stele_types::Value;

use super::args::string;
use super::{BuiltinError, Session};

type Result<T> = std::result::Result<T, BuiltinError>;

macro_rules! hashes {
    ($($name:ident $algorithm:ident;)+) => { $(
        /// The digest of the string's bytes.
        pub(super) fn $name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            Ok(hex::encode(digest::digest(&digest::$algorithm, string(args, 0)?.as_bytes())).into())
        }
    )+ };
}

hashes! {
    sha1 SHA1_FOR_LEGACY_USE_ONLY;
    sha256 SHA256;
}

macro_rules! macs {
    ($($name:ident $algorithm:ident;)+) => { $(
        /// The MAC of a message under a key.
        pub(super) fn $name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            let key = hmac::Key::new(hmac::$algorithm, string(args, 1)?.as_bytes());
            Ok(hex::encode(hmac::sign(&key, string(args, 0)?.as_bytes())).into())
        }
    )+ };
}

macs! {
    hmac_sha1 HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    hmac_sha256 HMAC_SHA256;
    hmac_sha512 HMAC_SHA512;
}

pub(super) fn hmac_equal(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (string(args, 0)?, string(args, 1)?);
    Ok(constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes())
        .is_ok()
        .into())
}

pub(super) fn md5(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(hex::encode(md5_digest(&[string(args, 0)?.as_bytes()])).into())
}

/// HMAC (RFC 2104) over MD5, which the crypto library leaves out.
pub(super) fn hmac_md5(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (message, key) = (string(args, 0)?.as_bytes(), string(args, 1)?.as_bytes());
    let short = if key.len() > 64 {
        md5_digest(&[key]).to_vec()
    } else {
        key.to_vec()
    };
    let padded = |pad: u8| -> Vec<u8> {
        short
            .iter()
            .copied()
            .chain(std::iter::repeat(0))
            .take(64)
            .map(|byte| byte ^ pad)
            .collect()
    };
    let inner = md5_digest(&[&padded(0x36), message]);
    Ok(hex::encode(md5_digest(&[&padded(0x5c), &inner])).into())
}

/// Rotations of the four rounds.
const ROTATIONS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// MD5 (RFC 1321) of the parts one after the other. Broken for signatures; policies compare legacy checksums with it.
fn md5_digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut message = parts.concat();
    let bits = u64::try_from(message.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&bits.to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in message.as_chunks::<64>().0 {
        md5_block(&mut state, block);
    }
    let mut out = [0; 16];
    for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_le_bytes();
    }
    out
}

fn md5_block(state: &mut [u32; 4], block: &[u8; 64]) {
    let words: Vec<u32> = block
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect();
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64_usize {
        let (mix, word) = match step >> 4 {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), step.wrapping_mul(5).wrapping_add(1)),
            2 => (b ^ c ^ d, step.wrapping_mul(3).wrapping_add(5)),
            _ => (c ^ (b | !d), step.wrapping_mul(7)),
        };
        let rotation = ROTATIONS
            .get(step >> 4)
            .and_then(|round| round.get(step & 3))
            .copied()
            .unwrap_or(0);
        let word = words.get(word & 15).copied().unwrap_or(0);
        let sum = a.wrapping_add(mix).wrapping_add(sine(step)).wrapping_add(word);
        (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(rotation)));
    }
    for (total, add) in state.iter_mut().zip([a, b, c, d]) {
        *total = total.wrapping_add(add);
    }
}

/// `floor(2^32 |sin(step + 1)|)`, RFC 1321 section 3.4. Doubles are exact enough for all 64 (the tests compare known digests).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 <= step < 64, and the product is below 2^32"
)]
fn sine(step: usize) -> u32 {
    ((step as f64 + 1.0).sin().abs() * 4_294_967_296.0) as u32
}
