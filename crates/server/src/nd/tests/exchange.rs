//! One request and its response.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn the_response_is_opas_object() {
    let peer = Peer::start(|_| {
        reply(
            "201 Made It",
            "Content-Type: application/json\r\nX-Two: a\r\nX-Two: b\r\n",
            r#"{"n": 1.10, "s": "ü"}"#,
        )
    });
    let response = get(&outside(&config()), &peer.url("/a?b=c"), "").unwrap();
    assert_eq!(
        json::to_string(&response),
        concat!(
            r#"{"body":{"n":1.1,"s":"ü"},"headers":{"content-length":["22"],"content-type":["application/json"],"#,
            r#""x-two":["a","b"]},"raw_body":"{\"n\": 1.10, \"s\": \"ü\"}","status":"201 Made It","status_code":201}"#
        )
    );
    let asked = &peer.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/a?b=c"));
    assert!(asked.headers["user-agent"].starts_with("stele/"));
}

#[test]
fn method_headers_and_body_arrive() {
    let peer = Peer::start(|_| reply("204 No Content", "", ""));
    let (outside, url) = (outside(&config()), peer.url("/"));
    let request = format!(
        r#"{{"method": "post", "url": "{url}", "body": {{"b": ["x"], "a": 1}}, "headers": {{"X-Key": "k", "User-Agent": "me"}}}}"#
    );
    let response = send(&outside, &request, 0).unwrap();
    assert_eq!(
        (text(&response, "status_code"), text(&response, "body")),
        ("204".into(), "null".into())
    );
    let request = format!(r#"{{"method": "PUT", "url": "{url}", "raw_body": "as it is", "body": {{}}}}"#);
    send(&outside, &request, 0).unwrap();
    let asked = peer.asked();
    assert_eq!(
        (asked[0].method.as_str(), asked[0].body.as_str()),
        ("POST", r#"{"a":1,"b":["x"]}"#)
    );
    assert_eq!(
        (
            asked[0].headers["x-key"].as_str(),
            asked[0].headers["user-agent"].as_str()
        ),
        ("k", "me")
    );
    assert_eq!(
        (asked[1].method.as_str(), asked[1].body.as_str()),
        ("PUT", "as it is")
    );
}

#[test]
fn failures_are_errors_or_error_objects() {
    let peer = Peer::start(|_| String::new());
    let outside = outside(&config());
    let failure = failed(get(&outside, &peer.url("/"), ""));
    assert!(failure.contains("error sending request"), "{failure}");
    let object = get(&outside, &peer.url("/"), r#", "raise_error": false"#).unwrap();
    assert_eq!(text(&object, "status_code"), "0");
    let error = object.get("error").unwrap();
    assert_eq!(text(error, "code"), r#""eval_http_send_network_error""#);
    assert!(
        text(error, "message").contains("error sending request"),
        "{error}"
    );
    let object = get(
        &outside,
        &peer.url("/"),
        r#", "raise_error": false, "timeout": []"#,
    )
    .unwrap();
    assert_eq!(
        text(object.get("error").unwrap(), "code"),
        r#""eval_http_send_internal_error""#
    );
    assert!(failed(get(&outside, &peer.url("/"), r#", "raise_error": 1"#)).contains("raise_error"));
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let peer = Peer::start(|asked| {
        // Half of a response, or nothing.
        std::thread::sleep(Duration::from_secs(if asked.target == "/half" { 0 } else { 600 }));
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned()
    });
    let outside = outside(&config());
    for path in ["/none", "/half"] {
        let url = peer.url(path);
        let failure = failed(get(&outside, &url, r#", "timeout": "50ms""#));
        assert_eq!(failure, format!("GET {url}: request timed out"));
        let request = value(&format!(
            r#"{{"method": "get", "url": "{url}", "raise_error": false}}"#
        ));
        let late = outside.call("http.send", &[request], at(0, Some(Duration::from_millis(50))));
        assert_eq!(
            late,
            Err(NdError::Deadline),
            "the decision's time is over, whatever the request says"
        );
    }
}

#[test]
fn longer_responses_than_allowed_fail() {
    let peer = Peer::start(|asked| match asked.target.as_str() {
        "/fits" => reply("200 OK", "", &"x".repeat(1_000)),
        "/declared" => reply("200 OK", "", &"x".repeat(1_001)),
        _ => {
            let chunk = format!("64\r\n{}\r\n", "x".repeat(100));
            format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
                chunk.repeat(11)
            )
        }
    });
    let outside = outside(&NdConfig {
        response_bytes: 1_000,
        ..config()
    });
    assert!(get(&outside, &peer.url("/fits"), "").is_ok());
    for path in ["/declared", "/chunked"] {
        let failure = failed(get(&outside, &peer.url(path), ""));
        assert!(
            failure.contains("longer than the 1000 bytes"),
            "{path}: {failure}"
        );
    }
}

#[test]
fn redirects_are_followed_only_when_asked_and_only_to_listed_hosts() {
    let elsewhere = Peer::start(|_| reply("200 OK", "", "elsewhere"));
    let (port, other) = (elsewhere.addr.port(), elsewhere.url("/"));
    let peer = Peer::start(move |asked| match asked.target.as_str() {
        "/moved" => reply("301 Moved", "location: /end\r\n", ""),
        "/keep" => reply("307 Keep", "location: end?kept\r\n", ""),
        "/other" => reply("302 Found", &format!("location: {other}\r\n"), ""),
        "/name" => reply(
            "302 Found",
            &format!("location: http://localhost:{port}/\r\n"),
            "",
        ),
        "/file" => reply("302 Found", "location: file:///etc/passwd\r\n", ""),
        "/round" => reply("302 Found", "location: /round\r\n", ""),
        _ => reply("200 OK", "", "end"),
    });
    let outside = outside(&config());
    let follow = |path: &str| {
        let request = format!(
            r#"{{"method": "post", "url": "{}", "raw_body": "b", "enable_redirect": true,
                 "headers": {{"Authorization": "secret", "X-Kept": "1"}}}}"#,
            peer.url(path)
        );
        send(&outside, &request, 0)
    };
    let response = get(&outside, &peer.url("/moved"), "").unwrap();
    assert_eq!(text(&response, "status_code"), "301");

    assert_eq!(text(&follow("/moved").unwrap(), "raw_body"), r#""end""#);
    let last = peer.asked().pop().unwrap();
    assert_eq!((last.method.as_str(), last.body.as_str()), ("GET", ""));
    assert_eq!(last.headers["authorization"], "secret", "the same origin");
    assert_eq!(text(&follow("/keep").unwrap(), "raw_body"), r#""end""#);
    let last = peer.asked().pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.target.as_str(), last.body.as_str()),
        ("POST", "/end?kept", "b")
    );

    assert_eq!(text(&follow("/other").unwrap(), "raw_body"), r#""elsewhere""#);
    let last = elsewhere.asked().pop().unwrap();
    assert_eq!(
        last.headers.get("authorization"),
        None,
        "another origin does not see it"
    );
    assert_eq!(last.headers["x-kept"], "1");

    assert!(refused(follow("/name")).contains("localhost may not be asked"));
    assert!(refused(follow("/file")).contains("only http and https"));
    assert_eq!(elsewhere.asked().len(), 1);
    let before = peer.asked().len();
    assert!(failed(follow("/round")).contains("stopped after 10 redirects"));
    assert_eq!(peer.asked().len() - before, 11);
}

#[test]
fn it_is_tried_again_as_often_as_asked() {
    let count = AtomicUsize::new(0);
    let peer = Peer::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => String::new(),
        _ => reply("200 OK", "", "third"),
    });
    let outside = outside(&config());
    let response = get(&outside, &peer.url("/"), r#", "max_retry_attempts": 2"#).unwrap();
    assert_eq!(text(&response, "raw_body"), r#""third""#);
    assert_eq!(peer.asked().len(), 3);
}

#[test]
fn another_hosts_name_needs_to_be_listed_too() {
    let peer = Peer::start(|_| reply("200 OK", "", ""));
    let mut config = config();
    config.allow_net.push("virtual.test".to_owned());
    let outside = outside(&config);
    get(
        &outside,
        &peer.url("/"),
        r#", "headers": {"Host": "virtual.test"}"#,
    )
    .unwrap();
    assert_eq!(peer.asked()[0].headers["host"], "virtual.test");
    let refusal = refused(get(
        &outside,
        &peer.url("/"),
        r#", "headers": {"Host": "internal.test"}"#,
    ));
    assert!(refusal.contains("internal.test may not be asked"), "{refusal}");
    failed(get(
        &outside,
        &peer.url("/"),
        r#", "headers": {"Host": "a@virtual.test"}"#,
    ));
    assert_eq!(peer.asked().len(), 1);
}

#[test]
fn many_threads_ask_at_once() {
    const THREADS: usize = 24;
    // Nobody is answered before all have asked.
    let all = Barrier::new(THREADS);
    let peer = Peer::start(move |asked| {
        all.wait();
        reply("200 OK", "", &asked.target)
    });
    let outside = outside(&config());
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let (outside, url) = (&outside, peer.url(&format!("/{number}")));
            scope.spawn(move || {
                let response = get(outside, &url, r#", "timeout": "60s""#).unwrap();
                assert_eq!(text(&response, "raw_body"), format!("\"/{number}\""));
            });
        }
    });
    assert_eq!(peer.asked().len(), THREADS);
}
