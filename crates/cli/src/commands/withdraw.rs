//! `stele withdraw`: what the contract Challenge holds for an account.

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::keys;
use crate::output;
use anyhow::Result;
use std::path::PathBuf;
use stele_chain::contracts::Role;

/// Withdraw what the contract Challenge holds for an account: rewards for refutations, deposits of claims.
///
/// Deposits of claims that a node answered are its operator's, those of claims that stood are their claimant's. Nothing is sent when there is nothing.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Key file of the account [default: the data directory's responder, who challenges]
    #[arg(long, value_name = "FILE", conflicts_with = "node")]
    key: Option<PathBuf>,
    /// For the node's operator instead, who answers claims
    #[arg(long)]
    node: bool,
    /// Only say how much it is
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        let account = if args.node {
            keys::node_account(&session.home)?
        } else {
            keys::role_account(&session.home, Role::Responder, args.key.as_deref())?
        };
        let governance = &session.governance;
        let address = account.address();
        let credit = governance
            .challenge_credit(address)
            .await
            .environment("the chain")?;
        if credit.is_zero() || args.show {
            output::line(format!("{address} may withdraw {credit} wei"));
            return Ok(Verdict::Pass);
        }
        let receipt = governance.withdraw_reward(&account).await?;
        output::line(format!(
            "{credit} wei withdrawn to {address} in transaction {}",
            receipt.transaction
        ));
        Ok(Verdict::Pass)
    })
}
