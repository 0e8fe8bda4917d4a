//! Private challenges: verifiers as processes of their own re-execute a decision, the contract takes the word of a quorum of them, and the
//! input gets nowhere.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/lies.rs"]
mod lies;
#[path = "support/peers.rs"]
mod peers;
mod support;
#[path = "support/verifiers.rs"]
mod verifiers;

use lies::log_a_lie;
use peers::Anvil;
use serde_json::{Value, json};
use std::path::Path;
use stele_types::sha256;
use support::{Node, Ran, Site, http_with};
use verifiers::Verifier;

/// Stands in the input of the decisions, and nowhere in the policy.
const PRIVATE: [&str; 2] = ["705ab4f5-6393-11e8-b7cc-42010a800002", "dev@corp.example"];
const TOKEN: &str = "the challenger's token";
const OWN_TOKEN: &str = "the operator's token";

fn digest(token: &str) -> String {
    sha256(&[token.as_bytes()]).to_string()
}

/// A verifier that follows the node's log, re-executes nothing by itself, and judges disputes for the token.
fn start(of: &Site, node: &Node, more: &[&str]) -> Verifier {
    let mut verifier = Verifier::new();
    let tokens = format!("verifier.disputes.tokens=[\"{}\"]", digest(TOKEN));
    let args = ["--set", "verifier.sample=0", "--set", &tokens];
    verifier.start(of, node, &[&args[..], more].concat());
    verifier
}

/// The verifier's account, as people read it.
fn checksum(verifier: &Verifier) -> String {
    let address: stele_types::EvmAddress = verifier.account.parse().unwrap();
    address.to_string()
}

/// The node's chain, asked as anybody can.
fn rpc(node: &Node, method: &str, parameters: Value) -> Value {
    let url = node.rpc();
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
    let (status, text) = support::http(address, "POST", "/", request.to_string().as_bytes()).unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["result"].clone()
}

