//! Which files are not what they were when a branch left another one, read with `gix`: no other program runs.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use stele_types::sha256;
use walkdir::WalkDir;

use crate::evidence::CheckedFile;
use crate::format::terraform;
use crate::kind;
use crate::source::{Input, Origin, Source};

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
    #[error("`{reference}`: {cause}; {hint}")]
    Revision {
        /// As given.
        reference: String,
        /// What the repository says.
        cause: String,
        /// What may help.
        hint: &'static str,
    },
}

const fn hint(shallow: bool) -> &'static str {
    if shallow {
        "this clone is shallow and may not have it (fetch with the whole history)"
    } else {
        "name a branch, a tag or a commit that this clone has (a branch of a remote must be fetched)"
    }
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
            hint: hint(repository.is_shallow().unwrap_or(true)),
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
        if file.is_symlink() && self.is_other_link(file) {
            return true;
        }
        let Some(name) = self.below(file) else {
            return true;
        };
        let Some(old) = self.before.get(&name) else {
            return true;
        };
        std::fs::read(file).map_or(true, |bytes| !self.is_blob(*old, &bytes))
    }

    fn is_blob(&self, id: ObjectId, bytes: &[u8]) -> bool {
        let now = gix::objs::compute_hash(self.kind, gix::objs::Kind::Blob, bytes);
        now.is_ok_and(|now| now == id)
    }

    /// Whether a link is new, or leads elsewhere.
    fn is_other_link(&self, link: &Path) -> bool {
        let name = link.parent().and_then(|above| self.below(above));
        let name = name.zip(link.file_name().and_then(|name| name.to_str()));
        let name = name.map(|(above, file)| match above.as_str() {
            "" => file.to_owned(),
            above => format!("{above}/{file}"),
        });
        let old = name.and_then(|name| self.before.get(&name));
        let now = std::fs::read_link(link).ok();
        let now = now.as_deref().and_then(Path::to_str);
        !old.zip(now)
            .is_some_and(|(old, now)| self.is_blob(*old, now.as_bytes()))
    }
}

impl Changed {
    /// Whether it has to be read to know what changed of it: a plan's configuration may have, though the plan has not.
    pub(crate) fn may_touch(&self, source: &Source) -> bool {
        match &source.origin {
            Origin::File(path) => {
                let beside = || path.parent().is_some_and(terraform::is_module);
                self.is_changed(path) || source.configuration.is_some() || beside()
            }
            Origin::Text(_) | Origin::Module(_) => true,
        }
    }

    /// Whether it is one file, which nothing else is a part of, and that is as it was.
    pub(crate) fn is_same(&self, source: &Source) -> bool {
        match &source.origin {
            Origin::File(path) => source.configuration.is_none() && !self.is_changed(path),
            Origin::Text(_) | Origin::Module(_) => false,
        }
    }

    /// Whether anything that an input was made of is new, different or gone. Where that can't be told, it is.
    pub(crate) fn touches(&self, source: &Source, input: &Input) -> bool {
        if input.parts.is_empty() {
            return match &source.origin {
                Origin::File(path) => self.is_changed(path),
                Origin::Text(_) | Origin::Module(_) => true,
            };
        }
        let parts = || input.parts.iter().map(|part| Path::new(&part.name));
        let directories: BTreeSet<&Path> = parts().filter_map(Path::parent).collect();
        // What could not be read may be what went away.
        !input.failures.is_empty()
            || parts().any(|part| self.is_changed(part))
            || directories.iter().any(|directory| self.lost_values(directory))
            || self.read_files(&input.text, &directories)
    }

    /// Whether a file is gone that a combined document may have held.
    pub(crate) fn lost_any(&self) -> bool {
        self.lost(|name| kind::format_of(name).is_some())
    }

    fn lost(&self, counts: impl Fn(&str) -> bool) -> bool {
        let mut names = self.before.keys().filter(|name| counts(name));
        names.any(|name| !self.root.join(name).exists())
    }

