//! `stele policy approve`: an approval is worth what was checked, so the version is rebuilt from source first.

use crate::artifact::{self, Artifact};
use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::Verdict;
use crate::sources::{self as policy_sources, VersionArgs};
use crate::{keys, output};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use stele_chain::client::Proposal;
use stele_chain::contracts::Role;
use stele_types::PolicyId;

/// Approve a proposed version after rebuilding it from the source you reviewed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Policy id, e.g. kubernetes/admission
    policy: PolicyId,
    /// The role you approve in: security, platform or compliance
    #[arg(long, value_parser = approver)]
    role: Role,
    /// The source you reviewed [default: the configured policies directory]
    #[arg(long, value_name = "PATH")]
    source: Option<PathBuf>,
    /// Version (bundle digest) [default: the newest proposal that waits]
    #[arg(long, value_name = "DIGEST")]
    version: Option<stele_types::PolicyVersion>,
    #[command(flatten)]
    rego: VersionArgs,
    /// Key file of the approver [default: the role's in the data directory]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

fn approver(text: &str) -> Result<Role, String> {
    Role::APPROVERS
        .into_iter()
        .find(|role| role.name().eq_ignore_ascii_case(text))
        .ok_or_else(|| "approvers are security, platform and compliance".into())
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let config = sources.load()?;
    let set = match &args.source {
        Some(path) => policy_sources::load(path, args.rego)?,
        None => policy_sources::load_or_starter(&config.policies, args.rego)?.0,
    };
    let artifact = artifact::build(&set, &args.policy)?;
    if let Some(reason) = artifact.not_challengeable() {
        output::note(format!(
            "{reason}\nYou approve a version whose decisions can't be challenged."
        ));
    }
    block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        let proposal = super::proposal(&session, &args.policy, args.version).await?;
        compare(&args.policy, &artifact, &proposal)?;
        let approver = keys::role_account(&session.home, args.role, args.key.as_deref())?;
        session
            .governance
            .approve(&approver, proposal.id, args.role)
            .await?;
        let now = session
            .governance
            .proposal(proposal.id)
            .await?
            .context("the proposal has gone")?;
        output::line(format!(
            "{} {} is approved by {} ({} of {} roles)",
            args.policy,
            proposal.version,
            args.role.name().to_lowercase(),
            now.approval_count,
            now.required_roles
        ));
        Ok(Verdict::Pass)
    })
}

/// Refuses when the reviewed source does not build into what was proposed.
fn compare(policy: &PolicyId, artifact: &Artifact, proposal: &Proposal) -> Result<()> {
    if artifact.bundle.digest != proposal.version {
        bail!(
            "the source builds {policy} into version {}, but the proposal is of {}: review the source that was proposed{}",
            artifact.bundle.digest,
            proposal.version,
            if proposal.uri.is_empty() {
                String::new()
            } else {
                format!(" ({})", proposal.uri)
            }
        );
    }
    let code_hash = artifact.code_hash();
    if code_hash != proposal.code_hash {
        bail!(
            "the source compiles {policy} to code {code_hash}, but the proposed contract {} has {}: do not approve it",
            proposal.contract,
            proposal.code_hash
        );
    }
    Ok(())
}