/// What transactions sent, and what contracts logged, on the whole chain, in hexadecimal digits.
fn published(node: &Node) -> String {
    let head = rpc(node, "eth_blockNumber", json!([]));
    let head = u64::from_str_radix(head.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let mut all = String::new();
    for number in 0..=head {
        let block = rpc(
            node,
            "eth_getBlockByNumber",
            json!([format!("{number:#x}"), true]),
        );
        for transaction in block["transactions"].as_array().unwrap() {
            all += transaction["input"].as_str().unwrap();
            all.push('\n');
        }
    }
    let logs = rpc(
        node,
        "eth_getLogs",
        json!([{"fromBlock": "0x0", "toBlock": "latest"}]),
    );
    for log in logs.as_array().unwrap() {
        all += log["data"].as_str().unwrap();
        all.push('\n');
    }
    all
}

/// Whether any file below a directory holds a text.
fn holds(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// Somebody with nothing but a proof, an account that can pay, and a token.
struct Challenger {
    site: Site,
    args: Vec<String>,
}

impl Challenger {
    /// Proves the decision first, which waits until it is anchored.
    fn new(of: &Site, node: &Node, id: &str) -> Self {
        let site = Site::new();
        let proof = site.path().join("proof.json");
        of.run(&["prove", id, "--wait", "60", "-o", proof.to_str().unwrap()])
            .exits(0);
        std::fs::write(site.path().join("token"), TOKEN).unwrap();
        let deployment = std::fs::read(of.data().join("deployment.json")).unwrap();
        let deployment: Value = serde_json::from_slice(&deployment).unwrap();
        let key = of.data().join("keys/compliance.key");
        let args = [
            "challenge",
            "--private",
            "--proof",
            "proof.json",
            "--rpc",
            &node.rpc(),
            "--contract",
            deployment["challenge"].as_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ];
        let args = args.map(str::to_owned).to_vec();
        Self { site, args }
    }

    fn challenge(&self, addresses: &[&str], more: &[&str]) -> Ran {
        let urls: Vec<String> = addresses
            .iter()
            .map(|address| format!("http://{address}"))
            .collect();
        let mut args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        for url in &urls {
            args.extend(["--verifier", url]);
        }
        args.extend(more);
        self.site.run(&args)
    }

    fn known(&self, addresses: &[&str], more: &[&str]) -> Ran {
        self.challenge(addresses, &[&["--verifier-token", "token"], more].concat())
    }
}

fn quorum(site: &Site, signatures: &str) {
    // Anchors of these small logs need nobody, so that the lie gets onto the chain.
    let args = [
        "verifier",
        "quorum",
        "--above",
        "1000000",
        "--signatures",
        signatures,
    ];
    site.run(&args).exits(0);
}

fn admit(site: &Site, verifier: &Verifier) {
    site.run(&["verifier", "admit", &verifier.account]).exits(0);
}

#[test]
fn a_lie_is_refuted_and_its_input_stays_private() {
    refuted(&[], &[]);
}

#[test]
fn a_lie_is_refuted_privately_on_anvil_with_a_record_that_is_sent() {
    let Some(anvil) = Anvil::free() else {
        return;
    };
    // The node gives its records to others than these verifiers.
    let tokens = format!("server.records.tokens=[\"{}\"]", digest(OWN_TOKEN));
    refuted(&["--rpc", &anvil.url, "--set", &tokens], &["--send-record"]);
}

fn refuted(node_args: &[&str], more: &[&str]) {
    let site = Site::new();
    let node = site.up_with(node_args);
    if !more.is_empty() {
        // For the operator's own commands, which ask the node for records too.
        std::fs::write(site.data().join("keys/records.token"), OWN_TOKEN).unwrap();
    }
    let truth = node.admit("kubernetes/pod-privileged.json");
    let other = node.admit("kubernetes/pod-hardened.json");
    node.interrupt();
    let lie = log_a_lie(&site, &truth, &other);
    let node = site.up_with(node_args);
    let verifiers = [0; 3].map(|_| start(&site, &node, &["--set", "verifier.disputes.per_minute=1000"]));
    let [one, two, three] = [0, 1, 2].map(|who: usize| verifiers[who].address.clone());
    let party = Challenger::new(&site, &node, &lie);
    let known = |addresses: &[&str], and: &[&str]| party.known(addresses, &[more, and].concat());

    known(&[&one, &two], &[]).fails(2, &["demands no quorum"]);
    quorum(&site, "2");
    admit(&site, &verifiers[0]);
    admit(&site, &verifiers[1]);
    known(&[&one], &[]).fails(2, &["2 verifiers must agree, and 1 are named"]);
    party
        .challenge(&[&one, &two], more)
        .fails(2, &["401", "fewer than 2 verifiers agree"]);
    known(&[&one, "127.0.0.1:1"], &[]).fails(3, &["fewer than 2 verifiers agree", "127.0.0.1:1"]);
    known(&[&one, &one], &[]).fails(2, &["was asked already"]);
    known(&[&one, &three], &[]).fails(2, &["does not count", &checksum(&verifiers[2])]);
    if !more.is_empty() {
        party
            .known(&[&one, &two], &[])
            .fails(2, &["422", "send the record"]);
    }

    // All that would be published is shown, and nothing of the input is among it.
    let asked = known(&[&one, &two], &[]);
    for text in PRIVATE {
        assert!(!asked.err.contains(text), "{}", asked.err);
    }
    let shown = [
        "ANOTHER result",
        "its commitment",
        &checksum(&verifiers[0]),
        "needs consent",
    ];
    asked.fails(2, &shown);

    let answer = known(&[&one, &two, &three], &["--yes", "--format", "json"]).exits(1);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&answer["verdict"], &answer["private"]),
        (&"refuted".into(), &true.into())
    );
    assert_eq!(
        (&answer["decision_id"], &answer["before"]),
        (&lie.as_str().into(), &false.into())
    );
    let mut expected = [0, 1].map(|who: usize| verifiers[who].account.to_lowercase());
    expected.sort();
    let said: Vec<String> = answer["verifiers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|who| who.as_str().unwrap().to_lowercase())
        .collect();
    assert_eq!(said, expected);
    let before = known(&[&one, &two], &["--yes"]).exits(1);
    assert!(before.starts_with("refuted before"), "{before}");
    // The open way knows it too, and the node anchors no more.
    site.run(&["challenge", &lie, "--yes"]).exits(1);
    site.run(&["challenge", &other, "--yes"])
        .fails(2, &["not active"]);

    stays_private(&node, &party, verifiers);
    node.interrupt();
}

/// The leaf became public, and nothing of the input: not on the chain, not in what the verifiers log or keep.
fn stays_private(node: &Node, party: &Challenger, verifiers: [Verifier; 3]) {
    let proof: Value =
        serde_json::from_slice(&std::fs::read(party.site.path().join("proof.json")).unwrap()).unwrap();
    let all = published(node);
    assert!(
        all.contains(proof["leaf"].as_str().unwrap()),
        "the leaf is what became public"
    );
    let salt = proof["record"]["input_salt"].as_str().unwrap().to_owned();
    assert!(!all.contains(&salt));
    for text in PRIVATE {
        assert!(proof.to_string().contains(text));
        assert!(!all.contains(&hex::encode(text)), "{text} is on the chain");
    }
    let (_, metrics) = support::http(&verifiers[0].address, "GET", "/metrics", b"").unwrap();
    assert!(
        metrics.contains("stele_verifier_disputes_total{outcome=\"refuted\"}"),
        "{metrics}"
    );
    for mut verifier in verifiers {
        let log = verifier.stop();
        for text in PRIVATE.iter().chain([&salt.as_str()]) {
            assert!(!log.contains(*text), "{log}");
            assert!(!holds(verifier.site.path(), text), "{text} is kept");
        }
    }
}

#[test]
fn an_honest_decision_is_upheld_and_verifiers_that_disagree_settle_nothing() {
    let site = Site::new();
    let node = site.up();
    let id = node.admit("kubernetes/pod-privileged.json");
    let verifiers = [0; 2].map(|_| start(&site, &node, &[]));
    let party = Challenger::new(&site, &node, &id);
    quorum(&site, "2");
    for verifier in &verifiers {
        admit(&site, verifier);
    }
    let [one, two] = [0, 1].map(|who: usize| verifiers[who].address.as_str());

    // One that lies, with a signature that is its own.
    let liar = site.data().join("keys/security.key");
    let liar = stele_chain::client::Account::from_file(&liar).unwrap();
    site.run(&["verifier", "admit", &liar.address().to_string()])
        .exits(0);
    let false_word = lying(&site, &party, liar);
    party
        .known(&[one, &false_word], &["--yes"])
        .fails(2, &["the verifiers disagree", "1 found a result"]);
    // With a quorum of one mind the third is told of, and settles nothing.
    let asked = party.known(&[one, two, &false_word], &["--yes"]);
    assert!(
        asked
            .err
            .contains("the verifiers disagree; a quorum is of one mind"),
        "{}",
        asked.err
    );
    let upheld = asked.exits(0);
    assert!(upheld.starts_with("upheld: decision"), "{upheld}");
    let again = party.known(&[one, two], &["--yes"]).exits(0);
    assert!(again.starts_with("upheld before"), "{again}");
    // The chain itself may still be asked.
    let open = site.run(&["challenge", &id, "--yes"]).exits(0);
    assert!(open.starts_with("upheld: decision"), "{open}");
    node.interrupt();
}

/// The address of a verifier that signs whatever hurts the node.
fn lying(site: &Site, party: &Challenger, account: stele_chain::client::Account) -> String {
    use stele_chain::client::{ChainClient, ClientOptions, Deployment, DisputeOutcome, Endpoint, Governance};
    let deployment = std::fs::read(site.data().join("deployment.json")).unwrap();
    let deployment: Deployment = serde_json::from_slice(&deployment).unwrap();
    let url = party.args[party.args.iter().position(|arg| arg == "--rpc").unwrap() + 1].clone();
    let connect = ChainClient::connect(Endpoint::parse(&url).unwrap(), ClientOptions::default());
    let client = tokio::runtime::Runtime::new().unwrap().block_on(connect).unwrap();
    let governance = Governance::new(client, deployment);
    answering("200 OK", move |request| {
        let outcome = DisputeOutcome {
            leaf: request.leaf,
            computed: stele_types::Digest([0xbb; 32]),
            challenger: request.challenger.0.into(),
        };
        let signed = governance.sign_outcome(&account, &outcome).unwrap();
        json!({
            "verdict": "refuted",
            "computed": outcome.computed,
            "account": signed.signer,
            "signature": signed.signature,
        })
    })
}

/// The address of a verifier that gives every dispute such an answer.
fn answering(
    status: &'static str,
    answer: impl Fn(stele_verifier::DisputeRequest) -> Value + Send + 'static,
) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            while !text.ends_with("]}") {
                let count = stream.read(&mut buffer).unwrap();
                text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
            }
            let body = text.split_once("\r\n\r\n").unwrap().1;
            let answer = answer(serde_json::from_str(body).unwrap()).to_string();
            let head = "Content-Type: application/json\r\nConnection: close\r\nContent-Length:";
            write!(
                stream,
                "HTTP/1.1 {status}\r\n{head} {}\r\n\r\n{answer}",
                answer.len()
            )
            .unwrap();
        }
    });
    address
}

