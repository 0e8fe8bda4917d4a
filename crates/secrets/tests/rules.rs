//! Every rule finds its positive samples wherever they stand, and nothing in its negative ones.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod common;

use common::{Chance, expand};
use std::collections::BTreeSet;
use stele_secrets::{Rule, RuleSet, Scanner};

fn scanner() -> Scanner {
    Scanner::new(RuleSet::built_in().unwrap()).unwrap()
}

/// Ids of what is found.
fn found(scanner: &Scanner, text: &str) -> Vec<String> {
    scanner
        .scan(text.as_bytes())
        .iter()
        .map(|hit| hit.rule.id.clone())
        .collect()
}

fn samples<'r>(rule: &'r Rule, templates: &'r [String]) -> impl Iterator<Item = (usize, String)> + 'r {
    templates.iter().flat_map(move |template| {
        (0..5).map(move |seed| {
            (
                seed,
                expand(template, &mut Chance::new(&format!("{}{seed}", rule.id))),
            )
        })
    })
}

#[test]
fn there_are_at_least_120_rules_with_samples_and_sources() {
    let rules = RuleSet::built_in().unwrap();
    assert!(rules.iter().count() >= 120);
    for rule in rules.iter() {
        assert!(!rule.positive.is_empty(), "{} has no positive sample", rule.id);
        assert!(!rule.negative.is_empty(), "{} has no negative sample", rule.id);
        assert!(rule.source.starts_with("https://"), "{} has no source", rule.id);
    }
}

