//! C2SP `tlog-checkpoint`: the signed tree head.
//!
//! The note's text is the origin, the tree size in decimal, the root hash in base64, and optional extension lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use stele_types::{Digest, NodeAddress, TreeSize};

use crate::note::{NoteError, SigningKey, VerifierKey};

/// A tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Identifies the log; equal to the name of its key.
    pub origin: String,
    /// Number of leaves.
    pub size: TreeSize,
    /// RFC 6962 root.
    pub root: Digest,
    /// Extension lines, without line breaks; ours has none, readers keep them.
    pub extensions: Vec<String>,
}

/// A tree head and the note that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// The whole signed note: what `/checkpoint` serves.
    pub note: String,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is malformed or not signed by the expected key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not a checkpoint.
    #[error("malformed checkpoint: {problem}")]
    Malformed {
        /// What is wrong.
        problem: &'static str,
    },
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log `{found}`, not of `{expected}`")]
    Origin {
        /// The origin found.
        found: String,
        /// The key's name.
        expected: String,
    },
}

/// The origin of a node's log unless it is configured otherwise: `stele/<EIP-55 address>`.
pub fn default_origin(node: &NodeAddress) -> String {
    format!("stele/{node}")
}

impl Checkpoint {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0));
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a note; only what [`Checkpoint::to_text`] writes is accepted.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let fail = |problem| CheckpointError::Malformed { problem };
        let body = text
            .strip_suffix('\n')
            .ok_or_else(|| fail("it must end in a newline"))?;
        let mut lines = body.split('\n');
        let origin = lines
            .next()
            .filter(|line| !line.is_empty())
            .ok_or_else(|| fail("it has no origin"))?;
        let size = lines.next().ok_or_else(|| fail("it has no tree size"))?;
        let size: TreeSize = size.parse().map_err(|_| fail("its tree size is not a number"))?;
        let root = lines.next().ok_or_else(|| fail("it has no root hash"))?;
        let root = BASE64
            .decode(root)
            .map_err(|_| fail("its root hash is not base64"))?;
        let root: [u8; 32] = root
            .try_into()
            .map_err(|_| fail("its root hash is not 32 bytes"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(fail("it has an empty extension line"));
        }
        let checkpoint = Self {
            origin: origin.to_owned(),
            size,
            root: Digest(root),
            extensions,
        };
        if checkpoint.to_text() != text {
            return Err(fail("it is not in its one canonical spelling"));
        }
        Ok(checkpoint)
    }

    /// Signs the checkpoint; its origin must be the key's name.
    pub fn sign(self, key: &SigningKey) -> Result<SignedCheckpoint, CheckpointError> {
        check_origin(&self, key.verifier())?;
        let note = key.sign(&self.to_text())?;
        Ok(SignedCheckpoint {
            checkpoint: self,
            note,
        })
    }
}

fn check_origin(checkpoint: &Checkpoint, key: &VerifierKey) -> Result<(), CheckpointError> {
    if checkpoint.origin == key.name() {
        return Ok(());
    }
    Err(CheckpointError::Origin {
        found: checkpoint.origin.clone(),
        expected: key.name().to_owned(),
    })
}

impl SignedCheckpoint {
    /// Reads a signed note and checks its signature and origin.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::from_text(key.open(note)?)?;
        check_origin(&checkpoint, key)?;
        Ok(Self {
            checkpoint,
            note: note.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("stele/test", &[1; 32]).unwrap()
    }

    fn sample() -> Checkpoint {
        Checkpoint {
            origin: "stele/test".into(),
            size: TreeSize::new(42),
            root: Digest([5; 32]),
            extensions: vec![],
        }
    }

    #[test]
    fn signed_checkpoints_round_trip() {
        let signed = sample().sign(&key()).unwrap();
        assert_eq!(
            SignedCheckpoint::open(&signed.note, key().verifier()).unwrap(),
            signed
        );
        let forged = signed.note.replace("\n42\n", "\n43\n");
        assert!(matches!(
            SignedCheckpoint::open(&forged, key().verifier()),
            Err(CheckpointError::Note(NoteError::BadSignature { .. }))
        ));
        let foreign = Checkpoint {
            origin: "other".into(),
            ..sample()
        };
        assert!(matches!(
            foreign.clone().sign(&key()),
            Err(CheckpointError::Origin { .. })
        ));
        let note = key().sign(&foreign.to_text()).unwrap();
        assert!(matches!(
            SignedCheckpoint::open(&note, key().verifier()),
            Err(CheckpointError::Origin { .. })
        ));
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = sample().to_text();
        assert_eq!(Checkpoint::from_text(&text).unwrap(), sample());
        let extended = Checkpoint {
            extensions: vec!["ext 1".into()],
            ..sample()
        };
        assert_eq!(Checkpoint::from_text(&extended.to_text()).unwrap(), extended);
        for bad in [
            "",
            "\n",
            "a\n",
            "a\n1\n",
            &text.replace("42", "042"),
            &text.replace("42", "+42"),
            &text.replace("42", "-1"),
            &text.replace("42", "99999999999999999999"),
            &text.replace('=', ""),
            &format!("{text}\n"),
            text.trim_end(),
        ] {
            assert!(Checkpoint::from_text(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_canonical(text in "[a0-9+/=\n]{0,80}") {
            if let Ok(checkpoint) = Checkpoint::from_text(&text) {
                prop_assert_eq!(checkpoint.to_text(), text);
            }
        }
    }
}
