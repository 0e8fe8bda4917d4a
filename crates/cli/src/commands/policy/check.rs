//! `stele policy check`.

use std::path::PathBuf;
use stele_gate::report::many;

use anyhow::Result;
use stele_policy::check;

use crate::exit::Verdict;
use crate::output::{self, Format};
use crate::sources::{self, SchemaArgs, VersionArgs};

/// Compile policies and report every error, as `opa check` does.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    path: PathBuf,
    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    rego: VersionArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let schemas = args.schema.read()?;
    let (set, mut problems) = sources::load_lenient(&args.path, args.rego)?;
    // What a module that does not parse defines would only be missing elsewhere.
    if problems.is_empty() {
        problems = check::check(&set, &schemas);
    }
    match args.format {
        Format::Json => output::line(serde_json::to_string_pretty(
            &serde_json::json!({ "errors": problems }),
        )?),
        Format::Text => {
            for problem in &problems {
                output::line(problem.rendered.trim_end());
                output::line("");
            }
            let modules = set.modules().len();
            match problems.len() {
                0 if modules == 1 => output::line("1 module compiles"),
                0 => output::line(format!("{modules} modules compile")),
                count => output::line(many(count, "error")),
            }
        }
    }
    Ok(if problems.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    })
}
