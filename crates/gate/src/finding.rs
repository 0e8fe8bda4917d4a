//! What a check found.

use serde::Serialize;
use stele_types::{Enforcement, InputKind, Severity, Value, json, sha256};

use crate::exception::Exempt;
use crate::fix::Fix;
use crate::text::{Lines, Position, first_line};

/// A violation at a place in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The policy.
    pub policy: String,
    /// The rule within it: the id of its metadata, else its name.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it fails the check, warns, or is only on trial.
    pub enforcement: Enforcement,
    /// What is wrong.
    pub message: String,
    /// What it was found on: `Deployment/default/web`, `aws_s3_bucket.logs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Controls that it violates, as `framework:control`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// The file, with `/`.
    pub file: String,
    /// What the file is.
    pub kind: InputKind,
    /// The number of the document in the file, from 0.
    pub document: usize,
    /// The value that the policy objects to, as keys and indexes from the document down; empty: the document.
    pub path: Vec<Step>,
    /// Where that stands.
    pub start: Position,
    /// Behind its last character on its first line.
    pub end: Position,
    /// The same for the same finding however the file is formatted: 32 hexadecimal digits.
    pub fingerprint: String,
    /// Why it does not fail although it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exempt>,
    /// What the policy read on its way, if that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Why>,
    /// The modules that are checked for themselves and show it, if several call what it stands in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<String>,
    /// What mends it, if the policy knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// The line for people.
    #[serde(skip)]
    pub excerpt: Excerpt,
}

/// A line of a file, or as much of it as can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Excerpt {
    /// The text, without a line break.
    pub text: String,
    /// What to underline: bytes of the text.
    pub range: std::ops::Range<usize>,
}

/// Characters shown before and behind what is underlined, and of that itself.
const SHOWN: usize = 120;

/// As many bytes hold these characters and one more.
const LOOKED_AT: usize = 4 * (SHOWN + 1);

impl Excerpt {
    /// The line that a range begins on.
    pub(crate) fn of(text: &str, range: &std::ops::Range<usize>) -> Self {
        // A line may have all of a hundred megabytes: no more of it is looked at than may be shown.
        let near = text.floor_char_boundary(range.start.saturating_sub(LOOKED_AT));
        let behind = text.ceil_char_boundary(range.end.saturating_add(LOOKED_AT));
        let before = text.get(near..range.start).unwrap_or_default();
        let line_start = before
            .rfind('\n')
            .map_or(near, |at| near.saturating_add(at).saturating_add(1));
        let shown = |piece: &str| piece.char_indices().nth(SHOWN).map_or(piece.len(), |(at, _)| at);
        let lead = text.get(line_start..range.start).unwrap_or_default();
        let skipped = lead.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
        let lead = lead.get(skipped..).unwrap_or_default();
        let marked = text.get(range.clone()).unwrap_or_default();
        // What is left out is left out visibly: a list without its end looks like another list.
        let cut = |piece: &str| match piece.get(..shown(piece)).unwrap_or_default() {
            all if all.len() == piece.len() => piece.to_owned(),
            some => format!("{some}..."),
        };
        let marked = cut(marked);
        let tail = text.get(range.end..behind).unwrap_or_default();
        let tail = cut(tail.split(['\n', '\r']).next().unwrap_or_default());
        let (lead, start) = if skipped > 0 {
            (format!("...{lead}"), lead.len().saturating_add(3))
        } else {
            (lead.to_owned(), lead.len())
        };
        Self {
            text: format!("{lead}{marked}{tail}"),
            range: start..start.saturating_add(marked.len()),
        }
    }
}

/// A text in which places are looked up.
#[derive(Debug, Clone)]
pub struct Spots {
    text: String,
    lines: Lines,
}

impl Spots {
    /// Of a file's text.
    #[must_use]
    pub fn new(text: String) -> Self {
        let lines = Lines::new(&text);
        Self { text, lines }
    }

    /// Where bytes begin and, on their first line, end, and that line.
    #[must_use]
    pub fn of(&self, range: &std::ops::Range<usize>) -> (Position, Position, Excerpt) {
        let range = first_line(&self.text, range);
        let at = |offset| self.lines.position(&self.text, offset);
        (at(range.start), at(range.end), Excerpt::of(&self.text, &range))
    }

