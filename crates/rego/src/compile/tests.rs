use stele_types::EntryPoint;

use super::{CompileOptions, Negation, check, compile, compile_query};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir;
use crate::source::SourceFile;
use crate::syntax::ast::Module;

fn modules(texts: &[&str]) -> Vec<Module> {
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let source = SourceFile::new(format!("{index}.rego"), *text);
            crate::parse(&source).unwrap_or_else(|errors| panic!("{}", errors[0].render(text)))
        })
        .collect()
}

fn plan(texts: &[&str], entry_points: &[&str]) -> ir::Policy {
    let entry_points: Vec<EntryPoint> = entry_points
        .iter()
        .map(|path| EntryPoint::new(path).unwrap())
        .collect();
    compile(&modules(texts), &entry_points, &CompileOptions::default()).unwrap_or_else(|errors| {
        panic!(
            "{}",
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        )
    })
}

fn errors(texts: &[&str]) -> Vec<Diagnostic> {
    check(&modules(texts), &CompileOptions::default()).expect_err("these modules must not compile")
}

/// Code, message, help and underlined text of each error, in one line.
fn described(text: &str) -> Vec<String> {
    let source = SourceFile::new("0.rego", text);
    errors(&[text])
        .iter()
        .map(|e| {
            format!(
                "{} | {} | {} | {}",
                e.code,
                e.message,
                e.help.as_deref().unwrap_or(""),
                source.slice(e.span)
            )
        })
        .collect()
}

