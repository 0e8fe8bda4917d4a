//! Runs contracts under revm.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod answers;
pub mod cases;
pub mod plan;
pub mod reference;
pub mod term;

use revm::context::result::ExecutionResult;
use revm::context::{CfgEnv, Context, TxEnv};
use revm::database::InMemoryDB;
use revm::primitives::{Address, Bytes, TxKind, U256, hardfork::SpecId};
use revm::state::{AccountInfo, Bytecode};
use revm::{ExecuteEvm, MainBuilder, MainContext};
use stele_contract::abi::{self, ContractError};
use stele_contract::{Contract, entry_point_id};
use stele_types::{Value, encoding};

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The bytes inside the returned `bytes`, and the gas used without the transaction's own 21,000 and call data.
    Returned(Vec<u8>, u64),
    /// A custom error with its data.
    Reverted(ContractError, Vec<u8>),
    /// Out of gas or another exceptional halt.
    Halted(String),
}

impl Outcome {
    pub fn value(&self) -> Option<Value> {
        match self {
            Self::Returned(bytes, _) if bytes.is_empty() => None,
            Self::Returned(bytes, _) => {
                Some(encoding::decode(bytes, &encoding::Limits::default()).expect("canonical result"))
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn gas(&self) -> u64 {
        match self {
            Self::Returned(_, gas) => *gas,
            other => panic!("{other:?}"),
        }
    }
}

fn word(n: usize) -> [u8; 32] {
    U256::from(n).to_be_bytes()
}

/// ABI-encodes a call of `evaluate`.
pub fn call_data(entry: &str, input: &[u8], data: &[u8], context: &[u8]) -> Vec<u8> {
    let mut out = abi::selector(abi::EVALUATE).to_vec();
    out.extend(entry_point_id(entry).0);
    let mut offset = 128;
    let mut tail = Vec::new();
    for part in [input, data, context] {
        out.extend(word(offset));
        tail.extend(word(part.len()));
        tail.extend(part);
        let pad = part.len().next_multiple_of(32) - part.len();
        tail.extend(std::iter::repeat_n(0, pad));
        offset = 128 + tail.len();
    }
    out.extend(tail);
    out
}

fn transact(code: Option<&[u8]>, data: Vec<u8>, gas_limit: u64) -> ExecutionResult {
    let target = Address::repeat_byte(0x11);
    let mut db = InMemoryDB::default();
    if let Some(code) = code {
        let info = AccountInfo::from_bytecode(Bytecode::new_raw(Bytes::copy_from_slice(code)));
        db.insert_account_info(target, info);
    }
    let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
    cfg.disable_nonce_check = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    let mut evm = Context::mainnet().with_db(db).with_cfg(cfg).build_mainnet();
    evm.ctx.block.gas_limit = u64::MAX;
    let tx = TxEnv {
        kind: code.map_or(TxKind::Create, |_| TxKind::Call(target)),
        data: data.into(),
        gas_limit,
        gas_price: 0,
        chain_id: None,
        ..TxEnv::default()
    };
    evm.transact(tx).expect("valid transaction").result
}

/// The code that init code deploys.
pub fn deploy(creation: &[u8]) -> Vec<u8> {
    match transact(None, creation.to_vec(), 50_000_000) {
        ExecutionResult::Success { output, .. } => output.into_data().to_vec(),
        other => panic!("{other:?}"),
    }
}

/// The returned bytes of a call that succeeds.
pub fn raw_call(code: &[u8], data: Vec<u8>) -> Vec<u8> {
    match transact(Some(code), data, 10_000_000) {
        ExecutionResult::Success { output, .. } => output.into_data().to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Executes raw call data against deployed code; the result must be ABI-encoded `bytes`.
pub fn execute(code: &[u8], data: Vec<u8>, gas_limit: u64) -> Outcome {
    let intrinsic = 21_000 + data.iter().map(|b| if *b == 0 { 4 } else { 16 }).sum::<u64>();
    let result = transact(Some(code), data, gas_limit);
    let used = result.tx_gas_used();
    match result {
        ExecutionResult::Success { output, .. } => {
            let out = output.into_data();
            assert_eq!(out.get(..32), Some(word(32).as_slice()), "offset of the result");
            let len = usize::try_from(U256::from_be_slice(&out[32..64])).unwrap();
            assert_eq!(out.len(), 64 + len.next_multiple_of(32), "padded length");
            Outcome::Returned(out[64..64 + len].to_vec(), used.saturating_sub(intrinsic))
        }
        ExecutionResult::Revert { output, .. } => {
            let error =
                ContractError::from_revert(&output).unwrap_or_else(|| panic!("unknown error {output}"));
            Outcome::Reverted(error, output[4..].to_vec())
        }
        ExecutionResult::Halt { reason, .. } => Outcome::Halted(format!("{reason:?}")),
    }
}

/// Evaluates an entry point at a time in nanoseconds since 1970.
pub fn evaluate_at(
    contract: &Contract,
    entry: &str,
    input: Option<&Value>,
    data: &Value,
    time: i64,
) -> Outcome {
    let bytes =
        |v: Option<&Value>| v.map_or_else(Vec::new, |v| encoding::encode_contract(v).expect("encodable"));
    let context = Value::object([(Value::string("time_ns"), Value::from(time))]);
    let call = call_data(entry, &bytes(input), &bytes(Some(data)), &bytes(Some(&context)));
    execute(&contract.runtime, call, 500_000_000)
}

/// Evaluates an entry point; `None` is undefined.
pub fn evaluate(contract: &Contract, entry: &str, input: Option<&Value>, data: &Value) -> Outcome {
    let bytes =
        |v: Option<&Value>| v.map_or_else(Vec::new, |v| encoding::encode_contract(v).expect("encodable"));
    let call = call_data(entry, &bytes(input), &bytes(Some(data)), &[]);
    execute(&contract.runtime, call, 500_000_000)
}
