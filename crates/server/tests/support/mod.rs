//! A real server on a free port with the real engine, for end-to-end tests.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use stele_pdp::{Ack, DecisionSink, Done, Evidence, PolicyInForce, PolicyOptions, Snapshot, SnapshotStore};
use stele_policy::{bundle, load};
use stele_server::{
    Accepted, Deps, Filter, Handle, Head, Log, LogError, LogStats, Page, Server, ServerConfig,
};
use stele_types::{
    DecisionId, DecisionRecord, Digest, LeafIndex, NodeAddress, PolicyId, Timestamp, TreeSize,
};

/// Policies that every test may use.
pub const POLICIES: [(&str, &str); 3] = [
    (
        "kubernetes/admission",
        "# METADATA\n# title: Pods\n# custom:\n#   id: kubernetes/admission\n#   severity: high\npackage kubernetes.admission\n\n\
         deny contains msg if {\n\tinput.privileged\n\tmsg := \"no privileged pods\"\n}\n\nowner := input.owner\n",
    ),
    (
        "system/main",
        "# METADATA\n# custom:\n#   id: system/main\npackage system.main\n\ndefault allow := false\n\nallow if input.user == \"root\"\n",
    ),
    (
        "broken",
        "# METADATA\n# custom:\n#   id: broken\npackage broken\n\ntwo := 1 if input.x\n\ntwo := 2 if input.x\n\n\
         loop := count([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i == j])\n\n\
         busy := count([1 | some i in numbers.range(1, 3000); i > 0])\n\n\
         big := numbers.range(1, 5000)\n\nstrict := 1 / input.zero\n",
    ),
];

/// A running server.
pub struct Fixture {
    pub base: String,
    pub client: reqwest::Client,
    handle: Option<Handle>,
}

/// A configuration for tests: any free port, two workers.
pub fn config() -> ServerConfig {
    ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        workers: 2,
        ..ServerConfig::default()
    }
}

/// A policy's bundle.
pub fn bundle_of(id: &str, text: &str) -> bundle::Bundle {
    let set = load::load_files([(format!("{id}/policy.rego"), text)]).unwrap();
    bundle::build(&set, &PolicyId::new(id).unwrap()).unwrap()
}

/// A snapshot of [`POLICIES`].
pub fn snapshot() -> Snapshot {
    let policies = POLICIES.iter().map(|(id, text)| {
        let built = bundle_of(id, text);
        let id = PolicyId::new(id).unwrap();
        Arc::new(
            PolicyInForce::from_bundle(&built.bytes, &id, built.digest, PolicyOptions::default()).unwrap(),
        )
    });
    Snapshot::new(policies).unwrap()
}

impl Fixture {
    pub fn start(config: ServerConfig) -> Self {
        let log = Arc::new(MemoryLog::default());
        let deps = Deps {
            snapshots: Arc::new(SnapshotStore::new(snapshot(), Timestamp(u64::MAX), None)),
            sink: Arc::clone(&log) as Arc<dyn DecisionSink>,
            log,
            node: NodeAddress([7; 20]),
            chain: None,
        };
        let handle = Server::start(config, deps).unwrap();
        Self {
            base: format!("http://{}", handle.addr()),
            client: reqwest::Client::new(),
            handle: Some(handle),
        }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(body)
    }

    /// Status and JSON body.
    pub async fn json(&self, request: RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
        )
    }

    pub fn stop(mut self) {
        self.handle.take().unwrap().shutdown().unwrap();
    }
}

/// Removes what differs from run to run.
pub fn without_id(mut body: Value) -> Value {
    let id = body
        .as_object_mut()
        .unwrap()
        .remove("decision_id")
        .expect("every decision has an id");
    id.as_str().unwrap().parse::<DecisionId>().unwrap();
    body
}

#[derive(Default)]
struct MemoryLog {
    records: Mutex<BTreeMap<DecisionId, DecisionRecord>>,
}

impl DecisionSink for MemoryLog {
    fn append(&self, evidence: Evidence, done: Done) {
        assert!(evidence.record.check(&evidence.leaf).unwrap().is_consistent());
        let mut records = self.records.lock().unwrap();
        records.insert(evidence.record.decision_id, evidence.record);
        done(Ok(Ack {
            index: LeafIndex::new(records.len() as u64 - 1),
        }));
    }
}

fn unsupported<T>() -> Result<T, LogError> {
    Err(LogError::Refused("not kept in memory".to_owned()))
}

impl Log for MemoryLog {
    fn stats(&self) -> Result<LogStats, LogError> {
        Ok(LogStats {
            leaves: self.records.lock().unwrap().len() as u64,
            ..LogStats::default()
        })
    }
    fn head(&self) -> Result<Head, LogError> {
        unsupported()
    }
    fn tile(&self, _: &str) -> Result<Option<Vec<u8>>, LogError> {
        Ok(None)
    }
    fn consistency(&self, _: TreeSize, _: TreeSize) -> Result<Vec<Digest>, LogError> {
        unsupported()
    }
    fn keep_anchor(&self, _: &Accepted, _: &Head) -> Result<(), LogError> {
        unsupported()
    }
    fn record(&self, id: DecisionId) -> Result<Option<(u64, DecisionRecord)>, LogError> {
        Ok(self
            .records
            .lock()
            .unwrap()
            .get(&id)
            .map(|record| (0, record.clone())))
    }
    fn list(&self, _: &Filter) -> Result<Page, LogError> {
        unsupported()
    }
    fn proof(&self, _: DecisionId) -> Result<Option<Vec<u8>>, LogError> {
        unsupported()
    }
    fn erase(&self, _: DecisionId) -> Result<bool, LogError> {
        unsupported()
    }
    fn close(&self) -> Result<(), LogError> {
        Ok(())
    }
}
