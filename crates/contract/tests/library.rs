//! The starter library as contracts: its own tests, its examples and mutations of them, against the reference evaluator.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test code may panic and print"
)]

mod common;

use common::{Outcome, evaluate};
use proptest::test_runner::{RngAlgorithm, TestRng};
use rand::{Rng, RngExt};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use stele_contract::abi::ContractError;
use stele_contract::{Contract, Options, Refusal, ResultForm, compile};
use stele_rego::eval::{Context, EvalError, Evaluator, Limits, NoTrace};
use stele_rego::{CompileOptions, SourceFile, ast, ir, parse};
use stele_types::{EntryPoint, Timestamp, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(dir: &Path, ext: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, ext, found);
        } else if path.extension().is_some_and(|e| e == ext) {
            found.push(path);
        }
    }
}

fn json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap();
    stele_types::json::parse(&bytes, &stele_types::json::Limits::default()).unwrap()
}

struct Library {
    modules: Vec<ast::Module>,
    data: Value,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let mut paths = Vec::new();
    files(&root().join("policies"), "rego", &mut paths);
    let modules = paths
        .iter()
        .map(|p| {
            let text = std::fs::read_to_string(p).unwrap();
            let name = p.file_name().unwrap().to_string_lossy().into_owned();
            parse(&SourceFile::new(name, text)).unwrap_or_else(|e| panic!("{}: {e:?}", p.display()))
        })
        .collect();
    let mut paths = Vec::new();
    files(&root().join("policies"), "json", &mut paths);
    let mut data = Value::object([]);
    for path in paths {
        let inside = path
            .parent()
            .unwrap()
            .strip_prefix(root().join("policies"))
            .unwrap()
            .to_path_buf();
        let keys: Vec<String> = inside.iter().map(|k| k.to_string_lossy().into_owned()).collect();
        data = put(&data, &keys, json(&path));
    }
    Library { modules, data }
});

fn put(document: &Value, keys: &[String], value: Value) -> Value {
    let Some((first, rest)) = keys.split_first() else {
        return value;
    };
    let mut object = document.as_object().cloned().unwrap_or_default();
    let key = Value::string(first);
    let child = object.get(&key).cloned().unwrap_or_else(|| Value::object([]));
    object.insert(key, put(&child, rest, value));
    Value::object(object)
}

/// Paths of all rules without arguments whose name satisfies `wanted`.
fn rules(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = BTreeSet::new();
    for module in &LIBRARY.modules {
        let package: Vec<&str> = module.package.path.iter().map(|s| s.name.as_ref()).collect();
        for rule in &module.rules {
            let name = rule.head.name();
            if rule.head.args.is_none() && wanted(name) {
                found.insert(format!("{}/{name}", package.join("/")));
            }
        }
    }
    found.into_iter().collect()
}

fn plan(entries: &[String]) -> ir::Policy {
    let entries: Vec<EntryPoint> = entries.iter().map(|e| EntryPoint::new(e).unwrap()).collect();
    stele_rego::compile(
        &LIBRARY.modules,
        &entries,
        &CompileOptions::with_negation(stele_rego::Negation::Whole),
    )
    .unwrap_or_else(|e| panic!("{entries:?}: {e:?}"))
}

fn contract(policy: &ir::Policy) -> Result<Contract, Vec<Refusal>> {
    let options = Options {
        result: ResultForm::ResultSet,
        max_code_size: 60_000,
        ..Options::default()
    };
    compile(policy, &options)
}

