//! `stele sbom`, as a person or a pipeline runs it.
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
#[path = "support/peers.rs"]
mod peers;
mod support;

use image::image;
use peers::Peer;
use serde_json::Value;
use support::Site;

const CARGO: &str = r#"version = 4
[[package]]
name = "app"
version = "0.1.0"
dependencies = ["log"]
[[package]]
name = "log"
version = "0.4.1"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
"#;

#[test]
fn the_same_files_give_the_same_bytes() {
    let site = Site::new();
    site.write("shop/Cargo.lock", CARGO);
    let first = site.run(&["sbom", "shop"]).exits(0);
    let document: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(document["metadata"]["component"]["name"], "shop");
    assert_eq!(document["metadata"].get("timestamp"), None);
    assert_eq!(document["components"][0]["purl"], "pkg:cargo/log@0.4.1");
    assert_eq!(document["components"][0]["evidence"]["occurrences"][0]["line"], 7);
    assert_eq!(document["dependencies"][0]["dependsOn"][0], "pkg:cargo/log@0.4.1");
    site.run(&["sbom", "shop", "--output", "bom.json"]).exits(0);
    assert_eq!(
        std::fs::read_to_string(site.path().join("bom.json")).unwrap(),
        first
    );
    let mut dated = site.command(&["sbom", "shop"]);
    let dated = dated.env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap();
    let dated: Value = serde_json::from_slice(&dated.stdout).unwrap();
    assert_eq!(dated["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(dated["serialNumber"], document["serialNumber"]);
}

#[test]
fn a_damaged_file_is_named_and_the_rest_is_written() {
    let site = Site::new();
    site.write("a/Cargo.lock", "[[package]\n");
    site.write("b/Cargo.lock", CARGO);
    let ran = site.run(&["sbom"]);
    assert!(ran.err.contains("a/Cargo.lock:1: not TOML"), "{}", ran.err);
    let document: Value = serde_json::from_str(&ran.exits(2)).unwrap();
    assert_eq!(document["components"].as_array().unwrap().len(), 1);
    assert_eq!(document["compositions"][0]["aggregate"], "incomplete");
}

#[test]
fn what_a_person_types_wrong() {
    let site = Site::new();
    site.run(&["sbom", "gone"]).fails(2, &["there is no gone"]);
    site.run(&["sbom", "dir:."])
        .fails(2, &["there is no dir:.: leave out `dir:`"]);
    site.run(&["sbom", "alpine:3.19"])
        .fails(2, &["docker save alpine:3.19 -o image.tar"]);
    site.run(&["sbom", "-o", "cyclonedx-json"])
        .fails(2, &["formats are named by --format"]);
    site.write("notes.md", "x");
    site.run(&["sbom", "notes.md"]).fails(
        2,
        &["notes.md is no container image, and its name is none of a lock file"],
    );
    site.run(&["sbom", "--platform", "linux/amd64"])
        .fails(2, &["--platform has no meaning"]);
    site.run(&["sbom", "--timestamp", "noon"])
        .fails(2, &["--timestamp", "2030-01-31T12:00:00Z"]);
    site.run(&["sbom", "--output", "no/such/bom.json"])
        .fails(3, &["can't write no/such/bom.json"]);
    let ran = site.run(&["sbom"]);
    assert!(
        ran.err.contains("there is no file that tells of packages"),
        "{}",
        ran.err
    );
    ran.exits(0);
}

/// A project in many languages, with what is awkward in each: scopes, licences that are none, ranges, several hashes, other sources.
fn project(site: &Site) {
    site.write("rust/Cargo.lock", CARGO);
    let npm = r#"{"lockfileVersion": 3, "packages": {
"": {"dependencies": {"@s/a": "1"}, "devDependencies": {"b": "2"}},
"node_modules/@s/a": {"version": "1.0.0", "license": "MIT", "integrity": "sha512-AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==", "dependencies": {"b": "*"}},
"node_modules/b": {"version": "2.0.0", "license": "SEE LICENSE IN FILE", "dev": true, "resolved": "git+ssh://git@example.org/b.git#abc"},
"node_modules/c": {"version": "3.0.0", "license": "(MIT OR Apache-2.0)", "optional": true}}}"#;
    site.write("web/package-lock.json", npm);
    let pip = format!(
        "a==1.0 --hash=sha256:{} --hash=sha256:{}\nunpinned>=2\n",
        "ab".repeat(32),
        "cd".repeat(32)
    );
    site.write("py/requirements.txt", &pip);
    site.write(
        "go/go.mod",
        "module m\ngo 1.22\nrequire github.com/A/b v1.0.0+incompatible\n",
    );
    let composer = r#"{"packages": [{"name": "v/x", "version": "dev-a/b", "license": ["GPL-2.0", "MIT"]}]}"#;
    site.write("php/composer.lock", composer);
    site.write("java/gradle.lockfile", "g:x:1.0=runtimeClasspath\nempty=\n");
    let pom = "<project><dependencies><dependency><groupId>g</groupId><artifactId>elsewhere</artifactId></dependency></dependencies></project>";
    site.write("java/pom.xml", pom);
}

