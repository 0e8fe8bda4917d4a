//! The model's guards are those of the contracts: the same names in the same order.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::path::Path;

use stele_model::contracts::Function;
use stele_model::protections::{FUNCTIONS, guards};

/// Errors that the model leaves out, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("PredecessorInForce", "no succession"),
    ("ForeignRegistry", "no succession"),
    ("WrongChain", "one chain"),
    ("CodeChanged", "code is its version"),
    ("NotRegistered", "both nodes are registered"),
    ("ForeignLedger", "no succession"),
    ("WrongDeposit", "no money"),
    ("BrokenReceipt", "signatures are ideal"),
    ("BadReceiptSignature", "signatures are ideal"),
    ("SignerRetired", "no key rotation"),
];

/// The contract, with those it inherits from, and the function that a model's function stands for.
fn source(function: Function) -> (&'static [&'static str], &'static str) {
    match function {
        Function::Anchor => (&["DecisionLedger", "VerifierSet"], "_anchor"),
        Function::Challenge => (&["Challenge", "Omission"], "challenge"),
        Function::Suspend => (&["NodeRegistry"], "suspend"),
        Function::ClaimOmission => (&["Omission"], "claimOmission"),
        Function::AnswerOmission => (&["Omission"], "answerOmission"),
        Function::SettleOmission => (&["Omission"], "settleOmission"),
        Function::RefuteDate => (&["Misdating", "Omission"], "refuteDate"),
        Function::Dispute => (&["Dispute", "VerifierSet"], "dispute"),
        Function::RefuteByQuorum => (&["Challenge"], "refuteByQuorum"),
    }
}

/// The source of some contracts, without comments.
fn solidity(contracts: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/src");
    let mut all = String::new();
    for contract in contracts {
        let text = std::fs::read_to_string(folder.join(format!("{contract}.sol"))).unwrap();
        for line in text.lines() {
            all += line.split("//").next().unwrap();
            all.push('\n');
        }
    }
    all
}

/// What stands between the braces of a function.
fn body<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let start = text.find(&format!("function {function}("))?;
    let rest = text.get(start..)?;
    let open = rest.find('{')?;
    let mut depth = 0_u32;
    for (place, byte) in rest.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth = depth.saturating_add(1),
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return rest.get(open..place);
        }
    }
    None
}

/// The errors that a function reverts with, those of the private functions and of the library `VerifierSet` that it calls included, in the
/// order of the text.
fn reverts(text: &str, function: &str) -> Vec<String> {
    let mut found = Vec::new();
    let body = body(text, function).unwrap_or_else(|| panic!("no function {function}"));
    let mut rest = body;
    while let Some(place) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        rest = rest.get(place..).unwrap();
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (mut word, mut after) = rest.split_at(end);
        let mut called = word.starts_with('_');
        if let Some(member) = after.strip_prefix('.').filter(|_| word == "VerifierSet") {
            let end = member
                .find(|c: char| !c.is_alphanumeric())
                .unwrap_or(member.len());
            (word, after) = member.split_at(end);
            called = true;
        }
        rest = after;
        if word == "revert" {
            let name = after.trim_start();
            let end = name.find('(').unwrap();
            let name = name.get(..end).unwrap();
            found.push(name.strip_prefix("VerifierSet.").unwrap_or(name).to_owned());
        } else if called && after.starts_with('(') && text.contains(&format!("function {word}(")) {
            found.extend(reverts(text, word));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|name| seen.insert(name.clone()));
    found
}

#[test]
fn guards_have_the_names_and_the_order_of_the_contracts() {
    for function in FUNCTIONS {
        let (contracts, name) = source(*function);
        let mut real = reverts(&solidity(contracts), name);
        real.retain(|error| !LEFT_OUT.iter().any(|(left_out, _)| left_out == error));
        // How long a text may be is nothing that the model knows.
        real.retain(|error| error != "BadLength");
        assert_eq!(real, guards(*function), "{name}");
    }
}

#[test]
fn what_is_left_out_exists() {
    let all: Vec<String> = FUNCTIONS
        .iter()
        .map(|function| source(*function))
        .flat_map(|(contracts, name)| reverts(&solidity(contracts), name))
        .collect();
    for (error, reason) in LEFT_OUT {
        assert!(all.contains(&(*error).to_owned()), "{error} ({reason}) is gone");
    }
}
