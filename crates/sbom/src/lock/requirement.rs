//! One line of a requirements file: a name with a range, or an address.
//!
//! Sources: <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>,
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/> (PEP 427, wheels' file names),
//! <https://pip.pypa.io/en/stable/topics/vcs-support/>.

use super::python::{name_of, normal};

/// Options that pip takes behind a requirement.
const OPTIONS: [&str; 4] = [
    "--hash",
    "--config-setting",
    "--global-option",
    "--install-option",
];
/// Endings of the files that pip installs from.
const ARCHIVES: [&str; 6] = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"];
/// Longer ones before those that they begin with.
const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

/// What a requirement asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted<'t> {
    /// A package by its range, without spaces; an empty one is met by every version.
    Range { name: &'t str, range: String },
    /// A package by an address or path, with name and version if those say them.
    Address {
        name: Option<&'t str>,
        version: Option<String>,
        address: &'t str,
    },
    /// A directory of the project's own.
    Own,
}

/// A line's requirement, and the options behind it.
pub(super) fn split_options(text: &str) -> (&str, &str) {
    let is_option = |at: &usize| {
        let rest = text.get(*at..).unwrap_or_default();
        OPTIONS.iter().any(|option| rest.starts_with(option))
            && text
                .get(..*at)
                .is_some_and(|before| before.ends_with(char::is_whitespace))
    };
    let at = text.match_indices("--").map(|(at, _)| at).find(is_option);
    let (requirement, options) = text.split_at(at.unwrap_or(text.len()));
    (requirement.trim(), options)
}

/// Reads a requirement without its options; else says why it is none.
pub(super) fn parse(text: &str) -> Result<Wanted<'_>, String> {
    let first = text.split_whitespace().next().unwrap_or_default();
    let head = text
        .split(|c: char| c.is_whitespace() || "@;=<>!~[(".contains(c))
        .next()
        .unwrap_or_default();
    if head.contains('/') || head.starts_with('.') || is_archive(first) {
        return direct(text);
    }
    let name = name_of(text);
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !is_end(name.chars().next()) || !is_end(name.chars().next_back()) {
        return Err("is no requirement: it does not begin with a package's name".to_owned());
    }
    let unexpected = || {
        format!(
            "is no requirement: behind {name:?} only extras, versions, \"@\" with an address, or \";\" with a marker may stand"
        )
    };
    let rest = text.get(name.len()..).unwrap_or_default();
    let rest = without_extras(rest.trim_start()).ok_or_else(unexpected)?;
    if let Some(rest) = rest.strip_prefix('@') {
        let (address, rest) = word(rest.trim_start());
        let is_address = address.contains(':') || address.starts_with("${");
        if !is_address || !is_marker(rest) {
            return Err(unexpected());
        }
        let version = wheel(address).filter(|(own, _)| normal(own) == normal(name));
        return Ok(Wanted::Address {
            name: Some(name),
            version: version.map(|(_, version)| version),
            address,
        });
    }
    let (range, marker) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    let range = range.trim();
    let plain = range.strip_prefix('(').and_then(|range| range.strip_suffix(')'));
    let range = plain.unwrap_or(range).trim();
    if !is_marker(marker) || !is_range(range) {
        return Err(unexpected());
    }
    let range = range.chars().filter(|c| !c.is_whitespace()).collect();
    Ok(Wanted::Range { name, range })
}

/// An address or a path without a name before it.
fn direct(text: &str) -> Result<Wanted<'_>, String> {
    let (address, rest) = word(text);
    let is_own = text.starts_with(['.', '/']) || text.starts_with("file:");
    let egg = fragments(address).find_map(|part| part.strip_prefix("egg="));
    let egg = egg.map(name_of).filter(|name| !name.is_empty());
    if is_own && !is_archive(address) {
        return Ok(Wanted::Own);
    }
    if !is_marker(rest) {
        return Err(format!(
            "is no requirement: behind {address:?} only \";\" with a marker may stand"
        ));
    }
    let wheel = wheel(address);
    let name = egg.or(wheel.as_ref().map(|(name, _)| *name));
    let version = wheel.map(|(_, version)| version);
    Ok(Wanted::Address {
        name,
        version,
        address,
    })
}

/// The first word, without the semicolon of a marker, and what follows.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    match word.strip_suffix(';') {
        Some(word) => (word, text.get(word.len()..).unwrap_or_default()),
        None => (word, rest),
    }
}

/// What stands behind `[extra, other]`; none if the brackets hold something else.
fn without_extras(text: &str) -> Option<&str> {
    let Some(text) = text.strip_prefix('[') else {
        return Some(text);
    };
    let (extras, rest) = text.split_once(']')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "-_.,".contains(c);
    extras.chars().all(fits).then(|| rest.trim_start())
}

/// Nothing, or a semicolon with a comparison, in which at least one side is quoted.
fn is_marker(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with(';') && text.contains(['"', '\''])
}

fn is_range(range: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.*+!".contains(c);
    let is_clause = |clause: &str| {
        let clause = clause.trim();
        let version = OPERATORS
            .iter()
            .find_map(|operator| clause.strip_prefix(operator));
        version.map(str::trim).is_some_and(|version| {
            // Behind `===` stands any text.
            let is_text = clause.starts_with("===") && !version.contains(char::is_whitespace);
            !version.is_empty() && (is_text || version.chars().all(fits))
        })
    };
    range.is_empty() || range.trim_end_matches(',').split(',').all(is_clause)
}

