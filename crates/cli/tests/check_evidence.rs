//! What `stele check` leaves behind: decisions on a node, and signed statements, decoded here by their specifications alone.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/gate.rs"]
mod gate;
mod support;

use gate::{ATTEST, DEPLOYMENT, PUBLIC, check, git, key, site};
use serde_json::Value;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use support::Site;

/// Runs a program with a text on its standard input.
fn piped(program: &str, args: &[&str], text: &[u8]) -> (bool, Vec<u8>) {
    use std::io::Write;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), output.stdout)
}

fn from_base64(text: &Value) -> Vec<u8> {
    piped("base64", &["-d"], text.as_str().unwrap().as_bytes()).1
}

/// The statement of an envelope whose signature OpenSSL finds right.
fn opened(site: &Site, name: &str) -> Value {
    let text = std::fs::read_to_string(site.path().join(name)).unwrap();
    let envelope: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
    assert_eq!(envelope["signatures"][0]["keyid"], PUBLIC);
    let body = from_base64(&envelope["payload"]);
    // What DSSE signs.
    let mut signed = format!("DSSEv1 28 application/vnd.in-toto+json {} ", body.len()).into_bytes();
    signed.extend_from_slice(&body);
    let file = |name: &str, bytes: &[u8]| {
        let path = site.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // SubjectPublicKeyInfo of an Ed25519 key, RFC 8410.
    let mut spki = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    spki.extend((0..32).map(|at| u8::from_str_radix(&PUBLIC[2 * at..2 * at + 2], 16).unwrap()));
    let key = file("public.der", &spki);
    let signature = file("signature", &from_base64(&envelope["signatures"][0]["sig"]));
    let message = file("signed", &signed);
    let verify = [
        "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", &key, "-rawin", "-in", &message,
        "-sigfile", &signature,
    ];
    assert!(piped("openssl", &verify, b"").0, "the signature does not hold");
    signed.push(b' ');
    file("signed", &signed);
    assert!(!piped("openssl", &verify, b"").0, "any signature holds");
    serde_json::from_slice(&body).unwrap()
}

/// The commit that `HEAD` is.
fn head(site: &Site) -> String {
    let head = Command::new("git")
        .current_dir(site.path())
        .args(["rev-parse", "HEAD"])
        .output()
        .unwrap();
    String::from_utf8(head.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_statement_says_what_was_checked_and_how_it_went() {
    let good = DEPLOYMENT.replace("true", "false").replace("yes", "no");
    let site = site(&[("web.yaml", &good)]);
    key(&site);
    let attest = [&["web.yaml"][..], &ATTEST].concat();
    check(&site, &attest).fails(2, &["no commit", "--resource"]);
    check(&site, &["web.yaml", "--attest", "vsa.json"]).fails(2, &["--key"]);
    git(&site, &["init", "-q", "-b", "main"]);
    std::fs::write(site.path().join("notes.txt"), "a\n").unwrap();
    git(&site, &["add", "web.yaml", "notes.txt"]);
    git(&site, &["commit", "-q", "-m", "one"]);
    let commit = head(&site);
    let of_commit = |args: &[&str]| {
        check(&site, &[args, &ATTEST].concat()).exits(0);
        let statement = opened(&site, "vsa.json");
        std::fs::remove_file(site.path().join("vsa.json")).unwrap();
        statement["subject"][0]["digest"]["gitCommit"] == *commit
    };
    // Of a part of the repository, with what it does not hold, or without what it holds, the commit says nothing.
    assert!(of_commit(&["."]));
    assert!(!of_commit(&["web.yaml"]));
    std::fs::write(site.path().join("own.txt"), "exceptions: []\n").unwrap();
    assert!(!of_commit(&[".", "--exceptions", "own.txt"]));
    std::fs::remove_file(site.path().join("notes.txt")).unwrap();
    assert!(!of_commit(&["."]));
    std::fs::write(site.path().join("notes.txt"), "a\n").unwrap();
    check(&site, &[&["."][..], &ATTEST].concat()).exits(0);
    let statement = opened(&site, "vsa.json");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        statement["predicateType"],
        "https://slsa.dev/verification_summary/v1"
    );
    assert_eq!(statement["subject"].as_array().unwrap().len(), 1);
    assert_eq!(statement["subject"][0]["digest"]["gitCommit"], *commit);
    let predicate = &statement["predicate"];
    assert_eq!(
        (&predicate["verificationResult"], &predicate["verifiedLevels"][0]),
        (&"PASSED".into(), &"STELE_CHECK".into())
    );
    assert_eq!(predicate["resourceUri"], format!("git:{commit}"));
    assert_eq!(
        predicate["policy"]["digest"]["sha256"].as_str().unwrap().len(),
        64
    );
    let sums = Command::new("sha256sum")
        .current_dir(site.path())
        .arg("web.yaml")
        .output()
        .unwrap()
        .stdout;
    let digest = piped("sha256sum", &[], &sums).1;
    let extension = &predicate["https://github.com/stele/stele/check/v1"];
    assert_eq!(
        extension["filesSha256"].as_str().unwrap().as_bytes(),
        &digest[..64]
    );

    // Of what is not committed the commit says nothing, and a violation is no pass, also where it does not fail.
    std::fs::write(site.path().join("web.yaml"), DEPLOYMENT).unwrap();
    check(
        &site,
        &[
            &attest[..],
            &["--dry-run", "--resource", "https://example.com/web"],
        ]
        .concat(),
    )
    .exits(0);
    let statement = opened(&site, "vsa.json");
    assert_eq!(statement["subject"][0]["name"], "web.yaml");
    let sum = piped("sha256sum", &[], DEPLOYMENT.as_bytes()).1;
    assert_eq!(
        statement["subject"][0]["digest"]["sha256"]
            .as_str()
            .unwrap()
            .as_bytes(),
        &sum[..64]
    );
    assert_eq!(statement["predicate"]["verificationResult"], "FAILED");
    assert_eq!(statement["predicate"]["resourceUri"], "https://example.com/web");
    check(&site, &[&attest[..], &["--changed-since", "main"]].concat()).fails(2, &["--changed-since"]);
}

#[test]
fn a_node_records_the_run() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    key(&site);
    let node = site.up();
    let url = format!("http://{}", node.address);
    let ran = check(
        &site,
        &[
            &["web.yaml", "--record", &url, "--resource", "urn:web"][..],
            &ATTEST,
        ]
        .concat(),
    );
    assert!(ran.err.contains("recorded as decision "), "{}", ran.err);
    assert!(
        ran.err.contains("no policy gate/check is in force"),
        "{}",
        ran.err
    );
    ran.exits(1);
    let id =
        opened(&site, "vsa.json")["predicate"]["https://github.com/stele/stele/check/v1"]["decision"].clone();
    let shown = site
        .run(&["decision", "show", id.as_str().unwrap(), "--format", "json"])
        .exits(0);
    let record: Value = serde_json::from_str(&shown).unwrap();
    let text = record.to_string();
    let sum = piped("sha256sum", &[], DEPLOYMENT.as_bytes()).1;
    assert!(text.contains(std::str::from_utf8(&sum[..64]).unwrap()), "{text}");
    assert!(
        text.contains("\"passed\":false") && text.contains("kubernetes/admission/privileged"),
        "{text}"
    );
    node.interrupt();
    check(&site, &["web.yaml", "--record", &url]).fails(3, &["can't be recorded"]);
}

/// The record of a decision in a log's directory.
fn shown(site: &Site, log: &str, id: &str) -> Value {
    let args = ["decision", "show", id, "--format", "json", "--data-dir", log];
    serde_json::from_str(&site.run(&args).exits(0)).unwrap()
}

/// A member, wherever it stands.
fn member<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => {
            let own = members.get(key);
            own.or_else(|| members.values().find_map(|value| member(value, key)))
        }
        Value::Array(items) => items.iter().find_map(|value| member(value, key)),
        _ => None,
    }
}

