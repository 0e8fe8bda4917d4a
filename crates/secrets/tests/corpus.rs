//! Much text that looks like secrets and holds none, and the same with secrets in known places.
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

use common::{Chance, corpus, expand};
use stele_secrets::{RuleSet, Scanner};

/// Bytes of each kind of file.
const BYTES: usize = 300_000;

#[test]
fn nothing_is_found_where_nothing_is() {
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    for kind in corpus::KINDS {
        let text = corpus::file(kind, BYTES, &mut Chance::new(kind));
        let hits = scanner.scan(text.as_bytes());
        let shown: Vec<String> = hits
            .iter()
            .take(5)
            .map(|hit| {
                let span = hit.span.start as usize..hit.span.end as usize;
                format!("{hit:?}: {}", &text[span.start.saturating_sub(40)..span.end])
            })
            .collect();
        assert!(hits.is_empty(), "{} in {kind}: {shown:#?}", hits.len());
    }
}

#[test]
fn every_secret_is_found_among_the_rest() {
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    for kind in corpus::KINDS {
        let mut chance = Chance::new(kind);
        let (mut text, mut expected) = (String::new(), Vec::new());
        for rule in scanner.rules().iter() {
            text.push_str(&corpus::file(kind, 500, &mut chance));
            text.push_str("\n\n");
            let from = text.len() as u64;
            text.push_str(&expand(
                &rule.positive[0],
                &mut Chance::new(&format!("{}0", rule.id)),
            ));
            expected.push((rule.id.clone(), from..text.len() as u64));
            text.push_str("\n\n");
        }
        let hits = scanner.scan(text.as_bytes());
        for (rule, span) in expected {
            let found = hits
                .iter()
                .any(|hit| hit.rule.id == rule && hit.span.start >= span.start && hit.span.end <= span.end);
            assert!(found, "{rule} in {kind}");
        }
    }
}
