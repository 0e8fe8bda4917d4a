//! Packages against the store.

use crate::cvss::Rating;
use crate::ecosystem::{Home, Known};
use crate::matching::{self, Candidate, Judgement};
use crate::order::Order;
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
    /// Vulnerabilities that the advisories are related to: what some distributions' advisories mend.
    pub related: Vec<String>,
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

impl Suppressed {
    /// By statements, one or more for each vulnerability; the first has the words.
    fn by(statements: &[&Statement]) -> Option<Self> {
        let first = statements.first()?;
        let joined = |texts: Vec<String>| {
            let once: BTreeSet<String> = texts.into_iter().collect();
            once.into_iter().collect::<Vec<_>>().join(", ")
        };
        Some(Self {
            status: first.status,
            justification: first.justification.clone(),
            impact: first.impact.clone(),
            author: joined(statements.iter().map(|one| one.author.clone()).collect()),
            place: joined(statements.iter().map(|one| one.place.clone()).collect()),
            reason: joined(statements.iter().map(|one| one.reason()).collect()),
        })
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
    /// It may be vulnerable for all that is known: a distribution that nobody knows, or nothing that it could be looked up by.
    pub fails: bool,
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
    /// How many packages were matched.
    pub checked: usize,
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
    /// The installed version that it is about, and whether its epoch is not known.
    version: (String, bool),
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

    /// The CVEs that it is about. Some distributions (AlmaLinux) only say what an advisory is related to.
    fn cves(&self) -> BTreeSet<&str> {
        fn cves<'h>(names: impl Iterator<Item = &'h str>) -> BTreeSet<&'h str> {
            names.filter(|name| name.starts_with("CVE-")).collect()
        }
        let upstream = self.advisory.upstream.iter().map(String::as_str);
        let own = cves(self.names().chain(upstream));
        if own.is_empty() {
            return cves(self.advisory.related.iter().map(String::as_str));
        }
        own
    }

    fn candidate(&self, order: Order) -> Candidate<'_> {
        match &self.version {
            (version, true) => Candidate::without_epoch(order, version),
            (version, false) => Candidate::new(order, version),
        }
    }
}

/// OSV's ecosystems that packages are looked up in, without releases.
#[must_use]
pub fn ecosystems(packages: &[Package]) -> BTreeSet<&'static str> {
    let homes = packages.iter().filter_map(Package::home);
    homes.map(|home| home.ecosystem.name).collect()
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
        checked: 0,
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
        out.checked = out.checked.saturating_add(1);
        for group in grouped(hits) {
            let mut one = merged(&group, number, home.ecosystem);
            let names = one.aliases.iter().chain([&one.id]);
            let names = names.chain(&one.upstream).chain(&one.related);
            one.exploited = store.exploited(names.map(String::as_str))?;
            one.suppressed = Suppressed::by(&vex.suppress(&vulnerabilities(&group), package, product));
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
    let mut unchecked = |reason: String, fails: bool| {
        out.unchecked.push(Unchecked {
            purl: package.purl.clone(),
            reason,
            fails,
        });
    };
    let Some(home) = package.home() else {
        let is_foreign = package.ecosystem == Ecosystem::Generic && package.purl.starts_with("pkg:");
        let reason = match (&package.distro, package.ecosystem) {
            (Some(distro), _) if distro.id.is_empty() => "its package URL names no distribution".to_owned(),
            (Some(distro), _) => format!("OSV has no data for the distribution {:?}", distro.id),
            (None, Ecosystem::Generic) if is_foreign => {
                "its package URL is of no ecosystem that is matched here".to_owned()
            }
            (None, Ecosystem::Generic) => "it has no package URL".to_owned(),
            (None, other) => format!("which distribution this {other} package belongs to is not known"),
        };
        unchecked(reason, !is_foreign);
        return None;
    };
    if package.version.is_none() {
        unchecked("it has no version".to_owned(), false);
        return None;
    }
    // Of a distribution the release has to be among the data: those of others say nothing of it.
    let releases = store.info().releases.get(home.ecosystem.name);
    if !releases.is_some_and(|releases| releases.keys().any(|release| home.covered_by(release))) {
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
    for (name, candidate) in package.names(order) {
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
                version: (candidate.text().to_owned(), candidate.is_epochless()),
                undecided,
            });
        }
    }
    Ok(hits.into_values().collect())
}

