//! What is wrong with a policy, where, and how to mend it.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::source::{SourceFile, Span};

/// The kinds of problems the front end reports. The text form (`unsafe-var`) is stable: lint settings and tests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// The text is not Rego.
    Syntax,
    /// The text nests deeper, or is longer, than the compiler accepts.
    TooComplex,
    /// Rego v0 syntax, which v1 dropped.
    V0Syntax,
    /// An `import` that can't be one.
    InvalidImport,
    /// A rule head that can't be one.
    InvalidHead,
    /// Two definitions of one rule that exclude each other.
    RuleConflict,
    /// A name that is neither a local, an import nor a rule.
    UndefinedFunction,
    /// A call with the wrong number of arguments.
    Arity,
    /// A variable that nothing binds.
    UnsafeVar,
    /// A local declared twice, or used above its declaration.
    Redeclared,
    /// A declaration that is never used where Rego v1 demands that it is.
    Unused,
    /// A rule that depends on itself.
    Recursion,
    /// A `with` target that can't be replaced.
    InvalidWith,
    /// A builtin that Rego v1 removed.
    DeprecatedBuiltin,
    /// An entry point that no rule or package answers.
    UnknownEntryPoint,
    /// A call, comparison or reference that can't have a value by the types of its parts.
    Type,
    /// Valid Rego that this compiler can't plan.
    Unsupported,
}

impl Code {
    /// The stable name, in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::TooComplex => "too-complex",
            Self::V0Syntax => "v0-syntax",
            Self::InvalidImport => "invalid-import",
            Self::InvalidHead => "invalid-head",
            Self::RuleConflict => "rule-conflict",
            Self::UndefinedFunction => "undefined-function",
            Self::Arity => "arity",
            Self::UnsafeVar => "unsafe-var",
            Self::Redeclared => "redeclared",
            Self::Unused => "unused",
            Self::Recursion => "recursion",
            Self::InvalidWith => "invalid-with",
            Self::DeprecatedBuiltin => "deprecated-builtin",
            Self::UnknownEntryPoint => "unknown-entry-point",
            Self::Type => "type",
            Self::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One problem in one file. `Display` prints `file:line:column: message`; [`Diagnostic::render`] shows the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct Diagnostic {
    /// What kind of problem it is.
    pub code: Code,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The file's name.
    pub file: Arc<str>,
    /// The culprit.
    pub span: Span,
    /// Line of the culprit, from 1.
    pub line: u32,
    /// Column of the culprit in characters, from 1.
    pub column: u32,
    /// How to mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem at `span` of `source`.
    #[must_use]
    pub fn new(source: &SourceFile, span: Span, code: Code, message: impl Into<String>) -> Self {
        let at = source.line_column(span.start);
        Self {
            code,
            message: message.into(),
            file: source.name().clone(),
            span,
            line: at.line,
            column: at.column,
            help: None,
        }
    }

    /// Adds the hint.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The problem with its source line and the culprit underlined, without colours.
    #[must_use]
    pub fn render(&self, source_text: &str) -> String {
        self.render_with(source_text, &Renderer::plain())
    }

    /// As [`Diagnostic::render`], with terminal colours.
    #[must_use]
    pub fn render_styled(&self, source_text: &str) -> String {
        self.render_with(source_text, &Renderer::styled())
    }

    fn render_with(&self, source_text: &str, renderer: &Renderer) -> String {
        let (start, end) = self.visible_range(source_text);
        // The line with those around it: of thousands of problems nobody maps the whole text for each.
        let (first, last, above) = lines_around(source_text, start, end);
        let shown = source_text.get(first..last).unwrap_or_default();
        let within = start.saturating_sub(first)..end.saturating_sub(first);
        let snippet = Snippet::source(shown)
            .line_start((self.line as usize).saturating_sub(above).max(1))
            .path(self.file.as_ref())
            .annotation(AnnotationKind::Primary.span(within));
        let title = Level::ERROR
            .primary_title(self.message.as_str())
            .id(self.code.as_str());
        let group = title.element(snippet);
        let group = match &self.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        };
        renderer.render(&[group])
    }

