//! Starting and stopping: threads, runtimes, tasks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use stele_pdp::{Clock, Decider, NodeContext, Snapshot, SnapshotStore};
use stele_types::NodeAddress;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::chain::ChainLink;
use crate::clock::{DecisionClock, WallClock, now};
use crate::config::ServerConfig;
use crate::error::ServerError;
use crate::health::Status;
use crate::listen::{self, Inlet};
use crate::log::DecisionLog;
use crate::metrics::WorkerMetrics;
use crate::nd::Outside;
use crate::receipts::Issuer;
use crate::remote::Remote;
use crate::shared::Shared;
use crate::standing::Standing;
use crate::tasks::{self, AnchorView, BundleStore, Follower};
use crate::worker::{self, Worker};

/// Longest wait for the chain's first answer at the start; afterwards the node serves what it last knew.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// What the server stands on.
pub struct Deps {
    /// The policies in force at the start; with a chain, the registry's word replaces them before the first request.
    pub snapshot: Snapshot,
    /// The decision log; its options say when a decision counts as kept.
    pub log: DecisionLog,
    /// The node's address.
    pub node: NodeAddress,
    /// The chain, and where bundles lie; without it nothing is followed and nothing anchored.
    pub chain: Option<(Arc<dyn ChainLink>, BundleStore)>,
    /// The time: [`crate::system_clock`], or a test's own.
    pub clock: WallClock,
}

/// The server.
#[derive(Debug)]
pub struct Server;

/// A running server. [`Handle::shutdown`] stops it in order; dropping the handle stops it too, but waits for nothing and reports nothing.
pub struct Handle {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    control: JoinHandle<()>,
    workers: Vec<JoinHandle<std::io::Result<()>>>,
    shared: Arc<Shared>,
}

impl Server {
    /// Opens the port, puts the registry's policies in force, and starts to serve. Returns as soon as requests are answered; blocks the calling
    /// thread until then, and must not be called from within an async runtime's only thread.
    ///
    /// # Errors
    /// [`ServerError`]: a configuration value that can't be used, a busy port, a thread that can't be started.
    pub fn start(config: ServerConfig, deps: Deps) -> Result<Handle, ServerError> {
        config.check()?;
        let listener = listen::open(config.listen)?;
        let addr = listener.local_addr().map_err(|source| ServerError::Listen {
            addr: config.listen,
            source,
        })?;
        let stale_after = deps
            .chain
            .is_some()
            .then(|| Duration::from_millis(config.registry.stale_ms));
        let (stop, stopped) = watch::channel(false);
        let (view, anchored) = watch::channel(AnchorView::default());
        let worker_metrics: Vec<_> = (0..config.worker_count())
            .map(|_| Arc::new(WorkerMetrics::default()))
            .collect();
        let clock = DecisionClock::new(deps.clock.clone(), deps.log.ledger().latest().clone());
        // Says so at once when the log is from the future; proofs and records are served meanwhile.
        let _ = clock.check();
        sign_receipts(&config, &deps, &clock);
        let shared = Arc::new(Shared {
            clock,
            standing: Standing::default(),
            node: NodeContext {
                address: deps.node,
                labels: config.labels.clone(),
            },
            snapshots: Arc::new(SnapshotStore::new(deps.snapshot, now(), stale_after)),
            log: deps.log,
            remote: Outside::new(&config.nd_builtins)?
                .map(|outside| Remote::new(Arc::new(outside), &config.nd_builtins)),
            bundles: deps.chain.as_ref().map(|(_, bundles)| bundles.clone()),
            status: Status::default(),
            worker_metrics,
            anchored,
            started: now(),
            config,
        });
        let (inlets, workers) = start_workers(&shared, &stopped)?;
        let control = Control {
            shared: Arc::clone(&shared),
            inlets,
            listener,
            chain: deps.chain,
            view,
            stopped,
        };
        let (ready, served) = std::sync::mpsc::sync_channel(1);
        let control = std::thread::Builder::new()
            .name("stele-control".to_owned())
            .spawn(move || control.run(&ready))
            .map_err(|source| ServerError::Thread {
                what: "control",
                source,
            })?;
        match served.recv() {
            Ok(Ok(())) => Ok(Handle {
                addr,
                stop,
                control,
                workers,
                shared,
            }),
            Ok(Err(source)) => Err(ServerError::Listen { addr, source }),
            Err(_) => Err(ServerError::Stopped {
                what: "the control thread",
                message: "it panicked at the start".to_owned(),
            }),
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("addr", &self.addr)
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

impl Handle {
    /// The address that is listened on; its port is never 0.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The policies in force, as they change.
    #[must_use]
    pub fn snapshots(&self) -> &Arc<SnapshotStore> {
        &self.shared.snapshots
    }

    /// Stops: no new connections, requests under way are answered (up to `connections.drain_ms`), waiting leaves are anchored if the
    /// chain answers, then the log is flushed and closed. Blocks until all of that is done.
    ///
    /// # Errors
    /// [`ServerError::Flush`] when the log could not be flushed, [`ServerError::Stopped`] when a thread had died.
    pub fn shutdown(self) -> Result<(), ServerError> {
        let _ = self.stop.send(true);
        let mut died = None;
        for worker in self.workers {
            match worker.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => died = Some(error.to_string()),
                Err(_) => died = Some("it panicked".to_owned()),
            }
        }
        if self.control.join().is_err() {
            died = Some("the control thread panicked".to_owned());
        }
        let flushed = match Arc::try_unwrap(self.shared) {
            Ok(shared) => shared.log.close(),
            Err(shared) => shared.log.flush(),
        };
        flushed.map_err(|error| ServerError::Flush(error.to_string()))?;
        match died {
            Some(message) => Err(ServerError::Stopped {
                what: "a server thread",
                message,
            }),
            None => Ok(()),
        }
    }
}

/// Has receipts signed, if the log is anchored where nodes are held to them.
fn sign_receipts(config: &ServerConfig, deps: &Deps, clock: &DecisionClock) {
    let link = deps.chain.as_ref().map(|(link, _)| link);
    let authority = link.and_then(|link| link.receipts());
    let enabled = config.receipts.enabled && config.anchor.enabled;
    let Some(authority) = authority.filter(|_| enabled) else {
        return;
    };
    let clock = clock.clone();
    let issuer = Issuer::new(authority, config.receipts.merge_delay_s, move || clock.now());
    // A log is opened for one server.
    deps.log.receipts().serve(issuer);
}

type Workers = (Vec<Inlet>, Vec<JoinHandle<std::io::Result<()>>>);

fn start_workers(shared: &Arc<Shared>, stopped: &watch::Receiver<bool>) -> Result<Workers, ServerError> {
    let mut inlets = Vec::new();
    let mut threads = Vec::new();
    for (number, metrics) in shared.worker_metrics.iter().enumerate() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let open = Arc::new(AtomicUsize::new(0));
        inlets.push(Inlet {
            sender,
            open: Arc::clone(&open),
        });
        let (shared, metrics, stopped) = (Arc::clone(shared), Arc::clone(metrics), stopped.clone());
        let thread = std::thread::Builder::new()
            .name(format!("stele-worker-{number}"))
            .spawn(move || {
                let random = StdRng::try_from_rng(&mut SysRng).map_err(std::io::Error::other)?;
                let clock = Box::new(shared.clock.clone());
                // Such decisions are made elsewhere, but for those that a policy needs which came in force this very moment.
                let host = shared.remote.as_ref().map(|remote| Arc::clone(&remote.host));
                let decider =
                    Decider::new(Arc::clone(&shared.snapshots), shared.node.clone(), clock).with_host(host);
                let worker = Worker {
                    shared,
                    decider: decider.into(),
                    random: random.into(),
                    metrics,
                    open,
                };
                worker::run(worker, receiver, stopped)
            });
        threads.push(thread.map_err(|source| ServerError::Thread {
            what: "worker",
            source,
        })?);
    }
    Ok((inlets, threads))
}

/// The control thread: acceptor and background tasks.
struct Control {
    shared: Arc<Shared>,
    inlets: Vec<Inlet>,
    listener: std::net::TcpListener,
    chain: Option<(Arc<dyn ChainLink>, BundleStore)>,
    view: watch::Sender<AnchorView>,
    stopped: watch::Receiver<bool>,
}

impl Control {
    fn run(self, ready: &std::sync::mpsc::SyncSender<std::io::Result<()>>) {
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        runtime.block_on(self.serve(ready));
        runtime.shutdown_timeout(Duration::from_secs(1));
    }

