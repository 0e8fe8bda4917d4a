//! `stele decision explain`: evaluates the recorded input again, on the recorded version, and says which rules held and why.

use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output;
use crate::record::Records;
use anyhow::{Context, Result, bail};
use stele_policy::explain::{self, ExplainRequest};
use stele_policy::nd::{NdCache, NdCalls};
use stele_policy::{EvalContext, load};
use stele_server::BundleStore;
use stele_types::PolicyVersion;

/// Say why.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decision id, or `latest`
    id: String,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let records = Records::open(sources)?;
    let (_, record) = records.record(records.resolve(&args.id)?)?;
    if record.is_withheld("input") {
        bail!(
            "the input of {} was masked or erased, so nobody can evaluate it again",
            record.decision_id
        );
    }
    if record.is_withheld("nd_builtin_cache") {
        bail!(
            "what impure builtins gave in {} was masked or erased, so nobody can evaluate it again",
            record.decision_id
        );
    }
    let bytes = bundle(sources, record.policy_version)?;
    let set = load::load_bundle(&bytes).context("the bundle")?;
    let recorded = NdCache::of_record(record.nd_builtin_cache.as_ref())?;
    let calls = NdCalls::new(&recorded);
    let request = ExplainRequest {
        policy: &record.policy_id,
        entry_point: &record.path,
        input: record.input.as_ref(),
        context: EvalContext {
            nd: Some(&calls),
            ..EvalContext::at(record.timestamp)
        },
        recorded: record.result.as_ref(),
    };
    let explanation = explain::explain(&set, &request)?;
    output::line(explanation.to_text().trim_end());
    Ok(Verdict::Pass)
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
