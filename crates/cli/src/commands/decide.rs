//! `stele decide`: the decision point's engine without a server, or a running node held to its answer.

mod promised;

use super::decision::explain::explained;
use crate::config::Sources;
use crate::exit::Verdict;
use crate::home::Home;
use crate::output::{self, Format};
use crate::sources::{self as policy_sources, VersionArgs};
use alloy_primitives::Address;
use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use stele_pdp::{
    Attributes, Clock, Decider, Decision, Input, NdHost, NodeContext, PolicyInForce, PolicyOptions, Request,
    Snapshot, SnapshotStore, verdict,
};
use stele_policy::explain::{Explanation, Recorded, SearchLimits};
use stele_policy::{Limits, bundle};
use stele_server::{BundleStore, InForce, Outside};
use stele_types::{NodeAddress, Timestamp, Value, json};

/// Decide once, without a server; or, with --receipt, ask a running node and keep its promise.
///
/// Exit code 0: not denied. 1: denied, or the node's receipt is worth nothing: then its answer is not shown.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to ask: a policy or one of its rules, e.g. terraform/aws or terraform/aws/deny
    path: String,
    /// The input document, or a request body {"input": ...}; - is standard input
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Directory or bundle to decide with [default: what is in force in the data directory, else ./policies, else the starter library]
    #[arg(short, long, value_name = "PATH")]
    policies: Option<PathBuf>,
    /// Say why: which rules held or failed, and, for a denial, the smallest change of the input that would allow
    #[arg(long)]
    explain: bool,
    /// With --explain, look for changes of up to this many operations; 0: don't
    #[arg(long, value_name = "COUNT", default_value_t = SearchLimits::default().changes)]
    changes: usize,
    #[command(flatten)]
    rego: VersionArgs,
    /// Ask a running node instead, and keep its receipt in this new file: the signed promise that this very decision will be in its log. A receipt that
    /// does not hold is exit code 1, and the answer is not shown
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policies", "explain", "changes", "v0_compatible"])]
    receipt: Option<PathBuf>,
    /// With --receipt, the URL of the node to ask [default: the data directory's]
    #[arg(long, value_name = "URL", requires = "receipt")]
    node: Option<String>,
    /// With --receipt, JSON-RPC URL of the chain: whether it knows node, operator and ledger. Without it the node named by --node is known by its own
    /// word only
    #[arg(long, value_name = "URL", requires = "receipt")]
    rpc: Option<String>,
    /// With --rpc, address of the contract Challenge you trust [default: that of the data directory's deployment]
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    contract: Option<Address>,
    /// With --receipt, who signs for the node, if it is no longer the node's own address
    #[arg(long, value_name = "ADDRESS", requires = "receipt")]
    operator: Option<Address>,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(crate) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    if let Some(file) = &args.receipt {
        return promised::run(sources, args, file);
    }
    let config = sources.load()?;
    let (snapshot, origin) = snapshot(
        &Home::at(&config.data_dir),
        &config.policies,
        args.policies.as_deref(),
        args.rego,
    )?;
    let input = args.input.as_deref().map(read_input).transpose()?;
    let path: Vec<String> = args.path.split('/').map(Into::into).collect();
    let store = Arc::new(SnapshotStore::new(snapshot, crate::node::now(), None));
    let node = NodeContext {
        address: NodeAddress([0; 20]),
        labels: BTreeMap::new(),
    };
    let outside =
        Outside::new(&config.server.nd_builtins)?.map(|outside| Arc::new(outside) as Arc<dyn NdHost>);
    let mut decider =
        Decider::new(Arc::clone(&store), node, Box::new(MachineClock(Instant::now()))).with_host(outside);
    let request = Request {
        path: &path,
        input: Input::Value(input.as_ref()),
        strict_builtin_errors: false,
        limits: Limits::default(),
        fan_out: config.server.limits.fan_out,
        attributes: Attributes::default(),
    };
    let mut random = rand::rngs::StdRng::try_from_rng(&mut rand::rngs::SysRng)?;
    let answer = decider
        .decide(&request, &mut random)
        .map_err(|failure| failure.error)?;
    if answer.decisions.iter().all(|decision| !decision.in_force) {
        bail!(
            "no policy at `{}` in {origin}; `stele policy list` shows what is in force",
            args.path
        );
    }
    let explanations = if args.explain {
        explanations(&store, &answer.decisions, args.changes)?
    } else {
        Vec::new()
    };
    print(
        args.format,
        &answer.decisions,
        answer.value.as_ref(),
        &explanations,
    )?;
    output::note(format!(
        "decided with {origin}; not recorded, for no node was asked"
    ));
    Ok(if answer.verdict() == verdict::Verdict::Deny {
        Verdict::Fail
    } else {
        Verdict::Pass
    })
}

