//! The engines that answer queries.

use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(feature = "regorus")]
use stele_policy::RegorusEngine;
use stele_policy::load::Documents;
use stele_rego::eval::{Context, Limits};
use stele_rego::nd::{Local, NdCalls};
use stele_rego::trace::Map;
use stele_rego::vm::{Data, Input, Probe, Program, Request, VmError, Worker};
use stele_rego::{CompileOptions, Negation, QueryScope, Schemas, compile_query_in, compile_query_traced, ir};
use stele_types::{Timestamp, Value, json};

use super::capture::Query;
use super::evm::PolicyContract;
use super::failure::Failure;
#[cfg(feature = "regorus")]
use super::interpreter;
use super::metrics::{self, Metrics};
use crate::sources::SchemaArgs;

/// Which engine answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EngineName {
    /// The virtual machine
    #[default]
    Vm,
    /// A contract, executed by an EVM in this process
    Evm,
    /// The regorus interpreter
    #[cfg(feature = "regorus")]
    Regorus,
}

impl EngineName {
    /// Whether queries may stand in a package and below imports.
    pub(crate) const fn has_packages(self) -> bool {
        matches!(self, Self::Vm | Self::Evm)
    }
}

/// What `not f(input.x)` means when `input.x` is undefined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NegationName {
    /// Undefined, as in OPA
    #[default]
    Statement,
    /// True, as in decisions of this program
    Whole,
}

/// The flags that say how a query is evaluated.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// Which engine answers
    #[arg(long, value_enum, default_value_t)]
    pub(crate) engine: EngineName,
    /// A builtin that fails ends the evaluation; otherwise its call is undefined
    #[arg(long)]
    strict_builtin_errors: bool,
    /// What `not f(input.x)` means when `input.x` is undefined
    #[arg(long, value_enum, default_value_t)]
    negation: NegationName,
    #[command(flatten)]
    schema: SchemaArgs,
}

impl SettingsArgs {
    /// The settings, with the schemas read.
    pub(crate) fn read(&self) -> anyhow::Result<Settings> {
        Ok(Settings {
            engine: self.engine,
            strict_builtin_errors: self.strict_builtin_errors,
            negation: self.negation,
            schemas: self.schema.read()?,
        })
    }
}

/// How a query is evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) engine: EngineName,
    pub(crate) strict_builtin_errors: bool,
    negation: NegationName,
    /// What types are checked against.
    schemas: Arc<Schemas>,
}

impl Settings {
    pub(crate) fn options(&self) -> CompileOptions {
        let mut options = CompileOptions::with_negation(match self.negation {
            NegationName::Statement => Negation::Statement,
            NegationName::Whole => Negation::Whole,
        });
        options.schemas = Arc::clone(&self.schemas);
        options
    }

    /// What the engine that answers compiles: contracts have no use for `print`.
    fn evaluated(&self) -> CompileOptions {
        match self.engine {
            EngineName::Vm => self.options().with_print(),
            _ => self.options(),
        }
    }
}

/// One solution of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The value of each statement, as JSON has it.
    pub(crate) expressions: Vec<Value>,
    /// The query's variables, as JSON has them.
    pub(crate) bindings: BTreeMap<String, Value>,
}

/// A query compiled for an engine, with its data.
pub(crate) struct Prepared {
    query: Query,
    strict: bool,
    state: State,
}

enum State {
    Vm(Box<Machine>),
    Evm(Box<PolicyContract>),
    #[cfg(feature = "regorus")]
    Regorus(Box<RegorusEngine>),
}

struct Machine {
    program: Program,
    data: Data,
    worker: Worker,
    /// What the program's points stand for, if it has any.
    map: Map,
}

/// A person who asks can also stop: only memory is limited, well above what a decision point allows, and depth.
pub(crate) const LIMITS: Limits<'static> = Limits {
    instructions: u64::MAX,
    depth: 512,
    memory: 8 << 30,
    deadline: None,
};

