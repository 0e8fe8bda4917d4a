//! `stele challenge --private`: verifiers re-execute the decision, and the contract takes the word of a quorum of them.

use super::subject::Subject;
use super::{Args, before, consent, failed, governance, verdict, with_subject};
use crate::config::Sources;
use crate::exit::{Environment, EnvironmentContext, Verdict};
use crate::home::Home;
use crate::output::{self, Format};
use crate::{chain::block_on, keys};
use alloy_primitives::Address;
use anyhow::{Context, Result, bail};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;
use stele_chain::client::{DisputeOutcome, DisputeProof, Disputed, Governance, OutcomeSignature, read_token};
use stele_chain::contracts::Role;
use stele_gate::report::many;
use stele_ledger::proof::ProofBundle;
use stele_types::{Digest, NodeAddress};
use stele_verifier::{DisputeAnswer, DisputeRequest, DisputeVerdict};
use url::Url;
use zeroize::Zeroizing;

/// How long a verifier may take: it may have to fetch a bundle, and to re-execute for seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest answer, in bytes.
const MAX_ANSWER: usize = 64 << 10;

pub(super) fn run(sources: &Sources, args: &Args, proof: &ProofBundle) -> Result<Verdict> {
    let subject = Subject::of(proof)?;
    let verifiers = verifiers(args)?;
    let config = sources.load()?;
    let home = Home::at(&config.data_dir);
    block_on(async {
        let (governance, _session) = governance(&config, &home, args.contract, &args.chain).await?;
        if governance.deployment().dispute == Address::ZERO {
            bail!(
                "no contract Dispute may settle leaves in the Challenge at {}: an admin gives it the role ARBITER there",
                governance.deployment().challenge
            );
        }
        if let Some(refuted) = governance.settled(subject.leaf_hash).await.map_err(failed)? {
            return before(args.format, &subject, refuted);
        }
        let needed = needed(&governance, verifiers.len()).await?;
        let anchor = subject.anchored(&governance).await?;
        let account = keys::role_account(&home, Role::Responder, args.key.as_deref())?;
        let request = request(&subject, anchor, account.address(), args.send_record)?;
        let words = collect(&governance, &subject, &verifiers, &request).await?;
        let agreed = agree(words, needed)?;
        let outcome = DisputeOutcome {
            leaf: subject.leaf,
            computed: agreed.computed,
            challenger: account.address(),
        };
        disclose(&governance, &subject, &outcome, &agreed);
        consent(args.yes)?;
        let proof = DisputeProof {
            index: subject.index,
            anchor,
            inclusion: subject.inclusion.clone(),
        };
        let disputed = governance
            .dispute(&account, &outcome, &proof, &agreed.signatures)
            .await;
        settled(args.format, &subject, &outcome, &disputed.map_err(failed)?)
    })
}

/// A verifier to ask.
struct Asked {
    url: Url,
    token: Zeroizing<String>,
}

