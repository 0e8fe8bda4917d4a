//! `stele repl`: queries and rules, one line after another.

mod lines;
mod session;

use std::path::PathBuf;

use anyhow::Result;
use stele_policy::load::Documents;

use crate::exit::Verdict;
use crate::output;
use crate::query::{Failure, SettingsArgs};
use crate::sources::VersionArgs;
use lines::{Lines, Source};
use session::{Reply, Session};

/// Ask queries and define rules, one line after another.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Policies and data, as `stele eval -d`; repeatable
    #[arg(short, long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// A bundle: an archive or a directory; repeatable
    #[arg(short, long, value_name = "PATH")]
    bundle: Vec<PathBuf>,
    /// The input document, JSON
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    rego: VersionArgs,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let version = args.rego.version();
    let documents = match Documents::load_as(&args.data, &args.bundle, version) {
        Ok(documents) => documents,
        Err(error) => {
            output::note(Failure::from(error).text());
            return Ok(Verdict::Invalid);
        }
    };
    let mut session = Session::new(documents, args.settings.read()?, version);
    if let Some(path) = &args.input {
        session.read_input(path)?;
    }
    let mut lines = Source::open()?;
    if lines.is_interactive() {
        output::line("Type a query or a rule; `help` lists the commands, `exit` leaves.");
    }
    let mut failed = false;
    let mut statement = String::new();
    loop {
        let Some(line) = lines.next(&session.prompt(), !statement.is_empty())? else {
            break;
        };
        let ends = line.trim().is_empty();
        statement.push_str(&line);
        statement.push('\n');
        // An empty line ends a statement that is not complete; then its error is shown.
        if !ends && lines::is_open(&statement) {
            continue;
        }
        match session.take(&std::mem::take(&mut statement))? {
            Reply::Done => {}
            Reply::Failed => failed = true,
            Reply::Exit => return Ok(verdict(&lines, failed)),
        }
    }
    if !statement.trim().is_empty() {
        failed |= matches!(session.take(&statement)?, Reply::Failed);
    }
    Ok(verdict(&lines, failed))
}

/// A script that fails says so; at a terminal the person has seen it.
fn verdict(lines: &Source, failed: bool) -> Verdict {
    if failed && !lines.is_interactive() {
        Verdict::Invalid
    } else {
        Verdict::Pass
    }
}
