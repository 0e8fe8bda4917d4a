//! `--record` and `--attest`: what is kept of a run.

use super::embedded;
use crate::chain::block_on;
use crate::exit::{Environment, EnvironmentContext, Verdict};
use crate::home::write_atomically;
use crate::{node, output, remote};
use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use stele_chain::client::read_key_file;
use stele_gate::changed;
use stele_gate::evidence::{CheckedFile, Run, Signer};
use stele_gate::{Checker, Outcome, report};
use stele_ledger::Checkpoint;
use stele_pdp::Attributes;

/// The policy that decides about runs, where one is in force.
const POLICY: &str = "gate/check";
/// Who asks, in the record.
const ENFORCEMENT_POINT: &str = "stele check";

/// Largest answer of a node, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// What is kept.
#[derive(clap::Args)]
pub(super) struct EvidenceArgs {
    /// Record the run, with its commit, as a decision of the policy gate/check: at a node, where what that denies fails, or in a decision log in a directory
    #[arg(long, value_name = "URL|DIR", value_parser = recorder, conflicts_with = "write_baseline")]
    record: Option<Recorder>,
    /// Write a signed in-toto statement of the run (SLSA verification summary, DSSE)
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["write_baseline", "changed_since"])]
    attest: Option<PathBuf>,
    /// With --attest, the Ed25519 seed to sign with: 64 hexadecimal digits in a file that only its owner may read
    #[arg(long, value_name = "FILE", requires = "attest")]
    key: Option<PathBuf>,
    /// With --attest, the URI of what was checked [default: git:COMMIT]
    #[arg(long, value_name = "URI", requires = "attest")]
    resource: Option<String>,
}

/// Who keeps a run.
#[derive(Debug, Clone)]
enum Recorder {
    /// A node at a URL.
    Node(String),
    /// A log of its own.
    Directory(PathBuf),
}

fn recorder(text: &str) -> Result<Recorder, String> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        Some("http" | "https") => Ok(Recorder::Node(text.to_owned())),
        Some(other) => Err(format!("a node is reached by http or https, not by {other}")),
        None if text.is_empty() => Err("name a node's URL or a directory".to_owned()),
        None if may_be_node(text) => Err(format!(
            "a node's URL is http://{text}, and the directory ./{text}"
        )),
        None => Ok(Recorder::Directory(PathBuf::from(text))),
    }
}

/// Whether a scheme may have been forgotten: a directory would be made, and no node would hear of the run.
fn may_be_node(text: &str) -> bool {
    if ["./", "../", "/", "~"]
        .iter()
        .any(|start| text.starts_with(start))
    {
        return false;
    }
    let first = text.split('/').next().unwrap_or_default();
    let above = Path::new(text).parent();
    let above = above.filter(|above| !above.as_os_str().is_empty());
    first.contains(':') || above.is_some_and(|above| !above.is_dir())
}

/// What was asked of a run.
pub(super) struct Asked<'a> {
    pub(super) paths: &'a [PathBuf],
    pub(super) options: Json,
    /// Exceptions and baseline.
    pub(super) used: Vec<CheckedFile>,
    pub(super) passed: bool,
    /// Nothing fails.
    pub(super) dry_run: bool,
}

impl EvidenceArgs {
    /// The file that a statement is written to.
    pub(super) fn attestation(&self) -> Option<&Path> {
        self.attest.as_deref()
    }

    /// Records and attests as asked; the verdict may become worse by it.
    pub(super) fn keep(
        &self,
        checker: &Checker,
        outcome: &Outcome,
        verdict: Verdict,
        asked: Asked<'_>,
    ) -> Result<Verdict> {
        if self.record.is_none() && self.attest.is_none() {
            return Ok(verdict);
        }
        let mut paths = asked.paths.iter();
        let root = paths.clone().find(|path| changed::is_root(path));
        let start = root.or_else(|| paths.find(|path| path.exists()));
        let start = start.map_or(Path::new("."), PathBuf::as_path);
        let commit = changed::head(start);
        let files = [&outcome.checked[..], &asked.used].concat();
        let left_out = commit.as_ref();
        let left_out = left_out.and_then(|commit| changed::left_out(start, commit, &files));
        let run = Run {
            outcome,
            policies: checker.digest(),
            modified: left_out.is_none(),
            whole: root.is_some(),
            left_out: left_out.unwrap_or_default(),
            commit,
            passed: asked.passed,
            options: asked.options,
            version: env!("CARGO_PKG_VERSION"),
        };
        let mut verdict = verdict;
        let mut decision = None;
        if let Some(recorder) = &self.record {
            let (id, denied) = recorder.record(&run)?;
            if denied {
                output::note(format!("the node's policy {POLICY} denies it"));
            }
            if denied && verdict == Verdict::Pass && !asked.dry_run {
                verdict = Verdict::Fail;
            }
            decision = Some((id, denied));
        }
        if let Some(path) = &self.attest {
            let denied = decision.as_ref().is_some_and(|(_, denied)| *denied);
            let run = Run {
                passed: run.passed && !denied,
                ..run
            };
            let id = decision.as_ref().map(|(id, _)| id.as_str());
            self.attest(path, &run, id)?;
        }
        Ok(verdict)
    }

