//! `stele vuln`, as a person or a pipeline runs it. The records are made up.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/image.rs"]
mod image;
#[path = "vuln/images.rs"]
mod images;
#[path = "vuln/matching.rs"]
mod matching;
#[path = "support/osv.rs"]
mod osv;
mod support;

use osv::{days_ago, record, report, rules};
use serde_json::{Value, json};
use support::Site;

/// A project in two languages, and data about both.
fn site() -> Site {
    let site = Site::new();
    let npm = r#"{"lockfileVersion": 3, "packages": {
"": {"dependencies": {"left": "1", "right": "1"}},
"node_modules/left": {"version": "1.2.0"},
"node_modules/right": {"version": "1.0.0"}}}"#;
    site.write("app/web/package-lock.json", npm);
    site.write("app/py/requirements.txt", "Some.Thing==1.5rc1\nother==2.0\n");
    let mut ghsa = record(
        "GHSA-aaaa",
        "npm",
        "left",
        &[("introduced", "1.0.0"), ("fixed", "1.3.0")],
    );
    ghsa["aliases"] = json!(["CVE-2026-0001"]);
    let mut second = record("OWN-1", "npm", "left", &[("introduced", "0"), ("fixed", "1.2.5")]);
    second["aliases"] = json!(["CVE-2026-0001"]);
    let python = record(
        "PYSEC-1",
        "PyPI",
        "some-thing",
        &[("introduced", "1.0"), ("fixed", "1.5")],
    );
    let clean = record(
        "PYSEC-2",
        "PyPI",
        "other",
        &[("introduced", "0"), ("last_affected", "1.9")],
    );
    for (name, value) in [("a", ghsa), ("b", second), ("c", python), ("d", clean)] {
        site.write(&format!("osv/{name}.json"), value.to_string());
    }
    site
}

fn imported() -> Site {
    let site = site();
    site.run(&["vuln", "import", "osv"]).exits(0);
    site
}

