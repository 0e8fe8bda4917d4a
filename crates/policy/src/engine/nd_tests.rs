//! Impure builtins on both of our engines: what is recorded replays, and nothing else.

use proptest::prelude::*;
use stele_rego::nd::{Local, NdBuiltins, NdCache, NdCalls, NdError};
use stele_types::json as text;

use super::*;
use crate::testing::{self, json};

/// Rules whose calls depend on the input and on what other calls gave.
const POLICY: &str = "package a\n\n\
    p contains [\"rand\", n, x] if {\n\tsome n in input.n\n\tx := rand.intn(sprintf(\"k%d\", [n % 3]), n)\n}\n\n\
    p contains [\"uuid\", x] if {\n\tsome n in input.n\n\tn > 3\n\tx := uuid.rfc4122(sprintf(\"%d\", [n]))\n}\n\n\
    p contains [\"http\", r.body] if {\n\tsome n in input.n\n\tr := http.send({\"method\": \"get\", \"url\": \"http://x\", \"headers\": {\"n\": n}})\n}\n\n\
    p contains [\"failed\", n] if {\n\tsome n in input.n\n\tnot http.send({\"method\": \"get\", \"url\": \"http://x\", \"headers\": {\"n\": n}})\n}\n\n\
    p contains [\"dns\", x] if {\n\tsome n in input.n\n\tsome x in net.lookup_ip_addr(sprintf(\"h%d\", [n]))\n}\n\n\
    p contains [\"again\", x] if {\n\tsome [\"dns\", y] in q\n\tx := rand.intn(y, 1000)\n}\n\n\
    q contains [\"dns\", x] if some x in net.lookup_ip_addr(\"h1\")\n\n\
    p contains [\"run\", opa.runtime().version]\n\n\
    p contains [\"now\", time.now_ns()]\n";

/// Answers by chance; every fourth request fails.
struct Lottery(Local);

impl NdBuiltins for Lottery {
    fn call(&self, name: &'static str, args: &[Value]) -> Result<Value, NdError> {
        let draw = |bound: i64| {
            self.0.call(
                "rand.intn",
                &[Value::from(format!("{name}{args:?}")), bound.into()],
            )
        };
        match name {
            "http.send" if draw(4)? == Value::from(0) => Err(NdError::Failed("no route".to_owned())),
            "http.send" => Ok(Value::object([("body".into(), draw(i64::MAX)?)])),
            "net.lookup_ip_addr" => {
                let one = Value::from(format!("10.0.0.{}", draw(250)?));
                Ok(Value::set([one, "::1".into()]))
            }
            _ => self.0.call(name, args),
        }
    }
}