const ERRORS: &[(&str, &str)] = &[
    (
        "package a\np := frobnicate(1)\n",
        "undefined-function | unknown function `frobnicate` | it is neither a builtin nor a function of this package or an import | frobnicate",
    ),
    (
        "package a\np if startwith(\"a\", \"b\")\n",
        "undefined-function | unknown function `startwith` | did you mean `startswith`? | startwith",
    ),
    (
        "package a\np := count(1, 2)\n",
        "arity | `count` takes 1 argument, not 2 |  | count(1, 2)",
    ),
    (
        "package a\nf(x) := x\n\np := f(1, 2)\n",
        "arity | `f` takes 1 argument, not 2 |  | f(1, 2)",
    ),
    (
        "package a\nq := 1\n\np := q(1)\n",
        "undefined-function | `q` is a rule, not a function | give it parameters, or read its value without parentheses | q",
    ),
    (
        "package a\nq() := 1\n\np := q()\n",
        "undefined-function | `q` is a rule, not a function | give it parameters, or read its value without parentheses | q",
    ),
    (
        "package a\nf(x) := x\n\ndeny if f\n",
        "type | `data.a.f` is a function, and has no value of its own | call it with arguments | f",
    ),
    (
        "package a\nf(x) := x\n\nallow if not data.a.f.y\n",
        "type | `data.a.f` is a function, and has no value of its own | call it with arguments | data.a.f.y",
    ),
    (
        "package a\nimport data.a.f as g\nf(x) := x\n\np contains g[\"x\"]\n",
        "type | `data.a.f` is a function, and has no value of its own | call it with arguments | g[\"x\"]",
    ),
    (
        "package a\np if x > 1\n",
        "unsafe-var | the variable `x` is not bound | give it a value with `:=` or `some ... in`, or name a rule or import of this name | x",
    ),
    (
        "package a\np := x if input.y == 1\n",
        "unsafe-var | the variable `x` is not bound | give it a value with `:=` or `some ... in`, or name a rule or import of this name | x",
    ),
    (
        "package a\np if not input.xs[_] == 1\n",
        "unsafe-var | the wildcard `_` is not bound here | negated statements and operands can't iterate; write a rule for the statement, or put it into braces below an import of `future.keywords` | _",
    ),
    (
        "package a\np if not startswith(input.xs[_], \"a\")\n",
        "unsafe-var | the wildcard `_` is not bound here | negated statements and operands can't iterate; write a rule for the statement, or put it into braces below an import of `future.keywords` | _",
    ),
    (
        "package a\np := [x | y := 1]\n",
        "unsafe-var | the variable `x` is not bound | give it a value with `:=` or `some ... in`, or name a rule or import of this name | x",
    ),
    (
        "package a\np if {\n\tx := 1\n\tx := 2\n}\n",
        "redeclared | `x` is declared twice in one body | compare with `==`, or choose another name | x",
    ),
    (
        "package a\np if {\n\tinput.y == x\n\tx := 2\n}\n",
        "redeclared | `x` is used above its declaration | move the declaration up, or choose another name | x",
    ),
    (
        "package a\np := 1\n\np contains 2\n",
        "rule-conflict | `data.a.p` is defined as a single value and as a set | rename one of the definitions, or make them of one kind | p contains 2",
    ),
    (
        "package a\np[input.x] := 1 if input.y\n\nelse := 2\n",
        "invalid-head | a rule whose path is not constant can't have an `else` | compute the value in a function with an `else`, and call it | else := 2",
    ),
    (
        "package a\ndefault p := input.x\n",
        "invalid-head | the value of a default must be constant | write a rule for the value that is computed, and a constant as the default | input.x",
    ),
    (
        "package a\np if input.x := 1\n",
        "redeclared | nothing can be assigned to this | declare a name, or compare with `==` | input.x",
    ),
    (
        "package a\nf(x) := x\n\nf(x, y) := x + y\n",
        "rule-conflict | `data.a.f` is defined with 1 and with 2 parameters | rename one of the definitions, or make them of one kind | f(x, y) := x + y",
    ),
    (
        "package a\ndefault p := 1\n\ndefault p := 2\n",
        "rule-conflict | `data.a.p` has two defaults | keep one of them | p := 2",
    ),
    (
        "package a\np := 1\n\np.q := 2\n",
        "rule-conflict | `data.a.p` has a value of its own and rules below it | rename this rule, or the rules or package below it | p := 1",
    ),
    (
        "package a\ninput := 1\n",
        "invalid-head | a rule can't be named `input` | choose another name | input := 1",
    ),
    (
        "package a\np := any([true])\n",
        "deprecated-builtin | Rego v1 has no builtin `any` | write `some x in xs; x` or `true in xs` | any",
    ),
    (
        "package a\np if q\n\nq if not r\n\nr if p\n",
        "recursion | `data.a.p` depends on itself: data.a.p -> data.a.q -> data.a.r -> data.a.p | Rego has no recursion; `walk` and `graph.reachable` cover most uses of it | p",
    ),
    (
        "package a\np := data.a[input.x]\n",
        "recursion | `data.a.p` depends on itself: data.a.p -> data.a.p | Rego has no recursion; `walk` and `graph.reachable` cover most uses of it | p := data.a[input.x]",
    ),
    (
        "package a\nq := {\"x\": 1}\n\np := v if v := q with data.a.q.x as 2\n",
        "invalid-with | `with` can't replace a part of the rule `data.a.q` | replace the whole rule | data.a.q.x",
    ),
    (
        "package a\np if true with foo as 1\n",
        "invalid-with | `foo` can't be replaced | `with` replaces `input`, a document below `data`, a rule or a function | foo",
    ),
    (
        "package a\np if true with input[input.x] as 1\n",
        "invalid-with | what `with` replaces must be constant | replace the document above it, e.g. `with input as object.union(input, {...})` | input.x",
    ),
    (
        "package a\nf(x) := x\n\np if count([]) == 0 with count as concat\n",
        "arity | `count` takes 1 arguments, its replacement `concat` takes 2 |  | concat",
    ),
    (
        "package a\nimport data.b\nimport data.c.b\n\np := b\n",
        "invalid-import | `b` is imported twice | give one of them another name with `as`, or remove it | import data.c.b",
    ),
    (
        "package a\np if false else := rego.metadata.rule()\n",
        "unsupported | `rego.metadata.rule` is not supported here: it may be called in the main part of a rule only | pass what the policy needs as data | rego.metadata.rule()",
    ),
];

#[test]
fn errors_say_what_where_and_how_to_mend_it() {
    for (text, wanted) in ERRORS {
        assert_eq!(described(text), [*wanted], "{text}");
    }
}

#[test]
fn several_errors_are_reported_in_one_run() {
    let found: Vec<(u32, Code)> =
        errors(&["package a\n\np if x == 1\n\nq := nope(1)\n\nr if {\n\ty == 1\n\tz := count()\n}\n"])
            .iter()
            .map(|error| (error.line, error.code))
            .collect();
    assert_eq!(
        found,
        [
            (3, Code::UnsafeVar),
            (5, Code::UndefinedFunction),
            (9, Code::Arity)
        ]
    );
}

