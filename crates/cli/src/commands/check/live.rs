//! `--live`: what the registry says is in force, with exactly those versions.

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources as Configuration;
use crate::home::Home;
use anyhow::{Context, Result, anyhow, bail};
use std::path::PathBuf;
use stele_chain::client::{PolicySummary, ProposalId};
use stele_gate::check::Part;
use stele_pdp::{PolicyInForce, PolicyOptions};
use stele_types::PolicyVersion;
use stele_verifier::bundles::Bundles;
use stele_verifier::source::Source;

/// Which policies production has.
#[derive(clap::Args)]
pub(super) struct LiveArgs {
    /// Check against what the registry has in force: would production admit this?
    #[arg(long, conflicts_with_all = ["policy", "v0_compatible"])]
    pub(super) live: bool,
    /// With --live, check against canaries where there are any
    #[arg(long, requires = "live")]
    pub(super) canary: bool,
    /// With --live, a node that has the bundles [default: the running one]
    #[arg(long, value_name = "URL", requires = "live")]
    url: Option<String>,
    /// With --live, the governance contracts to trust [default: deployment.json of the data directory]
    #[arg(long, value_name = "FILE", requires = "live")]
    deployment: Option<PathBuf>,
    /// With --live, JSON-RPC URL of the chain [default: the running node's, or the configured one]
    #[arg(long, value_name = "URL", requires = "live")]
    rpc: Option<String>,
}

/// A version that the registry names.
struct Wanted {
    summary: PolicySummary,
    version: PolicyVersion,
    uri: String,
}

impl LiveArgs {
    /// The policies, or an error: whatever can't be asked, or is not what the registry names, passes nothing.
    pub(super) fn load(&self, configuration: &Configuration) -> Result<Vec<Part>> {
        let parts = block_on(self.fetch(configuration));
        // Not an error of the environment here: without its policies a check has no answer.
        parts.map_err(|error| anyhow!("what production would say can't be known: {error:#}"))
    }

    async fn fetch(&self, configuration: &Configuration) -> Result<Vec<Part>> {
        let config = configuration.load()?;
        let home = Home::at(&config.data_dir);
        let deployment = self.deployment.clone().unwrap_or_else(|| home.deployment());
        let chain = ChainArgs {
            rpc: self.rpc.clone(),
        };
        let session = Session::trusting(&config, &home, &deployment, &chain).await?;
        let mut all = Vec::new();
        for summary in session.governance.policies().await? {
            all.extend(self.wanted(&session, summary).await?);
        }
        if all.is_empty() {
            bail!("the registry has no policy in force");
        }
        let url = self.url.clone().or_else(|| home.running().map(|node| node.url));
        let source = Source::new(url.as_deref().unwrap_or_default(), None)?;
        let bundles = Bundles::new(Vec::new(), home.bundles());
        let mut parts = Vec::new();
        for wanted in all {
            let bytes = bundles.get(wanted.version, &wanted.uri, &source).await;
            let bytes = bytes.context(match &url {
                Some(_) => "a bundle is not at hand",
                None => "a bundle is not at hand; name a node that has it with --url",
            })?;
            parts.push(part(&wanted, &bytes)?);
        }
        parts.sort_by(|left, right| left.only.cmp(&right.only));
        Ok(parts)
    }

    /// The version of a policy to ask, if there is one.
    async fn wanted(&self, session: &Session, summary: PolicySummary) -> Result<Option<Wanted>> {
        if let Some(canary) = summary.canary.filter(|_| self.canary) {
            let ProposalId(id) = canary.proposal;
            let proposal = session.governance.proposal(canary.proposal).await?;
            let proposal =
                proposal.with_context(|| format!("the registry does not know its own canary {id}"))?;
            return Ok(Some(Wanted {
                summary,
                version: proposal.version,
                uri: proposal.uri,
            }));
        }
        Ok(summary.active.clone().map(|active| Wanted {
            summary,
            version: active.version,
            uri: active.uri,
        }))
    }
}

/// Loads a bundle as a node does: its digest is the version, and the policy is in it.
fn part(wanted: &Wanted, bytes: &[u8]) -> Result<Part> {
    let id = &wanted.summary.policy;
    let in_force = PolicyInForce::from_bundle(bytes, id, wanted.version, PolicyOptions::default())?;
    Ok(Part {
        set: in_force.load()?,
        only: Some(vec![id.clone()]),
        version: Some(wanted.version),
    })
}
