//! One HTTP/1.1 connection on a worker.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;

use crate::listen::Accepted;
use crate::patient::Patient;
use crate::worker::Worker;

/// Bytes a connection may buffer of a request's head.
const HEAD_BYTES: usize = 64 << 10;

/// Serves a connection until the client leaves, a time limit passes (also one for reading the answers), or `stop` turns true and the request under way is answered.
pub(crate) async fn serve(worker: Rc<Worker>, accepted: Accepted, mut stop: watch::Receiver<bool>) {
    let _place = Place {
        worker: Rc::clone(&worker),
    };
    let Accepted { stream, peer, permit } = accepted;
    let _permit = permit;
    let stream = match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, %peer, "can't take over a connection");
            return;
        }
    };
    let header_time = Duration::from_millis(worker.shared.config.connections.header_ms);
    let body_time = Duration::from_millis(worker.shared.config.connections.body_ms);
    let service = service_fn(|request| {
        let worker = Rc::clone(&worker);
        async move { Ok::<_, Infallible>(worker.answer(request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_time)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream, body_time)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stop.wait_for(|stop| *stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that leaves early or sends nonsense is its own problem; it was answered where HTTP allows it.
        tracing::debug!(%error, %peer, "connection ended early");
    }
}

/// The worker's count of open connections, kept right however the connection ends.
struct Place {
    worker: Rc<Worker>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.open.fetch_sub(1, Ordering::Relaxed);
    }
}
