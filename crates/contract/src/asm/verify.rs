//! Follows the stack height through every basic block. Runs on every compilation, in release builds too.

use super::{AsmError, Item, Label};
use std::collections::BTreeMap;

/// The most words that a function may have on the stack. The EVM has 1,024 for all active functions together.
pub(crate) const MAX_HEIGHT: usize = 200;

/// Checks that heights agree at every label, nothing underflows, `DUP`/`SWAP` stay within the function's own words, every
/// return leaves exactly its result, no function's code runs into the next, and none has more than 200 words on the stack.
///
/// # Errors
/// The first violation found, with its item number.
pub fn verify(items: &[Item]) -> Result<(), AsmError> {
    let heights = declared(items)?;
    let mut state: Option<usize> = None;
    let mut returns = false;
    for (at, item) in items.iter().enumerate() {
        match item {
            Item::Entry { args, returns: r, .. } => {
                if state.is_some() {
                    return Err(AsmError::FallsOff { at });
                }
                returns = *r;
                state = Some(args.saturating_add(usize::from(*r)));
            }
            Item::Label(label, height) => {
                if let Some(got) = state.filter(|h| h != height) {
                    return Err(AsmError::Height {
                        at,
                        label: *label,
                        got,
                        expected: *height,
                    });
                }
                state = Some(*height);
            }
            Item::Mark(_) | Item::Undefined => {}
            _ => {
                if let Some(height) = state {
                    state = step(item, at, height, returns, &heights)?;
                }
            }
        }
        if let Some(height) = state.filter(|height| *height > MAX_HEIGHT) {
            return Err(AsmError::TooHigh { at, height });
        }
    }
    if state.is_some() {
        return Err(AsmError::FallsOff { at: items.len() });
    }
    Ok(())
}

fn declared(items: &[Item]) -> Result<BTreeMap<Label, usize>, AsmError> {
    let mut heights = BTreeMap::new();
    for item in items {
        if let Item::Label(label, height) = item
            && heights.insert(*label, *height).is_some()
        {
            return Err(AsmError::Twice(*label));
        }
    }
    Ok(heights)
}

/// The height after one item; `None` if control does not pass on.
fn step(
    item: &Item,
    at: usize,
    height: usize,
    returns: bool,
    heights: &BTreeMap<Label, usize>,
) -> Result<Option<usize>, AsmError> {
    let effect = |pops: usize, pushes: usize| {
        let left = height.checked_sub(pops).ok_or(AsmError::Underflow { at })?;
        Ok(left.saturating_add(pushes))
    };
    let target = |label: &Label, got: usize| {
        let expected = *heights.get(label).ok_or(AsmError::Undefined(*label))?;
        if expected == got {
            Ok(())
        } else {
            Err(AsmError::Height {
                at,
                label: *label,
                got,
                expected,
            })
        }
    };
    match item {
        Item::Op(op) => {
            let after = effect(op.pops(), op.pushes())?;
            Ok(if op.terminates() { None } else { Some(after) })
        }
        Item::Dup(n) => effect(usize::from(*n), usize::from(*n).saturating_add(1)).map(Some),
        Item::Swap(n) => {
            let reach = usize::from(*n).saturating_add(1);
            effect(reach, reach).map(Some)
        }
        Item::Push(_) | Item::PushLabel(_) => effect(0, 1).map(Some),
        Item::Jump(label) => target(label, height).map(|()| None),
        Item::JumpIf(label) | Item::JumpUnless(label) => {
            let after = effect(1, 0)?;
            target(label, after).map(|()| Some(after))
        }
        Item::Call { args, rets, .. } => effect(args.saturating_add(1), *rets).map(Some),
        Item::Ret { rets } => {
            let expected = rets.saturating_add(1);
            if height == expected && returns {
                Ok(None)
            } else {
                Err(AsmError::Return {
                    at,
                    got: height,
                    expected,
                })
            }
        }
        Item::Entry { .. } | Item::Label(..) | Item::Mark(_) | Item::Undefined => Ok(Some(height)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;
    use alloy_primitives::U256;

    fn entry(args: usize) -> Item {
        Item::Entry {
            label: Label(0),
            args,
            returns: true,
        }
    }

    #[test]
    fn accepts_a_function_that_returns_its_argument() {
        assert_eq!(verify(&[entry(1), Item::Swap(1), Item::Ret { rets: 1 }]), Ok(()));
    }

    #[test]
    fn rejects_functions_with_too_many_words_on_the_stack() {
        let items = |words: usize| {
            let mut items = vec![entry(0)];
            items.extend(std::iter::repeat_n(Item::Push(U256::ZERO), words));
            items.extend(std::iter::repeat_n(Item::Op(Op::Pop), words));
            items.push(Item::Ret { rets: 0 });
            items
        };
        // The return address is one.
        assert_eq!(verify(&items(MAX_HEIGHT - 1)), Ok(()));
        let (at, height) = (MAX_HEIGHT, MAX_HEIGHT + 1);
        assert_eq!(verify(&items(MAX_HEIGHT)), Err(AsmError::TooHigh { at, height }));
    }

    #[test]
    fn rejects_underflow_bad_returns_and_unequal_heights() {
        assert_eq!(
            verify(&[entry(0), Item::Op(Op::Add)]),
            Err(AsmError::Underflow { at: 1 })
        );
        assert!(matches!(
            verify(&[entry(1), Item::Ret { rets: 0 }]),
            Err(AsmError::Return { .. })
        ));
        let uneven = [
            entry(1),
            Item::JumpIf(Label(1)),
            Item::Push(U256::ZERO),
            Item::Label(Label(1), 1),
            Item::Ret { rets: 0 },
        ];
        assert!(matches!(
            verify(&uneven),
            Err(AsmError::Height {
                got: 2,
                expected: 1,
                ..
            })
        ));
        assert_eq!(verify(&[entry(0)]), Err(AsmError::FallsOff { at: 1 }));
        assert_eq!(
            verify(&[entry(0), Item::Dup(2)]),
            Err(AsmError::Underflow { at: 1 })
        );
    }
}
