//! What `stele up` prints when it serves.

use super::Node;
use crate::keys;
use crate::output::{line, note, table};

/// Prints the URLs, what is in force, and three commands to try.
pub(crate) fn print(node: &Node) {
    line(format!("Stele {}", env!("CARGO_PKG_VERSION")));
    if keys::is_development(&node.home) {
        line(format!(
            "DEVELOPMENT MODE: the keys of every role lie in {}; whoever reads them can approve any policy",
            node.home.keys().display()
        ));
    }
    line("");
    line(format!("  decision point  {}", node.running.url));
    let kind = if node.embedded { "embedded chain" } else { "chain" };
    line(format!(
        "  {kind:<14}  {} (chain id {})",
        node.running.rpc,
        node.governance.deployment().chain_id
    ));
    line(format!(
        "  registry        {}",
        node.governance.deployment().registry
    ));
    line(format!("  node            {}", node.address));
    line(format!("  data            {}", node.home.root().display()));
    line("");
    match node.ask(node.governance.policies()) {
        Ok(policies) => table(
            &["policy in force", "version", "contract"],
            policies
                .into_iter()
                .filter_map(|policy| policy.active.map(|active| (policy.policy, active)))
                .map(|(policy, active)| {
                    let version: String = active.version.to_string().chars().take(16).collect();
                    vec![policy.to_string(), version, active.contract.to_string()]
                })
                .collect(),
        ),
        Err(error) => note(format!("the registry can't be read: {error}")),
    }
    for policy in &node.changed {
        note(format!(
            "{policy} in {} differs from the version in force; `stele policy propose {policy}` takes it through governance",
            node.source
        ));
    }
    if let Some(damage) = &node.damage {
        note(format!(
            "records of the log are damaged, and decisions go on: {damage}"
        ));
    }
    line("");
    line("try:");
    line(format!(
        "  curl -s {}/v1/data/kubernetes/admission -d @examples/kubernetes/pod-privileged.json",
        node.running.url
    ));
    line("  stele decision list");
    line("  stele prove latest -o proof.json && stele verify proof.json");
}
