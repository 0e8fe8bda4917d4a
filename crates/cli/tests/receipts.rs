//! Receipts from end to end: asked for, checked offline, kept, answered for; and a node that loses what it promised.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "receipts/asked.rs"]
mod asked;
#[path = "support/governance.rs"]
mod governance;
#[path = "support/peers.rs"]
mod peers;
mod support;

use std::path::Path;
use std::time::Duration;

use governance::as_admin;
use peers::Anvil;
use serde_json::Value;
use stele_chain::client::{Account, OmissionTerms};
use stele_types::Receipt;
use support::{Node, Site, eventually, example, workspace};

const PATH: &str = "/v1/data/kubernetes/admission?receipt=true";
const INPUT: &str = "kubernetes/pod-privileged.json";
/// A delay that is soon over, and a node that looks for claims often.
const HASTY: [&str; 4] = [
    "--set",
    "server.receipts.merge_delay_s=1",
    "--set",
    "server.receipts.poll_ms=100",
];

/// Asks with a receipt, and writes the answer to a file of the site.
fn ask(site: &Site, node: &Node, file: &str) -> Receipt {
    let answer = node.json("POST", PATH, &example(INPUT));
    std::fs::write(site.path().join(file), answer.to_string()).unwrap();
    let receipts = answer["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0]["decision_id"], answer["decision_id"]);
    Receipt::from_json(receipts[0].to_string().as_bytes()).unwrap()
}

fn input() -> String {
    let path = workspace().join("examples").join(INPUT);
    path.to_str().unwrap().to_owned()
}

/// Gives the node so many seconds to answer claims.
fn set_window(site: &Site, node: &Node, seconds: u64) {
    as_admin(site, node, async |governance, admin| {
        let terms = OmissionTerms {
            window: Duration::from_secs(seconds),
            ..governance.omission_terms().await.unwrap()
        };
        governance.set_omission_terms(admin, &terms).await.unwrap();
    });
}

fn is_active(site: &Site, node: &Node, receipt: &Receipt) -> bool {
    as_admin(site, node, async |governance, _| {
        governance.is_active_node(receipt.node).await.unwrap()
    })
}

#[test]
fn a_receipt_is_checked_offline_and_kept() {
    let site = Site::new();
    let node = site.up();
    let receipt = ask(&site, &node, "answer.json");
    std::fs::write(site.path().join("receipt.json"), receipt.to_json().unwrap()).unwrap();
    // Nobody gets one who does not ask.
    let plain = node.json("POST", "/v1/data/kubernetes/admission", &example(INPUT));
    assert!(plain.get("receipts").is_none());

    // Offline, from the answer and by itself; in another directory, by somebody who has nothing else.
    let stranger = Site::new();
    for file in ["answer.json", "receipt.json"] {
        let file = site.path().join(file);
        let file = file.to_str().unwrap();
        let out = stranger
            .run(&["receipt", "check", file, "--input", &input()])
            .exits(0);
        assert!(out.starts_with("the receipt holds"), "{out}");
        assert!(out.contains("the one that was given"), "{out}");
        let unread = stranger.run(&["receipt", "check", file]);
        assert!(
            unread.err.contains("the input was not compared"),
            "{}",
            unread.err
        );
        unread.exits(0);
        let other = workspace().join("examples/kubernetes/pod-hardened.json");
        let out = stranger
            .run(&["receipt", "check", file, "--input", other.to_str().unwrap()])
            .exits(1);
        assert!(
            out.contains("ANOTHER one") && out.contains("another input"),
            "{out}"
        );
        stranger.run(&["receipt", "check", file, "--no-input"]).exits(1);
    }
    // In the log of the node, and anchored: nothing is overdue.
    let url = format!("http://{}", node.address);
    let (answer, rpc) = (site.path().join("answer.json"), node.rpc());
    let answer = answer.to_str().unwrap().to_owned();
    let deployment: Value =
        serde_json::from_slice(&std::fs::read(site.data().join("deployment.json")).unwrap()).unwrap();
    let contract = deployment["challenge"].as_str().unwrap();
    let everything = [
        "receipt",
        "check",
        &answer,
        "--input",
        &input(),
        "--log",
        &url,
        "--rpc",
        &rpc,
        "--contract",
        contract,
        "--format",
        "json",
    ];
    eventually("the decision is anchored", || {
        let report: Value = serde_json::from_str(&stranger.run(&everything).exits(0)).unwrap();
        assert_eq!(
            (&report["holds"], &report["input"], &report["log"]["included"]),
            (&true.into(), &true.into(), &true.into())
        );
        assert_eq!(report["chain"]["signer_known"], true);
        assert_eq!(report["chain"]["active"], true);
        (report["log"]["anchored"] == true).then_some(())
    });
    altered(&stranger, &receipt);
    claims_before_their_time(&site, &stranger, &receipt);
    the_chain_has_a_word(&site, &node, &receipt);
    node.interrupt();
    // Without the node, from its data directory.
    let data = site.data();
    let out = site
        .run(&["receipt", "check", "answer.json", "--log", data.to_str().unwrap()])
        .exits(0);
    assert!(out.contains("anchored, as the log says"), "{out}");
}

/// Whatever is changed, the receipt is worth nothing, and that is exit code 1; what is no receipt is exit code 2.
fn altered(site: &Site, receipt: &Receipt) {
    let text = String::from_utf8(receipt.to_json().unwrap()).unwrap();
    let check = |text: &str, more: &[&str]| {
        std::fs::write(site.path().join("altered.json"), text).unwrap();
        site.run(&[&["receipt", "check", "altered.json"], more].concat())
    };
    let issued = format!("\"issued_at\":{}", receipt.issued_at);
    let later = text.replace(&issued, &format!("\"issued_at\":{}", receipt.issued_at + 1));
    let out = check(&later, &[]).exits(1);
    assert!(out.contains("forged, altered"), "{out}");
    // A stranger's key is told apart from a replaced operator only by whoever says so.
    let signer = out.lines().find(|line| line.contains("signed by")).unwrap();
    let signer = signer.split_whitespace().last().unwrap().to_owned();
    check(&later, &["--operator", &signer]).exits(0);
    let ahead = text.replace(&issued, "\"issued_at\":9007199254740991");
    let ran = check(&ahead, &[]);
    assert!(ran.err.contains("ahead of this machine's clock"), "{}", ran.err);
    ran.exits(1);
    let path = text.replace("\"path\":[]", &format!("\"path\":[\"{}\"]", "00".repeat(32)));
    let out = check(&path, &[]).exits(1);
    assert!(out.contains("WORTH NOTHING") && out.contains("path"), "{out}");
    for (text, problem) in [
        ("{}", "not a receipt"),
        ("", "not a receipt"),
        (&text.replace("-v1", "-v9"), "stele-receipt-v9"),
        (&format!("{{\"receipts\":[{text},{text}]}}"), "has 2 receipts"),
        (&" ".repeat(20_000), "neither a receipt"),
    ] {
        check(text, &[]).fails(2, &[problem]);
    }
    site.run(&["receipt", "check", "nowhere.json"])
        .fails(2, &["can't read nowhere.json"]);
}

/// What only the chain knows: which ledgers count, its own longest delay, and since when a replaced operator's receipts are worth nothing.
fn the_chain_has_a_word(site: &Site, node: &Node, receipt: &Receipt) {
    let mut earlier = receipt.clone();
    earlier.ledger = stele_types::NodeAddress([9; 20]);
    let promise = stele_ledger::receipt::check(&earlier).unwrap().promise;
    let signer = Account::from_file(&site.data().join("keys/node.key")).unwrap();
    earlier.signature = signer.sign_digest(&promise.digest()).unwrap();
    std::fs::write(site.path().join("earlier.json"), earlier.to_json().unwrap()).unwrap();
    let rpc = node.rpc();
    let out = site
        .run(&["receipt", "check", "earlier.json", "--rpc", &rpc])
        .exits(1);
    assert!(out.contains("nor one that came before or after it"), "{out}");
    site.run(&["challenge", "--receipt", "earlier.json", "--yes"])
        .fails(2, &["nor one that came before or after it"]);
    as_admin(site, node, async |governance, admin| {
        let terms = OmissionTerms {
            max_merge_delay: Duration::from_secs(7),
            ..governance.omission_terms().await.unwrap()
        };
        governance.set_omission_terms(admin, &terms).await.unwrap();
    });
    let check = [
        "receipt",
        "check",
        "answer.json",
        "--rpc",
        &rpc,
        "--format",
        "json",
    ];
    let report: Value = serde_json::from_str(&site.run(&check).exits(0)).unwrap();
    assert_eq!(report["due"], receipt.issued_at + 7);
    as_admin(site, node, async |governance, admin| {
        let fresh = Account::from_key(&[0x5e; 32]).unwrap();
        let rotated = governance.rotate_operator(admin, receipt.node, fresh.address());
        rotated.await.unwrap();
    });
    let out = eventually("the operator is replaced", || {
        let out = site.run(&check).exits(0);
        out.contains("was replaced as the node's operator").then_some(out)
    });
    assert!(out.contains("its receipts count until"), "{out}");
    // Dated far ahead, it can be claimed now: the contract takes it for issued then.
    let mut ahead = receipt.clone();
    ahead.issued_at += 86_400;
    let promise = stele_ledger::receipt::check(&ahead).unwrap().promise;
    ahead.signature = signer.sign_digest(&promise.digest()).unwrap();
    std::fs::write(site.path().join("ahead.json"), ahead.to_json().unwrap()).unwrap();
    let ran = site.run(&["receipt", "check", "ahead.json", "--rpc", &rpc]);
    assert!(ran.err.contains("claim now"), "{}", ran.err);
}

/// A claim before the delay has passed is refused before anything is sent, and so is one by a forged receipt.
fn claims_before_their_time(site: &Site, stranger: &Site, receipt: &Receipt) {
    site.run(&["challenge", "--receipt", "answer.json", "--yes"])
        .fails(2, &["need not be in the log before"]);
    site.run(&["challenge", "--receipt", "answer.json", "--settle", "--yes"])
        .fails(2, &["nobody has claimed"]);
    let mut forged = receipt.clone();
    forged.issued_at = 1;
    let file = stranger.path().join("forged.json");
    std::fs::write(&file, forged.to_json().unwrap()).unwrap();
    site.run(&["challenge", "--receipt", file.to_str().unwrap(), "--yes"])
        .fails(2, &["never acted for node", "forged or altered"]);
}

#[test]
fn an_honest_node_answers_claims_by_itself() {
    honest(&[]);
}

#[test]
fn an_honest_node_answers_claims_by_itself_on_anvil() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    honest(&["--rpc", &anvil.url]);
}

