//! Which message is served by what.

use std::io::Write;

use lsp_server::{ErrorCode, Message, Notification, Request};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidChangeWorkspaceFolders, DidCloseTextDocument,
    DidOpenTextDocument, Initialized, Notification as NotificationMethod,
};
use lsp_types::request::{
    CodeActionRequest, Completion, DocumentHighlightRequest, DocumentSymbolRequest, Formatting,
    GotoDefinition, HoverRequest, Initialize, References, RegisterCapability, Request as RequestMethod,
    ResolveCompletionItem, Shutdown,
};
use lsp_types::{
    CodeActionOrCommand, CompletionResponse, DidChangeWatchedFilesRegistrationOptions, DocumentSymbol,
    DocumentSymbolResponse, FileSystemWatcher, GlobPattern, GotoDefinitionResponse, InitializeParams,
    Location, Registration, RegistrationParams, SymbolInformation, TextDocumentPositionParams, Uri,
};
use serde_json::Value;

use crate::completion::About;
use crate::document::changed;
use crate::server::{Phase, Server, warning};
use crate::session::Session;
use crate::view::View;
use crate::{completion, editing, hover, navigation};

/// Why a request fails.
pub(crate) type Failure = (ErrorCode, String);

impl<W: Write> Server<W> {
    /// Serves a request; returns its result.
    pub(crate) fn request(&mut self, request: Request) -> Result<Value, Failure> {
        let method = request.method.as_str();
        match &self.phase {
            Phase::New if method == Initialize::METHOD => return self.initialize(request.params),
            Phase::New => {
                let reason = "the first request must be `initialize`".to_owned();
                return Err((ErrorCode::ServerNotInitialized, reason));
            }
            Phase::ShutDown => {
                return Err((ErrorCode::InvalidRequest, "the server is shut down".to_owned()));
            }
            Phase::Running(_) => {}
        }
        match method {
            Shutdown::METHOD => {
                self.phase = Phase::ShutDown;
                Ok(Value::Null)
            }
            Initialize::METHOD => Err((
                ErrorCode::InvalidRequest,
                "the server is initialized already".to_owned(),
            )),
            _ => self.question(request),
        }
    }

    /// A request about a file.
    fn question(&mut self, request: Request) -> Result<Value, Failure> {
        let Request { method, params, .. } = request;
        match method.as_str() {
            HoverRequest::METHOD => answer::<HoverRequest>(params, |params| {
                let (view, offset, session) = self.at(&params.text_document_position_params)?;
                hover::hover(&view, offset, session.hover.clone())
            }),
            GotoDefinition::METHOD => answer::<GotoDefinition>(params, |params| {
                let (view, offset, _) = self.at(&params.text_document_position_params)?;
                let found = navigation::definition(&view, offset);
                some(found).map(GotoDefinitionResponse::Array)
            }),
            References::METHOD => answer::<References>(params, |params| {
                let (view, offset, _) = self.at(&params.text_document_position)?;
                let with_declarations = params.context.include_declaration;
                some(navigation::references(&view, offset, with_declarations))
            }),
            DocumentHighlightRequest::METHOD => answer::<DocumentHighlightRequest>(params, |params| {
                let (view, offset, _) = self.at(&params.text_document_position_params)?;
                some(navigation::highlights(&view, offset))
            }),
            DocumentSymbolRequest::METHOD => answer::<DocumentSymbolRequest>(params, |params| {
                let (view, session) = self.view(&params.text_document.uri)?;
                let symbols = navigation::symbols(&view);
                Some(if session.nested_symbols {
                    DocumentSymbolResponse::Nested(symbols)
                } else {
                    DocumentSymbolResponse::Flat(flat(&symbols, &view.document.uri))
                })
            }),
            Completion::METHOD => answer::<Completion>(params, |params| {
                let (view, offset, _) = self.at(&params.text_document_position)?;
                let found = completion::completion(&view, offset);
                Some(CompletionResponse::Array(found))
            }),
            ResolveCompletionItem::METHOD => answer::<ResolveCompletionItem>(params, |mut item| {
                let about = item
                    .data
                    .clone()
                    .and_then(|data| serde_json::from_value(data).ok());
                item.documentation = about.and_then(|about: About| {
                    let (view, session) = self.view(&about.uri)?;
                    completion::documentation(&view, &about, session.proposal.clone())
                });
                item
            }),
            Formatting::METHOD => answer::<Formatting>(params, |params| {
                let (view, _) = self.view(&params.text_document.uri)?;
                Some(editing::format(&view.document, view.encoding))
            }),
            CodeActionRequest::METHOD => answer::<CodeActionRequest>(params, |params| {
                let (view, _) = self.view(&params.text_document.uri)?;
                let found = editing::actions(&view.document, &params.context.diagnostics, view.encoding);
                Some(found.into_iter().map(CodeActionOrCommand::CodeAction).collect())
            }),
            other => Err((ErrorCode::MethodNotFound, format!("`{other}` is not supported"))),
        }
    }

    fn initialize(&mut self, params: Value) -> Result<Value, Failure> {
        let params: InitializeParams = read::<Initialize>(params)?;
        let (session, complaint) = Session::new(&params);
        if let Some(complaint) = &complaint {
            tracing::warn!("{complaint}");
        }
        let answer = serde_json::to_value(session.answer())
            .map_err(|error| (ErrorCode::InternalError, error.to_string()))?;
        self.complaint = complaint;
        self.phase = Phase::Running(Box::new(session));
        Ok(answer)
    }

