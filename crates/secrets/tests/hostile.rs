//! Texts that took time with the square of their length: minutes, each of them.

use stele_secrets::{RuleSet, Scanner};

/// Each directive was held against each finding.
#[test]
fn tens_of_thousands_of_directives() {
    let mark = concat!("stele:", "allow-secret");
    let line = format!("pwd=Zk3jd8sKw{} // {mark} RULE made for a test\n", ";");
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    let rule = scanner.scan(line.as_bytes())[0].rule.id.clone();
    let text = line.replace("RULE", &rule).repeat(60_000);
    assert_eq!(scanner.scan(text.as_bytes()).len(), 0);
    assert_eq!(scanner.scan(text.replace(&rule, "RULE").as_bytes()).len(), 60_000);
}

/// The host that a password is for was looked for up to the end of the text.
#[test]
fn hosts_without_an_end() {
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    let text = "p://u:Zk3jd8sKw@".repeat(200_000);
    assert!(scanner.scan(text.as_bytes()).len() < 400_000);
}
