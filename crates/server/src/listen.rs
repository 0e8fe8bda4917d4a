//! The listening socket and the acceptor that hands connections to workers.
//!
//! One acceptor and a least-connections choice, rather than one `SO_REUSEPORT` socket per worker: enforcement points keep
//! few, long-lived connections, and the kernel's hash over the client's port would leave some workers idle while others queue.
//! It also means that a second process can't quietly share the port. The acceptor touches a connection once, at its start.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::error::ServerError;

/// Connections the kernel queues before the acceptor takes them.
const BACKLOG: i32 = 1_024;

/// Pause after the system ran out of descriptors or memory, so that the acceptor doesn't spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens the listening socket.
///
/// # Errors
/// [`ServerError::PortBusy`] when the port is taken, [`ServerError::Listen`] for everything else.
pub(crate) fn open(addr: SocketAddr) -> Result<StdListener, ServerError> {
    let attempt = || -> std::io::Result<StdListener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for the old connections' TIME_WAIT; it does not let two listeners share the port.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    attempt().map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => ServerError::PortBusy { addr },
        _ => ServerError::Listen { addr, source },
    })
}

/// A connection on its way to a worker.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The socket, not registered with any runtime.
    pub(crate) stream: std::net::TcpStream,
    /// Who connected.
    pub(crate) peer: SocketAddr,
    /// Its place under the connection limit; freed when dropped.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// A worker as the acceptor sees it.
#[derive(Debug, Clone)]
pub(crate) struct Inlet {
    /// Takes connections.
    pub(crate) sender: UnboundedSender<Accepted>,
    /// Connections the worker holds now.
    pub(crate) open: Arc<AtomicUsize>,
}

/// Accepts until told to stop, or until every worker is gone.
pub(crate) async fn accept(
    listener: TcpListener,
    inlets: Vec<Inlet>,
    places: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = next(&listener, &places) => accepted,
        };
        match accepted {
            Ok(accepted) => {
                if !hand_over(&inlets, accepted) {
                    return;
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits for a free place first, then for a connection: beyond the limit, clients wait in the kernel's queue.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let permit = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(Accepted {
        stream: stream.into_std()?,
        peer,
        permit,
    })
}

/// Gives the connection to the worker with the fewest; false when none is left.
fn hand_over(inlets: &[Inlet], accepted: Accepted) -> bool {
    let Some(inlet) = inlets
        .iter()
        .filter(|inlet| !inlet.sender.is_closed())
        .min_by_key(|inlet| inlet.open.load(Ordering::Relaxed))
    else {
        return false;
    };
    inlet.open.fetch_add(1, Ordering::Relaxed);
    if inlet.sender.send(accepted).is_err() {
        inlet.open.fetch_sub(1, Ordering::Relaxed);
    }
    true
}

/// Errors that concern a connection that died before it was accepted.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_listener_on_the_port_is_refused_with_a_way_out() {
        let first = open(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let addr = first.local_addr().unwrap();
        let error = open(addr).unwrap_err();
        assert!(matches!(error, ServerError::PortBusy { .. }), "{error}");
        assert!(error.to_string().contains("--listen"));
    }

    #[test]
    fn an_address_that_is_not_ours_is_told_apart() {
        let error = open(SocketAddr::from(([192, 0, 2, 1], 1))).unwrap_err();
        assert!(matches!(error, ServerError::Listen { .. }), "{error}");
    }
}
