//! Packages against the store.

use crate::cvss::Rating;
use crate::ecosystem::{Home, Known};
use crate::matching::{self, Candidate, Judgement};
use crate::osv::{Advisory, Affected};
use crate::package::Package;
use crate::store::{DataInfo, Store, StoreError, days_between};
use crate::vex::{Statement, Status, Vex};
use jiff::Timestamp;
use packageurl::PackageUrl;
use std::collections::{BTreeMap, BTreeSet};
use stele_sbom::Ecosystem;

/// How the ids of malicious packages begin: <https://github.com/ossf/malicious-packages>.
const MALICIOUS: &str = "MAL-";

/// A vulnerability in a package. What several databases say of it is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it is known by: its CVE, where it has one, else the first of its advisories.
    pub id: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// The advisories that say so.
    pub advisories: Vec<String>,
    /// Vulnerabilities that a distribution's advisory is about together.
    pub upstream: Vec<String>,
    /// One line.
    pub summary: String,
    /// How bad it is.
    pub rating: Rating,
    /// When it became known.
    pub published: Option<Timestamp>,
    /// When an advisory last changed.
    pub modified: Timestamp,
    /// The package, by its number in what was scanned.
    pub package: usize,
    /// The least version above the installed one that mends it.
    pub fixed: Option<String>,
    /// The day since which it is known to be exploited.
    pub exploited: Option<String>,
    /// The package itself is meant to do harm.
    pub malicious: bool,
    /// Why nobody can say that the installed version is affected; it counts as affected.
    pub undecided: Option<String>,
    /// Who takes it back.
    pub suppressed: Option<Suppressed>,
}

/// Why a vulnerability does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Not affected, or fixed.
    pub status: Status,
    /// The specification's word.
    pub justification: Option<String>,
    /// Free words.
    pub impact: Option<String>,
    /// Who says so.
    pub author: String,
    /// Where that is written.
    pub place: String,
    /// All of it in one line.
    pub reason: String,
}

impl From<&Statement> for Suppressed {
    fn from(statement: &Statement) -> Self {
        Self {
            status: statement.status,
            justification: statement.justification.clone(),
            impact: statement.impact.clone(),
            author: statement.author.clone(),
            place: statement.place.clone(),
            reason: statement.reason(),
        }
    }
}

impl Found {
    /// Days since it became known.
    #[must_use]
    pub fn age_days(&self, now: Timestamp) -> i64 {
        days_between(self.published.unwrap_or(self.modified), now)
    }
}

/// A package that nothing can be said of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchecked {
    /// Its package URL.
    pub purl: String,
    /// Why.
    pub reason: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// By package, then by severity, the worst first.
    pub found: Vec<Found>,
    /// Packages that no data can be about: without version, or of nobody whom OSV knows.
    pub unchecked: Vec<Unchecked>,
    /// Packages of ecosystems that could be matched, but of which there are no data, by ecosystem and release (`npm`, `Debian 12`).
    pub missing: BTreeMap<String, usize>,
    /// Advisories about packages here that name commits only, which no version can be compared with.
    pub commits: BTreeSet<String>,
    /// Statements that took nothing back.
    pub unused: Vec<(String, String)>,
    /// What was asked.
    pub info: DataInfo,
}

/// What one advisory says of a package.
struct Hit {
    advisory: Advisory,
    affected: Vec<Affected>,
    /// The installed version that it is about.
    version: String,
    undecided: Option<String>,
}

impl Hit {
    /// All names of what it is about. An advisory of a distribution about one vulnerability is about that.
    fn names(&self) -> impl Iterator<Item = &str> {
        let only = match self.advisory.upstream.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let own = std::iter::once(&self.advisory.id);
        own.chain(&self.advisory.aliases).chain(only).map(String::as_str)
    }
}

/// Looks packages up. `product` is the package URL of what they are part of, which statements may name; `progress` is told how many were looked up.
///
/// # Errors
///
/// [`StoreError`] if the store can't be read.
pub fn scan(
    store: &Store,
    packages: &[Package],
    vex: &mut Vex,
    product: Option<&PackageUrl<'_>>,
    progress: &dyn Fn(usize),
) -> Result<Scan, StoreError> {
    let mut out = Scan {
        found: Vec::new(),
        unchecked: Vec::new(),
        missing: BTreeMap::new(),
        commits: BTreeSet::new(),
        unused: Vec::new(),
        info: store.info().clone(),
    };
    for (number, package) in packages.iter().enumerate() {
        progress(number);
        let Some(home) = home_of(package, store, &mut out) else {
            continue;
        };
        let hits = hits(store, package, &home, &mut out.commits)?;
        let mut found = Vec::new();
        for group in grouped(hits) {
            let mut one = merged(&group, number, home.ecosystem);
            let names = one.aliases.iter().chain([&one.id]).map(String::as_str);
            let names: Vec<&str> = names.collect();
            one.exploited = store.exploited(names.iter().copied())?;
            one.suppressed = vex.suppress(&names, package, product).map(Suppressed::from);
            found.push(one);
        }
        found.sort_by(|a, b| b.rating.cmp(&a.rating).then_with(|| a.id.cmp(&b.id)));
        out.found.extend(found);
    }
    let unused = vex.unused();
    out.unused = unused
        .map(|one| (one.place.clone(), one.name().to_owned()))
        .collect();
    Ok(out)
}

