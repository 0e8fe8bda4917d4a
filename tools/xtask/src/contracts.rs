//! `cargo xtask contracts [--check]`: compiles the Solidity sources and writes, or checks, the committed artifacts.
//!
//! Everything that decides the bytecode is pinned: the compiler and OpenZeppelin by `contracts/package-lock.json`, the
//! settings here. So the artifacts must reproduce byte for byte on any machine, and `--check` fails when they do not.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

/// The contracts that get an artifact: source file, contract, artifact file.
const CONTRACTS: [(&str, &str, &str); 17] = [
    ("src/PolicyRegistry.sol", "PolicyRegistry", "PolicyRegistry.json"),
    ("src/NodeRegistry.sol", "NodeRegistry", "NodeRegistry.json"),
    ("src/DecisionLedger.sol", "DecisionLedger", "DecisionLedger.json"),
    ("src/Challenge.sol", "Challenge", "Challenge.json"),
    ("src/Dispute.sol", "Dispute", "Dispute.json"),
    ("src/Enforcer.sol", "Enforcer", "Enforcer.json"),
    ("src/examples/Treasury.sol", "Treasury", "examples/Treasury.json"),
    (
        "src/examples/DeploymentGate.sol",
        "DeploymentGate",
        "examples/DeploymentGate.json",
    ),
    ("test/RFC6962Probe.sol", "RFC6962Probe", "test/RFC6962Probe.json"),
    ("test/StubPolicy.sol", "StubPolicy", "test/StubPolicy.json"),
    (
        "test/VerifierSetProbe.sol",
        "VerifierSetProbe",
        "test/VerifierSetProbe.json",
    ),
    (
        "test/StubPolicy.sol",
        "GreedyChallenger",
        "test/GreedyChallenger.json",
    ),
    // Policies by hand, which `cargo xtask gas` compares with compiled ones.
    ("reference/Rbac.sol", "Rbac", "reference/Rbac.json"),
    (
        "reference/KubernetesPod.sol",
        "KubernetesPod",
        "reference/KubernetesPod.json",
    ),
    ("reference/HttpAuthz.sol", "HttpAuthz", "reference/HttpAuthz.json"),
    (
        "reference/ImageProvenance.sol",
        "ImageProvenance",
        "reference/ImageProvenance.json",
    ),
    (
        "reference/TerraformNetwork.sol",
        "TerraformNetwork",
        "reference/TerraformNetwork.json",
    ),
];

/// Largest runtime code of a contract, in bytes (EIP-170).
const MAX_CODE: usize = 24_576;

/// Compiles `contracts/` and writes `contracts/artifacts/`; with `check`, compares instead and fails on any difference.
///
/// Needs `node` and `npm`; installs the pinned packages into `contracts/node_modules` when they are not there yet.
pub(crate) fn run(check: bool) -> Result<()> {
    let dir = contracts_dir()?;
    install(&dir)?;
    let output = compile(&dir)?;
    let artifacts = artifacts(&dir, &output)?;
    let target = dir.join("artifacts");
    let stale = differences(&target, &artifacts)?;
    if stale.is_empty() {
        return say(&format!(
            "contracts: {} artifacts are up to date",
            artifacts.len()
        ));
    }
    if check {
        bail!(
            "the committed artifacts do not reproduce from the sources: {}. Run `cargo xtask contracts` and commit the result",
            stale.join(", ")
        );
    }
    for (name, text) in &artifacts {
        let path = target.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("can't create {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    }
    for name in stale.iter().filter(|name| !artifacts.contains_key(name.as_str())) {
        let path = target.join(name);
        fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))?;
    }
    say(&format!("contracts: wrote {}", stale.join(", ")))
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{line}").context("can't write to stderr")
}

fn contracts_dir() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).context("xtask is not at tools/xtask")?;
    Ok(root.join("contracts"))
}

