//! What was found as findings of the gate, and as the input of policies.
//!
//! The input's shape is documented in `docs/vuln.md`.

use crate::package::{Package, Place};
use crate::scan::{Found, Scan, ecosystems};
use crate::store::days_between;
use crate::vex::VexProblem;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use stele_gate::exception::{Exempt, Idle, IdleState};
use stele_gate::finding::{Excerpt, Spots, fingerprint};
use stele_gate::report::many;
use stele_gate::{Failure, Finding, Outcome, Position};
use stele_types::{Enforcement, InputKind};

/// What findings name as their policy.
const POLICY: &str = "vuln";

/// Which controls say that such things are to be found and mended.
const CONTROLS: [&str; 4] = [
    "nist-800-53r5:RA-5",
    "nist-800-53r5:SI-2",
    "iso-27001-2022:A.8.8",
    "pci-dss-4.0:6.3.3",
];

/// What the input's `schema` says.
pub const SCHEMA: &str = "stele.vulnerabilities.v1";

/// Everything there is to report.
#[derive(Clone, Copy)]
pub struct Report<'r> {
    /// What was found.
    pub scan: &'r Scan,
    /// What was scanned.
    pub packages: &'r [Package],
    /// What that is called.
    pub name: &'r str,
    /// The time.
    pub now: Timestamp,
}

/// Texts of files by the names that places have.
pub type Texts<'t> = dyn Fn(&str) -> Option<String> + 't;

