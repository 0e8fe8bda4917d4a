//! Offsets to lines and columns.

/// A place in a text: both count from 1, the column in code points (in bytes where the text is not UTF-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place after `bytes`, if they start here.
    pub(crate) fn after(self, bytes: &[u8]) -> Self {
        match memchr::memrchr(b'\n', bytes) {
            None => Self {
                line: self.line,
                column: self.column.saturating_add(code_points(bytes)),
            },
            Some(last) => {
                let lines = memchr::memchr_iter(b'\n', bytes).count();
                let rest = bytes.get(last.saturating_add(1)..).unwrap_or_default();
                Self {
                    line: self.line.saturating_add(lines as u64),
                    column: code_points(rest).saturating_add(1),
                }
            }
        }
    }
}

/// Bytes that are not UTF-8 continuation bytes.
fn code_points(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_add_up() {
        let text = "ab\näöc\n\nx".as_bytes();
        for cut in 0..=text.len() {
            let (left, right) = text.split_at(cut);
            assert_eq!(
                Place::START.after(left).after(right),
                Place::START.after(text),
                "cut at {cut}"
            );
        }
        assert_eq!(
            Place::START.after("ab\näö".as_bytes()),
            Place { line: 2, column: 3 }
        );
    }
}