#[test]
fn unknown_entry_points_are_errors() {
    let text = "package a.b\n\np := 1\n\nf(x) := x\n";
    for (path, message) in [
        ("a/q", "no rule or package answers the entry point `a/q`"),
        ("a/b/f", "the entry point `a/b/f` is a function"),
    ] {
        let entry_point = EntryPoint::new(path).unwrap();
        let errors = compile(&modules(&[text]), &[entry_point], &CompileOptions::default()).unwrap_err();
        assert_eq!(
            (errors[0].code, errors[0].message.as_str()),
            (Code::UnknownEntryPoint, message)
        );
    }
    for path in ["a", "a/b", "a/b/p"] {
        assert_eq!(plan(&[text], &[path]).plans[0].name, path);
    }
}

#[test]
fn names_resolve_to_what_is_nearest() {
    // A parameter hides a rule, a local hides an import, and a rule hides a builtin.
    let text = "package a\n\nimport data.lib.z\n\nx := 1\n\ncount(v) := v\n\nf(x) := x\n\np := [f(2), y, count(3), z.q] if {\n\ty := x\n\tz := {\"q\": 4}\n}\n";
    assert!(check(&modules(&[text]), &CompileOptions::default()).is_ok());
    let policy = plan(&[text], &["a/p"]);
    assert!(policy.func("g0.data.a.count").is_some());
    assert!(policy.static_.builtin_funcs.is_empty());
}

#[test]
fn plans_verify_and_survive_json_and_text() {
    let policy = plan(&[STATEMENTS], &["t", "t/p", "t/q"]);
    ir::verify(&policy).unwrap();
    let json = serde_json::to_string(&policy).unwrap();
    let read: ir::Policy = serde_json::from_str(&json).unwrap();
    assert_eq!(read, policy);
}

const STATEMENTS: &str = "package t\n\ndefault p := false\n\np if {\n\tinput.user == \"ada\"\n\tnot input.locked\n}\n\np := v if v := input.v\n\nelse := 3\n\nq contains x if {\n\tsome x in input.xs\n\tx > 1\n}\n\nr[k] := [v | some v in vs] if some k, vs in input.m\n\ns if every x in input.xs { x != 0 }\n\nf(a, [b, 1]) := a + b\n\nt := v if v := f(1, [2, 1]) with input.u as 3\n\nu.v.w[x].y := x if x := input.x\n";

#[test]
fn plan_of_a_complete_rule() {
    let policy = plan(
        &[
            "package t\n\ndefault allow := false\n\nallow if {\n\tinput.user == \"ada\"\n\tnot input.locked\n}\n",
        ],
        &["t/allow"],
    );
    insta::assert_snapshot!(ir::text::print(&policy));
}

#[test]
fn plan_of_partial_rules() {
    let policy = plan(
        &[
            "package t\n\nq contains x if {\n\tsome x in input.xs\n\tx > 1\n}\n\nr[k].n := v if some k, v in input.m\n",
        ],
        &["t"],
    );
    insta::assert_snapshot!(ir::text::print(&policy));
}

#[test]
fn plan_of_functions_else_and_with() {
    let policy = plan(
        &[
            "package t\n\nf(x, [y, 1]) := x if x > y\n\nelse := y\n\np := v if v := f(1, [2, 1]) with input.u as 3\n",
        ],
        &["t/p"],
    );
    insta::assert_snapshot!(ir::text::print(&policy));
}

#[test]
fn replaced_functions_are_planned_in_a_context_of_their_own() {
    let text = "package t\n\nmock(x) := count(x) + 1\n\np := v if v := q with count as mock\n\nq := count([1])\n\nr := v if v := q with count as 7\n";
    let policy = plan(&[text], &["t/p", "t/q", "t/r"]);
    let names: Vec<&str> = policy.funcs.iter().map(|func| func.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "g0.data.t.mock",
            "g0.data.t.p",
            "g0.data.t.q",
            "g0.data.t.r",
            "g1.data.t.q",
            "g2.data.t.q"
        ]
    );
    // The value travels as a parameter.
    assert_eq!(policy.func("g2.data.t.q").unwrap().params.len(), 3);
}

