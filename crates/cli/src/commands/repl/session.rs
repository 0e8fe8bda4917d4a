//! What a REPL knows, and what it does with a statement.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use stele_policy::load::Documents;
use stele_rego::ast::{Literal, LiteralKind, Module, TermKind};
use stele_rego::{QueryScope, RegoVersion, SourceFile, parse, parse_query};
use stele_types::{Value, json};

use crate::commands::eval::explain::Mode;
use crate::commands::eval::format::{Format, Output};
use crate::commands::eval::{Question, Report};
use crate::output;
use crate::query::metrics::Metrics;
use crate::query::{EngineName, Failure, Settings, load};

const HELP: &str = "\
QUERY                      evaluate it, e.g. data.authz.allow; x := [1, 2][i]; x > 1
NAME := TERM, RULE         define a rule in the current package; brackets may stay open over several lines
input                      show the input document
input FILE | input JSON    set it
data                       show all documents
data PATH                  load more policies and data
package [PATH]             go to another package; without a path, back to `repl`
import PATH [as NAME]      import in the current package
show                       show what was defined in the current package
unset NAME                 forget the rules of this name; `unset input` forgets the input, `unset import` the imports
trace [full|fails|notes|off]
                           show how results come about; without a word, switch between full and off
json, pretty               how results are shown
help                       this
exit                       leave; Ctrl-D too";

/// The package at the start.
const HOME: &str = "repl";

/// How a statement went.
pub(super) enum Reply {
    Done,
    Failed,
    Exit,
}

/// What was defined in one package.
#[derive(Clone, Default)]
struct Defined {
    imports: Vec<String>,
    rules: Vec<Rule>,
}

#[derive(Clone)]
struct Rule {
    name: String,
    text: String,
    /// `name := term`, which a second one replaces.
    plain: bool,
}

/// Everything that lasts from one statement to the next.
pub(super) struct Session {
    documents: Documents,
    input: Option<Value>,
    settings: Settings,
    version: RegoVersion,
    package: String,
    defined: BTreeMap<String, Defined>,
    explain: Mode,
    format: Format,
}

impl Session {
    pub(super) fn new(documents: Documents, settings: Settings, version: RegoVersion) -> Self {
        Self {
            documents,
            input: None,
            settings,
            version,
            package: HOME.to_owned(),
            defined: BTreeMap::new(),
            explain: Mode::Off,
            format: Format::Pretty,
        }
    }

    pub(super) fn prompt(&self) -> String {
        if self.package == HOME {
            "> ".to_owned()
        } else {
            format!("{}> ", self.package)
        }
    }

    pub(super) fn read_input(&mut self, path: &Path) -> Result<()> {
        let bytes =
            std::fs::read(path).with_context(|| format!("can't read the input {}", path.display()))?;
        let value = json::parse(&bytes, &json::Limits::default())
            .with_context(|| format!("can't read the input {}", path.display()))?;
        self.input = Some(value);
        Ok(())
    }

    /// Executes a command, defines a rule or evaluates a query.
    pub(super) fn take(&mut self, statement: &str) -> Result<Reply> {
        let text = statement.trim();
        if text.is_empty() || text.starts_with('#') && !text.contains('\n') {
            return Ok(Reply::Done);
        }
        let (word, rest) = text
            .split_once(char::is_whitespace)
            .map_or((text, ""), |(word, rest)| (word, rest.trim()));
        // `input` and `data` with an operator behind them begin a query.
        let argument = !rest.is_empty() && !rest.starts_with(['=', '!', '<', '>', ':', ';', '|', '&', '+']);
        let argument = argument && !rest.starts_with("with ") && !rest.starts_with("in ");
        let outcome = match word {
            "exit" | "quit" if rest.is_empty() => return Ok(Reply::Exit),
            "help" if rest.is_empty() => {
                output::line(HELP);
                Ok(())
            }
            "show" if rest.is_empty() => {
                self.show();
                Ok(())
            }
            "json" | "pretty" if rest.is_empty() => {
                self.format = if word == "json" {
                    Format::Json
                } else {
                    Format::Pretty
                };
                Ok(())
            }
            "trace" => self.trace(rest),
            "package" => self.enter(rest),
            "import" => self.import(rest),
            "unset" if !rest.is_empty() => self.unset(rest),
            "input" if argument => self.set_input(rest),
            "data" if argument => self.load(rest),
            _ => return self.statement(text),
        };
        Ok(match outcome {
            Ok(()) => Reply::Done,
            Err(failure) => {
                output::note(failure.text());
                Reply::Failed
            }
        })
    }

