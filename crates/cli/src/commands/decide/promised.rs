//! `stele decide --receipt`: asks a running node, and keeps what it promises. Nothing of its answer is shown unless the promise holds.

mod several;

use super::{Args, read_input};
use crate::chain::{ChainArgs, block_on};
use crate::commands::challenge::governance;
use crate::commands::receipt::seconds;
use crate::config::Sources;
use crate::exit::{Environment, EnvironmentContext, Verdict};
use crate::home::Home;
use crate::keys;
use crate::output::{self, Format};
use crate::remote;
use anyhow::{Context, Result, bail};
use reqwest::header::HeaderMap;
use reqwest::{Url, redirect};
use std::io::Write as _;
use std::path::Path;
use stele_chain::client::Deployment;
use stele_ledger::receipt;
use stele_types::{
    ChainId, Digest, EntryPoint, EvmAddress, Leaf, NodeAddress, PolicyVersion, Receipt, Value, json,
    result_digest,
};

/// Seconds by which the node's clock may differ from ours.
const CLOCKS: u64 = 60;

/// The words for a decision (`docs/http-api.md`).
const VERDICTS: [&str; 5] = ["allow", "deny", "warn", "dryrun", "undetermined"];

/// What a node said.
struct Answer {
    /// One of [`VERDICTS`].
    verdict: &'static str,
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
    known: Known,
}

/// What is known of the promise's node and ledger, apart from the node's own word.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing: anybody can sign for a node and a ledger that don't exist.
    #[default]
    Nothing,
    /// The ledger is the data directory's.
    Ledger,
    /// The node, too: it is the data directory's, or the chain knows it.
    Node,
}

pub(super) fn run(sources: &Sources, args: &Args, file: &Path) -> Result<Verdict> {
    let home = sources.home()?;
    let mut expected = Expected::default();
    let base = match &args.node {
        Some(url) => url.clone(),
        None => own(&home, &mut expected)?,
    };
    if args.node.is_some() && args.rpc.is_none() {
        expected.ledger = deployed(&home)?;
        if expected.ledger.is_some() {
            expected.known = Known::Ledger;
        }
    }
    if let Some(operator) = args.operator {
        expected.signer = Some(NodeAddress(operator.into_array()));
    }
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    if parent.is_some_and(|parent| !parent.is_dir()) || file.is_dir() {
        bail!("can't write the receipt to {}: nothing was asked", file.display());
    }
    if file.exists() {
        bail!(
            "{} is there already, and may be the only copy of another promise: nothing was asked",
            file.display()
        );
    }
    let input = args.input.as_deref().map(read_input).transpose()?;
    let answer = block_on(ask(&base, &args.path, input.as_ref()))?;
    let in_force = several::in_force(sources, &home, args)?;
    if several::are_several(args, &answer, in_force.as_deref()) {
        several::refuse(sources, args, file, &answer, in_force.as_deref())?;
        return Ok(Verdict::Fail);
    }
    let mut problems = problems(args, input.as_ref(), &answer, &expected)?;
    if let (Some(rpc), [receipt], true) = (&args.rpc, &answer.receipts[..], problems.is_empty()) {
        problems = on_chain(sources, &home, rpc, args, receipt)?;
        expected.known = Known::Node;
    }
    if !problems.is_empty() {
        for problem in problems {
            output::note(format!("WORTH NOTHING: {problem}"));
        }
        output::note(format!(
            "the answer of {base} is not shown: nothing holds the node to it"
        ));
        return Ok(Verdict::Fail);
    }
    let Some(receipt) = answer.receipts.first().filter(|receipt| !is_nobodys(receipt)) else {
        bail!("no policy at `{}` is in force at {base}", args.path);
    };
    keep(file, receipt)?;
    print(args, &answer, receipt, file, expected.known)?;
    Ok(if answer.verdict == "deny" {
        Verdict::Fail
    } else {
        Verdict::Pass
    })
}

/// Whether no policy was in force.
fn is_nobodys(receipt: &Receipt) -> bool {
    receipt.leaf.policy_version == PolicyVersion(Digest::ZERO)
}

/// The ledger of the data directory's deployment, if it has one.
fn deployed(home: &Home) -> Result<Option<(ChainId, EvmAddress)>> {
    let deployment = home.read::<Deployment>(&home.deployment())?;
    Ok(deployment.map(|deployment| (deployment.chain_id, NodeAddress(deployment.ledger.into_array()))))
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
    // With --rpc the chain has the word, which may know of later contracts.
    expected.ledger = deployed(home)?;
    expected.known = Known::Node;
    Ok(node.url)
}

