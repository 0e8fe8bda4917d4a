//! Generating probes: rules that collect the values under which a prefix of a body holds.

use std::collections::BTreeSet;

use stele_rego::ast::{Body, LiteralKind, Rule};
use stele_types::Value;

use super::text;
use crate::load::PolicyModule;

/// One body to probe: a definition's, or an `else` branch's.
#[derive(Debug, Clone)]
pub(super) struct Definition<'a> {
    /// The module it stands in.
    pub(super) module: &'a PolicyModule,
    /// The rule.
    pub(super) rule: &'a Rule,
    /// Which branch: 0 is the definition itself, then the `else`s.
    pub(super) branch: usize,
    /// The arguments, for a function.
    pub(super) args: Option<Vec<Value>>,
}

impl<'a> Definition<'a> {
    /// The branch's body; `None` holds always.
    pub(super) fn body(&self) -> Option<&'a Body> {
        match self.branch.checked_sub(1) {
            None => self.rule.body.as_ref(),
            Some(index) => self.rule.elses.get(index).and_then(|branch| branch.body.as_ref()),
        }
    }

    /// The span of the branch.
    pub(super) fn span(&self) -> stele_rego::Span {
        match self
            .branch
            .checked_sub(1)
            .and_then(|index| self.rule.elses.get(index))
        {
            None => self.rule.head.span,
            Some(branch) => branch.span,
        }
    }

    fn value(&self) -> String {
        match self
            .branch
            .checked_sub(1)
            .and_then(|index| self.rule.elses.get(index))
        {
            None => text::head_value(self.module, self.rule),
            Some(branch) => match &branch.value {
                Some(value) => self.module.ast.source.slice(value.span).to_owned(),
                None => "true".to_owned(),
            },
        }
    }

    /// How many statements the body has.
    pub(super) fn statements(&self) -> usize {
        self.body().map_or(0, |body| body.literals.len())
    }
}

/// A generated rule: the first `length` statements of a definition hold; with `value`, also its value is defined.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// Index of the definition.
    pub(super) definition: usize,
    /// Number of statements.
    pub(super) length: usize,
    /// Whether the definition's value is collected.
    pub(super) value: bool,
    /// The rule's name.
    pub(super) name: String,
    /// The rule's text.
    pub(super) text: String,
    /// The texts of the next statement's operands.
    pub(super) operands: Vec<String>,
}

/// The probes of a definition: one for each prefix of its body, and one with its value.
pub(super) fn probes(index: usize, definition: &Definition<'_>) -> Vec<Probe> {
    let statements = definition.statements();
    let mut out: Vec<Probe> = (0..=statements)
        .map(|length| probe(index, definition, length, false))
        .collect();
    out.push(probe(index, definition, statements, true));
    out
}

fn probe(index: usize, definition: &Definition<'_>, length: usize, value: bool) -> Probe {
    let source = &definition.module.ast.source;
    let (mut lines, mut names) = parameters(definition);
    let literals = definition
        .body()
        .map(|body| body.literals.as_slice())
        .unwrap_or_default();
    let mut declared = BTreeSet::new();
    for literal in literals.iter().take(length) {
        let line = source.slice(literal.span);
        text::bound_names(literal, &mut names);
        // `some x` binds nothing; x counts once a statement mentions it.
        declared.retain(|name: &String| {
            let mentioned = mentions(line, name);
            if mentioned {
                names.push(name.clone());
            }
            !mentioned
        });
        if let LiteralKind::Some(idents) = &literal.kind {
            declared.extend(idents.iter().map(|ident| ident.name.to_string()));
        }
        lines.push(line.to_owned());
    }
    names.sort();
    names.dedup();
    let next = literals.get(length).filter(|_| !value);
    let with: String = next
        .map(|literal| {
            literal
                .with
                .iter()
                .map(|with| format!(" {}", source.slice(with.span)))
                .collect()
        })
        .unwrap_or_default();
    let operands: Vec<String> = next
        .map(text::operands)
        .unwrap_or_default()
        .iter()
        .map(|term| source.slice(term.span).to_owned())
        .collect();
    let collected: Vec<String> = operands
        .iter()
        .map(|text| format!("[stele_operand | stele_operand := {text}{with}]"))
        .collect();
    let locals: Vec<String> = names.iter().map(|name| format!("\"{name}\": {name}")).collect();
    let mut entries = vec![
        format!("\"l\": {{{}}}", locals.join(", ")),
        format!("\"o\": [{}]", collected.join(", ")),
    ];
    if value {
        entries.push("\"v\": stele_value".to_owned());
        lines.push(format!("stele_value := {}", definition.value()));
    }
    if lines.is_empty() {
        lines.push("true".to_owned());
    }
    let name = format!(
        "stele_probe_{index}_{length}{}",
        if value { "_value" } else { "" }
    );
    let text = format!(
        "{name} contains {{{}}} if {{\n{}\n}}\n",
        entries.join(", "),
        lines.join("\n")
    );
    Probe {
        definition: index,
        length,
        value,
        name,
        text,
        operands,
    }
}

/// Binds a function's parameters to the arguments of the call.
fn parameters(definition: &Definition<'_>) -> (Vec<String>, Vec<String>) {
    let (Some(args), Some(parameters)) = (&definition.args, &definition.rule.head.args) else {
        return (Vec::new(), Vec::new());
    };
    let mut names = Vec::new();
    for parameter in parameters {
        text::pattern_names(parameter, &mut names);
    }
    names.sort();
    names.dedup();
    let mut lines = Vec::new();
    if !names.is_empty() {
        lines.push(format!("some {}", names.join(", ")));
    }
    for (parameter, arg) in parameters
        .iter()
        .zip(args)
        .filter(|(parameter, _)| !parameter.is_wildcard())
    {
        let pattern = definition.module.ast.source.slice(parameter.span);
        lines.push(format!("{pattern} = {}", text::term(arg)));
    }
    (lines, names)
}

/// Whether `text` holds `name` as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text
            .get(start..)
            .and_then(|rest| rest.get(name.len()..))
            .and_then(|rest| rest.chars().next());
        !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word)
    })
}
