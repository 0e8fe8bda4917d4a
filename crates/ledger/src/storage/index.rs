//! The index beside each finished record file: where entry number `n` starts, and which number has a decision id.
//!
//! Derived from the record file and made anew when missing or damaged. Looked up on disk by binary search, so it costs no
//! memory. Normative: `docs/formats/log.md`.

use std::io;

use super::frame::{Reader, checksum, seal, unseal};
use super::store::Store;

const MAGIC: &[u8; 8] = b"STELEIDX";
const VERSION: u32 = 1;
/// Magic, version, first index, count, record file length, least and greatest id, checksum of the body, of the header.
pub(crate) const HEADER: usize = 8 + 4 + 8 + 8 + 8 + 16 + 16 + 4 + 4;
const OFFSET_BYTES: u64 = 8;
const ID_BYTES: u64 = 20;

/// What is known of a finished record file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexHeader {
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) file_length: u64,
    pub(crate) least_id: [u8; 16],
    pub(crate) greatest_id: [u8; 16],
    pub(crate) body_sum: u32,
}

/// The bytes of an index file. `entries` are the offsets and ids, in log order.
pub(crate) fn encode(first: u64, file_length: u64, entries: &[(u64, [u8; 16])]) -> (IndexHeader, Vec<u8>) {
    let mut body: Vec<u8> = entries
        .iter()
        .flat_map(|(offset, _)| offset.to_be_bytes())
        .collect();
    let mut ids: Vec<([u8; 16], u32)> = entries.iter().map(|(_, id)| *id).zip(0u32..).collect();
    ids.sort_unstable();
    for (id, number) in &ids {
        body.extend_from_slice(id);
        body.extend_from_slice(&number.to_be_bytes());
    }
    let header = IndexHeader {
        first,
        count: u64::try_from(entries.len()).unwrap_or(u64::MAX),
        file_length,
        least_id: ids.first().map_or([0; 16], |(id, _)| *id),
        greatest_id: ids.last().map_or([0; 16], |(id, _)| *id),
        body_sum: checksum(&body),
    };
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_be_bytes());
    for number in [header.first, header.count, header.file_length] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&header.least_id);
    out.extend_from_slice(&header.greatest_id);
    out.extend_from_slice(&header.body_sum.to_be_bytes());
    seal(&mut out);
    out.extend_from_slice(&body);
    (header, out)
}

fn read_header(bytes: &[u8]) -> Option<IndexHeader> {
    let mut reader = Reader(unseal(bytes)?);
    if reader.bytes(8)? != MAGIC || reader.u32()? != VERSION {
        return None;
    }
    Some(IndexHeader {
        first: reader.u64()?,
        count: reader.u64()?,
        file_length: reader.u64()?,
        least_id: reader.array()?,
        greatest_id: reader.array()?,
        body_sum: reader.u32()?,
    })
}

/// Reads an index file's header; `None` when the file is missing, damaged, or of another record file than the one with
/// this first index. Whether that still has its length is the caller's to compare. The body is checked by fsck only.
pub(crate) fn load(store: &dyn Store, path: &str, first: u64) -> io::Result<Option<IndexHeader>> {
    let Some(length) = store.len(path)? else {
        return Ok(None);
    };
    let header_length = u64::try_from(HEADER).unwrap_or(u64::MAX);
    if length < header_length {
        return Ok(None);
    }
    let Some(header) = read_header(&store.read_at(path, 0, HEADER)?) else {
        return Ok(None);
    };
    let body = header.count.checked_mul(OFFSET_BYTES.saturating_add(ID_BYTES));
    let fits = header.first == first && body.and_then(|body| body.checked_add(header_length)) == Some(length);
    Ok(fits.then_some(header))
}

fn body_at(offset: u64) -> u64 {
    u64::try_from(HEADER).unwrap_or(u64::MAX).saturating_add(offset)
}

/// Offset in the record file of the entry with this number within the file.
pub(crate) fn entry_offset(store: &dyn Store, path: &str, number: u64) -> io::Result<u64> {
    let bytes = store.read_at(path, body_at(number.saturating_mul(OFFSET_BYTES)), 8)?;
    Ok(Reader(&bytes).u64().unwrap_or(u64::MAX))
}

/// Number within the file of the entry with this id: the last one, should there be several.
pub(crate) fn find(
    store: &dyn Store,
    path: &str,
    header: &IndexHeader,
    id: &[u8; 16],
) -> io::Result<Option<u64>> {
    if *id < header.least_id || *id > header.greatest_id {
        return Ok(None);
    }
    let table = header.count.saturating_mul(OFFSET_BYTES);
    let row = |number: u64| -> io::Result<([u8; 16], u64)> {
        let at = body_at(table.saturating_add(number.saturating_mul(ID_BYTES)));
        let bytes = store.read_at(path, at, 20)?;
        let mut reader = Reader(&bytes);
        Ok((
            reader.array().unwrap_or_default(),
            reader.u32().map_or(u64::MAX, u64::from),
        ))
    };
    // The first row beyond the id; the one before it is the last with the id.
    let (mut low, mut high) = (0, header.count);
    while low < high {
        let middle = low.midpoint(high);
        if row(middle)?.0 <= *id {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    let Some(last) = low.checked_sub(1) else {
        return Ok(None);
    };
    let (found, number) = row(last)?;
    Ok((found == *id).then_some(number))
}
