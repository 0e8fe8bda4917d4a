//! What is wrong with an author's files: every problem of every file, each with its source line.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use stele_rego::{Diagnostic, Span};

/// One problem in one file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Stable name of the kind, in kebab case, e.g. `syntax` or `unknown-severity`.
    pub code: String,
    /// The file, relative to where it was loaded from.
    pub file: String,
    /// Line, from 1; 0 when the problem is the file itself.
    pub line: u32,
    /// Column in characters, from 1; 0 when the problem is the file itself.
    pub column: u32,
    /// What is underlined; `None` when the problem is the file itself.
    #[serde(skip)]
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// The message with the source line and the culprit underlined, without colours.
    #[serde(skip)]
    pub rendered: String,
}

impl Problem {
    /// A problem with a whole file.
    pub(crate) fn of_file(code: &str, file: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: code.to_owned(),
            file: file.to_owned(),
            line: 0,
            column: 0,
            span: None,
            rendered: format!("error[{code}]: {message}\n --> {file}"),
            message,
            help: None,
        }
    }

    /// A problem that the Rego front end found in `text`.
    #[must_use]
    pub fn of_diagnostic(diagnostic: &Diagnostic, text: &str) -> Self {
        Self {
            code: diagnostic.code.as_str().to_owned(),
            file: diagnostic.file.to_string(),
            line: diagnostic.line,
            column: diagnostic.column,
            span: Some(diagnostic.span),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            rendered: diagnostic.render(text),
        }
    }

    /// A problem at `line` and `column` (both from 1) of `text`, with `width` characters underlined.
    pub(crate) fn at(file: &str, text: &str, spot: Spot, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let rendered = render(file, text, spot, code, &message, None);
        let (start, end) = byte_range(text, spot);
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            code: code.to_owned(),
            file: file.to_owned(),
            line: spot.line,
            column: spot.column,
            span: Some(Span::new(offset(start), offset(end))),
            message,
            help: None,
            rendered,
        }
    }

    /// Adds a hint to a problem made by [`Problem::at`].
    pub(crate) fn with_help(mut self, text: &str, spot: Spot, help: impl Into<String>) -> Self {
        let help = help.into();
        self.rendered = render(&self.file, text, spot, &self.code, &self.message, Some(&help));
        self.help = Some(help);
        self
    }
}

/// A place to underline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Line, from 1.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
    /// How many characters to underline, at least 1; cut at the line's end.
    pub(crate) width: u32,
}

fn render(file: &str, text: &str, spot: Spot, code: &str, message: &str, help: Option<&str>) -> String {
    let (start, end) = byte_range(text, spot);
    let snippet = Snippet::source(text)
        .path(file)
        .annotation(AnnotationKind::Primary.span(start..end));
    let group = Level::ERROR.primary_title(message).id(code).element(snippet);
    let group = match help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    };
    Renderer::plain().render(&[group])
}

/// The bytes of a spot, on character boundaries and within its line.
fn byte_range(text: &str, spot: Spot) -> (usize, usize) {
    let mut line_start = 0usize;
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        if number == spot.line {
            let line = line.trim_end_matches(['\n', '\r']);
            let offset_of = |column: u32| {
                let skipped = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
                line.char_indices()
                    .nth(skipped)
                    .map_or(line.len(), |(offset, _)| offset)
            };
            let start = offset_of(spot.column);
            let end = offset_of(spot.column.saturating_add(spot.width.max(1)));
            return (line_start.saturating_add(start), line_start.saturating_add(end));
        }
        line_start = line_start.saturating_add(line.len());
    }
    (text.len(), text.len())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

/// At least one problem, in order of file, line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl Problems {
    /// Sorts the problems; `Ok` when there is none.
    pub fn none_of(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|a, b| {
            (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message))
        });
        problems.dedup();
        Err(Self(problems))
    }

    /// The problems.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// All problems with their source lines, separated by blank lines.
    #[must_use]
    pub fn render(&self) -> String {
        self.0
            .iter()
            .map(|problem| problem.rendered.as_str())
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} problem{}", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl std::error::Error for Problems {}
