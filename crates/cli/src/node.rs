//! A node in this process: chain, governance, log, decision point. `stele up` runs one.

pub(crate) mod banner;
pub(crate) mod bootstrap;

use crate::chain::{connect, open_embedded};
use crate::config::{Config, LedgerConfig};
use crate::exit::EnvironmentContext;
use crate::home::{Home, HomeLock, Running};
use crate::keys;
use crate::sources::{self, VersionArgs};
use anyhow::{Result, bail};
use std::sync::Arc;
use std::time::Duration;
use stele_chain::client::{Account, Endpoint, Governance, NodeRegistration};
use stele_chain::node::transport::NodeTransport;
use stele_chain::node::{Node as Chain, NodeServer};
use stele_ledger::{SigningKey, checkpoint};
use stele_pdp::Snapshot;
use stele_server::{BundleStore, DecisionLog, Deps, GovernanceLink, Handle, Server};
use stele_types::{NodeAddress, PolicyId, Timestamp};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A running node.
pub(crate) struct Node {
    pub(crate) home: Home,
    pub(crate) governance: Governance,
    pub(crate) address: NodeAddress,
    pub(crate) running: Running,
    /// Whether the chain runs in this process.
    pub(crate) embedded: bool,
    /// Policies whose source differs from what is in force.
    pub(crate) changed: Vec<PolicyId>,
    /// Where the policies were read from.
    pub(crate) source: String,
    /// Records that could not be read when the log was opened.
    pub(crate) damage: Option<String>,
    interrupts: Interrupts,
    runtime: tokio::runtime::Runtime,
    server: Handle,
    chain: Option<NodeServer>,
    // Last, so that the directory is let go when everything else is closed.
    _lock: HomeLock,
}

impl Node {
    /// Starts everything, from the bottom up. Returns when requests are answered.
    pub(crate) fn start(config: &Config) -> Result<Self> {
        let home = Home::at(&config.data_dir);
        home.create()?;
        let lock = home.lock()?;
        keys::create_missing(&home)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("stele-chain")
            .enable_all()
            .build()
            .environment("can't start the runtime")?;
        let (endpoint, chain, rpc) = runtime.block_on(start_chain(config, &home))?;
        let account = keys::node_account(&home)?;
        let address = account.node_address();
        let origin = checkpoint::default_origin(&address);
        let signing = SigningKey::from_seed(&origin, &*keys::log_seed(&home)?)?;
        home.publish_key(signing.verifier())?;
        let registration = NodeRegistration {
            node: address,
            log_key: *signing.verifier().public_key(),
            name: origin,
            uri: format!("http://{}", config.server.listen),
        };
        let (set, source) = sources::load_or_starter(&config.policies, VersionArgs::default())?;
        let (governance, changed) = runtime.block_on(async {
            let client = connect(endpoint, config, None).await?;
            let deployment = bootstrap::deployment(&home, &client).await?;
            let governance = Governance::new(client, deployment);
            check_promise(config, &governance).await?;
            // Whoever holds no role keys joins somebody else's governance and changes nothing there.
            if !keys::is_development(&home) {
                bootstrap::require_registered(&governance, address).await?;
                return Ok((governance, Vec::new()));
            }
            bootstrap::register(&home, &governance, &registration).await?;
            let changed = bootstrap::policies(&home, &governance, &set).await?;
            anyhow::Ok((governance, changed))
        })?;
        let tolerance = runtime.block_on(governance.least_tolerance());
        let tolerance = Duration::from_secs(tolerance.environment("the chain")?);
        let log = DecisionLog::open(&home.ledger(), signing, ledger_options(config, tolerance))
            .environment("the decision log")?;
        let damage = log.ledger().damage().map(ToString::to_string);
        let server = start_server(config, &home, &governance, account, log)?;
        // Before anybody can know of this process: a signal that comes while nobody listens is lost.
        let interrupts = {
            let _in_runtime = runtime.enter();
            Interrupts::listen()?
        };
        let running = Running {
            pid: std::process::id(),
            url: format!("http://{}", server.addr()),
            rpc,
        };
        home.announce(&running)?;
        let embedded = chain.is_some();
        Ok(Self {
            home,
            governance,
            address,
            running,
            embedded,
            changed,
            source,
            damage,
            interrupts,
            runtime,
            server,
            chain,
            _lock: lock,
        })
    }

