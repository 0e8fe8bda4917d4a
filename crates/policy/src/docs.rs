//! Pages about policies, made of their metadata: one for each policy, an overview by layer, and what covers the controls of each framework.
//!
//! Pages are Markdown with relative links, named by the policy's id (`kubernetes/admission.md`); `README.md` is the overview and
//! `coverage.md` the table by framework. The same policies give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use stele_types::{Enforcement, Layer};

use crate::load::PolicySet;
use crate::policy::{Policy, RuleMeta};

/// What the first line of every page begins with: who writes pages anew may replace and remove what has it.
pub const MARK: &str = "<!-- Made by `stele policy docs`";

/// Lines of an example that a page shows.
const LINES: usize = 160;

/// A file that shows what a policy finds, or that it finds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its name, for people.
    pub name: String,
    /// Its contents.
    pub text: String,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Below the directory of all pages, with `/`.
    pub path: String,
    /// Markdown.
    pub text: String,
}

/// The pages of all policies of a set, sorted by path. `examples` gives those of a policy by its id.
#[must_use]
pub fn pages(set: &PolicySet, examples: impl Fn(&str) -> Vec<Example>) -> Vec<Page> {
    let policies: Vec<&Policy> = set.policies().collect();
    let mut pages = vec![
        Page {
            path: "README.md".into(),
            text: overview(&policies),
        },
        Page {
            path: "coverage.md".into(),
            text: coverage(&policies),
        },
    ];
    pages.extend(policies.iter().map(|policy| Page {
        path: format!("{}.md", policy.id),
        text: page(policy, &examples(policy.id.as_str())),
    }));
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    pages
}

/// The rules of a policy that name their findings.
fn rules(policy: &Policy) -> impl Iterator<Item = (&RuleMeta, &str)> {
    policy
        .rules
        .iter()
        .filter_map(|rule| Some((rule, rule.custom.id.as_deref()?)))
}

fn head(title: &str) -> String {
    format!("{MARK} from the policies' metadata: change those. -->\n\n# {title}\n\n")
}

fn overview(policies: &[&Policy]) -> String {
    let all = policies.iter().map(|policy| rules(policy).count()).sum::<usize>();
    let mut out = head("Policies");
    let _ = writeln!(
        out,
        "{all} rules in {} policies. [Coverage](coverage.md) says which rules serve which control.\n",
        policies.len()
    );
    out.push_str("| policy | about | inputs | rules |\n|---|---|---|---|\n");
    for policy in policies {
        let _ = writeln!(
            out,
            "| [{id}]({id}.md) | {} | {} | {} |",
            cell(title(policy)),
            inputs(policy),
            rules(policy).count(),
            id = policy.id,
        );
    }
    let mut layers: BTreeMap<Option<Layer>, Vec<(&Policy, &RuleMeta, &str)>> = BTreeMap::new();
    for policy in policies {
        for (rule, id) in rules(policy) {
            layers
                .entry(rule.custom.layer)
                .or_default()
                .push((policy, rule, id));
        }
    }
    // Without a layer there is nothing to arrange by.
    for (layer, found) in layers
        .iter()
        .filter_map(|(layer, found)| Some((layer.as_ref()?, found)))
    {
        let _ = writeln!(out, "\n## {layer}: {} ({} rules)\n", layer.title(), found.len());
        out.push_str("| rule | severity | effect |\n|---|---|---|\n");
        for (policy, rule, id) in found {
            let severity = rule.custom.severity.unwrap_or_default();
            let _ = writeln!(
                out,
                "| {} | {severity} | {} |",
                link(policy, rule, id, ""),
                effect(rule)
            );
        }
    }
    out
}

/// The controls that a policy serves, each with the id that serves it and the place of that: a rule's, or the policy's where none of its rules names the
/// control.
fn serving(policy: &Policy) -> Vec<(&str, &str, String)> {
    let mut out = Vec::new();
    for (rule, id) in rules(policy) {
        let page = format!("{}.md#{}", policy.id, anchor(id));
        let controls = rule.custom.controls.iter();
        out.extend(controls.map(|control| (control.as_str(), id, page.clone())));
    }
    let named = |control: &&String| rules(policy).any(|(rule, _)| rule.custom.controls.contains(*control));
    let own = policy.custom.controls.iter().filter(|control| !named(control));
    let own = own.map(|control| (control.as_str(), policy.id.as_str(), format!("{}.md", policy.id)));
    out.extend(own.collect::<Vec<_>>());
    out
}

/// Which rules serve which control of which framework.
fn coverage(policies: &[&Policy]) -> String {
    let mut frameworks: BTreeMap<&str, BTreeMap<Ordered<'_>, BTreeSet<String>>> = BTreeMap::new();
    let mut served: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (control, id, page) in policies.iter().flat_map(|policy| serving(policy)) {
        let Some((framework, control)) = control.split_once(':') else {
            continue;
        };
        served.entry(framework).or_default().insert(id);
        let controls = frameworks.entry(framework).or_default();
        let links = controls.entry(Ordered(control)).or_default();
        links.insert(format!("[{id}]({page})"));
    }
    let mut out = head("Coverage");
    out.push_str(
        "Which rules serve which control. A rule serves a control when a violation is a breach of it; that all rules of a control \
         pass is no proof that the control is met. Where a policy names a control that none of its rules names, the policy stands for all of them.\n\n\
         | framework | controls | rules and policies |\n|---|---|---|\n",
    );
    for (framework, controls) in &frameworks {
        let rules = served.get(framework).map_or(0, BTreeSet::len);
        let _ = writeln!(
            out,
            "| [{framework}](#{}) | {} | {rules} |",
            anchor(framework),
            controls.len()
        );
    }
    for (framework, controls) in &frameworks {
        let _ = writeln!(out, "\n## {framework}\n\n| control | rules |\n|---|---|");
        for (control, links) in controls {
            let links: Vec<&str> = links.iter().map(String::as_str).collect();
            let _ = writeln!(out, "| {} | {} |", cell(control.0), links.join(", "));
        }
    }
    out
}

