//! Rewrites short runs of items into cheaper ones that do the same.

use super::{Item, Label};
use crate::op::Op;
use std::collections::BTreeMap;

/// Applies all rewritings. Heights at labels, and what stands on the stack there, stay as they are.
pub(crate) fn simplify(items: Vec<Item>) -> Vec<Item> {
    let mut out: Vec<Item> = Vec::with_capacity(items.len());
    for item in merge_labels(items) {
        out.push(item);
        while let Some((cut, with)) = shorter(&out) {
            out.truncate(out.len().saturating_sub(cut));
            out.extend(with);
        }
    }
    out
}

/// What the last items can be replaced by: their number, and the new ones.
fn shorter(out: &[Item]) -> Option<(usize, Vec<Item>)> {
    let commutative = |op: Op| matches!(op, Op::Add | Op::Mul | Op::And | Op::Or | Op::Xor | Op::Eq);
    Some(match out {
        // The variable on top is replaced by a word made from it.
        [.., Item::Dup(1), Item::Op(op), Item::Swap(1), Item::Op(Op::Pop)]
            if op.pops() == 1 && op.pushes() == 1 =>
        {
            (4, vec![Item::Op(*op)])
        }
        // The variable below the top is replaced by a word made from both.
        [.., Item::Dup(2), Item::Op(op), Item::Swap(1), Item::Op(Op::Pop)]
            if op.pops() == 2 && op.pushes() == 1 =>
        {
            let swap = (!commutative(*op)).then_some(Item::Swap(1));
            (4, swap.into_iter().chain([Item::Op(*op)]).collect())
        }
        [
            ..,
            Item::Dup(1),
            push @ (Item::Push(_) | Item::PushLabel(_)),
            Item::Op(op),
            Item::Swap(1),
            Item::Op(Op::Pop),
        ] if op.pops() == 2 && op.pushes() == 1 => (5, vec![push.clone(), Item::Op(*op)]),
        [
            ..,
            Item::Swap(1),
            Item::Op(Op::Pop),
            Item::Swap(1),
            Item::Op(Op::Pop),
        ] => (4, vec![Item::Swap(2), Item::Op(Op::Pop), Item::Op(Op::Pop)]),
        [.., Item::Swap(1), Item::Op(op)] if commutative(*op) => (2, vec![Item::Op(*op)]),
        [.., Item::Swap(a), Item::Swap(b)] if a == b => (2, Vec::new()),
        [.., Item::Dup(1), Item::Swap(1)] => (2, vec![Item::Dup(1)]),
        [.., Item::Push(_) | Item::Dup(_), Item::Op(Op::Pop)] => (2, Vec::new()),
        _ => return None,
    })
}

