//! Round trips of generated policies and each error of the verifier and the text parser.

use proptest::prelude::*;

use super::text::{ParseErrorKind, parse, print};
use super::*;

const POLICY: &str = r#"
strings { s0 "result" s1 "p" s2 "g0" s3 "1.5" s4 "x y" }
builtins { "count" {"args":[{"type":"any"}],"result":{"type":"number"},"type":"function"} }
files { f0 "a.rego" }
plan "t/p" [{
  Call func="g0.data.t.p" args=[%0 %1] result=%2 @0:1:1
  MakeObject target=%3 @0:1:1
  ObjectInsert key=s0 value=%2 object=%3 @0:1:1
  ResultSetAdd value=%3 @0:1:1
}]
func "g0.data.t.p" path=["g0" "t" "p"] params=[%0 %1] return=%2 [{
  BODY
}{
  ReturnLocal source=%2 @0:3:1
}]
"#;

/// The policy above with `body` as the first block of its function.
fn policy(body: &str) -> Policy {
    parse(&POLICY.replace("BODY", body)).unwrap()
}

fn error(body: &str) -> VerifyErrorKind {
    verify(&policy(body)).unwrap_err().kind
}

#[test]
fn well_formed_policies_pass() {
    for body in [
        "",
        "AssignVar source=true target=%2 @0:2:1",
        "MakeArray capacity=0 target=%3 @0:2:1 ArrayAppend value=%3 array=%3 @0:2:1",
        "Scan source=%1 key=%3 value=%4 block={ AssignVar source=%4 target=%5 @0:2:1 Break index=0 @0:2:1 } @0:2:1",
        "Block blocks=[{ Block blocks=[{ Dot source=%1 key=s1 target=%3 @0:2:1 Break index=1 @0:2:1 }] @0:2:1 \
         Break index=1 @0:2:1 }] @0:2:1",
        "Not block={ Equal a=%0 b=%1 @0:2:1 } @0:2:1",
        "With local=%0 path=[1 4] value=true block={ Call func=\"count\" args=[%0] result=%3 @0:2:1 } @0:2:1 \
         AssignVarOnce source=%3 target=%2 @0:2:1",
        "MakeNumberRef index=3 target=%3 @0:2:1",
    ] {
        verify(&policy(body)).unwrap_or_else(|e| panic!("{body}: {e}"));
    }
}

#[test]
fn a_local_must_be_set_on_every_path() {
    let unset = VerifyErrorKind::UnsetLocal(3);
    assert_eq!(error("AssignVar source=%3 target=%2 @0:2:1"), unset);
    // Set in only one of two alternatives.
    let one = "Block blocks=[{ Dot source=%1 key=s1 target=%3 @0:2:1 }] @0:2:1 AssignVar source=%3 target=%2 @0:2:1";
    assert_eq!(error(one), unset);
    // Set in a scan that may have no element.
    let scan = "Scan source=%1 key=%4 value=%5 block={ AssignVar source=%5 target=%3 @0:2:1 } @0:2:1 \
                AssignVar source=%3 target=%2 @0:2:1";
    assert_eq!(error(scan), unset);
    // Set in a negation that was left before.
    let not =
        "Not block={ Dot source=%1 key=s1 target=%3 @0:2:1 } @0:2:1 AssignVar source=%3 target=%2 @0:2:1";
    assert_eq!(error(not), unset);
    // A reset counts: the local is then undefined on purpose.
    verify(&policy(
        "ResetLocal target=%3 @0:2:1 AssignVar source=%3 target=%2 @0:2:1",
    ))
    .unwrap();
}

#[test]
fn breaks_stay_inside_and_never_leave_a_scan() {
    assert_eq!(
        error("Break index=1 @0:2:1"),
        VerifyErrorKind::BreakDepth { blocks: 2, depth: 1 }
    );
    let scan = "Scan source=%1 key=%3 value=%4 block={ Break index=1 @0:2:1 } @0:2:1";
    assert_eq!(error(scan), VerifyErrorKind::BreakLeavesScan);
    // Also where it can't be reached.
    let dead = "Break index=0 @0:2:1 Break index=7 @0:2:1";
    assert_eq!(error(dead), VerifyErrorKind::BreakDepth { blocks: 8, depth: 1 });
    let dynamic = "CallDynamic args=[%0 %1] result=%3 path=[s2 s1] @0:2:1";
    assert_eq!(
        error(dynamic),
        VerifyErrorKind::BreakDepth { blocks: 3, depth: 1 }
    );
}

