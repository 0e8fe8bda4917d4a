//! `stele up`.

use crate::config::Sources;
use crate::exit::Verdict;
use crate::logging;
use crate::node::{self, Node};
use crate::output;
use anyhow::Result;
use std::net::SocketAddr;

/// Start a node.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address of the decision point [default: 127.0.0.1:8181]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address of the embedded chain's JSON-RPC [default: 127.0.0.1:8545]
    #[arg(long, value_name = "ADDRESS")]
    chain_listen: Option<SocketAddr>,
    /// Use the Ethereum node at this URL instead of the embedded chain
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// Policy sources to start from [default: ./policies, else the starter library]
    #[arg(long, value_name = "DIR")]
    policies: Option<std::path::PathBuf>,
}

pub(crate) fn run(sources: &Sources, args: Args) -> Result<Verdict> {
    let mut config = sources.load()?;
    if let Some(address) = args.listen {
        config.server.listen = address;
    }
    if let Some(address) = args.chain_listen {
        config.chain.listen = address;
    }
    if let Some(url) = args.rpc {
        config.chain.rpc = url;
    }
    if let Some(path) = args.policies {
        config.policies = path;
    }
    logging::start(&config.log)?;
    let mut node = Node::start(&config)?;
    node::banner::print(&node);
    node.wait_for_interrupt();
    output::note("stopping");
    node.stop()?;
    Ok(Verdict::Pass)
}
