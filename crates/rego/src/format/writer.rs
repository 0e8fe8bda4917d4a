//! Text with indented lines.

/// Collects the result.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    level: usize,
    /// Something stands on the line at hand.
    started: bool,
}

impl Writer {
    /// Writes text; at the start of a line, behind the line's tabs.
    pub(super) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.started {
            self.started = true;
            for _ in 0..self.level {
                self.out.push('\t');
            }
        }
        self.out.push_str(text);
    }

    /// Ends the line.
    pub(super) fn newline(&mut self) {
        self.out.push('\n');
        self.started = false;
    }

    /// Makes the line before this one blank, ending this one first. Two blank lines never follow each other.
    pub(super) fn blank(&mut self) {
        if self.started {
            self.newline();
        }
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Whether something stands on the line at hand.
    pub(super) const fn in_line(&self) -> bool {
        self.started
    }

    /// Indents the lines that follow by one tab more.
    pub(super) fn indent(&mut self) {
        self.level = self.level.saturating_add(1);
    }

    /// Takes one tab back.
    pub(super) fn outdent(&mut self) {
        self.level = self.level.saturating_sub(1);
    }

    /// How much is written.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// How many line breaks were written after the first `start` bytes.
    pub(super) fn lines_since(&self, start: usize) -> usize {
        self.out.get(start..).unwrap_or("").matches('\n').count()
    }

    /// The text, which ends in one line break.
    pub(super) fn finish(mut self) -> String {
        let length = self.out.trim_end_matches('\n').len();
        self.out.truncate(length);
        self.out.push('\n');
        self.out
    }
}
