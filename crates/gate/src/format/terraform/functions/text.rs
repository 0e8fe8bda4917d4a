//! Functions of text and of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use stele_types::Value;

use super::Call;
use crate::format::terraform::eval::text_of;
use crate::node::{Node, NodeKind};

/// Longer patterns are not compiled.
const MAX_PATTERN: usize = 10_000;
/// Longer texts are not made.
const MAX_TEXT: usize = 16 << 20;

pub(super) fn call(name: &str, call: &Call<'_>) -> Option<Node> {
    plain(name, call)
        .or_else(|| parts(name, call))
        .or_else(|| patterns(name, call))
        .or_else(|| addresses(name, call))
}

fn plain(name: &str, call: &Call<'_>) -> Option<Node> {
    let text = || call.text(0);
    let other = || call.text(1);
    Some(match name {
        "lower" => call.scalar(text()?.to_lowercase()),
        "upper" => call.scalar(text()?.to_uppercase()),
        "title" => {
            let mut start = true;
            let letter = |letter: char| {
                let out = if start {
                    letter.to_uppercase().to_string()
                } else {
                    letter.to_string()
                };
                start = !letter.is_alphanumeric();
                out
            };
            call.scalar(text()?.chars().map(letter).collect::<String>())
        }
        "trimspace" => call.scalar(text()?.trim().to_owned()),
        "trim" => {
            let cut = other()?;
            call.scalar(text()?.trim_matches(|letter| cut.contains(letter)).to_owned())
        }
        "trimprefix" => {
            let text = text()?;
            call.scalar(text.strip_prefix(other()?.as_str()).unwrap_or(&text).to_owned())
        }
        "trimsuffix" => {
            let text = text()?;
            call.scalar(text.strip_suffix(other()?.as_str()).unwrap_or(&text).to_owned())
        }
        "chomp" => call.scalar(text()?.trim_end_matches(['\n', '\r']).to_owned()),
        "startswith" => call.scalar(text()?.starts_with(&other()?)),
        "endswith" => call.scalar(text()?.ends_with(&other()?)),
        "strcontains" => call.scalar(text()?.contains(&other()?)),
        "strrev" => call.scalar(text()?.chars().rev().collect::<String>()),
        "indent" => {
            let by = usize::try_from(call.integer(0)?).ok().filter(|by| *by <= 1_000)?;
            let text = other()?;
            let lines = text.matches('\n').count();
            (lines.saturating_mul(by) <= MAX_TEXT).then_some(())?;
            call.scalar(text.replace('\n', &format!("\n{}", " ".repeat(by))))
        }
        "substr" => {
            let letters: Vec<char> = text()?.chars().collect();
            let length = i64::try_from(letters.len()).ok()?;
            let offset = call.integer(1)?;
            let start = if offset < 0 {
                offset.saturating_add(length).max(0)
            } else {
                offset.min(length)
            };
            let end = match call.integer(2)? {
                count if count < 0 => length,
                count => start.saturating_add(count).min(length),
            };
            let at = |index: i64| usize::try_from(index).ok();
            call.scalar(letters.get(at(start)?..at(end)?)?.iter().collect::<String>())
        }
        _ => return None,
    })
}

fn parts(name: &str, call: &Call<'_>) -> Option<Node> {
    Some(match name {
        "split" => {
            let (separator, text) = (call.text(0)?, call.text(1)?);
            let piece = |piece: &str| call.scalar(piece);
            if separator.is_empty() {
                let letters = text.chars().map(|letter| call.scalar(letter.to_string()));
                return Some(call.array(letters.collect()));
            }
            call.array(text.split(&separator).map(piece).collect())
        }
        "join" => {
            let mut texts: Vec<String> = Vec::new();
            for index in 1..call.args.len() {
                let items: Vec<String> = call.items(index)?.iter().map(text_of).collect::<Option<_>>()?;
                texts.extend(items);
            }
            let separator = call.text(0)?;
            (separator.len().saturating_mul(texts.len()) <= MAX_TEXT).then_some(())?;
            call.scalar(texts.join(&separator))
        }
        "format" => {
            let args: Vec<&Node> = call.args.iter().skip(1).collect();
            call.scalar(format(&call.text(0)?, &args)?)
        }
        "formatlist" => formatted_list(call)?,
        _ => return None,
    })
}

fn formatted_list(call: &Call<'_>) -> Option<Node> {
    let pattern = call.text(0)?;
    let lists = (1..call.args.len()).filter_map(|index| call.items(index));
    let length = lists.map(<[Node]>::len).max()?;
    let row = |row: usize| {
        let arg = |index: usize| match call.items(index) {
            Some(items) => items.get(row),
            None => call.arg(index),
        };
        let args: Vec<&Node> = (1..call.args.len()).map(arg).collect::<Option<_>>()?;
        Some(call.scalar(format(&pattern, &args)?))
    };
    Some(call.array((0..length).map(row).collect::<Option<_>>()?))
}

/// The verbs `%s`, `%v`, `%d`, `%q`, `%t` and `%%`, and `%0Nd`. Others are not known here.
fn format(pattern: &str, args: &[&Node]) -> Option<String> {
    let mut args = args.iter();
    let mut out = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut verb = letters.next()?;
        let mut width = String::new();
        while verb.is_ascii_digit() {
            width.push(verb);
            verb = letters.next()?;
        }
        if verb == '%' {
            out.push('%');
            continue;
        }
        let arg = args.next()?;
        let text = match (verb, &arg.kind) {
            ('s' | 't' | 'd', _) => text_of(arg)?,
            ('v', NodeKind::Array(_) | NodeKind::Set(_) | NodeKind::Object(_)) => {
                stele_types::json::to_string(&super::known(arg)?)
            }
            ('v', _) => text_of(arg)?,
            ('q', _) => stele_types::json::to_string(&Value::string(&text_of(arg)?)),
            _ => return None,
        };
        let wide: usize = if width.is_empty() {
            0
        } else {
            width.parse().ok().filter(|wide| *wide <= 1_000)?
        };
        let fill = if width.starts_with('0') { "0" } else { " " };
        out.push_str(&fill.repeat(wide.saturating_sub(text.chars().count())));
        out.push_str(&text);
    }
    Some(out)
}

