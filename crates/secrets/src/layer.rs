//! Encoded runs: where they are, what they hold, and which of their bytes a decoded byte came from.

/// How a run of text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// RFC 4648 sections 4 and 5, both alphabets.
    Base64,
    /// RFC 4648 section 8.
    Hex,
    /// RFC 3986 section 2.1.
    Percent,
}

impl Layer {
    pub(crate) const ALL: [Self; 3] = [Self::Base64, Self::Hex, Self::Percent];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Percent => "percent",
        }
    }

    /// The shortest run that is looked into: an encoded secret of about twelve bytes.
    fn shortest(self) -> usize {
        match self {
            Self::Base64 => 20,
            Self::Hex => 32,
            Self::Percent => 12,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Base64 => 1,
            Self::Hex => 2,
            Self::Percent => 4,
        }
    }

    fn holds(self, byte: u8) -> bool {
        CLASSES
            .get(usize::from(byte))
            .is_some_and(|class| class & self.bit() != 0)
    }
}

/// Which runs a byte can be in, as bits.
static CLASSES: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated at build time, where a breach is a build error"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0_u8; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_') {
            table[byte] |= 1;
        }
        if b.is_ascii_hexdigit() {
            table[byte] |= 2;
        }
        if b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | b'{' | b'}') {
            table[byte] |= 4;
        }
        byte += 1;
    }
    table
}

/// Runs are decoded in pieces of this length (a multiple of 4), each with [`OVERLAP`] bytes of the next: work and memory stay bounded whatever
/// the length of a run.
pub(crate) const SEGMENT: usize = 16 * 1024;

/// See [`SEGMENT`]; as much as the longest match of a rule takes.
pub(crate) const OVERLAP: usize = 8 * 1024;

/// One piece of a run, as offsets into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) layer: Layer,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// For each layer, how many bytes before the text the run began that its first byte continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenRuns([Option<u64>; 3]);

impl OpenRuns {
    /// The runs that are open at `at` within `bytes`.
    pub(crate) fn at(self, bytes: &[u8], at: usize) -> Self {
        let before = bytes.get(..at).unwrap_or_default();
        let mut open = self.0;
        for (slot, layer) in open.iter_mut().zip(Layer::ALL) {
            let length = before.iter().rev().take_while(|byte| layer.holds(**byte)).count();
            *slot = match (length, *slot) {
                (0, _) if !before.is_empty() => None,
                (length, Some(earlier)) if length == before.len() => {
                    Some(earlier.saturating_add(length as u64))
                }
                (0, None) => None,
                (length, _) => Some(length as u64),
            };
        }
        Self(open)
    }
}

/// The pieces of all encoded runs of a text that begin in it.
pub(crate) fn segments(bytes: &[u8], open: OpenRuns) -> Vec<Segment> {
    let mut found = Vec::new();
    for (layer, open) in Layer::ALL.into_iter().zip(open.0) {
        if layer == Layer::Percent && memchr::memchr(b'%', bytes).is_none() {
            continue;
        }
        let mut from = 0;
        if let Some(earlier) = open {
            // The run's pieces go on in the rhythm in which they began.
            let end = run_end(bytes, layer, 0);
            let done = earlier.checked_rem(SEGMENT as u64).unwrap_or(0) as usize;
            let first = if done == 0 {
                0
            } else {
                SEGMENT.saturating_sub(done)
            };
            cut(layer, first, end, bytes, &mut found);
            from = end;
        }
        while let Some((start, end)) = next_run(bytes, layer, from) {
            cut(layer, start, end, bytes, &mut found);
            from = end;
        }
    }
    found
}

fn run_end(bytes: &[u8], layer: Layer, from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| layer.holds(**byte)).count();
    from.saturating_add(length)
}

/// The next run of at least the shortest length. Only about one byte in that many is looked at where there is none.
fn next_run(bytes: &[u8], layer: Layer, mut from: usize) -> Option<(usize, usize)> {
    let shortest = layer.shortest();
    loop {
        let window = bytes.get(from..from.checked_add(shortest)?)?;
        match window.iter().rposition(|byte| !layer.holds(*byte)) {
            None => return Some((from, run_end(bytes, layer, from.saturating_add(shortest)))),
            Some(outside) => from = from.saturating_add(outside).saturating_add(1),
        }
    }
}

fn cut(layer: Layer, start: usize, end: usize, bytes: &[u8], found: &mut Vec<Segment>) {
    let mut at = start;
    while at < end {
        let stop = end.min(at.saturating_add(SEGMENT).saturating_add(OVERLAP));
        let piece = bytes.get(at..stop).unwrap_or_default();
        let promising = match layer {
            Layer::Base64 => base64_begins_with_text(piece),
            Layer::Hex => hex_begins_with_text(piece),
            Layer::Percent => memchr::memchr_iter(b'%', piece).any(|sign| escape(piece, sign).is_some()),
        };
        // Pieces after the first may begin anywhere in the content, and are looked into like the first of them was.
        if promising {
            found.push(Segment {
                layer,
                start: at,
                end: stop,
            });
        }
        at = at.saturating_add(SEGMENT);
    }
}

/// Decoded bytes by which a piece is judged.
const JUDGED: usize = 12;

/// Whether base64 decodes to bytes that begin like text: all but one are, so that a length byte or the like does no harm.
fn base64_begins_with_text(piece: &[u8]) -> bool {
    let mut odd = 0_u32;
    for group in piece.chunks_exact(4).take(JUDGED / 3) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| group.get(at).map_or(0, |byte| sextet(*byte)));
        let [_, first, second, third] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
        odd = odd.saturating_add(
            [first, second, third]
                .iter()
                .filter(|byte| !is_text(**byte))
                .count() as u32,
        );
        if odd > 1 {
            return false;
        }
    }
    true
}

