//! `stele policy docs`.

use crate::exit::{EnvironmentContext, Verdict};
use crate::home;
use crate::output;
use crate::sources::{self, VersionArgs};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use stele_policy::docs::{self, Example, Page};

/// Write pages about policies from their metadata.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    path: PathBuf,
    /// Where to write: a page for each policy, README.md and coverage.md
    #[arg(short, long, value_name = "DIR", default_value = "docs/policies")]
    output: PathBuf,
    /// Files to show: those of a policy in the folder that its id names, e.g. DIR/kubernetes/admission/bad.yaml
    #[arg(long, value_name = "DIR")]
    examples: Option<PathBuf>,
    /// Write nothing; fail when a page is out of date
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    rego: VersionArgs,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let set = sources::load(&args.path, args.rego)?;
    anyhow::ensure!(
        set.policies().next().is_some(),
        "{} has no policy: none of its packages has an id in its metadata",
        args.path.display()
    );
    let mut examples: BTreeMap<String, Vec<Example>> = BTreeMap::new();
    if let Some(folder) = &args.examples {
        for policy in set.policies() {
            let id = policy.id.as_str();
            examples.insert(id.to_owned(), read_examples(&folder.join(id), id)?);
        }
    }
    let pages = docs::pages(&set, |id| examples.get(id).cloned().unwrap_or_default());
    let changes = changes(&args.output, &pages)?;
    if args.check {
        for change in &changes {
            output::line(change.describe());
        }
        return Ok(if changes.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Fail
        });
    }
    for change in &changes {
        change.make()?;
        output::line(change.describe());
    }
    output::note(format!("{} pages, {} changed", pages.len(), changes.len()));
    Ok(Verdict::Pass)
}

/// The files right in a folder, by name. No folder: none.
fn read_examples(folder: &Path, id: &str) -> Result<Vec<Example>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable = || format!("the examples in {}", folder.display());
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if !path.is_file() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        examples.push(Example {
            name: format!("{id}/{name}"),
            text,
        });
    }
    examples.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(examples)
}

/// A page that is not as it should be.
enum Change<'p> {
    Write(PathBuf, &'p str),
    Remove(PathBuf),
}

impl Change<'_> {
    fn describe(&self) -> String {
        match self {
            Self::Write(path, _) => path.display().to_string(),
            Self::Remove(path) => format!("{} (of no policy)", path.display()),
        }
    }

    fn make(&self) -> Result<()> {
        match self {
            Self::Write(path, text) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).environment(folder.display().to_string())?;
                }
                home::write_atomically(path, text.as_bytes()).environment(path.display().to_string())
            }
            Self::Remove(path) => std::fs::remove_file(path).environment(path.display().to_string()),
        }
    }
}

/// Compares pages with what is there. A page that was made and belongs to no policy any more has to go; other files are left alone.
fn changes<'p>(output: &Path, pages: &'p [Page]) -> Result<Vec<Change<'p>>> {
    let mut changes = Vec::new();
    for page in pages {
        let path = output.join(&page.path);
        match std::fs::read(&path) {
            Ok(found) if found == page.text.as_bytes() => {}
            Ok(found) if !found.starts_with(docs::MARK.as_bytes()) => anyhow::bail!(
                "{} was not made by this command; move it away, or choose another --output",
                path.display()
            ),
            Ok(_) => changes.push(Change::Write(path, &page.text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                changes.push(Change::Write(path, &page.text));
            }
            Err(error) => return Err(error).environment(path.display().to_string()),
        }
    }
    let mut stale = Vec::new();
    stale_pages(output, output, pages, &mut stale)?;
    stale.sort();
    changes.extend(stale.into_iter().map(Change::Remove));
    Ok(changes)
}

fn stale_pages(root: &Path, folder: &Path, pages: &[Page], found: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            stale_pages(root, &path, pages, found)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/");
            let made = || std::fs::read(&path).is_ok_and(|text| text.starts_with(docs::MARK.as_bytes()));
            if !pages.iter().any(|page| page.path == name) && made() {
                found.push(path);
            }
        }
    }
    Ok(())
}
