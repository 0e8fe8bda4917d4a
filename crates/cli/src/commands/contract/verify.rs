//! `stele contract verify`: whether the code at an address is what a source builds.

use std::path::PathBuf;

use alloy_primitives::{Address, keccak256};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use stele_chain::client::{ChainClient, Endpoint};
use stele_types::PolicyId;

use super::code::{Known, Sources};
use crate::chain::{ChainArgs, Session, block_on, connect};
use crate::config::Sources as ConfigSources;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output::{self, Format};
use crate::sources::VersionArgs;

/// Rebuild a deployed contract from its source and compare.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The contract's address
    address: Address,
    /// What it should have been built from: a directory, bundle, module or plan.json
    #[arg(long, value_name = "PATH")]
    source: PathBuf,
    /// Which policy of the source [default: the one whose contract is equal]
    #[arg(long, value_name = "ID")]
    policy: Option<PolicyId>,
    #[command(flatten)]
    rego: VersionArgs,
    #[command(flatten)]
    chain: ChainArgs,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    address: Address,
    chain_id: u64,
    equal: bool,
    /// Deployed code.
    code_hash: String,
    size: usize,
    /// The policies that were rebuilt: the equal one, or all that differ.
    rebuilt: Vec<Rebuilt>,
}

#[derive(Serialize)]
struct Rebuilt {
    policy: String,
    /// The bundle's digest; a plan has none.
    version: Option<String>,
    code_hash: String,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
}

/// The first byte that differs.
#[derive(Serialize)]
struct Difference {
    /// Offset in the code.
    at: usize,
    /// The deployed byte; none behind the deployed code's end.
    deployed: Option<u8>,
    /// The rebuilt byte; none behind the rebuilt code's end.
    rebuilt: Option<u8>,
    /// Offset of the first instruction that does another thing. Before it may stand others that only name later places, which
    /// have moved.
    instruction: usize,
    /// The Rego line that this instruction was compiled from in the rebuilt code, or what else it belongs to.
    place: String,
    /// The line's text, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(crate) fn run(sources: &ConfigSources, args: &Args) -> Result<Verdict> {
    let Sources {
        known: candidates,
        refused,
    } = candidates(args)?;
    let (chain_id, code) = block_on(fetch(sources, args))?;
    if code.is_empty() {
        bail!("there is no code at {} (chain id {chain_id})", args.address);
    }
    let equal = candidates
        .iter()
        .find(|known| known.contract.runtime == code)
        .map(|known| Rebuilt::of(known, None));
    let rebuilt = match equal {
        Some(equal) => vec![equal],
        None => candidates
            .iter()
            .map(|known| Rebuilt::of(known, difference(known, &code)))
            .collect(),
    };
    // What can't become a contract can't be what stands there; whoever hoped that it is should know.
    if rebuilt.iter().all(|rebuilt| rebuilt.difference.is_some()) {
        for error in refused {
            output::note(format!("not compared: {error:#}"));
        }
    }
    let report = Report {
        address: args.address,
        chain_id,
        equal: rebuilt.iter().any(|rebuilt| rebuilt.difference.is_none()),
        code_hash: keccak256(&code).to_string(),
        size: code.len(),
        rebuilt,
    };
    match args.format {
        Format::Json => output::json(&report)?,
        Format::Text => print(&report, args),
    }
    Ok(if report.equal {
        Verdict::Pass
    } else {
        Verdict::Fail
    })
}

fn candidates(args: &Args) -> Result<Sources> {
    let path = &args.source;
    if path.extension().is_some_and(|end| end == "json") {
        if args.policy.is_some() {
            bail!("a plan is one contract; leave out --policy");
        }
        return Ok(Sources {
            known: vec![Known::of_plan(path)?],
            refused: Vec::new(),
        });
    }
    let sources = Known::of_sources(path, args.policy.as_ref(), args.rego)?;
    if sources.known.is_empty() {
        bail!(
            "there is no policy in {}: a policy is a package whose METADATA names a custom.id",
            path.display()
        );
    }
    Ok(sources)
}

async fn fetch(sources: &ConfigSources, args: &Args) -> Result<(u64, Vec<u8>)> {
    if let Some(url) = &args.chain.rpc {
        let endpoint = Endpoint::parse(url).context("--rpc")?;
        return code(&connect(endpoint, &sources.load()?, None).await?, args.address).await;
    }
    let session = Session::open(sources, &args.chain).await?;
    code(session.governance.client(), args.address).await
}

