//! OPA's `# METADATA` annotations, typed and checked.
//!
//! The keys are OPA's (`title`, `description`, `scope`, `entrypoint`, ...); ours stand under `custom`: `id`, `severity`, `owner`, `controls`
//! (a list of `framework:control`), `remediation`, `enforcement`, `layer`, `require_challengeable` and
//! `inputs` (the kinds of files that `stele check` applies a policy to), and on rules `fix`, what mends a violation without a person. Other keys, and other keys under `custom`, belong to
//! other tools and pass unread. See <https://www.openpolicyagent.org/docs/policy-language#metadata>.

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use stele_rego::ast::Module;
use stele_rego::syntax::annotation::{Annotation, Target};
use stele_types::{Enforcement, InputKind, Layer, Severity, Value, json};

use crate::problem::{Problem, Spot};

#[cfg(test)]
mod tests;

/// What a block applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The one rule definition it stands on.
    Rule,
    /// Every definition of the rule's name in the package.
    Document,
    /// The package.
    Package,
    /// The package and all packages below it.
    Subpackages,
}

/// One annotation block, checked. Absent keys are `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What it applies to.
    pub scope: Scope,
    /// A short name for people.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Where more is said of it.
    pub related: Vec<String>,
    /// Whether the rule may be queried from outside.
    pub entrypoint: bool,
    /// The keys under `custom`.
    pub custom: Custom,
    /// Line (from 1) of the block's first line.
    pub line: u32,
    /// Where `custom.id` stands, for problems with it.
    pub(crate) id_spot: Option<Spot>,
}

/// Our keys under `custom`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Custom {
    /// Identifies a policy (on its package) or a rule.
    pub id: Option<String>,
    /// How bad a violation is.
    pub severity: Option<Severity>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The controls it implements, `framework:control`.
    pub controls: Vec<String>,
    /// How to mend a violation.
    pub remediation: Option<String>,
    /// What enforcement points do with a violation.
    pub enforcement: Option<Enforcement>,
    /// The layer of a system that it protects.
    pub layer: Option<Layer>,
    /// On a policy's package: the kinds of files that it understands. `None`: any. None at all: it is not for files.
    pub inputs: Option<Vec<InputKind>>,
    /// On a policy's package: whether it understands all documents in one list, too, where they are combined.
    pub combine: bool,
    /// On a rule: what should stand where a violation is, `{"value": ...}`, or a list of such with a `path` each; not inherited. Who applies it reads it.
    pub fix: Option<Value>,
    /// On a policy's package: whether every decision must be one that a contract can re-execute.
    pub require_challengeable: bool,
}

impl Custom {
    /// Fills what is absent from `parent`, all but the id.
    #[must_use]
    pub fn inherit(mut self, parent: &Self) -> Self {
        self.severity = self.severity.or(parent.severity);
        self.enforcement = self.enforcement.or(parent.enforcement);
        self.layer = self.layer.or(parent.layer);
        if self.owner.is_none() {
            self.owner.clone_from(&parent.owner);
        }
        if self.controls.is_empty() {
            self.controls.clone_from(&parent.controls);
        }
        if self.remediation.is_none() {
            self.remediation.clone_from(&parent.remediation);
        }
        self
    }
}

#[derive(Deserialize)]
struct RawBlock {
    scope: Option<Spanned<String>>,
    title: Option<String>,
    description: Option<String>,
    #[serde(default)]
    related_resources: Vec<RawResource>,
    #[serde(default)]
    entrypoint: bool,
    custom: Option<RawCustom>,
}

/// OPA takes an address, or an object with one.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawResource {
    Address(String),
    Described {
        #[serde(rename = "ref")]
        address: String,
    },
}

#[derive(Deserialize)]
struct RawCustom {
    id: Option<Spanned<String>>,
    severity: Option<Spanned<String>>,
    owner: Option<String>,
    #[serde(default)]
    controls: Vec<Spanned<String>>,
    remediation: Option<String>,
    enforcement: Option<Spanned<String>>,
    layer: Option<Spanned<String>>,
    inputs: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    combine: bool,
    fix: Option<Spanned<serde_json::Value>>,
    #[serde(default)]
    require_challengeable: bool,
}

/// Reads one block of `module`; every problem in it goes to `problems`.
#[must_use]
pub fn read(module: &Module, block: &Annotation, problems: &mut Vec<Problem>) -> Option<Metadata> {
    let mut reader = Reader {
        module,
        block,
        problems,
    };
    let raw = match serde_saphyr::from_str::<Option<RawBlock>>(&block.yaml) {
        Ok(Some(raw)) => raw,
        Ok(None) => {
            reader.problem(
                reader.spot(None, 1),
                "invalid-metadata",
                "the METADATA block is empty",
                None,
            );
            return None;
        }
        Err(error) => {
            let spot = reader.spot(error.location(), 1);
            let text = error.without_snippet().to_string();
            let message = format!("the METADATA block is no valid annotation: {text}");
            reader.problem(spot, "invalid-metadata", &message, None);
            return None;
        }
    };
    Some(reader.check(raw))
}

