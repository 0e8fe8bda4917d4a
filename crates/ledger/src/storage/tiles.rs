//! Tiles on disk: writing them, and reading hashes from them.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use stele_types::{Digest, LEAF_BYTES, LeafIndex, TreeSize};

use super::LedgerError;
use super::scan::read_error;
use super::store::{Store, parent, replace_file};
use crate::tile::{TILE_WIDTH, TileId, TileKind};
use crate::tree::{ENTRY_BYTES, FullTile, HashSource, NotInMemory, TileRows, fold, inclusion_proof, verify};

/// What may be served to anyone: the checkpoint and the tiles.
pub(crate) const PUBLIC_DIR: &str = "public";

/// Where a tile lies.
pub(crate) fn path(tile: &TileId) -> String {
    format!("{PUBLIC_DIR}/{tile}")
}

/// Writes tiles and makes them durable.
pub(crate) fn write(store: &dyn Store, tiles: &[FullTile]) -> Result<(), LedgerError> {
    let mut dirs = BTreeSet::new();
    for tile in tiles {
        let path = path(&tile.id);
        let fail = |source| LedgerError::io("write", &path, source);
        let dir = parent(&path);
        if dirs.insert(dir.to_owned()) {
            store.create_dir(dir).map_err(fail)?;
        }
        replace_file(store, &path, &tile.bytes).map_err(fail)?;
    }
    for dir in &dirs {
        store
            .sync_dir(dir)
            .map_err(|source| LedgerError::io("sync", dir, source))?;
    }
    Ok(())
}

/// Removes the partial forms of tiles that are full now. Only after the checkpoint that covers the full ones is durable:
/// until then the partial ones are what the log would resume from.
pub(crate) fn remove_partial_forms(store: &dyn Store, tiles: &[FullTile]) -> Result<(), LedgerError> {
    for tile in tiles.iter().filter(|tile| tile.id.width.is_none()) {
        let dir = format!("{PUBLIC_DIR}/{}", tile.id.partial_dir());
        store
            .remove_dir(&dir)
            .map_err(|source| LedgerError::io("remove", &dir, source))?;
    }
    Ok(())
}

fn unusable(tile: &TileId, problem: &str) -> LedgerError {
    LedgerError::Corrupt {
        file: path(tile),
        offset: 0,
        problem: problem.to_owned(),
        mend: "run `stele audit fsck`: if it finds no record damaged, remove the file `public/checkpoint` and the directory `public/tile`, and open \
               the log again, which makes them anew from the records; else keep them, they may hold the only dates that are left",
    }
}

/// The hashes of a tile.
pub(crate) fn read_hashes(store: &dyn Store, tile: &TileId) -> Result<Vec<Digest>, LedgerError> {
    let name = path(tile);
    let bytes = store
        .read(&name)
        .map_err(read_error(&name))?
        .ok_or_else(|| unusable(tile, "the tile is missing"))?;
    tile.read_hashes(&bytes)
        .map_err(|error| unusable(tile, &error.to_string()))
}

/// The edge of the tree of this size, from its partial tiles.
pub(crate) fn read_edge(store: &dyn Store, size: TreeSize) -> Result<TileRows, LedgerError> {
    let partial = |kind: TileKind, end: u64| {
        let width = u8::try_from(end.rem_euclid(TILE_WIDTH)).unwrap_or_default();
        (width > 0).then(|| {
            TileId {
                kind,
                number: end.div_euclid(TILE_WIDTH),
                width: None,
            }
            .partial(width)
        })
    };
    let entries = match partial(TileKind::Entries, size.get()) {
        None => Vec::new(),
        Some(tile) => {
            let name = path(&tile);
            let bytes = store.read(&name).map_err(read_error(&name))?;
            let bytes = bytes.ok_or_else(|| unusable(&tile, "the bundle is missing"))?;
            if bytes.len() != tile.count().saturating_mul(ENTRY_BYTES) {
                return Err(unusable(&tile, "the bundle has the wrong length"));
            }
            check_bundle(
                &tile,
                &bytes,
                &read_hashes(
                    store,
                    &TileId {
                        kind: TileKind::Hashes(0),
                        ..tile
                    },
                )?,
            )?;
            bytes
        }
    };
    TileRows::resume(size, entries, |level| {
        let end = size
            .get()
            .checked_shr(u32::from(level).saturating_mul(8))
            .unwrap_or(0);
        match partial(TileKind::Hashes(level), end) {
            None => Ok(Vec::new()),
            Some(tile) => read_hashes(store, &tile),
        }
    })
}