fn honest(more: &[&str]) {
    let site = Site::new();
    let node = site.up_with(&[&HASTY, more].concat());
    let receipt = ask(&site, &node, "answer.json");
    let claim = |more: &[&str]| site.run(&[&["challenge", "--receipt", "answer.json"], more].concat());
    // All that would be published is shown first; the input is not among it.
    // And that the node has what it is said to lack.
    let asked = eventually("the receipt is due, and the decision anchored", || {
        let ran = claim(&["--log", &format!("http://{}", node.address)]);
        ran.err
            .contains("THE DECISION IS IN THE LOG ALREADY")
            .then_some(ran)
    });
    assert!(asked.err.contains("what you pay is gone"), "{}", asked.err);
    let nowhere = claim(&["--log", "http://127.0.0.1:1"]);
    assert!(nowhere.err.contains("Nobody knows whether"), "{}", nowhere.err);
    nowhere.fails(2, &["needs consent"]);
    assert!(!asked.err.contains("AdmissionReview") && !asked.err.contains(&hex(&receipt.input_salt.0)));
    asked.fails(2, &["needs consent", "deposit of 0 wei", "its commitment"]);
    let claimed = claim(&["--yes", "--format", "json"]).exits(0);
    let claimed: Value = serde_json::from_str(&claimed).unwrap();
    assert_eq!(claimed["outcome"], "claimed");
    eventually("the node answers", || {
        let ran = claim(&["--yes"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(
            ran.out.starts_with("open") || ran.out.starts_with("answered before"),
            "{}",
            ran.out
        );
        ran.out.starts_with("answered before").then_some(())
    });
    let settled = claim(&["--settle", "--yes"]).exits(0);
    assert!(settled.starts_with("answered before"), "{settled}");
    assert!(is_active(&site, &node, &receipt));
    let out = site
        .run(&["receipt", "check", "answer.json", "--rpc", &node.rpc()])
        .exits(0);
    assert!(out.contains("shown to be in the log"), "{out}");
    node.interrupt();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies the log of a stopped node, or puts a copy back.
fn copy_log(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let status = std::process::Command::new("cp")
        .args(["-r".as_ref(), from.as_os_str(), to.as_os_str()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_node_that_loses_a_promised_decision_is_suspended() {
    loses(&[]);
}

#[test]
fn a_node_that_loses_a_promised_decision_is_suspended_on_anvil() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    loses(&["--rpc", &anvil.url]);
}

/// The node goes on with a copy of its log from before the promise: what a restored backup does, and what somebody does who wants a decision
/// forgotten.
fn loses(more: &[&str]) {
    let site = Site::new();
    let flags = [&HASTY, more].concat();
    let node = site.up_with(&flags);
    ask(&site, &node, "kept.json");
    node.interrupt();
    let (ledger, old) = (site.data().join("ledger"), site.path().join("old"));
    copy_log(&ledger, &old);
    let node = site.up_with(&flags);
    let receipt = ask(&site, &node, "lost.json");
    node.interrupt();
    copy_log(&old, &ledger);
    let node = site.up_with(&flags);
    set_window(&site, &node, 2);

    let url = format!("http://{}", node.address);
    let out = eventually("the receipt is overdue", || {
        let ran = site.run(&["receipt", "check", "lost.json", "--log", &url]);
        (ran.code == 1).then_some(ran.out)
    });
    assert!(
        out.contains("NOT THERE") && out.contains("stele challenge --receipt"),
        "{out}"
    );
    let claim = |more: &[&str]| site.run(&[&["challenge", "--receipt", "lost.json"], more].concat());
    let claimed = claim(&["--yes"]).exits(0);
    assert!(claimed.contains("--settle"), "{claimed}");
    // Nobody can end it before the node's time is over, and nobody but the node's log can answer it.
    let settled = eventually("the window is over", || {
        let ran = claim(&["--settle"]);
        (!ran.err.contains("WindowOpen")).then_some(ran)
    });
    let settled = settled.exits(1);
    assert!(settled.starts_with("omitted: decision"), "{settled}");
    assert!(!is_active(&site, &node, &receipt));
    // Until it hears of that it refuses because its log is behind its anchor; then because nobody would hold it to further promises.
    let refused = eventually("the node knows", || {
        let path = "/v1/data/kubernetes/admission?receipt=true";
        let (status, text) = node.http("POST", path, &example("kubernetes/pod-hardened.json"));
        (status == 400 && text.contains("suspended")).then_some(text)
    });
    assert!(refused.contains("receipts_unavailable"), "{refused}");
    let again = claim(&["--yes"]).exits(1);
    assert!(again.starts_with("omitted before"), "{again}");
    let out = site
        .run(&["receipt", "check", "lost.json", "--rpc", &node.rpc()])
        .exits(1);
    assert!(out.contains("NOT ACTIVE, OMITTED"), "{out}");
    let json = [
        "receipt",
        "check",
        "lost.json",
        "--rpc",
        &node.rpc(),
        "--format",
        "json",
    ];
    let report: Value = serde_json::from_str(&site.run(&json).exits(1)).unwrap();
    assert!(
        report["notes"].to_string().contains("the node is not active"),
        "{report}"
    );
}

#[test]
fn promises_that_can_not_be_kept_are_not_made() {
    let site = Site::new();
    let up = |more: &[&str]| {
        let args = ["up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"];
        site.run(&[&args[..], more].concat())
    };
    // Sooner than the log is anchored, and later than the chain looks on.
    up(&["--set", "server.receipts.merge_delay_s=10"])
        .fails(3, &["receipts.merge_delay_s", "anchor.interval_ms"]);
    up(&["--set", "server.receipts.merge_delay_s=3601"]).fails(2, &["merge_delay_s is 3601", "3600 s"]);
    for more in ["server.receipts.enabled=false", "server.anchor.enabled=false"] {
        let node = site.up_with(&["--set", more]);
        let (status, text) = node.http("POST", PATH, &example(INPUT));
        assert_eq!(status, 400, "{text}");
        assert!(text.contains("receipts_unavailable"), "{text}");
        node.interrupt();
    }
}

#[test]
fn terms_are_changed_and_deposits_withdrawn() {
    let site = Site::new();
    let node = site.up_with(&HASTY);
    let terms = |more: &[&str]| site.run(&[&["receipt", "terms"], more].concat());
    let shown = terms(&[]).exits(0);
    assert!(shown.contains("3600 s") && shown.contains("0 wei"), "{shown}");
    let changed = terms(&["--deposit", "1000", "--window", "7200", "--format", "json"]).exits(0);
    let changed: Value = serde_json::from_str(&changed).unwrap();
    let expected = serde_json::json!({
        "max_merge_delay_s": 3600, "window_s": 7200, "grace_s": 30 * 86_400, "deposit_wei": "1000",
    });
    assert_eq!(changed, expected);
    let again: Value = serde_json::from_str(&terms(&["--format", "json"]).exits(0)).unwrap();
    assert_eq!(again, expected);
    for (name, senseless) in [
        ("--window", "0"),
        ("--window", "31536001"),
        ("--window", "18446744073709551615"),
        ("--max-merge-delay", "0"),
        ("--max-merge-delay", "31536001"),
        ("--grace", "31536001"),
    ] {
        terms(&[name, senseless]).fails(2, &[name, "a year", senseless]);
    }
    terms(&["--grace", "14399"]).fails(2, &["at least 14400 s", "3600 s", "7200 s"]);
    let hasty = terms(&["--window", "1", "--key", "absent.key"]);
    assert!(
        hasty.err.contains("honest nodes will be suspended"),
        "{}",
        hasty.err
    );
    hasty.fails(3, &["absent.key", "--window 60"]);
    let hasty = terms(&["--max-merge-delay", "2", "--key", "absent.key"]);
    hasty.fails(3, &["absent.key", "--max-merge-delay 60"]);
    let calm = terms(&["--deposit", "1000", "--window", "7100", "--key", "absent.key"]);
    assert!(!calm.err.contains("warning"), "{}", calm.err);

    let withdraw = |more: &[&str]| site.run(&[&["withdraw"], more].concat());
    for account in [&[][..], &["--node"]] {
        let out = withdraw(account).exits(0);
        assert!(out.contains("may withdraw 0 wei"), "{out}");
    }
    withdraw(&["--node", "--key", "x"]).fails(2, &["cannot be used with"]);
    node.interrupt();
}
