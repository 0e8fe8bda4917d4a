use proptest::prelude::*;

use super::{FormatError, format};
use crate::source::SourceFile;

fn formatted(text: &str) -> String {
    match format(&SourceFile::new("t.rego", text)) {
        Ok(out) => out,
        Err(FormatError::Syntax(errors)) => panic!("{text}\n{}", errors[0].render(text)),
        Err(error) => panic!("{error}\n{text}"),
    }
}

/// Formats a module's text below its package clause, twice, and compares.
#[track_caller]
fn check(before: &str, after: &str) {
    let out = formatted(&format!("package a\n{before}"));
    let want = format!("package a\n\n{after}");
    assert_eq!(out, want, "\ngot:\n{out}\nwanted:\n{want}");
    assert_eq!(formatted(&out), out, "not idempotent");
}

#[test]
fn head_bodies_and_blank_lines() {
    check(
        "default p = false\np = 1 if { x }\nq := {1}  if   {\n\n  x ;y\n\n\n  z }\n",
        "default p := false\n\np := 1 if x\n\nq := {1} if {\n\tx\n\ty\n\n\tz\n}\n",
    );
    check("p if\n  x", "p if {\n\tx\n}\n");
    check(
        "p contains x if { some x in [1,2] }",
        "p contains x if some x in [1, 2]\n",
    );
    check(
        "p if { true }\nf(x) if true\ns contains 1 if true",
        "p := true\nf(x) := true\ns contains 1\n",
    );
    check("p := true if x", "p if x\n");
    check("p := 1;q := 2", "p := 1\n\nq := 2\n");
}

#[test]
fn rules_of_one_line_stay_together() {
    check(
        "p := 1\nq if x\n\nr := 2\ns := [\n1]\nt := 3",
        "p := 1\nq if x\n\nr := 2\ns := [1]\n\nt := 3\n"
            .replace("[1]", "[\n\t1,\n]")
            .as_str(),
    );
    check("p if {{1}}\nq := 1", "p if {\n\t{1}\n}\n\nq := 1\n");
}

#[test]
fn braces_that_would_become_a_body_get_one() {
    for statement in [
        "{1}", "{1: 2}", "{x | x}", "{1} == x", "{1} = x", "{1}[y]", "{1} in x",
    ] {
        check(
            &format!("p if {{ {statement} }}"),
            &format!("p if {{\n\t{statement}\n}}\n"),
        );
    }
    check("p if { set() }", "p if set()\n");
}

#[test]
fn names_in_brackets_become_names_behind_dots() {
    check(
        r#"p := a["b"].c["if"].if["x y"][`z`][("w")] if true"#,
        "p := a.b.c[\"if\"].if[\"x y\"].z.w\n",
    );
    check("a.b := 1\na[\"c\"] := 2", "a[\"b\"] := 1\na[\"c\"] := 2\n");
    check("a.b.c := 1\na[\"c\"] := 2", "a.b.c := 1\na.c := 2\n");
    check("true.b := 1", "true.b := 1\n");
}

#[test]
fn operators_get_the_parentheses_that_opa_gives_them() {
    check("p := 1 + 2 * 3", "p := 1 + (2 * 3)\n");
    check("p := (1 + 2)", "p := 1 + 2\n");
    check("p if 1 + 2 == 3 * 4", "p if 1 + 2 == 3 * 4\n");
    check("p if (a == b) + 1 == c", "p if (a == b) + 1 == c\n");
    check("p if a - (b - c)", "p if a - (b - c)\n");
    check("p := [(a | b), c, d | e]", "p := [(a | b), c, (d | e)]\n");
    check(
        "p if {\nx; -1; - 2 + 2 == 3\n}",
        "p if {\n\tx\n\t(-1)\n\t(-2) + 2 == 3\n}\n",
    );
    check("p := f(a | b, (a | b))", "p := f(a | b, (a | b))\n");
    check("p if (x in y) in z", "p if (x in y) in z\n");
    check("p if x in (y in z)", "p if x in (y in z)\n");
    check("p := [(k, v in z) | k]", "p := [(k, v in z) | k]\n");
    check("p := [(a + b) | k]", "p := [(a + b) | k]\n");
    check(
        "p := - 1\nq := -1\nr := 2--3\ns := -\n4",
        "p := -1\nq := -1\nr := 2 - -3\ns := -4\n",
    );
    check("p := (x)[0]\nq := (\"a\")[0]", "p := (x)[0]\nq := (\"a\")[0]\n");
    check(
        "p if every x in (a in b) { x }",
        "p if every x in (a in b) { x }\n",
    );
}