struct Reader<'a> {
    module: &'a Module,
    block: &'a Annotation,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn check(&mut self, raw: RawBlock) -> Metadata {
        let on_rule = matches!(self.block.target, Target::Rule(_));
        let scope = self.scope(raw.scope.as_ref(), on_rule, raw.entrypoint);
        let id_spot = raw
            .custom
            .as_ref()
            .and_then(|custom| custom.id.as_ref())
            .map(|id| self.spot_of(id));
        let custom = raw.custom.map(|custom| self.custom(custom)).unwrap_or_default();
        Metadata {
            scope,
            title: raw.title,
            description: raw.description,
            related: raw
                .related_resources
                .into_iter()
                .map(|resource| match resource {
                    RawResource::Address(address) | RawResource::Described { address } => address,
                })
                .collect(),
            entrypoint: raw.entrypoint,
            custom,
            line: self.block.first_line.saturating_sub(1),
            id_spot,
        }
    }

    fn scope(&mut self, raw: Option<&Spanned<String>>, on_rule: bool, entrypoint: bool) -> Scope {
        // OPA: a block on a rule is about that rule, unless it declares an entry point, which is a document by nature.
        let default = match (on_rule, entrypoint) {
            (true, true) => Scope::Document,
            (true, false) => Scope::Rule,
            (false, _) => Scope::Package,
        };
        let Some(raw) = raw else { return default };
        let scope = match raw.value.as_str() {
            "rule" => Scope::Rule,
            "document" => Scope::Document,
            "package" => Scope::Package,
            "subpackages" => Scope::Subpackages,
            other => {
                let message = format!("`{other}` is no scope");
                let help = "a scope is one of rule, document, package, subpackages";
                self.problem(self.spot_of(raw), "unknown-scope", &message, Some(help));
                return default;
            }
        };
        let fits = on_rule == matches!(scope, Scope::Rule | Scope::Document);
        if !fits {
            let message = format!("a block with scope `{}` can't stand here", raw.value);
            let help =
                "scopes rule and document stand on a rule, package and subpackages on the package clause";
            self.problem(self.spot_of(raw), "misplaced-scope", &message, Some(help));
            return default;
        }
        scope
    }

    fn custom(&mut self, raw: RawCustom) -> Custom {
        let severity = raw
            .severity
            .as_ref()
            .and_then(|word| self.word(word, "severity", Severity::ALL));
        let enforcement = raw
            .enforcement
            .as_ref()
            .and_then(|word| self.word(word, "enforcement", Enforcement::ALL));
        let layer = raw
            .layer
            .as_ref()
            .and_then(|word| self.word(word, "layer", Layer::ALL));
        for control in &raw.controls {
            if !is_control(&control.value) {
                let message = format!("`{}` is no control reference", control.value);
                let help = "write FRAMEWORK:CONTROL, for instance nist-800-53r5:AC-6";
                self.problem(self.spot_of(control), "invalid-control", &message, Some(help));
            }
        }
        if let Some(id) = raw
            .id
            .as_ref()
            .filter(|id| stele_types::PolicyId::new(&id.value).is_err())
        {
            let message = format!("`{}` is no id", id.value);
            let help = "an id is a slash path of letters, digits, `_`, `-`, `.` and `:`";
            self.problem(self.spot_of(id), "invalid-id", &message, Some(help));
        }
        Custom {
            id: raw.id.map(|id| id.value),
            severity,
            owner: raw.owner,
            controls: raw.controls.into_iter().map(|control| control.value).collect(),
            remediation: raw.remediation,
            enforcement,
            layer,
            inputs: raw.inputs.map(|words| self.inputs(&words)),
            combine: raw.combine,
            fix: raw.fix.and_then(|fix| self.fix(&fix)),
            require_challengeable: raw.require_challengeable,
        }
    }

    fn fix(&mut self, raw: &Spanned<serde_json::Value>) -> Option<Value> {
        let text = raw.value.to_string();
        let value = json::parse(text.as_bytes(), &json::Limits::default()).ok()?;
        let is_list = |list: &Value| list.as_array().is_some_and(|keys| !keys.is_empty());
        let is_edit = |edit: &Value| {
            let members = edit.as_object().into_iter().flatten();
            let mut names = members.filter_map(|(key, _)| key.as_str());
            let known = names.all(|name| ["value", "path", "at"].contains(&name));
            known && edit.get("value").is_some() && edit.get("at").is_none_or(is_list)
        };
        let is_whole =
            |edit: &Value| is_edit(edit) && edit.get("path").is_some_and(|path| path.as_array().is_some());
        let list = value.as_array().unwrap_or_default();
        if is_edit(&value) || (!list.is_empty() && list.iter().all(is_whole)) {
            return Some(value);
        }
        let help = "a fix is `{value: ...}` for what the violation shows, `{at: [KEY, ...], value: ...}` for keys below that, or a list of `{path: [...], value: ...}`";
        let spot = self.spot(Some(raw.referenced), 1);
        self.problem(spot, "invalid-fix", "this is no fix", Some(help));
        None
    }

    fn inputs(&mut self, words: &[Spanned<String>]) -> Vec<InputKind> {
        let kind = |word| self.word(word, "input kind", InputKind::ALL);
        words.iter().filter_map(kind).collect()
    }

    /// Reads one of a closed list of words.
    fn word<T>(&mut self, raw: &Spanned<String>, key: &str, all: &[T]) -> Option<T>
    where
        T: Copy + std::fmt::Display + std::str::FromStr,
    {
        let parsed = raw.value.parse().ok();
        if parsed.is_none() {
            let allowed: Vec<String> = all.iter().map(ToString::to_string).collect();
            let message = format!("`{}` is no {key}", raw.value);
            let help = format!("it is one of {}", allowed.join(", "));
            self.problem(
                self.spot_of(raw),
                &format!("unknown-{}", key.replace(' ', "-")),
                &message,
                Some(&help),
            );
        }
        parsed
    }

    fn spot_of(&self, raw: &Spanned<String>) -> Spot {
        let width = u32::try_from(raw.value.chars().count()).unwrap_or(1);
        self.spot(Some(raw.referenced), width)
    }

    /// From a place in the block's YAML to one in the file; without one, the block's first line.
    fn spot(&self, location: Option<Location>, width: u32) -> Spot {
        let position = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        match location.map(|location| (position(location.line()), position(location.column()))) {
            Some((line, column)) if line > 0 => Spot {
                line: self.block.first_line.saturating_add(line.saturating_sub(1)),
                column: column.max(1).saturating_add(self.block.columns_cut),
                width,
            },
            _ => {
                let at = self.module.source.line_column(self.block.span.start);
                Spot {
                    line: at.line,
                    column: at.column,
                    width: 10,
                }
            }
        }
    }

    fn problem(&mut self, spot: Spot, code: &str, message: &str, help: Option<&str>) {
        let text = self.module.source.text();
        let problem = Problem::at(self.module.source.name(), text, spot, code, message);
        self.problems.push(match help {
            Some(help) => problem.with_help(text, spot, help),
            None => problem,
        });
    }
}

