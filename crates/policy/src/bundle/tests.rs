use std::io::Read;

use super::*;
use crate::engine::{DataPath, Engine, EvalRequest, RegorusEngine, VmEngine};
use crate::load;
use crate::testing;

const POLICY: &str = "# METADATA\n# title: Pods\n# custom:\n#   id: k8s/pods\n#   owner: platform\n#   severity: high\n#   controls: [\"nist-800-53r5:AC-6\"]\npackage k8s.pods\n\nimport data.lib.names\n\ndeny contains msg if {\n\tnames.bad(input.name)\n\tinput.zone in data.zones.closed\n\tmsg := data.k8s.pods.text\n}\n";
const LIBRARY: &str = "package lib.names\r\n\r\nbad(name) if name == data.lib.base.words[_]\r\n";
const BASE: &str = "package lib.base\n\nwords := [\"x\"]\n";
const UNRELATED: &str = "package lib.other\n\np := 1\n";
const TEST: &str = "package k8s.pods_test\n\ntest_x if true\n";

fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("pods.rego", POLICY),
        ("lib/names.rego", LIBRARY),
        ("lib/base.rego", BASE),
        ("lib/other.rego", UNRELATED),
        ("pods_test.rego", TEST),
        ("zones/data.json", r#"{"closed": ["a"], "open": ["b"]}"#),
        ("k8s/pods/data.yaml", "text: no root\n"),
        ("secret/data.json", r#"{"key": "k"}"#),
    ]
}

fn bundle(files: &[(&str, &str)]) -> Bundle {
    build(&testing::set(files), &PolicyId::new("k8s/pods").unwrap()).unwrap()
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect()
}

