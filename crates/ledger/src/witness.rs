//! C2SP `tlog-cosignature` (Ed25519, timestamped) and the messages of C2SP `tlog-witness`.
//!
//! A cosignature says that, at its time, the checkpoint was the largest head of the log that the cosigner had seen, and consistent with
//! all it saw before. What the cosigners of this project say besides is in `docs/verifiers.md`.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use stele_types::{Digest, TreeSize};

use crate::note::{
    MAX_NOTE_BYTES, NoteError, check_name, key_id, read_signature, read_vkey, split, unsigned, write_vkey,
};

/// Signature type byte of an Ed25519 cosignature.
const COSIGNATURE_TYPE: u8 = 0x04;
/// What domain-separates a cosignature from a log's own signature.
const HEADER: &str = "cosignature/v1";
/// Hashes that a request may carry, as the specification bounds them.
pub const MAX_PROOF: usize = 63;
/// Longest request of `add-checkpoint`, in bytes.
pub const MAX_REQUEST_BYTES: usize = MAX_NOTE_BYTES + (MAX_PROOF + 2) * 64;
/// Media type of the answer that names a witness's own size.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// The public half of a cosigner's key; as text `<name>+<key id in hex>+<base64(0x04 || public key)>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: String,
    public: [u8; 32],
}

impl CosignerKey {
    /// The cosigner's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks that a note carries this cosigner's signature, and returns its time in seconds since 1970.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`] without one, [`NoteError::BadSignature`] when none fits.
    pub fn verify(&self, note: &str) -> Result<u64, NoteError> {
        let (text, signatures) = split(note)?;
        let id = key_id(&self.name, COSIGNATURE_TYPE, &self.public);
        let mut bad = false;
        for line in signatures.lines() {
            let (name, blob) = read_signature(line)?;
            if name != self.name || !blob.starts_with(&id) {
                continue;
            }
            bad = true;
            let timed = blob.get(4..).and_then(<[u8]>::split_first_chunk::<8>);
            let Some((time, signature)) = timed else {
                continue;
            };
            let time = u64::from_be_bytes(*time);
            let key = UnparsedPublicKey::new(&ED25519, self.public);
            if i64::try_from(time).is_ok() && key.verify(message(text, time).as_bytes(), signature).is_ok() {
                return Ok(time);
            }
        }
        Err(unsigned(self, bad))
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_vkey(f, &self.name, COSIGNATURE_TYPE, &self.public)
    }
}

impl FromStr for CosignerKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let (name, public) = read_vkey(
            text,
            COSIGNATURE_TYPE,
            "it does not hold an Ed25519 cosigner's key",
        )?;
        Ok(Self { name, public })
    }
}

/// What is signed.
fn message(text: &str, time: u64) -> String {
    format!("{HEADER}\ntime {time}\n{text}")
}

/// The private half of a cosigner's key. It must sign nothing but cosignatures under one name: the message does not name the cosigner.
pub struct Cosigner {
    key: CosignerKey,
    pair: Ed25519KeyPair,
}

impl Cosigner {
    /// From the cosigner's name and the 32-byte Ed25519 seed.
    ///
    /// # Errors
    /// A name that notes don't allow, or a seed that is refused.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let fail = |problem| NoteError::Key {
            kind: "cosigner",
            problem,
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| fail("the seed is refused"))?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| fail("the public key is not 32 bytes"))?;
        let key = CosignerKey {
            name: name.to_owned(),
            public,
        };
        Ok(Self { key, pair })
    }

    /// The public half.
    pub const fn key(&self) -> &CosignerKey {
        &self.key
    }

    /// Cosigns a checkpoint's text (all of the note before its signatures) at a time in seconds since 1970, and returns the signature line
    /// with its newline.
    ///
    /// # Errors
    /// A text that does not end in a newline, a time beyond 2^63 - 1.
    pub fn cosign(&self, text: &str, time: u64) -> Result<String, NoteError> {
        let fail = |problem| NoteError::Malformed { problem };
        if !text.ends_with('\n') {
            return Err(fail("the text must end in a newline"));
        }
        if i64::try_from(time).is_err() {
            return Err(fail("the time of a cosignature must be below 2^63"));
        }
        let signature = self
            .pair
            .try_sign(message(text, time).as_bytes())
            .map_err(|_| NoteError::Signing)?;
        let mut blob = key_id(&self.key.name, COSIGNATURE_TYPE, &self.key.public).to_vec();
        blob.extend_from_slice(&time.to_be_bytes());
        blob.extend_from_slice(signature.as_ref());
        Ok(format!("— {} {}\n", self.key.name, BASE64.encode(blob)))
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.key)
    }
}

