//! Cosigning on request: C2SP tlog-witness' `add-checkpoint`, and with it the signature that the ledger contract wants.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use stele_chain::client::Account;
use stele_ledger::checkpoint::CheckpointError;
use stele_ledger::note::NoteError;
use stele_ledger::tree::verify;
use stele_ledger::witness::{AddCheckpoint, signed_text};
use stele_ledger::{Checkpoint, Cosigner, SignedCheckpoint, VerifierKey};
use stele_types::TreeSize;
use tokio::sync::{mpsc, oneshot};

use crate::error::VerifierError;
use crate::follow::{Follower, head_of};
use crate::state::{Head, Refusal};

/// The answer to a request.
#[derive(Debug)]
pub enum Answer {
    /// 200: signature lines, and for the ledger contract the signer and the 65 bytes of its signature in hex.
    Signed {
        /// The note signature lines.
        lines: String,
        /// `<address> <signature>`.
        anchor: Option<String>,
    },
    /// 400.
    Malformed(String),
    /// 404.
    UnknownLog,
    /// 403: no trusted key signed the checkpoint.
    BadSignature(String),
    /// 409: another head was cosigned last.
    Stale(TreeSize),
    /// 422.
    BadProof(String),
    /// 403: the log is accused of something.
    Refused(Box<Refusal>),
    /// 503: not verified (yet).
    NotVerified(String),
}

/// A request on its way to its log's follower.
pub(crate) struct Ask {
    request: AddCheckpoint,
    signed: SignedCheckpoint,
    reply: oneshot::Sender<Answer>,
}

/// Where requests for a log go.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) key: VerifierKey,
    pub(crate) asks: mpsc::Sender<Ask>,
}

/// All logs by their origin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desks {
    pub(crate) logs: HashMap<String, Desk>,
    /// How long a request may wait for its verification.
    pub(crate) wait: Duration,
}

impl Desks {
    /// Answers the body of a request.
    pub(crate) async fn add_checkpoint(&self, body: &[u8]) -> Answer {
        let request = match AddCheckpoint::from_bytes(body) {
            Ok(request) => request,
            Err(error) => return Answer::Malformed(error.to_string()),
        };
        let checkpoint = signed_text(&request.note)
            .map_err(CheckpointError::from)
            .and_then(Checkpoint::from_text);
        let checkpoint = match checkpoint {
            Ok(checkpoint) => checkpoint,
            Err(error) => return Answer::Malformed(error.to_string()),
        };
        let Some(desk) = self.logs.get(&checkpoint.origin) else {
            return Answer::UnknownLog;
        };
        let signed = match SignedCheckpoint::open(&request.note, &desk.key) {
            Ok(signed) => signed,
            Err(CheckpointError::Note(error @ NoteError::Malformed { .. })) => {
                return Answer::Malformed(error.to_string());
            }
            Err(error) => return Answer::BadSignature(error.to_string()),
        };
        if request.old > signed.checkpoint.size {
            return Answer::Malformed("the old size is above the checkpoint's".to_owned());
        }
        let (reply, answer) = oneshot::channel();
        let ask = Ask {
            request,
            signed,
            reply,
        };
        let late = || Answer::NotVerified("the checkpoint is not verified yet; ask again".to_owned());
        if desk.asks.try_send(ask).is_err() {
            return Answer::NotVerified("too many requests wait for this log".to_owned());
        }
        match tokio::time::timeout(self.wait, answer).await {
            Ok(Ok(answer)) => answer,
            _ => late(),
        }
    }
}

/// What signs.
#[derive(Debug, Clone)]
pub struct Signers {
    /// For the log world.
    pub cosigner: Arc<Cosigner>,
    /// For the ledger contract; needs a chain.
    pub account: Option<Account>,
}

