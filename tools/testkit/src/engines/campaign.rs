//! Many generated policies on all engines.
//!
//! Policy `n` of a campaign comes from a seed of its own, so that a disagreement can be had again without what came before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::generate::Generated;
use super::shrink::shrink;
use super::wild::Wild;
use super::{
    Answer, Case, Chance, ContractEngine, Engine, ErrorKind, EvaluatorEngine, InterpreterEngine, Mismatch,
    Outcome, Tally, TracedEngine, VmEngine, differential,
};

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// The seed of the first policy.
    pub seed: u64,
    /// At least this many cases are run: one rule on one input, on each engine.
    pub executions: u64,
    /// Inputs for each policy.
    pub inputs: usize,
    /// One policy in so many is compiled to contracts too; 0 is none.
    pub contracts: u64,
    /// One policy in so many is well typed and runs on the interpreter too; 0 is none.
    pub interpreter: u64,
    /// Whether half of the wild policies have `and`, `or` and `not { ... }`.
    pub logical: bool,
    /// Threads.
    pub jobs: u64,
    /// How many disagreements to collect before giving up.
    pub keep: usize,
}

impl Default for Campaign {
    fn default() -> Self {
        Self {
            seed: 1,
            executions: 10_000,
            inputs: 16,
            contracts: 10,
            interpreter: 20,
            logical: true,
            jobs: 1,
            keep: 1,
        }
    }
}

/// A disagreement.
#[derive(Debug)]
pub struct Found {
    /// The seed of a campaign whose first policy shows it again.
    pub seed: u64,
    /// The case, as small as it could be made.
    pub mismatch: Mismatch,
}

/// What a campaign found.
#[derive(Debug, Default)]
pub struct Report {
    /// Policies that were run.
    pub policies: u64,
    /// Policies that do not compile.
    pub broken: u64,
    /// What the engines answered.
    pub tally: Tally,
    /// Where they disagreed.
    pub found: Vec<Found>,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.policies = self.policies.saturating_add(other.policies);
        self.broken = self.broken.saturating_add(other.broken);
        self.tally.add(&other.tally);
        self.found.extend(other.found);
    }
}

/// What all threads know.
struct Progress<'a> {
    /// Policies taken up so far.
    policies: AtomicU64,
    executions: AtomicU64,
    enough: AtomicBool,
    say: &'a (dyn Fn(u64) + Sync),
}

/// Runs a campaign. `say` is told now and then how many cases were run.
#[must_use]
pub fn run(campaign: &Campaign, say: &(dyn Fn(u64) + Sync)) -> Report {
    let progress = Progress {
        policies: AtomicU64::new(0),
        executions: AtomicU64::new(0),
        enough: AtomicBool::new(false),
        say,
    };
    let jobs = campaign.jobs.max(1);
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs)
            .map(|_| {
                let progress = &progress;
                scope.spawn(move || {
                    let mut thread = Thread::new(campaign);
                    while !progress.enough.load(Ordering::Relaxed) {
                        let number = progress.policies.fetch_add(1, Ordering::Relaxed);
                        thread.policy(campaign.seed.wrapping_add(number), progress);
                    }
                    thread.report
                })
            })
            .collect();
        for thread in threads {
            // A thread that panics outside of an engine is a defect of the campaign itself.
            match thread.join() {
                Ok(part) => report.add(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    report
}

/// One thread's engines and counts.
struct Thread<'a> {
    campaign: &'a Campaign,
    fast: Vec<Box<dyn Engine>>,
    with_contracts: Vec<Box<dyn Engine>>,
    with_interpreter: Vec<Box<dyn Engine>>,
    report: Report,
}

fn plain() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(EvaluatorEngine::default()),
        Box::new(VmEngine::default()),
    ]
}

fn one_in(n: u64, number: u64) -> bool {
    number.checked_rem(n) == Some(0)
}

impl<'a> Thread<'a> {
    fn new(campaign: &'a Campaign) -> Self {
        let mut with_contracts = plain();
        with_contracts.push(Box::new(TracedEngine::default()));
        with_contracts.push(Box::new(ContractEngine::exact()));
        let mut with_interpreter = plain();
        with_interpreter.push(Box::new(InterpreterEngine::default()));
        Self {
            campaign,
            fast: plain(),
            with_contracts,
            with_interpreter,
            report: Report::default(),
        }
    }

