//! The short way and the long one say the same of every record, and neither agrees with one that is not what its leaf commits to.

use stele_types::{Leaf, Value, json};

use super::tests::{decided, decided_on, replayer};
use super::*;

const INPUT: &str = r#"{"n": 5, "name": "a\"b", "list": [1.5, 1e30, -7, null, true, "\u00e9"], "inner": {"a": {}, "b": []}, "long":
    "more than thirty-two bytes of text, which are copied in another way"}"#;

/// What both ways say; of a record that the short way takes, both are asked.
fn outcome(replayer: &mut Replayer, leaf: &Leaf, record: &[u8]) -> Outcome {
    let long = replayer.at_length(leaf, record, None);
    if let Some(short) = replayer.at_once(leaf, record, None) {
        assert_eq!(short, long, "{}", String::from_utf8_lossy(record));
    }
    replayer.check(leaf, record, None)
}

fn honest() -> (Leaf, Vec<u8>) {
    let record = decided_on("door/allow", INPUT);
    (record.leaf().unwrap(), record.to_json().unwrap())
}

/// The record with one text in place of another, which must be there.
fn altered(record: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(record).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn what_nodes_write_takes_the_short_way() {
    let (leaf, record) = honest();
    let mut replayer = replayer();
    let found = replayer.at_once(&leaf, &record, None);
    assert_eq!(found, Some(Found::Result(leaf.result_digest)));
    let undefined = decided("door/reason");
    let leaf = undefined.leaf().unwrap();
    let found = replayer.at_once(&leaf, &undefined.to_json().unwrap(), None);
    assert_eq!(found, Some(Found::Result(sha256(&[]))));
    // Of another version it knows nothing.
    let leaf = Leaf {
        policy_version: PolicyVersion(Digest([9; 32])),
        ..leaf
    };
    assert_eq!(replayer.at_once(&leaf, &record, None), None);
}

/// Bits of the input, of its salt, of path and policy make it another decision; of the rest the re-execution says nothing.
#[test]
fn no_flipped_bit_agrees_that_changes_what_is_re_executed() {
    let (leaf, record) = honest();
    let mut replayer = replayer();
    let essence = |record: &[u8]| -> Option<Vec<Option<Value>>> {
        let value = json::parse(record, &json::Limits::default()).ok()?;
        let names = [
            "policy_id",
            "path",
            "input",
            "input_salt",
            "nd_builtin_cache",
            "erased",
            "masked",
        ];
        Some(names.map(|name| value.get(name).cloned()).to_vec())
    };
    let whole = essence(&record);
    let (mut agreed, mut refused) = (0, 0);
    for bit in 0..record.len() * 8 {
        let mut flipped = record.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = outcome(&mut replayer, &leaf, &flipped);
        match outcome {
            Outcome::Agrees => {
                assert_eq!(essence(&flipped), whole, "{}", String::from_utf8_lossy(&flipped));
                agreed += 1;
            }
            Outcome::Mismatch(_) | Outcome::Withheld => refused += 1,
            other => panic!("{other:?} from {}", String::from_utf8_lossy(&flipped)),
        }
    }
    assert!(agreed > 100 && refused > 1_000, "{agreed} {refused}");
}

#[test]
fn no_flipped_bit_of_a_leaf_agrees() {
    let (leaf, record) = honest();
    let mut replayer = replayer();
    let bytes = leaf.to_bytes();
    // Identity, time, node and detail are for others to judge: no re-execution depends on them.
    let judged = |flipped: &Leaf| {
        flipped.policy_version != leaf.policy_version
            || flipped.entry_point != leaf.entry_point
            || flipped.input_commitment != leaf.input_commitment
            || flipped.data_digest != leaf.data_digest
            || flipped.result_digest != leaf.result_digest
    };
    let mut seen = 0;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(flipped) = Leaf::from_bytes(&flipped) else {
            continue;
        };
        if judged(&flipped) {
            let outcome = outcome(&mut replayer, &flipped, &record);
            assert_ne!(outcome, Outcome::Agrees, "bit {bit}");
            seen += 1;
        }
    }
    assert!(seen >= 5 * 256, "{seen}");
}

