//! Files that a repository keeps for its checks, and paths as it has them.

use anyhow::{Context, Result};
use jiff::civil::Date;
use std::path::{Path, PathBuf};
use stele_secrets::source;

/// A file by its name in the nearest directory upwards from a path, within the repository that the path is in.
pub(crate) fn find_above(start: &Path, name: &str) -> Option<PathBuf> {
    let repository = source::repository_root(start).ok();
    let start = start.canonicalize().ok()?;
    let end = repository.and_then(|root| root.canonicalize().ok());
    for folder in start.ancestors() {
        let file = folder.join(name);
        if file.is_file() {
            return Some(file);
        }
        // Outside of a repository only the path itself counts: a file above it could be anybody's.
        if end.as_deref().is_none_or(|end| folder == end) {
            return None;
        }
    }
    None
}

/// The root of the repository that a path is in.
pub(crate) fn root(path: &Path) -> Option<PathBuf> {
    source::repository_root(path).ok()?.canonicalize().ok()
}

/// A file's path from a directory, with `/`; as it is where it does not lie below.
pub(crate) fn path_below(root: &Path, name: &str) -> String {
    let path = Path::new(name).canonicalize().ok();
    let below = path.as_deref().and_then(|path| path.strip_prefix(root).ok());
    below.map_or_else(
        || name.to_owned(),
        |path| path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"),
    )
}

/// Whether two paths lead to the same place.
pub(crate) fn same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The text of a file that was named.
pub(crate) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}

/// The day in UTC.
pub(crate) fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
