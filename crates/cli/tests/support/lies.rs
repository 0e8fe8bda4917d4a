//! What a dishonest operator does to the log of its own node.
#![allow(dead_code, unreachable_pub, reason = "each test file uses part of it")]

use crate::support::Site;
use stele_chain::client::{Account, read_key_file};
use stele_ledger::{Ledger, Options, SigningKey, checkpoint};
use stele_types::{DecisionId, Timestamp};

/// The log of a stopped node.
pub fn log(site: &Site) -> Ledger {
    let keys = site.data().join("keys");
    let address = Account::from_file(&keys.join("node.key")).unwrap().node_address();
    let seed = read_key_file(&keys.join("log.key")).unwrap();
    let key = SigningKey::from_seed(&checkpoint::default_origin(&address), &seed).unwrap();
    let options = Options {
        max_disorder: None,
        ..Options::default()
    };
    Ledger::open(&site.data().join("ledger"), key, options).unwrap()
}

/// What a node does that lies: it logs a decision as it was made, but with the result of another.
pub fn log_a_lie(site: &Site, truth: &str, other: &str) -> String {
    let ledger = log(site);
    let record = |id: &str| ledger.record(&id.parse::<DecisionId>().unwrap()).unwrap().record;
    let mut lie = record(truth);
    assert_ne!(lie.result, record(other).result);
    lie.result = record(other).result;
    lie.violations.clear();
    lie.decision_id = DecisionId::from_time_and_random(
        Timestamp::from_nanos(lie.timestamp.as_nanos() + 1_000_000),
        &[9; 10],
    );
    let id = lie.decision_id.to_string();
    ledger.append_and_wait(lie).unwrap();
    ledger.close().unwrap();
    id
}

/// Another lie: it logs a decision as it was made, but dated a day back.
pub fn log_a_backdated(site: &Site, truth: &str) -> String {
    log_dated_back(site, truth, 86_400)
}

/// Logs a decision as it was made, but dated so many seconds before.
pub fn log_dated_back(site: &Site, truth: &str, seconds: u64) -> String {
    let ledger = log(site);
    let truth = truth.parse::<DecisionId>().unwrap();
    let mut late = ledger.record(&truth).unwrap().record;
    late.timestamp = Timestamp::from_nanos(late.timestamp.as_nanos() - seconds * 1_000_000_000);
    late.decision_id = DecisionId::from_time_and_random(late.timestamp, &[9; 10]);
    let id = late.decision_id.to_string();
    ledger.append_and_wait(late).unwrap();
    ledger.close().unwrap();
    id
}
