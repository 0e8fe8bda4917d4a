//! `stele audit`.

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::keys;
use crate::output::{self, Format};
use anyhow::Result;
use stele_ledger::storage::FileStore;
use stele_ledger::storage::fsck::{self, ChainAnchor, FsckReport, Gravity};
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
    /// Check only what is on disk
    #[arg(long)]
    offline: bool,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) fn run(sources: &Sources, command: Command) -> Result<Verdict> {
    let Command::Fsck(args) = command;
    let home = sources.home()?;
    let vkey =
        std::fs::read_to_string(home.vkey()).environment(format!("can't read {}", home.vkey().display()))?;
    let vkey = vkey.trim().parse::<stele_ledger::VerifierKey>()?;
    let node = keys::node_account(&home)?.node_address();
    // The chain first: whatever it holds by now must be in the log when that is read.
    let anchors = if args.offline {
        Vec::new()
    } else {
        block_on(chain_anchors(sources, &args.chain, node))?
    };
    let store = FileStore::open(&home.ledger()).environment("the decision log")?;
    let report = fsck::run(&store, &vkey, anchors);
    print(args.format, &report)?;
    Ok(if report.is_sound() {
        Verdict::Pass
    } else {
        Verdict::Fail
    })
}

async fn chain_anchors(sources: &Sources, args: &ChainArgs, node: NodeAddress) -> Result<Vec<ChainAnchor>> {
    let session = Session::open(sources, args).await?;
    let count = session.governance.anchor_count(node).await?;
    let mut anchors = Vec::new();
    for index in 0..count {
        let held = session.governance.anchor_at(node, index).await?.anchor;
        anchors.push(ChainAnchor {
            size: held.size,
            root: held.root,
        });
    }
    Ok(anchors)
}

fn print(format: Format, report: &FsckReport) -> Result<()> {
    if format == Format::Json {
        let problems: Vec<_> = report
            .problems
            .iter()
            .map(|problem| {
                serde_json::json!({
                    "gravity": gravity(problem.gravity),
                    "file": problem.file,
                    "offset": problem.offset,
                    "index": problem.index,
                    "what": problem.what,
                    "mend": problem.mend,
                })
            })
            .collect();
        return output::json(&serde_json::json!({
            "sound": report.is_sound(),
            "decisions": report.decisions,
            "files": report.files,
            "tiles": report.tiles,
            "anchors": report.anchors,
            "problems": problems,
        }));
    }
    for problem in &report.problems {
        output::line(format!("{}: {problem}", gravity(problem.gravity)));
    }
    output::line(format!(
        "{}: {} decisions in {} files, {} tiles, {} anchors",
        if report.is_sound() { "sound" } else { "NOT SOUND" },
        report.decisions,
        report.files,
        report.tiles,
        report.anchors
    ));
    Ok(())
}

const fn gravity(gravity: Gravity) -> &'static str {
    match gravity {
        Gravity::Notice => "notice",
        Gravity::Derived => "derived",
        Gravity::Damage => "damage",
    }
}
