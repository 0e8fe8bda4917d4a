//! The allowlist file: findings that are known and accepted, each with its reason.

use crate::Error;
use crate::engine::Hit;
use crate::rule::RuleSet;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    allow: Vec<Entry>,
}

/// One entry as written: what it names must all agree with a finding.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Why this is no leak.
    pub reason: String,
    /// The last day on which the entry holds.
    pub expires: Option<Date>,
    /// Globs over the path; `*` stays within a directory, `**` does not.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Ids of rules.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Fingerprints as reports show them.
    #[serde(default)]
    pub fingerprints: Vec<String>,
    /// Texts, one of which the secret contains; without regard to ASCII case.
    #[serde(default)]
    pub stopwords: Vec<String>,
}

#[derive(Debug)]
struct Compiled {
    entry: Entry,
    paths: Option<GlobSet>,
    expired: bool,
    used: AtomicBool,
}

/// The entries in force.
#[derive(Debug, Default)]
pub struct Allowlist {
    path: String,
    entries: Vec<Compiled>,
}

/// What became of an entry that allowed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AllowReport {
    /// The file and the entry's number in it, from 1.
    pub entry: String,
    /// The entry's reason.
    pub reason: String,
    /// Whether it is past its day; otherwise it just matched nothing.
    pub expired: bool,
}

