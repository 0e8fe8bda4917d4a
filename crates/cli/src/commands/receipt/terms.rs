//! `stele receipt terms`: what claims of omission are subject to.

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::keys;
use crate::output::{self, Format};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::time::Duration;
use stele_chain::client::{Governance, OmissionTerms};
use stele_chain::contracts::Role;

/// What the contract Challenge subjects claims of omission to. Terms that are given are changed, for claims that are made from then on; the others stay.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A node's promise counts at most so many seconds
    #[arg(long, value_name = "SECONDS")]
    max_merge_delay: Option<u64>,
    /// A node has so many seconds to answer a claim
    #[arg(long, value_name = "SECONDS")]
    window: Option<u64>,
    /// Receipts of an operator that was replaced count for so many seconds more: at least the longest merge delay, the window and the tolerance
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,
    /// A claim takes so many wei, which go to whoever answers, or back when nobody does
    #[arg(long, value_name = "WEI")]
    deposit: Option<u128>,
    /// Key file of an admin [default: the data directory's]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
    #[command(flatten)]
    chain: ChainArgs,
}

impl Args {
    fn changed(&self, held: OmissionTerms) -> OmissionTerms {
        let seconds = |given: Option<u64>, held| given.map_or(held, Duration::from_secs);
        OmissionTerms {
            max_merge_delay: seconds(self.max_merge_delay, held.max_merge_delay),
            window: seconds(self.window, held.window),
            grace: seconds(self.grace, held.grace),
            deposit: self.deposit.unwrap_or(held.deposit),
        }
    }
}

pub(super) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        let governance = &session.governance;
        let held = governance.omission_terms().await.environment("the chain")?;
        let terms = args.changed(held);
        if terms != held {
            check(governance, &terms).await?;
            warn(&held, &terms);
            let admin = keys::role_account(&session.home, Role::Admin, args.key.as_deref())?;
            governance.set_omission_terms(&admin, &terms).await?;
        }
        print(args.format, &terms)?;
        Ok(Verdict::Pass)
    })
}

/// Longest that the contract takes, in seconds: a year.
const LONGEST: u64 = 365 * 86_400;
/// Seconds that a node needs for an answer at its defaults, with room: it looks for claims every 5 s, anchors every 10 s, and a transaction waits for its block.
const ANSWER: u64 = 60;

/// Says what the contract would refuse with less to read.
async fn check(governance: &Governance, terms: &OmissionTerms) -> Result<()> {
    for (name, given, least) in [
        ("--max-merge-delay", terms.max_merge_delay, 1),
        ("--window", terms.window, 1),
        ("--grace", terms.grace, 0),
    ] {
        if !(least..=LONGEST).contains(&given.as_secs()) {
            bail!(
                "{name} must be between {least} s and a year ({LONGEST} s), and not {} s: the contract takes no other",
                given.as_secs()
            );
        }
    }
    let tolerance = governance.challenge_tolerance().await.environment("the chain")?;
    let least = terms.least_grace(Duration::from_secs(tolerance));
    if terms.grace < least {
        bail!(
            "--grace must be at least {} s: {tolerance} s by which clocks may differ, the longest merge delay of {} s, and the window of {} s; else a \
             node is rid of its promises when its operator is replaced",
            least.as_secs(),
            terms.max_merge_delay.as_secs(),
            terms.window.as_secs()
        );
    }
    Ok(())
}

/// What the contract takes, and honest nodes would pay for: said, because only the admin knows how these are set up.
fn warn(held: &OmissionTerms, terms: &OmissionTerms) {
    let (window, delay) = (terms.window.as_secs(), terms.max_merge_delay.as_secs());
    if window < ANSWER && terms.window != held.window {
        output::note(format!(
            "warning: a node has only {window} s to answer a claim. At its defaults it looks for claims every 5 s (server.receipts.poll_ms), may have to anchor \
             first (every 10 s, server.anchor.interval_ms, and with a quorum not before its verifiers), and its transactions wait for a block: honest nodes will \
             be suspended. Give at least --window {ANSWER}, and more than the longest outage that you forgive"
        ));
    }
    if delay < ANSWER && terms.max_merge_delay != held.max_merge_delay {
        output::note(format!(
            "warning: promises are due after {delay} s, whatever their nodes say: a node that anchors every 10 s (server.anchor.interval_ms) or waits for blocks and \
             verifiers can't keep them, and pays for each claim with a transaction. Give at least --max-merge-delay {ANSWER}"
        ));
    }
}

fn print(format: Format, terms: &OmissionTerms) -> Result<()> {
    let (delay, window, grace) = (
        terms.max_merge_delay.as_secs(),
        terms.window.as_secs(),
        terms.grace.as_secs(),
    );
    match format {
        Format::Json => output::json(&serde_json::json!({
            "max_merge_delay_s": delay,
            "window_s": window,
            "grace_s": grace,
            "deposit_wei": terms.deposit.to_string(),
        })),
        Format::Text => {
            output::line(format!("a promise counts at most      {delay} s"));
            output::line(format!("a node has to answer within   {window} s"));
            output::line(format!("replaced operators count for  {grace} s"));
            output::line(format!("a claim takes                 {} wei", terms.deposit));
            Ok(())
        }
    }
}
