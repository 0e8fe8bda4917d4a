//! `stele policy bind-data`.

use crate::artifact;
use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::Verdict;
use crate::{keys, output};
use anyhow::{Context, Result};
use std::path::PathBuf;
use stele_chain::contracts::Role;
use stele_types::{PolicyId, encoding, sha256};

/// Put the data of the version in force on the chain, where everybody can read it: the contract Enforcer needs it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Policy id, e.g. kubernetes/admission
    policy: PolicyId,
    /// The bundle of the version in force [default: the data directory's bundle store]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Key file of an admin [default: the admin's in the data directory]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        let governance = &session.governance;
        let active = governance
            .active(&args.policy)
            .await?
            .with_context(|| format!("{} has no version in force", args.policy))?;
        let data = artifact::data_of(&session.home, args.bundle.as_deref(), active.version)?;
        let data = encoding::encode_contract(&data).context("a contract can't hold the data document")?;
        let admin = keys::role_account(&session.home, Role::Admin, args.key.as_deref())?;
        governance
            .bind_data(&admin, &args.policy, active.version, &data)
            .await?;
        output::line(format!(
            "{} {}: {} bytes of data with SHA-256 {} are on the chain, for Enforcer {}",
            args.policy,
            active.version,
            data.len(),
            sha256(&[&data]),
            governance.deployment().enforcer
        ));
        Ok(Verdict::Pass)
    })
}
