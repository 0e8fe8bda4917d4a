//! The answers on the starter library, whole and damaged.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use lsp_types::MarkupKind;
use proptest::prelude::*;
use stele_rego::syntax::deps;

use crate::analysis::{self, Job};
use crate::document::{Document, FileId};
use crate::names::{Names, Target};
use crate::position::Encoding;
use crate::view::View;
use crate::workspace::Workspace;
use crate::{completion, editing, hover, navigation};

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../policies")
        .canonicalize()
        .unwrap()
}

fn workspace() -> Workspace {
    let mut workspace = Workspace::default();
    workspace.set_roots(vec![library()]);
    workspace
}

fn view(workspace: &Workspace, document: &Arc<Document>) -> View {
    View {
        document: document.clone(),
        set: workspace.set_of(&document.id),
        encoding: Encoding::Utf16,
    }
}

/// Every file of the library, with all its names.
fn each(mut look: impl FnMut(&View, &Names)) {
    let workspace = workspace();
    let documents = workspace.sets().remove(0).documents;
    assert!(documents.len() >= 15, "{}", documents.len());
    for document in &documents {
        let view = view(&workspace, document);
        let names = view.names(document.module.as_ref().unwrap());
        look(&view, &names);
    }
}

#[test]
fn every_called_function_of_the_library_is_known() {
    let mut calls = 0;
    each(|view, names| {
        let module = view.document.module.as_ref().unwrap();
        for (name, span) in deps::calls(module) {
            let end = span.end as usize;
            let found = names
                .at(end - 1)
                .unwrap_or_else(|| panic!("{name} in {}", view.document.source.name()));
            match &found.target {
                Target::Builtin(builtin) => assert_eq!(builtin.name, name),
                Target::Data(path) => assert!(
                    view.definitions(path).iter().any(|definition| {
                        let (_, rule) = definition.rule.expect("a rule");
                        rule.head.args.is_some()
                    }),
                    "{name}: {path:?}"
                ),
                other => panic!("{name}: {other:?}"),
            }
            calls += 1;
        }
    });
    assert!(calls > 300, "{calls}");
}

#[test]
fn every_name_of_the_library_is_found_among_the_references_to_its_definition() {
    let mut locals = 0;
    each(|view, names| {
        for found in &names.occurrences {
            let offset = found.span.start as usize;
            let here = view.location(&view.document, found.span);
            if let Target::Local(index) = found.target {
                let local = &names.locals[index];
                assert_eq!(view.document.source.slice(found.span), local.name.as_ref());
                assert!(local.scope.start <= found.span.start && found.span.end <= local.scope.end);
                assert_eq!(
                    navigation::definition(view, offset),
                    [view.location(&view.document, local.span)]
                );
                assert!(navigation::references(view, offset, true).contains(&here));
                locals += 1;
            }
            assert!(hover::hover(view, offset, MarkupKind::Markdown).is_some());
        }
    });
    assert!(locals > 500, "{locals}");
}

#[test]
fn the_library_has_no_errors() {
    let job = Job {
        sets: workspace().sets(),
        encoding: Encoding::Utf8,
        disabled: Arc::default(),
    };
    let found = analysis::analyse(&job);
    let severe = found
        .values()
        .flat_map(|file| &file.diagnostics)
        .filter(|found| found.severity == Some(lsp_types::DiagnosticSeverity::ERROR));
    assert_eq!(severe.count(), 0, "{found:?}");
}

/// A file of the library, cut and filled anywhere.
fn damaged() -> impl Strategy<Value = (FileId, String, usize)> {
    static FILES: OnceLock<Vec<Arc<Document>>> = OnceLock::new();
    let files = FILES.get_or_init(|| workspace().sets().remove(0).documents);
    let filling = prop_oneof![
        "[\\[\\]{}().,:=\"`#$|& \n\u{1d538}]{0,6}",
        "input\\.|data\\.|import |some x in |every x in y \\{|with |else := |default |\\[x \\| |\\$\"\\{",
    ];
    (
        any::<prop::sample::Index>(),
        0.0..1.0f64,
        0usize..200,
        filling,
        0.0..1.0f64,
    )
        .prop_map(move |(file, at, cut, filling, cursor)| {
            let document = file.get(files);
            let text = document.text();
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a text"
            )]
            let boundary =
                |share: f64, text: &str| text.floor_char_boundary((text.len() as f64 * share) as usize);
            let start = boundary(at, text);
            let end = text.ceil_char_boundary((start + cut).min(text.len()));
            let text = format!("{}{filling}{}", &text[..start], &text[end..]);
            // Most cursors are where something has just been typed.
            let cursor = if cursor < 0.5 {
                start + filling.len()
            } else {
                boundary(cursor, &text)
            };
            (document.id.clone(), text, cursor)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// No answer fails, whatever the text; and all places in answers are within the text.
    #[test]
    fn damaged_files_have_answers((id, text, cursor) in damaged()) {
        let mut workspace = workspace();
        let uri = id.uri().unwrap();
        workspace.open(&uri, Some(1), text);
        let document = workspace.document(&uri).unwrap();
        let view = view(&workspace, &document);
        let _ = hover::hover(&view, cursor, MarkupKind::PlainText);
        for location in navigation::references(&view, cursor, true) {
            let document = workspace.document(&location.uri).unwrap();
            let offset = document.offset(location.range.start, Encoding::Utf16);
            let back = document.lines.position(document.text(), offset, Encoding::Utf16);
            prop_assert_eq!(back, location.range.start);
        }
        let _ = navigation::definition(&view, cursor);
        let _ = navigation::symbols(&view);
        for item in completion::completion(&view, cursor) {
            let Some(lsp_types::CompletionTextEdit::Edit(edit)) = item.text_edit else {
                return Err(TestCaseError::fail("a proposal without an edit"));
            };
            prop_assert_eq!(document.offset(edit.range.end, Encoding::Utf16), cursor);
            prop_assert_eq!(edit.range.start.line, edit.range.end.line);
        }
        let edits = editing::format(&document, Encoding::Utf16);
        prop_assert!(edits.is_empty() || document.is_sound());
        let job = Job { sets: workspace.sets(), encoding: Encoding::Utf16, disabled: Arc::default() };
        let found = analysis::analyse(&job);
        prop_assert_eq!(found[&id].diagnostics.is_empty() && !document.is_sound(), false);
    }
}
