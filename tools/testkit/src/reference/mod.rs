//! Policies that were also written by hand in Solidity (`contracts/reference`), with the same decisions on the same inputs.
//!
//! Each [`Reference`] knows how to make inputs: as the value that the Rego policy reads, and as the call of the contract by hand with
//! the same information in structs.

mod http;
mod image;
mod kubernetes;
pub mod profile;
mod rbac;
mod terraform;

/// The interfaces of the contracts by hand.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated from the artifacts"
)]
mod abi {
    alloy::sol!(Rbac, "../../contracts/artifacts/reference/Rbac.json");
    alloy::sol!(
        KubernetesPod,
        "../../contracts/artifacts/reference/KubernetesPod.json"
    );
    alloy::sol!(HttpAuthz, "../../contracts/artifacts/reference/HttpAuthz.json");
    alloy::sol!(
        ImageProvenance,
        "../../contracts/artifacts/reference/ImageProvenance.json"
    );
    alloy::sol!(
        TerraformNetwork,
        "../../contracts/artifacts/reference/TerraformNetwork.json"
    );
}

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use stele_contract::{Contract, Options};
use stele_rego::{CompileOptions, Negation, SourceFile, ir};
use stele_types::{EntryPoint, Value, encoding};

use crate::engines::Chance;
use crate::evm::{Deployed, call_data, deploy};

/// Gas of one call: more than any of these takes.
const GAS: u64 = 100_000_000;

/// What is wrong with a reference policy: a file, a compilation, or an execution that ended in an error.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct ReferenceError {
    what: String,
    why: String,
}

fn error(what: impl ToString, why: impl ToString) -> ReferenceError {
    ReferenceError {
        what: what.to_string(),
        why: why.to_string(),
    }
}

/// The same question to both contracts.
#[derive(Debug, Clone)]
pub struct Question {
    /// What the Rego policy reads.
    pub input: Value,
    /// Call data for the contract by hand.
    pub call: Vec<u8>,
}

/// A policy in both forms.
pub(crate) trait ByHand {
    /// The contract's name in `contracts/reference`.
    fn name(&self) -> &'static str;
    /// The rule that is asked.
    fn entry_point(&self) -> &'static str;
    /// The Rego files, below the workspace's root.
    fn files(&self) -> &'static [&'static str];
    /// The data document.
    fn data(&self) -> Value;
    /// What the gas table is measured with: an ordinary input.
    fn typical(&self) -> Question;
    /// Any input.
    fn random(&self, chance: &mut Chance) -> Question;
    /// The answer of the contract by hand; `None` if the output is not its encoding.
    fn answer(&self, output: &[u8]) -> Option<Value>;
}

/// A policy, compiled in both forms.
pub struct Reference {
    policy: Box<dyn ByHand>,
    /// The Rego policy's contract.
    pub compiled: Contract,
    creation: Vec<u8>,
    runtime: Vec<u8>,
    data: Vec<u8>,
}

/// What an answer cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The decision; the members of an array in Rego order.
    pub value: Option<Value>,
    /// Gas of the contract's code, without the transaction's fixed cost and its call data.
    pub gas: u64,
    /// Gas of the call data, at 4 and 16 a byte.
    pub call_data_gas: u64,
}

/// What a contract costs apart from its decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// Bytes of the deployed code.
    pub size: usize,
    /// Gas of the transaction that deploys it.
    pub gas: u64,
}

/// All reference policies.
///
/// # Errors
/// A file that can't be read, or a policy that can't be compiled.
pub fn all() -> Result<Vec<Reference>, ReferenceError> {
    let policies: [Box<dyn ByHand>; 5] = [
        Box::new(rbac::Rbac),
        Box::new(kubernetes::KubernetesPod),
        Box::new(http::HttpAuthz),
        Box::new(image::ImageProvenance),
        Box::new(terraform::TerraformNetwork),
    ];
    policies.into_iter().map(Reference::new).collect()
}

impl Reference {
    fn new(policy: Box<dyn ByHand>) -> Result<Self, ReferenceError> {
        let compiled = compile(policy.as_ref())?;
        let artifact = root().join(format!("contracts/artifacts/reference/{}.json", policy.name()));
        let text = std::fs::read(&artifact).map_err(|why| error(artifact.display(), why))?;
        let json: serde_json::Value =
            serde_json::from_slice(&text).map_err(|why| error(artifact.display(), why))?;
        let code = |key: &str| {
            let text = json.get(key).and_then(serde_json::Value::as_str);
            text.and_then(bytes)
                .ok_or_else(|| error(artifact.display(), format!("no {key}")))
        };
        let data = encoding::encode_contract(&policy.data()).map_err(|why| error("data", why))?;
        Ok(Self {
            creation: code("bytecode")?,
            runtime: code("deployedBytecode")?,
            compiled,
            data,
            policy,
        })
    }

