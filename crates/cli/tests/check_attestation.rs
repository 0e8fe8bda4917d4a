//! `stele attestation verify`: what a later gate demands of what `stele check --attest` wrote.
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
use support::{Ran, Site};

const OWN: &str = "# METADATA
# title: images
# description: No latest.
# custom:
#   id: own/images
#   severity: medium
#   controls: [nist-800-53r5:CM-2]
#   remediation: Name a version.
#   inputs: [yaml]
package own.images

deny contains \"latest\" if endswith(input.image, \":latest\")
";

/// A repository whose only commit was checked; the statement lies beside its files.
fn attested(image: &str, args: &[&str]) -> Site {
    let values = format!("image: {image}\n");
    let site = site(&[("values.yaml", values.as_str()), ("policies/own.rego", OWN)]);
    key(&site);
    git(&site, &["init", "-q", "-b", "main"]);
    git(&site, &["add", "values.yaml", "policies"]);
    git(&site, &["commit", "-q", "-m", "one"]);
    check(&site, &[&["."], args, &ATTEST[..]].concat());
    site
}

fn verify(site: &Site, args: &[&str]) -> Ran {
    let fixed = ["attestation", "verify", "vsa.json"];
    site.run(&[&fixed[..], args].concat())
}

/// Asserts that it is refused, for this reason.
#[track_caller]
fn refused(site: &Site, args: &[&str], reason: &str) {
    let said = verify(site, args).exits(1);
    assert!(
        said.starts_with("NOT VERIFIED: ") && said.contains(reason),
        "{said}"
    );
}

#[test]
fn the_commit_that_passed_is_verified() {
    let site = attested("web:1", &[]);
    let said = verify(&site, &["--key", PUBLIC]).exits(0);
    assert!(
        said.starts_with("VERIFIED") && said.contains("about       commit "),
        "{said}"
    );
    // The key from a file, the digest instead of the policies, the statement for programs.
    std::fs::write(site.path().join("gate.pub"), format!("{PUBLIC}\n")).unwrap();
    let json = verify(
        &site,
        &["--key", "gate.pub", "--max-age", "30d", "--format", "json"],
    )
    .exits(0);
    let said: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(said["verified"], true);
    let digest = said["statement"]["predicate"]["policy"]["digest"]["sha256"]
        .as_str()
        .unwrap();
    verify(&site, &["--key", PUBLIC, "--policies-digest", digest]).exits(0);

    // Another commit, other policies, files that nobody looked at.
    std::fs::write(site.path().join("values.yaml"), "image: web:2\n").unwrap();
    verify(&site, &["--key", PUBLIC]).fails(2, &["the working tree is not as its commit", "--commit HEAD"]);
    verify(&site, &["--key", PUBLIC, "--commit", "HEAD"]).exits(0);
    refused(
        &site,
        &["--key", PUBLIC, "--file", "values.yaml"],
        "nothing of values.yaml",
    );
    git(&site, &["commit", "-q", "-am", "two"]);
    refused(&site, &["--key", PUBLIC], "about the commit ");
    verify(&site, &["--key", PUBLIC, "--commit", "HEAD~1"]).exits(0);
    verify(&site, &["--key", PUBLIC, "--commit", "HEAD~7"]).fails(2, &["no such commit"]);
    let other = OWN.replace(":latest", ":edge");
    std::fs::write(site.path().join("policies/own.rego"), other).unwrap();
    refused(
        &site,
        &["--key", PUBLIC, "--commit", "HEAD~1"],
        "other policies were asked",
    );
}

