//! Policies over documents.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;
use stele_policy::derive::{Derivation, Deriver};
use stele_policy::violations::{self, Found};
use stele_policy::{
    CompiledPolicy, DataPath, EngineError, EvalContext, EvalRequest, InputDocument, Limits, Policy,
    PolicySet, VmEngine, ids,
};
use stele_types::{Digest, EntryPoint, InputKind, PolicyId, PolicyVersion, Timestamp, Value, json, sha256};

use crate::evidence::CheckedFile;
use crate::exception::Exempt;
use crate::finding::{Failure, Finding};
use crate::format::combined;
use crate::names::Names;
use crate::source::Input;
use crate::subject::{Origins, Subject, View};
use crate::text::Lines;

/// The bounds of one policy over one document: a plan may have a hundred megabytes.
const LIMITS: Limits = Limits {
    time: Some(Duration::from_secs(60)),
    instructions: NonZeroU32::new(u32::MAX),
    memory: 4 << 30,
};

/// Policies, ready to be asked by any number of [`Worker`]s.
#[derive(Debug)]
pub struct Checker {
    parts: Vec<Compiled>,
    now: Timestamp,
    explain: bool,
    pub(crate) combine: bool,
}

/// Policies that were loaded together. Bundles are parts of their own: two may hold the same module in two versions.
#[derive(Debug)]
pub struct Part {
    /// What was loaded.
    pub set: PolicySet,
    /// The only policies of it to ask; `None`: all of them.
    pub only: Option<Vec<PolicyId>>,
    /// The bundle that it is.
    pub version: Option<PolicyVersion>,
}

impl Part {
    /// All policies of a set.
    #[must_use]
    pub fn whole(set: PolicySet) -> Self {
        Self {
            set,
            only: None,
            version: None,
        }
    }
}

#[derive(Debug)]
struct Compiled {
    part: Part,
    policy: CompiledPolicy,
    selected: Vec<Selected>,
}

/// A policy that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Its id.
    pub policy: PolicyId,
    /// The bundle that it came from, if it came from one that is known by its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<PolicyVersion>,
}

/// A policy with the rules of it that say what is wrong.
#[derive(Debug)]
struct Selected {
    policy: Policy,
    rules: Vec<(String, EntryPoint)>,
    /// The rule that takes findings back, as conftest has it.
    exception: Option<EntryPoint>,
}

/// Why policies can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// They don't compile.
    #[error("the policies can't be compiled")]
    Compile(#[from] EngineError),
    /// None of them says anything of files.
    #[error(
        "no policy has a rule `deny`, `violation` or `warn` for files; policies are packages whose metadata has an id, and `inputs` there says what they are for; --namespace names one without"
    )]
    NoPolicy,
}

impl Checker {
    /// Takes all policies that are for files: not those whose metadata says `inputs: []`. `now` is what `time.now_ns()` answers.
    ///
    /// # Errors
    ///
    /// [`CheckError`].
    pub fn new(parts: Vec<Part>, now: Timestamp) -> Result<Self, CheckError> {
        let mut compiled = Vec::new();
        for part in parts {
            let wanted = |policy: &&Policy| part.only.as_ref().is_none_or(|only| only.contains(&policy.id));
            let selected: Vec<Selected> = part
                .set
                .policies()
                .filter(wanted)
                .filter_map(Selected::new)
                .collect();
            if !selected.is_empty() {
                compiled.push(Compiled {
                    policy: part.set.compile()?,
                    part,
                    selected,
                });
            }
        }
        if compiled.is_empty() {
            return Err(CheckError::NoPolicy);
        }
        Ok(Self {
            parts: compiled,
            now,
            explain: false,
            combine: false,
        })
    }

    /// Whether findings say what the policy read on its way.
    #[must_use]
    pub fn explaining(self, explain: bool) -> Self {
        Self { explain, ..self }
    }

    /// Whether policies that name no kinds of files are asked about all documents in one.
    #[must_use]
    pub fn combining(self, combine: bool) -> Self {
        Self { combine, ..self }
    }