/// Advisories with a name in common, also by way of others.
fn grouped(hits: Vec<Hit>) -> Vec<Vec<Hit>> {
    // Disjoint sets of advisories: each one's parent, itself at the top.
    let mut parents: Vec<usize> = (0..hits.len()).collect();
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, hit) in hits.iter().enumerate() {
        for name in hit.names() {
            let other = *first.entry(name).or_insert(number);
            let (one, other) = (top(&mut parents, number), top(&mut parents, other));
            if let Some(parent) = parents.get_mut(one.max(other)) {
                *parent = one.min(other);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<Hit>> = BTreeMap::new();
    for (number, hit) in hits.into_iter().enumerate() {
        groups.entry(top(&mut parents, number)).or_default().push(hit);
    }
    let mut out: Vec<Vec<Hit>> = groups.into_values().collect();
    for group in &mut out {
        group.sort_by(|a, b| a.advisory.id.cmp(&b.advisory.id));
    }
    out
}

/// The top of a set; halves the way there.
fn top(parents: &mut [usize], mut number: usize) -> usize {
    while let Some(parent) = parents.get(number).copied().filter(|parent| *parent != number) {
        let above = parents.get(parent).copied().unwrap_or(parent);
        if let Some(own) = parents.get_mut(number) {
            *own = above;
        }
        number = above;
    }
    number
}

/// The vulnerabilities that advisories are about, each with all its names. Another name of an advisory that is about several is none of theirs.
fn vulnerabilities(group: &[Hit]) -> Vec<BTreeSet<&str>> {
    let about: Vec<BTreeSet<&str>> = group.iter().map(Hit::cves).collect();
    let all: BTreeSet<&str> = about.iter().flatten().copied().collect();
    if all.is_empty() {
        return vec![group.iter().flat_map(Hit::names).collect()];
    }
    let named = |cve: &str| {
        let mut names = BTreeSet::new();
        for (hit, about) in group.iter().zip(&about).filter(|(_, about)| about.contains(cve)) {
            names.insert(hit.advisory.id.as_str());
            if about.len() == 1 {
                names.extend(hit.names());
            }
        }
        names
    };
    let each = all.iter().map(|cve| {
        let mut names = named(cve);
        names.insert(cve);
        names
    });
    each.collect()
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
    let installed = group.first().map(|hit| hit.candidate(ecosystem.order));
    let mut summaries = group.iter().map(|hit| hit.advisory.summary.as_str());
    let upstream: BTreeSet<&String> = group.iter().flat_map(|hit| &hit.advisory.upstream).collect();
    let related: BTreeSet<&String> = group.iter().flat_map(|hit| &hit.advisory.related).collect();
    let others = |list: BTreeSet<&String>| {
        let new = list.into_iter().filter(|name| !names.contains(name.as_str()));
        new.cloned().collect::<Vec<_>>()
    };
    Found {
        aliases: names
            .iter()
            .filter(|name| **name != id)
            .map(|name| (*name).to_owned())
            .collect(),
        advisories: advisories.into_iter().map(str::to_owned).collect(),
        upstream: others(upstream),
        related: others(related),
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
        fixed: installed.and_then(|installed| matching::fix(&installed, &affected)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hit(id: &str, aliases: &[&str]) -> Hit {
        Hit {
            advisory: Advisory {
                id: id.to_owned(),
                aliases: aliases.iter().map(|&name| name.to_owned()).collect(),
                upstream: Vec::new(),
                related: Vec::new(),
                summary: String::new(),
                published: None,
                modified: Timestamp::UNIX_EPOCH,
            },
            affected: Vec::new(),
            version: ("1".to_owned(), false),
            undecided: None,
        }
    }

    #[test]
    fn another_name_of_an_advisory_about_two_is_that_of_neither() {
        let group = [
            hit("GHSA-1", &["CVE-1"]),
            hit("OWN-1", &["CVE-1", "CVE-2", "GHSA-1"]),
        ];
        let all = vulnerabilities(&group);
        assert_eq!(
            all,
            [
                BTreeSet::from(["CVE-1", "GHSA-1", "OWN-1"]),
                BTreeSet::from(["CVE-2", "OWN-1"])
            ]
        );
        assert_eq!(vulnerabilities(&[hit("A", &["B"])]), [BTreeSet::from(["A", "B"])]);
    }

    proptest! {
        /// Groups are the connected parts: no name is in two, and within one each advisory can be reached from each.
        #[test]
        fn groups_are_what_names_connect(aliases in proptest::collection::vec(proptest::collection::vec(0u8..12, 0..3), 0..12)) {
            let hits = aliases.iter().enumerate().map(|(number, aliases)| {
                let aliases: Vec<String> = aliases.iter().map(|alias| format!("N-{alias}")).collect();
                let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
                hit(&format!("A-{number:02}"), &aliases)
            });
            let groups = grouped(hits.collect());
            prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), aliases.len());
            let mut seen = BTreeSet::new();
            for group in &groups {
                let mut reached: BTreeSet<&str> = group[0].names().collect();
                for _ in group {
                    for hit in group {
                        if hit.names().any(|name| reached.contains(name)) {
                            reached.extend(hit.names());
                        }
                    }
                }
                for name in group.iter().flat_map(Hit::names).collect::<BTreeSet<_>>() {
                    prop_assert!(reached.contains(name));
                    prop_assert!(seen.insert(name.to_owned()));
                }
            }
        }
    }
}