#[test]
fn lists_keep_to_their_lines() {
    check("p := [\n1,2\n]", "p := [\n\t1, 2,\n]\n");
    check("p := [1,\n2]", "p := [\n\t1,\n\t2,\n]\n");
    check(
        "p := {\"a\":1,\"b\":{\n\"c\":2}}",
        "p := {\"a\": 1, \"b\": {\n\t\"c\": 2,\n}}\n"
            .replace("\"c\": 2,\n}", "\"c\": 2}")
            .replace("{\n\t\"c\": 2}", "{\n\t\"c\": 2,\n}")
            .as_str(),
    );
    check("p := f({\n1})", "p := f({\n\t1,\n})\n");
    check("f(\na,\nb) := c", "f(\n\ta,\n\tb,\n) := c\n");
}

#[test]
fn comprehensions_keep_their_bodies_on_their_lines() {
    check("p := [x|x=y;z]", "p := [x | x = y; z]\n");
    check("p := [x|\nx=y;z]", "p := [x |\n\tx = y\n\tz\n]\n");
    check("p := {\nk: v | v = xs[k] }", "p := {k: v |\n\tv = xs[k]\n}\n");
    check(
        "p if every k, v in xs {\n k }",
        "p if every k, v in xs {\n\tk\n}\n",
    );
}

#[test]
fn else_keeps_its_place() {
    check("p := 1 if { x } else = 2 if y", "p := 1 if x\n\nelse := 2 if y\n");
    check(
        "p := 1 if {\n x } else = 2 if y",
        "p := 1 if {\n\tx\n} else := 2 if y\n",
    );
    check(
        "p := 1 if {\n x }\nelse = 2",
        "p := 1 if {\n\tx\n}\n\nelse := 2\n",
    );
    check(
        "p := 1 if {\n x } # a\n# b\nelse if { true }",
        "p := 1 if {\n\tx\n} # a\n\n# b\nelse := true\n",
    );
}

#[test]
fn modifiers_keep_to_their_lines() {
    check(
        "p if {\nx with a as 1 with b as 2\n with c as 3\ny\n with c as 4\n}",
        "p if {\n\tx with a as 1 with b as 2\n\t\twith c as 3\n\ty\n\t\twith c as 4\n}\n",
    );
}

#[test]
fn imports_are_sorted_in_their_groups() {
    check(
        "import data.b # b\nimport data.a as z\nimport data.a\n# c\nimport input.x\nimport data.x",
        "import data.a\nimport data.a as z\nimport data.b # b\n\n# c\nimport data.x\nimport input.x\n",
    );
    check(
        "import rego.v1\nimport future.keywords.in # why",
        "import rego.v1\n\n# why\n",
    );
    check("import future.keywords.in", "import future.keywords.in\n");
}

#[test]
fn interpolated_strings_keep_their_text() {
    check(
        "p := $\"a { f( x ) }b\\{{{1}}\"\nq := $`\n { x+1 }\n`",
        "p := $\"a {f(x)}b\\{{{1}}\"\nq := $`\n {x + 1}\n`\n",
    );
    check("p := $`{ # why\n x }`", "p := $`{ # why\n x }`\n");
}

#[test]
fn comments_move_to_the_end_of_a_line_at_most() {
    check(
        "p if { # a\n# b\n\n# c\nx # d\n# e\ny # f\n# g\n} # h\n# i",
        "p if { # a\n\t# b\n\n\t# c\n\tx # d\n\n\t# e\n\ty # f\n\t# g\n} # h\n\n# i\n",
    );
    check(
        "p := [ # a\n# b\n1, # c\n# d\n]",
        "p := [ # a\n\t# b\n\t1, # c\n\t# d\n]\n",
    );
    check("p := [\n# a\n]", "p := [\n\t# a\n]\n");
    check(
        "p := x + # a\n# b\ny # c\nq := 1",
        "p := x + y # a\n\n# b\n# c\nq := 1\n",
    );
    check(
        "p := 1\n# METADATA\n# title: a\n# METADATA\n# title: b\nq := 1",
        "p := 1\n\n# METADATA\n# title: a\n\n# METADATA\n# title: b\nq := 1\n",
    );
}

