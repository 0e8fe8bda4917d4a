//! Exceptions as code: findings that somebody answers for, until a day.
//!
//! The file is YAML, `exceptions:` with a list of entries, each with `policy` (a glob over the id of a policy, or over that of a rule behind it),
//! `resource` and `file` (globs; one of them at least), `reason`, `owner`, `approver` and `expires`, the last day in UTC as an RFC 3339 `full-date`.

use std::collections::HashMap;
use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use crate::finding::Finding;
use crate::names::Names;

/// How the file is called in a repository.
pub const FILE_NAME: &str = "stele-exceptions.yaml";

/// Why a finding does not fail: who said so, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exempt {
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who agreed; never the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// The last day on which it holds. None where a policy's own rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// Where that is written: `FILE:LINE`, or the entry point of a policy.
    pub place: String,
}

impl fmt::Display for Exempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("excepted")?;
        if let Some(expires) = self.expires {
            write!(f, " until {expires}")?;
        }
        if let Some(approver) = &self.approver {
            write!(f, ", approved by {approver}")?;
        }
        if let Some(owner) = &self.owner {
            write!(f, ", owned by {owner}")?;
        }
        write!(f, ": {} ({})", self.reason, self.place)
    }
}

/// An exception that excepts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Idle {
    /// Its policy, as written.
    pub policy: String,
    /// What it said.
    #[serde(flatten)]
    pub exempt: Exempt,
    /// Why it is idle.
    pub state: IdleState,
    /// The file it is written in.
    #[serde(skip)]
    pub file: String,
    /// Its line there, from 1.
    #[serde(skip)]
    pub line: u64,
}

/// Why an exception excepts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleState {
    /// Its last day is over.
    Expired,
    /// It matched no finding.
    Unused,
    /// It names no policy that was asked, and nothing that the rules of those can be called.
    Unknown,
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exempt { reason, expires, .. } = &self.exempt;
        let of = format!("the exception for {}", self.policy);
        match (self.state, expires) {
            (IdleState::Expired, Some(day)) => {
                write!(f, "{of} expired on {day} and excepts nothing any more: {reason}")
            }
            (IdleState::Expired, None) => write!(f, "{of} expired: {reason}"),
            (IdleState::Unused, _) => write!(
                f,
                "{of} is unused: it matches no finding; remove it, or mend what it names"
            ),
            (IdleState::Unknown, _) => write!(
                f,
                "{of} excepts nothing: none of the policies that were asked is called so, and none of their rules can be; mend the name, or remove it if it is over"
            ),
        }
    }
}

/// Why a file holds no exceptions that can be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ExceptionError {
    /// The file, with its line where that is known.
    pub place: String,
    /// What is wrong, and how to mend it.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    exceptions: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    policy: Option<String>,
    resource: Option<String>,
    file: Option<String>,
    reason: Option<String>,
    owner: Option<String>,
    approver: Option<String>,
    expires: Option<String>,
}

/// The exceptions of a file.
#[derive(Debug, Default)]
pub struct Exceptions {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    policy: (String, GlobMatcher),
    resource: Option<(String, GlobMatcher)>,
    file: Option<GlobMatcher>,
    exempt: Exempt,
    expired: bool,
    written_in: (String, u64),
}

