//! The second implementation: `examples/verify-elsewhere` agrees with `stele verify` on real proofs and on spoilt ones, in Python and in a browser.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/peers.rs"]
mod peers;
#[path = "support/pointers.rs"]
mod pointers;
mod support;

use peers::Peer;
use pointers::pointers;
use serde_json::{Value, json};
use std::path::PathBuf;
use stele_ledger::proof::{FORMAT, ProofBundle};
use stele_ledger::tree::{self, TileRows};
use stele_ledger::{Checkpoint, SigningKey, default_origin, mask};
use stele_types::{DecisionRecord, LeafIndex};
use support::{Node, Site, example, workspace};

/// What the anchor claims of the chain; nothing in the file contradicts it when it is changed.
const CLAIMS: [&str; 5] = ["chain_id", "contract", "tx_hash", "block_number", "block_hash"];

fn elsewhere(name: &str) -> PathBuf {
    workspace().join("examples/verify-elsewhere").join(name)
}

/// A node with two decisions; the anchored proof of the second is in `proof.json`.
fn proven(site: &Site) -> Node {
    let node = site.up();
    for headers in ["web/good.json", "web/bad.json"] {
        node.json("POST", "/v1/data/web/headers", &example(headers));
    }
    site.run(&["prove", "latest", "-o", "proof.json", "--wait", "60"])
        .exits(0);
    node
}

/// Every scalar changed, every member and element left out, one at a time, and some changes of the text that keep its meaning apart.
fn spoilt(good: &Value) -> Vec<(String, String)> {
    let mut places = pointers(good);
    // An anchor may be absent.
    places.retain(|pointer| pointer != "/anchor");
    let mut all = Vec::new();
    for pointer in &places {
        let claim = pointer
            .strip_prefix("/anchor/")
            .is_some_and(|name| CLAIMS.contains(&name));
        if !claim {
            let mut bad = good.clone();
            change(bad.pointer_mut(pointer).unwrap());
            all.push((format!("changed {pointer}"), bad.to_string()));
        }
        let mut bad = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match bad.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => unreachable!(),
        }
        all.push((format!("without {pointer}"), bad.to_string()));
    }
    for object in ["", "/record", "/anchor", "/record/violations/0"] {
        let mut bad = good.clone();
        bad.pointer_mut(object).unwrap()["surplus"] = json!(1);
        all.push((format!("one more in {object}/"), bad.to_string()));
    }
    let note = good["checkpoint"].as_str().unwrap().to_owned();
    for (what, from, to) in [
        ("size", "\n2\n", "\n3\n"),
        ("size in another form", "\n2\n", "\n02\n"),
        ("origin", "stele/", "Stele/"),
        ("dash", "— ", "- "),
        ("extension", "=\n\n", "=\nmore\n\n"),
    ] {
        let mut bad = good.clone();
        assert!(note.contains(from), "{note}");
        bad["checkpoint"] = note.replacen(from, to, 1).into();
        all.push((format!("checkpoint: {what}"), bad.to_string()));
    }
    let text = good.to_string();
    let hash = good["record"]["detail_salt"].as_str().unwrap();
    all.extend([
        (
            "upper-case hex".to_owned(),
            text.replace(hash, &hash.to_uppercase()),
        ),
        ("0x".to_owned(), text.replace(hash, &format!("0x{hash}"))),
        (
            "a member twice".to_owned(),
            text.replacen("{\"", "{\"format\":\"stele-proof-v1\",\"", 1),
        ),
        ("something behind".to_owned(), format!("{text}1")),
        ("cut short".to_owned(), text[..text.len() - 1].to_owned()),
        ("nothing".to_owned(), String::new()),
    ]);
    all
}

fn change(value: &mut Value) {
    *value = match &*value {
        Value::String(text) => {
            let last = if text.ends_with('1') { '2' } else { '1' };
            let mut text = text.clone();
            text.pop();
            text.push(last);
            text.into()
        }
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::Bool(value) => json!(!value),
        Value::Null => json!(0),
        Value::Array(items) => json!([items, "one more"]),
        Value::Object(members) => json!([members]),
    };
}

/// `stele verify` on a text: whether it says that the proof holds.
fn stele_accepts(site: &Site, text: &str, more: &[&str]) -> bool {
    std::fs::write(site.path().join("one.json"), text).unwrap();
    let mut args = vec!["verify", "one.json"];
    args.extend(more);
    let ran = site.run(&args);
    assert!(ran.code <= 2, "{ran:?}");
    ran.code == 0
}

/// What `stele verify` does without a chain, in this process.
fn ledger_accepts(site: &Site, text: &str) -> bool {
    let key = std::fs::read_to_string(site.data().join("keys/node.vkey")).unwrap();
    ProofBundle::from_json(text.as_bytes())
        .and_then(|bundle| stele_ledger::verify(&bundle, &key.trim().parse().unwrap()))
        .is_ok()
}

