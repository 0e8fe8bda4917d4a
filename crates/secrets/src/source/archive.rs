//! Files that hold files: gzip, tar, ZIP, and these in each other. Bounded in depth, number and size, so that a bomb costs little and is reported.

use super::text::Worker;
use super::zip;
use crate::finding::ProblemKind;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// Archives in archives.
const MAX_DEPTH: usize = 4;

/// Members of one outermost file.
const MAX_MEMBERS: u64 = 100_000;

/// An archive that has to be held in memory as a whole (ZIP keeps its directory at the end).
const MAX_IN_MEMORY: u64 = 256 * 1024 * 1024;

/// What an outermost file may unpack to: 200 times its size, as text compresses at best about a tenth of that, between these bounds.
const MAX_RATIO: u64 = 200;
const LEAST_BUDGET: u64 = 64 * 1024 * 1024;
const MOST_BUDGET: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes that are read to see what a text is.
const HEAD: usize = 8192;

/// What is left to unpack.
pub(crate) struct Budget {
    bytes: u64,
    members: u64,
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gzip,
    Tar,
    Zip,
    Other,
}

fn kind(head: &[u8]) -> Kind {
    match head {
        [0x1F, 0x8B, 8, ..] => Kind::Gzip,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        _ if head.get(257..262) == Some(b"ustar") => Kind::Tar,
        _ => Kind::Other,
    }
}

/// Scans a text, or what an archive holds. `size` is the file's, if it is known.
pub(crate) fn scan(worker: &mut Worker<'_>, path: &str, reader: &mut dyn Read, size: Option<u64>) {
    let allowance = size.unwrap_or(0).saturating_mul(MAX_RATIO);
    let mut budget = Budget {
        bytes: allowance.clamp(LEAST_BUDGET, MOST_BUDGET),
        members: MAX_MEMBERS,
    };
    member(worker, path, reader, 0, &mut budget);
}

/// Scans one member; what goes wrong with it is noted.
pub(crate) fn member(
    worker: &mut Worker<'_>,
    path: &str,
    reader: &mut dyn Read,
    depth: usize,
    budget: &mut Budget,
) {
    let mut head = Vec::new();
    if let Err(error) = reader.take(HEAD as u64).read_to_end(&mut head) {
        failed(worker, path, depth, &error);
    }
    let kind = kind(&head);
    if kind != Kind::Other && depth >= MAX_DEPTH {
        let message = format!("lies in more than {MAX_DEPTH} archives: not looked into");
        worker.problem(path, ProblemKind::Input, message);
        return;
    }
    if kind == Kind::Other {
        if let Err(error) = worker.text(path, &head, reader) {
            failed(worker, path, depth, &error);
        }
        return;
    }
    let mut whole = head.as_slice().chain(reader);
    let outcome = match kind {
        Kind::Gzip => {
            unpack(
                worker,
                &unpacked_name(path),
                MultiGzDecoder::new(whole),
                depth,
                budget,
            );
            Ok(())
        }
        Kind::Tar => tar(worker, path, &mut whole, depth, budget),
        Kind::Zip | Kind::Other => {
            in_memory(&mut whole).and_then(|bytes| zip::scan(worker, path, &bytes, depth, budget))
        }
    };
    if let Err(error) = outcome {
        failed(worker, path, depth, &error);
    }
}

fn failed(worker: &mut Worker<'_>, path: &str, depth: usize, error: &io::Error) {
    let damaged = matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Other
    );
    if error.kind() == io::ErrorKind::Unsupported {
        worker.problem(path, ProblemKind::Input, error.to_string());
    } else if damaged || depth > 0 {
        worker.problem(
            path,
            ProblemKind::Input,
            format!("the archive is damaged or too large: {error}"),
        );
    } else {
        worker.problem(path, ProblemKind::Environment, format!("can't be read: {error}"));
    }
}

/// A member's path in reports.
pub(crate) fn inside(archive: &str, member: &str) -> String {
    format!("{archive}!/{}", member.trim_start_matches(['/', '.']))
}

fn unpacked_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    let inner = if lower.ends_with(".tgz") {
        format!("{}.tar", name.get(..name.len().saturating_sub(4)).unwrap_or(name))
    } else {
        name.get(..name.len().saturating_sub(3))
            .filter(|_| lower.ends_with(".gz"))
            .unwrap_or("content")
            .to_owned()
    };
    inside(path, &inner)
}

/// Takes one member out of the budget.
pub(crate) fn take_member(budget: &mut Budget) -> io::Result<()> {
    budget.members = budget
        .members
        .checked_sub(1)
        .ok_or_else(|| io::Error::other(format!("it has more than {MAX_MEMBERS} members")))?;
    Ok(())
}

/// Scans a member that is unpacked on the way.
pub(crate) fn unpack(
    worker: &mut Worker<'_>,
    path: &str,
    reader: impl Read,
    depth: usize,
    budget: &mut Budget,
) {
    // The budget is lent to the limit, and what it left comes back.
    let mut limited = Limited::new(reader, budget.bytes);
    let mut inner = Budget {
        bytes: budget.bytes,
        members: budget.members,
    };
    member(worker, path, &mut limited, depth.saturating_add(1), &mut inner);
    budget.members = inner.members;
    budget.bytes = limited.left.min(inner.bytes);
}

fn tar(
    worker: &mut Worker<'_>,
    path: &str,
    reader: &mut dyn Read,
    depth: usize,
    budget: &mut Budget,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let entry = entry?;
        take_member(budget)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = inside(path, &String::from_utf8_lossy(&entry.path_bytes()));
        if !worker.too_large(&name, entry.size()) {
            unpack(worker, &name, entry, depth, budget);
        }
    }
    Ok(())
}

fn in_memory(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_IN_MEMORY.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_IN_MEMORY {
        return Err(io::Error::other(format!(
            "a ZIP file of more than {MAX_IN_MEMORY} bytes"
        )));
    }
    Ok(bytes)
}

/// A reader that fails past its limit instead of ending.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Limited<R> {
    fn new(inner: R, left: u64) -> Self {
        Self { inner, left }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(target)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(
                "it unpacks to far more than its size allows; unpack it and scan the files if it is no bomb",
            )
        })?;
        Ok(count)
    }
}