#[test]
fn what_did_not_pass_or_was_not_asked_is_refused() {
    let failed = attested("web:latest", &[]);
    refused(&failed, &["--key", PUBLIC], "the run did not pass: FAILED");
    let lenient = attested("web:latest", &["--fail-on", "high"]);
    refused(&lenient, &["--key", PUBLIC], "only on violations from high on");
    verify(&lenient, &["--key", PUBLIC, "--fail-on", "high"]).exits(0);
    let forced = attested("web:1", &["--kind", "yaml"]);
    refused(&forced, &["--key", PUBLIC], "taken for yaml");
    let combined = attested("web:1", &["--combine"]);
    refused(&combined, &["--key", PUBLIC], "as one document");

    let known = attested("web:1", &["--dry-run"]);
    std::fs::write(known.path().join("values.yaml"), "image: web:latest\n").unwrap();
    check(&known, &[".", "--write-baseline", "known.json"]).exits(0);
    git(&known, &["add", "known.json"]);
    git(&known, &["commit", "-q", "-am", "known"]);
    check(
        &known,
        &[&[".", "--baseline", "known.json"], &ATTEST[..]].concat(),
    )
    .exits(0);
    let said = verify(&known, &["--key", PUBLIC]).exits(0);
    assert!(said.contains("those in the baseline known.json"), "{said}");
    refused(
        &known,
        &["--key", PUBLIC, "--no-exceptions"],
        "the baseline known.json",
    );
}

