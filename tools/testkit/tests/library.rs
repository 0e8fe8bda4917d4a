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

/// Of the inputs that were made for other policies, a policy is asked about one in so many.
const OTHERS: usize = 48;

/// What regorus alone says otherwise, of the library's tests, and why. Which inputs a policy is asked about depends on that policy and on each
/// input alone, so a rule that is listed and read alike is a mistake, as one that is not listed and is not.
const OWN_TESTS: [(&str, &str); 12] = [
    (
        "data.lib.terraform_test.test_spellings_of_a_plan",
        "undefined for an interpreter that was asked the tests before it; `stele eval --engine regorus`, which asks nothing before, has true",
    ),
    (
        "data.cicd.github_injection_test.test_bad_workflow_has_every_finding",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_good_workflow_is_accepted",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_hashes_and_ids_are_accepted",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_message_names_job_and_expression",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_names_of_actions_have_no_case",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_runners_read_more_than_true",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_scripts_of_actions_count",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_tests_of_text_and_literals_are_accepted",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_text_of_others_is_told",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_text_of_others_is_told_in_each_spelling",
        TOO_LARGE,
    ),
    (
        "data.cicd.github_injection_test.test_whole_objects_are_text_of_others",
        TOO_LARGE,
    ),
];

/// The same of the policies, beyond numbers under `%s` (see [`plain`]).
const POLICIES: [(&str, &str); 7] = [
    ("data.cicd.github_injection.allow", TOO_LARGE),
    ("data.cicd.github_injection.deny", TOO_LARGE),
    ("data.web.nginx.allow", NO_LIST),
    ("data.web.nginx.deny", NO_LIST),
    ("data.web.nginx.warn", NO_LIST),
    ("data.web.nginx_requests.allow", NO_LIST),
    ("data.web.nginx_requests.deny", NO_LIST),
];

const TOO_LARGE: &str = "the interpreter refuses expressions whose programs have more than 102,400 bytes";

/// OPA 1.9.0, asked by hand, says what all others say.
const NO_LIST: &str = "an argument of `array.concat` that is no array costs the interpreter the whole finding, where it is undefined within a \
                       comprehension only";

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
    alone: Alone,
    /// How often regorus wrote a number under `%s` otherwise, and nothing else.
    numbers: u64,
}

/// Rules of which regorus alone says something else: how often, and the shortest input with what it said and what all others did.
#[derive(Default)]
struct Alone(BTreeMap<String, (u64, String)>);

impl Alone {
    fn note(&mut self, rule: String, count: u64, shown: String) {
        let known = self.0.entry(rule).or_insert_with(|| (0, shown.clone()));
        known.0 += count;
        if (shown.len(), &shown) < (known.1.len(), &known.1) {
            known.1 = shown;
        }
    }

    /// Regorus is alone in these rules, and in no others.
    fn check(&self, listed: &[(&str, &str)]) {
        for (rule, (count, shown)) in &self.0 {
            println!("regorus alone in {rule}, {count} times: {shown}");
        }
        let found: BTreeSet<&str> = self.0.keys().map(String::as_str).collect();
        let listed: BTreeSet<&str> = listed.iter().map(|(rule, _)| *rule).collect();
        let new: Vec<_> = found.difference(&listed).collect();
        assert!(new.is_empty(), "regorus is alone in these too: {new:?}");
        let gone: Vec<_> = listed.difference(&found).collect();
        assert!(
            gone.is_empty(),
            "regorus reads these alike, so they are not to be listed: {gone:?}"
        );
    }
}

impl Side {
    fn new() -> Self {
        Self {
            engines: all(),
            tally: Tally::default(),
            alone: Alone::default(),
            numbers: 0,
        }
    }

    /// Runs a case, and when engines disagree fails with a smaller input that they disagree on. Where regorus alone says something else that
    /// is noted.
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
            let theirs = mismatch.answers.iter().find(|answer| answer.engine == "regorus");
            let theirs = &theirs.unwrap().outcome;
            let all_others = &ours[0].outcome;
            match (theirs, all_others) {
                (Outcome::Value(theirs), Outcome::Value(ours)) if *theirs == plain(ours) => self.numbers += 1,
                _ => {
                    let input = case.input.as_ref().map(ToString::to_string);
                    let shown = format!("{input:?}\n  regorus: {theirs:?}\n  all others: {all_others:?}");
                    self.alone.note(case.entry_point.rego_ref(), 1, shown);
                }
            }
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
            (side.tally, side.alone, side.numbers)
        };
        let mut all = Self::new();
        thread::scope(|scope| {
            let threads = thread::available_parallelism().map_or(1, usize::from);
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for thread in started {
                let (tally, alone, numbers) = thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                all.tally.add(&tally);
                all.numbers += numbers;
                for (rule, (count, shown)) in alone.0 {
                    all.alone.note(rule, count, shown);
                }
            }
        });
        all
    }
}

