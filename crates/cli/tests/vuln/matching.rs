//! Which packages of a bill, a lock file or an image `stele vuln scan` finds vulnerable. The records are made up.

use super::osv::{days_ago, record, report, rules};
use super::support::{Ran, Site};
use serde_json::{Value, json};

/// A site with records in force.
fn knowing(records: &[Value]) -> Site {
    let site = Site::new();
    for (number, record) in records.iter().enumerate() {
        site.write(&format!("osv/{number}.json"), record.to_string());
    }
    site.run(&["vuln", "import", "osv"]).exits(0);
    site
}

/// Scans a CycloneDX document with these components.
fn scan(site: &Site, components: &[Value], more: &[&str]) -> Ran {
    let bill =
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components});
    site.write("bom.json", bill.to_string());
    let args = [&["vuln", "scan", "bom.json", "--format", "json"], more].concat();
    site.run(&args)
}

fn component(purl: &str) -> Value {
    json!({"type": "library", "name": "x", "purl": purl})
}

/// Whether each of the packages is found, scanned alone.
fn each(site: &Site, cases: &[(&str, bool)]) {
    for (purl, is) in cases {
        let read = report(scan(site, &[component(purl)], &[]), i32::from(*is));
        assert_eq!(!rules(&read).is_empty(), *is, "{purl}");
    }
}

const ALL: &[(&str, &str)] = &[("introduced", "0")];

fn until<'v>(kind: &'v str, version: &'v str) -> [(&'v str, &'v str); 2] {
    [("introduced", "0"), (kind, version)]
}

#[test]
fn names_of_npm_are_found_in_bills_and_lock_files_whatever_their_case() {
    let site = knowing(&[record("A", "npm", "JSONStream", &until("fixed", "1.1.0"))]);
    each(
        &site,
        &[
            ("pkg:npm/JSONStream@1.0.0", true),
            ("pkg:npm/jsonstream@1.0.0", true),
            ("pkg:npm/JSONStream@1.1.0", false),
        ],
    );
    let lock = r#"{"lockfileVersion": 3, "packages": {"node_modules/JSONStream": {"version": "1.0.0"}}}"#;
    site.write("app/package-lock.json", lock);
    let read = report(site.run(&["vuln", "scan", "app", "--format", "json"]), 1);
    assert_eq!(rules(&read), ["A"]);
    site.run(&["sbom", "app", "--format", "cyclonedx", "-o", "own.json"])
        .exits(0);
    let read = report(site.run(&["vuln", "scan", "own.json", "--format", "json"]), 1);
    assert_eq!(rules(&read), ["A"]);
}

