//! Collecting verifiers' signatures over a checkpoint before it is anchored: from all of them at once, until the ledger's quorum is complete.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use stele_chain::client::CheckpointSignature;
use stele_ledger::witness::{AddCheckpoint, read_size, with_signatures};
use stele_ledger::{CosignerKey, SignedCheckpoint};
use stele_types::TreeSize;
use tokio::task::JoinSet;

use super::anchor::blocking;
use crate::chain::ChainLink;
use crate::config::AnchorConfig;
use crate::shared::Shared;

/// How long verifiers are waited for when the ledger demands none: their signatures are welcome in the checkpoint.
const COURTESY: Duration = Duration::from_secs(1);
/// Pause before a verifier is asked again that has not verified the checkpoint yet.
const AGAIN: Duration = Duration::from_millis(300);
/// Largest answer, in bytes.
const MAX_ANSWER: usize = 64 << 10;
/// Header with the signature for the ledger contract: `<address> <65 bytes in hex>`.
const ANCHOR_HEADER: &str = "stele-anchor-signature";

/// The verifiers that this node asks.
pub(super) struct Verifiers {
    all: Vec<Arc<Verifier>>,
    client: reqwest::Client,
    patience: Duration,
}

/// One of them.
struct Verifier {
    url: String,
    key: CosignerKey,
    /// The size that it cosigned last, as far as it has told.
    cosigned: AtomicU64,
}

/// What was collected.
pub(super) struct Quorum {
    /// For the ledger contract; as many as it demands.
    pub(super) signatures: Vec<CheckpointSignature>,
    /// The checkpoint with the cosignatures.
    pub(super) note: String,
}

/// A verifier's answer.
struct Answer {
    /// Its cosignature, verified.
    line: String,
    signature: Option<Vec<u8>>,
}

impl Verifiers {
    /// Those of the configuration.
    pub(super) fn new(config: &AnchorConfig) -> Result<Self, String> {
        let verifier = |asked: &crate::config::AskedVerifier| {
            let key = asked
                .key
                .parse()
                .map_err(|error| format!("server.anchor.verifiers names the key `{}`: {error}", asked.key))?;
            Ok(Arc::new(Verifier {
                url: format!("{}/add-checkpoint", asked.url.trim_end_matches('/')),
                key,
                cosigned: AtomicU64::new(0),
            }))
        };
        let all = config
            .verifiers
            .iter()
            .map(verifier)
            .collect::<Result<_, String>>()?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            all,
            client,
            patience: Duration::from_millis(config.verifier_ms),
        })
    }

    /// Asks all of them to sign a head. Returns as soon as the ledger's quorum is complete.
    ///
    /// # Errors
    /// Too few of them signed: how many, and what the others said.
    pub(super) async fn collect(
        &self,
        shared: &Arc<Shared>,
        link: &dyn ChainLink,
        head: &SignedCheckpoint,
    ) -> Result<Quorum, String> {
        let tree = &head.checkpoint;
        let demanded = link.quorum().await.map_err(|problem| problem.to_string())?;
        let needed = if tree.size > demanded.threshold {
            usize::from(demanded.signatures)
        } else {
            0
        };
        let mut asked = JoinSet::new();
        for verifier in &self.all {
            let (verifier, client) = (Arc::clone(verifier), self.client.clone());
            let (shared, head, patience) = (Arc::clone(shared), head.clone(), self.patience);
            asked.spawn(async move {
                let answer =
                    tokio::time::timeout(patience, verifier.ask(&client, &shared, &head, patience)).await;
                let answer =
                    answer.unwrap_or_else(|_| Err(format!("no answer in {} ms", patience.as_millis())));
                answer.map_err(|problem| format!("{}: {problem}", verifier.url))
            });
        }
        let (mut signatures, mut lines, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        let courtesy = tokio::time::sleep(COURTESY);
        tokio::pin!(courtesy);
        while needed == 0 || signatures.len() < needed {
            let answer = tokio::select! {
                answer = asked.join_next() => answer,
                () = &mut courtesy, if needed == 0 => break,
            };
            match answer {
                None => break,
                Some(Err(error)) => problems.push(error.to_string()),
                Some(Ok(Err(problem))) => problems.push(problem),
                Some(Ok(Ok(answer))) => {
                    lines.push(answer.line);
                    if needed == 0 {
                        continue;
                    }
                    let Some(signature) = answer.signature else {
                        problems.push("a verifier cosigned, and gave no signature for the ledger: it re-executes nothing here, has no account, or its signature is unreadable".to_owned());
                        continue;
                    };
                    let counted = link.verifier(tree.size, tree.root, signature).await;
                    match counted.map_err(|problem| problem.to_string())? {
                        Some(signed) => add(&mut signatures, signed),
                        None => problems.push("a signature is of nobody whom the ledger counts".to_owned()),
                    }
                }
            }
        }
        if signatures.len() < needed {
            let said = if problems.is_empty() {
                String::new()
            } else {
                format!(": {}", problems.join("; "))
            };
            return Err(format!(
                "the ledger demands the signatures of {needed} verifiers, and {} of the {} in server.anchor.verifiers signed{said}",
                signatures.len(),
                self.all.len(),
            ));
        }
        // Cosignatures are welcome, and no reason not to anchor.
        let note = with_signatures(&head.note, lines.iter().map(String::as_str)).unwrap_or_else(|error| {
            tracing::warn!(%error, "a checkpoint is served without its cosignatures");
            head.note.clone()
        });
        let served = note.clone();
        blocking(shared, move |log| {
            log.ledger()
                .serve_cosigned(&served)
                .map_err(|error| error.to_string())
        })
        .await?;
        Ok(Quorum { signatures, note })
    }
}

