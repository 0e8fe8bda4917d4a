//! Natives against the general implementations: where a native answers, it answers the same.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use stele_types::{Value, json};

use super::*;
use crate::builtins::{Body, Builtin, BuiltinError, TABLE, find};
use crate::eval::{Budget, Context, Limits};
use crate::vm::value::tests::value;
use crate::vm::value::{Constants, Names, Region, Space, from_value, hash_text};

/// All natives there are.
fn natives() -> Vec<(&'static Builtin, Native)> {
    let all = TABLE
        .iter()
        .filter_map(|builtin| Some((builtin, native(builtin.name)?)));
    all.collect()
}

/// What a native answers; the outer `None`: it hands over.
fn ask(native: Native, args: &[Value]) -> Option<Option<Value>> {
    let (consts, names) = constants();
    let (data, mut scratch) = (Region::new(Space::Data), Region::new(Space::Scratch));
    let constants = Constants {
        names: &names,
        region: &consts,
    };
    let vals: Vec<Val> = args
        .iter()
        .map(|arg| from_value(arg, &mut scratch, &constants).unwrap())
        .collect();
    let mut patterns = Patterns::default();
    let mut env = Env {
        heap: Heap {
            consts: &consts,
            data: &data,
            scratch: &mut scratch,
            meter: crate::vm::value::Meter::default(),
        },
        session: Session::new(Context::default(), Budget::new(Limits::default())),
        patterns: &mut patterns,
        // As calls before have left them.
        text: "left over".to_owned(),
        parts: vec![Val::NULL],
    };
    let answer = native(&mut env, &vals)?;
    let value = env.heap.to_value(answer);
    // What a native makes must stand on its own: in order, each member once.
    if let Some(value) = &value {
        let again = from_value(value, env.heap.scratch, &constants).unwrap();
        assert!(env.heap.eq(answer, again), "{value} is not well formed");
    }
    Some(value)
}

fn constants() -> (Region, Names) {
    let (mut region, mut names) = (Region::new(Space::Consts), Names::default());
    for text in ["a", "b", "user", ""] {
        let val = region.constant(text).unwrap();
        names.insert(text, val, hash_text(text));
    }
    (region, names)
}

fn general(builtin: &Builtin, args: &[Value]) -> Result<Value, BuiltinError> {
    let Body::Function(function) = builtin.body else {
        panic!("{} is refused", builtin.name)
    };
    let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
    function(&mut session, args)
}

/// Whether the native answered.
fn compare(builtin: &Builtin, native: Native, args: &[Value]) -> Result<bool, TestCaseError> {
    match (ask(native, args), general(builtin, args)) {
        (None, _) => Ok(false),
        (Some(found), wanted) => {
            prop_assert_eq!(
                Ok(found),
                wanted.map(Some),
                "{}({})",
                builtin.name,
                Value::array(args.to_vec())
            );
            Ok(true)
        }
    }
}

/// Values that fit the declared type, more often than not.
fn argument(declared: &'static str) -> BoxedStrategy<Value> {
    let text = || {
        prop_oneof![
            3 => "[ab]{0,4}",
            1 => "[a-cA-CéÉßΣςıİǅ ]{0,6}",
            1 => "(%[svdx%q]|%[-+]?[0-9]?[svd]|[a-c ]){0,5}",
            1 => "(\\^?[ab.]{1,2}[*+?]?|\\[a-b\\]|\\(|\\\\d|\\\\p\\{L\\}|\\$){0,3}",
            1 => ".{0,6}",
        ]
    };
    let small =
        || prop_oneof![3 => -5..10_i64, 1 => any::<i64>(), 1 => Just(1 << 59), 1 => Just(-(1_i64 << 59) - 1)];
    let item =
        || prop_oneof![2 => text().prop_map(Value::from), 2 => small().prop_map(Value::from), 1 => value()];
    let strings = || proptest::collection::vec(text().prop_map(Value::from), 0..5);
    let items = || {
        prop_oneof![
            strings(),
            proptest::collection::vec(small().prop_map(Value::from), 0..5),
            proptest::collection::vec(item(), 0..5)
        ]
    };
    let fitting = match declared {
        "string" => text().prop_map(Value::from).boxed(),
        "number" => prop_oneof![2 => small().prop_map(Value::from).boxed(), 1 => value().boxed()].boxed(),
        "array" => items().prop_map(Value::from).boxed(),
        "set" => items().prop_map(Value::set).boxed(),
        "object" => proptest::collection::btree_map(item(), value(), 0..5)
            .prop_map(Value::from)
            .boxed(),
        "number|set" => prop_oneof![small().prop_map(Value::from), items().prop_map(Value::set)].boxed(),
        _ => prop_oneof![
            items().prop_map(Value::from),
            items().prop_map(Value::set),
            proptest::collection::btree_map(item(), item(), 0..5).prop_map(Value::from),
            item(),
        ]
        .boxed(),
    };
    prop_oneof![5 => fitting, 1 => value()].boxed()
}

