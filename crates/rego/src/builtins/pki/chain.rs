//! Chains of certificates, verified as Go verifies them (RFC 5280 section 6, without revocation).

use std::cmp::Reverse;
use std::net::IpAddr;

use stele_types::Value;

use super::algorithm;
use super::certificate::Certificate;
use super::extensions::Extensions;
use super::public_key::PublicKey;

/// The most signatures checked for one chain.
pub(crate) const MOST_CHECKS: u32 = 100;
/// The bit of the key usage that lets a key sign certificates.
const SIGNS_CERTIFICATES: u32 = 1 << 5;
/// Go's number for any extended key usage.
const ANY_USAGE: u8 = 0;

/// A certificate and what its extensions say.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    pub(crate) certificate: Certificate<'a>,
    pub(crate) read: Extensions,
    /// What policies see of it.
    pub(crate) value: Value,
}

/// What a chain is verified for.
#[derive(Debug)]
pub(crate) struct Purpose<'a> {
    /// The name of the host, unless it is empty.
    pub(crate) host: &'a str,
    pub(crate) time: jiff::Timestamp,
    /// Go's numbers for the extended key usages, one of which must be allowed along the chain.
    pub(crate) usages: Vec<u8>,
}

/// Why there is no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChainError {
    /// It can't be trusted.
    Untrusted,
    /// Telling takes rules that are not supported.
    Unsupported(&'static str),
}

type Result<T> = std::result::Result<T, ChainError>;

fn ensure(good: bool) -> Result<()> {
    if good { Ok(()) } else { Err(ChainError::Untrusted) }
}

impl Link<'_> {
    /// Whether it may stand in a chain at this time.
    fn is_usable(&self, purpose: &Purpose<'_>) -> bool {
        self.read.unhandled.is_empty()
            && (self.certificate.not_before..=self.certificate.not_after).contains(&purpose.time)
    }

    /// Whether it may stand above `below`, the leaf first.
    fn may_issue(&self, below: &[&Self], is_root: bool, purpose: &Purpose<'_>) -> Result<()> {
        if self.read.constraints.is_some() {
            return Err(ChainError::Unsupported("a chain with name constraints"));
        }
        ensure(self.is_usable(purpose))?;
        let (authority, length) = self.read.basic.unwrap_or_default();
        ensure(is_root || authority)?;
        let between = below.len().saturating_sub(1);
        ensure(length.is_none_or(|most| usize::try_from(most).is_ok_and(|most| between <= most)))
    }

    /// Whether it signed `child`.
    fn signed(&self, child: &Self) -> bool {
        let authority = match self.read.basic {
            Some((authority, _)) => authority,
            None => self.certificate.version != 3,
        };
        let usage = self.read.key_usage;
        authority
            && (usage == 0 || usage & SIGNS_CERTIFICATES != 0)
            && self.certificate.key != PublicKey::Unknown
            && algorithm::verify(
                child.certificate.algorithm,
                &self.certificate.key,
                child.certificate.raw_tbs,
                child.certificate.signature,
            )
    }

    /// Whether it may have signed `child`, by names, and how likely that is by the keys' identifiers.
    fn likelihood(&self, child: &Self) -> Option<u8> {
        if self.certificate.raw_subject != child.certificate.raw_issuer {
            return None;
        }
        Some(match (&self.read.subject_key, &child.read.authority_key) {
            (Some(own), Some(wanted)) if own == wanted => 2,
            (Some(_), Some(_)) => 0,
            _ => 1,
        })
    }

    /// Whether it is the same as one in the chain, by name and key.
    fn is_in(&self, chain: &[&Self]) -> bool {
        chain.iter().any(|link| {
            link.certificate.raw_subject == self.certificate.raw_subject
                && link.certificate.key == self.certificate.key
                && link.read.names == self.read.names
        })
    }

    /// Whether it is for this host.
    fn is_for(&self, host: &str) -> bool {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            let address = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => match address.to_ipv4_mapped() {
                    Some(address) => address.octets().to_vec(),
                    None => address.octets().to_vec(),
                },
            };
            return self.read.names.ips.contains(&address);
        }
        let host = host.to_ascii_lowercase();
        let names = self.read.names.dns.iter().map(|name| name.to_ascii_lowercase());
        names.into_iter().any(|name| matches(&name, &host))
    }
}

/// Whether a host's name is valid; a pattern may have `*` for its first label.
fn is_valid(host: &str, pattern: bool) -> bool {
    let label = |(index, label): (usize, &str)| {
        let valid = |(at, b): (usize, u8)| b.is_ascii_alphanumeric() || b == b'_' || (b == b'-' && at != 0);
        (pattern && index == 0 && label == "*") || (!label.is_empty() && label.bytes().enumerate().all(valid))
    };
    host.split('.').enumerate().all(label)
}

