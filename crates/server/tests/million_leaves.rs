//! Another project's client, the crate `tlog_tiles`, reads a log of a million leaves from a running server: tiles, partial tiles, proofs, caching.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use reqwest::StatusCode;
use stele_ledger::tile::read_bundle;
use stele_ledger::tree::{FullTile, TileRows, node_hash};
use stele_server::{Deps, Handle, Server};
use stele_types::{Digest, LeafIndex, TreeSize};
use support::{NODE, config, log_key, open_log, snapshot};
use tlog_tiles::{Checkpoint, Error, Hash, HashReader, Tile, TileHashReader, TileReader};

/// Not a multiple of 256 at any level: 15 tiles of level 1 and 66 entries, 3,906 of level 0 and 64 entries.
const LEAVES: u64 = 1_000_000;
/// Entries of a record file.
const PER_FILE: u64 = 220_000;
const PER_BATCH: u64 = 1_000;

/// The leaf with this number: only its decision id and its result digest tell it from others.
fn leaf(number: u64) -> [u8; 288] {
    let mut leaf = [0; 288];
    leaf[24..32].copy_from_slice(&number.to_be_bytes());
    leaf[224..232].copy_from_slice(&(!number).to_be_bytes());
    leaf
}

/// A million entries as docs/formats/log.md lays them out, with the least of records: opening a log does not read them.
fn write_records(dir: &Path) {
    let records = dir.join("records");
    std::fs::create_dir_all(&records).unwrap();
    let sealed = |mut bytes: Vec<u8>| {
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes
    };
    let mut first = 0;
    while first < LEAVES {
        let end = LEAVES.min(first + PER_FILE);
        let mut file = sealed([b"STELEREC".as_slice(), &[0, 0, 0, 1], &first.to_be_bytes()].concat());
        let mut at = first;
        while at < end {
            let next = end.min(at + PER_BATCH);
            let mut payload = Vec::with_capacity(300_000);
            for number in at..next {
                let body = [leaf(number).as_slice(), b"{}"].concat();
                payload.extend_from_slice(&2u32.to_be_bytes());
                payload.extend_from_slice(&body);
                payload.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
            }
            let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
            let count = u32::try_from(next - at).unwrap().to_be_bytes();
            let sum = crc32fast::hash(&payload).to_be_bytes();
            file.extend(sealed(
                [b"SLB1".as_slice(), &size, &count, &at.to_be_bytes(), &sum].concat(),
            ));
            file.extend(payload);
            at = next;
        }
        std::fs::write(records.join(format!("{first:020}.rec")), file).unwrap();
        first = end;
    }
}

/// The tiles as the log makes them, without its syncs, which would take most of the test's time; and the checkpoint. The log goes on from them.
fn write_tiles(dir: &Path) {
    let write = |tiles: Vec<FullTile>| {
        for tile in tiles {
            let path = dir.join("public").join(tile.id.path());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, tile.bytes).unwrap();
        }
    };
    let mut rows = TileRows::new();
    // Roots of the complete subtrees so far, largest first, with their levels.
    let mut peaks: Vec<(u32, Digest)> = Vec::new();
    for number in 0..LEAVES {
        let mut peak = (0, rows.push(&leaf(number)));
        while let Some(&(level, left)) = peaks.last().filter(|(level, _)| *level == peak.0) {
            peaks.pop();
            peak = (level + 1, node_hash(&left, &peak.1));
        }
        peaks.push(peak);
        if number % 65_536 == 65_535 {
            write(rows.full_tiles());
            rows.forget(rows.size());
        }
    }
    write(rows.full_tiles());
    write(rows.partial_tiles());
    let (_, mut root) = peaks.pop().unwrap();
    for (_, left) in peaks.into_iter().rev() {
        root = node_hash(&left, &root);
    }
    let head = stele_ledger::Checkpoint {
        origin: log_key().verifier().name().to_owned(),
        size: rows.size(),
        root,
        extensions: Vec::new(),
    };
    std::fs::write(dir.join("public/checkpoint"), head.sign(&log_key()).unwrap().note).unwrap();
}

/// A server, and a client that keeps what it read.
struct Log {
    base: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    handle: Option<Handle>,
    read: Mutex<HashMap<String, Vec<u8>>>,
}

