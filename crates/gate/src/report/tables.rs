//! For comments on a change, and for browsers.

use std::fmt::Write as _;

use super::{level, summary};
use crate::run::Outcome;

/// A table in GitHub's Markdown.
#[must_use]
pub fn markdown(outcome: &Outcome) -> String {
    // What is not ours must not become markup, an image or a mention.
    let cell = |text: &str| {
        let mut out = String::new();
        for character in text.chars() {
            match character {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '@' => out.push_str("&#64;"),
                '\\' | '|' | '[' | ']' | '!' | '`' | '*' | '_' => out.extend(['\\', character]),
                _ if character.is_control() => out.push(' '),
                _ => out.push(character),
            }
        }
        out
    };
    let mut out = format!("**stele check**: {}\n", summary(outcome));
    if !outcome.findings.is_empty() {
        out.push_str("\n| | severity | rule | what | where |\n|---|---|---|---|---|\n");
    }
    for finding in &outcome.findings {
        let place = format!("{}:{}", finding.file, finding.start.line);
        let what = match &finding.exception {
            Some(exempt) => format!("{}; {exempt}", finding.message),
            None => finding.message.clone(),
        };
        let row = [
            level(finding),
            finding.severity.as_str(),
            &finding.id(),
            &what,
            &place,
        ]
        .map(cell);
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    if !outcome.failures.is_empty() {
        out.push_str("\nNot checked:\n\n");
    }
    for failure in &outcome.failures {
        let _ = writeln!(out, "* {}: {}", cell(&failure.file), cell(&failure.message));
    }
    if !outcome.exceptions.is_empty() {
        out.push_str("\nExceptions:\n\n");
    }
    for idle in &outcome.exceptions {
        let _ = writeln!(out, "* {}: {}", cell(&idle.exempt.place), cell(&idle.to_string()));
    }
    out.trim_end().to_owned()
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8884;vertical-align:top}\
    code{font:13px ui-monospace,monospace}mark{background:none;color:inherit;text-decoration:underline wavy #c22}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}";

/// One page without scripts and without anything from elsewhere.
#[must_use]
pub fn html(outcome: &Outcome) -> String {
    let mut rows = String::new();
    for finding in &outcome.findings {
        let excerpt = &finding.excerpt;
        let part = |range| escape(excerpt.text.get(range).unwrap_or_default());
        let code = format!(
            "{}<mark>{}</mark>{}",
            part(0..excerpt.range.start),
            part(excerpt.range.clone()),
            part(excerpt.range.end..excerpt.text.len()),
        );
        let place = format!("{}:{}:{}", finding.file, finding.start.line, finding.start.column);
        let exempt = finding.exception.as_ref().map(ToString::to_string);
        let more: Vec<String> = finding
            .remediation
            .iter()
            .chain(&exempt)
            .map(|text| escape(text))
            .collect();
        let more = more.join("<br>");
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}<br><code>{code}</code><br>{}</td><td>{}</td></tr>",
            level(finding),
            finding.severity,
            escape(&finding.id()),
            escape(&finding.message),
            more,
            escape(&place),
        );
    }
    let failures = outcome.failures.iter().map(|failure| {
        format!(
            "<li>{}: {}</li>\n",
            escape(&failure.file),
            escape(&failure.message)
        )
    });
    let idle = outcome.exceptions.iter().map(|idle| {
        let (place, text) = (escape(&idle.exempt.place), escape(&idle.to_string()));
        format!("<li>{place}: {text}</li>\n")
    });
    let more = list("Not checked", failures.collect()) + &list("Exceptions", idle.collect());
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>stele check</title><style>{STYLE}</style></head>\n<body><h1>stele check</h1>\n<p>{}</p>\n\
         <table><thead><tr><th></th><th>severity</th><th>rule</th><th>what</th><th>where</th></tr></thead><tbody>\n{rows}</tbody></table>\n\
         {more}</body></html>",
        escape(&summary(outcome)),
    )
}

fn list(heading: &str, items: String) -> String {
    if items.is_empty() {
        return String::new();
    }
    format!("<h2>{heading}</h2><ul>{items}</ul>")
}

fn escape(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace('"', "&quot;")
}
