//! Opening the log: from whatever a crash left behind to a consistent state.
//!
//! The record files are the truth; indexes, tiles and the checkpoint are made from them. A batch that is not whole at the
//! very end was never acknowledged and is cut off. Anything else that is broken is an error, never guessed at.

use stele_types::{Digest, LeafIndex, Timestamp, TreeSize};

use super::scan::{Broken, later_batch_follows, read_error};
use super::segments::{self, Active, Contents, Segments, index_path, record_path};
use super::store::Store;
use super::tiles::{self, StoredTiles};
use super::{CHECKPOINT_PATH, LedgerError, RECORDS_DIR, anchors, erase, index, publish};
use crate::checkpoint::SignedCheckpoint;
use crate::note::VerifierKey;
use crate::tile::TILE_WIDTH;
use crate::tree::{self, TileRows};

const RESTORE: &str = "restore the file from a copy of the same log";

/// A log ready to go on.
pub(crate) struct Recovered {
    pub(crate) segments: Segments,
    pub(crate) rows: TileRows,
    pub(crate) checkpoint: Option<SignedCheckpoint>,
    pub(crate) anchors: std::collections::BTreeSet<u64>,
    /// The latest date of an entry; 0 for an empty log.
    pub(crate) latest: Timestamp,
}

pub(crate) fn recover(store: &dyn Store, key: &VerifierKey) -> Result<Recovered, LedgerError> {
    for dir in [RECORDS_DIR, anchors::DIR, tiles::PUBLIC_DIR] {
        store
            .create_dir(dir)
            .map_err(|source| LedgerError::io("make", dir, source))?;
    }
    erase::apply_pending_patches(store)?;
    let (segments, latest) = open_segments(store)?;
    let checkpoint = publish::read_checkpoint(store, key)?;
    let size = segments.size();
    let signed = checkpoint
        .as_ref()
        .map_or(TreeSize::ZERO, |signed| signed.checkpoint.size);
    let lost = |witness: &str, signed| LedgerError::LostRecords {
        witness: witness.to_owned(),
        signed,
        found: size,
    };
    if signed > size {
        return Err(lost(CHECKPOINT_PATH, signed));
    }
    let anchors = anchors::list(store)?;
    if let Some(largest) = anchors.last().copied().filter(|largest| *largest > size.get()) {
        return Err(lost(&anchors::path(largest), TreeSize::new(largest)));
    }
    let mut rows = match checkpoint.as_ref() {
        None => TileRows::new(),
        Some(signed) => match resume_tiles(store, signed.checkpoint.size, &signed.checkpoint.root) {
            Some(rows) => rows,
            None => rebuild_tiles(store, &segments, signed)?,
        },
    };
    extend(store, &segments, &mut rows, size)?;
    Ok(Recovered {
        segments,
        rows,
        checkpoint,
        anchors,
        latest,
    })
}

/// The record files, and the latest date of the last two of them: what is dated when it is decided can stand behind decisions dated later only
/// as far as those were under way at the same time, which never fill a file.
fn open_segments(store: &dyn Store) -> Result<(Segments, Timestamp), LedgerError> {
    let firsts = segments::list(store)?;
    let mut out = Segments::default();
    let Some((last, finished)) = firsts.split_last() else {
        out.active = segments::create(store, 0)?;
        return Ok((out, Timestamp(0)));
    };
    let mut next = 0;
    for first in finished {
        check_follows(next, *first)?;
        let header = open_finished(store, *first)?;
        next = header.first.saturating_add(header.count);
        out.finished.push(header);
    }
    check_follows(next, *last)?;
    let (active, mut latest) = open_last(store, *last)?;
    out.active = active;
    if let Some(before) = out.finished.last() {
        let contents = segments::read_entries(store, before.first, before.file_length)?;
        // Dates behind the damage would be missed, and the log go on before them.
        if let Some(broken) = contents.walk.broken {
            return Err(corrupt(before.first, &broken));
        }
        latest = latest.max(contents.latest);
    }
    Ok((out, latest))
}

