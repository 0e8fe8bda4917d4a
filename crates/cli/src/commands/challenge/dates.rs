//! `stele challenge --dates`: shows the chain that a node's log is not in the order of its dates.

use super::{Args, failed, governance};
use crate::chain::block_on;
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::home::Home;
use crate::keys;
use crate::output::{self, Format};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use stele_chain::client::{Governance, LogEntry, MisdatingEvidence};
use stele_chain::contracts::Role;
use stele_ledger::proof::ProofBundle;
use stele_ledger::tree::{leaf_hash, verify};
use stele_types::{Digest, NodeAddress, TreeSize};
use stele_verifier::source::Source;

/// A decision, and the anchored tree that its proof leads to.
struct Proven {
    entry: LogEntry,
    node: NodeAddress,
    tree: (TreeSize, Digest),
}

pub(super) fn run(sources: &Sources, args: &Args, proofs: &[PathBuf]) -> Result<Verdict> {
    let mut proven = proofs.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    // Which of the files comes first does not matter.
    proven.sort_by_key(|one| one.entry.index);
    let [mut first, mut second] = <[Proven; 2]>::try_from(proven)
        .ok()
        .context("--dates takes two proofs")?;
    if first.node != second.node {
        bail!(
            "one proof is of node {}, the other of {}",
            first.node,
            second.node
        );
    }
    let config = sources.load()?;
    let home = Home::at(&config.data_dir);
    block_on(async {
        let (governance, _session) = governance(&config, &home, args.contract, &args.chain).await?;
        let hash = leaf_hash(&second.entry.leaf.to_bytes());
        if governance.is_misdated(hash).await.map_err(failed)? {
            return said(args.format, &second, None);
        }
        let tree = first.tree.max(second.tree);
        for one in [&mut first, &mut second] {
            if one.tree != tree {
                one.entry.inclusion = again(&governance, args.log.as_deref(), one, tree).await?;
            }
        }
        let (size, root) = tree;
        let number = governance
            .anchor_number(first.node, size, root)
            .await
            .map_err(failed)?;
        let anchor = number.with_context(|| {
            format!("the ledger holds no anchor of this tree of {size} leaves; look at --contract and --rpc")
        })?;
        let account = keys::role_account(&home, Role::Responder, args.key.as_deref())?;
        let evidence = MisdatingEvidence {
            node: first.node,
            anchor,
            first: first.entry,
            second: second.entry.clone(),
        };
        let done = governance
            .refute_date(&account, &evidence)
            .await
            .map_err(failed)?;
        said(args.format, &second, Some(done.transaction.to_string()))
    })
}

/// The decision's audit path in a larger tree, from the tiles of its log: a proof leads to the first anchor that covers its decision.
async fn again(
    governance: &Governance,
    log: Option<&str>,
    proven: &Proven,
    (size, root): (TreeSize, Digest),
) -> Result<Vec<Digest>> {
    let url = match log {
        Some(url) => url.to_owned(),
        None => {
            let info = governance.node(proven.node).await.map_err(failed)?;
            info.map(|info| info.uri).unwrap_or_default()
        }
    };
    if url.is_empty() {
        bail!(
            "the proofs lead to different trees, and the registry does not say where the log is: give its URL with --log"
        );
    }
    let source = Source::new(&url, None)?;
    let (hash, index) = (leaf_hash(&proven.entry.leaf.to_bytes()), proven.entry.index);
    let path = source.inclusion(index, size).await.environment("the log")?;
    verify::inclusion(&hash, index, size, &path, &root)
        .with_context(|| format!("the log at {url} is not the anchored one"))?;
    Ok(path)
}

/// A proof whose leaf is in the anchored tree that it names.
fn read(path: &Path) -> Result<Proven> {
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("can't read {name}"))?;
    let bundle = ProofBundle::from_json(&bytes).with_context(|| name.to_string())?;
    let anchor = bundle.anchor.as_ref().with_context(|| {
        format!("{name} has no anchor: prove the decision again when it has one (`stele prove --wait`)")
    })?;
    let hash = leaf_hash(&bundle.leaf.to_bytes());
    verify::inclusion(&hash, bundle.index, anchor.size, &bundle.inclusion, &anchor.root)
        .with_context(|| format!("{name} does not hold"))?;
    Ok(Proven {
        node: bundle.leaf.node,
        tree: (anchor.size, anchor.root),
        entry: LogEntry {
            leaf: bundle.leaf,
            index: bundle.index,
            inclusion: bundle.inclusion,
        },
    })
}

fn said(format: Format, misdated: &Proven, transaction: Option<String>) -> Result<Verdict> {
    let (leaf, node) = (&misdated.entry.leaf, misdated.node);
    let before = if transaction.is_none() { " before" } else { "" };
    match format {
        Format::Json => output::json(&serde_json::json!({
            "verdict": "misdated",
            "decision_id": leaf.decision_id,
            "node": node,
            "before": transaction.is_none(),
            "transaction": transaction,
        }))?,
        Format::Text => output::line(format!(
            "misdated{before}: decision {} claims {}, behind one that claims a later time; node {node} {}",
            leaf.decision_id,
            leaf.time,
            transaction.map_or_else(
                || "was suspended for it; nothing was sent".to_owned(),
                |transaction| format!("is suspended, in transaction {transaction}")
            )
        )),
    }
    Ok(Verdict::Fail)
}
