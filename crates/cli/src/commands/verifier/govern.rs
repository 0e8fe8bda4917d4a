//! `stele verifier admit`, `dismiss` and `quorum`: what the ledger contract demands.

use crate::chain::{ChainArgs, Session, block_on};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::keys;
use crate::output;
use alloy_primitives::Address;
use anyhow::Result;
use std::path::PathBuf;
use stele_chain::client::Quorum;
use stele_chain::contracts::Role;
use stele_types::TreeSize;

#[derive(clap::Args)]
pub(super) struct AccountArgs {
    /// The verifier's account (`stele verifier keys`)
    account: Address,
    /// Key file of an admin [default: the data directory's]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(super) fn admit(sources: &Sources, args: &AccountArgs, admitted: bool) -> Result<Verdict> {
    block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        let admin = keys::role_account(&session.home, Role::Admin, args.key.as_deref())?;
        let governance = &session.governance;
        if admitted {
            governance.grant_role(&admin, Role::Verifier, args.account).await
        } else {
            governance.revoke_role(&admin, Role::Verifier, args.account).await
        }
        .environment("the ledger contract")?;
        let word = if admitted { "counts" } else { "does not count" };
        output::line(format!("{} {word} as a verifier", args.account));
        Ok(Verdict::Pass)
    })
}

#[derive(clap::Args)]
pub(super) struct QuorumArgs {
    /// How many verifiers must sign an anchor; 0 switches the quorum off
    #[arg(long, value_name = "COUNT")]
    signatures: Option<u16>,
    /// Only for trees of more leaves than this
    #[arg(long, value_name = "LEAVES", default_value_t = 0, requires = "signatures")]
    above: u64,
    /// Key file of an admin [default: the data directory's]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(super) fn quorum(sources: &Sources, args: &QuorumArgs) -> Result<Verdict> {
    block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        if let Some(signatures) = args.signatures {
            let admin = keys::role_account(&session.home, Role::Admin, args.key.as_deref())?;
            let quorum = Quorum {
                threshold: TreeSize::new(args.above),
                signatures,
            };
            session
                .governance
                .set_quorum(&admin, quorum)
                .await
                .environment("the ledger contract")?;
        }
        let quorum = session
            .governance
            .quorum()
            .await
            .environment("the ledger contract")?;
        output::line(match quorum.signatures {
            0 => "anchors need no verifier".to_owned(),
            count => format!(
                "anchors of more than {} leaves need the signatures of {count} verifiers",
                quorum.threshold
            ),
        });
        Ok(Verdict::Pass)
    })
}
