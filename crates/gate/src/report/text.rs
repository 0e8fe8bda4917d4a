//! For people: each finding with its line, and the value underlined.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use stele_types::Enforcement;

use super::{level, roots};
use crate::finding::Finding;
use crate::run::Outcome;

/// The findings with blank lines between them. `colour` adds escape sequences.
#[must_use]
pub fn text(outcome: &Outcome, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let findings = outcome.findings.iter().map(|finding| one(finding, &renderer));
    findings.collect::<Vec<_>>().join("\n\n")
}

fn one(finding: &Finding, renderer: &Renderer) -> String {
    let level = match level(finding) {
        "error" => Level::ERROR,
        "warning" => Level::WARNING,
        _ => Level::NOTE,
    };
    let place = format!(
        "{}:{}:{}",
        printable(&finding.file),
        finding.start.line,
        finding.start.column
    );
    let id = format!("{} {}", finding.severity, finding.id());
    // The columns of the excerpt are its own: what is shown of a line may begin within it.
    let snippet = Snippet::source(&finding.excerpt.text)
        .line_start(finding.start.line)
        .annotation(AnnotationKind::Primary.span(finding.excerpt.range.clone()));
    let mut group = level.primary_title(&finding.message).id(&id).element(snippet);
    if let Some(resource) = &finding.resource {
        group = group.element(Level::NOTE.message(resource));
    }
    let roots = roots(finding).map(|roots| printable(&roots));
    if let Some(roots) = &roots {
        group = group.element(Level::NOTE.message(roots));
    }
    if let Some(remediation) = &finding.remediation {
        group = group.element(Level::HELP.message(remediation));
    }
    let why: Vec<String> = finding.why.iter().map(ToString::to_string).collect();
    for line in &why {
        group = group.element(Level::NOTE.message(line));
    }
    let exempt = finding.exception.as_ref().map(ToString::to_string);
    if let Some(exempt) = &exempt {
        group = group.element(Level::NOTE.message(exempt));
    }
    format!("{place}\n{}", renderer.render(&[group]))
}

/// A text that can do nothing to a terminal, or to who reads workflow commands: control characters are escaped.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// A number of things whose plural ends in s.
#[must_use]
pub fn many<N: std::fmt::Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// One line: how many files, questions and findings there were.
#[must_use]
pub fn summary(outcome: &Outcome) -> String {
    let count = |enforcement| {
        let findings = outcome.findings.iter();
        findings
            .filter(|finding| finding.enforcement == enforcement && finding.exception.is_none())
            .count()
    };
    let mut parts = vec![
        many(outcome.files, "file"),
        many(outcome.checks, "check"),
        many(count(Enforcement::Deny), "violation"),
        many(count(Enforcement::Warn), "warning"),
    ];
    let trials = count(Enforcement::DryRun);
    if trials > 0 {
        parts.push(format!("{trials} on trial"));
    }
    let excepted = outcome
        .findings
        .iter()
        .filter(|finding| finding.exception.is_some())
        .count();
    if excepted > 0 {
        parts.push(format!("{excepted} excepted"));
    }
    if !outcome.failures.is_empty() {
        parts.push(format!("{} not checked", outcome.failures.len()));
    }
    parts.join(", ")
}
