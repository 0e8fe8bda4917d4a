//! The honest side: a node with its chain (`stele up`), a challenger and a verifier, all of them the real program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use stele_chain::client::{
    Account, ChainClient, ClientOptions, Deployment, Endpoint, Governance, OmissionTerms,
};
use stele_ledger::ProofBundle;
use tempfile::TempDir;

/// A bound on hangs, far above what any step takes.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What the challenger shows to verifiers, who have its SHA-256.
const TOKEN: &str = "the challenger's token";

/// A process that ends with its owner.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// The output of a command that must end with `code`.
    ///
    /// # Errors
    ///
    /// When it ended otherwise.
    pub fn exits(self, code: i32) -> Result<String> {
        ensure!(self.code == code, "expected exit code {code}: {self:?}");
        Ok(self.out)
    }
}

/// The honest node and the chain that it serves.
pub struct World {
    stele: PathBuf,
    dir: TempDir,
    node: String,
    rpc: String,
    /// The contracts.
    pub governance: Governance,
    /// Registers nodes and sets terms. Nothing else: no lie is caught by an admin.
    pub admin: Account,
    /// Somebody with an account and no role.
    pub stranger: Account,
    /// An honest decision that denies.
    pub denied: ProofBundle,
    /// An honest decision that allows.
    pub allowed: ProofBundle,
    _up: Process,
}

impl World {
    /// Starts `stele up` in a scratch directory and asks it two questions.
    ///
    /// # Errors
    ///
    /// When it does not start or answers otherwise than it should.
    pub async fn start(stele: &Path) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (banner, up) = launch(
            command(stele, dir.path()).args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--chain-listen",
                "127.0.0.1:0",
                "--set",
                "server.anchor.interval_ms=200",
            ]),
            "try:",
        )?;
        let word = |of: &str| {
            let line = banner.lines().find(|line| line.contains(of))?;
            let url = line.split_whitespace().find(|word| word.starts_with("http://"))?;
            Some(url.to_owned())
        };
        let node = word("decision point").context("no decision point in the banner")?;
        let rpc = word("chain id").context("no chain in the banner")?;
        let data = dir.path().join(".stele");
        let deployment: Deployment = serde_json::from_slice(&std::fs::read(data.join("deployment.json"))?)?;
        let client = ChainClient::connect(Endpoint::parse(&rpc)?, ClientOptions::default()).await?;
        let governance = Governance::new(client, deployment);
        let admin = Account::from_file(&data.join("keys/admin.key"))?;
        let stranger = Account::from_key(&rand::random())?;
        // An hour, as it is by default, is too long for a demonstration.
        let terms = OmissionTerms {
            window: Duration::from_secs(1),
            max_merge_delay: Duration::from_secs(1),
            ..OmissionTerms::default()
        };
        governance.set_omission_terms(&admin, &terms).await?;
        let ask = |body: &str| -> Result<ProofBundle> {
            let (status, answer) = http(&node, "POST", "/v1/data/kubernetes/admission", body)?;
            ensure!(status == 200, "{answer}");
            let answer: Value = serde_json::from_str(&answer)?;
            let id = field(&answer, "decision_id").as_str().context("no decision id")?;
            let file = dir.path().join(format!("{id}.json"));
            run(command(stele, dir.path())
                .args(["prove", id, "--wait", "60", "-o"])
                .arg(&file))?
            .exits(0)?;
            Ok(serde_json::from_slice(&std::fs::read(file)?)?)
        };
        let denied = ask(include_str!("../../kubernetes/pod-privileged.json"))?;
        let allowed = ask(include_str!("../../kubernetes/pod-hardened.json"))?;
        ensure!(
            denied.record.result != allowed.record.result,
            "the two examples are decided alike"
        );
        Ok(Self {
            stele: stele.to_owned(),
            node,
            rpc,
            governance,
            admin,
            stranger,
            denied,
            allowed,
            _up: up,
            dir,
        })
    }

    /// Where files go.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `stele challenge --proof` as anyone runs it who has the proof, the public bundle and the contract's address.
    ///
    /// # Errors
    ///
    /// When the files can't be written or the program not started.
    pub fn challenge(&self, name: &str, proof: &ProofBundle) -> Result<Ran> {
        let bundle = format!(".stele/bundles/{}.tar.gz", proof.record.policy_version);
        run(self.challenging(name, proof)?.args(["--bundle", &bundle]))
    }

    /// `stele challenge --private` before these verifiers, who are sent the record with its input: nothing of that goes to the chain.
    ///
    /// # Errors
    ///
    /// When the files can't be written or the program not started.
    pub fn dispute(&self, name: &str, proof: &ProofBundle, verifiers: &[Verifier]) -> Result<Ran> {
        std::fs::write(self.path("token"), TOKEN)?;
        let mut command = self.challenging(name, proof)?;
        command.args(["--private", "--send-record", "--verifier-token", "token"]);
        for verifier in verifiers {
            command.args(["--verifier", &verifier.url]);
        }
        run(&mut command)
    }

    fn challenging(&self, name: &str, proof: &ProofBundle) -> Result<Command> {
        let file = self.path(&format!("{name}.json"));
        std::fs::write(&file, serde_json::to_vec(proof)?)?;
        let contract = self.governance.deployment().challenge.to_string();
        let mut command = self.command();
        command
            .args(["challenge", "--yes", "--format", "json", "--rpc", &self.rpc])
            .args([
                "--contract",
                &contract,
                "--key",
                ".stele/keys/compliance.key",
                "--proof",
            ])
            .arg(file);
        Ok(command)
    }

    /// Has the ledger count these verifiers, and demand that so many of them sign: of logs longer than any here, so that it binds no other anchor.
    ///
    /// # Errors
    ///
    /// When the admin's commands fail.
    pub fn admit(&self, verifiers: &[Verifier], quorum: usize) -> Result<()> {
        for verifier in verifiers {
            run(self.command().args(["verifier", "admit", &verifier.account]))?.exits(0)?;
        }
        let quorum = quorum.to_string();
        let args = [
            "verifier",
            "quorum",
            "--above",
            "1000000",
            "--signatures",
            &quorum,
        ];
        run(self.command().args(args))?.exits(0).map(drop)
    }

    /// What a transaction made public, in hexadecimal digits: what it sent, then its receipt with the logs.
    ///
    /// # Errors
    ///
    /// When the chain does not have it.
    pub fn published(&self, transaction: &str) -> Result<String> {
        let ask = |method: &str| -> Result<Value> {
            let request = serde_json::json!({
                "jsonrpc": "2.0", "id": 1, "method": method, "params": [transaction],
            });
            let (_, answer) = http(&self.rpc, "POST", "/", &request.to_string())?;
            Ok(field(&serde_json::from_str(&answer)?, "result").clone())
        };
        let (sent, receipt) = (
            ask("eth_getTransactionByHash")?,
            ask("eth_getTransactionReceipt")?,
        );
        let input = field(&sent, "input").as_str();
        let input = input.with_context(|| format!("no transaction in {sent}"))?;
        let logs = field(&receipt, "logs");
        ensure!(
            logs.as_array().is_some_and(|logs| !logs.is_empty()),
            "no logs in {receipt}"
        );
        Ok(format!("{input} {logs}"))
    }

    /// Starts `stele verifier` as another party: it follows the honest node with its records, and the other log without. It has the bundles that the
    /// policies' publisher gives to everybody, and re-executes decisions for whoever has the token.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn verifier(&self, other: &str, url: &str) -> Result<Verifier> {
        let dir = tempfile::tempdir()?;
        let keys = run(command(&self.stele, dir.path()).args(["verifier", "keys", "--format", "json"]))?;
        let keys: Value = serde_json::from_str(&keys.exits(0)?)?;
        let account = field(&keys, "account").as_str().context("no account")?.to_owned();
        let honest = self.denied.leaf.node;
        let text = format!(
            "[verifier]\nlisten = \"127.0.0.1:0\"\npoll_ms = 100\nbundles = {:?}\n\n[verifier.disputes]\ntokens = [\"{}\"]\n\n[[verifier.logs]]\nnode = \"{honest}\"\nurl = \"{}\"\n\n[[verifier.logs]]\nnode = \"{other}\"\nurl = \"{url}\"\nrecords = false\n",
            self.path(".stele/bundles"),
            stele_types::sha256(&[TOKEN.as_bytes()]),
            self.node
        );
        std::fs::write(dir.path().join("stele.toml"), text)?;
        let (banner, process) = launch(
            command(&self.stele, dir.path())
                .args(["verifier", "--rpc", &self.rpc, "--deployment"])
                .arg(self.path(".stele/deployment.json")),
            "re-executes",
        )?;
        let line = banner.lines().find_map(|line| line.strip_prefix("verifier"));
        Ok(Verifier {
            url: line.context("no address in the banner")?.trim().to_owned(),
            account,
            signer: Account::from_file(&dir.path().join(".stele/keys/verifier.key"))?,
            _process: process,
            _dir: dir,
        })
    }

    fn command(&self) -> Command {
        command(&self.stele, self.dir.path())
    }
}

