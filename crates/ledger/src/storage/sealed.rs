//! Small JSON files of the log that nothing signs, with a checksum as their last member. Normative: `docs/formats/log.md`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::checksum;

/// Everything from the comma behind the last member that is covered.
fn tail(body: &[u8]) -> String {
    format!(",\n  \"checksum\": \"{:08x}\"\n}}\n", checksum(body))
}

/// The value, which must be a struct, as indented JSON with the checksum of all that stands before it.
pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = serde_json::to_vec_pretty(value)?;
    // The closing brace and its line break come back with the tail.
    out.truncate(out.len().saturating_sub(2));
    let tail = tail(&out);
    out.extend_from_slice(tail.as_bytes());
    Ok(out)
}

/// Reads it back. Files of older versions have no checksum; a damaged one is an unknown member to types that deny those, as all of ours do.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let at = bytes.len().saturating_sub(tail(&[]).len());
    let (body, found) = bytes.split_at_checked(at).unwrap_or_default();
    if found == tail(body).as_bytes() {
        serde_json::from_slice(&[body, b"}"].concat())
    } else {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        text: String,
        number: u64,
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let file = File {
            text: "\u{1f}é".into(),
            number: 7,
        };
        let bytes = encode(&file).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["checksum"].is_string());
        assert_eq!(decode::<File>(&bytes).unwrap(), file);
        let old = serde_json::to_vec(&file).unwrap();
        assert_eq!(decode::<File>(&old).unwrap(), file);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                assert!(decode::<File>(&bad).is_err(), "byte {at}, bit {bit}");
            }
        }
    }
}
