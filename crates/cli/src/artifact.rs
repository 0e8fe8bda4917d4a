//! What a policy is built into: a bundle and a contract, both determined by the source alone.

use crate::home::Home;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::path::Path;
use stele_chain::contracts::RefusingContract;
use stele_contract::{Contract, Options, Refusal};
use stele_policy::Policy;
use stele_policy::bundle::{self, Bundle};
use stele_policy::load::{self, PolicySet};
use stele_rego::ir;
use stele_server::BundleStore;
use stele_types::{Digest, EntryPoint, PolicyId, PolicyVersion, Value};

/// A built policy.
pub(crate) struct Artifact {
    pub(crate) bundle: Bundle,
    pub(crate) plan: ir::Policy,
    pub(crate) code: Code,
}

/// What the registry is told of a version.
pub(crate) enum Code {
    /// The policy's own contract.
    Own(Box<Contract>),
    /// The policy can't become a contract, for these reasons. The registry holds the one that refuses all calls, and its decisions can't be
    /// challenged.
    Refusing(RefusingContract, Vec<Refusal>),
}

/// The contract as `contract.json` describes it.
#[derive(Serialize)]
pub(crate) struct ContractFile {
    policy: PolicyId,
    version: String,
    entry_points: Vec<EntryPoint>,
    code_hash: String,
    pub(crate) size: usize,
    creation: String,
    runtime: String,
}

/// Builds one policy of a set, with or without a contract of its own; its metadata may forbid the latter.
pub(crate) fn build(set: &PolicySet, id: &PolicyId) -> Result<Artifact> {
    let bundle = bundle::build(set, id).with_context(|| format!("policy {id}"))?;
    let (plan, data) = plan(&bundle)?;
    let code = match stele_contract::compile(&plan, &options(data)) {
        Ok(contract) => Code::Own(Box::new(contract)),
        Err(refusals) if bundle.policy.custom.require_challengeable => {
            return Err(refused(id.as_str(), &refusals)
                .context("its metadata has require_challengeable, so it must become a contract"));
        }
        Err(refusals) => Code::Refusing(RefusingContract::new(), refusals),
    };
    Ok(Artifact { bundle, plan, code })
}

/// How a policy's contract is compiled, wherever that is done: its hash is compared.
fn options(data: Value) -> Options {
    Options {
        data: Some(data),
        ..Options::default()
    }
}

/// The plan of a policy's entry points, its package as a whole and each rule that may be queried, and the policy's data.
///
/// It is made from the bundle's own bytes: contract, decision point and whoever approves see the same rules.
pub(crate) fn plan(bundle: &Bundle) -> Result<(ir::Policy, Value)> {
    let policy = &bundle.policy;
    let packed = load::load_bundle(&bundle.bytes).with_context(|| format!("the bundle of {}", policy.id))?;
    Ok((plan_packed(&packed, policy)?, packed.data().clone()))
}

/// The plan of a policy's entry points, of a bundle that was loaded.
pub(crate) fn plan_packed(packed: &PolicySet, policy: &Policy) -> Result<ir::Policy> {
    let mut entry_points = vec![EntryPoint::new(policy.id.as_str())?];
    entry_points.extend(policy.entry_points.iter().cloned());
    plan_of(packed, &policy.id, &entry_points)
}

/// The plan of any entry points of a bundle.
pub(crate) fn plan_of(packed: &PolicySet, id: &PolicyId, entry_points: &[EntryPoint]) -> Result<ir::Policy> {
    let modules: Vec<_> = packed.modules().iter().map(|module| module.ast.clone()).collect();
    stele_rego::compile(&modules, entry_points, &stele_policy::compile_options()).map_err(|diagnostics| {
        let text: Vec<_> = diagnostics
            .iter()
            .map(|diagnostic| rendered(packed, diagnostic))
            .collect();
        anyhow::anyhow!("policy {id} does not compile:\n{}", text.join("\n"))
    })
}