#[test]
fn two_ecosystems_from_import_to_findings() {
    let site = site();
    let out = site.run(&["vuln", "import", "osv"]).exits(0);
    assert!(out.contains("4 files read, 4 advisories taken"), "{out}");
    assert!(out.contains("1 day old"), "{out}");
    let ran = site.run(&["vuln", "scan", "app", "--format", "json"]);
    assert!(
        ran.err.contains("data: 4 advisories in 2 ecosystems"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("4 packages, 2 vulnerabilities (2 high)"),
        "{}",
        ran.err
    );
    let report = report(ran, 1);
    assert_eq!(rules(&report), ["PYSEC-1", "CVE-2026-0001"]);
    let left = &report["vulnerabilities"][0];
    assert_eq!(left["aliases"], json!(["GHSA-aaaa", "OWN-1"]));
    assert_eq!(
        (&left["fixed"], &left["score"], &left["age_days"]),
        (&json!("1.3.0"), &json!(7.5), &json!(40))
    );
    assert_eq!(
        left["locations"],
        json!([{"file": "app/web/package-lock.json", "line": 3}])
    );
    let finding = &report["findings"][1];
    assert_eq!(
        (&finding["file"], &finding["start"]["line"]),
        (&json!("app/web/package-lock.json"), &json!(3))
    );
    assert_eq!(finding["remediation"], "update left to 1.3.0 or later");
    assert_eq!(
        report["vulnerabilities"][1]["package"]["purl"],
        "pkg:pypi/some.thing@1.5rc1"
    );
    assert_eq!(report["data"]["age_days"], 1);
    let text = site
        .run(&["vuln", "scan", "app/web", "--fail-on", "critical"])
        .exits(0);
    assert!(text.contains("app/web/package-lock.json:3:1"), "{text}");
    assert!(
        text.contains("left 1.2.0 has CVE-2026-0001: Trouble in left (CVSS 7.5)"),
        "{text}"
    );
    let sarif: Value = serde_json::from_str(
        &site
            .run(&["vuln", "scan", "app", "--format", "sarif", "--dry-run"])
            .exits(0),
    )
    .unwrap();
    assert_eq!(sarif["runs"][0]["results"][1]["ruleId"], "vuln/CVE-2026-0001");
}

#[test]
fn vex_takes_back_with_a_reason_and_unused_statements_are_told() {
    let site = imported();
    let vex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "Ada", "version": 1, "timestamp": days_ago(1), "statements": [
        {"vulnerability": {"name": "GHSA-aaaa"}, "products": [{"@id": "pkg:npm/left@1.2.0"}], "status": "not_affected", "justification": "vulnerable_code_not_present"},
        {"vulnerability": {"name": "CVE-9"}, "products": ["pkg:npm/left"], "status": "fixed"}]});
    site.write("vex.json", vex.to_string());
    let ran = site.run(&["vuln", "scan", "app/web", "--vex", "vex.json", "--format", "json"]);
    assert!(ran.err.contains("vuln/CVE-9 is unused"), "{}", ran.err);
    assert!(
        ran.err.contains("0 vulnerabilities, 1 taken back by VEX"),
        "{}",
        ran.err
    );
    let read = report(ran, 0);
    assert_eq!(read["vulnerabilities"], json!([]));
    assert_eq!(
        read["suppressed"][0]["suppressed"]["justification"],
        "vulnerable_code_not_present"
    );
    assert_eq!(read["findings"][0]["exception"]["owner"], "Ada");
    assert!(
        read["findings"][0]["exception"]["reason"]
            .as_str()
            .unwrap()
            .starts_with("not_affected: ")
    );
    let bare = vex
        .to_string()
        .replace(r#""justification":"vulnerable_code_not_present","#, "");
    assert_ne!(bare, vex.to_string());
    site.write("bare.json", bare);
    let ran = site.run(&["vuln", "scan", "app/web", "--vex", "bare.json"]);
    assert!(
        ran.err
            .contains("bare.json: statements/0: not_affected needs a justification"),
        "{}",
        ran.err
    );
    ran.exits(1);
    // What has no package URL is told, and the rest of the statement holds.
    let named = r#""products":[{"@id":"pkg:npm/left@1.2.0"}"#;
    let mixed = vex.to_string().replace(named, &format!("{named},\"urn:shop\""));
    assert_ne!(mixed, vex.to_string());
    site.write("mixed.json", mixed);
    let ran = site.run(&["vuln", "scan", "app/web", "--vex", "mixed.json"]);
    assert!(
        ran.err
            .contains("mixed.json: statements/0: products/1 \"urn:shop\" is no package URL ("),
        "{}",
        ran.err
    );
    ran.exits(0);
    // A vendor's statements about what is not here do no harm, and are not told without end.
    let theirs = (0..15).map(|number| json!({"vulnerability": format!("CVE-{number}"), "products": ["urn:vendor:appliance"], "status": "affected"}));
    let feed = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:y", "author": "Vendor", "version": 1, "timestamp": days_ago(1), "statements": theirs.collect::<Vec<_>>()});
    site.write("feed.json", feed.to_string());
    let both = [
        "vuln",
        "scan",
        "app/web",
        "--vex",
        "feed.json",
        "--vex",
        "vex.json",
    ];
    let ran = site.run(&[&both[..], &["--format", "json"]].concat());
    assert_eq!(ran.err.matches("urn:vendor:appliance").count(), 10, "{}", ran.err);
    assert!(ran.err.contains("... and 5 more VEX statements"), "{}", ran.err);
    let read = report(ran, 0);
    assert_eq!(read["left_out"].as_array().map(Vec::len), Some(15));
    assert_eq!(
        (&read["left_out"][0]["file"], &read["failures"]),
        (&json!("feed.json"), &json!([]))
    );
    // One about what is taken back might have counted.
    site.write(
        "feed.json",
        feed.to_string().replace("\"CVE-9\"", "\"CVE-2026-0001\""),
    );
    site.run(&both).exits(2);
    site.write("list.json", "[]");
    site.run(&["vuln", "scan", "app", "--vex", "list.json"])
        .fails(2, &["list.json: no OpenVEX document"]);
}

#[test]
fn old_data_and_none_fail() {
    let site = site();
    site.run(&["vuln", "scan", "app"])
        .fails(3, &["there are no vulnerability data", "stele vuln import"]);
    let mut old = record("A", "npm", "left", &[("introduced", "0")]);
    old["modified"] = days_ago(12).into();
    site.write("old.json", old.to_string());
    site.run(&["vuln", "import", "old.json"]).exits(0);
    site.run(&["vuln", "scan", "app/web"])
        .fails(3, &["12 days old", "--max-age is 7", "--max-age 12"]);
    let ran = site.run(&["vuln", "scan", "app/web", "--max-age", "12"]);
    assert!(ran.err.contains("12 days old"), "{}", ran.err);
    ran.exits(1);
    let status = site.run(&["vuln", "status"]).exits(0);
    assert!(
        status.contains("12 days old") && status.contains("npm"),
        "{status}"
    );
}