#[test]
fn names_indices_and_arities_are_checked() {
    assert_eq!(
        error("AssignVar source=s9 target=%2 @0:2:1"),
        VerifyErrorKind::StringIndex { index: 9, count: 5 }
    );
    assert_eq!(
        error("With local=%0 path=[5] value=true block={} @0:2:1"),
        VerifyErrorKind::StringIndex { index: 5, count: 5 }
    );
    assert_eq!(
        error("Nop @3:2:1"),
        VerifyErrorKind::FileIndex { index: 3, count: 1 }
    );
    assert_eq!(
        error("MakeNumberRef index=1 target=%3 @0:2:1"),
        VerifyErrorKind::NotANumber("p".to_owned())
    );
    assert_eq!(
        error("Call func=\"nope\" args=[] result=%3 @0:2:1"),
        VerifyErrorKind::UnknownFunction("nope".to_owned())
    );
    assert_eq!(
        error("Call func=\"count\" args=[%0 %1] result=%3 @0:2:1"),
        VerifyErrorKind::Arity {
            func: "count".to_owned(),
            arity: 1,
            args: 2
        }
    );
    assert_eq!(
        error("ResultSetAdd value=%0 @0:2:1"),
        VerifyErrorKind::ResultInFunction
    );
    assert_eq!(
        error("ResetLocal target=%99999999 @0:2:1"),
        VerifyErrorKind::TooManyLocals(99_999_999)
    );
}

#[test]
fn recursion_is_refused_by_name_and_by_path() {
    let names = ["g0.data.t.p".to_owned(), "g0.data.t.p".to_owned()];
    let by_name = "Call func=\"g0.data.t.p\" args=[%0 %1] result=%3 @0:2:1";
    assert_eq!(error(by_name), VerifyErrorKind::Recursion(names.to_vec()));
    let by_path = "AssignVar source=s1 target=%4 @0:2:1 Block blocks=[{ Block blocks=[{ \
                   CallDynamic args=[%0 %1] result=%3 path=[s2 %4 s1] @0:2:1 }] @0:2:1 }] @0:2:1";
    assert_eq!(error(by_path), VerifyErrorKind::Recursion(names.to_vec()));
}

#[test]
fn units_are_checked_as_a_whole() {
    let kind = |change: fn(&mut Policy)| {
        let mut policy = policy("");
        change(&mut policy);
        verify(&policy).unwrap_err().kind
    };
    let name = "g0.data.t.p".to_owned();
    assert_eq!(
        kind(|p| p.plans.push(p.plans[0].clone())),
        VerifyErrorKind::DuplicateName("t/p".to_owned())
    );
    assert_eq!(
        kind(|p| p.funcs.push(p.funcs[0].clone())),
        VerifyErrorKind::DuplicateName(name)
    );
    assert_eq!(
        kind(|p| p.funcs.push(Func {
            name: "q".to_owned(),
            ..p.funcs[0].clone()
        })),
        VerifyErrorKind::DuplicatePath(vec!["g0".to_owned(), "t".to_owned(), "p".to_owned()])
    );
    assert_eq!(
        kind(|p| p.funcs[0].params = vec![INPUT, INPUT]),
        VerifyErrorKind::Parameters
    );
    assert_eq!(
        kind(|p| p.funcs[0].blocks.truncate(1)),
        VerifyErrorKind::MissingReturn
    );
    assert_eq!(
        kind(|p| p.plans[0].blocks = p.funcs[0].blocks.clone()),
        VerifyErrorKind::ReturnInPlan
    );
    assert_eq!(
        kind(|p| p.static_.builtin_funcs[0].decl = serde_json::Value::Null),
        VerifyErrorKind::BuiltinDeclaration("count".to_owned())
    );
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let mut block = Block::default();
        for _ in 1..depth {
            let stmt = Stmt::new(StmtKind::Not { block }, Location::default());
            block = Block { stmts: vec![stmt] };
        }
        let mut policy = policy("");
        policy.plans[0].blocks = vec![block];
        policy
    };
    verify(&nested(MAX_NESTING)).unwrap();
    assert_eq!(
        verify(&nested(MAX_NESTING + 1)).unwrap_err().kind,
        VerifyErrorKind::Nesting
    );
    parse(&print(&nested(MAX_NESTING))).unwrap();
    let error = parse(&print(&nested(MAX_NESTING + 1))).unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::Depth { limit: MAX_NESTING });
}