#[test]
fn a_directory_records_runs() {
    let good = DEPLOYMENT.replace("true", "false").replace("yes", "no");
    let site = site(&[("bad.yaml", DEPLOYMENT), ("good.yaml", &good)]);
    key(&site);
    check(&site, &["bad.yaml", "--record", "log"]).exits(1);
    let attest = [
        &["good.yaml", "--record", "log", "--resource", "urn:web"][..],
        &ATTEST,
    ]
    .concat();
    let ran = check(&site, &attest);
    assert!(ran.err.contains("a log of size 2 with the root "), "{}", ran.err);
    ran.exits(0);

    // It holds, and each run is in it.
    let audit = site.run(&["audit", "fsck", "log"]);
    assert!(audit.err.contains("belongs to no chain"), "{}", audit.err);
    assert!(audit.exits(0).contains("sound: 2 decisions"));
    // Who asks for a chain is not answered without one; a report says which it is.
    site.run(&["audit", "fsck", "log", "--rpc", "http://127.0.0.1:1"])
        .fails(2, &["no deployment.json", "nothing was checked"]);
    for (more, chain) in [(&[][..], "none"), (&["--offline"], "offline")] {
        let json = ["audit", "fsck", "log", "--format", "json"];
        let out = site.run(&[&json[..], more].concat()).exits(0);
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["chain"], chain, "{out}");
    }
    let statement = opened(&site, "vsa.json");
    let id = statement["predicate"]["https://github.com/stele/stele/check/v1"]["decision"]
        .as_str()
        .unwrap();
    let record = shown(&site, "log", id);
    let input = member(&record, "input").unwrap();
    let sum = piped("sha256sum", &[], good.as_bytes()).1;
    assert_eq!(
        input["files"][0]["sha256"].as_str().unwrap().as_bytes(),
        &sum[..64]
    );
    assert_eq!(input["passed"], true);
    assert_eq!(member(&record, "enforcement_point").unwrap(), "stele check");
    let prove = ["prove", id, "-o", "proof.json", "--data-dir", "log"];
    site.run(&prove).exits(0);
    let verified = site
        .run(&["verify", "proof.json", "--key", "log/keys/node.vkey"])
        .exits(0);
    assert!(
        verified.contains("VERIFIED") && verified.contains("leaf 1 of 2"),
        "{verified}"
    );

    // One changed bit is found, and nothing is appended to what is damaged.
    let records = std::fs::read_dir(site.path().join("log/ledger/records")).unwrap();
    let file = records
        .map(|entry| entry.unwrap().path())
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 4;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let audit = site.run(&["audit", "fsck", "log"]).exits(1);
    assert!(audit.contains("NOT SOUND") && audit.contains("damage"), "{audit}");
    check(&site, &["good.yaml", "--record", "log"]).fails(3, &["the decision log"]);
}

