//! Small images of our own making, and what is read from them.

use super::golang::tests::program;
use super::java::tests::jar;
use super::*;
use crate::tree::Memory;
use std::io::Write as _;
use tar::{Builder, EntryType, Header};

/// An entry of a layer: path, kind, and content or target of a link.
type Entry<'e> = (&'e str, EntryType, &'e [u8]);

const FILE: EntryType = EntryType::Regular;
const RELEASE: Entry<'static> = ("etc/os-release", FILE, b"ID=debian\nVERSION_ID=12\n");

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        if matches!(kind, EntryType::Link | EntryType::Symlink) {
            header.set_size(0);
            let target = std::str::from_utf8(content).unwrap();
            builder.append_link(&mut header, path, target).unwrap();
        } else {
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, path, *content).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

/// An entry whose path the library would not write.
fn hostile(path: &str) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(FILE);
    header.set_size(0);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend([0; 1024]);
    bytes
}

fn sha(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 1).unwrap()
}

fn config(layers: &[Vec<u8>]) -> Vec<u8> {
    let ids: Vec<String> = layers
        .iter()
        .map(|layer| format!("sha256:{}", sha(layer)))
        .collect();
    serde_json::to_vec(&serde_json::json!({"rootfs": {"type": "layers", "diff_ids": ids}})).unwrap()
}

/// As older Dockers save it.
fn docker(layers: &[Vec<u8>]) -> Memory {
    let config = config(layers);
    let name = format!("{}.json", sha(&config));
    let parts: Vec<String> = (0..layers.len())
        .map(|number| format!("{number}/layer.tar"))
        .collect();
    let manifest = serde_json::json!([{"Config": name, "RepoTags": ["shop:1"], "Layers": parts}]);
    let mut files = Memory::of(&[("manifest.json", &manifest.to_string())]);
    files.0.insert(name, config);
    files.0.extend(parts.into_iter().zip(layers.iter().cloned()));
    files
}

fn blob(files: &mut Memory, bytes: Vec<u8>, more: serde_json::Value) -> serde_json::Value {
    let mut descriptor =
        serde_json::json!({"digest": format!("sha256:{}", sha(&bytes)), "size": bytes.len()});
    descriptor
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    files.0.insert(format!("blobs/sha256/{}", sha(&bytes)), bytes);
    descriptor
}

/// An OCI layout with the same layers for each platform.
fn oci(layers: &[Vec<u8>], pack: fn(&[u8]) -> Vec<u8>, platforms: &[&str]) -> Memory {
    let mut files = Memory::of(&[("oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}")]);
    let mut manifests = Vec::new();
    for architecture in platforms {
        let config = blob(&mut files, config(layers), serde_json::json!({}));
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| blob(&mut files, pack(layer), serde_json::json!({})))
            .collect();
        let manifest =
            serde_json::json!({"config": config, "layers": layers, "annotations": {"for": architecture}});
        let platform = serde_json::json!({"platform": {"os": "linux", "architecture": architecture}});
        manifests.push(blob(&mut files, manifest.to_string().into_bytes(), platform));
    }
    let inner = serde_json::json!({"manifests": manifests})
        .to_string()
        .into_bytes();
    let kind = serde_json::json!({"mediaType": "application/vnd.oci.image.index.v1+json"});
    let attestation = serde_json::json!({"digest": "sha256:none", "platform": {"os": "unknown", "architecture": "unknown"}});
    let index = serde_json::json!({"manifests": [blob(&mut files, inner, kind), attestation]});
    files
        .0
        .insert("index.json".into(), index.to_string().into_bytes());
    files
}

fn archive(files: &Memory) -> tempfile::NamedTempFile {
    let entries: Vec<Entry<'_>> = files
        .0
        .iter()
        .map(|(path, bytes)| (path.as_str(), FILE, bytes.as_slice()))
        .collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&tar(&entries)).unwrap();
    file
}

fn directory(files: &Memory) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, bytes) in &files.0 {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    dir
}

fn purls(inventory: &Inventory) -> Vec<String> {
    inventory
        .components()
        .map(|component| component.purl().to_string())
        .collect()
}

