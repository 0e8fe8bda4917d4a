//! `stele decide --receipt`: asks a running node, and keeps what it promises. Nothing of its answer is shown unless the promise holds.

use super::{Args, read_input};
use crate::chain::block_on;
use crate::commands::receipt::seconds;
use crate::config::Sources;
use crate::exit::{Environment, EnvironmentContext, Verdict};
use crate::home::{Home, write_atomically};
use crate::keys;
use crate::output::{self, Format};
use anyhow::{Context, Result, bail};
use reqwest::{Url, redirect};
use std::path::{Path, PathBuf};
use stele_chain::client::Deployment;
use stele_ledger::receipt;
use stele_types::{
    ChainId, Digest, EntryPoint, EvmAddress, NodeAddress, PolicyVersion, Receipt, Value, json, result_digest,
};

/// Seconds by which the node's clock may differ from ours.
const CLOCKS: u64 = 60;

/// What a node said.
struct Answer {
    /// `allow`, `deny`...
    verdict: String,
    /// Absent when undefined.
    result: Option<Value>,
    receipts: Vec<Receipt>,
}

/// What a receipt must say besides what anyone asks of it.
#[derive(Default)]
struct Expected {
    /// Who signs, if that is known; else the receipt's own node.
    signer: Option<EvmAddress>,
    node: Option<NodeAddress>,
    ledger: Option<(ChainId, EvmAddress)>,
}

pub(super) fn run(sources: &Sources, args: &Args, file: &Path) -> Result<Verdict> {
    let home = sources.home()?;
    let mut expected = Expected::default();
    let base = match &args.node {
        Some(url) => url.clone(),
        None => own(&home, &mut expected)?,
    };
    if let Some(operator) = args.operator {
        expected.signer = Some(NodeAddress(operator.into_array()));
    }
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    if parent.is_some_and(|parent| !parent.is_dir()) || file.is_dir() {
        bail!("can't write the receipt to {}: nothing was asked", file.display());
    }
    let input = args.input.as_deref().map(read_input).transpose()?;
    let answer = block_on(ask(&base, &args.path, input.as_ref()))?;
    let problems = problems(args, input.as_ref(), &answer, &expected)?;
    if !problems.is_empty() {
        for problem in problems {
            output::note(format!("WORTH NOTHING: {problem}"));
        }
        output::note(format!(
            "the answer of {base} is not shown: nothing holds the node to it"
        ));
        return Ok(Verdict::Fail);
    }
    let nobody = |receipt: &Receipt| receipt.leaf.policy_version == PolicyVersion(Digest::ZERO);
    if answer.receipts.iter().all(nobody) {
        bail!("no policy at `{}` is in force at {base}", args.path);
    }
    let files = keep(file, &answer.receipts)?;
    print(args, &answer, &files)?;
    Ok(if answer.verdict == "deny" {
        Verdict::Fail
    } else {
        Verdict::Pass
    })
}

/// The data directory's node: where it runs, and what its receipts must say.
fn own(home: &Home, expected: &mut Expected) -> Result<String> {
    let Some(node) = home.running() else {
        return Err(Environment(format!(
            "no node runs in {}; start one with `stele up`, or name one with --node",
            home.root().display()
        ))
        .into());
    };
    let address = keys::node_account(home)?.node_address();
    (expected.signer, expected.node) = (Some(address), Some(address));
    if let Some(deployment) = home.read::<Deployment>(&home.deployment())? {
        let ledger = NodeAddress(deployment.ledger.into_array());
        expected.ledger = Some((deployment.chain_id, ledger));
    }
    Ok(node.url)
}

