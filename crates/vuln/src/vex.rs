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
    /// The scan may say too little for it. Not so where less is taken back than the statement means.
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
        let named = self
            .names
            .iter()
            .any(|name| ids.iter().any(|id| id.eq_ignore_ascii_case(name)));
        named
            && self
                .products
                .iter()
                .any(|product| product.covers(package, subject))
    }
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
}

impl Vex {
    /// Adds a document. Statements from after `now`, and those that are not what the specification demands, are told, and say nothing. So are products, and parts of
    /// products, without package URL.
    ///
    /// # Errors
    ///
    /// [`VexProblem`] if the document as a whole is none.
    pub fn add(&mut self, file: &str, text: &str, now: Timestamp) -> Result<Vec<VexProblem>, VexProblem> {
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
        let mut problems = Vec::new();
        for (number, raw) in document.statements.into_iter().enumerate() {
            let place = format!("{file}#statements/{number}");
            match statement(raw, &place, &document.author, document.timestamp) {
                Ok((statement, _)) if statement.time > now => {
                    let time = statement.time;
                    let message = format!("it is dated {time}, which is yet to come: correct its timestamp");
                    problems.push(problem(&place, message));
                }
                Ok((statement, unknown)) => {
                    let left_out = unknown.into_iter().map(|id| VexProblem {
                        place: place.clone(),
                        message: format!(
                            "the product {id:?} is left out: products are known here by their package URL (`\"identifiers\": {{\"purl\": \"pkg:...\"}}`)"
                        ),
                        fails: !statement.suppresses(),
                    });
                    problems.extend(left_out);
                    if !statement.products.is_empty() {
                        self.statements.push(statement);
                    }
                }
                Err(message) => problems.push(problem(&place, message)),
            }
        }
        self.used.resize(self.statements.len(), false);
        Ok(problems)
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

/// A statement, and the products and parts in it that are not known here.
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
    let mut unknown = Vec::new();
    let products = raw.products.into_iter();
    let products = products.filter_map(|raw| product(raw, &mut unknown)).collect();
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
    Ok((read, unknown))
}

/// A product with those of its parts that have a package URL. `unknown` gets what has none; of a product with parts none of which is known nothing is said.
fn product(raw: RawProduct, unknown: &mut Vec<String>) -> Option<Product> {
    let (ids, parts) = match raw {
        RawProduct::Id(id) => ([None, Some(id)], Vec::new()),
        RawProduct::Whole {
            id,
            identifiers,
            subcomponents,
        } => (
            [identifiers.and_then(|identifiers| identifiers.purl), id],
            subcomponents,
        ),
    };
    let found = ids.iter().flatten().find_map(|id| PackageUrl::from_str(id).ok());
    let Some(purl) = found else {
        unknown.push(ids.into_iter().flatten().last().unwrap_or_default());
        return None;
    };
    let has_parts = !parts.is_empty();
    let parts: Vec<PackageUrl<'static>> = parts
        .into_iter()
        .filter_map(|part| product(part, unknown).map(|part| part.purl))
        .collect();
    (parts.is_empty() != has_parts).then_some(Product { purl, parts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(statements: &[Value]) -> String {
        json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "Ada", "version": 1,
            "timestamp": "2026-01-01T00:00:00Z", "statements": statements,
        })
        .to_string()
    }

    fn vex(statements: &[Value]) -> (Vex, Vec<String>) {
        let mut vex = Vex::default();
        let problems = vex.add("v.json", &document(statements), now()).unwrap();
        (vex, problems.iter().map(ToString::to_string).collect())
    }

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    /// What is said of one vulnerability.
    fn suppressed<'v>(
        vex: &'v mut Vex,
        id: &str,
        package: &Package,
        subject: Option<&PackageUrl<'_>>,
    ) -> Option<&'v Statement> {
        let names = [BTreeSet::from([id])];
        vex.suppress(&names, package, subject).into_iter().next()
    }

    #[test]
    fn of_statements_of_one_time_that_counts_which_takes_nothing_back() {
        let (back, not) = (
            said("fixed", "pkg:npm/a"),
            said("under_investigation", "pkg:npm/a"),
        );
        for order in [[back.clone(), not.clone()], [not, back]] {
            let (mut vex, _) = vex(&order);
            assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
        }
    }

    #[test]
    fn what_is_dated_after_now_says_nothing() {
        let mut later = said("fixed", "pkg:npm/a");
        later["last_updated"] = "2026-06-01T00:00:01Z".into();
        let (mut vex, problems) = vex(&[later]);
        assert!(
            problems[0].contains("v.json#statements/0: it is dated 2026-06-01T00:00:01Z"),
            "{problems:?}"
        );
        assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
    }

    #[test]
    fn a_finding_is_taken_back_with_all_its_vulnerabilities() {
        let installed = package("pkg:npm/a@1.0.0");
        let two = [BTreeSet::from(["CVE-1"]), BTreeSet::from(["CVE-2", "GHSA-2"])];
        let (mut one, _) = vex(&[said("fixed", "pkg:npm/a")]);
        assert!(one.suppress(&two, &installed, None).is_empty());
        assert_eq!(one.unused().count(), 1);
        let mut second = said("fixed", "pkg:npm/a");
        second["vulnerability"] = "GHSA-2".into();
        let (mut both, _) = vex(&[said("fixed", "pkg:npm/a"), second]);
        assert_eq!(both.suppress(&two, &installed, None).len(), 2);
        assert_eq!(both.unused().count(), 0);
        assert!(both.suppress(&[], &installed, None).is_empty());
    }

    fn package(purl: &str) -> Package {
        Package::of_purl(purl, None).unwrap()
    }

    fn said(status: &str, product: &str) -> Value {
        json!({"vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]}, "products": [{"@id": product}], "status": status, "impact_statement": "not used"})
    }

    #[test]
    fn products_are_known_with_and_without_version() {
        let installed = package("pkg:npm/%40s/a@1.0.0?platform=x");
        for (product, covers) in [
            ("pkg:npm/%40s/a@1.0.0", true),
            ("pkg:npm/%40s/a", true),
            ("pkg:npm/%40s/a@1.0.0?platform=x", true),
            ("pkg:npm/%40s/a@1.0.0?platform=y", false),
            ("pkg:npm/%40s/a@1.0.1", false),
            ("pkg:npm/a@1.0.0", false),
            ("pkg:pypi/a", false),
        ] {
            let (mut vex, problems) = vex(&[said("not_affected", product)]);
            assert!(problems.is_empty(), "{problems:?}");
            assert_eq!(
                suppressed(&mut vex, "GHSA-1", &installed, None).is_some(),
                covers,
                "{product}"
            );
            assert_eq!(vex.unused().count(), usize::from(!covers));
            assert!(suppressed(&mut vex, "CVE-2", &installed, None).is_none());
        }
    }

    #[test]
    fn the_latest_statement_counts() {
        let mut later = said("affected", "pkg:npm/a");
        later["timestamp"] = "2026-02-01T00:00:00Z".into();
        let first = said("not_affected", "pkg:npm/a@1.0.0");
        let (mut both, _) = vex(&[later.clone(), first.clone()]);
        assert!(suppressed(&mut both, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
        assert_eq!(both.unused().count(), 1);
        let mut last = said("fixed", "pkg:npm/a");
        last["last_updated"] = "2026-03-01T00:00:00Z".into();
        let (mut all, _) = vex(&[later, first, last]);
        let found = suppressed(&mut all, "CVE-1", &package("pkg:npm/a@1.0.0"), None).unwrap();
        assert_eq!(
            (found.reason().as_str(), found.author.as_str()),
            ("fixed: not used", "Ada")
        );
    }

    #[test]
    fn parts_belong_to_what_is_scanned() {
        let statement = json!({"vulnerability": "CVE-1", "status": "not_affected", "justification": "component_not_present",
            "products": [{"@id": "pkg:oci/shop", "subcomponents": [{"identifiers": {"purl": "pkg:npm/a"}}]}]});
        let (mut vex, problems) = vex(&[statement]);
        assert!(problems.is_empty(), "{problems:?}");
        let installed = package("pkg:npm/a@1.0.0");
        assert!(suppressed(&mut vex, "CVE-1", &installed, None).is_none());
        let shop = PackageUrl::from_str("pkg:oci/shop@sha256%3A00").unwrap();
        assert!(suppressed(&mut vex, "CVE-1", &installed, Some(&shop)).is_some());
        assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/b@1.0.0"), Some(&shop)).is_none());
        let other = PackageUrl::from_str("pkg:oci/other").unwrap();
        assert!(suppressed(&mut vex, "CVE-1", &installed, Some(&other)).is_none());
    }

    #[test]
    fn products_without_package_url_are_left_out_and_told() {
        let said = |status: &str, products: Value| json!({"vulnerability": "CVE-1", "status": status, "impact_statement": "not used", "products": products});
        let mixed = json!([{"@id": "https://example.org/shop"}, "pkg:npm/a", {"@id": "urn:x", "identifiers": {"purl": "pkg:npm/b"}}]);
        let of = |statement: Value| {
            let mut vex = Vex::default();
            let problems = vex.add("v.json", &document(&[statement]), now()).unwrap();
            (vex, problems)
        };
        let (mut vex, problems) = of(said("not_affected", mixed.clone()));
        for (purl, is) in [
            ("pkg:npm/a@1.0.0", true),
            ("pkg:npm/b@1.0.0", true),
            ("pkg:npm/c@1.0.0", false),
        ] {
            assert_eq!(
                suppressed(&mut vex, "CVE-1", &package(purl), None).is_some(),
                is,
                "{purl}"
            );
        }
        // That less is taken back than is meant does no harm; that less counts against it does.
        let told: Vec<(String, bool)> = problems.iter().map(|one| (one.to_string(), one.fails)).collect();
        assert!(
            matches!(told.as_slice(), [(text, false)] if text.starts_with("v.json#statements/0: the product \"https://example.org/shop\" is left out")),
            "{told:?}"
        );
        let (_, problems) = of(said("affected", mixed));
        assert!(problems[0].fails && problems.len() == 1, "{problems:?}");
        let (mut vex, problems) = of(said("fixed", json!([{"@id": "urn:x"}])));
        assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
        assert_eq!(
            (problems.len(), problems[0].fails, vex.unused().count()),
            (1, false, 0)
        );
    }

    #[test]
    fn a_product_none_of_whose_parts_is_known_is_not_taken_whole() {
        let shop = PackageUrl::from_str("pkg:oci/shop").unwrap();
        let statement = |parts: Value| json!({"vulnerability": "CVE-1", "status": "fixed", "products": [{"@id": "pkg:oci/shop", "subcomponents": parts}]});
        let (mut none, problems) = vex(&[statement(json!(["urn:a"]))]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(suppressed(&mut none, "CVE-1", &package("pkg:npm/a@1.0.0"), Some(&shop)).is_none());
        let (mut one, problems) = vex(&[statement(json!(["urn:a", "pkg:npm/a"]))]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(suppressed(&mut one, "CVE-1", &package("pkg:npm/a@1.0.0"), Some(&shop)).is_some());
        assert!(suppressed(&mut one, "CVE-1", &package("pkg:npm/b@1.0.0"), Some(&shop)).is_none());
    }

    #[test]
    fn what_the_specification_refuses_says_nothing() {
        let bare =
            |status: &str| json!({"vulnerability": "CVE-1", "status": status, "products": ["pkg:npm/a"]});
        let mut word = bare("not_affected");
        word["justification"] = "trust_me".into();
        let mut blank = bare("not_affected");
        blank["impact_statement"] = " ".into();
        let nobody = json!({"vulnerability": "CVE-1", "status": "fixed"});
        let (mut read, problems) = vex(&[
            bare("not_affected"),
            word,
            blank,
            nobody,
            bare("harmless"),
            bare("fixed"),
        ]);
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(
            problems[0].contains("v.json#statements/0: not_affected needs a justification"),
            "{problems:?}"
        );
        assert!(problems[1].contains("component_not_present"), "{problems:?}");
        assert!(problems[3].contains("names no product"), "{problems:?}");
        assert!(suppressed(&mut read, "CVE-1", &package("pkg:npm/a@1"), None).is_some());
        let mut vex = Vex::default();
        let error = vex.add("v.json", "[]", now()).unwrap_err().to_string();
        assert!(error.starts_with("v.json: no OpenVEX document"), "{error}");
        let other = document(&[]).replace("openvex.dev", "example.org");
        assert!(
            vex.add("v.json", &other, now())
                .unwrap_err()
                .to_string()
                .contains("@context")
        );
    }
}
