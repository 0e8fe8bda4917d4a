//! What may be written at the cursor.

mod context;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, MarkupContent, MarkupKind, Range,
    TextEdit, Uri,
};
use serde::{Deserialize, Serialize};
use stele_rego::ast::{Module, Rule, future_keywords, is_identifier};
use stele_rego::builtins::{self, Builtin};
use stele_rego::{SourceFile, Span};

use crate::hover;
use crate::names::Names;
use crate::special::{self, SPECIAL};
use crate::view::{View, package_path};
use context::Context;
use tree::Tree;

/// Words that mean something of their own.
const KEYWORDS: [&str; 15] = [
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package",
    "some", "true", "with",
];

/// The keywords that v1 has below an import only, and what that brings.
const FUTURE: [(&str, &str); 3] = [
    ("and", "`p and q`"),
    ("not", "`not { ... }`, and `not` of all of a statement"),
    ("or", "`p or q`"),
];

/// Builtins that stand for operators; one writes the operator.
const OPERATORS: [&str; 13] = [
    "and", "div", "equal", "gt", "gte", "lt", "lte", "minus", "mul", "neq", "or", "plus", "rem",
];

/// What a proposal stands for: enough to document it when the client asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct About {
    /// The file that it was proposed in.
    pub(crate) uri: Uri,
    subject: Subject,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Subject {
    Builtin(String),
    /// The path of a rule or package below `data`.
    Data(Vec<Arc<str>>),
}

/// The documentation of a proposal.
pub(crate) fn documentation(view: &View, about: &About, kind: MarkupKind) -> Option<Documentation> {
    let value = match &about.subject {
        Subject::Builtin(name) => match builtins::find(name) {
            Some(builtin) => hover::builtin_text(builtin),
            None => hover::special_text(special::find(name)?),
        },
        Subject::Data(path) => hover::document(view, path),
    };
    (!value.is_empty()).then_some(Documentation::MarkupContent(MarkupContent { kind, value }))
}

/// The proposals at an offset.
pub(crate) fn completion(view: &View, offset: usize) -> Vec<CompletionItem> {
    let Context::Path {
        parts,
        open,
        start,
        partial,
        import,
        statement,
    } = context::context(view.document.text(), offset)
    else {
        return Vec::new();
    };
    let range = view.range(Span::new(number(partial), number(offset)));
    let Some(module) = &view.document.module else {
        // Without a package there is nothing to write but its clause.
        let package = statement.then(|| item("package", CompletionItemKind::KEYWORD, None));
        return package.map(|item| with_edit(item, range)).into_iter().collect();
    };
    let mut proposals = Proposals {
        view,
        module,
        offset,
        items: BTreeMap::new(),
    };
    if import {
        proposals.imports(&parts);
    } else if parts.is_empty() && !open {
        proposals.words(statement);
    } else if !open {
        proposals.below(&parts);
        proposals.builtins(&format!("{}.", parts.join(".")), start);
    }
    let items = proposals.items.into_values();
    items.map(|item| with_edit(item, range)).collect()
}

/// The proposal with the edit that writes its label, unless it has one.
fn with_edit(mut item: CompletionItem, range: Range) -> CompletionItem {
    let label = &item.label;
    item.text_edit
        .get_or_insert_with(|| CompletionTextEdit::Edit(TextEdit::new(range, label.clone())));
    item
}

fn number(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn item(label: &str, kind: CompletionItemKind, detail: Option<String>) -> CompletionItem {
    CompletionItem {
        label: label.to_owned(),
        kind: Some(kind),
        detail,
        ..CompletionItem::default()
    }
}

struct Proposals<'a> {
    view: &'a View,
    module: &'a Module,
    offset: usize,
    /// By label, the first one wins.
    items: BTreeMap<String, CompletionItem>,
}

