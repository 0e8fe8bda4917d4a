//! Facts about the table, and values that the conformance cases do not pin.

use stele_types::{Number, Value, json};

use super::*;
use crate::eval::{Budget, Context, Limits};

pub(super) fn call_with(limits: Limits<'_>, name: &str, args: &str) -> Result<Value, BuiltinError> {
    let Body::Function(function) = find(name).unwrap().body else {
        panic!("{name} is refused")
    };
    let args = json::parse(args.as_bytes(), &json::Limits::default()).unwrap();
    let mut session = Session::new(Context::default(), Budget::new(limits));
    function(&mut session, args.as_array().unwrap())
}

/// The result as JSON.
pub(super) fn call(name: &str, args: &str) -> String {
    match call_with(Limits::default(), name, args) {
        Ok(value) => json::to_string(&value),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn the_table_is_consistent() {
    let mut names = std::collections::HashSet::new();
    let types = [
        "any", "null", "boolean", "number", "string", "array", "object", "set",
    ];
    for builtin in TABLE {
        assert!(names.insert(builtin.name), "{} is listed twice", builtin.name);
        for part in builtin
            .args
            .iter()
            .chain([&builtin.result])
            .flat_map(|ty| ty.split('|'))
        {
            assert!(types.contains(&part), "{}: {part}", builtin.name);
        }
        let decl = crate::ir::BuiltinFunc {
            name: builtin.name.to_owned(),
            decl: builtin.decl(),
        };
        assert_eq!(decl.arity(), Some(builtin.arity()));
        if builtin.purity == Purity::Impure {
            assert_refused(builtin);
        }
    }
    assert!(find("no.such").is_none());
}

/// A context that carries the time only is not enough.
fn assert_refused(builtin: &Builtin) {
    let Body::Function(function) = builtin.body else {
        panic!("{} has no function", builtin.name);
    };
    let args: Vec<Value> = builtin
        .args
        .iter()
        .map(|ty| match *ty {
            "number" => Value::from(7),
            "object" => Value::object([]),
            _ => "x".into(),
        })
        .collect();
    let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
    let result = function(&mut session, &args);
    assert_eq!(
        result,
        Err(BuiltinError::Refused(Refusal::Impure)),
        "{}",
        builtin.name
    );
}

#[test]
fn shifts_longer_than_any_number_leave_nothing_but_the_sign() {
    let long = "123456789012345678901";
    assert_eq!(call("bits.rsh", &format!("[5, {long}]")), "0");
    assert_eq!(call("bits.rsh", &format!("[-5, {long}]")), "-1");
    assert_eq!(call("bits.rsh", "[5, 4294967296]"), "0");
    assert_eq!(call("bits.lsh", &format!("[0, {long}]")), "0");
    assert!(call("bits.lsh", &format!("[1, {long}]")).starts_with("error"));
}

#[test]
fn quotients_without_a_finite_form_are_opas() {
    let quotient = |a, b| numbers::quotient_for_tests(a, b).unwrap();
    assert_eq!(quotient(1, 3), "0.33333333333333333334");
    assert_eq!(quotient(-2, 3), "-0.6666666666666666667");
}

#[test]
fn arithmetic_is_exact() {
    assert_eq!(call("plus", "[0.1, 0.2]"), "0.3");
    assert_eq!(call("mul", "[1e40, 1.5]"), format!("15{}", "0".repeat(39)));
    assert_eq!(call("div", "[1, 8]"), "0.125");
    assert_eq!(call("div", "[1, 0]"), "error: divide by zero");
    assert_eq!(call("rem", "[-7, 3]"), "-1");
    assert_eq!(call("rem", "[1.5, 1]"), "error: modulo on floating-point number");
}

#[test]
fn sprintf_follows_go() {
    let sprintf = |format: &str, args: &str| call("sprintf", &format!("[{format:?}, {args}]"));
    assert_eq!(
        sprintf("%s-%d-%v", r#"["a", 5, [1, "x"]]"#),
        r#""a-5-[1, \"x\"]""#
    );
    assert_eq!(
        sprintf("%5d|%-5d|%05d|%+d|%x", "[42, 42, -42, 42, 255]"),
        r#""   42|42   |-0042|+42|ff""#
    );
    assert_eq!(sprintf("%d", r#"["x"]"#), r#""%!d(string=x)""#);
    assert_eq!(sprintf("%d %d", "[1]"), r#""1 %!d(MISSING)""#);
    assert_eq!(sprintf("%d", "[1, 2]"), r#""1%!(EXTRA int=2)""#);
    assert_eq!(
        sprintf("%.2f %v %e", "[1.005, 1.5, 1234.5]"),
        r#""1.00 1.5 1.234500e+03""#
    );
    assert_eq!(sprintf("%v", "[1234567.5]"), r#""1.2345675e+06""#);
    assert_eq!(sprintf("%q", r#"["a\"b\n"]"#), r#""\"a\\\"b\\n\"""#);
    assert_eq!(sprintf("%*d", "[1, 2]"), r#""2""#);
}

#[test]
fn md5_is_md5() {
    // RFC 1321, appendix A.5.
    assert_eq!(
        call("crypto.md5", r#"[""]"#),
        "\"d41d8cd98f00b204e9800998ecf8427e\""
    );
    assert_eq!(
        call("crypto.md5", r#"["message digest"]"#),
        "\"f96b697d7cb7938d525a2f31aaf161d0\""
    );
    let long = format!("[{:?}]", "1234567890".repeat(8));
    assert_eq!(call("crypto.md5", &long), "\"57edf4a22be3c955ac49da2e2107b67a\"");
}

#[test]
fn regular_expressions_are_gos() {
    let matches = |pattern: &str, text: &str| call("regex.match", &format!("[{pattern:?}, {text:?}]"));
    // Only ASCII digits; a bracket, and two ampersands, mean nothing in a class.
    assert_eq!(matches(r"^\d$", "\u{663}"), "false");
    assert_eq!(matches("^[[]$", "["), "true");
    assert_eq!(matches("^[a&&b]$", "&"), "true");
    assert_eq!(matches(r"^\Qa.b\E$", "a.b"), "true");
    assert_eq!(matches(r"^\Qa.b\E$", "axb"), "false");
    assert!(matches("(", "x").starts_with("error: error parsing regexp"));
}

#[test]
fn globs_respect_delimiters() {
    let matches = |pattern: &str, delimiters: &str, text: &str| {
        call("glob.match", &format!("[{pattern:?}, {delimiters}, {text:?}]"))
    };
    assert_eq!(matches("*.com", "[]", "a.b.com"), "false");
    assert_eq!(matches("**.com", "[]", "a.b.com"), "true");
    assert_eq!(matches("*.com", "null", "a.b.com"), "true");
    assert_eq!(matches("{a,[b-c]}/?", r#"["/"]"#, "c/x"), "true");
    assert_eq!(
        matches("[a", "null", "a"),
        "error: a bracket in a glob is not closed"
    );
}

#[test]
fn outputs_count_against_the_budget() {
    let small = Limits {
        memory: 1 << 20,
        ..Limits::default()
    };
    let limit = BuiltinError::Limit(crate::eval::LimitKind::Memory);
    assert_eq!(
        call_with(small, "numbers.range", "[1, 1000000]"),
        Err(limit.clone())
    );
    assert_eq!(
        call_with(small, "sprintf", r#"["%1000000d%1000000d", [1, 2]]"#),
        Err(limit)
    );
    assert!(call_with(small, "net.cidr_expand", r#"["::/0"]"#).is_err());
    assert_eq!(
        call_with(small, "numbers.range", "[1, 3]"),
        Ok(Value::array([1, 2, 3].map(Value::from)))
    );
}

#[test]
fn durations_and_times() {
    assert_eq!(
        call("time.parse_duration_ns", r#"["1h15m30.918s"]"#),
        "4530918000000"
    );
    assert_eq!(call("time.parse_duration_ns", r#"["-1.5h"]"#), "-5400000000000");
    assert!(call("time.parse_duration_ns", r#"["1"]"#).starts_with("error"));
    assert_eq!(
        call("time.parse_rfc3339_ns", r#"["2026-01-02T03:04:05.5+02:00"]"#),
        "1767315845500000000"
    );
    assert_eq!(
        call("time.add_date", "[1769817600000000000, 0, 1, 0]"),
        "1772496000000000000"
    );
    assert!(Number::parse(&call("time.add_date", "[0, 0, 0, 1]")).is_ok());
}
