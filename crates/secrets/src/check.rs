//! What a format says about itself beyond its characters: checksums, structure, and for settings whether a value is a secret at all.

use crate::entropy;
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use std::sync::LazyLock;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// What must hold of a secret besides its pattern and entropy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Nothing.
    #[default]
    None,
    /// The last six characters are the base62 CRC-32 of what stands between the first `_` and them (GitHub, npm).
    Base62Crc32,
    /// An AWS access key id; the detail is its account, where it encodes one.
    AwsAccessKey,
    /// Standard base64 of 64 bytes: Azure Storage, Cosmos DB and Service Bus keys of the older kind have 64 or 32.
    Base64Key,
    /// A JSON web token: header and payload are JSON objects, the header names an algorithm, and the signature is not shorter than its signatures are.
    Jwt,
    /// GitLab's routable tokens: length and CRC-32 in base 36.
    GitlabRoutable,
    /// A PEM or PGP private key whose body is base64.
    Pem,
    /// Bech32 (BIP 173) with its checksum: age identities.
    Bech32,
    /// Grafana's service account tokens: CRC-32, little endian, hexadecimal.
    GrafanaCrc32,
    /// Base64 of a JSON object, behind the prefix if there is one (Grafana).
    Base64Json,
    /// At least one letter and one digit.
    Mixed,
    /// A value of a setting that looks made by a generator, not written as a word or a reference.
    Random,
    /// A password that is no reference to a variable and no stand-in.
    Password,
}

/// A check's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It can't be a secret of this kind.
    No,
    /// It may be; the detail is what the secret says about its owner.
    Yes(Option<String>),
    /// Its checksum holds: no placeholder has one.
    Proven(Option<String>),
}

impl Check {
    /// How much of what a pattern took is the secret: `-` and `_` behind a JSON web token's signature are of the text around it (`<!--eyJ...-->`).
    pub(crate) fn length(self, secret: &[u8]) -> usize {
        match self {
            Self::Jwt => jwt_length(secret),
            _ => secret.len(),
        }
    }

    /// Whether what was found can be real. `behind` is the text behind it.
    pub(crate) fn run(self, secret: &[u8], behind: &[u8]) -> Answer {
        let plain = |holds: bool| if holds { Answer::Yes(None) } else { Answer::No };
        let proven = |holds: bool| if holds { Answer::Proven(None) } else { Answer::No };
        match self {
            Self::None => Answer::Yes(None),
            Self::Base62Crc32 => proven(base62_crc32_holds(secret)),
            Self::AwsAccessKey => {
                Answer::Yes(account_of_access_key(secret).map(|account| format!("account {account}")))
            }
            Self::Base64Key => plain(
                STANDARD
                    .decode(secret)
                    .is_ok_and(|key| [32, 64].contains(&key.len())),
            ),
            Self::Jwt => plain(is_jwt(secret, behind)),
            Self::GitlabRoutable => proven(gitlab_routable_holds(secret)),
            Self::Pem => plain(is_pem_body(secret)),
            Self::Bech32 => proven(bech32_holds(secret)),
            Self::GrafanaCrc32 => proven(grafana_holds(secret)),
            Self::Base64Json => plain(
                secret
                    .splitn(2, |byte| *byte == b'_')
                    .last()
                    .is_some_and(|body| json_object(&STANDARD, body).is_some()),
            ),
            Self::Mixed => plain(is_mixed(secret)),
            Self::Random => plain(is_random(secret)),
            Self::Password => plain(
                !is_reference(secret) && !entropy::is_chosen_stand_in(secret) && !is_password_hash(secret),
            ),
        }
    }
}

/// The six base62 digits (0-9, A-Z, a-z) of a text's CRC-32, as GitHub and npm append them.
///
/// Source: GitHub, "Behind GitHub's new authentication token formats" (2021).
#[must_use]
pub fn base62_crc32(body: &[u8]) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    digits(crc32fast::hash(body), DIGITS, 6)
}

