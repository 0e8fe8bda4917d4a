//! Receipts over HTTP, with a chain that only promises.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "tests may panic"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value as Json, json};
use stele_chain::client::{CheckpointSignature, Quorum};
use stele_ledger::receipt::check;
use stele_ledger::{AckMode, Anchor, Options};
use stele_pdp::Snapshot;
use stele_server::{
    BundleStore, ChainLink, ChainProblem, Counted, DecisionLog, Deps, Handle, InForce, Pending,
    ReceiptAuthority, Server,
};
use stele_types::{Digest, NodeAddress, PolicyId, Receipt, TreeSize, Value};
use support::{LEDGER, POLICIES, authority, bundle_of, config, log_key, operator};

/// A chain that has policies in force and no anchors, and is away otherwise.
struct Promising(Vec<InForce>, Arc<AtomicBool>);

impl ChainLink for Promising {
    fn epoch(&self) -> Pending<'_, u64> {
        Box::pin(async { Ok(1) })
    }

    fn in_force(&self) -> Pending<'_, Vec<InForce>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn last_anchor(&self) -> Pending<'_, Option<(TreeSize, Digest)>> {
        Box::pin(async { Ok(None) })
    }

    fn quorum(&self) -> Pending<'_, Quorum> {
        Box::pin(async { Err(ChainProblem("away".to_owned())) })
    }

    fn verifier(&self, _: TreeSize, _: Digest, _: Vec<u8>) -> Pending<'_, Option<CheckpointSignature>> {
        Box::pin(async { Ok(None) })
    }

    fn anchor(
        &self,
        _: TreeSize,
        _: Digest,
        _: Vec<Digest>,
        _: Vec<CheckpointSignature>,
    ) -> Pending<'_, Anchor> {
        Box::pin(async { Err(ChainProblem("away".to_owned())) })
    }

    fn counted(&self) -> Pending<'_, Counted> {
        let counted = if self.1.load(Ordering::SeqCst) {
            Counted::Yes
        } else {
            Counted::Suspended
        };
        Box::pin(async move { Ok(counted) })
    }

    fn receipts(&self) -> Option<ReceiptAuthority> {
        Some(authority())
    }
}

struct Site {
    base: String,
    client: reqwest::Client,
    handle: Handle,
    active: Arc<AtomicBool>,
    _dir: tempfile::TempDir,
}

const MASK: (&str, &str) = (
    "system/log",
    "# METADATA\n# custom:\n#   id: system/log\npackage system.log\n\nmask contains \"/input/secret\"\n",
);

impl Site {
    async fn start(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bundles = BundleStore::new(dir.path().join("bundles"));
        let in_force = POLICIES.iter().chain([&MASK]).map(|(id, text)| {
            let bundle = bundle_of(id, text);
            bundles.put(&bundle.bytes).unwrap();
            InForce {
                policy: PolicyId::new(id).unwrap(),
                version: bundle.digest,
                contract: NodeAddress([1; 20]),
                code_hash: Digest([1; 32]),
            }
        });
        let active = Arc::new(AtomicBool::new(true));
        let link = Promising(in_force.collect(), Arc::clone(&active));
        let deps = Deps {
            snapshot: Snapshot::default(),
            log: DecisionLog::open(&dir.path().join("log"), log_key(), options).unwrap(),
            node: operator().node_address(),
            chain: Some((Arc::new(link), bundles)),
            clock: stele_server::system_clock(),
        };
        let handle = tokio::task::spawn_blocking(move || Server::start(config(), deps))
            .await
            .unwrap()
            .unwrap();
        Self {
            base: format!("http://{}", handle.addr()),
            client: reqwest::Client::new(),
            handle,
            active,
            _dir: dir,
        }
    }

    async fn post(&self, path: &str, header: Option<&str>, body: Json) -> Response {
        let mut request = self.client.post(format!("{}{path}", self.base)).json(&body);
        if let Some(value) = header {
            request = request.header("stele-receipt", value);
        }
        request.send().await.unwrap()
    }

    async fn stop(self) {
        let Self { handle, .. } = self;
        tokio::task::spawn_blocking(move || handle.shutdown())
            .await
            .unwrap()
            .unwrap();
    }
}

/// Receipts in an answer; each holds together and opens to the input.
async fn receipts(response: Response, input: &Json) -> Vec<Receipt> {
    assert_eq!(response.status(), StatusCode::OK);
    let body: Json = response.json().await.unwrap();
    let list = body["receipts"].as_array().unwrap_or_else(|| panic!("{body}"));
    let receipts: Vec<Receipt> = list.iter().map(|one| held(&one.to_string(), input)).collect();
    assert_eq!(body["decision_id"], receipts[0].decision_id.to_string());
    receipts
}