    /// The policies that are asked.
    pub fn policies(&self) -> impl Iterator<Item = Asked> {
        self.parts.iter().flat_map(|compiled| {
            compiled.selected.iter().map(|selected| Asked {
                policy: selected.policy.id.clone(),
                version: compiled.part.version,
            })
        })
    }

    /// What the policies that are asked, and their rules, are called, as far as their source tells: ids, and of rules without one their names behind the
    /// policy's.
    #[must_use]
    pub fn names(&self) -> Names {
        let mut names = Names::default();
        for compiled in &self.parts {
            let mut finder = ids::Finder::new(&compiled.part.set);
            for Selected { policy, rules, .. } in &compiled.selected {
                let rules: Vec<&str> = rules.iter().map(|(name, _)| name.as_str()).collect();
                names.add(policy, finder.ids(policy, &rules));
            }
        }
        names
    }

    /// What was asked: SHA-256 over the canonical JSON list of the parts, each the digest of its bundle, or its modules' paths and texts and its data.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let part = |compiled: &Compiled| {
            let Part { set, only, version } = &compiled.part;
            if let Some(version) = version {
                return Value::string(&version.to_string());
            }
            let modules = set.modules().iter();
            let texts =
                modules.map(|module| [module.path.as_str(), module.ast.source.text()].map(Value::string));
            let only = only.iter().flatten().map(|id| Value::string(id.as_str()));
            let texts = Value::array(texts.map(Value::array));
            Value::array([texts, set.data().clone(), Value::array(only)])
        };
        sha256(&[&json::to_vec(&Value::array(self.parts.iter().map(part)))])
    }

    /// One thread's worker.
    #[must_use]
    pub fn worker(&self) -> Worker<'_> {
        Worker {
            checker: self,
            parts: self.parts.iter().map(PartWorker::new).collect(),
        }
    }
}

impl Selected {
    fn new(policy: &Policy) -> Option<Self> {
        if policy.custom.inputs.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let mut names: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
        names.retain(|name| is_finding_rule(name));
        names.dedup();
        names.sort_unstable();
        names.dedup();
        // A policy that only allows refuses whatever it does not know, so it must say what it is for.
        if names.is_empty() && policy.custom.inputs.is_some() && policy.rules_named("allow").next().is_some()
        {
            names.push("allow");
        }
        let rule = |name: &str| {
            let path = format!("{}/{}", policy.id, name.replace('.', "/"));
            Some((name.to_owned(), EntryPoint::new(&path).ok()?))
        };
        let rules: Vec<_> = names.into_iter().filter_map(rule).collect();
        let exception = policy.rules_named("exception").next();
        let exception = exception.and_then(|_| EntryPoint::new(&format!("{}/exception", policy.id)).ok());
        (!rules.is_empty()).then(|| Self {
            policy: policy.clone(),
            rules,
            exception,
        })
    }

    /// Whether it is asked about a document of this kind, or (`None`) about all documents in one. Where documents are combined, what says nothing of
    /// inputs, or that it takes such a list, is asked about all in one, and what only names kinds about each document of them as always.
    fn is_for(&self, kind: Option<InputKind>, combine: bool) -> bool {
        let custom = &self.policy.custom;
        let takes_all = custom.combine || custom.inputs.is_none();
        match kind {
            Some(_) if combine && takes_all => false,
            Some(kind) => custom.inputs.as_ref().is_none_or(|inputs| inputs.contains(&kind)),
            None => takes_all,
        }
    }
}

