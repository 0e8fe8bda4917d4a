//! `# METADATA` blocks: found, attached and handed on as raw YAML. Nothing here parses YAML.
//!
//! A block is a comment line that says `METADATA` and nothing else, with the comment lines directly below it. It
//! belongs to the next package clause, import or rule.

use crate::source::{SourceFile, Span};
use crate::syntax::token::Comment;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// From the `#` of the `METADATA` line to the end of the last line.
    pub span: Span,
    /// The YAML, without comment signs; line breaks are `\n`.
    pub yaml: String,
    /// The line (from 1) on which the YAML's first line stands.
    pub first_line: u32,
    /// How many columns were cut from each line: add it to a YAML column to get the file's.
    pub columns_cut: u32,
    /// What the block stands on.
    pub target: Target,
}

impl Annotation {
    /// The value of the top-level key `scope`, if the block names one: `rule`, `document`, `package` or `subpackages`.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.yaml.lines().find_map(|line| {
            let value = line.strip_prefix("scope:")?.split(" #").next()?;
            Some(value.trim().trim_matches(['"', '\'']))
        })
    }
}

/// What a block stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The package clause.
    Package,
    /// The import with this index.
    Import(usize),
    /// The rule with this index in the module.
    Rule(usize),
    /// Nothing: no statement follows.
    Nothing,
}

/// Finds the blocks. `statements` are the starts of all statements in order, with what they are.
pub(crate) fn collect(
    source: &SourceFile,
    comments: &[Comment],
    statements: &[(u32, Target)],
) -> Vec<Annotation> {
    let mut out = Vec::new();
    let mut rest = comments;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if !is_marker(source, *first) {
            continue;
        }
        let mut line = source.line(first.span.start);
        let first_line = line.saturating_add(1);
        let mut end = first.span.end;
        let mut lines: Vec<&str> = Vec::new();
        while let Some((next, after)) = rest.split_first() {
            if source.line(next.span.start) != line.saturating_add(1)
                || is_marker(source, *next)
                || !alone(source, *next)
            {
                break;
            }
            line = line.saturating_add(1);
            end = next.span.end;
            lines.push(source.slice(next.span).strip_prefix('#').unwrap_or(""));
            rest = after;
        }
        let cut = lines.iter().all(|text| text.is_empty() || text.starts_with(' '));
        let yaml: Vec<&str> = lines
            .iter()
            .map(|text| {
                if cut {
                    text.strip_prefix(' ').unwrap_or("")
                } else {
                    *text
                }
            })
            .collect();
        let target = statements
            .iter()
            .find(|(start, _)| *start >= end)
            .map_or(Target::Nothing, |(_, target)| *target);
        let indent = source.line_column(first.span.start).column.saturating_sub(1);
        out.push(Annotation {
            span: Span::new(first.span.start, end),
            yaml: yaml.join("\n"),
            first_line,
            columns_cut: indent.saturating_add(if cut { 2 } else { 1 }),
            target,
        });
    }
    out
}

fn is_marker(source: &SourceFile, comment: Comment) -> bool {
    source
        .slice(comment.span)
        .strip_prefix('#')
        .is_some_and(|text| text.trim() == "METADATA")
        && alone(source, comment)
}

/// Whether nothing but blanks stands before the comment on its line.
fn alone(source: &SourceFile, comment: Comment) -> bool {
    let line = source.line(comment.span.start);
    source.line_text(line).trim_start().starts_with('#')
}
