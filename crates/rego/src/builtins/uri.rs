//! `uri.parse`, `uri.is_valid`: URIs as Go's `net/url` takes them apart, with the hosts that it refuses since Go 1.26: several colons
//! outside of brackets, and brackets around anything but an IPv6 address.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use stele_types::Value;

use super::args::string;
use super::urls::{Url, unescape};
use super::{BuiltinError, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// `uri.parse(uri)`: scheme, hostname, port, path, raw_path, raw_query, fragment, as far as they are not empty.
pub(super) fn parse(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    session.bytes(text.len().saturating_mul(3))?;
    let parts = parts(text)?;
    let filled = parts.into_iter().filter(|(_, value)| !value.is_empty());
    let object: BTreeMap<Value, Value> = filled
        .map(|(name, value)| (Value::from(name), Value::from(value)))
        .collect();
    Ok(Value::object(object))
}

/// `uri.is_valid(uri)`: false for the empty text, and for what is no text.
pub(super) fn is_valid(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let valid = string(args, 0).is_ok_and(|text| !text.is_empty() && parts(text).is_ok());
    Ok(valid.into())
}

fn parts(text: &str) -> Result<[(&'static str, String); 7]> {
    let bad = |why: &str| failed(format!("parse {text:?}: {why}"));
    // Go looks for control characters in front of the fragment only.
    let (front, fragment) = text.split_once('#').unwrap_or((text, ""));
    let url = Url::parse(front)?;
    let first = url.path.split('/').next().unwrap_or_default();
    if url.scheme.is_empty() && !url.has_authority && first.contains(':') {
        return Err(bad("first path segment in URL cannot contain colon"));
    }
    if !url.user.is_none_or(valid_user) {
        return Err(bad("invalid userinfo"));
    }
    let (hostname, port) = host(url.host).ok_or_else(|| bad("invalid host"))?;
    let path = decoded(url.path).ok_or_else(|| bad("invalid path"))?;
    let fragment = decoded(fragment).ok_or_else(|| bad("invalid fragment"))?;
    let raw_path = match url.raw_path() {
        "" => path.clone(),
        written => written.to_owned(),
    };
    Ok([
        ("scheme", url.scheme.to_ascii_lowercase()),
        ("hostname", hostname),
        ("port", port),
        ("path", path),
        ("raw_path", raw_path),
        ("raw_query", url.query.to_owned()),
        ("fragment", fragment),
    ])
}

fn decoded(part: &str) -> Option<String> {
    String::from_utf8(unescape(part)?).ok()
}

fn valid_user(user: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    user.bytes().all(allowed) && unescape(user).is_some()
}

/// Name and port of a host, decoded; nothing if it is none.
fn host(text: &str) -> Option<(String, String)> {
    if let Some(inner) = text.strip_prefix('[') {
        let (inner, port) = inner.rsplit_once(']')?;
        let (address, zone) = match inner.split_once("%25") {
            Some((address, zone)) => (address, Some(zone)),
            None => (inner, None),
        };
        address.parse::<Ipv6Addr>().ok()?;
        let name = match zone {
            Some("") => return None,
            Some(zone) => format!("{address}%{}", named(zone, true)?),
            None => address.to_owned(),
        };
        return Some((name, self::port(port)?));
    }
    let (name, port) = text
        .find(':')
        .and_then(|at| text.split_at_checked(at))
        .unwrap_or((text, ""));
    Some((named(name, false)?, self::port(port)?))
}

/// The digits of `:443`; a colon alone, or nothing, is no port.
fn port(text: &str) -> Option<String> {
    let digits = match text.strip_prefix(':') {
        Some(digits) => digits,
        None if text.is_empty() => "",
        None => return None,
    };
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.to_owned())
}

/// A host's name or an address's zone, decoded. In names only what is not ASCII, and `%` itself, may be escaped.
fn named(text: &str, zone: bool) -> Option<String> {
    let plain = |byte: u8| {
        !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:<>\"".contains(&byte)
    };
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let escape = rest.get(at..at.checked_add(3)?)?;
        let byte = u8::from_str_radix(escape.get(1..)?, 16).ok()?;
        let allowed = if zone {
            byte == b' ' || plain(byte)
        } else {
            !byte.is_ascii()
        };
        if escape != "%25" && !allowed {
            return None;
        }
        rest = rest.get(at.checked_add(3)?..)?;
    }
    let escaped = |byte: u8| byte == b'%';
    if !text.bytes().all(|byte| plain(byte) || escaped(byte)) {
        return None;
    }
    decoded(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Vec<(&'static str, String)>> {
        let parts = parts(text).ok()?;
        Some(parts.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    fn want(parts: &[(&'static str, &str)]) -> Option<Vec<(&'static str, String)>> {
        Some(
            parts
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn parts_are_decoded_where_go_decodes_them() {
        assert_eq!(
            parsed("HTTPS://me:pw@example.com:8443/a%2Fb/c%20d?x=1&y#top%21"),
            want(&[
                ("scheme", "https"),
                ("hostname", "example.com"),
                ("port", "8443"),
                ("path", "/a/b/c d"),
                ("raw_path", "/a%2Fb/c%20d"),
                ("raw_query", "x=1&y"),
                ("fragment", "top!"),
            ])
        );
        // What would be written like this anyway is no raw path of its own.
        assert_eq!(parsed("/a%20b"), want(&[("path", "/a b"), ("raw_path", "/a b")]));
        assert_eq!(parsed("mailto:a@b"), want(&[("scheme", "mailto")]));
        assert_eq!(
            parsed("http://[fe80::1%25en0]:80?q"),
            want(&[
                ("scheme", "http"),
                ("hostname", "fe80::1%en0"),
                ("port", "80"),
                ("raw_query", "q")
            ])
        );
        assert_eq!(parsed(""), want(&[]));
        assert_eq!(
            parsed("//host/p#\u{1}"),
            want(&[
                ("hostname", "host"),
                ("path", "/p"),
                ("raw_path", "/p"),
                ("fragment", "\u{1}")
            ])
        );
    }

    #[test]
    fn malformed_uris_are_refused() {
        for text in [
            ":a",
            "http://a/\n",
            "http://a/%zz",
            "http://a/%ff",
            "1a:b",
            "http://[invalid",
            "http://[127.0.0.1]/",
            "http://::1/",
            "http://a:80:80/",
            "http://a:port/",
            "http://a b/",
            "http://%41/",
            "http://us er@a/",
            "http://a/#%zz",
            "http://a[b/",
        ] {
            assert!(parts(text).is_err(), "{text}");
        }
    }
}
