#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "each test file uses part of it; tests may panic"
)]
//! A node in a scratch directory, started and stopped as a person would.

use assert_cmd::cargo::CommandCargoExt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A bound on hangs, far above what any step takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// The workspace root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How many policies the starter library has.
pub fn starter_policies() -> usize {
    let site = Site::new();
    let policies = workspace().join("policies");
    let args = [
        "build",
        "-t",
        "plan",
        "-o",
        "out",
        "--format",
        "json",
        policies.to_str().unwrap(),
    ];
    let built: Vec<serde_json::Value> = serde_json::from_str(&site.run(&args).exits(0)).unwrap();
    built.len()
}

/// An example request body.
pub fn example(name: &str) -> Vec<u8> {
    std::fs::read(workspace().join("examples").join(name)).unwrap()
}

/// A scratch directory with the settings that keep tests apart.
pub struct Site {
    pub dir: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, with the directories above it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn data(&self) -> PathBuf {
        self.path().join(".stele")
    }

    /// A `stele` command in the directory, without the settings of whoever runs the tests.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("stele").unwrap();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STELE_")) {
            command.env_remove(name);
        }
        command.current_dir(self.path()).env("NO_COLOR", "1").args(args);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// A copy of the starter library in which a file says something else: its path.
    pub fn changed_library(&self, name: &str, file: &str, from: &str, to: &str) -> String {
        let dir = self.path().join(name);
        copy(&workspace().join("policies"), &dir);
        let text = std::fs::read_to_string(dir.join(file)).unwrap();
        assert!(text.contains(from));
        std::fs::write(dir.join(file), text.replace(from, to)).unwrap();
        dir.to_str().unwrap().to_owned()
    }

    /// Starts a node on free ports.
    pub fn up(&self) -> Node {
        self.up_with(&[])
    }

    pub fn up_with(&self, more: &[&str]) -> Node {
        Node::start(self.command(&Self::up_args(more)))
    }

    /// A node that ignores a signal from its start.
    pub fn up_ignoring(&self, signal: &str, more: &[&str]) -> Node {
        self.up_by(&format!("trap '' {signal}; exec \"$0\" \"$@\""), more)
    }

    /// A node whose standard error takes nothing, as a file on a full disk.
    pub fn up_unheard(&self, more: &[&str]) -> Node {
        self.up_by("exec \"$0\" \"$@\" 2>/dev/full", more)
    }

    /// A node that a line of shell starts.
    fn up_by(&self, shell: &str, more: &[&str]) -> Node {
        let stele = self.command(&[]);
        let mut command = Command::new("sh");
        command
            .args(["-c", shell])
            .arg(stele.get_program())
            .args(Self::up_args(more))
            .current_dir(self.path());
        for (name, value) in stele.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Node::start(command)
    }

    fn up_args<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec![
            "up",
            "--listen",
            "127.0.0.1:0",
            "--chain-listen",
            "127.0.0.1:0",
            "--set",
            "server.anchor.interval_ms=200",
        ];
        args.extend(more);
        args
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Asserts the exit code and returns the standard output.
    #[track_caller]
    pub fn exits(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self.out
    }

    /// Asserts the exit code and that each text stands on standard error.
    #[track_caller]
    pub fn fails(self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in:\n{}", self.err);
        }
    }
}

/// A running `stele up`; killed when dropped.
pub struct Node {
    child: Child,
    /// `host:port` of the decision point.
    pub address: String,
    /// What it printed until it was ready.
    pub banner: String,
}

impl Node {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.by_ref().map_while(Result::ok) {
            banner += &line;
            banner.push('\n');
            if line.starts_with("try:") {
                let address = field(&banner, "decision point")
                    .trim_start_matches("http://")
                    .to_owned();
                // Read on, or the node blocks on a full pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Self {
                    child,
                    address,
                    banner,
                };
            }
        }
        let _ = child.kill();
        child.wait().unwrap();
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        panic!("the node did not start:\n{banner}{errors}");
    }

    /// The URL of the chain.
    pub fn rpc(&self) -> String {
        let line = self
            .banner
            .lines()
            .find(|line| line.contains("chain id"))
            .unwrap();
        line.split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
            .to_owned()
    }

    /// One HTTP request on a connection of its own: status and body.
    pub fn http(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        self.try_http(method, path, body).unwrap()
    }

    pub fn try_http(&self, method: &str, path: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
        http(&self.address, method, path, body)
    }

    pub fn json(&self, method: &str, path: &str, body: &[u8]) -> serde_json::Value {
        let (status, text) = self.http(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Asks the admission policy about an example, and returns the decision's id.
    pub fn admit(&self, body: &str) -> String {
        self.decide("/v1/data/kubernetes/admission", body)
    }

    /// Asks for a decision on an example, and returns its id.
    pub fn decide(&self, path: &str, body: &str) -> String {
        let answer = self.json("POST", path, &example(body));
        answer["decision_id"].as_str().unwrap().to_owned()
    }

    /// Ctrl-C, and a clean end; what it logged.
    pub fn interrupt(mut self) -> String {
        signal(self.child.id(), "INT");
        let status = self.child.wait().unwrap();
        let mut errors = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        assert!(status.success(), "{status}\n{errors}");
        errors
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The word after a label of the banner.
fn field<'a>(banner: &'a str, label: &str) -> &'a str {
    let line = banner
        .lines()
        .find(|line| line.trim_start().starts_with(label))
        .unwrap();
    line.trim_start()
        .trim_start_matches(label)
        .split_whitespace()
        .next()
        .unwrap()
}

/// `kill -9`.
pub fn kill_9(pid: u32) {
    signal(pid, "KILL");
}

/// `kill`.
pub fn terminate(pid: u32) {
    signal(pid, "TERM");
}

pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// One HTTP/1.1 request without a client library.
pub fn http(address: &str, method: &str, path: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
    http_with(address, method, path, "", body)
}

/// [`http`] with more header lines, each with its `\r\n`.
pub fn http_with(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> std::io::Result<(u16, String)> {
    http_whole(address, method, path, headers, body).map(|(status, _, body)| (status, body))
}

/// [`http_with`], with the answer's header lines.
pub fn http_whole(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> std::io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or(std::io::ErrorKind::InvalidData)?;
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unchunk(body)
    } else {
        body.to_owned()
    };
    Ok((status, head.to_owned(), body))
}

fn unchunk(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        out += &rest[..size];
        body = rest[size..].trim_start_matches("\r\n");
    }
    out
}

/// A server that gives one answer, whatever it is asked, to one request. Returns its URL.
pub fn answering(head: &str, body: String) -> String {
    use std::io::{BufRead as _, BufReader};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let head = format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while request.read_line(&mut line).unwrap() > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        request.read_exact(&mut vec![0; length]).unwrap();
        request.get_mut().write_all((head + &body).as_bytes()).unwrap();
    });
    url
}

/// Tries until it succeeds; a bound on hangs, not a measurement.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
