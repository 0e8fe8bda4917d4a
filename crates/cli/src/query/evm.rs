//! A query as a contract, executed by an EVM in this process without a chain.

use revm::context::result::ExecutionResult;
use revm::context::{CfgEnv, Context, TxEnv};
use revm::database::InMemoryDB;
use revm::handler::MainnetContext;
use revm::inspector::NoOpInspector;
use revm::primitives::{Address, Bytes, TxKind, U256, hardfork::SpecId};
use revm::state::{AccountInfo, Bytecode};
use revm::{InspectEvm, Inspector, MainBuilder, MainContext};
use stele_contract::abi::{self, ContractError};
use stele_contract::{Contract, Options, ResultForm, entry_point_id};
use stele_rego::ir;
use stele_types::encoding::{self, EncodeError};
use stele_types::{Timestamp, Value};

use super::failure::Failure;

/// Gas for one evaluation: more than any block holds, and an end to what would run for minutes.
const GAS: u64 = 10_000_000_000;
/// Where the contract stands.
const ADDRESS: Address = Address::repeat_byte(0x57);
/// Bytes of a word.
const WORD: usize = 32;

/// A compiled query with its data.
pub(crate) struct PolicyContract {
    contract: Contract,
    data: Vec<u8>,
}

impl PolicyContract {
    /// Compiles the plan of a query.
    pub(crate) fn new(plan: &ir::Policy, data: &Value, strict: bool) -> Result<Self, Failure> {
        let options = Options {
            result: ResultForm::ResultSet,
            strict_builtin_errors: strict,
            ..Options::default()
        };
        let contract = stele_contract::compile(plan, &options).map_err(|found| Failure::refusals(&found))?;
        let data = encode("data", data)?;
        Ok(Self { contract, data })
    }

    /// The call data of an evaluation.
    pub(crate) fn call(&self, input: Option<&Value>, time: Timestamp) -> Result<Vec<u8>, Failure> {
        call("eval", input, &self.data, time)
    }

    /// The result set, and the gas that the contract's own code took.
    pub(crate) fn execute(&self, call: &[u8]) -> Result<(Vec<Value>, u64), Failure> {
        let (bytes, used) = execute(&self.contract.runtime, call)?;
        let value = encoding::decode(&bytes, &encoding::Limits::default())
            .map_err(|error| Failure::plain(format!("the contract returned no value: {error}")))?;
        Ok((value.as_array().unwrap_or_default().to_vec(), used))
    }
}

/// The call data of an evaluation of an entry point, with data in its canonical encoding.
pub(crate) fn call(
    entry_point: &str,
    input: Option<&Value>,
    data: &[u8],
    time: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let input = input.map_or_else(|| Ok(Vec::new()), |input| encode("input", input))?;
    let nanoseconds = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX).into();
    let context = encode("context", &Value::object([("time_ns".into(), nanoseconds)]))?;
    Ok(call_data(entry_point, &[&input, data, &context]))
}

/// The canonical encoding of a value that a contract reads.
pub(crate) fn encode(what: &str, value: &Value) -> Result<Vec<u8>, Failure> {
    encoding::encode_contract(value).map_err(|error| unencodable(what, &error))
}

/// The bytes that a contract returned, and the gas that its own code took.
pub(crate) fn execute(runtime: &[u8], call: &[u8]) -> Result<(Vec<u8>, u64), Failure> {
    outcome(transact(Some(runtime), call, NoOpInspector)?, call)
}

/// As [`execute`], watched by an inspector.
pub(crate) fn inspect<I>(runtime: &[u8], call: &[u8], inspector: I) -> Result<(Vec<u8>, u64), Failure>
where
    I: Inspector<MainnetContext<InMemoryDB>>,
{
    outcome(transact(Some(runtime), call, inspector)?, call)
}

fn outcome(result: ExecutionResult, call: &[u8]) -> Result<(Vec<u8>, u64), Failure> {
    let used = result.tx_gas_used().saturating_sub(intrinsic(call));
    match result {
        ExecutionResult::Success { output, .. } => returned(&output.into_data())
            .map(|bytes| (bytes.to_vec(), used))
            .ok_or_else(|| Failure::plain("the contract returned no ABI encoding of bytes")),
        ExecutionResult::Revert { output, .. } => Err(reverted(&output)),
        ExecutionResult::Halt { reason, .. } => Err(Failure::coded(
            format!("the contract ended without an answer: {reason:?}"),
            Some("evm_halt"),
        )),
    }
}

