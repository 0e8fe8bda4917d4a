//! A governed chain with one account per role, and the moves that most cases start with.

use std::time::Duration;

use alloy::primitives::Address;
use stele_chain::ChainError;
use stele_chain::client::{
    Account, ChainClient, DeployConfig, Deployment, Governance, NodeRegistration, PolicyContract, ProposalId,
    ProposalRequest,
};
use stele_chain::contracts::Role;
use stele_types::{PolicyId, PolicyVersion, sha256};

use crate::chain::Chain;

pub(crate) struct World {
    pub chain: Chain,
    pub client: ChainClient,
    pub gov: Governance,
    pub admin: Account,
    pub author: Account,
    pub security: Account,
    pub platform: Account,
    pub compliance: Account,
    pub responder: Account,
    pub suspender: Account,
    pub node: Account,
    pub stranger: Account,
}

/// An account of a name.
pub(crate) fn account(name: &str) -> Account {
    Account::from_key(&sha256(&[b"test account ", name.as_bytes()]).0).unwrap()
}

/// The policy of most cases.
pub(crate) fn policy() -> PolicyId {
    PolicyId::new("kubernetes/admission").unwrap()
}

/// A version of a name.
pub(crate) fn version(name: &str) -> PolicyVersion {
    PolicyVersion::of_bundle(name.as_bytes())
}

/// Creation code of a contract with this runtime code.
pub(crate) fn creation(runtime: &[u8]) -> Vec<u8> {
    let length = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: ten bytes, then the runtime code.
    let mut code = vec![0x61, length[0], length[1], 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3];
    code.extend_from_slice(runtime);
    code
}

impl World {
    pub(crate) async fn new(chain: Chain) -> Self {
        Self::with(chain, |_| {}).await
    }

    /// A world whose deployment differs from the usual one.
    pub(crate) async fn with(chain: Chain, change: impl FnOnce(&mut DeployConfig)) -> Self {
        let client = chain.client().await;
        let [
            admin,
            author,
            security,
            platform,
            compliance,
            responder,
            suspender,
            node,
            stranger,
        ] = [
            "admin",
            "author",
            "security",
            "platform",
            "compliance",
            "responder",
            "suspender",
            "node",
            "stranger",
        ]
        .map(account);
        for account in [
            &admin,
            &author,
            &security,
            &platform,
            &compliance,
            &responder,
            &suspender,
            &node,
            &stranger,
        ] {
            chain.fund(account.address()).await;
        }
        let mut config = DeployConfig {
            grants: vec![
                (Role::Admin, admin.address()),
                (Role::Author, author.address()),
                (Role::Security, security.address()),
                (Role::Platform, platform.address()),
                (Role::Compliance, compliance.address()),
                (Role::Responder, responder.address()),
                (Role::Suspender, suspender.address()),
            ],
            ..DeployConfig::default()
        };
        change(&mut config);
        let deployment = client.deploy_governance(&admin, &config).await.unwrap();
        let gov = Governance::new(client.clone(), deployment);
        Self {
            chain,
            client,
            gov,
            admin,
            author,
            security,
            platform,
            compliance,
            responder,
            suspender,
            node,
            stranger,
        }
    }

    pub(crate) fn deployment(&self) -> &Deployment {
        self.gov.deployment()
    }

    /// Deploys a contract that stands for a version: its code differs with the name.
    pub(crate) async fn contract(&self, name: &str) -> PolicyContract {
        let runtime = [&[0x00], name.as_bytes()].concat();
        self.client
            .deploy_policy_contract(&self.author, &creation(&runtime))
            .await
            .unwrap()
    }

    /// What proposes the version of a name.
    pub(crate) async fn request(&self, name: &str) -> ProposalRequest {
        let contract = self.contract(name).await;
        ProposalRequest {
            policy: policy(),
            version: version(name),
            contract: contract.address,
            code_hash: contract.code_hash,
            uri: format!("file:///bundles/{name}"),
        }
    }

    pub(crate) async fn propose(&self, name: &str) -> ProposalId {
        self.gov
            .propose(&self.author, &self.request(name).await)
            .await
            .unwrap()
    }

    /// Proposes, and has two roles approve.
    pub(crate) async fn approved(&self, name: &str) -> ProposalId {
        let proposal = self.propose(name).await;
        self.gov
            .approve(&self.security, proposal, Role::Security)
            .await
            .unwrap();
        self.gov
            .approve(&self.platform, proposal, Role::Platform)
            .await
            .unwrap();
        proposal
    }

    /// Takes a version all the way.
    pub(crate) async fn activated(&self, name: &str) -> ProposalId {
        let proposal = self.approved(name).await;
        self.gov.activate(&self.author, proposal).await.unwrap();
        proposal
    }

    /// The name's version, when it is the active one.
    pub(crate) async fn assert_active(&self, name: &str) {
        let active = self
            .gov
            .active(&policy())
            .await
            .unwrap()
            .expect("a version is active");
        assert_eq!(active.version, version(name), "active version");
    }

    pub(crate) async fn register(&self, node: &Account) {
        let registration = NodeRegistration {
            node: node.node_address(),
            log_key: [7; 32],
            name: "stele.test/log".to_owned(),
            uri: "http://127.0.0.1:8181".to_owned(),
        };
        self.gov.register_node(&self.admin, &registration).await.unwrap();
    }
}

/// Asserts that a contract refused with this custom error, and returns the message.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, ChainError>, error: &str) -> ChainError {
    let refusal = result.expect_err(error);
    assert!(refusal.is_revert(error), "expected {error}, got: {refusal}");
    refusal
}

/// Asserts that an account was refused for want of a role.
pub(crate) fn lacks_role<T: std::fmt::Debug>(result: Result<T, ChainError>, role: Role, account: Address) {
    let refusal = refused(result, "AccessControlUnauthorizedAccount");
    let revert = refusal.revert().unwrap();
    assert_eq!(revert.arg("neededRole"), Some(role.name()));
    assert_eq!(revert.arg("account"), Some(account.to_checksum(None).as_str()));
}

/// Waits on the wall clock: chains read it for their timestamps.
pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
