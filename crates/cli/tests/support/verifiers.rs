//! Verifiers in scratch directories of their own, as other parties run them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses part of it")]

use crate::support::{Node, Site, http, http_whole};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A verifier that may run.
pub struct Verifier {
    pub site: Site,
    /// What nodes list.
    pub cosigner: String,
    /// What an admin admits.
    pub account: String,
    /// `host:port` while it runs.
    pub address: String,
    child: Option<Child>,
}

impl Verifier {
    /// A party with keys, whose verifier will listen on a port that is known beforehand, as nodes need it, and after a restart. Nothing runs yet.
    pub fn new() -> Self {
        let site = Site::new();
        let keys = site.run(&["verifier", "keys", "--format", "json"]).exits(0);
        let keys: Value = serde_json::from_str(&keys).unwrap();
        let text = |name: &str| keys[name].as_str().unwrap().to_owned();
        Self {
            cosigner: text("cosigner"),
            account: text("account"),
            site,
            address: free_address(),
            child: None,
        }
    }

    /// As a node's `server.anchor.verifiers` names it.
    pub fn listed(&self) -> String {
        format!(
            "{{ url = \"http://{}\", key = \"{}\" }}",
            self.address, self.cosigner
        )
    }

    /// Starts it on a node's log.
    pub fn start(&mut self, of: &Site, node: &Node, more: &[&str]) {
        self.start_at(&node.address, of, node, more);
    }

    /// The same with a log that is served elsewhere.
    pub fn start_at(&mut self, served: &str, of: &Site, node: &Node, more: &[&str]) {
        let deployment = of.data().join("deployment.json");
        let log = format!("{}=http://{served}", node_address(of));
        let rpc = node.rpc();
        let mut args = vec![
            "verifier",
            "--listen",
            &self.address,
            "--deployment",
            deployment.to_str().unwrap(),
            "--rpc",
            &rpc,
            "--log",
            &log,
            "--set",
            "verifier.poll_ms=100",
        ];
        args.extend(more);
        let mut child = self
            .site
            .command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
            if line.starts_with("re-executes") {
                std::thread::spawn(move || lines.for_each(drop));
                self.child = Some(child);
                return;
            }
            if let Some(url) = line.strip_prefix("verifier") {
                self.address = url.trim().trim_start_matches("http://").to_owned();
            }
            banner += &line;
            banner.push('\n');
        }
        let _ = child.kill();
        child.wait().unwrap();
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        panic!("the verifier did not start:\n{banner}{errors}");
    }

    /// Asks for its status.
    pub fn status(&self) -> Value {
        let (status, text) = http(&self.address, "GET", "/v1/status", b"").unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["logs"][0].clone()
    }

    /// `POST /add-checkpoint`.
    pub fn add(&self, body: &str) -> (u16, String) {
        http(&self.address, "POST", "/add-checkpoint", body.as_bytes()).unwrap()
    }

    /// Whether the answer to `POST /add-checkpoint` has a signature for the ledger contract.
    pub fn signs_for_the_contract(&self, body: &str) -> bool {
        let body = body.as_bytes();
        let answer = http_whole(&self.address, "POST", "/add-checkpoint", "", body);
        let (status, head, body) = answer.unwrap();
        assert_eq!(status, 200, "{body}");
        head.to_lowercase().contains("stele-anchor-signature: 0x")
    }

    /// SIGTERM, and a clean end; what it wrote to its log.
    pub fn stop(&mut self) -> String {
        let mut child = self.child.take().unwrap();
        crate::support::terminate(child.id());
        let status = child.wait().unwrap();
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(status.success(), "{status}\n{errors}");
        errors
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops it in its tracks (SIGSTOP): it accepts connections and never answers.
    pub fn freeze(&self) {
        crate::support::signal(self.child.as_ref().unwrap().id(), "STOP");
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        crate::support::signal(self.child.as_ref().unwrap().id(), "CONT");
    }
}

/// An address that nobody listens on. No program takes ports below 32768 by itself, so none is taken meanwhile.
fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let free = || {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (std::process::id() * 97 + number * 13) % 12_000;
        let address = format!("127.0.0.1:{port}");
        std::net::TcpListener::bind(&address).ok().map(|_| address)
    };
    let address = std::iter::repeat_with(free).take(1_000).find_map(|found| found);
    address.unwrap()
}

/// The address of a site's node.
fn node_address(site: &Site) -> String {
    let in_force = std::fs::read_to_string(site.data().join("keys/node.vkey")).unwrap();
    in_force.split(['/', '+']).nth(1).unwrap().to_owned()
}

impl Drop for Verifier {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
