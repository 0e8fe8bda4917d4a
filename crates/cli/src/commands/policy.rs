//! `stele policy`.

mod approve;
mod bench;
mod bind_data;
mod check;
mod docs;
mod fmt;
mod lint;
mod list;
mod propose;
mod test;

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::Verdict;
use crate::keys;
use crate::output;
use anyhow::{Context, Result};
use std::path::PathBuf;
use stele_chain::client::{Proposal, ProposalState};
use stele_chain::contracts::Role;
use stele_types::PolicyId;

/// Policies.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Versions in force: digests, contract addresses, approvals
    List(list::Args),
    /// Build a policy, deploy its contract and propose the version
    Propose(propose::Args),
    /// Approve a proposed version after rebuilding it from the source you reviewed
    Approve(approve::Args),
    /// Put an approved version in force
    Activate(ActivateArgs),
    /// Return to the version that was in force before, at once
    Rollback(RollbackArgs),
    /// Put the data of the version in force on the chain, for contracts that enforce the policy
    BindData(bind_data::Args),
    /// Compile policies and report every error, as `opa check` does
    Check(check::Args),
    /// Run the tests of policies
    Test(test::Args),
    /// Measure a query, as `opa bench` does
    Bench(bench::Args),
    /// Find what is wrong with policies before production does
    Lint(lint::Args),
    /// Format policies as `opa fmt` does
    Fmt(fmt::Args),
    /// Write pages about policies from their metadata
    Docs(docs::Args),
}

/// Put an approved version in force.
#[derive(clap::Args)]
pub(crate) struct ActivateArgs {
    /// Policy id, e.g. kubernetes/admission
    policy: PolicyId,
    /// Version (bundle digest) [default: the newest proposal]
    #[arg(long, value_name = "DIGEST")]
    version: Option<stele_types::PolicyVersion>,
    /// Key file of an author or approver [default: the author's in the data directory]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Return to the version that was in force before.
#[derive(clap::Args)]
pub(crate) struct RollbackArgs {
    /// Policy id, e.g. kubernetes/admission
    policy: PolicyId,
    /// Key file of a responder [default: the responder's in the data directory]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    match command {
        Command::List(args) => list::run(sources, &args),
        Command::Propose(args) => propose::run(sources, &args),
        Command::Approve(args) => approve::run(sources, &args),
        Command::Activate(args) => block_on(activate(sources, &args)),
        Command::Rollback(args) => block_on(rollback(sources, &args)),
        Command::BindData(args) => bind_data::run(sources, &args),
        Command::Check(args) => check::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Docs(args) => docs::run(&args),
    }
}

async fn activate(sources: &Sources, args: &ActivateArgs) -> Result<Verdict> {
    let session = Session::open(sources, &args.chain).await?;
    let account = keys::role_account(&session.home, Role::Author, args.key.as_deref())?;
    let proposal = proposal(&session, &args.policy, args.version).await?;
    session.governance.activate(&account, proposal.id).await?;
    output::line(format!("{} {} is in force", args.policy, proposal.version));
    Ok(Verdict::Pass)
}

async fn rollback(sources: &Sources, args: &RollbackArgs) -> Result<Verdict> {
    let session = Session::open(sources, &args.chain).await?;
    let account = keys::role_account(&session.home, Role::Responder, args.key.as_deref())?;
    let governance = &session.governance;
    let before = governance
        .active(&args.policy)
        .await?
        .with_context(|| format!("{} has no version in force", args.policy))?;
    governance
        .rollback(&account, &args.policy, before.proposal)
        .await?;
    let now = governance
        .active(&args.policy)
        .await?
        .context("no version is in force after the rollback")?;
    output::line(format!(
        "{} {} is in force again; {} no longer is",
        args.policy, now.version, before.version
    ));
    Ok(Verdict::Pass)
}

/// The proposal of a version, or the newest one that still waits.
pub(crate) async fn proposal(
    session: &Session,
    policy: &PolicyId,
    version: Option<stele_types::PolicyVersion>,
) -> Result<Proposal> {
    let proposals = session.governance.versions(policy).await?;
    let found = match version {
        Some(version) => proposals
            .into_iter()
            .rev()
            .find(|proposal| proposal.version == version),
        None => proposals
            .into_iter()
            .rev()
            .find(|proposal| proposal.state.is_pending()),
    };
    found.with_context(|| match version {
        Some(version) => {
            format!("{policy} has no proposal of version {version}; propose it with `stele policy propose`")
        }
        None => format!("{policy} has no proposal that waits; make one with `stele policy propose`"),
    })
}

/// A proposal's state in one word.
pub(crate) fn state_name(state: ProposalState) -> String {
    format!("{state:?}").to_lowercase()
}
