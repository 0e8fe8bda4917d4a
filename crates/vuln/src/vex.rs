//! OpenVEX 0.2.0: who knows that a vulnerability does no harm here says so, and why.
//!
//! <https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md>

use crate::package::Package;
use jiff::Timestamp;
use packageurl::PackageUrl;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr as _;

const CONTEXT: &str = "https://openvex.dev/ns";

/// Why somebody is not affected.
const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It does no harm.
    NotAffected,
    /// It does.
    Affected,
    /// It is mended.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAffected => "not_affected",
            Self::Affected => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
        })
    }
}

/// A statement, or a document, that says nothing, or not of all that it names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct VexProblem {
    /// The file and the statement's number: `vex.json#statements/0`.
    pub place: String,
    /// What is wrong, and how to mend it.
    pub message: String,
    /// The scan may say too little for it. Not so where less is taken back than the statement means, or nothing is taken back that it is about.
    pub fails: bool,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@context")]
    context: String,
    author: String,
    timestamp: Timestamp,
    statements: Vec<Value>,
}

#[derive(Deserialize)]
struct RawStatement {
    vulnerability: RawVulnerability,
    timestamp: Option<Timestamp>,
    last_updated: Option<Timestamp>,
    #[serde(default)]
    products: Vec<RawProduct>,
    status: Status,
    justification: Option<String>,
    impact_statement: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawVulnerability {
    Name(String),
    Whole {
        name: Option<String>,
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

/// <https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#product-data-structure>: the id is an IRI, which need not be a package URL.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawProduct {
    Id(String),
    Whole {
        #[serde(rename = "@id")]
        id: Option<String>,
        identifiers: Option<Identifiers>,
        #[serde(default)]
        subcomponents: Vec<RawProduct>,
    },
}

#[derive(Deserialize)]
struct Identifiers {
    purl: Option<String>,
    cpe22: Option<Value>,
    cpe23: Option<Value>,
}

#[derive(Clone, Debug)]
struct Product {
    purl: PackageUrl<'static>,
    parts: Vec<PackageUrl<'static>>,
}

/// What somebody says of vulnerabilities in products.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Where it is written: `vex.json#statements/0`.
    pub place: String,
    /// What it says.
    pub status: Status,
    /// Why not affected: one of the specification's words.
    pub justification: Option<String>,
    /// The same in free words.
    pub impact: Option<String>,
    /// Who says it.
    pub author: String,
    names: Vec<String>,
    products: Vec<Product>,
    time: Timestamp,
}

impl Statement {
    const fn suppresses(&self) -> bool {
        matches!(self.status, Status::NotAffected | Status::Fixed)
    }

    /// The vulnerability's name as the statement has it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Status, justification and impact in one line.
    #[must_use]
    pub fn reason(&self) -> String {
        let words = [
            Some(self.status.to_string()),
            self.justification.clone(),
            self.impact.clone(),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(": ")
    }

    fn is_about(
        &self,
        ids: &BTreeSet<&str>,
        package: &PackageUrl<'_>,
        subject: Option<&PackageUrl<'_>>,
    ) -> bool {
        is_any(&self.names, ids)
            && self
                .products
                .iter()
                .any(|product| product.covers(package, subject))
    }
}

fn is_any(names: &[String], ids: &BTreeSet<&str>) -> bool {
    names
        .iter()
        .any(|name| ids.iter().any(|id| id.eq_ignore_ascii_case(name)))
}

impl Product {
    /// Whether it is the package, or what is scanned, and the package one of its parts that are named, if any are.
    fn covers(&self, package: &PackageUrl<'_>, subject: Option<&PackageUrl<'_>>) -> bool {
        let whole = subject.is_some_and(|subject| names(&self.purl, subject));
        if self.parts.is_empty() {
            return whole || names(&self.purl, package);
        }
        whole && self.parts.iter().any(|part| names(part, package))
    }
}

/// Whether a package URL names another: version and qualifiers count only where it has them.
fn names(wanted: &PackageUrl<'_>, actual: &PackageUrl<'_>) -> bool {
    let same = wanted.ty() == actual.ty()
        && wanted.namespace() == actual.namespace()
        && wanted.name() == actual.name();
    let version = wanted
        .version()
        .is_none_or(|version| actual.version() == Some(version));
    let mut qualifiers = wanted.qualifiers().iter();
    same && version && qualifiers.all(|(key, value)| actual.qualifiers().get(key) == Some(value))
}

/// Statements of any number of documents.
#[derive(Clone, Debug, Default)]
pub struct Vex {
    statements: Vec<Statement>,
    used: Vec<bool>,
    told: Vec<Told>,
}

/// What is wrong with a statement.
#[derive(Clone, Debug)]
struct Told {
    problem: VexProblem,
    /// Of one that takes nothing back, and has lost products: its vulnerabilities and its time.
    lost: Option<(Vec<String>, Timestamp)>,
}

impl Vex {
    /// Adds a document. Statements from after `now`, and those that are not what the specification demands, are told ([`Self::problems`]), and say nothing. So are products,
    /// and parts of products, without package URL.
    ///
    /// # Errors
    ///
    /// [`VexProblem`] if the document as a whole is none.
    pub fn add(&mut self, file: &str, text: &str, now: Timestamp) -> Result<(), VexProblem> {
        let problem = |place: &str, message: String| VexProblem {
            place: place.to_owned(),
            message,
            fails: true,
        };
        let text = text.trim_start_matches('\u{feff}');
        let document: Document = serde_json::from_str(text)
            .map_err(|error| problem(file, format!("no OpenVEX document: {error}")))?;
        if !document.context.starts_with(CONTEXT) {
            let found = format!(
                "no OpenVEX document: its @context is {:?}, not {CONTEXT}",
                document.context
            );
            return Err(problem(file, found));
        }
        for (number, raw) in document.statements.into_iter().enumerate() {
            let place = format!("{file}#statements/{number}");
            let mut told = |message: String| {
                self.told.push(Told {
                    problem: problem(&place, message),
                    lost: None,
                });
            };
            match statement(raw, &place, &document.author, document.timestamp) {
                Ok((Statement { time, .. }, _)) if time > now => {
                    told(format!(
                        "it is dated {time}, which is yet to come: correct its timestamp"
                    ));
                }
                Ok((statement, left_out)) => self.keep(statement, &left_out),
                Err(message) => told(message),
            }
        }
        self.used.resize(self.statements.len(), false);
        Ok(())
    }

