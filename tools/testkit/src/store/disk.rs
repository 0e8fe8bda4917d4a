//! What a disk holds, and what of it would survive a loss of power.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Crash;

/// A file: its content as programs see it, and as it was last synced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct File {
    current: Vec<u8>,
    synced: Vec<u8>,
}

/// Files by path. Names and contents become durable separately, as on a real file system.
///
/// A name that was not synced may be lost; a removal or renaming that was not synced may be undone. Files are shared
/// between the current and the durable names by number, as inodes are.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    next: u64,
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The content of a file as programs see it.
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        self.names
            .get(path)
            .and_then(|number| self.files.get(number))
            .map(|file| file.current.as_slice())
    }

    /// All paths.
    pub fn paths(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    /// Replaces a file's content, durably: for tests that damage files.
    pub fn overwrite(&mut self, path: &str, bytes: Vec<u8>) {
        self.next = self.next.saturating_add(1);
        self.files.insert(
            self.next,
            File {
                current: bytes.clone(),
                synced: bytes,
            },
        );
        self.names.insert(path.to_owned(), self.next);
        self.durable_names.insert(path.to_owned(), self.next);
    }

    /// Removes a file, durably: for tests that damage files.
    pub fn delete(&mut self, path: &str) {
        self.names.remove(path);
        self.durable_names.remove(path);
    }

    pub(super) fn list(&self, dir: &str) -> Vec<String> {
        let prefix = if dir.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        let names: BTreeSet<&str> = self
            .names
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }

    fn file(&mut self, path: &str) -> io::Result<&mut File> {
        let number = self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        self.files
            .get_mut(number)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn write(&mut self, path: &str, offset: u64, bytes: &[u8]) {
        if !self.names.contains_key(path) {
            self.next = self.next.saturating_add(1);
            self.files.insert(self.next, File::default());
            self.names.insert(path.to_owned(), self.next);
        }
        let Ok(file) = self.file(path) else { return };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(bytes.len());
        if file.current.len() < end {
            file.current.resize(end, 0);
        }
        if let Some(range) = file.current.get_mut(start..end) {
            range.copy_from_slice(bytes);
        }
    }

    pub(super) fn truncate(&mut self, path: &str, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.file(path)?.current.truncate(length);
        Ok(())
    }

    pub(super) fn sync(&mut self, path: &str) -> io::Result<()> {
        let file = self.file(path)?;
        file.synced.clone_from(&file.current);
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: &str) {
        self.durable_names.retain(|path, _| parent(path) != dir);
        let here = self.names.iter().filter(|(path, _)| parent(path) == dir);
        self.durable_names
            .extend(here.map(|(path, number)| (path.clone(), *number)));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let number = self.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.names.insert(to.to_owned(), number);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.names.remove(path);
    }

    fn below(&self, dir: &str) -> Vec<String> {
        let prefix = format!("{dir}/");
        self.names
            .keys()
            .filter(|path| path.starts_with(&prefix))
            .cloned()
            .collect()
    }

    pub(super) fn remove_dir(&mut self, dir: &str) {
        for path in self.below(dir) {
            self.names.remove(&path);
        }
    }

    pub(super) fn remove_half_of_dir(&mut self, dir: &str) {
        for path in self.below(dir).iter().step_by(2) {
            self.names.remove(path);
        }
    }

    /// What is left after the machine stopped.
    pub(super) fn crash(&mut self, crash: Crash) {
        match crash {
            Crash::KeepAll | Crash::After | Crash::Torn => {}
            Crash::LoseUnsynced => {
                self.names = self.durable_names.clone();
                for file in self.files.values_mut() {
                    file.current.clone_from(&file.synced);
                }
            }
            Crash::LoseNames => self.names = self.durable_names.clone(),
            Crash::LoseSome => {
                for file in self.files.values_mut() {
                    lose_blocks(file);
                }
            }
        }
        for file in self.files.values_mut() {
            file.synced.clone_from(&file.current);
        }
        self.durable_names = self.names.clone();
    }
}

/// Of the blocks that differ from what was synced, every other one falls back: to its synced content, or to zeros where
/// the file was shorter.
fn lose_blocks(file: &mut File) {
    const BLOCK: usize = 16;
    let mut lose = true;
    for (number, block) in file.current.chunks_mut(BLOCK).enumerate() {
        let start = number.saturating_mul(BLOCK);
        let old = |at: usize| {
            file.synced
                .get(start.saturating_add(at))
                .copied()
                .unwrap_or_default()
        };
        if block.iter().enumerate().all(|(at, byte)| *byte == old(at)) {
            continue;
        }
        if lose {
            for (at, byte) in block.iter_mut().enumerate() {
                *byte = old(at);
            }
        }
        lose = !lose;
    }
}
