//! Base64 as Go's decoders take it: line ends are skipped and the unused bits of the last character may be anything.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{BuiltinError, failed};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    LENIENT.with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const URL_PADDED: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

fn without_line_ends(text: &str) -> Vec<u8> {
    text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect()
}

fn decode(engine: &GeneralPurpose, text: &str) -> Result<Vec<u8>, BuiltinError> {
    engine
        .decode(without_line_ends(text))
        .map_err(|error| failed(format!("illegal base64 data: {error}")))
}

/// Decodes the standard alphabet; padding must be there.
pub(super) fn standard(text: &str) -> Result<Vec<u8>, BuiltinError> {
    decode(&STANDARD, text)
}

/// Decodes the alphabet for URLs; padding may be there.
pub(super) fn url(text: &str) -> Result<Vec<u8>, BuiltinError> {
    decode(&URL, text)
}

/// Decodes the alphabet for URLs; padding must be there and complete.
pub(super) fn url_padded(text: &str) -> Result<Vec<u8>, BuiltinError> {
    decode(&URL_PADDED, text)
}

/// Encodes with the standard alphabet, with padding.
pub(super) fn encode_standard(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Encodes with the alphabet for URLs, without padding.
pub(super) fn encode_url(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
