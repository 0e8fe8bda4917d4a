//! What a verifier remembers of a log: how far it has verified it, which head it cosigned last, and whether it refuses to go on.
//!
//! INVARIANT: a head is durable here before it is cosigned, and nothing is cosigned that does not extend it. So a crash at any write can
//! lose a cosignature, and never bring about two that contradict each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stele_ledger::storage::{LedgerError, Store, replace_file_durably};
use stele_ledger::tree::Edge;
use stele_types::{BlockNumber, DecisionId, Digest, Leaf, PolicyVersion, Timestamp, TreeSize, sha256};

use crate::error::VerifierError;
use crate::order::Latest;

/// The format's name, in every state file.
const FORMAT: &str = "stele/verifier-state/v1";

/// What a verifier accuses a log of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accusation {
    /// Two heads that the log's key signed, or one and the chain's anchor, can't be of one log.
    Fork,
    /// The log has fewer leaves than it had, or than the chain holds.
    Rollback,
    /// A decision is not what the version in force says.
    WrongDecision,
    /// A decision is dated long before one ahead of it.
    Misdated,
}

impl Accusation {
    /// The word for metrics and headers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::WrongDecision => "wrong_decision",
            Self::Misdated => "misdated",
        }
    }
}

/// Why a verifier cosigns nothing of a log any more, until an operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// What it is.
    pub accusation: Accusation,
    /// In words.
    pub message: String,
    /// When it was seen.
    pub at: Timestamp,
    /// The signed notes that contradict each other, or the one that covers the wrong decision.
    pub notes: Vec<String>,
    /// The wrong decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Accused>,
    /// Whether the webhook has taken it.
    #[serde(default)]
    pub told: bool,
    /// Why the webhook won't take it, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<String>,
}

/// A wrong or misdated decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accused {
    /// Its place in the log.
    pub index: u64,
    /// Its id.
    pub decision_id: DecisionId,
    /// RFC 6962 hash of its leaf.
    pub leaf_hash: Digest,
    /// Of a misdated one, the place of the decision ahead of it that is dated later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// Its leaf, as the log's key signed it: the node need not serve it again. None in files of earlier versions.
    #[serde(default, with = "leaf_text", skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Leaf>,
    /// The leaf of the one ahead.
    #[serde(default, with = "leaf_text", skip_serializing_if = "Option::is_none")]
    pub ahead_leaf: Option<Leaf>,
    /// Attempts at a challenge, each of which may have paid for a commitment.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Tries that ended before anything was paid, or whose attempt failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When the last attempt began, or the last try ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<Timestamp>,
    /// What stood in the way at the last try, which is followed by another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// What became of the challenge, if this verifier challenges by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// The block at which the chain said so, as long as no final block does: it may take it back. None where that is for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<BlockNumber>,
}

fn none(size: &TreeSize) -> bool {
    *size == TreeSize::ZERO
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Leaves in state files: 576 hex digits.
pub(crate) mod leaf_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de};
    use stele_types::Leaf;

    pub(crate) fn serialize<S: Serializer>(leaf: &Option<Leaf>, serializer: S) -> Result<S::Ok, S::Error> {
        match leaf {
            Some(leaf) => serializer.serialize_str(&hex::encode(leaf.to_bytes())),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Leaf>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let bytes = hex::decode(&text).map_err(de::Error::custom)?;
        Leaf::from_bytes(&bytes).map(Some).map_err(de::Error::custom)
    }
}

/// A decision that can't be verified, which accuses nobody: its record does not fit, is withheld, or passes the verifier's limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hindrance {
    /// Its place in the log.
    pub index: u64,
    /// Its id.
    pub decision_id: DecisionId,
    /// RFC 6962 hash of its leaf.
    pub leaf_hash: Digest,
    /// In words.
    pub problem: String,
    /// Its policy version, where that has no bundle here: nor can its other decisions be executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<PolicyVersion>,
}

/// A tree head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Leaves.
    pub size: TreeSize,
    /// RFC 6962 root.
    pub root: Digest,
}

/// A log's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    format: String,
    /// The log.
    pub origin: String,
    /// The verified tree's right edge.
    pub edge: Edge,
    /// The latest date in the verified tree; none at the start, and in files of versions that did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Latest>,
    /// Leaves up to which the decisions were not re-executed, when they were verified: the contract gets no signature that covers them. Zero in files of
    /// versions that did not look.
    #[serde(default, skip_serializing_if = "none")]
    pub unchecked_until: TreeSize,
    /// The signed note of the verified tree; none at the start.
    pub note: Option<String>,
    /// The head that was cosigned last.
    pub cosigned: Option<Head>,
    /// The decision beyond which nothing can be verified, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<Hindrance>,
    /// Why nothing is cosigned, if so.
    pub refused: Option<Refusal>,
    /// The wrong decision's record as the node served it, in case the node serves it no more. It holds the input, so it is shown to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Leaves that an operator has looked at and accepted, though they are accused or can't be verified.
    pub accepted: BTreeSet<Digest>,
    /// Policy versions whose decisions an operator accepts unseen, where they can't be executed here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted_versions: BTreeSet<PolicyVersion>,
}