#[test]
fn long_bodies_and_deep_terms_need_no_stack() {
    let statements = "\tinput.x == 1\n".repeat(20_000);
    let long = format!("package t\n\np if {{\n{statements}}}\n");
    assert_eq!(plan(&[&long], &["t/p"]).plans.len(), 1);
    let sum = format!("package t\n\np := 1{}\n", " + 1".repeat(300));
    let nested = format!("package t\n\nq := {}1{}\n", "[".repeat(70), "]".repeat(70));
    assert_eq!(plan(&[&sum, &nested], &["t/p", "t/q"]).plans.len(), 2);
    let closures = format!(
        "package t\n\np := {}1{}\n",
        "[x | x := ".repeat(38),
        "]".repeat(38)
    );
    assert_eq!(plan(&[&closures], &["t/p"]).plans.len(), 1);
}

#[test]
fn too_many_iterations_are_an_error() {
    let scans = "\tinput.x[_]\n".repeat(200);
    let text = format!("package t\n\np if {{\n{scans}}}\n");
    let entry_point = EntryPoint::new("t/p").unwrap();
    let errors = compile(&modules(&[&text]), &[entry_point], &CompileOptions::default()).unwrap_err();
    assert_eq!(errors[0].code, Code::TooComplex);
    assert_eq!(errors[0].line, 123);
}

#[test]
fn references_to_many_rules_from_many_places_are_an_error() {
    let policy = |count: usize, max_statements: usize| {
        let each = |n: usize| format!("q.a{n} := {n}\n\nr{n} := q[input.k{n}]\n\n");
        let text: String = (0..count).map(each).collect();
        compile(
            &modules(&[&format!("package t\n\n{text}")]),
            &[EntryPoint::new("t").unwrap()],
            &CompileOptions {
                max_statements,
                ..CompileOptions::default()
            },
        )
    };
    assert!(policy(20, 10_000).is_ok());
    let large = policy(120, 10_000).unwrap_err();
    // Wherever in a rule, or between two, there is no room for more.
    let small: Vec<_> = (0..200).filter_map(|most| policy(20, most).err()).collect();
    assert_eq!(small.len(), 200);
    for errors in small.into_iter().chain([large]) {
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].code, Code::TooComplex);
        assert!(errors[0].message.contains("too many statements"), "{errors:?}");
    }
}

#[test]
fn rules_hide_no_builtins_whose_names_begin_as_theirs() {
    let text = "package t\n\nobject := {\"a\": 1}\n\ninternal := 1\n\np if {\n\tobject.get(object, \"a\", 2) == internal\n\t1 in [internal]\n}\n";
    let answer = evaluate(text, "t/p", "{}", &CompileOptions::default());
    assert_eq!(answer.as_deref(), Some("true"));
}

#[test]
fn paths_of_rules_have_few_names() {
    for (package, head) in [
        ("p".to_owned(), "r.a".to_owned()),
        ("p.a.b".to_owned(), "r".to_owned()),
    ] {
        assert!(compile_one(&format!("package {package}\n\n{head} := 1\n")).is_ok());
    }
    for text in [
        format!("package p\n\nr{} := 1\n", ".a".repeat(200)),
        format!("package p{}\n\nr{} := 1\n", ".a".repeat(90), ".b".repeat(90)),
    ] {
        let errors = compile_one(&text).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].code, Code::TooComplex);
    }
    let source = SourceFile::new("p.rego", format!("package p{}\n", ".a".repeat(40_000)));
    let errors = crate::parse(&source).unwrap_err();
    assert_eq!(errors[0].code, Code::TooComplex);
}

fn compile_one(text: &str) -> Result<crate::ir::Policy, Vec<crate::Diagnostic>> {
    let entry_point = EntryPoint::new("p").unwrap();
    compile(&modules(&[text]), &[entry_point], &CompileOptions::default())
}

#[test]
fn rules_that_all_depend_on_each_other_are_a_few_errors() {
    let text: String = (0..60)
        .map(|n| format!("r{n} := data.t[input.k{n}]\n\n"))
        .collect();
    let errors = compile(
        &modules(&[&format!("package t\n\n{text}")]),
        &[EntryPoint::new("t").unwrap()],
        &CompileOptions::default(),
    )
    .unwrap_err();
    assert_eq!(errors.len(), 32);
    assert!(errors.iter().all(|error| error.code == Code::Recursion));
    let ring: String = (0..100)
        .map(|n| format!("r{n} := r{}\n\n", (n + 1) % 100))
        .collect();
    let errors = compile_one(&format!("package p\n\n{ring}")).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].message.matches(" -> ").count(), 25);
    assert!(errors[0].message.contains("-> (76 more) ->"));
}