/// A value with numbers under `%s` as regorus writes them: `7`, where OPA, as Go, writes `%!s(int=7)`.
fn plain(value: &Value) -> Value {
    let text = |text: &str| {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, behind)) = rest.split_once("%!s(") {
            let number = behind
                .split_once('=')
                .and_then(|(_, number)| number.split_once(')'));
            let (number, after) = number.unwrap_or(("", ""));
            out = out + before + number;
            rest = after;
        }
        Value::string(&(out + rest))
    };
    match value {
        Value::String(found) => text(found),
        Value::Array(items) => Value::array(items.iter().map(plain)),
        Value::Set(items) => Value::set(items.iter().map(plain)),
        Value::Object(members) => {
            Value::object(members.iter().map(|(key, value)| (plain(key), plain(value))))
        }
        other => other.clone(),
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
    side.alone.check(&OWN_TESTS);
    let tally = side.tally;
    println!("{tally}");
    assert!(tally.cases > 400, "{tally}");
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
    let everything: BTreeMap<&Value, u64> = recorded
        .values()
        .flatten()
        .chain(examples.values())
        .map(|input| (input, hash(&input.to_string())))
        .collect();
    println!("{} inputs of tests and examples", everything.len());
    assert!(everything.len() > 400);
    let mut questions = Vec::new();
    for found in LIBRARY.policies() {
        let id = found.id.as_str();
        let policy = policy(|module| needed(module, id), found.entry_points.clone());
        let area = id.split('/').next().unwrap();
        let own = recorded.get(id).into_iter().flatten();
        let fitting = examples
            .iter()
            .filter(|(name, _)| name.contains(area))
            .map(|(_, input)| input);
        let own: BTreeSet<&Value> = own.chain(fitting).collect();
        assert!(own.len() > 2, "{id} has {} inputs", own.len());
        let chances = everything
            .iter()
            .map(|(input, number)| (*input, Chance(hash(id) ^ number)));
        let inputs: Vec<(&Value, Option<Chance>)> = chances
            .filter_map(|(input, mut chance)| match own.contains(input) {
                true => Some((input, Some(chance))),
                false => chance.one_in(OTHERS).then_some((input, None)),
            })
            .collect();
        for entry_point in &found.entry_points {
            questions.push((Arc::clone(&policy), entry_point.clone(), inputs.clone()));
        }
    }
    let side = Side::spread(&questions, |side, _, (policy, entry_point, inputs)| {
        ask_all(side, policy, entry_point, inputs);
    });
    println!("{}", side.tally);
    println!(
        "regorus wrote numbers under %s otherwise in {} cases",
        side.numbers
    );
    side.alone.check(&POLICIES);
    assert!(
        side.numbers > 0,
        "regorus writes numbers under %s as OPA does: `plain` is needed no more"
    );
    check(&side.tally);
}

/// A number that follows from the text alone.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0, |hash, byte| Chance(hash ^ u64::from(byte)).advance())
}

/// Asks one entry point about odd inputs, and about all of `inputs`; where these have a chance, about mutations of them too.
fn ask_all(
    side: &mut Side,
    policy: &Arc<Policy>,
    entry_point: &EntryPoint,
    inputs: &[(&Value, Option<Chance>)],
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
    for (input, chance) in inputs {
        ask(Some((*input).clone()));
        let Some(mut chance) = chance.clone() else {
            continue;
        };
        for _ in 0..MUTATIONS {
            let once = mutate(input, &mut chance);
            ask(Some(mutate(&once, &mut chance)));
            ask(Some(once));
        }
    }
}

/// The test compares something, on every engine.
fn check(tally: &Tally) {
    assert!(tally.cases > 25_000, "{tally}");
    assert!(tally.comparisons() > 350_000, "{tally}");
    for (engines, floor) in [
        (("evaluator", "vm"), tally.cases * 99 / 100),
        (("evaluator", "evm"), tally.cases * 96 / 100),
        (("vm", "evm as deployed"), tally.cases * 96 / 100),
        (("regorus", "vm"), tally.cases * 90 / 100),
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
