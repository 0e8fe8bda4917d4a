//! `stele eval`: one query, with the meaning, the output and the exit codes of `opa eval`.

pub(super) mod explain;
pub(super) mod format;
mod partial;
mod profile;

use anyhow::{Result, bail};
use std::time::Instant;
use stele_policy::load::Documents;
use stele_policy::test_runner::Coverage;
use stele_rego::eval::At;
use stele_rego::trace::{Hits, Profiler, Recorder};
use stele_rego::vm::Probe;
use stele_rego::{QueryScope, SourceFile};
use stele_types::Value;

use crate::exit::Verdict;
use crate::output;
use crate::query::capture::Statement;
use crate::query::load::{LoadArgs, Loaded};
use crate::query::metrics::{self, Metrics};
use crate::query::{EngineName, Prepared, Query, Settings, SettingsArgs, engine};
use format::{Format, Output};

/// Evaluate a Rego query and print the result.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    settings: SettingsArgs,
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
    /// Report what each line cost; implies --metrics
    #[arg(long)]
    profile: bool,
    /// How many lines a profile lists; 0: all
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    profile_limit: usize,
    /// What a profile is sorted by, the largest first; repeatable. Without it, by time
    #[arg(long, value_enum, value_name = "KEY")]
    profile_sort: Vec<profile::SortKey>,
    /// Report which lines were evaluated
    #[arg(long)]
    coverage: bool,
    /// Report how the result came about
    #[arg(long, value_enum, default_value_t)]
    explain: explain::Mode,
    #[command(flatten)]
    partial: partial::PartialArgs,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let follows = args.report().is_traced();
    if follows && args.settings.engine != EngineName::Vm {
        bail!("--explain, --profile and --coverage watch the virtual machine; they need --engine vm");
    }
    let partial = args.partial.partial;
    if partial && follows {
        bail!("--explain, --profile and --coverage follow a whole evaluation; leave out --partial");
    }
    if partial && args.settings.engine != EngineName::Vm {
        bail!(
            "--partial asks no engine: what is left is found while the query is compiled; leave out --engine"
        );
    }
    if !partial && args.format == Format::Source {
        bail!("--format source prints what --partial leaves; give --partial, or another format");
    }
    if partial && matches!(args.format, Format::Values | Format::Bindings | Format::Raw) {
        bail!("--partial has no values yet; print it with --format json, pretty or source");
    }
    let settings = args.settings.read()?;
    let mut metrics = Metrics::default();
    let mut output = match args.load.load(&mut metrics)? {
        Ok(loaded) if partial => partial::evaluate(&args.partial, &settings, &loaded, &mut metrics),
        Ok(loaded) => evaluate(args, &settings, &loaded, &mut metrics),
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

impl Args {
    fn report(&self) -> Report<'_> {
        Report {
            explain: self.explain,
            profile: self.profile.then_some((&*self.profile_sort, self.profile_limit)),
            coverage: self.coverage,
        }
    }
}

fn evaluate(args: &Args, settings: &Settings, loaded: &Loaded, metrics: &mut Metrics) -> Output {
    let question = Question {
        documents: &loaded.documents,
        scope: &loaded.scope,
        input: loaded.input.as_ref(),
        settings,
        report: args.report(),
    };
    question.ask(loaded.query.clone(), metrics)
}

/// A query's surroundings, and what to report beside its result.
pub(super) struct Question<'a> {
    pub(super) documents: &'a Documents,
    pub(super) scope: &'a QueryScope,
    pub(super) input: Option<&'a Value>,
    pub(super) settings: &'a Settings,
    pub(super) report: Report<'a>,
}

/// What to report beside a result.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Report<'a> {
    pub(super) explain: explain::Mode,
    /// How a profile is sorted, and how many of its lines are reported, 0 for all.
    profile: Option<(&'a [profile::SortKey], usize)>,
    coverage: bool,
}

impl Report<'_> {
    /// Only an explanation.
    pub(super) fn explained(explain: explain::Mode) -> Self {
        Self {
            explain,
            ..Self::default()
        }
    }

    fn is_traced(&self) -> bool {
        self.explain != explain::Mode::Off || self.profile.is_some() || self.coverage
    }
}

impl Question<'_> {
    /// Evaluates a query.
    pub(super) fn ask(&self, query: SourceFile, metrics: &mut Metrics) -> Output {
        let trees = self.documents.trees();
        let parsed = metrics.timed(metrics::QUERY_PARSE, || Query::parse(query, &trees, self.scope));
        let answer = parsed.and_then(|query| {
            let statements = query.statements.clone();
            let prepare = if self.report.is_traced() {
                Prepared::traced
            } else {
                Prepared::new
            };
            let prepared = prepare(self.documents, self.scope, query, self.settings, metrics)?;
            Ok(self.answer(prepared, &statements, metrics))
        });
        answer.unwrap_or_else(Output::failed)
    }

    /// The answer, and what is to be reported beside it, from one and the same evaluation. An error ends a trace where it happens.
    fn answer(&self, mut prepared: Prepared, statements: &[Statement], metrics: &mut Metrics) -> Output {
        let started = Instant::now();
        let clock = || started.elapsed();
        let map = prepared.map().unwrap_or_default();
        let (mut prints, mut hits) = (Printer, Hits::new(&map));
        let mut recorder = Recorder::new(&map, explain::MAX_EVENTS);
        let mut profiler = Profiler::new(&map, &clock);
        let mut probes: Vec<&mut dyn Probe> = vec![&mut prints];
        if self.report.explain != explain::Mode::Off {
            probes.push(&mut recorder);
        }
        if self.report.profile.is_some() {
            probes.push(&mut profiler);
        }
        if self.report.coverage {
            probes.push(&mut hits);
        }
        let world = engine::World::now();
        let calls = world.calls();
        let rows = prepared.rows(self.input, &world.context(&calls), metrics, &mut probes);
        let mut output = match rows {
            Ok(rows) => Output::answered(statements, rows),
            Err(failure) => Output::failed(failure),
        };
        if self.report.explain != explain::Mode::Off {
            output.explanation = Some(explain::Explanation::new(
                self.report.explain,
                &map,
                recorder.finish(),
            ));
        }
        if let Some((keys, limit)) = self.report.profile {
            output.profile = Some(profile::lines(profiler.finish(), keys, limit));
        }
        if self.report.coverage {
            output.coverage = Some(Coverage::new(self.documents.modules(), &hits.lines()));
        }
        output
    }
}

/// `print` writes to standard error.
struct Printer;

impl Probe for Printer {
    fn print(&mut self, _at: &At, line: &str) {
        output::note(line);
    }
}