/// A note with more signature lines. A new signature takes the place of one by the same key, so that asking again adds nothing.
///
/// # Errors
/// A note or a line that is malformed.
pub fn with_signatures<'l>(
    note: &str,
    lines: impl IntoIterator<Item = &'l str>,
) -> Result<String, NoteError> {
    let (text, held) = split(note)?;
    let mut held: Vec<&str> = held.lines().collect();
    for line in lines {
        let line = line.trim_end_matches('\n');
        let signer = signer_of(line)?;
        held.retain(|held| signer_of(held).as_ref() != Ok(&signer));
        held.push(line);
    }
    let mut whole = format!("{text}\n");
    for line in held {
        whole.push_str(line);
        whole.push('\n');
    }
    split(&whole)?;
    Ok(whole)
}

/// Name and key id of a signature line.
fn signer_of(line: &str) -> Result<(&str, [u8; 4]), NoteError> {
    let (name, blob) = read_signature(line)?;
    let id = blob.first_chunk().copied();
    let id = id.ok_or(NoteError::Malformed {
        problem: "a signature is too short",
    })?;
    Ok((name, id))
}

/// The text that a note's signatures are over, with its final newline.
///
/// # Errors
/// A malformed note.
pub fn signed_text(note: &str) -> Result<&str, NoteError> {
    Ok(split(note)?.0)
}

/// The body of a request of `add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last, as far as the client knows.
    pub old: TreeSize,
    /// RFC 6962 consistency proof from there; empty when `old` is zero.
    pub proof: Vec<Digest>,
    /// The signed checkpoint.
    pub note: String,
}

/// Why bytes are no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed request: {0}")]
pub struct RequestError(pub &'static str);

impl AddCheckpoint {
    /// The body.
    pub fn to_text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            // Writing into a string can't fail.
            let _ = writeln!(text, "{}", BASE64.encode(hash.0));
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Reads a body. The note itself is not looked at.
    ///
    /// # Errors
    /// [`RequestError`]: to be answered with 400.
    pub fn from_bytes(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(RequestError("it is too long"));
        }
        let text = std::str::from_utf8(body).map_err(|_| RequestError("it is not UTF-8"))?;
        let (first, mut rest) = text
            .split_once('\n')
            .ok_or(RequestError("it has no line of the old size"))?;
        let digits = first
            .strip_prefix("old ")
            .ok_or(RequestError("its first line must be `old` and a size"))?;
        let old: TreeSize = digits
            .parse()
            .map_err(|_| RequestError("the old size is not a number"))?;
        if old.to_string() != digits {
            return Err(RequestError("the old size is not in its one canonical spelling"));
        }
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest
                .split_once('\n')
                .ok_or(RequestError("an empty line must precede the checkpoint"))?;
            rest = after;
            if line.is_empty() {
                break;
            }
            if proof.len() >= MAX_PROOF {
                return Err(RequestError("a proof has at most 63 hashes"));
            }
            let hash = BASE64
                .decode(line)
                .map_err(|_| RequestError("a hash of the proof is not base64"))?;
            let hash: [u8; 32] = hash
                .try_into()
                .map_err(|_| RequestError("a hash of the proof has not 32 bytes"))?;
            proof.push(Digest(hash));
        }
        Ok(Self {
            old,
            proof,
            note: rest.to_owned(),
        })
    }
}