    fn statement(&mut self, text: &str) -> Result<Reply> {
        if let Some(rule) = self.as_rule(text) {
            return Ok(match self.define(rule) {
                Ok(()) => Reply::Done,
                Err(failure) => {
                    output::note(failure.text());
                    Reply::Failed
                }
            });
        }
        let output = self.query(text);
        output.print(self.format, 80)?;
        Ok(if output.has_errors() {
            Reply::Failed
        } else {
            Reply::Done
        })
    }

    fn query(&self, text: &str) -> Output {
        // The interpreter asks in no package: where nothing was defined, that is the same.
        let is_bare = self.package == HOME && self.defined.is_empty();
        let scope = if is_bare && !self.settings.engine.has_packages() {
            Ok(QueryScope::default())
        } else {
            self.scope()
        };
        let scope = match scope {
            Ok(scope) => scope,
            Err(failure) => return Output::failed(failure),
        };
        let question = Question {
            documents: &self.documents,
            scope: &scope,
            input: self.input.as_ref(),
            settings: &self.settings,
            report: Report::explained(self.explain),
        };
        question.ask(load::query(text, &scope, self.version), &mut Metrics::default())
    }

    /// The current package with what it imports.
    fn scope(&self) -> Result<QueryScope, Failure> {
        let imports = self
            .defined
            .get(&self.package)
            .map(|here| here.imports.as_slice());
        load::scope(Some(&self.package), imports.unwrap_or_default())
    }

    /// A statement as a rule: `name := term` alone, or what is a rule and no query. Keywords are those of the package's imports.
    fn as_rule(&self, text: &str) -> Option<Rule> {
        let scope = self.scope().ok()?;
        let plain = match parse_query(&load::query(text, &scope, self.version)) {
            Ok(query) => assigned(&query.literals)?,
            Err(_) => false,
        };
        let here = self.defined.get(&self.package);
        let above = Defined {
            imports: here.map(|here| here.imports.clone()).unwrap_or_default(),
            rules: Vec::new(),
        };
        let module = self
            .parsed(&format!("{}\n{text}\n", above.text(&self.package)))
            .ok()?;
        let rule = module.rules.first()?;
        Some(Rule {
            name: rule.head.name().to_string(),
            text: text.to_owned(),
            plain,
        })
    }

    fn define(&mut self, rule: Rule) -> Result<(), Failure> {
        let mut next = self.defined.get(&self.package).cloned().unwrap_or_default();
        let before = next.rules.len();
        if rule.plain {
            next.rules
                .retain(|other| !(other.plain && other.name == rule.name));
        }
        let again = next.rules.len() < before;
        let name = rule.name.clone();
        next.rules.push(rule);
        self.accept(next)?;
        let verb = if again { "redefined" } else { "defined" };
        output::line(format!("rule {name} {verb} in package {}", self.package));
        Ok(())
    }

    /// Takes new definitions for the current package if everything still compiles.
    fn accept(&mut self, next: Defined) -> Result<(), Failure> {
        let module = self.parsed(&next.text(&self.package))?;
        let mut documents = self.documents.clone();
        documents.put_module(&self.file(), module);
        let trees = documents.trees();
        stele_rego::check(&trees, &self.settings.options()).map_err(|found| {
            let sources: Vec<_> = trees.iter().map(|module| module.source.clone()).collect();
            Failure::diagnostics(&found, &sources)
        })?;
        self.documents = documents;
        self.defined.insert(self.package.clone(), next);
        Ok(())
    }

