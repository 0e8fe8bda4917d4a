//! Verifiers as processes of their own, beside a node and its chain.
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
#[path = "support/spoil.rs"]
mod spoil;
mod support;
#[path = "support/verifiers.rs"]
mod verifiers;

use governance::as_admin;
use lies::{log_a_backdated, log_a_lie};
use peers::Anvil;
use serde_json::Value;
use spoil::Spoiler;
use stele_chain::client::Account;
use stele_ledger::CosignerKey;
use stele_ledger::witness::with_signatures;
use support::{Node, Site, eventually};
use verifiers::Verifier;

/// A request for the node's newest checkpoint by a client that knows of nothing cosigned.
fn request(node: &Node) -> (String, String) {
    let (status, note) = node.http("GET", "/checkpoint", b"");
    assert_eq!(status, 200, "{note}");
    (format!("old 0\n\n{note}"), note)
}

#[test]
fn a_node_is_followed_re_executed_and_cosigned() {
    let site = Site::new();
    let node = site.up();
    for body in ["kubernetes/pod-privileged.json", "kubernetes/pod-hardened.json"] {
        node.admit(body);
    }
    // A path without a policy, a failed evaluation's kin, and an erasure: none of them can be re-executed, all are looked at.
    node.json("POST", "/v1/data/no/policy/here", b"{}");
    let erased = node.admit("kubernetes/pod-hardened.json");
    site.run(&["decision", "erase", &erased, "--reason", "asked for"])
        .exits(0);
    let mut verifier = Verifier::new();
    verifier.start(&site, &node, &[]);
    let status = eventually("all is verified", || {
        let status = verifier.status();
        (status["verified"] == 5).then_some(status)
    });
    assert!(status["refused"].is_null(), "{status}");
    let expected = serde_json::json!({"agrees": 2, "no_policy": 1, "withheld": 1, "erasure": 1});
    assert_eq!(status["decisions"], expected);

    let (body, note) = request(&node);
    let (code, lines) = verifier.add(&body);
    assert_eq!(code, 200, "{lines}");
    let key: CosignerKey = verifier.cosigner.parse().unwrap();
    key.verify(&with_signatures(&note, lines.lines()).unwrap())
        .unwrap();
    assert_eq!(verifier.add(&body), (409, "5\n".to_owned()));
    let table = verifier.site.run(&["verifier", "status"]).exits(0);
    assert!(table.contains("agrees 2") && table.contains("well"), "{table}");
    let (code, metrics) = support::http(&verifier.address, "GET", "/metrics", b"").unwrap();
    assert_eq!(code, 200);
    for line in ["stele_verifier_cosigned_leaves", "outcome=\"agrees\"} 2"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    verifier.stop();
    node.interrupt();
}

#[test]
fn a_wrong_decision_is_refused_until_an_operator_acts() {
    let site = Site::new();
    let node = site.up();
    let truth = node.admit("kubernetes/pod-privileged.json");
    let other = node.admit("kubernetes/pod-hardened.json");
    node.interrupt();
    let lie = log_a_lie(&site, &truth, &other);
    let node = site.up();
    let mut verifier = Verifier::new();
    verifier.start(&site, &node, &[]);
    let status = eventually("the lie is found", || {
        let status = verifier.status();
        (!status["refused"].is_null()).then_some(status)
    });
    let refused = &status["refused"];
    assert_eq!(refused["accusation"], "wrong_decision");
    assert_eq!(
        (&refused["decision"]["decision_id"], &refused["decision"]["index"]),
        (&lie.as_str().into(), &2.into())
    );
    assert_eq!((&status["verified"], &status["cosigned"]), (&0.into(), &0.into()));
    let (body, _) = request(&node);
    let (code, text) = verifier.add(&body);
    assert_eq!(code, 403, "{text}");
    let table = verifier.site.run(&["verifier", "status"]);
    assert!(table.out.contains("REFUSED"), "{table:?}");
    table.exits(1);
    assert_eq!(
        support::http(&verifier.address, "GET", "/health", b"").unwrap().0,
        500
    );

    // A restart forgets nothing; a running verifier's state is nobody else's.
    let origin = status["origin"].as_str().unwrap().to_owned();
    verifier
        .site
        .run(&["verifier", "resume", &origin])
        .fails(3, &["in use"]);
    let errors = verifier.stop();
    assert!(errors.contains("ERROR") && errors.contains(&lie), "{errors}");
    verifier.start(&site, &node, &[]);
    assert_eq!(verifier.status()["refused"]["accusation"], "wrong_decision");
    verifier.stop();
    let resume = |more: &[&str]| {
        verifier
            .site
            .run(&[&["verifier", "resume", &origin], more].concat())
    };
    resume(&[]).fails(2, &["would be found wrong again", &lie]);
    resume(&["--accept-decision", &truth]).fails(2, &[&lie]);
    resume(&["--accept-decision", &lie]).exits(0);
    resume(&[]).fails(2, &["is not refused"]);
    verifier.start(&site, &node, &[]);
    let status = eventually("the log is verified", || {
        let status = verifier.status();
        (status["verified"] == 3).then_some(status)
    });
    assert_eq!(
        status["decisions"],
        serde_json::json!({"agrees": 2, "accepted": 1})
    );
    assert_eq!(verifier.add(&body).0, 200);
    verifier.stop();
    node.interrupt();
}

/// Takes one request, and gives it back.
fn webhook() -> (String, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.ends_with("}}") {
            let count = stream.read(&mut buffer).unwrap();
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        sender.send(text).unwrap();
    });
    (url, receiver)
}

