//! The starter library on all engines: its own tests, what they ask, the examples, mutations of both, and inputs that nobody expects.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "test code may panic and print"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;

use stele_policy::load::{self, PolicyModule, PolicySet};
use stele_testkit::engines::mutate::{mutate, odd_inputs};
use stele_testkit::engines::record::inputs_of_tests;
use stele_testkit::engines::shrink::shrink;
use stele_testkit::engines::{
    Agreement, Answer, Case, Chance, Engine, ErrorKind, Module, Outcome, Policy, Tally, all, differential,
};
use stele_types::{EntryPoint, Value};

/// Mutations of each input.
const MUTATIONS: u64 = 2;

/// Of the inputs made for other policies each policy is asked about every so many, beginning at another one.
const OTHERS: usize = 48;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

static LIBRARY: LazyLock<PolicySet> = LazyLock::new(|| load::load_path(&root().join("policies")).unwrap());

fn policy(wanted: impl Fn(&PolicyModule) -> bool, entry_points: Vec<EntryPoint>) -> Arc<Policy> {
    let modules = LIBRARY
        .modules()
        .iter()
        .filter(|module| wanted(module))
        .map(|module| Module {
            name: module.path.clone(),
            text: module.ast.source.text().to_owned(),
        });
    Policy::new(modules.collect(), entry_points, LIBRARY.data().clone())
}

/// What a policy is made of: its own modules and those it may import.
fn needed(module: &PolicyModule, id: &str) -> bool {
    !module.is_test() && (module.package.join("/") == id || module.package.starts_with(&["lib".into()]))
}

/// The library's `test_` rules, by package, in groups of which each fits a contract.
fn tests() -> Vec<(String, Arc<Policy>)> {
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for module in LIBRARY.modules().iter().filter(|module| module.is_test()) {
        let package = module.package.join("/");
        let names = packages.entry(package).or_default();
        names.extend(
            module
                .ast
                .rules
                .iter()
                .map(|rule| rule.head.name().to_string())
                .filter(|name| name.starts_with("test_")),
        );
    }
    let mut out = Vec::new();
    for (package, names) in packages {
        let paths = names
            .iter()
            .map(|name| EntryPoint::new(&format!("{package}/{name}")).unwrap());
        let of = package.strip_suffix("_test").unwrap().to_owned();
        let wanted = |module: &PolicyModule| {
            module.package.join("/") == package
                || needed(module, &of)
                || module.package.starts_with(&["lib".into()])
        };
        let tests = policy(wanted, paths.collect());
        out.push((of, tests));
    }
    out
}

/// Every `{"input": ...}` under `examples/`, and every raw document, which is an input that its policy does not expect.
fn examples() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let bytes = std::fs::read(&path).unwrap();
                let value = stele_types::json::parse(&bytes, &stele_types::json::Limits::default()).unwrap();
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.insert(name, value.get("input").unwrap_or(&value).clone());
            }
        }
    }
    found
}

/// Engines side by side, with what they said together.
struct Side {
    engines: Vec<Box<dyn Engine>>,
    tally: Tally,
    /// Rules of which regorus alone says something else, once for each case.
    regorus_alone: Vec<String>,
}

impl Side {
    fn new() -> Self {
        Self {
            engines: all(),
            tally: Tally::default(),
            regorus_alone: Vec::new(),
        }
    }

    /// Runs a case, and when engines disagree fails with a smaller input that they disagree on. Where regorus alone says something else the
    /// rule is noted, for the test to name. One cause is that OPA writes %!s(int=1) for a number under %s, and regorus 1; the others are not explained.
    fn run(&mut self, case: &Case) -> Vec<Answer> {
        let mismatch = match differential(&mut self.engines, case) {
            Ok(answers) => {
                self.tally.count(&answers);
                return answers;
            }
            Err(mismatch) => mismatch,
        };
        let ours: Vec<Answer> = mismatch
            .answers
            .iter()
            .filter(|answer| answer.engine != "regorus")
            .cloned()
            .collect();
        let alike = ours.iter().enumerate().all(|(at, answer)| {
            let mut rest = ours.iter().skip(at + 1);
            rest.all(|other| answer.compare(other) != Agreement::Different)
        });
        if alike {
            self.regorus_alone.push(case.entry_point.rego_ref());
            self.tally.count(&ours);
            return ours;
        }
        let policy = Arc::clone(&mismatch.case.policy);
        let engines = &mut self.engines;
        let small = shrink(mismatch.case, 300, |candidate| {
            // The library's own text stays as it is.
            Arc::ptr_eq(&candidate.policy, &policy) && differential(engines, candidate).is_err()
        });
        let mismatch = differential(engines, &small).unwrap_err();
        let input = small
            .input
            .map_or("undefined".to_owned(), |input| input.to_string());
        let path = small.entry_point.rego_ref();
        panic!("{path} on {input}\n{:#?}", mismatch.answers);
    }