impl Exceptions {
    /// Reads a file. `path` is for messages; what expired before `today` is dead.
    ///
    /// # Errors
    ///
    /// [`ExceptionError`] with the line of the first entry that does not say all it must, or says it wrongly.
    pub fn parse(path: &str, text: &str, today: Date) -> Result<Self, ExceptionError> {
        let file = serde_saphyr::from_str::<Option<File>>(text).map_err(|error| {
            let place = error.location().map(|at| format!("{path}:{}", at.line()));
            ExceptionError {
                place: place.unwrap_or_else(|| path.to_owned()),
                message: error.without_snippet().to_string(),
            }
        })?;
        let raws = file.map(|file| file.exceptions).unwrap_or_default();
        let entry = |raw: Spanned<Raw>| {
            let line = raw.referenced.line();
            entry(path, line, raw.value, today).map_err(|message| ExceptionError {
                place: format!("{path}:{line}"),
                message,
            })
        };
        let entries = raws.into_iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Marks the findings that an exception in force matches (the first one, if several do) and returns the exceptions that match none, in their
    /// order. `path_of` makes of a finding's file the path that globs are about; None: the exceptions are not for it. Without `whole` only a part of the files was checked,
    /// which does not show what is unused. `names` are those of the policies and rules that were asked; without them nobody knows what there is.
    pub fn apply(
        &self,
        findings: &mut [Finding],
        path_of: &dyn Fn(&str) -> Option<String>,
        whole: bool,
        names: Option<&Names>,
    ) -> Vec<Idle> {
        let mut used = vec![false; self.entries.len()];
        let table = Table::new(&self.entries);
        let mut paths: HashMap<String, Option<String>> = HashMap::new();
        for finding in findings {
            let file = finding.file.as_str();
            if !paths.contains_key(file) {
                paths.insert(file.to_owned(), path_of(file));
            }
            let Some(path) = paths.get(file).and_then(Option::as_deref) else {
                continue;
            };
            let mut first: Option<(usize, &Exempt)> = None;
            for (number, entry) in table.candidates(finding, path) {
                if entry.is_for(finding, path) {
                    used.get_mut(number).into_iter().for_each(|used| *used = true);
                    first = first
                        .filter(|(first, _)| *first < number)
                        .or(Some((number, &entry.exempt)));
                }
            }
            let exempt = first.map(|(_, exempt)| exempt.clone());
            finding.exception = finding.exception.take().or(exempt);
        }
        let idle = self.entries.iter().zip(used).filter_map(|(entry, used)| {
            let state = match (entry.expired, used) {
                (true, _) => IdleState::Expired,
                (false, false) if names.is_some_and(|names| !entry.names_any(names)) => IdleState::Unknown,
                (false, false) if whole => IdleState::Unused,
                (false, _) => return None,
            };
            let (file, line) = entry.written_in.clone();
            Some(Idle {
                policy: entry.policy.0.clone(),
                exempt: entry.exempt.clone(),
                state,
                file,
                line,
            })
        });
        idle.collect()
    }
}

/// The exceptions in force, by what they name: there may be thousands of them, and of findings more.
struct Table<'e> {
    /// By the one resource that they are for.
    resources: HashMap<&'e str, Vec<(usize, &'e Entry)>>,
    /// By the one file, if they name no resource.
    files: HashMap<&'e str, Vec<(usize, &'e Entry)>>,
    others: Vec<(usize, &'e Entry)>,
}

impl<'e> Table<'e> {
    fn new(entries: &'e [Entry]) -> Self {
        let mut out = Self {
            resources: HashMap::new(),
            files: HashMap::new(),
            others: Vec::new(),
        };
        for numbered @ (_, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.expired) {
            let resource = entry.resource.as_ref().map(|(text, _)| text.as_str());
            let file = entry.file.as_ref().map(|glob| glob.glob().glob());
            let one = |text: &&str| head(text, &GLOB).len() == text.len();
            // Brackets are a resource's own.
            let one_resource = resource.filter(|text| head(text, &OF_RESOURCES).len() == text.len());
            let one_file = file.filter(one).filter(|_| resource.is_none());
            match (one_resource, one_file) {
                (Some(resource), _) => out.resources.entry(resource).or_default().push(numbered),
                (None, Some(file)) => out.files.entry(file).or_default().push(numbered),
                (None, None) => out.others.push(numbered),
            }
        }
        out
    }

    /// Those that may be for a finding.
    fn candidates(&self, finding: &Finding, path: &str) -> impl Iterator<Item = (usize, &'e Entry)> {
        let resource = finding.resource.as_deref();
        let of_resource = resource.and_then(|resource| self.resources.get(resource));
        let of_file = self.files.get(path);
        [of_resource, of_file, Some(&self.others)]
            .into_iter()
            .flatten()
            .flatten()
            .copied()
    }
}

/// What has a meaning in globs, and in those of resources.
const GLOB: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];
const OF_RESOURCES: [char; 5] = ['*', '?', '{', '}', '\\'];

/// What a glob begins with that stands for itself.
fn head<'t>(text: &'t str, special: &[char]) -> &'t str {
    text.split(special).next().unwrap_or_default()
}

