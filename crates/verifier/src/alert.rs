//! Telling people: the log at error level always, a webhook where one is configured.
//!
//! What the webhook has to be told is durable before the accusation is, and is told until the webhook has taken it, through restarts: at least once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use stele_ledger::storage::{LedgerError, Store, replace_file_durably};
use tokio::sync::Notify;

use crate::error::VerifierError;
use crate::state::Refusal;

/// How long the webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// First pause before the webhook is tried again; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(300);
/// What the webhook has not taken yet, oldest first: an array of bodies.
const OUTBOX: &str = "outbox.json";

/// Where accusations go.
#[derive(Clone, Default)]
pub struct Alerts(Option<Arc<Webhook>>);

struct Webhook {
    client: reqwest::Client,
    url: String,
    store: Arc<dyn Store>,
    waiting: Mutex<Vec<Value>>,
    news: Notify,
}

impl std::fmt::Debug for Alerts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Alerts")
            .field(&self.0.as_ref().map(|webhook| &webhook.url))
            .finish()
    }
}

impl Alerts {
    /// To a webhook; an empty URL is none. What it was not told yet is read from the store.
    ///
    /// # Errors
    /// [`VerifierError`]: an outbox that can't be read, or is damaged.
    pub fn new(url: &str, store: Arc<dyn Store>) -> Result<Self, VerifierError> {
        if url.is_empty() {
            return Ok(Self::default());
        }
        let read = store
            .read(OUTBOX)
            .map_err(|source| LedgerError::io("read", OUTBOX, source))?;
        let waiting = read.map_or(Ok(Vec::new()), |bytes| serde_json::from_slice(&bytes));
        let waiting = waiting.map_err(|error| VerifierError::State {
            file: OUTBOX.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self(Some(Arc::new(Webhook {
            client: reqwest::Client::new(),
            url: url.to_owned(),
            store,
            waiting: Mutex::new(waiting),
            news: Notify::new(),
        }))))
    }

    /// Keeps an accusation for the webhook, durably. Before anything else: a crash in between finds the same again.
    pub(crate) fn keep(&self, log: &str, refusal: &Refusal) -> Result<(), VerifierError> {
        let Some(webhook) = &self.0 else {
            return Ok(());
        };
        let mut waiting = webhook.waiting();
        let mut next = waiting.clone();
        next.push(json!({ "log": log, "refused": refusal }));
        webhook.write(&next)?;
        *waiting = next;
        Ok(())
    }

    /// Says it. Nobody waits for the webhook.
    pub(crate) fn raise(&self, log: &str, refusal: &Refusal) {
        let accusation = refusal.accusation.word();
        tracing::error!(
            log,
            accusation,
            "{}; nothing of this log is cosigned until an operator acts (`stele verifier resume`)",
            refusal.message
        );
        if let Some(webhook) = &self.0 {
            webhook.news.notify_one();
        }
    }

    /// Tells the webhook what waits, for as long as this is polled.
    pub(crate) async fn deliver(self) {
        let Some(webhook) = self.0 else {
            return std::future::pending().await;
        };
        let mut pause = PAUSE;
        loop {
            let first = webhook.waiting().first().cloned();
            let Some(first) = first else {
                webhook.news.notified().await;
                continue;
            };
            match webhook.tell(&first).await {
                Ok(()) => {
                    pause = PAUSE;
                    webhook.told();
                }
                Err(error) => {
                    tracing::warn!(%error, again_s = pause.as_secs(), "the webhook did not take an accusation");
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST);
                }
            }
        }
    }
}

impl Webhook {
    fn waiting(&self) -> MutexGuard<'_, Vec<Value>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, waiting: &[Value]) -> Result<(), VerifierError> {
        let bytes = Value::from(waiting.to_vec()).to_string();
        replace_file_durably(&*self.store, OUTBOX, bytes.as_bytes())
            .map_err(|source| LedgerError::io("write", OUTBOX, source).into())
    }

    async fn tell(&self, body: &Value) -> reqwest::Result<()> {
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .timeout(PATIENCE)
            .body(body.to_string());
        request.send().await?.error_for_status().map(drop)
    }

    /// The first was taken.
    fn told(&self) {
        let mut waiting = self.waiting();
        if !waiting.is_empty() {
            waiting.remove(0);
        }
        // What can't be written now is told once more after a restart.
        if let Err(error) = self.write(&waiting) {
            tracing::warn!(%error, "an accusation may be told twice");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::http::StatusCode;
    use stele_testkit::store::{Disk, FaultStore};
    use stele_types::Timestamp;

    use super::*;
    use crate::state::Accusation;

    #[tokio::test]
    async fn an_accusation_is_told_until_the_webhook_has_taken_it() {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, calls) = (Arc::clone(&heard), Arc::new(AtomicU32::new(0)));
        let app = axum::Router::new().fallback(move |body: String| {
            let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            if !first {
                kept.lock().unwrap().push(body);
            }
            async move {
                if first {
                    StatusCode::BAD_GATEWAY
                } else {
                    StatusCode::OK
                }
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        let store = Arc::new(FaultStore::new(Disk::default()));
        let open = || Alerts::new(&url, Arc::<FaultStore>::clone(&store)).unwrap();
        let refusal = Refusal {
            accusation: Accusation::Fork,
            message: "two heads".to_owned(),
            at: Timestamp(1),
            notes: Vec::new(),
            decision: None,
        };
        // Nobody listens yet, and the verifier ends.
        open().keep("log", &refusal).unwrap();
        let alerts = open();
        alerts.keep("other", &refusal).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let delivering = tokio::spawn(alerts.deliver());
        let outbox = || store.read(OUTBOX).unwrap().unwrap();
        while outbox() != b"[]" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        delivering.abort();
        let heard = heard.lock().unwrap();
        let logs: Vec<Value> = heard
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect();
        assert_eq!(
            (&logs[0]["log"], &logs[1]["log"]),
            (&"log".into(), &"other".into())
        );
        assert_eq!(logs[0]["refused"]["accusation"], "fork");
        assert_eq!(logs.len(), 2);
    }

    #[test]
    fn a_damaged_outbox_is_an_error() {
        let store = Arc::new(FaultStore::new(Disk::default()));
        store.write_at(OUTBOX, 0, b"[{").unwrap();
        let error = Alerts::new("http://127.0.0.1:1", Arc::<FaultStore>::clone(&store)).unwrap_err();
        assert!(error.to_string().contains(OUTBOX), "{error}");
    }
}
