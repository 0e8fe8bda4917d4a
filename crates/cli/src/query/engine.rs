//! The engines that answer queries.

use std::collections::BTreeMap;

use stele_policy::load::Documents;
use stele_policy::{EvalContext, RegorusEngine};
use stele_rego::eval::{Context, Limits};
use stele_rego::nd::{Local, NdCalls};
use stele_rego::vm::{Data, Input, Program, Request, VmError, Worker};
use stele_rego::{CompileOptions, Negation, QueryScope, compile_query_in, ir};
use stele_types::{Timestamp, Value, json};

use super::capture::Query;
use super::evm::PolicyContract;
use super::failure::Failure;
use super::metrics::{self, Metrics};

/// Which engine answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EngineName {
    /// The virtual machine
    #[default]
    Vm,
    /// A contract, executed by an EVM in this process
    Evm,
    /// The regorus interpreter
    Regorus,
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

/// How a query is evaluated.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Settings {
    /// Which engine answers
    #[arg(long, value_enum, default_value_t)]
    pub(crate) engine: EngineName,
    /// A builtin that fails ends the evaluation; otherwise its call is undefined
    #[arg(long)]
    pub(crate) strict_builtin_errors: bool,
    /// What `not f(input.x)` means when `input.x` is undefined
    #[arg(long, value_enum, default_value_t)]
    pub(crate) negation: NegationName,
}

impl Settings {
    pub(crate) fn options(self) -> CompileOptions {
        CompileOptions::with_negation(match self.negation {
            NegationName::Statement => Negation::Statement,
            NegationName::Whole => Negation::Whole,
        })
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
    Regorus(Box<RegorusEngine>),
}

struct Machine {
    program: Program,
    data: Data,
    worker: Worker,
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

/// The plan of a query, `eval` its only entry point.
pub(crate) fn plan(
    documents: &Documents,
    scope: &QueryScope,
    query: &Query,
    settings: Settings,
) -> Result<ir::Policy, Failure> {
    let trees = documents.trees();
    compile_query_in(&trees, scope, &query.source, &query.body, &settings.options()).map_err(|found| {
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
        settings: Settings,
        metrics: &mut Metrics,
    ) -> Result<Self, Failure> {
        let state = metrics.timed(metrics::QUERY_COMPILE, || {
            state(documents, scope, &query, settings)
        })?;
        Ok(Self {
            query,
            strict: settings.strict_builtin_errors,
            state,
        })
    }

    /// Evaluates the query; no row means undefined.
    pub(crate) fn rows(
        &mut self,
        input: Option<&Value>,
        context: &Context<'_>,
        metrics: &mut Metrics,
    ) -> Result<Vec<Row>, Failure> {
        let solutions = match &mut self.state {
            State::Vm(machine) => {
                let input = input.map_or(Input::Undefined, Input::Value);
                metrics.timed(metrics::QUERY_EVAL, || {
                    machine.solutions(input, context, self.strict)
                })?
            }
            State::Evm(contract) => {
                let call = contract.call(input, context.time.unwrap_or_default())?;
                let (solutions, gas) = metrics.timed(metrics::QUERY_EVAL, || contract.execute(&call))?;
                metrics.add(metrics::EVM_GAS, gas);
                solutions
            }
            State::Regorus(engine) => {
                return metrics.timed(metrics::QUERY_EVAL, || {
                    interpreted(
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
            State::Regorus(engine) => {
                let input = input.map(parse).transpose()?;
                interpreted(
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
    settings: Settings,
) -> Result<State, Failure> {
    if settings.engine == EngineName::Regorus {
        return interpreter(documents, scope).map(|engine| State::Regorus(Box::new(engine)));
    }
    let plan = plan(documents, scope, query, settings)?;
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
    ) -> Result<Vec<Value>, Failure> {
        let request = Self::request(input, context, strict);
        let outcome = self.worker.evaluate(&self.program, &self.data, &request);
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

fn interpreter(documents: &Documents, scope: &QueryScope) -> Result<RegorusEngine, Failure> {
    let refused = |what: &str| {
        let message = format!("the regorus interpreter has no {what}; use --engine vm");
        Err(Failure::coded(message, Some("engine_refused")))
    };
    if !scope.package.is_empty() || !scope.imports.is_empty() {
        return refused("queries in a package or with imports: write data.PACKAGE.NAME in full");
    }
    let prepared = documents
        .prepare()
        .map_err(|error| Failure::plain(error.to_string()))?;
    Ok(RegorusEngine::new(&prepared)?)
}

fn interpreted(
    engine: &mut RegorusEngine,
    query: &Query,
    input: Option<&Value>,
    time: Timestamp,
    strict: bool,
) -> Result<Vec<Row>, Failure> {
    let context = EvalContext::at(time);
    let rows = engine.query_rows(query.source.text(), input, context, strict)?;
    let row = |row: stele_policy::engine::QueryRow| {
        let bindings = row.bindings.as_object().into_iter().flatten();
        Some(Row {
            expressions: row
                .expressions
                .iter()
                .map(|value| value.as_ref().map(Value::to_json_projection))
                .collect::<Option<_>>()?,
            bindings: bindings
                .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.to_json_projection())))
                .collect(),
        })
    };
    // The interpreter also reports where it stopped at a statement that is false.
    let holds = |row: &Row| !query.must_hold || !row.expressions.contains(&Value::Bool(false));
    Ok(rows.into_iter().filter_map(row).filter(holds).collect())
}
