//! Numbers of any length.

/// A number. The derived order is that of numbers: more digits are more.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digits {
    /// INVARIANT: the length of `text`, which has no zeros in front; nothing is zero.
    length: usize,
    text: String,
}

impl Digits {
    /// Takes ASCII digits, of which there may be none.
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim_start_matches('0');
        Self {
            length: text.len(),
            text: text.to_owned(),
        }
    }

    /// Takes one digit at least, and nothing else.
    pub(super) fn strict(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self::new(text))
    }

    pub(super) const fn is_zero(&self) -> bool {
        self.length == 0
    }
}

/// Splits behind the leading characters that are `wanted`.
pub(super) fn span(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Splits behind the leading digits.
pub(super) fn digits(text: &str) -> (&str, &str) {
    span(text, |c| c.is_ascii_digit())
}
