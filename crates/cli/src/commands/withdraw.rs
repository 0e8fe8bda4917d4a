//! `stele withdraw`: what the contract Challenge, and those before and after it, hold for an account.

use super::challenge::governance;
use crate::chain::{ChainArgs, block_on};
use crate::config::Sources;
use crate::exit::{Environment, EnvironmentContext, Verdict};
use crate::home::Home;
use crate::keys;
use crate::output;
use alloy_primitives::{Address, U256};
use anyhow::{Result, bail};
use std::path::PathBuf;
use stele_chain::ChainError;
use stele_chain::client::{Account, Governance};
use stele_chain::contracts::Role;
use stele_gate::report::many;

/// Withdraw what the contract Challenge holds for an account: rewards for refutations, deposits of claims.
///
/// Contracts that were replaced, or that replaced the deployment's, are asked too: money stays in the contract that it was earned in. Deposits of
/// claims that a node answered are its operator's, those of claims that stood are their claimant's. Nothing is sent when there is nothing, nor to such a
/// contract whose code this version does not know; one that fails holds up no other, and is exit code 3.
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
        let mut paying = Paying {
            account: &account,
            show: args.show,
            found: false,
            problems: 0,
        };
        // What is the deployment's own is not held up by what others say.
        let credit = own.challenge_credit(address).await.environment("the chain")?;
        paying.take(&own, credit, "").await.environment("the chain")?;
        for line in [own.earlier_challenges().await, own.later_challenges().await] {
            match line {
                Ok(courts) => paying.take_all(&courts).await,
                Err(error) => paying.problem(format!("a contract of the same line can't be asked: {error}")),
            }
        }
        if paying.problems > 0 {
            return Err(Environment(format!(
                "{} with other contracts of the line, named above; what the others held was seen to",
                many(paying.problems, "problem")
            ))
            .into());
        }
        if !paying.found {
            output::line(format!("{address} may withdraw 0 wei"));
        }
        Ok(Verdict::Pass)
    })
}

/// Withdrawals of one account.
struct Paying<'a> {
    account: &'a Account,
    /// Nothing is sent.
    show: bool,
    /// Whether any contract held something.
    found: bool,
    /// Contracts that could not be asked, or were not trusted.
    problems: u64,
}

impl Paying<'_> {
    /// Withdraws what each of the contracts before or after the deployment's holds; one that fails does not hold up the others.
    async fn take_all(&mut self, courts: &[Governance]) {
        for court in courts {
            let contract = court.deployment().challenge;
            if let Err(error) = self.take_from(court).await {
                self.problem(format!("the contract {contract}, of the same line: {error:#}"));
            }
        }
    }

    async fn take_from(&mut self, court: &Governance) -> Result<()> {
        let credit = court.challenge_credit(self.account.address()).await?;
        // Nobody checked this contract when the deployment was: what it is sent must be what it is said to be.
        if !credit.is_zero() && !court.challenge_is_known().await? {
            bail!(
                "it says that it holds {credit} wei, and its code is none that this version knows: nothing was sent to it; withdraw with the version of stele that it was deployed by"
            );
        }
        let place = format!(
            " from the contract {}, of the same line",
            court.deployment().challenge
        );
        Ok(self.take(court, credit, &place).await?)
    }

    async fn take(&mut self, court: &Governance, credit: U256, place: &str) -> Result<(), ChainError> {
        let address = self.account.address();
        if credit.is_zero() {
            return Ok(());
        }
        self.found = true;
        if self.show {
            output::line(format!("{address} may withdraw {credit} wei{place}"));
            return Ok(());
        }
        let receipt = court.withdraw_reward(self.account).await?;
        output::line(format!(
            "{credit} wei withdrawn to {address}{place} in transaction {}",
            receipt.transaction
        ));
        Ok(())
    }

    fn problem(&mut self, text: String) {
        self.problems = self.problems.saturating_add(1);
        output::note(text);
    }
}