fn lottery(seed: u8) -> Lottery {
    Lottery(Local {
        seed: [seed; 32],
        runtime: json(r#"{"version": "7"}"#),
    })
}

struct Engines {
    machine: VmEngine,
    reference: SteleEngine,
}

impl Engines {
    fn new(module: &str) -> Self {
        let set = testing::set(&[("a.rego", module)]);
        let modules: Vec<_> = set.modules().iter().map(|module| module.ast.clone()).collect();
        let path = DataPath::parse("a/p").unwrap();
        Self {
            machine: VmEngine::new(&set.compile().unwrap()),
            reference: SteleEngine::new(&modules, &[path], set.data()).unwrap(),
        }
    }

    /// The answer of both, which must be the same, and the calls that both made.
    fn ask(
        &mut self,
        input: &Value,
        host: &dyn NdBuiltins,
        strict: bool,
    ) -> (Result<Option<Value>, EngineError>, NdCache) {
        let path = DataPath::parse("a/p").unwrap();
        let one = |engine: &mut dyn Engine| {
            let calls = NdCalls::new(host);
            let request = EvalRequest {
                context: EvalContext {
                    now_ns: Some(42),
                    nd: Some(&calls),
                },
                strict_builtin_errors: strict,
                ..EvalRequest::new(&path, Some(input))
            };
            let value = engine.evaluate(&request).map(|outcome| outcome.value);
            (value, calls.into_cache())
        };
        let (machine, reference) = (one(&mut self.machine), one(&mut self.reference));
        assert_eq!(machine, reference);
        machine
    }
}

#[test]
fn without_anything_that_answers_they_are_refused_and_without_a_time_so_is_the_clock() {
    let mut engines = Engines::new("package a\n\np := {time.now_ns() | true}\n");
    let path = DataPath::parse("a/p").unwrap();
    let request = EvalRequest::new(&path, None);
    for engine in [&mut engines.machine as &mut dyn Engine, &mut engines.reference] {
        let error = engine.evaluate(&request).unwrap_err();
        assert!(
            matches!(&error, EngineError::Builtin { place: Some(_), .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains("the evaluation has no time"),
            "{error}"
        );
    }
    let mut engines = Engines::new("package a\n\np if not rand.intn(\"x\", 5)\n");
    for engine in [&mut engines.machine as &mut dyn Engine, &mut engines.reference] {
        let error = engine.evaluate(&request).unwrap_err();
        assert!(matches!(&error, EngineError::ImpureBuiltin { name, .. } if name == "rand.intn"));
    }
}

#[test]
fn a_refusal_of_the_host_ends_the_evaluation_and_says_why() {
    struct Never;
    impl NdBuiltins for Never {
        fn call(&self, _: &'static str, _: &[Value]) -> Result<Value, NdError> {
            Err(NdError::Refused("the host is not on the list".to_owned()))
        }
    }
    let mut engines = Engines::new("package a\n\ndefault p := 1\n\np := 2 if not http.send({})\n");
    let (answer, calls) = engines.ask(&Value::Null, &Never, false);
    let error = answer.unwrap_err();
    assert!(
        matches!(&error, EngineError::NdBuiltin { name, place: Some(place), .. }
        if name == "http.send" && place.line == 5)
    );
    assert_eq!(
        error.to_string(),
        "http.send has no answer at a.rego:5:15: the host is not on the list"
    );
    assert!(calls.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_replay_gives_the_same_decision_and_asks_for_nothing_else(
        seed in any::<u8>(),
        numbers in prop::collection::vec(0_i64..9, 0..5),
        strict in any::<bool>(),
        drop in any::<prop::sample::Index>(),
    ) {
        let mut engines = Engines::new(POLICY);
        let input = Value::object([("n".into(), Value::array(numbers.into_iter().map(Value::from)))]);
        let (answer, made) = engines.ask(&input, &lottery(seed), strict);
        // Through the record's text.
        let value = made.to_value().unwrap_or_else(|| Value::object([]));
        let recorded = NdCache::from_value(&json(&text::to_string(&value))).unwrap();
        let (again, replayed) = engines.ask(&input, &recorded, strict);
        prop_assert_eq!(&again, &answer);
        prop_assert_eq!(&replayed, &recorded, "a replay makes all calls again");

        // Any call less, and there is no answer.
        let Value::Object(mut members) = value else { panic!() };
        let names: Vec<Value> = members.keys().cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        let name = drop.get(&names);
        let members = std::sync::Arc::make_mut(&mut members);
        let Some(Value::Object(calls)) = members.get_mut(name) else { panic!() };
        let calls = std::sync::Arc::make_mut(calls);
        let keys: Vec<Value> = calls.keys().cloned().collect();
        calls.remove(drop.get(&keys));
        let less = NdCache::from_value(&Value::from(members.clone())).unwrap();
        let (answer, _) = engines.ask(&input, &less, strict);
        let error = answer.unwrap_err();
        prop_assert!(
            matches!(&error, EngineError::NdBuiltin { reason, .. } if reason.contains("nd_builtin_cache has no call")),
            "{}", error
        );
    }
}
