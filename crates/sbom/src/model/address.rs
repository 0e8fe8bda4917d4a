//! Addresses without what only their writer may know: lock files keep the credentials of private registries, and what is made of them is passed on.

use std::borrow::Cow;

/// Parameters of queries that name what is fetched. All others may be tokens, and nobody lists the names that those have.
const PLAIN: [&str; 14] = [
    "arch",
    "branch",
    "checksum",
    "commit",
    "editable",
    "egg",
    "path",
    "protocol",
    "ref",
    "rev",
    "subdirectory",
    "tag",
    "type",
    "version",
];

/// Parts of the names that secrets have behind a `#`, where digests and names stand otherwise.
const SECRET: [&str; 7] = ["auth", "credential", "key", "passw", "secret", "sig", "token"];

/// A text whose addresses (`scheme://...`) have neither user nor password, and of their queries only what says what is fetched. A login name without a password
/// stays where it says no more than the protocol: with ssh, and `git`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let (address, after) = behind.split_at(behind.find(is_end).unwrap_or(behind.len()));
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        out.push_str(&cleaned(scheme.unwrap_or_default(), address));
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What stands behind `://`.
fn cleaned(scheme: &str, address: &str) -> String {
    let (before, fragment) = cut(address, '#');
    let (path, query) = cut(before, '?');
    let authority_ends = path.find(['/', '\\']).unwrap_or(path.len());
    let (authority, behind) = path.split_at(authority_ends);
    let mut out = match authority.rsplit_once('@') {
        Some((user, host)) if user == "git" || (scheme == "ssh" && !user.contains(':')) => {
            format!("{user}@{host}")
        }
        Some((_, host)) => host.to_owned(),
        None => authority.to_owned(),
    };
    // A password with a slash, a question mark or a number sign in it, which is none in an address but in many a file.
    if !authority.contains('@') && !is_host(authority) {
        let host = address.rsplit_once('@').map_or("", |(_, host)| host);
        return cut(host, '?').0.to_owned();
    }
    out.push_str(&plain(behind));
    let kept = |text: &str, keep: &dyn Fn(&str) -> bool| {
        let parts = text.split(['&', ';']).filter_map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match keep(&name.to_ascii_lowercase()) {
                true => Some(part.to_owned()),
                false => commit(value).map(|commit| format!("@{commit}")),
            }
        });
        parts.collect::<Vec<_>>().join("&")
    };
    let query = query.map(|text| kept(text, &|name| PLAIN.contains(&name)));
    let fragment = fragment.map(|text| kept(text, &|name| !SECRET.iter().any(|part| name.contains(part))));
    for (mark, text) in [('?', query), ('#', fragment)] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            if !text.starts_with('@') {
                out.push(mark);
            }
            out.push_str(&text);
        }
    }
    out
}

/// What stands before and behind the first of a character.
fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// Whether a text without `@` can be a host, with a port at most.
fn is_host(authority: &str) -> bool {
    if authority.starts_with('[') {
        return true;
    }
    let port = authority.split_once(':').map_or("", |(_, port)| port);
    port.chars().all(|c| c.is_ascii_digit())
}

/// The commit that readers of lock files put behind the last `@`.
fn commit(value: &str) -> Option<&str> {
    let (_, commit) = value.rsplit_once('@')?;
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then_some(commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credentials_go_and_the_rest_stays() {
        for (given, expected) in [
            ("https://user:s3cret@host/x.git#abc", "https://host/x.git#abc"),
            ("https://s3cret@host:8443/x", "https://host:8443/x"),
            (
                "git+https://s3cret:x-oauth-basic@host/x?rev=1@0123abc",
                "git+https://host/x?rev=1@0123abc",
            ),
            ("git+ssh://git@host/x.git", "git+ssh://git@host/x.git"),
            ("git+https://git@host/x.git", "git+https://git@host/x.git"),
            ("ssh://git:s3cret@host/x", "ssh://host/x"),
            (
                "https://host/a?X-Amz-Signature=s3cret&rev=2&access_token=s3cret",
                "https://host/a?rev=2",
            ),
            ("https://host/a?token=s3cret@0123abc", "https://host/a@0123abc"),
            ("https://host/a?s3cret", "https://host/a"),
            ("https://host/a#egg=a&auth_token=s3cret", "https://host/a#egg=a"),
            ("https://host/a#sha256=abc", "https://host/a#sha256=abc"),
            ("https://user:s3/cret@host/a", "https://host/a"),
            ("https://user:s3#cret@host/a", "https://host/a"),
            ("https://[::1]:80/a", "https://[::1]:80/a"),
            (
                "from \"https://u:s3cret@a/\", https://s3cret@b/ c@d",
                "from \"https://a/\", https://b/ c@d",
            ),
            (
                "https://proxy/https://u:s3cret@host/",
                "https://proxy/https://host/",
            ),
            ("a@1.0.0", "a@1.0.0"),
        ] {
            assert_eq!(plain(given), expected, "{given}");
        }
    }

    proptest! {
        #[test]
        // With an `@` and a slash in it, nobody can tell where it ends.
        fn no_password_stays(user in "[a-z]{0,6}", password in "[A-Z0-9+/#?=&;%_-]{8,20}|[A-Z0-9+=&;@%_-]{8,20}", behind in "[a-z/]{0,9}") {
            let secret = format!("zz{password}zz");
            let shown = plain(&format!("https://{user}:{secret}@host.example/{behind}")).into_owned();
            prop_assert!(!shown.contains("zz"), "{}", shown);
            prop_assert!(shown.contains("host.example/"), "{}", shown);
            let shown = plain(&format!("https://host.example/{behind}?{user}x={secret}")).into_owned();
            // Behind a `#` begins something else, which is no query's any more.
            prop_assert!(!shown.contains("zz") || password.contains('#'), "{}", shown);
        }

        #[test]
        fn it_is_done_once(text in "[a-z:/@?#&= .]{0,40}") {
            let once = plain(&text).into_owned();
            prop_assert_eq!(plain(&once).into_owned(), once);
        }
    }
}