#[test]
fn every_rule_finds_its_positive_samples() {
    let scanner = scanner();
    let mut missed = BTreeSet::new();
    for rule in scanner.rules().iter() {
        for (seed, sample) in samples(rule, &rule.positive) {
            for text in [
                sample.clone(),
                format!("{sample}\n"),
                format!("first line\n  {sample} \nlast"),
                format!("{}{sample}", "filler text\n".repeat(2000)),
            ] {
                if !found(&scanner, &text).contains(&rule.id) {
                    missed.insert(format!(
                        "{} #{seed}: {:?} in {:.300}",
                        rule.id,
                        found(&scanner, &text),
                        text.trim_start_matches("filler text\n")
                    ));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn no_rule_finds_its_negative_samples() {
    let scanner = scanner();
    let mut wrong = BTreeSet::new();
    for rule in scanner.rules().iter() {
        for (seed, sample) in samples(rule, &rule.negative) {
            if found(&scanner, &sample).contains(&rule.id) {
                wrong.insert(format!("{} #{seed}: {sample}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_password_may_be_the_keyword_of_a_rule() {
    let address = |password: &str| format!("postgres://app:{password}@db.internal/app");
    assert_eq!(found(&scanner(), &address("twilio")), ["database-url"]);
    let own = "[[rule]]\nid = \"own\"\nname = \"n\"\nvendor = \"v\"\nsource = \"https://example.org\"\nkeywords = [\"q8Zr1LmTw0q9\"]\npattern = 'q8Zr1LmTw0q9[a-z]{9}'\n";
    let rules = RuleSet::built_in().unwrap().with_file("own.toml", own).unwrap();
    let scanner = Scanner::new(rules).unwrap();
    assert_eq!(found(&scanner, &address("q8Zr1LmTw0q9")), ["database-url"]);
    // What tokens begin with, in an assignment.
    assert!(found(&scanner, &format!("password = {:?}", "q8Zr1LmTw0q9")).is_empty());
}

#[test]
fn a_password_for_a_test_host_counts_for_less() {
    let scanner = scanner();
    let severity = |host: &str| {
        let text = format!("postgres://app:{}@{host} and so on", "q8Zr1LmTw0q9");
        let hits = scanner.scan(text.as_bytes());
        hits.first().map(|hit| hit.severity.to_string())
    };
    for (host, wanted) in [
        ("db.internal", Some("high")),
        ("db.test:5432/app", Some("low")),
        ("example.com", None),
        ("db.example.com:5432/app?x#y", None),
        ("db.invalid,", None),
        ("replica0.test,db1.prod.corp:27017/x", Some("high")),
        ("example.com@db.prod.corp/app", Some("high")),
        ("example.com:pw@db.prod.corp/app", Some("high")),
    ] {
        assert_eq!(severity(host).as_deref(), wanted, "{host}");
    }
}

#[test]
fn a_token_inside_a_longer_word_is_none() {
    let scanner = scanner();
    for rule in scanner
        .rules()
        .iter()
        .filter(|rule| rule.before == 0 && rule.rank >= 10)
    {
        for (_, sample) in samples(rule, &rule.positive) {
            let starts_with_token = rule.keywords.iter().any(|keyword| {
                sample.to_lowercase().starts_with(&keyword.to_lowercase())
                    && keyword.as_bytes()[0].is_ascii_alphanumeric()
            });
            if starts_with_token && !rule.pattern.contains("?P<secret>") {
                let text = format!("Z9{sample}");
                assert!(!found(&scanner, &text).contains(&rule.id), "{}: {text}", rule.id);
            }
        }
    }
}

/// A fingerprint may be a hash of the secret only if nobody can try all secrets: 80 bits and more are out of reach.
#[test]
fn what_is_hashed_cannot_be_guessed() {
    let scanner = scanner();
    for rule in scanner.rules().iter().filter(|rule| !rule.guessable) {
        for (seed, sample) in samples(rule, &rule.positive) {
            let other = expand(
                &rule.positive[0],
                &mut Chance::new(&format!("other {} {seed}", rule.id)),
            );
            assert!(sample.len() >= 20, "{}: {sample}", rule.id);
            let random: usize = rule.positive[0]
                .split('<')
                .filter_map(|tag| tag.split_once('>')?.0.split_once(':'))
                .filter_map(|(name, count)| {
                    let bits = match name {
                        "digit" => 3,
                        "hex" | "HEX" => 4,
                        "b32" | "low32" | "bech" | "BECH" | "lower" | "upper" | "alpha" | "alnum" | "b58" => {
                            5
                        }
                        "b64" | "url" => 6,
                        "b64url" | "b64of" => return Some(0),
                        _ => return None,
                    };
                    Some(bits * count.parse::<usize>().ok()?)
                })
                .sum();
            let fixed = rule.positive[0].contains("<b64of:");
            assert!(random >= 80 || fixed, "{}: {random} random bits", rule.id);
            assert!(sample != other || fixed, "{}", rule.id);
        }
    }
}

#[test]
fn nothing_of_a_guessable_secret_is_shown_or_hashed() {
    let scanner = scanner();
    let text = |password: &str| format!("db_password = \"{password}\"");
    let (first, second) = (
        scanner.scan(text("q8Zr1LmTw0q9Xa").as_bytes()),
        scanner.scan(text("Zk3w9TqL0rM2Bv").as_bytes()),
    );
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(first[0].redacted(), "[redacted]");
    assert_eq!(first[0].fingerprint("a.txt"), second[0].fingerprint("a.txt"));
    assert_ne!(first[0].fingerprint("a.txt"), first[0].fingerprint("b.txt"));
    assert!(!format!("{first:?}").contains("q8Zr"));
}

#[test]
fn the_fingerprint_of_a_token_stays_wherever_it_moves() {
    let scanner = scanner();
    let token = expand("ghp_<alnum:30><base62crc>", &mut Chance::new("move"));
    let first = scanner.scan(format!("a = {token}").as_bytes());
    let second = scanner.scan(format!("\n\n\nexport B={token}\n").as_bytes());
    assert_eq!(first[0].fingerprint("a"), second[0].fingerprint("b"));
    assert_eq!(first[0].redacted(), "ghp_...[40 bytes]");
    assert_eq!(first[0].fingerprint("a").len(), 32);
}
