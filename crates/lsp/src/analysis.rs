//! Diagnostics: what the parser, the compiler's checks, the metadata reader and the linter have to say about sets of files.
//!
//! A file that can't be parsed says so itself. To the others it stays what it was when it could be parsed last, so that they do not
//! change while someone types.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use lsp_types::{DiagnosticSeverity, DiagnosticTag, NumberOrString, Position, Range, Uri};
use stele_policy::lint::{self, Level, LintOptions};
use stele_policy::load::{self, PolicyModule};
use stele_policy::problem::Problem;
use stele_rego::ast::Module;
use stele_rego::{Code, Span};

use crate::document::{Document, FileId};
use crate::position::Encoding;
use crate::workspace::Set;

/// What diagnostics name as their source.
const SOURCE: &str = "stele";

/// Everything that is to be looked at.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) sets: Vec<Set>,
    pub(crate) encoding: Encoding,
    /// Ids of lint rules to leave out.
    pub(crate) disabled: Arc<BTreeSet<String>>,
}

/// The diagnostics of one file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileDiagnostics {
    pub(crate) uri: Uri,
    pub(crate) version: Option<i32>,
    pub(crate) diagnostics: Vec<lsp_types::Diagnostic>,
}

/// The diagnostics of all files, those without any included.
pub(crate) fn analyse(job: &Job) -> BTreeMap<FileId, FileDiagnostics> {
    let mut out = BTreeMap::new();
    for set in &job.sets {
        let mut report = Report::new(set, job.encoding);
        report.parser();
        let modules = stand_ins(set);
        report.checks(&modules);
        report.policies(&modules, &job.disabled);
        out.append(&mut report.files);
    }
    out
}

/// The modules to check, as many as documents have one.
struct StandIns {
    modules: Vec<(Arc<str>, Arc<Module>)>,
    /// A file has never been parsed without a mistake: what it would define is not known.
    incomplete: bool,
}

fn stand_ins(set: &Set) -> StandIns {
    let mut out = StandIns {
        modules: Vec::new(),
        incomplete: false,
    };
    for (document, sound) in set.documents.iter().zip(&set.sound) {
        out.incomplete |= sound.is_none();
        if let Some(module) = sound.as_ref().or(document.module.as_ref()) {
            out.modules.push((document.source.name().clone(), module.clone()));
        }
    }
    out
}

struct Report<'a> {
    set: &'a Set,
    encoding: Encoding,
    documents: BTreeMap<&'a str, &'a Document>,
    files: BTreeMap<FileId, FileDiagnostics>,
    /// Where errors are: what a lint rule finds there says the same.
    errors: HashSet<(FileId, Span)>,
}

impl<'a> Report<'a> {
    fn new(set: &'a Set, encoding: Encoding) -> Self {
        let mut files = BTreeMap::new();
        let mut documents = BTreeMap::new();
        for document in &set.documents {
            documents.insert(document.source.name().as_ref(), document.as_ref());
            let file = FileDiagnostics {
                uri: document.uri.clone(),
                version: document.version,
                diagnostics: Vec::new(),
            };
            files.insert(document.id.clone(), file);
        }
        Self {
            set,
            encoding,
            documents,
            files,
            errors: HashSet::new(),
        }
    }

