//! Definitions, references, highlights and document symbols.

use std::sync::Arc;

use lsp_types::{DocumentHighlight, DocumentSymbol, Location, SymbolKind};
use stele_rego::Span;
use stele_rego::ast::{Module, Rule};

use crate::document::Document;
use crate::names::{Names, Occurrence, Target};
use crate::view::View;

/// Where what stands at an offset is defined.
pub(crate) fn definition(view: &View, offset: usize) -> Vec<Location> {
    let Some(module) = &view.document.module else {
        return Vec::new();
    };
    let names = view.names(module);
    let Some(found) = names.at(offset) else {
        return Vec::new();
    };
    if let Target::Local(index) = found.target {
        let local = names.locals.get(index);
        return local
            .map(|local| view.location(&view.document, local.span))
            .into_iter()
            .collect();
    }
    match View::meaning(module, &found.target) {
        Target::Data(path) => view
            .definitions(&path)
            .iter()
            .map(|definition| view.location(definition.document, definition.span()))
            .collect(),
        _ => Vec::new(),
    }
}

/// Where the same is named, in all files of the set.
pub(crate) fn references(view: &View, offset: usize, with_declarations: bool) -> Vec<Location> {
    let Some(module) = &view.document.module else {
        return Vec::new();
    };
    let names = view.names(module);
    let Some(found) = names.at(offset) else {
        return Vec::new();
    };
    if matches!(found.target, Target::Local(_)) {
        return spans(module, &names, module, found, with_declarations)
            .map(|span| view.location(&view.document, span))
            .collect();
    }
    let mut out = Vec::new();
    for (document, other, others) in view.all_names() {
        let found = spans(other, &others, module, found, with_declarations);
        out.extend(found.map(|span| view.location(document, span)));
    }
    out
}

/// Where the same is named in this file.
pub(crate) fn highlights(view: &View, offset: usize) -> Vec<DocumentHighlight> {
    let Some(module) = &view.document.module else {
        return Vec::new();
    };
    let names = view.names(module);
    let Some(found) = names.at(offset) else {
        return Vec::new();
    };
    spans(module, &names, module, found, true)
        .map(|span| DocumentHighlight {
            range: view.range(span),
            kind: None,
        })
        .collect()
}

/// The names of `module` that mean the same as `wanted`, which stands in `origin`.
fn spans<'a>(
    module: &'a Module,
    names: &'a Names,
    origin: &'a Module,
    wanted: &Occurrence,
    with_declarations: bool,
) -> impl Iterator<Item = Span> + 'a {
    let wanted = View::meaning(origin, &wanted.target);
    names
        .occurrences
        .iter()
        .filter(move |other| with_declarations || !other.declares)
        .filter(move |other| same(&View::meaning(module, &other.target), &wanted))
        .map(|other| other.span)
}

fn same(a: &Target, b: &Target) -> bool {
    match (a, b) {
        (Target::Local(a), Target::Local(b)) => a == b,
        (Target::Data(a), Target::Data(b)) | (Target::Input(a), Target::Input(b)) => a == b,
        (Target::Builtin(a), Target::Builtin(b)) => a.name == b.name,
        (Target::Special(a), Target::Special(b)) => a == b,
        _ => false,
    }
}

/// The package with the rules of a file, definitions of one rule that follow each other put together.
pub(crate) fn symbols(view: &View) -> Vec<DocumentSymbol> {
    let Some(module) = &view.document.module else {
        return Vec::new();
    };
    let mut rules: Vec<DocumentSymbol> = Vec::new();
    for rule in &module.rules {
        let name = name(&view.document, rule);
        let symbol = symbol(view, &name, kind(rule), rule.span, rule.head.reference.span);
        match rules.last_mut() {
            Some(last) if last.name == name => last.range.end = symbol.range.end,
            _ => rules.push(symbol),
        }
    }
    let package = &module.package;
    let end = u32::try_from(view.document.text().len()).unwrap_or(u32::MAX);
    let whole = Span::new(package.span.start, end);
    let mut top = symbol(
        view,
        &module.package_ref(),
        SymbolKind::PACKAGE,
        whole,
        package.span,
    );
    top.children = Some(rules);
    vec![top]
}

/// A rule's name as written, without what varies: `a.b`, `f`.
fn name(document: &Arc<Document>, rule: &Rule) -> String {
    let written = document.source.slice(rule.head.reference.span);
    if written.contains('\n') {
        rule.head.constant_path().join(".")
    } else {
        written.to_owned()
    }
}

fn kind(rule: &Rule) -> SymbolKind {
    if rule.head.args.is_some() {
        SymbolKind::FUNCTION
    } else if rule.body.is_none() && rule.elses.is_empty() && !rule.default {
        SymbolKind::CONSTANT
    } else {
        SymbolKind::VARIABLE
    }
}

#[allow(deprecated, reason = "the protocol's type has a field that it deprecates")]
fn symbol(view: &View, name: &str, kind: SymbolKind, span: Span, name_span: Span) -> DocumentSymbol {
    DocumentSymbol {
        name: name.to_owned(),
        detail: None,
        kind,
        tags: None,
        deprecated: None,
        range: view.range(span),
        selection_range: view.range(name_span),
        children: None,
    }
}
