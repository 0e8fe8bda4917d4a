//! `stele vuln scan`.

mod input;

use super::import::{age, days, described, open};
use crate::commands::check::exceptions;
use crate::config::Sources;
use crate::exit::{Environment, EnvironmentContext, Verdict};
use crate::findings::{self, FindingArgs, ReportFormat};
use crate::sources::{self, VersionArgs};
use crate::{output, progress, repository};
use anyhow::{Context, Result, bail};
use input::Input;
use jiff::Timestamp;
use packageurl::PackageUrl;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use stele_gate::check::Part;
use stele_gate::report::printable;
use stele_gate::source::{Origin, Source};
use stele_gate::{Checker, Outcome};
use stele_types::InputKind;
use stele_vuln::report::{self, Report};
use stele_vuln::{DataInfo, Vex};

/// A file whose line is shown may have this many bytes.
const SHOWN: u64 = 64 << 20;

/// `stele vuln scan`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directories and lock files; or one container image (archive or OCI layout); or one bill of materials (CycloneDX or SPDX, JSON)
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Image to take where a layout has several, e.g. linux/amd64
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
    /// OpenVEX document that takes vulnerabilities back, with a reason [can be repeated]
    #[arg(long, value_name = "FILE")]
    vex: Vec<PathBuf>,
    /// Package URL of what is scanned, which OpenVEX statements may name as their product
    #[arg(long, value_name = "PURL", value_parser = product)]
    product: Option<PackageUrl<'static>>,
    /// Days that the data may be old
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    max_age: u32,
    /// Pass over packages that may be vulnerable and can't be matched: of ecosystems that no data were imported for, of unknown distributions, without package URL
    #[arg(long)]
    allow_missing_data: bool,
    /// Let policies decide, instead of failing on each vulnerability: directory, bundle or module
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Let the policies of the configured directory decide, else those of the starter library
    #[arg(long, conflicts_with = "policy")]
    library: bool,
    /// Write what policies get as input to a file, for `stele check` and `stele eval`
    #[arg(long, value_name = "FILE")]
    write_input: Option<PathBuf>,
    #[command(flatten)]
    findings: FindingArgs,
    /// Report everything, and pass whatever is found or could not be read; data that are missing, damaged or too old fail all the same
    #[arg(long, aliases = ["no-fail", "soft-fail"])]
    dry_run: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Write the report to a file instead of standard output
    #[arg(short, long, value_name = "FILE", value_parser = crate::habits::output_file)]
    output: Option<PathBuf>,
}

fn product(text: &str) -> Result<PackageUrl<'static>, String> {
    PackageUrl::from_str(text).map_err(|error| format!("no package URL: {error}"))
}

pub(super) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    // Read first: a mistake in them is known before the work is done.
    let baseline = args.findings.read_baseline()?;
    let exceptions = exceptions::load(args.findings.exceptions.as_deref(), &args.paths)?;
    let checker = checker(sources, args)?;
    let now = Timestamp::now();
    let mut vex = read_vex(&args.vex, now)?;
    let store = open(sources)?;
    let input = input::read(&args.paths, args.platform.as_deref())?;
    let ecosystems = stele_vuln::ecosystems(&input.packages);
    output::note(described(store.info(), ecosystems.iter().copied(), now));
    fresh(store.info(), ecosystems, args.max_age, now)?;
    let bar = progress::bar("packages");
    bar.set_length(u64::try_from(input.packages.len()).unwrap_or(u64::MAX));
    let told = |done: usize| bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    let scan = stele_vuln::scan(&store, &input.packages, &mut vex, args.product.as_ref(), &told);
    bar.finish_and_clear();
    let scan = scan.environment("the vulnerability data can't be read")?;
    let report = Report {
        scan: &scan,
        packages: &input.packages,
        name: &input.name,
        now,
    };
    let mut failures = input.failures.clone();
    let (lost, left_out) = report::vex_failures(&vex.problems());
    failures.extend(lost);
    let document = report.document(&input.bill, &failures, &left_out);
    if let Some(path) = &args.write_input {
        findings::emit(Some(path), &serde_json::to_string_pretty(&document)?)?;
    }
    let own = report.outcome(&text_of, !args.allow_missing_data);
    let mut outcome = match &checker {
        Some(checker) => judged(checker, &report, &document, own)?,
        None => own,
    };
    outcome.failures.extend(failures);
    for failure in left_out.iter().take(NOTES) {
        output::note(printable(&failure.to_string()));
    }
    if left_out.len() > NOTES {
        let more = left_out.len().saturating_sub(NOTES);
        output::note(format!(
            "... and {more} more VEX statements with products that are left out"
        ));
    }
    remarks(&report, &input, &outcome, args);
    for exceptions in &exceptions {
        exceptions.apply(&mut outcome, &args.paths, false, None);
    }
    if let Some(path) = &args.findings.write_baseline {
        return findings::write_baseline(path, &outcome);
    }
    if let Some((baseline, _)) = &baseline {
        findings::leave_out(baseline, &mut outcome);
    }
    print(args, &outcome, document)?;
    output::note(report.summary());
    Ok(findings::verdict(args.findings.fail_on, args.dry_run, &outcome))
}