/// A leaf commits to a value, not to its text: nobody is accused for another text of the same value, and none of another value agrees.
#[test]
fn other_texts_of_the_same_input_agree_and_texts_of_others_do_not() {
    let (leaf, record) = honest();
    let mut replayer = replayer();
    for (from, to) in [
        (r#""n":5"#, r#""n":5.0"#),
        (r#""n":5"#, r#""n":  50e-1 "#),
        (r#""n":5"#, r#""\u006e":5"#),
        ("\u{e9}", r"\u00e9"),
        (r#""a":{}"#, r#""a" : { }"#),
        (r#""a":{},"b":[]"#, r#""b":[],"a":{}"#),
        (r#""n":5"#, r#""n":4,"n":5"#),
    ] {
        let text = altered(&record, from, to);
        assert_eq!(outcome(&mut replayer, &leaf, &text), Outcome::Agrees, "{to}");
    }
    for (from, to) in [
        (r#""n":5"#, r#""n":"5""#),
        (r#""n":5"#, r#""n":5.000000000000000000000001"#),
        (r#""n":5"#, r#""n":5,"n":4"#),
        (r#""n":5"#, r#""N":5"#),
        (r#""n":5"#, r#""n":5,"m":null"#),
        (r#""a":{}"#, r#""a":[]"#),
        ("thirty-two", "thirty-tw0"),
        ("\u{e9}", "e\u{301}"),
    ] {
        let text = altered(&record, from, to);
        let outcome = outcome(&mut replayer, &leaf, &text);
        assert!(matches!(outcome, Outcome::Mismatch(_)), "{to}: {outcome:?}");
    }
}

#[test]
fn members_that_are_malformed_or_there_twice_are_refused_as_ever() {
    let (leaf, record) = honest();
    let mut replayer = replayer();
    let salt = decided_salt(&record);
    for (from, to) in [
        // The first is the honest one, or the last.
        (r#""path":"#, r#""path":"door/none","path":"#.to_owned()),
        (
            r#""input_salt":"#,
            format!(r#""input_salt":"{salt}","input_salt":"#),
        ),
        (r#""input":"#, r#""input":{},"input":"#.to_owned()),
        (&salt, salt.to_uppercase()),
        (&salt, format!("0x{salt}")),
        (&salt, salt[2..].to_owned()),
        (r#""policy_id":"door""#, r#""policy_id":7"#.to_owned()),
        (r#""policy_id":"door""#, r#""policy_id":"Door!""#.to_owned()),
        (r#""latency_ns":"#, r#""latency_ns":0"#.to_owned()),
        (r#""input":{"#, r#""input":{,"#.to_owned()),
    ] {
        let text = altered(&record, from, &to);
        let outcome = outcome(&mut replayer, &leaf, &text);
        assert!(matches!(outcome, Outcome::Mismatch(_)), "{to}: {outcome:?}");
    }
    for bad in [
        &b""[..],
        b"null",
        b"[]",
        b"{}",
        b"7",
        b"{\"input\":1}",
        &record[..record.len() - 1],
    ] {
        let outcome = outcome(&mut replayer, &leaf, bad);
        assert!(matches!(outcome, Outcome::Mismatch(_)), "{outcome:?}");
    }
    let trailing = [&record[..], b"x"].concat();
    assert!(matches!(
        outcome(&mut replayer, &leaf, &trailing),
        Outcome::Mismatch(_)
    ));
}

/// Also in members that no re-execution needs, and by whichever way: what fsck and proofs refuse, no verifier agrees with.
#[test]
fn a_record_that_is_not_json_from_end_to_end_is_refused() {
    let (leaf, record) = honest();
    let mut replayer = replayer();
    let large = "x".repeat(1 << 20);
    for spoilt in [
        &b"\xff"[..],
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xe2\x82",
        br"\ud800",
        br"\udc00\ud800",
        br"\x",
        b"\n",
        b"\0",
    ] {
        for chaff in ["", &large] {
            let mark = format!(r#""labels":{{"note":"{chaff}HERE"}},"latency_ns":"#);
            let text = altered(&record, r#""latency_ns":"#, &mark);
            let at = text.windows(4).position(|four| four == b"HERE").unwrap();
            let bad = [&text[..at], spoilt, &text[at + 4..]].concat();
            assert!(DecisionRecord::from_json(&bad).is_err());
            let judged = outcome(&mut replayer, &leaf, &bad);
            assert!(
                matches!(&judged, Outcome::Mismatch(why) if why.contains("not valid JSON")),
                "{spoilt:?}: {judged:?}"
            );
            assert!(Opened::read(&bad).is_err(), "{spoilt:?}");
        }
    }
}

fn decided_salt(record: &[u8]) -> String {
    let value = json::parse(record, &json::Limits::default()).unwrap();
    let salt = value.get("input_salt").and_then(Value::as_str).unwrap();
    salt.to_owned()
}

#[test]
fn withheld_inputs_and_wrong_results_are_told_alike() {
    let (leaf, record) = honest();
    let mut replayer = replayer();
    let masked = altered(
        &record,
        r#""latency_ns":"#,
        r#""masked":["/input/n"],"latency_ns":"#,
    );
    assert_eq!(outcome(&mut replayer, &leaf, &masked), Outcome::Withheld);
    let wrong = Leaf {
        result_digest: Digest([3; 32]),
        ..leaf
    };
    let accused = outcome(&mut replayer, &wrong, &record);
    assert!(matches!(accused, Outcome::Wrong(_)), "{accused:?}");
    assert_eq!(outcome(&mut replayer, &leaf, &record), Outcome::Agrees);
    // Too large for the short way, and as good.
    let chaff = format!(r#""labels":{{"chaff":"{}"}},"latency_ns":"#, "x".repeat(1 << 20));
    let text = String::from_utf8(record)
        .unwrap()
        .replace(r#""latency_ns":"#, &chaff);
    assert_eq!(replayer.at_once(&leaf, text.as_bytes(), None), None);
    assert_eq!(outcome(&mut replayer, &leaf, text.as_bytes()), Outcome::Agrees);
}

/// A limit of this verifier is met once, not once on each way.
#[test]
fn limits_are_those_of_the_long_way() {
    let (leaf, record) = honest();
    let mut narrow = Replayer::with_limits(Limits {
        instructions: NonZeroU32::new(1),
        ..Limits::default()
    });
    let built = super::tests::door();
    narrow.add(built.digest, &built.bytes).unwrap();
    assert!(narrow.at_once(&leaf, &record, None).is_some());
    let outcome = outcome(&mut narrow, &leaf, &record);
    assert!(
        matches!(&outcome, Outcome::NotExecutable(why) if why.contains("instructions")),
        "{outcome:?}"
    );
}
