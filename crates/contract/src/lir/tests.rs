//! Round trip of the text form, and what the verifier rejects.

use super::*;

fn read(text: &str) -> Program {
    parse(text, &BTreeMap::new()).unwrap()
}

const SAMPLE: &str = r#"
// doubles and sums
fn sum_to(n) -> s {
  let i = 0
  while 'l lt(i, n) {
    i = add(i, 1)
    if eq(i, 3) { continue 'l } else { if gt(i, 0xffffffffff) { break 'l } }
    s = add(s, i)
  }
}
fn rule(a) -> r memory l1 l2 {
  place 0 3 7
  block 'b0 {
    l1 = sum_to(a)
    if iszero(tee(l2, l1)) { break 'b0 }
    r = @const:4
    mstore(@memo:2, r)
    leave
  }
}
"#;

#[test]
fn text_round_trips() {
    let program = read(SAMPLE);
    verify(&program).unwrap();
    assert_eq!(read(&print(&program)), program);
}

#[test]
fn macros_are_expanded() {
    let program = read("macro kind(v) = and(v, 7) fn f(x) -> r { r = kind(add(x, 1)) }");
    let same = read("fn f(x) -> r { r = and(add(x, 1), 7) }");
    assert_eq!(program, same);
}

#[test]
fn verifier_names_the_broken_rule() {
    for (text, rule) in [
        ("fn f() { g() }", "`g` is not defined"),
        ("fn f() { add(1, 2) }", "`add` yields 1 words, 0 wanted"),
        ("fn f() { pop(add(1)) }", "`add` takes 2 arguments, 1 given"),
        ("fn f() { break 'x }", "label 'x is not in scope"),
        ("fn f() memory { let x = 1 }", "`let` in a memory frame"),
        (
            "fn f() memory { g() } fn g() memory { f() }",
            "memory-frame recursion through `f`, `g`",
        ),
    ] {
        assert_eq!(verify(&read(text)).unwrap_err().rule, rule, "{text}");
    }
    assert_eq!(
        parse("fn f() { x = 1 }", &BTreeMap::new()).unwrap_err().message,
        "unknown variable `x`"
    );
}

#[test]
fn runtime_library_round_trips() {
    let program = crate::runtime::library().unwrap();
    verify(program).unwrap();
    assert_eq!(read(&print(program)), *program);
}
