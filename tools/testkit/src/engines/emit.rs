//! Generated policies written out with our answers, for implementations that don't run here.
//!
//! A line of JSON is one policy. Its cases are compiled as `opa` reads them, which is not in all as decisions are made: types are
//! checked, and `not f(input.x)` is undefined where `input.x` is ([`stele_rego::Negation::Statement`]).

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use stele_rego::CompileOptions;
use stele_types::{EntryPoint, Number, Value, json};

use super::campaign::{Campaign, cases_of};
use super::{Case, Engine as _, ErrorKind, Module, Outcome, Policy, VmEngine};

/// What was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Emitted {
    /// Policies, one a line.
    pub policies: u64,
    /// Policies that we refuse to compile.
    pub refused: u64,
    /// Cases: one rule of one policy on one input.
    pub cases: u64,
}

/// Writes the policies of a campaign, each with its inputs and our answers, until there are as many cases as it has executions.
///
/// A line is an object: `seed`, `modules` (`name`, `text`), `data`, and either `refused` (our messages) or `cases`. A case has the
/// `query` (a path such as `gen/r1`), the `input` unless it is undefined, and one of `result` (JSON; sets are arrays), `undefined`
/// (true), `error` (text; `conflict` is whether a rule has two values) and `limit` (we gave up).
///
/// # Errors
/// When `out` takes no more.
pub fn emit(campaign: &Campaign, out: &mut dyn Write) -> io::Result<Emitted> {
    let mut emitted = Emitted::default();
    let mut seed = campaign.seed;
    while emitted.cases < campaign.executions {
        let cases = cases_of(campaign, seed);
        if let Some(first) = cases.first() {
            let mut policy = first.policy.read_as(CompileOptions::default());
            // One policy in eight stays as it is, so that what is refused is compared too.
            if !seed.is_multiple_of(8) {
                policy = repaired(policy);
            }
            let line = line(seed, &policy, &cases, &mut emitted);
            writeln!(out, "{}", json::to_string(&line))?;
        }
        seed = seed.wrapping_add(1);
    }
    Ok(emitted)
}

/// Repairs are given up after so many.
const ROUNDS: usize = 12;

/// The policy without the statements, or else the rules, that do not compile; as it was when that does not help.
fn repaired(policy: Arc<Policy>) -> Arc<Policy> {
    let mut now = Arc::clone(&policy);
    for _ in 0..ROUNDS {
        let Err(Outcome::Error(_, messages)) = now.plan() else {
            return now;
        };
        let modules = now.modules().iter().map(|module| Module {
            name: module.name.clone(),
            text: without(&module.text, &reported(&messages, &module.name)),
        });
        let modules: Vec<Module> = modules.collect();
        if modules == now.modules() {
            break;
        }
        let asked = now
            .entry_points()
            .iter()
            .filter(|asked| defines(&modules, asked.as_str()));
        let asked: Vec<EntryPoint> = asked.cloned().collect();
        if asked.is_empty() {
            break;
        }
        now = Policy::new(modules, asked, now.data().clone()).read_as(CompileOptions::default());
    }
    policy
}

/// The lines of a module, from 1, that messages are about.
fn reported(messages: &str, name: &str) -> BTreeSet<usize> {
    let about = messages.lines().filter_map(|message| {
        let (line, _) = message.strip_prefix(name)?.strip_prefix(':')?.split_once(':')?;
        line.parse().ok()
    });
    about.collect()
}

/// Whether modules define the rule, or have the package with rules in it.
fn defines(modules: &[Module], path: &str) -> bool {
    let (package, rule) = path.split_once('/').unwrap_or((path, ""));
    modules.iter().any(|module| {
        let mut lines = module
            .text
            .lines()
            .skip(1)
            .map(|line| line.trim_start_matches("default "));
        let starts =
            |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase()) && !line.starts_with("import ");
        let is = |line: &str| {
            let end = line
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(line.len());
            let (name, after) = line.split_at_checked(end).unwrap_or((line, ""));
            (rule.is_empty() || name == rule) && !after.starts_with('(')
        };
        module.name.strip_suffix(".rego") == Some(package) && lines.any(|line| starts(line) && is(line))
    })
}

/// A module without these lines; where one is no statement of a body of several, without its rule.
fn without(text: &str, reported: &BTreeSet<usize>) -> String {
    let mut kept: Vec<&str> = Vec::new();
    // The rule that is read: its lines so far, and whether it goes.
    let (mut rule, mut goes): (Vec<&str>, bool) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let bad = reported.contains(&number);
        let inside = line.starts_with(['\t', '}']);
        if !inside {
            finish(&mut kept, &mut rule, &mut goes);
        }
        match (bad, line.starts_with('\t')) {
            (true, true) => {}
            (true, false) => (goes, _) = (true, rule.push(line)),
            (false, _) => rule.push(line),
        }
    }
    finish(&mut kept, &mut rule, &mut goes);
    kept.join("\n") + "\n"
}

