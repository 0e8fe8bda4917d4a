//! The growing right edge of the tree, in rows of tile hashes.
//!
//! Row `l` holds hashes of complete subtrees of `256^l` leaves: the content of the level-`l` tiles of C2SP `tlog-tiles`.
//! A row keeps what is not yet in a full tile on disk; full tiles are handed out by [`TileRows::full_tiles`] and dropped by
//! [`TileRows::forget`]. Appending a leaf costs its own hash and, on average, one node hash.

use stele_types::{Digest, LEAF_BYTES, TreeSize};

use super::{HashSource, leaf_hash, node_hash};
use crate::tile::{TILE_LEVELS, TILE_WIDTH, TileId};

/// Bytes of one entry in an entry bundle: a 16-bit length and the leaf.
pub const ENTRY_BYTES: usize = LEAF_BYTES + 2;

/// Hashes of one tile level, from the first that is not in a full tile on disk.
#[derive(Debug, Clone, Default)]
struct Row {
    /// Position of the first hash held. INVARIANT: a multiple of [`TILE_WIDTH`].
    base: u64,
    hashes: Vec<Digest>,
}

/// A finished tile and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullTile {
    /// Which tile.
    pub id: TileId,
    /// Its content as stored.
    pub bytes: Vec<u8>,
}

/// The right edge of a tree. INVARIANT: `rows[l]` ends at `size / 256^l`; `entries` starts at leaf `rows[0].base`.
#[derive(Debug, Clone, Default)]
pub struct TileRows {
    size: u64,
    rows: Vec<Row>,
    entries: Vec<u8>,
}

/// A hash that is not held in memory; it is in this tile on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash is in {0}, which is not in memory")]
pub struct NotInMemory(pub TileId);

impl TileRows {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a tree of `size` leaves whose full tiles are on disk.
    ///
    /// `partial(level)` yields the hashes of that level's last, partial tile and, for level 0, `entries` its bundle's bytes.
    pub fn resume<E>(
        size: TreeSize,
        entries: Vec<u8>,
        mut partial: impl FnMut(u8) -> Result<Vec<Digest>, E>,
    ) -> Result<Self, E> {
        let mut rows = Vec::new();
        let mut end = size.get();
        for level in 0..TILE_LEVELS {
            if end == 0 {
                break;
            }
            rows.push(Row {
                base: last_boundary(end),
                hashes: partial(level)?,
            });
            end = end.div_euclid(TILE_WIDTH);
        }
        Ok(Self {
            size: size.get(),
            rows,
            entries,
        })
    }

    /// Number of leaves.
    pub fn size(&self) -> TreeSize {
        TreeSize::new(self.size)
    }

    /// Adds a leaf and returns its hash.
    pub fn push(&mut self, leaf: &[u8; LEAF_BYTES]) -> Digest {
        // Leaf hash input and bundle entry in one place: the zero prefix, then the leaf.
        let mut prefixed = [0; LEAF_BYTES + 1];
        let (_, body) = prefixed.split_at_mut(1);
        body.copy_from_slice(leaf);
        let hash = stele_types::sha256(&[&prefixed]);
        self.push_hashed(leaf, hash);
        hash
    }

    /// [`TileRows::push`] of a leaf whose hash was computed elsewhere.
    pub(crate) fn push_hashed(&mut self, leaf: &[u8; LEAF_BYTES], hash: Digest) {
        debug_assert_eq!(hash, leaf_hash(leaf), "the prefix is RFC 6962's");
        self.entries.extend_from_slice(&LEAF_LENGTH);
        self.entries.extend_from_slice(leaf);
        self.push_hash(hash);
        self.size = self.size.saturating_add(1);
    }

    fn push_hash(&mut self, hash: Digest) {
        let mut hash = hash;
        for level in 0..usize::from(TILE_LEVELS) {
            if self.rows.len() <= level {
                self.rows.push(Row::default());
            }
            let Some(row) = self.rows.get_mut(level) else {
                return;
            };
            row.hashes.push(hash);
            let held = row.hashes.len();
            if !held.is_multiple_of(WIDTH) {
                return;
            }
            hash = fold(row.hashes.get(held.saturating_sub(WIDTH)..).unwrap_or_default());
        }
    }

