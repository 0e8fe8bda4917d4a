//! The node on a TCP port: HTTP, one `POST /` per JSON-RPC request or batch.
//!
//! Whoever reaches the port can send signed transactions and read everything; the node holds no keys. Browsers are kept
//! out: no CORS headers, `application/json` only (so no cross-site form post), and the `Host` must be a loopback name
//! or an IP address (so no DNS rebinding), as geth does by default.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Node;

/// Largest request body in bytes, as in geth.
const MAX_BODY: usize = 5 * 1024 * 1024;
/// How long open connections may finish their requests after the shutdown signal.
const GRACE: Duration = Duration::from_secs(5);

/// Serves `node` on `listener` until `shutdown` completes; requests in flight are then answered first.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    node: Arc<Node>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let signal = async move {
        shutdown.await;
        let _ = stopping.send(());
    };
    let (held, mut released) = mpsc::channel(1);
    let served = Served { node, _held: held };
    let server = axum::serve(listener, router(served)).with_graceful_shutdown(signal);
    let deadline = async move {
        if stopped.await.is_ok() {
            tokio::time::sleep(GRACE).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let result = tokio::select! {
        result = server.into_future() => result,
        () = deadline => return Ok(()),
    };
    // Connections that are done may still be about to let go of the node, whose directory the caller may want to open again.
    let _ = tokio::time::timeout(GRACE, released.recv()).await;
    result
}

/// What each connection holds. Fields are dropped in their order, so the node is free when nobody holds the channel.
#[derive(Clone)]
struct Served {
    node: Arc<Node>,
    _held: mpsc::Sender<Infallible>,
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/", post(answer))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(check_host))
        .with_state(served)
}

async fn answer(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_json(&headers) {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content type must be application/json",
        )
            .into_response();
    }
    let run = move || {
        // All of it: a closure that names a field alone would leave the other behind.
        let whole = served;
        whole.node.handle(&body)
    };
    match tokio::task::spawn_blocking(run).await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(error) => {
            tracing::error!(%error, "a JSON-RPC request failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/json-rpc"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

async fn check_host(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .map(|value| value.to_str().unwrap_or("?"));
    // HTTP/1.0 needs no host, and a browser always sends one.
    if host.is_none_or(is_local_host) {
        next.run(request).await
    } else {
        (
            StatusCode::FORBIDDEN,
            "invalid host specified: use localhost or an IP address",
        )
            .into_response()
    }
}

fn is_local_host(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

/// A node served in the background. Dropping it stops the server.
#[derive(Debug)]
pub struct NodeServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<io::Result<()>>>,
}

impl NodeServer {
    /// Serves `node` on `address` (port 0 picks a free one) on the current tokio runtime.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn start(node: Arc<Node>, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(node, listener, async move {
            let _ = stopped.await;
        }));
        Ok(Self {
            address,
            stop: Some(stop),
            task: Some(task),
        })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the JSON-RPC endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, answers what is in flight, and waits for it.
    ///
    /// # Errors
    /// When the listener had failed.
    pub async fn stop(mut self) -> io::Result<()> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        match self.task.take() {
            Some(task) => task.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_local_host;

    #[test]
    fn only_loopback_names_and_addresses_are_served() {
        for host in [
            "localhost",
            "LocalHost:8545",
            "127.0.0.1",
            "127.0.0.1:8545",
            "[::1]:8545",
            "[::1]",
            "10.0.0.7:1",
        ] {
            assert!(is_local_host(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8545",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
            "::x",
        ] {
            assert!(!is_local_host(host), "{host}");
        }
    }
}
