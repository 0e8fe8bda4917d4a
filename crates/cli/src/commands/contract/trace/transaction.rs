//! A transaction of the chain: every contract it called whose source is at hand.

use std::rc::Rc;

use alloy_primitives::B256;
use anyhow::{Context, Result, bail};
use serde_json::json;
use stele_chain::client::{ChainClient, Endpoint, Replay, ReplayState};
use stele_types::encoding::{self, Limits};
use stele_types::{Digest, Value};

use super::super::code::Known;
use super::Args;
use super::print::Report;
use super::tracer::{Event, Tracer};
use crate::chain::{Session, block_on, connect};
use crate::config::Sources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::home::Home;
use crate::output;
use crate::query::evm;

pub(super) fn run(sources: &Sources, args: &Args, hash: B256) -> Result<Verdict> {
    let config = sources.load()?;
    let library = Library::new(args, &Home::at(&config.data_dir))?;
    let mut find = |hash| library.find(hash);
    let mut tracer = Tracer::new(&mut find);
    let replay = block_on(async {
        match &args.chain.rpc {
            // Any chain's transaction may be traced, whatever chain the data directory belongs to.
            Some(url) => {
                replay(
                    &connect(Endpoint::parse(url)?, &config, None).await?,
                    hash,
                    &mut tracer,
                )
                .await
            }
            None => {
                let session = Session::open(sources, &args.chain).await?;
                replay(session.governance.client(), hash, &mut tracer).await
            }
        }
    })?;
    let (events, dropped) = (std::mem::take(&mut tracer.events), tracer.dropped);
    let unknown = sourceless(&events)?;
    for text in unknown {
        output::note(format!("note: {text}"));
    }
    if replay.state == ReplayState::Newest {
        output::note(
            "note: the node keeps no state of old blocks; what depends on storage ran on today's (policy contracts have none)",
        );
    }
    let (result, error) = answer(&replay);
    let report = Report {
        subject: vec![
            ("transaction", hash.to_string()),
            ("block", replay.block.to_string()),
            ("from", replay.from.to_string()),
            (
                "to",
                replay
                    .to
                    .map_or_else(|| "creates a contract".to_owned(), |to| to.to_string()),
            ),
        ],
        result,
        error,
        gas: Some(replay.gas_used.get()),
        recorded: match replay.receipt_success == replay.success {
            true => format!("as on the chain, where it used {} gas", replay.receipt_gas.get()),
            false => "ON THE CHAIN IT WENT OTHERWISE, so this is not what happened there".to_owned(),
        },
        events,
        dropped,
        limit: args.limit,
    };
    let agrees = replay.receipt_success == replay.success;
    let facts = json!({
        "transaction": hash,
        "block": replay.block.get(),
        "from": replay.from,
        "to": replay.to,
        "receipt": { "success": replay.receipt_success, "gas": replay.receipt_gas.get() },
        "agrees": agrees,
    });
    report.print(args.format, facts)?;
    Ok(if agrees { Verdict::Pass } else { Verdict::Fail })
}

async fn replay(client: &ChainClient, hash: B256, tracer: &mut Tracer<'_>) -> Result<Replay> {
    client
        .replay(hash, tracer)
        .await
        .environment("the chain")?
        .with_context(|| {
            format!(
                "the chain at {} (chain id {}) has no transaction {hash}, or has not included it yet",
                client.endpoint(),
                client.chain_id()
            )
        })
}

/// What the transaction returned, if it is a policy contract's answer, or why it failed.
fn answer(replay: &Replay) -> (Option<Value>, Option<String>) {
    if !replay.success {
        return (None, Some(evm::reverted(&replay.output).text()));
    }
    let value =
        evm::returned(&replay.output).and_then(|bytes| encoding::decode(bytes, &Limits::default()).ok());
    (value, None)
}

/// The contracts that could not be shown, in words; an error if none could.
fn sourceless(events: &[Event]) -> Result<Vec<String>> {
    let (mut shown, mut texts) = (0_usize, Vec::new());
    for event in events {
        if let Event::Contract {
            address,
            code_hash,
            known,
            ..
        } = event
        {
            match known {
                Some(_) => shown = shown.saturating_add(1),
                None => texts.push(format!(
                    "the source of contract {address} (code {code_hash}) is not at hand"
                )),
            }
        }
    }
    if shown > 0 {
        return Ok(texts);
    }
    match texts.first() {
        Some(first) => bail!(
            "there is nothing to show: {first}; name what it was built from with --source (its exact version, built by this \
             version of stele)"
        ),
        None => bail!("the transaction runs no contract's code"),
    }
}

/// Where source is looked for.
struct Library {
    known: Vec<Rc<Known>>,
}

impl Library {
    fn new(args: &Args, home: &Home) -> Result<Self> {
        let known = match &args.source {
            Some(path) if path.extension().is_some_and(|end| end == "json") => vec![Known::of_plan(path)?],
            Some(path) => Known::of_sources(path, args.policy.as_ref(), args.rego)?.known,
            None => bundles(home),
        };
        Ok(Self {
            known: known.into_iter().map(Rc::new).collect(),
        })
    }

    fn find(&self, hash: B256) -> Option<Rc<Known>> {
        let hash = Digest(hash.0);
        self.known
            .iter()
            .find(|known| known.contract.code_hash == hash)
            .map(Rc::clone)
    }
}

/// The node's bundles; one that can't be read or compiled is no one's source.
fn bundles(home: &Home) -> Vec<Known> {
    let Ok(entries) = std::fs::read_dir(home.bundles()) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
        .filter_map(|bytes| Known::of_bundle(&bytes, None).ok())
        .collect()
}
