#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use stele_types::{Value, json};

use crate::builtins::{BuiltinError, Session};
use crate::eval::{Budget, Context, Limits};

fn render(template: &str, data: &str) -> Result<String, BuiltinError> {
    let limits = Limits {
        instructions: 1_000_000,
        ..Limits::default()
    };
    let data = json::parse(data.as_bytes(), &json::Limits::default()).unwrap();
    let mut session = Session::new(Context::default(), Budget::new(limits));
    let result = super::render_template(&mut session, &[Value::string(template), data])?;
    Ok(result.as_str().unwrap().to_owned())
}

#[track_caller]
fn gives(template: &str, data: &str, wanted: &str) {
    assert_eq!(render(template, data), Ok(wanted.to_owned()), "{template}");
}

#[track_caller]
fn fails(template: &str) {
    let result = render(template, r#"{"a": "x", "l": [1], "n": null, "m": {}}"#);
    assert!(
        matches!(result, Err(BuiltinError::Failed(_))),
        "{template}: {result:?}"
    );
}

#[track_caller]
fn refused(template: &str) {
    let result = render(template, r#"{"a": "x", "l": [1], "n": null, "m": {}}"#);
    assert!(
        matches!(result, Err(BuiltinError::Refused(_))),
        "{template}: {result:?}"
    );
}

#[test]
fn values_print_as_go_prints_them() {
    let data = r#"{"s": "x", "n": 1.50, "b": true, "l": [1, "a", null], "m": {"k": {"z": 1}}}"#;
    gives(
        "{{.s}} {{.n}} {{.b}} {{.l}} {{.m}}",
        data,
        "x 1.5 true [1 a <nil>] map[k:map[z:1]]",
    );
    gives(
        "{{.m.k.z}} {{$.s}} {{(index .l 1)}} {{.nix}}",
        data,
        "1 x a <undefined>",
    );
    gives("{{\"q\\\"\\n\"}}{{`r\\`}}{{12}}{{true}}", data, "q\"\nr\\12true");
}

#[test]
fn blocks() {
    let data = r#"{"t": true, "f": false, "zero": 0, "l": ["a", "b"], "e": [], "m": {"y": 2, "x": 1}}"#;
    gives(
        "{{if .t}}1{{else}}2{{end}}{{if .f}}1{{else if .t}}3{{else}}2{{end}}",
        data,
        "13",
    );
    // A number of the data is text to Go, and text is true unless it is empty.
    gives("{{if .zero}}yes{{end}}", data, "yes");
    gives(
        "{{range .l}}<{{.}}>{{end}}{{range .e}}x{{else}}none{{end}}",
        data,
        "<a><b>none",
    );
    gives(
        "{{range $i, $x := .l}}{{if $i}}, {{end}}{{$i}}:{{$x}}{{end}}",
        data,
        "0:a, 1:b",
    );
    gives("{{range $k, $v := .m}}{{$k}}={{$v}};{{end}}", data, "x=1;y=2;");
    gives("{{range $v := .m}}{{$v}}{{end}}", data, "12");
    gives(
        "{{with .m}}{{.x}}{{end}}{{with .e}}x{{else}}empty{{end}}",
        data,
        "1empty",
    );
    gives("{{with $q := .m.x}}{{$q}}{{.}}{{end}}", data, "11");
    gives("{{$n := \"a\"}}{{range .l}}{{$n = .}}{{end}}{{$n}}", data, "b");
}

#[test]
fn functions_and_pipelines() {
    let data = r#"{"a": "x", "b": "y", "n": 3, "l": ["p", "q"], "m": {"k": "v"}}"#;
    gives(
        "{{len .l}} {{.a | len}} {{index .l 1}} {{index .m \"k\"}}",
        data,
        "2 1 q v",
    );
    gives(
        "{{eq .a \"x\"}} {{eq .a \"z\" \"x\"}} {{ne .a .b}} {{lt .a .b}} {{ge .a .b}}",
        data,
        "true true true true false",
    );
    gives(
        "{{and .a .b}} {{or \"\" .b}} {{not .a}} {{and \"\" .nix}}",
        data,
        "y y false ",
    );
    gives(
        "{{eq (len .l) 2}} {{(len .l) | eq 2}} {{gt (len .l) 1}} {{.n | eq \"3\"}}",
        data,
        "true true true true",
    );
}

#[test]
fn space_and_comments() {
    gives(
        "a  {{- .x -}}  b {{/* c }} d */}}{{- /* e */ -}} f",
        r#"{"x": 1}"#,
        "a1b f",
    );
    gives("a {{.x -}}\n b", r#"{"x": 1}"#, "a 1b");
}

#[test]
fn what_go_takes_for_an_error_is_one() {
    for template in [
        "{{.a",
        "{{if .a}}",
        "{{end}}",
        "{{else}}",
        "{{}}",
        "{{nix .a}}",
        "{{$x}}",
        "{{.a.b}}",
        "{{.n.x}}",
        "{{.nix.y}}",
        "{{len true}}",
        "{{eq .a 1}}",
        "{{index .l 7}}",
        "{{range .n}}{{end}}",
        "{{lt true false}}",
        "{{(.a}}",
        "{{/* a",
        "{{\"a}}",
        "{{not}}",
        "{{if .a}}{{else}}{{else}}{{end}}",
        "{{if $y := .a}}{{end}}{{$y}}",
    ] {
        fails(template);
    }
}

#[test]
fn what_is_not_supported_is_refused() {
    for template in [
        "{{printf \"%s\" .a}}",
        "{{define \"t\"}}{{end}}",
        "{{1.5}}",
        "{{0x10}}",
        "{{.n}}",
        "{{if .nix}}{{end}}",
        "{{$x := .nix}}",
        "{{len .nix}}",
        "{{range 3}}{{end}}",
        "{{.a .l}}",
        "{{'a'}}",
        "{{eq .m .m}}",
        "{{\"\\x41\"}}",
        "{{index .m \"q\"}}",
        "{{range .l}}{{break}}{{end}}",
        "{{.a | .l}}",
    ] {
        refused(template);
    }
    let set = Value::object([(Value::string("a"), Value::set([]))]);
    let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
    let result = super::render_template(&mut session, &[Value::string("{{.a}}"), set]);
    assert!(matches!(result, Err(BuiltinError::Refused(_))));
}

#[test]
fn deep_and_endless_templates_end() {
    refused(&format!(
        "{}{}",
        "{{if .a}}".repeat(50_000),
        "{{end}}".repeat(50_000)
    ));
    refused(&format!("{{{{{}.a{}}}}}", "(".repeat(50_000), ")".repeat(50_000)));
    refused(&format!(
        "{{{{if .m}}}}{}{{{{end}}}}",
        "{{else if .m}}".repeat(50_000)
    ));
    let loops = format!("{}x{}", "{{range $.l}}".repeat(30), "{{end}}".repeat(30));
    let result = render(&loops, r#"{"l": [1, 2, 3, 4, 5, 6, 7, 8]}"#);
    assert!(matches!(result, Err(BuiltinError::Limit(_))), "{result:?}");
    let pieces = [
        "{{", "}}", ".a", "$x", ":=", "if ", "end", "range ", "(", ")", "|", "\"", "`", "-", " ", "/*", "1",
        "é",
    ];
    let mut state = 11_u64;
    for _ in 0..5_000 {
        let mut template = String::new();
        for _ in 0..10 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let index = usize::try_from(state >> 33).unwrap() % pieces.len();
            template.push_str(pieces.get(index).unwrap());
        }
        let _ = render(&template, r#"{"a": [1]}"#);
    }
}
