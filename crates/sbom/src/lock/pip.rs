//! `requirements.txt` and `Pipfile.lock`.
//!
//! Sources: <https://pip.pypa.io/en/stable/reference/requirements-file-format/>,
//! <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>, <https://github.com/pypa/pipfile>.

use super::draft::Draft;
use super::json::{self, Members};
use super::requirement::{self, Wanted};
use super::{Failure, File, LockKind};
use crate::model::{Component, Ecosystem, Hash, Invalid, Scope};
use serde::Deserialize;

pub(super) fn requirements(file: &File<'_>) -> Result<Draft, Failure> {
    let mut draft = Draft::default();
    for (line, text) in logical_lines(file.text) {
        if text.starts_with('-') {
            option(file, line, &text, &mut draft);
        } else {
            requirement(file, line, &text, &mut draft);
        }
    }
    Ok(draft)
}

/// Lines with their continuations and without comments, each with the number of its first.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let (first, mut whole) = open.take().unwrap_or((number, String::new()));
        // A line that is all comment ends what goes on, whatever stands at its end.
        let is_comment = line.trim_start().starts_with('#');
        match line.trim_end().strip_suffix('\\').filter(|_| !is_comment) {
            Some(part) => {
                whole.push_str(part);
                whole.push(' ');
                open = Some((first, whole));
            }
            None => {
                whole.push_str(line);
                lines.push((first, whole));
            }
        }
    }
    lines.extend(open);
    let plain = lines
        .into_iter()
        .map(|(line, text)| (line, without_comment(&text).trim().to_owned()));
    plain.filter(|(_, text)| !text.is_empty()).collect()
}

/// A comment begins at a `#` behind a space; others belong to an address.
fn without_comment(text: &str) -> &str {
    let mut marks = text.match_indices('#').map(|(at, _)| text.split_at(at).0);
    marks
        .find(|before| before.is_empty() || before.ends_with(char::is_whitespace))
        .unwrap_or(text)
}

fn option(file: &File<'_>, line: u32, text: &str, draft: &mut Draft) {
    let (name, value) = text.split_once([' ', '=']).unwrap_or((text, ""));
    let value = value.trim();
    let includes = ["-r", "--requirement", "-c", "--constraint"].contains(&name);
    let read_anyway =
        super::path_beside(file.path, value).is_some_and(|path| LockKind::of_path(&path).is_some());
    if includes && !read_anyway {
        draft.incomplete(
            line,
            format!("{value} is not read: its name is not one of a requirements file's; name it as PATH too"),
        );
    }
    if ["-e", "--editable"].contains(&name) && value.contains("://") {
        requirement(file, line, value, draft);
    }
}

fn requirement(file: &File<'_>, line: u32, text: &str, draft: &mut Draft) {
    let (text, options) = requirement::split_options(text);
    let (component, address) = match requirement::parse(text) {
        Ok(Wanted::Own) => return,
        Err(message) => return draft.problem(line, message),
        Ok(Wanted::Address {
            name: None, address, ..
        }) => {
            return draft.incomplete(
                line,
                format!("{address} is left out: neither #egg= nor the file name of a wheel tells its name"),
            );
        }
        Ok(Wanted::Range { name, range }) => (ranged(name, &range), ""),
        Ok(Wanted::Address {
            name: Some(name),
            version,
            address,
        }) => {
            let place = [place(address)];
            let component = Component::qualified(Ecosystem::PyPi, None, name, version.as_deref(), &place);
            (component, address)
        }
    };
    let component = component.map(|component| component.found_at(file.at(line)));
    let Some(node) = draft.try_add(line, component) else {
        return;
    };
    draft.direct(node, Scope::Required);
    let hashes = options
        .split_whitespace()
        .filter_map(|option| option.strip_prefix("--hash"));
    for hash in hashes {
        draft.hash(node, line, Hash::from_prefixed(hash.trim_start_matches('=')));
    }
    let digests = requirement::fragments(address).filter(|part| part.starts_with("sha"));
    for digest in digests {
        draft.hash(node, line, Hash::from_prefixed(&digest.replacen('=', ":", 1)));
    }
}