impl Follower {
    /// Answers one request.
    pub(crate) async fn answer(&mut self, ask: Ask, signers: &Signers) {
        // Whoever asked may have given up; a cosignature that nobody fetches would only make the next request stale.
        if ask.reply.is_closed() {
            return;
        }
        let answer = match self.add(&ask.request, &ask.signed, signers).await {
            Ok(answer) => answer,
            Err(error) => Answer::NotVerified(error.to_string()),
        };
        let answer = match &self.file.state().refused {
            Some(refusal) if !matches!(answer, Answer::Stale(_)) => {
                Answer::Refused(Box::new(refusal.clone()))
            }
            _ => answer,
        };
        let _ = ask.reply.send(answer);
    }

    async fn add(
        &mut self,
        request: &AddCheckpoint,
        signed: &SignedCheckpoint,
        signers: &Signers,
    ) -> Result<Answer, VerifierError> {
        if let Some(refusal) = &self.file.state().refused {
            return Ok(Answer::Refused(Box::new(refusal.clone())));
        }
        let new = head_of(signed);
        let cosigned = self.file.state().cosigned;
        let last = cosigned.unwrap_or(Head {
            size: TreeSize::ZERO,
            root: stele_ledger::tree::empty_root(),
        });
        if request.old != last.size {
            return Ok(Answer::Stale(last.size));
        }
        if new.size == last.size && new.root != last.root {
            self.forked(new.size, &signed.note)?;
            return Ok(Answer::Stale(last.size));
        }
        if let Err(error) = verify::consistency(last.size, new.size, &last.root, &new.root, &request.proof) {
            return Ok(Answer::BadProof(error.to_string()));
        }
        if let Some(answer) = self.verify(new, signed).await? {
            return Ok(answer);
        }
        self.file.change(|state| state.cosigned = Some(new))?;
        let answer = self.sign(new, signed, signers)?;
        self.stats.of_state(self.file.state());
        self.stats
            .update(|status| status.cosignatures = status.cosignatures.saturating_add(1));
        Ok(answer)
    }

    /// Verifies a head as far as it is not, and holds it against the chain. `None` when it may be signed.
    async fn verify(
        &mut self,
        new: Head,
        signed: &SignedCheckpoint,
    ) -> Result<Option<Answer>, VerifierError> {
        let not_yet = |text: &str| Ok(Some(Answer::NotVerified(text.to_owned())));
        let verified = self.file.state().verified();
        if new.size >= verified.size {
            self.advance(signed).await?;
        } else if !self.is_beginning(new, verified).await? {
            self.forked(new.size, &signed.note)?;
        }
        // The newest word of the chain: a verifier whose own memory is old must not contradict what it signed before.
        let anchor = self.chain_anchor().await?;
        if let Some(anchor) = anchor.filter(|_| !self.refuses()) {
            if anchor.size > new.size {
                return not_yet("the chain holds an anchor of more leaves than this checkpoint has");
            }
            self.compare_with_anchor(anchor, &signed.note).await?;
        }
        if self.refuses() || self.file.state().edge.size() < new.size {
            return not_yet("the checkpoint is not verified");
        }
        Ok(None)
    }

    /// Whether a smaller head is a beginning of what was verified.
    async fn is_beginning(&self, head: Head, verified: Head) -> Result<bool, VerifierError> {
        match self.recent.get(&head.size.get()) {
            Some(root) => Ok(*root == head.root),
            None => {
                let (old, new) = ((head.size, head.root), (verified.size, verified.root));
                self.source.is_prefix(old, new).await
            }
        }
    }

    /// Signs a head that is durable in the state.
    fn sign(
        &self,
        head: Head,
        signed: &SignedCheckpoint,
        signers: &Signers,
    ) -> Result<Answer, VerifierError> {
        let time = (self.clock)().as_seconds();
        let lines = signers.cosigner.cosign(signed_text(&signed.note)?, time)?;
        let anchor = match (&self.chain, &signers.account) {
            (Some(chain), Some(account)) if self.vouches() => {
                let signature = chain.sign_checkpoint(account, self.node, head.size, head.root)?;
                Some(format!(
                    "{} 0x{}",
                    signature.signer,
                    hex::encode(&signature.signature)
                ))
            }
            _ => None,
        };
        Ok(Answer::Signed { lines, anchor })
    }
}