/// Why nobody could hold the node to its promise on the chain.
fn on_chain(
    sources: &Sources,
    home: &Home,
    rpc: &str,
    args: &Args,
    receipt: &Receipt,
) -> Result<Vec<String>> {
    let config = sources.load()?;
    let chain = ChainArgs {
        rpc: Some(rpc.to_owned()),
    };
    let signer = receipt::check(receipt)?.signer;
    block_on(async {
        let (governance, _session) = governance(&config, home, args.contract, &chain).await?;
        let mut problems = Vec::new();
        let asked = governance.deployment().chain_id;
        let line = governance.ledgers().await.environment("the chain")?;
        if receipt.chain_id != asked || !line.contains(&receipt.ledger) {
            problems.push(format!(
                "the receipt promises an anchor in the ledger {} of chain {}, which is none of those whose receipts the contract {} of chain {asked} takes",
                receipt.ledger,
                receipt.chain_id,
                governance.deployment().challenge
            ));
        }
        let term = governance.operator_term_in_line(signer, receipt.node).await;
        if term.environment("the chain")? != Some(None) {
            problems.push(format!(
                "the chain does not know {signer} as who acts for node {} now",
                receipt.node
            ));
        }
        if !governance
            .is_active_node(receipt.node)
            .await
            .environment("the chain")?
        {
            problems.push(format!(
                "node {} is not active on the chain: it anchors nothing",
                receipt.node
            ));
        }
        Ok(problems)
    })
}

/// The word for the decision, which an answer must have.
fn verdict(headers: &HeaderMap) -> Option<&'static str> {
    let mut words = headers.get_all("stele-decision").iter();
    let (word, None) = (words.next()?, words.next()) else {
        return None;
    };
    VERDICTS
        .into_iter()
        .find(|known| known.as_bytes() == word.as_bytes())
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
    let client = remote::client().redirect(redirect::Policy::none());
    let request = client
        .build()?
        .post(url)
        .header("content-type", "application/json");
    let what = || format!("the node at {base}");
    let response = request.body(body).send().await.map_err(anyhow::Error::new);
    let response = response.environment(what())?;
    let status = response.status();
    let verdict = verdict(response.headers());
    let bytes = remote::body(response, remote::MAX_ANSWER, &what()).await?;
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
    let verdict = verdict
        .with_context(|| format!("its header Stele-Decision is none of {}", VERDICTS.join(", ")))
        .with_context(senseless)?;
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
                "the receipt promises an anchor in the ledger {} of chain {}, which is not the data directory's (where you mean another deployment, give --rpc and --contract)",
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
    let [one] = &answer.receipts[..] else {
        return Ok(problems);
    };
    let lenient = matches!(answer.verdict, "allow" | "undetermined") && !is_nobodys(one);
    if lenient && refuses(&args.path, answer.result.as_ref()) {
        problems.push(format!(
            "the node calls it `{}`, and the result that it promises refuses",
            answer.verdict
        ));
    }
    problems.extend(other_answer(&args.path, answer.result.as_ref(), &one.leaf)?);
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

/// Whether the answer is another than the promised one. The leaf names what was decided: that must be what was asked, or the node chooses what its
/// answer is compared with.
fn other_answer(path: &str, result: Option<&Value>, leaf: &Leaf) -> Result<Option<String>> {
    let asked = path.trim_matches('/');
    let is_decided = |path: &str| EntryPoint::new(path).is_ok_and(|path| path.hash() == leaf.entry_point);
    if is_decided(asked) {
        let same = result_digest(result)? == leaf.result_digest;
        return Ok((!same).then(|| "the answer is another one than the receipt promises to log".to_owned()));
    }
    let mut above = asked.match_indices('/').filter_map(|(end, _)| asked.get(..end));
    Ok(Some(match above.find(|path| is_decided(path)) {
        Some(whole) => format!(
            "what was decided is `{whole}`, and nothing shows that the answer is a part of its value: ask for `{whole}`"
        ),
        None => format!("the receipt is about a decision at another path than `{asked}`"),
    }))
}

/// Writes the receipt to a new file: what is there may be the only copy of another promise.
fn keep(file: &Path, receipt: &Receipt) -> Result<()> {
    let what = || format!("can't write the receipt to {}", file.display());
    let text = receipt.to_json()?;
    let mut new = std::fs::File::create_new(file).environment(what())?;
    new.write_all(&text)
        .and_then(|()| new.sync_all())
        .environment(what())
}

fn print(args: &Args, answer: &Answer, receipt: &Receipt, file: &Path, known: Known) -> Result<()> {
    if args.format == Format::Json {
        let decision = serde_json::json!({
            "decision_id": receipt.decision_id,
            "node": receipt.node,
            "policy_version": receipt.leaf.policy_version,
            "due": receipt.due(),
            "receipt": file,
            "ledger_known": known != Known::Nothing,
            "node_known": known == Known::Node,
        });
        output::json(&serde_json::json!({
            "result": answer.result, "decision": answer.verdict, "decisions": [decision],
        }))?;
    } else {
        output::line(format!("{}: {}", args.path, answer.verdict.to_uppercase()));
        let result = answer.result.as_ref();
        output::line(result.map_or_else(|| "undefined".to_owned(), json::to_string_pretty));
    }
    if matches!(answer.verdict, "warn" | "dryrun") {
        output::note(format!(
            "that this is no more than `{}` is the node's word: the receipt is about the result",
            answer.verdict
        ));
    }
    output::note(format!(
        "decision {} of node {} is promised to be in its anchored log by {}; the receipt is in {}",
        receipt.decision_id,
        receipt.node,
        seconds(receipt.due()),
        file.display()
    ));
    let nobody = match known {
        Known::Node => return Ok(()),
        Known::Ledger => "that this node is registered",
        Known::Nothing => "that this node and its ledger exist",
    };
    output::note(format!(
        "nobody checked {nobody}: a receipt is worth what the chain makes of it; ask with --rpc URL --contract ADDRESS (`Challenge`)"
    ));
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