    fn file(&self) -> String {
        format!("repl/{}.rego", self.package)
    }

    fn parsed(&self, text: &str) -> Result<Module, Failure> {
        let source = SourceFile::new(self.file(), text).with_version(self.version);
        parse(&source).map_err(|found| Failure::diagnostics(&found, &[source]))
    }

    fn show(&self) {
        let here = self.defined.get(&self.package).cloned().unwrap_or_default();
        output::line(here.text(&self.package).trim_end());
    }

    fn enter(&mut self, path: &str) -> Result<(), Failure> {
        let path = if path.is_empty() { HOME } else { path };
        let path = path.strip_prefix("data.").unwrap_or(path);
        load::scope(Some(path), &[])?;
        self.package = path.to_owned();
        Ok(())
    }

    fn import(&mut self, path: &str) -> Result<(), Failure> {
        let mut next = self.defined.get(&self.package).cloned().unwrap_or_default();
        next.imports.push(path.to_owned());
        self.accept(next)
    }

    fn unset(&mut self, name: &str) -> Result<(), Failure> {
        let mut next = self.defined.get(&self.package).cloned().unwrap_or_default();
        match name {
            "input" => {
                self.input = None;
                return Ok(());
            }
            "import" => next.imports.clear(),
            name => {
                let before = next.rules.len();
                next.rules.retain(|rule| rule.name != name);
                if next.rules.len() == before {
                    return Err(Failure::plain(format!(
                        "no rule {name} was defined in package {}",
                        self.package
                    )));
                }
            }
        }
        self.accept(next)
    }

    fn trace(&mut self, mode: &str) -> Result<(), Failure> {
        let wanted = match mode {
            "" if self.explain == Mode::Off => Mode::Full,
            "" => Mode::Off,
            mode => Mode::from_str(mode, true)
                .map_err(|_| Failure::plain("trace takes full, fails, notes, debug or off"))?,
        };
        if wanted != Mode::Off && self.settings.engine != EngineName::Vm {
            return Err(Failure::plain("trace follows the plan; it needs --engine vm"));
        }
        self.explain = wanted;
        Ok(())
    }

    fn set_input(&mut self, text: &str) -> Result<(), Failure> {
        if text.starts_with(['{', '[', '"']) {
            let value = json::parse(text.as_bytes(), &json::Limits::default())
                .map_err(|error| Failure::plain(format!("the input is no JSON: {error}")))?;
            self.input = Some(value);
            return Ok(());
        }
        self.read_input(Path::new(text))
            .map_err(|error| Failure::plain(format!("{error:#}")))
    }

    /// Loads more files; what was loaded under the same paths, and what was defined here, stays.
    fn load(&mut self, path: &str) -> Result<(), Failure> {
        let more = Documents::load_as(&[path.into()], &[], self.version)?;
        self.documents = self.documents.merged(more)?;
        Ok(())
    }
}

impl Defined {
    fn text(&self, package: &str) -> String {
        let mut out = format!("package {package}\n");
        if !self.imports.is_empty() {
            out.push('\n');
        }
        for import in &self.imports {
            out.push_str(&format!("import {import}\n"));
        }
        for rule in &self.rules {
            out.push_str(&format!("\n{}\n", rule.text));
        }
        out
    }
}

/// Whether a query assigns to a name, a call or a reference and does nothing else: then it defines a rule. True for a name.
fn assigned(literals: &[Literal]) -> Option<bool> {
    let [literal] = literals else { return None };
    let LiteralKind::Assign(left, _) = &literal.kind else {
        return None;
    };
    match left.kind {
        TermKind::Var(_) if literal.with.is_empty() => Some(true),
        TermKind::Call(_) | TermKind::Ref(_) if literal.with.is_empty() => Some(false),
        _ => None,
    }
}