    /// The full tiles that are still held, lowest level first: entry bundles, then hashes.
    pub fn full_tiles(&self) -> Vec<FullTile> {
        let mut tiles = Vec::new();
        if let Some(row) = self.rows.first() {
            let first = row.base.div_euclid(TILE_WIDTH);
            for (bundle, number) in self
                .entries
                .chunks_exact(WIDTH.saturating_mul(ENTRY_BYTES))
                .zip(first..)
            {
                tiles.push(FullTile {
                    id: TileId::entries(number),
                    bytes: bundle.to_vec(),
                });
            }
        }
        for (row, level) in self.rows.iter().zip(0u8..) {
            let first = row.base.div_euclid(TILE_WIDTH);
            for (hashes, number) in row.hashes.chunks_exact(WIDTH).zip(first..) {
                tiles.push(FullTile {
                    id: TileId::hashes(level, number),
                    bytes: concat(hashes),
                });
            }
        }
        tiles
    }

    /// The partial tiles at the right edge, entries first.
    pub fn partial_tiles(&self) -> Vec<FullTile> {
        let mut tiles = Vec::new();
        let entries = self
            .entries
            .chunks_exact(WIDTH.saturating_mul(ENTRY_BYTES))
            .remainder();
        if let Some(width) = partial_width(self.size) {
            let number = self.size.div_euclid(TILE_WIDTH);
            tiles.push(FullTile {
                id: TileId::entries(number).partial(width),
                bytes: entries.to_vec(),
            });
        }
        let mut end = self.size;
        for (row, level) in self.rows.iter().zip(0u8..) {
            if let Some(width) = partial_width(end) {
                let id = TileId::hashes(level, end.div_euclid(TILE_WIDTH)).partial(width);
                tiles.push(FullTile {
                    id,
                    bytes: concat(row.hashes.chunks_exact(WIDTH).remainder()),
                });
            }
            end = end.div_euclid(TILE_WIDTH);
        }
        tiles
    }

    /// Drops the full tiles of a tree of `size` leaves, which are safe on disk now.
    pub fn forget(&mut self, size: TreeSize) {
        let mut end = size.get().min(self.size);
        for (row, level) in self.rows.iter_mut().zip(0u8..) {
            let keep_from = last_boundary(end);
            let count = usize::try_from(keep_from.saturating_sub(row.base)).unwrap_or(usize::MAX);
            let count = count.min(row.hashes.len());
            row.hashes.drain(..count);
            row.base = row.base.max(keep_from);
            if level == 0 {
                let bytes = count.saturating_mul(ENTRY_BYTES).min(self.entries.len());
                self.entries.drain(..bytes);
            }
            end = end.div_euclid(TILE_WIDTH);
        }
    }

    /// The bytes of a leaf that is still held.
    pub fn leaf(&self, index: u64) -> Option<&[u8]> {
        let base = self.rows.first()?.base;
        let start = usize::try_from(index.checked_sub(base)?)
            .ok()?
            .checked_mul(ENTRY_BYTES)?;
        self.entries
            .get(start.checked_add(2)?..start.checked_add(ENTRY_BYTES)?)
    }
}

const WIDTH: usize = 256;
const LEAF_LENGTH: [u8; 2] = [0x01, 0x20];

fn last_boundary(end: u64) -> u64 {
    end.div_euclid(TILE_WIDTH).saturating_mul(TILE_WIDTH)
}

fn partial_width(end: u64) -> Option<u8> {
    u8::try_from(end.rem_euclid(TILE_WIDTH))
        .ok()
        .filter(|width| *width > 0)
}

fn concat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Root of a complete subtree over a power-of-two number of hashes.
pub fn fold(hashes: &[Digest]) -> Digest {
    let mut row: Vec<Digest> = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [single] => Some(*single),
                _ => None,
            })
            .collect();
    }
    row.first().copied().unwrap_or_default()
}

impl HashSource for TileRows {
    type Error = NotInMemory;

    fn node(&self, level: u8, index: u64) -> Result<Digest, NotInMemory> {
        let tile_level = level.div_euclid(8);
        let within = level.rem_euclid(8);
        let start = index.checked_shl(within.into()).unwrap_or(u64::MAX);
        let missing = NotInMemory(TileId::hashes(tile_level, start.div_euclid(TILE_WIDTH)));
        let row = self.rows.get(usize::from(tile_level)).ok_or(missing)?;
        let from = start
            .checked_sub(row.base)
            .and_then(|at| usize::try_from(at).ok())
            .ok_or(missing)?;
        let count = 1usize.checked_shl(within.into()).unwrap_or(usize::MAX);
        let hashes = row.hashes.get(from..from.saturating_add(count)).ok_or(missing)?;
        Ok(fold(hashes))
    }
}
