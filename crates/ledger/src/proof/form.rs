//! That a proof is written as the format has it. serde alone takes more: `null` for what is absent, arrays for objects, addresses in any case, and of a
//! member that a value has twice the last. Another reader takes less, or the other one, and then the two disagree on what was proven.

use stele_types::json::{self, Limits};
use stele_types::{Value, encoding};

use super::{MAX_PROOF_BYTES, ProofBundle, VerifyError};

/// Of a whole bundle: its record's values, two levels down, may be as deep as any.
const LIMITS: Limits = Limits {
    max_bytes: MAX_PROOF_BYTES,
    max_depth: encoding::MAX_DEPTH + 2,
};

/// Compares a file with what was read from it.
pub(super) fn check(bytes: &[u8], bundle: &ProofBundle) -> Result<(), VerifyError> {
    let found = json::parse_unique(bytes, &LIMITS)?;
    let written = json::parse(&serde_json::to_vec(bundle)?, &LIMITS)?;
    match difference(&found, &written, String::new()) {
        None => Ok(()),
        Some(place) => Err(VerifyError::Form { place }),
    }
}

/// Where two documents first differ.
fn difference(found: &Value, written: &Value, at: String) -> Option<String> {
    if found == written {
        return None;
    }
    if let (Some(found), Some(written)) = (found.as_object(), written.as_object()) {
        let one_way = found
            .iter()
            .map(|(key, value)| (key, Some(value), written.get(key)));
        let other = written.iter().filter(|(key, _)| !found.contains_key(*key));
        let mut members = one_way.chain(other.map(|(key, value)| (key, None, Some(value))));
        return members.find_map(|(key, one, other)| {
            let place = format!("{at}/{}", key.as_str().unwrap_or_default());
            match (one, other) {
                (Some(one), Some(other)) => difference(one, other, place),
                _ => Some(place),
            }
        });
    }
    if let (Some(found), Some(written)) = (found.as_array(), written.as_array())
        && found.len() == written.len()
    {
        let mut items = found.iter().zip(written).enumerate();
        return items.find_map(|(number, (one, other))| difference(one, other, format!("{at}/{number}")));
    }
    Some(if at.is_empty() {
        "the document".to_owned()
    } else {
        at
    })
}