fn python_accepts(python: &Peer, site: &Site, text: &str, more: &[&str]) -> (bool, String) {
    let file = site.path().join("one.json");
    std::fs::write(&file, text).unwrap();
    let key = site.data().join("keys/node.vkey");
    let mut args = vec![file.to_str().unwrap(), "--key", key.to_str().unwrap()];
    args.extend(more);
    let output = python.command(&args).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap_or_default();
    match output.status.code() {
        Some(0) if last == "VERIFIED" && errors.is_empty() => (true, said),
        Some(1) if last.starts_with("FAILED") && errors.is_empty() => (false, said),
        code => panic!("{code:?}\n{said}{errors}\n{text}"),
    }
}

#[test]
fn python_accepts_real_proofs_and_refuses_each_spoilt_one() {
    let Some(python) = Peer::python_alone(elsewhere("verify.py")) else {
        return;
    };
    let site = Site::new();
    let node = proven(&site);
    let good = std::fs::read_to_string(site.path().join("proof.json")).unwrap();
    let proof: Value = serde_json::from_str(&good).unwrap();
    let (ledger, rpc) = (proof["anchor"]["contract"].as_str().unwrap(), node.rpc());
    let chain = ["--rpc", &rpc, "--ledger", ledger];
    let (accepted, said) = python_accepts(&python, &site, &good, &chain);
    assert!(accepted && said.contains("held by the chain"), "{said}");
    assert!(stele_accepts(&site, &good, &chain));
    for (what, bad) in spoilt(&proof) {
        assert!(!ledger_accepts(&site, &bad), "stele accepts: {what}");
        let (accepted, said) = python_accepts(&python, &site, &bad, &[]);
        assert!(!accepted, "Python accepts: {what}\n{said}");
    }
    // What nobody can refute offline, the chain does.
    for claim in CLAIMS {
        let mut bad = proof.clone();
        change(&mut bad["anchor"][claim]);
        if claim == "contract" {
            bad["anchor"][claim] = json!("0x0000000000000000000000000000000000000001");
        }
        let bad = bad.to_string();
        assert!(stele_accepts(&site, &bad, &[]), "{claim}");
        assert!(!stele_accepts(&site, &bad, &chain), "stele accepts {claim}");
        assert!(python_accepts(&python, &site, &bad, &[]).0, "{claim}");
        assert!(
            !python_accepts(&python, &site, &bad, &chain).0,
            "Python accepts {claim}"
        );
    }
    let mut unanchored = proof.clone();
    unanchored.as_object_mut().unwrap().remove("anchor");
    assert!(python_accepts(&python, &site, &unanchored.to_string(), &[]).0);
    assert!(!python_accepts(&python, &site, &unanchored.to_string(), &chain).0);
    node.interrupt();
    let file = site.path().join("proof.json");
    let key = site.data().join("keys/node.vkey");
    let args = [
        file.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
        chain[0],
        chain[1],
        chain[2],
        chain[3],
    ];
    let gone = python.command(&args).output().unwrap();
    assert_eq!(gone.status.code(), Some(3), "{gone:?}");
    assert_eq!(
        python.command(&args[..1]).output().unwrap().status.code(),
        Some(2)
    );
}

/// Drops each text on the page; what the page says of it.
fn browse(browser: &Peer, site: &Site, texts: &[&str]) -> Vec<Value> {
    let key = site.data().join("keys/node.vkey");
    let mut args = vec![
        elsewhere("index.html").display().to_string(),
        key.display().to_string(),
    ];
    for (number, text) in texts.iter().enumerate() {
        let file = site.path().join(format!("dropped-{number}.json"));
        std::fs::write(&file, text).unwrap();
        args.push(file.display().to_string());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let lines = browser.ok(&args);
    let said: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said.len(), texts.len(), "{lines}");
    said
}

#[test]
fn a_browser_accepts_real_proofs_and_refuses_each_spoilt_one() {
    let Some(browser) = Peer::browser() else {
        return;
    };
    let site = Site::new();
    proven(&site).interrupt();
    let good = std::fs::read_to_string(site.path().join("proof.json")).unwrap();
    let bad = spoilt(&serde_json::from_str(&good).unwrap());
    let mut texts = vec![good.as_str()];
    texts.extend(bad.iter().map(|(_, text)| text.as_str()));
    let said = browse(&browser, &site, &texts);
    assert_eq!(said[0]["verdict"], "verified", "{}", said[0]);
    let checks = said[0]["checks"].as_array().unwrap();
    let names: Vec<&str> = checks.iter().map(|check| check[0].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "format",
            "leaf layout",
            "checkpoint signature",
            "inclusion",
            "record",
            "node",
            "anchor"
        ]
    );
    assert!(checks.iter().all(|check| check[1] == "passed"), "{checks:?}");
    for ((what, _), said) in bad.iter().zip(&said[1..]) {
        assert_eq!(said["verdict"], "refused", "{what}: {said}");
    }
}

