//! Partial evaluation: what is inlined, what is kept, and in which form.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

use stele_rego::eval::{Context, EvalError, LimitKind, Limits};
use stele_rego::partial::{PartialError, PartialOptions, PartialRequest, Residual, partially_evaluate};
use stele_rego::{CompileOptions, Negation, QueryScope, SourceFile, parse, parse_query};
use stele_types::{Value, json};

struct Asked<'a> {
    policy: &'a str,
    query: &'a str,
    data: &'a str,
    input: Option<&'a str>,
    options: PartialOptions,
    limits: Limits<'static>,
}

impl<'a> Asked<'a> {
    fn new(policy: &'a str, query: &'a str) -> Self {
        Self {
            policy,
            query,
            data: "{}",
            input: None,
            options: PartialOptions::default(),
            limits: Limits::default(),
        }
    }

    fn data(self, data: &'a str) -> Self {
        Self { data, ..self }
    }

    fn unknowns(mut self, unknowns: &[&str]) -> Self {
        self.options.unknowns = unknowns.iter().map(ToString::to_string).collect();
        self
    }

    fn run(&self) -> Result<Residual, PartialError> {
        let value = |text: &str| json::parse(text.as_bytes(), &json::Limits::default()).unwrap();
        let module = parse(&SourceFile::new("policy.rego", self.policy)).unwrap();
        let source = SourceFile::new("query", self.query);
        let input = self.input.map(value);
        partially_evaluate(&PartialRequest {
            modules: &[module],
            scope: &QueryScope::default(),
            source: &source,
            query: &parse_query(&source).unwrap(),
            data: &value(self.data),
            input: input.as_ref(),
            context: Context::default(),
            limits: self.limits,
            strict_builtin_errors: false,
            compile: &CompileOptions::with_negation(Negation::Whole),
            options: &self.options,
        })
    }

    /// The queries, a line each, with `;` between statements.
    fn queries(&self) -> Vec<String> {
        let residual = self.run().unwrap();
        residual
            .queries()
            .iter()
            .map(|query| query.replace('\n', "; "))
            .collect()
    }

    fn support(&self) -> String {
        self.run().unwrap().support().join("\n")
    }
}

const RBAC: &str = r#"package rbac
default allow := false
allow if { input.method == "GET"; public }
allow if {
    some role in data.bindings[input.user]
    some grant in data.grants[role]
    grant.action == input.method
}
public if startswith(input.path, "/public/")
"#;

const ROLES: &str = r#"{"bindings": {"ann": ["admin"], "bob": ["dev", "ops"]},
    "grants": {"admin": [{"action": "DELETE"}], "dev": [{"action": "GET"}], "ops": []}}"#;

#[test]
fn rules_are_inlined_and_known_data_disappears() {
    let asked = Asked::new(RBAC, "data.rbac.allow == true").data(ROLES);
    assert_eq!(
        asked.queries(),
        [
            r#"input.method = "GET"; startswith(input.path, "/public/")"#,
            r#"input.user = "ann"; input.method = "DELETE""#,
            r#"input.user = "bob"; input.method = "GET""#,
        ]
    );
    assert_eq!(asked.support(), "", "the default can't be true");
}