/// Runs `npm ci` unless the installed packages are those of the lock file.
fn install(dir: &Path) -> Result<()> {
    let lock = fs::read(dir.join("package-lock.json")).context("can't read contracts/package-lock.json")?;
    let stamp = dir.join("node_modules/.stele-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    say("contracts: npm ci")?;
    let status = Command::new("npm")
        .args([
            "ci",
            "--ignore-scripts",
            "--no-fund",
            "--no-audit",
            "--loglevel=error",
        ])
        .current_dir(dir)
        .stdout(Stdio::null())
        .status()
        .context("can't run npm; install Node.js 18 or newer")?;
    if !status.success() {
        bail!("npm ci failed in {} ({status})", dir.display());
    }
    fs::write(&stamp, lock).with_context(|| format!("can't write {}", stamp.display()))
}

/// The settings that decide the bytecode. The metadata hash is left out, because it would change with comments and
/// with the paths of files.
fn settings() -> Value {
    json!({
        "optimizer": { "enabled": true, "runs": 1000 },
        "evmVersion": "cancun",
        "metadata": { "bytecodeHash": "none" },
        "outputSelection": { "*": { "*": [
            "abi", "userdoc", "evm.bytecode.object",
            "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"
        ] } }
    })
}

fn compile(dir: &Path) -> Result<Value> {
    let mut sources = Map::new();
    for (source, _, _) in CONTRACTS {
        let content =
            fs::read_to_string(dir.join(source)).with_context(|| format!("can't read contracts/{source}"))?;
        sources.insert(source.to_owned(), json!({ "content": content }));
    }
    let input = json!({ "language": "Solidity", "sources": sources, "settings": settings() });
    // A file, because a pipe would have to be read while the input is still being written.
    let result = dir.join("node_modules/.stele-solc-output.json");
    let mut child = Command::new("node")
        .arg("compile.js")
        .arg(&result)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .spawn()
        .context("can't run node; install Node.js 18 or newer")?;
    let mut stdin = child.stdin.take().context("node has no stdin")?;
    stdin
        .write_all(input.to_string().as_bytes())
        .context("can't hand the sources to solc")?;
    drop(stdin);
    let status = child.wait().context("can't wait for solc")?;
    if !status.success() {
        bail!("solc did not run ({status})");
    }
    let text = fs::read(&result).with_context(|| format!("can't read {}", result.display()))?;
    let output: Value = serde_json::from_slice(&text).context("solc's output is not JSON")?;
    report_problems(&output)?;
    Ok(output)
}

/// Fails with what the compiler complains about. Warnings are errors too, except those about OpenZeppelin's own files.
fn report_problems(output: &Value) -> Result<()> {
    let problems = output
        .get("errors")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let text = |problem: &Value| {
        problem
            .get("formattedMessage")
            .and_then(Value::as_str)
            .unwrap_or("(no message)")
            .trim()
            .to_owned()
    };
    let ours = |problem: &&Value| {
        let file = problem
            .pointer("/sourceLocation/file")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let error = problem.get("severity").and_then(Value::as_str) == Some("error");
        error || !file.starts_with('@')
    };
    let all: Vec<String> = problems.iter().filter(ours).map(text).collect();
    if all.is_empty() {
        return Ok(());
    }
    bail!("solc found {} problem(s):\n\n{}", all.len(), all.join("\n\n"))
}

/// The text of every artifact, by file name.
fn artifacts(dir: &Path, output: &Value) -> Result<BTreeMap<String, String>> {
    let version = output
        .get("version")
        .and_then(Value::as_str)
        .context("solc does not say its version")?;
    let openzeppelin = locked_version(dir, "node_modules/@openzeppelin/contracts")?;
    let mut all = BTreeMap::new();
    for (source, name, file) in CONTRACTS {
        let contract = output
            .get("contracts")
            .and_then(|files| files.get(source)?.get(name))
            .with_context(|| format!("solc did not compile {name}"))?;
        let artifact = artifact(contract, source, name, version, &openzeppelin)
            .with_context(|| format!("solc's output for {name}"))?;
        let mut text = serde_json::to_string_pretty(&sorted(artifact))?;
        text.push('\n');
        all.insert(file.to_owned(), text);
    }
    Ok(all)
}

fn artifact(contract: &Value, source: &str, name: &str, solc: &str, openzeppelin: &str) -> Result<Value> {
    let hex = |pointer: &str| -> Result<String> {
        let object = contract
            .pointer(pointer)
            .and_then(Value::as_str)
            .context("no bytecode")?;
        if object.contains('_') {
            bail!("{name} has unlinked libraries");
        }
        Ok(format!("0x{object}"))
    };
    let deployed = hex("/evm/deployedBytecode/object")?;
    let size = deployed.len().saturating_sub(2) / 2;
    if size > MAX_CODE {
        bail!("{name} has {size} bytes of code; a chain takes at most {MAX_CODE} (EIP-170)");
    }
    let mut settings = settings();
    if let Some(map) = settings.as_object_mut() {
        map.remove("outputSelection");
    }
    Ok(json!({
        "contractName": name,
        "sourceName": source,
        "compiler": { "solc": solc, "openzeppelin": openzeppelin, "settings": settings },
        "abi": contract.get("abi").context("no ABI")?,
        "notices": notices(contract),
        "bytecode": hex("/evm/bytecode/object")?,
        "deployedBytecode": deployed,
        "immutableReferences": immutables(contract),
    }))
}

/// The same value with sorted keys: whether `serde_json` keeps the order of insertion depends on other crates' features.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries: BTreeMap<String, Value> = map.into_iter().collect();
            Value::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, sorted(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// What the custom errors mean in words (their NatSpec notice), by signature.
fn notices(contract: &Value) -> BTreeMap<String, Value> {
    let errors = contract.pointer("/userdoc/errors").and_then(Value::as_object);
    let first =
        |(signature, docs): (&String, &Value)| Some((signature.clone(), docs.pointer("/0/notice")?.clone()));
    errors.into_iter().flatten().filter_map(first).collect()
}

/// The byte ranges of the runtime code that the constructor fills in, as `{start, length}`, sorted.
fn immutables(contract: &Value) -> Vec<Value> {
    let references = contract
        .pointer("/evm/deployedBytecode/immutableReferences")
        .and_then(Value::as_object);
    let mut ranges: Vec<Value> = references
        .into_iter()
        .flatten()
        .filter_map(|(_, list)| list.as_array())
        .flatten()
        .cloned()
        .collect();
    ranges.sort_by_key(|range| range.get("start").and_then(Value::as_u64));
    ranges
}

fn locked_version(dir: &Path, package: &str) -> Result<String> {
    let lock: Value = serde_json::from_slice(&fs::read(dir.join("package-lock.json"))?)?;
    let version = lock
        .get("packages")
        .and_then(|packages| packages.get(package)?.get("version")?.as_str());
    Ok(version
        .with_context(|| format!("{package} is not in package-lock.json"))?
        .to_owned())
}

/// Names of artifacts that are missing, differ, or should not be there.
fn differences(target: &Path, artifacts: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let mut stale: Vec<String> = artifacts
        .iter()
        .filter(|(name, text)| fs::read(target.join(name)).map_or(true, |old| old != text.as_bytes()))
        .map(|(name, _)| name.clone())
        .collect();
    for folder in ["", "examples", "reference", "test"] {
        let Ok(entries) = fs::read_dir(target.join(folder)) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let name = Path::new(folder)
                .join(entry.file_name())
                .to_string_lossy()
                .into_owned();
            if entry.file_type()?.is_file() && !artifacts.contains_key(&name) {
                stale.push(name);
            }
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_about_our_files_fail_and_those_about_dependencies_do_not() {
        let problem = |file: &str, severity: &str| {
            json!({ "errors": [{
                "formattedMessage": "told you", "severity": severity, "sourceLocation": { "file": file }
            }] })
        };
        assert!(report_problems(&json!({})).is_ok());
        assert!(report_problems(&problem("@openzeppelin/x.sol", "warning")).is_ok());
        let message = |output| report_problems(&output).unwrap_err().to_string();
        assert!(message(problem("src/x.sol", "warning")).contains("told you"));
        assert!(message(problem("@openzeppelin/x.sol", "error")).contains("told you"));
        assert!(message(json!({ "errors": [{ "severity": "error" }] })).contains("(no message)"));
    }

    #[test]
    fn changed_missing_and_surplus_artifacts_are_found() {
        let target = std::env::temp_dir().join(format!("stele-xtask-artifacts-{}", std::process::id()));
        fs::create_dir_all(target.join("test")).unwrap();
        for (name, text) in [
            ("same.json", "1"),
            ("changed.json", "2"),
            ("test/surplus.json", "3"),
        ] {
            fs::write(target.join(name), text).unwrap();
        }
        let wanted = [("same.json", "1"), ("changed.json", "x"), ("missing.json", "y")];
        let wanted = wanted
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
        let found = differences(&target, &wanted).unwrap();
        fs::remove_dir_all(&target).unwrap();
        assert_eq!(found, ["changed.json", "missing.json", "test/surplus.json"]);
    }

    #[test]
    fn an_artifact_keeps_what_callers_need_and_refuses_what_no_chain_takes() {
        let contract = |code: &str| {
            json!({
                "abi": [],
                "userdoc": { "errors": { "No()": [{ "notice": "not allowed" }] } },
                "evm": {
                    "bytecode": { "object": "6001" },
                    "deployedBytecode": {
                        "object": code,
                        "immutableReferences": { "7": [{ "start": 9, "length": 32 }], "3": [{ "start": 1, "length": 32 }] }
                    }
                }
            })
        };
        let made = artifact(&contract("6000"), "src/X.sol", "X", "0.8", "5.7").unwrap();
        assert_eq!(made["notices"], json!({ "No()": "not allowed" }));
        assert_eq!(made["immutableReferences"][0]["start"], 1);
        assert_eq!(made["deployedBytecode"], "0x6000");
        let large = artifact(
            &contract(&"00".repeat(MAX_CODE + 1)),
            "src/X.sol",
            "X",
            "0.8",
            "5.7",
        );
        assert!(large.unwrap_err().to_string().contains("EIP-170"));
        let unlinked = artifact(&contract("60__$x$__"), "src/X.sol", "X", "0.8", "5.7");
        assert!(unlinked.unwrap_err().to_string().contains("unlinked"));
    }
}