/// What compiling a pattern counts for among the values of a module.
const COMPILED: usize = 1_000;

fn regex(call: &Call<'_>, pattern: &str) -> Option<regex::Regex> {
    (pattern.len() <= MAX_PATTERN).then_some(())?;
    let world = call.scope.world;
    if let Some(known) = world.patterns.borrow().get(pattern) {
        return known.clone();
    }
    world.budget.charge(COMPILED).then_some(())?;
    let compiled = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().ok();
    let mut patterns = world.patterns.borrow_mut();
    patterns.insert(pattern.to_owned(), compiled.clone());
    compiled
}

fn patterns(name: &str, call: &Call<'_>) -> Option<Node> {
    Some(match name {
        "replace" => {
            let (text, from, to) = (call.text(0)?, call.text(1)?, call.text(2)?);
            let most = text.len().saturating_add(1).saturating_mul(to.len().max(1));
            (most <= MAX_TEXT).then_some(())?;
            let pattern = from.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
            match pattern {
                Some(pattern) => {
                    // `$1` and `${1}` mean the same here and there.
                    call.scalar(regex(call, pattern)?.replace_all(&text, to.as_str()).into_owned())
                }
                None => call.scalar(text.replace(&from, &to)),
            }
        }
        "regex" => {
            let (pattern, text) = (regex(call, &call.text(0)?)?, call.text(1)?);
            captured(call, &pattern, &pattern.captures(&text)?)
        }
        "regexall" => {
            let (pattern, text) = (regex(call, &call.text(0)?)?, call.text(1)?);
            let found = pattern
                .captures_iter(&text)
                .map(|found| captured(call, &pattern, &found));
            call.array(found.collect())
        }
        _ => return None,
    })
}

/// The whole match, or its groups: a list, or an object if they have names.
fn captured(call: &Call<'_>, pattern: &regex::Regex, found: &regex::Captures<'_>) -> Node {
    let text = |group: Option<regex::Match<'_>>| {
        group.map_or_else(|| call.scalar(Value::Null), |group| call.scalar(group.as_str()))
    };
    if found.len() <= 1 {
        return text(found.get(0));
    }
    let names: Vec<&str> = pattern.capture_names().flatten().collect();
    if names.is_empty() {
        return call.array(found.iter().skip(1).map(text).collect());
    }
    let entry = |name: &str| crate::node::Entry::new(name, text(found.name(name)));
    call.object(names.into_iter().map(entry).collect())
}

fn addresses(name: &str, call: &Call<'_>) -> Option<Node> {
    let net = |index: usize| call.text(index)?.parse::<IpNet>().ok();
    Some(match name {
        "cidrsubnet" => {
            let bits = u8::try_from(call.integer(1)?).ok()?;
            call.scalar(subnet(&net(0)?, bits, call.integer(2)?)?.to_string())
        }
        "cidrsubnets" => subnets(call, &net(0)?)?,
        "cidrhost" => call.scalar(host(&net(0)?, call.integer(1)?)?.to_string()),
        "cidrnetmask" => call.scalar(net(0)?.netmask().to_string()),
        _ => return None,
    })
}

fn word(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn address(word: u128, like: &IpNet) -> Option<IpAddr> {
    Some(match like {
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(word).ok()?)),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from(word)),
    })
}

/// The network of this number among those that are so many bits longer.
fn subnet(net: &IpNet, bits: u8, number: i64) -> Option<IpNet> {
    let length = net
        .prefix_len()
        .checked_add(bits)
        .filter(|length| *length <= net.max_prefix_len())?;
    let number = u128::try_from(number).ok()?;
    if u32::from(bits) < u128::BITS && number.checked_shr(u32::from(bits)).is_some_and(|over| over > 0) {
        return None;
    }
    let shift = u32::from(net.max_prefix_len().checked_sub(length)?);
    let moved = number.checked_shl(shift).unwrap_or(0);
    IpNet::new(address(word(net.network()).checked_add(moved)?, net)?, length).ok()
}

/// Networks one behind the other, each so many bits longer than the whole.
fn subnets(call: &Call<'_>, net: &IpNet) -> Option<Node> {
    let mut out = Vec::new();
    let mut next = word(net.network());
    for index in 1..call.args.len() {
        let bits = u8::try_from(call.integer(index)?).ok()?;
        let length = net
            .prefix_len()
            .checked_add(bits)
            .filter(|length| *length <= net.max_prefix_len())?;
        let size = 1u128.checked_shl(u32::from(net.max_prefix_len().checked_sub(length)?))?;
        // It begins at a multiple of its size.
        let start = next.checked_next_multiple_of(size)?;
        let found = IpNet::new(address(start, net)?, length).ok()?;
        net.contains(&found).then_some(())?;
        next = start.checked_add(size)?;
        out.push(call.scalar(found.to_string()));
    }
    Some(call.array(out))
}

fn host(net: &IpNet, number: i64) -> Option<IpAddr> {
    let first = word(net.network());
    let found = match u128::try_from(number) {
        Ok(number) => first.checked_add(number)?,
        Err(_) => word(net.broadcast()).checked_sub(u128::from(number.unsigned_abs().checked_sub(1)?))?,
    };
    let found = address(found, net)?;
    net.contains(&found).then_some(found)
}
