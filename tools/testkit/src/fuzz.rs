//! What must hold for any bytes at all. Each function panics when it does not; `tools/fuzz` drives them with libFuzzer, and
//! `tests/fuzz.rs` with damaged copies of real files on every run of the tests.
#![allow(clippy::panic, reason = "a fuzzer takes a panic for a finding")]

use stele_rego::eval::{Context, EvalError, Evaluator, Limits, NoTrace};
use stele_rego::format::{self, FormatError, tree};
use stele_rego::ir::{self, text};
use stele_rego::vm::{Input, Program, Request, VmError, Worker};
use stele_rego::{CompileOptions, SourceFile, compile_query, parse, parse_query};
use stele_types::{Value, json};

use crate::engines::evaluator::{failure, outcome};
use crate::engines::wild::Wild;
use crate::engines::{Engine, EvaluatorEngine, Outcome, VmEngine, differential};

/// Longest input that is looked at, in bytes: what is longer finds nothing new and runs slowly.
const LONGEST: usize = 16 << 10;

/// Bounds of one evaluation. Small, since most of what chance makes either ends at once or never.
const LIMITS: Limits<'static> = Limits {
    instructions: 20_000,
    depth: 128,
    memory: 4 << 20,
    deadline: None,
};

/// Bytes as a Rego module: every error has a place in the text and renders; what parses is formatted for good and keeps its tree;
/// what compiles is the same for the evaluator and the VM.
///
/// # Panics
/// When that does not hold.
pub fn source(bytes: &[u8]) {
    let Some(module_text) = readable(bytes) else {
        return;
    };
    let source = SourceFile::new("fuzz.rego", module_text);
    let module = match parse(&source) {
        Ok(module) => module,
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without an error");
            for error in errors {
                assert!(!error.render(module_text).is_empty(), "an error without a text");
            }
            return;
        }
    };
    formatted(&source, &module);
    let query_source = SourceFile::new("query", "x = data");
    let Ok(query) = parse_query(&query_source) else {
        panic!("`x = data` is a query");
    };
    // Types are checked too, and what fails that check runs all the same.
    let modules = [module];
    let mut options = CompileOptions::default();
    let typed = compile_query(&modules, &query_source, &query, &options);
    options.check_types = false;
    match compile_query(&modules, &query_source, &query, &options) {
        Err(errors) => assert!(!errors.is_empty() && typed.is_err(), "refused without an error"),
        Ok(policy) => {
            let printed = text::print(&policy);
            assert_eq!(text::parse(&printed).as_ref(), Ok(&policy), "{printed}");
            let input = Value::object([(Value::from("a"), Value::from(1))]);
            agree(&policy, "eval", Some(&input)).unwrap_or_else(|why| panic!("{why}\n{module_text}"));
        }
    }
}

fn formatted(source: &SourceFile, module: &stele_rego::ast::Module) {
    let once = match format::format(source) {
        Ok(once) => once,
        Err(FormatError::Syntax(errors)) => panic!("it parses, and then it does not: {errors:?}"),
        // The formatter says itself that it would lose something.
        Err(_) => return,
    };
    let again = SourceFile::new("fuzz.rego", once.as_str());
    let reparsed = parse(&again).unwrap_or_else(|errors| panic!("{errors:?}\n{once}"));
    assert_eq!(tree::outline(module), tree::outline(&reparsed), "{once}");
    let twice = format::format(&again).unwrap_or_else(|error| panic!("{error}\n{once}"));
    assert_eq!(once, twice, "not formatted for good");
}

/// Bytes as `plan.json`: a plan that our verifier takes runs to the same end on the evaluator and the VM.
///
/// # Panics
/// When it does not.
pub fn plan(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let Ok(policy) = serde_json::from_slice::<ir::Policy>(bytes) else {
        return;
    };
    if ir::verify(&policy).is_err() {
        assert!(
            Program::new(&policy).is_err(),
            "the VM takes what the verifier refuses"
        );
        return;
    }
    let printed = text::print(&policy);
    assert_eq!(text::parse(&printed).as_ref(), Ok(&policy), "{printed}");
    for plan in &policy.plans {
        agree(&policy, &plan.name, None).unwrap_or_else(|why| panic!("{why}\n{printed}"));
    }
}

