//! What policies print goes to the log, and no more of it than a log can bear.

use std::time::Duration;

use stele_policy::engine::Prints;
use stele_types::{DecisionId, PolicyId};

/// What logs are filtered by.
const TARGET: &str = "stele::print";
/// Lines that may come at once.
const BURST: u32 = 1_000;
/// Time in which one more line may come.
const EACH: Duration = Duration::from_millis(10);

/// One decider's share of the log.
#[derive(Debug)]
pub(super) struct PrintLog {
    /// Lines that may be written now.
    left: u32,
    /// Until when lines have been granted.
    granted: Duration,
    /// Lines that were left out, and that nobody was told of.
    untold: u64,
}

/// What may be written of one decision's lines.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    /// This many of its lines.
    lines: usize,
    /// How many were left out until now, if that may be said.
    left_out: Option<u64>,
}

impl Default for PrintLog {
    fn default() -> Self {
        Self {
            left: BURST,
            granted: Duration::ZERO,
            untold: 0,
        }
    }
}

impl PrintLog {
    /// Writes what a decision printed; `now` is the time by a monotonic clock.
    pub(super) fn write(
        &mut self,
        prints: &Prints,
        (policy, id): (&PolicyId, DecisionId),
        now: impl FnOnce() -> Duration,
    ) {
        if prints.lines.is_empty() {
            return;
        }
        let grant = self.grant(prints.lines.len(), prints.dropped, now());
        for print in prints.lines.iter().take(grant.lines) {
            let place = &print.place;
            let (file, line, text) = (&place.file, place.line, plain(&print.text));
            tracing::info!(target: TARGET, %policy, decision_id = %id, file, line, "{text}");
        }
        if let Some(left_out) = grant.left_out {
            tracing::warn!(target: TARGET, %policy, decision_id = %id, left_out, "policies print more than is logged");
        }
    }

    fn grant(&mut self, lines: usize, dropped: u64, now: Duration) -> Grant {
        let since = now.saturating_sub(self.granted).as_millis();
        let earned = since.checked_div(EACH.as_millis()).unwrap_or_default();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(earned).min(BURST);
        self.granted = self.granted.saturating_add(EACH.saturating_mul(earned)).min(now);
        // The last line of all is the one that says how many are missing.
        let most = usize::try_from(self.left.saturating_sub(1)).unwrap_or(usize::MAX);
        let granted = lines.min(most);
        let missing = u64::try_from(lines.saturating_sub(granted)).unwrap_or(u64::MAX);
        self.untold = self.untold.saturating_add(missing).saturating_add(dropped);
        let left_out = (self.untold > 0 && self.left > 0).then(|| std::mem::take(&mut self.untold));
        let used = granted.saturating_add(usize::from(left_out.is_some()));
        self.left = self.left.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
        Grant {
            lines: granted,
            left_out,
        }
    }
}

/// A text without line breaks and what else directs a terminal: the input must not be able to write lines of the log.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_so_many_lines_a_second_and_is_told_of_the_others() {
        let mut log = PrintLog::default();
        let at = Duration::from_millis;
        let grant = |lines, left_out| Grant { lines, left_out };
        assert_eq!(log.grant(3, 0, at(0)), grant(3, None));
        assert_eq!(log.grant(3, 7, at(0)), grant(3, Some(7)));
        assert_eq!(log.grant(1_000, 0, at(0)), grant(992, Some(8)));
        // All is spent: nothing is written, and nothing is said of that.
        assert_eq!(log.grant(5, 2, at(9)), grant(0, None));
        assert_eq!(log.grant(5, 0, at(30)), grant(2, Some(10)));
        assert_eq!(log.grant(1, 0, at(35)), grant(0, None));
        assert_eq!(log.grant(1, 0, at(60_000)), grant(1, Some(1)));
        assert_eq!(log.grant(2_000, 0, at(120_000)), grant(999, Some(1_001)));
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(plain("a\nb\u{1b}[31m \"é\""), "a\\nb\\u{1b}[31m \"é\"");
    }
}
