//! What the VM does at its limits: a typed error, soon, and the next question answered as ever.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

#[path = "support/both.rs"]
mod both;

use std::cell::Cell;
use std::fmt::Write as _;

use both::{Both, plan};
use stele_rego::eval::{EvalError, LimitKind, Limits};
use stele_rego::vm::value::ParseError;
use stele_rego::vm::{Data, Input, Program, Request, VmError, Worker};
use stele_types::Value;
use stele_types::json::{self, JsonErrorKind};

/// A policy with one worker that answers everything, data and a question with a known answer.
struct Bench {
    both: Both,
    data: Data,
    worker: Worker,
}

impl Bench {
    fn new(rules: &str, entry_points: &[&str]) -> Self {
        let text = format!("package a\n{rules}\nsane := [x | some x in [input.n, 2, input.n]]\n");
        let entry_points: Vec<&str> = entry_points.iter().copied().chain(["a/sane"]).collect();
        let both = Both::new(&plan(&[&text], &entry_points));
        let data = both.program.data(&Value::object([])).unwrap();
        Self {
            both,
            data,
            worker: Worker::default(),
        }
    }

    /// The answer, after which the worker must be well.
    fn ask(&mut self, entry_point: &str, input: &[u8], limits: Limits<'_>) -> Result<Option<Value>, VmError> {
        let request = Request {
            limits,
            ..Request::new(entry_point, Input::Json(input))
        };
        let answer = self
            .worker
            .evaluate(&self.both.program, &self.data, &request)
            .map(|outcome| outcome.to_value());
        let sane = Request::new("a/sane", Input::Json(br#"{"n": 1}"#));
        let outcome = self
            .worker
            .evaluate(&self.both.program, &self.data, &sane)
            .unwrap();
        assert_eq!(outcome.to_json(), b"[1,2,1]");
        answer
    }

    /// The limit that stops a question.
    fn stopped(&mut self, entry_point: &str, input: &[u8], limits: Limits<'_>) -> LimitKind {
        match self.ask(entry_point, input, limits) {
            Err(VmError::Eval(error)) => match *error {
                EvalError::Limit { limit, at } => {
                    assert_eq!(&*at.file, "0.rego");
                    assert!(at.row > 0);
                    limit
                }
                other => panic!("{other}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// The error of an input.
    fn refused(&mut self, input: &[u8]) -> json::JsonError {
        match self.ask("a/p", input, Limits::default()) {
            Err(VmError::Input(ParseError::Json(error))) => error,
            other => panic!("{other:?}"),
        }
    }

    /// The least value of a limit with which both engines answer; the VM's, then the evaluator's. Below, each fails with `kind`.
    fn thresholds(
        &mut self,
        input: &Value,
        most: u64,
        kind: LimitKind,
        limits: fn(u64) -> Limits<'static>,
    ) -> (u64, u64) {
        let empty = Value::object([]);
        let wanted = self
            .both
            .evaluator("a/p", Some(input), &empty, false, &Limits::default())
            .unwrap();
        let bytes = json::to_vec(input);
        let vm = threshold(
            most,
            |limit| match self.ask("a/p", &bytes, limits(limit)) {
                Ok(answer) => {
                    assert_eq!(answer.as_ref(), wanted[0].get("result"));
                    None
                }
                Err(VmError::Eval(error)) => Some(*error),
                Err(other) => panic!("{other}"),
            },
            kind,
        );
        let evaluator = threshold(
            most,
            |limit| {
                self.both
                    .evaluator("a/p", Some(input), &empty, false, &limits(limit))
                    .err()
            },
            kind,
        );
        (vm, evaluator)
    }
}

/// A document that is large only below its first level, given to a builtin that takes ordinary values: each call copies it whole.
#[test]
fn copies_for_builtins_are_charged_for_all_that_they_hold() {
    let rules = r#"p := count([1 | some _ in numbers.range(1, 100); json.remove(input, ["other"])])"#;
    let mut bench = Bench::new(rules, &["a/p"]);
    let deep = |count: usize| format!(r#"{{"deep": [[{}0]]}}"#, "0,".repeat(count)).into_bytes();
    let limits = Limits {
        instructions: 100_000,
        ..Limits::default()
    };
    assert_eq!(
        bench.ask("a/p", &deep(10), limits).unwrap(),
        Some(Value::from(100))
    );
    assert_eq!(
        bench.stopped("a/p", &deep(10_000), limits),
        LimitKind::Instructions
    );
}

/// The least limit that is enough.
fn threshold(most: u64, mut fails: impl FnMut(u64) -> Option<EvalError>, kind: LimitKind) -> u64 {
    let mut failed = |limit| match fails(limit) {
        None => false,
        Some(EvalError::Limit { limit, .. }) => {
            assert_eq!(limit, kind);
            true
        }
        Some(other) => panic!("{other}"),
    };
    let (mut low, mut high) = (0, most);
    assert!(failed(low) && !failed(high));
    while high - low > 1 {
        let middle = low.midpoint(high);
        if failed(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    // It is one threshold: what is below fails, what is above does not.
    for step in 1..20 {
        assert!(failed(high.saturating_sub(step * high / 20).min(low)));
        assert!(!failed(high + step * high / 20));
    }
    high
}

fn instructions(instructions: u64) -> Limits<'static> {
    Limits {
        instructions,
        ..Limits::default()
    }
}

fn memory(memory: u64) -> Limits<'static> {
    Limits {
        memory,
        ..Limits::default()
    }
}

fn depth(depth: u64) -> Limits<'static> {
    Limits {
        depth: u32::try_from(depth).unwrap(),
        ..Limits::default()
    }
}

const CROSS: &str = "p := count([1 | some x in input.list; some y in input.list; x < y])";

fn numbers(count: i64) -> Value {
    Value::object([("list".into(), Value::array((0..count).map(Value::from)))])
}

#[test]
fn instructions_are_limited_about_where_the_evaluator_limits_them() {
    let mut bench = Bench::new(CROSS, &["a/p"]);
    for count in [1, 10, 40] {
        let (vm, evaluator) =
            bench.thresholds(&numbers(count), 1 << 20, LimitKind::Instructions, instructions);
        // An operation of the one is not always one of the other.
        assert!(vm <= evaluator * 2 && evaluator <= vm * 4, "{vm} and {evaluator}");
        // The loop is paid for.
        assert!(vm >= u64::try_from(count * count).unwrap(), "{vm}");
    }
    assert_eq!(
        bench.stopped("a/p", b"{}", instructions(0)),
        LimitKind::Instructions
    );
}

#[test]
fn a_loop_over_everything_ends_at_its_limit() {
    let mut bench = Bench::new(CROSS, &["a/p"]);
    let input = json::to_vec(&numbers(50_000));
    assert_eq!(
        bench.stopped("a/p", &input, instructions(1_000_000)),
        LimitKind::Instructions
    );
    // The deadline is asked often enough to stop it as well.
    let asked = Cell::new(0_u64);
    let over = || {
        asked.set(asked.get() + 1);
        asked.get() > 100
    };
    let limits = Limits {
        deadline: Some(&over),
        ..Limits::default()
    };
    assert_eq!(bench.stopped("a/p", &input, limits), LimitKind::Deadline);
    assert_eq!(asked.get(), 101);
}

#[test]
fn the_deadline_is_asked_at_the_beginning_and_at_intervals() {
    let mut bench = Bench::new(CROSS, &["a/p"]);
    let passed = || true;
    let limits = Limits {
        deadline: Some(&passed),
        ..Limits::default()
    };
    assert_eq!(bench.stopped("a/p", b"{}", limits), LimitKind::Deadline);
    // As often as instructions were spent, give or take the last interval.
    let asked = Cell::new(0_u64);
    let count = || {
        asked.set(asked.get() + 1);
        false
    };
    let input = numbers(100);
    let (least, _) = bench.thresholds(&input, 1 << 20, LimitKind::Instructions, instructions);
    let limits = Limits {
        deadline: Some(&count),
        ..Limits::default()
    };
    bench.ask("a/p", &json::to_vec(&input), limits).unwrap();
    let wanted = least / Limits::DEADLINE_INTERVAL;
    assert!(
        (wanted..=wanted + 2).contains(&asked.get()),
        "{} for {least}",
        asked.get()
    );
}

#[test]
fn depth_counts_nested_calls() {
    let mut rules = "r0 := input.n\n".to_owned();
    for number in 1..=60 {
        writeln!(rules, "r{number} := [r{}]", number - 1).unwrap();
    }
    let mut bench = Bench::new(&format!("{rules}\np := r60\n"), &["a/p"]);
    let input = Value::object([("n".into(), 1.into())]);
    let (vm, evaluator) = bench.thresholds(&input, 512, LimitKind::Depth, depth);
    // The evaluator counts blocks as well, so what it can answer the VM can.
    assert!((60..=62).contains(&vm), "{vm}");
    assert!(vm <= evaluator, "{evaluator}");
}

#[test]
fn memory_is_what_the_arena_holds() {
    let mut bench = Bench::new(
        "p := count([[x, y] | some x in input.list; some y in input.list])",
        &["a/p"],
    );
    let input = json::to_vec(&numbers(100));
    // 10,000 arrays of two elements are three words each and one in the outer array, beside the input.
    let held: u64 = 10_000 * 8 * 4;
    assert_eq!(
        bench.stopped("a/p", &input, memory(held - 10_000)),
        LimitKind::Memory
    );
    assert!(bench.ask("a/p", &input, memory(held + 20_000)).is_ok());
    // The input counts too.
    assert_eq!(bench.stopped("a/p", &input, memory(500)), LimitKind::Memory);
}

#[test]
fn memory_of_builtins_is_limited_where_the_evaluator_limits_it() {
    let mut bench = Bench::new("p := count(numbers.range(1, input.n))", &["a/p"]);
    let input = Value::object([("n".into(), 10_000.into())]);
    let (vm, evaluator) = bench.thresholds(&input, 1 << 24, LimitKind::Memory, memory);
    // A native that makes no more than a word, as `count` does, is not charged for that.
    assert!((evaluator - 64..=evaluator).contains(&vm), "{vm} and {evaluator}");
}

#[test]
fn values_that_double_end_at_the_limit_of_memory() {
    let doubling = |start: &str, step: &str| {
        let mut body = format!("x0 := {start}\n");
        for number in 1..=60 {
            writeln!(
                body,
                "x{number} := {}",
                step.replace('@', &format!("x{}", number - 1))
            )
            .unwrap();
        }
        format!("p := count(x60) if {{\n{body}}}")
    };
    let limits = memory(8 << 20);
    for rules in [
        doubling("[1, 2]", "array.concat(@, @)"),
        doubling("\"ab\"", "concat(\"\", [@, @])"),
        doubling("\"ab\"", "sprintf(\"%s%s\", [@, @])"),
        doubling("\"ab\"", "strings.replace_n({\"a\": \"aa\", \"b\": \"bb\"}, @)"),
        doubling("\"ab\"", "json.marshal([@, @])"),
    ] {
        let mut bench = Bench::new(&rules, &["a/p"]);
        assert_eq!(bench.stopped("a/p", b"{}", limits), LimitKind::Memory, "{rules}");
    }
}

/// A value may hold another many times over. What is written out then is far larger than what is held.
#[test]
fn values_that_repeat_end_at_the_limit_of_memory() {
    let mut repeated = "x0 := [input.s]\n".to_owned();
    for number in 1..=40 {
        writeln!(repeated, "x{number} := [x{0}, x{0}]", number - 1).unwrap();
    }
    let rules = format!(
        "p := x40 if {{\n{repeated}}}\n\
         m := json.marshal(p)\n\
         c := concat(input.s, [input.s | some i in numbers.range(1, 10000)])\n\
         l := [input.s | some i in numbers.range(1, 10000)]\n\
         f := sprintf(\"{}\", [x | some i in numbers.range(1, 200); x := concat(\"\", [s | some i in numbers.range(1, 100); s := input.s])])\n\
         u := count(p)",
        "%s".repeat(200)
    );
    let mut bench = Bench::new(&rules, &["a/p", "a/m", "a/c", "a/l", "a/f", "a/u"]);
    let input = json::to_vec(&Value::object([("s".into(), "s".repeat(10_000).as_str().into())]));
    for entry_point in ["a/p", "a/m", "a/c", "a/l", "a/f"] {
        assert_eq!(
            bench.stopped(entry_point, &input, memory(16 << 20)),
            LimitKind::Memory,
            "{entry_point}"
        );
    }
    // What is not written out does not count.
    assert_eq!(bench.ask("a/u", &input, memory(16 << 20)), Ok(Some(2.into())));
}

/// A patch whose every step nests the document in itself.
#[test]
fn patches_end_at_the_limits() {
    let mut bench = Bench::new("p := json.patch(input.document, input.patch)", &["a/p"]);
    let patch = |paths: &[&str], times: usize| {
        let steps: Vec<String> = (0..times)
            .flat_map(|_| paths)
            .map(|path| format!(r#"{{"op":"copy","from":"","path":"{path}"}}"#))
            .collect();
        format!(r#"{{"document":{{"x":1}},"patch":[{}]}}"#, steps.join(","))
    };
    assert!(
        bench
            .ask("a/p", patch(&["/a"], 100).as_bytes(), Limits::default())
            .is_ok()
    );
    // Deeper than any stack.
    assert_eq!(
        bench.stopped("a/p", patch(&["/a"], 100_000).as_bytes(), Limits::default()),
        LimitKind::Depth
    );
    // Larger than any memory.
    let doubling = patch(&["/a", "/b"], 40);
    assert_eq!(
        bench.stopped("a/p", doubling.as_bytes(), memory(4 << 20)),
        LimitKind::Memory
    );
    assert_eq!(
        bench.stopped("a/p", doubling.as_bytes(), instructions(10_000)),
        LimitKind::Instructions
    );
}

/// What repeats is not kept.
#[test]
fn members_that_repeat_take_no_memory() {
    let mut bench = Bench::new(
        "p := count({x > y | some x in input.list; some y in input.list})",
        &["a/p"],
    );
    let input = json::to_vec(&numbers(300));
    assert_eq!(bench.ask("a/p", &input, memory(64 << 10)), Ok(Some(2.into())));
}

/// A value deep inside is part of every value around it.
#[test]
fn walking_copies_nothing() {
    let mut bench = Bench::new(
        "p := count([1 | walk(input, [_, \"x\"])])\nq := count([v | walk(input, [_, v])])",
        &["a/p", "a/q"],
    );
    let text = "s".repeat(1 << 20);
    let input = format!("{}[\"x\",\"{text}\"]{}", "{\"a\":".repeat(120), "}".repeat(120));
    assert_eq!(
        bench.ask("a/p", input.as_bytes(), memory(4 << 20)),
        Ok(Some(1.into()))
    );
    assert_eq!(
        bench.ask("a/q", input.as_bytes(), memory(4 << 20)),
        Ok(Some(123.into()))
    );
}

#[test]
fn replaced_documents_count() {
    let rules = "p := count([1 | some i in numbers.range(1, 100000); q with input.x as i])\nq if input.x > 0";
    let mut bench = Bench::new(rules, &["a/p"]);
    let keys: Vec<String> = (0..10_000)
        .map(|number| format!("\"key{number}\":{number}"))
        .collect();
    let input = format!("{{{}}}", keys.join(","));
    // Each replacement copies the input's ten thousand pairs.
    assert_eq!(
        bench.stopped("a/p", input.as_bytes(), memory(32 << 20)),
        LimitKind::Memory
    );
    let asked = Cell::new(0_u64);
    let over = || {
        asked.set(asked.get() + 1);
        asked.get() > 10
    };
    let limits = Limits {
        deadline: Some(&over),
        memory: u64::MAX,
        ..Limits::default()
    };
    assert_eq!(
        bench.stopped("a/p", input.as_bytes(), limits),
        LimitKind::Deadline
    );
}

#[test]
fn hostile_documents_are_refused_or_read() {
    let mut bench = Bench::new("p := count(input)", &["a/p"]);
    const MANY: usize = 10 << 20;
    for text in [
        "[".repeat(MANY),
        format!("{}{}", "[".repeat(MANY / 2), "]".repeat(MANY / 2)),
        "{\"a\":".repeat(MANY / 5),
    ] {
        let error = bench.refused(text.as_bytes());
        assert_eq!(error.kind, JsonErrorKind::TooDeep { limit: 128 });
        assert!([128, 128 * 5].contains(&error.offset), "{error}");
    }
    for digits in [
        "9".repeat(1_000_000),
        format!("0.{}", "1".repeat(1_000_000)),
        "1e1000000".to_owned(),
    ] {
        let error = bench.refused(format!("[{digits}]").as_bytes());
        assert!(matches!(error.kind, JsonErrorKind::Number(_)), "{error}");
        assert_eq!(error.offset, 1);
    }
    let wide = format!("[{}1]", "[],".repeat(MANY / 3));
    let elements = i64::try_from(MANY / 3 + 1).unwrap();
    assert_eq!(
        bench.ask("a/p", wide.as_bytes(), Limits::default()),
        Ok(Some(elements.into()))
    );
    assert_eq!(
        bench.stopped("a/p", wide.as_bytes(), memory(1 << 20)),
        LimitKind::Memory
    );
    let too_large = [b" ".repeat(64 << 20), b"1".to_vec()].concat();
    assert!(matches!(
        bench.refused(&too_large).kind,
        JsonErrorKind::TooLarge { .. }
    ));
}

#[test]
fn long_strings_are_handled_whole() {
    let rules = r#"
        p := [upper(s), count(s), count(split(s, "b")), contains(s, "bb"), regex.match("^[ab]*$", s), s == t]
        s := input.s
        t := concat("", [input.s, ""])
    "#;
    let mut bench = Bench::new(rules, &["a/p"]);
    let text = "ab".repeat(1 << 19);
    let input = json::to_vec(&Value::object([("s".into(), text.as_str().into())]));
    let wanted = Value::array([
        text.to_uppercase().as_str().into(),
        (1 << 20).into(),
        ((1 << 19) + 1).into(),
        false.into(),
        true.into(),
        true.into(),
    ]);
    assert_eq!(bench.ask("a/p", &input, Limits::default()), Ok(Some(wanted)));
    // Looking at a megabyte has its price.
    assert_eq!(
        bench.stopped("a/p", &input, instructions(4_000)),
        LimitKind::Instructions
    );
}

#[test]
fn what_does_not_fit_together_is_an_error() {
    let mut bench = Bench::new("p := input.n", &["a/p"]);
    let request = Request::new("a/none", Input::Undefined);
    let error = bench
        .worker
        .evaluate(&bench.both.program, &bench.data, &request)
        .unwrap_err();
    assert_eq!(
        error,
        Box::new(EvalError::UnknownEntryPoint("a/none".to_owned())).into()
    );
    let other = Program::new(&plan(&["package a\np := 1"], &["a/p"])).unwrap();
    let foreign = other.data(&Value::object([])).unwrap();
    let request = Request::new("a/p", Input::Undefined);
    let error = bench
        .worker
        .evaluate(&bench.both.program, &foreign, &request)
        .unwrap_err();
    assert_eq!(error, VmError::ForeignData);
    assert_eq!(
        bench.ask("a/p", br#"{"n": 5}"#, Limits::default()),
        Ok(Some(5.into()))
    );
}

/// A data document as organisations have them: users, their roles, hosts, some measurements.
fn organisation(bytes: usize) -> Value {
    let mut text = "{\"users\":{".to_owned();
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut number = 0;
    while text.len() < bytes / 2 {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            "{comma}\"user{number}\":{{\"email\":\"user{number}@example.com\",\"roles\":[\"role{}\",\"role{}\"],\"team\":\"team{}\",\
             \"active\":{},\"level\":{},\"manager\":\"user{}\"}}",
            random(40), random(40), random(300), random(2) == 0, random(9), random(number + 1)
        )
        .unwrap();
        number += 1;
    }
    text.push_str("},\"hosts\":[");
    number = 0;
    while text.len() < bytes {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            "{comma}{{\"name\":\"host-{number}.example.com\",\"address\":\"10.{}.{}.{}\",\"labels\":{{\"zone\":\"z{}\",\
             \"image\":\"registry.example.com/team{}/app:{}\"}},\"load\":{}.{},\"ports\":[22,443,{}]}}",
            random(256), random(256), random(256), random(6), random(300), random(50), random(100), random(100), random(65_536)
        )
        .unwrap();
        number += 1;
    }
    text.push_str("]}");
    let limits = json::Limits::default();
    json::parse(text.as_bytes(), &limits).unwrap()
}

#[test]
fn data_takes_at_most_twice_the_size_of_its_file() {
    let policy = plan(&["package a\np := data.users[input.user].roles"], &["a/p"]);
    let program = Program::new(&policy).unwrap();
    let document = organisation(10_100_000);
    let text = json::to_vec(&document);
    let file = text.len();
    assert!(file >= 10_000_000);
    let from_value = program.data(&document).unwrap();
    let data = program.data_from_json(&text, &json::Limits::default()).unwrap();
    for data in [&from_value, &data] {
        assert!(data.bytes() <= file * 2, "{} for {file}", data.bytes());
        assert!(data.bytes() > file / 8, "{} for {file}", data.bytes());
        // And it is all there.
        assert_eq!(data.lookup::<&str>(&[]).as_ref(), Some(&document));
    }
    let request = Request::new("a/p", Input::Json(br#"{"user": "user77"}"#));
    let mut worker = Worker::default();
    let outcome = worker.evaluate(&program, &data, &request).unwrap();
    assert_eq!(outcome.to_value(), data.lookup(&["users", "user77", "roles"]));
    assert!(outcome.is_defined());
}

/// `[[..., ...], [..., ...]]` of so many levels below `x`, each level held twice.
fn doubled(name: &str, levels: u32) -> String {
    let mut text = format!("{name}0 := [input.n]\n");
    for level in 1..=levels {
        writeln!(text, "{name}{level} := [{name}{0}, {name}{0}]", level - 1).unwrap();
    }
    text
}

/// Two values that hold their parts twice, level by level, take next to no memory and no end of time to compare.
#[test]
fn comparisons_of_values_that_repeat_end_at_the_limits() {
    let rules = [doubled("x", 60), doubled("y", 60)].concat();
    let asks = [
        "p := true if x60 == y60",
        "p := true if x60 != y60",
        "p := x60 < y60",
        "p := count({x60, y60})",
        "p := count({v | some v in [x60, y60, [x60, 1], [y60, 0]]})",
        "p := {x60}[y60]",
        "p := {x60: 1}[y60]",
        "p := count({k: 1 | some k in [x60, y60]})",
        "p := count({1: v | some v in [x60, y60]})",
        "p := y60 in [x60]",
        "p := y60 in {x60}",
        "p := x60\np := y60",
        "p := {x60, 1} & {y60, 1} == {1}",
        "p := sort([x60, y60]) == [x60, y60]",
        "p := max([x60, y60]) == x60",
    ];
    for ask in asks {
        let mut bench = Bench::new(&format!("{rules}{ask}"), &["a/p"]);
        let stopped = bench.stopped("a/p", br#"{"n":1}"#, instructions(100_000));
        // A builtin without a native form of its own is refused values that are large when written out.
        let expected = if ask.contains("sort") {
            LimitKind::Memory
        } else {
            LimitKind::Instructions
        };
        assert_eq!(stopped, expected, "{ask}");
        let asked = Cell::new(0_u64);
        let over = || {
            asked.set(asked.get() + 1);
            asked.get() > 10
        };
        let limits = Limits {
            deadline: Some(&over),
            ..Limits::default()
        };
        let stopped = bench.stopped("a/p", br#"{"n":1}"#, limits);
        let expected = if ask.contains("sort") {
            LimitKind::Memory
        } else {
            LimitKind::Deadline
        };
        assert_eq!(stopped, expected, "{ask}");
        if ask.contains('&') || ask.contains("sort") || ask.contains("max") {
            continue;
        }
        let input = Value::object([("n".into(), 1.into())]);
        let error = bench
            .both
            .evaluator(
                "a/p",
                Some(&input),
                &Value::object([]),
                false,
                &instructions(100_000),
            )
            .unwrap_err();
        let limited = matches!(
            error,
            EvalError::Limit {
                limit: LimitKind::Instructions,
                ..
            }
        );
        assert!(limited, "{ask}: {error}");
    }
}

/// The same values a few levels deep have an answer.
#[test]
fn comparisons_within_the_limits_have_their_answers() {
    let rules = [doubled("x", 9), doubled("y", 9)].concat();
    let ask =
        "p := [x9 == y9, x9 < y9, count({x9, y9, [x9, 1], [y9, 0], [y9, 1]}), {x9: 1}[y9], y9 in [0, x9]]";
    let mut bench = Bench::new(&format!("{rules}{ask}"), &["a/p"]);
    let answer = bench.ask("a/p", br#"{"n":1}"#, instructions(100_000)).unwrap();
    let wanted = json::parse(b"[true,false,3,1,true]", &json::Limits::default()).unwrap();
    assert_eq!(answer, Some(wanted));
}

/// An input is not read to its end before somebody looks at what it takes.
#[test]
fn reading_ends_at_the_limit_of_memory() {
    let mut bench = Bench::new("p := 1", &["a/p"]);
    let flat = format!("[{}1]", "1.5,".repeat(500_000));
    let words = format!("[{}1]", "1,".repeat(500_000));
    let nested = format!("[{}1]", r#"{"a":[1]},"#.repeat(100_000));
    // What cannot be read to its end is not found to be no JSON.
    for input in [flat, words, nested] {
        let broken = format!("{}}}", input.trim_end_matches(']'));
        let small = memory(broken.len() as u64 + 4_096);
        assert_eq!(bench.stopped("a/p", broken.as_bytes(), small), LimitKind::Memory);
        assert_eq!(
            bench.stopped("a/p", input.as_bytes(), memory(100)),
            LimitKind::Memory
        );
        assert_eq!(
            bench.ask("a/p", input.as_bytes(), Limits::default()),
            Ok(Some(1.into()))
        );
    }
}

/// `x0 := start`, then a collection of the one before, so often that all of them are more than constants may be, and yet have an end.
fn nested_often(start: &str, next: &str) -> String {
    let mut rules = format!("x(q) := x22 if {{\n\tx0 := {start}\n");
    for step in 1..=22 {
        let before = format!("x{}", step - 1);
        writeln!(rules, "\tx{step} := {}", next.replace('@', &before)).unwrap();
    }
    rules.push_str("\tq\n}\n");
    rules
}

#[test]
fn constants_of_shared_parts_are_not_written_out() {
    for (start, next, size) in [
        ("[1]", "[@, @]", 2),
        ("{\"z\": 1}", "{\"a\": @, \"b\": @}", 2),
        ("{1}", "{[@], [@, 1]}", 2),
        ("\"k\"", "{[@, @]: @}", 1),
        ("[1]", "[@]", 1),
    ] {
        let rules = format!("{}\np := count(x(input.n))\n", nested_often(start, next));
        let mut bench = Bench::new(&rules, &["a/p"]);
        let answer = bench.ask("a/p", br#"{"n": 1}"#, Limits::default()).unwrap();
        assert_eq!(answer, Some(Value::from(i64::from(size))), "{next}");
    }
}

#[test]
fn constants_that_nest_deeply_are_made_when_the_code_runs() {
    let mut rules = String::from("x(q) := x9000 if {\n\tx0 := [1]\n");
    for step in 1..=9000 {
        writeln!(rules, "\tx{step} := [x{}]", step - 1).unwrap();
    }
    rules.push_str("\tq\n}\np := count(x(input.n))\nwhole := x(input.n)\n");
    let mut bench = Bench::new(&rules, &["a/p", "a/whole"]);
    assert_eq!(
        bench.ask("a/p", br#"{"n": 1}"#, Limits::default()).unwrap(),
        Some(Value::from(1_i64))
    );
}

#[test]
fn texts_that_grow_by_products_of_inputs_are_charged_before_they_are_made() {
    let mut bench = Bench::new(
        r#"
p := count(regex.replace(input.text, "(?s).*", input.groups))
laid := count(json.marshal_with_options(input.list, {"prefix": input.text}))
deep := count(json.marshal_with_options([[[input.list]]], {"indent": input.text}))
"#,
        &["a/p", "a/laid", "a/deep"],
    );
    // Products of a terabyte.
    let input = Value::object([
        ("text".into(), Value::from("x".repeat(1 << 20))),
        ("groups".into(), Value::from("$0".repeat(1 << 20))),
        ("list".into(), Value::array((0..1 << 20).map(Value::from))),
    ]);
    let input = json::to_vec(&input);
    for entry_point in ["a/p", "a/laid", "a/deep"] {
        assert_eq!(
            bench.stopped(entry_point, &input, Limits::default()),
            LimitKind::Memory,
            "{entry_point}"
        );
    }
}

#[test]
fn patterns_times_texts_end_at_the_limits() {
    let mut bench = Bench::new(
        r#"
p := regex.match(input.pattern, input.text)
found := regex.find_n(input.pattern, input.text, -1)
parts := regex.split(input.pattern, input.text)
groups := regex.find_all_string_submatch_n(input.pattern, input.text, -1)
replaced := regex.replace(input.text, input.pattern, "")
templated := regex.template_match(concat("", ["<", input.pattern, ">"]), input.text, "<", ">")
schema := json.match_schema({"a": input.text}, {"properties": {"a": {"pattern": input.pattern}}})[0]
"#,
        &[
            "a/p",
            "a/found",
            "a/parts",
            "a/groups",
            "a/replaced",
            "a/templated",
            "a/schema",
        ],
    );
    // Which of the letters is the one before the others is known for none, so that each is gone through with each state of the pattern.
    let mut state = 1_u64;
    let letters = (0..20_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if state >> 63 == 0 { 'a' } else { 'b' }
    });
    let input = Value::object([
        ("text".into(), Value::from(letters.collect::<String>())),
        (
            "pattern".into(),
            Value::from(format!("[ab]*a{}c", "[ab]".repeat(1_000))),
        ),
    ]);
    let input = json::to_vec(&input);
    for entry_point in [
        "a/p",
        "a/found",
        "a/parts",
        "a/groups",
        "a/replaced",
        "a/templated",
        "a/schema",
    ] {
        let limits = Limits {
            instructions: 1_000_000,
            ..Limits::default()
        };
        assert_eq!(
            bench.stopped(entry_point, &input, limits),
            LimitKind::Instructions,
            "{entry_point}"
        );
    }
    assert_eq!(
        bench.ask("a/p", &input, Limits::default()).unwrap(),
        Some(Value::from(false))
    );
}