#[test]
fn holds_what_the_policy_reaches_and_nothing_else() {
    let bundle = bundle(&files());
    assert_eq!(
        names(&bundle.bytes),
        [
            ".manifest",
            "data.json",
            "k8s/pods/pods.rego",
            "lib/base/base.rego",
            "lib/names/names.rego"
        ]
    );
    assert_eq!(
        bundle.data,
        testing::json(r#"{"k8s": {"pods": {"text": "no root"}}, "zones": {"closed": ["a"]}}"#)
    );
    assert_eq!(bundle.modules[2].text.as_ref(), LIBRARY, "line endings stay");
}

/// Changing this digest means that every policy's version changes: a deliberate break of the format.
#[test]
fn golden_digest() {
    let bundle = bundle(&files());
    assert_eq!(
        bundle.digest.to_string(),
        "5b1b56a02408dcef5a7e2e5a1aa677c649d688c3c132ab86ddec97333c2d3409"
    );
    assert_eq!(
        bundle.data_digest.to_string(),
        "58729dbf1de71315078f3cc056b4be0a7c1ec757b365b07e1aedf0681e655e7c"
    );
}

#[test]
fn the_manifest_says_what_the_bundle_owns() {
    let loaded = load::load_bundle(&bundle(&files()).bytes).unwrap();
    let manifest = loaded.manifest().unwrap();
    assert_eq!(
        manifest.roots,
        ["k8s/pods", "lib/base", "lib/names", "zones/closed"]
    );
    assert_eq!(manifest.rego_version, Some(stele_rego::RegoVersion::V1));
    assert!(manifest.file_rego_versions.is_empty());
    assert!(manifest.revision.starts_with("sha256:"));
    let stele = manifest.metadata.as_ref().unwrap().get("stele").unwrap();
    assert_eq!(stele.get("policy").unwrap().as_str(), Some("k8s/pods"));
    assert_eq!(
        stele.get("entrypoints"),
        Some(&testing::json(r#"["k8s/pods/deny"]"#))
    );
    assert_eq!(stele.get("owner").unwrap().as_str(), Some("platform"));
}

#[test]
fn a_loaded_bundle_gives_the_same_bundle_again() {
    let first = bundle(&files());
    let loaded = load::load_bundle(&first.bytes).unwrap();
    let second = build(&loaded, &PolicyId::new("k8s/pods").unwrap()).unwrap();
    assert_eq!(second.digest, first.digest);
    assert_eq!(second.bytes, first.bytes);
    assert_eq!(second.data_digest, first.data_digest);
    let at = DataPath::parse("k8s/pods/deny").unwrap();
    let input = testing::json(r#"{"name": "x", "zone": "a"}"#);
    for prepared in [first.prepare().unwrap(), loaded.prepare().unwrap()] {
        let mut engine = RegorusEngine::new(&prepared).unwrap();
        let outcome = engine.evaluate(&EvalRequest::new(&at, Some(&input))).unwrap();
        assert_eq!(outcome.value, Some(Value::set([Value::from("no root")])));
    }
}

#[test]
fn directories_and_unrelated_files_do_not_matter() {
    let reference = bundle(&files());
    let moved: Vec<(String, &str)> = files()
        .into_iter()
        .map(|(path, text)| {
            if path.ends_with(".rego") {
                (format!("deep/er/{path}"), text)
            } else {
                (path.to_owned(), text)
            }
        })
        .collect();
    let moved: Vec<(&str, &str)> = moved.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    assert_eq!(bundle(&moved).digest, reference.digest);
    let mut more = files();
    more.push(("lib/more.rego", "package lib.more\n\nq := 2\n"));
    more.retain(|(path, _)| *path != "secret/data.json");
    assert_eq!(bundle(&more).digest, reference.digest);
}

#[test]
fn one_byte_of_a_module_or_of_used_data_matters() {
    let reference = bundle(&files());
    for (at, text) in [
        (0, format!("{POLICY}\n")),
        (1, LIBRARY.replace("\r\n", "\n")),
        (5, r#"{"closed": ["b"]}"#.to_owned()),
    ] {
        let mut changed = files();
        changed[at].1 = &text;
        assert_ne!(bundle(&changed).digest, reference.digest);
    }
}

#[test]
fn files_of_one_package_with_one_name_are_numbered_by_contents() {
    let (a, b) = ("package k8s.pods\n\np := 1\n", "package k8s.pods\n\nq := 1\n");
    let one = bundle(&[
        ("pods.rego", POLICY),
        ("x/n.rego", a),
        ("y/n.rego", b),
        ("lib.rego", BASE),
    ]);
    let other = bundle(&[
        ("pods.rego", POLICY),
        ("x/n.rego", b),
        ("y/n.rego", a),
        ("lib.rego", BASE),
    ]);
    assert_eq!(one.digest, other.digest);
    assert_eq!(
        names(&one.bytes)[2..],
        ["k8s/pods/n-2.rego", "k8s/pods/n.rego", "k8s/pods/pods.rego"]
    );
    let again = build(
        &load::load_bundle(&one.bytes).unwrap(),
        &PolicyId::new("k8s/pods").unwrap(),
    )
    .unwrap();
    assert_eq!(again.digest, one.digest);
}

#[test]
fn headers_carry_no_machine() {
    let bundle = bundle(&files());
    assert_eq!(&bundle.bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(bundle.bytes.as_slice())
        .read_to_end(&mut tar)
        .unwrap();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(
            (
                header.mtime().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap()
            ),
            (0, 0, 0)
        );
        assert_eq!(header.mode().unwrap(), 0o644);
        assert_eq!(header.username().unwrap(), Some(""));
    }
}

#[test]
fn an_unknown_policy_is_an_error() {
    let set = testing::set(&files());
    let id = PolicyId::new("no/such").unwrap();
    assert_eq!(build(&set, &id).unwrap_err(), BundleError::UnknownPolicy { id });
}

#[test]
fn whole_data_is_kept_when_a_reference_is_dynamic() {
    let policy = "# METADATA\n# custom:\n#   id: p\npackage p\n\ndeny contains k if some k, _ in data\n";
    let bundle = build(
        &testing::set(&[("p.rego", policy), ("data.json", r#"{"x": {"y": [1]}, "z": 2}"#)]),
        &PolicyId::new("p").unwrap(),
    )
    .unwrap();
    assert_eq!(bundle.data, testing::json(r#"{"x": {"y": [1]}, "z": 2}"#));
}

#[test]
fn the_manifest_names_the_language_of_modules_in_v0() {
    use stele_rego::RegoVersion::{V0, V1};
    let old = "# METADATA\n# custom:\n#   id: a\npackage a\n\ndeny[x] { x := data.b.p[_] }\n";
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a*.rego"), old).unwrap();
    std::fs::write(root.path().join("b.rego"), "package b\n\np[1] { true }\n").unwrap();
    let set = load::load_path_as(root.path(), V0).unwrap();
    let first = build(&set, &PolicyId::new("a").unwrap()).unwrap();
    let loaded = load::load_bundle(&first.bytes).unwrap();
    assert_eq!(loaded.manifest().unwrap().rego_version, Some(V0));
    assert!(loaded.manifest().unwrap().file_rego_versions.is_empty());
    // Some in v0, some in v1.
    let mixed: Vec<PolicyModule> = set
        .modules()
        .iter()
        .filter(|module| module.package == ["a"])
        .cloned()
        .chain(
            testing::set(&[("b.rego", "package b\n\np contains 1 if true\n")])
                .modules()
                .to_vec(),
        )
        .collect();
    let mut problems = Vec::new();
    let set = load::from_modules(mixed, Value::object([]), &mut problems);
    assert_eq!(problems, []);
    let second = build(&set, &PolicyId::new("a").unwrap()).unwrap();
    let loaded = load::load_bundle(&second.bytes).unwrap();
    let manifest = loaded.manifest().unwrap();
    assert_eq!(manifest.rego_version, Some(V1));
    assert_eq!(
        manifest.file_rego_versions.iter().collect::<Vec<_>>(),
        [(&"/a/a\\*.rego".to_owned(), &V0)]
    );
    let versions: Vec<_> = loaded.modules().iter().map(PolicyModule::version).collect();
    assert_eq!(versions, [V0, V1]);
    let again = build(&loaded, &PolicyId::new("a").unwrap()).unwrap();
    assert_eq!(again.bytes, second.bytes);
    let at = DataPath::parse("a/deny").unwrap();
    let mut engine = RegorusEngine::new(&second.prepare().unwrap()).unwrap();
    let outcome = engine.evaluate(&EvalRequest::new(&at, None)).unwrap();
    assert_eq!(outcome.value, Some(Value::set([Value::from(1)])));
    let mut vm = VmEngine::new(&loaded.compile().unwrap());
    assert_eq!(
        vm.evaluate(&EvalRequest::new(&at, None)).unwrap().value,
        outcome.value
    );
}