    async fn serve(self, ready: &std::sync::mpsc::SyncSender<std::io::Result<()>>) {
        let Self {
            shared,
            inlets,
            listener,
            chain,
            view,
            stopped,
        } = self;
        let mut running = tokio::task::JoinSet::new();
        if let Some((link, store)) = chain {
            let fail_open = shared.config.registry.fail_open.clone();
            let mut follower = Follower::new(store, fail_open, Arc::clone(&shared.snapshots));
            first_look(&mut follower, &*link, &shared).await;
            let _ = tokio::time::timeout(FIRST_LOOK, tasks::look_at_standing(&shared, &*link)).await;
            running.spawn(tasks::run_follower(
                Arc::clone(&shared),
                follower,
                Arc::clone(&link),
                stopped.clone(),
            ));
            if link.receipts().is_some() {
                running.spawn(tasks::run_omissions(
                    Arc::clone(&shared),
                    Arc::clone(&link),
                    stopped.clone(),
                ));
            }
            if shared.config.anchor.enabled {
                running.spawn(tasks::run_anchor(
                    Arc::clone(&shared),
                    link,
                    view,
                    stopped.clone(),
                ));
            }
        }
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(()));
        let places = Arc::new(Semaphore::new(
            shared.config.connections.max.min(Semaphore::MAX_PERMITS),
        ));
        listen::accept(listener, inlets, places, stopped).await;
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a background task died");
            }
        }
    }
}

/// The registry's word before the first request; without it, what was last known.
async fn first_look(follower: &mut Follower, link: &dyn ChainLink, shared: &Shared) {
    let looked = tokio::time::timeout(FIRST_LOOK, follower.look(link, &shared.status)).await;
    let problem = match looked {
        Ok(Ok(())) => {
            shared.status.succeeded(tasks::REGISTRY, now());
            return;
        }
        Ok(Err(problem)) => problem,
        Err(_) => format!("the chain did not answer within {} s", FIRST_LOOK.as_secs()),
    };
    tracing::warn!(
        problem,
        "the registry can't be read; starting with the versions that were last in force"
    );
    shared.status.failed(tasks::REGISTRY, problem);
    if let Err(problem) = follower.resume(&shared.status) {
        tracing::error!(
            problem,
            "the versions that were last in force can't be read either"
        );
    }
}
