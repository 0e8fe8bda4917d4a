//! Recorded decisions, asked of the running node or read from the data directory when none runs.

use crate::chain::block_on;
use crate::config::Sources;
use crate::exit::{Environment, EnvironmentContext};
use crate::home::{Home, HomeLock};
use crate::keys;
use crate::remote;
use anyhow::{Context, Result, bail};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stele_chain::client::read_token;
use stele_ledger::proof::{InclusionProof, ProofBundle};
use stele_ledger::{Ledger, LedgerError, ListQuery, SigningKey, checkpoint};
use stele_types::{DecisionId, DecisionRecord, PolicyId};
use zeroize::Zeroizing;

/// Variable that names the file with the token for reading records.
const TOKEN_VARIABLE: &str = "STELE_RECORDS_TOKEN_FILE";

/// Where recorded decisions are read.
pub(crate) enum Records {
    /// A running node.
    Node { base: String, client: reqwest::Client },
    /// The log itself; no node has it.
    Log { ledger: Box<Ledger>, _lock: HomeLock },
}

/// What to list.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) limit: usize,
    pub(crate) policy: Option<PolicyId>,
    pub(crate) decision: Option<String>,
}

/// How long a log may take to publish what it holds, in attempts a second apart.
const ATTEMPTS: u32 = 15;

/// The answer was an error.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Refused {
    status: StatusCode,
    code: String,
    message: String,
}

impl Refused {
    /// Whether it is the API's own word that a decision is not in the log. Any server, and a node without the path that was asked, has a 404.
    fn is_of(&self, id: DecisionId) -> bool {
        self.status == StatusCode::NOT_FOUND
            && self.code == "resource_not_found"
            && self.message == LedgerError::UnknownDecision { id }.to_string()
    }
}

/// A node's page of decisions, as far as it is used here.
#[derive(Deserialize)]
struct PageAnswer {
    result: Vec<PageItem>,
}

#[derive(Deserialize)]
struct PageItem {
    decision_id: DecisionId,
}

/// A node's record.
#[derive(Deserialize)]
struct RecordAnswer {
    result: DecisionRecord,
    index: u64,
}

/// A node's answer to an erasure.
#[derive(Deserialize)]
struct ErasedAnswer {
    result: Erased,
}

#[derive(Deserialize)]
struct Erased {
    recorded: serde_json::Value,
}

impl Records {
    /// Reaches the records of the data directory.
    pub(crate) fn open(sources: &Sources) -> Result<Self> {
        Self::of(&sources.home()?)
    }

    /// What any node shows to everybody, over HTTP.
    pub(crate) fn at_url(url: &str) -> Result<Self> {
        Self::node(url.trim_end_matches('/').to_owned(), None)
    }

    /// A node, and the token that it may want of whoever reads records: in the file that `STELE_RECORDS_TOKEN_FILE` names, or beside the keys.
    fn node(base: String, home: Option<&Home>) -> Result<Self> {
        // The token is one node's, and is shown to no other.
        let named = || std::env::var_os(TOKEN_VARIABLE).map(PathBuf::from);
        let token = home.and_then(|home| {
            let beside = home.keys().join("records.token");
            named().or_else(|| Some(beside).filter(|path| path.exists()))
        });
        let mut headers = HeaderMap::new();
        if let Some(path) = token {
            let token = read_token(&path).environment(format!("can't read {}", path.display()))?;
            let header = Zeroizing::new(format!("Bearer {}", *token));
            let mut header = HeaderValue::from_str(&header)
                .with_context(|| format!("{} holds no token", path.display()))?;
            header.set_sensitive(true);
            headers.insert(AUTHORIZATION, header);
        }
        Ok(Self::Node {
            base,
            client: remote::client().default_headers(headers).build()?,
        })
    }

    /// Reaches the records of a data directory.
    pub(crate) fn of(home: &Home) -> Result<Self> {
        if let Some(node) = home.running() {
            return Self::node(node.url, Some(home));
        }
        if !home.exists() {
            return Err(Environment(format!(
                "no node has ever run in {}; start one with `stele up`, or name its directory with --data-dir",
                home.root().display()
            ))
            .into());
        }
        let lock = home.lock()?;
        Ok(Self::Log {
            ledger: Box::new(open_ledger(home)?),
            _lock: lock,
        })
    }

    /// The running node, if one has the data directory.
    pub(crate) fn open_node(home: &Home) -> Result<Option<Self>> {
        home.running()
            .map(|node| Self::node(node.url, Some(home)))
            .transpose()
    }

