//! Reaching the chain from a command: through the running node, a configured URL, or the embedded chain opened for the moment.

use crate::config::{Config, Sources};
use crate::exit::{Environment, EnvironmentContext};
use crate::home::{Home, HomeLock};
use anyhow::Result;
use std::path::Path;
use std::sync::Arc;
use stele_chain::client::{ChainClient, ClientOptions, Deployment, Endpoint, Governance};
use stele_chain::node::{self, Node, NodeOptions};
use stele_types::ChainId;

/// The governance contracts, reached somehow.
pub(crate) struct Session {
    pub(crate) home: Home,
    pub(crate) governance: Governance,
    // Held while the embedded chain is open in this process.
    _lock: Option<HomeLock>,
}

/// What commands that talk to the chain take.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ChainArgs {
    /// JSON-RPC URL of the chain [default: the running node's, or the configured one]
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: Option<String>,
}

impl Session {
    /// Connects to the deployment of the data directory.
    pub(crate) async fn open(sources: &Sources, args: &ChainArgs) -> Result<Self> {
        let config = sources.load()?;
        Self::reach(&config, &Home::at(&config.data_dir), args).await
    }

    /// Connects to the deployment of a directory.
    pub(crate) async fn reach(config: &Config, home: &Home, args: &ChainArgs) -> Result<Self> {
        if home.deployment().exists() {
            return Self::trusting(config, home, &home.deployment(), args).await;
        }
        Err(Environment(format!(
            "{} has no deployment yet; start a node with `stele up`, or name its directory with --data-dir",
            home.root().display()
        ))
        .into())
    }

    /// Connects to the deployment in a file.
    pub(crate) async fn trusting(
        config: &Config,
        home: &Home,
        path: &Path,
        args: &ChainArgs,
    ) -> Result<Self> {
        let Some(deployment) = home.read::<Deployment>(path)? else {
            return Err(Environment(format!(
                "there is no {}: copy a node's deployment.json",
                path.display()
            ))
            .into());
        };
        let (endpoint, lock) = endpoint(config, home, args.rpc.as_deref())?;
        let client = connect(endpoint, config, Some(deployment.chain_id)).await?;
        deployment
            .check(&client)
            .await
            .environment("the governance contracts")?;
        Ok(Self {
            home: home.clone(),
            governance: Governance::new(client, deployment),
            _lock: lock,
        })
    }
}

/// Connects to an endpoint with the configured patience.
pub(crate) async fn connect(
    endpoint: Endpoint,
    config: &Config,
    chain_id: Option<ChainId>,
) -> Result<ChainClient> {
    let options = ClientOptions {
        chain_id,
        confirmations: config.chain.confirmations.max(1),
        ..ClientOptions::default()
    };
    ChainClient::connect(endpoint, options)
        .await
        .environment("the chain")
}

/// Opens the embedded chain of a data directory.
pub(crate) fn open_embedded(home: &Home) -> Result<Arc<Node>> {
    Node::open(home.chain(), NodeOptions::dev(node::system_clock())).environment("the embedded chain")
}

fn endpoint(config: &Config, home: &Home, rpc: Option<&str>) -> Result<(Endpoint, Option<HomeLock>)> {
    let running = home.running().map(|node| node.rpc);
    let configured = Some(config.chain.rpc.clone()).filter(|url| !url.is_empty());
    if let Some(url) = rpc.map(str::to_owned).or(running).or(configured) {
        return Ok((Endpoint::parse(&url)?, None));
    }
    let lock = home.lock()?;
    let node = open_embedded(home)?;
    Ok((
        Endpoint::in_process(node::transport::NodeTransport::new(node)),
        Some(lock),
    ))
}

/// Runs a command that needs the network.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .environment("can't start the runtime")?
        .block_on(work)
}
