//! `stele sbom`: what a directory or a container image is made of.

use crate::exit::{EnvironmentContext, Verdict};
use crate::{inventory, output};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::path::PathBuf;
use stele_gate::report::{many, printable};
use stele_sbom::report::{self, Making};
use stele_sbom::{Inventory, ProblemKind};

/// Write down what a directory is made of, from its lock files, or what is installed in a container image
///
/// The same files give the same bytes: a time stands in the document only if --timestamp or SOURCE_DATE_EPOCH says so. docs/sbom.md lists the files
/// that are read. Exit code 0: everything was read, 2: a file is damaged (the rest is in the document all the same), 3: a file can't be
/// read or written.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, one lock file, an archive of `docker save`, or an OCI layout (directory or archive)
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Format of the document
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// File to write [default: standard output]
    #[arg(short, long, value_name = "FILE", value_parser = crate::habits::output_file)]
    output: Option<PathBuf>,
    /// What the document is about [default: the name of the image, else of PATH]
    #[arg(long)]
    name: Option<String>,
    /// Image to take where a layout has several, e.g. linux/amd64
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
    /// Time that the document says it was made at, RFC 3339; `now` is the clock's [default: SOURCE_DATE_EPOCH, else none, or where SPDX
    /// demands one 1970-01-01T00:00:00Z]
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// CycloneDX 1.6, JSON
    #[default]
    Cyclonedx,
    /// SPDX 2.3, JSON
    Spdx,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    if !args.path.exists() {
        bail!(crate::habits::gone(&args.path));
    }
    let created = created(args.timestamp.as_deref())?;
    let inventory = inventory::read(&args.path, args.name.as_deref(), args.platform.as_deref())?;
    let format = match args.format {
        Format::Cyclonedx => report::Format::CycloneDx,
        Format::Spdx => report::Format::Spdx,
    };
    let making = Making {
        tool_version: env!("CARGO_PKG_VERSION"),
        created,
    };
    let text = report::write(&inventory, format, &making)?;
    match &args.output {
        Some(file) => std::fs::write(file, text).environment(format!("can't write {}", file.display()))?,
        None => output::raw(&text)?,
    }
    summary(&inventory)
}

fn summary(inventory: &Inventory) -> Result<Verdict> {
    for problem in &inventory.problems {
        output::note(printable(&problem.to_string()));
    }
    if inventory.files.is_empty() && inventory.problems.is_empty() {
        output::note("there is no file that tells of packages; docs/sbom.md lists those that are read");
    }
    output::note(format!(
        "{} in {}",
        many(inventory.len(), "package"),
        many(inventory.files.len(), "file")
    ));
    // What was not read is missing from the document.
    match inventory.problems.iter().map(|problem| problem.kind).max() {
        Some(ProblemKind::Environment) => {
            Err("some files are missing").environment("the document is not complete")
        }
        Some(ProblemKind::Input) => Ok(Verdict::Invalid),
        Some(ProblemKind::Incomplete) | None => Ok(Verdict::Pass),
    }
}

/// The time that the document is to bear. See <https://reproducible-builds.org/specs/source-date-epoch/>.
fn created(option: Option<&str>) -> Result<Option<Timestamp>> {
    match option {
        Some("now") => Ok(Some(Timestamp::now())),
        Some(text) => {
            let time = text.parse().with_context(|| {
                format!("--timestamp {text:?} is no time; one is written 2030-01-31T12:00:00Z, or now")
            })?;
            Ok(Some(time))
        }
        None => {
            let Some(epoch) = std::env::var_os("SOURCE_DATE_EPOCH") else {
                return Ok(None);
            };
            let seconds = epoch.to_str().and_then(|text| text.parse().ok());
            let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            let shown = epoch.to_string_lossy();
            time.map(Some)
                .with_context(|| format!("SOURCE_DATE_EPOCH is {shown:?}, no number of seconds since 1970"))
        }
    }
}
