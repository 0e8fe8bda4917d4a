//! Proofs, spoilt in every member in many ways, and proofs of logs whose node commits to what no honest one does.

use serde_json::{Value, json};
use stele_ledger::proof::{Anchor, FORMAT, ProofBundle};
use stele_ledger::tree::{self, TileRows};
use stele_ledger::{Checkpoint, SigningKey, mask};
use stele_types::json::Limits;
use stele_types::{
    BlockNumber, ChainId, DecisionRecord, Digest, Leaf, LeafIndex, NodeAddress, TreeSize, commit, sha256,
};

use crate::pointers::pointers;
use crate::support::workspace;

/// A file, and what was done to it.
pub(crate) struct Mutant {
    pub(crate) what: String,
    pub(crate) text: Vec<u8>,
    /// Tried in every run.
    pub(crate) always: bool,
}

/// Stands where another text is put in; written by serde as it is.
const HERE: &str = "@@HERE@@";

/// A log whose name says nothing of its node, so that nothing but the file itself says how the node's address is written.
fn key() -> SigningKey {
    SigningKey::from_seed("log.example", &[5; 32]).unwrap()
}

fn full() -> DecisionRecord {
    let golden = std::fs::read(workspace().join("crates/types/tests/golden/record.json")).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    let mut record = DecisionRecord::from_json(golden["record"].as_str().unwrap().as_bytes()).unwrap();
    record.node = NodeAddress([0xab; 20]);
    // Without numbers that `serde_json::Value` rounds.
    let input = r#"{"user": "alice", "amount": 12, "tags": ["a", null, true, {}, []], "é": {"": -3}}"#;
    record.input = Some(stele_types::json::parse(input.as_bytes(), &Limits::default()).unwrap());
    record
}

fn masked(record: &DecisionRecord, mask: &str) -> DecisionRecord {
    let rules = stele_types::json::parse(mask.as_bytes(), &Limits::default()).unwrap();
    let mut masked = record.clone();
    mask::apply(&mut masked, &mask::parse(&rules).unwrap()).unwrap();
    masked
}

/// A proof in a tree of so many leaves.
fn proof(record: DecisionRecord, leaf: Leaf, others: u8) -> ProofBundle {
    let mut rows = TileRows::new();
    for other in 0..others {
        rows.push(&[other; 288]);
    }
    let index = LeafIndex::new(u64::from(others));
    rows.push(&leaf.to_bytes());
    let size = rows.size();
    let root = tree::root(&rows, size).unwrap();
    let head = Checkpoint {
        origin: "log.example".into(),
        size,
        root,
        extensions: Vec::new(),
    };
    let node = record.node;
    ProofBundle {
        format: FORMAT.into(),
        record,
        leaf,
        index,
        inclusion: tree::inclusion_proof(&rows, index, size).unwrap(),
        checkpoint: head.sign(&key()).unwrap().note,
        anchor: Some(Anchor {
            chain_id: ChainId::new(31_337),
            contract: NodeAddress([0xcd; 20]),
            node,
            tx_hash: Digest([6; 32]),
            block_number: BlockNumber::new(5),
            block_hash: Digest([7; 32]),
            size,
            root,
        }),
    }
}

