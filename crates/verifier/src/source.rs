//! A node's log over HTTP: C2SP tiles, and the records behind its leaves. Nothing that comes from here is believed before it is checked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::StatusCode;
use stele_ledger::note::MAX_NOTE_BYTES;
use stele_ledger::tile::{TILE_WIDTH, TileId, read_bundle};
use stele_ledger::tree::{self, ENTRY_BYTES, HashSource, fold, verify};
use stele_types::{Digest, Leaf, LeafIndex, PolicyVersion, TreeSize};
use zeroize::Zeroizing;

use crate::error::VerifierError;

/// Largest answer with records, in bytes; a node sends fewer records rather than more bytes.
const MAX_RECORDS: usize = 64 << 20;
/// Records of one batch, in bytes: beyond it the batch ends, with the answer that exceeded it.
const BATCH_RECORDS: usize = 64 << 20;
/// Largest bundle, in bytes.
const MAX_BUNDLE: usize = 256 << 20;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A node's log.
#[derive(Clone)]
pub struct Source {
    base: String,
    client: reqwest::Client,
    token: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// Records of consecutive leaves, a line of JSON each.
#[derive(Debug, Default)]
pub struct RecordLines(Vec<u8>);

impl RecordLines {
    /// Lines as a node sends them.
    pub fn new(lines: Vec<u8>) -> Self {
        Self(lines)
    }

    /// The lines, without their ends.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
    }
}

