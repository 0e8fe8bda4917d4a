//! The starter library compiles, passes its own tests on our evaluator, and gives what the regorus interpreter gives.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::path::{Path, PathBuf};

use stele_rego::ast::Module;
use stele_rego::eval::{Context, Evaluator, Limits, NoTrace};
use stele_rego::{CompileOptions, Negation, SourceFile, compile, parse};
use stele_types::json;
use stele_types::{EntryPoint, Timestamp, Value};

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
    out.sort();
}

struct Library {
    modules: Vec<Module>,
    texts: Vec<(String, String)>,
    data: serde_json::Value,
}

fn library() -> Library {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies"));
    let mut paths = Vec::new();
    files(&root, &mut paths);
    let mut library = Library {
        modules: Vec::new(),
        texts: Vec::new(),
        data: serde_json::json!({}),
    };
    for path in paths {
        let name = path
            .strip_prefix(&root)
            .expect("below the root")
            .display()
            .to_string();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        if name.ends_with(".rego") {
            let source = SourceFile::new(name.clone(), text.as_str());
            let module = parse(&source).unwrap_or_else(|errors| panic!("{}", errors[0].render(&text)));
            library.modules.push(module);
            library.texts.push((name, text));
        } else if name.ends_with("data.json") {
            let mut at = &mut library.data;
            for part in Path::new(&name).parent().into_iter().flat_map(Path::components) {
                at = &mut at[part.as_os_str().to_str().expect("UTF-8")];
            }
            *at = serde_json::from_str(&text).expect("valid JSON");
        }
    }
    library
}

/// Every rule that can be an entry point.
fn entry_points(modules: &[Module]) -> Vec<EntryPoint> {
    let mut out = Vec::new();
    for module in modules {
        let package: Vec<&str> = module
            .package
            .path
            .iter()
            .map(|ident| ident.name.as_ref())
            .collect();
        for rule in &module.rules {
            if rule.head.args.is_none() {
                let path = [package.clone(), vec![rule.head.name().as_ref()]]
                    .concat()
                    .join("/");
                out.push(EntryPoint::new(&path).expect("rule paths are entry points"));
            }
        }
    }
    out.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    out.dedup_by(|a, b| a.as_str() == b.as_str());
    out
}

fn value(json: &serde_json::Value) -> Value {
    json::parse(json.to_string().as_bytes(), &json::Limits::default()).expect("valid JSON")
}

fn evaluator(library: &Library, entry_points: &[EntryPoint]) -> Evaluator {
    let policy = compile(
        &library.modules,
        entry_points,
        &CompileOptions::with_negation(Negation::Whole),
    )
    .unwrap_or_else(|errors| {
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", all.join("\n"))
    });
    Evaluator::new(&policy).expect("our plans verify")
}

fn run(
    evaluator: &Evaluator,
    entry_point: &EntryPoint,
    input: Option<&Value>,
    data: &Value,
) -> Option<Value> {
    let context = Context::at(Timestamp(1_700_000_000_000_000_000));
    let results = evaluator
        .evaluate(
            entry_point.as_str(),
            input,
            data,
            &context,
            &Limits::default(),
            &mut NoTrace,
        )
        .unwrap_or_else(|error| panic!("{entry_point}: {error}"));
    results
        .first()
        .and_then(|result| result.get("result"))
        .map(Value::to_json_projection)
}

#[test]
fn the_library_passes_its_own_tests() {
    let library = library();
    let entry_points = entry_points(&library.modules);
    let evaluator = evaluator(&library, &entry_points);
    let data = value(&library.data);
    let tests: Vec<&EntryPoint> = entry_points
        .iter()
        .filter(|path| {
            path.as_str()
                .rsplit('/')
                .next()
                .is_some_and(|n| n.starts_with("test_"))
        })
        .collect();
    assert!(tests.len() > 400, "{} tests", tests.len());
    let failed: Vec<&str> = tests
        .into_iter()
        .filter(|test| run(&evaluator, test, None, &data) != Some(Value::Bool(true)))
        .map(EntryPoint::as_str)
        .collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[test]
fn the_library_gives_what_regorus_gives() {
    let library = library();
    let entry_points = entry_points(&library.modules);
    let evaluator = evaluator(&library, &entry_points);
    let data = value(&library.data);
    let mut engine = regorus::Engine::new();
    // As OPA: what a builtin does not take is undefined.
    engine.set_strict_builtin_errors(false);
    for (name, text) in &library.texts {
        engine
            .add_policy(name.clone(), text.clone())
            .expect("regorus reads the library");
    }
    engine
        .add_data_json(&library.data.to_string())
        .expect("regorus reads the data");
    let mut inputs = Vec::new();
    files(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples")),
        &mut inputs,
    );
    let mut compared = 0;
    for path in inputs
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
    {
        let text = std::fs::read_to_string(path).expect("a readable example");
        let Ok(body) = serde_json::from_str::<serde_json::Value>(&text) else {
            continue;
        };
        let Some(input) = body.get("input") else { continue };
        engine
            .set_input_json(&input.to_string())
            .expect("regorus reads the input");
        let ours = value(input);
        for entry_point in &entry_points {
            if entry_point.as_str().contains("/test_") {
                continue;
            }
            let found = run(&evaluator, entry_point, Some(&ours), &data);
            let theirs = engine
                .eval_rule(entry_point.rego_ref())
                .expect("regorus evaluates the library");
            let theirs = match theirs {
                regorus::Value::Undefined => None,
                value => {
                    let text = value.to_json_str().expect("a JSON value");
                    let parsed = json::parse(text.as_bytes(), &json::Limits::default()).expect("valid JSON");
                    Some(parsed.to_json_projection())
                }
            };
            assert_eq!(found, theirs, "{entry_point} on {}", path.display());
            compared += 1;
        }
    }
    assert!(compared > 500, "{compared} comparisons");
}
