//! Allowing one finding where it stands: `stele:allow-secret RULE reason` in a comment on its line or on the line above.

use crate::rule::RuleSet;

/// What a directive begins with.
pub(crate) const MARK: &[u8] = concat!("stele:", "allow-secret").as_bytes();

/// The bytes of a line that are looked at on either side.
const LINE: usize = 4096;

/// A directive farther away covers nothing.
pub(crate) const REACH: usize = 2 * LINE;

/// A directive in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Offset of its first byte in the text.
    pub offset: u64,
    /// The rule it allows.
    pub rule: String,
    /// Why; empty if none was given, and then it allows nothing.
    pub reason: String,
    /// Whether it allowed something.
    pub used: bool,
}

/// Reads the directive at `at`; none if what follows names no rule, as in documentation of the directive.
pub(crate) fn read(bytes: &[u8], at: usize, rules: &RuleSet) -> Option<Directive> {
    let rest = bytes.get(at..)?.strip_prefix(MARK)?;
    let rest = rest.get(..LINE.min(rest.len()))?;
    let line = rest.split(|byte| matches!(byte, b'\n' | b'\r')).next()?;
    let text = String::from_utf8_lossy(line);
    let mut words = text.split_whitespace();
    let rule = words.next()?.to_owned();
    rules.get(&rule)?;
    let reason = words.collect::<Vec<_>>().join(" ");
    // What closes the comment is no reason.
    let reason = reason
        .trim_end_matches("-->")
        .trim_end_matches("*/")
        .trim_end_matches("#}")
        .trim()
        .to_owned();
    Some(Directive {
        offset: at as u64,
        rule,
        reason,
        used: false,
    })
}

/// Whether a directive at `directive` covers a secret at `secret`: on the same line, or on the line above.
pub(crate) fn covers(bytes: &[u8], directive: usize, secret: usize) -> bool {
    let (from, to) = (directive.min(secret), directive.max(secret));
    if to.saturating_sub(from) > REACH {
        return false;
    }
    let breaks = memchr::memchr_iter(b'\n', bytes.get(from..to).unwrap_or_default()).count();
    breaks == 0 || (breaks == 1 && directive < secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive(text: &str) -> Option<Directive> {
        let rules = RuleSet::built_in().unwrap();
        let at = memchr::memmem::find(text.as_bytes(), MARK)?;
        read(text.as_bytes(), at, &rules)
    }

    #[test]
    fn a_directive_names_a_rule_and_a_reason() {
        let mark = String::from_utf8_lossy(MARK);
        let found = directive(&format!("x // {mark} generic-secret made for tests */\nmore")).unwrap();
        assert_eq!(
            (found.rule.as_str(), found.reason.as_str()),
            ("generic-secret", "made for tests")
        );
        assert_eq!(found.offset, 5);
        assert_eq!(directive(&format!("{mark} generic-secret")).unwrap().reason, "");
        assert_eq!(directive(&format!("{mark} RULE reason")), None);
    }

    #[test]
    fn it_covers_its_line_and_the_next() {
        let text = b"a\nallow secret\nsecret\nsecret";
        assert!(covers(text, 2, 8));
        assert!(covers(text, 8, 2));
        assert!(covers(text, 2, 15));
        assert!(!covers(text, 2, 22));
        assert!(!covers(text, 15, 2));
    }
}