impl Source {
    /// The log at a base URL. The token, if there is one, is sent with requests for records.
    ///
    /// # Errors
    /// When the HTTP client can't be made.
    pub fn new(base: &str, token: Option<Zeroizing<String>>) -> Result<Self, VerifierError> {
        let base = base.trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let client = client.map_err(|error| VerifierError::Source {
            url: base.clone(),
            problem: error.to_string(),
        })?;
        Ok(Self { base, client, token })
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// One GET; `None` for 404.
    async fn get(&self, path: &str, max: usize, private: bool) -> Result<Option<Vec<u8>>, VerifierError> {
        let url = format!("{}/{path}", self.base);
        let fail = |problem: String| VerifierError::Source {
            url: url.clone(),
            problem,
        };
        let mut request = self.client.get(&url);
        if let Some(token) = self.token.as_ref().filter(|_| private) {
            request = request.bearer_auth(token.as_str());
        }
        let mut answer = request.send().await.map_err(|error| fail(words(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                let status = status.as_u16();
                return Err(VerifierError::Denied { url, status });
            }
            status => return Err(fail(format!("answered {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| fail(words(&error)))? {
            if body.len().saturating_add(chunk.len()) > max {
                return Err(fail(format!("answered more than {max} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    /// What is served does not fit the tree of this size.
    pub(crate) fn unauthentic(&self, what: &'static str, size: TreeSize) -> VerifierError {
        VerifierError::Unauthentic {
            url: self.base.clone(),
            what,
            size: size.get(),
        }
    }

    fn absent(&self, what: &str) -> VerifierError {
        VerifierError::Source {
            url: format!("{}/{what}", self.base),
            problem: "is not there".to_owned(),
        }
    }

    /// The newest signed checkpoint; `None` before the first.
    ///
    /// # Errors
    /// [`VerifierError::Source`].
    pub async fn checkpoint(&self) -> Result<Option<String>, VerifierError> {
        let body = self.get("checkpoint", MAX_NOTE_BYTES, false).await?;
        let text = body.map(String::from_utf8).transpose();
        text.map_err(|_| VerifierError::Source {
            url: format!("{}/checkpoint", self.base),
            problem: "is not UTF-8".to_owned(),
        })
    }

    /// A tile of a tree. Its partial form may be gone when the log has grown; then the full one has it too.
    async fn tile(&self, id: TileId, bytes_each: usize) -> Result<Vec<u8>, VerifierError> {
        let max = bytes_each.saturating_mul(256);
        let wanted = bytes_each.saturating_mul(id.count());
        let mut body = self.get(&id.path(), max, false).await?;
        if body.is_none() && id.width.is_some() {
            let full = TileId { width: None, ..id };
            body = self.get(&full.path(), max, false).await?.map(|mut bytes| {
                bytes.truncate(wanted);
                bytes
            });
        }
        let body = body.ok_or_else(|| self.absent(&id.path()))?;
        if body.len() == wanted {
            return Ok(body);
        }
        Err(VerifierError::Source {
            url: format!("{}/{id}", self.base),
            problem: format!("has {} bytes instead of {wanted}", body.len()),
        })
    }

    /// The leaves `from..to` of a tree of `size` leaves.
    ///
    /// # Errors
    /// [`VerifierError::Source`].
    pub async fn leaves(&self, from: u64, to: u64, size: TreeSize) -> Result<Vec<Leaf>, VerifierError> {
        let mut leaves = Vec::new();
        let mut at = from;
        while at < to {
            let number = at.div_euclid(TILE_WIDTH);
            let start = number.saturating_mul(TILE_WIDTH);
            let width = size.get().saturating_sub(start).min(TILE_WIDTH);
            let id = TileId::entries(number).partial(u8::try_from(width).unwrap_or(0));
            let bytes = self.tile(id, ENTRY_BYTES).await?;
            let wrong = |problem: String| VerifierError::Source {
                url: format!("{}/{id}", self.base),
                problem,
            };
            let entries = read_bundle(&bytes).map_err(|error| wrong(error.to_string()))?;
            let skip = usize::try_from(at.saturating_sub(start)).unwrap_or(0);
            let end = start.saturating_add(width).min(to);
            let take = usize::try_from(end.saturating_sub(at)).unwrap_or(0);
            for entry in entries.iter().skip(skip).take(take) {
                let leaf = Leaf::from_bytes(entry).map_err(|error| wrong(error.to_string()))?;
                leaves.push(leaf);
            }
            at = end;
        }
        let wanted = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        if leaves.len() == wanted {
            return Ok(leaves);
        }
        Err(VerifierError::Source {
            url: self.base.clone(),
            problem: format!("{} leaves came instead of {wanted}", leaves.len()),
        })
    }

    /// The records of the leaves `from..to`, or of the first of them where they are large, and how many.
    ///
    /// # Errors
    /// [`VerifierError::Source`], also when the node gives them to nobody, or not to us.
    pub async fn records(&self, from: u64, to: u64) -> Result<(RecordLines, usize), VerifierError> {
        self.some_records(from, to, BATCH_RECORDS).await
    }

    async fn some_records(
        &self,
        from: u64,
        to: u64,
        enough: usize,
    ) -> Result<(RecordLines, usize), VerifierError> {
        let mut lines = Vec::new();
        let mut at = from;
        while at < to && lines.len() < enough {
            let path = format!("v1/records?from={at}&limit={}", to.saturating_sub(at));
            let body = self.get(&path, MAX_RECORDS, true).await?;
            let body = body.ok_or_else(|| self.absent(&path))?;
            let count = body.iter().filter(|byte| **byte == b'\n').count();
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            if count == 0 || count > to.saturating_sub(at) {
                return Err(VerifierError::Source {
                    url: format!("{}/{path}", self.base),
                    problem: format!("{count} records came"),
                });
            }
            lines.extend_from_slice(&body);
            at = at.saturating_add(count);
        }
        let count = usize::try_from(at.saturating_sub(from)).unwrap_or(usize::MAX);
        Ok((RecordLines(lines), count))
    }

    /// A version's bundle, if the node has it. Its digest is not checked here.
    ///
    /// # Errors
    /// [`VerifierError::Source`].
    pub async fn bundle(&self, version: PolicyVersion) -> Result<Option<Vec<u8>>, VerifierError> {
        self.get(&format!("v1/bundles/{version}"), MAX_BUNDLE, true).await
    }

    /// A file at another place, such as the one that the registry names.
    ///
    /// # Errors
    /// [`VerifierError::Source`].
    pub async fn elsewhere(&self, url: &str) -> Result<Option<Vec<u8>>, VerifierError> {
        let (base, path) = url.rsplit_once('/').unwrap_or((url, ""));
        let other = Self {
            base: base.to_owned(),
            client: self.client.clone(),
            token: None,
        };
        other.get(path, MAX_BUNDLE, false).await
    }

    /// Computes something from the hashes of the tree of `size` leaves, fetching the tiles it needs.
    async fn compute<T>(
        &self,
        size: TreeSize,
        mut work: impl FnMut(&Tiles) -> Result<T, Missing>,
    ) -> Result<T, VerifierError> {
        let mut tiles = Tiles {
            size,
            held: BTreeMap::new(),
            wanted: RefCell::default(),
        };
        loop {
            if let Ok(done) = work(&tiles) {
                return Ok(done);
            }
            let wanted = std::mem::take(&mut *tiles.wanted.borrow_mut());
            if wanted.is_empty() {
                // Sizes that don't fit together; no tile would help.
                return Err(self.unauthentic("hashes", size));
            }
            for id in wanted {
                let bytes = self.tile(id, 32).await?;
                let hashes = id.read_hashes(&bytes).map_err(|error| VerifierError::Source {
                    url: format!("{}/{id}", self.base),
                    problem: error.to_string(),
                })?;
                tiles.held.insert(id, hashes);
            }
        }
    }

    /// The root that the node's tiles give a tree of `size` leaves: what it claims, nothing more.
    ///
    /// # Errors
    /// [`VerifierError::Source`].
    pub async fn root(&self, size: TreeSize, of: TreeSize) -> Result<Digest, VerifierError> {
        self.compute(of, |tiles| tree::root(tiles, size)).await
    }

    /// A consistency proof from the node's tiles.
    ///
    /// # Errors
    /// [`VerifierError::Source`].
    pub async fn consistency(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Digest>, VerifierError> {
        self.compute(new, |tiles| {
            tree::consistency_proof(tiles, old, new).map_err(|error| match error {
                tree::TreeError::Source(missing) => missing,
                _ => Missing,
            })
        })
        .await
    }

    /// A leaf's audit path from the node's tiles.
    ///
    /// # Errors
    /// [`VerifierError::Source`].
    pub async fn inclusion(&self, index: LeafIndex, size: TreeSize) -> Result<Vec<Digest>, VerifierError> {
        self.compute(size, |tiles| {
            tree::inclusion_proof(tiles, index, size).map_err(|error| match error {
                tree::TreeError::Source(missing) => missing,
                _ => Missing,
            })
        })
        .await
    }

    /// Whether a smaller tree is a prefix of a larger one whose root we know.
    ///
    /// # Errors
    /// [`VerifierError::Unauthentic`] when the node's tiles are not those of the larger tree: then nothing can be said.
    pub async fn is_prefix(
        &self,
        (old, old_root): (TreeSize, Digest),
        (new, new_root): (TreeSize, Digest),
    ) -> Result<bool, VerifierError> {
        let path = self.consistency(old, new).await?;
        if verify::consistency(old, new, &old_root, &new_root, &path).is_ok() {
            return Ok(true);
        }
        // It is no prefix for certain only if the tiles prove another tree of that size to be one.
        let claimed = self.root(old, new).await?;
        if claimed != old_root && verify::consistency(old, new, &claimed, &new_root, &path).is_ok() {
            return Ok(false);
        }
        Err(self.unauthentic("hashes", new))
    }
}

/// A hash is in a tile that was not fetched yet.
#[derive(Debug)]
struct Missing;

/// The tiles of one tree that were fetched, and those that are wanted.
struct Tiles {
    size: TreeSize,
    held: BTreeMap<TileId, Vec<Digest>>,
    wanted: RefCell<BTreeSet<TileId>>,
}

impl HashSource for Tiles {
    type Error = Missing;

    fn node(&self, level: u8, index: u64) -> Result<Digest, Missing> {
        let row = level.div_euclid(8);
        let within = u32::from(level.rem_euclid(8));
        let start = index.checked_shl(within).unwrap_or(u64::MAX);
        let number = start.div_euclid(TILE_WIDTH);
        let in_row = self
            .size
            .get()
            .checked_shr(u32::from(row).saturating_mul(8))
            .unwrap_or(0);
        let width = in_row
            .saturating_sub(number.saturating_mul(TILE_WIDTH))
            .min(TILE_WIDTH);
        let id = TileId::hashes(row, number).partial(u8::try_from(width).unwrap_or(0));
        let Some(hashes) = self.held.get(&id) else {
            self.wanted.borrow_mut().insert(id);
            return Err(Missing);
        };
        let from = usize::try_from(start.rem_euclid(TILE_WIDTH)).unwrap_or(usize::MAX);
        let count = 1usize.checked_shl(within).unwrap_or(usize::MAX);
        hashes
            .get(from..from.saturating_add(count))
            .map(fold)
            .ok_or(Missing)
    }
}

/// A client error with what is behind it; the outermost alone says little.
fn words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut inner: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = inner {
        text = format!("{text}: {error}");
        inner = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_of_large_records_ends_early() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        // Two records an answer, of 100 bytes each.
        let page = format!("{0}\n{0}\n", "r".repeat(99));
        let app = axum::Router::new().fallback(move || std::future::ready(page.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let source = Source::new(&base, None).unwrap();
        for (enough, expected) in [(1, 2), (200, 2), (201, 4), (399, 4), (10_000, 8)] {
            let (lines, count) = source.some_records(3, 11, enough).await.unwrap();
            assert_eq!((count, lines.iter().count()), (expected, expected), "{enough}");
        }
    }
}
