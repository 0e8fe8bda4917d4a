//! Opening the log: from whatever a crash left behind to a consistent state.
//!
//! The record files are the truth; indexes, tiles and the checkpoint are made from them. A batch that is not whole at the
//! very end was never acknowledged and is cut off, unless a checkpoint or an anchor vouches for it: then it was durable once. Anything else that is
//! broken is an error, never guessed at.

use std::collections::BTreeSet;

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

const RESTORE: &str =
    "restore the file from a copy of the same log; `stele audit fsck` names all that is damaged";
const NO_DATES: &str = "the log can't go on, because its latest date may be among what is lost, and the published bundles don't have it either: restore \
     the records from a copy of the same log, and keep `public/` until then (`stele audit fsck` names all that is damaged)";

const CUT: &str = "the file ends before the decision that the next file starts with";

/// A log ready to go on.
pub(crate) struct Recovered {
    pub(crate) segments: Segments,
    pub(crate) rows: TileRows,
    pub(crate) checkpoint: Option<SignedCheckpoint>,
    pub(crate) anchors: BTreeSet<u64>,
    /// The latest date of an entry; 0 for an empty log.
    pub(crate) latest: Timestamp,
    /// Damage that was met and keeps nothing from going on.
    pub(crate) damage: Option<LedgerError>,
}

pub(crate) fn recover(store: &dyn Store, key: &VerifierKey) -> Result<Recovered, LedgerError> {
    for dir in [RECORDS_DIR, anchors::DIR, tiles::PUBLIC_DIR] {
        store
            .create_dir(dir)
            .map_err(|source| LedgerError::io("make", dir, source))?;
    }
    erase::apply_pending_patches(store)?;
    let checkpoint = publish::read_checkpoint(store, key)?;
    let anchors = anchors::list(store)?;
    let vouched = Vouched::new(checkpoint.as_ref(), &anchors);
    let Opened {
        segments,
        latest,
        damage,
    } = open_segments(store, &vouched)?;
    let size = segments.size();
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
        damage,
    })
}

/// How many decisions are signed or anchored, and so must be there: nothing of them is ever cut off.
struct Vouched {
    /// What the checkpoint on disk covers: size and root.
    signed: (TreeSize, Digest),
    /// The most that anything covers.
    most: TreeSize,
    /// The file that says so.
    witness: String,
}

impl Vouched {
    fn new(checkpoint: Option<&SignedCheckpoint>, anchors: &BTreeSet<u64>) -> Self {
        let head = |signed: &SignedCheckpoint| (signed.checkpoint.size, signed.checkpoint.root);
        let signed = checkpoint.map_or((TreeSize::ZERO, Digest([0; 32])), head);
        let size = signed.0;
        let anchored = anchors.last().copied().filter(|anchor| *anchor > size.get());
        Self {
            signed,
            most: anchored.map_or(size, TreeSize::new),
            witness: anchored.map_or_else(|| CHECKPOINT_PATH.to_owned(), anchors::path),
        }
    }

    /// Refuses records that stop before what is vouched for. To be asked before anything is written.
    fn check(&self, found: u64) -> Result<(), LedgerError> {
        if self.most.get() <= found {
            return Ok(());
        }
        Err(LedgerError::LostRecords {
            witness: self.witness.clone(),
            signed: self.most,
            found: TreeSize::new(found),
        })
    }
}

/// The record files, with the latest date of the last two of them.
#[derive(Default)]
struct Opened {
    segments: Segments,
    latest: Timestamp,
    damage: Option<LedgerError>,
}

/// Opens the record files. The latest date is looked for in the last two: what is dated when it is decided can stand behind decisions dated later
/// only as far as those were under way at the same time, which never fill a file.
fn open_segments(store: &dyn Store, vouched: &Vouched) -> Result<Opened, LedgerError> {
    let firsts = segments::list(store)?;
    let mut opened = Opened::default();
    let out = &mut opened.segments;
    let Some((last, finished)) = firsts.split_last() else {
        vouched.check(0)?;
        out.active = segments::create(store, 0)?;
        return Ok(opened);
    };
    let mut next = 0;
    for (first, end) in finished.iter().zip(firsts.iter().skip(1)) {
        check_follows(next, *first)?;
        let (header, damage) = open_finished(store, *first, *end)?;
        next = header.first.saturating_add(header.count);
        out.finished.push(header);
        opened.damage = opened.damage.or(damage);
    }
    check_follows(next, *last)?;
    (out.active, opened.latest) = open_last(store, *last, vouched)?;
    if let Some(before) = out.finished.last() {
        let (latest, damage) = latest_of(store, before, vouched.signed)?;
        opened.latest = opened.latest.max(latest);
        opened.damage = opened.damage.or(damage);
    }
    Ok(opened)
}

