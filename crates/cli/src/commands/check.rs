//! `stele check`: policies over the files of a repository.

mod embedded;
mod evidence;
pub(crate) mod exceptions;
mod fix;
mod live;
pub(super) mod policies;

use crate::config::Sources as Configuration;
use crate::exit::{EnvironmentContext, Verdict};
use crate::findings::{self, FindingArgs, ReportFormat};
use crate::{output, progress, repository};
use anyhow::{Context, Result};
use std::io::Read;
use std::path::{Path, PathBuf};
use stele_gate::changed::{self, Changed};
use stele_gate::evidence::CheckedFile;
use stele_gate::source::{MAX_BYTES, Origin, STANDARD_INPUT, Source, text};
use stele_gate::walk::Sources;
use stele_gate::{Checker, Failure, Outcome, report};
use stele_types::{Enforcement, InputKind};

/// Check files against policies: manifests, plans, pipelines, images; exit code 1 when one is violated.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files and directories, or - for standard input
    #[arg(default_value = ".", value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    policies: policies::PolicyArgs,
    /// What the files are, where their names and contents do not say
    #[arg(long, value_parser = kind)]
    kind: Option<InputKind>,
    /// Where the configuration is that Terraform plans were made from [default: the directory of the plan, where it holds some]
    #[arg(long, value_name = "DIR")]
    terraform_sources: Option<PathBuf>,
    #[command(flatten)]
    findings: FindingArgs,
    /// Report everything, fail on nothing
    #[arg(long, aliases = ["no-fail", "soft-fail"])]
    dry_run: bool,
    /// Only what stands in files that changed since HEAD and this revision parted, e.g. origin/main
    #[arg(long, value_name = "REF")]
    changed_since: Option<String>,
    /// One document of all files, a list with `path` and `contents` of each, for policies that name no kinds of files
    #[arg(long)]
    combine: bool,
    /// Say of each finding what the policy read on its way
    #[arg(long)]
    explain: bool,
    /// Show the fixes that policies know, as a diff, and apply them after a question
    #[arg(long, conflicts_with = "write_baseline")]
    fix: bool,
    /// Apply fixes without a question
    #[arg(long, requires = "fix")]
    yes: bool,
    #[command(flatten)]
    evidence: evidence::EvidenceArgs,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Write the report to a file instead of standard output, once everything was checked
    #[arg(short, long, value_name = "FILE", value_parser = crate::habits::output_file)]
    output: Option<PathBuf>,
}

fn kind(text: &str) -> Result<InputKind, String> {
    text.parse()
        .map_err(|error: stele_types::violation::UnknownWord| error.to_string())
}

pub(crate) fn run(configuration: &Configuration, args: &Args) -> Result<Verdict> {
    // Read first: a mistake in it is known before the work is done.
    let (baseline, known) = args.findings.read_baseline()?.unzip();
    // What production has does not know them.
    let usual = args.findings.exceptions.is_some() || !args.policies.is_live();
    let exceptions = usual.then(|| exceptions::load(args.findings.exceptions.as_deref(), &args.paths));
    let exceptions = exceptions.transpose()?.unwrap_or_default();
    let checker = Checker::new(args.policies.load(configuration)?, crate::node::now())?;
    let checker = checker.explaining(args.explain).combining(args.combine);
    let found = files(args)?;
    let changed = changed(args)?;
    let names = (!exceptions.is_empty()).then(|| checker.names());
    let examine = || {
        let mut outcome = check(&checker, &found, changed.as_ref());
        for exceptions in &exceptions {
            exceptions.apply(&mut outcome, &args.paths, changed.is_none(), names.as_ref());
        }
        outcome
    };
    let mut outcome = examine();
    remarks(args, &found, &outcome);
    if let Some(path) = &args.findings.write_baseline {
        return findings::write_baseline(path, &outcome);
    }
    let mut left_out = 0;
    if let Some(baseline) = &baseline {
        left_out = findings::leave_out(baseline, &mut outcome);
    }
    if args.policies.is_live() {
        live_remark(&outcome, left_out);
    }
    if args.fix && fix::run(&outcome, &found.files, fix::Consent::of(args.yes, args.dry_run))? {
        outcome = examine();
        if let Some(baseline) = &baseline {
            baseline.apply(&mut outcome.findings);
        }
    }
    findings::print(args.format, args.output.as_deref(), &outcome)?;
    output::note(report::summary(&outcome));
    let exceptions = exceptions.into_iter().map(|loaded| loaded.file);
    let used: Vec<CheckedFile> = known.into_iter().chain(exceptions).collect();
    let asked = evidence::Asked {
        paths: &args.paths,
        options: options(args, &used),
        used,
        // Who was asked nothing, said nothing.
        passed: !findings::violated(args.findings.fail_on, &outcome)
            && outcome.failures.is_empty()
            && outcome.checks > 0,
        dry_run: args.dry_run,
    };
    args.evidence.keep(
        &checker,
        &outcome,
        findings::verdict(args.findings.fail_on, args.dry_run, &outcome),
        asked,
    )
}

fn check(checker: &Checker, found: &Sources, changed: Option<&Changed>) -> Outcome {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = progress::bar("files");
    bar.set_length(u64::try_from(found.files.len()).unwrap_or(u64::MAX));
    let mut outcome = stele_gate::run(checker, &found.files, threads, changed, &|| bar.inc(1));
    bar.finish_and_clear();
    outcome.failures.extend(found.failures.iter().cloned());
    outcome
}

