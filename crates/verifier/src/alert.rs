//! Telling people: the log at error level always, a webhook where one is configured.

use std::time::Duration;

use serde_json::json;

use crate::state::Refusal;

/// How long the webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Attempts at the webhook.
const ATTEMPTS: u32 = 5;

/// Where accusations go.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    webhook: Option<(reqwest::Client, String)>,
}

impl Alerts {
    /// To a webhook; an empty URL is none.
    pub fn new(webhook: &str) -> Self {
        let webhook = (!webhook.is_empty()).then(|| (reqwest::Client::new(), webhook.to_owned()));
        Self { webhook }
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
        let Some((client, url)) = self.webhook.clone() else {
            return;
        };
        let body = json!({ "log": log, "refused": refusal }).to_string();
        tokio::spawn(async move {
            for attempt in 1..=ATTEMPTS {
                let sent = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .timeout(PATIENCE)
                    .body(body.clone());
                match sent.send().await.and_then(reqwest::Response::error_for_status) {
                    Ok(_) => return,
                    Err(error) => tracing::warn!(%error, attempt, "the webhook did not take an accusation"),
                }
                tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
            }
        });
    }
}
