use std::fs;

use super::*;
use crate::testing;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_directory_is_read_recursively_without_hidden_files() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "b/p.rego", "package b\n\np := data.b.n\n");
    write(dir.path(), "a.rego", "package a\n\np := 1\n");
    write(
        dir.path(),
        "b/data.yaml",
        "n: 0.1\nflag: true\nno: [1, no]\n7: seven\n",
    );
    write(dir.path(), "data.json", r#"{"top": {"x": 1}}"#);
    write(dir.path(), "top/data.json", r#"{"y": 2}"#);
    write(dir.path(), ".git/c.rego", "not rego");
    write(dir.path(), ".hidden.rego", "not rego");
    write(dir.path(), "notes.json", "not json");
    let set = load_dir(dir.path()).unwrap();
    let paths: Vec<&str> = set.modules().iter().map(|module| module.path.as_str()).collect();
    assert_eq!(paths, ["a.rego", "b/p.rego"]);
    assert_eq!(
        set.data(),
        &testing::json(
            r#"{"b": {"n": 0.1, "flag": true, "no": [1, "no"], "7": "seven"}, "top": {"x": 1, "y": 2}}"#
        )
    );
    assert!(set.manifest().is_none());
}

#[test]
fn a_single_module_and_a_bundle_file_load() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "one.rego",
        "# METADATA\n# custom:\n#   id: a\npackage a\n\ndeny contains 1\n",
    );
    let set = load_path(&dir.path().join("one.rego")).unwrap();
    assert_eq!(set.modules().len(), 1);
    let bundle = crate::bundle::build(&set, &PolicyId::new("a").unwrap()).unwrap();
    fs::write(dir.path().join("b.tar.gz"), &bundle.bytes).unwrap();
    assert_eq!(
        load_path(&dir.path().join("b.tar.gz"))
            .unwrap()
            .policies()
            .count(),
        1
    );
    assert!(matches!(
        load_path(&dir.path().join("missing")),
        Err(LoadError::Io { .. })
    ));
}

#[cfg(unix)]
#[test]
fn links_must_stay_inside() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "in/real.rego", "package a\n\np := 1\n");
    write(dir.path(), "outside.rego", "package b\n\np := 1\n");
    std::os::unix::fs::symlink("real.rego", dir.path().join("in/link.rego")).unwrap();
    std::os::unix::fs::symlink(".", dir.path().join("in/loop")).unwrap();
    let set = load_dir(&dir.path().join("in")).unwrap();
    assert_eq!(
        set.modules().len(),
        2,
        "a link to a file inside is read, a loop is not followed"
    );
    std::os::unix::fs::symlink("../outside.rego", dir.path().join("in/bad.rego")).unwrap();
    let error = load_dir(&dir.path().join("in")).unwrap_err();
    assert!(
        matches!(&error, LoadError::LinkOutside { path, .. } if path.ends_with("bad.rego")),
        "{error}"
    );
}

