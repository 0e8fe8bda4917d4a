//! Responses shared by decisions.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Counts its answers, which have these headers.
fn counting(headers: &'static str) -> Peer {
    let count = AtomicUsize::new(0);
    Peer::start(move |_| {
        reply(
            "200 OK",
            headers,
            &count.fetch_add(1, Ordering::Relaxed).to_string(),
        )
    })
}

fn ask(outside: &Outside, peer: &Peer, more: &str, seconds: u64) -> String {
    let request = format!(r#"{{"method": "get", "url": "{}"{more}}}"#, peer.url("/"));
    text(&send(outside, &request, seconds).unwrap(), "raw_body")
}

/// The time of the first decision, and a minute's life from then on.
const FRESH: &str = "Date: Mon, 12 Jan 1970 13:46:40 GMT\r\nCache-Control: max-age=60\r\n";

#[test]
fn a_response_holds_as_long_as_it_says() {
    let (outside, peer) = (outside(&config()), counting(FRESH));
    let cached = r#", "cache": true"#;
    assert_eq!(ask(&outside, &peer, "", 0), "\"0\"");
    assert_eq!(
        ask(&outside, &peer, "", 0),
        "\"1\"",
        "nothing is shared unless it is asked for"
    );
    assert_eq!(ask(&outside, &peer, cached, 0), "\"2\"");
    assert_eq!(ask(&outside, &peer, cached, 59), "\"2\"");
    assert_eq!(
        ask(&outside, &peer, cached, 60),
        "\"3\"",
        "the time is the decision's"
    );
    let other = r#", "cache": true, "headers": {"a": "b"}"#;
    assert_eq!(ask(&outside, &peer, other, 0), "\"4\"", "another request");
    let forced = r#", "force_cache": true, "force_cache_duration_seconds": 600"#;
    assert_eq!(ask(&outside, &peer, forced, 0), "\"5\"");
    assert_eq!(ask(&outside, &peer, forced, 599), "\"5\"");
    assert_eq!(ask(&outside, &peer, forced, 600), "\"6\"");
}

#[test]
fn what_must_not_be_kept_is_not_kept() {
    let cached = r#", "cache": true"#;
    for headers in ["", "Cache-Control: no-store\r\n", "Expires: 0\r\n"] {
        let (outside, peer) = (outside(&config()), counting(headers));
        let answers = [0, 0].map(|seconds| ask(&outside, &peer, cached, seconds));
        assert_eq!(answers, ["\"0\"", "\"1\""], "{headers}");
    }
    let none = NdConfig {
        cache_bytes: 0,
        ..config()
    };
    let (outside, peer) = (outside(&none), counting(FRESH));
    assert_eq!(
        [0, 0].map(|seconds| ask(&outside, &peer, cached, seconds)),
        ["\"0\"", "\"1\""]
    );
}

#[test]
fn a_stale_response_is_asked_about() {
    let peer = Peer::start(
        |asked| match asked.headers.get("if-none-match").map(String::as_str) {
            None => reply("200 OK", "ETag: \"1\"\r\nX-A: old\r\n", "first"),
            Some("\"1\"") => "HTTP/1.1 304 Not Modified\r\nETag: \"2\"\r\nX-A: new\r\n\r\n".to_owned(),
            Some(_) => reply("200 OK", "", "second"),
        },
    );
    let outside = outside(&config());
    let request = format!(
        r#"{{"method": "get", "url": "{}", "cache": true}}"#,
        peer.url("/")
    );
    let answers = [0, 1, 2].map(|seconds| {
        let response = send(&outside, &request, seconds).unwrap();
        let header = response.get("headers").map(|headers| text(headers, "x-a"));
        (text(&response, "raw_body"), header.unwrap_or_default())
    });
    let of = |body: &str, header: &str| (format!("\"{body}\""), header.to_owned());
    assert_eq!(
        answers,
        [
            of("first", "[\"old\"]"),
            of("first", "[\"new\"]"),
            of("second", "")
        ]
    );
    assert_eq!(peer.asked().len(), 3);
}
