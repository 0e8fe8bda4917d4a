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
        if !entry.file_type().is_file() {
            continue;
        }
        let end = entry.path().extension().and_then(|end| end.to_str());
        match end {
            Some("json" | "zip") => file(entry.path(), run)?,
            _ => run.out.passed_over = run.out.passed_over.saturating_add(1),
        }
    }
    Ok(())
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
    if begins == b"PK\x03\x04" || begins == b"PK\x05\x06" || path.extension().is_some_and(|end| end == "zip")
    {
        return archive(path, opened, run);
    }
    run.count(path)?;
    let name = path.display().to_string();
    match bounded(&mut opened, run.options.limits.record) {
        Ok(Some(bytes)) => run.take(path, name, &bytes),
        Ok(None) => {
            run.out.bad(name, too_long(run));
            Ok(())
        }
        Err(error) => Err(io(path)(error)),
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
        if plain.ends_with(".zip") {
            run.out.bad(name, "archives in archives are not read");
            continue;
        }
        if !plain.ends_with(".json") {
            run.out.passed_over = run.out.passed_over.saturating_add(1);
            continue;
        }
        // What is declared may be a lie: as much is read as fits.
        match bounded(&mut entry, run.options.limits.record) {
            Ok(Some(bytes)) => run.take(path, name, &bytes)?,
            Ok(None) => {
                run.spend(path, run.options.limits.record)?;
                run.out.bad(name, too_long(run));
            }
            Err(error) => run.out.bad(name, format!("can't be unpacked: {error}")),
        }
    }
    Ok(())
}

fn too_long(run: &Run<'_, '_>) -> String {
    format!("has more than {} bytes", run.options.limits.record)
}

/// All bytes, unless there are more than `limit`.
fn bounded(reader: &mut impl Read, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((read as u64 <= limit).then_some(bytes))
}