/// What is worth a word besides the findings.
fn remarks(args: &Args, found: &Sources, outcome: &Outcome) {
    if found.templates > 0 {
        output::note(format!(
            "left out: {} of Helm charts; check what they render to (`helm template CHART | stele check -`)",
            report::many(found.templates, "template")
        ));
    }
    if found.patches > 0 {
        output::note(format!(
            "left out: {} with a patch of Kustomize; check what they render to (`kustomize build DIRECTORY | stele check -`)",
            report::many(found.patches, "file")
        ));
    }
    if found.links > 0 {
        output::note(format!(
            "left out: {}, which are not followed in directories",
            report::many(found.links, "link")
        ));
    }
    for (language, (count, command)) in &found.refused {
        output::note(format!(
            "left out: {} in {language}, which is not read: {command}",
            report::many(*count, "file")
        ));
    }
    if outcome.failures.is_empty() {
        match (outcome.files, outcome.checks, &args.changed_since) {
            (0, _, Some(reference)) if !found.files.is_empty() => {
                output::note(format!("nothing that is checked has changed since {reference}"))
            }
            (0, ..) => output::note(
                "there is nothing to check: no file has a name that tells what it is; --kind does",
            ),
            (_, 0, _) => output::note(
                "no policy was asked: none of them is for files of these kinds (`inputs` in a policy's metadata says what it is for)",
            ),
            _ => {}
        }
    }
    for failure in &outcome.failures {
        output::note(format!(
            "not checked: {}",
            report::printable(&failure.to_string())
        ));
    }
}

/// What passes here although production would refuse it.
fn live_remark(outcome: &Outcome, left_out: usize) {
    let excepted = outcome
        .findings
        .iter()
        .filter(|finding| finding.exception.is_some() && finding.enforcement == Enforcement::Deny);
    let count = excepted.count().saturating_add(left_out);
    if count > 0 {
        output::note(format!(
            "production knows neither exceptions nor baselines; findings that are left to them here: {count}"
        ));
    }
}

fn changed(args: &Args) -> Result<Option<Changed>> {
    let Some(reference) = &args.changed_since else {
        return Ok(None);
    };
    let start = args.paths.iter().find(|path| path.exists());
    let start = start.map_or(Path::new("."), PathBuf::as_path);
    Ok(Some(Changed::since(start, reference).context("--changed-since")?))
}

/// What judges of evidence must know of a run.
fn options(args: &Args, used: &[CheckedFile]) -> serde_json::Value {
    serde_json::json!({
        "paths": args.paths,
        "kind": args.kind,
        "fail_on": args.findings.fail_on,
        "dry_run": args.dry_run,
        "baseline": args.findings.baseline,
        "changed_since": args.changed_since,
        "combine": args.combine,
        "terraform_sources": args.terraform_sources,
        "exceptions": args.findings.exceptions,
        "used": used,
        "policies": args.policies.options(),
    })
}

fn files(args: &Args) -> Result<Sources> {
    let mut out = Sources::default();
    let mut missing = Vec::new();
    for path in &args.paths {
        if path == Path::new(STANDARD_INPUT) {
            let mut bytes = Vec::new();
            std::io::stdin()
                .take(MAX_BYTES.saturating_add(1))
                .read_to_end(&mut bytes)
                .environment("can't read standard input")?;
            anyhow::ensure!(
                u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES),
                "standard input has more than {MAX_BYTES} bytes, the limit"
            );
            let text = text(bytes).map_err(|message| anyhow::anyhow!("standard input {message}"))?;
            anyhow::ensure!(
                !text.trim_start_matches('\u{feff}').trim().is_empty(),
                "nothing on standard input: did the command before the pipe fail?"
            );
            out.files.push(Source {
                name: STANDARD_INPUT.to_owned(),
                kind: args.kind,
                origin: Origin::Text(text),
                configuration: None,
            });
        } else if path.exists() || path.is_symlink() {
            out.add(path, args.kind);
        } else {
            missing.push(path);
        }
    }
    // One that is misspelt, or gone, does not keep the others from being checked.
    if let Some(first) = missing.first().filter(|_| missing.len() == args.paths.len()) {
        anyhow::bail!("there is no {}", first.display());
    }
    out.failures.extend(missing.into_iter().map(|path| Failure {
        file: path.display().to_string(),
        at: None,
        message: "it is not there".to_owned(),
    }));
    // What an earlier run wrote is no part of what is checked; what is tracked is no such thing.
    for own in [args.evidence.attestation(), args.output.as_deref()]
        .into_iter()
        .flatten()
    {
        anyhow::ensure!(
            !changed::is_tracked(own),
            "{} is tracked by Git: it would be written over and not be checked; name a file that is not",
            own.display()
        );
        let written = |path: &Path| path.file_name() == own.file_name() && repository::same(path, own);
        out.files
            .retain(|source| !matches!(&source.origin, Origin::File(path) if written(path)));
    }
    if let Some(directory) = &args.terraform_sources {
        for source in &mut out.files {
            source.configuration = Some(directory.clone());
        }
    }
    Ok(out)
}