impl LogState {
    fn new(origin: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            origin: origin.to_owned(),
            edge: Edge::default(),
            latest: None,
            unchecked_until: TreeSize::ZERO,
            note: None,
            cosigned: None,
            hindrance: None,
            refused: None,
            evidence: None,
            accepted: BTreeSet::new(),
            accepted_versions: BTreeSet::new(),
        }
    }

    /// The verified head.
    pub fn verified(&self) -> Head {
        Head {
            size: self.edge.size(),
            root: self.edge.root(),
        }
    }

    /// The size that a witness answers with: of the head that was cosigned last, zero before the first.
    pub fn cosigned_size(&self) -> TreeSize {
        self.cosigned.map_or(TreeSize::ZERO, |head| head.size)
    }

    fn check(&self, origin: &str) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!(
                "its format is `{}`, this program reads `{FORMAT}`",
                self.format
            ));
        }
        if self.origin != origin {
            return Err(format!("it is of the log `{}`, not of `{origin}`", self.origin));
        }
        if self.cosigned_size() > self.edge.size() {
            return Err("more was cosigned than verified".to_owned());
        }
        Ok(())
    }
}

/// A log's state and the file that holds it.
pub struct StateFile {
    store: Arc<dyn Store>,
    path: String,
    state: LogState,
    /// Whether the file does not say what the state says: a refusal that could not be written.
    behind: bool,
}

impl std::fmt::Debug for StateFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl StateFile {
    /// Reads a log's state; a log that was never seen begins with its first leaf.
    ///
    /// # Errors
    /// [`VerifierError::State`] when the file is damaged, [`VerifierError::Store`] when it can't be read.
    pub fn open(store: Arc<dyn Store>, origin: &str) -> Result<Self, VerifierError> {
        let path = format!("{}.json", sha256(&[origin.as_bytes()]));
        let read = store
            .read(&path)
            .map_err(|source| LedgerError::io("read", &path, source))?;
        let state = match read {
            None => LogState::new(origin),
            Some(bytes) => {
                let damaged = |problem: String| VerifierError::State {
                    file: path.clone(),
                    problem,
                };
                let state: LogState =
                    serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
                state.check(origin).map_err(damaged)?;
                state
            }
        };
        Ok(Self {
            store,
            path,
            state,
            behind: false,
        })
    }

    /// The state; what it says is durable, but for a refusal that could not be written yet.
    pub const fn state(&self) -> &LogState {
        &self.state
    }

    /// Changes the state: durably, or not at all as far as this value says.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub fn change(&mut self, change: impl FnOnce(&mut LogState)) -> Result<(), VerifierError> {
        let mut next = self.state.clone();
        change(&mut next);
        if next == self.state && !self.behind {
            return Ok(());
        }
        self.write(&next)?;
        self.state = next;
        self.behind = false;
        Ok(())
    }

    /// Refuses the log from now on, whether that can be written or not: a full disk is no reason to cosign what is accused.
    ///
    /// # Errors
    /// [`VerifierError::Store`]: it is not durable yet. [`Self::settle`] tries again.
    pub fn refuse(&mut self, refusal: Refusal, evidence: Option<String>) -> Result<(), VerifierError> {
        self.state.refused = Some(refusal);
        self.state.evidence = evidence;
        self.behind = true;
        self.settle()
    }

    /// Makes durable what is not.
    ///
    /// # Errors
    /// [`VerifierError::Store`].
    pub fn settle(&mut self) -> Result<(), VerifierError> {
        if self.behind {
            self.write(&self.state)?;
            self.behind = false;
        }
        Ok(())
    }

    fn write(&self, next: &LogState) -> Result<(), VerifierError> {
        let bytes = serde_json::to_vec_pretty(next).map_err(|error| VerifierError::State {
            file: self.path.clone(),
            problem: error.to_string(),
        })?;
        replace_file_durably(&*self.store, &self.path, &bytes)
            .map_err(|source| LedgerError::io("write", &self.path, source).into())
    }
}

#[cfg(test)]
mod tests {
    use stele_testkit::store::{Crash, Disk, FaultStore};