impl Entry {
    fn names_any(&self, names: &Names) -> bool {
        let (text, glob) = &self.policy;
        names.has(text, glob)
    }

    fn is_for(&self, finding: &Finding, path: &str) -> bool {
        let (_, policy) = &self.policy;
        let resource = || match (&self.resource, &finding.resource) {
            // As it is first: `?` or `*` may stand in a key of Terraform's.
            (Some((text, glob)), Some(resource)) => {
                text == resource || resource.starts_with(head(text, &OF_RESOURCES)) && glob.is_match(resource)
            }
            (Some(_), None) => false,
            (None, _) => true,
        };
        let is_file =
            |glob: &GlobMatcher| path.starts_with(head(glob.glob().glob(), &GLOB)) && glob.is_match(path);
        let file = || self.file.as_ref().is_none_or(is_file);
        resource() && file() && (policy.is_match(&finding.policy) || policy.is_match(finding.id()))
    }
}

fn entry(path: &str, line: u64, raw: Raw, today: Date) -> Result<Entry, String> {
    let policy = said(
        "policy",
        raw.policy,
        "a glob over policies or their rules, such as kubernetes/admission/privileged",
    )?;
    let reason = said("reason", raw.reason, "why this is accepted for a while")?;
    let owner = said("owner", raw.owner, "who answers for it")?;
    let approver = said("approver", raw.approver, "who agreed to it")?;
    if owner.to_lowercase() == approver.to_lowercase() {
        return Err(format!(
            "`owner` and `approver` are both {owner}: nobody approves an exception of their own"
        ));
    }
    let expires = said(
        "expires",
        raw.expires,
        "the last day on which it holds, such as 2027-01-31",
    )?;
    let expires = day(&expires)
        .ok_or_else(|| format!("`expires` is `{expires}`: write a date of RFC 3339, such as 2027-01-31"))?;
    if raw.resource.is_none() && raw.file.is_none() {
        return Err(
            "it names neither `resource` nor `file` and would except everything; `resource: \"**\"` says so where it is meant".to_owned(),
        );
    }
    Ok(Entry {
        resource: raw.resource.map(resource).transpose()?,
        file: raw.file.map(|text| glob("file", &text)).transpose()?,
        policy: (policy.clone(), glob("policy", &policy)?),
        expired: expires < today,
        exempt: Exempt {
            reason,
            owner: Some(owner),
            approver: Some(approver),
            expires: Some(expires),
            place: format!("{path}:{line}"),
        },
        written_in: (path.to_owned(), line),
    })
}

fn said(key: &str, value: Option<String>, what: &str) -> Result<String, String> {
    let value = value.map(|text| text.trim().to_owned()).unwrap_or_default();
    if value.is_empty() {
        return Err(format!("the exception has no `{key}`: {what}"));
    }
    Ok(value)
}

/// `full-date` of RFC 3339, and nothing else.
fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// A glob without classes: `aws_s3_bucket.b[0]` is a resource's name.
fn resource(text: String) -> Result<(String, GlobMatcher), String> {
    let escaped = text.replace('[', "\\[").replace(']', "\\]");
    Ok((text, glob("resource", &escaped)?))
}

