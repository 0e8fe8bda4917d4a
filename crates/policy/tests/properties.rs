//! Properties: a bundle's digest depends on its contents alone, and no bytes make the loaders do anything but load or say why not.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use stele_policy::{Bundle, bundle, load};
use stele_types::{PolicyId, PolicyVersion};

/// Names that may be packages, files and rules.
fn name() -> impl Strategy<Value = String> {
    "[a-e]{1,3}"
}

/// A policy with libraries (some reached, some not) and data (some read, some not): relative paths and contents.
fn sources() -> impl Strategy<Value = Vec<(String, String)>> {
    let line_end = prop_oneof![Just("\n"), Just("\r\n")];
    let library = (name(), any::<bool>(), line_end, -1000i64..1000);
    (
        prop::collection::btree_map(name(), library, 0..5),
        prop::collection::btree_map(name(), "[ -~]{0,8}", 0..5),
    )
        .prop_map(|(libraries, data)| {
            let mut files = Vec::new();
            let mut policy = "# METADATA\n# custom:\n#   id: p\npackage p\n\n".to_owned();
            for (file, (package, used, end, number)) in &libraries {
                files.push((
                    format!("lib/{file}.rego"),
                    format!("package lib_{package}{end}{end}q_{file} := {number}{end}"),
                ));
                if *used {
                    policy.push_str(&format!(
                        "deny contains {number} if data.lib_{package}.q_{file} == input\n\n"
                    ));
                }
            }
            for (index, (key, text)) in data.iter().enumerate() {
                let json = format!("{{\"{key}\": {}}}", serde_json::to_string(text).unwrap());
                files.push((format!("d{index}/data.json"), json));
                if index % 2 == 0 {
                    policy.push_str(&format!(
                        "deny contains \"{key}\" if data.d{index}.{key} == input\n\n"
                    ));
                }
            }
            files.push(("p.rego".to_owned(), policy));
            files
        })
}

fn build(files: Vec<(String, String)>) -> Bundle {
    bundle::build(&load::load_files(files).unwrap(), &PolicyId::new("p").unwrap()).unwrap()
}

/// Writes the files below `root` in the order given, with modification times from `age`, and builds from there.
fn build_on_disk(root: &Path, files: &[(String, String)], age: u64) -> PolicyVersion {
    for (index, (path, text)) in files.iter().enumerate() {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(age + index as u64);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    bundle::build(&load::load_dir(root).unwrap(), &PolicyId::new("p").unwrap())
        .unwrap()
        .digest
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn order_directory_and_times_do_not_matter(files in sources().prop_shuffle(), age in 0u64..2_000_000_000) {
        let mut sorted = files.clone();
        sorted.sort();
        let reference = build(sorted.clone());
        prop_assert_eq!(build(files.clone()).digest, reference.digest);
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        prop_assert_eq!(build_on_disk(one.path(), &files, age), reference.digest);
        prop_assert_eq!(build_on_disk(&other.path().join("deeper/down"), &sorted, 0), reference.digest);
    }

    #[test]
    fn a_bundle_loads_to_the_same_bundle(files in sources()) {
        let first = build(files);
        let loaded = load::load_bundle(&first.bytes).unwrap();
        let again = bundle::build(&loaded, &PolicyId::new("p").unwrap()).unwrap();
        prop_assert_eq!(&again.bytes, &first.bytes);
        prop_assert_eq!(again.data_digest, first.data_digest);
        prop_assert_eq!(&again.policy.custom, &first.policy.custom);
    }

    #[test]
    fn any_change_of_the_policy_changes_the_digest(files in sources(), text in "[ -~]{0,20}") {
        let reference = build(files.clone());
        let mut changed = files;
        changed.last_mut().unwrap().1.push_str(&format!("# {text}\n"));
        prop_assert_ne!(build(changed).digest, reference.digest);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = load::load_bundle(&bytes);
        for file in ["a.rego", "data.json", "data.yaml"] {
            let _ = load::load_files([(file, bytes.clone())]);
        }
    }

    #[test]
    fn almost_rego_never_panics(text in "(package [a-c]\n|# METADATA\n|# (title|scope|custom|entrypoint): ?[\\[{a-z\n]*|#   (id|severity|controls): [a-z:/\\[]*\n|[pq] (:=|contains|if|=) ?|[0-9\"{}\\[\\](),.| \n]|default|else|not|some x in |input|data){0,40}") {
        if let Err(error) = load::load_files([("a.rego", text.clone().into_bytes())]) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_damaged_bundle_loads_or_is_refused(files in sources(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = build(files).bytes;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = load::load_bundle(&bytes);
        let _ = load::load_bundle(&bytes[..at]);
    }
}