#[test]
fn errors_say_where() {
    let error = verify(&policy("Call func=\"nope\" args=[] result=%3 @0:7:5")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "function `g0.data.t.p`, CallStmt at a.rego:7:5: there is no function or builtin `nope`"
    );
}

#[test]
fn text_errors_point_at_the_culprit() {
    let at = |text: &str| {
        let error = parse(text).unwrap_err();
        (error.line, error.column, error.kind.to_string())
    };
    let head = "strings {}\nbuiltins {}\nfiles {}\n";
    assert_eq!(
        at("string {}"),
        (1, 1, "expected `strings`, found `string`".to_owned())
    );
    assert_eq!(
        at(&format!("{head}plan \"p\" [{{\n  Jump index=1 @0:0:0 }}]")),
        (5, 3, "there is no statement `Jump`".to_owned())
    );
    assert_eq!(
        at(&format!("{head}plan \"p\" [{{ Break index=-1 @0:0:0 }}]")),
        (4, 25, "the number -1 is out of range".to_owned())
    );
    assert_eq!(
        at(&format!("{head}plan \"p\" [{{ Nop @0:0 }}]")),
        (
            4,
            17,
            "expected a location, `@FILE:ROW:COL` or `@FILE:ROW:COL-ROW:COL`, found `@0:0`".to_owned()
        )
    );
    assert_eq!(
        at(&format!("{head}plan \"p")),
        (4, 6, "invalid JSON: a string without its end".to_owned())
    );
    assert_eq!(at("strings { s1 \"x\" }").2, "expected the index 0, found 1");
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        any::<u32>().prop_map(|n| Operand::Local(Local(n))),
        any::<bool>().prop_map(Operand::Bool),
        any::<u32>().prop_map(|n| Operand::StringIndex(StringIndex(n))),
    ]
}

/// A statement without blocks, with any fields.
fn plain() -> impl Strategy<Value = StmtKind> {
    (
        0..30_u8,
        operand(),
        operand(),
        any::<[u32; 3]>(),
        any::<i64>(),
        ".*",
    )
        .prop_map(|(which, a, b, [x, y, z], value, func)| {
            let (lx, ly, lz) = (Local(x), Local(y), Local(z));
            match which {
                0 => StmtKind::ArrayAppend { value: a, array: lx },
                1 => StmtKind::AssignInt { value, target: lx },
                2 => StmtKind::AssignVarOnce {
                    source: a,
                    target: lx,
                },
                3 => StmtKind::AssignVar {
                    source: a,
                    target: lx,
                },
                4 => StmtKind::Break { index: x },
                5 => StmtKind::CallDynamic {
                    args: vec![lx, ly],
                    result: lz,
                    path: vec![a, b],
                },
                6 => StmtKind::Call {
                    func,
                    args: vec![a, b],
                    result: lx,
                },
                7 => StmtKind::Dot {
                    source: a,
                    key: b,
                    target: lx,
                },
                8 => StmtKind::Equal { a, b },
                9 => StmtKind::IsArray { source: a },
                10 => StmtKind::IsDefined { source: lx },
                11 => StmtKind::IsObject { source: a },
                12 => StmtKind::IsSet { source: a },
                13 => StmtKind::IsUndefined { source: lx },
                14 => StmtKind::Len {
                    source: a,
                    target: lx,
                },
                15 => StmtKind::MakeArray {
                    capacity: x,
                    target: ly,
                },
                16 => StmtKind::MakeNull { target: lx },
                17 => StmtKind::MakeNumberInt { value, target: lx },
                18 => StmtKind::MakeNumberRef { index: x, target: ly },
                19 => StmtKind::MakeObject { target: lx },
                20 => StmtKind::MakeSet { target: lx },
                21 => StmtKind::Nop {},
                22 => StmtKind::NotEqual { a, b },
                23 => StmtKind::ObjectInsertOnce {
                    key: a,
                    value: b,
                    object: lx,
                },
                24 => StmtKind::ObjectInsert {
                    key: a,
                    value: b,
                    object: lx,
                },
                25 => StmtKind::ObjectMerge {
                    a: lx,
                    b: ly,
                    target: lz,
                },
                26 => StmtKind::ResetLocal { target: lx },
                27 => StmtKind::ReturnLocal { source: lx },
                28 => StmtKind::SetAdd { value: a, set: lx },
                _ => StmtKind::ResultSetAdd { value: lx },
            }
        })
}

