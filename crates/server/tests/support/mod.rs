//! A real server on a free port with the real engine, for end-to-end tests.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]

use std::path::Path;
use std::sync::Arc;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use stele_chain::client::Account;
use stele_ledger::{Options, SigningKey};
use stele_pdp::{PolicyInForce, PolicyOptions, Snapshot};
use stele_policy::{bundle, load};
use stele_server::{DecisionLog, Deps, Handle, ReceiptAuthority, Server, ServerConfig};
use stele_types::{ChainId, DecisionId, NodeAddress, PolicyId};

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
    pub dir: tempfile::TempDir,
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

/// The node of all tests.
pub const NODE: NodeAddress = NodeAddress([7; 20]);

/// The ledger contract of chains that are made up.
pub const LEDGER: NodeAddress = NodeAddress([0x1e; 20]);

/// Who operates a node that has a chain.
pub fn operator() -> Account {
    Account::from_key(&[7; 32]).unwrap()
}

/// What signs receipts for that node.
pub fn authority() -> ReceiptAuthority {
    ReceiptAuthority {
        chain_id: ChainId::new(31_337),
        ledger: LEDGER,
        node: operator().node_address(),
        sign: Arc::new(|digest| operator().sign_digest(digest).map_err(|error| error.to_string())),
    }
}

/// The key that signs the log.
pub fn log_key() -> SigningKey {
    SigningKey::from_seed("stele.test/log", &[9; 32]).unwrap()
}

/// A log in a directory, published at once.
pub fn open_log(dir: &Path) -> DecisionLog {
    DecisionLog::open(dir, log_key(), Options::default()).unwrap()
}

impl Fixture {
    /// A server with [`POLICIES`] in force and a log in a directory of its own.
    pub fn start(config: ServerConfig) -> Self {
        Self::start_with(config, snapshot())
    }

    /// The same with other policies in force.
    pub fn start_with(config: ServerConfig, snapshot: Snapshot) -> Self {
        Self::start_in(
            tempfile::tempdir().unwrap(),
            config,
            snapshot,
            stele_server::system_clock(),
        )
    }

    /// The same on a log that may be there already, by another clock.
    pub fn start_in(
        dir: tempfile::TempDir,
        config: ServerConfig,
        snapshot: Snapshot,
        clock: stele_server::WallClock,
    ) -> Self {
        let log = open_log(dir.path());
        Self::start_on(dir, log, config, snapshot, clock)
    }

    /// The same on a log that was opened in the directory.
    pub fn start_on(
        dir: tempfile::TempDir,
        log: DecisionLog,
        config: ServerConfig,
        snapshot: Snapshot,
        clock: stele_server::WallClock,
    ) -> Self {
        let deps = Deps {
            snapshot,
            log,
            node: NODE,
            chain: None,
            clock,
        };
        let handle = Server::start(config, deps).unwrap();
        let base = format!("http://{}", handle.addr());
        Self {
            base,
            client: reqwest::Client::new(),
            handle: Some(handle),
            dir,
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

    /// The body of an answer.
    pub async fn text(&self, path: &str) -> String {
        self.get(path).send().await.unwrap().text().await.unwrap()
    }

    /// Stops the server; the log's directory stays as long as what is returned.
    pub fn stop(mut self) -> tempfile::TempDir {
        self.handle.take().unwrap().shutdown().unwrap();
        self.dir
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
