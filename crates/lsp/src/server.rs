//! The life of a server: messages in, messages out, and diagnostics in between.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{Notification as _, PublishDiagnostics, ShowMessage};
use lsp_types::{MessageType, PublishDiagnosticsParams, ShowMessageParams};

use crate::Exit;
use crate::analysis::{self, FileDiagnostics, Job};
use crate::document::FileId;
use crate::queue::Queue;
use crate::session::Session;
use crate::transport::{self, Incoming};
use crate::workspace::Workspace;

/// How long the server waits for further changes before it looks for diagnostics.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// Syntax trees may be [`stele_rego::ast::MAX_HEIGHT`] nodes high, and the checks are recursive.
const WORKER_STACK: usize = 32 << 20;

/// The diagnostics of all files.
type Diagnostics = BTreeMap<FileId, FileDiagnostics>;

enum Event {
    Incoming(Incoming),
    /// `None`: the search for diagnostics failed.
    Analysed(Option<Diagnostics>),
}

/// Where in its life the server is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The client has not introduced itself.
    New,
    Running(Box<Session>),
    /// The client wants to go.
    ShutDown,
}

pub(crate) struct Server<W> {
    output: W,
    pub(crate) phase: Phase,
    pub(crate) workspace: Workspace,
    /// What is wrong with the client's settings; said once it listens.
    pub(crate) complaint: Option<String>,
    published: Diagnostics,
    jobs: Sender<Job>,
    /// A search for diagnostics is under way.
    busy: bool,
    /// When the next search is due.
    due: Option<Instant>,
}

pub(crate) fn run(input: impl Read + Send + 'static, output: impl Write) -> io::Result<Exit> {
    let (events, inbox) = mpsc::channel();
    let (jobs, job_inbox) = mpsc::channel();
    spawn_worker(job_inbox, events.clone())?;
    spawn_reader(input, events)?;
    let mut server = Server {
        output,
        phase: Phase::New,
        workspace: Workspace::default(),
        complaint: None,
        published: BTreeMap::new(),
        jobs,
        busy: false,
        due: None,
    };
    server.run(&inbox)
}

fn spawn_reader(input: impl Read + Send + 'static, events: Sender<Event>) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let read = move || {
        loop {
            let incoming = transport::read(&mut input);
            let end = matches!(incoming, Incoming::End);
            if events.send(Event::Incoming(incoming)).is_err() || end {
                break;
            }
        }
    };
    std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(read)
        .map(drop)
}

