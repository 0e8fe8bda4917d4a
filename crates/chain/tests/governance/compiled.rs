//! Real policies: Rego, compiled to contracts as `stele build` does it.

use std::path::{Path, PathBuf};

use stele_chain::client::ProposalRequest;
use stele_chain::contracts::Role;
use stele_policy::bundle;
use stele_policy::load::{self, PolicySet};
use stele_types::{EntryPoint, PolicyId, PolicyVersion, Value, encoding, json};

use crate::world::World;

/// A built policy.
pub(crate) struct Compiled {
    pub id: PolicyId,
    pub version: PolicyVersion,
    pub creation: Vec<u8>,
    /// The bundle's data document in the canonical encoding.
    pub data: Vec<u8>,
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A JSON file, or the member of it that is asked for, in the canonical encoding.
pub(crate) fn document(path: &str, member: Option<&str>) -> Vec<u8> {
    let text = std::fs::read(repository(path)).unwrap();
    let value = json::parse(&text, &json::Limits::default()).unwrap();
    let value = member.map_or(&value, |name| value.get(name).unwrap());
    encoding::encode(value).unwrap()
}

pub(crate) fn decode(bytes: &[u8]) -> Value {
    encoding::decode(bytes, &encoding::Limits::default()).unwrap()
}

impl Compiled {
    pub(crate) fn from_path(path: &str, id: &str) -> Self {
        Self::from_set(&load::load_path(&repository(path)).unwrap(), id)
    }

    pub(crate) fn from_files(files: &[(&str, String)], id: &str) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.clone()));
        Self::from_set(&load::load_files(files).unwrap(), id)
    }

    fn from_set(set: &PolicySet, id: &str) -> Self {
        let id = PolicyId::new(id).unwrap();
        let bundle = bundle::build(set, &id).unwrap();
        let packed = load::load_bundle(&bundle.bytes).unwrap();
        let modules: Vec<_> = packed.modules().iter().map(|module| module.ast.clone()).collect();
        let mut entries = vec![EntryPoint::new(id.as_str()).unwrap()];
        entries.extend(bundle.policy.entry_points.iter().cloned());
        let plan = stele_rego::compile(&modules, &entries, &stele_policy::compile_options()).unwrap();
        let contract = stele_contract::compile(&plan, &stele_contract::Options::default()).unwrap();
        Self {
            id,
            version: bundle.digest,
            creation: contract.creation,
            data: encoding::encode(packed.data()).unwrap(),
        }
    }

    /// Puts the policy in force.
    pub(crate) async fn activate(&self, world: &World) {
        let contract = world
            .client
            .deploy_policy_contract(&world.author, &self.creation)
            .await
            .unwrap();
        let request = ProposalRequest {
            policy: self.id.clone(),
            version: self.version,
            contract: contract.address,
            code_hash: contract.code_hash,
            uri: String::new(),
        };
        let id = world.gov.propose(&world.author, &request).await.unwrap();
        for (account, role) in [
            (&world.security, Role::Security),
            (&world.platform, Role::Platform),
        ] {
            world.gov.approve(account, id, role).await.unwrap();
        }
        world.gov.activate(&world.author, id).await.unwrap();
    }

    /// Puts the data document on the chain.
    pub(crate) async fn bind_data(&self, world: &World) {
        world
            .gov
            .bind_data(&world.admin, &self.id, self.version, &self.data)
            .await
            .unwrap();
    }
}
