//! `stele verifier`.

mod govern;
mod run;
mod status;

use crate::config::{Config, Sources};
use crate::exit::Verdict;
use crate::home::Home;
use crate::keys;
use crate::output::{self, Format};
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;
use stele_chain::client::Account;
use stele_ledger::Cosigner;
use zeroize::Zeroizing;

/// Run a verifier, or ask and govern verifiers.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(flatten)]
    run: run::RunArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// How far each log is verified and cosigned; exit code 1 when one is refused
    Status(status::StatusArgs),
    /// Print the public key that nodes list, and the account that an admin admits; makes both when they are missing
    Keys {
        /// Output format
        #[arg(long, default_value = "text")]
        format: Format,
    },
    /// Go on with a log that was refused, or beyond a decision that can't be verified, after you have looked into it; the verifier must not be running
    Resume(status::ResumeArgs),
    /// Have the ledger contract count a verifier's signatures
    Admit(govern::AccountArgs),
    /// Have the ledger contract count a verifier's signatures no more
    Dismiss(govern::AccountArgs),
    /// Show the quorum that the ledger contract demands, or set it
    Quorum(govern::QuorumArgs),
}

pub(crate) fn run(sources: &Sources, args: Args) -> Result<Verdict> {
    match args.command {
        None => run::run(sources, args.run),
        Some(Command::Status(args)) => status::run(sources, &args),
        Some(Command::Keys { format }) => show_keys(sources, format),
        Some(Command::Resume(args)) => status::resume(sources, &args),
        Some(Command::Admit(args)) => govern::admit(sources, &args, true),
        Some(Command::Dismiss(args)) => govern::admit(sources, &args, false),
        Some(Command::Quorum(args)) => govern::quorum(sources, &args),
    }
}

/// What a verifier signs with, and the secret that chooses its sample.
struct Keys {
    cosigner: Arc<Cosigner>,
    account: Account,
    secret: Zeroizing<[u8; 32]>,
}

impl Keys {
    fn load(config: &Config, home: &Home) -> Result<Self> {
        home.create()?;
        let verifier = &config.verifier;
        let seed = keys::verifier_key(home, &verifier.cosigner_key, "cosigner.key")?;
        let account = keys::verifier_key(home, &verifier.account_key, "verifier.key")?;
        let account = Account::from_key(&account)?;
        let name = if verifier.name.is_empty() {
            format!("stele-verifier/{}", account.address())
        } else {
            verifier.name.clone()
        };
        Ok(Self {
            cosigner: Arc::new(Cosigner::from_seed(&name, &seed)?),
            account,
            secret: Zeroizing::new(stele_types::sha256(&[b"stele/verifier/sample", &*seed]).0),
        })
    }
}

fn show_keys(sources: &Sources, format: Format) -> Result<Verdict> {
    let config = sources.load()?;
    let keys = Keys::load(&config, &Home::at(&config.data_dir))?;
    let (cosigner, account) = (keys.cosigner.key().to_string(), keys.account.address());
    match format {
        Format::Json => output::json(&serde_json::json!({ "cosigner": cosigner, "account": account }))?,
        Format::Text => {
            output::line(format!("cosigner  {cosigner}"));
            output::line(format!("account   {account}"));
        }
    }
    Ok(Verdict::Pass)
}

/// Where the state lies.
fn state_dir(config: &Config, home: &Home) -> PathBuf {
    if config.verifier.state.as_os_str().is_empty() {
        home.verifier()
    } else {
        config.verifier.state.clone()
    }
}