#[test]
fn a_notice_does_not_hide_what_nobody_has_rated_yet() {
    let notice = |ecosystem: &str| {
        let mut notice = record("RUSTSEC-1", ecosystem, "left", ALL);
        notice["severity"] = json!([]);
        notice["affected"][0]["database_specific"] = json!({"informational": "notice"});
        notice["aliases"] = json!(["CVE-2026-1"]);
        notice
    };
    let mut unrated = record("GHSA-1", "crates.io", "left", ALL);
    unrated["severity"] = json!([]);
    unrated["aliases"] = json!(["CVE-2026-1"]);
    let package = [component("pkg:cargo/left@1.0.0")];
    let high = ["--fail-on", "high"];
    let alone = scan(&knowing(&[notice("crates.io")]), &package, &high);
    assert_eq!(report(alone, 0)["findings"][0]["severity"], "low");
    let both = scan(&knowing(&[notice("crates.io"), unrated.clone()]), &package, &high);
    let both = report(both, 1);
    assert_eq!(
        (rules(&both), &both["findings"][0]["severity"]),
        (vec!["CVE-2026-1"], &json!("high"))
    );
    // Who has rated it does.
    unrated["severity"] =
        json!([{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N"}]);
    let rated = scan(&knowing(&[notice("crates.io"), unrated]), &package, &high);
    assert_eq!(report(rated, 0)["findings"][0]["severity"], "low");
}

#[test]
fn what_nobody_can_match_does_not_pass() {
    let site = knowing(&[
        record("A", "AlmaLinux:9", "bash", &until("fixed", "5.1-1")),
        record("B", "Azure Linux:2", "bash", &until("fixed", "5.1-1")),
        record("C", "Debian:8", "curl", &until("fixed", "7.60-1")),
        record("D", "npm", "left", &until("fixed", "1.0.0")),
    ]);
    each(
        &site,
        &[
            ("pkg:rpm/alma/bash@5.0-1?distro=alma-9.3", true),
            ("pkg:rpm/almalinux/bash@5.0-1?distro=el-9.3", true),
            ("pkg:rpm/cbl-mariner/bash@5.0-1?distro=cbl-mariner-2.0", true),
            ("pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie", true),
        ],
    );
    let clean = component("pkg:npm/left@1.0.0");
    let nameless = json!({"type": "library", "name": "openssl", "version": "1.0.1"});
    let file = json!({"type": "file", "name": "usr/bin/x"});
    let foreign = component("pkg:github/a/b@1");
    for (components, why) in [
        (
            vec![
                component("pkg:rpm/fedora/bash@5.0-1?distro=fedora-40"),
                clean.clone(),
            ],
            "OSV has no data for the distribution \"fedora\"",
        ),
        (
            vec![
                component("pkg:rpm/centos/bash@5.0-1?distro=centos-8"),
                clean.clone(),
            ],
            "\"centos\"",
        ),
        (
            vec![component("pkg:deb/curl@7.50.3-1"), clean.clone()],
            "names no distribution",
        ),
        (
            vec![component("pkg:deb/debian/curl@7.50.3-1"), clean.clone()],
            "Debian without a release",
        ),
        (
            vec![nameless, clean.clone()],
            "1 package is not checked (openssl): it has no package URL",
        ),
        (vec![], "no package in it could be matched"),
        (vec![file.clone()], "no package in it could be matched"),
        (vec![foreign.clone()], "no package in it could be matched"),
        (
            vec![component("pkg:npm/left")],
            "no package in it could be matched",
        ),
    ] {
        let ran = scan(&site, &components, &[]);
        assert!(
            ran.err.contains(why) && ran.err.contains("--allow-missing-data"),
            "{}",
            ran.err
        );
        ran.exits(2);
        scan(&site, &components, &["--allow-missing-data"]).exits(0);
    }
    scan(&site, &[clean.clone(), file, foreign], &[]).exits(0);
    let mut file = component("pkg:npm/left@0.9.0");
    file["type"] = "file".into();
    scan(&site, &[file, clean], &[]).exits(1);
}

#[test]
fn sources_of_rpms_are_matched_by_their_own_versions() {
    let site = knowing(&[
        record("A", "Rocky Linux:9", "openssl", &until("fixed", "1:3.0.7-20.el9")),
        record("B", "Rocky Linux:9", "perl", &until("fixed", "4:5.32.1-480.el9")),
    ]);
    each(
        &site,
        &[
            (
                "pkg:rpm/rocky/openssl-libs@3.0.7-1.el9?distro=rocky-9.3&epoch=1&upstream=openssl-3.0.7-1.el9.src.rpm",
                true,
            ),
            (
                "pkg:rpm/rocky/openssl-libs@3.0.7-20.el9?distro=rocky-9.3&epoch=1&upstream=openssl-3.0.7-20.el9.src.rpm",
                false,
            ),
            (
                "pkg:rpm/rocky/perl-Errno@1.30-480.el9?distro=rocky-9.3&upstream=perl-5.32.1-480.el9.src.rpm",
                false,
            ),
            (
                "pkg:rpm/rocky/perl-Digest@9.1-1.el9?distro=rocky-9.3&epoch=5&upstream=perl-5.32.1-479.el9.src.rpm",
                true,
            ),
        ],
    );
}

#[test]
fn versions_are_compared_as_precisely_as_the_advisory_has_them() {
    let mut listed = record("D", "PyPI", "listed", ALL);
    listed["affected"][0] =
        json!({"package": {"ecosystem": "PyPI", "name": "listed"}, "versions": ["2.0.0"]});
    let site = knowing(&[
        record("A", "PyPI", "torch", &until("last_affected", "2.0.0")),
        record("B", "Alpine:v3.19", "busybox", &until("last_affected", "1.36.1")),
        record("C", "RubyGems", "nokogiri", &until("fixed", "1.13.0")),
        record(
            "E",
            "Go",
            "stdlib",
            &[("introduced", "1.22.0-0"), ("fixed", "1.22.3")],
        ),
        record("F", "PyPI", "open", &[("fixed", "2.0.0")]),
        listed,
    ]);
    each(
        &site,
        &[
            ("pkg:pypi/torch@2.0.0%2Bcu118", true),
            ("pkg:pypi/torch@2.0.1%2Bcu118", false),
            ("pkg:apk/alpine/busybox@1.36.1-r2?distro=alpine-3.19.1", true),
            ("pkg:pypi/listed@2.0.0%2Bcpu", true),
            ("pkg:pypi/listed@main", true),
            ("pkg:pypi/listed@2.0.1", false),
            ("pkg:pypi/open@1.0", true),
            ("pkg:pypi/open@2.0", false),
            ("pkg:gem/nokogiri@1.13.0-x86_64-linux", false),
            ("pkg:gem/nokogiri@1.12.0-java", true),
            ("pkg:golang/stdlib@go1.23.0", false),
            ("pkg:golang/stdlib@go1.22.1", true),
        ],
    );
}

/// An advisory that only relates to what it mends, as AlmaLinux has them, and one about two vulnerabilities.
fn distributions() -> Site {
    let mut alma = record("ALSA-1", "AlmaLinux:9", "openssl", ALL);
    alma["related"] = json!(["CVE-2026-1"]);
    let mut rocky = record("RLSA-1", "Rocky Linux:9", "openssl", ALL);
    rocky["upstream"] = json!(["CVE-2026-0", "CVE-2026-1"]);
    let site = knowing(&[alma, rocky]);
    let exploited = json!({"catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2026-1", "dateAdded": "2026-01-02"}]});
    site.write("osv/kev.json", exploited.to_string());
    site.run(&["vuln", "import", "osv"]).exits(0);
    site
}

#[test]
fn what_an_advisory_mends_may_be_exploited_and_taken_back() {
    let site = distributions();
    let purls = [
        "pkg:rpm/almalinux/openssl@3-1?distro=almalinux-9.3",
        "pkg:rpm/rocky/openssl@3-1?distro=rocky-9.3",
    ];
    let components = purls.map(component);
    let read = report(scan(&site, &components, &[]), 1);
    for found in read["vulnerabilities"].as_array().unwrap() {
        assert_eq!(found["exploited_since"], "2026-01-02", "{found}");
    }
    assert_eq!(read["vulnerabilities"][0]["related"], json!(["CVE-2026-1"]));
    let back = |names: &[&str]| {
        let statements = names.iter().map(|name| json!({"vulnerability": {"name": name}, "products": purls.map(|purl| purl.split('@').next()), "status": "fixed"}));
        let vex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "Ada", "version": 1, "timestamp": days_ago(1), "statements": statements.collect::<Vec<_>>()});
        site.write("vex.json", vex.to_string());
        scan(&site, &components, &["--vex", "vex.json"])
    };
    // Of two vulnerabilities one is left.
    let read = report(back(&["CVE-2026-1"]), 1);
    assert_eq!(read["vulnerabilities"][0]["id"], "RLSA-1");
    assert_eq!(read["suppressed"][0]["id"], "ALSA-1");
    back(&["CVE-2026-1", "CVE-2026-0"]).exits(0);
    back(&["RLSA-1", "ALSA-1"]).exits(0);
}

#[test]
fn statements_from_the_future_do_not_pass() {
    let site = knowing(&[record("A", "npm", "left", ALL)]);
    let vex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "Ada", "version": 1, "timestamp": "2199-01-01T00:00:00Z", "statements": [
        {"vulnerability": "A", "products": ["pkg:npm/left"], "status": "fixed"}]});
    site.write("vex.json", vex.to_string());
    let ran = scan(&site, &[component("pkg:npm/left@1.0.0")], &["--vex", "vex.json"]);
    assert!(
        ran.err.contains("vex.json: statements/0: it is dated 2199-01-01"),
        "{}",
        ran.err
    );
    ran.exits(1);
}
