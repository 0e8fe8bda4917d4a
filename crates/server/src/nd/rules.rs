//! Who may be asked.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use super::address::{canonical, is_public};
use crate::config::NdConfig;
use crate::error::ServerError;

/// The operator's lists.
#[derive(Debug)]
pub(super) struct Rules {
    /// Hosts as URLs have them, and the only port if one is named.
    hosts: Vec<(Host, Option<u16>)>,
    /// Networks that are not public and may be asked all the same.
    private: Vec<IpNet>,
}

/// An address that must not be asked; found when a name is resolved.
#[derive(Debug, thiserror::Error)]
#[error(
    "{host} has no address that may be asked ({addresses}): only public ones may, and those in a network of `server.nd_builtins.allow_private`"
)]
pub(super) struct NotPublic {
    pub(super) host: String,
    pub(super) addresses: String,
}

impl Rules {
    pub(super) fn new(config: &NdConfig) -> Result<Self, ServerError> {
        let bad = |key, message| ServerError::Config { key, message };
        let hosts = config.allow_net.iter().map(|entry| {
            host_and_port(entry).ok_or_else(|| {
                let message = format!(
                    "has `{entry}`, which is no host; write `api.example.com` or `api.example.com:8443`"
                );
                bad("nd_builtins.allow_net", message)
            })
        });
        let private = config.allow_private.iter().map(|entry| {
            entry.parse().map_err(|_| {
                let message = format!("has `{entry}`, which is no network; write `10.20.0.0/16`");
                bad("nd_builtins.allow_private", message)
            })
        });
        Ok(Self {
            hosts: hosts.collect::<Result<_, _>>()?,
            private: private.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a host is listed, for any port or for this one.
    ///
    /// # Errors
    /// What to do about it.
    pub(super) fn check_host(&self, host: &str, port: Option<u16>) -> Result<(), String> {
        let refused = || {
            format!(
                "the host {host} may not be asked: if decisions should depend on it, list it in `server.nd_builtins.allow_net`"
            )
        };
        let host = parse(host).ok_or_else(refused)?;
        let listed = self.hosts.iter().any(|(listed, only)| {
            *listed == host && only.is_none_or(|only| port.is_none_or(|port| only == port))
        });
        if listed { Ok(()) } else { Err(refused()) }
    }

    /// Whether a URL may be asked, as far as it can be known before its name is resolved.
    ///
    /// # Errors
    /// What to do about it.
    pub(super) fn check_url(&self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "{}: only http and https may be asked, not {}",
                url.as_str(),
                url.scheme()
            ));
        }
        let host = url.host_str().unwrap_or_default();
        self.check_host(host, url.port_or_known_default())
        // An address that is listed as such is allowed whatever network it is in; names are checked when they are resolved.
    }

    /// Whether a name may lead to this address.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        is_public(address) || self.private.iter().any(|network| network.contains(&address))
    }
}

/// A host as URLs write it, or a bare IPv6 address.
fn parse(text: &str) -> Option<Host> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(match address {
            IpAddr::V4(v4) => Host::Ipv4(v4),
            IpAddr::V6(v6) => Host::Ipv6(v6),
        });
    }
    Host::parse(text).ok()
}

fn host_and_port(entry: &str) -> Option<(Host, Option<u16>)> {
    let entry = entry.trim();
    if entry.parse::<IpAddr>().is_ok() {
        return Some((parse(entry)?, None));
    }
    match entry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((parse(host)?, Some(port.parse().ok()?))),
        _ => Some((parse(entry)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str], private: &[&str]) -> Result<Rules, ServerError> {
        let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        Rules::new(&NdConfig {
            allow_net: list(hosts),
            allow_private: list(private),
            ..NdConfig::default()
        })
    }

    #[test]
    fn only_listed_hosts_pass() {
        let rules = rules(
            &["API.example.com", "b.test:8443", "10.0.0.5", "::1", "[::2]:80"],
            &[],
        )
        .unwrap();
        for url in [
            "https://api.example.com/x",
            "http://API.EXAMPLE.COM:9999/",
            "https://b.test:8443/",
            "http://10.0.0.5/",
            "http://0x0a000005/",
            "http://[::1]:7/",
            "http://[::2]/",
        ] {
            assert_eq!(rules.check_url(&Url::parse(url).unwrap()), Ok(()), "{url}");
        }
        for url in [
            "https://example.com/",
            "https://api.example.com.evil.test/",
            "https://api.example.com@evil.test/",
            "https://b.test/",
            "http://10.0.0.6/",
            "http://[::2]:81/",
            "http://localhost/",
        ] {
            let refused = rules.check_url(&Url::parse(url).unwrap()).unwrap_err();
            assert!(
                refused.contains("server.nd_builtins.allow_net"),
                "{url}: {refused}"
            );
        }
        for url in [
            "ftp://api.example.com/",
            "file:///etc/passwd",
            "unix://api.example.com/x",
        ] {
            let refused = rules.check_url(&Url::parse(url).unwrap()).unwrap_err();
            assert!(refused.contains("only http and https"), "{url}: {refused}");
        }
    }

    #[test]
    fn addresses_are_public_or_in_a_listed_network() {
        let rules = rules(&["a"], &["10.20.0.0/16", "fd00::/8"]).unwrap();
        for address in ["1.1.1.1", "10.20.3.4", "::ffff:10.20.3.4", "fd00::1"] {
            assert!(rules.allows(address.parse().unwrap()), "{address}");
        }
        for address in ["10.21.0.1", "127.0.0.1", "::ffff:10.21.0.1", "fc00::1"] {
            assert!(!rules.allows(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_no_host_or_network_is_named() {
        for (hosts, private, says) in [
            (&["http://x/"][..], &[][..], "nd_builtins.allow_net"),
            (&["a:port"], &[], "nd_builtins.allow_net"),
            (&[""], &[], "nd_builtins.allow_net"),
            (&["a"], &["10.0.0.0"], "nd_builtins.allow_private"),
        ] {
            let error = rules(hosts, private).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