/// Those of the command line, each with its token.
fn verifiers(args: &Args) -> Result<Vec<Asked>> {
    let tokens = args
        .verifier_token
        .iter()
        .map(|path| read_token(path).with_context(|| format!("can't read {}", path.display())));
    let tokens: Vec<Zeroizing<String>> = tokens.collect::<Result<_>>()?;
    if tokens.len() > 1 && tokens.len() != args.verifiers.len() {
        bail!(
            "{} tokens for {} verifiers: give one --verifier-token for all of them, or one for each",
            tokens.len(),
            args.verifiers.len()
        );
    }
    let asked = args.verifiers.iter().enumerate().map(|(number, text)| {
        let url = Url::parse(text).with_context(|| format!("--verifier {text} is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            bail!("--verifier {text} is neither http nor https");
        }
        let token = tokens.get(number).or_else(|| tokens.first());
        let token = token.cloned().unwrap_or_default();
        if url.scheme() == "http" && !is_here(&url) {
            if args.send_record {
                bail!(
                    "--send-record would show the input to whoever listens on the way to {text}: use https"
                );
            }
            if !token.is_empty() {
                bail!(
                    "--verifier-token would show the token to whoever listens on the way to {text}: use https"
                );
            }
        }
        Ok(Asked { url, token })
    });
    asked.collect()
}

/// Whether a URL is of this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// How many verifiers have to agree; refuses what can't come to that.
async fn needed(governance: &Governance, named: usize) -> Result<usize> {
    let needed = usize::from(governance.dispute_quorum().await.map_err(failed)?);
    if needed == 0 {
        bail!(
            "the ledger demands no quorum of verifiers, so nobody's word counts: an admin sets one with `stele verifier quorum --signatures N`"
        );
    }
    if named < needed {
        bail!("{needed} verifiers must agree, and {named} are named: repeat --verifier");
    }
    Ok(needed)
}

fn request(subject: &Subject, anchor: u64, challenger: Address, send_record: bool) -> Result<Vec<u8>> {
    let record = if send_record {
        let json = String::from_utf8(subject.record.to_json()?)?;
        Some(RawValue::from_string(json)?)
    } else {
        None
    };
    let request = DisputeRequest {
        challenger: NodeAddress(challenger.into_array()),
        leaf: subject.leaf,
        index: subject.index,
        anchor,
        inclusion: subject.inclusion.clone(),
        record,
    };
    Ok(serde_json::to_vec(&request)?)
}

/// What the verifiers said.
#[derive(Default)]
struct Words {
    /// By the digest of the result found.
    found: BTreeMap<Digest, Vec<OutcomeSignature>>,
    /// What is wrong with the others, and whether asking again later may help.
    problems: Vec<String>,
    away: bool,
}

/// Asks all of them at once, and keeps what the contract will count.
async fn collect(
    governance: &Governance,
    subject: &Subject,
    verifiers: &[Asked],
    request: &[u8],
) -> Result<Words> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .environment("the HTTP client")?;
    let mut asked = tokio::task::JoinSet::new();
    for verifier in verifiers {
        let url = format!("{}/v1/disputes", verifier.url.as_str().trim_end_matches('/'));
        let (client, token, body) = (client.clone(), verifier.token.clone(), request.to_vec());
        asked.spawn(async move {
            let answer = ask(&client, &url, &token, body).await;
            (url, answer)
        });
    }
    let challenger = serde_json::from_slice::<DisputeRequest>(request)?.challenger;
    let mut words = Words::default();
    while let Some(done) = asked.join_next().await {
        let (url, answer) = done.environment("a request to a verifier")?;
        match answer {
            Err(Silence::Away(problem)) => {
                words.away = true;
                words.problems.push(format!("{url}: {problem}"));
            }
            Err(Silence::Declined(problem)) => words.problems.push(format!("{url}: {problem}")),
            Ok(answer) => {
                let outcome = DisputeOutcome {
                    leaf: subject.leaf,
                    computed: answer.computed,
                    challenger: challenger.0.into(),
                };
                match counted(governance, &outcome, &answer, &words).await? {
                    Ok(signature) => words.found.entry(answer.computed).or_default().push(signature),
                    Err(problem) => words.problems.push(format!("{url}: {problem}")),
                }
            }
        }
    }
    Ok(words)
}

/// Why a verifier gave no outcome.
enum Silence {
    /// It can't be reached, or can't judge now: that may pass by itself.
    Away(String),
    /// It answered something else, and would again.
    Declined(String),
}