/// Texts whose order, escapes or width are easily got wrong.
const HARD: &str = r#"{
  "numbers": [0, -0, -0.0, 1.50, 0.1, 1e2, 1E+2, 1e-18, 1e-19, -1e-18, 123456789012345678901234567890, 12345678901234567890.123456789012345678,
    57896044618658097711785492504343953926634992332820282019728.792003956564819967,
    57896044618658097711785492504343953926634992332820282019728.792003956564819968,
    -57896044618658097711785492504343953926634992332820282019728.792003956564819968,
    -57896044618658097711785492504343953926634992332820282019728.792003956564819969, 1e60, 1e400, -25e-400, 9007199254740993],
  "texts": ["", "é", "\u0000\u001f\u007f\u2028\"\\\/\b\f\n\r\t", "😀", "\ud83d\ude00"],
  "empty": [[], {}, null, false, true],
  "": {"\ue000": 1, "😀": 2, "z": 3, "Z": 4, "é": 5, "aa": 6, "a": 7},
  "__proto__": {"constructor": 1}, "a/b~c": 1
}"#;

/// Records with everything that a record can hold, with nothing, and with parts of them withheld.
fn unusual() -> Vec<DecisionRecord> {
    let golden = std::fs::read(workspace().join("crates/types/tests/golden/record.json")).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    let full = DecisionRecord::from_json(golden["record"].as_str().unwrap().as_bytes()).unwrap();
    let hard = stele_types::json::parse(HARD.as_bytes(), &stele_types::json::Limits::default()).unwrap();
    let mut values = full.clone();
    (values.input, values.result) = (Some(hard.clone()), Some(hard.clone()));
    values.nd_builtin_cache = Some(hard);
    for name in ["\u{e000}", "😀", "é", "plain", "\u{7f}\n"] {
        values
            .labels
            .insert(name.into(), format!("{name}\u{1}\"\u{2028}"));
        values.metrics.insert(name.into(), u64::MAX);
    }
    values.violations[0].message = "\u{0}😀\u{e000}\\".into();
    values.actor = Some("\u{8}é\u{2029}".into());
    let mut failed = full.clone();
    (failed.result, failed.error) = (None, Some("time is up".into()));
    let mut undefined = full.clone();
    (undefined.input, undefined.result, undefined.nd_builtin_cache) = (None, None, None);
    (undefined.violations, undefined.actor) = (Vec::new(), None);
    let mut null = full.clone();
    (null.input, null.result) = (Some(stele_types::Value::Null), Some(stele_types::Value::Null));
    vec![full, values, failed, undefined, null]
}

/// Proofs of these records in a log of its own, whose key is left in `site`; every record whole, and masked in three ways.
fn unusual_proofs(site: &Site) -> Vec<String> {
    let mut records = Vec::new();
    for record in unusual() {
        let leaf = record.leaf().unwrap();
        records.push((leaf, record.clone()));
        for mask in [
            r#"["/input"]"#,
            r#"["/result"]"#,
            r#"[{"op": "upsert", "path": "/input/amount", "value": "?"}, "/nd_builtin_cache"]"#,
        ] {
            let mask =
                stele_types::json::parse(mask.as_bytes(), &stele_types::json::Limits::default()).unwrap();
            let mut masked = record.clone();
            mask::apply(&mut masked, &mask::parse(&mask).unwrap()).unwrap();
            records.push((leaf, masked));
        }
    }
    let key = SigningKey::from_seed(&default_origin(&records[0].1.node), &[5; 32]).unwrap();
    std::fs::create_dir_all(site.data().join("keys")).unwrap();
    std::fs::write(site.data().join("keys/node.vkey"), key.verifier().to_string()).unwrap();
    let mut rows = TileRows::new();
    for (leaf, _) in &records {
        rows.push(&leaf.to_bytes());
    }
    let size = rows.size();
    let head = Checkpoint {
        origin: key.verifier().name().to_owned(),
        size,
        root: tree::root(&rows, size).unwrap(),
        extensions: vec!["an extension".into()],
    };
    let note = head.sign(&key).unwrap().note;
    let prove = |(index, (leaf, record)): (u64, (_, DecisionRecord))| {
        let index = LeafIndex::new(index);
        let bundle = ProofBundle {
            format: FORMAT.into(),
            record,
            leaf,
            index,
            inclusion: tree::inclusion_proof(&rows, index, size).unwrap(),
            checkpoint: note.clone(),
            anchor: None,
        };
        String::from_utf8(bundle.to_json().unwrap()).unwrap()
    };
    (0..).zip(records).map(prove).collect()
}

#[test]
fn python_and_browser_read_whatever_a_record_can_hold() {
    let (Some(python), Some(browser)) = (Peer::python_alone(elsewhere("verify.py")), Peer::browser()) else {
        return;
    };
    let site = Site::new();
    let proofs = unusual_proofs(&site);
    for proof in &proofs {
        assert!(stele_accepts(&site, proof, &[]), "{proof}");
        let (accepted, said) = python_accepts(&python, &site, proof, &[]);
        assert!(accepted, "{said}\n{proof}");
        let withheld = ["/input", "/result"]
            .iter()
            .any(|part| proof.contains(&format!("\"{part}")));
        assert_eq!(said.contains("withheld"), withheld, "{said}");
    }
    let texts: Vec<&str> = proofs.iter().map(String::as_str).collect();
    for (said, proof) in browse(&browser, &site, &texts).iter().zip(&proofs) {
        assert_eq!(said["verdict"], "verified", "{said}\n{proof}");
    }
}
