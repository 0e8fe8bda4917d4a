//! The walk behind fsck: one pass over the records, in which everything else is compared as it comes due.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use stele_types::{Digest, Timestamp};

use super::records::{Checked, Pool};
use super::{ChainAnchor, ChainView, FsckReport, Gravity, Problem};
use crate::checkpoint::SignedCheckpoint;
use crate::note::VerifierKey;
use crate::storage::erase::{INTENT_PATH, read_intent};
use crate::storage::options::MAX_DISORDER;
use crate::storage::scan::{later_batch_follows, walk_batches};
use crate::storage::segments::{self, id_of, index_path, record_path, time_of};
use crate::storage::store::Store;
use crate::storage::tiles::{self, StoredTiles};
use crate::storage::{CHECKPOINT_PATH, LedgerError, RECORDS_DIR, anchors, index, publish};
use crate::tile::{TILE_WIDTH, TileKind};
use crate::tree::{self, FullTile, TileRows};

const RESTORE: &str = "restore the file from a copy of the same log";
const VOUCHED: &str = "a checkpoint or an anchor covers what is broken here, or the checkpoint can't be read and may: restore the file from a copy of the same log; \
     opening it changes nothing";
const REBUILD: &str =
    "remove `public/checkpoint` and `public/tile` and open the log: they are made anew from the records";
const KEEP: &str = "keep `public/`, which may hold the only dates that are left: restore the records first, and run fsck again";
const MISDATED: &str = "the log can't be mended: once both are anchored, anyone can show them and the node is suspended (docs/protocol.md, Time); \
     find out what wrote it, and go on as a new node with an empty log";
const DISORDERLY: &str = "nothing need be done: it is more than this log takes of new decisions, and within the tolerance of the contract \
     `Challenge`, so it convicts nobody there";
const READABLE: &str = "see to it that the files can be read, and run fsck again";
const UNJUDGED: &str = "nobody asked a contract `Challenge`, so nobody judged it: it is more than this log takes of new decisions, and one that tolerates less \
     than was assumed here would convict the node; `stele audit fsck --rpc URL` in the node's data directory asks the contracts";
const REINDEX: &str = "remove the file and open the log: it is made anew";

/// How far a log that is being written may be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveEnd {
    /// First index of the file that is appended to.
    pub(crate) first: u64,
    /// Its length in whole, durable bytes.
    pub(crate) length: u64,
}

/// Someone vouches for a root at some size.
struct Witness {
    root: Digest,
    name: String,
}

struct Check<'a> {
    store: &'a dyn Store,
    report: FsckReport,
    rows: TileRows,
    /// False after a gap: the tree of what follows can't be known.
    tree_known: bool,
    witnesses: BTreeMap<u64, Vec<Witness>>,
    /// How many decisions someone vouches for, be it a file that can't be read: none of them was never acknowledged.
    vouched: u64,
    checkpoint: Option<SignedCheckpoint>,
    /// Target and own index of each erasure record.
    erasures: Vec<(u64, u64)>,
    erased: HashSet<u64>,
    /// The latest date so far, and the first decision that has it.
    latest: (Timestamp, u64),
    /// How far dates may fall before anything is said.
    order: Option<Duration>,
    /// How far before it is damage.
    tolerance: Duration,
    /// Whether a contract said so.
    judged: bool,
}

/// Checks a log that nobody has open. Its dates are held to [`MAX_DISORDER`], beyond which is a notice, and to the chain's tolerance, beyond which
/// is damage.
pub fn run(store: &dyn Store, key: &VerifierKey, chain: &ChainView) -> FsckReport {
    run_until(store, key, chain, None, Some(MAX_DISORDER))
}