    fn keep(&mut self, statement: Statement, left_out: &[String]) {
        if let Some(first) = left_out.first() {
            let more = match left_out.len().saturating_sub(1) {
                0 => String::new(),
                more => format!("; so are {more} more of this statement"),
            };
            let lost = (!statement.suppresses()).then(|| (statement.names.clone(), statement.time));
            self.told.push(Told {
                problem: VexProblem {
                    place: statement.place.clone(),
                    message: format!(
                        "{first}, and is left out{more}: products are known here by their package URL (`\"identifiers\": {{\"purl\": \"pkg:...\"}}`)"
                    ),
                    fails: false,
                },
                lost,
            });
        }
        if !statement.products.is_empty() {
            self.statements.push(statement);
        }
    }

    /// What is wrong with statements, one problem each. Whether the loss of products matters shows only when all was looked up.
    #[must_use]
    pub fn problems(&self) -> Vec<VexProblem> {
        self.told.iter().map(|told| told.problem.clone()).collect()
    }

    /// The statements that take a finding in a package back: of each of its `vulnerabilities` (all names of each) the latest about it. None, if that of any does not.
    /// `subject` is the package URL of what is scanned.
    pub(crate) fn suppress(
        &mut self,
        vulnerabilities: &[BTreeSet<&str>],
        package: &Package,
        subject: Option<&PackageUrl<'_>>,
    ) -> Vec<&Statement> {
        let Ok(purl) = PackageUrl::from_str(&package.purl) else {
            return Vec::new();
        };
        let all = vulnerabilities.iter();
        let latest: Option<BTreeSet<usize>> = all.map(|names| self.latest(names, &purl, subject)).collect();
        let latest = latest.unwrap_or_default();
        let taken = latest.iter().filter_map(|index| self.statements.get(*index));
        if let Some(first) = taken.map(|statement| statement.time).min() {
            // What has lost products might have been about this one, and have counted.
            for told in &mut self.told {
                let counts = told.lost.as_ref().is_some_and(|(names, time)| {
                    *time >= first && vulnerabilities.iter().any(|ids| is_any(names, ids))
                });
                told.problem.fails |= counts;
            }
        }
        for index in &latest {
            if let Some(used) = self.used.get_mut(*index) {
                *used = true;
            }
        }
        latest
            .iter()
            .filter_map(|index| self.statements.get(*index))
            .collect()
    }

    /// The number of the latest statement about a vulnerability, if it takes it back. Of those of the same time one that does not counts.
    fn latest(
        &self,
        names: &BTreeSet<&str>,
        package: &PackageUrl<'_>,
        subject: Option<&PackageUrl<'_>>,
    ) -> Option<usize> {
        let about = self.statements.iter().enumerate();
        let about = about.filter(|(_, statement)| statement.is_about(names, package, subject));
        let (index, statement) =
            about.max_by_key(|(_, statement)| (statement.time, !statement.suppresses()))?;
        statement.suppresses().then_some(index)
    }

