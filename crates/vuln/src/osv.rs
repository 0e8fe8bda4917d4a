//! OSV records: what is read of them, and what is kept.
//!
//! <https://ossf.github.io/osv-schema/>, version 1.7. Unknown members are passed over, as the schema demands.

use crate::cvss::Level;
use crate::ecosystem::Known;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of a summary that are kept.
const SUMMARY: usize = 300;
/// Bytes of an identifier. The longest that are known have some forty.
const ID: usize = 200;

/// Why a record can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no JSON, or not in OSV's shape.
    #[error("no OSV record: {0}")]
    Shape(String),
    /// Its id is none.
    #[error("no OSV record: the id {0:?} is none")]
    Id(String),
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    modified: Timestamp,
    published: Option<Timestamp>,
    withdrawn: Option<Timestamp>,
    #[serde(default)]
    aliases: Names,
    #[serde(default)]
    upstream: Names,
    #[serde(default)]
    related: Vec<String>,
    summary: Option<String>,
    details: Option<String>,
    #[serde(default)]
    severity: Vec<Severity>,
    #[serde(default)]
    affected: Vec<RawAffected>,
    database_specific: Option<Specific>,
}

/// Other names, of whatever shape, so that one that is none does not spoil the record.
#[derive(Default, Deserialize)]
struct Names(Value);

impl Names {
    /// Those that are names. `problems` is told of the others.
    fn read(self, member: &str, problems: &mut Vec<String>) -> Vec<String> {
        let list = match self.0 {
            Value::Array(list) => list,
            Value::Null => Vec::new(),
            other => vec![other],
        };
        let mut names = Vec::new();
        for value in list {
            match value {
                Value::String(name) if is_id(&name) => names.push(name),
                other => {
                    let text: String = other.to_string().chars().take(ID).collect();
                    problems.push(format!("the name {text} in {member} is none, and is left out"));
                }
            }
        }
        names
    }
}

#[derive(Deserialize)]
struct RawAffected {
    package: Option<RawPackage>,
    #[serde(default)]
    severity: Vec<Severity>,
    #[serde(default)]
    ranges: Vec<RawRange>,
    #[serde(default)]
    versions: Vec<String>,
    ecosystem_specific: Option<Specific>,
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct RawPackage {
    ecosystem: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct RawRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<BTreeMap<String, String>>,
}

/// What databases say in words of their own: of whatever shape, so that nothing in it can spoil the record.
#[derive(Deserialize)]
struct Specific(Value);

impl Specific {
    /// A word that says how bad it is: the first that does, not one like "not yet assigned".
    fn severity(&self) -> Option<String> {
        let members = ["severity", "urgency"].into_iter();
        let mut words = members.filter_map(|key| self.0.get(key)?.as_str());
        words
            .find(|word| Level::of_word(word) != Level::Unknown)
            .map(str::to_lowercase)
    }

    /// RustSec's advisories that are about no vulnerability: <https://github.com/rustsec/advisory-db#advisory-format>. `unsound` code may be one.
    fn is_no_vulnerability(&self) -> bool {
        let word = self.0.get("informational").and_then(Value::as_str);
        matches!(word, Some("unmaintained" | "notice"))
    }
}

/// A rating as OSV has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Severity {
    /// `CVSS_V3` and others.
    #[serde(rename = "type")]
    pub kind: String,
    /// A vector, or a word.
    pub score: String,
}

/// What a record says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// `GHSA-...`, `RUSTSEC-...`.
    pub id: String,
    /// Other names of the same vulnerability.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Vulnerabilities of what a distribution packages that this one is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstream: Vec<String>,
    /// Others that it has to do with: of some distributions (AlmaLinux) what it mends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<String>,
    /// One line.
    pub summary: String,
    /// When it became known.
    pub published: Option<Timestamp>,
    /// When the record last changed.
    pub modified: Timestamp,
}

/// What a record says of one package in one release of an ecosystem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// The release of a distribution, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub release: String,
    /// In any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Vec<Event>>,
    /// Or one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Ranges over commits, which no package can be compared with.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub git: usize,
    /// Ratings, those for this package before those for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severity: Vec<Severity>,
    /// How bad it is in the database's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A bound of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// From this version on, `0` from the first.
    #[serde(rename = "i")]
    Introduced(String),
    /// No longer from this one on.
    #[serde(rename = "f")]
    Fixed(String),
    /// No longer behind this one.
    #[serde(rename = "a")]
    LastAffected(String),
    /// Nothing is said from this one on.
    #[serde(rename = "l")]
    Limit(String),
}