impl Allowlist {
    /// Reads an allowlist. `path` is for messages; `today` decides which entries still hold.
    ///
    /// # Errors
    ///
    /// [`Error::Allowlist`] if the text is no allowlist, or an entry has no reason, names nothing, or names what does not exist.
    pub fn parse(path: &str, text: &str, today: Date, rules: &RuleSet) -> Result<Self, Error> {
        let wrong = |message: String| Error::Allowlist {
            path: path.to_owned(),
            message,
        };
        let file: File =
            toml::from_str(text).map_err(|cause| wrong(cause.to_string().trim_end().to_owned()))?;
        let mut entries = Vec::with_capacity(file.allow.len());
        for (index, entry) in file.allow.into_iter().enumerate() {
            let wrong = |message: String| wrong(format!("entry {}: {message}", index.saturating_add(1)));
            let paths = check(&entry, rules).map_err(wrong)?;
            entries.push(Compiled {
                expired: entry.expires.is_some_and(|last| last < today),
                entry,
                paths,
                used: AtomicBool::new(false),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            entries,
        })
    }

    /// Whether an entry allows a hit; it is then marked as used.
    pub(crate) fn allows(&self, path: &str, hit: &Hit, fingerprint: &str) -> bool {
        let mut allowed = false;
        for compiled in self.entries.iter().filter(|compiled| !compiled.expired) {
            if compiled.agrees(path, hit, fingerprint) {
                compiled.used.store(true, Ordering::Relaxed);
                allowed = true;
            }
        }
        allowed
    }

    /// Entries that allowed nothing, in their order; only expired ones if not the `whole` repository was scanned.
    #[must_use]
    pub fn unused(&self, whole: bool) -> Vec<AllowReport> {
        self.entries
            .iter()
            .enumerate()
            .filter(|(_, compiled)| compiled.expired || (whole && !compiled.used.load(Ordering::Relaxed)))
            .map(|(index, compiled)| AllowReport {
                entry: format!("{}, entry {}", self.path, index.saturating_add(1)),
                reason: compiled.entry.reason.clone(),
                expired: compiled.expired,
            })
            .collect()
    }
}

impl Compiled {
    fn agrees(&self, path: &str, hit: &Hit, fingerprint: &str) -> bool {
        let entry = &self.entry;
        let named =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        named(&entry.rules, &hit.rule.id)
            && named(&entry.fingerprints, fingerprint)
            && self.paths.as_ref().is_none_or(|paths| covers(paths, path))
            && (entry.stopwords.is_empty() || contains_any(&hit.secret, &entry.stopwords))
    }
}

/// Whether a glob matches a path, or an archive that it lies in.
fn covers(globs: &GlobSet, path: &str) -> bool {
    let mut archives = path.match_indices("!/").filter_map(|(end, _)| path.get(..end));
    globs.is_match(path) || archives.any(|archive| globs.is_match(archive))
}

fn contains_any(secret: &[u8], words: &[String]) -> bool {
    let secret = secret.to_ascii_lowercase();
    words
        .iter()
        .any(|word| memchr::memmem::find(&secret, word.to_ascii_lowercase().as_bytes()).is_some())
}

fn check(entry: &Entry, rules: &RuleSet) -> Result<Option<GlobSet>, String> {
    if entry.reason.trim().is_empty() {
        return Err("it has no reason".into());
    }
    if [&entry.paths, &entry.rules, &entry.fingerprints, &entry.stopwords]
        .iter()
        .all(|names| names.is_empty())
    {
        return Err("it names no paths, rules, fingerprints or stopwords, and would allow everything".into());
    }
    if let Some(unknown) = entry.rules.iter().find(|id| rules.get(id).is_none()) {
        return Err(format!("there is no rule `{unknown}`"));
    }
    if entry.stopwords.iter().any(|word| word.len() < 3) {
        return Err("a stopword has three bytes or more".into());
    }
    let is_digest = |text: &String| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(odd) = entry.fingerprints.iter().find(|text| !is_digest(text)) {
        return Err(format!(
            "`{odd}` is no fingerprint: those have 32 hexadecimal digits"
        ));
    }
    if entry.paths.is_empty() {
        return Ok(None);
    }
    let mut globs = GlobSetBuilder::new();
    for path in &entry.paths {
        let glob = GlobBuilder::new(path).literal_separator(true).build();
        globs.add(glob.map_err(|cause| cause.to_string())?);
    }
    globs.build().map(Some).map_err(|cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    const TODAY: Date = jiff::civil::date(2026, 6, 1);

    fn list(text: &str) -> Result<Allowlist, Error> {
        Allowlist::parse("secrets.toml", text, TODAY, &RuleSet::built_in().unwrap())
    }

    fn hit() -> Hit {
        let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
        scanner.scan(b"db_password = \"q8Zr1LmTw0q9\"").remove(0)
    }

    fn allows(entry: &str, path: &str) -> bool {
        let hit = hit();
        let print = hit.fingerprint(path);
        list(&format!("[[allow]]\nreason = \"r\"\n{entry}"))
            .unwrap()
            .allows(path, &hit, &print)
    }

    #[test]
    fn all_that_an_entry_names_must_agree() {
        assert!(allows("paths = [\"tests/**\"]", "tests/a/b.txt"));
        assert!(!allows("paths = [\"tests/*\"]", "tests/a/b.txt"));
        assert!(allows("paths = [\"tests/*\"]", "tests/a.zip!/b/c.txt"));
        assert!(allows("rules = [\"generic-secret\"]", "x"));
        assert!(!allows("rules = [\"generic-secret\"]\npaths = [\"y\"]", "x"));
        assert!(allows("stopwords = [\"ZR1lm\"]", "x"));
        assert!(!allows("stopwords = [\"absent\"]", "x"));
        assert!(allows(
            &format!("fingerprints = [\"{}\"]", hit().fingerprint("x")),
            "x"
        ));
        assert!(!allows(
            &format!("fingerprints = [\"{}\"]", hit().fingerprint("x")),
            "y"
        ));
    }

    #[test]
    fn an_expired_entry_is_dead_and_reported() {
        assert!(allows("paths = [\"x\"]\nexpires = \"2026-06-01\"", "x"));
        assert!(!allows("paths = [\"x\"]\nexpires = \"2026-05-31\"", "x"));
        let list = list("[[allow]]\nreason = \"old\"\npaths = [\"x\"]\nexpires = \"2020-01-01\"\n[[allow]]\nreason = \"idle\"\npaths = [\"y\"]").unwrap();
        let unused: Vec<(String, bool)> = list
            .unused(true)
            .into_iter()
            .map(|entry| (entry.reason, entry.expired))
            .collect();
        assert_eq!(unused, [("old".into(), true), ("idle".into(), false)]);
    }

    #[test]
    fn entries_that_say_too_little_are_refused() {
        for (entry, message) in [
            ("reason = \"\"\npaths = [\"x\"]", "entry 1: it has no reason"),
            ("reason = \"r\"", "would allow everything"),
            ("reason = \"r\"\nrules = [\"none\"]", "there is no rule `none`"),
            ("reason = \"r\"\nfingerprints = [\"abc\"]", "no fingerprint"),
            ("reason = \"r\"\npaths = [\"[\"]", "entry 1"),
            ("reason = \"r\"\nexpires = \"soon\"\npaths = [\"x\"]", "expires"),
            ("paths = [\"x\"]", "reason"),
            ("reason = \"r\"\nstopwords = [\"a\"]", "three bytes"),
        ] {
            let error = list(&format!("[[allow]]\n{entry}")).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