impl Log {
    fn start(dir: &Path) -> Self {
        let log = open_log(dir);
        let deps = Deps {
            snapshot: snapshot(),
            log,
            node: NODE,
            chain: None,
            clock: stele_server::system_clock(),
        };
        let handle = Server::start(config(), deps).unwrap();
        Self {
            base: format!("http://{}", handle.addr()),
            client: reqwest::Client::new(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            handle: Some(handle),
            read: Mutex::default(),
        }
    }

    /// Status, `Cache-Control` and body.
    fn get(&self, path: &str) -> (StatusCode, String, Vec<u8>) {
        self.runtime.block_on(async {
            let answer = self
                .client
                .get(format!("{}/{path}", self.base))
                .send()
                .await
                .unwrap();
            let caching = answer.headers().get("cache-control");
            let caching = caching.map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
            (answer.status(), caching, answer.bytes().await.unwrap().to_vec())
        })
    }

    fn decide(&self) {
        let request = self
            .client
            .post(format!("{}/v1/data/system/main", self.base))
            .body("{}");
        let status = self
            .runtime
            .block_on(async { request.send().await.unwrap().status() });
        assert_eq!(status, StatusCode::OK);
    }

    /// A checkpoint of this size, as soon as it is published; its signature is checked.
    fn checkpoint(&self, size: u64) -> Checkpoint {
        loop {
            let (status, caching, note) = self.get("checkpoint");
            assert_eq!((status, caching.as_str()), (StatusCode::OK, "no-cache"));
            let note = String::from_utf8(note).unwrap();
            let text = log_key().verifier().open(&note).unwrap().to_owned();
            let head = Checkpoint::from_bytes(text.as_bytes()).unwrap();
            assert_eq!(head.origin(), log_key().verifier().name());
            assert!(head.size() <= size, "{}", head.size());
            if head.size() == size {
                return head;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

impl TileReader for Log {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            // The client's paths are those of the Go checksum database, which name the tile height first.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let known = self.read.lock().unwrap().get(&path).cloned();
            known.unwrap_or_else(|| {
                let (status, caching, bytes) = self.get(&path);
                assert_eq!(status, StatusCode::OK, "{path}");
                assert_eq!(
                    caching.contains("immutable"),
                    tile.width() == 256,
                    "{path}: {caching}"
                );
                self.read.lock().unwrap().insert(path, bytes.clone());
                bytes
            })
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

fn digests(hashes: Vec<Hash>) -> Vec<Digest> {
    hashes.into_iter().map(|hash| Digest(hash.0)).collect()
}

/// Inclusion proofs made from tiles, by both implementations' word.
fn inclusion(head: &Checkpoint, reader: &impl HashReader) {
    // Ends of tiles of every level, the partial tiles, and a few in between.
    let edges = [
        0,
        255,
        256,
        65_535,
        65_536,
        131_071,
        983_039,
        983_040,
        999_935,
        999_936,
        LEAVES - 1,
    ];
    let between = (1..30).map(|step| step * 33_331);
    for index in edges.into_iter().chain(between) {
        let hash = reader
            .read_hashes(&[tlog_tiles::stored_hash_index(0, index)])
            .unwrap()[0];
        assert_eq!(hash, tlog_tiles::record_hash(&leaf(index)));
        let path = tlog_tiles::prove_record(LEAVES, index, reader).unwrap();
        tlog_tiles::check_record(&path, LEAVES, *head.hash(), index, hash).unwrap();
        let root = Digest(head.hash().0);
        let (leaf_hash, size) = (Digest(hash.0), TreeSize::new(LEAVES));
        stele_ledger::tree::verify::inclusion(&leaf_hash, LeafIndex::new(index), size, &digests(path), &root)
            .unwrap();
    }
}

fn consistency(head: &Checkpoint, reader: &impl HashReader) {
    for old in [
        1,
        2,
        255,
        256,
        257,
        65_536,
        65_537,
        500_000,
        983_040,
        999_936,
        LEAVES - 1,
        LEAVES,
    ] {
        let old_root = tlog_tiles::tree_hash(old, reader).unwrap();
        let path = tlog_tiles::prove_tree(LEAVES, old, reader).unwrap();
        tlog_tiles::check_tree(&path, LEAVES, *head.hash(), old, old_root).unwrap();
    }
}

fn bundles(log: &Log) {
    // Bundles of leaves, a full one and the partial one.
    for (path, first, count) in [
        ("tile/entries/x003/905", 999_680, 256),
        ("tile/entries/x003/906.p/64", 999_936, 64),
    ] {
        let (status, caching, bytes) = log.get(path);
        assert_eq!(
            (status, caching.contains("immutable")),
            (StatusCode::OK, count == 256),
            "{caching}"
        );
        let entries = read_bundle(&bytes).unwrap();
        assert_eq!(entries.len(), count);
        for (number, entry) in (first..).zip(entries) {
            assert_eq!(entry, leaf(number));
        }
    }
    for absent in [
        "tile/entries/x003/906",
        "tile/0/x003/906",
        "tile/3/000.p/1",
        "tile/0/x003/906.p/65",
    ] {
        assert_eq!(log.get(absent).0, StatusCode::NOT_FOUND, "{absent}");
    }
}

fn growth(log: &Log, head: &Checkpoint) {
    // It grows past the end of that tile: the partial form goes, the full one stays, and the new tree extends the old.
    (0..200).for_each(|_| log.decide());
    let grown = log.checkpoint(LEAVES + 200);
    let size = grown.size();
    let newer = TileHashReader::new(size, *grown.hash(), log);
    let path = tlog_tiles::prove_tree(size, LEAVES, &newer).unwrap();
    tlog_tiles::check_tree(&path, size, *grown.hash(), LEAVES, *head.hash()).unwrap();
    let (status, caching, bytes) = log.get("tile/0/x003/906");
    assert_eq!((status, bytes.len()), (StatusCode::OK, 256 * 32));
    assert!(caching.contains("immutable"), "{caching}");
    // It goes once the checkpoint is there that needs the full one.
    while log.get("tile/0/x003/906.p/64").0 != StatusCode::NOT_FOUND {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn an_independent_client_reads_a_million_leaves_from_a_server() {
    let dir = tempfile::tempdir().unwrap();
    write_records(dir.path());
    write_tiles(dir.path());
    let mut log = Log::start(dir.path());
    let head = log.checkpoint(LEAVES);
    let reader = TileHashReader::new(LEAVES, *head.hash(), &log);
    inclusion(&head, &reader);
    consistency(&head, &reader);
    let partial = |path: &&String| path.contains(".p/");
    assert!(log.read.lock().unwrap().keys().filter(partial).count() >= 3);
    bundles(&log);
    growth(&log, &head);
    log.handle.take().unwrap().shutdown().unwrap();
}
