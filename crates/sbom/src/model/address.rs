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

/// Of those, the ones that name a version of a repository.
const REFS: [&str; 5] = ["branch", "commit", "ref", "rev", "tag"];

/// What fragments name: what is taken of an archive or repository, and its digest. Of yarn's, what stands behind `::`.
const FRAGMENT: [&str; 15] = [
    "blake2b",
    "commit",
    "egg",
    "hash",
    "head",
    "md5",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "subdirectory",
    "tag",
    "version",
    "workspace",
];

/// Letters and digits in a row that a ref may have. What has more, and is no commit, is rather a token.
const RUN: usize = 24;

const SLASHES: [char; 2] = ['/', '\\'];

/// A text whose addresses (`scheme://...`, `//user@...`) have neither user nor password, and of their queries and fragments only what says what is fetched.
/// Backslashes count as slashes. The login name `git`, which says no more than the protocol, stays without a password.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(SLASHES) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SLASHES) {
        let (before, behind) = rest.split_at(at);
        let (marks, behind) = behind.split_at(behind.find(|c| !SLASHES.contains(&c)).unwrap_or(behind.len()));
        out.push_str(before);
        out.push_str(marks);
        rest = behind;
        let Some(scheme) = scheme(before).filter(|_| marks.len() > 1) else {
            continue;
        };
        // A path on this machine.
        if marks.len() > 2 && scheme == "file" {
            continue;
        }
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
        let (address, after) = behind.split_at(behind.find(is_end).unwrap_or(behind.len()));
        let login = cut(address, '@').0;
        // Without a scheme it may be a comment or a share.
        if !scheme.is_empty() || !(login.is_empty() || login.len() == address.len()) {
            out.push_str(&cleaned(scheme, address));
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The scheme at the end of what stands before two slashes; empty where there is none, nothing where they are within a path.
fn scheme(before: &str) -> Option<&str> {
    let Some(before) = before.strip_suffix(':') else {
        let is_free = |c: char| c.is_whitespace() || "\"'`<>(,;=".contains(c);
        return before.chars().next_back().is_none_or(is_free).then_some("");
    };
    let is_in = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let start = before.trim_end_matches(is_in).len();
    Some(
        before
            .get(start..)
            .filter(|scheme| !scheme.is_empty())
            .unwrap_or("?"),
    )
}

/// What stands behind the slashes.
fn cleaned(scheme: &str, address: &str) -> String {
    let (before, fragment) = cut(address, '#');
    let (path, query) = cut(before, '?');
    let authority_ends = path.find(SLASHES).unwrap_or(path.len());
    let (authority, behind) = path.split_at(authority_ends);
    // A password with a slash, a question mark or a number sign in it, which is none in an address but in many a file.
    let is_cut = behind.is_empty() && authority.contains(':') && (query.is_some() || fragment.is_some());
    if !authority.contains('@') && (!is_host(authority) || (is_cut && address.contains('@'))) {
        let host = address.rsplit_once('@').map_or("", |(_, host)| host);
        return cleaned(scheme, cut(host, '?').0);
    }
    if authority.contains(['@', ':'])
        && let Some(host) = behind_login(scheme, behind)
    {
        return cleaned(
            scheme,
            address
                .get(authority_ends.saturating_add(host)..)
                .unwrap_or_default(),
        );
    }
    let mut out = match authority.rsplit_once('@') {
        Some(("git", host)) => format!("git@{host}"),
        Some((_, host)) => host.to_owned(),
        None => authority.to_owned(),
    };
    out.push_str(&plain(behind));
    let kept = |text: &str, keep: fn(&str) -> bool| {
        let parts = text.split(['&', ';']).filter_map(|part| match keep(part) {
            true => Some(part.to_owned()),
            false => commit(cut(part, '=').1?).map(|commit| format!("@{commit}")),
        });
        parts.collect::<Vec<_>>().join("&")
    };
    let query = query.map(|text| kept(text, in_query));
    let fragment = fragment.map(|text| kept(text, in_fragment));
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

/// Where the host begins in a path behind a login, if the path has the end of its password. An `@` there is none's end before a scope (`/@scope/name`) and
/// before a version.
fn behind_login(scheme: &str, path: &str) -> Option<usize> {
    let ends = |at: usize| {
        let before = path.get(..at).unwrap_or_default();
        let behind = path.get(at.saturating_add(1)..).unwrap_or_default();
        let digit = |c: char| c.is_ascii_digit();
        let version = behind.trim_start_matches('v').starts_with(digit) && !behind.contains(SLASHES);
        let branch = scheme.contains('+') && !behind.contains(SLASHES) && !behind.contains(['.', ':']);
        !(before.ends_with(SLASHES) || before.ends_with(".git") || ((version || branch) && is_ref(behind)))
    };
    let mut found = path.match_indices('@').map(|(at, _)| at);
    found.rfind(|at| ends(*at)).map(|at| at.saturating_add(1))
}

fn in_query(part: &str) -> bool {
    let (name, value) = cut(part, '=');
    let name = name.to_ascii_lowercase();
    PLAIN.contains(&name.as_str()) && (!REFS.contains(&name.as_str()) || value.is_none_or(is_ref))
}

fn in_fragment(part: &str) -> bool {
    if let Some(range) = part.strip_prefix("semver:") {
        return range.len() <= RUN
            && range
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "^~<>=*|.+-%".contains(c));
    }
    if let Some(path) = part.strip_prefix("path:") {
        return !path.contains(':');
    }
    let Some((name, value)) = part.split_once('=') else {
        return part.len() <= 128 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    };
    let name = name.rsplit("::").next().unwrap_or_default().to_ascii_lowercase();
    let is_ref_name = REFS.contains(&name.as_str()) || name == "head" || name == "version";
    FRAGMENT.contains(&name.as_str()) && (!is_ref_name || is_ref(value))
}

/// Whether a text looks like a branch, a tag or a commit, and not like a token.
fn is_ref(text: &str) -> bool {
    let is_run = |run: &str| {
        let is_digit: Vec<bool> = run.chars().map(|c| c.is_ascii_digit()).collect();
        let changes = is_digit
            .windows(2)
            .filter(|pair| pair.first() != pair.last())
            .count();
        let is_hex = run.len() >= 7 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex || (run.len() <= RUN && changes <= 2)
    };
    let is_mark = |c: char| "._-/+@%~".contains(c);
    text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || is_mark(c))
        && text.split(is_mark).all(is_run)
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
            (
                "https://host/a#pass=s3cret&pwd=s3cret&jwt=s3cret&subdirectory=x",
                "https://host/a#subdirectory=x",
            ),
            ("https://host/a#s3cret", "https://host/a"),
            ("git+https://host/a#semver:^1.2", "git+https://host/a#semver:^1.2"),
            ("git+https://host/a#semver:s3cret_and_more", "git+https://host/a"),
            (
                "https://host/a#~/.yarn/patches/a.patch::version=1.0.0&hash=0123ab",
                "https://host/a#~/.yarn/patches/a.patch::version=1.0.0&hash=0123ab",
            ),
            (
                "https://host/a#0123ab&path:packages/x",
                "https://host/a#0123ab&path:packages/x",
            ),
            ("//u:s3cret@host/a", "//host/a"),
            ("from //s3cret@host/a", "from //host/a"),
            ("a//b@1/c //@ts-ignore", "a//b@1/c //@ts-ignore"),
            (r"https:\\u:s3cret@host\a", r"https:\\host\a"),
            (r"https:/\u:s3cret@host\a", r"https:/\host\a"),
            ("https:///u:s3cret@host/a", "https:///host/a"),
            ("https://u:s3@cret/s3cret@host/a", "https://host/a"),
            ("https://u:1234/s3cret@host/a", "https://host/a"),
            ("https://u:1234?s3cret@host/a", "https://host/a"),
            (
                "https://s3cret@host/@scope/a/-/a.tgz",
                "https://host/@scope/a/-/a.tgz",
            ),
            (
                "git+https://s3cret@host/a.git@feature/x",
                "git+https://host/a.git@feature/x",
            ),
            ("git+https://s3cret@host/a@v1.0", "git+https://host/a@v1.0"),
            ("git+https://s3cret@host/a@main", "git+https://host/a@main"),
            ("git+ssh://s3cret@host/x.git", "git+ssh://host/x.git"),
            ("file:///home/a@b/c", "file:///home/a@b/c"),
            ("https://host/a?ref=ghp_aB3dE5fG7hI9", "https://host/a"),
            ("https://host/a?ref=abcdefghijklmnopqrstuvwxyz", "https://host/a"),
            (
                "https://host/a?ref=release/v1.2-rc1&branch=feature/x",
                "https://host/a?ref=release/v1.2-rc1&branch=feature/x",
            ),
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
        // With an `@` and a question mark in it, nobody can tell where it ends.
        fn no_password_stays(user in "[a-y]{0,6}", password in "[A-Z0-9+/#?=&;%_-]{8,20}|[A-Z0-9+=&;@%_/-]{8,20}", behind in "[a-y/]{0,9}") {
            let secret = format!("zz{password}zz");
            let shown = plain(&format!("https://{user}:{secret}@host.example/{behind}")).into_owned();
            prop_assert!(!shown.contains("zz"), "{}", shown);
            prop_assert!(shown.contains("host.example/"), "{}", shown);
            let shown = plain(&format!("https://host.example/{behind}?{user}x={secret}")).into_owned();
            // Behind a `#` begins something else, which is no query's any more.
            prop_assert!(!shown.contains("zz") || password.contains('#'), "{}", shown);
            for start in ["//", r"https:\\", "git+ssh://"] {
                let shown = plain(&format!("{start}{secret}@host.example/{behind}")).into_owned();
                prop_assert!(!shown.contains("zz") || password.contains(['#', '?', '/']), "{}", shown);
            }
        }

        #[test]
        fn it_is_done_once(text in r"[a-z0-9:/\\@?#&= .]{0,40}") {
            let once = plain(&text).into_owned();
            prop_assert_eq!(plain(&once).into_owned(), once);
        }
    }
}