#[test]
fn a_changed_envelope_is_worth_nothing() {
    let site = attested("web:1", &[]);
    let path = site.path().join("vsa.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let envelope: Value = serde_json::from_str(&text).unwrap();
    let payload = envelope["payload"].as_str().unwrap();
    let mut other = payload.to_owned();
    other.replace_range(40..41, if &payload[40..41] == "A" { "B" } else { "A" });
    std::fs::write(&path, text.replace(payload, &other)).unwrap();
    refused(&site, &["--key", PUBLIC], "none of the 1 trusted keys signed it");
    std::fs::write(&path, &text).unwrap();
    let stranger = "0".repeat(64);
    refused(&site, &["--key", &stranger], PUBLIC);
    verify(&site, &["--key", &stranger, "--key", PUBLIC]).exits(0);
    verify(&site, &["--key", "abc"]).fails(2, &["64 hexadecimal digits"]);
    std::fs::write(&path, "{}").unwrap();
    verify(&site, &["--key", PUBLIC]).fails(2, &["vsa.json", "no attestation"]);
    std::fs::remove_file(&path).unwrap();
    verify(&site, &["--key", PUBLIC]).fails(2, &["can't read vsa.json"]);
}

#[test]
fn files_are_known_by_their_contents() {
    let good = DEPLOYMENT.replace("true", "false").replace("yes", "no");
    let site = site(&[("web.yaml", &good), ("other.yaml", "a: 1\n")]);
    key(&site);
    check(
        &site,
        &[&["web.yaml", "--resource", "urn:web"], &ATTEST[..]].concat(),
    )
    .exits(0);
    verify(&site, &["--key", PUBLIC]).fails(2, &["--commit", "--file"]);
    std::fs::create_dir(site.path().join("moved")).unwrap();
    std::fs::rename(site.path().join("web.yaml"), site.path().join("moved/web.yaml")).unwrap();
    std::fs::copy(site.path().join("moved/web.yaml"), site.path().join("Dockerfile")).unwrap();
    refused(
        &site,
        &["--key", PUBLIC, "--file", "Dockerfile"],
        "only of those as web.yaml",
    );
    verify(&site, &["--key", PUBLIC, "--file", "main.tf"]).fails(2, &["Terraform module", "the commit"]);
    let of = ["--key", PUBLIC, "--file", "moved/web.yaml"];
    verify(&site, &[&of[..], &["--resource", "urn:web"]].concat()).exits(0);
    refused(
        &site,
        &[&of[..], &["--resource", "urn:db"]].concat(),
        "about urn:web, not urn:db",
    );
    refused(
        &site,
        &[&of[..], &["--file", "other.yaml"]].concat(),
        "nothing of other.yaml",
    );
}

#[test]
fn a_run_without_a_question_did_not_pass() {
    let site = site(&[("own.toml", "a = 1\n"), ("policies/own.rego", OWN)]);
    key(&site);
    check(
        &site,
        &[&["own.toml", "--resource", "urn:x"], &ATTEST[..]].concat(),
    )
    .exits(0);
    let of = ["--key", PUBLIC, "--file", "own.toml"];
    refused(&site, &of, "the run did not pass: FAILED");
    refused(&site, &of, "no policy was asked");
}

#[test]
fn what_is_written_goes_through_no_planted_link() {
    let site = site(&[
        ("own.yaml", "image: web:1\n"),
        ("policies/own.rego", OWN),
        ("victim", "mine"),
    ]);
    key(&site);
    for planted in ["out.tmp", "vsa.tmp"] {
        std::os::unix::fs::symlink("victim", site.path().join(planted)).unwrap();
    }
    let args = [
        "own.yaml",
        "--resource",
        "urn:x",
        "--attest",
        "out.json",
        "--key",
        "gate.key",
    ];
    check(
        &site,
        &[&args[..], &["--output", "out.sarif", "--format", "sarif"]].concat(),
    )
    .exits(0);
    let read = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap();
    assert_eq!(read("victim"), "mine");
    assert!(read("out.json").contains("payloadType") && read("out.sarif").contains("2.1.0"));
}

#[test]
fn a_tracked_file_is_not_taken_for_the_run_s_own() {
    let site = attested("web:latest", &[]);
    for option in ["--attest", "--output"] {
        let args = [".", option, "values.yaml", "--key", "gate.key"];
        let args = if option == "--attest" {
            &args[..]
        } else {
            &args[..3]
        };
        check(&site, args).fails(2, &["values.yaml is tracked"]);
    }
    std::fs::create_dir(site.path().join("sub")).unwrap();
    std::os::unix::fs::symlink("../values.yaml", site.path().join("sub/values.yaml")).unwrap();
    check(&site, &[".", "--output", "sub/values.yaml"]).fails(2, &["is tracked"]);
}

#[test]
fn a_directory_that_became_a_link_is_not_what_it_was() {
    let site = attested("web:1", &[]);
    for (name, image) in [("a", "web:1"), ("b", "web:latest")] {
        std::fs::create_dir(site.path().join(name)).unwrap();
        std::fs::write(site.path().join(name).join("x.yaml"), format!("image: {image}\n")).unwrap();
    }
    git(&site, &["add", "a", "b"]);
    git(&site, &["commit", "-q", "-m", "two"]);
    std::fs::remove_dir_all(site.path().join("a")).unwrap();
    std::os::unix::fs::symlink("b", site.path().join("a")).unwrap();
    check(&site, &["a/x.yaml", "--changed-since", "HEAD"]).exits(1);
    // The bad one gone the same way.
    std::fs::remove_file(site.path().join("a")).unwrap();
    std::fs::rename(site.path().join("b"), site.path().join("a")).unwrap();
    std::fs::write(site.path().join("a/x.yaml"), "image: web:1\n").unwrap();
    std::os::unix::fs::symlink("a", site.path().join("b")).unwrap();
    let ran = check(&site, &[&["."], &ATTEST[..]].concat());
    assert!(ran.err.contains("left out: 1 link"), "{}", ran.err);
    refused(&site, &["--key", PUBLIC, "--commit", "HEAD"], "not the commit");
}

#[test]
fn what_a_run_left_out_of_the_commit_is_said_and_refused() {
    let site = attested("web:1", &[]);
    for (name, text) in [
        ("chart/Chart.yaml", "name: c\n"),
        ("chart/templates/pod.yaml", "image: web:latest\n"),
        ("node_modules/x.json", "{}"),
        ("x.jsonnet", "{}"),
    ] {
        let path = site.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::os::unix::fs::symlink("values.yaml", site.path().join("same.yaml")).unwrap();
    git(
        &site,
        &["add", "-f", "chart", "node_modules", "x.jsonnet", "same.yaml"],
    );
    git(&site, &["commit", "-q", "-m", "two"]);
    let ran = check(&site, &[&["."], &ATTEST[..]].concat());
    assert!(
        ran.err
            .contains("left out of the commit: 3 files, as chart/templates/pod.yaml"),
        "{}",
        ran.err
    );
    refused(&site, &["--key", PUBLIC], "3 files in formats");
    verify(&site, &["--key", PUBLIC, "--allow-left-out"]).exits(0);
}