    /// The document of this name, if what is said about it is about its present text.
    fn sound(&self, name: &str) -> Option<&'a Document> {
        let document = self.documents.get(name).copied();
        document.filter(|document| document.is_sound())
    }

    fn parser(&mut self) {
        for document in &self.set.documents {
            for problem in &document.problems {
                let problem = Problem::of_diagnostic(problem, document.text());
                self.problem(document, &problem);
            }
        }
    }

    /// Names, arities, safety, conflicts, recursion, types.
    fn checks(&mut self, modules: &StandIns) {
        let trees: Vec<Module> = modules
            .modules
            .iter()
            .map(|(_, tree)| tree.as_ref().clone())
            .collect();
        let Err(problems) = stele_rego::check(&trees, &stele_policy::compile_options()) else {
            return;
        };
        for problem in problems {
            if modules.incomplete && problem.code == Code::UndefinedFunction {
                continue;
            }
            if let Some(document) = self.sound(&problem.file) {
                self.problem(document, &Problem::of_diagnostic(&problem, document.text()));
            }
        }
    }

    /// Metadata and lint.
    fn policies(&mut self, modules: &StandIns, disabled: &Arc<BTreeSet<String>>) {
        let modules_of = modules.modules.iter();
        let policy_modules: Vec<PolicyModule> = modules_of
            .map(|(name, tree)| PolicyModule::new(name.as_ref(), tree.as_ref().clone()))
            .collect();
        let mut problems = self.set.data.problems.clone();
        let set = load::from_modules(policy_modules, self.set.data.value.clone(), &mut problems);
        for problem in &problems {
            if let Some(document) = self.sound(&problem.file) {
                self.problem(document, problem);
            } else if !self.documents.contains_key(problem.file.as_str()) {
                self.data_problem(problem);
            }
        }
        if modules.incomplete {
            // The linter must know that something is missing; what that is has been said.
            problems.extend(self.set.documents.iter().flat_map(|document| {
                let problems = document.problems.iter();
                problems.map(|problem| Problem::of_diagnostic(problem, document.text()))
            }));
        }
        let options = LintOptions {
            disabled: disabled.as_ref().clone(),
            ..LintOptions::default()
        };
        for finding in lint::lint(&set, &problems, &options) {
            // What the parser and the compiler say was said with its span.
            let said = [lint::LOAD_ERROR.id, lint::V0_SYNTAX.id, lint::COMPILE_ERROR.id];
            if said.contains(&finding.rule) {
                continue;
            }
            if let Some(document) = self.sound(&finding.file) {
                self.finding(document, finding);
            }
        }
    }

    fn problem(&mut self, document: &Document, problem: &Problem) {
        let range = self.range(document, problem.span, (problem.line, problem.column));
        if let Some(span) = problem.span {
            self.errors.insert((document.id.clone(), span));
        }
        let tags =
            (problem.code == Code::DeprecatedBuiltin.as_str()).then(|| vec![DiagnosticTag::DEPRECATED]);
        self.put(
            &document.id,
            lsp_types::Diagnostic {
                tags,
                ..diagnostic(
                    range,
                    DiagnosticSeverity::ERROR,
                    &problem.code,
                    message(&problem.message, problem.help.as_deref()),
                )
            },
        );
    }

    fn finding(&mut self, document: &Document, finding: lint::Finding) {
        if let Some(span) = finding.span
            && self.errors.contains(&(document.id.clone(), span))
        {
            return;
        }
        let severity = match finding.severity {
            Level::Error => DiagnosticSeverity::ERROR,
            Level::Warning => DiagnosticSeverity::WARNING,
            Level::Info => DiagnosticSeverity::INFORMATION,
        };
        let unnecessary = [
            lint::UNUSED_IMPORT.id,
            lint::UNUSED_VARIABLE.id,
            lint::V0_IMPORT.id,
        ];
        let tags = unnecessary
            .contains(&finding.rule)
            .then(|| vec![DiagnosticTag::UNNECESSARY]);
        let range = self.range(document, finding.span, (finding.line, finding.column));
        self.put(
            &document.id,
            lsp_types::Diagnostic {
                tags,
                ..diagnostic(
                    range,
                    severity,
                    finding.rule,
                    message(&finding.message, Some(&finding.fix)),
                )
            },
        );
    }

    /// A problem with a data file. Its text is not kept, so the columns are those of the plain characters.
    fn data_problem(&mut self, problem: &Problem) {
        let Some(root) = &self.set.root else { return };
        let id = FileId::Path(root.join(&problem.file));
        let Some(uri) = id.uri() else { return };
        let at = Position::new(problem.line.saturating_sub(1), problem.column.saturating_sub(1));
        let text = message(&problem.message, problem.help.as_deref());
        let diagnostic = diagnostic(Range::new(at, at), DiagnosticSeverity::ERROR, &problem.code, text);
        let file = self.files.entry(id).or_insert_with(|| FileDiagnostics {
            uri,
            version: None,
            diagnostics: Vec::new(),
        });
        file.diagnostics.push(diagnostic);
    }

    fn put(&mut self, id: &FileId, diagnostic: lsp_types::Diagnostic) {
        if let Some(file) = self.files.get_mut(id)
            && !file.diagnostics.contains(&diagnostic)
        {
            file.diagnostics.push(diagnostic);
        }
    }

    /// What to underline: the span up to the end of its first line, or the rest of a line.
    fn range(&self, document: &Document, span: Option<Span>, (line, column): (u32, u32)) -> Range {
        let span = span.unwrap_or_else(|| {
            let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
            let bytes = document.lines.line(index);
            let line = document.text().get(bytes.clone()).unwrap_or_default();
            let skipped = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
            let cut = line.char_indices().nth(skipped).map_or(line.len(), |(at, _)| at);
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            Span::new(offset(bytes.start.saturating_add(cut)), offset(bytes.end))
        });
        let end = document
            .source
            .slice(span)
            .find(['\n', '\r'])
            .and_then(|newline| u32::try_from(newline).ok())
            .map_or(span.end, |newline| span.start.saturating_add(newline));
        document.range(Span::new(span.start, end), self.encoding)
    }
}

fn message(text: &str, help: Option<&str>) -> String {
    help.map_or_else(|| text.to_owned(), |help| format!("{text}\nhelp: {help}"))
}

fn diagnostic(
    range: Range,
    severity: DiagnosticSeverity,
    code: &str,
    message: String,
) -> lsp_types::Diagnostic {
    lsp_types::Diagnostic {
        range,
        severity: Some(severity),
        code: Some(NumberOrString::String(code.to_owned())),
        source: Some(SOURCE.to_owned()),
        message,
        ..lsp_types::Diagnostic::default()
    }
}
