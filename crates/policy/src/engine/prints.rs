//! What `print` writes in a decision, as much of it as is worth keeping.

use stele_rego::eval::At;
use stele_rego::vm::Probe;

use super::Place;
use super::stele_engine::place_of;

/// A line that `print` wrote. `Display` shows `file:line: text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// Where it was called.
    pub place: Place,
    /// The arguments with a space between; cut after [`Prints::MAX_BYTES`] bytes.
    pub text: String,
}

impl std::fmt::Display for Print {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.place.file, self.place.line, self.text)
    }
}

/// The first lines of an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prints {
    /// In order.
    pub lines: Vec<Print>,
    /// How many more were printed than are kept.
    pub dropped: u64,
}

impl Prints {
    /// Lines that are kept.
    pub const MAX_LINES: usize = 100;
    /// Bytes of a line that are kept.
    pub const MAX_BYTES: usize = 4096;
}

impl Probe for Prints {
    fn print(&mut self, at: &At, line: &str) {
        if self.lines.len() >= Self::MAX_LINES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let kept = line
            .get(..line.floor_char_boundary(Self::MAX_BYTES))
            .unwrap_or_default();
        let more = line.len().saturating_sub(kept.len());
        self.lines.push(Print {
            place: place_of(at),
            text: if more == 0 {
                line.to_owned()
            } else {
                format!("{kept}... ({more} bytes more)")
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_few_and_short() {
        let at = At {
            file: "p.rego".into(),
            row: 4,
            col: 2,
        };
        let mut prints = Prints::default();
        prints.print(&at, &"é".repeat(Prints::MAX_BYTES));
        for _ in 0..Prints::MAX_LINES + 6 {
            prints.print(&at, "x");
        }
        assert_eq!((prints.lines.len(), prints.dropped), (Prints::MAX_LINES, 7));
        assert_eq!(prints.lines[1].to_string(), "p.rego:4: x");
        let long = &prints.lines[0].text;
        assert_eq!(
            long.strip_suffix("... (4096 bytes more)"),
            Some(&*"é".repeat(Prints::MAX_BYTES / 2))
        );
    }
}
