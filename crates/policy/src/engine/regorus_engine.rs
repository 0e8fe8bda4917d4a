//! The regorus interpreter behind the [`Engine`] trait.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use regorus::utils::limits::ExecutionTimerConfig;

use super::convert::{Interner, from_regorus, to_regorus};
use super::failure::{self, Failure};
use super::prepared::{PreparedPolicy, Target};
use super::regorus_builtins::{self, SharedContext};
use super::second_opinion::SecondOpinion;
use super::{ConvertError, DataPath, Engine, EngineError, EvalContext, EvalOutcome, EvalRequest, Limits};
use stele_types::Value;

/// Work units between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

/// No work unit of the interpreter is faster than this. (One unit is an expression: scope look-ups and at least one allocation; tens of
/// nanoseconds.) An evaluation that took less time than its instruction limit times this can't have reached the limit.
const FASTEST_UNIT_NS: u64 = 4;

/// One interpreter with its own parsed modules; built per worker thread, because its modules' literals are reference-counted too.
///
/// # Strictness
///
/// In its lenient mode regorus swallows *every* error inside a function body, conflicts and limits included, so that `not f(x)`
/// would hold for the wrong reason. Therefore each request runs in strict mode first. Only when that ends with a failed builtin, and the request is
/// lenient, it runs again leniently; without a failed builtin the two modes take the same path. After a lenient run our own evaluator
/// looks for a conflict that regorus may have dropped (see `second_opinion.rs`).
pub struct RegorusEngine {
    engine: regorus::Engine,
    context: SharedContext,
    policy: PreparedPolicy,
    second: SecondOpinion,
}

/// One solution of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRow {
    /// The query's variables, an object.
    pub bindings: Value,
    /// The value of each statement; `None` is undefined.
    pub expressions: Vec<Option<Value>>,
}

impl std::fmt::Debug for RegorusEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegorusEngine")
            .field("sources", &self.policy.sources.len())
            .finish_non_exhaustive()
    }
}

impl RegorusEngine {
    /// Builds an engine: parses the modules and takes the data.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] when regorus can't parse or analyse a module.
    pub fn new(policy: &PreparedPolicy) -> Result<Self, EngineError> {
        let context = SharedContext::default();
        let mut engine = regorus::Engine::new();
        engine.set_gather_prints(true);
        regorus_builtins::install(&mut engine, &context).map_err(|error| failure::refused(&error))?;
        for source in &policy.sources {
            let text = source.rewritten.as_ref().map_err(Clone::clone)?;
            engine
                .add_policy(source.path.to_string(), text.to_string())
                .map_err(|error| failure::refused(&error.to_string()))?;
        }
        engine
            .add_data(policy.data.clone())
            .map_err(|error| failure::refused(&error.to_string()))?;
        // The first query makes regorus analyse the modules; better now than in the first decision.
        engine
            .eval_query("true".to_owned(), false)
            .map_err(|error| failure::refused(&error.to_string()))?;
        Ok(Self {
            engine,
            context,
            policy: policy.clone(),
            second: SecondOpinion::default(),
        })
    }

    /// Answers a query, not just a path: bindings and values of expressions, one row for each solution.
    ///
    /// The interpreter resolves the query in no package, without imports. This is for comparing engines; decisions never come from here.
    ///
    /// # Errors
    ///
    /// [`EngineError`], for one when the interpreter can't hold the input.
    pub fn query_rows(
        &mut self,
        query: &str,
        input: Option<&Value>,
        context: EvalContext<'_>,
        strict_builtin_errors: bool,
    ) -> Result<Vec<QueryRow>, EngineError> {
        let input = match input {
            Some(input) => to_regorus(input, &mut Interner::passing())?,
            None => regorus::Value::Undefined,
        };
        self.context.set(context);
        self.engine.set_input(input);
        self.engine.clear_execution_timer_config();
        self.engine.set_strict_builtin_errors(strict_builtin_errors);
        let answer = self.engine.eval_query(query.to_owned(), false);
        self.engine.set_input(regorus::Value::Undefined);
        let limits = Limits::unbounded();
        let rows = answer
            .map_err(|error| last(failure::sort(&error.to_string()), &limits))?
            .result;
        rows.into_iter()
            .map(|row| {
                let bindings = from_regorus(&row.bindings, limits.result_nodes())?;
                let expressions = row
                    .expressions
                    .iter()
                    .map(|expression| from_regorus(&expression.value, limits.result_nodes()))
                    .collect::<Result<_, _>>()?;
                Ok(QueryRow {
                    bindings: bindings.unwrap_or_else(|| Value::object([])),
                    expressions,
                })
            })
            .collect()
    }

