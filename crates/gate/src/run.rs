//! All files, on all processors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use stele_types::{InputKind, Value};

use crate::changed::Changed;
use crate::check::{Asked, Checked, Checker, Worker};
use crate::evidence::CheckedFile;
use crate::exception::Idle;
use crate::finding::{Failure, Finding, fingerprint};
use crate::source::{Input, Origin, Source};
use crate::text::Position;

/// What a check of many files came to.
#[derive(Debug, Default, serde::Serialize)]
pub struct Outcome {
    /// In order of files, and within each of their places.
    pub findings: Vec<Finding>,
    /// Files and policies without an answer.
    pub failures: Vec<Failure>,
    /// Exceptions that except nothing.
    pub exceptions: Vec<Idle>,
    /// The policies that were asked.
    pub policies: Vec<Asked>,
    /// How many files were read.
    pub files: usize,
    /// How often a policy was asked about a document.
    pub checks: usize,
    /// The files that were read, for reports that list what passed.
    #[serde(skip)]
    pub checked: Vec<CheckedFile>,
}

impl Outcome {
    fn add(&mut self, result: Result<Checked, Failure>) {
        match result {
            Ok(checked) => {
                self.checks = self.checks.saturating_add(checked.checks);
                self.findings.extend(checked.findings);
                self.failures.extend(checked.failures);
                self.checked.extend(checked.files);
            }
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// A source that was read.
struct Examined {
    checked: Checked,
    /// Where all are combined.
    input: Option<Input>,
    changed: bool,
}

/// Reads a source and asks about it, if it changed. `None`: it did not, and nothing else needs it.
fn examine(
    worker: &mut Worker<'_>,
    source: &Source,
    changed: Option<&Changed>,
    combine: bool,
) -> Option<Result<Examined, Failure>> {
    if !combine && changed.is_some_and(|changed| !changed.may_touch(source)) {
        return None;
    }
    let input = match source.read() {
        Ok(input) => input,
        // What can't be read was no plan of a configuration that changed.
        Err(_) if !combine && changed.is_some_and(|changed| changed.is_same(source)) => return None,
        Err(failure) => return Some(Err(failure)),
    };
    let changed = changed.is_none_or(|changed| changed.touches(source, &input));
    if !changed && !combine {
        return None;
    }
    let checked = if changed {
        worker.check(&input)
    } else {
        Checked::unasked(&input)
    };
    Some(Ok(Examined {
        checked,
        input: combine.then_some(input),
        changed,
    }))
}

/// Checks files on `threads` threads, all or, of what has `changed`, everything that is found on it: a value in one file may be wrong where another
/// one uses it. `done` is told after each file.
pub fn run(
    checker: &Checker,
    sources: &[Source],
    threads: usize,
    changed: Option<&Changed>,
    done: &(dyn Fn() + Sync),
) -> Outcome {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(sources.len()));
    let work = || {
        let mut worker = checker.worker();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(index) else { break };
            let result = examine(&mut worker, source, changed, checker.combine);
            if let Ok(mut results) = results.lock() {
                results.extend(result.map(|result| (index, result)));
            }
            done();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(sources.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(index, _)| *index);
    let mut out = Outcome {
        policies: checker.policies().collect(),
        ..Outcome::default()
    };
    let mut inputs = Vec::new();
    let mut any_changed = false;
    for (index, result) in results {
        let result = result.map(|examined| {
            inputs.extend(examined.input);
            any_changed |= examined.changed;
            let mut checked = examined.checked;
            let module = sources
                .get(index)
                .filter(|source| matches!(source.origin, Origin::Module(_)));
            for finding in &mut checked.findings {
                finding.roots.extend(module.map(|source| source.name.clone()));
            }
            checked
        });
        out.add(result);
    }
    join_roots(&mut out.findings);
    let mut said = BTreeSet::new();
    out.failures
        .retain(|failure| said.insert((failure.file.clone(), failure.at, failure.message.clone())));
    if checker.combine && (any_changed || changed.is_some_and(Changed::lost_any)) {
        let checked = checker.worker().check_combined(&inputs);
        out.checks = out.checks.saturating_add(checked.checks);
        out.findings.extend(checked.findings);
        out.failures.extend(checked.failures);
    }
    let files: BTreeSet<&str> = out.checked.iter().map(|file| file.path.as_str()).collect();
    out.files = files.len();
    prefer_plans(&mut out.findings);
    tell_apart(&mut out.findings);
    out
}

/// What several modules show because they call the same one is said once, with their names: it is mended once.
fn join_roots(findings: &mut Vec<Finding>) {
    let mut met: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut first: BTreeMap<(String, Position, usize), usize> = BTreeMap::new();
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        let [root] = finding.roots.as_slice() else {
            kept.push(finding);
            continue;
        };
        // Equal ones of one module are several.
        let before = met
            .entry((root.clone(), finding.fingerprint.clone()))
            .or_default();
        let key = (finding.fingerprint.clone(), finding.start, *before);
        *before = before.saturating_add(1);
        let at = *first.entry(key).or_insert(kept.len());
        match kept.get_mut(at) {
            Some(there) => there.roots.extend(finding.roots),
            None => kept.push(finding),
        }
    }
    for finding in &mut kept {
        if finding.roots.len() < 2 {
            finding.roots.clear();
        }
    }
    *findings = kept;
}

/// What a plan and the configuration that it was made from both show is said once.
fn prefer_plans(findings: &mut Vec<Finding>) {
    let key = |finding: &Finding| (finding.fingerprint.clone(), finding.start);
    let of_plans = findings
        .iter()
        .filter(|finding| finding.kind == InputKind::TerraformPlan);
    let planned: BTreeSet<_> = of_plans.map(key).collect();
    findings.retain(|finding| finding.kind != InputKind::Terraform || !planned.contains(&key(finding)));
}

/// Of findings with the same fingerprint all but the first get one of their own, by their number: who reads a report takes equal ones for one.
fn tell_apart(findings: &mut [Finding]) {
    let mut met: BTreeMap<String, i64> = BTreeMap::new();
    for finding in findings {
        let earlier = met.entry(finding.fingerprint.clone()).or_default();
        if *earlier > 0 {
            let parts = [&finding.fingerprint, "", "", "", ""];
            finding.fingerprint = fingerprint(parts, &[Value::from(*earlier)]);
        }
        *earlier = earlier.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use stele_types::Severity;

    use super::*;
    use crate::baseline::tests::finding;

    #[test]
    fn what_a_plan_shows_is_not_said_of_its_configuration_again() {
        let of = |rule: &str, kind| Finding {
            kind,
            ..finding("p", rule, Severity::Low)
        };
        let mut findings = vec![
            of("both", InputKind::Terraform),
            of("both", InputKind::TerraformPlan),
            of("configured", InputKind::Terraform),
            of("both", InputKind::Kubernetes),
        ];
        prefer_plans(&mut findings);
        let kept: Vec<_> = findings
            .iter()
            .map(|found| (found.rule.as_str(), found.kind))
            .collect();
        assert_eq!(
            kept,
            [
                ("both", InputKind::TerraformPlan),
                ("configured", InputKind::Terraform),
                ("both", InputKind::Kubernetes)
            ]
        );
    }

    #[test]
    fn what_several_modules_call_is_said_once() {
        let of = |root: &str, rule: &str| Finding {
            kind: InputKind::Terraform,
            roots: vec![root.to_owned()],
            ..finding("p", rule, Severity::Low)
        };
        let mut findings = vec![
            of("a", "x"),
            of("a", "x"),
            of("a", "y"),
            of("b", "x"),
            of("b", "z"),
            of("c", "x"),
        ];
        findings.push(finding("p", "x", Severity::Low));
        join_roots(&mut findings);
        let kept: Vec<(&str, String)> = findings
            .iter()
            .map(|found| (found.rule.as_str(), found.roots.join(" ")))
            .collect();
        let kept: Vec<(&str, &str)> = kept.iter().map(|(rule, roots)| (*rule, roots.as_str())).collect();
        assert_eq!(kept, [("x", "a b c"), ("x", ""), ("y", ""), ("z", ""), ("x", "")]);
    }

    #[test]
    fn equal_findings_have_fingerprints_of_their_own() {
        let [one, other] = ["r", "s"].map(|rule| finding("p", rule, Severity::Low));
        let mut findings = [one.clone(), other.clone(), one.clone(), one.clone(), other];
        tell_apart(&mut findings);
        let prints: Vec<&str> = findings.iter().map(|f| f.fingerprint.as_str()).collect();
        assert_eq!(prints[..2], ["p r", "p s"]);
        let distinct: std::collections::BTreeSet<&str> = prints.iter().copied().collect();
        assert_eq!(distinct.len(), 5);
        // One less does not change those before it.
        let mut fewer = [one.clone(), one];
        tell_apart(&mut fewer);
        assert_eq!(fewer.map(|f| f.fingerprint), [prints[0], prints[2]]);
    }
}