impl Proposals<'_> {
    /// Adds a proposal; lower groups are shown first.
    fn put(&mut self, group: u8, mut item: CompletionItem) {
        item.sort_text = Some(format!("{group}{}", item.label));
        self.items.entry(item.label.clone()).or_insert(item);
    }

    fn about(&self, subject: Subject) -> Option<serde_json::Value> {
        let uri = self.view.document.uri.clone();
        serde_json::to_value(About { uri, subject }).ok()
    }

    /// A single word: everything that can start an expression, or a statement of the module.
    fn words(&mut self, statement: bool) {
        if !statement {
            self.locals();
        }
        self.rules();
        if !statement {
            self.imported();
            for (name, detail) in [
                ("input", "the document to decide about"),
                ("data", "rules and data"),
            ] {
                self.put(3, item(name, CompletionItemKind::MODULE, Some(detail.to_owned())));
            }
            self.builtins("", self.offset);
        }
        let starts = ["default", "import", "package"];
        for word in KEYWORDS.iter().filter(|word| !statement || starts.contains(word)) {
            self.put(5, item(word, CompletionItemKind::KEYWORD, None));
        }
        if !statement {
            let imported = future_keywords(&self.module.imports);
            for (word, known) in [("and", imported.and), ("or", imported.or)] {
                if known {
                    self.put(5, item(word, CompletionItemKind::KEYWORD, None));
                }
            }
        }
    }

    fn locals(&mut self) {
        let repaired = self.repaired();
        let Names { locals, .. } = self.view.names(repaired.as_ref().unwrap_or(self.module));
        let here = number(self.offset);
        for local in locals {
            let typed = local.span.start <= here && here <= local.span.end;
            let visible = local.scope.start <= here && here <= local.scope.end;
            if visible && !typed {
                let what = if local.parameter { "parameter" } else { "local" };
                self.put(
                    0,
                    item(&local.name, CompletionItemKind::VARIABLE, Some(what.to_owned())),
                );
            }
        }
    }

    /// Where no rule could be parsed around the cursor: the module without the line at the cursor, if it has one then. What stands
    /// elsewhere keeps its place.
    fn repaired(&self) -> Option<Module> {
        let here = number(self.offset);
        let around = |rule: &Rule| rule.span.start < here && here <= rule.span.end;
        if self.module.rules.iter().any(around) {
            return None;
        }
        let document = &self.view.document;
        let position = document
            .lines
            .position(document.text(), self.offset, self.view.encoding);
        let line = document
            .lines
            .line(usize::try_from(position.line).unwrap_or(usize::MAX));
        let mut text = document.text().to_owned();
        text.replace_range(line.clone(), &" ".repeat(line.len()));
        let (module, _) = stele_rego::parse_lenient(&SourceFile::new(document.source.name().clone(), text));
        module.filter(|module| module.rules.iter().any(around))
    }

    /// The rules of the package.
    fn rules(&mut self) {
        let view = self.view;
        for (document, module) in view.package_modules(self.module) {
            for rule in &module.rules {
                let name = rule.head.name();
                let here = Arc::ptr_eq(document, &view.document);
                let span = rule.head.reference.root.span;
                let typed = here && span.start <= number(self.offset) && number(self.offset) <= span.end;
                if self.items.contains_key(name.as_ref()) || typed || !is_identifier(name) {
                    continue;
                }
                let head = document.source.slice(rule.head.span).lines().next();
                let mut proposal = item(name, rule_kind(rule), head.map(str::to_owned));
                let mut path = package_path(module);
                path.push(name.clone());
                proposal.data = self.about(Subject::Data(path));
                self.put(1, proposal);
            }
        }
    }

    fn imported(&mut self) {
        for import in &self.module.imports {
            if let Some(name) = import.name() {
                let clause = self.view.document.source.slice(import.span).to_owned();
                self.put(2, item(&name.name, CompletionItemKind::MODULE, Some(clause)));
            }
        }
    }

    /// The builtins whose names start with `prefix`, which starts at `start`.
    fn builtins(&mut self, prefix: &str, start: usize) {
        let word = prefix.is_empty().then(|| self.word_start());
        let span = Span::new(number(word.unwrap_or(start)), number(self.offset));
        let range = self.view.range(span);
        let builtins = builtins::TABLE.iter().filter(|builtin| is_written(builtin));
        let builtins = builtins.map(|builtin| (builtin.name, hover::signature(builtin)));
        let special = SPECIAL.iter();
        let special = special.map(|special| (special.name, special.signature.to_owned()));
        for (name, signature) in builtins.chain(special) {
            if !name.starts_with(prefix) {
                continue;
            }
            let mut proposal = item(name, CompletionItemKind::FUNCTION, Some(signature));
            proposal.data = self.about(Subject::Builtin(name.to_owned()));
            // The name has dots, so the client must not guess which word to replace.
            proposal.filter_text = Some(name.to_owned());
            proposal.text_edit = Some(CompletionTextEdit::Edit(TextEdit::new(range, name.to_owned())));
            self.put(4, proposal);
        }
    }

    /// Where the word before the cursor starts.
    fn word_start(&self) -> usize {
        let before = self.view.document.text().get(..self.offset).unwrap_or_default();
        before
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            .len()
    }

    /// What is below a path of `input`, `data` or an import.
    fn below(&mut self, parts: &[String]) {
        let Some((is_input, path)) = tree::resolved(self.module, parts) else {
            return;
        };
        let tree = if is_input {
            tree::input(self.view, self.module, self.offset)
        } else {
            tree::data(self.view, self.module)
        };
        if let Some(found) = tree.at(path.iter().map(String::as_str)) {
            self.children(found, if is_input { None } else { Some(&path) });
        }
    }

    fn children(&mut self, tree: &Tree, data: Option<&[String]>) {
        for (name, child) in &tree.children {
            if !is_identifier(name) {
                continue;
            }
            let kind = match child.detail.as_deref() {
                Some("function") => CompletionItemKind::FUNCTION,
                Some("rule") => CompletionItemKind::VARIABLE,
                Some("package") => CompletionItemKind::MODULE,
                _ => CompletionItemKind::FIELD,
            };
            let mut proposal = item(name, kind, child.detail.clone());
            if let Some(path) = data
                && matches!(child.detail.as_deref(), Some("function" | "rule" | "package"))
            {
                let parts = path.iter().chain([name]).map(|part| Arc::from(part.as_str()));
                proposal.data = self.about(Subject::Data(parts.collect()));
            }
            self.put(0, proposal);
        }
    }

    /// What can be imported.
    fn imports(&mut self, parts: &[String]) {
        match parts.split_first() {
            None => {
                for name in ["data", "input", "future", "rego"] {
                    self.put(0, item(name, CompletionItemKind::MODULE, None));
                }
            }
            Some((root, path)) if root == "future" => match path {
                [] => self.put(0, item("keywords", CompletionItemKind::MODULE, None)),
                [keywords] if keywords == "keywords" => {
                    for (name, detail) in FUTURE {
                        self.put(
                            0,
                            item(name, CompletionItemKind::KEYWORD, Some(detail.to_owned())),
                        );
                    }
                }
                _ => {}
            },
            Some((root, [])) if root == "rego" => self.put(0, item("v1", CompletionItemKind::MODULE, None)),
            Some((root, path)) if root == "data" => {
                let tree = tree::data(self.view, self.module);
                if let Some(found) = tree.at(path.iter().map(String::as_str)) {
                    self.children(found, Some(path));
                }
            }
            Some(_) => self.below(parts),
        }
    }
}

fn rule_kind(rule: &Rule) -> CompletionItemKind {
    if rule.head.args.is_some() {
        CompletionItemKind::FUNCTION
    } else {
        CompletionItemKind::VARIABLE
    }
}

/// Whether one writes the builtin by its name.
fn is_written(builtin: &Builtin) -> bool {
    !builtin.name.starts_with("internal.") && !OPERATORS.contains(&builtin.name)
}