    /// Serves a notification; returns what is to be sent then.
    pub(crate) fn notification(&mut self, notification: Notification) -> Result<Vec<Message>, String> {
        let Phase::Running(session) = &mut self.phase else {
            return Ok(Vec::new());
        };
        let Notification { method, params } = notification;
        match method.as_str() {
            Initialized::METHOD => {
                let watch = session.watches_files;
                let roots = session.roots();
                self.workspace.set_roots(roots);
                self.touch();
                let complaint = self.complaint.take().map(warning);
                return Ok(complaint.into_iter().chain(watch.then(watch_files)).collect());
            }
            DidOpenTextDocument::METHOD => {
                let document = noted::<DidOpenTextDocument>(params)?.text_document;
                if document.language_id == "rego" || document.uri.as_str().ends_with(".rego") {
                    self.workspace
                        .open(&document.uri, Some(document.version), document.text);
                    self.touch();
                }
            }
            DidChangeTextDocument::METHOD => {
                let params = noted::<DidChangeTextDocument>(params)?;
                let uri = params.text_document.uri;
                let document = self.workspace.open_document(&uri);
                let document = document.ok_or_else(|| format!("{} is not open", uri.as_str()))?;
                let text = changed(document.text(), params.content_changes, session.encoding);
                self.workspace
                    .open(&uri, Some(params.text_document.version), text);
                self.touch();
            }
            DidCloseTextDocument::METHOD => {
                let params = noted::<DidCloseTextDocument>(params)?;
                self.workspace.close(&params.text_document.uri);
                self.touch();
            }
            DidChangeWatchedFiles::METHOD => {
                let changes = noted::<DidChangeWatchedFiles>(params)?.changes;
                for change in &changes {
                    self.workspace.changed_on_disk(&change.uri);
                }
                self.touch();
            }
            DidChangeWorkspaceFolders::METHOD => {
                let event = noted::<DidChangeWorkspaceFolders>(params)?.event;
                let uris = |folders: Vec<lsp_types::WorkspaceFolder>| -> Vec<Uri> {
                    folders.into_iter().map(|folder| folder.uri).collect()
                };
                session.change_folders(&uris(event.added), &uris(event.removed));
                let roots = session.roots();
                if roots != self.workspace.roots() {
                    self.workspace.set_roots(roots);
                    self.touch();
                }
            }
            // The others (saves, configuration, traces) change nothing here.
            _ => {}
        }
        Ok(Vec::new())
    }

    fn view(&self, uri: &Uri) -> Option<(View, &Session)> {
        let Phase::Running(session) = &self.phase else {
            return None;
        };
        let document = self.workspace.document(uri)?;
        let view = View {
            set: self.workspace.set_of(&document.id),
            document,
            encoding: session.encoding,
        };
        Some((view, session))
    }

    fn at(&self, place: &TextDocumentPositionParams) -> Option<(View, usize, &Session)> {
        let (view, session) = self.view(&place.text_document.uri)?;
        let offset = view.document.offset(place.position, session.encoding);
        Some((view, offset, session))
    }
}

/// Reads a request's parameters, asks, and writes the result.
fn answer<R: RequestMethod>(
    params: Value,
    ask: impl FnOnce(R::Params) -> R::Result,
) -> Result<Value, Failure> {
    let result = ask(read::<R>(params)?);
    serde_json::to_value(result).map_err(|error| (ErrorCode::InternalError, error.to_string()))
}

fn read<R: RequestMethod>(params: Value) -> Result<R::Params, Failure> {
    serde_json::from_value(params)
        .map_err(|error| (ErrorCode::InvalidParams, format!("{}: {error}", R::METHOD)))
}

fn noted<N: NotificationMethod>(params: Value) -> Result<N::Params, String> {
    serde_json::from_value(params).map_err(|error| error.to_string())
}

fn some<T>(found: Vec<T>) -> Option<Vec<T>> {
    (!found.is_empty()).then_some(found)
}

/// Asks the client to watch what belongs to policies.
fn watch_files() -> Message {
    let watchers = ["**/*.rego", "**/data.{json,yaml,yml}"].map(|glob| FileSystemWatcher {
        glob_pattern: GlobPattern::String(glob.to_owned()),
        kind: None,
    });
    let options = DidChangeWatchedFilesRegistrationOptions {
        watchers: watchers.to_vec(),
    };
    let registration = Registration {
        id: "files".to_owned(),
        method: DidChangeWatchedFiles::METHOD.to_owned(),
        register_options: serde_json::to_value(options).ok(),
    };
    let params = RegistrationParams {
        registrations: vec![registration],
    };
    Message::Request(Request::new(
        "watch".to_owned().into(),
        RegisterCapability::METHOD.to_owned(),
        params,
    ))
}

/// Symbols for clients that show no symbols in symbols.
#[allow(deprecated, reason = "the protocol's type has a field that it deprecates")]
fn flat(symbols: &[DocumentSymbol], uri: &Uri) -> Vec<SymbolInformation> {
    let mut out = Vec::new();
    for symbol in symbols {
        out.push(SymbolInformation {
            name: symbol.name.clone(),
            kind: symbol.kind,
            tags: None,
            deprecated: None,
            location: Location::new(uri.clone(), symbol.range),
            container_name: None,
        });
        out.extend(flat(symbol.children.as_deref().unwrap_or_default(), uri));
    }
    out
}
