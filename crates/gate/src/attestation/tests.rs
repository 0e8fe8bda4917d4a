use serde_json::json;
use stele_types::sha256;

use super::*;
use crate::evidence::{Run, Signer};
use crate::run::Outcome;

const SEED: [u8; 32] = [7; 32];
const COMMIT: &str = "0123456789012345678901234567890123456789";

fn options() -> Json {
    json!({"fail_on": "low", "kind": null, "changed_since": null, "baseline": null, "combine": false})
}

fn statement(options: Json, passed: bool) -> Json {
    let outcome = Outcome {
        checked: vec![CheckedFile {
            path: "a.yaml".to_owned(),
            sha256: sha256(&[b"a"]),
        }],
        checks: 1,
        ..Outcome::default()
    };
    let run = Run {
        outcome: &outcome,
        policies: sha256(&[b"policies"]),
        commit: Some(COMMIT.to_owned()),
        modified: false,
        whole: true,
        left_out: Vec::new(),
        passed,
        options,
        version: "1",
    };
    run.statement("git:x", at(1_000), Some("id")).unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn signed(statement: &Json) -> (Vec<u8>, TrustedKey) {
    let signer = Signer::of_seed(&SEED).unwrap();
    let envelope = signer.envelope(statement).unwrap().to_string();
    (envelope.into_bytes(), signer.public().parse().unwrap())
}

fn opened(statement: &Json) -> Attestation {
    let (envelope, key) = signed(statement);
    Attestation::open(&envelope, &[key]).unwrap()
}

fn demand() -> Demand {
    Demand {
        about: About::Commit(COMMIT.to_owned()),
        policies: sha256(&[b"policies"]),
        fail_on: Severity::Low,
        combine: false,
        left_out: false,
        exceptions: false,
        resource: None,
        max_age: Some(Duration::from_secs(60)),
    }
}

fn objection(statement: &Json, demand: &Demand, now: u64) -> String {
    opened(statement).objections(demand, at(now)).join("\n")
}

#[test]
fn what_is_as_demanded_holds() {
    let good = statement(options(), true);
    assert_eq!(objection(&good, &demand(), 1_060), "");
    assert_eq!(opened(&good).decision(), Some("id"));
    // Both alphabets, and other signatures beside the one that counts.
    let (envelope, key) = signed(&good);
    let mut envelope: Json = serde_json::from_slice(&envelope).unwrap();
    let url_safe = |text: &Json| text.as_str().unwrap().replace('+', "-").replace('/', "_");
    envelope["payload"] = url_safe(&envelope["payload"]).into();
    let own = json!({"sig": url_safe(&envelope["signatures"][0]["sig"])});
    envelope["signatures"] = json!([{"keyid": "other", "sig": "AAAA"}, own]);
    Attestation::open(envelope.to_string().as_bytes(), &[key]).unwrap();
}

#[test]
fn every_demand_can_fail() {
    let good = statement(options(), true);
    let says = |demand: Demand, now: u64, text: &str| {
        let found = objection(&good, &demand, now);
        assert!(found.contains(text) && found.lines().count() == 1, "{found}");
    };
    let other = About::Commit("f".repeat(40));
    says(
        Demand {
            about: other,
            ..demand()
        },
        1_000,
        "not ffff",
    );
    let file = CheckedFile {
        path: "b.yaml".to_owned(),
        sha256: sha256(&[b"b"]),
    };
    says(
        Demand {
            about: About::Files(vec![file]),
            ..demand()
        },
        1_000,
        "nothing of b.yaml",
    );
    says(
        Demand {
            policies: sha256(&[b"others"]),
            ..demand()
        },
        1_000,
        "other policies",
    );
    says(
        Demand {
            resource: Some("urn:x".to_owned()),
            ..demand()
        },
        1_000,
        "not urn:x",
    );
    says(demand(), 1_061, "1 minutes old");
    says(demand(), 600, "in the future");
    assert_eq!(objection(&good, &demand(), 900), "", "clocks differ a little");
}

#[test]
fn a_run_that_says_less_than_it_seems_is_refused() {
    let says = |statement: &Json, text: &str| {
        let found = objection(statement, &demand(), 1_000);
        assert!(found.contains(text) && found.lines().count() == 1, "{found}");
    };
    says(&statement(options(), false), "did not pass");
    for (option, value, text) in [
        ("fail_on", "high", "from high on"),
        ("kind", "json", "taken for json"),
        ("changed_since", "main", "since main"),
        ("baseline", "known.json", "baseline known.json"),
        ("combine", "", "as one document"),
    ] {
        let mut options = options();
        options[option] = match option {
            "combine" => true.into(),
            _ => value.into(),
        };
        says(&statement(options, true), text);
    }
    let extension = "https://github.com/stele/stele/check/v1";
    let mut excepted = statement(options(), true);
    excepted["predicate"][extension]["excepted"] = 2.into();
    says(&excepted, "2 findings");
    let lenient = Demand {
        exceptions: true,
        ..demand()
    };
    assert_eq!(objection(&excepted, &lenient, 1_000), "");
    excepted["predicate"][extension]["excepted"] = 0.into();
    excepted["predicate"][extension]["notChecked"] = 1.into();
    says(&excepted, "no answer");
    let mut partial = statement(options(), true);
    partial["predicate"][extension]["leftOut"] = 3.into();
    says(&partial, "3 files in formats");
    let lenient = Demand {
        left_out: true,
        ..demand()
    };
    assert_eq!(objection(&partial, &lenient, 1_000), "");
    let mut unasked = statement(options(), true);
    unasked["predicate"][extension]["checks"] = 0.into();
    says(&unasked, "no policy was asked");
    let mut levels = statement(options(), true);
    levels["predicate"]["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_3"]);
    says(&levels, "did not pass");
}

