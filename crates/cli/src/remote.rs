//! HTTP to nodes that nobody vouches for: bounded in time and size.

use crate::exit::{Environment, EnvironmentContext};
use anyhow::Result;
use reqwest::{ClientBuilder, Response};
use std::time::Duration;

/// How long a node may take to be reached, and to answer.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(120);

/// Largest answer, in bytes: several times the largest input that a node takes by default.
pub(crate) const MAX_ANSWER: usize = 64 << 20;

/// A client that does not wait for ever.
pub(crate) fn client() -> ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
}

/// The body of an answer, of at most so many bytes.
///
/// # Errors
/// One of the environment, when it is longer or breaks off.
pub(crate) async fn body(mut answer: Response, limit: usize, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.environment(what)? {
        if bytes.len().saturating_add(chunk.len()) > limit {
            return Err(Environment(format!("{what}: it answered more than {limit} bytes")).into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::block_on;
    use std::io::{Read as _, Write as _};

    #[test]
    fn an_answer_is_read_up_to_its_bound() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1_024]);
                // No length, so that only counting helps.
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789");
            }
        });
        let read = |limit| {
            block_on(async {
                let answer = client().build()?.get(&url).send().await?;
                body(answer, limit, "the node").await
            })
        };
        assert_eq!(read(10).unwrap(), b"0123456789");
        let error = read(9).unwrap_err();
        assert!(error.is::<Environment>() && error.to_string().contains("more than 9 bytes"));
    }
}
