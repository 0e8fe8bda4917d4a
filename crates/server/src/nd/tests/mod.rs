//! `http.send` against servers on the loopback interface.

mod caching;
mod exchange;
mod peer;
mod trust;

use std::time::Duration;

use stele_pdp::{NdBounds, NdHost};
use stele_policy::nd::NdError;
use stele_types::{Timestamp, Value, json};

use super::Outside;
use crate::config::NdConfig;
use peer::{Peer, reply};

/// The time of the first decision: after this many seconds.
const START: u64 = 1_000_000;

fn config() -> NdConfig {
    NdConfig {
        allow_net: vec!["127.0.0.1".to_owned()],
        ..NdConfig::default()
    }
}

fn outside(config: &NdConfig) -> Outside {
    Outside::new(config).unwrap().unwrap()
}

fn at(seconds: u64, left: Option<Duration>) -> NdBounds {
    NdBounds {
        time: Timestamp::from_nanos((START + seconds) * 1_000_000_000),
        left,
    }
}

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

/// Sends a request to a URL; `more` are further members of the request object.
fn get(outside: &Outside, url: &str, more: &str) -> Result<Value, NdError> {
    send(
        outside,
        &format!(r#"{{"method": "get", "url": "{url}"{more}}}"#),
        0,
    )
}

fn send(outside: &Outside, request: &str, seconds: u64) -> Result<Value, NdError> {
    outside.call("http.send", &[value(request)], at(seconds, None))
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).map(json::to_string).unwrap_or_default()
}

fn refused(result: Result<Value, NdError>) -> String {
    match result {
        Err(NdError::Refused(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn failed(result: Result<Value, NdError>) -> String {
    match result {
        Err(NdError::Failed(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_allowed_by_default() {
    assert!(Outside::new(&NdConfig::default()).unwrap().is_none());
    let peer = Peer::start(|_| reply("200 OK", "", ""));
    let outside = outside(&NdConfig {
        allow_net: vec!["api.example.com".to_owned()],
        ..NdConfig::default()
    });
    let message = refused(get(&outside, &peer.url("/"), r#", "raise_error": false"#));
    assert!(
        message.contains("127.0.0.1 may not be asked") && message.contains("server.nd_builtins.allow_net"),
        "{message}"
    );
    assert!(peer.asked().is_empty());
    let other = outside.call("time.now_ns", &[], at(0, None));
    assert!(refused(other).contains("not available"));
}

#[test]
fn names_must_lead_to_public_addresses_or_listed_networks() {
    let peer = Peer::start(|_| reply("200 OK", "", "here"));
    let url = format!("http://localhost:{}/", peer.addr.port());
    let mut config = NdConfig {
        allow_net: vec!["localhost".to_owned()],
        ..NdConfig::default()
    };
    let message = refused(get(&outside(&config), &url, ""));
    assert!(
        message.contains("localhost has no address") && message.contains("server.nd_builtins.allow_private"),
        "{message}"
    );
    assert!(peer.asked().is_empty());
    config.allow_private = vec!["127.0.0.0/8".to_owned()];
    let response = get(&outside(&config), &url, "").unwrap();
    assert_eq!(text(&response, "raw_body"), r#""here""#);
}

#[test]
fn lookups_are_held_to_the_list() {
    let mut config = config();
    config.allow_net.push("localhost".to_owned());
    let outside = outside(&config);
    let lookup = |host: &str| outside.call("net.lookup_ip_addr", &[host.into()], at(0, None));
    let Value::Set(found) = lookup("localhost").unwrap() else {
        panic!()
    };
    let loopback = ["127.0.0.1", "::1"].map(Value::from);
    assert!(!found.is_empty() && found.iter().all(|address| loopback.contains(address)));
    assert!(refused(lookup("example.com")).contains("example.com may not be asked"));
}