fn of_layers(layers: &[Vec<u8>]) -> Inventory {
    scan_image(archive(&docker(layers)).path(), None, None, &|_, _| {}).unwrap()
}

#[track_caller]
fn refused(files: &Memory, texts: &[&str]) {
    let error = scan_image(archive(files).path(), None, None, &|_, _| {})
        .unwrap_err()
        .to_string();
    for text in texts {
        assert!(error.contains(text), "no {text:?} in {error}");
    }
}

const DPKG: &str = "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 8.0-1\n";

fn layers() -> Vec<Vec<u8>> {
    let program = program("go1.22.0", "dep\tgolang.org/x/text\tv0.3.0\th1:x=\n");
    let jar = jar(&[(
        "META-INF/maven/g/a/pom.properties",
        b"groupId=g\nartifactId=a\nversion=1\n",
    )]);
    vec![
        tar(&[
            RELEASE,
            ("./var/lib/dpkg/status", FILE, DPKG.as_bytes()),
            ("usr/bin/tool", FILE, &program),
        ]),
        tar(&[
            ("app/a.jar", FILE, &jar),
            ("app/b.jar", EntryType::Link, b"app/a.jar"),
        ]),
    ]
}

#[test]
fn all_forms_of_an_image_say_the_same() {
    let expected = [
        "pkg:deb/debian/curl@8.0-1?arch=amd64&distro=debian-12",
        "pkg:golang/golang.org/x/text@v0.3.0",
        "pkg:golang/stdlib@1.22.0",
        "pkg:maven/g/a@1",
    ];
    let saved = of_layers(&layers());
    assert_eq!(purls(&saved), expected);
    assert_eq!(saved.subject.name, "shop:1");
    let jar = saved.components().last().unwrap();
    let places: Vec<_> = jar
        .locations
        .iter()
        .map(|location| location.file.as_str())
        .collect();
    assert_eq!(places, ["app/a.jar", "app/b.jar"]);
    let layer = jar.locations.iter().next().unwrap().layer.clone();
    assert_eq!(layer, Some(format!("sha256:{}", sha(&layers()[1]))));
    for pack in [gzip, zstandard, <[u8]>::to_vec] {
        let files = oci(&layers(), pack, &["amd64"]);
        assert_eq!(
            purls(&scan_image(archive(&files).path(), None, None, &|_, _| {}).unwrap()),
            expected
        );
        let dir = directory(&files);
        assert!(is_image(dir.path()));
        assert_eq!(
            purls(&scan_image(dir.path(), None, None, &|_, _| {}).unwrap()),
            expected
        );
    }
}

#[test]
fn layers_hide_and_replace() {
    let package = |name: &str| format!("{{\"name\": \"{name}\", \"version\": \"1\"}}").into_bytes();
    let (a, b, c) = (package("a"), package("b"), package("c"));
    let lower = tar(&[
        ("app/node_modules/a/package.json", FILE, &a),
        ("app/node_modules/b/package.json", FILE, &b),
        ("opt/x/node_modules/c/package.json", FILE, &c),
        ("srv/node_modules/b/package.json", FILE, &b),
    ]);
    let all = of_layers(std::slice::from_ref(&lower));
    assert_eq!(all.len(), 3);
    let whiteout = tar(&[("app/node_modules/.wh.a", FILE, b"")]);
    assert_eq!(
        purls(&of_layers(&[lower.clone(), whiteout])),
        ["pkg:npm/b@1", "pkg:npm/c@1"]
    );
    let opaque = tar(&[
        ("opt/x/node_modules/d/package.json", FILE, &package("d")),
        ("opt/.wh..wh..opq", FILE, b""),
    ]);
    assert_eq!(
        purls(&of_layers(&[lower.clone(), opaque])),
        ["pkg:npm/a@1", "pkg:npm/b@1", "pkg:npm/d@1"]
    );
    // A file or a link where there was a directory.
    let replaced = tar(&[("app", EntryType::Symlink, b"elsewhere"), ("opt", FILE, b"")]);
    assert_eq!(purls(&of_layers(&[lower.clone(), replaced])), ["pkg:npm/b@1"]);
    let newer = tar(&[(
        "app/node_modules/a/package.json",
        FILE,
        br#"{"name": "a", "version": "2"}"#,
    )]);
    assert!(purls(&of_layers(&[lower, newer])).contains(&"pkg:npm/a@2".to_owned()));
}

