//! What client and server agree on when they meet.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use lsp_types::{
    ClientCapabilities, CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CompletionOptions,
    HoverProviderCapability, InitializeParams, InitializeResult, MarkupKind, OneOf, ServerCapabilities,
    ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};
use serde::Deserialize;

use crate::document::FileId;
use crate::position::Encoding;

/// The settings that a client may send as `initializationOptions`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Directories of policies, relative to the workspace folders; the folders themselves when there are none.
    roots: Vec<PathBuf>,
    lint: LintSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LintSettings {
    /// Ids of rules to leave out.
    disable: BTreeSet<String>,
}

/// What was agreed on.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) encoding: Encoding,
    /// The form of texts in hovers.
    pub(crate) hover: MarkupKind,
    /// The form of texts in proposals.
    pub(crate) proposal: MarkupKind,
    /// The client shows symbols in symbols.
    pub(crate) nested_symbols: bool,
    /// The client can be asked to watch files.
    pub(crate) watches_files: bool,
    /// Ids of lint rules to leave out.
    pub(crate) disabled: Arc<BTreeSet<String>>,
    folders: Vec<PathBuf>,
    below: Vec<PathBuf>,
}

impl Session {
    /// The session, and what is wrong with the client's settings.
    pub(crate) fn new(params: &InitializeParams) -> (Self, Option<String>) {
        let capabilities = &params.capabilities;
        let (options, complaint) = options(params);
        let text = capabilities.text_document.as_ref();
        let hover = text.and_then(|text| text.hover.as_ref()?.content_format.as_deref());
        let proposal = text.and_then(|text| {
            let completion = text.completion.as_ref()?.completion_item.as_ref()?;
            completion.documentation_format.as_deref()
        });
        let session = Self {
            encoding: Encoding::choose(
                capabilities
                    .general
                    .as_ref()
                    .and_then(|general| general.position_encodings.as_deref()),
            ),
            hover: markup(hover),
            proposal: markup(proposal),
            nested_symbols: text
                .and_then(|text| {
                    text.document_symbol
                        .as_ref()?
                        .hierarchical_document_symbol_support
                })
                .unwrap_or(false),
            watches_files: watches_files(capabilities),
            disabled: Arc::new(options.lint.disable),
            folders: folders(params),
            below: options.roots,
        };
        (session, complaint)
    }

    /// The directories whose files are read.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        if self.below.is_empty() {
            return self.folders.clone();
        }
        let folders = self.folders.iter();
        let roots = folders.flat_map(|folder| self.below.iter().map(move |below| folder.join(below)));
        roots.filter(|root| root.is_dir()).collect()
    }

    /// Folders came and went.
    pub(crate) fn change_folders(&mut self, added: &[Uri], removed: &[Uri]) {
        let removed: Vec<PathBuf> = removed.iter().filter_map(directory).collect();
        self.folders.retain(|folder| !removed.contains(folder));
        for folder in added.iter().filter_map(directory) {
            if !self.folders.contains(&folder) {
                self.folders.push(folder);
            }
        }
    }

    pub(crate) fn answer(&self) -> InitializeResult {
        InitializeResult {
            capabilities: capabilities(self.encoding),
            server_info: Some(ServerInfo {
                name: "stele".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        }
    }
}

fn options(params: &InitializeParams) -> (Options, Option<String>) {
    let Some(value) = params
        .initialization_options
        .clone()
        .filter(|value| !value.is_null())
    else {
        return (Options::default(), None);
    };
    match serde_json::from_value(value) {
        Ok(options) => (options, None),
        Err(error) => {
            let complaint = format!(
                "stele lsp ignores its initialization options: {error}; \
                 the form is {{\"roots\": [DIRECTORY], \"lint\": {{\"disable\": [RULE]}}}}"
            );
            (Options::default(), Some(complaint))
        }
    }
}

#[allow(deprecated, reason = "older clients name one root only")]
fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    match &params.workspace_folders {
        Some(folders) => folders
            .iter()
            .filter_map(|folder| directory(&folder.uri))
            .collect(),
        None => {
            let root = params.root_uri.as_ref().and_then(directory);
            let path = params.root_path.as_ref().map(PathBuf::from);
            root.or(path).into_iter().collect()
        }
    }
}

fn directory(uri: &Uri) -> Option<PathBuf> {
    match FileId::of(uri) {
        FileId::Path(path) => Some(path),
        FileId::Other(_) => None,
    }
}

/// Clients list the forms that they know, the best first.
fn markup(known: Option<&[MarkupKind]>) -> MarkupKind {
    known
        .and_then(<[MarkupKind]>::first)
        .cloned()
        .unwrap_or(MarkupKind::PlainText)
}

fn watches_files(capabilities: &ClientCapabilities) -> bool {
    capabilities
        .workspace
        .as_ref()
        .and_then(|workspace| workspace.did_change_watched_files.as_ref()?.dynamic_registration)
        .unwrap_or(false)
}

fn capabilities(encoding: Encoding) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            ..TextDocumentSyncOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            resolve_provider: Some(true),
            trigger_characters: Some(vec![".".to_owned()]),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            ..WorkspaceServerCapabilities::default()
        }),
        ..ServerCapabilities::default()
    }
}