fn glob(key: &str, text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|error| format!("`{key}` is no glob: {error}"))?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use stele_types::Severity;

    use super::*;
    use crate::baseline::tests::finding;

    const TODAY: Date = jiff::civil::date(2026, 6, 1);

    fn entry(more: &str) -> String {
        format!("exceptions:\n- reason: r\n  owner: dev@x\n  approver: sec@x\n{more}")
    }

    fn applied(text: &str, path: &str, resource: &str) -> (Option<Exempt>, Vec<IdleState>) {
        let exceptions = Exceptions::parse("e.yaml", text, TODAY).unwrap();
        let mut all = [Finding {
            resource: (!resource.is_empty()).then(|| resource.to_owned()),
            file: path.to_owned(),
            ..finding("k8s/pods", "k8s/pods/root", Severity::Low)
        }];
        let names = Names::of(&["k8s/pods", "k8s/pods/other"]);
        let idle = exceptions.apply(&mut all, &|name| Some(name.to_owned()), true, Some(&names));
        let [finding] = all;
        assert_eq!(finding.fails(), finding.exception.is_none());
        (
            finding.exception,
            idle.into_iter().map(|idle| idle.state).collect(),
        )
    }

    #[test]
    fn a_part_of_the_files_does_not_show_what_is_unused() {
        let text = entry("  policy: k8s/pods\n  resource: '**'\n  expires: 2026-06-01\n");
        let exceptions = Exceptions::parse("e.yaml", &text, TODAY).unwrap();
        let idle = |whole| exceptions.apply(&mut [], &|name| Some(name.to_owned()), whole, None);
        assert_eq!(idle(true).len(), 1);
        assert!(idle(false).is_empty());
    }

    #[test]
    fn all_that_an_exception_names_must_agree() {
        let cases = [
            ("policy: k8s/pods\n  resource: Pod/prod/*", true),
            ("policy: k8s/pods/root\n  resource: Pod/**", true),
            ("policy: k8s/**\n  file: deploy/*.yaml", true),
            ("policy: k8s/pods\n  file: '*.yaml'", false),
            ("policy: k8s/pods/other\n  resource: '**'", false),
            ("policy: k8s\n  resource: '**'", false),
            // A star ends at a slash, in policies too.
            ("policy: k8s*\n  resource: '**'", false),
            ("policy: '*/root'\n  resource: '**'", false),
            ("policy: k8s/pods\n  resource: Pod/*", false),
            (
                "policy: k8s/pods\n  resource: Pod/prod/a\n  file: other/**",
                false,
            ),
        ];
        for (names, expected) in cases {
            let text = entry(&format!("  expires: 2026-06-01\n  {names}\n"));
            let (exempt, idle) = applied(&text, "deploy/a.yaml", "Pod/prod/a");
            assert_eq!(exempt.is_some(), expected, "{names}");
            assert_eq!(idle.is_empty(), expected, "{names}");
        }
        // What has no resource is not found by one.
        let text = entry("  expires: 2026-06-01\n  policy: '**'\n  resource: '**'\n");
        assert!(applied(&text, "a", "").0.is_none());
    }

    #[test]
    fn the_first_of_several_counts_however_they_name_it() {
        let one = |reason: &str, names: &str| {
            format!(
                "- reason: {reason}\n  owner: dev@x\n  approver: sec@x\n  policy: k8s/pods\n  expires: 2026-06-01\n  {names}\n"
            )
        };
        let names = [
            "resource: Pod/a",
            "file: a.yaml",
            "resource: Pod/*",
            "resource: Pod/a\n  file: '*'",
        ];
        for first in 0..names.len() {
            let rotated = names.iter().cycle().skip(first).take(names.len());
            let entries: String = rotated
                .zip(0..)
                .map(|(names, number)| one(&format!("r{number}"), names))
                .collect();
            let (exempt, idle) = applied(&format!("exceptions:\n{entries}"), "a.yaml", "Pod/a");
            assert_eq!(
                (exempt.unwrap().reason.as_str(), idle.len()),
                ("r0", 0),
                "{}",
                names[first]
            );
        }
    }

    /// Each was held against each finding: this took minutes.
    #[test]
    fn thousands_of_exceptions_are_looked_up() {
        let one = |n: usize| {
            format!(
                "- {{reason: r, owner: a, approver: b, policy: k8s/pods, expires: 2026-06-01, resource: Pod/{n}}}\n"
            )
        };
        let text: String = (0..10_000).map(one).collect();
        let exceptions = Exceptions::parse("e.yaml", &format!("exceptions:\n{text}"), TODAY).unwrap();
        let of = |n: usize| Finding {
            resource: Some(format!("Pod/{}", n % 20_000)),
            ..finding("k8s/pods", "k8s/pods/root", Severity::Low)
        };
        let mut all: Vec<Finding> = (0..100_000).map(of).collect();
        let idle = exceptions.apply(&mut all, &|name| Some(name.to_owned()), true, None);
        let excepted = all.iter().filter(|finding| finding.exception.is_some()).count();
        assert_eq!((excepted, idle.len()), (50_000, 0));
    }

    #[test]
    fn brackets_of_a_resource_are_its_own() {
        let cases = [
            ("aws_s3_bucket.b[0]", "aws_s3_bucket.b[0]", true),
            ("aws_s3_bucket.b[0]", "aws_s3_bucket.b0", false),
            ("aws_s3_bucket.b[*]", "aws_s3_bucket.b[12]", true),
            ("module.m[\"?\"].b", "module.m[\"x\"].b", true),
        ];
        for (written, resource, expected) in cases {
            let text = entry(&format!(
                "  expires: 2026-06-01\n  policy: k8s/pods\n  resource: '{written}'\n"
            ));
            let (exempt, _) = applied(&text, "main.tf", resource);
            assert_eq!(exempt.is_some(), expected, "{written} {resource}");
        }
    }

    #[test]
    fn what_names_no_policy_is_told_from_what_is_unused() {
        let cases = [
            ("k8s/pods/other", IdleState::Unused),
            ("k8s/*/oth*", IdleState::Unused),
            ("k8s/pod", IdleState::Unknown),
            ("k8s/pods/othr", IdleState::Unknown),
        ];
        for (policy, state) in cases {
            let text = entry(&format!(
                "  expires: 2026-06-01\n  policy: {policy}\n  resource: '**'\n"
            ));
            assert_eq!(applied(&text, "a", "r"), (None, vec![state]), "{policy}");
        }
        // What was found is there, whatever the source tells.
        let text = entry("  expires: 2026-06-01\n  policy: k8s/pods/root\n  resource: '**'\n");
        assert_eq!(applied(&text, "a", "r").1, []);
    }

    #[test]
    fn an_expired_exception_is_dead() {
        let text = entry("  expires: 2026-05-31\n  policy: k8s/pods\n  resource: Pod/prod/a\n");
        let (exempt, idle) = applied(&text, "a", "Pod/prod/a");
        assert_eq!((exempt, idle), (None, vec![IdleState::Expired]));
    }

    #[test]
    fn who_and_until_when_are_said() {
        let text = entry("  expires: 2026-06-01\n  policy: k8s/pods\n  resource: Pod/prod/a\n");
        let (exempt, _) = applied(&text, "a", "Pod/prod/a");
        assert_eq!(
            exempt.unwrap().to_string(),
            "excepted until 2026-06-01, approved by sec@x, owned by dev@x: r (e.yaml:2)"
        );
    }

    #[test]
    fn what_says_too_little_is_refused() {
        let cases = [
            (
                "policy: p\n  resource: r",
                "e.yaml:2: the exception has no `expires`",
            ),
            (
                "expires: 2026-06-31\n  policy: p\n  resource: r",
                "`2026-06-31`: write a date of RFC 3339",
            ),
            (
                "expires: 2026-06-01T00:00:00Z\n  policy: p\n  resource: r",
                "write a date",
            ),
            (
                "expires: 2026-06-01\n  policy: p",
                "names neither `resource` nor `file`",
            ),
            ("expires: 2026-06-01\n  resource: r", "no `policy`"),
            (
                "expires: 2026-06-01\n  policy: '['\n  resource: r",
                "`policy` is no glob",
            ),
            ("expires: 2026-06-01\n  policies: p\n  resource: r", "policies"),
        ];
        for (names, message) in cases {
            let error = Exceptions::parse("e.yaml", &entry(&format!("  {names}\n")), TODAY).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
        let same = entry("  expires: 2026-06-01\n  policy: p\n  resource: r\n").replace("sec@x", "Dev@X ");
        let error = Exceptions::parse("e.yaml", &same, TODAY).unwrap_err();
        assert!(error.message.contains("nobody approves"), "{error}");
        for text in ["exceptions: 1\n", "exceptions: [\n", "a: 1\n"] {
            assert!(Exceptions::parse("e.yaml", text, TODAY).is_err(), "{text}");
        }
        for text in ["", "# nothing yet\n", "exceptions: []\n"] {
            assert!(
                Exceptions::parse("e.yaml", text, TODAY)
                    .unwrap()
                    .entries
                    .is_empty(),
                "{text}"
            );
        }
    }
}
