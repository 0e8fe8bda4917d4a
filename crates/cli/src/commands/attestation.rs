//! `stele attestation`: what a gate behind `stele check` demands.

use super::check::policies::PolicyArgs;
use crate::config::Sources as Configuration;
use crate::exit::Verdict;
use crate::output::{self, Format};
use crate::{node, repository};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::time::Duration;
use stele_gate::attestation::{About, Attestation, AttestationError, Demand, TrustedKey};
use stele_gate::evidence::CheckedFile;
use stele_gate::{Checker, changed, kind, report};
use stele_types::{Digest, Severity, sha256};

/// No attestation is nearly as long.
const MAX_BYTES: u64 = 256 << 20;

/// What is done with attestations.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Verify that a trusted key says: this commit, or these files, passed these policies; exit code 1 when it does not
    Verify(Args),
}

/// What is demanded.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What `stele check --attest` wrote
    attestation: PathBuf,
    /// Public key that is trusted, 64 hexadecimal digits, or a file that holds it [can be repeated: one of them must have signed]
    #[arg(long, value_name = "KEY|FILE", required = true)]
    key: Vec<String>,
    /// Commit that must have been checked as a whole [default: HEAD, and the working tree must be as it says]
    #[arg(long, value_name = "REVISION")]
    commit: Option<String>,
    /// File that must have been checked by its name and with the contents that it has now, instead of a commit [can be repeated]
    #[arg(long, value_name = "FILE", conflicts_with = "commit")]
    file: Vec<PathBuf>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Digest of the policies that must have been asked, instead of the policies themselves
    #[arg(long, value_name = "SHA256", conflicts_with_all = ["policy", "namespace", "data", "live", "v0_compatible"])]
    policies_digest: Option<Digest>,
    /// The run must have failed on violations as severe as this: low, medium, high or critical
    #[arg(long, value_name = "SEVERITY", default_value = "low")]
    fail_on: Severity,
    /// The run must have checked the files as one document, as `stele check --combine` does
    #[arg(long)]
    combine: bool,
    /// Take runs that left files of the commit out, as templates of charts and links are
    #[arg(long)]
    allow_left_out: bool,
    /// Refuse runs in which exceptions or a baseline accepted findings
    #[arg(long)]
    no_exceptions: bool,
    /// How old it may be, as 12h or 30d
    #[arg(long, value_name = "AGE", value_parser = age)]
    max_age: Option<Duration>,
    /// The URI of what was checked
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

fn age(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours());
    let duration = duration.map_err(|error| error.to_string())?;
    duration
        .try_into()
        .map_err(|_| "an age is not below zero".to_owned())
}

pub(crate) fn run(configuration: &Configuration, command: Command) -> Result<Verdict> {
    let Command::Verify(args) = command;
    let keys: Vec<TrustedKey> = args.key.iter().map(|given| key(given)).collect::<Result<_>>()?;
    let name = args.attestation.display();
    let length = std::fs::metadata(&args.attestation)
        .with_context(|| format!("can't read {name}"))?
        .len();
    ensure!(
        length <= MAX_BYTES,
        "{name} has {length} bytes: it is no attestation"
    );
    let bytes = std::fs::read(&args.attestation).with_context(|| format!("can't read {name}"))?;
    let attestation = match Attestation::open(&bytes, &keys) {
        Err(error @ AttestationError::Malformed(_)) => {
            return Err(error).context(name.to_string());
        }
        Err(error) => return refuse(args.format, &[error.to_string()]),
        Ok(attestation) => attestation,
    };
    let demand = Demand {
        about: about(&args)?,
        policies: digest(configuration, &args)?,
        fail_on: args.fail_on,
        combine: args.combine,
        left_out: args.allow_left_out,
        exceptions: !args.no_exceptions,
        resource: args.resource.clone(),
        max_age: args.max_age,
    };
    let objections = attestation.objections(&demand, node::now());
    if !objections.is_empty() {
        return refuse(args.format, &objections);
    }
    print(args.format, &attestation, &demand)?;
    Ok(Verdict::Pass)
}

fn key(given: &str) -> Result<TrustedKey> {
    let text = match Path::new(given) {
        path if path.is_file() => repository::read(path)?,
        _ => given.to_owned(),
    };
    text.parse()
        .map_err(|reason| anyhow::anyhow!("--key {given}: {reason}"))
}

fn about(args: &Args) -> Result<About> {
    let file = |path: &PathBuf| {
        ensure!(
            !kind::is_part_of_module(&path.display().to_string()),
            "--file {}: what a file of a Terraform module says depends on the others of its directory; demand the commit",
            path.display()
        );
        let bytes = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        Ok(CheckedFile {
            path: path.display().to_string(),
            sha256: sha256(&[&bytes]),
        })
    };
    if !args.file.is_empty() {
        return Ok(About::Files(args.file.iter().map(file).collect::<Result<_>>()?));
    }
    let here = Path::new(".");
    if let Some(revision) = &args.commit {
        let whole =
            |text: &&String| [40, 64].contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        let as_given = || Some(revision).filter(whole).map(|id| id.to_ascii_lowercase());
        let commit = changed::commit(here, revision).or_else(as_given);
        return commit.map(About::Commit).with_context(|| {
            format!("--commit {revision}: there is no such commit here, and it is no whole id of one")
        });
    }
    let Some(head) = changed::head(here) else {
        bail!(
            "of what? This is no Git repository with a commit: name the commit with --commit, or files with --file"
        );
    };
    ensure!(
        changed::is_whole(here, &head),
        "the working tree is not as its commit {head} has it, so that says nothing of what is here; --commit HEAD asks about the commit all the same"
    );
    Ok(About::Commit(head))
}

fn digest(configuration: &Configuration, args: &Args) -> Result<Digest> {
    match args.policies_digest {
        Some(digest) => Ok(digest),
        None => Ok(Checker::new(args.policies.load(configuration)?, node::now())?.digest()),
    }
}

fn refuse(format: Format, reasons: &[String]) -> Result<Verdict> {
    match format {
        Format::Json => output::json(&serde_json::json!({"verified": false, "reasons": reasons}))?,
        Format::Text => {
            for reason in reasons {
                output::line(format!("NOT VERIFIED: {}", report::printable(reason)));
            }
        }
    }
    Ok(Verdict::Fail)
}

fn print(format: Format, attestation: &Attestation, demand: &Demand) -> Result<()> {
    if format == Format::Json {
        let statement = &attestation.statement;
        return output::json(&serde_json::json!({"verified": true, "statement": statement}));
    }
    let line = |label: &str, text: &str| output::line(format!("  {label:<10}  {}", report::printable(text)));
    output::line("VERIFIED");
    line("about", &attestation.subject());
    line("checked", attestation.time());
    line(
        "policies",
        &format!("{}, digest {}", attestation.policies(), demand.policies),
    );
    let (excepted, baseline) = attestation.accepted();
    if excepted > 0 {
        line("accepted", &format!("by exceptions: {excepted}"));
    }
    if let Some(baseline) = baseline {
        line("accepted", &format!("those in the baseline {baseline}"));
    }
    if let Some(decision) = attestation.decision() {
        line("decision", decision);
    }
    Ok(())
}