#[test]
fn of_files_only_those_that_were_checked_hold() {
    let mut of_files = statement(options(), true);
    of_files["subject"] = json!([{"name": "a.yaml", "digest": {"sha256": sha256(&[b"a"])}}]);
    let found = objection(&of_files, &demand(), 1_000);
    assert!(found.contains("1 files, and not the commit"), "{found}");
    let file = |text: &[u8]| CheckedFile {
        path: "sub/a.yaml".to_owned(),
        sha256: sha256(&[text]),
    };
    let about = |files| Demand {
        about: About::Files(files),
        ..demand()
    };
    assert_eq!(objection(&of_files, &about(vec![file(b"a")]), 1_000), "");
    let found = objection(&of_files, &about(vec![file(b"a"), file(b"b")]), 1_000);
    assert_eq!(found.lines().count(), 1);
    // What the contents mean, the name says.
    for name in ["a.yml", "b.yaml", "Dockerfile", ".github/workflows/a.yaml"] {
        let other = CheckedFile {
            path: name.to_owned(),
            ..file(b"a")
        };
        let found = objection(&of_files, &about(vec![other]), 1_000);
        assert!(found.contains("only of those as a.yaml"), "{found}");
    }
}

#[test]
fn nothing_but_a_trusted_signature_counts() {
    let (envelope, key) = signed(&statement(options(), true));
    let stranger: TrustedKey = Signer::of_seed(&[8; 32]).unwrap().public().parse().unwrap();
    let refused = Attestation::open(&envelope, &[stranger]).unwrap_err();
    assert!(matches!(refused, AttestationError::Untrusted { trusted: 1, .. }));
    assert!(Attestation::open(&envelope, &[]).is_err());
    Attestation::open(&envelope, &[stranger, key]).unwrap();
    // Every byte of the envelope: changed, it says the same or nothing.
    let original = Attestation::open(&envelope, &[key]).unwrap();
    for at in 0..envelope.len() {
        let mut changed = envelope.clone();
        changed[at] ^= 1;
        if let Ok(opened) = Attestation::open(&changed, &[key]) {
            assert_eq!(opened, original, "byte {at}");
        }
    }
    let kind = String::from_utf8(envelope)
        .unwrap()
        .replace("vnd.in-toto+json", "json");
    let refused = Attestation::open(kind.as_bytes(), &[key]).unwrap_err();
    assert!(matches!(refused, AttestationError::Malformed(_)), "{refused}");
}

#[test]
fn what_is_signed_must_be_a_statement_of_a_check() {
    let refused = |field: &str, value: Json| {
        let mut statement = statement(options(), true);
        *statement.pointer_mut(field).unwrap() = value;
        let (envelope, key) = signed(&statement);
        let refused = Attestation::open(&envelope, &[key]).unwrap_err();
        assert!(
            matches!(refused, AttestationError::Foreign(_)),
            "{field}: {refused}"
        );
    };
    refused("/_type", "https://in-toto.io/Statement/v0.1".into());
    refused("/predicateType", "https://slsa.dev/provenance/v1".into());
    refused("/predicate/verifier/id", "https://example.com".into());
    refused("/predicate", json!({}));
    refused(
        "/predicate/https:~1~1github.com~1stele~1stele~1check~1v1/options",
        json!({}),
    );
    let mut unknown = options();
    unknown["sample"] = 2.into();
    refused(
        "/predicate/https:~1~1github.com~1stele~1stele~1check~1v1/options",
        unknown,
    );
    refused("/subject", Json::Null);
}