fn ranged(name: &str, range: &str) -> Result<Component, Invalid> {
    let pinned = range.strip_prefix("===").or_else(|| range.strip_prefix("=="));
    let pinned = pinned.filter(|version| !version.contains(['*', ',', '=', '<', '>', '!', '~']));
    let mut component = Component::new(Ecosystem::PyPi, name, pinned)?;
    if pinned.is_none() {
        component.requirement = Some(if range.is_empty() { "*" } else { range }.to_owned());
    }
    Ok(component)
}

/// The qualifier that says where a package comes from; of a path within the repository, the file's name.
fn place(address: &str) -> (&'static str, &str) {
    let systems = ["git+", "hg+", "svn+", "bzr+"];
    if systems.iter().any(|system| address.starts_with(system)) {
        ("vcs_url", address)
    } else if address.contains(':') {
        ("download_url", address)
    } else {
        ("file_name", requirement::file_name(address))
    }
}

#[derive(Deserialize)]
struct Pipfile<'t> {
    #[serde(borrow, default)]
    default: Members<'t>,
    #[serde(borrow, default)]
    develop: Members<'t>,
}

#[derive(Deserialize)]
struct Pinned {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    git: Option<String>,
    r#ref: Option<String>,
    path: Option<String>,
    file: Option<String>,
}

pub(super) fn pipfile(file: &File<'_>) -> Result<Draft, Failure> {
    let lock: Pipfile<'_> = json::document(file)?;
    let mut draft = Draft::default();
    for (members, scope) in [
        (lock.default, Scope::Required),
        (lock.develop, Scope::Development),
    ] {
        for (name, raw) in members {
            let (line, pinned) = json::value::<Pinned>(file, raw);
            match pinned {
                Ok(pinned) => add_pinned(file, line, &name, &pinned, scope, &mut draft),
                Err(message) => draft.problem(line, format!("{name:?} is {message}")),
            }
        }
    }
    Ok(draft)
}

