//! What can go wrong with the log on disk.

use std::io;
use std::sync::Arc;

use stele_types::{DecisionId, IdError, LeafIndex, RecordError, Timestamp, TreeSize};

use crate::checkpoint::CheckpointError;
use crate::mask::MaskError;

/// Why an operation on the log failed. Cheap to clone, because one failed write fails many appends.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// A file operation failed.
    #[error("can't {action} `{path}`: {source}{}", advice(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file, relative to the log's directory.
        path: String,
        /// The system's reason.
        source: Arc<io::Error>,
    },
    /// Another process has the directory.
    #[error(
        "the log in `{directory}` is in use by another program ({holder}); stop it or choose another directory"
    )]
    Locked {
        /// The directory.
        directory: String,
        /// What the other program wrote about itself.
        holder: String,
    },
    /// Stored bytes that were durable have changed.
    #[error("`{file}` is corrupt at byte {offset}: {problem}; {mend}")]
    Corrupt {
        /// The file, relative to the log's directory.
        file: String,
        /// Byte offset of the culprit.
        offset: u64,
        /// What is wrong.
        problem: String,
        /// How to mend it.
        mend: &'static str,
    },
    /// The stored checkpoint can't be trusted.
    #[error(
        "`{file}` is not a checkpoint of this log: {source}; open the log with its own key, or, if the file is damaged, remove it (it is made anew from the records)"
    )]
    Checkpoint {
        /// The file.
        file: String,
        /// Why.
        source: CheckpointError,
    },
    /// The records stop before what was signed or anchored.
    #[error(
        "{witness} vouches for {signed} decisions, but only {found} are stored whole: records were lost or damaged; nothing was changed: restore `records/` from a copy of the same log \
         (`stele audit fsck` names all that is damaged)"
    )]
    LostRecords {
        /// The file that vouches.
        witness: String,
        /// The size it vouches for.
        signed: TreeSize,
        /// What is there.
        found: TreeSize,
    },
    /// The records differ from what was signed or anchored.
    #[error(
        "the records do not give the root that {witness} vouches for: records were changed; run fsck to find which, and restore them from a copy"
    )]
    RootDiffers {
        /// The file that vouches.
        witness: String,
    },
    /// No such decision.
    #[error("no decision {id} in the log")]
    UnknownDecision {
        /// The id asked for.
        id: DecisionId,
    },
    /// The decision is in the log, but no published checkpoint covers it yet.
    #[error("decision {id} is in the log, and no checkpoint covers it yet: ask again in a second")]
    NotPublished {
        /// The id asked for.
        id: DecisionId,
    },
    /// No such leaf.
    #[error("the log has {size} decisions, there is none with index {index}")]
    NoSuchLeaf {
        /// The index asked for.
        index: LeafIndex,
        /// The log's size.
        size: TreeSize,
    },
    /// A range of sizes that the log can't serve.
    #[error("can't prove from size {old} to {new}: the log has {size} decisions")]
    NoSuchSize {
        /// The older size.
        old: TreeSize,
        /// The newer size.
        new: TreeSize,
        /// The log's size.
        size: TreeSize,
    },
    /// The record can't be committed to or read.
    #[error(transparent)]
    Record(Arc<RecordError>),
    /// The mask can't be applied.
    #[error("the decision was not stored, because its mask can't be applied: {0}")]
    Mask(Arc<MaskError>),
    /// A name that the log gives its own records is refused.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The record tells of an erasure itself; it holds no one's input.
    #[error("decision {id} records an erasure and can't be erased")]
    NotErasable {
        /// The decision.
        id: DecisionId,
    },
    /// A record larger than the configured limit.
    #[error("the record has {size} bytes, more than the limit of {limit}")]
    RecordTooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// An anchor that is not of this log.
    #[error("the anchor is not of this log: {problem}")]
    Anchor {
        /// What is wrong.
        problem: String,
    },
    /// An entry dated too long before one ahead of it.
    #[error(
        "the entry is dated {time}, and the log holds one dated {latest} ahead of it: a log whose times fall is evidence against its node \
         (docs/protocol.md, Time); set the clock right, or wait until it has caught up"
    )]
    OutOfOrder {
        /// The date of the refused entry.
        time: Timestamp,
        /// The latest date in the log.
        latest: Timestamp,
    },
    /// More decisions wait for the disk than the limit allows.
    #[error("{waiting} bytes of decisions already wait for the disk; retry later")]
    Overloaded {
        /// Bytes waiting.
        waiting: usize,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// No room: the disk, the quota, or what the process may write to one file.
fn is_no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_no_room(error) => "; free some space, the log goes on by itself",
        io::ErrorKind::PermissionDenied => "; the log needs to read and write all files in its directory",
        io::ErrorKind::ReadOnlyFilesystem => "; the file system is mounted read-only",
        _ => "",
    }
}

impl LedgerError {
    /// What a file operation failed with.
    pub fn io(action: &'static str, path: &str, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    /// True when the disk was full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_no_room(source))
    }
}

impl From<RecordError> for LedgerError {
    fn from(error: RecordError) -> Self {
        Self::Record(Arc::new(error))
    }
}

impl From<MaskError> for LedgerError {
    fn from(error: MaskError) -> Self {
        Self::Mask(Arc::new(error))
    }
}
