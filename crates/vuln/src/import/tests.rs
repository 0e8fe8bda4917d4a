use super::*;
use crate::ecosystem::Known;
use std::io::Write as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn record(id: &str, ecosystem: &str, package: &str, more: &str) -> String {
    format!(
        r#"{{"id": "{id}", "modified": "2026-01-05T00:00:00Z" {more},
        "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "{package}"}}, "versions": ["1.0.0"]}}]}}"#
    )
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn options() -> Options {
    Options {
        add: false,
        now: "2026-01-10T12:00:00Z".parse().unwrap(),
        limits: Limits {
            record: 10_000,
            total: 100_000,
            entries: 50,
        },
    }
}

/// Writes a file and imports it.
fn run(home: &Path, file: &str, bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let path = home.join(file);
    std::fs::write(&path, bytes).unwrap();
    import(&home.join("vuln"), &[path], options, &|_| ())
}

fn ids(home: &Path, ecosystem: &str, package: &str) -> Vec<String> {
    let store = Store::open(&home.join("vuln")).unwrap().unwrap();
    let found = store.about(Known::named(ecosystem).unwrap(), package).unwrap();
    found.into_iter().map(|(advisory, _)| advisory.id).collect()
}

#[test]
fn an_archive_is_taken_and_what_is_bad_in_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let good = record("A", "npm", "a", "");
    let gone = record("B", "npm", "a", r#", "withdrawn": "2026-01-02T00:00:00Z""#);
    let foreign = record("C", "Hex", "a", "");
    let long = " ".repeat(20_000);
    let bytes = archive(&[
        ("A.json", good.as_bytes()),
        ("B.json", gone.as_bytes()),
        ("C.json", foreign.as_bytes()),
        ("bad.json", b"{"),
        ("bomb.json", long.as_bytes()),
        ("inner.zip", b"PK"),
        ("README", b"x"),
    ]);
    let done = run(dir.path(), "all.zip", &bytes, &options()).unwrap();
    let counts = (
        done.taken,
        done.withdrawn,
        done.foreign,
        done.bad,
        done.passed_over,
    );
    assert_eq!(counts, (1, 1, 1, 3, 1));
    let listed: Vec<String> = done
        .listed
        .iter()
        .map(|bad| format!("{} {}", bad.file, bad.message))
        .collect();
    assert!(
        listed[0].contains("all.zip!/bad.json no OSV record"),
        "{listed:?}"
    );
    assert!(
        listed[1].contains("all.zip!/bomb.json has more than 10000 bytes"),
        "{listed:?}"
    );
    assert!(listed[2].contains("inner.zip archives in archives"), "{listed:?}");
    assert_eq!(ids(dir.path(), "npm", "a"), ["A"]);
    assert_eq!(done.info.age_days(options().now), Some(5));
    assert_eq!(done.info.made().unwrap().to_string(), "2026-01-05T00:00:00Z");
}

#[test]
fn bounds_end_the_import_and_the_old_data_stay() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        "old.json",
        record("OLD", "npm", "a", "").as_bytes(),
        &options(),
    )
    .unwrap();
    let filler = " ".repeat(9_000);
    let names: Vec<String> = (0..60).map(|number| format!("{number}.json")).collect();
    let large: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), filler.as_bytes()))
        .collect();
    let error = run(dir.path(), "large.zip", &archive(&large), &options()).unwrap_err();
    assert!(
        matches!(error, ImportError::TooMuch { what: "bytes", .. }),
        "{error}"
    );
    let beyond = " ".repeat(11_000);
    let bombs: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), beyond.as_bytes()))
        .collect();
    let error = run(dir.path(), "bombs.zip", &archive(&bombs), &options()).unwrap_err();
    assert!(
        matches!(error, ImportError::TooMuch { what: "bytes", .. }),
        "{error}"
    );
    let many: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), b"{".as_slice()))
        .collect();
    let error = run(dir.path(), "many.zip", &archive(&many), &options()).unwrap_err();
    assert!(
        matches!(error, ImportError::TooMuch { what: "files", .. }),
        "{error}"
    );
    for (file, bytes) in [
        ("cut.zip", archive(&many[..3])[..100].to_vec()),
        ("not.zip", b"hello".to_vec()),
    ] {
        let error = run(dir.path(), file, &bytes, &options()).unwrap_err();
        assert!(error.to_string().contains("no ZIP archive"), "{error}");
    }
    let error = run(dir.path(), "none.json", b"{}", &options()).unwrap_err();
    assert!(error.to_string().contains("missing field"), "{error}");
    assert!(!error.is_environment());
    let error = import(
        &dir.path().join("vuln"),
        &[dir.path().join("gone")],
        &options(),
        &|_| (),
    )
    .unwrap_err();
    assert!(error.is_environment());
    assert_eq!(ids(dir.path(), "npm", "a"), ["OLD"]);
}

