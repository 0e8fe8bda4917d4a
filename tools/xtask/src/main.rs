//! The one command surface for people, hooks and CI: `cargo xtask COMMAND`.

mod bench_check;
mod chromium;
mod ci;
mod contracts;
mod docs;
mod featureless;
mod house;
mod peers;
mod readme;
mod shell;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, tests and checks Stele")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install the test peers under target/peers, then run every test
    Test {
        /// Run without installing or using the peers
        #[arg(long)]
        no_peers: bool,
    },
    /// Everything that decides whether a change may land
    Ci,
    /// Compile the Solidity contracts into contracts/artifacts
    Contracts {
        /// Fail when the committed artifacts differ from a fresh compilation
        #[arg(long)]
        check: bool,
    },
    /// Install the real programs the tests run against, from npm and PyPI
    Peers,
    /// Run the benchmarks that docs/benchmarks.md reports
    Bench,
    /// Measure how fast secrets are found: [MEGABYTES] [FOLDER]
    BenchSecrets {
        /// Size of the corpus [1000], and where it is written or lies already
        arguments: Vec<String>,
    },
    /// Measure `stele vuln` on records and packages that are made up: [RECORDS] [PACKAGES]
    BenchVuln {
        /// How many records [100000] and packages [5000]
        arguments: Vec<String>,
    },
    /// Measure `stele check` on generated input: plan [MEGABYTES] [FILE], repository [FILES] [FOLDER] or startup [RUNS]
    BenchCheck {
        /// `plan`, `repository` or `startup`, its size [150, 5000, 20], and where it is written or lies already
        arguments: Vec<String>,
    },
    /// Run generated policies on all engines until they disagree; see `--help` of the program, which gets all arguments
    Differential {
        /// Arguments, as `--executions 1000000 --seed 1`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Compare the gas of compiled policies with that of the same policies by hand; `--profile` shows where it goes
    Gas {
        /// Arguments of the program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the API documentation; warnings are errors
    Docs,
    /// Check the dependency direction and file sizes
    House,
    /// Check that the command builds without its feature `regorus`
    Featureless,
    /// Run the README's commands as written, in a scratch copy of the examples
    Readme,
}

fn main() -> ExitCode {
    if let Some(code) = featureless::as_rustc() {
        return code;
    }
    let outcome = match Cli::parse().command {
        Command::Test { no_peers } => ci::test(!no_peers),
        Command::Ci => ci::run_checks(),
        Command::Contracts { check } => contracts::run(check),
        Command::Peers => peers::install().map(drop),
        Command::Bench => ci::bench(),
        Command::BenchSecrets { arguments } => ci::bench_secrets(&arguments),
        Command::BenchVuln { arguments } => ci::bench_vuln(&arguments),
        Command::BenchCheck { arguments } => bench_check::run_bench(&arguments),
        Command::Differential { arguments } => ci::differential(&arguments),
        Command::Gas { arguments } => ci::gas(&arguments),
        Command::Docs => docs::run_docs(),
        Command::House => house::run(),
        Command::Featureless => featureless::check(),
        Command::Readme => readme::run_readme(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
