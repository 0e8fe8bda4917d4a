//! Samples of tokens from templates, so that no token stands in the repository; `docs/secrets.md` has the syntax.

pub mod corpus;

use base64::Engine as _;
use stele_secrets::{base62_crc32, grafana_crc32, routable_crc32};

/// A small generator with a fixed sequence: samples are the same in every run.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: &str) -> Self {
        Self(seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// A number below `bound` (Knuth's MMIX constants, upper bits).
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }

    pub fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut out: Vec<char> = (0..length).map(|_| letters[self.below(letters.len())]).collect();
        // Generated tokens have digits; with a short one, chance might not.
        if alphabet.contains('7') && alphabet.contains('q') && length >= 4 {
            out[length / 2] = '7';
            out[length / 3] = 'q';
        }
        out.into_iter().collect()
    }
}

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn alphabet(name: &str) -> Option<String> {
    Some(match name {
        "digit" => DIGITS.into(),
        "hex" => format!("{DIGITS}abcdef"),
        "HEX" => format!("{DIGITS}ABCDEF"),
        "lower" => format!("{DIGITS}{LOWER}"),
        "upper" => format!("{DIGITS}{UPPER}"),
        "alpha" => format!("{LOWER}{UPPER}"),
        "alnum" => format!("{DIGITS}{LOWER}{UPPER}"),
        "b32" => format!("{UPPER}234567"),
        "b58" => "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".into(),
        "b64" => format!("{DIGITS}{LOWER}{UPPER}+/"),
        "url" => format!("{DIGITS}{LOWER}{UPPER}-_"),
        "low32" => format!("{LOWER}234567"),
        "bech" => "qpzry9x8gf2tvdw0s3jn54khce6mua7l".into(),
        "BECH" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".into(),
        "x" => "x".into(),
        _ => return None,
    })
}

/// Expands a template.
pub fn expand(template: &str, chance: &mut Chance) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (text, used) = tag(rest, &out, chance).unwrap_or_else(|| ("<".into(), 1));
        out.push_str(&text);
        rest = &rest[used..];
    }
    out + rest
}

fn tag(rest: &str, before: &str, chance: &mut Chance) -> Option<(String, usize)> {
    let token = &before[before
        .rfind(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c))
        .map_or(0, |at| at + 1)..];
    for (name, close) in [("<b64of:", '>'), ("<b64url:", '>')] {
        if let Some(body) = rest.strip_prefix(name) {
            let end = body.find(close)?;
            let text = match name {
                "<b64of:" if body[..end].bytes().all(|b| b.is_ascii_digit()) => return None,
                "<b64of:" => base64::engine::general_purpose::STANDARD.encode(&body[..end]),
                _ => base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&body[..end]),
            };
            return Some((text, name.len() + end + 1));
        }
    }
    let end = rest.find('>')?;
    let inside = &rest[1..end];
    let text = match inside.split_once(':') {
        Some((name, count)) => chance.text(&alphabet(name)?, count.parse().ok()?),
        None => match inside {
            "base62crc" => base62_crc32(token.split_once('_')?.1.as_bytes()),
            "grafanacrc" => format!("_{}", grafana_crc32(token.as_bytes())),
            "routablecrc" => routable_crc32(token.as_bytes()),
            "bech32" => bech32_checksum(token),
            _ => return None,
        },
    };
    Some((text, end + 1))
}

/// BIP 173's checksum of a string without one.
fn bech32_checksum(text: &str) -> String {
    const LETTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let lower = text.to_lowercase();
    let (prefix, data) = lower.rsplit_once('1').unwrap();
    let mut values: Vec<u32> = prefix.bytes().map(|b| u32::from(b >> 5)).collect();
    values.push(0);
    values.extend(prefix.bytes().map(|b| u32::from(b & 31)));
    values.extend(data.chars().map(|c| LETTERS.find(c).unwrap() as u32));
    values.extend([0; 6]);
    let mut sum = 1_u32;
    for value in values {
        let top = sum >> 25;
        sum = ((sum & 0x01ff_ffff) << 5) ^ value;
        for (bit, generator) in [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
            .into_iter()
            .enumerate()
        {
            if (top >> bit) & 1 == 1 {
                sum ^= generator;
            }
        }
    }
    sum ^= 1;
    let checksum: String = (0..6)
        .map(|at| LETTERS.as_bytes()[((sum >> (5 * (5 - at))) & 31) as usize] as char)
        .collect();
    if text.chars().any(|c| c.is_ascii_uppercase()) {
        checksum.to_uppercase()
    } else {
        checksum
    }
}
