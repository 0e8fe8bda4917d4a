//! A node's log as the node serves it to a verifier that has found it out: the leaves once as they are, afterwards with a wrong byte.
#![allow(dead_code, unreachable_pub, reason = "each test file uses part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What stands between a node and a verifier.
pub struct Spoiler {
    /// `host:port`.
    pub address: String,
    spoils: Arc<AtomicBool>,
}

impl Spoiler {
    /// Spoils hash tiles from the start, and leaves from the second request for any of them on.
    pub fn before(node: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let spoils = Arc::new(AtomicBool::new(true));
        let (node, spoiling) = (node.to_owned(), Arc::clone(&spoils));
        let leaves = Arc::new(AtomicU32::new(0));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (node, spoiling, leaves) = (node.clone(), Arc::clone(&spoiling), Arc::clone(&leaves));
                std::thread::spawn(move || pass(stream, &node, &spoiling, &leaves));
            }
        });
        Self { address, spoils }
    }

    /// From now on everything is served as it is.
    pub fn relent(&self) {
        self.spoils.store(false, Ordering::SeqCst);
    }
}

/// Passes one GET on, without its header lines.
fn pass(mut stream: TcpStream, node: &str, spoils: &AtomicBool, leaves: &AtomicU32) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let mut upstream = TcpStream::connect(node).ok()?;
    write!(upstream, "{first}\r\nHost: {node}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).ok()?;
    let seen = first.contains("/tile/entries/") && leaves.fetch_add(1, Ordering::SeqCst) == 0;
    if first.contains("/tile/")
        && !seen
        && spoils.load(Ordering::SeqCst)
        && let Some(last) = answer.last_mut()
    {
        *last ^= 1;
    }
    stream.write_all(&answer).ok()
}
