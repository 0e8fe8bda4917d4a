use proptest::prelude::*;

use super::{parse, parse_lenient, parse_query};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::SourceFile;
use crate::syntax::annotation::Target;
use crate::syntax::ast::{HeadKind, InfixOp, LiteralKind, Module, TemplatePart, Term, TermKind};

fn source(text: &str) -> SourceFile {
    SourceFile::new("t.rego", text)
}

fn module(text: &str) -> Module {
    let file = source(text);
    parse(&file).unwrap_or_else(|errors| panic!("{}", render(&file, &errors)))
}

fn errors(text: &str) -> Vec<Diagnostic> {
    parse(&source(text)).expect_err("this text must not parse")
}

fn render(file: &SourceFile, errors: &[Diagnostic]) -> String {
    errors
        .iter()
        .map(|error| error.render(file.text()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A term in fully parenthesised form.
fn show(term: &Term) -> String {
    match &term.kind {
        TermKind::Number(text) => text.to_string(),
        TermKind::String(text) => format!("{text:?}"),
        TermKind::Var(name) => name.to_string(),
        TermKind::Infix(op, sides) => format!("({} {} {})", show(&sides.0), op.symbol(), show(&sides.1)),
        TermKind::Membership(m) => {
            let key = m
                .key
                .as_ref()
                .map(|key| format!("{}, ", show(key)))
                .unwrap_or_default();
            format!("({key}{} in {})", show(&m.value), show(&m.collection))
        }
        TermKind::Array(terms) => format!("[{}]", terms.iter().map(show).collect::<Vec<_>>().join(", ")),
        TermKind::Set(terms) => format!("{{{}}}", terms.iter().map(show).collect::<Vec<_>>().join(", ")),
        TermKind::Call(call) => {
            let args = call.args.iter().map(show).collect::<Vec<_>>().join(", ");
            format!("{}({args})", call.function.dotted().unwrap())
        }
        TermKind::Ref(reference) => reference.dotted().unwrap_or_else(|| "ref".into()),
        TermKind::ArrayComprehension(c) | TermKind::SetComprehension(c) => {
            format!("<{} | ..>", show(&c.head))
        }
        TermKind::ObjectComprehension(c) => format!("<{}: {} | ..>", show(&c.key), show(&c.value)),
        other => format!("{other:?}"),
    }
}

fn query_term(text: &str) -> String {
    let file = source(text);
    let body = parse_query(&file).unwrap_or_else(|errors| panic!("{}", render(&file, &errors)));
    assert_eq!(body.literals.len(), 1, "{text}");
    match &body.literals[0].kind {
        LiteralKind::Term(term) => show(term),
        other => panic!("{other:?}"),
    }
}

#[test]
fn operators_bind_as_in_opa() {
    for (text, want) in [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("a | b & c", "(a | (b & c))"),
        ("a == b | c", "(a == (b | c))"),
        ("a + b in c | d", "((a + b) in (c | d))"),
        ("k, v in xs", "(k, v in xs)"),
        ("a in b in c", "((a in b) in c)"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("-1 - -2", "(-1 - -2)"),
        ("x-1", "(x - 1)"),
        ("- 1 - - 2", "(-1 - -2)"),
        ("[x | y]", "<x | ..>"),
        ("[x + 1 | y]", "<(x + 1) | ..>"),
        ("[(x | y)]", "[(x | y)]"),
        ("[z, x | y]", "[z, (x | y)]"),
        ("{x: y | z}", "<x: y | ..>"),
        ("{1 in x, 2}", "{(1 in x), 2}"),
        ("set()", "{}"),
        ("f(1 in [2], 3)", "f((1 in [2]), 3)"),
        ("contains(\"a\", \"b\")", "contains(\"a\", \"b\")"),
        ("a.not.if", "a.not.if"),
        ("1e3 + 0.5", "(1e3 + 0.5)"),
    ] {
        assert_eq!(query_term(text), want, "{text}");
    }
}

#[test]
fn modules_keep_their_parts() {
    let m = module(
        "# METADATA\n# title: all\n# scope: package\npackage a.b[\"c d\"]\n\nimport data.x.y as z\nimport input.q\nimport rego.v1\n\n\
         default allow := false\n\n# METADATA\n# title: one\nallow if {\n\tnot input.x == 1 with input.y as 2\n\tsome k, v in z\n}\n\n\
         p.q[x] contains 1 if some x\n\nf(x, [y]) := x if y else := 3 if x == 2\nelse := 4\n",
    );
    assert_eq!(m.package_ref(), "data.a.b[\"c d\"]");
    assert_eq!(m.imports.len(), 3);
    assert_eq!(m.imports[0].name().unwrap().name.as_ref(), "z");
    assert_eq!(m.imports[1].name().unwrap().name.as_ref(), "q");
    assert!(m.imports[2].name().is_none());
    assert_eq!(m.rules.len(), 4);
    assert!(m.rules[0].default);
    let body = m.rules[1].body.as_ref().unwrap();
    assert_eq!(body.literals.len(), 2);
    assert_eq!(body.literals[0].with.len(), 1);
    assert!(matches!(body.literals[0].kind, LiteralKind::Not(_)));
    assert!(matches!(
        &body.literals[1].kind,
        LiteralKind::SomeIn { key: Some(_), .. }
    ));
    assert!(matches!(m.rules[2].head.kind, HeadKind::Contains(_)));
    assert_eq!(m.rules[2].head.constant_path().len(), 2);
    assert_eq!(m.rules[3].elses.len(), 2);
    assert_eq!(m.annotations.len(), 2);
    assert_eq!(m.annotations[0].target, Target::Package);
    assert_eq!(m.annotations[0].scope(), Some("package"));
    assert_eq!(m.annotations[0].yaml, "title: all\nscope: package");
    assert_eq!(
        (m.annotations[1].target, m.annotations[1].first_line),
        (Target::Rule(1), 13)
    );
    assert_eq!(m.source.slice(m.rules[2].head.span), "p.q[x] contains 1");
    assert_eq!(
        m.source.slice(m.rules[3].span),
        "f(x, [y]) := x if y else := 3 if x == 2\nelse := 4"
    );
}

#[test]
fn strings_are_decoded() {
    let m = module(
        "package a\n\np := \"a\\n\\u00e9\\ud83d\\ude00\\ud800\"\n\nq := `a\\n\"\r\n`\n\nr := $\"x{1 + 1}\\{y}{{\"a\"}}\"\n",
    );
    let value = |index: usize| match &m.rules[index].head.kind {
        HeadKind::Value(Some(term)) => term.kind.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(value(0), TermKind::String(text) if text.as_ref() == "a\né😀\u{fffd}"));
    assert!(matches!(value(1), TermKind::String(text) if text.as_ref() == "a\\n\"\r\n"));
    let TermKind::Template(parts) = value(2) else {
        panic!()
    };
    assert_eq!(parts.len(), 4);
    assert!(
        matches!(&parts[1], TemplatePart::Term(t, _) if matches!(t.kind, TermKind::Infix(InfixOp::Plus, _)))
    );
    assert!(matches!(&parts[2], TemplatePart::Text(t) if t.as_ref() == "{y}"));
    assert!(matches!(&parts[3], TemplatePart::Term(t, _) if matches!(t.kind, TermKind::Set(_))));
}

#[test]
fn keywords_may_start_references() {
    for word in [
        "as", "contains", "default", "else", "every", "if", "import", "in", "not", "package", "some", "with",
    ] {
        let m = module(&format!(
            "package a\n\np if {word}.x == 1\n\n{word}.x := 1\n\nq contains {word}.y if true\n"
        ));
        assert_eq!(m.rules[1].head.name().as_ref(), word);
    }
}

/// Code, message, help and underlined text of the only error.
fn only(text: &str) -> (Code, String, String, String) {
    let file = source(text);
    let errors = errors(text);
    assert_eq!(errors.len(), 1, "{}", render(&file, &errors));
    let error = errors.into_iter().next().unwrap();
    let underlined = file.slice(error.span).to_owned();
    (
        error.code,
        error.message,
        error.help.unwrap_or_default(),
        underlined,
    )
}

#[test]
fn old_syntax_is_reported_with_its_new_form() {
    for (text, help, underlined) in [
        ("package a\np { input.x }\n", "write `p if { ... }`", "{"),
        (
            "package a\np[x] { x := 1 }\n",
            "write `p contains x if { ... }`",
            "{",
        ),
        (
            "package a\np[x] = 1 { x := 1 }\n",
            "write `p[x] = 1 if { ... }`",
            "{",
        ),
        (
            "package a\nf(x) = y { y := x }\n",
            "write `f(x) = y if { ... }`",
            "{",
        ),
        ("package a\np[\"x\"]\n", "write `p contains \"x\"`", "p[\"x\"]"),
        (
            "package a\np if { false } else = 2 { true }\n",
            "write `else := value if { ... }`",
            "{",
        ),
    ] {
        let (code, _, found, at) = only(text);
        assert_eq!(
            (code, found.as_str(), at.as_str()),
            (Code::V0Syntax, help, underlined),
            "{text}"
        );
    }
}

/// Text, message, help and underlined text.
const ERRORS: &[(&str, &str, &str, &str)] = &[
    (
        "package a\np := -input.n\n",
        "a minus stands before a number only",
        "subtract from zero: `0 - x`",
        "-",
    ),
    (
        "package a\np := 1 - - -1\n",
        "a minus stands before a number only",
        "subtract from zero: `0 - x`",
        "-",
    ),
    (
        "package a\n# x\u{feff}\np := 1\n",
        "a byte-order mark may only begin a file",
        "delete it, or write `\\ufeff` in a string",
        "\u{feff}",
    ),
    (
        "package a\np := \"x\u{feff}\"\n",
        "a byte-order mark may only begin a file",
        "delete it, or write `\\ufeff` in a string",
        "\u{feff}",
    ),
    (
        "package a\n\u{feff}p := 1\n",
        "a byte-order mark may only begin a file",
        "delete it, or write `\\ufeff` in a string",
        "\u{feff}",
    ),
    (
        "p := 1\n",
        "expected `package`, found `p`",
        "a Rego file starts with a package clause, e.g. `package kubernetes.admission`",
        "p",
    ),
    (
        "package a\nimport foo.bar\n",
        "this path can't be imported",
        "imports start with `data` or `input`",
        "foo.bar",
    ),
    (
        "package a\np := 01\n",
        "`01` is not a number",
        "numbers are written as in JSON: 12, 0.5, 1e6",
        "01",
    ),
    (
        "package a\np := 'x'\n",
        "single quotes don't make a string",
        "strings are written in double quotes",
        "'x'",
    ),
    (
        "package a\np := \"x\n",
        "this string has no end on its line",
        "close it with \", or write a multi-line string between backquotes",
        "\"x",
    ),
    (
        "package a\np := `x\n",
        "this raw string has no end",
        "close it with `",
        "`",
    ),
    (
        "package a\np if {\n\tinput.x [1]\n}\n",
        "expected the end of the statement (`;`, a line break or a closing bracket), found `[`",
        "there must be no space between a name and its bracket",
        "[",
    ),
    (
        "package a\np if { some x.y }\n",
        "this is not a name",
        "`some` declares names; to iterate write `some x in xs`",
        "x.y",
    ),
    (
        "package a\np if { not some x in y }\n",
        "`some` can't be negated",
        "put it into braces below `import future.keywords.not`, or into a rule of its own, and negate that",
        "some",
    ),
    (
        "package a\np if { x := not y }\n",
        "expected an expression, found `not`",
        "`not` negates whole statements only",
        "not",
    ),
    (
        "package a\nallow\n",
        "this rule has neither value nor condition",
        "write `allow := value` or `allow if { ... }`",
        "allow",
    ),
    (
        "package a\nelse := 1\n",
        "this `else` belongs to no rule",
        "`else` follows the closing brace or the value of the rule that it belongs to",
        "else",
    ),
    (
        "package a\np if {\n}\n",
        "this body is empty",
        "write `true` for no condition",
        "{\n}",
    ),
    (
        "package a\ndefault p\n",
        "expected `:=`, found the end of the file",
        "a default has a value: `default allow := false`",
        "",
    ),
    (
        "package a\np := \"\\d\"\n",
        "unknown escape `\\d`",
        "escapes are those of JSON; for a regular expression use a raw string between backquotes",
        "\\d",
    ),
];

#[test]
fn errors_say_what_where_and_how_to_mend_it() {
    for (text, message, help, underlined) in ERRORS.iter().copied() {
        let (_, found, found_help, at) = only(text);
        assert_eq!(
            (found.as_str(), found_help.as_str(), at.as_str()),
            (message, help, underlined),
            "{text}"
        );
    }
}

#[test]
fn empty_parentheses_make_no_function() {
    for text in ["deny() := \"x\"", "deny() if true", "default deny() := 1"] {
        let module = module(&format!("package a\n{text}\n"));
        assert!(module.rules[0].head.args.is_none(), "{text}");
    }
}

#[test]
fn one_run_reports_several_errors() {
    let text = "package a\n\np := 1 *\n\nq if {\n\tx := [1 2]\n\ty = = 3\n\tz == 3\n\tf(1,\n}\n\nr := {\"a\": }\n\ns { true }\n\nt := 1\n";
    let found: Vec<(u32, u32, Code)> = errors(text).iter().map(|e| (e.line, e.column, e.code)).collect();
    assert_eq!(
        found,
        [
            (6, 10, Code::Syntax),
            (7, 6, Code::Syntax),
            (9, 5, Code::Syntax),
            (12, 12, Code::Syntax),
            (14, 3, Code::V0Syntax)
        ]
    );
}

#[test]
fn rendered_errors_show_the_source() {
    let file = source("package a\n\np if {\n\tinput.user == \n}\n");
    let errors = parse(&file).unwrap_err();
    insta::assert_snapshot!(render(&file, &errors));
}

#[test]
fn hostile_nesting_is_an_error_and_not_a_crash() {
    let n = 100_000;
    for text in [
        format!("package a\np := {}", "[".repeat(n)),
        format!("package a\np := {}", "{".repeat(n)),
        format!("package a\np := {}", "(".repeat(n)),
        format!("package a\np := {}1", "-".repeat(n)),
        format!("package a\np := {}1", "- ".repeat(n)),
        format!("package a\np := {}", "f(".repeat(n)),
        format!("package a\np := x{}", "[x".repeat(n)),
        format!("package a\np := {}", "{a|".repeat(n)),
        format!("package a\np := {}", "[a|b;".repeat(n)),
        format!("package a\np if {}", "every x in y {".repeat(n)),
        format!("package a\np := {}", "$\"{".repeat(n)),
        format!("package a\np := 1{}", " + 1".repeat(n)),
        format!("package a\np := 1{}", " in x".repeat(n)),
        format!("package a\np := f(1){}", "[1](1)".repeat(n)),
        format!(
            "package a\np := {}1{}",
            "(".repeat(60),
            " + 1)".repeat(60).replace(" + 1", &" + 1".repeat(60))
        ),
        "package a\np if {".repeat(n),
    ] {
        let errors = errors(&text);
        assert!(!errors.is_empty());
        assert!(errors.len() <= super::MAX_DIAGNOSTICS);
    }
}

#[test]
fn the_deepest_accepted_trees_are_harmless() {
    let depth = super::MAX_DEPTH as usize - 2;
    let m = module(&format!(
        "package a\np := {}{}",
        "[".repeat(depth),
        "]".repeat(depth)
    ));
    let m = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || m.clone())
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(m.rules.len(), 1);
    let long = module(&format!("package a\np := 1{}", " + 1".repeat(300)));
    assert_eq!(long.rules.len(), 1);
}

const FRAGMENTS: &[&str] = &[
    "package a",
    "import data.x",
    "\n",
    " ",
    "p",
    "x",
    "_",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ",",
    ";",
    ":",
    ":=",
    "=",
    "==",
    "|",
    "&",
    "if",
    "else",
    "default",
    "contains",
    "some",
    "every",
    "in",
    "not",
    "with",
    "as",
    "input",
    "data",
    ".",
    "1",
    "-",
    "\"s\"",
    "\"",
    "`",
    "$\"",
    "${",
    "\\",
    "# METADATA\n",
    "# x\n",
    "set()",
    "true",
    "null",
    "é",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn garbage_never_panics(text in "\\PC{0,200}") {
        let _ = parse(&source(&text));
        let _ = parse_query(&source(&text));
    }

    #[test]
    fn shuffled_tokens_never_panic(picks in proptest::collection::vec(0..FRAGMENTS.len(), 0..80), space in any::<bool>()) {
        let words: Vec<&str> = picks.into_iter().map(|pick| FRAGMENTS[pick]).collect();
        let text = format!("package a\n{}", words.join(if space { " " } else { "" }));
        let file = source(&text);
        if let Err(errors) = parse(&file) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(!error.render(&text).is_empty());
                prop_assert!(error.line >= 1 && error.column >= 1);
            }
        }
    }

    #[test]
    fn damaged_policies_never_panic(at in 0usize..400, cut in 0usize..40, insert in 0..FRAGMENTS.len()) {
        let whole = "package a\n\nimport data.b as c\n\ndefault p := false\n\np if {\n\tsome i, x in input.xs\n\tx.y[i] == c[_]\n\tnot q(x) with input.z as {\"a\": 1}\n\tevery v in [1, 2] { v > 0 }\n} else := {y: z | z := c[y]}\n\nq(x) := $\"a{x}b\" if x in {1, 2}\n";
        let start = at.min(whole.len());
        let end = (start + cut).min(whole.len());
        let text = format!("{}{}{}", &whole[..start], FRAGMENTS[insert], &whole[end..]);
        let _ = parse(&source(&text));
    }
}

#[test]
fn what_is_sound_around_mistakes_is_kept() {
    let text = "package a\n\np if {\n\tx := 1\n\tx :=:\n\ty := x\n}\n\nq := [1,\n\nimport data.z\n\n# METADATA\n# title: R\nr := z\n";
    let (module, problems) = parse_lenient(&source(text));
    let module = module.unwrap();
    assert_eq!(problems, errors(text));
    assert_eq!(problems.len(), 2, "{}", render(&module.source, &problems));
    let names: Vec<&str> = module
        .rules
        .iter()
        .map(|rule| rule.head.name().as_ref())
        .collect();
    assert_eq!(names, ["p", "r"]);
    assert_eq!(module.rules[0].body.as_ref().unwrap().literals.len(), 2);
    assert_eq!(module.imports.len(), 1);
    assert_eq!(module.rule_annotations(1).count(), 1);
    let (module, problems) = parse_lenient(&source("p := 1\n"));
    assert!(module.is_none());
    assert_eq!(problems.len(), 1);
}

/// The v1 form of a v0 module.
fn modern(text: &str) -> String {
    let source = SourceFile::new("a.rego", text).with_version(crate::RegoVersion::V0);
    match crate::format::format(&source) {
        Ok(text) => text,
        Err(crate::format::FormatError::Syntax(errors)) => panic!("{}", errors[0].render(text)),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn v0_is_read_when_the_source_says_so() {
    let lines = |text: &str| {
        let text = modern(text);
        let lines = text.lines().filter(|line| !line.is_empty()).skip(1);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        lines(
            "package a\nallow { input.x }\ndeny[msg] { msg := \"no\" } { msg := \"never\" }\nnames[\"x\"]\n"
        ),
        [
            "allow if input.x",
            "deny contains msg if msg := \"no\"",
            "deny contains msg if msg := \"never\"",
            "names contains \"x\"",
        ]
    );
    assert_eq!(
        lines("package a\nf(x) = y { y := x } else = 2 { true }\nm[k] = v { v := input[k] }\n"),
        ["f(x) := y if y := x", "else := 2", "m[k] := v if v := input[k]"]
    );
}

#[test]
fn v0_modules_import_their_keywords() {
    let with_imports = "package a\nimport future.keywords.in\nimport future.keywords.contains\np contains x { x in [1] }\nif := 1\n";
    assert!(
        parse(&SourceFile::new("a.rego", with_imports).with_version(crate::RegoVersion::V0)).is_ok(),
        "a rule may be named `if`"
    );
    let with_imports = with_imports.replace("if := 1", "");
    assert!(
        modern(&with_imports).contains("p contains x if x in [1]"),
        "{}",
        modern(&with_imports)
    );
    let source = SourceFile::new("a.rego", "package a\nimport rego.v1\np { true }\n")
        .with_version(crate::RegoVersion::V0);
    assert_eq!(parse(&source).expect_err("v1")[0].code, Code::V0Syntax);
    let source =
        SourceFile::new("a.rego", "package a\np { x in [1] }\n").with_version(crate::RegoVersion::V0);
    assert_eq!(parse(&source).expect_err("`in` is a name")[0].code, Code::Syntax);
}
