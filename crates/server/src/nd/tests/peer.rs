//! A server to ask: one thread for each connection, answers as bytes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    /// By lower-case name.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// Answers a request with the bytes to be written; nothing closes the connection.
type Answer = dyn Fn(&Asked) -> String + Send + Sync;

/// A listening server. It lives as long as the test.
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Peer {
    pub(super) fn start(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Self {
        Self::start_with(answer, |stream, serve| serve(&mut { stream }))
    }

    /// `wrap` gets each connection and hands on what the protocol is spoken over.
    pub(super) fn start_with(
        answer: impl Fn(&Asked) -> String + Send + Sync + 'static,
        wrap: impl Fn(TcpStream, &dyn Fn(&mut dyn Stream)) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (noted, answer, wrap) = (Arc::clone(&asked), Arc::new(answer), Arc::new(wrap));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (noted, answer, wrap) = (Arc::clone(&noted), Arc::clone(&answer), Arc::clone(&wrap));
                std::thread::spawn(move || {
                    wrap(stream, &|stream| {
                        let _ = serve(stream, &noted, &*answer);
                    });
                });
            }
        });
        Self { addr, asked }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A connection.
pub(super) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn serve(stream: &mut dyn Stream, noted: &Mutex<Vec<Asked>>, answer: &Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = BTreeMap::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else {
                break;
            };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked = Asked {
            method,
            target,
            headers,
            body: String::from_utf8(body).unwrap(),
        };
        noted.lock().unwrap().push(asked.clone());
        let bytes = answer(&asked);
        if bytes.is_empty() {
            return Ok(());
        }
        reader.get_mut().write_all(bytes.as_bytes())?;
        reader.get_mut().flush()?;
    }
}

/// A response with these headers (each line ends with CR LF) and this body.
pub(super) fn reply(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