    fn outcome(&mut self, value: &regorus::Value, limits: &Limits) -> Result<EvalOutcome, EngineError> {
        let value = from_regorus(value, limits.result_nodes()).map_err(|error| match error {
            ConvertError::TooLarge { .. } => EngineError::MemoryLimit { limit: limits.memory },
            other => EngineError::Convert(other),
        })?;
        Ok(EvalOutcome {
            value,
            prints: self.prints(),
        })
    }

    fn prints(&mut self) -> Vec<String> {
        self.engine.take_prints().unwrap_or_default()
    }

    /// Runs strictly, then leniently where that is allowed and makes a difference.
    fn decide(&mut self, target: &Target, request: &EvalRequest<'_>) -> Result<regorus::Value, EngineError> {
        match self.bounded(target, request, true) {
            Err(Failure::Builtin(_)) if !request.strict_builtin_errors => {
                let _ = self.prints();
                let value = self
                    .bounded(target, request, false)
                    .map_err(|failure| last(failure, &request.limits))?;
                let path = match target {
                    Target::Rule { rule, .. } => rule,
                    Target::Prefix | Target::Base => request.path,
                };
                let PreparedPolicy {
                    sources,
                    data,
                    parsed,
                    ..
                } = &self.policy;
                self.second.check(parsed, sources, data, path, request)?;
                Ok(value)
            }
            other => other.map_err(|failure| last(failure, &request.limits)),
        }
    }

    /// One evaluation within the request's time and instructions.
    ///
    /// The interpreter has one timer, so the time limit rides in the first run; only an evaluation that was long enough to have
    /// reached the instruction limit is repeated under that limit alone.
    fn bounded(
        &mut self,
        target: &Target,
        request: &EvalRequest<'_>,
        strict: bool,
    ) -> Result<regorus::Value, Failure> {
        let Limits {
            time, instructions, ..
        } = request.limits;
        let by_count = instructions.map(|limit| ExecutionTimerConfig {
            limit: Duration::ZERO,
            check_interval: limit,
        });
        // Leniently, a struck timer may be swallowed; a run on time can be checked afterwards, a run on count can't.
        let substitute = instructions.filter(|_| time.is_none() && !strict);
        let Some(limit) = time.or_else(|| substitute.map(patience)) else {
            return self
                .run(target, request, strict, by_count)
                .map_err(|failure| counted(failure, instructions));
        };
        let started = Instant::now();
        let by_time = ExecutionTimerConfig {
            limit,
            check_interval: CHECK_INTERVAL,
        };
        let value = self
            .run(target, request, strict, Some(by_time))
            .map_err(|failure| counted(failure, substitute))?;
        let elapsed = started.elapsed();
        if elapsed > limit {
            return Err(counted(Failure::Timer, substitute));
        }
        let Some(count) = instructions.filter(|count| elapsed >= fastest(*count)) else {
            return Ok(value);
        };
        let _ = self.prints();
        match self.run(target, request, strict, by_count) {
            Ok(again) if again == value => Ok(value),
            Ok(_) => Err(counted(Failure::Timer, Some(count))),
            Err(failure) => Err(counted(failure, Some(count))),
        }
    }

