use super::*;
use crate::osv::Record;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A disk that fails from its nth change on.
#[derive(Debug)]
struct Failing {
    disk: FileBackend,
    left: Arc<AtomicUsize>,
}

impl Failing {
    fn step(&self) -> io::Result<()> {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| io::Error::other("the disk is gone"))
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step()?;
        self.disk.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.step()?;
        self.disk.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.step()?;
        self.disk.write(offset, data)
    }
}

fn record(id: &str, modified: &str, extra: &str) -> Record {
    let text = format!(
        r#"{{"id": "{id}", "modified": "{modified}" {extra}, "affected": [{{"package": {{"ecosystem": "npm", "name": "a"}}, "versions": ["1.0.0"]}}]}}"#
    );
    Record::parse(text.as_bytes()).unwrap()
}

fn info() -> ImportInfo {
    ImportInfo {
        sources: vec![],
        imported: Timestamp::UNIX_EPOCH,
        records: 1,
        bad: 0,
    }
}

fn fill(records: &[Record]) -> impl Fn(&mut Writer<'_>) -> Result<(DataInfo, ()), StoreError> {
    move |writer| {
        for record in records {
            writer.take(record)?;
        }
        Ok((writer.finish(info(), BTreeMap::new()), ()))
    }
}

fn ids(dir: &Path) -> Vec<String> {
    let store = Store::open(dir).unwrap().unwrap();
    let found = store.about(Known::named("npm").unwrap(), "a").unwrap();
    found.into_iter().map(|(advisory, _)| advisory.id).collect()
}

#[test]
fn a_disk_that_fails_at_any_write_leaves_the_old_data() {
    let dir = tempfile::tempdir().unwrap();
    let old = [record("OLD", "2026-01-01T00:00:00Z", "")];
    let new = [record("NEW", "2026-01-01T00:00:00Z", "")];
    replace(dir.path(), fill(&old)).unwrap();
    let mut failures = 0;
    loop {
        let left = Arc::new(AtomicUsize::new(failures));
        let over = |disk| Failing { disk, left };
        match replace_over(dir.path(), over, fill(&new)) {
            Ok(()) => break,
            Err(StoreError::Database { .. }) => failures += 1,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(ids(dir.path()), ["OLD"], "after {failures} changes");
    }
    assert!(failures > 3, "{failures}");
    assert_eq!(ids(dir.path()), ["NEW"]);
}

#[test]
fn what_a_killed_import_left_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    replace(dir.path(), fill(&[record("OLD", "2026-01-01T00:00:00Z", "")])).unwrap();
    std::fs::write(dir.path().join(NEW_FILE), "half").unwrap();
    assert_eq!(ids(dir.path()), ["OLD"]);
    let reader = Store::open(dir.path()).unwrap().unwrap();
    replace(dir.path(), fill(&[record("NEW", "2026-01-01T00:00:00Z", "")])).unwrap();
    assert_eq!(ids(dir.path()), ["NEW"]);
    // Who was reading goes on with what was there.
    assert_eq!(
        reader.about(Known::named("npm").unwrap(), "a").unwrap()[0].0.id,
        "OLD"
    );
}

#[test]
fn one_import_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let inner = |_: &mut Writer<'_>| -> Result<(DataInfo, ()), StoreError> {
        let error = replace(dir.path(), fill(&[])).unwrap_err();
        assert!(matches!(error, StoreError::Busy(_)), "{error}");
        Err(error)
    };
    assert!(replace(dir.path(), inner).is_err());
    assert!(Store::open(dir.path()).unwrap().is_none());
}

#[test]
fn the_newer_record_counts_whatever_the_order() {
    let [old, new, gone] = [
        record("A", "2026-01-01T00:00:00Z", ""),
        record("A", "2026-01-02T00:00:00Z", r#", "summary": "new""#),
        record(
            "A",
            "2026-01-03T00:00:00Z",
            r#", "withdrawn": "2026-01-03T00:00:00Z""#,
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    for order in [[&old, &new], [&new, &old]] {
        replace(dir.path(), fill(&order.map(Clone::clone))).unwrap();
        let store = Store::open(dir.path()).unwrap().unwrap();
        let found = store.about(Known::named("npm").unwrap(), "a").unwrap();
        assert_eq!((found.len(), found[0].0.summary.as_str()), (1, "new"));
        assert_eq!((store.info().advisories, store.info().ecosystems["npm"]), (1, 1));
    }
    for order in [[&new, &gone, &old], [&gone, &old, &new]] {
        replace(dir.path(), fill(&order.map(Clone::clone))).unwrap();
        assert!(ids(dir.path()).is_empty());
    }
}

/// A byte of whatever file of the store is changed.
fn damaged(dir: &Path, file: &str, at: usize) -> Result<Vec<String>, StoreError> {
    let path = dir.join(file);
    let good = std::fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[at] ^= 0x01;
    std::fs::write(&path, bad).unwrap();
    let found = Store::open(dir).and_then(|store| store.unwrap().about(Known::named("npm").unwrap(), "a"));
    std::fs::write(&path, good).unwrap();
    Ok(found?.into_iter().map(|(advisory, _)| advisory.id).collect())
}

#[test]
fn a_byte_that_changed_is_noticed_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    replace(dir.path(), fill(&[record("OWN-1", "2026-01-01T00:00:00Z", "")])).unwrap();
    for file in [FILE, "osv.sum"] {
        let bytes = std::fs::read(dir.path().join(file)).unwrap();
        let named = bytes.windows(5).enumerate().filter(|(_, text)| *text == b"OWN-1");
        let named = named.map(|(at, _)| at);
        for at in named.chain((0..bytes.len()).step_by(bytes.len() / 60)) {
            let error = damaged(dir.path(), file, at).unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{at}: {error}");
        }
    }
    assert_eq!(ids(dir.path()), ["OWN-1"]);
    std::fs::remove_file(dir.path().join("osv.sum")).unwrap();
    assert!(Store::open(dir.path()).is_err());
    // An import mends it.
    replace(dir.path(), fill(&[record("OWN-2", "2026-01-01T00:00:00Z", "")])).unwrap();
    assert_eq!(ids(dir.path()), ["OWN-2"]);
}

/// A disk that changes what is written, once.
#[derive(Debug)]
struct Lying(FileBackend);

impl StorageBackend for Lying {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let text = b"a summary";
        let mut data = data.to_vec();
        if let Some(at) = data.windows(text.len()).position(|part| part == text) {
            data[at] = b'A';
        }
        self.0.write(offset, &data)
    }
}

#[test]
fn an_import_reads_back_what_it_wrote() {
    let dir = tempfile::tempdir().unwrap();
    replace(dir.path(), fill(&[record("OLD", "2026-01-01T00:00:00Z", "")])).unwrap();
    let new = [record(
        "NEW",
        "2026-01-01T00:00:00Z",
        r#", "summary": "a summary""#,
    )];
    let error = replace_over(dir.path(), Lying, fill(&new)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(ids(dir.path()), ["OLD"]);
}
