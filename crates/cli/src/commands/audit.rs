//! `stele audit`.

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::home::Home;
use crate::keys;
use crate::output::{self, Format};
use crate::record::Records;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use stele_gate::report::many;
use stele_ledger::storage::FileStore;
use stele_ledger::storage::fsck::{self, ChainAnchor, ChainView};
use stele_types::NodeAddress;

/// Check what is stored.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Re-hash every record, leaf and tile, and compare them with the checkpoint and with every anchor on the chain
    Fsck(Args),
}

/// Re-hash everything.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory of the log: a node's data directory, or what `stele check --record DIR` keeps, behind which no chain stands (`"chain": "none"`)
    /// [default: the data directory]
    directory: Option<PathBuf>,
    /// Check only what is on disk
    #[arg(long)]
    offline: bool,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    chain: ChainArgs,
}

/// A report, from the log itself or from the node that has it open.
#[derive(Serialize, Deserialize)]
struct Report {
    decisions: u64,
    files: u64,
    tiles: u64,
    anchors: u64,
    /// Seconds by which dates may fall before that is damage; nodes of earlier versions don't say.
    #[serde(default)]
    tolerance_s: Option<u64>,
    problems: Vec<Problem>,
}

#[derive(Serialize, Deserialize)]
struct Problem {
    gravity: String,
    file: String,
    offset: Option<u64>,
    index: Option<u64>,
    what: String,
    mend: String,
}

/// The running node's answer.
#[derive(Deserialize)]
struct Answer {
    result: Report,
    sound: bool,
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    let Command::Fsck(args) = command;
    let given = args.directory.clone().map(|directory| sources.at(directory));
    let sources = given.as_ref().unwrap_or(sources);
    let home = sources.home()?;
    let alone = given.is_some() && is_alone(&home)?;
    if let (true, false, Some(rpc)) = (alone, args.offline, &args.chain.rpc) {
        bail!(
            "{} has no deployment.json, so nothing says which contracts to ask at {rpc}, and nothing was checked: copy the node's deployment.json there, or give --offline",
            home.root().display()
        );
    }
    let asked = match (args.offline, alone) {
        (true, _) => "offline",
        (false, true) => "none",
        (false, false) => "asked",
    };
    let offline = args.offline || alone;
    // The chain first: whatever it holds by now must be in the log when that is read.
    let chain = if offline {
        ChainView::default()
    } else {
        let node = keys::node_account(&home)?.node_address();
        block_on(seen(sources, &args.chain, node)).context(
            "nothing was checked, because the chain can't be asked; --offline checks what is on disk",
        )?
    };
    let (report, sound) = match Records::open_node(&home)? {
        Some(node) => {
            let answer: Answer = node.ask_own("/v1/audit/fsck", &chain)?;
            (answer.result, answer.sound)
        }
        None => check(&home, &chain)?,
    };
    if let Some(note) = on_tolerance(&report, &chain, alone) {
        output::note(note);
    }
    match args.format {
        Format::Json => output::json(&serde_json::json!({"sound": sound, "chain": asked, "report": report}))?,
        Format::Text => print(&report, sound),
    }
    Ok(if sound { Verdict::Pass } else { Verdict::Fail })
}

/// By what dates were judged, where that is not what the contracts say.
fn on_tolerance(report: &Report, chain: &ChainView, alone: bool) -> Option<String> {
    match (chain.tolerance_s, report.tolerance_s) {
        (None, Some(held)) => (!alone).then(|| {
            format!("the contract Challenge was not asked by how much dates may fall: they were held to {held} s")
        }),
        (_, None) => Some(
            "the node is of an earlier version, which does not say by how much dates may fall: stop it and run fsck again to have them judged by this one".to_owned(),
        ),
        _ => None,
    }
}

/// Whether no chain stands behind a log; an error if there is no log.
fn is_alone(home: &Home) -> Result<bool> {
    let shown = home.root().display();
    if !home.ledger().is_dir() {
        bail!("{shown} holds no decision log");
    }
    let alone = !home.deployment().exists();
    if alone {
        output::note(format!(
            "{shown} belongs to no chain: what it holds is compared with itself and its key, and with no anchor"
        ));
    }
    Ok(alone)
}

/// Checks a log that no node has open.
fn check(home: &Home, chain: &ChainView) -> Result<(Report, bool)> {
    let vkey =
        std::fs::read_to_string(home.vkey()).environment(format!("can't read {}", home.vkey().display()))?;
    let vkey = vkey.trim().parse::<stele_ledger::VerifierKey>()?;
    let store = FileStore::open(&home.ledger()).environment("the decision log")?;
    let report = fsck::run(&store, &vkey, chain);
    let sound = report.is_sound();
    Ok((serde_json::from_value(serde_json::to_value(report)?)?, sound))
}

/// What the chain says of the node's log.
async fn seen(sources: &Sources, args: &ChainArgs, node: NodeAddress) -> Result<ChainView> {
    let session = Session::open(sources, args).await?;
    let governance = &session.governance;
    let ledger = "the ledger contract";
    let count = governance.anchor_count(node).await.environment(ledger)?;
    let mut anchors = Vec::new();
    for index in 0..count {
        let held = governance
            .anchor_at(node, index)
            .await
            .environment(ledger)?
            .anchor;
        anchors.push(ChainAnchor {
            size: held.size,
            root: held.root,
        });
    }
    let tolerance = governance.least_tolerance().await;
    Ok(ChainView {
        anchors,
        tolerance_s: Some(tolerance.environment("the contract Challenge")?),
    })
}

fn print(report: &Report, sound: bool) {
    for problem in &report.problems {
        let offset = problem
            .offset
            .map(|offset| format!(", byte {offset}"))
            .unwrap_or_default();
        let index = problem
            .index
            .map(|index| format!(", decision {index}"))
            .unwrap_or_default();
        output::line(format!(
            "{}: {}{offset}{index}: {}; {}",
            problem.gravity, problem.file, problem.what, problem.mend
        ));
    }
    output::line(format!(
        "{}: {} in {}, {}, {}",
        if sound { "sound" } else { "NOT SOUND" },
        many(report.decisions, "decision"),
        many(report.files, "file"),
        many(report.tiles, "tile"),
        many(report.anchors, "anchor")
    ));
}