/// `deny`, `violation` and `warn`, also with a name behind an underscore, as conftest has it.
fn is_finding_rule(name: &str) -> bool {
    ["deny", "violation", "warn"].into_iter().any(|rule| {
        name.strip_prefix(rule)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

/// Marks the findings of rules that `exception` names: a set of lists of names, each with or without `deny_`, `violation_` or `warn_` in front
/// (conftest's form is without). The empty name stands for `deny`, `violation` and `warn` themselves.
fn except(entry_point: &EntryPoint, value: Option<&Value>, found: &mut [(&str, Vec<Finding>)]) {
    let lists = members(value);
    let names: Vec<&str> = lists
        .flat_map(|list| members(Some(list)))
        .filter_map(Value::as_str)
        .collect();
    for (rule, findings) in found {
        let short = rule.split_once('_').map_or("", |(_, short)| short);
        if names.iter().any(|name| name == rule || *name == short) {
            for finding in findings {
                finding.exception = Some(Exempt {
                    reason: "the policy takes it back for this document".to_owned(),
                    owner: None,
                    approver: None,
                    expires: None,
                    place: entry_point.to_string(),
                });
            }
        }
    }
}

fn members(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    let set = match value {
        Some(Value::Set(items)) => Some(items.iter()),
        _ => None,
    };
    list.chain(set.into_iter().flatten())
}

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Checked {
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// The files that were read.
    pub files: Vec<CheckedFile>,
    /// Policies that had no answer.
    pub failures: Vec<Failure>,
    /// How often a policy was asked about a document.
    pub checks: usize,
}

impl Checked {
    /// A file that was read, and nothing asked about it.
    pub(crate) fn unasked(input: &Input) -> Self {
        Self {
            failures: input.failures.clone(),
            files: input.files(),
            ..Self::default()
        }
    }
}

/// Asks policies, one question at a time.
#[derive(Debug)]
pub struct Worker<'c> {
    checker: &'c Checker,
    parts: Vec<PartWorker<'c>>,
}

#[derive(Debug)]
struct PartWorker<'c> {
    compiled: &'c Compiled,
    engine: VmEngine,
    derivers: BTreeMap<PolicyId, Deriver>,
}

impl<'c> PartWorker<'c> {
    fn new(compiled: &'c Compiled) -> Self {
        Self {
            compiled,
            engine: VmEngine::new(&compiled.policy),
            derivers: BTreeMap::new(),
        }
    }
}

impl Worker<'_> {
    /// Checks all documents of a file.
    pub fn check(&mut self, input: &Input) -> Checked {
        let mut out = Checked::unasked(input);
        let lines = Lines::new(&input.text);
        for view in views(input, &lines) {
            self.ask(view.reading().input(), Some(view.kind), &[view], &mut out);
        }
        out.findings.sort_by(|a, b| {
            let key = |finding: &Finding| {
                (
                    finding.file.clone(),
                    finding.start,
                    finding.policy.clone(),
                    finding.message.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        out
    }

    /// Checks all documents of all files as one: a list with `path` and `contents` of each, as conftest combines them. Asked are the policies that
    /// [`Worker::check`] does not ask about files that are combined.
    pub fn check_combined(&mut self, inputs: &[Input]) -> Checked {
        let mut out = Checked::default();
        let lines: Vec<Lines> = inputs.iter().map(|input| Lines::new(&input.text)).collect();
        let all = inputs.iter().zip(&lines);
        let views: Vec<View<'_>> = all.flat_map(|(input, lines)| views(input, lines)).collect();
        // As text, of which evaluation takes a fraction of the memory that values do.
        let mut text = b"[".to_vec();
        for (number, view) in views.iter().enumerate() {
            text.extend_from_slice(if number == 0 {
                b"{\"path\":"
            } else {
                b",{\"path\":"
            });
            text.extend(json::to_vec(&Value::string(&view.input.name)));
            text.extend_from_slice(b",\"contents\":");
            view.reading().write(&mut text);
            text.push(b'}');
        }
        text.push(b']');
        self.ask(combined(&text), None, &views, &mut out);
        out.findings
            .sort_by(|a, b| (&a.file, a.start).cmp(&(&b.file, b.start)));
        out
    }

    fn ask(
        &mut self,
        document: InputDocument<'_>,
        kind: Option<InputKind>,
        views: &[View<'_>],
        out: &mut Checked,
    ) {
        let subject = Subject {
            document,
            kind,
            views,
            now: self.checker.now,
            explain: self.checker.explain,
        };
        for part in &mut self.parts {
            part.check_document(&subject, self.checker.combine, out);
        }
    }
}

/// The documents of a file.
fn views<'a>(input: &'a Input, lines: &'a Lines) -> impl Iterator<Item = View<'a>> {
    let documents = input.documents.iter().enumerate();
    documents.map(move |(index, (number, kind, document))| View {
        input,
        lines,
        index,
        number: *number,
        kind: *kind,
        document,
    })
}

/// What a policy says of a document.
struct Answer<'c> {
    selected: &'c Selected,
    /// By rule.
    found: Vec<(&'c str, Vec<Found>)>,
    /// What it takes back, if it found something and can.
    taken_back: Option<(&'c EntryPoint, Option<Value>)>,
}

impl<'c> PartWorker<'c> {
    fn check_document(&mut self, subject: &Subject<'_>, combine: bool, out: &mut Checked) {
        let compiled = self.compiled;
        let is_for = |selected: &&Selected| selected.is_for(subject.kind, combine);
        let asked: Vec<&Selected> = compiled.selected.iter().filter(is_for).collect();
        if asked.is_empty() {
            return;
        }
        out.checks = out.checks.saturating_add(asked.len());
        let held = self.engine.hold(subject.document, LIMITS.memory);
        let answers: Vec<Answer<'_>> = asked
            .into_iter()
            .map(|selected| self.answer(subject, selected, &held, out))
            .collect();
        // Where findings come from takes a document of its own.
        self.engine.release();
        for answer in answers {
            self.add_findings(subject, answer, out);
        }
    }

    fn answer(
        &mut self,
        subject: &Subject<'_>,
        selected: &'c Selected,
        held: &Result<(), EngineError>,
        out: &mut Checked,
    ) -> Answer<'c> {
        let mut ask = |entry_point: &EntryPoint| {
            let answer = held.clone().and_then(|()| self.value(subject, entry_point));
            answer.map_err(|error| {
                out.failures.push(Failure {
                    file: subject.name(),
                    at: None,
                    message: format!("{entry_point} has no answer: {error}"),
                });
            })
        };
        let mut found: Vec<(&str, Vec<Found>)> = Vec::new();
        for (rule, entry_point) in &selected.rules {
            if let Ok(value) = ask(entry_point) {
                found.push((
                    rule,
                    violations::found(&selected.policy, entry_point, value.as_ref()),
                ));
            }
        }
        found.retain(|(_, found)| !found.is_empty());
        let exception = selected.exception.as_ref().filter(|_| !found.is_empty());
        let taken_back = exception.and_then(|entry_point| Some((entry_point, ask(entry_point).ok()?)));
        Answer {
            selected,
            found,
            taken_back,
        }
    }

    fn value(
        &mut self,
        subject: &Subject<'_>,
        entry_point: &EntryPoint,
    ) -> Result<Option<Value>, EngineError> {
        let path = DataPath::from(entry_point);
        let request = EvalRequest {
            context: EvalContext::at(subject.now),
            limits: LIMITS,
            ..EvalRequest::new(&path, None)
        };
        Ok(self.engine.evaluate_held(&request)?.value)
    }

    fn add_findings(&mut self, subject: &Subject<'_>, answer: Answer<'_>, out: &mut Checked) {
        let policy = &answer.selected.policy;
        let mut findings: Vec<(&str, Vec<Finding>)> = Vec::new();
        for (rule, found) in answer.found {
            let derived = self.derive(policy, rule, subject);
            let origins: Origins<'_> = derived
                .iter()
                .rev()
                .map(|derived| (&derived.value, derived))
                .collect();
            let found = found.into_iter();
            let found = found.filter_map(|found| subject.finding(policy, rule, found, &origins));
            findings.push((rule, found.collect()));
        }
        if let Some((entry_point, value)) = answer.taken_back {
            except(entry_point, value.as_ref(), &mut findings);
        }
        out.findings
            .extend(findings.into_iter().flat_map(|(_, findings)| findings));
    }

    /// Where the values of a rule came from. That an answer can't be followed back is no reason not to give it.
    fn derive(&mut self, policy: &Policy, rule: &str, subject: &Subject<'_>) -> Vec<Derivation> {
        if !self.derivers.contains_key(&policy.id)
            && let Ok(deriver) = Deriver::new(&self.compiled.part.set, policy)
        {
            self.derivers.insert(policy.id.clone(), deriver);
        }
        let context = EvalContext::at(subject.now);
        let deriver = self.derivers.get_mut(&policy.id);
        let derived =
            deriver.and_then(|deriver| deriver.derive(rule, subject.document, context, LIMITS).ok());
        derived.unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
