//! Which files are not what they were when a branch left another one, read with `gix`: no other program runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::ByteSlice as _;

/// What a repository held at the merge base of `HEAD` and a revision.
#[derive(Debug)]
pub struct Changed {
    root: PathBuf,
    kind: gix::hash::Kind,
    before: HashMap<String, ObjectId>,
}

/// Why that can't be known.
#[derive(Debug, thiserror::Error)]
pub enum ChangedError {
    /// The path is in no repository with a working tree.
    #[error("{} is in no Git repository with a working tree", .0.display())]
    NoRepository(PathBuf),
    /// The revision is not there, or has nothing in common with `HEAD`.
    #[error("`{reference}`: {cause}; a shallow clone does not have it (fetch with the whole history)")]
    Revision {
        /// As given.
        reference: String,
        /// What the repository says.
        cause: String,
    },
}

impl Changed {
    /// Reads the tree of the merge base of `HEAD` and `reference`.
    ///
    /// # Errors
    ///
    /// [`ChangedError`].
    pub fn since(start: &Path, reference: &str) -> Result<Self, ChangedError> {
        let none = || ChangedError::NoRepository(start.to_owned());
        let repository = discover(start).ok_or_else(none)?;
        let root = repository.workdir().and_then(|root| root.canonicalize().ok());
        let root = root.ok_or_else(none)?;
        let before = base(&repository, reference).map_err(|cause| ChangedError::Revision {
            reference: reference.to_owned(),
            cause: cause.to_string(),
        })?;
        Ok(Self {
            root,
            kind: repository.object_hash(),
            before,
        })
    }

    /// Whether a file is new or has other contents. What can't be read, or lies elsewhere, counts as changed; that line ends are converted
    /// in a working tree looks like a change.
    #[must_use]
    pub fn is_changed(&self, file: &Path) -> bool {
        let path = file.canonicalize().ok();
        let below = path
            .as_deref()
            .and_then(|path| path.strip_prefix(&self.root).ok());
        let Some(below) = below.and_then(Path::to_str) else {
            return true;
        };
        let name = below.replace(std::path::MAIN_SEPARATOR, "/");
        let Some(old) = self.before.get(&name) else {
            return true;
        };
        let Ok(bytes) = std::fs::read(file) else {
            return true;
        };
        let now = gix::objs::compute_hash(self.kind, gix::objs::Kind::Blob, &bytes);
        !now.is_ok_and(|now| now == *old)
    }
}

fn base(
    repository: &gix::Repository,
    reference: &str,
) -> Result<HashMap<String, ObjectId>, Box<dyn std::error::Error + Send + Sync>> {
    let given = repository.rev_parse_single(reference)?;
    let given = given.object()?.peel_to_kind(gix::object::Kind::Commit)?.id;
    let head = repository.head_id()?;
    let base = repository.merge_base(given, head)?;
    let base = base.ok_or("it has no commit in common with HEAD")?;
    let tree = base.object()?.peel_to_tree()?;
    let index = repository.index_from_tree(&tree.id)?;
    let entries = index.entries().iter();
    Ok(entries
        .map(|entry| (entry.path(&index).to_str_lossy().into_owned(), entry.id))
        .collect())
}

/// The commit that `HEAD` is; `None` where there is no repository, or no commit yet.
#[must_use]
pub fn head(start: &Path) -> Option<String> {
    let repository = discover(start)?;
    Some(repository.head_id().ok()?.to_string())
}

fn discover(start: &Path) -> Option<gix::Repository> {
    let directory = if start.is_dir() {
        Some(start)
    } else {
        start.parent()
    };
    let directory = directory.filter(|directory| !directory.as_os_str().is_empty());
    gix::discover(directory.unwrap_or(Path::new("."))).ok()
}