/// A running `stele verifier`.
pub struct Verifier {
    url: String,
    account: String,
    /// Its key: what it would sign.
    pub signer: Account,
    _process: Process,
    _dir: TempDir,
}

impl Verifier {
    /// What it says of a node's log.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn status(&self, node: &str) -> Result<Value> {
        let (status, text) = http(&self.url, "GET", "/v1/status", "")?;
        ensure!(status == 200, "{text}");
        let answer: Value = serde_json::from_str(&text)?;
        let mut logs = field(&answer, "logs").as_array().into_iter().flatten();
        let log = logs.find(|log| {
            field(log, "origin")
                .as_str()
                .is_some_and(|origin| origin.contains(node))
        });
        Ok(log
            .with_context(|| format!("no log of {node} in {text}"))?
            .clone())
    }
}

/// A field of a JSON object; null when it is not there.
pub fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Tries until it succeeds; a bound on hangs, not a measurement.
///
/// # Errors
///
/// When it never does, or fails.
pub async fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt()? {
            return Ok(value);
        }
        ensure!(start.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The program without the settings of whoever runs this.
fn command(stele: &Path, dir: &Path) -> Command {
    let mut command = Command::new(stele);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STELE_")) {
        command.env_remove(name);
    }
    command.current_dir(dir).env("NO_COLOR", "1");
    command
}

fn run(command: &mut Command) -> Result<Ran> {
    let output = command.output()?;
    Ok(Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// Starts a server and reads what it prints up to the line that says it is ready.
fn launch(command: &mut Command, ready: &str) -> Result<(String, Process)> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("can't start stele")?;
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    let process = Process(child);
    let mut errors = errors.context("no standard error")?;
    let mut lines = BufReader::new(out.context("no standard output")?).lines();
    let mut banner = String::new();
    for line in lines.by_ref().map_while(Result::ok) {
        banner += &line;
        banner.push('\n');
        if line.starts_with(ready) {
            // Read on, or the server blocks on a full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
            return Ok((banner, process));
        }
    }
    let mut text = String::new();
    errors.read_to_string(&mut text)?;
    bail!("the program did not start:\n{banner}{text}")
}

/// One HTTP/1.0 request: status and body.
fn http(url: &str, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
    let status = head.split_whitespace().nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}