#[test]
fn disputes_are_heard_for_few_and_within_bounds() {
    let site = Site::new();
    let node = site.up();
    let id = node.admit("kubernetes/pod-privileged.json");
    let verifier = start(
        &site,
        &node,
        &[
            "--set",
            "verifier.disputes.max_bytes=20000",
            "--set",
            "verifier.disputes.per_minute=8",
        ],
    );
    let party = Challenger::new(&site, &node, &id);
    let proof: Value =
        serde_json::from_slice(&std::fs::read(party.site.path().join("proof.json")).unwrap()).unwrap();
    let good = json!({
        "challenger": "0x0101010101010101010101010101010101010101",
        "leaf": proof["leaf"],
        "index": proof["index"],
        "anchor": 0,
        "inclusion": proof["inclusion"],
        "record": proof["record"],
    });
    let post = |token: &str, body: &[u8]| {
        let header = format!("Authorization: Bearer {token}\r\n");
        http_with(&verifier.address, "POST", "/v1/disputes", &header, body).unwrap()
    };
    let (status, _) = support::http(&verifier.address, "POST", "/v1/disputes", b"{}").unwrap();
    assert_eq!(status, 401);
    assert_eq!(post("another", good.to_string().as_bytes()).0, 401);
    let but = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        post(TOKEN, body.to_string().as_bytes())
    };
    let (status, text) = post(TOKEN, format!("{{\"record\": \"{}\"}}", PRIVATE[1]).as_bytes());
    assert!(status == 400 && !text.contains(PRIVATE[1]), "{status} {text}");
    assert_eq!(post(TOKEN, &vec![b' '; 20_001]).0, 413);
    assert_eq!(
        but("challenger", json!("0x0000000000000000000000000000000000000000")).0,
        400
    );
    let (status, text) = but("index", json!(77));
    assert!(status == 422 && text.contains("does not lead"), "{status} {text}");
    let (status, text) = but("anchor", json!(77));
    assert!(
        status == 422 && text.contains("no such anchor"),
        "{status} {text}"
    );
    let mut record = proof["record"].clone();
    record["input"]["request"]["name"] = "another".into();
    let (status, text) = but("record", record);
    assert!(
        status == 422 && text.contains("not the one that the leaf commits to"),
        "{status} {text}"
    );
    let (status, text) = post(TOKEN, good.to_string().as_bytes());
    assert!(status == 200 && text.contains("\"upheld\""), "{status} {text}");
    let mut leaf = proof["leaf"].as_str().unwrap().to_owned();
    leaf.replace_range(128 + 24..192, &"01".repeat(20));
    let (status, text) = but("leaf", leaf.into());
    assert!(
        status == 404 && text.contains("is not followed"),
        "{status} {text}"
    );
    let (status, text) = post(TOKEN, good.to_string().as_bytes());
    assert!(status == 429, "{status} {text}");
    node.interrupt();
}

