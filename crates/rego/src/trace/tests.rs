use stele_types::{EntryPoint, Value, json};

use super::*;
use crate::eval::{EvalError, LimitKind, Limits};
use crate::vm::{Data, Input, Program, Request, Worker};
use crate::{CompileOptions, SourceFile, compile, compile_traced, parse};

const POLICY: &str = r#"package a

default allow := false

allow if {
	input.user == "root"
	count(deny) == 0
}

allow if {
	some role in input.roles
	role.name == "admin"
	trace(sprintf("role %v", [role.level]))
	role.level > 3
}

deny contains msg if {
	some i, x in input.xs
	not trusted(x)
	msg := sprintf("%d", [i])
}

trusted(x) if x > 3

all if every x in input.xs { x > 1 }
"#;

const INPUT: &str = r#"{
	"user": "bob",
	"roles": [{"name": "guest", "level": 9}, {"name": "admin", "level": 1}, {"name": "admin", "level": 5}],
	"xs": [1, 5]
}"#;

fn value(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

/// The answer of the plain program, and the trace of the traced one, which must answer the same.
fn traced(policy: &str, entry_point: &str, input: &str) -> (Option<Value>, Map, Trace) {
    let (answer, map, trace, _) = printed(policy, entry_point, input);
    (answer, map, trace)
}

/// What an evaluation printed, each line with its place.
type Prints = Vec<(crate::eval::At, String)>;

/// As [`traced`], and what was printed.
fn printed(policy: &str, entry_point: &str, input: &str) -> (Option<Value>, Map, Trace, Prints) {
    let modules = [parse(&SourceFile::new("a.rego", policy)).unwrap()];
    let entry_points = [EntryPoint::new(entry_point).unwrap()];
    let options = CompileOptions::default().with_print();
    let plain = compile(&modules, &entry_points, &options).unwrap();
    let (plan, map) = compile_traced(&modules, &entry_points, &options).unwrap();
    let input = value(input);
    let mut worker = Worker::default();
    let plain = Program::new(&plain).unwrap();
    let data = plain.data(&Value::object([])).unwrap();
    let request = Request::new(entry_point, Input::Value(&input));
    let answer = worker.evaluate(&plain, &data, &request).unwrap().to_value();
    let program = Program::new(&plan).unwrap();
    let data = program.data(&Value::object([])).unwrap();
    let mut recorder = Recorder::new(&map, 10_000);
    let mut prints = Prints::new();
    let mut both: Vec<&mut dyn crate::vm::Probe> = vec![&mut recorder, &mut prints];
    let outcome = worker
        .evaluate_probed(&program, &data, &request, &mut both)
        .unwrap();
    assert_eq!(outcome.to_value(), answer);
    let trace = recorder.finish();
    (answer, map, trace, prints)
}

/// The rule `allow` of [`POLICY`], compiled with points, without data.
fn allow_traced() -> (Program, Data, Map) {
    let modules = [parse(&SourceFile::new("a.rego", POLICY)).unwrap()];
    let entry_points = [EntryPoint::new("a/allow").unwrap()];
    let (plan, map) = compile_traced(&modules, &entry_points, &CompileOptions::default()).unwrap();
    let program = Program::new(&plan).unwrap();
    let data = program.data(&Value::object([])).unwrap();
    (program, data, map)
}

fn lines(entry_point: &str, mode: Mode) -> String {
    let (_, map, trace) = traced(POLICY, entry_point, INPUT);
    map.pretty(&mode.filter(trace.events)).join("\n")
}

#[test]
fn a_trace_tells_what_was_tried_in_the_order_of_the_source() {
    insta::assert_snapshot!(lines("a/allow", Mode::Full));
}

#[test]
fn negations_and_functions_are_evaluations_of_their_own() {
    insta::assert_snapshot!(lines("a/deny", Mode::Full));
}

#[test]
fn every_is_evaluated_once_for_each_member() {
    insta::assert_snapshot!(lines("a/all", Mode::Debug));
}

#[test]
fn failures_are_shown_with_the_queries_around_them() {
    let wanted = [
        "query:1      Enter data.a.allow = _",
        "a.rego:5     | Enter data.a.allow",
        "a.rego:6     | | Fail input.user = \"root\"",
        "a.rego:10    | Enter data.a.allow",
        "a.rego:12    | | Fail role.name = \"admin\"",
        "a.rego:14    | | Fail __local6__ > 3",
    ];
    assert_eq!(lines("a/allow", Mode::Fails), wanted.join("\n"));
}

#[test]
fn operands_are_shown_without_the_negations_that_they_become() {
    let policy = "package a\nimport future.keywords.and\nimport future.keywords.or\nallow if input.a == 1 or input.b == 2 and input.c\n";
    let (_, map, trace) = traced(policy, "a/allow", r#"{"b": 2}"#);
    let lines = map.pretty(&Mode::Fails.filter(trace.events)).join("\n");
    assert!(
        lines.contains("Fail input.a = 1 or { input.b = 2; input.c }"),
        "{lines}"
    );
    assert!(lines.contains("Fail input.c"), "{lines}");
}

#[test]
fn notes_are_shown_with_the_queries_around_them() {
    let wanted = [
        "query:1      Enter data.a.allow = _",
        "a.rego:10    | Enter data.a.allow",
        "a.rego:13    | | Note \"role 1\"",
        "a.rego:13    | | Note \"role 5\"",
    ];
    assert_eq!(lines("a/allow", Mode::Notes), wanted.join("\n"));
    assert_eq!(lines("a/allow", Mode::Off), "");
}

#[test]
fn events_have_the_shape_of_opa() {
    let (_, map, trace) = traced(POLICY, "a/allow", INPUT);
    let failed = trace.events.iter().rfind(|event| event.op == Op::Fail).unwrap();
    let wanted = serde_json::json!({
        "op": "fail",
        "query_id": 2,
        "parent_id": 0,
        "type": "expr",
        "node": {"index": 7, "terms": [
            {"type": "ref", "value": [{"type": "var", "value": "gt"}]},
            {"type": "var", "value": "__local6__"},
            {"type": "number", "value": 3},
        ]},
        "locals": [{
            "key": {"type": "var", "value": "role"},
            "value": {"type": "object", "value": [
                [{"type": "string", "value": "level"}, {"type": "number", "value": 1}],
                [{"type": "string", "value": "name"}, {"type": "string", "value": "admin"}],
            ]},
        }],
        "location": {"file": "a.rego", "row": 14, "col": 2},
    });
    assert_eq!(map.to_json(failed), wanted);
    let note = trace.events.iter().find(|event| event.op == Op::Note).unwrap();
    assert_eq!(map.to_json(note)["message"], "role 1");
    let rule = trace
        .events
        .iter()
        .find(|event| map.rule(event.node).is_some())
        .unwrap();
    let shown = map.to_json(rule);
    assert_eq!((&shown["op"], &shown["type"]), (&"enter".into(), &"rule".into()));
    assert_eq!(shown["node"]["head"]["name"], "allow");
    assert_eq!(shown["node"]["body"][0]["terms"][0]["value"][0]["value"], "eq");
}

#[test]
fn events_know_what_references_led_to() {
    let (_, map, trace) = traced(POLICY, "a/allow", INPUT);
    let failed = trace.events.iter().find(|event| event.op == Op::Fail).unwrap();
    assert_eq!(
        map.references(failed),
        [("input.user".to_owned(), Some(Value::from("bob")))]
    );
    let ended = trace.events.iter().find(|event| event.op == Op::Exit).unwrap();
    let found = map.references(ended);
    assert!(
        found.contains(&("role.level".to_owned(), Some(Value::from(5)))),
        "{found:?}"
    );
    assert_eq!(ended.value, Some(Value::Bool(true)));
}

#[test]
fn a_recorder_keeps_as_many_events_as_it_may() {
    let (program, data, map) = allow_traced();
    let input = value(INPUT);
    let mut recorder = Recorder::new(&map, 3);
    let request = Request::new("a/allow", Input::Value(&input));
    Worker::default()
        .evaluate_probed(&program, &data, &request, &mut recorder)
        .unwrap();
    let trace = recorder.finish();
    assert_eq!(trace.events.len(), 3);
    let (_, _, whole) = traced(POLICY, "a/allow", INPUT);
    assert_eq!(trace.dropped, whole.events.len() as u64 - 3);
}

#[test]
fn prints_are_lines_with_all_combinations_of_values() {
    let policy = "package a\n\np if {\n\tprint(\"x is\", input.x, [1, \"s\"], input.gone)\n\tprint()\n\tinput.x == 1\n}\n";
    let (answer, _, _, prints) = printed(policy, "a/p", r#"{"x": 1}"#);
    assert_eq!(answer, Some(Value::Bool(true)));
    let prints: Vec<String> = prints.iter().map(|(at, line)| format!("{at} {line}")).collect();
    assert_eq!(
        prints,
        ["a.rego:4:2 x is 1 [1, \"s\"] <undefined>", "a.rego:5:2 "]
    );
}

#[test]
fn the_same_result_of_a_rule_is_not_found_twice() {
    let policy = "package a\n\np if { q; q }\n\nq if input.x\n";
    let (_, map, trace) = traced(policy, "a/p", r#"{"x": 1}"#);
    let entered = trace.events.iter().filter(|event| {
        event.op == Op::Enter && map.rule(event.node).is_some_and(|rule| &*rule.path == "data.a.q")
    });
    assert_eq!(entered.count(), 1);
}

#[test]
fn a_profile_counts_lines_and_times_them() {
    let (program, data, map) = allow_traced();
    let input = value(INPUT);
    let request = Request::new("a/allow", Input::Value(&input));
    let ticks = std::cell::Cell::new(0);
    let clock = || {
        ticks.set(ticks.get() + 1);
        std::time::Duration::from_nanos(ticks.get())
    };
    let mut profiler = Profiler::new(&map, &clock);
    Worker::default()
        .evaluate_probed(&program, &data, &request, &mut profiler)
        .unwrap();
    let costs = profiler.finish();
    let of = |row: u32| {
        costs
            .iter()
            .find(|cost| cost.location.row == row && &*cost.location.file == "a.rego")
            .unwrap()
    };
    let counts = |cost: &Cost| (cost.evaluations, cost.redos, cost.expressions);
    assert_eq!(counts(of(6)), (1, 0, 1), "the comparison failed");
    assert_eq!(counts(of(11)), (2, 4, 2), "a reference, and three roles");
    assert_eq!(counts(of(12)), (3, 2, 1));
    assert_eq!(
        (of(12).location.col, costs[0].location.file.as_ref()),
        (2, "a.rego")
    );
    let total: u128 = costs.iter().map(|cost| cost.time.as_nanos()).sum();
    // All ticks but those before the first expression began.
    assert_eq!(total, u128::from(ticks.get()) - 3);
}

#[test]
fn hits_are_lines_that_were_evaluated_and_heads_that_held() {
    let (program, data, map) = allow_traced();
    let mut hits = Hits::new(&map);
    let mut lines = |input: &str| {
        let input = value(input);
        let request = Request::new("a/allow", Input::Value(&input));
        Worker::default()
            .evaluate_probed(&program, &data, &request, &mut hits)
            .unwrap();
        hits.lines()["a.rego"].iter().copied().collect::<Vec<u32>>()
    };
    assert_eq!(lines(r#"{"user": "bob"}"#), [3, 6, 11], "the default held");
    assert_eq!(lines(INPUT), [3, 6, 10, 11, 12, 13, 14]);
}

/// `v40`, whose parts hold one another twice, level by level: a few words, and a trillion of them written out.
fn doubled(rest: &str) -> String {
    let levels = (1..=40).map(|level| format!("v{level} := [v{0}, v{0}]\n", level - 1));
    format!(
        "package a\n\nv0 := [input.x]\n{}\n{rest}",
        levels.collect::<String>()
    )
}

#[test]
fn printing_is_charged_for_what_is_written_out() {
    let stopped = |rest: &str, limits: Limits<'_>| {
        let modules = [parse(&SourceFile::new("a.rego", doubled(rest))).unwrap()];
        let entry_points = [EntryPoint::new("a/p").unwrap()];
        let options = CompileOptions::default().with_print();
        let program = Program::new(&compile(&modules, &entry_points, &options).unwrap()).unwrap();
        let data = program.data(&Value::object([])).unwrap();
        let input = value(r#"{"x": 1}"#);
        let request = Request {
            limits,
            ..Request::new("a/p", Input::Value(&input))
        };
        let mut prints = Prints::new();
        let outcome = Worker::default()
            .evaluate_probed(&program, &data, &request, &mut prints)
            .map(|outcome| outcome.to_value());
        match outcome {
            Ok(answer) => Ok(answer),
            Err(crate::vm::VmError::Eval(error)) => match *error {
                EvalError::Limit { limit, .. } => Err(limit),
                other => panic!("{other}"),
            },
            Err(other) => panic!("{other}"),
        }
    };
    let memory = Limits {
        memory: 1 << 20,
        ..Limits::default()
    };
    let instructions = Limits {
        instructions: 2_000,
        ..Limits::default()
    };
    assert_eq!(
        stopped("p if {\n\tprint(v40)\n}\n", memory),
        Err(LimitKind::Memory)
    );
    assert_eq!(
        stopped("p if {\n\tprint(v40)\n}\n", instructions),
        Err(LimitKind::Instructions)
    );
    // Each combination is a line; each line is large.
    let product = "p if {\n\tprint(sprintf(\"%01000d\", [1]), [v8, v8, v8, v8])\n}\n";
    assert_eq!(stopped(product, memory), Ok(Some(Value::Bool(true))));
    // Many that would fit one by one.
    let many = "p if {\n\tevery i in numbers.range(1, 200) {\n\t\tprint(i, v8)\n\t}\n}\n";
    assert_eq!(stopped(many, memory), Ok(Some(Value::Bool(true))));
    let many = many.replace("200", "1000");
    assert_eq!(stopped(&many, memory), Err(LimitKind::Memory));
    let dear = Limits {
        instructions: 9_000,
        ..Limits::default()
    };
    assert_eq!(stopped(&many, dear), Err(LimitKind::Instructions));
}

#[test]
fn a_trace_holds_no_value_that_is_too_large() {
    let modules = [parse(&SourceFile::new(
        "a.rego",
        doubled("p if {\n\tx := v40\n\tcount(x) == 2\n}\n"),
    ))
    .unwrap()];
    let entry_points = [EntryPoint::new("a/p").unwrap()];
    let (plan, map) = compile_traced(&modules, &entry_points, &CompileOptions::default()).unwrap();
    let program = Program::new(&plan).unwrap();
    let data = program.data(&Value::object([])).unwrap();
    let input = value(r#"{"x": 1}"#);
    let request = Request::new("a/p", Input::Value(&input));
    let mut recorder = Recorder::new(&map, 10_000);
    Worker::default()
        .evaluate_probed(&program, &data, &request, &mut recorder)
        .unwrap();
    let trace = recorder.finish();
    let large = |event: &Event| {
        let mut values = event.locals.iter();
        values.any(|(_, value)| *value == Value::from("<too large to be shown>"))
    };
    assert!(trace.events.iter().any(large));
}