fn spawn_worker(jobs: Receiver<Job>, events: Sender<Event>) -> io::Result<()> {
    let work = move || {
        for job in jobs {
            let found = catch_unwind(AssertUnwindSafe(|| analysis::analyse(&job)));
            if events.send(Event::Analysed(found.ok())).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new()
        .name("diagnostics".to_owned())
        .stack_size(WORKER_STACK)
        .spawn(work)
        .map(drop)
}

impl<W: Write> Server<W> {
    fn run(&mut self, inbox: &Receiver<Event>) -> io::Result<Exit> {
        let mut queue = Queue::default();
        loop {
            // Everything that has come in is taken before the next message is served: a cancellation may be among it.
            match self.receive(inbox, &queue) {
                Ok(Event::Incoming(incoming)) => {
                    if let Some(answer) = queue.push(incoming) {
                        self.send(Message::Response(answer))?;
                    }
                }
                Ok(Event::Analysed(found)) => {
                    self.busy = false;
                    if let Some(found) = found {
                        self.publish(found)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => match queue.pop() {
                    Some(incoming) => {
                        if let Some(exit) = self.serve(incoming)? {
                            return Ok(exit);
                        }
                    }
                    None => self.analyse(),
                },
                Err(RecvTimeoutError::Disconnected) => return Ok(self.exit()),
            }
        }
    }

    fn receive(&self, inbox: &Receiver<Event>, queue: &Queue) -> Result<Event, RecvTimeoutError> {
        let due = self.due.filter(|_| !self.busy);
        let wait = match due {
            _ if !queue.is_empty() => Duration::ZERO,
            Some(due) => due.saturating_duration_since(Instant::now()),
            None => return inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        inbox.recv_timeout(wait)
    }

    fn exit(&self) -> Exit {
        match self.phase {
            Phase::ShutDown => Exit::Orderly,
            _ => Exit::Abrupt,
        }
    }

    fn serve(&mut self, incoming: Incoming) -> io::Result<Option<Exit>> {
        match incoming {
            Incoming::Message(Message::Request(request)) => {
                let answer = self.answer(request);
                self.send(Message::Response(answer))?;
            }
            Incoming::Message(Message::Notification(notification)) => {
                if notification.method == lsp_types::notification::Exit::METHOD {
                    return Ok(Some(self.exit()));
                }
                self.notified(notification)?;
            }
            // The only request that the server sends is for file watching, and it goes on without.
            Incoming::Message(Message::Response(response)) => {
                if let Err(error) = response.response_result {
                    tracing::warn!("the client refused a request: {}", error.message);
                }
            }
            Incoming::Malformed(code, reason) => {
                tracing::warn!("a message that can't be read: {reason}");
                transport::write_error(&mut self.output, code, &reason)?;
            }
            Incoming::End => return Ok(Some(self.exit())),
        }
        Ok(None)
    }

    fn answer(&mut self, request: Request) -> Response {
        let (id, method) = (request.id.clone(), request.method.clone());
        let answer = catch_unwind(AssertUnwindSafe(|| self.request(request)));
        match answer {
            Ok(Ok(result)) => Response::new_ok(id, result),
            Ok(Err((code, reason))) => Response::new_err(id, code as i32, reason),
            Err(_) => {
                let reason = format!("{method} failed; the log says where");
                Response::new_err(id, ErrorCode::InternalError as i32, reason)
            }
        }
    }

    fn notified(&mut self, notification: Notification) -> io::Result<()> {
        let method = notification.method.clone();
        match catch_unwind(AssertUnwindSafe(|| self.notification(notification))) {
            Ok(Ok(messages)) => messages.into_iter().try_for_each(|message| self.send(message)),
            Ok(Err(reason)) => {
                tracing::warn!("{method}: {reason}");
                Ok(())
            }
            // What went wrong is in the log already.
            Err(_) => Ok(()),
        }
    }

    fn send(&mut self, message: Message) -> io::Result<()> {
        transport::write(&mut self.output, message)
    }

    /// Something changed: diagnostics are due when nothing more does for a while.
    pub(crate) fn touch(&mut self) {
        self.due = Instant::now().checked_add(DEBOUNCE);
    }

    /// Looks for diagnostics, in the background.
    fn analyse(&mut self) {
        self.due = None;
        let Phase::Running(session) = &self.phase else {
            return;
        };
        let job = Job {
            sets: self.workspace.sets(),
            encoding: session.encoding,
            disabled: session.disabled.clone(),
        };
        self.busy = self.jobs.send(job).is_ok();
    }

    /// Tells the client what has changed since it was told last.
    fn publish(&mut self, found: Diagnostics) -> io::Result<()> {
        if !matches!(self.phase, Phase::Running(_)) {
            return Ok(());
        }
        let mut messages = Vec::new();
        for (id, file) in &self.published {
            if !found.contains_key(id) && !file.diagnostics.is_empty() {
                messages.push(diagnostics(&FileDiagnostics {
                    uri: file.uri.clone(),
                    version: None,
                    diagnostics: Vec::new(),
                }));
            }
        }
        for (id, file) in &found {
            let told = match self.published.get(id) {
                Some(last) => last == file,
                None => file.diagnostics.is_empty() && file.version.is_none(),
            };
            if !told {
                messages.push(diagnostics(file));
            }
        }
        self.published = found;
        messages.into_iter().try_for_each(|message| self.send(message))
    }
}

fn diagnostics(file: &FileDiagnostics) -> Message {
    let params = PublishDiagnosticsParams::new(file.uri.clone(), file.diagnostics.clone(), file.version);
    Message::Notification(Notification::new(PublishDiagnostics::METHOD.to_owned(), params))
}

/// A word to the person at the editor.
pub(crate) fn warning(text: String) -> Message {
    let params = ShowMessageParams {
        typ: MessageType::WARNING,
        message: text,
    };
    Message::Notification(Notification::new(ShowMessage::METHOD.to_owned(), params))
}
