//! A second evaluation for the one case in which the interpreter may hide a conflict.
//!
//! Leniently, regorus drops an error inside one definition of a function when another definition gives a value. [`super::RegorusEngine`] runs leniently only
//! after a builtin has failed; if the policy then has a function of several definitions, our own evaluator runs too, and a conflict (or a
//! limit) that it meets is the outcome.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use stele_rego::SourceFile;
use stele_rego::ast::Module;
use stele_types::Value;

use super::convert::from_regorus;
use super::prepared::Source;
use super::{DataPath, Engine, EngineError, EvalRequest, SteleEngine};

/// At most this many entry points are kept compiled in one engine.
const MAX_COMPILED: usize = 64;

/// Modules and data in the form our evaluator needs; made when it is needed first, once for all engines of a policy.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(Arc<OnceLock<Option<Parsed>>>);

#[derive(Debug)]
struct Parsed {
    modules: Vec<Module>,
    data: Value,
}

impl Sources {
    fn get(&self, sources: &[Source], data: &regorus::Value) -> Option<&Parsed> {
        let make = || {
            let parse = |source: &Source| {
                stele_rego::parse(&SourceFile::new(
                    Arc::clone(&source.path),
                    Arc::clone(&source.text),
                ))
                .ok()
            };
            let modules: Vec<Module> = sources.iter().map(parse).collect::<Option<_>>()?;
            if !has_several_definitions(&modules) {
                return None;
            }
            let data = from_regorus(data, usize::MAX).ok().flatten()?;
            Some(Parsed { modules, data })
        };
        self.0.get_or_init(make).as_ref()
    }
}

/// Whether some function has several definitions.
fn has_several_definitions(modules: &[Module]) -> bool {
    let mut count: BTreeMap<(String, String), u32> = BTreeMap::new();
    for module in modules {
        for rule in module.rules.iter().filter(|rule| rule.head.args.is_some()) {
            let name = rule.head.constant_path().join(".");
            let definitions = count.entry((module.package_ref(), name)).or_default();
            *definitions = definitions.saturating_add(1);
        }
    }
    count.values().any(|definitions| *definitions > 1)
}

/// The entry points that one engine has compiled for a second opinion; `None` where our compiler refuses.
#[derive(Default)]
pub(super) struct SecondOpinion {
    compiled: HashMap<DataPath, Option<SteleEngine>>,
}

impl SecondOpinion {
    /// Evaluates `path` and returns the conflict or limit that the interpreter may have dropped.
    pub(super) fn check(
        &mut self,
        shared: &Sources,
        sources: &[Source],
        data: &regorus::Value,
        path: &DataPath,
        request: &EvalRequest<'_>,
    ) -> Result<(), EngineError> {
        let Some(Parsed { modules, data }) = shared.get(sources, data) else {
            return Ok(());
        };
        if self.compiled.len() >= MAX_COMPILED {
            self.compiled.clear();
        }
        let compile = || SteleEngine::new(modules, std::slice::from_ref(path), data).ok();
        let Some(engine) = self.compiled.entry(path.clone()).or_insert_with(compile) else {
            return Ok(());
        };
        match engine.evaluate(&EvalRequest { path, ..*request }) {
            Err(
                error @ (EngineError::Conflict { .. }
                | EngineError::TimeLimit { .. }
                | EngineError::InstructionLimit { .. }
                | EngineError::MemoryLimit { .. }),
            ) => Err(error),
            _ => Ok(()),
        }
    }
}