/// What a `schemas` annotation names.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaRef {
    /// The schema itself.
    Inline(serde_json::Value),
    /// The path of a schema file, `["a", "b"]` for `schema.a.b`.
    File(Vec<String>),
}

/// The `schemas` of a block: pairs of a path (`input.user`) and what its value conforms to. What is no such pair is left out.
///
/// The form is OPA's: <https://www.openpolicyagent.org/docs/policy-reference#schema-annotations>.
#[must_use]
pub fn schemas(block: &Annotation) -> Vec<(String, SchemaRef)> {
    let Ok(yaml) = serde_saphyr::from_str::<serde_json::Value>(&block.yaml) else {
        return Vec::new();
    };
    let entries = yaml.get("schemas").and_then(serde_json::Value::as_array);
    let pairs = entries
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_object);
    pairs
        .flatten()
        .filter_map(|(path, schema)| {
            let schema = match schema {
                serde_json::Value::String(text) => SchemaRef::File(schema_path(text)?),
                inline => SchemaRef::Inline(inline.clone()),
            };
            Some((path.clone(), schema))
        })
        .collect()
}

/// `schema.a.b` or `schema["a"].b` to its parts.
fn schema_path(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix("schema")?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let part;
        if let Some(quoted) = rest.strip_prefix("[\"") {
            (part, rest) = quoted.split_once("\"]")?;
        } else {
            let plain = rest.strip_prefix('.')?;
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            (part, rest) = plain.split_at_checked(end)?;
        }
        parts.push(part.to_owned());
    }
    (!parts.is_empty()).then_some(parts)
}

/// `framework:control`: both sides present, no blanks in the framework's name.
fn is_control(text: &str) -> bool {
    text.split_once(':').is_some_and(|(framework, control)| {
        !framework.is_empty()
            && !control.trim().is_empty()
            && framework
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    })
}
