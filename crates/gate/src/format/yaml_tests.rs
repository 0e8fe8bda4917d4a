use proptest::prelude::*;
use stele_types::json;

use super::*;

fn values(text: &str, dialect: Dialect) -> Vec<String> {
    let nodes = read(text, dialect).unwrap();
    nodes
        .iter()
        .map(|node| json::to_string(&node.to_value()))
        .collect()
}

fn core(text: &str) -> String {
    values(text, Dialect::Core).join(" ")
}

fn at<'t>(text: &'t str, path: &[Value]) -> &'t str {
    let nodes = read(text, Dialect::Core).unwrap();
    &text[nodes[0].place(path).range]
}

#[test]
fn documents_are_separate_and_empty_ones_left_out() {
    assert_eq!(
        values("---\na: 1\n---\n# nothing\n---\n- b\n...\n", Dialect::Core),
        [r#"{"a":1}"#, r#"["b"]"#]
    );
    assert_eq!(core(""), "");
}

#[test]
fn plain_scalars_mean_what_the_dialect_says() {
    let text = "[yes, off, 0644, 0o17, 0x1f, 1_0, 1.50, .5, 7., 1e3, +3, -08, ~, '1', on]";
    assert_eq!(
        core(text),
        r#"["yes","off",644,15,31,"1_0",1.5,0.5,7,1000,3,-8,null,"1","on"]"#
    );
    assert_eq!(
        values(text, Dialect::Kubernetes).concat(),
        r#"[true,false,420,15,31,10,1.5,0.5,7,1000,3,-8,null,"1",true]"#
    );
    assert_eq!(
        core("[.inf, .nan, 1.2.3, 1e, 0x, '', 2001-01-01]"),
        r#"[".inf",".nan","1.2.3","1e","0x","","2001-01-01"]"#
    );
    assert_eq!(
        core("[!!str 1, !!int 2, !other 3, 12345678901234567890123]"),
        r#"["1",2,"3",12345678901234567890123]"#
    );
}

#[test]
fn aliases_and_merges_are_written_out() {
    let text = "base: &b {x: 1, y: 2}\nown:\n  <<: [*b, {z: 0, x: 9}]\n  y: 3\nsame: *b\n";
    assert_eq!(
        core(text),
        r#"{"base":{"x":1,"y":2},"own":{"x":1,"y":3,"z":0},"same":{"x":1,"y":2}}"#
    );
    assert_eq!(at(text, &["same".into(), "x".into()]), "1");
    assert_eq!(core("'<<': 1"), r#"{"<<":1}"#);
    assert!(read("a: &a [*a]", Dialect::Core).is_err());
}

#[test]
fn short_tags_become_functions() {
    let text = "a: !Ref x\nb: !GetAtt r.Arn.y\nc: !Sub ['${v}', {v: !Ref y}]\nd: !reference [.a, b]\n";
    assert_eq!(
        values(text, Dialect::Cloudformation).concat(),
        r#"{"a":{"Ref":"x"},"b":{"Fn::GetAtt":["r","Arn.y"]},"c":{"Fn::Sub":["${v}",{"v":{"Ref":"y"}}]},"d":[".a","b"]}"#
    );
}

#[test]
fn kubernetes_reads_what_it_reads() {
    let text =
        "{a: !Sub {privileged: true}, b: !!binary bmdpbng6bGF0ZXN0, c: 0X0, d: 8_0, e: 0B1, f: -0o7, g: 08}";
    assert_eq!(
        values(text, Dialect::Kubernetes).concat(),
        r#"{"a":{"privileged":true},"b":"nginx:latest","c":0,"d":80,"e":1,"f":-7,"g":8}"#
    );
    assert!(read("a: !!binary '%'", Dialect::Kubernetes).is_err());
}

#[test]
fn merges_that_programs_read_differently_are_refused() {
    for text in [
        "p: &p {x: true}\na: {x: false, <<: *p}\n",
        "p: &p {x: true}\na:\n  <<: *p\n  <<: {y: 1}\n",
        "p: &p {x: true}\na: {x: 1, !!merge m: [*p]}\n",
    ] {
        let error = read(text, Dialect::Core).unwrap_err();
        assert!(error.message.contains("`<<` stands"), "{text}: {error}");
    }
}

#[test]
fn aliases_don_t_lift_the_bound_of_depth() {
    let mut text = format!("a0: &a0 {}{}\n", "[".repeat(100), "]".repeat(100));
    for level in 1..50 {
        let below = level - 1;
        text.push_str(&format!(
            "a{level}: &a{level} {}*a{below}{}\n",
            "[".repeat(100),
            "]".repeat(100)
        ));
    }
    let error = read(&text, Dialect::Core).unwrap_err();
    assert!(error.message.contains("levels"), "{error}");
}

#[test]
fn values_have_places() {
    let text = "a:\n  - b: \"x y\"\n    c: [1, 22]\n  - {d: e}\nk: |\n  text\n  more\n";
    let first = Value::from(0);
    assert_eq!(at(text, &["a".into(), first.clone(), "b".into()]), "\"x y\"");
    assert_eq!(at(text, &["a".into(), first.clone(), "c".into(), 1.into()]), "22");
    assert_eq!(at(text, &["a".into(), first.clone(), "c".into()]), "c");
    assert_eq!(at(text, &["a".into(), first.clone(), "c".into(), 9.into()]), "c");
    assert_eq!(at(text, &["a".into(), 1.into(), "d".into()]), "e");
    assert!(at(text, &["a".into(), first, "none".into()]).starts_with("b: \"x y\""));
    assert!(at(text, &["k".into()]).contains("text"));
}

#[test]
fn what_can_t_be_read_says_where() {
    for (text, offset, message) in [
        ("a: 1\na: 2\n", 5, "twice"),
        ("a: [1\n", 0, "YAML"),
        ("? [x]\n: 1\n", 2, "key"),
        ("<<: 1\n", 4, "merges"),
    ] {
        let error = read(text, Dialect::Core).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error}");
        assert!(error.offset.is_some_and(|at| at >= offset), "{text}: {error:?}");
    }
}

fn refusal(text: &str) -> String {
    read(text, Dialect::Core).unwrap_err().message
}

#[test]
fn a_bomb_does_not_go_off() {
    let tree = |width: usize, levels: usize| {
        let mut text = format!("a0: &a0 [{}]\n", vec!["x"; width].join(", "));
        for level in 1..levels {
            let inner = vec![format!("*a{}", level - 1); width].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        text
    };
    // The classical one; one of a million values; one that is wide and flat.
    let flat = |count: usize| format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(1000), "*a, ".repeat(count));
    for text in [tree(10, 12), tree(10, 6), flat(1000)] {
        let message = refusal(&text);
        assert!(
            message.contains("aliases repeat more than 400000 values"),
            "{message}"
        );
    }
    assert!(read(&flat(300), Dialect::Core).is_ok());
    // Few values, but long ones: as values, and as keys.
    let long = "x".repeat(1 << 20);
    for use_of in ["*a, ", "{*a : 1}, "] {
        let message = refusal(&format!("a: &a {long}\nb: [{}]\n", use_of.repeat(100)));
        assert!(message.contains("bytes"), "{use_of}: {message}");
    }
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    assert!(read(&deep, Dialect::Core).is_err());
    // Each anchor keeps what it names, also if nothing asks for it.
    let nested: String = (0..100).map(|level| format!("&n{level} [")).collect();
    let kept = format!("{nested}{}{}", "x, ".repeat(50_000), "]".repeat(100));
    assert!(refusal(&kept).contains("anchors"), "{}", refusal(&kept));
}

#[test]
fn a_large_file_without_aliases_is_no_bomb() {
    let text = "- item\n".repeat(4_100_000);
    let nodes = read(&text, Dialect::Core).unwrap();
    assert!(matches!(&nodes[0].kind, NodeKind::Array(items) if items.len() == 4_100_000));
    // What it says itself, its aliases may say again.
    let text = format!("- &a [{}]\n- *a\n", "x, ".repeat(500_000));
    assert!(read(&text, Dialect::Core).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[-:{}\\[\\],&*!<|>'\"#a1 \n]{0,60}") {
        if let Ok(nodes) = read(&text, Dialect::Kubernetes) {
            for node in nodes {
                prop_assert!(text.get(node.range.clone()).is_some());
                let _ = node.to_value();
            }
        }
    }
}
