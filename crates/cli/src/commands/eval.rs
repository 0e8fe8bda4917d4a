//! `stele eval`: one query, with the meaning, the output and the exit codes of `opa eval`.

pub(super) mod explain;
pub(super) mod format;
mod partial;
mod profile;

use anyhow::{Result, bail};
use stele_policy::load::Documents;
use stele_rego::eval::{Context, Evaluator, Options, Tracer};
use stele_rego::{QueryScope, SourceFile};
use stele_types::Value;

use crate::exit::Verdict;
use crate::query::load::{LoadArgs, Loaded};
use crate::query::metrics::{self, Metrics};
use crate::query::{EngineName, Failure, Prepared, Query, Settings, engine};
use format::{Format, Output};

/// Evaluate a Rego query and print the result.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    settings: Settings,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    /// Characters after which a cell of the pretty table is cut; 0: never
    #[arg(long, value_name = "COUNT", default_value_t = 80)]
    pretty_limit: usize,
    /// Exit code 1 when the query is undefined
    #[arg(long, conflicts_with = "fail_defined")]
    fail: bool,
    /// Exit code 1 when the query is defined
    #[arg(long)]
    fail_defined: bool,
    /// Report how long each phase took
    #[arg(long)]
    metrics: bool,
    /// Report what each expression cost; implies --metrics
    #[arg(long)]
    profile: bool,
    /// How many expressions a profile lists, the dearest first; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    profile_limit: usize,
    /// Report how the result came about
    #[arg(long, value_enum, default_value_t)]
    explain: explain::Mode,
    #[command(flatten)]
    partial: partial::PartialArgs,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let follows = args.profile || args.explain != explain::Mode::Off;
    if follows && args.settings.engine != EngineName::Vm {
        bail!("--profile and --explain follow the plan; they need --engine vm");
    }
    let partial = args.partial.partial;
    if partial && follows {
        bail!("--profile and --explain follow a whole evaluation; leave out --partial");
    }
    if !partial && args.format == Format::Source {
        bail!("--format source prints what --partial leaves; give --partial, or another format");
    }
    if partial && matches!(args.format, Format::Values | Format::Bindings | Format::Raw) {
        bail!("--partial has no values yet; print it with --format json, pretty or source");
    }
    let mut metrics = Metrics::default();
    let mut output = match args.load.load(&mut metrics)? {
        Ok(loaded) if partial => partial::evaluate(&args.partial, args.settings, &loaded, &mut metrics),
        Ok(loaded) => evaluate(args, &loaded, &mut metrics),
        Err(failure) => Output::failed(failure),
    };
    if args.metrics || args.profile {
        output.metrics = Some(metrics);
    }
    output.print(args.format, args.pretty_limit)?;
    Ok(if output.has_errors() {
        Verdict::Invalid
    } else if (args.fail && !output.is_defined()) || (args.fail_defined && output.is_defined()) {
        Verdict::Fail
    } else {
        Verdict::Pass
    })
}

fn evaluate(args: &Args, loaded: &Loaded, metrics: &mut Metrics) -> Output {
    let question = Question {
        documents: &loaded.documents,
        scope: &loaded.scope,
        input: loaded.input.as_ref(),
        settings: args.settings,
        explain: args.explain,
        profile_limit: args.profile.then_some(args.profile_limit),
    };
    question.ask(&loaded.text, metrics)
}

/// A query's surroundings, and what to report beside its result.
pub(super) struct Question<'a> {
    pub(super) documents: &'a Documents,
    pub(super) scope: &'a QueryScope,
    pub(super) input: Option<&'a Value>,
    pub(super) settings: Settings,
    pub(super) explain: explain::Mode,
    /// How many lines of a profile to report, if any; 0: all.
    pub(super) profile_limit: Option<usize>,
}

/// What the tracers saw: an explanation and a profile, each if it was asked for.
type Traced = (Option<Vec<explain::Event>>, Option<Vec<profile::Line>>);

impl Question<'_> {
    /// Evaluates a query's text.
    pub(super) fn ask(&self, text: &str, metrics: &mut Metrics) -> Output {
        let trees = self.documents.trees();
        let parsed = metrics.timed(metrics::QUERY_PARSE, || Query::parse(text, &trees, self.scope));
        let query = match parsed {
            Ok(query) => query,
            Err(failure) => return Output::failed(failure),
        };
        let world = engine::World::now();
        let calls = world.calls();
        let context = world.context(&calls);
        let statements = query.statements.clone();
        let traced = match self.trace(&query, &context) {
            Ok(traced) => traced,
            Err(failure) => return Output::failed(failure),
        };
        let answer = Prepared::new(self.documents, self.scope, query, self.settings, metrics)
            .and_then(|mut prepared| prepared.rows(self.input, &context, metrics));
        let mut output = match answer {
            Ok(rows) => Output::answered(&statements, rows),
            Err(failure) => Output::failed(failure),
        };
        (output.explanation, output.profile) = traced;
        output
    }

    /// Runs the plan on the reference evaluator, which tells what it does. Its answer is that of the virtual machine.
    fn trace(&self, query: &Query, context: &Context<'_>) -> Result<Traced, Failure> {
        let mut traced = Traced::default();
        if self.profile_limit.is_none() && self.explain == explain::Mode::Off {
            return Ok(traced);
        }
        let plan = engine::plan(self.documents, self.scope, query, self.settings)?;
        let options = Options {
            strict_builtin_errors: self.settings.strict_builtin_errors,
        };
        let evaluator =
            Evaluator::with_options(&plan, options).map_err(|error| Failure::plain(error.to_string()))?;
        let follow = |tracer: &mut dyn Tracer| {
            // An error ends the trace where it happens; it is reported by the engine that answers.
            let _ = evaluator.evaluate(
                "eval",
                self.input,
                self.documents.data(),
                context,
                &engine::LIMITS,
                tracer,
            );
        };
        if self.explain != explain::Mode::Off {
            let modules = self.documents.modules().iter();
            let mut sources: Vec<SourceFile> = modules.map(|module| module.ast.source.clone()).collect();
            sources.push(query.source.clone());
            let mut recorder = stele_rego::eval::Recorder::default();
            follow(&mut recorder);
            traced.0 = Some(explain::explain(self.explain, &recorder, &sources));
        }
        if let Some(limit) = self.profile_limit {
            let mut profiler = profile::Profiler::default();
            follow(&mut profiler);
            traced.1 = Some(profiler.lines(limit));
        }
        Ok(traced)
    }
}