    /// Whether a directory has a file of a Terraform module less.
    fn lost_values(&self, directory: &Path) -> bool {
        let Some(directory) = self.below(directory) else {
            return true;
        };
        self.lost(|name| {
            let (above, file) = name.rsplit_once('/').unwrap_or(("", name));
            above == directory && MODULE_FILES.iter().any(|end| file.ends_with(end))
        })
    }

    /// Whether something changed of what functions such as `file` may have read: below the module's directories, or anywhere if the path leads out of
    /// them or is computed.
    fn read_files(&self, text: &str, directories: &BTreeSet<&Path>) -> bool {
        let calls = READERS.iter().flat_map(|name| text.match_indices(name));
        let mut calls = calls.filter_map(|(at, name)| text.get(at.saturating_add(name.len())..));
        let Some(first) = calls.next() else {
            return false;
        };
        let unknown = |behind: &str| {
            let line = behind.lines().next().unwrap_or_default();
            line.contains("..") || !line.contains('"')
        };
        unknown(first)
            || calls.any(unknown)
            || directories.iter().any(|directory| self.changed_below(directory))
    }

    fn changed_below(&self, directory: &Path) -> bool {
        let Some(below) = self.below(directory) else {
            return true;
        };
        let gone = self.lost(|name| Path::new(name).starts_with(&below));
        let directory = self.root.join(&below);
        let walk = WalkDir::new(directory).into_iter();
        let mut files = walk.filter_entry(|entry| entry.depth() == 0 || !crate::walk::is_left_out(entry));
        gone || files.any(|entry| {
            entry.map_or(true, |entry| {
                let kind = entry.file_type();
                kind.is_symlink() || kind.is_file() && self.is_changed(entry.path())
            })
        })
    }

    /// A path's place in the repository, with `/`.
    fn below(&self, path: &Path) -> Option<String> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let path = path.canonicalize().ok()?;
        let below = path.strip_prefix(&self.root).ok()?.to_str()?;
        Some(below.replace(std::path::MAIN_SEPARATOR, "/"))
    }
}

/// How the files end that are parts of a Terraform module.
const MODULE_FILES: [&str; 6] = [
    ".tf",
    ".tf.json",
    ".tofu",
    ".tofu.json",
    ".tfvars",
    ".tfvars.json",
];

/// Functions of Terraform's language that read files: `file`, `templatefile`, `filebase64` and its digests, `fileset`, `fileexists`.
const READERS: [&str; 6] = [
    "file(",
    "filebase64",
    "fileset(",
    "fileexists(",
    "filemd5(",
    "filesha",
];

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

/// Whether a working tree is what its commit has: nothing tracked is modified or gone, and each of the files was read as the commit has it. Links
/// that lead out, submodules and what can't be told are not.
#[must_use]
pub fn is_whole(start: &Path, commit: &str, files: &[CheckedFile]) -> bool {
    let Some((repository, changed)) = discover(start).zip(Changed::since(start, commit).ok()) else {
        return false;
    };
    let same = |file: &CheckedFile| {
        let name = changed.below(Path::new(&file.path))?;
        let blob = repository.find_object(*changed.before.get(&name)?).ok()?;
        Some(sha256(&[&blob.data]) == file.sha256)
    };
    files.iter().all(|file| same(file) == Some(true))
        && changed
            .before
            .keys()
            .all(|name| !changed.is_changed(&changed.root.join(name)))
}

/// Whether a path is the directory of a repository's whole working tree.
#[must_use]
pub fn is_root(path: &Path) -> bool {
    let root = discover(path).and_then(|repository| repository.workdir()?.canonicalize().ok());
    root.is_some() && root == path.canonicalize().ok()
}

/// The commit that `HEAD` is; `None` where there is no repository, or no commit yet.
#[must_use]
pub fn head(start: &Path) -> Option<String> {
    let repository = discover(start)?;
    Some(repository.head_id().ok()?.to_string())
}

/// The commit that a revision names; `None` where there is no repository or no such revision.
#[must_use]
pub fn commit(start: &Path, revision: &str) -> Option<String> {
    let repository = discover(start)?;
    let object = repository.rev_parse_single(revision).ok()?.object().ok()?;
    let commit = object.peel_to_kind(gix::object::Kind::Commit).ok()?;
    Some(commit.id.to_string())
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
