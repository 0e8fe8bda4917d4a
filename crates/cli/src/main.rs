//! The `stele` command.

mod artifact;
mod chain;
mod commands;
mod config;
mod exit;
mod findings;
mod habits;
mod home;
mod inventory;
mod keys;
mod logging;
mod node;
mod output;
mod progress;
mod query;
mod record;
mod remote;
mod repository;
mod sources;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A tenth of a decision's time is spent in the allocator, and a start loads documents that are dropped again: jemalloc is quicker at the
/// first and gives the second back to the system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Security policy that enforces itself, decisions that prove themselves.
#[derive(Parser)]
#[command(name = "stele", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    sources: config::Sources,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a node: chain, governance, policies in force, decision point
    Up(commands::up::Args),
    /// Start a repository of policies with tests, pipelines and hooks; never overwrites
    Init(commands::init::Args),
    /// Policies: in force, proposed, tested, linted
    #[command(subcommand)]
    Policy(commands::policy::Command),
    /// Check files against policies before they merge; exit code 1 when one is violated
    Check(commands::check::Args),
    /// What `stele check --attest` says of what it checked
    #[command(subcommand)]
    Attestation(commands::attestation::Command),
    /// Decide once, without a server; exit code 1 when denied
    Decide(commands::decide::Args),
    /// Recorded decisions
    #[command(subcommand)]
    Decision(commands::decision::Command),
    /// Write the proof of one decision: record, leaf, inclusion proof, checkpoint, anchor
    Prove(commands::prove::Args),
    /// Verify a proof offline, and with --rpc against the chain; exit code 1 when it does not hold
    Verify(commands::verify::Args),
    /// Receipts: what nodes have promised
    #[command(subcommand)]
    Receipt(commands::receipt::Command),
    /// Have the chain re-execute a recorded decision, or hold a node to a receipt; exit code 1 when the node lied
    Challenge(commands::challenge::Args),
    /// Withdraw what the chain holds for an account: rewards and deposits
    Withdraw(commands::withdraw::Args),
    /// Follow nodes' logs, re-execute their decisions, cosign their checkpoints
    Verifier(commands::verifier::Args),
    /// Check what is stored
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Evaluate a Rego query and print the result, as `opa eval` does
    Eval(commands::eval::Args),
    /// Ask queries and define rules, one line after another
    Repl(commands::repl::Args),
    /// Start the language server for editors
    ///
    /// It speaks the Language Server Protocol on standard input and output, and logs to standard error; docs/editor.md says how editors
    /// start it. Exit code 0 when the client shut it down, 1 when the client went away without.
    Lsp(commands::lsp::Args),
    /// Build bundles and policy contracts
    Build(commands::build::Args),
    /// Policy contracts
    #[command(subcommand)]
    Contract(commands::contract::Command),
    /// Credentials in files, archives and Git history
    #[command(subcommand)]
    Secrets(commands::secrets::Command),
    /// Write down what a directory or a container image is made of: CycloneDX, SPDX
    Sbom(commands::sbom::Args),
    /// Known vulnerabilities of packages, offline
    #[command(subcommand)]
    Vuln(commands::vuln::Command),
    /// The configuration in effect
    #[command(subcommand)]
    Config(commands::config::Command),
    /// Print a shell completion script
    Completions(commands::completions::Args),
}

fn main() -> ExitCode {
    // TLS needs one process-wide provider; a second installation is harmless.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    match run(cli).and_then(|verdict| output::flushed().map(|()| verdict)) {
        Ok(verdict) => verdict.into(),
        Err(error) => {
            output::note(format!("error: {}", exit::in_words(&error)));
            exit::code(&error)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<exit::Verdict> {
    let sources = cli.sources;
    match cli.command {
        Command::Up(args) => commands::up::run(&sources, args),
        Command::Policy(command) => commands::policy::run(&sources, command),
        Command::Init(args) => commands::init::run(&args),
        Command::Check(args) => commands::check::run(&sources, &args),
        Command::Attestation(command) => commands::attestation::run(&sources, command),
        Command::Decide(args) => commands::decide::run(&sources, &args),
        Command::Decision(command) => commands::decision::run(&sources, command),
        Command::Prove(args) => commands::prove::run(&sources, &args),
        Command::Verify(args) => commands::verify::run(&sources, &args),
        Command::Receipt(command) => commands::receipt::run(&sources, command),
        Command::Challenge(args) => commands::challenge::run(&sources, &args),
        Command::Withdraw(args) => commands::withdraw::run(&sources, &args),
        Command::Verifier(args) => commands::verifier::run(&sources, args),
        Command::Audit(command) => commands::audit::run(&sources, command),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Repl(args) => commands::repl::run(&args),
        Command::Lsp(args) => commands::lsp::run(&sources, &args),
        Command::Build(args) => commands::build::run(&args),
        Command::Contract(command) => commands::contract::run(&sources, command),
        Command::Secrets(command) => commands::secrets::run(command),
        Command::Sbom(args) => commands::sbom::run(&args),
        Command::Vuln(command) => commands::vuln::run(&sources, command),
        Command::Config(command) => commands::config::run(&sources, command),
        Command::Completions(args) => commands::completions::run(&args),
    }
}