/// Reads the size in a 409 answer.
pub fn read_size(body: &str) -> Option<TreeSize> {
    let digits = body.strip_suffix('\n')?;
    let size: TreeSize = digits.parse().ok()?;
    (size.to_string() == digits).then_some(size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Checkpoint, SignedCheckpoint, SigningKey};

    #[test]
    fn the_specifications_own_example_is_well_formed() {
        // The note of https://c2sp.org/tlog-cosignature: its cosigner's key is not published, the structure is.
        let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
                    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
                    — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
        let (_, signatures) = split(note).unwrap();
        let (name, blob) = read_signature(signatures.lines().nth(1).unwrap()).unwrap();
        assert_eq!((name, blob.len()), ("witness.example.com/w1", 4 + 8 + 64));
        assert_eq!(u64::from_be_bytes(blob[4..12].try_into().unwrap()), 1_679_315_147);
        assert_eq!(
            message(signed_text(note).unwrap(), 1_679_315_147),
            "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        );
    }

    fn checkpoint() -> SignedCheckpoint {
        let key = SigningKey::from_seed("stele/test", &[1; 32]).unwrap();
        let checkpoint = Checkpoint {
            origin: "stele/test".into(),
            size: TreeSize::new(42),
            root: Digest([5; 32]),
            extensions: vec![],
        };
        checkpoint.sign(&key).unwrap()
    }

    #[test]
    fn cosigned_checkpoints_verify_for_log_and_cosigner() {
        let cosigner = Cosigner::from_seed("witness.example/w1", &[7; 32]).unwrap();
        let other = Cosigner::from_seed("witness.example/w2", &[8; 32]).unwrap();
        let signed = checkpoint();
        let text = signed_text(&signed.note).unwrap();
        let line = cosigner.cosign(text, 1_700_000_000).unwrap();
        let note = with_signatures(&signed.note, [line.as_str()]).unwrap();
        assert_eq!(cosigner.key().verify(&note).unwrap(), 1_700_000_000);
        assert!(matches!(
            other.key().verify(&note),
            Err(NoteError::NotSigned { .. })
        ));
        let key = SigningKey::from_seed("stele/test", &[1; 32]).unwrap();
        assert_eq!(
            SignedCheckpoint::open(&note, key.verifier()).unwrap().checkpoint,
            signed.checkpoint
        );
        assert_eq!(
            with_signatures(&note, [line.as_str()]).unwrap(),
            note,
            "not repeated"
        );
        let later = cosigner.cosign(text, 1_700_000_009).unwrap();
        let note = with_signatures(&note, [later.as_str()]).unwrap();
        assert_eq!(cosigner.key().verify(&note).unwrap(), 1_700_000_009);
        assert_eq!(
            note.lines().count(),
            signed.note.lines().count() + 1,
            "the newer takes its place"
        );
        // The same name with another key, another time, another tree.
        let thief = Cosigner::from_seed("witness.example/w1", &[9; 32]).unwrap();
        assert!(thief.key().verify(&note).is_err());
        let moved = note.replace("\n42\n", "\n43\n");
        assert!(matches!(
            cosigner.key().verify(&moved),
            Err(NoteError::BadSignature { .. })
        ));
        // A log's own signature is no cosignature, even by the same key.
        let log = SigningKey::from_seed("witness.example/w1", &[7; 32]).unwrap();
        let own = log.sign(text).unwrap();
        assert!(matches!(
            cosigner.key().verify(&own),
            Err(NoteError::NotSigned { .. })
        ));
        assert!(cosigner.cosign("x", 1).is_err());
        assert!(cosigner.cosign("x\n", u64::MAX).is_err());
    }

    #[test]
    fn keys_round_trip_and_are_not_taken_for_a_logs() {
        let cosigner = Cosigner::from_seed("witness.example/w1", &[7; 32]).unwrap();
        let shown = cosigner.key().to_string();
        assert_eq!(shown.parse::<CosignerKey>().unwrap(), *cosigner.key());
        assert!(shown.parse::<crate::VerifierKey>().is_err());
        let log = SigningKey::from_seed("witness.example/w1", &[7; 32]).unwrap();
        assert!(log.verifier().to_string().parse::<CosignerKey>().is_err());
        assert!(Cosigner::from_seed("a b", &[7; 32]).is_err());
    }

    #[test]
    fn requests_round_trip_and_other_spellings_are_refused() {
        let request = AddCheckpoint {
            old: TreeSize::new(20),
            proof: vec![Digest([1; 32]), Digest([2; 32])],
            note: checkpoint().note,
        };
        let text = request.to_text();
        assert_eq!(AddCheckpoint::from_bytes(text.as_bytes()).unwrap(), request);
        let many = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n".repeat(64);
        for bad in [
            "",
            "old 20",
            "old 020\n\nx",
            "old +2\n\nx",
            "new 2\n\nx",
            "old 2\nAAAA\n\nx",
            "old 2\n?\n\nx",
            "old 2\nx",
            &format!("old 2\n{many}\nx"),
            &"x".repeat(MAX_REQUEST_BYTES + 1),
        ] {
            assert!(AddCheckpoint::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert_eq!(read_size("20\n"), Some(TreeSize::new(20)));
        assert_eq!(read_size("020\n").or(read_size("20")).or(read_size("")), None);
    }

    proptest! {
        #[test]
        fn any_request_is_read_or_refused(text in "(old )?[0-9]{0,3}\n([A=]{0,5}\n){0,3}[a\n]{0,4}") {
            if let Ok(request) = AddCheckpoint::from_bytes(text.as_bytes()) {
                prop_assert_eq!(request.to_text(), text);
            }
        }
    }
}
