//! What is known about a name, in Markdown.

use std::collections::BTreeSet;
use std::sync::Arc;

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};
use stele_policy::metadata::{self, Custom, Metadata, Scope};
use stele_rego::ast::Module;
use stele_rego::builtins::{self, Builtin, Purity};
use stele_rego::syntax::annotation::Annotation;

use crate::names::{Local, Target};
use crate::special::Special;
use crate::view::{Definition, View, package_path};

/// The longest definition that is shown whole, in lines.
const MAX_LINES: usize = 24;
/// The most definitions of one rule that are shown.
const MAX_DEFINITIONS: usize = 4;

/// What to show at an offset.
pub(crate) fn hover(view: &View, offset: usize, kind: MarkupKind) -> Option<Hover> {
    let module = view.document.module.as_ref()?;
    let names = view.names(module);
    let found = names.at(offset)?;
    let value = match &found.target {
        Target::Local(index) => local(view, names.locals.get(*index)?),
        Target::Builtin(builtin) => builtin_text(builtin),
        Target::Special(special) => special_text(special),
        Target::Import(index) => {
            let import = module.imports.get(*index)?;
            let clause = fenced(view.document.source.slice(import.span));
            match View::meaning(module, &found.target) {
                Target::Data(path) => join([clause, document(view, &path)]),
                _ => clause,
            }
        }
        Target::Data(path) => document(view, path),
        Target::Input(path) => input(path),
    };
    if value.is_empty() {
        return None;
    }
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind, value }),
        range: Some(view.range(found.span)),
    })
}

fn join(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

fn fenced(text: &str) -> String {
    format!("```rego\n{text}\n```")
}

/// `json.filter(object: object, paths: array|set) -> object`.
pub(crate) fn signature(builtin: &Builtin) -> String {
    let documentation = builtins::documentation(builtin.name);
    let names = documentation
        .map(|found| found.parameters.as_slice())
        .unwrap_or_default();
    let args: Vec<String> = builtin
        .args
        .iter()
        .enumerate()
        .map(|(index, kind)| match names.get(index) {
            Some(name) => format!("{name}: {kind}"),
            None => (*kind).to_owned(),
        })
        .collect();
    format!("{}({}) -> {}", builtin.name, args.join(", "), builtin.result)
}

/// Signature, description, and what decisions and contracts do with it.
pub(crate) fn builtin_text(builtin: &Builtin) -> String {
    let description = builtins::documentation(builtin.name).map(|found| found.description.to_owned());
    let note = match (builtin.refusal(), builtin.purity) {
        (Some(refusal), _) => format!("*Refused in decisions: {refusal}.*"),
        (None, Purity::Pure) => String::new(),
        (None, _) => {
            "*The result depends on the context of the decision, not only on the arguments.*".to_owned()
        }
    };
    join([fenced(&signature(builtin)), description.unwrap_or_default(), note])
}

pub(crate) fn special_text(special: &Special) -> String {
    join([fenced(special.signature), special.description.to_owned()])
}

fn local(view: &View, local: &Local) -> String {
    let what = if local.parameter { "parameter" } else { "local" };
    let line = view.document.source.line(local.span.start);
    let text = view.document.source.line_text(line).trim();
    join([format!("*{what}* `{}`, line {line}", local.name), fenced(text)])
}

fn input(path: &[Arc<str>]) -> String {
    if path.is_empty() {
        "The document that the decision is about.".to_owned()
    } else {
        format!(
            "`input.{}`, a part of the document that the decision is about.",
            path.join(".")
        )
    }
}

/// A rule with its metadata and text, a package, or data.
pub(crate) fn document(view: &View, path: &[Arc<str>]) -> String {
    if path.is_empty() {
        return "All rules and all data.".to_owned();
    }
    let definitions = view.definitions(path);
    let name = format!("`data.{}`", path.join("."));
    if definitions.is_empty() {
        return name;
    }
    if definitions.iter().all(|definition| definition.rule.is_none()) {
        return package(view, path, &definitions, name);
    }
    let exact = |definition: &&Definition<'_>| {
        definition.rule.is_some_and(|(_, rule)| {
            let mut own = package_path(definition.module);
            own.extend(rule.head.constant_path());
            path.starts_with(&own)
        })
    };
    let rules: Vec<&Definition<'_>> = definitions.iter().filter(exact).collect();
    if rules.is_empty() {
        return name;
    }
    let mut parts = vec![name];
    parts.extend(described(view, &rules));
    let shown = rules.iter().take(MAX_DEFINITIONS);
    parts.extend(shown.map(|definition| definition_text(definition)));
    if let Some(more) = rules.len().checked_sub(MAX_DEFINITIONS).filter(|more| *more > 0) {
        parts.push(format!("*and {more} more definitions*"));
    }
    join(parts)
}

