//! Another project's client reads our files: the `tlog_tiles` crate checks tiles, checkpoint, leaves and proofs.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{id, key, record};
use stele_ledger::{Ledger, Options, tile};
use stele_types::{LeafIndex, TreeSize};
use tlog_tiles::{Checkpoint, Error, Hash, HashReader, Tile, TileHashReader, TileReader};

/// Reads tiles as a web server would serve them: files below `public/`.
struct Files(PathBuf);

impl TileReader for Files {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // The client's paths are those of the Go checksum database, which name the tile height first.
        let read = |tile: &Tile| {
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            fs::read(self.0.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

fn log(dir: &Path, count: u64) -> Ledger {
    let options = Options {
        linger: Duration::from_micros(50),
        publish_interval: None,
        ..Options::default()
    };
    let ledger = Ledger::open(dir, key(), options).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    for number in 0..count {
        let sender = sender.clone();
        ledger.append(record(number), move |outcome| sender.send(outcome).unwrap());
    }
    receiver
        .iter()
        .take(usize::try_from(count).unwrap())
        .for_each(|outcome| {
            outcome.unwrap();
        });
    ledger
}

#[test]
fn tiles_checkpoint_and_proofs_satisfy_an_independent_client() {
    let dir = tempfile::tempdir().unwrap();
    let total = 256 * 3 + 57;
    let ledger = log(dir.path(), total);
    ledger.publish().unwrap();
    let public = dir.path().join("public");

    let note = fs::read_to_string(public.join("checkpoint")).unwrap();
    let text = key().verifier().open(&note).unwrap().to_owned();
    let head = Checkpoint::from_bytes(text.as_bytes()).unwrap();
    assert_eq!((head.size(), head.origin()), (total, key().verifier().name()));

    let files = Files(public.clone());
    let reader = TileHashReader::new(head.size(), *head.hash(), &files);
    for index in [0, 1, 255, 256, 300, 767, 768, total - 1] {
        let hash = reader
            .read_hashes(&[tlog_tiles::stored_hash_index(0, index)])
            .unwrap()[0];
        let leaf = ledger.entry(LeafIndex::new(index)).unwrap().leaf.to_bytes();
        assert_eq!(hash, tlog_tiles::record_hash(&leaf));
        let ours: Vec<Hash> = ledger
            .inclusion_proof(LeafIndex::new(index), TreeSize::new(total))
            .unwrap()
            .into_iter()
            .map(|digest| Hash(digest.0))
            .collect();
        tlog_tiles::check_record(&ours, total, *head.hash(), index, hash).unwrap();
        assert_eq!(tlog_tiles::prove_record(total, index, &reader).unwrap(), ours);
    }
    for old in [1, 2, 255, 256, 257, 512, 800, total] {
        let old_root = Hash(ledger.root(TreeSize::new(old)).unwrap().0);
        let ours: Vec<Hash> = ledger
            .consistency_proof(TreeSize::new(old), TreeSize::new(total))
            .unwrap()
            .into_iter()
            .map(|digest| Hash(digest.0))
            .collect();
        tlog_tiles::check_tree(&ours, total, *head.hash(), old, old_root).unwrap();
    }
}

#[test]
fn bundles_hold_the_leaves_and_partial_ones_go_when_full() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = log(dir.path(), 200);
    ledger.publish().unwrap();
    let public = dir.path().join("public/tile");
    assert!(public.join("entries/000.p/200").exists() && public.join("0/000.p/200").exists());
    for number in 200..256 {
        ledger.append_and_wait(record(number)).unwrap();
    }
    ledger.publish().unwrap();
    assert!(!public.join("entries/000.p").exists() && !public.join("0/000.p").exists());
    let bundle = fs::read(public.join("entries/000")).unwrap();
    let entries = tile::read_bundle(&bundle).unwrap();
    assert_eq!(entries.len(), 256);
    for (number, entry) in (0..).zip(entries) {
        assert_eq!(entry, record(number).leaf().unwrap().to_bytes());
    }
    assert_eq!(ledger.index_of(&id(255)).unwrap(), Some(LeafIndex::new(255)));
}