#[test]
fn line_ends_and_a_byte_order_mark_are_dealt_with() {
    assert_eq!(
        formatted("\u{feff}package a\r\n# c \r\np := 1\r\n"),
        "package a\n\n# c\np := 1\n"
    );
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    for (open, close) in [
        ("[", "]"),
        ("[", "]"),
        ("[\n", "\n]"),
        ("f(", ")"),
        ("{x | ", "}"),
        ("{\"a\": ", "}"),
    ] {
        let text = format!("package a\n\np := {}1{}\n", open.repeat(35), close.repeat(35));
        assert_eq!(formatted(&formatted(&text)), formatted(&text), "{text}");
    }
    let text = format!("package a\n\np := 1{}\n", " + 1".repeat(300));
    assert_eq!(formatted(&formatted(&text)), formatted(&text), "{text}");
}

#[test]
fn what_does_not_parse_is_refused_with_diagnostics() {
    let error = format(&SourceFile::new("t.rego", "package a\np {")).unwrap_err();
    assert!(matches!(error, FormatError::Syntax(errors) if !errors.is_empty()));
}

// Generated modules: every construct, with blanks, line breaks and comments wherever brackets allow them.

fn gap() -> BoxedStrategy<&'static str> {
    prop_oneof![
        6 => Just(" "),
        3 => Just(""),
        3 => Just("\n"),
        1 => Just("\n\n\n  "),
        1 => Just(" # one\n"),
        1 => Just("\n  # two \n"),
        1 => Just(" # three\n\n# four\n\t"),
    ]
    .boxed()
}

fn leaf() -> BoxedStrategy<String> {
    let leaves = [
        "x",
        "y",
        "_",
        "1",
        "-2.5e3",
        "\"s\"",
        "\"\\n# no comment\"",
        "`r\n # aw`",
        "true",
        "null",
        "set()",
        "[]",
        "{}",
        "f()",
        "input.a",
        "data.b[\"c\"]",
        "x[\"if\"]",
        "a[\"b c\"]",
        "$\"t{ x }\\{\"",
        "x[_].y",
    ];
    prop::sample::select(leaves.to_vec())
        .prop_map(str::to_owned)
        .boxed()
}

/// Terms joined by commas and gaps between brackets.
fn listed(
    open: &'static str,
    items: Vec<(String, &'static str, &'static str)>,
    close: &'static str,
) -> String {
    let mut out = open.to_owned();
    for (item, before, after) in items {
        out.push_str(&format!("{before}{item}{after},"));
    }
    out.push_str(close);
    out
}

fn term() -> BoxedStrategy<String> {
    let operators = ["==", "!=", "<", "+", "-", "*", "/", "%", "|", "&", "in"];
    leaf()
        .prop_recursive(4, 24, 4, move |inner| {
            let items = || prop::collection::vec((inner.clone(), gap(), gap()), 0..4);
            let body = (
                inner.clone(),
                gap(),
                inner.clone(),
                gap(),
                prop::sample::select(vec!["; ", "\n", " # five\n"]),
            )
                .prop_map(|(first, before, second, after, between)| {
                    format!("{before}{first}{between}{second}{after}")
                })
                .boxed();
            prop_oneof![
                items().prop_map(|items| listed("[", items, "]")).boxed(),
                items().prop_map(|items| listed("{1, ", items, "}")).boxed(),
                items().prop_map(|items| listed("f(", items, ")")).boxed(),
                items()
                    .prop_map(|items| {
                        let pairs = items
                            .into_iter()
                            .map(|(item, before, after)| (format!("({item}):{after}{item}"), before, after));
                        listed("{", pairs.collect(), "}")
                    })
                    .boxed(),
                (
                    inner.clone(),
                    prop::sample::select(operators.to_vec()),
                    inner.clone(),
                    gap(),
                    gap()
                )
                    .prop_map(|(left, op, right, before, after)| format!(
                        "({before}{left} {op}{after} {right})"
                    ))
                    .boxed(),
                (
                    inner.clone(),
                    prop::sample::select(operators.to_vec()),
                    inner.clone()
                )
                    .prop_map(|(left, op, right)| format!("{left} {op} {right}"))
                    .boxed(),
                (inner.clone(), inner.clone())
                    .prop_map(|(key, value)| format!("({key}, {value} in xs)"))
                    .boxed(),
                (inner.clone(), gap())
                    .prop_map(|(inner, gap)| format!("({gap}{inner})"))
                    .boxed(),
                inner.clone().prop_map(|inner| format!("- {inner}")).boxed(),
                inner
                    .clone()
                    .prop_map(|inner| format!("({inner})[{inner}].z"))
                    .boxed(),
                (inner.clone(), gap(), body.clone())
                    .prop_map(|(head, gap, body)| format!("[{gap}({head}) |{body}]"))
                    .boxed(),
                (inner.clone(), gap(), body.clone())
                    .prop_map(|(head, gap, body)| format!("{{{head}{gap}|{body}}}"))
                    .boxed(),
                (inner.clone(), inner.clone(), body)
                    .prop_map(|(key, value, body)| format!("{{({key}): {value} |{body}}}"))
                    .boxed(),
                inner
                    .prop_map(|inner| format!(
                        "$\"<{{ {} }}>\"",
                        inner.replace(['\n', '#', '"', '`', '\\'], " ")
                    ))
                    .boxed(),
            ]
        })
        .boxed()
}

