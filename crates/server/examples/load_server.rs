//! A decision point for load tests: one policy from a directory, a real log, no chain.
//!
//! `cargo run --release -p stele-server --example load_server -- POLICY_DIR LOG_DIR [ADDR]`; see `tools/load/README.md`.
#![allow(clippy::print_stderr, reason = "a tool for people")]

use std::path::Path;
use std::sync::Arc;

use stele_ledger::{Options, SigningKey};
use stele_pdp::{PolicyInForce, PolicyOptions, Snapshot};
use stele_policy::{bundle, load};
use stele_server::{DecisionLog, Deps, Server, ServerConfig};
use stele_types::NodeAddress;

/// As the command has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(policies), Some(log)) = (arguments.next(), arguments.next()) else {
        return Err("usage: load_server POLICY_DIR LOG_DIR [ADDR]".into());
    };
    let set = load::load_dir(Path::new(&policies))?;
    let mut in_force = Vec::new();
    for policy in set.policies() {
        let built = bundle::build(&set, &policy.id)?;
        let policy =
            PolicyInForce::from_bundle(&built.bytes, &policy.id, built.digest, PolicyOptions::default())?;
        in_force.push(Arc::new(policy));
    }
    let key = SigningKey::from_seed("stele.load/log", &[1; 32])?;
    let deps = Deps {
        snapshot: Snapshot::new(in_force)?,
        log: DecisionLog::open(Path::new(&log), key, Options::default())?,
        node: NodeAddress([1; 20]),
        chain: None,
        clock: stele_server::system_clock(),
    };
    let mut config = ServerConfig::default();
    if let Some(addr) = arguments.next() {
        config.listen = addr.parse()?;
    }
    let handle = Server::start(config, deps)?;
    eprintln!(
        "listening on {}; end with the end of standard input",
        handle.addr()
    );
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    handle.shutdown()?;
    Ok(())
}
