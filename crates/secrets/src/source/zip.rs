//! Reading ZIP files: the central directory, and members that are stored or deflated.
//!
//! Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end). Zip64 and encryption are
//! reported, not read.

use super::archive::{self, Budget};
use super::text::Worker;
use crate::finding::ProblemKind;
use flate2::read::DeflateDecoder;
use std::io;

/// Length of the directory's end without its comment, which has up to 65,535 bytes.
const END: usize = 22;

/// One entry of the central directory.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    packed: u32,
    size: u32,
    offset: u32,
}

/// Scans the members of a ZIP file.
pub(crate) fn scan(
    worker: &mut Worker<'_>,
    path: &str,
    bytes: &[u8],
    depth: usize,
    budget: &mut Budget,
) -> io::Result<()> {
    let end = find_end(bytes).ok_or_else(|| damaged("no central directory"))?;
    let count = u16_at(bytes, end.saturating_add(10)).ok_or_else(|| damaged("a short end"))?;
    let mut at = u32_at(bytes, end.saturating_add(16)).ok_or_else(|| damaged("a short end"))?;
    if count == u16::MAX || at == u32::MAX {
        // Nothing is wrong with it.
        let message = "is a Zip64 archive, which is not read; unpack it and scan the files";
        return Err(io::Error::new(io::ErrorKind::Unsupported, message));
    }
    for _ in 0..count {
        let (entry, next) = read_entry(bytes, at).ok_or_else(|| damaged("a broken central directory"))?;
        at = next;
        archive::take_member(budget)?;
        if entry.name.ends_with('/') {
            continue;
        }
        let name = archive::inside(path, &entry.name);
        if !worker.too_large(&name, u64::from(entry.size)) {
            scan_entry(worker, &name, &entry, bytes, depth, budget);
        }
    }
    Ok(())
}

fn scan_entry(
    worker: &mut Worker<'_>,
    name: &str,
    entry: &Entry,
    bytes: &[u8],
    depth: usize,
    budget: &mut Budget,
) {
    if entry.flags & 1 != 0 {
        worker.problem(name, ProblemKind::Input, "is encrypted: not looked into");
        return;
    }
    let Some(packed) = packed(bytes, entry) else {
        worker.problem(
            name,
            ProblemKind::Input,
            "the archive is damaged: its data lie outside the file",
        );
        return;
    };
    match entry.method {
        0 => archive::unpack(worker, name, packed, depth, budget),
        8 => archive::unpack(worker, name, DeflateDecoder::new(packed), depth, budget),
        other => worker.problem(
            name,
            ProblemKind::Input,
            format!("is compressed with method {other}, which is not read; unpack it and scan the file"),
        ),
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("ZIP: {what}"))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(field.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

fn find_end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    memchr::memmem::rfind(bytes.get(first..last.checked_add(4)?)?, b"PK\x05\x06")?.checked_add(first)
}

fn read_entry(bytes: &[u8], at: u32) -> Option<(Entry, u32)> {
    let start = at as usize;
    if bytes.get(start..start.checked_add(4)?)? != b"PK\x01\x02" {
        return None;
    }
    let field = |offset: usize| u16_at(bytes, start.checked_add(offset)?);
    let wide = |offset: usize| u32_at(bytes, start.checked_add(offset)?);
    let (name, extra, comment) = (field(28)?, field(30)?, field(32)?);
    let name_at = start.checked_add(46)?;
    let name_end = name_at.checked_add(usize::from(name))?;
    let next = name_end
        .checked_add(usize::from(extra))?
        .checked_add(usize::from(comment))?;
    let entry = Entry {
        name: String::from_utf8_lossy(bytes.get(name_at..name_end)?).into_owned(),
        flags: field(8)?,
        method: field(10)?,
        packed: wide(20)?,
        size: wide(24)?,
        offset: wide(42)?,
    };
    Some((entry, u32::try_from(next).ok()?))
}

/// A member's data, after its local header.
fn packed<'b>(bytes: &'b [u8], entry: &Entry) -> Option<&'b [u8]> {
    let start = entry.offset as usize;
    if bytes.get(start..start.checked_add(4)?)? != b"PK\x03\x04" {
        return None;
    }
    let name = usize::from(u16_at(bytes, start.checked_add(26)?)?);
    let extra = usize::from(u16_at(bytes, start.checked_add(28)?)?);
    let data = start.checked_add(30)?.checked_add(name)?.checked_add(extra)?;
    bytes.get(data..data.checked_add(entry.packed as usize)?)
}
