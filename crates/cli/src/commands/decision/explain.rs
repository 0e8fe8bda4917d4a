//! `stele decision explain`: evaluates the recorded input again, on the recorded version, and says which rules held and why.

use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output::{self, Format};
use crate::record::Records;
use anyhow::{Context, Result, bail};
use stele_policy::explain::{self, Explanation, Recorded, SearchLimits};
use stele_policy::{PolicySet, load};
use stele_server::BundleStore;
use stele_types::PolicyVersion;

/// Say why.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decision id, or `latest`
    id: String,
    /// For a denial, look for a change of the input of up to this many operations that would allow; 0: don't
    #[arg(long, value_name = "COUNT", default_value_t = SearchLimits::default().changes)]
    changes: usize,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let records = Records::open(sources)?;
    let (_, record) = records.record(records.resolve(&args.id)?)?;
    let recorded = Recorded::new(&record)?;
    let bytes = bundle(sources, record.policy_version)?;
    let set = load::load_bundle(&bytes).context("the bundle")?;
    let explanation = explained(&set, &recorded, args.changes)?;
    match args.format {
        Format::Text => output::line(explanation.to_text().trim_end()),
        Format::Json => output::json(&explanation.to_json())?,
    }
    Ok(Verdict::Pass)
}

/// Why a decision came out as it did; with changes of up to so many operations under which it would allow, 0 for none.
pub(crate) fn explained(set: &PolicySet, recorded: &Recorded<'_>, changes: usize) -> Result<Explanation> {
    let search = (changes > 0).then_some(SearchLimits {
        changes,
        ..SearchLimits::default()
    });
    Ok(recorded.ask(search, |request| explain::explain(set, request))?)
}

/// The bundle of a version, from the data directory; its digest is checked.
pub(crate) fn bundle(sources: &Sources, version: PolicyVersion) -> Result<Vec<u8>> {
    let path = BundleStore::new(sources.home()?.bundles()).path(version);
    let bytes = std::fs::read(&path)
        .environment(format!("can't read the version that decided, {}", path.display()))?;
    if PolicyVersion::of_bundle(&bytes) != version {
        bail!(
            "{} is not the bundle its name says: it was altered; restore it from its source",
            path.display()
        );
    }
    Ok(bytes)
}