/// Where a package's advisories are; notes why there are none.
fn home_of(package: &Package, store: &Store, out: &mut Scan) -> Option<Home> {
    let mut unchecked = |reason: String| {
        out.unchecked.push(Unchecked {
            purl: package.purl.clone(),
            reason,
        });
    };
    let Some(home) = package.home() else {
        let reason = match (&package.distro, package.ecosystem) {
            (Some(distro), _) => format!("OSV has no data for the distribution {:?}", distro.id),
            (None, Ecosystem::Generic) if package.purl.starts_with("pkg:") => {
                "its package URL is of no ecosystem that is matched here".to_owned()
            }
            (None, Ecosystem::Generic) => "it has no package URL".to_owned(),
            (None, other) => format!("which distribution this {other} package belongs to is not known"),
        };
        unchecked(reason);
        return None;
    };
    if package.version.is_none() {
        unchecked("it has no version".to_owned());
        return None;
    }
    // Of a distribution the release has to be among the data: those of others say nothing of it.
    let releases = store.info().releases.get(home.ecosystem.name);
    if !releases.is_some_and(|releases| releases.iter().any(|release| home.is(release))) {
        let count = out.missing.entry(home.label()).or_default();
        *count = count.saturating_add(1);
        return None;
    }
    Some(home)
}

fn hits(
    store: &Store,
    package: &Package,
    home: &Home,
    commits: &mut BTreeSet<String>,
) -> Result<Vec<Hit>, StoreError> {
    let order = home.ecosystem.order;
    let mut hits: BTreeMap<String, Hit> = BTreeMap::new();
    for (name, version) in package.names(order) {
        let candidate = Candidate::new(order, version);
        for (advisory, mut affected) in store.about(home.ecosystem, &home.ecosystem.normal(name))? {
            affected.retain(|entry| home.is(&entry.release));
            let only_commits =
                |entry: &Affected| entry.git > 0 && entry.ranges.is_empty() && entry.versions.is_empty();
            if !affected.is_empty() && affected.iter().all(only_commits) {
                commits.insert(advisory.id.clone());
                continue;
            }
            let undecided = match candidate.judge(&affected) {
                Judgement::No => continue,
                Judgement::Yes => None,
                Judgement::Undecided(reason) => Some(reason),
            };
            hits.entry(advisory.id.clone()).or_insert(Hit {
                advisory,
                affected,
                version: version.to_owned(),
                undecided,
            });
        }
    }
    Ok(hits.into_values().collect())
}

/// Advisories with a name in common, also by way of others.
fn grouped(hits: Vec<Hit>) -> Vec<Vec<Hit>> {
    let mut groups: Vec<(BTreeSet<String>, Vec<Hit>)> = Vec::new();
    for hit in hits {
        let mut names: BTreeSet<String> = hit.names().map(str::to_owned).collect();
        let mut members = vec![hit];
        let (same, other): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|(known, _)| !known.is_disjoint(&names));
        for (known, hits) in same {
            names.extend(known);
            members.extend(hits);
        }
        groups = other;
        groups.push((names, members));
    }
    let mut out: Vec<Vec<Hit>> = groups.into_iter().map(|(_, hits)| hits).collect();
    for group in &mut out {
        group.sort_by(|a, b| a.advisory.id.cmp(&b.advisory.id));
    }
    out
}

/// What several advisories say of one vulnerability.
fn merged(group: &[Hit], package: usize, ecosystem: Known) -> Found {
    let names: BTreeSet<&str> = group.iter().flat_map(Hit::names).collect();
    let id = id_of(group, &names);
    let advisories: BTreeSet<&str> = group.iter().map(|hit| hit.advisory.id.as_str()).collect();
    let ratings = group.iter().flat_map(|hit| &hit.affected).map(Rating::of);
    let malicious = names.iter().any(|name| name.starts_with(MALICIOUS));
    let rating = ratings.max().unwrap_or_default();
    // That a version can't be compared counts only where no advisory could compare it.
    let decided = group.iter().any(|hit| hit.undecided.is_none());
    let undecided = group
        .iter()
        .find_map(|hit| hit.undecided.clone())
        .filter(|_| !decided);
    let affected: Vec<&[Affected]> = group.iter().map(|hit| hit.affected.as_slice()).collect();
    let installed = group.first().map_or("", |hit| hit.version.as_str());
    let mut summaries = group.iter().map(|hit| hit.advisory.summary.as_str());
    let upstream: BTreeSet<&String> = group.iter().flat_map(|hit| &hit.advisory.upstream).collect();
    Found {
        aliases: names
            .iter()
            .filter(|name| **name != id)
            .map(|name| (*name).to_owned())
            .collect(),
        advisories: advisories.into_iter().map(str::to_owned).collect(),
        upstream: upstream
            .into_iter()
            .filter(|name| !names.contains(name.as_str()))
            .cloned()
            .collect(),
        summary: summaries
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned(),
        rating: if malicious {
            rating.at_least_critical()
        } else {
            rating
        },
        published: group.iter().filter_map(|hit| hit.advisory.published).min(),
        modified: group
            .iter()
            .map(|hit| hit.advisory.modified)
            .max()
            .unwrap_or(Timestamp::UNIX_EPOCH),
        package,
        fixed: matching::fix(ecosystem.order, installed, &affected),
        exploited: None,
        malicious,
        undecided,
        suppressed: None,
        id,
    }
}

/// The CVE that all databases refer to, so that the name stays when another database is imported; else the first of the advisories.
fn id_of(group: &[Hit], names: &BTreeSet<&str>) -> String {
    let cve = names.iter().copied().find(|name| name.starts_with("CVE-"));
    let advisories = group.iter().map(|hit| hit.advisory.id.as_str());
    let found = cve.or_else(|| advisories.min());
    found.unwrap_or_default().to_owned()
}
