//! Edits: formatting, and mending what lint rules find.

use std::collections::HashMap;

use lsp_types::{
    CodeAction, CodeActionKind, Diagnostic, NumberOrString, Position, Range, TextEdit, WorkspaceEdit,
};
use similar::{DiffOp, TextDiff};
use stele_policy::lint;
use stele_rego::format::{self, FormatError};

use crate::document::Document;
use crate::position::Encoding;

/// The edits that format a document, one for each run of lines that changes; none when it does not parse.
pub(crate) fn format(document: &Document, encoding: Encoding) -> Vec<TextEdit> {
    match format::format(&document.source) {
        Ok(formatted) => edits(document, &formatted, encoding),
        Err(FormatError::Syntax(_)) => Vec::new(),
        Err(error @ FormatError::Changed { .. }) => {
            tracing::error!("{error}");
            Vec::new()
        }
    }
}

fn edits(document: &Document, formatted: &str, encoding: Encoding) -> Vec<TextEdit> {
    let diff = TextDiff::from_lines(document.text(), formatted);
    let old: Vec<&str> = diff.old_slices().to_vec();
    let new: Vec<&str> = diff.new_slices().to_vec();
    let mut starts = vec![0usize];
    let mut end = 0usize;
    for line in &old {
        end = end.saturating_add(line.len());
        starts.push(end);
    }
    let position = |line: usize| {
        let offset = starts.get(line).copied().unwrap_or(end);
        document.lines.position(document.text(), offset, encoding)
    };
    let changes = diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    changes
        .map(|op| {
            let (gone, come) = (op.old_range(), op.new_range());
            TextEdit {
                range: Range::new(position(gone.start), position(gone.end)),
                new_text: new.get(come).unwrap_or_default().concat(),
            }
        })
        .collect()
}

/// Removes imports that the diagnostics call useless.
pub(crate) fn actions(
    document: &Document,
    diagnostics: &[Diagnostic],
    encoding: Encoding,
) -> Vec<CodeAction> {
    let useless = [lint::UNUSED_IMPORT.id, lint::V0_IMPORT.id];
    diagnostics
        .iter()
        .filter(|diagnostic| {
            matches!(&diagnostic.code, Some(NumberOrString::String(code)) if useless.contains(&code.as_str()))
        })
        .filter_map(|diagnostic| remove_import(document, diagnostic, encoding))
        .collect()
}

fn remove_import(document: &Document, diagnostic: &Diagnostic, encoding: Encoding) -> Option<CodeAction> {
    let offset = document.offset(diagnostic.range.start, encoding);
    let offset = u32::try_from(offset).ok()?;
    let imports = &document.module.as_ref()?.imports;
    let import = imports.iter().find(|import| import.span.start == offset)?;
    let text = document.source.slice(import.span).trim();
    let edit = TextEdit {
        range: without_line(document, &diagnostic.range.start, import.span.range(), encoding),
        new_text: String::new(),
    };
    Some(CodeAction {
        title: format!("Remove `{text}`"),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic.clone()]),
        edit: Some(WorkspaceEdit {
            #[allow(clippy::mutable_key_type, reason = "the protocol's type is a map of URIs")]
            changes: Some(HashMap::from([(document.uri.clone(), vec![edit])])),
            ..WorkspaceEdit::default()
        }),
        is_preferred: Some(true),
        ..CodeAction::default()
    })
}

/// The clause's range; its whole line if nothing else stands on it.
fn without_line(
    document: &Document,
    start: &Position,
    clause: std::ops::Range<usize>,
    encoding: Encoding,
) -> Range {
    let text = document.text();
    let line = document
        .lines
        .whole_line(usize::try_from(start.line).unwrap_or(usize::MAX));
    let before = text.get(line.start..clause.start).unwrap_or("x");
    let after = text.get(clause.end..line.end).unwrap_or("x");
    let alone = before.trim().is_empty() && after.trim().is_empty();
    let bytes = if alone { line } else { clause };
    Range::new(
        document.lines.position(text, bytes.start, encoding),
        document.lines.position(text, bytes.end, encoding),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::FileId;
    use lsp_types::Uri;
    use std::str::FromStr;

    fn document(text: &str) -> Document {
        let uri = Uri::from_str("untitled:1").unwrap();
        Document::new(FileId::of(&uri), uri, None, "t.rego", text.to_owned())
    }

    /// Applies edits as a client does: all to the old text.
    fn apply(document: &Document, edits: &[TextEdit], encoding: Encoding) -> String {
        let mut text = document.text().to_owned();
        for edit in edits.iter().rev() {
            let start = document.offset(edit.range.start, encoding);
            let end = document.offset(edit.range.end, encoding);
            text.replace_range(start..end, &edit.new_text);
        }
        text
    }

    #[test]
    fn edits_make_the_formatted_text_and_leave_other_lines_alone() {
        for text in [
            "package a\n\np:=1 # \u{1d538}\n\nq := 2\nr   :=   3",
            "package a\r\np if {\r\n  input.x\r\n}\r\n",
            "package   a\n\n\n\nimport data.z\nimport data.b\n\nx := [\n1,2]\n\n\n",
        ] {
            let document = document(text);
            let formatted = format::format(&document.source).unwrap();
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                let edits = super::format(&document, encoding);
                assert_eq!(apply(&document, &edits, encoding), formatted, "{text:?}");
            }
        }
        let edits = super::format(&document("package a\n\np := 1\n\nq:=2\n"), Encoding::Utf16);
        assert_eq!(edits.len(), 1);
        assert_eq!(edits[0].range.start.line, 4);
        assert!(super::format(&document("package a\n\np := 1\n"), Encoding::Utf16).is_empty());
        assert!(super::format(&document("package a\n\np  :=\n"), Encoding::Utf16).is_empty());
    }
}
