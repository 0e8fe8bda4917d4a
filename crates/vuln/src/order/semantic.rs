//! Semantic Versioning, with what registries let pass: a `v` or `=` in front, and missing parts.

use super::digits::{digits, span};
use semver::{BuildMetadata, Version};

/// Build metadata is no part of the order and is left out.
pub(super) fn parse(text: &str) -> Option<Version> {
    let plain = text.trim_start_matches(['v', 'V', '=']).trim_start();
    let strict = Version::parse(plain).ok();
    let mut version = strict.or_else(|| Version::parse(&completed(plain)?).ok())?;
    version.build = BuildMetadata::EMPTY;
    Some(version)
}

/// `1.2-rc.1` as `1.2.0-rc.1`. Go's own `1.21rc2` is `1.21.0-rc2`.
fn completed(text: &str) -> Option<String> {
    let (numbers, rest) = span(text, |c| c.is_ascii_digit() || c == '.');
    let mut parts: Vec<&str> = numbers.trim_end_matches('.').split('.').collect();
    if parts.len() > 3 || parts.iter().any(|part| digits(part).0.is_empty()) {
        return None;
    }
    parts.resize(3, "0");
    let plain: Vec<&str> = parts.into_iter().map(without_zeros).collect();
    let dash = if rest.is_empty() || rest.starts_with(['-', '+']) {
        ""
    } else {
        "-"
    };
    Some(format!("{}{dash}{rest}", plain.join(".")))
}

/// `007` as `7`.
fn without_zeros(part: &str) -> &str {
    match part.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    }
}