    /// Returns at Ctrl-C or SIGTERM, also when it came since the start.
    pub(crate) fn wait_for_interrupt(&mut self) {
        let Interrupts { pressed, terminate } = &mut self.interrupts;
        self.runtime.block_on(async {
            tokio::select! {
                _ = pressed.recv() => {}
                _ = terminate.recv() => {}
            }
        });
    }

    /// Answers what is under way, flushes the log, and closes the chain.
    pub(crate) fn stop(self) -> Result<()> {
        self.server.shutdown().environment("while stopping")?;
        if let Some(chain) = self.chain {
            self.runtime
                .block_on(chain.stop())
                .environment("while closing the chain")?;
        }
        Ok(())
    }

    /// Runs a question to the chain.
    pub(crate) fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }
}

/// The signals that ask a node to stop.
struct Interrupts {
    pressed: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Listens from now on. Must be called inside of a runtime.
    fn listen() -> Result<Self> {
        Ok(Self {
            pressed: signal(SignalKind::interrupt()).environment("can't listen for Ctrl-C")?,
            terminate: signal(SignalKind::terminate()).environment("can't listen for SIGTERM")?,
        })
    }
}

/// Opens the embedded chain, or takes the configured one; the last part is its URL.
async fn start_chain(config: &Config, home: &Home) -> Result<(Endpoint, Option<NodeServer>, String)> {
    if !config.chain.rpc.is_empty() {
        return Ok((
            Endpoint::parse(&config.chain.rpc)?,
            None,
            config.chain.rpc.clone(),
        ));
    }
    let chain: Arc<Chain> = open_embedded(home)?;
    let server = NodeServer::start(Arc::clone(&chain), config.chain.listen)
        .await
        .environment(format!(
            "can't serve the chain at {} (choose another address with --chain-listen)",
            config.chain.listen
        ))?;
    let url = server.url();
    Ok((Endpoint::in_process(NodeTransport::new(chain)), Some(server), url))
}

/// A node must not promise more than the chain holds it to.
async fn check_promise(config: &Config, governance: &Governance) -> Result<()> {
    let promised = &config.server.receipts;
    let longest = governance
        .omission_terms()
        .await
        .environment("the chain")?
        .max_merge_delay;
    if promised.enabled && Duration::from_secs(promised.merge_delay_s) > longest {
        bail!(
            "server.receipts.merge_delay_s is {}: the contract Challenge holds nodes to their receipts after {} s at the latest",
            promised.merge_delay_s,
            longest.as_secs()
        );
    }
    Ok(())
}

/// `tolerance` is how far the contract `Challenge`, and any that replaced it, lets times fall: the log keeps a better order than that.
fn ledger_options(config: &Config, tolerance: Duration) -> stele_ledger::Options {
    let LedgerConfig { linger_us, max_batch } = config.ledger;
    let usual = stele_ledger::Options::default();
    stele_ledger::Options {
        linger: Duration::from_micros(linger_us),
        max_batch,
        max_disorder: usual.max_disorder.map(|disorder| disorder.min(tolerance)),
        ..usual
    }
}

fn start_server(
    config: &Config,
    home: &Home,
    governance: &Governance,
    account: Account,
    log: DecisionLog,
) -> Result<Handle> {
    let node = account.node_address();
    let link = GovernanceLink::new(governance.clone(), account, node);
    let deps = Deps {
        snapshot: Snapshot::default(),
        log,
        node,
        chain: Some((Arc::new(link), BundleStore::new(home.bundles()))),
        clock: stele_server::system_clock(),
    };
    Server::start(config.server.clone(), deps).environment("the decision point")
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let elapsed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
}