async fn ask(base: &str, path: &str, input: Option<&Value>) -> Result<Answer> {
    let mut url = Url::parse(base).with_context(|| format!("`{base}` is no URL of a node"))?;
    url.path_segments_mut()
        .map_err(|()| anyhow::anyhow!("`{base}` is no URL of a node"))?
        .pop_if_empty()
        .extend(["v1", "data"])
        .extend(path.trim_matches('/').split('/'));
    url.set_query(Some("receipt=true"));
    let mut body = b"{".to_vec();
    if let Some(input) = input {
        body.extend_from_slice(b"\"input\":");
        json::write(input, &mut body);
    }
    body.push(b'}');
    // The input goes to whom it was meant for.
    let client = reqwest::Client::builder().redirect(redirect::Policy::none());
    let request = client
        .build()?
        .post(url)
        .header("content-type", "application/json");
    let what = || format!("the node at {base}");
    let response = request.body(body).send().await.environment(what())?;
    let status = response.status();
    let verdict = response.headers().get("stele-decision");
    let verdict = verdict.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let verdict = verdict.to_owned();
    let bytes = response.bytes().await.environment(what())?;
    let document: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    if !status.is_success() {
        let message = document.as_ref().and_then(|error| error.get("message")?.as_str());
        let message = format!("{}: {}", what(), message.unwrap_or(status.as_str()));
        if status.is_server_error() {
            return Err(Environment(message).into());
        }
        bail!(message);
    }
    let senseless = || format!("the answer of {} makes no sense", what());
    let answer = json::parse(&bytes, &json::Limits::default()).with_context(senseless)?;
    let receipts = document
        .as_ref()
        .and_then(|document| document.get("receipts")?.as_array())
        .map_or(&[][..], Vec::as_slice);
    let receipts = receipts
        .iter()
        .map(|one| Ok(Receipt::from_json(&serde_json::to_vec(one)?)?))
        .collect::<Result<Vec<_>>>()
        .with_context(senseless)?;
    Ok(Answer {
        verdict,
        result: answer.get("result").cloned(),
        receipts,
    })
}

/// Why the answer binds nobody.
fn problems(args: &Args, input: Option<&Value>, answer: &Answer, expected: &Expected) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if answer.receipts.is_empty() {
        problems.push("the node's answer has no receipt".to_owned());
    }
    let now = crate::node::now().as_nanos() / 1_000_000_000;
    for one in &answer.receipts {
        let checked = match receipt::check(one) {
            Ok(checked) => checked,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        let signer = expected.signer.unwrap_or(one.node);
        if checked.signer != signer {
            problems.push(format!(
                "the receipt is signed by {}, not by {signer}: forged, altered, or the node's operator was replaced (then give --operator)",
                checked.signer
            ));
        }
        if expected.node.is_some_and(|node| node != one.node) {
            problems.push(format!("the receipt is of another node, {}", one.node));
        }
        if expected
            .ledger
            .is_some_and(|ledger| ledger != (one.chain_id, one.ledger))
        {
            problems.push(format!(
                "the receipt promises an anchor in the ledger {} of chain {}, which is not the data directory's",
                one.ledger, one.chain_id
            ));
        }
        if !one.opens_to(input)? {
            problems.push("the decision is about another input than the one that was sent".to_owned());
        }
        if now.abs_diff(one.issued_at) > CLOCKS {
            problems.push(format!(
                "the receipt is dated {}, {} s from this machine's clock: one of the two clocks is wrong, and such a date can delay what it promises",
                seconds(one.issued_at),
                now.abs_diff(one.issued_at)
            ));
        }
    }
    if answer.verdict == "allow" && refuses(&args.path, answer.result.as_ref()) {
        problems.push("the node calls it `allow`, and the result that it promises refuses".to_owned());
    }
    if let Some(problem) = other_answer(&args.path, answer)? {
        problems.push(problem);
    }
    Ok(problems)
}