fn bases() -> Vec<(&'static str, Value)> {
    let full = full();
    let mut failed = full.clone();
    (failed.result, failed.error) = (None, Some("time is up".into()));
    let mut plain = full.clone();
    (plain.labels, plain.metrics, plain.bundles) = Default::default();
    (plain.violations, plain.nd_builtin_cache, plain.latency_ns) = (Vec::new(), None, 0);
    (plain.actor, plain.resource, plain.trace_id) = (None, None, Some(String::new()));
    let mut all = vec![("full", full.clone(), full.leaf().unwrap(), 3)];
    for (name, record, rules) in [
        ("withheld", &full, r#"["/input", "/result"]"#),
        (
            "masked",
            &full,
            r#"[{"op": "upsert", "path": "/input/amount", "value": "?"}, "/nd_builtin_cache"]"#,
        ),
        ("failed and withheld", &failed, r#"["/input", "/result"]"#),
    ] {
        all.push((name, masked(record, rules), record.leaf().unwrap(), 0));
    }
    all.push(("plain", plain.clone(), plain.leaf().unwrap(), 0));
    all.into_iter()
        .map(|(name, record, leaf, others)| {
            let bundle = proof(record, leaf, others);
            (name, serde_json::to_value(&bundle).unwrap())
        })
        .collect()
}

/// What is put in place of each member, and of what it is the text of.
fn replacements(value: &Value) -> Vec<Vec<u8>> {
    let whole = value.to_string();
    let mut all: Vec<Vec<u8>> = [
        "null",
        "\"\"",
        "[]",
        "{}",
        "[{}]",
        "[[]]",
        "[null]",
        "[1]",
        "0",
        "-0",
        "-1",
        "1.0",
        "1e0",
        "true",
        "18446744073709551616",
        "1e4095",
        "1e4096",
        "1e-4096",
        "1e-4097",
        "0e99999999999999999999",
        "1e99999999999999999999",
        "\"x\"",
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud83d\ude00""#,
        r#"["/input","\ud800"]"#,
        r#"["/input",1]"#,
        r#"["/input","/result",1]"#,
        r#"{"\ud800":1}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":null}"#,
        r#"[["a",1]]"#,
        r#"[["a","b"]]"#,
        r#"{"__proto__":1}"#,
        "NaN",
        "Infinity",
        "01",
        "1.",
        ".5",
        "+1",
        "'x'",
        "\"\u{1}\"",
        "\"a\nb\"",
        "[1,]",
        "{\"a\":1,}",
        "tru",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    for depth in [126, 127, 128, 129, 130, 140, 2_000] {
        all.push(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes());
        all.push(format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth)).into_bytes());
    }
    for bad in [&b"\"\xff\""[..], b"\"\xed\xa0\x80\"", b"\"\xc3\"", b"\xff"] {
        all.push(bad.to_vec());
    }
    all.push(format!("[{whole}]").into_bytes());
    all.push(format!("[{whole},{whole}]").into_bytes());
    all.push(format!(" {whole}\t\r\n").into_bytes());
    all.push(format!("\u{a0}{whole}").into_bytes());
    if let Value::Object(members) = value {
        let positional: Vec<&Value> = members.values().collect();
        all.push(serde_json::to_vec(&positional).unwrap());
    }
    if let Value::String(text) = value {
        let arabic: String = text
            .chars()
            .map(|c| c.to_digit(10).map_or(c, |d| char::from_u32(0x660 + d).unwrap()))
            .collect();
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        all.push(format!("\"{escaped}\"").into_bytes());
        for other in [
            text.to_uppercase(),
            text.to_lowercase(),
            text.replacen("0x", "0X", 1),
            arabic,
            format!("{text} "),
            format!("{text}\n"),
            format!("\u{feff}{text}"),
            format!("{text}\0"),
            text.replacen('T', "t", 1),
            text.replacen('T', " ", 1),
            text.replacen('Z', "+00:00", 1),
        ] {
            all.push(Value::String(other).to_string().into_bytes());
        }
    }
    if value.is_number() {
        all.push(format!("{whole}.0").into_bytes());
        all.push(format!("\"{whole}\"").into_bytes());
        all.push(format!("{whole}0e-1").into_bytes());
    }
    all.retain(|text| text != whole.as_bytes());
    all
}

fn put(proof: &Value, text: &[u8]) -> Vec<u8> {
    let whole = proof.to_string();
    let mark = format!("\"{HERE}\"");
    let at = whole.find(&mark).unwrap();
    [
        &whole.as_bytes()[..at],
        text,
        &whole.as_bytes()[at + mark.len()..],
    ]
    .concat()
}

/// The key that signs, and proofs with one change each.
pub(crate) fn mutants() -> (String, Vec<Mutant>) {
    let mut all = Vec::new();
    for (name, good) in bases() {
        let mut add = |what: String, text: Vec<u8>, always: bool| {
            all.push(Mutant {
                what: format!("{name}: {what}"),
                text,
                always,
            });
        };
        // The document itself, too.
        let mut places = vec![String::new()];
        places.extend(pointers(&good));
        for pointer in &places {
            let was = good.pointer(pointer).unwrap();
            let mut marked = good.clone();
            *marked.pointer_mut(pointer).unwrap() = HERE.into();
            for text in replacements(was) {
                let what = format!(
                    "{pointer} = {}",
                    String::from_utf8_lossy(&text[..text.len().min(60)])
                );
                add(what, put(&marked, &text), false);
            }
            let Some((parent, member)) = pointer.rsplit_once('/') else {
                continue;
            };
            if let Some(Value::Object(members)) = good.pointer(parent) {
                for (one, other) in [
                    (was.to_string(), was.to_string()),
                    ("null".into(), was.to_string()),
                    (was.to_string(), "0".into()),
                ] {
                    let member = Value::from(member.replace("~1", "/").replace("~0", "~")).to_string();
                    let text = put(&marked, format!("{one},{member}:{other}").as_bytes());
                    add(
                        format!("{pointer} twice, {one:.20} and {other:.20}"),
                        text,
                        was.is_number(),
                    );
                }
                let mut without = members.clone();
                without.remove(&member.replace("~1", "/").replace("~0", "~"));
                let mut bad = good.clone();
                *bad.pointer_mut(parent).unwrap() = Value::Object(without);
                add(format!("without {pointer}"), bad.to_string().into_bytes(), false);
            }
        }
        for pointer in places
            .iter()
            .filter(|pointer| good.pointer(pointer).unwrap().is_object())
        {
            for absent in [
                "surplus",
                "error",
                "input_salt",
                "violations_commitment",
                "nd_builtin_cache_commitment",
                "labels",
                "masked",
                "actor",
                "anchor",
            ] {
                let mut more = good.clone();
                let members = more.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
                if !members.contains_key(absent) {
                    members.insert(absent.into(), HERE.into());
                    for text in [
                        "null",
                        "[]",
                        "{}",
                        "\"\"",
                        "\"x\"",
                        &format!("\"{}\"", "0".repeat(64)),
                    ] {
                        add(
                            format!("{pointer}/{absent} added: {text}"),
                            put(&more, text.as_bytes()),
                            text.len() < 5 && pointer == "/record" && name != "full",
                        );
                    }
                }
            }
        }
        if name == "full" {
            notes(&good, &mut add);
        }
        let text = good.to_string();
        for (what, bytes) in [
            (
                "byte order mark",
                ["\u{feff}".as_bytes(), text.as_bytes()].concat(),
            ),
            ("trailing brace", format!("{text}}}").into_bytes()),
            ("trailing zero byte", format!("{text}\0").into_bytes()),
            ("trailing comment", format!("{text}//").into_bytes()),
            ("two documents", format!("{text}{text}").into_bytes()),
            ("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ] {
            add(what.into(), bytes, name == "full");
        }
    }
    (key().verifier().to_string(), all)
}

/// Lines added to the note, before and behind the signature.
fn notes(good: &Value, add: &mut impl FnMut(String, Vec<u8>, bool)) {
    let note = good["checkpoint"].as_str().unwrap();
    let (text, ours) = note.split_at(note.rfind("\n\n").unwrap() + 2);
    for line in [
        "— other AAAAAA==\n",
        "— other AAAA\n",
        "— other AAAAAB==\n",
        "— o\u{feff}r AAAAAA==\n",
        "— o\u{85}r AAAAAA==\n",
        "— o\u{a0}r AAAAAA==\n",
        "— o\u{200b}r AAAAAA==\n",
        "— other *\n",
        "— other\n",
        "- other AAAAAA==\n",
        "\n",
        "x\n",
        "— log.example AAAAAA==\n",
        "— o+r AAAAAA==\n",
        "— other AAAAAA== \n",
        "— other AAAA AAAA\n",
        "— other AAAAA\u{660}==\n",
        "\u{7f}",
        "\r\n",
        &"— other AAAAAA==\n".repeat(4_000),
    ] {
        for (place, other) in [
            ("ahead", format!("{text}{line}{ours}")),
            ("behind", format!("{note}{line}")),
        ] {
            let mut bad = good.clone();
            bad["checkpoint"] = other.into();
            add(
                format!("note with {line:?} {place}").chars().take(90).collect(),
                bad.to_string().into_bytes(),
                true,
            );
        }
    }
}

/// Other spellings of good proofs: all readers take them.
pub(crate) fn spelled() -> Vec<Mutant> {
    let mut all = Vec::new();
    for (name, good) in bases() {
        let escaped = good
            .to_string()
            .replace("\"record\"", "\"\\u0072ecord\"")
            .replace("\"index\"", "\"ind\\u0065x\"");
        let mut unanchored = good.clone();
        unanchored.as_object_mut().unwrap().remove("anchor");
        for (what, text) in [
            ("as it is", good.to_string()),
            ("indented", serde_json::to_string_pretty(&good).unwrap()),
            ("spaced", format!(" \r\n\t{good}\n ")),
            ("escaped", escaped),
            ("unanchored", unanchored.to_string()),
        ] {
            all.push(Mutant {
                what: format!("{name} {what}"),
                text: text.into_bytes(),
                always: true,
            });
        }
    }
    all
}

/// Logs whose node committed to details, values and heads that no honest one writes: the commitments hold, so only the form can be refused.
pub(crate) fn crafted() -> Vec<Mutant> {
    let record = full();
    let salt = record.detail_salt;
    let written = serde_json::to_value(&record).unwrap();
    let metrics = |value: &Value| -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), Value::from(value.to_string().trim_matches('"'))))
                .collect(),
            other => other.clone(),
        }
    };
    let mut all = Vec::new();
    let mut try_one = |what: &str, member: &str, value: Value| {
        let mut bad = written.clone();
        bad[member] = value;
        let known = |name: &str| bad.get(name).cloned().unwrap_or(Value::Null);
        let violations = commit(&salt, jcs(&known("violations")).as_bytes());
        let cache = record.commit_nd_builtin_cache().unwrap().unwrap();
        let mut details = json!({
            "bundles": known("bundles"), "labels": known("labels"), "latency_ns": known("latency_ns").to_string(), "metrics": metrics(&known("metrics")),
            "nd_builtin_cache": cache, "policy_id": known("policy_id"), "violations": violations,
        });
        for name in [
            "actor",
            "enforcement_point",
            "error",
            "requested_by",
            "resource",
            "span_id",
            "trace_id",
        ] {
            details[name] = known(name);
        }
        let mut leaf = record.leaf().unwrap();
        leaf.detail_commitment = commit(&salt, jcs(&details).as_bytes());
        if let Some(path) = bad["path"].as_str() {
            leaf.entry_point = Digest(sha256(&[path.as_bytes()]).0);
        }
        let mut whole = serde_json::to_value(proof(record.clone(), leaf, 2)).unwrap();
        whole["record"] = bad;
        all.push(Mutant {
            what: format!("committed to {what}"),
            text: whole.to_string().into_bytes(),
            always: true,
        });
    };
    try_one("what is honest", "policy_id", written["policy_id"].clone());
    for value in [
        json!(1),
        json!([]),
        json!(["x"]),
        json!({}),
        json!(true),
        json!(""),
        json!("x"),
        json!(null),
    ] {
        for member in [
            "actor",
            "labels",
            "bundles",
            "metrics",
            "violations",
            "policy_id",
            "path",
            "trace_id",
        ] {
            try_one(&format!("{member} {value}"), member, value.clone());
        }
        try_one(&format!("a label {value}"), "labels", json!({"a": value}));
        try_one(
            &format!("a revision {value}"),
            "bundles",
            json!({"b": {"revision": value}}),
        );
        try_one(&format!("a bundle {value}"), "bundles", json!({"b": value}));
        try_one(&format!("a metric {value}"), "metrics", json!({"m": value}));
        for name in [
            "policy_id",
            "rule",
            "message",
            "severity",
            "resource",
            "remediation",
            "controls",
            "more",
        ] {
            let mut violation = json!({"policy_id": "a/b", "rule": "r", "message": "m", "severity": "low"});
            violation[name] = value.clone();
            try_one(
                &format!("a violation's {name} {value}"),
                "violations",
                json!([violation]),
            );
        }
    }
    try_one(
        "an odd bundle",
        "bundles",
        json!({"b": {"revision": "x", "more": "y"}}),
    );
    for path in [
        "a//b",
        "/a",
        "a/",
        "a/../b",
        "..",
        ".",
        "a/.b",
        "...",
        "a b",
        "a/é",
        "a:b/c-d",
        "a\n",
        "_",
        "a/./b",
        "a/b..",
        &"x".repeat(513),
        &"x".repeat(512),
    ] {
        try_one(&format!("the policy {path:.20}"), "policy_id", path.into());
        try_one(&format!("the path {path:.20}"), "path", path.into());
    }
    heads(&mut all);
    all
}

