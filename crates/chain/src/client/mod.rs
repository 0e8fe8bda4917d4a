//! One client for every chain: the embedded node in this process, or any Ethereum node behind a URL.
//!
//! [`ChainClient`] speaks JSON-RPC: it checks the chain id, retries what may be retried, sends transactions and waits
//! for their confirmations, and turns reverts into readable errors. [`Governance`] stands on it and knows the
//! governance contracts of one [`Deployment`].
//!
//! Nothing is final before [`ClientOptions::confirmations`] blocks: receipts are awaited that deep, and views of the
//! contracts are read at that depth.
//!
//! ```no_run
//! use stele_chain::client::{Account, ChainClient, ClientOptions, DeployConfig, Endpoint, Governance};
//! use stele_chain::contracts::Role;
//! # async fn demo(request: stele_chain::client::ProposalRequest) -> Result<(), stele_chain::ChainError> {
//! let client = ChainClient::connect(Endpoint::parse("http://127.0.0.1:8545")?, ClientOptions::default()).await?;
//! let key = |name: &str| Account::from_file(format!("keys/{name}").as_ref());
//! let (admin, author, security, platform) = (key("admin")?, key("author")?, key("security")?, key("platform")?);
//! let config = DeployConfig {
//!     grants: vec![
//!         (Role::Admin, admin.address()),
//!         (Role::Author, author.address()),
//!         (Role::Security, security.address()),
//!         (Role::Platform, platform.address()),
//!     ],
//!     ..DeployConfig::default()
//! };
//! let deployment = client.deploy_governance(&admin, &config).await?;
//! let governance = Governance::new(client, deployment);
//! let proposal = governance.propose(&author, &request).await?;
//! governance.approve(&security, proposal, Role::Security).await?;
//! governance.approve(&platform, proposal, Role::Platform).await?;
//! governance.activate(&author, proposal).await?;
//! # Ok(())
//! # }
//! ```

mod challenge;
mod connection;
mod deploy;
mod dispute;
mod enforcer;
mod events;
mod governance;
mod keys;
mod ledger;
mod misdating;
mod nodes;
mod omission;
mod policy;
mod quorum;
mod registry;
mod replay;
mod send;
mod succession;

pub use challenge::{ChallengeClaim, ChallengeVerdict, Challenged};
pub use connection::{ChainClient, ClientOptions, Endpoint};
pub use deploy::{DeployConfig, Deployment, Quorum};
pub use dispute::{DisputeOutcome, DisputeProof, Disputed, OutcomeSignature};
pub use enforcer::OnChainDecision;
pub use events::{ChainPosition, EventPage, RegistryEvent};
pub use governance::Governance;
pub use keys::{Account, KeyError, create_key_file, read_key_file, read_token};
pub use ledger::{Anchor, Anchored, CheckpointSignature};
pub use misdating::{LogEntry, MisdatingEvidence};
pub use nodes::{LogKey, NodeInfo, NodeRegistration, NodeStatus};
pub use omission::{Omission, OmissionMove, OmissionStatus, OmissionTerms};
pub use policy::PolicyContract;
pub use registry::{
    ActiveVersion, Approval, Canary, PolicySummary, Proposal, ProposalId, ProposalRequest, ProposalState,
};
pub use replay::{RemoteState, Replay, ReplayContext, ReplayState};
pub use send::{Call, Receipt};
pub use succession::Covering;

/// How many entries of a list one call asks for.
const PAGE: usize = 100;

/// A time of the chain, which counts whole seconds.
fn timestamp(seconds: u64) -> stele_types::Timestamp {
    stele_types::Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000))
}