    use super::*;

    fn head(size: u8, branch: u8) -> Head {
        Head {
            size: TreeSize::new(size.into()),
            root: Digest([branch; 32]),
        }
    }

    /// Grows the log by one leaf and cosigns, as the follower does: first durable, then signed. Returns what left the process.
    fn run(store: &Arc<FaultStore>, branch: u8, signed: &mut Vec<Head>) -> Result<(), VerifierError> {
        let mut file = StateFile::open(Arc::<FaultStore>::clone(store), "log")?;
        for _ in 0..3 {
            let size = u8::try_from(file.state().edge.size().get()).unwrap() + 1;
            file.change(|state| state.edge.push(Digest([branch; 32])))?;
            let next = Head {
                root: file.state().verified().root,
                ..head(size, 0)
            };
            file.change(|state| state.cosigned = Some(next))?;
            signed.push(next);
        }
        Ok(())
    }

    #[test]
    fn a_crash_at_any_write_never_lets_two_heads_of_one_size_be_signed() {
        let count = {
            let store = Arc::new(FaultStore::new(Disk::default()));
            run(&store, 1, &mut Vec::new()).unwrap();
            store.operations()
        };
        assert!(count > 20, "{count} operations");
        for crash in Crash::ALL {
            for operation in 0..count {
                let store = Arc::new(FaultStore::stopping_at(Disk::default(), operation, crash));
                let mut signed = Vec::new();
                run(&store, 1, &mut signed).unwrap_err();
                // The node that is asked again shows another branch: what was signed before the crash must still be known.
                let restarted = Arc::new(FaultStore::new(store.disk()));
                let file = StateFile::open(Arc::<FaultStore>::clone(&restarted) as Arc<dyn Store>, "log");
                let file = file.unwrap_or_else(|error| panic!("{crash:?} at {operation}: {error}"));
                if let Some(last) = signed.last() {
                    let held = file.state().cosigned.unwrap();
                    assert!(held.size >= last.size, "{crash:?} at {operation}");
                    assert!(held.size > last.size || held == *last);
                }
                run(&restarted, 2, &mut signed).unwrap();
                for (at, one) in signed.iter().enumerate() {
                    let twins = signed[at + 1..].iter().filter(|other| other.size == one.size);
                    assert!(
                        twins.clone().all(|other| other == one),
                        "{crash:?} at {operation}: {signed:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_refusal_holds_though_the_disk_is_full_and_is_durable_when_it_is_not() {
        let store = Arc::new(FaultStore::new(Disk::default()));
        let open = || StateFile::open(Arc::<FaultStore>::clone(&store) as Arc<dyn Store>, "log").unwrap();
        let mut file = open();
        file.change(|state| state.edge.push(Digest([1; 32]))).unwrap();
        store.fill_up();
        let refusal = Refusal {
            accusation: Accusation::Fork,
            message: "two heads".to_owned(),
            at: Timestamp(1),
            notes: Vec::new(),
            decision: None,
            told: false,
            parked: None,
        };
        let error = file
            .refuse(refusal.clone(), Some("record".to_owned()))
            .unwrap_err();
        assert!(matches!(error, VerifierError::Store(_)), "{error}");
        assert_eq!(file.state().refused, Some(refusal.clone()));
        file.settle().unwrap_err();
        file.change(|_| {}).unwrap_err();
        store.free_space();
        assert_eq!(open().state().refused, None);
        file.settle().unwrap();
        let written = open();
        assert_eq!(written.state(), file.state());
        assert_eq!(written.state().refused, Some(refusal));
    }

    #[test]
    fn damaged_and_foreign_files_are_refused() {
        let store = Arc::new(FaultStore::new(Disk::default()));
        run(&store, 1, &mut Vec::new()).unwrap();
        let path = format!("{}.json", sha256(&[b"log"]));
        let whole = store.read(&path).unwrap().unwrap();
        let text = String::from_utf8(whole).unwrap();
        for bad in [
            text.replace("state/v1", "state/v2"),
            text.replace("\"log\"", "\"other\""),
            text.replace("\"size\": 3", "\"size\": 7"),
            text[..40].to_owned(),
            text.replacen('{', "{\"more\": 1,", 1),
        ] {
            store.remove(&path).unwrap();
            store.write_at(&path, 0, bad.as_bytes()).unwrap();
            let error =
                StateFile::open(Arc::<FaultStore>::clone(&store) as Arc<dyn Store>, "log").unwrap_err();
            assert!(matches!(error, VerifierError::State { .. }), "{error}");
            assert!(error.to_string().contains("docs/verifiers.md"));
        }
    }
}