async fn ask(
    client: &reqwest::Client,
    url: &str,
    token: &str,
    body: Vec<u8>,
) -> Result<DisputeAnswer, Silence> {
    let away = |error: reqwest::Error| Silence::Away(format!("{:#}", anyhow::Error::new(error)));
    let mut request = client
        .post(url)
        .header("content-type", "application/json")
        .body(body);
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    let mut answer = request.send().await.map_err(away)?;
    let status = answer.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(away)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(Silence::Declined(format!(
                "it answered more than {MAX_ANSWER} bytes"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    if status.is_success() {
        return serde_json::from_slice(&bytes)
            .map_err(|error| Silence::Declined(format!("its answer is no outcome: {error}")));
    }
    let said: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let said = said.as_ref().and_then(|said| said.get("error")?.as_str());
    let problem = match said {
        Some(said) => format!("{status}: {said}"),
        None => status.to_string(),
    };
    let passes = status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS;
    Err(if passes {
        Silence::Away(problem)
    } else {
        Silence::Declined(problem)
    })
}

/// The signature of an answer, if the contract will count it; otherwise why not.
async fn counted(
    governance: &Governance,
    outcome: &DisputeOutcome,
    answer: &DisputeAnswer,
    words: &Words,
) -> Result<Result<OutcomeSignature, String>> {
    let digits = answer.signature.strip_prefix("0x").unwrap_or(&answer.signature);
    let bytes = hex::decode(digits).unwrap_or_default();
    let signer = governance.outcome_signer(outcome, &bytes);
    let signer = match signer {
        Some(signer) if signer.into_array() == answer.account.0 => signer,
        _ => {
            return Ok(Err(
                "its signature is not over the outcome that it names".to_owned()
            ));
        }
    };
    if answer.verdict != DisputeVerdict::of(outcome) {
        return Ok(Err("its verdict is not what its result means".to_owned()));
    }
    if words.found.values().flatten().any(|held| held.signer == signer) {
        return Ok(Err(format!("{signer} was asked already, under another URL")));
    }
    if !governance.is_verifier(signer).await.map_err(failed)? {
        return Ok(Err(format!("the ledger does not count {signer} as a verifier")));
    }
    let node = outcome.leaf.node;
    let acts = governance.operator_term(answer.account).await.map_err(failed)?;
    if acts.is_some_and(|(of, _)| of == node) || answer.account == node {
        return Ok(Err(format!("{signer} acts, or acted, for the node itself")));
    }
    Ok(Ok(OutcomeSignature {
        signer,
        signature: bytes.into(),
    }))
}

/// What a quorum found.
struct Agreed {
    computed: Digest,
    signatures: Vec<OutcomeSignature>,
}

/// The outcome that enough verifiers found, if there is one and no other.
fn agree(words: Words, needed: usize) -> Result<Agreed> {
    let mut said: Vec<String> = words
        .found
        .iter()
        .map(|(computed, signed)| format!("{} found a result with digest {computed}", signed.len()))
        .collect();
    let disagree = said.len() > 1;
    said.extend(words.problems.iter().cloned());
    let mut enough = words
        .found
        .into_iter()
        .filter(|(_, signed)| signed.len() >= needed);
    match (enough.next(), enough.next()) {
        (Some((computed, mut signatures)), None) => {
            // More of them prove no more, and each costs gas.
            signatures.truncate(needed);
            for problem in &words.problems {
                output::note(format!("not counted: {problem}"));
            }
            if disagree {
                output::note(format!(
                    "the verifiers disagree; a quorum is of one mind: {}",
                    said.join("; ")
                ));
            }
            Ok(Agreed { computed, signatures })
        }
        (None, _) if words.away => Err(Environment(format!(
            "fewer than {needed} verifiers agree, and nothing was sent to the chain: {}",
            said.join("; ")
        ))
        .into()),
        (None, _) if disagree => bail!(
            "the verifiers disagree, {needed} of one mind are needed, and nothing was sent to the chain: {}",
            said.join("; ")
        ),
        (None, _) => bail!(
            "fewer than {needed} verifiers agree, and nothing was sent to the chain: {}",
            said.join("; ")
        ),
        (Some(_), Some(_)) => bail!(
            "there is a quorum for more than one outcome, so verifiers lie, and nothing was sent to the chain: {}",
            said.join("; ")
        ),
    }
}

/// Shows on standard error what becomes public, all of it.
fn disclose(governance: &Governance, subject: &Subject, outcome: &DisputeOutcome, agreed: &Agreed) {
    let deployment = governance.deployment();
    output::note(format!(
        "A private challenge publishes the following on chain {} (contract {}), for ever, together with the proof of inclusion. The input, its salt \
         and the policy's data do not become public:\n",
        deployment.chain_id, deployment.dispute
    ));
    let leaf = &subject.leaf;
    for (name, value) in [
        ("decision", leaf.decision_id.to_string()),
        ("time", leaf.time.to_string()),
        ("node", leaf.node.to_string()),
        ("version", leaf.policy_version.to_string()),
        ("entry point", format!("SHA-256 {}", leaf.entry_point)),
        ("recorded", format!("result with SHA-256 {}", leaf.result_digest)),
        ("input", format!("its commitment {}", leaf.input_commitment)),
        ("data", format!("SHA-256 {}", leaf.data_digest)),
        ("details", format!("their commitment {}", leaf.detail_commitment)),
        ("found", format!("result with SHA-256 {}", outcome.computed)),
        ("challenger", outcome.challenger.to_string()),
    ] {
        output::note(format!("  {name:<12} {value}"));
    }
    for signature in &agreed.signatures {
        output::note(format!("  {:<12} {}", "verifier", signature.signer));
    }
    output::note(if outcome.refutes() {
        "\nThe verifiers found ANOTHER result than the recorded one: the chain will suspend the node."
    } else {
        "\nThe verifiers found the recorded result: the chain will uphold it, and nobody can dispute it again."
    });
}

fn settled(
    format: Format,
    subject: &Subject,
    outcome: &DisputeOutcome,
    disputed: &Disputed,
) -> Result<Verdict> {
    let word = if disputed.refuted { "refuted" } else { "upheld" };
    match format {
        Format::Json => {
            let answer = serde_json::json!({
                "verdict": word,
                "private": true,
                "computed": outcome.computed,
                "verifiers": disputed.verifiers,
                "transaction": disputed.transaction,
                "gas_used": disputed.gas_used,
            });
            output::json(&with_subject(answer, subject)?)?;
        }
        Format::Text => {
            let (decision, node) = (subject.record.decision_id, subject.leaf.node);
            let paid = format!(
                "by {}, transaction {}, {} gas",
                many(disputed.verifiers.len(), "verifier"),
                disputed.transaction,
                disputed.gas_used.get()
            );
            output::line(if disputed.refuted {
                format!("REFUTED: decision {decision}; node {node} is suspended ({paid})")
            } else {
                format!("upheld: decision {decision} of node {node} is what the policy says ({paid})")
            });
        }
    }
    Ok(verdict(disputed.refuted))
}
