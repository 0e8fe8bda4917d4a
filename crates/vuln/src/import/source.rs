//! What an import reads: directories, archives, files.

use super::{ImportError, Run};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use walkdir::WalkDir;
use zip::ZipArchive;

/// Directories in directories.
const MAX_DEPTH: usize = 64;

/// Reads whatever a path is.
pub(super) fn read(path: &Path, run: &mut Run<'_, '_>) -> Result<(), ImportError> {
    let found = std::fs::metadata(path).map_err(io(path))?;
    if !found.is_dir() {
        return file(path, run);
    }
    // Links are not followed, so there are no circles.
    for entry in WalkDir::new(path).max_depth(MAX_DEPTH).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let at = error.path().unwrap_or(path).to_owned();
            io(&at)(error.into())
        })?;
        let found = entry.file_type();
        if found.is_dir() && entry.depth() >= MAX_DEPTH {
            run.out.bad(
                entry.path().display().to_string(),
                format!("is more than {MAX_DEPTH} directories deep, and what is in it is not read"),
            );
        }
        if !found.is_file() {
            continue;
        }
        let name = entry.path().to_string_lossy();
        if ends_with(&name, ".json") || ends_with(&name, ".zip") {
            file(entry.path(), run)?;
        } else {
            run.out.passed_over = run.out.passed_over.saturating_add(1);
        }
    }
    Ok(())
}

/// Whatever the case.
fn ends_with(name: &str, end: &str) -> bool {
    let start = name.len().checked_sub(end.len());
    let tail = start.and_then(|start| name.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> ImportError {
    let path = path.to_owned();
    move |source| ImportError::Io {
        path: path.clone(),
        source,
    }
}

fn file(path: &Path, run: &mut Run<'_, '_>) -> Result<(), ImportError> {
    // Looked at first: to open a pipe may take for ever.
    let found = std::fs::metadata(path).map_err(io(path))?;
    if !found.is_file() {
        return Err(io(path)(std::io::Error::other("is no file")));
    }
    let mut opened = File::open(path).map_err(io(path))?;
    let mut first = [0; 4];
    let filled = opened.read(&mut first).map_err(io(path))?;
    opened.rewind().map_err(io(path))?;
    // An archive begins with an entry, or if it has none with its end.
    let begins = first.get(..filled).unwrap_or_default();
    if begins == b"PK\x03\x04" || begins == b"PK\x05\x06" || ends_with(&path.to_string_lossy(), ".zip") {
        return archive(path, opened, run);
    }
    run.count(path)?;
    let name = path.display().to_string();
    let (bytes, failed) = bounded(&mut opened, run);
    run.spend(path, bytes.len() as u64)?;
    match failed {
        None => run.take(name, &bytes),
        Some(Failed::TooLong(message)) => {
            run.out.bad(name, message);
            Ok(())
        }
        Some(Failed::Read(error)) => Err(io(path)(error)),
    }
}

fn archive(path: &Path, file: File, run: &mut Run<'_, '_>) -> Result<(), ImportError> {
    let broken = |error: zip::result::ZipError| ImportError::Archive {
        path: path.to_owned(),
        message: error.to_string(),
    };
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    for index in 0..archive.len() {
        run.count(path)?;
        let inside = |name: &str| format!("{}!/{name}", path.display());
        let mut entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                run.out.bad(inside(&format!("entry {index}")), error);
                continue;
            }
        };
        if entry.is_dir() {
            continue;
        }
        let plain = match entry.name() {
            Ok(plain) => plain.into_owned(),
            Err(error) => {
                run.out.bad(inside(&format!("entry {index}")), error);
                continue;
            }
        };
        let name = inside(&plain);
        if ends_with(&plain, ".zip") {
            run.out.bad(name, "archives in archives are not read");
            continue;
        }
        if !ends_with(&plain, ".json") {
            run.out.passed_over = run.out.passed_over.saturating_add(1);
            continue;
        }
        // What is declared may be a lie: as much is read as fits.
        let (bytes, failed) = bounded(&mut entry, run);
        // Whatever became of it, it was unpacked.
        run.spend(path, bytes.len() as u64)?;
        match failed {
            None => run.take(name, &bytes)?,
            Some(Failed::TooLong(message)) => run.out.bad(name, message),
            Some(Failed::Read(error)) => run.out.bad(name, format!("can't be unpacked: {error}")),
        }
    }
    Ok(())
}

/// Why not all could be read.
enum Failed {
    TooLong(String),
    Read(std::io::Error),
}

/// What could be read, up to the bound for a record, and why that is not all.
fn bounded(reader: &mut impl Read, run: &Run<'_, '_>) -> (Vec<u8>, Option<Failed>) {
    let limit = run.options.limits.record;
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let failed = match read {
        Err(error) => Some(Failed::Read(error)),
        Ok(read) if read as u64 > limit => Some(Failed::TooLong(format!("has more than {limit} bytes"))),
        Ok(_) => None,
    };
    (bytes, failed)
}