/// What builtins see of the world, as in `opa eval`: the clock, chance, and the process. It does not reach out of the process.
pub(crate) struct World {
    time: Timestamp,
    host: Local,
}

impl World {
    /// The world now.
    pub(crate) fn now() -> Self {
        let text = |text: std::ffi::OsString| Value::from(text.to_string_lossy().as_ref());
        let env = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        let runtime = Value::object([
            ("env".into(), Value::object(env)),
            ("version".into(), env!("CARGO_PKG_VERSION").into()),
        ]);
        Self {
            time: crate::node::now(),
            host: Local {
                seed: rand::random(),
                runtime,
            },
        }
    }

    /// The calls of one evaluation, or of several that are to see the same.
    pub(crate) fn calls(&self) -> NdCalls<'_> {
        NdCalls::new(&self.host)
    }

    /// The context of an evaluation.
    pub(crate) fn context<'a>(&self, calls: &'a NdCalls<'a>) -> Context<'a> {
        Context {
            time: Some(self.time),
            nd: Some(calls),
        }
    }
}

/// The plan of a query, `eval` its only entry point; if it is to be traced, with points and what they stand for.
fn plan(
    documents: &Documents,
    scope: &QueryScope,
    query: &Query,
    settings: &Settings,
    traced: bool,
) -> Result<(ir::Policy, Map), Failure> {
    let trees = documents.trees();
    let (source, body, options) = (&query.source, &query.body, settings.evaluated());
    let plan = if traced {
        compile_query_traced(&trees, scope, source, body, &options)
    } else {
        compile_query_in(&trees, scope, source, body, &options).map(|plan| (plan, Map::default()))
    };
    plan.map_err(|found| {
        let found: Vec<_> = found
            .into_iter()
            .filter(|diagnostic| !Query::is_about_ours(&diagnostic.message))
            .collect();
        let mut sources: Vec<_> = trees.iter().map(|module| module.source.clone()).collect();
        sources.push(query.source.clone());
        Failure::diagnostics(&found, &sources)
    })
}

impl Prepared {
    /// Compiles a query.
    pub(crate) fn new(
        documents: &Documents,
        scope: &QueryScope,
        query: Query,
        settings: &Settings,
        metrics: &mut Metrics,
    ) -> Result<Self, Failure> {
        Self::compile(documents, scope, query, (settings, false), metrics)
    }

    /// Compiles a query for the virtual machine, so that its evaluation can be watched.
    pub(crate) fn traced(
        documents: &Documents,
        scope: &QueryScope,
        query: Query,
        settings: &Settings,
        metrics: &mut Metrics,
    ) -> Result<Self, Failure> {
        Self::compile(documents, scope, query, (settings, true), metrics)
    }

    fn compile(
        documents: &Documents,
        scope: &QueryScope,
        query: Query,
        (settings, traced): (&Settings, bool),
        metrics: &mut Metrics,
    ) -> Result<Self, Failure> {
        let state = metrics.timed(metrics::QUERY_COMPILE, || {
            state(documents, scope, &query, settings, traced)
        })?;
        Ok(Self {
            query,
            strict: settings.strict_builtin_errors,
            state,
        })
    }

    /// What the points of a traced query stand for.
    pub(crate) fn map(&self) -> Option<Map> {
        match &self.state {
            State::Vm(machine) => Some(machine.map.clone()),
            _ => None,
        }
    }