    fn attest(&self, path: &Path, run: &Run<'_>, decision: Option<&str>) -> Result<()> {
        let key = self.key.as_deref().context("--attest needs --key")?;
        let hint = "make one with `(umask 077; openssl rand -hex 32 > gate.key)`";
        let seed = read_key_file(key).with_context(|| format!("--key: {hint}"))?;
        let signer = Signer::of_seed(&seed).context("the key is no Ed25519 seed")?;
        let resource = self.resource.clone().or_else(|| run.resource());
        let resource = resource.context(
            "--attest: this is no commit of a Git repository; name what was checked with --resource",
        )?;
        let statement = run.statement(&resource, node::now(), decision);
        let statement = statement
            .context("--attest: no file was checked, and there is nothing to make a statement about")?;
        let envelope = signer
            .envelope(&statement)
            .context("the statement can't be signed")?;
        let text = format!("{}\n", serde_json::to_string_pretty(&envelope)?);
        write_atomically(path, text.as_bytes()).environment(format!("can't write {}", path.display()))?;
        if run.whole_commit().is_some() && !run.left_out.is_empty() {
            let names = run.left_out.iter().take(3).map(String::as_str);
            output::note(report::printable(&format!(
                "left out of the commit: {}, as {}; a gate takes that only with --allow-left-out",
                report::many(run.left_out.len(), "file"),
                names.collect::<Vec<_>>().join(", ")
            )));
        }
        output::note(format!(
            "attested in {}, signed with the key {}",
            path.display(),
            signer.public()
        ));
        Ok(())
    }
}

impl Recorder {
    /// The decision's id, and whether it denies.
    fn record(&self, run: &Run<'_>) -> Result<(String, bool)> {
        let directory = match self {
            Self::Node(url) => {
                let (id, denied) = block_on(record(url, run))?;
                output::note(format!("recorded as decision {id}"));
                return Ok((id, denied));
            }
            Self::Directory(directory) => directory,
        };
        let resource = run.resource();
        let attributes = Attributes {
            resource: resource.as_deref(),
            enforcement_point: Some(ENFORCEMENT_POINT),
            ..Attributes::default()
        };
        let recorded = embedded::record(directory, POLICY, &run.input(), attributes)?;
        let Checkpoint { size, root, .. } = &recorded.checkpoint.checkpoint;
        // Who keeps this line elsewhere, as a pipeline's log does, can tell a log that was written anew.
        output::note(format!(
            "recorded as decision {} in {}, a log of size {} with the root {root}",
            recorded.id,
            directory.display(),
            size.get(),
        ));
        Ok((recorded.id, false))
    }
}

/// Posts a run; the decision's id, and whether the node's policy denies.
async fn record(url: &str, run: &Run<'_>) -> Result<(String, bool)> {
    let what = format!("the run can't be recorded at {url}");
    let client = remote::client().build().environment(&what)?;
    let mut request = client
        .post(format!("{}/v1/data/{POLICY}", url.trim_end_matches('/')))
        .header("Stele-Enforcement-Point", ENFORCEMENT_POINT)
        .json(&json!({"input": run.input()}));
    if let Some(resource) = run.resource() {
        request = request.header("Stele-Resource", resource);
    }
    let answer = request.send().await.environment(&what)?;
    let status = answer.status();
    let verdict = answer.headers().get("stele-decision").cloned();
    let bytes = remote::body(answer, MAX_ANSWER, &what).await?;
    let body: Json = serde_json::from_slice(&bytes).environment(&what)?;
    if !status.is_success() {
        let message = body.get("message").and_then(Json::as_str).unwrap_or_default();
        return Err(Environment(format!("{what}: {status} {message}")).into());
    }
    let Some(id) = body.get("decision_id").and_then(Json::as_str) else {
        bail!("{what}: the answer names no decision; is this a node of Stele?");
    };
    let verdict = verdict.as_ref().and_then(|word| word.to_str().ok());
    let denied = match verdict {
        Some("deny") => true,
        Some("allow" | "warn" | "dryrun") => false,
        Some("undetermined") if body.get("result").is_none() => {
            output::note(format!(
                "no policy {POLICY} is in force there: the run is recorded, and nothing judges it"
            ));
            false
        }
        other => bail!(
            "{what}: decision {id} has no verdict that is known ({}), and passes nothing",
            other.unwrap_or("none")
        ),
    };
    Ok((id.to_owned(), denied))
}
