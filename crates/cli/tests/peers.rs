//! A node against real clients and a real Ethereum node. `cargo xtask peers` installs them; without them these tests say that they skip.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    reason = "tests may panic"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use support::{Site, example, workspace};

/// A file of the installed peers, or `None` after saying why the test is skipped.
fn peer(name: &str) -> Option<PathBuf> {
    let path = workspace().join("target/peers").join(name);
    if path.exists() {
        return Some(
            std::fs::canonicalize(workspace())
                .unwrap()
                .join("target/peers")
                .join(name),
        );
    }
    assert!(
        std::env::var_os("STELE_PEERS_REQUIRED").is_none(),
        "{} is missing",
        path.display()
    );
    eprintln!(
        "skipped: {} is not installed; run `cargo xtask peers`",
        path.display()
    );
    None
}

#[track_caller]
fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn opas_javascript_client_is_served() {
    let Some(modules) = peer("node_modules") else {
        return;
    };
    let site = Site::new();
    let node = site.up();
    passes(
        Command::new("node")
            .arg(workspace().join("crates/cli/tests/clients/client.mjs"))
            .arg(modules)
            .arg(format!("http://{}", node.address))
            .arg(workspace().join("examples")),
    );
    node.interrupt();
}

#[test]
fn the_python_client_is_served() {
    let Some(python) = peer("python/bin/python") else {
        return;
    };
    let site = Site::new();
    let node = site.up();
    let (host, port) = node.address.split_once(':').unwrap();
    passes(
        Command::new(workspace().join("target/peers/python/bin/python"))
            .arg(workspace().join("crates/cli/tests/clients/client.py"))
            .args([host, port])
            .arg(workspace().join("examples")),
    );
    drop(python);
    node.interrupt();
}

#[test]
fn cast_reads_the_embedded_chain() {
    let Some(cast) = peer("node_modules/.bin/cast") else {
        return;
    };
    let site = Site::new();
    let node = site.up();
    let rpc = node.rpc();
    let ask = |args: &[&str]| {
        let output = Command::new(&cast)
            .args(args)
            .args(["--rpc-url", &rpc])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let deployment: serde_json::Value =
        serde_json::from_slice(&std::fs::read(site.data().join("deployment.json")).unwrap()).unwrap();
    assert_eq!(ask(&["chain-id"]), deployment["chain_id"].to_string());
    assert!(ask(&["block-number"]).parse::<u64>().unwrap() > 30);
    let registry = deployment["registry"].as_str().unwrap();
    let activations: u64 = ask(&["call", registry, "epoch()(uint64)"])
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(activations, 8);
    node.interrupt();
}

/// anvil on a free port; killed when dropped.
struct Anvil {
    child: Child,
    url: String,
}

impl Anvil {
    fn start(chain_id: &str) -> Option<Self> {
        // The binary itself: the script beside it would leave it running when killed.
        let program = peer("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")?;
        // Without a base fee, accounts without funds can send.
        let args = [
            "--port",
            "0",
            "--chain-id",
            chain_id,
            "--gas-price",
            "0",
            "--block-base-fee-per-gas",
            "0",
        ];
        let mut child = Command::new(program)
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            child,
            url: format!("http://{}", address.expect("anvil says where it listens")),
        })
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_node_runs_on_a_real_ethereum_node() {
    let Some(anvil) = Anvil::start("31337") else {
        return;
    };
    let site = Site::new();
    let node = site.up_with(&["--rpc", &anvil.url]);
    assert_eq!(node.rpc().trim_end_matches('/'), anvil.url);
    let answer = node.json(
        "POST",
        "/v1/data/kubernetes/admission/allow",
        &example("kubernetes/pod-privileged.json"),
    );
    assert_eq!(answer["result"], false);
    site.run(&["prove", "latest", "-o", "proof.json", "--wait", "60"])
        .exits(0);
    assert!(
        site.run(&["verify", "proof.json", "--rpc", &anvil.url])
            .exits(0)
            .contains("held by chain 31337")
    );
    site.run(&["audit", "fsck"]).exits(0);
    node.interrupt();

    // The directory belongs to that chain and to no other.
    let other = Anvil::start("31338").unwrap();
    site.run(&["up", "--rpc", &other.url, "--listen", "127.0.0.1:0"])
        .fails(3, &["belongs to another chain", "31337", "31338"]);
}