    fn run(
        &mut self,
        target: &Target,
        request: &EvalRequest<'_>,
        strict: bool,
        timer: Option<ExecutionTimerConfig>,
    ) -> Result<regorus::Value, Failure> {
        match timer {
            Some(config) => self.engine.set_execution_timer_config(config),
            None => self.engine.clear_execution_timer_config(),
        }
        self.engine.set_strict_builtin_errors(strict);
        match target {
            Target::Rule { rule, tail } => match self.engine.eval_rule(rule.to_string()) {
                Ok(value) => Ok(walk(&value, tail)),
                Err(error) => match failure::sort(&error.to_string()) {
                    // regorus refuses some rules as entry points (a reference head that only prefixes rules).
                    Failure::NotARule => self.query(request.path),
                    other => Err(other),
                },
            },
            Target::Prefix => self.query(request.path),
            Target::Base => Ok(walk(&self.policy.data, request.path.segments())),
        }
    }

    /// Evaluates a path as a query, which assembles packages and prefixes from their rules and base data.
    fn query(&mut self, path: &DataPath) -> Result<regorus::Value, Failure> {
        let results = self
            .engine
            .eval_query(path.to_string(), false)
            .map_err(|error| failure::sort(&error.to_string()))?;
        let first = results.result.into_iter().next();
        let value = first
            .and_then(|result| result.expressions.into_iter().next())
            .map(|found| found.value);
        Ok(value.unwrap_or(regorus::Value::Undefined))
    }
}

impl Engine for RegorusEngine {
    fn evaluate(&mut self, request: &EvalRequest<'_>) -> Result<EvalOutcome, EngineError> {
        let input = match request.input {
            Some(input) => to_regorus(input, &mut Interner::passing())?,
            None => regorus::Value::Undefined,
        };
        self.context.set(request.context);
        self.engine.set_input(input);
        let _ = self.prints();
        let target = self.policy.resolve(request.path);
        let value = self.decide(&target, request);
        // The request's input must not outlive it.
        self.engine.set_input(regorus::Value::Undefined);
        self.outcome(&value?, &request.limits)
    }
}

/// The shortest time in which `count` work units could run.
fn fastest(count: NonZeroU32) -> Duration {
    Duration::from_nanos(u64::from(count.get()).saturating_mul(FASTEST_UNIT_NS))
}

/// A time in which `count` work units surely run, for the case that only the count is limited.
fn patience(count: NonZeroU32) -> Duration {
    Duration::from_micros(u64::from(count.get()).saturating_mul(10)).max(Duration::from_secs(1))
}

/// Turns a struck timer that stood for an instruction count into its error.
fn counted(failure: Failure, limit: Option<NonZeroU32>) -> Failure {
    match (failure, limit) {
        (Failure::Timer, Some(limit)) => Failure::Final(EngineError::InstructionLimit { limit: limit.get() }),
        (other, _) => other,
    }
}

/// The error that a request ends with.
fn last(failure: Failure, limits: &Limits) -> EngineError {
    match failure {
        Failure::Builtin(error) | Failure::Final(error) => error,
        Failure::Timer => EngineError::TimeLimit {
            limit: limits.time.unwrap_or_default(),
        },
        Failure::NotARule => EngineError::Refused {
            place: None,
            message: "not a valid rule path".to_owned(),
        },
    }
}

/// Walks from a result along `steps`: an array takes a decimal index, an object its string key, a set a member.
fn walk(value: &regorus::Value, steps: &[String]) -> regorus::Value {
    let mut here = value;
    for step in steps {
        let next = match here {
            regorus::Value::Object(entries) => entries.get(&regorus::Value::from(step.as_str())),
            regorus::Value::Array(items) => super::path::index(step).and_then(|index| items.get(index)),
            regorus::Value::Set(members) => members.get(&regorus::Value::from(step.as_str())),
            _ => None,
        };
        match next {
            Some(found) => here = found,
            None => return regorus::Value::Undefined,
        }
    }
    here.clone()
}