/// Keeps a signature, one of each account.
fn add(signatures: &mut Vec<CheckpointSignature>, signed: CheckpointSignature) {
    if signatures.iter().all(|held| held.signer != signed.signer) {
        signatures.push(signed);
    }
}

impl Verifier {
    /// Asks until there is an answer that stands. Whoever calls bounds the time, for a verifier that never answers.
    async fn ask(
        &self,
        client: &reqwest::Client,
        shared: &Arc<Shared>,
        head: &SignedCheckpoint,
        patience: Duration,
    ) -> Result<Answer, String> {
        let started = tokio::time::Instant::now();
        let size = head.checkpoint.size;
        let mut corrected = false;
        loop {
            let old = TreeSize::new(self.cosigned.load(Ordering::Relaxed));
            if old > size {
                // Only its own word counts, and it may have told of another log's size.
                self.cosigned.store(0, Ordering::Relaxed);
                return Err(format!(
                    "it has cosigned {old} leaves already, more than these {size}"
                ));
            }
            let proof = blocking(shared, move |log| {
                log.consistency(old, size).map_err(|error| error.to_string())
            });
            let request = AddCheckpoint {
                old,
                proof: proof.await?,
                note: head.note.clone(),
            };
            let sent = client.post(&self.url).body(request.to_text()).send().await;
            let answer = sent.map_err(|error| words(&error))?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = body(answer).await?;
            match status {
                StatusCode::OK => {
                    let signature = headers.get(ANCHOR_HEADER).and_then(|value| value.to_str().ok());
                    let answer = self.accept(head, &body, signature)?;
                    self.cosigned.store(size.get(), Ordering::Relaxed);
                    return Ok(answer);
                }
                StatusCode::CONFLICT => {
                    let cosigned = read_size(&body).ok_or("409 without a size")?;
                    if self.cosigned.swap(cosigned.get(), Ordering::Relaxed) == cosigned.get() {
                        return Err(format!(
                            "409 at {cosigned} leaves: it knows another tree of that size"
                        ));
                    }
                    // Once is how its size is learned; one that names another size each time must not be asked as fast as it answers.
                    if std::mem::replace(&mut corrected, true) {
                        tokio::time::sleep(AGAIN).await;
                    }
                }
                StatusCode::SERVICE_UNAVAILABLE if started.elapsed().saturating_add(AGAIN) < patience => {
                    tokio::time::sleep(AGAIN).await;
                }
                _ => return Err(format!("{status}: {}", body.trim_end())),
            }
        }
    }

    /// Checks an answer: the cosignature must be the verifier's own, over this very checkpoint.
    fn accept(&self, head: &SignedCheckpoint, body: &str, signature: Option<&str>) -> Result<Answer, String> {
        let line = own_line(&self.key, &head.note, body)?;
        let hex = signature.and_then(|text| text.split_whitespace().nth(1));
        Ok(Answer {
            line,
            signature: hex.and_then(decode),
        })
    }
}

/// The one line of an answer that is the verifier's cosignature. Whatever else it sent is nobody's business.
fn own_line(key: &CosignerKey, note: &str, body: &str) -> Result<String, String> {
    let mut problem = "its answer has no line with its name".to_owned();
    for line in body
        .lines()
        .filter(|line| line.split(' ').nth(1) == Some(key.name()))
    {
        let whole = with_signatures(note, [line]);
        match whole.and_then(|whole| key.verify(&whole)) {
            Ok(_) => return Ok(line.to_owned()),
            Err(error) => problem = error.to_string(),
        }
    }
    Err(problem)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes.filter(|bytes| bytes.len() == 65)
}

async fn body(mut answer: reqwest::Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| words(&error))? {
        if bytes.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(format!("it answered more than {MAX_ANSWER} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| "its answer is not UTF-8".to_owned())
}

/// A client error with what is behind it; the outermost alone says little.
fn words(error: &reqwest::Error) -> String {
    let inner = std::error::Error::source(error).map(ToString::to_string);
    inner.map_or_else(|| error.to_string(), |inner| format!("{error}: {inner}"))
}

#[cfg(test)]
mod tests {
    use stele_ledger::witness::signed_text;
    use stele_ledger::{Checkpoint, Cosigner, SigningKey};
    use stele_types::Digest;

    use super::*;

    #[test]
    fn only_the_cosignature_is_kept_of_an_answer() {
        let checkpoint = Checkpoint {
            origin: "log".to_owned(),
            size: TreeSize::new(1),
            root: Digest([1; 32]),
            extensions: Vec::new(),
        };
        let key = SigningKey::from_seed("log", &[1; 32]).unwrap();
        let note = checkpoint.sign(&key).unwrap().note;
        let cosigner = Cosigner::from_seed("w1", &[2; 32]).unwrap();
        let lines = cosigner.cosign(signed_text(&note).unwrap(), 7).unwrap();
        let line = lines.trim_end();
        let impostor = Cosigner::from_seed("w1", &[3; 32]).unwrap();
        let other = impostor.cosign(signed_text(&note).unwrap(), 7).unwrap();
        let junk = "\u{2014} w1 AAAAAAAA\nnonsense\n\u{2014} w2 AAAA\n";
        for body in [lines.clone(), format!("{junk}{other}{lines}{lines}{junk}{other}")] {
            assert_eq!(own_line(cosigner.key(), &note, &body).unwrap(), line);
        }
        for body in ["", junk, &other] {
            own_line(cosigner.key(), &note, body).unwrap_err();
        }
    }
}
