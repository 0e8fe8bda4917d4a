//! Rewriting heads for the interpreter, so that an undefined head is undefined and no more.
//!
//! In Rego a definition whose key or value is undefined for some bindings gives nothing for those. The interpreter drops the
//! whole rule instead, or fails: one container without a name would take all denials with it. A body, it evaluates as it should. So every key
//! and value that may be undefined moves to the end of its body: `deny contains f(c) if { some c in cs }` goes to the interpreter as
//! `deny contains v if { some c in cs; v := f(c) }`. Lines stay where they are. Bundles, digests and displays keep the original text.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_rego::ast::{
    Body, Comprehension, HeadKind, Literal, LiteralKind, Module, Rule, Segment, Term, TermKind,
};
use stele_rego::syntax::visit::{self, Visitor};
use stele_rego::{SourceFile, Span};

use super::{EngineError, Place, refused_by};

/// The text of a module as the interpreter gets it.
///
/// # Errors
///
/// [`EngineError::Refused`] when the text is no module, or when an expression that has to move can't be written in one line.
pub(super) fn rewrite(path: &str, text: &Arc<str>) -> Result<Arc<str>, EngineError> {
    let module = stele_rego::parse(&SourceFile::new(path, Arc::clone(text))).map_err(|e| refused_by(&e))?;
    let mut edits = Edits::new(&module, false);
    for rule in module.rules.iter().filter(|rule| !rule.default) {
        edits.rule(rule);
    }
    if let Some(span) = edits.refused {
        let at = module.source.line_column(span.start);
        return Err(EngineError::Refused {
            place: Some(Place {
                file: path.to_owned(),
                line: at.line,
                column: at.column,
            }),
            message: "an interpolated string of several lines in a rule's head; assign it to a variable in the body"
                .to_owned(),
        });
    }
    if edits.list.is_empty() {
        return Ok(Arc::clone(text));
    }
    let whole = Span::new(0, u32::try_from(text.len()).unwrap_or(u32::MAX));
    Ok(Arc::from(edits.apply(whole)))
}

/// A replacement of a piece of the source.
struct Edit {
    span: Span,
    text: String,
}

/// Edits of one module, or of one expression that moves.
struct Edits<'a> {
    module: &'a Module,
    /// What new variables start with; it stands nowhere in the source.
    prefix: String,
    list: Vec<Edit>,
    /// Whether the text is to become one line.
    flat: bool,
    refused: Option<Span>,
}

impl<'a> Edits<'a> {
    fn new(module: &'a Module, flat: bool) -> Self {
        let mut prefix = "stele_head".to_owned();
        while module.source.text().contains(prefix.as_str()) {
            prefix.push('_');
        }
        Self {
            module,
            prefix,
            list: Vec::new(),
            flat,
            refused: None,
        }
    }

    fn replace(&mut self, span: Span, text: String) {
        self.list.push(Edit { span, text });
    }

    /// The source of `whole` with the edits inside it. An edit inside of an earlier one is part of that already.
    fn apply(&mut self, whole: Span) -> String {
        let source = self.module.source.text();
        self.list.sort_by_key(|edit| {
            let Span { start, end } = edit.span;
            (start, end > start, std::cmp::Reverse(end))
        });
        let mut out = String::new();
        let mut done = whole.start;
        for edit in &self.list {
            if edit.span.start < done || edit.span.end > whole.end {
                continue;
            }
            out.push_str(
                source
                    .get(done as usize..edit.span.start as usize)
                    .unwrap_or_default(),
            );
            out.push_str(&edit.text);
            done = edit.span.end;
        }
        out.push_str(source.get(done as usize..whole.end as usize).unwrap_or_default());
        out
    }

    /// A name no other variable has: from the place it replaces.
    fn name(&self, term: &Term) -> String {
        format!("{}_{}", self.prefix, term.span.start)
    }

    /// The expression in one line, for another place, itself rewritten.
    fn moved(&mut self, term: &Term) -> String {
        let mut inner = Edits {
            prefix: self.prefix.clone(),
            ..Edits::new(self.module, true)
        };
        inner.term(term);
        for comment in &self.module.comments {
            if comment.span.start >= term.span.start && comment.span.end <= term.span.end {
                inner.replace(comment.span, String::new());
            }
        }
        self.refused = self.refused.or(inner.refused);
        inner.apply(term.span).replace(['\n', '\r'], " ")
    }