#[test]
fn queries_give_their_variables() {
    let source = SourceFile::new("query", "x := data.t.p; y = x + 1");
    let query = crate::parse_query(&source).unwrap();
    let policy = compile_query(
        &modules(&["package t\n\np := 1\n"]),
        &source,
        &query,
        &CompileOptions::default(),
    )
    .unwrap();
    assert_eq!(policy.plans[0].name, "eval");
    for name in ["x", "y"] {
        assert!(policy.static_.strings.iter().any(|text| text == name));
    }
    let unsafe_query = SourceFile::new("query", "x > 1");
    let body = crate::parse_query(&unsafe_query).unwrap();
    let errors = compile_query(&[], &unsafe_query, &body, &CompileOptions::default()).unwrap_err();
    assert_eq!(
        (errors[0].code, errors[0].file.as_ref()),
        (Code::UnsafeVar, "query")
    );
}

/// The result of an entry point on an input, as JSON.
fn evaluate(text: &str, entry_point: &str, input: &str, options: &CompileOptions) -> Option<String> {
    use crate::eval::{Context, Evaluator, Limits, NoTrace};
    use stele_types::{Value, json};
    let entry_point = EntryPoint::new(entry_point).unwrap();
    let policy = compile(&modules(&[text]), std::slice::from_ref(&entry_point), options).unwrap();
    let input = json::parse(input.as_bytes(), &json::Limits::default()).unwrap();
    let data = Value::Object(std::sync::Arc::default());
    let evaluator = Evaluator::new(&policy).unwrap();
    let results = evaluator
        .evaluate(
            entry_point.as_str(),
            Some(&input),
            &data,
            &Context::default(),
            &Limits::default(),
            &mut NoTrace,
        )
        .unwrap();
    results
        .first()
        .map(|result| json::to_string(result.get("result").unwrap()))
}

#[test]
fn negation_of_nested_undefined_terms_follows_the_option() {
    let text = "package t\n\nf(x) if x == 1\n\np contains 1 if not f(input.x)\n\np contains 2 if not \"a\" in input.xs\n\np contains 3 if not count(input.x) > 3\n\np contains 4 if not input.x == 1\n\np contains 5 if not [y | y := input.x] == []\n\np contains 6 if {\n\tz := 1\n\tnot f(z + 1) with input.x as 1\n}\n";
    let whole = CompileOptions::with_negation(Negation::Whole);
    assert_eq!(
        evaluate(text, "t/p", "{}", &CompileOptions::default()).unwrap(),
        "[4,6]"
    );
    assert_eq!(evaluate(text, "t/p", "{}", &whole).unwrap(), "[1,2,3,4,6]");
    let input = "{\"x\": [1], \"xs\": [\"a\"]}";
    assert_eq!(
        evaluate(text, "t/p", input, &CompileOptions::default()).unwrap(),
        "[1,3,4,5,6]"
    );
    assert_eq!(evaluate(text, "t/p", input, &whole).unwrap(), "[1,3,4,5,6]");
}

#[test]
fn wildcards_in_negations_are_unsafe_under_both_options() {
    for negation in [Negation::Statement, Negation::Whole] {
        for body in [
            "not input.xs[_]",
            "not f(input.xs[_])",
            "not input.xs[_] == 1",
            "not y = 1",
        ] {
            let text = format!("package t\n\nf(x) := x\n\np if {body}\n");
            let options = CompileOptions::with_negation(negation);
            let errors = check(&modules(&[&text]), &options).unwrap_err();
            assert_eq!(errors[0].code, Code::UnsafeVar, "{body}");
        }
    }
}

#[test]
fn else_branches_below_objects_are_kept() {
    let text = "package t\n\np[k] := 1 if k := input.k\n\np.a.b := 2 if input.x == 1\n\nelse := 3 if input.x == 2\n\nelse := 4\n";
    let options = CompileOptions::default();
    for (x, wanted) in [(1, 2), (2, 3), (3, 4)] {
        let input = format!("{{\"k\": \"z\", \"x\": {x}}}");
        let found = evaluate(text, "t/p", &input, &options).unwrap();
        assert_eq!(found, format!("{{\"a\":{{\"b\":{wanted}}},\"z\":1}}"));
    }
}

