use super::*;

const EXACT: Mode = Mode {
    values: Values::Exact,
    errors: Errors::Text,
};
const LOOSE: Mode = Mode {
    values: Values::Json,
    errors: Errors::Any,
};

fn error(kind: ErrorKind) -> Outcome {
    Outcome::Error(kind, String::new())
}

#[test]
fn modes_differ_in_sets_and_errors() {
    let set = Outcome::Value(Value::set([1.into(), 2.into()]));
    let array = Outcome::Value(Value::array([1.into(), 2.into()]));
    assert_eq!(compare(&set, &array, EXACT), Agreement::Different);
    assert_eq!(compare(&set, &array, LOOSE), Agreement::Same);
    let (conflict, other) = (error(ErrorKind::Conflict), error(ErrorKind::Other));
    assert_eq!(compare(&conflict, &other, EXACT), Agreement::Different);
    assert_eq!(compare(&conflict, &other, LOOSE), Agreement::Same);
    let elsewhere = Outcome::Error(ErrorKind::Conflict, "a.rego:1:1".to_owned());
    assert_eq!(compare(&conflict, &elsewhere, EXACT), Agreement::Different);
    let kind = Mode {
        errors: Errors::Kind,
        ..EXACT
    };
    assert_eq!(compare(&conflict, &elsewhere, kind), Agreement::Same);
    assert_eq!(EXACT.both(LOOSE), LOOSE);
}

#[test]
fn no_mode_forgives_a_lost_error_or_value() {
    let value = Outcome::Value(true.into());
    for mode in [EXACT, LOOSE] {
        assert_eq!(compare(&value, &Outcome::Undefined, mode), Agreement::Different);
        assert_eq!(
            compare(&value, &error(ErrorKind::Conflict), mode),
            Agreement::Different
        );
        assert_eq!(
            compare(&Outcome::Undefined, &error(ErrorKind::Conflict), mode),
            Agreement::Different
        );
        assert_eq!(
            compare(&value, &Outcome::Refused(String::new()), mode),
            Agreement::Refused
        );
    }
}

struct Constant(&'static str, Outcome);

impl Engine for Constant {
    fn name(&self) -> &'static str {
        self.0
    }

    fn mode(&self) -> Mode {
        EXACT
    }

    fn evaluate(&mut self, _: &Case) -> Outcome {
        self.1.clone()
    }
}

fn constants() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Constant("one", Outcome::Value(1.into()))),
        Box::new(Constant("refuses", Outcome::Refused("no".to_owned()))),
        Box::new(Constant("two", Outcome::Value(2.into()))),
    ]
}

#[test]
fn a_refusal_does_not_hide_a_mismatch_between_the_others() {
    let case = case("package a\n\nb := 1\n", "a/b", None);
    let mut engines = constants();
    let mismatch = differential(&mut engines, &case).unwrap_err();
    let text = mismatch.to_string();
    assert!(
        text.contains("query: data.a.b") && text.contains("two: Value(2)"),
        "{text}"
    );
    engines.pop();
    assert_eq!(differential(&mut engines, &case).unwrap().len(), 2);
}

fn case(text: &str, entry_point: &str, input: Option<Value>) -> Case {
    let entry_point = EntryPoint::new(entry_point).unwrap();
    let module = Module {
        name: "a.rego".to_owned(),
        text: text.to_owned(),
    };
    Case {
        policy: Policy::new(vec![module], vec![entry_point.clone()], Value::object([])),
        entry_point,
        input,
    }
}

#[test]
fn all_engines_answer_alike() {
    let text = "package a\n\nb contains x if some x in input.xs\n\nb contains 0 if not input.xs\n";
    let input = Value::object([("xs".into(), Value::array([1.into(), 2.into()]))]);
    for (input, members) in [(Some(input), vec![1.into(), 2.into()]), (None, vec![0.into()])] {
        let answers = differential(&mut all(), &case(text, "a/b", input)).unwrap();
        assert_eq!(answers.len(), 6);
        for answer in answers {
            let want = Value::set(members.clone());
            let want = match answer.mode.values {
                Values::Exact => want,
                Values::Json => want.to_json_projection(),
            };
            assert_eq!(answer.outcome, Outcome::Value(want), "{}", answer.engine);
        }
    }
}

#[test]
fn all_engines_meet_a_conflict() {
    let text = "package a\n\nb := x if some x in input\n";
    let input = Value::array([1.into(), 2.into()]);
    for answer in differential(&mut all(), &case(text, "a/b", Some(input))).unwrap() {
        assert!(
            matches!(answer.outcome, Outcome::Error(ErrorKind::Conflict, _)),
            "{}: {:?}",
            answer.engine,
            answer.outcome
        );
    }
}

#[test]
fn a_policy_is_kept_while_it_is_the_same() {
    let mut loaded: Loaded<u32> = Loaded::default();
    let (one, two) = (
        case("package a\n\nb := 1\n", "a/b", None),
        case("package a\n\nb := 1\n", "a/b", None),
    );
    assert_eq!(loaded.get(&one.policy, |_| Ok(1)).copied(), Ok(1));
    assert_eq!(loaded.get(&one.policy, |_| Ok(2)).copied(), Ok(1));
    assert_eq!(loaded.get(&two.policy, |_| Ok(3)).copied(), Ok(3));
    let refused = Outcome::Refused("no".to_owned());
    assert_eq!(
        loaded.get(&one.policy, |_| Err(refused.clone())).copied(),
        Err(refused)
    );
}
