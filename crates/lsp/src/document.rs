//! One Rego file, parsed as far as it can be.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use lsp_types::{Position, Range, TextDocumentContentChangeEvent, Uri};
use stele_rego::ast::Module;
use stele_rego::{Diagnostic, SourceFile, Span};

use crate::position::{Encoding, LineIndex};

/// What a file is known by: clients may write one path as several URIs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileId {
    /// A file on disk.
    Path(PathBuf),
    /// Anything else that a client has open (`untitled:1`).
    Other(String),
}

impl FileId {
    pub(crate) fn of(uri: &Uri) -> Self {
        let path = url::Url::parse(uri.as_str())
            .ok()
            .filter(|url| url.scheme() == "file")
            .and_then(|url| url.to_file_path().ok());
        path.map_or_else(|| Self::Other(uri.as_str().to_owned()), Self::Path)
    }

    /// The URI to name the file by where no client has named it.
    pub(crate) fn uri(&self) -> Option<Uri> {
        match self {
            Self::Path(path) => {
                let url = url::Url::from_file_path(path).ok()?;
                Uri::from_str(url.as_str()).ok()
            }
            Self::Other(text) => Uri::from_str(text).ok(),
        }
    }
}

/// A file's text at one time. Never changes; a change makes a new one.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) id: FileId,
    /// As the client writes it.
    pub(crate) uri: Uri,
    /// The client's version, if the file is open there.
    pub(crate) version: Option<i32>,
    /// The text; its name is the path below the root.
    pub(crate) source: SourceFile,
    pub(crate) lines: LineIndex,
    /// What could be parsed; `None` when there is no package clause to start from.
    pub(crate) module: Option<Arc<Module>>,
    /// What the parser has to say.
    pub(crate) problems: Vec<Diagnostic>,
}

impl Document {
    pub(crate) fn new(id: FileId, uri: Uri, version: Option<i32>, name: &str, text: String) -> Self {
        let lines = LineIndex::new(&text);
        let source = SourceFile::new(name, text);
        let (module, problems) = stele_rego::parse_lenient(&source);
        Self {
            id,
            uri,
            version,
            source,
            lines,
            module: module.map(Arc::new),
            problems,
        }
    }

    pub(crate) fn text(&self) -> &str {
        self.source.text()
    }

    /// The offset of a position in bytes.
    pub(crate) fn offset(&self, position: Position, encoding: Encoding) -> usize {
        self.lines.offset(self.text(), position, encoding)
    }

    pub(crate) fn range(&self, span: Span, encoding: Encoding) -> Range {
        self.lines.range(self.text(), span, encoding)
    }

    /// Whether the text is one of Rego without a mistake in its syntax.
    pub(crate) fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.module.is_some()
    }
}

/// The text after changes, in their order.
pub(crate) fn changed(
    text: &str,
    changes: Vec<TextDocumentContentChangeEvent>,
    encoding: Encoding,
) -> String {
    let mut text = text.to_owned();
    for change in changes {
        let Some(range) = change.range else {
            text = change.text;
            continue;
        };
        let lines = LineIndex::new(&text);
        let start = lines.offset(&text, range.start, encoding);
        let end = lines.offset(&text, range.end, encoding).max(start);
        text.replace_range(start..end, &change.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(range: Option<[u32; 4]>, text: &str) -> TextDocumentContentChangeEvent {
        TextDocumentContentChangeEvent {
            range: range.map(|[a, b, c, d]| Range::new(Position::new(a, b), Position::new(c, d))),
            range_length: None,
            text: text.to_owned(),
        }
    }

    #[test]
    fn changes_apply_in_order_each_to_the_result_of_the_last() {
        let changes = vec![
            change(None, "a𝔸b\nc"),
            change(Some([0, 1, 0, 3]), "xy"),
            change(Some([0, 3, 1, 0]), ""),
            change(Some([9, 0, 9, 9]), "\nend"),
            // Backwards: nothing is removed.
            change(Some([0, 2, 0, 1]), "!"),
        ];
        assert_eq!(changed("gone", changes, Encoding::Utf16), "ax!yc\nend");
    }

    #[test]
    fn files_are_known_by_their_paths() {
        let id = |text: &str| FileId::of(&Uri::from_str(text).unwrap());
        assert_eq!(id("file:///a/b%20c.rego"), FileId::Path("/a/b c.rego".into()));
        assert_eq!(id("file:///a/%62.rego"), id("file:///a/b.rego"));
        assert_eq!(id("untitled:1"), FileId::Other("untitled:1".into()));
        assert_eq!(
            id("file:///a/b%20%C3%A4.rego").uri().unwrap().as_str(),
            "file:///a/b%20%C3%A4.rego"
        );
    }
}