    /// The span, cut to its first line and to what `text` holds, on character boundaries.
    fn visible_range(&self, text: &str) -> (usize, usize) {
        let mut start = (self.span.start as usize).min(text.len());
        while !text.is_char_boundary(start) {
            start = start.saturating_sub(1);
        }
        let mut end = (self.span.end as usize).clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end = end.saturating_add(1);
        }
        let line_end = text
            .get(start..end)
            .and_then(|slice| slice.find('\n'))
            .map_or(end, |newline| start.saturating_add(newline));
        (start, line_end)
    }
}

/// Where the line before a range begins, where the line behind it ends, and how many lines there are before the range's own.
fn lines_around(text: &str, start: usize, end: usize) -> (usize, usize, usize) {
    let line_start = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        before.rfind('\n').map_or(0, |newline| newline.saturating_add(1))
    };
    let line_end = |at: usize| {
        let behind = text.get(at..).unwrap_or_default();
        let newline = behind.find('\n').unwrap_or(behind.len());
        at.saturating_add(newline)
    };
    let own = line_start(start);
    let last = line_end(line_end(end).saturating_add(1).min(text.len()));
    match own.checked_sub(1) {
        Some(newline) => (line_start(newline), last, 1),
        None => (own, last, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_the_culprit_underlined() {
        let source = SourceFile::new("a.rego", "package a\n\np := nope(1)\n");
        let diagnostic = Diagnostic::new(
            &source,
            Span::new(16, 20),
            Code::UndefinedFunction,
            "unknown function `nope`",
        )
        .with_help("define it");
        let text = diagnostic.render(source.text());
        assert!(
            text.contains("error[undefined-function]: unknown function `nope`"),
            "{text}"
        );
        assert!(text.contains("a.rego:3:6"), "{text}");
        assert!(text.contains("3 | p := nope(1)"), "{text}");
        assert!(text.contains("|      ^^^^"), "{text}");
        assert!(text.contains("help: define it"), "{text}");
        assert_eq!(diagnostic.to_string(), "a.rego:3:6: unknown function `nope`");
    }

    /// Wherever the culprit is, it is shown as in the whole text.
    #[test]
    fn the_lines_shown_are_those_of_the_text() {
        for text in [
            "a",
            "",
            "\n",
            "ab\ncd\nef\ngh\n",
            "ab\r\n\r\ncd",
            "\n\n\nx\n\n",
            "é\n日本\n  x",
        ] {
            let source = SourceFile::new("a.rego", text);
            let length = u32::try_from(text.len()).unwrap();
            for (start, end) in (0..=length).flat_map(|start| (start..=length).map(move |end| (start, end))) {
                if !text.is_char_boundary(start as usize) {
                    continue;
                }
                let diagnostic = Diagnostic::new(&source, Span::new(start, end), Code::Syntax, "odd");
                let (from, to) = diagnostic.visible_range(text);
                let whole = Snippet::source(text)
                    .path("a.rego")
                    .annotation(AnnotationKind::Primary.span(from..to));
                let title = Level::ERROR.primary_title("odd").id("syntax");
                let wanted = Renderer::plain().render(&[title.element(whole)]);
                assert_eq!(diagnostic.render(text), wanted, "{text:?} {start} {end}");
            }
        }
    }

    #[test]
    fn thousands_of_problems_are_shown_by_their_lines() {
        let source = SourceFile::new("a.rego", "p := nope(1)\n".repeat(1 << 17));
        for line in 0..1 << 14 {
            let start = line * 13 * 8;
            let diagnostic = Diagnostic::new(&source, Span::new(start, start + 4), Code::Syntax, "odd");
            // Many times the whole text would be hours.
            assert!(diagnostic.render(source.text()).contains(" | p := nope(1)"));
        }
    }

    #[test]
    fn foreign_spans_do_not_panic() {
        let source = SourceFile::new("a.rego", "ä");
        let diagnostic = Diagnostic::new(&source, Span::new(1, 90), Code::Syntax, "odd");
        assert!(diagnostic.render("ä").contains("odd"));
        assert!(diagnostic.render("").contains("odd"));
    }
}
