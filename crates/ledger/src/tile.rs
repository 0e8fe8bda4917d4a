//! C2SP `tlog-tiles`: names and contents of tiles and entry bundles.
//!
//! A tile at level `l` holds up to 256 hashes of complete subtrees of `256^l` leaves; an entry bundle holds up to 256
//! entries, each a big-endian 16-bit length and its bytes. Paths are `tile/<L>/<N>[.p/<W>]` and
//! `tile/entries/<N>[.p/<W>]`, with `<N>` in groups of three digits, all but the last marked by an `x`.

use std::fmt;
use std::str::FromStr;

use stele_types::Digest;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Number of tile levels a tree of 2^64 leaves needs.
pub const TILE_LEVELS: u8 = 8;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Leaves.
    Entries,
    /// Hashes at this level, 0 to 7.
    Hashes(u8),
}

/// Names one tile. INVARIANT: `width` is 1 to 255 for a partial tile and absent for a full one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// What it holds.
    pub kind: TileKind,
    /// Its number within its level, from 0.
    pub number: u64,
    /// Number of hashes or entries of a partial tile.
    pub width: Option<u8>,
}

/// Why a text is not a tile path, or bytes are not a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not a path of a tile.
    #[error("`{path}` is not a tile path such as tile/0/x001/067 or tile/entries/000.p/8")]
    Path {
        /// The offending text, cut to 120 characters.
        path: String,
    },
    /// Content of the wrong length.
    #[error("{tile} has {found} bytes instead of {expected}")]
    Length {
        /// The tile.
        tile: TileId,
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// An entry bundle that ends within an entry.
    #[error("entry {entry} of the bundle is cut short")]
    Truncated {
        /// The entry, from 0.
        entry: usize,
    },
    /// A bundle with more than 256 entries.
    #[error("the bundle has more than {TILE_WIDTH} entries")]
    TooManyEntries,
}

impl TileId {
    /// A full tile of hashes.
    pub const fn hashes(level: u8, number: u64) -> Self {
        Self {
            kind: TileKind::Hashes(level),
            number,
            width: None,
        }
    }

    /// A full entry bundle.
    pub const fn entries(number: u64) -> Self {
        Self {
            kind: TileKind::Entries,
            number,
            width: None,
        }
    }

    /// The partial form with `width` elements; the full form for width 0.
    pub const fn partial(self, width: u8) -> Self {
        Self {
            width: if width == 0 { None } else { Some(width) },
            ..self
        }
    }

    /// The path below the log's prefix, for instance `tile/0/x001/067.p/8`.
    pub fn path(&self) -> String {
        self.to_string()
    }

    /// Path of the directory that holds the partial forms of this tile.
    pub fn partial_dir(&self) -> String {
        format!("{}.p", Self { width: None, ..*self })
    }

    /// Hashes or entries in the tile.
    pub fn count(&self) -> usize {
        self.width.map_or(256, usize::from)
    }

    /// Splits the content of a hash tile.
    pub fn read_hashes(&self, bytes: &[u8]) -> Result<Vec<Digest>, TileError> {
        let expected = self.count().saturating_mul(32);
        if bytes.len() != expected {
            return Err(TileError::Length {
                tile: *self,
                found: bytes.len(),
                expected,
            });
        }
        Ok(bytes
            .chunks_exact(32)
            .filter_map(|hash| hash.try_into().ok().map(Digest))
            .collect())
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}")?,
        }
        let digits = self.number.to_string();
        let groups = digits.len().div_ceil(3).max(1);
        let padded = format!("{:0>width$}", digits, width = groups.saturating_mul(3));
        for group in 0..groups {
            let start = group.saturating_mul(3);
            let text = padded.get(start..start.saturating_add(3)).unwrap_or_default();
            let mark = if group.saturating_add(1) < groups { "x" } else { "" };
            write!(f, "/{mark}{text}")?;
        }
        match self.width {
            Some(width) => write!(f, ".p/{width}"),
            None => Ok(()),
        }
    }
}

fn parse_number(text: &str) -> Option<u64> {
    let mut number = 0u64;
    let mut groups = text.split('/').peekable();
    while let Some(group) = groups.next() {
        let digits = if groups.peek().is_some() {
            group.strip_prefix('x')?
        } else {
            group
        };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        number = number.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(number)
}

fn parse(path: &str) -> Option<TileId> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => {
            let level: u8 = level.parse().ok().filter(|level| *level < TILE_LEVELS)?;
            TileKind::Hashes(level)
        }
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, Some(width.parse::<u8>().ok().filter(|w| *w > 0)?)),
        None => (rest, None),
    };
    let id = TileId {
        kind,
        number: parse_number(number)?,
        width,
    };
    // Only the one spelling is accepted: no superfluous zeros or signs anywhere.
    (id.to_string() == path).then_some(id)
}

impl FromStr for TileId {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        parse(path).ok_or_else(|| TileError::Path {
            path: path.chars().take(120).collect(),
        })
    }
}

/// Splits an entry bundle into its entries.
pub fn read_bundle(bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let truncated = TileError::Truncated { entry: entries.len() };
        if entries.len() >= 256 {
            return Err(TileError::TooManyEntries);
        }
        let (length, after) = rest.split_first_chunk::<2>().ok_or_else(|| truncated.clone())?;
        let (entry, after) = after
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(truncated)?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(TileId::hashes(0, 1_234_067).path(), "tile/0/x001/x234/067");
        assert_eq!(TileId::hashes(3, 0).partial(8).path(), "tile/3/000.p/8");
        assert_eq!(TileId::entries(255).path(), "tile/entries/255");
        assert_eq!(
            TileId::entries(1000).partial(1).path(),
            "tile/entries/x001/000.p/1"
        );
        assert_eq!(
            TileId::entries(1000).partial(1).partial_dir(),
            "tile/entries/x001/000.p"
        );
        for bad in [
            "",
            "tile",
            "tile/0",
            "tile/0/1",
            "tile/0/01",
            "tile/8/000",
            "tile/-1/000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/00/000",
            "tile/data/000",
            "tile/0/../../key",
            "tile/0/000/",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "/tile/0/000",
            "tile/0/000.p/1.p/2",
            "tile/+1/000",
        ] {
            assert!(bad.parse::<TileId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn paths_round_trip(level in proptest::option::of(0u8..8), number: u64, width: u8) {
            let id = level.map_or_else(|| TileId::entries(number), |level| TileId::hashes(level, number)).partial(width);
            prop_assert_eq!(id.path().parse::<TileId>(), Ok(id));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "tile/[0-9x/.p]{0,30}") {
            if let Ok(id) = text.parse::<TileId>() {
                prop_assert_eq!(id.path(), text);
            }
        }

        #[test]
        fn any_bundle_is_read_or_refused(bytes in proptest::collection::vec(0u8..4, 0..700)) {
            if let Ok(entries) = read_bundle(&bytes) {
                let total: usize = entries.iter().map(|e| e.len() + 2).sum();
                prop_assert_eq!(total, bytes.len());
            }
        }
    }
}