fn add_pinned(file: &File<'_>, line: u32, name: &str, pinned: &Pinned, scope: Scope, draft: &mut Draft) {
    if pinned.path.is_some() {
        return;
    }
    let written = pinned.version.as_deref().unwrap_or_default();
    let version = written
        .strip_prefix("==")
        .filter(|version| !version.contains(['*', ',']));
    let git = pinned.git.as_ref().map(|git| {
        let scheme = if git.starts_with("git+") { "" } else { "git+" };
        format!("{scheme}{git}@{}", pinned.r#ref.as_deref().unwrap_or_default())
    });
    let qualifiers = [
        ("vcs_url", git.as_deref().unwrap_or_default()),
        ("download_url", pinned.file.as_deref().unwrap_or_default()),
    ];
    let component = Component::qualified(Ecosystem::PyPi, None, name, version, &qualifiers);
    let component = component.map(|component| component.found_at(file.at(line)));
    let Some(node) = draft.try_add(line, component) else {
        return;
    };
    for hash in &pinned.hashes {
        draft.hash(node, line, Hash::from_prefixed(hash));
    }
    if let Some(component) = draft.node_mut(node) {
        component.scope = scope;
        if version.is_none() && !written.is_empty() {
            component.requirement = Some(written.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, hashes, inventory, problems, purls};
    use crate::model::Scope;

    #[test]
    fn requirements_with_hashes_ranges_and_addresses() {
        let text = format!(
            "# pinned\n-i https://pypi.org/simple\nA_b[extra]==1.0 ; python_version > '3' \\\n    --hash=sha256:{0} \\\n    --hash=sha256:{1}\n\
             c>=2,<3  # a comment\nd\ne @ git+https://example.org/e@abc#egg=e\n./own\nf==1.*\n-r other.txt\n-r requirements-dev.txt\n",
            "ab".repeat(32),
            "cd".repeat(32)
        );
        let found = inventory(&[("requirements.txt", &text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:pypi/a-b@1.0",
                "pkg:pypi/c",
                "pkg:pypi/d",
                "pkg:pypi/e?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fe%40abc%23egg%3De",
                "pkg:pypi/f",
            ]
        );
        assert_eq!(hashes(&found, "a-b").len(), 2);
        let range = |name| component(&found, name).requirement.as_deref();
        assert_eq!(range("c"), Some(">=2,<3"));
        assert_eq!(range("d"), Some("*"));
        assert_eq!(range("e"), None);
        assert_eq!(range("f"), Some("==1.*"));
        assert_eq!(
            component(&found, "c").locations.iter().next().unwrap().line,
            Some(6)
        );
        let found = problems(&found);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("requirements.txt:11: other.txt is not read"),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_no_requirement_is_said_with_its_line() {
        let found = problems(&inventory(&[(
            "requirements/base.txt",
            "a==1\n\n*bad*\nb==1 --hash=sha256:00\n",
        )]));
        assert_eq!(
            found,
            [
                "requirements/base.txt:3: is no requirement: it does not begin with a package's name",
                "requirements/base.txt:4: \"00\" is no SHA-256 digest",
            ]
        );
    }

    #[test]
    fn addresses_comments_and_prose() {
        let text = "git+https://github.com/psf/black@22.1.0#egg=black\n\
             https://h.example/pkg-1.0-py3-none-any.whl#sha256=abab\n\
             vendor/foo-1.0-py3-none-any.whl\n\
             a==1.0\t# a comment\n\
             b==1.0 # a comment \\\nthat goes on\n\
             https://h.example/pkg-1.0.zip\n\
             -e git+https://h.example/e@abc#egg=e\n\
             c @ https://h.example/c.zip#sha256=SUM\n"
            .replace("SUM", &"ab".repeat(32));
        let found = inventory(&[("requirements.txt", &text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:pypi/a@1.0".to_owned(),
                "pkg:pypi/b@1.0".to_owned(),
                "pkg:pypi/black?vcs_url=git%2Bhttps:%2F%2Fgithub.com%2Fpsf%2Fblack%4022.1.0%23egg%3Dblack".to_owned(),
                format!(
                    "pkg:pypi/c?download_url=https:%2F%2Fh.example%2Fc.zip%23sha256%3D{}",
                    "ab".repeat(32)
                ),
                "pkg:pypi/e?vcs_url=git%2Bhttps:%2F%2Fh.example%2Fe%40abc%23egg%3De".to_owned(),
                "pkg:pypi/foo@1.0?file_name=foo-1.0-py3-none-any.whl".to_owned(),
                "pkg:pypi/pkg@1.0?download_url=https:%2F%2Fh.example%2Fpkg-1.0-py3-none-any.whl%23sha256%3Dabab"
                    .to_owned(),
            ]
        );
        assert_eq!(hashes(&found, "c?").len(), 1);
        assert_eq!(
            problems(&found),
            [
                "requirements.txt:2: \"abab\" is no SHA-256 digest",
                "requirements.txt:7: https://h.example/pkg-1.0.zip is left out: neither #egg= nor the file name of a wheel tells its name",
            ]
        );
        let prose = "System requirements\n===================\n\nPython and a shell.\nNote: mail us @ home\n";
        let found = inventory(&[("docs/system-requirements.txt", prose)]);
        assert!(found.is_empty(), "{:?}", purls(&found));
        assert_eq!(problems(&found).len(), 4);
    }

    #[test]
    fn pipfile_lock() {
        let text = format!(
            "{{\"default\": {{\n\"a\": {{\"version\": \"==1.0\", \"hashes\": [\"sha256:{}\"]}},\n\"p\": {{\"path\": \".\", \"editable\": true}}}},\n\
             \"develop\": {{\"g\": {{\"git\": \"https://example.org/g\", \"ref\": \"abc\"}}}}}}",
            "ab".repeat(32)
        );
        let found = inventory(&[("Pipfile.lock", &text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:pypi/a@1.0",
                "pkg:pypi/g?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fg%40abc"
            ]
        );
        assert_eq!(component(&found, "g").scope, Scope::Development);
        assert_eq!(
            component(&found, "a@").locations.iter().next().unwrap().line,
            Some(2)
        );
    }
}