/// The package that something is said of: OSV's ecosystem without release, and the name in its normal form.
pub(crate) type Key = (&'static str, String);

/// A record, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it says of itself.
    pub advisory: Advisory,
    /// What it says of packages.
    pub affected: BTreeMap<Key, Vec<Affected>>,
    /// It was taken back.
    pub withdrawn: bool,
    /// Packages of ecosystems that nothing here can match.
    pub foreign: usize,
    /// Parts that can't be used.
    pub problems: Vec<String>,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let raw: Raw =
            serde_json::from_slice(bytes).map_err(|error| RecordError::Shape(error.to_string()))?;
        if !is_id(&raw.id) {
            return Err(RecordError::Id(raw.id.chars().take(ID).collect()));
        }
        let mut problems = Vec::new();
        let aliases = raw.aliases.read("aliases", &mut problems);
        let upstream = raw.upstream.read("upstream", &mut problems);
        let word = raw.database_specific.as_ref().and_then(Specific::severity);
        let (mut affected, mut foreign) = (BTreeMap::<Key, Vec<Affected>>::new(), 0usize);
        for (number, entry) in raw.affected.into_iter().enumerate() {
            let Some(package) = &entry.package else { continue };
            let (Some(ecosystem), Some(name)) = (&package.ecosystem, &package.name) else {
                problems.push(format!(
                    "the package of affected/{number} has no ecosystem or no name, and is left out"
                ));
                continue;
            };
            let Some((known, release)) = Known::parse(ecosystem) else {
                foreign = foreign.saturating_add(1);
                continue;
            };
            let key = (known.name, known.normal(name));
            let release = release.to_owned();
            let read = entry.read(known, release, &raw.severity, word.as_ref());
            affected.entry(key).or_default().push(read);
        }
        let text = raw.summary.or(raw.details).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        Ok(Self {
            advisory: Advisory {
                id: raw.id,
                aliases,
                upstream,
                related: raw.related.into_iter().filter(|id| is_id(id)).collect(),
                summary: line.trim().chars().take(SUMMARY).collect(),
                published: raw.published,
                modified: raw.modified,
            },
            affected,
            withdrawn: raw.withdrawn.is_some(),
            foreign,
            problems,
        })
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= ID && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

impl RawAffected {
    fn read(self, known: Known, release: String, general: &[Severity], word: Option<&String>) -> Affected {
        let (commits, ranges): (Vec<_>, Vec<_>) =
            self.ranges.into_iter().partition(|range| range.kind == "GIT");
        let own = [self.ecosystem_specific, self.database_specific];
        let is_crate = known.name == "crates.io";
        let harmless = is_crate && own.iter().flatten().any(Specific::is_no_vulnerability);
        let own = own.iter().flatten().find_map(Specific::severity);
        let mut severity = self.severity;
        if severity.is_empty() {
            severity = general.to_vec();
        }
        Affected {
            release,
            ranges: ranges.into_iter().map(RawRange::read).collect(),
            versions: self.versions,
            git: commits.len(),
            severity,
            word: own
                .or_else(|| word.cloned())
                .or_else(|| harmless.then(|| "none".to_owned())),
        }
    }
}

impl Affected {
    /// Whether it says of any version that it is affected.
    pub(crate) const fn is_about_versions(&self) -> bool {
        !self.ranges.is_empty() || !self.versions.is_empty()
    }
}

impl RawRange {
    fn read(self) -> Vec<Event> {
        let event = |(kind, version): (String, String)| match kind.as_str() {
            "introduced" => Some(Event::Introduced(version)),
            "fixed" => Some(Event::Fixed(version)),
            "last_affected" => Some(Event::LastAffected(version)),
            "limit" => Some(Event::Limit(version)),
            _ => None,
        };
        self.events.into_iter().flatten().filter_map(event).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read() {
        let text = r#"{"schema_version": "1.7.3", "id": "GHSA-1", "modified": "2026-01-02T03:04:05.678Z", "aliases": ["CVE-1"],
            "summary": "Bad\nthing", "severity": [{"type": "CVSS_V3", "score": "x"}], "database_specific": {"severity": "MODERATE"},
            "affected": [{"package": {"ecosystem": "PyPI", "name": "A_b", "purl": "pkg:pypi/a-b"}, "versions": ["1"],
              "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}], "database_specific": {}}, {"type": "GIT", "repo": "x", "events": []}]},
             {"package": {"ecosystem": "Hex", "name": "x"}}, {"ranges": []}]}"#;
        let record = Record::parse(text.as_bytes()).unwrap();
        assert_eq!(record.advisory.summary, "Bad");
        assert_eq!((record.foreign, record.withdrawn), (1, false));
        let affected = &record.affected[&("PyPI", "a-b".to_owned())][0];
        let range = vec![Event::Introduced("0".into()), Event::Fixed("2".into())];
        assert_eq!(affected.ranges, [range]);
        assert_eq!((affected.git, affected.word.as_deref()), (1, Some("moderate")));
        let stored = serde_json::to_vec(affected).unwrap();
        assert_eq!(serde_json::from_slice::<Affected>(&stored).unwrap(), *affected);
    }

    #[test]
    fn the_first_word_that_is_a_severity_counts() {
        let text = r#"{"id": "A", "modified": "2026-01-02T03:04:05Z", "related": ["CVE-1"], "database_specific": {"severity": "HIGH"},
            "affected": [{"package": {"ecosystem": "Debian:12", "name": "a"}, "ecosystem_specific": {"severity": "?", "urgency": "not yet assigned"}}]}"#;
        let record = Record::parse(text.as_bytes()).unwrap();
        let affected = &record.affected[&("Debian", "a".to_owned())][0];
        assert_eq!(affected.word.as_deref(), Some("high"));
        assert_eq!(record.advisory.related, ["CVE-1"]);
    }

    #[test]
    fn what_is_only_unmaintained_is_no_vulnerability() {
        for (ecosystem, own, word) in [
            ("crates.io", r#""informational": "unmaintained""#, Some("none")),
            (
                "crates.io",
                r#""informational": "notice", "severity": "low""#,
                Some("low"),
            ),
            ("crates.io", r#""informational": "unsound""#, None),
            ("crates.io", r#""informational": null"#, None),
            // The word is RustSec's; in another database's record it says nothing.
            ("npm", r#""informational": "notice""#, None),
        ] {
            let text = format!(
                r#"{{"id": "A", "modified": "2026-01-02T03:04:05Z",
                "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "a"}}, "database_specific": {{{own}}}}}]}}"#
            );
            let record = Record::parse(text.as_bytes()).unwrap();
            let affected = &record.affected[&(ecosystem, "a".to_owned())][0];
            assert_eq!(affected.word.as_deref(), word, "{ecosystem}: {own}");
        }
    }

    #[test]
    fn a_part_that_cant_be_used_is_told_and_the_rest_is_read() {
        let text = r#"{"id": "A", "modified": "2026-01-02T03:04:05Z", "aliases": ["CVE-1", "", "two words", 7, null], "upstream": "CVE-2",
            "affected": [{"package": {"name": "x"}, "versions": ["1"]}, {"package": {"ecosystem": "npm"}}, {"package": {"ecosystem": "npm", "name": "a"}}]}"#;
        let record = Record::parse(text.as_bytes()).unwrap();
        assert_eq!(record.advisory.aliases, ["CVE-1"]);
        assert_eq!(record.advisory.upstream, ["CVE-2"]);
        assert_eq!(
            record.affected.keys().collect::<Vec<_>>(),
            [&("npm", "a".to_owned())]
        );
        assert_eq!(record.problems.len(), 6, "{:?}", record.problems);
        assert!(record.problems[4].contains("affected/0"), "{:?}", record.problems);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for (text, why) in [
            ("{", "no OSV record"),
            (r#"{"id": "A"}"#, "missing field `modified`"),
            (
                r#"{"id": "A B", "modified": "2026-01-01T00:00:00Z"}"#,
                "the id \"A B\" is none",
            ),
            (r#"{"id": "A", "modified": "yesterday"}"#, "no OSV record"),
        ] {
            let error = Record::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let deep = |key: &str| {
            let (open, close) = ("[".repeat(5000), "]".repeat(5000));
            format!(r#"{{"id":"A","modified":"2026-01-01T00:00:00Z","{key}":{open}1{close}}}"#)
        };
        // What is passed over is passed over without going in.
        assert!(Record::parse(deep("x").as_bytes()).is_ok());
        assert!(Record::parse(deep("database_specific").as_bytes()).is_err());
    }
}