impl Report<'_> {
    /// Each vulnerability in each file that names its package, as a finding. Those that somebody took back are excepted. `missing_is_failure`: packages without data
    /// were not checked.
    #[must_use]
    pub fn outcome(&self, texts: &Texts<'_>, missing_is_failure: bool) -> Outcome {
        let mut spots = Cache {
            texts,
            known: BTreeMap::new(),
        };
        let mut findings = Vec::new();
        for found in &self.scan.found {
            let Some(package) = self.packages.get(found.package) else {
                continue;
            };
            for place in self.places(package) {
                findings.push(self.finding(found, package, &place, &mut spots));
            }
        }
        findings.sort_by(|a, b| {
            (&a.file, a.start, &a.rule, &a.resource).cmp(&(&b.file, b.start, &b.rule, &b.resource))
        });
        Outcome {
            findings,
            failures: self
                .unmatched()
                .into_iter()
                .filter(|_| missing_is_failure)
                .collect(),
            exceptions: self.idle(),
            checks: self.packages.len(),
            ..Outcome::default()
        }
    }

    /// Ecosystems without data.
    fn missing(&self) -> impl Iterator<Item = Failure> {
        self.scan.missing.iter().map(|(ecosystem, count)| Failure {
            file: self.name.to_owned(),
            at: None,
            message: format!(
                "{} not checked: there are no data for it; import OSV's archive for it with `stele vuln import --add`, or pass --allow-missing-data",
                packages(*count, &format!(" of {ecosystem}")),
            ),
        })
    }

    /// Why nothing can be said of packages that may be vulnerable for all that is known: ecosystems without data, distributions that nobody knows, what has no package URL,
    /// and nothing at all to match.
    #[must_use]
    pub fn unmatched(&self) -> Vec<Failure> {
        let failure = |message: String| Failure {
            file: self.name.to_owned(),
            at: None,
            message: format!("{message}; to pass all the same there is --allow-missing-data"),
        };
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in self.scan.unchecked.iter().filter(|one| one.fails) {
            reasons.entry(&one.reason).or_default().push(&one.purl);
        }
        let mut out: Vec<Failure> = self.missing().collect();
        out.extend(reasons.iter().map(|(reason, purls)| {
            let example = purls.first().copied().unwrap_or_default();
            failure(format!(
                "{} not checked ({example}): {reason}",
                packages(purls.len(), "")
            ))
        }));
        if out.is_empty() && self.scan.checked == 0 {
            out.push(failure(
                "no package in it could be matched: docs/sbom.md lists the files that are read, docs/vuln.md what is matched".to_owned(),
            ));
        }
        out
    }

    fn idle(&self) -> Vec<Idle> {
        let idle = |(place, name): &(String, String)| Idle {
            policy: format!("{POLICY}/{name}"),
            exempt: Exempt {
                reason: "VEX".to_owned(),
                owner: None,
                approver: None,
                expires: None,
                place: place.clone(),
            },
            state: IdleState::Unused,
            file: in_file(place).0.to_owned(),
            line: 1,
        };
        self.scan.unused.iter().map(idle).collect()
    }

    /// One place a file, the first.
    fn places(&self, package: &Package) -> Vec<Place> {
        let mut places = package.places.clone();
        places.sort();
        places.dedup_by(|next, kept| next.file == kept.file);
        if places.is_empty() {
            places.push(Place {
                file: self.name.to_owned(),
                line: None,
                bytes: None,
            });
        }
        places
    }

    fn finding(&self, found: &Found, package: &Package, place: &Place, spots: &mut Cache<'_>) -> Finding {
        let version = package.version.as_deref().unwrap_or_default();
        let shown = format!("{} {version}", package.name);
        let (start, end, excerpt) = spots.of(place, &shown);
        let parts = [POLICY, &found.id, &place.file, &package.purl, ""];
        let exempt = found.suppressed.as_ref().map(|suppressed| Exempt {
            reason: suppressed.reason.clone(),
            owner: Some(suppressed.author.clone()),
            approver: None,
            expires: None,
            place: suppressed.place.clone(),
        });
        Finding {
            fingerprint: fingerprint(parts, &[]),
            policy: POLICY.to_owned(),
            rule: found.id.clone(),
            severity: found.rating.severity(),
            enforcement: Enforcement::Deny,
            message: message(found, &shown),
            resource: Some(package.purl.clone()),
            remediation: Some(remediation(found, package)),
            controls: CONTROLS.map(str::to_owned).to_vec(),
            file: place.file.clone(),
            kind: InputKind::Vulnerabilities,
            document: 0,
            path: Vec::new(),
            start,
            end,
            exception: exempt,
            roots: Vec::new(),
            why: Vec::new(),
            fix: None,
            excerpt,
        }
    }

    /// What policies get as input. `bill`: what the packages are listed in; `failures`: files that were not read, or only in part.
    #[must_use]
    pub fn document(&self, bill: &Value, failures: &[Failure], left_out: &[Failure]) -> Value {
        let (back, active): (Vec<_>, Vec<_>) = self
            .scan
            .found
            .iter()
            .partition(|found| found.suppressed.is_some());
        let list = |found: Vec<&Found>| -> Value {
            found.into_iter().map(|found| self.vulnerability(found)).collect()
        };
        json!({
            "schema": SCHEMA,
            "subject": self.name,
            "data": self.data(),
            "packages": self.packages.len(),
            "vulnerabilities": list(active),
            "suppressed": list(back),
            "unchecked": self.scan.unchecked.iter().map(|one| json!({"purl": one.purl, "reason": one.reason})).collect::<Value>(),
            "missing": self.scan.missing,
            "failures": failures,
            "left_out": left_out,
            "commits": self.scan.commits,
            "sbom": bill,
        })
    }

    fn data(&self) -> Value {
        let info = &self.scan.info;
        let made = info.oldest(ecosystems(self.packages)).and_then(|(_, made)| made);
        json!({
            "made": made,
            "imported": info.imports.iter().map(|import| import.imported).min(),
            "age_days": made.map(|made| days_between(made, self.now)),
            "ages": info.ages(self.now),
            "advisories": info.advisories,
            "ecosystems": info.ecosystems,
            "exploited": info.exploited,
            "bad": info.bad(),
        })
    }

    fn vulnerability(&self, found: &Found) -> Value {
        let package = self.packages.get(found.package);
        let mut out = Map::new();
        let mut set = |key: &str, value: Value| {
            if !value.is_null() {
                out.insert(key.to_owned(), value);
            }
        };
        set("id", json!(found.id));
        set("aliases", json!(found.aliases));
        set("advisories", json!(found.advisories));
        set("upstream", json!(found.upstream));
        set("related", json!(found.related));
        set("summary", json!(found.summary));
        set("severity", json!(found.rating.level.to_string()));
        set("score", json!(found.rating.score()));
        set("vector", json!(found.rating.vector));
        set("published", json!(found.published));
        set("modified", json!(found.modified));
        set("age_days", json!(found.age_days(self.now)));
        set("fixed", json!(found.fixed));
        set("exploited", json!(found.exploited.is_some()));
        set("exploited_since", json!(found.exploited));
        set("malicious", json!(found.malicious));
        set("undecided", json!(found.undecided));
        if let Some(package) = package {
            let ecosystem = package.home().map(|home| home.ecosystem.name);
            set(
                "package",
                json!({"purl": package.purl, "name": package.name, "version": package.version, "ecosystem": ecosystem}),
            );
            let place = |place: &Place| match place.line {
                Some(line) => json!({"file": place.file, "line": line}),
                None => json!({"file": place.file}),
            };
            set("locations", package.places.iter().map(place).collect());
        }
        if let Some(back) = &found.suppressed {
            set(
                "suppressed",
                json!({"status": back.status, "justification": back.justification, "impact": back.impact, "author": back.author, "place": back.place}),
            );
        }
        Value::Object(out)
    }

    /// One line for people: packages, vulnerabilities by severity.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut levels: BTreeMap<_, usize> = BTreeMap::new();
        let mut back = 0usize;
        for found in &self.scan.found {
            if found.suppressed.is_some() {
                back = back.saturating_add(1);
            } else {
                let count = levels.entry(found.rating.level).or_default();
                *count = count.saturating_add(1);
            }
        }
        let total = levels
            .values()
            .fold(0usize, |sum, count| sum.saturating_add(*count));
        let parts: Vec<String> = levels
            .iter()
            .rev()
            .map(|(level, count)| format!("{count} {level}"))
            .collect();
        let word = if total == 1 {
            "vulnerability"
        } else {
            "vulnerabilities"
        };
        let packages = self.packages.len();
        let end = if packages == 1 { "" } else { "s" };
        let mut text = format!("{packages} package{end}, {total} {word}");
        if !parts.is_empty() {
            text.push_str(&format!(" ({})", parts.join(", ")));
        }
        if back > 0 {
            text.push_str(&format!(", {back} taken back by VEX"));
        }
        text
    }

    /// Where a finding of a policy stands: where the package's file names it, if the policy's path leads to a vulnerability of the input.
    pub fn settle(&self, finding: &mut Finding, texts: &Texts<'_>) {
        use stele_gate::finding::Step;
        let [Step::Key(list), Step::Index(number), ..] = finding.path.as_slice() else {
            return;
        };
        if list != "vulnerabilities" {
            return;
        }
        let mut active = self.scan.found.iter().filter(|found| found.suppressed.is_none());
        let found = usize::try_from(*number)
            .ok()
            .and_then(|number| active.nth(number));
        let Some(package) = found.and_then(|found| self.packages.get(found.package)) else {
            return;
        };
        let mut spots = Cache {
            texts,
            known: BTreeMap::new(),
        };
        if let Some(place) = self.places(package).first() {
            let shown = format!(
                "{} {}",
                package.name,
                package.version.as_deref().unwrap_or_default()
            );
            (finding.start, finding.end, finding.excerpt) = spots.of(place, &shown);
            finding.file.clone_from(&place.file);
        }
    }
}