    /// Asks about all items, each on one of as many threads as there are processors, and says what the engines said together.
    fn spread<T: Sync>(items: &[T], ask: impl Fn(&mut Self, usize, &T) + Sync) -> Self {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut side = Self::new();
            while let (at, Some(item)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                (at, items.get(at))
            } {
                ask(&mut side, at, item);
            }
            (side.tally, side.regorus_alone)
        };
        let mut all = Self::new();
        thread::scope(|scope| {
            let threads = thread::available_parallelism().map_or(1, usize::from);
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for thread in started {
                let (tally, alone) = thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                all.tally.add(&tally);
                all.regorus_alone.extend(alone);
            }
        });
        all
    }

    /// Regorus is alone in these rules, and in no others. A rule more or less among the policies changes which inputs of other policies
    /// each is asked about, and so which of these are met.
    fn check_regorus(&self, expected: &[&str]) {
        let names: BTreeSet<&str> = self.regorus_alone.iter().map(String::as_str).collect();
        println!("regorus alone in {} cases: {names:?}", self.regorus_alone.len());
        let others: Vec<&&str> = names.iter().filter(|name| !expected.contains(name)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}

#[test]
fn its_own_tests_pass_on_all_engines() {
    let side = Side::spread(&tests(), |side, _, (_, policy)| {
        for entry_point in policy.entry_points() {
            let case = Case {
                policy: Arc::clone(policy),
                entry_point: entry_point.clone(),
                input: None,
            };
            for Answer { engine, outcome, .. } in side.run(&case) {
                let passed = matches!(outcome, Outcome::Value(Value::Bool(true)));
                assert!(
                    passed || matches!(outcome, Outcome::Refused(_)),
                    "{engine}: {entry_point} {outcome:?}"
                );
            }
        }
    });
    side.check_regorus(&["data.lib.terraform_test.test_spellings_of_a_plan"]);
    let tally = side.tally;
    println!("{tally}");
    assert!(tally.cases > 100, "{tally}");
    for engine in ["evaluator", "vm", "evm"] {
        assert_eq!(tally.of(engine).values, tally.cases, "{engine}\n{tally}");
    }
    // The interpreter refuses `some` over null.
    let regorus = tally.of("regorus").values;
    assert!(regorus > tally.cases * 95 / 100, "{tally}");
}

/// The inputs for the entry points of each package: first those made for it, then all others.
fn inputs() -> BTreeMap<String, BTreeSet<Value>> {
    let mut inputs: BTreeMap<String, BTreeSet<Value>> = BTreeMap::new();
    for (package, tests) in tests() {
        let recorded = inputs_of_tests(tests.plan().unwrap(), tests.data()).unwrap();
        // Packages of functions have tests without inputs.
        let has_policy = LIBRARY.policies().any(|policy| policy.id.as_str() == package);
        assert!(
            !recorded.is_empty() || !has_policy,
            "the tests of {package} have no inputs"
        );
        inputs.entry(package).or_default().extend(recorded);
    }
    inputs
}

#[test]
fn every_entry_point_answers_alike_on_all_engines() {
    let recorded = inputs();
    let examples = examples();
    assert!(examples.len() > 15, "{}", examples.len());
    let everything: BTreeSet<&Value> = recorded.values().flatten().chain(examples.values()).collect();
    println!("{} inputs of tests and examples", everything.len());
    assert!(everything.len() > 100);
    let policies: Vec<_> = LIBRARY.policies().collect();
    assert!(policies.len() >= 8, "{}", policies.len());
    let side = Side::spread(&policies, |side, number, found| {
        let id = found.id.as_str();
        let policy = policy(|module| needed(module, id), found.entry_points.clone());
        let area = id.split('/').next().unwrap();
        let own = recorded.get(id).into_iter().flatten();
        let fitting = examples
            .iter()
            .filter(|(name, _)| name.contains(area))
            .map(|(_, input)| input);
        let mutated: Vec<&Value> = own.chain(fitting).collect();
        assert!(mutated.len() > 2, "{id} has {} inputs", mutated.len());
        let others: Vec<&Value> = everything
            .iter()
            .copied()
            .skip(number % OTHERS)
            .step_by(OTHERS)
            .collect();
        for entry_point in policy.entry_points() {
            ask_all(side, &policy, entry_point, &mutated, &others);
        }
    });
    side.check_regorus(&[
        "data.docker.dockerfile.deny",
        "data.kubernetes.admission.warn",
        "data.kubernetes.rbac.deny",
        "data.observability.alerts.deny",
        "data.supply_chain.sbom.allow",
        "data.supply_chain.sbom.deny",
        "data.supply_chain.sbom.warn",
    ]);
    println!("{}", side.tally);
    check(&side.tally);
}

/// Asks one entry point about odd inputs, about all of `mutated` and mutations of them, and about the others.
fn ask_all(
    side: &mut Side,
    policy: &Arc<Policy>,
    entry_point: &EntryPoint,
    mutated: &[&Value],
    others: &[&Value],
) {
    let mut ask = |input: Option<Value>| {
        side.run(&Case {
            policy: Arc::clone(policy),
            entry_point: entry_point.clone(),
            input,
        });
    };
    for input in odd_inputs() {
        ask(input);
    }
    for input in mutated.iter().chain(others) {
        ask(Some((*input).clone()));
    }
    for (n, input) in (0_u64..).zip(mutated) {
        let mut chance = Chance(n);
        for _ in 0..MUTATIONS {
            let once = mutate(input, &mut chance);
            ask(Some(mutate(&once, &mut chance)));
            ask(Some(once));
        }
    }
}

/// The test compares something, on every engine.
fn check(tally: &Tally) {
    assert!(tally.cases > 4_000, "{tally}");
    assert!(tally.comparisons() > 30_000, "{tally}");
    for (engines, floor) in [
        (("evaluator", "vm"), tally.cases * 99 / 100),
        (("evaluator", "evm"), tally.cases * 85 / 100),
        (("vm", "evm as deployed"), tally.cases * 85 / 100),
        (("regorus", "vm"), tally.cases * 3 / 4),
    ] {
        let compared = tally.compared.get(&engines).copied().unwrap_or(0);
        assert!(compared > floor, "{engines:?}: {compared}\n{tally}");
    }
    for engine in ["evaluator", "vm", "evm"] {
        let of = tally.of(engine);
        assert_eq!(of.errors_of(ErrorKind::Other), 0, "{tally}");
        assert_eq!(of.errors_of(ErrorKind::Policy), 0, "{tally}");
    }
}
