//! Compares compiled policies with the same policies by hand.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use stele_testkit::reference::{self, Reference, ReferenceError};

/// Compares the gas of compiled policies with that of the same policies by hand.
#[derive(Parser)]
#[command(name = "gas")]
struct Arguments {
    /// Also show where the gas of the compiled policies goes
    #[arg(long)]
    profile: bool,
    /// Only this policy
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(text) => {
            let _ = write!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A ratio in hundredths.
fn percent(a: u64, b: u64) -> u64 {
    a.saturating_mul(100)
        .saturating_add(b.checked_div(2).unwrap_or_default())
        .checked_div(b)
        .unwrap_or_default()
}

fn ratio(percent: u64) -> String {
    format!("{}.{:02}", percent / 100, percent % 100)
}

fn run(arguments: &Arguments) -> Result<String, ReferenceError> {
    let mut text = String::from(
        "| policy | decision gas: compiled | by hand | ratio | call data gas | by hand | size (B) | by hand | deploy gas | by hand |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    let all = reference::all()?;
    let chosen: Vec<&Reference> = all
        .iter()
        .filter(|reference| {
            arguments
                .only
                .as_ref()
                .is_none_or(|name| name == reference.name())
        })
        .collect();
    let mut ratios = Vec::new();
    for reference in &chosen {
        let question = reference.typical();
        let (compiled, by_hand) = (reference.compiled(&question)?, reference.by_hand(&question)?);
        let (ours, theirs) = reference.deployments()?;
        let percent = percent(compiled.gas, by_hand.gas);
        ratios.push(percent);
        text += &format!(
            "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            reference.name(),
            compiled.gas,
            by_hand.gas,
            ratio(percent),
            compiled.call_data_gas,
            by_hand.call_data_gas,
            ours.size,
            theirs.size,
            ours.gas,
            theirs.gas
        );
    }
    ratios.sort_unstable();
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    text += &format!("\nmedian ratio: {}\n", ratio(median));
    if arguments.profile {
        for reference in chosen {
            let profile = reference.profile(&reference.typical().input)?;
            text += &format!("\n{}\n", reference.name());
            for (title, rows) in [
                ("routines", profile.routines),
                ("lines", profile.lines),
                ("lines and routines", profile.uses),
            ] {
                text += &format!("  {title}\n");
                for (name, gas) in rows.iter().take(30) {
                    text += &format!("    {gas:>8}  {name}\n");
                }
            }
        }
    }
    Ok(text)
}