/// Whether a name in a certificate is the host's; both in lower case.
fn matches(name: &str, host: &str) -> bool {
    let bare = host.strip_suffix('.').unwrap_or(host);
    if !is_valid(bare, false) || !is_valid(name, true) {
        return !matches!(host, "" | ".") && name == host;
    }
    let parts = |name: &str| -> (String, Option<String>) {
        let (first, rest) = name.split_once('.').unzip();
        (first.unwrap_or(name).to_owned(), rest.map(str::to_owned))
    };
    let ((first, parent), (own, domain)) = (parts(name), parts(bare));
    (first == "*" || first == own) && parent == domain
}

/// Whether one of the usages is allowed by all certificates of the chain.
fn usages_are_allowed(chain: &[&Link<'_>], usages: &[u8]) -> bool {
    let allowed = |usage: &u8| {
        chain.iter().all(|link| {
            let read = &link.read;
            let open = read.usages.is_empty() && read.unknown_usages.is_empty();
            open || read.usages.contains(&ANY_USAGE) || read.usages.contains(usage)
        })
    };
    usages.contains(&ANY_USAGE) || usages.iter().any(allowed)
}

/// The search for a chain.
struct Search<'a, 'b> {
    root: &'b Link<'a>,
    intermediates: &'b [Link<'a>],
    purpose: &'b Purpose<'b>,
    checks: u32,
}

impl<'a, 'b> Search<'a, 'b> {
    /// Takes one of the signature checks that are left.
    fn is_signed(&mut self, child: &Link<'a>, parent: &Link<'a>) -> Result<bool> {
        self.checks = self.checks.checked_sub(1).ok_or(ChainError::Untrusted)?;
        Ok(parent.signed(child))
    }

    /// Completes a chain that starts with the leaf.
    fn complete(&mut self, chain: &[&'b Link<'a>]) -> Result<Vec<&'b Link<'a>>> {
        let Some(last) = chain.last() else {
            return Err(ChainError::Untrusted);
        };
        let mut candidates: Vec<(u8, bool, &'b Link<'a>)> = [(true, self.root)]
            .into_iter()
            .chain(self.intermediates.iter().map(|link| (false, link)))
            .filter_map(|(is_root, link)| Some((link.likelihood(last)?, is_root, link)))
            .collect();
        candidates.sort_by_key(|(likelihood, is_root, _)| (Reverse(*is_root), Reverse(*likelihood)));
        let mut unsupported = None;
        for (_, is_root, link) in candidates {
            if link.is_in(chain) || !self.is_signed(last, link)? {
                continue;
            }
            let mut longer = chain.to_vec();
            longer.push(link);
            let found = link.may_issue(chain, is_root, self.purpose).and_then(|()| {
                if !is_root {
                    return self.complete(&longer);
                }
                ensure(usages_are_allowed(&longer, &self.purpose.usages))?;
                policies_are_open(&longer)?;
                Ok(longer)
            });
            match found {
                Err(ChainError::Untrusted) => {}
                Err(error) => unsupported = Some(error),
                Ok(chain) => return Ok(chain),
            }
        }
        Err(unsupported.unwrap_or(ChainError::Untrusted))
    }
}

/// Certificates that demand policies need rules that are not written.
fn policies_are_open(chain: &[&Link<'_>]) -> Result<()> {
    if chain
        .iter()
        .any(|link| link.read.require_explicit_policy.is_some())
    {
        return Err(ChainError::Unsupported("a chain that requires policies"));
    }
    Ok(())
}

/// The chain from the last certificate to the first one, which is trusted, through any of the others.
pub(crate) fn verify<'b, 'a>(links: &'b [Link<'a>], purpose: &'b Purpose<'b>) -> Result<Vec<&'b Link<'a>>> {
    let [root, intermediates @ .., leaf] = links else {
        return Err(ChainError::Untrusted);
    };
    ensure(leaf.is_usable(purpose))?;
    ensure(purpose.host.is_empty() || leaf.is_for(purpose.host))?;
    if leaf.certificate.raw == root.certificate.raw {
        ensure(usages_are_allowed(&[leaf], &purpose.usages))?;
        return Ok(vec![leaf]);
    }
    let mut search = Search {
        root,
        intermediates,
        purpose,
        checks: MOST_CHECKS,
    };
    search.complete(&[leaf])
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn host_names_match() {
        for (name, host, want) in [
            ("example.com", "example.com", true),
            ("example.com", "example.com.", true),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.www.example.com", false),
            ("w*.example.com", "www.example.com", false),
            ("*", "localhost", true),
            ("-x.com", "-x.com", true),
            ("", "", false),
        ] {
            assert_eq!(matches(name, host), want, "{name} {host}");
        }
    }
}
