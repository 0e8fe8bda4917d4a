//! The keyword `format`: text only, and as Go's standard library and OPA's expressions see it. A format without a name here always holds.

use std::net::IpAddr;

use super::super::{BuiltinError, Session, go_regex, time_layout};
use super::{unsupported, uris};

type Holds = Result<bool, BuiltinError>;

/// Whether text has a format.
pub(super) fn holds(session: &mut Session<'_>, format: &str, text: &str) -> Holds {
    Ok(match format {
        "date" => is_time(text, &["2006-01-02"]),
        "time" => is_time(text, &["15:04:05Z07:00", "15:04:05"]),
        "date-time" => is_time(
            text,
            &[
                "15:04:05",
                "15:04:05Z07:00",
                "2006-01-02",
                "2006-01-02T15:04:05Z07:00",
            ],
        ),
        "hostname" => is_hostname(text),
        "email" | "idn-email" => return is_email(text),
        // An address of version 6 may end in one of version 4.
        "ipv4" => text.contains('.') && text.parse::<IpAddr>().is_ok(),
        "ipv6" => text.contains(':') && text.parse::<IpAddr>().is_ok(),
        "uri" | "iri" => {
            let parsed = uris::parse(text)?;
            parsed.is_some_and(|url| !url.scheme.is_empty()) && !text.contains('\\')
        }
        "uri-reference" | "iri-reference" => uris::parse(text)?.is_some() && !text.contains('\\'),
        "uri-template" => match uris::parse(text)? {
            Some(url) => !text.contains('\\') && is_template(url.path),
            None => false,
        },
        "uuid" => is_uuid(text),
        "regex" => return is_regex(session, text),
        "json-pointer" => is_pointer(text),
        "relative-json-pointer" => is_relative_pointer(text),
        _ => true,
    })
}

fn is_time(text: &str, layouts: &[&str]) -> bool {
    layouts
        .iter()
        .filter_map(|layout| time_layout::parse(layout, text).ok())
        .any(|time| jiff::civil::Date::new(time.year, time.month, time.day).is_ok())
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() < 256 && text.split('.').all(is_label)
}

/// Addresses without names, quotes and comments; those are not judged.
fn is_email(text: &str) -> Holds {
    if !text.contains('@') {
        return Ok(false);
    }
    let is_atom = |part: &str| {
        let of_atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        part.split('.')
            .all(|word| !word.is_empty() && word.bytes().all(of_atom))
    };
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"()<>[]:;,\\".contains(&b);
    match text.split_once('@') {
        Some((local, domain)) if text.bytes().all(plain) && !domain.contains('@') => {
            Ok(is_atom(local) && is_atom(domain))
        }
        _ => Err(unsupported("an email address of this form")),
    }
}

fn is_template(path: &str) -> bool {
    let mut rest = path;
    while let Some((_, behind)) = rest.split_once('{') {
        match behind.split_once('}') {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_regex(session: &mut Session<'_>, text: &str) -> Holds {
    let compiled = go_regex(text).and_then(|translated| session.pattern(&translated));
    match compiled {
        Ok(_) => Ok(true),
        Err(BuiltinError::Failed(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

/// RFC 6901
fn is_pointer(text: &str) -> bool {
    let is_token = |token: &str| {
        token
            .split('~')
            .skip(1)
            .all(|behind| behind.starts_with(['0', '1']))
    };
    match text.strip_prefix('/') {
        Some(tokens) => tokens.split('/').all(is_token),
        None => text.is_empty(),
    }
}

fn is_relative_pointer(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let Some((up, rest)) = text.split_at_checked(end) else {
        return false;
    };
    let is_number = up == "0" || (!up.is_empty() && !up.starts_with('0'));
    is_number && (rest == "#" || is_pointer(rest))
}
