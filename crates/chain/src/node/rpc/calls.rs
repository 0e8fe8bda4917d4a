//! `eth_call` and `eth_estimateGas`.

use alloy::eips::BlockId;
use alloy::primitives::{KECCAK256_EMPTY, TxKind, U64, U256};
use alloy::rpc::types::TransactionRequest;
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, HaltReason, InvalidTransaction};
use revm::context_interface::either::Either;
use serde_json::Value;

use super::params::Params;
use super::{Reply, RpcError, blocks, to_value};
use crate::node::Node;
use crate::node::evm::{self, Env, Mode, RunError};
use crate::node::store::Snapshot;
use crate::node::submit::rejection;

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// EIP-2300 stipend that a call with value may need on top of what it uses.
const CALL_STIPEND: u64 = 2_300;
/// An estimate may exceed the least sufficient gas by this part (1/64, geth's 1.5 %): it saves half of the executions.
const ESTIMATE_TOLERANCE: u64 = 64;

impl Node {
    pub(super) fn eth_call(&self, params: &Params) -> Reply {
        refuse_overrides(params)?;
        let request = params.required::<TransactionRequest>(0)?;
        let snapshot = self.store().snapshot()?;
        let at = blocks::state_at(&snapshot, params.optional::<BlockId>(1)?)?;
        let mut env = if at.pending {
            self.next_env(&at.head, &at.hash)
        } else {
            Env::of(&at.head)
        };
        let tx = self.simulated(&snapshot, request, &mut env)?;
        match self.simulate(&snapshot, &env, tx)? {
            ExecutionResult::Success { output, .. } => to_value(output.into_data()),
            failed => Err(failure(&failed)),
        }
    }

    /// Least gas (within [`ESTIMATE_TOLERANCE`]) with which the transaction succeeds in the block to come. The block
    /// parameter is checked but both `latest` and `pending` mean that block: it is the one that will include it.
    pub(super) fn estimate_gas(&self, params: &Params) -> Reply {
        refuse_overrides(params)?;
        let request = params.required::<TransactionRequest>(0)?;
        let snapshot = self.store().snapshot()?;
        let at = blocks::state_at(&snapshot, params.optional::<BlockId>(1)?)?;
        let mut env = self.next_env(&at.head, &at.hash);
        let mut tx = self.simulated(&snapshot, request, &mut env)?;
        tx.gas_limit = affordable(&snapshot, &tx)?;
        if self.is_plain_transfer(&snapshot, &env, &tx)? {
            return to_value(U64::from(TRANSFER_GAS));
        }
        to_value(U64::from(self.least_gas(&snapshot, &env, &tx)?))
    }