/// Whether a document refuses by the conventional names. The verdict is not among what a receipt binds, the result is.
fn refuses(path: &str, result: Option<&Value>) -> bool {
    // What was read from JSON has no sets.
    let found = |value: Option<&Value>| match value {
        None => false,
        Some(Value::Array(entries)) => !entries.is_empty(),
        Some(Value::Object(entries)) => !entries.is_empty(),
        Some(other) => matches!(other, Value::Bool(true) | Value::String(_)),
    };
    match path.rsplit('/').next() {
        Some("deny" | "violation" | "warn") => found(result),
        Some("allow") if result.is_none_or(|value| value.as_object().is_none()) => {
            result != Some(&Value::Bool(true))
        }
        _ => {
            let member = |name| result.and_then(|result| result.get(name));
            let findings = ["deny", "violation", "warn"]
                .into_iter()
                .any(|name| found(member(name)));
            findings || member("allow").is_some_and(|allow| *allow != Value::Bool(true))
        }
    }
}

/// Whether the answer is another than the promised one. Where the path is that of a decision, they must be the same; a part of a rule's value, or the
/// documents of several policies, are more or less than what was decided.
fn other_answer(path: &str, answer: &Answer) -> Result<Option<String>> {
    let ([one], Ok(asked)) = (&answer.receipts[..], EntryPoint::new(path.trim_matches('/'))) else {
        return Ok(None);
    };
    if one.leaf.entry_point != asked.hash() {
        return Ok(None);
    }
    let same = result_digest(answer.result.as_ref())? == one.leaf.result_digest;
    Ok((!same).then(|| "the answer is another one than the receipt promises to log".to_owned()))
}

/// Writes the receipts: one to the file, several to files beside it that have the decisions' ids in their names.
fn keep(file: &Path, receipts: &[Receipt]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for receipt in receipts {
        let path = if receipts.len() == 1 {
            file.to_owned()
        } else {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let extension = file.extension().unwrap_or_default().to_string_lossy();
            let dot = if extension.is_empty() { "" } else { "." };
            file.with_file_name(format!("{name}-{}{dot}{extension}", receipt.decision_id))
        };
        write_atomically(&path, &receipt.to_json()?)
            .environment(format!("can't write the receipt to {}", path.display()))?;
        files.push(path);
    }
    Ok(files)
}

fn print(args: &Args, answer: &Answer, files: &[PathBuf]) -> Result<()> {
    let kept = answer.receipts.iter().zip(files);
    if args.format == Format::Json {
        let decisions: Vec<_> = kept
            .map(|(receipt, file)| {
                serde_json::json!({
                    "decision_id": receipt.decision_id,
                    "node": receipt.node,
                    "policy_version": receipt.leaf.policy_version,
                    "due": receipt.due(),
                    "receipt": file,
                })
            })
            .collect();
        return output::json(&serde_json::json!({
            "result": answer.result, "decision": answer.verdict, "decisions": decisions,
        }));
    }
    output::line(format!("{}: {}", args.path, answer.verdict.to_uppercase()));
    let result = answer.result.as_ref();
    output::line(result.map_or_else(|| "undefined".to_owned(), json::to_string_pretty));
    for (receipt, file) in kept {
        output::note(format!(
            "decision {} of node {} will be in its anchored log by {}; its receipt is in {}",
            receipt.decision_id,
            receipt.node,
            seconds(receipt.due()),
            file.display()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refuses_is_told_by_the_conventional_names() {
        for (path, result, expected) in [
            ("a/deny", "[\"no\"]", true),
            ("a/deny", "[]", false),
            ("a/violation", "true", true),
            ("a/warn", "false", false),
            ("a/allow", "true", false),
            ("a/allow", "false", true),
            ("a/allow", "1", true),
            // A package may have that name, too.
            ("a/allow", "{\"allow\": true}", false),
            ("a", "{\"allow\": true, \"deny\": []}", false),
            ("a", "{\"allow\": false}", true),
            ("a", "{\"violation\": [{\"msg\": \"no\"}]}", true),
            ("a", "{\"other\": [1]}", false),
        ] {
            let value = json::parse(result.as_bytes(), &json::Limits::default()).unwrap();
            assert_eq!(refuses(path, Some(&value)), expected, "{path} {result}");
        }
        assert!(refuses("a/allow", None) && !refuses("a/deny", None) && !refuses("a", None));
    }
}
