//! Addresses as Go's `net/url` reads them, where it is certain what it does.

use super::super::BuiltinError;
use super::super::urls::{Url, unescape};
use super::unsupported;

/// The parts of an address; `None` if Go says that it is none.
pub(super) fn parse(text: &str) -> Result<Option<Url<'_>>, BuiltinError> {
    let Ok(url) = Url::parse(text) else {
        return Ok(None);
    };
    if unescape(url.fragment).is_none() {
        return Ok(None);
    }
    if url.scheme.is_empty() && !url.has_authority && !url.path.starts_with('/') {
        // Else what stands before the colon would be the scheme.
        let first = url.path.split('/').next().unwrap_or_default();
        if first.contains(':') {
            return Ok(None);
        }
    }
    if url.has_authority && !is_plain_user(url.user.unwrap_or_default()) {
        return Err(unsupported("an address with such a user"));
    }
    if url.has_authority && !is_plain_host(url.host) {
        return Err(unsupported("an address with such a host"));
    }
    Ok(Some(url))
}

fn is_plain_user(user: &str) -> bool {
    user.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~:".contains(&b))
}

/// A name or an address with an optional port.
fn is_plain_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => return is_version_six(address),
        Some((address, port)) => match port.strip_prefix(':') {
            Some(port) => return is_version_six(address) && is_port(port),
            None => return false,
        },
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let of_name = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    name.bytes().all(of_name) && is_port(port)
}

fn is_version_six(address: &str) -> bool {
    address.parse::<std::net::Ipv6Addr>().is_ok()
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|b| b.is_ascii_digit())
}