/// The seven base36 digits of a text's CRC-32, as GitLab's routable tokens end with.
///
/// Source: GitLab handbook, "Cells: Routable Tokens".
#[must_use]
pub fn routable_crc32(body: &[u8]) -> String {
    digits(crc32fast::hash(body), b"0123456789abcdefghijklmnopqrstuvwxyz", 7)
}

/// A number in the base of its digits, padded with zeros to a width.
fn digits(mut number: u32, alphabet: &[u8], width: usize) -> String {
    let base = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(width);
    while number > 0 || out.len() < width {
        let digit = number.checked_rem(base).unwrap_or(0);
        out.push(alphabet.get(digit as usize).copied().unwrap_or(b'0'));
        number = number.checked_div(base).unwrap_or(0);
    }
    out.reverse();
    String::from_utf8(out).unwrap_or_default()
}

fn base62_crc32_holds(secret: &[u8]) -> bool {
    let Some(body) = secret.splitn(2, |byte| *byte == b'_').nth(1) else {
        return false;
    };
    let Some((random, checksum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    base62_crc32(random).as_bytes() == checksum
}

/// The eight digits that end a Grafana service account token whose earlier part is `key`.
///
/// Source: grafana/grafana, `pkg/components/satokengen/tokengen.go`.
#[must_use]
pub fn grafana_crc32(key: &[u8]) -> String {
    hex::encode(crc32fast::hash(key).to_le_bytes())
}

fn grafana_holds(secret: &[u8]) -> bool {
    let Some((key, tail)) = secret
        .len()
        .checked_sub(9)
        .and_then(|at| secret.split_at_checked(at))
    else {
        return false;
    };
    tail.strip_prefix(b"_")
        .is_some_and(|digits| digits.eq_ignore_ascii_case(grafana_crc32(key).as_bytes()))
}

fn gitlab_routable_holds(secret: &[u8]) -> bool {
    let Some((signed, checksum)) = secret
        .len()
        .checked_sub(7)
        .and_then(|at| secret.split_at_checked(at))
    else {
        return false;
    };
    checksum == routable_crc32(signed).as_bytes()
}

/// The AWS account that an access key id names in its bits; keys made before about 2019 name none.
///
/// Sources: AWS IAM User Guide, "IAM identifiers" (prefixes); Tal Be'ery, "A short note on AWS KEY ID" (2023) (bits 1 to 40 of the decoded part).
#[must_use]
pub fn account_of_access_key(id: &[u8]) -> Option<String> {
    let body = id.get(4..12)?;
    // Older identifiers start with I or J here. Of the newer ones the first bit is 1: Q to Z, and 2 to 7.
    if matches!(body.first()?, b'A'..=b'P') {
        return None;
    }
    let mut bits = 0_u64;
    for byte in body {
        let value = match byte {
            b'A'..=b'Z' => byte.checked_sub(b'A')?,
            b'2'..=b'7' => byte.checked_sub(b'2')?.checked_add(26)?,
            _ => return None,
        };
        bits = bits.checked_shl(5)? | u64::from(value);
    }
    // Eight characters are 40 bits; the account takes bits 1 to 40 of the whole, so one character more adds its top bit.
    let next = match id.get(12)? {
        byte @ b'A'..=b'Z' => byte.checked_sub(b'A')?,
        byte @ b'2'..=b'7' => byte.checked_sub(b'2')?.checked_add(26)?,
        _ => return None,
    };
    let account = (bits & ((1 << 39) - 1)) << 1 | u64::from(next >> 4);
    (account <= 999_999_999_999).then(|| format!("{account:012}"))
}

fn json_object(engine: &GeneralPurpose, text: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    let bytes = engine.decode(text).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// RFC 7519: three base64url parts, of which the first two are JSON objects; RFC 7515 section 4.1.1: `alg` must be there. What has a shorter signature than its algorithm
/// makes was made up, or cut. A longer one may have been encoded otherwise (as hexadecimal digits, in DER), or have text behind it.
fn is_jwt(secret: &[u8], behind: &[u8]) -> bool {
    signed(secret).is_some_and(|(algorithm, payload, signature)| {
        let length = signature.len().saturating_add(wrapped(behind));
        length >= least_signature(&algorithm) && json_object(&URL_SAFE, payload).is_some()
    })
}

/// A JSON web token whose signature can't be one.
fn is_made_up_jwt(value: &[u8]) -> bool {
    let signed = value.starts_with(b"eyJ").then(|| signed(value)).flatten();
    signed.is_some_and(|(algorithm, _, signature)| signature.len() < least_signature(&algorithm))
}

/// The length of a JSON web token without the `-` and `_` that would make its signature too long.
fn jwt_length(secret: &[u8]) -> usize {
    let surplus = signed(secret).and_then(|(algorithm, _, signature)| {
        let surplus = signature.get(least_signature(&algorithm)..)?;
        let is_text = is_fixed(&algorithm) && surplus.iter().all(|byte| matches!(byte, b'-' | b'_'));
        is_text.then_some(surplus.len())
    });
    secret.len().saturating_sub(surplus.unwrap_or(0))
}

/// How many characters of base64url go on in the next lines, where a text is wrapped. Words are shorter than those lines.
fn wrapped(behind: &[u8]) -> usize {
    const LINE: usize = 16;
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut length = 0usize;
    let mut rest = behind;
    while let Some(b'\n' | b'\r') = rest.first() {
        rest = rest.trim_ascii_start();
        let line = rest
            .iter()
            .position(|byte| !is_base64(byte))
            .unwrap_or(rest.len());
        if line < LINE {
            break;
        }
        length = length.saturating_add(line);
        rest = rest.get(line..).unwrap_or_default();
    }
    length
}

/// The algorithm, payload and signature of what has three parts, the first of which names an algorithm.
fn signed(secret: &[u8]) -> Option<(String, &[u8], &[u8])> {
    let parts: Vec<&[u8]> = secret.split(|byte| *byte == b'.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        return None;
    };
    let header = json_object(&URL_SAFE, header)?;
    Some((header.get("alg")?.as_str()?.to_owned(), payload, signature))
}

/// The characters of base64url that the shortest signature of an algorithm has: RFC 7518 sections 3.2 to 3.5, RFC 8037 section 3.1, RFC 8812 section 3.2. RSA's is that of the
/// key; 1,024 bits are the least that anybody still has. Of an algorithm that is not known any will do.
fn least_signature(algorithm: &str) -> usize {
    let bytes: usize = match algorithm {
        "HS256" => 32,
        "HS384" => 48,
        "HS512" | "ES256" | "ES256K" | "EdDSA" => 64,
        "ES384" => 96,
        "ES512" => 132,
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => 128,
        _ => 0,
    };
    bytes.saturating_mul(4).div_ceil(3)
}

/// Whether all signatures of an algorithm have one length.
fn is_fixed(algorithm: &str) -> bool {
    algorithm != "EdDSA" && (algorithm.starts_with("HS") || algorithm.starts_with("ES"))
}

/// The base64 of a key's body, whatever stands between its lines: line breaks, their escapes, quotes of a string literal.
fn is_pem_body(secret: &[u8]) -> bool {
    let mut body = Vec::with_capacity(secret.len());
    let mut bytes = secret.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next_if(|next| matches!(next, b'n' | b'r' | b't'));
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => body.push(byte),
            _ => {}
        }
    }
    let whole = body
        .len()
        .checked_div(4)
        .and_then(|groups| groups.checked_mul(4))
        .unwrap_or(0);
    let head = body.get(..whole.min(64)).unwrap_or_default();
    // ASN.1 SEQUENCE (PKCS#1, PKCS#8, SEC 1), OpenSSH's magic, or an OpenPGP secret key packet.
    STANDARD.decode(head).is_ok_and(|der| {
        matches!(der.first(), Some(0x30 | 0x94 | 0x95 | 0x97 | 0xC5)) || der.starts_with(b"openssh-key-v1\0")
    })
}

/// BIP 173's checksum over a whole string of one case.
fn bech32_holds(secret: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let text = secret.to_ascii_lowercase();
    let Some(separator) = memchr::memrchr(b'1', &text) else {
        return false;
    };
    let (Some(prefix), Some(data)) = (text.get(..separator), text.get(separator.saturating_add(1)..)) else {
        return false;
    };
    let mut values: Vec<u8> = prefix.iter().map(|byte| byte >> 5).collect();
    values.push(0);
    values.extend(prefix.iter().map(|byte| byte & 31));
    for byte in data {
        let Some(value) = ALPHABET.iter().position(|letter| letter == byte) else {
            return false;
        };
        values.push(u8::try_from(value).unwrap_or(0));
    }
    let mut checksum = 1_u32;
    for value in values {
        let top = checksum >> 25;
        checksum = (checksum & 0x01ff_ffff) << 5 ^ u32::from(value);
        for (bit, generator) in GENERATORS.iter().enumerate() {
            if top >> bit & 1 == 1 {
                checksum ^= generator;
            }
        }
    }
    checksum == 1
}

fn is_mixed(secret: &[u8]) -> bool {
    secret.iter().any(u8::is_ascii_digit) && secret.iter().any(u8::is_ascii_alphabetic)
}

/// What a value has that is filled in later.
static REFERENCE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    entropy::any_of(&[
        "${", "{{", "#{", "%(", "$(", "%{", "<%", "@{", "((", "env.", "environ", "getenv", "secrets.",
        "vault:", "var.", "process.", "config.", "arn:", "{{", "!ref",
    ])
});