/// The same of hexadecimal digits.
fn hex_begins_with_text(piece: &[u8]) -> bool {
    let bytes = piece
        .chunks_exact(2)
        .take(JUDGED)
        .filter_map(|digits| match digits {
            [high, low] => pair(*high, *low),
            _ => None,
        });
    bytes.filter(|byte| !is_text(*byte)).nth(1).is_none()
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Decodes a piece.
pub(crate) fn decode(layer: Layer, piece: &[u8]) -> Vec<u8> {
    match layer {
        Layer::Base64 => base64(piece),
        Layer::Hex => hex(piece),
        Layer::Percent => percent(piece),
    }
}

/// Where in the piece the byte at `offset` of the decoded text came from: the first byte that carries a bit of it.
pub(crate) fn origin(layer: Layer, piece: &[u8], offset: usize) -> usize {
    let at = match layer {
        Layer::Base64 => offset.saturating_mul(4).checked_div(3).unwrap_or(0),
        Layer::Hex => offset.saturating_mul(2),
        Layer::Percent => {
            let mut at = 0_usize;
            for _ in 0..offset {
                at = at.saturating_add(if escape(piece, at).is_some() { 3 } else { 1 });
            }
            at
        }
    };
    at.min(piece.len())
}

fn sextet(byte: u8) -> u32 {
    u32::from(match byte {
        b'A'..=b'Z' => byte.wrapping_sub(b'A'),
        b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
        b'+' | b'-' => 62,
        _ => 63,
    })
}

/// Decodes what [`Layer::Base64`] holds; characters at the end that make no byte are left out.
fn base64(piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len());
    for group in piece.chunks(4) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (at, byte)| {
            bits | sextet(*byte) << 18_u32.saturating_sub((at as u32).saturating_mul(6))
        });
        let [_, first, second, third] = bits.to_be_bytes();
        out.extend(
            [first, second, third]
                .into_iter()
                .take(group.len().saturating_sub(1)),
        );
    }
    out
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

fn pair(high: u8, low: u8) -> Option<u8> {
    Some(nibble(high)? << 4 | nibble(low)?)
}

fn hex(piece: &[u8]) -> Vec<u8> {
    piece
        .chunks_exact(2)
        .filter_map(|chunk| match chunk {
            [high, low] => pair(*high, *low),
            _ => None,
        })
        .collect()
}

/// The byte that `%XX` at `at` stands for.
fn escape(piece: &[u8], at: usize) -> Option<u8> {
    match piece.get(at..)? {
        [b'%', high, low, ..] => pair(*high, *low),
        _ => None,
    }
}

fn percent(piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len());
    let mut at = 0;
    while let Some(byte) = piece.get(at) {
        match escape(piece, at) {
            Some(decoded) => {
                out.push(decoded);
                at = at.saturating_add(3);
            }
            None => {
                out.push(*byte);
                at = at.saturating_add(1);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_decode_and_point_back() {
        let text = b"token = tk_0123456789";
        let encoded = "dG9rZW4gPSB0a18wMTIzNDU2Nzg5";
        assert_eq!(decode(Layer::Base64, encoded.as_bytes()), text);
        assert_eq!(decode(Layer::Base64, b"YWI"), b"ab");
        assert_eq!(decode(Layer::Base64, b"--__"), decode(Layer::Base64, b"++//"));
        assert_eq!(decode(Layer::Hex, b"746b5F30"), b"tk_0");
        assert_eq!(decode(Layer::Percent, b"a%3Db%zz%4"), b"a=b%zz%4");
        assert_eq!(origin(Layer::Base64, encoded.as_bytes(), 3), 4);
        assert_eq!(origin(Layer::Base64, encoded.as_bytes(), 4), 5);
        assert_eq!(origin(Layer::Hex, b"746b", 1), 2);
        assert_eq!(origin(Layer::Percent, b"a%3Db", 2), 4);
    }

    #[test]
    fn runs_are_found_wherever_they_stand() {
        let run = "dG9rZW4gPSB0a18wMTIzNDU2Nzg5";
        for left in 0..50 {
            let text = format!("{}{run} x", " ".repeat(left));
            let found = segments(text.as_bytes(), OpenRuns::default());
            assert_eq!(
                found,
                [Segment {
                    layer: Layer::Base64,
                    start: left,
                    end: left + run.len()
                }],
                "{left} before"
            );
        }
        assert!(segments(b"short/path/of/it another_identifier", OpenRuns::default()).is_empty());
        // Random bytes do not begin with text.
        assert!(segments(b"9f86d081884c7d659a2feaa0c55ad015", OpenRuns::default()).is_empty());
    }

    #[test]
    fn a_run_goes_on_where_the_last_text_ended() {
        let run = "YWJj".repeat(20_000);
        let whole = segments(run.as_bytes(), OpenRuns::default());
        for at in [1, 4, SEGMENT - 1, SEGMENT, SEGMENT + 7, 3 * SEGMENT] {
            let open = OpenRuns::default().at(run.as_bytes(), at);
            let rest: Vec<usize> = segments(&run.as_bytes()[at..], open)
                .iter()
                .map(|segment| segment.start + at)
                .collect();
            let expected: Vec<usize> = whole
                .iter()
                .map(|segment| segment.start)
                .filter(|start| *start >= at)
                .collect();
            assert_eq!(rest, expected, "cut at {at}");
            // Twice in a row is the same as once.
            let (half, more) = (at / 2, at - at / 2);
            let open = OpenRuns::default()
                .at(run.as_bytes(), half)
                .at(&run.as_bytes()[half..], more);
            assert_eq!(open, OpenRuns::default().at(run.as_bytes(), at));
        }
    }
}
