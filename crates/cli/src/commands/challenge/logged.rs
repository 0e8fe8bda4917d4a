//! Whether a promised decision is in its node's log already: then a claim that it is missing costs the claimant the deposit, and nothing else.

use super::failed;
use crate::remote;
use anyhow::{Context, Result, anyhow, bail};
use std::time::Duration;
use stele_chain::client::Governance;
use stele_ledger::proof::InclusionProof;
use stele_ledger::receipt::Checked;
use stele_ledger::tree::verify;
use stele_types::Receipt;

/// How long the look may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the node's log has, in words for whoever is about to claim.
pub(super) async fn look(
    governance: &Governance,
    log: Option<&str>,
    promised: &Receipt,
    checked: &Checked,
) -> Result<String> {
    let url = match log {
        Some(url) => url.to_owned(),
        None => {
            let info = governance.node(promised.node).await.map_err(failed)?;
            info.map(|info| info.uri).unwrap_or_default()
        }
    };
    let url = url.trim_end_matches('/');
    if url.is_empty() {
        return Ok(
            "Nobody looked whether the decision is in the node's log: the registry does not say where that is; give its URL with --log.".to_owned(),
        );
    }
    match find(governance, url, promised, checked).await {
        Ok(found) => Ok(found),
        Err(error) => Ok(format!(
            "Nobody knows whether the decision is in the node's log at {url}: {error:#}."
        )),
    }
}

async fn find(governance: &Governance, url: &str, promised: &Receipt, checked: &Checked) -> Result<String> {
    let id = promised.decision_id;
    // Whoever runs the node chooses what it answers: it sends nobody elsewhere, and keeps nobody waiting.
    let client = remote::client()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()?;
    let what = format!("the node at {url}");
    let request = client.get(format!("{url}/v1/decisions/{id}/inclusion"));
    let answer = request
        .send()
        .await
        .map_err(|error| anyhow!(error.without_url()))?;
    let status = answer.status();
    let bytes = remote::body(answer, remote::MAX_ANSWER, &what).await?;
    if status == reqwest::StatusCode::NOT_FOUND {
        return Ok(format!("The node at {url} has no such decision in its log."));
    }
    if !status.is_success() {
        bail!("it answers {status}");
    }
    let proof: InclusionProof = serde_json::from_slice(&bytes).context("its answer makes no sense")?;
    if proof.leaf != promised.leaf {
        return Ok(format!(
            "The log at {url} has another leaf under this decision's id than the receipt promises."
        ));
    }
    let Some(anchor) = &proof.anchor else {
        return Ok(format!(
            "The node at {url} says that the decision is in its log, and in no anchored tree yet: it can answer once it has anchored."
        ));
    };
    verify::inclusion(
        &checked.leaf_hash,
        proof.index,
        anchor.size,
        &proof.inclusion,
        &anchor.root,
    )
    .context("its proof does not hold")?;
    let held = governance.anchored_in_line(promised.node, anchor.size, anchor.root);
    if held.await.map_err(failed)?.is_none() {
        return Ok(format!(
            "The node at {url} proves the decision by an anchor that the chain does not hold."
        ));
    }
    Ok(format!(
        "THE DECISION IS IN THE LOG ALREADY: it is leaf {} of a tree that the chain holds as the node's anchor ({url}). The node will answer the claim with \
         that, nothing will follow for it, and what you pay is gone.",
        proof.index
    ))
}
