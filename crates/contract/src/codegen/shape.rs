//! Forms of functions and conditions that have cheaper code.

use crate::lir::{Expr, Frame, Func, Stmt, Var, walk_exprs};
use crate::op::Op;
use alloy_primitives::U256;

/// The expression at the end of a function whose result is read and set nowhere else, and what stands before it.
pub(super) fn tail_value(func: &Func) -> Option<(&[Stmt], &Expr)> {
    let result = func.result().filter(|_| func.frame == Frame::Stack)?;
    let (Stmt::Set(var, value), before) = func.body.split_last()? else {
        return None;
    };
    let mut other = *var != result || leaves_or_sets(before, result);
    walk_exprs(&func.body, &mut |e| {
        other |= matches!(e, Expr::Var(v) | Expr::Tee(v, _) if *v == result);
    });
    (!other).then_some((before, value))
}

/// A comparison with a constant that holds where the given one does not: saves the `ISZERO` before a jump.
pub(super) fn opposite(cond: &Expr) -> Option<Expr> {
    let Expr::Op(op @ (Op::Lt | Op::Gt), args) = cond else {
        return None;
    };
    let [a, b] = args.as_slice() else { return None };
    let one = U256::from(1);
    // x < c is the opposite of x > c - 1, x > c that of x < c + 1, and so on.
    let (other, a, b) = match (op, a, b) {
        (Op::Lt, x, Expr::Const(c)) => (Op::Gt, x.clone(), Expr::Const(c.checked_sub(one)?)),
        (Op::Gt, x, Expr::Const(c)) => (Op::Lt, x.clone(), Expr::Const(c.checked_add(one)?)),
        (Op::Lt, Expr::Const(c), x) => (Op::Gt, Expr::Const(c.checked_add(one)?), x.clone()),
        (Op::Gt, Expr::Const(c), x) => (Op::Lt, Expr::Const(c.checked_sub(one)?), x.clone()),
        _ => return None,
    };
    Some(Expr::Op(other, vec![a, b]))
}

fn leaves_or_sets(body: &[Stmt], var: Var) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Leave => true,
        Stmt::Set(v, _) => *v == var,
        Stmt::If(_, a, b) => leaves_or_sets(a, var) || leaves_or_sets(b, var),
        Stmt::While(_, _, a) | Stmt::Block(_, a) => leaves_or_sets(a, var),
        Stmt::Let(..) | Stmt::Do(_) | Stmt::Break(_) | Stmt::Continue(_) | Stmt::At(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(cond: &Expr, x: U256) -> bool {
        let Expr::Op(op, args) = cond else {
            panic!("{cond:?}")
        };
        let word = |e: &Expr| if let Expr::Const(word) = e { *word } else { x };
        match op {
            Op::Lt => word(&args[0]) < word(&args[1]),
            Op::Gt => word(&args[0]) > word(&args[1]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn opposites_hold_where_the_comparison_does_not() {
        let edges = [
            U256::ZERO,
            U256::from(1),
            U256::from(2),
            U256::MAX - U256::from(1),
            U256::MAX,
        ];
        for op in [Op::Lt, Op::Gt] {
            for c in edges {
                for args in [
                    vec![Expr::Var(Var(0)), Expr::Const(c)],
                    vec![Expr::Const(c), Expr::Var(Var(0))],
                ] {
                    let cond = Expr::Op(op, args);
                    // A comparison that is never true has no opposite of this form.
                    let Some(other) = opposite(&cond) else {
                        assert!(c.is_zero() || c == U256::MAX, "{cond:?}");
                        continue;
                    };
                    for x in edges {
                        assert_eq!(holds(&cond, x), !holds(&other, x), "{cond:?} at {x}");
                    }
                }
            }
        }
    }
}