    /// A decision's id; `latest` is the newest.
    pub(crate) fn resolve(&self, text: &str) -> Result<DecisionId> {
        if text != "latest" {
            return text.parse().with_context(|| {
                format!("`{text}` is no decision id; ids look like UUIDs, and `latest` is the newest")
            });
        }
        let newest = self
            .list(&Query {
                limit: 1,
                ..Query::default()
            })?
            .into_iter()
            .next();
        newest
            .map(|(_, record)| record.decision_id)
            .context("no decision is recorded yet")
    }

    /// Decisions, newest first, with their places in the log.
    pub(crate) fn list(&self, query: &Query) -> Result<Vec<(u64, DecisionRecord)>> {
        match self {
            Self::Node { .. } => {
                let mut parameters = vec![format!("limit={}", query.limit)];
                parameters.extend(query.policy.as_ref().map(|policy| format!("policy={policy}")));
                parameters.extend(
                    query
                        .decision
                        .as_ref()
                        .map(|decision| format!("decision={decision}")),
                );
                let page: PageAnswer = self.get(&format!("/v1/decisions?{}", parameters.join("&")))?;
                page.result
                    .iter()
                    .map(|item| self.record(item.decision_id))
                    .collect()
            }
            Self::Log { ledger, .. } => {
                let mut found = Vec::new();
                let mut search = ListQuery {
                    limit: query.limit,
                    policy: query.policy.clone(),
                    ..ListQuery::default()
                };
                while found.len() < query.limit {
                    let page = ledger.list(&search).environment("the decision log")?;
                    let wanted = page.entries.into_iter().filter(|entry| {
                        query.decision.is_none()
                            || entry.record.labels.get("decision") == query.decision.as_ref()
                    });
                    found.extend(wanted.map(|entry| (entry.index.get(), entry.record)));
                    search.start = page.next;
                    if search.start.is_none() {
                        break;
                    }
                }
                found.truncate(query.limit);
                Ok(found)
            }
        }
    }

    /// One decision with its place in the log.
    pub(crate) fn record(&self, id: DecisionId) -> Result<(u64, DecisionRecord)> {
        match self {
            Self::Node { .. } => {
                let answer: RecordAnswer = self.get(&format!("/v1/decisions/{id}"))?;
                Ok((answer.index, answer.result))
            }
            Self::Log { ledger, .. } => {
                let entry = match ledger.record(&id) {
                    Err(error @ LedgerError::UnknownDecision { .. }) => return Err(error.into()),
                    found => found.environment("the decision log")?,
                };
                Ok((entry.index.get(), entry.record))
            }
        }
    }

    /// A decision's proof.
    pub(crate) fn proof(&self, id: DecisionId) -> Result<ProofBundle> {
        match self {
            Self::Node { .. } => {
                let bytes = self.fetch(&format!("/v1/decisions/{id}/proof"))?;
                Ok(ProofBundle::from_json(&bytes)?)
            }
            Self::Log { ledger, .. } => ledger.prove(&id).environment("the decision log"),
        }
    }

    /// Where a decision stands in the log, without its record; `None` when the log has no such decision.
    pub(crate) fn find_inclusion(&self, id: DecisionId) -> Result<Option<InclusionProof>> {
        match self {
            Self::Node { .. } => self.ask_inclusion(id),
            Self::Log { ledger, .. } => {
                let mut found = ledger.prove_inclusion(&id);
                if matches!(found, Err(LedgerError::NotPublished { .. })) {
                    ledger.publish().environment("the decision log")?;
                    found = ledger.prove_inclusion(&id);
                }
                match found {
                    Err(LedgerError::UnknownDecision { .. }) => Ok(None),
                    found => found.map(Some).environment("the decision log"),
                }
            }
        }
    }

    /// The same of a node, which may not have published it yet.
    fn ask_inclusion(&self, id: DecisionId) -> Result<Option<InclusionProof>> {
        let path = format!("/v1/decisions/{id}/inclusion");
        let mut attempts = 1;
        loop {
            let error = match self.get(&path) {
                Ok(proof) => return Ok(Some(proof)),
                Err(error) => error,
            };
            match error.downcast_ref::<Refused>() {
                Some(refused) if refused.is_of(id) => return Ok(None),
                Some(refused) if refused.code == "not_published" && attempts < ATTEMPTS => {
                    attempts = attempts.saturating_add(1);
                    std::thread::sleep(Duration::from_secs(1));
                }
                Some(refused) => {
                    let what = "the log can't be asked for the decision, which says nothing about it";
                    return Err(Environment(format!("{what}: {refused}")).into());
                }
                None => return Err(error),
            }
        }
    }