/// Whether a value is taken from somewhere else when the program runs: `${VAR}`, `{{ x }}`, `%(x)s`, `<token>`, `os.environ[...]`.
fn is_reference(value: &[u8]) -> bool {
    if entropy::has(&REFERENCE, value) {
        return true;
    }
    let closed = [b"<>", b"{}", b"[]", b"%%"]
        .iter()
        .any(|[open, close]| value.first() == Some(open) && value.last() == Some(close));
    closed || matches!(value.first(), Some(b'$' | b'*' | b'/' | b'.' | b'#' | b'@'))
}

/// What Django and Werkzeug keep of a password: `pbkdf2_sha256$1000$salt$hash`, `scrypt:32768:8:1$salt$hash`, each with numbers and a hash as its method has them. Hashes in
/// crypt(3)'s form begin with `$`. One of MD5 is as good as the password.
///
/// Sources: <https://docs.djangoproject.com/en/stable/topics/auth/passwords/>, <https://werkzeug.palletsprojects.com/en/stable/utils/#module-werkzeug.security>.
fn is_password_hash(value: &[u8]) -> bool {
    let number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let base64 = |text: &[u8], bytes: usize| STANDARD.decode(text).is_ok_and(|hash| hash.len() == bytes);
    let hexadecimal = |text: &[u8], bytes: usize| {
        text.len() == bytes.saturating_mul(2) && text.iter().all(u8::is_ascii_hexdigit)
    };
    // Version, cost, and 22 characters of salt before 31 of hash.
    let bcrypt = |version: &[u8], cost: &[u8], hash: &[u8]| {
        matches!(version, b"2a" | b"2b" | b"2y") && number(cost) && hash.len() == 53
    };
    let parts: Vec<&[u8]> = value.split(|byte| *byte == b'$').collect();
    match parts.as_slice() {
        [b"pbkdf2_sha256", rounds, _, hash] => number(rounds) && base64(hash, 32),
        [b"pbkdf2_sha1", rounds, _, hash] => number(rounds) && base64(hash, 20),
        [b"scrypt", cost, _, block, threads, hash] => {
            [cost, block, threads].into_iter().all(|text| number(text)) && base64(hash, 64)
        }
        [b"argon2", kind, version, costs, _, hash] => {
            kind.starts_with(b"argon2")
                && version.starts_with(b"v=")
                && costs.starts_with(b"m=")
                && STANDARD.decode(hash).is_ok_and(|hash| hash.len() >= 16)
        }
        [b"bcrypt" | b"bcrypt_sha256", b"", version, cost, hash] => bcrypt(version, cost, hash),
        [method, _, hash] => {
            let words: Vec<&[u8]> = method.split(|byte| *byte == b':').collect();
            match words.as_slice() {
                [b"pbkdf2", digest, rounds @ ..] if rounds.iter().all(|text| number(text)) => match *digest {
                    b"sha1" => hexadecimal(hash, 20),
                    b"sha256" => hexadecimal(hash, 32),
                    b"sha512" => hexadecimal(hash, 64),
                    _ => false,
                },
                [b"scrypt", costs @ ..] => costs.iter().all(|text| number(text)) && hexadecimal(hash, 64),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether a value looks made by a generator. What people write as values of settings that merely sound secret is made of words, numbers,
/// versions and paths; a generated value has parts in which letters and digits alternate.
fn is_random(value: &[u8]) -> bool {
    // The cheapest question first: most values of settings are words.
    if !is_mixed(value) || is_reference(value) || entropy::is_chosen_stand_in(value) {
        return false;
    }
    // Calls, selectors, markup, sentences and addresses.
    if value.iter().any(|byte| {
        matches!(
            byte,
            b'(' | b')' | b'{' | b'}' | b'<' | b'>' | b'[' | b']' | b';' | b'`' | b'\\' | b' ' | b'|'
        )
    }) || memchr::memmem::find(value, b"://").is_some()
        || (memchr::memmem::find(value, b"..").is_some() && !value.starts_with(b"eyJ"))
    {
        return false;
    }
    let is_separator = |byte: &u8| matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b',' | b'@');
    if is_uuid(value) || is_constant(value) || is_password_hash(value) {
        return false;
    }
    if is_made_up_jwt(value) || is_public(value) {
        return false;
    }
    // Escapes are no digits of the value.
    let value = without_escapes(value);
    value.split(is_separator).any(|part| {
        part.len() >= 8
            && (turns(part) >= 3 || changes(part).saturating_mul(4) >= part.len())
            && is_mixed(part)
    })
}

/// Keys that their vendors have everyone put into web pages: they name an account and open nothing.
///
/// <https://docs.stripe.com/keys>, <https://clerk.com/docs/guides/development/clerk-environment-variables>, <https://posthog.com/docs/api>,
/// <https://supabase.com/docs/guides/api/api-keys>, <https://docs.mapbox.com/help/glossary/access-token/>.
fn is_public(value: &[u8]) -> bool {
    let prefixes: [&[u8]; 5] = [b"pk_live_", b"pk_test_", b"phc_", b"sb_publishable_", b"pk.eyJ"];
    prefixes.iter().any(|prefix| value.starts_with(prefix))
}

/// 8-4-4-4-12 hexadecimal digits: names of things far more often than secrets.
fn is_uuid(value: &[u8]) -> bool {
    let lengths: Vec<usize> = value.split(|byte| *byte == b'-').map(<[u8]>::len).collect();
    lengths == [8, 4, 4, 4, 12] && value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// `NAMES_LIKE_THIS_1`: constants of the program.
fn is_constant(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
        && value.iter().filter(|byte| **byte == b'_').count() >= 2
}

/// A text without its `%XX`.
fn without_escapes(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        match rest {
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = after
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// How often letters change to digits or back.
fn turns(part: &[u8]) -> usize {
    part.windows(2)
        .filter(|pair| matches!(pair, [left, right] if left.is_ascii_digit() != right.is_ascii_digit()))
        .count()
}

/// How often a capital follows a small letter, or digits begin or end. In words joined by capitals, it is once a word.
fn changes(part: &[u8]) -> usize {
    let change = |left: &u8, right: &u8| {
        left.is_ascii_digit() != right.is_ascii_digit()
            || (left.is_ascii_lowercase() && right.is_ascii_uppercase())
    };
    part.windows(2)
        .filter(|pair| matches!(pair, [left, right] if change(left, right)))
        .count()
}

#[cfg(test)]
mod tests;
