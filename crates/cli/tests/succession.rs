//! Commands in a data directory whose contracts were replaced.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/governance.rs"]
mod governance;
#[path = "support/lies.rs"]
mod lies;
#[path = "support/peers.rs"]
mod peers;
mod support;

use governance::{replace, replace_by_less_tolerant};
use lies::log_dated_back;
use peers::Anvil;
use serde_json::{Value, json};
use stele_chain::client::Account;
use support::{Site, eventually, example, http};

const PATH: &str = "/v1/data/kubernetes/admission?receipt=true";
const INPUT: &str = "kubernetes/pod-privileged.json";

impl Anvil {
    /// The result of a request.
    fn ask(&self, method: &str, parameters: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        let address = self.url.trim_start_matches("http://");
        let (status, text) = http(address, "POST", "/", request.to_string().as_bytes()).unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["result"].clone()
    }
}

#[test]
fn deposits_are_withdrawn_from_contracts_that_were_replaced() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    let site = Site::new();
    let hasty = [
        "--set",
        "server.receipts.merge_delay_s=1",
        "--set",
        "server.receipts.poll_ms=100",
    ];
    let node = site.up_with(&[&hasty[..], &["--rpc", &anvil.url]].concat());
    let address = |role: &str| {
        let key = site.data().join(format!("keys/{role}.key"));
        Account::from_file(&key).unwrap().address().to_string()
    };
    anvil.ask("anvil_setBalance", json!([address("responder"), "0x3e8"]));
    site.run(&["receipt", "terms", "--deposit", "1000"]).exits(0);
    let answer = node.json("POST", PATH, &example(INPUT));
    std::fs::write(site.path().join("answer.json"), answer.to_string()).unwrap();
    eventually("the receipt is due", || {
        let ran = site.run(&["challenge", "--receipt", "answer.json", "--yes"]);
        (ran.code == 0).then_some(())
    });
    let withdraw = |site: &Site, more: &[&str]| site.run(&[&["withdraw"], more].concat()).exits(0);
    eventually("the node has answered", || {
        withdraw(&site, &["--node", "--show"])
            .contains("1000 wei")
            .then_some(())
    });

    let before = replace(&site, &node);
    let place = format!("1000 wei from the contract {}", before.challenge);
    let shown = withdraw(&site, &["--node", "--show"]);
    assert!(shown.contains(&place), "{shown}");
    // Who has nothing but a trusted contract and the key finds it, too: from the one after it as well.
    let (rpc, key) = (node.rpc(), site.data().join("keys/node.key"));
    let key = key.to_str().unwrap();
    let stranger = Site::new();
    let contract = before.challenge.to_string();
    let show = ["--show", "--rpc", &rpc, "--key", key, "--contract", &contract];
    let shown = withdraw(&stranger, &show);
    assert!(shown.ends_with("may withdraw 1000 wei\n"), "{shown}");
    stranger
        .run(&["withdraw", "--contract", &contract])
        .fails(2, &["--rpc"]);

    // A contract of the line whose code nobody knows is sent nothing.
    let code = anvil.ask("eth_getCode", json!([contract, "latest"]));
    let longer = format!("{}00", code.as_str().unwrap());
    anvil.ask("anvil_setCode", json!([contract, longer]));
    let unknown = ["1000 wei", &contract, "nothing was sent"];
    site.run(&["withdraw", "--node"]).fails(3, &unknown);
    anvil.ask("anvil_setCode", json!([contract, code]));

    let out = withdraw(&site, &["--node"]);
    assert!(
        out.starts_with("1000 wei withdrawn") && out.contains(&contract),
        "{out}"
    );
    for more in [&["--node"][..], &["--node", "--show"]] {
        assert!(withdraw(&site, more).contains("may withdraw 0 wei"));
    }
    assert_eq!(
        anvil.ask("eth_getBalance", json!([address("node"), "latest"])),
        "0x3e8"
    );
    node.interrupt();
}

#[test]
fn fsck_holds_dates_to_the_least_tolerance_of_the_line() {
    let site = Site::new();
    let node = site.up();
    let truth = node.admit(INPUT);
    replace_by_less_tolerant(&site, &node, 1_000);
    node.interrupt();
    log_dated_back(&site, &truth, 1_100);
    // By what is usual nothing is wrong; but nobody was asked.
    let offline = site.run(&["audit", "fsck", "--offline"]);
    assert!(offline.err.contains("were held to 3600 s"), "{}", offline.err);
    let out = offline.exits(0);
    assert!(
        out.contains("sound:") && out.contains("nobody judged it") && !out.contains("convicts nobody"),
        "{out}"
    );
    site.run(&["audit", "fsck", "--rpc", "http://127.0.0.1:1"])
        .fails(3, &["can't be reached", "--offline"]);
    let asked = site.run(&["audit", "fsck"]);
    assert!(!asked.err.contains("were held to"), "{}", asked.err);
    let out = asked.exits(1);
    assert!(
        out.contains("1100 s before decision") && out.contains("tolerance: 1000 s"),
        "{out}"
    );
}