fn call() -> impl Strategy<Value = (&'static Builtin, Native, Vec<Value>)> {
    proptest::sample::select(natives()).prop_flat_map(|(builtin, native)| {
        let args: Vec<BoxedStrategy<Value>> =
            builtin.args.iter().map(|declared| argument(declared)).collect();
        (args, any::<proptest::sample::Index>(), any::<bool>()).prop_map(move |(mut args, pick, alike)| {
            if alike && builtin.name == "sprintf" {
                // As many verbs as values, and the right ones.
                let plain = |item: &&Value| matches!(item, Value::String(_) | Value::Number(_));
                let items = args[1].as_array().unwrap_or_default();
                let items: Vec<Value> = items.iter().filter(plain).cloned().collect();
                let verb = |item: &Value| if item.as_str().is_some() { "%s" } else { "%d" };
                let verbs: Vec<&str> = items.iter().map(verb).collect();
                return (builtin, native, vec![verbs.join("é%%").into(), items.into()]);
            }
            // Now and then an argument is part of another one, or the same.
            if alike && args.len() > 1 {
                let first = args[0].clone();
                let inner: Vec<Value> = match &args[1] {
                    Value::Array(items) => items.to_vec(),
                    Value::Set(items) => items.iter().cloned().collect(),
                    Value::Object(map) => map
                        .iter()
                        .flat_map(|(key, value)| [key.clone(), value.clone()])
                        .collect(),
                    _ => vec![first.clone()],
                };
                match inner.is_empty() {
                    true => args[1] = first,
                    false => args[0] = inner[pick.index(inner.len())].clone(),
                }
            }
            (builtin, native, args)
        })
    })
}

/// Every native meets cases in which it answers and, unless it always does, cases in which it hands over.
#[test]
fn natives_answer_as_the_general_implementations() {
    let always = [
        "equal",
        "neq",
        "lt",
        "lte",
        "gt",
        "gte",
        "is_null",
        "is_boolean",
        "is_number",
        "is_string",
        "is_array",
        "is_object",
        "is_set",
        "walk",
    ];
    let seen: RefCell<BTreeMap<&str, (usize, usize)>> = RefCell::default();
    let cases = ProptestConfig::default().cases.saturating_mul(24);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let ran = runner.run(&call(), |(builtin, native, args)| {
        let answered = compare(builtin, native, &args)?;
        let mut seen = seen.borrow_mut();
        let counts = seen.entry(builtin.name).or_default();
        *if answered { &mut counts.0 } else { &mut counts.1 } += 1;
        Ok(())
    });
    ran.unwrap();
    for (builtin, _) in natives() {
        let (answered, handed) = seen.borrow().get(builtin.name).copied().unwrap_or_default();
        assert!(answered >= 5, "{} answered {answered} times", builtin.name);
        assert_eq!(
            handed == 0,
            always.contains(&builtin.name),
            "{}: {handed}",
            builtin.name
        );
    }
}

#[test]
fn natives_are_builtins_of_the_table() {
    // `native` is asked with names of the table only; a misspelled one would never be used.
    assert!(natives().len() >= 35, "{}", natives().len());
    assert!(native("no.such").is_none());
}

/// `None` where the native hands over.
fn one(name: &str, args: &str) -> Option<String> {
    let args = json::parse(args.as_bytes(), &json::Limits::default()).unwrap();
    let args = args.as_array().unwrap();
    let builtin = find(name).unwrap();
    let native = native(name).unwrap();
    compare(builtin, native, args).unwrap();
    ask(native, args).map(|value| json::to_string(&value.unwrap()))
}

#[test]
fn plain_cases_are_answered_and_odd_ones_handed_over() {
    for (name, args, wanted) in [
        ("plus", "[1, 2]", Some("3")),
        ("plus", "[0.1, 2]", None),
        ("plus", "[576460752303423487, 1]", None),
        ("minus", "[-576460752303423488, 1]", None),
        ("mul", "[1073741824, 1073741824]", None),
        ("mul", "[-3, 1e1]", Some("-30")),
        ("sum", "[[]]", Some("0")),
        ("sum", "[[1, 2.5]]", None),
        ("max", "[[]]", None),
        ("max", "[[1, null, \"a\", [0]]]", Some("[0]")),
        ("min", "[[1e400, 2, 1.5]]", Some("1.5")),
        ("min", "[[null, 1]]", Some("null")),
        ("count", "[\"é😀\"]", Some("2")),
        ("count", "[7]", None),
        ("concat", r#"[",", []]"#, Some(r#""""#)),
        ("concat", r#"["é", ["a", "", "b"]]"#, Some(r#""aééb""#)),
        ("concat", r#"["", ["a", 1]]"#, None),
        ("split", r#"["", ","]"#, Some(r#"[""]"#)),
        ("split", r#"["aXXbXX", "XX"]"#, Some(r#"["a","b",""]"#)),
        ("split", r#"["ab", ""]"#, None),
        ("lower", r#"["ABC[]"]"#, Some(r#""abc[]""#)),
        ("lower", r#"["É"]"#, None),
        ("sprintf", r#"["%s=%d%%", ["a", -3]]"#, Some(r#""a=-3%""#)),
        ("sprintf", r#"["%s", []]"#, None),
        ("sprintf", r#"["%s", [1]]"#, None),
        ("sprintf", r#"["%d", ["1"]]"#, None),
        ("sprintf", r#"["", [1]]"#, None),
        ("sprintf", r#"["%", []]"#, None),
        ("sprintf", r#"["é%vé", ["é"]]"#, Some(r#""ééé""#)),
        ("regex.match", r#"["^a+$", "aaa"]"#, Some("true")),
        ("regex.match", r#"["(", "aaa"]"#, None),
        ("object.get", r#"[{"a": {"b": 1}}, ["a", "b"], 2]"#, Some("1")),
        ("object.get", r#"[{"a": {"b": 1}}, ["a", "c"], 2]"#, Some("2")),
        ("object.get", r#"[{"a": [5]}, ["a", 0], 2]"#, Some("5")),
        ("object.get", r#"[[5], 0, 2]"#, None),
        ("internal.member_2", r#"[1, {"a": 1.0}]"#, Some("true")),
        ("internal.member_2", r#"["a", "abc"]"#, None),
        ("internal.member_3", r#"[1, "b", ["a", "b"]]"#, Some("true")),
        ("array.concat", "[[], []]", Some("[]")),
    ] {
        assert_eq!(one(name, args).as_deref(), wanted, "{name}{args}");
    }
}
