//! Small plans made by hand.
#![allow(unreachable_pub, reason = "test module")]

use stele_rego::ir::{
    Block, DATA, Func, INPUT, Local, Location, Operand, Plan, Policy, Static, Stmt, StmtKind, StringIndex,
};

/// A statement on the given line of file 0.
pub fn stmt(row: u32, kind: StmtKind) -> Stmt {
    let location = Location {
        row,
        col: 1,
        ..Location::default()
    };
    Stmt::new(kind, location)
}

/// A string constant.
pub const fn text(index: u32) -> Operand {
    Operand::StringIndex(StringIndex(index))
}

/// A block of statements on line 1.
pub fn block(kinds: Vec<StmtKind>) -> Block {
    Block {
        stmts: kinds.into_iter().map(|kind| stmt(1, kind)).collect(),
    }
}

/// A policy with the string constants and plans given.
pub fn policy(strings: &[&str], plans: Vec<Plan>, funcs: Vec<Func>) -> Policy {
    Policy {
        static_: Static {
            strings: strings.iter().map(|s| (*s).to_owned()).collect(),
            files: vec!["policy.rego".to_owned()],
            ..Static::default()
        },
        plans,
        funcs,
    }
}

/// An entry point whose result is what `body` leaves in local 2. String constant 0 must be "result".
pub fn entry(name: &str, mut body: Vec<Stmt>) -> Plan {
    let (value, object) = (Local(2), Local(3));
    body.push(stmt(90, StmtKind::MakeObject { target: object }));
    body.push(stmt(
        91,
        StmtKind::ObjectInsert {
            key: Operand::StringIndex(StringIndex(0)),
            value: Operand::Local(value),
            object,
        },
    ));
    body.push(stmt(92, StmtKind::ResultSetAdd { value: object }));
    Plan {
        name: name.to_owned(),
        blocks: vec![Block { stmts: body }],
    }
}

/// `result := builtin(input[0], input[1], ...)` at the entry point `eval`.
pub fn builtin(name: &str, arity: u32) -> Policy {
    partly_literal(name, &vec![None; usize::try_from(arity).unwrap()])
}

/// The same with some arguments that are literal texts; the others are taken from the array `input`, each at its own place.
pub fn partly_literal(name: &str, literals: &[Option<&str>]) -> Policy {
    let mut body = Vec::new();
    let mut args = Vec::new();
    let mut strings = vec!["result"];
    for (i, literal) in (0_u32..).zip(literals) {
        if let Some(text) = literal {
            let index = u32::try_from(strings.len()).unwrap();
            strings.push(text);
            args.push(Operand::StringIndex(StringIndex(index)));
            continue;
        }
        let (index, arg) = (Local(10 + i), Local(20 + i));
        body.push(stmt(
            1,
            StmtKind::MakeNumberInt {
                value: i64::from(i),
                target: index,
            },
        ));
        body.push(stmt(
            2,
            StmtKind::Dot {
                source: Operand::Local(INPUT),
                key: Operand::Local(index),
                target: arg,
            },
        ));
        args.push(Operand::Local(arg));
    }
    body.push(stmt(
        3,
        StmtKind::Call {
            func: name.to_owned(),
            args,
            result: Local(2),
        },
    ));
    policy(&strings, vec![entry("eval", body)], Vec::new())
}

/// `result := input` at the entry point `eval`.
pub fn identity() -> Policy {
    let copy = StmtKind::AssignVar {
        source: Operand::Local(INPUT),
        target: Local(2),
    };
    policy(&["result"], vec![entry("eval", vec![stmt(1, copy)])], Vec::new())
}

/// `result := data.RULE` for a rule without arguments.
pub fn rule(name: &str, blocks: Vec<Block>) -> (Plan, Func) {
    let call = StmtKind::Call {
        func: format!("g0.data.{name}"),
        args: vec![Operand::Local(INPUT), Operand::Local(DATA)],
        result: Local(2),
    };
    let func = Func {
        name: format!("g0.data.{name}"),
        path: std::iter::once("g0")
            .chain(name.split('.'))
            .map(str::to_owned)
            .collect(),
        params: vec![INPUT, DATA],
        return_: Local(2),
        blocks,
    };
    (entry(&name.replace('.', "/"), vec![stmt(1, call)]), func)
}
