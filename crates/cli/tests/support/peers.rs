#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses part of it; tests may panic"
)]
//! Real programs that the tests run against, as `stele_testkit::peers` finds them.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use stele_testkit::peers::{directory, foundry, installed, missing};

/// A real program, ready to run.
pub struct Peer {
    program: PathBuf,
    first: Vec<PathBuf>,
}

impl Peer {
    /// A program of Foundry's.
    pub fn foundry(name: &str) -> Option<Self> {
        foundry(name).map(Self::plain)
    }

    /// Node.js running a script of `tests/clients`, which needs an npm package.
    pub fn node(script: &str, package: &str) -> Option<Self> {
        installed(&format!("node_modules/{package}/package.json"), package)?;
        if let Err(error) = Command::new("node").arg("--version").output() {
            return missing("Node.js", &format!("`node --version`: {error}"));
        }
        Some(Self {
            program: "node".into(),
            first: vec![client(script)],
        })
    }

    /// The peers' Python running a script of `tests/clients`, which needs a module.
    pub fn python(script: &str, module: &str) -> Option<Self> {
        let program = installed("python/bin/python", "Python")?;
        let import = Command::new(&program)
            .args(["-I", "-c", &format!("import {module}")])
            .output();
        match import {
            Ok(output) if output.status.success() => Some(Self {
                program,
                // Isolated from the packages and variables of whoever runs the tests.
                first: vec!["-I".into(), client(script)],
            }),
            Ok(output) => missing(module, &String::from_utf8_lossy(&output.stderr)),
            Err(error) => missing(module, &error.to_string()),
        }
    }

    /// The peers' Python running any script, with nothing but its standard library.
    pub fn python_alone(script: PathBuf) -> Option<Self> {
        Some(Self {
            program: installed("python/bin/python", "Python")?,
            first: vec!["-I".into(), script],
        })
    }

    /// Headless Chromium, driven by `tests/clients/browser.py`.
    pub fn browser() -> Option<Self> {
        let chromium = match env::var_os("STELE_CHROMIUM") {
            Some(path) => PathBuf::from(path),
            None => installed("chromium/run", "Chromium")?,
        };
        let mut peer = Self::python_alone(client("browser.py"))?;
        peer.first.push(chromium);
        Some(peer)
    }

    fn plain(program: PathBuf) -> Self {
        Self {
            program,
            first: Vec::new(),
        }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.first)
            .args(args)
            .env("STELE_PEERS", directory())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end, which must be a success; returns its standard output.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{} {args:?}: {}\nstdout:\n{text}\nstderr:\n{}",
            self.program.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// [`Self::ok`], with JSON on its standard output.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let text = self.ok(args);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}\n{text}"))
    }
}

/// An anvil process that dies with the test.
pub struct Anvil {
    process: Child,
    pub url: String,
}

/// What makes transactions on anvil cost nothing.
pub const FREE: [&str; 4] = ["--block-base-fee-per-gas", "0", "--gas-price", "0"];

impl Anvil {
    /// A fresh chain on which transactions cost nothing; `None` where anvil is not installed.
    pub fn free() -> Option<Self> {
        Some(Self::start(&Peer::foundry("anvil")?, &FREE))
    }

    /// A fresh chain on a free port, without rich accounts.
    pub fn start(peer: &Peer, args: &[&str]) -> Self {
        let mut process = peer
            .command(&["--host", "127.0.0.1", "--port", "0", "--accounts", "0"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        // Read on, or anvil blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            url: format!("http://{}", address.expect("anvil says where it listens")),
        }
    }
}

impl Anvil {
    /// What a method gives, for parameters in JSON.
    #[track_caller]
    pub fn rpc(&self, method: &str, parameters: &str) -> serde_json::Value {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[{parameters}]}}"#);
        let address = self.url.trim_start_matches("http://");
        let (status, text) = crate::support::http(address, "POST", "/", body.as_bytes()).unwrap();
        assert_eq!(status, 200, "{text}");
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(answer["error"].is_null(), "{method}: {text}");
        answer["result"].clone()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn client(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script)
}
