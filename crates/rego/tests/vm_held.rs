//! An input that is read once and asked about many times, against one that comes with each question.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use stele_rego::vm::value::Heap;
use stele_rego::vm::{Data, Input, Program, Request, VmError, Worker};
use stele_rego::{CompileOptions, SourceFile};
use stele_types::{EntryPoint, Value, json};

const QUESTIONS: [&str; 5] = ["a/all", "a/made", "a/numbers", "a/conflict", "a/replaced"];

fn program() -> Program {
    let text = "package a

all := input

made := {sprintf(\"%v\", [path]): value | walk(input, [path, value])}

numbers contains x * 1000000000000000000000 if {
	walk(input, [_, x])
	is_number(x)
}

conflict := x if some x in input

replaced := y if {
	y := made with input.b as {\"c\": concat(\"\", [\"a\", \"b\"])}
}
";
    let module = stele_rego::parse(&SourceFile::new("a.rego", text)).unwrap();
    let entry_points = QUESTIONS.map(|name| EntryPoint::new(name).unwrap());
    Program::new(&stele_rego::compile(&[module], &entry_points, &CompileOptions::default()).unwrap()).unwrap()
}

fn ask(worker: &mut Worker, program: &Program, data: &Data, name: &str, input: Input<'_>) -> String {
    match worker.evaluate(program, data, &Request::new(name, input)) {
        Ok(outcome) => format!("{:?}", outcome.to_value()),
        Err(error) => error.to_string(),
    }
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-c\"\\\\]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]".prop_map(Value::from), inner, 0..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_held_stays_as_it_was(
        value in document(),
        order in proptest::collection::vec(0..QUESTIONS.len(), 1..12),
        text in any::<bool>(),
    ) {
        let program = program();
        let data = program.data(&Value::object([])).unwrap();
        let bytes = json::to_vec(&value);
        let input = if text { Input::Json(&bytes) } else { Input::Value(&value) };
        let (mut holds, mut reads) = (Worker::default(), Worker::default());
        holds.hold(&program, input, (&json::Limits::default(), 1 << 20)).unwrap();
        for name in order.into_iter().filter_map(|place| QUESTIONS.get(place)) {
            let held = ask(&mut holds, &program, &data, name, Input::Held);
            prop_assert_eq!(held, ask(&mut reads, &program, &data, name, input), "{}", name);
        }
    }
}

#[test]
fn nothing_is_held_that_was_not_read_for_this_program_or_is_gone() {
    let (program, other) = (self::program(), self::program());
    let data = program.data(&Value::object([])).unwrap();
    let others = other.data(&Value::object([])).unwrap();
    let mut worker = Worker::default();
    let limits = json::Limits::default();
    let held = Request::new("a/all", Input::Held);
    let is_held =
        |worker: &mut Worker, program: &Program, data: &Data| match worker.evaluate(program, data, &held) {
            Ok(outcome) => Some(outcome.to_json()),
            Err(VmError::NothingHeld) => None,
            Err(other) => Some(other.to_string().into_bytes()),
        };
    assert_eq!(is_held(&mut worker, &program, &data), None);
    worker
        .hold(&program, Input::Json(b"[7]"), (&limits, 1 << 20))
        .unwrap();
    assert_eq!(is_held(&mut worker, &program, &data).unwrap(), b"[7]");
    assert_eq!(is_held(&mut worker, &other, &others), None);
    assert_eq!(is_held(&mut worker, &program, &data).unwrap(), b"[7]");
    let own = Request::new("a/all", Input::Json(b"8"));
    assert_eq!(worker.evaluate(&program, &data, &own).unwrap().to_json(), b"8");
    assert_eq!(is_held(&mut worker, &program, &data), None);
    worker
        .hold(&program, Input::Json(b"[7]"), (&limits, 1 << 20))
        .unwrap();
    worker.release();
    assert_eq!(is_held(&mut worker, &program, &data), None);
    assert!(
        worker
            .hold(&program, Input::Json(b"[7"), (&limits, 1 << 20))
            .is_err()
    );
    assert!(
        worker
            .hold(&program, Input::Json(b"[77777]"), (&limits, 4))
            .is_err()
    );
    assert_eq!(is_held(&mut worker, &program, &data), None);
}

#[test]
fn the_document_of_a_held_member_can_be_looked_at() {
    let program = program();
    let data = program.data(&Value::object([])).unwrap();
    let mut worker = Worker::default();
    let look = |worker: &mut Worker, json: &str| {
        let input = Input::JsonMember {
            json: json.as_bytes(),
            name: "input",
        };
        worker
            .hold(&program, input, (&json::Limits::default(), 1 << 20))
            .unwrap();
        let look = |heap: &Heap<'_>, document, repeats| {
            let name = heap.field_by_text(document, "name");
            (heap.as_text(name).map(str::to_owned), repeats)
        };
        let looked = worker.look_at_held(&program, &data, look).unwrap();
        let asked = worker.evaluate(&program, &data, &Request::new("a/all", Input::Held));
        (looked, asked.unwrap().to_json())
    };
    let named = |repeats| (Some("c".to_owned()), repeats);
    for _ in 0..2 {
        let (looked, input) = look(&mut worker, r#"{"input": [1, {"b": 2}], "name": "\u0063"}"#);
        assert_eq!((looked, input), (named(false), br#"[1,{"b":2}]"#.to_vec()));
        // Of equal keys the last is what there is, wherever they stand.
        let (looked, input) = look(
            &mut worker,
            r#"{"input": [1], "name": "a", "input": [2], "name": "c"}"#,
        );
        assert_eq!((looked, input), (named(true), b"[2]".to_vec()));
        let (looked, input) = look(&mut worker, r#"{"name": "c", "input": [{"x": 1, "x": 2}]}"#);
        assert_eq!((looked, input), (named(true), br#"[{"x":2}]"#.to_vec()));
    }
    let (looked, input) = look(&mut worker, r#"{"other": 1}"#);
    assert_eq!((looked, input), ((None, false), Vec::new()));
    worker.release();
    let looked = worker.look_at_held(&program, &data, |_, _, _| ());
    assert_eq!(looked, Err(VmError::NothingHeld));
}