fn refusals(found: &[Refusal]) -> String {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Both engines give the same value or the same kind of error.
fn agree(
    evaluator: &Evaluator,
    contract: &Contract,
    entry: &str,
    input: &Value,
    data: &Value,
) -> Option<u64> {
    let want = evaluator.evaluate(
        entry,
        Some(input),
        data,
        &Context::at(Timestamp::from_nanos(0)),
        &Limits::default(),
        &mut NoTrace,
    );
    match (want, evaluate(contract, entry, Some(input), data)) {
        (Ok(values), outcome @ Outcome::Returned(..)) => {
            assert_eq!(
                outcome.value().unwrap(),
                Value::array(values),
                "{entry} on {input:?}"
            );
            Some(outcome.gas())
        }
        (Err(EvalError::Conflict { .. }), Outcome::Reverted(ContractError::Conflict, _)) => None,
        // What a contract does not cover is an error, never another value.
        (_, Outcome::Reverted(ContractError::Unsupported | ContractError::InexactNumber, _)) => None,
        (want, got) => panic!("{entry}: evaluator {want:?}, contract {got:?} on {input:?}"),
    }
}

#[test]
fn the_librarys_own_tests_pass_on_chain() {
    let tests = rules(|name| name.starts_with("test_"));
    assert!(tests.len() > 400, "{}", tests.len());
    // A contract for the tests of each package.
    let mut packages: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for test in &tests {
        packages
            .entry(test.rsplit_once('/').unwrap().0)
            .or_default()
            .push(test.clone());
    }
    for entries in packages.values() {
        for (some, contract) in contracts(entries) {
            for entry in some {
                let got = evaluate(&contract, entry, None, &LIBRARY.data).value().unwrap();
                let want = Value::array([Value::object([(Value::string("result"), Value::Bool(true))])]);
                assert_eq!(got, want, "{entry}");
            }
        }
    }
}

/// Contracts that hold these entry points together: fewer in each where a contract would be too large.
fn contracts(entries: &[String]) -> Vec<(&[String], Contract)> {
    match contract(&plan(entries)) {
        Ok(contract) => vec![(entries, contract)],
        Err(found) if entries.len() == 1 => panic!("{entries:?}: {}", refusals(&found)),
        Err(_) => {
            let (first, rest) = entries.split_at(entries.len() / 2);
            [contracts(first), contracts(rest)]
                .into_iter()
                .flatten()
                .collect()
        }
    }
}

/// Every JSON document under `examples/` that a policy of the library may be asked about, and those of its tests, by its path there.
fn examples() -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    for dir in [
        "http",
        "kubernetes",
        "library",
        "serverless",
        "supply_chain",
        "terraform",
        "web",
    ] {
        files(&root().join("examples").join(dir), "json", &mut paths);
    }
    let named = |path: &PathBuf| {
        let name = path.strip_prefix(root().join("examples")).unwrap();
        let document = json(path);
        // Examples for `stele decide` are requests, all others are what `stele check` reads.
        let input = document.get("input").unwrap_or(&document).clone();
        (name.display().to_string(), input)
    };
    let mut found: Vec<_> = paths.iter().map(named).collect();
    found.extend(documents_of_tests());
    found
}

/// What the policies' own tests accept and refuse, as `library/<policy>/good` and `bad`: also where the examples are YAML or Dockerfiles.
fn documents_of_tests() -> impl Iterator<Item = (String, Value)> {
    let documents = rules(|name| name.starts_with("bad") || name.starts_with("good"));
    documents.into_iter().filter_map(|entry| {
        let (package, name) = entry.rsplit_once('/')?;
        let id = package.strip_suffix("_test")?.to_owned();
        let evaluator = Evaluator::new(&plan(std::slice::from_ref(&entry))).unwrap();
        let context = Context::at(Timestamp::from_nanos(0));
        let values = evaluator
            .evaluate(
                &entry,
                None,
                &LIBRARY.data,
                &context,
                &Limits::default(),
                &mut NoTrace,
            )
            .unwrap();
        let document = values.first()?.get("result")?.clone();
        Some((format!("library/{id}/{name}"), document))
    })
}

