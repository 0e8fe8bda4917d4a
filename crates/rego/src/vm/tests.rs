//! What lowering makes of plans, and what evaluations cost: counted in instructions, which do not depend on the machine.

use std::fmt::Write as _;

use proptest::prelude::*;
use stele_types::EntryPoint;

use super::code::Op;
use super::*;
use crate::eval::LimitKind;
use crate::source::SourceFile;

fn program(text: &str) -> Program {
    let source = SourceFile::new("a.rego", text);
    let module = crate::parse(&source).unwrap_or_else(|errors| panic!("{}", errors[0].render(text)));
    let entry_points = [EntryPoint::new("a/p").unwrap()];
    let plan = crate::compile(&[module], &entry_points, &crate::CompileOptions::default());
    Program::new(&plan.unwrap_or_else(|errors| panic!("{}", errors[0].render(text)))).unwrap()
}

fn count(program: &Program, wanted: fn(&Op) -> bool) -> usize {
    program.code.ops.iter().filter(|op| wanted(op)).count()
}

/// The least number of instructions with which the question is answered, and the answer.
fn cost(program: &Program, input: &str) -> (u64, Option<Value>) {
    let data = program.data(&Value::object([])).unwrap();
    let mut worker = Worker::default();
    let mut ask = |instructions| {
        let limits = Limits {
            instructions,
            ..Limits::default()
        };
        let request = Request {
            limits,
            ..Request::new("a/p", Input::Json(input.as_bytes()))
        };
        match worker.evaluate(program, &data, &request) {
            Ok(outcome) => Some(outcome.to_value()),
            Err(VmError::Eval(error)) => {
                let limited = matches!(
                    &*error,
                    EvalError::Limit {
                        limit: LimitKind::Instructions,
                        ..
                    }
                );
                assert!(limited, "{error}");
                None
            }
            Err(other) => panic!("{other}"),
        }
    };
    let (mut low, mut high) = (0, 1 << 24);
    let answer = ask(high).unwrap();
    while high - low > 1 {
        let middle = low.midpoint(high);
        match ask(middle) {
            Some(found) => {
                assert_eq!(found, answer);
                high = middle;
            }
            None => low = middle,
        }
    }
    (high, answer)
}

#[test]
fn steps_on_constant_keys_are_one_operation() {
    let program = program("package a\np if input.request.object.spec.name == \"x\"\n");
    assert_eq!(count(&program, |op| matches!(op, Op::Path { .. })), 1);
    assert_eq!(count(&program, |op| matches!(op, Op::Dot { .. })), 0);
    let path = program.code.ops.iter().find_map(|op| match op {
        Op::Path { keys, .. } => Some(keys.count),
        _ => None,
    });
    assert_eq!(path, Some(4));
}

#[test]
fn jumps_lead_to_places_in_the_code() {
    let program = program(
        "package a\nimport rego.v1\np contains x if { some x in input.list; not q(x); every y in x { y > 1 } with input.z as 1 }\n\
         q(x) := 1 if x == 2 else := 2 if x == 3\nq(5) := 6\n",
    );
    for op in &program.code.ops {
        let target = match *op {
            Op::Jump(target) | Op::Equal { fail: target, .. } | Op::ScanNext { body: target, .. } => target,
            Op::Call { fail: target, .. } | Op::Builtin { fail: target, .. } => target,
            _ => continue,
        };
        assert!((target as usize) < program.code.ops.len(), "{op:?}");
    }
}

/// A package of this many rules that compare the same place with different constants.
fn rules(count: usize) -> String {
    let mut text = "package a\nimport rego.v1\n".to_owned();
    for number in 0..count {
        writeln!(
            text,
            "p contains {number} if input.request.kind == \"kind{number}\""
        )
        .unwrap();
    }
    text
}

