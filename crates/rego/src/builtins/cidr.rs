//! `net.cidr_*`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use stele_types::Value;

use super::args::{any, collection, count, string};
use super::{BuiltinError, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// Reads `10.0.0.0/8`; host bits are cut.
fn parse(text: &str) -> Result<IpNet> {
    // Go takes no IPv6 zone and no leading zeros, and neither does Rust.
    text.parse::<IpNet>()
        .map(|net| unmap(net.trunc()))
        .map_err(|_| failed(format!("invalid CIDR address: {text}")))
}

/// An IPv4 network written in IPv6 is an IPv4 network to Go.
fn unmap(net: IpNet) -> IpNet {
    let IpNet::V6(inner) = net else { return net };
    let mapped = inner
        .network()
        .to_ipv4_mapped()
        .zip(inner.prefix_len().checked_sub(96));
    mapped
        .and_then(|(address, length)| Ipv4Net::new(address, length).ok())
        .map_or(net, IpNet::V4)
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

pub(super) fn intersects(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (parse(string(args, 0)?)?, parse(string(args, 1)?)?);
    Ok((a.contains(&b.network()) || b.contains(&a.network())).into())
}

fn contains_text(net: &str, inner: &str) -> Result<bool> {
    let net = parse(net)?;
    if let Some(address) = address(inner) {
        return Ok(net.contains(&address));
    }
    let inner = parse(inner).map_err(|_| {
        failed(format!(
            "not a valid textual representation of an IP address or CIDR: {inner}"
        ))
    })?;
    Ok(net.contains(&inner))
}

pub(super) fn contains(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(contains_text(string(args, 0)?, string(args, 1)?)?.into())
}

/// The networks of one operand, each with what identifies it in the result.
fn labelled(args: &[Value], index: usize) -> Result<Vec<(&str, Value)>> {
    fn text(value: &Value) -> Result<&str> {
        let text = match value {
            Value::Array(items) => items.first().and_then(Value::as_str),
            other => other.as_str(),
        };
        text.ok_or_else(|| failed("element must be string or non-empty array"))
    }
    match any(args, index)? {
        whole @ Value::String(net) => Ok(vec![(net, whole.clone())]),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(n, item)| Ok((text(item)?, count(n))))
            .collect(),
        Value::Set(items) => items.iter().map(|item| Ok((text(item)?, item.clone()))).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| Ok((text(item)?, key.clone())))
            .collect(),
        _ => Ok(Vec::new()),
    }
}

pub(super) fn contains_matches(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (nets, inners) = (labelled(args, 0)?, labelled(args, 1)?);
    let mut found = BTreeSet::new();
    for (net, label) in &nets {
        session.elements(inners.len())?;
        for (inner, inner_label) in &inners {
            if contains_text(net, inner)? {
                found.insert(Value::array([label.clone(), inner_label.clone()]));
            }
        }
    }
    Ok(found.into())
}

pub(super) fn expand(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let net = parse(string(args, 0)?)?;
    let bits = u32::from(net.max_prefix_len().saturating_sub(net.prefix_len()));
    let hosts = 1_usize
        .checked_shl(bits)
        .filter(|_| bits < 64)
        .unwrap_or(usize::MAX);
    session.elements(hosts)?;
    // `hosts` leaves out the network and broadcast addresses of IPv4.
    Ok(match net {
        IpNet::V4(net) => {
            let range = u32::from(net.network())..=u32::from(net.broadcast());
            Value::set(range.map(|bits| std::net::Ipv4Addr::from(bits).to_string().into()))
        }
        IpNet::V6(net) => {
            let range = u128::from(net.network())..=u128::from(net.broadcast());
            Value::set(range.map(|bits| std::net::Ipv6Addr::from(bits).to_string().into()))
        }
    })
}

pub(super) fn is_valid(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(any(args, 0)?
        .as_str()
        .is_some_and(|text| parse(text).is_ok())
        .into())
}

/// The smallest set of networks that covers the arguments. An IPv4 address stands for its classful network.
pub(super) fn merge(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let mut v4: Vec<Ipv4Net> = Vec::new();
    let mut v6: Vec<Ipv6Net> = Vec::new();
    let items = collection(args, 0)?;
    session.elements(items.len())?;
    for item in items {
        let text = item.as_str().ok_or_else(|| failed("element must be string"))?;
        let net = match address(text) {
            Some(IpAddr::V4(address)) => classful(address)?,
            Some(IpAddr::V6(_)) => return Err(failed("IPv6 invalid: needs prefix length")),
            None => parse(text)?,
        };
        match net {
            IpNet::V4(net) => v4.push(net),
            IpNet::V6(net) => v6.push(net),
        }
    }
    let v4 = Ipv4Net::aggregate(&v4)
        .into_iter()
        .map(|net| net.to_string().into());
    let v6 = Ipv6Net::aggregate(&v6)
        .into_iter()
        .map(|net| net.to_string().into());
    Ok(Value::set(v4.chain(v6)))
}

/// The network of an address by its class (RFC 791): A /8, B /16, C /24.
fn classful(address: std::net::Ipv4Addr) -> Result<IpNet> {
    let length = match address.octets() {
        [0..=127, ..] => 8,
        [128..=191, ..] => 16,
        _ => 24,
    };
    let net = Ipv4Net::new(address, length).map_err(|error| failed(error.to_string()))?;
    Ok(IpNet::V4(net.trunc()))
}