/// What a policy is asked about, and by what chance it is damaged: its own examples and those of its area, and of all others one in so many,
/// as a hash of both says: the same ones, however the library grows.
fn chance(policy: &str, example: &str) -> Option<(u32, TestRng)> {
    const OTHERS: u64 = 12;
    let mut hasher = DefaultHasher::new();
    (policy, example).hash(&mut hasher);
    let number = hasher.finish();
    let area = policy.split('/').next().unwrap();
    let damages = match example.strip_prefix("library/") {
        Some(own) if own.starts_with(&format!("{policy}/")) => 8,
        None if example.starts_with(area) => 8,
        _ if number.is_multiple_of(OTHERS) => 2,
        _ => return None,
    };
    let seed: [u8; 32] = std::array::from_fn(|at| number.to_le_bytes()[at % 8]);
    Some((damages, TestRng::from_seed(RngAlgorithm::ChaCha, &seed)))
}

#[test]
fn examples_and_their_mutations_agree_with_the_evaluator() {
    let examples = examples();
    assert!(examples.len() > 80, "{}", examples.len());
    let mut without = BTreeSet::new();
    let (mut asked, mut answered) = (0_u32, 0_u32);
    for entry in rules(|name| matches!(name, "deny" | "warn" | "violation" | "allow")) {
        let policy = plan(std::slice::from_ref(&entry));
        let contract = contract(&policy).unwrap_or_else(|found| panic!("{entry}: {}", refusals(&found)));
        let evaluator = Evaluator::new(&policy).unwrap();
        println!("{entry}: {} bytes", contract.runtime.len());
        assert!(contract.runtime.len() <= stele_contract::EIP170_LIMIT, "{entry}");
        let id = entry.rsplit_once('/').unwrap().0;
        let mut own = 0;
        for (name, input) in &examples {
            let Some((damages, mut random)) = chance(id, name) else {
                continue;
            };
            let gas = agree(&evaluator, &contract, &entry, input, &LIBRARY.data);
            answered += u32::from(gas.is_some());
            if damages == 8 {
                own += 1;
                println!("  {name}: {} bytes of input, {gas:?} gas", encoded(input));
            }
            for _ in 0..damages {
                let mutated = mutate(input, &mut random);
                answered +=
                    u32::from(agree(&evaluator, &contract, &entry, &mutated, &LIBRARY.data).is_some());
            }
            asked += 1 + damages;
        }
        if own == 0 {
            without.insert(id.to_owned());
        }
    }
    assert!(without.is_empty(), "no example of their own: {without:?}");
    println!("{answered} of {asked} answered");
    // Whatever is not covered is refused, so that refusals alone would agree too.
    assert!(
        asked > 1_000 && answered > asked * 99 / 100,
        "{answered} of {asked}"
    );
}

fn encoded(value: &Value) -> usize {
    stele_types::encoding::encode_contract(value).unwrap().len()
}

/// Replaces, removes or duplicates a random part of a document.
fn mutate(value: &Value, random: &mut TestRng) -> Value {
    let number = |random: &mut TestRng, n: usize| usize::try_from(random.random::<u32>()).unwrap() % n.max(1);
    let other = |random: &mut TestRng| match number(random, 9) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => Value::Bool(false),
        3 => Value::Number(stele_types::Number::from(i64::from(random.next_u32()) - 1_000)),
        4 => Value::string("*"),
        5 => {
            Value::string("{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}}")
        }
        6 => Value::array([]),
        7 => Value::object([]),
        _ => Value::string("0.0.0.0/0"),
    };
    match value {
        Value::Array(items) if !items.is_empty() && number(random, 8) > 0 => {
            let at = number(random, items.len());
            let mut items = items.to_vec();
            match number(random, 8) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => items[at] = mutate(&items[at], random),
            }
            Value::array(items)
        }
        Value::Object(map) if !map.is_empty() && number(random, 10) > 0 => {
            let key = map.keys().nth(number(random, map.len())).unwrap().clone();
            let mut map = map.as_ref().clone();
            if number(random, 8) == 0 {
                map.remove(&key);
            } else {
                let inner = mutate(&map[&key], random);
                map.insert(key, inner);
            }
            Value::object(map)
        }
        _ => other(random),
    }
}
