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

/// To what is there.
fn adding() -> Options {
    Options {
        add: true,
        ..options()
    }
}

/// Files of an archive, all with the same content.
fn filled<'e>(names: &'e [String], content: &'e [u8]) -> Vec<u8> {
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), content)).collect();
    archive(&entries)
}

#[track_caller]
fn assert_too_much(result: Result<Imported, ImportError>, wanted: &str) {
    let error = result.unwrap_err();
    assert!(
        matches!(error, ImportError::TooMuch { what, .. } if what == wanted),
        "{error}"
    );
}

/// Imports one record.
fn one(home: &Path, file: &str, record: &str, options: &Options) -> Imported {
    run(home, file, record.as_bytes(), options).unwrap()
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
    one(dir.path(), "old.json", &record("OLD", "npm", "a", ""), &options());
    let names: Vec<String> = (0..60).map(|number| format!("{number}.json")).collect();
    for (content, what) in [
        (" ".repeat(9_000), "bytes"),
        // Also of files that are too long to be taken.
        (" ".repeat(11_000), "bytes"),
        ("{".to_owned(), "files"),
    ] {
        let bytes = filled(&names, content.as_bytes());
        assert_too_much(run(dir.path(), "all.zip", &bytes, &options()), what);
    }
    for (file, bytes) in [
        ("cut.zip", filled(&names[..3], b"{")[..100].to_vec()),
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
    std::fs::write(dir.path().join("data/kev.json"), KEV).unwrap();
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
fn adding_keeps_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    one(dir.path(), "a.json", &record("A", "npm", "a", ""), &options());
    let newer = record("P", "PyPI", "p", "").replace("2026-01-05", "2026-01-09");
    let add = adding();
    let done = one(dir.path(), "p.json", &newer, &add);
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
    let done = one(dir.path(), "p.json", &newer, &options());
    assert_eq!((done.info.advisories, done.info.age_days(add.now)), (1, Some(1)));
    assert!(ids(dir.path(), "npm", "a").is_empty());
}

#[test]
fn each_ecosystem_has_an_age_of_its_own_and_the_oldest_counts() {
    let dir = tempfile::tempdir().unwrap();
    let at = |text: String, day: &str| text.replace("2026-01-05T", &format!("{day}T"));
    let old = at(record("A", "npm", "a", ""), "2025-01-05");
    // Neither a record of the future nor one that is not kept makes it younger.
    let future = at(record("F", "npm", "f", ""), "2099-01-01");
    let foreign = at(record("H", "Hex", "h", ""), "2026-01-10");
    let young = at(record("P", "PyPI", "p", ""), "2026-01-09");
    let entries = [old, future.clone(), foreign, young];
    let entries: Vec<(&str, &[u8])> = ["a.json", "f.json", "h.json", "p.json"]
        .into_iter()
        .zip(entries.iter().map(String::as_bytes))
        .collect();
    let done = run(dir.path(), "all.zip", &archive(&entries), &options()).unwrap();
    let now = options().now;
    assert_eq!(
        done.info.ages(now).into_iter().collect::<Vec<_>>(),
        [("PyPI", Some(1)), ("npm", Some(370))]
    );
    assert_eq!(done.info.age_days(now), Some(370));
    assert_eq!(done.info.oldest(["PyPI"]).unwrap().0, "PyPI");
    assert_eq!(done.info.oldest(["PyPI", "npm", "Go"]).unwrap().0, "npm");
    let add = adding();
    let newer = at(record("A", "npm", "a", ""), "2026-01-08");
    let done = one(dir.path(), "a.json", &newer, &add);
    assert_eq!(done.info.ages(now)["npm"], Some(2));
    // Of records that are all of the future nobody knows the age.
    let done = one(dir.path(), "f.json", &future, &options());
    assert_eq!(
        (done.info.oldest(["npm"]), done.info.age_days(now)),
        (Some(("npm", None)), None)
    );
}

#[test]
fn most_files_have_to_be_usable_and_the_others_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let good = record("A", "npm", "a", r#", "aliases": ["no name"]"#);
    let entries: [(&str, &[u8]); 3] = [("A.json", good.as_bytes()), ("b.json", b"{"), ("c.json", b"{")];
    let done = run(dir.path(), "all.zip", &archive(&entries[..2]), &options()).unwrap();
    assert_eq!(
        (done.taken, done.bad, done.partial, done.info.bad()),
        (1, 1, 1, 2)
    );
    assert!(done.listed[0].message.contains("aliases"), "{:?}", done.listed);
    let other = good.replace("\"A\"", "\"B\"");
    let entries = [("A.json", other.as_bytes()), entries[1], entries[2]];
    let error = run(dir.path(), "bad.zip", &archive(&entries), &options()).unwrap_err();
    assert!(
        matches!(error, ImportError::MostlyBad { bad: 2, read: 3, .. }),
        "{error}"
    );
    assert!(!error.is_environment());
    assert_eq!(ids(dir.path(), "npm", "a"), ["A"]);
    // The same files again take the place of what was said of them.
    let add = adding();
    let done = run(
        dir.path(),
        "all.zip",
        &archive(&[("A.json", good.as_bytes())]),
        &add,
    )
    .unwrap();
    assert_eq!((done.known, done.info.imports.len(), done.info.bad()), (1, 1, 1));
}

const KEV: &str = r#"{"title": "x", "catalogVersion": "1", "dateReleased": "2026-01-01T00:00:00Z", "count": 1,
    "vulnerabilities": [{"cveID": "CVE-2026-1", "dateAdded": "2026-01-02", "product": "x"}]}"#;