/// A control, `5.2.10` behind `5.2.9`.
#[derive(PartialEq, Eq)]
struct Ordered<'a>(&'a str);

impl Ordered<'_> {
    /// Numbers by what they are worth, everything else as text.
    fn parts(&self) -> Vec<(u64, &str)> {
        self.0
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(|part| part.parse().map_or((u64::MAX, part), |number| (number, "")))
            .collect()
    }
}

impl PartialOrd for Ordered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts()).then_with(|| self.0.cmp(other.0))
    }
}

fn page(policy: &Policy, examples: &[Example]) -> String {
    let mut out = head(title(policy));
    if let Some(text) = &policy.description {
        let _ = writeln!(out, "{}\n", text.trim());
    }
    let layer = policy
        .custom
        .layer
        .map_or("none".to_owned(), |layer| format!("{layer}, {}", layer.title()));
    let _ = writeln!(
        out,
        "| | |\n|---|---|\n| id | `{}` |\n| inputs | {} |\n| layer | {layer} |\n| owner | {} |",
        policy.id,
        inputs(policy),
        cell(policy.custom.owner.as_deref().unwrap_or("nobody")),
    );
    for source in &policy.related {
        let _ = writeln!(out, "| see | <{source}> |");
    }
    out.push_str("\n| rule | severity | effect |\n|---|---|---|\n");
    for (rule, id) in rules(policy) {
        let severity = rule.custom.severity.unwrap_or_default();
        let name = cell(rule.title.as_deref().unwrap_or(id));
        let _ = writeln!(
            out,
            "| [{name}](#{}) | {severity} | {} |",
            anchor(id),
            effect(rule)
        );
    }
    for (rule, id) in rules(policy) {
        section(&mut out, rule, id);
    }
    if !examples.is_empty() {
        out.push_str("\n## Examples\n");
    }
    for example in examples {
        show(&mut out, example);
    }
    out
}

fn section(out: &mut String, rule: &RuleMeta, id: &str) {
    let _ = writeln!(out, "\n## {id}\n");
    let title = rule
        .title
        .as_ref()
        .map(|title| format!("**{}.**", title.trim_end_matches('.')));
    let description = rule.description.as_deref().map(|text| text.trim().to_owned());
    let said: Vec<String> = title.into_iter().chain(description).collect();
    if !said.is_empty() {
        let _ = writeln!(out, "{}", said.join(" "));
    }
    let severity = rule.custom.severity.unwrap_or_default();
    let _ = writeln!(out, "\n* Severity: {severity}; {}.", effect(rule));
    if let Some(layer) = rule.custom.layer {
        let _ = writeln!(out, "* Layer: {layer}, {}.", layer.title());
    }
    if let Some(text) = &rule.custom.remediation {
        let _ = writeln!(out, "* Remediation: {}", text.trim());
    }
    if rule.custom.fix.is_some() {
        let _ = writeln!(out, "* Mended by `stele check --fix`.");
    }
    if !rule.custom.controls.is_empty() {
        let controls: Vec<String> = rule
            .custom
            .controls
            .iter()
            .map(|control| format!("`{control}`"))
            .collect();
        let _ = writeln!(out, "* Controls: {}.", controls.join(", "));
    }
}

/// In a fence that is longer than any in the text.
fn show(out: &mut String, example: &Example) {
    let longest = example.text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.starts_with("```")
            .then(|| line.chars().take_while(|c| *c == '`').count())
    });
    let fence = "`".repeat(longest.max().unwrap_or(0).saturating_add(1).max(3));
    let language = match example
        .name
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension)
    {
        "yml" | "yaml" => "yaml",
        "json" => "json",
        "toml" => "toml",
        "tf" | "hcl" => "hcl",
        _ if example.name.contains("Dockerfile") => "dockerfile",
        _ => "",
    };
    let shown: Vec<&str> = example.text.lines().take(LINES).collect();
    let left_out = example.text.lines().count().saturating_sub(shown.len());
    let _ = writeln!(
        out,
        "\n`{}`\n\n{fence}{language}\n{}\n{fence}",
        example.name,
        shown.join("\n")
    );
    if left_out > 0 {
        let _ = writeln!(out, "\n{left_out} more lines are left out.");
    }
}

fn title(policy: &Policy) -> &str {
    policy.title.as_deref().unwrap_or(policy.id.as_str())
}

fn inputs(policy: &Policy) -> String {
    match &policy.custom.inputs {
        None => "anything".into(),
        Some(kinds) if kinds.is_empty() => "requests".into(),
        Some(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            kinds.join(", ")
        }
    }
}

/// What a violation does.
fn effect(rule: &RuleMeta) -> &'static str {
    let warns = rule.name == "warn" || rule.name.starts_with("warn_");
    match rule.custom.enforcement.unwrap_or_default() {
        Enforcement::DryRun => "on trial",
        Enforcement::Warn => "warns",
        Enforcement::Deny if warns => "warns",
        Enforcement::Deny => "denies",
    }
}

fn link(policy: &Policy, rule: &RuleMeta, id: &str, up: &str) -> String {
    let name = cell(rule.title.as_deref().unwrap_or(id));
    format!("[{id}]({up}{}.md#{}): {name}", policy.id, anchor(id))
}

/// The anchor that a heading gets: small letters, digits, `-` and `_`; nothing of the rest.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        .collect()
}

/// Text for a table.
fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', " ")
}
