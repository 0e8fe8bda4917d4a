//! Files to read: a directory on disk, or one in memory.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

/// Bytes of a lock file. The largest that are known have some tens of millions.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Directories that hold other people's files, or what was built.
const LEFT_OUT: [&str; 8] = [
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".venv",
    "bower_components",
    "node_modules",
    "site-packages",
];

/// Says that a directory can be made again; see <https://bford.info/cachedir/>.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// Why a file can't be read: the input's fault, or the environment's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is too large, no file, or no text.
    #[error("{0}")]
    Input(String),
    /// The system refuses.
    #[error("can't be read: {0}")]
    Environment(String),
}

/// Files by their paths with `/`.
pub trait Tree {
    /// The paths of all files, and why some could not be listed (path and reason).
    fn files(&self) -> (Vec<String>, Vec<(String, ReadError)>);

    /// A file's text; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if it is there but can't be read.
    fn read(&self, path: &str) -> Result<Option<String>, ReadError>;
}

/// A directory, or a single file.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
    only: Option<String>,
}

impl Directory {
    /// A directory, or one file; what stands beside a file may be read too.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let root = path.into();
        if root.is_dir() {
            return Self { root, only: None };
        }
        let only = root.file_name().map(|name| name.to_string_lossy().into_owned());
        let parent = root.parent().map(PathBuf::from).unwrap_or_default();
        Self { root: parent, only }
    }
}

impl Tree for Directory {
    fn files(&self) -> (Vec<String>, Vec<(String, ReadError)>) {
        if let Some(only) = &self.only {
            return (vec![only.clone()], Vec::new());
        }
        let (mut files, mut failures) = (Vec::new(), Vec::new());
        let walk = walkdir::WalkDir::new(&self.root).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry)) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push(self.name(entry.path())),
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().map(|path| self.name(path)).unwrap_or_default();
                    failures.push((path, ReadError::Environment(error.to_string())));
                }
            }
        }
        (files, failures)
    }

    fn read(&self, path: &str) -> Result<Option<String>, ReadError> {
        let path = self.root.join(path);
        let environment = |error: std::io::Error| ReadError::Environment(error.to_string());
        // Looked at first: to open a pipe may take for ever.
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => {}
            Ok(_) => return Err(ReadError::Input("is no file".to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(environment(error)),
        }
        let file = std::fs::File::open(&path).map_err(environment)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(environment)?;
        text(bytes).map(Some)
    }
}

impl Directory {
    fn name(&self, path: &std::path::Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        let parts: Vec<_> = below
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        parts.join("/")
    }
}

fn is_left_out(entry: &walkdir::DirEntry) -> bool {
    entry.file_type().is_dir()
        && (LEFT_OUT.iter().any(|name| entry.file_name() == *name) || entry.path().join(CACHE_TAG).is_file())
}

/// The text of a file's bytes, without a byte order mark.
pub(crate) fn text(bytes: Vec<u8>) -> Result<String, ReadError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ReadError::Input(format!("has more than {MAX_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        ReadError::Input(format!("is not UTF-8: byte {at} belongs to no character"))
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Files in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Memory {
    /// Files by path and text.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
        Self(files.iter().map(file).collect())
    }
}

impl Tree for Memory {
    fn files(&self) -> (Vec<String>, Vec<(String, ReadError)>) {
        (self.0.keys().cloned().collect(), Vec::new())
    }

    fn read(&self, path: &str) -> Result<Option<String>, ReadError> {
        self.0.get(path).cloned().map(text).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_others_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "a/go.mod",
            "node_modules/x/go.mod",
            "target/go.mod",
            "target/CACHEDIR.TAG",
            "go.mod",
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let (files, failures) = Directory::new(dir.path()).files();
        assert_eq!(files, ["a/go.mod", "go.mod"]);
        assert!(failures.is_empty());
        let single = Directory::new(dir.path().join("a/go.mod"));
        assert_eq!(single.files().0, ["go.mod"]);
        assert_eq!(single.read("go.mod").unwrap().as_deref(), Some("x"));
        assert_eq!(single.read("none").unwrap(), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(text(vec![b'a', 0xFF]).unwrap_err().to_string().contains("byte 1"));
        assert_eq!(text("\u{feff}a".into()).unwrap(), "a");
    }
}
