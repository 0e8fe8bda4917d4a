//! How long it takes to compile the starter library, from its source text: `cargo bench -p stele-contract --bench compile`.
//!
//! `vm` makes one program with every decision of the library, ready to decide; `evm` makes the contract of each policy, within the
//! limit of EIP-170.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a benchmark may panic"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use divan::{Bencher, black_box};
use stele_rego::vm::Program;
use stele_rego::{CompileOptions, Negation, SourceFile, ast, ir, parse};
use stele_types::EntryPoint;

fn main() {
    let sources = sources();
    let text: usize = sources.iter().map(|source| source.text().len()).sum();
    let policies = policies(&modules(&sources));
    let decisions: usize = policies.values().map(Vec::len).sum();
    assert!(decisions > 7, "the library was not found");
    eprintln!(
        "{} files, {text} bytes, {} packages, {decisions} decisions",
        sources.len(),
        policies.len()
    );
    divan::main();
}

/// The files of a folder and below, tests left out.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            files(&path, found);
        } else if name.ends_with(".rego") && !name.ends_with("_test.rego") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<SourceFile> {
    let mut paths = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies"),
        &mut paths,
    );
    paths
        .iter()
        .map(|path| {
            SourceFile::new(
                path.to_string_lossy().as_ref(),
                std::fs::read_to_string(path).unwrap(),
            )
        })
        .collect()
}

fn modules(sources: &[SourceFile]) -> Vec<ast::Module> {
    let parsed = sources.iter().map(parse);
    parsed
        .map(|module| module.unwrap_or_else(|errors| panic!("{errors:?}")))
        .collect()
}

/// The decisions of each package.
fn policies(modules: &[ast::Module]) -> BTreeMap<String, Vec<EntryPoint>> {
    let mut found: BTreeMap<String, Vec<EntryPoint>> = BTreeMap::new();
    for module in modules {
        let package: Vec<&str> = module
            .package
            .path
            .iter()
            .map(|part| part.name.as_ref())
            .collect();
        let package = package.join("/");
        for rule in &module.rules {
            let name: &str = rule.head.name();
            if rule.head.args.is_none() && matches!(name, "deny" | "warn" | "violation" | "allow") {
                let entry_point = EntryPoint::new(&format!("{package}/{name}")).unwrap();
                let decisions = found.entry(package.clone()).or_default();
                if !decisions.contains(&entry_point) {
                    decisions.push(entry_point);
                }
            }
        }
    }
    found
}

fn plan(modules: &[ast::Module], entry_points: &[EntryPoint]) -> ir::Policy {
    let options = CompileOptions::with_negation(Negation::Whole);
    stele_rego::compile(modules, entry_points, &options).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[divan::bench]
fn vm(bencher: Bencher<'_, '_>) {
    let sources = sources();
    bencher.bench_local(|| {
        let modules = modules(black_box(&sources));
        let entry_points: Vec<EntryPoint> = policies(&modules).into_values().flatten().collect();
        Program::new(&plan(&modules, &entry_points)).unwrap()
    });
}

#[divan::bench]
fn evm(bencher: Bencher<'_, '_>) {
    let sources = sources();
    bencher.bench_local(|| {
        let modules = modules(black_box(&sources));
        let policies = policies(&modules);
        let contracts = policies.values().map(|entry_points| {
            let options = stele_contract::Options::default();
            let contract = stele_contract::compile(&plan(&modules, entry_points), &options);
            contract
                .unwrap_or_else(|refusals| panic!("{refusals:?}"))
                .runtime
                .len()
        });
        contracts.sum::<usize>()
    });
}