fn package(view: &View, path: &[Arc<str>], definitions: &[Definition<'_>], name: String) -> String {
    let blocks: Vec<Metadata> = definitions
        .iter()
        .flat_map(|definition| {
            let blocks = definition.module.package_annotations();
            blocks.filter_map(|block| read(definition.module, block))
        })
        .collect();
    let rules: BTreeSet<&str> = view
        .set
        .modules()
        .filter(|(_, module)| package_path(module) == path)
        .flat_map(|(_, module)| module.rules.iter().map(|rule| rule.head.name().as_ref()))
        .collect();
    let rules: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
    let mut parts = vec![format!("*package* {name}")];
    parts.extend(blocks.iter().flat_map(|block| prose(block, &block.custom)));
    parts.push(rules.join(", "));
    join(parts)
}

fn definition_text(definition: &Definition<'_>) -> String {
    let Some((_, rule)) = definition.rule else {
        return String::new();
    };
    let text = definition.document.source.slice(rule.span);
    let lines: Vec<&str> = text.lines().take(MAX_LINES).collect();
    let cut = if text.lines().count() > MAX_LINES {
        "\n# ..."
    } else {
        ""
    };
    fenced(&format!("{}{cut}", lines.join("\n")))
}

/// Title, description and our keys, of each definition that has metadata, with what it inherits.
fn described(view: &View, rules: &[&Definition<'_>]) -> Vec<String> {
    let own: Vec<Metadata> = rules.iter().flat_map(|definition| blocks(definition)).collect();
    let shared: Vec<&Metadata> = own
        .iter()
        .filter(|block| block.scope == Scope::Document)
        .collect();
    let packages = rules
        .first()
        .map(|rule| package_blocks(view, rule.module))
        .unwrap_or_default();
    let inherit = |custom: &Custom| {
        let above = shared.iter().copied().chain(packages.iter());
        above.fold(custom.clone(), |custom, block| custom.inherit(&block.custom))
    };
    let mut out: Vec<String> = Vec::new();
    for block in &own {
        for part in prose(block, &inherit(&block.custom)) {
            if !out.contains(&part) {
                out.push(part);
            }
        }
    }
    if own.is_empty() {
        out.extend(facts(&inherit(&Custom::default())));
    }
    out
}

fn blocks(definition: &Definition<'_>) -> Vec<Metadata> {
    let Some((index, _)) = definition.rule else {
        return Vec::new();
    };
    let module = definition.module;
    let blocks = module.rule_annotations(index);
    blocks.filter_map(|block| read(module, block)).collect()
}

/// The blocks that a package's rules inherit from, the nearest first.
fn package_blocks(view: &View, module: &Module) -> Vec<Metadata> {
    let path = package_path(module);
    let mut out = Vec::new();
    for length in (1..=path.len()).rev() {
        for (_, other) in view.set.modules() {
            let own = length == path.len();
            if path.get(..length) != Some(&package_path(other)) {
                continue;
            }
            let blocks = other.package_annotations().filter_map(|block| read(other, block));
            out.extend(blocks.filter(|block| own || block.scope == Scope::Subpackages));
        }
    }
    out
}

/// Reads a block; what is wrong with it is for the diagnostics.
fn read(module: &Module, block: &Annotation) -> Option<Metadata> {
    metadata::read(module, block, &mut Vec::new())
}

fn prose(block: &Metadata, custom: &Custom) -> Vec<String> {
    let title = block.title.as_ref().map(|title| format!("**{}**", title.trim()));
    let description = block.description.as_ref().map(|text| text.trim().to_owned());
    let entrypoint = block.entrypoint.then(|| "*entry point*".to_owned());
    title
        .into_iter()
        .chain(description)
        .chain(entrypoint)
        .chain(facts(custom))
        .collect()
}

/// Our keys, as a list.
fn facts(custom: &Custom) -> Option<String> {
    let rows = [
        ("id", custom.id.clone()),
        ("severity", custom.severity.map(|severity| severity.to_string())),
        (
            "enforcement",
            custom.enforcement.map(|enforcement| enforcement.to_string()),
        ),
        ("owner", custom.owner.clone()),
        (
            "controls",
            (!custom.controls.is_empty()).then(|| custom.controls.join(", ")),
        ),
        ("remediation", custom.remediation.clone()),
    ];
    let rows: Vec<String> = rows
        .into_iter()
        .filter_map(|(key, value)| Some(format!("- {key}: {}", value?.trim())))
        .collect();
    (!rows.is_empty()).then(|| rows.join("\n"))
}
