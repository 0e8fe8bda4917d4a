//! A repository that somebody made to break those who read it: each file is reported for itself, and the rest is read.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/gate.rs"]
mod gate;
mod support;

use gate::{DEPLOYMENT, check, site};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use support::Site;

/// A token in DigitalOcean's form, put together here so that none stands in this file.
fn token() -> String {
    format!("dop_{}_{}", "v1", "93f1c07be55ad2e7".repeat(4))
}

/// Aliases of aliases: a few kilobytes stand for more values than there is memory.
fn yaml_bomb() -> String {
    let of = |n: usize| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1);
    format!("a0: &a0 [1]\n{}", (1..40).map(of).collect::<String>())
}

/// A file of a gigabyte that takes no room on the disk.
fn huge(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    file.seek(SeekFrom::Start(1 << 30)).unwrap();
    file.write_all(b"\n").unwrap();
}

/// Whether files can be made unreadable: the super-user reads everything.
fn lock(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::read(path).is_err()
}

fn hostile() -> (Site, bool) {
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let site = site(&[
        ("aliases.yaml", &yaml_bomb()),
        ("cut.json", "{\"resource_changes\": [{\"address\": \"a"),
        ("cut.yaml", "a: [1, 2\n"),
        ("cut/main.tf", "resource \"a\" \"b\" {\n"),
        ("deep.json", &nested("[", "]", 100_000)),
        ("deep.yaml", &nested("[", "]", 5_000)),
        ("deep/main.tf", &format!("x = {}\n", nested("[", "]", 5_000))),
        ("deploy.yaml", DEPLOYMENT),
        ("empty.json", ""),
        ("key.txt", &token()),
        ("line.yaml", &format!("a: {}\n", "x".repeat(8 << 20))),
        ("locked.yaml", "a: 1\n"),
    ]);
    let bytes = |name: &str, bytes: &[u8]| std::fs::write(site.path().join(name), bytes).unwrap();
    bytes("binary.json", b"\x7fELF\x00\x01\xff\xfe");
    bytes("latin1.yaml", b"a: caf\xe9\n");
    bytes("text.xml", b"\xff\xfe<\x00a\x00");
    huge(&site.path().join("huge.json"));
    let locked = lock(&site.path().join("locked.yaml"));
    for (from, to) in [
        (".", "loop"),
        ("ring.json", "gnir.json"),
        ("gnir.json", "ring.json"),
    ] {
        std::os::unix::fs::symlink(from, site.path().join(to)).unwrap();
    }
    (site, locked)
}

#[test]
fn a_check_reports_each_file_and_reads_the_rest() {
    let (site, locked) = hostile();
    let report: Value = serde_json::from_str(&check(&site, &["--format", "json"]).exits(1)).unwrap();
    let failures = report["failures"].as_array().unwrap().iter();
    let text = |failure: &Value, key: &str| failure[key].as_str().unwrap().to_owned();
    let failed: BTreeMap<String, String> = failures
        .map(|failure| (text(failure, "file"), text(failure, "message")))
        .collect();
    let mut expected = vec![
        ("aliases.yaml", "more than"),
        ("binary.json", "is not UTF-8"),
        ("cut.json", "not JSON"),
        ("cut.yaml", "not YAML"),
        ("cut/main.tf", "not HCL"),
        ("deep.json", "not JSON: nesting is deeper"),
        ("deep.yaml", "not YAML"),
        ("deep/main.tf", "not HCL"),
        ("empty.json", "not JSON"),
        ("huge.json", "is the limit"),
        ("latin1.yaml", "is not UTF-8"),
        ("text.xml", "is not UTF-8"),
    ];
    if locked {
        expected.push(("locked.yaml", "can't be read"));
        expected.sort_unstable();
    }
    let names: Vec<&str> = failed.keys().map(String::as_str).collect();
    let wanted: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, wanted, "{failed:#?}");
    for (name, message) in expected {
        assert!(failed[name].contains(message), "{name}: {}", failed[name]);
    }
    let findings = report["findings"].as_array().unwrap();
    let found = |rule: &str| {
        findings
            .iter()
            .any(|finding| finding["file"] == "deploy.yaml" && finding["rule"] == rule)
    };
    assert!(found("kubernetes/admission/privileged"), "{findings:#?}");
    assert_eq!(
        findings
            .iter()
            .filter(|finding| finding["file"] != "deploy.yaml")
            .count(),
        0
    );
    // A link that is named is followed; a circle of them leads nowhere.
    check(&site, &["ring.json"]).fails(2, &["ring.json"]);
}

#[test]
fn a_scan_for_secrets_reads_what_it_can() {
    let (site, locked) = hostile();
    let output = site
        .command(&["secrets", "scan", "--format", "json", "."])
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["path"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["key.txt"], "{err}");
    assert_eq!(locked, err.contains("locked.yaml: can't be read"), "{err}");
    assert_eq!(output.status.code(), Some(if locked { 3 } else { 1 }), "{err}");
}
