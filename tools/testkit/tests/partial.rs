//! Partial against full evaluation: on generated policies, and on the starter library with its examples.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code may panic and print"
)]

use std::path::Path;

use stele_policy::load;
use stele_rego::partial::PartialOptions;
use stele_testkit::engines::mutate::mutate;
use stele_testkit::engines::partial::{Concrete, Counts, Known, Question, campaign, compare};
use stele_testkit::engines::{Chance, Module, Policy};
use stele_types::{Value, json};

/// `cargo run -p stele-testkit --features command --bin partial` makes many more comparisons, and other ones.
#[test]
fn residuals_agree_on_generated_policies() {
    let mut counts = Counts::default();
    let found = campaign(1, 6_000, 12, 4, 1, &mut counts);
    println!("{counts}");
    if let Some(disagreement) = found.first() {
        panic!("{disagreement}");
    }
    assert!(counts.comparisons >= 6_000, "{counts}");
    assert!(counts.solutions * 4 > counts.comparisons, "{counts}");
    assert!(
        counts.supported > 100 && counts.never > 10 && counts.always > 10,
        "{counts}"
    );
    assert!(counts.hidden * 500 < counts.comparisons, "{counts}");
}

fn inputs(root: &Path) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    let mut folders = vec![root.join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let bytes = std::fs::read(&path).unwrap();
                let Ok(value) = json::parse(&bytes, &json::Limits::default()) else {
                    continue;
                };
                let input = value.get("input").cloned().unwrap_or(value);
                out.push((path.display().to_string(), input));
            }
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// Every policy of the library, with the whole input unknown and with one member of it, on all examples and mutations of them.
#[test]
fn residuals_agree_on_the_starter_library() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let library = load::load_path(&root.join("policies")).unwrap();
    let policy_of = |package: &[String]| {
        let modules = library
            .modules()
            .iter()
            .filter(|module| {
                !module.is_test()
                    && (module.package == package || module.package.starts_with(&["lib".into()]))
            })
            .map(|module| Module {
                name: module.path.clone(),
                text: module.ast.source.text().to_owned(),
            });
        Policy::new(modules.collect(), Vec::new(), library.data().clone())
    };
    let mut all = inputs(&root);
    assert!(all.len() >= 8, "{}", all.len());
    for (name, input) in all.clone() {
        for seed in 0..2 {
            all.push((name.clone(), mutate(&input, &mut Chance(seed))));
        }
    }
    let mut counts = Counts::default();
    let mut queries = Vec::new();
    for module in library.modules().iter().filter(|module| !module.is_test()) {
        for rule in &module.ast.rules {
            let name = rule.head.name();
            if rule.head.args.is_none() && matches!(name.as_ref(), "deny" | "warn" | "allow" | "violation") {
                let path = format!("{}.{name}", module.ast.package_ref());
                queries.push((format!("x := {path}"), &module.package));
                queries.push((format!("count({path}) == 0"), &module.package));
                queries.push((format!("some x; {path}[x]"), &module.package));
                queries.push((path, &module.package));
            }
        }
    }
    queries.sort();
    queries.dedup();
    assert!(queries.len() >= 16, "{queries:?}");
    for (query, package) in &queries {
        let known = Known {
            input: None,
            data: library.data().clone(),
        };
        let question = Question {
            policy: policy_of(package),
            query: query.clone(),
            options: PartialOptions::default(),
            known,
        };
        // All inputs of the area, and a sample of the others'.
        let area = package.first().map_or("", String::as_str);
        let concretes: Vec<Concrete> = all
            .iter()
            .enumerate()
            .filter(|(n, (name, _))| name.contains(area) || n % 8 == 0)
            .map(|(_, (_, input))| Concrete {
                input: Some(input.clone()),
                data: library.data().clone(),
                unknown_data: Value::object([]),
            })
            .collect();
        if let Err(disagreement) = compare(&question, &concretes, &mut counts) {
            panic!("{disagreement}");
        }
    }
    println!("{counts}");
    assert_eq!(counts.refused.values().sum::<u64>(), 0, "{counts}");
    assert!(counts.solutions > 100, "{counts}");
}
