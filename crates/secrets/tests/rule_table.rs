//! `docs/secrets.md` lists the rules that the program has.
//!
//! `UPDATE_DOCS=1 cargo test -p stele-secrets --test rule_table` writes the list anew.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::fmt::Write as _;
use std::path::Path;
use stele_secrets::{Check, RuleSet};

const START: &str = "<!-- rules -->\n";

fn check(check: Check) -> &'static str {
    match check {
        Check::None => "",
        Check::Base62Crc32 => "CRC-32, base 62",
        Check::AwsAccessKey => "account",
        Check::Base64Key => "length of the key",
        Check::Jwt => "header, payload, length of the signature",
        Check::GitlabRoutable => "CRC-32, base 36",
        Check::Pem => "structure",
        Check::Bech32 => "bech32",
        Check::GrafanaCrc32 => "CRC-32",
        Check::Base64Json => "JSON inside",
        Check::Mixed => "letters and digits",
        Check::Random => "looks generated",
        Check::Password => "no reference",
    }
}

fn table() -> String {
    let rules = RuleSet::built_in().unwrap();
    let mut all: Vec<_> = rules.iter().collect();
    all.sort_by_key(|rule| (rule.vendor.to_lowercase(), rule.id.clone()));
    let mut out = format!(
        "{} rules:\n\n| rule | finds | severity | checked | source |\n|---|---|---|---|---|\n",
        all.len()
    );
    for rule in all {
        writeln!(
            out,
            "| `{}` | {} | {} | {} | [{}]({}) |",
            rule.id,
            rule.name,
            rule.severity,
            check(rule.check),
            rule.vendor,
            rule.source
        )
        .unwrap();
    }
    out
}

#[test]
fn the_page_lists_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/secrets.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let at = page.find(START).unwrap() + START.len();
    let expected = format!("{}\n{}", page.split_at(at).0, table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/secrets.md lists other rules than the program has; run with UPDATE_DOCS=1"
    );
}