/// Keeps a rule, unless it goes or a body of it has nothing left.
fn finish<'a>(kept: &mut Vec<&'a str>, rule: &mut Vec<&'a str>, goes: &mut bool) {
    let empty =
        |pair: &[&str]| matches!(pair, [open, close] if open.ends_with('{') && close.starts_with('}'));
    if !*goes && !rule.windows(2).any(empty) {
        kept.append(rule);
    }
    rule.clear();
    *goes = false;
}

/// The members of an object.
type Members = Vec<(Value, Value)>;

fn line(seed: u64, policy: &Arc<Policy>, cases: &[Case], emitted: &mut Emitted) -> Value {
    emitted.policies = emitted.policies.saturating_add(1);
    let modules = policy.modules().iter().map(|module| {
        let members = [("name", &module.name), ("text", &module.text)];
        Value::object(members.map(|(name, text)| (name.into(), text.as_str().into())))
    });
    let mut line: Members = vec![
        ("seed".into(), Number::from(seed).into()),
        ("modules".into(), Value::array(modules)),
        ("data".into(), policy.data().clone()),
    ];
    if let Err(Outcome::Error(_, why)) = policy.plan() {
        emitted.refused = emitted.refused.saturating_add(1);
        // Counted as one case, so that a campaign of policies that are refused ends.
        emitted.cases = emitted.cases.saturating_add(1);
        line.push(("refused".into(), why.as_str().into()));
        return Value::object(line);
    }
    let mut engine = VmEngine::default();
    let told = |case: &&Case| {
        let asked = policy.entry_points().contains(&case.entry_point);
        asked && case.input.as_ref().is_none_or(Value::is_json)
    };
    let mut answers: Vec<Value> = Vec::new();
    for case in cases.iter().filter(told) {
        let case = Case {
            policy: Arc::clone(policy),
            ..case.clone()
        };
        let outcome = engine.evaluate(&case);
        answers.push(answer(&case, &outcome));
        emitted.cases = emitted.cases.saturating_add(1);
    }
    line.push(("cases".into(), Value::array(answers)));
    Value::object(line)
}

fn answer(case: &Case, outcome: &Outcome) -> Value {
    let mut answer: Members = vec![("query".into(), case.entry_point.as_str().into())];
    if let Some(input) = &case.input {
        answer.push(("input".into(), input.clone()));
    }
    match outcome {
        Outcome::Value(value) => answer.push(("result".into(), value.to_json_projection())),
        Outcome::Undefined => answer.push(("undefined".into(), true.into())),
        Outcome::Refused(why) => answer.push(("limit".into(), why.as_str().into())),
        Outcome::Error(kind, why) => {
            answer.push(("conflict".into(), (*kind == ErrorKind::Conflict).into()));
            answer.push(("error".into(), why.as_str().into()));
        }
    }
    Value::object(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(campaign: &Campaign) -> (Emitted, Vec<Value>) {
        let mut out = Vec::new();
        let emitted = emit(campaign, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let read = |line: &str| json::parse(line.as_bytes(), &json::Limits::default()).unwrap();
        (emitted, text.lines().map(read).collect())
    }

    #[test]
    fn each_line_is_a_policy_with_our_answers() {
        let campaign = Campaign {
            executions: 600,
            inputs: 3,
            interpreter: 5,
            logical: false,
            ..Campaign::default()
        };
        let (emitted, lines) = lines(&campaign);
        assert_eq!(u64::try_from(lines.len()).unwrap(), emitted.policies);
        assert!(
            emitted.refused > 0 && emitted.refused < emitted.policies / 4,
            "{emitted:?}"
        );
        let mut kinds = BTreeSet::new();
        for line in &lines {
            assert!(!line.get("modules").unwrap().as_array().unwrap().is_empty());
            assert!(!line.to_string().contains("future.keywords"));
            for case in line.get("cases").and_then(Value::as_array).unwrap_or_default() {
                let told = ["result", "undefined", "error", "limit"];
                let told: Vec<_> = told.into_iter().filter(|key| case.get(key).is_some()).collect();
                assert_eq!(told.len(), 1, "{case}");
                kinds.extend(told);
            }
        }
        assert!(
            kinds.contains("result") && kinds.contains("undefined"),
            "{kinds:?}"
        );
    }

    #[test]
    fn repairs_leave_out_statements_and_rules() {
        let text = "package gen\n\nr0 := 1 if {\n\tinput.a\n\tupper(1)\n}\n\nr1 := 2 if {\n\tupper(1)\n} else := 3 if {\n\tinput.b\n}\n\nr2 := upper(1)\n\nr3 if r0\n";
        let module = Module {
            name: "gen.rego".to_owned(),
            text: text.to_owned(),
        };
        let asked = ["gen/r0", "gen/r1", "gen/r3", "gen"].map(|path| EntryPoint::new(path).unwrap());
        let policy = Policy::new(vec![module], asked.to_vec(), Value::object([]));
        let repaired = repaired(policy.read_as(CompileOptions::default()));
        assert_eq!(
            repaired.modules()[0].text,
            "package gen\n\nr0 := 1 if {\n\tinput.a\n}\n\n\n\nr3 if r0\n"
        );
        let asked: Vec<&str> = repaired.entry_points().iter().map(EntryPoint::as_str).collect();
        assert_eq!(asked, ["gen/r0", "gen/r3", "gen"]);
    }
}
