//! A worker: one thread, one single-threaded runtime, its own engines and its own counts.
//!
//! Nothing that a request touches is shared with another worker, but the ledger's queue (one hand-over per decision).

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use stele_pdp::Decider;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::connection;
use crate::http::{ApiError, Matched, Params, Reply, accepts_gzip, find, read_body};
use crate::listen::Accepted;
use crate::metrics::WorkerMetrics;
use crate::routes;
use crate::shared::Shared;

/// What one worker owns.
pub(crate) struct Worker {
    /// What all workers may read.
    pub(crate) shared: Arc<Shared>,
    /// This worker's engines. Borrowed only for the length of one evaluation, never across an await.
    pub(crate) decider: RefCell<Decider>,
    /// This worker's random numbers: decision ids and salts.
    pub(crate) random: RefCell<rand::rngs::StdRng>,
    /// This worker's counts.
    pub(crate) metrics: Arc<WorkerMetrics>,
    /// Connections it holds.
    pub(crate) open: Arc<AtomicUsize>,
}

/// A request with its body read and its path resolved.
pub(crate) struct Call<'p> {
    /// Method, headers and URI.
    pub(crate) parts: &'p Parts,
    /// The text under the route's placeholder, percent-encoded.
    pub(crate) capture: &'p str,
    /// Query parameters.
    pub(crate) params: Params,
    /// The body, decompressed.
    pub(crate) body: Bytes,
    /// Who asks.
    pub(crate) peer: SocketAddr,
    /// When the request's head had arrived.
    pub(crate) started: Instant,
}

impl Worker {
    /// Answers one request; every outcome is an answer.
    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        let found = find(&parts.method, parts.uri.path());
        let endpoint = found.as_ref().ok().map(|matched| matched.endpoint);
        let reply = match found {
            Ok(matched) => self.call(matched, &parts, body, peer, started).await,
            Err(error) => Err(error),
        };
        let reply = reply.unwrap_or_else(Reply::from);
        self.metrics.requested(
            endpoint,
            method_label(&parts.method),
            reply.status(),
            started.elapsed(),
        );
        reply.into_response(accepts_gzip(&parts.headers), &self.shared.config.gzip)
    }

    async fn call(
        &self,
        matched: Matched<'_>,
        parts: &Parts,
        body: Incoming,
        peer: SocketAddr,
        started: Instant,
    ) -> Result<Reply, ApiError> {
        let config = &self.shared.config;
        let time = Duration::from_millis(config.connections.body_ms);
        let body = read_body(&parts.headers, body, config.limits.body_bytes, time).await?;
        let params = Params::parse(parts.uri.query())?;
        let call = Call {
            parts,
            capture: matched.capture,
            params,
            body,
            peer,
            started,
        };
        routes::dispatch(self, matched.endpoint, &call).await
    }
}

/// The method label, in lower case as OPA's, with a bounded set of values.
fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "get",
        "POST" => "post",
        "HEAD" => "head",
        "PUT" => "put",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "other",
    }
}

/// Runs a worker's thread: takes connections until the acceptor is gone and `stop` is set, then drains.
///
/// # Errors
/// When the runtime can't be built.
pub(crate) fn run(
    worker: Worker,
    mut inlet: mpsc::UnboundedReceiver<Accepted>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let drain = Duration::from_millis(worker.shared.config.connections.drain_ms);
    let worker = Rc::new(worker);
    // A channel of this thread's own, so that connections never meet other cores on the lock inside `stop`.
    let (stop_local, stopped_local) = watch::channel(false);
    let tasks = LocalSet::new();
    runtime.block_on(tasks.run_until(async {
        loop {
            tokio::select! {
                biased;
                accepted = inlet.recv() => match accepted {
                    Some(accepted) => {
                        tokio::task::spawn_local(connection::serve(Rc::clone(&worker), accepted, stopped_local.clone()));
                    }
                    None => break,
                },
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        inlet.close();
        let _ = stop_local.send(true);
        drop(stopped_local);
        // Every connection holds a receiver: the channel closes when the last one has ended.
        if tokio::time::timeout(drain, stop_local.closed()).await.is_err() {
            tracing::warn!(waited_ms = drain.as_millis(), "connections were cut at shutdown: they did not end in time");
        }
    }));
    drop(tasks);
    runtime.shutdown_timeout(drain);
    Ok(())
}
