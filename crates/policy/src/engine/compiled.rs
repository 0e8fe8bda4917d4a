//! A policy compiled for decisions: one program and its data, shared by all engines.

use std::collections::BTreeSet;
use std::sync::Arc;

use stele_rego::Schemas;
use stele_rego::ast::Module;
use stele_rego::nd::{is_impure, is_remote};
use stele_rego::trace::Map;
use stele_rego::vm::{Data, Program};
use stele_types::{EntryPoint, Value};

use super::stele_engine::refused_by;
use super::{DataPath, EngineError};

/// A program with an entry point for every rule, every package and every prefix of their paths, and the data document it reads. Never
/// changes; clones share it. Engines read it without touching a reference count.
#[derive(Debug, Clone)]
pub struct CompiledPolicy {
    pub(super) program: Arc<Program>,
    pub(super) data: Arc<Data>,
    /// Paths of rules, package and constant head.
    pub(super) rules: Arc<BTreeSet<Vec<String>>>,
    impure: bool,
    remote: bool,
}

/// What a path below `data` names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An entry point, and the steps to take inside of its value.
    EntryPoint { name: String, tail: usize },
    /// Nothing but base data, or nothing at all.
    Base,
    /// All of `data`.
    Root,
}

impl CompiledPolicy {
    /// Compiles `modules` over a document. `rules` has the paths of all rules that are no functions.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] with the first of the compiler's diagnostics.
    pub(crate) fn new(
        modules: &[Module],
        document: &Value,
        rules: BTreeSet<Vec<String>>,
    ) -> Result<Self, EngineError> {
        let program = program(modules, &rules)?;
        let data = program.data(document).map_err(refused)?;
        Ok(Self::of_parts(program, data, rules))
    }

    /// As [`Self::new`], for policies whose evaluation is watched: with `traced` there are points, and what they
    /// stand for. Types are checked against the schemas.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub(crate) fn watched(
        modules: &[Module],
        document: &Value,
        rules: BTreeSet<Vec<String>>,
        (traced, schemas): (bool, &Arc<Schemas>),
    ) -> Result<(Self, Map), EngineError> {
        let (entry_points, mut options) = (entry_points(&rules), crate::compile_options().with_print());
        options.schemas = Arc::clone(schemas);
        let plan = if traced {
            stele_rego::compile_traced(modules, &entry_points, &options)
        } else {
            stele_rego::compile(modules, &entry_points, &options).map(|plan| (plan, Map::default()))
        };
        let (plan, map) = plan.map_err(|found| refused_by(&found))?;
        let program = Program::new(&plan).map_err(refused)?;
        let data = program.data(document).map_err(refused)?;
        Ok((Self::of_parts(program, data, rules), map))
    }

    /// A program made by [`program`] from the same `rules`, and data that was prepared for it.
    pub(crate) fn of_parts(program: Program, data: Data, rules: BTreeSet<Vec<String>>) -> Self {
        let impure = program.builtins().any(is_impure);
        let remote = program.builtins().any(is_remote);
        Self {
            impure,
            remote,
            program: Arc::new(program),
            data: Arc::new(data),
            rules: Arc::new(rules),
        }
    }

    /// The data document, as the program reads it.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Whether it calls impure builtins anywhere: only then does an evaluation need what answers them.
    #[must_use]
    pub fn is_impure(&self) -> bool {
        self.impure
    }

    /// Whether it calls builtins that reach out of the process anywhere: only then may an evaluation wait for others.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.remote
    }

    /// What `path` names.
    pub(super) fn resolve(&self, path: &DataPath) -> Target {
        let segments = path.segments();
        if segments.is_empty() {
            return Target::Root;
        }
        if let Some(name) = name(segments).filter(|name| self.program.has_entry_point(name)) {
            return Target::EntryPoint { name, tail: 0 };
        }
        let above = (1..segments.len())
            .rev()
            .filter_map(|length| segments.get(..length));
        for rule in above.filter(|above| self.rules.contains(*above)) {
            if let Some(name) = name(rule) {
                let tail = segments.len().saturating_sub(rule.len());
                return Target::EntryPoint { name, tail };
            }
        }
        Target::Base
    }
}

/// The program of `modules`, with an entry point for every prefix of the paths of `rules`, and with what they print, as OPA's server has it.
///
/// # Errors
///
/// [`EngineError::Refused`] with the first of the compiler's diagnostics.
pub(crate) fn program(modules: &[Module], rules: &BTreeSet<Vec<String>>) -> Result<Program, EngineError> {
    let plan = stele_rego::compile(
        modules,
        &entry_points(rules),
        &crate::compile_options().with_print(),
    )
    .map_err(|found| refused_by(&found))?;
    Program::new(&plan).map_err(refused)
}

/// An entry point for every prefix of the paths of `rules`.
fn entry_points(rules: &BTreeSet<Vec<String>>) -> Vec<EntryPoint> {
    let prefixes: BTreeSet<&[String]> = rules
        .iter()
        .flat_map(|rule| (1..=rule.len()).filter_map(|length| rule.get(..length)))
        .collect();
    // A path that is no entry point's (a segment with a slash, say) can't be asked for.
    prefixes
        .into_iter()
        .filter_map(|path| EntryPoint::new(&name(path)?).ok())
        .collect()
}

/// The entry point's name for a path; none when a segment would look like two.
fn name(path: &[String]) -> Option<String> {
    let plain = path.iter().all(|segment| !segment.contains('/'));
    plain.then(|| path.join("/"))
}

fn refused(error: impl std::fmt::Display) -> EngineError {
    EngineError::Refused {
        place: None,
        message: error.to_string(),
    }
}
