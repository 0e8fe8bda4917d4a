//! Development mode: deploys governance and puts a first version of each policy in force, with local keys for every role.
//!
//! Every step looks at the chain first, so an interrupted bootstrap goes on where it stopped and a finished one does nothing.

use crate::artifact::{self, Artifact};
use crate::exit::{Environment, EnvironmentContext};
use crate::home::Home;
use crate::{keys, output};
use anyhow::{Context, Result, anyhow};
use std::time::Duration;
use stele_chain::client::{
    ChainClient, DeployConfig, Deployment, Governance, NodeRegistration, OmissionTerms, Proposal, ProposalId,
    ProposalRequest,
};
use stele_chain::contracts::Role;
use stele_policy::bundle;
use stele_policy::load::PolicySet;
use stele_server::BundleStore;
use stele_types::{NodeAddress, PolicyId, PolicyVersion};

/// The approver roles that development mode plays.
const APPROVERS: [Role; 2] = [Role::Security, Role::Platform];

/// The deployment of the data directory; deploys one when there is none.
pub(crate) async fn deployment(home: &Home, client: &ChainClient) -> Result<Deployment> {
    if let Some(deployment) = home.read::<Deployment>(&home.deployment())? {
        deployment
            .check(client)
            .await
            .environment(format!("{} belongs to another chain", home.root().display()))?;
        return Ok(deployment);
    }
    let admin = keys::role_account(home, Role::Admin, None)?;
    let mut grants = Vec::new();
    for role in keys::ROLES {
        grants.push((role, keys::role_account(home, role, None)?.address()));
    }
    let config = DeployConfig {
        grants,
        time_lock: Duration::ZERO,
        omission: OmissionTerms {
            deposit: client.suggested_deposit().await.environment("the chain")?,
            ..OmissionTerms::default()
        },
        ..DeployConfig::default()
    };
    let deployment = client
        .deploy_governance(&admin, &config)
        .await
        .environment("can't deploy the governance contracts")?;
    home.write(&home.deployment(), &deployment)?;
    Ok(deployment)
}

/// Registers this node unless it is.
pub(crate) async fn register(
    home: &Home,
    governance: &Governance,
    registration: &NodeRegistration,
) -> Result<()> {
    if governance.node(registration.node).await?.is_some() {
        return Ok(());
    }
    let admin = keys::role_account(home, Role::Admin, None)?;
    governance
        .register_node(&admin, registration)
        .await
        .environment("can't register the node")?;
    Ok(())
}

/// Fails with what to do when this node is not registered.
pub(crate) async fn require_registered(governance: &Governance, node: NodeAddress) -> Result<()> {
    let registered = governance.node(node).await.environment("the node registry")?;
    if registered.is_none() {
        let registry = governance.deployment().nodes;
        return Err(Environment(format!(
            "node {node} is not registered; an admin has to register it in the NodeRegistry at {registry}"
        ))
        .into());
    }
    Ok(())
}

/// Puts a version in force of each policy that has none, and says which sources differ from what is in force.
pub(crate) async fn policies(home: &Home, governance: &Governance, set: &PolicySet) -> Result<Vec<PolicyId>> {
    let mut changed = Vec::new();
    let mut missing = Vec::new();
    for policy in set.policies() {
        match governance.active(&policy.id).await? {
            Some(active) if bundle::build(set, &policy.id)?.digest != active.version => {
                changed.push(policy.id.clone())
            }
            Some(_) => {}
            None => missing.push(&policy.id),
        }
    }
    for artifact in build_all(set, &missing) {
        put_in_force(home, governance, &artifact?).await?;
    }
    Ok(changed)
}

/// Builds policies on all processors, which is most of the time that a first start takes. In the order of `ids`.
fn build_all(set: &PolicySet, ids: &[&PolicyId]) -> Vec<Result<Artifact>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = ids.len().div_ceil(threads).max(1);
    let build = |id: &&PolicyId| artifact::build(set, id);
    std::thread::scope(|scope| {
        let workers: Vec<_> = ids
            .chunks(share)
            .map(|ids| {
                (
                    ids,
                    scope.spawn(move || ids.iter().map(build).collect::<Vec<_>>()),
                )
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|(ids, worker)| {
                let panicked = |_| {
                    ids.iter()
                        .map(|id| Err(anyhow!("building {id} failed")))
                        .collect()
                };
                worker.join().unwrap_or_else(panicked)
            })
            .collect()
    })
}

async fn put_in_force(home: &Home, governance: &Governance, artifact: &Artifact) -> Result<()> {
    let policy = &artifact.bundle.policy.id;
    let version = artifact.bundle.digest;
    if let Some(reason) = artifact.not_challengeable() {
        output::note(format!(
            "{reason}\nIt is put in force without one: its decisions can't be challenged."
        ));
    }
    BundleStore::new(home.bundles())
        .put(&artifact.bundle.bytes)
        .environment("the bundle store")?;
    let id = match waiting(governance, policy, version).await? {
        Some(proposal) => proposal.id,
        None => propose(home, governance, artifact).await?,
    };
    let proposal = governance
        .proposal(id)
        .await?
        .with_context(|| format!("the proposal of {policy} has gone"))?;
    for role in APPROVERS {
        if !proposal.approvals.iter().any(|approval| approval.role == role) {
            governance
                .approve(&keys::role_account(home, role, None)?, id, role)
                .await?;
        }
    }
    governance
        .activate(&keys::role_account(home, Role::Author, None)?, id)
        .await?;
    Ok(())
}

async fn waiting(
    governance: &Governance,
    policy: &PolicyId,
    version: PolicyVersion,
) -> Result<Option<Proposal>> {
    let proposals = governance.versions(policy).await?;
    Ok(proposals
        .into_iter()
        .find(|proposal| proposal.version == version && proposal.state.is_pending()))
}

async fn propose(home: &Home, governance: &Governance, artifact: &Artifact) -> Result<ProposalId> {
    let author = keys::role_account(home, Role::Author, None)?;
    let contract = governance
        .client()
        .deploy_policy_contract(&author, artifact.creation())
        .await?;
    let request = ProposalRequest {
        policy: artifact.bundle.policy.id.clone(),
        version: artifact.bundle.digest,
        contract: contract.address,
        code_hash: contract.code_hash,
        uri: String::new(),
    };
    Ok(governance.propose(&author, &request).await?)
}