#[test]
fn a_damaged_entry_is_named_and_the_rest_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let record = record("A", "npm", "a", "");
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in [("bad.json", "{\"id\": \"DAMAGED\"}"), ("A.json", record.as_str())] {
        writer.start_file(name, stored).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    let at = bytes.windows(7).position(|window| window == b"DAMAGED").unwrap();
    bytes[at] = b'X';
    let done = run(dir.path(), "all.zip", &bytes, &options()).unwrap();
    assert_eq!((done.taken, done.bad), (1, 1));
    assert!(
        done.listed[0].message.contains("can't be unpacked"),
        "{:?}",
        done.listed
    );
}

#[test]
fn directories_hold_records_and_archives() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data/npm");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("A.json"), record("A", "npm", "a", "")).unwrap();
    let bytes = archive(&[("P.json", record("P", "PyPI", "X.y", "").as_bytes())]);
    std::fs::write(dir.path().join("data/all.zip"), bytes).unwrap();
    std::fs::write(dir.path().join("data/modified_id.csv"), "x").unwrap();
    let kev = r#"{"title": "x", "catalogVersion": "1", "dateReleased": "2026-01-01T00:00:00Z", "count": 1,
        "vulnerabilities": [{"cveID": "CVE-2026-1", "dateAdded": "2026-01-02", "product": "x"}]}"#;
    std::fs::write(dir.path().join("data/kev.json"), kev).unwrap();
    let vuln = dir.path().join("vuln");
    let done = import(&vuln, &[dir.path().join("data")], &options(), &|_| ()).unwrap();
    assert_eq!((done.taken, done.passed_over, done.bad), (2, 1, 0));
    assert_eq!(ids(dir.path(), "PyPI", "x-y"), ["P"]);
    let store = Store::open(&vuln).unwrap().unwrap();
    let since = store.exploited(["GHSA-1", "CVE-2026-1"]).unwrap();
    assert_eq!(since.as_deref(), Some("2026-01-02"));
    assert_eq!(
        store.info().ecosystems.keys().collect::<Vec<_>>(),
        ["PyPI", "npm"]
    );
}

#[test]
fn adding_keeps_what_is_there_and_the_older_age() {
    let dir = tempfile::tempdir().unwrap();
    run(
        dir.path(),
        "a.json",
        record("A", "npm", "a", "").as_bytes(),
        &options(),
    )
    .unwrap();
    let newer = record("P", "PyPI", "p", "").replace("2026-01-05", "2026-01-09");
    let add = Options {
        add: true,
        ..options()
    };
    let done = run(dir.path(), "p.json", newer.as_bytes(), &add).unwrap();
    assert_eq!(
        (ids(dir.path(), "npm", "a"), ids(dir.path(), "PyPI", "p")),
        (vec!["A".to_owned()], vec!["P".to_owned()])
    );
    assert_eq!(
        (
            done.info.advisories,
            done.info.imports.len(),
            done.info.age_days(add.now)
        ),
        (2, 2, Some(5))
    );
    let done = run(dir.path(), "p.json", newer.as_bytes(), &options()).unwrap();
    assert_eq!((done.info.advisories, done.info.age_days(add.now)), (1, Some(1)));
    assert!(ids(dir.path(), "npm", "a").is_empty());
}

#[test]
fn a_record_of_the_future_makes_nothing_younger() {
    let dir = tempfile::tempdir().unwrap();
    let text = record("A", "npm", "a", "").replace("2026-01-05", "2099-01-01");
    let done = run(dir.path(), "a.json", text.as_bytes(), &options()).unwrap();
    assert_eq!(done.info.made(), Some(options().now));
}