#[test]
fn a_directory_records_as_a_node_does() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    let node = site.up();
    let url = format!("http://{}", node.address);
    check(&site, &["web.yaml", "--record", &url]).exits(1);
    check(&site, &["web.yaml", "--record", "log"]).exits(1);
    let own = shown(&site, "log", "latest");
    let of_node = shown(&site, ".stele", "latest");
    let input = |record: &Value| member(record, "input").unwrap().clone();
    assert_eq!(input(&own), input(&of_node));
    for key in [
        "path",
        "policy_id",
        "policy_version",
        "data_digest",
        "enforcement_point",
    ] {
        assert!(member(&own, key).is_some(), "{key}");
        assert_eq!(member(&own, key), member(&of_node, key), "{key}");
    }
    // Beside a node there is no second way into its log.
    check(&site, &["web.yaml", "--record", ".stele"]).fails(2, &["a node runs there", &url]);
    node.interrupt();
    check(&site, &["web.yaml", "--record", ".stele"]).fails(2, &["data directory of a node", "stele up"]);
}

#[test]
fn runs_at_the_same_time_are_all_recorded() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    let start = || {
        let mut command = site.command(&["check", "web.yaml", "--record", "log"]);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let runs: Vec<_> = (0..4).map(|_| start()).collect();
    for mut run in runs {
        assert_eq!(run.wait().unwrap().code(), Some(1));
    }
    assert!(
        site.run(&["audit", "fsck", "log"])
            .exits(0)
            .contains("sound: 4 decisions")
    );
}

#[test]
fn what_is_no_log_is_not_made_one() {
    let site = site(&[("web.yaml", DEPLOYMENT), ("src/main.rs", "")]);
    let refused = |target: &str, texts: &[&str]| {
        check(&site, &["web.yaml", "--record", target]).fails(2, texts);
    };
    refused("src", &["holds main.rs", "no decision log"]);
    refused("web.yaml", &["it is a file"]);
    refused("localhost:8181", &["http://localhost:8181", "./localhost:8181"]);
    for node in ["localhost:8181/", "127.0.0.1:8181/v1", "node.example/stele"] {
        refused(node, &["a node's URL is http://"]);
    }
    assert!(!site.path().join("node.example").exists());
    check(&site, &["web.yaml", "--record", "./a:b/runs"]).exits(1);
    refused("grpc://localhost", &["http or https"]);
    assert_eq!(std::fs::read_dir(site.path().join("src")).unwrap().count(), 1);
    site.run(&["audit", "fsck", "src"]).fails(2, &["no decision log"]);

    // Records without their key are nobody's to go on with.
    check(&site, &["web.yaml", "--record", "log"]).exits(1);
    std::fs::remove_dir_all(site.path().join("log/keys")).unwrap();
    check(&site, &["web.yaml", "--record", "log"]).fails(3, &["not the key"]);
}