    /// Evaluates the query; no row means undefined. The virtual machine tells the probe what it prints, and, if the query is
    /// traced, what it does.
    pub(crate) fn rows(
        &mut self,
        input: Option<&Value>,
        context: &Context<'_>,
        metrics: &mut Metrics,
        probe: &mut dyn Probe,
    ) -> Result<Vec<Row>, Failure> {
        let solutions = match &mut self.state {
            State::Vm(machine) => {
                let input = input.map_or(Input::Undefined, Input::Value);
                metrics.timed(metrics::QUERY_EVAL, || {
                    machine.solutions(input, context, self.strict, probe)
                })?
            }
            State::Evm(contract) => {
                let call = contract.call(input, context.time.unwrap_or_default())?;
                let (solutions, gas) = metrics.timed(metrics::QUERY_EVAL, || contract.execute(&call))?;
                metrics.add(metrics::EVM_GAS, gas);
                solutions
            }
            #[cfg(feature = "regorus")]
            State::Regorus(engine) => {
                return metrics.timed(metrics::QUERY_EVAL, || {
                    interpreter::rows(
                        engine,
                        &self.query,
                        input,
                        context.time.unwrap_or_default(),
                        self.strict,
                    )
                });
            }
        };
        Ok(self.query.rows(solutions))
    }

    /// Evaluates the query from the input's bytes and says whether it is defined: what a benchmark measures.
    pub(crate) fn run(&mut self, input: Option<&[u8]>, context: &Context<'_>) -> Result<bool, Failure> {
        let parse = |bytes: &[u8]| {
            json::parse(bytes, &json::Limits::default()).map_err(|error| Failure::plain(error.to_string()))
        };
        match &mut self.state {
            State::Vm(machine) => {
                let input = input.map_or(Input::Undefined, Input::Json);
                machine.run(input, context, self.strict)
            }
            State::Evm(contract) => {
                let input = input.map(parse).transpose()?;
                let call = contract.call(input.as_ref(), context.time.unwrap_or_default())?;
                Ok(!contract.execute(&call)?.0.is_empty())
            }
            #[cfg(feature = "regorus")]
            State::Regorus(engine) => {
                let input = input.map(parse).transpose()?;
                interpreter::rows(
                    engine,
                    &self.query,
                    input.as_ref(),
                    context.time.unwrap_or_default(),
                    self.strict,
                )
                .map(|rows| !rows.is_empty())
            }
        }
    }
}

fn state(
    documents: &Documents,
    scope: &QueryScope,
    query: &Query,
    settings: &Settings,
    traced: bool,
) -> Result<State, Failure> {
    #[cfg(feature = "regorus")]
    if settings.engine == EngineName::Regorus {
        return interpreter::prepared(documents, scope).map(|engine| State::Regorus(Box::new(engine)));
    }
    let (plan, map) = plan(documents, scope, query, settings, traced)?;
    if settings.engine == EngineName::Evm {
        let contract = PolicyContract::new(&plan, documents.data(), settings.strict_builtin_errors)?;
        return Ok(State::Evm(Box::new(contract)));
    }
    let program = Program::new(&plan).map_err(|error| Failure::plain(error.to_string()))?;
    let data = program
        .data(documents.data())
        .map_err(|error| Failure::plain(error.to_string()))?;
    Ok(State::Vm(Box::new(Machine {
        program,
        data,
        worker: Worker::default(),
        map,
    })))
}

impl Machine {
    fn request<'a>(input: Input<'a>, context: &Context<'a>, strict: bool) -> Request<'a> {
        Request {
            context: *context,
            limits: LIMITS,
            strict_builtin_errors: strict,
            ..Request::new("eval", input)
        }
    }

    fn solutions(
        &mut self,
        input: Input<'_>,
        context: &Context<'_>,
        strict: bool,
        probe: &mut dyn Probe,
    ) -> Result<Vec<Value>, Failure> {
        let request = Self::request(input, context, strict);
        let (program, data) = (&self.program, &self.data);
        let outcome = self.worker.evaluate_probed(program, data, &request, probe);
        Ok(outcome.map_err(failed)?.results())
    }

    fn run(&mut self, input: Input<'_>, context: &Context<'_>, strict: bool) -> Result<bool, Failure> {
        let request = Self::request(input, context, strict);
        let outcome = self.worker.evaluate(&self.program, &self.data, &request);
        Ok(!outcome.map_err(failed)?.is_empty())
    }
}

fn failed(error: VmError) -> Failure {
    match error {
        VmError::Eval(error) => (*error).into(),
        other => Failure::plain(other.to_string()),
    }
}
