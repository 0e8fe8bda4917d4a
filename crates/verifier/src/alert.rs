//! Telling people: the log at error level always, a webhook where one is configured.
//!
//! Whether the webhook was told stands in the refusal itself, and is as durable: one write makes both. It is told until it has taken it, through
//! restarts: at least once. Each log has a teller of its own, so that what a receiver refuses of one log holds up no other.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::VerifierError;
use crate::state::{Accused, Refusal};

/// How long the webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// First pause before the webhook is tried again; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(300);
/// Pause after a refusal that trying again won't change.
const PARKED: Duration = Duration::from_secs(3_600);
/// Largest body, in bytes. What the accused node wrote is left out rather than exceed it.
const MAX_BODY: usize = 64 << 10;
/// Most of an accusation's words, in bytes.
const MAX_WORDS: usize = 4 << 10;

/// Where accusations go.
#[derive(Debug, Clone, Default)]
pub struct Alerts(Option<Arc<Webhook>>);

struct Webhook {
    client: reqwest::Client,
    url: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// What became of an accusation on its way to the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// It was taken.
    Taken,
    /// It was refused, without its notes too: why. It is tried again seldom, and at each start.
    Parked(String),
}

/// Why an accusation was not taken.
enum Refused {
    /// The answer to the same request will hardly change.
    ForGood(StatusCode),
    /// Another time it may be taken.
    ForNow(String),
}

impl Alerts {
    /// To a webhook; an empty URL is none.
    ///
    /// # Errors
    /// [`VerifierError::Config`] when no client can be made.
    pub fn new(url: &str) -> Result<Self, VerifierError> {
        if url.is_empty() {
            return Ok(Self::default());
        }
        // Accusations go where the operator sends them, and no further.
        let client = reqwest::Client::builder().redirect(Policy::none()).build();
        let client = client.map_err(|error| VerifierError::Config {
            key: "webhook".to_owned(),
            message: error.to_string(),
        })?;
        let url = url.to_owned();
        Ok(Self(Some(Arc::new(Webhook { client, url }))))
    }

    /// For one log.
    pub(crate) fn teller(&self) -> Teller {
        let (sender, news) = mpsc::channel(1);
        Teller {
            alerts: self.clone(),
            telling: JoinSet::new(),
            sender,
            news,
        }
    }
}

/// One log's way to people.
#[derive(Debug)]
pub(crate) struct Teller {
    alerts: Alerts,
    /// At most one task in a process' life: a log that is refused stays so.
    telling: JoinSet<()>,
    sender: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
}

impl Teller {
    /// Says a new accusation. Nobody waits for the webhook.
    pub(crate) fn raise(&mut self, log: &str, refusal: &Refusal) {
        let accusation = refusal.accusation.word();
        tracing::error!(
            log,
            accusation,
            "{}; nothing of this log is cosigned until an operator acts (`stele verifier resume`)",
            refusal.message
        );
        self.tell(log, refusal);
    }

    /// Has the webhook told, unless it was, or is being told.
    pub(crate) fn tell(&mut self, log: &str, refusal: &Refusal) {
        let Some(webhook) = self.alerts.0.clone() else {
            return;
        };
        if !refusal.told && self.telling.is_empty() {
            let told = webhook.deliver(log.to_owned(), refusal.clone(), self.sender.clone());
            self.telling.spawn(told);
        }
    }

    /// The next thing that became of it; may never come.
    pub(crate) async fn news(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }
}

impl Webhook {
    async fn deliver(self: Arc<Self>, log: String, refusal: Refusal, news: mpsc::Sender<News>) {
        let mut pause = PAUSE;
        loop {
            match self.offer(&log, &refusal).await {
                Ok(()) => {
                    let _ = news.send(News::Taken).await;
                    return;
                }
                Err(Refused::ForGood(status)) => {
                    tracing::warn!(log, %status, again_s = PARKED.as_secs(), "the webhook refuses an accusation");
                    let _ = news.send(News::Parked(format!("answered {status}"))).await;
                    tokio::time::sleep(PARKED).await;
                }
                Err(Refused::ForNow(error)) => {
                    tracing::warn!(
                        log,
                        error,
                        again_s = pause.as_secs(),
                        "the webhook did not take an accusation"
                    );
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST);
                }
            }
        }
    }

    /// One try. What the accused node wrote may be what the receiver objects to.
    async fn offer(&self, log: &str, refusal: &Refusal) -> Result<(), Refused> {
        let whole = body(log, refusal, true).to_string();
        if whole.len() <= MAX_BODY {
            match self.post(whole).await {
                Err(Refused::ForGood(_)) if !refusal.notes.is_empty() => {}
                other => return other,
            }
        }
        self.post(body(log, refusal, false).to_string()).await
    }

    async fn post(&self, body: String) -> Result<(), Refused> {
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .timeout(PATIENCE)
            .body(body);
        let answer = request.send().await;
        let status = answer
            .map_err(|error| Refused::ForNow(error.to_string()))?
            .status();
        let for_now = [
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_EARLY,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        match status {
            _ if status.is_success() => Ok(()),
            _ if status.is_redirection() => Err(Refused::ForGood(status)),
            _ if status.is_client_error() && !for_now.contains(&status) => Err(Refused::ForGood(status)),
            _ => Err(Refused::ForNow(format!("answered {status}"))),
        }
    }
}

/// What the webhook is sent. Without the notes it is small, whatever the accused node wrote.
fn body(log: &str, refusal: &Refusal, with_notes: bool) -> Value {
    let mut refused = json!({
        "accusation": refusal.accusation,
        "message": words(&refusal.message),
        "at": refusal.at,
        "decision": refusal.decision.as_ref().map(decision),
    });
    let notes = match with_notes {
        true => ("notes", json!(refusal.notes)),
        false => ("notes_left_out", json!(refusal.notes.len())),
    };
    if let Some(refused) = refused.as_object_mut() {
        refused.insert(notes.0.to_owned(), notes.1);
    }
    json!({ "log": log, "refused": refused })
}

fn decision(accused: &Accused) -> Value {
    json!({
        "index": accused.index,
        "decision_id": accused.decision_id,
        "leaf_hash": accused.leaf_hash,
        "ahead": accused.ahead,
    })
}

/// The beginning of a text.
fn words(text: &str) -> String {
    let mut end = text.len().min(MAX_WORDS);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let (kept, rest) = text.split_at_checked(end).unwrap_or_default();
    match rest {
        "" => kept.to_owned(),
        _ => format!("{kept}…"),
    }
}

#[cfg(test)]
mod tests;
