//! Runs policy contracts under revm.

use revm::context::result::{ExecutionResult, HaltReason};
use revm::context::{CfgEnv, Context, TxEnv};
use revm::database::InMemoryDB;
use revm::handler::{MainnetContext, MainnetEvm};
use revm::inspector::NoOpInspector;
use revm::primitives::{Address, Bytes, TxKind, U256, hardfork::SpecId};
use revm::state::{AccountInfo, Bytecode};
use revm::{InspectEvm, Inspector, MainBuilder, MainContext};
use stele_contract::abi::{self, ContractError};
use stele_contract::entry_point_id;

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// The bytes inside the returned `bytes`, and the gas used without the transaction's own 21,000 and call data.
    Returned(Vec<u8>, u64),
    /// A custom error with its data.
    Reverted(ContractError, Vec<u8>),
    /// The gas limit was reached.
    OutOfGas,
    /// What no contract of ours may do: another exceptional halt, an unknown error, output that is no ABI encoding.
    Broken(String),
}

/// The deployed code of a contract, ready to be called any number of times.
#[derive(Debug, Clone)]
pub struct Deployed {
    account: AccountInfo,
}

impl Deployed {
    /// Takes runtime code.
    #[must_use]
    pub fn new(runtime: &[u8]) -> Self {
        let code = Bytecode::new_raw(Bytes::copy_from_slice(runtime));
        Self {
            account: AccountInfo::from_bytecode(code),
        }
    }

    /// Calls any contract: its output, and the gas used without the transaction's own 21,000 and call data.
    ///
    /// # Errors
    /// It reverted or halted.
    pub fn execute(&self, data: Vec<u8>, gas_limit: u64) -> Result<(Vec<u8>, u64), String> {
        self.inspect(data, gas_limit, NoOpInspector)
    }

    /// As [`Self::execute`], watched by an inspector.
    ///
    /// # Errors
    /// It reverted or halted.
    pub fn inspect<I>(&self, data: Vec<u8>, gas_limit: u64, inspector: I) -> Result<(Vec<u8>, u64), String>
    where
        I: Inspector<MainnetContext<InMemoryDB>>,
    {
        let bytes = intrinsic(&data);
        match transact(&self.account, data, gas_limit, inspector)? {
            ExecutionResult::Success { gas, output, .. } => {
                let used = gas.tx_gas_used().saturating_sub(bytes);
                Ok((output.into_data().to_vec(), used))
            }
            other => Err(format!("{other:?}")),
        }
    }

    /// Calls with raw call data; a result must be ABI-encoded `bytes`.
    #[must_use]
    pub fn call(&self, data: Vec<u8>, gas_limit: u64) -> Called {
        let bytes = intrinsic(&data);
        let result = match transact(&self.account, data, gas_limit, NoOpInspector) {
            Ok(result) => result,
            Err(error) => return Called::Broken(error),
        };
        let used = result.tx_gas_used().saturating_sub(bytes);
        match result {
            ExecutionResult::Success { output, .. } => match returned_bytes(&output.into_data()) {
                Some(bytes) => Called::Returned(bytes, used),
                None => Called::Broken("the output is no ABI encoding of `bytes`".to_owned()),
            },
            ExecutionResult::Revert { output, .. } => match ContractError::from_revert(&output) {
                Some(error) => Called::Reverted(error, output.get(4..).unwrap_or_default().to_vec()),
                None => Called::Broken(format!("unknown error {output}")),
            },
            ExecutionResult::Halt {
                reason: HaltReason::OutOfGas(_),
                ..
            } => Called::OutOfGas,
            ExecutionResult::Halt { reason, .. } => Called::Broken(format!("halted: {reason:?}")),
        }
    }
}

/// What a transaction costs before its code runs.
fn intrinsic(data: &[u8]) -> u64 {
    data.iter()
        .map(|byte| if *byte == 0 { 4 } else { 16 })
        .fold(21_000_u64, u64::saturating_add)
}

/// Gas of the transaction that deploys a contract, all of it.
///
/// # Errors
/// The contract can't be deployed.
pub fn deploy(creation: &[u8]) -> Result<u64, String> {
    let mut evm = evm(InMemoryDB::default(), NoOpInspector);
    let result = evm.inspect_one_tx(transaction(TxKind::Create, creation.to_vec(), 100_000_000));
    match result.map_err(|error| error.to_string())? {
        done @ ExecutionResult::Success { .. } => Ok(done.tx_gas_used()),
        other => Err(format!("{other:?}")),
    }
}