/// Heads that are signed, and are none.
fn heads(all: &mut Vec<Mutant>) {
    let good = proof(full(), full().leaf().unwrap(), 0);
    let root = good.anchor.as_ref().unwrap().root;
    let base = Checkpoint {
        origin: "log.example".into(),
        size: TreeSize::new(1),
        root,
        extensions: Vec::new(),
    }
    .to_text();
    for (what, text) in [
        ("an extension", format!("{base}more\n")),
        ("an empty extension", format!("{base}\n")),
        ("an empty extension in between", format!("{base}\nmore\n")),
        ("a size with a zero", base.replace("\n1\n", "\n01\n")),
        ("a size with a plus", base.replace("\n1\n", "\n+1\n")),
        ("another digit one", base.replace("\n1\n", "\n\u{661}\n")),
        ("another origin", base.replacen("log.example", "log.examples", 1)),
        (
            "the largest size",
            base.replace("\n1\n", "\n18446744073709551615\n"),
        ),
        (
            "too large a size",
            base.replace("\n1\n", "\n18446744073709551617\n"),
        ),
        ("no root", "log.example\n1\n".into()),
        ("a soft hyphen", format!("{base}a\u{ad}b\u{2028}c\n")),
        ("a next line", format!("{base}a\u{85}b\n")),
    ] {
        let mut bad = serde_json::to_value(&good).unwrap();
        bad["checkpoint"] = key().sign(&text).unwrap().into();
        bad.as_object_mut().unwrap().remove("anchor");
        all.push(Mutant {
            what: format!("signed head with {what}"),
            text: bad.to_string().into_bytes(),
            always: true,
        });
    }
}

/// RFC 8785 of ASCII names.
fn jcs(value: &Value) -> String {
    value.to_string()
}
