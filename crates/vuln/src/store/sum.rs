//! Digests that tell whether what is read is what was written.
//!
//! `osv.sum` lists the SHA-256 of the data file, one a line in hexadecimal digits. While an import puts a new file in the place of the old one it lists both: whatever cuts it off, the file that is
//! in force is listed.

use super::{FILE, StoreError};
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

const SUM_FILE: &str = "osv.sum";
const NEW_SUM_FILE: &str = "osv.sum.new";
/// Bytes that are read at a time.
const BLOCK: usize = 1 << 20;
/// Imports that may replace the file while its digest is made.
const TRIES: usize = 3;

/// SHA-256 of a file, in hexadecimal digits.
pub(super) fn of_file(path: &Path) -> Result<String, StoreError> {
    let failed = StoreError::io(path);
    let mut file = File::open(path).map_err(&failed)?;
    let mut context = Context::new(&SHA256);
    let mut block = vec![0; BLOCK];
    loop {
        let read = file.read(&mut block).map_err(&failed)?;
        let Some(filled) = block.get(..read).filter(|filled| !filled.is_empty()) else {
            return Ok(hex::encode(context.finish()));
        };
        context.update(filled);
    }
}

/// The digests that a directory's data file may have.
pub(super) fn listed(dir: &Path) -> Result<BTreeSet<String>, StoreError> {
    let path = dir.join(SUM_FILE);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes)
            .lines()
            .map(str::to_owned)
            .collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(StoreError::io(&path)(error)),
    }
}

/// Replaces the digests that a directory's data file may have.
pub(super) fn list(dir: &Path, digests: &BTreeSet<String>) -> Result<(), StoreError> {
    let new = dir.join(NEW_SUM_FILE);
    let failed = StoreError::io(&new);
    let text: String = digests.iter().map(|digest| format!("{digest}\n")).collect();
    std::fs::write(&new, text).map_err(&failed)?;
    File::open(&new)
        .and_then(|file| file.sync_all())
        .map_err(&failed)?;
    std::fs::rename(&new, dir.join(SUM_FILE)).map_err(&failed)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

/// Whether a directory's data file is what an import wrote.
pub(super) fn check(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(FILE);
    for _ in 0..TRIES {
        let digest = of_file(&path)?;
        if listed(dir)?.contains(&digest) {
            return Ok(());
        }
    }
    Err(StoreError::Damaged {
        path,
        what: format!("it is not what {SUM_FILE} beside it says, or an older version wrote it"),
    })
}
