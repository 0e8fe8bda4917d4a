//! Serves the public files of a dishonest node's log over HTTP: whichever of its logs it wants to show.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use stele_ledger::Ledger;

/// What a node shows to whoever asks.
#[derive(Clone)]
pub struct Shown(Arc<Mutex<Arc<Ledger>>>);

impl Shown {
    /// Shows a log at a URL, until the program ends.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub fn start(ledger: Arc<Ledger>) -> Result<(Self, String)> {
        let shown = Self(Arc::new(Mutex::new(ledger)));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = shown.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up gets nothing; the next one is served.
                let _ = server.answer(stream);
            }
        });
        Ok((shown, url))
    }

    /// From now on shows another log.
    pub fn show(&self, ledger: Arc<Ledger>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ledger;
    }

    fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        let path = request.split_whitespace().nth(1).unwrap_or("/");
        let ledger = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let (status, bytes) = match ledger.static_file(path)? {
            Some(file) => ("200 OK", file.bytes),
            None => ("404 Not Found", Vec::new()),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            bytes.len()
        )?;
        stream.write_all(&bytes)?;
        Ok(())
    }
}
