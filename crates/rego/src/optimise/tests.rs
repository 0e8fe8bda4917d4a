//! That passes fire, and what they leave alone.

use super::{PASSES, optimise};
use crate::compile::CompileOptions;
use crate::ir::{self, Local, Location, Operand, Policy, Stmt, StmtKind};
use crate::source::SourceFile;

/// The plan of `a/p`.
fn plan(rules: &str) -> Policy {
    let text = format!("package a\n{rules}");
    let module = crate::parse(&SourceFile::new("a.rego", text.as_str()));
    let module = module.unwrap_or_else(|errors| panic!("{}", errors[0].render(&text)));
    let entry_points = ["a/p".parse().unwrap()];
    let plan = crate::compile(&[module], &entry_points, &CompileOptions::default());
    plan.unwrap_or_else(|errors| panic!("{}", errors[0].render(&text)))
}

/// The functions as text, without places and path.
fn functions(policy: &Policy) -> String {
    let text = ir::text::print(policy);
    let at = text.find("func ").unwrap();
    let lines = text[at..].lines().map(|line| {
        let (line, comment) = line.split_once(" #").unwrap_or((line, ""));
        let line = line.split_once(" @").map_or(line, |(line, _)| line);
        let line = match line.split_once(" path=") {
            Some((func, _)) => &format!("{func} [{{"),
            None => line,
        };
        if comment.is_empty() {
            line.to_owned()
        } else {
            format!("{line} #{comment}")
        }
    });
    lines.collect::<Vec<String>>().join("\n")
}

/// What one pass makes of a plan.
fn after(name: &str, rules: &str) -> String {
    let mut policy = plan(rules);
    let pass = PASSES.iter().find(|pass| pass.name == name).unwrap();
    (pass.run)(&mut policy);
    ir::verify(&policy).unwrap();
    functions(&policy)
}

/// That a pass leaves a plan as it is.
fn leaves_alone(name: &str, rules: &str) {
    assert_eq!(after(name, rules), functions(&plan(rules)), "{rules}");
}

#[test]
fn guards_that_bodies_share_are_tested_once() {
    let text = after(
        "guards",
        r#"
        p contains 1 if { input.kind == "Pod"; input.spec.x }
        p contains 2 if { input.kind == "Pod"; input.spec.y }
        p contains 3 if { input.kind == "Pod"; input.z }
        "#,
    );
    insta::assert_snapshot!(text);
}

#[test]
fn lookups_leave_loops() {
    let text = after(
        "hoist",
        r"
        p if {
            some role in data.users[input.user].roles
            some perm in data.roles[role].permissions
            perm.action == input.action
            perm.resource == input.resource
        }
        ",
    );
    insta::assert_snapshot!(text);
}

#[test]
fn lookups_and_conditions_are_made_once() {
    let text = after(
        "reuse",
        r#"
        p if {
            input.a.b == 1
            input.a.c == 1
            not q(input.a.b)
            startswith(input.a.d, "x")
            startswith(input.a.d, "x")
        }
        q(x) if x == 2
        "#,
    );
    insta::assert_snapshot!(text);
}

#[test]
fn passes_follow_one_another() {
    let rules = r#"
        p contains c.name if {
            input.kind == "Pod"
            some c in input.spec.containers
            c.image == input.spec.image
        }
        p contains c.name if {
            input.kind == "Pod"
            some c in input.spec.containers
            c.size == input.spec.size
        }
        "#;
    insta::assert_snapshot!(functions(&optimise(&plan(rules))));
}

#[test]
fn what_is_not_the_same_stays() {
    // Different conditions.
    leaves_alone("guards", "p if input.a == 1\np if input.b == 1");
    // Bodies that are looked up.
    let bodies: Vec<String> = (0..8).map(|n| format!("p if input.x == {n}")).collect();
    leaves_alone("guards", &bodies.join("\n"));
    // What depends on the element.
    leaves_alone("hoist", "p if { some x in input.list; x.a == 1 }");
    // What comes after something that may fail.
    leaves_alone(
        "hoist",
        "p contains x if { some x in input.list; q(x); input.b == 1 }\nq(x) if x > 1",
    );
    // Documents that are replaced.
    leaves_alone(
        "reuse",
        "p if { q with input.a as 1; q with input.a as 2 }\nq if input.a == 1",
    );
    // Look-ups below different conditions.
    leaves_alone("reuse", "p if { not input.a == 1; not input.a == 2 }");
}

/// A local that is set in two places holds different things.
#[test]
fn locals_set_twice_are_left_alone() {
    let text = r#"
        strings { s0 "a" s1 "b" }
        builtins {}
        files { f0 "a.rego" }
        plan "a/p" [{
          Dot source=%0 key=s0 target=%2 @0:1:1
          Dot source=%0 key=s1 target=%2 @0:1:1
          Dot source=%0 key=s0 target=%3 @0:1:1
          ResultSetAdd value=%3 @0:1:1
          ResultSetAdd value=%2 @0:1:1
          Scan source=%3 key=%4 value=%2 block={
            Dot source=%0 key=s1 target=%5 @0:1:1
            ResultSetAdd value=%5 @0:1:1
          } @0:1:1
        }]
    "#;
    let policy = ir::text::parse(text).unwrap();
    ir::verify(&policy).unwrap();
    assert_eq!(ir::text::print(&optimise(&policy)), ir::text::print(&policy));
}

/// Bodies that begin with as many look-ups and conditions as `shared` says, each of them with one end of its own.
fn bodies(shared: &[u32]) -> Policy {
    let mut policy = plan("p if input.x");
    let mut fresh = 2_u32;
    let func = policy.funcs.first_mut().unwrap();
    func.return_ = Local(fresh);
    func.blocks.clear();
    for (own, count) in (0_i64..).zip(shared) {
        let mut kinds = Vec::new();
        for number in (0..i64::from(*count)).chain([-1 - own]) {
            fresh += 2;
            let (value, found) = (Local(fresh), Local(fresh + 1));
            kinds.push(StmtKind::MakeNumberInt {
                value: number,
                target: value,
            });
            kinds.push(StmtKind::Dot {
                source: Operand::Local(ir::INPUT),
                key: Operand::Local(value),
                target: found,
            });
        }
        let stmts = kinds.into_iter().map(|kind| Stmt::new(kind, Location::default()));
        func.blocks.push(ir::Block {
            stmts: stmts.collect(),
        });
    }
    let give = StmtKind::ReturnLocal { source: func.return_ };
    let stmts = vec![Stmt::new(give, Location::default())];
    func.blocks.push(ir::Block { stmts });
    ir::verify(&policy).unwrap();
    policy
}

fn statements(blocks: &[ir::Block]) -> usize {
    let stmts = blocks.iter().flat_map(|block| &block.stmts);
    stmts.map(|stmt| 1 + statements(stmt.kind.nested())).sum()
}

#[test]
fn a_long_beginning_is_shared_too() {
    let policy = bodies(&[10_000, 10_000]);
    let before = statements(&policy.funcs[0].blocks);
    let after = statements(&optimise(&policy).funcs[0].blocks);
    // One block more, and all of the beginning less.
    assert_eq!(after, before + 1 - 20_000);
}

#[test]
fn bodies_that_share_ever_more_are_not_nested_without_end() {
    // `optimise` leaves a pass out that makes more blocks than may be nested.
    let policy = bodies(&(1..200).collect::<Vec<u32>>());
    let before = statements(&policy.funcs[0].blocks);
    assert!(statements(&optimise(&policy).funcs[0].blocks) < before);
}
