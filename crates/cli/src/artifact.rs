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
    pub(crate) contract: Contract,
}

/// The contract as `contract.json` describes it.
#[derive(Serialize)]
pub(crate) struct ContractFile {
    policy: PolicyId,
    version: String,
    entry_points: Vec<EntryPoint>,
    code_hash: String,
    size: usize,
    creation: String,
    runtime: String,
}

/// Builds one policy of a set.
pub(crate) fn build(set: &PolicySet, id: &PolicyId) -> Result<Artifact> {
    let bundle = bundle::build(set, id).with_context(|| format!("policy {id}"))?;
    let (plan, data) = plan(&bundle)?;
    let contract =
        stele_contract::compile(&plan, &options(data)).map_err(|refusals| refused(id.as_str(), &refusals))?;
    Ok(Artifact {
        bundle,
        plan,
        contract,
    })
}

/// How a policy's contract is compiled, wherever that is done: its hash is compared.
fn options(data: Value) -> Options {
    Options {
        data: Some(data),
        ..Options::default()
    }
}

/// What the registry is told of a version.
pub(crate) struct Proposable {
    pub(crate) bundle: Bundle,
    /// Creation code of the policy's contract, or of the one that refuses all calls.
    pub(crate) creation: Vec<u8>,
    pub(crate) code_hash: Digest,
    /// Why the policy can't become a contract; empty when it does. Then its decisions can be challenged.
    pub(crate) refusals: Vec<Refusal>,
}

/// Builds one policy of a set, with or without a contract of its own. Without one it can't be challenged, which its metadata may forbid.
pub(crate) fn build_proposable(set: &PolicySet, id: &PolicyId) -> Result<Proposable> {
    let bundle = bundle::build(set, id).with_context(|| format!("policy {id}"))?;
    let (plan, data) = plan(&bundle)?;
    match stele_contract::compile(&plan, &options(data)) {
        Ok(contract) => Ok(Proposable {
            bundle,
            creation: contract.creation,
            code_hash: contract.code_hash,
            refusals: Vec::new(),
        }),
        Err(refusals) if bundle.policy.custom.require_challengeable => Err(refused(id.as_str(), &refusals)
            .context("its metadata has require_challengeable, so it must become a contract")),
        Err(refusals) => {
            let contract = RefusingContract::new();
            Ok(Proposable {
                bundle,
                creation: contract.creation,
                code_hash: contract.code_hash,
                refusals,
            })
        }
    }
}

impl Proposable {
    /// Why the policy has no contract, in words; `None` when it has one.
    pub(crate) fn not_challengeable(&self) -> Option<String> {
        let id = self.bundle.policy.id.as_str();
        (!self.refusals.is_empty()).then(|| refused(id, &self.refusals).to_string())
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
    let ids: Vec<_> = set.policies().map(|policy| policy.id.clone()).collect();
    if ids.is_empty() {
        bail!("there is no policy: a policy is a package whose METADATA names a custom.id");
    }
    ids.iter().map(|id| build(set, id)).collect()
}

pub(crate) fn refused(id: &str, refusals: &[Refusal]) -> anyhow::Error {
    let lines: Vec<_> = refusals.iter().map(|refusal| format!("  {refusal}")).collect();
    anyhow::anyhow!("policy {id} can't become a contract:\n{}", lines.join("\n"))
}

impl Artifact {
    /// The contract's description.
    pub(crate) fn contract_file(&self) -> ContractFile {
        ContractFile {
            policy: self.bundle.policy.id.clone(),
            version: self.bundle.digest.to_string(),
            entry_points: self.bundle.policy.entry_points.clone(),
            code_hash: format!("0x{}", self.contract.code_hash),
            size: self.contract.runtime.len(),
            creation: format!("0x{}", hex::encode(&self.contract.creation)),
            runtime: format!("0x{}", hex::encode(&self.contract.runtime)),
        }
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