fn shop(site: &Site) {
    let dpkg = "Package: libcurl4\nStatus: install ok installed\nArchitecture: amd64\nSource: curl (8.0-2)\nVersion: 8.0-1\n";
    let npm = br#"{"name": "a", "version": "1.0.0", "license": "MIT"}"#;
    let files: [(&str, &[u8]); 3] = [
        ("etc/os-release", b"ID=debian\nVERSION_ID=12\n"),
        ("var/lib/dpkg/status", dpkg.as_bytes()),
        ("app/node_modules/a/package.json", npm),
    ];
    image(site, "shop.tar", &files);
}

#[test]
fn an_image_is_read_and_one_that_was_altered_is_refused() {
    let site = Site::new();
    shop(&site);
    let text = site.run(&["sbom", "shop.tar", "--output", "bom.json"]);
    assert!(text.err.contains("2 packages in 3 files"), "{}", text.err);
    text.exits(0);
    let path = site.path().join("bom.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(document["metadata"]["component"]["type"], "container");
    assert_eq!(document["metadata"]["component"]["name"], "shop:1");
    let purl = "pkg:deb/debian/libcurl4@8.0-1?arch=amd64&distro=debian-12";
    assert_eq!(document["components"][0]["purl"], purl);
    if let Some(peer) = Peer::python("sbom_valid.py", "cyclonedx") {
        assert_eq!(peer.json(&["cyclonedx", path.to_str().unwrap()])["components"], 2);
    }
    let archive = site.path().join("shop.tar");
    let mut bytes = std::fs::read(&archive).unwrap();
    let at = bytes.windows(6).position(|part| part == b"8.0-1\n").unwrap();
    bytes[at] = b'9';
    std::fs::write(&archive, bytes).unwrap();
    site.run(&["sbom", "shop.tar"])
        .fails(2, &["shop.tar", "the image was altered or damaged"]);
}

#[test]
fn cyclonedx_is_valid_for_others() {
    let Some(peer) = Peer::python("sbom_valid.py", "cyclonedx") else {
        return;
    };
    let site = Site::new();
    project(&site);
    site.run(&[
        "sbom",
        "--output",
        "bom.json",
        "--timestamp",
        "2030-01-31T12:00:00Z",
    ])
    .exits(0);
    let bom = site.path().join("bom.json");
    let told = peer.json(&["cyclonedx", bom.to_str().unwrap()]);
    assert_eq!(told["components"], 10, "{told}");
    assert_eq!(told["dependencies"], 11, "{told}");
}

#[test]
fn spdx_is_valid_for_others() {
    let Some(peer) = Peer::python("sbom_valid.py", "spdx_tools") else {
        return;
    };
    let site = Site::new();
    project(&site);
    site.run(&["sbom", "--format", "spdx", "--output", "bom.spdx.json"])
        .exits(0);
    let bom = site.path().join("bom.spdx.json");
    let told = peer.json(&["spdx", bom.to_str().unwrap()]);
    assert_eq!(told["packages"], 11, "{told}");
    // One for the document, ten for what the subject needs, one for what @s/a needs.
    assert_eq!(told["relationships"], 12, "{told}");
    // And with the source package of a distribution's package.
    shop(&site);
    site.run(&["sbom", "shop.tar", "--format", "spdx", "-o", "bom.spdx.json"])
        .exits(0);
    let text = std::fs::read_to_string(&bom).unwrap();
    assert!(text.contains("\"referenceLocator\": \"curl@8.0-2\""), "{text}");
    let told = peer.json(&["spdx", bom.to_str().unwrap()]);
    assert_eq!(told["packages"], 3, "{told}");
}

#[test]
fn policies_read_what_was_written() {
    let site = Site::new();
    project(&site);
    let policy = r#"# METADATA
# custom:
#   id: own/packages
#   inputs: [cyclonedx]
package own.packages

import rego.v1

deny contains msg if {
    some component in input.components
    not component.version
    msg := sprintf("%s is not pinned", [component.name])
}
"#;
    site.write("policy/packages.rego", policy);
    site.run(&["sbom", "--output", "bom.json"]).exits(0);
    let found = site.run(&["check", "--policy", "policy", "bom.json"]).exits(1);
    assert!(found.contains("unpinned is not pinned"), "{found}");
}
