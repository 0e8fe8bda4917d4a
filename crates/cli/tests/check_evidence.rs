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

use gate::{DEPLOYMENT, check, git, site};
use serde_json::Value;
use std::process::{Command, Stdio};
use support::Site;

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
/// Its public key, from RFC 8032, section 7.1, test 1.
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn key(site: &Site) {
    use std::os::unix::fs::PermissionsExt;
    let path = site.path().join("gate.key");
    std::fs::write(&path, format!("{SEED}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

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

const ATTEST: [&str; 4] = ["--attest", "vsa.json", "--key", "gate.key"];

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