fn held(text: &str, input: &Json) -> Receipt {
    let receipt = Receipt::from_json(text.as_bytes()).unwrap();
    let checked = check(&receipt).unwrap();
    assert_eq!(checked.signer, operator().node_address());
    assert_eq!((receipt.ledger, receipt.merge_delay), (LEDGER, 300));
    let input: Value = serde_json::from_value(input.clone()).unwrap();
    assert!(receipt.opens_to(Some(&input)).unwrap());
    assert!(!receipt.opens_to(None).unwrap());
    receipt
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_endpoint_gives_receipts() {
    let site = Site::start(Options::default()).await;
    let input = json!({"user": "root", "privileged": true});
    let body = json!({ "input": input });
    for (path, header) in [
        ("/v1/data/system/main/allow?receipt=true", None),
        ("/v1/data/system/main/allow?receipt", None),
        ("/v1/data/system/main/allow", Some("true")),
        ("/v1/data/system/main/allow?receipt=true", Some("false")),
        (
            "/v1/data/system/main/allow?receipt=true&pretty&metrics&provenance&explain=notes",
            None,
        ),
    ] {
        let answer = site.post(path, header, body.clone()).await;
        assert_eq!(receipts(answer, &input).await.len(), 1, "{path}");
    }
    // Not asked for, and asked for in a way that nobody understands.
    for (path, header) in [
        ("/v1/data/system/main", None),
        ("/v1/data/system/main?receipt=false", None),
        ("/v1/data/system/main", Some("0")),
    ] {
        let answer: Json = site.post(path, header, body.clone()).await.json().await.unwrap();
        assert!(answer.get("receipts").is_none(), "{path}: {answer}");
    }
    let odd = site
        .post("/v1/data/system/main", Some("please"), body.clone())
        .await;
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
    // The query string's input; the bare forms, whose receipts stand in headers.
    let url = format!(
        "{}/v1/data/system/main?receipt=true&input=%7B%22user%22%3A1%7D",
        site.base
    );
    receipts(site.client.get(url).send().await.unwrap(), &json!({"user": 1})).await;
    for path in ["/v0/data/system/main/allow", "/"] {
        let answer = site.post(path, Some("true"), input.clone()).await;
        let id = answer.headers()["stele-decision-id"].to_str().unwrap().to_owned();
        let texts: Vec<&str> = answer
            .headers()
            .get_all("stele-receipt")
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(texts.len(), 1, "{path}");
        assert_eq!(held(texts[0], &input).decision_id.to_string(), id);
    }
    // Several policies: one decision each, one receipt each, all of one batch or of several.
    let answer = site
        .post("/v1/data/system?receipt=true", None, body.clone())
        .await;
    let several = receipts(answer, &input).await;
    assert_eq!(several.len(), 2, "system/log and system/main");
    assert_ne!(several[0].decision_id, several[1].decision_id);
    // What fails has no receipt: there is no answer that could be held against the node.
    let failed = site
        .post(
            "/v1/data/broken/two?receipt=true",
            None,
            json!({"input": {"x": true}}),
        )
        .await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let failed: Json = failed.json().await.unwrap();
    assert!(
        failed["decision_id"].is_string() && failed.get("receipts").is_none(),
        "{failed}"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_promised_is_in_the_log_as_promised() {
    // Acknowledged from memory: a promise waits for the disk all the same.
    let site = Site::start(Options {
        ack: AckMode::Memory,
        ..Options::default()
    })
    .await;
    let input = json!({"user": "root", "secret": "s3cret"});
    let answer = site
        .post(
            "/v1/data/system/main?receipt=true",
            None,
            json!({ "input": input }),
        )
        .await;
    let receipt = receipts(answer, &input).await.remove(0);
    let id = receipt.decision_id;
    let record = |path: String| {
        let request = site.client.get(format!("{}{path}", site.base));
        async move { request.send().await.unwrap().json::<Json>().await.unwrap() }
    };
    let proof = record(format!("/v1/decisions/{id}/proof")).await;
    assert_eq!(proof["leaf"], serde_json::to_value(&receipt).unwrap()["leaf"]);
    // The log has masked the input, and its salt with it; who sent it can still show what was asked.
    let stored = record(format!("/v1/decisions/{id}")).await;
    assert!(stored["result"]["input"].get("secret").is_none(), "{stored}");
    assert!(stored["result"].get("input_salt").is_none(), "{stored}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_that_come_together_share_signatures() {
    let site = Arc::new(Site::start(Options::default()).await);
    let requests = (0..64).map(|number| {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let input = json!({ "user": number });
            let body = json!({ "input": input });
            let answer = site.post("/v1/data/system/main?receipt=true", None, body).await;
            receipts(answer, &input).await.remove(0)
        })
    });
    let mut batches = std::collections::BTreeMap::<[u8; 65], (u64, u64)>::new();
    for request in requests.collect::<Vec<_>>() {
        let receipt = request.await.unwrap();
        let batch = batches.entry(receipt.signature.0).or_default();
        *batch = (batch.0 + 1, receipt.batch.size.get());
    }
    assert!(batches.values().all(|(seen, size)| seen == size), "{batches:?}");
    let metrics = site
        .client
        .get(format!("{}/metrics", site.base))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("stele_receipts_total 64"), "{metrics}");
    assert!(
        metrics.contains(&format!("stele_receipt_signatures_total {}", batches.len())),
        "{metrics}"
    );
    Arc::into_inner(site).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_node_promises_nothing() {
    let site = Site::start(Options::default()).await;
    let path = "/v1/data/kubernetes/admission";
    let input = json!({"privileged": true});
    // Once the registry's poll has seen it, either way.
    for (active, expected) in [(false, StatusCode::BAD_REQUEST), (true, StatusCode::OK)] {
        site.active.store(active, Ordering::SeqCst);
        let mut tries = 0;
        let answer = loop {
            let answer = site.post(path, Some("true"), json!({"input": input})).await;
            tries += 1;
            if answer.status() == expected || tries > 600 {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(answer.status(), expected);
        if !active {
            let body: Json = answer.json().await.unwrap();
            assert_eq!(body["code"], "receipts_unavailable");
            let plain = site.post(path, None, json!({"input": input})).await;
            assert_eq!(plain.status(), StatusCode::OK, "it goes on to decide");
            let metrics = site
                .client
                .get(format!("{}/metrics", site.base))
                .send()
                .await
                .unwrap();
            assert!(
                metrics
                    .text()
                    .await
                    .unwrap()
                    .contains("\nstele_node_suspended 1\n")
            );
        }
    }
    site.stop().await;
}
