//! The EVM, set up in one place, so that execution, calls and estimates follow the same rules.

use alloy::consensus::transaction::Recovered;
use alloy::consensus::{Header, Transaction, TxEnvelope, Typed2718};
use alloy::primitives::{Address, B256, U256, keccak256};
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction, ResultAndState};
use revm::context::{BlockEnv, CfgEnv, Context, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::context_interface::either::Either;
use revm::database_interface::{DatabaseRef, WrapDatabaseRef};
use revm::primitives::eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE;
use revm::primitives::hardfork::SpecId;
use revm::{ExecuteEvm, MainBuilder, MainContext};

use super::error::NodeError;

/// The rules of every block: Prague. (Osaka would cap a transaction at 2^24 gas, less than a challenge of a large policy
/// may need; nothing this project deploys needs more than Cancun.)
pub(crate) const SPEC: SpecId = SpecId::PRAGUE;

/// Everything of the chain's configuration that the EVM depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) chain_id: u64,
    pub(crate) max_code_size: Option<usize>,
}

/// The block in which something runs.
#[derive(Debug, Clone)]
pub(crate) struct Env {
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) gas_limit: u64,
    pub(crate) base_fee: u64,
    pub(crate) prevrandao: B256,
}

impl Env {
    /// The block that `header` describes.
    pub(crate) fn of(header: &Header) -> Self {
        Self {
            number: header.number,
            timestamp: header.timestamp,
            gas_limit: header.gas_limit,
            base_fee: header.base_fee_per_gas.unwrap_or_default(),
            prevrandao: header.mix_hash,
        }
    }

    pub(crate) fn block(&self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.number),
            beneficiary: Address::ZERO,
            timestamp: U256::from(self.timestamp),
            gas_limit: self.gas_limit,
            basefee: self.base_fee,
            difficulty: U256::ZERO,
            prevrandao: Some(self.prevrandao),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(
                0,
                BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
            )),
            slot_num: 0,
        }
    }
}

/// PREVRANDAO of the block after `parent`: a hash of the parent's. Deterministic, so replays agree; not random, so no
/// contract may draw lots with it.
pub(crate) fn prevrandao(parent: &B256) -> B256 {
    keccak256(parent)
}

/// Whether the sender is held to the rules of a transaction, or only simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A signed transaction: nonce, and sender without code (EIP-3607).
    Transaction,
    /// `eth_call` and the like: any sender, any nonce.
    Simulation,
}

/// Why something did not run at all.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The transaction breaks a rule.
    Invalid(InvalidTransaction),
    /// The node's own trouble.
    Node(NodeError),
}

impl From<NodeError> for RunError {
    fn from(error: NodeError) -> Self {
        Self::Node(error)
    }
}

/// Runs `tx` on the state of `db` in block `env`; changes nothing.
pub(crate) fn run<D>(
    db: D,
    rules: Rules,
    env: &Env,
    tx: TxEnv,
    mode: Mode,
) -> Result<ResultAndState, RunError>
where
    D: DatabaseRef<Error = NodeError>,
{
    let mut evm = Context::mainnet()
        .with_db(WrapDatabaseRef(db))
        .with_block(env.block())
        .modify_cfg_chained(|cfg| configure(cfg, rules, mode))
        .build_mainnet();
    evm.transact(tx).map_err(|error| match error {
        EVMError::Transaction(error) => RunError::Invalid(error),
        EVMError::Database(error) => RunError::Node(error),
        EVMError::Header(error) => RunError::Node(NodeError::Evm(error.to_string())),
        EVMError::Custom(error) => RunError::Node(NodeError::Evm(error)),
        EVMError::CustomAny(error) => RunError::Node(NodeError::Evm(error.to_string())),
    })
}

fn configure(cfg: &mut CfgEnv, rules: Rules, mode: Mode) {
    cfg.set_spec_and_mainnet_gas_params(SPEC);
    cfg.chain_id = rules.chain_id;
    cfg.limit_contract_code_size = rules.max_code_size;
    cfg.disable_nonce_check = mode == Mode::Simulation;
    cfg.disable_eip3607 = mode == Mode::Simulation;
}

/// The EVM's form of a signed transaction.
pub(crate) fn tx_env(tx: &Recovered<TxEnvelope>) -> TxEnv {
    let inner = tx.inner();
    TxEnv {
        tx_type: inner.ty(),
        caller: tx.signer(),
        gas_limit: inner.gas_limit(),
        gas_price: inner.max_fee_per_gas(),
        kind: inner.kind(),
        value: inner.value(),
        data: inner.input().clone(),
        nonce: inner.nonce(),
        chain_id: inner.chain_id(),
        access_list: inner.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: inner.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: inner
            .authorization_list()
            .map(|list| list.iter().cloned().map(Either::Left).collect())
            .unwrap_or_default(),
    }
}

/// The wording geth gives to an execution that failed without `REVERT`.
pub(crate) fn halt_text(result: &ExecutionResult) -> String {
    use revm::context::result::HaltReason as H;
    let ExecutionResult::Halt { reason, .. } = result else {
        return "execution reverted".to_owned();
    };
    match reason {
        H::OutOfGas(_) => "out of gas".to_owned(),
        H::OpcodeNotFound | H::InvalidFEOpcode | H::NotActivated => "invalid opcode".to_owned(),
        H::InvalidJump => "invalid jump destination".to_owned(),
        H::OutOfOffset => "return data out of bounds".to_owned(),
        H::CreateCollision => "contract address collision".to_owned(),
        H::CreateContractSizeLimit => "max code size exceeded".to_owned(),
        H::CreateContractStartingWithEF => "invalid code: must not begin with 0xef".to_owned(),
        H::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        H::StateChangeDuringStaticCall | H::CallNotAllowedInsideStatic => "write protection".to_owned(),
        H::OutOfFunds => "insufficient balance for transfer".to_owned(),
        H::CallTooDeep => "max call depth exceeded".to_owned(),
        other => other.to_string(),
    }
}
