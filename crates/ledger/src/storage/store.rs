//! The few file operations that the log needs, behind a trait so that tests can stop at every one of them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::buffer::spare_capacity;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::LedgerError;

/// Files below one directory. Paths are relative, with slashes; parents of files must exist.
///
/// Nothing is durable before it was synced: a file's content by [`Store::sync`], its name by [`Store::sync_dir`] on its
/// directory. A rename replaces its target atomically.
pub trait Store: Send + Sync + 'static {
    /// Makes a directory and its parents; no error when it exists.
    fn create_dir(&self, path: &str) -> io::Result<()>;
    /// Names in a directory, in no order; none when the directory does not exist.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;
    /// Length of a file in bytes, `None` when it does not exist.
    fn len(&self, path: &str) -> io::Result<Option<u64>>;
    /// The whole file, `None` when it does not exist.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// Exactly `length` bytes from `offset`; [`io::ErrorKind::UnexpectedEof`] when the file is shorter.
    fn read_at(&self, path: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Writes at an offset and makes the file when it does not exist.
    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes room for a file of this length and fills it with zeros: writing over them changes no more than content, and so syncs in one
    /// write where new blocks, and also blocks that are only allocated, take two. Nothing but speed depends on it.
    fn reserve(&self, path: &str, length: u64) -> io::Result<()>;
    /// Cuts a file to a length.
    fn truncate(&self, path: &str, length: u64) -> io::Result<()>;
    /// Makes a file's content durable.
    fn sync(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &str) -> io::Result<()>;
    /// Renames a file over another.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; no error when it does not exist.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Removes a directory and all in it; no error when it does not exist.
    fn remove_dir(&self, path: &str) -> io::Result<()>;
}

/// The directory part of a relative path; empty for the top.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Writes a whole file so that either the old or the new content is there after a crash. Its name becomes durable with
/// the next [`Store::sync_dir`].
pub(crate) fn replace_file(store: &dyn Store, path: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{path}.tmp");
    // What an earlier attempt left behind may be longer.
    store.remove(&temporary)?;
    store.write_at(&temporary, 0, bytes)?;
    store.sync(&temporary)?;
    store.rename(&temporary, path)
}

/// Writes a whole file so that after a crash either the old or the new content is there, and the new one once this returns.
pub fn replace_file_durably(store: &dyn Store, path: &str, bytes: &[u8]) -> io::Result<()> {
    replace_file(store, path, bytes)?;
    store.sync_dir(parent(path))
}

/// Written in front of the log's content.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Open files kept at most; the log writes to one at a time.
const MAX_OPEN: usize = 16;

/// A directory of the file system, locked against other processes while this value lives.
pub struct FileStore {
    root: PathBuf,
    open: Mutex<HashMap<String, Arc<File>>>,
    /// Holds the lock; released by the system when the process ends, however it ends.
    _lock: File,
}

impl FileStore {
    /// Makes the directory if need be and locks it.
    pub fn open(root: &Path) -> Result<Self, LedgerError> {
        let fail = |action| {
            let path = root.display().to_string();
            move |source| LedgerError::io(action, &path, source)
        };
        fs::create_dir_all(root).map_err(fail("make the directory"))?;
        let path = root.join("LOCK");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail("open the lock file in"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                return Err(LedgerError::Locked {
                    directory: root.display().to_string(),
                    holder: holder.trim().chars().take(80).collect(),
                });
            }
            Err(fs::TryLockError::Error(source)) => return Err(fail("lock")(source)),
        }
        // Only for the message above; the lock itself is the system's. A full disk must not keep the log from opening.
        let _ = lock
            .set_len(0)
            .and_then(|()| write!(lock, "process {}", std::process::id()));
        Ok(Self {
            root: root.to_owned(),
            open: Mutex::new(HashMap::new()),
            _lock: lock,
        })
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }

    /// The open file, made when asked for and missing.
    fn file(&self, path: &str, create: bool) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(path) {
            return Ok(Arc::clone(file));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(self.path(path))?;
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        let file = Arc::new(file);
        open.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn forget(&self, path: &str) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(path);
    }
}

fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Store for FileStore {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        let mut made = Vec::new();
        let mut at = self.path(path);
        while !at.is_dir() {
            made.push(at.clone());
            match at.parent() {
                Some(up) => at = up.to_owned(),
                None => break,
            }
        }
        fs::create_dir_all(self.path(path))?;
        // The new names must survive a crash as the files in them do.
        for dir in made {
            if let Some(up) = dir.parent() {
                File::open(up)?.sync_all()?;
            }
        }
        Ok(())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let Some(entries) = absent(fs::read_dir(self.path(path)))? else {
            return Ok(Vec::new());
        };
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        let metadata = absent(fs::metadata(self.path(path)))?;
        Ok(metadata
            .filter(fs::Metadata::is_file)
            .map(|metadata| metadata.len()))
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        absent(fs::read(self.path(path)))
    }

    fn read_at(&self, path: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = self.file(path, false)?;
        // Not `read_exact_at`, for which what is read over would have to be filled with zeros first.
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            match rustix::io::pread(&*file, spare_capacity(&mut bytes), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(path, true)?.write_all_at(bytes, offset)
    }

    fn reserve(&self, path: &str, length: u64) -> io::Result<()> {
        let file = self.file(path, true)?;
        let mut end = file.metadata()?.len();
        // All at once first: the blocks lie together, and a full disk is noticed before anything is written.
        fallocate(&*file, FallocateFlags::empty(), 0, length)?;
        while let Some(left) = length.checked_sub(end).filter(|left| *left > 0) {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len());
            file.write_all_at(ZEROS.get(..part).unwrap_or(&ZEROS), end)?;
            end = end.saturating_add(u64::try_from(part).unwrap_or(left));
        }
        Ok(())
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.file(path, false)?.set_len(length)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.file(path, false)?.sync_data()
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        File::open(self.path(path))?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.forget(from);
        self.forget(to);
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.forget(path);
        absent(fs::remove_file(self.path(path))).map(|_| ())
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        absent(fs::remove_dir_all(self.path(path))).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = FileStore::open(dir.path()).unwrap();
        let error = FileStore::open(dir.path()).err().unwrap().to_string();
        assert!(
            error.contains("in use") && error.contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        FileStore::open(dir.path()).unwrap();
    }

    #[test]
    fn operations_do_what_they_say() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::open(dir.path()).unwrap();
        store.create_dir("a/b").unwrap();
        store.write_at("a/b/f", 3, b"xyz").unwrap();
        assert_eq!(store.read("a/b/f").unwrap().unwrap(), b"\0\0\0xyz");
        assert_eq!(store.read_at("a/b/f", 4, 2).unwrap(), b"yz");
        assert_eq!(
            store.read_at("a/b/f", 4, 3).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        store.truncate("a/b/f", 4).unwrap();
        store.reserve("a/b/f", 6).unwrap();
        assert_eq!(store.read("a/b/f").unwrap().unwrap(), b"\0\0\0x\0\0");
        store.reserve("a/b/f", 2).unwrap();
        assert_eq!(store.len("a/b/f").unwrap(), Some(6));
        store.truncate("a/b/f", 4).unwrap();
        store.sync("a/b/f").unwrap();
        store.sync_dir("a/b").unwrap();
        assert_eq!(store.len("a/b/f").unwrap(), Some(4));
        replace_file_durably(&store, "a/b/g", b"new").unwrap();
        store.rename("a/b/g", "a/b/f").unwrap();
        assert_eq!(store.read("a/b/f").unwrap().unwrap(), b"new");
        assert_eq!(store.list("a/b").unwrap(), ["f"]);
        store.remove("a/b/f").unwrap();
        store.remove("a/b/f").unwrap();
        assert_eq!(
            (store.read("a/b/f").unwrap(), store.len("a").unwrap()),
            (None, None)
        );
        store.remove_dir("a").unwrap();
        assert!(store.list("a").unwrap().is_empty());
    }
}