    /// A decision's proof; while a node runs, waits until it is anchored.
    pub(crate) fn proof_when_anchored(&self, id: DecisionId, patience: Duration) -> Result<ProofBundle> {
        let start = Instant::now();
        loop {
            let bundle = self.proof(id)?;
            let hopeless = matches!(self, Self::Log { .. });
            if bundle.anchor.is_some() || hopeless || start.elapsed() >= patience {
                return Ok(bundle);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Erases input and salt of a decision; false when they were gone already.
    pub(crate) fn erase(&self, id: DecisionId, reason: &str) -> Result<bool> {
        if matches!(self, Self::Log { .. }) {
            bail!("erasing is recorded by the node; start it with `stele up` and try again");
        }
        let answer: ErasedAnswer = self.post(
            &format!("/v1/decisions/{id}/erase"),
            &serde_json::json!({"reason": reason}),
        )?;
        Ok(!answer.result.recorded.is_null())
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        answer(path, &self.fetch(path)?)
    }

    /// Posts JSON to the running node.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let body = serde_json::to_vec(body)?;
        answer(path, &self.send(reqwest::Method::POST, path, body)?)
    }

    /// Asks the running node of the data directory something that only its own version is sure to answer.
    ///
    /// # Errors
    /// Of the environment, with both versions, where node and command don't understand each other.
    pub(crate) fn ask_own<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let body = serde_json::to_vec(body)?;
        let why = match self.send(reqwest::Method::POST, path, body) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(answer) => return Ok(answer),
                Err(error) => format!("its answer can't be read ({error})"),
            },
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused)
                    if matches!(refused.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) =>
                {
                    format!("it does not take the question ({refused})")
                }
                _ => return Err(error),
            },
        };
        let node = match self.version() {
            Some(version) => format!("Stele {version}"),
            None => "of another version".to_owned(),
        };
        let own = env!("CARGO_PKG_VERSION");
        let message = format!(
            "node and command don't understand each other at {path}: {why}. The node is {node}, this command is Stele {own}; use the `stele` that the node runs, \
             or restart the node with this one"
        );
        Err(Environment(message).into())
    }

    /// What the running node says that it is.
    fn version(&self) -> Option<String> {
        let status: serde_json::Value = self.get("/v1/status").ok()?;
        Some(status.get("result")?.get("version")?.as_str()?.to_owned())
    }

    fn fetch(&self, path: &str) -> Result<Vec<u8>> {
        self.send(reqwest::Method::GET, path, Vec::new())
    }

    fn send(&self, method: reqwest::Method, path: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let Self::Node { base, client } = self else {
            bail!("no node runs")
        };
        block_on(async {
            let request = client
                .request(method, format!("{base}{path}"))
                .header("content-type", "application/json")
                .body(body);
            let what = format!("the node at {base}");
            let response = request.send().await.map_err(anyhow::Error::new);
            let response = response.environment(&what)?;
            let status = response.status();
            let bytes = remote::body(response, remote::MAX_ANSWER, &what).await?;
            if !status.is_success() {
                let error: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
                let text = |name| error.as_ref().and_then(|error| error.get(name)?.as_str());
                let message = text("message").unwrap_or(status.as_str()).to_owned();
                let code = text("code").unwrap_or_default().to_owned();
                return Err(Refused {
                    status,
                    code,
                    message,
                }
                .into());
            }
            Ok(bytes)
        })
    }
}

fn answer<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).with_context(|| format!("the node's answer to {path} makes no sense"))
}

/// Opens the log of a data directory, as its node would.
fn open_ledger(home: &Home) -> Result<Ledger> {
    let options = stele_ledger::Options::default();
    Ledger::open(&home.ledger(), signing_key(home)?, options).environment("the decision log")
}

/// The key that signs the checkpoints of a data directory's log, under the name that its node's address gives it.
pub(crate) fn signing_key(home: &Home) -> Result<SigningKey> {
    let address = keys::node_account(home)?.node_address();
    let seed = keys::log_seed(home)?;
    Ok(SigningKey::from_seed(
        &checkpoint::default_origin(&address),
        &seed,
    )?)
}