fn transact<I>(
    account: &AccountInfo,
    data: Vec<u8>,
    gas_limit: u64,
    inspector: I,
) -> Result<ExecutionResult, String>
where
    I: Inspector<MainnetContext<InMemoryDB>>,
{
    let target = Address::repeat_byte(0x11);
    let mut db = InMemoryDB::default();
    db.insert_account_info(target, account.clone());
    evm(db, inspector)
        .inspect_one_tx(transaction(TxKind::Call(target), data, gas_limit))
        .map_err(|error| error.to_string())
}

fn evm<I>(db: InMemoryDB, inspector: I) -> MainnetEvm<MainnetContext<InMemoryDB>, I>
where
    I: Inspector<MainnetContext<InMemoryDB>>,
{
    let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
    cfg.disable_nonce_check = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    let mut evm = Context::mainnet()
        .with_db(db)
        .with_cfg(cfg)
        .build_mainnet_with_inspector(inspector);
    evm.ctx.block.gas_limit = u64::MAX;
    evm
}

fn transaction(kind: TxKind, data: Vec<u8>, gas_limit: u64) -> TxEnv {
    TxEnv {
        kind,
        data: data.into(),
        gas_limit,
        gas_price: 0,
        chain_id: None,
        ..TxEnv::default()
    }
}

/// The content of ABI-encoded `bytes` that fill all of `output`.
pub(crate) fn returned_bytes(output: &[u8]) -> Option<Vec<u8>> {
    let (head, tail) = output.split_at_checked(64)?;
    let (offset, length) = head.split_at_checked(32)?;
    let length = usize::try_from(U256::from_be_slice(length)).ok()?;
    let canonical = offset == word(32) && tail.len() == length.checked_next_multiple_of(32)?;
    canonical.then(|| tail.get(..length).map(<[u8]>::to_vec))?
}

fn word(n: usize) -> [u8; 32] {
    U256::from(n).to_be_bytes()
}

/// ABI-encodes a call of `evaluate`.
#[must_use]
pub fn call_data(entry_point: &str, input: &[u8], data: &[u8], context: &[u8]) -> Vec<u8> {
    const HEAD: usize = 128;
    let mut out = abi::selector(abi::EVALUATE).to_vec();
    out.extend(entry_point_id(entry_point).0);
    let mut tail: Vec<u8> = Vec::new();
    for part in [input, data, context] {
        out.extend(word(HEAD.saturating_add(tail.len())));
        tail.extend(word(part.len()));
        tail.extend(part);
        tail.resize(tail.len().next_multiple_of(32), 0);
    }
    out.extend(tail);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_data_has_offsets_and_padding() {
        let call = call_data("a/b", &[1; 33], &[], &[2]);
        assert_eq!(call.len(), 4 + 4 * 32 + (32 + 64) + 32 + (32 + 32));
        assert_eq!(call[4 + 63], 128);
        assert_eq!(call[4 + 95], 224);
        assert_eq!(call[4 + 127], 0, "256 is in two bytes");
        assert_eq!(call[4 + 126], 1);
    }

    #[test]
    fn output_must_be_exactly_the_bytes() {
        let mut output = [word(32), word(2)].concat();
        output.extend([7, 8]);
        assert_eq!(returned_bytes(&output), None);
        output.resize(96, 0);
        assert_eq!(returned_bytes(&output), Some(vec![7, 8]));
        output.push(0);
        assert_eq!(returned_bytes(&output), None);
    }

    #[test]
    fn a_contract_that_is_none_is_broken_and_a_loop_is_out_of_gas() {
        let broken = Deployed::new(&[0xfe]).call(Vec::new(), 100_000);
        assert!(matches!(broken, Called::Broken(_)), "{broken:?}");
        // JUMPDEST, PUSH0, JUMP
        let endless = Deployed::new(&[0x5b, 0x5f, 0x56]).call(Vec::new(), 100_000);
        assert_eq!(endless, Called::OutOfGas);
    }
}
