//! Optimisation of the [IR](crate::ir): what both back ends gain from.
//!
//! Passes only move forward, one a file, in this order:
//!
//! | pass | what it does |
//! |---|---|
//! | [`guards`] | conditions that neighbouring bodies of a rule begin with are tested once, and if they fail none of the bodies runs |
//! | [`hoist`] | look-ups that do not depend on a loop move out of it, and if they fail the loop does not run |
//! | [`reuse`] | a look-up, a constant or a condition that was met before on the way is not met again |
//!
//! A pass changes nothing that a policy can say: values, undefined, errors, and whether there is an error. What it changes is how many
//! statements run, so limits may be reached later, and which statements those are. What reports statements one by one, a trace or
//! a coverage report, must not run optimised plans.
//!
//! Everything rests on locals that are set in one place only ([`Facts`]): what such a local holds where it can be read does not
//! change. After each pass the plan is verified; a pass that has broken it is left out.

mod facts;
mod guards;
mod hoist;
mod rename;
mod reuse;

#[cfg(test)]
mod tests;

use crate::ir::{self, Policy};
pub(crate) use facts::Facts;

/// A pass.
struct Pass {
    name: &'static str,
    run: fn(&mut Policy),
}

const PASSES: &[Pass] = &[
    Pass {
        name: "guards",
        run: guards::run,
    },
    Pass {
        name: "hoist",
        run: hoist::run,
    },
    Pass {
        name: "reuse",
        run: reuse::run,
    },
];

/// The optimised form of a policy. One that does not verify is left as it is.
#[must_use]
pub fn optimise(policy: &Policy) -> Policy {
    let mut best = policy.clone();
    if ir::verify(policy).is_err() {
        return best;
    }
    for pass in PASSES {
        let mut next = best.clone();
        (pass.run)(&mut next);
        let verified = ir::verify(&next);
        debug_assert!(verified.is_ok(), "{} breaks the plan: {verified:?}", pass.name);
        if verified.is_ok() {
            best = next;
        }
    }
    best
}

/// Changes the blocks of each plan and function, with what is known about its locals.
fn each(policy: &mut Policy, mut change: impl FnMut(&mut Vec<ir::Block>, &Facts)) {
    for plan in &mut policy.plans {
        let facts = Facts::new(&plan.blocks, &[ir::INPUT, ir::DATA], None);
        change(&mut plan.blocks, &facts);
    }
    for func in &mut policy.funcs {
        let facts = Facts::new(&func.blocks, &func.params, Some(func.return_));
        change(&mut func.blocks, &facts);
    }
}
