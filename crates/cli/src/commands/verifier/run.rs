//! `stele verifier`: runs one.

use super::{Keys, state_dir};
use crate::chain::connect;
use crate::config::{Config, Sources};
use crate::exit::Verdict;
use crate::exit::{Environment, EnvironmentContext};
use crate::home::{Home, write_atomically};
use crate::logging;
use crate::node::now;
use crate::output;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stele_chain::client::{Account, Deployment, Endpoint, Governance};
use stele_ledger::storage::FileStore;
use stele_verifier::{Deps, FollowedLog, Handle, Signers, Verifier, VerifierConfig};
use tokio::signal::unix::{SignalKind, signal};

#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// Address to listen on [default: 127.0.0.1:8282]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Log to follow besides the configured ones: the node's address, and where it serves unless the registry says; can be repeated
    #[arg(long = "log", value_name = "NODE[=URL]")]
    logs: Vec<String>,
    /// JSON-RPC URL of the chain [default: the configured one, or that of the node in the data directory]
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// The governance contracts [default: deployment.json of the data directory]
    #[arg(long, value_name = "FILE")]
    deployment: Option<PathBuf>,
}

/// What a running verifier tells the other commands.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) url: String,
}

pub(super) fn run(sources: &Sources, args: RunArgs) -> Result<Verdict> {
    let mut config = sources.load()?;
    apply(&mut config.verifier, &args)?;
    config.verifier.check()?;
    logging::start(&config.log)?;
    let home = Home::at(&config.data_dir);
    let keys = Keys::load(&config, &home)?;
    let state = state_dir(&config, &home);
    let store = FileStore::open(&state).environment("the verifier's state")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .environment("can't start the runtime")?;
    runtime.block_on(async {
        let chain = chain(&config, &home, &args).await?;
        let deps = Deps {
            store: Arc::new(store),
            bundles: vec![bundles(&config, &home)],
            kept_bundles: state.join("bundles"),
            signers: Signers {
                cosigner: Arc::clone(&keys.cosigner),
                account: Some(keys.account.clone()),
            },
            chain,
            challenger: challenger(&config.verifier, &keys.account)?,
            secret: keys.secret.clone(),
            clock: now,
        };
        let mut terminate = signal(SignalKind::terminate()).environment("can't listen for SIGTERM")?;
        let mut pressed = signal(SignalKind::interrupt()).environment("can't listen for Ctrl-C")?;
        let verifier = Verifier::start(&config.verifier, deps)
            .await
            .environment("the verifier")?;
        announce(&state, &verifier)?;
        banner(&verifier, &keys, &config.verifier);
        tokio::select! {
            _ = pressed.recv() => {}
            _ = terminate.recv() => {}
        }
        output::note("stopping");
        verifier.stop().await;
        Ok(Verdict::Pass)
    })
}

fn apply(config: &mut VerifierConfig, args: &RunArgs) -> Result<()> {
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    for log in &args.logs {
        let (node, url) = log.split_once('=').unwrap_or((log, ""));
        config.logs.push(FollowedLog::new(node, url));
    }
    Ok(())
}

/// The account that challenges, if this verifier does.
fn challenger(config: &VerifierConfig, own: &Account) -> Result<Option<Account>> {
    if !config.challenge {
        return Ok(None);
    }
    if config.challenge_key.as_os_str().is_empty() {
        return Ok(Some(own.clone()));
    }
    Account::from_file(&config.challenge_key)
        .environment("verifier.challenge_key")
        .map(Some)
}

/// The governance contracts, unless the verifier does without.
async fn chain(config: &Config, home: &Home, args: &RunArgs) -> Result<Option<Governance>> {
    if !config.verifier.chain {
        return Ok(None);
    }
    let path = args.deployment.clone().unwrap_or_else(|| home.deployment());
    let Some(deployment) = home.read::<Deployment>(&path)? else {
        return Err(Environment(format!(
            "{} is not there: copy a node's deployment.json, or name it with --deployment; a mere witness does without \
             (--set verifier.chain=false)",
            path.display()
        ))
        .into());
    };
    let configured = Some(config.chain.rpc.clone()).filter(|url| !url.is_empty());
    let running = || home.running().map(|node| node.rpc);
    let url = args.rpc.clone().or(configured).or_else(running);
    let url = url.context("the chain's JSON-RPC URL is not known: give --rpc, or set chain.rpc")?;
    let client = connect(Endpoint::parse(&url)?, config, Some(deployment.chain_id)).await?;
    deployment
        .check(&client)
        .await
        .environment("the governance contracts")?;
    Ok(Some(Governance::new(client, deployment)))
}

fn bundles(config: &Config, home: &Home) -> PathBuf {
    if config.verifier.bundles.as_os_str().is_empty() {
        home.bundles()
    } else {
        config.verifier.bundles.clone()
    }
}

fn announce(state: &Path, verifier: &Handle) -> Result<()> {
    let running = Running {
        url: format!("http://{}", verifier.addr()),
    };
    let path = state.join("running.json");
    write_atomically(&path, &serde_json::to_vec_pretty(&running)?)
        .environment(format!("can't write {}", path.display()))
}

fn banner(verifier: &Handle, keys: &Keys, config: &VerifierConfig) {
    output::line(format!("verifier   http://{}", verifier.addr()));
    output::line(format!("cosigner   {}", keys.cosigner.key()));
    output::line(format!("account    {}", keys.account.address()));
    for log in verifier.logs() {
        output::line(format!("log        {} at {}", log.origin, log.url));
    }
    output::line(format!(
        "re-executes {}% of the decisions it may see; `stele verifier status` says how far it is",
        config.sample * 100.0
    ));
}
