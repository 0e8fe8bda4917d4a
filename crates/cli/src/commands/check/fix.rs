//! `--fix`: shown as a diff, applied when that is said.

use crate::exit::EnvironmentContext;
use crate::output;
use anyhow::{Context, Result};
use similar::TextDiff;
use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::Path;
use stele_gate::fix::{self, Fixed};
use stele_gate::source::{Origin, Source};
use stele_gate::{Finding, Outcome, report};

/// Whether what is shown may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    Given,
    Asked,
    Refused,
}

impl Consent {
    pub(super) const fn of(yes: bool, dry_run: bool) -> Self {
        match (dry_run, yes) {
            (true, _) => Self::Refused,
            (false, true) => Self::Given,
            (false, false) => Self::Asked,
        }
    }
}

/// Shows what would be fixed and, if that is wanted, writes it. True when files have changed.
pub(super) fn run(outcome: &Outcome, sources: &[Source], consent: Consent) -> Result<bool> {
    let mut planned: Vec<(&Path, Fixed)> = Vec::new();
    for source in sources {
        let of_file = |finding: &&Finding| {
            finding.file == source.name && finding.fix.is_some() && finding.exception.is_none()
        };
        let findings: Vec<&Finding> = outcome.findings.iter().filter(of_file).collect();
        let Origin::File(path) = &source.origin else {
            continue;
        };
        if findings.is_empty() {
            continue;
        }
        match fix::apply(source, &findings) {
            Ok((fixed, left)) => {
                left.iter().for_each(|line| output::note(report::printable(line)));
                planned.extend(fixed.map(|fixed| (path.as_path(), fixed)));
            }
            Err(problem) => output::note(report::printable(&format!(
                "{}: nothing is fixed, it {problem}",
                source.name
            ))),
        }
    }
    if planned.is_empty() {
        output::note("there is nothing that can be fixed by itself");
        return Ok(false);
    }
    for (path, fixed) in &planned {
        output::note(diff(path, fixed)?.trim_end());
    }
    if consent == Consent::Refused {
        output::note("nothing was written: this is a dry run");
        return Ok(false);
    }
    if !(consent == Consent::Given || agreed(&planned)?) {
        output::note("nothing was written; --fix --yes applies this");
        return Ok(false);
    }
    for (path, fixed) in &planned {
        replace(path, &fixed.text).environment(format!("can't write {}", path.display()))?;
    }
    let edits: usize = planned.iter().map(|(_, fixed)| fixed.edits).sum();
    output::note(format!(
        "{edits} values in {} files are fixed; checked again:",
        planned.len()
    ));
    Ok(true)
}

fn diff(path: &Path, fixed: &Fixed) -> Result<String> {
    let old = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let diff = TextDiff::from_lines(&old, &fixed.text);
    let name = path.strip_prefix("./").unwrap_or(path).display().to_string();
    let text = diff.unified_diff().header(&name, &name).to_string();
    let lines = text.lines().map(report::printable);
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn agreed(planned: &[(&Path, Fixed)]) -> Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(false);
    }
    output::note(format!("Write this to {} files? [y/N]", planned.len()));
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .environment("can't read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Writes beside the file, with its permissions, and renames: whole or not at all.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Through a link, or the link would become a file.
    let path = path.canonicalize()?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.stele-{}", std::process::id()));
    let write = || {
        let mut file = File::create_new(&draft)?;
        file.set_permissions(fs::metadata(&path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}
