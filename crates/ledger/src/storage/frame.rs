//! How records lie in their files. Normative: `docs/formats/log.md`.
//!
//! A record file is a header and batches, one batch per group commit. A batch is written only after the one before it was
//! synced; so a broken batch with a whole one behind it is damage, and a broken one at the very end was never acknowledged.

use stele_types::{LEAF_BYTES, Leaf};

/// Length of a record file's header.
pub(crate) const FILE_HEADER: usize = 24;
/// Length of a batch's header.
pub(crate) const BATCH_HEADER: usize = 28;
/// Bytes of an entry beside its record: length, leaf, checksum.
pub(crate) const ENTRY_OVERHEAD: usize = 4 + LEAF_BYTES + 4;
/// Longest payload of a batch; also keeps a garbage length from allocating memory.
pub(crate) const MAX_PAYLOAD: usize = 1 << 30;

const FILE_MAGIC: &[u8; 8] = b"STELEREC";
const FILE_VERSION: u32 = 1;
pub(crate) const BATCH_MAGIC: &[u8; 4] = b"SLB1";

/// Reads big-endian integers off the front of a slice.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

/// CRC-32 (ISO-HDLC): finds accidents. Against intent there is the Merkle tree.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Appends the checksum of all that was written so far.
pub(crate) fn seal(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&checksum(bytes).to_be_bytes());
}

/// Checks a trailing checksum and returns what it covers.
pub(crate) fn unseal(bytes: &[u8]) -> Option<&[u8]> {
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    (checksum(body) == u32::from_be_bytes(*sum)).then_some(body)
}

/// A record file's header: magic, version, index of its first entry, checksum.
pub(crate) fn file_header(first: u64) -> Vec<u8> {
    let mut out = FILE_MAGIC.to_vec();
    out.extend_from_slice(&FILE_VERSION.to_be_bytes());
    out.extend_from_slice(&first.to_be_bytes());
    seal(&mut out);
    out
}

/// The index of the first entry, when the header is whole.
pub(crate) fn read_file_header(bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader(unseal(bytes)?);
    if reader.bytes(8)? != FILE_MAGIC || reader.u32()? != FILE_VERSION {
        return None;
    }
    reader.u64()
}

/// A batch's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    /// Bytes of payload that follow.
    pub(crate) payload: usize,
    /// Entries in the payload.
    pub(crate) count: u32,
    /// Log index of the first entry.
    pub(crate) first: u64,
    /// Checksum of the payload.
    pub(crate) payload_sum: u32,
}

impl BatchHeader {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut out = BATCH_MAGIC.to_vec();
        out.extend_from_slice(&u32::try_from(self.payload).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&self.payload_sum.to_be_bytes());
        seal(&mut out);
        out
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(unseal(bytes)?);
        if reader.bytes(4)? != BATCH_MAGIC {
            return None;
        }
        let payload = usize::try_from(reader.u32()?)
            .ok()
            .filter(|length| *length <= MAX_PAYLOAD)?;
        Some(Self {
            payload,
            count: reader.u32()?,
            first: reader.u64()?,
            payload_sum: reader.u32()?,
        })
    }
}

/// A whole batch from encoded entries.
pub(crate) fn encode_batch<'a>(first: u64, entries: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.clear();
    out.resize(BATCH_HEADER, 0);
    let mut count = 0u32;
    for entry in entries {
        out.extend_from_slice(entry);
        count = count.saturating_add(1);
    }
    let payload = out.get(BATCH_HEADER..).unwrap_or_default();
    let header = BatchHeader {
        payload: payload.len(),
        count,
        first,
        payload_sum: checksum(payload),
    };
    if let Some(slot) = out.get_mut(..BATCH_HEADER) {
        slot.copy_from_slice(&header.to_bytes());
    }
}

/// One encoded entry: length of the record, leaf, record, checksum of leaf and record.
pub(crate) fn encode_entry(leaf: &Leaf, record: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.len().saturating_add(ENTRY_OVERHEAD));
    begin_entry(leaf, &mut out);
    out.extend_from_slice(record);
    end_entry(&mut out);
    out
}

/// Begins an entry in an empty buffer; the record's JSON comes next.
pub(crate) fn begin_entry(leaf: &Leaf, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&leaf.to_bytes());
}