/// Bytes as JSON: the VM's parser takes what the parser of values takes, and reads the same.
///
/// # Panics
/// When they differ.
pub fn input(bytes: &[u8]) {
    if bytes.len() > LONGEST {
        return;
    }
    let limits = json::Limits {
        max_bytes: LONGEST,
        max_depth: 16,
    };
    let slow = json::parse(bytes, &limits);
    let program = IDENTITY.with(std::rc::Rc::clone);
    let (program, data) = &*program;
    let request = Request {
        input_limits: limits,
        ..Request::new("eval", Input::Json(bytes))
    };
    let mut worker = Worker::default();
    let fast = worker.evaluate(program, data, &request);
    match (slow, fast) {
        (Err(slow), Err(VmError::Input(fast))) => assert_eq!(slow.to_string(), fast.to_string()),
        (Ok(value), Ok(outcome)) => {
            assert_eq!(
                outcome.results().first().and_then(|r| r.get("result")),
                Some(&value)
            );
            assert_eq!(outcome.to_json(), json::to_vec(&value));
        }
        (slow, fast) => panic!(
            "{slow:?}, and the VM: {:?}",
            fast.map(|outcome| outcome.results())
        ),
    }
}

thread_local! {
    /// A program that answers its input, and no data.
    static IDENTITY: std::rc::Rc<(Program, stele_rego::vm::Data)> = std::rc::Rc::new(identity());
}

fn identity() -> (Program, stele_rego::vm::Data) {
    let source = SourceFile::new("query", "result = input");
    let built = parse_query(&source)
        .and_then(|query| compile_query(&[], &source, &query, &CompileOptions::default()))
        .map(|policy| Program::new(&policy));
    match built {
        Ok(Ok(program)) => match program.data(&Value::object([])) {
            Ok(data) => (program, data),
            Err(error) => panic!("{error}"),
        },
        other => panic!("a query that is `input` alone compiles: {other:?}"),
    }
}

/// Bytes as the choices of the policy generator (the first eight) and an input in JSON (the rest): evaluator and VM agree.
///
/// # Panics
/// When they do not.
pub fn policy(bytes: &[u8]) {
    let Some((seed, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let wild = Wild::from_seed(u64::from_le_bytes(*seed), 1);
    let given = json::parse(rest, &json::Limits::default()).ok();
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(EvaluatorEngine::default()),
        Box::new(VmEngine::default()),
    ];
    for mut case in wild.cases() {
        if case.policy.plan().is_err() {
            return;
        }
        if given.is_some() {
            case.input = given.clone();
        }
        if let Err(mismatch) = differential(&mut engines, &case) {
            panic!("{mismatch}");
        }
    }
}

fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (text.len() <= LONGEST).then_some(text)
}

/// Runs an entry point on the evaluator and on the VM. The error says how they differ.
fn agree(policy: &ir::Policy, entry_point: &str, input: Option<&Value>) -> Result<(), String> {
    let data = Value::object([]);
    let evaluator = Evaluator::new(policy).map_err(|error| format!("the evaluator refuses: {error}"))?;
    let slow = evaluator.evaluate(
        entry_point,
        input,
        &data,
        &Context::default(),
        &LIMITS,
        &mut NoTrace,
    );
    let program = Program::new(policy).map_err(|error| format!("the VM refuses: {error}"))?;
    let data = program.data(&data).map_err(|error| error.to_string())?;
    let request = Request {
        limits: LIMITS,
        ..Request::new(entry_point, input.map_or(Input::Undefined, Input::Value))
    };
    let mut worker = Worker::default();
    let fast = match worker.evaluate(&program, &data, &request) {
        Ok(outcome) => Ok(outcome.results()),
        Err(VmError::Eval(error)) => Err(error),
        Err(error) => return Err(format!("the VM: {error}")),
    };
    match (&slow, &fast) {
        (Ok(slow), Ok(fast)) if same(slow, fast) => Ok(()),
        // They count work and memory in their own ways.
        (Err(error), _) if limited(error) => Ok(()),
        (_, Err(error)) if limited(error) => Ok(()),
        (Err(slow), Err(fast)) if failure(slow) == failure(fast) => Ok(()),
        _ => Err(format!("the evaluator answers {slow:?}, the VM {fast:?}")),
    }
}

fn limited(error: &EvalError) -> bool {
    matches!(failure(error), Outcome::Refused(_))
}

/// True when both have the same results, in any order; one result is compared as decisions are made.
fn same(one: &[Value], other: &[Value]) -> bool {
    let sorted = |results: &[Value]| {
        let mut results = results.to_vec();
        results.sort();
        results
    };
    sorted(one) == sorted(other) && (one.len() != 1 || outcome(one) == outcome(other))
}