#[test]
fn long_names_are_read() {
    let path = format!("{}/node_modules/a/package.json", "deep/".repeat(60));
    let layer = tar(&[(&path, FILE, br#"{"name": "a", "version": "1"}"#)]);
    assert_eq!(purls(&of_layers(&[layer])), ["pkg:npm/a@1"]);
}

#[test]
fn what_was_altered_is_refused() {
    for (files, part) in [
        (docker(&layers()), "1/layer.tar".to_owned()),
        (
            oci(&layers(), gzip, &["amd64"]),
            format!("blobs/sha256/{}", sha(&gzip(&layers()[1]))),
        ),
    ] {
        let mut altered = files.clone();
        let layer = altered.0.get_mut(&part).unwrap();
        let end = layer.len() - 1;
        layer[end] ^= 1;
        assert!(
            scan_image(archive(&altered).path(), None, None, &|_, _| {}).is_err(),
            "{part}"
        );
        let mut missing = files;
        missing.0.remove(&part);
        refused(&missing, &[&part, "missing"]);
    }
    let mut files = oci(&layers(), gzip, &["amd64"]);
    let config = format!("blobs/sha256/{}", sha(&config(&layers())));
    files.0.get_mut(&config).unwrap().push(b' ');
    refused(&files, &[&config, "altered or damaged"]);
    let mut files = docker(&layers());
    files.0.insert("manifest.json".into(), b"[".to_vec());
    refused(&files, &["manifest.json is not as expected"]);
}

#[test]
fn attacks_are_refused() {
    refused(
        &docker(&[hostile("../../var/lib/dpkg/status")]),
        &["leads out of the image"],
    );
    let bomb = vec![0; 64 << 20];
    refused(
        &oci(&[bomb], gzip, &["amd64"]),
        &["far more than its size allows"],
    );
    let mut manifest = docker(&layers());
    let text = String::from_utf8(manifest.0["manifest.json"].clone()).unwrap();
    let escaped = text.replace("1/layer.tar", "../../etc/passwd");
    manifest.0.insert("manifest.json".into(), escaped.into_bytes());
    refused(&manifest, &["missing"]);
    let dir = directory(&oci(&layers(), gzip, &["amd64"]));
    let blob = dir
        .path()
        .join(format!("blobs/sha256/{}", sha(&gzip(&layers()[1]))));
    std::fs::rename(&blob, dir.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), blob).unwrap();
    let error = scan_image(dir.path(), None, None, &|_, _| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("no plain file"), "{error}");
}

/// A file with this many hard links, each at a path of its own.
fn with_links(bytes: &[u8], count: usize, path: impl Fn(usize) -> String) -> Vec<u8> {
    let first = "lib/a-1.dist-info/METADATA";
    let paths: Vec<String> = (0..count).map(path).collect();
    let mut entries = vec![(first, FILE, bytes)];
    entries.extend(
        paths
            .iter()
            .map(|path| (path.as_str(), EntryType::Link, first.as_bytes())),
    );
    tar(&entries)
}

#[test]
fn hard_links_weigh_what_copies_do() {
    let metadata = format!("Name: a\nVersion: 1\n\n{}", "x".repeat(100_000));
    let known = |number| format!("lib/{number}-1.dist-info/METADATA");
    let some = of_layers(&[with_links(metadata.as_bytes(), 5, known)]);
    assert_eq!(some.components().next().unwrap().locations.len(), 6);
    let limit = "package databases of more than";
    refused(
        &docker(&[with_links(metadata.as_bytes(), 20, known)]),
        &[limit, "hard links"],
    );
    let long = |number| format!("{}{number}-1.dist-info/METADATA", "deep/".repeat(8_000));
    refused(
        &docker(&[with_links(b"Name: a\nVersion: 1\n", 40, long)]),
        &[limit],
    );
    let unread = of_layers(&[with_links(metadata.as_bytes(), 20, |number| {
        format!("bin/{number}")
    })]);
    assert_eq!(unread.files.len(), 1, "{:?}", unread.files);
}

/// The store of pnpm may stand before the packages that link to it.
#[test]
fn manifests_in_the_store_of_pnpm_are_read() {
    let stored = |name: &str| format!("root/store/v10/files/0a/{}{name}", "1b".repeat(63));
    let (first, second, other) = (stored(""), stored("-exec"), stored("00"));
    let linked = |name: &str| format!("srv/node_modules/.pnpm/{name}@1.0.0/node_modules/{name}/package.json");
    let (a, b, c) = (linked("a"), linked("b"), linked("c"));
    let layer = tar(&[
        (first.as_str(), FILE, br#"{"name": "a", "version": "1.0.0"}"#),
        (second.as_str(), FILE, br#"{"name": "b", "version": "1.0.0"}"#),
        (other.as_str(), FILE, br#"{"no": "package"}"#),
        (a.as_str(), EntryType::Link, first.as_bytes()),
        (b.as_str(), EntryType::Link, second.as_bytes()),
        (c.as_str(), EntryType::Link, other.as_bytes()),
    ]);
    let found = of_layers(&[layer]);
    let names: Vec<&str> = found
        .components()
        .map(|component| component.purl().as_str())
        .collect();
    assert_eq!(names, ["pkg:npm/a@1.0.0", "pkg:npm/b@1.0.0"]);
}

#[test]
fn one_of_several_platforms_is_chosen() {
    let files = oci(&layers(), gzip, &["amd64", "arm64"]);
    refused(&files, &["linux/amd64, linux/arm64", "--platform"]);
    let file = archive(&files);
    assert_eq!(
        scan_image(file.path(), None, Some("linux/arm64"), &|_, _| {})
            .unwrap()
            .len(),
        4
    );
    let error = scan_image(file.path(), None, Some("linux/s390x"), &|_, _| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("there are: linux/amd64, linux/arm64"), "{error}");
}

#[test]
fn what_is_no_image_is_said() {
    refused(&Memory::of(&[("x", "y")]), &["it is no image"]);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&gzip(&tar(&[RELEASE]))).unwrap();
    let error = scan_image(file.path(), None, None, &|_, _| {})
        .unwrap_err()
        .to_string();
    assert!(error.contains("unpack it first"), "{error}");
}

#[test]
fn a_damaged_package_is_reported_and_the_rest_is_read() {
    let layer = tar(&[
        RELEASE,
        ("a/node_modules/a/package.json", FILE, b"{"),
        ("lib/b.jar", FILE, b"junk"),
        ("var/lib/rpm/Packages", FILE, b"x"),
        ("var/lib/dpkg/status", FILE, DPKG.as_bytes()),
    ]);
    let found = of_layers(&[layer]);
    assert_eq!(found.len(), 1);
    assert_eq!(found.problems.len(), 3, "{:?}", found.problems);
}

#[test]
fn an_archive_that_ends_early_is_refused() {
    let files = oci(&layers(), gzip, &["amd64"]);
    let whole = std::fs::read(archive(&files).path()).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    // Behind the index nothing follows that is needed.
    let index = &files.0["index.json"];
    let needed = memchr::memmem::find(&whole, index).unwrap() + index.len();
    for end in (0..needed).step_by(509) {
        file.as_file_mut().set_len(0).unwrap();
        std::fs::write(file.path(), &whole[..end]).unwrap();
        assert!(
            scan_image(file.path(), None, None, &|_, _| {}).is_err(),
            "{end} of {}",
            whole.len()
        );
    }
}

#[test]
fn platforms_that_were_not_saved_do_not_count() {
    let mut files = oci(&layers(), gzip, &["amd64", "arm64"]);
    let is_arm = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("\"for\":\"arm64\"");
    files.0.retain(|_, bytes| !is_arm(bytes));
    assert_eq!(
        scan_image(archive(&files).path(), None, None, &|_, _| {})
            .unwrap()
            .len(),
        4
    );
}

#[test]
fn progress_counts_layers() {
    let told = std::cell::RefCell::new(Vec::new());
    let note = |done, total| told.borrow_mut().push((done, total));
    scan_image(archive(&docker(&layers())).path(), None, None, &note).unwrap();
    assert_eq!(*told.borrow(), [(0, 2), (1, 2), (2, 2)]);
}
