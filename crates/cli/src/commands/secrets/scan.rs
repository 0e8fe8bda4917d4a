//! `stele secrets scan`.

use super::report::{self, Format, Outcome};
use crate::exit::{EnvironmentContext, Verdict};
use crate::output;
use crate::repository;
use anyhow::{Result, bail};
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use stele_gate::report::many;
use stele_secrets::source::{self, History, Options, Progress, Report, Scan};
use stele_secrets::{AllowReport, Allowlist, Baseline, Error, RuleSet, Scanner};

/// Where an allowlist lies in a repository.
const ALLOWLIST: &str = ".stele-secrets.toml";

/// Find credentials.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// File, directory, or `-` for standard input; with --git, --staged or --since: anything in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Scan the whole history: every blob that a reference reaches, once a path
    #[arg(long, group = "history")]
    git: bool,
    /// Scan what the next commit would add
    #[arg(long, group = "history")]
    staged: bool,
    /// Scan what the commits since a revision added, e.g. origin/main
    #[arg(long, value_name = "REF", group = "history")]
    since: Option<String>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
    /// Leave out findings that this file knows
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write what is found to a baseline instead of failing
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// More rules; one with the id of a built-in rule replaces it
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Allowlist [default: .stele-secrets.toml above PATH, within its repository]
    #[arg(long, value_name = "FILE")]
    allowlist: Option<PathBuf>,
    /// Leave out larger files, e.g. 500K, 10M, 1G [default: none is too large]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_file_size: Option<u64>,
    /// Scan files that .gitignore excludes, too
    #[arg(long)]
    no_ignore: bool,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// A number of bytes with an optional K, M or G (powers of 1024).
fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (text.get(..at), 1 << 10),
        Some((at, 'm' | 'M')) => (text.get(..at), 1 << 20),
        Some((at, 'g' | 'G')) => (text.get(..at), 1_u64 << 30),
        _ => (Some(text), 1),
    };
    digits
        .and_then(|digits| digits.parse::<u64>().ok())
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "a size is a number with K, M, G or nothing after it".into())
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let standard_input = args.path == Path::new("-");
    if standard_input && (args.git || args.staged || args.since.is_some()) {
        bail!("`-` can't be combined with --git, --staged or --since: standard input has no history");
    }
    let mut rules = described(RuleSet::built_in())?;
    if let Some(file) = &args.rules {
        rules = described(rules.with_file(&file.display().to_string(), &repository::read(file)?))?;
    }
    let start = if standard_input {
        Path::new(".")
    } else {
        args.path.as_path()
    };
    let top = source::repository_root(start).ok();
    let allow_file = match &args.allowlist {
        Some(file) => Some(file.clone()),
        None => repository::find_above(start, ALLOWLIST),
    };
    let root = top.or_else(|| {
        allow_file
            .as_deref()
            .and_then(|file| Some(file.parent()?.to_owned()))
    });
    let allowlist = match &allow_file {
        Some(file) => described(Allowlist::parse(
            &file.display().to_string(),
            &repository::read(file)?,
            repository::today(),
            &rules,
        ))?,
        None => Allowlist::default(),
    };
    let baseline = match &args.baseline {
        Some(file) => Some(described(Baseline::parse(
            &file.display().to_string(),
            &repository::read(file)?,
        ))?),
        None => None,
    };
    let scanner = described(Scanner::new(rules))?;
    let mut options = Options {
        max_file_size: args.max_file_size,
        include_ignored: args.no_ignore,
        ..Options::default()
    };
    options.threads = args.threads.map_or(options.threads, usize::from);
    let bar = Bar(crate::progress::bar("texts"));
    let scan = Scan {
        scanner: &scanner,
        allowlist: &allowlist,
        options: &options,
        progress: &bar,
    };
    let report = described(scan_source(&scan, args, root.as_deref()))?;
    bar.0.finish_and_clear();
    // A part of the repository does not show which entries the whole needs.
    let whole = !args.staged
        && args.since.is_none()
        && !standard_input
        && repository::same(start, root.as_deref().unwrap_or(start));
    finish(args, report, baseline.as_ref(), allowlist.unused(whole), &scanner)
}

fn scan_source(scan: &Scan<'_>, args: &Args, root: Option<&Path>) -> Result<Report, Error> {
    if args.git {
        source::scan_history(scan, &args.path, &History::All)
    } else if args.staged {
        source::scan_staged(scan, &args.path)
    } else if let Some(reference) = &args.since {
        source::scan_history(scan, &args.path, &History::Since(reference.clone()))
    } else if args.path == Path::new("-") {
        Ok(source::scan_reader(
            scan,
            "(standard input)",
            &mut std::io::stdin().lock(),
        ))
    } else {
        source::scan_path(scan, &args.path, root)
    }
}

fn finish(
    args: &Args,
    mut report: Report,
    baseline: Option<&Baseline>,
    idle_entries: Vec<AllowReport>,
    scanner: &Scanner,
) -> Result<Verdict> {
    let mut known = 0;
    let mut gone = Vec::new();
    if let Some(baseline) = baseline {
        (report.findings, known, gone) = baseline.compare(std::mem::take(&mut report.findings));
    }
    if let Some(file) = &args.write_baseline {
        let baseline = Baseline::of(&report.findings);
        crate::findings::write(file, described(baseline.to_json())?.as_bytes())?;
        output::note(format!(
            "{} in {} now",
            many(baseline.len(), "finding"),
            file.display()
        ));
        report.findings.clear();
    }
    let outcome = Outcome {
        report,
        known,
        gone,
        idle_entries,
    };
    report::print(&outcome, args.format, scanner.rules())?;
    outcome.verdict()
}

/// Tells errors of the environment from those of the input.
fn described<T>(result: Result<T, Error>) -> Result<T> {
    match result {
        Err(error) if error.is_environment() => Err(error).environment("can't scan"),
        other => Ok(other?),
    }
}

/// A progress bar on a terminal, nothing elsewhere.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn total(&self, texts: u64) {
        self.0.set_length(texts);
    }

    fn done(&self) {
        self.0.inc(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("12"), Ok(12));
        assert_eq!(size("3K"), Ok(3072));
        assert_eq!(size("1g"), Ok(1 << 30));
        for wrong in ["", "M", "x", "-1", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