    /// Runs all cases of one policy. What the policy is and which engines run it depends on its seed alone.
    fn policy(&mut self, seed: u64, progress: &Progress<'_>) {
        self.report.policies = self.report.policies.saturating_add(1);
        let cases = cases_of(self.campaign, seed);
        let engines = if one_in(self.campaign.interpreter, seed) {
            // Whether a rule meets another's conflict depends on what is evaluated first.
            if conflicts(&cases) {
                &mut self.fast
            } else {
                &mut self.with_interpreter
            }
        } else if one_in(self.campaign.contracts, seed.wrapping_add(1)) {
            &mut self.with_contracts
        } else {
            &mut self.fast
        };
        if cases.first().is_some_and(|case| case.policy.plan().is_err()) {
            self.report.broken = self.report.broken.saturating_add(1);
            return;
        }
        for case in cases {
            match guarded(engines, &case) {
                Ok(answers) => self.report.tally.count(&answers),
                Err(mismatch) => {
                    let found = smaller(engines, *mismatch);
                    self.report.found.push(Found {
                        seed,
                        mismatch: found,
                    });
                    if self.report.found.len() >= self.campaign.keep {
                        progress.enough.store(true, Ordering::Relaxed);
                    }
                    return;
                }
            }
            let done = progress
                .executions
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_add(1);
            if one_in(SAY_EVERY, done) {
                (progress.say)(done);
            }
            if done >= self.campaign.executions {
                progress.enough.store(true, Ordering::Relaxed);
                return;
            }
        }
    }
}

/// Cases between two words on progress.
const SAY_EVERY: u64 = 50_000;

/// The cases of one policy, well typed or wild, of this seed of a campaign.
pub(super) fn cases_of(campaign: &Campaign, seed: u64) -> Vec<Case> {
    // Seeds in a row are no chance; their mix is.
    let mixed = Chance(seed).advance();
    if one_in(campaign.interpreter, seed) {
        typed(mixed, campaign.inputs)
    } else {
        Wild::of_language(mixed, campaign.inputs, campaign.logical)
            .cases()
            .collect()
    }
}

/// A well typed policy on several inputs.
fn typed(seed: u64, inputs: usize) -> Vec<Case> {
    let mut chance = Chance(seed);
    let rules: Vec<u64> = (0..=chance.below(6)).map(|_| chance.advance()).collect();
    let first = Generated::from_seeds(&rules, chance.advance());
    let others: Vec<Generated> = (1..inputs).map(|_| first.with_input(chance.advance())).collect();
    std::iter::once(&first)
        .chain(&others)
        .flat_map(Generated::cases)
        .collect()
}

fn conflicts(cases: &[Case]) -> bool {
    let mut evaluator = EvaluatorEngine::default();
    cases
        .iter()
        .any(|case| matches!(evaluator.evaluate(case), Outcome::Error(ErrorKind::Conflict, _)))
}

/// Runs a case; an engine that panics disagrees with all others.
fn guarded(engines: &mut [Box<dyn Engine>], case: &Case) -> Result<Vec<Answer>, Box<Mismatch>> {
    catch_unwind(AssertUnwindSafe(|| differential(engines, case))).unwrap_or_else(|_| {
        let answers = engines.iter_mut().map(|engine| {
            let outcome = catch_unwind(AssertUnwindSafe(|| engine.evaluate(case)));
            Answer {
                engine: engine.name(),
                mode: engine.mode(),
                outcome: outcome.unwrap_or_else(|_| Outcome::Error(ErrorKind::Other, "panic".to_owned())),
            }
        });
        Err(Box::new(Mismatch {
            case: case.clone(),
            answers: answers.collect(),
        }))
    })
}

/// At most this many smaller cases are tried.
const ATTEMPTS: usize = 4_000;

fn smaller(engines: &mut [Box<dyn Engine>], mismatch: Mismatch) -> Mismatch {
    let small = shrink(mismatch.case.clone(), ATTEMPTS, |case| {
        case.policy.plan().is_ok() && guarded(engines, case).is_err()
    });
    match guarded(engines, &small) {
        Err(small) => *small,
        // It does not fail twice, which is worth knowing.
        Ok(_) => mismatch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_runs_all_engines_and_repeats() {
        let campaign = Campaign {
            executions: 1_500,
            contracts: 5,
            interpreter: 5,
            inputs: 4,
            ..Campaign::default()
        };
        let (one, again) = (run(&campaign, &|_| {}), run(&campaign, &|_| {}));
        assert!(one.found.is_empty(), "{}", one.found[0].mismatch);
        assert_eq!(one.tally, again.tally);
        assert_eq!(one.tally.cases, 1_500);
        for engine in ["evaluator", "vm", "evm", "regorus"] {
            assert!(one.tally.of(engine).values > 50, "{}", one.tally);
        }
    }

    struct Panics;

    impl Engine for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }

        fn mode(&self) -> crate::engines::Mode {
            EvaluatorEngine::default().mode()
        }

        fn evaluate(&mut self, case: &Case) -> Outcome {
            assert!(case.input.is_none(), "an input");
            EvaluatorEngine::default().evaluate(case)
        }
    }

    #[test]
    fn an_engine_that_panics_is_found_and_the_case_made_small() {
        let cases: Vec<Case> = Wild::from_seed(3, 6).cases().collect();
        let case = cases.into_iter().find(|case| case.input.is_some()).unwrap();
        let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(EvaluatorEngine::default()), Box::new(Panics)];
        let mismatch = guarded(&mut engines, &case).unwrap_err();
        let small = smaller(&mut engines, *mismatch);
        assert!(
            small.to_string().contains("panics: Error(Other, \"panic\")"),
            "{small}"
        );
        let lines = small.case.policy.modules()[0].text.lines().count();
        assert!(lines < case.policy.modules()[0].text.lines().count());
    }
}