async fn code(client: &ChainClient, address: Address) -> Result<(u64, Vec<u8>)> {
    let code = client.code(address).await.environment("the chain")?;
    Ok((client.chain_id().get(), code.to_vec()))
}

impl Rebuilt {
    fn of(known: &Known, difference: Option<Difference>) -> Self {
        Self {
            policy: known.name.clone(),
            version: known.version.map(|version| version.to_string()),
            code_hash: format!("0x{}", known.contract.code_hash),
            size: known.contract.runtime.len(),
            difference,
        }
    }
}

/// The first difference; `None` if there is none.
fn difference(known: &Known, deployed: &[u8]) -> Option<Difference> {
    let rebuilt = &known.contract.runtime;
    let at = rebuilt
        .iter()
        .zip(deployed)
        .position(|(ours, theirs)| ours != theirs)
        .or_else(|| (rebuilt.len() != deployed.len()).then(|| rebuilt.len().min(deployed.len())))?;
    let map = &known.contract.source_map;
    let code = rebuilt.get(..known.contract.code_size).unwrap_or_default();
    let instruction = other_instruction(code, deployed).unwrap_or(at);
    let pc = u32::try_from(instruction).unwrap_or(u32::MAX);
    let place = map.lookup(pc);
    let text = place
        .as_ref()
        .and_then(|place| known.line(&place.file, place.row))
        .map(str::to_owned);
    let words = match place {
        Some(place) => format!("{}:{}:{}", place.file, place.row, place.col),
        None if instruction >= rebuilt.len() => "behind the end of the rebuilt code".to_owned(),
        None if instruction >= known.contract.code_size => "the constants behind the code".to_owned(),
        None => match map.function(pc) {
            Some(function) => format!("the beginning of {}", function.rule()),
            None => "the runtime library and entry code, which no Rego line stands for".to_owned(),
        },
    };
    Some(Difference {
        at,
        deployed: deployed.get(at).copied(),
        rebuilt: rebuilt.get(at).copied(),
        instruction,
        place: words,
        text,
    })
}

/// Offset of the first instruction that differs in more than the code offset that it pushes (`PUSH2`).
fn other_instruction(code: &[u8], deployed: &[u8]) -> Option<usize> {
    let mut pc = 0_usize;
    while let Some(opcode) = code.get(pc) {
        let operand = match opcode {
            0x60..=0x7f => usize::from(opcode.saturating_sub(0x5f)),
            _ => 0,
        };
        let next = pc.saturating_add(1).saturating_add(operand);
        let same = match opcode {
            0x61 => deployed.get(pc) == Some(opcode),
            _ => code.get(pc..next) == deployed.get(pc..next),
        };
        if !same {
            return Some(pc);
        }
        pc = next;
    }
    None
}

fn print(report: &Report, args: &Args) {
    let place = format!("{} (chain id {})", report.address, report.chain_id);
    if let (true, [rebuilt]) = (report.equal, report.rebuilt.as_slice()) {
        output::line(format!(
            "EQUAL: the code at {place} is that of {}",
            rebuilt.policy
        ));
        if let Some(version) = &rebuilt.version {
            output::line(format!("  version    {version}"));
        }
        output::line(format!("  code hash  {}", report.code_hash));
        output::line(format!("  size       {} bytes", report.size));
        return;
    }
    output::line(format!(
        "DIFFERENT: the code at {place}, {} bytes, is not what {} builds",
        report.size,
        args.source.display()
    ));
    for rebuilt in &report.rebuilt {
        let Some(difference) = &rebuilt.difference else {
            continue;
        };
        let byte =
            |byte: Option<u8>| byte.map_or_else(|| "nothing".to_owned(), |byte| format!("{byte:#04x}"));
        output::line(format!(
            "  {}, {} bytes: first at byte {} (deployed {}, rebuilt {}), first other instruction at {}: {}",
            rebuilt.policy,
            rebuilt.size,
            difference.at,
            byte(difference.deployed),
            byte(difference.rebuilt),
            difference.instruction,
            difference.place
        ));
        if let Some(text) = &difference.text {
            output::line(format!("    {text}"));
        }
    }
}