#[test]
fn a_catalogue_alone_is_added_to_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let error = run(dir.path(), "kev.json", KEV.as_bytes(), &options()).unwrap_err();
    assert!(matches!(error, ImportError::Nothing { .. }), "{error}");
    one(dir.path(), "a.json", &record("A", "npm", "a", ""), &options());
    let add = adding();
    let done = one(dir.path(), "kev.json", KEV, &add);
    assert_eq!(
        (done.exploited, done.info.exploited, done.info.advisories),
        (1, 1, 1)
    );
    assert_eq!(ids(dir.path(), "npm", "a"), ["A"]);
}

#[test]
fn what_was_taken_back_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let both = [record("A", "npm", "a", ""), record("B", "npm", "a", "")];
    let both: [(&str, &[u8]); 2] = [("A.json", both[0].as_bytes()), ("B.json", both[1].as_bytes())];
    run(dir.path(), "all.zip", &archive(&both), &options()).unwrap();
    let gone = record("A", "npm", "a", r#", "withdrawn": "2026-01-05T00:00:00Z""#);
    let add = adding();
    let done = one(dir.path(), "gone.json", &gone, &add);
    assert_eq!((done.withdrawn, done.info.advisories), (1, 1));
    let done = run(dir.path(), "again.zip", &archive(&both), &add).unwrap();
    assert_eq!((done.withdrawn, done.known), (1, 1));
    assert_eq!(ids(dir.path(), "npm", "a"), ["B"]);
    let newer = record("A", "npm", "a", "").replace("2026-01-05", "2026-01-06");
    one(dir.path(), "newer.json", &newer, &add);
    assert_eq!(ids(dir.path(), "npm", "a"), ["A", "B"]);
}

#[test]
fn of_two_records_that_are_as_new_that_counts_which_was_read_last() {
    let dir = tempfile::tempdir().unwrap();
    let add = adding();
    let first = record("A", "npm", "a", "");
    one(dir.path(), "first.json", &first, &options());
    assert_eq!(one(dir.path(), "again.json", &first, &add).known, 1);
    let more = first.replace("1.0.0", "1.0.1");
    let done = one(dir.path(), "more.json", &more, &add);
    assert_eq!((done.taken, done.info.advisories), (1, 1));
    let store = Store::open(&dir.path().join("vuln")).unwrap().unwrap();
    let about = store.about(Known::named("npm").unwrap(), "a").unwrap();
    assert_eq!(about[0].1[0].versions, ["1.0.1"]);
    let older = first.replace("2026-01-05", "2026-01-04");
    assert_eq!(one(dir.path(), "older.json", &older, &add).known, 1);
}

