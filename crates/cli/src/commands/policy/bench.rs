//! `stele policy bench`: how long a query takes, as `opa bench` reports it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::exit::Verdict;
use crate::output;
use crate::query::load::LoadArgs;
use crate::query::metrics::{self, Metrics, nanos};
use crate::query::{Failure, Prepared, Query, SettingsArgs, engine};

/// Samples kept for the histogram; a query that is quicker than this many a run is measured for less than `--duration`.
const MAX_SAMPLES: usize = 2_000_000;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table
    #[default]
    Pretty,
    /// One JSON document for each run
    Json,
    /// Lines of Go's benchmark format
    Gobench,
}

/// Measure a query.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    /// How results are printed
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    /// How many times the whole measurement is made
    #[arg(long, value_name = "RUNS", default_value = "1")]
    count: NonZeroU32,
    /// For how long evaluations are measured in each run, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    duration: u64,
    /// Measure also when the query is undefined; otherwise that ends the command with code 1
    #[arg(long)]
    allow_undefined: bool,
}

/// One run.
#[derive(Serialize)]
struct Measured {
    #[serde(rename = "N")]
    samples: u64,
    /// All evaluations together, in nanoseconds.
    #[serde(rename = "T")]
    total_ns: u64,
    #[serde(rename = "Extra")]
    extra: BTreeMap<String, f64>,
}

/// Why there is nothing to report.
enum Ended {
    Undefined,
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let mut prepared = match prepare(args)? {
        Ok(prepared) => prepared,
        Err(failure) => return report(args.format, &failure),
    };
    let input = prepared.1;
    for _ in 0..args.count.get() {
        match measure(args, &mut prepared.0, input.as_deref()) {
            Ok(measured) => measured.print(args.format)?,
            Err(Ended::Undefined) => {
                output::note("the query is undefined; --allow-undefined measures it all the same");
                return Ok(Verdict::Fail);
            }
            Err(Ended::Failed(failure)) => return report(args.format, &failure),
        }
    }
    Ok(Verdict::Pass)
}

fn report(format: Format, failure: &Failure) -> Result<Verdict> {
    if format == Format::Json {
        output::json(&serde_json::json!({ "errors": failure.errors }))?;
    } else {
        output::note(failure.text());
    }
    Ok(Verdict::Invalid)
}

type Ready = (Prepared, Option<Vec<u8>>);

fn prepare(args: &Args) -> Result<Result<Ready, Failure>> {
    let settings = args.settings.read()?;
    let mut metrics = Metrics::default();
    let loaded = match args.load.load(&mut metrics)? {
        Ok(loaded) => loaded,
        Err(failure) => return Ok(Err(failure)),
    };
    let input = loaded.input.as_ref().map(stele_types::json::to_vec);
    let trees = loaded.documents.trees();
    let prepared = Query::parse(loaded.query.clone(), &trees, &loaded.scope)
        .and_then(|query| Prepared::new(&loaded.documents, &loaded.scope, query, &settings, &mut metrics));
    Ok(prepared.map(|prepared| (prepared, input)))
}

fn measure(args: &Args, prepared: &mut Prepared, input: Option<&[u8]>) -> Result<Measured, Ended> {
    let world = engine::World::now();
    let calls = world.calls();
    let context = world.context(&calls);
    let limit = Duration::from_millis(args.duration);
    let warm_up = Duration::from_millis(args.duration / 10);
    // A tenth of the time warms caches; what it measures is dropped.
    let start = Instant::now();
    loop {
        if !prepared.run(input, &context)? && !args.allow_undefined {
            return Err(Ended::Undefined);
        }
        if start.elapsed() >= warm_up {
            break;
        }
    }
    let mut samples = Vec::new();
    let mut total_ns = 0_u64;
    let limit_ns = nanos(limit);
    while samples.is_empty() || (total_ns < limit_ns && samples.len() < MAX_SAMPLES) {
        let start = Instant::now();
        prepared.run(input, &context)?;
        let sample = nanos(start.elapsed());
        total_ns = total_ns.saturating_add(sample);
        samples.push(sample);
    }
    samples.sort_unstable();
    Ok(Measured {
        samples: u64::try_from(samples.len()).unwrap_or(u64::MAX),
        total_ns,
        extra: histogram(&samples, total_ns),
    })
}

/// OPA's names for the histogram of `timer_rego_query_eval_ns`; `sorted` is not empty.
fn histogram(sorted: &[u64], total_ns: u64) -> BTreeMap<String, f64> {
    let count = sorted.len() as f64;
    let mean = total_ns as f64 / count;
    let variance = sorted
        .iter()
        .map(|sample| (*sample as f64 - mean).powi(2))
        .sum::<f64>()
        / count;
    let at = |share: usize| percentile(sorted, share) as f64;
    let values = [
        ("count", count),
        ("min", at(0)),
        ("max", at(10_000)),
        ("mean", mean),
        ("stddev", variance.sqrt()),
        ("median", at(5_000)),
        ("75%", at(7_500)),
        ("90%", at(9_000)),
        ("95%", at(9_500)),
        ("99%", at(9_900)),
        ("99.9%", at(9_990)),
        ("99.99%", at(9_999)),
    ];
    values
        .into_iter()
        .map(|(name, value)| (format!("histogram_{}_{name}", metrics::QUERY_EVAL), value))
        .collect()
}

/// The smallest sample that at least so many ten thousandths of all samples don't exceed.
fn percentile(sorted: &[u64], share: usize) -> u64 {
    let rank = sorted.len().saturating_mul(share).div_ceil(10_000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

impl Measured {
    fn ns_per_op(&self) -> u64 {
        self.total_ns.checked_div(self.samples).unwrap_or_default()
    }

    fn print(&self, format: Format) -> Result<()> {
        match format {
            Format::Json => output::json(self)?,
            Format::Gobench => output::line(format!(
                "BenchmarkSteleEval\t{:>8}\t{:>10} ns/op",
                self.samples,
                self.ns_per_op()
            )),
            Format::Pretty => {
                let mut rows = vec![
                    vec!["samples".to_owned(), self.samples.to_string()],
                    vec!["ns/op".to_owned(), self.ns_per_op().to_string()],
                ];
                for (name, value) in &self.extra {
                    rows.push(vec![name.clone(), format!("{value:.0}")]);
                }
                output::bordered(&[], rows);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let sorted: Vec<u64> = (1..=1_000).collect();
        assert_eq!(percentile(&sorted, 0), 1);
        assert_eq!(percentile(&sorted, 5_000), 500);
        assert_eq!(percentile(&sorted, 9_990), 999);
        assert_eq!(percentile(&sorted, 9_999), 1_000);
        assert_eq!(percentile(&[7], 5_000), 7);
    }

    #[test]
    fn a_histogram_has_mean_and_deviation() {
        let found = histogram(&[2, 4, 4, 4, 5, 5, 7, 9], 40);
        assert_eq!(found["histogram_timer_rego_query_eval_ns_mean"], 5.0);
        assert_eq!(found["histogram_timer_rego_query_eval_ns_stddev"], 2.0);
    }
}