/// Visits the leaves from one index up to another, as the published bundles of a signed tree have them; every bundle must have the hashes of the tile
/// beside it, and that tile those of the signed root. Fails where one is missing, damaged or not published.
pub(crate) fn visit_leaves(
    store: &dyn Store,
    (size, root): (TreeSize, Digest),
    from: u64,
    to: u64,
    mut visit: impl FnMut(&[u8]),
) -> Result<(), LedgerError> {
    let edge = read_edge(store, size)?;
    let tree = StoredTiles::new(store, &edge);
    for number in from.div_euclid(TILE_WIDTH)..to.div_ceil(TILE_WIDTH) {
        let first = number.saturating_mul(TILE_WIDTH);
        let published = size.get().saturating_sub(first).min(TILE_WIDTH);
        // 256 of them are a full bundle: no width.
        let tile = TileId::entries(number).partial(u8::try_from(published).unwrap_or_default());
        if first.saturating_add(published) < to.min(first.saturating_add(TILE_WIDTH)) {
            return Err(unusable(&tile, "not all of its leaves are published"));
        }
        let name = path(&tile);
        let bytes = store.read(&name).map_err(read_error(&name))?;
        let bytes = bytes.ok_or_else(|| unusable(&tile, "the bundle is missing"))?;
        if bytes.len() != tile.count().saturating_mul(ENTRY_BYTES) {
            return Err(unusable(&tile, "the bundle has the wrong length"));
        }
        let hashes = TileId {
            kind: TileKind::Hashes(0),
            ..tile
        };
        let hashes = read_hashes(store, &hashes)?;
        check_bundle(&tile, &bytes, &hashes)?;
        check_tile(&tree, &tile, first, &hashes, (size, root))?;
        for (index, entry) in (first..).zip(bytes.chunks_exact(ENTRY_BYTES)) {
            if let Some(leaf) = entry.get(2..).filter(|_| (from..to).contains(&index)) {
                visit(leaf);
            }
        }
    }
    Ok(())
}

/// The entries of a bundle must have the hashes of the tile beside it.
fn check_bundle(tile: &TileId, bytes: &[u8], hashes: &[Digest]) -> Result<(), LedgerError> {
    let mut copy = TileRows::new();
    for entry in bytes.chunks_exact(ENTRY_BYTES) {
        let leaf: Option<&[u8; LEAF_BYTES]> = entry.get(2..).and_then(|leaf| leaf.try_into().ok());
        let hash = leaf.map(|leaf| copy.push(leaf));
        if hash.as_ref()
            != hashes.get(
                usize::try_from(copy.size().get())
                    .unwrap_or_default()
                    .saturating_sub(1),
            )
        {
            return Err(unusable(tile, "the bundle does not have the hashes of its tile"));
        }
    }
    Ok(())
}

/// All hashes of a tile must be those of the signed tree. The path of its first leaf goes through nodes that are made of all the others.
fn check_tile(
    tree: &StoredTiles<'_, &TileRows>,
    tile: &TileId,
    first: u64,
    hashes: &[Digest],
    (size, root): (TreeSize, Digest),
) -> Result<(), LedgerError> {
    let index = LeafIndex::new(first);
    let path = inclusion_proof(tree, index, size);
    let path = path.map_err(|_| {
        unusable(
            tile,
            "the tiles that lead to it from the signed root can't be read",
        )
    })?;
    let hash = hashes
        .first()
        .ok_or_else(|| unusable(tile, "its tile is empty"))?;
    verify::inclusion(hash, index, size, &path, &root)
        .map_err(|_| unusable(tile, "its tile does not have the hashes of the signed tree"))
}

/// Yields hashes from the edge in memory and, below it, from full tiles on disk.
pub(crate) struct StoredTiles<'a, M> {
    store: &'a dyn Store,
    memory: M,
    cache: RefCell<HashMap<TileId, Vec<Digest>>>,
}

impl<'a, M> StoredTiles<'a, M> {
    pub(crate) fn new(store: &'a dyn Store, memory: M) -> Self {
        Self {
            store,
            memory,
            cache: RefCell::new(HashMap::new()),
        }
    }
}

/// Looks a hash up in memory.
pub(crate) trait InMemory {
    fn lookup(&self, level: u8, index: u64) -> Result<Digest, NotInMemory>;
}

impl InMemory for &TileRows {
    fn lookup(&self, level: u8, index: u64) -> Result<Digest, NotInMemory> {
        self.node(level, index)
    }
}

impl InMemory for &Mutex<TileRows> {
    fn lookup(&self, level: u8, index: u64) -> Result<Digest, NotInMemory> {
        super::locked(self).node(level, index)
    }
}

impl<M: InMemory> HashSource for StoredTiles<'_, M> {
    type Error = LedgerError;

    fn node(&self, level: u8, index: u64) -> Result<Digest, LedgerError> {
        let tile = match self.memory.lookup(level, index) {
            Ok(hash) => return Ok(hash),
            Err(NotInMemory(tile)) => tile,
        };
        let within = level.rem_euclid(8);
        let start = index
            .checked_shl(within.into())
            .unwrap_or(u64::MAX)
            .rem_euclid(TILE_WIDTH);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let count = 1usize.checked_shl(within.into()).unwrap_or(usize::MAX);
        let mut cache = self.cache.borrow_mut();
        let hashes = match cache.entry(tile) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(slot) => slot.insert(read_hashes(self.store, &tile)?),
        };
        let hashes = hashes.get(start..start.saturating_add(count));
        Ok(fold(
            hashes.ok_or_else(|| unusable(&tile, "the tile is too short"))?,
        ))
    }
}