/// Data that are too old say nothing of what became known since.
fn fresh(info: &DataInfo, ecosystems: BTreeSet<&str>, max_age: u32, now: Timestamp) -> Result<()> {
    let message = match age(info, ecosystems, now) {
        Some((_, Some((_, age)))) if age <= i64::from(max_age) => return Ok(()),
        Some((ecosystem, Some((_, age)))) => format!(
            "the vulnerability data of {ecosystem} are {} old, and --max-age is {max_age}: import newer ones with `stele vuln import`, or take the risk with --max-age {age}",
            days(age)
        ),
        Some((ecosystem, None)) => format!(
            "nobody knows how old the vulnerability data of {ecosystem} are, because all their records are dated in the future: look at this machine's clock, and import them again"
        ),
        None => "there are no vulnerability data: import some with `stele vuln import`".to_owned(),
    };
    Err(anyhow::Error::new(Environment(message)))
}

fn read_vex(files: &[PathBuf], now: Timestamp) -> Result<Vex> {
    let mut vex = Vex::default();
    for file in files {
        let text = repository::read(file)?;
        vex.add(&file.display().to_string(), &text, now)?;
    }
    Ok(vex)
}

/// The policies that decide, if any do.
fn checker(sources: &Sources, args: &Args) -> Result<Option<Checker>> {
    let set = match &args.policy {
        Some(path) => sources::load(path, VersionArgs::default())?,
        None if args.library => {
            sources::load_or_starter(&sources.load()?.policies, VersionArgs::default())?.0
        }
        None => return Ok(None),
    };
    Ok(Some(Checker::new(vec![Part::whole(set)], crate::node::now())?))
}

/// What policies say of the document, in place of the vulnerabilities themselves.
fn judged(
    checker: &Checker,
    report: &Report<'_>,
    document: &serde_json::Value,
    own: Outcome,
) -> Result<Outcome> {
    let source = Source {
        name: report.name.to_owned(),
        origin: Origin::Text(serde_json::to_string_pretty(document)?),
        kind: Some(InputKind::Vulnerabilities),
        configuration: None,
    };
    let mut outcome = stele_gate::run(checker, &[source], 1, None, &|| ());
    if outcome.checks == 0 && outcome.failures.is_empty() {
        bail!(
            "no policy was asked: none of them is for vulnerabilities (`inputs: [vulnerabilities]` in a policy's metadata)"
        );
    }
    for finding in &mut outcome.findings {
        report.settle(finding, &text_of);
    }
    outcome.failures.extend(own.failures);
    outcome.exceptions.extend(own.exceptions);
    Ok(outcome)
}

/// Of one kind this many are told one by one.
const NOTES: usize = 10;

/// What is worth a word besides the findings.
fn remarks(report: &Report<'_>, input: &Input, outcome: &Outcome, args: &Args) {
    for remark in &input.remarks {
        output::note(printable(remark));
    }
    let unchecked = &report.scan.unchecked;
    for one in unchecked.iter().take(NOTES) {
        output::note(printable(&format!("not matched: {}: {}", one.purl, one.reason)));
    }
    if unchecked.len() > NOTES {
        output::note(format!(
            "... and {} more that are not matched",
            unchecked.len().saturating_sub(NOTES)
        ));
    }
    if !report.scan.commits.is_empty() {
        let list: Vec<&str> = report.scan.commits.iter().map(String::as_str).collect();
        output::note(printable(&format!(
            "advisories that name commits only, which versions can't be compared with: {}",
            list.join(", ")
        )));
    }
    if args.allow_missing_data {
        for failure in report.unmatched() {
            output::note(printable(&failure.message));
        }
    }
    for failure in &outcome.failures {
        output::note(format!("not checked: {}", printable(&failure.to_string())));
    }
    for idle in &outcome.exceptions {
        output::note(printable(&format!("{}: {idle}", idle.exempt.place)));
    }
    if report.packages.is_empty() {
        output::note("there is no package to match: docs/sbom.md lists the files that are read");
    }
}

/// A file's text, where it is a file of the disk.
fn text_of(name: &str) -> Option<String> {
    let path = Path::new(name);
    let found = std::fs::metadata(path).ok()?;
    let fits = found.is_file() && found.len() <= SHOWN;
    fits.then(|| std::fs::read_to_string(path).ok()).flatten()
}

fn print(args: &Args, outcome: &Outcome, mut document: serde_json::Value) -> Result<()> {
    if args.format != ReportFormat::Json {
        return findings::print(args.format, args.output.as_deref(), outcome);
    }
    let whole = document.as_object_mut().context("the document is an object")?;
    // Whoever wants it has --write-input, or `stele sbom`.
    whole.remove("sbom");
    if let serde_json::Value::Object(members) = serde_json::to_value(outcome)? {
        whole.extend(members);
    }
    findings::emit(args.output.as_deref(), &serde_json::to_string_pretty(&document)?)
}
