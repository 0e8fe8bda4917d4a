//! Starting and stopping a verifier.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stele_chain::client::{Account, Governance, read_token};
use stele_ledger::VerifierKey;
use stele_ledger::storage::Store;
use stele_types::{NodeAddress, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::alert::Alerts;
use crate::bundles::Bundles;
use crate::config::{FollowedLog, VerifierConfig};
use crate::cosign::{Ask, Desk, Desks, Signers};
use crate::dispute::{Heard, Jury};
use crate::error::VerifierError;
use crate::follow::{Follower, Sampling};
use crate::gate::Gate;
use crate::replay::Replayer;
use crate::serve::{About, Served, router};
use crate::source::Source;
use crate::state::StateFile;
use crate::stats::{LogStatus, Stats};
use crate::timeline::Timeline;

/// Requests that may wait for one log.
const WAITING: usize = 64;

/// What a verifier stands on.
pub struct Deps {
    /// Where the state lies; locked against other processes while the verifier runs.
    pub store: Arc<dyn Store>,
    /// Directories with bundles.
    pub bundles: Vec<PathBuf>,
    /// Where fetched bundles are kept.
    pub kept_bundles: PathBuf,
    /// What signs.
    pub signers: Signers,
    /// The chain; without it consistency is checked and decisions are re-executed, but not whether their version was in force.
    pub chain: Option<Governance>,
    /// The account that challenges wrong decisions on chain; none does not.
    pub challenger: Option<Account>,
    /// Chooses the sample.
    pub secret: Zeroizing<[u8; 32]>,
    /// The time.
    pub clock: fn() -> Timestamp,
}

/// A log's key, address and place, as far as the configuration leaves them to the node registry.
///
/// # Errors
/// [`VerifierError::Config`] when neither says it.
pub async fn resolve(
    log: &FollowedLog,
    chain: Option<&Governance>,
) -> Result<(NodeAddress, VerifierKey, String), VerifierError> {
    let wrong = |message: String| VerifierError::Config {
        key: "logs".to_owned(),
        message,
    };
    let node: NodeAddress = log
        .node
        .parse()
        .map_err(|error| wrong(format!("names the node `{}`: {error}", log.node)))?;
    if !log.key.is_empty() && !log.url.is_empty() {
        return Ok((node, log.key.parse()?, log.url.clone()));
    }
    let chain = chain.ok_or_else(|| {
        wrong(format!(
            "must give key and url of {node}: there is no chain to ask"
        ))
    })?;
    let info = chain.node(node).await?;
    let info = info.ok_or_else(|| wrong(format!("names {node}, which is not registered")))?;
    let key = if log.key.is_empty() {
        let keys = chain.log_keys(node).await?;
        let newest = keys
            .last()
            .ok_or_else(|| wrong(format!("names {node}, which has no key")))?;
        VerifierKey::new(&info.name, newest.key)?
    } else {
        log.key.parse()?
    };
    let url = if log.url.is_empty() {
        info.uri
    } else {
        log.url.clone()
    };
    if url.is_empty() {
        return Err(wrong(format!(
            "must give the url of {node}: the registry has none"
        )));
    }
    Ok((node, key, url))
}

/// The origin that a person means: itself, or that of a node's address.
pub fn resolve_origin(log: &str) -> String {
    log.parse::<NodeAddress>()
        .map_or_else(|_| log.to_owned(), |node| stele_ledger::default_origin(&node))
}

/// A verifier.
#[derive(Debug)]
pub struct Verifier;

/// A running verifier. Dropping it stops it.
#[derive(Debug)]
pub struct Handle {
    addr: SocketAddr,
    logs: Arc<Vec<Arc<Stats>>>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Handle {
    /// The address that is listened on; its port is never 0.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The logs' status.
    pub fn logs(&self) -> Vec<LogStatus> {
        self.logs.iter().map(|stats| stats.read()).collect()
    }

    /// Finishes what is under way, and stops.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Verifier {
    /// Starts to listen and to follow.
    ///
    /// # Errors
    /// [`VerifierError`]: a configuration that can't be used, a damaged state, a busy port.
    pub async fn start(config: &VerifierConfig, deps: Deps) -> Result<Handle, VerifierError> {
        config.check()?;
        let listen = |source| VerifierError::Listen {
            addr: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let (stop, stopped) = watch::channel(false);
        let alerts = Alerts::new(&config.webhook)?;
        let mut desks = HashMap::new();
        let mut logs = Vec::new();
        let mut tasks = JoinSet::new();
        let mut heard = HashMap::new();
        for log in &config.logs {
            let follower = follower(config, log, &deps, &alerts).await?;
            let (asks, queue) = mpsc::channel(WAITING);
            let key = follower.key.clone();
            if desks.contains_key(key.name()) {
                // Two followers would overwrite each other's state.
                return Err(VerifierError::Config {
                    key: "logs".to_owned(),
                    message: format!("names two logs with the origin `{}`", key.name()),
                });
            }
            logs.push(Arc::clone(&follower.stats));
            let (source, records) = (follower.source.clone(), log.records);
            heard.insert(follower.node, Heard { source, records });
            desks.insert(key.name().to_owned(), Desk { key, asks });
            let task = run(
                follower,
                queue,
                deps.signers.clone(),
                config.poll(),
                stopped.clone(),
            );
            tasks.spawn(task);
        }
        let logs = Arc::new(logs);
        let served = Served {
            desks: Desks {
                logs: desks,
                wait: Duration::from_millis(config.wait_ms),
            },
            logs: Arc::clone(&logs),
            gate: gate(config, &deps, heard),
            about: Arc::new(About {
                cosigner: deps.signers.cosigner.key().to_string(),
                account: deps
                    .signers
                    .account
                    .as_ref()
                    .map(|account| account.address().to_string()),
            }),
        };
        let mut stopped = stopped;
        tasks.spawn(async move {
            let server = axum::serve(listener, router(served))
                .with_graceful_shutdown(async move { ended(&mut stopped).await });
            if let Err(error) = server.await {
                tracing::error!(%error, "the verifier's port is closed");
            }
        });
        Ok(Handle {
            addr,
            logs,
            stop,
            tasks,
        })
    }
}

/// What judges disputes, if anybody may bring one, and there is what it takes to sign.
fn gate(config: &VerifierConfig, deps: &Deps, logs: HashMap<NodeAddress, Heard>) -> Option<Arc<Gate>> {
    if config.disputes.tokens.is_empty() {
        return None;
    }
    let jury = Jury {
        logs,
        chain: deps.chain.clone()?,
        account: deps.signers.account.clone()?,
        bundles: Bundles::new(deps.bundles.clone(), deps.kept_bundles.clone()),
        config: config.disputes.clone(),
        wait: Duration::from_millis(config.wait_ms),
        bench: tokio::sync::Mutex::default(),
        precedence: crate::precedence::Precedence::default(),
        counts: crate::dispute::Counts::default(),
    };
    Some(Arc::new(Gate::new(jury)))
}

async fn follower(
    config: &VerifierConfig,
    log: &FollowedLog,
    deps: &Deps,
    alerts: &Alerts,
) -> Result<Follower, VerifierError> {
    let (node, key, url) = resolve(log, deps.chain.as_ref()).await?;
    let token = token(log)?;
    let file = StateFile::open(Arc::clone(&deps.store), key.name())?;
    let stats = Arc::new(Stats::default());
    stats.update(|status| {
        status.origin = key.name().to_owned();
        status.node = node.to_string();
        status.url.clone_from(&url);
    });
    stats.of_state(file.state());
    Ok(Follower {
        key,
        node,
        source: Source::new(&url, token)?,
        records: log.records && config.sample > 0.0,
        sign_unchecked: config.sign_unchecked,
        chain: deps.chain.clone(),
        file,
        bundles: Bundles::new(deps.bundles.clone(), deps.kept_bundles.clone()),
        sampling: Sampling {
            share: config.sample,
            secret: deps.secret.clone(),
            refuse_withheld: config.refuse_withheld,
        },
        stats,
        teller: alerts.teller(),
        clock: deps.clock,
        timeline: Arc::new(Timeline::default()),
        replayer: Replayer::default(),
        recent: BTreeMap::new(),
        anchored: None,
        challenger: deps.challenger.clone(),
        falls: 0,
        secret: deps.secret.clone(),
    })
}

fn token(log: &FollowedLog) -> Result<Option<Zeroizing<String>>, VerifierError> {
    if log.token_file.as_os_str().is_empty() {
        return Ok(None);
    }
    let token = read_token(&log.token_file).map_err(|error| VerifierError::Config {
        key: "logs".to_owned(),
        message: format!("names the token file {}: {error}", log.token_file.display()),
    })?;
    Ok(Some(token))
}

/// A log's task: looks and requests, one after the other.
async fn run(
    mut follower: Follower,
    mut queue: mpsc::Receiver<Ask>,
    signers: Signers,
    pause: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut looks = tokio::time::interval(pause);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    follower.remind();
    loop {
        tokio::select! {
            () = ended(&mut stop) => return,
            ask = queue.recv() => match ask {
                Some(ask) => follower.answer(ask, &signers).await,
                None => return,
            },
            news = follower.teller.news() => follower.heard(news),
            _ = looks.tick() => look(&mut follower).await,
        }
    }
}

/// Returns when the verifier is stopped.
async fn ended(stop: &mut watch::Receiver<bool>) {
    // Nobody left who could stop it means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn look(follower: &mut Follower) {
    let outcome = follower.look().await;
    let now = (follower.clock)();
    let stats = Arc::clone(&follower.stats);
    match outcome {
        Ok(()) => stats.update(|status| {
            status.problem = None;
            status.seen_at = Some(now);
        }),
        Err(error) => {
            let problem = error.to_string();
            let first = stats.read().problem.as_ref() != Some(&problem);
            if first {
                tracing::error!(log = follower.key.name(), problem, "a log can't be verified");
            }
            stats.update(|status| {
                status.failures = status.failures.saturating_add(1);
                status.problem = Some(problem);
            });
        }
    }
}
