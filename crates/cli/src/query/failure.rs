//! Why a query has no result, in the form in which OPA reports it.

use serde::Serialize;
use stele_contract::Refusal;
use stele_policy::load::LoadError;
use stele_policy::{EngineError, Problem};
use stele_rego::eval::{At, EvalError};
use stele_rego::{Code, Diagnostic, SourceFile};

/// All that is wrong; at least one entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub(crate) struct Failure {
    pub(crate) errors: Vec<Entry>,
}

/// One error, as `errors` of a JSON result holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    /// With the source line, for people.
    #[serde(skip)]
    rendered: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Location {
    file: String,
    row: u32,
    col: u32,
}

impl Failure {
    /// One error that has no place.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self::coded(message, None)
    }

    /// One error that has no place, with a code.
    pub(crate) fn coded(message: impl Into<String>, code: Option<&str>) -> Self {
        Self {
            errors: vec![Entry {
                message: message.into(),
                code: code.map(Into::into),
                location: None,
                rendered: None,
            }],
        }
    }

    /// Whether an error has this code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.errors
            .iter()
            .any(|entry| entry.code.as_deref() == Some(code))
    }

    /// What the front end found; `sources` are the texts it was given.
    pub(crate) fn diagnostics(found: &[Diagnostic], sources: &[SourceFile]) -> Self {
        let entry = |diagnostic: &Diagnostic| {
            let source = sources.iter().find(|source| *source.name() == diagnostic.file);
            Entry {
                message: diagnostic.message.clone(),
                code: Some(opa_code(diagnostic.code.as_str()).into()),
                location: located(&diagnostic.file, diagnostic.line, diagnostic.column),
                rendered: source.map(|source| diagnostic.render(source.text())),
            }
        };
        Self {
            errors: found.iter().map(entry).collect(),
        }
    }

    /// What a contract can't do.
    pub(crate) fn refusals(found: &[Refusal]) -> Self {
        let entry = |refusal: &Refusal| Entry {
            message: format!("the query can't become a contract: {refusal}"),
            code: Some("contract_refused".into()),
            location: located(&refusal.file, refusal.row, refusal.col),
            rendered: None,
        };
        Self {
            errors: found.iter().map(entry).collect(),
        }
    }

    /// All errors for people, as OPA heads them.
    pub(crate) fn text(&self) -> String {
        let head = match self.errors.len() {
            1 => "1 error occurred: ".to_owned(),
            count => format!("{count} errors occurred:\n"),
        };
        let lines: Vec<String> = self.errors.iter().map(Entry::text).collect();
        format!("{head}{}", lines.join("\n"))
    }
}

impl Entry {
    fn text(&self) -> String {
        let place = self
            .location
            .as_ref()
            .map(|at| format!("{}:{}: ", at.file, at.row))
            .unwrap_or_default();
        let code = self
            .code
            .as_ref()
            .map(|code| format!("{code}: "))
            .unwrap_or_default();
        let rendered = self
            .rendered
            .as_ref()
            .map(|text| format!("\n{}", text.trim_end()))
            .unwrap_or_default();
        format!("{place}{code}{}{rendered}", self.message)
    }
}

fn located(file: &str, row: u32, col: u32) -> Option<Location> {
    (!file.is_empty() && row > 0).then(|| Location {
        file: file.to_owned(),
        row,
        col,
    })
}

/// OPA's code for a problem of ours.
fn opa_code(code: &str) -> &'static str {
    let is = |wanted: Code| code == wanted.as_str();
    if is(Code::Syntax) || is(Code::V0Syntax) || is(Code::TooComplex) || code == "encoding" {
        "rego_parse_error"
    } else if is(Code::UnsafeVar) {
        "rego_unsafe_var_error"
    } else if is(Code::Recursion) {
        "rego_recursion_error"
    } else if is(Code::Arity)
        || is(Code::UndefinedFunction)
        || is(Code::RuleConflict)
        || is(Code::DeprecatedBuiltin)
        || is(Code::InvalidWith)
        || is(Code::Type)
    {
        "rego_type_error"
    } else {
        "rego_compile_error"
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        let code = error.opa_code().unwrap_or(match &error {
            EvalError::Refused { .. } => "builtin_refused",
            EvalError::Limit { .. } => "limit_reached",
            _ => "eval_internal_error",
        });
        let at = error.at().cloned();
        let text = error.to_string();
        // The place has a field of its own.
        let message = match &at {
            Some(at) => text.strip_prefix(&format!("{at}: ")).unwrap_or(&text).to_owned(),
            None => text,
        };
        Self {
            errors: vec![Entry {
                message,
                code: Some(code.into()),
                location: at.and_then(|At { file, row, col }| located(&file, row, col)),
                rendered: None,
            }],
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let LoadError::Invalid(problems) = &error else {
            return Self::plain(error.to_string());
        };
        let entry = |problem: &Problem| {
            let location = located(&problem.file, problem.line, problem.column);
            Entry {
                // Without a line there is no place, and the file must be named all the same.
                message: match &location {
                    None if !problem.file.is_empty() => format!("{}: {}", problem.file, problem.message),
                    _ => problem.message.clone(),
                },
                code: Some(opa_code(&problem.code).into()),
                location,
                rendered: Some(problem.rendered.clone()),
            }
        };
        Self {
            errors: problems.as_slice().iter().map(entry).collect(),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::coded(error.to_string(), Some("eval_error"))
    }
}