#[test]
fn a_verifier_challenges_by_itself_and_calls_for_people() {
    challenged(&[]);
}

#[test]
fn a_verifier_challenges_on_anvil() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    challenged(&["--rpc", &anvil.url]);
}

#[test]
fn a_challenge_that_the_chain_takes_back_is_tried_again() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    let (site, node, _) = lying(&["--rpc", &anvil.url]);
    let operator = Account::from_file(&site.data().join("keys/node.key")).unwrap();
    let active = || {
        as_admin(&site, &node, async |chain, _| {
            chain.is_active_node(operator.node_address()).await.unwrap()
        })
    };
    let block = || {
        let number = anvil.rpc("eth_blockNumber", "");
        u64::from_str_radix(number.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    let before = block();
    let mut verifier = Verifier::new();
    verifier.start(&site, &node, &["--set", "verifier.challenge=true"]);
    let decision = |verifier: &Verifier| verifier.status()["refused"]["decision"].clone();
    let noted = eventually("the lie is challenged", || {
        let noted = decision(&verifier);
        (!noted["challenge"].is_null()).then_some(noted)
    });
    assert!(!noted["unsettled"].is_null(), "no final block says so: {noted}");
    assert!(!active());
    verifier.stop();

    // All of it is taken back, and final blocks say so.
    anvil.rpc("anvil_reorg", &format!("{}, []", block() - before));
    anvil.rpc("anvil_dropAllTransactions", "");
    assert!(active(), "the refutation is gone");
    anvil.rpc("anvil_mine", "70");
    verifier.start(&site, &node, &["--set", "verifier.challenge=true"]);
    eventually("the lie is challenged again", || (!active()).then_some(()));
    anvil.rpc("anvil_mine", "70");
    let settled = eventually("a final block says so", || {
        let noted = decision(&verifier);
        (!noted["challenge"].is_null() && noted["unsettled"].is_null()).then_some(noted)
    });
    assert!(
        settled["challenge"].as_str().unwrap().starts_with("refuted"),
        "{settled}"
    );
    verifier.stop();
    node.interrupt();
}

/// A node with a lie in its log, which it has anchored: site, node, and the ids of the lie and of a true decision.
fn lying(more: &[&str]) -> (Site, Node, (String, String)) {
    let site = Site::new();
    let node = site.up_with(more);
    let truth = node.admit("kubernetes/pod-privileged.json");
    let other = node.admit("kubernetes/pod-hardened.json");
    node.interrupt();
    let lie = log_a_lie(&site, &truth, &other);
    let node = site.up_with(more);
    // No quorum is demanded, so the node anchors the lie.
    site.run(&["prove", &lie, "--wait", "60", "-o", "proof.json"])
        .exits(0);
    (site, node, (lie, other))
}

fn challenged(more: &[&str]) {
    let (site, node, (lie, other)) = lying(more);
    let (url, called) = webhook();
    let hook = format!("verifier.webhook={url}");
    let mut verifier = Verifier::new();
    verifier.start(
        &site,
        &node,
        &["--set", "verifier.challenge=true", "--set", &hook],
    );
    let status = eventually("the lie is challenged", || {
        let status = verifier.status();
        (!status["refused"]["decision"]["challenge"].is_null()).then_some(status)
    });
    let outcome = status["refused"]["decision"]["challenge"].as_str().unwrap();
    assert!(outcome.starts_with("refuted in 0x"), "{status}");
    assert!(
        !status.to_string().contains("AdmissionReview"),
        "the input is shown to nobody"
    );
    let call = called.recv().unwrap();
    assert!(call.starts_with("POST /alerts") && call.contains(&lie), "{call}");
    assert!(!call.contains("AdmissionReview"), "{call}");
    eventually("it is known that the webhook was told", || {
        (verifier.status()["refused"]["told"] == true).then_some(())
    });
    site.run(&["challenge", &other, "--yes"])
        .fails(2, &["not active"]);
    verifier.stop();
    node.interrupt();
}

#[test]
fn a_backdated_decision_is_refused_and_its_node_suspended() {
    let site = Site::new();
    let node = site.up();
    let truth = node.admit("kubernetes/pod-privileged.json");
    node.interrupt();
    let late = log_a_backdated(&site, &truth);
    let node = site.up();
    site.run(&["prove", &late, "--wait", "60", "-o", "proof.json"])
        .exits(0);
    let mut verifier = Verifier::new();
    // The order of the leaves' times needs no records.
    let more = ["--set", "verifier.challenge=true", "--set", "verifier.sample=0"];
    // The node has been found out, and its tiles are no evidence; that is no reason to give up.
    let spoiler = Spoiler::before(&node.address);
    verifier.start_at(&spoiler.address, &site, &node, &more);
    let status = eventually("the tiles are in the way", || {
        let status = verifier.status();
        let found = !status["refused"]["decision"]["obstacle"].is_null();
        (found || !status["refused"]["decision"]["challenge"].is_null()).then_some(status)
    });
    let decision = &status["refused"]["decision"];
    assert!(decision["challenge"].is_null(), "{status}");
    let obstacle = decision["obstacle"].as_str().unwrap();
    assert!(obstacle.contains("does not commit to"), "{status}");
    spoiler.relent();
    let status = eventually("the date is refuted", || {
        let status = verifier.status();
        (!status["refused"]["decision"]["challenge"].is_null()).then_some(status)
    });
    let refused = &status["refused"];
    assert_eq!(refused["accusation"], "misdated", "{status}");
    let decision = &refused["decision"];
    assert_eq!(
        (&decision["decision_id"], &decision["index"], &decision["ahead"]),
        (&late.as_str().into(), &1.into(), &0.into())
    );
    let outcome = decision["challenge"].as_str().unwrap();
    assert!(outcome.starts_with("refuted in 0x"), "{status}");
    let (body, _) = request(&node);
    assert_eq!(verifier.add(&body).0, 403);
    site.run(&["challenge", &truth, "--yes"])
        .fails(2, &["not active"]);

    // Whoever comes later sees that it is done, and an operator can go on beyond it.
    verifier.stop();
    let origin = status["origin"].as_str().unwrap();
    let resume = ["verifier", "resume", origin, "--accept-decision", &late];
    verifier.site.run(&resume).exits(0);
    verifier.start(&site, &node, &more);
    eventually("the log is verified", || {
        let status = verifier.status();
        (status["verified"] == 2 && status["decisions"]["accepted"] == 1).then_some(())
    });
    verifier.stop();
    node.interrupt();
}

#[test]
fn anyone_with_two_proofs_refutes_a_date() {
    let site = Site::new();
    let node = site.up();
    let truth = node.admit("kubernetes/pod-privileged.json");
    // An anchor of its own: the two proofs lead to different trees.
    let prove = |id: &str, file: &str| site.run(&["prove", id, "--wait", "60", "-o", file]).exits(0);
    prove(&truth, "first.json");
    node.interrupt();
    let late = log_a_backdated(&site, &truth);
    let node = site.up();
    prove(&late, "second.json");
    let dates = |files: [&str; 2], more: &[&str]| {
        site.run(&[&["challenge", "--dates", files[0], files[1]], more].concat())
    };
    dates(["first.json", "first.json"], &[]).fails(2, &["NotLater"]);
    std::fs::write(site.path().join("bad.json"), "{}").unwrap();
    dates(["bad.json", "first.json"], &[]).fails(2, &["bad.json"]);
    let url = format!("http://{}", node.address);
    // In whatever order they are given.
    let out = dates(["second.json", "first.json"], &["--log", &url]).exits(1);
    assert!(
        out.starts_with("misdated: decision") && out.contains(&late),
        "{out}"
    );
    assert!(out.contains("is suspended, in transaction 0x"), "{out}");
    let again = dates(["first.json", "second.json"], &["--format", "json"]).exits(1);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(
        (&again["verdict"], &again["before"]),
        (&"misdated".into(), &true.into())
    );
    site.run(&["challenge", &truth, "--yes"])
        .fails(2, &["not active"]);
    node.interrupt();
}

#[test]
fn a_decision_that_can_not_be_verified_is_seen_and_lifted() {
    let site = Site::new();
    let node = site.up();
    let erased = node.admit("kubernetes/pod-hardened.json");
    site.run(&["decision", "erase", &erased, "--reason", "asked for"])
        .exits(0);
    let mut verifier = Verifier::new();
    let more = ["--set", "verifier.refuse_withheld=true"];
    verifier.start(&site, &node, &more);
    let status = eventually("the erased input is in the way", || {
        let status = verifier.status();
        (!status["hindrance"].is_null()).then_some(status)
    });
    assert_eq!(status["hindrance"]["decision_id"], erased.as_str(), "{status}");
    assert!(status["refused"].is_null(), "it accuses nobody");
    let problem = status["problem"].as_str().unwrap();
    assert!(
        problem.contains("--accept-decision") && problem.contains(&erased),
        "{problem}"
    );
    verifier.stop();
    let origin = status["origin"].as_str().unwrap().to_owned();
    let resume = |more: &[&str]| {
        verifier
            .site
            .run(&[&["verifier", "resume", &origin], more].concat())
    };
    resume(&[]).fails(2, &["is not refused", &erased]);
    resume(&["--accept-version", &"0".repeat(64)]).fails(2, &["is one decision"]);
    resume(&["--accept-decision", &erased, "--accept-version", "0"]).fails(2, &["accept-version"]);
    resume(&["--accept-decision", &erased]).exits(0);
    resume(&["--accept-version", &"0".repeat(64)]).fails(2, &["nothing of it can't be verified"]);
    verifier.start(&site, &node, &more);
    eventually("the log is verified", || {
        let status = verifier.status();
        (status["verified"] == 2 && status["decisions"]["accepted"] == 1).then_some(())
    });
    verifier.stop();
    node.interrupt();
}

#[test]
fn the_contract_gets_no_signature_over_what_was_not_re_executed_before_a_restart() {
    let site = Site::new();
    let node = site.up();
    node.admit("kubernetes/pod-hardened.json");
    let note = eventually("the decision is in a checkpoint", || {
        let (_, note) = request(&node);
        (note.lines().nth(1) == Some("1")).then_some(note)
    });
    let mut verifier = Verifier::new();
    let mut old = 0;
    let unchecked = ["--set", "verifier.sample=0"];
    let anyway = ["--set", "verifier.sign_unchecked=true"];
    for (more, signs) in [(&unchecked[..], false), (&[][..], false), (&anyway[..], true)] {
        verifier.start(&site, &node, more);
        assert_eq!(
            verifier.signs_for_the_contract(&format!("old {old}\n\n{note}")),
            signs,
            "{more:?}"
        );
        old = 1;
        let status = verifier.status();
        assert_eq!(
            (&status["verified"], &status["unchecked_until"]),
            (&1.into(), &1.into()),
            "{status}"
        );
        let table = verifier.site.run(&["verifier", "status"]).exits(0);
        assert!(table.contains("nothing re-executed up to 1"), "{table}");
        verifier.stop();
    }
    // Who has looked at everything signs.
    let mut other = Verifier::new();
    other.start(&site, &node, &[]);
    assert!(other.signs_for_the_contract(&format!("old 0\n\n{note}")));
    assert_eq!(other.status()["unchecked_until"], 0);
    other.stop();
    node.interrupt();
}

#[test]
fn what_is_missing_is_said_at_the_start() {
    let site = Site::new();
    site.run(&["verifier"])
        .fails(2, &["verifier.logs", "names no log"]);
    site.run(&["verifier", "--log", "me"])
        .fails(2, &["verifier.logs[0].node", "me"]);
    let node = "0x0101010101010101010101010101010101010101";
    site.run(&["verifier", "--log", node])
        .fails(3, &["deployment.json", "--deployment"]);
    site.run(&["verifier", "--log", node, "--set", "verifier.chain=false"])
        .fails(3, &["key and url"]);
    let args = ["verifier", "--log", node, "--set", "verifier.chain=false"];
    site.run(&[&args[..], &["--set", "verifier.challenge=true"]].concat())
        .fails(2, &["verifier.challenge", "needs verifier.chain"]);
    site.run(&["verifier", "status"])
        .fails(2, &["no verifier was started", "--url"]);
    site.run(&["verifier", "resume", node])
        .fails(2, &["is not refused here"]);
    let keys: Value =
        serde_json::from_str(&site.run(&["verifier", "keys", "--format", "json"]).exits(0)).unwrap();
    let again: Value =
        serde_json::from_str(&site.run(&["verifier", "keys", "--format", "json"]).exits(0)).unwrap();
    assert_eq!(keys, again);
}
