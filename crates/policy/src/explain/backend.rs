//! What evaluates for an explanation: our compiler and evaluator, or, where the compiler refuses, the interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_rego::SourceFile;
use stele_types::Value;

use super::probe::{Definition, Probe};
use super::run::{Answers, instances};
use super::{ExplainError, ExplainRequest};
use crate::engine::{
    DataPath, Engine, EngineError, EvalRequest, Limits, PreparedPolicy, RegorusEngine, SteleEngine,
};
use crate::load::PolicyModule;
use crate::policy;

/// Rounds of leaving out probes that are refused.
const MAX_ROUNDS: usize = 200;

/// A call of a function during the evaluation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    /// The function's path below `data`.
    pub(super) path: Vec<String>,
    /// Its arguments.
    pub(super) args: Vec<Value>,
}

/// Evaluates entry point and probes.
pub(super) struct Backend<'a> {
    request: &'a ExplainRequest<'a>,
    data: &'a Value,
    modules: Vec<(String, Arc<str>)>,
    rules: std::collections::BTreeSet<Vec<String>>,
    /// Our own engine, unless it refuses.
    stele: Option<SteleEngine>,
    refusal: Option<String>,
}

impl<'a> Backend<'a> {
    pub(super) fn new(
        modules: &[&PolicyModule],
        data: &'a Value,
        path: &DataPath,
        request: &'a ExplainRequest<'a>,
    ) -> Self {
        let asts: Vec<_> = modules.iter().map(|module| module.ast.clone()).collect();
        let (stele, refusal) = match SteleEngine::new(&asts, std::slice::from_ref(path), data) {
            Ok(engine) => (Some(engine), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            request,
            data,
            modules: modules
                .iter()
                .map(|module| (module.path.clone(), module.text()))
                .collect(),
            rules: modules
                .iter()
                .flat_map(|module| policy::rule_paths(&module.package, &module.ast))
                .collect(),
            stele,
            refusal,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.stele.is_some() { "stele" } else { "regorus" }
    }

    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    fn eval_request<'b>(&self, path: &'b DataPath) -> EvalRequest<'b>
    where
        'a: 'b,
    {
        EvalRequest {
            context: self.request.context,
            limits: Limits {
                memory: u64::MAX,
                ..Limits::default()
            },
            ..EvalRequest::new(path, self.request.input)
        }
    }

    /// Evaluates the entry point; our engine also tells which functions were called.
    pub(super) fn decide(&mut self, path: &DataPath) -> Result<(Option<Value>, Vec<Call>), ExplainError> {
        let limits = Limits {
            memory: u64::MAX,
            ..Limits::default()
        };
        let request = EvalRequest {
            context: self.request.context,
            limits,
            ..EvalRequest::new(path, self.request.input)
        };
        if let Some(stele) = &mut self.stele {
            match stele.evaluate_traced(&request) {
                Ok((outcome, calls)) => {
                    let calls = calls
                        .into_iter()
                        .map(|(path, args)| Call { path, args })
                        .collect();
                    return Ok((outcome.value, calls));
                }
                Err(error @ EngineError::UnknownFunction { .. }) => {
                    self.refusal = Some(error.to_string());
                    self.stele = None;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let outcome = self.regorus(&self.modules, &[])?.evaluate(&request)?;
        Ok((outcome.value, Vec::new()))
    }

    fn regorus(
        &self,
        modules: &[(String, Arc<str>)],
        probes: &[Vec<String>],
    ) -> Result<RegorusEngine, ExplainError> {
        let rules = self.rules.iter().chain(probes).cloned().collect();
        let sources = modules
            .iter()
            .map(|(path, text)| (path.as_str(), Arc::clone(text)));
        Ok(RegorusEngine::new(&PreparedPolicy::new(
            sources, self.data, rules,
        )?)?)
    }

    /// Evaluates all probes. One that the engine refuses (a prefix may be unsafe without what follows it) is left out.
    pub(super) fn probe(
        &mut self,
        modules: &[&PolicyModule],
        definitions: &[Definition<'_>],
        mut probes: Vec<Probe>,
    ) -> Result<BTreeMap<usize, Answers>, ExplainError> {
        for _ in 0..MAX_ROUNDS {
            let (texts, lines) = append(modules, definitions, &probes);
            let paths: Vec<DataPath> = probes.iter().map(|probe| path(definitions, probe)).collect();
            match self.engine(&texts, &paths) {
                Ok(mut engine) => return Ok(self.answers(engine.as_mut(), &probes, &paths)),
                Err(EngineError::Refused {
                    place: Some(place),
                    message,
                }) => {
                    let before = probes.len();
                    let culprit = |index: usize| {
                        lines.get(index).is_some_and(|(file, first, last)| {
                            *file == place.file && (*first..=*last).contains(&place.line)
                        })
                    };
                    let mut index = 0usize;
                    probes.retain(|_| {
                        let keep = !culprit(index);
                        index = index.saturating_add(1);
                        keep
                    });
                    if probes.len() == before {
                        self.give_up_on_stele(EngineError::Refused {
                            place: Some(place),
                            message,
                        })?;
                    }
                }
                Err(error) => self.give_up_on_stele(error)?,
            }
        }
        Ok(BTreeMap::new())
    }

    /// Our engine can't probe: the interpreter shall. When that is what refuses, there is no explanation.
    fn give_up_on_stele(&mut self, error: EngineError) -> Result<(), ExplainError> {
        if self.stele.take().is_none() {
            return Err(error.into());
        }
        self.refusal = Some(error.to_string());
        Ok(())
    }

    fn engine(
        &self,
        texts: &[(String, Arc<str>)],
        paths: &[DataPath],
    ) -> Result<Box<dyn Engine>, EngineError> {
        if self.stele.is_none() {
            let probes: Vec<Vec<String>> = paths.iter().map(|path| path.segments().to_vec()).collect();
            return match self.regorus(texts, &probes) {
                Ok(engine) => Ok(Box::new(engine)),
                Err(ExplainError::Engine(error)) => Err(error),
                Err(other) => Err(EngineError::Refused {
                    place: None,
                    message: other.to_string(),
                }),
            };
        }
        let mut asts = Vec::new();
        for (path, text) in texts {
            let source = SourceFile::new(path.as_str(), Arc::clone(text));
            asts.push(stele_rego::parse(&source).map_err(|found| crate::engine::refused_by(&found))?);
        }
        Ok(Box::new(SteleEngine::new(&asts, paths, self.data)?))
    }

    fn answers(
        &self,
        engine: &mut dyn Engine,
        probes: &[Probe],
        paths: &[DataPath],
    ) -> BTreeMap<usize, Answers> {
        let mut out: BTreeMap<usize, Answers> = BTreeMap::new();
        for (probe, path) in probes.iter().zip(paths) {
            let answer = match engine.evaluate(&self.eval_request(path)) {
                Ok(outcome) => Ok(instances(probe, outcome.value.as_ref())),
                Err(error) => Err(error.to_string()),
            };
            let answers = out.entry(probe.definition).or_default();
            if probe.value {
                answers.value = Some(answer);
            } else {
                answers.prefixes.insert(probe.length, answer);
            }
        }
        out
    }
}

fn path(definitions: &[Definition<'_>], probe: &Probe) -> DataPath {
    let package = definitions
        .get(probe.definition)
        .map(|definition| definition.module.package.clone());
    DataPath::new(
        package
            .unwrap_or_default()
            .into_iter()
            .chain([probe.name.clone()]),
    )
}

/// The modules' texts with the probes at their ends, and for each probe its file and lines.
#[allow(clippy::type_complexity, reason = "a pair of plain lists, used once")]
fn append(
    modules: &[&PolicyModule],
    definitions: &[Definition<'_>],
    probes: &[Probe],
) -> (Vec<(String, Arc<str>)>, Vec<(String, u32, u32)>) {
    let mut texts: BTreeMap<&str, String> = modules
        .iter()
        .map(|module| (module.path.as_str(), format!("{}\n\n", module.ast.source.text())))
        .collect();
    let mut lines = Vec::new();
    for probe in probes {
        let Some(definition) = definitions.get(probe.definition) else {
            continue;
        };
        let Some(text) = texts.get_mut(definition.module.path.as_str()) else {
            continue;
        };
        let count = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        let first = count(text).saturating_add(1);
        text.push_str(&probe.text);
        lines.push((definition.module.path.clone(), first, count(text)));
    }
    (
        texts
            .into_iter()
            .map(|(path, text)| (path.to_owned(), Arc::from(text)))
            .collect(),
        lines,
    )
}
