//! URLs as Go takes them apart: what is written stays as it is written, where the `url` crate normalises.

use super::{BuiltinError, failed};

/// The parts of a URL, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Url<'a> {
    /// `http`, or nothing.
    pub(super) scheme: &'a str,
    /// What follows the scheme if no slash does: `mailto:` and such.
    pub(super) opaque: &'a str,
    /// Name and password.
    pub(super) user: Option<&'a str>,
    /// There is a host, if an empty one.
    pub(super) has_authority: bool,
    /// With the port.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    /// There is a `?` and nothing behind it.
    pub(super) bare_query: bool,
    pub(super) fragment: &'a str,
}

/// The scheme, if the text starts with one, and the rest.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then_some((scheme, rest))
}

/// Decodes `%41`; nothing if a `%` is not followed by two hexadecimal digits.
pub(super) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.extend(hex::decode(digits).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

/// Whether a path may contain the byte in any case.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte)
}

/// Escapes what a path must not contain.
fn escape(path: &[u8]) -> String {
    let mut out = String::new();
    for byte in path {
        if is_plain(*byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl<'a> Url<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, BuiltinError> {
        let bad = |why: &str| failed(format!("parse {text:?}: {why}"));
        if text.chars().any(|c| c.is_ascii_control()) {
            return Err(bad("invalid control character in URL"));
        }
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (scheme, rest) = match scheme(rest) {
            Some(parts) => parts,
            None if rest.starts_with(':') => return Err(bad("missing protocol scheme")),
            None => ("", rest),
        };
        let (rest, query) = rest
            .split_once('?')
            .map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let mut url = Self {
            scheme,
            query: query.unwrap_or_default(),
            bare_query: query == Some(""),
            fragment,
            ..Self::default()
        };
        if !scheme.is_empty() && !rest.starts_with('/') {
            url.opaque = rest;
            return Ok(url);
        }
        url.path = rest;
        if let Some(rest) = rest
            .strip_prefix("//")
            .filter(|_| !scheme.is_empty() || !rest.starts_with("///"))
        {
            let slash = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(slash).unwrap_or((rest, ""));
            (url.path, url.has_authority) = (path, true);
            (url.user, url.host) = match authority.rsplit_once('@') {
                Some((user, host)) => (Some(user), host),
                None => (None, authority),
            };
        }
        match unescape(url.path) {
            Some(_) => Ok(url),
            None => Err(bad("invalid URL escape")),
        }
    }

    /// Whether the path starts with a slash right behind the scheme.
    pub(super) fn omits_host(&self) -> bool {
        !self.scheme.is_empty() && !self.has_authority && self.path.starts_with('/')
    }

    /// The path as it is written, if that is not how it would be written.
    pub(super) fn raw_path(&self) -> &'a str {
        if unescape(self.path).is_some_and(|path| escape(&path) == self.path) {
            ""
        } else {
            self.path
        }
    }

    /// The whole URL.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme.to_ascii_lowercase());
            text.push(':');
        }
        if self.has_authority {
            text.push_str("//");
            if let Some(user) = self.user {
                text.push_str(user);
                text.push('@');
            }
            text.push_str(self.host);
        }
        text.push_str(self.opaque);
        text.push_str(&self.escaped_path());
        if self.bare_query || !self.query.is_empty() {
            text.push('?');
            text.push_str(self.query);
        }
        if !self.fragment.is_empty() {
            text.push('#');
            text.push_str(self.fragment);
        }
        text
    }

    /// The path as a request writes it: as it is, unless something in it must be escaped.
    pub(super) fn escaped_path(&self) -> String {
        let allowed = |byte: u8| is_plain(byte) || b"%!'()*[]".contains(&byte);
        if self.path.bytes().all(allowed) {
            return self.path.to_owned();
        }
        escape(&unescape(self.path).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_as_written() {
        let url = Url::parse("https://me:pw@example.com:8443/a%2Fb/c?x=1&y#top").unwrap();
        let want = Url {
            scheme: "https",
            opaque: "",
            user: Some("me:pw"),
            has_authority: true,
            host: "example.com:8443",
            path: "/a%2Fb/c",
            query: "x=1&y",
            bare_query: false,
            fragment: "top",
        };
        assert_eq!(url, want);
        assert_eq!(url.text(), "https://me:pw@example.com:8443/a%2Fb/c?x=1&y#top");
        assert_eq!(
            (url.raw_path(), Url::parse("spiffe://a/b").unwrap().raw_path()),
            ("/a%2Fb/c", "")
        );
        assert!(Url::parse("file:/etc").unwrap().omits_host() && !url.omits_host());
        assert_eq!(Url::parse("http://example.com").unwrap().path, "");
        assert_eq!(Url::parse("example.com/x?").unwrap().path, "example.com/x");
        assert_eq!(Url::parse("mailto:a@b").unwrap().opaque, "a@b");
        assert!(
            Url::parse("http://a/%zz").is_err()
                && Url::parse("http://a/\n").is_err()
                && Url::parse(":a").is_err()
        );
    }

    #[test]
    fn paths_are_escaped_where_needed() {
        let path = |text| Url::parse(text).unwrap().escaped_path();
        assert_eq!(path("http://a/b%2fc(d)!"), "/b%2fc(d)!");
        assert_eq!(path("http://a/b c/é"), "/b%20c/%C3%A9");
        assert_eq!(path("http://a/b c/%2f!"), "/b%20c//%21");
    }
}