/// Statements that combine into valid and invalid bodies.
const PIECES: &[&str] = &[
    "x := input.a",
    "y = x",
    "some z in input.xs",
    "p[x]",
    "not q.a",
    "not f(y)",
    "x > 1",
    "every v in input.xs { v == x }",
    "w := [y | some y in input.xs; y == x]",
    "[a, b] = [1, x]",
    "{\"k\": c} = input",
    "q[k] == d",
    "data.t[e].g == y",
    "f(x) == z",
    "walk(input, [path, 1])",
    "data.t.q with input.a as x",
    "f(1) with f as 3",
    "input.xs[i] == input.ys[i]",
    "r := $\"{x}\"",
    "count(input.xs, n)",
    "_ = input[_]",
    "data.t.q.a with data.t.q as {\"a\": y}",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]

    // Whatever the statements, the result is a plan that verifies or a diagnostic.
    #[test]
    fn any_mixture_of_statements_is_planned_or_refused(picks in proptest::collection::vec(0..PIECES.len(), 1..7)) {
        let body: Vec<&str> = picks.into_iter().map(|pick| PIECES[pick]).collect();
        let text = format!("package t\n\nmain if {{\n\t{}\n}}\n\np contains 1\n\nq[k] := v if some k, v in input.m\n\nf(x) := x\n", body.join("\n\t"));
        let modules = modules(&[&text]);
        let entry_point = EntryPoint::new("t/main").unwrap();
        if let Err(errors) = compile(&modules, &[entry_point], &CompileOptions::default()) {
            for error in errors {
                proptest::prop_assert!(!error.message.contains("can't be planned"), "{}\n{}", text, error);
            }
        }
    }
}

/// What the query `data.a.p` gives with these modules.
fn value_of(texts: &[&str]) -> String {
    let entry = EntryPoint::new("a/p").unwrap();
    let policy = match compile(&modules(texts), &[entry], &CompileOptions::default()) {
        Ok(policy) => policy,
        Err(errors) => return errors.iter().map(|error| error.message.clone()).collect(),
    };
    let evaluator = crate::eval::Evaluator::new(&policy).unwrap();
    let result = evaluator.evaluate(
        "a/p",
        None,
        &stele_types::Value::object([]),
        &crate::eval::Context::default(),
        &crate::eval::Limits::default(),
        &mut crate::eval::NoTrace,
    );
    let results = result.unwrap();
    stele_types::json::to_string(results[0].get("result").unwrap())
}

#[test]
fn annotations_are_constants_of_the_rule() {
    let own = "package a\n\n# METADATA\n# title: one\n# description: \"\"\n# authors:\n# - Ann B <a@b.example>\n# - name: C\n# \
               related_resources:\n# - https://e.example/x\n# custom:\n#   n: 2\n#   deep: [true, null, 1.5]\n# other: x\np := rego.metadata.rule()\n";
    assert_eq!(
        value_of(&[own]),
        r#"{"authors":[{"email":"a@b.example","name":"Ann B"},{"name":"C"}],"custom":{"deep":[true,null,1.5],"n":2},"related_resources":[{"ref":"https://e.example/x"}],"scope":"rule","title":"one"}"#
    );
    assert_eq!(value_of(&["package a\np := rego.metadata.rule()\n"]), "{}");
    assert_eq!(
        value_of(&["package a\np := x if { rego.metadata.chain(x) }\n"]),
        r#"[{"path":["a","p"]}]"#
    );
}

#[test]
fn the_chain_goes_outward_through_all_modules() {
    let chain = value_of(&[
        "package a\n\n# METADATA\n# title: mine\np.q := rego.metadata.chain()\n",
        "# METADATA\n# title: package\npackage a\n\n# METADATA\n# title: document\n# scope: document\np.q := 1 if false\n",
        "# METADATA\n# title: around\n# scope: subpackages\npackage a\n",
    ]);
    let titles: Vec<&str> = chain
        .split("\"title\":\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(titles, ["mine", "document", "package", "around"]);
    assert!(chain.contains(r#""path":["a","p","q"]"#), "{chain}");
}

#[test]
fn annotations_that_may_be_read_in_two_ways_are_not_shown() {
    for line in [
        "custom: {d: 2020-01-01}",
        "custom: {n: 0777}",
        "schemas: [{input: schema.x}]",
        "title: [1]",
        "a: b: c",
        "- 1",
    ] {
        let text = format!("package a\n\n# METADATA\n# {line}\np := rego.metadata.rule()\n");
        assert!(value_of(&[&text]).contains("is not supported here"), "{line}");
    }
}
