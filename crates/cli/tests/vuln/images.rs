//! Which packages of container images `stele vuln scan` finds vulnerable, of the images themselves and of the bills that `stele sbom` writes of them.

use super::image::{image, rpm_database};
use super::osv::{record, report, rules};
use super::support::Site;
use serde_json::{Value, json};

/// What is found in an image: rule, package and the version that mends it. Both bills of it have to say the same.
fn found(site: &Site, archive: &str) -> Vec<(String, String, String)> {
    let scan = |file: &str| {
        let read = report(site.run(&["vuln", "scan", file, "--format", "json"]), 1);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = read["vulnerabilities"].as_array().unwrap().iter();
        list.map(|one| {
            (
                text(&one["id"]),
                text(&one["package"]["purl"]),
                text(&one["fixed"]),
            )
        })
        .collect::<Vec<_>>()
    };
    let all = scan(archive);
    for format in ["cyclonedx", "spdx"] {
        site.run(&["sbom", archive, "--format", format, "-o", "bom.json"])
            .exits(0);
        assert_eq!(scan("bom.json"), all, "{format}");
    }
    all
}

fn import(site: &Site, records: &[Value]) {
    for (number, record) in records.iter().enumerate() {
        site.write(&format!("osv/{number}.json"), record.to_string());
    }
    site.run(&["vuln", "import", "osv"]).exits(0);
}

const DPKG: &[u8] = b"Package: libcurl4\nStatus: install ok installed\nArchitecture: amd64\nSource: curl (8.0-1)\nVersion: 8.0-1+b1\n\n\
Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nSource: zlib\nVersion: 1:1.2.13-1\n";

#[test]
fn an_image_is_matched_by_its_release_and_source_packages() {
    let site = Site::new();
    let of = |release: &str| -> [(&'static str, Vec<u8>); 2] {
        let text = format!("ID=debian\n{release}");
        [
            ("etc/os-release", text.into_bytes()),
            ("var/lib/dpkg/status", DPKG.to_vec()),
        ]
    };
    for (name, release) in [
        ("twelve.tar", "VERSION_ID=\"12\"\n"),
        ("eleven.tar", "VERSION_ID=\"11\"\n"),
        ("testing.tar", ""),
    ] {
        let files = of(release);
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(path, text)| (*path, text.as_slice()))
            .collect();
        image(&site, name, &files);
    }
    let mut curl = record(
        "DEBIAN-CVE-2026-7",
        "Debian:12",
        "curl",
        &[("introduced", "0"), ("fixed", "8.0-1+deb12u1")],
    );
    curl["upstream"] = json!(["CVE-2026-7"]);
    let older = record(
        "DSA-1",
        "Debian:12",
        "zlib",
        &[("introduced", "0"), ("fixed", "1:1.2.12-5")],
    );
    import(&site, &[curl, older]);
    let read = report(site.run(&["vuln", "scan", "twelve.tar", "--format", "json"]), 1);
    assert_eq!(rules(&read), ["CVE-2026-7"]);
    assert_eq!(read["findings"][0]["file"], "twelve.tar!/var/lib/dpkg/status");
    assert_eq!(read["vulnerabilities"][0]["fixed"], "8.0-1+deb12u1");
    assert!(
        read["vulnerabilities"][0]["package"]["purl"]
            .as_str()
            .unwrap()
            .starts_with("pkg:deb/debian/libcurl4@")
    );
    assert_eq!(found(&site, "twelve.tar").len(), 1);
    // What is known of another release says nothing of this one.
    for (name, release) in [
        ("eleven.tar", "Debian 11"),
        ("testing.tar", "Debian without a release"),
    ] {
        let ran = site.run(&["vuln", "scan", name]);
        assert!(
            ran.err
                .contains(&format!("2 packages of {release} are not checked")),
            "{}",
            ran.err
        );
        ran.exits(2);
    }
}

const APK: &[u8] = b"P:libcrypto3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\n\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\n";

#[test]
fn an_image_of_alpine_is_matched_by_package_and_origin() {
    let site = Site::new();
    let files: [(&str, &[u8]); 2] = [
        ("etc/os-release", b"ID=alpine\nVERSION_ID=3.19.1\n"),
        ("lib/apk/db/installed", APK),
    ];
    image(&site, "shop.tar", &files);
    let until = |id: &str, release: &str, name: &str, fixed: &str| {
        record(
            id,
            &format!("Alpine:{release}"),
            name,
            &[("introduced", "0"), ("fixed", fixed)],
        )
    };
    import(
        &site,
        &[
            until("ALPINE-1", "v3.19", "openssl", "3.1.4-r6"),
            until("ALPINE-2", "v3.19", "musl", "1.2.4-r2"),
            until("ALPINE-3", "v3.20", "musl", "9.0.0-r0"),
        ],
    );
    let purl = "pkg:apk/alpine/libcrypto3@3.1.4-r5?arch=x86_64&distro=alpine-3.19.1";
    let expected = ("ALPINE-1".to_owned(), purl.to_owned(), "3.1.4-r6".to_owned());
    assert_eq!(found(&site, "shop.tar"), [expected]);
}

#[test]
fn an_image_of_rocky_is_matched_by_package_and_source() {
    let site = Site::new();
    let database = rpm_database();
    let files: [(&str, &[u8]); 2] = [
        ("etc/os-release", b"ID=\"rocky\"\nVERSION_ID=\"9.4\"\n"),
        ("var/lib/rpm/rpmdb.sqlite", &database),
    ];
    image(&site, "shop.tar", &files);
    let until = |id: &str, name: &str, fixed: &str| {
        record(
            id,
            "Rocky Linux:9",
            name,
            &[("introduced", "0"), ("fixed", fixed)],
        )
    };
    import(
        &site,
        &[
            // The package has epoch 2; nobody wrote down that of its source.
            until("RLSA-1", "package0", "2:1.0-2.el9"),
            until("RLSA-2", "package0", "0:9.0-1.el9"),
            until("RLSA-3", "source1", "5:1.0-2.el9"),
            until("RLSA-4", "source2", "1.0-1.el9"),
        ],
    );
    let all = found(&site, "shop.tar");
    let told: Vec<(&str, &str)> = all
        .iter()
        .map(|(id, _, fixed)| (id.as_str(), fixed.as_str()))
        .collect();
    assert_eq!(told, [("RLSA-1", "2:1.0-2.el9"), ("RLSA-3", "5:1.0-2.el9")]);
    assert!(
        all[0]
            .1
            .ends_with("package0@1.0-1.el9?arch=x86_64&distro=rocky-9.4&epoch=2"),
        "{all:?}"
    );
    assert!(all[1].1.contains("/package1@"), "{all:?}");
}
