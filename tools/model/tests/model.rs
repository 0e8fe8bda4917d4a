//! The protocol keeps its invariants in every state within the bounds, and each protection is needed for it.
//! `docs/model.md` has the figures; `UPDATE_DOCS=1` writes them.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use stateright::Model;
use stele_model::explore::explore;
use stele_model::model::Protocol;
use stele_model::properties::{HONEST_STAYS, NO_SPLIT_VIEW};
use stele_model::protections::{FUNCTIONS, all, guards};
use stele_model::scope::{Mutation, Scope};
use stele_model::state::State;

/// Compares a generated part of the page with what it should be, or writes it.
fn documented(part: &str, text: &str) {
    // Tests of one process run at once, and each writes its own part.
    static PAGE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = PAGE.lock().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/model.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let start = format!("<!-- {part}: generated -->\n");
    let end = format!("<!-- {part}: end -->");
    let (before, rest) = page.split_once(&start).unwrap();
    let (old, after) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{start}{text}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        old, text,
        "docs/model.md is not what the model says: UPDATE_DOCS=1 writes it"
    );
}

#[test]
fn every_invariant_holds_in_every_state() {
    let mut table = String::from("| exploration | states | longest path |\n|---|---:|---:|\n");
    for scope in Scope::all() {
        let name = scope.name;
        let report = explore(scope, None);
        assert!(report.is_clean(), "{name}: {report:#?}");
        writeln!(table, "| {name} | {} | {} |", report.states, report.depth).unwrap();
    }
    documented("states", &table);
}

#[test]
fn every_protection_is_needed_or_said_why_not() {
    let mut wrong = Vec::new();
    let mut table = String::from("| without | in | what breaks |\n|---|---|---|\n");
    for protection in all() {
        let expected = protection.outcome.ok();
        let scope = protection.scope.name;
        let report = explore(protection.scope.without(protection.mutation), expected);
        let as_said = match expected {
            Some(invariant) => report.broken.contains_key(invariant),
            None => report.broken.is_empty(),
        };
        if !as_said {
            wrong.push(format!(
                "without {:?}: expected {expected:?}, got {:?}",
                protection.mutation, report.broken
            ));
        }
        let what = match protection.mutation {
            Mutation::Guard(function, name) => format!("`{function:?}`: `{name}`"),
            Mutation::Without(rule) => format!("{rule:?}"),
        };
        let outcome = match protection.outcome {
            Ok(invariant) => invariant.to_owned(),
            Err(reason) => format!("nothing: {reason}"),
        };
        writeln!(table, "| {what} | {scope} | {outcome} |").unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    documented("protections", &table);
}

#[test]
fn no_guard_is_forgotten() {
    let known: Vec<Mutation> = all().iter().map(|p| p.mutation).collect();
    for function in FUNCTIONS {
        for name in guards(*function) {
            assert!(
                known.contains(&Mutation::Guard(*function, name)),
                "{function:?} {name}: add it to protections.rs"
            );
        }
    }
}

/// q signatures of n verifiers exclude split views while fewer than 2q - n of them are corrupt.
#[test]
fn a_quorum_that_is_too_small_lets_a_corrupt_verifier_split_the_view() {
    let mut scope = Scope::quorum();
    scope.honest_verifiers = 2;
    let report = explore(scope, Some(NO_SPLIT_VIEW));
    assert!(report.broken.contains_key(NO_SPLIT_VIEW), "{report:#?}");
}

/// The word of q verifiers suspends a node, so an honest one stays only while fewer than q of them lie.
#[test]
fn a_quorum_of_verifiers_that_lies_suspends_an_honest_node() {
    let mut scope = Scope::disputes();
    scope.honest_verifiers = 1;
    let report = explore(scope, Some(HONEST_STAYS));
    assert!(report.broken.contains_key(HONEST_STAYS), "{report:#?}");
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// Fails on a path that comes back to where it was, and on one that ends before the last block: the statements about the
/// end would not see either.
fn all_paths_end(scope: Scope) {
    let horizon = scope.horizon;
    let model = Protocol { scope };
    // false: on the path; true: left behind.
    let mut seen: HashMap<u64, bool> = HashMap::new();
    let mut path: Vec<(u64, Vec<State>)> = Vec::new();
    let mut enter = model.init_states().pop();
    loop {
        if let Some(state) = enter.take() {
            let id = fingerprint(&state);
            match seen.get(&id) {
                Some(true) => {}
                Some(false) => panic!("a cycle through {state:#?}"),
                None => {
                    let next = model.next_states(&state);
                    assert!(!next.is_empty() || state.now == horizon, "stuck: {state:#?}");
                    seen.insert(id, false);
                    path.push((id, next));
                }
            }
        }
        let Some((id, next)) = path.last_mut() else { return };
        enter = next.pop();
        if enter.is_none() {
            seen.insert(*id, true);
            path.pop();
        }
    }
}

#[test]
fn all_paths_end_at_the_last_block() {
    for scope in Scope::all() {
        all_paths_end(scope);
    }
}
