//! Reading a directory tree.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{Files, LoadError, LoadLimits, is_wanted};

/// Reads the wanted files below `root`, sorted, without hidden ones.
pub(super) fn read(root: &Path, limits: &LoadLimits) -> Result<Files, LoadError> {
    read_where(root, limits, is_wanted)
}

/// Reads the files below `root` whose names `matters` accepts, sorted, without hidden ones.
pub(super) fn read_where(
    root: &Path,
    limits: &LoadLimits,
    matters: fn(&str) -> bool,
) -> Result<Files, LoadError> {
    let canonical = fs::canonicalize(root).map_err(|source| io(root, source))?;
    let mut files = Files::default();
    let walk = WalkDir::new(root)
        .follow_links(false)
        .sort_by_file_name()
        .into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry)) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            LoadError::Io {
                path,
                source: error.into(),
            }
        })?;
        if let Some(path) = wanted(&entry, root, &canonical, matters)? {
            let size = fs::metadata(entry.path())
                .map_err(|source| io(entry.path(), source))?
                .len();
            if size > limits.file_bytes {
                return Err(LoadError::TooLarge {
                    what: format!("the file {path}"),
                    limit: limits.file_bytes,
                });
            }
            let bytes = fs::read(entry.path()).map_err(|source| io(entry.path(), source))?;
            files.put(path, bytes, limits)?;
        }
    }
    Ok(files)
}

fn io(path: &Path, source: std::io::Error) -> LoadError {
    LoadError::Io {
        path: path.to_owned(),
        source,
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// The relative path of an entry that is to be read.
fn wanted(
    entry: &DirEntry,
    root: &Path,
    canonical: &Path,
    matters: fn(&str) -> bool,
) -> Result<Option<String>, LoadError> {
    let kind = entry.file_type();
    if kind.is_dir() {
        return Ok(None);
    }
    if kind.is_symlink() {
        let target = fs::canonicalize(entry.path()).map_err(|source| io(entry.path(), source))?;
        if !target.starts_with(canonical) {
            return Err(LoadError::LinkOutside {
                path: entry.path().to_owned(),
                root: root.to_owned(),
            });
        }
        // A link to a directory inside adds nothing: the directory is read where it is.
        if target.is_dir() {
            return Ok(None);
        }
    }
    let Some(name) = entry.file_name().to_str() else {
        return Err(LoadError::FileName {
            path: entry.path().to_owned(),
        });
    };
    if matters(name) {
        relative(entry.path(), root).map(Some)
    } else {
        Ok(None)
    }
}

/// The path below `root`, with `/` on every system.
fn relative(path: &Path, root: &Path) -> Result<String, LoadError> {
    let below: PathBuf = path.strip_prefix(root).unwrap_or(path).to_owned();
    let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
    match parts {
        Some(parts) => Ok(parts.join("/")),
        None => Err(LoadError::FileName {
            path: path.to_owned(),
        }),
    }
}