/// `1 package of npm is`, `2 packages are`.
fn packages(count: usize, of: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{}{of} {verb}", many(count, "package"))
}

/// The file of a statement's place, and its number there: `vex.json#statements/0`.
fn in_file(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once("#statements/") {
        Some((file, number)) => (file, Some(number)),
        None => (place, None),
    }
}

/// What is wrong with statements, at their files: those for which a scan may say too little, which count as files that were not checked, and the others.
#[must_use]
pub fn vex_failures(problems: &[VexProblem]) -> (Vec<Failure>, Vec<Failure>) {
    let failure = |problem: &VexProblem| {
        let (file, statement) = in_file(&problem.place);
        Failure {
            file: file.to_owned(),
            at: None,
            message: match statement {
                Some(number) => format!("statements/{number}: {}", problem.message),
                None => problem.message.clone(),
            },
        }
    };
    let (failing, others): (Vec<_>, Vec<_>) = problems.iter().partition(|problem| problem.fails);
    let at_files = |problems: Vec<&VexProblem>| problems.into_iter().map(failure).collect();
    (at_files(failing), at_files(others))
}

fn message(found: &Found, shown: &str) -> String {
    let mut text = format!("{shown} has {}", found.id);
    if found.malicious {
        text = format!("{shown} is malicious ({})", found.id);
    }
    if !found.summary.is_empty() {
        text.push_str(": ");
        text.push_str(&found.summary);
    }
    if let Some(score) = found.rating.score() {
        text.push_str(&format!(" (CVSS {score:.1})"));
    } else if found.rating == crate::Rating::default() {
        text.push_str(" (not rated, so taken as high)");
    }
    if let Some(day) = &found.exploited {
        text.push_str(&format!("; known to be exploited since {day}"));
    }
    if let Some(reason) = &found.undecided {
        text.push_str(&format!("; taken as affected, because {reason}"));
    }
    text
}

fn remediation(found: &Found, package: &Package) -> String {
    match &found.fixed {
        _ if found.malicious => format!(
            "remove {}, and whatever it may have read or left behind",
            package.name
        ),
        Some(version) => format!("update {} to {version} or later", package.name),
        None => format!(
            "no version of {} is known to mend it: replace it, or say in OpenVEX why it does no harm here (--vex)",
            package.name
        ),
    }
}

/// Lines of files that were read already.
struct Cache<'t> {
    texts: &'t Texts<'t>,
    known: BTreeMap<String, Option<Spots>>,
}

impl Cache<'_> {
    /// Start, end and line of a place; where its text can't be had, `shown` as its only line.
    fn of(&mut self, place: &Place, shown: &str) -> (Position, Position, Excerpt) {
        let spots = self
            .known
            .entry(place.file.clone())
            .or_insert_with(|| (self.texts)(&place.file).map(Spots::new));
        let range = spots.as_ref().and_then(|spots| match (place.bytes, place.line) {
            (Some((start, end)), _) => Some(start..end),
            (None, Some(line)) => spots.line(usize::try_from(line).ok()?),
            (None, None) => None,
        });
        if let (Some(spots), Some(range)) = (spots, range) {
            return spots.of(&range);
        }
        let line = place
            .line
            .and_then(|line| usize::try_from(line).ok())
            .unwrap_or(1);
        let position = |column| Position { line, column };
        let excerpt = Excerpt {
            text: shown.to_owned(),
            range: 0..shown.len(),
        };
        (position(1), position(1), excerpt)
    }
}
