//! What a policy is asked about, and findings on it.

use std::collections::BTreeMap;

use stele_policy::derive::Derivation;
use stele_policy::violations::Found;
use stele_policy::{InputDocument, Policy};
use stele_types::{Enforcement, InputKind, Timestamp, Value};

use crate::finding::{Excerpt, Finding, Step, Why, fingerprint};
use crate::fix;
use crate::format::{Document, Reading};
use crate::kind;
use crate::source::Input;
use crate::text::{Lines, first_line};

/// By the value that was derived.
pub(crate) type Origins<'a> = BTreeMap<&'a Value, &'a Derivation>;

/// A document of a file.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) input: &'a Input,
    pub(crate) lines: &'a Lines,
    /// Which of the input's documents.
    pub(crate) index: usize,
    pub(crate) number: usize,
    pub(crate) kind: InputKind,
    pub(crate) document: &'a Document,
}

impl<'a> View<'a> {
    pub(crate) fn reading(&self) -> Reading<'a> {
        self.document.reading(&self.input.text)
    }
}

/// The input of an evaluation.
pub(crate) struct Subject<'a> {
    pub(crate) document: InputDocument<'a>,
    /// What it is; `None`: all documents in one.
    pub(crate) kind: Option<InputKind>,
    /// What it was made of: one document, or all of them in their order.
    pub(crate) views: &'a [View<'a>],
    pub(crate) now: Timestamp,
    pub(crate) explain: bool,
}

impl Subject<'_> {
    /// What failures are about.
    pub(crate) fn name(&self) -> String {
        match self.views {
            [view] => view.input.name.clone(),
            _ => "(all files)".to_owned(),
        }
    }

    /// The document that a path leads into, and the path in it: of all documents in one, `[{"path": ..., "contents": ...}, ...]`.
    fn view<'p>(&self, path: &'p [Value]) -> Option<(&View<'_>, &'p [Value])> {
        if self.kind.is_some() {
            return Some((self.views.first()?, path));
        }
        let index = path.first().and_then(crate::node::index).unwrap_or_default();
        let contents = path.get(1).is_some_and(|step| step.as_str() == Some("contents"));
        let rest = path.get(2..).filter(|_| contents).unwrap_or_default();
        Some((self.views.get(index).or_else(|| self.views.first())?, rest))
    }

    pub(crate) fn finding(
        &self,
        policy: &Policy,
        rule: &str,
        found: Found,
        origins: &Origins<'_>,
    ) -> Option<Finding> {
        let Found { violation, entry, .. } = found;
        let derivation = derivation(entry.as_ref(), origins);
        let path = named_path(entry.as_ref()).unwrap_or_else(|| origin(derivation));
        let (view, path) = self.view(&path)?;
        let (text, reading) = (&view.input.text, view.reading());
        let range = first_line(text, &view.document.locate(text, path));
        let resource = violation
            .resource
            .or_else(|| kind::resource_of(view.kind, reading, path));
        let (file, start) = view.input.position(view.lines, range.start);
        let (_, end) = view.input.position(view.lines, range.end);
        let parts = [
            violation.policy_id.as_str(),
            &violation.rule,
            file,
            resource.as_deref().unwrap_or_default(),
            &violation.message,
        ];
        let meta = policy.rule_by_id(&violation.rule);
        let fix = meta.and_then(|meta| meta.custom.fix.as_ref());
        let why = if self.explain {
            self.why(derivation)
        } else {
            Vec::new()
        };
        Some(Finding {
            fingerprint: fingerprint(parts, &kind::stable_path(view.kind, reading, path)),
            enforcement: enforcement(policy, rule, &violation.rule),
            policy: violation.policy_id.to_string(),
            rule: violation.rule,
            severity: violation.severity,
            message: violation.message,
            resource,
            remediation: violation.remediation,
            controls: violation.controls,
            file: file.to_owned(),
            kind: view.kind,
            document: view.number,
            path: path.iter().map(Step::of).collect(),
            start,
            end,
            exception: None,
            roots: Vec::new(),
            why,
            fix: fix::of(entry.as_ref(), fix, path, view.index),
            excerpt: Excerpt::of(text, &range),
        })
    }

    /// What the policy read on its way, in that order.
    fn why(&self, derivation: Option<&Derivation>) -> Vec<Why> {
        let reads = derivation
            .map(|derivation| derivation.reads.as_slice())
            .unwrap_or_default();
        let mut out: Vec<Why> = Vec::new();
        for read in reads {
            let Some((view, path)) = self.view(&read.path) else {
                continue;
            };
            let text = &view.input.text;
            let range = first_line(text, &view.document.locate(text, path));
            let (file, start) = view.input.position(view.lines, range.start);
            let why = Why {
                file: file.to_owned(),
                path: path.iter().map(Step::of).collect(),
                start,
                value: Why::shown(view.reading().at(path).as_deref()),
            };
            if !out.contains(&why) {
                out.push(why);
            }
        }
        out
    }
}

/// What a `warn` says never fails a check; what a policy on trial says neither.
fn enforcement(policy: &Policy, rule: &str, id: &str) -> Enforcement {
    let declared = policy
        .rule_by_id(id)
        .and_then(|rule| rule.custom.enforcement)
        .unwrap_or_else(|| policy.enforcement());
    if rule.starts_with("warn") {
        declared.min(Enforcement::Warn)
    } else {
        declared
    }
}

/// The path that a policy names itself: a list under `path`.
fn named_path(entry: Option<&Value>) -> Option<Vec<Value>> {
    let path = entry?.get("path")?.as_array()?;
    let is_step = |step: &Value| matches!(step, Value::String(_) | Value::Number(_));
    path.iter().all(is_step).then(|| path.to_vec())
}

/// How an entry came about.
fn derivation<'a>(entry: Option<&Value>, origins: &Origins<'a>) -> Option<&'a Derivation> {
    let same = entry.and_then(|entry| origins.get(entry));
    // A rule may give a whole collection at once.
    same.or_else(|| origins.values().next()).copied()
}

/// What the policy looked at last before it decided.
fn origin(derivation: Option<&Derivation>) -> Vec<Value> {
    let reasons = derivation.map(Derivation::reasons).unwrap_or_default();
    reasons.first().map(|read| read.path.clone()).unwrap_or_default()
}