    /// The name of the contract by hand.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.policy.name()
    }

    /// The ordinary question that the gas table is measured with.
    #[must_use]
    pub fn typical(&self) -> Question {
        self.policy.typical()
    }

    /// Any question.
    pub fn random(&self, chance: &mut Chance) -> Question {
        self.policy.random(chance)
    }

    /// Asks the contract by hand.
    ///
    /// # Errors
    /// It reverted, or its output is not its encoding.
    pub fn by_hand(&self, question: &Question) -> Result<Answer, ReferenceError> {
        let (output, gas) = Deployed::new(&self.runtime)
            .execute(question.call.clone(), GAS)
            .map_err(|why| error(self.name(), why))?;
        let value = self.policy.answer(&output);
        let value = value.ok_or_else(|| error(self.name(), "the output is not its encoding"))?;
        Ok(Answer {
            value: Some(sorted(value)),
            gas,
            call_data_gas: call_data_gas(&question.call),
        })
    }

    /// The call of the compiled contract.
    ///
    /// # Errors
    /// An input that contracts can't hold.
    pub fn call(&self, input: &Value) -> Result<Vec<u8>, ReferenceError> {
        let input = encoding::encode_contract(input).map_err(|why| error("input", why))?;
        Ok(call_data(self.policy.entry_point(), &input, &self.data, &[]))
    }

    /// Asks the compiled contract.
    ///
    /// # Errors
    /// It reverted, or its output is not its encoding.
    pub fn compiled(&self, question: &Question) -> Result<Answer, ReferenceError> {
        let call = self.call(&question.input)?;
        let call_data_gas = call_data_gas(&call);
        let (output, gas) = Deployed::new(&self.compiled.runtime)
            .execute(call, GAS)
            .map_err(|why| error(self.policy.entry_point(), why))?;
        let inner = crate::evm::returned_bytes(&output).ok_or_else(|| {
            error(
                self.policy.entry_point(),
                "the output is no ABI encoding of `bytes`",
            )
        })?;
        let value = (!inner.is_empty())
            .then(|| encoding::decode(&inner, &encoding::Limits::default()))
            .transpose()
            .map_err(|why| error(self.policy.entry_point(), why))?;
        Ok(Answer {
            value: value.map(sorted),
            gas,
            call_data_gas,
        })
    }

    /// Size and deploy gas: of the compiled contract, and of the one by hand.
    ///
    /// # Errors
    /// A contract that can't be deployed.
    pub fn deployments(&self) -> Result<(Deployment, Deployment), ReferenceError> {
        let of = |creation: &[u8], size: usize| {
            let gas = deploy(creation).map_err(|why| error(self.name(), why))?;
            Ok(Deployment { size, gas })
        };
        Ok((
            of(&self.compiled.creation, self.compiled.runtime.len())?,
            of(&self.creation, self.runtime.len())?,
        ))
    }
}

fn compile(policy: &dyn ByHand) -> Result<Contract, ReferenceError> {
    let plan = plan(policy)?;
    let options = Options {
        data: Some(policy.data()),
        ..Options::default()
    };
    stele_contract::compile(&plan, &options).map_err(|refusals| {
        let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        error(policy.entry_point(), texts.join("; "))
    })
}

fn plan(policy: &dyn ByHand) -> Result<ir::Policy, ReferenceError> {
    let mut modules = Vec::new();
    for file in policy.files() {
        let path = root().join(file);
        let text = std::fs::read_to_string(&path).map_err(|why| error(path.display(), why))?;
        let source = SourceFile::new(*file, text);
        modules.push(stele_rego::parse(&source).map_err(|why| error(file, format!("{why:?}")))?);
    }
    let entry = EntryPoint::new(policy.entry_point()).map_err(|why| error(policy.entry_point(), why))?;
    let options = CompileOptions::with_negation(Negation::Whole);
    stele_rego::compile(&modules, &[entry], &options)
        .map_err(|why| error(policy.entry_point(), format!("{why:?}")))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.strip_prefix("0x")?;
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at.checked_add(2)?)?, 16).ok())
        .collect()
}

/// EIP-2028.
fn call_data_gas(call: &[u8]) -> u64 {
    call.iter()
        .map(|byte| if *byte == 0 { 4 } else { 16 })
        .fold(0, u64::saturating_add)
}

/// A set that became an array has its members in order; the contract by hand finds them in any.
fn sorted(value: Value) -> Value {
    match value.as_array() {
        Some(items) => Value::array(items.iter().cloned().collect::<BTreeSet<_>>()),
        None => value,
    }
}

/// An object with text keys.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::object(members.map(|(key, value)| (Value::string(key), value)))
}

fn strings(items: &[String]) -> Value {
    Value::array(items.iter().map(|item| Value::string(item)))
}

/// A few of the words, in any order, possibly repeated.
fn some_words(chance: &mut Chance, words: &[&str], most: usize) -> Vec<String> {
    let count = chance.below(most.saturating_add(1));
    (0..count).map(|_| chance.word(words).to_owned()).collect()
}