/// The latest date in a finished file. Where records are damaged the leaves that were published tell it, and the damage is reported: other finished
/// files are not even read. Where those don't, dates behind the damage would be missed, and the log go on before them.
fn latest_of(
    store: &dyn Store,
    file: &index::IndexHeader,
    signed: (TreeSize, Digest),
) -> Result<(Timestamp, Option<LedgerError>), LedgerError> {
    let broken = match read_all(store, file) {
        Ok(latest) => return Ok((latest, None)),
        Err(broken) => broken,
    };
    let end = file.first.saturating_add(file.count);
    let mut latest = Timestamp(0);
    let published = tiles::visit_leaves(store, signed, file.first, end, |leaf| {
        latest = latest.max(segments::time_of(leaf));
    });
    match published {
        Ok(()) => Ok((latest, Some(corrupt(file.first, &broken, RESTORE)))),
        Err(error) => {
            // What it says to do about the bundle would destroy what is left of the dates.
            let why = match &error {
                LedgerError::Corrupt { file, problem, .. } => format!("`{file}`: {problem}"),
                other => other.to_string(),
            };
            Err(LedgerError::Corrupt {
                file: record_path(file.first),
                offset: broken.offset,
                problem: format!("{}, and of what was published {why}", broken.problem),
                mend: NO_DATES,
            })
        }
    }
}

/// The latest date in a finished file that is as long and as whole as its index says, or what is wrong with it: a file that the disk does not give
/// back is as broken as one with changed bytes.
fn read_all(store: &dyn Store, file: &index::IndexHeader) -> Result<Timestamp, Broken> {
    let unread = |_| Broken {
        offset: 0,
        problem: "the file can't be read",
    };
    let length = file_length(store, file.first).map_err(unread)?;
    let contents = segments::read_entries(store, file.first, length).map_err(unread)?;
    match contents.walk.broken {
        Some(broken) => Err(broken),
        None if contents.walk.count == file.count => Ok(contents.latest),
        None => Err(Broken {
            offset: length,
            problem: CUT,
        }),
    }
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

/// Opens a file behind which the one that starts at `end` comes. Where its records are damaged, or it is cut short, the index tells what was in it,
/// if that reaches to the next file; and the damage is reported. The index is never made anew from less than that.
fn open_finished(
    store: &dyn Store,
    first: u64,
    end: u64,
) -> Result<(index::IndexHeader, Option<LedgerError>), LedgerError> {
    let length = file_length(store, first)?;
    let path = index_path(first);
    let indexed = index::load(store, &path, first).map_err(read_error(&path))?;
    // One that ends before the next file is told by that file: another is missing between them.
    if let Some(header) = indexed.filter(|header| header.file_length == length) {
        return Ok((header, None));
    }
    let (entries, broken) = match segments::read_entries(store, first, length) {
        Ok(contents) => (contents.entries, contents.walk.broken),
        Err(_) if indexed.is_some() => (
            Vec::new(),
            Some(Broken {
                offset: 0,
                problem: "the file can't be read",
            }),
        ),
        Err(error) => return Err(error),
    };
    let reaches = |count: u64| first.saturating_add(count) == end;
    let cut = || Broken {
        offset: length,
        problem: CUT,
    };
    let whole = reaches(u64::try_from(entries.len()).unwrap_or(u64::MAX));
    let broken = broken.or_else(|| (!whole).then(cut));
    match (broken, indexed.filter(|header| reaches(header.count))) {
        (None, _) => Ok((segments::write_index(store, first, length, &entries)?, None)),
        (Some(broken), Some(header)) => Ok((header, Some(corrupt(first, &broken, RESTORE)))),
        (Some(broken), None) => Err(corrupt(first, &broken, RESTORE)),
    }
}

fn corrupt(first: u64, broken: &Broken, mend: &'static str) -> LedgerError {
    LedgerError::Corrupt {
        file: record_path(first),
        offset: broken.offset,
        problem: broken.problem.to_owned(),
        mend,
    }
}

/// Opens the file that is appended to and cuts off a torn tail, after making sure that nobody vouches for it. Returns the latest date in it, too.
fn open_last(store: &dyn Store, first: u64, vouched: &Vouched) -> Result<(Active, Timestamp), LedgerError> {
    let path = record_path(first);
    let length = file_length(store, first)?;
    let Contents {
        entries,
        latest,
        walk,
    } = segments::read_entries(store, first, length)?;
    let next = first.saturating_add(walk.count);
    if let Some(broken) = &walk.broken {
        // Behind a broken file header even the first batch counts, behind a broken batch only later ones.
        let least = if broken.offset == 0 {
            first
        } else {
            next.saturating_add(1)
        };
        if later_batch_follows(store, &path, broken, length, least)? {
            return Err(corrupt(first, broken, RESTORE));
        }
    }
    vouched.check(next)?;
    let mut end = length;
    if let Some(broken) = walk.broken {
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