/// Ends the entry that is all of the buffer.
pub(crate) fn end_entry(out: &mut Vec<u8>) {
    let record = out.len().saturating_sub(ENTRY_OVERHEAD.saturating_sub(4));
    let length = u32::try_from(record).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(slot) = out.get_mut(..4) {
        slot.copy_from_slice(&length);
    }
    let sum = checksum(out.get(4..).unwrap_or_default());
    out.extend_from_slice(&sum.to_be_bytes());
}

/// An entry as it lies in a payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawEntry<'a> {
    /// Offset of its length field within the payload.
    pub(crate) offset: usize,
    /// The encoded leaf.
    pub(crate) leaf: &'a [u8; LEAF_BYTES],
    /// The record's JSON, possibly padded with spaces after an erasure.
    pub(crate) record: &'a [u8],
}

/// Reads one entry off the front; checks its checksum.
pub(crate) fn read_entry<'a>(reader: &mut Reader<'a>, offset: usize) -> Option<RawEntry<'a>> {
    let length = usize::try_from(reader.u32()?).ok()?;
    let body = reader.bytes(length.checked_add(LEAF_BYTES)?)?;
    if checksum(body) != reader.u32()? {
        return None;
    }
    let (leaf, record) = body.split_first_chunk::<LEAF_BYTES>()?;
    Some(RawEntry { offset, leaf, record })
}

/// The entries of a payload that [`read_payload`] found whole.
pub(crate) fn split_payload(payload: &[u8]) -> impl Iterator<Item = RawEntry<'_>> {
    let mut reader = Reader(payload);
    std::iter::from_fn(move || {
        let offset = payload.len().saturating_sub(reader.0.len());
        let length = usize::try_from(reader.u32()?).ok()?;
        let body = reader.bytes(length.checked_add(LEAF_BYTES)?)?;
        reader.bytes(4)?;
        let (leaf, record) = body.split_first_chunk::<LEAF_BYTES>()?;
        Some(RawEntry { offset, leaf, record })
    })
}

/// All entries of a payload, or what is wrong with it.
pub(crate) fn read_payload<'a>(
    header: &BatchHeader,
    payload: &'a [u8],
) -> Result<Vec<RawEntry<'a>>, &'static str> {
    if checksum(payload) != header.payload_sum {
        return Err("the checksum of a batch is wrong");
    }
    let mut reader = Reader(payload);
    let mut entries = Vec::new();
    while !reader.0.is_empty() {
        let offset = payload.len().saturating_sub(reader.0.len());
        entries.push(read_entry(&mut reader, offset).ok_or("an entry of a batch is malformed")?);
    }
    if u32::try_from(entries.len()) != Ok(header.count) || entries.is_empty() {
        return Err("the number of entries in a batch is wrong");
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(record: &[u8]) -> Vec<u8> {
        let mut leaf_bytes = [0; LEAF_BYTES];
        leaf_bytes[31] = 7;
        encode_entry(&Leaf::from_bytes(&leaf_bytes).unwrap(), record)
    }

    #[test]
    fn batches_round_trip() {
        let entries = [entry(b"{}"), entry(b""), entry(b"{\"a\":1}")];
        let mut bytes = Vec::new();
        encode_batch(9, entries.iter().map(Vec::as_slice), &mut bytes);
        let header = BatchHeader::read(&bytes[..BATCH_HEADER]).unwrap();
        assert_eq!((header.first, header.count), (9, 3));
        let read = read_payload(&header, &bytes[BATCH_HEADER..]).unwrap();
        let records: Vec<_> = read.iter().map(|e| e.record).collect();
        assert_eq!(records, [&b"{}"[..], b"", b"{\"a\":1}"]);
        assert_eq!(read[1].offset, entries[0].len());
        assert_eq!(read_file_header(&file_header(5)), Some(5));
        assert_eq!(file_header(5).len(), FILE_HEADER);
    }

    proptest! {
        #[test]
        fn any_damage_is_found(at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = Vec::new();
            encode_batch(9, [entry(b"{\"some\":\"record\"}")].iter().map(Vec::as_slice), &mut bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let read = BatchHeader::read(&bytes[..BATCH_HEADER])
                .and_then(|header| read_payload(&header, &bytes[BATCH_HEADER..]).ok().map(|e| e.len()));
            prop_assert_eq!(read, None);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let header = BatchHeader { payload: bytes.len(), count: 1, first: 0, payload_sum: checksum(&bytes) };
            let _ = read_payload(&header, &bytes);
            let _ = BatchHeader::read(&bytes);
            let _ = read_file_header(&bytes);
        }
    }
}