#[test]
fn what_no_data_are_about_is_not_checked() {
    let site = site();
    site.run(&["vuln", "import", "osv/c.json", "osv/d.json"]).exits(0);
    let ran = site.run(&["vuln", "scan", "app/web"]);
    assert!(
        ran.err.contains("2 packages of npm are not checked"),
        "{}",
        ran.err
    );
    ran.exits(2);
    site.run(&["vuln", "scan", "app/web", "--allow-missing-data"])
        .exits(0);
    site.run(&["vuln", "import", "--add", "osv/a.json"]).exits(0);
    let report = report(site.run(&["vuln", "scan", "app", "--format", "json"]), 1);
    assert_eq!(rules(&report), ["PYSEC-1", "CVE-2026-0001"]);
}

#[test]
fn bills_of_materials_are_scanned_with_their_places() {
    let site = imported();
    for format in ["cyclonedx", "spdx"] {
        site.run(&["sbom", "app", "--format", format, "-o", "bom.json"])
            .exits(0);
        let read = report(site.run(&["vuln", "scan", "bom.json", "--format", "json"]), 1);
        let mut found = rules(&read);
        found.sort_unstable();
        assert_eq!(found, ["CVE-2026-0001", "PYSEC-1"], "{format}");
        let line = read["findings"][0]["start"]["line"].as_u64().unwrap();
        assert_eq!(read["findings"][0]["file"], "bom.json");
        assert!(line > 1, "{line}");
        let input = site.run(&[
            "vuln",
            "scan",
            "bom.json",
            "--write-input",
            "in.json",
            "--dry-run",
        ]);
        input.exits(0);
        let input: Value =
            serde_json::from_slice(&std::fs::read(site.path().join("in.json")).unwrap()).unwrap();
        let bill: Value =
            serde_json::from_slice(&std::fs::read(site.path().join("bom.json")).unwrap()).unwrap();
        assert_eq!(
            (&input["sbom"], &input["schema"]),
            (&bill, &json!("stele.vulnerabilities.v1"))
        );
    }
    site.write("other.json", "{}");
    site.run(&["vuln", "scan", "other.json"])
        .fails(2, &["other.json is neither a CycloneDX nor an SPDX document"]);
    site.run(&["vuln", "scan", "app", "bom.json"]).fails(
        2,
        &["bom.json is an image or a bill of materials, which is scanned alone"],
    );
    site.run(&["vuln", "scan", "gone"])
        .fails(2, &["there is no gone"]);
}

#[test]
fn baselines_and_exceptions_are_those_of_check() {
    let site = imported();
    site.run(&["vuln", "scan", "app", "--write-baseline", "known.json"])
        .exits(0);
    let ran = site.run(&["vuln", "scan", "app", "--baseline", "known.json"]);
    assert!(
        ran.err.contains("known findings that are left out: 2"),
        "{}",
        ran.err
    );
    ran.exits(0);
    let exception = "exceptions:\n- policy: vuln/CVE-2026-*\n  resource: pkg:npm/left@*\n  reason: not reached\n  owner: ada\n  approver: bob\n  expires: 2199-01-01\n";
    site.write("stele-exceptions.yaml", exception);
    let report = report(
        site.run(&[
            "vuln",
            "scan",
            "app",
            "--format",
            "json",
            "--exceptions",
            "stele-exceptions.yaml",
        ]),
        1,
    );
    let excepted = report["findings"].as_array().unwrap().iter();
    let excepted: Vec<&Value> = excepted
        .filter(|finding| finding.get("exception").is_some())
        .collect();
    assert_eq!(
        (excepted.len(), &excepted[0]["rule"]),
        (1, &json!("CVE-2026-0001"))
    );
}

#[test]
fn a_failed_import_leaves_the_old_data() {
    let site = imported();
    site.write("cut.zip", b"PK\x03\x04cut");
    site.run(&["vuln", "import", "cut.zip"])
        .fails(2, &["cut.zip: no ZIP archive"]);
    site.run(&["vuln", "import", "gone"])
        .fails(3, &["gone: can't be read"]);
    site.write("empty/x.txt", "x");
    site.run(&["vuln", "import", "empty"])
        .fails(2, &["no OSV record", "stay in force"]);
    site.write("osv/bad.json", "{");
    let ran = site.run(&["vuln", "import", "osv"]);
    assert!(ran.err.contains("osv/bad.json: no OSV record"), "{}", ran.err);
    assert!(ran.exits(2).contains("4 advisories taken, 1 can't be used"));
    site.run(&["vuln", "scan", "app"]).exits(1);
}

