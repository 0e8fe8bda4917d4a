//! A store in memory that fails on demand: it can stop at any operation, as a machine that loses power, with the choice of
//! what the disk had kept by then, or run out of space.

mod disk;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stele_ledger::storage::Store;

pub use disk::Disk;

/// What happens at the operation at which the machine stops, and to what was not synced before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The operation does not happen; everything before it reached the disk, synced or not.
    KeepAll,
    /// The operation happens in full, and then the machine stops.
    After,
    /// A write gets half way; everything before it reached the disk.
    Torn,
    /// The operation does not happen; of file contents and names only what was synced is left.
    LoseUnsynced,
    /// The operation does not happen; all contents reached the disk, but new names, renamings and removals only where their
    /// directory was synced.
    LoseNames,
    /// The operation does not happen; of the bytes written since the last sync of each file, every other 16-byte block is
    /// lost (reads as zeros), as when the system wrote back some pages and not others.
    LoseSome,
}

impl Crash {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::KeepAll,
        Self::After,
        Self::Torn,
        Self::LoseUnsynced,
        Self::LoseNames,
        Self::LoseSome,
    ];
}

/// When the store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Never.
    Works,
    /// It stops at this operation (counted from 0) and stays stopped.
    Stops(u64, Crash),
    /// From this operation on there is no space, until [`FaultStore::free_space`].
    FullFrom(u64),
    /// There is space for this one failure only.
    FailsOnce(u64),
}

struct State {
    disk: Disk,
    plan: Plan,
    operations: u64,
    stopped: bool,
}

/// The store. Operations that change something are counted; reading is free.
pub struct FaultStore {
    state: Mutex<State>,
}

impl FaultStore {
    /// A store that works, over what a disk holds.
    pub fn new(disk: Disk) -> Self {
        Self::with(disk, Plan::Works)
    }

    /// A store that stops at the operation with this number.
    pub fn stopping_at(disk: Disk, operation: u64, crash: Crash) -> Self {
        Self::with(disk, Plan::Stops(operation, crash))
    }

    /// A store that has no space from the operation with this number on; a write then gets half way.
    pub fn full_from(disk: Disk, operation: u64) -> Self {
        Self::with(disk, Plan::FullFrom(operation))
    }

    /// A store in which just this operation fails.
    pub fn failing_once_at(disk: Disk, operation: u64) -> Self {
        Self::with(disk, Plan::FailsOnce(operation))
    }

    fn with(disk: Disk, plan: Plan) -> Self {
        Self {
            state: Mutex::new(State {
                disk,
                plan,
                operations: 0,
                stopped: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of operations so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// True when it stopped.
    pub fn has_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Ends the lack of space.
    pub fn free_space(&self) {
        self.lock().plan = Plan::Works;
    }

    /// From the next operation on there is no space.
    pub fn fill_up(&self) {
        let mut state = self.lock();
        state.plan = Plan::FullFrom(state.operations);
    }

    /// What the disk holds: after a stop, what a restarted machine would find.
    pub fn disk(&self) -> Disk {
        self.lock().disk.clone()
    }

    /// Runs an operation, or fails as planned. `half` is what remains of it when it is torn.
    fn operate(
        &self,
        whole: impl FnOnce(&mut Disk) -> io::Result<()>,
        half: impl FnOnce(&mut Disk),
        takes_space: bool,
    ) -> io::Result<()> {
        let mut state = self.lock();
        if state.stopped {
            return Err(io::Error::other("the machine has stopped"));
        }
        let number = state.operations;
        state.operations = number.saturating_add(1);
        match state.plan {
            Plan::Stops(at, crash) if number >= at => {
                match crash {
                    Crash::After => whole(&mut state.disk)?,
                    Crash::Torn => half(&mut state.disk),
                    Crash::KeepAll | Crash::LoseUnsynced | Crash::LoseNames | Crash::LoseSome => {}
                }
                state.disk.crash(crash);
                state.stopped = true;
                Err(io::Error::other("the machine stops"))
            }
            Plan::FullFrom(at) if number >= at && takes_space => {
                half(&mut state.disk);
                Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "no space left on device",
                ))
            }
            Plan::FailsOnce(at) if number == at => {
                half(&mut state.disk);
                Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "no space left on device",
                ))
            }
            _ => whole(&mut state.disk),
        }
    }

    fn read_with<T>(&self, read: impl FnOnce(&Disk) -> T) -> io::Result<T> {
        let state = self.lock();
        if state.stopped {
            return Err(io::Error::other("the machine has stopped"));
        }
        Ok(read(&state.disk))
    }
}

impl Store for FaultStore {
    fn create_dir(&self, _path: &str) -> io::Result<()> {
        // Directories exist as soon as a file in them does; making one is not an operation of its own here.
        self.read_with(|_| ())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.read_with(|disk| disk.list(path))
    }

    fn len(&self, path: &str) -> io::Result<Option<u64>> {
        self.read_with(|disk| {
            disk.read(path)
                .map(|bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX))
        })
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.read_with(|disk| disk.read(path).map(<[u8]>::to_vec))
    }

    fn read_at(&self, path: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        self.read_with(|disk| {
            let bytes = disk.read(path).ok_or(io::ErrorKind::NotFound)?;
            let range = bytes
                .get(start..start.saturating_add(length))
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            Ok(range.to_vec())
        })?
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let half = bytes.get(..bytes.len().div_euclid(2)).unwrap_or_default();
        self.operate(
            |disk| {
                disk.write(path, offset, bytes);
                Ok(())
            },
            |disk| disk.write(path, offset, half),
            true,
        )
    }

    fn reserve(&self, path: &str, length: u64) -> io::Result<()> {
        self.operate(
            |disk| {
                let have = disk.read(path).map_or(0, <[u8]>::len);
                if length > u64::try_from(have).unwrap_or(u64::MAX) {
                    disk.truncate(path, length)?;
                }
                Ok(())
            },
            |_| (),
            true,
        )
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.operate(|disk| disk.truncate(path, length), |_| (), false)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.operate(|disk| disk.sync(path), |_| (), false)
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.operate(
            |disk| {
                disk.sync_dir(path);
                Ok(())
            },
            |_| (),
            false,
        )
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(|disk| disk.rename(from, to), |_| (), true)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        if self.read_with(|disk| disk.read(path).is_none())? {
            return Ok(());
        }
        self.operate(
            |disk| {
                disk.remove(path);
                Ok(())
            },
            |_| (),
            false,
        )
    }

    fn remove_dir(&self, path: &str) -> io::Result<()> {
        if self.read_with(|disk| disk.list(path).is_empty())? {
            return Ok(());
        }
        self.operate(
            |disk| {
                disk.remove_dir(path);
                Ok(())
            },
            |disk| disk.remove_half_of_dir(path),
            false,
        )
    }
}