#[test]
fn data_conflicts_are_found_between_files_and_with_rules() {
    let found = testing::problems(&[
        ("data.json", r#"{"a": {"x": 1}}"#),
        ("a/data.json", r#"{"x": 2}"#),
    ]);
    assert_eq!(
        (found[0].code.as_str(), found[0].file.as_str()),
        ("data-conflict", "data.json")
    );
    assert!(found[0].message.contains("data.a.x"));
    for data in [r#"{"a": {"p": 1}}"#, r#"{"a": 1}"#, r#"{"a": {"p": {"q": 1}}}"#] {
        let found = testing::problems(&[("data.json", data), ("a.rego", "package a\n\np := 1\n")]);
        assert_eq!(
            (found[0].code.as_str(), found[0].line),
            ("data-conflict", 3),
            "{data}"
        );
    }
}

#[test]
fn bad_data_says_where() {
    let found = testing::problems(&[
        ("a/data.json", "{\n  \"x\": tru\n}"),
        ("b/data.yaml", "x: [1\n"),
        ("c/data.json", "[1]"),
    ]);
    assert_eq!((found[0].file.as_str(), found[0].line), ("a/data.json", 2));
    assert!(found[0].rendered.contains("\"x\": tru"), "{}", found[0].rendered);
    assert_eq!(found[1].file, "b/data.yaml");
    assert!(found[2].message.contains("must be an object"));
}

#[test]
fn text_that_is_not_utf8_is_reported_beside_other_problems() {
    let error = load_files([("a.rego", vec![0xffu8]), ("b.rego", b"package".to_vec())]).unwrap_err();
    let LoadError::Invalid(problems) = error else {
        panic!("{error}")
    };
    let codes: Vec<&str> = problems
        .as_slice()
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert_eq!(codes, ["encoding", "syntax"]);
    assert!(problems.render().contains("a.rego"));
    assert!(problems.to_string().starts_with("2 problems\na.rego: "));
}

#[test]
fn limits_are_errors() {
    let limits = LoadLimits {
        file_bytes: 10,
        ..LoadLimits::default()
    };
    let mut files = Files::default();
    assert!(matches!(
        files.put("a".to_owned(), vec![0; 11], &limits),
        Err(LoadError::TooLarge { limit: 10, .. })
    ));
    let limits = LoadLimits {
        total_bytes: 15,
        ..LoadLimits::default()
    };
    files.put("a".to_owned(), vec![0; 10], &limits).unwrap();
    assert!(matches!(
        files.put("b".to_owned(), vec![0; 10], &limits),
        Err(LoadError::TooLarge { limit: 15, .. })
    ));
    let limits = LoadLimits {
        files: 1,
        ..LoadLimits::default()
    };
    assert!(matches!(
        files.put("c".to_owned(), vec![], &limits),
        Err(LoadError::TooLarge { limit: 1, .. })
    ));
}

/// A gzipped tar with raw entry names, as an attacker would make it.
fn archive(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, contents) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *contents).unwrap();
    }
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut out, &builder.into_inner().unwrap()).unwrap();
    out.finish().unwrap()
}

const FILE: tar::EntryType = tar::EntryType::Regular;

