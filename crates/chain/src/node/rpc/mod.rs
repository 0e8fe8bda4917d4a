//! JSON-RPC 2.0 over the node: parsing, batches, dispatch. The methods are in the submodules by subject.

mod blocks;
mod calls;
mod error;
mod fees;
pub(crate) mod filters;
mod logs;
mod params;
mod state;
mod transactions;
mod view;

use alloy::primitives::{Bytes, U64, keccak256};
use serde_json::{Value, json};

pub(crate) use error::RpcError;
use params::Params;

use super::Node;

/// Longest batch that is answered.
const MAX_BATCH: usize = 1_000;

type Reply = Result<Value, RpcError>;

impl Node {
    /// Answers one JSON-RPC request or batch. `body` and the result are JSON text; the result is empty when there is
    /// nothing to answer (only notifications were sent). Blocks while a transaction is made durable.
    #[must_use]
    pub fn handle(&self, body: &[u8]) -> Vec<u8> {
        let answer = match serde_json::from_slice::<Value>(body) {
            Err(error) => Some(failure(Value::Null, RpcError::parse(&error))),
            Ok(Value::Array(requests)) => self.batch(requests),
            Ok(request) => self.single(request),
        };
        // A `Value` always serialises; the fallback keeps the signature free of an impossible error.
        answer
            .map(|answer| serde_json::to_vec(&answer).unwrap_or_default())
            .unwrap_or_default()
    }

    fn batch(&self, requests: Vec<Value>) -> Option<Value> {
        if requests.is_empty() {
            return Some(failure(Value::Null, RpcError::invalid_request("empty batch")));
        }
        if requests.len() > MAX_BATCH {
            let text = format!("batch too large: {} requests, limit {MAX_BATCH}", requests.len());
            return Some(failure(Value::Null, RpcError::invalid_request(text)));
        }
        let answers: Vec<Value> = requests
            .into_iter()
            .filter_map(|request| self.single(request))
            .collect();
        (!answers.is_empty()).then_some(Value::Array(answers))
    }

    fn single(&self, request: Value) -> Option<Value> {
        let Value::Object(mut request) = request else {
            return Some(failure(
                Value::Null,
                RpcError::invalid_request("a request must be an object"),
            ));
        };
        let id = request.remove("id");
        if !matches!(id, None | Some(Value::Null | Value::String(_) | Value::Number(_))) {
            return Some(failure(
                Value::Null,
                RpcError::invalid_request("id must be a string or a number"),
            ));
        }
        let Some(Value::String(method)) = request.remove("method") else {
            return Some(failure(
                id.unwrap_or_default(),
                RpcError::invalid_request("method is missing"),
            ));
        };
        let reply = Params::new(request.remove("params")).and_then(|params| self.dispatch(&method, &params));
        let id = id?;
        Some(match reply {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(error) => failure(id, error),
        })
    }

    fn dispatch(&self, method: &str, params: &Params) -> Reply {
        match method {
            "web3_clientVersion" => Ok(json!(client_version())),
            "web3_sha3" => to_value(keccak256(params.required::<Bytes>(0)?)),
            "net_version" => Ok(json!(self.chain_id().to_string())),
            "net_listening" => Ok(json!(true)),
            "net_peerCount" => Ok(json!("0x0")),
            "eth_chainId" => to_value(U64::from(self.chain_id())),
            "eth_syncing" => Ok(json!(false)),
            "eth_accounts" => Ok(json!([])),
            "eth_blockNumber" => self.block_number(),
            "eth_getBlockByNumber" => self.block_by_number(params),
            "eth_getBlockByHash" => self.block_by_hash(params),
            "eth_getBlockTransactionCountByNumber" => self.tx_count_by_number(params),
            "eth_getBlockTransactionCountByHash" => self.tx_count_by_hash(params),
            "eth_getBlockReceipts" => self.block_receipts(params),
            "eth_getTransactionByHash" => self.transaction_by_hash(params),
            "eth_getTransactionByBlockNumberAndIndex" => self.transaction_by_number_and_index(params),
            "eth_getTransactionByBlockHashAndIndex" => self.transaction_by_hash_and_index(params),
            "eth_getTransactionReceipt" => self.transaction_receipt(params),
            "eth_sendRawTransaction" => self.send_raw(params),
            "eth_sendRawTransactionSync" => self.send_raw_sync(params),
            "eth_getLogs" => self.get_logs(params),
            "eth_newFilter" => self.new_log_filter(params),
            "eth_newBlockFilter" => self.new_block_filter(),
            "eth_newPendingTransactionFilter" => self.new_transaction_filter(),
            "eth_getFilterChanges" => self.filter_changes(params),
            "eth_getFilterLogs" => self.filter_logs(params),
            "eth_uninstallFilter" => self.uninstall_filter(params),
            "eth_call" => self.eth_call(params),
            "eth_estimateGas" => self.estimate_gas(params),
            "eth_gasPrice" => self.gas_price(),
            "eth_maxPriorityFeePerGas" => Ok(json!("0x0")),
            "eth_blobBaseFee" => Ok(json!("0x1")),
            "eth_feeHistory" => self.fee_history(params),
            "eth_getBalance" => self.balance(params),
            "eth_getCode" => self.code(params),
            "eth_getStorageAt" => self.storage_at(params),
            "eth_getTransactionCount" => self.transaction_count(params),
            "eth_getProof" => self.get_proof(params),
            _ => Err(RpcError::unknown_method(method)),
        }
    }
}

fn failure(id: Value, error: RpcError) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": error.into_value()})
}

/// The name by which tools know this node.
fn client_version() -> String {
    format!(
        "stele/v{}/{}-{}/revm",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn to_value(value: impl serde::Serialize) -> Reply {
    serde_json::to_value(value)
        .map_err(|error| RpcError::internal(format!("can't serialise the result: {error}")))
}
