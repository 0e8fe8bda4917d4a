//! Messages on byte streams: JSON-RPC 2.0 behind `Content-Length` headers.
//!
//! A message that can't be read is reported and skipped; only the end of the stream ends the reading.

use std::io::{self, BufRead, Read, Write};

use lsp_server::{ErrorCode, Message};

/// The longest message that is read; a longer one is skipped.
const MAX_MESSAGE: u64 = 256 << 20;

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message.
    Message(Message),
    /// Something that is none: the error to answer with.
    Malformed(ErrorCode, String),
    /// Nothing will follow.
    End,
}

/// Reads one message.
pub(crate) fn read(input: &mut impl BufRead) -> Incoming {
    match read_body(input) {
        Ok(Some(body)) => decode(&body),
        Ok(None) => Incoming::End,
        Err(Failure::Skipped(reason)) => Incoming::Malformed(ErrorCode::ParseError, reason),
        Err(Failure::Io(error)) => {
            tracing::warn!("can't read the next message: {error}");
            Incoming::End
        }
    }
}

fn decode(body: &[u8]) -> Incoming {
    let value: serde_json::Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return Incoming::Malformed(ErrorCode::ParseError, format!("not JSON: {error}")),
    };
    match serde_json::from_value(value) {
        Ok(message) => Incoming::Message(message),
        Err(_) => Incoming::Malformed(
            ErrorCode::InvalidRequest,
            "neither a request nor a notification nor a response".to_owned(),
        ),
    }
}

enum Failure {
    /// The message is lost, the stream goes on.
    Skipped(String),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The body of the next message; `None` at the end of the stream.
fn read_body(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let mut length: Option<u64> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        // A header is short; what is longer is none, and is cut into lines that are ignored.
        if input.by_ref().take(4096).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let header = String::from_utf8_lossy(&line);
        let header = header.trim_end();
        if header.is_empty() {
            // Blank lines before the headers are as harmless as unknown headers.
            let Some(length) = length else { continue };
            return body(input, length).map(Some);
        }
        if let Some((name, value)) = header.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
}

fn body(input: &mut impl BufRead, length: u64) -> Result<Vec<u8>, Failure> {
    if length > MAX_MESSAGE {
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        return Err(Failure::Skipped(format!(
            "a message of {length} bytes; {MAX_MESSAGE} is the limit"
        )));
    }
    let mut body = Vec::new();
    let read = input.by_ref().take(length).read_to_end(&mut body)?;
    if u64::try_from(read).unwrap_or(u64::MAX) < length {
        return Err(Failure::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(body)
}

/// Writes one message.
pub(crate) fn write(output: &mut impl Write, message: Message) -> io::Result<()> {
    message.write(output)
}

/// Answers something that was no request; such an answer has no id.
pub(crate) fn write_error(output: &mut impl Write, code: ErrorCode, reason: &str) -> io::Result<()> {
    let answer = serde_json::json!({
        "jsonrpc": "2.0",
        "id": null,
        "error": { "code": code as i32, "message": reason },
    });
    let text = answer.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(stream: &str) -> Vec<Incoming> {
        let mut input = io::Cursor::new(stream.as_bytes());
        let mut out = Vec::new();
        loop {
            out.push(read(&mut input));
            if matches!(out.last(), Some(Incoming::End)) {
                return out;
            }
        }
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn broken_messages_are_skipped() {
        let good = framed(r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#);
        let stream = [
            framed("{nonsense"),
            good.clone(),
            framed("[1, 2]"),
            "Content-Length: many\r\n\r\n".to_owned(),
            "X-Odd: \u{fffd}\r\ncontent-length: 2\r\nContent-Type: x\r\n\r\n{}".to_owned(),
            framed(r#"{"jsonrpc":"2.0","id":{},"method":7}"#),
            good,
        ]
        .concat();
        let found: Vec<&str> = all(&stream)
            .iter()
            .map(|incoming| match incoming {
                Incoming::Message(Message::Notification(_)) => "notification",
                Incoming::Message(_) => "message",
                Incoming::Malformed(ErrorCode::ParseError, _) => "no json",
                Incoming::Malformed(..) => "no message",
                Incoming::End => "end",
            })
            .collect();
        let expected = [
            "no json",
            "notification",
            "no message",
            "no message",
            "no message",
            "notification",
            "end",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_torn_message_is_the_end() {
        assert!(matches!(all("Content-Length: 50\r\n\r\n{}")[0], Incoming::End));
        assert!(matches!(all("Content-Length: 5")[0], Incoming::End));
        assert!(matches!(all("")[0], Incoming::End));
    }
}
