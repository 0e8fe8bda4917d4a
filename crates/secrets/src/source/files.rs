//! Standard input, files and directories.

use super::{Report, Scan, archive};
use crate::Error;
use crate::finding::{Problem, ProblemKind};
use crate::source::text::Worker;
use ignore::WalkBuilder;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Scans what a reader gives, under a name.
pub fn scan_reader(scan: &Scan<'_>, name: &str, reader: &mut dyn Read) -> Report {
    let mut worker = Worker::new(scan);
    archive::scan(&mut worker, name, reader, None);
    let mut report = worker.into_report();
    report.sort();
    report
}

/// Scans a file, or everything in a directory but `.git` and what is ignored. Symbolic links inside are not followed: what they lead to is
/// scanned where it is.
///
/// Paths in the report are relative to `root` if the path lies in it, so that they, and the fingerprints made of them, do not depend on where the
/// scan was started; otherwise they are as given.
///
/// # Errors
///
/// [`Error::NoSuchPath`] if there is nothing at the path. What can't be read inside is a [`Problem`] of the report.
pub fn scan_path(scan: &Scan<'_>, path: &Path, root: Option<&Path>) -> Result<Report, Error> {
    if !path.exists() {
        return Err(Error::NoSuchPath(path.to_owned()));
    }
    let start = root.and_then(|root| within(path, root));
    let name = |file: &Path| match (&start, file.strip_prefix(path)) {
        (Some(start), Ok(rest)) => shown(&start.join(rest)),
        _ => shown(file),
    };
    let mut problems = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    if path.is_dir() {
        for entry in walk(path, scan.options.include_ignored) {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    files.push(entry.into_path())
                }
                Ok(_) => {}
                Err(error) => problems.push(walk_problem(&name(path), &error)),
            }
        }
    } else {
        files.push(path.to_owned());
    }
    let mut report = scan.run(&files, |worker, file| scan_file(worker, file, &name(file)));
    report.problems.extend(problems);
    report.sort();
    Ok(report)
}

fn walk(path: &Path, include_ignored: bool) -> ignore::Walk {
    WalkBuilder::new(path)
        .standard_filters(!include_ignored)
        .hidden(false)
        .require_git(false)
        .follow_links(false)
        .filter_entry(|entry| entry.file_name() != ".git" || entry.depth() == 0)
        .build()
}

/// A path's place below a directory; none if it is not there.
fn within(path: &Path, root: &Path) -> Option<PathBuf> {
    let (path, root) = (path.canonicalize().ok()?, root.canonicalize().ok()?);
    path.strip_prefix(root).ok().map(Path::to_owned)
}

fn walk_problem(path: &str, error: &ignore::Error) -> Problem {
    Problem {
        path: path.to_owned(),
        kind: ProblemKind::Environment,
        message: error.to_string(),
    }
}

fn scan_file(worker: &mut Worker<'_>, path: &Path, name: &str) {
    let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    match opened {
        Err(error) => worker.problem(name, ProblemKind::Environment, format!("can't be read: {error}")),
        Ok((_, metadata)) if worker.too_large(name, metadata.len()) => {}
        Ok((mut file, metadata)) => archive::scan(worker, name, &mut file, Some(metadata.len())),
    }
}

/// A path as reports show it: with `/`, without a leading `./`.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let text = text.trim_end_matches('/').to_owned();
    match text.strip_prefix("./") {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => text,
    }
}