/// The parts behind an address's `#`.
pub(super) fn fragments(address: &str) -> impl Iterator<Item = &str> {
    let fragment = address.split_once('#').map_or("", |(_, fragment)| fragment);
    fragment.split('&').filter(|part| !part.is_empty())
}

/// The last part of an address's or a path's own path, without extras.
pub(super) fn file_name(address: &str) -> &str {
    let path = address.split(['#', '?', '[']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

fn is_archive(address: &str) -> bool {
    let name = file_name(address);
    ARCHIVES.iter().any(|ending| name.ends_with(ending))
}

/// Name and version of a wheel by `name-version[-build]-python-abi-platform.whl`.
fn wheel(address: &str) -> Option<(&str, String)> {
    let stem = file_name(address).strip_suffix(".whl")?;
    let parts: Vec<&str> = stem.split('-').collect();
    let ([name, version, _, _, _] | [name, version, _, _, _, _]) = parts.as_slice() else {
        return None;
    };
    let version = version
        .replace("%2B", "+")
        .replace("%2b", "+")
        .replace("%21", "!");
    (!name.is_empty() && !version.is_empty()).then_some((*name, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address<'t>(name: Option<&'t str>, version: Option<&str>, address: &'t str) -> Wanted<'t> {
        Wanted::Address {
            name,
            version: version.map(str::to_owned),
            address,
        }
    }

    #[test]
    fn addresses_tell_names_or_none() {
        let wheel = "https://x.example/torch-1.13.1%2Bcpu-cp310-cp310-linux_x86_64.whl";
        for (text, name, version) in [
            (
                "git+https://github.com/psf/black@22.1.0#egg=black",
                Some("black"),
                None,
            ),
            (
                "git+ssh://git@h.example/x.git@v1#egg=x[a]&subdirectory=y",
                Some("x"),
                None,
            ),
            ("git+https://github.com/psf/black", None, None),
            (wheel, Some("torch"), Some("1.13.1+cpu")),
            ("https://x.example/pkg-1.0.tar.gz", None, None),
            ("https://x.example/pkg-1.0.whl", None, None),
            ("vendor/foo-1.0-1-py3-none-any.whl", Some("foo"), Some("1.0")),
            ("./foo-1.0-py3-none-any.whl", Some("foo"), Some("1.0")),
            ("foo-1.0-py3-none-any.whl", Some("foo"), Some("1.0")),
            ("vendor/foo", None, None),
        ] {
            assert_eq!(parse(text), Ok(address(name, version, text)), "{text}");
        }
        for text in [
            format!("{wheel} ; os_name == 'x'"),
            format!("{wheel}; os_name == 'x'"),
        ] {
            assert_eq!(
                parse(&text),
                Ok(address(Some("torch"), Some("1.13.1+cpu"), wheel))
            );
        }
        for text in ["./own", "/srv/own dir", "../own[x]", ".", "file:./own#egg=own"] {
            assert_eq!(parse(text), Ok(Wanted::Own), "{text}");
        }
        let named = "e[x] @ https://h.example/e-1.0-py3-none-any.whl ; python_version > '3'";
        let expected = address(Some("e"), Some("1.0"), "https://h.example/e-1.0-py3-none-any.whl");
        assert_eq!(parse(named), Ok(expected));
    }

    #[test]
    fn ranges_and_what_is_none() {
        for (text, name, range) in [
            ("a", "a", ""),
            ("A_b [x, y] == 1.0", "A_b", "==1.0"),
            ("a (>=1, <2)", "a", ">=1,<2"),
            ("a>=1,!=1.5.*; python_version < \"3\"", "a", ">=1,!=1.5.*"),
            ("a===1.0/x", "a", "===1.0/x"),
        ] {
            let range = range.to_owned();
            assert_eq!(parse(text), Ok(Wanted::Range { name, range }), "{text}");
        }
        for text in [
            "Docker and a shell",
            "Python >= 3.8 is needed",
            "Note: x",
            "1. install",
            "*bad*",
            "read/write access",
            "mail us @ home",
            "us @ home",
            "a [see below] b",
            "a; or b",
            "a = 1",
            "a ==",
            "Ümlaut",
        ] {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn options_begin_with_their_names() {
        assert_eq!(split_options("a==1 --hash=sha256:0"), ("a==1", "--hash=sha256:0"));
        assert_eq!(split_options("a\t--hash=x"), ("a", "--hash=x"));
        assert_eq!(split_options("a -- b"), ("a -- b", ""));
    }

    proptest! {
        /// Whatever a line says, a name is never part of an address.
        #[test]
        fn names_have_no_marks_of_addresses(text in "[a-z0-9 @/:;#=.+\\[\\]~<>'(),-]{0,40}") {
            if let Ok(Wanted::Range { name, .. } | Wanted::Address { name: Some(name), .. }) = parse(&text) {
                prop_assert!(!name.contains(['/', ':', '@', '#', '+', ' ']), "{name:?}");
            }
        }
    }
}