    /// The bytes of a line, from 1, without the white space around it; `None` if there is no such line.
    #[must_use]
    pub fn line(&self, number: usize) -> Option<std::ops::Range<usize>> {
        let start = self.lines.start(number)?;
        let line = self.text.get(start..)?.lines().next()?;
        let lead = line.len().saturating_sub(line.trim_start().len());
        let from = start.saturating_add(lead);
        Some(from..from.saturating_add(line.trim().len()))
    }
}

/// A part of a document that a policy read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The file, with `/`.
    pub file: String,
    /// Keys and indexes from the document down.
    pub path: Vec<Step>,
    /// Where it stands; if it is missing, what it is missing from.
    pub start: Position,
    /// What was there, as JSON, cut to 120 characters; `null` in the report: nothing.
    pub value: Option<String>,
}

impl Why {
    pub(crate) fn shown(value: Option<&Value>) -> Option<String> {
        let text = json::to_string(value?);
        Some(match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
            None => text,
        })
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("read ")?;
        for (number, step) in self.path.iter().enumerate() {
            match step {
                Step::Key(key) if number == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        match &self.value {
            Some(value) => write!(f, " = {value}")?,
            None => f.write_str(", which is not there")?,
        }
        write!(f, " ({}:{}:{})", self.file, self.start.line, self.start.column)
    }
}

/// A key or an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// A key.
    Key(String),
    /// An index, from 0.
    Index(u64),
}

impl Step {
    pub(crate) fn of(value: &Value) -> Self {
        match crate::node::index(value).and_then(|index| u64::try_from(index).ok()) {
            Some(index) => Self::Index(index),
            None => Self::Key(
                value
                    .as_str()
                    .map_or_else(|| json::to_string(value), str::to_owned),
            ),
        }
    }
}

impl Finding {
    /// It fails the check.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.enforcement == Enforcement::Deny && self.exception.is_none()
    }

    /// The rule's name, behind that of its policy unless it begins with that: two policies may have a `deny`.
    #[must_use]
    pub fn id(&self) -> String {
        id(&self.policy, &self.rule)
    }
}

/// What a rule is called beside those of other policies.
pub(crate) fn id(policy: &str, rule: &str) -> String {
    let behind = rule.strip_prefix(policy);
    if behind.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        rule.to_owned()
    } else {
        format!("{policy}/{rule}")
    }
}

/// What stays the same when a file is formatted anew: SHA-256 over the canonical JSON array of policy, rule, file, resource, message and path.
#[must_use]
pub fn fingerprint(parts: [&str; 5], path: &[Value]) -> String {
    let parts = parts.into_iter().map(Value::string);
    let all = Value::array(parts.chain([Value::array(path.iter().cloned())]));
    let mut digest = sha256(&[&json::to_vec(&all)]).to_hex();
    digest.truncate(32);
    digest
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at {
            Some(at) => write!(f, "{}:{}:{}: {}", self.file, at.line, at.column, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// A file that could not be checked, or only in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The file, with `/`.
    pub file: String,
    /// Where it was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Position>,
    /// What is wrong.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_the_line_or_what_can_be_shown_of_it() {
        let text = "a: 1\nbb: 22 # c\nd: 3";
        let excerpt = Excerpt::of(text, &(9..11));
        assert_eq!(
            (excerpt.text.as_str(), &excerpt.text[excerpt.range.clone()]),
            ("bb: 22 # c", "22")
        );
        let long = format!("{}X{}", "ä".repeat(1000), "b".repeat(1000));
        let excerpt = Excerpt::of(&long, &(2000..2001));
        assert!(excerpt.text.len() < 500);
        assert_eq!(&excerpt.text[excerpt.range], "X");
        assert!(
            excerpt.text.starts_with("...ä") && excerpt.text.ends_with("b..."),
            "{}",
            excerpt.text
        );
        // What is underlined and too long does not run into what stands behind it.
        let list = format!("a: [{}]}}", "b".repeat(1000));
        let excerpt = Excerpt::of(&list, &(3..1005));
        let marked = &excerpt.text[excerpt.range.clone()];
        assert_eq!((marked.len(), &marked[..2], &marked[119..]), (123, "[b", "b..."));
        assert_eq!(&excerpt.text[excerpt.range.end..], "}");
    }

    #[test]
    fn fingerprints_tell_findings_apart() {
        let of = |path: &[Value]| fingerprint(["p", "r", "f", "", "m"], path);
        assert_eq!(of(&["a".into()]), of(&["a".into()]));
        assert_ne!(of(&["a".into()]), of(&["b".into()]));
        assert_eq!(of(&[]).len(), 32);
    }
}
