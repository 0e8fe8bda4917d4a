//! Which files are not what they were when a branch left another one, read with `gix`: no other program runs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice as _};
use gix::index::entry::Mode;
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
    before: HashMap<String, Entry>,
}

/// What a tree has of a name.
#[derive(Debug, Clone, Copy)]
struct Entry {
    id: ObjectId,
    mode: Mode,
}

/// How many links may lead to one another.
const MAX_LINKS: u8 = 8;

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

    /// Whether a file is new or has other contents. What can't be read, lies elsewhere or behind a link to a directory counts as changed; that line
    /// ends are converted in a working tree looks like a change. A link is what it was if it leads where it led, to a file that is what it was.
    #[must_use]
    pub fn is_changed(&self, file: &Path) -> bool {
        self.differs(file, MAX_LINKS)
    }

    fn differs(&self, file: &Path, links: u8) -> bool {
        let Some(old) = self.place(file).and_then(|name| self.before.get(&name)) else {
            return true;
        };
        let is_link = file.is_symlink();
        if is_link != (old.mode == Mode::SYMLINK) {
            return true;
        }
        if !is_link {
            return std::fs::read(file).map_or(true, |bytes| !self.is_blob(old.id, &bytes));
        }
        let Some((target, left)) = std::fs::read_link(file).ok().zip(links.checked_sub(1)) else {
            return true;
        };
        let same = target
            .to_str()
            .is_some_and(|text| self.is_blob(old.id, text.as_bytes()));
        !same || self.differs(&file.parent().unwrap_or(Path::new("")).join(target), left)
    }

    fn is_blob(&self, id: ObjectId, bytes: &[u8]) -> bool {
        let now = gix::objs::compute_hash(self.kind, gix::objs::Kind::Blob, bytes);
        now.is_ok_and(|now| now == id)
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
        names.any(|name| {
            let path = self.root.join(name);
            self.place(&path).is_none() || !path.exists()
        })
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

    /// A path's place in the repository, with `/`; `None` where it lies elsewhere or a link in the repository is on the way: what stands behind that
    /// stands in the tree under another name.
    fn below(&self, path: &Path) -> Option<String> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let path = std::path::absolute(path).ok()?;
        let (mut at, rest) = match path.strip_prefix(&self.root) {
            Ok(rest) => (self.root.clone(), rest),
            Err(_) => (PathBuf::new(), path.as_path()),
        };
        for part in rest.components() {
            if part == Component::ParentDir {
                at.pop();
                continue;
            }
            at.push(part);
            if at.is_symlink() {
                if at.starts_with(&self.root) {
                    return None;
                }
                at = at.canonicalize().ok()?;
            }
        }
        let below = at.strip_prefix(&self.root).ok()?.to_str()?;
        Some(below.replace(std::path::MAIN_SEPARATOR, "/"))
    }

    /// The same of a file that may be a link itself.
    fn place(&self, file: &Path) -> Option<String> {
        let above = self.below(file.parent()?)?;
        let name = file.file_name()?.to_str()?;
        Some(if above.is_empty() {
            name.to_owned()
        } else {
            format!("{above}/{name}")
        })
    }

    /// Of which file a name of the tree has the contents.
    fn target(&self, name: &str, entry: Entry) -> Option<String> {
        if entry.mode != Mode::SYMLINK {
            return Some(name.to_owned());
        }
        let target = self.below(&self.root.join(name).canonicalize().ok()?)?;
        (kind::format_of(&target) == kind::format_of(name)).then_some(target)
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
) -> Result<HashMap<String, Entry>, Box<dyn std::error::Error + Send + Sync>> {
    let given = repository.rev_parse_single(reference)?;
    let given = given.object()?.peel_to_kind(gix::object::Kind::Commit)?.id;
    let head = repository.head_id()?;
    let base = repository.merge_base(given, head)?;
    let base = base.ok_or("it has no commit in common with HEAD")?;
    let tree = base.object()?.peel_to_tree()?;
    let index = repository.index_from_tree(&tree.id)?;
    let entries = index.entries().iter();
    Ok(entries
        .map(|entry| {
            let name = entry.path(&index).to_str_lossy().into_owned();
            let (id, mode) = (entry.id, entry.mode);
            (name, Entry { id, mode })
        })
        .collect())
}

/// Whether a working tree is what its commit has: nothing tracked is modified or gone. Links that lead out, links to directories, submodules and what
/// can't be told are not.
#[must_use]
pub fn is_whole(start: &Path, commit: &str) -> bool {
    left_out(start, commit, &[]).is_some()
}

/// What a commit has in formats that are read, or in languages that are refused, and is not among the files. `None`: the working tree is not what the
/// commit has, see [`is_whole`], or one of the files was not read as the commit has it.
#[must_use]
pub fn left_out(start: &Path, commit: &str, files: &[CheckedFile]) -> Option<Vec<String>> {
    let repository = discover(start)?;
    let changed = Changed::since(start, commit).ok()?;
    let mut read = HashSet::new();
    for file in files {
        let name = changed.below(Path::new(&file.path))?;
        let blob = repository.find_object(changed.before.get(&name)?.id).ok()?;
        if sha256(&[&blob.data]) != file.sha256 {
            return None;
        }
        read.insert(name);
    }
    let mut names = changed.before.keys();
    if names.any(|name| changed.is_changed(&changed.root.join(name))) {
        return None;
    }
    let counts = |name: &str| kind::format_of(name).is_some() || kind::refused(name).is_some();
    let was_read = |name: &str, entry: Entry| {
        let target = changed.target(name, entry);
        target.is_some_and(|target| read.contains(&target))
    };
    let entries = changed.before.iter();
    let mut out: Vec<String> = entries
        .filter(|(name, entry)| counts(name) && !was_read(name, **entry))
        .map(|(name, _)| name.clone())
        .collect();
    out.sort();
    Some(out)
}

/// Whether a file, or the one that it leads to, is in the commit that `HEAD` is or in the index.
#[must_use]
pub fn is_tracked(path: &Path) -> bool {
    let tracked = |path: &Path| {
        let head = Changed::since(path, "HEAD").ok()?;
        let name = head.place(path)?;
        let index = discover(path)?.index_or_empty().ok()?;
        let staged = index.entry_by_path(BStr::new(&name)).is_some();
        Some(staged || head.before.contains_key(&name))
    };
    let real = path.canonicalize().ok();
    let mut paths = [Some(path), real.as_deref()].into_iter().flatten();
    paths.any(|path| tracked(path) == Some(true))
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
