//! Input bytes to decision bytes on one thread: the VM beside regorus (parse, RVM, render) in the same run.
//!
//! `cargo bench -p stele-rego --bench engines`, and `-- k8s` for a part of it. Before anything is timed, both engines must
//! give the same decision.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

mod workloads;

use std::sync::Arc;

use divan::{Bencher, black_box};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use stele_rego::vm::{Data, Input, Program, Request, Worker};
use stele_rego::{CompileOptions, SourceFile, compile, parse};
use workloads::Workload;

fn main() {
    for workload in [
        workloads::rbac(),
        workloads::k8s(),
        workloads::tfplan(),
        workloads::indexed(10),
    ] {
        let ours = Ours::new(&workload).decide(&workload);
        let theirs = Regorus::new(&workload).decide(&workload);
        let read = |bytes: &[u8]| -> serde_json::Value { serde_json::from_slice(bytes).unwrap() };
        assert_eq!(
            read(&ours),
            read(&theirs),
            "{} is decided differently",
            workload.entry_point
        );
        eprintln!(
            "{}: {} bytes of input, {} bytes of decision",
            workload.entry_point,
            workload.input.len(),
            ours.len()
        );
    }
    divan::main();
}

struct Ours {
    program: Program,
    data: Data,
    worker: Worker,
    out: Vec<u8>,
}

impl Ours {
    fn new(workload: &Workload) -> Self {
        let source = SourceFile::new(workload.file, workload.policy.as_str());
        let module = parse(&source).unwrap();
        let entry_point = workload.entry_point.parse().unwrap();
        let policy = compile(&[module], &[entry_point], &CompileOptions::default()).unwrap();
        let program = Program::new(&policy).unwrap();
        let document =
            stele_types::json::parse(&workload.data, &stele_types::json::Limits::default()).unwrap();
        let data = program.data(&document).unwrap();
        Self {
            program,
            data,
            worker: Worker::default(),
            out: Vec::new(),
        }
    }

    fn decide(&mut self, workload: &Workload) -> Vec<u8> {
        self.run(workload);
        self.out.clone()
    }

    fn run(&mut self, workload: &Workload) {
        let request = Request::new(&workload.entry_point, Input::Json(black_box(&workload.input)));
        let outcome = self.worker.evaluate(&self.program, &self.data, &request).unwrap();
        self.out.clear();
        outcome.write_json(&mut self.out);
    }
}

struct Regorus {
    vm: RegoVM,
}

impl Regorus {
    fn new(workload: &Workload) -> Self {
        let mut engine = regorus::Engine::new();
        engine
            .add_policy(workload.file.to_owned(), workload.policy.clone())
            .unwrap();
        let data = regorus::Value::from_json_str(std::str::from_utf8(&workload.data).unwrap()).unwrap();
        engine.add_data(data.clone()).unwrap();
        let rule = format!("data.{}", workload.entry_point.replace('/', "."));
        let compiled = engine
            .compile_with_entrypoint(&regorus::Rc::from(rule.as_str()))
            .unwrap();
        let program = Compiler::compile_from_policy(&compiled, &[&rule]).unwrap();
        let mut vm = RegoVM::new();
        vm.set_max_instructions(usize::MAX);
        vm.load_program(program);
        vm.set_data(data).unwrap();
        Self { vm }
    }

    fn decide(&mut self, workload: &Workload) -> Vec<u8> {
        let input = std::str::from_utf8(black_box(&workload.input)).unwrap();
        self.vm.set_input(regorus::Value::from_json_str(input).unwrap());
        let result = self.vm.execute().unwrap();
        result.to_json_str().unwrap().into_bytes()
    }
}

fn ours(bencher: Bencher<'_, '_>, workload: &Workload) {
    let mut engine = Ours::new(workload);
    bencher.bench_local(|| engine.run(workload));
}

fn regorus(bencher: Bencher<'_, '_>, workload: &Workload) {
    let mut engine = Regorus::new(workload);
    bencher.bench_local(|| black_box(engine.decide(workload)));
}

macro_rules! compared {
    ($($name:ident),*) => {$(
        mod $name {
            use divan::Bencher;

            #[divan::bench]
            fn vm(bencher: Bencher<'_, '_>) {
                super::ours(bencher, &super::workloads::$name());
            }

            #[divan::bench]
            fn regorus(bencher: Bencher<'_, '_>) {
                super::regorus(bencher, &super::workloads::$name());
            }
        }
    )*};
}

compared!(rbac, k8s, tfplan);

/// A package of so many rules, one of which matches.
#[divan::bench(args = [10, 10_000])]
fn indexed(bencher: Bencher<'_, '_>, count: usize) {
    ours(bencher, &workloads::indexed(count));
}

/// The same question on so many threads at once, each at its own pace: a sample takes a third of a second, so that the scheduler has long
/// placed the threads. The rate is that of one thread.
#[divan::bench(threads = [1, 2, 4], sample_size = 50_000, sample_count = 8)]
fn threads(bencher: Bencher<'_, '_>) {
    let workload = workloads::k8s();
    let shared = Arc::new(Ours::new(&workload));
    thread_local!(static WORKER: std::cell::RefCell<(Worker, Vec<u8>)> = std::cell::RefCell::default());
    bencher
        .counter(divan::counter::ItemsCount::new(1_usize))
        .bench(|| {
            WORKER.with_borrow_mut(|(worker, out)| {
                let request = Request::new(&workload.entry_point, Input::Json(black_box(&workload.input)));
                let outcome = worker.evaluate(&shared.program, &shared.data, &request).unwrap();
                out.clear();
                outcome.write_json(out);
            });
        });
}