pub(crate) fn run_until(
    store: &dyn Store,
    key: &VerifierKey,
    chain: &ChainView,
    live: Option<LiveEnd>,
    disorder: Option<Duration>,
) -> FsckReport {
    let mut check = Check {
        store,
        report: FsckReport {
            tolerance_s: chain.tolerance(disorder).as_secs(),
            ..FsckReport::default()
        },
        rows: TileRows::new(),
        tree_known: true,
        witnesses: BTreeMap::new(),
        vouched: 0,
        checkpoint: None,
        erasures: Vec::new(),
        erased: HashSet::new(),
        latest: (Timestamp(0), 0),
        order: chain.order(disorder),
        tolerance: chain.tolerance(disorder),
        judged: chain.tolerance_s.is_some(),
    };
    if check.intent() {
        return check.report;
    }
    check.gather_witnesses(key, &chain.anchors);
    check.compare_at_this_size();
    let (mut pool, jobs) = Pool::new();
    std::thread::scope(|scope| {
        Pool::work(scope, &jobs);
        check.files(live, &mut pool);
        // Without it the workers have nothing to wait for.
        drop(pool);
    });
    check.finish();
    check.report
}

impl Check<'_> {
    fn problem(&mut self, gravity: Gravity, file: &str, what: String, mend: &'static str) -> &mut Problem {
        self.report.problems.push(Problem {
            gravity,
            file: file.to_owned(),
            offset: None,
            index: None,
            what,
            mend,
        });
        // Just pushed, so there is a last one; the fallback never runs.
        let last = self.report.problems.len().saturating_sub(1);
        #[expect(clippy::indexing_slicing, reason = "the element was pushed above")]
        &mut self.report.problems[last]
    }

    fn failed(&mut self, file: &str, error: &LedgerError) {
        self.problem(Gravity::Damage, file, error.to_string(), READABLE);
    }

    fn gather_witnesses(&mut self, key: &VerifierKey, chain: &[ChainAnchor]) {
        match publish::read_checkpoint(self.store, key) {
            Ok(Some(signed)) => {
                self.witness(
                    signed.checkpoint.size.get(),
                    signed.checkpoint.root,
                    CHECKPOINT_PATH.to_owned(),
                );
                self.checkpoint = Some(signed);
            }
            Ok(None) => {}
            Err(error) => {
                self.vouched = u64::MAX;
                match error {
                    // What can't be read may be good: nothing that would remove it is advised.
                    LedgerError::Io { .. } => self.failed(CHECKPOINT_PATH, &error),
                    _ => {
                        self.problem(Gravity::Derived, CHECKPOINT_PATH, error.to_string(), REBUILD);
                    }
                }
            }
        }
        let sizes = anchors::list(self.store).unwrap_or_else(|error| {
            self.failed(anchors::DIR, &error);
            Default::default()
        });
        for size in sizes {
            let path = anchors::path(size);
            self.vouched = self.vouched.max(size);
            let stored = match anchors::read(self.store, stele_types::TreeSize::new(size)) {
                Err(error @ LedgerError::Io { .. }) => {
                    self.failed(&path, &error);
                    continue;
                }
                read => read.map_err(|error| error.to_string()),
            };
            let checked = stored
                .and_then(|stored| anchors::check(&stored, key))
                .and_then(|signed| {
                    let fits = signed.checkpoint.size.get() == size;
                    if fits {
                        Ok(signed)
                    } else {
                        Err("its name is not its tree size".to_owned())
                    }
                });
            match checked {
                Ok(signed) => self.witness(size, signed.checkpoint.root, path),
                Err(what) => {
                    let mend = "remove the file and store the anchor again from the chain's events";
                    self.problem(Gravity::Damage, &path, what, mend);
                }
            }
            self.report.anchors = self.report.anchors.saturating_add(1);
        }
        for anchor in chain {
            let name = format!("the chain's anchor of size {}", anchor.size);
            self.witness(anchor.size.get(), anchor.root, name);
            self.report.anchors = self.report.anchors.saturating_add(1);
        }
    }

    fn witness(&mut self, size: u64, root: Digest, name: String) {
        self.vouched = self.vouched.max(size);
        self.witnesses
            .entry(size)
            .or_default()
            .push(Witness { root, name });
    }

    /// True when an erasure is pending. Then records may be half overwritten, and what is wrong with them means nothing.
    fn intent(&mut self) -> bool {
        match read_intent(self.store) {
            Ok(None) => false,
            Ok(Some(_)) => {
                let what = "an erasure was interrupted, so nothing was checked".to_owned();
                let mend = "open the log, which completes it, and run fsck again";
                self.problem(Gravity::Derived, INTENT_PATH, what, mend);
                true
            }
            Err(error) => {
                self.failed(INTENT_PATH, &error);
                false
            }
        }
    }

    fn files(&mut self, live: Option<LiveEnd>, pool: &mut Pool) {
        let firsts = match segments::list(self.store) {
            Ok(firsts) => firsts,
            Err(error) => return self.failed(RECORDS_DIR, &error),
        };
        let firsts: Vec<u64> = firsts
            .into_iter()
            .filter(|first| live.is_none_or(|live| *first <= live.first))
            .collect();
        let mut next = 0u64;
        for (position, first) in firsts.iter().enumerate() {
            if *first != next {
                let what = format!("starts with decision {first}, but the file before it ends at {next}");
                let mend = "a record file is missing or cut short; restore it from a copy of the same log";
                self.problem(Gravity::Damage, &record_path(*first), what, mend);
                self.tree_known = false;
            }
            let last = position.saturating_add(1) == firsts.len();
            let count = self.file(*first, last, live, pool);
            next = first.saturating_add(count);
        }
    }

    /// Checks one record file and its index; returns how many entries it has.
    fn file(&mut self, first: u64, last: bool, live: Option<LiveEnd>, pool: &mut Pool) -> u64 {
        self.report.files = self.report.files.saturating_add(1);
        let path = record_path(first);
        let length = match self.store.len(&path) {
            Ok(Some(length)) => length,
            Ok(None) => {
                let what = "is there, and is no file that can be read".to_owned();
                self.problem(Gravity::Damage, &path, what, RESTORE);
                self.tree_known = false;
                return 0;
            }
            Err(source) => {
                self.failed(&path, &LedgerError::io("read", &path, source));
                self.tree_known = false;
                return 0;
            }
        };
        let length = live
            .filter(|live| live.first == first)
            .map_or(length, |live| live.length.min(length));
        let mut entries = Vec::new();
        let store = self.store;
        let walked = walk_batches(store, &path, first, length, |payload| {
            let located = payload
                .entries()
                .map(|(_, offset, entry)| (offset, id_of(entry.leaf)));
            entries.extend(located);
            self.entries(&path, pool.push(payload));
            Ok(())
        });
        while let Some(checked) = pool.drain() {
            self.entries(&path, checked);
        }
        let walk = match walked {
            Ok(walk) => walk,
            Err(error) => {
                self.failed(&path, &error);
                self.tree_known = false;
                return u64::try_from(entries.len()).unwrap_or(u64::MAX);
            }
        };
        if let Some(broken) = &walk.broken {
            let least = if broken.offset == 0 {
                first
            } else {
                first.saturating_add(walk.count).saturating_add(1)
            };
            let torn = last
                && live.is_none()
                && !later_batch_follows(store, &path, broken, length, least).unwrap_or(true);
            let vouched = self.vouched > first.saturating_add(walk.count);
            let (gravity, mend) = match (torn, vouched) {
                (true, false) => (
                    Gravity::Notice,
                    "behind the last whole batch is reserved room or what was never acknowledged; open the log: it is cut off then",
                ),
                (true, true) => (Gravity::Damage, VOUCHED),
                (false, _) => (Gravity::Damage, RESTORE),
            };
            self.tree_known &= gravity == Gravity::Notice;
            self.problem(gravity, &path, broken.problem.to_owned(), mend)
                .offset = Some(broken.offset);
        } else if !last {
            self.index_file(first, length, &entries);
        }
        walk.count
    }

    fn index_file(&mut self, first: u64, length: u64, entries: &[(u64, [u8; 16])]) {
        let path = index_path(first);
        let expected = index::encode(first, length, entries).1;
        match self.store.read(&path) {
            Ok(Some(bytes)) if bytes == expected => {}
            Ok(Some(_))
                if index::load(self.store, &path, first)
                    .is_ok_and(|header| header.is_some_and(|header| header.file_length > length)) =>
            {
                let what = "the file is shorter than its index says".to_owned();
                self.problem(Gravity::Damage, &record_path(first), what, RESTORE)
                    .offset = Some(length);
            }
            Ok(Some(_)) => {
                let what = "does not fit its record file".to_owned();
                self.problem(Gravity::Derived, &path, what, REINDEX);
            }
            Ok(None) => {
                let what = "the index of a finished record file is missing".to_owned();
                self.problem(Gravity::Notice, &path, what, "open the log: it is made anew");
            }
            Err(source) => self.failed(&path, &LedgerError::io("read", &path, source)),
        }
    }

    /// Takes in what was found of entries, and goes on with the tree through them.
    fn entries(&mut self, path: &str, checked: Vec<Checked>) {
        for entry in checked {
            self.entry(path, entry);
        }
    }

    fn entry(&mut self, path: &str, entry: Checked) {
        self.order(path, &entry);
        let compared = entry.compared;
        self.report.decisions = self.report.decisions.saturating_add(1);
        if compared.erased {
            self.erased.insert(entry.index);
        }
        if let Some(target) = compared.erasure_of {
            self.erasures.push((target, entry.index));
        }
        if let Some(what) = compared.problem {
            let problem = self.problem(Gravity::Damage, path, what, RESTORE);
            problem.offset = Some(entry.offset);
            problem.index = Some(entry.index);
        }
        if !self.tree_known {
            return;
        }
        self.rows.push_hashed(&entry.leaf, entry.hash);
        self.compare_at_this_size();
        if self.rows.size().get().is_multiple_of(TILE_WIDTH) {
            for tile in self.rows.full_tiles() {
                self.compare_tile(&tile);
            }
            self.rows.forget(self.rows.size());
        }
    }

    /// Holds an entry's date against the latest ahead of it.
    fn order(&mut self, path: &str, entry: &Checked) {
        let time = time_of(&entry.leaf);
        let (latest, ahead) = self.latest;
        let late = Duration::from_nanos(latest.as_nanos().saturating_sub(time.as_nanos()));
        if self.order.is_some_and(|order| late > order) {
            let (gravity, mend) = match (late <= self.tolerance, self.judged) {
                (true, true) => (Gravity::Notice, DISORDERLY),
                (true, false) => (Gravity::Notice, UNJUDGED),
                (false, _) => (Gravity::Damage, MISDATED),
            };
            let what = format!(
                "is dated {time}, {} s before decision {ahead} ahead of it, which is dated {latest} (tolerance: {} s)",
                late.as_secs(),
                self.tolerance.as_secs()
            );
            let problem = self.problem(gravity, path, what, mend);
            problem.offset = Some(entry.offset);
            problem.index = Some(entry.index);
        }
        if time > latest {
            self.latest = (time, entry.index);
        }
    }

    /// Compares what falls due at the size reached: roots that someone vouches for, and the checkpoint's partial tiles.
    fn compare_at_this_size(&mut self) {
        let size = self.rows.size();
        if let Some(witnesses) = self.witnesses.remove(&size.get()) {
            let root = tree::root(&StoredTiles::new(self.store, &self.rows), size);
            for witness in witnesses {
                match &root {
                    Ok(root) if *root == witness.root => {}
                    Ok(root) => {
                        let what = format!(
                            "vouches for root {} at size {size}, but the records give {root}",
                            witness.root
                        );
                        self.problem(
                            Gravity::Damage,
                            &witness.name,
                            what,
                            "records were changed; restore them from a copy",
                        );
                    }
                    Err(error) => self.failed(&witness.name, &error.clone()),
                }
            }
        }
        if self
            .checkpoint
            .as_ref()
            .is_some_and(|signed| signed.checkpoint.size == size)
        {
            for tile in self.rows.partial_tiles() {
                self.compare_tile(&tile);
                self.compare_older_forms(&tile);
            }
        }
    }

    /// Narrower forms of a partial tile, which older checkpoints need, are its beginning.
    fn compare_older_forms(&mut self, tile: &FullTile) {
        let dir = format!("{}/{}", tiles::PUBLIC_DIR, tile.id.partial_dir());
        let names = self.store.list(&dir).unwrap_or_else(|source| {
            self.failed(&dir, &LedgerError::io("read", &dir, source));
            Vec::new()
        });
        let each = tile.bytes.len().checked_div(tile.id.count()).unwrap_or_default();
        let widths = names.iter().filter_map(|name| name.parse::<u8>().ok());
        for width in widths.filter(|width| usize::from(*width) < tile.id.count()) {
            let bytes = tile
                .bytes
                .get(..each.saturating_mul(usize::from(width)))
                .unwrap_or_default();
            self.compare_tile(&FullTile {
                id: tile.id.partial(width),
                bytes: bytes.to_vec(),
            });
        }
    }

    fn compare_tile(&mut self, expected: &FullTile) {
        let path = tiles::path(&expected.id);
        let span = match expected.id.kind {
            TileKind::Entries => TILE_WIDTH,
            TileKind::Hashes(level) => TILE_WIDTH.saturating_pow(u32::from(level).saturating_add(1)),
        };
        let end = expected.id.number.saturating_add(1).saturating_mul(span);
        let signed = self
            .checkpoint
            .as_ref()
            .map_or(0, |signed| signed.checkpoint.size.get());
        match self.store.read(&path) {
            Ok(Some(found)) if found == expected.bytes => {}
            Ok(Some(found)) => {
                let what = "the tile is not what the records give".to_owned();
                let problem = self.problem(Gravity::Derived, &path, what, REBUILD);
                let same = found
                    .iter()
                    .zip(&expected.bytes)
                    .take_while(|(a, b)| a == b)
                    .count();
                problem.offset = u64::try_from(same).ok();
            }
            // Tiles beyond the checkpoint are not promised yet.
            Ok(None) if end > signed && expected.id.width.is_none() => return,
            Ok(None) => {
                let what = "the tile is missing".to_owned();
                self.problem(Gravity::Derived, &path, what, REBUILD);
            }
            Err(source) => self.failed(&path, &LedgerError::io("read", &path, source)),
        }
        self.report.tiles = self.report.tiles.saturating_add(1);
    }

    /// What is published is not to be removed where records are damaged; those that are only misdated can be read.
    fn keep_what_is_published(&mut self) {
        let lost = |problem: &Problem| {
            problem.gravity == Gravity::Damage
                && problem.mend != MISDATED
                && problem.file.starts_with(RECORDS_DIR)
        };
        if self.report.problems.iter().any(lost) {
            let problems = self.report.problems.iter_mut();
            for problem in problems.filter(|problem| problem.mend == REBUILD) {
                problem.mend = KEEP;
            }
        }
    }

    fn finish(&mut self) {
        self.keep_what_is_published();
        let size = self.rows.size();
        for (wanted, witnesses) in std::mem::take(&mut self.witnesses) {
            for witness in witnesses {
                let what = format!("vouches for {wanted} decisions, but only {size} can be read in order");
                let mend = "records were lost or damaged; restore `records/` from a copy of the same log";
                self.problem(Gravity::Damage, &witness.name, what, mend);
            }
        }
        for (target, at) in std::mem::take(&mut self.erasures) {
            if !self.erased.contains(&target) && target < size.get() {
                let what =
                    format!("decision {at} says that this one was erased, but its input is still stored");
                let problem = self.problem(Gravity::Damage, RECORDS_DIR, what, "erase the decision again");
                problem.index = Some(target);
            }
        }
    }
}