/// Reads a plan that `stele build` or `opa build -t plan` wrote, and checks it.
pub(crate) fn read_plan(path: &Path) -> Result<ir::Policy> {
    let bytes = std::fs::read(path).with_context(|| format!("can't read the plan {}", path.display()))?;
    let plan: ir::Policy = serde_json::from_slice(&bytes).with_context(|| {
        format!(
            "{} is no plan of OPA's intermediate representation",
            path.display()
        )
    })?;
    ir::verify(&plan).with_context(|| format!("the plan {} breaks a rule of its format", path.display()))?;
    if plan.plans.is_empty() {
        bail!("the plan {} has no entry point", path.display());
    }
    Ok(plan)
}

/// Builds every policy of a set, in order of their ids; the first that can't be built is the error.
pub(crate) fn build_all(set: &PolicySet) -> Result<Vec<Artifact>> {
    let artifacts: Vec<_> = set
        .policies()
        .map(|policy| build(set, &policy.id))
        .collect::<Result<_>>()?;
    if artifacts.is_empty() {
        bail!("there is no policy: a policy is a package whose METADATA names a custom.id");
    }
    Ok(artifacts)
}

pub(crate) fn refused(id: &str, refusals: &[Refusal]) -> anyhow::Error {
    let lines: Vec<_> = refusals.iter().map(|refusal| format!("  {refusal}")).collect();
    anyhow::anyhow!("policy {id} can't become a contract:\n{}", lines.join("\n"))
}

impl Artifact {
    /// Creation code of what is deployed for it.
    pub(crate) fn creation(&self) -> &[u8] {
        match &self.code {
            Code::Own(contract) => &contract.creation,
            Code::Refusing(contract, _) => &contract.creation,
        }
    }

    /// keccak256 of the code that is then deployed.
    pub(crate) fn code_hash(&self) -> Digest {
        match &self.code {
            Code::Own(contract) => contract.code_hash,
            Code::Refusing(contract, _) => contract.code_hash,
        }
    }

    /// Why the policy has no contract of its own, in words; `None` when it has one.
    pub(crate) fn not_challengeable(&self) -> Option<String> {
        match &self.code {
            Code::Own(_) => None,
            Code::Refusing(_, refusals) => {
                Some(refused(self.bundle.policy.id.as_str(), refusals).to_string())
            }
        }
    }

    /// The contract's description, if it has one of its own.
    pub(crate) fn contract_file(&self) -> Option<ContractFile> {
        let Code::Own(contract) = &self.code else {
            return None;
        };
        Some(ContractFile {
            policy: self.bundle.policy.id.clone(),
            version: self.bundle.digest.to_string(),
            entry_points: self.bundle.policy.entry_points.clone(),
            code_hash: format!("0x{}", contract.code_hash),
            size: contract.runtime.len(),
            creation: format!("0x{}", hex::encode(&contract.creation)),
            runtime: format!("0x{}", hex::encode(&contract.runtime)),
        })
    }
}

/// A diagnostic with its source line.
fn rendered(set: &PolicySet, diagnostic: &stele_rego::Diagnostic) -> String {
    let module = set
        .modules()
        .iter()
        .find(|module| module.path == *diagnostic.file);
    module.map_or_else(
        || diagnostic.to_string(),
        |module| diagnostic.render(module.ast.source.text()),
    )
}

/// The data document of a version, out of its bundle, whose digest is the version.
pub(crate) fn data_of(home: &Home, given: Option<&Path>, version: PolicyVersion) -> Result<Value> {
    let path = given.map_or_else(
        || BundleStore::new(home.bundles()).path(version),
        Path::to_path_buf,
    );
    let bytes = std::fs::read(&path).with_context(|| {
        format!(
            "the data of version {version} is needed, but its bundle {} can't be read; give it with --bundle",
            path.display()
        )
    })?;
    let found = PolicyVersion::of_bundle(&bytes);
    if found != version {
        bail!(
            "{} is the bundle of version {found}, not of {version}",
            path.display()
        );
    }
    let set = load::load_bundle(&bytes).with_context(|| path.display().to_string())?;
    Ok(set.data().clone())
}