    fn least_gas(&self, snapshot: &Snapshot<'_>, env: &Env, tx: &TxEnv) -> Result<u64, RpcError> {
        let mut high = tx.gas_limit;
        let first = match self.simulate(snapshot, env, tx.clone())? {
            result @ ExecutionResult::Success { .. } => result,
            ExecutionResult::Halt {
                reason: HaltReason::OutOfGas(_),
                ..
            } => {
                return Err(RpcError::server(format!(
                    "gas required exceeds allowance ({high})"
                )));
            }
            failed => return Err(failure(&failed)),
        };
        let mut low = first.tx_gas_used().saturating_sub(1);
        // Refunds come after the fact and 1/64 is withheld at each call depth: what most transactions need.
        let spent = first.gas().total_gas_spent().saturating_add(CALL_STIPEND);
        let mut guess = spent.saturating_mul(64) / 63;
        while high.saturating_sub(low) > 1.max(high / ESTIMATE_TOLERANCE) {
            // The guess first, if it narrows anything down; then by halves, leaning low: most limits are far too high.
            let halves = low.midpoint(high).min(low.saturating_mul(2));
            let middle = Some(guess)
                .filter(|guess| (low..high).contains(guess))
                .unwrap_or(halves);
            let middle = middle.max(low.saturating_add(1));
            guess = u64::MAX;
            if self.succeeds(snapshot, env, tx, middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }

    fn succeeds(
        &self,
        snapshot: &Snapshot<'_>,
        env: &Env,
        tx: &TxEnv,
        gas_limit: u64,
    ) -> Result<bool, RpcError> {
        let tx = TxEnv {
            gas_limit,
            ..tx.clone()
        };
        match evm::run(snapshot, self.rules(), env, tx.clone(), Mode::Simulation) {
            Ok(outcome) => Ok(outcome.result.is_success()),
            Err(RunError::Invalid(
                InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
            )) => Ok(false),
            Err(RunError::Invalid(error)) => Err(self.invalid(&error, &tx, env)),
            Err(RunError::Node(error)) => Err(error.into()),
        }
    }

    fn is_plain_transfer(&self, snapshot: &Snapshot<'_>, env: &Env, tx: &TxEnv) -> Result<bool, RpcError> {
        let TxKind::Call(to) = tx.kind else {
            return Ok(false);
        };
        if !tx.data.is_empty() || tx.tx_type > 2 || !tx.access_list.is_empty() || tx.gas_limit < TRANSFER_GAS
        {
            return Ok(false);
        }
        let has_code = snapshot
            .account(&to)?
            .is_some_and(|account| account.code_hash != KECCAK256_EMPTY);
        Ok(!has_code && self.succeeds(snapshot, env, tx, TRANSFER_GAS)?)
    }

    fn simulate(&self, snapshot: &Snapshot<'_>, env: &Env, tx: TxEnv) -> Result<ExecutionResult, RpcError> {
        let outcome = evm::run(snapshot, self.rules(), env, tx.clone(), Mode::Simulation);
        outcome
            .map(|outcome| outcome.result)
            .map_err(|error| match error {
                RunError::Invalid(error) => self.invalid(&error, &tx, env),
                RunError::Node(error) => error.into(),
            })
    }

    fn invalid(&self, error: &InvalidTransaction, tx: &TxEnv, env: &Env) -> RpcError {
        RpcError::server(format!(
            "{} (supplied gas {})",
            rejection(error, tx, env, self.max_initcode()),
            tx.gas_limit
        ))
    }

    /// The EVM's form of a call object. Without a gas price nobody pays: the block's base fee is then zero, also for
    /// the `BASEFEE` opcode, as in geth.
    fn simulated(
        &self,
        snapshot: &Snapshot<'_>,
        request: TransactionRequest,
        env: &mut Env,
    ) -> Result<TxEnv, RpcError> {
        if request.blob_versioned_hashes.is_some() || request.sidecar.is_some() {
            return Err(RpcError::params("blob transactions are not supported"));
        }
        if request.gas_price.is_some()
            && (request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some())
        {
            return Err(RpcError::params(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
            ));
        }
        if let Some(found) = request.chain_id
            && found != self.chain_id()
        {
            let want = self.chain_id();
            return Err(RpcError::params(format!(
                "chainId does not match node's (have={found}, want={want})"
            )));
        }
        let data = request
            .input
            .try_into_unique_input()
            .map_err(|error| RpcError::params(error.to_string()))?;
        let caller = request.from.unwrap_or_default();
        let price = request.gas_price.or(request.max_fee_per_gas).unwrap_or_default();
        if price == 0 {
            env.base_fee = 0;
        }
        let authorizations = request.authorization_list.unwrap_or_default();
        let tx_type = match () {
            () if !authorizations.is_empty() => 4,
            () if request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some() => 2,
            () if request.access_list.is_some() => 1,
            () => 0,
        };
        Ok(TxEnv {
            tx_type,
            caller,
            gas_limit: request.gas.unwrap_or(env.gas_limit).min(env.gas_limit),
            gas_price: price,
            kind: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or_default(),
            data: data.unwrap_or_default(),
            nonce: snapshot.account(&caller)?.unwrap_or_default().nonce,
            chain_id: Some(self.chain_id()),
            access_list: request.access_list.unwrap_or_default(),
            gas_priority_fee: (tx_type == 2 || tx_type == 4)
                .then_some(request.max_priority_fee_per_gas.unwrap_or_default()),
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: authorizations.into_iter().map(Either::Left).collect(),
        })
    }
}

/// State and block overrides change the world a call runs in; ignoring them would give wrong answers.
fn refuse_overrides(params: &Params) -> Result<(), RpcError> {
    for index in [2, 3] {
        match params.optional::<Value>(index)? {
            None => {}
            Some(Value::Object(fields)) if fields.is_empty() => {}
            Some(_) => return Err(RpcError::params("state and block overrides are not supported")),
        }
    }
    Ok(())
}

/// The gas limit of an estimate: what was asked for or the block has, but no more than the sender can pay.
fn affordable(snapshot: &Snapshot<'_>, tx: &TxEnv) -> Result<u64, RpcError> {
    if tx.gas_price == 0 {
        return Ok(tx.gas_limit);
    }
    let balance = Node::balance_of(snapshot, &tx.caller)?;
    let free = balance.checked_sub(tx.value).ok_or_else(|| {
        RpcError::server(format!(
            "insufficient funds for transfer: address {}, balance {balance}",
            tx.caller
        ))
    })?;
    let units = free.checked_div(U256::from(tx.gas_price)).unwrap_or_default();
    Ok(units.saturating_to::<u64>().min(tx.gas_limit))
}

/// The error for an execution that failed.
fn failure(result: &ExecutionResult) -> RpcError {
    match result {
        ExecutionResult::Revert { output, .. } => RpcError::revert(output),
        halted => RpcError::server(evm::halt_text(halted)),
    }
}