    /// Moves those of `terms` that may be undefined: each becomes a variable, and the result assigns them.
    fn hoist<'t>(&mut self, terms: impl Iterator<Item = &'t Term>, bound: &BTreeSet<String>) -> Vec<String> {
        let mut assignments = Vec::new();
        for term in terms {
            if is_total(term, bound) {
                self.term(term);
                continue;
            }
            let name = self.name(term);
            let text = self.moved(term);
            assignments.push(format!("{name} := {text}"));
            self.replace(term.span, name);
        }
        assignments
    }

    /// The line ends that `terms` lose when they move.
    fn line_ends(&self, terms: &[&Term], bound: &BTreeSet<String>) -> String {
        let moved = terms.iter().filter(|term| !is_total(term, bound));
        let ends = moved.map(|term| self.module.source.slice(term.span).matches('\n').count());
        "\n".repeat(ends.fold(0, usize::saturating_add))
    }

    /// Puts assignments at the end of a body, and line ends before its start.
    fn extend(&mut self, body: &Body, assignments: &[String], lines: &str) {
        let Some(last) = body.literals.last() else {
            return;
        };
        let added = assignments.join("; ");
        let end = end_of(last);
        let first = body.literals.first().map_or(0, |literal| literal.span.start);
        if first == body.span.start {
            self.replace(Span::new(first, first), format!("{{ {lines}"));
            self.replace(Span::new(end, end), format!("; {added} }}"));
        } else {
            if !lines.is_empty() {
                self.replace(Span::new(first, first), lines.to_owned());
            }
            self.replace(Span::new(end, end), format!("; {added}"));
        }
    }

    /// A definition or a branch: the terms of its head, its body, and where a body can be put if there is none.
    fn branch(&mut self, terms: &[&Term], body: Option<&Body>, end: u32, outer: &BTreeSet<String>) {
        let mut bound = outer.clone();
        if let Some(body) = body {
            bind(body, &mut bound);
        }
        let assignments = self.hoist(terms.iter().copied(), &bound);
        if let Some(body) = body {
            visit::walk_body(self, body);
        }
        if assignments.is_empty() {
            return;
        }
        let lines = self.line_ends(terms, &bound);
        match body {
            Some(body) => self.extend(body, &assignments, &lines),
            None => self.replace(
                Span::new(end, end),
                format!(" if {{ {}{lines} }}", assignments.join("; ")),
            ),
        }
    }

    fn comprehension(&mut self, heads: &[&Term], body: &Body) {
        let mut bound = BTreeSet::new();
        bind(body, &mut bound);
        let assignments = self.hoist(heads.iter().copied(), &bound);
        self.body(body);
        if let (Some(last), false) = (body.literals.last(), assignments.is_empty()) {
            let end = end_of(last);
            let lines = self.line_ends(heads, &bound);
            if let (Some(first), false) = (body.literals.first(), lines.is_empty()) {
                self.replace(Span::new(first.span.start, first.span.start), lines);
            }
            self.replace(Span::new(end, end), format!("; {}", assignments.join("; ")));
        }
    }
}

impl Visitor for Edits<'_> {
    fn rule(&mut self, rule: &Rule) {
        let mut args = BTreeSet::new();
        for arg in rule.head.args.iter().flatten() {
            pattern(arg, &mut args);
        }
        let mut terms: Vec<&Term> = Vec::new();
        for segment in &rule.head.reference.path {
            if let Segment::Bracket(term) = segment {
                terms.push(term);
            }
        }
        match &rule.head.kind {
            HeadKind::Contains(term) | HeadKind::Value(Some(term)) => terms.push(term),
            HeadKind::Value(None) => {}
        }
        self.branch(&terms, rule.body.as_ref(), rule.head.span.end, &args);
        for other in &rule.elses {
            let terms: Vec<&Term> = other.value.iter().collect();
            let end = other
                .value
                .as_ref()
                .map_or(other.span.end, |value| value.span.end);
            self.branch(&terms, other.body.as_ref(), end, &args);
        }
    }

    fn body(&mut self, body: &Body) {
        if self.flat {
            for (before, after) in body.literals.iter().zip(body.literals.iter().skip(1)) {
                let gap = Span::new(end_of(before), after.span.start);
                self.replace(gap, "; ".to_owned());
            }
        }
        visit::walk_body(self, body);
    }

    fn term(&mut self, term: &Term) {
        let lines = || self.module.source.slice(term.span).contains('\n');
        match &term.kind {
            TermKind::String(text) if self.flat && lines() => {
                let text = stele_types::json::to_string(&stele_types::Value::string(text));
                self.replace(term.span, text);
            }
            TermKind::Template(_) if self.flat && lines() => self.refused = Some(term.span),
            TermKind::ArrayComprehension(inner) | TermKind::SetComprehension(inner) => {
                let Comprehension { head, body } = &**inner;
                self.comprehension(&[head], body);
            }
            TermKind::ObjectComprehension(inner) => {
                self.comprehension(&[&inner.key, &inner.value], &inner.body);
            }
            _ => visit::walk_term(self, term),
        }
    }
}

/// Where a statement ends, with its modifiers.
fn end_of(literal: &Literal) -> u32 {
    let with = literal.with.iter().map(|with| with.span.end).max();
    literal.span.end.max(with.unwrap_or_default())
}

/// The names that a body surely binds.
fn bind(body: &Body, out: &mut BTreeSet<String>) {
    for literal in &body.literals {
        match &literal.kind {
            LiteralKind::Assign(left, _) => pattern(left, out),
            LiteralKind::SomeIn { key, value, .. } => {
                for term in key.iter().chain([value]) {
                    pattern(term, out);
                }
            }
            _ => {}
        }
    }
}

/// The variables of a pattern.
fn pattern(term: &Term, out: &mut BTreeSet<String>) {
    match &term.kind {
        TermKind::Var(name) if !term.is_wildcard() => {
            out.insert(name.to_string());
        }
        TermKind::Array(items) => items.iter().for_each(|item| pattern(item, out)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| pattern(value, out)),
        _ => {}
    }
}

/// Whether a term has a value whenever the names in `bound` have one.
fn is_total(term: &Term, bound: &BTreeSet<String>) -> bool {
    match &term.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::String(_) => true,
        TermKind::Var(name) => bound.contains(&**name),
        TermKind::Array(items) | TermKind::Set(items) => items.iter().all(|item| is_total(item, bound)),
        TermKind::Object(pairs) => pairs
            .iter()
            .all(|(key, value)| is_total(key, bound) && is_total(value, bound)),
        _ => false,
    }
}