/// The gas of the transaction that deploys a contract, all of it. The contract must not be larger than a chain accepts.
pub(crate) fn deploy(creation: &[u8]) -> Result<u64, Failure> {
    match transact(None, creation, NoOpInspector)? {
        result @ ExecutionResult::Success { .. } => Ok(result.tx_gas_used()),
        other => Err(Failure::plain(format!(
            "the contract can't be deployed: {other:?}"
        ))),
    }
}

fn unencodable(what: &str, error: &EncodeError) -> Failure {
    Failure::coded(
        format!("a contract can't hold the {what}: {error}"),
        Some("contract_refused"),
    )
}

/// Calls code, or deploys if there is none.
fn transact<I>(code: Option<&[u8]>, data: &[u8], inspector: I) -> Result<ExecutionResult, Failure>
where
    I: Inspector<MainnetContext<InMemoryDB>>,
{
    let mut db = InMemoryDB::default();
    if let Some(code) = code {
        let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
        db.insert_account_info(ADDRESS, AccountInfo::from_bytecode(code));
    }
    let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
    cfg.disable_nonce_check = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    let mut evm = Context::mainnet()
        .with_db(db)
        .with_cfg(cfg)
        .build_mainnet_with_inspector(inspector);
    evm.ctx.block.gas_limit = u64::MAX;
    let transaction = TxEnv {
        kind: code.map_or(TxKind::Create, |_| TxKind::Call(ADDRESS)),
        data: Bytes::copy_from_slice(data),
        gas_limit: GAS,
        gas_price: 0,
        chain_id: None,
        ..TxEnv::default()
    };
    evm.inspect_one_tx(transaction)
        .map_err(|error| Failure::plain(format!("the EVM refuses the call: {error:?}")))
}

/// What a transaction costs before its code runs: 21,000, and 4 or 16 for each byte of call data.
fn intrinsic(call: &[u8]) -> u64 {
    call.iter()
        .map(|byte| if *byte == 0 { 4 } else { 16 })
        .fold(21_000, u64::saturating_add)
}

/// The ABI encoding of `evaluate(entry point, parts...)`.
fn call_data(entry_point: &str, parts: &[&[u8]]) -> Vec<u8> {
    let word = |number: usize| U256::from(number).to_be_bytes::<WORD>();
    let mut out = abi::selector(abi::EVALUATE).to_vec();
    out.extend(entry_point_id(entry_point).0);
    let head = parts.len().saturating_add(1).saturating_mul(WORD);
    let mut tail = Vec::new();
    for part in parts {
        out.extend(word(head.saturating_add(tail.len())));
        tail.extend(word(part.len()));
        tail.extend_from_slice(part);
        tail.resize(tail.len().next_multiple_of(WORD), 0);
    }
    out.extend(tail);
    out
}

/// The bytes inside an ABI-encoded `bytes`.
pub(crate) fn returned(output: &[u8]) -> Option<&[u8]> {
    let (_offset, rest) = output.split_at_checked(WORD)?;
    let (length, rest) = rest.split_at_checked(WORD)?;
    rest.get(..usize::try_from(U256::from_be_slice(length)).ok()?)
}

pub(crate) fn reverted(output: &[u8]) -> Failure {
    let Some(error) = ContractError::from_revert(output) else {
        return Failure::plain(format!("the contract reverted: 0x{}", hex::encode(output)));
    };
    // The argument of these is a name, padded with zeros.
    let name = output.get(4..).map(|bytes| {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
    });
    let name = name.unwrap_or_default();
    let (message, code) = match error {
        ContractError::Conflict => (
            "complete rules must not produce multiple outputs, nor objects two values of a key".to_owned(),
            "eval_conflict_error",
        ),
        ContractError::BuiltinError => (format!("{name} failed"), "eval_builtin_error"),
        ContractError::Unsupported => (
            format!("the contract's form of {name} does not cover a value it met"),
            "contract_refused",
        ),
        other => (
            format!("the contract reverted: {}", other.signature()),
            "contract_refused",
        ),
    };
    Failure::coded(message, Some(code))
}