#[test]
fn what_is_known_is_decided() {
    let known = |user: &'static str, method: &'static str| {
        let mut asked = Asked::new(RBAC, "data.rbac.allow == true").data(ROLES);
        asked.options.unknowns = vec!["input.path".to_owned()];
        let text = format!(r#"{{"user": "{user}", "method": "{method}"}}"#);
        let leaked: &'static str = Box::leak(text.into_boxed_str());
        asked.input = Some(leaked);
        asked.queries()
    };
    assert_eq!(known("ann", "DELETE"), [""], "always");
    assert_eq!(known("ann", "PUT"), [""; 0], "never");
    assert_eq!(known("ann", "GET"), [r#"startswith(input.path, "/public/")"#]);
}

#[test]
fn defaults_are_kept_where_they_matter() {
    let asked = Asked::new(RBAC, "x := data.rbac.allow").data("{}");
    assert_eq!(asked.queries(), ["x = data.partial.rbac.allow"]);
    assert_eq!(
        asked.support(),
        "package partial.rbac\n\nallow := true if {\n\tinput.method = \"GET\"\n\tstartswith(input.path, \"/public/\")\n}\n\ndefault allow := false\n"
    );
}

#[test]
fn inlining_can_be_switched_off() {
    let mut asked = Asked::new(RBAC, "data.rbac.allow == true").data("{}");
    asked.options.disable_inlining = vec!["data.rbac.public".to_owned()];
    assert_eq!(
        asked.queries(),
        [r#"input.method = "GET"; data.partial.rbac.public"#]
    );
    asked.options.disable_inlining.clear();
    asked.options.shallow_inlining = true;
    assert_eq!(asked.queries(), ["data.partial.rbac.allow = true"]);
}

#[test]
fn values_that_may_conflict_stay_in_one_rule() {
    let policy = "package p\nlevel := 1 if input.a\nlevel := 2 if input.b\n";
    let asked = Asked::new(policy, "data.p.level > 1");
    assert_eq!(asked.queries(), ["data.partial.p.level > 1"]);
    let one = "package p\nname := input.user.name\n";
    assert_eq!(
        Asked::new(one, "data.p.name == \"ann\"").queries(),
        [r#"input.user.name = "ann""#]
    );
    let many = "package p\nname := x if some x in input.names\n";
    assert_eq!(
        Asked::new(many, "data.p.name == \"ann\"").queries(),
        [r#"data.partial.p.name = "ann""#]
    );
}

#[test]
fn negation_keeps_its_meaning() {
    let policy =
        "package p\nblocked if input.user in data.blocked\nlate if { input.hour > 20; not input.oncall }\n";
    let asked = Asked::new(policy, "not data.p.blocked").data(r#"{"blocked": ["eve"]}"#);
    assert_eq!(asked.queries(), ["not data.partial.__cond1__"]);
    assert!(
        asked.support().contains("input.user in [\"eve\"]"),
        "{}",
        asked.support()
    );
    let plain = "package p\nroot if input.user == \"root\"\nroot if input.uid == 0\n";
    assert_eq!(
        Asked::new(plain, "not data.p.root").queries(),
        [r#"not input.user = "root"; not input.uid = 0"#]
    );
    let outer = "package p\nq if { some x in input.xs; not bad(x) }\nbad(x) if { x.a == 1; x.b == 2 }\n";
    let asked = Asked::new(outer, "data.p.q");
    assert_eq!(
        asked.queries(),
        ["v2 = input.xs[v1]; not data.partial.__cond1__(v2)"]
    );
    assert_eq!(
        asked.support(),
        "package partial\n\n__cond1__(v2) := true if {\n\tv2.a = 1\n\tv2.b = 2\n}\n"
    );
}

#[test]
fn closures_and_with_are_kept_whole() {
    let names = "package p\nnames := {n | some n in input.names; data.known[n]}\n";
    let asked = Asked::new(names, "count(data.p.names) > 1").data(r#"{"known": {"a": true}}"#);
    assert_eq!(
        asked.queries(),
        ["v2 = {n | n = input.names[v1]; data.partial.__whole__.known[n]}; v3 = count(v2); v3 > 1"]
    );
    assert_eq!(
        asked.support(),
        "package partial.__whole__\n\nknown := {\"a\": true}\n"
    );
    let replaced =
        "package p\nq if allow with input as {\"user\": input.delegate}\nallow if input.user == data.owner\n";
    let asked = Asked::new(replaced, "data.p.q").data(r#"{"owner": "ann"}"#);
    assert_eq!(
        asked.queries(),
        [r#"v1 = input.delegate; data.partial.__whole__.p.allow with input as {"user": v1}"#]
    );
    let known =
        "package p\nq if allow with input as {\"user\": \"ann\"}\nallow if input.user == data.owner\n";
    assert_eq!(
        Asked::new(known, "data.p.q")
            .data(r#"{"owner": "ann"}"#)
            .queries(),
        [""]
    );
}

#[test]
fn every_over_known_elements_is_unrolled() {
    let policy = "package p\nq if every tag in data.required { input.tags[tag] }\n";
    let asked = Asked::new(policy, "data.p.q").data(r#"{"required": ["owner", "cost"]}"#);
    assert_eq!(asked.queries(), ["input.tags.owner; input.tags.cost"]);
    assert_eq!(
        Asked::new(policy, "data.p.q")
            .data(r#"{"required": []}"#)
            .queries(),
        [""]
    );
}

#[test]
fn else_keeps_its_order() {
    let policy = "package p\nf(x) := 1 if x > data.high\nelse := 2 if input.low\nelse := 3\n";
    let asked = Asked::new(policy, "data.p.f(input.n) == 2").data(r#"{"high": 9}"#);
    assert_eq!(asked.queries(), ["data.partial.p.f(input.n, 2)"]);
    assert_eq!(
        asked.support(),
        "package partial.p\n\nf(x) := 1 if {\n\tx > 9\n} else := 2 if {\n\tinput.low\n} else := 3 if {\n\ttrue\n}\n"
    );
}

#[test]
fn data_can_be_unknown() {
    let policy = "package p\nallow contains pet.name if { some pet in data.pets; pet.owner == input.user }\n";
    let mut asked = Asked::new(policy, "data.p.allow[x]").unknowns(&["data.pets"]);
    asked.input = Some(r#"{"user": "ann"}"#);
    asked.query = "some x; data.p.allow[x]";
    assert_eq!(
        asked.queries(),
        [r#"data.pets[v1].owner = "ann"; data.pets[v1].name; x = data.pets[v1].name"#]
    );
}

#[test]
fn sets_and_objects_without_rules_left_are_empty_not_undefined() {
    let policy = "package p\ns contains input.x if data.never\no[k] := 1 if { data.never; k := input.k }\n";
    for query in ["x := data.p.s", "x := data.p.o"] {
        let support = Asked::new(policy, query).support();
        assert!(support.contains("false"), "{support}");
    }
}

#[test]
fn time_is_unknown_unless_asked_for() {
    let policy = "package p\nq if time.now_ns() > input.from\n";
    let asked = Asked::new(policy, "data.p.q");
    assert_eq!(asked.queries(), ["v1 = time.now_ns(); v1 > input.from"]);
}

#[test]
fn results_and_work_are_bounded() {
    let policy = "package p\nq if { some i in numbers.range(1, 400); some j in numbers.range(1, 400); input.n == i * j }\n";
    let mut asked = Asked::new(policy, "data.p.q");
    asked.limits.instructions = 10_000;
    assert!(matches!(
        asked.run(),
        Err(PartialError::Eval(EvalError::Limit {
            limit: LimitKind::Instructions,
            ..
        }))
    ));
    let mut asked = Asked::new("package p\nq if input.n in numbers.range(1, 50)\n", "data.p.q");
    asked.options.max_terms = 20;
    assert_eq!(asked.run().unwrap_err(), PartialError::TooLarge(20));
}

#[test]
fn options_are_checked() {
    for unknown in ["nope", "data[", "input[x]", ""] {
        let asked = Asked::new(RBAC, "data.rbac.allow").unknowns(&[unknown]);
        assert!(matches!(asked.run(), Err(PartialError::Option(_))), "{unknown}");
    }
    let mut asked = Asked::new(RBAC, "data.rbac.allow");
    asked.options.disable_inlining = vec!["input.x".to_owned()];
    assert!(matches!(asked.run(), Err(PartialError::Option(_))));
}

#[test]
fn deep_chains_of_rules_end_in_support_rules() {
    let mut policy = String::from("package p\nr0 if input.x\n");
    for n in 1..400 {
        policy.push_str(&format!("r{n} if r{}\n", n - 1));
    }
    let asked = Asked::new(&policy, "data.p.r399");
    assert_eq!(asked.queries().len(), 1);
    assert!(asked.support().contains("input.x"));
}

/// The shapes that OPA documents for its compile API.
#[test]
fn the_syntax_tree_has_opas_shape() {
    let policy = "package p\nq if { input.n > 3; not input.off; f(input.s) }\nf(s) if { s == \"a\" } else := false if { s == \"b\" }\n";
    let found = Asked::new(policy, "data.p.q").run().unwrap().to_json();
    let expected = r#"{
      "queries": [[
        {"index": 0, "terms": [
          {"type": "ref", "value": [{"type": "var", "value": "gt"}]},
          {"type": "ref", "value": [{"type": "var", "value": "input"}, {"type": "string", "value": "n"}]},
          {"type": "number", "value": 3}]},
        {"index": 1, "negated": true, "terms":
          {"type": "ref", "value": [{"type": "var", "value": "input"}, {"type": "string", "value": "off"}]}},
        {"index": 2, "terms": [
          {"type": "ref", "value": [{"type": "var", "value": "data"}, {"type": "string", "value": "partial"},
            {"type": "string", "value": "p"}, {"type": "string", "value": "f"}]},
          {"type": "ref", "value": [{"type": "var", "value": "input"}, {"type": "string", "value": "s"}]}]}
      ]],
      "support": [{
        "package": {"path": [{"type": "var", "value": "data"}, {"type": "string", "value": "partial"}, {"type": "string", "value": "p"}]},
        "rules": [{
          "head": {"name": "f", "args": [{"type": "var", "value": "s"}], "value": {"type": "boolean", "value": true},
            "assign": true, "ref": [{"type": "var", "value": "f"}]},
          "body": [{"index": 0, "terms": [{"type": "ref", "value": [{"type": "var", "value": "eq"}]},
            {"type": "var", "value": "s"}, {"type": "string", "value": "a"}]}],
          "else": {
            "head": {"name": "f", "args": [{"type": "var", "value": "s"}], "value": {"type": "boolean", "value": false},
              "assign": true, "ref": [{"type": "var", "value": "f"}]},
            "body": [{"index": 0, "terms": [{"type": "ref", "value": [{"type": "var", "value": "eq"}]},
              {"type": "var", "value": "s"}, {"type": "string", "value": "b"}]}]}
        }]
      }]
    }"#;
    let expected = json::parse(expected.as_bytes(), &json::Limits::default()).unwrap();
    assert_eq!(json::to_string_pretty(&found), json::to_string_pretty(&expected));
    let nothing = Asked::new(policy, "1 == 2").run().unwrap().to_json();
    assert_eq!(nothing, Value::object([]));
}
