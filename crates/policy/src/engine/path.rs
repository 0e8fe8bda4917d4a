//! Paths into the `data` document, as they stand in URLs and entry points.

use std::fmt;

use stele_types::{EntryPoint, Value};

/// A path below `data`: `["kubernetes", "admission", "deny"]` is `data.kubernetes.admission.deny`, the empty path is `data`.
///
/// Segments are plain text of any content; `Display` prints the reference in Rego's syntax.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct DataPath(Vec<String>);

/// A path that can't be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// An empty segment, as in `a//b`.
    #[error("the path {path:?} has an empty segment")]
    EmptySegment {
        /// The path as given.
        path: String,
    },
}

impl DataPath {
    /// The path of these segments.
    pub fn new<I, S>(segments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self(segments.into_iter().map(Into::into).collect())
    }

    /// Parses a slash path, `kubernetes/admission/deny`; a leading or trailing slash is ignored, the empty path is `data` itself.
    ///
    /// # Errors
    ///
    /// [`PathError::EmptySegment`] for two slashes in a row.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let inner = path.strip_prefix('/').unwrap_or(path);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if inner.is_empty() {
            return Ok(Self::default());
        }
        let segments: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if segments.iter().any(String::is_empty) {
            return Err(PathError::EmptySegment {
                path: path.to_owned(),
            });
        }
        Ok(Self(segments))
    }

    /// The segments, root first.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// Splits off everything after the first `count` segments.
    #[cfg(feature = "regorus")]
    pub(crate) fn split_at(&self, count: usize) -> (DataPath, &[String]) {
        let (head, tail) = self.0.split_at_checked(count).unwrap_or((&self.0, &[]));
        (DataPath(head.to_vec()), tail)
    }
}

impl From<&EntryPoint> for DataPath {
    fn from(entry_point: &EntryPoint) -> Self {
        Self::new(entry_point.segments())
    }
}

impl fmt::Display for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data")?;
        for segment in &self.0 {
            if is_identifier(segment) {
                write!(f, ".{segment}")?;
            } else {
                write!(
                    f,
                    "[{}]",
                    stele_types::json::to_string(&Value::from(segment.as_str()))
                )?;
            }
        }
        Ok(())
    }
}

/// Whether `text` can stand after a dot in a reference. Keywords can't, and neither can anything that does not look like a name.
pub(crate) fn is_identifier(text: &str) -> bool {
    const KEYWORDS: [&str; 16] = [
        "as", "contains", "data", "default", "else", "every", "false", "if", "import", "in", "input", "not",
        "null", "package", "some", "true",
    ];
    let mut chars = text.chars();
    let starts = chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    starts
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !KEYWORDS.contains(&text)
        && text != "with"
}

/// An array index as a URL writes it: decimal without sign or leading zeros.
#[cfg(feature = "regorus")]
pub(super) fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with('0');
    (canonical && step.bytes().all(|b| b.is_ascii_digit()))
        .then(|| step.parse().ok())
        .flatten()
}