/// Any statement whose blocks come from `inner`.
fn kind(inner: impl Strategy<Value = Block> + Clone + 'static) -> impl Strategy<Value = StmtKind> {
    let scan = (any::<[u32; 3]>(), inner.clone()).prop_map(|([a, b, c], block)| StmtKind::Scan {
        source: Local(a),
        key: Local(b),
        value: Local(c),
        block,
    });
    let with = (any::<u32>(), any::<Vec<u32>>(), operand(), inner.clone()).prop_map(
        |(local, path, value, block)| StmtKind::With {
            local: Local(local),
            path,
            value,
            block,
        },
    );
    let not = inner.clone().prop_map(|block| StmtKind::Not { block });
    let block = prop::collection::vec(inner, 0..3).prop_map(|blocks| StmtKind::Block { blocks });
    prop_oneof![8 => plain(), 1 => scan, 1 => with, 1 => not, 1 => block]
}

fn block() -> impl Strategy<Value = Block> {
    let empty = Just(Block::default()).boxed();
    (0..4).fold(empty, |inner, _| {
        let stmt =
            (kind(inner), any::<[u32; 5]>()).prop_map(|(kind, [file, row, col, end_row, end_col])| Stmt {
                kind,
                location: Location {
                    file,
                    row,
                    col,
                    end_row,
                    end_col,
                },
            });
        prop::collection::vec(stmt, 0..4)
            .prop_map(|stmts| Block { stmts })
            .boxed()
    })
}

prop_compose! {
    fn any_policy()(
        strings in prop::collection::vec(".*", 0..4),
        files in prop::collection::vec(".*", 0..3),
        builtins in prop::collection::vec((".*", ".*"), 0..3),
        plans in prop::collection::vec((".*", prop::collection::vec(block(), 0..3)), 0..3),
        funcs in prop::collection::vec(
            (".*", prop::collection::vec(".*", 0..3), any::<Vec<u32>>(), any::<u32>(), prop::collection::vec(block(), 0..3)),
            0..3,
        ),
    ) -> Policy {
        Policy {
            static_: Static {
                strings,
                files,
                builtin_funcs: builtins
                    .into_iter()
                    .map(|(name, text)| BuiltinFunc { name, decl: serde_json::json!({"args": [], "x": text}) })
                    .collect(),
            },
            plans: plans.into_iter().map(|(name, blocks)| Plan { name, blocks }).collect(),
            funcs: funcs
                .into_iter()
                .map(|(name, path, params, return_, blocks)| Func {
                    name,
                    path,
                    params: params.into_iter().map(Local).collect(),
                    return_: Local(return_),
                    blocks,
                })
                .collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn text_round_trips(policy in any_policy()) {
        let text = print(&policy);
        prop_assert_eq!(parse(&text).map_err(|e| format!("{e}\n{text}")), Ok(policy));
    }

    #[test]
    fn json_round_trips(policy in any_policy()) {
        let json = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    }

    /// Any policy is either accepted or refused; none crashes the verifier.
    #[test]
    fn verify_is_total(policy in any_policy()) {
        let _ = verify(&policy);
    }

    /// Text that is nearly right gives an error, never a crash.
    #[test]
    fn parse_is_total(policy in any_policy(), at in any::<prop::sample::Index>(), with in ".?") {
        let text = print(&policy);
        let at = (0..=at.index(text.len() + 1).min(text.len())).rev().find(|n| text.is_char_boundary(*n)).unwrap();
        let _ = parse(&format!("{}{with}{}", &text[..at], &text[at..].chars().skip(1).collect::<String>()));
    }
}