#[test]
fn a_record_that_is_as_new_and_says_less_stands_in_place_of_none() {
    let dir = tempfile::tempdir().unwrap();
    let whole = r#"{"id": "A", "modified": "2026-01-05T00:00:00Z", "aliases": ["CVE-1"], "affected": [
        {"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1.0.0"]}, {"package": {"ecosystem": "npm", "name": "b"}, "versions": ["1.0.0"]}]}"#;
    one(dir.path(), "whole.json", whole, &options());
    let add = adding();
    for less in [
        whole.replace(r#""affected": ["#, r#""affected": [], "other": ["#),
        whole.replace("npm", "Hex"),
        whole.replace(r#", "name": "b""#, ""),
        whole.replacen(r#""versions": ["1.0.0"]"#, r#""versions": []"#, 1),
        whole.replace("CVE-1", "two words"),
    ] {
        let done = one(dir.path(), "less.json", &less, &add);
        assert_eq!((done.less, done.taken, done.foreign), (1, 0, 0), "{less}");
        let told = done.listed.last().unwrap();
        assert!(told.message.starts_with("A is not taken"), "{told:?}");
        for package in ["a", "b"] {
            assert_eq!(ids(dir.path(), "npm", package), ["A"], "{less}");
        }
    }
    // A newer one may say less, and one that says it otherwise is taken.
    let other = whole.replace("CVE-1", "CVE-2");
    assert_eq!(one(dir.path(), "other.json", &other, &add).taken, 1);
    let newer = whole
        .replace("2026-01-05", "2026-01-06")
        .replace("\"b\"", "\"c\"");
    assert_eq!(one(dir.path(), "newer.json", &newer, &add).taken, 1);
    assert!(ids(dir.path(), "npm", "b").is_empty());
}

#[test]
fn what_has_no_time_is_taken_back_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let add = adding();
    let zero = |more: &str| record("A", "Go", "a", more).replace("2026-01-05", "0001-01-01");
    one(dir.path(), "b.json", &record("B", "Go", "a", ""), &options());
    one(dir.path(), "in.json", &zero(""), &add);
    let gone = one(
        dir.path(),
        "gone.json",
        &zero(r#", "withdrawn": "2026-01-05T00:00:00Z""#),
        &add,
    );
    assert_eq!(
        (gone.withdrawn, ids(dir.path(), "Go", "a")),
        (1, vec!["B".to_owned()])
    );
    assert_eq!(one(dir.path(), "back.json", &zero(""), &add).taken, 1);
    assert_eq!(ids(dir.path(), "Go", "a"), ["A", "B"]);
}

#[test]
fn releases_are_counted_by_their_records() {
    let dir = tempfile::tempdir().unwrap();
    let twelve = record("A", "Debian:12", "a", "");
    one(dir.path(), "a.json", &twelve, &options());
    let add = adding();
    let moved = record("A", "Debian:13", "a", "").replace("2026-01-05", "2026-01-06");
    one(dir.path(), "moved.json", &moved, &add);
    let general = record("G", "Debian", "a", "");
    let done = one(dir.path(), "general.json", &general, &add);
    let releases: Vec<(&str, u64)> = done.info.releases["Debian"]
        .iter()
        .map(|(release, count)| (release.as_str(), *count))
        .collect();
    assert_eq!(releases, [("", 1), ("13", 1)]);
    let store = Store::open(&dir.path().join("vuln")).unwrap().unwrap();
    let image = |release: &str| {
        let purl = format!("pkg:deb/debian/b@1?distro=debian-{release}");
        let packages = [crate::Package::of_purl(&purl, None).unwrap()];
        let scan = crate::scan(&store, &packages, &mut crate::Vex::default(), None, &|_| ()).unwrap();
        scan.missing.into_keys().collect::<Vec<_>>()
    };
    assert_eq!((image("12"), image("13")), (vec!["Debian 12".to_owned()], vec![]));
}

#[test]
fn entries_that_cant_be_unpacked_spend_what_may_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("{number}.json")).collect();
    let mut bytes = filled(&names, &[b' '; 9_000]);
    // The checksum of each entry, in its header and in the directory.
    let sum = bytes[14..18].to_vec();
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == sum {
            bytes[at] ^= 1;
        }
    }
    assert_too_much(run(dir.path(), "all.zip", &bytes, &options()), "bytes");
}

#[test]
fn names_may_be_in_capitals_and_directories_that_are_too_deep_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let deep = data.join("d/".repeat(70));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("X.json"), record("X", "npm", "a", "")).unwrap();
    std::fs::write(data.join("A.JSON"), record("A", "npm", "a", "")).unwrap();
    let inner = archive(&[("B.Json", record("B", "npm", "a", "").as_bytes())]);
    std::fs::write(data.join("ALL.ZIP"), inner).unwrap();
    let done = import(&dir.path().join("vuln"), &[data], &options(), &|_| ()).unwrap();
    assert_eq!((done.taken, done.bad, done.passed_over), (2, 1, 0));
    assert!(
        done.listed[0].message.contains("64 directories"),
        "{:?}",
        done.listed
    );
}