#[test]
fn a_log_that_lost_its_records_does_not_begin_again() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    let record = ["web.yaml", "--record", "log"];
    check(&site, &record).exits(1);
    let mode = std::fs::metadata(site.path().join("log"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let ledger = site.path().join("log/ledger");
    std::fs::remove_dir_all(ledger.join("records")).unwrap();
    check(&site, &record).fails(3, &["the decision log"]);
    std::fs::remove_dir_all(&ledger).unwrap();
    check(&site, &record).fails(3, &["records are gone", "from a backup", "another directory"]);
    // A making that was cut off before anything was signed goes on.
    std::fs::remove_file(site.path().join("log/keys/node.vkey")).unwrap();
    std::fs::remove_dir_all(&ledger).unwrap();
    check(&site, &record).exits(1);
}

#[test]
fn keys_of_others_are_no_logs() {
    let site = site(&[("web.yaml", DEPLOYMENT), ("other/keys/id", "secret")]);
    let at = |path: &str| site.path().join(path);
    check(&site, &["web.yaml", "--record", "other"]).fails(2, &["keys/id", "no file of a decision log"]);
    assert_eq!(std::fs::read_dir(at("other/keys")).unwrap().count(), 1);
    std::fs::create_dir(at("linked")).unwrap();
    symlink("../other/keys", at("linked/keys")).unwrap();
    check(&site, &["web.yaml", "--record", "linked"]).fails(2, &["is a link"]);
    // Also where there is a log.
    check(&site, &["web.yaml", "--record", "log"]).exits(1);
    std::fs::write(at("log/keys/admin.key"), "").unwrap();
    check(&site, &["web.yaml", "--record", "log"]).fails(2, &["admin.key"]);
    std::fs::remove_file(at("log/keys/admin.key")).unwrap();
    check(&site, &["web.yaml", "--record", "log"]).exits(1);
    // An empty key says what to do.
    std::fs::create_dir_all(at("begun/keys")).unwrap();
    std::fs::write(at("begun/keys/log.key"), "").unwrap();
    check(&site, &["web.yaml", "--record", "begun"]).fails(3, &["log.key is empty", "remove it"]);
    std::fs::remove_file(at("begun/keys/log.key")).unwrap();
    check(&site, &["web.yaml", "--record", "begun"]).exits(1);
}

const OWN: &str = "# METADATA\n# title: images\n# description: No latest.\n# custom:\n#   id: own/images\n#   severity: medium\n#   inputs: [yaml]\n#   controls: [nist-800-53r5:CM-2]\n\
    #   remediation: Name a version.\npackage own.images\n\ndeny contains \"latest\" if endswith(input.image, \":latest\")\n";

const GATE: &str = "# METADATA\n# title: runs\n# description: Only of commits.\n# custom:\n#   id: gate/check\n#   severity: high\n#   inputs: []\n#   controls: [nist-800-53r5:CM-3]\n\
    #   remediation: Commit first.\npackage gate.check\n\ndeny contains \"no commit\" if input.commit == null\n";

#[test]
fn what_the_node_s_policy_denies_fails_the_run() {
    let site = site(&[
        ("policies/own.rego", OWN),
        ("policies/gate.rego", GATE),
        ("values.yaml", "image: web:1\n"),
    ]);
    key(&site);
    let node = site.up();
    let url = format!("http://{}", node.address);
    let record = ["values.yaml", "--record", &url];
    check(&site, &["values.yaml"]).exits(0);
    let denied = "the node's policy gate/check denies it";
    check(
        &site,
        &[&record[..], &["--resource", "urn:x"], &ATTEST[..]].concat(),
    )
    .fails(1, &[denied]);
    let statement = opened(&site, "vsa.json");
    assert_eq!(statement["predicate"]["verificationResult"], "FAILED");
    let label = shown(&site, ".stele", "latest");
    assert_eq!(member(&label, "decision").unwrap(), "deny", "{label}");
    // It is said, and fails nothing.
    check(&site, &[&record[..], &["--dry-run"]].concat()).fails(0, &[denied]);
    git(&site, &["init", "-q", "-b", "main"]);
    git(&site, &["add", "values.yaml"]);
    git(&site, &["commit", "-q", "-m", "one"]);
    let ran = check(&site, &record);
    assert!(
        !ran.err.contains("denies") && !ran.err.contains("no policy"),
        "{}",
        ran.err
    );
    ran.exits(0);
    // What an embedded log holds nobody judges.
    check(&site, &["values.yaml", "--record", "log"]).exits(0);
    node.interrupt();
}
