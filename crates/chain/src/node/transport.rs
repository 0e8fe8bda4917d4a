//! The node as an `alloy` transport inside this process: no socket, the same JSON-RPC.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use alloy::providers::fillers::{BlobGasFiller, ChainIdFiller, GasFiller, JoinFill, NonceFiller};
use alloy::providers::{Identity, ProviderBuilder, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use tower::Service;

use super::Node;

/// How often a client of the in-process transport looks for its receipt. A block is made before the sending call
/// returns, so the first look finds it.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A cloneable `alloy` transport to a node in this process. Needs a tokio runtime: the node blocks on the disk, so
/// each request runs on the runtime's blocking threads.
#[derive(Debug, Clone)]
pub struct NodeTransport {
    node: Arc<Node>,
}

impl NodeTransport {
    /// A transport to `node`.
    #[must_use]
    pub fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

impl Service<RequestPacket> for NodeTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        let node = Arc::clone(&self.node);
        Box::pin(async move {
            let body = request.serialize().map_err(TransportError::ser_err)?;
            let answer = tokio::task::spawn_blocking(move || node.handle(body.get().as_bytes()))
                .await
                .map_err(TransportErrorKind::custom)?;
            serde_json::from_slice(&answer)
                .map_err(|error| TransportError::deser_err(error, String::from_utf8_lossy(&answer)))
        })
    }
}

/// An RPC client over the in-process transport.
#[must_use]
pub fn client(node: &Arc<Node>) -> RpcClient {
    RpcClient::new(NodeTransport::new(Arc::clone(node)), true).with_poll_interval(POLL_INTERVAL)
}

/// The provider type of [`provider`]: alloy's recommended fillers over the root provider.
pub type NodeProvider = alloy::providers::fillers::FillProvider<
    JoinFill<Identity, JoinFill<GasFiller, JoinFill<BlobGasFiller, JoinFill<NonceFiller, ChainIdFiller>>>>,
    RootProvider,
>;

/// A provider over the in-process transport, with the recommended fillers and no wallet.
#[must_use]
pub fn provider(node: &Arc<Node>) -> NodeProvider {
    ProviderBuilder::new().connect_client(client(node))
}