#[test]
fn whom_a_private_challenge_asks_is_checked_first() {
    let site = Site::new();
    let node = site.up();
    let id = node.admit("kubernetes/pod-privileged.json");
    let party = Challenger::new(&site, &node, &id);
    let mut silent = Verifier::new();
    silent.start(&site, &node, &[]);
    let (status, _) = support::http(&silent.address, "POST", "/v1/disputes", b"{}").unwrap();
    assert_eq!(status, 404, "nobody is admitted unless somebody is");
    party
        .challenge(&["verifier.example"], &["--send-record"])
        .fails(2, &["show the input", "use https"]);
    party
        .known(&["verifier.example"], &[])
        .fails(2, &["show the token", "use https"]);
    let two = ["--verifier-token", "token", "--verifier-token", "token"];
    party
        .challenge(&["a.example"], &two)
        .fails(2, &["2 tokens for 1 verifiers"]);
    // What passes by itself is worth another try; what does not is the caller's to mend.
    quorum(&site, "1");
    for (status, code) in [
        ("429 Too Many Requests", 3),
        ("500 Internal Server Error", 3),
        ("503 Service Unavailable", 3),
        ("409 Conflict", 2),
        ("422 Unprocessable Entity", 2),
    ] {
        let address = answering(status, |_| json!({ "error": "not now" }));
        party
            .known(&[&address], &[])
            .fails(code, &[&format!("{status}: not now")]);
    }
    node.interrupt();
}