#[test]
fn policies_decide_in_place_of_the_vulnerabilities() {
    let site = imported();
    let ran = site.run(&["vuln", "scan", "app", "--library", "--format", "json"]);
    let read = report(ran, 1);
    let mut found = rules(&read);
    found.dedup();
    assert!(
        found.contains(&"supply_chain/vulnerabilities/budget"),
        "{found:?}"
    );
    let overdue = read["findings"].as_array().unwrap().iter();
    let overdue: Vec<&Value> = overdue
        .filter(|finding| finding["rule"] == "supply_chain/vulnerabilities/fix-overdue")
        .collect();
    let places: Vec<(&str, u64)> = overdue
        .iter()
        .map(|finding| {
            (
                finding["file"].as_str().unwrap(),
                finding["start"]["line"].as_u64().unwrap(),
            )
        })
        .collect();
    assert!(places.contains(&("app/web/package-lock.json", 3)), "{places:?}");
    // Two, of whatever severity, are none too many for this one.
    let own = "# METADATA\n# custom:\n#   id: own/few\n#   inputs: [vulnerabilities]\npackage own.few\n\nimport rego.v1\n\n\
               deny contains msg if {\n\tcount(input.vulnerabilities) > 2\n\tmsg := \"too many\"\n}\n";
    site.write("own/few.rego", own);
    site.run(&["vuln", "scan", "app", "--policy", "own"]).exits(0);
    site.write("own/few.rego", own.replace("> 2", "> 1"));
    site.run(&[
        "vuln",
        "scan",
        "app",
        "--policy",
        "own",
        "--write-input",
        "in.json",
    ])
    .exits(1);
    site.run(&["check", "in.json", "--policy", "own"]).exits(1);
    site.write("own/few.rego", own.replace("[vulnerabilities]", "[kubernetes]"));
    site.run(&["vuln", "scan", "app", "--policy", "own"])
        .fails(2, &["no policy was asked"]);
}

#[test]
fn the_oldest_ecosystem_that_is_scanned_counts() {
    let site = site();
    let mut old = record("A", "npm", "left", &[("introduced", "0")]);
    old["modified"] = days_ago(400).into();
    site.write("old.json", old.to_string());
    let ran = site.run(&["vuln", "import", "old.json", "osv/c.json"]);
    assert!(ran.exits(0).contains("400 days old"));
    site.run(&["vuln", "scan", "app/web", "--dry-run"])
        .fails(3, &["data of npm are 400 days old"]);
    site.run(&["vuln", "scan", "app/py"]).exits(1);
    let status = site.run(&["vuln", "status"]).exits(0);
    assert!(
        status.contains("400 days") && status.contains("1 day"),
        "{status}"
    );
    site.run(&["vuln", "import", "--add", "osv/a.json"]).exits(0);
    let read = report(site.run(&["vuln", "scan", "app", "--format", "json"]), 1);
    assert_eq!(read["data"]["ages"], json!({"PyPI": 1, "npm": 1}));
}

#[test]
fn what_was_bad_is_told_and_damage_ends_the_scan() {
    let site = site();
    site.write("osv/bad.json", "{");
    site.run(&["vuln", "import", "osv"]).exits(2);
    site.write("app/broken/package-lock.json", "{");
    let ran = site.run(&["vuln", "scan", "app", "--write-input", "in.json"]);
    assert!(
        ran.err.contains("1 file of what was imported can't be used"),
        "{}",
        ran.err
    );
    ran.exits(1);
    let input: Value = serde_json::from_slice(&std::fs::read(site.path().join("in.json")).unwrap()).unwrap();
    assert_eq!(input["data"]["bad"], 1);
    assert!(
        input["failures"][0]["file"]
            .as_str()
            .unwrap()
            .ends_with("broken/package-lock.json"),
        "{}",
        input["failures"]
    );
    assert_eq!(input["commits"], json!([]));
    let status = site.run(&["vuln", "status", "--format", "json"]).exits(0);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["bad"], &status["releases"]["npm"][""]),
        (&json!(1), &json!(2))
    );
    let store = site.data().join("vuln/osv.redb");
    let mut bytes = std::fs::read(&store).unwrap();
    let at = bytes.windows(9).position(|text| text == b"GHSA-aaaa").unwrap();
    bytes[at] = b'X';
    std::fs::write(&store, bytes).unwrap();
    site.run(&["vuln", "scan", "app"])
        .fails(3, &["osv.redb is damaged", "import the data again"]);
}
