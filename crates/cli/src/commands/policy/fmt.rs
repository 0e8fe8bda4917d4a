//! `stele policy fmt`: as `opa fmt`.

use crate::exit::{EnvironmentContext, Verdict};
use crate::output;
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use stele_rego::format::{self, FormatError};
use stele_rego::{RegoVersion, SourceFile};

/// Format policies as `opa fmt` does.
///
/// Prints the formatted files; with no path, or with `-`, formats standard input.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (every *.rego below, hidden ones left out), or `-` for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Overwrite the files with their formatted text instead of printing it
    #[arg(short, long)]
    write: bool,
    /// List the files that formatting would change, instead of printing them
    #[arg(short, long)]
    list: bool,
    /// Print what formatting would change, as a unified diff
    #[arg(short, long)]
    diff: bool,
    /// Exit with 1 when formatting would change a file; prints no formatted text
    #[arg(long, visible_alias = "check")]
    fail: bool,
    /// Read Rego v0 and write v1
    #[arg(long)]
    v0_v1: bool,
}

/// A text to format.
struct Input {
    name: String,
    /// Where it is written back to.
    path: Option<PathBuf>,
    text: String,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let mut broken = 0usize;
    let mut changed = false;
    for input in inputs(args)? {
        let version = if args.v0_v1 {
            RegoVersion::V0
        } else {
            RegoVersion::V1
        };
        let source = SourceFile::new(input.name.as_str(), input.text.as_str()).with_version(version);
        match format::format(&source) {
            Ok(formatted) => changed |= report(args, &input, &formatted)?,
            Err(FormatError::Syntax(diagnostics)) => {
                broken = broken.saturating_add(1);
                for diagnostic in diagnostics {
                    output::note(diagnostic.render(&input.text));
                }
            }
            Err(error @ FormatError::Changed { .. }) => {
                broken = broken.saturating_add(1);
                output::note(format!("{error}; the file is left as it is"));
            }
        }
    }
    if broken > 0 {
        let files = if broken == 1 { "file" } else { "files" };
        bail!("{broken} {files} can't be formatted");
    }
    Ok(if args.fail && changed {
        Verdict::Fail
    } else {
        Verdict::Pass
    })
}

/// Prints or writes what the flags ask for; whether formatting changes the text.
fn report(args: &Args, input: &Input, formatted: &str) -> Result<bool> {
    let changed = input.text != formatted;
    if changed && args.list {
        output::line(&input.name);
    }
    if changed && args.diff {
        let diff = similar::TextDiff::from_lines(input.text.as_str(), formatted);
        let mut unified = diff.unified_diff();
        let header = format!("{} (formatted)", input.name);
        output::raw(&unified.context_radius(3).header(&input.name, &header).to_string())?;
    }
    match &input.path {
        Some(path) if changed && args.write => {
            overwrite(path, formatted).environment(format!("can't write {}", input.name))?;
        }
        _ => {}
    }
    let silent = args.list || args.diff || (args.write && input.path.is_some());
    if changed && args.fail && !silent {
        output::note(format!("{} is not formatted", input.name));
    }
    if !silent && !args.fail {
        output::raw(formatted)?;
    }
    Ok(changed)
}

fn inputs(args: &Args) -> Result<Vec<Input>> {
    let stdin = Path::new("-");
    if args.paths.is_empty() || args.paths.iter().any(|path| path == stdin) {
        if args.paths.len() > 1 {
            bail!("`-` (standard input) can't be combined with other paths");
        }
        if args.write {
            bail!("--write needs files; standard input has nothing to write to");
        }
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("can't read standard input")?;
        return Ok(vec![Input {
            name: "stdin".into(),
            path: None,
            text: text("standard input", bytes)?,
        }]);
    }
    let mut files = Vec::new();
    for path in &args.paths {
        if path.is_dir() {
            collect(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    files.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Result<Input> {
    let name = path.display().to_string();
    let bytes = std::fs::read(&path).with_context(|| format!("can't read {name}"))?;
    Ok(Input {
        text: text(&name, bytes)?,
        path: Some(path),
        name,
    })
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes)
        .map_err(|error| anyhow::anyhow!("{name} is not UTF-8 (byte {})", error.utf8_error().valid_up_to()))
}

/// The policies below a directory in sorted order. Links to directories are not followed, so that nothing outside is changed.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("can't read the directory {}", directory.display());
    let mut entries = std::fs::read_dir(directory)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().with_context(unreadable)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rego") && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Replaces a file's text at once: whoever reads it meanwhile finds the old text or the new one. A link stays a link.
fn overwrite(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::File::create_new(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::set_permissions(&temporary, std::fs::metadata(&path)?.permissions()))
        .and_then(|()| std::fs::rename(&temporary, &path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