fn check_follows(next: u64, first: u64) -> Result<(), LedgerError> {
    if first == next {
        return Ok(());
    }
    Err(LedgerError::Corrupt {
        file: record_path(first),
        offset: 0,
        problem: format!("the file starts with decision {first}, but the one before it ends at {next}"),
        mend: "a record file is missing; restore it from a copy of the same log",
    })
}

fn file_length(store: &dyn Store, first: u64) -> Result<u64, LedgerError> {
    let path = record_path(first);
    Ok(store.len(&path).map_err(read_error(&path))?.unwrap_or_default())
}

fn open_finished(store: &dyn Store, first: u64) -> Result<index::IndexHeader, LedgerError> {
    let length = file_length(store, first)?;
    let path = index_path(first);
    if let Some(header) = index::load(store, &path, first, length).map_err(read_error(&path))? {
        return Ok(header);
    }
    let contents = segments::read_entries(store, first, length)?;
    if let Some(broken) = contents.walk.broken {
        return Err(corrupt(first, &broken));
    }
    segments::write_index(store, first, length, &contents.entries)
}

fn corrupt(first: u64, broken: &Broken) -> LedgerError {
    LedgerError::Corrupt {
        file: record_path(first),
        offset: broken.offset,
        problem: broken.problem.to_owned(),
        mend: RESTORE,
    }
}

/// Opens the file that is appended to and cuts off a torn tail. Returns the latest date in it, too.
fn open_last(store: &dyn Store, first: u64) -> Result<(Active, Timestamp), LedgerError> {
    let path = record_path(first);
    let length = file_length(store, first)?;
    let Contents {
        entries,
        latest,
        walk,
    } = segments::read_entries(store, first, length)?;
    let mut end = length;
    if let Some(broken) = walk.broken {
        let next = first.saturating_add(walk.count);
        // Behind a broken file header even the first batch counts, behind a broken batch only later ones.
        let least = if broken.offset == 0 {
            first
        } else {
            next.saturating_add(1)
        };
        if later_batch_follows(store, &path, &broken, length, least)? {
            return Err(corrupt(first, &broken));
        }
        if broken.offset == 0 {
            return Ok((segments::create(store, first)?, Timestamp(0)));
        }
        end = broken.offset;
        let fail = |source| LedgerError::io("cut the torn end off", &path, source);
        store.truncate(&path, end).map_err(fail)?;
        store.sync(&path).map_err(fail)?;
    }
    let mut active = Active::new(first, end);
    for (offset, id) in entries {
        active.push(offset, id);
    }
    Ok((active, latest))
}

/// The tree's edge from the tiles on disk; `None` when they don't give the signed root.
fn resume_tiles(store: &dyn Store, size: TreeSize, root: &Digest) -> Option<TileRows> {
    let rows = tiles::read_edge(store, size).ok()?;
    let source = StoredTiles::new(store, &rows);
    (tree::root(&source, size).ok()? == *root).then_some(rows)
}

/// Makes all tiles anew from the records, up to the signed size.
fn rebuild_tiles(
    store: &dyn Store,
    segments: &Segments,
    signed: &SignedCheckpoint,
) -> Result<TileRows, LedgerError> {
    let size = signed.checkpoint.size;
    let mut rows = TileRows::new();
    extend(store, segments, &mut rows, size)?;
    let root = tree::root(&StoredTiles::new(store, &rows), size)?;
    if root != signed.checkpoint.root {
        return Err(LedgerError::RootDiffers {
            witness: CHECKPOINT_PATH.to_owned(),
        });
    }
    tiles::write(store, &rows.full_tiles())?;
    tiles::write(store, &rows.partial_tiles())?;
    rows.forget(size);
    Ok(rows)
}

/// Adds the leaves up to this size. Full tiles are written as they come, so that a tree of any size fits in memory.
fn extend(
    store: &dyn Store,
    segments: &Segments,
    rows: &mut TileRows,
    to: TreeSize,
) -> Result<(), LedgerError> {
    for index in rows.size().get()..to.get() {
        let place = segments.locate(store, LeafIndex::new(index))?;
        rows.push(&segments::read_at(store, &place)?.leaf);
        if rows.size().get().is_multiple_of(TILE_WIDTH.saturating_mul(16)) {
            tiles::write(store, &rows.full_tiles())?;
            rows.forget(rows.size());
        }
    }
    Ok(())
}