/// The policies to decide with, and where they came from.
fn snapshot(
    home: &Home,
    configured: &Path,
    given: Option<&Path>,
    rego: VersionArgs,
) -> Result<(Snapshot, String)> {
    if given.is_none()
        && let Some(list) = home.read::<Vec<InForce>>(&home.in_force())?
        && !list.is_empty()
    {
        let store = BundleStore::new(home.bundles());
        let policies = list.iter().map(|wanted| {
            let path = store.path(wanted.version);
            let bytes = std::fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
            let policy =
                PolicyInForce::from_bundle(&bytes, &wanted.policy, wanted.version, PolicyOptions::default())?;
            Ok(Arc::new(policy))
        });
        return Ok((
            Snapshot::new(policies.collect::<Result<Vec<_>>>()?)?,
            format!("what is in force in {}", home.root().display()),
        ));
    }
    let (set, origin) = match given {
        Some(path) => (policy_sources::load(path, rego)?, path.display().to_string()),
        None => policy_sources::load_or_starter(configured, rego)?,
    };
    let policies = set.policies().map(|policy| {
        let bundle = bundle::build(&set, &policy.id)?;
        let policy =
            PolicyInForce::from_bundle(&bundle.bytes, &policy.id, bundle.digest, PolicyOptions::default())?;
        Ok(Arc::new(policy))
    });
    Ok((Snapshot::new(policies.collect::<Result<Vec<_>>>()?)?, origin))
}

/// Reads a document; a request body `{"input": ...}` counts as its input.
pub(super) fn read_input(path: &Path) -> Result<Value> {
    let (name, bytes) = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)?;
        ("standard input".into(), bytes)
    } else {
        let bytes = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        (path.display().to_string(), bytes)
    };
    let document =
        json::parse(&bytes, &json::Limits::default()).with_context(|| format!("{name} is no JSON"))?;
    let body = document
        .as_object()
        .filter(|object| object.len() == 1)
        .and_then(|_| document.get("input"))
        .cloned();
    Ok(body.unwrap_or(document))
}

/// Why each decision came out as it did, in their order.
fn explanations(store: &SnapshotStore, decisions: &[Decision], changes: usize) -> Result<Vec<Explanation>> {
    let snapshot = store.load();
    let mut out = Vec::new();
    for decision in decisions {
        let policy = snapshot.policy(decision.policy_id.as_str());
        let evidence = decision.evidence.as_ref();
        if let (Some(policy), Some(evidence)) = (policy, evidence) {
            let recorded = Recorded::new(&evidence.record)?;
            out.push(explained(&policy.load()?, &recorded, changes)?);
        }
    }
    Ok(out)
}

fn print(
    format: Format,
    decisions: &[Decision],
    value: Option<&Value>,
    explanations: &[Explanation],
) -> Result<()> {
    let explanation = |decision: &Decision| {
        let found = explanations
            .iter()
            .find(|found| found.entry_point == decision.entry_point);
        found.filter(|found| found.policy == decision.policy_id)
    };
    if format == Format::Json {
        let list: Vec<_> = decisions
            .iter()
            .map(|decision| {
                serde_json::json!({
                    "explanation": explanation(decision).map(Explanation::to_json),
                    "policy_id": decision.policy_id,
                    "policy_version": decision.version,
                    "path": decision.entry_point,
                    "decision": decision.judgement.verdict.as_str(),
                    "violations": decision.judgement.violations,
                })
            })
            .collect();
        return output::json(&serde_json::json!({"result": value, "decisions": list}));
    }
    for decision in decisions {
        output::line(format!(
            "{}: {}",
            decision.entry_point,
            decision.judgement.verdict.as_str().to_uppercase()
        ));
        for violation in &decision.judgement.violations {
            output::line(format!("  [{}] {}", violation.severity, violation.message));
            if let Some(remediation) = &violation.remediation {
                output::line(format!("         {remediation}"));
            }
        }
        if decision.judgement.verdict == verdict::Verdict::Undetermined {
            let text = decision
                .result
                .as_ref()
                .map_or_else(|| "undefined".into(), json::to_string_pretty);
            output::line(text);
        }
        if let Some(explanation) = explanation(decision) {
            output::line("");
            output::line(explanation.to_text().trim_end());
        }
    }
    Ok(())
}

struct MachineClock(Instant);

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        crate::node::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
