//! `stele contract trace` and `stele contract verify`, on the embedded chain and on anvil.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/peers.rs"]
mod peers;
mod support;

use alloy_primitives::{Address, B256};
use peers::Anvil;
use serde_json::{Value, json};
use stele_chain::client::{Account, Call, ChainClient, ClientOptions, Endpoint};
use stele_contract::{abi, entry_point_id};
use stele_types::encoding;
use support::{Site, example, workspace};

const POLICY: &str = "# METADATA
# title: Loans
# custom:
#   id: bank/loans
package bank.loans

default allow := false

# METADATA
# title: Small loans
# custom:
#   severity: low
allow if {
\tsome role in input.roles
\trole == \"teller\"
\tinput.amount <= data.bank.limit
}
";

/// A site with one policy and its data.
fn bank() -> Site {
    let site = Site::new();
    std::fs::create_dir_all(site.path().join("policies/bank")).unwrap();
    std::fs::write(site.path().join("policies/bank/loans.rego"), POLICY).unwrap();
    std::fs::write(site.path().join("policies/bank/data.json"), r#"{"limit": 500}"#).unwrap();
    site
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// An executed line.
#[derive(Debug, PartialEq)]
struct Line {
    row: u64,
    undefined: bool,
    values: Vec<(String, Value)>,
}

/// The lines of a trace in the order of their execution.
fn lines(trace: &Value) -> Vec<Line> {
    let value = |bound: &Value| {
        (
            bound["expression"].as_str().unwrap().to_owned(),
            bound["value"].clone(),
        )
    };
    trace["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["event"] == "line")
        .map(|line| Line {
            row: line["row"].as_u64().unwrap(),
            undefined: line["undefined"].as_bool().unwrap(),
            values: line["values"].as_array().unwrap().iter().map(value).collect(),
        })
        .collect()
}

fn bound(trace: &Value, row: u64, name: &str) -> Vec<Value> {
    lines(trace)
        .into_iter()
        .filter(|line| line.row == row)
        .flat_map(|line| line.values)
        .filter_map(|(other, value)| (other == name).then_some(value))
        .collect()
}

#[test]
fn a_recorded_decision_is_run_again_line_by_line() {
    let site = bank();
    let node = site.up();
    let ask = |amount: u64| {
        let body = json!({"input": {"roles": ["clerk", "teller"], "amount": amount}}).to_string();
        let answer = node.json("POST", "/v1/data/bank/loans/allow", body.as_bytes());
        (
            answer["result"].clone(),
            answer["decision_id"].as_str().unwrap().to_owned(),
        )
    };
    let (allowed, small) = ask(500);
    let (denied, large) = ask(501);
    assert_eq!((allowed, denied), (json!(true), json!(false)));
    let trace = |id: &str| parsed(&site.run(&["contract", "trace", id, "--format", "json"]).exits(0));

    let yes = trace(&small);
    assert_eq!((&yes["result"], &yes["agrees"]), (&json!(true), &json!(true)));
    assert!(yes["contract"].as_str().unwrap().starts_with("0x"), "{yes}");
    // The loop binds one role after the other; the first is not the teller, the second is, and then the amount is compared.
    assert_eq!(
        bound(&yes, 14, "input.roles[_]"),
        [json!("clerk"), json!("teller")]
    );
    assert_eq!(bound(&yes, 16, "input.amount"), [json!(500)]);
    assert_eq!(bound(&yes, 16, "data.bank.limit"), [json!(500)]);
    let roles: Vec<bool> = lines(&yes)
        .iter()
        .filter(|line| line.row == 15)
        .map(|line| line.undefined)
        .collect();
    assert_eq!(roles, [true, false]);
    assert!(lines(&yes).iter().all(|line| line.row != 16 || !line.undefined));

    let no = trace(&large);
    assert_eq!((&no["result"], &no["agrees"]), (&json!(false), &json!(true)));
    assert!(
        lines(&no).iter().any(|line| line.row == 16 && line.undefined),
        "{no}"
    );

    let text = site.run(&["contract", "trace", &small]).exits(0);
    for part in [
        "its code is the one rebuilt",
        "> data.bank.loans.allow",
        "loans.rego:15: role == \"teller\"",
        "input.roles[_] = \"clerk\"",
        "(undefined)",
        "< data.bank.loans.allow = true",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    // The node need not run; and what was erased can't be traced.
    site.run(&["decision", "erase", &large, "--reason", "requested"])
        .exits(0);
    node.interrupt();
    assert_eq!(lines(&trace(&small)), lines(&yes));
    site.run(&["contract", "trace", &large])
        .fails(2, &["masked or erased"]);
    let shortened = site.run(&["contract", "trace", &small, "--limit", "2"]).exits(0);
    assert!(shortened.contains("more; --limit shows more"), "{shortened}");
}

#[test]
fn a_whole_policy_of_the_library_is_traced() {
    let site = Site::new();
    let node = site.up();
    node.json(
        "POST",
        "/v1/data/kubernetes/admission",
        &example("kubernetes/pod-privileged.json"),
    );
    let trace = parsed(
        &site
            .run(&["contract", "trace", "latest", "--format", "json"])
            .exits(0),
    );
    assert_eq!(trace["agrees"], json!(true), "{}", trace["result"]);
    let files: std::collections::BTreeSet<&str> = trace["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["file"].as_str())
        .collect();
    assert!(files.len() > 2, "{files:?}");
    // Rules are left as often as they are entered, apart from the entry point.
    let count = |kind: &str| {
        trace["events"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|e| e["event"] == kind)
            .count()
    };
    assert_eq!(count("enter"), count("exit") + 1);
}

/// The call data of `evaluate`.
fn call_data(path: &str, input: &Value, data: &Value) -> Vec<u8> {
    let encoded = |value: &Value| {
        let text = value.to_string();
        let value = stele_types::json::parse(text.as_bytes(), &stele_types::json::Limits::default()).unwrap();
        encoding::encode_contract(&value).unwrap()
    };
    let parts = [encoded(input), encoded(data), Vec::new()];
    let word = |number: usize| {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&number.to_be_bytes());
        word
    };
    let mut out = abi::selector(abi::EVALUATE).to_vec();
    out.extend(entry_point_id(path).0);
    let mut at = 128;
    for part in &parts {
        out.extend(word(at));
        at += 32 + part.len().next_multiple_of(32);
    }
    for part in &parts {
        out.extend(word(part.len()));
        out.extend(part);
        out.resize(out.len() + part.len().next_multiple_of(32) - part.len(), 0);
    }
    out
}

/// What stands on a chain.
struct Sent {
    account: Address,
    contract: Address,
    /// A transaction that calls the contract, and one that calls no code.
    evaluation: B256,
    transfer: B256,
}

/// Deploys a contract and calls it.
fn send(url: &str, key: &[u8; 32], creation: &[u8], data: Vec<u8>) -> Sent {
    let account = Account::from_key(key).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let options = ClientOptions::default();
        let client = ChainClient::connect(Endpoint::parse(url).unwrap(), options)
            .await
            .unwrap();
        let contract = client.deploy_policy_contract(&account, creation).await.unwrap();
        let call = |to: Address, data: Vec<u8>| Call {
            contract: "policy contract".to_owned(),
            to: Some(to),
            data: data.into(),
        };
        let evaluation = client
            .send(&account, &call(contract.address, data))
            .await
            .unwrap();
        let transfer = client
            .send(&account, &call(account.address(), Vec::new()))
            .await
            .unwrap();
        Sent {
            account: account.address(),
            contract: contract.address,
            evaluation: evaluation.transaction,
            transfer: transfer.transaction,
        }
    })
}

/// What is done on every chain: deploy, call, trace the call, verify the code, spoil the source, verify again.
fn on_chain(site: &Site, url: &str, key: &[u8; 32]) {
    let built = parsed(
        &site
            .run(&["contract", "build", "policies", "--format", "json", "-o", "built"])
            .exits(0),
    );
    let creation = hex::decode(&built["creation"].as_str().unwrap()[2..]).unwrap();
    let data = call_data(
        "bank/loans/allow",
        &json!({"roles": ["teller"], "amount": 7}),
        &json!({"bank": {"limit": 9}}),
    );
    let sent = send(url, key, &creation, data);
    let (address, account) = (sent.contract.to_string(), sent.account.to_string());
    let hash = sent.evaluation.to_string();
    let trace = |hash: &str| {
        site.run(&[
            "contract", "trace", hash, "--rpc", url, "--source", "policies", "--format", "json",
        ])
    };
    let traced = parsed(&trace(&hash).exits(0));
    assert_eq!(
        (&traced["result"], &traced["agrees"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(bound(&traced, 16, "input.amount"), [json!(7)]);
    assert_eq!(bound(&traced, 16, "data.bank.limit"), [json!(9)]);
    assert_eq!(traced["events"][0]["policy"], json!("bank/loans"));
    assert_eq!(
        traced["events"][0]["address"].as_str().unwrap().to_lowercase(),
        address.to_lowercase()
    );
    trace(&sent.transfer.to_string()).fails(2, &["runs no contract's code"]);
    trace(&format!("0x{}", "ab".repeat(32))).fails(2, &["has no transaction"]);
    trace("0xabc").fails(2, &["no hash of a transaction"]);

    let verify = |source: &str| site.run(&["contract", "verify", &address, "--source", source, "--rpc", url]);
    let equal = verify("policies").exits(0);
    assert!(
        equal.starts_with("EQUAL") && equal.contains("bank/loans"),
        "{equal}"
    );
    among_refused(site, url, &address, &hash);
    std::fs::create_dir_all(site.path().join("other/bank")).unwrap();
    let spoilt = POLICY.replace("input.amount <= data", "input.amount < data");
    std::fs::write(site.path().join("other/bank/loans.rego"), spoilt).unwrap();
    std::fs::copy(
        site.path().join("policies/bank/data.json"),
        site.path().join("other/bank/data.json"),
    )
    .unwrap();
    let different = verify("other").exits(1);
    assert!(different.starts_with("DIFFERENT"), "{different}");
    site.run(&["contract", "trace", &hash, "--rpc", url, "--source", "other"])
        .fails(2, &["is not at hand", "--source"]);
    site.run(&[
        "contract", "verify", &account, "--source", "policies", "--rpc", url,
    ])
    .fails(2, &["there is no code"]);
    verify("nowhere").fails(2, &["nowhere"]);
    site.run(&[
        "contract",
        "verify",
        &address,
        "--source",
        "policies",
        "--rpc",
        "http://127.0.0.1:1",
    ])
    .fails(3, &["127.0.0.1:1"]);
}

/// A source with a policy that no contract can hold, beside the one that is looked for.
fn among_refused(site: &Site, url: &str, address: &str, hash: &str) {
    let dir = site.path().join("mixed/bank");
    std::fs::create_dir_all(&dir).unwrap();
    let dice = "# METADATA\n# title: Dice\n# custom:\n#   id: bank/dice\npackage bank.dice\n\nallow if rand.intn(\"x\", 2) == 1\n";
    std::fs::write(dir.join("dice.rego"), dice).unwrap();
    std::fs::write(dir.join("data.json"), r#"{"limit": 500}"#).unwrap();
    let run = |command: &[&str]| site.run(&[command, &["--rpc", url, "--source", "mixed"]].concat());
    let (verify, trace) = (["contract", "verify", address], ["contract", "trace", hash]);
    for command in [&verify, &trace] {
        run(command).fails(2, &["policy bank/dice can't become a contract", "rand.intn"]);
    }
    std::fs::write(dir.join("loans.rego"), POLICY).unwrap();
    let equal = run(&verify);
    assert_eq!(equal.err, "");
    assert!(equal.exits(0).starts_with("EQUAL"));
    run(&trace).exits(0);
    let named = [&verify[..], &["--policy", "bank/dice"]].concat();
    run(&named).fails(2, &["policy bank/dice can't become a contract"]);
    std::fs::write(dir.join("loans.rego"), POLICY.replace("<= data", "< data")).unwrap();
    run(&verify).fails(1, &["not compared: policy bank/dice can't become a contract"]);
}

#[test]
fn transactions_are_traced_and_contracts_verified_on_the_embedded_chain() {
    let site = bank();
    let node = site.up();
    let key = std::fs::read_to_string(site.data().join("keys/author.key")).unwrap();
    let key = hex::decode(key.trim().trim_start_matches("0x"))
        .unwrap()
        .try_into()
        .unwrap();
    on_chain(&site, &node.rpc(), &key);
    // Without --rpc the node's own chain is meant, and its bundles are the source.
    let list = parsed(&site.run(&["policy", "list", "--format", "json"]).exits(0));
    let address = list[0]["contract"].as_str().unwrap();
    let verified = site
        .run(&[
            "contract", "verify", address, "--source", "policies", "--format", "json",
        ])
        .exits(0);
    assert_eq!(parsed(&verified)["equal"], json!(true));
    node.interrupt();
}

#[test]
fn transactions_are_traced_and_contracts_verified_on_anvil() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    on_chain(&bank(), &anvil.url, &[7; 32]);
}

#[test]
fn a_difference_is_shown_with_its_line() {
    let site = bank();
    let node = site.up();
    let list = parsed(&site.run(&["policy", "list", "--format", "json"]).exits(0));
    let address = list[0]["contract"].as_str().unwrap();
    let spoilt = POLICY.replace("role == \"teller\"", "role != \"teller\"");
    std::fs::write(site.path().join("policies/bank/loans.rego"), spoilt).unwrap();
    let verify = [
        "contract", "verify", address, "--source", "policies", "--format", "json",
    ];
    let report = parsed(&site.run(&verify).exits(1));
    let difference = &report["rebuilt"][0]["difference"];
    assert!(
        difference["place"].as_str().unwrap().contains("loans.rego:15:"),
        "{difference}"
    );
    assert_eq!(
        difference["text"],
        json!("role == \"teller\"".replace("==", "!="))
    );
    // A library of other policies says how each differs, and which version it is.
    let library = workspace().join("policies");
    let other = site
        .run(&[
            "contract",
            "verify",
            address,
            "--source",
            library.to_str().unwrap(),
        ])
        .exits(1);
    assert!(
        other.contains("web/headers") && other.contains("first other instruction"),
        "{other}"
    );
    node.interrupt();
}