/// Labels at one place become one.
fn merge_labels(items: Vec<Item>) -> Vec<Item> {
    let mut same: BTreeMap<Label, Label> = BTreeMap::new();
    let mut out: Vec<Item> = Vec::with_capacity(items.len());
    let mut last: Option<Label> = None;
    for item in items {
        match (&item, last) {
            (Item::Label(label, _), Some(first)) => {
                same.insert(*label, first);
                continue;
            }
            (Item::Label(label, _), None) => last = Some(*label),
            (Item::Mark(_), _) => {}
            _ => last = None,
        }
        out.push(item);
    }
    for item in &mut out {
        if let Item::Jump(label) | Item::JumpIf(label) | Item::JumpUnless(label) = item
            && let Some(first) = same.get(label)
        {
            *label = *first;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    /// Runs items without jumps on a stack.
    fn run(items: &[Item], mut stack: Vec<U256>) -> Vec<U256> {
        for item in items {
            match item {
                Item::Push(word) => stack.push(*word),
                Item::Dup(n) => stack.push(stack[stack.len() - usize::from(*n)]),
                Item::Swap(n) => {
                    let top = stack.len() - 1;
                    stack.swap(top, top - usize::from(*n));
                }
                Item::Op(op) => {
                    let args: Vec<U256> = (0..op.pops()).map(|_| stack.pop().unwrap()).collect();
                    stack.extend(match op {
                        Op::Add => Some(args[0].wrapping_add(args[1])),
                        Op::Sub => Some(args[0].wrapping_sub(args[1])),
                        Op::Xor => Some(args[0] ^ args[1]),
                        Op::Lt => Some(U256::from(u64::from(args[0] < args[1]))),
                        Op::Not => Some(!args[0]),
                        Op::Pop => None,
                        other => panic!("{other:?}"),
                    });
                }
                Item::Mark(_) => {}
                other => panic!("{other:?}"),
            }
        }
        stack
    }

    /// Items that never reach below the five words they begin with.
    fn some_items(mut seed: u64) -> Vec<Item> {
        let mut next = |n: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        let mut height = 5_usize;
        let mut items = Vec::new();
        for _ in 0..20 {
            let item = match next(10) {
                0 | 1 => Item::Push(U256::from(next(3))),
                2 | 3 => Item::Dup(u8::try_from(next(2)).unwrap() + 1),
                4 | 5 => Item::Swap(u8::try_from(next(2)).unwrap() + 1),
                6 => Item::Op([Op::Add, Op::Sub, Op::Xor, Op::Lt][usize::try_from(next(4)).unwrap()]),
                7 => Item::Op(Op::Not),
                8 => Item::Mark(0),
                _ => Item::Op(Op::Pop),
            };
            if let Item::Op(op) = &item {
                if height < op.pops() + 2 {
                    continue;
                }
                height = height - op.pops() + op.pushes();
            } else if matches!(item, Item::Push(_) | Item::Dup(_)) {
                height += 1;
            } else if matches!(item, Item::Swap(n) if height <= usize::from(n)) {
                continue;
            }
            items.push(item);
        }
        items
    }

    #[test]
    fn shorter_runs_leave_the_same_words() {
        let stack: Vec<U256> = (10_u64..15).map(U256::from).collect();
        let mut shortened = 0;
        for seed in 0..20_000 {
            let items = some_items(seed);
            let simple = simplify(items.clone());
            assert_eq!(
                run(&simple, stack.clone()),
                run(&items, stack.clone()),
                "{items:?}"
            );
            assert!(simple.len() <= items.len());
            shortened += usize::from(simple.len() < items.len());
        }
        assert!(shortened > 10_000, "{shortened}");
    }

    #[test]
    fn what_is_shortened() {
        let five = || Item::Push(U256::from(5));
        let pop = || Item::Op(Op::Pop);
        let cases = [
            (
                vec![five(), Item::Dup(2), Item::Op(Op::Add), Item::Swap(1), pop()],
                vec![five(), Item::Op(Op::Add)],
            ),
            (
                vec![five(), Item::Dup(2), Item::Op(Op::Sub), Item::Swap(1), pop()],
                vec![five(), Item::Swap(1), Item::Op(Op::Sub)],
            ),
            (
                vec![Item::Dup(1), five(), Item::Op(Op::Shr), Item::Swap(1), pop()],
                vec![five(), Item::Op(Op::Shr)],
            ),
            (
                vec![Item::Dup(1), Item::Op(Op::Iszero), Item::Swap(1), pop()],
                vec![Item::Op(Op::Iszero)],
            ),
        ];
        for (items, expected) in cases {
            assert_eq!(simplify(items), expected);
        }
    }

    #[test]
    fn labels_at_one_place_become_one() {
        let items = vec![
            Item::Jump(Label(2)),
            Item::Label(Label(1), 3),
            Item::Mark(7),
            Item::Label(Label(2), 3),
            Item::Op(Op::Stop),
            Item::Label(Label(3), 3),
            Item::JumpIf(Label(3)),
        ];
        let expected = vec![
            Item::Jump(Label(1)),
            Item::Label(Label(1), 3),
            Item::Mark(7),
            Item::Op(Op::Stop),
            Item::Label(Label(3), 3),
            Item::JumpIf(Label(3)),
        ];
        assert_eq!(simplify(items), expected);
    }
}
