//! Walking over DER (X.690): elements as slices of the input, so that what was signed is what is shown.

use der::{Reader as _, SliceReader};
use num_bigint::BigInt;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The tag of a context-specific element that holds other elements.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The tag of a context-specific element that holds a value.
pub(crate) const fn primitive(number: u8) -> u8 {
    0x80 | number
}

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    /// Its tag, of one octet.
    pub(crate) tag: u8,
    /// All its bytes.
    pub(crate) raw: &'a [u8],
    /// The bytes after tag and length.
    pub(crate) content: &'a [u8],
}

/// What is left to read of a sequence of elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The only element in `bytes`, if it has this tag.
    pub(crate) fn only(bytes: &'a [u8], tag: u8) -> Option<&'a [u8]> {
        let mut cursor = Self::new(bytes);
        let content = cursor.expect(tag)?;
        cursor.is_empty().then_some(content)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element.
    pub(crate) fn item(&mut self) -> Option<Item<'a>> {
        let mut reader = SliceReader::new(self.rest).ok()?;
        let header = reader.peek_header().ok()?;
        let raw = reader.tlv_bytes().ok()?;
        let length = usize::try_from(header.length).ok()?;
        let content = raw.get(raw.len().checked_sub(length)?..)?;
        self.rest = self.rest.get(raw.len()..)?;
        let tag = header.tag.octet();
        Some(Item { tag, raw, content })
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.item()
            .filter(|item| item.tag == tag)
            .map(|item| item.content)
    }

    /// The content of the next element if it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let content = ahead.expect(tag)?;
        *self = ahead;
        Some(content)
    }

    /// All elements that are left, or nothing if one is broken.
    pub(crate) fn items(mut self) -> Option<Vec<Item<'a>>> {
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(self.item()?);
        }
        Some(items)
    }
}

/// The bytes of a non-negative INTEGER, without leading zeros.
pub(crate) fn unsigned(content: &[u8]) -> Option<&[u8]> {
    match content {
        [] => None,
        [first, ..] if *first >= 0x80 => None,
        _ => Some(trim_zeros(content)),
    }
}

/// Big-endian bytes without leading zeros.
pub(crate) fn trim_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The value of an INTEGER.
pub(crate) fn integer(content: &[u8]) -> Option<BigInt> {
    (!content.is_empty()).then(|| BigInt::from_signed_bytes_be(content))
}

/// The value of an INTEGER that is small and not negative.
pub(crate) fn small(content: &[u8]) -> Option<u32> {
    u32::try_from(integer(content)?).ok()
}

pub(crate) fn boolean(content: &[u8]) -> Option<bool> {
    match content {
        [0] => Some(false),
        [0xff] => Some(true),
        _ => None,
    }
}

/// The bits of a BIT STRING and how many of the last byte's are unused.
pub(crate) fn bits(content: &[u8]) -> Option<(&[u8], u8)> {
    let (unused, bits) = content.split_first()?;
    (*unused < 8 && (*unused == 0 || !bits.is_empty())).then_some((bits, *unused))
}

/// The bytes of a BIT STRING that has whole bytes.
pub(crate) fn whole_bits(content: &[u8]) -> Option<&[u8]> {
    bits(content)
        .filter(|(_, unused)| *unused == 0)
        .map(|(bits, _)| bits)
}

/// The numbers of an object identifier; none that needs more than 64 bits.
pub(crate) fn arcs(content: &[u8]) -> Option<Vec<u64>> {
    let mut arcs = Vec::new();
    let (mut arc, mut complete) = (0_u64, false);
    for byte in content {
        arc = arc.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        complete = byte & 0x80 == 0;
        if complete {
            if arcs.is_empty() {
                // The first number is at most 2; both share the first group.
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc = arc.saturating_sub(first.saturating_mul(40));
            }
            arcs.push(std::mem::take(&mut arc));
        }
    }
    complete.then_some(arcs)
}

/// An object identifier as `1.2.840`.
pub(crate) fn oid(content: &[u8]) -> Option<String> {
    let arcs: Vec<String> = arcs(content)?.iter().map(u64::to_string).collect();
    Some(arcs.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_slices_of_the_input() {
        let bytes = [0x30, 0x06, 0x02, 0x01, 0x05, 0xa1, 0x01, 0x00, 0x05, 0x00];
        let mut cursor = Cursor::new(&bytes);
        let sequence = cursor.item().unwrap();
        assert_eq!(
            (sequence.tag, sequence.raw.len(), sequence.content.len()),
            (SEQUENCE, 8, 6)
        );
        assert_eq!(cursor.optional(SEQUENCE), None);
        assert_eq!(cursor.expect(NULL), Some(&[][..]));
        assert!(cursor.is_empty() && cursor.item().is_none());
        let mut inner = Cursor::new(sequence.content);
        assert_eq!(small(inner.expect(INTEGER).unwrap()), Some(5));
        assert_eq!(inner.optional(constructed(1)), Some(&[0][..]));
        // Too long, an indefinite length, a length that is longer than it need be.
        for broken in [
            &[0x30, 0x02, 0x05][..],
            &[0x30, 0x80, 0, 0],
            &[0x04, 0x81, 0x01, 0x00],
        ] {
            assert!(Cursor::new(broken).item().is_none(), "{broken:?}");
        }
    }

    #[test]
    fn object_identifiers_are_read() {
        assert_eq!(
            oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]).as_deref(),
            Some("1.2.840.113549")
        );
        assert_eq!(oid(&[0x55, 0x04, 0x06]).as_deref(), Some("2.5.4.6"));
        assert_eq!(oid(&[0x88, 0x37]).as_deref(), Some("2.999"));
        assert_eq!(oid(&[0x2a, 0x86]), None);
        assert_eq!(oid(&[]), None);
    }

    #[test]
    fn integers_and_bits_are_read() {
        assert_eq!(unsigned(&[0, 0x80, 1]), Some(&[0x80, 1][..]));
        assert_eq!(unsigned(&[0x80]), None);
        assert_eq!(integer(&[0xff]), Some(BigInt::from(-1)));
        assert_eq!(bits(&[3, 0xa8]), Some((&[0xa8][..], 3)));
        assert_eq!(bits(&[1]), None);
        assert_eq!(whole_bits(&[3, 0xa8]), None);
    }
}