#[test]
fn rules_that_can_not_hold_cost_nothing() {
    let input = r#"{"request": {"kind": "kind7"}}"#;
    let wanted = Some(Value::set([7.into()]));
    let (few, answer) = cost(&program(&rules(10)), input);
    assert_eq!(answer, wanted);
    let many = program(&rules(2_000));
    assert_eq!(count(&many, |op| matches!(op, Op::Dispatch { .. })), 1);
    assert_eq!(cost(&many, input), (few, wanted));
    // None of them holds.
    let (none, answer) = cost(&many, r#"{"request": {"kind": "other"}}"#);
    assert_eq!(answer, Some(Value::set([])));
    assert!(none < few);
}

#[test]
fn a_rule_is_evaluated_once() {
    let rules = "costly := count([1 | some i in numbers.range(1, 1000); i > 0])\n";
    let (once, _) = cost(&program(&format!("package a\n{rules}p := costly")), "{}");
    let (often, answer) = cost(
        &program(&format!("package a\n{rules}p := [costly, costly, costly]")),
        "{}",
    );
    assert_eq!(answer, Some(Value::array([1_000, 1_000, 1_000].map(Value::from))));
    assert!(often < once + 50, "{once} and {often}");
    // Under a replaced document it is another question.
    let replaced = "p := [costly, x] if x := costly with input.a as 1";
    let (twice, _) = cost(&program(&format!("package a\n{rules}{replaced}")), "{}");
    assert!(twice * 5 > once * 9, "{once} and {twice}");
}

#[test]
fn a_body_ends_where_it_fails() {
    let rest = "some i in numbers.range(1, 1000); i > 1000";
    let early = program(&format!("package a\np if {{ input.x == 1; {rest} }}"));
    let (failing, answer) = cost(&early, r#"{"x": 2}"#);
    assert_eq!(answer, None);
    let (running, answer) = cost(&early, r#"{"x": 1}"#);
    assert_eq!(answer, None);
    assert!(failing < 20 && running > 2_000, "{failing} and {running}");
}

/// One step of a path in an address.
fn step(value: &Value, text: &str) -> Option<Value> {
    match value {
        Value::Object(_) => value.get(text).cloned(),
        // An index as its digits, without sign and leading zeros.
        Value::Array(items) => (0..items.len())
            .find(|index| index.to_string() == text)
            .map(|index| items[index].clone()),
        Value::Set(items) => items.get(&Value::from(text)).cloned(),
        _ => None,
    }
}

proptest! {
    #[test]
    fn data_is_looked_up_as_values_are(
        document in value::tests::value(),
        steps in proptest::collection::vec(("[0-3]|0[01]|[+]1|-1|a|b|user|", any::<proptest::sample::Index>()), 0..4),
    ) {
        let program = program("package a\np := data.user.name\n");
        let data = program.data(&document).unwrap();
        let mut bytes = Vec::new();
        data.encode(&mut bytes).unwrap();
        prop_assert_eq!(bytes, stele_types::encoding::encode(&document).unwrap());
        let mut path = Vec::new();
        let mut found = Some(document);
        for (text, pick) in steps {
            // A key that is there, when there is one.
            let keys: Vec<String> = match &found {
                Some(Value::Object(map)) => map.keys().filter_map(Value::as_str).map(str::to_owned).collect(),
                Some(Value::Set(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            let text = if keys.is_empty() || text.is_empty() { text } else { keys[pick.index(keys.len())].clone() };
            found = found.and_then(|value| step(&value, &text));
            path.push(text);
            prop_assert_eq!(data.lookup(&path), found.clone(), "{:?}", path);
        }
    }
}

/// Workers may go from thread to thread; programs and data are shared by all.
#[test]
fn programs_and_data_are_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let program = program("package a\np := [x | some x in data.list; x > input.n]\n");
    let list = Value::array((0..100).map(Value::from));
    let data = program.data(&Value::object([("list".into(), list)])).unwrap();
    shared(&program);
    shared(&data);
    sent(&Worker::default());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (program, data) = (&program, &data);
            scope.spawn(move || {
                let mut worker = Worker::default();
                for number in 0..100 {
                    let least = (thread * 31 + number * 7) % 100;
                    let input = format!("{{\"n\": {least}}}");
                    let request = Request::new("a/p", Input::Json(input.as_bytes()));
                    let outcome = worker.evaluate(program, data, &request).unwrap();
                    let wanted = Value::array((least + 1..100).map(Value::from));
                    assert_eq!(outcome.to_value(), Some(wanted));
                }
            });
        }
    });
}

/// Two parts that are one stand there twice when they are written out.
#[test]
fn constants_take_no_more_room_than_their_limit() {
    for (start, next) in [("[1]", "[@, @]"), ("{}", "{\"a\": [@, @]}"), ("[1]", "{[@, @]}")] {
        // So many that without a limit they are several times as much, and yet have an end.
        let mut text = format!("package a\np := count(x(input.n))\nx(q) := x22 if {{\n\tx0 := {start}\n");
        for step in 1..=22 {
            let before = format!("x{}", step - 1);
            writeln!(text, "\tx{step} := {}", next.replace('@', &before)).unwrap();
        }
        text.push_str("\tq\n}\n");
        let bytes = program(&text).code.constants.region.bytes();
        assert!(bytes <= 1 << 26, "{next}: {bytes}");
    }
}

/// Found by fuzzing plans: a constant array took what was added to it as to a set.
#[test]
fn what_is_added_to_a_collection_of_another_kind_is_an_error() {
    let adds = [
        ("MakeArray capacity=1", "ArrayAppend value=s1 array=%2 @0:2:2"),
        ("MakeSet", "SetAdd value=s1 set=%2 @0:2:2"),
        ("MakeObject", "ObjectInsert key=s1 value=s1 object=%2 @0:2:2"),
        ("MakeObject", "ObjectInsertOnce key=s1 value=s1 object=%2 @0:2:2"),
    ];
    for (make, _) in adds {
        for (own, add) in adds {
            let text = format!(
                r#"
strings {{ s0 "result" s1 "a" }}
builtins {{ }}
files {{ f0 "a.rego" }}
plan "p" [{{
  {make} target=%2 @0:1:1
  {add}
  MakeObject target=%3 @0:3:1
  ObjectInsert key=s0 value=%2 object=%3 @0:3:1
  ResultSetAdd value=%3 @0:4:1
}}]"#
            );
            let plan = crate::ir::text::parse(&text).unwrap();
            let evaluator = crate::eval::Evaluator::new(&plan).unwrap();
            let nothing = Value::object([]);
            let wanted = evaluator.evaluate(
                "p",
                None,
                &nothing,
                &crate::eval::Context::default(),
                &Limits::default(),
                &mut crate::eval::NoTrace,
            );
            let program = Program::new(&plan).unwrap();
            let data = program.data(&nothing).unwrap();
            let mut worker = Worker::default();
            let found = worker.evaluate(&program, &data, &Request::new("p", Input::Undefined));
            let found = found
                .map(|outcome| outcome.results())
                .map_err(|error| match error {
                    VmError::Eval(error) => *error,
                    other => panic!("{other}"),
                });
            assert_eq!(found, wanted, "{text}");
            assert_eq!(found.is_ok(), make == own, "{text}");
        }
    }
}
