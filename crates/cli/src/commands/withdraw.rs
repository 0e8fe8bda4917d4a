//! `stele withdraw`: what the contract Challenge, and those before and after it, hold for an account.

use super::challenge::governance;
use crate::chain::{ChainArgs, block_on};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::home::Home;
use crate::keys;
use crate::output;
use alloy_primitives::{Address, U256};
use anyhow::Result;
use std::path::PathBuf;
use stele_chain::client::Governance;
use stele_chain::contracts::Role;

/// Withdraw what the contract Challenge holds for an account: rewards for refutations, deposits of claims.
///
/// Contracts that were replaced, or that replaced the deployment's, are asked too: money stays in the contract that it was earned in. Deposits of
/// claims that a node answered are its operator's, those of claims that stood are their claimant's. Nothing is sent when there is nothing.
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
    /// Address of the contract Challenge you trust [default: that of the data directory's deployment]
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    contract: Option<Address>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// A contract that holds something for the account.
struct Held {
    court: Governance,
    credit: U256,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let config = sources.load()?;
    let home = Home::at(&config.data_dir);
    block_on(async {
        // The session, where there is one, holds the embedded chain open.
        let (own, _session) = governance(&config, &home, args.contract, &args.chain).await?;
        let account = if args.node {
            keys::node_account(&home)?
        } else {
            keys::role_account(&home, Role::Responder, args.key.as_deref())?
        };
        let address = account.address();
        let held = credits(&own, address).await?;
        if held.is_empty() {
            output::line(format!("{address} may withdraw 0 wei"));
        }
        for Held { court, credit } in held {
            let contract = court.deployment().challenge;
            let place = if contract == own.deployment().challenge {
                String::new()
            } else {
                format!(" from the contract {contract}, of the same line")
            };
            if args.show {
                output::line(format!("{address} may withdraw {credit} wei{place}"));
                continue;
            }
            let receipt = court.withdraw_reward(&account).await?;
            output::line(format!(
                "{credit} wei withdrawn to {address}{place} in transaction {}",
                receipt.transaction
            ));
        }
        Ok(Verdict::Pass)
    })
}

/// What each contract of the line holds for an account: the deployment's first, then those before it, then those after it.
async fn credits(own: &Governance, account: Address) -> Result<Vec<Held>> {
    let mut courts = vec![own.clone()];
    courts.extend(own.earlier_challenges().await.environment("the chain")?);
    courts.extend(own.later_challenges().await.environment("the chain")?);
    let mut held = Vec::new();
    for court in courts {
        let credit = court.challenge_credit(account).await.environment("the chain")?;
        if !credit.is_zero() {
            held.push(Held { court, credit });
        }
    }
    Ok(held)
}
