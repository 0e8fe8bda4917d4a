#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "each test file uses part of it; tests may panic"
)]
//! A client of `stele lsp`, over the process's standard input and output.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A bound on hangs, far above what any step takes.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Client {
    process: Child,
    input: Option<ChildStdin>,
    inbox: Receiver<Value>,
    /// What came while something else was waited for.
    stash: Vec<Value>,
    next_id: i64,
}

impl Client {
    pub fn spawn(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let (sender, inbox) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Self {
            input: process.stdin.take(),
            process,
            inbox,
            stash: Vec::new(),
            next_id: 0,
        }
    }

    /// Introduces itself as an editor of the folder `root`, with these capabilities and options.
    pub fn initialize(&mut self, root: &Path, capabilities: Value, options: Value) -> Value {
        let answer = self.request(
            "initialize",
            json!({
                "processId": null,
                "capabilities": capabilities,
                "initializationOptions": options,
                "workspaceFolders": [{ "uri": uri(root), "name": "root" }],
            }),
        );
        self.notify("initialized", json!({}));
        answer
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    pub fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and returns the whole answer.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.wait(&format!("the answer to {method}"), |message| {
            message["id"] == id && message.get("method").is_none()
        })
    }

    /// Sends a request, which must succeed, and returns its result.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The first message that fits, of those stashed and those to come.
    #[track_caller]
    pub fn wait(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.stash.iter().position(&fits) {
            return self.stash.remove(at);
        }
        loop {
            let message = self.inbox.recv_timeout(PATIENCE);
            let message = message.unwrap_or_else(|error| panic!("{what}: {error}; had {:?}", self.stash));
            if fits(&message) {
                return message;
            }
            self.stash.push(message);
        }
    }

    /// What has come and nobody has waited for.
    pub fn unclaimed(&mut self) -> &[Value] {
        self.stash.extend(self.inbox.try_iter());
        &self.stash
    }

    pub fn open(&mut self, path: &Path, text: &str) {
        let document = json!({ "uri": uri(path), "languageId": "rego", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Replaces the whole text.
    pub fn change(&mut self, path: &Path, version: i64, text: &str) {
        self.edit(path, version, json!([{ "text": text }]));
    }

    pub fn edit(&mut self, path: &Path, version: i64, changes: Value) {
        let document = json!({ "uri": uri(path), "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.notify("textDocument/didChange", params);
    }

    /// The diagnostics of a version of a file: `line:column-line:column severity[code] message`.
    #[track_caller]
    pub fn diagnostics(&mut self, path: &Path, version: Option<i64>) -> Vec<String> {
        let uri = uri(path);
        let message = self.wait(&format!("diagnostics of {uri} {version:?}"), |message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
                && message["params"]["version"].as_i64() == version
        });
        let found = message["params"]["diagnostics"].as_array().unwrap();
        found.iter().map(shown).collect()
    }

    /// A request about a place in a file.
    #[track_caller]
    pub fn at(&mut self, method: &str, path: &Path, (line, character): (usize, usize)) -> Value {
        let params = json!({
            "textDocument": { "uri": uri(path) },
            "position": { "line": line, "character": character },
            "context": { "includeDeclaration": true, "triggerKind": 1 },
        });
        self.request(method, params)
    }

    /// Shuts the server down and returns how it exited.
    pub fn shut_down(mut self) -> ExitStatus {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.exit().0
    }

    /// Waits for the server's end; its status and what it wrote to standard error.
    pub fn exit(mut self) -> (ExitStatus, String) {
        self.input = None;
        let status = self.process.wait().unwrap();
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (status, log)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn shown(found: &Value) -> String {
    let at = |place: &Value| format!("{}:{}", place["line"], place["character"]);
    format!(
        "{}-{} {}[{}] {}",
        at(&found["range"]["start"]),
        at(&found["range"]["end"]),
        found["severity"],
        found["code"].as_str().unwrap(),
        found["message"].as_str().unwrap().replace('\n', " / "),
    )
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        // Nothing but messages may be on standard output.
        let line = line
            .strip_suffix("\r\n")
            .unwrap_or_else(|| panic!("not a header: {line:?}"));
        if line.is_empty() {
            break;
        }
        length = line
            .strip_prefix("Content-Length: ")
            .map(|n| n.parse::<usize>().unwrap());
    }
    let mut body = vec![0; length.expect("a length")];
    output.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("JSON"))
}