fn statement() -> BoxedStrategy<String> {
    prop_oneof![
        4 => term(),
        2 => (term(), term(), gap()).prop_map(|(left, right, gap)| format!("{left} ={gap} {right}")),
        2 => term().prop_map(|right| format!("v := {right}")),
        1 => term().prop_map(|inner| format!("not {inner}")),
        1 => gap().prop_map(|gap| format!("some v,{gap} w")),
        1 => (term(), term()).prop_map(|(value, collection)| format!("some k, {value} in {collection}")),
        1 => (term(), gap(), term(), gap())
            .prop_map(|(domain, before, inner, after)| format!("every k, v in {domain} {{{before}{inner}{after}}}")),
        1 => (term(), gap(), term(), gap())
            .prop_map(|(inner, before, value, after)| format!("{inner}{before} with input as {value}{after} with data.x as 1")),
        1 => Just("true".to_owned()),
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let statements = prop::collection::vec(
        (
            statement(),
            prop::sample::select(vec!["\n", ";", " # six\n", "\n\n  # seven\n"]),
        ),
        1..4,
    );
    prop_oneof![
        3 => (statements, gap(), gap()).prop_map(|(statements, before, after)| {
            let body: String = statements.into_iter().map(|(text, end)| format!("{text}{end}")).collect();
            format!(" if {{{before}{body}{after}}}")
        }),
        2 => (statement(), gap()).prop_map(|(text, gap)| format!(" if {gap}{text}")),
        2 => Just(String::new()),
    ]
    .boxed()
}

fn rule() -> BoxedStrategy<String> {
    let value = || (term(), gap()).prop_map(|(value, gap)| format!(" :={gap} {value}"));
    let head = prop_oneof![
        3 => value().prop_map(|value| format!("p{value}")),
        1 => Just("p := true".to_owned()),
        1 => value().prop_map(|value| format!("p.q{value}")),
        1 => value().prop_map(|value| format!("p[\"q\"].r[x]{value}")),
        1 => (term(), gap(), value()).prop_map(|(arg, gap, value)| format!("g({gap}{arg},{gap} x){value}")),
        2 => term().prop_map(|member| format!("s contains {member}")),
    ];
    let branch = (
        prop::option::of(value()),
        prop::sample::select(vec![" ", "\n", "\n\n# eight\n"]),
        condition(),
    )
        .prop_map(|(value, gap, condition)| format!("{gap}else{}{condition}", value.unwrap_or_default()));
    let end = prop::sample::select(vec![
        "\n",
        "\n\n",
        " # nine\n",
        "\n# ten\n\n# eleven\n",
        "\n# METADATA\n# title: t\n",
    ]);
    prop_oneof![
        6 => (head, condition(), prop::collection::vec(branch, 0..3), end.clone())
            .prop_map(|(head, condition, branches, end)| format!("{head}{condition}{}{end}", branches.concat())),
        1 => (value(), end).prop_map(|(value, end)| format!("default p{value}{end}")),
    ]
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    /// `format` itself checks that the tree and the comments are the same.
    #[test]
    fn whatever_parses_is_formatted_once_and_for_all(rules in prop::collection::vec(rule(), 1..4)) {
        let text = format!("# top\npackage a # a\nimport data.q\n{}", rules.concat());
        match format(&SourceFile::new("t.rego", text.as_str())) {
            Ok(out) => {
                let again = format(&SourceFile::new("t.rego", out.as_str()));
                prop_assert!(matches!(&again, Ok(again) if *again == out), "{text}\n=====\n{out}\n=====\n{again:?}");
                prop_assert!(!out.contains("\n\n\n") || text.contains('`'), "{out}");
            }
            Err(FormatError::Syntax(_)) => prop_assume!(false),
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }
}
