//! A recorded decision: its input, data and time, on the version that decided.

use std::rc::Rc;

use alloy_primitives::Address;
use anyhow::{Result, bail};
use serde_json::json;
use stele_policy::bundle::data_digest;
use stele_policy::load;
use stele_types::encoding::{self, Limits};
use stele_types::{DecisionRecord, Value};

use super::super::code::Known;
use super::Args;
use super::print::{self, Report};
use super::tracer::{Event, Tracer};
use crate::chain::{Session, block_on};
use crate::commands::decision::explain;
use crate::config::Sources;
use crate::exit::Verdict;
use crate::output;
use crate::query::evm;
use crate::record::Records;

pub(super) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let record = record(sources, args)?;
    let bytes = explain::bundle(sources, record.policy_version)?;
    let known = Rc::new(Known::of_bundle(&bytes, Some(&record.path))?);
    let set = load::load_bundle(&bytes)?;
    same_data(&record, set.data())?;
    let data = evm::encode("data", set.data())?;
    let call = evm::call(
        record.path.as_str(),
        record.input.as_ref(),
        &data,
        record.timestamp,
    )?;
    let code = &known.contract.runtime;
    let (place, deployed) = deployed(sources, args, &record, code);
    let mut find = |hash| (hash == known.contract.code_hash.0).then(|| Rc::clone(&known));
    let mut tracer = Tracer::new(&mut find);
    let outcome = evm::inspect(code, &call, &mut tracer);
    let (mut events, dropped) = (std::mem::take(&mut tracer.events), tracer.dropped);
    // Here it stands at an address of no meaning.
    events.retain(|event| !matches!(event, Event::Contract { .. }));
    let (answer, gas, error) = match &outcome {
        Ok((bytes, gas)) => (answer(bytes)?, Some(*gas), None),
        Err(failure) => (None, None, Some(failure.text())),
    };
    let agrees = agreement(&record, answer.as_ref(), error.is_some());
    let report = Report {
        subject: vec![
            ("decision", record.decision_id.to_string()),
            ("asked", record.path.to_string()),
            (
                "policy",
                format!("{} version {}", record.policy_id, record.policy_version),
            ),
            ("contract", place),
        ],
        result: answer,
        error,
        gas,
        recorded: match agrees {
            Some(true) => "the contract's answer is the recorded one".to_owned(),
            Some(false) => format!(
                "THE RECORDED ANSWER IS ANOTHER: {}",
                print::value(record.result.as_ref())
            ),
            None => "the recorded result was masked or erased: not compared".to_owned(),
        },
        events,
        dropped,
        limit: args.limit,
    };
    let facts = json!({
        "decision_id": record.decision_id,
        "path": record.path,
        "policy": record.policy_id,
        "version": record.policy_version,
        "contract": deployed.map(|address| address.to_string()),
        "agrees": agrees,
    });
    report.print(args.format, facts)?;
    Ok(if agrees == Some(false) {
        Verdict::Fail
    } else {
        Verdict::Pass
    })
}

/// The record, if it can be run again.
fn record(sources: &Sources, args: &Args) -> Result<DecisionRecord> {
    if args.source.is_some() {
        bail!(
            "a decision is traced on the version that made it, whose bundle the node keeps; leave out --source"
        );
    }
    // The log is closed again before the chain is opened: both hold the data directory.
    let records = Records::open(sources)?;
    let (_, record) = records.record(records.resolve(&args.target)?)?;
    if record.is_withheld("input") {
        bail!(
            "the input of {} was masked or erased, so nobody can run it again",
            record.decision_id
        );
    }
    Ok(record)
}

fn same_data(record: &DecisionRecord, data: &Value) -> Result<()> {
    if data_digest(data)? != record.data_digest {
        bail!(
            "the data that {} was decided on is not that of its version's bundle, so it can't be run again",
            record.decision_id
        );
    }
    Ok(())
}

fn answer(bytes: &[u8]) -> Result<Option<Value>> {
    Ok((!bytes.is_empty())
        .then(|| encoding::decode(bytes, &Limits::default()))
        .transpose()?)
}

/// Whether the contract answers as recorded; `None` if the record doesn't say any more.
fn agreement(record: &DecisionRecord, answer: Option<&Value>, failed: bool) -> Option<bool> {
    if record.error.is_some() || failed {
        return Some(record.error.is_some() && failed);
    }
    (!record.is_withheld("result")).then(|| record.result.as_ref() == answer)
}

/// Where the version's contract stands, in words, and its address if its code is the one that is traced. What hinders the
/// comparison is said, and no error: the trace needs no chain.
fn deployed(
    sources: &Sources,
    args: &Args,
    record: &DecisionRecord,
    code: &[u8],
) -> (String, Option<Address>) {
    let size = code.len();
    let found = block_on(async {
        let session = Session::open(sources, &args.chain).await?;
        let versions = session.governance.versions(&record.policy_id).await?;
        let proposal = versions
            .into_iter()
            .rev()
            .find(|proposal| proposal.version == record.policy_version);
        match proposal {
            Some(proposal) => {
                let code = session.governance.client().code(proposal.contract).await?;
                Ok(Some((proposal.contract, code)))
            }
            None => Ok(None),
        }
    });
    match found {
        Ok(Some((address, there))) if there.as_ref() == code => (
            format!("{address}, {size} bytes; its code is the one rebuilt from the version's bundle"),
            Some(address),
        ),
        Ok(Some((address, _))) => (
            format!(
                "rebuilt from the version's bundle, {size} bytes; the code at {address} differs: `stele contract verify` says where"
            ),
            None,
        ),
        Ok(None) => (
            format!(
                "rebuilt from the version's bundle, {size} bytes; the registry knows no contract of this version"
            ),
            None,
        ),
        Err(error) => {
            output::note(format!("warning: the deployed code is not compared: {error:#}"));
            (format!("rebuilt from the version's bundle, {size} bytes"), None)
        }
    }
}