    /// Statements that would take something back, and took nothing back.
    pub fn unused(&self) -> impl Iterator<Item = &Statement> {
        let all = self.statements.iter().zip(&self.used);
        all.filter(|(statement, used)| !**used && statement.suppresses())
            .map(|(statement, _)| statement)
    }
}

/// A statement, and why products and parts in it are left out.
fn statement(
    raw: Value,
    place: &str,
    author: &str,
    time: Timestamp,
) -> Result<(Statement, Vec<String>), String> {
    let raw: RawStatement = serde_json::from_value(raw).map_err(|error| format!("no statement: {error}"))?;
    let names = match raw.vulnerability {
        RawVulnerability::Name(name) => vec![name],
        RawVulnerability::Whole { name, id, aliases } => name.into_iter().chain(id).chain(aliases).collect(),
    };
    if names.iter().all(String::is_empty) {
        return Err("it names no vulnerability: say `\"vulnerability\": {\"name\": \"CVE-...\"}`".to_owned());
    }
    if let Some(word) = &raw.justification
        && !JUSTIFICATIONS.contains(&word.as_str())
    {
        return Err(format!(
            "{word:?} is no justification; there are {}",
            JUSTIFICATIONS.join(", ")
        ));
    }
    let reasons = [&raw.justification, &raw.impact_statement];
    let has_reason = reasons.into_iter().flatten().any(|text| !text.trim().is_empty());
    if raw.status == Status::NotAffected && !has_reason {
        return Err("not_affected needs a justification or an impact_statement: say why".to_owned());
    }
    if raw.products.is_empty() {
        return Err("it names no product: say `\"products\": [{\"@id\": \"pkg:...\"}]`".to_owned());
    }
    let mut left_out = Vec::new();
    let products = raw.products.into_iter().enumerate();
    let products = products
        .filter_map(|(number, raw)| product(raw, &format!("products/{number}"), &mut left_out))
        .collect();
    let own = raw.timestamp.max(raw.last_updated);
    let read = Statement {
        place: place.to_owned(),
        status: raw.status,
        justification: raw.justification,
        impact: raw.impact_statement,
        author: author.to_owned(),
        names,
        products,
        time: own.unwrap_or(time),
    };
    Ok((read, left_out))
}

/// A product with those of its parts that have a package URL. `left_out` gets why others have none; of a product with parts none of which is known nothing is said.
fn product(raw: RawProduct, member: &str, left_out: &mut Vec<String>) -> Option<Product> {
    let (purl, parts) = match raw {
        RawProduct::Id(id) => (package_url(member, &id), Vec::new()),
        RawProduct::Whole {
            id,
            identifiers,
            subcomponents,
        } => (named(id, identifiers, member), subcomponents),
    };
    let purl = match purl {
        Ok(purl) => purl,
        Err(why) => {
            left_out.push(why);
            return None;
        }
    };
    let has_parts = !parts.is_empty();
    let mut known = Vec::new();
    for (number, part) in parts.into_iter().enumerate() {
        let member = format!("{member}/subcomponents/{number}");
        known.extend(product(part, &member, left_out).map(|part| part.purl));
    }
    (known.is_empty() != has_parts).then_some(Product { purl, parts: known })
}

/// The package URL among the identifiers; only where there is none, the id may be one. An id that is wider than its identifier does not stand in for it.
fn named(
    id: Option<String>,
    identifiers: Option<Identifiers>,
    member: &str,
) -> Result<PackageUrl<'static>, String> {
    let has_cpe = identifiers
        .as_ref()
        .is_some_and(|own| own.cpe22.is_some() || own.cpe23.is_some());
    if let Some(purl) = identifiers.and_then(|identifiers| identifiers.purl) {
        return package_url(&format!("{member}/identifiers/purl"), &purl);
    }
    match id {
        Some(id) => package_url(&format!("{member}/@id"), &id),
        None if has_cpe => Err(format!("{member} has only a CPE")),
        None => Err(format!("{member} has neither an @id nor a package URL")),
    }
}

fn package_url(member: &str, text: &str) -> Result<PackageUrl<'static>, String> {
    const SHOWN: usize = 120;
    PackageUrl::from_str(text).map_err(|error| {
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push_str("...");
        }
        format!("{member} {shown:?} is no package URL ({error})")
    })
}

#[cfg(test)]
mod tests;
