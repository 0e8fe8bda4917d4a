//! Files that can't be read, or are not there: fsck says so of each, and takes none for flawless or for something to be thrown away.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod common;

use std::io;
use std::path::Path;
use std::sync::Arc;

use common::{key, open, options, sample};
use stele_ledger::Ledger;
use stele_ledger::storage::fsck::{self, ChainView, FsckReport, Gravity};
use stele_ledger::storage::{FileStore, Store};
use stele_testkit::store::{Disk, FaultStore};

/// A disk on which one path, and what is below it, can't be read.
struct Sick {
    disk: FaultStore,
    path: String,
}

impl Sick {
    fn at(&self, path: &str) -> io::Result<()> {
        let rest = path.strip_prefix(&self.path);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(io::Error::other("Input/output error"));
        }
        Ok(())
    }
}

impl Store for Sick {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }
    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.at(path)?;
        self.disk.list(path)
    }
    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        self.at(path)?;
        self.disk.len(path)
    }
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.at(path)?;
        self.disk.read(path)
    }
    fn read_at(&self, path: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.at(path)?;
        self.disk.read_at(path, offset, length)
    }
    fn write_at(&self, _: &str, _: u64, _: &[u8]) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
    fn reserve(&self, _: &str, _: u64) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
    fn truncate(&self, _: &str, _: u64) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
    fn sync(&self, _: &str) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
    fn sync_dir(&self, _: &str) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
    fn remove(&self, _: &str) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
    fn remove_dir(&self, _: &str) -> io::Result<()> {
        panic!("fsck writes nothing")
    }
}

fn check(store: &dyn Store) -> FsckReport {
    fsck::run(store, key().verifier(), &ChainView::default())
}

/// Each kind of file of the log, and each directory.
fn places(disk: &Disk) -> Vec<String> {
    let mut places = disk.paths();
    let dirs = places.iter().filter_map(|path| path.rsplit_once('/'));
    let mut dirs: Vec<String> = dirs.map(|(dir, _)| dir.to_owned()).collect();
    dirs.sort();
    dirs.dedup();
    places.extend(dirs);
    places
}

/// The report names what can't be read as such, as damage, and advises nothing that removes it.
#[track_caller]
fn is_told(report: &FsckReport, place: &str, mends: &[&str]) {
    assert!(!report.is_sound(), "{place}: {report:?}");
    let told = report
        .problems
        .iter()
        .find(|problem| problem.file.starts_with(place) || place.starts_with(&problem.file));
    let told = told.unwrap_or_else(|| panic!("{place}: {report:?}"));
    assert_eq!(told.gravity, Gravity::Damage, "{place}: {told}");
    assert!(
        mends.iter().any(|mend| told.mend.contains(mend)),
        "{place}: {told}"
    );
    for problem in &report.problems {
        assert!(
            !(problem.file == place && problem.mend.starts_with("remove")),
            "{place}: {problem}"
        );
    }
}

#[test]
fn read_errors_are_told_as_such() {
    let disk = sample();
    assert!(check(&FaultStore::new(disk.clone())).is_sound());
    let places = places(&disk);
    for wanted in [
        ".rec",
        ".idx",
        "checkpoint",
        ".json",
        "records",
        "anchors",
        "tile/0",
        ".p/",
    ] {
        assert!(
            places.iter().any(|place| place.contains(wanted)),
            "{wanted}: {places:?}"
        );
    }
    // The last file has no index that anybody needs before it is finished.
    let last = disk
        .paths()
        .into_iter()
        .rfind(|path| path.ends_with(".rec"))
        .unwrap();
    let unused = last.replace(".rec", ".idx");
    for path in places.into_iter().filter(|path| *path != unused) {
        let report = check(&Sick {
            disk: FaultStore::new(disk.clone()),
            path: path.clone(),
        });
        if path.starts_with("public/tile")
            && !report
                .problems
                .iter()
                .any(|problem| problem.what.contains("Input/output"))
        {
            // Nothing of it was asked for: an older form that no checkpoint here needs.
            assert!(report.is_sound(), "{path}: {report:?}");
            continue;
        }
        is_told(&report, &path, &["see to it that the files can be read"]);
        let reasons = report
            .problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        assert!(
            reasons.iter().any(|said| said.contains("Input/output error")),
            "{path}: {reasons:?}"
        );
    }
}

fn copy_to(disk: &Disk, root: &Path) {
    for path in disk.paths() {
        let file = root.join(&path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, disk.read(&path).unwrap()).unwrap();
    }
}

#[test]
fn a_directory_in_place_of_a_file_is_told_and_opens_no_log() {
    let disk = sample();
    let records: Vec<String> = disk
        .paths()
        .into_iter()
        .filter(|path| path.ends_with(".rec"))
        .collect();
    let index = records[0].replace(".rec", ".idx");
    let anchor = disk
        .paths()
        .into_iter()
        .find(|path| path.starts_with("anchors/"))
        .unwrap();
    let checkpoint = "public/checkpoint".to_owned();
    let intent = "erase.intent".to_owned();
    let all = [
        &records[0],
        &records[1],
        records.last().unwrap(),
        &index,
        &anchor,
        &checkpoint,
        &intent,
    ];
    for path in all {
        let dir = tempfile::tempdir().unwrap();
        copy_to(&disk, dir.path());
        std::fs::remove_file(dir.path().join(path)).ok();
        std::fs::create_dir(dir.path().join(path)).unwrap();
        let store = FileStore::open(dir.path()).unwrap();
        let mends = [
            "see to it that the files can be read",
            "restore the file from a copy",
        ];
        is_told(&check(&store), path, &mends);
        drop(store);
        assert!(dir.path().join(path).is_dir(), "fsck changed {path}");
        let opened = Ledger::open(dir.path(), key(), options());
        match opened {
            Err(error) => assert!(error.to_string().contains(path.as_str()), "{path}: {error}"),
            // What a start does not read, or makes anew elsewhere, keeps nobody out.
            Ok(_) => assert!(
                [&anchor, &records[0], &records[1], &index].contains(&path),
                "{path}"
            ),
        }
    }
}

#[test]
fn a_missing_index_is_told_and_made_anew() {
    let disk = sample();
    let indexes: Vec<String> = disk
        .paths()
        .into_iter()
        .filter(|path| path.ends_with(".idx"))
        .collect();
    assert!(indexes.len() > 2);
    for path in &indexes {
        let mut without = disk.clone();
        without.delete(path);
        let report = check(&FaultStore::new(without.clone()));
        let told: Vec<_> = report
            .problems
            .iter()
            .filter(|problem| problem.file == *path)
            .collect();
        assert_eq!(told.len(), 1, "{path}: {report:?}");
        assert_eq!(told[0].gravity, Gravity::Notice);
        let said = told[0].to_string();
        assert!(
            said.contains("index of a finished record file is missing") && said.contains("open the log"),
            "{said}"
        );
        let store = Arc::new(FaultStore::new(without));
        drop(open(&store).unwrap());
        assert_eq!(store.disk().read(path), disk.read(path), "{path}");
    }
}