#[test]
fn opas_own_bundles_load() {
    let bytes = archive(&[
        (
            "/.manifest",
            FILE,
            br#"{"revision": "r1", "roots": ["a"], "rego_version": 1, "metadata": {"k": 1}}"#,
        ),
        ("/a/p.rego", FILE, b"package a\n\np := data.a.n\n"),
        ("./a/data.json", FILE, br#"{"n": 1}"#),
        ("/policy.wasm", FILE, b"\0asm"),
        ("/a", tar::EntryType::Directory, b""),
    ]);
    let set = load_bundle(&bytes).unwrap();
    let manifest = set.manifest().unwrap();
    assert_eq!(
        (manifest.revision.as_str(), manifest.roots.as_slice()),
        ("r1", ["a".to_owned()].as_slice())
    );
    assert_eq!(set.data(), &testing::json(r#"{"a": {"n": 1}}"#));
    assert_eq!(set.modules()[0].path, "a/p.rego");
}

#[test]
fn hostile_bundles_are_refused() {
    let module: &[u8] = b"package a\n";
    let names = ["../p.rego", "a/../../p.rego", "a\\p.rego", "/../p.rego"];
    for name in names {
        let error = load_bundle(&archive(&[(name, FILE, module)])).unwrap_err();
        assert!(matches!(error, LoadError::EntryName { .. }), "{name}: {error}");
    }
    let link = archive(&[("p.rego", tar::EntryType::Symlink, b"")]);
    assert!(matches!(load_bundle(&link), Err(LoadError::EntryName { .. })));
    let twice = archive(&[("p.rego", FILE, module), ("./p.rego", FILE, module)]);
    assert!(matches!(load_bundle(&twice), Err(LoadError::EntryName { .. })));
    let zeros = vec![b' '; 1 << 20];
    let bomb = archive(&[("p.rego", FILE, &zeros)]);
    let limits = LoadLimits {
        file_bytes: 1000,
        ..LoadLimits::default()
    };
    assert!(matches!(
        load_bundle_within(&bomb, &limits),
        Err(LoadError::TooLarge { .. })
    ));
    let whole = archive(&[("p.rego", FILE, module)]);
    assert!(matches!(
        load_bundle(&whole[..whole.len() / 2]),
        Err(LoadError::Archive { .. })
    ));
    assert!(matches!(load_bundle(b"not gzip"), Err(LoadError::Archive { .. })));
}

#[test]
fn a_bad_manifest_is_a_problem() {
    for text in [
        "{",
        "[]",
        r#"{"rego_version": 2}"#,
        r#"{"rego_version": "1"}"#,
        r#"{"file_rego_versions": []}"#,
        r#"{"file_rego_versions": {"/a.rego": 7}}"#,
        r#"{"file_rego_versions": {"/[a.rego": 1}}"#,
        r#"{"roots": [1]}"#,
        r#"{"revision": 1}"#,
    ] {
        let error = load_bundle(&archive(&[(".manifest", FILE, text.as_bytes())])).unwrap_err();
        assert!(
            matches!(&error, LoadError::Invalid(problems) if problems.as_slice()[0].code == "manifest"),
            "{text}: {error}"
        );
    }
}

fn big_data(extra: &str) -> String {
    let users: Vec<String> = (0..20_000)
        .map(|i| {
            format!(
                "\"user-{i}\": {{\"roles\": [\"r{}\"], \"email\": \"u{i}@corp.example\"}}",
                i % 7
            )
        })
        .collect();
    format!("{{{extra}\"users\": {{{}}}}}", users.join(","))
}

#[test]
fn a_bundle_for_decisions_is_the_same_bundle_without_its_parsed_data() {
    use crate::engine::{DataPath, Engine, EvalRequest, VmEngine};
    let policy = "# METADATA\n# custom:\n#   id: a\npackage a\n\ndeny contains r if some r in data.users[input.u].roles\n";
    for data in [
        big_data(""),
        r#"{"users": {"user-9": {"roles": ["r2"]}}}"#.to_owned(),
    ] {
        let set = load_files([("a.rego", policy.to_owned()), ("data.json", data)]).unwrap();
        let bundle = crate::bundle::build(&set, &PolicyId::new("a").unwrap()).unwrap();
        let lean = load_for_decisions(&bundle.bytes).unwrap();
        assert_eq!(lean.data_digest, bundle.data_digest);
        assert_eq!(lean.set.data(), &Value::object([]));
        assert_eq!(lean.set.policies().count(), 1);
        let mut engine = VmEngine::new(&lean.compiled);
        let (path, input) = (
            DataPath::parse("a/deny").unwrap(),
            testing::json(r#"{"u": "user-9"}"#),
        );
        let outcome = engine.evaluate(&EvalRequest::new(&path, Some(&input))).unwrap();
        assert_eq!(outcome.value, Some(Value::set([Value::from("r2")])));
    }
}

#[test]
fn a_bundle_for_decisions_reports_what_any_bundle_does() {
    let module: &[u8] = b"package a\n\np := 1\n";
    let load = |data: &str| {
        load_for_decisions(&archive(&[
            ("a.rego", FILE, module),
            ("data.json", FILE, data.as_bytes()),
        ]))
    };
    let problem = |data: &str| match load(data) {
        Err(LoadError::Invalid(problems)) => problems.as_slice()[0].clone(),
        other => panic!("{other:?}"),
    };
    let conflict = problem(&big_data(r#""a": {"p": 2}, "#));
    assert_eq!((conflict.code.as_str(), conflict.line), ("data-conflict", 3));
    let big = big_data("");
    let cut = problem(&big[..big.len() - 1]);
    assert_eq!(
        (cut.code.as_str(), cut.file.as_str(), cut.line),
        ("data", "data.json", 1)
    );
    assert_eq!(problem(&format!("[{big}]")).code, "data");
    assert!(
        load(&big_data(r#""n": 0.12345678901234567890, "#)).is_ok(),
        "numbers are exact"
    );
}
