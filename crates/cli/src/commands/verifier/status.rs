//! `stele verifier status` and `stele verifier resume`.

use super::run::Running;
use super::state_dir;
use crate::chain::block_on;
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::home::Home;
use crate::output::{self, Format};
use anyhow::{Result, bail};
use serde_json::Value;
use std::sync::Arc;
use stele_ledger::storage::FileStore;
use stele_types::{DecisionId, Digest, PolicyVersion};
use stele_verifier::resolve_origin;
use stele_verifier::state::StateFile;

#[derive(clap::Args)]
pub(super) struct StatusArgs {
    /// The verifier's URL [default: the one that runs on this data directory]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(sources: &Sources, args: &StatusArgs) -> Result<Verdict> {
    let config = sources.load()?;
    let home = Home::at(&config.data_dir);
    let url = match &args.url {
        Some(url) => url.clone(),
        None => {
            let path = state_dir(&config, &home).join("running.json");
            match home.read::<Running>(&path)? {
                Some(running) => running.url,
                None => bail!("no verifier was started on {}; give --url", home.root().display()),
            }
        }
    };
    let url = format!("{}/v1/status", url.trim_end_matches('/'));
    let document: Value = block_on(async {
        let answer = reqwest::get(&url).await.environment("the verifier")?;
        let answer = answer.error_for_status().environment("the verifier")?;
        let text = answer.text().await.environment("the verifier")?;
        Ok(serde_json::from_str(&text)?)
    })?;
    let logs = at(&document, "logs").as_array().map_or(&[][..], Vec::as_slice);
    match args.format {
        Format::Json => output::json(&document)?,
        Format::Text => {
            let rows = logs.iter().map(row).collect();
            output::table(&["log", "verified", "cosigned", "decisions", "state"], rows);
        }
    }
    let refused = logs.iter().any(|log| !at(log, "refused").is_null());
    Ok(if refused { Verdict::Fail } else { Verdict::Pass })
}

/// A member of what the verifier answered; null where it has none.
fn at<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn row(log: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let decisions = at(log, "decisions").as_object().map(|counts| {
        let counts: Vec<String> = counts
            .iter()
            .map(|(word, count)| format!("{word} {count}"))
            .collect();
        counts.join(", ")
    });
    let (refused, problem) = (at(log, "refused"), at(log, "problem"));
    let state = if !refused.is_null() {
        let words = format!("REFUSED: {}", text(at(refused, "message")));
        match at(refused, "parked") {
            Value::Null => words,
            why => format!("{words} (the webhook won't take it: {})", text(why)),
        }
    } else if !problem.is_null() {
        format!("can't verify: {}", text(problem))
    } else {
        match at(log, "unchecked_until").as_u64() {
            None | Some(0) => "well".to_owned(),
            Some(size) => format!("well; nothing re-executed up to {size} leaves"),
        }
    };
    vec![
        text(at(log, "origin")),
        text(at(log, "verified")),
        text(at(log, "cosigned")),
        decisions.unwrap_or_default(),
        state,
    ]
}

#[derive(clap::Args)]
pub(super) struct ResumeArgs {
    /// Origin of the log, or the node's address
    log: String,
    /// Accept this decision, which is wrong or can't be verified, as it stands, and go on beyond it
    #[arg(long, value_name = "ID")]
    accept_decision: Option<DecisionId>,
    /// Accept all decisions of this policy version unseen, as long as its bundle is not to be had, and go on beyond them: for a version whose bundle
    /// nobody has any more. Decisions that exceed a limit are accepted one by one only
    #[arg(long, value_name = "VERSION", conflicts_with = "accept_decision")]
    accept_version: Option<Digest>,
}

pub(super) fn resume(sources: &Sources, args: &ResumeArgs) -> Result<Verdict> {
    let config = sources.load()?;
    let home = Home::at(&config.data_dir);
    let store = FileStore::open(&state_dir(&config, &home)).environment("the verifier's state")?;
    let origin = resolve_origin(&args.log);
    let mut file = StateFile::open(Arc::new(store), &origin)?;
    let Some(refusal) = file.state().refused.clone() else {
        return match args.accept_version {
            Some(version) => lift_version(&mut file, &origin, PolicyVersion(version)),
            None => lift(&mut file, &origin, args.accept_decision),
        };
    };
    if args.accept_version.is_some() {
        bail!(
            "the log is refused, which no version explains: {}",
            refusal.message
        );
    }
    match (&refusal.decision, &args.accept_decision) {
        (Some(accused), Some(id)) if accused.decision_id == *id => {
            let leaf = accused.leaf_hash;
            file.change(|state| {
                state.accepted.insert(leaf);
            })?;
        }
        (Some(accused), Some(id)) => bail!(
            "the decision it is refused for is {}, not {id}",
            accused.decision_id
        ),
        (Some(accused), None) => bail!(
            "decision {} would be found wrong again: --accept-decision {} goes on beyond it",
            accused.decision_id,
            accused.decision_id
        ),
        (None, Some(_)) => bail!("it is refused for no decision: {}", refusal.message),
        (None, None) => {}
    }
    file.change(|state| {
        state.refused = None;
        state.evidence = None;
    })?;
    Ok(resumed(&file, &origin))
}

/// Goes on beyond a decision that can't be verified.
fn lift(file: &mut StateFile, origin: &str, accepted: Option<DecisionId>) -> Result<Verdict> {
    let hindrance = file.state().hindrance.clone();
    match (hindrance, accepted) {
        (None, _) => bail!("the log {origin} is not refused here"),
        (Some(hindrance), Some(id)) if hindrance.decision_id == id => {
            file.change(|state| {
                state.accepted.insert(hindrance.leaf_hash);
                state.hindrance = None;
            })?;
            Ok(resumed(file, origin))
        }
        (Some(hindrance), _) => bail!(
            "the log {origin} is not refused here; what can't be verified is decision {}: {}; --accept-decision {} goes on beyond it",
            hindrance.decision_id,
            hindrance.problem,
            hindrance.decision_id
        ),
    }
}

/// Goes on beyond the decisions of a version that can't be executed here.
fn lift_version(file: &mut StateFile, origin: &str, version: PolicyVersion) -> Result<Verdict> {
    let hindrance = file.state().hindrance.clone();
    match hindrance.as_ref().map(|hindrance| hindrance.version) {
        None => bail!("the log {origin} is not refused here, and nothing of it can't be verified"),
        Some(Some(held)) if held == version => {
            file.change(|state| {
                state.accepted_versions.insert(version);
                state.hindrance = None;
            })?;
            Ok(resumed(file, origin))
        }
        Some(Some(held)) => bail!("what can't be executed here is version {held}, not {version}"),
        Some(None) => bail!(
            "what can't be verified is one decision, and not because the bundle of its version is lacking: {}",
            hindrance.map(|hindrance| hindrance.problem).unwrap_or_default()
        ),
    }
}

fn resumed(file: &StateFile, origin: &str) -> Verdict {
    output::line(format!(
        "{origin} is followed again from {} leaves on; what was verified and cosigned before still binds",
        file.state().verified().size
    ));
    Verdict::Pass
}
