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
    let mut in_force = Vec::new();
    match node.ask(node.governance.policies()) {
        Ok(policies) => {
            let active = policies.into_iter();
            let active = active.filter_map(|policy| policy.active.map(|active| (policy.policy, active)));
            let row = |(policy, active): (stele_types::PolicyId, stele_chain::client::ActiveVersion)| {
                let version: String = active.version.to_string().chars().take(16).collect();
                in_force.push(policy.to_string());
                vec![policy.to_string(), version, active.contract.to_string()]
            };
            table(
                &["policy in force", "version", "contract"],
                active.map(row).collect(),
            );
        }
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
    if let Some(question) = question(&in_force) {
        line(format!("  curl -s {}/v1/data/{question}", node.running.url));
    }
    line("  stele decision list");
    line("  stele prove latest -o proof.json && stele verify proof.json");
}

/// A path that somebody answers, and what to ask there: the example that comes along, or nothing about the first policy in force.
fn question(in_force: &[String]) -> Option<String> {
    if in_force.iter().any(|policy| policy == "kubernetes/admission") {
        return Some("kubernetes/admission -d @examples/kubernetes/pod-privileged.json".to_owned());
    }
    let first = in_force.first()?;
    Some(format!("{first} -d '{{\"input\": {{}}}}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_force_is_proposed() {
        let asked = |names: &[&str]| question(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let example = asked(&["http/authz", "kubernetes/admission"]).unwrap();
        assert!(
            example.starts_with("kubernetes/admission -d @examples/"),
            "{example}"
        );
        let own = asked(&["acme/pods", "acme/roles"]);
        assert_eq!(own.as_deref(), Some("acme/pods -d '{\"input\": {}}'"));
        assert_eq!(asked(&[]), None);
    }
}
