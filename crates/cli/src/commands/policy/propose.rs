//! `stele policy propose`.

use crate::artifact;
use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::sources::{self as policy_sources, VersionArgs};
use crate::{keys, output};
use anyhow::{Result, bail};
use std::path::PathBuf;
use stele_chain::client::ProposalRequest;
use stele_chain::contracts::Role;
use stele_server::BundleStore;
use stele_types::PolicyId;

/// Build a policy, deploy its contract and propose the version.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Policy id, e.g. kubernetes/admission
    policy: PolicyId,
    /// Where its source is [default: the configured policies directory]
    #[arg(long, value_name = "PATH")]
    source: Option<PathBuf>,
    /// Where approvers find the source, e.g. a commit's URL
    #[arg(long, value_name = "URI", default_value = "")]
    uri: String,
    /// Propose a policy that can't become a contract all the same: its decisions can't be challenged
    #[arg(long)]
    without_contract: bool,
    #[command(flatten)]
    rego: VersionArgs,
    /// Key file of an author [default: the author's in the data directory]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let config = sources.load()?;
    let set = match &args.source {
        Some(path) => policy_sources::load(path, args.rego)?,
        None => policy_sources::load_or_starter(&config.policies, args.rego)?.0,
    };
    let artifact = artifact::build(&set, &args.policy)?;
    if let Some(reason) = artifact.not_challengeable().filter(|_| !args.without_contract) {
        bail!("{reason}\nMend that, or add --without-contract: then its decisions can't be challenged");
    }
    block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        let author = keys::role_account(&session.home, Role::Author, args.key.as_deref())?;
        let version = artifact.bundle.digest;
        if session
            .governance
            .active(&args.policy)
            .await?
            .is_some_and(|active| active.version == version)
        {
            bail!(
                "{} {version} is in force already: the source has not changed",
                args.policy
            );
        }
        // Stored first: once the version is in force, the node must be able to load it.
        BundleStore::new(session.home.bundles())
            .put(&artifact.bundle.bytes)
            .environment("the bundle store")?;
        let contract = session
            .governance
            .client()
            .deploy_policy_contract(&author, artifact.creation())
            .await?;
        let request = ProposalRequest {
            policy: args.policy.clone(),
            version,
            contract: contract.address,
            code_hash: contract.code_hash,
            uri: args.uri.clone(),
        };
        session.governance.propose(&author, &request).await?;
        output::line(format!(
            "{} {version} is proposed, contract {}",
            args.policy, contract.address
        ));
        output::note(format!(
            "next: two roles approve it with `stele policy approve {} --role security` and `--role platform`, then `stele policy activate {}`",
            args.policy, args.policy
        ));
        Ok(Verdict::Pass)
    })
}
